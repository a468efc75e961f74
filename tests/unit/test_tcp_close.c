/*
 * test_tcp_close.c - how connections end (net/tcp): in order, by half, at once from both sides, by RST, and
 * what TIME_WAIT does about what still comes.
 */
#include "tests/unit/tcp_peer.h"

#include "kernel/task.h"

static size_t time_waits(void)
{
    struct tcp_counts counts;

    tcp_get_counts(t->net, &counts);
    return counts.time_wait;
}

/* Closed by us, both FINs acknowledged: a TIME_WAIT. */
static void into_time_wait(void)
{
    struct sock *sk = peer_open_passive();

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_ack();
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    peer_expect_ack();
    assert_int_equal(time_waits(), 1);
    assert_int_equal(t->net->sock_count, 1);
}

TEST("close() sends FIN; with both FINs acknowledged a TIME_WAIT of 60 s is left") /* RFC 9293 3.6, MUST-13 */
{
    into_time_wait();
    host_advance_ms(59900);
    assert_int_equal(time_waits(), 1);
    host_advance_ms(200);
    assert_int_equal(time_waits(), 0);
    peer_expect_nothing();
}

TEST("after the peer's FIN we may go on sending, then LAST-ACK ends it") /* RFC 9293 3.6 half-close */
{
    struct sock *sk = peer_open_passive();

    peer_flags(TCPHDR_ACK | TCPHDR_FIN, "end", 3);
    assert_int_equal(sk->sk_state, TCP_CLOSE_WAIT);
    assert_int_equal(tcp_prot.poll(sk) & (POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
    assert_int_equal(tcp_read(sk, 10), 3);
    assert_int_equal(tcp_read(sk, 10), 0);
    tcp_write(sk, "answer", 6);
    peer_expect(TCPHDR_ACK, 6);
    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    assert_int_equal(t->net->sock_count, 2);
    peer_ack();
    assert_int_equal(t->net->sock_count, 1);
    assert_int_equal(time_waits(), 0);
}

TEST("shutdown(SHUT_WR) sends FIN and goes on receiving") /* RFC 9293 3.6 */
{
    struct sock *sk = peer_open_passive();

    assert_int_equal(tcp_prot.shutdown(sk, SHUT_WR), 0);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    assert_int_equal(tcp_write(sk, "x", 1), -EPIPE);
    peer_ack();
    assert_int_equal(sk->sk_state, TCP_FIN_WAIT2);
    peer_send("late", 4);
    assert_int_equal(tcp_read(sk, 10), 4);
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    assert_int_equal(tcp_read(sk, 10), 0);
    assert_int_equal(time_waits(), 1);
    tcp_prot.close(sk);
}

TEST("FINs that cross go through CLOSING to TIME_WAIT") /* RFC 9293 3.6 figure 13 */
{
    struct sock *sk = peer_open_passive();

    tcp_prot.shutdown(sk, SHUT_WR);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_at(TCPHDR_ACK | TCPHDR_FIN, peer.snd, peer.rcv - 1, NULL, 0);
    peer.snd++;
    assert_int_equal(sk->sk_state, TCP_CLOSING);
    peer_expect_ack();
    peer_ack();
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(time_waits(), 1);
    tcp_prot.close(sk);
}

TEST("a FIN that acknowledges ours leads to TIME_WAIT at once") /* RFC 9293 3.10.7.4 eighth */
{
    struct sock *sk = peer_open_passive();

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    peer_expect_ack();
    assert_int_equal(time_waits(), 1);
}

TEST("a FIN ahead of missing data waits for it") /* RFC 9293 3.10.7.4: 9293-FINORD */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_ACK | TCPHDR_FIN, peer.snd + 3, peer.rcv, "def", 3);
    peer_expect_ack();
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    peer_flags(TCPHDR_ACK, "abc", 3);
    peer.snd += 4;
    peer_expect_ack();
    assert_int_equal(sk->sk_state, TCP_CLOSE_WAIT);
    assert_int_equal(tcp_read(sk, 10), 6);
    assert_memory_equal(peer_buf, "abcdef", 6);
    tcp_prot.close(sk);
}

