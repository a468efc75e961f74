/*
 * tcp_send.c - from the application to the write queue.
 *
 * tcp_sendmsg() copies: what fits a segment next to its headers, summed in the same pass; more than that into
 * pages, as a train that the card sums and cuts. tcp_sendpage() hangs pages on by reference. Both fill the
 * last unsent buffer up before they start another, wait while the queue is full, and end in tcp_push(). Only
 * copies are the connection's own memory, so the pages of one buffer are all copies or all a file's.
 */
#include <errno.h>

#include "kernel/panic.h"
#include "net/tcp/tcp_internal.h"

/* A new segment gets room for what is there now, at least this much; it grows to a full one if more follows.
 */
#define TCP_SEND_ROOM_MIN 512u

/* A write goes into pages in pieces of at least this much, or whole. */
#define TCP_SEND_PAGE_MIN 2048u

/* --- may the application send? --- */

static int tcp_stream_error(struct sock *sk)
{
    int err = sock_error(sk);

    return err ? err : -EPIPE;
}

static bool tcp_can_queue(const struct sock *sk)
{
    return sk->sk_state == TCP_ESTABLISHED || sk->sk_state == TCP_CLOSE_WAIT ||
           (sk->sk_state == TCP_SYN_RECV && tcp_sk(sk)->fastopen_rsk);
}

static bool tcp_opening(const struct sock *sk)
{
    return sk->sk_state == TCP_SYN_SENT || (sk->sk_state == TCP_SYN_RECV && !tcp_sk(sk)->fastopen_rsk);
}

/* Waits for the handshake if need be: 0 or -E... */
static int tcp_send_start(struct sock *sk, int flags, uint64_t deadline)
{
    if (tcp_opening(sk) &&
        (flags & MSG_DONTWAIT || !sk_wait_until(sk, !tcp_opening(sk) || sk->sk_err, deadline)))
        return -EAGAIN;
    if (!tcp_can_queue(sk) || sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
        return tcp_stream_error(sk);
    return 0;
}

/* Waits for room in the write queue: 0 or -E... What is queued so far is on its way first. */
static int tcp_wait_for_memory(struct sock *sk, int flags, uint64_t deadline)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tcp_push_pending_frames(sk);
    if (tcp_stream_memory_free(sk))
        return 0;
    tp->nospace = true;
    tcp_chrono_update(tp);
    if (flags & MSG_DONTWAIT)
        return -EAGAIN;
    if (!sk_wait_until(sk,
                       tcp_stream_memory_free(sk) || !tcp_can_queue(sk) || sk->sk_shutdown & SEND_SHUTDOWN,
                       deadline))
        return -EAGAIN;
    if (!tcp_can_queue(sk) || sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
        return tcp_stream_error(sk);
    return 0;
}

/* --- segments being filled --- */

/* An empty segment at the end of the queue with `room` linear bytes; NULL without memory. */
static struct sk_buff *tcp_stream_alloc_skb(struct sock *sk, unsigned room)
{
    struct sk_buff *skb = alloc_skb(sock_net(sk), MAX_HEADER + room);
    uint32_t seq = tcp_sk(sk)->write_seq;

    if (!skb)
        return NULL;
    skb_reserve(skb, MAX_HEADER);
    *TCP_SKB_CB(skb) = (struct tcp_skb_cb){
        .seq = seq, .end_seq = seq, .csum = (__force wsum)0, .flags = TCPHDR_ACK, .csum_valid = true};
    tcp_write_queue_append(sk, skb);
    return skb;
}

/* The last segment, if it has not been sent and is not full. */
static struct sk_buff *tcp_send_tail(const struct sock *sk, uint32_t goal)
{
    struct sk_buff *tail = tcp_sk(sk)->send_head ? skb_peek_tail(&sk->sk_write_queue) : NULL;

    if (!tail || tail->len >= goal)
        return NULL;
    return TCP_SKB_CB(tail)->flags & TCPHDR_FIN || TCP_SKB_CB(tail)->eor ? NULL : tail;
}

/* The same bytes in a segment with room for a full one, in the place of `skb`; NULL without memory. */
static struct sk_buff *tcp_send_grow(struct sock *sk, struct sk_buff *skb, uint32_t goal)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *bigger = alloc_skb(sock_net(sk), MAX_HEADER + goal);

    if (!bigger)
        return NULL;
    skb_reserve(bigger, MAX_HEADER);
    skb_put_data(bigger, skb->data, skb->len);
    *TCP_SKB_CB(bigger) = *TCP_SKB_CB(skb);
    skb_queue_after(&sk->sk_write_queue, skb, bigger);
    if (tp->send_head == skb)
        tp->send_head = bigger;
    tcp_wmem_uncharge(sk, skb);
    tcp_wmem_charge(sk, bigger);
    skb_unlink(&sk->sk_write_queue, skb);
    consume_skb(skb);
    return bigger;
}

