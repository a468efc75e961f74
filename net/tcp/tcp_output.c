/*
 * tcp_output.c - from the write queue to segments.
 *
 *     sk_write_queue:  [ sent, waiting for an ACK ........ | not sent yet ........ ]
 *                        ^ snd_una                           ^ send_head, snd_nxt    ^ write_seq
 *
 * tcp_sendmsg() and tcp_sendpage() append; tcp_push_pending_frames() -> tcp_write_xmit() sends what the
 * peer's window, the congestion window and Nagle allow, several segments in one buffer where it can (a train:
 * tcp_tso.c); tcp_transmit_skb() puts a header in front of a clone
 * and hands it to af_ops->queue_xmit. The original stays on the queue until it is acknowledged; its bytes are
 * shared with the clones and never written again: a retransmission while the card may still read copies the
 * linear part first.
 */
#include <errno.h>

#include "kernel/panic.h"
#include "net/core/netdevice.h"
#include "net/tcp/tcp_internal.h"

/* --- sizes and windows --- */

/* Payload that fits a datagram of `mtu` bytes and what the peer takes (RFC 9293 3.7.1). */
uint16_t tcp_mtu_to_mss(const struct sock *sk, uint32_t mtu)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t headers = tp->af_ops->net_header_len + TCP_HEADER_LEN;
    uint32_t mss = mtu > headers ? mtu - headers : 0;

    mss = min(mss, 65535u - headers);
    if (tp->user_mss)
        mss = min(mss, (uint32_t)tp->user_mss);
    /* Segments of a few bytes would cost a header each (CVE-2019-11479). */
    return (uint16_t)max(mss, (uint32_t)tcp_net(sk)->sysctl_min_snd_mss);
}

uint16_t tcp_advertise_mss(const struct sock *sk, const struct dst_entry *dst)
{
    return tcp_mtu_to_mss(sk, dst->dev ? dst->dev->mtu : dst->mtu);
}

uint32_t tcp_sync_mss(struct sock *sk, uint32_t pmtu)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->pmtu_cookie = pmtu;
    tp->mss_cache = min(tcp_mtu_to_mss(sk, pmtu), tp->mss_clamp);
    if (unlikely(tp->probe_low))
        tp->mss_cache = min(tp->mss_cache, (uint32_t)tp->probe_low);
    tp->mss_cache -= tcp_header_len(tp) - TCP_HEADER_LEN; /* neither counts options: RFC 6691 3 */
    return tp->mss_cache;
}

uint32_t tcp_current_mss(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t mss = tp->mss_cache;

    if (sk->sk_dst_cache && sk->sk_dst_cache->mtu != tp->pmtu_cookie)
        mss = tcp_sync_mss(sk, sk->sk_dst_cache->mtu);
    /* A peer whose whole window is small gets segments of half of it (RFC 9293 3.8.6.2.1, Fs = 1/2). */
    if (tp->max_window) {
        uint32_t half = tp->max_window > TCP_MSS_DEFAULT ? tp->max_window / 2 : tp->max_window;
        mss = min(mss, max(half, (uint32_t)TCP_MIN_SND_MSS));
    }
    return mss;
}

/* Half of the buffer is for what buffers cost beyond their bytes: a full frame of 1,460 takes up some 2.5
 * KiB. */
uint32_t tcp_win_from_space(uint32_t space)
{
    return space / 2;
}

/* TCP_WINDOW_CLAMP: as much of a window as the application wants to offer. */
static uint32_t tcp_clamp_window(const struct tcp_sock *tp, uint32_t window)
{
    return unlikely(tp->window_clamp) ? min(window, tp->window_clamp) : window;
}

/* The largest window there may ever be to offer: a buffer that the application has chosen does not grow. */
static uint32_t tcp_window_ceiling(const struct sock *sk)
{
    uint32_t most = sk->sk_rcvbuf_locked ? tcp_win_from_space(sk->sk_rcvbuf)
                                         : max((uint32_t)tcp_net(sk)->sysctl_rmem[2], sk->sk_rcvbuf);

    return tcp_clamp_window(tcp_sk(sk), most);
}

