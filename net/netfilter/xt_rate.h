/*
 * xt_rate.h - "10/second" as the matches limit and hashlimit have it, and the token bucket behind it.
 */
#ifndef NET_NETFILTER_XT_RATE_H
#define NET_NETFILTER_XT_RATE_H

#include "kernel/time.h"
#include "net/netfilter/x_tables.h"

#define XT_RATE_BURST     5 /* unless the rule says otherwise */
#define XT_RATE_BURST_MAX 10000

struct xt_rate {
    uint32_t count; /* per unit */
    uint32_t unit;  /* index: second, minute, hour, day */
};

/* Credit is time: each packet costs what passes between two packets at the given rate. */
struct xt_bucket {
    ktime_t stamp;
    uint64_t credit_ns;
};

int xt_rate_parse(struct xt_parse *in, struct xt_rate *rate);        /* 1 or -EINVAL, as an option's parser */
void xt_rate_print(struct xt_text *out, const struct xt_rate *rate); /* "10/sec" */
uint64_t xt_rate_cost_ns(const struct xt_rate *rate);

/* Whether one more packet is within the rate. */
bool xt_bucket_take(struct xt_bucket *bucket, uint64_t cost_ns, uint64_t most_ns);

#endif
