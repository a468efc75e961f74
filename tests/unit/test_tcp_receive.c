/*
 * test_tcp_receive.c - the receiving side of a connection: reassembly, when an ACK goes out, the window
 * offered.
 */
#include "tests/unit/tcp_peer.h"

static uint8_t pattern[65536];

static void fill_pattern(void)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void ignore_sent(void)
{
    testnet_drop_sent(t);
}

/* The peer sends until the window it was offered is used up to the last byte. */
static void shut_window(const struct sock *sk)
{
    for (;;) {
        uint32_t room = tcp_sk(sk)->rcv_wup + tcp_sk(sk)->rcv_wnd - peer.snd;
        if (!room)
            break;
        peer_send(pattern, room < 1000 ? room : 1000);
        host_advance_ms(50);
    }
    ignore_sent();
    assert_int_equal(tcp_sk(sk)->rcv_wnd, 0);
}

/* --- reassembly --- */

TEST("segments in any order are delivered in theirs") /* RFC 9293 SHLD-31 */
{
    static const char *const pieces[] = {"ab", "cd", "ef", "gh"};
    static const int orders[][4] = {{3, 2, 1, 0}, {1, 3, 2, 0}, {2, 0, 3, 1}, {0, 3, 1, 2}};
    struct sock *sk = peer_open_passive();

    for (size_t o = 0; o < 4; o++) {
        for (int i = 0; i < 4; i++)
            peer_at(TCPHDR_ACK, peer.snd + 2u * (unsigned)orders[o][i], peer.rcv, pieces[orders[o][i]], 2);
        peer.snd += 8;
        assert_int_equal(tcp_read(sk, 100), 8);
        assert_memory_equal(peer_buf, "abcdefgh", 8);
        ignore_sent();
    }
    tcp_prot.close(sk);
}

TEST("each segment beyond a hole draws a duplicate ACK at once, filling it an ACK of all") /* RFC 5681 4.2 */
{
    struct sock *sk = peer_open_passive();

    for (unsigned i = 1; i <= 3; i++) {
        peer_at(TCPHDR_ACK, peer.snd + 100 * i, peer.rcv, pattern, 100);
        peer_expect_ack();
    }
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv, pattern, 100);
    peer.snd += 400;
    peer_expect_ack();
    assert_int_equal(tcp_read(sk, 1000), 400);
    tcp_prot.close(sk);
}

TEST("of overlapping segments the byte that came first is delivered") /* Ptacek/Newsham */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_ACK, peer.snd + 4, peer.rcv, "EFGH", 4);
    peer_at(TCPHDR_ACK, peer.snd + 10, peer.rcv, "KL", 2);
    peer_at(TCPHDR_ACK, peer.snd + 2, peer.rcv, "cdxxxxijxxmn", 12); /* around both */
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv, "abyyyyyyyyyyyyop", 16);
    peer.snd += 16;
    assert_int_equal(tcp_read(sk, 100), 16);
    assert_memory_equal(peer_buf, "abcdEFGHijKLmnop", 16);
    tcp_prot.close(sk);
}

TEST("delivered bytes are those first received, for any overlaps") /* seeded */
{
    struct sock *sk = peer_open_passive();

    fill_pattern();
    srand(7);
    for (int round = 0; round < 200; round++) {
        uint32_t base = peer.snd;
        uint8_t first[300];
        bool have[300] = {false};
        for (int i = 0; i < 40; i++) {
            unsigned from = (unsigned)rand() % 299 + 1, len = (unsigned)rand() % 60 + 1;
            uint8_t data[60];
            len = len > 300 - from ? 300 - from : len;
            for (unsigned k = 0; k < len; k++) {
                data[k] = (uint8_t)rand();
                if (!have[from + k])
                    first[from + k] = data[k];
                have[from + k] = true;
            }
            peer_at(TCPHDR_ACK, base + from, peer.rcv, data, len);
        }
        unsigned whole = 1;
        while (whole < 300 && have[whole])
            whole++;
        first[0] = 42;
        peer_at(TCPHDR_ACK, base, peer.rcv, first, 1);
        assert_int_equal(tcp_read(sk, 1000), whole);
        assert_memory_equal(peer_buf, first, whole);
        for (unsigned k = whole; k < 300; k++) /* fill up, so that the next round starts afresh */
            if (!have[k])
                first[k] = 1;
        peer_at(TCPHDR_ACK, base + whole, peer.rcv, first + whole, 300 - whole);
        peer.snd = base + 300;
        assert_int_equal(tcp_read(sk, 1000), 300 - whole ? (int)(300 - whole) : -EAGAIN);
        assert_memory_equal(peer_buf, first + whole, 300 - whole);
        ignore_sent();
    }
    tcp_prot.close(sk);
}

