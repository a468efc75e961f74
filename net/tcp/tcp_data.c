/*
 * tcp_data.c - the text of a segment: into sk_receive_queue, the FIN behind it, and when to acknowledge.
 *
 * Called by tcp_input.c for the last two steps of a segment. In order goes to sk_receive_queue and to
 * sk_data_ready(); what lies beyond a hole goes to tcp_ofo.c; everything outside the window is dropped and
 * answered at once (RFC 9293 3.10.7.4).
 */
#include "net/tcp/tcp_internal.h"

/* Received text this short is copied into the buffer before it, so that small segments do not eat up big
 * ones. */
#define TCP_COALESCE_MAX 512u
#define TCP_REPACK_ROOM  3072u

/* Bytes left of the window the peer was told. */
uint32_t tcp_receive_window(const struct tcp_sock *tp)
{
    int32_t window = (int32_t)(tp->rcv_wup + tp->rcv_wnd - tp->rcv_nxt);

    return window > 0 ? (uint32_t)window : 0;
}

/* --- when to acknowledge --- */

void tcp_initialize_rcv_mss(struct tcp_sock *tp)
{
    tp->rcv_mss =
        (uint16_t)max(min((uint32_t)tp->advmss, (uint32_t)TCP_MSS_DEFAULT), (uint32_t)TCP_MIN_SND_MSS);
}

void tcp_enter_quickack(struct tcp_sock *tp, unsigned max_acks)
{
    tp->ack_quick = (uint8_t)max_acks;
    tp->ack_pingpong = false;
}

void tcp_event_data_recv(struct sock *sk, unsigned len)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->ack_pending |= TCP_ACK_SCHED;
    if (len > tp->rcv_mss)
        tp->rcv_mss = (uint16_t)min(len, (unsigned)tp->advmss);
    tp->last_rcv_ms = ktime_get_ms();
}

static void tcp_ack_now(struct tcp_sock *tp)
{
    tp->ack_pending |= TCP_ACK_SCHED | TCP_ACK_NOW;
}

/*
 * RFC 9293 3.8.6.3, RFC 5681 4.2: at once for every second full segment and around holes, else when the timer
 * says so or with our next data.
 */
void tcp_ack_snd_check(struct sock *sk, bool message_ends)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->ack_pending)
        return;
    if (tp->ack_pending & TCP_ACK_NOW || tp->rcv_nxt - tp->rcv_wup > tp->rcv_mss ||
        !skb_queue_empty(&tp->out_of_order_queue))
        tcp_send_ack(sk);
    else if (!tp->ack_quick || tp->ack_pingpong)
        tcp_schedule_delack(sk, TCP_DELACK_MS);
    else if (message_ends)
        tcp_schedule_delack(sk, TCP_QUICK_DELACK_MS);
    else
        tcp_send_ack(sk);
}

/* The application has read: tell the peer if that opens the window a good deal. */
void tcp_cleanup_rbuf(struct sock *sk, size_t copied)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t left = tcp_receive_window(tp);

    if (!copied || sk->sk_shutdown & RCV_SHUTDOWN || sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
        return;
    tcp_rcv_space_adjust(sk);
    if (2 * left > tcp_win_from_space(sk->sk_rcvbuf)) /* still more than half open */
        return;
    uint32_t window = tcp_select_window(sk, false);
    if (window && window >= 2 * left)
        tcp_send_ack(sk);
}

/* --- queueing --- */

bool tcp_rcv_full(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    return tcp_receive_window(tp) <= tp->rcv_mss || sk->sk_rmem_alloc > sk->sk_rcvbuf - sk->sk_rcvbuf / 8;
}

void tcp_data_ready(struct sock *sk)
{
    if (sk->sk_dead)
        return;
    if (tcp_epollin_ready(sk) || sk->sk_shutdown & RCV_SHUTDOWN)
        sk->sk_data_ready(sk);
}

