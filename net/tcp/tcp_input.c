/*
 * tcp_input.c - a segment meets the state machine (RFC 9293 3.10.7).
 *
 * tcp_v4_rcv() has validated and parsed the segment (struct tcp_seg, host order) and found the socket. In
 * ESTABLISHED the segment expected next takes the fast path; everything else goes through the steps of the
 * RFC in their order, one function each: sequence, RST, SYN, ACK, URG, text, FIN. Each takes or passes on the
 * skb, which stands at its payload.
 */
#include <errno.h>

#include "net/tcp/tcp_internal.h"

#define TCP_FLAGS_PREDICTED TCPHDR_ACK

/* Takes the header off and fills in `seg` and the skb's control block: 0, or -1 and the reason to drop. */
int tcp_parse_segment(struct sk_buff *skb, struct tcp_seg *seg, enum skb_drop_reason *reason)
{
    const struct tcphdr *th = tcp_hdr(skb);
    unsigned syn = th->flags & TCPHDR_SYN ? 1 : 0, fin = th->flags & TCPHDR_FIN ? 1 : 0;

    seg->hdr_len = (uint8_t)(th->doff_res >> 4 << 2);
    seg->seq = be32_to_cpu(th->seq);
    seg->ack = be32_to_cpu(th->ack_seq);
    seg->wnd = be16_to_cpu(th->window);
    seg->urg = be16_to_cpu(th->urg_ptr);
    seg->flags = th->flags;
    seg->len = skb->len - seg->hdr_len;
    seg->end_seq = seg->seq + seg->len + syn + fin;
    tcp_parse_segment_options(th, seg);
    if (syn && th->flags & (TCPHDR_FIN | TCPHDR_RST)) {
        *reason = SKB_DROP_REASON_TCP_FLAGS;
        return -1;
    }
    skb_pull(skb, seg->hdr_len);
    *TCP_SKB_CB(skb) =
        (struct tcp_skb_cb){.seq = seg->seq + syn, .end_seq = seg->end_seq, .flags = th->flags};
    return 0;
}

/* --- ACKs that answer nonsense --- */

bool tcp_oow_rate_limited(struct net *net, uint64_t *last_ms, enum mib_counter skipped)
{
    uint64_t now = ktime_get_ms();

    if (*last_ms && now - *last_ms < (uint64_t)net->tcp->sysctl_invalid_ratelimit) {
        net->mib[skipped]++;
        return true;
    }
    *last_ms = now ? now : 1;
    return false;
}

/*
 * RFC 5961 7: at most some twice a second for each connection, and tcp_challenge_ack_limit a second for all,
 * which keeps a storm over thousands of connections from being answered. How many exactly is drawn anew each
 * second: a count that a stranger could use up on a connection of his own would tell him by its absence
 * whether his guesses about another one were right (CVE-2016-5696).
 */
bool tcp_challenge_limited(struct net *net, uint64_t *last_ms)
{
    struct netns_tcp *tn = net->tcp;
    uint64_t second = ktime_get_ms() / 1000 + 1; /* 0: none has been counted */
    uint32_t limit = (uint32_t)tn->sysctl_challenge_ack_limit;

    if (tcp_oow_rate_limited(net, last_ms, MIB_TcpExtTCPACKSkippedChallenge))
        return true;
    if (second != tn->challenge_second) {
        tn->challenge_second = second;
        tn->challenges_left = (limit + 1) / 2 + (limit ? get_random_u32_below(limit) : 0);
    }
    if (!tn->challenges_left) {
        NET_INC_STATS(net, TcpExtTCPACKSkippedChallenge);
        return true;
    }
    tn->challenges_left--;
    return false;
}

void tcp_send_challenge_ack(struct sock *sk)
{
    if (tcp_challenge_limited(sock_net(sk), &tcp_sk(sk)->last_oow_ack_ms))
        return;
    NET_INC_STATS(sock_net(sk), TcpExtTCPChallengeACK);
    tcp_send_ack(sk);
}

