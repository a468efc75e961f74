/*
 * tcp_sockopt.c - options of a TCP socket (level IPPROTO_TCP), struct tcp_info, and the settings of the stack
 * (sysctl net.ipv4.tcp_*), all with Linux's names and meanings.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <netinet/in.h>

#include "net/tcp/tcp_internal.h"

#define TCP_KEEP_MAX_S 32767
#define TCP_MAXSEG_MIN 88
#define TCP_MAXSEG_MAX 32767

/* --- setting --- */

static int tcp_set_cork(struct sock *sk, bool on)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (on) {
        tp->nonagle |= TCP_NAGLE_CORK;
        return 0;
    }
    tp->nonagle &= (uint8_t)~TCP_NAGLE_CORK;
    tcp_push(sk, 0);
    return 0;
}

static int tcp_set_nodelay(struct sock *sk, bool on)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!on) {
        tp->nonagle &= (uint8_t)~TCP_NAGLE_OFF;
        return 0;
    }
    uint8_t corked = tp->nonagle & TCP_NAGLE_CORK;
    tp->nonagle =
        TCP_NAGLE_OFF; /* what is queued now goes, cork or not; later writes wait for it again (tcp(7)) */
    tcp_push_pending_frames(sk);
    tp->nonagle |= corked;
    return 0;
}

/* An even number other than 0: the ACKs that are due now, and no more of the quick ones. */
static int tcp_set_quickack(struct sock *sk, int on)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!on) {
        tp->ack_pingpong = true;
        return 0;
    }
    tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
    if (tp->ack_pending && sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
        tcp_send_ack(sk);
    if (!(on & 1))
        tp->ack_pingpong = true;
    return 0;
}

static int tcp_set_seconds(struct sock *sk, uint32_t *to_ms, int seconds)
{
    if (seconds < 1 || seconds > TCP_KEEP_MAX_S)
        return -EINVAL;
    *to_ms = (uint32_t)seconds * 1000;
    tcp_reset_keepalive_timer(sk);
    return 0;
}

static int tcp_set_small(uint8_t *to, int val)
{
    if (val < 1 || val > 127)
        return -EINVAL;
    *to = (uint8_t)val;
    return 0;
}

static int tcp_set_maxseg(struct tcp_sock *tp, int val)
{
    if (val && (val < TCP_MAXSEG_MIN || val > TCP_MAXSEG_MAX))
        return -EINVAL;
    tp->user_mss = (uint16_t)val;
    return 0;
}

/*
 * TCP_DEFER_ACCEPT counts in SYN-ACKs sent again, after 1, 2, 4 ... 120 s, as Linux does: any time is rounded
 * up to the next of 1, 3, 7, 15 ... s.
 */
static uint32_t tcp_defer_accept_seconds(int val)
{
    uint32_t step = TCP_TIMEOUT_INIT / 1000, period = step;

    if (val <= 0)
        return 0;
    for (unsigned n = 1; period < (uint32_t)val && n < UINT8_MAX; n++) {
        step = min(2 * step, TCP_RTO_MAX / 1000);
        period += step;
    }
    return period;
}

/* Never more than half of what the receive buffer may become, or the reader would wait for ever. */
void tcp_set_rcvlowat(struct sock *sk, uint32_t bytes)
{
    uint32_t buffer = sk->sk_rcvbuf_locked ? sk->sk_rcvbuf : (uint32_t)tcp_net(sk)->sysctl_rmem[2];

    sk->sk_rcvlowat = min(bytes, buffer / 2);
    if (!sk->sk_rcvbuf_locked)
        sk->sk_rcvbuf = max(sk->sk_rcvbuf, 2 * sk->sk_rcvlowat);
}

/* As with SO_RCVBUF there is a least one; the window that was offered already does not shrink. */
static int tcp_set_window_clamp(struct sock *sk, int val)
{
    if (!val && sk->sk_state != TCP_CLOSE)
        return -EINVAL;
    tcp_sk(sk)->window_clamp = val ? (uint32_t)max(val, SOCK_MIN_RCVBUF / 2) : 0;
    return 0;
}

