/*
 * ip_internal.h - what the files of net/ipv4 share about fragments and ids, and nobody else needs.
 */
#ifndef NET_IPV4_IP_INTERNAL_H
#define NET_IPV4_IP_INTERNAL_H

#include "net/ipv4/ip.h"

/**
 * ip_select_ident - an id for a datagram that may be fragmented (RFC 6864 4.3)
 * Among the latest 65536 for the same addresses and protocol it is the only one, and nobody outside can
 * foresee it or learn from it how much is sent to others.
 */
uint16_t ip_select_ident(struct net *net, be32 saddr, be32 daddr, uint8_t protocol);

int __must_check ip_idents_init(struct net *net);
void ip_idents_exit(struct net *net);
int __must_check ip_defrag_init(struct net *net);
void ip_defrag_exit(struct net *net);

#endif