void tcp_select_initial_window(const struct sock *sk, bool wscale_ok, uint32_t mss, uint32_t *rcv_wnd,
                               uint8_t *wscale)
{
    uint32_t window = tcp_clamp_window(tcp_sk(sk), min(tcp_win_from_space(sk->sk_rcvbuf), 65535u));

    *rcv_wnd = window > mss ? window / mss * mss : window;
    *wscale = 0;
    if (!wscale_ok)
        return;
    for (uint32_t space = tcp_window_ceiling(sk); space > 65535 && *wscale < TCP_MAX_WSCALE; space >>= 1)
        (*wscale)++; /* RFC 7323 2.3: no more than is needed */
}

/*
 * The window to offer. Its right edge moves only in steps of a segment or half the buffer (receiver's
 * silly-window avoidance, RFC 9293 3.8.6.2.2) and never back (3.8.6). With `commit` the answer is taken as
 * advertised.
 */
uint32_t tcp_select_window(struct sock *sk, bool commit)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t unit = 1u << tp->rcv_wscale, limit = 65535u << tp->rcv_wscale;
    uint32_t full = tcp_clamp_window(tp, tcp_win_from_space(sk->sk_rcvbuf));
    uint32_t used = sk->sk_rmem_alloc;
    uint32_t space = used < sk->sk_rcvbuf ? tcp_win_from_space(sk->sk_rcvbuf - used) : 0;
    space = tcp_clamp_window(tp, space);
    if (unlikely(full <
                 unit)) /* less than the scale can say: all of it or nothing, else it is shut for ever */
        space = used ? 0 : unit;
    if (unlikely(tcp_under_memory_pressure(tcp_net(sk))))
        space = tcp_pressed_space(sk, space);
    uint32_t current = tcp_receive_window(tp);
    uint32_t window = min(space, limit) & ~(unit - 1);

    if (window < current || window - current < min(full / 2, (uint32_t)tp->rcv_mss))
        window = min(ALIGN_UP(current, unit), limit); /* rounded up: rounding down would move the edge back */
    if (!commit)
        return window;
    if (!window && tp->rcv_wnd)
        NET_INC_STATS(sock_net(sk), TcpExtTCPToZeroWindowAdv);
    else if (unlikely(!space && window)) /* we would, if that were no shrinking */
        NET_INC_STATS(sock_net(sk), TcpExtTCPWantZeroWindowAdv);
    if (window && !tp->rcv_wnd)
        NET_INC_STATS(sock_net(sk), TcpExtTCPFromZeroWindowAdv);
    if (!window)
        tp->pred_flags = 0;
    tp->rcv_wnd = window;
    tp->rcv_wup = tp->rcv_nxt;
    return window;
}

/* --- one segment --- */

/*
 * An ACK goes out with what is sent now. `sacks`: with its SACK blocks; a full segment of data has no room
 * for them, then the ACK is still owed.
 */
static void tcp_event_ack_sent(struct tcp_sock *tp, bool sacks)
{
    if (!sacks && tcp_sack_due(tp))
        return;
    tp->dsack_pending = false;
    if (tp->ack_quick)
        tp->ack_quick--;
    tp->ack_pending = 0;
}

static void tcp_cwnd_restart_check(struct sock *sk, uint64_t now_ms)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->packets_out && tcp_net(sk)->sysctl_slow_start_after_idle && tp->last_snd_ms &&
        now_ms - tp->last_snd_ms > tp->rto_ms)
        tcp_cwnd_restart(sk);
}

static void tcp_event_data_sent(struct sock *sk, const struct tcp_skb_cb *cb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint64_t now = cb->sent_at / NSEC_PER_MSEC;

    tcp_cwnd_restart_check(sk, now);
    tp->last_snd_ms = now;
    if (!tp->packets_out)
        tcp_ca_event(sk, CA_EVENT_TX_START);
    if (tp->last_rcv_ms &&
        now - tp->last_rcv_ms < TCP_DELACK_MS) /* we answer: the next ACK can ride on an answer too */
        tp->ack_pingpong = true;
}

static uint16_t tcp_window_field(struct sock *sk, uint8_t flags)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (flags & TCPHDR_SYN) { /* never scaled: RFC 7323 2.2 */
        tp->rcv_wup = tp->rcv_nxt;
        return (uint16_t)min(tp->rcv_wnd, 65535u);
    }
    return (uint16_t)(tcp_select_window(sk, true) >> tp->rcv_wscale);
}

