/*
 * napi.c - from interrupts to polling and back, and the backlog of devices that have neither.
 *
 * The card's interrupt handler calls napi_schedule_irq(); NET_RX_SOFTIRQ then polls the driver, which hands
 * frames to netif_receive_skb(). netif_rx() puts frames of loopback and virtual devices on the backlog,
 * which is polled the same way.
 */
#include "net/core/napi.h"

#include <errno.h>
#include <string.h>

#include "kernel/panic.h"
#include "net/core/netdevice.h"

/* --- scheduling --- */

void napi_schedule(struct napi_struct *napi)
{
    if (napi->scheduled)
        return;
    napi->scheduled = true;
    raise_softirq(&napi->net->softnet.rx_softirq);
}

void napi_schedule_irq(struct napi_struct *napi)
{
    napi->stats.irqs++;
    if (likely(napi->net))
        napi_schedule(napi);
}

/* --- polling --- */

static void napi_count_poll(struct napi_struct *napi, int work)
{
    struct napi_stats *stats = &napi->stats;

    stats->polls++;
    stats->packets += (unsigned)work;
    stats->full_polls += work == napi->weight;
    stats->frames_per_poll[work ? min(32 - __builtin_clz((unsigned)work), 7) : 0]++;
}

bool napi_complete_done(struct napi_struct *napi, int work_done)
{
    const struct softnet_data *sd = &napi->net->softnet;
    ktime_t now = sd->now;
    ktime_t last_poll = napi->last_poll;

    napi->last_poll = now;
    if (work_done)
        napi->last_work = now;
    /*
     * A clock that has not moved since the last poll is a virtual one, which waits for us: polling on would
     * never end.
     */
    if (now - napi->last_work < (unsigned)sd->sysctl_napi_defer_us * NSEC_PER_USEC && now != last_poll) {
        napi->stats.deferred++;
        return false;
    }
    napi->scheduled = false;
    napi->stats.completes++;
    return true;
}

/* One turn for each NAPI that is scheduled. Return: whether one of them has more. */
static bool napi_poll_round(struct softnet_data *sd, int *budget)
{
    bool more = false;

    for (unsigned n = sd->napi_count; n > 0 && *budget > 0; n--) {
        struct napi_struct *napi = list_first_entry(&sd->poll_list, struct napi_struct, poll_list);
        list_move_tail(&napi->poll_list, &sd->poll_list);
        if (!napi->scheduled)
            continue;
        int work = napi->poll(napi, napi->weight);
        ASSERT(work <= napi->weight);
        napi_count_poll(napi, work);
        sd->processed += (unsigned)work;
        *budget -= work;
        more |= work == napi->weight;
    }
    return more;
}

static bool napi_any_scheduled(const struct softnet_data *sd)
{
    const struct napi_struct *napi;

    list_for_each_entry (napi, &sd->poll_list, poll_list) {
        if (napi->scheduled)
            return true;
    }
    return false;
}

void net_rx_action(struct softirq *s)
{
    struct softnet_data *sd = container_of(s, struct softnet_data, rx_softirq);
    int budget = sd->sysctl_budget;
    ktime_t start = sd->now = ktime_get();

    while (napi_poll_round(sd, &budget)) {
        sd->now = ktime_get();
        if (budget <= 0 || sd->now - start >= (unsigned)sd->sysctl_budget_usecs * NSEC_PER_USEC) {
            sd->time_squeeze++;
            break;
        }
    }
    /* Those with work left and those that wait for more (napi_defer_us) go on in the next round, after the
     * tasks.
     */
    if (napi_any_scheduled(sd))
        raise_softirq(s);
}

/* --- registration --- */

static void napi_init(struct napi_struct *napi, int (*poll)(struct napi_struct *napi, int budget), int weight)
{
    *napi = (struct napi_struct){.poll = poll, .weight = weight};
    INIT_LIST_HEAD(&napi->poll_list);
    INIT_LIST_HEAD(&napi->dev_list);
}

static void napi_attach(struct napi_struct *napi, struct net *net)
{
    napi->net = net;
    net->softnet.napi_count++;
    list_add_tail(&napi->poll_list, &net->softnet.poll_list);
}

static void napi_detach(struct napi_struct *napi)
{
    if (!napi->net)
        return;
    list_del_init(&napi->poll_list);
    napi->scheduled = false;
    napi->net->softnet.napi_count--;
    napi->net = NULL;
}

void netif_napi_add(struct net_device *dev, struct napi_struct *napi,
                    int (*poll)(struct napi_struct *napi, int budget), int weight)
{
    ASSERT(weight > 0);
    napi_init(napi, poll, weight);
    napi->dev = dev;
    list_add_tail(&napi->dev_list, &dev->napi_list);
    if (!dev->napi)
        dev->napi = napi;
    if (dev->net)
        napi_attach(napi, dev->net);
}

