/*
 * tcp_ack.c - what an acknowledgement says: the cumulative ACK, the window, the round-trip time, and loss.
 *
 * Called by tcp_rcv_established() and tcp_rcv_state_process() for every acceptable segment with ACK. First
 * the number is validated (RFC 9293 3.10.7.4, RFC 5961 5), then the retransmission queue is cleaned, then
 * NewReno decides (RFC 5681, RFC 6582), or for a peer with SACK tcp_recovery.c. Sending follows in the
 * caller, by tcp_push_pending_frames().
 */
#include "net/tcp/tcp_internal.h"

/* --- round-trip time (RFC 6298 2) --- */

/*
 * The floor stands under the variance term, not under the whole: an RTO of SRTT + 200 ms leaves room for any
 * delayed ACK however long the path.
 */
void tcp_set_rto(struct tcp_sock *tp)
{
    uint64_t margin_us = max((uint64_t)tp->rttvar_us * 4, (uint64_t)tcp_net(&tp->sk)->sysctl_rto_min_us);

    tp->rto_ms = (uint32_t)min((tp->srtt_us + margin_us) / 1000, (uint64_t)tcp_rto_max(tp));
}

void tcp_rtt_sample(struct tcp_sock *tp, uint64_t rtt_us)
{
    uint32_t r = (uint32_t)clamp(rtt_us, (uint64_t)1, (uint64_t)TCP_RTO_MAX * 1000);

    if (!tp->srtt_us) {
        tp->srtt_us = r;
        tp->rttvar_us = r / 2;
    } else { /* the variance first: 2.3 */
        uint32_t off = r > tp->srtt_us ? r - tp->srtt_us : tp->srtt_us - r;
        tp->rttvar_us = (uint32_t)(((uint64_t)tp->rttvar_us * 3 + off) / 4);
        tp->srtt_us = max((uint32_t)(((uint64_t)tp->srtt_us * 7 + r) / 8), 1u);
    }
    if (unlikely(!tp->sack_ok) && (!tp->min_rtt_us || r < tp->min_rtt_us))
        tp->min_rtt_us = r; /* with SACK RACK keeps it, by windows */
    tcp_set_rto(tp);
    tp->backoff = 0;
    if (tp->ca_ops->rtt_sample)
        tp->ca_ops->rtt_sample(&tp->sk, r);
}

/* --- the retransmission queue --- */

/* Bytes that are in the network, to our best knowledge. */
uint32_t tcp_in_flight(const struct tcp_sock *tp)
{
    if (tp->sack_ok)
        return tcp_pipe(tp);
    if (tp->ca_state != TCP_CA_Loss || !before(tp->snd_una, tp->high_seq))
        return tp->snd_nxt - tp->snd_una;
    /* What was out when the timer fired counts as gone, except what has been sent again. */
    return tp->snd_nxt - tp->high_seq +
           (after(tp->retrans_high, tp->snd_una) ? tp->retrans_high - tp->snd_una : 0);
}

void tcp_rearm_rto(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->packets_out)
        tcp_reset_xmit_timer(sk, TCP_TIME_RETRANS, tp->rto_ms); /* RFC 6298 5.3 */
    else
        tcp_stop_xmit_timer(tp); /* 5.2 */
}

static void tcp_unlink_write_queue(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (skb == tp->retrans_hint)
        tp->retrans_hint = NULL;
    if (skb == tp->sack_hint)
        tp->sack_hint = NULL;
    tcp_tsorted_forget(skb);
    if (TCP_SKB_CB(skb)->sacked)
        tcp_scoreboard_forget(tp, skb);
    tcp_wmem_uncharge(sk, skb);
    skb_unlink(&sk->sk_write_queue, skb);
    consume_skb(skb);
}

void tcp_write_queue_purge(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb;

    tp->send_head = NULL;
    tp->packets_out = 0;
    while ((skb = skb_peek(&sk->sk_write_queue)))
        tcp_unlink_write_queue(sk, skb);
    if (tp->chrono)
        tcp_chrono_set(tp, TCP_CHRONO_IDLE, ktime_get());
    tcp_stop_xmit_timer(tp);
}

