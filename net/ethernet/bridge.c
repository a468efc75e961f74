/*
 * bridge.c - a bridge: several Ethernet devices that are one network, and the host's place in it (IEEE
 * 802.1D).
 *
 * In:  netif_receive_skb() of a port -> br_handle_frame(): decide, learn, then pass up, forward or flood.
 * Out: dev_queue_xmit() of the bridge -> br_dev_xmit().
 *
 * A frame to a group goes to all ports that forward and to the host. Nothing is forwarded that is meant for
 * bridges themselves (01:80:c2:00:00:0x), and nothing that comes from an address of ours: it has come round a
 * loop.
 */
#include "net/ethernet/bridge.h"

#include <string.h>

#include "kernel/log.h"
#include "kernel/slab.h"

#define LOOP_WARN_MS   10000
#define BR_PORT_NO_MAX 255

struct net_bridge *br_of_device(const struct net_device *dev)
{
    return dev->rtnl_link_ops == &bridge_link_ops ? dev->priv : NULL;
}

static bool br_handle_frame(struct sk_buff *skb);

struct br_port *br_port_of(const struct net_device *dev)
{
    return dev->rx_handler == br_handle_frame ? dev->rx_handler_data : NULL;
}

/* --- out of a port --- */

static bool br_may_forward(const struct br_port *port)
{
    return port->state == BR_STATE_FORWARDING;
}

/* By one port. Takes skb, at the link header. */
static void br_forward(struct br_port *port, struct sk_buff *skb)
{
    skb->dev = port->dev;
    if (skb->ip_summed != CHECKSUM_PARTIAL)
        skb->ip_summed = CHECKSUM_NONE; /* what the card said of it was for us */
    dev_queue_xmit(skb);
}

/* By all ports but the one it came from (NULL: from the host). Takes skb. */
static void br_flood(struct net_bridge *br, const struct br_port *from, struct sk_buff *skb)
{
    struct br_port *port, *next, *previous = NULL;

    list_for_each_entry_safe (port, next, &br->ports, list) {
        if (port == from || !br_may_forward(port))
            continue;
        if (previous) {
            skb->nohdr = 0; /* several devices read the headers: whoever writes to them has to copy */
            struct sk_buff *clone = skb_clone(skb);
            if (clone)
                br_forward(previous, clone);
        }
        previous = port;
    }
    if (previous)
        br_forward(previous, skb);
    else
        kfree_skb_reason(skb, SKB_DROP_REASON_BRIDGE_NO_DEST);
}

/* --- in by a port --- */

/* To the host. Takes skb, data behind the Ethernet header. */
static void br_pass_up(struct net_bridge *br, struct sk_buff *skb, bool ours)
{
    struct net_device *dev = br->dev;

    if (ours)
        skb->pkt_type = PACKET_HOST; /* a port's address is ours as well as the bridge's */
    skb->dev = dev;
    if (netif_running(dev)) {
        dev->stats.rx_packets += skb_segs(skb);
        dev->stats.rx_bytes += skb->len + ETH_HLEN;
        dev->stats.rx_multicast += skb->pkt_type == PACKET_MULTICAST;
    }
    netif_receive_skb(skb);
}

/* A copy to the host, the frame itself goes on. */
static void br_pass_up_copy(struct net_bridge *br, struct sk_buff *skb)
{
    struct sk_buff *clone = skb_clone(skb);

    if (clone)
        br_pass_up(br, clone, false);
}

static void br_warn_loop(struct br_port *port)
{
    struct net_bridge *br = port->br;
    uint64_t now = ktime_get_ms();

    if (br->loop_warned_ms && now - br->loop_warned_ms < LOOP_WARN_MS)
        return;
    br->loop_warned_ms = now;
    pr_warn(
        "%s: a frame from our own address comes in by %s: is there a loop? Spanning tree (bridge=%s:...:stp) "
        "finds and cuts it",
        br->dev->name, port->dev->name, br->dev->name);
}

static bool br_is_link_local(const uint8_t *addr)
{
    return memcmp(addr, br_group_address, ETH_ALEN - 1) == 0 && addr[5] <= 0x0f;
}

