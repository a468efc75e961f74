/*
 * ping.h - ping sockets: ICMP echo for programs that need no more than that.
 */
#ifndef NET_IPV4_PING_H
#define NET_IPV4_PING_H

#include "net/core/sock.h"

extern const struct proto ping_prot;

/* An echo reply for us, checked, at the ICMP header. Takes skb. */
void ping_rcv(struct sk_buff *skb);

/* net_protocol.err_handler of ICMP: an error about an echo request of ours, perhaps. Borrows skb. */
void ping_err(struct sk_buff *skb, uint8_t type, uint8_t code, uint32_t info, int err);

/* Walks the sockets that have an id, for statistics; start with NULL. */
struct sock *ping_next_sock(struct net *net, const struct sock *prev);

int __must_check ping_init(struct net *net);
void ping_exit(struct net *net);

#endif