/* The answer to an unacceptable segment. Only those without data can be part of a war of ACKs. */
static void tcp_send_dupack(struct sock *sk, const struct tcp_seg *seg, enum mib_counter skipped)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!seg->len && tcp_oow_rate_limited(sock_net(sk), &tp->last_oow_ack_ms, skipped))
        return;
    if (seg->len && before(seg->seq, tp->rcv_nxt)) {
        NET_INC_STATS(sock_net(sk), TcpExtDelayedACKLost);
        tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
        tcp_dsack_set(sk, seg->seq, after(seg->end_seq, tp->rcv_nxt) ? tp->rcv_nxt : seg->end_seq);
    }
    tcp_send_ack(sk);
}

/* --- the steps --- */

/*
 * First, the sequence number. Looser than RFC 9293's table in two places, as peers need it: an ACK that was
 * overtaken by data we have not acknowledged yet is no reason for a duplicate ACK, and one at the right edge
 * itself still counts.
 */
static bool tcp_sequence_ok(const struct tcp_sock *tp, const struct tcp_seg *seg)
{
    if (after(seg->seq, tp->rcv_nxt + tcp_receive_window(tp)))
        return false;
    return seg->end_seq == seg->seq ? !before(seg->seq, tp->rcv_wup) : after(seg->end_seq, tp->rcv_wup);
}

/* RFC 9293 3.10.7.4: what the application hears depends on how far the connection had come. */
void tcp_reset(struct sock *sk)
{
    switch ((enum tcp_state)sk->sk_state) {
    case TCP_SYN_SENT:
        sk->sk_err = ECONNREFUSED;
        break;
    case TCP_SYN_RECV:
        sk->sk_err = tcp_sk(sk)->fastopen_rsk ? ECONNRESET : ECONNREFUSED;
        break;
    case TCP_CLOSE_WAIT:
        sk->sk_err = EPIPE;
        break;
    case TCP_CLOSE:
        return;
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_TIME_WAIT:
    case TCP_LAST_ACK:
    case TCP_LISTEN:
    case TCP_CLOSING:
    case TCP_NEW_SYN_RECV:
    case TCP_MAX_STATES:
        sk->sk_err = ECONNRESET;
        break;
    }
    tcp_write_queue_purge(sk);
    tcp_fastopen_end(tcp_sk(sk), true);
    tcp_done(sk);
    if (!sk->sk_dead)
        sk->sk_error_report(sk);
}

/* Second, RST: RFC 5961 3.2. */
static enum skb_drop_reason tcp_step_rst(struct sock *sk, const struct tcp_seg *seg)
{
    if (seg->seq == tcp_sk(sk)->rcv_nxt)
        tcp_reset(sk);
    else
        tcp_send_challenge_ack(sk);
    return SKB_DROP_REASON_TCP_RESET;
}

/* Fourth, SYN: a peer that has lost its state will answer the challenge with the right RST (RFC 5961 4.2). */
static enum skb_drop_reason tcp_step_syn(struct sock *sk)
{
    NET_INC_STATS(sock_net(sk), TcpExtTCPSYNChallenge);
    tcp_send_challenge_ack(sk);
    return SKB_DROP_REASON_TCP_INVALID_SYN;
}

