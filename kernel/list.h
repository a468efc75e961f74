/*
 * list.h - doubly linked lists (list_head: circular, with a head) and hash chains
 * (hlist_head: one pointer wide, for large tables).
 *
 * The node lives inside the object; list_entry() leads back to it. A node that is on no list
 * points to itself (list_head) or has pprev == NULL (hlist_node).
 */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include "kernel/types.h"

struct list_head {
    struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)                                                                                 \
    {                                                                                                        \
        &(name), &(name)                                                                                     \
    }

static inline void INIT_LIST_HEAD(struct list_head *list)
{
    list->next = list->prev = list;
}

static inline bool list_empty(const struct list_head *head)
{
    return head->next == head;
}

static inline void list_insert_between(struct list_head *node, struct list_head *prev, struct list_head *next)
{
    node->next = next;
    node->prev = prev;
    prev->next = node;
    next->prev = node;
}

/* At the front: the next one to be found. */
static inline void list_add(struct list_head *node, struct list_head *head)
{
    list_insert_between(node, head, head->next);
}

/* At the back: the last one to be found. */
static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
    list_insert_between(node, head->prev, head);
}

/* Takes the node off its list and leaves it pointing to itself; harmless on a node that is on none. */
static inline void list_del_init(struct list_head *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    INIT_LIST_HEAD(node);
}

static inline void list_move_tail(struct list_head *node, struct list_head *head)
{
    list_del_init(node);
    list_add_tail(node, head);
}

/* Moves all of `list` to the back of `head`; `list` is empty afterwards. */
static inline void list_splice_tail_init(struct list_head *list, struct list_head *head)
{
    if (list_empty(list))
        return;
    list->next->prev = head->prev;
    head->prev->next = list->next;
    list->prev->next = head;
    head->prev = list->prev;
    INIT_LIST_HEAD(list);
}

#define list_entry(ptr, type, member)        container_of(ptr, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member)  list_entry((head)->prev, type, member)

#define list_for_each_entry(pos, head, member)                                                               \
    for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head);                   \
         pos = list_entry(pos->member.next, __typeof__(*pos), member))

/* The same, when the body may take `pos` (only `pos`) off the list. */
#define list_for_each_entry_safe(pos, n, head, member)                                                       \
    for (pos = list_entry((head)->next, __typeof__(*pos), member),                                           \
        n = list_entry(pos->member.next, __typeof__(*pos), member);                                          \
         &pos->member != (head); pos = n, n = list_entry(n->member.next, __typeof__(*n), member))

struct hlist_node {
    struct hlist_node *next, **pprev;
};

struct hlist_head {
    struct hlist_node *first;
};

static inline bool hlist_unhashed(const struct hlist_node *node)
{
    return !node->pprev;
}

static inline void hlist_add_head(struct hlist_node *node, struct hlist_head *head)
{
    node->next = head->first;
    if (node->next)
        node->next->pprev = &node->next;
    head->first = node;
    node->pprev = &head->first;
}

static inline void hlist_del_init(struct hlist_node *node)
{
    if (hlist_unhashed(node))
        return;
    *node->pprev = node->next;
    if (node->next)
        node->next->pprev = node->pprev;
    node->next = NULL;
    node->pprev = NULL;
}

#define hlist_entry_safe(ptr, type, member)                                                                  \
    ({                                                                                                       \
        __typeof__(ptr) hlist_ptr_ = (ptr);                                                                  \
        hlist_ptr_ ? container_of(hlist_ptr_, type, member) : NULL;                                          \
    })

#define hlist_for_each_entry(pos, head, member)                                                              \
    for (pos = hlist_entry_safe((head)->first, __typeof__(*pos), member); pos;                               \
         pos = hlist_entry_safe(pos->member.next, __typeof__(*pos), member))

/* The same, when the body may take `pos` off; `n` is a struct hlist_node *. */
#define hlist_for_each_entry_safe(pos, n, head, member)                                                      \
    for (pos = hlist_entry_safe((head)->first, __typeof__(*pos), member); pos && ({                          \
                                                                              n = pos->member.next;          \
                                                                              1;                             \
                                                                          });                                \
         pos = hlist_entry_safe(n, __typeof__(*pos), member))

#endif
