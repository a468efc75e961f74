/*
 * test_rbtree.c - the red-black tree: order and balance after every change.
 */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "kernel/rbtree.h"

#define N 600

struct item {
    int key;
    bool in;
    struct rb_node node;
};

static struct item items[N];
static struct rb_root root;

static struct item *item_of(const struct rb_node *node)
{
    return (struct item *)((char *)node - offsetof(struct item, node));
}

/* The number of black nodes on every way down; fails if two differ, or red follows red. */
static int black_height(const struct rb_node *node, const struct rb_node *parent)
{
    if (!node)
        return 0;
    assert_ptr_equal(node->parent, parent);
    if (node->red)
        assert_false((node->left && node->left->red) || (node->right && node->right->red));
    int left = black_height(node->left, node), right = black_height(node->right, node);
    assert_int_equal(left, right);
    return left + !node->red;
}

static void check(void)
{
    int seen = 0, expected = 0, last = -1;

    assert_false(root.node && root.node->red);
    black_height(root.node, NULL);
    for (struct rb_node *n = rb_first(&root); n; n = rb_next(n), seen++) {
        assert_true(item_of(n)->key > last);
        last = item_of(n)->key;
    }
    for (int i = 0; i < N; i++)
        expected += items[i].in;
    assert_int_equal(seen, expected);
}

static void insert(int key)
{
    struct rb_node *prev = NULL;

    for (struct rb_node *n = root.node; n;) {
        if (item_of(n)->key < key) {
            prev = n;
            n = n->right;
        } else {
            n = n->left;
        }
    }
    items[key].key = key;
    items[key].in = true;
    rb_insert_after(&root, prev, &items[key].node);
}

static void erase(int key)
{
    rb_erase(&root, &items[key].node);
    items[key].in = false;
}

static int setup(void **state)
{
    root.node = NULL;
    for (int i = 0; i < N; i++)
        items[i].in = false;
    return 0;
}

static int depth(const struct rb_node *node)
{
    if (!node)
        return 0;
    int left = depth(node->left), right = depth(node->right);
    return 1 + (left > right ? left : right);
}

TEST("ascending, descending and zigzag insertion keep the tree in order and at most twice log n deep")
{
    for (int order = 0; order < 3; order++) {
        setup(NULL);
        for (int i = 0; i < N; i++) {
            insert(order == 0 ? i : order == 1 ? N - 1 - i : i % 2 ? N / 2 + i / 2 : N / 2 - 1 - i / 2);
            check();
        }
        assert_true(depth(root.node) <= 20); /* 2 * log2(601) = 18.5 */
    }
}

TEST("removal from either end, and of the root, leaves a tree as good")
{
    for (int i = 0; i < N; i++)
        insert(i);
    for (int i = 0; i < N; i++) {
        erase(i % 3 == 0   ? item_of(rb_first(&root))->key
              : i % 3 == 1 ? item_of(root.node)->key
                           : ({
                                 struct rb_node *n = root.node;
                                 while (n->right)
                                     n = n->right;
                                 item_of(n)->key;
                             }));
        check();
    }
    assert_null(root.node);
}

TEST("ten thousand random insertions and removals never break it")
{
    srand(7);
    for (int i = 0; i < 10000; i++) {
        int key = rand() % N;
        if (items[key].in)
            erase(key);
        else
            insert(key);
        if (i % 16 == 0)
            check();
    }
    check();
}

TEST_FIXTURE(setup, NULL)