/* The first four steps: SKB_NOT_DROPPED_YET, or the segment is to be dropped for this reason. */
static enum skb_drop_reason tcp_validate_incoming(struct sock *sk, const struct tcp_seg *seg)
{
    if (tcp_paws_reject(tcp_sk(sk), seg)) { /* RFC 7323 5.3 R1 */
        NET_INC_STATS(sock_net(sk), TcpExtPAWSEstab);
        tcp_send_dupack(sk, seg, MIB_TcpExtTCPACKSkippedPAWS);
        return SKB_DROP_REASON_TCP_PAWS;
    }
    if (!tcp_sequence_ok(tcp_sk(sk), seg)) {
        if (seg->flags & TCPHDR_RST)
            return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
        if (seg->flags & TCPHDR_SYN)
            return tcp_step_syn(sk);
        tcp_send_dupack(sk, seg, MIB_TcpExtTCPACKSkippedSeq);
        return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
    }
    if (seg->flags & TCPHDR_RST)
        return tcp_step_rst(sk, seg);
    if (seg->flags & TCPHDR_SYN)
        return tcp_step_syn(sk);
    if (!(seg->flags & TCPHDR_ACK))
        return SKB_DROP_REASON_TCP_NO_ACK;
    return SKB_NOT_DROPPED_YET;
}

/*
 * Sixth, URG, as RFC 6093 leaves it: urgent data stays in the stream, its end is marked and announced
 * (POLLPRI). The pointer is only ever added to the sequence number of the segment that carries it.
 */
static void tcp_step_urg(struct sock *sk, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t end = seg->seq + seg->urg;

    if (!(seg->flags & TCPHDR_URG) || !after(end, tp->copied_seq))
        return;
    if (tp->rcv_urg && !after(end, tp->rcv_up))
        return;
    tp->rcv_up = end;
    tp->rcv_urg = true;
    if (!sk->sk_dead)
        sk->sk_state_change(sk);
}

/* After the ACK of what we sent: more may go out, and writers may have room. */
static void tcp_data_snd_check(struct sock *sk)
{
    tcp_push_pending_frames(sk);
    tcp_check_space(sk);
}

/* tcp_ack() has believed it; one that is older than the last tells nothing. */
static void tcp_count_pure_ack(const struct sock *sk, const struct tcp_seg *seg)
{
    if (seg->seq == seg->end_seq && seg->ack == tcp_sk(sk)->snd_una)
        NET_INC_STATS(sock_net(sk), TcpExtTCPPureAcks);
}

/* --- ESTABLISHED --- */

static uint32_t tcp_seg_pred_flags(const struct tcp_seg *seg)
{
    return (uint32_t)seg->hdr_len << 24 | (uint32_t)(seg->flags & ~TCPHDR_PSH) << 16 | seg->wnd;
}

void tcp_fast_path_check(struct tcp_sock *tp)
{
    if (!skb_queue_empty(&tp->out_of_order_queue) || !tp->rcv_wnd || tp->rcv_urg ||
        tp->sk.sk_state != TCP_ESTABLISHED)
        return;
    if (tp->snd_wnd & ((1u << tp->snd_wscale) - 1)) /* still the unscaled one of the SYN */
        return;
    tp->pred_flags = tcp_header_len(tp) << 24 | TCP_FLAGS_PREDICTED << 16 | (tp->snd_wnd >> tp->snd_wscale);
}

/* Header prediction: in order, only ACK and PSH, window unchanged, and an ACK that is valid. */
static bool tcp_predicted(const struct tcp_sock *tp, const struct tcp_seg *seg)
{
    if (tp->pred_flags != tcp_seg_pred_flags(seg) || seg->seq != tp->rcv_nxt ||
        !between(seg->ack, tp->snd_una, tp->snd_nxt) || seg->len > tcp_receive_window(tp))
        return false;
    /* The length of the options was predicted; that they are a timestamp, and not an old one, is seen here.
     */
    return !tp->tstamp_ok || (seg->saw_tstamp && !before(seg->tsval, tp->ts_recent));
}

