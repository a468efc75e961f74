/*
 * test_tcp_rack.c - loss recovery towards a peer with SACK: scoreboard (RFC 6675), RACK-TLP (RFC 8985), rate
 * reduction (RFC 6937), undo (RFC 3522, RFC 3708, RFC 5682).
 */
#include "tests/unit/tcp_flight.h"

#include "tests/host/tcp_check.h"

static struct sock *sent(unsigned with, unsigned segs)
{
    struct sock *sk = flight_open(with);

    for (unsigned i = 0; i < segs; i++) {
        assert_int_equal(tcp_write(sk, data, SEG), SEG);
        assert_true(options_pop());
        assert_int_equal(peer.last.seq, at(i));
        assert_int_equal(peer.last.len, SEG);
    }
    ts.ecr = got.tsval;
    peer_expect_nothing();
    return sk;
}

/* What is sent now, at once: segment numbers as a bit mask. */
static uint32_t resent(void)
{
    uint32_t mask = 0;

    while (options_pop())
        if (peer.last.len)
            mask |= 1u << (peer.last.seq - first) / SEG;
    return mask;
}

static void done(struct sock *sk)
{
    options_at(TCPHDR_RST, peer.snd, 0, NULL, 0, 0, NULL);
    tcp_prot.close(sk);
}

/* --- scoreboard --- */

TEST("three segments SACKed above a hole: the hole is sent again, nothing else") /* RFC 6675 4-5, 5681-5 */
{
    struct sock *sk = sent(WITH_SACK, SEGS);

    host_advance_ms(RTT);
    sack(0, 1, 2);
    sack(0, 1, 3);
    assert_int_equal(resent(), 0);
    sack(0, 1, 4);
    assert_int_equal(resent(), 1 << 0);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    assert_int_equal(tcp_sk(sk)->ca_state, CA_RECOVERY);
    assert_int_equal(mib(MIB_TcpExtTCPSackRecovery), 1);
    done(sk);
}

TEST("of several holes each is sent again once, and never what was SACKed") /* RFC 6675 5, 6675-2 */
{
    struct sock *sk = sent(WITH_SACK | WITH_TS, SEGS);
    uint32_t mask = 0;

    host_advance_ms(RTT);
    struct tcp_sack_block blocks[3] = {{at(1), at(3)}, {at(4), at(6)}, {at(7), at(10)}};
    for (unsigned n = 1; n <= 3; n++) {
        options_ack_sacks(at(0), n, blocks);
        uint32_t again = resent();
        assert_int_equal(mask & again, 0);
        mask |= again;
    }
    for (unsigned i = 0; i < 5; i++) {
        host_advance_ms(RTT / 4);
        options_ack_sacks(at(0), 3, blocks);
        mask |= resent();
    }
    assert_int_equal(mask & ~(1u << 0 | 1u << 3 | 1u << 6), 0);
    assert_int_equal(mask & 1, 1);
    done(sk);
}

TEST("forged blocks change nothing") /* attacks.tsv: SACK forging */
{
    struct sock *sk = sent(WITH_SACK, SEGS);
    struct tcp_sack_block forged[] = {
        {at(12), at(14)},               /* never sent */
        {at(5), at(3)},                 /* reversed */
        {at(9), at(11)},                /* runs beyond what was sent */
        {at(2), at(2)},                 /* empty */
        {first - 100000, first - 90000} /* long ago, as a D-SACK of what was never sent twice */
    };

    host_advance_ms(RTT);
    for (unsigned i = 0; i < 5; i++)
        options_ack_sacks(at(0), 1, &forged[i]);
    assert_int_equal(tcp_sk(sk)->sacked_out, 0);
    assert_int_equal(tcp_sk(sk)->rack_reo_steps, 0);
    assert_int_equal(resent(), 0);
    done(sk);
}

TEST("duplicate ACKs without SACK blocks send nothing to a peer with SACK") /* RFC 5681 3.1: ACK attacks */
{
    struct sock *sk = sent(WITH_SACK, SEGS);

    for (unsigned i = 0; i < 30; i++)
        options_ack(at(0));
    assert_int_equal(resent(), 0);
    assert_int_equal(tcp_sk(sk)->ca_state, CA_OPEN);
    done(sk);
}

TEST("a SACKed segment lets a new one out before loss is certain") /* RFC 3042, 5681-7 */
{
    struct sock *sk = sent(WITH_SACK, SEGS);

    tcp_sk(sk)->snd_cwnd = SEGS * SEG;
    tcp_write(sk, data, 2 * SEG);
    assert_int_equal(resent(), 0);
    host_advance_ms(RTT);
    sack(0, 1, 3);
    assert_int_not_equal(resent() & 1u << 10, 0);
    done(sk);
}

