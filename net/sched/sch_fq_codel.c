/*
 * sch_fq_codel.c - fair queueing with CoDel (RFC 8290): the default in front of a card.
 *
 * A packet goes into the queue of its flow (a keyed hash of addresses, protocol and ports). Queues take
 * turns, a quantum of bytes each; a queue that was empty a moment ago goes first once, so a ping or a SYN
 * passes a bulk transfer by. CoDel keeps each queue short.
 *
 *     new_flows: A B        have just begun to wait: first, for one quantum
 *     old_flows: C D E F    take turns
 *
 * A stranger can fill it in two ways, packets and memory; both have a limit, and past it the longest queue
 * loses packets, in batches, so that a flood pays for itself.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/page.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "net/core/gso.h"
#include "net/sched/codel.h"
#include "net/sched/sched.h"

#define FLOWS_DEFAULT   1024u
#define FLOWS_MIN       16u
#define FLOWS_MAX       65536u
#define FLOWS_RAM_SHARE 64 /* by default queues take at most 1/64 of free memory */
#define LIMIT_DEFAULT   10240u
#define LIMIT_MAX       1000000u
#define MEMORY_DEFAULT  (32u << 20)
#define MEMORY_MIN      (64u << 10)
#define MEMORY_SHARE    8 /* ... and what waits at most 1/8 */
#define TARGET_NS       (5 * NSEC_PER_MSEC)
#define INTERVAL_NS     (100 * NSEC_PER_MSEC)
#define DROP_BATCH      64u

#define IP_OFFSET_MASK   0x1fff
#define IP_MORE_FRAGS    0x2000
#define IPPROTO_TCP_WIRE 6
#define IPPROTO_UDP_WIRE 17

struct fq_codel_flow {
    struct list_head chain; /* new_flows or old_flows; unlinked: nothing waits */
    struct sk_buff *head, *tail;
    uint32_t backlog;
    int64_t deficit; /* bytes it may still send in this turn */
    struct codel_vars vars;
};

struct fq_codel {
    struct fq_codel_flow *flows;
    uint64_t flow_count;
    struct list_head new_flows, old_flows;
    struct siphash_key key;
    struct codel_params params;
    struct codel_stats codel;
    uint64_t quantum, memory_limit, memory; /* bytes; memory in truesize */
    uint64_t drop_overlimit, drop_overmemory, new_flow_count, maxpacket;
    /* For CoDel, while it works on one flow. */
    struct codel_queue cq;
    struct fq_codel_flow *current;
    struct Qdisc *q;
};

/* --- which flow --- */

/* What tells one flow from another. Fragments have no ports: those of one datagram stay together. */
static uint64_t fq_codel_hash(const struct fq_codel *fq, struct sk_buff *skb)
{
    struct {
        uint8_t addresses[12]; /* both IPv4 addresses, or both MAC addresses */
        uint8_t ports[4];
        uint32_t protocol;
    } key = {.protocol = (__force uint16_t)skb->protocol};
    unsigned ip = sched_find_ipv4(skb);

    if (!ip) {
        if (skb_headlen(skb) >= sizeof(key.addresses) && skb->dev->hard_header_len)
            memcpy(key.addresses, skb->data, sizeof(key.addresses));
        return siphash(&key, sizeof(key), &fq->key);
    }
    const uint8_t *header = skb->data + ip;
    unsigned l4 = ip + (header[0] & 15) * 4u;
    uint8_t protocol = header[WIRE_IP_PROTOCOL];
    bool fragment = get_unaligned_be16(header + WIRE_IP_FRAG) & (IP_OFFSET_MASK | IP_MORE_FRAGS);

    memcpy(key.addresses, header + WIRE_IP_SADDR, 8);
    key.protocol = protocol | 0x10000u;
    if (!fragment && (protocol == IPPROTO_TCP_WIRE || protocol == IPPROTO_UDP_WIRE) &&
        skb_headlen(skb) >= l4 + sizeof(key.ports))
        memcpy(key.ports, skb->data + l4, sizeof(key.ports));
    return siphash(&key, sizeof(key), &fq->key);
}

/* --- one flow's queue --- */

