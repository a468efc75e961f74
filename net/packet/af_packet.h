/*
 * af_packet.h - AF_PACKET sockets: frames as they come from and go to a device.
 */
#ifndef NET_PACKET_AF_PACKET_H
#define NET_PACKET_AF_PACKET_H

#include "net/core/sock.h"

/* For af_inet.c: the family comes and goes with the stack's sockets. */
/* Walks all sockets, for statistics; start with NULL. */
struct sock *packet_next_sock(struct net *net, const struct sock *prev);
/* What one listens to: an EtherType (0: nothing, ETH_P_ALL: everything) of a device (0: any). */
be16 packet_sock_protocol(struct sock *sk, int *ifindex);

int __must_check packet_init(struct net *net);
void packet_exit(struct net *net);

#endif
