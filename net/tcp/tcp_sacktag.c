/*
 * tcp_sacktag.c - the scoreboard: what of the sent data the peer has, what is lost, what has been sent again
 * (RFC 6675 4), for peers that speak SACK.
 *
 * The marks stand in the control blocks of the write queue's segments (TCPCB_*), their sums, in sequence
 * numbers, in tcp_sock. tcp_ack() hands in the blocks of each ACK; tcp_rack.c marks losses; tcp_recovery.c
 * acts on them. A peer may send any blocks it likes: each is held against what is under way, and one pass
 * over the queue serves all blocks of an ACK.
 */
#include "net/tcp/tcp_internal.h"

static uint32_t tcp_skb_span(const struct sk_buff *skb)
{
    return TCP_SKB_CB(skb)->end_seq - TCP_SKB_CB(skb)->seq;
}

uint32_t tcp_pipe(const struct tcp_sock *tp)
{
    uint32_t sent = tp->snd_nxt - tp->snd_una, left = tp->sacked_out + tp->lost_out;

    /* Without memory the first segment stays whole when it is acknowledged in part: then the sums are a
     * little too high. */
    return (sent > left ? sent - left : 0) + tp->retrans_out;
}

/* --- the queue's sent part, backwards --- */

static struct sk_buff *tcp_last_sent(const struct sock *sk)
{
    struct sk_buff *send_head = tcp_sk(sk)->send_head;

    if (!send_head)
        return skb_peek_tail(&sk->sk_write_queue);
    return send_head == skb_peek(&sk->sk_write_queue) ? NULL : send_head->prev;
}

static struct sk_buff *tcp_sent_before(const struct sock *sk, const struct sk_buff *skb)
{
    return skb == skb_peek(&sk->sk_write_queue) ? NULL : skb->prev;
}

/* --- in the order of sending: what RACK looks at --- */

void tcp_tsorted_sent(struct tcp_sock *tp, struct sk_buff *skb)
{
    tcp_tsorted_forget(skb);
    if (!(TCP_SKB_CB(skb)->sacked & TCPCB_SACKED))
        list_add_tail(&TCP_SKB_CB(skb)->tsorted, &tp->tsorted_sent);
}

/* `rest` was the back of skb, and sent when it was. */
void tcp_tsorted_split(struct sk_buff *skb, struct sk_buff *rest)
{
    struct list_head *node = &TCP_SKB_CB(skb)->tsorted;

    if (node->next)
        list_add(&TCP_SKB_CB(rest)->tsorted, node);
    else
        TCP_SKB_CB(rest)->tsorted.next = NULL;
}

/* --- marks --- */

static bool tcp_wants_resend(const struct tcp_skb_cb *cb)
{
    return (cb->sacked & (TCPCB_LOST | TCPCB_RETRANS)) == TCPCB_LOST;
}

static void tcp_unmark(struct tcp_sock *tp, struct sk_buff *skb, uint8_t mark, uint32_t *sum)
{
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (!(cb->sacked & mark))
        return;
    if (tcp_wants_resend(cb))
        tp->to_resend -= tcp_skb_span(skb);
    cb->sacked &= (uint8_t)~mark;
    if (tcp_wants_resend(cb))
        tp->to_resend += tcp_skb_span(skb);
    *sum -= tcp_skb_span(skb);
    if (mark == TCPCB_SACKED)
        tp->sacked_segs--;
}

void tcp_scoreboard_forget(struct tcp_sock *tp, struct sk_buff *skb)
{
    tcp_unmark(tp, skb, TCPCB_SACKED, &tp->sacked_out);
    tcp_unmark(tp, skb, TCPCB_LOST, &tp->lost_out);
    tcp_unmark(tp, skb, TCPCB_RETRANS, &tp->retrans_out);
}

/* The first `len` bytes of skb are acknowledged and about to be cut off it. */
void tcp_scoreboard_trim(struct tcp_sock *tp, const struct sk_buff *skb, uint32_t len,
                         struct tcp_ack_state *st)
{
    const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (tcp_wants_resend(cb))
        tp->to_resend -= len;
    if (cb->sacked & TCPCB_LOST)
        tp->lost_out -= len;
    if (cb->sacked & TCPCB_RETRANS)
        tp->retrans_out -= len;
    if (cb->sacked & TCPCB_SACKED)
        tp->sacked_out -= len;
    else if (tp->sack_ok)
        tcp_note_delivered(tp, skb, cb->seq + len, st);
}

