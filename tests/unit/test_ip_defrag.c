/*
 * test_ip_defrag.c - IPv4 reassembly (net/ipv4/ip_defrag.c): fragments in, one datagram or nothing out.
 *
 * A datagram is a UDP datagram to a socket, so that "whole" means that its reader got every byte.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/slab.h"
#include "net/core/iov_iter.h"
#include "net/core/sysctl.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"
#include "net/udp/udp.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

#define PORT 7000

static struct testnet *t;
static struct sock *sk;
static uint8_t frame[65600], out[65600], text[65600], got[65600];

static int setup(void **state)
{
    int err;

    t = testnet_create("10.0.0.1/24");
    sk = sk_alloc(t->net, &udp_prot, SOCK_DGRAM, IPPROTO_UDP, &err);
    assert_int_equal(udp_prot.bind(sk, 0, PORT), 0);
    sk->sk_rcvbuf = 4 << 20;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 31 + (i >> 8));
    return 0;
}

static int teardown(void **state)
{
    udp_prot.close(sk);
    return testnet_destroy(t);
}

/* --- pieces of one UDP datagram of `len` bytes of text --- */

static uint8_t whole[65600]; /* UDP header and text */
static size_t whole_len;

static void make_whole(size_t len)
{
    uint8_t buf[65600];

    whole_len = testnet_build_udp(t, buf, &(struct testnet_ip){0}, 5000, PORT, text, len) - TESTNET_L4;
    memcpy(whole, buf + TESTNET_L4, whole_len);
}

struct piece {
    struct testnet_ip ip;
    size_t offset, end;
};

/* Bytes [offset, end) of the datagram; MF unless they are its last. */
static void send_piece(const struct piece *p)
{
    struct testnet_ip ip = p->ip;
    size_t len;

    ip.protocol = ip.protocol ? ip.protocol : 17;
    ip.id = ip.id ? ip.id : 0x4242;
    ip.frag_off |= (uint16_t)(p->offset / 8 | (p->end < whole_len ? 0x2000 : 0));
    len = testnet_build_ip(t, frame, &ip, whole + p->offset, p->end - p->offset);
    testnet_inject(t, frame, len);
}

static void send_range(size_t offset, size_t end)
{
    send_piece(&(struct piece){.offset = offset, .end = end});
}

/* Whether exactly the whole datagram can be read. */
static bool came(void)
{
    struct iovec iov = {.iov_base = got, .iov_len = sizeof(got)};
    struct msg msg = {.iter = {.iov = &iov, .count = sizeof(got)}};
    ssize_t n = udp_prot.recvmsg(sk, &msg, sizeof(got), MSG_DONTWAIT);

    if (n == -EAGAIN)
        return false;
    assert_int_equal(n, whole_len - 8);
    assert_memory_equal(got, text, n);
    return true;
}

static uint64_t mib(enum mib_counter c)
{
    return t->net->mib[c];
}

static uint64_t drops(enum skb_drop_reason r)
{
    return t->net->drops[r];
}

TEST("two fragments become one datagram, counted")
{
    make_whole(2000);
    send_range(0, 1480);
    assert_false(came());
    send_range(1480, whole_len);
    assert_true(came());
    assert_int_equal(mib(MIB_IpReasmReqds), 2);
    assert_int_equal(mib(MIB_IpReasmOKs), 1);
    assert_int_equal(mib(MIB_IpReasmFails), 0);
    assert_int_equal(mib(MIB_IpInDelivers), 1);
    assert_int_equal(t->net->skb_count, 0);
}

/* All orders of n pieces, by Heap's algorithm. */
static void permute(size_t *order, size_t n, size_t count, void (*use)(const size_t *order, size_t count))
{
    if (n == 1) {
        use(order, count);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t other = n % 2 ? 0 : i, tmp;

        permute(order, n - 1, count, use);
        tmp = order[other];
        order[other] = order[n - 1];
        order[n - 1] = tmp;
    }
}

