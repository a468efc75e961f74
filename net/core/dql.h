/*
 * dql.h - byte queue limits: how much a card may hold, so that it neither runs dry nor hoards.
 *
 * Packets in the card's ring wait in the order they came; no discipline can help them. So no more should lie
 * there than the card needs to stay busy until it next says what it has sent. That is not known beforehand
 * and is found by two observations at each completion:
 *
 *     the card had sent everything while the limit held others back     -> too little: the limit grows by
 *                                                                           what was sent meanwhile
 *     for a second bytes were always left, though the limit was reached -> too much: half of the least that
 *                                                                           was left goes
 */
#ifndef NET_CORE_DQL_H
#define NET_CORE_DQL_H

#include "kernel/types.h"

#define DQL_MIN_LIMIT     3028u /* two full frames: one on the wire, one behind it */
#define DQL_MAX_LIMIT     (4u << 20)
#define DQL_SLACK_HOLD_MS 1000

struct dql {
    uint32_t in_flight; /* bytes given to the card and not reported as sent */
    uint32_t limit;     /* in_flight may go beyond it by one packet */
    bool reached;       /* since the last completion the limit has held packets back */
    uint32_t least_left;
    uint64_t slack_since_ms; /* when least_left began to be taken */
};

void dql_reset(struct dql *dql, uint32_t limit);

/* Return: true - the limit is reached, no more until a completion. */
static inline bool dql_queued(struct dql *dql, uint32_t bytes)
{
    dql->in_flight += bytes;
    if (likely(dql->in_flight < dql->limit))
        return false;
    dql->reached = true;
    return true;
}

/* bytes were sent. Return: true - there is room again. */
bool dql_completed(struct dql *dql, uint32_t bytes, uint64_t now_ms);

#endif
