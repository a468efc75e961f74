/*
 * tcp_minisocks.c - connections that need no full socket: half open (struct request_sock) and TIME_WAIT
 * (struct inet_timewait_sock). Both live in ehash beside the full ones and are small and bounded, because
 * strangers make them.
 *
 * A SYN makes a request; the ACK of our SYN-ACK turns it into a child socket on the listener's accept queue.
 * A connection that we closed first ends as a TIME_WAIT for 60 s. All TIME_WAITs wait equally long, so one
 * list in the order of expiry and one timer do for any number of them.
 */
#include <netinet/in.h>
#include <errno.h>

#include "net/core/bpf.h"
#include "net/tcp/tcp_internal.h"

/* One look at the lists serves all that expire within this time: a TIME_WAIT may last longer, never shorter.
 */
#define TCP_TW_SLACK_MS 64u

static void tcp_tw_timer(struct timer *timer);

int tcp_minisocks_init(struct netns_tcp *tn)
{
    INIT_LIST_HEAD(&tn->tw_list);
    INIT_LIST_HEAD(&tn->fin_wait2_list);
    timer_setup(&tn->tw_timer, tcp_tw_timer);
    tn->req_cache = kmem_cache_create("request_sock_TCP", sizeof(struct request_sock), 0);
    tn->tw_cache = kmem_cache_create("tw_sock_TCP", sizeof(struct inet_timewait_sock), 0);
    if (tn->req_cache && tn->tw_cache)
        return 0;
    tcp_minisocks_exit(tn);
    return -ENOMEM;
}

static struct inet_timewait_sock *tcp_tw_oldest(struct netns_tcp *tn)
{
    struct list_head *list = list_empty(&tn->tw_list) ? &tn->fin_wait2_list : &tn->tw_list;

    return list_empty(list) ? NULL : list_first_entry(list, struct inet_timewait_sock, list);
}

void tcp_minisocks_exit(struct netns_tcp *tn)
{
    struct inet_timewait_sock *tw;

    while ((tw = tcp_tw_oldest(tn)))
        tcp_tw_kill(tw);
    del_timer(&tn->tw_timer);
    if (tn->req_cache)
        kmem_cache_destroy(tn->req_cache);
    if (tn->tw_cache)
        kmem_cache_destroy(tn->tw_cache);
    tn->req_cache = tn->tw_cache = NULL;
}

/* --- half open --- */

void tcp_reqsk_drop(struct request_sock *req)
{
    struct netns_tcp *tn = req->rsk_common.net->tcp;

    del_timer(&req->timer);
    tcp_unhash(&req->rsk_common);
    list_del_init(&req->list);
    tcp_sk(req->rsk_listener)->syn_queue_len--;
    tn->req_count--;
    if (req->syn_data)
        kfree_skb_reason(req->syn_data, SKB_DROP_REASON_SOCKET_CLOSE);
    tcp_saved_syn_free(&req->saved_syn);
    dst_release(req->dst);
    kmem_cache_free(tn->req_cache, req);
}

static uint32_t tcp_defer_accept_ms(const struct request_sock *req)
{
    return tcp_sk(req->rsk_listener)->defer_accept_ms;
}

/* While the queue is more than half full each has two tries only: most of what fills it will never answer. */
static unsigned tcp_synack_retries(const struct sock *listener)
{
    const struct netns_tcp *tn = tcp_net(listener);
    bool crowded = tcp_sk(listener)->syn_queue_len > (uint32_t)tn->sysctl_max_syn_backlog / 2;

    return (unsigned)(crowded ? min(tn->sysctl_synack_retries, 2) : tn->sysctl_synack_retries);
}