TEST("recovery shrinks the window to seven tenths and ends when all that was out is acknowledged") /* 5681-6,
                                                                                                      9438 4.6
                                                                                                    */
{
    struct sock *sk = sent(WITH_SACK, SEGS);

    host_advance_ms(RTT);
    sack(0, 1, 10);
    assert_int_equal(resent(), 1);
    host_advance_ms(RTT);
    options_ack(at(10));
    assert_int_equal(tcp_sk(sk)->ca_state, CA_OPEN);
    assert_int_equal(tcp_sk(sk)->snd_cwnd, SEGS * SEG * 7 / 10);
    assert_int_equal(tcp_sk(sk)->sacked_out, 0);
    assert_int_equal(tcp_sk(sk)->lost_out, 0);
    assert_int_equal(tcp_sk(sk)->retrans_out, 0);
    done(sk);
}

/* --- RACK --- */

TEST("one segment SACKed above a hole: after a quarter of a round trip it is lost") /* RFC 8985 6.2, 8985-1 */
{
    struct sock *sk = sent(WITH_SACK, 3);

    host_advance_ms(RTT);
    sack(0, 1, 2);
    assert_int_equal(resent(), 0);
    host_advance_ms(RTT / 4 - 2);
    assert_int_equal(resent(), 0);
    host_advance_ms(5);
    assert_int_equal(resent(), 1);
    done(sk);
}

TEST("a segment that was overtaken within the reordering window is not sent again") /* 8985-2 */
{
    struct sock *sk = sent(WITH_SACK, 5);

    host_advance_ms(RTT);
    sack(0, 1, 3);
    host_advance_ms(RTT / 4 - 3);
    options_ack(at(3)); /* it has come */
    host_advance_ms(2);
    assert_int_equal(resent(), 0);
    assert_int_equal(tcp_sk(sk)->rack_reord_seen, true);
    /* Now the order is known to change: three segments are no proof any more. */
    done(sk);
}

TEST("once the order has been seen to change three SACKed segments are no proof") /* RFC 8985 6.2 step 4 */
{
    struct sock *sk = sent(WITH_SACK, SEGS);

    host_advance_ms(RTT);
    sack(0, 1, 3);
    options_ack(at(3));
    sack(3, 4, 9);
    assert_int_equal(resent(), 0);
    host_advance_ms(RTT / 4 + 3);
    assert_int_equal(resent() & 1u << 3, 1u << 3);
    done(sk);
}

TEST("a lost retransmission is found without a time-out") /* RFC 8985 6.2, 8985-3 */
{
    struct sock *sk = sent(WITH_SACK | WITH_TS, SEGS);

    host_advance_ms(RTT);
    sack(0, 1, 4);
    assert_int_equal(resent(), 1); /* and this one is lost */
    tcp_write(sk, data, 9 * SEG);
    host_advance_ms(1);
    sack(0, 1, 10);
    assert_true(after(tcp_sk(sk)->snd_nxt, at(10))); /* new data behind it */
    assert_int_equal(resent() & 1, 0);
    host_advance_ms(RTT);
    ts.ecr = got.tsval;
    options_ack_sacks(at(0), 1, &(struct tcp_sack_block){at(1), tcp_sk(sk)->snd_nxt});
    host_advance_ms(RTT / 4 + 3);
    assert_int_equal(resent() & 1, 1);
    assert_int_equal(mib(MIB_TcpExtTCPTimeouts), 0);
    assert_true(mib(MIB_TcpExtTCPLostRetransmit) >= 1);
    done(sk);
}

TEST("a retransmission that is SACKed shows that one sent before it is lost, whatever the ACK echoes")
/* RFC 8985 6.2 step 2, RFC 7323 4.3: beyond a hole the echo is an old one */
{
    struct sock *sk = sent(WITH_SACK | WITH_TS, SEGS);

    host_advance_ms(RTT);
    sack(0, 2, 10);
    assert_int_equal(resent() & 3, 3); /* 0 and 1; 0 is lost again */
    host_advance_ms(RTT + 1);
    sack(0, 1, 10); /* ts.ecr as before */
    assert_int_equal(resent() & 1, 1);
    assert_int_equal(mib(MIB_TcpExtTCPTimeouts), 0);
    done(sk);
}