void tcp_mark_lost(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (cb->sacked & TCPCB_RETRANS)
        NET_INC_STATS(sock_net(sk), TcpExtTCPLostRetransmit);
    tcp_unmark(tp, skb, TCPCB_RETRANS, &tp->retrans_out);
    tcp_tsorted_forget(skb);
    if (tp->retrans_hint && before(cb->seq, TCP_SKB_CB(tp->retrans_hint)->seq))
        tp->retrans_hint = skb;
    if (cb->sacked & TCPCB_LOST)
        return;
    cb->sacked |= TCPCB_LOST;
    tp->lost_out += tcp_skb_span(skb);
    tp->to_resend += tcp_skb_span(skb);
}

void tcp_mark_retransmitted(struct tcp_sock *tp, struct sk_buff *skb)
{
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (cb->sacked & (TCPCB_RETRANS | TCPCB_SACKED))
        return;
    if (tcp_wants_resend(cb))
        tp->to_resend -= tcp_skb_span(skb);
    cb->sacked |= TCPCB_RETRANS;
    tp->retrans_out += tcp_skb_span(skb);
}

void tcp_unmark_lost(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct list_head *place = &tp->tsorted_sent; /* lost first, so sent first, or nearly so */

    for (struct sk_buff *skb = skb_peek(&sk->sk_write_queue); skb && skb != tp->send_head && tp->lost_out;
         skb = skb_queue_next(&sk->sk_write_queue, skb)) {
        struct list_head *node = &TCP_SKB_CB(skb)->tsorted;
        if (!(TCP_SKB_CB(skb)->sacked & TCPCB_LOST))
            continue;
        tcp_unmark(tp, skb, TCPCB_LOST, &tp->lost_out);
        if (node->next)
            continue;
        list_add(node, place);
        place = node;
    }
    tp->retrans_hint = NULL;
}

/*
 * After a time-out everything that is not SACKed is as good as lost (RFC 6675 5.1), but for what was sent so
 * lately that its ACK cannot be here yet (RFC 8985 6.3). If the first segment is
 * SACKed and yet not acknowledged the peer has thrown away what it had: no mark is worth anything (RFC 2018
 * 8).
 */
void tcp_timeout_mark_lost(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *head = skb_peek(&sk->sk_write_queue);
    bool reneged = head && TCP_SKB_CB(head)->sacked & TCPCB_SACKED;
    ktime_t now = ktime_get();

    if (reneged) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPSACKReneging);
        tp->num_known_sacks = 0;
    }
    for (struct sk_buff *skb = head; skb && skb != tp->send_head;
         skb = skb_queue_next(&sk->sk_write_queue, skb)) {
        if (reneged)
            tcp_unmark(tp, skb, TCPCB_SACKED, &tp->sacked_out);
        if (!(TCP_SKB_CB(skb)->sacked & TCPCB_SACKED) &&
            (skb == head || reneged || !tcp_rack_is_recent(sk, TCP_SKB_CB(skb), now)))
            tcp_mark_lost(sk, skb);
    }
}

/* --- what an ACK delivers --- */

/* The bytes of skb up to end_seq are known to have arrived, by number or by block, and were not before. */
void tcp_note_delivered(struct tcp_sock *tp, const struct sk_buff *skb, uint32_t end_seq,
                        struct tcp_ack_state *st)
{
    const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    st->delivered += end_seq - cb->seq;
    tcp_rate_delivered(cb, st);
    tcp_rack_advance(tp, cb, end_seq, st);
    if (cb->retrans)
        return;
    /* Behind data that was sent after it, and not sent again: the network has changed the order. */
    if (before(end_seq, tp->fack))
        st->reordered = max(st->reordered, tp->fack - cb->seq);
    if (!after(end_seq, tp->high_seq))
        st->original = true;
}

static void tcp_mark_sacked(struct tcp_sock *tp, struct sk_buff *skb, struct tcp_ack_state *st)
{
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (cb->sacked & TCPCB_SACKED)
        return;
    tcp_note_delivered(tp, skb, cb->end_seq, st);
    tcp_scoreboard_forget(tp, skb);
    tcp_tsorted_forget(skb);
    cb->sacked |= TCPCB_SACKED;
    tp->sacked_out += tcp_skb_span(skb);
    tp->sacked_segs++;
    st->newly_sacked = true;
    if (after(cb->end_seq, st->fack))
        st->fack = cb->end_seq;
}

