/*
 * tcp_ofo.c - reassembly: text that came before the text in front of it.
 *
 * out_of_order_queue is ordered by sequence number and never overlaps. The byte that came first stays: a
 * later segment only fills the gaps, so that what the application reads does not depend on what a second,
 * different copy says. New text mostly belongs at the end, when only one segment was lost; else a red-black
 * tree over the same buffers tells the place, so that a stranger's worst order costs him more than us. The
 * queue is bounded by the receive buffer in true sizes (CVE-2018-5390); short neighbours share a buffer.
 */
#include "net/tcp/tcp_internal.h"

/* What a repacked buffer may cost, at most. */
#define TCP_OFO_REPACK_COST 8192u

static void tcp_ofo_unlink(struct tcp_sock *tp, struct sk_buff *skb)
{
    rb_erase(&tp->ofo_root, &TCP_SKB_CB(skb)->ofo_node);
    skb_unlink(&tp->out_of_order_queue, skb);
}

void tcp_ofo_purge(struct sock *sk, enum skb_drop_reason reason)
{
    tcp_sk(sk)->ofo_root.node = NULL;
    tcp_sk(sk)->num_sacks = 0;
    tcp_sk(sk)->ofo_fresh = 0;
    skb_queue_purge(&tcp_sk(sk)->out_of_order_queue, reason);
}

bool tcp_ofo_prune(struct sock *sk, uint32_t seq)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *last = skb_peek_tail(&tp->out_of_order_queue);

    if (!last || !after(TCP_SKB_CB(last)->seq, seq))
        return false;
    NET_INC_STATS(sock_net(sk), TcpExtOfoPruned);
    tcp_sack_cut(tp, TCP_SKB_CB(last)->seq);
    tcp_ofo_unlink(tp, last);
    kfree_skb_reason(last, SKB_DROP_REASON_TCP_OFO_DROP);
    return true;
}

/*
 * Room for skb, at the cost of text further away than it. What fills the hole in front needs none: it is
 * about to leave with what lies behind it, which the peer has been told of and would have to send again.
 */
static bool tcp_ofo_make_room(struct sock *sk, const struct sk_buff *skb)
{
    const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    return (cb->seq == tcp_sk(sk)->rcv_nxt && sk->sk_rmem_alloc <= tcp_rcv_limit(sk)) ||
           tcp_rmem_schedule(sk, cb->seq, skb->truesize);
}

/* Cuts off the front up to `seq` (linear skb). */
static void tcp_ofo_trim_left(struct sk_buff *skb, uint32_t seq)
{
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    skb_pull(skb, min(seq - cb->seq, skb->len));
    cb->seq = seq;
}

/* The part in front of `seq` as an skb of its own; NULL without memory. */
static struct sk_buff *tcp_ofo_front(struct sk_buff *skb, uint32_t seq)
{
    struct sk_buff *front = skb_clone(skb);

    if (!front)
        return NULL;
    skb_trim(front, seq - TCP_SKB_CB(skb)->seq);
    *TCP_SKB_CB(front) = *TCP_SKB_CB(skb);
    TCP_SKB_CB(front)->end_seq = seq;
    TCP_SKB_CB(front)->flags &= (uint8_t)~TCPHDR_FIN;
    return front;
}

static void tcp_ofo_link(struct sock *sk, struct sk_buff *prev, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tcp_try_coalesce(sk, prev, skb))
        return;
    /* A run of short neighbours has begun: the next of them find room in this one. */
    if (prev && TCP_SKB_CB(prev)->end_seq == TCP_SKB_CB(skb)->seq &&
        sk->sk_rmem_alloc + TCP_OFO_REPACK_COST <= sk->sk_rcvbuf)
        skb = tcp_repack_short(sk, skb);
    tp->ofo_fresh += skb->truesize;
    tcp_set_owner_r(skb, sk);
    rb_insert_after(&tp->ofo_root, prev ? &TCP_SKB_CB(prev)->ofo_node : NULL, &TCP_SKB_CB(skb)->ofo_node);
    if (prev)
        skb_queue_after(&tp->out_of_order_queue, prev, skb);
    else
        skb_queue_front(&tp->out_of_order_queue, skb);
}

static struct sk_buff *tcp_ofo_skb(struct rb_node *node)
{
    return container_of((void *)rb_entry(node, struct tcp_skb_cb, ofo_node), struct sk_buff, cb);
}

/* The last one that starts at or before `seq`, or NULL. */
static struct sk_buff *tcp_ofo_find(struct tcp_sock *tp, uint32_t seq)
{
    struct sk_buff *tail = skb_peek_tail(&tp->out_of_order_queue), *found = NULL;

