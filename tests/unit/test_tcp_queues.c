/*
 * test_tcp_queues.c - what strangers can fill: SYN queue and accept queue; and who may have which port.
 */
#include "tests/unit/tcp_peer.h"

static size_t half_open(void)
{
    struct tcp_counts counts;

    tcp_get_counts(t->net, &counts);
    return counts.half_open;
}

/* A SYN from port `port`; the SYN-ACK, if any, is taken. */
static bool syn_from(uint16_t port)
{
    struct segment s;

    peer_reset_state();
    peer.sport = port;
    peer_raw(&(struct raw){.seq = peer.snd, .flags = TCPHDR_SYN, .wnd = 1000});
    peer.snd++;
    if (!peer_pop(&s))
        return false;
    peer.rcv = s.seq + 1;
    return s.flags == (TCPHDR_SYN | TCPHDR_ACK);
}

/* --- SYN queue --- */

TEST("a flood of SYNs is bounded, the oldest make room, and a real client still connects") /* RFC 4987 */
{
    set_sysctl("net.ipv4.tcp_max_syn_backlog", "64");
    set_sysctl("net.ipv4.tcp_syncookies", "0");
    struct sock *l = tcp_listener(16);

    for (uint16_t i = 0; i < 5000; i++)
        syn_from((uint16_t)(2000 + i));
    assert_int_equal(half_open(), 64);
    assert_true(syn_from(60000));
    peer_ack();
    struct sock *sk = tcp_accept_now(l);
    assert_non_null(sk);
    assert_int_equal(mib(MIB_TcpExtTCPReqQFullDrop), 5000 - 64 + 1);
    tcp_prot.close(sk);
    tcp_prot.close(l);
    testnet_drop_sent(t);
}

TEST("text in SYNs fills the listener's receive buffer at most, and goes with its half-open connections")
{
    set_sysctl("net.ipv4.tcp_max_syn_backlog", "1000");
    struct sock *l = tcp_listener(16);
    struct tcp_counts counts;

    for (uint16_t i = 0; i < 500; i++) {
        peer_reset_state();
        peer.sport = (uint16_t)(2000 + i);
        peer_raw(&(struct raw){.seq = peer.snd, .flags = TCPHDR_SYN, .data = peer_buf, .len = 1400});
        testnet_drop_sent(t);
    }
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.half_open, 500);
    assert_int_equal(counts.memory, l->sk_rmem_alloc);
    assert_in_range(l->sk_rmem_alloc, 64 * 1024, l->sk_rcvbuf);
    assert_true(drops(SKB_DROP_REASON_SOCKET_RCVBUFF) > 400);
    peer_at(TCPHDR_ACK, PEER_ISS, 1, NULL, 0); /* the last: its text was not kept */
    host_advance_ms(100000);
    testnet_drop_sent(t);
    assert_int_equal(half_open(), 0);
    assert_int_equal(l->sk_rmem_alloc, 0);
    tcp_prot.close(l);
}

