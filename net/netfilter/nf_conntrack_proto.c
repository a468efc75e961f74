/*
 * nf_conntrack_proto.c - what connection tracking knows of the protocols: which packets answer which
 * (tuples), UDP, ICMP, and all others by their addresses. TCP has nf_conntrack_tcp.c.
 */
#include "net/netfilter/nf_conntrack_internal.h"

#include <netinet/in.h>

#include "net/core/checksum.h"
#include "net/ipv4/icmp.h"
#include "net/tcp/tcp.h"
#include "net/udp/udp.h"

#define ICMP_HLEN 8u

/* An answered flow of datagrams is a stream when it goes on for longer than a question and its answer. */
#define NF_CT_UDP_STREAM_MS 2000u

/* RFC 5927 4.1: how far behind what we have seen a quoted segment may be, at least. */
#define NF_CT_QUOTE_WINDOW 66000u

/* --- tuples --- */

/* Queries and their answers come in pairs: echo (8, 0), timestamp (13, 14), information (15, 16), mask (17,
 * 18). */
static bool icmp_is_paired(uint8_t type)
{
    return type == ICMP_ECHO || type == ICMP_ECHOREPLY ||
           (type >= ICMP_TIMESTAMP && type <= ICMP_ADDRESSREPLY);
}

bool nf_ct_is_icmp_query(uint8_t type)
{
    return type == ICMP_ECHO || (icmp_is_paired(type) && type != ICMP_ECHOREPLY && (type & 1));
}

static uint8_t icmp_partner(uint8_t type)
{
    if (type == ICMP_ECHO || type == ICMP_ECHOREPLY)
        return type ^ ICMP_ECHO;
    return type & 1 ? type + 1 : type - 1;
}

bool nf_ct_get_tuple(const struct sk_buff *skb, unsigned offset, const struct iphdr *iph,
                     struct nf_conntrack_tuple *tuple)
{
    unsigned l4 = offset + ip_hdrlen(iph);
    uint8_t head[ICMP_HLEN];

    *tuple = (struct nf_conntrack_tuple){.src = iph->saddr, .dst = iph->daddr, .protocol = iph->protocol};
    switch (iph->protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
        if (skb_copy_bits(skb, l4, head, 4))
            return false;
        tuple->src_port = cpu_to_be16(get_unaligned_be16(head));
        tuple->dst_port = cpu_to_be16(get_unaligned_be16(head + 2));
        return true;
    case IPPROTO_ICMP:
        if (skb_copy_bits(skb, l4, head, ICMP_HLEN) || !icmp_is_paired(head[0]))
            return false;
        tuple->src_port = cpu_to_be16(get_unaligned_be16(head + 4));
        tuple->dst_port = cpu_to_be16(head[0] << 8 | head[1]);
        return true;
    default:
        return true;
    }
}

void nf_ct_invert_tuple(struct nf_conntrack_tuple *inverse, const struct nf_conntrack_tuple *tuple)
{
    *inverse = (struct nf_conntrack_tuple){
        .src = tuple->dst, .dst = tuple->src, .protocol = tuple->protocol, .dir = !tuple->dir};
    if (tuple->protocol == IPPROTO_ICMP) {
        uint16_t type_code = be16_to_cpu(tuple->dst_port);

        inverse->src_port = tuple->src_port; /* the id is the same both ways */
        inverse->dst_port = cpu_to_be16(icmp_partner((uint8_t)(type_code >> 8)) << 8 | (type_code & 0xff));
    } else {
        inverse->src_port = tuple->dst_port;
        inverse->dst_port = tuple->src_port;
    }
}

/* --- validity --- */

