/*
 * softirq.c - deferred work, between the interrupt handler that asks for it and the main loop that
 * does it.
 *
 * Handlers raise, so every edit of a list is done with interrupts off; actions run with them on.
 */
#include "kernel/softirq.h"

#include "kernel/irq.h"

static struct list_head pending[NR_SOFTIRQS] = {
    LIST_HEAD_INIT(pending[TIMER_SOFTIRQ]),
    LIST_HEAD_INIT(pending[NET_TX_SOFTIRQ]),
    LIST_HEAD_INIT(pending[NET_RX_SOFTIRQ]),
    LIST_HEAD_INIT(pending[TTY_SOFTIRQ]),
};

void open_softirq(struct softirq *s, enum softirq_nr nr, void (*action)(struct softirq *self))
{
    INIT_LIST_HEAD(&s->list);
    s->nr = nr;
    s->action = action;
}

void close_softirq(struct softirq *s)
{
    unsigned long flags = local_irq_save();
    list_del_init(&s->list);
    local_irq_restore(flags);
}

void raise_softirq(struct softirq *s)
{
    unsigned long flags = local_irq_save();
    if (list_empty(&s->list))
        list_add_tail(&s->list, &pending[s->nr]);
    local_irq_restore(flags);
}

bool softirq_pending(void)
{
    for (unsigned nr = 0; nr < NR_SOFTIRQS; nr++)
        if (READ_ONCE(pending[nr].next) != &pending[nr])
            return true;
    return false;
}

/* The first of `round` whose turn it is, off the list; NULL when none is left. */
static struct softirq *take_first(struct list_head *round)
{
    struct softirq *s = NULL;
    unsigned long flags = local_irq_save();
    if (!list_empty(round)) {
        s = list_first_entry(round, struct softirq, list);
        list_del_init(&s->list);
    }
    local_irq_restore(flags);
    return s;
}

void do_softirq(void)
{
    struct list_head round = LIST_HEAD_INIT(round);
    struct softirq *s;
    if (!softirq_pending())
        return;

    unsigned long flags = local_irq_save();
    for (unsigned nr = 0; nr < NR_SOFTIRQS; nr++)
        list_splice_tail_init(&pending[nr], &round);
    local_irq_restore(flags);
    while ((s = take_first(&round)))
        s->action(s);
}
