/*
 * tcp_ipv4.c - TCP's door to IPv4: segments in, connections found, and everything that has an IPv4 address in
 * it.
 *
 * tcp_v4_rcv() is called by ip_local_deliver() for protocol 6. It validates header, checksum and addresses
 * once (tcp_v4_check), looks up ehash and the listeners, and hands the segment on by the kind of what it
 * found. Segments that belong to nobody are answered with RST (RFC 9293 3.10.7.1). Downwards it supplies
 * tcp_ipv4_af_ops, the address family's half of tcp_output.c.
 */
#include <errno.h>

#include "net/ipv4/icmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/ip_sockglue.h"
#include "net/ipv4/route.h"
#include "net/tcp/tcp_internal.h"

#include <netinet/in.h>

/* --- replies without a socket --- */

struct tcp_reply {
    uint32_t seq, ack;
    uint16_t window;         /* as in the header */
    uint8_t flags, tos, ttl; /* ttl 0: the default */
    bool tstamp_ok;          /* RFC 7323 3.2: with these */
    uint32_t tsval, tsecr;
};

/* A bare segment back to where skb (borrowed) came from. */
static void tcp_v4_reply(const struct sk_buff *skb, const struct tcp_reply *reply)
{
    const struct iphdr *iph = ip_hdr(skb);
    const struct tcphdr *from = tcp_hdr(skb);
    struct net *net = skb->net;
    struct flowi4 fl = {.daddr = iph->saddr, .saddr = iph->daddr, .tos = reply->tos, .mark = skb->mark};
    int err;
    struct rtable *rt = ip_route_output(net, &fl, &err);

    if (!rt)
        return;
    struct sk_buff *out = alloc_skb(net, MAX_HEADER);
    if (!out) {
        dst_release(&rt->dst);
        return;
    }
    skb_reserve(out, MAX_HEADER);
    unsigned hdr_len = TCP_HEADER_LEN + (reply->tstamp_ok ? TCPOLEN_TSTAMP_ALIGNED : 0);
    struct tcphdr *th = skb_push(out, hdr_len);
    skb_reset_transport_header(out);
    *th = (struct tcphdr){
        .source = from->dest,
        .dest = from->source,
        .seq = cpu_to_be32(reply->seq),
        .ack_seq = cpu_to_be32(reply->ack),
        .doff_res = (uint8_t)(hdr_len << 2),
        .flags = reply->flags,
        .window = cpu_to_be16(reply->window),
    };
    if (reply->tstamp_ok)
        tcp_write_timestamp((uint8_t *)(th + 1), reply->tsval, reply->tsecr);
    th->check = csum_tcpudp_magic(iph->daddr, iph->saddr, hdr_len, IPPROTO_TCP,
                                  csum_partial(th, hdr_len, (__force wsum)0));
    struct ip_params params = {.saddr = iph->daddr,
                               .daddr = iph->saddr,
                               .protocol = IPPROTO_TCP,
                               .tos = reply->tos,
                               .ttl = reply->ttl,
                               .df = true};
    NET_INC_STATS(net, TcpOutSegs);
    ip_build_and_send(net, NULL, out, &rt->dst, &params);
    dst_release(&rt->dst);
}

/* RFC 9293 3.5.2: the numbers make the RST acceptable to whoever sent the segment. Never in answer to a RST.
 */
static void tcp_v4_send_reset(struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct tcp_reply reply = {.flags = TCPHDR_RST};

    if (seg->flags & TCPHDR_RST)
        return;
    if (seg->flags & TCPHDR_ACK) {
        reply.seq = seg->ack;
    } else {
        reply.flags |= TCPHDR_ACK;
        reply.ack = seg->end_seq;
    }
    NET_INC_STATS(skb->net, TcpOutRsts);
    tcp_v4_reply(skb, &reply);
}

