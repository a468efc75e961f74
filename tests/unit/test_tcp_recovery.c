/*
 * test_tcp_recovery.c - what a sender learns about its path and what it does with it: the degree of
 * reordering and the reordering window (RFC 8985), taking CUBIC's curve back (RFC 9438 4.9), paced
 * retransmissions, the delivery rate, a window that goes unused (RFC 2861) - and that no stream of ACKs makes
 * us work without bound (CVE-2019-11477 and its kin).
 */
#include "tests/unit/tcp_flight.h"

#include "libc/include/linux/tcp.h"

/* Room for all that is written, and what may go goes at once. */
static struct sock *ready(unsigned with)
{
    set_sysctl("net.ipv4.tcp_pacing", "0");
    struct sock *sk = flight_open(with);

    sk->sk_sndbuf = 8u << 20;
    sk->sk_sndbuf_locked = true;
    return sk;
}

static void send_segs(struct sock *sk, unsigned segs)
{
    for (unsigned i = 0; i < segs; i++) {
        assert_int_equal(tcp_write(sk, data, SEG), SEG);
        assert_true(options_pop());
        assert_int_equal(peer.last.len, SEG);
    }
    ts.ecr = got.tsval;
    peer_expect_nothing();
}

static struct sock *sent(unsigned with, unsigned segs)
{
    struct sock *sk = ready(with);

    tcp_sk(sk)->snd_cwnd = max(tcp_sk(sk)->snd_cwnd, segs * SEG);
    testnet_drop_sent(t);
    send_segs(sk, segs);
    return sk;
}

/* How many segments with data are sent now. */
static unsigned resent(void)
{
    unsigned count = 0;

    while (options_pop())
        count += peer.last.len != 0;
    return count;
}

static struct tcp_info info(struct sock *sk)
{
    struct tcp_info i;

    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, TCP_INFO, &i, &(socklen_t){sizeof(i)}), 0);
    return i;
}

