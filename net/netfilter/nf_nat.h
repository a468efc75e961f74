/*
 * nf_nat.h - address translation: the tuples of a connection's two directions are made to differ.
 *
 *     PRE_ROUTING, LOCAL_OUT (NF_IP_PRI_NAT_DST): destination      table nat: DNAT, REDIRECT
 *     LOCAL_IN, POST_ROUTING (NF_IP_PRI_NAT_SRC): source           table nat: SNAT, MASQUERADE
 *
 * Table nat is asked for the first packet of a connection, once for each half. What it decides stands in the
 * reply tuple (nf_conntrack.h); all later packets, both ways, are rewritten to what the tuples say.
 */
#ifndef NET_NETFILTER_NF_NAT_H
#define NET_NETFILTER_NF_NAT_H

#include "net/netfilter/nf_conntrack.h"

enum nf_nat_manip { NF_NAT_MANIP_SRC, NF_NAT_MANIP_DST };

/* nf_nat_range.flags */
#define NF_NAT_RANGE_ADDRS      0x01
#define NF_NAT_RANGE_PORTS      0x02
#define NF_NAT_RANGE_RANDOM     0x04 /* a port nobody can foresee, even where the own one is free */
#define NF_NAT_RANGE_PERSISTENT 0x08 /* the address depends on the client only, not on whom it speaks to */

/* What a half may become; ports in host order (for ICMP: ids). */
struct nf_nat_range {
    unsigned flags;
    be32 min_addr, max_addr;
    uint16_t min_port, max_port;
};

static inline enum nf_nat_manip nf_nat_hook_manip(enum nf_inet_hooks hook)
{
    return hook == NF_INET_POST_ROUTING || hook == NF_INET_LOCAL_IN ? NF_NAT_MANIP_SRC : NF_NAT_MANIP_DST;
}

/* Decides one half of a connection that is not in the table yet. Once; later calls change nothing. */
void nf_nat_setup(struct nf_conn *ct, const struct nf_nat_range *range, enum nf_nat_manip manip);

int __must_check nf_nat_init(struct net *net);
void nf_nat_exit(struct net *net);

/* --- nf_nat_proto.c --- */

/**
 * nf_nat_manip_packet - give a packet the source or destination (address and port) of a tuple
 * @skb: at its IPv4 header (borrowed); @target: what it is to be in its own direction
 *
 * Checksums follow (RFC 1624). Return: 0; -ENOMEM, -EINVAL (too short): unchanged.
 */
int __must_check nf_nat_manip_packet(struct sk_buff *skb, const struct nf_conntrack_tuple *target,
                                     enum nf_nat_manip manip);

/* The same for the datagram an ICMP error quotes; the error's checksum follows. */
int __must_check nf_nat_manip_quoted(struct sk_buff *skb, const struct nf_conntrack_tuple *target,
                                     enum nf_nat_manip manip);

#endif
