/*
 * tcp_cong.c - how much may be under way: congestion control behind struct tcp_congestion_ops.
 *
 * tcp_ack.c finds out what was acknowledged and lost; the ops here turn that into snd_cwnd and snd_ssthresh.
 * The only entry so far is Reno's growth (RFC 5681), which with tcp_ack.c's recovery makes NewReno (RFC
 * 6582).
 */
#include "net/tcp/tcp_internal.h"

/* RFC 6928: min(10 * MSS, max(2 * MSS, 14600)); one segment if a SYN was lost (RFC 5681 3.1). */
uint32_t tcp_init_cwnd(const struct tcp_sock *tp)
{
    uint32_t mss = tp->mss_cache;

    if (tp->syn_retransmitted)
        return mss;
    return min(TCP_INIT_CWND * mss, max(2 * mss, 14600u));
}

/* RFC 5681 4.1: after an idle RTO the ACK clock is gone; start again from the initial window. */
void tcp_cwnd_restart(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t restart = min(TCP_INIT_CWND * tp->mss_cache, max(2 * tp->mss_cache, 14600u));

    /* What was known of the path stays, three quarters of it. */
    tp->snd_ssthresh = max(tp->snd_ssthresh, tp->snd_cwnd / 4 * 3);
    tp->snd_cwnd = min(tp->snd_cwnd, restart);
    tp->snd_cwnd_cnt = 0;
}

/* RFC 5681 3.1 equation 4. */
static uint32_t tcp_reno_ssthresh(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    return max((tp->snd_nxt - tp->snd_una) / 2, 2 * tp->mss_cache);
}

/*
 * Growth by bytes acknowledged, so that splitting ACKs gains nothing (RFC 5681 3.1, RFC 3465), and only while
 * the window was what held us back.
 */
static void tcp_reno_cong_avoid(struct sock *sk, uint32_t acked, uint32_t prior_in_flight)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t mss = tp->mss_cache;

    if (tp->snd_cwnd < tp->snd_ssthresh) {
        if (prior_in_flight < tp->snd_cwnd / 2)
            return;
        uint32_t limit = tp->ca_state == TCP_CA_Loss ? mss : 2 * mss; /* RFC 3465 2.3 */
        tp->snd_cwnd = min(tp->snd_cwnd + min(acked, limit), TCP_CWND_MAX);
        return;
    }
    if (tp->snd_cwnd - min(tp->snd_cwnd, prior_in_flight) > mss)
        return;
    tp->snd_cwnd_cnt += acked;
    if (tp->snd_cwnd_cnt >= tp->snd_cwnd) { /* one MSS per window acknowledged: per round trip */
        tp->snd_cwnd_cnt -= tp->snd_cwnd;
        tp->snd_cwnd = min(tp->snd_cwnd + mss, TCP_CWND_MAX);
    }
}

const struct tcp_congestion_ops tcp_reno = {
    .name = "reno",
    .ssthresh = tcp_reno_ssthresh,
    .cong_avoid = tcp_reno_cong_avoid,
};