static void done(struct sock *sk)
{
    testnet_drop_sent(t);
    options_at(TCPHDR_RST, peer.snd, 0, NULL, 0, 0, NULL);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- reordering --- */

/* Segment 0 comes behind `behind` others, all of them late enough to be seen. */
static void overtake(unsigned zero, unsigned behind)
{
    sack(zero, zero + 1, zero + behind + 1);
    assert_int_equal(resent(), 0);
    options_ack(at(zero + behind + 1));
}

TEST("tcpi_reordering tells by how many segments the order has changed, up to tcp_max_reordering") /* 8985 6.2
                                                                                                    */
{
    set_sysctl("net.ipv4.tcp_max_reordering", "7");
    struct sock *sk = sent(WITH_SACK, 30);

    assert_int_equal(info(sk).tcpi_reordering, 3);
    host_advance_ms(RTT);
    overtake(0, 2);
    assert_int_equal(info(sk).tcpi_reordering, 3); /* no more than was known */
    overtake(3, 5);
    assert_int_equal(info(sk).tcpi_reordering, 5); /* six of a thousand bytes: five times the MSS */
    overtake(9, 10);
    assert_int_equal(info(sk).tcpi_reordering, 7);
    assert_int_equal(mib(MIB_TcpExtTCPSACKReorder), 3);
    assert_int_equal(info(sk).tcpi_reord_seen, 3);
    done(sk);
}

TEST("tcp_reordering=5: four segments SACKed above a hole are no proof, five are") /* RFC 6675 5, DupThresh */
{
    set_sysctl("net.ipv4.tcp_reordering", "5");
    struct sock *sk = sent(WITH_SACK, SEGS);

    host_advance_ms(RTT);
    sack(0, 1, 5);
    assert_int_equal(resent(), 0);
    sack(0, 1, 6);
    assert_true(resent() >= 1);
    done(sk);
}

TEST("tcp_recovery=5: however many segments are SACKed, only time tells of a loss") /* RFC 8985 6.2 step 4 */
{
    set_sysctl("net.ipv4.tcp_recovery", "5");
    struct sock *sk = sent(WITH_SACK, SEGS);

    host_advance_ms(RTT);
    sack(0, 1, 9);
    assert_int_equal(resent(), 0);
    host_advance_ms(RTT / 4 + 2);
    assert_true(resent() >= 1);
    done(sk);
}

/* A recovery of segment `i`, of four; a D-SACK tells that it had come, if `needless`. */
static void recovery(struct sock *sk, unsigned i, bool needless)
{
    testnet_drop_sent(t);
    tcp_sk(sk)->snd_cwnd = max(tcp_sk(sk)->snd_cwnd, 10 * SEG);
    send_segs(sk, 4);
    host_advance_ms(RTT);
    sack(i, i + 1, i + 4);
    host_advance_ms(RTT); /* more than any reordering window here */
    assert_true(resent() >= 1);
    host_advance_ms(RTT);
    if (needless)
        options_ack_sacks(at(i + 4), 1, &(struct tcp_sack_block){at(i), at(i + 1)});
    else
        options_ack(at(i + 4));
    assert_int_equal(tcp_sk(sk)->ca_state, CA_OPEN);
}

TEST("a D-SACK widens the reordering window for sixteen recoveries") /* RFC 8985 6.2 step 4 */
{
    struct sock *sk = ready(WITH_SACK);
    unsigned i = 0;

    recovery(sk, i, true);
    assert_int_equal(tcp_sk(sk)->rack_reo_steps, 2);
    recovery(sk, i += 4, true);
    assert_int_equal(tcp_sk(sk)->rack_reo_steps, 3);
    for (unsigned n = 0; n < 14; n++)
        recovery(sk, i += 4, false);
    assert_int_equal(tcp_sk(sk)->rack_reo_steps, 3);
    recovery(sk, i += 4, false);
    recovery(sk, i += 4, false);
    assert_int_equal(tcp_sk(sk)->rack_reo_steps, 1);
    done(sk);
}

TEST("tcp_recovery=3: a D-SACK does not widen the reordering window")
{
    set_sysctl("net.ipv4.tcp_recovery", "3");
    struct sock *sk = ready(WITH_SACK);

    recovery(sk, 0, true);
    assert_true(tcp_sk(sk)->rack_reo_steps <= 1);
    done(sk);
}

/* --- time-outs, undo --- */

TEST("when the timer fires, what was sent within the last round trip is not given up") /* RFC 8985 6.3 */
{
    set_sysctl("net.ipv4.tcp_early_retrans", "0");
    struct sock *sk = sent(WITH_SACK, 5);

    tcp_sk(sk)->snd_cwnd = 20 * SEG;
    host_advance_ms(tcp_sk(sk)->rto_ms - 15);
    assert_int_equal(resent(), 0);
    send_segs(sk, 1);
    host_advance_ms(25);
    assert_int_equal(resent(), 1);
    assert_int_equal(tcp_sk(sk)->ca_state, CA_LOSS);
    assert_int_equal(tcp_sk(sk)->lost_out, 5 * SEG);
    done(sk);
}

TEST("a recovery taken back leaves CUBIC where it was") /* RFC 9438 4.9.2 */
{
    struct sock *sk = sent(WITH_SACK, SEGS);
    uint64_t before[4]; /* the epoch: first in CUBIC's state */

    memcpy(before, tcp_sk(sk)->ca_priv, sizeof(before));
    host_advance_ms(RTT);
    sack(0, 1, 4);
    assert_int_equal(resent(), 1);
    assert_memory_not_equal(before, tcp_sk(sk)->ca_priv, sizeof(before));
    options_ack(at(SEGS));
    options_ack_sacks(at(SEGS), 1, &(struct tcp_sack_block){at(0), at(1)});
    assert_int_equal(mib(MIB_TcpExtTCPDSACKUndo), 1);
    assert_memory_equal(before, tcp_sk(sk)->ca_priv, sizeof(before));
    done(sk);
}

TEST("tcp_thin_linear_timeouts: with little under way the timer does not back off, by default it does")
{
    static const unsigned fired[2] = {2, 5}; /* within six RTOs: after 1 and 3; after 1, 2, 3, 4 and 5 */

    for (unsigned thin = 0; thin < 2; thin++) {
        set_sysctl("net.ipv4.tcp_thin_linear_timeouts", thin ? "1" : "0");
        struct sock *sk = sent(0, 2);
        unsigned timeouts = (unsigned)mib(MIB_TcpExtTCPTimeouts);
        host_advance_ms(tcp_sk(sk)->rto_ms * 5 + tcp_sk(sk)->rto_ms / 2);
        assert_int_equal(mib(MIB_TcpExtTCPTimeouts) - timeouts, fired[thin]);
        done(sk);
        tcp_prot.close(listener80);
        listener80 = NULL;
        host_advance_ms(1000);
        peer_reset_state();
    }
}

TEST("in a recovery an ACK lets out a segment more than it delivers, but not if it tells of another loss")
/* RFC 6937 3, RFC 9937 5 */
{
    struct sock *sk = sent(WITH_SACK, 30);

    host_advance_ms(RTT);
    sack(0, 27, 30);
    assert_int_equal(resent(), 3); /* 0, 1, 2 */
    host_advance_ms(RTT);
    options_ack_sacks(at(1), 1, &(struct tcp_sack_block){at(27), at(30)});
    assert_int_equal(resent(), 2); /* 3, 4 */
    host_advance_ms(RTT);
    /* 1 has come, and 3, which went out behind 2: that one is lost again. */
    options_ack_sacks(at(2), 2, (struct tcp_sack_block[]){{at(3), at(4)}, {at(27), at(30)}});
    assert_int_equal(resent(), 2);
    assert_int_equal(mib(MIB_TcpExtTCPLostRetransmit), 1);
    done(sk);
}

/* --- pacing --- */

TEST("what is sent again is paced but for the first, unless tcp_pacing is 0")
{
    for (unsigned paced = 0; paced < 2; paced++) {
        struct sock *sk = sent(WITH_SACK, 60);
        set_sysctl("net.ipv4.tcp_pacing", paced ? "1" : "0");
        tcp_sk(sk)->pacing_burst = 0;
        host_advance_ms(RTT);
        sack(0, 48, 60); /* twelve have left, so twelve may go */
        if (paced) {
            unsigned now = resent();
            assert_in_range(now, 1, 6);
            host_advance_ms(RTT / 2);
            assert_int_equal(now + resent(), 12);
        } else {
            assert_int_equal(resent(), 12);
        }
        done(sk);
        tcp_prot.close(listener80);
        listener80 = NULL;
        host_advance_ms(1000);
        peer_reset_state();
    }
}

/* --- the delivery rate --- */

TEST("tcpi_delivery_rate: what a round trip has delivered, marked if the application had no more to send")
{
    struct sock *sk = ready(WITH_SACK);
    uint32_t window = 20 * MSS, una = first;

    assert_true(info(sk).tcpi_delivery_rate_app_limited);
    tcp_sk(sk)->snd_cwnd = window;
    assert_int_equal(tcp_write(sk, data, 4 * window), 4 * window);
    for (unsigned i = 0; i < 3; i++) { /* a window per round trip; more waits */
        uint32_t flight = tcp_sk(sk)->snd_nxt - una;
        assert_in_range(flight, window, window + 3 * MSS);
        testnet_drop_sent(t);
        host_advance_ms(RTT);
        tcp_sk(sk)->snd_ssthresh = window; /* hardly grows */
        options_ack(una += flight);
        tcp_sk(sk)->snd_cwnd = window;
        assert_in_range(info(sk).tcpi_delivery_rate, flight * 25 * 99 / 100, flight * 25);
        /* The first window followed a time in which nothing was to be sent. */
        assert_int_equal(info(sk).tcpi_delivery_rate_app_limited, i == 0);
    }
    testnet_drop_sent(t);
    host_advance_ms(RTT);
    options_ack(tcp_sk(sk)->snd_nxt);
    uint64_t rate = info(sk).tcpi_delivery_rate;
    for (unsigned i = 0; i < 3; i++) { /* a trickle is no news about the path */
        assert_int_equal(tcp_write(sk, data, SEG), SEG);
        testnet_drop_sent(t);
        host_advance_ms(RTT);
        options_ack(tcp_sk(sk)->snd_nxt);
    }
    assert_int_equal(info(sk).tcpi_delivery_rate, rate);
    assert_int_equal(info(sk).tcpi_delivered, 1 + 4 + 80 + 3); /* the SYN-ACK too */
    done(sk);
}

TEST("what a late ACK's block tells counts as delivered for the rate, too")
{
    struct sock *sk = sent(WITH_SACK, 20);
    uint32_t delivered = tcp_sk(sk)->delivered_bytes;

    host_advance_ms(RTT);
    options_ack(at(4));
    sack(2, 8, 10); /* it was sent before the last */
    assert_int_equal(info(sk).tcpi_sacked, 2);
    assert_int_equal(tcp_sk(sk)->delivered_bytes - delivered, 6 * SEG);
    options_ack(at(20));
    assert_int_equal(tcp_sk(sk)->delivered_bytes - delivered, 20 * SEG);
    done(sk);
}

TEST("a burst of ACKs does not look like a fast path: the rate is that of sending if that took longer")
{
    struct sock *sk = ready(WITH_SACK);

    tcp_sk(sk)->snd_cwnd = 12 * SEG;
    for (unsigned i = 0; i < 10; i++) { /* a segment every 10 ms */
        send_segs(sk, 1);
        host_advance_ms(5);
        if (i == 8)
            options_ack(at(1)); /* held up somewhere, with those that follow */
        host_advance_ms(5);
    }
    host_advance_ms(RTT - 10);
    options_ack(at(10));
    assert_in_range(info(sk).tcpi_delivery_rate, 90000, 110000);
    done(sk);
}

/* --- a window that is not used --- */

TEST("of a window of which little is used for an RTO half of the rest goes, unless told otherwise") /* RFC
                                                                                                       2861 */
{
    for (unsigned decay = 0; decay < 2; decay++) {
        set_sysctl("net.ipv4.tcp_slow_start_after_idle", decay ? "1" : "0");
        struct sock *sk = ready(WITH_SACK);
        tcp_sk(sk)->snd_cwnd = 110 * SEG;
        for (unsigned i = 0; i < 6; i++) { /* one segment per round trip, for an RTO */
            send_segs(sk, 1);
            host_advance_ms(RTT);
            options_ack(at(i + 1));
        }
        if (decay)
            assert_in_range(tcp_sk(sk)->snd_cwnd, 60 * SEG, 65 * SEG);
        else
            assert_int_equal(tcp_sk(sk)->snd_cwnd, 110 * SEG);
        done(sk);
        tcp_prot.close(listener80);
        listener80 = NULL;
        host_advance_ms(1000);
        peer_reset_state();
    }
}

/* --- hostile ACKs --- */

TEST("a partial ACK divided into a hundred draws one retransmission") /* RFC 5681 3.1, RFC 6582 3.2 */
{
    struct sock *sk = sent(0, SEGS);

    host_advance_ms(RTT);
    for (unsigned i = 0; i < 3; i++)
        options_ack(at(0));
    assert_int_equal(resent(), 1);
    for (unsigned i = 1; i <= 100; i++)
        options_ack(at(0) + i * 10 - 5);
    assert_int_equal(resent(), 0);
    options_ack(at(1));
    assert_int_equal(resent(), 1); /* the next hole */
    done(sk);
}

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % n;
}

