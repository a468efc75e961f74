/*
 * loopback.c - "lo": what the host sends to itself.
 *
 * dev_queue_xmit() -> here -> netif_rx() -> backlog -> netif_receive_skb(). There is no link header and no
 * wire: checksums need neither be computed nor checked.
 */
#include <errno.h>

#include "kernel/byteorder.h"
#include "kernel/panic.h"
#include "net/core/netdevice.h"

#define LOOPBACK_MTU 65535

static enum netdev_tx loopback_xmit(struct sk_buff *skb, struct net_device *dev)
{
    dev->stats.tx_packets++;
    dev->stats.tx_bytes += skb->len;
    skb_orphan(skb);
    skb_dst_drop(skb);
    skb_reset_mac_header(skb);
    skb->pkt_type = PACKET_HOST;
    skb->nohdr = 0;
    if (skb->ip_summed == CHECKSUM_PARTIAL)
        skb->ip_summed = CHECKSUM_UNNECESSARY;
    unsigned len = skb->len;
    if (netif_rx(skb) == 0) {
        dev->stats.rx_packets++;
        dev->stats.rx_bytes += len;
    }
    return NETDEV_TX_OK;
}

static int loopback_open(struct net_device *dev)
{
    int err = inet_addr_add(dev, cpu_to_be32(0x7f000001), 8);

    return err == -EEXIST ? 0 : err; /* opened before */
}

static const struct net_device_ops loopback_ops = {
    .ndo_open = loopback_open,
    .ndo_start_xmit = loopback_xmit,
};

static void loopback_setup(struct net_device *dev)
{
    dev->flags = DEV_IFF_LOOPBACK | DEV_IFF_NOARP;
    dev->features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_RXCSUM;
    dev->mtu = LOOPBACK_MTU;
    dev->no_queue = true;
    dev->netdev_ops = &loopback_ops;
}

int loopback_init(struct net *net)
{
    struct net_device *dev = alloc_netdev(0, "lo", loopback_setup);

    if (!dev)
        return -ENOMEM;
    int err = register_netdev(net, dev);
    ASSERT(!err); /* the first device of a new stack */
    net->loopback_dev = dev;
    return 0;
}

void loopback_exit(struct net *net)
{
    struct net_device *dev = net->loopback_dev;

    unregister_netdev(dev);
    net->loopback_dev = NULL;
    free_netdev(dev);
}
