/*
 * test_tcp_sack.c - selective acknowledgements both ways (RFC 2018, RFC 2883, RFC 6675).
 */
#include "tests/unit/tcp_peer_options.h"

/* --- what we tell --- */

static uint32_t base; /* of the peer's data */

/* Segment number i, of ten bytes, from the peer; the ACK it causes is in peer.last and got. */
static void give(unsigned i)
{
    options_at(TCPHDR_ACK, base + i * 10, peer.rcv, "0123456789", 10, 0, NULL);
    assert_true(options_pop());
}

static void expect_block(unsigned at, unsigned from, unsigned to)
{
    assert_true(at < got.sacks);
    assert_int_equal(got.sack[at].start_seq - base, from * 10);
    assert_int_equal(got.sack[at].end_seq - base, to * 10);
}

TEST("a segment beyond a hole is told in a SACK block") /* RFC 2018 4, 2018-2 */
{
    struct sock *sk = options_open(WITH_SACK);

    base = peer.snd;
    give(1);
    assert_int_equal(peer.last.ack, base);
    assert_int_equal(got.sacks, 1);
    expect_block(0, 1, 2);
    give(2);
    assert_int_equal(got.sacks, 1);
    expect_block(0, 1, 3);
    give(0);
    assert_int_equal(got.sacks, 0);
    assert_int_equal(peer.last.ack, base + 30);
    tcp_read(sk, 100);
    tcp_prot.close(sk);
}

TEST("without SACK-permitted there are no SACK blocks") /* RFC 2018 2, 2018-1 */
{
    struct sock *sk = options_open(WITH_TS);

    base = peer.snd;
    give(1);
    assert_int_equal(got.sacks, 0);
    tcp_prot.close(sk);
}

TEST("the block with the latest segment comes first, the others by age") /* RFC 2018 4, 2018-3, 2018-4 */
{
    struct sock *sk = options_open(WITH_SACK);

    base = peer.snd;
    give(2);
    give(6);
    give(4);
    assert_int_equal(got.sacks, 3);
    expect_block(0, 4, 5);
    expect_block(1, 6, 7);
    expect_block(2, 2, 3);
    give(7);
    expect_block(0, 6, 8);
    expect_block(1, 4, 5);
    give(5); /* joins two */
    assert_int_equal(got.sacks, 2);
    expect_block(0, 4, 8);
    expect_block(1, 2, 3);
    tcp_prot.close(sk);
}

TEST("four blocks fit, three beside a timestamp") /* RFC 2018 3 */
{
    for (unsigned with = WITH_SACK; with <= (WITH_SACK | WITH_TS); with++) {
        struct sock *sk = options_open(with);
        base = peer.snd;
        for (unsigned i = 1; i < 20; i += 2)
            give(i);
        assert_int_equal(got.sacks, with & WITH_TS ? 3 : 4);
        expect_block(0, 19, 20);
        expect_block(2, 15, 16);
        options_at(TCPHDR_RST, base, 0, NULL, 0, 0, NULL);
        tcp_prot.close(sk);
        tcp_prot.close(listener80);
        listener80 = NULL;
        peer_reset_state();
        host_advance_ms(1000);
    }
}

TEST("a segment that comes twice is told by a D-SACK, once") /* RFC 2883 4, 2883-1 */
{
    struct sock *sk = options_open(WITH_SACK);

    base = peer.snd;
    options_at(TCPHDR_ACK, base, peer.rcv, "0123456789", 10, 0, NULL);
    host_advance_ms(50);
    testnet_drop_sent(t);
    give(0);
    assert_int_equal(got.sacks, 1);
    expect_block(0, 0, 1);
    assert_int_equal(peer.last.ack, base + 10);
    give(2);
    assert_int_equal(got.sacks, 1);
    expect_block(0, 2, 3);
    tcp_read(sk, 100);
    tcp_prot.close(sk);
}

TEST("a duplicate beyond the hole is told in front of the block it lies in") /* RFC 2883 4.2 */
{
    struct sock *sk = options_open(WITH_SACK);

    base = peer.snd;
    give(2);
    give(3);
    give(6);
    give(2);
    assert_int_equal(got.sacks, 3);
    expect_block(0, 2, 3);
    expect_block(1, 2, 4);
    expect_block(2, 6, 7);
    tcp_prot.close(sk);
}

TEST("tcp_dsack off: duplicates are not told")
{
    set_sysctl("net.ipv4.tcp_dsack", "0");
    struct sock *sk = options_open(WITH_SACK);

    base = peer.snd;
    give(2);
    give(2);
    assert_int_equal(got.sacks, 1);
    tcp_prot.close(sk);
}

TEST("full segments of data leave no room: the blocks follow in an ACK of their own") /* RFC 2018 4 */
{
    static uint8_t data[3000];
    struct sock *sk = options_open(WITH_SACK);
    unsigned blocks = 0;

    base = peer.snd;
    peer.wnd = 0;
    options_ack(peer.rcv);
    testnet_drop_sent(t);
    tcp_write(sk, data, 2920); /* waits for the window */
    peer.wnd = 512;
    options_at(TCPHDR_ACK, base + 10, peer.rcv, "0123456789", 10, 0, NULL); /* opens it, and leaves a hole */
    while (options_pop()) {
        assert_true(peer.last.hdr_len + peer.last.len <= 1480);
        blocks += got.sacks;
    }
    assert_true(blocks >= 1);
    tcp_prot.close(sk);
}

TEST_FIXTURE(peer_setup, peer_teardown)
