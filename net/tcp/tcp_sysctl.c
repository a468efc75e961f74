/*
 * tcp_sysctl.c - the settings of the stack, net.ipv4.tcp_*: their names, bounds and defaults, which are those
 * of Linux unless memory is small.
 */
#include <limits.h>
#include <string.h>

#include "net/tcp/tcp_internal.h"

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

static void tcp_set_defaults(struct netns_tcp *tn)
{
    tcp_scale_to_memory(tn);
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
    tcp_mem_init(tn);
    tcp_set_defaults(tn);
    register_sysctl(tn->net, &tn->sysctl, tn->sysctl_entries);
}
