/*
 * devconf.c - IPv4 settings of each device (net.ipv4.conf.<device>.*), and the switch net.ipv4.ip_forward.
 *
 * Off the packet's way: route.c asks when its caches do not know the answer, ip_forward.c for datagrams that
 * leave by the device they came from.
 */
#include "net/ipv4/devconf.h"

#include <errno.h>
#include <stdio.h>

#include "kernel/slab.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"

static const struct devconf_desc {
    const char *name;
    int initial, max;
} devconf_desc[DEVCONF_MAX] = {
    [DEVCONF_FORWARDING] = {"forwarding", 0, 1},
    [DEVCONF_RP_FILTER] = {"rp_filter", 0, 2},
    [DEVCONF_ACCEPT_LOCAL] = {"accept_local", 0, 1},
    [DEVCONF_LOG_MARTIANS] = {"log_martians", 0, 1},
    [DEVCONF_SEND_REDIRECTS] = {"send_redirects", 1, 1},
    /* Off, unlike Linux: whoever can speak as the gateway could otherwise lead our datagrams elsewhere. */
    [DEVCONF_ACCEPT_REDIRECTS] = {"accept_redirects", 0, 1},
    [DEVCONF_SECURE_REDIRECTS] = {"secure_redirects", 1, 1},
    [DEVCONF_SHARED_MEDIA] = {"shared_media", 1, 1},
};

#define DEVCONF_NAME_MAX 56 /* net.ipv4.conf.<15 characters>.accept_redirects */

/* One set of settings under its names; net_device.ip_ptr, and two more for "all" and "default". */
struct in_device {
    struct ipv4_devconf conf;
    struct sysctl_table sysctl;
    struct sysctl_entry entries[DEVCONF_MAX + 1];
    char names[DEVCONF_MAX][DEVCONF_NAME_MAX];
};

struct netns_devconf {
    struct in_device all, initial;
    struct sysctl_table global;
    struct sysctl_entry global_entries[3];
};

/* net.ipv4.ip_forward and conf.all.forwarding are one: the value goes to every device and to those to come.
 */
static void devconf_forward_changed(struct net *net, int on)
{
    struct netns_devconf *devconf = net->ipv4->devconf;
    struct net_device *dev;

    net->ipv4->sysctl_ip_forward = on;
    devconf->all.conf.value[DEVCONF_FORWARDING] = on;
    devconf->initial.conf.value[DEVCONF_FORWARDING] = on;
    list_for_each_entry (dev, &net->dev_base, dev_list)
        if (dev->ip_ptr)
            dev->ip_ptr->conf.value[DEVCONF_FORWARDING] = on;
}

static void devconf_changed(struct net *net, const struct sysctl_entry *entry)
{
    struct netns_devconf *devconf = net->ipv4->devconf;

    if (entry->data == &net->ipv4->sysctl_ip_forward ||
        entry->data == &devconf->all.conf.value[DEVCONF_FORWARDING])
        devconf_forward_changed(net, *(const int *)entry->data);
    struct net_device *dev;
    list_for_each_entry (dev, &net->dev_base, dev_list)
        dev->forwards = devconf_forwarding(dev);
    rt_cache_flush(net);
}

static void devconf_register(struct net *net, struct in_device *in, const char *name)
{
    for (size_t i = 0; i < DEVCONF_MAX; i++) {
        snprintf(in->names[i], sizeof(in->names[i]), "net.ipv4.conf.%s.%s", name, devconf_desc[i].name);
        in->entries[i] = (struct sysctl_entry){in->names[i], &in->conf.value[i], 1, 0, devconf_desc[i].max};
    }
    in->sysctl.changed = devconf_changed;
    register_sysctl(net, &in->sysctl, in->entries);
}

void devconf_attach(struct net_device *dev)
{
    struct netns_devconf *devconf = dev->net->ipv4->devconf;
    struct in_device *in = dev->ip_ptr ? NULL : kzalloc(sizeof(*in));

    if (!in)
        return;
    in->conf = devconf->initial.conf;
    dev->ip_ptr = in;
    dev->forwards = devconf_forwarding(dev);
    devconf_register(dev->net, in, dev->name);
}

void devconf_detach(struct net_device *dev)
{
    struct in_device *in = dev->ip_ptr;

    if (!in)
        return;
    dev->ip_ptr = NULL;
    unregister_sysctl(&in->sysctl);
    kfree(in);
}

/* --- asking --- */

static const struct ipv4_devconf *devconf_own(const struct net_device *dev)
{
    return dev->ip_ptr ? &dev->ip_ptr->conf : &dev->net->ipv4->devconf->initial.conf;
}

bool devconf_forwarding(const struct net_device *dev)
{
    return devconf_own(dev)->value[DEVCONF_FORWARDING];
}

int devconf_max(const struct net_device *dev, enum ipv4_devconf_setting setting)
{
    return max(dev->net->ipv4->devconf->all.conf.value[setting], devconf_own(dev)->value[setting]);
}

bool devconf_any(const struct net_device *dev, enum ipv4_devconf_setting setting)
{
    return devconf_max(dev, setting);
}

/* --- life --- */

int devconf_init(struct net *net)
{
    struct netns_devconf *devconf = kzalloc(sizeof(*devconf));

    if (!devconf)
        return -ENOMEM;
    net->ipv4->devconf = devconf;
    for (size_t i = 0; i < DEVCONF_MAX; i++)
        devconf->all.conf.value[i] = devconf->initial.conf.value[i] = devconf_desc[i].initial;
    devconf_register(net, &devconf->all, "all");
    devconf_register(net, &devconf->initial, "default");
    devconf->global_entries[0] =
        (struct sysctl_entry){"net.ipv4.ip_forward", &net->ipv4->sysctl_ip_forward, 1, 0, 1};
    devconf->global_entries[1] =
        (struct sysctl_entry){"net.ipv4.icmp_errors_use_inbound_ifaddr",
                              &net->ipv4->sysctl_icmp_errors_use_inbound_ifaddr, 1, 0, 1};
    devconf->global.changed = devconf_changed;
    register_sysctl(net, &devconf->global, devconf->global_entries);
    return 0;
}

void devconf_exit(struct net *net)
{
    struct netns_devconf *devconf = net->ipv4->devconf;
    struct net_device *dev;

    if (!devconf)
        return;
    list_for_each_entry (dev, &net->dev_base, dev_list)
        devconf_detach(dev);
    unregister_sysctl(&devconf->all.sysctl);
    unregister_sysctl(&devconf->initial.sysctl);
    unregister_sysctl(&devconf->global);
    kfree(devconf);
    net->ipv4->devconf = NULL;
}
