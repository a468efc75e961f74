/*
 * tcp_ecn.c - explicit congestion notification (RFC 3168): a router marks a packet instead of dropping it.
 *
 *     sender:    data with ECT(0) --> router: CE --> receiver
 *     receiver:  every ACK with ECE, until ...
 *     sender:    ... the window is reduced, and the next new data says CWR
 *
 * Both ends must have agreed on their SYNs. The code point of a connection's next datagram is sock.inet_ecn,
 * which ip_queue_xmit() puts below the DSCP that the application chose by IP_TOS. tcp_output.c asks here
 * for every segment of such a connection, tcp_input.c tells of every data segment, tcp_ack.c of every ECE.
 * Connections without ECN pay for one test of ecn_flags.
 */
#include "net/tcp/tcp_internal.h"

#define TCPHDR_ECN_SETUP (TCPHDR_ECE | TCPHDR_CWR)

/* --- agreeing (RFC 3168 6.1.1) --- */

/* Our SYN is about to be queued. */
void tcp_ecn_send_syn(struct sock *sk, struct tcp_skb_cb *cb)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->ecn_flags = 0;
    sk->inet_ecn = INET_ECN_NOT_ECT;
    if (tcp_net(sk)->sysctl_ecn != TCP_ECN_SYSCTL_ASK)
        return;
    cb->flags |= TCPHDR_ECN_SETUP;
    tp->ecn_flags = TCP_ECN_OK;
}

/*
 * Nobody has answered our SYN: it may have met a box that drops what it does not know, so it goes again
 * without (6.1.1.1). Having said both we must not send ECT any more, but if the answer to the first one comes
 * after all, the peer will, and its marks are to be echoed (6.1.1).
 */
void tcp_ecn_resend_syn(struct sock *sk, struct tcp_skb_cb *cb)
{
    if (!(cb->flags & TCPHDR_ECE) || cb->flags & TCPHDR_ACK || !tcp_net(sk)->sysctl_ecn_fallback)
        return;
    cb->flags &= 0xff & ~TCPHDR_ECN_SETUP;
    tcp_sk(sk)->ecn_flags |= TCP_ECN_SILENT;
}

/* The peer's SYN crossed ours, which becomes a SYN-ACK: `cb`. */
void tcp_ecn_rcv_crossed_syn(struct tcp_sock *tp, const struct tcp_seg *seg, struct tcp_skb_cb *cb)
{
    if ((seg->flags & TCPHDR_ECN_SETUP) != TCPHDR_ECN_SETUP || seg->ecn != INET_ECN_NOT_ECT)
        tp->ecn_flags = 0;
    cb->flags &= 0xff & ~TCPHDR_ECN_SETUP;
    if ((tp->ecn_flags & (TCP_ECN_OK | TCP_ECN_SILENT)) == TCP_ECN_OK)
        cb->flags |= TCPHDR_ECE;
}

/* ECE alone agrees. A peer that sends back both bits only mirrors what it got: it knows nothing of ECN. */
void tcp_ecn_rcv_synack(struct tcp_sock *tp, const struct tcp_seg *seg)
{
    if ((seg->flags & TCPHDR_ECN_SETUP) != TCPHDR_ECE)
        tp->ecn_flags = 0;
}

/*
 * A listener has got a SYN. One that carries ECT itself (forbidden by 6.1.1) has gone through something that
 * writes over these bits: ECN cannot work there.
 */
void tcp_ecn_rcv_syn(const struct netns_tcp *tn, struct request_sock *req, const struct tcp_seg *seg)
{
    req->ecn_ok =
        tn->sysctl_ecn && (seg->flags & TCPHDR_ECN_SETUP) == TCPHDR_ECN_SETUP && seg->ecn == INET_ECN_NOT_ECT;
}

/* --- sending --- */

/*
 * The code point and the flags of one segment, whose header is written. Only data that goes out for the first
 * time is ECT: the loss of all else would go unnoticed, and so would its marks (6.1.4 pure ACKs, 6.1.5
 * retransmissions, 6.1.6 window probes).
 */
void tcp_ecn_send(struct sock *sk, const struct tcp_skb_cb *cb, struct tcphdr *th, unsigned len)
{
    struct tcp_sock *tp = tcp_sk(sk);

    sk->inet_ecn = INET_ECN_NOT_ECT;
    if (cb->flags & (TCPHDR_SYN | TCPHDR_RST))
        return;
    if (len && !before(cb->seq, tp->snd_nxt)) {
        if (!(tp->ecn_flags & TCP_ECN_SILENT))
            sk->inet_ecn = INET_ECN_ECT_0;
        if (tp->ecn_flags & TCP_ECN_QUEUE_CWR) { /* 6.1.2: the first new data after the reduction */
            tp->ecn_flags &= (uint8_t)~TCP_ECN_QUEUE_CWR;
            th->flags |= TCPHDR_CWR;
        }
    }
    if (tp->ecn_flags & TCP_ECN_DEMAND_CWR)
        th->flags |= TCPHDR_ECE; /* 6.1.3: on every ACK, and all segments are */
}