TEST("tcp_recovery=0 counts segments: RFC 6675's rule") /* 6675-1 */
{
    set_sysctl("net.ipv4.tcp_recovery", "0");
    struct sock *sk = sent(WITH_SACK, SEGS);

    host_advance_ms(RTT);
    sack(0, 1, 2);
    host_advance_ms(RTT / 2);
    assert_int_equal(resent() & 1, 0);
    sack(0, 1, 4);
    assert_int_equal(resent() & 1, 1);
    done(sk);
}

/* --- TLP --- */

TEST("a lost tail is sent again after two round trips") /* RFC 8985 7.2, 8985-4 */
{
    struct sock *sk = sent(WITH_SACK, 4);

    host_advance_ms(RTT);
    options_ack(at(2)); /* 2 and 3 are lost */
    host_advance_ms(RTT - 5);
    assert_int_equal(resent(), 0);
    host_advance_ms(10);
    assert_int_equal(resent(), 1 << 3);
    assert_int_equal(mib(MIB_TcpExtTCPLossProbes), 1);
    host_advance_ms(RTT);
    sack(2, 3, 4); /* the probe has arrived: RACK does the rest */
    host_advance_ms(RTT / 4 + 3);
    assert_int_equal(resent(), 1 << 2);
    assert_int_equal(mib(MIB_TcpExtTCPTimeouts), 0);
    done(sk);
}

TEST("a lone lost segment is probed within two round trips and 40 ms") /* 8985-4 */
{
    struct sock *sk = sent(WITH_SACK, 1);

    host_advance_ms(2 * RTT + 20);
    assert_int_equal(resent(), 0); /* a delayed ACK may be on its way */
    host_advance_ms(20);
    assert_int_equal(resent(), 1);
    done(sk);
}

TEST("there is one probe per tail, then the retransmission timer") /* RFC 8985 7.2, 8985-5 */
{
    struct sock *sk = sent(WITH_SACK, 2);

    host_advance_ms(2 * RTT + 20);
    assert_int_equal(resent(), 1 << 1);
    host_advance_ms(150);
    assert_int_equal(resent(), 0);
    host_advance_ms(300);
    assert_int_equal(resent() & 1, 1);
    assert_int_equal(mib(MIB_TcpExtTCPLossProbes), 1);
    assert_true(mib(MIB_TcpExtTCPTimeouts) >= 1);
    done(sk);
}

TEST("a probe carries new data if there is any") /* RFC 8985 7.3 */
{
    struct sock *sk = sent(WITH_SACK, 4);

    tcp_sk(sk)->snd_cwnd = 4 * SEG;
    tcp_write(sk, data, SEG); /* the congestion window holds it back */
    assert_int_equal(resent(), 0);
    host_advance_ms(2 * RTT + 10);
    assert_int_equal(resent(), 1 << 4);
    done(sk);
}

TEST("a probe that repaired a loss reduces the window") /* RFC 8985 7.4, 8985-5 */
{
    struct sock *sk = sent(WITH_SACK, 4);
    uint32_t cwnd = tcp_sk(sk)->snd_cwnd;

    options_ack(at(3));
    host_advance_ms(2 * RTT + 40);
    assert_int_equal(resent(), 1 << 3);
    options_ack(at(4));
    tcp_write(sk, data, SEG);
    resent();
    options_ack(at(5));
    assert_int_equal(mib(MIB_TcpExtTCPLossProbeRecovery), 1);
    assert_true(tcp_sk(sk)->snd_cwnd < cwnd);
    done(sk);
}

TEST("a needless probe does not reduce the window; the next waits for the longest delayed ACK") /* 7.4 */
{
    struct sock *sk = sent(WITH_SACK, 1);
    uint32_t cwnd = tcp_sk(sk)->snd_cwnd;

    host_advance_ms(2 * RTT + 40);
    assert_int_equal(resent(), 1);
    options_ack(at(1)); /* late, but it had arrived */
    options_ack_sacks(at(1), 1, &(struct tcp_sack_block){at(0), at(1)});
    tcp_write(sk, data, SEG);
    assert_int_equal(resent(), 1 << 1);
    host_advance_ms(2 * RTT + 60);
    assert_int_equal(resent(), 0);
    options_ack(at(2));
    assert_int_equal(mib(MIB_TcpExtTCPLossProbeRecovery), 0);
    assert_true(tcp_sk(sk)->snd_cwnd >= cwnd);
    done(sk);
}

TEST("tcp_early_retrans=0 sends no probes")
{
    set_sysctl("net.ipv4.tcp_early_retrans", "0");
    struct sock *sk = sent(WITH_SACK, 2);

    host_advance_ms(2 * RTT + 60);
    assert_int_equal(resent(), 0);
    done(sk);
}

