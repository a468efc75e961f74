/*
 * wait.c - waking those who wait, and waiting.
 */
#include "kernel/wait.h"

#include "kernel/task.h"
#include "kernel/timer.h"

void wake_up(struct wait_queue_head *wq, uint32_t key)
{
    struct list_head round = LIST_HEAD_INIT(round);
    if (likely(list_empty(&wq->head)))
        return;
    /* Each goes back to the queue before it is called, so it may remove itself or any other. */
    list_splice_tail_init(&wq->head, &round);
    while (!list_empty(&round)) {
        struct wait_queue_entry *e = list_first_entry(&round, struct wait_queue_entry, entry);
        list_move_tail(&e->entry, &wq->head);
        e->func(e, key);
    }
}

struct task_waiter {
    struct wait_queue_entry wait;
    struct timer timeout;
    struct task *task;
};

static void waiter_woken(struct wait_queue_entry *self, uint32_t key)
{
    struct task_waiter *waiter = container_of(self, struct task_waiter, wait);
    remove_wait_queue(self);
    task_wake(waiter->task);
}

static void waiter_timed_out(struct timer *self)
{
    task_wake(container_of(self, struct task_waiter, timeout)->task);
}

bool wait_on(struct wait_queue_head *wq, uint64_t deadline_ms)
{
    struct task_waiter waiter = {.task = current_task(), .wait.func = waiter_woken};
    if (!waiter.task || (deadline_ms != WAIT_FOREVER && ktime_get_ms() >= deadline_ms))
        return false;

    timer_setup(&waiter.timeout, waiter_timed_out);
    if (deadline_ms != WAIT_FOREVER)
        mod_timer(&waiter.timeout, deadline_ms);
    add_wait_queue(wq, &waiter.wait);
    task_block();
    remove_wait_queue(&waiter.wait);
    del_timer(&waiter.timeout);
    return deadline_ms == WAIT_FOREVER || ktime_get_ms() < deadline_ms;
}
