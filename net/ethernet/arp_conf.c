/*
 * arp_conf.c - see arp_conf.h. Asked once per ARP request received or sent.
 */
#include "net/ethernet/arp_conf.h"

#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/log.h"
#include "kernel/slab.h"

/* arp_ignore, as Linux numbers it */
#define IGNORE_NOTHING      0 /* answer for any address of ours */
#define IGNORE_OTHER_DEVICE 1
#define IGNORE_OTHER_SUBNET 2 /* ... and only if the asker is on the same subnet */
#define IGNORE_ALL          8

#define ANNOUNCE_ANY    0
#define ANNOUNCE_SUBNET 1 /* the packet's own source, if it is on the target's subnet */
#define ANNOUNCE_BEST   2 /* whatever the packet says */

/* --- settings --- */

static const struct {
    const char *name;
    int value, max;
} arp_settings[ARP_SETTINGS] = {
    [ARP_PROXY_ARP] = {"proxy_arp", 0, 1},
    [ARP_IGNORE] = {"arp_ignore", IGNORE_OTHER_DEVICE, IGNORE_ALL},
    [ARP_ANNOUNCE] = {"arp_announce", ANNOUNCE_SUBNET, ANNOUNCE_BEST},
    [ARP_FILTER] = {"arp_filter", 0, 1},
};

/* from: whose values it starts with, NULL: the built-in ones. */
static void arp_conf_register(struct arp_conf *conf, struct net *net, const char *name,
                              const struct arp_conf *from)
{
    for (unsigned i = 0; i < ARP_SETTINGS; i++) {
        conf->value[i] = from ? from->value[i] : arp_settings[i].value;
        snprintf(conf->name[i], sizeof(conf->name[i]), "net.ipv4.conf.%s.%s", name, arp_settings[i].name);
        conf->entries[i] = (struct sysctl_entry){conf->name[i], &conf->value[i], 1, 0, arp_settings[i].max};
    }
    conf->entries[ARP_SETTINGS] = (struct sysctl_entry){NULL, NULL, 0, 0, 0};
    register_sysctl(net, &conf->sysctl, conf->entries);
}

static struct arp_conf *arp_conf_find(const struct arp_confs *confs, const struct net_device *dev)
{
    struct arp_conf *conf;

    list_for_each_entry (conf, &confs->devices, list) {
        if (conf->dev == dev)
            return conf;
    }
    return NULL;
}

int arp_conf_get(const struct arp_confs *confs, const struct net_device *dev, enum arp_setting setting)
{
    const struct arp_conf *conf = arp_conf_find(confs, dev);
    int own = (conf ? conf : &confs->defaults)->value[setting];

    return max(own, confs->all.value[setting]);
}

void arp_conf_device_added(struct arp_confs *confs, struct net_device *dev)
{
    struct arp_conf *conf = kzalloc(sizeof(*conf));

    if (!conf) {
        pr_warn("%s: no memory for settings of its own; the default ones hold", dev->name);
        return;
    }
    conf->dev = dev;
    arp_conf_register(conf, confs->net, dev->name, &confs->defaults);
    list_add_tail(&conf->list, &confs->devices);
}

static void arp_conf_free(struct arp_conf *conf)
{
    unregister_sysctl(&conf->sysctl);
    list_del_init(&conf->list);
    kfree(conf);
}

static void arp_proxy_free(struct arp_proxy *proxy)
{
    list_del_init(&proxy->list);
    kfree(proxy);
}

void arp_conf_device_gone(struct arp_confs *confs, struct net_device *dev)
{
    struct arp_conf *conf = arp_conf_find(confs, dev);
    struct arp_proxy *proxy, *next;

    if (conf)
        arp_conf_free(conf);
    list_for_each_entry_safe (proxy, next, &confs->proxies, list) {
        if (proxy->dev == dev)
            arp_proxy_free(proxy);
    }
}

void arp_conf_init(struct arp_confs *confs, struct net *net)
{
    confs->net = net;
    INIT_LIST_HEAD(&confs->devices);
    INIT_LIST_HEAD(&confs->proxies);
    arp_conf_register(&confs->all, net, "all", NULL);
    memset(confs->all.value, 0, sizeof(confs->all.value)); /* only the devices' own count, until it is set */
    arp_conf_register(&confs->defaults, net, "default", NULL);
}

