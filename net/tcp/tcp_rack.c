/*
 * tcp_rack.c - RACK-TLP (RFC 8985): which segment is lost is told by time, not by counting.
 *
 * A segment is lost once one that was sent reo_wnd later has arrived, be they first transmissions or not: so
 * lost retransmissions are found too. A tail, behind which nothing arrives, is probed (TLP) so that the
 * answer sets RACK going; the retransmission timer is left as the last resort. Called from tcp_recovery.c and
 * from the timers.
 */
#include "net/tcp/tcp_internal.h"

#define RACK_PERSIST    16u /* recoveries that a grown window lasts (RFC 8985 6.2 step 4) */
#define RACK_MIN_RTT_MS 300000u
#define TLP_MIN_PTO_MS  10u
#define TLP_NEEDLESS_MS 200u /* RFC 8985 7.2: the longest a peer should delay an ACK */

/* net.ipv4.tcp_recovery */
#define TCP_RECOVERY_RACK         1
#define TCP_RECOVERY_STATIC_WND   2 /* D-SACKs do not widen the reordering window */
#define TCP_RECOVERY_NO_DUPTHRESH 4 /* three SACKed segments are no sign of loss */

/* RFC 8985 5.2: was (t1, seq1) sent after (t2, seq2)? */
static bool tcp_rack_sent_after(ktime_t t1, uint32_t seq1, ktime_t t2, uint32_t seq2)
{
    return t1 > t2 || (t1 == t2 && after(seq1, seq2));
}

/*
 * The least round trip of the last minutes. Where what was sent again arrives too, the rest of what this ACK
 * tells may have been there long before, and the ACKs were lost: after an outage the round trip of that would
 * be the outage (Karn's rule; RFC 8985 6.2 step 1 takes RFC 6298's samples).
 */
void tcp_rack_min_rtt(struct tcp_sock *tp, const struct tcp_ack_state *st)
{
    uint64_t now_ms = st->now / NSEC_PER_MSEC;

    if (!st->rtt_us)
        return;
    if ((tp->min_rtt_us && st->rtt_us <= tp->min_rtt_us) ||
        (!st->resent_delivered && (!tp->min_rtt_us || now_ms - tp->min_rtt_ms >= RACK_MIN_RTT_MS))) {
        tp->min_rtt_us = st->rtt_us;
        tp->min_rtt_ms = now_ms;
    }
}

/*
 * Is the ACK of a segment sent several times too early to be that of the last transmission (RFC 8985 6.2 step
 * 2)? The echo tells only if the ACK moved on: beyond a hole the peer repeats the time of what came before it
 * (RFC 7323 4.3).
 */
static bool tcp_rack_ambiguous(const struct tcp_sock *tp, const struct tcp_skb_cb *cb,
                               const struct tcp_ack_state *st, uint32_t rtt_us)
{
    if (rtt_us < tp->min_rtt_us)
        return true;
    if (tp->tstamp_ok && st->seg->saw_tstamp && tp->snd_una != st->prior_una)
        return before(st->seg->tsecr, (uint32_t)(cb->sent_at / NSEC_PER_MSEC) + tp->ts_offset);
    return false;
}

/* Steps 1 and 2: a segment was delivered. */
void tcp_rack_advance(struct tcp_sock *tp, const struct tcp_skb_cb *cb, uint32_t end_seq,
                      struct tcp_ack_state *st)
{
    uint32_t rtt_us = max((uint32_t)((st->now - cb->sent_at) / NSEC_PER_USEC), 1u);

    if (!cb->retrans)
        st->rtt_us = st->rtt_us ? min(st->rtt_us, rtt_us) : rtt_us;
    else
        st->resent_delivered = true;
    if (cb->retrans && tcp_rack_ambiguous(tp, cb, st, rtt_us))
        return;
    tp->rack_rtt_us = rtt_us;
    st->rack_advanced = true;
    if (tcp_rack_sent_after(cb->sent_at, end_seq, tp->rack_sent_at, tp->rack_end_seq)) {
        tp->rack_sent_at = cb->sent_at;
        tp->rack_end_seq = end_seq;
    }
}

/* --- the reordering window (step 4) --- */

static bool tcp_dupthresh_reached(const struct tcp_sock *tp)
{
    if (tcp_net(&tp->sk)->sysctl_recovery & TCP_RECOVERY_NO_DUPTHRESH)
        return false;
    return tp->sacked_segs >= tp->reordering || tp->sacked_out >= (uint64_t)tp->reordering * tp->mss_cache;
}

