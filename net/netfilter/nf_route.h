/*
 * nf_route.h - packets of ours whose headers a rule has changed: which way now?
 */
#ifndef NET_NETFILTER_NF_ROUTE_H
#define NET_NETFILTER_NF_ROUTE_H

#include "net/ipv4/ip.h"

/* What of a packet its route may depend on. */
struct nf_route_key {
    be32 saddr, daddr;
    uint32_t mark;
    uint8_t tos;
};

static inline struct nf_route_key nf_route_key(const struct sk_buff *skb)
{
    const struct iphdr *iph = (const struct iphdr *)skb->data;

    return (struct nf_route_key){
        .saddr = iph->saddr, .daddr = iph->daddr, .mark = skb->mark, .tos = iph->tos};
}

static inline bool nf_route_key_changed(const struct sk_buff *skb, const struct nf_route_key *before)
{
    const struct nf_route_key now = nf_route_key(skb);

    return now.daddr != before->daddr || now.saddr != before->saddr || now.mark != before->mark ||
           now.tos != before->tos;
}

/**
 * ip_route_me_harder - a packet at LOCAL_OUT gets the route its header asks for now
 * @skb: at its IPv4 header, with a route (borrowed)
 *
 * The device its socket is bound to stays asked for. Return: 0; -E...: there is none, the old one stays.
 */
int __must_check ip_route_me_harder(struct sk_buff *skb);

#endif
