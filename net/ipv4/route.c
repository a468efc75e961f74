/*
 * route.c - IPv4 routing decisions, for datagrams received (ip_route_input) and ours (ip_route_output).
 *
 * Stands between ip_rcv_finish() / the transports and the forwarding table (fib.c). Two small direct-mapped
 * caches in front of the table make the ordinary packet cost one comparison and allocate nothing; a stranger
 * who sends from many addresses only replaces slots. Every change of the table, of addresses or of a path MTU
 * empties the caches and moves rt_generation on, which makes sockets ask again.
 *
 * Received addresses are judged here, by RFC 1122 3.2.1.3 and 3.3.6 and, on a router, RFC 1812 5.3: a
 * datagram leaves with a route to this host or through it, with one that ends in ip_error(), or is refused
 * with a reason.
 */
#include "net/ipv4/route.h"

#include <errno.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/neighbour.h"
#include "net/ipv4/devconf.h"
#include "net/ipv4/fib.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/igmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/redirect.h"
#include "net/ipv4/rp_filter.h"

#define RT_SLOT_BITS     8
#define RT_SLOTS         (1u << RT_SLOT_BITS)
#define RT_MIN_VALID_MTU 68 /* RFC 791: every link carries that much */
/* TCP cuts no segment that needs less (net.ipv4.tcp_min_snd_mss): below it datagrams go in fragments. */
#define RT_NARROW_MTU 128

#define LOOPBACK_HOST cpu_to_be32(0x7f000001)
#define ALL_HOSTS     cpu_to_be32(0xe0000001) /* 224.0.0.1 */
#define LIMITED_BCAST cpu_to_be32(0xffffffff)

/* What was decided about received datagrams. rt is owned. */
struct rt_in_slot {
    be32 daddr, saddr;
    const struct net_device *dev;
    struct rtable *rt;
};

/* What was decided about ours. rt is owned. */
struct rt_out_slot {
    be32 daddr, saddr_asked, saddr;
    int oif;
    struct rtable *rt;
};

struct rt_pmtu {
    struct list_head list; /* rt_cache.pmtu: by rising expires_ms */
    be32 daddr;
    uint32_t mtu;
    bool locked;
    uint64_t expires_ms;
};

struct rt_cache {
    struct net *net;
    uint32_t hash_factor; /* odd, secret */
    struct rt_in_slot in[RT_SLOTS];
    struct rt_out_slot out[RT_SLOTS];
    struct rtable *through[RT_SLOTS]; /* to neighbours, for what is forwarded; by nexthop, owned */
    struct rtable *limited_broadcast, *all_hosts; /* for received ones, whatever the device */
    struct rtable *no_route;                      /* for what should be forwarded and has no way */
    struct list_head pmtu;
    unsigned pmtu_count;
    struct timer pmtu_timer; /* due when the first of pmtu expires */
};

static inline unsigned rt_slot(const struct rt_cache *cache, be32 daddr, be32 saddr)
{
    uint32_t d = (__force uint32_t)daddr, s = (__force uint32_t)saddr;

    return ((d ^ (s << 16 | s >> 16)) * cache->hash_factor) >> (32 - RT_SLOT_BITS);
}

static void rt_put(struct rtable **rt)
{
    if (*rt)
        dst_release(&(*rt)->dst);
    *rt = NULL;
}

/* --- struct rtable --- */

static int rt_discard(struct sk_buff *skb)
{
    kfree_skb_reason(skb, SKB_DROP_REASON_IP_INADDRERRORS);
    return -EHOSTUNREACH;
}

static void rt_destroy(struct dst_entry *dst)
{
    struct rtable *rt = (struct rtable *)dst;

    if (rt->neigh)
        neigh_release(rt->neigh);
    kfree(rt);
}

static void rt_link_failure(struct sk_buff *skb)
{
    ip_redirect_forget(skb->net, skb_rtable(skb)->nexthop, skb->dst->dev);
    icmp_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
    kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_FAILED);
}

