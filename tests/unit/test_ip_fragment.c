/*
 * test_ip_fragment.c - IPv4 fragmentation and ids (net/ipv4/ip_fragment.c).
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/ip_internal.h"
#include "net/ipv4/route.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t;
static uint8_t out[65600], text[65600];

static int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 17 + (i >> 8));
    return 0;
}

static int teardown(void **state)
{
    return testnet_destroy(t);
}

static uint64_t mib(enum mib_counter c)
{
    return t->net->mib[c];
}

/* A datagram of `len` bytes of text, `linear` of them in the head and the others in pages; not yet sent. */
static struct sk_buff *datagram(unsigned len, unsigned linear, const void *options, unsigned options_len,
                                unsigned frag_off)
{
    unsigned hdr_len = 20 + options_len;
    struct sk_buff *skb = alloc_skb(t->net, MAX_HEADER + linear);
    struct flowi4 fl = {.daddr = cpu_to_be32(t->peer)};
    int err;

    skb_reserve(skb, MAX_HEADER);
    skb_put_data(skb, text, linear);
    for (unsigned at = linear; at < len;) {
        struct page *page = alloc_pages(1);
        unsigned n = min(len - at, 2 * PAGE_SIZE);

        memcpy(page_address(page), text + at, n);
        skb_add_rx_frag(skb, page, 0, n, n);
        at += n;
    }
    memcpy(skb_push(skb, options_len), options ? options : "", options_len);
    struct iphdr *iph = memset(skb_push(skb, 20), 0, 20);
    skb_reset_network_header(skb);
    skb_dst_set(skb, &ip_route_output(t->net, &fl, &err)->dst);
    *iph = (struct iphdr){.version_ihl = (uint8_t)(0x40 | hdr_len / 4),
                          .tot_len = cpu_to_be16((uint16_t)skb->len),
                          .id = cpu_to_be16(0x1234),
                          .frag_off = cpu_to_be16((uint16_t)frag_off),
                          .ttl = 9,
                          .protocol = 200,
                          .saddr = fl.saddr,
                          .daddr = fl.daddr};
    iph->check = ip_fast_csum(iph, hdr_len / 4);
    return skb;
}

struct answer {
    unsigned frames, bytes, first_options, rest_options, longest;
    bool more;         /* MF of the one with the highest offset */
    unsigned frag_off; /* flags that all had */
};

/* Takes all frames in; each byte must be there once and right. `base`: offset of the first. */
static struct answer collect(unsigned base)
{
    struct answer a = {.frag_off = 0xffff};
    size_t n;

    while ((n = testnet_pop(t, out, sizeof(out)))) {
        unsigned hdr_len = (out[TESTNET_IP] & 15u) * 4, frag_off = testnet_u16(out + TESTNET_IP + 6);
        unsigned len = testnet_u16(out + TESTNET_IP + 2) - hdr_len, offset = (frag_off & 0x1fff) * 8u;

        assert_int_equal(testnet_csum(out + TESTNET_IP, hdr_len, 0), 0);
        assert_int_equal(testnet_u16(out + TESTNET_IP + 4), 0x1234);
        assert_int_equal(out[TESTNET_IP + 8], 9);
        assert_int_equal(n, TESTNET_IP + hdr_len + len);
        assert_int_equal(offset, base + a.bytes); /* in order */
        assert_memory_equal(out + TESTNET_IP + hdr_len, text + a.bytes, len);
        *(a.frames ? &a.rest_options : &a.first_options) = hdr_len - 20;
        a.frames++;
        a.bytes += len;
        a.longest = max(a.longest, hdr_len + len);
        a.more = frag_off & 0x2000;
        a.frag_off &= frag_off;
    }
    return a;
}

TEST("RFC 791: datagrams of any size and shape go out in pieces that fit, in order, the last without MF")
{
    static const unsigned lens[] = {1481, 1488, 2959, 2960, 2961, 9000, 65515};
    static const unsigned linears[] = {0, 8, 100, 1480, 1500, 5000, 65515};

    for (size_t i = 0; i < 7; i++)
        for (size_t j = 0; j < 7 && linears[j] <= lens[i]; j++) {
            assert_int_equal(ip_output(datagram(lens[i], linears[j], NULL, 0, 0)), 0);
            struct answer a = collect(0);
            assert_int_equal(a.bytes, lens[i]);
            assert_int_equal(a.frames, (lens[i] + 1479) / 1480);
            assert_false(a.more);
            assert_int_equal(t->net->skb_count, 0);
        }
    assert_int_equal(mib(MIB_IpFragOKs) > 0, 1);
    assert_int_equal(mib(MIB_IpFragFails), 0);
}

