/*
 * wait.h - wait queues: whoever waits for something hangs an entry on the queue of that something.
 *
 * An entry is either a sleeping task (wait_event*, below) or a callback (poll, epoll).
 */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include "kernel/list.h"

struct task;

struct wait_queue_head {
    struct list_head head;
};

struct wait_queue_entry {
    struct list_head entry;
    /* Called by wake_up() with the waker's key: POLLIN and the like, or 0 for "anything". May remove itself.
     */
    void (*func)(struct wait_queue_entry *self, uint32_t key);
    void *private;
};

static inline void init_waitqueue_head(struct wait_queue_head *wq)
{
    INIT_LIST_HEAD(&wq->head);
}

static inline bool waitqueue_active(const struct wait_queue_head *wq)
{
    return !list_empty(&wq->head);
}

static inline void add_wait_queue(struct wait_queue_head *wq, struct wait_queue_entry *entry)
{
    list_add_tail(&entry->entry, &wq->head);
}

static inline void remove_wait_queue(struct wait_queue_entry *entry)
{
    list_del_init(&entry->entry);
}

/* Calls every entry on the queue once. */
void wake_up(struct wait_queue_head *wq, uint32_t key);

#define WAIT_FOREVER UINT64_MAX

/*
 * Sleeps on wq until woken or until ktime_get_ms() reaches `deadline_ms`; may return early.
 * Return: false once the deadline has passed. Without a current task (interrupt, softirq, or a
 * caller outside the machine on the hosted build) it returns false at once.
 */
bool wait_on(struct wait_queue_head *wq, uint64_t deadline_ms);

/* Sleeps until `condition` holds. Value: true if it does, false if the deadline came first. */
#define wait_event_until(wq, condition, deadline_ms)                                                         \
    ({                                                                                                       \
        bool wait_met_;                                                                                      \
        while (!(wait_met_ = (condition)))                                                                   \
            if (!wait_on(wq, deadline_ms)) {                                                                 \
                wait_met_ = (condition);                                                                     \
                break;                                                                                       \
            }                                                                                                \
        wait_met_;                                                                                           \
    })

#endif