TEST("thousands of one-byte segments beyond a hole take up no more than the receive buffer") /* CVE-2018-5390
                                                                                              */
{
    struct sock *sk = peer_open_passive();

    for (unsigned i = 0; i < 20000; i++)
        peer_at(TCPHDR_ACK, peer.snd + 1 + (i * 7919u) % 60000u, peer.rcv, "x", 1);
    ignore_sent();
    assert_true(sk->sk_rmem_alloc <= sk->sk_rcvbuf);
    assert_true(t->net->skb_count < 500);
    peer_send("y", 1);
    assert_int_equal(tcp_read_flags(sk, 1, 0), 1);
    tcp_prot.close(sk);
}

TEST("small neighbours beyond a hole share a buffer: a window's worth of them fits") /* coalescing */
{
    struct sock *sk = peer_open_passive();
    uint32_t base = peer.snd;

    fill_pattern();
    for (unsigned i = 1; i < 3000; i++)
        peer_at(TCPHDR_ACK, base + i * 10, peer.rcv, pattern + i * 10, 10);
    peer_at(TCPHDR_ACK, base, peer.rcv, pattern, 10);
    ignore_sent();
    assert_int_equal(tcp_read(sk, 40000), 30000);
    assert_memory_equal(peer_buf, pattern, 30000);
    assert_int_equal(mib(MIB_TcpExtTCPOFODrop), 0);
    tcp_prot.close(sk);
}

TEST("holes may come in any order, and close in any other") /* the tree: seeded, forwards and backwards */
{
    struct sock *sk = peer_open_passive();

    fill_pattern();
    sk->sk_rcvbuf = 1u << 20;
    for (unsigned round = 0; round < 6; round++) {
        uint32_t base = peer.snd;
        for (unsigned i = 0; i < 100; i++) { /* the odd ones, mixed by a step prime to their number */
            unsigned k = 2 * (i * (round * 2 + 7) % 100 == 0 ? 0 : i * 37 % 100) + 1;
            peer_at(TCPHDR_ACK, base + k * 100, peer.rcv, pattern + k * 100, 100);
        }
        for (unsigned i = 0; i < 100; i++) {
            unsigned k = 2 * ((round & 1 ? 99 - i : i * 63) % 100);
            peer_at(TCPHDR_ACK, base + k * 100, peer.rcv, pattern + k * 100, 100);
        }
        for (unsigned k = 1; k < 200; k += 2) /* those the first loop left out */
            peer_at(TCPHDR_ACK, base + k * 100, peer.rcv, pattern + k * 100, 100);
        peer.snd = base + 20000;
        assert_int_equal(tcp_read(sk, 40000), 20000);
        assert_memory_equal(peer_buf, pattern, 20000);
        assert_null(tcp_sk(sk)->ofo_root.node);
        ignore_sent();
    }
    tcp_prot.close(sk);
}

