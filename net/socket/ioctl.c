/*
 * ioctl.c - devices, addresses and routes, as ifconfig and route know them (netdevice(7), rtnetlink's
 * ancestor).
 *
 * Every request carries the name of a device in a struct ifreq, but for SIOCGIFCONF (all devices),
 * SIOCGIFNAME (by index) and the routes (struct rtentry). Called from any AF_INET socket.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/byteorder.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "net/core/netdevice.h"
#include "net/core/sysctl.h"
#include "net/ethernet/arp.h"
#include "net/ipv4/route.h"
#include "net/socket/socket.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>

/* Duplicate detection takes RFC 5227 two seconds and the announcements two more; longer means it was dropped.
 */
#define DAD_TIMEOUT_MS    15000
#define ARP_PROBE_SETTING "net.ipv4.arp_probe"

/* --- struct sockaddr --- */

static void put_in_addr(struct sockaddr *sa, be32 addr)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = (__force uint32_t)addr};

    memcpy(sa, &sin, sizeof(sin));
}

static be32 get_in_addr(const struct sockaddr *sa)
{
    struct sockaddr_in sin;

    memcpy(&sin, sa, sizeof(sin));
    return (__force be32)sin.sin_addr.s_addr;
}

/* The length of a prefix, or -EINVAL for a mask with holes. */
static int mask_to_prefix(be32 mask)
{
    uint32_t m = be32_to_cpu(mask);

    if (~m & (~m + 1))
        return -EINVAL;
    return m ? 32 - __builtin_ctz(m) : 0;
}

/* Before masks were configured, an address said how long its network part is (RFC 791 3.2). */
static int class_prefix(be32 addr)
{
    uint32_t a = be32_to_cpu(addr);

    return IN_CLASSA(a) ? 8 : IN_CLASSB(a) ? 16 : IN_CLASSC(a) ? 24 : 32;
}

static struct in_ifaddr *primary_address(struct net_device *dev)
{
    return list_empty(&dev->ifa_list) ? NULL : list_first_entry(&dev->ifa_list, struct in_ifaddr, list);
}

/* --- replacing a device's address --- */

struct dad_wait {
    struct wait_queue_head wq;
    bool done, conflict;
};

static void dad_done(struct net_device *dev, be32 addr, const uint8_t *conflict, void *ctx)
{
    struct dad_wait *wait = ctx;

    wait->done = true;
    wait->conflict = conflict != NULL;
    wake_up(&wait->wq, 0);
}

/*
 * Adds the address in the probing state and sleeps until the link has had its say: 0, or -E... and the
 * address is gone again. ARP probes for what it hears of while net.ipv4.arp_probe is set, so that it is set
 * for the moment.
 */
static int add_probed_address(struct net *net, const char *ifname, be32 addr, uint8_t prefix_len)
{
    struct dad_wait wait = {.done = false};
    struct net_device *dev = dev_get_by_name(net, ifname);
    char setting[16] = "0";
    int err;

    init_waitqueue_head(&wait.wq);
    sysctl_get(net, ARP_PROBE_SETTING, setting, sizeof(setting));
    sysctl_set(net, ARP_PROBE_SETTING, "1");
    err = inet_addr_add(dev, addr, prefix_len);
    if (!err)
        err = arp_dad_start(dev, inet_addr_find(net, dev, addr), dad_done, &wait);
    sysctl_set(net, ARP_PROBE_SETTING, setting);

    if (!err && !wait_event_until(&wait.wq, wait.done, ktime_get_ms() + DAD_TIMEOUT_MS))
        err = -ETIMEDOUT;
    if (!err && wait.conflict)
        err = -EADDRINUSE;
    dev = dev_get_by_name(net, ifname); /* it may have been unplugged meanwhile */
    if (err && dev)
        inet_addr_del(dev, addr);
    return err;
}

