/*
 * xt_limit.c - -m limit: packets up to a rate, whoever they come from.
 */
#include <errno.h>
#include <string.h>

#include "net/netfilter/xt_extensions.h"
#include "net/netfilter/xt_rate.h"

struct xt_limit {
    struct xt_rate rate;
    uint32_t burst;
    uint64_t cost_ns;
    struct xt_bucket bucket;
};

static int xt_limit_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_limit *l = data;

    if (!strcmp(option, "--limit"))
        return xt_parse_no_invert(in, option, invert) ? -EINVAL : xt_rate_parse(in, &l->rate);
    if (!strcmp(option, "--limit-burst"))
        return xt_parse_no_invert(in, option, invert) || xt_parse_u32(in, 1, XT_RATE_BURST_MAX, &l->burst)
                   ? -EINVAL
                   : 1;
    return 0;
}

static int xt_limit_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    struct xt_limit *l = data;

    if (!l->rate.count)
        l->rate = (struct xt_rate){.count = 3, .unit = 2};
    if (!l->burst)
        l->burst = XT_RATE_BURST;
    l->cost_ns = xt_rate_cost_ns(&l->rate);
    l->bucket = (struct xt_bucket){.stamp = ktime_get(), .credit_ns = l->cost_ns * l->burst};
    return 0;
}

static bool xt_limit_match_packet(const void *data, struct xt_packet *p)
{
    struct xt_limit *l = (struct xt_limit *)data; /* the rule's own memory: credit is state */

    return xt_bucket_take(&l->bucket, l->cost_ns, l->cost_ns * l->burst);
}

static void xt_limit_print(struct xt_text *out, const void *data)
{
    const struct xt_limit *l = data;

    xt_print(out, " --limit ");
    xt_rate_print(out, &l->rate);
    if (l->burst != XT_RATE_BURST)
        xt_print(out, " --limit-burst %u", l->burst);
}

static void xt_limit_list(struct xt_text *out, const void *data)
{
    const struct xt_limit *l = data;

    xt_print(out, " limit: avg ");
    xt_rate_print(out, &l->rate);
    xt_print(out, " burst %u", l->burst);
}

const struct xt_match xt_limit_match = {
    .name = "limit",
    .size = sizeof(struct xt_limit),
    .match = xt_limit_match_packet,
    .parse = xt_limit_parse,
    .check = xt_limit_check,
    .print = xt_limit_print,
    .list = xt_limit_list,
};
