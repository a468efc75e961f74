/*
 * dst.h - where a packet goes next: the result of a route lookup, as two methods.
 *
 * dst->input takes a received packet on (ip_local_deliver, ip_forward, ip_error), dst->output one to be sent
 * (ip_output, ip_mc_output). Entries are counted; a socket keeps its own and asks dst_check() before using
 * it.
 */
#ifndef NET_CORE_DST_H
#define NET_CORE_DST_H

#include "kernel/types.h"

struct net;
struct net_device;
struct sk_buff;

struct dst_entry {
    struct net *net;
    struct net_device *dev;
    int (*input)(struct sk_buff *skb);  /* takes skb */
    int (*output)(struct sk_buff *skb); /* takes skb */
    void (*destroy)(struct dst_entry *dst);
    uint32_t mtu;        /* largest IPv4 datagram this way */
    uint32_t generation; /* of the routing table it came from ... */
    const uint32_t
        *current_generation; /* ... and where that table keeps its own: they differ once it changed */
    uint32_t refcount;
    int error; /* of unreachable routes: -ENETUNREACH and the like */
    /* The next hop does not answer ARP: tell the sender of skb (taken), by ICMP or on its socket. May be
     * NULL. */
    void (*link_failure)(struct sk_buff *skb);
};

static inline struct dst_entry *dst_hold(struct dst_entry *dst)
{
    dst->refcount++;
    return dst;
}

static inline void dst_release(struct dst_entry *dst)
{
    if (dst && --dst->refcount == 0)
        dst->destroy(dst);
}

/* Whether the lookup would still give the same: an entry without a table to ask is used once. */
static inline bool dst_check(const struct dst_entry *dst)
{
    return dst->current_generation && *dst->current_generation == dst->generation;
}

/* Takes skb. */
static inline int dst_input(struct sk_buff *skb, struct dst_entry *dst)
{
    return dst->input(skb);
}

#endif