int if_set_address(struct net *net, const char *ifname, be32 addr, int prefix_len, bool probe)
{
    struct net_device *dev = dev_get_by_name(net, ifname);
    struct in_ifaddr *ifa, old;
    int err;

    if (!dev)
        return -ENODEV;
    if (prefix_len < 0 || prefix_len > 32)
        return -EINVAL;
    ifa = primary_address(dev);
    if (ifa && ifa->local == addr && ifa->prefix_len == prefix_len && ifa->list.next == &dev->ifa_list)
        return 0;
    old = ifa ? *ifa : (struct in_ifaddr){.local = 0};
    while ((ifa = primary_address(dev)))
        inet_addr_del(dev, ifa->local);
    if (!addr)
        return 0;
    if (probe && !(dev->flags & (DEV_IFF_LOOPBACK | DEV_IFF_NOARP)))
        return add_probed_address(net, ifname, addr, (uint8_t)prefix_len);
    err = inet_addr_add(dev, addr, (uint8_t)prefix_len);
    if (err && old.local && inet_addr_add(dev, old.local, old.prefix_len) < 0)
        pr_warn("%s: no memory to keep its address", dev->name);
    return err;
}

static int set_netmask(struct net_device *dev, be32 mask)
{
    struct in_ifaddr *ifa = primary_address(dev);
    int prefix_len = mask_to_prefix(mask);

    if (!ifa)
        return -EADDRNOTAVAIL;
    return prefix_len < 0 ? prefix_len : if_set_address(dev->net, dev->name, ifa->local, prefix_len, false);
}

/* --- one device --- */

static int set_flags(struct net_device *dev, unsigned flags)
{
    unsigned changed = (dev->flags ^ flags) & (IFF_UP | IFF_PROMISC);
    int err = 0;

    if (changed & IFF_PROMISC)
        err = dev_set_promiscuity(dev, flags & IFF_PROMISC ? 1 : -1);
    if (!err && (changed & IFF_UP)) {
        if (flags & IFF_UP)
            err = dev_open(dev);
        else
            dev_close(dev);
    }
    return err;
}

static int get_address(struct net_device *dev, unsigned long cmd, struct ifreq *ifr)
{
    const struct in_ifaddr *ifa = primary_address(dev);

    if (!ifa)
        return -EADDRNOTAVAIL;
    put_in_addr(&ifr->ifr_addr, cmd == SIOCGIFADDR      ? ifa->local
                                : cmd == SIOCGIFNETMASK ? ifa->mask
                                                        : ifa->broadcast);
    return 0;
}

static void get_hwaddr(const struct net_device *dev, struct ifreq *ifr)
{
    ifr->ifr_hwaddr =
        (struct sockaddr){.sa_family = dev->flags & DEV_IFF_LOOPBACK ? ARPHRD_LOOPBACK : ARPHRD_ETHER};
    memcpy(ifr->ifr_hwaddr.sa_data, dev->dev_addr, ETH_ALEN);
}

static int get_of_device(struct net_device *dev, unsigned long cmd, struct ifreq *ifr)
{
    switch (cmd) {
    case SIOCGIFADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFBRDADDR:
        return get_address(dev, cmd, ifr);
    case SIOCGIFHWADDR:
        get_hwaddr(dev, ifr);
        return 0;
    case SIOCGIFFLAGS:
        ifr->ifr_flags = (short)(dev->flags | (netif_running(dev) && dev->carrier ? IFF_RUNNING : 0));
        return 0;
    case SIOCGIFINDEX:
        ifr->ifr_ifindex = dev->ifindex;
        return 0;
    case SIOCGIFMTU:
        ifr->ifr_mtu = (int)dev->mtu;
        return 0;
    case SIOCGIFTXQLEN:
        ifr->ifr_qlen = (int)dev->tx_queue_len;
        return 0;
    }
    return -ENOTTY;
}

static int set_of_device(struct net_device *dev, unsigned long cmd, const struct ifreq *ifr)
{
    be32 addr = get_in_addr(&ifr->ifr_addr);

    switch (cmd) {
    case SIOCSIFADDR:
        if (ifr->ifr_addr.sa_family != AF_INET)
            return -EINVAL;
        return if_set_address(dev->net, dev->name, addr, class_prefix(addr), false);
    case SIOCSIFNETMASK:
        return set_netmask(dev, addr);
    case SIOCSIFFLAGS:
        return set_flags(dev, (unsigned short)ifr->ifr_flags);
    case SIOCSIFMTU:
        return ifr->ifr_mtu < 0 ? -EINVAL : dev_set_mtu(dev, (unsigned)ifr->ifr_mtu);
    }
    return -ENOTTY;
}

/* --- all devices --- */

static int get_name_by_index(struct net *net, struct ifreq *ifr)
{
    const struct net_device *dev = dev_get_by_index(net, ifr->ifr_ifindex);

    if (!dev)
        return -ENODEV;
    memcpy(ifr->ifr_name, dev->name, IFNAMSIZ);
    return 0;
}

