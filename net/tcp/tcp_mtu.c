/*
 * tcp_mtu.c - the path has become narrower: what was sent too long is lost, and sent again in shorter
 * segments.
 *
 * Called by tcp_ipv4.c when a router has said so (ICMP "fragmentation needed", RFC 1191) and the MSS has
 * fallen. That a router cannot forward a segment says nothing about congestion (RFC 1191 6.4): the windows
 * stay as they are, and all of it goes again as far as they allow.
 */
#include "net/tcp/tcp_internal.h"

/* Of a train every segment was too long, but for the last, perhaps. Return: false if there is none. */
static bool tcp_mark_too_long(struct sock *sk, uint32_t mss)
{
    struct tcp_sock *tp = tcp_sk(sk);
    bool any = false;

    for (struct sk_buff *skb = skb_peek(&sk->sk_write_queue); skb && skb != tp->send_head;
         skb = skb_queue_next(&sk->sk_write_queue, skb)) {
        if (skb->len <= mss || TCP_SKB_CB(skb)->sacked & TCPCB_SACKED)
            continue;
        any = true;
        if (!tp->sack_ok)
            break;
        tcp_mark_lost(sk, skb);
    }
    return any;
}

/**
 * tcp_simple_retransmit - the MSS has fallen: sends again what in flight is longer, without a reduction
 *
 * Without SACK there is no scoreboard, and all that is under way counts as lost, as after a time-out.
 */
void tcp_simple_retransmit(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tcp_mark_too_long(sk, tp->mss_cache))
        return;
    if (tp->ca_state == TCP_CA_Recovery && !tp->sack_ok)
        tp->snd_cwnd = tp->snd_ssthresh; /* duplicate ACKs had inflated it */
    if (tp->ca_state < TCP_CA_Recovery || !tp->sack_ok) {
        tp->ca_state = TCP_CA_Loss;
        tp->high_seq = tp->snd_nxt;
        tp->undo_active = tp->frto = tp->tlp_pending = false; /* nothing was taken that could be given back */
    }
    tp->retrans_high = tp->snd_una;
    tp->retrans_hint = NULL;
    tp->dupacks = 0;
    if (tp->sack_ok)
        tcp_xmit_lost(sk);
    else
        tcp_xmit_loss(sk);
    tcp_rearm_rto(sk);
}