static int tcp_set_int(struct sock *sk, int name, int val)
{
    struct tcp_sock *tp = tcp_sk(sk);

    switch (name) {
    case TCP_NODELAY:
        return tcp_set_nodelay(sk, val);
    case TCP_CORK:
        return tcp_set_cork(sk, val);
    case TCP_QUICKACK:
        return tcp_set_quickack(sk, val);
    case TCP_INQ:
        if (val < 0 || val > 1)
            return -EINVAL;
        tp->recvmsg_inq = val;
        return 0;
    case TCP_MAXSEG:
        return tcp_set_maxseg(tp, val);
    case TCP_KEEPIDLE:
        return tcp_set_seconds(sk, &tp->keepalive_time_ms, val);
    case TCP_KEEPINTVL:
        return tcp_set_seconds(sk, &tp->keepalive_intvl_ms, val);
    case TCP_KEEPCNT:
        return tcp_set_small(&tp->keepalive_probes, val);
    case TCP_SYNCNT:
        return tcp_set_small(&tp->syn_retries, val);
    case TCP_USER_TIMEOUT: /* milliseconds */
        if (val < 0)
            return -EINVAL;
        tp->user_timeout_ms = (uint32_t)val;
        return 0;
    case TCP_RTO_MAX_MS:
        if (val < (int)TCP_TIMEOUT_INIT || val > (int)TCP_RTO_MAX)
            return -EINVAL;
        tp->rto_max_ms = (uint32_t)val;
        return 0;
    case TCP_NOTSENT_LOWAT: /* bytes */
        tp->notsent_lowat = (uint32_t)val;
        sk->sk_write_space(sk);
        return 0;
    case TCP_LINGER2:
        tp->linger2_s = val < 0 ? -1 : min(val, TCP_FIN_TIMEOUT_MAX);
        return 0;
    case TCP_FASTOPEN:
        return tcp_fastopen_set_qlen(sk, val);
    case TCP_DEFER_ACCEPT:
        tp->defer_accept_ms = tcp_defer_accept_seconds(val) * 1000;
        return 0;
    case TCP_WINDOW_CLAMP:
        return tcp_set_window_clamp(sk, val);
    case TCP_SAVE_SYN:
        return tcp_set_save_syn(sk, val);
    case TCP_REPAIR: /* the state of a connection is not to be written from outside: as to an unprivileged */
    case TCP_REPAIR_QUEUE:
        return -EPERM;
    }
    return -ENOPROTOOPT;
}

int tcp_setsockopt(struct sock *sk, int level, int name, const void *val, socklen_t len)
{
    int number;

    if (level == IPPROTO_TCP && name == TCP_CONGESTION)
        return len ? tcp_set_congestion_control(sk, val, strnlen(val, min(len, TCP_CA_NAME_MAX - 1u)))
                   : -EINVAL;
    if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY)
        return tcp_fastopen_set_key(sk, val, len);
    if (len < sizeof(number))
        return -EINVAL;
    memcpy(&number, val, sizeof(number));
    if (level == SOL_SOCKET && name == SO_KEEPALIVE) /* told by the socket layer, which keeps the flag */
        tcp_set_keepalive(sk, number);
    if (level != IPPROTO_TCP)
        return -ENOPROTOOPT;
    return tcp_set_int(sk, name, number);
}

/* --- getting --- */

static uint8_t tcp_info_options(const struct tcp_sock *tp)
{
    return (uint8_t)((tp->wscale_ok ? TCPI_OPT_WSCALE : 0) | (tp->tstamp_ok ? TCPI_OPT_TIMESTAMPS : 0) |
                     (tp->sack_ok ? TCPI_OPT_SACK : 0) | (tp->ecn_flags & TCP_ECN_OK ? TCPI_OPT_ECN : 0) |
                     (tp->ecn_flags & TCP_ECN_SEEN ? TCPI_OPT_ECN_SEEN : 0) |
                     (tp->syn_data_acked ? TCPI_OPT_SYN_DATA : 0));
}

