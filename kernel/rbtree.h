/*
 * rbtree.h - red-black trees: ordered, with insertion, removal and look-up in O(log n) whatever the order a
 * stranger chooses.
 *
 * The node lives inside the object, as with list.h; rb_entry() leads back. The tree knows no keys: its user
 * looks the place up, by going left and right from root->node, and inserts behind the object found there.
 */
#ifndef KERNEL_RBTREE_H
#define KERNEL_RBTREE_H

#include "kernel/list.h"

struct rb_node {
    struct rb_node *parent, *left, *right;
    bool red;
};

struct rb_root {
    struct rb_node *node; /* NULL: empty */
};

#define rb_entry(ptr, type, member) container_of(ptr, type, member)

/* Right behind `prev` in the order; NULL: in front of all. */
void rb_insert_after(struct rb_root *root, struct rb_node *prev, struct rb_node *node);
void rb_erase(struct rb_root *root, struct rb_node *node);

/* In order; NULL at the end. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);

#endif
