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

/* --- marks --- */

static void tcp_unmark(struct tcp_sock *tp, struct sk_buff *skb, uint8_t mark, uint32_t *sum)
{
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (!(cb->sacked & mark))
        return;
    cb->sacked &= (uint8_t)~mark;
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

    if (cb->sacked & TCPCB_LOST)
        tp->lost_out -= len;
    if (cb->sacked & TCPCB_RETRANS)
        tp->retrans_out -= len;
    if (cb->sacked & TCPCB_SACKED)
        tp->sacked_out -= len;
    else if (tp->sack_ok)
        st->delivered += len;
}

void tcp_mark_lost(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (cb->sacked & TCPCB_RETRANS)
        NET_INC_STATS(sock_net(sk), TcpExtTCPLostRetransmit);
    tcp_unmark(tp, skb, TCPCB_RETRANS, &tp->retrans_out);
    if (cb->sacked & TCPCB_LOST)
        return;
    cb->sacked |= TCPCB_LOST;
    tp->lost_out += tcp_skb_span(skb);
}

void tcp_mark_retransmitted(struct tcp_sock *tp, struct sk_buff *skb)
{
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (cb->sacked & (TCPCB_RETRANS | TCPCB_SACKED))
        return;
    cb->sacked |= TCPCB_RETRANS;
    tp->retrans_out += tcp_skb_span(skb);
}

void tcp_unmark_lost(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    for (struct sk_buff *skb = skb_peek(&sk->sk_write_queue); skb && skb != tp->send_head;
         skb = skb_queue_next(&sk->sk_write_queue, skb))
        tcp_unmark(tp, skb, TCPCB_LOST, &tp->lost_out);
}

/*
 * After a time-out everything that is not SACKed is as good as lost (RFC 6675 5.1). If the first segment is
 * SACKed and yet not acknowledged the peer has thrown away what it had: no mark is worth anything (RFC 2018
 * 8).
 */
void tcp_timeout_mark_lost(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *head = skb_peek(&sk->sk_write_queue);
    bool reneged = head && TCP_SKB_CB(head)->sacked & TCPCB_SACKED;

    if (reneged)
        NET_INC_STATS(sock_net(sk), TcpExtTCPSACKReneging);
    for (struct sk_buff *skb = head; skb && skb != tp->send_head;
         skb = skb_queue_next(&sk->sk_write_queue, skb)) {
        if (reneged)
            tcp_unmark(tp, skb, TCPCB_SACKED, &tp->sacked_out);
        if (!(TCP_SKB_CB(skb)->sacked & TCPCB_SACKED))
            tcp_mark_lost(sk, skb);
    }
}

/* --- what an ACK delivers --- */

/* skb is known to have arrived, by number or by block, and was not before. */
void tcp_note_delivered(struct tcp_sock *tp, const struct sk_buff *skb, struct tcp_ack_state *st)
{
    const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    st->delivered += tcp_skb_span(skb);
    tcp_rack_advance(tp, cb, st);
    if (cb->retrans)
        return;
    /* Behind data that was sent after it, and not sent again: the network has changed the order. */
    if (before(cb->end_seq, tp->fack))
        st->reordered = true;
    if (!after(cb->end_seq, tp->high_seq))
        st->original = true;
}

static void tcp_mark_sacked(struct tcp_sock *tp, struct sk_buff *skb, struct tcp_ack_state *st)
{
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (cb->sacked & TCPCB_SACKED)
        return;
    tcp_note_delivered(tp, skb, st);
    tcp_scoreboard_forget(tp, skb);
    cb->sacked |= TCPCB_SACKED;
    tp->sacked_out += tcp_skb_span(skb);
    tp->sacked_segs++;
    st->newly_sacked = true;
    if (after(cb->end_seq, tp->fack))
        tp->fack = cb->end_seq;
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
 * A segment of several MSS that a block covers in part is cut where the block begins or ends, at whole MSS:
 * a block cannot make us cut finer than we sent (CVE-2019-11478).
 */
static void tcp_cut_at_block(struct sock *sk, struct sk_buff *skb, const struct tcp_sack_block *block)
{
    const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
    uint32_t mss = tcp_sk(sk)->mss_cache, cut;

    if (skb->len <= mss)
        return;
    if (before(cb->seq, block->start_seq))
        cut = (block->start_seq - cb->seq + mss - 1) / mss * mss;
    else
        cut = (block->end_seq - cb->seq) / mss * mss;
    if (cut && cut < skb->len)
        tcp_fragment(sk, skb, cut); /* without memory: as if it had not been told */
}

static void tcp_walk_blocks(struct sock *sk, const struct tcp_sack_block *block, unsigned count,
                            struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb;

    for (skb = skb_peek(&sk->sk_write_queue); skb && skb != tp->send_head;
         skb = skb_queue_next(&sk->sk_write_queue, skb)) {
        const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
        while (count && !after(block->end_seq, cb->seq)) {
            block++;
            count--;
        }
        if (!count)
            return;
        if (!before(block->start_seq, cb->end_seq))
            continue;
        if (before(cb->seq, block->start_seq) || after(cb->end_seq, block->end_seq))
            tcp_cut_at_block(sk, skb, block);
        if (!before(cb->seq, block->start_seq) && !after(cb->end_seq, block->end_seq))
            tcp_mark_sacked(tp, skb, st);
    }
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