/* Why a frame goes no further than the port; SKB_NOT_DROPPED_YET: it does. Learns its sender. */
static enum skb_drop_reason br_admit(struct br_port *port, const struct ethhdr *eth)
{
    if (!is_valid_ether_addr(eth->h_source))
        return SKB_DROP_REASON_DEV_HDR;
    if (port->state != BR_STATE_FORWARDING && port->state != BR_STATE_LEARNING)
        return SKB_DROP_REASON_BRIDGE_BLOCKED;
    if (!br_fdb_learn(port, eth->h_source)) {
        br_warn_loop(port);
        return SKB_DROP_REASON_BRIDGE_LOOP;
    }
    return br_may_forward(port) ? SKB_NOT_DROPPED_YET : SKB_DROP_REASON_BRIDGE_BLOCKED;
}

/* Where an admitted frame goes. Takes skb, data behind the Ethernet header. */
static void br_handle_frame_finish(struct br_port *port, struct sk_buff *skb)
{
    struct net_bridge *br = port->br;
    const struct ethhdr *eth = skb_mac_header(skb);
    bool group = is_multicast_ether_addr(eth->h_dest);
    const struct br_fdb *fdb = group ? NULL : br_fdb_find(br, eth->h_dest);

    if (fdb && fdb->local) {
        br_pass_up(br, skb, true);
        return;
    }
    if (group || br->dev->flags & DEV_IFF_PROMISC)
        br_pass_up_copy(br, skb);
    skb_push(skb, ETH_HLEN);
    if (!fdb)
        br_flood(br, port, skb);
    else if (fdb->port == port || !br_may_forward(fdb->port))
        kfree_skb_reason(skb, SKB_DROP_REASON_BRIDGE_NO_DEST);
    else
        br_forward(fdb->port, skb);
}

/* rx_handler of every port. A reserved group may have a listener on the port itself; the bridges' own has us.
 */
static bool br_handle_frame(struct sk_buff *skb)
{
    struct br_port *port = skb->dev->rx_handler_data;
    const struct ethhdr *eth = skb_mac_header(skb);

    if (unlikely(skb->mac_len != ETH_HLEN)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_DEV_HDR);
        return true;
    }
    if (unlikely(br_is_link_local(eth->h_dest))) {
        if (memcmp(eth->h_dest, br_group_address, ETH_ALEN) != 0)
            return false;
        if (port->br->stp)
            br_bpdu_rcv(port, skb);
        else
            kfree_skb_reason(skb, SKB_DROP_REASON_BRIDGE_RESERVED);
        return true;
    }
    enum skb_drop_reason reason = br_admit(port, eth);
    if (unlikely(reason))
        kfree_skb_reason(skb, reason);
    else
        br_handle_frame_finish(port, skb);
    return true;
}

/* --- from the host --- */

static enum netdev_tx br_dev_xmit(struct sk_buff *skb, struct net_device *dev)
{
    struct net_bridge *br = dev->priv;
    const struct ethhdr *eth = (const void *)skb->data;
    const struct br_fdb *fdb = NULL;

    dev->stats.tx_packets += skb_segs(skb);
    dev->stats.tx_bytes += skb->len;
    if (!is_multicast_ether_addr(eth->h_dest))
        fdb = br_fdb_find(br, eth->h_dest);
    if (!fdb)
        br_flood(br, NULL, skb);
    else if (fdb->local || !br_may_forward(fdb->port))
        kfree_skb_reason(skb, SKB_DROP_REASON_BRIDGE_NO_DEST);
    else
        br_forward(fdb->port, skb);
    return NETDEV_TX_OK;
}

/* --- link, address, MTU: as the ports have them --- */

void br_update_carrier(struct net_bridge *br)
{
    const struct br_port *port;
    bool any = false;

    list_for_each_entry (port, &br->ports, list)
        any |= br_may_forward(port);
    if (any)
        netif_carrier_on(br->dev);
    else
        netif_carrier_off(br->dev);
}

void br_port_check_link(struct br_port *port)
{
    if (netif_running(port->br->dev) && netif_running(port->dev) && port->dev->carrier)
        br_stp_enable_port(port);
    else
        br_stp_disable_port(port);
    br_update_carrier(port->br);
}

/* The address of a bridge is the lowest of its ports', unless it was given one: so it does not change with
 * the order of plugging in. */