/* Our SYN offers all we can; a SYN-ACK (simultaneous open, Fast Open) has only what the peer's SYN had. */
static unsigned tcp_syn_options(struct sock *sk, uint8_t flags, uint8_t *options)
{
    struct tcp_sock *tp = tcp_sk(sk);
    const struct netns_tcp *tn = tcp_net(sk);
    bool offer = !(flags & TCPHDR_ACK);
    bool scale = offer ? tn->sysctl_window_scaling : tp->wscale_ok;
    struct tcp_syn_options opt = {
        .mss = tp->advmss,
        .wscale = scale ? tp->rcv_wscale : -1,
        .sack_ok = offer ? tn->sysctl_sack : tp->sack_ok,
        .tstamp_ok = offer ? tn->sysctl_timestamps : tp->tstamp_ok,
        .tsval = tcp_time_stamp(tp->ts_offset),
        .tsecr = offer ? 0 : tp->ts_recent,
    };
    uint8_t cookie[TCPOLEN_FASTOPEN_COOKIE];

    if (tp->fastopen_renew) {
        tcp_fastopen_child_cookie(sk, cookie);
        opt.fastopen_cookie = cookie;
    }
    return tcp_write_syn_options(options, &opt);
}

/* RFC 7323 3.2: a timestamp in every segment; SACK blocks where a payload of `len` bytes leaves room. */
static unsigned tcp_segment_options(struct sock *sk, const struct tcp_skb_cb *cb, unsigned len,
                                    uint8_t *options)
{
    struct tcp_sock *tp = tcp_sk(sk);
    unsigned n = 0;

    if (cb->flags & TCPHDR_SYN)
        return tcp_syn_options(sk, cb->flags, options);
    if (tp->tstamp_ok) { /* that of the transmission, if somebody has looked at the clock already */
        uint64_t now_ms = cb->sent_at ? cb->sent_at / NSEC_PER_MSEC : ktime_get_ms();
        n = tcp_write_timestamp(options, (uint32_t)now_ms + tp->ts_offset, tp->ts_recent);
    }
    if (unlikely(tcp_sack_due(tp)) && !(cb->flags & TCPHDR_RST))
        n += tcp_sack_write(tp, options + n,
                            min(TCP_OPTIONS_MAX - n, tp->mss_cache - min(len, tp->mss_cache)));
    return n;
}

static void tcp_write_header(struct sock *sk, struct sk_buff *skb, const struct tcp_skb_cb *cb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint8_t options[TCP_OPTIONS_MAX];
    unsigned len = skb->len, options_len = tcp_segment_options(sk, cb, len, options);
    unsigned hdr_len = TCP_HEADER_LEN + options_len;
    wsum payload = cb->csum_valid ? cb->csum : (__force wsum)0;
    struct tcphdr *th = skb_push(skb, hdr_len);

    skb_reset_transport_header(skb);
    th->source = sk->sk_sport;
    th->dest = sk->sk_dport;
    th->seq = cpu_to_be32(cb->seq);
    th->ack_seq = cpu_to_be32(cb->flags & TCPHDR_ACK ? tp->rcv_nxt : 0);
    th->doff_res = (uint8_t)(hdr_len << 2);
    th->flags = cb->flags;
    th->window = cpu_to_be16(cb->flags & TCPHDR_RST ? 0 : tcp_window_field(sk, cb->flags));
    th->check = (__force sum16)0;
    th->urg_ptr = cpu_to_be16(0);
    if (tp->snd_urg && before(cb->seq, tp->snd_up)) { /* RFC 9293 3.8.5, pointer as RFC 6093 has it */
        th->urg_ptr = cpu_to_be16((uint16_t)min(tp->snd_up - cb->seq, 65535u));
        th->flags |= TCPHDR_URG;
    }
    if (unlikely(tp->ecn_flags & TCP_ECN_OK))
        tcp_ecn_send(sk, cb, th, len);
    if (likely(options_len == TCPOLEN_TSTAMP_ALIGNED))
        __builtin_memcpy(th + 1, options, TCPOLEN_TSTAMP_ALIGNED); /* three words instead of a call */
    else
        __builtin_memcpy(th + 1, options, options_len);
    tp->af_ops->send_check(sk, skb, hdr_len, payload);
}

/* The sum of the linear payload is taken once, mostly while copying it in, and kept for retransmissions. */
static void tcp_sum_payload(struct sk_buff *skb)
{
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

    if (cb->csum_valid)
        return;
    cb->csum = csum_partial(skb->data, skb_headlen(skb), (__force wsum)0);
    cb->csum_valid = true;
}