static void arrive_in_order(const size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t end = order[i] + 1 == count ? whole_len : (order[i] + 1) * 16;

        assert_false(came());
        send_range(order[i] * 16, end);
    }
    assert_true(came());
    assert_int_equal(t->net->skb_count, 0);
}

TEST("RFC 815: fragments may come in every order, up to six of them")
{
    for (size_t n = 2; n <= 6; n++) {
        size_t order[6] = {0, 1, 2, 3, 4, 5};

        make_whole(n * 16 - 8 - 5);
        permute(order, n, n, arrive_in_order);
    }
    assert_int_equal(mib(MIB_IpReasmFails), 0);
}

TEST("RFC 815: random splits of large datagrams come together in random order, duplicates among them")
{
    host_random_seed(815);
    for (int round = 0; round < 60; round++) {
        size_t cuts[64], n = 0, at = 0;

        make_whole(1 + host_random() % 60000);
        cuts[n++] = 0;
        while (n < 40 && at < whole_len) {
            at += 8 * (1 + host_random() % 800);
            if (at < whole_len)
                cuts[n++] = at;
        }
        cuts[n] = whole_len;
        if (n == 1)
            continue;
        size_t order[64];
        for (size_t i = 0; i < n; i++)
            order[i] = i;
        for (size_t i = n - 1; i; i--) {
            size_t j = host_random() % (i + 1), tmp = order[i];
            order[i] = order[j];
            order[j] = tmp;
        }
        for (size_t i = 0; i < n; i++) {
            send_range(cuts[order[i]], cuts[order[i] + 1]);
            if (i + 1 < n && host_random() % 4 == 0)
                send_range(cuts[order[i]], cuts[order[i] + 1]);
        }
        assert_true(came());
    }
    assert_int_equal(t->net->skb_count, 0);
    assert_true(drops(SKB_DROP_REASON_FRAG_DUPLICATE) > 0);
}

TEST("RFC 5722: of all pairs of ranges, those that overlap kill the datagram for good, equal ones do not")
{
    enum { UNITS = 5 };
    uint16_t id = 1;

    make_whole(UNITS * 8 - 8);
    for (size_t a = 0; a < UNITS; a++)
        for (size_t b = a + 1; b <= UNITS; b++)
            for (size_t c = 0; c < UNITS; c++)
                for (size_t d = c + 1; d <= UNITS; d++, id++) {
                    bool same = a == c && b == d, overlap = a < d && c < b && !same;
                    bool all = b - a == UNITS; /* no fragment at all: nothing is kept of it */
                    struct testnet_ip ip = {.id = id};

                    send_piece(&(struct piece){.ip = ip, .offset = a * 8, .end = b * 8});
                    send_piece(&(struct piece){.ip = ip, .offset = c * 8, .end = d * 8});
                    bool already = came();
                    while (came())
                        ;
                    /* now every unit by itself: what is missing completes it, unless it was refused */
                    for (size_t u = 0; u < UNITS; u++) {
                        bool there = (u >= a && u < b) || (u >= c && u < d);
                        if (!there)
                            send_piece(&(struct piece){.ip = ip, .offset = u * 8, .end = u * 8 + 8});
                    }
                    bool later = came();
                    if (all || d - c == UNITS)
                        assert_true(already);
                    else
                        assert_int_equal(already || later, !overlap);
                    testnet_advance_ms(t, 31000);
                    testnet_drop_sent(t);
                    assert_int_equal(t->net->skb_count, 0);
                }
    assert_true(mib(MIB_IpExtReasmOverlaps) > 0);
}