static void br_follow_addr(struct net_bridge *br)
{
    const struct br_port *port;
    const uint8_t *lowest = NULL;

    if (br->own_addr)
        return;
    list_for_each_entry (port, &br->ports, list) {
        if (!lowest || memcmp(port->dev->dev_addr, lowest, ETH_ALEN) < 0)
            lowest = port->dev->dev_addr;
    }
    if (lowest)
        dev_set_mac_address(br->dev, lowest);
    br->own_addr = false; /* dev_set_mac_address() has taken it for one given by hand */
}

static unsigned br_min_mtu(const struct net_bridge *br)
{
    const struct br_port *port;
    unsigned mtu = 0;

    list_for_each_entry (port, &br->ports, list)
        mtu = mtu ? min(mtu, port->dev->mtu) : port->dev->mtu;
    return mtu ? mtu : ETH_DATA_LEN;
}

static void br_follow_mtu(struct net_bridge *br)
{
    unsigned mtu = br_min_mtu(br);

    if (br->dev->mtu != mtu && (!br->own_mtu || br->dev->mtu > mtu))
        dev_set_mtu(br->dev, mtu);
    br->own_mtu = br->own_mtu && br->dev->mtu != mtu;
}

static int br_change_mtu(struct net_device *dev, unsigned mtu)
{
    struct net_bridge *br = dev->priv;

    if (br->port_count && mtu > br_min_mtu(br))
        return -EINVAL;
    br->own_mtu = true;
    return 0;
}

static void br_set_mac_address(struct net_device *dev)
{
    struct net_bridge *br = dev->priv;

    br->own_addr = true;
    br_stp_set_bridge_id(br, (uint16_t)(br->bridge_id.prio[0] << 8 | br->bridge_id.prio[1]), dev->dev_addr);
    if (br_fdb_set_local(br))
        pr_warn("%s: no memory to note all addresses of the bridge", dev->name);
}

/* A train is cut by the port it leaves by; short tails are asked for if one of them needs it. */
static void br_follow_features(struct net_bridge *br)
{
    const struct br_port *port;

    br->dev->features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_TSO;
    list_for_each_entry (port, &br->ports, list)
        br->dev->features |= port->dev->features & NETIF_F_TSO_SHORT_TAIL;
}

static void br_lower_event(struct net_device *dev, struct net_device *lower, enum netdev_event event)
{
    struct net_bridge *br = dev->priv;

    br_follow_addr(br);
    if (br_fdb_set_local(br))
        pr_warn("%s: no memory to note all addresses of the bridge", dev->name);
    br_follow_mtu(br);
    br_follow_features(br);
    br_port_check_link(br_port_of(lower));
}

/* --- up and down --- */

static int br_open(struct net_device *dev)
{
    return 0; /* the ports follow once IFF_UP is set: br_set_rx_mode() */
}

static void br_ports_check(struct net_bridge *br)
{
    struct br_port *port;

    list_for_each_entry (port, &br->ports, list)
        br_port_check_link(port);
}

static void br_stop(struct net_device *dev)
{
    struct net_bridge *br = dev->priv;

    br_ports_check(br);
    br_stp_exit(br);
    netif_carrier_off(dev);
}

/* First called when IFF_UP is set: the ports come to life. Groups need nothing, ports are promiscuous. */
static void br_set_rx_mode(struct net_device *dev)
{
    struct net_bridge *br = dev->priv;

    br_ports_check(br);
    if (!timer_pending(&br->hello_timer))
        br_stp_start(br);
}

static const struct net_device_ops br_netdev_ops = {
    .ndo_open = br_open,
    .ndo_stop = br_stop,
    .ndo_start_xmit = br_dev_xmit,
    .ndo_set_rx_mode = br_set_rx_mode,
    .ndo_change_mtu = br_change_mtu,
    .ndo_set_mac_address = br_set_mac_address,
};

/* --- ports come and go --- */