TEST("every MTU from 68 up cuts right")
{
    for (unsigned mtu = 68; mtu < 140; mtu++) {
        assert_int_equal(dev_set_mtu(t->dev, mtu), 0);
        assert_int_equal(ip_output(datagram(1000, 300, NULL, 0, 0)), 0);
        struct answer a = collect(0);
        assert_int_equal(a.bytes, 1000);
        assert_true(a.longest <= mtu && a.longest > mtu - 8);
    }
}

TEST("what fits exactly is not cut")
{
    assert_int_equal(ip_output(datagram(1480, 1480, NULL, 0, 0)), 0);
    assert_int_equal(collect(0).frames, 1);
    assert_int_equal(mib(MIB_IpFragCreates), 0);
}

TEST("DF refuses: EMSGSIZE, counted, nothing is sent")
{
    assert_int_equal(ip_output(datagram(1481, 1481, NULL, 0, IP_DF)), -EMSGSIZE);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(mib(MIB_IpFragFails), 1);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_MTU], 1);
}

TEST("RFC 791 3.1: later pieces carry the options with the copy bit, and no others")
{
    static const uint8_t options[16] = {1, 7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0, 68, 4, 5, 0};

    assert_int_equal(ip_output(datagram(3000, 3000, options, 16, 0)), 0);
    size_t n = testnet_pop(t, out, sizeof(out));
    assert_int_equal(out[TESTNET_IP], 0x49);
    assert_memory_equal(out + TESTNET_L4, options, 16);
    assert_int_equal(testnet_csum(out + TESTNET_IP, 36, 0), 0);
    assert_true(n <= 1514);
    unsigned bytes = 0;
    while ((n = testnet_pop(t, out, sizeof(out)))) {
        assert_int_equal(out[TESTNET_IP], 0x46);
        assert_memory_equal(out + TESTNET_L4, "\x94\x04\0\0", 4);
        assert_int_equal(testnet_csum(out + TESTNET_IP, 24, 0), 0);
        bytes += testnet_u16(out + TESTNET_IP + 2) - 24u;
    }
    assert_int_equal(bytes, 3000 - 1464);
}

TEST("a fragment is cut into smaller ones: offsets go on from its own, MF stays on the last if it had it")
{
    assert_int_equal(ip_output(datagram(2000, 2000, NULL, 0, 0x2000 | 100)), 0);
    struct answer a = collect(800);
    assert_int_equal(a.bytes, 2000);
    assert_true(a.more);
    assert_int_equal(ip_output(datagram(2000, 2000, NULL, 0, 100)), 0);
    a = collect(800);
    assert_false(a.more);
}

/* As reassembly leaves it: the first buffer and a chain, each `piece` bytes of text. */
static struct sk_buff *chain(unsigned len, unsigned piece, unsigned frag_off)
{
    struct sk_buff *skb = datagram(piece, piece, NULL, 0, frag_off);
    struct sk_buff **tail = &skb_shinfo(skb)->frag_list;

    for (unsigned at = piece; at < len; at += piece) {
        unsigned n = min(piece, len - at);
        struct sk_buff *part = alloc_skb(t->net, MAX_HEADER + n);

        skb_reserve(part, MAX_HEADER);
        skb_put_data(part, text + at, n);
        *tail = part;
        tail = &part->next;
        skb->len += n;
        skb->data_len += n;
        skb->truesize += part->truesize;
    }
    ip_hdr(skb)->tot_len = cpu_to_be16((uint16_t)skb->len);
    skb->frag_max_size = (uint16_t)(piece + 20);
    return skb;
}

TEST("what came in fragments that fit goes on in the same buffers, without one allocation")
{
    static const unsigned pieces[] = {8, 552, 1400, 1480};

    for (size_t i = 0; i < 4; i++) {
        unsigned len = pieces[i] * 5 + 3;
        struct sk_buff *skb = chain(len, pieces[i], 0);

        host_fail_allocation(1);
        assert_int_equal(ip_output(skb), 0);
        assert_false(host_allocation_failed());
        host_fail_allocation(0);
        struct answer a = collect(0);
        assert_int_equal(a.bytes, len);
        assert_int_equal(a.frames, 6);
        assert_int_equal(a.longest, pieces[i] + 20);
        assert_false(a.more);
    }
    assert_int_equal(t->net->skb_count, 0);
}

