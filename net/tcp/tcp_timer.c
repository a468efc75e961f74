/*
 * tcp_timer.c - what TCP does when nothing comes: retransmission (RFC 6298), zero-window probes (RFC
 * 9293 3.8.6.1), delayed ACKs (3.8.6.3), keep-alive (3.8.4).
 *
 * A socket keeps its deadlines in plain fields and its timers in the wheel at or before them: moving a
 * deadline on, which happens with every segment, touches no timer. When one fires early it looks at the
 * deadline and goes back to the wheel. Timers run in softirq context; the socket is held while its handler
 * runs.
 */
#include <errno.h>

#include <netinet/in.h>

#include "net/tcp/tcp_internal.h"

static void tcp_arm(struct timer *timer, uint64_t deadline_ms)
{
    if (!timer_pending(timer) || timer->expires_ms > deadline_ms)
        mod_timer(timer, deadline_ms);
}

/* --- setting deadlines --- */

void tcp_reset_xmit_timer_at(struct sock *sk, enum tcp_xmit_pending what, uint64_t deadline_ms)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->xmit_pending = (uint8_t)what;
    tp->xmit_timeout_ms = deadline_ms;
    tcp_arm(&tp->xmit_timer, tp->xmit_timeout_ms);
}

void tcp_reset_xmit_timer(struct sock *sk, enum tcp_xmit_pending what, uint32_t when_ms)
{
    tcp_reset_xmit_timer_at(sk, what, ktime_get_ms() + min(when_ms, tcp_rto_max(tcp_sk(sk))));
}

void tcp_stop_xmit_timer(struct tcp_sock *tp)
{
    tp->xmit_pending = TCP_TIME_NONE;
}

/* Something waits, nothing is under way that would bring an ACK: probe (RFC 9293 SHLD-29: after one RTO). */
void tcp_check_probe_timer(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->send_head || tp->packets_out || tp->xmit_pending != TCP_TIME_NONE ||
        timer_pending(&tp->pacing_timer))
        return;
    tcp_reset_xmit_timer(sk, TCP_TIME_PROBE0, tp->rto_ms);
}

void tcp_schedule_delack(struct sock *sk, uint32_t when_ms)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint64_t deadline = ktime_get_ms() + when_ms;

    /* A second segment does not put off the ACK of the first. */
    if (!(tp->ack_pending & TCP_ACK_TIMER) || deadline < tp->ack_timeout_ms)
        tp->ack_timeout_ms = deadline;
    tp->ack_pending |= TCP_ACK_TIMER;
    tcp_arm(&tp->delack_timer, tp->ack_timeout_ms);
}

/* --- giving up --- */

/* R2 as a time: how long `boundary` retransmissions with doubling take from the least RTO on (924 s for 15).
 */
static uint64_t tcp_retries_to_ms(unsigned boundary, uint32_t rto_max)
{
    unsigned doublings = 0; /* TCP_RTO_MIN << doublings is the last below rto_max: 9 for two minutes */

    while (TCP_RTO_MIN << (doublings + 1) <= rto_max)
        doublings++;
    if (boundary <= doublings)
        return (uint64_t)((2u << boundary) - 1) * TCP_RTO_MIN;
    return (uint64_t)((2u << doublings) - 1) * TCP_RTO_MIN + (uint64_t)(boundary - doublings) * rto_max;
}

static unsigned tcp_orphan_retries(const struct sock *sk)
{
    int retries = tcp_net(sk)->sysctl_orphan_retries;

    return retries ? (unsigned)retries : 8; /* some 100 s, RFC 9293 SHLD-11 */
}

/* The error an application hears: what ICMP said meanwhile, if anything. */
static void tcp_write_err(struct sock *sk)
{
    NET_INC_STATS(sock_net(sk), TcpExtTCPAbortOnTimeout);
    sk->sk_err = sk->sk_err_soft ? sk->sk_err_soft : ETIMEDOUT;
    sk->sk_error_report(sk);
    tcp_write_queue_purge(sk);
    tcp_done(sk);
}

static bool tcp_syn_state(const struct sock *sk)
{
    return sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV;
}

