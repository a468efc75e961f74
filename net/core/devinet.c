/*
 * devinet.c - the IPv4 addresses of devices.
 *
 * Set by ip=, DHCP and the console; read by routing and ARP, which hear of every change through the notifier.
 */
#include <errno.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/netdevice.h"

static uint32_t prefix_mask(uint8_t prefix_len)
{
    return prefix_len ? ~0u << (32 - prefix_len) : 0;
}

/* Whether a host may be called so (RFC 1122 3.2.1.3): not 0/8, multicast, reserved, the network or its
 * broadcast. */
static bool inet_addr_usable(uint32_t addr, uint8_t prefix_len)
{
    if (prefix_len < 1 || prefix_len > 32 || addr >> 24 == 0 || addr >> 28 >= 0xe)
        return false;
    uint32_t host = ~prefix_mask(prefix_len);
    /* RFC 3021: both addresses of a /31 are hosts. */
    return prefix_len >= 31 || ((addr & host) != 0 && (addr & host) != host);
}

static struct in_ifaddr *inet_dev_find(struct net_device *dev, be32 local)
{
    struct in_ifaddr *ifa;

    list_for_each_entry (ifa, &dev->ifa_list, list) {
        if (ifa->local == local)
            return ifa;
    }
    return NULL;
}

int inet_addr_add(struct net_device *dev, be32 local, uint8_t prefix_len)
{
    uint32_t mask = prefix_len <= 32 ? prefix_mask(prefix_len) : 0;

    if (!dev->net)
        return -ENODEV;
    if (!inet_addr_usable(be32_to_cpu(local), prefix_len))
        return -EINVAL;
    if (inet_dev_find(dev, local))
        return -EEXIST;
    struct in_ifaddr *ifa = kzalloc(sizeof(*ifa));
    if (!ifa)
        return -ENOMEM;
    ifa->local = local;
    ifa->mask = cpu_to_be32(mask);
    ifa->prefix_len = prefix_len;
    if (prefix_len < 31)
        ifa->broadcast = cpu_to_be32(be32_to_cpu(local) | ~mask);
    list_add_tail(&ifa->list, &dev->ifa_list);
    call_netdev_notifiers(NETDEV_ADDR_ADD, dev, ifa);
    return 0;
}

int inet_addr_del(struct net_device *dev, be32 local)
{
    struct in_ifaddr *ifa = inet_dev_find(dev, local);

    if (!ifa)
        return -EADDRNOTAVAIL;
    list_del_init(&ifa->list);
    call_netdev_notifiers(NETDEV_ADDR_DEL, dev, ifa);
    kfree(ifa);
    return 0;
}

struct in_ifaddr *inet_addr_find(struct net *net, struct net_device *dev, be32 local)
{
    if (dev)
        return inet_dev_find(dev, local);
    list_for_each_entry (dev, &net->dev_base, dev_list) {
        struct in_ifaddr *ifa = inet_dev_find(dev, local);
        if (ifa)
            return ifa;
    }
    return NULL;
}

be32 inet_select_addr(struct net_device *dev, be32 dst)
{
    struct in_ifaddr *ifa;
    be32 primary = (__force be32)0;

    list_for_each_entry (ifa, &dev->ifa_list, list) {
        if (ifa->tentative)
            continue;
        if (!(((__force uint32_t)ifa->local ^ (__force uint32_t)dst) & (__force uint32_t)ifa->mask))
            return ifa->local;
        if (!primary)
            primary = ifa->local;
    }
    return primary;
}
