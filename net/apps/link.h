/*
 * link.h - a ring of elements for programs: insertion and removal without a search.
 *
 * An element embeds a struct link; the ring's head is one too. An unlinked element points to itself.
 */
#ifndef NET_APPS_LINK_H
#define NET_APPS_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next, *prev;
};

#define link_entry(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

static inline void link_init(struct link *l)
{
    l->next = l->prev = l;
}

static inline bool link_alone(const struct link *l)
{
    return l->next == l;
}

static inline void link_remove(struct link *l)
{
    l->next->prev = l->prev;
    l->prev->next = l->next;
    link_init(l);
}

/* Last in the ring of `head`; `l` must be unlinked. */
static inline void link_append(struct link *head, struct link *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

static inline void link_move_last(struct link *head, struct link *l)
{
    l->next->prev = l->prev;
    l->prev->next = l->next;
    link_append(head, l);
}

/* The oldest element, NULL if there is none. */
static inline struct link *link_first(const struct link *head)
{
    return link_alone(head) ? NULL : head->next;
}

#endif
