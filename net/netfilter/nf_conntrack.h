/*
 * nf_conntrack.h - connection tracking: which packets belong together, and in which state that is.
 *
 *     PRE_ROUTING, LOCAL_OUT (NF_IP_PRI_CONNTRACK): nf_conntrack_in() finds the connection or makes one
 *     LOCAL_IN, POST_ROUTING (NF_IP_PRI_CONNTRACK_CONFIRM): a new one enters the table when its first packet
 *     has passed all rules
 *
 * It stands in the hooks only while somebody needs it (a rule with `conntrack` or of table nat, or
 * net.netfilter.nf_conntrack_always): nf_ct_get_use().
 */
#ifndef NET_NETFILTER_NF_CONNTRACK_H
#define NET_NETFILTER_NF_CONNTRACK_H

#include "kernel/list.h"
#include "net/core/skbuff.h"
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
#define IPS_SEEN_REPLY 0x01
#define IPS_ASSURED    0x02 /* never dropped early */
#define IPS_CONFIRMED  0x04 /* in the table */
#define IPS_SRC_NAT    0x08
#define IPS_DST_NAT    0x10
#define IPS_NAT_DONE   0x20 /* both halves have been decided */
#define IPS_DYING      0x40

struct nf_conn;

/* The connection of a packet, borrowed, and its relation; NULL if it is not tracked. */
static inline struct nf_conn *nf_ct_get(const struct sk_buff *skb, enum ip_conntrack_info *info)
{
    *info = (enum ip_conntrack_info)skb->nfctinfo;
    return (struct nf_conn *)skb->nfct;
}

/* Somebody needs tracking from now on: 0 or -ENOMEM. Each needs its nf_ct_put_use(). */
int __must_check nf_ct_get_use(struct net *net);
void nf_ct_put_use(struct net *net);

int __must_check nf_conntrack_init(struct net *net);
void nf_conntrack_exit(struct net *net);

#endif