/* What becomes of received datagrams of a route, and how its error is called, by rt_type. */
static const struct rt_kind {
    int (*input)(struct sk_buff *skb);
    int error;
} rt_kinds[] = {
    [RTN_UNICAST] = {ip_forward, 0},
    [RTN_LOCAL] = {ip_local_deliver, 0},
    [RTN_BROADCAST] = {ip_local_deliver, 0},
    [RTN_MULTICAST] = {ip_local_deliver, 0},
    [RTN_UNREACHABLE] = {ip_error, -EHOSTUNREACH},
    [RTN_BLACKHOLE] = {ip_error, -EINVAL},
    [RTN_PROHIBIT] = {ip_error, -EACCES},
};

/* Referenced once. dev may be NULL for routes that only receive. */
static struct rtable *rt_alloc(struct net *net, struct net_device *dev, enum rt_type type, be32 nexthop)
{
    struct rtable *rt = kzalloc(sizeof(*rt));

    if (!rt)
        return NULL;
    rt->dst.net = net;
    rt->dst.dev = dev;
    rt->dst.input = rt_kinds[type].input;
    rt->dst.error = rt_kinds[type].error;
    rt->dst.output = dev ? ip_output : rt_discard;
    rt->dst.destroy = rt_destroy;
    rt->dst.link_failure = rt_link_failure;
    rt->dst.mtu = dev ? min(dev->mtu, IP_MAX_MTU) : IP_MAX_MTU;
    rt->mtu_locked = rt->dst.mtu < RT_NARROW_MTU;
    rt->dst.generation = net->ipv4->rt_generation;
    rt->dst.current_generation = &net->ipv4->rt_generation;
    rt->dst.refcount = 1;
    rt->type = type;
    rt->nexthop = nexthop;
    return rt;
}

/* The route all packets of this alias share, borrowed. Not for on-link prefixes, where each destination is
 * its own next hop. */
static struct rtable *rt_of_alias(struct net *net, struct fib_alias *alias)
{
    const struct fib_config *cfg = &alias->cfg;
    bool local = cfg->type == RTN_LOCAL;
    struct rtable *rt = alias->rt;

    if (rt && dst_check(&rt->dst))
        return rt;
    rt = rt_alloc(net, local ? net->loopback_dev : cfg->dev, cfg->type,
                  local          ? LOOPBACK_HOST
                  : cfg->gateway ? cfg->gateway
                                 : cfg->dst);
    if (!rt)
        return NULL;
    rt->gateway = cfg->gateway;
    rt->prefsrc = cfg->prefsrc;
    if (alias->rt)
        dst_release(&alias->rt->dst);
    alias->rt = rt;
    return rt;
}

void ip_rt_confirm_neigh(struct dst_entry *dst)
{
    struct rtable *rt = (struct rtable *)dst;

    if (rt && rt->neigh)
        neigh_confirm(rt->neigh);
}

/* --- kinds of addresses --- */

enum rt_type inet_addr_type(struct net *net, struct net_device *dev, be32 addr)
{
    const struct fib_alias *alias;

    if (ipv4_is_zeronet(addr) || ipv4_is_lbcast(addr))
        return RTN_BROADCAST;
    if (ipv4_is_multicast(addr))
        return RTN_MULTICAST;
    alias = fib_lookup(net->ipv4->fib, addr, 0);
    if (!alias || (alias->cfg.type != RTN_LOCAL && alias->cfg.type != RTN_BROADCAST))
        return RTN_UNICAST;
    return dev && alias->cfg.dev != dev ? RTN_UNICAST : alias->cfg.type;
}

static bool ipv4_is_class_e(be32 a)
{
    return (be32_to_cpu(a) >> 28) == 0xf;
}

/* --- received datagrams --- */

