/*
 * codel.c - CoDel's law, over any queue; see codel.h.
 *
 * Called by fq_codel for the flow whose turn it is. The state machine is RFC 8289 5.4-5.6: it enters the
 * dropping state when a packet leaves that has waited too long at the end of an interval in which all did,
 * and leaves it with the first that has not.
 */
#include "net/sched/codel.h"

#include "kernel/byteorder.h"
#include "net/core/gso.h"
#include "net/sched/sched.h"

#define SQRT_FRACTION 16 /* bits behind the point of a square root */

/* A dropping state that ended this short ago: its count is taken up again (RFC 8289 4.3). */
#define RECENT_INTERVALS 16

#define ECN_MASK    0x03 /* of the TOS byte (RFC 3168 5) */
#define ECN_NOT_ECT 0
#define ECN_CE      3

/* floor(sqrt(v)), digit by digit. */
static uint64_t square_root(uint64_t v)
{
    uint64_t root = 0, bit = 1ull << 62;

    while (bit > v)
        bit >>= 2;
    for (; bit; bit >>= 2) {
        if (v >= root + bit) {
            v -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

ktime_t codel_control_law(ktime_t t, uint64_t interval_ns, uint32_t count)
{
    uint64_t root = square_root((uint64_t)count << 2 * SQRT_FRACTION);

    return t + (interval_ns << SQRT_FRACTION) / root;
}

/* Whether the packet just taken shows that the queue has been too long for an interval. */
static bool codel_too_long(struct codel_queue *cq, const struct codel_params *params, struct codel_vars *vars,
                           const struct sk_buff *skb, ktime_t now)
{
    if (!skb || now - codel_enqueue_time(skb) < params->target_ns || cq->backlog(cq) <= params->mtu) {
        vars->first_above = 0;
        return false;
    }
    if (!vars->first_above) {
        vars->first_above = now + params->interval_ns;
        return false;
    }
    return now >= vars->first_above;
}

/* Congestion experienced (RFC 3168 5): true if the packet says that its ends understand, and it is marked. */
static bool codel_mark(struct sk_buff *skb)
{
    unsigned at = sched_find_ipv4(skb);
    uint8_t *ip, tos;

    if (!at || (skb->data[at + WIRE_IP_TOS] & ECN_MASK) == ECN_NOT_ECT)
        return false;
    if ((skb->data[at + WIRE_IP_TOS] & ECN_MASK) == ECN_CE)
        return true;
    if (skb_cow_head(skb, 0))
        return false;
    ip = skb->data + at;
    tos = ip[WIRE_IP_TOS];
    ip[WIRE_IP_TOS] = tos | ECN_CE;
    /* The byte grew by a known amount: RFC 1624's update, HC' = ~(~HC + m' - m), without carry trouble. */
    uint32_t sum = (uint16_t)~get_unaligned_be16(ip + WIRE_IP_CHECK) + (uint32_t)(ip[WIRE_IP_TOS] - tos);
    put_unaligned_be16((uint16_t) ~(sum + (sum >> 16)), ip + WIRE_IP_CHECK);
    return true;
}

/* One packet pays for the queue's length. Return: the packet to look at next, and whether it still is too
 * long. */
static struct sk_buff *codel_punish(struct codel_queue *cq, const struct codel_params *params,
                                    struct codel_vars *vars, struct codel_stats *stats, struct sk_buff *skb,
                                    ktime_t now, bool *too_long, bool *marked)
{
    *marked = params->ecn && codel_mark(skb);
    if (*marked) {
        stats->ecn_marks++;
        return skb;
    }
    stats->drops++;
    cq->drop(cq, skb);
    skb = cq->take(cq);
    *too_long = codel_too_long(cq, params, vars, skb, now);
    return skb;
}

/* In the dropping state: everything whose time has come goes. */
static struct sk_buff *codel_go_on(struct codel_queue *cq, const struct codel_params *params,
                                   struct codel_vars *vars, struct codel_stats *stats, struct sk_buff *skb,
                                   ktime_t now, bool too_long)
{
    bool marked = false;

    while (too_long && now >= vars->drop_next && !marked) {
        vars->count++;
        skb = codel_punish(cq, params, vars, stats, skb, now, &too_long, &marked);
        if (too_long)
            vars->drop_next = codel_control_law(vars->drop_next, params->interval_ns, vars->count);
    }
    vars->dropping = too_long;
    return skb;
}

/* The first drop. A state left only just now is taken up near the rate it had found to be right. */
static struct sk_buff *codel_begin(struct codel_queue *cq, const struct codel_params *params,
                                   struct codel_vars *vars, struct codel_stats *stats, struct sk_buff *skb,
                                   ktime_t now)
{
    uint32_t gained = vars->count - vars->last_count;
    bool recent = (int64_t)(now - vars->drop_next) < (int64_t)(RECENT_INTERVALS * params->interval_ns);
    bool too_long, marked;

    skb = codel_punish(cq, params, vars, stats, skb, now, &too_long, &marked);
    vars->dropping = true;
    vars->count = gained > 1 && recent ? gained : 1;
    vars->last_count = vars->count;
    vars->drop_next = codel_control_law(now, params->interval_ns, vars->count);
    return skb;
}

struct sk_buff *codel_dequeue(struct codel_queue *cq, const struct codel_params *params,
                              struct codel_vars *vars, struct codel_stats *stats, ktime_t now)
{
    struct sk_buff *skb = cq->take(cq);
    bool too_long = codel_too_long(cq, params, vars, skb, now);

    if (vars->dropping)
        return codel_go_on(cq, params, vars, stats, skb, now, too_long);
    if (unlikely(too_long))
        return codel_begin(cq, params, vars, stats, skb, now);
    return skb;
}