TEST("teardrop, newtear, bonk: overlaps inside and behind, two ends, text behind the end")
{
    make_whole(200);
    send_range(0, 40);
    send_range(24, 32); /* inside */
    send_range(40, whole_len);
    assert_false(came());
    assert_true(drops(SKB_DROP_REASON_FRAG_OVERLAP) >= 3);
    assert_int_equal(mib(MIB_IpReasmFails), 1);

    size_t len = whole_len;
    whole_len = 80; /* an end ... */
    send_piece(&(struct piece){.ip.id = 7, .offset = 40, .end = 80});
    whole_len = 64; /* ... and another */
    send_piece(&(struct piece){.ip.id = 7, .offset = 8, .end = 64});
    whole_len = 80;
    send_piece(&(struct piece){.ip.id = 8, .offset = 40, .end = 80});
    whole_len = len;
    send_piece(&(struct piece){.ip.id = 8, .offset = 80, .end = 88}); /* behind the end */
    send_piece(&(struct piece){.ip.id = 9, .offset = 80, .end = 88});
    whole_len = 80;
    send_piece(&(struct piece){.ip.id = 9, .offset = 40, .end = 80}); /* the end in front of it */
    whole_len = len;
    for (uint16_t id = 7; id <= 9; id++)
        send_piece(&(struct piece){.ip.id = id, .offset = 0, .end = 40});
    assert_false(came());
    assert_int_equal(mib(MIB_IpReasmFails), 4);
    assert_int_equal(mib(MIB_IpExtReasmOverlaps), 4);
}

TEST("the same bytes once as the middle and once as the end are no duplicate")
{
    make_whole(200);
    send_range(40, 80);
    whole_len = 80;
    send_range(40, 80);
    make_whole(200);
    send_range(0, 40);
    send_range(80, whole_len);
    assert_false(came());
    assert_int_equal(mib(MIB_IpExtReasmOverlaps), 1);
}

TEST("ping of death: what ends beyond 65535 takes the whole datagram with it")
{
    make_whole(65000);
    send_range(0, 1480);
    whole_len = 65600;
    send_range(65528, 65584);
    assert_int_equal(drops(SKB_DROP_REASON_FRAG_TOO_FAR), 2);
    make_whole(65000);
    send_range(1480, whole_len);
    assert_false(came());
    assert_int_equal(mib(MIB_IpReasmFails), 1);
}

TEST("the header counts: with options, 65535 is reached earlier")
{
    static const uint8_t nops[40] = {1, 1, 1, 1, 1, 1, 1, 1};

    make_whole(65507);
    send_piece(&(struct piece){.ip = {.options = nops, .options_len = 40}, .offset = 0, .end = 1400});
    send_range(1400, 65000);
    send_range(65000, whole_len);
    assert_false(came());
    assert_true(drops(SKB_DROP_REASON_FRAG_TOO_FAR) > 0);
    assert_int_equal(t->net->skb_count, 0);
    for (size_t at = 0; at < whole_len; at += 1480)
        send_piece(
            &(struct piece){.ip.id = 2, .offset = at, .end = at + 1480 < whole_len ? at + 1480 : whole_len});
    assert_true(came());
}

TEST("empty fragments, and lengths that are no multiple of 8 in the middle, are dropped by name")
{
    make_whole(200);
    send_range(8, 8);
    send_range(0, 41);
    send_range(whole_len, whole_len);
    assert_int_equal(drops(SKB_DROP_REASON_FRAG_INVALID), 3);
    send_range(0, 40);
    send_range(40, whole_len);
    assert_true(came());
}

TEST("RFC 1858, RFC 3128: no fragment may hide ports or flags of TCP")
{
    make_whole(200);
    send_piece(&(struct piece){.ip.protocol = 6, .offset = 0, .end = 16});
    send_piece(&(struct piece){.ip.protocol = 6, .offset = 8, .end = 64});
    assert_int_equal(drops(SKB_DROP_REASON_FRAG_INVALID), 2);
    send_piece(&(struct piece){.ip.protocol = 6, .offset = 0, .end = 24});
    assert_int_equal(drops(SKB_DROP_REASON_FRAG_INVALID), 2);
}

