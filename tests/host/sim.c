/*
 * sim.c - see sim.h.
 *
 * A frame is copied out of the sender's sk_buff, waits in the host's event queue for its time, and enters the
 * other ends through netif_rx(), as from a device without NAPI.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/ethernet/ethernet.h"
#include "net/core/sysctl.h"
#include "net/ipv4/ipconfig.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"

#define SIM_ENDS 8

struct sim_link {
    struct net_device *ends[SIM_ENDS];
    struct sim_conditions conditions[SIM_ENDS]; /* of what each end sends */
    struct sim_counters counters;
    bool (*pass)(void *ctx, struct net_device *from, const uint8_t *frame, size_t len);
    void *pass_ctx;
    void (*rewrite)(void *ctx, struct net_device *from, uint8_t *frame, size_t len);
    void *rewrite_ctx;
    uint64_t wire_free_ns[SIM_ENDS]; /* when the last bit each end has sent is out */
    struct list_head flying;
};

/* A frame under way. */
struct sim_frame {
    struct list_head list;
    struct sim_link *link;
    struct net_device *from;
    size_t len;
    uint8_t data[];
};

struct sim_priv {
    struct sim_link *link;
    unsigned end;
};

static bool chance(double probability)
{
    return probability > 0 && host_random_unit() < probability;
}

static void deliver(struct net_device *dev, const struct sim_frame *frame)
{
    if (!netif_running(dev))
        return;
    struct sk_buff *skb = netdev_alloc_skb(dev, (unsigned)frame->len);
    if (!skb) {
        dev->stats.rx_dropped++;
        return;
    }
    skb_put_data(skb, frame->data, (unsigned)frame->len);
    skb->protocol = eth_type_trans(skb, dev);
    dev->stats.rx_packets++;
    dev->stats.rx_bytes += frame->len;
    netif_rx(skb);
}

static void frame_arrives(void *arg)
{
    struct sim_frame *frame = arg;
    struct sim_link *link = frame->link;
    list_del_init(&frame->list);
    for (unsigned i = 0; i < SIM_ENDS; i++)
        if (link->ends[i] && link->ends[i] != frame->from) {
            link->counters.delivered++;
            deliver(link->ends[i], frame);
        }
    free(frame);
}

static void fly(struct sim_link *link, struct net_device *from, const uint8_t *data, size_t len,
                uint64_t at_ns)
{
    const struct sim_conditions *c = &link->conditions[((struct sim_priv *)from->priv)->end];
    struct sim_frame *frame = malloc(sizeof(*frame) + len);
    if (!frame)
        abort();
    frame->link = link;
    frame->from = from;
    frame->len = len;
    memcpy(frame->data, data, len);
    at_ns += c->delay_ns;
    if (c->jitter_ns)
        at_ns += host_random() % c->jitter_ns;
    if (chance(c->reorder)) {
        link->counters.reordered++;
        at_ns += host_random() % (c->jitter_ns ? 4 * c->jitter_ns : NSEC_PER_MSEC);
    }
    if (chance(c->corrupt)) {
        link->counters.corrupted++;
        frame->data[host_random() % len] ^= (uint8_t)(1u << host_random() % 8);
    }
    list_add_tail(&frame->list, &link->flying);
    host_event_add(at_ns, frame_arrives, frame);
}

/* When the frame has left the sender; UINT64_MAX if its queue is full. */
static uint64_t wire_time(struct sim_link *link, unsigned end, size_t len)
{
    const struct sim_conditions *c = &link->conditions[end];
    uint64_t now = host_now_ns();
    if (!c->rate_bps)
        return now;
    uint64_t frame_ns = len * 8 * NSEC_PER_SEC / c->rate_bps;
    uint64_t start = max(now, link->wire_free_ns[end]);
    uint64_t full_ns = (uint64_t)(ETH_HLEN + ETH_DATA_LEN) * 8 * NSEC_PER_SEC / c->rate_bps;
    if (c->queue_frames && start - now > c->queue_frames * full_ns)
        return UINT64_MAX;
    link->wire_free_ns[end] = start + frame_ns;
    return link->wire_free_ns[end];
}

