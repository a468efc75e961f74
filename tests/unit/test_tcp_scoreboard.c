/*
 * test_tcp_scoreboard.c - what SACK blocks make of the scoreboard (RFC 6675 4), in whatever order and shape
 * they come, and that they cannot make it grow without bound (CVE-2019-11477 and its kin).
 */
#include "tests/unit/tcp_peer_options.h"

#define SEG  100u
#define SEGS 400u

static uint8_t data[65536];
static uint32_t first;
static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % n;
}

static struct sock *sender(void)
{
    handshake_ms = 40;
    struct sock *sk = options_open(WITH_SACK);
    struct tcp_sock *tp = tcp_sk(sk);

    tp->snd_cwnd = 1u << 24;
    tcp_prot.setsockopt(sk, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int){1}, sizeof(int));
    sk->sk_sndbuf = 8u << 20;
    sk->sk_sndbuf_locked = true;
    first = peer.rcv;
    return sk;
}

static void end(struct sock *sk)
{
    testnet_drop_sent(t);
    sk->sk_linger = true;
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* The marks against their sums, and against what was ever told (`told`: one byte for each sent). */
static void check_scoreboard(struct sock *sk, const bool *told)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t sacked = 0, lost = 0, retrans = 0, segs = 0;
    struct sk_buff *skb;

    skb_queue_walk (&sk->sk_write_queue, skb) {
        const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
        uint32_t span = cb->end_seq - cb->seq;
        if (skb == tp->send_head)
            break;
        sacked += cb->sacked & TCPCB_SACKED ? span : 0;
        segs += cb->sacked & TCPCB_SACKED ? 1 : 0;
        lost += cb->sacked & TCPCB_LOST ? span : 0;
        retrans += cb->sacked & TCPCB_RETRANS ? span : 0;
        for (uint32_t i = cb->seq - first; cb->sacked & TCPCB_SACKED && i < cb->end_seq - first; i++)
            assert_true(told[i]);
    }
    assert_int_equal(tp->sacked_out, sacked);
    assert_int_equal(tp->sacked_segs, segs);
    assert_int_equal(tp->lost_out, lost);
    assert_int_equal(tp->retrans_out, retrans);
}

/* Every segment that a block of this ACK covers is marked. */
static void check_told_now(struct sock *sk, unsigned count, const struct tcp_sack_block *blocks)
{
    struct sk_buff *skb;

    skb_queue_walk (&sk->sk_write_queue, skb)
        for (unsigned i = 0; i < count; i++)
            if (!before(TCP_SKB_CB(skb)->seq, blocks[i].start_seq) &&
                !after(TCP_SKB_CB(skb)->end_seq, blocks[i].end_seq))
                assert_true(TCP_SKB_CB(skb)->sacked & TCPCB_SACKED);
}

TEST("in whatever order and shape blocks come, the scoreboard knows what was told and nothing else") /* 6675-1
                                                                                                      */
{
    static bool told[SEGS * SEG];

    for (uint32_t round = 0; round < 30; round++) {
        struct sock *sk = sender();
        uint32_t una = 0;
        seed = round;
        memset(told, 0, sizeof(told));
        for (unsigned i = 0; i < SEGS; i++)
            tcp_write(sk, data, SEG);
        testnet_drop_sent(t);
        for (unsigned i = 0; i < 200; i++) {
            struct tcp_sack_block blocks[3];
            unsigned count = 1 + random_below(3);
            if (!random_below(10))
                una = min(una + random_below(10) * SEG, (SEGS - 1) * SEG);
            for (unsigned k = 0; k < count; k++) {
                uint32_t from = una + 1 + random_below(SEGS * SEG - una - 1);
                uint32_t to =
                    from + 1 + random_below(min(SEGS * SEG - from, random_below(4) ? 900u : 20000u));
                if (random_below(2)) { /* as an honest peer: whole segments */
                    from = max(from / SEG, una / SEG + 1) * SEG;
                    to = max((to + SEG - 1) / SEG * SEG, from);
                }
                blocks[k] = (struct tcp_sack_block){first + from, first + min(to, SEGS * SEG)};
                for (uint32_t b = from; b < to && b < SEGS * SEG; b++)
                    told[b] = true;
            }
            options_ack_sacks(first + una, count, blocks);
            if (i % 16 == 0)
                host_advance_ms(random_below(30));
            testnet_drop_sent(t);
            /* The first block may tell a duplicate, if it lies within the second (RFC 2883 4). */
            check_told_now(sk, count - 1, blocks + 1);
            check_scoreboard(sk, told);
        }
        end(sk);
        tcp_prot.close(listener80);
        listener80 = NULL;
        host_advance_ms(1000);
        peer_reset_state();
    }
}

TEST("a block that grows by a segment with each ACK is marked to its end, across thousands of segments")
{
    struct sock *sk = sender();
    unsigned segs = 3000;

    tcp_sk(sk)->snd_wnd = tcp_sk(sk)->max_window = segs * SEG * 2;
    for (unsigned i = 0; i < segs; i++)
        tcp_write(sk, data, SEG);
    testnet_drop_sent(t);
    for (unsigned i = 2; i < segs; i++) {
        options_ack_sacks(first, 1, &(struct tcp_sack_block){first + SEG, first + i * SEG});
        assert_int_equal(tcp_sk(sk)->sacked_out, (i - 1) * SEG);
        testnet_drop_sent(t);
    }
    /* Another block comes in between: one ACK may walk a part of the long one only, but the next go on there.
     */
    options_ack_sacks(first, 1, &(struct tcp_sack_block){first + SEG, first + 2 * SEG});
    for (unsigned i = 0; i < 4; i++)
        options_ack_sacks(first, 1, &(struct tcp_sack_block){first + SEG, first + segs * SEG});
    assert_int_equal(tcp_sk(sk)->sacked_out, (segs - 1) * SEG);
    end(sk);
}

TEST("blocks that would cut a train into ever more pieces find an end") /* CVE-2019-11478 */
{
    struct sock *sk = sender();
    struct tcp_sock *tp = tcp_sk(sk);
    struct page *page = alloc_pages(4);

    assert_non_null(page);
    sk->sk_sndbuf = 65536;
    tp->mss_clamp = 48;
    tp->mss_cache = 48;
    tp->snd_wnd = tp->max_window = 1u << 20;
    while (tcp_prot.sendpage(sk, page, 0, 60000, MSG_DONTWAIT) > 0)
        testnet_drop_sent(t);
    uint32_t sent = tp->snd_nxt - first;
    assert_true(sent >= 40000);
    for (uint32_t at = 48; at + 48 < sent; at += 96) {
        options_ack_sacks(first, 1, &(struct tcp_sack_block){first + at, first + at + 48});
        testnet_drop_sent(t);
    }
    assert_true(mib(MIB_TcpExtTCPWqueueTooBig) > 0);
    assert_in_range(sk->sk_wmem_queued, 65536, 4 * 65536);
    options_ack(first + sent);
    assert_int_equal(sk->sk_wmem_queued, 0);
    end(sk);
    put_page(page);
}

TEST_FIXTURE(peer_setup, peer_teardown)