TEST("1122-IP-RTX: after ipfrag_time the sender is told, if the first fragment came")
{
    make_whole(3000);
    send_range(0, 1480);
    send_piece(&(struct piece){.ip.id = 2, .offset = 1480, .end = 2960});
    testnet_advance_ms(t, 29900);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    testnet_advance_ms(t, 200);
    size_t n = testnet_pop(t, out, sizeof(out));
    assert_true(n && testnet_frame_ok(out, n));
    assert_int_equal(out[TESTNET_L4], 11);
    assert_int_equal(out[TESTNET_L4 + 1], 1);
    assert_int_equal(testnet_u16(out + TESTNET_L4 + 8 + 4), 0x4242);
    assert_int_equal(testnet_u16(out + TESTNET_L4 + 8 + 6), 0x2000); /* quoted as it came */
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(mib(MIB_IpReasmTimeout), 2);
    assert_int_equal(mib(MIB_IpReasmFails), 2);
    assert_int_equal(drops(SKB_DROP_REASON_FRAG_REASM_TIMEOUT), 2);
    assert_int_equal(t->net->skb_count, 0);
}

TEST("ipfrag_time can be set; a fragment whose device is gone is reported to nobody")
{
    make_whole(3000);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.ipfrag_time", "2"), 0);
    send_range(0, 1480);
    testnet_advance_ms(t, 1900);
    assert_int_equal(t->net->skb_count, 1);
    dev_close(t->dev);
    testnet_advance_ms(t, 200);
    assert_int_equal(t->net->skb_count, 0);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(dev_open(t->dev), 0);
}

TEST("fragments of different datagrams never mix: source, destination, protocol and id keep them apart")
{
    make_whole(100);
    send_piece(&(struct piece){.offset = 0, .end = 48});
    send_piece(&(struct piece){.ip.saddr = testnet_addr("10.0.0.3"), .offset = 48, .end = whole_len});
    send_piece(&(struct piece){.ip.daddr = testnet_addr("10.0.0.255"), .offset = 48, .end = whole_len});
    send_piece(&(struct piece){.ip.protocol = 200, .offset = 48, .end = whole_len});
    send_piece(&(struct piece){.ip.id = 9, .offset = 48, .end = whole_len});
    assert_false(came());
    send_piece(&(struct piece){.offset = 48, .end = whole_len});
    assert_true(came());
}

TEST("RFC 3168 5.3: CE in any fragment marks the datagram; CE beside Not-ECT drops it")
{
    static const struct {
        uint8_t a, b;
        int whole;
    } cases[] = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2},  {3, 3, 3},  {2, 3, 3}, {3, 1, 3},
                 {0, 2, 0}, {1, 0, 0}, {0, 3, -1}, {3, 0, -1}, {1, 2, 1}};

    make_whole(100);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct testnet_ip ip = {.id = (uint16_t)(i + 1), .tos = cases[i].a};

        send_piece(&(struct piece){.ip = ip, .offset = 0, .end = 48});
        ip.tos = cases[i].b;
        send_piece(&(struct piece){.ip = ip, .offset = 48, .end = whole_len});
        struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);
        assert_int_equal(skb != NULL, cases[i].whole >= 0);
        if (skb)
            assert_int_equal(ip_hdr(skb)->tos, cases[i].whole);
        assert_int_equal(came(), cases[i].whole >= 0);
    }
    assert_int_equal(t->net->skb_count, 0);
}

TEST("the whole carries a right header: length, no offset, checksum; DF only if the largest fragments had it")
{
    for (unsigned df = 0; df < 4; df++) {
        struct testnet_ip ip = {.id = (uint16_t)(df + 1), .frag_off = df & 1 ? 0x4000 : 0};

        make_whole(2000);
        send_piece(&(struct piece){.ip = ip, .offset = 0, .end = 1480});
        ip.frag_off = df & 2 ? 0x4000 : 0;
        send_piece(&(struct piece){.ip = ip, .offset = 1480, .end = whole_len});
        struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);
        assert_non_null(skb);
        assert_int_equal(be16_to_cpu(ip_hdr(skb)->frag_off), df & 1 ? 0x4000 : 0);
        assert_int_equal(be16_to_cpu(ip_hdr(skb)->tot_len), 20 + whole_len);
        assert_int_equal(testnet_csum(ip_hdr(skb), 20, 0), 0);
        assert_int_equal(skb->frag_max_size, 1500);
        assert_true(came());
    }
}