static bool tcp_retransmits_exhausted(struct sock *sk, uint64_t now)
{
    struct tcp_sock *tp = tcp_sk(sk);
    const struct netns_tcp *tn = tcp_net(sk);
    uint64_t elapsed = now - tp->retrans_stamp_ms;

    if (!tp->retransmits)
        return false;
    if (tp->user_timeout_ms)
        return elapsed >= tp->user_timeout_ms;
    if (tp->fastopen_rsk)
        return tp->retransmits >= (unsigned)tn->sysctl_synack_retries;
    if (tcp_syn_state(sk))
        return tp->retransmits >= (tp->syn_retries ? tp->syn_retries : (unsigned)tn->sysctl_syn_retries);
    if (sk->sk_dead)
        return tp->retransmits >= tcp_orphan_retries(sk);
    return elapsed >= tcp_retries_to_ms((unsigned)tn->sysctl_retries2, tcp_rto_max(tp));
}

/*
 * Long segments go out again and again and nothing comes back: perhaps a router drops what is too big for its
 * next link, and the ICMP that should say so is filtered. Try shorter ones (RFC 4821 7.7, RFC 2923 2.1).
 */
static void tcp_black_hole_check(struct sock *sk)
{
    const struct sk_buff *head = skb_peek(&sk->sk_write_queue);

    if (head && !tcp_syn_state(sk))
        tcp_mtu_black_hole(sk, head->len);
}

/* RFC 9293 3.8.3: past R1 ask for another route, past R2 end. Return: true if the connection is over. */
static bool tcp_write_timeout(struct sock *sk, uint64_t now)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->retransmits >= tcp_net(sk)->sysctl_retries1) {
        tcp_black_hole_check(sk);
        sk_dst_set(sk, NULL);
    }
    if (!tcp_retransmits_exhausted(sk, now))
        return false;
    tcp_write_err(sk);
    return true;
}

/* TCP_USER_TIMEOUT is met to the millisecond, however far the timer has backed off. */
static uint32_t tcp_until_user_timeout(const struct tcp_sock *tp, uint64_t since_ms, uint64_t wait_ms)
{
    uint64_t elapsed = ktime_get_ms() - since_ms;

    if (tp->user_timeout_ms)
        wait_ms = min(wait_ms, elapsed < tp->user_timeout_ms ? tp->user_timeout_ms - elapsed : 1);
    return (uint32_t)wait_ms;
}

/* --- retransmission --- */

/* The peer has shut its window on data already sent: that is no loss while it answers (RFC 9293 SHLD-17). */
static bool tcp_shut_out(const struct sock *sk, uint64_t now)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    return !tp->snd_wnd && !sk->sk_dead && !tcp_syn_state(sk) && now - tp->last_ack_ms <= tcp_rto_max(tp) * 2;
}

/*
 * net.ipv4.tcp_thin_linear_timeouts: of so little data nothing congests, and nobody would see a loss but this
 * timer, so six times it does not back off. Off by default: RFC 6298 5.5 knows of no such case.
 */
static bool tcp_is_thin_stream(const struct tcp_sock *tp)
{
    return unlikely(tcp_net(&tp->sk)->sysctl_thin_linear_timeouts) && tp->sk.sk_state == TCP_ESTABLISHED &&
           tp->packets_out < 4 && tp->srtt_us && tp->retransmits <= 6;
}

static void tcp_retransmit_timer(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
    uint64_t now = ktime_get_ms();

    if (!tp->packets_out || tcp_end_orphan_under_pressure(sk))
        return;
    if (!tp->retransmits)
        tp->retrans_stamp_ms = TCP_SKB_CB(skb)->sent_at / NSEC_PER_MSEC;
    bool shut_out = tcp_shut_out(sk, now);
    if (!shut_out) {
        if (tcp_write_timeout(sk, now))
            return;
        NET_INC_STATS(sock_net(sk), TcpExtTCPTimeouts);
    }
    if (tcp_syn_state(sk)) {
        tp->syn_retransmitted = true;
        tcp_ecn_resend_syn(sk, TCP_SKB_CB(skb));
    } else {
        tcp_enter_loss(sk);
    }
    if (tcp_retransmit_skb(sk, skb)) { /* no memory: nothing was sent, so nothing to back off from */
        NET_INC_STATS(sock_net(sk), TcpExtTCPRetransFail);
        tp->retransmits = max(tp->retransmits, (uint8_t)1);
        tcp_reset_xmit_timer(sk, TCP_TIME_RETRANS, min(tp->rto_ms, TCP_RTO_MIN));
        return;
    }
    tp->retrans_high = TCP_SKB_CB(skb)->end_seq;
    tp->retrans_hint = NULL;
    if (tp->retransmits < 255)
        tp->retransmits++;
    if (tcp_is_thin_stream(tp)) {
        tcp_set_rto(tp);
    } else {
        if (tp->backoff < 255)
            tp->backoff++;
        tp->rto_ms = min(tp->rto_ms * 2, tcp_rto_max(tp)); /* RFC 6298 5.5 */
    }
    tcp_reset_xmit_timer(sk, TCP_TIME_RETRANS,
                         shut_out ? tp->rto_ms
                                  : tcp_until_user_timeout(tp, tp->retrans_stamp_ms, tp->rto_ms));
}

