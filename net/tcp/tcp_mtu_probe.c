/*
 * tcp_mtu_probe.c - finding the path MTU without the routers' help (RFC 4821, RFC 8899 5): where long
 * segments vanish and no ICMP says why, shorter ones are sent, and now and then a longer one, to see whether
 * it arrives.
 *
 * net.ipv4.tcp_mtu_probing is 0: never; 1: once a black hole is suspected; 2: always, from tcp_base_mss up.
 * tcp_mtu_probe_floor, tcp_probe_threshold and tcp_probe_interval bound the search.
 *
 * tcp_timer.c suspects a black hole; from then on tcp_sock.probe_low bounds the MSS. tcp_write_xmit() asks
 * here before it sends. A probe is made of data that waits anyway, one segment of it longer than the others,
 * with enough behind it that its loss is noticed: an ACK of it raises probe_low, its loss alone lowers
 * probe_high, and is no sign of congestion. The first probe of a search goes for all the link allows (RFC
 * 4821 7.3: what worked elsewhere is likely), the others for the middle. All sizes are MSS without options
 * taken off.
 */
#include <netinet/in.h>

#include "net/tcp/tcp_internal.h"

static uint32_t tcp_options_len(const struct tcp_sock *tp)
{
    return tcp_header_len(tp) - TCP_HEADER_LEN;
}

/* What a probe may have at most: what the link, the route and the peer take, and no probe has failed with. */
static uint32_t tcp_probe_top(const struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t top = min(tcp_mtu_to_mss(sk, tp->pmtu_cookie), tp->mss_clamp);

    return tp->probe_high ? min(top, (uint32_t)tp->probe_high) : top;
}

static void tcp_probe_start(struct sock *sk, uint32_t low, uint32_t high)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tp->probe_low = (uint16_t)min(low, tcp_probe_top(sk));
    tp->probe_high = (uint16_t)high;
    tp->probe_size = 0;
    tp->probe_search_ms = ktime_get_ms();
    tcp_sync_mss(sk, tp->pmtu_cookie);
}

/* The connection stands. */
void tcp_mtu_probe_init(struct sock *sk)
{
    tcp_sk(sk)->probe_low = 0;
    if (tcp_net(sk)->sysctl_mtu_probing > 1 && sk->inet_pmtudisc != IP_PMTUDISC_DONT)
        tcp_probe_start(sk, (uint32_t)tcp_net(sk)->sysctl_base_mss, 0);
}

/* RFC 4821 7.7: segments of this length go out again and again and nothing comes back. Half of it will do. */
void tcp_mtu_black_hole(struct sock *sk, uint32_t len)
{
    const struct netns_tcp *tn = tcp_net(sk);
    uint32_t floor = (uint32_t)tn->sysctl_mtu_probe_floor, half = tcp_sk(sk)->mss_cache / 2;

    if (!tn->sysctl_mtu_probing || sk->inet_pmtudisc == IP_PMTUDISC_DONT || len <= floor)
        return;
    tcp_probe_start(sk, max(min(half, (uint32_t)tn->sysctl_base_mss), floor),
                    min(len, tcp_sk(sk)->mss_cache) + tcp_options_len(tcp_sk(sk)) - 1);
}

/* The next size to try, or 0: what is known will do. After tcp_probe_interval the path may be another. */
static uint32_t tcp_probe_next_size(struct sock *sk)
{
    const struct netns_tcp *tn = tcp_net(sk);
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t low = tp->probe_low, top = tcp_probe_top(sk);

    if (top < low + (uint32_t)tn->sysctl_probe_threshold) { /* RFC 4821 7.3: no better than it is worth */
        if (!tp->probe_high ||
            tp->last_snd_ms < tp->probe_search_ms + (uint64_t)tn->sysctl_probe_interval * 1000)
            return 0;
        tp->probe_high = 0;
        tp->probe_search_ms = tp->last_snd_ms;
        top = tcp_probe_top(sk);
        if (top < low + (uint32_t)tn->sysctl_probe_threshold)
            return 0;
    }
    return tp->probe_high ? low + (top - low + 1) / 2 : top;
}

/* Only what is sent behind the probe tells of its loss, and it must not be what fills the window either. */
static bool tcp_probe_fits(const struct tcp_sock *tp, uint32_t len, uint32_t mss)
{
    uint32_t behind = (tp->reordering + 1) * mss;

    return tp->send_head->len >= len && tp->write_seq - tp->snd_nxt >= len + behind &&
           tp->snd_wnd >= len + behind && tp->snd_cwnd >= len + behind;
}

