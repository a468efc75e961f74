/*
 * test_tcp_pacing.c - new data leaves spread over the round trip: when, and how much at once.
 *
 * The peer is 50 ms away. Time is virtual, and moved on millisecond by millisecond.
 */
#include "tests/unit/tcp_peer.h"

#define SO_MAX_PACING_RATE_ 47
#define RTT_MS              50

static uint8_t bulk[65536];

/* A connection whose handshake took RTT_MS, with `segments` times MSS queued. */
static struct sock *open_far(unsigned segments)
{
    listener80 = tcp_listener(16);
    peer_align_isn();
    peer_syn(mss_option, sizeof(mss_option));
    host_advance_ms(RTT_MS);
    peer_ack();
    struct sock *sk = tcp_accept_now(listener80);
    assert_non_null(sk);
    sk->sk_sndbuf = 1u << 20;
    for (unsigned i = 0; i < segments; i++)
        assert_int_equal(tcp_write(sk, bulk, tcp_sk(sk)->mss_cache), tcp_sk(sk)->mss_cache);
    return sk;
}

/* Segments that have been sent and not been taken yet. */
static unsigned take(void)
{
    struct segment s;
    unsigned n = 0;

    for (; peer_pop(&s); n++)
        peer.rcv = s.seq + s.len;
    return n;
}

static void end(struct sock *sk)
{
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("the initial window goes at once, the next one spread over half the round trip") /* RFC 6928 2 */
{
    struct sock *sk = open_far(40);
    unsigned per_ms[RTT_MS] = {0}, sent, last = 0;

    assert_int_equal(take(), 10);
    host_advance_ms(RTT_MS);
    assert_int_equal(take(), 0);
    peer.rcv = tcp_sk(sk)->snd_una + 9 * tcp_sk(sk)->mss_cache; /* one is still under way */
    peer_ack();
    /* 19 segments of window, two windows a round trip: 0.76 a millisecond. */
    sent = per_ms[0] = take();
    assert_in_range(per_ms[0], 1, 4);
    for (unsigned ms = 1; ms < RTT_MS; ms++) {
        host_advance_ms(1);
        sent += per_ms[ms] = take();
        assert_true(per_ms[ms] <= 4);
        last = per_ms[ms] ? ms : last;
    }
    assert_int_equal(sent, 18); /* for one ACK all the nine segments it stands for (RFC 9406 4.3) */
    assert_in_range(last, 17, 25);
    end(sk);
}

TEST("when nothing is under way an initial window goes at once again") /* RFC 5681 4.1 */
{
    struct sock *sk = open_far(10);

    assert_int_equal(take(), 10);
    host_advance_ms(RTT_MS);
    peer_ack();
    tcp_write(sk, bulk, 20 * tcp_sk(sk)->mss_cache);
    assert_in_range(take(), 10, 12);
    end(sk);
}

TEST("with tcp_pacing 0 the whole window goes at once")
{
    set_sysctl("net.ipv4.tcp_pacing", "0");
    struct sock *sk = open_far(40);
    take();
    host_advance_ms(RTT_MS);
    peer_ack();
    assert_int_equal(take(), 18); /* eight of growth for one ACK (RFC 9406 4.2) */
    end(sk);
}

TEST("SO_MAX_PACING_RATE bounds the rate of a near peer too, and TCP_INFO tells it")
{
    struct sock *sk = peer_open_passive();
    uint32_t mss = tcp_sk(sk)->mss_cache;

    sk->sk_max_pacing_rate = 1000 * mss; /* a segment a millisecond */
    sk->sk_sndbuf = 1u << 20;
    tcp_write(sk, bulk, 40 * mss);
    unsigned sent = take(), ms;
    assert_int_equal(sent, 10);
    for (ms = 0; sent < 40; ms++) { /* each segment is acknowledged at once */
        peer_ack();
        host_advance_ms(1);
        sent += take();
        assert_in_range(sent, 9 + ms, 10 + ms + 5);
    }
    assert_in_range(ms, 25, 32);
    uint64_t info[32], rate; /* struct tcp_info: tcpi_pacing_rate at 104, tcpi_max_pacing_rate behind it */
    socklen_t len = sizeof(info);
    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, 11, info, &len), 0);
    rate = info[104 / 8];
    assert_true(rate <= 1000 * mss && info[112 / 8] == 1000 * mss);
    end(sk);
}

TEST("a rate of less than a segment per RTO is kept without probes or retransmissions")
{
    struct sock *sk = peer_open_passive();
    uint32_t mss = tcp_sk(sk)->mss_cache;

    sk->sk_max_pacing_rate = mss;
    tcp_write(sk, bulk, 14 * mss);
    assert_int_equal(take(), 10);
    peer_ack();
    assert_int_equal(take(), 2);
    peer_ack();
    host_advance_ms(1900);
    assert_int_equal(take(), 0);
    host_advance_ms(100);
    assert_int_equal(take(), 2);
    peer_ack();
    assert_int_equal(mib(MIB_TcpRetransSegs) + mib(MIB_TcpExtTCPTimeouts) + mib(MIB_TcpExtTCPWinProbe), 0);
    end(sk);
}

TEST("a connection that ends while data waits for its time leaves no timer behind")
{
    struct sock *sk = open_far(40);

    take();
    host_advance_ms(RTT_MS);
    peer.rcv = tcp_sk(sk)->snd_una + 9 * tcp_sk(sk)->mss_cache;
    peer_ack();
    take();
    peer_flags(TCPHDR_RST | TCPHDR_ACK, NULL, 0);
    host_advance_ms(RTT_MS);
    assert_int_equal(take(), 0);
    end(sk);
}

TEST_FIXTURE(peer_setup, peer_teardown)
