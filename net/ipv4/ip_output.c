/*
 * ip_output.c - IPv4, sending side.
 *
 *     ip_queue_xmit (sockets with a connection)  \
 *     ip_build_and_send (datagrams, replies)      >-- LOCAL_OUT -> dst->output = ip_output -> POST_ROUTING
 *     ip_local_out (finished datagrams)          /        -> ip_finish_output -> neigh_output
 *
 * Called by the transports in task or softirq context. The header is put together in five registers, whose
 * sum is its checksum. A datagram beyond the path MTU goes in pieces (ip_fragment), or is refused if it has
 * DF.
 */
#include "net/ipv4/ip.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/checksum.h"
#include "net/core/neighbour.h"
#include "net/ethernet/ethernet.h"
#include "net/ipv4/igmp.h"
#include "net/ipv4/ip_internal.h"
#include "net/ipv4/route.h"
#include "net/netfilter/hooks.h"

/* Takes skb. */
static int ip_drop(struct sk_buff *skb, enum skb_drop_reason reason, int err)
{
    NET_INC_STATS(skb->net, IpOutDiscards);
    kfree_skb_reason(skb, reason);
    return err;
}

/* --- the header --- */

struct ip_header_fields {
    be32 saddr, daddr;
    uint8_t protocol, ttl, tos;
    bool df;
    uint16_t id; /* without df */
};

/*
 * Writes a header of `hdr_len` bytes for a datagram of `tot_len` in all; options behind the first 20 bytes
 * must be there already. A datagram that is not to be fragmented needs no id (RFC 6864 4.1: atomic); others
 * bring one from ip_select_ident().
 */
static inline void ip_write_header(struct iphdr *iph, unsigned hdr_len, unsigned tot_len,
                                   const struct ip_header_fields *f)
{
    uint32_t *word = (uint32_t *)iph;
    uint32_t id = f->id;
    uint64_t sum;

    /* Five stores in network order, added as they go: one's-complement sums do not mind the byte order. */
    word[0] = (__force uint32_t)cpu_to_be32((0x40 | hdr_len / 4) << 24 | (uint32_t)f->tos << 16 |
                                            (tot_len & 0xffff));
    word[1] = (__force uint32_t)cpu_to_be32(id << 16 | (f->df ? IP_DF : 0));
    word[2] = (__force uint32_t)cpu_to_be32((uint32_t)f->ttl << 24 | (uint32_t)f->protocol << 16);
    word[3] = (__force uint32_t)f->saddr;
    word[4] = (__force uint32_t)f->daddr;
    sum = (uint64_t)word[0] + word[1] + word[2] + word[3] + word[4];
    for (unsigned i = 5; i < hdr_len / 4; i++)
        sum += word[i];
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    iph->check = csum_fold((__force wsum)(uint32_t)sum);
}

/* A datagram that the card will cut into segments has no length of its own yet. */
static inline unsigned ip_total_len(const struct sk_buff *skb)
{
    return likely(skb->len <= IP_MAX_MTU) ? skb->len : 0;
}

/* --- the way out --- */

static int ip_dst_output(struct sk_buff *skb)
{
    return skb->dst->output(skb);
}

/* Header and checksum are complete, dst is set. Takes skb. */
static inline int ip_send_out(struct net *net, struct sk_buff *skb)
{
    NET_INC_STATS(net, IpOutRequests);
    skb->protocol = cpu_to_be16(ETH_P_IP);
    return nf_hook(NF_INET_LOCAL_OUT, net, skb, NULL, skb->dst->dev, ip_dst_output);
}

int ip_local_out(struct sk_buff *skb)
{
    struct iphdr *iph = (struct iphdr *)skb->data;

    skb_reset_network_header(skb);
    iph->tot_len = cpu_to_be16((uint16_t)ip_total_len(skb));
    iph->check = (__force sum16)0;
    iph->check = ip_fast_csum(iph, ip_hdrlen(iph) / 4);
    return ip_send_out(skb->dst->net, skb);
}

/* The next hop has no entry with this route yet, or a dead one. Return: borrowed, NULL if there is no room.
 */
static struct neighbour *ip_find_neigh(struct rtable *rt)
{
    if (rt->neigh)
        neigh_release(rt->neigh);
    rt->neigh = neigh_lookup_or_create(rt->dst.net->arp_tbl, rt->nexthop, rt->dst.dev);
    return rt->neigh;
}

/* What fits: down to the link. Takes skb. */
static inline int ip_finish_output2(struct sk_buff *skb)
{
    struct rtable *rt = skb_rtable(skb);
    struct neighbour *neigh = rt->neigh;
    struct net *net = rt->dst.net;

    if (unlikely(skb_headroom(skb) < rt->dst.dev->hard_header_len) &&
        skb_cow_head(skb, ALIGN_UP(rt->dst.dev->hard_header_len, 16u)))
        return ip_drop(skb, SKB_DROP_REASON_NOMEM, -ENOBUFS);
    if (unlikely(!neigh || neigh->dead)) {
        neigh = ip_find_neigh(rt);
        if (!neigh)
            return ip_drop(skb, SKB_DROP_REASON_NEIGH_CREATEFAIL, -ENOBUFS);
    }
    NET_ADD_STATS(net, IpExtOutOctets, skb->len);
    return neigh_output(neigh, skb);
}

static int ip_output_piece(struct sk_buff *skb)
{
    return ip_finish_output2(skb);
}

/* After POST_ROUTING, longer than the path MTU or put together from fragments. Takes skb. */
static int ip_finish_output_frag(struct sk_buff *skb)
{
    struct net *net = skb->dst->net;

    if (ip_must_not_fragment(skb, skb->dst->mtu)) {
        NET_INC_STATS(net, IpFragFails);
        return ip_drop(skb, SKB_DROP_REASON_IP_MTU, -EMSGSIZE);
    }
    return ip_fragment(net, skb, ip_output_piece);
}

