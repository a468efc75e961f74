/*
 * raw.h - raw sockets: whole IPv4 datagrams of one protocol, beside or instead of its transport.
 */
#ifndef NET_IPV4_RAW_H
#define NET_IPV4_RAW_H

#include "net/core/sock.h"

extern const struct proto raw_prot;

/* Walks all of them, for statistics; start with NULL. */
struct sock *raw_next_sock(struct net *net, const struct sock *prev);

/* A copy of a datagram for us (borrowed, at its IPv4 header) to each raw socket that wants it: whether any
 * did. */
bool raw_local_deliver(struct net *net, struct sk_buff *skb);

/* An ICMP error about a datagram of ours (borrowed), as net_protocol.err_handler gets it. */
void raw_err(struct sk_buff *skb, uint8_t type, uint8_t code, uint32_t info, int err);

#endif