/**
 * tcp_mtu_probe - sends a longer segment if it is time to; for sockets with probe_low
 * @mss: what other segments have now
 *
 * Return: TCP_PROBE_NONE, TCP_PROBE_SENT, or TCP_PROBE_WAIT: it is time, and the next ACK makes the room.
 */
enum tcp_mtu_probe tcp_mtu_probe(struct sock *sk, uint32_t mss)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->probe_size || !tp->send_head || tp->ca_state != TCP_CA_Open || tp->sacked_out || tp->dupacks ||
        tp->snd_urg || tp->ecn_flags & TCP_ECN_QUEUE_CWR || mss != tp->mss_cache)
        return TCP_PROBE_NONE;
    uint32_t size = tcp_probe_next_size(sk), len = size - tcp_options_len(tp);
    if (!size || !tcp_probe_fits(tp, len, mss))
        return TCP_PROBE_NONE;
    uint32_t seq = TCP_SKB_CB(tp->send_head)->seq, in_flight = tcp_in_flight(tp);
    if (in_flight + len > tp->snd_cwnd || after(seq + len, tp->snd_una + tp->snd_wnd))
        return in_flight ? TCP_PROBE_WAIT : TCP_PROBE_NONE;
    if (tcp_needs_pacing(tp) && !tcp_pacing_quota(sk, mss))
        return TCP_PROBE_WAIT; /* the timer comes back */
    if (!tcp_send_segment(sk, len))
        return TCP_PROBE_NONE;
    if (tcp_needs_pacing(tp))
        tcp_pacing_sent(tp, len);
    tp->probe_size = (uint16_t)size;
    tp->probe_start = seq;
    tp->probe_end = seq + len;
    return TCP_PROBE_SENT;
}

/* 7.6.1: all of it has been acknowledged, and it went only once. */
void tcp_mtu_probe_acked(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    NET_INC_STATS(sock_net(sk), TcpExtTCPMTUPSuccess);
    tp->probe_low = tp->probe_size;
    tp->probe_size = 0;
    tcp_sync_mss(sk, tp->pmtu_cookie);
}

static void tcp_probe_fail(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    NET_INC_STATS(sock_net(sk), TcpExtTCPMTUPFail);
    tp->probe_high = tp->probe_size - 1;
    tp->probe_size = 0;
}

/* 7.6.3: a time-out with the probe in front. The windows fall as for any other. */
void tcp_mtu_probe_timeout(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->snd_una == tp->probe_start)
        tcp_probe_fail(sk);
    tp->probe_size = 0;
}

/* Without a scoreboard there is no recovery: the probe's bytes go again at once, in segments that pass. */
static void tcp_probe_resend_plain(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    for (struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
         skb && skb != tp->send_head && before(TCP_SKB_CB(skb)->seq, tp->probe_end);
         skb = skb_queue_next(&sk->sk_write_queue, skb))
        if (tcp_retransmit_skb(sk, skb))
            break;
    tp->high_seq = tp->snd_nxt; /* duplicates of this flight call for nothing more */
    tp->dupacks = 0;
    tcp_rearm_rto(sk);
}

/**
 * tcp_mtu_probe_lost - a loss was found while a probe is out, and recovery is about to begin
 *
 * RFC 4821 7.6.2: if it is the probe, and nothing else, it was too long. That is no congestion: windows stay.
 * Else it remains open how the probe fares (7.6.4).
 *
 * Return: true if there is nothing to recover from
 */
bool tcp_mtu_probe_lost(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (tp->snd_una != tp->probe_start || (tp->sack_ok && tp->lost_out != tp->probe_end - tp->probe_start)) {
        tp->probe_size = 0;
        return false;
    }
    tcp_probe_fail(sk);
    if (!tp->sack_ok) {
        tcp_probe_resend_plain(sk);
        return true;
    }
    tp->ca_state =
        TCP_CA_Loss; /* what is marked goes again, and ssthresh stays: as tcp_simple_retransmit() */
    tp->high_seq = tp->probe_end;
    tp->undo_active = tp->frto = tp->tlp_pending = false;
    tp->retrans_hint = NULL;
    return true;
}
