/*
 * af_packet.h - AF_PACKET sockets: frames as they come from and go to a device.
 */
#ifndef NET_PACKET_AF_PACKET_H
#define NET_PACKET_AF_PACKET_H

#include "net/core/net.h"

/* For af_inet.c: the family comes and goes with the stack's sockets. */
int __must_check packet_init(struct net *net);
void packet_exit(struct net *net);

#endif
