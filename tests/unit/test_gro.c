/*
 * test_gro.c - merging of received TCP segments (net/core/gro.c), seen from TCP and from a packet tap.
 *
 * burst_*() hand frames to napi_gro_receive() as a driver's poll would; the merged packets go through the
 * whole stack to a real connection.
 */
#include "net/ethernet/ethernet.h"
#include "tests/unit/tcp_peer.h"

static struct napi_struct napi;
static unsigned tap_packets, tap_longest, tap_bad;
static struct packet_type tap;

static int no_poll(struct napi_struct *n, int budget)
{
    return 0;
}

static int take_tap(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    static uint8_t bytes[70000];

    if (skb->pkt_type != PACKET_OUTGOING) {
        tap_packets++;
        tap_longest = skb->len > tap_longest ? skb->len : tap_longest;
        if (skb_copy_bits(skb, 0, bytes, skb->len) || testnet_u16(bytes + 2) > skb->len ||
            testnet_csum(bytes, 20, 0))
            tap_bad++;
    }
    consume_skb(skb);
    return 0;
}

static int gro_setup(void **state)
{
    if (peer_setup(state))
        return -1;
    netif_napi_add(t->dev, &napi, no_poll, NAPI_POLL_WEIGHT);
    tap_packets = tap_longest = tap_bad = 0;
    tap = (struct packet_type){.type = cpu_to_be16(0x0003), .func = take_tap};
    return 0;
}

static int gro_teardown(void **state)
{
    assert_int_equal(napi.gro_count, 0);
    netif_napi_del(&napi);
    return peer_teardown(state);
}

static uint8_t stream_byte(uint32_t i)
{
    return (uint8_t)(i * 7 + (i >> 8) * 31);
}

struct shape {
    uint8_t flags, tos;
    uint16_t wnd;
    uint32_t ack; /* 0: of all that was sent */
    unsigned options_len;
    uint32_t tsval; /* 0: options of no meaning */
    bool bad_sum;
    uint16_t sport;
};

/* Segment [from, from + len) of the peer's stream comes in, as part of a poll. */
static void burst_add_shape(uint32_t base, uint32_t from, unsigned len, const struct shape *s)
{
    static uint8_t segment[2048], frame[2048];
    unsigned hdr = 20 + s->options_len;
    struct testnet_ip ip = {.protocol = IPPROTO_TCP, .tos = s->tos, .frag_off = IP_DF};

    memset(segment, 1, hdr);
    put_unaligned_be16(s->sport ? s->sport : peer.sport, segment);
    put_unaligned_be16(peer.dport, segment + 2);
    put_unaligned_be32(base + from, segment + 4);
    put_unaligned_be32(s->ack ? s->ack : peer.rcv, segment + 8);
    if (s->tsval) {
        put_unaligned_be32(0x0101080a, segment + 20);
        put_unaligned_be32(s->tsval, segment + 24);
    }
    segment[12] = (uint8_t)(hdr << 2);
    segment[13] = s->flags ? s->flags : TCPHDR_ACK;
    put_unaligned_be16(s->wnd ? s->wnd : peer.wnd, segment + 14);
    put_unaligned_be16(0, segment + 18);
    for (unsigned i = 0; i < len; i++)
        segment[hdr + i] = stream_byte(from + i);
    testnet_fix_csum(segment, hdr + len, 16, t->peer, t->local, IPPROTO_TCP);
    segment[hdr + len / 2] ^= s->bad_sum;
    size_t n = testnet_build_ip(t, frame, &ip, segment, hdr + len);
    struct sk_buff *skb = napi_alloc_skb(&napi, (unsigned)n);
    if (!skb)
        return;
    skb_put_data(skb, frame, (unsigned)n);
    eth_type_trans(skb, t->dev);
    napi_gro_receive(&napi, skb);
}

static void burst_add(uint32_t base, uint32_t from, unsigned len)
{
    burst_add_shape(base, from, len, &(struct shape){0});
}

static void burst_end(void)
{
    napi_gro_flush(&napi);
    host_run();
}

/* Reads what has come: the stream's bytes from `from` on. Return: how many. */
static uint32_t read_stream(struct sock *sk, uint32_t from)
{
    ssize_t n;
    uint32_t got = 0;

    while ((n = tcp_read(sk, 5000)) > 0)
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(peer_buf[i], stream_byte(from + got++));
    return got;
}

