/*
 * tcp_cong.c - how much may be under way: congestion control behind struct tcp_congestion_ops.
 *
 * tcp_ack.c finds out what was acknowledged and lost; the ops turn that into snd_cwnd and snd_ssthresh. Here
 * are the list of algorithms, what they share (initial window, slow start, validation), and Reno's growth
 * (RFC 5681), which with tcp_ack.c's recovery makes NewReno (RFC 6582). CUBIC, the default, is tcp_cubic.c.
 *
 * Growth counts bytes that were acknowledged for the first time, never ACKs: a peer that splits its ACKs,
 * repeats them or acknowledges what was never sent gains nothing (RFC 5681 3.1; Savage's attacks).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/tcp/tcp_internal.h"

/* --- windows to start from --- */

static uint32_t tcp_restart_window(const struct tcp_sock *tp)
{
    return min(TCP_INIT_CWND * tp->mss_cache, max(2 * tp->mss_cache, 14600u));
}

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)); one segment if a SYN was sent again more than once. */
uint32_t tcp_init_cwnd(const struct tcp_sock *tp)
{
    return tp->total_retrans > 1 ? tp->mss_cache : tcp_restart_window(tp);
}

/* RFC 5681 4.1: after an idle RTO the ACK clock is gone; start again from the initial window. */
void tcp_cwnd_restart(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    /* What was known of the path stays, three quarters of it. */
    tp->snd_ssthresh = max(tp->snd_ssthresh, tp->snd_cwnd / 4 * 3);
    tp->snd_cwnd = min(tp->snd_cwnd, tcp_restart_window(tp));
    tp->snd_cwnd_cnt = 0;
}

/* --- validation: a window that was not used says nothing about the path (RFC 7661 4.3, RFC 9438 5.8) --- */

/* Does the congestion window hold back what waits? Also a train that waits for it to open further. */
static bool tcp_cwnd_holds_back(const struct tcp_sock *tp, uint32_t in_flight)
{
    const struct sk_buff *next = tp->send_head;
    uint32_t room = in_flight < tp->snd_cwnd ? tp->snd_cwnd - in_flight : 0;

    if (!next)
        return false;
    return room < min(next->len, tp->mss_cache) ||
           (room < next->len && room <= tp->snd_una + tp->snd_wnd - TCP_SKB_CB(next)->seq);
}

/*
 * A window of which only a part is used for a whole RTO tells of a path as it was: half of what is left over
 * goes (RFC 2861 3.2, as RFC 7661 4.4.1 lets a sender do; an application's pause is tcp_cwnd_restart()'s).
 */
static void tcp_cwnd_decay(struct tcp_sock *tp)
{
    uint32_t used = max(tp->cwnd_used, tcp_restart_window(tp));

    if (tp->ca_state == TCP_CA_Open && !tp->nospace && used < tp->snd_cwnd) {
        tp->snd_ssthresh = max(tp->snd_ssthresh, tp->snd_cwnd / 4 * 3); /* what was known of the path stays */
        tp->snd_cwnd -= (tp->snd_cwnd - used) / 2;
        tp->snd_cwnd_cnt = 0;
    }
    tp->cwnd_used = 0;
    tp->cwnd_used_ms = tp->last_snd_ms;
}

static void tcp_cwnd_note_use(struct sock *sk, uint32_t in_flight, bool limited)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (limited || !tcp_net(sk)->sysctl_slow_start_after_idle || in_flight >= tp->snd_cwnd) {
        tp->cwnd_used = 0;
        tp->cwnd_used_ms = tp->last_snd_ms;
        return;
    }
    tp->cwnd_used = max(tp->cwnd_used, in_flight);
    if ((int64_t)(tp->last_snd_ms - tp->cwnd_used_ms) >= (int64_t)tp->rto_ms)
        tcp_cwnd_decay(tp);
}

/*
 * Of each window of data we keep the moment with the most bytes under way, and whether the congestion window
 * held back more. The ACKs of that window go by it, whatever little was sent since.
 */
void tcp_cwnd_validate(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t in_flight = tcp_in_flight(tp);
    bool limited = tcp_cwnd_holds_back(tp, in_flight);

    if (!tp->send_head && in_flight < tp->snd_cwnd && tp->lost_out <= tp->retrans_out) {
        tp->app_limited = true; /* what arrives until this is through tells nothing about the path's rate */
        tp->app_limited_until = tp->delivered_bytes + in_flight;
    }
    tcp_cwnd_note_use(sk, in_flight, limited);
    if (before(tp->snd_una, tp->cwnd_usage_seq) && !limited && in_flight <= tp->max_bytes_out)
        return;
    if (before(tp->snd_una, tp->cwnd_usage_seq) && tp->is_cwnd_limited && !limited)
        return;
    tp->is_cwnd_limited = limited;
    tp->max_bytes_out = in_flight;
    tp->cwnd_usage_seq = tp->snd_nxt;
}

