/*
 * netdevice.h - what a network card looks like to the stack, and the two places every packet passes:
 * netif_receive_skb() on its way in, dev_queue_xmit() on its way out.
 */
#ifndef NET_CORE_NETDEVICE_H
#define NET_CORE_NETDEVICE_H

#include <errno.h>

#include "kernel/timer.h"
#include "net/core/dql.h"
#include "net/core/net.h"
#include "net/core/skbuff.h"

struct Qdisc;

#define IFNAMSIZ        16
#define NETDEV_BUS_INFO 16
#define ETH_ALEN        6

/* net_device.flags: values of <net/if.h> */
#define DEV_IFF_UP        0x1
#define DEV_IFF_BROADCAST 0x2
#define DEV_IFF_LOOPBACK  0x8
#define DEV_IFF_NOARP     0x80
#define DEV_IFF_PROMISC   0x100
#define DEV_IFF_ALLMULTI  0x200
#define DEV_IFF_MULTICAST 0x1000

/* net_device.features: what the card does for us */
#define NETIF_F_SG      0x01 /* frags */
#define NETIF_F_HW_CSUM 0x02 /* CHECKSUM_PARTIAL for TCP and UDP over IPv4 */
#define NETIF_F_RXCSUM  0x04
#define NETIF_F_TSO     0x08 /* cuts a TCP train over IPv4 (gso_size) into segments; needs SG and HW_CSUM */
/* ... whose last segment must be shorter than the others, or an empty one follows it. */
#define NETIF_F_TSO_SHORT_TAIL  0x10
#define NETIF_F_HW_VLAN_CTAG_TX 0x20 /* writes the tag of skb->vlan_tci into the frame */
#define NETIF_F_HW_VLAN_CTAG_RX 0x40 /* takes the tag out of the frame and into skb->vlan_tci */

#define NETIF_F_XDP 0x80 /* its driver asks dev->xdp about each frame */

#define GSO_MAX_SIZE 65535u /* bytes of a train from the IPv4 header on: what its length field can say */
#define GSO_MAX_SEGS 64u

enum netdev_tx { NETDEV_TX_OK, NETDEV_TX_BUSY };

struct net_device_stats {
    uint64_t rx_packets, rx_bytes, rx_errors, rx_dropped, rx_multicast;
    uint64_t rx_length_errors, rx_crc_errors, rx_missed_errors, rx_no_buffer;
    uint64_t tx_packets, tx_bytes, tx_errors, tx_dropped;
    uint64_t tx_timeouts, link_changes;
};

struct netdev_hw_addr {
    struct list_head list;
    uint8_t addr[ETH_ALEN];
    unsigned refcount;
};

/* One IPv4 address of a device. */
struct in_ifaddr {
    struct list_head list; /* net_device.ifa_list */
    be32 local, mask, broadcast;
    uint8_t prefix_len;
    bool tentative; /* duplicate-address detection is under way (RFC 5227): not used yet */
    bool chosen;    /* by this machine itself: given up to who insists on it (RFC 3927 2.5) */
};

struct net_device_ops {
    int (*ndo_open)(struct net_device *dev);  /* 0 or -E...: rings up, interrupts on */
    void (*ndo_stop)(struct net_device *dev); /* silence: nothing is received or sent when it returns */
    /* Takes skb: sent later or dropped - unless it returns NETDEV_TX_BUSY (ring full), then the caller keeps
     * it. A driver that can foresee a full ring calls netif_stop_queue() before that happens. */
    enum netdev_tx (*ndo_start_xmit)(struct sk_buff *skb, struct net_device *dev);
    void (*ndo_tx_kick)(
        struct net_device *dev); /* ring the doorbell (see netif_tx_kick_later); may be NULL */
    void (*ndo_set_rx_mode)(struct net_device *dev); /* flags, mc_list or uc_list changed; may be NULL */
    /* Whether it can be had: 0 or -E...; may be NULL. The caller stores the value. */
    int (*ndo_change_mtu)(struct net_device *dev, unsigned mtu);
    /* dev_addr has changed: receive by the new one; may be NULL. */
    void (*ndo_set_mac_address)(struct net_device *dev);
    void (*ndo_tx_timeout)(
        struct net_device *dev); /* nothing completed for watchdog_ms while stopped; may be NULL */
    void (*ndo_update_stats)(struct net_device *dev); /* read the card's counters into stats; may be NULL */
};