/* SYN-ACK after 1, 3, 7 ... s (RFC 6298 with RFC 9293 MUST-22); silence ends it. */
static void tcp_reqsk_timer(struct timer *timer)
{
    struct request_sock *req = container_of(timer, struct request_sock, timer);
    struct sock *listener = req->rsk_listener;
    struct net *net = req->rsk_common.net;
    uint64_t now = ktime_get_ms();

    if (req->num_timeout >= tcp_synack_retries(listener)) {
        tcp_reqsk_drop(req);
        return;
    }
    req->num_timeout++;
    /* A peer that is only being waited for to send data has nothing to be told. */
    if (!req->acked || now - req->created_ms >= tcp_defer_accept_ms(req)) {
        NET_INC_STATS(net, TcpExtTCPTimeouts);
        NET_INC_STATS(net, TcpRetransSegs);
        tcp_sk(listener)->af_ops->send_synack(listener, req);
    }
    /* The settings allow more doublings than a number has bits; the ceiling is met long before. */
    unsigned doublings = min((unsigned)req->num_timeout, 16u);
    mod_timer(&req->timer, now + min(TCP_TIMEOUT_INIT << doublings, tcp_rto_max(tcp_sk(listener))));
}

/*
 * Zeroed, with its timer set up; of no table yet. When the listener's queue is full the oldest makes room, or
 * with SYN cookies what comes next is not queued at all (tcp_syncookies.c).
 */
struct request_sock *tcp_reqsk_alloc(struct sock *listener, struct net *net)
{
    struct netns_tcp *tn = net->tcp;
    struct tcp_sock *tp = tcp_sk(listener);

    if (!tn->sysctl_syncookies && tp->syn_queue_len >= (uint32_t)tn->sysctl_max_syn_backlog) {
        NET_INC_STATS(net, TcpExtTCPReqQFullDrop);
        NET_INC_STATS(net, TcpExtListenDrops);
        tcp_reqsk_drop(list_first_entry(&tp->syn_queue, struct request_sock, list));
    }
    struct request_sock *req = kmem_cache_zalloc(tn->req_cache);
    if (!req)
        return NULL;
    req->rsk_listener = listener;
    req->rsk_common.net = net;
    req->rsk_common.state = TCP_NEW_SYN_RECV;
    req->rsk_common.family = listener->sk_family;
    req->rsk_common.protocol = listener->sk_protocol;
    timer_setup(&req->timer, tcp_reqsk_timer);
    return req;
}

void tcp_reqsk_queue(struct sock *listener, struct request_sock *req)
{
    struct tcp_sock *tp = tcp_sk(listener);
    struct netns_tcp *tn = tcp_net(listener);

    req->created_ms = ktime_get_ms();
    list_add_tail(&req->list, &tp->syn_queue);
    tp->syn_queue_len++;
    tn->req_count++;
    tcp_ehash_insert(tn, &req->rsk_common);
    mod_timer(&req->timer, req->created_ms + TCP_TIMEOUT_INIT);
}

/* --- from half open to open --- */

