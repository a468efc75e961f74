/*
 * arp_route.c - what ARP asks of routing: by which device an address is reached, and whether we carry packets
 * on.
 *
 * For proxy ARP (RFC 1027) and arp_filter. ARP lies below IPv4 and does not know it: ip_init() hands it
 * these.
 */
#include "net/ethernet/arp.h"
#include "net/ipv4/devconf.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"

static struct net_device *ip_arp_out_dev(struct net *net, be32 daddr)
{
    struct flowi4 fl = {.daddr = daddr};
    int err;
    struct rtable *rt = ip_route_output(net, &fl, &err);
    struct net_device *dev;

    if (!rt)
        return NULL;
    dev = rt->type == RTN_UNICAST ? rt->dst.dev : NULL;
    dst_release(&rt->dst);
    return dev;
}

static bool ip_arp_forwards(struct net *net, const struct net_device *in)
{
    return devconf_forwarding(in);
}

const struct arp_route_ops ip_arp_route_ops = {
    .out_dev = ip_arp_out_dev,
    .forwards = ip_arp_forwards,
};