/* After POST_ROUTING. Takes skb. */
static int ip_finish_output(struct sk_buff *skb)
{
    if (unlikely((skb->len > skb->dst->mtu && !skb_shinfo(skb)->gso_size) || skb->frag_max_size))
        return ip_finish_output_frag(skb);
    return ip_finish_output2(skb);
}

int ip_output(struct sk_buff *skb)
{
    struct net_device *dev = skb->dst->dev;

    skb->dev = dev;
    return nf_hook(NF_INET_POST_ROUTING, dev->net, skb, NULL, dev, ip_finish_output);
}

/* A copy goes up again as if it had come in by the device it leaves by (RFC 1112 6.1), with the route it has.
 */
static void ip_mc_loop(struct sk_buff *skb)
{
    struct sk_buff *copy = skb_checksum_help(skb) ? NULL : skb_clone(skb);

    if (!copy)
        return;
    skb_reset_mac_header(copy);
    copy->pkt_type = PACKET_LOOPBACK;
    copy->ip_summed = CHECKSUM_UNNECESSARY;
    netif_rx(copy);
}

int ip_mc_output(struct sk_buff *skb)
{
    struct net_device *dev = skb->dst->dev;

    skb->dev = dev;
    if (skb->sk && skb->sk->inet_mc_loop && ip_check_mc(dev, ip_hdr(skb)->daddr))
        ip_mc_loop(skb);
    if (!ip_hdr(skb)->ttl) {
        consume_skb(skb);
        return 0;
    }
    return ip_output(skb);
}

/* --- what the transports call --- */

/* The socket's route, found anew if need be; borrowed. NULL and *err. */
static struct rtable *ip_sk_route(struct sock *sk, int *err)
{
    struct rtable *rt = (struct rtable *)sk_dst_check(sk);

    if (unlikely(!rt)) {
        struct flowi4 fl = {.daddr = sk->sk_daddr,
                            .saddr = sk->inet_saddr,
                            .oif = sk->sk_bound_dev_if,
                            .tos = sk->inet_tos,
                            .mark = sk->sk_mark};

        rt = ip_route_output(sock_net(sk), &fl, err);
        if (rt)
            sk_dst_set(sk, &rt->dst);
    }
    return rt;
}

static inline bool ip_want_df(const struct sock *sk, const struct rtable *rt)
{
    switch (sk->inet_pmtudisc) {
    case IP_PMTUDISC_WANT:
        return !rt->mtu_locked;
    case IP_PMTUDISC_DO:
    case IP_PMTUDISC_PROBE:
        return true;
    default:
        return false;
    }
}

int ip_queue_xmit(struct sock *sk, struct sk_buff *skb)
{
    struct net *net = sock_net(sk);
    int err;
    struct rtable *rt = ip_sk_route(sk, &err);

    if (unlikely(!rt))
        return ip_drop(skb, SKB_DROP_REASON_IP_OUTNOROUTES, err);
    skb_dst_drop(skb);
    skb_dst_set(skb, dst_hold(&rt->dst));
    skb->priority = sk->sk_priority;
    skb->mark = sk->sk_mark;

    struct ip_header_fields fields = {
        .saddr = sk->inet_saddr,
        .daddr = sk->sk_daddr,
        .protocol = sk->sk_protocol,
        .ttl = sk->inet_ttl ? sk->inet_ttl : (uint8_t)net->ipv4->sysctl_ip_default_ttl,
        .tos = sk->inet_tos | sk->inet_ecn,
        .df = ip_want_df(sk, rt),
    };
    if (unlikely(!fields.df))
        fields.id = ip_select_ident(net, fields.saddr, fields.daddr, fields.protocol);
    struct iphdr *iph = skb_push(skb, sizeof(*iph));

    skb_reset_network_header(skb);
    ip_write_header(iph, sizeof(*iph), ip_total_len(skb), &fields);
    return ip_send_out(net, skb);
}

int ip_build_and_send(struct net *net, struct sock *sk, struct sk_buff *skb, struct dst_entry *dst,
                      const struct ip_params *params)
{
    unsigned options_len = ALIGN_UP(params->options_len, 4u);
    struct ip_header_fields fields = {
        .saddr = params->saddr,
        .daddr = params->daddr,
        .protocol = params->protocol,
        .ttl = params->ttl || params->host_only ? params->ttl : (uint8_t)net->ipv4->sysctl_ip_default_ttl,
        .tos = params->tos,
        .df = params->df,
    };
    struct iphdr *iph;

    if (!params->df)
        fields.id = ip_select_ident(net, params->saddr, params->daddr, params->protocol);
    if (unlikely(skb_headroom(skb) < sizeof(*iph) + options_len) && skb_cow_head(skb, MAX_HEADER))
        return ip_drop(skb, SKB_DROP_REASON_NOMEM, -ENOBUFS);
    skb_dst_drop(skb);
    skb_dst_set(skb, dst_hold(dst));
    if (sk) {
        skb->priority = sk->sk_priority;
        skb->mark = sk->sk_mark;
    }
    if (options_len) {
        uint8_t *options = skb_push(skb, options_len);

        memset(options, 0, options_len);
        memcpy(options, params->options, params->options_len);
    }
    iph = skb_push(skb, sizeof(*iph));
    skb_reset_network_header(skb);
    ip_write_header(iph, sizeof(*iph) + options_len, ip_total_len(skb), &fields);
    return ip_send_out(net, skb);
}
