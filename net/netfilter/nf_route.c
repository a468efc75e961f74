/*
 * nf_route.c - packets of ours are routed again after a rule or a program has changed them on LOCAL_OUT.
 *
 * Called by table mangle, by address translation and for verdicts from a queue.
 */
#include "net/netfilter/nf_route.h"

#include "net/core/sock.h"
#include "net/ipv4/route.h"

int ip_route_me_harder(struct sk_buff *skb)
{
    const struct iphdr *iph = (const struct iphdr *)skb->data;
    struct net *net = skb->dst->net;
    struct flowi4 fl = {.daddr = iph->daddr,
                        .saddr = iph->saddr,
                        .oif = skb->sk ? skb->sk->sk_bound_dev_if : 0,
                        .tos = iph->tos,
                        .mark = skb->mark};
    struct rtable *rt;
    int err;

    /* A raw socket may send from an address that is none of ours: no reason to find no route for it. */
    if (inet_addr_type(net, NULL, fl.saddr) != RTN_LOCAL)
        fl.saddr = (__force be32)0;
    rt = ip_route_output(net, &fl, &err);
    if (!rt)
        return err;
    skb_dst_drop(skb);
    skb_dst_set(skb, &rt->dst);
    return 0;
}
