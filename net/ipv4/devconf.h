/*
 * devconf.h - IPv4 settings of each device: net.ipv4.conf.{all,default,<device>}.*.
 *
 * "all" is combined with the device's own value (see the functions below), "default" is what a new device
 * starts with. Every change empties the route caches, which is where these settings are asked.
 */
#ifndef NET_IPV4_DEVCONF_H
#define NET_IPV4_DEVCONF_H

#include "net/core/netdevice.h"

enum ipv4_devconf_setting {
    DEVCONF_FORWARDING,
    DEVCONF_RP_FILTER, /* 0; 1: the source must live where it came from; 2: it must live somewhere */
    DEVCONF_ACCEPT_LOCAL,
    DEVCONF_LOG_MARTIANS,
    DEVCONF_SEND_REDIRECTS,
    DEVCONF_ACCEPT_REDIRECTS,
    DEVCONF_SECURE_REDIRECTS, /* only to gateways that are known already; shared_media overrides it */
    DEVCONF_SHARED_MEDIA,
    DEVCONF_MAX
};

struct ipv4_devconf {
    int value[DEVCONF_MAX];
};

int __must_check devconf_init(struct net *net);
void devconf_exit(struct net *net);

/* A device comes and goes: for the notifier in fib_frontend.c. Without memory it follows "default". */
void devconf_attach(struct net_device *dev);
void devconf_detach(struct net_device *dev);

/* What holds for a device, as Linux combines the two. */
bool devconf_forwarding(const struct net_device *dev); /* its own */
int devconf_max(const struct net_device *dev,
                enum ipv4_devconf_setting setting); /* rp_filter: the stricter */
bool devconf_any(const struct net_device *dev, enum ipv4_devconf_setting setting); /* "all" or its own */

#endif