static void tcp_v4_send_request_ack(struct sk_buff *skb, const struct request_sock *req)
{
    struct tcp_reply reply = {.seq = req->snt_isn + 1,
                              .ack = req->rcv_isn + 1,
                              .window = (uint16_t)(req->rcv_wnd >> req->rcv_wscale),
                              .flags = TCPHDR_ACK,
                              .tos = req->rsk_listener->inet_tos,
                              .ttl = req->rsk_listener->inet_ttl,
                              .tstamp_ok = req->tstamp_ok,
                              .tsval = tcp_time_stamp(req->ts_offset),
                              .tsecr = req->ts_recent};

    tcp_v4_reply(skb, &reply);
}

static void tcp_v4_timewait_ack(const struct sk_buff *skb, const struct inet_timewait_sock *tw)
{
    struct tcp_reply reply = {.seq = tw->snd_nxt,
                              .ack = tw->rcv_nxt,
                              .window = (uint16_t)min(tw->rcv_wnd >> tw->rcv_wscale, 65535u),
                              .flags = TCPHDR_ACK,
                              .tos = tw->tos,
                              .ttl = tw->ttl, /* RFC 5082 3: a peer may look at it to the end */
                              .tstamp_ok = tw->tstamp_ok,
                              .tsval = tcp_time_stamp(tw->ts_offset),
                              .tsecr = tw->ts_recent};

    tcp_v4_reply(skb, &reply);
}

/* --- checksum on the way out --- */

/*
 * Copied data was summed while it was copied. Pages hung on by reference were not: a few bytes of them
 * (TCP_SOFT_CSUM_MAX) are summed here, more is left to the card if it can (CHECKSUM_PARTIAL), as are trains,
 * whoever cuts them.
 */
static void tcp_v4_send_check(struct sock *sk, struct sk_buff *skb, unsigned hdr_len, wsum payload)
{
    struct tcphdr *th = tcp_hdr(skb);
    struct dst_entry *dst = sk->sk_dst_cache;

    if (skb_shinfo(skb)->gso_size ||
        (skb->data_len > TCP_SOFT_CSUM_MAX && dst && dst->dev && dst->dev->features & NETIF_F_HW_CSUM)) {
        skb->ip_summed = CHECKSUM_PARTIAL;
        skb->csum_start = skb->transport_header;
        skb->csum_offset = offsetof(struct tcphdr, check);
        wsum pseudo =
            csum_tcpudp_nofold(sk->inet_saddr, sk->sk_daddr, skb->len, IPPROTO_TCP, (__force wsum)0);
        th->check = (__force sum16)(uint16_t) ~(__force uint16_t)csum_fold(pseudo);
        return;
    }
    if (skb->data_len) {
        unsigned linear = skb_headlen(skb);
        payload = csum_block_add(payload, skb_checksum(skb, linear, skb->data_len, (__force wsum)0),
                                 linear - hdr_len);
    }
    skb->ip_summed = CHECKSUM_NONE;
    th->check = csum_tcpudp_magic(sk->inet_saddr, sk->sk_daddr, skb->len, IPPROTO_TCP,
                                  csum_partial(th, hdr_len, payload));
}

/* --- passive open --- */

static int tcp_v4_send_synack(struct sock *listener, struct request_sock *req)
{
    struct sk_buff *skb = tcp_make_synack(listener, req);

    if (!skb)
        return -ENOMEM;
    be32 saddr = req->rsk_common.rcv_saddr, daddr = req->rsk_common.daddr;
    struct tcphdr *th = tcp_hdr(skb);
    th->check =
        csum_tcpudp_magic(saddr, daddr, skb->len, IPPROTO_TCP, csum_partial(th, skb->len, (__force wsum)0));
    req->synack_at = ktime_get();
    struct ip_params params = {.saddr = saddr,
                               .daddr = daddr,
                               .protocol = IPPROTO_TCP,
                               .ttl = listener->inet_ttl,
                               .tos = listener->inet_tos,
                               .df = true};
    NET_INC_STATS(sock_net(listener), TcpOutSegs);
    return ip_build_and_send(sock_net(listener), listener, skb, req->dst, &params);
}

/* What we offer in return. */
static void tcp_v4_request_window(struct sock *listener, struct request_sock *req)
{
    req->advmss = tcp_advertise_mss(listener, req->dst);
    /* In whole segments as they will come, with a timestamp in each. */
    uint32_t payload = req->advmss - (req->tstamp_ok ? TCPOLEN_TSTAMP_ALIGNED : 0);
    tcp_select_initial_window(listener, req->wscale_ok, payload, &req->rcv_wnd, &req->rcv_wscale);
}