TEST("in-order data gets the memory of what lies beyond a hole") /* pruning */
{
    struct sock *sk = peer_open_passive();

    fill_pattern();
    for (unsigned i = 0; i < 3000; i++)
        peer_at(TCPHDR_ACK, peer.snd + 20000 + i * 2, peer.rcv, "x", 1);
    ignore_sent();
    for (unsigned i = 0; i < 10; i++)
        peer_send(pattern, 1400);
    assert_int_equal(tcp_read(sk, 20000), 14000);
    tcp_prot.close(sk);
}

TEST("small segments share a buffer: a window's worth of them fits")
{
    struct sock *sk = peer_open_passive();

    fill_pattern();
    for (unsigned i = 0; i < 3000; i++)
        peer_send(pattern + i * 10, 10);
    ignore_sent();
    assert_int_equal(tcp_read(sk, 30000), 30000);
    assert_memory_equal(peer_buf, pattern, 30000);
    assert_int_equal(mib(MIB_TcpExtTCPRcvQDrop), 0);
    tcp_prot.close(sk);
}

/* --- when to acknowledge (RFC 9293 3.8.6.3) --- */

/* Through the quick ACKs of the start, into a dialogue. */
static void into_dialogue(struct sock *sk)
{
    peer_send("q", 1);
    tcp_read(sk, 10);
    tcp_write(sk, "a", 1);
    peer_expect(TCPHDR_ACK, 1);
    peer_ack();
}

TEST("in a dialogue the ACK rides on the answer")
{
    struct sock *sk = peer_open_passive();

    into_dialogue(sk);
    peer_send("question", 8);
    peer_expect_nothing();
    host_advance_ms(39);
    peer_expect_nothing();
    tcp_read(sk, 100);
    tcp_write(sk, "answer", 6);
    peer_expect(TCPHDR_ACK, 6);
    host_advance_ms(100);
    peer_expect_nothing();
    tcp_prot.close(sk);
}

TEST("without an answer the ACK goes after 40 ms") /* MUST-40 */
{
    struct sock *sk = peer_open_passive();

    into_dialogue(sk);
    peer_send("question", 8);
    host_advance_ms(39);
    peer_expect_nothing();
    host_advance_ms(1);
    peer_expect_ack();
    assert_int_equal(mib(MIB_TcpExtDelayedACKs), 1);
    tcp_prot.close(sk);
}

TEST("every second full segment is acknowledged at once") /* SHLD-19 */
{
    struct sock *sk = peer_open_passive();

    into_dialogue(sk);
    peer_flags(TCPHDR_ACK, pattern, MSS);
    peer_expect_nothing();
    peer_flags(TCPHDR_ACK, pattern, MSS);
    peer_expect_ack();
    peer_flags(TCPHDR_ACK, pattern, MSS);
    peer_expect_nothing();
    host_advance_ms(40);
    peer_expect_ack();
    tcp_read(sk, 10000);
    tcp_prot.close(sk);
}

TEST("at the start full segments are acknowledged one by one, the end of a message within a millisecond")
{
    struct sock *sk = peer_open_passive();

    peer_flags(TCPHDR_ACK, pattern, MSS);
    peer_expect_ack();
    peer_flags(TCPHDR_ACK, pattern, MSS);
    peer_expect_ack();
    peer_send("end", 3);
    peer_expect_nothing();
    host_advance_ms(1);
    peer_expect_ack();
    tcp_read(sk, 10000);
    tcp_prot.close(sk);
}

TEST("old data is acknowledged at once") /* the peer has lost our ACK */
{
    struct sock *sk = peer_open_passive();

    into_dialogue(sk);
    peer_send("once", 4);
    peer_at(TCPHDR_ACK, peer.snd - 4, peer.rcv, "once", 4);
    peer_expect_ack();
    assert_int_equal(tcp_read(sk, 100), 4);
    tcp_prot.close(sk);
}

/* --- the window offered (RFC 9293 3.8.6) --- */

