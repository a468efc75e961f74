/*
 * eth.c - the Ethernet header, read and written.
 *
 * In:  the driver's poll calls eth_type_trans() on every frame before netif_receive_skb().
 * Out: neigh_output() and arp_send() have eth_header() write it; the neighbour keeps the result.
 */
#include "net/ethernet/ethernet.h"

#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"

struct mac_words {
    uint32_t high;
    uint16_t low;
} __packed;

static inline bool ether_addr_equal(const uint8_t *a, const uint8_t *b)
{
    const struct mac_words *x = (const void *)a, *y = (const void *)b;

    return !((x->high ^ y->high) | (uint32_t)(x->low ^ y->low));
}

be16 eth_type_trans(struct sk_buff *skb, struct net_device *dev)
{
    const struct ethhdr *eth = (const void *)skb->data;

    skb->dev = dev;
    skb_reset_mac_header(skb);
    if (unlikely(skb_headlen(skb) < ETH_HLEN))
        return skb->protocol = (__force be16)0; /* netif_receive_skb() drops it (DEV_HDR) */
    skb_pull(skb, ETH_HLEN);
    if (unlikely(!ether_addr_equal(eth->h_dest, dev->dev_addr))) {
        if (!is_multicast_ether_addr(eth->h_dest))
            skb->pkt_type = PACKET_OTHERHOST;
        else
            skb->pkt_type = is_broadcast_ether_addr(eth->h_dest) ? PACKET_BROADCAST : PACKET_MULTICAST;
    }
    if (likely(be16_to_cpu(eth->h_proto) >= ETH_P_802_3_MIN))
        return skb->protocol = eth->h_proto;
    return skb->protocol = cpu_to_be16(ETH_P_802_2);
}

static int eth_header(struct sk_buff *skb, struct net_device *dev, uint16_t ethertype, const void *daddr,
                      const void *saddr)
{
    if (skb_cow_head(skb, ETH_HLEN) != 0)
        return -ENOMEM;
    struct ethhdr *eth = skb_push(skb, ETH_HLEN);
    memcpy(eth->h_dest, daddr ? daddr : dev->broadcast, ETH_ALEN);
    memcpy(eth->h_source, saddr ? saddr : dev->dev_addr, ETH_ALEN);
    eth->h_proto = cpu_to_be16(ethertype);
    return 0;
}

const struct header_ops eth_header_ops = {.create = eth_header};

void ether_setup(struct net_device *dev)
{
    dev->header_ops = &eth_header_ops;
    dev->hard_header_len = ETH_HLEN;
    dev->mtu = ETH_DATA_LEN;
    dev->flags = DEV_IFF_BROADCAST | DEV_IFF_MULTICAST;
    memset(dev->broadcast, 0xff, ETH_ALEN);
}

struct net_device *alloc_etherdev(size_t priv_size)
{
    return alloc_netdev(priv_size, "eth%d", ether_setup);
}