TEST("a lost tail of retransmissions is probed as well") /* RFC 9002 6.2.1; without it: the time-out */
{
    struct sock *sk = sent(WITH_SACK, 4);

    host_advance_ms(RTT);
    sack(0, 1, 4);
    assert_int_equal(resent(), 1); /* is lost, and nothing follows it */
    host_advance_ms(2 * RTT + 20);
    assert_int_equal(resent(), 1);
    assert_int_equal(mib(MIB_TcpExtTCPLossProbes), 1);
    host_advance_ms(2 * RTT + 20);
    assert_int_equal(resent(), 0); /* one probe, then the retransmission timer */
    host_advance_ms(200);
    assert_int_equal(resent(), 1);
    assert_int_equal(mib(MIB_TcpExtTCPTimeouts), 1);
    done(sk);
}

TEST("after a time-out nothing is probed until the peer has been heard") /* RFC 6298 5.5 */
{
    struct sock *sk = sent(WITH_SACK | WITH_TS, 4);

    host_advance_ms(2 * RTT + 20);
    resent();
    host_advance_ms(250);
    assert_int_equal(resent() & 1, 1);
    assert_int_equal(tcp_sk(sk)->ca_state, CA_LOSS);
    sack(0, 3, 4); /* a word, but none about what was sent again */
    host_advance_ms(350);
    assert_int_equal(resent(), 0);
    done(sk);
}

/* --- time-outs --- */

TEST("a time-out sends the first segment and shrinks the window to one") /* 5681-4, 6298-8 */
{
    struct sock *sk = sent(WITH_SACK, SEGS);

    host_advance_ms(600);
    resent();
    assert_int_equal(tcp_sk(sk)->ca_state, CA_LOSS);
    assert_int_equal(tcp_sk(sk)->snd_ssthresh, SEGS * SEG * 7 / 10);
    assert_int_equal(tcp_sk(sk)->snd_cwnd, tcp_sk(sk)->mss_cache);
    done(sk);
}

TEST("the RTO falls back when a D-SACK answers what was sent again") /* RFC 6298 5.7 */
{
    struct sock *sk = sent(WITH_SACK | WITH_TS, SEGS);
    uint32_t srtt_us = tcp_sk(sk)->srtt_us;

    host_advance_ms(1000); /* all ACKs are lost, and one more */
    resent();
    assert_true(tcp_sk(sk)->rto_ms >= 2 * (RTT + 200));
    uint64_t again = host_now_ns();
    while (!resent())
        host_advance_ms(1);
    assert_true(host_now_ns() - again < NSEC_PER_SEC);
    host_advance_ms(RTT);
    /* The echo is that of the first arrival, more than a second ago. */
    options_ack_sacks(at(SEGS), 1, &(struct tcp_sack_block){at(0), at(1)});
    assert_in_range(tcp_sk(sk)->rto_ms, 200, RTT + 220);
    assert_in_range(tcp_sk(sk)->srtt_us, srtt_us - 5000, srtt_us + 5000);
    done(sk);
}

TEST("a peer that takes SACKed data back gets it again after a time-out") /* RFC 2018 8, 2018-5 */
{
    struct sock *sk = sent(WITH_SACK, 4);

    host_advance_ms(RTT);
    sack(0, 1, 4);
    assert_int_equal(resent(), 1);
    host_advance_ms(RTT);
    options_ack(at(1)); /* 1 to 3 were SACKed, yet this acknowledges only 0 */
    assert_int_equal(resent(), 0);
    for (unsigned i = 1; i < 4; i++) {
        host_advance_ms(1500);
        assert_int_not_equal(resent() & 1u << i, 0);
        options_ack(at(i + 1));
    }
    assert_true(mib(MIB_TcpExtTCPSACKReneging) >= 1);
    assert_int_equal(tcp_sk(sk)->packets_out, 0);
    assert_int_equal(tcp_sk(sk)->sacked_out, 0);
    done(sk);
}

/* --- undo --- */

TEST("an ACK that echoes a time before the retransmission takes the time-out back") /* RFC 3522 */
{
    struct sock *sk = sent(WITH_SACK | WITH_TS, SEGS);
    uint32_t cwnd = tcp_sk(sk)->snd_cwnd, echo = ts.ecr;

    host_advance_ms(600);
    assert_int_not_equal(resent() & 1, 0);
    assert_int_equal(tcp_sk(sk)->ca_state, CA_LOSS);
    ts.ecr = echo; /* caused by the first transmission, delayed */
    options_ack(at(2));
    assert_int_equal(tcp_sk(sk)->ca_state, CA_OPEN);
    assert_true(tcp_sk(sk)->snd_cwnd >= cwnd);
    assert_int_equal(resent() & 0x3ff, 0);
    done(sk);
}

