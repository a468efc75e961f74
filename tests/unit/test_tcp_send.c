/*
 * test_tcp_send.c - the sending side of a connection: segments, Nagle, the peer's window, retransmission,
 * loss and congestion, keep-alive.
 */
#include "tests/unit/tcp_peer.h"

#include "kernel/page.h"

static uint8_t pattern[300000];

static struct sock *open_with_pattern(void)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i * 7 + (i >> 8));
    return peer_open_passive();
}

static void ack_to(uint32_t ack)
{
    peer_at(TCPHDR_ACK, peer.snd, ack, NULL, 0);
}

/* Takes all segments that are out, each full: how many. */
static unsigned take_full_segments(void)
{
    struct segment s;
    unsigned n = 0;

    for (; peer_pop(&s); n++) {
        assert_int_equal(s.len, MSS);
        assert_int_equal(s.seq, peer.rcv);
        peer.rcv += MSS;
    }
    return n;
}

/* --- segments --- */

TEST("what is written goes out in full segments, the last with PSH") /* RFC 9293 SHLD-28, MUST-61 */
{
    struct sock *sk = open_with_pattern();

    assert_int_equal(tcp_write(sk, pattern, 4000), 4000);
    for (unsigned off = 0; off < 4000; off += MSS) {
        unsigned len = 4000 - off < MSS ? 4000 - off : MSS;
        peer_expect(TCPHDR_ACK, len);
        assert_memory_equal(peer.last.data, pattern + off, len);
        assert_int_equal(!!(peer.last.flags & TCPHDR_PSH), off + len == 4000);
    }
    tcp_prot.close(sk);
}

TEST("a page goes out by reference behind copied bytes, in one segment, checksum right")
{
    struct sock *sk = open_with_pattern();
    struct page *page = alloc_pages(1);
    uint8_t *bytes = page_address(page);

    memcpy(bytes, pattern, 8192);
    tcp_write_flags(sk, "header:", 7, MSG_MORE);
    peer_expect_nothing();
    assert_int_equal(tcp_prot.sendpage(sk, page, 100, 5000, MSG_DONTWAIT), 5000);
    peer_expect(TCPHDR_ACK, MSS);
    assert_memory_equal(peer.last.data, "header:", 7);
    assert_memory_equal(peer.last.data + 7, bytes + 100, MSS - 7);
    for (unsigned left = 5007 - MSS; left; left -= left < MSS ? left : MSS)
        peer_expect(TCPHDR_ACK, left < MSS ? left : MSS);
    peer_ack();
    assert_int_equal(page->refcount, 1);
    put_page(page);
    tcp_prot.close(sk);
}

TEST("odd pieces of copies keep the checksum right") /* the sum is taken while copying */
{
    struct sock *sk = open_with_pattern();
    unsigned total = 0;

    for (unsigned i = 0; i < 40; i++) {
        tcp_write_flags(sk, pattern + total, 1 + 2 * i, MSG_MORE);
        total += 1 + 2 * i;
    }
    tcp_prot.setsockopt(sk, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int){1}, sizeof(int));
    peer_expect(TCPHDR_ACK, MSS);
    assert_memory_equal(peer.last.data, pattern, MSS);
    peer_expect(TCPHDR_ACK, total - MSS);
    assert_memory_equal(peer.last.data, pattern + MSS, total - MSS);
    tcp_prot.close(sk);
}

/* --- Nagle, cork (RFC 9293 3.7.4) --- */

TEST("a second small segment waits until the first is acknowledged, and takes along what came meanwhile")
{
    struct sock *sk = open_with_pattern();

    tcp_write(sk, "a", 1);
    peer_expect(TCPHDR_ACK, 1);
    tcp_write(sk, "b", 1);
    tcp_write(sk, "c", 1);
    peer_expect_nothing();
    peer_ack();
    peer_expect(TCPHDR_ACK, 2);
    tcp_prot.close(sk);
}

TEST("small writes that wait grow into full segments")
{
    struct sock *sk = open_with_pattern();

    tcp_write(sk, "a", 1);
    peer_expect(TCPHDR_ACK, 1);
    for (int i = 0; i < 20; i++)
        tcp_write(sk, pattern + 100 * i, 100);
    peer_expect(TCPHDR_ACK, MSS);
    assert_memory_equal(peer.last.data, pattern, MSS);
    peer_expect_nothing();
    peer_ack();
    peer_expect(TCPHDR_ACK, 2000 - MSS);
    tcp_prot.close(sk);
}

