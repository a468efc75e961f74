/*
 * token_bucket.c - bytes at a rate: what tbf sends by and policing lets in by.
 */
#include "net/sched/sched.h"

#define TIMER_SLACK_MS 2 /* a timer fires up to one millisecond late, and is armed up to one late */

void token_bucket_init(struct token_bucket *b, uint64_t rate, uint64_t burst, ktime_t now)
{
    *b = (struct token_bucket){.rate = rate, .burst = burst, .tokens = burst * NSEC_PER_SEC, .filled = now};
}

static void token_bucket_fill(struct token_bucket *b, ktime_t now)
{
    uint64_t room = b->burst * NSEC_PER_SEC - b->tokens, elapsed = now - b->filled;

    b->filled = now;
    if (elapsed > room / b->rate) /* compared by division: the product may not fit */
        b->tokens += room;
    else
        b->tokens += elapsed * b->rate;
}

bool token_bucket_take(struct token_bucket *b, uint32_t len, ktime_t now)
{
    uint64_t cost = len * NSEC_PER_SEC;

    token_bucket_fill(b, now);
    if (b->tokens < cost)
        return false;
    b->tokens -= cost;
    return true;
}

ktime_t token_bucket_when(const struct token_bucket *b, uint32_t len)
{
    uint64_t cost = len * NSEC_PER_SEC;

    return b->filled + DIV_ROUND_UP(cost - min(b->tokens, cost), b->rate);
}

uint64_t token_bucket_min_burst(const struct net_device *dev, uint64_t rate)
{
    return max(rate * TIMER_SLACK_MS / 1000, (uint64_t)dev->mtu + dev->hard_header_len);
}
