/*
 * vlan.c - a device for one VLAN of another (IEEE 802.1Q): "eth0.10".
 *
 * In:  the device below -> netif_receive_skb() -> vlan_do_receive() (net/core/vlan_core.c) ->
 * netif_receive_skb() as from a card of its own. Out: dev_queue_xmit() -> vlan_start_xmit(): the tag goes
 * beside the frame -> dev_queue_xmit() of the device below, whose card writes it, or vlan_insert_tag().
 *
 * It has the address of the device below unless given one, at most its MTU, and a link while that has one.
 */
#include <stdio.h>
#include <string.h>

#include "net/core/vlan_core.h"
#include "net/ethernet/ethernet.h"
#include "net/ethernet/link.h"

struct vlan_dev_priv {
    uint16_t vlan_id;
    bool own_addr;   /* set by hand: does not follow the device below */
    bool addr_asked; /* ... which has been asked to receive by it */
    uint8_t asked[ETH_ALEN];
    struct dev_rx_sync sync;
};

unsigned vlan_dev_vlan_id(const struct net_device *dev)
{
    return ((const struct vlan_dev_priv *)dev->priv)->vlan_id;
}

/* --- the packet's way --- */

static enum netdev_tx vlan_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
    const struct vlan_dev_priv *vlan = dev->priv;
    unsigned len = skb->len, segs = skb_segs(skb);

    if (unlikely(skb->vlan_present) && vlan_insert_tag(skb)) { /* a VLAN inside a VLAN: the inner tag */
        dev->stats.tx_dropped++;
        skb->dev = NULL; /* counted */
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return NETDEV_TX_OK;
    }
    skb->vlan_proto = cpu_to_be16(ETH_P_8021Q);
    skb->vlan_tci = vlan->vlan_id;
    skb->vlan_present = 1;
    skb->dev = dev->lower;
    if (dev_queue_xmit(skb) == 0) {
        dev->stats.tx_packets += segs;
        dev->stats.tx_bytes += len;
    } else {
        dev->stats.tx_dropped++;
    }
    return NETDEV_TX_OK;
}

/* --- what is received below --- */

/* The device below receives by our address, too, if it is another one. Without memory: by every address. */
static void vlan_ask_addr(struct net_device *dev, bool wanted)
{
    struct vlan_dev_priv *vlan = dev->priv;

    wanted = wanted && memcmp(dev->dev_addr, dev->lower->dev_addr, ETH_ALEN) != 0;
    if (vlan->addr_asked && (!wanted || memcmp(vlan->asked, dev->dev_addr, ETH_ALEN) != 0)) {
        dev_uc_del(dev->lower, vlan->asked);
        vlan->addr_asked = false;
    }
    if (!wanted || vlan->addr_asked)
        return;
    memcpy(vlan->asked, dev->dev_addr, ETH_ALEN);
    vlan->addr_asked = dev_uc_add(dev->lower, vlan->asked) == 0;
}

static int vlan_open(struct net_device *dev)
{
    int err = dev_open(dev->lower); /* a VLAN is of no use without its card */

    if (!err)
        vlan_ask_addr(dev, true);
    link_follow_carrier(dev, dev->lower);
    return err;
}

static void vlan_stop(struct net_device *dev)
{
    struct vlan_dev_priv *vlan = dev->priv;

    dev_rx_unsync(&vlan->sync, dev->lower);
    vlan_ask_addr(dev, false);
}

static void vlan_set_rx_mode(struct net_device *dev)
{
    struct vlan_dev_priv *vlan = dev->priv;

    dev_rx_sync(&vlan->sync, dev, dev->lower);
}

static int vlan_change_mtu(struct net_device *dev, unsigned mtu)
{
    return mtu > dev->lower->mtu ? -EINVAL : 0;
}

static void vlan_set_mac_address(struct net_device *dev)
{
    struct vlan_dev_priv *vlan = dev->priv;

    vlan->own_addr = memcmp(dev->dev_addr, dev->lower->dev_addr, ETH_ALEN) != 0;
    if (netif_running(dev))
        vlan_ask_addr(dev, true);
}