/* Sends skb (taken); `cb` may be that of the original it is a clone of. */
static int tcp_send_one(struct sock *sk, struct sk_buff *skb, const struct tcp_skb_cb *cb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    unsigned len = skb->len, segs = skb_segs(skb);

    if (len)
        tcp_event_data_sent(sk, cb); /* data is of the write queue: its time was taken */
    else if (cb->flags & TCPHDR_FIN) /* alone it is a tail to probe for too (RFC 8985 7.2), from now on */
        tp->last_snd_ms = cb->sent_at / NSEC_PER_MSEC;
    tcp_write_header(sk, skb, cb);
    if (cb->flags & TCPHDR_ACK)
        tcp_event_ack_sent(tp, skb->len - len > tcp_header_len(tp));
    tp->segs_out += segs;
    if (len) {
        tp->data_segs_out += segs;
        tp->bytes_sent += len;
    }
    NET_ADD_STATS(sock_net(sk), TcpOutSegs, segs);
    skb->mark = sk->sk_mark;
    skb->priority = sk->sk_priority;
    /*
     * Once it is handed down a segment counts as sent: what is lost below us is lost as on any wire, and the
     * retransmission timer finds out.
     */
    int err = tp->af_ops->queue_xmit(sk, skb);
    if (err < 0)
        sk->sk_err_soft = -err;
    return err;
}

/* Sends a segment, or a train of them, of the write queue (which keeps it): 0, or -ENOBUFS and nothing went
 * out. */
static int tcp_transmit_skb(struct sock *sk, struct sk_buff *skb, uint32_t mss)
{
    bool train = skb->len > mss;
    struct sk_buff *out;

    if (!train)
        tcp_sum_payload(skb);
    /* An earlier transmission is still below us: its header bytes are in use. Or the peer has acknowledged an
     * odd part, and headers would not be aligned in front of the rest. */
    if (skb_cloned(skb) || (uintptr_t)skb->data % 4)
        out = pskb_copy(skb, MAX_HEADER);
    else
        out = skb_clone(skb);
    if (!out)
        return -ENOBUFS;
    out->nohdr = 1; /* the headroom is this transmission's alone, and so is the shared info's gso_size */
    skb_shinfo(out)->gso_size = (uint16_t)(train ? mss : 0);
    skb_shinfo(out)->gso_segs = (uint16_t)(train ? DIV_ROUND_UP(skb->len, mss) : 0);
    TCP_SKB_CB(skb)->sent_at = ktime_get();
    tcp_rate_sent(tcp_sk(sk), TCP_SKB_CB(skb));
    tcp_tsorted_sent(tcp_sk(sk), skb);
    tcp_send_one(sk, out, TCP_SKB_CB(skb));
    return 0;
}

/* A segment that is on no queue: no payload, `flags`, from `seq`. 0 or -ENOBUFS. */
static int tcp_send_bare(struct sock *sk, uint32_t seq, uint8_t flags)
{
    struct sk_buff *skb = alloc_skb(sock_net(sk), MAX_HEADER);

    if (!skb)
        return -ENOBUFS;
    skb_reserve(skb, MAX_HEADER);
    struct tcp_skb_cb cb = {.seq = seq, .end_seq = seq, .flags = flags};
    tcp_send_one(sk, skb, &cb);
    return 0;
}

/* --- the write queue --- */

void tcp_write_queue_append(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);

    skb_queue_tail(&sk->sk_write_queue, skb);
    tcp_wmem_charge(sk, skb);
    if (!tp->send_head)
        tp->send_head = skb;
}

