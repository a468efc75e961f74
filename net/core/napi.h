/*
 * napi.h - from interrupts to polling and back, as Linux's NAPI does it.
 *
 *     interrupt: mask the device, napi_schedule()
 *         -> NET_RX_SOFTIRQ: net_rx_action() -> napi->poll(napi, weight)
 *             work == weight: stays on the poll list, interrupts stay masked
 *             work <  weight: the driver calls napi_complete_done(); if that returns true it unmasks
 *                             and looks at the ring once more
 *
 * napi_complete_done() keeps a device polled for net.core.napi_defer_us after its last packet before it lets
 * the driver unmask: an interrupt costs far more than a look at the ring when the next packet is about to
 * come.
 */
#ifndef NET_CORE_NAPI_H
#define NET_CORE_NAPI_H

#include "kernel/list.h"
#include "kernel/softirq.h"
#include "kernel/time.h"
#include "net/core/sysctl.h"

struct net;
struct net_device;
struct sk_buff;

#define NAPI_POLL_WEIGHT 64

/* Defaults of the settings in struct softnet_data. */
#define NETDEV_BUDGET       300
#define NETDEV_BUDGET_USECS 2000
#define NETDEV_MAX_BACKLOG  1000
#define NAPI_DEFER_USECS    200

/* A list of sk_buffs by their next/prev; the head looks like an sk_buff to its neighbours. */
struct sk_buff_head {
    struct sk_buff *next, *prev;
    uint32_t qlen;
};

struct napi_stats {
    uint64_t irqs;               /* napi_schedule() from an interrupt handler */
    uint64_t polls;              /* calls of poll */
    uint64_t packets;            /* frames these calls handed up */
    uint64_t full_polls;         /* polls that used their whole weight: stayed in polling */
    uint64_t deferred;           /* polls below weight that were kept polling by napi_defer_us */
    uint64_t completes;          /* went back to interrupts */
    uint64_t frames_per_poll[8]; /* polls with 0, 1, 2-3, 4-7, 8-15, 16-31, 32-63, 64+ frames */
};

#define GRO_TRAINS 8 /* flows merged at the same time */

/* Segments of one flow that are held until the poll ends: the first with the others on its frag_list. */
struct gro_train {
    struct sk_buff *skb, *last; /* last of frag_list, or NULL */
    uint32_t next_seq;
    uint16_t mss, segs;
};

struct napi_struct {
    /*
     * On softnet_data.poll_list from registration on; `scheduled` says whose turn it is. So an interrupt
     * handler writes one flag and no list, and the softirq needs no interrupt lock.
     */
    struct list_head poll_list;
    struct list_head dev_list; /* net_device.napi_list */
    bool scheduled;
    int weight;
    /* Reclaim sent buffers freely, receive at most `budget`, return how many were received. */
    int (*poll)(struct napi_struct *napi, int budget);
    struct net_device *dev;
    struct net *net;
    ktime_t last_work; /* when a poll last found something */
    ktime_t last_poll;
    struct gro_train gro[GRO_TRAINS];
    unsigned gro_count;
    struct sk_buff *spare; /* of this poll: merged away, for napi_alloc_skb(); or NULL */
    struct napi_stats stats;
};

/* What one core does for one stack. */
struct softnet_data {
    struct net *net;
    struct softirq rx_softirq, tx_softirq;
    struct list_head poll_list; /* napi_struct.poll_list, next one to be polled first */
    unsigned napi_count;
    ktime_t now;                         /* when the present round of polls started */
    struct list_head tx_devices;         /* net_device.tx_list: devices that asked for ndo_tx_kick */
    struct sk_buff *completion_queue;    /* dev_kfree_skb_irq(): to be freed in NET_TX_SOFTIRQ */
    struct sk_buff_head input_pkt_queue; /* netif_rx(): loopback and virtual devices */
    struct napi_struct backlog;          /* polls input_pkt_queue */
    uint64_t processed, dropped;
    uint64_t time_squeeze;                  /* rounds ended by budget or time with work left */
    int sysctl_budget, sysctl_budget_usecs; /* net.core.netdev_budget: frames per NET_RX_SOFTIRQ; its time */
    int sysctl_max_backlog;                 /* net.core.netdev_max_backlog: frames */
    int sysctl_napi_defer_us;               /* net.core.napi_defer_us: see napi_complete_done() */
    struct sysctl_entry sysctl_entries[5];
    struct sysctl_table sysctl;
};

void netif_napi_add(struct net_device *dev, struct napi_struct *napi,
                    int (*poll)(struct napi_struct *napi, int budget), int weight);
void netif_napi_del(struct napi_struct *napi);

/* From the interrupt handler, after masking (counts stats.irqs). Scheduling twice is scheduling once. */
void napi_schedule_irq(struct napi_struct *napi);
/* The same from a timer or softirq. */
void napi_schedule(struct napi_struct *napi);

/**
 * napi_complete_done - a poll received less than its weight
 * Return: true - polling has ended, unmask and look once more (napi_schedule() if something came);
 *         false - stay masked, poll will be called again.
 */
bool napi_complete_done(struct napi_struct *napi, int work_done);

/* As netif_receive_skb(), from a poll: TCP segments may be held and merged until napi_gro_flush(), which the
 * poll calls before it returns. Takes skb. */
void napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb);
void napi_gro_flush(struct napi_struct *napi);

/* For a driver's poll: as netdev_alloc_skb(), out of what napi_gro_receive() has merged away if that is large
 * enough. */
struct sk_buff *__must_check napi_alloc_skb(struct napi_struct *napi, unsigned size);

/* NET_RX_SOFTIRQ: polls what is scheduled, within NETDEV_BUDGET frames and NETDEV_BUDGET_NS. */
void net_rx_action(struct softirq *s);

/* For net.c: one core's share of a new stack; and at its end, which drops what the backlog still holds. */
void softnet_init(struct net *net);
void softnet_exit(struct net *net);

/* For dev.c: puts the device's NAPIs on the poll list, takes them off, drops its packets from the backlog. */
void napi_attach_device(struct net_device *dev);
void napi_detach_device(struct net_device *dev);
void napi_flush_backlog(struct net_device *dev);

#endif