static void flow_append(struct fq_codel_flow *flow, struct sk_buff *skb)
{
    skb->next = NULL;
    if (flow->head)
        flow->tail->next = skb;
    else
        flow->head = skb;
    flow->tail = skb;
    flow->backlog += qdisc_pkt_len(skb);
}

static struct sk_buff *flow_take(struct Qdisc *q, struct fq_codel_flow *flow)
{
    struct fq_codel *fq = qdisc_priv(q);
    struct sk_buff *skb = flow->head;

    if (!skb)
        return NULL;
    flow->head = skb->next;
    skb->next = NULL;
    flow->backlog -= qdisc_pkt_len(skb);
    fq->memory -= skb->truesize;
    qdisc_count_out(q, skb);
    return skb;
}

static struct sk_buff *codel_take(struct codel_queue *cq)
{
    struct fq_codel *fq = container_of(cq, struct fq_codel, cq);

    return flow_take(fq->q, fq->current);
}

static void codel_drop(struct codel_queue *cq, struct sk_buff *skb)
{
    qdisc_drop(skb, container_of(cq, struct fq_codel, cq)->q, SKB_DROP_REASON_QDISC_DROP);
}

static uint32_t codel_backlog(struct codel_queue *cq)
{
    return container_of(cq, struct fq_codel, cq)->current->backlog;
}

/* --- in --- */

static struct fq_codel_flow *fq_codel_fattest(const struct fq_codel *fq)
{
    struct fq_codel_flow *fattest = fq->flows;

    for (uint64_t i = 1; i < fq->flow_count; i++) {
        if (fq->flows[i].backlog > fattest->backlog)
            fattest = &fq->flows[i];
    }
    return fattest;
}

/* From the longest queue, from its head: half of it, at most a batch (RFC 8290 4.1). One search pays for
 * many. */
static void fq_codel_drop_batch(struct Qdisc *q)
{
    struct fq_codel *fq = qdisc_priv(q);
    struct fq_codel_flow *flow = fq_codel_fattest(fq);
    uint32_t enough = flow->backlog / 2;
    bool overmemory = fq->memory > fq->memory_limit;
    unsigned n = 0;

    do {
        struct sk_buff *skb = flow_take(q, flow);
        if (!skb)
            break;
        qdisc_drop(skb, q, SKB_DROP_REASON_QDISC_DROP);
        n++;
    } while (n < DROP_BATCH && flow->backlog > enough);
    flow->vars.count += n; /* CoDel's next drop comes sooner: the flow does not listen */
    q->qstats.overlimits++;
    if (overmemory)
        fq->drop_overmemory += n;
    else
        fq->drop_overlimit += n;
}

static int fq_codel_enqueue(struct sk_buff *skb, struct Qdisc *q)
{
    struct fq_codel *fq = qdisc_priv(q);
    struct fq_codel_flow *flow = &fq->flows[fq_codel_hash(fq, skb) % fq->flow_count];

    codel_set_enqueue_time(skb, ktime_get());
    flow_append(flow, skb);
    qdisc_count_in(q, skb);
    fq->memory += skb->truesize;
    fq->maxpacket = max(fq->maxpacket, (uint64_t)qdisc_pkt_len(skb));
    if (list_empty(&flow->chain)) {
        list_add_tail(&flow->chain, &fq->new_flows);
        fq->new_flow_count++;
        flow->deficit = (int64_t)fq->quantum;
    }
    if (unlikely(q->qstats.qlen > q->limit || fq->memory > fq->memory_limit))
        fq_codel_drop_batch(q);
    return 0; /* of what was dropped, this packet was the youngest: its sender need not hear of it */
}

/* --- out --- */

/* Whose turn it is; NULL: nobody waits. Who has used up his quantum goes to the end of the line. */
static struct fq_codel_flow *fq_codel_next_flow(struct fq_codel *fq)
{
    for (;;) {
        struct list_head *line = list_empty(&fq->new_flows) ? &fq->old_flows : &fq->new_flows;
        if (list_empty(line))
            return NULL;
        struct fq_codel_flow *flow = list_first_entry(line, struct fq_codel_flow, chain);
        if (flow->deficit > 0)
            return flow;
        flow->deficit += (int64_t)fq->quantum;
        list_move_tail(&flow->chain, &fq->old_flows);
    }
}

