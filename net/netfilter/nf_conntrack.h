/*
 * nf_conntrack.h - connection tracking: which packets belong together, and in which state that is.
 *
 *     PRE_ROUTING, LOCAL_OUT (NF_IP_PRI_CONNTRACK): nf_conntrack_in() finds the connection or makes one
 *     LOCAL_IN, POST_ROUTING (NF_IP_PRI_CONNTRACK_CONFIRM): a new one enters the table when its first packet
 *     has passed all rules
 *
 * It stands in the hooks only while somebody needs it (a rule with `conntrack` or of table nat, or
 * net.netfilter.nf_conntrack_always): nf_ct_get_use().
 *
 * The room, in reading order: nf_conntrack_core.c (table, lookup, expiry, eviction), nf_conntrack_proto.c
 * (tuples; UDP, ICMP and the rest), nf_conntrack_tcp.c (states and windows), nf_conntrack_sysctl.c,
 * nf_nat_core.c (which addresses and ports a connection gets), nf_nat_proto.c (writing them into packets).
 */
#ifndef NET_NETFILTER_NF_CONNTRACK_H
#define NET_NETFILTER_NF_CONNTRACK_H

#include "kernel/list.h"
#include "kernel/timer.h"
#include "net/core/skbuff.h"
#include "net/core/sysctl.h"
#include "net/netfilter/hooks.h"

/* skb->nfctinfo: what the packet is to skb->nfct. */
enum ip_conntrack_info {
    IP_CT_NEW,               /* the first of a connection that is not in the table yet, or of the same way */
    IP_CT_ESTABLISHED,       /* original direction, after an answer was seen */
    IP_CT_RELATED,           /* an ICMP error about it */
    IP_CT_ESTABLISHED_REPLY, /* reply direction */
    IP_CT_RELATED_REPLY,
    IP_CT_UNTRACKED, /* skb->nfct is NULL on purpose (NOTRACK) */
};

enum ip_conntrack_dir { IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY, IP_CT_DIR_MAX };

/* Which packets: src and dst as on the wire; ICMP has its id in src_port, (type << 8 | code) in dst_port. */
struct nf_conntrack_tuple {
    be32 src, dst;
    be16 src_port, dst_port;
    uint8_t protocol, dir;
};

/* nf_conn.status */
#define IPS_SEEN_REPLY   0x01
#define IPS_ASSURED      0x02 /* never dropped early, as long as it lives */
#define IPS_CONFIRMED    0x04 /* in the table */
#define IPS_SRC_NAT      0x08
#define IPS_DST_NAT      0x10
#define IPS_SRC_NAT_DONE 0x20 /* that half has been decided, for or against */
#define IPS_DST_NAT_DONE 0x40
#define IPS_DYING        0x80 /* no longer in the table */

#define IPS_NAT_MASK (IPS_SRC_NAT | IPS_DST_NAT)

/* As `conntrack -L` prints them. SYN_SENT2: both sides have sent a SYN (RFC 9293 3.5, figure 7). */
enum tcp_conntrack {
    TCP_CONNTRACK_NONE,
    TCP_CONNTRACK_SYN_SENT,
    TCP_CONNTRACK_SYN_RECV,
    TCP_CONNTRACK_ESTABLISHED,
    TCP_CONNTRACK_FIN_WAIT,
    TCP_CONNTRACK_CLOSE_WAIT,
    TCP_CONNTRACK_LAST_ACK,
    TCP_CONNTRACK_TIME_WAIT,
    TCP_CONNTRACK_CLOSE,
    TCP_CONNTRACK_SYN_SENT2,
    TCP_CONNTRACK_MAX
};

/* What one side has shown of its TCP; sequence numbers in host order. */
struct nf_ct_tcp_side {
    uint32_t iss;     /* number of its SYN */
    uint32_t end;     /* one past the highest number it has sent */
    uint32_t max_end; /* one past the highest it may send: what the other acknowledged and its window */
    uint32_t max_win; /* the largest window it has offered, scaled; 0: nothing was seen of it */
    uint32_t max_ack; /* the highest number it has acknowledged, with NF_CT_TCP_ACKED */
    uint8_t scale;    /* of its windows (RFC 7323 2) */
    uint8_t flags;    /* NF_CT_TCP_* */
};
#define NF_CT_TCP_SCALE     0x01 /* its SYN offered window scaling ... */
#define NF_CT_TCP_SACK_PERM 0x02 /* ... and selective acknowledgements */
#define NF_CT_TCP_ACKED     0x04
#define NF_CT_TCP_UNACKED   0x08 /* it has sent what nobody has acknowledged yet */
#define NF_CT_TCP_LIBERAL   0x10 /* its window is not known: do not judge by it */
#define NF_CT_TCP_CLOSING   0x20 /* it has sent a FIN */

struct nf_ct_tcp {
    struct nf_ct_tcp_side side[IP_CT_DIR_MAX];
    struct nf_ct_tcp_side syn; /* of the sender of a SYN that fits no open connection ... */
    bool syn_pending;          /* ... was let through: whatever answers it decides ... */
    uint8_t syn_dir;           /* ... in this direction */
    bool old_pending;          /* an older connection's segment has answered our SYN ... */
    uint32_t old_ack;          /* ... acknowledging this */
    uint8_t state;             /* enum tcp_conntrack */
    uint8_t retrans;           /* the same segment so many times in a row */
    uint8_t last_dir;
    uint32_t last_seq, last_ack, last_end;
    uint16_t last_win;
};

