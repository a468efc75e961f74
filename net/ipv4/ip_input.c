/*
 * ip_input.c - IPv4, receiving side.
 *
 * Called by netif_receive_skb() for every frame of type 0x0800, in softirq context. Validates the header
 * (ip_rcv_core), offers the datagram to PRE_ROUTING, asks the route (ip_rcv_finish), waits for the rest of it
 * if it is a fragment, then hands it to LOCAL_IN and its transport (ip_local_deliver). Follows RFC 791 and
 * RFC 1122 3.2. Source routing is refused on purpose (SKB_DROP_REASON_IP_SRCROUTE); other options are
 * checked, then ignored.
 */
#include "net/ipv4/ip.h"

#include <errno.h>
#include <netinet/in.h>

#include "kernel/byteorder.h"
#include "net/core/checksum.h"
#include "net/ipv4/devconf.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip_options.h"
#include "net/ipv4/raw.h"
#include "net/ipv4/route.h"
#include "net/netfilter/hooks.h"

_Static_assert(MIB_IpExtInCEPkts == MIB_IpExtInNoECTPkts + INET_ECN_CE, "counters by code point");

/* --- validate --- */

/* RFC 1122 3.2.1.8, RFC 1812 4.3.3.5: who sends options that make no sense is told which byte it is - by the
 * one he sent them to, or by a router on the way. */
static enum skb_drop_reason ip_check_options(struct net *net, struct sk_buff *skb, unsigned room)
{
    unsigned at = 0;
    enum skb_drop_reason reason = ip_options_check(skb->data + sizeof(struct iphdr), room, &at);

    if (likely(!reason))
        return reason;
    skb_reset_network_header(skb);
    if (reason == SKB_DROP_REASON_IP_OPTIONS &&
        (inet_addr_type(net, skb->dev, ip_hdr(skb)->daddr) == RTN_LOCAL || devconf_forwarding(skb->dev)))
        icmp_send(skb, ICMP_PARAMETERPROB, 0, ((unsigned)sizeof(struct iphdr) + at) << 24);
    return reason;
}

/* Everything that can be wrong with a header; the whole header is linear afterwards. */
static enum skb_drop_reason ip_check_header(struct net *net, struct sk_buff *skb)
{
    const struct iphdr *iph;
    unsigned hdr_len, tot_len;

    if (!pskb_may_pull(skb, sizeof(*iph)))
        return SKB_DROP_REASON_PKT_TOO_SMALL;
    iph = (const struct iphdr *)skb->data;
    hdr_len = ip_hdrlen(iph);
    if (iph->version_ihl >> 4 != 4 || hdr_len < sizeof(*iph))
        return SKB_DROP_REASON_IP_INHDR;
    if (!pskb_may_pull(skb, hdr_len))
        return SKB_DROP_REASON_HDR_TRUNC;
    iph = (const struct iphdr *)skb->data;
    if (unlikely(ip_fast_csum(iph, hdr_len / 4))) {
        NET_INC_STATS(net, IpExtInCsumErrors);
        return SKB_DROP_REASON_IP_CSUM;
    }
    tot_len = be16_to_cpu(iph->tot_len);
    if (tot_len < hdr_len)
        return SKB_DROP_REASON_IP_INHDR;
    if (tot_len > skb->len) {
        NET_INC_STATS(net, IpExtInTruncatedPkts);
        return SKB_DROP_REASON_HDR_TRUNC;
    }
    if (unlikely(hdr_len > sizeof(*iph)))
        return ip_check_options(net, skb, hdr_len - (unsigned)sizeof(*iph));
    return SKB_NOT_DROPPED_YET;
}

/**
 * ip_rcv_core - check a received datagram
 * @skb: starts at the IPv4 header (taken)
 *
 * Return: the datagram, which everyone may trust from here on: header complete, linear and right, length
 * exact, options well-formed; network_header and transport_header are set. NULL: dropped and counted.
 */
static struct sk_buff *ip_rcv_core(struct net *net, struct sk_buff *skb)
{
    enum skb_drop_reason reason;

    if (unlikely(skb->pkt_type == PACKET_OTHERHOST)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_OTHERHOST);
        return NULL;
    }
    NET_INC_STATS(net, IpInReceives);
    NET_ADD_STATS(net, IpExtInOctets, skb->len);
    reason = ip_check_header(net, skb);
    if (unlikely(reason)) {
        NET_INC_STATS(net, IpInHdrErrors);
        kfree_skb_reason(skb, reason);
        return NULL;
    }
    skb_reset_network_header(skb);
    net->mib[MIB_IpExtInNoECTPkts + (ip_hdr(skb)->tos & INET_ECN_MASK)] += skb_segs(skb);
    skb->transport_header = (uint16_t)(skb->network_header + ip_hdrlen(ip_hdr(skb)));
    unsigned tot_len = be16_to_cpu(ip_hdr(skb)->tot_len);
    if (skb->len > tot_len && skb_trim(skb, tot_len)) { /* short frames are padded (IEEE 802.3) */
        NET_INC_STATS(net, IpInDiscards);
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return NULL;
    }
    return skb;
}