static void tcp_get_info_times(const struct tcp_sock *tp, struct tcp_info *info)
{
    uint64_t now = ktime_get_ms();

    info->tcpi_rto = tp->rto_ms * 1000;
    info->tcpi_ato = TCP_DELACK_MS * 1000;
    info->tcpi_rtt = tp->srtt_us;
    info->tcpi_rttvar = tp->rttvar_us;
    info->tcpi_min_rtt = tp->min_rtt_us ? tp->min_rtt_us : UINT32_MAX; /* none yet */
    info->tcpi_rcv_rtt = tp->bytes_received ? tcp_rcv_rtt_us(tp) : 0;
    /* What has not been yet, since the connection stood. */
    uint64_t opened_ms = tp->opened_ms ? tp->opened_ms : now;
    info->tcpi_last_data_sent = (uint32_t)(now - (tp->last_snd_ms ? tp->last_snd_ms : opened_ms));
    info->tcpi_last_data_recv = (uint32_t)(now - (tp->last_rcv_ms ? tp->last_rcv_ms : opened_ms));
    info->tcpi_last_ack_recv = (uint32_t)(now - tp->last_ack_ms);
}

static void tcp_get_info_counts(const struct tcp_sock *tp, struct tcp_info *info)
{
    info->tcpi_total_retrans = tp->total_retrans;
    info->tcpi_bytes_acked = tp->bytes_acked;
    info->tcpi_bytes_received = tp->bytes_received;
    info->tcpi_segs_out = tp->segs_out;
    info->tcpi_segs_in = tp->segs_in;
    info->tcpi_data_segs_in = tp->data_segs_in;
    info->tcpi_data_segs_out = tp->data_segs_out;
    info->tcpi_bytes_sent = tp->bytes_sent;
    info->tcpi_bytes_retrans = tp->bytes_retrans;
    info->tcpi_delivered = tp->delivered;
    info->tcpi_delivered_ce = tp->delivered_ce;
    info->tcpi_dsack_dups = tp->dsack_dups;
    info->tcpi_reord_seen = tp->reord_seen;
    info->tcpi_rcv_ooopack = tp->rcv_ooopack;
    info->tcpi_rwnd_limited = tcp_chrono_us(tp, TCP_CHRONO_RWND_LIMITED);
    info->tcpi_sndbuf_limited = tcp_chrono_us(tp, TCP_CHRONO_SNDBUF_LIMITED);
    info->tcpi_busy_time =
        tcp_chrono_us(tp, TCP_CHRONO_BUSY) + info->tcpi_rwnd_limited + info->tcpi_sndbuf_limited;
}

/* The largest window that this buffer can offer. */
static uint32_t tcp_window_bound(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t most = min(tcp_win_from_space(sk->sk_rcvbuf), 65535u << tp->rcv_wscale);

    return tp->window_clamp ? min(most, tp->window_clamp) : most;
}

static void tcp_get_info(const struct sock *sk, struct tcp_info *info)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t mss = tp->mss_cache;

    *info = (struct tcp_info){.tcpi_state = sk->sk_state,
                              .tcpi_reordering =
                                  tp->reordering ? tp->reordering : (uint32_t)tcp_net(sk)->sysctl_reordering};
    info->tcpi_pacing_rate = info->tcpi_max_pacing_rate = UINT64_MAX; /* no bound */
    info->tcpi_snd_cwnd = max(tp->snd_cwnd / mss, 1u);
    if (sk->sk_state == TCP_LISTEN) { /* nothing else has a meaning there */
        info->tcpi_unacked = tp->accept_queue_len;
        info->tcpi_sacked = tp->max_backlog;
        return;
    }
    info->tcpi_ca_state = tp->ca_state;
    info->tcpi_retransmits = tp->retransmits;
    info->tcpi_probes = tp->probes_out ? tp->probes_out : tp->ka_probes_out;
    info->tcpi_backoff = tp->backoff;
    info->tcpi_options = tcp_info_options(tp);
    info->tcpi_snd_wscale = tp->snd_wscale & 15u;
    info->tcpi_rcv_wscale = tp->rcv_wscale & 15u;
    tcp_get_info_times(tp, info);
    info->tcpi_snd_mss = mss;
    info->tcpi_rcv_mss = tp->rcv_mss;
    info->tcpi_unacked = tp->packets_out;
    info->tcpi_sacked = max(tp->sacked_segs, (tp->sacked_out + mss - 1) / mss); /* a train is several */
    info->tcpi_lost = (tp->lost_out + mss - 1) / mss;
    info->tcpi_retrans = (tp->retrans_out + mss - 1) / mss;
    info->tcpi_pmtu = tp->pmtu_cookie;
    info->tcpi_snd_ssthresh = tp->snd_ssthresh >= TCP_CWND_MAX ? 0x7fffffff : tp->snd_ssthresh / mss;
    info->tcpi_advmss = tp->advmss;
    info->tcpi_rcv_space = tp->rcvq_space;
    info->tcpi_rcv_ssthresh = tcp_window_bound(sk);
    info->tcpi_notsent_bytes = tp->write_seq - tp->snd_nxt;
    info->tcpi_snd_wnd = tp->snd_wnd;
    info->tcpi_pacing_rate = tcp_pacing_rate(tp);
    info->tcpi_max_pacing_rate = sk->sk_max_pacing_rate;
    info->tcpi_delivery_rate = tcp_delivery_rate(tp);
    info->tcpi_delivery_rate_app_limited = tp->rate_app_limited;
    tcp_get_info_counts(tp, info);
}