/* An empty new flow goes once through the old ones, so that it cannot be new again at once by sending one
 * packet after the other (RFC 8290 4.2). */
static void fq_codel_flow_empty(struct fq_codel *fq, struct fq_codel_flow *flow)
{
    bool was_new =
        !list_empty(&fq->new_flows) && list_first_entry(&fq->new_flows, struct fq_codel_flow, chain) == flow;

    if (was_new && !list_empty(&fq->old_flows))
        list_move_tail(&flow->chain, &fq->old_flows);
    else
        list_del_init(&flow->chain);
}

static struct sk_buff *fq_codel_dequeue(struct Qdisc *q)
{
    struct fq_codel *fq = qdisc_priv(q);
    struct sk_buff *skb = qdisc_take_held(q);
    ktime_t now;

    if (skb)
        return skb;
    if (!q->qstats.qlen)
        goto forget_flows;
    now = ktime_get();
    while ((fq->current = fq_codel_next_flow(fq))) {
        skb = codel_dequeue(&fq->cq, &fq->params, &fq->current->vars, &fq->codel, now);
        if (likely(skb)) {
            fq->current->deficit -= qdisc_pkt_len(skb);
            return skb;
        }
        fq_codel_flow_empty(fq, fq->current);
    }
    return NULL;

forget_flows: /* nothing waits: each flow that comes is new */
    while ((fq->current = fq_codel_next_flow(fq)))
        list_del_init(&fq->current->chain);
    return NULL;
}

/* --- settings --- */

/* Half as many queues as long as they would take too much of a small machine. */
static uint64_t fq_codel_default_flows(void)
{
    uint64_t flows = FLOWS_DEFAULT;
    struct page_stats pages;

    page_get_stats(&pages);
    while (flows > FLOWS_MIN &&
           flows * sizeof(struct fq_codel_flow) > pages.free * PAGE_SIZE / FLOWS_RAM_SHARE)
        flows /= 2;
    return flows;
}

static uint64_t fq_codel_default_memory(void)
{
    struct page_stats pages;

    page_get_stats(&pages);
    return clamp((uint64_t)pages.free * PAGE_SIZE / MEMORY_SHARE, (uint64_t)MEMORY_MIN,
                 (uint64_t)MEMORY_DEFAULT);
}

static int fq_codel_parse(struct Qdisc *q, const char *options, uint64_t *flows, struct qdisc_why *why)
{
    struct fq_codel *fq = qdisc_priv(q);
    struct codel_params params = fq->params;
    uint64_t limit = q->limit, quantum = fq->quantum, memory = fq->memory_limit, ecn = params.ecn;
    const struct qdisc_option table[] = {
        {"limit", OPTION_NUMBER, &limit, 1, LIMIT_MAX},
        {"flows", OPTION_NUMBER, flows, 1, FLOWS_MAX},
        {"quantum", OPTION_SIZE, &quantum, 256, 1 << 20},
        {"target", OPTION_TIME, &params.target_ns, NSEC_PER_USEC, NSEC_PER_SEC},
        {"interval", OPTION_TIME, &params.interval_ns, NSEC_PER_MSEC, 10 * NSEC_PER_SEC},
        {"memory_limit", OPTION_SIZE, &memory, MEMORY_MIN, 1 << 30},
        {"ecn", OPTION_FLAG, &ecn, 0, 1},
        {NULL, OPTION_NUMBER, NULL, 0, 0},
    };
    int err = qdisc_parse_options("fq_codel", options, table, why);

    if (err)
        return err;
    params.ecn = ecn;
    fq->params = params;
    q->limit = (uint32_t)limit;
    fq->quantum = quantum;
    fq->memory_limit = memory;
    return 0;
}

static int fq_codel_change(struct Qdisc *q, const char *options, struct qdisc_why *why)
{
    struct fq_codel *fq = qdisc_priv(q);
    uint64_t flows = fq->flow_count;
    int err = fq_codel_parse(q, options, &flows, why);

    if (err || flows == fq->flow_count)
        return err;
    snprintf(why->text, sizeof(why->text),
             "fq_codel: flows cannot change while it works; replace it by another");
    return -EINVAL;
}