/* Data as predicted: takes skb. */
static void tcp_rcv_fast_data(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);

    NET_INC_STATS(sock_net(sk), TcpExtTCPHPHits);
    tcp_replace_ts_recent(tp, seg);
    tcp_ecn_check(tp, seg);
    tcp_rcv_rtt_check(tp, seg);
    tcp_queue_rcv(sk, skb);
    tp->snd_wl1 = seg->seq;
    tp->snd_wl2 = seg->ack;
    if (seg->ack != tp->snd_una) {
        if (tcp_ack(sk, seg)) /* cannot fail: the number was looked at */
            return;
        tcp_data_snd_check(sk);
    }
    tcp_ack_snd_check(sk, seg->flags & TCPHDR_PSH);
    tcp_data_ready(sk);
}

static void tcp_rcv_established_slow(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    enum skb_drop_reason reason = tcp_validate_incoming(sk, seg);

    if (!reason)
        reason = tcp_ack(sk, seg);
    if (reason) {
        kfree_skb_reason(skb, reason);
        return;
    }
    tcp_count_pure_ack(sk, seg);
    tcp_step_urg(sk, seg);
    tcp_ecn_check(tcp_sk(sk), seg);
    if (seg->seq == tcp_sk(sk)->rcv_nxt)
        tcp_rcv_rtt_check(tcp_sk(sk), seg);
    tcp_data_queue(sk, skb);
    if (sk->sk_state == TCP_CLOSE)
        return;
    tcp_data_snd_check(sk);
    tcp_ack_snd_check(sk, seg->flags & (TCPHDR_PSH | TCPHDR_FIN));
}

void tcp_rcv_established(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tcp_predicted(tp, seg)) {
        tcp_rcv_established_slow(sk, skb, seg);
    } else if (seg->len) {
        if (sk->sk_rmem_alloc + skb->truesize > sk->sk_rcvbuf || tcp_under_memory_pressure(tcp_net(sk)))
            tcp_rcv_established_slow(sk, skb, seg);
        else
            tcp_rcv_fast_data(sk, skb, seg);
    } else {
        NET_INC_STATS(sock_net(sk), TcpExtTCPHPAcks);
        consume_skb(skb);
        if (!tcp_ack(sk, seg))
            tcp_data_snd_check(sk);
    }
}

/* --- SYN-SENT (RFC 9293 3.10.7.3) --- */

/* What the peer's SYN says, in either direction of opening. */
static void tcp_learn_syn(struct sock *sk, const struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct tcp_options_received opt;

    tcp_parse_options(skb, seg, &opt);
    tp->irs = seg->seq;
    tp->rcv_nxt = tp->rcv_wup = tp->copied_seq = seg->seq + 1;
    tp->snd_wl1 = seg->seq;
    tp->snd_wl2 = tp->snd_una;
    tp->wscale_ok = opt.wscale_ok && tcp_net(sk)->sysctl_window_scaling;
    if (tp->wscale_ok) {
        tp->snd_wscale = opt.wscale;
    } else { /* RFC 7323 2.2: both or none */
        tp->snd_wscale = tp->rcv_wscale = 0;
        tp->rcv_wnd = min(tp->rcv_wnd, 65535u);
    }
    tp->tstamp_ok = seg->saw_tstamp && tcp_net(sk)->sysctl_timestamps;
    tp->ts_recent = seg->saw_tstamp ? seg->tsval : 0;
    tp->sack_ok = opt.sack_ok && tcp_net(sk)->sysctl_sack;
    tp->mss_clamp = opt.mss ? opt.mss : TCP_MSS_DEFAULT; /* RFC 9293 MUST-15 */
    tp->mss_clamp = (uint16_t)max((int)tp->mss_clamp, tcp_net(sk)->sysctl_min_snd_mss);
    if (sk->sk_dst_cache)
        tcp_sync_mss(sk, sk->sk_dst_cache->mtu);
    else
        tcp_sync_mss(sk, tp->pmtu_cookie);
    tcp_initialize_rcv_mss(tp);
}