/* Cuts a segment in two behind `len` bytes of payload: 0 or -ENOMEM. */
int tcp_fragment(struct sock *sk, struct sk_buff *skb, uint32_t len)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb), *rest_cb;
    unsigned linear = skb_headlen(skb) > len ? skb_headlen(skb) - len : 0;

    ASSERT(len && len < skb->len);
    struct sk_buff *rest = alloc_skb(sock_net(sk), MAX_HEADER + linear);
    if (!rest)
        return -ENOMEM;
    skb_reserve(rest, MAX_HEADER);
    tcp_wmem_uncharge(sk, skb);
    if (skb_unclone(skb)) {
        tcp_wmem_charge(sk, skb);
        consume_skb(rest);
        return -ENOMEM;
    }
    unsigned frags = skb->data_len;
    skb_split(skb, rest, len);
    skb->truesize -= frags - skb->data_len;
    rest->truesize += frags - skb->data_len;
    rest_cb = TCP_SKB_CB(rest);
    *rest_cb = *cb;
    rest_cb->seq = cb->seq + len;
    cb->end_seq = rest_cb->seq;
    cb->flags &= (uint8_t) ~(TCPHDR_FIN | TCPHDR_PSH); /* these belong to the last byte */
    if (linear || skb_headlen(rest))
        cb->csum_valid = false;
    rest_cb->csum_valid = false;
    tcp_tsorted_split(skb, rest);
    if (cb->sacked & TCPCB_SACKED)
        tp->sacked_segs++;
    skb_queue_after(&sk->sk_write_queue, skb, rest);
    tcp_wmem_charge(sk, skb);
    tcp_wmem_charge(sk, rest);
    if (before(cb->seq, tp->snd_nxt)) { /* both halves have been sent */
        uint32_t mss = tcp_current_mss(sk);
        tp->packets_out -= tcp_skb_pcount(skb);
        tcp_skb_set_pcount(skb, mss);
        tcp_skb_set_pcount(rest, mss);
        tp->packets_out += tcp_skb_pcount(skb) + tcp_skb_pcount(rest);
    }
    return 0;
}

/* --- may it go? --- */

/* Bytes the congestion window has left; one segment may always be under way. */
static uint32_t tcp_cwnd_room(const struct tcp_sock *tp, uint32_t mss)
{
    uint32_t in_flight = tcp_in_flight(tp), cwnd = tp->snd_cwnd;

    if (!in_flight)
        return max(cwnd, mss);
    /* Limited transmit (RFC 3042): the first two duplicate ACKs let one new segment out each. */
    if (tp->ca_state == TCP_CA_Disorder && tp->dupacks < TCP_FASTRETRANS_THRESH)
        cwnd += tp->dupacks * tp->mss_cache;
    return in_flight < cwnd ? cwnd - in_flight : 0;
}

/* A FIN alone waits for nobody: it is no data (RFC 5681 3.1 bounds that), and the peer learns the end sooner.
 */
static bool tcp_cwnd_test(const struct tcp_sock *tp, const struct sk_buff *skb, uint32_t mss)
{
    if (!skb->len)
        return true;
    uint32_t room = tcp_cwnd_room(tp, mss);

    return room && skb->len <= room;
}

/* Does the whole segment lie in the peer's window? A FIN behind data rides along, alone it needs room of its
 * own. */
static bool tcp_snd_wnd_test(const struct tcp_sock *tp, const struct sk_buff *skb)
{
    return !after(TCP_SKB_CB(skb)->seq + max(skb->len, 1u), tp->snd_una + tp->snd_wnd);
}

/* Nagle's rule as Minshall relaxed it: one small segment may be unacknowledged (RFC 9293 3.7.4). */
static bool tcp_nagle_test(const struct tcp_sock *tp, const struct sk_buff *skb, uint32_t mss, int nonagle)
{
    if (skb->len == mss || TCP_SKB_CB(skb)->flags & TCPHDR_FIN || skb->next != (void *)&tp->sk.sk_write_queue)
        return true;
    if (tp->snd_urg && before(TCP_SKB_CB(skb)->seq, tp->snd_up))
        return true;
    if (nonagle & TCP_NAGLE_CORK)
        return false;
    if (nonagle & TCP_NAGLE_OFF || !tp->packets_out)
        return true;
    return !(after(tp->snd_sml, tp->snd_una) && !after(tp->snd_sml, tp->snd_nxt));
}

/* The segment at send_head has gone out for the first time. */
static void tcp_event_new_data_sent(struct sock *sk, struct sk_buff *skb, uint32_t mss)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->send_head = skb_queue_next(&sk->sk_write_queue, skb);
    tp->snd_nxt = TCP_SKB_CB(skb)->end_seq;
    tcp_skb_set_pcount(skb, mss);
    /* A train that more follows may end in a shorter segment; that is none of the application's. */
    if (skb->len < mss || (!tp->send_head && skb->len % mss))
        tp->snd_sml = tp->snd_nxt;
    if (tp->ca_state == TCP_CA_Recovery || tp->ca_state == TCP_CA_CWR)
        tp->prr_out += skb->len;
    bool first = !tp->packets_out;
    if (first && tp->chrono == TCP_CHRONO_IDLE)
        tcp_chrono_set(tp, TCP_CHRONO_BUSY, TCP_SKB_CB(skb)->sent_at);
    tp->packets_out += tcp_skb_pcount(skb);
    if (first || tp->xmit_pending == TCP_TIME_NONE || tp->xmit_pending == TCP_TIME_PROBE0)
        tcp_reset_xmit_timer_at(sk, TCP_TIME_RETRANS, /* RFC 6298 5.1 */
                                TCP_SKB_CB(skb)->sent_at / NSEC_PER_MSEC + tp->rto_ms);
    NET_ADD_STATS(sock_net(sk), TcpExtTCPOrigDataSent, tcp_skb_pcount(skb));
}