static void tcp_child_inherit_options(struct sock *child, const struct sock *listener)
{
    struct tcp_sock *tp = tcp_sk(child);
    const struct tcp_sock *lp = tcp_sk(listener);

    child->sk_rcvbuf = listener->sk_rcvbuf;
    child->sk_sndbuf = listener->sk_sndbuf;
    child->sk_rcvbuf_locked = listener->sk_rcvbuf_locked;
    child->sk_sndbuf_locked = listener->sk_sndbuf_locked;
    child->sk_reuse = listener->sk_reuse;
    child->sk_reuseport = listener->sk_reuseport;
    child->sk_keepalive = listener->sk_keepalive;
    child->sk_linger = listener->sk_linger;
    child->sk_lingertime_ms = listener->sk_lingertime_ms;
    child->sk_rcvtimeo_ms = listener->sk_rcvtimeo_ms;
    child->sk_sndtimeo_ms = listener->sk_sndtimeo_ms;
    child->sk_rcvlowat = listener->sk_rcvlowat;
    child->sk_priority = listener->sk_priority;
    child->sk_mark = listener->sk_mark;
    child->sk_max_pacing_rate = listener->sk_max_pacing_rate;
    child->inet_ttl = listener->inet_ttl;
    child->inet_min_ttl = listener->inet_min_ttl;
    child->inet_tos = listener->inet_tos;
    child->inet_pmtudisc = listener->inet_pmtudisc;
    child->inet_recverr = listener->inet_recverr;
    child->inet_pktinfo = listener->inet_pktinfo;
    child->inet_recvttl = listener->inet_recvttl;
    child->inet_recvtos = listener->inet_recvtos;
    child->sk_filter = bpf_prog_get(listener->sk_filter);
    child->sk_filter_locked = listener->sk_filter_locked;
    tp->af_ops = lp->af_ops;
    if (lp->ca_chosen) { /* else the sysctl's, as it is now */
        tp->ca_ops = lp->ca_ops;
        tp->ca_chosen = true;
    }
    tp->nonagle = lp->nonagle;
    tp->user_mss = lp->user_mss;
    tp->user_timeout_ms = lp->user_timeout_ms;
    tp->notsent_lowat = lp->notsent_lowat;
    tp->rto_max_ms = lp->rto_max_ms;
    tp->recvmsg_inq = lp->recvmsg_inq;
    tp->linger2_s = lp->linger2_s;
    tp->keepalive_time_ms = lp->keepalive_time_ms;
    tp->keepalive_intvl_ms = lp->keepalive_intvl_ms;
    tp->keepalive_probes = lp->keepalive_probes;
    tp->syn_retries = lp->syn_retries;
    tp->window_clamp = lp->window_clamp;
}

static void tcp_child_inherit_request(struct sock *child, struct request_sock *req)
{
    struct tcp_sock *tp = tcp_sk(child);

    child->sk_daddr = req->rsk_common.daddr;
    child->sk_rcv_saddr = child->inet_saddr = req->rsk_common.rcv_saddr;
    child->sk_dport = req->rsk_common.dport;
    child->sk_bound_dev_if = req->rsk_common.bound_dev_if;
    child->sk_common.hash = req->rsk_common.hash;
    sk_dst_set(child, req->dst);
    req->dst = NULL;
    tcp_syn_data_inherit(child, req->syn_data);
    req->syn_data = NULL;
    tcp_saved_syn_move(child, req);

    tp->iss = tp->snd_una = tp->snd_up = req->snt_isn;
    tp->snd_nxt = tp->write_seq = tp->snd_sml = req->snt_isn + 1;
    tp->irs = tp->snd_wl1 = req->rcv_isn;
    tp->snd_wl2 = req->snt_isn;
    tp->rcv_nxt = tp->rcv_wup = tp->copied_seq = tp->rcv_up = req->rcv_isn + 1;
    tp->rcv_wnd = req->rcv_wnd;
    tp->snd_wscale = req->snd_wscale;
    tp->rcv_wscale = req->rcv_wscale;
    tp->mss_clamp = req->mss;
    tp->advmss = req->advmss;
    tp->tstamp_ok = req->tstamp_ok;
    tp->sack_ok = req->sack_ok;
    tp->wscale_ok = req->wscale_ok;
    tp->delivered = 1; /* the SYN-ACK */
    tp->ecn_flags = req->ecn_ok ? TCP_ECN_OK : 0;
    tp->ts_recent = req->ts_recent;
    tp->ts_offset = req->ts_offset;
    tp->last_ack_ms = req->created_ms;
    tcp_sync_mss(child, child->sk_dst_cache->mtu);
    tcp_initialize_rcv_mss(tp);
    tp->high_seq = tp->fack = tp->iss;
    tp->total_retrans = req->num_timeout;
    tp->syn_retransmitted = req->num_timeout != 0;
    if (!req->num_timeout && req->synack_at) /* a cookie does not tell when it was sent */
        tcp_rtt_sample(tp, (ktime_get() - req->synack_at) / NSEC_PER_USEC);
}

