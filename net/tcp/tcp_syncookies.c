/*
 * tcp_syncookies.c - half-open connections that need no memory (RFC 4987 3.6, Bernstein 1996).
 *
 * When a listener's SYN queue is full the SYN-ACK's sequence number itself says what must be remembered:
 *
 *     31      27 26    24 23                                     0
 *     [ minute  |  MSS   |  SipHash of 4-tuple, peer's ISN, rest ]
 *
 * An ACK that brings it back within two of these minutes (64 s) opens the connection. Nobody without the key
 * can make one, and the peer's own sequence number is part of it, so a segment of an older connection does
 * not open a new one.
 *
 * What else the SYN said fits the low bits of our timestamp, which the peer echoes (RFC 7323 3):
 *
 *     31                        6    5     4     3    0
 *     [ clock of our timestamps | ECN | SACK | wscale ]
 *
 * They come back unprotected, but claim nothing that the peer could not have claimed in its SYN. Without
 * timestamps what does not fit is not offered: no window scaling, no SACK.
 */
#include "net/tcp/tcp_internal.h"

#define COOKIE_MINUTE_SHIFT 16 /* of ktime_get_ms(): 65.5 s */
#define COOKIE_MINUTES      2u
#define COOKIE_HASH_MASK    0xffffffu

#define COOKIE_TS_MASK   63u
#define COOKIE_TS_WSCALE 15u /* in these bits; all of them: none */
#define COOKIE_TS_SACK   16u
#define COOKIE_TS_ECN    32u

/* The largest not above the peer's is used: what is common, and a floor. */
static const uint16_t cookie_mss[8] = {216, 536, 1024, 1220, 1340, 1400, 1440, 1460};

static uint32_t cookie_minute(void)
{
    return (uint32_t)(ktime_get_ms() >> COOKIE_MINUTE_SHIFT);
}

static uint32_t cookie_make(const struct request_sock *req, uint32_t minute, unsigned mss_index)
{
    const struct sock_common *c = &req->rsk_common;
    uint32_t words[6] = {(__force uint32_t)c->daddr,
                         (__force uint32_t)c->rcv_saddr,
                         (uint32_t)be16_to_cpu(c->dport) << 16 | be16_to_cpu(c->sport),
                         req->rcv_isn,
                         minute,
                         mss_index};
    uint32_t hash = (uint32_t)siphash(words, sizeof(words), &c->net->tcp->cookie_secret);

    return (minute & 31) << 27 | mss_index << 24 | (hash & COOKIE_HASH_MASK);
}

/*
 * Nobody may see a timestamp from the future, nor our clock step back: the newest one not after now with
 * these low bits never falls behind an earlier one of the same kind, and is 63 ms old at most.
 */
uint32_t tcp_syncookie_tsval(const struct request_sock *req)
{
    uint64_t now_ms = ktime_get_ms();
    uint32_t options = req->wscale_ok ? req->snd_wscale : COOKIE_TS_WSCALE;

    options |= req->sack_ok ? COOKIE_TS_SACK : 0;
    options |= req->ecn_ok ? COOKIE_TS_ECN : 0;
    return (uint32_t)(now_ms - ((now_ms - options) & COOKIE_TS_MASK)) + req->ts_offset;
}

void tcp_syncookie_options(struct request_sock *req, const struct tcp_seg *seg)
{
    const struct netns_tcp *tn = req->rsk_common.net->tcp;
    uint32_t options = (seg->tsecr - req->ts_offset) & COOKIE_TS_MASK, wscale = options & COOKIE_TS_WSCALE;

    req->tstamp_ok = seg->saw_tstamp && tn->sysctl_timestamps;
    if (!req->tstamp_ok)
        return;
    req->ts_recent = seg->tsval;
    req->sack_ok = options & COOKIE_TS_SACK && tn->sysctl_sack;
    req->ecn_ok = options & COOKIE_TS_ECN && tn->sysctl_ecn;
    req->wscale_ok = wscale != COOKIE_TS_WSCALE && tn->sysctl_window_scaling;
    req->snd_wscale = req->wscale_ok ? (uint8_t)wscale : 0;
}

bool tcp_syncookie_wanted(const struct sock *listener)
{
    const struct netns_tcp *tn = tcp_net(listener);

    if (tn->sysctl_syncookies == 2)
        return true;
    return tn->sysctl_syncookies && tcp_sk(listener)->syn_queue_len >= (uint32_t)tn->sysctl_max_syn_backlog;
}

void tcp_syncookie_init(struct sock *listener, struct request_sock *req)
{
    unsigned index = ARRAY_SIZE(cookie_mss) - 1;

    while (index && cookie_mss[index] > req->mss)
        index--;
    req->snt_isn = cookie_make(req, cookie_minute(), index);
    tcp_sk(listener)->cookie_sent_ms = ktime_get_ms();
    NET_INC_STATS(sock_net(listener), TcpExtSyncookiesSent);
}

uint16_t tcp_syncookie_check(const struct sock *listener, const struct request_sock *req)
{
    uint64_t sent_ms = tcp_sk(listener)->cookie_sent_ms;
    uint32_t minute = cookie_minute(), age = (minute - (req->snt_isn >> 27)) & 31;
    unsigned index = req->snt_isn >> 24 & 7;

    /* Without a flood there is nothing to guess at. */
    if (!sent_ms || ktime_get_ms() - sent_ms > (uint64_t)(COOKIE_MINUTES + 1) << COOKIE_MINUTE_SHIFT)
        return 0;
    if (age >= COOKIE_MINUTES || cookie_make(req, minute - age, index) != req->snt_isn) {
        NET_INC_STATS(sock_net(listener), TcpExtSyncookiesFailed);
        return 0;
    }
    NET_INC_STATS(sock_net(listener), TcpExtSyncookiesRecv);
    return cookie_mss[index];
}
