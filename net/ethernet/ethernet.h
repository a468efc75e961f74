/*
 * ethernet.h - the Ethernet II frame.
 */
#ifndef NET_ETHERNET_ETHERNET_H
#define NET_ETHERNET_ETHERNET_H

#include "net/core/netdevice.h"

#define ETH_HLEN     14
#define ETH_ZLEN     60 /* shortest frame without FCS */
#define ETH_DATA_LEN 1500
#define ETH_FCS_LEN  4

#define ETH_P_ALL       0x0003
#define ETH_P_IP        0x0800
#define ETH_P_ARP       0x0806
#define ETH_P_8021Q     0x8100
#define ETH_P_802_2     4      /* a frame with a length instead of a type (IEEE 802.3): what follows is LLC */
#define ETH_P_802_3_MIN 0x0600 /* smaller values are lengths (IEEE 802.3) */

struct ethhdr {
    uint8_t h_dest[ETH_ALEN];
    uint8_t h_source[ETH_ALEN];
    be16 h_proto;
} __packed;
_Static_assert(sizeof(struct ethhdr) == ETH_HLEN, "Ethernet header is 14 bytes");

static inline bool is_multicast_ether_addr(const uint8_t *addr)
{
    return addr[0] & 1;
}

static inline bool is_zero_ether_addr(const uint8_t *addr)
{
    return !(addr[0] | addr[1] | addr[2] | addr[3] | addr[4] | addr[5]);
}

static inline bool is_broadcast_ether_addr(const uint8_t *addr)
{
    return (addr[0] & addr[1] & addr[2] & addr[3] & addr[4] & addr[5]) == 0xff;
}

static inline bool is_valid_ether_addr(const uint8_t *addr)
{
    return !is_multicast_ether_addr(addr) && !is_zero_ether_addr(addr);
}

extern const struct header_ops eth_header_ops;
void ether_setup(struct net_device *dev); /* what every Ethernet device has in common */

#endif