TEST(
    "the window shrinks as data waits to be read, to nothing, and its right edge never moves back") /* SHLD-14
                                                                                                     */
{
    struct sock *sk = peer_open_passive();
    uint32_t edge = peer.snd + tcp_sk(sk)->rcv_wnd;
    struct segment s;

    for (int i = 0; i < 200; i++) {
        uint32_t room = edge - peer.snd;
        if (!room)
            break;
        peer_send(pattern, room < 1000 ? room : 1000);
        host_advance_ms(50);
        while (peer_pop(&s)) {
            assert_false(before(s.ack + s.wnd, edge));
            edge = s.ack + s.wnd;
        }
    }
    assert_int_equal(edge, peer.snd);
    assert_int_equal(peer.last.wnd, 0);
    assert_int_equal(mib(MIB_TcpExtTCPToZeroWindowAdv), 1);
    while (tcp_read(sk, 10000) > 0)
        ;
    while (peer_pop(&s)) /* the application has read: the window opens again */
        ;
    assert_true(s.wnd > 30000);
    tcp_prot.close(sk);
}

TEST("a shut window opens again by a segment or half the buffer, not byte by byte") /* RFC 9293 3.8.6.2.2 */
{
    struct sock *sk = peer_open_passive();
    struct segment s;

    shut_window(sk);
    for (int i = 0; i < 900; i++)
        assert_int_equal(tcp_read(sk, 1), 1);
    peer_expect_nothing();
    tcp_read(sk, 20000);
    assert_true(peer_pop(&s));
    assert_true(s.wnd >= MSS);
    while (tcp_read(sk, 10000) > 0)
        ;
    tcp_prot.close(sk);
}

TEST("a zero-window probe is answered with the window and its byte dropped") /* RFC 9293 MUST-66 */
{
    struct sock *sk = peer_open_passive();

    shut_window(sk);
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv, "p", 1);
    peer_expect_ack();
    assert_int_equal(peer.last.wnd, 0);
    assert_int_equal(drops(SKB_DROP_REASON_TCP_ZEROWINDOW), 1);
    while (tcp_read(sk, 10000) > 0)
        ;
    tcp_prot.close(sk);
}

TEST("data beyond the window is cut off") /* RFC 9293 3.10.7.4: 9293-TRIM */
{
    struct sock *sk = peer_open_passive();
    uint32_t edge = peer.snd + tcp_sk(sk)->rcv_wnd;

    peer_at(TCPHDR_ACK, edge - 2, peer.rcv, "xxyy", 4);
    peer_expect_ack();
    peer_at(TCPHDR_ACK, peer.snd + peer.last.wnd, peer.rcv, "zz", 2);
    peer_expect_ack();
    assert_int_equal(drops(SKB_DROP_REASON_TCP_OVERWINDOW), 1);
    tcp_prot.close(sk);
}

/* --- the receive buffer (dynamic right-sizing) --- */

static const uint8_t scaled_options[8] = {2, 4, 1460 >> 8, 1460 & 255, 1, 3, 3, 7};

/* Fills the window and lets the application read all, `rounds` times, 10 ms each; the window offered last. */
static uint32_t read_windows(struct sock *sk, int rounds)
{
    struct segment s;
    uint32_t edge = tcp_sk(sk)->rcv_wup + tcp_sk(sk)->rcv_wnd, last_edge = edge;

    for (int r = 0; r < rounds; r++) {
        while (edge - peer.snd >= MSS && !before(edge, peer.snd))
            peer_flags(TCPHDR_ACK, pattern, MSS);
        host_advance_ms(10);
        while (tcp_read(sk, 60000) > 0)
            ;
        while (peer_pop(&s))
            edge = s.ack + ((uint32_t)s.wnd << tcp_sk(sk)->rcv_wscale);
        assert_false(before(edge, last_edge)); /* never shrinks */
        last_edge = edge;
    }
    return edge - peer.snd;
}

