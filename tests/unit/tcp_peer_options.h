/*
 * tcp_peer_options.h - tcp_peer.h's other end, which also speaks timestamps and SACK.
 *
 *     struct sock *sk = options_open(WITH_TS | WITH_SACK);
 *     options_ack_sacks(ack, 2, (struct tcp_sack_block[]){{a, b}, {c, d}});
 *     options_pop()                                the next segment is in peer.last, its options in got
 *
 * Everything is sent with ts.val and ts.ecr as they stand.
 */
#ifndef TESTS_UNIT_TCP_PEER_OPTIONS_H
#define TESTS_UNIT_TCP_PEER_OPTIONS_H

#include "tests/unit/tcp_peer.h"

enum { WITH_TS = 1, WITH_SACK = 2 };

static struct {
    bool on;
    uint32_t val, ecr;
} ts;

static unsigned handshake_ms; /* how long the peer takes to answer the SYN-ACK of options_open() */

/* The options of the last segment popped. */
static struct {
    bool ts, sack_ok;
    uint32_t tsval, tsecr;
    unsigned sacks;
    struct tcp_sack_block sack[4];
} got;

static void options_read(void)
{
    const uint8_t *p = peer.last.options, *end = p + peer.last.hdr_len - 20;

    memset(&got, 0, sizeof(got));
    while (p < end && *p) {
        if (*p == TCPOPT_NOP) {
            p++;
            continue;
        }
        assert_true(p[1] >= 2 && p + p[1] <= end);
        if (*p == TCPOPT_SACK_PERM)
            got.sack_ok = true;
        if (*p == TCPOPT_TIMESTAMP) {
            got.ts = true;
            got.tsval = testnet_u32(p + 2);
            got.tsecr = testnet_u32(p + 6);
        }
        for (unsigned i = 2; *p == TCPOPT_SACK && i < p[1]; i += 8)
            got.sack[got.sacks++] = (struct tcp_sack_block){testnet_u32(p + i), testnet_u32(p + i + 4)};
        p += p[1];
    }
}

static bool options_pop(void)
{
    struct segment s;

    if (!peer_pop(&s))
        return false;
    options_read();
    return true;
}

static void options_at(uint8_t flags, uint32_t seq, uint32_t ack, const void *data, unsigned len,
                       unsigned sacks, const struct tcp_sack_block *blocks)
{
    uint8_t options[40];
    unsigned n = 0;

    if (ts.on) {
        memcpy(options, (uint8_t[]){1, 1, TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP}, 4);
        put_unaligned_be32(ts.val, options + 4);
        put_unaligned_be32(ts.ecr, options + 8);
        n = 12;
    }
    if (sacks) {
        memcpy(options + n, (uint8_t[]){1, 1, TCPOPT_SACK, (uint8_t)(2 + 8 * sacks)}, 4);
        n += 4;
        for (unsigned i = 0; i < sacks; i++, n += 8) {
            put_unaligned_be32(blocks[i].start_seq, options + n);
            put_unaligned_be32(blocks[i].end_seq, options + n + 4);
        }
    }
    peer_raw(&(struct raw){.seq = seq,
                           .ack = ack,
                           .flags = flags,
                           .wnd = peer.wnd,
                           .options = options,
                           .options_len = n,
                           .data = data,
                           .len = len});
}

static void options_ack_sacks(uint32_t ack, unsigned sacks, const struct tcp_sack_block *blocks)
{
    options_at(TCPHDR_ACK, peer.snd, ack, NULL, 0, sacks, blocks);
}

static void options_ack(uint32_t ack)
{
    options_ack_sacks(ack, 0, NULL);
}

static void options_send(const void *data, unsigned len)
{
    options_at(TCPHDR_ACK | TCPHDR_PSH, peer.snd, peer.rcv, data, len, 0, NULL);
    peer.snd += len;
}

/* A SYN with MSS and what `with` asks for, as Linux sends it; the SYN-ACK's options are in got. */
static void options_syn(unsigned with)
{
    uint8_t options[24] = {2, 4, 1460 >> 8, 1460 & 255, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 7};

    if (with & WITH_SACK)
        memcpy(options + 4, (uint8_t[]){TCPOPT_SACK_PERM, 2}, 2);
    if (with & WITH_TS) {
        memcpy(options + 6, (uint8_t[]){TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP}, 2);
        put_unaligned_be32(ts.val, options + 8);
        put_unaligned_be32(0, options + 12);
    }
    peer_syn(options, 20);
    options_read();
    ts.on = with & WITH_TS && got.ts;
    ts.ecr = got.tsval;
}

/* A connection to port 80, just below the wrap of the stack's sequence numbers; peer.wnd counts 128 bytes. */
static struct sock *options_open(unsigned with)
{
    ts.val = 0xfffffff0u; /* the peer's clock wraps soon */
    ts.on = false;
    listener80 = tcp_listener(16);
    peer_align_isn();
    options_syn(with);
    host_advance_ms(handshake_ms);
    options_ack(peer.rcv);
    struct sock *sk = tcp_accept_now(listener80);
    assert_non_null(sk);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    peer_expect_nothing();
    return sk;
}

#endif
