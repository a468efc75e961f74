/*
 * tcp_peer.h - the other end of a connection, for tests that speak TCP by hand: packets in, packets out.
 *
 *     struct sock *sk = peer_open_passive(0);      a listener on port 80, and the peer's handshake with it
 *     peer_send("GET", 3);                         a segment at peer.snd, ACK of all that was received
 *     peer_expect(TCPHDR_ACK, 0);                  the next segment the stack sends: flags and length, at
 * peer.rcv peer_expect_nothing();
 *
 * peer.snd starts 100 below 2^32, and so does the stack's own sequence number: every test crosses the wrap.
 */
#ifndef TESTS_UNIT_TCP_PEER_H
#define TESTS_UNIT_TCP_PEER_H

#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/byteorder.h"
#include "net/core/sysctl.h"
#include "net/ipv4/ip.h"
#include "net/tcp/tcp.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

/* No test program uses all of these. */
#pragma GCC diagnostic ignored "-Wunused-function"

#define PEER_ISS 0xffffff9cu /* 2^32 - 100 */
#define MSS      1460u

static struct testnet *t;
static uint8_t peer_frame[2048], peer_buf[65536];

/* A segment, as it was on the wire; host order. */
struct segment {
    uint32_t seq, ack;
    uint16_t sport, dport, wnd, urg;
    uint8_t flags;
    unsigned hdr_len, len;
    const uint8_t *options, *data;
};

static struct {
    uint32_t snd, rcv; /* next number to send, next expected */
    uint16_t sport, dport, wnd;
    struct segment last;
} peer;

static uint64_t mib(enum mib_counter counter)
{
    return t->net->mib[counter];
}

static uint64_t drops(enum skb_drop_reason reason)
{
    return t->net->drops[reason];
}

/* --- sending --- */

struct raw {
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t wnd, urg;
    const void *options; /* a multiple of 4 bytes */
    unsigned options_len;
    const void *data;
    unsigned len;
};

static void peer_raw_ip(const struct testnet_ip *ip, const struct raw *r)
{
    static uint8_t tcp[2048];
    unsigned hdr = 20 + r->options_len;
    uint32_t saddr = ip->saddr ? ip->saddr : t->peer, daddr = ip->daddr ? ip->daddr : t->local;

    memset(tcp, 0, hdr);
    put_unaligned_be16(peer.sport, tcp);
    put_unaligned_be16(peer.dport, tcp + 2);
    put_unaligned_be32(r->seq, tcp + 4);
    put_unaligned_be32(r->ack, tcp + 8);
    tcp[12] = (uint8_t)(hdr << 2);
    tcp[13] = r->flags;
    put_unaligned_be16(r->wnd, tcp + 14);
    put_unaligned_be16(r->urg, tcp + 18);
    if (r->options_len)
        memcpy(tcp + 20, r->options, r->options_len);
    if (r->len)
        memcpy(tcp + hdr, r->data, r->len);
    testnet_fix_csum(tcp, hdr + r->len, 16, saddr, daddr, IPPROTO_TCP);
    struct testnet_ip full = *ip;
    full.protocol = IPPROTO_TCP;
    testnet_inject(t, peer_frame, testnet_build_ip(t, peer_frame, &full, tcp, hdr + r->len));
}

static void peer_raw(const struct raw *r)
{
    peer_raw_ip(&(struct testnet_ip){0}, r);
}

/* A segment at seq/ack that moves nothing of the peer's own state. */
static void peer_at(uint8_t flags, uint32_t seq, uint32_t ack, const void *data, unsigned len)
{
    peer_raw(
        &(struct raw){.seq = seq, .ack = ack, .flags = flags, .wnd = peer.wnd, .data = data, .len = len});
}

static void peer_flags(uint8_t flags, const void *data, unsigned len)
{
    peer_at(flags, peer.snd, peer.rcv, data, len);
    peer.snd += len + !!(flags & TCPHDR_SYN) + !!(flags & TCPHDR_FIN);
}