static int fq_codel_init(struct Qdisc *q, const char *options, struct qdisc_why *why)
{
    struct fq_codel *fq = qdisc_priv(q);
    uint64_t flows = fq_codel_default_flows();
    uint32_t frame = q->dev->mtu + q->dev->hard_header_len;

    fq->q = q;
    fq->cq = (struct codel_queue){.take = codel_take, .drop = codel_drop, .backlog = codel_backlog};
    fq->params =
        (struct codel_params){.target_ns = TARGET_NS, .interval_ns = INTERVAL_NS, .mtu = frame, .ecn = true};
    q->limit = LIMIT_DEFAULT;
    fq->quantum = frame;
    fq->memory_limit = fq_codel_default_memory();
    INIT_LIST_HEAD(&fq->new_flows);
    INIT_LIST_HEAD(&fq->old_flows);
    int err = fq_codel_parse(q, options, &flows, why);
    if (err)
        return err;
    get_random_bytes(&fq->key, sizeof(fq->key));
    fq->flows = kcalloc(flows, sizeof(*fq->flows));
    if (!fq->flows) {
        snprintf(why->text, sizeof(why->text), "fq_codel: no memory for %u flows; ask for fewer (flows=64)",
                 (unsigned)flows);
        return -ENOMEM;
    }
    fq->flow_count = flows;
    for (uint64_t i = 0; i < flows; i++)
        INIT_LIST_HEAD(&fq->flows[i].chain);
    return 0;
}

static void fq_codel_reset(struct Qdisc *q)
{
    struct fq_codel *fq = qdisc_priv(q);
    struct sk_buff *skb = qdisc_take_held(q);

    if (skb)
        qdisc_drop(skb, q, q->reset_reason);
    for (uint64_t i = 0; i < fq->flow_count; i++) {
        struct fq_codel_flow *flow = &fq->flows[i];
        while ((skb = flow_take(q, flow)))
            qdisc_drop(skb, q, q->reset_reason);
        list_del_init(&flow->chain);
        flow->vars = (struct codel_vars){0};
    }
}

static void fq_codel_destroy(struct Qdisc *q)
{
    kfree(((struct fq_codel *)qdisc_priv(q))->flows);
}

static void fq_codel_dump(struct Qdisc *q, char *buf, size_t size)
{
    const struct fq_codel *fq = qdisc_priv(q);
    char target[QDISC_TEXT_MAX], interval[QDISC_TEXT_MAX];

    snprintf(buf, size, "limit %up flows %u quantum %u target %s interval %s memory_limit %uKb%s", q->limit,
             (unsigned)fq->flow_count, (unsigned)fq->quantum, qdisc_time_text(fq->params.target_ns, target),
             qdisc_time_text(fq->params.interval_ns, interval), (unsigned)(fq->memory_limit >> 10),
             fq->params.ecn ? " ecn" : "");
}

static unsigned count_flows(const struct list_head *line)
{
    unsigned n = 0;

    for (const struct list_head *at = line->next; at != line; at = at->next)
        n++;
    return n;
}

static void fq_codel_dump_stats(struct Qdisc *q, char *buf, size_t size)
{
    const struct fq_codel *fq = qdisc_priv(q);

    snprintf(buf, size,
             "maxpacket %u drop_overlimit %llu drop_overmemory %llu new_flow_count %llu ecn_mark %llu "
             "codel_drop %llu new_flows_len %u old_flows_len %u memory_used %u",
             (unsigned)fq->maxpacket, (unsigned long long)fq->drop_overlimit,
             (unsigned long long)fq->drop_overmemory, (unsigned long long)fq->new_flow_count,
             (unsigned long long)fq->codel.ecn_marks, (unsigned long long)fq->codel.drops,
             count_flows(&fq->new_flows), count_flows(&fq->old_flows), (unsigned)fq->memory);
}

const struct Qdisc_ops fq_codel_ops = {
    .id = "fq_codel",
    .priv_size = sizeof(struct fq_codel),
    .flags = TCQ_F_CAN_BYPASS,
    .enqueue = fq_codel_enqueue,
    .dequeue = fq_codel_dequeue,
    .peek = qdisc_peek_held,
    .init = fq_codel_init,
    .change = fq_codel_change,
    .reset = fq_codel_reset,
    .destroy = fq_codel_destroy,
    .dump = fq_codel_dump,
    .dump_stats = fq_codel_dump_stats,
};