static enum netdev_tx sim_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
    struct sim_priv *priv = dev->priv;
    struct sim_link *link = priv->link;
    const struct sim_conditions *c = &link->conditions[priv->end];
    uint8_t data[65536 + ETH_HLEN];
    size_t len = skb->len;
    if (len > sizeof(data) || skb_copy_bits(skb, 0, data, (unsigned)len) != 0)
        abort();
    consume_skb(skb);
    if (len < ETH_ZLEN) { /* a card pads */
        memset(data + len, 0, ETH_ZLEN - len);
        len = ETH_ZLEN;
    }
    dev->stats.tx_packets++;
    dev->stats.tx_bytes += len;
    link->counters.sent++;
    if ((link->pass && !link->pass(link->pass_ctx, dev, data, len)) || chance(c->loss)) {
        link->counters.lost++;
        return NETDEV_TX_OK;
    }
    if (link->rewrite)
        link->rewrite(link->rewrite_ctx, dev, data, len);
    uint64_t out_ns = wire_time(link, priv->end, len);
    if (out_ns == UINT64_MAX) {
        link->counters.overflowed++;
        return NETDEV_TX_OK;
    }
    fly(link, dev, data, len, out_ns);
    if (chance(c->duplicate)) {
        link->counters.duplicated++;
        fly(link, dev, data, len, out_ns);
    }
    return NETDEV_TX_OK;
}

static int sim_open(struct net_device *dev)
{
    netif_carrier_on(dev);
    return 0;
}

static void sim_stop(struct net_device *dev)
{
    netif_carrier_off(dev);
}

static const struct net_device_ops sim_ops = {
    .ndo_open = sim_open,
    .ndo_stop = sim_stop,
    .ndo_start_xmit = sim_start_xmit,
};

struct sim_link *sim_link_create(void)
{
    struct sim_link *link = calloc(1, sizeof(*link));
    if (!link)
        abort();
    INIT_LIST_HEAD(&link->flying);
    return link;
}

void sim_link_destroy(struct sim_link *link)
{
    struct sim_frame *frame, *next;
    list_for_each_entry_safe (frame, next, &link->flying, list) {
        host_event_cancel(frame);
        free(frame);
    }
    free(link);
}

void sim_link_set(struct sim_link *link, const struct sim_conditions *conditions)
{
    for (unsigned i = 0; i < SIM_ENDS; i++)
        link->conditions[i] = *conditions;
}

void sim_link_set_from(struct sim_link *link, const struct net_device *from,
                       const struct sim_conditions *conditions)
{
    link->conditions[((struct sim_priv *)from->priv)->end] = *conditions;
}

const struct sim_counters *sim_link_counters(const struct sim_link *link)
{
    return &link->counters;
}

void sim_link_set_filter(struct sim_link *link,
                         bool (*pass)(void *ctx, struct net_device *from, const uint8_t *frame, size_t len),
                         void *ctx)
{
    link->pass = pass;
    link->pass_ctx = ctx;
}

void sim_link_set_rewrite(struct sim_link *link,
                          void (*rewrite)(void *ctx, struct net_device *from, uint8_t *frame, size_t len),
                          void *ctx)
{
    link->rewrite = rewrite;
    link->rewrite_ctx = ctx;
}

struct net_device *sim_device_create(struct sim_link *link, struct net *net)
{
    struct net_device *dev = alloc_etherdev(sizeof(struct sim_priv));
    unsigned end = 0;
    if (!dev)
        return NULL;
    while (end < SIM_ENDS && link->ends[end])
        end++;
    if (end == SIM_ENDS)
        abort();
    *(struct sim_priv *)dev->priv = (struct sim_priv){.link = link, .end = end};
    dev->netdev_ops = &sim_ops;
    memcpy(dev->dev_addr, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(end + 1)}, ETH_ALEN);
    if (register_netdev(net, dev)) {
        free_netdev(dev);
        return NULL;
    }
    if (dev_open(dev)) {
        unregister_netdev(dev);
        free_netdev(dev);
        return NULL;
    }
    link->ends[end] = dev;
    return dev;
}

void sim_device_destroy(struct net_device *dev)
{
    struct sim_priv *priv = dev->priv;
    struct sim_frame *frame;
    list_for_each_entry (frame, &priv->link->flying, list)
        if (frame->from == dev)
            frame->from = NULL; /* its last words still arrive */
    priv->link->ends[priv->end] = NULL;
    unregister_netdev(dev);
    free_netdev(dev);
}

struct sim_host *sim_host_create(const char *name, struct sim_link *link, const char *address)
{
    struct sim_host *host = calloc(1, sizeof(*host));
    struct ip_config config;
    const char *why;
    char value[64];
    if (!host)
        abort();
    skb_init();
    sock_init();
    host->net = net_create(name);
    if (!host->net || inet_init(host->net))
        abort();
    sysctl_set(host->net, "net.ipv4.arp_probe", "0");
    host->dev = sim_device_create(link, host->net);
    host->files = files_create(host->net, NULL);
    if (!host->dev || !host->files)
        abort();
    strcpy(value, address);
    strcat(value, "::::::off");
    if (ip_config_parse(value, &config, &why) || ip_config_apply(host->net, &config))
        abort();
    return host;
}

void sim_host_destroy(struct sim_host *host)
{
    files_destroy(host->files);
    sim_device_destroy(host->dev);
    inet_exit(host->net);
    net_destroy(host->net);
    free(host);
}