static uint32_t most_steps; /* of one ACK */

static void hostile_ack(const struct sock *sk, uint32_t una, unsigned count,
                        const struct tcp_sack_block *blocks)
{
    uint32_t before = tcp_sk(sk)->ack_steps;

    options_ack_sacks(una, count, blocks);
    testnet_drop_sent(t);
    most_steps = max(most_steps, tcp_sk(sk)->ack_steps - before);
}

TEST("whatever blocks an ACK brings, it has us look at a bounded number of segments") /* CVE-2019-11477 ff. */
{
    enum { MANY = 6000, SMALL = 100 };
    struct sock *sk = ready(WITH_SACK);

    tcp_sk(sk)->snd_cwnd = tcp_sk(sk)->snd_wnd = tcp_sk(sk)->max_window = 1u << 24;
    for (unsigned i = 0; i < MANY; i++)
        tcp_write(sk, data, SMALL);
    testnet_drop_sent(t);
    assert_int_equal(tcp_sk(sk)->packets_out, MANY);
    host_advance_ms(RTT);
    most_steps = seed = 0;
    /* Every other segment, so that nothing lies together; then blocks from end to end, again and again. */
    for (unsigned i = 1; i < MANY; i += 2) {
        uint32_t from = first + i * SMALL, other = first + (1 + 2 * random_below(MANY / 2)) * SMALL;
        hostile_ack(sk, first, 2, (struct tcp_sack_block[]){{other, other + SMALL}, {from, from + SMALL}});
    }
    for (unsigned i = 0; i < 400; i++) {
        struct tcp_sack_block blocks[4];
        for (unsigned k = 0; k < 4; k++) {
            uint32_t from = random_below(MANY - 1), to = from + 1 + random_below(MANY - from);
            blocks[k] = (struct tcp_sack_block){first + from * SMALL + 1 + random_below(SMALL - 1),
                                                first + min(to, (uint32_t)MANY) * SMALL};
        }
        hostile_ack(sk, first, 4, blocks);
        if (i % 8 == 0)
            host_advance_ms(RTT / 4);
    }
    assert_in_range(most_steps, 1, 2 * 1024 + 16);
    done(sk);
}