void tcp_finish_connect(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tcp_set_state(sk, TCP_ESTABLISHED);
    tcp_fastopen_end(tp, false);
    if (tp->syn_retransmitted && !tp->srtt_us) {
        tp->rto_ms = min(TCP_TIMEOUT_FALLBACK, tcp_rto_max(tp));
        tp->backoff = 0;
    }
    tcp_init_congestion_control(sk);
    tcp_rcv_space_init(tp);
    tp->ca_state = TCP_CA_Open;
    tp->high_seq = tp->iss;
    tp->last_ack_ms = tp->opened_ms = ktime_get_ms();
    tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
    tcp_fast_path_check(tp);
    tcp_reset_keepalive_timer(sk);
    if (!sk->sk_dead)
        sk->sk_state_change(sk);
}

/* Both have sent a SYN (RFC 9293 3.5, figure 8): ours goes again, with an ACK. */
static void tcp_simultaneous_open(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *syn = skb_peek(&sk->sk_write_queue);

    tcp_set_state(sk, TCP_SYN_RECV);
    tp->snd_wnd = tp->max_window = seg->wnd;
    TCP_SKB_CB(syn)->flags |= TCPHDR_ACK;
    tcp_ecn_rcv_crossed_syn(tp, seg, TCP_SKB_CB(syn));
    if (tcp_retransmit_skb(sk, syn))
        NET_INC_STATS(sock_net(sk), TcpExtTCPRetransFail);
    tp->syn_data = tcp_syn_data_keep(sk, skb); /* for when the connection stands */
}

/* Takes skb. */
static void tcp_synsent_syn(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    tcp_learn_syn(sk, skb, seg);
    if (!(seg->flags & TCPHDR_ACK)) {
        tcp_simultaneous_open(sk, skb, seg);
        return;
    }
    tcp_ecn_rcv_synack(tcp_sk(sk), seg);
    enum skb_drop_reason reason = tcp_ack(sk, seg);
    if (reason) {
        kfree_skb_reason(skb, reason);
        return;
    }
    tcp_finish_connect(sk);
    tcp_step_urg(sk, seg);
    tcp_data_queue(sk, skb); /* text with a SYN-ACK is as good as any (3.10.7.3 fourth) */
    tcp_send_ack(sk);
    tcp_data_snd_check(sk);
}

static void tcp_rcv_synsent(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);
    enum skb_drop_reason reason = SKB_DROP_REASON_TCP_FLAGS;
    bool acks = seg->flags & TCPHDR_ACK;

    if (acks && (!after(seg->ack, tp->iss) || after(seg->ack, tp->snd_nxt))) {
        reason = SKB_DROP_REASON_TCP_INVALID_ACK;
        if (!(seg->flags & TCPHDR_RST))
            tp->af_ops->send_reset(skb, seg);
    } else if (seg->flags & TCPHDR_RST) {
        reason = SKB_DROP_REASON_TCP_RESET;
        if (acks)
            tcp_reset(sk);
    } else if (seg->flags & TCPHDR_SYN) {
        tcp_synsent_syn(sk, skb, seg);
        return;
    }
    kfree_skb_reason(skb, reason);
}

/* --- LISTEN (3.10.7.2) --- */

static void tcp_rcv_listen(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (seg->flags & TCPHDR_RST) {
        kfree_skb_reason(skb, SKB_DROP_REASON_TCP_RESET);
    } else if (seg->flags & TCPHDR_ACK) {
        if (!(seg->flags & TCPHDR_SYN) && tp->af_ops->cookie_ack(sk, skb, seg))
            return;
        tp->af_ops->send_reset(skb, seg);
        kfree_skb_reason(skb, SKB_DROP_REASON_TCP_LISTEN);
    } else if (seg->flags & TCPHDR_SYN) {
        tp->af_ops->conn_request(sk, skb, seg);
    } else {
        kfree_skb_reason(skb, SKB_DROP_REASON_TCP_LISTEN);
    }
}

/* --- the synchronised states (3.10.7.4) --- */

