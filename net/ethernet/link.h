/*
 * link.h - devices that are no card: VLANs, bridges, macvlans; made by the command line and by programs.
 *
 * They stand on other devices (net_device.lower) or have them as ports (net_device.master); this room hears
 * of what happens to those and passes it on. Where a function takes `why` it becomes a sentence on failure
 * that says what was wrong and what to write instead (borrowed, a literal), or NULL.
 */
#ifndef NET_ETHERNET_LINK_H
#define NET_ETHERNET_LINK_H

#include "net/core/netdevice.h"

/* What a kind of virtual device can be told. */
struct rtnl_link_ops {
    const char *kind; /* "vlan" */
    /* Unregisters the device, with all that sits on it, and frees it. */
    void (*dellink)(struct net_device *dev);
    /* Something has happened to dev->lower, or to a port of dev; never NETDEV_UNREGISTER. */
    void (*lower_event)(struct net_device *dev, struct net_device *lower, enum netdev_event event);
    /* A device becomes a port, or is one no longer; of bridges only, else NULL. */
    int (*add_slave)(struct net_device *dev, struct net_device *port, const char **why);
    void (*del_slave)(struct net_device *dev, struct net_device *port);
};

/* Starts listening to devices; at the end removes all virtual ones. 0 or -ENOMEM. */
int __must_check link_init(struct net *net);
void link_exit(struct net *net);

/**
 * vlan_link_add - a device for one VLAN of `lower` (IEEE 802.1Q), down
 * @name: NULL: "<lower>.<vlan_id>"
 * Return: 0, -EEXIST, -EINVAL, -ENOMEM.
 */
int vlan_link_add(struct net *net, const char *name, struct net_device *lower, unsigned vlan_id,
                  const char **why);
unsigned vlan_dev_vlan_id(const struct net_device *dev);

/* A bridge without ports, down: 0, -EEXIST, -EINVAL, -ENOMEM. */
int bridge_link_add(struct net *net, const char *name, const char **why);

/* One more address on `lower`; addr NULL: one is made up. 0, -EEXIST, -EINVAL, -EBUSY, -ENOMEM. */
int macvlan_link_add(struct net *net, const char *name, struct net_device *lower, const uint8_t *addr,
                     const char **why);

/* 0, or -EOPNOTSUPP: a card. */
int link_del(struct net_device *dev, const char **why);
/* Port of `master` from now on (NULL: of none): 0, -EOPNOTSUPP (master is no bridge), -EBUSY, -EINVAL,
 * -ELOOP, -ENOMEM. */
int link_set_master(struct net_device *dev, struct net_device *master, const char **why);
int link_set_mac_address(struct net_device *dev, const uint8_t *addr, const char **why);
int link_set_mtu(struct net_device *dev, unsigned mtu, const char **why);

/**
 * link_configure - one word of the command line
 * @key: "vlan" (eth0.10), "bridge" (br0:eth0,eth1[:stp[=15]]) or "macvlan" (mac0:eth0[:02:00:00:00:00:01])
 *
 * The devices are up afterwards, with what they stand on.
 * Return: 0; -ENODEV: a device it names is not there (yet); or another -E....
 */
int link_configure(struct net *net, const char *key, const char *value, const char **why);

/* All of them, in an order that lets each find what it stands on; what fails is logged with its reason. */
void link_configure_all(struct net *net);

/* --- for the kinds --- */

/* Sets *why (if anybody wants it) and returns err. */
static inline int link_fail(int err, const char **why, const char *sentence)
{
    if (why)
        *why = sentence;
    return err;
}

/* Whether a device may be called so: 0, -EINVAL or -EEXIST. */
int link_check_name(struct net *net, const char *name, const char **why);
/* Whether `dev` is `on`, or stands on it by any number of steps. */
bool link_stands_on(const struct net_device *dev, const struct net_device *on);
/* How many devices stand on one another up to dev; a packet climbs each by a call. */
unsigned link_depth(const struct net_device *dev);
#define LINK_DEPTH_MAX 6

/* The features of a device that stands on another: whatever is asked of it the one below does or has done. */
unsigned link_features_above(const struct net_device *lower);
/* An address given by hand, or (NULL) one of the kind that is given out by hand, made up. */
void link_choose_addr(uint8_t *to, const uint8_t *addr);
/* Carrier as the device below has it. */
void link_follow_carrier(struct net_device *dev, const struct net_device *lower);

extern const struct rtnl_link_ops vlan_link_ops, bridge_link_ops, macvlan_link_ops;

#endif
