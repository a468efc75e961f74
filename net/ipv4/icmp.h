/*
 * icmp.h - ICMP (RFC 792, RFC 1122 3.2.2).
 */
#ifndef NET_IPV4_ICMP_H
#define NET_IPV4_ICMP_H

#include "net/core/skbuff.h"

#define ICMP_ECHOREPLY     0
#define ICMP_DEST_UNREACH  3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_REDIRECT      5
#define ICMP_ECHO          8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

#define ICMP_NET_UNREACH  0
#define ICMP_HOST_UNREACH 1
#define ICMP_PROT_UNREACH 2
#define ICMP_PORT_UNREACH 3
#define ICMP_FRAG_NEEDED  4
#define ICMP_PKT_FILTERED 13 /* administratively prohibited */
#define ICMP_REDIR_HOST   1
#define ICMP_EXC_TTL      0

#define ICMP_EXC_TTL      0 /* of ICMP_TIME_EXCEEDED */
#define ICMP_EXC_FRAGTIME 1

/**
 * icmp_send - an error message about a received datagram
 * @skb: the datagram (borrowed); network_header at its IPv4 header
 * @info: rest of the header in host order: next-hop MTU, pointer << 24, gateway of a redirect
 *
 * Refuses where RFC 1122 3.2.2 forbids (about ICMP errors, broadcasts, fragments, invalid sources) and where
 * the rate limit (token buckets per host and in all) says no.
 */
void icmp_send(struct sk_buff *skb, uint8_t type, uint8_t code, uint32_t info);

int __must_check icmp_init(struct net *net);
void icmp_exit(struct net *net);

#endif
