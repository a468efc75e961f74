/*
 * test_tcp_calls.c - calls that wait, calls that must fail, and the last corners of binding and connecting:
 * what the application's side of TCP promises.
 */
#include "tests/unit/tcp_peer.h"

#include <fcntl.h>

#include "kernel/task.h"

/* A call made in a task of its own, which may wait. */
struct call {
    struct sock *sk, *accepted;
    int result;
    bool over;
};

static void start(void (*call)(void *arg), struct call *c)
{
    assert_non_null(task_create("call", call, c, NULL));
    host_run();
}

/* --- close() that lingers --- */

static void close_call(void *arg)
{
    struct call *c = arg;

    tcp_prot.close(c->sk);
    c->over = true;
}

static struct call lingering(unsigned ms)
{
    struct call c = {.sk = peer_open_passive()};

    c.sk->sk_linger = true;
    c.sk->sk_lingertime_ms = ms;
    return c;
}

TEST("close() that lingers returns when the peer has acknowledged our FIN") /* RFC 9293 3.9.1.4 */
{
    struct call c = lingering(5000);

    start(close_call, &c);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    host_advance_ms(100);
    assert_false(c.over);
    peer_ack();
    host_run();
    assert_true(c.over);
}

TEST("close() that lingers gives up after its time, and the FIN goes on being sent")
{
    struct call c = lingering(700);

    start(close_call, &c);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    host_advance_ms(690);
    assert_false(c.over);
    host_advance_ms(20);
    assert_true(c.over);
    testnet_drop_sent(t);
    host_advance_ms(3000);
    peer.rcv--;
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
}

TEST("close() that lingers does not wait where a RST ends the connection")
{
    struct call c = lingering(5000);

    peer_send("unread", 6);
    start(close_call, &c);
    assert_true(c.over);
}

TEST("close() in FIN-WAIT-2 with TCP_LINGER2 below zero resets the connection")
{
    struct sock *sk = peer_open_passive();

    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, 8, &(int){-1}, sizeof(int)), 0);
    tcp_prot.shutdown(sk, SHUT_WR);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_ack();
    assert_int_equal(sk->sk_state, TCP_FIN_WAIT2);
    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_RST, 0);
    assert_int_equal(mib(MIB_TcpExtTCPAbortOnLinger), 1);
}

/* --- connect() and accept() that wait --- */

static void connect_call(void *arg)
{
    struct call *c = arg;

    c->result = tcp_prot.connect(c->sk, cpu_to_be32(t->peer), 7, 0);
    c->over = true;
}

/* The SYN has gone out. */
static struct call connecting(void)
{
    struct call c = {.sk = tcp_socket()};
    struct segment s;

    start(connect_call, &c);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_SYN);
    peer.sport = 7;
    peer.dport = s.sport;
    peer.rcv = s.seq + 1;
    return c;
}

TEST("connect() waits for the handshake, for a refusal, and no longer than SO_SNDTIMEO")
{
    struct call c = {.sk = tcp_socket()};
    struct segment s;

    start(connect_call, &c);
    assert_true(peer_pop(&s));
    assert_false(c.over);
    peer.sport = 7;
    peer.dport = s.sport;
    peer_at(TCPHDR_RST | TCPHDR_ACK, 0, s.seq + 1, NULL, 0);
    host_run();
    assert_true(c.over);
    assert_int_equal(c.result, -ECONNREFUSED);

    c.over = false; /* the same socket again */
    start(connect_call, &c);
    assert_true(peer_pop(&s));
    peer.dport = s.sport;
    peer_at(TCPHDR_SYN | TCPHDR_ACK, peer.snd, s.seq + 1, NULL, 0);
    host_run();
    assert_true(c.over);
    assert_int_equal(c.result, 0);
    c.sk->sk_linger = true;
    c.sk->sk_lingertime_ms = 0;
    tcp_prot.close(c.sk);
    testnet_drop_sent(t);
}