/* Sources that no datagram may have, whatever our own addresses are (RFC 1122 3.2.1.3). */
static bool rt_source_is_martian(be32 saddr, be32 daddr, const struct net_device *dev)
{
    if (ipv4_is_multicast(saddr) || ipv4_is_class_e(saddr)) /* class E includes 255.255.255.255 */
        return true;
    if (ipv4_is_loopback(saddr))
        return !(dev->flags & DEV_IFF_LOOPBACK);
    if (ipv4_is_zeronet(saddr)) /* somebody who has no address yet may call out to all */
        return saddr || !(ipv4_is_lbcast(daddr) || ipv4_is_multicast(daddr));
    return false;
}

static bool rt_destination_is_martian(be32 daddr, const struct net_device *dev)
{
    return ipv4_is_zeronet(daddr) || (ipv4_is_loopback(daddr) && !(dev->flags & DEV_IFF_LOOPBACK)) ||
           (ipv4_is_class_e(daddr) && !ipv4_is_lbcast(daddr));
}

/* Somebody else sends with an address of ours (LAND, a loop, or a conflict), or with a directed broadcast. */
static bool rt_source_is_ours(struct net *net, be32 saddr, const struct net_device *dev)
{
    enum rt_type type = inet_addr_type(net, NULL, saddr);

    return type == RTN_BROADCAST ? saddr != 0 : type == RTN_LOCAL && !(dev->flags & DEV_IFF_LOOPBACK);
}

/* RFC 3927 7: link-local addresses stay on their link. */
static bool ipv4_is_link_local(be32 addr)
{
    return (be32_to_cpu(addr) >> 16) == 0xa9fe;
}

/* The route to a neighbour for what is forwarded, borrowed; NULL without memory. The path MTU that we know of
 * is ours alone: a router says what its next link takes. */
static struct rtable *rt_through(struct net *net, struct net_device *dev, be32 nexthop)
{
    struct rt_cache *cache = net->ipv4->rt_cache;
    struct rtable **slot = &cache->through[rt_slot(cache, nexthop, 0)];
    struct rtable *rt = *slot;

    if (rt && rt->nexthop == nexthop && rt->dst.dev == dev && dst_check(&rt->dst))
        return rt;
    rt = rt_alloc(net, dev, RTN_UNICAST, nexthop);
    if (!rt)
        return NULL;
    rt_put(slot);
    *slot = rt;
    return rt;
}

/* Not for us. alias: the way it takes, or NULL. */
static struct rtable *rt_input_forward(struct net *net, be32 daddr, be32 saddr, const struct net_device *dev,
                                       struct fib_alias *alias, enum skb_drop_reason *reason)
{
    struct rtable *rt;

    *reason = SKB_DROP_REASON_IP_INADDRERRORS;
    if (!devconf_forwarding(dev) || ipv4_is_multicast(daddr) || ipv4_is_link_local(daddr) ||
        ipv4_is_link_local(saddr))
        return NULL;
    if (!alias)
        return net->ipv4->rt_cache->no_route;
    if (alias->cfg.type == RTN_UNICAST && !alias->cfg.gateway)
        rt = rt_through(net, alias->cfg.dev, daddr);
    else
        rt = rt_of_alias(net, alias);
    if (!rt)
        *reason = SKB_DROP_REASON_NOMEM;
    return rt;
}

/* Who sent it, and may he have come from there? */
static enum skb_drop_reason rt_check_source(struct net *net, be32 daddr, be32 saddr,
                                            const struct net_device *dev)
{
    if (rt_source_is_martian(saddr, daddr, dev) ||
        (rt_source_is_ours(net, saddr, dev) && !devconf_any(dev, DEVCONF_ACCEPT_LOCAL)))
        return SKB_DROP_REASON_IP_MARTIAN_SRC;
    if (unlikely(!ip_rp_filter_accepts(net, saddr, dev))) {
        NET_INC_STATS(net, TcpExtIPReversePathFilter);
        return SKB_DROP_REASON_IP_RPFILTER;
    }
    return SKB_NOT_DROPPED_YET;
}

