/*
 * tcp_rcvbuf.c - how large the receive buffer, and with it the window, should be: dynamic right-sizing.
 *
 * What the application reads in a round trip is what the peer could send in one, held up by nothing but the
 * window; so the buffer keeps room for twice that (Fisk and Feng, 2001). It only grows, up to
 * tcp_rmem[2], and not for an application that chose its own by SO_RCVBUF. A slow reader's never grows.
 */
#include "net/tcp/tcp_internal.h"

void tcp_rcv_space_init(struct tcp_sock *tp)
{
    tp->rcv_rtt_us = 0;
    tp->rcv_rtt_seq = tp->rcv_nxt + tp->rcv_wnd;
    tp->rcv_rtt_time_us = ktime_get() / NSEC_PER_USEC;
    tp->rcvq_space = min(tp->rcv_wnd, TCP_INIT_CWND * (uint32_t)tp->advmss);
    tp->rcvq_seq = tp->copied_seq;
    tp->rcvq_time_us = ktime_get() / NSEC_PER_USEC;
}

/* --- the round trip, for one who only receives and so has nothing acknowledged --- */

/* Of a peer that pauses samples are too long, never too short: a shorter one counts whole, a longer one
 * little. */
static void tcp_rcv_rtt_sample(struct tcp_sock *tp, uint32_t sample_us)
{
    uint32_t rtt_us = tcp_rcv_rtt_us(tp);

    if (!rtt_us || sample_us < rtt_us)
        tp->rcv_rtt_us = sample_us;
    else
        tp->rcv_rtt_us = rtt_us + (sample_us - rtt_us) / 8;
}

/* By the first segment that echoes what an ACK of ours said. The clock tells nothing below its tick. */
static void tcp_rcv_rtt_by_echo(struct tcp_sock *tp, const struct tcp_seg *seg)
{
    uint64_t rtt_us;

    tp->rcv_rtt_tsecr = seg->tsecr;
    if (!tcp_tstamp_rtt(tp, seg, &rtt_us))
        return;
    uint32_t known_us = tcp_rcv_rtt_us(tp);
    if (rtt_us > 1000 || !known_us || known_us > 1000)
        tcp_rcv_rtt_sample(tp, (uint32_t)rtt_us);
}

/* A window's worth cannot come in less than a round trip: what lies behind it was sent for a later ACK. */
static void tcp_rcv_rtt_by_window(struct tcp_sock *tp)
{
    uint64_t now_us = ktime_get() / NSEC_PER_USEC;

    tcp_rcv_rtt_sample(tp, (uint32_t)clamp(now_us - tp->rcv_rtt_time_us, (uint64_t)1, (uint64_t)UINT32_MAX));
    tp->rcv_rtt_seq = tp->rcv_nxt + tcp_receive_window(tp);
    tp->rcv_rtt_time_us = now_us;
}

void tcp_rcv_rtt_measure(struct tcp_sock *tp, const struct tcp_seg *seg)
{
    if (!tp->tstamp_ok)
        tcp_rcv_rtt_by_window(tp);
    else if (seg->saw_tstamp)
        tcp_rcv_rtt_by_echo(tp, seg);
}

/* --- the buffer --- */

/* The window for a reader that took `copied` bytes in a round trip, and `before` in the one before. */
static uint64_t tcp_wanted_window(const struct tcp_sock *tp, uint32_t copied, uint32_t before)
{
    /* Twice, and some segments for losses; while the peer is in slow start it doubles again meanwhile. */
    uint64_t window = 2 * (uint64_t)copied + 16u * tp->advmss;

    return window + 2 * (window * (copied - before) / before);
}

void tcp_rcv_space_adjust(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct netns_tcp *tn = tcp_net(sk);
    uint64_t now_us = ktime_get() / NSEC_PER_USEC;

    uint32_t rtt_us = tcp_rcv_rtt_us(tp);
    if (!rtt_us || now_us - tp->rcvq_time_us < rtt_us)
        return;
    uint32_t copied = tp->copied_seq - tp->rcvq_seq, before_it = max(tp->rcvq_space, 1u);
    tp->rcvq_seq = tp->copied_seq;
    tp->rcvq_time_us = now_us;
    if (copied <= before_it)
        return;
    tp->rcvq_space = copied;
    if (!tn->sysctl_moderate_rcvbuf || sk->sk_rcvbuf_locked || tcp_under_memory_pressure(tn))
        return;
    /* tcp_win_from_space() offers half of the buffer. */
    uint64_t space = min(2 * tcp_wanted_window(tp, copied, before_it), (uint64_t)tn->sysctl_rmem[2]);
    sk->sk_rcvbuf = max(sk->sk_rcvbuf, (uint32_t)space);
}
