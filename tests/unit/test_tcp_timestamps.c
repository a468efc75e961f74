/*
 * test_tcp_timestamps.c - timestamps on the wire: negotiation, echo, PAWS, round trips, TIME_WAIT (RFC 7323,
 * RFC 6191).
 */
#include "tests/unit/tcp_peer_options.h"

/* --- negotiation --- */

TEST("our SYN has MSS, SACK-permitted, timestamp and window scale in Linux's order")
{
    struct sock *sk = peer_open_active_syn();
    const uint8_t *o = peer.last.options;

    assert_int_equal(peer.last.hdr_len, 40);
    assert_memory_equal(o, ((uint8_t[]){2, 4, 5, 180, 4, 2, 8, 10}), 8);
    assert_int_equal(testnet_u32(o + 12), 0); /* no echo yet: RFC 7323 3.2 */
    assert_memory_equal(o + 16, ((uint8_t[]){1, 3, 3}), 3);
    tcp_prot.close(sk);
}

TEST("a SYN-ACK answers only the options that the SYN had") /* RFC 7323 1.3, 7323-5; RFC 2018 2, 2018-1 */
{
    struct sock *l = tcp_listener(8);

    for (unsigned with = 0; with < 4; with++) {
        peer_reset_state();
        peer.sport = (uint16_t)(41000 + with);
        ts.val = 77;
        options_syn(with);
        assert_int_equal(got.ts, with & WITH_TS);
        assert_int_equal(got.sack_ok, !!(with & WITH_SACK));
        assert_int_equal(got.tsecr, with & WITH_TS ? 77 : 0);
    }
    tcp_prot.close(l);
}

TEST("tcp_timestamps and tcp_sack switch the options off")
{
    set_sysctl("net.ipv4.tcp_timestamps", "0");
    set_sysctl("net.ipv4.tcp_sack", "0");
    struct sock *sk = peer_open_active_syn();
    options_read();
    assert_false(got.ts);
    assert_false(got.sack_ok);
    assert_int_equal(peer.last.hdr_len, 28);
    tcp_prot.close(sk);
}

TEST("once negotiated a timestamp is in every segment, the RST too") /* RFC 7323 3.2, 7323-5 */
{
    struct sock *sk = options_open(WITH_TS);

    tcp_write(sk, "abc", 3);
    assert_true(options_pop());
    assert_true(got.ts);
    assert_int_equal(got.tsecr, ts.val);
    options_send("x", 1); /* left unread: close() will reset */
    host_advance_ms(50);
    assert_true(options_pop());
    assert_true(got.ts);
    tcp_prot.close(sk);
    assert_true(options_pop());
    assert_true(peer.last.flags & TCPHDR_RST);
    assert_true(got.ts);
}

TEST("a full segment is twelve bytes shorter when it carries a timestamp") /* RFC 6691 3 */
{
    static uint8_t data[4000];
    struct sock *sk = options_open(WITH_TS);

    tcp_write(sk, data, sizeof(data));
    assert_true(options_pop());
    assert_int_equal(peer.last.len, 1448);
    tcp_prot.close(sk);
}

TEST("a peer that never sends a timestamp gets none")
{
    struct sock *sk = options_open(0);

    tcp_write(sk, "abc", 3);
    assert_true(options_pop());
    assert_int_equal(peer.last.hdr_len, 20);
    tcp_prot.close(sk);
}

TEST("two connections do not show the same clock") /* RFC 7323 5.4, 7323-10 */
{
    struct sock *l = tcp_listener(8);
    uint32_t first;

    options_syn(WITH_TS);
    first = got.tsval;
    peer_reset_state();
    peer.sport++;
    options_syn(WITH_TS);
    assert_true(got.tsval - first > 1000 || first - got.tsval > 1000);
    tcp_prot.close(l);
}

TEST("our timestamps count milliseconds") /* RFC 7323 5.4 */
{
    struct sock *sk = options_open(WITH_TS);
    uint32_t before_ms;

    tcp_write(sk, "a", 1);
    assert_true(options_pop());
    before_ms = got.tsval;
    options_ack(peer.rcv + 1);
    host_advance_ms(700);
    tcp_write(sk, "b", 1);
    assert_true(options_pop());
    assert_int_equal(got.tsval - before_ms, 700);
    tcp_prot.close(sk);
}

/* --- echo and PAWS --- */

TEST("what is echoed is the timestamp of the segment that the last ACK stopped at") /* RFC 7323 4.3, 7323-7 */
{
    struct sock *sk = options_open(WITH_TS);
    uint32_t base = ts.val, start = peer.snd;

    ts.val = base + 20;
    options_at(TCPHDR_ACK, start + 10, peer.rcv, "late", 4, 0, NULL); /* beyond a hole */
    assert_true(options_pop());
    assert_int_equal(got.tsecr, base);
    ts.val = base + 10; /* older, and in front: PAWS must not mind */
    options_at(TCPHDR_ACK, start, peer.rcv, "0123456789", 10, 0, NULL);
    assert_true(options_pop());
    assert_int_equal(peer.last.ack, start + 14);
    assert_int_equal(got.tsecr, base + 10);
    tcp_read(sk, 100);
    tcp_prot.close(sk);
}