/* --- decide --- */

static void ip_count_route_error(struct net *net, enum skb_drop_reason reason)
{
    if (reason == SKB_DROP_REASON_IP_INADDRERRORS || reason == SKB_DROP_REASON_IP_MARTIAN_DST)
        NET_INC_STATS(net, IpInAddrErrors);
    else if (reason == SKB_DROP_REASON_IP_INNOROUTES)
        NET_INC_STATS(net, IpExtInNoRoutes);
    else
        NET_INC_STATS(net, IpInDiscards);
}

/* After PRE_ROUTING: for whom is it? Takes skb. */
static int ip_rcv_finish(struct sk_buff *skb)
{
    const struct iphdr *iph = ip_hdr(skb);
    struct net *net = skb->dev->net;
    enum skb_drop_reason reason = SKB_NOT_DROPPED_YET;
    int err = 0;

    /* What ip_mc_output() sends up again has its route, and a source that is ours. */
    if (likely(skb->pkt_type != PACKET_LOOPBACK))
        err = ip_route_input(skb, iph->daddr, iph->saddr, skb->dev, &reason);

    if (unlikely(err)) {
        ip_count_route_error(net, reason);
        kfree_skb_reason(skb, reason);
        return err;
    }
    if (unlikely(skb_rtable(skb)->type != RTN_LOCAL)) {
        if (skb_rtable(skb)->type == RTN_BROADCAST)
            NET_INC_STATS(net, IpExtInBcastPkts);
        else if (skb_rtable(skb)->type == RTN_MULTICAST)
            NET_INC_STATS(net, IpExtInMcastPkts);
    }
    return dst_input(skb, skb->dst);
}

int ip_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    skb = ip_rcv_core(dev->net, skb);
    if (unlikely(!skb))
        return -EINVAL;
    return nf_hook(NF_INET_PRE_ROUTING, dev->net, skb, dev, NULL, ip_rcv_finish);
}

/* --- act: to the transport --- */

/* After LOCAL_IN: by protocol number. Sockets that read whole protocols (raw) get their copy here, first.
 * Takes skb. */
static int ip_local_deliver_finish(struct sk_buff *skb)
{
    struct net *net = skb->dev->net;
    const struct net_protocol *prot = net->inet_protos[ip_hdr(skb)->protocol];
    bool raw = unlikely(net->ipv4->raw_sockets.first) && raw_local_deliver(net, skb);

    if (unlikely(!prot)) {
        if (raw) {
            NET_INC_STATS(net, IpInDelivers);
            consume_skb(skb);
            return 0;
        }
        NET_INC_STATS(net, IpInUnknownProtos);
        icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_NOPROTO);
        return -EPROTONOSUPPORT;
    }
    /* The transports look at datagrams as they are, but TCP's queues want no chains: linear ones are rare. */
    if (unlikely(skb->frag_max_size) && ip_hdr(skb)->protocol == IPPROTO_TCP && skb_linearize(skb)) {
        NET_INC_STATS(net, IpInDiscards);
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return -ENOMEM;
    }
    if (unlikely(skb->ip_summed ==
                 CHECKSUM_COMPLETE)) /* the sum began at the IPv4 header, whose own sum is 0 */
        skb->csum = csum_sub(skb->csum, csum_partial(skb->data, ip_hdrlen(ip_hdr(skb)), (__force wsum)0));
    skb_pull(skb, ip_hdrlen(ip_hdr(skb)));
    if (unlikely(skb->nfctinfo || skb->nfct)) /* no queue keeps a connection alive, no reply is part of it */
        skb_nfct_drop(skb);
    NET_INC_STATS(net, IpInDelivers);
    return prot->handler(skb);
}

int ip_local_deliver(struct sk_buff *skb)
{
    struct net_device *dev = skb->dev;

    /* LOCAL_IN and the transports see whole datagrams only. */
    if (unlikely(ip_is_fragment(ip_hdr(skb)))) {
        int err = ip_defrag(dev->net, skb, IP_DEFRAG_LOCAL_DELIVER);

        if (err)
            return err == -EINPROGRESS ? 0 : err;
    }
    return nf_hook(NF_INET_LOCAL_IN, dev->net, skb, dev, NULL, ip_local_deliver_finish);
}

/* --- who takes which protocol --- */

int inet_add_protocol(struct net *net, const struct net_protocol *prot, uint8_t protocol)
{
    if (net->inet_protos[protocol])
        return -EEXIST;
    net->inet_protos[protocol] = prot;
    return 0;
}

void inet_del_protocol(struct net *net, uint8_t protocol)
{
    net->inet_protos[protocol] = NULL;
}