static void peer_send(const void *data, unsigned len)
{
    peer_flags(TCPHDR_ACK | TCPHDR_PSH, data, len);
}

static void peer_ack(void)
{
    peer_flags(TCPHDR_ACK, NULL, 0);
}

/* --- receiving --- */

static bool peer_pop(struct segment *s)
{
    static uint8_t frame[2048];
    size_t n = testnet_pop(t, frame, sizeof(frame));

    if (!n)
        return false;
    assert_true(testnet_frame_ok(frame, n));
    const uint8_t *tcp = frame + TESTNET_L4;
    assert_int_equal(frame[TESTNET_IP + 9], IPPROTO_TCP);
    *s = (struct segment){.sport = testnet_u16(tcp),
                          .dport = testnet_u16(tcp + 2),
                          .seq = testnet_u32(tcp + 4),
                          .ack = testnet_u32(tcp + 8),
                          .hdr_len = tcp[12] >> 4 << 2,
                          .flags = tcp[13],
                          .wnd = testnet_u16(tcp + 14),
                          .urg = testnet_u16(tcp + 18),
                          .options = tcp + 20};
    s->len = testnet_u16(frame + TESTNET_IP + 2) - 20 - s->hdr_len;
    s->data = tcp + s->hdr_len;
    peer.last = *s;
    return true;
}

#define peer_expect_nothing() peer_expect_nothing_(__LINE__)
static void peer_expect_nothing_(int line)
{
    struct segment s;

    if (peer_pop(&s))
        fail_msg("line %d: a segment where none was due: flags %02x len %u", line, s.flags, s.len);
}

/* The next segment: these flags (PSH does not matter), this length, at peer.rcv, acknowledging peer.snd. */
#define peer_expect(flags, len) peer_expect_(flags, len, __LINE__)
static void peer_expect_(uint8_t flags, unsigned len, int line)
{
    struct segment s;

    if (!peer_pop(&s))
        fail_msg("line %d: no segment", line);
    if ((s.flags & ~TCPHDR_PSH) != flags || s.len != len)
        fail_msg("line %d: flags %02x len %u instead of %02x %u", line, s.flags, s.len, flags, len);
    if (s.seq != peer.rcv || (flags & TCPHDR_ACK && s.ack != peer.snd))
        fail_msg("line %d: seq %+d ack %+d off", line, (int)(s.seq - peer.rcv), (int)(s.ack - peer.snd));
    peer.rcv += len + !!(flags & TCPHDR_SYN) + !!(flags & TCPHDR_FIN);
}

/* An ACK that says where the stack is; it sends from peer.rcv. */
#define peer_expect_ack() peer_expect(TCPHDR_ACK, 0)

/* --- sockets --- */

static void set_sysctl(const char *name, const char *value)
{
    assert_int_equal(sysctl_set(t->net, name, value), 0);
}

static struct sock *tcp_socket(void)
{
    int err;
    struct sock *sk = sk_alloc(t->net, &tcp_prot, SOCK_STREAM, IPPROTO_TCP, &err);

    assert_non_null(sk);
    return sk;
}

static struct sock *tcp_listener(int backlog)
{
    struct sock *sk = tcp_socket();

    sk->sk_reuse = true;
    assert_int_equal(tcp_prot.bind(sk, 0, 80), 0);
    assert_int_equal(tcp_prot.listen(sk, backlog), 0);
    return sk;
}

static struct sock *tcp_accept_now(struct sock *listener)
{
    int err;

    return tcp_prot.accept(listener, MSG_DONTWAIT, &err);
}

static ssize_t tcp_write(struct sock *sk, const void *data, size_t len)
{
    struct iovec iov = {(void *)data, len};
    struct msg msg = {.iter = {&iov, 0, len}, .flags = MSG_DONTWAIT};

    return tcp_prot.sendmsg(sk, &msg, len);
}

static ssize_t tcp_write_flags(struct sock *sk, const void *data, size_t len, int flags)
{
    struct iovec iov = {(void *)data, len};
    struct msg msg = {.iter = {&iov, 0, len}, .flags = MSG_DONTWAIT | flags};

    return tcp_prot.sendmsg(sk, &msg, len);
}