/* Fifth, ACK, in SYN-RECEIVED: ours is acknowledged, the connection stands. */
static enum skb_drop_reason tcp_ack_in_syn_recv(struct sock *sk, struct sk_buff *skb,
                                                const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!after(seg->ack, tp->snd_una) || after(seg->ack, tp->snd_nxt)) {
        tp->af_ops->send_reset(skb, seg);
        return SKB_DROP_REASON_TCP_INVALID_ACK;
    }
    enum skb_drop_reason reason = tcp_ack(sk, seg);
    if (reason)
        return reason;
    tcp_finish_connect(sk);
    if (unlikely(tp->packets_out && tp->syn_retransmitted))
        tcp_fastopen_resend(sk);
    if (unlikely(tp->syn_data))
        tcp_syn_data_deliver(sk, seg);
    return SKB_NOT_DROPPED_YET;
}

static bool tcp_fin_acked(const struct tcp_sock *tp)
{
    return tp->snd_una == tp->write_seq && !tp->fin_pending;
}

/* Fifth, ACK, in the other states: has our FIN arrived? The connection may be over afterwards. */
static enum skb_drop_reason tcp_step_ack(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    if (sk->sk_state == TCP_SYN_RECV)
        return tcp_ack_in_syn_recv(sk, skb, seg);
    enum skb_drop_reason reason = tcp_ack(sk, seg);
    if (unlikely(tcp_sk(sk)->fastopen_rsk) && tcp_sk(sk)->snd_una != tcp_sk(sk)->iss)
        tcp_fastopen_end(tcp_sk(sk), false); /* closed before the handshake was over */
    if (reason || !tcp_fin_acked(tcp_sk(sk)))
        return reason;
    switch ((enum tcp_state)sk->sk_state) {
    case TCP_FIN_WAIT1:
        tcp_set_state(sk, TCP_FIN_WAIT2);
        if (!sk->sk_dead)
            sk->sk_state_change(sk); /* whoever lingers in close() may go */
        break;
    case TCP_CLOSING:
        tcp_time_wait(sk, TCP_TIME_WAIT);
        break;
    case TCP_LAST_ACK:
        tcp_done(sk);
        break;
    case TCP_ESTABLISHED:
    case TCP_SYN_SENT:
    case TCP_SYN_RECV:
    case TCP_FIN_WAIT2:
    case TCP_TIME_WAIT:
    case TCP_CLOSE:
    case TCP_CLOSE_WAIT:
    case TCP_LISTEN:
    case TCP_NEW_SYN_RECV:
    case TCP_MAX_STATES:
        break;
    }
    return SKB_NOT_DROPPED_YET;
}

/* New data for an application that will never read it: say so (RFC 9293 3.6.1, SHLD-3). */
static bool tcp_data_after_close(const struct sock *sk, const struct tcp_seg *seg)
{
    uint32_t fin = seg->flags & TCPHDR_FIN ? 1 : 0;

    return sk->sk_shutdown & RCV_SHUTDOWN && seg->len && after(seg->end_seq - fin, tcp_sk(sk)->rcv_nxt);
}

/*
 * A RST for this segment: from where the peer stands, which it believes at once (RFC 5961 3.2), however much
 * of ours is still on its way.
 */
static void tcp_abort_for(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct tcp_seg there = *seg;

    if (before(there.ack, tcp_sk(sk)->snd_una))
        there.ack = tcp_sk(sk)->snd_una;
    tcp_sk(sk)->af_ops->send_reset(skb, &there);
    tcp_write_queue_purge(sk);
    sk->sk_err = ECONNRESET;
    tcp_done(sk);
}