TEST("with TCP_NODELAY each write goes at once") /* MUST-17 */
{
    struct sock *sk = open_with_pattern();
    int one = 1;

    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, 1, &one, sizeof(one)), 0);
    for (int i = 0; i < 3; i++) {
        tcp_write(sk, "x", 1);
        peer_expect(TCPHDR_ACK, 1);
    }
    tcp_prot.close(sk);
}

TEST("TCP_CORK holds back what is not full, for 200 ms at most or until it is pulled")
{
    struct sock *sk = open_with_pattern();
    int on = 1, off = 0;

    tcp_prot.setsockopt(sk, IPPROTO_TCP, 3, &on, sizeof(on));
    tcp_write(sk, pattern, 1500);
    peer_expect(TCPHDR_ACK, MSS);
    peer_expect_nothing();
    tcp_prot.setsockopt(sk, IPPROTO_TCP, 3, &off, sizeof(off));
    peer_expect(TCPHDR_ACK, 40);
    peer_ack();
    tcp_prot.setsockopt(sk, IPPROTO_TCP, 3, &on, sizeof(on));
    tcp_write(sk, "y", 1);
    peer_expect_nothing();
    host_advance_ms(250);
    peer_expect(TCPHDR_ACK, 1);
    tcp_prot.close(sk);
}

/* --- retransmission (RFC 6298) --- */

/* The next retransmission of `len` bytes comes `ms` from now, to the millisecond or two. */
static void expect_again_after(uint64_t ms, unsigned len)
{
    peer.rcv -= len;
    host_advance_ms(ms - 1);
    peer_expect_nothing();
    host_advance_ms(2);
    peer_expect(TCPHDR_ACK, len);
}

TEST("a lost segment goes again after 0.2, 0.4, 0.8 s ... and at least every 120 s") /* 5.4, 5.5 */
{
    struct sock *sk = open_with_pattern();
    uint64_t wait = 200;

    tcp_write(sk, "lost", 4);
    peer_expect(TCPHDR_ACK, 4);
    expect_again_after(wait, 4);
    for (int i = 0; i < 12; i++) {
        wait = wait * 2 < 120000 ? wait * 2 : 120000;
        expect_again_after(wait - 1, 4);
    }
    assert_int_equal(mib(MIB_TcpExtTCPTimeouts), 13);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("an ACK of new data restarts the timer, the ACK of all stops it") /* 5.2, 5.3 */
{
    struct sock *sk = open_with_pattern();

    tcp_write(sk, pattern, 2 * MSS);
    assert_int_equal(take_full_segments(), 2);
    host_advance_ms(150);
    ack_to(peer.rcv - MSS);
    host_advance_ms(150);
    peer_expect_nothing();
    ack_to(peer.rcv);
    host_advance_ms(5000);
    peer_expect_nothing();
    tcp_prot.close(sk);
}

TEST("round trips of what was sent twice are not measured, the longer RTO stays until one is") /* Karn, 6298 3
                                                                                                */
{
    struct sock *sk = open_with_pattern();

    tcp_write(sk, "a", 1);
    peer_expect(TCPHDR_ACK, 1);
    expect_again_after(200, 1);
    uint32_t srtt = tcp_sk(sk)->srtt_us;
    host_advance_ms(100);
    peer_ack();
    assert_int_equal(tcp_sk(sk)->srtt_us, srtt);
    tcp_write(sk, "b", 1);
    peer_expect(TCPHDR_ACK, 1);
    expect_again_after(400, 1);
    peer_ack();
    tcp_write(sk, "c", 1);
    peer_expect(TCPHDR_ACK, 1);
    peer_ack();
    tcp_write(sk, "d", 1);
    peer_expect(TCPHDR_ACK, 1);
    expect_again_after(200, 1);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("RTO follows the round trips: SRTT plus four times their variation") /* 6298 2.2, 2.3 */
{
    struct sock *sk = open_with_pattern();

    tcp_sk(sk)->srtt_us = 0;
    tcp_write(sk, "a", 1);
    peer_expect(TCPHDR_ACK, 1);
    host_advance_ms(100);
    peer_ack();
    assert_int_equal(tcp_sk(sk)->srtt_us, 100000);
    assert_int_equal(tcp_sk(sk)->rttvar_us, 50000);
    assert_int_equal(tcp_sk(sk)->rto_ms, 300);
    tcp_write(sk, "b", 1);
    peer_expect(TCPHDR_ACK, 1);
    host_advance_ms(180);
    peer_ack();
    assert_int_equal(tcp_sk(sk)->srtt_us, 110000);
    assert_int_equal(tcp_sk(sk)->rttvar_us, 57500);
    assert_int_equal(tcp_sk(sk)->rto_ms, 340);
    tcp_prot.close(sk);
}

TEST("a retransmission while the card still holds the first copy leaves that alone")
{
    struct sock *sk = open_with_pattern();

    t->stop_tx = true;
    tcp_write(sk, "held", 4);
    host_advance_ms(250);
    t->stop_tx = false;
    netif_wake_queue(t->dev);
    testnet_run(t);
    peer_expect(TCPHDR_ACK, 4);
    peer.rcv -= 4;
    peer_expect(TCPHDR_ACK, 4);
    tcp_prot.close(sk);
}

TEST("TCP_USER_TIMEOUT bounds how long data may stay unacknowledged") /* RFC 9293 MUST-21 */
{
    struct sock *sk = open_with_pattern();
    int ms = 3000;

    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, 18, &ms, sizeof(ms)), 0);
    tcp_write(sk, "x", 1);
    host_advance_ms(2900);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    host_advance_ms(4000);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(sk->sk_err, ETIMEDOUT);
    testnet_drop_sent(t);
    tcp_prot.close(sk);
}

