/*
 * neighbour.h - link addresses of next hops: a bounded table with the states of Linux's (and RFC 4861's)
 * neighbour cache.
 *
 *     NONE -> INCOMPLETE --reply--> REACHABLE --time--> STALE --use--> DELAY --time--> PROBE --reply-->
 * REACHABLE
 *                  `--no reply--> FAILED <------------------------------------------------no reply--'
 *
 * One table per protocol; ARP's is the only one so far (net/ethernet/arp.c supplies the ops).
 */
#ifndef NET_CORE_NEIGHBOUR_H
#define NET_CORE_NEIGHBOUR_H

#include "kernel/timer.h"
#include "net/core/netdevice.h"

enum neigh_state {
    NUD_NONE,
    NUD_INCOMPLETE,
    NUD_REACHABLE,
    NUD_STALE,
    NUD_DELAY,
    NUD_PROBE,
    NUD_FAILED,
    NUD_NOARP,     /* link needs no resolution: loopback, broadcast, multicast */
    NUD_PERMANENT, /* set by hand */
};

struct neigh_table;

struct neighbour {
    struct hlist_node hash;
    struct list_head lru; /* neigh_table.lru, least recently used first */
    struct neigh_table *tbl;
    struct net_device *dev;
    be32 primary_key; /* IPv4 address */
    enum neigh_state state;
    uint8_t ha[ETH_ALEN];
    uint8_t hh[16] __aligned(8); /* the finished link header (ETH_HLEN bytes at its end), valid with ha */
    bool hh_valid;
    uint64_t confirmed_ms, used_ms, updated_ms;
    unsigned probes;
    struct timer timer;
    struct sk_buff_head arp_queue; /* packets waiting for ha */
    struct list_head waiting;      /* neigh_table.waiting, while there are any */
    uint32_t refcount;
    bool used; /* since used_ms was written: the fast path leaves only this mark */
    bool dead;
};

struct neigh_ops {
    /* Ask who has n->primary_key; unicast to n->ha in NUD_PROBE, else broadcast. `skb`: a waiting packet or
     * NULL. */
    void (*solicit)(struct neighbour *n, struct sk_buff *skb);
    /* n has failed: tell the sender of a waiting packet (taken), ICMP host unreachable or a socket error. */
    void (*error_report)(struct neighbour *n, struct sk_buff *skb);
    /* A new entry: sets NUD_NOARP and ha for addresses that need no question. -EINVAL refuses the key. */
    int (*constructor)(struct neighbour *n);
};

struct neigh_parms { /* sysctl net.ipv4.neigh.default.* */
    int base_reachable_time_ms, retrans_time_ms, gc_stale_time_ms, delay_probe_time_ms;
    int mcast_solicit, ucast_solicit;
    int queue_len;  /* packets waiting per entry */
    int gc_thresh3; /* entries at most */
};

#define NEIGH_HASH_SIZE 256

struct neigh_table {
    struct net *net;
    const char *name;
    uint16_t protocol; /* EtherType of the packets it sends; set by the owner */
    const struct neigh_ops *ops;
    struct neigh_parms parms;
    struct hlist_head hash[NEIGH_HASH_SIZE];
    struct list_head lru;
    size_t entries;
    struct list_head waiting; /* entries that packets wait for, in the order of their first one */
    size_t queued;            /* packets waiting on all entries together */
};

struct neigh_table *neigh_table_create(struct net *net, const char *name, const struct neigh_ops *ops);
void neigh_table_destroy(struct neigh_table *tbl);

/* Return: referenced (neigh_release), or NULL if there is none. */
struct neighbour *neigh_lookup(struct neigh_table *tbl, be32 key, struct net_device *dev);
/* The same, made if needed; NULL if the table is full of entries in use or without memory. Never evicts one
 * with fresh use for one that was only scanned. */
struct neighbour *neigh_lookup_or_create(struct neigh_table *tbl, be32 key, struct net_device *dev);
void neigh_release(struct neighbour *n);

/**
 * neigh_output - send a packet to a neighbour, resolving its address first if needed
 * @skb: starts at the network header, hard_header_len bytes of headroom (taken: queued, sent or dropped)
 * Return: 0, or -EHOSTUNREACH once the neighbour is known not to answer (RFC 1122 2.3.2.2).
 */
int neigh_output(struct neighbour *n, struct sk_buff *skb);

/**
 * neigh_update - what a received packet says about a neighbour
 * @ha: link address, or NULL (then only the state changes)
 * @override: replace an address that is already known
 */
void neigh_update(struct neighbour *n, const uint8_t *ha, enum neigh_state new_state, bool override);

/* The transport had an answer from it: as good as an ARP reply (RFC 1122 2.3.2.1). */
void neigh_confirm(struct neighbour *n);

/* Takes an entry out of the table, whatever its state. */
void neigh_forget(struct neigh_table *tbl, be32 key, struct net_device *dev);
void neigh_ifdown(struct neigh_table *tbl, struct net_device *dev); /* forget all entries of a device */
/* The device's own address is another one: finished headers are made anew. */
void neigh_changeaddr(struct neigh_table *tbl, const struct net_device *dev);
/* Forgets all that was learned (dev NULL: on all devices): how many entries. */
size_t neigh_flush(struct neigh_table *tbl, const struct net_device *dev);
/* Calls fn for every entry until it returns false; fn changes nothing. */
void neigh_for_each(struct neigh_table *tbl, bool (*fn)(const struct neighbour *n, void *ctx), void *ctx);
const char *neigh_state_name(enum neigh_state state);

#endif
