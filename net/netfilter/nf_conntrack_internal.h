/*
 * nf_conntrack_internal.h - between the files of connection tracking; everybody else sees nf_conntrack.h.
 */
#ifndef NET_NETFILTER_NF_CONNTRACK_INTERNAL_H
#define NET_NETFILTER_NF_CONNTRACK_INTERNAL_H

#include "net/ipv4/ip.h"
#include "net/netfilter/nf_conntrack.h"

/* What a protocol says to a packet of a connection. */
enum nf_ct_judgement {
    NF_CT_VALID,
    NF_CT_INVALID,
    NF_CT_REOPEN, /* the connection is over, this packet opens another one: kill it and look again */
};

/* A packet being tracked: skb at the IPv4 header, whose transport header starts at `thoff`. */
struct nf_ct_packet {
    struct net *net;
    struct sk_buff *skb;
    unsigned thoff;
    uint8_t protocol;
    enum nf_inet_hooks hook;
};

/* Seconds of a setting to the milliseconds of the clock. */
#define NF_CT_MS(seconds) ((uint64_t)(unsigned)(seconds)*1000u)

/* --- nf_conntrack_core.c --- */

/* It lives so much longer. */
void nf_ct_refresh(struct nf_conn *ct, uint64_t timeout_ms);
/* From now on it is not dropped to make room, or it is again (a connection that is closing). */
void nf_ct_set_assured(struct nf_conn *ct);
void nf_ct_set_evictable(struct nf_conn *ct);
/* Says, if net.netfilter.nf_conntrack_log_invalid asks for it, why a packet is none of ours. */
void nf_ct_log_invalid(const struct nf_ct_packet *p, const char *why);

/* --- nf_conntrack_proto.c --- */

/* The tuple of a datagram whose IPv4 header `iph` is at `offset` of skb. false: too short for its protocol,
 * or an ICMP message that opens and answers nothing. */
bool nf_ct_get_tuple(const struct sk_buff *skb, unsigned offset, const struct iphdr *iph,
                     struct nf_conntrack_tuple *tuple);
/* What answers to it look like. */
void nf_ct_invert_tuple(struct nf_conntrack_tuple *inverse, const struct nf_conntrack_tuple *tuple);
bool nf_ct_is_icmp_query(uint8_t type);

/* Whether the header and, at PRE_ROUTING, the checksum are right; the header is linear afterwards. */
bool nf_ct_packet_ok(struct nf_ct_packet *p);
/* May this open a connection? */
bool nf_ct_opens(const struct nf_ct_packet *p, struct nf_conn *ct);
enum nf_ct_judgement nf_ct_judge(struct nf_ct_packet *p, struct nf_conn *ct, enum ip_conntrack_info info);

/* An ICMP error: hangs the connection it is about on the packet, or leaves it invalid. false: no error. */
bool nf_ct_icmp_error(struct nf_ct_packet *p);

/* --- nf_conntrack_tcp.c --- */

struct tcphdr *nf_ct_tcp_header(const struct nf_ct_packet *p);
bool nf_ct_tcp_ok(struct nf_ct_packet *p);
bool nf_ct_tcp_opens(const struct nf_ct_packet *p);
enum nf_ct_judgement nf_ct_tcp_judge(struct nf_ct_packet *p, struct nf_conn *ct, enum ip_conntrack_dir dir);

/* --- nf_conntrack_sysctl.c --- */

void nf_ct_register_sysctls(struct net *net);

#endif