TEST("FragmentSmack: datagrams that never become whole stay within the thresholds, the oldest make room")
{
    assert_int_equal(sysctl_set(t->net, "net.ipv4.ipfrag_high_thresh", "300000"), 0);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.ipfrag_low_thresh", "200000"), 0);
    make_whole(3000);
    for (unsigned i = 0; i < 5000; i++) {
        struct testnet_ip ip = {.id = (uint16_t)i, .saddr = testnet_addr("10.0.0.0") + 0x10000 + i};

        send_piece(&(struct piece){.ip = ip, .offset = 8, .end = 1480});
        assert_true(t->net->skb_count < 200);
    }
    assert_true(mib(MIB_IpReasmFails) > 4000);
    send_range(0, 1480);
    send_range(1480, whole_len);
    assert_true(came());
    testnet_advance_ms(t, 31000);
    assert_int_equal(t->net->skb_count, 0);
}

TEST("FragmentSmack: however small they are, only so many datagrams are under way")
{
    enum { MOST = 2048, SENT = 3000 };

    assert_int_equal(sysctl_set(t->net, "net.ipv4.ipfrag_high_thresh", "1000000000"), 0);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.ipfrag_low_thresh", "1000000000"), 0);
    make_whole(3000);
    for (unsigned i = 0; i < SENT; i++) {
        struct testnet_ip ip = {.id = (uint16_t)i, .saddr = testnet_addr("10.0.0.0") + 0x10000 + i};

        send_piece(&(struct piece){.ip = ip, .offset = 8, .end = 16});
    }
    assert_int_equal(t->net->skb_count, MOST);
    assert_int_equal(mib(MIB_IpReasmFails), SENT - MOST);
    send_range(0, 1480);
    send_range(1480, whole_len);
    assert_true(came());
    testnet_advance_ms(t, 31000);
    assert_int_equal(t->net->skb_count, 0);
}

TEST("FragmentSmack: eight bytes at a time in the worst order cost memory up to the threshold only")
{
    assert_int_equal(sysctl_set(t->net, "net.ipv4.ipfrag_high_thresh", "1000000"), 0);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.ipfrag_low_thresh", "500000"), 0);
    make_whole(64000);
    for (size_t at = 16; at < 60000; at += 16)
        send_range(60000 - at, 60000 - at + 8);
    assert_true(t->net->skb_count < 2000);
    testnet_advance_ms(t, 31000);
    assert_int_equal(t->net->skb_count, 0);
}

TEST("ipfrag_max_dist: one source has that many datagrams under way, others are not disturbed by it")
{
    struct testnet_ip quiet = {.saddr = testnet_addr("10.0.0.77")};

    make_whole(3000);
    memset(whole + 6, 0, 2); /* no checksum: it would name the other source */
    send_piece(&(struct piece){.ip = quiet, .offset = 0, .end = 1480});
    for (unsigned i = 0; i < 1000; i++)
        send_piece(&(struct piece){.ip.id = (uint16_t)(i + 1), .offset = 0, .end = 1480});
    assert_int_equal(t->net->skb_count, 64 + 1);
    assert_int_equal(mib(MIB_IpReasmFails), 1000 - 64);
    send_piece(&(struct piece){.ip = quiet, .offset = 1480, .end = whole_len});
    assert_true(came());
}

TEST("ipfrag_max_dist: halves that came too far apart are not joined")
{
    make_whole(3000);
    send_range(0, 1480);
    for (unsigned i = 0; i < 70; i++)
        send_piece(&(struct piece){.ip.id = 5, .offset = 0, .end = 1480}); /* one datagram, again and again */
    send_range(1480, whole_len);
    assert_false(came());
    send_range(0, 1480);
    assert_true(came());
}

