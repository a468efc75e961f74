/*
 * dropreason.h - every way a packet can end early, in one table.
 *
 * The enumerator, the counter (net->drops[]) and the printed name come from the same line. A drop
 * that fits none of these gets a line of its own, never OTHER.
 */
#ifndef NET_CORE_DROPREASON_H
#define NET_CORE_DROPREASON_H

/* X(name, what it means to a person) */
#define SKB_DROP_REASONS(X)                                                                                  \
    X(NOMEM, "no memory for a buffer or an object")                                                          \
    X(PKT_TOO_SMALL, "shorter than the header it must hold")                                                 \
    X(HDR_TRUNC, "a length field runs past the received bytes")                                              \
    X(DEV_HDR, "link header damaged")                                                                        \
    X(DEV_READY, "device is down or gone")                                                                   \
    X(DEV_XMIT_FULL, "transmit ring or device queue full")                                                   \
    X(DEV_RESET, "in the transmit ring when the card had to be reset")                                       \
    X(TX_TOO_LONG, "longer than the device's MTU")                                                           \
    X(CPU_BACKLOG, "softnet backlog full")                                                                   \
    X(OTHERHOST, "frame addressed to another host")                                                          \
    X(UNHANDLED_PROTO, "no handler for this EtherType")                                                      \
    X(ARP_INVALID, "ARP packet with wrong types, lengths or addresses")                                      \
    X(ARP_IGNORED, "ARP packet that is not for us")                                                          \
    X(ARP_CONFLICT, "somebody else claims our address")                                                      \
    X(NEIGH_CREATEFAIL, "neighbour table full or no memory for an entry")                                    \
    X(NEIGH_QUEUEFULL, "queue of an unresolved neighbour full: the oldest packet went")                      \
    X(NEIGH_FAILED, "neighbour did not answer ARP")                                                          \
    X(NEIGH_DEAD, "neighbour entry removed with packets waiting")                                            \
    X(IP_INHDR, "IPv4 header: version, header length or total length wrong")                                 \
    X(IP_CSUM, "IPv4 header checksum wrong")                                                                 \
    X(IP_OPTIONS, "IPv4 options malformed")                                                                  \
    X(IP_SRCROUTE, "source-routed datagram, refused on purpose")                                             \
    X(IP_INADDRERRORS, "not addressed to this host and forwarding is off")                                   \
    X(IP_MARTIAN_SRC, "source address that no packet may have here")                                         \
    X(IP_MARTIAN_DST, "destination address that no packet may have here")                                    \
    X(UNICAST_IN_L2_MULTICAST, "unicast datagram in a broadcast or multicast frame")                         \
    X(IP_INNOROUTES, "no route for a received packet")                                                       \
    X(IP_OUTNOROUTES, "no route for a packet of ours")                                                       \
    X(IP_MINTTL, "TTL below what the socket asks for (IP_MINTTL)")                                           \
    X(IP_NOPROTO, "no handler for this IP protocol")                                                         \
    X(IP_MTU, "larger than the path MTU and must not be fragmented")                                         \
    X(IP_TTL, "TTL ran out on the way through this router")                                                  \
    X(IP_RPFILTER, "source address that does not live where it came from (rp_filter)")                       \
    X(IP_BLACKHOLE, "a blackhole, unreachable or prohibit route")                                            \
    X(FRAG_REASM_TIMEOUT, "fragments of a datagram that was not complete in time")                           \
    X(FRAG_TOO_FAR, "no room for more fragments, or one that ends beyond 65535 bytes")                       \
    X(FRAG_INVALID, "fragment that is empty, odd, hides the transport header, or mixes ECN marks")           \
    X(FRAG_DUPLICATE, "fragment that had come already")                                                      \
    X(FRAG_OVERLAP, "fragments that overlap: the whole datagram goes (RFC 5722)")                            \
    X(BPF_FILTER, "dropped by a BPF program")                                                                \
    X(VLAN_UNKNOWN, "VLAN that no device here has")                                                          \
    X(BRIDGE_BLOCKED, "bridge port that does not forward")                                                   \
    X(BRIDGE_NO_DEST, "bridged frame whose destination is where it came from, or no port is left for it")    \
    X(BRIDGE_LOOP, "bridged frame that comes from our own address: a loop, or somebody pretends")            \
    X(BRIDGE_RESERVED, "frame for bridges only (01:80:c2:00:00:0x), which is never forwarded")               \
    X(BPDU_INVALID, "spanning tree message that is damaged or too old")                                      \
    X(QDISC_DROP, "dropped by the queueing discipline")                                                      \
    X(TC_INGRESS, "over the rate that ingress policing allows")                                              \
    X(CT_INVALID, "packet that fits no connection")                                                          \
    X(CT_FULL, "new connection while the table of connections is full")                                      \
    X(CT_INSERT, "new connection whose addresses and ports another one has taken meanwhile")                 \
    X(NAT_FAILED, "packet that cannot be translated: no memory, no address, or the way out has changed")     \
    X(NETFILTER_DROP, "dropped by a netfilter hook")                                                         \
    X(NF_QUEUE_NONE, "for a program to judge (QUEUE), and none listens")                                     \
    X(NF_QUEUE_FULL, "the queue of packets that wait for a program's verdict is full")                       \
    X(NF_QUEUE_GONE, "waited for a verdict when the program or a device of its way went")                    \
    X(ICMP_CSUM, "ICMP checksum wrong")                                                                      \
    X(ICMP_INVALID, "ICMP message too short or inconsistent")                                                \
    X(ICMP_UNKNOWN, "ICMP type this host does not answer")                                                   \
    X(ICMP_BROADCAST, "ICMP request to a broadcast address, not answered on purpose")                        \
    X(ICMP_RATELIMIT, "ICMP request that would be answered beyond the rate limit")                           \
    X(IGMP_INVALID, "IGMP message too short, damaged, or not from this link")                                \
    X(UDP_CSUM, "UDP checksum wrong")                                                                        \
    X(UDP_LENGTH, "UDP length field inconsistent")                                                           \
    X(NO_SOCKET, "no socket on this port")                                                                   \
    X(SOCKET_FILTER, "dropped by the program a socket has attached (SO_ATTACH_FILTER)")                      \
    X(SOCKET_RCVBUFF, "socket receive buffer full")                                                          \
    X(PROTO_MEM, "all connections together hold too much memory")                                            \
    X(SOCKET_CLOSE, "socket closed with data unread")                                                        \
    X(TCP_CSUM, "TCP checksum wrong")                                                                        \
    X(TCP_HDR, "TCP data offset wrong or options run past the header")                                       \
    X(TCP_FLAGS, "TCP flags that make no sense together")                                                    \
    X(TCP_INVALID_ADDR, "TCP to or from a broadcast or multicast address")                                   \
    X(TCP_OLD_DATA, "TCP data already received")                                                             \
    X(TCP_INVALID_SEQUENCE, "TCP segment outside the window")                                                \
    X(TCP_INVALID_ACK, "TCP acknowledgement of data never sent, or too old")                                 \
    X(TCP_NO_ACK, "TCP segment without ACK in a synchronised state")                                         \
    X(TCP_PAWS, "TCP timestamp older than the last one")                                                     \
    X(TCP_INVALID_SYN, "TCP SYN in a state that expects none")                                               \
    X(TCP_RESET, "TCP reset")                                                                                \
    X(TCP_ZEROWINDOW, "TCP data while our window is closed")                                                 \
    X(TCP_OVERWINDOW, "TCP data beyond our window")                                                          \
    X(TCP_OFO_DROP, "TCP out-of-order queue full")                                                           \
    X(TCP_OFO_OVERLAP, "TCP out-of-order data that was already queued")                                      \
    X(TCP_ACCEPTQ_FULL, "TCP accept queue full")                                                             \
    X(TCP_CLOSED, "TCP data after the application closed")                                                   \
    X(TCP_TIMEWAIT, "TCP segment for a connection in TIME-WAIT")                                             \
    X(TCP_LISTEN, "TCP segment a listener cannot use")

enum skb_drop_reason {
    SKB_NOT_DROPPED_YET = 0,
#define X(name, text) SKB_DROP_REASON_##name,
    SKB_DROP_REASONS(X)
#undef X
        SKB_DROP_REASON_MAX
};

/* "TCP_CSUM", and its explanation; NULL outside the table. */
const char *skb_drop_reason_name(enum skb_drop_reason reason);
const char *skb_drop_reason_text(enum skb_drop_reason reason);

#endif