TEST("a connection keeps the text of its SYN when the listener closes, and takes it along when it is closed")
{
    struct sock *l = tcp_listener(16);

    for (int i = 0; i < 2; i++) {
        peer_reset_state();
        peer.sport = (uint16_t)(2000 + i);
        struct segment s;
        peer_raw(&(struct raw){.seq = peer.snd, .flags = TCPHDR_SYN, .wnd = 1000, .data = "hello", .len = 5});
        assert_true(peer_pop(&s));
        peer.snd += 6;
        peer.rcv = s.seq + 1;
    }
    peer_ack();
    struct sock *sk = tcp_accept_now(l);
    assert_non_null(sk);
    tcp_prot.close(l);
    assert_int_equal(tcp_read(sk, 100), 5);
    assert_memory_equal(peer_buf, "hello", 5);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- SYN cookies (RFC 4987 3.6) --- */

/* A listener whose queue of two is full. */
static struct sock *flooded_listener(void)
{
    set_sysctl("net.ipv4.tcp_max_syn_backlog", "2");
    struct sock *l = tcp_listener(16);

    for (uint16_t i = 0; i < 2; i++)
        assert_true(syn_from((uint16_t)(2000 + i)));
    assert_int_equal(mib(MIB_TcpExtSyncookiesSent), 0);
    return l;
}

TEST("with the SYN queue full a SYN gets a cookie, and its ACK a connection; the half-open ones stay")
{
    struct sock *l = flooded_listener();

    for (uint16_t i = 0; i < 1000; i++)
        assert_true(syn_from((uint16_t)(3000 + i)));
    assert_int_equal(half_open(), 2);
    assert_int_equal(mib(MIB_TcpExtSyncookiesSent), 1000);
    assert_int_equal(mib(MIB_TcpExtTCPReqQFullDrop), 0);
    peer_reset_state();
    peer_syn(mss_option, sizeof(mss_option));
    assert_int_equal(peer.last.hdr_len, 24); /* no window scaling: it could not be remembered */
    peer_send("GET", 3);
    struct sock *sk = tcp_accept_now(l);
    assert_non_null(sk);
    assert_int_equal(tcp_read(sk, 10), 3);
    assert_int_equal(tcp_sk(sk)->mss_clamp, 1460);
    assert_int_equal(mib(MIB_TcpExtSyncookiesRecv), 1);
    tcp_write(sk, "200", 3);
    tcp_prot.close(sk);
    tcp_prot.close(l);
    testnet_drop_sent(t);
}

TEST("the cookie carries the largest MSS of its table that the peer can take")
{
    static const uint16_t asked[] = {1460, 1459, 1400, 900, 300}, got[] = {1460, 1440, 1400, 536, 216};
    struct sock *l = flooded_listener();

    for (int i = 0; i < 5; i++) {
        uint8_t option[4] = {2, 4, (uint8_t)(asked[i] >> 8), (uint8_t)asked[i]};
        peer_reset_state();
        peer.sport = (uint16_t)(5000 + i);
        peer_syn(option, sizeof(option));
        peer_ack();
        struct sock *sk = tcp_accept_now(l);
        assert_non_null(sk);
        assert_int_equal(tcp_sk(sk)->mss_clamp, got[i]);
        tcp_prot.close(sk);
        testnet_drop_sent(t);
    }
    tcp_prot.close(l);
}

TEST("a cookie that is forged, older than two minutes or another peer's opens nothing")
{
    struct sock *l = flooded_listener();
    struct segment s;

    assert_true(syn_from(4000));
    uint32_t snd = peer.snd, rcv = peer.rcv;
    for (uint32_t i = 1; i < 300; i++) {
        peer_at(TCPHDR_ACK, snd, rcv + i * 7919, NULL, 0);
        assert_true(peer_pop(&s));
        assert_int_equal(s.flags, TCPHDR_RST);
    }
    peer_at(TCPHDR_ACK, snd + 1, rcv, NULL, 0); /* another initial number of the peer's */
    peer.sport = 4001;
    peer_at(TCPHDR_ACK, snd, rcv, NULL, 0);
    peer.sport = 4000;
    host_advance_ms(131100);
    testnet_drop_sent(t);
    peer_at(TCPHDR_ACK, snd, rcv, NULL, 0);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST);
    assert_null(tcp_accept_now(l));
    assert_int_equal(mib(MIB_TcpExtSyncookiesRecv), 0);
    assert_in_range(mib(MIB_TcpExtSyncookiesFailed), 301, 303);
    tcp_prot.close(l);
}

TEST("with the accept queue full an ACK with a cookie waits for the peer to come again")
{
    set_sysctl("net.ipv4.tcp_syncookies", "2");
    struct sock *l = tcp_listener(0);

    assert_true(syn_from(1000));
    uint32_t snd = peer.snd, rcv = peer.rcv;
    assert_true(syn_from(1001));
    peer_ack();
    peer.sport = 1000;
    peer_at(TCPHDR_ACK, snd, rcv, NULL, 0);
    peer_expect_nothing();
    assert_int_equal(half_open(), 0);
    struct sock *first = tcp_accept_now(l);
    assert_non_null(first);
    peer_at(TCPHDR_ACK, snd, rcv, "x", 1);
    struct sock *second = tcp_accept_now(l);
    assert_non_null(second);
    assert_int_equal(tcp_read(second, 10), 1);
    tcp_prot.close(first);
    tcp_prot.close(second);
    tcp_prot.close(l);
    testnet_drop_sent(t);
}