static uint32_t tcp_rack_reo_wnd_us(const struct tcp_sock *tp)
{
    /* Until the network has been seen to change the order three segments are as good a sign as ever. */
    if (!tp->rack_reord_seen && (tp->ca_state >= TCP_CA_Recovery || tcp_dupthresh_reached(tp)))
        return 0;
    return (uint32_t)min((uint64_t)tp->min_rtt_us / 4 * max(tp->rack_reo_steps, (uint8_t)1),
                         (uint64_t)tp->srtt_us);
}

/* A D-SACK: we were too quick; once per round trip the window grows by min_rtt/4. */
void tcp_rack_dsack(struct tcp_sock *tp)
{
    if (tcp_net(&tp->sk)->sysctl_recovery & TCP_RECOVERY_STATIC_WND)
        return;
    if (tp->rack_reo_steps && before(tp->snd_una, tp->rack_dsack_round))
        return;
    tp->rack_reord_seen = true;
    tp->rack_reo_steps = (uint8_t)min(max(tp->rack_reo_steps, (uint8_t)1) + 1u, 255u);
    tp->rack_reo_persist = RACK_PERSIST;
    tp->rack_dsack_round = tp->snd_nxt;
}

void tcp_rack_recovered(struct tcp_sock *tp)
{
    if (tp->rack_reo_persist && !--tp->rack_reo_persist)
        tp->rack_reo_steps = 1;
}

/* --- loss (step 5) --- */

static uint64_t tcp_rack_limit_ns(const struct tcp_sock *tp)
{
    return ((uint64_t)tp->rack_rtt_us + tcp_rack_reo_wnd_us(tp)) * NSEC_PER_USEC;
}

/* 6.3: when the retransmission timer fires, may this transmission still be on its way? */
bool tcp_rack_is_recent(const struct sock *sk, const struct tcp_skb_cb *cb, ktime_t now)
{
    return tcp_net(sk)->sysctl_recovery & TCP_RECOVERY_RACK &&
           now - cb->sent_at < tcp_rack_limit_ns(tcp_sk(sk));
}

/* Marks what is lost by now: in how many us the next may be, 0 if nothing waits. */
static uint64_t tcp_rack_detect_loss(struct sock *sk, ktime_t now)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint64_t limit_ns = tcp_rack_limit_ns(tp), wait_ns = 0;
    struct tcp_skb_cb *cb, *next;

    /*
     * In the order of sending: what was sent after the latest delivered one waits for its turn, and where one
     * has time left so have all behind it. The timer goes by the first, where 6.3 goes by the last: no ACK
     * costs more than what it finds lost.
     */
    list_for_each_entry_safe (cb, next, &tp->tsorted_sent, tsorted) {
        if (!tcp_rack_sent_after(tp->rack_sent_at, tp->rack_end_seq, cb->sent_at, cb->end_seq))
            break;
        tp->ack_steps++;
        if (now - cb->sent_at < limit_ns) {
            wait_ns = cb->sent_at + limit_ns - now;
            break;
        }
        tcp_mark_lost(sk, container_of((void *)cb, struct sk_buff, cb));
    }
    return wait_ns / NSEC_PER_USEC + (wait_ns != 0);
}

/* tcp_recovery without RACK: RFC 6675 4, IsLost() by what was SACKed above. */
static void tcp_count_lost(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t segs = 0, bytes = 0;

    for (struct sk_buff *skb = tp->send_head ? tp->send_head->prev : skb_peek_tail(&sk->sk_write_queue);
         skb && skb != (struct sk_buff *)&sk->sk_write_queue; skb = skb->prev) {
        const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
        if (cb->sacked & TCPCB_SACKED) {
            segs++;
            bytes += skb->len;
        } else if (!cb->retrans &&
                   (segs >= tp->reordering || bytes > (uint64_t)(tp->reordering - 1) * tp->mss_cache)) {
            tcp_mark_lost(sk, skb);
        }
    }
}

/* Return: after how many ms to look again, 0: not. */
uint32_t tcp_find_lost(struct sock *sk, ktime_t now)
{
    if (!(tcp_net(sk)->sysctl_recovery & TCP_RECOVERY_RACK)) {
        tcp_count_lost(sk);
        return 0;
    }
    uint64_t wait_us = tcp_rack_detect_loss(sk, now);
    return wait_us ? (uint32_t)(wait_us / 1000 + 1) : 0;
}

/* --- tail loss probes (RFC 8985 7) --- */

/*
 * 7.2: two round trips after the last transmission, but never sooner than one after the last ACK. A lone
 * segment may be waiting for the peer's delayed ACK, which among today's stacks takes 40 ms at most; where a
 * probe has turned out to be needless we wait for the 200 ms of the RFC.
 */
