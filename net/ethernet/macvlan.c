/*
 * macvlan.c - one more address on a card: a device of its own that shares the wire ("bridge mode").
 *
 * In:  netif_receive_skb() of the card -> rx_handler: macvlan_handle_frame() -> netif_receive_skb() of the
 * device with that address; groups go to all of them and to the card's own. Out: dev_queue_xmit() ->
 * macvlan_start_xmit(): to a sibling at once, by the backlog; else out by the card.
 *
 * As in Linux the devices reach each other and the wire, and not the card's own address.
 */
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/gso.h"
#include "net/ethernet/ethernet.h"
#include "net/ethernet/link.h"

#define MACVLAN_MAX 64 /* on one card: each gets a copy of every broadcast */

/* On the card, while it has any. */
struct macvlan_port {
    struct net_device *dev; /* the card */
    struct list_head vlans;
    unsigned count;
};

struct macvlan_dev {
    struct list_head list; /* macvlan_port.vlans */
    struct net_device *dev;
    struct macvlan_port *port;
    uint8_t asked[ETH_ALEN]; /* the address the card receives by for us */
    bool addr_asked;
    struct dev_rx_sync sync;
};

/* --- the packet's way --- */

static struct macvlan_dev *macvlan_find(const struct macvlan_port *port, const uint8_t *addr)
{
    struct macvlan_dev *vlan;

    list_for_each_entry (vlan, &port->vlans, list) {
        if (memcmp(vlan->dev->dev_addr, addr, ETH_ALEN) == 0)
            return vlan;
    }
    return NULL;
}

static void macvlan_count_rx(struct net_device *dev, const struct sk_buff *skb)
{
    dev->stats.rx_packets += skb_segs(skb);
    dev->stats.rx_bytes += skb->len + ETH_HLEN;
    dev->stats.rx_multicast += skb->pkt_type == PACKET_MULTICAST;
}

/* A copy for each device that is up, but the one it comes from. skb is borrowed, data behind the link header.
 */
static void macvlan_broadcast(const struct macvlan_port *port, const struct macvlan_dev *from,
                              struct sk_buff *skb)
{
    struct macvlan_dev *vlan;

    list_for_each_entry (vlan, &port->vlans, list) {
        if (vlan == from || !netif_running(vlan->dev))
            continue;
        struct sk_buff *clone = skb_clone(skb);
        if (!clone)
            continue;
        skb->nohdr = clone->nohdr = 0; /* several read the headers */
        skb_dst_drop(clone);
        skb_nfct_drop(clone);
        clone->dev = vlan->dev;
        macvlan_count_rx(vlan->dev, clone);
        netif_rx(clone);
    }
}

static bool macvlan_handle_frame(struct sk_buff *skb)
{
    const struct macvlan_port *port = skb->dev->rx_handler_data;
    const struct ethhdr *eth = skb_mac_header(skb);

    if (is_multicast_ether_addr(eth->h_dest)) {
        macvlan_broadcast(port, NULL, skb);
        return false;
    }
    const struct macvlan_dev *vlan = macvlan_find(port, eth->h_dest);
    if (!vlan)
        return false;
    skb->dev = vlan->dev;
    skb->pkt_type = PACKET_HOST;
    if (netif_running(vlan->dev))
        macvlan_count_rx(vlan->dev, skb);
    netif_receive_skb(skb);
    return true;
}

/* What is sent becomes what is received: it has crossed no wire, so nothing can have damaged it. */
static void macvlan_turn_round(struct sk_buff *skb, struct net_device *dev)
{
    skb_orphan(skb);
    skb_dst_drop(skb);
    skb_nfct_drop(skb); /* whoever receives it has a view of the connection of its own */
    skb->nohdr = 0;
    skb->protocol = eth_type_trans(skb, dev);
    if (skb->ip_summed == CHECKSUM_PARTIAL)
        skb->ip_summed = CHECKSUM_UNNECESSARY;
}

