/*
 * dev.c - the two places every packet passes, and the devices' own affairs.
 *
 * In:  driver or backlog -> netif_receive_skb(): taps, then whoever sits on the device (rx_handler: VLAN,
 * bridge), then the protocol of the EtherType (ip_rcv, arp_rcv). Softirq context. Out: neigh_output(),
 * arp_send() -> dev_queue_xmit(): made fit for the card, queued while its ring is full, then taps and
 * ndo_start_xmit().
 */
#include "net/core/netdevice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "net/core/gso.h"
#include "net/core/qdisc.h"
#include "net/core/vlan_core.h"
#include "net/core/xdp.h"

#define ETH_P_ALL_ 0x0003 /* as net/ethernet/ethernet.h has it */

/* --- who receives what --- */

static inline struct list_head *ptype_chain(struct net *net, be16 type)
{
    return &net->ptype_base[be16_to_cpu(type) % PTYPE_HASH_SIZE];
}

void dev_add_pack(struct net *net, struct packet_type *pt)
{
    bool tap = pt->type == cpu_to_be16(ETH_P_ALL_);

    list_add_tail(&pt->list, tap ? &net->ptype_all : ptype_chain(net, pt->type));
}

void dev_remove_pack(struct packet_type *pt)
{
    list_del_init(&pt->list);
}

/* A clone of skb to every tap that listens on dev. A tap may remove itself. */
static void dev_deliver_taps(struct sk_buff *skb, struct net_device *dev, uint8_t pkt_type, bool outgoing)
{
    struct packet_type *pt, *next;

    list_for_each_entry_safe (pt, next, &skb->net->ptype_all, list) {
        if ((pt->dev && pt->dev != dev) || (outgoing && skb->sk && pt->af_packet_priv == skb->sk))
            continue; /* who has sent it knows it */
        struct sk_buff *clone = skb_clone(skb);
        if (!clone)
            continue; /* a tap may miss a packet; the packet itself goes on */
        if (!clone->tstamp)
            clone->tstamp = skb->tstamp = ktime_get();
        clone->dev = dev;
        clone->pkt_type = pkt_type;
        if (outgoing) {
            skb_dst_drop(clone); /* a capture file must not hold a route */
            skb_reset_mac_header(clone);
            skb->nohdr = 0; /* the tap looks at the headers: whoever writes to them has to copy */
        }
        pt->func(clone, dev, pt);
    }
}

/* To the one handler that is usual, or a clone to each but the last. */
static int dev_deliver_protocol(struct sk_buff *skb, struct net_device *dev)
{
    struct packet_type *pt, *next, *taker = NULL;

    list_for_each_entry_safe (pt, next, ptype_chain(skb->net, skb->protocol), list) {
        if (pt->type != skb->protocol || (pt->dev && pt->dev != dev))
            continue;
        if (unlikely(taker)) {
            struct sk_buff *clone = skb_clone(skb);
            if (clone)
                taker->func(clone, dev, taker);
        }
        taker = pt;
    }
    if (likely(taker))
        return taker->func(skb, dev, taker);
    /* eth_type_trans() found no whole header: no EtherType is 0. */
    bool runt = !skb->protocol;
    kfree_skb_reason(skb, runt ? SKB_DROP_REASON_DEV_HDR : SKB_DROP_REASON_UNHANDLED_PROTO);
    return -EPROTONOSUPPORT;
}

/* A frame with a VLAN tag, or of a device that somebody sits on. true: taken. */
static bool dev_deliver_upper(struct sk_buff *skb, struct net_device *dev)
{
    if (skb->vlan_present && vlan_do_receive(skb))
        return true;
    if (dev->rx_handler && dev->rx_handler(skb))
        return true;
    if (!skb->vlan_present)
        return false;
    if (skb->vlan_tci & VLAN_VID_MASK) {
        kfree_skb_reason(skb, SKB_DROP_REASON_VLAN_UNKNOWN);
        return true;
    }
    skb->vlan_present = 0; /* IEEE 802.1Q 9.6: VID 0 says a priority, and no VLAN */
    return false;
}