/* The route of a received datagram, borrowed; NULL and *reason. */
static struct rtable *rt_input_slow(struct net *net, be32 daddr, be32 saddr, struct net_device *dev,
                                    enum skb_drop_reason *reason)
{
    struct fib_alias *alias;
    struct rtable *rt;

    *reason = rt_check_source(net, daddr, saddr, dev);
    if (!*reason && rt_destination_is_martian(daddr, dev))
        *reason = SKB_DROP_REASON_IP_MARTIAN_DST;
    if (unlikely(*reason)) {
        ip_log_martian(daddr, saddr, dev, *reason);
        return NULL;
    }
    if (ipv4_is_lbcast(daddr))
        return net->ipv4->rt_cache->limited_broadcast;
    if (ipv4_is_multicast(daddr) && ip_check_mc(dev, daddr))
        return net->ipv4->rt_cache->all_hosts;

    alias = ipv4_is_multicast(daddr) ? NULL : fib_lookup(net->ipv4->fib, daddr, 0);
    if (!alias || (alias->cfg.type != RTN_LOCAL && alias->cfg.type != RTN_BROADCAST))
        return rt_input_forward(net, daddr, saddr, dev, alias, reason);
    rt = rt_of_alias(net, alias);
    if (!rt)
        *reason = SKB_DROP_REASON_NOMEM;
    return rt;
}

int ip_route_input(struct sk_buff *skb, be32 daddr, be32 saddr, struct net_device *dev,
                   enum skb_drop_reason *reason)
{
    struct net *net = dev->net;
    struct rt_cache *cache = net->ipv4->rt_cache;
    struct rt_in_slot *slot = &cache->in[rt_slot(cache, daddr, saddr)];

    if (unlikely(!slot->rt || slot->daddr != daddr || slot->saddr != saddr || slot->dev != dev)) {
        struct rtable *rt = rt_input_slow(net, daddr, saddr, dev, reason);

        if (!rt)
            return -EINVAL;
        dst_hold(&rt->dst);
        rt_put(&slot->rt);
        *slot = (struct rt_in_slot){.daddr = daddr, .saddr = saddr, .dev = dev, .rt = rt};
    }
    /* RFC 1122 3.3.6: what was called out to everybody on the link must be meant for everybody; and it is
     * never forwarded (RFC 1812 5.3.4). */
    if (unlikely(slot->rt->type != RTN_BROADCAST && slot->rt->type != RTN_MULTICAST &&
                 (skb->pkt_type == PACKET_BROADCAST || skb->pkt_type == PACKET_MULTICAST))) {
        *reason = SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST;
        return -EINVAL;
    }
    skb_dst_drop(skb);
    skb_dst_set(skb, dst_hold(&slot->rt->dst));
    return 0;
}

/* --- path MTU (RFC 1191) --- */

static struct rt_pmtu *rt_pmtu_find(const struct rt_cache *cache, be32 daddr)
{
    struct rt_pmtu *e;

    list_for_each_entry (e, &cache->pmtu, list)
        if (e->daddr == daddr)
            return e;
    return NULL;
}

static void rt_pmtu_free(struct rt_cache *cache, struct rt_pmtu *e)
{
    list_del_init(&e->list);
    cache->pmtu_count--;
    kfree(e);
}

static void rt_pmtu_rearm(struct rt_cache *cache)
{
    if (list_empty(&cache->pmtu))
        del_timer(&cache->pmtu_timer);
    else
        mod_timer(&cache->pmtu_timer, list_first_entry(&cache->pmtu, struct rt_pmtu, list)->expires_ms);
}

static void rt_pmtu_expire(struct timer *timer)
{
    struct rt_cache *cache = container_of(timer, struct rt_cache, pmtu_timer);
    struct rt_pmtu *e, *next;

    list_for_each_entry_safe (e, next, &cache->pmtu, list) {
        if (e->expires_ms > ktime_get_ms())
            break;
        rt_pmtu_free(cache, e);
    }
    rt_pmtu_rearm(cache);
    rt_cache_flush(cache->net);
}

