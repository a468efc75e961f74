/*
 * gso.h - trains of TCP segments that travel the stack as one sk_buff (skb_shared_info.gso_size).
 */
#ifndef NET_CORE_GSO_H
#define NET_CORE_GSO_H

#include "net/core/netdevice.h"

/* Whether dev takes this train as it is, and cuts it itself. */
bool gso_device_takes(const struct sk_buff *skb, const struct net_device *dev);

/**
 * skb_gso_segment - cut a train of TCP over IPv4 into its segments
 * @skb: a whole frame from the link header on, CHECKSUM_PARTIAL, headers linear (borrowed)
 *
 * Headers are copied and put right; payload in fragments is shared by reference. Each segment is
 * CHECKSUM_PARTIAL.
 * Return: the segments, linked by next, owned by the caller; NULL without memory.
 */
struct sk_buff *__must_check skb_gso_segment(const struct sk_buff *skb);

#endif