/* More than one segment waits: cuts off what may go now as a train. false: none of it. */
static bool tcp_train_test(struct sock *sk, struct sk_buff *skb, uint32_t mss, uint32_t quota, int nonagle)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->packets_out)
        tcp_cwnd_restart_check(sk, ktime_get_ms()); /* before it is cut to the window */
    uint32_t seq = TCP_SKB_CB(skb)->seq, edge = tp->snd_una + tp->snd_wnd;
    uint32_t room = before(seq, edge) ? min(edge - seq, tcp_cwnd_room(tp, mss)) : 0;
    bool tail_waits = skb->len % mss && !tcp_nagle_test(tp, skb, mss, nonagle);
    uint32_t len = tcp_train_len(sk, skb, room, quota, mss, tail_waits);

    if (unlikely(tp->ecn_flags & TCP_ECN_QUEUE_CWR)) /* not every card takes CWR off the segments behind */
        len = min(len, mss);
    return len && (len == skb->len || !tcp_fragment(sk, skb, len));
}

static void tcp_write_xmit(struct sock *sk, int nonagle)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t mss = tcp_current_mss(sk), quota = UINT32_MAX;
    bool sent = false, paced = tcp_needs_pacing(tp);
    enum tcp_mtu_probe probe = unlikely(tp->probe_low) ? tcp_mtu_probe(sk, mss) : TCP_PROBE_NONE;
    struct sk_buff *skb;

    while (likely(probe != TCP_PROBE_WAIT) && (skb = tp->send_head)) {
        if (unlikely(paced)) {
            quota = tcp_pacing_quota(sk, mss);
            if (!quota)
                break;
        }
        if (skb->len > mss ? !tcp_train_test(sk, skb, mss, quota, nonagle)
                           : !tcp_cwnd_test(tp, skb, mss) || !tcp_snd_wnd_test(tp, skb) ||
                                 !tcp_nagle_test(tp, skb, mss, nonagle))
            break;
        if (tcp_transmit_skb(sk, skb, mss))
            break;
        tcp_event_new_data_sent(sk, skb, mss);
        if (unlikely(paced))
            tcp_pacing_sent(tp, skb->len);
        sent = true;
    }
    if (unlikely(tp->send_head || tp->nospace || tp->chrono > TCP_CHRONO_BUSY))
        tcp_chrono_update(tp);
    tcp_cwnd_validate(sk);
    if (sent || probe == TCP_PROBE_SENT)
        tcp_schedule_loss_probe(sk, tp->last_snd_ms);
    tcp_check_probe_timer(sk);
}

static bool tcp_may_send(const struct sock *sk)
{
    switch ((enum tcp_state)sk->sk_state) {
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
    case TCP_FIN_WAIT1:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return true;
    case TCP_SYN_RECV: /* RFC 7413 4.2.2: the answer need not wait for the handshake */
        return tcp_sk(sk)->fastopen_rsk;
    case TCP_SYN_SENT:
    case TCP_FIN_WAIT2:
    case TCP_TIME_WAIT:
    case TCP_CLOSE:
    case TCP_LISTEN:
    case TCP_NEW_SYN_RECV:
    case TCP_MAX_STATES:
        break;
    }
    return false;
}

void tcp_push_pending_frames(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->send_head && tcp_may_send(sk))
        tcp_write_xmit(sk, tp->nonagle);
}

/* The application's call is at its end: the last byte is marked (RFC 9293 MUST-61), MSG_MORE holds back the
 * rest. */
void tcp_push(struct sock *sk, int flags)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);

    if (!tp->send_head || !tcp_may_send(sk))
        return;
    if (!(flags & MSG_MORE))
        TCP_SKB_CB(tail)->flags |= TCPHDR_PSH;
    tcp_write_xmit(sk, flags & MSG_MORE ? tp->nonagle | TCP_NAGLE_CORK : tp->nonagle);
}

/* --- again --- */