TEST("a chain whose pieces do not fit, are odd, or are looked at by a tap is cut anew")
{
    struct sk_buff *skb;

    assert_int_equal(ip_output(chain(6000, 2000, 0)), 0); /* too long */
    assert_int_equal(collect(0).bytes, 6000);
    skb = chain(6000, 1001, 0); /* no multiple of 8 */
    assert_int_equal(ip_output(skb), 0);
    assert_int_equal(collect(0).bytes, 6000);

    skb = chain(6000, 1000, 0);
    struct sk_buff *seen = skb_clone(skb);
    assert_int_equal(ip_output(skb), 0);
    assert_int_equal(collect(0).bytes, 6000);
    assert_int_equal(seen->len, 6020);
    assert_memory_equal(seen->data + 20, text, 1000);
    consume_skb(seen);

    skb = chain(6000, 1000, 0);
    seen = skb_clone(skb_shinfo(skb)->frag_list);
    uint8_t in_front = seen->data[-1] = 0x77;
    assert_int_equal(ip_output(skb), 0);
    assert_int_equal(collect(0).bytes, 6000);
    assert_int_equal(seen->data[-1], in_front);
    consume_skb(seen);
    assert_int_equal(t->net->skb_count, 0);
}

TEST("pieces are never longer than what came in, even if the way out would carry more")
{
    struct sk_buff *skb = chain(1200, 600, 0);

    assert_int_equal(ip_output(skb), 0);
    struct answer a = collect(0);
    assert_int_equal(a.frames, 2);
    assert_int_equal(a.longest, 620);
}

TEST("fragments that came with DF go on with DF, if they fit; else EMSGSIZE")
{
    struct answer a;

    assert_int_equal(ip_output(chain(6000, 1000, IP_DF)), 0);
    a = collect(0);
    assert_int_equal(a.frames, 6);
    assert_true(a.frag_off & IP_DF);
    assert_int_equal(ip_output(chain(6000, 2000, IP_DF)), -EMSGSIZE);
    assert_int_equal(collect(0).frames, 0);
}

TEST("a transport checksum that was left to the card is finished before the cut")
{
    struct sk_buff *skb = datagram(3000, 3000, NULL, 0, 0);
    uint16_t before = testnet_csum(text, 3000, 0);

    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = (uint16_t)(skb->network_header + 20);
    skb->csum_offset = 16;
    memset(skb->data + 36, 0, 2);
    assert_int_equal(ip_output(skb), 0);
    testnet_pop(t, out, sizeof(out));
    text[16] = out[TESTNET_L4 + 16], text[17] = out[TESTNET_L4 + 17];
    assert_int_equal(testnet_csum(text, 3000, 0), 0);
    assert_int_not_equal(before, 0);
    testnet_drop_sent(t);
}

TEST("each allocation may fail on the way: -ENOMEM, counted, and nothing is left over")
{
    for (unsigned n = 1;; n++) {
        struct sk_buff *skb = datagram(9000, 4000, NULL, 0, 0);
        host_fail_allocation(n);
        int err = ip_output(skb);
        bool failed = host_allocation_failed();
        host_fail_allocation(0);
        testnet_drop_sent(t);
        assert_int_equal(t->net->skb_count, 0);
        if (!failed) {
            assert_int_equal(err, 0);
            break;
        }
        assert_true(n < 100);
    }
    assert_true(mib(MIB_IpFragFails) > 2);
}

/* --- ids --- */

TEST("RFC 6864 4.3: 65536 ids in a row for one destination and protocol are all different")
{
    static uint8_t seen[65536];
    be32 saddr = cpu_to_be32(t->local), daddr = cpu_to_be32(t->peer);

    memset(seen, 0, sizeof(seen));
    for (unsigned i = 0; i < 65536; i++) {
        uint16_t id = ip_select_ident(t->net, saddr, daddr, 17);
        assert_int_equal(seen[id]++, 0);
    }
}

TEST("ids do not count up, and those of different destinations have nothing to do with each other")
{
    be32 saddr = cpu_to_be32(t->local);
    unsigned steps[3] = {0};
    uint16_t last = 0;

    for (unsigned i = 0; i < 1000; i++) {
        uint16_t id = ip_select_ident(t->net, saddr, cpu_to_be32(t->peer + i % 2), 17);
        uint16_t step = (uint16_t)(id - last);

        if (step < 3)
            steps[step]++;
        last = id;
    }
    assert_true(steps[0] + steps[1] + steps[2] < 10);
}

TEST_FIXTURE(setup, teardown)