/* A peer may answer the second SYN and still echo the first: that would be a round trip of a second. */
static bool tcp_syn_rtt_unclear(const struct tcp_sock *tp, const struct tcp_ack_state *st, ktime_t sent_at)
{
    return tp->sk.sk_state == TCP_SYN_SENT && tp->syn_retransmitted &&
           before(st->seg->tsecr, (uint32_t)(sent_at / NSEC_PER_MSEC) + tp->ts_offset);
}

/*
 * RFC 6298 3: what was sent twice tells nothing by its sending time (Karn), only by its echo (RFC 7323 4).
 * What was sent once does it better, in microseconds. Where the peer tells a duplicate the first ACK was
 * lost: this one is of our last transmission, though the echo is of the first arrival (RFC 7323 4.3).
 */
static void tcp_ack_rtt(struct tcp_sock *tp, const struct tcp_ack_state *st, ktime_t first_sent,
                        bool retransmitted)
{
    uint64_t rtt_us;

    if (first_sent && !retransmitted)
        tcp_rtt_sample(tp, (st->now - first_sent) / NSEC_PER_USEC);
    else if (st->dsack && first_sent && st->now - first_sent >= (ktime_t)tp->min_rtt_us * NSEC_PER_USEC)
        tcp_rtt_sample(tp, (st->now - first_sent) / NSEC_PER_USEC);
    else if ((retransmitted || !tp->srtt_us) && !st->dsack && !tcp_syn_rtt_unclear(tp, st, first_sent) &&
             tcp_tstamp_rtt(tp, st->seg, &rtt_us))
        tcp_rtt_sample(tp, rtt_us);
}

/* Frees what is acknowledged in full; takes a round-trip sample. */
static void tcp_clean_rtx_queue(struct sock *sk, struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb;
    ktime_t first_sent = 0;
    bool retransmitted = false;

    while ((skb = skb_peek(&sk->sk_write_queue)) && skb != tp->send_head) {
        const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
        if (after(cb->end_seq, tp->snd_una))
            break;
        retransmitted |= cb->retrans != 0;
        if (!first_sent && !(cb->sacked & TCPCB_SACKED)) /* that one arrived long ago */
            first_sent = cb->sent_at;
        if (!tp->sack_ok)
            tcp_rate_delivered(cb, st);
        else if (!(cb->sacked & TCPCB_SACKED))
            tcp_note_delivered(tp, skb, cb->end_seq, st);
        tp->packets_out -= tcp_skb_pcount(skb);
        tcp_unlink_write_queue(sk, skb);
    }
    if (skb && skb != tp->send_head && before(TCP_SKB_CB(skb)->seq, tp->snd_una)) {
        const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
        retransmitted |= cb->retrans != 0;
        if (!first_sent && !(cb->sacked & TCPCB_SACKED)) /* of a train each segment tells the round trip */
            first_sent = cb->sent_at;
        if (!tp->sack_ok)
            tcp_rate_delivered(cb, st);
        tcp_trim_head(sk, skb, st);
    }
    tcp_ack_rtt(tp, st, first_sent, retransmitted);
}

/* --- the window --- */

/* RFC 9293 3.10.7.4: only from a segment that is not older than the last that told it. */
static bool tcp_ack_update_window(struct tcp_sock *tp, const struct tcp_seg *seg)
{
    uint32_t window = seg->wnd << (seg->flags & TCPHDR_SYN ? 0 : tp->snd_wscale);

    if (before(seg->seq, tp->snd_wl1) || (seg->seq == tp->snd_wl1 && before(seg->ack, tp->snd_wl2)))
        return false;
    tp->snd_wl1 = seg->seq;
    tp->snd_wl2 = seg->ack;
    if (window == tp->snd_wnd)
        return false;
    tp->snd_wnd = window;
    tp->max_window = max(tp->max_window, window);
    tp->pred_flags = 0;
    tcp_fast_path_check(tp);
    return true;
}