void netif_napi_del(struct napi_struct *napi)
{
    napi_detach(napi);
    list_del_init(&napi->dev_list);
    if (napi->dev->napi == napi)
        napi->dev->napi = NULL;
}

void napi_attach_device(struct net_device *dev)
{
    struct napi_struct *napi;

    list_for_each_entry (napi, &dev->napi_list, dev_list) {
        if (!napi->net)
            napi_attach(napi, dev->net);
    }
}

void napi_detach_device(struct net_device *dev)
{
    struct napi_struct *napi;

    list_for_each_entry (napi, &dev->napi_list, dev_list)
        napi_detach(napi);
}

/* --- the backlog --- */

int netif_rx(struct sk_buff *skb)
{
    struct softnet_data *sd = &skb->net->softnet;

    if (unlikely(sd->input_pkt_queue.qlen >= (unsigned)sd->sysctl_max_backlog)) {
        sd->dropped++;
        kfree_skb_reason(skb, SKB_DROP_REASON_CPU_BACKLOG);
        return -ENOBUFS;
    }
    skb_queue_tail(&sd->input_pkt_queue, skb);
    napi_schedule(&sd->backlog);
    return 0;
}

static int process_backlog(struct napi_struct *napi, int budget)
{
    struct sk_buff_head *queue = &napi->net->softnet.input_pkt_queue;
    struct sk_buff *skb;
    int work = 0;

    while (work < budget && (skb = skb_dequeue(queue))) {
        netif_receive_skb(skb);
        work++;
    }
    if (work < budget)
        napi_complete_done(napi, work);
    return work;
}

void napi_flush_backlog(struct net_device *dev)
{
    struct sk_buff_head *queue = &dev->net->softnet.input_pkt_queue;
    struct sk_buff *skb, *tmp;

    skb_queue_walk_safe (queue, skb, tmp) {
        if (skb->dev != dev)
            continue;
        skb_unlink(queue, skb);
        kfree_skb_reason(skb, SKB_DROP_REASON_DEV_READY);
    }
}

static void softnet_register_sysctls(struct net *net)
{
    struct softnet_data *sd = &net->softnet;

    sd->sysctl_budget = NETDEV_BUDGET;
    sd->sysctl_budget_usecs = NETDEV_BUDGET_USECS;
    sd->sysctl_max_backlog = NETDEV_MAX_BACKLOG;
    sd->sysctl_napi_defer_us = NAPI_DEFER_USECS;
    const struct sysctl_entry entries[] = {
        {"net.core.netdev_budget", &sd->sysctl_budget, 1, 1, 100000},
        {"net.core.netdev_budget_usecs", &sd->sysctl_budget_usecs, 1, 100, 1000000},
        {"net.core.netdev_max_backlog", &sd->sysctl_max_backlog, 1, 1, 1000000},
        {"net.core.napi_defer_us", &sd->sysctl_napi_defer_us, 1, 0, 1000000},
        {NULL, NULL, 0, 0, 0},
    };
    _Static_assert(sizeof(entries) == sizeof(sd->sysctl_entries), "one place for each setting");
    memcpy(sd->sysctl_entries, entries, sizeof(entries));
    register_sysctl(net, &sd->sysctl, sd->sysctl_entries);
}

void softnet_init(struct net *net)
{
    struct softnet_data *sd = &net->softnet;

    softnet_register_sysctls(net);
    sd->net = net;
    INIT_LIST_HEAD(&sd->poll_list);
    INIT_LIST_HEAD(&sd->tx_devices);
    skb_queue_head_init(&sd->input_pkt_queue);
    open_softirq(&sd->rx_softirq, NET_RX_SOFTIRQ, net_rx_action);
    open_softirq(&sd->tx_softirq, NET_TX_SOFTIRQ, net_tx_action);
    napi_init(&sd->backlog, process_backlog, NAPI_POLL_WEIGHT);
    napi_attach(&sd->backlog, net);
}

void softnet_exit(struct net *net)
{
    struct softnet_data *sd = &net->softnet;

    close_softirq(&sd->rx_softirq);
    close_softirq(&sd->tx_softirq);
    net_free_completions(sd);
    skb_queue_purge(&sd->input_pkt_queue, SKB_DROP_REASON_DEV_READY);
    napi_detach(&sd->backlog);
    unregister_sysctl(&sd->sysctl);
    ASSERT(list_empty(&sd->poll_list) && list_empty(&sd->tx_devices));
}