struct sock *tcp_create_openreq_child(struct sock *listener, struct request_sock *req)
{
    struct netns_tcp *tn = tcp_net(listener);
    int err;

    if (tcp_pages_short(tn)) /* the peer, or our SYN-ACK, will bring another chance */
        return NULL;
    struct sock *child = sk_alloc(sock_net(listener), listener->sk_prot, SOCK_STREAM, IPPROTO_TCP, &err);

    if (!child)
        return NULL;
    tcp_child_inherit_options(child, listener);
    if (tcp_bind_inherit(child, listener)) {
        sock_put(child);
        return NULL;
    }
    tcp_child_inherit_request(child, req);
    tcp_reqsk_drop(req);
    tcp_set_state(child, TCP_SYN_RECV);
    tcp_ehash_insert(tn, &child->sk_common);
    NET_INC_STATS(sock_net(listener), TcpPassiveOpens);
    return child;
}

static void tcp_reqsk_challenge(struct sk_buff *skb, struct request_sock *req)
{
    struct net *net = req->rsk_common.net;

    if (tcp_challenge_limited(net, &req->last_oow_ack_ms))
        return;
    NET_INC_STATS(net, TcpExtTCPChallengeACK);
    tcp_sk(req->rsk_listener)->af_ops->send_request_ack(skb, req);
}

/* The steps before the ACK, as RFC 9293 3.10.7.4 has them for SYN-RECEIVED out of LISTEN: true to go on. */
static bool tcp_check_req_flags(struct sk_buff *skb, const struct tcp_seg *seg, struct request_sock *req,
                                enum skb_drop_reason *reason)
{
    struct sock *listener = req->rsk_listener;
    uint32_t rcv_nxt = req->rcv_isn + 1;

    if (seg->seq == req->rcv_isn && (seg->flags & (TCPHDR_SYN | TCPHDR_ACK)) == TCPHDR_SYN) {
        *reason = SKB_DROP_REASON_TCP_INVALID_SYN; /* the SYN again: so is our answer, but not for each of a
                                                      storm */
        if (req->tstamp_ok && seg->saw_tstamp && !before(seg->tsval, req->ts_recent))
            req->ts_recent = seg->tsval; /* RFC 7323 4.3: so its round trip can be told from the first's */
        if (!(seg->flags & TCPHDR_ECE))  /* the peer has taken back its wish for ECN: RFC 3168 6.1.1 */
            req->ecn_ok = false;
        if (!tcp_oow_rate_limited(req->rsk_common.net, &req->last_oow_ack_ms, MIB_TcpExtTCPACKSkippedSynRecv))
            tcp_sk(listener)->af_ops->send_synack(listener, req);
        return false;
    }
    bool paws = req->tstamp_ok && tcp_paws_check(req->ts_recent, req->created_ms, seg);
    if (paws || before(seg->end_seq, rcv_nxt) || after(seg->seq, rcv_nxt + req->rcv_wnd)) {
        *reason = paws ? SKB_DROP_REASON_TCP_PAWS : SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
        if (!(seg->flags & TCPHDR_RST))
            tcp_reqsk_challenge(skb, req);
        return false;
    }
    if (seg->flags & (TCPHDR_RST | TCPHDR_SYN)) {
        *reason = seg->flags & TCPHDR_RST ? SKB_DROP_REASON_TCP_RESET : SKB_DROP_REASON_TCP_INVALID_SYN;
        if (seg->seq != rcv_nxt) { /* RFC 5961 3.2 and 4.2 */
            tcp_reqsk_challenge(skb, req);
            return false;
        }
        NET_INC_STATS(sock_net(listener), TcpExtEmbryonicRsts);
        tcp_reqsk_drop(req); /* back to LISTEN */
        return false;
    }
    *reason = SKB_DROP_REASON_TCP_NO_ACK;
    return seg->flags & TCPHDR_ACK;
}

