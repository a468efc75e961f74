/*
 * sch_fifo.c - queues without cleverness: pfifo_fast (three bands), pfifo (packets), bfifo (bytes).
 *
 * pfifo_fast sends from band 0 as long as there is anything, then from band 1, then from band 2. The band
 * comes from skb->priority (SO_PRIORITY) or, where nobody set one, from the packet's TOS.
 */
#include <errno.h>
#include <stdio.h>

#include "net/core/gso.h"
#include "net/sched/sched.h"

#define BANDS         3
#define LIMIT_MAX     1000000u
#define BFIFO_DEFAULT 1000u /* frames of full size */

#define TOS_LOW_DELAY       0x10 /* RFC 1349 */
#define TOS_HIGH_THROUGHPUT 0x08
#define TOS_PRECEDENCE      0xe0
#define TOS_INTERNETCONTROL 0xc0 /* RFC 791: routing protocols; CS6 of RFC 2474 */
#define DSCP_EF             0xb8 /* expedited forwarding, RFC 3246 */
#define TOS_ECN_MASK        0x03

/* --- pfifo_fast --- */

struct pfifo_fast {
    struct sk_buff_head band[BANDS];
};

/* The table of tc-prio(8). */
static const uint8_t band_of_priority[16] = {1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};

static unsigned band_of_tos(uint8_t tos)
{
    if ((tos & ~TOS_ECN_MASK) == DSCP_EF || (tos & TOS_PRECEDENCE) >= TOS_INTERNETCONTROL)
        return 0;
    switch (tos & (TOS_LOW_DELAY | TOS_HIGH_THROUGHPUT)) {
    case TOS_LOW_DELAY:
        return 0;
    case TOS_HIGH_THROUGHPUT:
        return 2;
    }
    return 1;
}

static unsigned pfifo_fast_band(struct sk_buff *skb)
{
    unsigned ip;

    if (skb->priority)
        return band_of_priority[skb->priority % ARRAY_SIZE(band_of_priority)];
    ip = sched_find_ipv4(skb);
    return ip ? band_of_tos(skb->data[ip + WIRE_IP_TOS]) : 1;
}

static int pfifo_fast_enqueue(struct sk_buff *skb, struct Qdisc *q)
{
    struct pfifo_fast *p = qdisc_priv(q);
    struct sk_buff_head *band = &p->band[pfifo_fast_band(skb)];

    /* Each band has its own limit: bulk cannot keep what is urgent from getting in. */
    if (band->qlen >= q->dev->tx_queue_len) {
        qdisc_drop(skb, q, SKB_DROP_REASON_QDISC_DROP);
        return -ENOBUFS;
    }
    qdisc_count_in(q, skb);
    skb_queue_tail(band, skb);
    return 0;
}

static struct sk_buff_head *pfifo_fast_first(struct Qdisc *q)
{
    struct pfifo_fast *p = qdisc_priv(q);

    for (unsigned i = 0; i < BANDS; i++) {
        if (!skb_queue_empty(&p->band[i]))
            return &p->band[i];
    }
    return NULL;
}

static struct sk_buff *pfifo_fast_dequeue(struct Qdisc *q)
{
    struct sk_buff_head *band = pfifo_fast_first(q);

    if (!band)
        return NULL;
    struct sk_buff *skb = skb_dequeue(band);
    qdisc_count_out(q, skb);
    return skb;
}

static struct sk_buff *pfifo_fast_peek(struct Qdisc *q)
{
    struct sk_buff_head *band = pfifo_fast_first(q);

    return band ? skb_peek(band) : NULL;
}

static int pfifo_fast_init(struct Qdisc *q, const char *options, struct qdisc_why *why)
{
    struct pfifo_fast *p = qdisc_priv(q);

    for (unsigned i = 0; i < BANDS; i++)
        skb_queue_head_init(&p->band[i]);
    if (!*options)
        return 0;
    snprintf(why->text, sizeof(why->text),
             "pfifo_fast takes no options; its bands hold tx_queue_len packets each");
    return -EINVAL;
}