TEST("closing the listener ends half-open connections in silence and unaccepted ones with RST")
{
    struct sock *l = tcp_listener(16);
    struct segment s;

    assert_true(syn_from(1000));
    assert_true(syn_from(1001));
    peer_ack();
    tcp_prot.close(l);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST | TCPHDR_ACK);
    assert_int_equal(s.dport, 1001);
    peer_expect_nothing();
    assert_int_equal(half_open(), 0);
    assert_int_equal(t->net->sock_count, 0);
    host_advance_ms(5000);
    peer_expect_nothing();
}

/* --- accept queue --- */

TEST("beyond the backlog SYNs are dropped and counted") /* Linux: one more than the backlog fits */
{
    struct sock *l = tcp_listener(2);

    for (uint16_t i = 0; i < 3; i++) {
        assert_true(syn_from((uint16_t)(1000 + i)));
        peer_ack();
    }
    assert_false(syn_from(2000));
    assert_int_equal(mib(MIB_TcpExtListenOverflows), 1);
    assert_int_equal(drops(SKB_DROP_REASON_TCP_ACCEPTQ_FULL), 1);
    for (int i = 0; i < 3; i++) {
        struct sock *sk = tcp_accept_now(l);
        assert_non_null(sk);
        tcp_prot.close(sk);
    }
    testnet_drop_sent(t);
    assert_true(syn_from(2000));
    tcp_prot.close(l);
}

TEST("a handshake that finds the accept queue full is completed when there is room again")
{
    struct sock *l = tcp_listener(0), *sk;
    struct segment s;

    assert_true(syn_from(1000));
    uint32_t snd = peer.snd, rcv = peer.rcv;
    assert_true(syn_from(1001));
    peer_ack();
    peer.sport = 1000;
    peer_at(TCPHDR_ACK, snd, rcv, NULL, 0);
    assert_int_equal(half_open(), 1);
    sk = tcp_accept_now(l);
    assert_non_null(sk);
    assert_null(tcp_accept_now(l));
    host_advance_ms(1000);
    assert_true(peer_pop(&s)); /* the SYN-ACK again */
    assert_int_equal(s.dport, 1000);
    peer_at(TCPHDR_ACK, snd, rcv, NULL, 0);
    struct sock *second = tcp_accept_now(l);
    assert_non_null(second);
    tcp_prot.close(sk);
    tcp_prot.close(second);
    tcp_prot.close(l);
    testnet_drop_sent(t);
}

TEST("with tcp_abort_on_overflow the peer is told by RST")
{
    set_sysctl("net.ipv4.tcp_abort_on_overflow", "1");
    struct sock *l = tcp_listener(0);
    struct segment s;

    assert_true(syn_from(1000));
    uint32_t snd = peer.snd, rcv = peer.rcv;
    assert_true(syn_from(1001));
    peer_ack();
    peer.sport = 1000;
    peer_at(TCPHDR_ACK, snd, rcv, NULL, 0);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST);
    assert_int_equal(half_open(), 0);
    tcp_prot.close(l);
    testnet_drop_sent(t);
}

TEST("with TCP_DEFER_ACCEPT accept() sees a connection when data comes, or the time is over")
{
    struct sock *l = tcp_listener(4);
    int seconds = 5;

    assert_int_equal(tcp_prot.setsockopt(l, IPPROTO_TCP, 9, &seconds, sizeof(seconds)), 0);
    assert_true(syn_from(1000));
    peer_ack();
    assert_null(tcp_accept_now(l));
    peer_expect_nothing();
    peer_send("GET", 3);
    struct sock *sk = tcp_accept_now(l);
    assert_non_null(sk);
    assert_int_equal(tcp_read(sk, 10), 3);
    tcp_prot.close(sk);
    tcp_prot.close(l);
    testnet_drop_sent(t);
}