struct sock *tcp_check_req(struct sk_buff *skb, const struct tcp_seg *seg, struct request_sock *req,
                           enum skb_drop_reason *reason)
{
    struct sock *listener = req->rsk_listener;
    struct tcp_sock *lp = tcp_sk(listener);

    if (!tcp_check_req_flags(skb, seg, req, reason))
        return NULL;
    if (seg->ack != req->snt_isn + 1) {
        *reason = SKB_DROP_REASON_TCP_INVALID_ACK;
        lp->af_ops->send_reset(skb, seg);
        return NULL;
    }
    if (lp->defer_accept_ms && !seg->len && !req->syn_data &&
        ktime_get_ms() - req->created_ms < lp->defer_accept_ms) {
        *reason = SKB_DROP_REASON_TCP_LISTEN;
        NET_INC_STATS(sock_net(listener), TcpExtTCPDeferAcceptDrop);
        req->acked = true;
        return NULL;
    }
    if (lp->accept_queue_len > lp->max_backlog) {
        *reason = SKB_DROP_REASON_TCP_ACCEPTQ_FULL;
        NET_INC_STATS(sock_net(listener), TcpExtListenOverflows);
        NET_INC_STATS(sock_net(listener), TcpExtListenDrops);
        if (tcp_net(listener)->sysctl_abort_on_overflow) {
            lp->af_ops->send_reset(skb, seg);
            tcp_reqsk_drop(req);
        } else {
            req->acked = true; /* the peer's data, or our SYN-ACK, will bring another chance */
        }
        return NULL;
    }
    *reason = SKB_DROP_REASON_NOMEM;
    return tcp_create_openreq_child(listener, req);
}

/* The handshake is done: the listener's reference of the child is the one sk_alloc() gave. */
void tcp_accept_queue_add(struct sock *listener, struct sock *child)
{
    struct tcp_sock *lp = tcp_sk(listener), *tp = tcp_sk(child);

    tp->listener = listener;
    list_add_tail(&tp->accept_node, &lp->accept_queue);
    lp->accept_queue_len++;
}

void tcp_listener_flush(struct sock *listener)
{
    struct tcp_sock *lp = tcp_sk(listener);

    while (!list_empty(&lp->syn_queue))
        tcp_reqsk_drop(list_first_entry(&lp->syn_queue, struct request_sock, list));
    while (!list_empty(&lp->accept_queue)) {
        struct tcp_sock *tp = list_first_entry(&lp->accept_queue, struct tcp_sock, accept_node);
        list_del_init(&tp->accept_node);
        lp->accept_queue_len--;
        tp->listener = NULL;
        tcp_abort(&tp->sk, ECONNRESET);
        sock_put(&tp->sk);
    }
}

/* --- TIME_WAIT --- */

static void tcp_tw_arm(struct netns_tcp *tn, const struct inet_timewait_sock *tw)
{
    if (!timer_pending(&tn->tw_timer) || tn->tw_timer.expires_ms > tw->expires_ms + TCP_TW_SLACK_MS)
        mod_timer(&tn->tw_timer, tw->expires_ms + TCP_TW_SLACK_MS);
}

/* Starts (again) to wait. Times differ only where the application asked for it (TCP_LINGER2). */
static void tcp_tw_schedule(struct netns_tcp *tn, struct inet_timewait_sock *tw)
{
    bool fin_wait2 = tw->substate == TCP_FIN_WAIT2;
    struct list_head *list = fin_wait2 ? &tn->fin_wait2_list : &tn->tw_list, *behind = list;

    tw->expires_ms = ktime_get_ms() + (fin_wait2 ? tw->fin_wait2_ms : TCP_TIMEWAIT_MS);
    list_del_init(&tw->list);
    while (behind->prev != list &&
           list_entry(behind->prev, struct inet_timewait_sock, list)->expires_ms > tw->expires_ms)
        behind = behind->prev;
    list_add_tail(&tw->list, behind);
    tcp_tw_arm(tn, tw);
}