static void tcp_v4_request_options(struct sock *listener, struct request_sock *req, const struct tcp_seg *seg,
                                   const struct tcp_options_received *opt)
{
    struct netns_tcp *tn = tcp_net(listener);

    req->wscale_ok = opt->wscale_ok && tn->sysctl_window_scaling;
    req->snd_wscale = req->wscale_ok ? opt->wscale : 0;
    req->sack_ok = opt->sack_ok && tn->sysctl_sack;
    req->tstamp_ok = seg->saw_tstamp && tn->sysctl_timestamps;
    tcp_ecn_rcv_syn(tn, req, seg);
    if (req->tstamp_ok)
        req->ts_recent = seg->tsval;
    req->mss = opt->mss ? opt->mss : TCP_MSS_DEFAULT; /* RFC 9293 MUST-15 */
    req->mss = (uint16_t)max((int)req->mss, tn->sysctl_min_snd_mss);
    tcp_v4_request_window(listener, req);
}

static struct dst_entry *tcp_v4_request_route(struct sock *listener, const struct request_sock *req)
{
    struct flowi4 fl = {.daddr = req->rsk_common.daddr,
                        .saddr = req->rsk_common.rcv_saddr,
                        .oif = listener->sk_bound_dev_if,
                        .tos = listener->inet_tos,
                        .mark = listener->sk_mark};
    int err;
    struct rtable *rt = ip_route_output(sock_net(listener), &fl, &err);

    return rt ? &rt->dst : NULL;
}

/* `least`: behind a TIME_WAIT, else 0. */
static uint32_t tcp_v4_isn(const struct sock_common *c, uint32_t least, uint32_t *ts_offset)
{
    uint32_t isn = tcp_secure_isn(c->net, c->rcv_saddr, c->daddr, c->sport, c->dport, ts_offset);

    return least && !after(isn, least) ? least : isn;
}

/* A request for the two ends of skb (borrowed), routed, in no table; or NULL and why not. */
static struct request_sock *tcp_v4_request_new(struct sock *listener, const struct sk_buff *skb,
                                               const struct tcp_seg *seg, enum skb_drop_reason *reason)
{
    struct request_sock *req = tcp_reqsk_alloc(listener, sock_net(listener));

    *reason = SKB_DROP_REASON_NOMEM;
    if (!req)
        return NULL;
    req->rsk_common.daddr = ip_hdr(skb)->saddr;
    req->rsk_common.rcv_saddr = ip_hdr(skb)->daddr;
    req->rsk_common.dport = tcp_hdr(skb)->source;
    req->rsk_common.sport = tcp_hdr(skb)->dest;
    req->rsk_common.bound_dev_if = listener->sk_bound_dev_if;
    req->rsk_common.hash = seg->hash;
    req->dst = tcp_v4_request_route(listener, req);
    if (req->dst)
        return req;
    *reason = SKB_DROP_REASON_IP_OUTNOROUTES;
    kmem_cache_free(tcp_net(listener)->req_cache, req);
    return NULL;
}

static void tcp_v4_request_free(struct request_sock *req)
{
    dst_release(req->dst);
    kmem_cache_free(req->rsk_common.net->tcp->req_cache, req);
}

/* The queue is full: all there is to know goes out with the SYN-ACK, and nothing stays here. */
static void tcp_v4_send_cookie(struct sock *listener, struct request_sock *req)
{
    req->is_cookie = true;
    if (!req->tstamp_ok) { /* the cookie cannot remember them */
        req->wscale_ok = req->sack_ok = req->ecn_ok = false;
        req->snd_wscale = req->rcv_wscale = 0;
    }
    tcp_syncookie_init(listener, req);
    NET_INC_STATS(sock_net(listener), TcpExtTCPReqQFullDoCookies);
    tcp_v4_send_synack(listener, req);
    tcp_v4_request_free(req);
}