TEST("while nothing is overdue an ACK does not go through all that may be lost yet") /* RFC 8985 6.2 step 5 */
{
    enum { MANY = 4000, SMALL = 100 };
    struct sock *sk = ready(WITH_SACK);

    set_sysctl("net.ipv4.tcp_recovery", "5"); /* time alone */
    tcp_sk(sk)->snd_cwnd = tcp_sk(sk)->snd_wnd = tcp_sk(sk)->max_window = 1u << 24;
    for (unsigned i = 0; i < MANY; i++)
        tcp_write(sk, data, SMALL);
    testnet_drop_sent(t);
    host_advance_ms(RTT);
    uint32_t end = first + MANY * SMALL;
    most_steps = 0;
    for (unsigned i = 1; i < 1000; i++)
        hostile_ack(sk, first, 1, &(struct tcp_sack_block){end - i * SMALL, end});
    assert_in_range(most_steps, 1, 8);
    done(sk);
}

/* --- what we tell of what we have (tcp_ofo.c) --- */

static bool is_queued(const struct tcp_sock *tp, uint32_t seq)
{
    const struct sk_buff *skb;

    skb_queue_walk (&tp->out_of_order_queue, skb)
        if (!before(seq, TCP_SKB_CB(skb)->seq) && before(seq, TCP_SKB_CB(skb)->end_seq))
            return true;
    return false;
}

TEST("without memory no segment is told by SACK that could not be kept") /* RFC 2018 8 */
{
    for (unsigned n = 1; n < 12; n++) {
        struct sock *sk = options_open(WITH_SACK);
        const struct tcp_sock *tp = tcp_sk(sk);
        uint32_t base = peer.snd;

        options_at(TCPHDR_ACK, base + 20, peer.rcv, "0123456789", 10, 0, NULL);
        options_at(TCPHDR_ACK, base + 60, peer.rcv, "0123456789", 10, 0, NULL);
        host_fail_allocation(n);
        options_at(TCPHDR_ACK, base + 5, peer.rcv, data, 80, 0, NULL); /* before, between and behind */
        host_fail_allocation(0);
        for (unsigned i = 0; i < tp->num_sacks; i++)
            for (uint32_t seq = tp->selective_acks[i].start_seq; seq != tp->selective_acks[i].end_seq; seq++)
                assert_true(is_queued(tp, seq));
        done(sk);
        tcp_prot.close(listener80);
        listener80 = NULL;
        host_advance_ms(1000);
        testnet_drop_sent(t);
        peer_reset_state();
    }
}

TEST_FIXTURE(peer_setup, peer_teardown)