/* `len` more bytes stand at the end of skb. */
static void tcp_skb_entail(struct sock *sk, struct sk_buff *skb, unsigned len)
{
    TCP_SKB_CB(skb)->end_seq += len;
    TCP_SKB_CB(skb)->flags &= (uint8_t)~TCPHDR_PSH;
    tcp_sk(sk)->write_seq += len;
}

/* Copies `len` bytes to the end of skb, summing on the way. */
static void tcp_copy_from_iter(struct sk_buff *skb, struct iov_iter *iter, unsigned len)
{
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    while (len) {
        size_t piece = min((size_t)len, iter->iov->iov_len - iter->iov_offset);
        const uint8_t *from = (const uint8_t *)iter->iov->iov_base + iter->iov_offset;
        unsigned offset = skb_headlen(skb);

        if (piece) {
            void *to = skb_put(skb, (unsigned)piece);
            if (cb->csum_valid)
                cb->csum =
                    csum_block_add(cb->csum, csum_partial_copy(from, to, piece, (__force wsum)0), offset);
            else
                __builtin_memcpy(to, from, piece);
        }
        len -= (unsigned)piece;
        iter->count -= piece;
        iter->iov_offset += piece;
        if (iter->iov_offset == iter->iov->iov_len) {
            iter->iov++;
            iter->iov_offset = 0;
        }
    }
}

/* A segment that takes linear bytes: *room of them. NULL without memory. */
static struct sk_buff *tcp_send_room(struct sock *sk, size_t left, uint32_t goal, unsigned *room)
{
    struct sk_buff *skb = tcp_send_tail(sk, goal);

    if (skb && !skb_tailroom(skb) && !skb_is_nonlinear(skb)) {
        skb = tcp_send_grow(sk, skb, goal);
        if (!skb)
            return NULL;
    } else if (!skb || !skb_tailroom(skb)) {
        size_t wanted = max(left, (size_t)TCP_SEND_ROOM_MIN);
        skb = tcp_stream_alloc_skb(sk, (unsigned)min(wanted, (size_t)goal));
        if (!skb)
            return NULL;
    }
    *room = min(goal - skb->len, skb_tailroom(skb));
    return skb;
}

/* --- the calls --- */

static void tcp_mark_urgent(struct sock *sk, int flags)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!(flags & MSG_OOB))
        return;
    tp->snd_urg = true;
    tp->snd_up = tp->write_seq;
}

/* Full: wait, or end with what was moved. 0 to go on. */
static int tcp_send_blocked(struct sock *sk, int flags, uint64_t deadline)
{
    return tcp_stream_memory_free(sk) ? 0 : tcp_wait_for_memory(sk, flags, deadline);
}

/* No memory for a segment: as if the queue were full, if something on it will bring a wake-up. */
static int tcp_send_nomem(struct sock *sk)
{
    if (skb_queue_empty(&sk->sk_write_queue))
        return -ENOBUFS;
    tcp_sk(sk)->nospace = true;
    return -EAGAIN;
}

/* Hangs part of a page on the last segment: the number of bytes, 0 if it has no room for another page, or
 * none of this kind. */
static unsigned tcp_append_page(struct sock *sk, struct sk_buff *skb, struct page *page, size_t offset,
                                size_t len, bool own, uint32_t goal)
{
    struct skb_shared_info *info = skb_shinfo(skb);
    unsigned size = (unsigned)min(len, (size_t)(goal - skb->len));
    struct skb_frag *last = info->nr_frags ? &info->frags[info->nr_frags - 1] : NULL;

    if (last && TCP_SKB_CB(skb)->own_pages != own)
        return 0;
    if (last && last->page == page && last->offset + last->size == offset) {
        last->size += size;
        skb->len += size;
        skb->data_len += size;
        skb->truesize += size;
    } else {
        if (info->nr_frags == MAX_SKB_FRAGS)
            return 0;
        get_page(page);
        skb_add_rx_frag(skb, page, (unsigned)offset, size, size);
    }
    TCP_SKB_CB(skb)->own_pages = own;
    sk->sk_wmem_queued += size;
    if (own)
        tcp_net(sk)->mem_bytes += size;
    return size;
}

/* What the queue takes now, at least a segment; tcp_stream_memory_free() has said that there is room. */
static size_t tcp_queue_room(const struct sock *sk, uint32_t mss)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t lowat = tp->notsent_lowat ? tp->notsent_lowat : (uint32_t)tcp_net(sk)->sysctl_notsent_lowat;

    return max(min(tcp_snd_limit(sk) - sk->sk_wmem_queued, lowat - (tp->write_seq - tp->snd_nxt)), mss);
}

/* Hangs up to `len` bytes of a page on the queue's end, on a new buffer if need be: how many, 0 without
 * memory. */