/* --- receiving (6.1.3) --- */

/* A data segment, acceptable, not queued yet. */
void tcp_ecn_rcv_data(struct tcp_sock *tp, const struct tcp_seg *seg)
{
    uint8_t was = tp->ecn_flags;

    if (seg->flags & TCPHDR_CWR)
        tp->ecn_flags &= (uint8_t)~TCP_ECN_DEMAND_CWR; /* a CE in the same segment is a new one */
    if (seg->ecn != INET_ECN_NOT_ECT && after(seg->end_seq, tp->rcv_nxt)) { /* else it is a copy: 6.1.5 */
        tp->ecn_flags |= TCP_ECN_SEEN;
        if (seg->ecn == INET_ECN_CE)
            tp->ecn_flags |= TCP_ECN_DEMAND_CWR;
    }
    /* Who has reduced its window to a segment or two waits for this ACK; who has not should hear it now. */
    if ((was ^ tp->ecn_flags) & TCP_ECN_DEMAND_CWR || seg->flags & TCPHDR_CWR)
        tp->ack_pending |= TCP_ACK_SCHED | TCP_ACK_NOW;
}

/* --- reducing (6.1.2) --- */

/* The window has just been reduced, for whatever reason: no ECE matters until this window of data is over. */
void tcp_ecn_reduced(struct tcp_sock *tp)
{
    if (!(tp->ecn_flags & TCP_ECN_OK))
        return;
    tp->ecn_flags |= TCP_ECN_QUEUE_CWR | TCP_ECN_REDUCED;
    tp->cwr_end_seq = tp->snd_nxt;
}

/* The reduction was a mistake and is taken back. */
void tcp_ecn_undo(struct tcp_sock *tp)
{
    tp->ecn_flags &= (uint8_t) ~(TCP_ECN_QUEUE_CWR | TCP_ECN_REDUCED);
}

static void tcp_enter_cwr(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->cwr_limit = tp->snd_cwnd;
    tp->snd_ssthresh = tp->ca_ops->ssthresh(sk);
    tp->snd_cwnd_cnt = 0;
    tp->prr_delivered = tp->prr_out = 0;
    tp->prr_flight = max(tp->snd_nxt - tp->snd_una, 1u);
    tp->ca_state = TCP_CA_CWR;
    tcp_ecn_reduced(tp);
}

/* A window that was below the threshold, after a loss, is not raised by congestion. */
static void tcp_end_cwr(struct tcp_sock *tp)
{
    tp->snd_cwnd = max(min(tp->snd_ssthresh, tp->cwr_limit), tp->mss_cache);
    tp->snd_cwnd_cnt = 0;
    tp->ca_state = TCP_CA_Open;
}

/*
 * An ACK, before it is taken into account, that carries ECE or comes while TCP_ECN_REDUCED stands. That ends
 * when something is acknowledged that was sent after the reduction: it brought CWR, so an ECE then is news.
 */
void tcp_ecn_rcv_ack(struct sock *sk, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->ecn_flags & TCP_ECN_REDUCED && after(seg->ack, tp->cwr_end_seq)) {
        tp->ecn_flags &= (uint8_t)~TCP_ECN_REDUCED;
        if (tp->ca_state == TCP_CA_CWR)
            tcp_end_cwr(tp);
    }
    if (!(tp->ecn_flags & TCP_ECN_OK) || (seg->flags & (TCPHDR_ECE | TCPHDR_SYN)) != TCPHDR_ECE)
        return;
    tp->undo_active = false; /* if nothing was lost, there is congestion all the same */
    if (!(tp->ecn_flags & TCP_ECN_REDUCED) && tp->ca_state < TCP_CA_CWR && tp->packets_out)
        tcp_enter_cwr(sk);
}

/* `segs` segments arrived, of which one or more with a mark. */
void tcp_ecn_count_delivered(struct sock *sk, uint32_t segs)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!(tp->ecn_flags & TCP_ECN_OK))
        return;
    tp->delivered_ce += segs;
    NET_ADD_STATS(sock_net(sk), TcpExtTCPDeliveredCE, segs);
}

/* One ACK in CWR: the window shrinks as fast as data arrives (RFC 6937), so that sending never stops. */
void tcp_cwr_ack(struct tcp_sock *tp, const struct tcp_ack_state *st)
{
    tcp_prr(tp, st);
    tp->snd_cwnd = min(tp->snd_cwnd, tp->cwr_limit);
}
