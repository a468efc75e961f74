/*
 * qdisc.c - between dev_queue_xmit() and the card: the queue's own clockwork, whatever the discipline.
 *
 * dev_enqueue() is the way of a packet that cannot go straight to the card, qdisc_run() the way of those that
 * waited: from dev_enqueue() itself, from a driver that has room again, from NET_TX_SOFTIRQ. The fifo at the
 * end is what a device is born with.
 */
#include "net/core/qdisc.h"

#include <errno.h>
#include <stdio.h>

#include "kernel/panic.h"
#include "kernel/slab.h"
#include "net/core/gso.h"
#include "net/core/netdevice.h"

#define QDISC_RUN_QUOTA 64 /* packets in one go; the rest goes in the next NET_TX_SOFTIRQ */

uint32_t qdisc_wire_len(const struct sk_buff *skb)
{
    return unlikely(skb_shinfo(skb)->gso_size) ? gso_wire_len(skb) : skb->len;
}

void qdisc_drop(struct sk_buff *skb, struct Qdisc *q, enum skb_drop_reason reason)
{
    q->qstats.drops++;
    q->dev->stats.tx_dropped++;
    skb->dev = NULL; /* counted: on the way out, whatever the reason */
    kfree_skb_reason(skb, reason);
}

/* --- the clockwork --- */

static void qdisc_update_waits(struct net_device *dev)
{
    const struct Qdisc *q = dev->qdisc;

    dev->qdisc_waits = q->qstats.qlen || dev->requeued || !(q->ops->flags & TCQ_F_CAN_BYPASS);
}

void qdisc_requeue(struct sk_buff *skb, struct net_device *dev)
{
    ASSERT(!dev->requeued);
    dev->qdisc->qstats.requeues++;
    dev->requeued = skb;
    dev->qdisc_waits = true;
}

static struct sk_buff *qdisc_take(struct net_device *dev, bool *seen)
{
    struct sk_buff *skb = dev->requeued;

    *seen = skb != NULL;
    if (likely(!skb))
        return dev->qdisc->ops->dequeue(dev->qdisc);
    dev->requeued = NULL;
    return skb;
}

void qdisc_run(struct net_device *dev)
{
    unsigned quota = QDISC_RUN_QUOTA;
    struct sk_buff *skb;
    bool seen;

    while (!dev->queue_stopped && !dev->bql_stopped && (skb = qdisc_take(dev, &seen))) {
        dev_hard_start_xmit(skb, dev, seen);
        if (unlikely(!--quota)) {
            netif_schedule(dev);
            break;
        }
    }
    qdisc_update_waits(dev);
}

void netif_schedule(struct net_device *dev)
{
    netif_tx_kick_later(dev);
}

int dev_enqueue(struct sk_buff *skb, struct net_device *dev)
{
    struct Qdisc *q = dev->qdisc;

    qdisc_skb_cb(skb)->pkt_len = qdisc_wire_len(skb);
    int err = q->ops->enqueue(skb, q);
    dev->qdisc_waits = true;
    if (!dev->xmit_active)
        qdisc_run(dev);
    return err;
}

void dev_drop_queued(struct net_device *dev, enum skb_drop_reason reason)
{
    struct Qdisc *q = dev->qdisc;

    if (dev->requeued) {
        qdisc_drop(dev->requeued, q, reason);
        dev->requeued = NULL;
    }
    q->reset_reason = reason;
    q->ops->reset(q);
    ASSERT(!q->qstats.qlen && !q->qstats.backlog);
    qdisc_update_waits(dev);
}

/* --- coming and going --- */

static void qdisc_setup(struct Qdisc *q, struct net_device *dev, const struct Qdisc_ops *ops)
{
    q->ops = ops;
    q->dev = dev;
    q->reset_reason = SKB_DROP_REASON_QDISC_DROP;
    skb_queue_head_init(&q->fifo);
}

struct Qdisc *qdisc_alloc(struct net_device *dev, const struct Qdisc_ops *ops)
{
    struct Qdisc *q = kzalloc(sizeof(*q) + ops->priv_size);

    if (q)
        qdisc_setup(q, dev, ops);
    return q;
}

void qdisc_free(struct Qdisc *q)
{
    q->ops->reset(q);
    if (q->ops->destroy)
        q->ops->destroy(q);
    kfree(q);
}

static void dev_read_counters(struct net_device *dev)
{
    if (dev->netdev_ops && dev->netdev_ops->ndo_update_stats)
        dev->netdev_ops->ndo_update_stats(dev);
}

void dev_set_qdisc(struct net_device *dev, struct Qdisc *q)
{
    struct Qdisc *old = dev->qdisc;

    q = q ? q : dev->qdisc_born;
    if (q == old)
        return;
    dev_drop_queued(dev, SKB_DROP_REASON_QDISC_DROP);
    dev->qdisc = q;
    dev_read_counters(dev);
    q->tx_packets_base = dev->stats.tx_packets;
    q->tx_bytes_base = dev->stats.tx_bytes;
    qdisc_update_waits(dev);
    if (old != dev->qdisc_born)
        qdisc_free(old);
}

void qdisc_sent(const struct Qdisc *q, uint64_t *packets, uint64_t *bytes)
{
    dev_read_counters(q->dev);
    *packets = q->dev->stats.tx_packets - q->tx_packets_base;
    *bytes = q->dev->stats.tx_bytes - q->tx_bytes_base;
}

/* --- the fifo a device is born with: needs no memory, drops at tx_queue_len --- */

static int born_enqueue(struct sk_buff *skb, struct Qdisc *q)
{
    if (q->qstats.qlen + (q->dev->requeued != NULL) >= q->dev->tx_queue_len) {
        qdisc_drop(skb, q, SKB_DROP_REASON_DEV_XMIT_FULL);
        return -ENOBUFS;
    }
    return qdisc_fifo_enqueue(skb, q);
}

int qdisc_fifo_enqueue(struct sk_buff *skb, struct Qdisc *q)
{
    qdisc_count_in(q, skb);
    skb_queue_tail(&q->fifo, skb);
    return 0;
}

struct sk_buff *qdisc_fifo_dequeue(struct Qdisc *q)
{
    struct sk_buff *skb = skb_dequeue(&q->fifo);

    if (skb)
        qdisc_count_out(q, skb);
    return skb;
}

struct sk_buff *qdisc_fifo_peek(struct Qdisc *q)
{
    return skb_peek(&q->fifo);
}

void qdisc_fifo_reset(struct Qdisc *q)
{
    struct sk_buff *skb;

    while ((skb = qdisc_fifo_dequeue(q)))
        qdisc_drop(skb, q, q->reset_reason);
}

struct sk_buff *qdisc_peek_held(struct Qdisc *q)
{
    if (!q->held) {
        q->held = q->ops->dequeue(q);
        if (q->held)
            qdisc_count_in(q, q->held); /* it is still here */
    }
    return q->held;
}

static void born_dump(struct Qdisc *q, char *buf, size_t size)
{
    snprintf(buf, size, "limit %up", q->dev->tx_queue_len);
}

static const struct Qdisc_ops born_ops = {
    .id = "pfifo",
    .flags = TCQ_F_CAN_BYPASS,
    .enqueue = born_enqueue,
    .dequeue = qdisc_fifo_dequeue,
    .peek = qdisc_fifo_peek,
    .reset = qdisc_fifo_reset,
    .dump = born_dump,
};

void qdisc_init_born(struct net_device *dev)
{
    qdisc_setup(dev->qdisc_born, dev, &born_ops);
    dev->qdisc = dev->qdisc_born;
}
