/*
 * tcp_tso.c - trains: how many segments travel down the stack as one sk_buff.
 *
 * tcp_sendpage() and long writes gather up to tcp_size_goal() bytes in an sk_buff of the write queue;
 * tcp_write_xmit() asks tcp_train_len() how much of it may go now, and cuts there. The card, or
 * net/core/gso.c, makes segments of it. On the queue a train is acknowledged from its front (tcp_trim_head)
 * and sent again segment by segment.
 */
#include <errno.h>

#include "net/core/netdevice.h"
#include "net/tcp/tcp_internal.h"

/* Windows of fewer segments than this are sent as they open: holding back would cost more than it saves. */
#define TCP_DEFER_MIN_SEGS 32u
#define TCP_DEFER_NEAR_US  1000u /* a round trip so short that nothing is lost by waiting for an ACK */

/*
 * Where the last segment of a train has to be shorter than the others, a full buffer stops this many bytes
 * short of a multiple of the MSS, and each cut takes half of what is left of them: so both parts of a train
 * stay uneven, and there are no more segments than without.
 */
#define TCP_TAIL_GAP     64u
#define TCP_TAIL_GAP_CUT 16u

static bool tcp_wants_short_tail(const struct sock *sk)
{
    const struct dst_entry *dst = sk->sk_dst_cache;

    return dst && dst->dev && dst->dev->features & NETIF_F_TSO_SHORT_TAIL;
}

/* Bytes one sk_buff of the write queue gathers: a train, but never more than half of the send buffer. Who has
 * no more than a segment's worth fills segments. */
uint32_t tcp_size_goal(const struct sock *sk, uint32_t mss, size_t wanted)
{
    if (wanted <= mss)
        return mss;
    uint32_t bytes = min(GSO_MAX_SIZE - MAX_HEADER, max(sk->sk_sndbuf / 2, mss));
    uint32_t segs = min(bytes / mss, GSO_MAX_SEGS);

    if (segs < 2)
        return mss;
    return segs * mss - (tcp_wants_short_tail(sk) && mss > TCP_TAIL_GAP ? TCP_TAIL_GAP : 0);
}

void tcp_skb_set_pcount(struct sk_buff *skb, uint32_t mss)
{
    TCP_SKB_CB(skb)->pcount = (uint16_t)(skb->len <= mss ? 1 : DIV_ROUND_UP(skb->len, mss));
}

/*
 * A large window that opens segment by segment, as ACKs come in, is used in larger steps, else each pair of
 * segments would be a train of its own. More than half the window is in flight then, so ACKs are on their
 * way and the path does not run dry; on a long path only if the oldest has been under way for half the trip.
 */
static bool tcp_should_defer(const struct tcp_sock *tp, uint32_t len, uint32_t wanted, uint32_t mss)
{
    uint32_t window = min(tp->snd_cwnd, tp->snd_wnd);

    if (tp->ca_state != TCP_CA_Open || window < TCP_DEFER_MIN_SEGS * mss || len >= min(window / 2, wanted))
        return false;
    if (tp->srtt_us < TCP_DEFER_NEAR_US)
        return true;
    const struct sk_buff *oldest = skb_peek(&tp->sk.sk_write_queue);
    return ktime_get() - TCP_SKB_CB(oldest)->sent_at >= tp->srtt_us * NSEC_PER_USEC / 2;
}

/* Where to cut a train of `len` bytes, whole segments, off skb. */
static uint32_t tcp_train_cut(const struct sock *sk, const struct sk_buff *skb, uint32_t len, uint32_t mss)
{
    uint32_t over = skb->len % mss;

    if (len == mss || !over || !tcp_wants_short_tail(sk))
        return len;
    return len - min((mss - over) / 2, TCP_TAIL_GAP_CUT);
}

/**
 * tcp_train_len - how many bytes of a buffer with more than one segment may go now
 * @skb:  at send_head
 * @room: bytes the congestion window and the peer's window have left
 * @quota: bytes that pacing lets out at once, at least mss
 * @tail_waits: Nagle holds back what does not fill a segment
 *
 * Return: the bytes, or 0: nothing, yet.
 */
uint32_t tcp_train_len(const struct sock *sk, const struct sk_buff *skb, uint32_t room, uint32_t quota,
                       uint32_t mss, bool tail_waits)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t len = min(min(room, quota), min((GSO_MAX_SIZE - MAX_HEADER) / mss, GSO_MAX_SEGS) * mss);

    /* The urgent pointer counts from each segment's own number: no copies of one header (RFC 9293 MUST-62).
     */
    if (unlikely(tp->snd_urg) && before(TCP_SKB_CB(skb)->seq, tp->snd_up))
        return room < mss ? 0 : mss;
    if (skb->len <= len)
        return tail_waits ? skb->len / mss * mss : skb->len;
    len = len / mss * mss;
    if (!len || (len + mss > room && tcp_should_defer(tp, len, skb->len, mss)))
        return 0;
    return tcp_train_cut(sk, skb, len, mss);
}

/* The peer has the first bytes of skb, up to snd_una: they leave the queue. Without memory they stay. */
void tcp_trim_head(struct sock *sk, struct sk_buff *skb, struct tcp_ack_state *st)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
    uint32_t len = min(tp->snd_una - cb->seq, skb->len), linear = skb_headlen(skb), frags = skb->data_len;

    if (!len)
        return;
    tcp_wmem_uncharge(sk, skb);
    int err = skb_trim_front(skb, len);
    frags -= skb->data_len;
    skb->truesize -= frags;
    tcp_wmem_charge(sk, skb);
    if (err)
        return;
    tcp_scoreboard_trim(tp, skb, len, st);
    cb->seq += len;
    if (linear)
        cb->csum_valid = false;
    uint32_t before_count = tcp_skb_pcount(skb);
    tcp_skb_set_pcount(skb, tp->mss_cache);
    if (cb->pcount > before_count)
        cb->pcount = (uint16_t)before_count;
    tp->packets_out -= before_count - cb->pcount;
}