static struct sock *open_scaled(int rcvbuf)
{
    listener80 = tcp_listener(4);
    if (rcvbuf) {
        listener80->sk_rcvbuf = (uint32_t)rcvbuf;
        listener80->sk_rcvbuf_locked = true;
    }
    peer_align_isn();
    peer_syn(scaled_options, sizeof(scaled_options));
    host_advance_ms(10); /* the round-trip time */
    peer_ack();
    return tcp_accept_now(listener80);
}

TEST("the window grows for a reader that keeps up, to half of tcp_rmem's last, and no further")
{
    set_sysctl("net.ipv4.tcp_rmem", "4096 131072 800000");
    struct sock *sk = open_scaled(0);

    assert_int_equal(tcp_sk(sk)->rcv_wnd / MSS, 65535 / MSS);
    assert_true(read_windows(sk, 3) > 100000);
    assert_in_range(read_windows(sk, 12), 200000, 400000); /* what is announced lags by up to a half */
    assert_int_equal(sk->sk_rcvbuf, 800000);
    tcp_prot.close(sk);
}

/* The peer sends a window every 100 ms, and the reader reads it; the window offered last. */
static uint32_t read_windows_slowly(struct sock *sk, int rounds, bool tstamps)
{
    struct segment s;
    uint32_t edge = tcp_sk(sk)->rcv_wup + tcp_sk(sk)->rcv_wnd, echo = 0;
    uint8_t options[12] = {1, 1, TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP};

    for (int r = 0; r < rounds; r++) {
        put_unaligned_be32((uint32_t)(1000 + r), options + 4);
        put_unaligned_be32(echo, options + 8);
        for (; !before(edge, peer.snd) && edge - peer.snd >= 1400; peer.snd += 1400)
            peer_raw(&(struct raw){.seq = peer.snd,
                                   .ack = peer.rcv,
                                   .flags = TCPHDR_ACK,
                                   .wnd = peer.wnd,
                                   .options = options,
                                   .options_len = tstamps ? sizeof(options) : 0,
                                   .data = pattern,
                                   .len = 1400});
        while (tcp_read(sk, 60000) > 0)
            ;
        while (peer_pop(&s)) {
            edge = s.ack + ((uint32_t)s.wnd << tcp_sk(sk)->rcv_wscale);
            echo = tstamps ? testnet_u32(s.options + 4) : 0;
        }
        host_advance_ms(100);
        while (peer_pop(&s)) /* what was delayed */
            edge = s.ack + ((uint32_t)s.wnd << tcp_sk(sk)->rcv_wscale);
    }
    return edge - peer.snd;
}

/* A connection whose handshake told no round trip, as after a cookie. */
static struct sock *open_unmeasured(bool tstamps)
{
    static const uint8_t options[20] = {2, 4, 1460 >> 8, 1460 & 255, 1, 3, 3, 7, 1, 1, 8, 10, 0, 0, 3, 0xe7};
    struct segment s;

    listener80 = tcp_listener(4);
    peer_syn(options, tstamps ? sizeof(options) : 8);
    host_advance_ms(1100); /* the SYN-ACK goes again, so its ACK tells nothing */
    assert_true(peer_pop(&s));
    peer_ack();
    struct sock *sk = tcp_accept_now(listener80);
    assert_non_null(sk);
    assert_int_equal(tcp_sk(sk)->srtt_us, 0);
    return sk;
}

TEST("the window grows for one who only receives, by the echo of his ACKs")
{
    set_sysctl("net.ipv4.tcp_rmem", "4096 131072 800000");
    struct sock *sk = open_unmeasured(true);

    assert_true(read_windows_slowly(sk, 12, true) >= 200000);
    assert_in_range(tcp_sk(sk)->rcv_rtt_us, 99000, 101000);
    tcp_prot.close(sk);
    ignore_sent();
}

TEST("the window grows for one who only receives, without timestamps by the time that a window takes")
{
    set_sysctl("net.ipv4.tcp_rmem", "4096 131072 800000");
    struct sock *sk = open_unmeasured(false);

    assert_true(read_windows_slowly(sk, 12, false) >= 200000);
    assert_in_range(tcp_sk(sk)->rcv_rtt_us, 50000, 210000);
    tcp_prot.close(sk);
    ignore_sent();
}

