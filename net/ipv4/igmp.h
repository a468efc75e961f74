/*
 * igmp.h - multicast groups: which ones this host listens to, by device and by socket (RFC 1112, RFC 2236,
 * RFC 3376).
 */
#ifndef NET_IPV4_IGMP_H
#define NET_IPV4_IGMP_H

#include "net/core/netdevice.h"
#include "net/core/sock.h"

#define IGMP_MAX_MEMBERSHIPS 20  /* of one socket: net.ipv4.igmp_max_memberships */
#define IGMP_MAX_MSF         10  /* sources in the filter of one membership: net.ipv4.igmp_max_msf ... */
#define IGMP_MAX_MSF_MAX     512 /* ... and how far it may be raised */

/* Whether somebody here listens to the group on dev. 224.0.0.1 is everybody's. */
bool ip_check_mc(struct net_device *dev, be32 group);

/* Whether somebody here wants what this source sends to the group. */
bool ip_mc_source_wanted(struct net_device *dev, be32 group, be32 saddr);

/* Whether a datagram from `saddr` to `daddr` that came in by device `dif` is for this socket: unless it is
 * for a group, yes; else if it joined there and its filter lets the source pass, or if it never joined and
 * hears all that anybody here wants (IP_MULTICAST_ALL). */
bool ip_mc_sk_allow(const struct sock *sk, be32 daddr, be32 saddr, int dif);

/* Leaves all groups: before the socket goes. */
void ip_mc_drop_socket(struct sock *sk);

/* Options IP_MULTICAST_*, IP_*_MEMBERSHIP, IP_*BLOCK_SOURCE and IP_MSFILTER, for ip_sockglue.c. -ENOPROTOOPT:
 * not one of them. */
int ip_mc_setopt(struct sock *sk, int name, const void *val, socklen_t len);
int ip_mc_getopt(struct sock *sk, int name, void *val, socklen_t *len);

int __must_check igmp_init(struct net *net);
void igmp_exit(struct net *net);

#endif
