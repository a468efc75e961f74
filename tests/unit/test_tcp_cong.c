/*
 * test_tcp_cong.c - congestion control: CUBIC by its RFC's numbers, HyStart++, validation, and the choice
 * between algorithms.
 *
 * The peer here is a path of fixed round-trip time that acknowledges every segment by itself. What the window
 * should be is computed beside it in floating point, straight from the formulas of RFC 9438.
 */
#include "tests/unit/tcp_peer.h"

#include <math.h>

#define TCP_CONGESTION 13
#define SCALED_WINDOW  65535 /* times 2^7 */

static uint8_t bulk[65536];
static struct sock *sk;
static uint32_t una; /* the peer's next acknowledgement */

/* A connection with window scaling, so that only the congestion window counts. */
static void open_wide(const char *algorithm)
{
    static const uint8_t options[8] = {2, 4, 1460 >> 8, 1460 & 255, 1, 3, 3, 7};

    set_sysctl("net.ipv4.tcp_pacing", "0"); /* windows go at once */
    listener80 = tcp_listener(16);
    assert_int_equal(
        tcp_prot.setsockopt(listener80, IPPROTO_TCP, TCP_CONGESTION, algorithm, (socklen_t)strlen(algorithm)),
        0);
    peer_align_isn();
    peer.wnd = 8000;
    peer_syn(options, sizeof(options));
    peer_ack();
    sk = tcp_accept_now(listener80);
    assert_non_null(sk);
    peer.wnd = SCALED_WINDOW;
    peer_ack();
    sk->sk_sndbuf = 4u << 20;
    una = peer.rcv;
}

static uint32_t cwnd(void)
{
    return tcp_sk(sk)->snd_cwnd;
}

static double cwnd_segments(void)
{
    return (double)cwnd() / MSS;
}

static void fill(void)
{
    while (tcp_write(sk, bulk, sizeof(bulk)) > 0)
        ;
}

/* Takes what is out: how many segments. */
static unsigned take(void)
{
    struct segment s;
    unsigned n = 0;

    for (; peer_pop(&s); n++)
        if ((int32_t)(s.seq + s.len - peer.rcv) > 0)
            peer.rcv = s.seq + s.len;
    return n;
}

static void ack_to(uint32_t ack)
{
    peer_at(TCPHDR_ACK, peer.snd, ack, NULL, 0);
    una = ack;
}

/* A round trip: everything that was out at its start is acknowledged, segment by segment. */
static void round_trip(uint64_t ms)
{
    uint32_t end = peer.rcv;

    host_advance_ms(ms);
    while ((int32_t)(end - una) > 0) {
        ack_to(end - una < MSS ? end : una + MSS);
        take();
    }
}

/* Slow start up to `segments`, then a loss repaired by the third duplicate: congestion avoidance begins. */
static void lose_one(void)
{
    for (int i = 0; i < 3; i++)
        ack_to(una);
    take();
    ack_to(peer.rcv);
    take();
}

/* After a loss: up to the threshold, where congestion avoidance begins. */
static void until_avoidance(void)
{
    for (int r = 0; r < 20 && cwnd() < tcp_sk(sk)->snd_ssthresh; r++) {
        fill();
        take();
        round_trip(100);
    }
    fill();
    take();
}

static void slow_start_to(unsigned segments)
{
    fill();
    take();
    while (cwnd() < segments * MSS) {
        round_trip(100);
        fill();
        take();
    }
}

/* --- CUBIC (RFC 9438) --- */

/* What the formulas say, in segments and seconds. */
struct model {
    double w_max, cwnd_prior, w_est, cwnd_epoch, cwnd;
};

static double w_cubic(const struct model *m, double t)
{
    double k = cbrt((m->w_max - m->cwnd_epoch) / 0.4);

    return 0.4 * pow(t - k, 3) + m->w_max;
}

/* One ACK of one segment, t seconds into the epoch, with a round trip of `rtt` seconds. */
static void model_ack(struct model *m, double t, double rtt)
{
    m->w_est += (m->w_est < m->cwnd_prior ? 3 * 0.3 / 1.7 : 1) / m->cwnd;
    if (w_cubic(m, t) < m->w_est) {
        m->cwnd = fmax(m->cwnd, m->w_est);
        return;
    }
    double target = fmin(fmax(w_cubic(m, t + rtt), m->cwnd), 1.5 * m->cwnd);
    m->cwnd += (target - m->cwnd) / m->cwnd;
}