static void pfifo_fast_reset(struct Qdisc *q)
{
    struct sk_buff *skb;

    while ((skb = pfifo_fast_dequeue(q)))
        qdisc_drop(skb, q, q->reset_reason);
}

static void pfifo_fast_dump(struct Qdisc *q, char *buf, size_t size)
{
    snprintf(buf, size, "bands %d limit %up", BANDS, q->dev->tx_queue_len);
}

static void pfifo_fast_dump_stats(struct Qdisc *q, char *buf, size_t size)
{
    const struct pfifo_fast *p = qdisc_priv(q);

    snprintf(buf, size, "waiting in bands %u %u %u", p->band[0].qlen, p->band[1].qlen, p->band[2].qlen);
}

const struct Qdisc_ops pfifo_fast_ops = {
    .id = "pfifo_fast",
    .priv_size = sizeof(struct pfifo_fast),
    .flags = TCQ_F_CAN_BYPASS,
    .enqueue = pfifo_fast_enqueue,
    .dequeue = pfifo_fast_dequeue,
    .peek = pfifo_fast_peek,
    .init = pfifo_fast_init,
    .reset = pfifo_fast_reset,
    .dump = pfifo_fast_dump,
    .dump_stats = pfifo_fast_dump_stats,
};

/* --- pfifo, bfifo --- */

static int fifo_change(struct Qdisc *q, const char *options, struct qdisc_why *why)
{
    bool bytes = q->ops == &bfifo_ops;
    uint64_t limit = q->limit;
    const struct qdisc_option table[] = {
        {"limit", bytes ? OPTION_SIZE : OPTION_NUMBER, &limit, 1, bytes ? UINT32_MAX : LIMIT_MAX},
        {NULL, OPTION_NUMBER, NULL, 0, 0},
    };
    int err = qdisc_parse_options(q->ops->id, options, table, why);

    if (!err)
        q->limit = (uint32_t)limit;
    return err;
}

static int fifo_init(struct Qdisc *q, const char *options, struct qdisc_why *why)
{
    q->limit = q->dev->tx_queue_len;
    if (q->ops == &bfifo_ops)
        q->limit = BFIFO_DEFAULT * (q->dev->mtu + q->dev->hard_header_len);
    return fifo_change(q, options, why);
}

static int pfifo_enqueue(struct sk_buff *skb, struct Qdisc *q)
{
    if (likely(q->qstats.qlen < q->limit))
        return qdisc_fifo_enqueue(skb, q);
    qdisc_drop(skb, q, SKB_DROP_REASON_QDISC_DROP);
    return -ENOBUFS;
}

static int bfifo_enqueue(struct sk_buff *skb, struct Qdisc *q)
{
    if (likely(q->qstats.backlog <= q->limit && qdisc_pkt_len(skb) <= q->limit - q->qstats.backlog))
        return qdisc_fifo_enqueue(skb, q);
    qdisc_drop(skb, q, SKB_DROP_REASON_QDISC_DROP);
    return -ENOBUFS;
}

static void fifo_dump(struct Qdisc *q, char *buf, size_t size)
{
    snprintf(buf, size, "limit %u%s", q->limit, q->ops == &bfifo_ops ? "b" : "p");
}

const struct Qdisc_ops pfifo_ops = {
    .id = "pfifo",
    .flags = TCQ_F_CAN_BYPASS,
    .enqueue = pfifo_enqueue,
    .dequeue = qdisc_fifo_dequeue,
    .peek = qdisc_fifo_peek,
    .init = fifo_init,
    .change = fifo_change,
    .reset = qdisc_fifo_reset,
    .dump = fifo_dump,
};

const struct Qdisc_ops bfifo_ops = {
    .id = "bfifo",
    .flags = TCQ_F_CAN_BYPASS,
    .enqueue = bfifo_enqueue,
    .dequeue = qdisc_fifo_dequeue,
    .peek = qdisc_fifo_peek,
    .init = fifo_init,
    .change = fifo_change,
    .reset = qdisc_fifo_reset,
    .dump = fifo_dump,
};
