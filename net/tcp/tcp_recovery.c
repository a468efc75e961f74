/*
 * tcp_recovery.c - what to do about losses towards a peer with SACK: fast recovery (RFC 6675 with the
 * proportional rate reduction of RFC 6937), recovery after a time-out, and taking it all back when it turns
 * out that nothing was lost (RFC 3522 Eifel by timestamps, RFC 3708 by D-SACK, RFC 5682 F-RTO).
 *
 * tcp_ack() calls tcp_sack_process() at the end of each ACK, when the scoreboard is up to date. NewReno for
 * other peers is in tcp_ack.c.
 */
#include "net/tcp/tcp_internal.h"

/* --- undo --- */

static void tcp_undo_start(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->prior_cwnd = tp->snd_cwnd;
    tp->prior_ssthresh = tp->snd_ssthresh;
    tp->undo_active = true;
    tp->undo_marker = tp->snd_una;
    tp->undo_retrans = -1; /* nothing sent again yet */
}

/* Of a retransmission that belongs to the episode. */
void tcp_undo_count_retrans(struct tcp_sock *tp)
{
    if (!tp->undo_active || tp->ca_state < TCP_CA_Recovery)
        return;
    if (tp->undo_retrans < 0) {
        tp->undo_retrans = 0;
        tp->retrans_ts = tcp_time_stamp(tp->ts_offset);
    }
    tp->undo_retrans++;
}

static void tcp_undo(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tcp_unmark_lost(sk);
    tcp_ecn_undo(tp);
    tp->undo_active = false;
    tp->snd_cwnd = max(tp->snd_cwnd, tp->prior_cwnd);
    tp->snd_ssthresh = max(tp->snd_ssthresh, tp->prior_ssthresh);
    tp->snd_cwnd_cnt = 0;
    tcp_ca_event(sk, CA_EVENT_UNDO);
}

/* RFC 3522 3.2: the ACK that ended the wait echoes a time before our first retransmission. */
static bool tcp_eifel(const struct tcp_sock *tp, const struct tcp_ack_state *st)
{
    return tp->snd_una != st->prior_una && tp->tstamp_ok && st->seg->saw_tstamp && tp->undo_retrans >= 0 &&
           before(st->seg->tsecr, tp->retrans_ts);
}

static bool tcp_may_undo(const struct tcp_sock *tp, const struct tcp_ack_state *st)
{
    return tp->undo_active && (tp->undo_retrans == 0 || tcp_eifel(tp, st));
}

/* --- entering --- */

static void tcp_enter_sack_recovery(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    NET_INC_STATS(sock_net(sk), TcpExtTCPSackRecovery);
    if (tcp_in_cwr(tp)) { /* RFC 3168 6.1.2 */
        tp->undo_active = false;
    } else {
        tcp_undo_start(sk);
        tp->snd_ssthresh = tp->ca_ops->ssthresh(sk);
        tp->prr_delivered = tp->prr_out = 0;
        tp->prr_flight = max(tp->snd_nxt - tp->snd_una, 1u);
        tcp_ecn_reduced(tp);
    }
    tp->snd_cwnd_cnt = 0;
    tp->high_seq = tp->snd_nxt;
    tp->ca_state = TCP_CA_Recovery;
    tp->tlp_pending = false;                     /* it has done its work */
    tp->snd_cwnd = tcp_pipe(tp) + tp->mss_cache; /* the first retransmission goes at once */
}

void tcp_enter_sack_loss(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    bool fresh = tp->ca_state < TCP_CA_Recovery;

    /* RFC 5681 3.1: ssthresh falls once per loss, however often the timer fires for the same segment. */
    if (tcp_in_cwr(tp)) { /* RFC 3168 6.1.2 */
        tp->undo_active = false;
    } else if (tp->ca_state != TCP_CA_Loss || !tp->retransmits) {
        tcp_undo_start(sk);
        tp->snd_ssthresh = tp->ca_ops->ssthresh(sk);
    }
    tcp_ecn_reduced(tp);
    /* RFC 5682 2.1: not if the time-out came in the middle of a recovery. */
    tp->frto = tcp_net(sk)->sysctl_frto && (fresh || tp->retransmits);
    tcp_timeout_mark_lost(sk);
    tp->snd_cwnd =
        tcp_pipe(tp) + tp->mss_cache; /* RFC 5681 3.1: one segment, beside what is still under way */
    tp->snd_cwnd_cnt = 0;
    tp->ca_state = TCP_CA_Loss;
    tp->high_seq = tp->snd_nxt;
    tp->tlp_pending = false;
}

/* --- sending again --- */