TEST("a connection that was reset before accept() is delivered with its error")
{
    struct sock *l = tcp_listener(4);

    assert_true(syn_from(1000));
    peer_ack();
    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
    struct sock *sk = tcp_accept_now(l);
    assert_non_null(sk);
    assert_int_equal(tcp_read(sk, 10), -ECONNRESET);
    tcp_prot.close(sk);
    tcp_prot.close(l);
}

TEST("ten thousand short connections leave no more than their TIME_WAITs, and those go")
{
    set_sysctl("net.ipv4.tcp_max_tw_buckets", "2000");
    struct sock *l = tcp_listener(16);
    struct tcp_counts counts;
    size_t objects = host_objects_alive();

    for (unsigned i = 0; i < 10000; i++) {
        assert_true(syn_from((uint16_t)(1024 + i)));
        peer_send("GET", 3);
        struct sock *sk = tcp_accept_now(l);
        assert_int_equal(tcp_read(sk, 10), 3);
        tcp_write(sk, "200", 3);
        tcp_prot.close(sk);
        peer.rcv += 4;
        peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
        testnet_drop_sent(t);
    }
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.time_wait, 2000);
    host_advance_ms(61000);
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.time_wait, 0);
    assert_in_range(host_objects_alive(), objects - 10, objects + 10);
    tcp_prot.close(l);
}

/* --- ports --- */

/* We connect, and close first: a TIME_WAIT. With timestamps. The port, or -E... */
static int timewait_by_connect(void)
{
    struct sock *sk = tcp_socket();
    uint8_t options[12] = {1, 1, 8, 10, 0, 0, 0, 1};
    struct segment s;

    int err = tcp_prot.connect(sk, cpu_to_be32(t->peer), 7, MSG_DONTWAIT);
    if (err != -EINPROGRESS) {
        tcp_prot.close(sk);
        return err;
    }
    assert_true(peer_pop(&s));
    int port = s.sport;
    memcpy(options + 8, s.options + 8, 4);
    peer.sport = 7;
    peer.dport = s.sport;
    struct raw r = {.seq = 100, .ack = s.seq + 1, .wnd = 1000, .options = options, .options_len = 12};
    r.flags = TCPHDR_SYN | TCPHDR_ACK;
    peer_raw(&r);
    tcp_prot.close(sk);
    r.flags = TCPHDR_FIN | TCPHDR_ACK;
    r.seq++;
    r.ack++;
    peer_raw(&r);
    testnet_drop_sent(t);
    return port;
}

TEST(
    "when ports run out a TIME_WAIT of more than a second makes room, if tcp_tw_reuse says so") /* RFC 6191 */
{
    struct tcp_counts counts;

    set_sysctl("net.ipv4.ip_local_port_range", "40000 40003");
    set_sysctl("net.ipv4.tcp_tw_reuse", "1");
    for (int i = 0; i < 3; i++)
        assert_in_range(timewait_by_connect(), 40000, 40003);
    host_advance_ms(1100);
    assert_in_range(timewait_by_connect(), 40000, 40003);
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.time_wait, 4); /* as long as there was a free port it was taken */
    for (int i = 0; i < 3; i++)
        assert_in_range(timewait_by_connect(), 40000, 40003);
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.time_wait, 4);
    assert_int_equal(mib(MIB_TcpExtTWRecycled), 3);
    assert_int_equal(timewait_by_connect(), -EADDRNOTAVAIL); /* all are young again */
    host_advance_ms(1100);
    set_sysctl("net.ipv4.tcp_tw_reuse", "0");
    assert_int_equal(timewait_by_connect(), -EADDRNOTAVAIL);
    host_advance_ms(61000);
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.time_wait, 0);
}

