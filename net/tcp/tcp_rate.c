/*
 * tcp_rate.c - how fast data arrives: tcpi_delivery_rate (the delivery rate estimation of
 * draft-cheng-iccrg-delivery-rate-estimation, today section 4.1 of the BBR draft).
 *
 * Each transmission notes how much had been delivered by then, and when. When it is acknowledged, what was
 * delivered since, over the time since, is a sample of the rate; the time is that of sending or of
 * acknowledging, whichever took longer, so that neither a burst of segments nor a burst of ACKs looks fast.
 * tcp_output.c notes, tcp_sacktag.c and tcp_ack.c tell what arrived. Nothing is divided until somebody asks.
 */
#include "net/tcp/tcp_internal.h"

static uint32_t tcp_rate_us(ktime_t t)
{
    return (uint32_t)(t / NSEC_PER_USEC);
}

void tcp_rate_init(struct tcp_sock *tp)
{
    tp->delivered_bytes = tp->rate_bytes = tp->rate_interval_us = 0;
    tp->app_limited_until = 0;
    tp->app_limited = tp->rate_app_limited = true; /* nothing is known yet */
}

/* 3.2: a transmission, or one more. After a silence the clocks start with it. */
void tcp_rate_sent(struct tcp_sock *tp, struct tcp_skb_cb *cb)
{
    if (!tp->packets_out)
        tp->first_sent_us = tp->delivered_us = tcp_rate_us(cb->sent_at);
    cb->first_sent_us = tp->first_sent_us;
    cb->delivered = tp->delivered_bytes;
    cb->delivered_us = tp->delivered_us;
    cb->app_limited = tp->app_limited;
}

/*
 * 3.3: the sample of one ACK. A time shorter than any round trip says that the peer repeats itself or that
 * ACKs were held up and let go: no sample. One that an idle application has kept low only counts if it is
 * higher than what stands.
 */
void tcp_rate_ack(struct tcp_sock *tp, const struct tcp_ack_state *st)
{
    uint32_t now_us = tcp_rate_us(st->now);

    tp->delivered_bytes += st->delivered;
    tp->delivered_us = now_us;
    if (tp->app_limited && after(tp->delivered_bytes, tp->app_limited_until))
        tp->app_limited = false;
    if (!st->rate.sent_at) /* all of it told before, or the SYN */
        return;
    tp->first_sent_us = tcp_rate_us(st->rate.sent_at);
    uint32_t bytes = tp->delivered_bytes - st->rate.delivered;
    uint32_t interval_us = max(tp->first_sent_us - st->rate.first_sent_us, now_us - st->rate.delivered_us);
    if (!interval_us || interval_us < tp->min_rtt_us)
        return;
    if (st->rate.app_limited &&
        (uint64_t)bytes * tp->rate_interval_us < (uint64_t)tp->rate_bytes * interval_us)
        return;
    tp->rate_bytes = bytes;
    tp->rate_interval_us = interval_us;
    tp->rate_app_limited = st->rate.app_limited;
}

uint64_t tcp_delivery_rate(const struct tcp_sock *tp)
{
    return tp->rate_interval_us ? (uint64_t)tp->rate_bytes * 1000000 / tp->rate_interval_us : 0;
}
