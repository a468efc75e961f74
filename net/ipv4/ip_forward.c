/*
 * ip_forward.c - IPv4, the way of a router: datagrams that are for somebody else.
 *
 *     ip_rcv -> PRE_ROUTING -> route: dst->input = ip_forward -> FORWARD -> ip_forward_finish
 *            -> dst->output = ip_output -> POST_ROUTING -> neigh_output
 *
 * The route (route.c) has decided that the datagram may pass and which way; here it loses one of its hops
 * (RFC 1812 5.3.1) and its sender hears what came to grief: no more hops, too large for the next link
 * (4.2.2.7, 5.2.5), a better gateway (5.2.7.2), a destination without a way (ip_error). Bytes that others
 * share, a capture for instance, are copied before they are written. A train of TCP segments (GRO) goes
 * through as one and is cut again by the card or dev_queue_xmit().
 */
#include "net/ipv4/ip.h"

#include <errno.h>

#include "kernel/byteorder.h"
#include "net/core/checksum.h"
#include "net/core/gso.h"
#include "net/ipv4/devconf.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip_options.h"
#include "net/ipv4/route.h"
#include "net/netfilter/hooks.h"

/* --- what the sender is told --- */

/* Takes skb. */
static int ip_forward_expired(struct net *net, struct sk_buff *skb)
{
    NET_INC_STATS(net, IpInHdrErrors);
    icmp_send(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
    kfree_skb_reason(skb, SKB_DROP_REASON_IP_TTL);
    return -EHOSTUNREACH;
}

/* RFC 1191 4: with the MTU of the next link, so that the sender need not guess. Takes skb. */
static int ip_forward_too_big(struct net *net, struct sk_buff *skb, unsigned mtu)
{
    NET_INC_STATS(net, IpInDiscards);
    icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
    kfree_skb_reason(skb, SKB_DROP_REASON_IP_MTU);
    return -EMSGSIZE;
}

/* RFC 1812 5.2.7.2: only where sender, next hop and we share a network, so that the sender can follow; always
 * about one host (5.2.7.2 forbids network redirects). The datagram goes on its way all the same. */
static void ip_forward_redirect(struct sk_buff *skb, const struct rtable *rt)
{
    const struct in_ifaddr *ifa;
    be32 saddr = ip_hdr(skb)->saddr;

    if (!devconf_any(skb->dev, DEVCONF_SEND_REDIRECTS))
        return;
    list_for_each_entry (ifa, &skb->dev->ifa_list, list) {
        if (((saddr ^ ifa->local) & ifa->mask) || ((rt->nexthop ^ ifa->local) & ifa->mask))
            continue;
        icmp_send(skb, ICMP_REDIRECT, ICMP_REDIR_HOST, be32_to_cpu(rt->nexthop));
        return;
    }
}

int ip_error(struct sk_buff *skb)
{
    struct net *net = skb->dst->net;
    int err = skb->dst->error;
    enum skb_drop_reason reason = SKB_DROP_REASON_IP_BLACKHOLE;

    switch (err) {
    case -ENETUNREACH: /* no route at all (RFC 1812 4.3.3.1) */
        NET_INC_STATS(net, IpExtInNoRoutes);
        icmp_send(skb, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0);
        reason = SKB_DROP_REASON_IP_INNOROUTES;
        break;
    case -EHOSTUNREACH:
        NET_INC_STATS(net, IpInAddrErrors);
        icmp_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
        break;
    case -EACCES:
        NET_INC_STATS(net, IpInAddrErrors);
        icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0);
        break;
    default: /* a black hole says nothing */
        NET_INC_STATS(net, IpInDiscards);
        break;
    }
    kfree_skb_reason(skb, reason);
    return err;
}

/* --- trains --- */

