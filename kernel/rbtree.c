/*
 * rbtree.c - red-black trees, after Guibas and Sedgewick (1978) in the form of Cormen et al., chapter 13.
 *
 * What holds before and after each call: a red node has no red child, and every way from the root to a place
 * without a node passes the same number of black ones. So no way is longer than twice the shortest.
 */
#include "kernel/rbtree.h"

static bool is_red(const struct rb_node *node)
{
    return node && node->red;
}

static struct rb_node *leftmost(struct rb_node *node)
{
    while (node && node->left)
        node = node->left;
    return node;
}

/* The pointer that holds `node`, or would hold it. */
static void replace_child(struct rb_root *root, struct rb_node *parent, struct rb_node *old,
                          struct rb_node *node)
{
    if (!parent)
        root->node = node;
    else if (parent->left == old)
        parent->left = node;
    else
        parent->right = node;
}

/*
 *        node              right
 *       /    \            /     \
 *      a    right   ->  node     c      and the mirror image
 *           /   \      /    \
 *          b     c    a      b
 */
static void rotate_left(struct rb_root *root, struct rb_node *node)
{
    struct rb_node *right = node->right;

    node->right = right->left;
    if (right->left)
        right->left->parent = node;
    right->parent = node->parent;
    replace_child(root, node->parent, node, right);
    right->left = node;
    node->parent = right;
}

static void rotate_right(struct rb_root *root, struct rb_node *node)
{
    struct rb_node *left = node->left;

    node->left = left->right;
    if (left->right)
        left->right->parent = node;
    left->parent = node->parent;
    replace_child(root, node->parent, node, left);
    left->right = node;
    node->parent = left;
}

/* --- insertion --- */

/* A red node below a red parent: recolour upwards, or end it by one or two rotations. */
static void insert_fix(struct rb_root *root, struct rb_node *node)
{
    while (is_red(node->parent)) {
        struct rb_node *parent = node->parent, *grand = parent->parent;
        bool left = parent == grand->left;
        struct rb_node *uncle = left ? grand->right : grand->left;

        if (is_red(uncle)) {
            parent->red = uncle->red = false;
            grand->red = true;
            node = grand;
            continue;
        }
        if (node == (left ? parent->right : parent->left)) { /* an inner grandchild goes outside first */
            if (left)
                rotate_left(root, parent);
            else
                rotate_right(root, parent);
            parent = node;
        }
        parent->red = false;
        grand->red = true;
        if (left)
            rotate_right(root, grand);
        else
            rotate_left(root, grand);
        break;
    }
    root->node->red = false;
}

void rb_insert_after(struct rb_root *root, struct rb_node *prev, struct rb_node *node)
{
    struct rb_node *next = leftmost(prev ? prev->right : root->node);

    *node = (struct rb_node){.parent = next ? next : prev, .red = true};
    if (next)
        next->left = node;
    else if (prev)
        prev->right = node;
    else
        root->node = node;
    insert_fix(root, node);
}

/* --- removal --- */

/* The sibling is black and has a red child: one or two rotations give this side its black node back. */
static void erase_borrow(struct rb_root *root, struct rb_node *parent, struct rb_node *sibling, bool left)
{
    struct rb_node *outer = left ? sibling->right : sibling->left;

    if (!is_red(outer)) {
        struct rb_node *inner = left ? sibling->left : sibling->right;
        inner->red = false;
        sibling->red = true;
        if (left)
            rotate_right(root, sibling);
        else
            rotate_left(root, sibling);
        outer = sibling;
        sibling = inner;
    }
    sibling->red = parent->red;
    parent->red = outer->red = false;
    if (left)
        rotate_left(root, parent);
    else
        rotate_right(root, parent);
}

/* The ways through `node` (NULL: a place without one, below `parent`) have one black node too few. */
static void erase_fix(struct rb_root *root, struct rb_node *node, struct rb_node *parent)
{
    while (parent && !is_red(node)) {
        bool left = node == parent->left;
        struct rb_node *sibling = left ? parent->right : parent->left;

        if (sibling->red) { /* make it black: its children are */
            sibling->red = false;
            parent->red = true;
            if (left)
                rotate_left(root, parent);
            else
                rotate_right(root, parent);
            sibling = left ? parent->right : parent->left;
        }
        if (is_red(sibling->left) || is_red(sibling->right)) {
            erase_borrow(root, parent, sibling, left);
            return;
        }
        sibling->red = true; /* the whole of this part has one too few now */
        node = parent;
        parent = node->parent;
    }
    if (node)
        node->red = false;
}

/* `next` takes the place and colour of `node`, whose successor it is. */
static void take_place(struct rb_root *root, struct rb_node *node, struct rb_node *next)
{
    next->parent = node->parent;
    next->left = node->left;
    next->right = node->right;
    next->red = node->red;
    replace_child(root, node->parent, node, next);
    if (next->left)
        next->left->parent = next;
    if (next->right)
        next->right->parent = next;
}

void rb_erase(struct rb_root *root, struct rb_node *node)
{
    /* Only a node with at most one child can leave: else its successor does, and takes its place. */
    struct rb_node *leaves = node->left && node->right ? leftmost(node->right) : node;
    struct rb_node *child = leaves->left ? leaves->left : leaves->right;
    struct rb_node *parent = leaves->parent;
    bool was_red = leaves->red;

    if (child)
        child->parent = parent;
    replace_child(root, parent, leaves, child);
    if (leaves != node) {
        take_place(root, node, leaves);
        if (parent == node)
            parent = leaves;
    }
    if (!was_red)
        erase_fix(root, child, parent);
}

/* --- order --- */

struct rb_node *rb_first(const struct rb_root *root)
{
    return leftmost(root->node);
}

struct rb_node *rb_next(const struct rb_node *node)
{
    if (node->right)
        return leftmost(node->right);
    while (node->parent && node == node->parent->right)
        node = node->parent;
    return node->parent;
}