/* --- the blocks of an ACK --- */

/* RFC 2883 4: the first block tells a duplicate if it lies below the ACK or inside the second. */
static bool tcp_is_dsack(const struct tcp_seg *seg)
{
    const struct tcp_sack_block *a = &seg->sacks[0], *b = &seg->sacks[1];

    if (!before(a->start_seq, a->end_seq))
        return false;
    if (!after(a->end_seq, seg->ack))
        return true;
    return seg->num_sacks > 1 && !before(a->start_seq, b->start_seq) && !after(a->end_seq, b->end_seq);
}

/* A duplicate can only be of what we have sent twice lately: more of them than that are made up. */
static void tcp_dsack_received(struct sock *sk, const struct tcp_sack_block *block, struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (after(block->end_seq, tp->snd_nxt) || tp->snd_una - block->start_seq > tp->max_window) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPSACKDiscard);
        return;
    }
    if (tp->dsack_dups >= tp->total_retrans) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPDSACKIgnoredDubious);
        return;
    }
    NET_INC_STATS(sock_net(sk), TcpExtTCPDSACKRecv);
    tp->dsack_dups++;
    st->dsack = true;
    if (tp->tlp_pending && block->end_seq == tp->tlp_end_seq)
        st->tlp_dsack = true;
    if (tp->undo_active && tp->undo_retrans > 0 && !before(block->start_seq, tp->undo_marker))
        tp->undo_retrans--;
}

/* The blocks that make sense, by start: their number. Forged ones are passed over (attack: SACK forging). */
static unsigned tcp_valid_blocks(struct sock *sk, const struct tcp_seg *seg, unsigned first,
                                 struct tcp_sack_block *blocks)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    unsigned count = 0;

    for (unsigned i = first; i < seg->num_sacks; i++) {
        struct tcp_sack_block block = seg->sacks[i];
        if (!before(block.start_seq, block.end_seq) || before(block.start_seq, tp->snd_una) ||
            after(block.end_seq, tp->snd_nxt)) {
            NET_INC_STATS(sock_net(sk), TcpExtTCPSACKDiscard);
            continue;
        }
        unsigned at = count++;
        for (; at && after(blocks[at - 1].start_seq, block.start_seq); at--)
            blocks[at] = blocks[at - 1];
        blocks[at] = block;
    }
    return count;
}

/*
 * A segment of several MSS that a block covers in part is cut where the block begins or ends, at whole MSS: a
 * block cannot make us cut finer than we sent, nor into more pieces than twice the buffer holds
 * (CVE-2019-11478). Return: whether all that the block tells can be marked.
 */
static bool tcp_cut_at_block(struct sock *sk, struct sk_buff *skb, const struct tcp_sack_block *block)
{
    const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
    uint32_t mss = tcp_sk(sk)->mss_cache, cut;

    if (skb->len <= mss)
        return true;
    if (before(cb->seq, block->start_seq))
        cut = (block->start_seq - cb->seq + mss - 1) / mss * mss;
    else
        cut = (block->end_seq - cb->seq) / mss * mss;
    if (!cut || cut >= skb->len)
        return true;
    if (sk->sk_wmem_queued / 2 > sk->sk_sndbuf || tcp_mem_exhausted(tcp_net(sk))) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPWqueueTooBig);
        return false;
    }
    return tcp_fragment(sk, skb, cut) == 0; /* without memory: as if it had not been told */
}

/*
 * The segment that holds `seq`, looked for from the nearest of three known places: the head, the tail, and
 * where the last one was found. NULL: more than *steps away.
 */