/* --- the peer's window (RFC 9293 3.8.6) --- */

TEST("no more is sent than the window holds, and the rest when it opens")
{
    peer.wnd = 3000;
    struct sock *sk = open_with_pattern();

    tcp_write(sk, pattern, 10000);
    peer_expect(TCPHDR_ACK, MSS);
    peer_expect(TCPHDR_ACK, MSS);
    peer_expect_nothing(); /* 80 bytes of window are not worth a segment */
    peer.wnd = 20000;
    peer_ack();
    for (int i = 0; i < 4; i++)
        peer_expect(TCPHDR_ACK, MSS);
    tcp_prot.close(sk);
}

TEST("a shut window is probed after one RTO, ever more rarely, for as long as there are answers") /* MUST-36,
                                                                                                     37 */
{
    struct sock *sk = open_with_pattern();
    uint64_t wait = 200;

    peer.wnd = 0;
    peer_ack();
    tcp_write(sk, "stuck", 5);
    peer_expect_nothing();
    for (int i = 0; i < 30; i++) {
        host_advance_ms(wait - 1 - (i > 0));
        peer_expect_nothing();
        host_advance_ms(2);
        peer.rcv--;
        peer_expect(TCPHDR_ACK, 0);
        peer.rcv++;
        peer_ack();
        peer_expect_nothing();
        wait = wait * 2 < 120000 ? wait * 2 : 120000;
    }
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    peer.wnd = 1000;
    peer_ack();
    peer_expect(TCPHDR_ACK, 5);
    tcp_prot.close(sk);
}

TEST("probes that nobody answers end the connection") /* RFC 9293 MUST-20 */
{
    struct sock *sk = open_with_pattern();

    peer.wnd = 0;
    peer_ack();
    tcp_write(sk, "stuck", 5);
    host_advance_ms(2000000);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(sk->sk_err, ETIMEDOUT);
    testnet_drop_sent(t);
    tcp_prot.close(sk);
}

TEST("an orphan held at a zero window is given up although the peer answers") /* CVE-2008-4609 */
{
    struct sock *sk = open_with_pattern();
    struct segment s;

    peer.wnd = 0;
    peer_ack();
    tcp_write(sk, "stuck", 5);
    tcp_prot.close(sk);
    for (int i = 0; i < 500 && t->net->sock_count > 1; i++) {
        host_advance_ms(1000);
        while (peer_pop(&s))
            if (!(s.flags & TCPHDR_RST))
                peer_ack();
    }
    assert_int_equal(t->net->sock_count, 1);
}