/*
 * Sends a segment of the write queue once more, as much of it as one segment and the peer's window hold: 0,
 * -EAGAIN (beyond the window) or -ENOBUFS.
 */
int tcp_retransmit_skb(struct sock *sk, struct sk_buff *skb)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
    uint32_t mss = tcp_current_mss(sk), limit = mss, edge = tp->snd_una + tp->snd_wnd;

    if (unlikely(tp->probe_size) && before(cb->seq, tp->probe_end))
        tp->probe_size = 0;       /* an ACK would not tell which one has arrived: RFC 4821 7.6.4 */
    if (!before(cb->seq, edge)) { /* RFC 9293 SHLD-16; the first byte goes as a probe of a shrunk window */
        if (cb->seq != tp->snd_una && before(tp->snd_una, cb->seq))
            return -EAGAIN;
    } else {
        limit = min(mss, edge - cb->seq);
    }
    if (skb->len > limit && tcp_fragment(sk, skb, limit))
        return -ENOBUFS;
    if (tcp_transmit_skb(sk, skb, mss))
        return -ENOBUFS;
    if (cb->retrans < 255)
        cb->retrans++;
    if (tp->sack_ok) {
        tcp_mark_retransmitted(tp, skb);
        tcp_undo_count_retrans(tp);
    }
    tp->total_retrans++;
    tp->bytes_retrans += skb->len;
    NET_INC_STATS(sock_net(sk), TcpRetransSegs);
    return 0;
}

/* --- probes of a tail --- */

bool tcp_send_segment(struct sock *sk, uint32_t len)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb = tp->send_head;

    if (!skb || (skb->len > len && tcp_fragment(sk, skb, len)) || !tcp_snd_wnd_test(tp, skb) ||
        tcp_transmit_skb(sk, skb, len))
        return false;
    tcp_event_new_data_sent(sk, skb, len);
    return true;
}

bool tcp_send_new_probe(struct sock *sk)
{
    return tcp_send_segment(sk, tcp_current_mss(sk));
}

bool tcp_retransmit_tail(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *tail = tp->send_head ? tp->send_head->prev : skb_peek_tail(&sk->sk_write_queue);
    uint32_t mss = tcp_current_mss(sk);

    if (!tp->packets_out)
        return false;
    if (tail->len > mss) {
        if (tcp_fragment(sk, tail, (tail->len - 1) / mss * mss))
            return false;
        tail = tail->next;
    }
    return tcp_retransmit_skb(sk, tail) == 0;
}

/* --- segments without data of their own --- */

void tcp_send_ack(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (sk->sk_state == TCP_CLOSE)
        return;
    if (tcp_send_bare(sk, tp->snd_nxt, TCPHDR_ACK)) {
        tp->ack_pending |= TCP_ACK_SCHED;
        tcp_schedule_delack(sk, TCP_RETRY_MS);
    }
}

/* FIN rides on the last unsent segment, or is a segment of its own. */
void tcp_send_fin(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);

    if (tp->send_head) {
        TCP_SKB_CB(tail)->flags |= TCPHDR_FIN;
        TCP_SKB_CB(tail)->end_seq++;
    } else {
        struct sk_buff *skb = alloc_skb(sock_net(sk), MAX_HEADER);
        if (!skb) { /* the connection cannot end without it: try again until it works */
            tp->fin_pending = true;
            tcp_schedule_delack(sk, TCP_RETRY_MS);
            return;
        }
        skb_reserve(skb, MAX_HEADER);
        *TCP_SKB_CB(skb) = (struct tcp_skb_cb){.seq = tp->write_seq,
                                               .end_seq = tp->write_seq + 1,
                                               .flags = TCPHDR_ACK | TCPHDR_FIN,
                                               .csum_valid = true};
        tcp_write_queue_append(sk, skb);
    }
    tp->fin_pending = false;
    tp->write_seq++;
    tcp_write_xmit(sk, TCP_NAGLE_OFF);
}

void tcp_send_active_reset(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    /* SND.NXT may lie beyond what fits the peer's window if it shrank; a RST is only believed inside. */
    if (!tcp_send_bare(sk, tp->snd_nxt, TCPHDR_RST | TCPHDR_ACK))
        NET_INC_STATS(sock_net(sk), TcpOutRsts);
    else
        NET_INC_STATS(sock_net(sk), TcpExtTCPAbortFailed);
}