static struct sk_buff *tcp_find_sent(struct sock *sk, uint32_t seq, unsigned *steps)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb = skb_peek(&sk->sk_write_queue), *hint = tp->sack_hint;
    uint32_t away = seq - tp->snd_una;

    if (tp->snd_nxt - seq < away) {
        skb = tcp_last_sent(sk);
        away = tp->snd_nxt - seq;
    }
    if (hint) {
        uint32_t hint_seq = TCP_SKB_CB(hint)->seq;
        if ((before(hint_seq, seq) ? seq - hint_seq : hint_seq - seq) <= away)
            skb = hint;
    }
    for (; skb && *steps && after(TCP_SKB_CB(skb)->seq, seq); --*steps)
        skb = tcp_sent_before(sk, skb);
    for (; skb && skb != tp->send_head && *steps && !after(TCP_SKB_CB(skb)->end_seq, seq); --*steps)
        skb = skb_queue_next(&sk->sk_write_queue, skb);
    if (!skb || skb == tp->send_head)
        return NULL;
    tp->sack_hint = skb; /* also if it is not reached: the next ACK goes on from here */
    return *steps ? skb : NULL;
}

/* Marks what of `block` lies in [from, to). Return: up to where everything could be marked. */
static uint32_t tcp_walk_block(struct sock *sk, const struct tcp_sack_block *block, uint32_t from,
                               uint32_t to, struct tcp_ack_state *st, unsigned *steps)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb = tcp_find_sent(sk, from, steps);
    uint32_t reached = skb ? to : from;

    for (; skb && skb != tp->send_head && before(TCP_SKB_CB(skb)->seq, to);
         skb = skb_queue_next(&sk->sk_write_queue, skb)) {
        const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
        tp->sack_hint = skb;
        bool partly = before(cb->seq, block->start_seq) || after(cb->end_seq, block->end_seq);
        if (partly && !tcp_cut_at_block(sk, skb, block) && before(cb->seq, reached))
            reached = cb->seq;
        if (before(cb->seq, block->start_seq) || after(cb->end_seq, block->end_seq))
            continue;
        if (!(cb->sacked & TCPCB_SACKED))
            tcp_mark_sacked(tp, skb, st);
        else if (!*steps || !--*steps)
            return before(cb->seq, reached) ? cb->seq : reached;
    }
    return reached;
}

/* Leaves out what the last ACK told already. Return: as above, for all of the block. */
static uint32_t tcp_walk_news(struct sock *sk, const struct tcp_sack_block *block, struct tcp_ack_state *st,
                              unsigned *steps)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t from = block->start_seq;

    for (unsigned k = 0; k < tp->num_known_sacks; k++) {
        const struct tcp_sack_block *known = &tp->known_sacks[k];
        if (!after(known->end_seq, from) || !before(known->start_seq, block->end_seq))
            continue;
        if (before(from, known->start_seq)) {
            uint32_t reached = tcp_walk_block(sk, block, from, known->start_seq, st, steps);
            if (reached != known->start_seq)
                return reached;
        }
        from = known->end_seq;
    }
    return before(from, block->end_seq) ? tcp_walk_block(sk, block, from, block->end_seq, st, steps)
                                        : block->end_seq;
}

/*
 * The blocks of the last ACK are marked already, and most of them come again: only what is new is walked. A
 * peer that tells blocks to make us walk gets TCP_ACK_STEPS of it and pays for the rest with what it
 * delivers.
 */
static void tcp_walk_blocks(struct sock *sk, const struct tcp_sack_block *blocks, unsigned count,
                            struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct tcp_sack_block known[TCP_MAX_SACKS];
    unsigned steps = TCP_ACK_STEPS, known_count = 0;

    if (!tp->sacked_out)
        tp->num_known_sacks = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t reached = tcp_walk_news(sk, &blocks[i], st, &steps);
        if (before(blocks[i].start_seq, reached))
            known[known_count++] = (struct tcp_sack_block){blocks[i].start_seq, reached};
    }
    tp->ack_steps += TCP_ACK_STEPS - steps;
    tp->num_known_sacks = (uint8_t)known_count;
    for (unsigned i = 0; i < known_count; i++)
        tp->known_sacks[i] = known[i];
}

void tcp_sacktag(struct sock *sk, const struct tcp_seg *seg, struct tcp_ack_state *st)
{
    struct tcp_sack_block blocks[TCP_MAX_SACKS];
    unsigned first = 0;

    if (!seg->num_sacks)
        return;
    if (tcp_is_dsack(seg)) {
        tcp_dsack_received(sk, &seg->sacks[0], st);
        first = 1;
    }
    unsigned count = tcp_valid_blocks(sk, seg, first, blocks);
    if (count)
        tcp_walk_blocks(sk, blocks, count, st);
}
