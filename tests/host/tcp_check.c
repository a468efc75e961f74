/*
 * tcp_check.c - see tcp_check.h. Everything that net/tcp keeps twice, for speed, is counted anew here.
 */
#include "tests/host/tcp_check.h"

#include <string.h>

#include "net/core/skbuff.h"
#include "net/tcp/tcp.h"

#define RULE(truth)                                                                                          \
    do {                                                                                                     \
        if (!(truth))                                                                                        \
            return #truth;                                                                                   \
    } while (0)

/* A segment that came, of the largest kind, may stand above the receive buffer's mark. */
#define RMEM_SLACK (128u << 10)

static uint32_t span(const struct sk_buff *skb)
{
    return TCP_SKB_CB(skb)->end_seq - TCP_SKB_CB(skb)->seq;
}

/* --- the write queue --- */

static const char *check_sequence(const struct tcp_sock *tp)
{
    RULE(!after(tp->snd_una, tp->snd_nxt));
    RULE(!after(tp->snd_nxt, tp->write_seq));
    RULE(tp->snd_cwnd > 0 && tp->snd_cwnd < 1u << 30);
    RULE(tp->mss_cache >= TCP_MIN_SND_MSS - 12 && tp->mss_cache <= 65535);
    RULE(tp->rto_ms >= 1 && tp->rto_ms <= 120000);
    return NULL;
}

struct sums {
    uint32_t sacked, lost, retrans, sacked_segs, packets, truesize, tsorted;
};

static const char *check_sent(const struct tcp_sock *tp, const struct sk_buff *skb, struct sums *s)
{
    const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    RULE(!(cb->sacked & TCPCB_SACKED && cb->sacked & (TCPCB_LOST | TCPCB_RETRANS)));
    RULE(!(cb->sacked & TCPCB_SACKED && cb->tsorted.next));
    RULE(after(cb->end_seq, tp->snd_una));
    s->sacked += cb->sacked & TCPCB_SACKED ? span(skb) : 0;
    s->sacked_segs += !!(cb->sacked & TCPCB_SACKED);
    s->lost += cb->sacked & TCPCB_LOST ? span(skb) : 0;
    s->retrans += cb->sacked & TCPCB_RETRANS ? span(skb) : 0;
    s->packets += tcp_skb_pcount(skb);
    s->tsorted += !!cb->tsorted.next;
    return NULL;
}

static const char *check_tsorted(const struct tcp_sock *tp, uint32_t count)
{
    uint32_t found = 0;

    for (const struct list_head *node = tp->tsorted_sent.next; node != &tp->tsorted_sent; node = node->next) {
        RULE(node->next->prev == node);
        RULE(++found <= count);
    }
    RULE(found == count);
    return NULL;
}

static const char *check_write_queue(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    const struct sk_buff_head *queue = &sk->sk_write_queue;
    const struct sk_buff *last = NULL;
    struct sums s = {0};
    const char *broken;
    bool unsent = false;

    for (const struct sk_buff *skb = skb_peek(queue); skb; skb = skb_queue_next(queue, skb)) {
        RULE(!last || TCP_SKB_CB(last)->end_seq == TCP_SKB_CB(skb)->seq);
        unsent |= skb == tp->send_head;
        if (!unsent && (broken = check_sent(tp, skb, &s)))
            return broken;
        RULE(!unsent || !TCP_SKB_CB(skb)->sacked);
        s.truesize += skb->truesize;
        last = skb;
    }
    RULE(unsent == !!tp->send_head);
    RULE(tp->snd_nxt == (tp->send_head ? TCP_SKB_CB(tp->send_head)->seq : tp->write_seq));
    RULE(!last || TCP_SKB_CB(last)->end_seq == tp->write_seq);
    RULE(last || tp->snd_una == tp->write_seq);
    RULE(tp->packets_out == s.packets);
    RULE(tp->sacked_out == s.sacked && tp->sacked_segs == s.sacked_segs);
    RULE(tp->lost_out == s.lost);
    RULE(tp->retrans_out == s.retrans);
    RULE(sk->sk_wmem_queued == s.truesize);
    return check_tsorted(tp, s.tsorted);
}

/* --- the receiving side --- */

static const char *check_receive_queue(const struct sock *sk, uint32_t *truesize)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    const struct sk_buff_head *queue = &sk->sk_receive_queue;
    const struct sk_buff *last = NULL;

    RULE(!after(tp->copied_seq, tp->rcv_nxt));
    for (const struct sk_buff *skb = skb_peek(queue); skb; skb = skb_queue_next(queue, skb)) {
        RULE(!last || TCP_SKB_CB(last)->end_seq == TCP_SKB_CB(skb)->seq);
        RULE(last || !after(TCP_SKB_CB(skb)->seq, tp->copied_seq));
        *truesize += skb->truesize;
        last = skb;
    }
    RULE(!last || !after(TCP_SKB_CB(last)->end_seq, tp->rcv_nxt));
    return NULL;
}

