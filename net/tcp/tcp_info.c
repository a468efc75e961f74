/*
 * tcp_info.c - struct tcp_info: what a connection tells of itself to getsockopt(TCP_INFO) and to ss, with the
 * fields, units and meanings of Linux.
 */
#include "net/tcp/tcp_internal.h"

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

uint32_t tcp_window_bound(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t most = min(tcp_win_from_space(sk->sk_rcvbuf), 65535u << tp->rcv_wscale);

    return tp->window_clamp ? min(most, tp->window_clamp) : most;
}

void tcp_get_info(const struct sock *sk, struct tcp_info *info)
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