/* --- zero-window probes --- */

static bool tcp_probes_exhausted(struct sock *sk, uint64_t now)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->probes_out)
        tp->probe_stamp_ms = now;
    if (tp->user_timeout_ms && tp->probes_out)
        return now - tp->probe_stamp_ms >= tp->user_timeout_ms;
    /* Nobody waits for an orphan: it may be kept at zero for a while, not for ever (CVE-2008-4609). */
    if (sk->sk_dead)
        return tp->backoff >= tcp_orphan_retries(sk);
    /* As long as probes are answered a window may stay shut for ever (RFC 9293 MUST-37). */
    return tp->probes_out >= tcp_net(sk)->sysctl_retries2;
}

static void tcp_probe_timer(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint64_t now = ktime_get_ms();

    if (tp->packets_out || !tp->send_head) {
        tp->probes_out = 0;
        return;
    }
    if (tcp_end_orphan_under_pressure(sk))
        return;
    if (tcp_probes_exhausted(sk, now)) {
        tcp_write_err(sk);
        return;
    }
    NET_INC_STATS(sock_net(sk), TcpExtTCPWinProbe);
    if (tcp_write_wakeup(sk)) {
        tcp_reset_xmit_timer(sk, TCP_TIME_PROBE0, min(tp->rto_ms, 500u));
        return;
    }
    if (tp->packets_out) /* data went out: the retransmission timer has taken over */
        return;
    if (tp->probes_out < 255)
        tp->probes_out++;
    if (tp->backoff < 16)
        tp->backoff++;
    uint64_t wait_ms = min((uint64_t)tp->rto_ms << tp->backoff, (uint64_t)tcp_rto_max(tp));
    tcp_reset_xmit_timer(sk, TCP_TIME_PROBE0, tcp_until_user_timeout(tp, tp->probe_stamp_ms, wait_ms));
}

static void tcp_xmit_timer(struct timer *timer)
{
    struct tcp_sock *tp = container_of(timer, struct tcp_sock, xmit_timer);
    struct sock *sk = &tp->sk;

    if (tp->xmit_pending == TCP_TIME_NONE || sk->sk_state == TCP_CLOSE)
        return;
    if (ktime_get_ms() < tp->xmit_timeout_ms) {
        mod_timer(timer, tp->xmit_timeout_ms);
        return;
    }
    enum tcp_xmit_pending what = (enum tcp_xmit_pending)tp->xmit_pending;
    tp->xmit_pending = TCP_TIME_NONE;
    sock_hold(sk);
    switch (what) {
    case TCP_TIME_NONE:
        break;
    case TCP_TIME_RETRANS:
        tcp_retransmit_timer(sk);
        break;
    case TCP_TIME_PROBE0:
        tcp_probe_timer(sk);
        break;
    case TCP_TIME_LOSS_PROBE:
        tcp_send_loss_probe(sk);
        break;
    case TCP_TIME_REO:
        tcp_rack_reo_timeout(sk);
        break;
    }
    sock_put(sk);
}

/* --- delayed ACK --- */

