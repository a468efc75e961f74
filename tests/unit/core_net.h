/*
 * core_net.h - a stack of the lower half only (core, hooks, ARP) with one Ethernet device whose wire the test
 * holds.
 *
 *     core_setup / core_teardown     for TEST_FIXTURE; nothing may be left over after a test
 *     core_receive(frame, len)       a frame arrives, and everything it causes happens
 *     core_sent(i)                   the i-th frame the stack has sent since core_forget()
 *
 * Needs no IPv4: tests of the layers below it speak in frames and in neighbours.
 */
#ifndef TESTS_UNIT_CORE_NET_H
#define TESTS_UNIT_CORE_NET_H

#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/netdevice.h"
#include "net/ethernet/arp.h"
#include "net/ethernet/ethernet.h"
#include "net/netfilter/hooks.h"
#include "tests/host/host.h"
#include "tests/unit/test.h"

#define CORE_FRAMES 128

struct core_frame {
    uint8_t bytes[2048];
    size_t len;
    unsigned nr_frags, ip_summed;
};

static struct core {
    struct net *net;
    struct net_device *dev;
    struct core_frame sent[CORE_FRAMES];
    size_t count;
    bool busy; /* ndo_start_xmit answers NETDEV_TX_BUSY */
    unsigned kicks, timeouts, rx_modes;
    size_t objects, pages; /* alive before the test */
} core;

static const uint8_t core_mac[6] = {0x02, 0, 0, 0, 0, 0x01}, peer_mac[6] = {0x02, 0, 0, 0, 0, 0x02};

static enum netdev_tx core_xmit(struct sk_buff *skb, struct net_device *dev)
{
    if (core.busy)
        return NETDEV_TX_BUSY;
    assert_true(core.count < CORE_FRAMES && skb->len <= sizeof(core.sent[0].bytes));
    struct core_frame *frame = &core.sent[core.count++];
    frame->len = skb->len;
    frame->nr_frags = skb_shinfo(skb)->nr_frags;
    frame->ip_summed = skb->ip_summed;
    assert_int_equal(skb_copy_bits(skb, 0, frame->bytes, skb->len), 0);
    consume_skb(skb);
    return NETDEV_TX_OK;
}

static void core_kick(struct net_device *dev)
{
    core.kicks++;
}

static void core_timeout(struct net_device *dev)
{
    core.timeouts++;
}

static void core_rx_mode(struct net_device *dev)
{
    core.rx_modes++;
}

static const struct net_device_ops core_ops = {
    .ndo_start_xmit = core_xmit,
    .ndo_tx_kick = core_kick,
    .ndo_tx_timeout = core_timeout,
    .ndo_set_rx_mode = core_rx_mode,
};

static inline struct net_device *core_device(struct net *net)
{
    struct net_device *dev = alloc_etherdev(0);

    assert_non_null(dev);
    dev->netdev_ops = &core_ops;
    memcpy(dev->dev_addr, core_mac, 6);
    assert_int_equal(register_netdev(net, dev), 0);
    assert_int_equal(dev_open(dev), 0);
    return dev;
}

static inline int core_setup(void **state)
{
    memset(&core, 0, sizeof(core));
    assert_int_equal(skb_init(), 0);
    core.objects = host_objects_alive();
    core.pages = host_pages_alive();
    core.net = net_create("test");
    assert_non_null(core.net);
    assert_int_equal(nf_init(core.net), 0);
    assert_int_equal(arp_init(core.net), 0);
    core.dev = core_device(core.net);
    return 0;
}

static inline int core_teardown(void **state)
{
    host_fail_allocation(0);
    host_run();
    unregister_netdev(core.dev);
    free_netdev(core.dev);
    arp_exit(core.net);
    nf_exit(core.net);
    assert_int_equal(core.net->skb_count, 0);
    net_destroy(core.net);
    assert_int_equal(host_objects_alive(), core.objects);
    assert_int_equal(host_pages_alive(), core.pages);
    return 0;
}

static inline struct sk_buff *core_skb(const void *bytes, size_t len)
{
    struct sk_buff *skb = netdev_alloc_skb(core.dev, (unsigned)len);

    assert_non_null(skb);
    skb_put_data(skb, bytes, (unsigned)len);
    return skb;
}

static inline void core_receive(const void *frame, size_t len)
{
    struct sk_buff *skb = core_skb(frame, len);

    eth_type_trans(skb, core.dev);
    netif_receive_skb(skb);
    host_run();
}

static inline const uint8_t *core_sent(size_t i)
{
    assert_true(i < core.count);
    return core.sent[i].bytes;
}

static inline void core_forget(void)
{
    core.count = 0;
}

/* "10.0.0.1" as it lies on the wire. */
static inline be32 core_ip(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return cpu_to_be32(a << 24 | b << 16 | c << 8 | d);
}

/* A packet of `len` bytes that starts with an IPv4 header from `src`, with headroom as a transport leaves it.
 */
static inline struct sk_buff *core_ip_packet(be32 src, unsigned len)
{
    struct sk_buff *skb = alloc_skb(core.net, MAX_HEADER + len);

    assert_non_null(skb);
    skb_reserve(skb, MAX_HEADER);
    uint8_t *p = skb_put(skb, len);
    memset(p, 0, len);
    p[0] = 0x45;
    memcpy(p + 12, &src, 4);
    return skb;
}

/* An Ethernet frame with an ARP packet (RFC 826): its length. */
static inline size_t core_arp(uint8_t *frame, const uint8_t *dst, unsigned op, const uint8_t *sha, be32 sip,
                              const uint8_t *tha, be32 tip)
{
    static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 0};

    memset(frame, 0, 60);
    memcpy(frame, dst, 6);
    memcpy(frame + 6, sha, 6);
    put_unaligned_be16(ETH_P_ARP, frame + 12);
    memcpy(frame + 14, head, 8);
    put_unaligned_be16((uint16_t)op, frame + 20);
    memcpy(frame + 22, sha, 6);
    memcpy(frame + 28, &sip, 4);
    if (tha)
        memcpy(frame + 32, tha, 6);
    memcpy(frame + 38, &tip, 4);
    return 60;
}

static const uint8_t broadcast_mac[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Whether sent frame i is this ARP packet. */
static inline bool core_sent_arp(size_t i, const uint8_t *dst, unsigned op, be32 sip, be32 tip)
{
    const uint8_t *f = core_sent(i);

    return get_unaligned_be16(f + 12) == ETH_P_ARP && memcmp(f, dst, 6) == 0 && f[21] == op &&
           memcmp(f + 22, core_mac, 6) == 0 && memcmp(f + 28, &sip, 4) == 0 && memcmp(f + 38, &tip, 4) == 0;
}

#endif