/* A listener has got a SYN (RFC 9293 3.10.7.2): takes skb. */
static void tcp_v4_conn_request(struct sock *listener, struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct net *net = sock_net(listener);
    struct tcp_sock *lp = tcp_sk(listener);
    enum skb_drop_reason reason = SKB_DROP_REASON_TCP_ACCEPTQ_FULL;
    struct tcp_options_received opt;
    struct request_sock *req = NULL;

    if (lp->accept_queue_len > lp->max_backlog)
        NET_INC_STATS(net, TcpExtListenOverflows);
    else
        req = tcp_v4_request_new(listener, skb, seg, &reason);
    if (!req) {
        NET_INC_STATS(net, TcpExtListenDrops);
        kfree_skb_reason(skb, reason);
        return;
    }
    req->rcv_isn = seg->seq;
    req->snt_isn = tcp_v4_isn(&req->rsk_common, TCP_SKB_CB(skb)->tw_isn, &req->ts_offset);
    tcp_parse_options(skb, seg, &opt);
    tcp_v4_request_options(listener, req, seg, &opt);
    if (tcp_syncookie_wanted(listener)) {
        tcp_v4_send_cookie(listener, req);
        consume_skb(skb);
        return;
    }
    tcp_reqsk_queue(listener, req);
    if (unlikely(lp->save_syn))
        tcp_save_syn(listener, req, skb);
    if (tcp_fastopen_try(listener, req, skb, seg, &opt))
        return;
    req->syn_data = tcp_syn_data_keep(listener, skb);
    tcp_v4_send_synack(listener, req); /* if that fails the timer tries again */
}

/* --- active open --- */

static int tcp_v4_route_connect(struct sock *sk, be32 addr)
{
    struct flowi4 fl = {.daddr = addr,
                        .saddr = sk->inet_saddr,
                        .oif = sk->sk_bound_dev_if,
                        .tos = sk->inet_tos,
                        .mark = sk->sk_mark};
    int err = -ENETUNREACH;
    struct rtable *rt = ip_route_output(sock_net(sk), &fl, &err);

    if (!rt)
        return err;
    if (rt->dst.error || rt->type == RTN_BROADCAST || rt->type == RTN_MULTICAST) { /* RFC 9293 MUST-46 */
        err = rt->dst.error ? rt->dst.error : -ENETUNREACH;
        dst_release(&rt->dst);
        return err;
    }
    sk->inet_saddr = fl.saddr;
    sk_dst_set(sk, &rt->dst);
    return 0;
}

/* Everything an active open needs up to the SYN: 0, or -E... and the socket is in CLOSE and in no table. */
static int tcp_v4_connect(struct sock *sk, be32 addr, uint16_t port)
{
    struct tcp_sock *tp = tcp_sk(sk);
    be32 bound = sk->sk_rcv_saddr;
    uint32_t least_isn;

    if (!addr)
        addr = cpu_to_be32(INADDR_LOOPBACK);
    if (ipv4_is_multicast(addr) || ipv4_is_lbcast(addr) || !port)
        return port ? -ENETUNREACH : -EADDRNOTAVAIL;
    sk->inet_saddr = bound;
    int err = tcp_v4_route_connect(sk, addr);
    if (err)
        return err;
    sk->sk_rcv_saddr = sk->inet_saddr;
    sk->sk_daddr = addr;
    sk->sk_dport = cpu_to_be16(port);
    err = tcp_hash_connect(sk, &least_isn);
    if (err) {
        sk->sk_rcv_saddr = sk->inet_saddr = bound;
        sk->sk_daddr = 0;
        sk->sk_dport = 0;
        sk_dst_set(sk, NULL);
        return err;
    }
    tcp_set_state(sk, TCP_SYN_SENT);
    tp->iss = tcp_v4_isn(&sk->sk_common, least_isn, &tp->ts_offset);
    tp->advmss = tcp_advertise_mss(sk, sk->sk_dst_cache);
    tp->mss_clamp = tp->advmss;
    tcp_sync_mss(sk, sk->sk_dst_cache->mtu);
    return 0;
}

