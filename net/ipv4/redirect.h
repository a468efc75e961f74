/*
 * redirect.h - what ICMP redirects have taught this host (RFC 1122 3.2.2.2).
 */
#ifndef NET_IPV4_REDIRECT_H
#define NET_IPV4_REDIRECT_H

#include "kernel/byteorder.h"
#include "net/core/netdevice.h"

/* At most so many destinations, each for five minutes; the one that expires first makes room. */
#define REDIRECT_MAX     64
#define REDIRECT_LIFE_MS (5 * 60 * 1000)

/**
 * ip_rt_redirect - a gateway says that another one is nearer
 * @dev:     received by
 * @from:    the gateway that says so
 * @gateway: the one to use instead
 * @daddr:   for this destination
 *
 * Believed by a host whose accept_redirects is set, from the gateway that it uses for daddr now, about a
 * neighbour on the same device. Return: whether it is believed.
 */
bool ip_rt_redirect(struct net *net, struct net_device *dev, be32 from, be32 gateway, be32 daddr);

/* The gateway to use for daddr by dev instead of that of the table; 0: that one. */
be32 ip_redirect_gateway(struct net *net, const struct net_device *dev, be32 daddr);

/* That gateway is dead, or the device is gone (NULL: any). */
void ip_redirect_forget(struct net *net, be32 gateway, const struct net_device *dev);

int __must_check ip_redirect_init(struct net *net);
void ip_redirect_exit(struct net *net);

#endif