/* What we believe now about the way to daddr; 0 for destinations that have no path MTU. */
static uint32_t rt_pmtu_current(struct net *net, be32 daddr)
{
    const struct rt_pmtu *e = rt_pmtu_find(net->ipv4->rt_cache, daddr);
    const struct fib_alias *alias;

    if (e)
        return e->mtu;
    if (ipv4_is_multicast(daddr) || ipv4_is_lbcast(daddr))
        return 0;
    alias = fib_lookup(net->ipv4->fib, daddr, 0);
    return alias && alias->cfg.type == RTN_UNICAST ? alias->cfg.dev->mtu : 0;
}

void ip_rt_update_pmtu(struct net *net, be32 daddr, uint32_t mtu)
{
    struct rt_cache *cache = net->ipv4->rt_cache;
    bool locked = mtu < RT_MIN_PMTU;
    struct rt_pmtu *e;

    if (mtu < RT_MIN_VALID_MTU || mtu >= rt_pmtu_current(net, daddr))
        return;
    e = rt_pmtu_find(cache, daddr);
    if (!e) {
        if (cache->pmtu_count == RT_PMTU_MAX)
            rt_pmtu_free(cache, list_first_entry(&cache->pmtu, struct rt_pmtu, list));
        e = kzalloc(sizeof(*e));
        if (!e)
            return;
        e->daddr = daddr;
        INIT_LIST_HEAD(&e->list);
        cache->pmtu_count++;
    } else if (locked && e->locked) {
        return; /* already at the floor: repeating the message does not keep it there longer */
    }
    e->mtu = max(mtu, RT_MIN_PMTU);
    e->locked = locked;
    e->expires_ms = ktime_get_ms() + (uint64_t)net->ipv4->sysctl_route_mtu_expires * 1000;
    list_move_tail(&e->list, &cache->pmtu);
    rt_pmtu_rearm(cache);
    rt_cache_flush(net);
}

/* --- datagrams of ours --- */

/* The device asked for by fl->oif, NULL if none was; *err if it cannot be used. */
static struct net_device *rt_output_device(struct net *net, const struct flowi4 *fl, int *err)
{
    struct net_device *dev;

    *err = 0;
    if (!fl->oif)
        return NULL;
    dev = dev_get_by_index(net, fl->oif);
    if (!dev || !netif_running(dev))
        *err = -ENETUNREACH;
    return dev;
}

/* For a broadcast or multicast destination without a device: the source's, the default route's, or the first.
 */
static struct net_device *rt_default_device(struct net *net, const struct flowi4 *fl)
{
    const struct fib_alias *alias = fl->saddr ? fib_lookup(net->ipv4->fib, fl->saddr, 0) : NULL;
    struct net_device *dev;

    if (!alias || !alias->cfg.dev)
        alias = fib_lookup(net->ipv4->fib, 0, 0);
    if (alias && alias->cfg.dev)
        return alias->cfg.dev;
    list_for_each_entry (dev, &net->dev_base, dev_list)
        if (netif_running(dev) && !(dev->flags & DEV_IFF_LOOPBACK))
            return dev;
    return NULL;
}

/* 255.255.255.255 and multicast leave by a device, not by a prefix. The source may stay 0.0.0.0 (DHCP). */
static struct rtable *rt_output_to_all(struct net *net, struct flowi4 *fl, struct net_device *dev, int *err)
{
    struct rtable *rt;

    if (!dev)
        dev = rt_default_device(net, fl);
    if (!dev) {
        *err = -ENETUNREACH;
        return NULL;
    }
    if (!fl->saddr)
        fl->saddr = inet_select_addr(dev, fl->daddr);
    rt = rt_alloc(net, dev, ipv4_is_lbcast(fl->daddr) ? RTN_BROADCAST : RTN_MULTICAST, fl->daddr);
    if (!rt)
        *err = -ENOMEM;
    else if (rt->type == RTN_MULTICAST)
        rt->dst.output = ip_mc_output;
    return rt;
}

