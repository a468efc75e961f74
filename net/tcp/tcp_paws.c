/*
 * tcp_paws.c - timestamps (RFC 7323): what we echo, what is too old to be believed, and round trips.
 *
 * Called by tcp_input.c and tcp_minisocks.c once per segment off the fast path. The timestamps that come in
 * are in the peer's clock, of which nothing is known but that it runs forward.
 */
#include "net/tcp/tcp_internal.h"

/* RFC 7323 5.5: after 24 days of silence the clock of a fast peer may have gone half around. */
#define TCP_PAWS_MS (24ull * 24 * 3600 * 1000)
/* A peer whose clock stands may echo one timestamp for ever: beyond this an echo is nonsense. */
#define TCP_RTT_MAX_MS 120000u

/* RFC 7323 5.3 R1, but never a RST (R1: "and the RST bit is not set"). */
bool tcp_paws_check(uint32_t ts_recent, uint64_t since_ms, const struct tcp_seg *seg)
{
    return seg->saw_tstamp && !(seg->flags & TCPHDR_RST) && before(seg->tsval, ts_recent) &&
           ktime_get_ms() - since_ms < TCP_PAWS_MS;
}

/*
 * A segment without the option passes, against the SHOULD of RFC 7323 3.2 and with Linux: a box on the way
 * that strips it must not end the connection.
 */
bool tcp_paws_reject(const struct tcp_sock *tp, const struct tcp_seg *seg)
{
    return tp->tstamp_ok && tcp_paws_check(tp->ts_recent, max(tp->last_ack_ms, tp->last_rcv_ms), seg);
}

/* RFC 7323 4.3 (2): only from the segment that the next ACK will acknowledge first (Last.ACK.sent is
 * rcv_wup).
 */
void tcp_replace_ts_recent(struct tcp_sock *tp, const struct tcp_seg *seg)
{
    if (tp->tstamp_ok && seg->saw_tstamp && !after(seg->seq, tp->rcv_wup))
        tp->ts_recent = seg->tsval;
}

bool tcp_tstamp_rtt(const struct tcp_sock *tp, const struct tcp_seg *seg, uint64_t *rtt_us)
{
    if (!tp->tstamp_ok || !seg->saw_tstamp)
        return false;
    uint32_t rtt_ms = tcp_time_stamp(tp->ts_offset) - seg->tsecr;
    *rtt_us = max(rtt_ms, 1u) * 1000ull; /* within one tick */
    return rtt_ms <= TCP_RTT_MAX_MS;
}
