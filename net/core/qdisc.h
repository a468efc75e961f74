/*
 * qdisc.h - queueing disciplines: who of the waiting packets is sent next, and who is not sent at all.
 *
 *     dev_queue_xmit() --nothing waits, the discipline allows it-------------------> ndo_start_xmit()
 *          |                                                                              ^
 *          v                                                                              |
 *     qdisc->enqueue()   ...   qdisc_run(): qdisc->dequeue() while the card has room -----+
 *
 * A card has one discipline, dev->qdisc. It starts with the fifo below, which lives in the net_device and so
 * needs no memory; net/sched puts others in its place (dev_set_qdisc). A device that has no queue of its own
 * (loopback, VLAN, bridge) is IFF_NO_QUEUE: its packets never wait, and its discipline is not asked.
 *
 * What the card has refused (NETDEV_TX_BUSY) stands in front of the discipline in dev->requeued, since a
 * discipline gives a packet away only once.
 */
#ifndef NET_CORE_QDISC_H
#define NET_CORE_QDISC_H

#include "kernel/time.h"
#include "net/core/napi.h"
#include "net/core/skbuff.h"

struct Qdisc;
struct net_device;

/* An empty discipline of this kind may be passed by: what it would do with one packet is to send it. */
#define TCQ_F_CAN_BYPASS 1u

/* Where a setting says what is wrong with it. */
struct qdisc_why {
    char text[192];
};

/* "rate=10mbit,burst=32k": cut at the commas by whoever reads it. */
struct Qdisc_ops {
    const char *id;
    size_t priv_size; /* bytes behind struct Qdisc, zeroed */
    unsigned flags;

    /* Takes skb, whose qdisc_skb_cb is filled in: 0, or -ENOBUFS if it was dropped. Counts qlen, backlog and
     * drops. */
    int (*enqueue)(struct sk_buff *skb, struct Qdisc *q);
    /* The next packet to send, owned by the caller; NULL: none, or none yet (the discipline then wakes the
     * device by itself). */
    struct sk_buff *(*dequeue)(struct Qdisc *q);
    /* What dequeue would give if it gave anything; it stays. */
    struct sk_buff *(*peek)(struct Qdisc *q);
    /* From options ("" or "key=value,key=value"): 0 or -E... with a sentence in `why`. */
    int (*init)(struct Qdisc *q, const char *options, struct qdisc_why *why);
    /* The same on a discipline that is at work: all options or none; NULL: cannot. */
    int (*change)(struct Qdisc *q, const char *options, struct qdisc_why *why);
    void (*reset)(struct Qdisc *q);   /* drops everything that waits (reset_reason), as if new */
    void (*destroy)(struct Qdisc *q); /* after reset, also after a failed init; may be NULL */
    void (*dump)(struct Qdisc *q, char *buf, size_t size);       /* its options as tc prints them */
    void (*dump_stats)(struct Qdisc *q, char *buf, size_t size); /* its own figures; may be NULL */
};

struct gnet_stats_queue { /* without what stands in dev->requeued */
    uint32_t qlen;        /* packets; a train counts as one */
    uint32_t backlog;     /* bytes */
    uint64_t drops, overlimits, requeues;
};

struct Qdisc {
    const struct Qdisc_ops *ops;
    struct net_device *dev;
    struct gnet_stats_queue qstats;
    struct sk_buff *held;     /* peeked at: the next to be dequeued, for kinds that decide only then */
    struct sk_buff_head fifo; /* of the kinds that have one queue */
    uint32_t limit;           /* packets or bytes, as the kind has it */
    enum skb_drop_reason reset_reason;
    /* What the card had sent when this became its discipline: the difference is what went through here. */
    uint64_t tx_packets_base, tx_bytes_base;
};

static inline void *qdisc_priv(struct Qdisc *q)
{
    return q + 1;
}

