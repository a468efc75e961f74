/*
 * icmp_internal.h - what icmp.c and ping.c share (net/ipv4 only).
 */
#ifndef NET_IPV4_ICMP_INTERNAL_H
#define NET_IPV4_ICMP_INTERNAL_H

#include "net/ipv4/icmp.h"

struct icmphdr {
    uint8_t type, code;
    sum16 checksum;
    be32 rest; /* id and sequence number; next-hop MTU; pointer */
} __packed __aligned(4);
_Static_assert(sizeof(struct icmphdr) == 8, "RFC 792");

#endif