static bool nf_ct_csum_ok(const struct nf_ct_packet *p, uint8_t protocol)
{
    struct sk_buff *skb = p->skb;
    const struct iphdr *iph = (const struct iphdr *)skb->data;
    unsigned len = skb->len - p->thoff;
    wsum sum = skb_checksum(skb, p->thoff, len, (__force wsum)0);

    if (protocol != IPPROTO_ICMP)
        sum = csum_tcpudp_nofold(iph->saddr, iph->daddr, len, protocol, sum);
    if ((__force uint16_t)csum_fold(sum))
        return false;
    if (protocol != IPPROTO_ICMP)
        skb->ip_summed = CHECKSUM_UNNECESSARY; /* nobody needs to look again */
    return true;
}

/* Only a received packet that neither the card nor GRO has checked, and only on its way in. */
static bool nf_ct_must_sum(const struct nf_ct_packet *p)
{
    return p->hook == NF_INET_PRE_ROUTING && p->net->ct->sysctl_checksum &&
           p->skb->ip_summed == CHECKSUM_NONE;
}

static bool nf_ct_udp_ok(struct nf_ct_packet *p)
{
    const struct udphdr *uh;
    unsigned len = p->skb->len - p->thoff;

    if (p->skb->len < p->thoff || !pskb_may_pull(p->skb, p->thoff + (unsigned)sizeof(*uh)))
        return false;
    uh = (const struct udphdr *)(p->skb->data + p->thoff);
    if (be16_to_cpu(uh->len) > len || be16_to_cpu(uh->len) < sizeof(*uh))
        return false;
    /* RFC 768: zero says that the sender has not computed one. A length below the datagram's is left to the
     * receiver. */
    if (!uh->check || be16_to_cpu(uh->len) != len || !nf_ct_must_sum(p))
        return true;
    return nf_ct_csum_ok(p, IPPROTO_UDP);
}

/* ICMP is summed always: NAT sums an error anew, and must not make a damaged one look right. */
static bool nf_ct_icmp_ok(struct nf_ct_packet *p)
{
    if (p->skb->len < p->thoff || !pskb_may_pull(p->skb, p->thoff + ICMP_HLEN))
        return false;
    return p->hook != NF_INET_PRE_ROUTING || p->skb->ip_summed != CHECKSUM_NONE ||
           nf_ct_csum_ok(p, IPPROTO_ICMP);
}

bool nf_ct_packet_ok(struct nf_ct_packet *p)
{
    bool ok = true;

    if (p->protocol == IPPROTO_TCP) {
        if (!nf_ct_tcp_header(p))
            ok = false;
        else if (nf_ct_must_sum(p))
            ok = nf_ct_csum_ok(p, IPPROTO_TCP);
        if (ok)
            return nf_ct_tcp_ok(p);
    } else if (p->protocol == IPPROTO_UDP) {
        ok = nf_ct_udp_ok(p);
    } else if (p->protocol == IPPROTO_ICMP) {
        ok = nf_ct_icmp_ok(p);
    }
    if (!ok)
        nf_ct_log_invalid(p, "header cut short, or lengths or checksum wrong");
    return ok;
}

/* --- UDP, ICMP queries, others --- */

static void nf_ct_udp_judge(struct nf_conn *ct, const struct netns_ct *n)
{
    if (!(ct->status & IPS_SEEN_REPLY)) {
        nf_ct_refresh(ct, NF_CT_MS(n->timeout_udp));
        return;
    }
    if (ktime_get_ms() < ct->udp_stream_ms) { /* one question, one answer: soon over */
        nf_ct_refresh(ct, NF_CT_MS(n->timeout_udp));
        return;
    }
    nf_ct_refresh(ct, NF_CT_MS(n->timeout_udp_stream));
    nf_ct_set_assured(ct);
}

bool nf_ct_opens(const struct nf_ct_packet *p, struct nf_conn *ct)
{
    switch (p->protocol) {
    case IPPROTO_TCP:
        return nf_ct_tcp_opens(p);
    case IPPROTO_UDP:
        ct->udp_stream_ms = ktime_get_ms() + NF_CT_UDP_STREAM_MS;
        return true;
    case IPPROTO_ICMP:
        if (nf_ct_is_icmp_query(p->skb->data[p->thoff]))
            return true;
        nf_ct_log_invalid(p, "ICMP answer that nobody asked for");
        return false;
    default:
        return true;
    }
}