int netif_receive_skb(struct sk_buff *skb)
{
    struct net_device *dev = skb->dev;

    if (unlikely(!netif_running(dev))) {
        kfree_skb_reason(skb, SKB_DROP_REASON_DEV_READY);
        return -ENETDOWN;
    }
    skb->network_header = skb->transport_header = (uint16_t)(skb->data - skb->head);
    skb->mac_len = (uint16_t)(skb->network_header - skb->mac_header);
    if (unlikely(skb->protocol == cpu_to_be16(ETH_P_8021Q)) && !skb->vlan_present && !skb_vlan_untag(skb))
        return -EINVAL;
    if (unlikely(!list_empty(&skb->net->ptype_all)))
        dev_deliver_taps(skb, dev, skb->pkt_type, false);
    if (unlikely(dev->ingress_police) && !dev->ingress_police(skb)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_TC_INGRESS);
        return -ENOBUFS;
    }
    if (unlikely(dev->rx_handler || skb->vlan_present) && dev_deliver_upper(skb, dev))
        return 0;
    return dev_deliver_protocol(skb, dev);
}

/* --- sending --- */

/* Hands one packet to the driver. NETDEV_TX_BUSY: it is still the caller's. seen: by taps, the last time. */
static inline enum netdev_tx dev_start_xmit(struct sk_buff *skb, struct net_device *dev, bool seen)
{
    if (unlikely(!list_empty(&dev->net->ptype_all)) && !seen)
        dev_deliver_taps(skb, dev, PACKET_OUTGOING, true); /* dev_queue_xmit_nit() in the texts */
    dev->xmit_active = true;
    enum netdev_tx ret = dev->netdev_ops->ndo_start_xmit(skb, dev);
    dev->xmit_active = false;
    if (unlikely(ret == NETDEV_TX_BUSY)) {
        netif_stop_queue(dev);
        qdisc_requeue(skb, dev);
    }
    return ret;
}

void dev_hard_start_xmit(struct sk_buff *skb, struct net_device *dev, bool seen)
{
    dev_start_xmit(skb, dev, seen);
}

/* What the card cannot do, in software: one linear piece, finished checksums. 0 or the reason to drop. */
static enum skb_drop_reason dev_validate_xmit(struct sk_buff *skb, const struct net_device *dev, int *err)
{
    const struct skb_shared_info *info = skb_shinfo(skb);

    *err = -EMSGSIZE;
    if (skb->len > dev->mtu + dev->hard_header_len && !info->gso_size && !vlan_tag_makes_long(skb, dev))
        return SKB_DROP_REASON_TX_TOO_LONG;
    if (unlikely(skb->vlan_present) && !(dev->features & NETIF_F_HW_VLAN_CTAG_TX)) {
        *err = vlan_insert_tag(skb);
        if (*err)
            return SKB_DROP_REASON_NOMEM;
    }
    if (skb_is_nonlinear(skb) && (!(dev->features & NETIF_F_SG) || info->frag_list)) {
        *err = skb_linearize(skb);
        if (*err)
            return SKB_DROP_REASON_NOMEM;
    }
    *err = 0;
    if (skb->ip_summed == CHECKSUM_PARTIAL && !(dev->features & NETIF_F_HW_CSUM))
        *err = skb_checksum_help(skb);
    return *err ? SKB_DROP_REASON_NOMEM : SKB_NOT_DROPPED_YET;
}

static int dev_drop_xmit(struct sk_buff *skb, struct net_device *dev, enum skb_drop_reason reason, int err)
{
    dev->stats.tx_dropped++;
    skb->dev = NULL; /* counted: on the way out, whatever the reason */
    kfree_skb_reason(skb, reason);
    return err;
}

/* A train the device does not take: segment by segment. Takes skb. Return: the first error. */
static int dev_xmit_segments(struct sk_buff *skb, struct net_device *dev)
{
    struct sk_buff *segment = skb_gso_cut(skb);
    int err = 0;

    if (!segment)
        return dev_drop_xmit(skb, dev, SKB_DROP_REASON_NOMEM, -ENOMEM);
    while (segment) {
        struct sk_buff *next = segment->next;
        segment->next = NULL;
        int this_err = dev_queue_xmit(segment);
        err = err ? err : this_err;
        segment = next;
    }
    return err;
}