int tcp_send_syn(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint8_t flags = sk->sk_state == TCP_SYN_RECV ? TCPHDR_SYN | TCPHDR_ACK : TCPHDR_SYN;
    struct sk_buff *skb = alloc_skb(sock_net(sk), MAX_HEADER);

    if (!skb)
        return -ENOBUFS;
    skb_reserve(skb, MAX_HEADER);
    *TCP_SKB_CB(skb) =
        (struct tcp_skb_cb){.seq = tp->iss, .end_seq = tp->iss + 1, .flags = flags, .csum_valid = true};
    tp->write_seq = tp->snd_nxt = tp->iss + 1;
    tcp_ecn_send_syn(sk, TCP_SKB_CB(skb));
    tcp_write_queue_append(sk, skb);
    tp->send_head = NULL;
    tp->packets_out = 1;
    tcp_transmit_skb(sk, skb,
                     tp->mss_cache); /* without memory it is as good as lost: the timer sends it again */
    tcp_reset_xmit_timer(sk, TCP_TIME_RETRANS, tp->rto_ms);
    return 0;
}

/*
 * Provokes an answer that tells the window (RFC 9293 3.8.6.1): as much new data as a window too small for a
 * whole segment holds, or, with the window shut, an empty segment one byte left of it, which is unacceptable
 * and so must be answered (3.10.7.4).
 */
int tcp_write_wakeup(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *skb = tp->send_head;
    uint32_t mss = tcp_current_mss(sk);

    if (!skb || !before(TCP_SKB_CB(skb)->seq, tp->snd_una + tp->snd_wnd))
        return tcp_send_bare(sk, tp->snd_una - 1, TCPHDR_ACK);
    uint32_t room = tp->snd_una + tp->snd_wnd - TCP_SKB_CB(skb)->seq;
    if (skb->len > min(room, mss) && tcp_fragment(sk, skb, min(room, mss)))
        return -ENOBUFS;
    TCP_SKB_CB(skb)->flags |= TCPHDR_PSH;
    if (tcp_transmit_skb(sk, skb, mss))
        return -ENOBUFS;
    tcp_event_new_data_sent(sk, skb, mss);
    return 0;
}

void tcp_send_keepalive_probe(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    NET_INC_STATS(sock_net(sk), TcpExtTCPKeepAlive);
    tcp_send_bare(sk, tp->snd_una - 1, TCPHDR_ACK); /* RFC 9293 3.8.4 */
}

/* The SYN-ACK of a half-open connection, at its TCP header with the checksum missing; NULL without memory. */
struct sk_buff *tcp_make_synack(struct sock *listener, const struct request_sock *req)
{
    struct sk_buff *skb = alloc_skb(sock_net(listener), MAX_HEADER);
    struct tcp_syn_options opt = {
        .mss = req->advmss,
        .wscale = req->wscale_ok ? req->rcv_wscale : -1,
        .sack_ok = req->sack_ok,
        .tstamp_ok = req->tstamp_ok,
        .tsval = req->is_cookie ? tcp_syncookie_tsval(req) : tcp_time_stamp(req->ts_offset),
        .tsecr = req->ts_recent,
    };
    uint8_t options[TCP_OPTIONS_MAX], cookie[TCPOLEN_FASTOPEN_COOKIE];

    if (!skb)
        return NULL;
    if (req->fastopen_cookie && !req->num_timeout) { /* a box on the way may drop what it does not know */
        tcp_fastopen_req_cookie(req, cookie);
        opt.fastopen_cookie = cookie;
        opt.fastopen_exp = req->fastopen_exp;
    }
    unsigned options_len = tcp_write_syn_options(options, &opt);
    skb_reserve(skb, MAX_HEADER);
    struct tcphdr *th = skb_push(skb, TCP_HEADER_LEN + options_len);
    skb_reset_transport_header(skb);
    *th = (struct tcphdr){
        .source = req->rsk_common.sport,
        .dest = req->rsk_common.dport,
        .seq = cpu_to_be32(req->snt_isn),
        .ack_seq = cpu_to_be32(req->rcv_isn + 1),
        .doff_res = (uint8_t)((TCP_HEADER_LEN + options_len) << 2),
        .flags = TCPHDR_SYN | TCPHDR_ACK | (req->ecn_ok ? TCPHDR_ECE : 0), /* RFC 3168 6.1.1 */
        .window = cpu_to_be16((uint16_t)min(req->rcv_wnd, 65535u)),
    };
    __builtin_memcpy(th + 1, options, options_len);
    return skb;
}