TEST("segments in a row are one packet for taps and TCP, one ACK answers them, and every segment is counted")
{
    struct sock *sk = peer_open_passive();
    uint64_t segs = mib(MIB_TcpInSegs);
    uint32_t data_segs = tcp_sk(sk)->data_segs_in;

    dev_add_pack(t->net, &tap);
    for (unsigned i = 0; i < 10; i++)
        burst_add(peer.snd, i * MSS, MSS);
    burst_end();
    dev_remove_pack(&tap);
    peer.snd += 10 * MSS;
    peer_expect_ack();
    peer_expect_nothing();
    assert_int_equal(tap_packets, 1);
    assert_int_equal(tap_longest, 40 + 10 * MSS);
    assert_int_equal(tap_bad, 0);
    assert_int_equal(mib(MIB_TcpInSegs), segs + 10);
    assert_int_equal(tcp_sk(sk)->data_segs_in, data_segs + 10);
    assert_int_equal(tcp_sk(sk)->rcv_mss, MSS); /* not that of the train: RFC 9293 3.8.6.3 */
    assert_int_equal(read_stream(sk, 0), 10 * MSS);
    tcp_prot.close(sk);
}

/* Each differs from the segment before it in one thing; all have to reach TCP as they are, in their order. */
TEST("what says something new is not merged: flags, window, TOS, options, a hole, an overlap, a bad checksum")
{
    static const struct shape shapes[] = {
        {.wnd = 1000}, {.tos = 4}, {.options_len = 4}, {.flags = TCPHDR_ACK | TCPHDR_URG}, {.sport = 40001},
    };
    struct sock *sk = peer_open_passive();
    uint32_t base = peer.snd;

    dev_add_pack(t->net, &tap);
    for (unsigned i = 0; i < 5; i++) {
        tap_packets = 0;
        burst_add(base, 2 * i * 1000, 1000);
        burst_add_shape(base, (2 * i + 1) * 1000, 1000, &shapes[i]);
        burst_end();
        assert_int_equal(tap_packets, 2);
    }
    tap_packets = 0;
    burst_add(base, 9000, 1000); /* what went to the other port, again */
    burst_add(base, 9500, 1000);
    burst_add(base, 11500, 1000);
    burst_end();
    assert_int_equal(tap_packets, 3);
    assert_int_equal(read_stream(sk, 0), 10500);
    tap_packets = 0;
    burst_add(base, 10500, 1000);
    burst_add_shape(base, 11500, 1000, &(struct shape){.bad_sum = true});
    burst_add(base, 12500, 500);
    burst_end();
    assert_int_equal(tap_packets, 3);
    assert_int_equal(mib(MIB_TcpInCsumErrors), 1);
    assert_int_equal(read_stream(sk, 10500), 2500);
    dev_remove_pack(&tap);
    assert_int_equal(tap_bad, 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a train beyond a hole is kept as it came, and one that overlaps it is cut")
{
    struct sock *sk = peer_open_passive();
    const struct sk_buff_head *beyond = &tcp_sk(sk)->out_of_order_queue;

    for (unsigned i = 2; i < 12; i++)
        burst_add(peer.snd, i * MSS, MSS);
    burst_end();
    assert_int_equal(beyond->qlen, 1);
    assert_non_null(skb_shinfo(skb_peek(beyond))->frag_list); /* nothing was copied */
    for (unsigned i = 8; i < 16; i++)
        burst_add(peer.snd, i * MSS + 300, MSS);
    burst_end();
    for (unsigned i = 0; i < 4; i++)
        burst_add(peer.snd, i * MSS, MSS);
    burst_end();
    assert_int_equal(beyond->qlen, 0);
    assert_int_equal(read_stream(sk, 0), 16 * MSS + 300);
    testnet_drop_sent(t);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a mark ends a train and is not lost in one; CWR and ECE travel alone") /* RFC 3168 5.3, 6.1 */
{
    static const struct shape ect = {.tos = INET_ECN_ECT_0}, ce = {.tos = INET_ECN_CE},
                              cwr = {.tos = INET_ECN_ECT_0, .flags = TCPHDR_ACK | TCPHDR_CWR},
                              ece = {.tos = INET_ECN_ECT_0, .flags = TCPHDR_ACK | TCPHDR_ECE};
    static const struct shape *const shapes[] = {&ect, &ect, &ce, &ce, &ect, &cwr, &ect, &ece};
    struct sock *sk = peer_open_passive();
    uint64_t ect_before = mib(MIB_IpExtInECT0Pkts);

    dev_add_pack(t->net, &tap);
    for (unsigned i = 0; i < 8; i++)
        burst_add_shape(peer.snd, i * 1000, 1000, shapes[i]);
    burst_end();
    dev_remove_pack(&tap);
    assert_int_equal(tap_packets, 6); /* two, two, and four alone */
    assert_int_equal(mib(MIB_IpExtInCEPkts), 2);
    assert_int_equal(mib(MIB_IpExtInECT0Pkts), ect_before + 6); /* segments, not trains */
    assert_int_equal(read_stream(sk, 0), 8000);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("PSH ends a train at once, and a request alone is not held back")
{
    struct sock *sk = peer_open_passive();

    burst_add(peer.snd, 0, MSS);
    assert_int_equal(napi.gro_count, 1);
    burst_add_shape(peer.snd, MSS, 700, &(struct shape){.flags = TCPHDR_ACK | TCPHDR_PSH});
    assert_int_equal(napi.gro_count, 0);
    assert_int_equal(read_stream(sk, 0), MSS + 700);
    burst_add(peer.snd, MSS + 700, 100);
    assert_int_equal(napi.gro_count, 0);
    assert_int_equal(read_stream(sk, MSS + 700), 100);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a train grows to 64 segments or 64 KiB, and nine flows at once lose nothing")
{
    struct sock *sk = peer_open_passive();
    uint32_t base = peer.snd;

    dev_add_pack(t->net, &tap);
    for (unsigned i = 0; i < 70; i++)
        burst_add(base, i * 700, 700);
    burst_end();
    assert_int_equal(tap_packets, 2);
    assert_int_equal(tap_longest, 40 + 64 * 700);
    tap_packets = 0;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 9; i++)
            burst_add_shape(base, 1000 * round, 1000, &(struct shape){.sport = (uint16_t)(50000 + i)});
    burst_end();
    dev_remove_pack(&tap);
    assert_true(tap_packets >= 9 && tap_packets <= 18);
    assert_int_equal(tap_bad, 0);
    assert_int_equal(read_stream(sk, 0), 70 * 700);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- bare ACKs --- */

/* A server with `segments` of text under way, which the peer has got. Return: the number before the first. */
static uint32_t serve_segments(struct sock *sk, unsigned segments)
{
    uint32_t first = peer.rcv;
    struct segment s;

    for (unsigned i = 0; i < segments; i++)
        assert_int_equal(tcp_write(sk, peer_buf, MSS), MSS);
    host_run();
    while (peer_pop(&s))
        peer.rcv += s.len;
    assert_int_equal(peer.rcv - first, segments * MSS);
    return first;
}

static void burst_ack(uint32_t ack, const struct shape *s)
{
    struct shape full = *s;

    full.ack = ack;
    burst_add_shape(peer.snd, 0, 0, &full);
}

TEST("bare ACKs in a row reach TCP as one, the last; each is counted, and slow start grows by what all tell")
{
    struct sock *sk = peer_open_passive();
    uint32_t first = serve_segments(sk, 10), cwnd = tcp_sk(sk)->snd_cwnd;
    uint64_t segs = mib(MIB_TcpInSegs);

    dev_add_pack(t->net, &tap);
    for (unsigned i = 1; i <= 10; i++)
        burst_ack(first + i * MSS, &(struct shape){.wnd = (uint16_t)(30000 + i)});
    burst_end();
    dev_remove_pack(&tap);
    assert_int_equal(tap_packets, 1);
    assert_int_equal(tap_bad, 0);
    assert_int_equal(tcp_sk(sk)->snd_una, peer.rcv);
    assert_int_equal(tcp_sk(sk)->snd_wnd, 30010);
    assert_int_equal(tcp_sk(sk)->snd_cwnd, cwnd + 10 * MSS); /* RFC 9406 4.2: up to 8 segments per ACK */
    assert_int_equal(mib(MIB_TcpInSegs), segs + 10);
    tcp_prot.close(sk);
}

TEST("the packet of an ACK that another has made needless serves for the next frame, as good as new")
{
    struct sock *sk = peer_open_passive();
    uint32_t first = serve_segments(sk, 10);

    burst_ack(first + MSS, &(struct shape){0});
    struct sk_buff *held = napi.gro[0].skb;
    held->mark = 7;
    held->vlan_tci = 9;
    uint8_t *head = held->head;
    burst_ack(first + 2 * MSS, &(struct shape){0});
    assert_ptr_equal(napi.spare, held);
    size_t packets = t->net->skb_count;

    struct sk_buff *large = napi_alloc_skb(&napi, 1500); /* it has not the room */
    assert_ptr_not_equal(large, held);
    consume_skb(large);
    held->cloned = 1; /* nor would it do then */
    struct sk_buff *fresh = netdev_alloc_skb(t->dev, 54), *other = napi_alloc_skb(&napi, 54);
    assert_ptr_not_equal(other, held);
    held->cloned = 0;
    struct sk_buff *again = napi_alloc_skb(&napi, 54);
    assert_ptr_equal(again, held);
    assert_null(napi.spare);
    assert_ptr_equal(again->head, head);
    assert_int_equal(again->len, 0);
    assert_int_equal(again->mark, 0);
    assert_int_equal(again->vlan_tci, 0);
    assert_int_equal(skb_headroom(again), skb_headroom(fresh));
    assert_ptr_equal(again->dev, t->dev);
    assert_int_equal(t->net->skb_count, packets + 2); /* fresh, other */
    consume_skb(fresh);
    consume_skb(other);
    consume_skb(again);
    burst_end();
    assert_int_equal(tcp_sk(sk)->snd_una, first + 2 * MSS);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* Each follows an ACK it must not swallow: a duplicate (RFC 5681 2), one that comes late, ECE (RFC 3168
 * 6.1.2), CE, a FIN, SACK's or other options, an older timestamp (RFC 7323 5.3). */
TEST("an ACK that says something by coming, or says something else, leaves the one before it alone")
{
    static const struct {
        struct shape before, after;
        uint32_t advance;
    } pairs[] = {
        {.advance = 0},
        {.advance = (uint32_t)-1460},
        {.advance = 1460, .after.flags = TCPHDR_ACK | TCPHDR_ECE},
        {.advance = 1460, .after.tos = 3},
        {.advance = 1460, .after.flags = TCPHDR_ACK | TCPHDR_FIN},
        {.advance = 1460, .before.options_len = 12, .after.options_len = 12},
        {.advance = 1460, .after.options_len = 20},
        {.advance = 1460,
         .before = {.options_len = 12, .tsval = 8},
         .after = {.options_len = 12, .tsval = 7}},
    };
    struct sock *sk = peer_open_passive();
    uint32_t first = serve_segments(sk, 10);

    dev_add_pack(t->net, &tap);
    for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
        tap_packets = 0;
        burst_ack(first + 2 * MSS, &pairs[i].before);
        burst_ack(first + 2 * MSS + pairs[i].advance, &pairs[i].after);
        burst_end();
        assert_int_equal(tap_packets, 2);
    }
    dev_remove_pack(&tap);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("text behind bare ACKs finds them delivered before it, and timestamps that go on are no obstacle")
{
    struct sock *sk = peer_open_passive();
    uint32_t first = serve_segments(sk, 4);

    dev_add_pack(t->net, &tap);
    burst_ack(first + MSS, &(struct shape){.options_len = 12, .tsval = 1});
    burst_ack(first + 2 * MSS, &(struct shape){.options_len = 12, .tsval = 1});
    burst_ack(first + 3 * MSS, &(struct shape){.options_len = 12, .tsval = 9});
    assert_int_equal(tap_packets, 0);
    burst_add(peer.snd, 0, 100);
    assert_int_equal(tap_packets, 2);
    burst_end();
    dev_remove_pack(&tap);
    assert_int_equal(read_stream(sk, 0), 100);
    assert_int_equal(tcp_sk(sk)->snd_una, peer.rcv);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* Losses, duplicates and exchanges between bursts and inside them; memory runs out now and then. */
TEST("merged or not, out of order, twice or lost: the application reads the peer's bytes")
{
    struct sock *sk = peer_open_passive();
    uint32_t base = peer.snd, read = 0, rng = 12345;

    for (unsigned burst = 0; burst < 400; burst++) {
        uint32_t at = tcp_sk(sk)->rcv_nxt - base;
        for (unsigned i = 0; i < 16; i++) {
            rng = rng * 1103515245 + 12345;
            unsigned r = rng >> 16;
            host_fail_allocation(r % 40 == 0 ? 1 + r % 3 : 0);
            if (r % 13 == 0) /* back, by any number of bytes, or ahead */
                at += r % 3 ? MSS : -(r % (at + 1 < 3000 ? at + 1 : 3000));
            unsigned len = r % 5 ? MSS : 1 + r % MSS;
            burst_add(base, at, len);
            at += len;
        }
        burst_end();
        host_fail_allocation(0);
        read += read_stream(sk, read);
        testnet_drop_sent(t);
    }
    assert_true(read > 400 * MSS);
    assert_int_equal(read, tcp_sk(sk)->rcv_nxt - base);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST_FIXTURE(gro_setup, gro_teardown)
