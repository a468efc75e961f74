/*
 * arp.h - address resolution for IPv4 over Ethernet (RFC 826, RFC 5227).
 */
#ifndef NET_ETHERNET_ARP_H
#define NET_ETHERNET_ARP_H

#include "net/core/neighbour.h"

/* Registers ETH_P_ARP, makes net->arp_tbl, listens for addresses added to devices. 0 or -ENOMEM. */
int __must_check arp_init(struct net *net);
void arp_exit(struct net *net);

/**
 * arp_dad_start - is this address free? (RFC 5227 2.1.1)
 * @ifa: an entry of dev->ifa_list with `tentative` set
 *
 * Sends three probes over about two seconds, then announces twice and clears `tentative`; on a conflict calls
 * nothing more and leaves the address tentative. `done` (may be NULL) hears the outcome: conflict's link
 * address or NULL. Cheap variant for boot: with net.ipv4.arp_probe=0 the address is used at once and only
 * announced (gratuitous ARP); a conflict is then noticed and defended (2.4).
 */
int arp_dad_start(struct net_device *dev, struct in_ifaddr *ifa,
                  void (*done)(struct net_device *dev, be32 addr, const uint8_t *conflict, void *ctx),
                  void *ctx);

/* What ARP asks of routing, for proxy ARP and arp_filter. */
struct arp_route_ops {
    /* The device by which a packet of ours to daddr leaves; NULL: by none, or it stays here. */
    struct net_device *(*out_dev)(struct net *net, be32 daddr);
    /* Whether packets that come in by `in` are carried on. */
    bool (*forwards)(struct net *net, const struct net_device *in);
};
/* IPv4 is there; NULL: it is not any more. */
void arp_set_route_ops(struct net *net, const struct arp_route_ops *ops);

/* Answers on dev for addr, as long as we forward: 0, -EEXIST, -ENOMEM; -ENOENT. */
int arp_proxy_add(struct net_device *dev, be32 addr);
int arp_proxy_del(struct net_device *dev, be32 addr);
/* Calls fn for each of these until it returns false. */
void arp_proxy_for_each(struct net *net, bool (*fn)(struct net_device *dev, be32 addr, void *ctx), void *ctx);

/* One ARP packet. op: 1 request, 2 reply. target_hw NULL: zeros. */
void arp_send(struct net_device *dev, uint16_t op, be32 dest_ip, be32 src_ip, const uint8_t *dest_hw,
              const uint8_t *src_hw, const uint8_t *target_hw);

#endif