/* What was set; else, of a connection, what there is. */
static uint32_t tcp_get_window_clamp(const struct sock *sk)
{
    if (tcp_sk(sk)->window_clamp || sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
        return tcp_sk(sk)->window_clamp;
    return tcp_window_bound(sk);
}

/* 0 and *val, or -ENOPROTOOPT. */
static int tcp_get_int(const struct sock *sk, int name, int *val)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    switch (name) {
    case TCP_NODELAY:
        *val = (tp->nonagle & TCP_NAGLE_OFF) != 0;
        return 0;
    case TCP_CORK:
        *val = (tp->nonagle & TCP_NAGLE_CORK) != 0;
        return 0;
    case TCP_QUICKACK:
        *val = !tp->ack_pingpong;
        return 0;
    case TCP_INQ:
        *val = tp->recvmsg_inq;
        return 0;
    case TCP_MAXSEG:
        *val = (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN) && tp->user_mss ? tp->user_mss
                                                                                         : (int)tp->mss_cache;
        return 0;
    case TCP_KEEPIDLE:
        *val = (int)(tcp_keepalive_time(sk) / 1000);
        return 0;
    case TCP_KEEPINTVL:
        *val = (int)(tcp_keepalive_intvl(sk) / 1000);
        return 0;
    case TCP_KEEPCNT:
        *val = (int)tcp_keepalive_probes(sk);
        return 0;
    case TCP_SYNCNT:
        *val = tp->syn_retries ? tp->syn_retries : tcp_net(sk)->sysctl_syn_retries;
        return 0;
    case TCP_USER_TIMEOUT:
        *val = (int)tp->user_timeout_ms;
        return 0;
    case TCP_RTO_MAX_MS:
        *val = (int)tcp_rto_max(tp);
        return 0;
    case TCP_NOTSENT_LOWAT:
        *val = (int)tp->notsent_lowat;
        return 0;
    case TCP_LINGER2:
        *val = tp->linger2_s ? tp->linger2_s : tcp_net(sk)->sysctl_fin_timeout;
        return 0;
    case TCP_FASTOPEN:
        *val = tcp_fastopen_get_qlen(sk);
        return 0;
    case TCP_DEFER_ACCEPT:
        *val = (int)(tp->defer_accept_ms / 1000);
        return 0;
    case TCP_WINDOW_CLAMP:
        *val = (int)tcp_get_window_clamp(sk);
        return 0;
    case TCP_SAVE_SYN:
        *val = tp->save_syn;
        return 0;
    case TCP_REPAIR:
        *val = 0;
        return 0;
    }
    return -ENOPROTOOPT;
}

static int tcp_copy_out(void *val, socklen_t *len, const void *from, size_t size)
{
    *len = (socklen_t)min((size_t)*len, size);
    if (*len)
        memcpy(val, from, *len);
    return 0;
}