bool tcp_try_coalesce(struct sock *sk, struct sk_buff *tail, struct sk_buff *skb)
{
    if (!tail || skb->len > TCP_COALESCE_MAX || skb_is_nonlinear(skb) || skb->len > skb_tailroom(tail) ||
        skb_cloned(tail) || TCP_SKB_CB(tail)->flags & TCPHDR_FIN ||
        TCP_SKB_CB(tail)->end_seq != TCP_SKB_CB(skb)->seq)
        return false;
    skb_put_data(tail, skb->data, skb->len);
    TCP_SKB_CB(tail)->end_seq = TCP_SKB_CB(skb)->end_seq;
    TCP_SKB_CB(tail)->flags |= TCP_SKB_CB(skb)->flags & TCPHDR_FIN;
    NET_INC_STATS(sock_net(sk), TcpExtTCPRcvCoalesce);
    consume_skb(skb);
    return true;
}

/*
 * Buffers without tailroom cannot be shared. When they fill half of the receive buffer with next to no text,
 * short text moves to a buffer with room for more of it.
 */
struct sk_buff *tcp_repack_short(struct sock *sk, struct sk_buff *skb)
{
    if (likely(sk->sk_rmem_alloc <= sk->sk_rcvbuf / 2) || skb->len > TCP_COALESCE_MAX ||
        skb_is_nonlinear(skb))
        return skb;
    struct sk_buff *roomy = alloc_skb(sock_net(sk), TCP_REPACK_ROOM);
    if (!roomy)
        return skb;
    skb_put_data(roomy, skb->data, skb->len);
    *TCP_SKB_CB(roomy) = *TCP_SKB_CB(skb);
    consume_skb(skb);
    return roomy;
}

/* Text that starts at rcv_nxt (its FIN, if any, is the caller's to process). A FIN alone leaves nothing to
 * read. */
void tcp_queue_rcv(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    unsigned len = skb->len;

    tp->rcv_nxt = TCP_SKB_CB(skb)->end_seq;
    tp->bytes_received += len;
    tcp_event_data_recv(sk, skb_shinfo(skb)->gso_size ? min(len, skb_shinfo(skb)->gso_size) : len);
    if (!len) {
        consume_skb(skb);
        return;
    }
    skb_dst_drop(skb);
    if (tcp_try_coalesce(sk, skb_peek_tail(&sk->sk_receive_queue), skb))
        return;
    skb = tcp_repack_short(sk, skb);
    tcp_set_owner_r(skb, sk);
    skb_queue_tail(&sk->sk_receive_queue, skb);
}

/* --- FIN (eighth step) --- */

/* rcv_nxt has passed it. */
void tcp_fin(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    sk->sk_shutdown |= RCV_SHUTDOWN;
    tp->pred_flags = 0;
    tp->ack_pending |= TCP_ACK_SCHED;
    tcp_ofo_purge(sk, SKB_DROP_REASON_TCP_OVERWINDOW); /* behind the end of all data */
    switch ((enum tcp_state)sk->sk_state) {
    case TCP_SYN_RECV:
    case TCP_ESTABLISHED:
        tcp_set_state(sk, TCP_CLOSE_WAIT);
        break;
    case TCP_FIN_WAIT1: /* ours is under way: simultaneous close */
        tcp_send_ack(sk);
        tcp_set_state(sk, TCP_CLOSING);
        break;
    case TCP_FIN_WAIT2:
        tcp_send_ack(sk);
        tcp_time_wait(sk, TCP_TIME_WAIT);
        return;
    case TCP_CLOSE_WAIT: /* a FIN again is outside the window and never comes here */
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_SYN_SENT:
    case TCP_TIME_WAIT:
    case TCP_CLOSE:
    case TCP_LISTEN:
    case TCP_NEW_SYN_RECV:
    case TCP_MAX_STATES:
        break;
    }
    if (!sk->sk_dead)
        sk->sk_state_change(sk);
}

/* --- text (seventh step) --- */

static void tcp_drop_and_ack(struct tcp_sock *tp, struct sk_buff *skb, enum skb_drop_reason reason)
{
    tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
    tcp_ack_now(tp);
    kfree_skb_reason(skb, reason);
}