TEST("two listeners cannot share address and port, two addresses can")
{
    struct sock *a = tcp_listener(1), *b = tcp_socket();

    b->sk_reuse = true;
    assert_int_equal(tcp_prot.bind(b, 0, 80), -EADDRINUSE);
    assert_int_equal(tcp_prot.bind(b, cpu_to_be32(t->local), 80), -EADDRINUSE);
    tcp_prot.close(a);
    assert_int_equal(tcp_prot.bind(b, cpu_to_be32(t->local), 80), 0);
    struct sock *c = tcp_socket();
    assert_int_equal(tcp_prot.bind(c, cpu_to_be32(0x7f000001), 80), 0);
    assert_int_equal(tcp_prot.listen(b, 1), 0);
    assert_int_equal(tcp_prot.listen(c, 1), 0);
    tcp_prot.close(b);
    tcp_prot.close(c);
}

TEST("of two sockets bound with SO_REUSEADDR only one may listen")
{
    struct sock *a = tcp_socket(), *b = tcp_socket();

    a->sk_reuse = b->sk_reuse = true;
    assert_int_equal(tcp_prot.bind(a, 0, 80), 0);
    assert_int_equal(tcp_prot.bind(b, 0, 80), 0);
    assert_int_equal(tcp_prot.listen(a, 1), 0);
    assert_int_equal(tcp_prot.listen(b, 1), -EADDRINUSE);
    tcp_prot.close(a);
    assert_int_equal(tcp_prot.listen(b, 1), 0);
    tcp_prot.close(b);
}

TEST("a listener can be opened anew while connections of the old one live on") /* RFC 9293 MUST-42 */
{
    struct sock *sk = peer_open_passive();

    tcp_prot.close(listener80);
    listener80 = tcp_listener(4);
    peer_send("still", 5);
    assert_int_equal(tcp_read(sk, 10), 5);
    tcp_prot.close(sk);
}

TEST("bind() takes our addresses only, and each socket once")
{
    struct sock *sk = tcp_socket();

    assert_int_equal(tcp_prot.bind(sk, cpu_to_be32(t->peer), 80), -EADDRNOTAVAIL);
    assert_int_equal(tcp_prot.bind(sk, cpu_to_be32(t->local), 0), 0);
    assert_in_range(be16_to_cpu(sk->sk_sport), 32768, 60999);
    assert_int_equal(tcp_prot.bind(sk, 0, 81), -EINVAL);
    tcp_prot.close(sk);
}

TEST("the listener with the address wins over the one without")
{
    struct sock *any = tcp_socket(), *one = tcp_socket();

    any->sk_reuse = one->sk_reuse = true;
    assert_int_equal(tcp_prot.bind(one, cpu_to_be32(t->local), 80), 0);
    assert_int_equal(tcp_prot.bind(any, 0, 80), 0);
    assert_int_equal(tcp_prot.listen(one, 4), 0);
    assert_true(syn_from(1000));
    peer_ack();
    struct sock *sk = tcp_accept_now(one);
    assert_non_null(sk);
    tcp_prot.close(sk);
    tcp_prot.close(any);
    tcp_prot.close(one);
}

TEST("a socket whose connection was refused can be connected again")
{
    struct sock *sk = peer_open_active_syn();

    peer_at(TCPHDR_RST | TCPHDR_ACK, 0, peer.rcv, NULL, 0);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(t->peer), 7, MSG_DONTWAIT), -EINPROGRESS);
    struct segment s;
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_SYN);
    tcp_prot.close(sk);
}

TEST("disconnect resets the connection and makes the socket usable again")
{
    struct sock *sk = peer_open_passive();
    struct segment s;

    tcp_prot.disconnect(sk);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST | TCPHDR_ACK);
    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(t->peer), 7, MSG_DONTWAIT), -EINPROGRESS);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("the walk over all connections meets each once")
{
    struct sock *sk = peer_open_passive();
    int listeners = 0, full = 0, requests = 0;

    assert_true(syn_from(1000));
    for (struct sock_common *c = NULL; (c = tcp_next_conn(t->net, c));) {
        listeners += c->state == TCP_LISTEN;
        full += c->state == TCP_ESTABLISHED;
        requests += c->state == TCP_NEW_SYN_RECV;
    }
    assert_int_equal(listeners, 1);
    assert_int_equal(full, 1);
    assert_int_equal(requests, 1);
    tcp_prot.close(sk);
}

TEST_FIXTURE(peer_setup, peer_teardown)