static void macvlan_to_sibling(struct macvlan_dev *to, struct sk_buff *skb)
{
    if (!netif_running(to->dev)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_DEV_READY);
        return;
    }
    skb->pkt_type = PACKET_HOST;
    macvlan_turn_round(skb, to->dev);
    macvlan_count_rx(to->dev, skb);
    netif_rx(skb);
}

/* A group: siblings get a copy as if it had come by the wire. */
static void macvlan_to_siblings(const struct macvlan_dev *from, struct sk_buff *skb)
{
    struct sk_buff *copy = skb_clone(skb);

    if (!copy)
        return;
    skb->nohdr = 0;
    macvlan_turn_round(copy, from->port->dev);
    macvlan_broadcast(from->port, from, copy);
    consume_skb(copy);
}

static enum netdev_tx macvlan_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
    const struct macvlan_dev *vlan = dev->priv;
    const struct ethhdr *eth = (const void *)skb->data;

    dev->stats.tx_packets += skb_segs(skb);
    dev->stats.tx_bytes += skb->len;
    if (is_multicast_ether_addr(eth->h_dest)) {
        if (vlan->port->count > 1)
            macvlan_to_siblings(vlan, skb);
    } else {
        struct macvlan_dev *to = macvlan_find(vlan->port, eth->h_dest);
        if (to) {
            macvlan_to_sibling(to, skb);
            return NETDEV_TX_OK;
        }
    }
    skb->dev = dev->lower;
    if (dev_queue_xmit(skb))
        dev->stats.tx_dropped++;
    return NETDEV_TX_OK;
}

/* --- what the card receives for us --- */

static void macvlan_ask_addr(struct net_device *dev, bool wanted)
{
    struct macvlan_dev *vlan = dev->priv;

    if (vlan->addr_asked)
        dev_uc_del(dev->lower, vlan->asked);
    memcpy(vlan->asked, dev->dev_addr, ETH_ALEN);
    vlan->addr_asked = wanted && dev_uc_add(dev->lower, vlan->asked) == 0;
}

static int macvlan_open(struct net_device *dev)
{
    struct macvlan_dev *vlan = dev->priv;
    int err = dev_open(dev->lower); /* of no use without its card */

    if (!err) {
        macvlan_ask_addr(dev, true);
        err = vlan->addr_asked ? 0 : -ENOMEM;
    }
    link_follow_carrier(dev, dev->lower);
    return err;
}

static void macvlan_stop(struct net_device *dev)
{
    struct macvlan_dev *vlan = dev->priv;

    dev_rx_unsync(&vlan->sync, dev->lower);
    macvlan_ask_addr(dev, false);
}

static void macvlan_set_rx_mode(struct net_device *dev)
{
    struct macvlan_dev *vlan = dev->priv;

    dev_rx_sync(&vlan->sync, dev, dev->lower);
}

static int macvlan_change_mtu(struct net_device *dev, unsigned mtu)
{
    return mtu > dev->lower->mtu ? -EINVAL : 0;
}

static void macvlan_set_mac_address(struct net_device *dev)
{
    if (netif_running(dev))
        macvlan_ask_addr(dev, true);
}

static const struct net_device_ops macvlan_netdev_ops = {
    .ndo_open = macvlan_open,
    .ndo_stop = macvlan_stop,
    .ndo_start_xmit = macvlan_start_xmit,
    .ndo_set_rx_mode = macvlan_set_rx_mode,
    .ndo_change_mtu = macvlan_change_mtu,
    .ndo_set_mac_address = macvlan_set_mac_address,
};

/* A train may go to a sibling, who takes it whole only if it looks like one that was received: so the stack
 * cuts it before it comes here. */
static unsigned macvlan_features(const struct net_device *lower)
{
    return link_features_above(lower) & ~(unsigned)(NETIF_F_TSO | NETIF_F_TSO_SHORT_TAIL);
}

/* --- the card --- */

static void macvlan_lower_event(struct net_device *dev, struct net_device *lower, enum netdev_event event)
{
    if (dev->mtu > lower->mtu)
        dev_set_mtu(dev, lower->mtu);
    link_follow_carrier(dev, lower);
}

static struct macvlan_port *macvlan_port_of(const struct net_device *lower)
{
    return lower->rx_handler == macvlan_handle_frame ? lower->rx_handler_data : NULL;
}

