/*
 * completion.c - buffers that a handler of an interrupt is done with.
 *
 * A handler may run in the middle of anything, so it frees nothing: allocator, sockets and routes would be
 * changed under whoever it interrupted. dev_kfree_skb_irq() puts the buffer on softnet's completion queue,
 * which net_tx_action() empties.
 */
#include "kernel/irq.h"
#include "net/core/netdevice.h"

struct completion_cb {
    enum skb_drop_reason reason;
};

static struct completion_cb *completion_cb(struct sk_buff *skb)
{
    return (struct completion_cb *)skb->cb;
}

static void completion_free(struct sk_buff *skb, enum skb_drop_reason reason)
{
    if (reason == SKB_NOT_DROPPED_YET)
        consume_skb(skb);
    else
        kfree_skb_reason(skb, reason);
}

void dev_kfree_skb_irq(struct sk_buff *skb, enum skb_drop_reason reason)
{
    struct softnet_data *sd = &skb->net->softnet;
    unsigned long flags;

    completion_cb(skb)->reason = reason;
    skb->dev = NULL; /* may be gone by then: a driver counts its drops itself */
    flags = local_irq_save();
    skb->next = sd->completion_queue;
    sd->completion_queue = skb;
    local_irq_restore(flags);
    raise_softirq(&sd->tx_softirq);
}

void dev_kfree_skb_any(struct sk_buff *skb, enum skb_drop_reason reason)
{
    if (in_hardirq())
        dev_kfree_skb_irq(skb, reason);
    else
        completion_free(skb, reason);
}

void net_free_completions(struct softnet_data *sd)
{
    unsigned long flags = local_irq_save();
    struct sk_buff *skb = sd->completion_queue;

    sd->completion_queue = NULL;
    local_irq_restore(flags);
    while (skb) {
        struct sk_buff *next = skb->next;

        skb->next = NULL;
        completion_free(skb, completion_cb(skb)->reason);
        skb = next;
    }
}