enum nf_ct_judgement nf_ct_judge(struct nf_ct_packet *p, struct nf_conn *ct, enum ip_conntrack_info info)
{
    const struct netns_ct *n = p->net->ct;

    switch (p->protocol) {
    case IPPROTO_TCP:
        return nf_ct_tcp_judge(p, ct, nf_ct_info_dir(info));
    case IPPROTO_UDP:
        nf_ct_udp_judge(ct, n);
        return NF_CT_VALID;
    case IPPROTO_ICMP:
        nf_ct_refresh(ct, NF_CT_MS(n->timeout_icmp));
        return NF_CT_VALID;
    default:
        nf_ct_refresh(ct, NF_CT_MS(n->timeout_generic));
        return NF_CT_VALID;
    }
}

/* --- ICMP errors --- */

static bool icmp_is_error(uint8_t type)
{
    return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/* RFC 5927 4.1: whoever forges an error must know what is under way; a segment never sent was not dropped. */
static bool nf_ct_quoted_seq_ok(const struct nf_ct_packet *p, unsigned l4, const struct nf_conn *ct,
                                enum ip_conntrack_dir sender)
{
    const struct nf_ct_tcp_side *from = &ct->tcp.side[sender], *to = &ct->tcp.side[!sender];
    uint8_t head[8];
    uint32_t seq;

    if (skb_copy_bits(p->skb, l4, head, sizeof(head)))
        return false;
    seq = get_unaligned_be32(head + 4);
    if (!from->max_win || p->net->ct->sysctl_tcp_be_liberal)
        return true;
    return !after(seq, from->end) && !before(seq, from->end - max(to->max_win, NF_CT_QUOTE_WINDOW) - 1);
}

/* The connection the quoted datagram is of, borrowed, and the direction in which the error goes: against the
 * datagram's. NULL: none that we know, or the error cannot be true. */
static struct nf_conn *nf_ct_quoted(const struct nf_ct_packet *p, enum ip_conntrack_dir *dir)
{
    const struct iphdr *outer = (const struct iphdr *)p->skb->data;
    unsigned at = p->thoff + ICMP_HLEN;
    struct nf_conntrack_tuple tuple, inverse;
    struct nf_conn *ct;
    struct iphdr inner;

    if (skb_copy_bits(p->skb, at, &inner, sizeof(inner)) || inner.version_ihl >> 4 != 4 ||
        ip_hdrlen(&inner) < sizeof(inner) || (inner.frag_off & cpu_to_be16(IP_OFFSET)))
        return NULL;
    if (!nf_ct_get_tuple(p->skb, at, &inner, &tuple))
        return NULL;
    nf_ct_invert_tuple(&inverse, &tuple);
    ct = nf_ct_find(p->net, &inverse, dir);
    /* It goes to whoever sent the datagram (RFC 792), and to nobody else. */
    if (!ct || outer->daddr != inner.saddr)
        return NULL;
    if (tuple.protocol == IPPROTO_TCP && !nf_ct_quoted_seq_ok(p, at + ip_hdrlen(&inner), ct, !*dir))
        return NULL;
    return ct;
}

bool nf_ct_icmp_error(struct nf_ct_packet *p)
{
    enum ip_conntrack_dir dir = IP_CT_DIR_ORIGINAL;
    struct nf_conn *ct;

    if (!icmp_is_error(p->skb->data[p->thoff]))
        return false;
    ct = nf_ct_quoted(p, &dir);
    if (!ct) {
        p->net->ct->stats.icmp_error++;
        p->net->ct->stats.invalid++;
        nf_ct_log_invalid(p, "ICMP error about no connection of ours");
        return true;
    }
    ct->general.use++;
    skb_nfct_set(p->skb, &ct->general, dir == IP_CT_DIR_REPLY ? IP_CT_RELATED_REPLY : IP_CT_RELATED);
    return true;
}