TEST("a peer that pauses does not make a long round trip of it, nor one that gets slower a short one")
{
    struct sock *sk = open_unmeasured(true);

    read_windows_slowly(sk, 3, true);
    uint32_t before_it = tcp_sk(sk)->rcv_rtt_us;
    host_advance_ms(4000);
    read_windows_slowly(sk, 1, true);
    assert_in_range(tcp_sk(sk)->rcv_rtt_us, before_it, before_it + 4200000 / 8);
    read_windows_slowly(sk, 2, true);
    assert_in_range(tcp_sk(sk)->rcv_rtt_us, before_it - 2000, before_it + 2000);
    tcp_prot.close(sk);
    ignore_sent();
}

TEST("a buffer smaller than the scale can say is offered whole or not, and does not stay shut")
{
    struct sock *sk = open_scaled(0);

    tcp_sk(sk)->rcv_wscale = 14;
    sk->sk_rcvbuf = SOCK_MIN_RCVBUF;
    sk->sk_rcvbuf_locked = true;
    tcp_sk(sk)->rcv_wnd = 0;
    tcp_sk(sk)->rcv_wup = tcp_sk(sk)->rcv_nxt;
    peer_at(TCPHDR_ACK, peer.snd - 1, peer.rcv, NULL, 0); /* a probe */
    peer_expect_ack();
    assert_int_equal(peer.last.wnd, 1);
    tcp_prot.close(sk);
    ignore_sent();
}

TEST("SO_RCVBUF and tcp_moderate_rcvbuf = 0 end the tuning, and a reader that does not read gets none")
{
    struct sock *sk = open_scaled(100000);

    assert_true(read_windows(sk, 8) <= 50000 + 128);
    tcp_prot.close(sk);
    tcp_prot.close(listener80);
    set_sysctl("net.ipv4.tcp_moderate_rcvbuf", "0");
    peer_reset_state();
    sk = open_scaled(0);
    read_windows(sk, 8);
    assert_int_equal(sk->sk_rcvbuf, 131072);
    tcp_prot.close(sk);
}

/* --- reading --- */

TEST("MSG_PEEK leaves the data, MSG_TRUNC throws it away, MSG_WAITALL takes what is there without blocking")
{
    struct sock *sk = peer_open_passive();

    peer_send("abcdef", 6);
    assert_int_equal(tcp_read_flags(sk, 4, MSG_PEEK), 4);
    assert_memory_equal(peer_buf, "abcd", 4);
    assert_int_equal(tcp_read_flags(sk, 2, MSG_TRUNC), 2);
    assert_int_equal(tcp_read_flags(sk, 100, MSG_WAITALL), 4);
    assert_memory_equal(peer_buf, "cdef", 4);
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    tcp_prot.close(sk);
}

TEST("SIOCINQ tells what can be read, SIOCOUTQ what is not acknowledged")
{
    struct sock *sk = peer_open_passive();
    int n;

    peer_send("abcdef", 6);
    tcp_read(sk, 1);
    assert_int_equal(tcp_prot.ioctl(sk, FIONREAD, &n), 0);
    assert_int_equal(n, 5);
    tcp_write(sk, "123", 3);
    assert_int_equal(tcp_prot.ioctl(sk, TIOCOUTQ, &n), 0);
    assert_int_equal(n, 3);
    tcp_read(sk, 10);
    tcp_prot.close(sk);
}

TEST("a socket that was never connected cannot be read or written")
{
    struct sock *sk = tcp_socket();

    assert_int_equal(tcp_read(sk, 10), -ENOTCONN);
    assert_int_equal(tcp_write(sk, "x", 1), -EPIPE);
    tcp_prot.close(sk);
}

TEST_FIXTURE(peer_setup, peer_teardown)