int tcp_getsockopt(struct sock *sk, int level, int name, void *val, socklen_t *len)
{
    int number;

    if (level != IPPROTO_TCP)
        return -ENOPROTOOPT;
    if (name == TCP_INFO) {
        struct tcp_info info;
        tcp_get_info(sk, &info);
        return tcp_copy_out(val, len, &info, sizeof(info));
    }
    if (name == TCP_CONGESTION) {
        char ca_name[TCP_CA_NAME_MAX] = "";
        memcpy(ca_name, tcp_sk(sk)->ca_ops->name, strlen(tcp_sk(sk)->ca_ops->name));
        return tcp_copy_out(val, len, ca_name, sizeof(ca_name));
    }
    if (name == TCP_FASTOPEN_KEY) {
        const struct tcp_fastopen_keys *keys = tcp_fastopen_get_keys(sk);
        return tcp_copy_out(val, len, keys->key, keys->count * sizeof(keys->key[0]));
    }
    if (name == TCP_SAVED_SYN)
        return tcp_get_saved_syn(sk, val, len);
    int err = tcp_get_int(sk, name, &number);
    return err ? err : tcp_copy_out(val, len, &number, sizeof(number));
}

/* --- settings of the stack --- */

/* Tables that strangers fill may take up a small part of memory each. */
static void tcp_scale_to_memory(struct netns_tcp *tn)
{
    struct page_stats stats;

    page_get_stats(&stats);
    size_t bytes = stats.total * PAGE_SIZE;
    tn->sysctl_max_tw_buckets =
        (int)clamp(bytes / 32 / sizeof(struct inet_timewait_sock), (size_t)512, (size_t)262144);
    tn->sysctl_max_syn_backlog =
        (int)clamp(bytes / 64 / sizeof(struct request_sock), (size_t)128, (size_t)4096);
    tn->sysctl_max_orphans = (int)clamp(bytes / 65536, (size_t)64, (size_t)65536);
    tn->sysctl_rmem[2] = (int)clamp(bytes / 16, (size_t)131072, (size_t)6291456);
    tn->sysctl_wmem[2] = (int)clamp(bytes / 32, (size_t)65536, (size_t)4194304);
}