TEST("an ACK that echoes the retransmission takes nothing back") /* RFC 3522 */
{
    struct sock *sk = sent(WITH_SACK | WITH_TS, SEGS);

    host_advance_ms(600);
    resent();
    ts.ecr = got.tsval;
    options_ack(at(1));
    assert_int_equal(tcp_sk(sk)->ca_state, CA_LOSS);
    assert_int_not_equal(resent(), 0);
    done(sk);
}

TEST("D-SACKs for all that was sent again take the recovery back") /* RFC 3708 */
{
    struct sock *sk = sent(WITH_SACK, SEGS);
    uint32_t cwnd = tcp_sk(sk)->snd_cwnd;

    host_advance_ms(RTT);
    sack(0, 1, 4);
    assert_int_equal(resent(), 1);
    options_ack(at(SEGS)); /* it was only late */
    assert_true(tcp_sk(sk)->snd_cwnd < cwnd);
    options_ack_sacks(at(SEGS), 1, &(struct tcp_sack_block){at(0), at(1)});
    assert_int_equal(mib(MIB_TcpExtTCPDSACKUndo), 1);
    assert_true(tcp_sk(sk)->snd_cwnd >= cwnd);
    assert_true(tcp_sk(sk)->rack_reo_steps >= 2); /* and the reordering window has grown: 8985-2 */
    done(sk);
}

TEST("without timestamps two ACKs of what was not sent again take the time-out back") /* RFC 5682 3.1 */
{
    set_sysctl("net.ipv4.tcp_early_retrans", "0"); /* no probe in the way */
    struct sock *sk = sent(WITH_SACK, SEGS);
    uint32_t cwnd = tcp_sk(sk)->snd_cwnd;

    tcp_write(sk, data, 20 * SEG);
    resent();
    host_advance_ms(600);
    resent();
    assert_int_equal(tcp_sk(sk)->ca_state, CA_LOSS);
    options_ack(at(1));
    resent();
    options_ack(at(3));
    assert_int_equal(tcp_sk(sk)->ca_state, CA_OPEN);
    assert_int_equal(mib(MIB_TcpExtTCPSpuriousRTOs), 1);
    assert_true(tcp_sk(sk)->snd_cwnd >= cwnd);
    done(sk);
}

TEST("an ACK that ends inside a segment takes its part of every sum") /* RFC 6675 4 */
{
    struct tcp_check check = {0};
    const void *broken_sk;

    struct sock *sk = sent(WITH_TS | WITH_SACK, SEGS);
    sack(0, 0, 1); /* the peer has it, it says, and does not acknowledge it */
    assert_int_equal(tcp_sk(sk)->sacked_out, SEG);
    options_ack(at(0) + 300);
    assert_int_equal(tcp_sk(sk)->sacked_out, SEG - 300);
    assert_null(tcp_check(t->net, &check, &broken_sk));
    options_ack(at(1));
    host_advance_ms(1000); /* a time-out: the first is lost, and sent again */
    resent();
    assert_int_equal(tcp_sk(sk)->ca_state, CA_LOSS);
    assert_true(tcp_sk(sk)->retrans_out >= SEG && tcp_sk(sk)->lost_out >= SEG);
    uint32_t again = tcp_sk(sk)->retrans_out;
    options_ack(at(1) + 400);
    assert_true(tcp_sk(sk)->retrans_out >= again - 400);
    assert_null(tcp_check(t->net, &check, &broken_sk));
    done(sk);
}

TEST("after an outage the least round trip is not the outage") /* RFC 8985 6.2 step 1, RFC 6298 3 */
{
    struct sock *sk = sent(WITH_TS | WITH_SACK, SEGS);
    uint32_t least = tcp_sk(sk)->min_rtt_us;

    assert_in_range(least, 1, (RTT + 1) * 1000);
    host_advance_ms(400000); /* five had arrived, their ACKs were lost; the first is sent again and again */
    while (options_pop())
        ;
    ts.val += 400000;
    ts.ecr = got.tsval;
    host_advance_ms(RTT);
    options_ack(at(5));
    assert_int_equal(tcp_sk(sk)->snd_una, at(5));
    assert_int_equal(tcp_sk(sk)->min_rtt_us, least);
    done(sk);
}

TEST_FIXTURE(peer_setup, peer_teardown)