/* Seventh and eighth, text and FIN: takes skb. */
static void tcp_step_text(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    switch ((enum tcp_state)sk->sk_state) {
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
        if (tcp_data_after_close(sk, seg)) {
            NET_INC_STATS(sock_net(sk), TcpExtTCPAbortOnData);
            tcp_abort_for(sk, skb, seg);
            kfree_skb_reason(skb, SKB_DROP_REASON_TCP_CLOSED);
            return;
        }
        tcp_data_queue(sk, skb);
        return;
    case TCP_ESTABLISHED:
        tcp_data_queue(sk, skb);
        return;
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK: /* behind a FIN there is nothing */
    case TCP_SYN_SENT:
    case TCP_SYN_RECV:
    case TCP_TIME_WAIT:
    case TCP_CLOSE:
    case TCP_LISTEN:
    case TCP_NEW_SYN_RECV:
    case TCP_MAX_STATES:
        break;
    }
    if (seg->len)
        kfree_skb_reason(skb, SKB_DROP_REASON_TCP_CLOSED);
    else
        consume_skb(skb);
}

/* In a simultaneous open the peer's SYN-ACK repeats the SYN we have: only its ACK is news. */
static void tcp_strip_known_syn(struct sock *sk, struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (sk->sk_state != TCP_SYN_RECV ||
        (seg->flags & (TCPHDR_SYN | TCPHDR_ACK)) != (TCPHDR_SYN | TCPHDR_ACK) ||
        seg->seq + 1 != tp->rcv_nxt || seg->ack != tp->snd_nxt)
        return;
    tcp_ecn_rcv_synack(tp, seg);
    seg->flags &= (uint8_t) ~(TCPHDR_SYN | TCPHDR_ECE); /* ECE of a SYN is no echo */
    seg->seq++;
}

static void tcp_rcv_synchronised(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *received)
{
    struct tcp_seg seg = *received;

    if (unlikely(tcp_sk(sk)->fastopen_rsk) && tcp_fastopen_syn_again(sk, received)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_TCP_INVALID_SYN);
        return;
    }
    tcp_strip_known_syn(sk, &seg);
    enum skb_drop_reason reason = tcp_validate_incoming(sk, &seg);
    if (!reason)
        reason = tcp_step_ack(sk, skb, &seg);
    if (reason) {
        kfree_skb_reason(skb, reason);
        return;
    }
    if (sk->sk_state == TCP_CLOSE) {
        consume_skb(skb);
        return;
    }
    tcp_count_pure_ack(sk, &seg);
    tcp_step_urg(sk, &seg);
    tcp_ecn_check(tcp_sk(sk), &seg);
    tcp_step_text(sk, skb, &seg);
    if (sk->sk_state == TCP_CLOSE)
        return;
    tcp_data_snd_check(sk);
    tcp_ack_snd_check(sk, seg.flags & (TCPHDR_PSH | TCPHDR_FIN));
    if (sk->sk_state != TCP_FIN_WAIT2 || !sk->sk_dead)
        return;
    if (tcp_sk(sk)->linger2_s < 0) { /* TCP_LINGER2: not even that */
        NET_INC_STATS(sock_net(sk), TcpExtTCPAbortOnLinger);
        tcp_abort(sk, ECONNRESET);
    } else {
        tcp_time_wait(sk, TCP_FIN_WAIT2); /* nobody will read: a small object waits for the FIN */
    }
}

void tcp_rcv_state_process(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    switch ((enum tcp_state)sk->sk_state) {
    case TCP_LISTEN:
        tcp_rcv_listen(sk, skb, seg);
        return;
    case TCP_SYN_SENT:
        tcp_rcv_synsent(sk, skb, seg);
        return;
    case TCP_ESTABLISHED:
    case TCP_SYN_RECV:
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSE_WAIT:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        tcp_rcv_synchronised(sk, skb, seg);
        return;
    case TCP_CLOSE: /* 3.10.7.1 */
        tcp_sk(sk)->af_ops->send_reset(skb, seg);
        break;
    case TCP_TIME_WAIT: /* these are no full sockets */
    case TCP_NEW_SYN_RECV:
    case TCP_MAX_STATES:
        break;
    }
    kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
}
