/*
 * link.c - what VLANs, bridges and macvlans have in common: their names, what they stand on, and hearing of
 * it.
 *
 * Off the packet's way. One notifier passes on what happens to a device to those that stand on it, and to the
 * bridge it is a port of; when it goes, so do they.
 */
#include "net/ethernet/link.h"

#include <string.h>

#include "kernel/slab.h"
#include "net/ethernet/ethernet.h"

struct netns_link {
    struct netdev_notifier notifier;
};

/* --- what stands on what --- */

static bool link_is_port_of(const struct net_device *port, const struct net_device *dev)
{
    return port->master == dev;
}

bool link_stands_on(const struct net_device *dev, const struct net_device *on)
{
    const struct net_device *port;

    if (!dev || dev == on)
        return dev == on;
    if (dev->lower)
        return link_stands_on(dev->lower, on);
    if (!dev->net || dev->rtnl_link_ops != &bridge_link_ops)
        return false;
    list_for_each_entry (port, &dev->net->dev_base, dev_list) {
        if (link_is_port_of(port, dev) && link_stands_on(port, on))
            return true;
    }
    return false;
}

unsigned link_depth(const struct net_device *dev)
{
    const struct net_device *port;
    unsigned deepest = 0;

    if (dev->lower)
        return 1 + link_depth(dev->lower);
    if (dev->rtnl_link_ops != &bridge_link_ops)
        return 0;
    list_for_each_entry (port, &dev->net->dev_base, dev_list) {
        if (link_is_port_of(port, dev))
            deepest = max(deepest, link_depth(port));
    }
    return 1 + deepest;
}

unsigned link_features_above(const struct net_device *lower)
{
    return NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_TSO |
           (lower->features & NETIF_F_TSO_SHORT_TAIL);
}

void link_follow_carrier(struct net_device *dev, const struct net_device *lower)
{
    if (netif_running(lower) && lower->carrier)
        netif_carrier_on(dev);
    else
        netif_carrier_off(dev);
}

void link_choose_addr(uint8_t *to, const uint8_t *addr)
{
    if (addr) {
        memcpy(to, addr, ETH_ALEN);
        return;
    }
    get_random_bytes(to, ETH_ALEN);
    to[0] = (uint8_t)((to[0] & ~1) | 2); /* IEEE 802: of one station, given out locally */
}

/* --- names --- */

int link_check_name(struct net *net, const char *name, const char **why)
{
    size_t len = strlen(name);

    if (!len || len >= IFNAMSIZ)
        return link_fail(-EINVAL, why, "the device's name must have 1 to 15 characters: write one like br0");
    for (const char *p = name; *p; p++) {
        if (*p <= ' ' || *p > '~' || *p == '/' || *p == '%' || *p == ':' || *p == ',')
            return link_fail(-EINVAL, why,
                             "a device's name has no blanks and none of / % : and comma: write one like br0");
    }
    if (dev_get_by_name(net, name))
        return link_fail(-EEXIST, why, "a device of that name is there already: choose another name");
    return 0;
}

/* --- changes by hand --- */

int link_del(struct net_device *dev, const char **why)
{
    if (!dev->rtnl_link_ops)
        return link_fail(
            -EOPNOTSUPP, why,
            "that is a card or the loopback device, which stays: only VLANs, bridges and macvlans go");
    dev->rtnl_link_ops->dellink(dev);
    return 0;
}

int link_set_master(struct net_device *dev, struct net_device *master, const char **why)
{
    if (dev->master == master)
        return 0;
    if (master && (!master->rtnl_link_ops || !master->rtnl_link_ops->add_slave))
        return link_fail(-EOPNOTSUPP, why, "the master is no bridge: name one, or make it first");
    if (dev->master)
        dev->master->rtnl_link_ops->del_slave(dev->master, dev);
    return master ? master->rtnl_link_ops->add_slave(master, dev, why) : 0;
}

int link_set_mac_address(struct net_device *dev, const uint8_t *addr, const char **why)
{
    if (dev->flags & DEV_IFF_LOOPBACK)
        return link_fail(-EOPNOTSUPP, why, "the loopback device has no address of this kind");
    if (dev_set_mac_address(dev, addr))
        return link_fail(
            -EADDRNOTAVAIL, why,
            "a station's address is not zero and its first byte is even: write one like 02:00:00:00:00:01");
    return 0;
}

int link_set_mtu(struct net_device *dev, unsigned mtu, const char **why)
{
    if (dev_set_mtu(dev, mtu))
        return link_fail(-EINVAL, why,
                         "the MTU must be 68 to 65535, and not larger than that of the device below");
    return 0;
}

/* --- what happens to devices --- */

/* Takes away what stands on a device that goes; each removal may remove others, so the search starts anew. */
static void link_remove_above(struct net *net, const struct net_device *lost)
{
    struct net_device *dev;

again:
    list_for_each_entry (dev, &net->dev_base, dev_list) {
        if (dev->rtnl_link_ops && dev->lower == lost) {
            dev->rtnl_link_ops->dellink(dev);
            goto again;
        }
    }
}

static void link_netdev_event(struct netdev_notifier *self, enum netdev_event event, struct net_device *dev,
                              struct in_ifaddr *ifa)
{
    struct net_device *above, *next;

    switch (event) {
    case NETDEV_UNREGISTER:
        if (dev->master)
            dev->master->rtnl_link_ops->del_slave(dev->master, dev);
        link_remove_above(dev->net, dev);
        return;
    case NETDEV_UP:
    case NETDEV_DOWN:
    case NETDEV_CHANGE:
        break;
    case NETDEV_REGISTER:
    case NETDEV_ADDR_ADD:
    case NETDEV_ADDR_DEL:
        return;
    }
    list_for_each_entry_safe (above, next, &dev->net->dev_base, dev_list) {
        if (above->rtnl_link_ops && above->lower == dev)
            above->rtnl_link_ops->lower_event(above, dev, event);
    }
    if (dev->master)
        dev->master->rtnl_link_ops->lower_event(dev->master, dev, event);
}

/* --- start and end --- */

int link_init(struct net *net)
{
    net->link = kzalloc(sizeof(*net->link));
    if (!net->link)
        return -ENOMEM;
    net->link->notifier.call = link_netdev_event;
    register_netdev_notifier(net, &net->link->notifier);
    return 0;
}

void link_exit(struct net *net)
{
    struct net_device *dev;

again:
    list_for_each_entry (dev, &net->dev_base, dev_list) {
        if (dev->rtnl_link_ops) {
            dev->rtnl_link_ops->dellink(dev);
            goto again;
        }
    }
    unregister_netdev_notifier(&net->link->notifier);
    kfree(net->link);
    net->link = NULL;
}