static const char *check_ofo_queue(const struct sock *sk, uint32_t *truesize)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    const struct sk_buff_head *queue = &tp->out_of_order_queue;
    struct rb_node *node = rb_first(&tp->ofo_root);
    uint32_t end = tp->rcv_nxt;

    for (const struct sk_buff *skb = skb_peek(queue); skb; skb = skb_queue_next(queue, skb)) {
        RULE(node == &TCP_SKB_CB(skb)->ofo_node);
        RULE(skb == skb_peek(queue) ? after(TCP_SKB_CB(skb)->seq, end) : !before(TCP_SKB_CB(skb)->seq, end));
        RULE(after(TCP_SKB_CB(skb)->end_seq, TCP_SKB_CB(skb)->seq));
        end = TCP_SKB_CB(skb)->end_seq;
        *truesize += skb->truesize;
        node = rb_next(node);
    }
    RULE(!node);
    return NULL;
}

/* Each block that is told is there from end to end. */
static const char *check_sacks(const struct tcp_sock *tp)
{
    const struct sk_buff_head *queue = &tp->out_of_order_queue;

    RULE(tp->num_sacks <= TCP_MAX_SACKS);
    for (unsigned i = 0; i < tp->num_sacks; i++) {
        const struct tcp_sack_block *block = &tp->selective_acks[i];
        uint32_t at = block->start_seq;
        RULE(after(block->start_seq, tp->rcv_nxt) && before(block->start_seq, block->end_seq));
        for (const struct sk_buff *skb = skb_peek(queue); skb; skb = skb_queue_next(queue, skb))
            if (!after(TCP_SKB_CB(skb)->seq, at) && after(TCP_SKB_CB(skb)->end_seq, at))
                at = TCP_SKB_CB(skb)->end_seq;
        RULE(!before(at, block->end_seq));
    }
    return NULL;
}

static const char *check_memory(const struct sock *sk)
{
    uint32_t truesize = 0;
    const char *broken = check_receive_queue(sk, &truesize);

    if (!broken)
        broken = check_ofo_queue(sk, &truesize);
    if (broken)
        return broken;
    if (tcp_sk(sk)->syn_data && tcp_sk(sk)->syn_data->sk == sk)
        truesize += tcp_sk(sk)->syn_data->truesize;
    RULE(sk->sk_rmem_alloc == truesize);
    RULE(sk->sk_rmem_alloc <= sk->sk_rcvbuf + RMEM_SLACK);
    return check_sacks(tcp_sk(sk));
}

/* --- nothing waits for ever --- */

static const char *check_timers(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    bool corked = tp->nonagle & 2 /* TCP_CORK, MSG_MORE */;

    RULE(!tp->packets_out || (timer_pending(&tp->xmit_timer) && tp->xmit_pending != TCP_TIME_NONE));
    if (tp->send_head && !tp->packets_out && !corked)
        RULE(timer_pending(&tp->xmit_timer) || timer_pending(&tp->pacing_timer));
    return NULL;
}

/* --- what only grows --- */

static struct tcp_check_mark *find_mark(struct tcp_check *check, const struct tcp_sock *tp)
{
    struct tcp_check_mark *mark = &check->marks[((uintptr_t)tp >> 6) % TCP_CHECK_SOCKS];

    if (mark->sk != tp || mark->iss != tp->iss || mark->irs != tp->irs)
        *mark = (struct tcp_check_mark){
            tp, tp->iss, tp->irs, tp->snd_una, tp->rcv_nxt, tp->copied_seq, tp->rcv_wup + tp->rcv_wnd};
    return mark;
}

static const char *check_growth(struct tcp_check *check, const struct tcp_sock *tp)
{
    struct tcp_check_mark *mark = find_mark(check, tp);
    uint32_t right_edge = tp->rcv_wup + tp->rcv_wnd;

    RULE(!before(tp->snd_una, mark->snd_una));
    RULE(!before(tp->rcv_nxt, mark->rcv_nxt));
    RULE(!before(tp->copied_seq, mark->copied_seq));
    RULE(!before(right_edge, mark->right_edge)); /* RFC 9293 SHLD-14 */
    mark->snd_una = tp->snd_una;
    mark->rcv_nxt = tp->rcv_nxt;
    mark->copied_seq = tp->copied_seq;
    mark->right_edge = right_edge;
    return NULL;
}

static const char *check_sock(struct tcp_check *check, const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    const char *broken = check_sequence(tp);

    if (!broken)
        broken = check_write_queue(sk);
    if (!broken)
        broken = check_memory(sk);
    if (!broken)
        broken = check_timers(sk);
    if (!broken && sk->sk_state != TCP_SYN_SENT && sk->sk_state != TCP_SYN_RECV)
        broken = check_growth(check, tp);
    return broken;
}

const char *tcp_check(struct net *net, struct tcp_check *check, const void **sk)
{
    size_t memory = 0;
    struct tcp_counts counts;

    for (struct sock_common *c = tcp_next_conn(net, NULL); c; c = tcp_next_conn(net, c)) {
        if (c->state == TCP_TIME_WAIT || c->state == TCP_NEW_SYN_RECV || c->state == TCP_LISTEN)
            continue;
        *sk = c;
        const char *broken = check_sock(check, (struct sock *)c);
        if (broken)
            return broken;
        memory += ((struct sock *)c)->sk_rmem_alloc;
    }
    *sk = NULL;
    tcp_get_counts(net, &counts);
    RULE(counts.memory >= memory);
    return NULL;
}