TEST("a repeated FIN is acknowledged again") /* RFC 9293 3.10.7.4 */
{
    struct sock *sk = peer_open_passive();

    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    host_advance_ms(50);
    peer_expect_ack();
    peer_at(TCPHDR_ACK | TCPHDR_FIN, peer.snd - 1, peer.rcv, NULL, 0);
    peer_expect_ack();
    assert_int_equal(sk->sk_state, TCP_CLOSE_WAIT);
    tcp_prot.close(sk);
}

TEST("our FIN is sent again like data until it is acknowledged") /* RFC 9293 3.10.8 */
{
    struct sock *sk = peer_open_passive();

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer.rcv--;
    host_advance_ms(250);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_ack();
    peer_expect_nothing();
}

TEST("FIN rides on the last data") /* RFC 9293 3.10.4 */
{
    struct sock *sk = peer_open_passive();

    tcp_write_flags(sk, "last", 4, MSG_MORE);
    peer_expect_nothing();
    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 4);
}

TEST("close() with data unread sends RST") /* RFC 9293 3.6.1 SHLD-3 */
{
    struct sock *sk = peer_open_passive();

    peer_send("unread", 6);
    tcp_prot.close(sk);
    peer_expect(TCPHDR_RST | TCPHDR_ACK, 0);
    assert_int_equal(t->net->sock_count, 1);
    assert_int_equal(mib(MIB_TcpExtTCPAbortOnClose), 1);
}

TEST("data that comes after close() draws RST") /* RFC 9293 3.6.1 SHLD-3 */
{
    struct sock *sk = peer_open_passive();

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv - 1, "too late", 8);
    struct segment s;
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags & TCPHDR_RST, TCPHDR_RST);
    assert_int_equal(t->net->sock_count, 1);
}

TEST("data for an orphan in FIN-WAIT-2 draws RST and ends it")
{
    struct sock *sk = peer_open_passive();
    struct segment s;

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_ack();
    assert_int_equal(time_waits(), 1);
    peer_send("too late", 8);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST);
    assert_int_equal(s.seq, peer.rcv);
    assert_int_equal(time_waits(), 0);
}

/* close() and the peer's ACK of our FIN. */
static void into_fin_wait2(struct sock *sk)
{
    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_ack();
}

TEST("TCP_LINGER2 says how long an orphan waits for the FIN, whatever waits longer beside it")
{
    struct sock *sk = peer_open_passive();
    int seconds = 3, back = 0;
    socklen_t len = sizeof(back);

    tcp_prot.getsockopt(sk, IPPROTO_TCP, 8, &back, &len);
    assert_int_equal(back, 60);
    into_fin_wait2(sk);
    peer_reset_state();
    peer.sport++;
    sk = peer_connect(listener80);
    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, 8, &seconds, sizeof(seconds)), 0);
    into_fin_wait2(sk);
    assert_int_equal(time_waits(), 2);
    host_advance_ms(3100);
    assert_int_equal(time_waits(), 1);
    host_advance_ms(57100);
    assert_int_equal(time_waits(), 0);
}

TEST("with TCP_LINGER2 below zero the connection is reset instead of waiting for the FIN")
{
    struct sock *sk = peer_open_passive();
    struct segment s;

    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, 8, &(int){-1}, sizeof(int)), 0);
    into_fin_wait2(sk);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST | TCPHDR_ACK);
    assert_int_equal(time_waits(), 0);
    assert_int_equal(mib(MIB_TcpExtTCPAbortOnLinger), 1);
}

TEST("an orphan in FIN-WAIT-2 waits tcp_fin_timeout and no longer") /* netkill */
{
    set_sysctl("net.ipv4.tcp_fin_timeout", "5");
    struct sock *sk = peer_open_passive();

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_ack();
    assert_int_equal(t->net->sock_count, 1);
    host_advance_ms(4900);
    assert_int_equal(time_waits(), 1);
    host_advance_ms(200);
    assert_int_equal(time_waits(), 0);
}

TEST("the peer's FIN turns an orphan's FIN-WAIT-2 into a TIME_WAIT of full length")
{
    set_sysctl("net.ipv4.tcp_fin_timeout", "5");
    struct sock *sk = peer_open_passive();

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_ack();
    host_advance_ms(4000);
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    peer_expect_ack();
    host_advance_ms(59000);
    assert_int_equal(time_waits(), 1);
    host_advance_ms(1100);
    assert_int_equal(time_waits(), 0);
}

