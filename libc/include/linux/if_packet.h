/*
 * linux/if_packet.h - what AF_PACKET sockets tell beyond the packet.
 */
#ifndef LIBC_LINUX_IF_PACKET_H
#define LIBC_LINUX_IF_PACKET_H

#include <netpacket/packet.h>

/* PACKET_STATISTICS, counted since it was last asked. */
struct tpacket_stats {
    unsigned int tp_packets; /* with the dropped ones */
    unsigned int tp_drops;   /* the reader was too slow */
};

/* The control message of PACKET_AUXDATA. */
struct tpacket_auxdata {
    unsigned int tp_status;
    unsigned int tp_len;     /* bytes the packet had */
    unsigned int tp_snaplen; /* bytes that were kept of it */
    unsigned short tp_mac, tp_net;
    unsigned short tp_vlan_tci, tp_vlan_tpid; /* a VLAN tag the card has taken off */
};

#define TP_STATUS_USER            (1 << 0)
#define TP_STATUS_CSUMNOTREADY    (1 << 3) /* its checksum is left to the card */
#define TP_STATUS_VLAN_VALID      (1 << 4)
#define TP_STATUS_VLAN_TPID_VALID (1 << 6)
#define TP_STATUS_CSUM_VALID      (1 << 7)

#endif