TEST("a window that opens by less than a segment is used after the RTO") /* 3.8.6.2.1 override */
{
    struct sock *sk = open_with_pattern();

    peer.wnd = 0;
    peer_ack();
    tcp_write(sk, pattern, 5000);
    peer.wnd = 100;
    peer_ack();
    peer_expect_nothing();
    host_advance_ms(210);
    peer_expect(TCPHDR_ACK, 100);
    assert_memory_equal(peer.last.data, pattern, 100);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a window that shrinks below what is under way is survived") /* MUST-34 */
{
    struct sock *sk = open_with_pattern();

    tcp_write(sk, pattern, 4 * MSS);
    assert_int_equal(take_full_segments(), 4);
    peer.wnd = 100;
    ack_to(peer.rcv - 3 * MSS);
    testnet_drop_sent(t);
    peer.wnd = 65535;
    ack_to(peer.rcv - 3 * MSS);
    testnet_drop_sent(t);
    ack_to(peer.rcv);
    tcp_write(sk, "more", 4);
    peer_expect(TCPHDR_ACK, 4);
    tcp_prot.close(sk);
}

TEST("a peer with a window of a few hundred bytes gets segments of half of it") /* 3.8.6.2.1 */
{
    peer.wnd = 1000;
    struct sock *sk = open_with_pattern();

    tcp_write(sk, pattern, 3000);
    peer_expect(TCPHDR_ACK, 500);
    peer_expect(TCPHDR_ACK, 500);
    peer_expect_nothing();
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- congestion (RFC 5681, RFC 6582) --- */

static void send_much(struct sock *sk)
{
    sk->sk_sndbuf = 1u << 20;
    assert_int_equal(tcp_write(sk, pattern, 200 * MSS), 200 * MSS);
}

static void use_reno(struct sock *sk)
{
    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, 13 /* TCP_CONGESTION */, "reno", 4), 0);
}

TEST("ten segments go at first, then two for each that is acknowledged") /* RFC 6928, 5681 3.1 */
{
    struct sock *sk = open_with_pattern();

    send_much(sk);
    uint32_t first = peer.rcv;
    assert_int_equal(take_full_segments(), 10);
    for (uint32_t i = 1; i <= 5; i++) {
        ack_to(first + i * MSS);
        assert_int_equal(take_full_segments(), 2);
    }
    tcp_prot.close(sk);
}

TEST("a hundred ACKs for one segment open the window no further than one") /* ACK division, 5681 3.1 */
{
    struct sock *sk = open_with_pattern();

    send_much(sk);
    uint32_t first = peer.rcv;
    take_full_segments();
    for (uint32_t i = 1; i <= 146; i++)
        ack_to(first + i * 10);
    assert_in_range(take_full_segments(), 1, 2);
    tcp_prot.close(sk);
}

TEST("the third duplicate ACK sends the missing segment, the ACK of all ends recovery at half") /* 5681 3.2 */
{
    struct sock *sk = open_with_pattern();
    struct segment s;

    use_reno(sk);
    send_much(sk);
    uint32_t first = peer.rcv;
    assert_int_equal(take_full_segments(), 10);
    ack_to(first);
    ack_to(first);
    take_full_segments(); /* limited transmit: RFC 3042 */
    ack_to(first);
    assert_true(peer_pop(&s));
    assert_int_equal(s.seq, first);
    assert_int_equal(mib(MIB_TcpExtTCPFastRetrans), 1);
    for (int i = 0; i < 6; i++)
        ack_to(first);
    take_full_segments();
    ack_to(peer.rcv);
    assert_in_range(tcp_sk(sk)->snd_cwnd, 2 * MSS, 5 * MSS);
    assert_int_equal(tcp_sk(sk)->snd_ssthresh, 5 * MSS); /* limited transmit does not count */
    tcp_prot.close(sk);
}

TEST("limited transmit: the first two duplicate ACKs let one new segment out each") /* RFC 3042 */
{
    struct sock *sk = open_with_pattern();

    send_much(sk);
    uint32_t first = peer.rcv;
    take_full_segments();
    ack_to(first);
    assert_int_equal(take_full_segments(), 1);
    ack_to(first);
    assert_int_equal(take_full_segments(), 1);
    tcp_prot.close(sk);
}