static void tcp_delack_timer(struct timer *timer)
{
    struct tcp_sock *tp = container_of(timer, struct tcp_sock, delack_timer);
    struct sock *sk = &tp->sk;

    if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
        return;
    sock_hold(sk);
    if (tp->fin_pending)
        tcp_send_fin(sk);
    if (tp->ack_pending & TCP_ACK_TIMER) {
        if (ktime_get_ms() < tp->ack_timeout_ms) {
            tcp_arm(timer, tp->ack_timeout_ms);
        } else {
            tp->ack_pending &= (uint8_t)~TCP_ACK_TIMER;
            tp->ack_pingpong = false; /* the answer we waited for did not come */
            NET_INC_STATS(sock_net(sk), TcpExtDelayedACKs);
            tcp_send_ack(sk);
        }
    }
    sock_put(sk);
}

/* --- keep-alive --- */

uint32_t tcp_keepalive_time(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    return tp->keepalive_time_ms ? tp->keepalive_time_ms
                                 : (uint32_t)tcp_net(sk)->sysctl_keepalive_time * 1000;
}

uint32_t tcp_keepalive_intvl(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    return tp->keepalive_intvl_ms ? tp->keepalive_intvl_ms
                                  : (uint32_t)tcp_net(sk)->sysctl_keepalive_intvl * 1000;
}

unsigned tcp_keepalive_probes(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    return tp->keepalive_probes ? tp->keepalive_probes : (unsigned)tcp_net(sk)->sysctl_keepalive_probes;
}

static uint64_t tcp_last_heard_ms(const struct tcp_sock *tp)
{
    return max(tp->last_ack_ms, tp->last_rcv_ms);
}

static bool tcp_keepalive_state(const struct sock *sk)
{
    unsigned state = sk->sk_state;

    return state != TCP_CLOSE && state != TCP_LISTEN && !tcp_syn_state(sk);
}

/* Arms (or moves nearer) the timer of a connection that has keep-alive on. */
void tcp_reset_keepalive_timer(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (sk->sk_keepalive && tcp_keepalive_state(sk))
        tcp_arm(&tp->keepalive_timer, tcp_last_heard_ms(tp) + tcp_keepalive_time(sk));
}

void tcp_set_keepalive(struct sock *sk, bool on)
{
    if (on)
        tcp_reset_keepalive_timer(sk);
    else
        del_timer(&tcp_sk(sk)->keepalive_timer);
}

static bool tcp_keepalive_dead(const struct sock *sk, uint64_t idle)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    if (tp->user_timeout_ms)
        return tp->ka_probes_out && idle >= tp->user_timeout_ms;
    return tp->ka_probes_out >= tcp_keepalive_probes(sk);
}

static void tcp_keepalive_probe(struct sock *sk, uint64_t now)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint64_t idle = now - tcp_last_heard_ms(tp);

    if (tp->packets_out || tp->send_head) { /* other timers watch the peer */
        mod_timer(&tp->keepalive_timer, now + tcp_keepalive_time(sk));
        return;
    }
    if (idle < tcp_keepalive_time(sk)) {
        tp->ka_probes_out = 0;
        mod_timer(&tp->keepalive_timer, tcp_last_heard_ms(tp) + tcp_keepalive_time(sk));
        return;
    }
    if (tcp_keepalive_dead(sk, idle)) {
        tcp_send_active_reset(sk);
        tcp_write_err(sk);
        return;
    }
    tcp_send_keepalive_probe(sk);
    tp->ka_probes_out++;
    mod_timer(&tp->keepalive_timer, now + tcp_keepalive_intvl(sk));
}

static void tcp_keepalive_timer(struct timer *timer)
{
    struct tcp_sock *tp = container_of(timer, struct tcp_sock, keepalive_timer);
    struct sock *sk = &tp->sk;

    if (!sk->sk_keepalive || !tcp_keepalive_state(sk))
        return;
    sock_hold(sk);
    tcp_keepalive_probe(sk, ktime_get_ms());
    sock_put(sk);
}

/* --- life --- */

void tcp_init_xmit_timers(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    timer_setup(&tp->xmit_timer, tcp_xmit_timer);
    timer_setup(&tp->delack_timer, tcp_delack_timer);
    timer_setup(&tp->keepalive_timer, tcp_keepalive_timer);
    tcp_pacing_init(tp);
}

void tcp_clear_xmit_timers(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->xmit_pending = TCP_TIME_NONE;
    tp->ack_pending = 0;
    tp->fin_pending = false;
    del_timer(&tp->xmit_timer);
    del_timer(&tp->delack_timer);
    del_timer(&tp->keepalive_timer);
    del_timer(&tp->pacing_timer);
}
