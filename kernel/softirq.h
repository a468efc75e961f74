/*
 * softirq.h - work that an interrupt handler (or anyone) puts off to the main loop.
 *
 * The main loop (kernel/task.c) runs pending softirqs in the order of their numbers, with
 * interrupts on, between tasks; nothing preempts one. A softirq that raises itself runs again in
 * the next round, after the tasks that became ready had their turn.
 */
#ifndef KERNEL_SOFTIRQ_H
#define KERNEL_SOFTIRQ_H

#include "kernel/list.h"

enum softirq_nr { TIMER_SOFTIRQ, NET_TX_SOFTIRQ, NET_RX_SOFTIRQ, TTY_SOFTIRQ, NR_SOFTIRQS };

/* One source of deferred work. Embedded by its owner; several may share a number (one stack each, say). */
struct softirq {
    struct list_head list;
    enum softirq_nr nr;
    void (*action)(struct softirq *self);
};

void open_softirq(struct softirq *s, enum softirq_nr nr, void (*action)(struct softirq *self));
void close_softirq(struct softirq *s); /* a pending run is forgotten */
void raise_softirq(struct softirq *s); /* also from an interrupt handler; raising twice is raising once */

bool softirq_pending(void);
void do_softirq(void); /* runs each source pending at the call once */

#endif