void tcp_tw_kill(struct inet_timewait_sock *tw)
{
    struct netns_tcp *tn = tw->tw_common.net->tcp;

    tcp_unhash(&tw->tw_common);
    tcp_bind_release(tn, &tw->tw_common, &tw->bind_bucket, false);
    list_del_init(&tw->list);
    tn->tw_count--;
    kmem_cache_free(tn->tw_cache, tw);
}

static void tcp_tw_expire(struct netns_tcp *tn, struct list_head *list, uint64_t now)
{
    while (!list_empty(list)) {
        struct inet_timewait_sock *tw = list_first_entry(list, struct inet_timewait_sock, list);
        if (tw->expires_ms > now) {
            tcp_tw_arm(tn, tw);
            return;
        }
        tcp_tw_kill(tw);
    }
}

static void tcp_tw_timer(struct timer *timer)
{
    struct netns_tcp *tn = container_of(timer, struct netns_tcp, tw_timer);
    uint64_t now = ktime_get_ms();

    tcp_tw_expire(tn, &tn->tw_list, now);
    tcp_tw_expire(tn, &tn->fin_wait2_list, now);
}

static struct inet_timewait_sock *tcp_tw_alloc(struct netns_tcp *tn)
{
    /* The oldest has done most of its duty. */
    if (tn->tw_count >= (size_t)tn->sysctl_max_tw_buckets && tn->tw_count) {
        NET_INC_STATS(tn->net, TcpExtTCPTimeWaitOverflow);
        tcp_tw_kill(tcp_tw_oldest(tn));
    }
    return tn->sysctl_max_tw_buckets ? kmem_cache_zalloc(tn->tw_cache) : NULL;
}

void tcp_time_wait(struct sock *sk, enum tcp_state substate)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct netns_tcp *tn = tcp_net(sk);
    struct inet_timewait_sock *tw = tcp_tw_alloc(tn);

    if (tw) {
        tw->tw_common = sk->sk_common;
        tw->tw_common.hash_node = tw->tw_common.bind_node = (struct hlist_node){0};
        tw->tw_common.refcount = 0;
        tw->tw_common.state = TCP_TIME_WAIT;
        INIT_LIST_HEAD(&tw->list);
        tw->rcv_nxt = tp->rcv_nxt;
        tw->snd_nxt = tp->snd_nxt;
        tw->rcv_wnd = tcp_receive_window(tp);
        tw->rcv_wscale = tp->rcv_wscale;
        tw->tstamp_ok = tp->tstamp_ok;
        tw->ts_recent = tp->ts_recent;
        tw->ts_recent_ms = ktime_get_ms();
        tw->ts_offset = tp->ts_offset;
        tw->tos = sk->inet_tos;
        tw->ttl = sk->inet_ttl;
        tw->reuse = sk->sk_reuse;
        tw->substate = (uint8_t)substate;
        tw->fin_wait2_ms = (uint32_t)(tp->linger2_s ? tp->linger2_s : tn->sysctl_fin_timeout) * 1000;
        tcp_bind_move(sk, tw);
        tcp_ehash_insert(tn, &tw->tw_common);
        tn->tw_count++;
        tcp_tw_schedule(tn, tw);
        NET_INC_STATS(tn->net, TcpExtTW);
    }
    tcp_done(sk);
}

/* Segments outside the window, and everything else that must be answered with our position. */
static enum tcp_tw_status tcp_tw_ack(struct inet_timewait_sock *tw, const struct tcp_seg *seg)
{
    if (!seg->len && !(seg->flags & TCPHDR_FIN) &&
        tcp_oow_rate_limited(tw->tw_common.net, &tw->last_oow_ack_ms,
                             tw->substate == TCP_FIN_WAIT2 ? MIB_TcpExtTCPACKSkippedFinWait2
                                                           : MIB_TcpExtTCPACKSkippedTimeWait))
        return TCP_TW_DROP;
    return TCP_TW_ACK;
}

