/*
 * tcp_hystart.c - HyStart++ (RFC 9406): leaving the first slow start before the path's queue overflows.
 *
 * Each round trip keeps its least RTT. When that is clearly above the last round's a queue is building up:
 * growth falls to a quarter (Conservative Slow Start), and if the RTT does not come down again within five
 * rounds slow start is over. A queue that was only jitter puts us back.
 */
#include "net/tcp/tcp_internal.h"

/* RFC 9406 4.2 and 4.3, the recommended values. */
#define HYSTART_MIN_RTT_THRESH_US  4000u
#define HYSTART_MAX_RTT_THRESH_US  16000u
#define HYSTART_MIN_RTT_DIVISOR    8u
#define HYSTART_N_RTT_SAMPLE       8u
#define HYSTART_CSS_GROWTH_DIVISOR 4u
#define HYSTART_CSS_ROUNDS         5u
#define HYSTART_L                  8u /* segments per ACK, without pacing */

#define RTT_NONE UINT32_MAX

void tcp_hystart_init(struct tcp_hystart *hs, uint32_t snd_nxt)
{
    hs->window_end = snd_nxt;
    hs->last_min_rtt_us = hs->min_rtt_us = hs->css_baseline_us = RTT_NONE;
    hs->samples = hs->css_rounds = 0;
}

void tcp_hystart_rtt(struct tcp_hystart *hs, uint32_t rtt_us)
{
    hs->min_rtt_us = min(hs->min_rtt_us, rtt_us);
    if (hs->samples < HYSTART_N_RTT_SAMPLE)
        hs->samples++;
}

/* The round's data is acknowledged: the next begins. */
static void tcp_hystart_next_round(struct tcp_hystart *hs, struct tcp_sock *tp)
{
    hs->window_end = tp->snd_nxt;
    hs->last_min_rtt_us = hs->min_rtt_us;
    hs->min_rtt_us = RTT_NONE;
    hs->samples = 0;
    /* The partial round in which CSS began counts as the first. */
    if (hs->css_baseline_us != RTT_NONE && ++hs->css_rounds >= HYSTART_CSS_ROUNDS)
        tp->snd_ssthresh = tp->snd_cwnd;
}

/* With enough samples: into CSS, or out of it again. */
static void tcp_hystart_judge(struct tcp_hystart *hs)
{
    if (hs->samples < HYSTART_N_RTT_SAMPLE)
        return;
    if (hs->css_baseline_us != RTT_NONE) {
        if (hs->min_rtt_us < hs->css_baseline_us)
            hs->css_baseline_us = RTT_NONE; /* it was jitter */
        return;
    }
    if (hs->last_min_rtt_us == RTT_NONE)
        return;
    uint32_t thresh = clamp(hs->last_min_rtt_us / HYSTART_MIN_RTT_DIVISOR, HYSTART_MIN_RTT_THRESH_US,
                            HYSTART_MAX_RTT_THRESH_US);
    if (hs->min_rtt_us < hs->last_min_rtt_us || hs->min_rtt_us - hs->last_min_rtt_us < thresh)
        return;
    hs->css_baseline_us = hs->min_rtt_us;
    hs->css_rounds = 0;
}

uint32_t tcp_hystart_ack(struct tcp_hystart *hs, struct tcp_sock *tp, uint32_t acked)
{
    /* One ACK may stand for a whole train: what is paced leaves no burst for it (RFC 9406 4.3). */
    uint32_t growth = tcp_is_paced(tp) ? acked : min(acked, HYSTART_L * tp->acks_in * tp->mss_cache);

    tcp_hystart_judge(hs);
    if (hs->css_baseline_us != RTT_NONE)
        growth /= HYSTART_CSS_GROWTH_DIVISOR;
    if (!before(tp->snd_una, hs->window_end))
        tcp_hystart_next_round(hs, tp);
    return growth;
}
