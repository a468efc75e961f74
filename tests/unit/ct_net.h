/*
 * ct_net.h - packets through the real hooks of one stack, as a router between A (10.1.0.x) and B (10.2.0.x)
 * sees them.
 *
 *     ct_setup / ct_teardown     for TEST_FIXTURE; nothing may be left over
 *     ct_send(&(struct ct_pkt){...})   PRE_ROUTING, FORWARD, POST_ROUTING: what came out, in `ct`
 */
#ifndef TESTS_UNIT_CT_NET_H
#define TESTS_UNIT_CT_NET_H

#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/checksum.h"
#include "net/core/sysctl.h"
#include "net/ipv4/ip.h"
#include "net/netfilter/nf_conntrack.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

#define CT_FIN 1
#define CT_SYN 2
#define CT_RST 4
#define CT_PSH 8
#define CT_ACK 16

#define A "10.1.0.1"
#define B "10.2.0.1"

struct ct_pkt {
    const char *from, *to;
    uint8_t protocol; /* 0: TCP */
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t win;
    unsigned len;        /* payload bytes */
    const void *options; /* of TCP */
    unsigned options_len;
    uint8_t icmp_type, icmp_code; /* sport: id, dport: sequence number */
    const void *payload;          /* len bytes of it, else a pattern */
    uint16_t frag_off;
    bool no_csum, bad_csum, partial, cloned;
};

/* How the last packet came out. */
static struct ct {
    struct testnet *t;
    struct net *net;
    struct netns_ct *n;
    struct net_device *leaves_by; /* NULL: t->dev */
    bool passed;                  /* all hooks accepted it */
    bool tracked;                 /* it had a connection behind PRE_ROUTING ... */
    enum ip_conntrack_info info;
    struct nf_conn *conn; /* ... this one; it may be gone by now */
    uint8_t out[70000];   /* from the IPv4 header on, behind POST_ROUTING */
    unsigned out_len;
} ct;

static inline int ct_setup_plain(void **state)
{
    memset(&ct, 0, sizeof(ct));
    ct.t = testnet_create("10.0.0.1/24");
    ct.net = ct.t->net;
    ct.n = ct.net->ct;
    return 0;
}

static inline int ct_setup(void **state)
{
    ct_setup_plain(state);
    return nf_ct_get_use(ct.net);
}

static inline int ct_teardown_plain(void **state)
{
    host_fail_allocation(0);
    assert_int_equal(ct.net->skb_count, 0);
    return testnet_destroy(ct.t);
}

static inline int ct_teardown(void **state)
{
    nf_ct_put_use(ct.net);
    assert_int_equal(ct.n->count, 0);
    return ct_teardown_plain(state);
}

static inline be32 ct_addr(const char *dotted)
{
    return cpu_to_be32(testnet_addr(dotted));
}

/* The transport part of a packet: its length. */
static inline unsigned ct_build_l4(uint8_t *l4, const struct ct_pkt *p)
{
    unsigned hdr = 0;

    if (!p->protocol || p->protocol == IPPROTO_TCP) {
        hdr = 20 + (p->options_len + 3) / 4 * 4;
        memset(l4, 0, hdr);
        put_unaligned_be16(p->sport, l4);
        put_unaligned_be16(p->dport, l4 + 2);
        put_unaligned_be32(p->seq, l4 + 4);
        put_unaligned_be32(p->ack, l4 + 8);
        l4[12] = (uint8_t)(hdr / 4 << 4);
        l4[13] = p->flags;
        put_unaligned_be16(p->win, l4 + 14);
        if (p->options_len)
            memcpy(l4 + 20, p->options, p->options_len);
    } else if (p->protocol == IPPROTO_UDP) {
        hdr = 8;
        put_unaligned_be16(p->sport, l4);
        put_unaligned_be16(p->dport, l4 + 2);
        put_unaligned_be16((uint16_t)(8 + p->len), l4 + 4);
        put_unaligned_be16(0, l4 + 6);
    } else if (p->protocol == IPPROTO_ICMP) {
        hdr = 8;
        memcpy(l4, (uint8_t[]){p->icmp_type, p->icmp_code, 0, 0}, 4);
        put_unaligned_be16(p->sport, l4 + 4);
        put_unaligned_be16(p->dport, l4 + 6);
    }
    for (unsigned i = 0; i < p->len; i++)
        l4[hdr + i] = p->payload ? ((const uint8_t *)p->payload)[i] : (uint8_t)(i * 7 + 1);
    return hdr + p->len;
}