static int br_check_port(const struct net_bridge *br, const struct net_device *dev, const char **why)
{
    if (dev->flags & (DEV_IFF_LOOPBACK | DEV_IFF_NOARP))
        return link_fail(-EINVAL, why, "only Ethernet devices can be ports of a bridge");
    if (br_of_device(dev) || link_stands_on(dev, br->dev))
        return link_fail(-ELOOP, why,
                         "a bridge, or what stands on one, cannot be its port: that would be a loop");
    if (dev->rtnl_link_ops == &macvlan_link_ops)
        return link_fail(-EINVAL, why, "a macvlan cannot be a port: make the device below it one");
    if (dev->rx_handler)
        return link_fail(-EBUSY, why, "the device belongs to a bridge or carries macvlans already");
    if (br->port_count >= BR_PORTS_MAX)
        return link_fail(-EBUSY, why, "a bridge has 64 ports at most");
    if (link_depth(dev) >= LINK_DEPTH_MAX)
        return link_fail(-EINVAL, why, "too many devices stand on one another: six steps are the most");
    return 0;
}

static uint8_t br_free_port_no(const struct net_bridge *br)
{
    const struct br_port *port;
    bool used[BR_PORT_NO_MAX + 1] = {true};
    uint8_t number = 0;

    list_for_each_entry (port, &br->ports, list)
        used[port->port_no] = true;
    while (used[number])
        number++;
    return number;
}

static void br_del_slave(struct net_device *dev, struct net_device *lower)
{
    struct net_bridge *br = dev->priv;
    struct br_port *port = br_port_of(lower);

    br_stp_disable_port(port);
    br_fdb_flush_port(port, true);
    netdev_rx_handler_unregister(lower);
    dev_set_promiscuity(lower, -1);
    lower->master = NULL;
    list_del_init(&port->list);
    br->port_count--;
    kfree(port);
    br_follow_addr(br);
    if (br_fdb_set_local(br)) /* entries of the port that has gone must go in any case */
        pr_warn("%s: no memory to note all addresses of the bridge", dev->name);
    br_follow_mtu(br);
    br_follow_features(br);
    br_update_carrier(br);
}

static int br_add_slave(struct net_device *dev, struct net_device *lower, const char **why)
{
    struct net_bridge *br = dev->priv;
    int err = br_check_port(br, lower, why);

    if (err)
        return err;
    struct br_port *port = kzalloc(sizeof(*port));
    if (!port)
        return link_fail(-ENOMEM, why, "no memory for another port");
    port->br = br;
    port->dev = lower;
    port->port_no = br_free_port_no(br);
    port->priority = BR_PORT_PRIORITY;
    port->path_cost = BR_PORT_COST;
    INIT_LIST_HEAD(&port->fdb);
    br_stp_port_init(port);
    err = netdev_rx_handler_register(lower, br_handle_frame, port);
    if (err) {
        kfree(port);
        return link_fail(err, why, "the device belongs to a bridge or carries macvlans already");
    }
    list_add_tail(&port->list, &br->ports);
    br->port_count++;
    lower->master = dev;
    dev_set_promiscuity(lower, 1);
    br_follow_addr(br);
    err = br_fdb_set_local(br);
    if (err) {
        br_del_slave(dev, lower);
        return link_fail(err, why, "no memory for another port");
    }
    br_follow_mtu(br);
    br_follow_features(br);
    br_port_check_link(port);
    return 0;
}

/* --- settings --- */

static int br_set_ms(unsigned *setting, unsigned seconds, unsigned low, unsigned high, const char **why,
                     const char *sentence)
{
    if (seconds < low || seconds > high)
        return link_fail(-ERANGE, why, sentence);
    *setting = seconds * 1000;
    return 0;
}

static int br_set_port(struct br_port *port, enum br_setting setting, unsigned value, const char **why)
{
    if (!port)
        return link_fail(-ENODEV, why, "that device is no port of a bridge");
    if (setting == BR_SET_PORT_COST) {
        if (!value || value > 65535)
            return link_fail(-ERANGE, why, "a port's cost is 1 to 65535");
        br_stp_set_port(port, value, port->priority);
        return 0;
    }
    if (value > 255)
        return link_fail(-ERANGE, why, "a port's priority is 0 to 255");
    br_stp_set_port(port, port->path_cost, (uint8_t)value);
    return 0;
}