static int tcp_v4_rebuild_header(struct sock *sk)
{
    struct flowi4 fl = {.daddr = sk->sk_daddr,
                        .saddr = sk->inet_saddr,
                        .oif = sk->sk_bound_dev_if,
                        .tos = sk->inet_tos,
                        .mark = sk->sk_mark};
    int err = -ENETUNREACH;

    if (sk_dst_check(sk))
        return 0;
    struct rtable *rt = ip_route_output(sock_net(sk), &fl, &err);
    if (!rt)
        return err;
    sk_dst_set(sk, &rt->dst);
    return 0;
}

/* --- a segment comes in --- */

/* Addresses no connection may have (RFC 9293 MUST-57, MUST-63), and LAND: a segment from its own destination.
 */
static bool tcp_v4_bad_addresses(const struct sk_buff *skb)
{
    const struct iphdr *iph = ip_hdr(skb);
    const struct tcphdr *th = tcp_hdr(skb);

    if (skb->pkt_type != PACKET_HOST && skb->pkt_type != PACKET_LOOPBACK)
        return true;
    if (ipv4_is_multicast(iph->saddr) || ipv4_is_lbcast(iph->saddr) || ipv4_is_zeronet(iph->saddr) ||
        ipv4_is_multicast(iph->daddr) || ipv4_is_lbcast(iph->daddr))
        return true;
    if (skb->dst && skb_rtable(skb)->type != RTN_LOCAL)
        return true;
    return iph->saddr == iph->daddr && th->source == th->dest;
}

/* Bytes of checksum nobody has verified yet are summed here (QEMU's e1000 does not look). */
static bool tcp_v4_checksum_ok(const struct sk_buff *skb)
{
    const struct iphdr *iph = ip_hdr(skb);

    if (skb->ip_summed == CHECKSUM_UNNECESSARY ||
        skb->ip_summed == CHECKSUM_PARTIAL) /* PARTIAL: never left us */
        return true;
    wsum sum =
        skb->ip_summed == CHECKSUM_COMPLETE ? skb->csum : skb_checksum(skb, 0, skb->len, (__force wsum)0);
    return csum_tcpudp_magic(iph->saddr, iph->daddr, skb->len, IPPROTO_TCP, sum) == (__force sum16)0;
}

/* Everything that can be known about a segment by itself: SKB_NOT_DROPPED_YET, then `seg` may be trusted. */
static enum skb_drop_reason tcp_v4_check(struct sk_buff *skb, struct tcp_seg *seg)
{
    enum skb_drop_reason reason;

    if (!pskb_may_pull(skb, TCP_HEADER_LEN))
        return SKB_DROP_REASON_PKT_TOO_SMALL;
    unsigned hdr_len = ((const struct tcphdr *)skb->data)->doff_res >> 4 << 2;
    if (hdr_len < TCP_HEADER_LEN || !pskb_may_pull(skb, hdr_len))
        return SKB_DROP_REASON_TCP_HDR;
    skb_reset_transport_header(skb);
    if (tcp_v4_bad_addresses(skb))
        return SKB_DROP_REASON_TCP_INVALID_ADDR;
    if (!tcp_v4_checksum_ok(skb)) {
        NET_INC_STATS(skb->net, TcpInCsumErrors);
        return SKB_DROP_REASON_TCP_CSUM;
    }
    if (tcp_parse_segment(skb, seg, &reason))
        return reason;
    seg->ecn = ip_hdr(skb)->tos & INET_ECN_MASK;
    return SKB_NOT_DROPPED_YET;
}

/* Takes skb. */
static void tcp_v4_do_rcv(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg)
{
    sock_hold(sk);
    unsigned segs = skb_segs(skb);
    tcp_sk(sk)->segs_in += segs;
    if (seg->len)
        tcp_sk(sk)->data_segs_in += segs;
    tcp_sk(sk)->acks_in = skb_shinfo(skb)->gso_size ? 1 : segs; /* all of a train tell the same */
    if (likely(sk->sk_state == TCP_ESTABLISHED))
        tcp_rcv_established(sk, skb, seg);
    else
        tcp_rcv_state_process(sk, skb, seg);
    sock_put(sk);
}

