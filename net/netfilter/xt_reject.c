/*
 * xt_reject.c - -j REJECT: drops a packet and tells its sender so.
 *
 * By ICMP (icmp_send() keeps RFC 1122 3.2.2 and the rate limits), or by a RST as if the port were closed (RFC
 * 9293 3.5.2). A packet with a wrong checksum is dropped in silence: nobody sent it like that.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "net/core/checksum.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/route.h"
#include "net/netfilter/xt_extensions.h"
#include "net/tcp/tcp.h"

#define REJECT_TCP_RESET 255 /* as code */
#define REJECT_DEFAULT   2   /* icmp-port-unreachable, in the table below */

static const struct {
    const char *name, *brief;
    uint8_t code;
} xt_reject_kinds[] = {
    {"icmp-net-unreachable", "net-unreach", 0},    {"icmp-host-unreachable", "host-unreach", 1},
    {"icmp-port-unreachable", "port-unreach", 3},  {"icmp-proto-unreachable", "proto-unreach", 2},
    {"icmp-net-prohibited", "net-prohib", 9},      {"icmp-host-prohibited", "host-prohib", 10},
    {"icmp-admin-prohibited", "admin-prohib", 13}, {"tcp-reset", "tcp-rst", REJECT_TCP_RESET},
};

struct xt_reject {
    uint8_t kind; /* index of the table, plus one */
};

static int xt_reject_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_reject *r = data;
    const char *word;

    if (strcmp(option, "--reject-with"))
        return 0;
    if (xt_parse_no_invert(in, option, invert))
        return -EINVAL;
    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_SIZE(xt_reject_kinds); i++) {
        if (!strcmp(word, xt_reject_kinds[i].name) || !strcmp(word, xt_reject_kinds[i].brief)) {
            r->kind = (uint8_t)(i + 1);
            return 1;
        }
    }
    return xt_parse_error(
        in,
        "\"%.40s\" is no answer; write tcp-reset or icmp-port-, net-, host-, proto-unreachable, "
        "net-, host- or admin-prohibited",
        word);
}

static int xt_reject_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    struct xt_reject *r = data;

    if (!r->kind)
        r->kind = REJECT_DEFAULT + 1;
    if (xt_reject_kinds[r->kind - 1].code == REJECT_TCP_RESET && xt_rule_protocol(rule) != IPPROTO_TCP)
        return xt_parse_error(in, "--reject-with tcp-reset needs -p tcp in the same rule");
    return 0;
}

/* Whether the transport checksum is right, or the card has said so, or it is ours and not finished. */
static bool xt_checksum_right(const struct xt_packet *p)
{
    const struct sk_buff *skb = p->skb;
    const struct iphdr *iph = (const struct iphdr *)skb->data;
    unsigned len = skb->len - p->thoff;
    uint16_t udp_check;
    wsum sum;

    if (skb->ip_summed == CHECKSUM_UNNECESSARY || skb->ip_summed == CHECKSUM_PARTIAL ||
        iph->frag_off & cpu_to_be16(IP_MF | IP_OFFSET))
        return true;
    switch (iph->protocol) {
    case IPPROTO_ICMP:
        return !csum_fold(skb_checksum(skb, p->thoff, len, (__force wsum)0));
    case IPPROTO_UDP: /* 0: the sender made none (RFC 768) */
        if (skb_copy_bits(skb, p->thoff + 6, &udp_check, 2))
            return false;
        if (!udp_check)
            return true;
        break;
    case IPPROTO_TCP:
        break;
    default:
        return true;
    }
    sum = skb_checksum(skb, p->thoff, len, (__force wsum)0);
    return !csum_tcpudp_magic(iph->saddr, iph->daddr, len, iph->protocol, sum);
}

/* RFC 9293 3.10.7.1: with an ACK the RST takes its number from there, else it acknowledges all that came. */
static void xt_reject_write_rst(struct tcphdr *rst, const struct tcphdr *th, uint32_t segment_len)
{
    memset(rst, 0, sizeof(*rst));
    rst->source = th->dest;
    rst->dest = th->source;
    rst->doff_res = sizeof(*rst) / 4 << 4;
    rst->flags = TCPHDR_RST;
    if (th->flags & TCPHDR_ACK) {
        rst->seq = th->ack_seq;
    } else {
        rst->flags |= TCPHDR_ACK;
        rst->ack_seq = cpu_to_be32(be32_to_cpu(th->seq) + segment_len);
    }
}

static void xt_reject_rst(struct xt_packet *p)
{
    const struct iphdr *iph = (const struct iphdr *)p->skb->data;
    struct net *net = p->state->net;
    struct tcphdr buf, *rst;
    const struct tcphdr *th = p->fragoff ? NULL : xt_transport(p, sizeof(buf), &buf);
    struct ip_params params = {.saddr = iph->daddr, .daddr = iph->saddr, .protocol = IPPROTO_TCP, .df = true};
    struct flowi4 fl = {.daddr = iph->saddr};
    struct sk_buff *skb;
    struct rtable *rt;
    unsigned text;
    int err;

    if (!th || th->flags & TCPHDR_RST || p->skb->pkt_type != PACKET_HOST || ipv4_is_multicast(iph->daddr))
        return; /* a RST is never answered by one */
    text = p->skb->len - p->thoff;
    text -= min((th->doff_res >> 4) * 4u, text);
    rt = ip_route_output(net, &fl, &err); /* as if it were ours: the address it speaks for may be another's */
    if (!rt)
        return;
    skb = alloc_skb(net, MAX_HEADER + sizeof(*rst));
    if (skb) {
        skb_reserve(skb, MAX_HEADER);
        rst = skb_put(skb, sizeof(*rst));
        xt_reject_write_rst(rst, th, text + !!(th->flags & TCPHDR_SYN) + !!(th->flags & TCPHDR_FIN));
        rst->check = csum_tcpudp_magic(params.saddr, params.daddr, sizeof(*rst), IPPROTO_TCP,
                                       csum_partial(rst, sizeof(*rst), (__force wsum)0));
        skb_reset_transport_header(skb);
        nf_ct_attach(net, skb, p->skb);
        ip_build_and_send(net, NULL, skb, &rt->dst, &params);
    }
    dst_release(&rt->dst);
}

static int xt_reject_packet(const void *data, struct xt_packet *p)
{
    uint8_t code = xt_reject_kinds[((const struct xt_reject *)data)->kind - 1].code;

    if (!xt_checksum_right(p))
        return NF_DROP;
    if (code == REJECT_TCP_RESET)
        xt_reject_rst(p);
    else
        icmp_send(p->skb, ICMP_DEST_UNREACH, code, 0);
    return NF_DROP;
}

static void xt_reject_print(struct xt_text *out, const void *data)
{
    xt_print(out, " --reject-with %s", xt_reject_kinds[((const struct xt_reject *)data)->kind - 1].name);
}

static void xt_reject_list(struct xt_text *out, const void *data)
{
    xt_print(out, " reject-with %s", xt_reject_kinds[((const struct xt_reject *)data)->kind - 1].name);
}

const struct xt_target xt_reject_target = {
    .name = "REJECT",
    .size = sizeof(struct xt_reject),
    .tables = 1 << XT_FILTER,
    .hooks = 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD | 1 << NF_INET_LOCAL_OUT,
    .target = xt_reject_packet,
    .parse = xt_reject_parse,
    .check = xt_reject_check,
    .print = xt_reject_print,
    .list = xt_reject_list,
};
