/*
 * gso.h - trains of TCP segments that travel the stack as one sk_buff (skb_shared_info.gso_size).
 */
#ifndef NET_CORE_GSO_H
#define NET_CORE_GSO_H

#include "net/core/netdevice.h"

/* What this room has to know of the headers above it: offsets (RFC 791 3.1, RFC 9293 3.1) and flags. */
#define WIRE_IP_TOS      1
#define WIRE_IP_LEN      2
#define WIRE_IP_ID       4
#define WIRE_IP_FRAG     6
#define WIRE_IP_TTL      8
#define WIRE_IP_PROTOCOL 9
#define WIRE_IP_CHECK    10
#define WIRE_IP_SADDR    12 /* and the destination behind it */
#define WIRE_TCP_SEQ     4
#define WIRE_TCP_ACK     8
#define WIRE_TCP_DOFF    12
#define WIRE_TCP_FLAGS   13
#define WIRE_TCP_WINDOW  14
#define WIRE_TCP_CHECK   16
#define TCP_WIRE_FIN     0x01
#define TCP_WIRE_PSH     0x08
#define TCP_WIRE_ACK     0x10
#define TCP_WIRE_CWR     0x80

/* Whether dev takes this train as it is, and cuts it itself. */
bool gso_device_takes(const struct sk_buff *skb, const struct net_device *dev);

/* Bytes of a train's segments, each with its headers. */
unsigned gso_wire_len(const struct sk_buff *skb);

/**
 * skb_gso_segment - cut a train of TCP over IPv4 into its segments
 * @skb: a whole frame from the link header on, CHECKSUM_PARTIAL, headers linear (borrowed)
 *
 * Headers are copied and put right; payload in fragments is shared by reference. Each segment is
 * CHECKSUM_PARTIAL.
 * Return: the segments, linked by next, owned by the caller; NULL without memory.
 */
struct sk_buff *__must_check skb_gso_segment(const struct sk_buff *skb);

/**
 * skb_gso_from_wire - a received train (GRO) is to be sent: by a router, a bridge
 * @skb: network_header at its IPv4 header, both headers linear (borrowed); any other packet stays as it is
 *
 * No checksum in it is that of the train: it gets the pseudo-header's sum, from which the segments' are made.
 * Headers that others see are copied first. Return: 0 or -ENOMEM (skb unchanged).
 */
int __must_check skb_gso_from_wire(struct sk_buff *skb);

/**
 * skb_gso_unchain - the same for a train that came from the wire (GRO), without a copy
 * @skb: as above; taken if it can be done: nobody else holds it and each buffer of its frag_list is a segment
 *
 * Each buffer gets its header in front of its text again, where that of the wire was.
 * Return: skb and the others, linked by next; NULL: skb is as it was.
 */
struct sk_buff *__must_check skb_gso_unchain(struct sk_buff *skb);

/* A train in whichever of these ways it can be cut: takes skb. Return: the segments; NULL without memory (skb
 * is the caller's still). */
struct sk_buff *__must_check skb_gso_cut(struct sk_buff *skb);

#endif