/* In slow start a window of which half was used may double: what it allows has been seen to pass. */
bool tcp_is_cwnd_limited(const struct tcp_sock *tp)
{
    if (tp->is_cwnd_limited)
        return true;
    return tp->snd_cwnd < tp->snd_ssthresh && tp->snd_cwnd < 2 * (uint64_t)tp->max_bytes_out;
}

/* --- what algorithms share --- */

/* limit: per ACK. */
void tcp_slow_start(struct tcp_sock *tp, uint32_t acked, uint32_t limit)
{
    acked = (uint32_t)min((uint64_t)acked, (uint64_t)limit * tp->acks_in);
    tp->snd_cwnd = min(tp->snd_cwnd + acked, TCP_CWND_MAX);
}

/*
 * What limited transmit has let out does not count (RFC 5681 3.2 step 2), nor does what a time-out has given
 * up on; nor, of course, a window that was not used.
 */
uint32_t tcp_loss_flight(const struct tcp_sock *tp)
{
    return min(tp->snd_nxt - tp->snd_una, tp->snd_cwnd);
}

/* --- Reno --- */

/* RFC 5681 3.1 equation 4. */
static uint32_t tcp_reno_ssthresh(struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    return max(tcp_loss_flight(tp) / 2, 2 * tp->mss_cache);
}

static void tcp_reno_cong_avoid(struct sock *sk, uint32_t acked, uint32_t prior_in_flight)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t mss = tp->mss_cache;

    if (!tcp_is_cwnd_limited(tp))
        return;
    if (tp->snd_cwnd < tp->snd_ssthresh) {
        tcp_slow_start(tp, acked, tp->ca_state == TCP_CA_Loss ? mss : 2 * mss); /* RFC 3465 2.3 */
        return;
    }
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

/* --- choosing --- */

static const struct tcp_congestion_ops *const tcp_cong_list[] = {&tcp_cubic, &tcp_reno};

static const struct tcp_congestion_ops *tcp_ca_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(tcp_cong_list); i++) {
        if (strlen(tcp_cong_list[i]->name) == len && !memcmp(tcp_cong_list[i]->name, name, len))
            return tcp_cong_list[i];
    }
    return NULL;
}

static void tcp_ca_start(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    memset(tp->ca_priv, 0, sizeof(tp->ca_priv));
    if (tp->ca_ops->init)
        tp->ca_ops->init(sk);
}

/* The connection stands. */
void tcp_init_congestion_control(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tcp_mtu_probe_init(sk);
    tp->snd_cwnd = tcp_init_cwnd(tp);
    tp->snd_cwnd_cnt = 0;
    tp->is_cwnd_limited = false;
    tp->max_bytes_out = tp->cwnd_used = 0;
    tp->cwnd_used_ms = ktime_get_ms();
    tp->reordering = (uint32_t)tcp_net(sk)->sysctl_reordering;
    tcp_rate_init(tp);
    tp->cwnd_usage_seq = tp->snd_una;
    tcp_ca_start(sk);
}

int tcp_set_congestion_control(struct sock *sk, const char *name, size_t len)
{
    struct tcp_sock *tp = tcp_sk(sk);
    const struct tcp_congestion_ops *ca = tcp_ca_find(name, len);

    if (!ca)
        return -ENOENT;
    tp->ca_chosen = true;
    if (ca == tp->ca_ops)
        return 0;
    tp->ca_ops = ca; /* windows stay: they tell about the path, not about the algorithm */
    tcp_ca_start(sk);
    return 0;
}

static int tcp_sysctl_ca_set(struct net *net, const char *value)
{
    const struct tcp_congestion_ops *ca = tcp_ca_find(value, strlen(value));

    if (!ca)
        return -EINVAL; /* -ENOENT would say that there is no such setting (sysctl.h) */
    net->tcp->default_ca = ca;
    return 0;
}

static int tcp_sysctl_ca_get(struct net *net, char *buf, size_t size)
{
    return snprintf(buf, size, "%s", net->tcp->default_ca->name);
}

static int tcp_sysctl_ca_list(struct net *net, char *buf, size_t size)
{
    return snprintf(buf, size, "%s %s", tcp_cubic.name, tcp_reno.name);
}

const struct sysctl_text tcp_sysctl_congestion_control = {tcp_sysctl_ca_set, tcp_sysctl_ca_get};
const struct sysctl_text tcp_sysctl_available_congestion_control = {NULL, tcp_sysctl_ca_list};