int dev_queue_xmit(struct sk_buff *skb)
{
    struct net_device *dev = skb->dev;
    int err;

    if (unlikely(!netif_running(dev) || !dev->carrier))
        return dev_drop_xmit(skb, dev, SKB_DROP_REASON_DEV_READY, -ENETDOWN);
    if (unlikely(skb_shinfo(skb)->gso_size) && !gso_device_takes(skb, dev))
        return dev_xmit_segments(skb, dev);
    enum skb_drop_reason reason = dev_validate_xmit(skb, dev, &err);
    if (unlikely(reason))
        return dev_drop_xmit(skb, dev, reason, err);
    /* The straight way: nothing waits, nobody objects, and the driver is not inside itself already. */
    if (unlikely(dev->xmit_held))
        return dev_enqueue(skb, dev);
    dev_start_xmit(skb, dev, false);
    if (unlikely(dev->xmit_held))
        qdisc_run(dev); /* what was sent from within ndo_start_xmit() */
    return 0;
}

static void netif_watch_queue(struct net_device *dev)
{
    if (!dev->watchdog_ms)
        return;
    dev->trans_start_ms = ktime_get_ms();
    if (!timer_pending(&dev->watchdog_timer))
        mod_timer(&dev->watchdog_timer, dev->trans_start_ms + dev->watchdog_ms);
}

void netif_stop_queue(struct net_device *dev)
{
    if (dev->queue_stopped)
        return;
    dev->queue_stopped = true;
    netif_watch_queue(dev);
}

/* A reason to hold packets back has gone. */
static void netif_go_on(struct net_device *dev)
{
    if (!dev->qdisc_waits)
        return;
    if (dev->xmit_active)
        netif_schedule(dev); /* called from within ndo_start_xmit: sending from here would nest */
    else
        qdisc_run(dev);
}

void netif_wake_queue(struct net_device *dev)
{
    dev->queue_stopped = false;
    netif_go_on(dev);
}

/* --- byte queue limits --- */

void netdev_limit_reached(struct net_device *dev)
{
    dev->bql_stopped = true;
    netif_watch_queue(dev);
}

void netdev_limit_completed(struct net_device *dev, uint32_t bytes)
{
    uint64_t now = ktime_get_ms();

    dev->trans_start_ms = now;
    if (!dql_completed(&dev->dql, bytes, now))
        return;
    dev->bql_stopped = false;
    netif_go_on(dev);
}

void netdev_reset_queue(struct net_device *dev)
{
    dql_reset(&dev->dql, dev->dql.limit);
    dev->bql_stopped = false;
}

/* The timer runs on past a wake-up, so that a busy queue need not arm it each time. */
static void dev_watchdog(struct timer *timer)
{
    struct net_device *dev = container_of(timer, struct net_device, watchdog_timer);
    uint64_t now = ktime_get_ms();

    if (!(dev->queue_stopped || dev->bql_stopped) || !netif_running(dev))
        return;
    if (dev->carrier && now - dev->trans_start_ms >= dev->watchdog_ms) {
        dev->stats.tx_timeouts++;
        pr_warn("%s: transmit queue stopped for %llu ms, resetting", dev->name,
                (unsigned long long)(now - dev->trans_start_ms));
        dev->trans_start_ms = now;
        if (dev->netdev_ops->ndo_tx_timeout)
            dev->netdev_ops->ndo_tx_timeout(dev);
    }
    if (dev->queue_stopped || dev->bql_stopped)
        mod_timer(timer, max(now + 1, dev->trans_start_ms + dev->watchdog_ms));
}

void netif_tx_kick_later(struct net_device *dev)
{
    if (!list_empty(&dev->tx_list))
        return;
    list_add_tail(&dev->tx_list, &dev->net->softnet.tx_devices);
    raise_softirq(&dev->net->softnet.tx_softirq);
}