static bool tcp_tw_in_window(const struct inet_timewait_sock *tw, const struct tcp_seg *seg)
{
    return !before(seg->end_seq, tw->rcv_nxt) && !after(seg->seq, tw->rcv_nxt + tw->rcv_wnd);
}

/* An orphan whose FIN is acknowledged: only the peer's FIN is still of use. */
static enum tcp_tw_status tcp_tw_fin_wait2(struct inet_timewait_sock *tw, const struct tcp_seg *seg)
{
    if (seg->flags & TCPHDR_RST) {
        if (seg->seq == tw->rcv_nxt) {
            tcp_tw_kill(tw);
            return TCP_TW_DROP;
        }
        return tcp_tw_in_window(tw, seg) ? tcp_tw_ack(tw, seg) : TCP_TW_DROP; /* RFC 5961 3.2 */
    }
    if (!tcp_tw_in_window(tw, seg) || seg->flags & TCPHDR_SYN)
        return tcp_tw_ack(tw, seg);
    if (!(seg->flags & TCPHDR_ACK) || !after(seg->end_seq, tw->rcv_nxt))
        return TCP_TW_DROP;
    if (after(seg->end_seq - (seg->flags & TCPHDR_FIN ? 1 : 0), tw->rcv_nxt))
        return TCP_TW_RST; /* data that nobody will read (RFC 9293 SHLD-3) */
    tw->rcv_nxt = seg->end_seq;
    tw->substate = TCP_TIME_WAIT;
    tcp_tw_schedule(tw->tw_common.net->tcp, tw);
    return TCP_TW_ACK;
}

/* RFC 6191 2: may this SYN begin a new connection between the same ends? By its timestamp, else its number.
 */
static bool tcp_tw_newer_syn(const struct inet_timewait_sock *tw, const struct tcp_seg *seg)
{
    bool newer_seq = after(seg->seq, tw->rcv_nxt);

    if (!seg->saw_tstamp || !tw->tw_common.net->tcp->sysctl_timestamps)
        return newer_seq; /* RFC 9293 3.6.1 MAY-2 */
    if (!tw->tstamp_ok)
        return true;
    return after(seg->tsval, tw->ts_recent) || (seg->tsval == tw->ts_recent && newer_seq);
}

enum tcp_tw_status tcp_timewait_state_process(struct inet_timewait_sock *tw, const struct tcp_seg *seg)
{
    bool syn = (seg->flags & (TCPHDR_SYN | TCPHDR_ACK)) == TCPHDR_SYN;

    if (tw->tstamp_ok && !syn && tcp_paws_check(tw->ts_recent, tw->ts_recent_ms, seg))
        return tcp_tw_ack(tw, seg);
    if (tw->tstamp_ok && seg->saw_tstamp && seg->seq == tw->rcv_nxt && !(seg->flags & TCPHDR_RST) && !syn) {
        tw->ts_recent = seg->tsval; /* what we echo: RFC 7323 4.3, with Last.ACK.sent = rcv_nxt */
        tw->ts_recent_ms = ktime_get_ms();
    }
    if (tw->substate == TCP_FIN_WAIT2)
        return tcp_tw_fin_wait2(tw, seg);
    if (seg->flags & TCPHDR_RST) /* RFC 1337 3: never ended from outside */
        return TCP_TW_DROP;
    if (syn && tcp_tw_newer_syn(tw, seg))
        return TCP_TW_SYN;
    if (!(seg->flags & (TCPHDR_ACK | TCPHDR_SYN)))
        return TCP_TW_DROP;
    if (seg->seq == tw->rcv_nxt && seg->end_seq == seg->seq)
        return TCP_TW_DROP;                                     /* the last ACK, again */
    if (seg->flags & TCPHDR_FIN && seg->end_seq == tw->rcv_nxt) /* the peer has not seen our ACK: wait anew */
        tcp_tw_schedule(tw->tw_common.net->tcp, tw);
    return tcp_tw_ack(tw, seg);
}