void tcp_register_sysctls(struct netns_tcp *tn)
{
    const struct sysctl_entry entries[] = {
        {"net.ipv4.tcp_mem", tn->sysctl_mem, 3, 0, INT_MAX}, /* pages */
        {"net.ipv4.tcp_rmem", tn->sysctl_rmem, 3, SOCK_MIN_RCVBUF, 1 << 30},
        {"net.ipv4.tcp_wmem", tn->sysctl_wmem, 3, SOCK_MIN_SNDBUF / 2, 1 << 30},
        {"net.ipv4.tcp_syn_retries", &tn->sysctl_syn_retries, 1, 1, 127},
        {"net.ipv4.tcp_synack_retries", &tn->sysctl_synack_retries, 1, 0, 255},
        {"net.ipv4.tcp_retries1", &tn->sysctl_retries1, 1, 0, 255},
        {"net.ipv4.tcp_retries2", &tn->sysctl_retries2, 1, 0, 255},
        {"net.ipv4.tcp_orphan_retries", &tn->sysctl_orphan_retries, 1, 0, 255},
        {"net.ipv4.tcp_fin_timeout", &tn->sysctl_fin_timeout, 1, 1, 120},
        {"net.ipv4.tcp_keepalive_time", &tn->sysctl_keepalive_time, 1, 1, TCP_KEEP_MAX_S},
        {"net.ipv4.tcp_keepalive_probes", &tn->sysctl_keepalive_probes, 1, 1, 127},
        {"net.ipv4.tcp_keepalive_intvl", &tn->sysctl_keepalive_intvl, 1, 1, TCP_KEEP_MAX_S},
        {"net.ipv4.tcp_rto_max_ms", &tn->sysctl_rto_max_ms, 1, TCP_TIMEOUT_INIT, TCP_RTO_MAX},
        {"net.ipv4.tcp_notsent_lowat", &tn->sysctl_notsent_lowat, 1, -1, INT_MAX}, /* -1: no bound */
        {"net.ipv4.tcp_mtu_probing", &tn->sysctl_mtu_probing, 1, 0, 2},
        {"net.ipv4.tcp_base_mss", &tn->sysctl_base_mss, 1, TCP_MIN_SND_MSS, 65535},
        {"net.ipv4.tcp_mtu_probe_floor", &tn->sysctl_mtu_probe_floor, 1, TCP_MIN_SND_MSS, 65535},
        {"net.ipv4.tcp_probe_threshold", &tn->sysctl_probe_threshold, 1, 1, 65535},
        {"net.ipv4.tcp_probe_interval", &tn->sysctl_probe_interval, 1, 0, TCP_KEEP_MAX_S},
        {"net.ipv4.tcp_syncookies", &tn->sysctl_syncookies, 1, 0, 2},
        {"net.ipv4.tcp_max_syn_backlog", &tn->sysctl_max_syn_backlog, 1, 1, 1 << 20},
        {"net.ipv4.tcp_max_tw_buckets", &tn->sysctl_max_tw_buckets, 1, 0, 1 << 24},
        {"net.ipv4.tcp_max_orphans", &tn->sysctl_max_orphans, 1, 0, 1 << 24},
        {"net.ipv4.tcp_moderate_rcvbuf", &tn->sysctl_moderate_rcvbuf, 1, 0, 1},
        {"net.ipv4.tcp_window_scaling", &tn->sysctl_window_scaling, 1, 0, 1},
        {"net.ipv4.tcp_timestamps", &tn->sysctl_timestamps, 1, 0, 1},
        {"net.ipv4.tcp_ecn", &tn->sysctl_ecn, 1, 0, 2},
        {"net.ipv4.tcp_ecn_fallback", &tn->sysctl_ecn_fallback, 1, 0, 1},
        {"net.ipv4.tcp_sack", &tn->sysctl_sack, 1, 0, 1},
        {"net.ipv4.tcp_dsack", &tn->sysctl_dsack, 1, 0, 1},
        {"net.ipv4.tcp_recovery", &tn->sysctl_recovery, 1, 0, 7},
        {"net.ipv4.tcp_reordering", &tn->sysctl_reordering, 1, TCP_FASTRETRANS_THRESH, 1000},
        {"net.ipv4.tcp_max_reordering", &tn->sysctl_max_reordering, 1, TCP_FASTRETRANS_THRESH, 100000},
        {"net.ipv4.tcp_min_tso_segs", &tn->sysctl_min_tso_segs, 1, 1, 44},
        {"net.ipv4.tcp_rto_min_us", &tn->sysctl_rto_min_us, 1, 1000, 1000000},
        {"net.ipv4.tcp_thin_linear_timeouts", &tn->sysctl_thin_linear_timeouts, 1, 0, 1},
        {"net.ipv4.tcp_early_retrans", &tn->sysctl_early_retrans, 1, 0, 4},
        {"net.ipv4.tcp_frto", &tn->sysctl_frto, 1, 0, 2},
        {"net.ipv4.tcp_tw_reuse", &tn->sysctl_tw_reuse, 1, 0, 2}, /* 2: to ourselves only */
        {"net.ipv4.tcp_tw_reuse_delay", &tn->sysctl_tw_reuse_delay, 1, 1, (int)TCP_TIMEWAIT_MS},
        {"net.ipv4.tcp_fastopen", &tn->sysctl_fastopen, 1, 0, INT_MAX},
        {"net.ipv4.tcp_fastopen_key", (void *)&tcp_sysctl_fastopen_key, SYSCTL_TEXT, 0, 0},
        {"net.ipv4.tcp_abort_on_overflow", &tn->sysctl_abort_on_overflow, 1, 0, 1},
        {"net.ipv4.tcp_slow_start_after_idle", &tn->sysctl_slow_start_after_idle, 1, 0, 1},
        {"net.ipv4.tcp_challenge_ack_limit", &tn->sysctl_challenge_ack_limit, 1, 0, 1 << 30},
        {"net.ipv4.tcp_invalid_ratelimit", &tn->sysctl_invalid_ratelimit, 1, 0, INT_MAX},
        {"net.ipv4.tcp_min_snd_mss", &tn->sysctl_min_snd_mss, 1, TCP_MIN_SND_MSS, 65535},
        {"net.ipv4.tcp_congestion_control", (void *)&tcp_sysctl_congestion_control, SYSCTL_TEXT, 0, 0},
        {"net.ipv4.tcp_available_congestion_control", (void *)&tcp_sysctl_available_congestion_control,
         SYSCTL_TEXT, 0, 0},
        {"net.ipv4.tcp_pacing", &tn->sysctl_pacing, 1, 0, 1},
        {"net.ipv4.tcp_pacing_ss_ratio", &tn->sysctl_pacing_ss_ratio, 1, 1, 1000},
        {"net.ipv4.tcp_pacing_ca_ratio", &tn->sysctl_pacing_ca_ratio, 1, 1, 1000},
        {"net.core.somaxconn", &tn->sysctl_somaxconn, 1, 0, 1 << 20},
        {NULL, NULL, 0, 0, 0},
    };

    _Static_assert(ARRAY_SIZE(entries) <= TCP_SYSCTLS, "room in netns_tcp");
    memcpy(tn->sysctl_entries, entries, sizeof(entries));
    tcp_scale_to_memory(tn);
    tcp_mem_init(tn);
    tn->default_ca = &tcp_cubic;
    tn->sysctl_rmem[0] = 4096;
    tn->sysctl_rmem[1] = 131072;
    tn->sysctl_wmem[0] = 4096;
    tn->sysctl_wmem[1] = 65536;
    tn->sysctl_syn_retries = 7; /* 255 s: RFC 9293 MUST-23 wants three minutes at least */
    tn->sysctl_synack_retries = 5;
    tn->sysctl_retries1 = 3;
    tn->sysctl_retries2 = 15;
    tn->sysctl_fin_timeout = 60;
    tn->sysctl_keepalive_time = 7200; /* RFC 9293 MUST-28 */
    tn->sysctl_keepalive_probes = 9;
    tn->sysctl_keepalive_intvl = 75;
    tn->sysctl_window_scaling = 1;
    tn->sysctl_recovery = 1;
    tn->sysctl_reordering = TCP_FASTRETRANS_THRESH;
    tn->sysctl_max_reordering = 300;
    tn->sysctl_min_tso_segs = 2;
    tn->sysctl_rto_min_us = TCP_RTO_MIN * 1000;
    tn->sysctl_early_retrans = 3;
    tn->sysctl_frto = 2;
    tn->sysctl_ecn = 2; /* answer those who ask */
    tn->sysctl_ecn_fallback = 1;
    tn->sysctl_timestamps = tn->sysctl_sack = tn->sysctl_dsack = 1;
    tn->sysctl_tw_reuse = 2;
    tn->sysctl_tw_reuse_delay = TCP_TW_REUSE_MS;
    tn->sysctl_moderate_rcvbuf = 1;
    tn->sysctl_notsent_lowat = -1;
    tn->sysctl_mtu_probing = 1; /* when a black hole is suspected */
    tn->sysctl_base_mss = 1024;
    tn->sysctl_mtu_probe_floor = 512; /* 576 passes everywhere: RFC 9293 3.7.1 */
    tn->sysctl_probe_threshold = 8;
    tn->sysctl_probe_interval = 600; /* RFC 4821 7.3, RFC 1191 6.3 */
    tn->sysctl_syncookies = 1;       /* when the SYN queue is full; 2: always */
    tn->sysctl_slow_start_after_idle = 1;
    tn->sysctl_min_snd_mss = TCP_MIN_SND_MSS;
    tn->sysctl_challenge_ack_limit = 1000;
    tn->sysctl_invalid_ratelimit = TCP_INVALID_RATELIMIT_MS;
    tn->sysctl_rto_max_ms = TCP_RTO_MAX;
    tn->sysctl_pacing = 1;
    tn->sysctl_pacing_ss_ratio = 200;
    tn->sysctl_pacing_ca_ratio = 120;
    tn->sysctl_somaxconn = SOMAXCONN;
    register_sysctl(tn->net, &tn->sysctl, tn->sysctl_entries);
}