TEST("SO_LINGER with 0 s turns close() into RST")
{
    struct sock *sk = peer_open_passive();

    sk->sk_linger = true;
    sk->sk_lingertime_ms = 0;
    tcp_prot.close(sk);
    peer_expect(TCPHDR_RST | TCPHDR_ACK, 0);
    assert_int_equal(t->net->sock_count, 1);
}

static struct {
    struct sock *sk;
    uint64_t took_ms;
    bool done;
} lingerer;

static void linger_and_close(void *arg)
{
    uint64_t start = ktime_get_ms();

    tcp_prot.close(lingerer.sk);
    lingerer.took_ms = ktime_get_ms() - start;
    lingerer.done = true;
}

/* Somebody closes a connection with data under way, and waits for it 5 s at most. */
static void start_to_linger(void)
{
    struct sock *sk = peer_open_passive();

    sk->sk_linger = true;
    sk->sk_lingertime_ms = 5000;
    assert_int_equal(tcp_write(sk, "abc", 3), 3);
    peer_expect(TCPHDR_ACK, 3);
    memset(&lingerer, 0, sizeof(lingerer));
    lingerer.sk = sk;
    assert_non_null(task_create("lingerer", linger_and_close, NULL, NULL));
    host_run();
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    assert_false(lingerer.done);
}

TEST("SO_LINGER with a time: close() waits until the peer has all, FIN included")
{
    start_to_linger();
    host_advance_ms(100);
    testnet_drop_sent(t); /* what was not acknowledged goes again */
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv - 1, NULL, 0);
    host_run();
    assert_false(lingerer.done);
    peer_ack();
    host_run();
    assert_true(lingerer.done);
    assert_int_equal(lingerer.took_ms, 100);
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    peer_expect_ack();
    assert_int_equal(time_waits(), 1);
}

TEST("SO_LINGER with a time: when it is over close() returns, and the rest goes on without it")
{
    start_to_linger();
    host_advance_ms(4900);
    assert_false(lingerer.done);
    host_advance_ms(200);
    host_run();
    assert_true(lingerer.done);
    assert_in_range(lingerer.took_ms, 5000, 5100);
    testnet_drop_sent(t);
    peer_ack();
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    peer_expect_ack();
    assert_int_equal(time_waits(), 1);
}

TEST("SO_LINGER with a time: a RST ends the wait at once")
{
    start_to_linger();
    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
    host_run();
    assert_true(lingerer.done);
    assert_int_equal(t->net->sock_count, 1); /* the listener */
}

TEST("an abort in LAST-ACK sends RST while the FIN waits behind data, which the peer must not miss")
{
    struct sock *sk = peer_open_passive();

    peer.wnd = 0;
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    testnet_drop_sent(t);
    assert_int_equal(tcp_write(sk, "abc", 3), 3);
    assert_int_equal(tcp_prot.shutdown(sk, SHUT_WR), 0);
    assert_int_equal(sk->sk_state, TCP_LAST_ACK);
    peer_expect_nothing();
    sk->sk_linger = true;
    tcp_prot.close(sk);
    peer_expect(TCPHDR_RST | TCPHDR_ACK, 0);
}

TEST("beyond tcp_max_orphans the next orphan is reset")
{
    set_sysctl("net.ipv4.tcp_max_orphans", "0");
    struct sock *sk = peer_open_passive();

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    struct segment s;
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags & TCPHDR_RST, TCPHDR_RST);
    assert_int_equal(t->net->sock_count, 1);
}

TEST("an orphan whose peer is silent is given up") /* RFC 9293 MUST-20 */
{
    struct sock *sk = peer_open_passive();

    tcp_write(sk, "x", 1);
    tcp_prot.close(sk);
    host_advance_ms(400000);
    assert_int_equal(t->net->sock_count, 1);
    testnet_drop_sent(t);
}

TEST("a connection whose peer is silent is given up after some 15 minutes with ETIMEDOUT") /* RFC 9293 SHLD-11
                                                                                            */
{
    struct sock *sk = peer_open_passive();

    tcp_write(sk, "x", 1);
    host_advance_ms(900000);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    host_advance_ms(200000);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(tcp_read(sk, 10), -ETIMEDOUT);
    testnet_drop_sent(t);
    tcp_prot.close(sk);
}

/* --- TIME_WAIT --- */

