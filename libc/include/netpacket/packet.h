/*
 * netpacket/packet.h - addresses and options of AF_PACKET sockets.
 */
#ifndef LIBC_NETPACKET_PACKET_H
#define LIBC_NETPACKET_PACKET_H

#include <sys/socket.h>

struct sockaddr_ll {
    unsigned short sll_family;
    unsigned short sll_protocol; /* ETH_P_*, network byte order */
    int sll_ifindex;
    unsigned short sll_hatype;
    unsigned char sll_pkttype;
    unsigned char sll_halen;
    unsigned char sll_addr[8];
};

#define PACKET_HOST      0
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING  4
#define PACKET_LOOPBACK  5

/* Options of SOL_PACKET. */
#define PACKET_ADD_MEMBERSHIP  1
#define PACKET_DROP_MEMBERSHIP 2
#define PACKET_STATISTICS      6
#define PACKET_AUXDATA         8

struct packet_mreq {
    int mr_ifindex;
    unsigned short mr_type;
    unsigned short mr_alen;
    unsigned char mr_address[8];
};

#define PACKET_MR_MULTICAST 0
#define PACKET_MR_PROMISC   1
#define PACKET_MR_ALLMULTI  2

#endif