/* false: not now. The first of a recovery waits for nothing, the others are paced as new data is. */
static bool tcp_resend_one(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t pipe = tcp_pipe(tp);

    if (pipe && pipe + min(skb->len, tp->mss_cache) > tp->snd_cwnd) /* of a train one segment goes */
        return false;
    if (unlikely(tcp_needs_pacing(tp)) && tp->prr_out && !tcp_pacing_quota(sk, tp->mss_cache))
        return false;
    if (tcp_retransmit_skb(sk, skb))
        return false;
    if (unlikely(tcp_needs_pacing(tp)))
        tcp_pacing_sent(tp, skb->len);
    if (tp->ca_state == TCP_CA_Loss)
        NET_INC_STATS(sock_net(sk), TcpExtTCPSlowStartRetrans);
    else
        NET_INC_STATS(sock_net(sk), TcpExtTCPFastRetrans);
    tp->prr_out += skb->len;
    return true;
}

/* RFC 6675 5, NextSeg() rule 1: what is lost, in order, as long as the pipe is not full. */
void tcp_xmit_lost(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb = tp->retrans_hint ? tp->retrans_hint : skb_peek(&sk->sk_write_queue);
    unsigned steps = 0;

    /* Where much lies between two losses the next ACK goes on from the hint. */
    for (; skb && skb != tp->send_head && tp->to_resend && steps < TCP_ACK_STEPS;
         skb = skb_queue_next(&sk->sk_write_queue, skb)) {
        tp->retrans_hint = skb;
        if ((TCP_SKB_CB(skb)->sacked & (TCPCB_LOST | TCPCB_RETRANS)) != TCPCB_LOST)
            steps++;
        else if (!tcp_resend_one(sk, skb))
            break;
    }
    tp->ack_steps += steps;
}

/* After its time has come: what pacing has held back. */
void tcp_xmit_paced(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->sack_ok && tp->ca_state == TCP_CA_Loss)
        tcp_xmit_loss(sk);
    else if (tp->to_resend && (tp->ca_state == TCP_CA_Recovery || (tp->ca_state == TCP_CA_Loss && !tp->frto)))
        tcp_xmit_lost(sk);
}

/*
 * RFC 6937 3: the window follows what arrives, down to ssthresh, so that sending never stops. Only delivered
 * bytes count: duplicate ACKs that tell nothing new send nothing (RFC 5681 3.1's ACK attacks).
 */
void tcp_prr(struct tcp_sock *tp, const struct tcp_ack_state *st)
{
    uint32_t pipe = tcp_pipe(tp), count;

    if (!st->delivered)
        return;
    tp->prr_delivered += st->delivered;
    if (pipe > tp->snd_ssthresh) {
        uint64_t target =
            ((uint64_t)tp->prr_delivered * tp->snd_ssthresh + tp->prr_flight - 1) / tp->prr_flight;
        count = target > tp->prr_out ? (uint32_t)(target - tp->prr_out) : 0;
    } else {
        uint32_t limit = tp->prr_delivered > tp->prr_out ? tp->prr_delivered - tp->prr_out : 0;
        limit = max(limit, st->delivered); /* never less than what has left: RFC 6937 3, RFC 9937 6.2 */
        if (tp->snd_una != st->prior_una && !st->newly_lost) /* RFC 9937 5: SafeACK */
            limit += tp->mss_cache; /* slow-start reduction bound, while recovery makes headway */
        count = min(tp->snd_ssthresh - pipe, limit);
    }
    if (!tp->prr_out)
        count = max(count, tp->mss_cache);
    tp->snd_cwnd = max(pipe + count, tp->mss_cache);
}

/* --- reordering --- */

/*
 * Something arrived `distance` sequence numbers behind what was sent later: so much is normal here, and no
 * sign of loss (RFC 8985 6.2 step 3; the degree is RFC 4653's, for tcpi_reordering and tcp_max_reordering).
 */
static void tcp_reordering_seen(struct sock *sk, uint32_t distance)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t segs = min(DIV_ROUND_UP(distance, tp->mss_cache), (uint32_t)tcp_net(sk)->sysctl_max_reordering);

    NET_INC_STATS(sock_net(sk), TcpExtTCPSACKReorder);
    tp->reord_seen++;
    tp->rack_reord_seen = true;
    tp->reordering = max(tp->reordering, segs);
}

/* --- one ACK, by state --- */

static void tcp_recovered(struct tcp_sock *tp)
{
    tp->ca_state = TCP_CA_Open;
    tp->frto = false;
    tcp_rack_recovered(tp);
}

static void tcp_ack_in_sack_recovery(struct sock *sk, const struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tcp_may_undo(tp, st)) {
        if (tp->undo_retrans == 0)
            NET_INC_STATS(sock_net(sk), TcpExtTCPDSACKUndo);
        else
            NET_INC_STATS(sock_net(sk), TcpExtTCPFullUndo);
        tcp_undo(sk);
        tcp_recovered(tp);
        return;
    }
    if (before(tp->snd_una, tp->high_seq))
        return;
    tp->snd_cwnd = max(tp->snd_ssthresh, tp->mss_cache); /* full acknowledgement: 6582-2 */
    tp->snd_cwnd_cnt = 0;
    tcp_recovered(tp);
}

/* RFC 5682 3.1, with SACK: was the time-out for nothing? Return: false to send new data, not what seems lost.
 */
