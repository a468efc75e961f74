/*
 * qdisc_wire.h - a card for the tests of queueing disciplines, on the virtual clock.
 *
 * The card is a wire that the test stops and starts; a packet is known by its UDP source port (its flow) and
 * the number in its IPv4 id.
 */
#ifndef TESTS_UNIT_QDISC_WIRE_H
#define TESTS_UNIT_QDISC_WIRE_H

#include "libc/include/skiff/qdisc.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/sysctl.h"
#include "net/sched/codel.h"
#include "net/sched/sched.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"
#include "tests/unit/test.h"

struct sent {
    uint16_t flow, number;
    uint8_t tos;
    uint32_t len;
    uint64_t at;
    bool csum_ok;
};

static struct fixture {
    struct net *net;
    struct net_device *dev;
    struct sent sent[20000];
    size_t count;
    uint64_t bytes;
    bool busy, use_bql;
    size_t objects, pages;
} f;

static inline enum netdev_tx wire_xmit(struct sk_buff *skb, struct net_device *dev)
{
    if (f.busy)
        return NETDEV_TX_BUSY;
    assert_true(f.count < ARRAY_SIZE(f.sent));
    struct sent *s = &f.sent[f.count++];
    *s = (struct sent){.len = skb->len, .at = host_now_ns()};
    if (skb->len >= 42) {
        s->flow = get_unaligned_be16(skb->data + 34);
        s->number = get_unaligned_be16(skb->data + 18);
        s->tos = skb->data[15];
        s->csum_ok = testnet_csum(skb->data + 14, 20, 0) == 0;
    }
    f.bytes += skb->len;
    dev->stats.tx_packets++;
    dev->stats.tx_bytes += skb->len;
    if (f.use_bql)
        netdev_sent_queue(dev, skb->len);
    consume_skb(skb);
    return NETDEV_TX_OK;
}

static const struct net_device_ops wire_ops = {.ndo_start_xmit = wire_xmit};

static inline int setup(void **state)
{
    memset(&f, 0, sizeof(f));
    assert_int_equal(skb_init(), 0);
    host_random_seed(1);
    f.objects = host_objects_alive();
    f.pages = host_pages_alive();
    f.net = net_create("test");
    assert_int_equal(sched_init(f.net), 0);
    f.dev = alloc_etherdev(0);
    f.dev->netdev_ops = &wire_ops;
    assert_int_equal(register_netdev(f.net, f.dev), 0);
    assert_int_equal(dev_open(f.dev), 0);
    return 0;
}

static inline int teardown(void **state)
{
    host_fail_allocation(0);
    host_run();
    unregister_netdev(f.dev);
    free_netdev(f.dev);
    assert_int_equal(f.net->skb_count, 0);
    sched_exit(f.net);
    net_destroy(f.net);
    assert_int_equal(host_objects_alive(), f.objects);
    assert_int_equal(host_pages_alive(), f.pages);
    return 0;
}

static inline void use(const char *spec)
{
    struct qdisc_why why = {.text = ""};
    char text[128];

    snprintf(text, sizeof(text), "eth0:%s", spec);
    if (qdisc_replace(f.net, text, &why))
        fail_msg("%s: %s", spec, why.text);
}

/* A frame of `len` bytes: Ethernet, IPv4, UDP. */
static inline struct sk_buff *packet(uint16_t flow, uint16_t number, uint8_t tos, unsigned len)
{
    struct sk_buff *skb = alloc_skb(f.net, len + 64);

    assert_non_null(skb);
    skb_reserve(skb, 64);
    uint8_t *p = skb_put(skb, len);
    memset(p, 0, len);
    put_unaligned_be16(0x0800, p + 12);
    p[14] = 0x45;
    p[15] = tos;
    put_unaligned_be16((uint16_t)(len - 14), p + 16);
    put_unaligned_be16(number, p + 18);
    p[22] = 64;
    p[23] = 17;
    p[26] = 10;
    p[30] = 10;
    put_unaligned_be16(flow, p + 34);
    testnet_fix_ip_csum(p);
    skb->protocol = cpu_to_be16(0x0800);
    skb->dev = f.dev;
    return skb;
}

static inline int send_packet(uint16_t flow, uint16_t number, unsigned len)
{
    return dev_queue_xmit(packet(flow, number, 0, len));
}

static inline struct Qdisc *q(void)
{
    return f.dev->qdisc;
}

/* The next packet out of the discipline, whatever the card: its flow, -1: none. */
static inline int pull(void)
{
    struct sk_buff *skb = q()->ops->dequeue(q());

    if (!skb)
        return -1;
    int flow = get_unaligned_be16(skb->data + 34);
    consume_skb(skb);
    return flow;
}

#endif