/* The largest datagram that this will be on the wire, headers linear. */
static unsigned ip_forward_wire_len(const struct sk_buff *skb)
{
    unsigned hdr_len = ip_hdrlen(ip_hdr(skb));
    unsigned mss = skb_shinfo(skb)->gso_size;

    if (likely(!mss))
        return skb->len;
    return hdr_len + (skb->data[hdr_len + WIRE_TCP_DOFF] >> 4) * 4u + mss;
}

/* Must not be fragmented, and would have to be: a train by its segments, what was put together by its pieces.
 */
static bool ip_forward_too_large(const struct sk_buff *skb, unsigned mtu)
{
    if (likely(!skb_shinfo(skb)->gso_size))
        return ip_must_not_fragment(skb, mtu);
    return (ip_hdr(skb)->frag_off & cpu_to_be16(IP_DF)) && ip_forward_wire_len(skb) > mtu;
}

/* A train without DF whose segments are too large for the next link: one by one, each to be fragmented. Takes
 * skb. */
static int ip_forward_segments(struct sk_buff *skb)
{
    struct sk_buff *segment = skb_gso_segment(skb);
    int err = segment ? 0 : -ENOMEM;

    while (segment) {
        struct sk_buff *next = segment->next;

        segment->next = NULL;
        segment->skb_iif = skb->skb_iif;
        if (skb->nfct) {
            skb->nfct->use++;
            skb_nfct_set(segment, skb->nfct, skb->nfctinfo);
        }
        skb_dst_set(segment, dst_hold(skb->dst));
        int this_err = skb->dst->output(segment);
        err = err ? err : this_err;
        segment = next;
    }
    if (err == -ENOMEM)
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
    else
        consume_skb(skb);
    return err;
}

/* --- the way through --- */

/* After FORWARD. Takes skb. */
static int ip_forward_finish(struct sk_buff *skb)
{
    struct dst_entry *dst = skb->dst;

    NET_ADD_STATS(dst->net, IpForwDatagrams, skb_segs(skb));
    if (unlikely(ip_hdrlen(ip_hdr(skb)) > sizeof(struct iphdr)))
        ip_options_update(skb, inet_select_addr(dst->dev, skb_rtable(skb)->nexthop));
    if (unlikely(skb_shinfo(skb)->gso_size && ip_forward_wire_len(skb) > dst->mtu))
        return ip_forward_segments(skb);
    return dst->output(skb);
}

int ip_forward(struct sk_buff *skb)
{
    struct rtable *rt = skb_rtable(skb);
    struct net_device *in = skb->dev, *out = rt->dst.dev;
    struct net *net = rt->dst.net;
    struct iphdr *iph = ip_hdr(skb);

    if (unlikely(iph->ttl <= 1))
        return ip_forward_expired(net, skb);
    if (unlikely(skb->len > rt->dst.mtu && ip_forward_too_large(skb, rt->dst.mtu)))
        return ip_forward_too_big(net, skb, rt->dst.mtu);
    if (unlikely(out == in))
        ip_forward_redirect(skb, rt);
    if (unlikely(skb_cow_head(skb, ALIGN_UP(out->hard_header_len, 16u)) || skb_gso_from_wire(skb))) {
        NET_INC_STATS(net, IpInDiscards);
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return -ENOMEM;
    }
    iph = ip_hdr(skb);
    /* RFC 1141: one hop less in the upper byte of its word. */
    csum_replace2(&iph->check, cpu_to_be16(iph->ttl << 8 | iph->protocol),
                  cpu_to_be16((iph->ttl - 1) << 8 | iph->protocol));
    iph->ttl--;
    skb->priority = rt_tos2priority(iph->tos);
    skb->skb_iif = in->ifindex;
    /* The transport's checksum goes on as it came: what the card said of it concerned the bytes from the
     * wire. */
    if (likely(skb->ip_summed != CHECKSUM_PARTIAL))
        skb->ip_summed = CHECKSUM_NONE;
    return nf_hook(NF_INET_FORWARD, net, skb, in, out, ip_forward_finish);
}