TEST("a partial ACK sends the next hole at once") /* RFC 6582 3.2 step 3 */
{
    struct sock *sk = open_with_pattern();
    struct segment s;

    send_much(sk);
    uint32_t first = peer.rcv;
    take_full_segments();
    for (int i = 0; i < 3; i++)
        ack_to(first);
    testnet_drop_sent(t);
    ack_to(first + 4 * MSS);
    assert_true(peer_pop(&s));
    assert_int_equal(s.seq, first + 4 * MSS);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("three hundred forged duplicate ACKs let out no more than were in flight") /* Savage */
{
    struct sock *sk = open_with_pattern();
    struct segment s;
    unsigned n = 0;

    send_much(sk);
    uint32_t first = peer.rcv;
    take_full_segments();
    for (int i = 0; i < 300; i++)
        ack_to(first);
    while (peer_pop(&s))
        n++;
    assert_in_range(n, 1, 12);
    tcp_prot.close(sk);
}

TEST("an ACK with data or another window is no duplicate") /* RFC 5681 2 */
{
    struct sock *sk = open_with_pattern();

    send_much(sk);
    uint32_t first = peer.rcv;
    take_full_segments();
    for (uint32_t i = 0; i < 5; i++) {
        peer_at(TCPHDR_ACK, peer.snd, first, "d", 1);
        peer.snd++;
        peer.wnd--;
        ack_to(first);
    }
    assert_int_equal(mib(MIB_TcpExtTCPFastRetrans), 0);
    tcp_read(sk, 100);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a time-out starts again from one segment and sends all that was out") /* RFC 5681 3.1 */
{
    struct sock *sk = open_with_pattern();
    struct segment s;

    use_reno(sk);
    send_much(sk);
    uint32_t first = peer.rcv;
    take_full_segments();
    host_advance_ms(250);
    assert_true(peer_pop(&s));
    assert_int_equal(s.seq, first);
    peer_expect_nothing();
    assert_int_equal(tcp_sk(sk)->snd_cwnd, MSS);
    assert_int_equal(tcp_sk(sk)->snd_ssthresh, 5 * MSS);
    ack_to(first + MSS);
    for (uint32_t i = 1; i <= 2; i++) {
        assert_true(peer_pop(&s));
        assert_int_equal(s.seq, first + i * MSS);
    }
    peer_expect_nothing();
    ack_to(first + 10 * MSS);
    assert_true(peer_pop(&s));
    assert_int_equal(s.seq, first + 10 * MSS);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("duplicate ACKs of what was sent again after a time-out start no fast retransmit") /* 6582-3 */
{
    struct sock *sk = open_with_pattern();

    send_much(sk);
    uint32_t first = peer.rcv;
    take_full_segments();
    host_advance_ms(250);
    ack_to(first + 10 * MSS);
    for (int i = 0; i < 5; i++)
        ack_to(first + 10 * MSS);
    assert_int_equal(mib(MIB_TcpExtTCPFastRetrans), 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("after idleness longer than the RTO sending starts from the initial window") /* RFC 5681 4.1 */
{
    struct sock *sk = open_with_pattern();

    send_much(sk);
    for (int i = 0; i < 40; i++) {
        struct segment s;
        while (peer_pop(&s))
            peer.rcv = s.seq + s.len;
        peer_ack();
    }
    assert_true(tcp_sk(sk)->snd_cwnd > 20 * MSS);
    host_advance_ms(1000);
    tcp_write(sk, pattern, 100 * MSS);
    assert_int_equal(take_full_segments(), 10);
    tcp_prot.close(sk);
}

/* --- path MTU black holes --- */

TEST(
    "long segments that vanish again and again are sent in shorter ones, which stay short") /* RFC 4821 7.7 */
{
    struct sock *sk = open_with_pattern();
    struct segment s;
    unsigned longest = 0;

    tcp_write(sk, pattern, 3 * MSS);
    uint32_t first = peer.rcv;
    take_full_segments();
    for (int i = 0; i < 8 && longest != 730; i++) { /* 0.2, 0.4, 0.8, 1.6 s */
        host_advance_ms(300);
        while (peer_pop(&s))
            longest = s.len;
        host_advance_ms(300);
    }
    assert_int_equal(longest, 730);
    assert_int_equal(s.seq, first);
    peer.rcv = first + 3 * MSS;
    peer_ack();
    tcp_write(sk, pattern, 2000);
    assert_true(peer_pop(&s));
    assert_int_equal(s.len, 730);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("short segments that vanish say nothing about the path's MTU, nor do long ones if tcp_mtu_probing is 0")
{
    struct sock *sk = open_with_pattern();

    tcp_write(sk, pattern, 500);
    host_advance_ms(10000);
    assert_int_equal(tcp_sk(sk)->mss_cache, MSS);
    testnet_drop_sent(t);
    tcp_prot.close(sk);
    tcp_prot.close(listener80);
    testnet_drop_sent(t);
    set_sysctl("net.ipv4.tcp_mtu_probing", "0");
    peer_reset_state();
    peer.sport++;
    sk = open_with_pattern();
    tcp_write(sk, pattern, 3 * MSS);
    host_advance_ms(10000);
    assert_int_equal(tcp_sk(sk)->mss_cache, MSS);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- room, keep-alive --- */

TEST("with TCP_NOTSENT_LOWAT the queue holds no more unsent bytes than that, and poll() waits for half")
{
    struct sock *sk = open_with_pattern();
    int lowat = 2 * MSS;

    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, 25, &lowat, sizeof(lowat)), 0);
    peer.wnd = 3 * MSS;
    peer_ack();
    ssize_t n = tcp_write(sk, pattern, 100 * MSS);
    assert_in_range(n, 4 * MSS, 6 * MSS);
    assert_int_equal(tcp_write(sk, "x", 1), -EAGAIN);
    assert_int_equal(tcp_prot.poll(sk) & POLLOUT, 0);
    take_full_segments();
    peer_ack(); /* what was unsent goes: room again */
    assert_int_equal(tcp_prot.poll(sk) & POLLOUT, POLLOUT);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a full write queue takes no more, and poll() says so when there is room again")
{
    struct sock *sk = open_with_pattern();
    ssize_t n = tcp_write(sk, pattern, sizeof(pattern));

    assert_in_range(n, 1000, sizeof(pattern) - 1);
    assert_int_equal(tcp_write(sk, "x", 1), -EAGAIN);
    assert_int_equal(tcp_prot.poll(sk) & POLLOUT, 0);
    for (int i = 0; i < 60; i++) {
        struct segment s;
        while (peer_pop(&s))
            peer.rcv = s.seq + s.len;
        peer_ack();
    }
    assert_int_equal(tcp_prot.poll(sk) & POLLOUT, POLLOUT);
    assert_int_equal(tcp_write(sk, "x", 1), 1);
    tcp_prot.close(sk);
}

TEST(
    "keep-alive is off by default; on, it probes an idle peer and gives up on a dead one") /* MUST-24 to 29 */
{
    struct sock *sk = open_with_pattern();
    int idle = 10, intvl = 5, count = 3;

    host_advance_ms(20000000);
    peer_expect_nothing();
    tcp_prot.setsockopt(sk, IPPROTO_TCP, 4, &idle, sizeof(idle));
    tcp_prot.setsockopt(sk, IPPROTO_TCP, 5, &intvl, sizeof(intvl));
    tcp_prot.setsockopt(sk, IPPROTO_TCP, 6, &count, sizeof(count));
    peer_send("alive", 5);
    tcp_read(sk, 10);
    host_advance_ms(50);
    testnet_drop_sent(t);
    sk->sk_keepalive = true;
    tcp_prot.setsockopt(sk, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    host_advance_ms(10000);
    peer.rcv--;
    peer_expect_ack();
    peer.rcv++;
    peer_ack(); /* it lives */
    host_advance_ms(9900);
    peer_expect_nothing();
    for (int i = 0; i < 3; i++) {
        host_advance_ms(i ? 5000 : 200);
        peer.rcv--;
        peer_expect_ack();
        peer.rcv++;
        assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    }
    host_advance_ms(5000);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(sk->sk_err, ETIMEDOUT);
    testnet_drop_sent(t);
    tcp_prot.close(sk);
}

TEST_FIXTURE(peer_setup, peer_teardown)