/* A whole datagram, checksums right: its length. */
static inline unsigned ct_build(uint8_t *ip, const struct ct_pkt *p)
{
    uint8_t protocol = p->protocol ? p->protocol : IPPROTO_TCP;
    unsigned len = 20 + ct_build_l4(ip + 20, p);
    uint32_t saddr = testnet_addr(p->from), daddr = testnet_addr(p->to);

    memset(ip, 0, 20);
    ip[0] = 0x45;
    put_unaligned_be16((uint16_t)len, ip + 2);
    put_unaligned_be16(p->frag_off, ip + 6);
    ip[8] = 64;
    ip[9] = protocol;
    put_unaligned_be32(saddr, ip + 12);
    put_unaligned_be32(daddr, ip + 16);
    sum16 check = ip_fast_csum(ip, 5);
    memcpy(ip + 10, &check, 2);
    if (protocol == IPPROTO_TCP)
        testnet_fix_csum(ip + 20, len - 20, 16, saddr, daddr, protocol);
    if (protocol == IPPROTO_UDP && !p->no_csum)
        testnet_fix_csum(ip + 20, len - 20, 6, saddr, daddr, protocol);
    if (protocol == IPPROTO_ICMP)
        put_unaligned_be16(testnet_csum(ip + 20, len - 20, 0), ip + 22);
    if (p->bad_csum)
        ip[protocol == IPPROTO_TCP ? 36 : protocol == IPPROTO_UDP ? 26 : 22] ^= 0x55;
    return len;
}

static inline bool ct_csum_ok(void)
{
    uint8_t frame[70000];

    memset(frame, 0, 14);
    frame[12] = 8;
    memcpy(frame + 14, ct.out, ct.out_len);
    return testnet_frame_ok(frame, ct.out_len + 14);
}

static inline int ct_keep(struct sk_buff *skb)
{
    ct.passed = true;
    ct.out_len = skb->len;
    assert_int_equal(skb_copy_bits(skb, 0, ct.out, skb->len), 0);
    consume_skb(skb);
    return 0;
}

static inline int ct_post(struct sk_buff *skb)
{
    return nf_hook(NF_INET_POST_ROUTING, ct.net, skb, NULL, ct.leaves_by ? ct.leaves_by : ct.t->dev, ct_keep);
}

static inline int ct_after_pre(struct sk_buff *skb)
{
    ct.conn = nf_ct_get(skb, &ct.info);
    ct.tracked = ct.conn;
    return nf_hook(NF_INET_FORWARD, ct.net, skb, ct.t->dev, ct.t->dev, ct_post);
}

/* A datagram as it lies in memory; NULL when an allocation was told to fail. */
static inline struct sk_buff *ct_skb(const void *ip, unsigned len)
{
    struct sk_buff *skb = alloc_skb(ct.net, 128 + len);

    if (!skb)
        return NULL;
    skb_reserve(skb, 128);
    skb_put_data(skb, ip, len);
    skb_reset_network_header(skb);
    skb->transport_header = (uint16_t)(skb->network_header + (skb->data[0] & 15) * 4);
    skb->dev = ct.t->dev;
    return skb;
}

/* Takes skb. */
static inline bool ct_forward(struct sk_buff *skb)
{
    ct.passed = ct.tracked = false;
    ct.conn = NULL;
    ct.info = IP_CT_NEW;
    if (skb)
        nf_hook(NF_INET_PRE_ROUTING, ct.net, skb, ct.t->dev, NULL, ct_after_pre);
    return ct.passed;
}

static inline bool ct_send(const struct ct_pkt *p)
{
    static uint8_t ip[70000];

    return ct_forward(ct_skb(ip, ct_build(ip, p)));
}

static inline bool ct_invalid(void)
{
    return ct.passed && !ct.tracked && ct.info != IP_CT_UNTRACKED;
}

/* Shorthands for one connection, A port 1000 to B port 80. */
static inline bool ct_tcp_options(bool from_a, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t win,
                                  unsigned len, const uint8_t *options, unsigned options_len)
{
    return ct_send(&(struct ct_pkt){.from = from_a ? A : B,
                                    .to = from_a ? B : A,
                                    .sport = from_a ? 1000 : 80,
                                    .dport = from_a ? 80 : 1000,
                                    .flags = flags,
                                    .seq = seq,
                                    .ack = ack,
                                    .win = win,
                                    .len = len,
                                    .options = options,
                                    .options_len = options_len});
}

static inline bool ct_tcp(bool from_a, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t win, unsigned len)
{
    return ct_tcp_options(from_a, flags, seq, ack, win, len, NULL, 0);
}

#define ct_valid_tcp(...)   assert_true(ct_tcp(__VA_ARGS__) && ct.tracked)
#define ct_invalid_tcp(...) assert_true(ct_tcp(__VA_ARGS__) && !ct.tracked)

static inline bool ct_udp(bool from_a, uint16_t sport, uint16_t dport)
{
    return ct_send(&(struct ct_pkt){.protocol = IPPROTO_UDP,
                                    .from = from_a ? A : B,
                                    .to = from_a ? B : A,
                                    .sport = sport,
                                    .dport = dport,
                                    .len = 20});
}

#define ISS_A 0xfffffff0u
#define ISS_B 0xffffff00u

/* Three ways; both sides offer 5,000 bytes, unscaled. */
static inline void ct_handshake(void)
{
    ct_valid_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    assert_int_equal(ct.info, IP_CT_NEW);
    ct_valid_tcp(false, CT_SYN | CT_ACK, ISS_B, ISS_A + 1, 5000, 0);
    assert_int_equal(ct.info, IP_CT_ESTABLISHED_REPLY);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 0);
    assert_int_equal(ct.info, IP_CT_ESTABLISHED);
    assert_int_equal(ct.conn->tcp.state, TCP_CONNTRACK_ESTABLISHED);
}

#endif
