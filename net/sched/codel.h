/*
 * codel.h - CoDel (RFC 8289): a queue is too long when packets have waited longer than `target` for a whole
 * `interval`; then one is dropped now and further ones ever sooner, until the wait is short again.
 */
#ifndef NET_SCHED_CODEL_H
#define NET_SCHED_CODEL_H

#include "net/core/qdisc.h"

struct codel_params {
    uint64_t target_ns, interval_ns;
    uint32_t mtu; /* a queue of no more bytes than this is never too long */
    bool ecn;     /* mark what can be marked instead of dropping it (RFC 3168) */
};

/* Of one queue. */
struct codel_vars {
    uint32_t count;      /* drops since this dropping state began, about */
    uint32_t last_count; /* the count it began with */
    bool dropping;
    ktime_t first_above; /* when the wait will have been too long for an interval; 0: it is not too long */
    ktime_t drop_next;
};

struct codel_stats {
    uint64_t drops, ecn_marks;
};

/* The queue underneath. */
struct codel_queue {
    struct sk_buff *(*take)(struct codel_queue *cq); /* the oldest, NULL if none */
    void (*drop)(struct codel_queue *cq, struct sk_buff *skb);
    uint32_t (*backlog)(struct codel_queue *cq); /* bytes behind what was taken */
};

static inline void codel_set_enqueue_time(struct sk_buff *skb, ktime_t now)
{
    qdisc_skb_cb(skb)->data[0] = now;
}

static inline ktime_t codel_enqueue_time(const struct sk_buff *skb)
{
    return qdisc_skb_cb(skb)->data[0];
}

/* The next packet to send, owned by the caller, after dropping what must go; NULL: the queue is empty. */
struct sk_buff *codel_dequeue(struct codel_queue *cq, const struct codel_params *params,
                              struct codel_vars *vars, struct codel_stats *stats, ktime_t now);

/* now + interval / sqrt(count) */
ktime_t codel_control_law(ktime_t t, uint64_t interval_ns, uint32_t count);

#endif
