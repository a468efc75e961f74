/*
 * system.c - what an application asks the machine beyond POSIX (skiff/system.h): its command line, its
 * figures, its addresses.
 */
#include <skiff/system.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/core/netdevice.h"
#include "net/socket/socket.h"
#include "net/tcp/tcp.h"

#define STAT_NAME_MAX 64

typedef void (*stat_fn)(const char *name, uint64_t value, void *ctx);

struct stat_walk {
    stat_fn fn;
    void *ctx;
};

/* "prefix.name" */
static void say(const struct stat_walk *walk, const char *prefix, const char *name, uint64_t value)
{
    char full[STAT_NAME_MAX];

    snprintf(full, sizeof(full), "%s.%s", prefix, name);
    walk->fn(full, value, walk->ctx);
}

static void walk_counters(struct net *net, const struct stat_walk *walk)
{
    for (int i = 0; i < MIB_MAX; i++)
        walk->fn(mib_name((enum mib_counter)i), net->mib[i], walk->ctx);
    for (int i = SKB_NOT_DROPPED_YET + 1; i < SKB_DROP_REASON_MAX; i++)
        say(walk, "drop", skb_drop_reason_name((enum skb_drop_reason)i), net->drops[i]);
}

static void walk_napi(const char *name, const struct napi_stats *stats, const struct stat_walk *walk)
{
    say(walk, name, "napi_irqs", stats->irqs);
    say(walk, name, "napi_polls", stats->polls);
    say(walk, name, "napi_packets", stats->packets);
    say(walk, name, "napi_full_polls", stats->full_polls);
    say(walk, name, "napi_deferred", stats->deferred);
    say(walk, name, "napi_completes", stats->completes);
}

static void walk_device(struct net_device *dev, const struct stat_walk *walk)
{
    const struct net_device_stats *s = &dev->stats;
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        {"rx_packets", s->rx_packets},       {"rx_bytes", s->rx_bytes},
        {"rx_errors", s->rx_errors},         {"rx_dropped", s->rx_dropped},
        {"rx_multicast", s->rx_multicast},   {"rx_length_errors", s->rx_length_errors},
        {"rx_crc_errors", s->rx_crc_errors}, {"rx_missed_errors", s->rx_missed_errors},
        {"rx_no_buffer", s->rx_no_buffer},   {"tx_packets", s->tx_packets},
        {"tx_bytes", s->tx_bytes},           {"tx_errors", s->tx_errors},
        {"tx_dropped", s->tx_dropped},       {"tx_timeouts", s->tx_timeouts},
        {"link_changes", s->link_changes},   {"carrier", dev->carrier},
        {"up", netif_running(dev)},          {"speed", dev->carrier ? dev->speed_mbps : 0},
        {"full_duplex", dev->full_duplex},
    };

    for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
        say(walk, dev->name, figures[i].name, figures[i].value);
    if (dev->napi)
        walk_napi(dev->name, &dev->napi->stats, walk);
}

static void walk_devices(struct net *net, const struct stat_walk *walk)
{
    struct net_device *dev;

    list_for_each_entry (dev, &net->dev_base, dev_list) {
        if (dev->netdev_ops->ndo_update_stats)
            dev->netdev_ops->ndo_update_stats(dev);
        walk_device(dev, walk);
    }
}

static void walk_softnet(struct net *net, const struct stat_walk *walk)
{
    say(walk, "softnet", "processed", net->softnet.processed);
    say(walk, "softnet", "dropped", net->softnet.dropped);
    say(walk, "softnet", "time_squeeze", net->softnet.time_squeeze);
}

static void walk_memory(struct net *net, const struct stat_walk *walk)
{
    struct page_stats pages;

    page_get_stats(&pages);
    say(walk, "mem", "total_kb", pages.total * (PAGE_SIZE / 1024));
    say(walk, "mem", "free_kb", pages.free * (PAGE_SIZE / 1024));
    say(walk, "mem", "free_min_kb", pages.free_min * (PAGE_SIZE / 1024));
    say(walk, "mem", "skbs", net->skb_count);
    say(walk, "mem", "sockets", net->sock_count);
}

static void walk_connections(struct net *net, const struct stat_walk *walk)
{
    struct tcp_counts counts;

    tcp_get_counts(net, &counts);
    say(walk, "tcp", "established", counts.established);
    say(walk, "tcp", "listening", counts.listening);
    say(walk, "tcp", "half_open", counts.half_open);
    say(walk, "tcp", "time_wait", counts.time_wait);
    say(walk, "tcp", "orphans", counts.orphans);
}

static void walk_tasks(const struct stat_walk *walk)
{
    uint64_t tasks = 0;

    for (struct task *task = task_next(NULL); task; task = task_next(task))
        tasks++;
    walk->fn("tasks", tasks, walk->ctx);
}

void stats_walk(struct net *net, stat_fn fn, void *ctx)
{
    const struct stat_walk walk = {.fn = fn, .ctx = ctx};

    fn("uptime_ms", ktime_get_ms(), ctx);
    walk_counters(net, &walk);
    walk_devices(net, &walk);
    walk_softnet(net, &walk);
    walk_connections(net, &walk);
    walk_memory(net, &walk);
    walk_tasks(&walk);
}

static struct net *my_net(void)
{
    struct task *task = current_task();

    return task && task->files ? task->files->net : NULL;
}

const char *skiff_config(const char *key)
{
    return cmdline_get(key);
}

void skiff_stats_walk(stat_fn fn, void *ctx)
{
    struct net *net = my_net();

    if (net)
        stats_walk(net, fn, ctx);
}

struct stat_search {
    const char *name;
    uint64_t value;
};

static void match_stat(const char *name, uint64_t value, void *ctx)
{
    struct stat_search *search = ctx;

    if (!strcmp(name, search->name))
        search->value = value;
}

uint64_t skiff_stat(const char *name)
{
    struct stat_search search = {.name = name};

    skiff_stats_walk(match_stat, &search);
    return search.value;
}

int skiff_if_set_address(const char *ifname, uint32_t addr, int prefix_len, int probe)
{
    struct net *net = my_net();
    int err = net ? if_set_address(net, ifname, (__force be32)addr, prefix_len, probe != 0) : -ENODEV;
    struct net_device *dev = err ? NULL : dev_get_by_name(net, ifname);
    struct in_ifaddr *ifa = dev ? inet_addr_find(net, dev, (__force be32)addr) : NULL;

    if (ifa)
        ifa->chosen = probe == SKIFF_ADDR_CHOSEN;
    if (!err)
        return 0;
    errno = -err;
    return -1;
}

int skiff_task_create(const char *name, void (*function)(void *arg), void *arg)
{
    if (task_create(name, function, arg, NULL))
        return 0;
    errno = ENOMEM;
    return -1;
}
