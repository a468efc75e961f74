/*
 * tcp_cubic.c - CUBIC congestion control (RFC 9438), the default.
 *
 *     window                                      W_cubic(t) = C * (t - K)^3 + W_max
 *      W_max |- - - - - - - -.--------.
 *            |          .                   .      steep, flat around the window of the last loss, steep
 *            |      .                             again: independent of the round-trip time
 *      beta  |   .
 *            +---|------------K----------- t
 *
 * Where Reno would be faster (short round trips, small windows) the window follows Reno's (4.3). The first
 * slow start ends by HyStart++ (tcp_hystart.c). Windows are bytes, times milliseconds; all in integers: C
 * segments per second cubed become 2/5 * MSS bytes, and a product is divided before it can pass 64 bits.
 */
#include "net/tcp/tcp_internal.h"

/* RFC 9438 4.6: beta = 0.7; 4.7: (1 + beta) / 2 = 0.85; 4.3: alpha = 3 * (1 - beta) / (1 + beta) = 9 / 17. */
#define CUBIC_BETA_NUM  7u
#define CUBIC_BETA_DEN  10u
#define CUBIC_FAST_NUM  17u
#define CUBIC_FAST_DEN  20u
#define CUBIC_ALPHA_NUM 9u
#define CUBIC_ALPHA_DEN 17u
/* Farther from K than this the window is beyond all that is allowed anyway. */
#define CUBIC_MAX_OFFSET_MS 100000

/* What a reduction changes (RFC 9438 4.9 wants it back when that was a mistake). */
struct cubic_epoch {
    uint64_t epoch_ms;   /* when this congestion avoidance began, moved on by the time without use; 0: not */
    uint32_t w_max;      /* the window before the last loss, lowered by fast convergence; 0: none */
    uint32_t cwnd_prior; /* the window before the last loss */
    uint32_t origin, k_ms;     /* this epoch's W_max and K */
    uint32_t w_est, w_est_cnt; /* what Reno would have; parts of a byte towards more, in 1/cwnd */
};

struct cubic {
    struct cubic_epoch at, before; /* as it stands; before the last ssthresh() */
    uint64_t last_ack_ms;          /* when cong_avoid was last called */
    struct tcp_hystart hs;
};
_Static_assert(sizeof(struct cubic) <= TCP_CA_PRIV_WORDS * sizeof(uint64_t), "fits tcp_sock.ca_priv");

static struct cubic *cubic_of(struct sock *sk)
{
    return (struct cubic *)tcp_sk(sk)->ca_priv;
}

static void cubic_init(struct sock *sk)
{
    tcp_hystart_init(&cubic_of(sk)->hs, tcp_sk(sk)->snd_nxt);
}

/* The whole part of the cube root, a bit at a time. */
static uint32_t cubic_root(uint64_t a)
{
    uint32_t root = 0;

    for (int bit = 20; bit >= 0; bit--) { /* (2^21)^3 = 2^63: no cube here passes 64 bits */
        uint64_t try = root | 1u << bit;
        if (try * try * try <= a)
            root = (uint32_t)try;
    }
    return root;
}

/* Congestion avoidance begins: W_max and K are fixed (RFC 9438 4.2; 4.8 and 4.10 without a W_max). */
static void cubic_epoch_start(struct cubic *ca, const struct tcp_sock *tp, uint64_t now)
{
    ca->at.epoch_ms = now ? now : 1;
    ca->at.w_est = tp->snd_cwnd;
    ca->at.w_est_cnt = 0;
    ca->at.origin = max(ca->at.w_max, tp->snd_cwnd);
    /* K = cbrt((W_max - cwnd) / C) s; C = 0.4 MSS/s^3, and 1 s^3 is 10^9 ms^3. */
    ca->at.k_ms = cubic_root((uint64_t)(ca->at.origin - tp->snd_cwnd) * 2500000000u / tp->mss_cache);
}

/* W_cubic(t), in bytes (RFC 9438 figure 1). */
static uint32_t cubic_window(const struct cubic *ca, uint32_t mss, uint64_t t_ms)
{
    int64_t off = (int64_t)t_ms - ca->at.k_ms;
    uint64_t d = (uint64_t)min(off < 0 ? -off : off, (int64_t)CUBIC_MAX_OFFSET_MS);
    uint64_t delta = d * d * d / 5000 * 2 * mss / 1000000; /* 0.4 * MSS * d^3 / 10^9 */

    if (off < 0)
        return delta < ca->at.origin ? (uint32_t)(ca->at.origin - delta) : 0;
    return (uint32_t)min(ca->at.origin + delta, (uint64_t)TCP_CWND_MAX);
}

/*
 * RFC 9438 4.3: Reno's window with the same average; as fast as Reno itself once the old window is reached.
 * Parts of a byte are kept: in a large window an ACK is worth only a few bytes.
 */
static void cubic_update_reno(struct cubic *ca, const struct tcp_sock *tp, uint32_t acked)
{
    uint64_t growth = (uint64_t)acked * tp->mss_cache;

    if (ca->at.w_est < ca->at.cwnd_prior)
        growth = growth * CUBIC_ALPHA_NUM / CUBIC_ALPHA_DEN;
    growth += ca->at.w_est_cnt;
    ca->at.w_est = (uint32_t)min(ca->at.w_est + growth / tp->snd_cwnd, (uint64_t)TCP_CWND_MAX);
    ca->at.w_est_cnt = (uint32_t)(growth % tp->snd_cwnd);
}