static ssize_t tcp_read_flags(struct sock *sk, size_t len, int flags)
{
    struct iovec iov = {peer_buf, len};
    struct msg msg = {.iter = {&iov, 0, len}};

    return tcp_prot.recvmsg(sk, &msg, len, MSG_DONTWAIT | flags);
}

static ssize_t tcp_read(struct sock *sk, size_t len)
{
    return tcp_read_flags(sk, len, 0);
}

static void peer_reset_state(void)
{
    peer.snd = PEER_ISS;
    peer.rcv = 0;
    peer.sport = 40000;
    peer.dport = 80;
    peer.wnd = 65535;
}

/* Brings the clock to where the stack's next initial number for this 4-tuple is 100 below 2^32. */
static void peer_align_isn(void)
{
    struct segment s;

    peer_raw(&(struct raw){.seq = 1, .flags = TCPHDR_SYN, .wnd = 1000});
    assert_true(peer_pop(&s));
    peer_raw(&(struct raw){.seq = 2, .flags = TCPHDR_RST});
    host_advance_ns((uint64_t)(PEER_ISS - s.seq) * 64);
    testnet_drop_sent(t);
}

static const uint8_t mss_option[4] = {2, 4, 1460 >> 8, 1460 & 255};

/* SYN with options, SYN-ACK; the ACK is still due. */
static void peer_syn(const void *options, unsigned options_len)
{
    peer_raw(&(struct raw){.seq = peer.snd,
                           .flags = TCPHDR_SYN,
                           .wnd = peer.wnd,
                           .options = options,
                           .options_len = options_len});
    peer.snd++;
    struct segment s;
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_SYN | TCPHDR_ACK);
    assert_int_equal(s.ack, peer.snd);
    peer.rcv = s.seq + 1;
}

/* A connection to `listener`, made by the peer; the accepted socket. */
static struct sock *peer_connect(struct sock *listener)
{
    peer_syn(mss_option, sizeof(mss_option));
    peer_ack();
    struct sock *sk = tcp_accept_now(listener);
    assert_non_null(sk);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    peer_expect_nothing();
    return sk;
}

static struct sock *listener80;

static struct sock *peer_open_passive(void)
{
    listener80 = tcp_listener(16);
    peer_align_isn();
    return peer_connect(listener80);
}

/* The stack connects to port 7 of the peer, which answers. */
static struct sock *peer_open_active_syn(void)
{
    struct sock *sk = tcp_socket();
    struct segment s;

    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(t->peer), 7, MSG_DONTWAIT), -EINPROGRESS);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_SYN);
    peer.sport = 7;
    peer.dport = s.sport;
    peer.rcv = s.seq + 1;
    return sk;
}

/* --- around each test --- */

static int peer_setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    if (!t)
        return -1;
    host_advance_ms(1000);
    testnet_drop_sent(t);
    peer_reset_state();
    listener80 = NULL;
    return 0;
}

/* Orphans are reset, as their peers would one day; what is left then is a leak. */
static int peer_teardown(void **state)
{
    struct sock_common *c, *next;

    if (listener80)
        tcp_prot.close(listener80);
    listener80 = NULL;
    for (c = tcp_next_conn(t->net, NULL); c; c = next) {
        next = tcp_next_conn(t->net, c);
        if (c->state == TCP_TIME_WAIT || c->state == TCP_NEW_SYN_RECV || !((struct sock *)c)->sk_dead)
            continue;
        peer.sport = be16_to_cpu(c->dport);
        peer.dport = be16_to_cpu(c->sport);
        peer_raw(&(struct raw){.seq = tcp_sk((struct sock *)c)->rcv_nxt, .flags = TCPHDR_RST});
    }
    struct tcp_counts counts;
    tcp_get_counts(t->net, &counts);
    if (counts.orphans || mib(MIB_TcpCurrEstab))
        return -1;
    return testnet_destroy(t);
}

#endif