TEST("a segment with an older timestamp is dropped and acknowledged") /* RFC 7323 5.3, 7323-8 */
{
    struct sock *sk = options_open(WITH_TS);

    ts.val += 100; /* across the wrap */
    options_send("new", 3);
    assert_int_equal(tcp_read(sk, 10), 3);
    host_advance_ms(50);
    testnet_drop_sent(t);
    ts.val -= 1;
    options_at(TCPHDR_ACK | TCPHDR_PSH, peer.snd, peer.rcv, "old", 3, 0, NULL);
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    assert_int_equal(drops(SKB_DROP_REASON_TCP_PAWS), 1);
    assert_int_equal(mib(MIB_TcpExtPAWSEstab), 1);
    assert_true(options_pop());
    assert_int_equal(peer.last.ack, peer.snd);
    assert_int_equal(got.tsecr, ts.val + 1);
    tcp_prot.close(sk);
}

TEST("PAWS does not apply to a RST") /* RFC 7323 5.3 R1 */
{
    struct sock *sk = options_open(WITH_TS);

    ts.val -= 5;
    options_at(TCPHDR_RST, peer.snd, 0, NULL, 0, 0, NULL);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    tcp_prot.close(sk);
}

TEST("after 24 days of silence any timestamp is believed") /* RFC 7323 5.5, 7323-9 */
{
    struct sock *sk = options_open(WITH_TS);

    ts.val -= 5;
    host_advance_ms(24ull * 24 * 3600 * 1000 + 1000);
    options_send("new", 3);
    assert_int_equal(tcp_read(sk, 10), 3);
    host_advance_ms(50);
    assert_true(options_pop());
    assert_int_equal(got.tsecr, ts.val);
    tcp_prot.close(sk);
}

TEST("a segment from which a box has taken the timestamp is still good") /* 7323-6: with Linux, not the RFC */
{
    struct sock *sk = options_open(WITH_TS);

    ts.on = false;
    options_send("bare", 4);
    assert_int_equal(tcp_read(sk, 10), 4);
    ts.on = true;
    tcp_prot.close(sk);
}

TEST("segments with timestamps take the fast path")
{
    struct sock *sk = options_open(WITH_TS);
    uint64_t before_hits = mib(MIB_TcpExtTCPHPHits), before_acks = mib(MIB_TcpExtTCPHPAcks);

    options_send("a", 1);
    options_send("b", 1);
    assert_int_equal(mib(MIB_TcpExtTCPHPHits) - before_hits, 2);
    tcp_write(sk, "c", 1);
    assert_true(options_pop());
    options_ack(peer.rcv + 1);
    assert_int_equal(mib(MIB_TcpExtTCPHPAcks) - before_acks, 1);
    tcp_read(sk, 10);
    tcp_prot.close(sk);
}

/* --- round trips --- */

TEST("an ACK of a retransmission tells the round trip by its echo") /* RFC 7323 4, 6298-6 */
{
    struct sock *sk = options_open(WITH_TS);

    host_advance_ms(30);
    tcp_write(sk, "a", 1);
    assert_true(options_pop());
    host_advance_ms(900); /* sent again meanwhile */
    while (options_pop())
        ;
    assert_true(tcp_sk(sk)->rto_ms >= 400);
    ts.ecr = got.tsval;
    host_advance_ms(20);
    uint32_t age = (uint32_t)(host_now_ns() / 1000000) + tcp_sk(sk)->ts_offset - ts.ecr;
    tcp_sk(sk)->srtt_us = 0;
    options_ack(peer.rcv + 1);
    assert_int_equal(tcp_sk(sk)->srtt_us, age * 1000);
    tcp_prot.close(sk);
}

TEST("an absurd echo moves no timer") /* RFC 7323 4 */
{
    struct sock *sk = options_open(WITH_TS);
    uint32_t rto = tcp_sk(sk)->rto_ms;

    tcp_write(sk, "a", 1);
    host_advance_ms(900);
    while (options_pop())
        ;
    ts.ecr += 0x40000000;
    uint32_t srtt = tcp_sk(sk)->srtt_us;
    options_ack(peer.rcv + 1);
    assert_int_equal(tcp_sk(sk)->srtt_us, srtt);
    assert_true(rto < 1000);
    tcp_prot.close(sk);
}

/* --- TIME_WAIT --- */

/* The stack has closed first; the connection is in TIME_WAIT, its last timestamp ts.val. */
static void end_in_time_wait(void)
{
    struct sock *sk = options_open(WITH_TS);

    tcp_prot.close(sk);
    assert_true(options_pop());
    options_ack(peer.rcv + 1);
    ts.val += 10;
    options_at(TCPHDR_FIN | TCPHDR_ACK, peer.snd, peer.rcv + 1, NULL, 0, 0, NULL);
    assert_true(options_pop());
    assert_true(got.ts);
    assert_int_equal(got.tsecr, ts.val);
    assert_int_equal(mib(MIB_TcpExtTW), 1);
}

static void syn_into_time_wait(uint32_t seq)
{
    uint8_t options[12] = {1, 1, TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP};

    put_unaligned_be32(ts.val, options + 4);
    peer_raw(
        &(struct raw){.seq = seq, .flags = TCPHDR_SYN, .wnd = 1000, .options = options, .options_len = 12});
    assert_true(options_pop());
}

TEST("TIME_WAIT gives way to a SYN with a newer timestamp, whatever its number") /* RFC 6191 2, 6191-1 */
{
    end_in_time_wait();
    ts.val++;
    syn_into_time_wait(peer.snd - 5000);
    assert_int_equal(peer.last.flags, TCPHDR_SYN | TCPHDR_ACK);
}

TEST("TIME_WAIT stays when a SYN's timestamp is older, even with a newer number") /* RFC 6191 2 */
{
    end_in_time_wait();
    ts.val--;
    syn_into_time_wait(peer.snd + 5000);
    assert_int_equal(peer.last.flags, TCPHDR_ACK);
    assert_true(got.ts);
}

TEST_FIXTURE(peer_setup, peer_teardown)