/* The peer has answered a probe, or said something while we had nothing under way. */
static void tcp_ack_probe(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->send_head || tp->xmit_pending != TCP_TIME_PROBE0)
        return;
    if (!after(TCP_SKB_CB(tp->send_head)->seq + 1, tp->snd_una + tp->snd_wnd) && tp->backoff) {
        tp->backoff = 0;
        tcp_stop_xmit_timer(tp); /* tcp_push_pending_frames() sends, or starts anew */
    }
}

/* --- loss: RFC 5681, RFC 6582 --- */

static void tcp_retransmit_head(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *head = skb_peek(&sk->sk_write_queue);

    if (!head || head == tp->send_head)
        return;
    if (tcp_retransmit_skb(sk, head))
        NET_INC_STATS(sock_net(sk), TcpExtTCPRetransFail);
    else
        tp->retrans_high = TCP_SKB_CB(head)->end_seq;
}

/* The third duplicate: RFC 6582 3.2 step 2. */
static void tcp_enter_recovery(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (unlikely(tp->probe_size) && tcp_mtu_probe_lost(sk))
        return;
    NET_INC_STATS(sock_net(sk), TcpExtTCPFastRetrans);
    if (!tcp_in_cwr(tp)) { /* RFC 3168 6.1.2 */
        tp->snd_ssthresh = tp->ca_ops->ssthresh(sk);
        tcp_ecn_reduced(tp);
    }
    tp->ca_state = TCP_CA_Recovery;
    tp->snd_cwnd = tp->snd_ssthresh + TCP_FASTRETRANS_THRESH * tp->mss_cache;
    tp->snd_cwnd_cnt = 0;
    tp->high_seq = tp->snd_nxt;
    tp->partial_acked = false;
    /* No more segments can have left the network than were in it: forged duplicates gain nothing beyond that.
     */
    tp->dupacks_max = tp->packets_out;
    tp->retrans_high = tp->snd_una; /* not what an earlier recovery has left, if this finds no memory */
    tcp_retransmit_head(sk);
    tcp_rearm_rto(sk);
}

static void tcp_add_dupack(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->ca_state == TCP_CA_Recovery) {
        if (tp->dupacks < tp->dupacks_max) {
            tp->dupacks++;
            tp->snd_cwnd = min(tp->snd_cwnd + tp->mss_cache, TCP_CWND_MAX);
        }
        return;
    }
    if (tp->ca_state == TCP_CA_Loss || tp->dupacks >= tp->packets_out)
        return;
    if (tp->ca_state == TCP_CA_Open)
        tp->ca_state = TCP_CA_Disorder;
    /* Duplicates from before `recover` come from our own go-back after a time-out: 6582-3. */
    if (++tp->dupacks >= tp->reordering && after(tp->snd_una, tp->high_seq))
        tcp_enter_recovery(sk);
}

/* RFC 6582 3.2 step 3. */
static void tcp_ack_in_recovery(struct sock *sk, uint32_t acked)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t mss = tp->mss_cache;

    if (!before(tp->snd_una, tp->high_seq)) { /* full acknowledgement */
        tp->snd_cwnd = min(tp->snd_ssthresh, max(tp->snd_nxt - tp->snd_una, mss) + mss);
        tp->snd_cwnd_cnt = 0;
        tp->ca_state = TCP_CA_Open;
        tp->dupacks = 0;
        tcp_rearm_rto(sk);
        return;
    }
    /* Partial: the next hole is at snd_una. */
    tp->snd_cwnd -= min(tp->snd_cwnd, acked);
    if (acked >= mss)
        tp->snd_cwnd += mss;
    tp->snd_cwnd = max(tp->snd_cwnd, mss);
    tp->dupacks = 0;
    tp->dupacks_max = tp->packets_out;
    /* One that ends inside what has just gone again is a divided ACK, and worth no segment each (RFC 5681 2).
     */
    if (!before(tp->snd_una, tp->retrans_high))
        tcp_retransmit_head(sk);
    if (!tp->partial_acked) /* the "impatient" variant: later ones leave the timer alone */
        tcp_rearm_rto(sk);
    tp->partial_acked = true;
}