/* What a waiting packet carries in skb->cb; `data` is the discipline's. */
struct qdisc_skb_cb {
    uint32_t pkt_len; /* bytes on the wire: a train's headers as often as they will be sent */
    uint64_t data[4];
};
_Static_assert(sizeof(struct qdisc_skb_cb) <= SKB_CB_SIZE, "fits the packet's scratch");

static inline struct qdisc_skb_cb *qdisc_skb_cb(const struct sk_buff *skb)
{
    return (struct qdisc_skb_cb *)skb->cb;
}

static inline uint32_t qdisc_pkt_len(const struct sk_buff *skb)
{
    return qdisc_skb_cb(skb)->pkt_len;
}

/* Bytes of a frame on the wire; of a train, with the headers each segment gets. */
uint32_t qdisc_wire_len(const struct sk_buff *skb);

/* For disciplines: a packet comes (skb still in hand), goes to the card, is dropped (takes skb). */
static inline void qdisc_count_in(struct Qdisc *q, const struct sk_buff *skb)
{
    q->qstats.qlen++;
    q->qstats.backlog += qdisc_pkt_len(skb);
}

static inline void qdisc_count_out(struct Qdisc *q, const struct sk_buff *skb)
{
    q->qstats.qlen--;
    q->qstats.backlog -= qdisc_pkt_len(skb);
}

void qdisc_drop(struct sk_buff *skb, struct Qdisc *q, enum skb_drop_reason reason);

/* One queue, for the kinds that have no more. */
int qdisc_fifo_enqueue(struct sk_buff *skb, struct Qdisc *q);
struct sk_buff *qdisc_fifo_dequeue(struct Qdisc *q);
struct sk_buff *qdisc_fifo_peek(struct Qdisc *q);
void qdisc_fifo_reset(struct Qdisc *q);

/* ops->peek for kinds that cannot tell without dequeuing: the packet is held; their dequeue gives q->held
 * first. */
struct sk_buff *qdisc_peek_held(struct Qdisc *q);
static inline struct sk_buff *qdisc_take_held(struct Qdisc *q)
{
    struct sk_buff *skb = q->held;

    if (unlikely(skb)) {
        q->held = NULL;
        qdisc_count_out(q, skb);
    }
    return skb;
}

/* The fifo every device starts with: "pfifo" of tx_queue_len packets. */
void qdisc_init_born(struct net_device *dev);

/* A discipline with its private part, linked to dev, not at work yet; NULL without memory. */
struct Qdisc *__must_check qdisc_alloc(struct net_device *dev, const struct Qdisc_ops *ops);
/* Resets, destroys, frees. Not for dev->qdisc. */
void qdisc_free(struct Qdisc *q);

/**
 * dev_set_qdisc - put another discipline to work
 * @q: from qdisc_alloc() and initialised (taken); NULL: the fifo the device was born with
 * The one before is freed with all that waits in it.
 */
void dev_set_qdisc(struct net_device *dev, struct Qdisc *q);

/* Packets sent since dev_set_qdisc(), by the device's own counters. */
void qdisc_sent(const struct Qdisc *q, uint64_t *packets, uint64_t *bytes);

/* Sends what waits while the card has room. */
void qdisc_run(struct net_device *dev);
/* From a discipline's timer: qdisc_run() in the next NET_TX_SOFTIRQ. */
void netif_schedule(struct net_device *dev);
/* Everything that waits is dropped: the device goes down, or its discipline changes. */
void dev_drop_queued(struct net_device *dev, enum skb_drop_reason reason);

/* --- between dev.c and qdisc.c --- */

/* Waits its turn. Takes skb. 0 or -ENOBUFS. */
int dev_enqueue(struct sk_buff *skb, struct net_device *dev);
/* The card refused it (taken): it is the first to go when there is room. */
void qdisc_requeue(struct sk_buff *skb, struct net_device *dev);
/* Taps and ndo_start_xmit(); requeued if that is busy. Takes skb. seen: taps know it already. */
void dev_hard_start_xmit(struct sk_buff *skb, struct net_device *dev, bool seen);

#endif