static const struct net_device_ops vlan_netdev_ops = {
    .ndo_open = vlan_open,
    .ndo_stop = vlan_stop,
    .ndo_start_xmit = vlan_start_xmit,
    .ndo_set_rx_mode = vlan_set_rx_mode,
    .ndo_change_mtu = vlan_change_mtu,
    .ndo_set_mac_address = vlan_set_mac_address,
};

/* --- the device below --- */

static void vlan_lower_event(struct net_device *dev, struct net_device *lower, enum netdev_event event)
{
    struct vlan_dev_priv *vlan = dev->priv;

    if (!vlan->own_addr)
        dev_set_mac_address(dev, lower->dev_addr);
    else if (netif_running(dev))
        vlan_ask_addr(dev, true); /* it may have taken the one that was ours alone */
    dev->features = link_features_above(lower);
    if (dev->mtu > lower->mtu)
        dev_set_mtu(dev, lower->mtu);
    link_follow_carrier(dev, lower);
}

static void vlan_dellink(struct net_device *dev)
{
    struct net_device *lower = dev->lower;

    unregister_netdev(dev);
    vlan_group_del(lower, vlan_dev_vlan_id(dev));
    dev->lower = NULL;
    free_netdev(dev);
}

const struct rtnl_link_ops vlan_link_ops = {
    .kind = "vlan",
    .dellink = vlan_dellink,
    .lower_event = vlan_lower_event,
};

/* --- coming --- */

static int vlan_check(struct net *net, const char *name, const struct net_device *lower, unsigned vlan_id,
                      const char **why)
{
    if (lower->flags & (DEV_IFF_LOOPBACK | DEV_IFF_NOARP))
        return link_fail(-EINVAL, why,
                         "a VLAN needs an Ethernet device below: write eth0.10 for VLAN 10 of eth0");
    if (!vlan_id || vlan_id > VLAN_VID_MAX)
        return link_fail(-EINVAL, why, "a VLAN's number is 1 to 4094: write eth0.10 for VLAN 10 of eth0");
    if (vlan_find_dev(lower, vlan_id))
        return link_fail(-EEXIST, why, "that VLAN of this device is there already: name each one once");
    if (link_depth(lower) >= LINK_DEPTH_MAX)
        return link_fail(-EINVAL, why, "too many devices stand on one another: six steps are the most");
    return link_check_name(net, name, why);
}

int vlan_link_add(struct net *net, const char *name, struct net_device *lower, unsigned vlan_id,
                  const char **why)
{
    char made_up[2 * IFNAMSIZ];

    snprintf(made_up, sizeof(made_up), "%s.%u", lower->name, vlan_id);
    name = name ? name : made_up;
    int err = vlan_check(net, name, lower, vlan_id, why);
    if (err)
        return err;
    struct net_device *dev = alloc_netdev(sizeof(struct vlan_dev_priv), name, ether_setup);
    if (!dev)
        return link_fail(-ENOMEM, why, "no memory for another device");
    dev->no_queue = true;
    struct vlan_dev_priv *vlan = dev->priv;
    vlan->vlan_id = (uint16_t)vlan_id;
    dev_rx_sync_init(&vlan->sync);
    dev->netdev_ops = &vlan_netdev_ops;
    dev->rtnl_link_ops = &vlan_link_ops;
    dev->lower = lower;
    dev->mtu = lower->mtu;
    dev->features = link_features_above(lower);
    memcpy(dev->dev_addr, lower->dev_addr, ETH_ALEN);
    link_follow_carrier(dev, lower);
    err = vlan_group_add(lower, vlan_id, dev);
    if (err)
        goto free_dev;
    err = register_netdev(net, dev);
    if (!err)
        return 0;
    vlan_group_del(lower, vlan_id);

free_dev:
    free_netdev(dev);
    return link_fail(err, why, "no memory for another device");
}