static void tcp_v4_no_socket(struct sk_buff *skb, const struct tcp_seg *seg)
{
    tcp_v4_send_reset(skb, seg);
    kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
}

/* A half-open connection: takes skb. */
static void tcp_v4_rcv_request(struct request_sock *req, struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct sock *listener = req->rsk_listener;
    enum skb_drop_reason reason = SKB_DROP_REASON_TCP_LISTEN;
    struct sock *child = tcp_check_req(skb, seg, req, &reason);

    if (!child) {
        kfree_skb_reason(skb, reason);
        return;
    }
    tcp_note_way(child, skb);
    tcp_accept_queue_add(listener, child);
    tcp_v4_do_rcv(child, skb, seg);
    if (!listener->sk_dead)
        listener->sk_data_ready(listener);
}

/* Is there room for a connection that comes by cookie? There is no request to wait in: it must go at once. */
static bool tcp_v4_cookie_room(struct sock *listener, const struct tcp_seg *seg)
{
    const struct tcp_sock *lp = tcp_sk(listener);

    if (lp->defer_accept_ms && !seg->len) /* the data will bring the cookie again */
        return false;
    if (lp->accept_queue_len <= lp->max_backlog)
        return true;
    NET_INC_STATS(sock_net(listener), TcpExtListenOverflows);
    NET_INC_STATS(sock_net(listener), TcpExtListenDrops);
    return false;
}

/* The ACK of a SYN cookie becomes the request we did not keep, and goes the way of all others. */
static bool tcp_v4_cookie_ack(struct sock *listener, struct sk_buff *skb, const struct tcp_seg *seg)
{
    enum skb_drop_reason reason = SKB_DROP_REASON_TCP_LISTEN;

    if (!tcp_sk(listener)->cookie_sent_ms)
        return false;
    struct request_sock *req = tcp_v4_request_new(listener, skb, seg, &reason);
    if (!req)
        return false;
    req->rcv_isn = seg->seq - 1;
    req->snt_isn = seg->ack - 1;
    req->mss = tcp_syncookie_check(listener, req);
    if (!req->mss) {
        tcp_v4_request_free(req);
        return false;
    }
    if (!tcp_v4_cookie_room(listener, seg)) {
        tcp_v4_request_free(req);
        kfree_skb_reason(skb, SKB_DROP_REASON_TCP_LISTEN);
        return true;
    }
    req->mss = (uint16_t)max((int)req->mss, tcp_net(listener)->sysctl_min_snd_mss);
    tcp_v4_isn(&req->rsk_common, 0, &req->ts_offset); /* the number itself was the cookie */
    tcp_syncookie_options(req, seg);
    tcp_v4_request_window(listener, req);
    tcp_reqsk_queue(listener, req);
    /* Its timestamp has been used: as an echo of options it tells no round trip. */
    struct tcp_seg ack = *seg;
    ack.saw_tstamp = false;
    tcp_v4_rcv_request(req, skb, &ack);
    return true;
}

/*
 * Does the socket refuse the segment unseen? By its distance (IP_MINTTL, RFC 5082: what a stranger sends from
 * further away cannot look as if it came from here), or by its filter. Then skb is taken.
 */
static bool tcp_v4_refuses(struct sock *sk, struct sk_buff *skb, struct tcp_seg *seg)
{
    if (unlikely(ip_hdr(skb)->ttl < sk->inet_min_ttl)) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPMinTTLDrop);
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_MINTTL);
        return true;
    }
    return tcp_filter_drops(sk, skb, seg);
}