void net_tx_action(struct softirq *s)
{
    struct softnet_data *sd = container_of(s, struct softnet_data, tx_softirq);
    struct list_head devices = LIST_HEAD_INIT(devices);

    if (unlikely(sd->completion_queue != NULL))
        net_free_completions(sd);
    list_splice_tail_init(&sd->tx_devices, &devices);
    while (!list_empty(&devices)) {
        struct net_device *dev = list_first_entry(&devices, struct net_device, tx_list);
        list_del_init(&dev->tx_list);
        qdisc_run(dev);
        if (dev->netdev_ops->ndo_tx_kick)
            dev->netdev_ops->ndo_tx_kick(dev);
    }
}

/* --- link --- */

static void netif_carrier_set(struct net_device *dev, bool carrier)
{
    if (dev->carrier == carrier)
        return;
    dev->carrier = carrier;
    if (!dev->net)
        return; /* a driver may say so before it registers */
    dev->stats.link_changes++;
    call_netdev_notifiers(NETDEV_CHANGE, dev, NULL);
}

void netif_carrier_on(struct net_device *dev)
{
    netif_carrier_set(dev, true);
}

void netif_carrier_off(struct net_device *dev)
{
    netif_carrier_set(dev, false);
}

/* --- up, down, settings --- */

void dev_set_rx_mode(struct net_device *dev)
{
    if (netif_running(dev) && dev->netdev_ops->ndo_set_rx_mode)
        dev->netdev_ops->ndo_set_rx_mode(dev);
}

int dev_open(struct net_device *dev)
{
    if (!dev->net)
        return -ENODEV;
    if (netif_running(dev))
        return 0;
    int err = dev->netdev_ops->ndo_open ? dev->netdev_ops->ndo_open(dev) : 0;
    if (err)
        return err;
    dev->flags |= DEV_IFF_UP;
    dev_set_rx_mode(dev);
    call_netdev_notifiers(NETDEV_UP, dev, NULL);
    return 0;
}

void dev_close(struct net_device *dev)
{
    if (!netif_running(dev))
        return;
    dev->flags &= ~DEV_IFF_UP;
    call_netdev_notifiers(NETDEV_DOWN, dev, NULL);
    if (dev->netdev_ops->ndo_stop)
        dev->netdev_ops->ndo_stop(dev);
    del_timer(&dev->watchdog_timer);
    dev_drop_queued(dev, SKB_DROP_REASON_DEV_READY);
    list_del_init(&dev->tx_list);
    napi_flush_backlog(dev);
    dev->queue_stopped = false;
    netdev_reset_queue(dev);
}

int dev_set_mtu(struct net_device *dev, unsigned mtu)
{
    if (mtu < 68 || mtu > 65535) /* RFC 791: every link carries 68 */
        return -EINVAL;
    int err = dev->netdev_ops->ndo_change_mtu ? dev->netdev_ops->ndo_change_mtu(dev, mtu) : 0;
    if (err)
        return err;
    dev->mtu = mtu;
    if (dev->net)
        call_netdev_notifiers(NETDEV_CHANGE, dev, NULL);
    return 0;
}

int dev_set_mac_address(struct net_device *dev, const uint8_t *addr)
{
    static const uint8_t none[ETH_ALEN];

    if (addr[0] & 1 || memcmp(addr, none, ETH_ALEN) == 0)
        return -EADDRNOTAVAIL;
    if (memcmp(dev->dev_addr, addr, ETH_ALEN) == 0)
        return 0;
    memcpy(dev->dev_addr, addr, ETH_ALEN);
    if (dev->netdev_ops->ndo_set_mac_address)
        dev->netdev_ops->ndo_set_mac_address(dev);
    if (dev->net)
        call_netdev_notifiers(NETDEV_CHANGE, dev, NULL);
    return 0;
}

/* --- coming and going --- */

struct net_device *alloc_netdev(size_t priv_size, const char *name, void (*setup)(struct net_device *dev))
{
    size_t head = ALIGN_UP(sizeof(struct net_device), (size_t)64);
    size_t whole = head + ALIGN_UP(sizeof(struct Qdisc), (size_t)64);
    struct net_device *dev = kzalloc(whole + priv_size);