void tcp_enter_loss(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (unlikely(tp->probe_size))
        tcp_mtu_probe_timeout(sk);
    if (tp->sack_ok) {
        tcp_enter_sack_loss(sk);
        tcp_ca_event(sk, CA_EVENT_LOSS);
        return;
    }
    /* RFC 5681 3.1: ssthresh falls once per loss, however often the timer fires for the same segment. */
    if (!tcp_in_cwr(tp) && (tp->ca_state != TCP_CA_Loss || !tp->retransmits))
        tp->snd_ssthresh = tp->ca_ops->ssthresh(sk);
    tcp_ecn_reduced(tp);
    tp->snd_cwnd = tp->mss_cache;
    tp->snd_cwnd_cnt = 0;
    tp->ca_state = TCP_CA_Loss;
    tp->high_seq = tp->snd_nxt;
    tp->retrans_high = tp->snd_una;
    tp->retrans_hint = NULL;
    tp->dupacks = 0;
    tcp_ca_event(sk, CA_EVENT_LOSS);
}

/* After a time-out: what was under way is sent again as the window grows from one segment. */
void tcp_xmit_loss(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb = tp->retrans_hint ? tp->retrans_hint : skb_peek(&sk->sk_write_queue);

    if (before(tp->retrans_high, tp->snd_una))
        tp->retrans_high = tp->snd_una;
    for (; skb && skb != tp->send_head; skb = skb_queue_next(&sk->sk_write_queue, skb)) {
        tp->retrans_hint = skb;
        if (!after(TCP_SKB_CB(skb)->end_seq, tp->retrans_high))
            continue;
        if (!before(tp->retrans_high, tp->high_seq))
            return;
        uint32_t in_flight = tcp_in_flight(tp);
        if (in_flight && in_flight + min(skb->len, tp->mss_cache) > tp->snd_cwnd)
            return;
        if (unlikely(tcp_needs_pacing(tp)) && !tcp_pacing_quota(sk, tp->mss_cache))
            return;
        if (tcp_retransmit_skb(sk, skb))
            return;
        if (unlikely(tcp_needs_pacing(tp)))
            tcp_pacing_sent(tp, skb->len);
        NET_INC_STATS(sock_net(sk), TcpExtTCPSlowStartRetrans);
        tp->retrans_high = TCP_SKB_CB(skb)->end_seq;
    }
}

static void tcp_new_ack(struct sock *sk, uint32_t acked, uint32_t prior_in_flight)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->ca_state == TCP_CA_Recovery) {
        tcp_ack_in_recovery(sk, acked);
        return;
    }
    tcp_rearm_rto(sk);
    tp->dupacks = 0;
    if (tp->ca_state == TCP_CA_Loss && before(tp->snd_una, tp->high_seq)) {
        tp->ca_ops->cong_avoid(sk, acked, prior_in_flight);
        tcp_xmit_loss(sk);
        return;
    }
    if (after(tp->snd_una, tp->high_seq)) /* keeps `recover` from falling half the circle behind */
        tp->high_seq = tp->snd_una - 1;
    if (tp->ca_state == TCP_CA_CWR) {
        struct tcp_ack_state st = {.prior_una = tp->snd_una - acked, .delivered = acked};
        tcp_cwr_ack(tp, &st);
        return;
    }
    tp->ca_state = TCP_CA_Open;
    tp->ca_ops->cong_avoid(sk, acked, prior_in_flight);
}

/* --- one ACK --- */

/*
 * RFC 5961 5: an ACK so old that no segment of ours can have caused it comes from someone who guesses. Else
 * it is merely late: its data is good, and so are its blocks, which may tell of what no other ACK has told.
 */