static int br_set_fdb_max(struct net_bridge *br, unsigned value, const char **why)
{
    if (value < BR_FDB_MAX_MIN || value > BR_FDB_MAX_MOST)
        return link_fail(-ERANGE, why, "a forwarding table has 16 to 16384 entries");
    br->fdb_max = value;
    br_fdb_shrink(br);
    return 0;
}

/* The root tells its times to all: a bridge that is the root takes its own up at once. */
static void br_times_changed(struct net_bridge *br)
{
    if (!br_is_root(br))
        return;
    br->max_age_ms = br->bridge_max_age_ms;
    br->hello_time_ms = br->bridge_hello_time_ms;
    br->forward_delay_ms = br->bridge_forward_delay_ms;
}

int br_set(struct net_device *dev, enum br_setting setting, unsigned value, const char **why)
{
    struct net_bridge *br = br_of_device(dev);
    int err = 0;

    if (setting == BR_SET_PORT_COST || setting == BR_SET_PORT_PRIORITY)
        return br_set_port(br_port_of(dev), setting, value, why);
    if (!br)
        return link_fail(-ENODEV, why, "that device is no bridge");
    switch (setting) {
    case BR_SET_STP:
        br_stp_set(br, value != 0);
        break;
    case BR_SET_PRIORITY:
        if (value > 65535)
            return link_fail(-ERANGE, why, "a bridge's priority is 0 to 65535");
        br_stp_set_bridge_id(br, (uint16_t)value, dev->dev_addr);
        break;
    case BR_SET_AGEING_TIME:
        err =
            br_set_ms(&br->ageing_time_ms, value, 1, 1000000, why, "the ageing time is 1 to 1000000 seconds");
        break;
    case BR_SET_HELLO_TIME:
        err = br_set_ms(&br->bridge_hello_time_ms, value, 1, 10, why, "the hello time is 1 to 10 seconds");
        break;
    case BR_SET_MAX_AGE:
        err = br_set_ms(&br->bridge_max_age_ms, value, 6, 40, why, "the maximum age is 6 to 40 seconds");
        break;
    case BR_SET_FORWARD_DELAY:
        err = br_set_ms(&br->bridge_forward_delay_ms, value, 2, 30, why,
                        "the forward delay is 2 to 30 seconds");
        break;
    case BR_SET_FDB_MAX:
        err = br_set_fdb_max(br, value, why);
        break;
    case BR_SET_PORT_COST:
    case BR_SET_PORT_PRIORITY:
        break;
    }
    br_times_changed(br);
    return err;
}

/* --- coming and going --- */

static void br_dellink(struct net_device *dev)
{
    struct net_bridge *br = dev->priv;

    dev_close(dev);
    while (!list_empty(&br->ports))
        br_del_slave(dev, list_first_entry(&br->ports, struct br_port, list)->dev);
    unregister_netdev(dev);
    br_stp_exit(br);
    br_fdb_exit(br);
    free_netdev(dev);
}

const struct rtnl_link_ops bridge_link_ops = {
    .kind = "bridge",
    .dellink = br_dellink,
    .lower_event = br_lower_event,
    .add_slave = br_add_slave,
    .del_slave = br_del_slave,
};

int bridge_link_add(struct net *net, const char *name, const char **why)
{
    int err = link_check_name(net, name, why);

    if (err)
        return err;
    struct net_device *dev = alloc_netdev(sizeof(struct net_bridge), name, ether_setup);
    if (!dev)
        return link_fail(-ENOMEM, why, "no memory for a bridge");
    dev->no_queue = true;
    struct net_bridge *br = dev->priv;
    br->dev = dev;
    INIT_LIST_HEAD(&br->ports);
    dev->netdev_ops = &br_netdev_ops;
    dev->rtnl_link_ops = &bridge_link_ops;
    dev->carrier = false;
    link_choose_addr(dev->dev_addr, NULL); /* until it has ports */
    br_stp_init(br);
    br_fdb_init(br);
    br_follow_features(br);
    err = register_netdev(net, dev);
    if (err)
        goto free_dev;
    br_stp_set_bridge_id(br, BR_PRIORITY, dev->dev_addr);
    err = br_fdb_set_local(br);
    if (!err)
        return 0;
    unregister_netdev(dev);

free_dev:
    br_fdb_exit(br);
    free_netdev(dev);
    return link_fail(err, why, "no memory for a bridge");
}
