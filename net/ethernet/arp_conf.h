/*
 * arp_conf.h - for whom ARP answers, and by which address it asks: settings per device, and what it answers
 * for in place of others.
 *
 * net.ipv4.conf.{all,default,<device>}.{proxy_arp,arp_ignore,arp_announce,arp_filter} mean what they mean in
 * Linux; "default" is what devices that come later start with, "all" counts beside each device's own: the
 * larger of the two holds. Their defaults differ in two places, both for the sake of machines with two cards
 * on one network: arp_ignore is 1 (answer for the addresses of the card that is asked, not for the other
 * card's), arp_announce is 1 (ask by an address of the target's network).
 */
#ifndef NET_ETHERNET_ARP_CONF_H
#define NET_ETHERNET_ARP_CONF_H

#include "net/core/netdevice.h"
#include "net/core/sysctl.h"
#include "net/ethernet/arp.h"

enum arp_setting { ARP_PROXY_ARP, ARP_IGNORE, ARP_ANNOUNCE, ARP_FILTER, ARP_SETTINGS };

struct arp_conf {
    struct list_head list;  /* arp_confs.devices */
    struct net_device *dev; /* NULL: all, default */
    int value[ARP_SETTINGS];
    char name[ARP_SETTINGS][48];
    struct sysctl_entry entries[ARP_SETTINGS + 1];
    struct sysctl_table sysctl;
};

/* One address that is answered for by hand. */
struct arp_proxy {
    struct list_head list; /* arp_confs.proxies */
    struct net_device *dev;
    be32 addr;
};

struct arp_confs {
    struct net *net;
    struct arp_conf all, defaults;
    struct list_head devices, proxies;
    const struct arp_route_ops *route;
};

struct arp_confs *arp_confs_of(struct net *net); /* arp.c */

void arp_conf_init(struct arp_confs *confs, struct net *net);
void arp_conf_exit(struct arp_confs *confs);
void arp_conf_device_added(struct arp_confs *confs, struct net_device *dev);
void arp_conf_device_gone(struct arp_confs *confs, struct net_device *dev);

int arp_conf_get(const struct arp_confs *confs, const struct net_device *dev, enum arp_setting setting);

/* Whether to answer on dev a request of sip (0: a probe) for tip as one for an address of ours. */
bool arp_is_for_us(const struct arp_confs *confs, struct net_device *dev, be32 sip, be32 tip);
/* Whether to answer in place of the host tip, whom we reach by another device. */
bool arp_is_for_proxy(const struct arp_confs *confs, struct net_device *dev, be32 sip, be32 tip);
/* The address to ask by for `target`, when a packet from `saddr` (0: unknown) waits. 0: there is none. */
be32 arp_choose_source(const struct arp_confs *confs, struct net_device *dev, be32 saddr, be32 target);
/* Whether addr is on a subnet that dev has an address of. */
bool arp_is_on_link(const struct net_device *dev, be32 addr);

#endif