static enum skb_drop_reason tcp_old_ack(struct sock *sk, const struct tcp_seg *seg, struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->snd_una - seg->ack > min((uint64_t)tp->max_window, tp->bytes_acked)) {
        tcp_send_challenge_ack(sk);
        return SKB_DROP_REASON_TCP_INVALID_ACK;
    }
    tcp_replace_ts_recent(tp, seg); /* RFC 7323 4.3 goes by what it fills, not by what it acknowledges */
    if (seg->num_sacks && tp->sack_ok && tp->packets_out) {
        uint32_t sacked_segs = tp->sacked_segs;
        tcp_sacktag(sk, seg, st);
        tcp_sack_process(sk, st);
        tp->delivered += tp->sacked_segs - sacked_segs;
        if (st->delivered)
            tcp_rate_ack(tp, st);
    }
    return SKB_NOT_DROPPED_YET;
}

enum skb_drop_reason tcp_ack(struct sock *sk, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t acked = seg->ack - tp->snd_una, prior_in_flight = tcp_in_flight(tp);
    uint32_t undelivered = tp->packets_out - tp->sacked_segs;
    bool was_outstanding = tp->packets_out != 0;
    struct tcp_ack_state st = {
        .seg = seg, .prior_una = tp->snd_una, .prior_in_flight = prior_in_flight, .fack = tp->fack};

    st.now = ktime_get();
    if (before(seg->ack, tp->snd_una))
        return tcp_old_ack(sk, seg, &st);
    if (after(seg->ack, tp->snd_nxt)) { /* of what was never sent: say where we are (9293-FUTACK) */
        tcp_send_challenge_ack(sk);
        return SKB_DROP_REASON_TCP_INVALID_ACK;
    }
    tcp_replace_ts_recent(tp, seg);
    tp->last_ack_ms = st.now / NSEC_PER_MSEC;
    tp->probes_out = 0;
    tp->ka_probes_out = 0;
    uint32_t old_window = tp->snd_wnd;
    bool window_changed = tcp_ack_update_window(tp, seg);
    if (unlikely(seg->flags & TCPHDR_ECE || tp->ecn_flags & TCP_ECN_REDUCED))
        tcp_ecn_rcv_ack(sk, seg);

    if (acked) {
        tp->snd_una = seg->ack;
        tp->bytes_acked += acked;
        tp->retransmits = 0;
        sk->sk_err_soft = 0;
        if (tp->snd_urg && !before(tp->snd_una, tp->snd_up))
            tp->snd_urg = false;
        if (tp->sack_ok)
            tcp_sacktag(sk, seg, &st);
        tcp_clean_rtx_queue(sk, &st);
        if (unlikely(tp->probe_size) && !before(tp->snd_una, tp->probe_end))
            tcp_mtu_probe_acked(sk);
        if (!tp->sack_ok) {
            st.delivered = acked;
            tcp_new_ack(sk, acked, prior_in_flight);
        }
    } else if (was_outstanding || seg->num_sacks) {
        if (tp->sack_ok)
            tcp_sacktag(sk, seg, &st);
        /* RFC 5681 2: a duplicate has no data, no SYN or FIN, and the window of the last one. */
        bool duplicate = !seg->len && !(seg->flags & (TCPHDR_SYN | TCPHDR_FIN)) && !window_changed;
        if (duplicate && was_outstanding && !tp->sack_ok)
            tcp_add_dupack(sk);
        else if (tp->snd_wnd > old_window && (!old_window || tp->retransmits))
            tcp_retransmit_head(sk); /* the window had been shut, or as good as shut, on data under way */
    }
    if (tp->sack_ok && (acked || was_outstanding || seg->num_sacks))
        tcp_sack_process(sk, &st);
    if (!was_outstanding || !tp->packets_out) {
        tcp_ack_probe(sk);
        if (tp->chrono && !tp->send_head)
            tcp_chrono_set(tp, TCP_CHRONO_IDLE, st.now);
    }
    if (st.delivered)
        tcp_rate_ack(tp, &st);
    /* Where the MSS has fallen, cuts at SACK blocks may make more segments of the rest than have arrived. */
    uint32_t left = tp->packets_out - tp->sacked_segs,
             delivered = undelivered > left ? undelivered - left : 0;
    tp->delivered += delivered;
    if (unlikely(seg->flags & TCPHDR_ECE))
        tcp_ecn_count_delivered(sk, delivered);
    return SKB_NOT_DROPPED_YET;
}
