/*
 * tcp_pacing.c - new data leaves spread over the round trip, not as fast as the card takes it: a burst of
 * half a window fills the queue of a narrow link on the way, and what does not fit there is lost.
 *
 * tcp_write_xmit() asks tcp_pacing_quota() before each train and tells tcp_pacing_sent() after it. The rate
 * is twice the window per round trip in slow start, where the window doubles meanwhile, and 1.2 times after
 * it, so that the window stays the limit (Linux's tcp_pacing_ss_ratio and tcp_pacing_ca_ratio). The timer
 * wheel turns once a millisecond, so that is a burst: what the rate lets out in a millisecond, at least
 * tcp_min_tso_segs segments.
 *
 * Not paced: round trips of a few milliseconds, whose window a burst or two would hold; an initial window's
 * worth when nothing is under way (RFC 6928 lets it go at once); the first retransmission of a recovery. The
 * others share the rate with new data and go before it.
 */
#include "net/tcp/tcp_internal.h"

/* A timer that comes late is made up for, up to this. */
#define TCP_PACING_SLACK_NS (2 * NSEC_PER_MSEC)

/* In a recovery the window follows what arrives; its way leads to ssthresh (RFC 6937), and so does the rate.
 */
static uint64_t tcp_pacing_window(const struct tcp_sock *tp)
{
    uint32_t window = max(tp->snd_cwnd, tcp_in_flight(tp));

    return tp->ca_state == TCP_CA_Recovery || tp->ca_state == TCP_CA_CWR ? max(window, tp->snd_ssthresh)
                                                                         : window;
}

/* Bytes per second; TCP_PACING_UNLIMITED before the first round trip has been measured. */
uint64_t tcp_pacing_rate(const struct tcp_sock *tp)
{
    const struct netns_tcp *tn = tcp_net(&tp->sk);
    uint64_t rate = TCP_PACING_UNLIMITED;

    if (tp->srtt_us) {
        bool doubles = tp->snd_cwnd < tp->snd_ssthresh / 2;
        uint64_t percent = (uint64_t)(doubles ? tn->sysctl_pacing_ss_ratio : tn->sysctl_pacing_ca_ratio);
        rate = tcp_pacing_window(tp) * percent * 10000 / tp->srtt_us;
    }
    return max(min(rate, tp->sk.sk_max_pacing_rate), (uint64_t)1);
}

static bool tcp_pacing_asked(const struct sock *sk)
{
    return sk->sk_max_pacing_rate != TCP_PACING_UNLIMITED;
}

bool tcp_is_paced(const struct tcp_sock *tp)
{
    return tcp_needs_pacing(tp) && (tcp_pacing_asked(&tp->sk) || tcp_net(&tp->sk)->sysctl_pacing);
}

/**
 * tcp_pacing_quota - how many bytes may go in one burst now; for sockets of which tcp_needs_pacing() is true
 *
 * Return: at least mss, UINT32_MAX without a bound; or 0: not yet, and the timer will send on.
 */
uint32_t tcp_pacing_quota(struct sock *sk, uint32_t mss)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tcp_pacing_asked(sk) && !tcp_net(sk)->sysctl_pacing)
        return UINT32_MAX;
    /* Who has asked for a rate gets no burst but the first. */
    if (!tp->packets_out && (!tcp_pacing_asked(sk) || !tp->data_segs_out))
        tp->pacing_burst = TCP_INIT_CWND * mss;
    if (tp->pacing_burst)
        return max(tp->pacing_burst, mss);
    if (ktime_get() >= tp->pacing_next)
        return (uint32_t)clamp(tcp_pacing_rate(tp) / 1000, (uint64_t)tcp_net(sk)->sysctl_min_tso_segs * mss,
                               (uint64_t)UINT32_MAX);
    uint64_t at_ms = DIV_ROUND_UP(tp->pacing_next, NSEC_PER_MSEC);
    if (!timer_pending(&tp->pacing_timer) || tp->pacing_timer.expires_ms > at_ms)
        mod_timer(&tp->pacing_timer, at_ms);
    return 0;
}

/* `len` bytes of new data have gone: when may the next? */
void tcp_pacing_sent(struct tcp_sock *tp, uint32_t len)
{
    if (tp->pacing_burst) {
        tp->pacing_burst -= min(tp->pacing_burst, len);
        return;
    }
    ktime_t now = ktime_get(), earliest = now > TCP_PACING_SLACK_NS ? now - TCP_PACING_SLACK_NS : 0;
    tp->pacing_next = max(tp->pacing_next, earliest) + len * NSEC_PER_SEC / tcp_pacing_rate(tp);
}

static void tcp_pacing_timer(struct timer *timer)
{
    struct sock *sk = &container_of(timer, struct tcp_sock, pacing_timer)->sk;

    sock_hold(sk);
    tcp_xmit_paced(sk);
    tcp_push_pending_frames(sk);
    tcp_check_space(sk); /* what waits to be sent may be little enough for more now */
    sock_put(sk);
}

void tcp_pacing_init(struct tcp_sock *tp)
{
    timer_setup(&tp->pacing_timer, tcp_pacing_timer);
}