/* Devices that have an address, as many as there is room for; without a buffer, the room they would take. */
static int get_all_addresses(struct net *net, struct ifconf *ifc)
{
    int room = ifc->ifc_buf ? ifc->ifc_len : 0, used = 0;
    struct net_device *dev;

    list_for_each_entry (dev, &net->dev_base, dev_list) {
        const struct in_ifaddr *ifa = primary_address(dev);
        if (!ifa)
            continue;
        if (ifc->ifc_buf) {
            struct ifreq ifr = {0};
            if (room - used < (int)sizeof(ifr))
                break;
            memcpy(ifr.ifr_name, dev->name, IFNAMSIZ);
            put_in_addr(&ifr.ifr_addr, ifa->local);
            memcpy(ifc->ifc_buf + used, &ifr, sizeof(ifr));
        }
        used += (int)sizeof(struct ifreq);
    }
    ifc->ifc_len = used;
    return 0;
}

/* --- routes --- */

/* The device a gateway is on, by the route to it. NULL and *err: it is on no link of ours. */
static struct net_device *gateway_device(struct net *net, be32 gateway, int *err)
{
    struct flowi4 fl = {.daddr = gateway};
    struct rtable *rt = ip_route_output(net, &fl, err);
    struct net_device *dev;

    if (!rt)
        return NULL;
    dev = rt->type == RTN_UNICAST && !rt->gateway ? rt->dst.dev : NULL;
    *err = -ENETUNREACH;
    dst_release(&rt->dst);
    return dev;
}

static int route_from_rtentry(struct net *net, const struct rtentry *rt, struct fib_config *cfg)
{
    int prefix_len = rt->rt_flags & RTF_HOST ? 32 : mask_to_prefix(get_in_addr(&rt->rt_genmask));
    int err = -ENODEV;

    if (rt->rt_dst.sa_family != AF_INET)
        return -EAFNOSUPPORT;
    if (prefix_len < 0)
        return prefix_len;
    *cfg = (struct fib_config){
        .dst = get_in_addr(&rt->rt_dst),
        .prefix_len = (uint8_t)prefix_len,
        .gateway = rt->rt_flags & RTF_GATEWAY ? get_in_addr(&rt->rt_gateway) : 0,
        .metric = rt->rt_metric > 0 ? (uint32_t)rt->rt_metric - 1 : 0,
        .type = rt->rt_flags & RTF_REJECT ? RTN_UNREACHABLE : RTN_UNICAST,
    };
    if (rt->rt_dev)
        cfg->dev = dev_get_by_name(net, rt->rt_dev);
    else if (cfg->gateway)
        cfg->dev = gateway_device(net, cfg->gateway, &err);
    else if (cfg->type == RTN_UNREACHABLE)
        cfg->dev = net->loopback_dev;
    return cfg->dev ? 0 : err;
}

static int route_ioctl(struct net *net, unsigned long cmd, const struct rtentry *rt)
{
    struct fib_config cfg;
    int err = route_from_rtentry(net, rt, &cfg);

    if (err)
        return err;
    if (cmd == SIOCADDRT)
        return fib_add(net, &cfg);
    err = fib_del(net, &cfg);
    return err == -ENOENT ? -ESRCH : err;
}

int dev_ioctl(struct net *net, unsigned long cmd, void *arg)
{
    char name[IFNAMSIZ];
    struct net_device *dev;
    int err;

    if (!arg)
        return -EFAULT;
    if (cmd == SIOCADDRT || cmd == SIOCDELRT)
        return route_ioctl(net, cmd, arg);
    if (cmd == SIOCGIFCONF)
        return get_all_addresses(net, arg);
    if (cmd == SIOCGIFNAME)
        return get_name_by_index(net, arg);
    if (cmd < SIOCGIFNAME || cmd > SIOCGIFTXQLEN)
        return -ENOTTY;
    memcpy(name, ((const struct ifreq *)arg)->ifr_name, sizeof(name));
    name[sizeof(name) - 1] = '\0';
    dev = dev_get_by_name(net, name);
    if (!dev)
        return -ENODEV;
    err = get_of_device(dev, cmd, arg);
    return err == -ENOTTY ? set_of_device(dev, cmd, arg) : err;
}
