/*
 * xt_tcpmss.c - -j TCPMSS: lowers the segment size that a SYN announces, for paths whose "too big" messages
 * get lost.
 *
 * It never raises it, and a SYN without the option stays as it is: 536 (RFC 9293 3.7.1) fits nearly every
 * path.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/checksum.h"
#include "net/ipv4/route.h"
#include "net/netfilter/xt_extensions.h"
#include "net/tcp/tcp.h"

#define TCPMSS_HEADERS 40u /* IPv4 and TCP without options (RFC 6691) */

struct xt_tcpmss {
    uint16_t mss;
    bool clamp;
};

static int xt_tcpmss_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_tcpmss *t = data;
    uint32_t mss;

    if (strcmp(option, "--set-mss") && strcmp(option, "--clamp-mss-to-pmtu"))
        return 0;
    if (xt_parse_no_invert(in, option, invert))
        return -EINVAL;
    if (t->mss || t->clamp)
        return xt_parse_error(in, "TCPMSS has one value: --set-mss or --clamp-mss-to-pmtu");
    if (!strcmp(option, "--clamp-mss-to-pmtu")) {
        t->clamp = true;
        return 1;
    }
    if (xt_parse_u32(in, 1, 65535 - TCPMSS_HEADERS, &mss))
        return -EINVAL;
    t->mss = (uint16_t)mss;
    return 1;
}

static int xt_tcpmss_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    const struct xt_tcpmss *t = data;

    return t->mss || t->clamp ? 0
                              : xt_parse_error(in, "-j TCPMSS needs --set-mss NUMBER or --clamp-mss-to-pmtu");
}

/* What fits through in both directions: the route it takes, and the one back to its sender. 0: unknown. */
static unsigned xt_tcpmss_path(struct xt_packet *p)
{
    struct flowi4 fl = {.daddr = ((const struct iphdr *)p->skb->data)->saddr};
    unsigned mtu = p->skb->dst ? p->skb->dst->mtu : UINT32_MAX;
    int err;
    struct rtable *back = ip_route_output(p->state->net, &fl, &err);

    if (back) {
        mtu = min(mtu, (unsigned)back->dst.mtu);
        dst_release(&back->dst);
    }
    return mtu > TCPMSS_HEADERS && mtu <= IP_MAX_MTU ? mtu - TCPMSS_HEADERS : 0;
}

/* Where the option's value is in the header; NULL: there is none. */
static uint8_t *xt_tcpmss_find(struct tcphdr *th, unsigned hdr_len)
{
    uint8_t *header = (uint8_t *)th;

    for (unsigned at = sizeof(*th); at + TCPOLEN_MSS <= hdr_len && header[at] != TCPOPT_EOL;) {
        if (header[at] == TCPOPT_NOP) {
            at++;
            continue;
        }
        if (header[at] == TCPOPT_MSS && header[at + 1] == TCPOLEN_MSS)
            return header + at + 2;
        if (header[at + 1] < 2)
            break;
        at += header[at + 1];
    }
    return NULL;
}

/* The sum over two bytes that may stand at an odd place: there they count with their halves exchanged. */
static void xt_tcpmss_mend(struct tcphdr *th, const uint8_t *value, uint16_t from, uint16_t to)
{
    bool odd = (value - (uint8_t *)th) & 1;

    if (odd) {
        from = (uint16_t)(from << 8 | from >> 8);
        to = (uint16_t)(to << 8 | to >> 8);
    }
    csum_replace2(&th->check, cpu_to_be16(from), cpu_to_be16(to));
}

static int xt_tcpmss_apply(const void *data, struct xt_packet *p)
{
    const struct xt_tcpmss *t = data;
    struct sk_buff *skb = p->skb;
    struct tcphdr buf, *th;
    const struct tcphdr *seen = p->fragoff ? NULL : xt_transport(p, sizeof(buf), &buf);
    unsigned mss, hdr_len = seen ? (seen->doff_res >> 4) * 4u : 0;
    uint8_t *value;

    if (p->fragoff || (seen && !(seen->flags & TCPHDR_SYN)))
        return XT_CONTINUE;
    if (!seen || hdr_len < sizeof(*th) || !pskb_may_pull(skb, p->thoff + hdr_len) || skb_cow_head(skb, 0))
        return NF_DROP;
    mss = t->clamp ? xt_tcpmss_path(p) : t->mss;
    th = (struct tcphdr *)(skb->data + p->thoff);
    value = xt_tcpmss_find(th, hdr_len);
    if (!mss || !value || get_unaligned_be16(value) <= mss)
        return XT_CONTINUE;
    if (skb->ip_summed != CHECKSUM_PARTIAL) /* then the field holds the pseudo-header's sum alone */
        xt_tcpmss_mend(th, value, get_unaligned_be16(value), (uint16_t)mss);
    put_unaligned_be16((uint16_t)mss, value);
    return XT_CONTINUE;
}

static void xt_tcpmss_print(struct xt_text *out, const void *data)
{
    const struct xt_tcpmss *t = data;

    if (t->clamp)
        xt_print(out, " --clamp-mss-to-pmtu");
    else
        xt_print(out, " --set-mss %u", t->mss);
}

static void xt_tcpmss_list(struct xt_text *out, const void *data)
{
    const struct xt_tcpmss *t = data;

    if (t->clamp)
        xt_print(out, " TCPMSS clamp to PMTU");
    else
        xt_print(out, " TCPMSS set %u", t->mss);
}

const struct xt_target xt_tcpmss_target = {
    .name = "TCPMSS",
    .size = sizeof(struct xt_tcpmss),
    .proto = IPPROTO_TCP,
    .hooks =
        1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD | 1 << NF_INET_LOCAL_OUT | 1 << NF_INET_POST_ROUTING,
    .target = xt_tcpmss_apply,
    .parse = xt_tcpmss_parse,
    .check = xt_tcpmss_check,
    .print = xt_tcpmss_print,
    .list = xt_tcpmss_list,
};