struct nf_conn;

struct nf_conntrack_tuple_hash {
    struct hlist_node node;
    struct nf_conntrack_tuple tuple;
};

struct nf_conn {
    struct nf_conntrack general; /* must stay first: skb->nfct */
    struct net *net;
    struct nf_conntrack_tuple_hash tuplehash[IP_CT_DIR_MAX]; /* what to expect in each direction */
    struct list_head list;                                   /* netns_ct.evictable or .assured */
    struct hlist_node by_source; /* netns_nat: connections whose source has a mapping */
    struct list_head charges;    /* nf_ct_charge: who counts it (nf_ct_charge.h) */
    struct timer timer;          /* looks at expires_ms when it fires */
    uint64_t expires_ms;
    uint32_t status, mark, id;
    int masq_ifindex; /* MASQUERADE: lives as long as this device's address; 0: not masqueraded */
    union {
        struct nf_ct_tcp tcp;
        uint64_t udp_stream_ms; /* answered after this, it is a stream */
    };
};

/* The connection of a packet, borrowed, and its relation; NULL if it is not tracked. */
static inline struct nf_conn *nf_ct_get(const struct sk_buff *skb, enum ip_conntrack_info *info)
{
    *info = (enum ip_conntrack_info)skb->nfctinfo;
    return (struct nf_conn *)skb->nfct;
}

static inline enum ip_conntrack_dir nf_ct_info_dir(enum ip_conntrack_info info)
{
    return info == IP_CT_ESTABLISHED_REPLY || info == IP_CT_RELATED_REPLY ? IP_CT_DIR_REPLY
                                                                          : IP_CT_DIR_ORIGINAL;
}

static inline const struct nf_conntrack_tuple *nf_ct_tuple(const struct nf_conn *ct,
                                                           enum ip_conntrack_dir dir)
{
    return &ct->tuplehash[dir].tuple;
}

static inline bool nf_ct_tuple_equal(const struct nf_conntrack_tuple *a, const struct nf_conntrack_tuple *b)
{
    return a->src == b->src && a->dst == b->dst && a->src_port == b->src_port && a->dst_port == b->dst_port &&
           a->protocol == b->protocol;
}

/* What `conntrack -S` shows. */
struct nf_ct_stats {
    uint64_t found, invalid, insert, insert_failed, drop, early_drop, icmp_error, clash_resolve, untracked;
};

#define NF_CT_SYSCTL_MAX 28

struct netns_ct {
    struct net *net;
    unsigned users; /* nf_ct_get_use() */
    struct nf_hook_ops hooks[4];
    struct hlist_head *hash; /* `buckets` of them, a power of two; NULL while nobody needs it */
    unsigned buckets;
    unsigned count;             /* alive, also those whose first packet is still on its way */
    struct list_head evictable; /* not assured, or closing; the oldest first */
    struct list_head assured;
    uint32_t last_id;
    unsigned translated;                   /* alive, with IPS_NAT_MASK */
    void (*untranslated)(struct net *net); /* the last of those has gone; NULL: nobody asks */
    struct siphash_key key;
    uint64_t full_warned_ms; /* when it was last said that the table is full; 0: never */
    struct nf_ct_stats stats;

    int sysctl_max, sysctl_always, sysctl_checksum, sysctl_log_invalid;
    int sysctl_tcp_loose, sysctl_tcp_be_liberal, sysctl_tcp_max_retrans;
    int timeout_tcp[TCP_CONNTRACK_MAX], timeout_tcp_max_retrans, timeout_tcp_unacked; /* seconds */
    int timeout_udp, timeout_udp_stream, timeout_icmp, timeout_generic;
    struct sysctl_table sysctl;
    struct sysctl_entry sysctl_entries[NF_CT_SYSCTL_MAX];
};

/* Somebody needs tracking from now on: 0 or -ENOMEM. Each needs its nf_ct_put_use(). */
int __must_check nf_ct_get_use(struct net *net);
void nf_ct_put_use(struct net *net);

int __must_check nf_conntrack_init(struct net *net);
void nf_conntrack_exit(struct net *net);

/* The connection with this tuple in either direction (*dir), borrowed; NULL if there is none. */
struct nf_conn *nf_ct_find(struct net *net, const struct nf_conntrack_tuple *tuple,
                           enum ip_conntrack_dir *dir);

/* Ends a connection now: its packets under way keep it until they are gone. */
void nf_ct_kill(struct nf_conn *ct);

/* Ends every connection of the table that match(ct, ctx) says: how many. */
unsigned nf_ct_kill_if(struct net *net, bool (*match)(struct nf_conn *ct, void *ctx), void *ctx);

/* One after the other, while the table may change in between: *cursor starts at 0. NULL: no more. */
const struct nf_conn *nf_ct_next(struct net *net, uint64_t *cursor);

/* Milliseconds until it expires. */
uint64_t nf_ct_expires_in_ms(const struct nf_conn *ct);

/* "ESTABLISHED" */
const char *nf_ct_tcp_state_name(enum tcp_conntrack state);

#endif
