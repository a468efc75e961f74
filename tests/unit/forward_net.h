/*
 * forward_net.h - a router for unit tests: one stack, two cards, 10.0.0.1/24 (t) and 10.1.0.1/24 (far).
 *
 *     setup / teardown   for TEST_FIXTURE; nothing may be left over
 */
#ifndef TESTS_UNIT_FORWARD_NET_H
#define TESTS_UNIT_FORWARD_NET_H

#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/napi.h"
#include "net/core/sysctl.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/redirect.h"
#include "net/ipv4/route.h"
#include "net/netfilter/hooks.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t, *far;
static uint8_t in[70000], out[70000], data[65536];
static const uint8_t broadcast_mac[6] = {255, 255, 255, 255, 255, 255};

static inline be32 addr(const char *dotted)
{
    return cpu_to_be32(testnet_addr(dotted));
}

static inline void set(const char *name, const char *value)
{
    assert_int_equal(sysctl_set(t->net, name, value), 0);
}

static inline int del_default(void)
{
    struct fib_config cfg = {.gateway = cpu_to_be32(t->peer)};

    return fib_del(t->net, &cfg);
}

static inline int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    far = testnet_add_port(t, "10.1.0.1/24", 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    return sysctl_set(t->net, "net.ipv4.ip_forward", "1");
}

static inline int teardown(void **state)
{
    testnet_remove_port(far);
    return testnet_destroy(t);
}

/* A datagram from the near peer, towards the far one unless `ip` says otherwise. */
static inline size_t datagram(const struct testnet_ip *ip, size_t len)
{
    struct testnet_ip full = *ip;

    full.daddr = ip->daddr ? ip->daddr : far->peer;
    return testnet_build_udp(t, in, &full, 4000, 4001, data, len);
}

static inline size_t to_far(size_t len)
{
    testnet_inject(t, in, len);
    return testnet_pop(far, out, sizeof(out));
}

/* The answer that comes back to the sender. */
static inline size_t back(size_t len)
{
    testnet_inject(t, in, len);
    return testnet_pop(t, out, sizeof(out));
}

static inline bool is_icmp(size_t len, uint8_t type, uint8_t code)
{
    return len && testnet_frame_ok(out, len) && out[TESTNET_IP + 9] == 1 && out[TESTNET_L4] == type &&
           out[TESTNET_L4 + 1] == code;
}

/* Dropped without a word in any direction, by exactly this name. */
static inline void assert_silent(size_t len, enum skb_drop_reason reason)
{
    uint64_t drops = t->net->drops[reason];

    testnet_inject(t, in, len);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(testnet_pop(far, out, sizeof(out)), 0);
    assert_int_equal(t->net->drops[reason], drops + 1);
    assert_int_equal(t->net->skb_count, 0);
}

static inline void add_route(const char *dst, uint8_t len, const char *gateway, enum rt_type type)
{
    struct fib_config cfg = {
        .dst = addr(dst), .prefix_len = len, .gateway = gateway ? addr(gateway) : 0, .type = type};

    assert_int_equal(fib_add(t->net, &cfg), 0);
}

static const uint8_t *tap_bytes;
static struct sk_buff *tap_skb;

static inline int keep_packet(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    if (skb->pkt_type == PACKET_OUTGOING || tap_skb) {
        consume_skb(skb);
        return 0;
    }
    tap_skb = skb;
    tap_bytes = skb->data;
    return 0;
}

static unsigned hook_calls[NF_INET_NUMHOOKS];
static struct net_device *hook_in, *hook_out;
static uint32_t hook_priority;
static enum nf_verdict hook_verdict;

static inline enum nf_verdict count_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    hook_calls[state->hook]++;
    if (state->hook != NF_INET_FORWARD)
        return NF_ACCEPT;
    hook_in = state->in;
    hook_out = state->out;
    hook_priority = skb->priority;
    return hook_verdict;
}

static struct napi_struct napi;

static inline int no_poll(struct napi_struct *n, int budget)
{
    return 0;
}

#define MSS 1448u

static unsigned id_step = 1;

/* Segment `number` of a stream from the near peer comes in, as part of a poll. */
static inline void train_add(unsigned number, unsigned len, uint16_t frag_off)
{
    uint8_t segment[32 + MSS] = {0x10, 0, 0x20, 0};
    struct testnet_ip ip = {.protocol = IPPROTO_TCP,
                            .frag_off = frag_off,
                            .daddr = far->peer,
                            .id = (uint16_t)(500 + number * id_step)};

    put_unaligned_be32(1000 + number * MSS, segment + 4);
    segment[12] = 8 << 4;
    segment[13] = 0x10;
    memcpy(segment + 20, "\1\1\10\12abcdefgh", 12);
    for (unsigned i = 0; i < len; i++)
        segment[32 + i] = (uint8_t)(number * 3 + i);
    testnet_fix_csum(segment, 32 + len, 16, t->peer, far->peer, IPPROTO_TCP);
    size_t n = testnet_build_ip(t, in, &ip, segment, 32 + len);
    struct sk_buff *skb = netdev_alloc_skb(t->dev, (unsigned)n);
    if (!skb)
        return;
    skb_put_data(skb, in, (unsigned)n);
    eth_type_trans(skb, t->dev);
    napi_gro_receive(&napi, skb);
}

static inline void train(unsigned segments, unsigned last_len, uint16_t frag_off)
{
    netif_napi_add(t->dev, &napi, no_poll, NAPI_POLL_WEIGHT);
    for (unsigned i = 0; i < segments; i++)
        train_add(i, i + 1 == segments ? last_len : MSS, frag_off);
    napi_gro_flush(&napi);
    host_run();
    netif_napi_del(&napi);
}

#endif
