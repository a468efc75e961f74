/*
 * rp_filter.h - whether a source address can have come from where it came (RFC 3704), and a word about those
 * that cannot.
 */
#ifndef NET_IPV4_RP_FILTER_H
#define NET_IPV4_RP_FILTER_H

#include "kernel/byteorder.h"
#include "net/core/netdevice.h"

/**
 * ip_rp_filter_accepts - ask the way back (net.ipv4.conf.*.rp_filter)
 *
 * 1, strict: an answer to saddr would leave by dev (RFC 3704 2.2). 2, loose: there is a way to saddr at all
 * (2.4). The loopback device and senders who have no address yet are not asked.
 */
bool ip_rp_filter_accepts(struct net *net, be32 saddr, const struct net_device *dev);

/* One line in the log, if net.ipv4.conf.*.log_martians asks for it; a flood of them gets one in a while. */
void ip_log_martian(be32 daddr, be32 saddr, const struct net_device *dev, enum skb_drop_reason reason);

#endif