/* A unicast destination by a device: a route of its own for an on-link destination or one with a path MTU. */
static struct rtable *rt_output_unicast(struct net *net, struct flowi4 *fl, struct net_device *dev,
                                        struct fib_alias *alias, int *err)
{
    be32 redirected = ip_redirect_gateway(net, dev, fl->daddr);
    be32 gateway = redirected ? redirected : alias ? alias->cfg.gateway : 0;
    const struct rt_pmtu *pmtu = rt_pmtu_find(net->ipv4->rt_cache, fl->daddr);
    struct rtable *rt;

    if (unlikely(ipv4_is_link_local(fl->daddr)))
        gateway = 0; /* RFC 3927 2.6.2: they are on the link, whatever address we have; no router helps */
    if (!fl->saddr)
        fl->saddr = alias && alias->cfg.prefsrc ? alias->cfg.prefsrc
                                                : inet_select_addr(dev, gateway ? gateway : fl->daddr);
    /* RFC 1122 3.2.1.3: neither 127/8 nor 0.0.0.0 goes out to a single host. */
    *err = -ENETUNREACH;
    if (!fl->saddr ||
        (!(dev->flags & DEV_IFF_LOOPBACK) && (ipv4_is_loopback(fl->saddr) || ipv4_is_loopback(fl->daddr))))
        return NULL;

    *err = -ENOMEM;
    if (gateway && !redirected && !pmtu) {
        rt = rt_of_alias(net, alias);
        return rt ? (struct rtable *)dst_hold(&rt->dst) : NULL;
    }
    rt = rt_alloc(net, dev, RTN_UNICAST, gateway ? gateway : fl->daddr);
    if (!rt)
        return NULL;
    rt->gateway = gateway;
    rt->prefsrc = fl->saddr;
    if (pmtu) {
        rt->dst.mtu = min(rt->dst.mtu, pmtu->mtu);
        rt->mtu_locked |= pmtu->locked;
    }
    return rt;
}

static struct rtable *rt_output_by_alias(struct net *net, struct flowi4 *fl, struct fib_alias *alias,
                                         int *err)
{
    struct rtable *rt;

    switch (alias->cfg.type) {
    case RTN_UNICAST:
        return rt_output_unicast(net, fl, alias->cfg.dev, alias, err);
    case RTN_LOCAL:
        if (!fl->saddr)
            fl->saddr = fl->daddr;
        break;
    case RTN_BROADCAST:
        if (!fl->saddr)
            fl->saddr = alias->cfg.prefsrc;
        break;
    case RTN_MULTICAST:
    case RTN_UNREACHABLE:
        *err = -EHOSTUNREACH;
        return NULL;
    case RTN_BLACKHOLE:
        *err = -EINVAL;
        return NULL;
    case RTN_PROHIBIT:
        *err = -EACCES;
        return NULL;
    }
    *err = -ENOMEM;
    rt = rt_of_alias(net, alias);
    return rt ? (struct rtable *)dst_hold(&rt->dst) : NULL;
}

/* Referenced; NULL and *err. */
static struct rtable *rt_output_slow(struct net *net, struct flowi4 *fl, int *err)
{
    struct net_device *dev = rt_output_device(net, fl, err);
    struct fib_alias *alias;

    if (*err)
        return NULL;
    *err = -EINVAL;
    if (fl->saddr && inet_addr_type(net, NULL, fl->saddr) != RTN_LOCAL)
        return NULL;
    if (!fl->daddr) /* "this host", as connect() to INADDR_ANY means it */
        fl->daddr = fl->saddr ? fl->saddr : LOOPBACK_HOST;
    if (ipv4_is_lbcast(fl->daddr) || ipv4_is_multicast(fl->daddr))
        return rt_output_to_all(net, fl, dev, err);
    if (ipv4_is_zeronet(fl->daddr) || ipv4_is_class_e(fl->daddr))
        return NULL;

