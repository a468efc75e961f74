/*
 * route.h - which way a datagram goes: the forwarding table (FIB, longest prefix) and what a lookup gives.
 */
#ifndef NET_IPV4_ROUTE_H
#define NET_IPV4_ROUTE_H

#include "net/core/dst.h"
#include "net/core/netdevice.h"

enum rt_type {
    RTN_UNICAST,
    RTN_LOCAL,
    RTN_BROADCAST,
    RTN_MULTICAST,
    RTN_UNREACHABLE,
    RTN_BLACKHOLE,
    RTN_PROHIBIT
};

struct rtable {
    struct dst_entry dst; /* must stay first */
    enum rt_type type;
    be32 gateway;            /* next hop, 0: the destination itself */
    be32 prefsrc;            /* source to use when the sender has none */
    be32 nexthop;            /* whose link address is needed: gateway or destination */
    bool mtu_locked;         /* the path MTU is below what we believe: without DF, so that routers fragment */
    struct neighbour *neigh; /* of nexthop, referenced; NULL until the first packet */
};

static inline struct rtable *skb_rtable(const struct sk_buff *skb)
{
    return (struct rtable *)skb->dst;
}

struct flowi4 {
    be32 daddr, saddr; /* saddr 0: choose; filled in by ip_route_output */
    int oif;           /* 0: any */
    uint8_t tos;
    uint32_t mark;
};

/**
 * ip_route_output - route for a datagram of ours; fl->saddr is filled in if it was 0
 * Return: referenced (dst_release), or NULL and *err: -ENETUNREACH, -EHOSTUNREACH, -EINVAL (saddr not ours),
 * -ENOMEM.
 */
struct rtable *ip_route_output(struct net *net, struct flowi4 *fl, int *err);

/* Route for a received datagram: sets skb->dst. 0, or -E... with the drop reason in *reason. */
int ip_route_input(struct sk_buff *skb, be32 daddr, be32 saddr, struct net_device *dev,
                   enum skb_drop_reason *reason);

/* What kind of address this is to us (RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST or RTN_UNICAST). dev NULL: any.
 */
enum rt_type inet_addr_type(struct net *net, struct net_device *dev, be32 addr);

struct fib_config {
    be32 dst;
    uint8_t prefix_len;
    be32 gateway; /* 0: on link */
    be32 prefsrc;
    struct net_device *dev;
    uint32_t metric;
    enum rt_type type;
};

/* 0, -EEXIST, -ENOENT, -EINVAL (host bits set, no device), -ENETUNREACH (gateway not on link), -ENOMEM. */
int fib_add(struct net *net, const struct fib_config *cfg);
int fib_del(struct net *net, const struct fib_config *cfg);
void fib_for_each(struct net *net, bool (*fn)(const struct fib_config *cfg, void *ctx), void *ctx);

/* The longest prefix that holds addr, without cache and policy: false if there is none. */
bool fib_lookup_config(struct net *net, be32 addr, struct fib_config *cfg);

/* Every cached route is looked up anew from now on. */
void rt_cache_flush(struct net *net);

/*
 * Path MTU news for a destination (RFC 1191): kept for ten minutes, never raised, never below RT_MIN_PMTU
 * (then datagrams go without DF instead). At most RT_PMTU_MAX destinations; the one that expires first makes
 * room.
 */
#define RT_MIN_PMTU 552u
#define RT_PMTU_MAX 128
void ip_rt_update_pmtu(struct net *net, be32 daddr, uint32_t mtu);

/* The transport had an answer along this route: its next hop is alive (RFC 1122 2.3.2.1). NULL is fine. */
void ip_rt_confirm_neigh(struct dst_entry *dst);

int __must_check ip_rt_init(struct net *net); /* FIB and route caches */
void ip_rt_exit(struct net *net);

#endif
