/*
 * icmp.h - ICMP (RFC 792, RFC 1122 3.2.2).
 */
#ifndef NET_IPV4_ICMP_H
#define NET_IPV4_ICMP_H

#include <linux/icmp.h> /* types and codes */

#include "net/core/skbuff.h"

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