TEST("TIME_WAIT ignores RST") /* RFC 1337 3 */
{
    into_time_wait();
    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
    peer_at(TCPHDR_RST | TCPHDR_ACK, peer.snd, peer.rcv, NULL, 0);
    peer_expect_nothing();
    assert_int_equal(time_waits(), 1);
}

TEST("TIME_WAIT acknowledges a repeated FIN and starts anew") /* RFC 9293 3.10.7.4 */
{
    into_time_wait();
    host_advance_ms(40000);
    peer_at(TCPHDR_ACK | TCPHDR_FIN, peer.snd - 1, peer.rcv, NULL, 0);
    peer_expect_ack();
    host_advance_ms(40000);
    assert_int_equal(time_waits(), 1);
    host_advance_ms(21000);
    assert_int_equal(time_waits(), 0);
}

TEST("TIME_WAIT does not answer the last ACK, and others at most twice a second")
{
    into_time_wait();
    peer_ack();
    peer_expect_nothing();
    for (int i = 0; i < 10; i++)
        peer_at(TCPHDR_ACK, peer.snd + 1000, peer.rcv, NULL, 0);
    peer_expect_ack();
    peer_expect_nothing();
}

TEST("a new SYN with a higher number replaces a TIME_WAIT, its answer starts beyond the old one") /* MAY-2 */
{
    into_time_wait();
    uint32_t old = peer.rcv;

    peer.snd += 5;
    peer_syn(mss_option, 4);
    assert_true(after(peer.rcv, old + 65535));
    peer_ack();
    struct sock *sk = tcp_accept_now(listener80);
    assert_non_null(sk);
    assert_int_equal(time_waits(), 0);
    tcp_prot.close(sk);
}

TEST("an old SYN in TIME_WAIT is answered with an ACK") /* RFC 9293 3.6.1 */
{
    into_time_wait();
    peer_at(TCPHDR_SYN, peer.snd - 1000, 0, NULL, 0);
    peer_expect_ack();
    assert_int_equal(time_waits(), 1);
}

TEST("at the bound of TIME_WAITs the oldest goes")
{
    set_sysctl("net.ipv4.tcp_max_tw_buckets", "3");
    struct sock *l = tcp_listener(16);

    for (unsigned i = 0; i < 10; i++) {
        peer_reset_state();
        peer.sport = (uint16_t)(5000 + i);
        struct sock *sk = peer_connect(l);
        tcp_prot.close(sk);
        peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
        peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
        peer_expect_ack();
    }
    assert_int_equal(time_waits(), 3);
    assert_int_equal(mib(MIB_TcpExtTCPTimeWaitOverflow), 7);
    peer_at(TCPHDR_ACK | TCPHDR_FIN, peer.snd - 1, peer.rcv, NULL, 0); /* the newest is still there */
    peer_expect_ack();
    tcp_prot.close(l);
}

TEST("a port in TIME_WAIT can be bound with SO_REUSEADDR only")
{
    into_time_wait();
    tcp_prot.close(listener80);
    listener80 = NULL;

    struct sock *sk = tcp_socket();
    assert_int_equal(tcp_prot.bind(sk, 0, 80), -EADDRINUSE);
    sk->sk_reuse = true;
    assert_int_equal(tcp_prot.bind(sk, 0, 80), 0);
    assert_int_equal(tcp_prot.listen(sk, 5), 0);
    tcp_prot.close(sk);
}

TEST("each state's answer to RST at rcv.nxt is the end of the connection") /* RFC 9293 3.10.7.4 second */
{
    struct sock *l = tcp_listener(16);

    for (int state = 0; state < 5; state++) {
        peer_reset_state();
        peer.sport = (uint16_t)(6000 + state);
        struct sock *sk = peer_connect(l);
        if (state == 1 || state == 2) /* FIN-WAIT-1, -2 */
            tcp_prot.shutdown(sk, SHUT_WR);
        testnet_drop_sent(t);
        if (state == 2) {
            peer.rcv++;
            peer_ack();
        }
        if (state >= 3) /* CLOSE-WAIT, LAST-ACK */
            peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
        if (state == 4)
            tcp_prot.shutdown(sk, SHUT_WR);
        peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
        assert_int_equal(sk->sk_state, TCP_CLOSE);
        tcp_prot.close(sk);
        testnet_drop_sent(t);
    }
    tcp_prot.close(l);
}

TEST_FIXTURE(peer_setup, peer_teardown)
