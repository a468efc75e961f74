/*
 * xt_notrack.c - -j NOTRACK and -j CT --notrack: connection tracking leaves this packet alone.
 */
#include <errno.h>
#include <string.h>

#include "net/netfilter/nf_conntrack.h"
#include "net/netfilter/xt_extensions.h"

struct xt_ct {
    bool notrack;
};

static int xt_notrack_apply(const void *data, struct xt_packet *p)
{
    if (!p->skb->nfct) /* already tracked: it came this way before (lo) */
        skb_nfct_set(p->skb, NULL, IP_CT_UNTRACKED);
    return XT_CONTINUE;
}

static int xt_ct_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    if (strcmp(option, "--notrack"))
        return 0;
    ((struct xt_ct *)data)->notrack = true;
    return xt_parse_no_invert(in, option, invert) ? -EINVAL : 1;
}

static int xt_ct_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return ((struct xt_ct *)data)->notrack ? 0 : xt_parse_error(in, "-j CT needs --notrack");
}

static void xt_ct_print(struct xt_text *out, const void *data)
{
    xt_print(out, " --notrack");
}

const struct xt_target xt_notrack_target = {
    .name = "NOTRACK",
    .tables = 1 << XT_RAW,
    .target = xt_notrack_apply,
};

const struct xt_target xt_ct_target = {
    .name = "CT",
    .size = sizeof(struct xt_ct),
    .tables = 1 << XT_RAW,
    .target = xt_notrack_apply,
    .parse = xt_ct_parse,
    .check = xt_ct_check,
    .print = xt_ct_print,
};