static bool tcp_frto(struct sock *sk, const struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);
    bool advanced = tp->snd_una != st->prior_una;

    if (after(tp->snd_nxt, tp->high_seq)) {
        if (st->newly_sacked || !advanced)
            tp->frto = false; /* 3.a: it was real */
        return !tp->frto;
    }
    if (!advanced)
        return true;
    /* 2.b: two new segments, whose ACKs will tell. */
    tp->high_seq = tp->snd_nxt;
    if (tp->send_head && after(tp->snd_una + tp->snd_wnd, tp->snd_nxt))
        return false;
    tp->frto = false;
    return true;
}

/* Return: whether to send what is lost. */
static bool tcp_ack_in_sack_loss(struct sock *sk, const struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);
    bool recovered = !before(tp->snd_una, tp->high_seq);

    /* What has arrived and was never sent again was under way when the timer fired (RFC 5682 3.1 step 3.b).
     */
    if (tcp_may_undo(tp, st) || (tp->frto && st->original && tp->undo_active)) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPLossUndo);
        if (tp->frto)
            NET_INC_STATS(sock_net(sk), TcpExtTCPSpuriousRTOs);
        tcp_undo(sk);
        tcp_recovered(tp);
        return false;
    }
    if (recovered) {
        tcp_recovered(tp);
        return true;
    }
    return !tp->frto || tcp_frto(sk, st);
}

/* --- timers --- */

static void tcp_set_xmit_timer(struct sock *sk, const struct tcp_ack_state *st, uint32_t reo_ms)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (reo_ms && tp->packets_out)
        tcp_reset_xmit_timer(sk, TCP_TIME_REO, reo_ms);
    else if (tp->snd_una != st->prior_una || (tp->ca_state >= TCP_CA_Recovery && st->delivered) ||
             (tp->xmit_pending == TCP_TIME_LOSS_PROBE && tp->sacked_out) ||
             (tp->packets_out && tp->xmit_pending == TCP_TIME_NONE)) {
        if (!tcp_schedule_loss_probe(sk, tp->last_ack_ms))
            tcp_rearm_rto(sk);
    }
}

static void tcp_enter_recovery_if_lost(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->ca_state >= TCP_CA_Recovery)
        return;
    if (tp->lost_out && unlikely(tp->probe_size) && tcp_mtu_probe_lost(sk))
        return;
    if (tp->lost_out)
        tcp_enter_sack_recovery(sk);
    else if (tp->ca_state != TCP_CA_CWR)
        tp->ca_state = tp->sacked_out ? TCP_CA_Disorder : TCP_CA_Open;
}

/* The reordering window of a segment has run out (RFC 8985 6.3). */
void tcp_rack_reo_timeout(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t reo_ms = tcp_find_lost(sk, ktime_get());

    tcp_enter_recovery_if_lost(sk);
    if (tp->ca_state == TCP_CA_Recovery && !tp->prr_out)
        tp->snd_cwnd = max(tp->snd_cwnd, tcp_pipe(tp) + tp->mss_cache);
    tcp_xmit_lost(sk);
    if (reo_ms)
        tcp_reset_xmit_timer(sk, TCP_TIME_REO, reo_ms);
    else if (!tcp_schedule_loss_probe(sk, ktime_get_ms()))
        tcp_rearm_rto(sk);
}

void tcp_sack_process(struct sock *sk, struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t acked = tp->snd_una - st->prior_una, reo_ms = 0;
    bool resend = true;

    tcp_rack_min_rtt(tp, st);
    tp->fack = before(st->fack, tp->snd_una) ? tp->snd_una : st->fack;
    if (st->reordered)
        tcp_reordering_seen(sk, st->reordered);
    tcp_tlp_ack(sk, st);
    if (st->dsack && !st->tlp_dsack)
        tcp_rack_dsack(tp);
    if (tp->ca_state == TCP_CA_Recovery) {
        tcp_ack_in_sack_recovery(sk, st);
    } else if (tp->ca_state == TCP_CA_Loss) {
        resend = tcp_ack_in_sack_loss(sk, st);
    } else if (st->dsack && tp->undo_active && tp->undo_retrans == 0) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPDSACKUndo); /* RFC 3708: told after it was over */
        tcp_undo(sk);
    }
    if ((tp->sacked_out || tp->retrans_out || tp->lost_out) && (st->rack_advanced || st->newly_sacked)) {
        uint32_t in_pipe = tcp_pipe(tp);
        reo_ms = tcp_find_lost(sk, st->now);
        st->newly_lost = tcp_pipe(tp) < in_pipe;
    }
    tcp_enter_recovery_if_lost(sk);
    if (tp->ca_state == TCP_CA_Recovery)
        tcp_prr(tp, st);
    else if (tp->ca_state == TCP_CA_CWR)
        tcp_cwr_ack(tp, st);
    else if (acked)
        tp->ca_ops->cong_avoid(sk, acked, st->prior_in_flight);
    if (tp->to_resend && resend)
        tcp_xmit_lost(sk);
    tcp_set_xmit_timer(sk, st, reo_ms);
}
