/*
 * tcp_recv.c - from sk_receive_queue to the application: the last step of a received packet's way.
 *
 * The bytes are copied once, out of the buffers the card wrote them to. What was read opens the window again
 * (tcp_cleanup_rbuf).
 */
#include <errno.h>

#include <netinet/in.h>

#include "net/ipv4/ip_sockglue.h"
#include "net/tcp/tcp_internal.h"

/* The segment that holds sequence number `seq`, and where in it; NULL if it has not come yet. */
static struct sk_buff *tcp_recv_find(struct sock *sk, uint32_t seq, uint32_t *offset)
{
    struct sk_buff *skb;

    skb_queue_walk (&sk->sk_receive_queue, skb) {
        *offset = seq - TCP_SKB_CB(skb)->seq;
        if (*offset < skb->len)
            return skb;
    }
    return NULL;
}

/* Copies what is queued from *seq on, up to `len` bytes; a reader that does not peek takes it off. */
static size_t tcp_recv_queued(struct sock *sk, struct msg *msg, size_t len, int flags, uint32_t *seq)
{
    size_t copied = 0;
    uint32_t offset;
    struct sk_buff *skb;

    while (copied < len && (skb = tcp_recv_find(sk, *seq, &offset))) {
        size_t piece = min((size_t)(skb->len - offset), len - copied);
        if (!(flags & MSG_TRUNC)) {
            size_t moved = skb_copy_datagram_iter(skb, offset, &msg->iter, piece);
            if (!moved)
                break;
            piece = moved;
        }
        *seq += (uint32_t)piece;
        copied += piece;
        if (flags & MSG_PEEK)
            continue;
        tcp_sk(sk)->copied_seq = *seq;
        if (offset + piece == skb->len) {
            skb_unlink(&sk->sk_receive_queue, skb);
            consume_skb(skb);
        }
    }
    return copied;
}

/* Nothing (more) is queued. 1: wait for it; 0: the end; -E...: why not. */
static int tcp_recv_idle(struct sock *sk)
{
    int err = sock_error(sk);

    if (err)
        return err;
    if (sk->sk_shutdown & RCV_SHUTDOWN)
        return 0;
    if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
        return -ENOTCONN;
    return 1;
}

static bool tcp_recv_ready(const struct sock *sk, uint32_t seq)
{
    return tcp_sk(sk)->rcv_nxt != seq || sk->sk_err || sk->sk_shutdown & RCV_SHUTDOWN ||
           sk->sk_state == TCP_CLOSE;
}

/* A read ends at the urgent mark, so that SIOCATMARK can find it (RFC 9293 MUST-33, POSIX sockatmark). */
static size_t tcp_recv_to_mark(const struct tcp_sock *tp, size_t len)
{
    return after(tp->rcv_up, tp->copied_seq) ? min(len, (size_t)(tp->rcv_up - tp->copied_seq)) : len;
}

static void tcp_recv_urgent_passed(struct tcp_sock *tp)
{
    if (tp->rcv_urg && after(tp->copied_seq, tp->rcv_up)) {
        tp->rcv_urg = false;
        tcp_fast_path_check(tp);
    }
}

/* TCP_INQ: how much more can be read now; a FIN counts as one, so that the end is read too. */
static void tcp_put_inq(const struct tcp_sock *tp, struct msg *msg, size_t *used)
{
    int inq = (int)(tp->rcv_nxt - tp->copied_seq);

    msg_put_cmsg(msg, used, IPPROTO_TCP, TCP_CM_INQ, &inq, sizeof(inq));
}

ssize_t tcp_recvmsg(struct sock *sk, struct msg *msg, size_t len, int flags)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint64_t deadline = sock_rcv_deadline(sk, flags);
    uint32_t seq = tp->copied_seq;
    size_t control_used = 0, copied = 0,
           target = flags & MSG_WAITALL ? len : min((size_t)max(sk->sk_rcvlowat, 1u), len);
    int state = 0;

    if (unlikely(flags & MSG_ERRQUEUE))
        return ip_recv_error(sk, msg, len);
    if (flags & MSG_OOB) /* RFC 6093: urgent data is in line */
        return -EINVAL;
    if (!(flags & MSG_TRUNC))
        len = min(len, msg->iter.count);
    msg->name_len = 0;
    if (unlikely(tp->rcv_urg))
        len = tcp_recv_to_mark(tp, len);
    for (;;) {
        size_t moved = tcp_recv_queued(sk, msg, len - copied, flags, &seq);
        copied += moved;
        if (!(flags & MSG_PEEK))
            tcp_cleanup_rbuf(sk, moved);
        if (copied >= min(target, len))
            break;
        state = copied && sk->sk_err ? 0 : tcp_recv_idle(sk); /* an error waits until the data was taken */
        if (state <= 0)
            break;
        state = -EAGAIN;
        if (flags & MSG_DONTWAIT || !sk_wait_until(sk, tcp_recv_ready(sk, seq), deadline))
            break;
        if (before(seq, tp->copied_seq)) /* what was peeked at has been read by another task */
            seq = tp->copied_seq;
    }
    tcp_recv_urgent_passed(tp);
    if (unlikely(tp->recvmsg_inq) && msg->control && (copied || state >= 0))
        tcp_put_inq(tp, msg, &control_used);
    msg->control_len = control_used;
    return copied ? (ssize_t)copied : state < 0 ? state : 0;
}