static unsigned tcp_queue_page(struct sock *sk, struct page *page, size_t offset, size_t len, bool own,
                               uint32_t goal, uint32_t mss)
{
    size_t piece = min(len, tcp_queue_room(sk, mss));
    struct sk_buff *skb = tcp_send_tail(sk, goal);
    unsigned size = skb ? tcp_append_page(sk, skb, page, offset, piece, own, goal) : 0;

    if (!size) {
        skb = tcp_stream_alloc_skb(sk, 0);
        if (!skb)
            return 0;
        size = tcp_append_page(sk, skb, page, offset, piece, own, goal);
    }
    tcp_skb_entail(sk, skb, size);
    return size;
}

/* Copies into pages, which gather to a train: the number of bytes, 0 without memory. */
static unsigned tcp_send_to_pages(struct sock *sk, struct iov_iter *iter, size_t left, uint32_t mss)
{
    struct page_frag *frag = &tcp_net(sk)->page_frag;
    uint32_t goal = tcp_size_goal(sk, mss, left + mss);

    if (!page_frag_refill(frag, (uint32_t)min(left, (size_t)TCP_SEND_PAGE_MIN)))
        return 0;
    size_t piece = min(left, (size_t)(frag->size - frag->offset));
    unsigned size = tcp_queue_page(sk, frag->page, frag->offset, piece, true, goal, mss);
    size_t copied = copy_from_iter((uint8_t *)page_address(frag->page) + frag->offset, size, iter);
    ASSERT(copied == size);
    frag->offset += size;
    return size;
}

/* Copies behind the headers, where it costs least: the number of bytes, 0 without memory. */
static unsigned tcp_send_linear(struct sock *sk, struct iov_iter *iter, size_t left, uint32_t mss)
{
    unsigned room;
    struct sk_buff *skb = tcp_send_room(sk, left, mss, &room);

    if (!skb)
        return 0;
    room = (unsigned)min((size_t)room, left);
    tcp_copy_from_iter(skb, iter, room);
    tcp_skb_entail(sk, skb, room);
    return room;
}

/*
 * Pages are for more than a segment, and for less where a train is gathering already: the queue's end is
 * unsent and in such pages, or full, which means that windows hold the application back.
 */
static bool tcp_wants_pages(const struct sock *sk, size_t left, uint32_t mss)
{
    if (left > mss)
        return true;
    if (likely(!tcp_sk(sk)->send_head))
        return false;
    const struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);
    return TCP_SKB_CB(tail)->own_pages || tail->len >= mss;
}

/* Queues a part of what is left: the number of bytes, 0 without memory. */
static unsigned tcp_send_part(struct sock *sk, struct iov_iter *iter, size_t left)
{
    uint32_t mss = tcp_current_mss(sk);
    unsigned size = tcp_wants_pages(sk, left, mss) ? tcp_send_to_pages(sk, iter, left, mss) : 0;

    return size ? size : tcp_send_linear(sk, iter, left, mss);
}

ssize_t tcp_sendmsg(struct sock *sk, struct msg *msg, size_t len)
{
    uint64_t deadline = sock_snd_deadline(sk, msg->flags);
    size_t copied = 0;
    int err = tcp_send_start(sk, msg->flags, deadline);

    len = min(len, msg->iter.count);
    while (!err && copied < len) {
        err = tcp_send_blocked(sk, msg->flags, deadline);
        if (err)
            break;
        unsigned size = tcp_send_part(sk, &msg->iter, len - copied);
        if (!size) {
            err = tcp_send_nomem(sk);
            break;
        }
        copied += size;
    }
    if (copied) {
        tcp_mark_urgent(sk, msg->flags);
        if (unlikely(msg->flags & MSG_EOR) && copied == len) /* the end of a message, if it is all here */
            TCP_SKB_CB(skb_peek_tail(&sk->sk_write_queue))->eor = true;
        tcp_push(sk, msg->flags);
        return (ssize_t)copied;
    }
    return err;
}

ssize_t tcp_sendpage(struct sock *sk, struct page *page, size_t offset, size_t len, int flags)
{
    uint64_t deadline = sock_snd_deadline(sk, flags);
    size_t sent = 0;
    int err = tcp_send_start(sk, flags, deadline);

    while (!err && sent < len) {
        err = tcp_send_blocked(sk, flags, deadline);
        if (err)
            break;
        uint32_t mss = tcp_current_mss(sk), goal = tcp_size_goal(sk, mss, len - sent);
        unsigned size = tcp_queue_page(sk, page, offset + sent, len - sent, false, goal, mss);
        if (!size) {
            err = tcp_send_nomem(sk);
            break;
        }
        sent += size;
    }
    if (!sent)
        return err;
    tcp_push(sk, flags);
    return (ssize_t)sent;
}