void arp_conf_exit(struct arp_confs *confs)
{
    while (!list_empty(&confs->proxies))
        arp_proxy_free(list_first_entry(&confs->proxies, struct arp_proxy, list));
    while (!list_empty(&confs->devices))
        arp_conf_free(list_first_entry(&confs->devices, struct arp_conf, list));
    unregister_sysctl(&confs->all.sysctl);
    unregister_sysctl(&confs->defaults.sysctl);
}

/* --- whom to answer --- */

static bool arp_same_subnet(const struct in_ifaddr *ifa, be32 addr)
{
    return !(((__force uint32_t)ifa->local ^ (__force uint32_t)addr) & (__force uint32_t)ifa->mask);
}

bool arp_is_on_link(const struct net_device *dev, be32 addr)
{
    const struct in_ifaddr *ifa;

    list_for_each_entry (ifa, &dev->ifa_list, list) {
        if (arp_same_subnet(ifa, addr))
            return true;
    }
    return false;
}

bool arp_is_for_us(const struct arp_confs *confs, struct net_device *dev, be32 sip, be32 tip)
{
    int ignore = arp_conf_get(confs, dev, ARP_IGNORE);
    const struct in_ifaddr *ifa = inet_addr_find(confs->net, ignore ? dev : NULL, tip);

    if (!ifa || ifa->tentative || ignore == IGNORE_ALL)
        return false;
    if (ignore >= IGNORE_OTHER_SUBNET && sip && !arp_same_subnet(ifa, sip))
        return false;
    if (!sip || !confs->route || !arp_conf_get(confs, dev, ARP_FILTER))
        return true;
    return confs->route->out_dev(confs->net, sip) == dev;
}

static struct arp_proxy *arp_proxy_find(const struct arp_confs *confs, const struct net_device *dev,
                                        be32 addr)
{
    struct arp_proxy *proxy;

    list_for_each_entry (proxy, &confs->proxies, list) {
        if (proxy->dev == dev && proxy->addr == addr)
            return proxy;
    }
    return NULL;
}

/* RFC 1027: only what we would carry on, by another link than the one it is asked on. */
bool arp_is_for_proxy(const struct arp_confs *confs, struct net_device *dev, be32 sip, be32 tip)
{
    if (!sip || sip == tip || !confs->route || !confs->route->forwards(confs->net, dev))
        return false;
    if (arp_proxy_find(confs, dev, tip))
        return true;
    if (!arp_conf_get(confs, dev, ARP_PROXY_ARP))
        return false;
    const struct net_device *out = confs->route->out_dev(confs->net, tip);
    return out && out != dev;
}

/* --- by which address to ask --- */

be32 arp_choose_source(const struct arp_confs *confs, struct net_device *dev, be32 saddr, be32 target)
{
    int announce = arp_conf_get(confs, dev, ARP_ANNOUNCE);
    const struct in_ifaddr *ifa = NULL;

    if (saddr && announce < ANNOUNCE_BEST)
        ifa = inet_addr_find(confs->net, announce ? dev : NULL, saddr);
    if (ifa && !ifa->tentative && (announce == ANNOUNCE_ANY || arp_same_subnet(ifa, target)))
        return saddr;
    return inet_select_addr(dev, target);
}

/* --- proxies by hand --- */

int arp_proxy_add(struct net_device *dev, be32 addr)
{
    struct arp_confs *confs = arp_confs_of(dev->net);

    if (arp_proxy_find(confs, dev, addr))
        return -EEXIST;
    struct arp_proxy *proxy = kzalloc(sizeof(*proxy));
    if (!proxy)
        return -ENOMEM;
    proxy->dev = dev;
    proxy->addr = addr;
    list_add_tail(&proxy->list, &confs->proxies);
    return 0;
}

int arp_proxy_del(struct net_device *dev, be32 addr)
{
    struct arp_proxy *proxy = arp_proxy_find(arp_confs_of(dev->net), dev, addr);

    if (!proxy)
        return -ENOENT;
    arp_proxy_free(proxy);
    return 0;
}

void arp_proxy_for_each(struct net *net, bool (*fn)(struct net_device *dev, be32 addr, void *ctx), void *ctx)
{
    struct arp_proxy *proxy;

    list_for_each_entry (proxy, &arp_confs_of(net)->proxies, list) {
        if (!fn(proxy->dev, proxy->addr, ctx))
            return;
    }
}

void arp_set_route_ops(struct net *net, const struct arp_route_ops *ops)
{
    arp_confs_of(net)->route = ops;
}
