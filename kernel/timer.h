/*
 * timer.h - call a function at a millisecond to come (a hierarchical timer wheel, kernel/timer.c).
 *
 * Functions run in softirq context from the main loop, never early. A timer is embedded in its
 * owner, who must del_timer() it before freeing it. A timer function may re-arm or free its own
 * timer.
 */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "kernel/list.h"
#include "kernel/time.h"

struct timer {
    struct hlist_node node; /* slot of the wheel; unhashed when not pending */
    uint64_t expires_ms;    /* on ktime_get_ms() */
    void (*function)(struct timer *self);
};

void timer_setup(struct timer *timer, void (*function)(struct timer *self));

/* (Re-)arms; at or before now means: in the next round of the main loop. Return: true if it was pending. */
bool mod_timer(struct timer *timer, uint64_t expires_ms);

static inline bool timer_pending(const struct timer *timer)
{
    return !hlist_unhashed(&timer->node);
}

void del_pending_timer(struct timer *timer);

/* Return: true if it was pending. Harmless on a timer that is not, and next to free then: most are not when
 * their owner goes. */
static inline bool del_timer(struct timer *timer)
{
    bool pending = timer_pending(timer);

    if (pending)
        del_pending_timer(timer);
    return pending;
}

/* For the main loop: runs what is due and says whether there was any; the earliest expiry (a lower bound),
 * UINT64_MAX without timers. */
bool run_timers(void);
uint64_t timer_next_ms(void);

#endif
