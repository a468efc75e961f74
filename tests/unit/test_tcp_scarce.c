/*
 * test_tcp_scarce.c - TCP where something runs out: room for what comes in, memory when a segment has to go
 * again.
 */
#include "tests/unit/tcp_peer_options.h"

static uint8_t text[8192];

TEST(
    "room that is gone: what lies beyond a hole gives way to what is in order, and is SACKed no more") /* RFC
                                                                                                          2018
                                                                                                          8 */
{
    struct sock *sk = options_open(WITH_SACK);
    uint32_t base = peer.snd;

    options_at(TCPHDR_ACK, base + 1000, peer.rcv, text, 1000, 0, NULL);
    options_at(TCPHDR_ACK, base + 3000, peer.rcv, text, 1000, 0, NULL);
    options_at(TCPHDR_ACK, base + 5000, peer.rcv, text, 1000, 0, NULL);
    testnet_drop_sent(t);
    sk->sk_rcvbuf = sk->sk_rmem_alloc - 1;
    options_at(TCPHDR_ACK, base, peer.rcv, text, 100, 0, NULL);
    options_at(TCPHDR_ACK, base + 1000, peer.rcv, text, 1000, 0,
               NULL); /* once more: it is answered with SACKs */
    uint32_t last = 0;
    while (options_pop()) {
        assert_int_equal(peer.last.ack, base + 100);
        last = got.sack[got.sacks - 1].end_seq;
        for (unsigned i = 0; i < got.sacks; i++)
            assert_true(before(got.sack[i].end_seq, base + 5000)); /* the farthest has gone */
    }
    assert_int_not_equal(last, 0);
    assert_int_equal(tcp_read(sk, 8192), 100);
    tcp_prot.close(sk);
}

TEST(
    "room that is gone with nothing to give way: the segment is dropped and comes again") /* RFC
                                                                                             9293 3.8.6.2.2 */
{
    struct sock *sk = peer_open_passive();
    uint32_t base = peer.snd;
    uint64_t dropped = mib(MIB_TcpExtTCPRcvQDrop);

    peer_send(text, 1000);
    testnet_drop_sent(t);
    sk->sk_rcvbuf = 1;
    peer_at(TCPHDR_ACK, base + 1000, peer.rcv, text, 1000);
    assert_int_equal(mib(MIB_TcpExtTCPRcvQDrop), dropped + 1);
    assert_int_equal(drops(SKB_DROP_REASON_SOCKET_RCVBUFF), 1);
    peer_expect_ack(); /* of what is here: base + 1000 */
    assert_int_equal(tcp_read(sk, 8192), 1000);
    testnet_drop_sent(t);
    peer_send(text, 1000);
    assert_int_equal(tcp_read(sk, 8192), 1000);
    tcp_prot.close(sk);
}

/* Four segments go, the third duplicate ACK comes, and there is no memory for what it calls for. */
static void fail_to_resend(struct sock *sk)
{
    uint64_t failed = mib(MIB_TcpExtTCPRetransFail);

    assert_int_equal(tcp_write(sk, text, 4 * MSS), 4 * MSS);
    testnet_drop_sent(t);
    peer_ack();
    peer_ack();
    testnet_drop_sent(t);
    /* As long as it is the frame itself that finds no memory, the third duplicate ACK has not come. */
    for (unsigned n = 1; n < 10 && mib(MIB_TcpExtTCPRetransFail) == failed; n++) {
        host_fail_allocation(n);
        peer_ack();
        host_fail_allocation(0);
    }
    assert_int_equal(mib(MIB_TcpExtTCPRetransFail), failed + 1);
}

TEST("a fast retransmission without memory is counted, and the timer sends it") /* RFC 5681 3.2 */
{
    struct sock *sk = peer_open_passive();
    uint32_t start = peer.rcv;
    struct segment s;

    fail_to_resend(sk);
    peer_expect_nothing();
    host_advance_ms(1500);
    assert_true(peer_pop(&s));
    assert_int_equal(s.seq, start);
    testnet_drop_sent(t);
    tcp_prot.close(sk);
}

TEST("... and the hole behind it is filled at the next partial ACK all the same") /* RFC 6582 3.2 step 3 */
{
    struct sock *sk = peer_open_passive();
    uint32_t start = peer.rcv;
    struct segment s;

    tcp_sk(sk)->retrans_high = start + 3 * MSS; /* of a recovery half the circle ago */
    fail_to_resend(sk);
    peer.rcv = start + MSS; /* the first was only late */
    peer_ack();
    assert_true(peer_pop(&s));
    assert_int_equal(s.seq, start + MSS);
    testnet_drop_sent(t);
    tcp_prot.close(sk);
}

TEST_FIXTURE(peer_setup, peer_teardown)