TEST("a loss takes CUBIC's window to seven tenths of it") /* RFC 9438 4.6; 5681-6 */
{
    open_wide("cubic");
    slow_start_to(100);
    uint32_t before = cwnd();
    lose_one();
    assert_in_range(tcp_sk(sk)->snd_ssthresh, before * 0.7 - 2, before * 0.7);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("after a loss the window follows C(t-K)^3 + W_max, back to W_max after K and beyond") /* 9438-1 */
{
    open_wide("cubic");
    slow_start_to(200);
    struct model m = {.w_max = cwnd_segments(), .cwnd_prior = cwnd_segments()};
    lose_one();
    until_avoidance();
    m.cwnd = m.cwnd_epoch = m.w_est = cwnd_segments();
    assert_true(fabs(m.cwnd - 0.7 * m.w_max) < 0.02 * m.w_max);
    double k = cbrt(0.3 * m.w_max / 0.4);
    assert_in_range((int)(1000 * k), 5000, 7500);
    for (int r = 1; r < 100; r++) {
        fill();
        take();
        unsigned acks = (unsigned)cwnd_segments();
        round_trip(100);
        for (unsigned i = 0; i < acks; i++)
            model_ack(&m, 0.1 * r, 0.1);
        assert_true(fabs(cwnd_segments() - m.cwnd) < 0.02 * m.cwnd);
        if (r == (int)(10 * k))
            assert_true(fabs(cwnd_segments() - m.w_max) < 0.02 * m.w_max);
    }
    assert_true(cwnd_segments() > 1.05 * m.w_max);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("on a short path CUBIC grows as Reno with 9/17 of a segment per round trip") /* 9438-2: 3(1-b)/(1+b) */
{
    open_wide("cubic");
    slow_start_to(60);
    lose_one();
    until_avoidance();
    tcp_sk(sk)->srtt_us = 2000;
    round_trip(2); /* the epoch begins */
    fill();
    take();
    double start = cwnd_segments();
    for (int r = 0; r < 20; r++) { /* 40 ms: the cubic part has not moved */
        round_trip(2);
        fill();
        take();
    }
    assert_true(fabs(cwnd_segments() - start - 20 * 9.0 / 17) < 1.5);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a loss below the last maximum lowers it: fast convergence") /* 9438-3 */
{
    open_wide("cubic");
    slow_start_to(200);
    lose_one();
    until_avoidance();
    round_trip(100);
    double second = cwnd_segments();
    lose_one();
    until_avoidance();
    /* W_max = 0.85 cwnd, window 0.7 cwnd: K = cbrt(0.15 cwnd / 0.4), the plateau at 0.85 cwnd. */
    double k = cbrt(0.15 * second / 0.4), plateau = 0.85 * second;
    for (double at = 0; at < k; at += 0.1) {
        round_trip(100);
        fill();
        take();
    }
    assert_true(fabs(cwnd_segments() - plateau) < 0.03 * plateau);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a time-out starts from one segment with seven tenths as the threshold") /* 9438-4 */
{
    open_wide("cubic");
    slow_start_to(100);
    uint32_t flight = tcp_sk(sk)->snd_nxt - tcp_sk(sk)->snd_una;
    flight = flight < cwnd() ? flight : cwnd();
    host_advance_ms(500);
    assert_int_equal(cwnd(), MSS);
    assert_in_range(tcp_sk(sk)->snd_ssthresh, flight * 0.7 - 2, flight * 0.7);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("an application that writes little does not open the window, and its time does not count") /* 9438-5 */
{
    set_sysctl("net.ipv4.tcp_slow_start_after_idle", "0"); /* else it would shrink: RFC 2861 */
    open_wide("cubic");
    slow_start_to(100);
    lose_one();
    until_avoidance();
    round_trip(100);
    while (tcp_sk(sk)->snd_una != tcp_sk(sk)->write_seq) /* what is queued runs out */
        round_trip(100);
    uint32_t before = cwnd();
    for (int i = 0; i < 300; i++) { /* half a minute of one segment at a time */
        assert_int_equal(tcp_write(sk, bulk, MSS), MSS);
        take();
        round_trip(100);
    }
    assert_int_equal(cwnd(), before);
    fill();
    take();
    round_trip(100);
    round_trip(100);
    /* With t counted on, W_cubic would be thousands of segments, and growth half a window per round trip. */
    assert_in_range(cwnd(), before, before + before / 5);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- slow start --- */

TEST("slow start doubles the window each round trip while the RTT stays") /* RFC 5681 3.1 */
{
    open_wide("cubic");
    fill();
    take();
    for (uint32_t expected = 20; expected <= 320; expected *= 2) {
        round_trip(50);
        assert_int_equal(cwnd(), expected * MSS);
        fill();
        take();
    }
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("an RTT that rises and stays up ends slow start after five careful rounds") /* RFC 9406 4.2 */
{
    open_wide("cubic");
    fill();
    take();
    for (int r = 0; r < 3; r++) {
        round_trip(50);
        fill();
        take();
    }
    assert_int_equal(cwnd(), 80 * MSS);
    /* Threshold: max(4, min(50 / 8, 16)) = 6.25 ms. A round ends before the last trains it has let out. */
    round_trip(70);
    for (int r = 0; r < 3; r++) {
        fill();
        take();
        assert_true(tcp_sk(sk)->snd_ssthresh > 1u << 29);
        uint32_t before = cwnd();
        round_trip(70);
        assert_in_range(cwnd(), before * 1.24, before * 1.26);
    }
    for (int r = 0; r < 2; r++) {
        fill();
        take();
        round_trip(70);
    }
    assert_in_range(tcp_sk(sk)->snd_ssthresh, 100 * MSS, cwnd());
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("an RTT that comes down again was jitter: slow start goes on") /* RFC 9406 4.2 */
{
    open_wide("cubic");
    fill();
    take();
    static const unsigned rtt[] = {50, 50, 70, 50, 50, 50};
    for (unsigned r = 0; r < 6; r++) {
        round_trip(rtt[r]);
        fill();
        take();
    }
    assert_true(tcp_sk(sk)->snd_ssthresh > 1u << 29);
    assert_true(cwnd() > 400 * MSS); /* 10, 20, 40, 52, 90 ... */
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- what a peer cannot do (RFC 5681 3.1; Savage) --- */

TEST("ACKs of what was never sent do not open the window") /* 5681-10: optimistic ACK */
{
    open_wide("cubic");
    fill();
    take();
    uint32_t before = cwnd();
    for (uint32_t i = 1; i < 50; i++)
        peer_at(TCPHDR_ACK, peer.snd, peer.rcv + i * MSS, NULL, 0);
    assert_int_equal(cwnd(), before);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a segment acknowledged in pieces opens the window by one segment") /* 5681-10: ACK division */
{
    static const char *const algorithms[] = {"cubic", "reno"};

    for (int a = 0; a < 2; a++) {
        peer_reset_state();
        open_wide(algorithms[a]);
        fill();
        take();
        uint32_t before = cwnd(), start = una;
        for (uint32_t i = 1; i <= MSS; i += 3)
            ack_to(start + i);
        ack_to(start + MSS);
        assert_int_equal(cwnd(), before + MSS);
        tcp_prot.close(sk);
        tcp_prot.close(listener80);
        listener80 = NULL;
        testnet_drop_sent(t);
    }
}

/* --- choosing --- */

static const char *algorithm_of(struct sock *s)
{
    static char name[16];
    socklen_t len = sizeof(name);

    assert_int_equal(tcp_prot.getsockopt(s, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
    return name;
}

TEST("tcp_congestion_control names the algorithm of new sockets, TCP_CONGESTION that of one")
{
    char buf[32];
    struct sock *s = tcp_socket();

    assert_string_equal(algorithm_of(s), "cubic");
    assert_int_equal(tcp_prot.setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), -ENOENT);
    assert_int_equal(tcp_prot.setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
    assert_string_equal(algorithm_of(s), "reno");
    tcp_prot.close(s);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.tcp_congestion_control", "bbr"), -EINVAL);
    set_sysctl("net.ipv4.tcp_congestion_control", " reno\n");
    assert_int_equal(sysctl_get(t->net, "net.ipv4.tcp_congestion_control", buf, sizeof(buf)), 4);
    assert_string_equal(buf, "reno");
    s = tcp_socket();
    assert_string_equal(algorithm_of(s), "reno");
    tcp_prot.close(s);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.tcp_available_congestion_control", "reno"), -EACCES);
    sysctl_get(t->net, "net.ipv4.tcp_available_congestion_control", buf, sizeof(buf));
    assert_string_equal(buf, "cubic reno");
}

TEST("an accepted socket has its listener's algorithm if that was chosen, else the sysctl's")
{
    open_wide("reno");
    assert_string_equal(algorithm_of(sk), "reno");
    tcp_prot.close(sk);
    tcp_prot.close(listener80);
    peer_reset_state();
    listener80 = tcp_listener(4);
    set_sysctl("net.ipv4.tcp_congestion_control", "reno");
    peer_align_isn();
    sk = peer_connect(listener80);
    assert_string_equal(algorithm_of(sk), "reno");
    tcp_prot.close(sk);
}

TEST_FIXTURE(peer_setup, peer_teardown)
