/*
 * redirect.c - ICMP redirects received: better gateways for single destinations.
 *
 * Beside the forwarding table, not in it: route.c asks here when it makes a route for datagrams of ours. Only
 * hosts listen (RFC 1812 5.2.7.2), and only when net.ipv4.conf.*.accept_redirects is set, for anybody who can
 * send in the gateway's name can send these.
 */
#include "net/ipv4/redirect.h"

#include <errno.h>

#include "kernel/slab.h"
#include "kernel/time.h"
#include "net/ipv4/devconf.h"
#include "net/ipv4/fib.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"

struct ip_redirect {
    struct list_head list; /* netns_redirect.all: by rising expires_ms */
    be32 daddr, gateway;
    const struct net_device *dev;
    uint64_t expires_ms;
};

struct netns_redirect {
    struct net *net;
    struct list_head all;
    unsigned count;
    struct timer timer; /* due when the first of all expires */
};

static void redirect_free(struct netns_redirect *redirects, struct ip_redirect *r)
{
    list_del_init(&r->list);
    redirects->count--;
    kfree(r);
}

static void redirect_rearm(struct netns_redirect *redirects)
{
    if (list_empty(&redirects->all))
        del_timer(&redirects->timer);
    else
        mod_timer(&redirects->timer, list_first_entry(&redirects->all, struct ip_redirect, list)->expires_ms);
}

static void redirect_expire(struct timer *timer)
{
    struct netns_redirect *redirects = container_of(timer, struct netns_redirect, timer);
    struct ip_redirect *r, *next;

    list_for_each_entry_safe (r, next, &redirects->all, list) {
        if (r->expires_ms > ktime_get_ms())
            break;
        redirect_free(redirects, r);
    }
    redirect_rearm(redirects);
    rt_cache_flush(redirects->net);
}

static struct ip_redirect *redirect_find(const struct netns_redirect *redirects, be32 daddr)
{
    struct ip_redirect *r;

    list_for_each_entry (r, &redirects->all, list)
        if (r->daddr == daddr)
            return r;
    return NULL;
}

/* --- who is believed --- */

/* A neighbour on the device, and not ourselves. */
static bool redirect_is_neighbour(struct net *net, const struct net_device *dev, be32 gateway)
{
    const struct in_ifaddr *ifa;

    if (inet_addr_type(net, NULL, gateway) != RTN_UNICAST)
        return false;
    list_for_each_entry (ifa, &dev->ifa_list, list)
        if (!((ifa->local ^ gateway) & ifa->mask))
            return true;
    return false;
}

/* Whether daddr is reached by that gateway now. */
static bool redirect_is_current(struct net *net, const struct net_device *dev, be32 from, be32 daddr)
{
    struct flowi4 fl = {.daddr = daddr};
    int err;
    struct rtable *rt = ip_route_output(net, &fl, &err);
    bool current = rt && rt->gateway == from && rt->dst.dev == dev;

    if (rt)
        dst_release(&rt->dst);
    return current;
}

struct redirect_known {
    be32 gateway;
    bool found;
};

static bool redirect_match_gateway(const struct fib_config *cfg, void *ctx)
{
    struct redirect_known *known = ctx;

    known->found = cfg->gateway == known->gateway;
    return !known->found;
}

static bool redirect_is_known_gateway(struct net *net, be32 gateway)
{
    struct redirect_known known = {.gateway = gateway};

    fib_for_each(net, redirect_match_gateway, &known);
    return known.found;
}

bool ip_rt_redirect(struct net *net, struct net_device *dev, be32 from, be32 gateway, be32 daddr)
{
    struct netns_redirect *redirects = net->ipv4->redirect;
    struct ip_redirect *r;

    if (devconf_forwarding(dev) || !devconf_any(dev, DEVCONF_ACCEPT_REDIRECTS) || gateway == from ||
        !redirect_is_neighbour(net, dev, gateway) || !redirect_is_current(net, dev, from, daddr))
        return false;
    if (!devconf_any(dev, DEVCONF_SHARED_MEDIA) && devconf_any(dev, DEVCONF_SECURE_REDIRECTS) &&
        !redirect_is_known_gateway(net, gateway))
        return false;
    r = redirect_find(redirects, daddr);
    if (!r) {
        if (redirects->count == REDIRECT_MAX)
            redirect_free(redirects, list_first_entry(&redirects->all, struct ip_redirect, list));
        r = kzalloc(sizeof(*r));
        if (!r)
            return false;
        INIT_LIST_HEAD(&r->list);
        redirects->count++;
    }
    r->daddr = daddr;
    r->gateway = gateway;
    r->dev = dev;
    r->expires_ms = ktime_get_ms() + REDIRECT_LIFE_MS;
    list_move_tail(&r->list, &redirects->all);
    redirect_rearm(redirects);
    rt_cache_flush(net);
    return true;
}

be32 ip_redirect_gateway(struct net *net, const struct net_device *dev, be32 daddr)
{
    const struct ip_redirect *r = redirect_find(net->ipv4->redirect, daddr);

    return r && r->dev == dev ? r->gateway : (__force be32)0;
}

void ip_redirect_forget(struct net *net, be32 gateway, const struct net_device *dev)
{
    struct netns_redirect *redirects = net->ipv4 ? net->ipv4->redirect : NULL;
    struct ip_redirect *r, *next;
    bool any = false;

    if (!redirects || list_empty(&redirects->all))
        return;
    list_for_each_entry_safe (r, next, &redirects->all, list) {
        if ((gateway && r->gateway != gateway) || (dev && r->dev != dev))
            continue;
        redirect_free(redirects, r);
        any = true;
    }
    redirect_rearm(redirects);
    if (any)
        rt_cache_flush(net);
}

/* --- life --- */

int ip_redirect_init(struct net *net)
{
    struct netns_redirect *redirects = kzalloc(sizeof(*redirects));

    if (!redirects)
        return -ENOMEM;
    redirects->net = net;
    INIT_LIST_HEAD(&redirects->all);
    timer_setup(&redirects->timer, redirect_expire);
    net->ipv4->redirect = redirects;
    return 0;
}

void ip_redirect_exit(struct net *net)
{
    struct netns_redirect *redirects = net->ipv4->redirect;

    if (!redirects)
        return;
    ip_redirect_forget(net, (__force be32)0, NULL);
    kfree(redirects);
    net->ipv4->redirect = NULL;
}