/* RFC 9438 4.2 to 4.5: towards where the curve is a round trip from now, by half of the window per RTT at
 * most.
 */
static void cubic_avoid(struct cubic *ca, struct tcp_sock *tp, uint32_t acked, uint64_t now)
{
    uint32_t mss = tp->mss_cache, cwnd = tp->snd_cwnd;
    uint64_t t_ms = now - ca->at.epoch_ms;

    cubic_update_reno(ca, tp, acked);
    if (cubic_window(ca, mss, t_ms) < ca->at.w_est) { /* the Reno-friendly region */
        tp->snd_cwnd = max(cwnd, ca->at.w_est);
        return;
    }
    uint32_t target = cubic_window(ca, mss, t_ms + tp->srtt_us / 1000);
    target = clamp(target, cwnd, min(cwnd + cwnd / 2, TCP_CWND_MAX));
    /* (target - cwnd) / cwnd for each byte; what does not make a whole byte yet is kept. */
    uint64_t growth = (uint64_t)(target - cwnd) * acked + tp->snd_cwnd_cnt;
    tp->snd_cwnd += (uint32_t)(growth / cwnd);
    tp->snd_cwnd_cnt = (uint32_t)(growth % cwnd);
}

static bool cubic_first_slow_start(const struct tcp_sock *tp)
{
    return tp->snd_ssthresh >= TCP_CWND_MAX; /* RFC 9406 4.3: later ones know where to stop */
}

static void cubic_slow_start(struct cubic *ca, struct tcp_sock *tp, uint32_t acked)
{
    uint32_t mss = tp->mss_cache;

    if (cubic_first_slow_start(tp))
        tcp_slow_start(tp, tcp_hystart_ack(&ca->hs, tp, acked), TCP_CWND_MAX);
    else
        tcp_slow_start(tp, acked, tp->ca_state == TCP_CA_Loss ? mss : 2 * mss); /* RFC 3465 2.3 */
}

static void cubic_cong_avoid(struct sock *sk, uint32_t acked, uint32_t prior_in_flight)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct cubic *ca = cubic_of(sk);
    uint64_t now = tp->last_ack_ms, since = now - ca->last_ack_ms;

    ca->last_ack_ms = now;
    if (!tcp_is_cwnd_limited(tp)) {
        if (ca->at.epoch_ms) /* RFC 9438 5.8: time in which the window was not used does not count */
            ca->at.epoch_ms += since;
        return;
    }
    if (tp->snd_cwnd < tp->snd_ssthresh) {
        cubic_slow_start(ca, tp, acked);
        return;
    }
    if (!ca->at.epoch_ms)
        cubic_epoch_start(ca, tp, now);
    cubic_avoid(ca, tp, acked, now);
}

/* RFC 9438 4.6 and 4.7. */
static uint32_t cubic_ssthresh(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct cubic *ca = cubic_of(sk);
    uint32_t cwnd = tp->snd_cwnd, flight = tcp_loss_flight(tp);

    ca->before = ca->at;
    /* Lost below the last maximum: another flow is taking its share, so make room for it sooner. */
    ca->at.w_max = cwnd < ca->at.w_max ? (uint32_t)((uint64_t)cwnd * CUBIC_FAST_NUM / CUBIC_FAST_DEN) : cwnd;
    ca->at.cwnd_prior = cwnd;
    ca->at.epoch_ms = 0;
    return max((uint32_t)((uint64_t)flight * CUBIC_BETA_NUM / CUBIC_BETA_DEN), 2 * tp->mss_cache);
}

static void cubic_rtt_sample(struct sock *sk, uint32_t rtt_us)
{
    if (cubic_first_slow_start(tcp_sk(sk)))
        tcp_hystart_rtt(&cubic_of(sk)->hs, rtt_us);
}

static void cubic_event(struct sock *sk, enum tcp_ca_event event)
{
    struct cubic *ca = cubic_of(sk);
    uint64_t now = tcp_sk(sk)->last_snd_ms;

    switch (event) {
    case CA_EVENT_TX_START: /* idleness does not count either (RFC 9438 5.8) */
        if (ca->at.epoch_ms)
            ca->at.epoch_ms += now - ca->last_ack_ms;
        ca->last_ack_ms = now;
        break;
    case CA_EVENT_LOSS: /* RFC 9438 4.8: the next epoch starts flat, at the window it finds */
        ca->at.w_max = 0;
        ca->at.epoch_ms = 0;
        break;
    case CA_EVENT_UNDO: /* RFC 9438 4.9: the curve goes on as if nothing had happened */
        ca->at = ca->before;
        break;
    }
}

const struct tcp_congestion_ops tcp_cubic = {
    .name = "cubic",
    .init = cubic_init,
    .ssthresh = cubic_ssthresh,
    .cong_avoid = cubic_cong_avoid,
    .rtt_sample = cubic_rtt_sample,
    .cwnd_event = cubic_event,
};
