/*
 * udp.h - UDP (RFC 768, RFC 1122 4.1).
 */
#ifndef NET_UDP_UDP_H
#define NET_UDP_UDP_H

#include "net/core/sock.h"

struct udphdr {
    be16 source, dest, len;
    sum16 check;
} __packed __aligned(2);
_Static_assert(sizeof(struct udphdr) == 8, "RFC 768");

extern const struct proto udp_prot;

int __must_check udp_init(struct net *net);
void udp_exit(struct net *net);

/* Walks the sockets that have a port, for statistics; start with NULL. */
struct sock *udp_next_sock(struct net *net, const struct sock *prev);

#endif