/* Takes skb. */
static void tcp_v4_rcv_timewait(struct inet_timewait_sock *tw, struct sk_buff *skb, struct tcp_seg *seg)
{
    struct net *net = skb->net;
    struct sock *listener;

    switch (tcp_timewait_state_process(tw, seg)) {
    case TCP_TW_SYN:
        listener = tcp_lookup_listener(net, ip_hdr(skb)->daddr, tcp_hdr(skb)->dest,
                                       skb->dev ? skb->dev->ifindex : 0);
        if (listener && tcp_v4_refuses(listener, skb, seg))
            return;
        if (listener) {
            TCP_SKB_CB(skb)->tw_isn = tcp_tw_next_isn(tw);
            NET_INC_STATS(net, TcpExtTWRecycled);
            tcp_tw_kill(tw);
            tcp_v4_do_rcv(listener, skb, seg);
            return;
        }
        tcp_v4_timewait_ack(skb, tw);
        break;
    case TCP_TW_ACK:
        tcp_v4_timewait_ack(skb, tw);
        break;
    case TCP_TW_RST:
        tcp_v4_send_reset(skb, seg);
        tcp_tw_kill(tw);
        break;
    case TCP_TW_DROP:
        break;
    }
    kfree_skb_reason(skb, SKB_DROP_REASON_TCP_TIMEWAIT);
}

/* ip_local_deliver() has a segment: takes skb, which stands at the TCP header. */
static int tcp_v4_rcv(struct sk_buff *skb)
{
    struct net *net = skb->net;
    struct tcp_seg seg;
    int dif = skb->dev ? skb->dev->ifindex : 0;

    NET_ADD_STATS(net, TcpInSegs, skb_segs(skb));
    enum skb_drop_reason reason = tcp_v4_check(skb, &seg);
    if (unlikely(reason)) {
        NET_INC_STATS(net, TcpInErrs);
        kfree_skb_reason(skb, reason);
        return 0;
    }
    const struct iphdr *iph = ip_hdr(skb);
    const struct tcphdr *th = tcp_hdr(skb);
    seg.hash = tcp_ehashfn(net, iph->saddr, th->source, iph->daddr, th->dest);
    struct sock_common *c =
        tcp_lookup_hashed(net->tcp, seg.hash, iph->saddr, th->source, iph->daddr, th->dest, dif);

    if (!c) {
        struct sock *listener = tcp_lookup_listener(net, iph->daddr, th->dest, dif);
        if (!listener)
            tcp_v4_no_socket(skb, &seg);
        else if (!tcp_v4_refuses(listener, skb, &seg))
            tcp_v4_do_rcv(listener, skb, &seg);
    } else if (c->state == TCP_TIME_WAIT) {
        tcp_v4_rcv_timewait(inet_twsk(c), skb, &seg);
    } else if (c->state == TCP_NEW_SYN_RECV) {
        if (!tcp_v4_refuses(inet_reqsk(c)->rsk_listener, skb, &seg))
            tcp_v4_rcv_request(inet_reqsk(c), skb, &seg);
    } else if (!tcp_v4_refuses((struct sock *)c, skb, &seg)) {
        tcp_v4_do_rcv((struct sock *)c, skb, &seg);
    }
    return 0;
}

/* --- ICMP errors (RFC 9293 3.9.2.2, RFC 5927) --- */

static void tcp_v4_mtu_reduced(struct sock *sk, uint32_t mtu)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (sk->inet_pmtudisc == IP_PMTUDISC_DONT)
        return;
    mtu = max(mtu, TCP_MIN_MTU); /* RFC 5927 7.2 */
    if (mtu >= tp->pmtu_cookie)
        return;
    ip_rt_update_pmtu(sock_net(sk), sk->sk_daddr, mtu);
    sk_dst_set(sk, NULL);
    if (tp->af_ops->rebuild_header(sk) == 0)
        mtu = min(mtu, sk->sk_dst_cache->mtu);
    uint32_t old_mss = tp->mss_cache;
    tcp_sync_mss(sk, mtu);
    if (tp->mss_cache < old_mss && tp->packets_out)
        tcp_simple_retransmit(sk);
}

static bool tcp_icmp_is_hard(uint8_t type, uint8_t code)
{
    return type == ICMP_DEST_UNREACH && (code == ICMP_PROT_UNREACH || code == ICMP_PORT_UNREACH);
}

