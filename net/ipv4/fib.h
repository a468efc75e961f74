/*
 * fib.h - the forwarding table as net/ipv4/route.c and devinet.c use it; everybody else sees route.h.
 *
 * A lookup visits at most five nodes of a trie, whatever the table holds (fib.c).
 */
#ifndef NET_IPV4_FIB_H
#define NET_IPV4_FIB_H

#include "kernel/byteorder.h"
#include "net/ipv4/route.h"

/* One way to reach a prefix. */
struct fib_alias {
    struct list_head list; /* fib_node.aliases: local ones first, then by rising metric */
    struct fib_node *node;
    struct fib_config cfg;
    struct rtable
        *rt; /* shared by all packets if the next hop does not depend on them; owned; may be outdated */
};

struct fib;

struct fib *fib_create(void);      /* NULL without memory */
void fib_clear(struct net *net);   /* removes every route */
void fib_destroy(struct fib *fib); /* must be empty */

/* The best alias for addr; with `oif` only those of that device, except local ones. NULL: none. */
struct fib_alias *fib_lookup(const struct fib *fib, be32 addr, int oif);

/* How many nodes a lookup of addr visits, and how many prefixes there are. */
unsigned fib_lookup_depth(const struct fib *fib, be32 addr);
size_t fib_count(const struct fib *fib);

/* As fib_add() without a look at gateways; `append` allows a second way with the same metric. */
int fib_insert(struct net *net, const struct fib_config *cfg, bool append);

/* Removes every alias that match(cfg, ctx) says; how many. */
unsigned fib_remove_if(struct net *net, bool (*match)(const struct fib_config *cfg, void *ctx), void *ctx);

/* net/ipv4/fib_frontend.c: routes come and go with addresses and devices. */
void fib_follow_devices(struct net *net);
void fib_unfollow_devices(struct net *net);

static inline be32 inet_make_mask(unsigned prefix_len)
{
    return cpu_to_be32(prefix_len ? 0xffffffffu << (32 - prefix_len) : 0);
}

#endif