TEST("connect() gives up waiting after SO_SNDTIMEO, and the handshake goes on")
{
    struct sock *sk = tcp_socket();
    struct call c = {.sk = sk};

    sk->sk_sndtimeo_ms = 300;
    start(connect_call, &c);
    host_advance_ms(290);
    assert_false(c.over);
    host_advance_ms(20);
    assert_true(c.over);
    assert_int_equal(c.result, -EINPROGRESS);
    assert_int_equal(sk->sk_state, TCP_SYN_SENT);
    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(t->peer), 7, MSG_DONTWAIT), -EALREADY);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

static void accept_call(void *arg)
{
    struct call *c = arg;

    c->accepted = tcp_prot.accept(c->sk, 0, &c->result);
    c->over = true;
}

TEST("accept() waits for a connection, and ends with EINVAL when the listener is shut down")
{
    struct call c = {.sk = tcp_listener(4)};

    start(accept_call, &c);
    assert_false(c.over);
    peer_syn(mss_option, 4);
    peer_ack();
    host_run();
    assert_true(c.over);
    assert_non_null(c.accepted);
    c.accepted->sk_linger = true;
    c.accepted->sk_lingertime_ms = 0;
    tcp_prot.close(c.accepted);
    testnet_drop_sent(t);

    c = (struct call){.sk = c.sk};
    start(accept_call, &c);
    assert_int_equal(tcp_prot.shutdown(c.sk, SHUT_WR), 0); /* of no meaning to a listener */
    host_run();
    assert_false(c.over);
    assert_int_equal(tcp_prot.shutdown(c.sk, SHUT_RD), 0);
    host_run();
    assert_true(c.over);
    assert_null(c.accepted);
    assert_int_equal(c.result, -EINVAL);
    assert_int_equal(c.sk->sk_state, TCP_CLOSE);
    tcp_prot.close(c.sk);
}

/* --- sending and receiving --- */

static void send_call(void *arg)
{
    static char buf[300000];
    struct call *c = arg;
    struct iovec iov = {buf, sizeof(buf)};
    struct msg msg = {.iter = {&iov, 0, sizeof(buf)}, .flags = MSG_NOSIGNAL};

    c->result = (int)tcp_prot.sendmsg(c->sk, &msg, sizeof(buf));
    c->over = true;
}

TEST("send() waits for room no longer than SO_SNDTIMEO, and tells what has been taken")
{
    struct call c = {.sk = peer_open_passive()};

    c.sk->sk_sndbuf = 20000;
    c.sk->sk_sndbuf_locked = true;
    c.sk->sk_sndtimeo_ms = 200;
    start(send_call, &c);
    assert_false(c.over);
    host_advance_ms(210);
    assert_true(c.over);
    assert_in_range(c.result, 1, 40000);

    c.over = false; /* now there is no room at all */
    start(send_call, &c);
    host_advance_ms(210);
    assert_true(c.over);
    assert_int_equal(c.result, -EAGAIN);

    c.over = false; /* the connection ends meanwhile */
    start(send_call, &c);
    peer_flags(TCPHDR_RST | TCPHDR_ACK, NULL, 0);
    host_run();
    assert_true(c.over);
    assert_int_equal(c.result, -ECONNRESET);
    tcp_prot.close(c.sk);
    testnet_drop_sent(t);
}

TEST("urgent data is in line: receiving it out of band fails") /* RFC 6093 5 */
{
    struct sock *sk = peer_open_passive();

    peer_raw(&(struct raw){.seq = peer.snd,
                           .ack = peer.rcv,
                           .flags = TCPHDR_ACK | TCPHDR_URG,
                           .wnd = 1000,
                           .urg = 1,
                           .data = "u",
                           .len = 1});
    assert_int_equal(tcp_read_flags(sk, 1, MSG_OOB), -EINVAL);
    assert_int_equal(tcp_read(sk, 1), 1);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- what makes no sense --- */

TEST("shutdown(), listen() and accept() where they make no sense say so")
{
    struct sock *fresh = tcp_socket(), *sk = peer_open_passive();
    int err;

    assert_int_equal(tcp_prot.shutdown(fresh, SHUT_WR), -ENOTCONN);
    assert_int_equal(tcp_prot.shutdown(sk, 7), -EINVAL);
    assert_int_equal(tcp_prot.listen(sk, 1), -EINVAL);
    assert_null(tcp_prot.accept(sk, MSG_DONTWAIT, &err));
    assert_int_equal(err, -EINVAL);
    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(t->peer), 7, MSG_DONTWAIT), -EISCONN);
    assert_int_equal(tcp_prot.setsockopt(sk, 254, 1, &(int){1}, sizeof(int)), -ENOPROTOOPT);
    assert_int_equal(tcp_prot.getsockopt(sk, 254, 1, &err, &(socklen_t){sizeof(err)}), -ENOPROTOOPT);
    tcp_prot.close(fresh);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("listen() without bind() takes a port of its own, and again only changes the backlog")
{
    struct sock *sk = tcp_socket();

    assert_int_equal(tcp_prot.listen(sk, 3), 0);
    assert_true(sk->sk_sport != 0);
    be16 port = sk->sk_sport;
    assert_int_equal(tcp_prot.listen(sk, -1), 0);
    assert_true(sk->sk_sport == port);
    assert_int_equal(tcp_sk(sk)->max_backlog, 4096);
    tcp_prot.disconnect(sk); /* as connect() to AF_UNSPEC */
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    tcp_prot.close(sk);
}