/* The card's part, made with the first device. NULL: *err says why. */
static struct macvlan_port *macvlan_port_get(struct net_device *lower, int *err)
{
    struct macvlan_port *port = macvlan_port_of(lower);

    if (port)
        return port;
    *err = -ENOMEM;
    port = kzalloc(sizeof(*port));
    if (!port)
        return NULL;
    port->dev = lower;
    INIT_LIST_HEAD(&port->vlans);
    *err = netdev_rx_handler_register(lower, macvlan_handle_frame, port);
    if (!*err)
        return port;
    kfree(port);
    return NULL;
}

static void macvlan_port_put(struct macvlan_port *port)
{
    if (port->count)
        return;
    netdev_rx_handler_unregister(port->dev);
    kfree(port);
}

static void macvlan_dellink(struct net_device *dev)
{
    struct macvlan_dev *vlan = dev->priv;

    unregister_netdev(dev);
    list_del_init(&vlan->list);
    vlan->port->count--;
    macvlan_port_put(vlan->port);
    dev->lower = NULL;
    free_netdev(dev);
}

const struct rtnl_link_ops macvlan_link_ops = {
    .kind = "macvlan",
    .dellink = macvlan_dellink,
    .lower_event = macvlan_lower_event,
};

/* --- coming --- */

static int macvlan_check(struct net *net, const char *name, const struct net_device *lower,
                         const uint8_t *addr, const char **why)
{
    const struct macvlan_port *port = macvlan_port_of(lower);

    if (lower->flags & (DEV_IFF_LOOPBACK | DEV_IFF_NOARP) || lower->rtnl_link_ops == &macvlan_link_ops ||
        lower->rtnl_link_ops == &bridge_link_ops)
        return link_fail(-EINVAL, why, "a macvlan stands on a card or a VLAN: name one, like eth0");
    if (lower->rx_handler && !port)
        return link_fail(-EBUSY, why, "the device below is a port of a bridge already");
    if (addr && !is_valid_ether_addr(addr))
        return link_fail(
            -EINVAL, why,
            "a station's address is not zero and its first byte is even: write one like 02:00:00:00:00:01");
    if (addr && (memcmp(lower->dev_addr, addr, ETH_ALEN) == 0 || (port && macvlan_find(port, addr))))
        return link_fail(-EINVAL, why, "that address is on the card already: each device needs its own");
    if (port && port->count >= MACVLAN_MAX)
        return link_fail(-EBUSY, why, "a card carries 64 macvlans at most");
    if (link_depth(lower) >= LINK_DEPTH_MAX)
        return link_fail(-EINVAL, why, "too many devices stand on one another: six steps are the most");
    return link_check_name(net, name, why);
}

int macvlan_link_add(struct net *net, const char *name, struct net_device *lower, const uint8_t *addr,
                     const char **why)
{
    int err = macvlan_check(net, name, lower, addr, why);

    if (err)
        return err;
    struct net_device *dev = alloc_netdev(sizeof(struct macvlan_dev), name, ether_setup);
    struct macvlan_port *port = dev ? macvlan_port_get(lower, &err) : NULL;
    if (!port)
        goto free_dev;
    struct macvlan_dev *vlan = dev->priv;
    vlan->dev = dev;
    vlan->port = port;
    dev_rx_sync_init(&vlan->sync);
    dev->no_queue = true;
    dev->netdev_ops = &macvlan_netdev_ops;
    dev->rtnl_link_ops = &macvlan_link_ops;
    dev->lower = lower;
    dev->mtu = lower->mtu;
    dev->features = macvlan_features(lower);
    link_choose_addr(dev->dev_addr, addr);
    link_follow_carrier(dev, lower);
    err = register_netdev(net, dev);
    if (err)
        goto put_port;
    list_add_tail(&vlan->list, &port->vlans);
    port->count++;
    return 0;

put_port:
    macvlan_port_put(port);
free_dev:
    free_netdev(dev);
    return link_fail(err ? err : -ENOMEM, why, "no memory for another device");
}
