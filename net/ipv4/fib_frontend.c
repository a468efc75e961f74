/*
 * fib_frontend.c - routes that follow the addresses of devices.
 *
 * Off the packet's way. Each address of a device that is up makes the routes of RFC 1122 3.3.1: the address
 * itself (local), its two broadcast addresses, and the network on the link. They go with the address or the
 * device.
 */
#include "net/ipv4/fib.h"

#include <errno.h>

#include "kernel/byteorder.h"
#include "kernel/log.h"
#include "net/ipv4/devconf.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/redirect.h"

static void inet_add_route(struct net_device *dev, enum rt_type type, be32 dst, uint8_t prefix_len,
                           be32 prefsrc)
{
    struct fib_config cfg = {
        .dst = dst, .prefix_len = prefix_len, .prefsrc = prefsrc, .dev = dev, .type = type};
    int err = fib_insert(dev->net, &cfg, true);

    if (err && err != -EEXIST)
        pr_err("%s: no memory for a route: %s will not be reachable by this address", dev->name, dev->name);
}

static void inet_add_routes(struct net_device *dev, const struct in_ifaddr *ifa)
{
    be32 network = ifa->local & ifa->mask;

    if (dev->flags & DEV_IFF_LOOPBACK) {
        inet_add_route(dev, RTN_LOCAL, network, ifa->prefix_len, ifa->local);
        return;
    }
    inet_add_route(dev, RTN_LOCAL, ifa->local, 32, ifa->local);
    if (ifa->prefix_len == 32)
        return;
    inet_add_route(dev, RTN_UNICAST, network, ifa->prefix_len, ifa->local);
    if (ifa->prefix_len == 31) /* RFC 3021: no broadcast on a point-to-point link */
        return;
    inet_add_route(dev, RTN_BROADCAST, network | ~ifa->mask, 32, ifa->local);
    inet_add_route(dev, RTN_BROADCAST, network, 32, ifa->local);
}

struct inet_route_match {
    const struct net_device *dev;
    be32 local; /* 0: any */
};

/* By preferred source: routes by a gateway have none, so they stay while the device keeps an address. */
static bool inet_match_route(const struct fib_config *cfg, void *ctx)
{
    const struct inet_route_match *match = ctx;

    return cfg->dev == match->dev && (!match->local || cfg->prefsrc == match->local);
}

static void inet_remove_routes(struct net_device *dev, be32 local)
{
    struct inet_route_match match = {.dev = dev, .local = local};

    fib_remove_if(dev->net, inet_match_route, &match);
}

/* Another address may stand on the same network: its routes are made again. */
static void inet_addr_gone(struct net_device *dev, const struct in_ifaddr *gone)
{
    const struct in_ifaddr *ifa;
    bool others = false;

    inet_remove_routes(dev, gone->local);
    list_for_each_entry (ifa, &dev->ifa_list, list) {
        if (ifa == gone)
            continue;
        others = true;
        if (netif_running(dev))
            inet_add_routes(dev, ifa);
    }
    if (!others)
        inet_remove_routes(dev, 0);
}

static void inet_device_up(struct net_device *dev)
{
    const struct in_ifaddr *ifa;

    list_for_each_entry (ifa, &dev->ifa_list, list)
        inet_add_routes(dev, ifa);
}

static void inet_netdev_event(struct netdev_notifier *self, enum netdev_event event, struct net_device *dev,
                              struct in_ifaddr *ifa)
{
    switch (event) {
    case NETDEV_ADDR_ADD:
        if (netif_running(dev))
            inet_add_routes(dev, ifa);
        break;
    case NETDEV_ADDR_DEL:
        inet_addr_gone(dev, ifa);
        break;
    case NETDEV_UP:
        inet_device_up(dev);
        break;
    case NETDEV_DOWN:
        inet_remove_routes(dev, 0);
        ip_redirect_forget(dev->net, (__force be32)0, dev);
        break;
    case NETDEV_UNREGISTER:
        inet_remove_routes(dev, 0);
        devconf_detach(dev);
        break;
    case NETDEV_REGISTER:
        devconf_attach(dev);
        break;
    case NETDEV_CHANGE:
        break;
    }
    /* MTU, link and addresses are part of what the caches have decided. */
    rt_cache_flush(dev->net);
}

/* Devices that are there already are reported at once. */
void fib_follow_devices(struct net *net)
{
    net->ipv4->notifier.call = inet_netdev_event;
    register_netdev_notifier(net, &net->ipv4->notifier);
}

void fib_unfollow_devices(struct net *net)
{
    unregister_netdev_notifier(&net->ipv4->notifier);
}
