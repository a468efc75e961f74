/*
 * tcp_prune.c - room in a receive buffer that is full, or that has to shrink for others.
 *
 * First without loss: text that lies thinly in large buffers moves together into few full ones (collapsing).
 * Then what lies beyond a hole goes, the furthest first, and is no longer told in SACK blocks: a peer keeps
 * what is not acknowledged by number (RFC 2018 8), so reneging costs time and never data. What has been
 * acknowledged by number is never given up (RFC 9293 3.8.6).
 *
 * A peer chooses what it sends, so each step is paid for by what came since the last one: the queue is walked
 * again only when an eighth of the buffer is new, and what is thrown away is an eighth at least
 * (CVE-2018-5390).
 */
#include "net/tcp/tcp_internal.h"

/* Text per collapsed buffer: such that one page holds it. */
#define TCP_COLLAPSE_ROOM ((PAGE_SIZE - (uint32_t)sizeof(struct skb_shared_info)) & ~15u)

/* --- collapsing --- */

/* Buffers whose text is without a gap and fits into one. */
struct tcp_run {
    struct sk_buff *last;
    unsigned count;
    uint32_t len, cost;
};

static struct tcp_run tcp_run_at(const struct sk_buff_head *queue, struct sk_buff *skb)
{
    struct tcp_run run = {.last = skb};

    for (; skb && skb->len <= TCP_COLLAPSE_ROOM - run.len; skb = skb_queue_next(queue, skb)) {
        const struct tcp_skb_cb *before_it = TCP_SKB_CB(run.last);
        if (run.count && (before_it->end_seq != TCP_SKB_CB(skb)->seq || before_it->flags & TCPHDR_FIN))
            break;
        run.last = skb;
        run.count++;
        run.len += skb->len;
        run.cost += skb->truesize;
    }
    return run;
}

/* The text of a run, in one new buffer; NULL if that saves less than a quarter, or without memory. */
static struct sk_buff *tcp_run_copy(struct sock *sk, const struct sk_buff_head *queue, struct sk_buff *first,
                                    const struct tcp_run *run)
{
    struct sk_buff *full = alloc_skb(sock_net(sk), run->len);

    if (!full)
        return NULL;
    if (full->truesize > run->cost - run->cost / 4) {
        consume_skb(full);
        return NULL;
    }
    unsigned left = run->count;
    for (struct sk_buff *skb = first; left--; skb = skb_queue_next(queue, skb))
        if (skb_copy_bits(skb, 0, skb_put(full, skb->len), skb->len)) {
            consume_skb(full);
            return NULL;
        }
    *TCP_SKB_CB(full) = *TCP_SKB_CB(first);
    TCP_SKB_CB(full)->end_seq = TCP_SKB_CB(run->last)->end_seq;
    TCP_SKB_CB(full)->flags |= TCP_SKB_CB(run->last)->flags & TCPHDR_FIN;
    full->tstamp = first->tstamp;
    return full;
}

/* Puts one buffer in the place of a run. `root` is the queue's tree, or NULL. */
static void tcp_run_replace(struct sock *sk, struct sk_buff_head *queue, struct rb_root *root,
                            struct sk_buff *first, const struct tcp_run *run, struct sk_buff *full)
{
    struct sk_buff *skb = first, *next;

    skb_queue_after(queue, run->last, full);
    if (root)
        rb_insert_after(root, &TCP_SKB_CB(run->last)->ofo_node, &TCP_SKB_CB(full)->ofo_node);
    for (; skb != full; skb = next) {
        next = skb->next;
        if (root)
            rb_erase(root, &TCP_SKB_CB(skb)->ofo_node);
        skb_unlink(queue, skb);
        consume_skb(skb);
    }
    tcp_set_owner_r(full, sk);
    NET_ADD_STATS(sock_net(sk), TcpExtTCPRcvCollapsed, run->count);
}

static void tcp_collapse(struct sock *sk, struct sk_buff_head *queue, struct rb_root *root,
                         struct sk_buff *skb)
{
    while (skb) {
        struct tcp_run run = tcp_run_at(queue, skb);
        struct sk_buff *next = skb_queue_next(queue, run.last);
        struct sk_buff *full = run.count ? tcp_run_copy(sk, queue, skb, &run) : NULL;
        if (full)
            tcp_run_replace(sk, queue, root, skb, &run, full);
        skb = next;
    }
}

/* What came since the last time, and the buffer that was the last then. */
static void tcp_collapse_receive_queue(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue), *from = tail;

    if (!tail)
        return;
    if (!between(tp->rcvq_collapsed, tp->copied_seq, tp->rcv_nxt))
        tp->rcvq_collapsed = tp->copied_seq;
    while (from != skb_peek(&sk->sk_receive_queue) && after(TCP_SKB_CB(from)->seq, tp->rcvq_collapsed))
        from = from->prev;
    tcp_collapse(sk, &sk->sk_receive_queue, NULL, from);
    tp->rcvq_collapsed = TCP_SKB_CB(skb_peek_tail(&sk->sk_receive_queue))->seq;
}

static void tcp_collapse_ofo_queue(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->ofo_fresh < sk->sk_rcvbuf / 8)
        return;
    tp->ofo_fresh = 0;
    tcp_collapse(sk, &tp->out_of_order_queue, &tp->ofo_root, skb_peek(&tp->out_of_order_queue));
}

/* --- throwing away --- */

static bool tcp_rcv_short(const struct sock *sk, uint32_t need)
{
    uint32_t limit = tcp_rcv_limit(sk);

    return sk->sk_rmem_alloc > limit || need > limit - sk->sk_rmem_alloc;
}

/* An eighth of the buffer at once, so that it is some time until the next call. */
static void tcp_shed_ofo(struct sock *sk, uint32_t seq, uint32_t need)
{
    uint32_t before_it = sk->sk_rmem_alloc;

    while (tcp_rcv_short(sk, need) || before_it - sk->sk_rmem_alloc < sk->sk_rcvbuf / 8)
        if (!tcp_ofo_prune(sk, seq))
            return;
}

/* Room for `need` bytes more, at the cost of text that begins beyond `seq`: false if there is none. */
static bool tcp_prune_queue(struct sock *sk, uint32_t seq, uint32_t need)
{
    NET_INC_STATS(sock_net(sk), TcpExtPruneCalled);
    tcp_collapse_ofo_queue(sk);
    if (tcp_rcv_short(sk, need))
        tcp_collapse_receive_queue(sk);
    if (tcp_rcv_short(sk, need))
        tcp_shed_ofo(sk, seq, need);
    if (!tcp_rcv_short(sk, need))
        return true;
    NET_INC_STATS(sock_net(sk), TcpExtRcvPruned);
    return false;
}

/* --- may it be queued? --- */

bool tcp_rmem_schedule(struct sock *sk, uint32_t seq, uint32_t need)
{
    if (unlikely(tcp_under_memory_pressure(tcp_net(sk))))
        tcp_collapse_receive_queue(sk);
    return !tcp_rcv_short(sk, need) || tcp_prune_queue(sk, seq, need);
}