static uint64_t tcp_tlp_deadline_ms(const struct tcp_sock *tp, uint64_t now)
{
    uint32_t srtt_ms = tp->srtt_us / 1000 + 1;

    if (!tp->srtt_us)
        return now + TCP_TIMEOUT_INIT;
    uint64_t deadline = max(tp->last_snd_ms + 2 * srtt_ms, now + srtt_ms);
    if (tp->snd_nxt - tp->snd_una <= tp->mss_cache)
        deadline += tp->tlp_needless ? TLP_NEEDLESS_MS : TCP_DELACK_MS - 4;
    return max(deadline, now + TLP_MIN_PTO_MS);
}

/*
 * Unlike RFC 8985 7.2, a SHOULD, we probe in recovery too, as QUIC does (RFC 9002 6.2.1): a lost tail of
 * retransmissions is as silent as any other, and on a short path the 200 ms of the time-out are a thousand
 * round trips. After a time-out only once the peer has been heard again, so that the backing off of RFC 6298
 * 5.5 stands.
 */
static bool tcp_may_probe(const struct tcp_sock *tp)
{
    switch (tp->ca_state) {
    case TCP_CA_Recovery:
        return true;
    case TCP_CA_Loss:
        return !tp->retransmits && !tp->backoff;
    default:
        return (tp->ca_state == TCP_CA_Open || tp->ca_state == TCP_CA_CWR) && !tp->sacked_out;
    }
}

bool tcp_schedule_loss_probe(struct sock *sk, uint64_t now)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->sack_ok || !tp->packets_out || tp->tlp_pending || !tcp_may_probe(tp) ||
        tcp_net(sk)->sysctl_early_retrans < 3 || sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV)
        return false;
    uint64_t deadline = tcp_tlp_deadline_ms(tp, now);
    if (deadline - now >= tp->rto_ms)
        return false;
    tcp_reset_xmit_timer_at(sk, TCP_TIME_LOSS_PROBE, deadline);
    return true;
}

/*
 * Everything under way in recovery is lost, or its ACKs are: the first segment, which the time-out would
 * send, tells. Any answer ends the probe.
 */
static void tcp_probe_recovery(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *head = skb_peek(&sk->sk_write_queue);

    if (tp->tlp_pending || tcp_retransmit_skb(sk, head))
        return;
    NET_INC_STATS(sock_net(sk), TcpExtTCPLossProbes);
    tp->prr_out += head->len;
    tp->frto = false; /* what comes next may be the probe's doing */
    tp->tlp_pending = true;
    tp->tlp_retrans = false;
    tp->tlp_end_seq = tp->snd_una;
}

/* 7.3: new data if there is any, else the last segment again. One probe per tail. */
void tcp_send_loss_probe(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t end = tp->snd_nxt;

    if (!tp->packets_out)
        return;
    if (tp->ca_state >= TCP_CA_Recovery) {
        tcp_probe_recovery(sk);
    } else if (!tp->tlp_pending) {
        bool fresh = tcp_send_new_probe(sk);
        if (fresh || tcp_retransmit_tail(sk)) {
            NET_INC_STATS(sock_net(sk), TcpExtTCPLossProbes);
            tp->tlp_pending = true;
            tp->tlp_retrans = !fresh;
            tp->tlp_end_seq = fresh ? tp->snd_nxt : end;
        }
    }
    tcp_rearm_rto(sk);
}

/* 7.4: what became of the probe. */
void tcp_tlp_ack(struct sock *sk, const struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->tlp_pending || before(tp->snd_una, tp->tlp_end_seq))
        return;
    if (!tp->tlp_retrans) {
        tp->tlp_pending = false; /* all new: nothing was lost */
    } else if (st->tlp_dsack) {  /* both have arrived */
        tp->tlp_pending = false;
        tp->tlp_needless = true;
    } else if (after(tp->snd_una, tp->tlp_end_seq)) {
        /* No duplicate was told: the probe has repaired a loss, and a loss means congestion. */
        tp->tlp_pending = false;
        NET_INC_STATS(sock_net(sk), TcpExtTCPLossProbeRecovery);
        if (tp->ca_state < TCP_CA_CWR) {
            tp->undo_active = false;
            tp->snd_ssthresh = tp->ca_ops->ssthresh(sk);
            tp->snd_cwnd = min(tp->snd_cwnd, tp->snd_ssthresh);
            tp->snd_cwnd_cnt = 0;
            tcp_ecn_reduced(tp);
        }
    } else if (tp->snd_una == st->prior_una && !st->seg->num_sacks) {
        tp->tlp_pending = false; /* a bare duplicate: from a peer that tells no D-SACKs, for the probe */
    }
}