struct net_device {
    struct list_head dev_list;
    char name[IFNAMSIZ];
    int ifindex;
    struct net *net;
    const char *driver;             /* "e1000"; NULL: of no card, and rtnl_link_ops says what it is */
    char bus_info[NETDEV_BUS_INFO]; /* where the card sits: "0000:00:03.0", "" if nowhere */
    unsigned flags;
    unsigned features;
    unsigned mtu; /* largest payload of the link: 1500 */
    unsigned hard_header_len;
    uint8_t dev_addr[ETH_ALEN], broadcast[ETH_ALEN];
    const struct net_device_ops *netdev_ops;
    const struct header_ops *header_ops;
    struct net_device_stats stats;
    struct napi_struct *napi;   /* of the driver (the first added), for statistics; may be NULL */
    struct list_head napi_list; /* napi_struct.dev_list */

    /* Bridge or macvlan: sees every frame after the taps and before the protocols. true: taken. */
    bool (*rx_handler)(struct sk_buff *skb);
    void *rx_handler_data;
    struct netdev_xdp *xdp; /* early hook (net/core/xdp.h); NULL: none */
    /* Ingress policing (net/sched/police.c): false - over the rate, to be dropped. NULL: none. */
    bool (*ingress_police)(const struct sk_buff *skb);
    void *ingress_data;
    struct vlan_info *vlan_info;               /* the VLANs on it (net/core/vlan_core.c); NULL: none */
    struct net_device *lower;                  /* what a VLAN or macvlan sits on */
    struct net_device *master;                 /* the bridge it is a port of */
    const struct rtnl_link_ops *rtnl_link_ops; /* of devices that are none of a driver: net/ethernet/link.h */

    unsigned speed_mbps; /* of the link, as far as its driver knows; 0: it does not */
    bool full_duplex;
    bool carrier;  /* link is up */
    bool forwards; /* what comes in here may be for others (net/ipv4/devconf.c): each ACK has to go on */
    bool no_queue; /* passes packets on to another device or straight to the stack: needs no discipline */
    union {
        struct {
            bool queue_stopped; /* by the driver: netif_stop_queue() */
            bool bql_stopped;   /* by the byte queue limit */
            bool xmit_active;   /* inside ndo_start_xmit(): a wake-up must not send from there */
            bool qdisc_waits;   /* something is queued, or the discipline wants to see each packet */
        };
        uint32_t xmit_held; /* any of them: one look on the way of every packet */
    };
    uint64_t trans_start_ms;
    unsigned watchdog_ms; /* 0: no watchdog */
    struct timer watchdog_timer;
    struct list_head tx_list; /* softnet_data.tx_devices */
    struct Qdisc *qdisc;      /* net/core/qdisc.h; never NULL */
    struct Qdisc *qdisc_born; /* the fifo that belongs to the device */
    struct sk_buff *requeued; /* came back busy: the next to be sent; taps have seen it */
    unsigned tx_queue_len;    /* packets, for disciplines that are told no limit */
    struct dql dql;

    struct list_head mc_list;  /* netdev_hw_addr: multicast groups to receive */
    struct list_head uc_list;  /* netdev_hw_addr: addresses to receive beside dev_addr */
    unsigned promiscuity;      /* how many want DEV_IFF_PROMISC */
    unsigned allmulti;         /* how many want DEV_IFF_ALLMULTI */
    struct list_head ifa_list; /* in_ifaddr, the first is the primary */
    struct in_device *ip_ptr;  /* its settings of IPv4: net/ipv4/devconf.c; may be NULL */
    void *priv;                /* of the driver, priv_size bytes behind this struct */
};

/* How a link layer writes its header. */
struct header_ops {
    /* Pushes a link header; daddr/saddr NULL: broadcast / own. 0 or -E... (skb stays the caller's). */
    int (*create)(struct sk_buff *skb, struct net_device *dev, uint16_t ethertype, const void *daddr,
                  const void *saddr);
};

/* --- for drivers --- */

/* An Ethernet device with priv_size zeroed bytes at dev->priv; name becomes "eth%d" at registration. NULL
 * without memory. */
struct net_device *__must_check alloc_etherdev(size_t priv_size);
/* The general form (loopback, virtual devices): setup() fills in what alloc_etherdev() would. */
struct net_device *__must_check alloc_netdev(size_t priv_size, const char *name,
                                             void (*setup)(struct net_device *dev));
void free_netdev(struct net_device *dev);