    alias = fib_lookup(net->ipv4->fib, fl->daddr, fl->oif);
    if (alias)
        return rt_output_by_alias(net, fl, alias, err);
    if (dev) /* told which wire to use: the destination is taken to be on it */
        return rt_output_unicast(net, fl, dev, NULL, err);
    *err = -ENETUNREACH;
    return NULL;
}

struct rtable *ip_route_output(struct net *net, struct flowi4 *fl, int *err)
{
    struct rt_cache *cache = net->ipv4->rt_cache;
    be32 daddr = fl->daddr, saddr = fl->saddr;
    struct rt_out_slot *slot = &cache->out[rt_slot(cache, daddr, saddr)];
    struct rtable *rt;

    *err = 0;
    if (likely(slot->rt && slot->daddr == daddr && slot->saddr_asked == saddr && slot->oif == fl->oif &&
               daddr)) {
        fl->saddr = slot->saddr;
        return (struct rtable *)dst_hold(&slot->rt->dst);
    }
    rt = rt_output_slow(net, fl, err);
    if (!rt) {
        if (*err != -ENOMEM)
            NET_INC_STATS(net, IpOutNoRoutes);
        return NULL;
    }
    *err = 0;
    rt_put(&slot->rt);
    *slot = (struct rt_out_slot){
        .daddr = daddr, .saddr_asked = saddr, .saddr = fl->saddr, .oif = fl->oif, .rt = rt};
    return (struct rtable *)dst_hold(&rt->dst);
}

/* --- life --- */

void rt_cache_flush(struct net *net)
{
    struct rt_cache *cache = net->ipv4->rt_cache;

    net->ipv4->rt_generation++;
    for (size_t i = 0; i < RT_SLOTS; i++) {
        rt_put(&cache->in[i].rt);
        rt_put(&cache->out[i].rt);
        rt_put(&cache->through[i]);
    }
}

int ip_rt_init(struct net *net)
{
    struct rt_cache *cache = kzalloc(sizeof(*cache));

    if (!cache)
        return -ENOMEM;
    cache->net = net;
    cache->hash_factor = get_random_u32() | 1;
    INIT_LIST_HEAD(&cache->pmtu);
    timer_setup(&cache->pmtu_timer, rt_pmtu_expire);
    net->ipv4->rt_cache = cache;
    net->ipv4->fib = fib_create();
    cache->limited_broadcast = rt_alloc(net, NULL, RTN_BROADCAST, LIMITED_BCAST);
    cache->all_hosts = rt_alloc(net, NULL, RTN_MULTICAST, ALL_HOSTS);
    cache->no_route = rt_alloc(net, NULL, RTN_UNREACHABLE, 0);
    if (cache->no_route)
        cache->no_route->dst.error = -ENETUNREACH;
    if (net->ipv4->fib && cache->limited_broadcast && cache->all_hosts && cache->no_route &&
        !devconf_init(net) && !ip_redirect_init(net))
        return 0;
    ip_rt_exit(net);
    return -ENOMEM;
}

void ip_rt_exit(struct net *net)
{
    struct rt_cache *cache = net->ipv4->rt_cache;
    struct rt_pmtu *e, *next;

    ip_redirect_exit(net);
    devconf_exit(net);
    if (net->ipv4->fib)
        fib_clear(net);
    rt_cache_flush(net);
    list_for_each_entry_safe (e, next, &cache->pmtu, list)
        rt_pmtu_free(cache, e);
    del_timer(&cache->pmtu_timer);
    rt_put(&cache->limited_broadcast);
    rt_put(&cache->all_hosts);
    rt_put(&cache->no_route);
    fib_destroy(net->ipv4->fib);
    kfree(cache);
    net->ipv4->fib = NULL;
    net->ipv4->rt_cache = NULL;
}