/* Is any of it new and inside the window? SKB_NOT_DROPPED_YET: yes. */
static enum skb_drop_reason tcp_text_check(struct sock *sk, const struct tcp_skb_cb *cb,
                                           const struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t window = tcp_receive_window(tp);

    if (!after(cb->end_seq, tp->rcv_nxt)) {
        NET_INC_STATS(sock_net(sk), TcpExtDelayedACKLost);
        tcp_dsack_set(sk, cb->seq, cb->end_seq);
        return SKB_DROP_REASON_TCP_OLD_DATA;
    }
    if (!window && skb->len) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPZeroWindowDrop);
        return SKB_DROP_REASON_TCP_ZEROWINDOW;
    }
    /* A FIN takes no room: alone, it may stand on the edge itself. */
    if (after(cb->seq, tp->rcv_nxt + window) || (skb->len && cb->seq == tp->rcv_nxt + window))
        return SKB_DROP_REASON_TCP_OVERWINDOW;
    return SKB_NOT_DROPPED_YET;
}

/* Cuts text off that was received before or lies beyond the window (9293-TRIM): 0, or -1 without memory. */
static int tcp_text_trim(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
    uint32_t edge = tp->rcv_nxt + tcp_receive_window(tp);

    if (after(cb->seq + skb->len, edge)) {
        skb_trim(skb, edge - cb->seq);
        cb->end_seq = edge;
        cb->flags &= (uint8_t)~TCPHDR_FIN;
    }
    if (before(cb->seq, tp->rcv_nxt)) {
        uint32_t known = min(tp->rcv_nxt - cb->seq, skb->len);
        if (!pskb_may_pull(skb, known))
            return -1;
        skb_pull(skb, known);
        tcp_dsack_set(sk, cb->seq, tp->rcv_nxt); /* RFC 2883 4.1: also of a part */
        cb->seq = tp->rcv_nxt;
    }
    return 0;
}

static void tcp_queue_in_order(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    bool fin = TCP_SKB_CB(skb)->flags & TCPHDR_FIN;
    struct sk_buff *beyond = skb_peek(&tp->out_of_order_queue);

    if (!beyond) {
        tcp_queue_rcv(sk, skb);
        if (fin)
            tcp_fin(sk);
    } else {
        /* RFC 5681 4.2: a hole is being filled, say so at once. What came first stays, byte by byte. */
        tcp_ack_now(tp);
        tcp_ofo_insert(sk, skb);
        tcp_ofo_drain(sk);
    }
    if (sk->sk_state == TCP_CLOSE)
        return;
    if (!tp->pred_flags)
        tcp_fast_path_check(tp);
    tcp_data_ready(sk);
}

void tcp_data_queue(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (cb->seq == cb->end_seq) {
        consume_skb(skb);
        return;
    }
    enum skb_drop_reason reason = tcp_text_check(sk, cb, skb);
    if (reason) {
        tcp_drop_and_ack(tp, skb, reason);
        return;
    }
    if (tcp_text_trim(sk, skb)) {
        tcp_drop_and_ack(tp, skb, SKB_DROP_REASON_NOMEM);
        return;
    }
    if (after(cb->seq, tp->rcv_nxt)) {
        tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
        tp->rcv_ooopack += skb_segs(skb);
        tcp_ack_now(tp); /* RFC 5681 4.2: a duplicate ACK for the sender's fast retransmit */
        tcp_ofo_insert(sk, skb);
        return;
    }
    /* In order: what lies beyond a hole gives way, and one segment more than the buffer holds is taken. */
    if (!tcp_rmem_schedule(sk, tp->rcv_nxt, 0)) {
        bool own = sk->sk_rmem_alloc > sk->sk_rcvbuf;
        NET_INC_STATS(sock_net(sk), TcpExtTCPRcvQDrop);
        tcp_drop_and_ack(tp, skb, own ? SKB_DROP_REASON_SOCKET_RCVBUFF : SKB_DROP_REASON_PROTO_MEM);
        return;
    }
    tcp_queue_in_order(sk, skb);
}