    if (!dev)
        return NULL;
    strlcpy(dev->name, name, sizeof(dev->name));
    dev->qdisc_born = (struct Qdisc *)((char *)dev + head);
    dev->priv = (char *)dev + whole;
    dev->carrier = true;
    dev->mtu = 1500;
    dev->tx_queue_len = 1000;
    INIT_LIST_HEAD(&dev->dev_list);
    INIT_LIST_HEAD(&dev->tx_list);
    INIT_LIST_HEAD(&dev->mc_list);
    INIT_LIST_HEAD(&dev->uc_list);
    INIT_LIST_HEAD(&dev->ifa_list);
    INIT_LIST_HEAD(&dev->napi_list);
    qdisc_init_born(dev);
    dql_reset(&dev->dql, DQL_MAX_LIMIT);
    timer_setup(&dev->watchdog_timer, dev_watchdog);
    setup(dev);
    return dev;
}

void free_netdev(struct net_device *dev)
{
    if (!dev)
        return;
    ASSERT(!dev->net);
    kfree(dev);
}

struct net_device *dev_get_by_name(struct net *net, const char *name)
{
    struct net_device *dev;

    list_for_each_entry (dev, &net->dev_base, dev_list) {
        if (strcmp(dev->name, name) == 0)
            return dev;
    }
    return NULL;
}

struct net_device *dev_get_by_index(struct net *net, int ifindex)
{
    struct net_device *dev;

    list_for_each_entry (dev, &net->dev_base, dev_list) {
        if (dev->ifindex == ifindex)
            return dev;
    }
    return NULL;
}

/* "eth%d" becomes the first such name that is free. 0 or -EEXIST. */
static int dev_choose_name(struct net *net, struct net_device *dev)
{
    char *digit = strstr(dev->name, "%d");

    if (!digit)
        return dev_get_by_name(net, dev->name) ? -EEXIST : 0;
    char stem[IFNAMSIZ];
    strlcpy(stem, dev->name, (size_t)(digit - dev->name) + 1);
    for (unsigned n = 0; n < 1000; n++) {
        char name[IFNAMSIZ + 8];
        snprintf(name, sizeof(name), "%s%u", stem, n);
        if (strlen(name) < IFNAMSIZ && !dev_get_by_name(net, name)) {
            strlcpy(dev->name, name, sizeof(dev->name));
            return 0;
        }
    }
    return -EEXIST;
}

int register_netdev(struct net *net, struct net_device *dev)
{
    int err = dev_choose_name(net, dev);

    if (err)
        return err;
    dev->net = net;
    dev->ifindex = ++net->ifindex_last;
    list_add_tail(&dev->dev_list, &net->dev_base);
    napi_attach_device(dev);
    call_netdev_notifiers(NETDEV_REGISTER, dev, NULL);
    return 0;
}

void unregister_netdev(struct net_device *dev)
{
    if (!dev->net)
        return;
    dev_close(dev);
    while (!list_empty(&dev->ifa_list))
        inet_addr_del(dev, list_first_entry(&dev->ifa_list, struct in_ifaddr, list)->local);
    call_netdev_notifiers(NETDEV_UNREGISTER, dev, NULL);
    dev_addr_flush(dev);
    list_del_init(&dev->dev_list);
    napi_detach_device(dev);
    dev_set_qdisc(dev, NULL);
    xdp_remove(dev);
    dev->net = NULL;
}

/* --- notifiers --- */

void register_netdev_notifier(struct net *net, struct netdev_notifier *n)
{
    struct net_device *dev;
    struct in_ifaddr *ifa;

    list_add_tail(&n->list, &net->netdev_chain);
    list_for_each_entry (dev, &net->dev_base, dev_list) {
        n->call(n, NETDEV_REGISTER, dev, NULL);
        if (netif_running(dev))
            n->call(n, NETDEV_UP, dev, NULL);
        list_for_each_entry (ifa, &dev->ifa_list, list)
            n->call(n, NETDEV_ADDR_ADD, dev, ifa);
    }
}

void unregister_netdev_notifier(struct netdev_notifier *n)
{
    list_del_init(&n->list);
}

void call_netdev_notifiers(enum netdev_event event, struct net_device *dev, struct in_ifaddr *ifa)
{
    struct netdev_notifier *n, *next;

    list_for_each_entry_safe (n, next, &dev->net->netdev_chain, list)
        n->call(n, event, dev, ifa);
}