    if (tail && !after(TCP_SKB_CB(tail)->seq, seq))
        return tail;
    for (struct rb_node *node = tp->ofo_root.node; node;) {
        struct sk_buff *skb = tcp_ofo_skb(node);
        if (after(TCP_SKB_CB(skb)->seq, seq)) {
            node = node->left;
        } else {
            found = skb;
            node = node->right;
        }
    }
    return found;
}

/*
 * What of `again` had come before as `first` is told by D-SACK: no byte more (RFC 2883 4). Of several pieces
 * apart the first is told.
 */
static void tcp_ofo_dsack(struct sock *sk, const struct tcp_skb_cb *first, const struct tcp_skb_cb *again)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t seq = after(first->seq, again->seq) ? first->seq : again->seq;
    uint32_t end_seq = before(first->end_seq, again->end_seq) ? first->end_seq : again->end_seq;

    if (!tp->dsack_pending)
        tcp_dsack_set(sk, seq, end_seq);
    else if (seq == tp->duplicate_sack.end_seq)
        tp->duplicate_sack.end_seq = end_seq;
}

/*
 * Puts skb's bytes into the gaps from `prev` on: takes skb. Return: up to where all of them are queued now,
 * which without memory may be nowhere.
 */
static uint32_t tcp_ofo_fill_gaps(struct sock *sk, struct sk_buff *prev, struct sk_buff *skb)
{
    struct sk_buff_head *queue = &tcp_sk(sk)->out_of_order_queue;
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
    uint32_t end_seq = cb->end_seq;

    for (;;) {
        struct sk_buff *next = prev ? skb_queue_next(queue, prev) : skb_peek(queue);
        /* Only what has to be cut must lie in one piece: mostly it is the text after the last, uncut. */
        bool overlaps = (prev && after(TCP_SKB_CB(prev)->end_seq, cb->seq)) ||
                        (next && before(TCP_SKB_CB(next)->seq, cb->end_seq));
        if (overlaps && skb_linearize(skb)) {
            end_seq = cb->seq;
            kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
            return end_seq;
        }
        if (prev && after(TCP_SKB_CB(prev)->end_seq, cb->seq)) {
            NET_INC_STATS(sock_net(sk), TcpExtTCPOFOMerge);
            tcp_ofo_dsack(sk, TCP_SKB_CB(prev), cb);
            if (!before(TCP_SKB_CB(prev)->end_seq, cb->end_seq)) {
                kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFO_OVERLAP);
                return end_seq;
            }
            tcp_ofo_trim_left(skb, TCP_SKB_CB(prev)->end_seq);
        }
        if (!next || !before(TCP_SKB_CB(next)->seq, cb->end_seq)) {
            tcp_ofo_link(sk, prev, skb);
            return end_seq;
        }
        if (before(cb->seq, TCP_SKB_CB(next)->seq)) {
            struct sk_buff *front = tcp_ofo_front(skb, TCP_SKB_CB(next)->seq);
            if (!front) {
                end_seq = cb->seq;
                kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
                return end_seq;
            }
            tcp_ofo_link(sk, prev, front);
        }
        prev = next;
    }
}

void tcp_ofo_insert(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->pred_flags = 0;
    skb_dst_drop(skb);
    if (!tcp_ofo_make_room(sk, skb)) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPOFODrop);
        kfree_skb_reason(skb, SKB_DROP_REASON_TCP_OFO_DROP);
        return;
    }
    NET_INC_STATS(sock_net(sk), TcpExtTCPOFOQueue);
    uint32_t seq = TCP_SKB_CB(skb)->seq, reached = tcp_ofo_fill_gaps(sk, tcp_ofo_find(tp, seq), skb);
    /* Only what is queued is told: the peer may forget what it is told we have (RFC 2018 4). */
    if (tp->sack_ok && after(seq, tp->rcv_nxt) && after(reached, seq))
        tcp_sack_new(tp, seq, reached);
}

void tcp_ofo_drain(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb;

    while ((skb = skb_peek(&tp->out_of_order_queue)) && !after(TCP_SKB_CB(skb)->seq, tp->rcv_nxt)) {
        bool fin = TCP_SKB_CB(skb)->flags & TCPHDR_FIN;
        tcp_ofo_unlink(tp, skb);
        skb_orphan(skb); /* tcp_queue_rcv() charges it anew */
        tcp_queue_rcv(sk, skb);
        if (fin) {
            tcp_fin(sk); /* purges what lies behind */
            return;
        }
    }
    tcp_sack_advance(tp);
}