/* Who asked for it (IP_RECVERR) is told of each error at once, but only an attempt to connect ends by it. */
static void tcp_v4_sock_err(struct sock *sk, const struct ip_icmp_error *e)
{
    if (e->type == ICMP_DEST_UNREACH && e->code == ICMP_FRAG_NEEDED) {
        tcp_v4_mtu_reduced(sk, e->info);
        return;
    }
    /* RFC 5927 5.2: a connection that stands is not brought down by what anyone could have sent. */
    bool opening = sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV;
    if (tcp_sk(sk)->fastopen_rsk && !tcp_sk(sk)->listener) /* an application works for it already */
        opening = false;
    if (opening && (sk->inet_recverr || tcp_icmp_is_hard(e->type, e->code))) {
        ip_queue_icmp_error(sk, e, sk->sk_dport, ip_hdrlen((const struct iphdr *)e->skb->data));
        sk->sk_err = e->err;
        tcp_write_queue_purge(sk);
        tcp_done(sk);
        if (!sk->sk_dead)
            sk->sk_error_report(sk);
        return;
    }
    if (sk->inet_recverr && !sk->sk_dead) {
        sk->sk_err = e->err;
        sk->sk_error_report(sk);
    } else {
        sk->sk_err_soft = e->err;
    }
}

/* skb (borrowed) at the quoted IPv4 header; 8 bytes behind it are there. */
static void tcp_v4_err(struct sk_buff *skb, uint8_t type, uint8_t code, uint32_t info, int err)
{
    const struct iphdr *iph = (const struct iphdr *)skb->data;
    const uint8_t *quoted = skb->data + ip_hdrlen(iph);
    be16 sport = cpu_to_be16(get_unaligned_be16(quoted)), dport = cpu_to_be16(get_unaligned_be16(quoted + 2));
    uint32_t seq = get_unaligned_be32(quoted + 4);
    struct ip_icmp_error e = {.skb = skb, .type = type, .code = code, .info = info, .err = err};

    if (type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT) /* RFC 9293 MUST-55 */
        return;
    struct sock_common *c = tcp_lookup_established(skb->net, iph->daddr, dport, iph->saddr, sport,
                                                   skb->dev ? skb->dev->ifindex : 0);
    if (!c || c->state == TCP_TIME_WAIT)
        return;
    struct sock *sk = c->state == TCP_NEW_SYN_RECV ? inet_reqsk(c)->rsk_listener : (struct sock *)c;
    if (unlikely(ip_hdr(skb)->ttl < sk->inet_min_ttl)) { /* RFC 5082 3: what is said about it, too */
        NET_INC_STATS(skb->net, TcpExtTCPMinTTLDrop);
        return;
    }
    if (c->state == TCP_NEW_SYN_RECV) {
        if (seq == inet_reqsk(c)->snt_isn && tcp_icmp_is_hard(type, code))
            tcp_reqsk_drop(inet_reqsk(c));
        return;
    }
    struct tcp_sock *tp = tcp_sk(sk);
    /* RFC 5927 4.1: it must quote something that is under way. */
    if (sk->sk_state == TCP_CLOSE || before(seq, tp->snd_una) || !before(seq, tp->snd_nxt)) {
        NET_INC_STATS(skb->net, TcpExtOutOfWindowIcmps);
        return;
    }
    sock_hold(sk);
    tcp_v4_sock_err(sk, &e);
    sock_put(sk);
}

/* --- registration --- */

const struct inet_connection_sock_af_ops tcp_ipv4_af_ops = {
    .queue_xmit = ip_queue_xmit,
    .send_check = tcp_v4_send_check,
    .rebuild_header = tcp_v4_rebuild_header,
    .connect = tcp_v4_connect,
    .conn_request = tcp_v4_conn_request,
    .send_synack = tcp_v4_send_synack,
    .send_reset = tcp_v4_send_reset,
    .cookie_ack = tcp_v4_cookie_ack,
    .send_request_ack = tcp_v4_send_request_ack,
    .net_header_len = sizeof(struct iphdr),
};

static const struct net_protocol tcp_protocol = {
    .handler = tcp_v4_rcv,
    .err_handler = tcp_v4_err,
};

int tcp_v4_init(struct net *net)
{
    return inet_add_protocol(net, &tcp_protocol, IPPROTO_TCP);
}

void tcp_v4_exit(struct net *net)
{
    inet_del_protocol(net, IPPROTO_TCP);
}