int __must_check register_netdev(struct net *net, struct net_device *dev);
void unregister_netdev(struct net_device *dev); /* brings it down; the driver then calls free_netdev() */

/* A received frame (taken). skb->data at the link header; the driver has set dev and ip_summed and called
 * eth_type_trans(). */
int netif_receive_skb(struct sk_buff *skb);
/* The same through the backlog queue, for devices without NAPI: from any softirq or task context (taken). */
int netif_rx(struct sk_buff *skb);

/* Sets protocol and pkt_type, pulls the Ethernet header, leaves mac_header on it (net/ethernet/eth.c). */
be16 eth_type_trans(struct sk_buff *skb, struct net_device *dev);

void netif_stop_queue(struct net_device *dev);
void netif_wake_queue(struct net_device *dev); /* sends what waited */
/*
 * Byte queue limits, for drivers that say what they have given to the card and what has left it (both in the
 * bytes of skb->len). netdev_sent_queue() true: nothing more will come until a completion, so ring the
 * doorbell now. netdev_completed_queue() may send what waited.
 */
void netdev_limit_reached(struct net_device *dev);
void netdev_limit_completed(struct net_device *dev, uint32_t bytes);
void netdev_reset_queue(struct net_device *dev); /* the ring has been emptied */

static inline bool netdev_sent_queue(struct net_device *dev, uint32_t bytes)
{
    if (likely(!dql_queued(&dev->dql, bytes)))
        return false;
    netdev_limit_reached(dev);
    return true;
}

static inline void netdev_completed_queue(struct net_device *dev, uint32_t bytes)
{
    if (likely(!dev->dql.reached))
        dev->dql.in_flight -= bytes;
    else
        netdev_limit_completed(dev, bytes);
}

/*
 * The early hook, for drivers with NETIF_F_XDP, when dev->xdp is set: XDP_DROP - the frame is done with;
 * XDP_PASS - as ever; XDP_TX - to be handed to netdev_bounce() in an sk_buff of its own (taken; NULL: there
 * was no memory for one), which sends it back.
 */
enum xdp_action { XDP_DROP, XDP_PASS, XDP_TX };
enum xdp_action netdev_run_xdp(struct net_device *dev, const void *frame, unsigned len);
void netdev_bounce(struct net_device *dev, struct sk_buff *skb);

/*
 * Frees a buffer that nobody else holds, in a handler of an interrupt, where nothing may be freed: it waits
 * on the completion queue for NET_TX_SOFTIRQ. reason: why it is dropped; SKB_NOT_DROPPED_YET: it was sent.
 */
void dev_kfree_skb_irq(struct sk_buff *skb, enum skb_drop_reason reason);
/* The same for code that does not know where it runs: at once if that may be. */
void dev_kfree_skb_any(struct sk_buff *skb, enum skb_drop_reason reason);
/* For net.c: frees what waits there. */
void net_free_completions(struct softnet_data *sd);

void netif_carrier_on(struct net_device *dev);
void netif_carrier_off(struct net_device *dev);

/* For dev_addr_lists.c: tells the driver what is to be received; and for dev.c: forgets all addresses. */
void dev_set_rx_mode(struct net_device *dev);
void dev_addr_flush(struct net_device *dev);

/* For net.c: NET_TX_SOFTIRQ, kicks who asked for it and sends what waited. */
void net_tx_action(struct softirq *s);

/* For net.c: net->loopback_dev, "lo"; it takes 127.0.0.1/8 when it is opened first. */
int __must_check loopback_init(struct net *net);
void loopback_exit(struct net *net);

/* Asks for one ndo_tx_kick() in the next NET_TX_SOFTIRQ: one doorbell for all that is sent until then. */
void netif_tx_kick_later(struct net_device *dev);

/* --- for the stack --- */

/**
 * dev_queue_xmit - send a complete frame by skb->dev
 * @skb: starts at the link header (taken: queued, sent or dropped)
 *
 * Taps, then ndo_start_xmit(); waits in dev->qdisc while the ring is full or the discipline says so. Trains
 * (gso_size) are cut, frags linearised and checksums finished for cards that cannot. Return: 0, -ENETDOWN,
 * -EMSGSIZE, -ENOBUFS (device queue full), -ENOMEM.
 */
int dev_queue_xmit(struct sk_buff *skb);