TEST("sockets of different devices, or addresses, share a port")
{
    struct sock *a = tcp_socket(), *b = tcp_socket(), *c = tcp_socket(), *d = tcp_socket();

    a->sk_bound_dev_if = 1;
    b->sk_bound_dev_if = 2;
    assert_int_equal(tcp_prot.bind(a, 0, 99), 0);
    assert_int_equal(tcp_prot.bind(b, 0, 99), 0);
    assert_int_equal(tcp_prot.bind(c, cpu_to_be32(t->local), 99), -EADDRINUSE);
    assert_int_equal(tcp_prot.bind(c, cpu_to_be32(t->local), 98), 0);
    assert_int_equal(tcp_prot.bind(d, cpu_to_be32(0x7f000001), 98), 0);
    tcp_prot.close(a);
    tcp_prot.close(b);
    tcp_prot.close(c);
    tcp_prot.close(d);
}

TEST("a socket cannot connect to itself") /* RFC 9293 3.10.1: that would be one end of the connection twice */
{
    struct sock *sk = tcp_socket();

    assert_int_equal(tcp_prot.bind(sk, cpu_to_be32(t->local), 77), 0);
    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(t->local), 77, MSG_DONTWAIT), -EADDRNOTAVAIL);
    tcp_prot.close(sk);
}

TEST("connecting to 0.0.0.0 means this host") /* RFC 1122 3.2.1.3 (a) */
{
    struct sock *listener = tcp_listener(4), *sk = tcp_socket();

    assert_int_equal(tcp_prot.connect(sk, 0, 80, MSG_DONTWAIT), -EINPROGRESS);
    host_advance_ms(10);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    assert_int_equal(be32_to_cpu(sk->sk_daddr), 0x7f000001);
    struct sock *other = tcp_accept_now(listener);
    assert_non_null(other);
    tcp_prot.close(sk);
    tcp_prot.close(other);
    tcp_prot.close(listener);
    host_advance_ms(70000);
}

TEST("with IP_PMTUDISC_DONT a path MTU is of no interest") /* the datagrams may be cut on their way */
{
    struct sock *sk = peer_open_passive();
    uint32_t mss = tcp_sk(sk)->mss_cache;

    sk->inet_pmtudisc = IP_PMTUDISC_DONT;
    tcp_write(sk, "x", 1);
    struct segment s;
    assert_true(peer_pop(&s));
    uint8_t quote[28] = {0x45, [8] = 64, [9] = IPPROTO_TCP};
    put_unaligned_be32(t->local, quote + 12);
    put_unaligned_be32(t->peer, quote + 16);
    put_unaligned_be16(s.sport, quote + 20);
    put_unaligned_be16(s.dport, quote + 22);
    put_unaligned_be32(s.seq, quote + 24);
    testnet_inject(
        t, peer_frame,
        testnet_build_icmp(t, peer_frame, &(struct testnet_ip){0}, 3, 4, 600, quote, sizeof(quote)));
    assert_int_equal(tcp_sk(sk)->mss_cache, mss);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST_FIXTURE(peer_setup, peer_teardown)