TEST("1122-ICMP-EFRAG: a ping of 60000 bytes is answered whole, in fragments with right sums")
{
    uint8_t answer[65600] = {0};
    size_t len = testnet_build_icmp(t, frame, &(struct testnet_ip){0}, 8, 0, 0x12340001, text, 60000), n,
           all = 0;
    unsigned frames = 0;

    whole_len = len - TESTNET_L4;
    memcpy(whole, frame + TESTNET_L4, whole_len);
    for (size_t at = 0; at < whole_len; at += 1480)
        send_piece(&(struct piece){
            .ip.protocol = 1, .offset = at, .end = at + 1480 < whole_len ? at + 1480 : whole_len});
    while ((n = testnet_pop(t, out, sizeof(out)))) {
        size_t text_len = testnet_u16(out + TESTNET_IP + 2) - 20u;
        unsigned frag_off = testnet_u16(out + TESTNET_IP + 6);

        assert_true(n <= 1514);
        assert_int_equal(testnet_csum(out + TESTNET_IP, 20, 0), 0);
        memcpy(answer + (frag_off & 0x1fff) * 8, out + TESTNET_L4, text_len);
        all += text_len;
        assert_int_equal(!!(frag_off & 0x2000), all < whole_len);
        frames++;
    }
    assert_int_equal(all, whole_len);
    assert_int_equal(frames, (whole_len + 1479) / 1480);
    assert_int_equal(answer[0], 0);
    assert_int_equal(testnet_csum(answer, all, 0), 0);
    assert_memory_equal(answer + 8, text, 60000);
    assert_int_equal(mib(MIB_IpFragOKs), 1);
    assert_int_equal(mib(MIB_IpFragCreates), frames);
    assert_int_equal(t->net->skb_count, 0);
}

static int tap_func(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    struct sk_buff_head *q = pt->af_packet_priv;

    skb_queue_tail(q, skb);
    return 0;
}

TEST("a tap keeps the fragments as they came, whatever becomes of the datagram")
{
    struct sk_buff_head seen;
    struct packet_type tap = {.type = cpu_to_be16(0x0003), .func = tap_func, .af_packet_priv = &seen};

    skb_queue_head_init(&seen);
    dev_add_pack(t->net, &tap);
    make_whole(2000);
    send_range(1480, whole_len);
    send_range(0, 1480);
    assert_true(came());
    dev_remove_pack(&tap);
    assert_int_equal(seen.qlen, 2);
    struct sk_buff *first = skb_peek_tail(&seen);
    assert_int_equal(first->len, 1500);
    assert_int_equal(testnet_u16(first->data + 6), 0x2000);
    assert_int_equal(testnet_u16(first->data + 2), 1500);
    skb_queue_purge(&seen, SKB_NOT_DROPPED_YET);
}

TEST("each allocation may fail while fragments arrive: nothing leaks, and the next datagram comes through")
{
    unsigned n = 0;

    do {
        uint16_t id = (uint16_t)(++n * 2);

        make_whole(20000);
        host_fail_allocation(n);
        for (size_t at = 0; at < whole_len; at += 1480)
            send_piece(&(struct piece){
                .ip.id = id, .offset = at, .end = at + 1480 < whole_len ? at + 1480 : whole_len});
        bool failed = host_allocation_failed();
        host_fail_allocation(0);
        while (came())
            ;
        testnet_advance_ms(t, 31000);
        testnet_drop_sent(t);
        assert_int_equal(t->net->skb_count, 0);
        if (!failed)
            break;
        assert_true(n < 200);
    } while (true);
    assert_true(n > 14);
}

TEST("a stack that ends with fragments waiting leaves nothing behind")
{
    make_whole(3000);
    for (uint16_t id = 1; id < 20; id++)
        send_piece(&(struct piece){.ip.id = id, .offset = 1480, .end = 2960});
    assert_int_equal(t->net->skb_count, 19);
    testnet_advance_ms(t, 100);
}

TEST_FIXTURE(setup, teardown)