int dev_open(struct net_device *dev);
void dev_close(struct net_device *dev);
int dev_set_mtu(struct net_device *dev, unsigned mtu);
int dev_set_promiscuity(struct net_device *dev, int delta);
int dev_set_allmulti(struct net_device *dev, int delta);
int dev_mc_add(struct net_device *dev, const uint8_t *addr);
int dev_mc_del(struct net_device *dev, const uint8_t *addr);
int dev_uc_add(struct net_device *dev, const uint8_t *addr);
int dev_uc_del(struct net_device *dev, const uint8_t *addr);
/* 0, or -EADDRNOTAVAIL: not an address a station may have. Tells of it as NETDEV_CHANGE. */
int dev_set_mac_address(struct net_device *dev, const uint8_t *addr);

/* For a device that sits on another: what it wants to receive (groups, all groups, everything) is asked of
 * the one below, and taken back. */
struct dev_rx_sync {
    struct list_head groups; /* netdev_hw_addr: asked for so far */
    bool promisc, allmulti;
};
void dev_rx_sync_init(struct dev_rx_sync *sync);
void dev_rx_sync(struct dev_rx_sync *sync, struct net_device *dev, struct net_device *lower);
void dev_rx_unsync(struct dev_rx_sync *sync, struct net_device *lower);

/* One handler per device: 0 or -EBUSY. */
static inline int __must_check netdev_rx_handler_register(struct net_device *dev,
                                                          bool (*handler)(struct sk_buff *skb), void *data)
{
    if (dev->rx_handler)
        return -EBUSY;
    dev->rx_handler = handler;
    dev->rx_handler_data = data;
    return 0;
}

static inline void netdev_rx_handler_unregister(struct net_device *dev)
{
    dev->rx_handler = NULL;
    dev->rx_handler_data = NULL;
}

struct net_device *dev_get_by_name(struct net *net, const char *name);
struct net_device *dev_get_by_index(struct net *net, int ifindex);

static inline int dev_hard_header(struct sk_buff *skb, struct net_device *dev, uint16_t ethertype,
                                  const void *daddr, const void *saddr)
{
    return dev->header_ops ? dev->header_ops->create(skb, dev, ethertype, daddr, saddr) : 0;
}

static inline bool netif_running(const struct net_device *dev)
{
    return dev->flags & DEV_IFF_UP;
}

/* --- who receives which EtherType --- */

struct packet_type {
    struct list_head list;
    be16 type;              /* EtherType, or cpu_to_be16(ETH_P_ALL): every packet, in and out */
    struct net_device *dev; /* only this device, or NULL */
    /* Takes skb (a clone for taps). For taps on the way out pkt_type is PACKET_OUTGOING and data is at the
     * link header; on the way in data is behind it and mac_header points to it. */
    int (*func)(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt);
    void *af_packet_priv;
};

void dev_add_pack(struct net *net, struct packet_type *pt);
void dev_remove_pack(struct packet_type *pt);

/* --- who wants to know about devices and addresses --- */

enum netdev_event {
    NETDEV_REGISTER,
    NETDEV_UNREGISTER,
    NETDEV_UP,
    NETDEV_DOWN,
    NETDEV_CHANGE /* link */,
    NETDEV_ADDR_ADD,
    NETDEV_ADDR_DEL
};

struct netdev_notifier {
    struct list_head list;
    /* ifa only with the ADDR events. */
    void (*call)(struct netdev_notifier *self, enum netdev_event event, struct net_device *dev,
                 struct in_ifaddr *ifa);
    void *ctx;
};

/* Hears at once of the devices and addresses that are already there (REGISTER, UP, ADDR_ADD of each). */
void register_netdev_notifier(struct net *net, struct netdev_notifier *n);
void unregister_netdev_notifier(struct netdev_notifier *n);
void call_netdev_notifiers(enum netdev_event event, struct net_device *dev, struct in_ifaddr *ifa);

/**
 * inet_addr_add - give a device an IPv4 address (routes follow through the notifier)
 * Return: 0, -EEXIST, -EINVAL (mask with holes, unusable address), -ENOMEM.
 */
int inet_addr_add(struct net_device *dev, be32 local, uint8_t prefix_len);
int inet_addr_del(struct net_device *dev, be32 local); /* 0 or -EADDRNOTAVAIL */
/* The address entry with exactly this address on this device (NULL: any device of the net). */
struct in_ifaddr *inet_addr_find(struct net *net, struct net_device *dev, be32 local);
/* An address of `dev` to send from, towards `dst`: one on dst's subnet, else the primary; 0 if it has none.
 */
be32 inet_select_addr(struct net_device *dev, be32 dst);

#endif
