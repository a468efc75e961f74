/*
 * tcp_chrono.c - what a sender spends its time on: tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited.
 *
 * Busy is a connection while anything it has queued is not acknowledged. Of that time, it is the peer's
 * window that holds it back while what comes next does not fit, and our send buffer while everything is sent
 * and a writer waits for room. tcp_output.c starts the clock with a time it has at hand and looks here only
 * if something is left to send or somebody waits; tcp_ack() stops it.
 */
#include "net/tcp/tcp_internal.h"

/* tcp_write_xmit() has stopped. */
void tcp_chrono_update(struct tcp_sock *tp)
{
    const struct sk_buff *next = tp->send_head;
    enum tcp_chrono what = TCP_CHRONO_BUSY;

    if (!next && !tp->packets_out)
        what = TCP_CHRONO_IDLE;
    else if (!next && tp->nospace)
        what = TCP_CHRONO_SNDBUF_LIMITED;
    else if (next &&
             after(TCP_SKB_CB(next)->seq + max(min(next->len, tp->mss_cache), 1u), tp->snd_una + tp->snd_wnd))
        what = TCP_CHRONO_RWND_LIMITED;
    if (what != tp->chrono)
        tcp_chrono_set(tp, what, ktime_get());
}

/* In microseconds up to now. */
uint64_t tcp_chrono_us(const struct tcp_sock *tp, enum tcp_chrono what)
{
    uint64_t ns = tp->chrono_ns[what] + (tp->chrono == what ? ktime_get() - tp->chrono_since : 0);

    return ns / NSEC_PER_USEC;
}
