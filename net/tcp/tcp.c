/*
 * tcp.c - TCP as the socket layer sees it: the life of a connection from tcp_init_sock() to the last
 * reference.
 *
 * References: the owner of the descriptor holds one (for a connection not yet accepted the accept queue holds
 * it), the table holds one while the connection is in it. close() gives the first back; an orphan then lives
 * on by the second until tcp_done() takes it out.
 */
#include "net/tcp/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/panic.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"
#include "net/tcp/tcp_internal.h"

/* --- room in the write queue --- */

#define TCP_WAKE_ROOM 32768u

/*
 * TCP_NOTSENT_LOWAT: what is queued beyond what was sent stays below a bound, so that an application can
 * still change its mind. For a wake-up, below half of it.
 */
static bool tcp_notsent_low(const struct sock *sk, uint64_t factor)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t lowat = tp->notsent_lowat ? tp->notsent_lowat : (uint32_t)tcp_net(sk)->sysctl_notsent_lowat;

    return (tp->write_seq - tp->snd_nxt) * factor < lowat;
}

bool tcp_stream_memory_free(const struct sock *sk)
{
    return sk->sk_wmem_queued < tcp_snd_limit(sk) && tcp_notsent_low(sk, 1);
}

/* Enough for poll() to say so: writers are not woken for each segment, but for half a train at the latest. */
static bool tcp_stream_is_writeable(const struct sock *sk)
{
    uint32_t enough = min(sk->sk_wmem_queued / 2, TCP_WAKE_ROOM);

    return sk->sk_wmem_queued + enough <= tcp_snd_limit(sk) && tcp_notsent_low(sk, 2);
}

/*
 * Auto-tuning: a buffer of two windows - what is under way, and as much to follow - keeps the path busy while
 * the application refills it; twice that, for what buffers cost beyond their bytes. More than the peer's own
 * window can take is not worth queueing, it would only hide from the application how slowly the peer reads.
 */
static void tcp_sndbuf_expand(struct sock *sk)
{
    const struct tcp_sock *tp = tcp_sk(sk);
    uint32_t limit = (uint32_t)tcp_net(sk)->sysctl_wmem[2];

    uint32_t window = min(tp->snd_cwnd, tp->max_window);

    if (!sk->sk_sndbuf_locked && window > sk->sk_sndbuf / 4 && !tcp_under_memory_pressure(tcp_net(sk)))
        sk->sk_sndbuf = max(sk->sk_sndbuf, window >= limit / 4 ? limit : 4 * window);
}

void tcp_check_space(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->nospace)
        return;
    tcp_sndbuf_expand(sk);
    if (!tcp_stream_is_writeable(sk))
        return;
    tp->nospace = false;
    if (!sk->sk_dead)
        sk->sk_write_space(sk);
}

/* --- end of a connection --- */

void tcp_done(struct sock *sk)
{
    if (sk->sk_state == TCP_CLOSE)
        return;
    sock_hold(sk);
    tcp_clear_xmit_timers(sk);
    tcp_fastopen_end(tcp_sk(sk), false);
    tcp_set_state(sk, TCP_CLOSE);
    sk->sk_shutdown = SHUTDOWN_MASK;
    tcp_sk(sk)->pred_flags = 0;
    if (!tcp_sk(sk)->bind_explicit) /* what the application has chosen stays its own until it closes */
        tcp_bind_release(tcp_net(sk), &sk->sk_common, &tcp_sk(sk)->bind_bucket, false);
    tcp_unhash(&sk->sk_common);
    if (!sk->sk_dead)
        sk->sk_state_change(sk);
    sock_put(sk);
}

static bool tcp_need_reset(const struct sock *sk)
{
    switch ((enum tcp_state)sk->sk_state) {
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_SYN_RECV:
        return true; /* RFC 9293 3.10.5 */
    case TCP_CLOSING:
    case TCP_LAST_ACK: /* for the peer we are not there yet while our FIN waits behind data */
        return tcp_sk(sk)->snd_nxt != tcp_sk(sk)->write_seq;
    case TCP_SYN_SENT:
    case TCP_TIME_WAIT:
    case TCP_CLOSE:
    case TCP_LISTEN:
    case TCP_NEW_SYN_RECV:
    case TCP_MAX_STATES:
        break;
    }
    return false;
}

void tcp_abort(struct sock *sk, int err)
{
    sock_hold(sk);
    if (tcp_need_reset(sk))
        tcp_send_active_reset(sk);
    tcp_write_queue_purge(sk);
    if (sk->sk_state != TCP_CLOSE)
        sk->sk_err = err;
    tcp_done(sk);
    sock_put(sk);
}

static void tcp_unlisten(struct sock *sk)
{
    tcp_listener_flush(sk);
    tcp_done(sk);
}

/* --- close and shutdown (RFC 9293 3.6, 3.10.4) --- */

/* Moves to the state that the application's end of data asks for: whether a FIN must be sent. */
static bool tcp_close_state(struct sock *sk)
{
    switch ((enum tcp_state)sk->sk_state) {
    case TCP_ESTABLISHED:
    case TCP_SYN_RECV:
        tcp_set_state(sk, TCP_FIN_WAIT1);
        return true;
    case TCP_CLOSE_WAIT:
        tcp_set_state(sk, TCP_LAST_ACK);
        return true;
    case TCP_SYN_SENT:
        tcp_write_queue_purge(sk);
        tcp_done(sk);
        return false;
    case TCP_FIN_WAIT1: /* shutdown() came before */
    case TCP_FIN_WAIT2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
    case TCP_CLOSE:
    case TCP_LISTEN:
    case TCP_NEW_SYN_RECV:
    case TCP_MAX_STATES:
        break;
    }
    return false;
}

static bool tcp_purge_unread(struct sock *sk)
{
    bool unread = !skb_queue_empty(&sk->sk_receive_queue);

    skb_queue_purge(&sk->sk_receive_queue, SKB_DROP_REASON_SOCKET_CLOSE);
    return unread;
}

static bool tcp_closing_done(const struct sock *sk)
{
    return sk->sk_state != TCP_FIN_WAIT1 && sk->sk_state != TCP_CLOSING && sk->sk_state != TCP_LAST_ACK;
}

/* The orderly or disorderly end, as what is unread and SO_LINGER ask for. */
static void tcp_close_connection(struct sock *sk)
{
    struct net *net = sock_net(sk);
    bool unread = tcp_purge_unread(sk);

    if (unread && tcp_need_reset(sk)) { /* RFC 9293 SHLD-3: the peer must know that not all was read */
        NET_INC_STATS(net, TcpExtTCPAbortOnClose);
        tcp_abort(sk, 0);
    } else if (sk->sk_linger && !sk->sk_lingertime_ms) {
        NET_INC_STATS(net, TcpExtTCPAbortOnData);
        tcp_abort(sk, 0);
    } else if (tcp_close_state(sk)) {
        tcp_send_fin(sk);
    }
    if (sk->sk_linger && sk->sk_lingertime_ms)
        sk_wait_until(sk, tcp_closing_done(sk), ktime_get_ms() + sk->sk_lingertime_ms);
}

static void tcp_orphan(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    sk->sk_socket = NULL;
    sk->sk_dead = true;
    tp->rcv_urg = false;
    if (sk->sk_state == TCP_CLOSE)
        return;
    tp->orphan_counted = true;
    tcp_net(sk)->orphan_count++;
    if (sk->sk_state == TCP_FIN_WAIT2 && tcp_sk(sk)->linger2_s < 0) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPAbortOnLinger);
        tcp_abort(sk, ECONNRESET);
    } else if (sk->sk_state == TCP_FIN_WAIT2) {
        tcp_time_wait(sk, TCP_FIN_WAIT2);
    } else if (tcp_out_of_orphans(sk)) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPAbortOnMemory);
        tcp_abort(sk, ECONNRESET);
    }
}

/* Takes the owner's reference. */
static void tcp_close(struct sock *sk)
{
    sk->sk_shutdown = SHUTDOWN_MASK;
    if (sk->sk_state == TCP_LISTEN)
        tcp_unlisten(sk);
    else
        tcp_close_connection(sk);
    tcp_orphan(sk);
    sock_put(sk);
}

static int tcp_shutdown(struct sock *sk, int how)
{
    bool rd = how == SHUT_RD || how == SHUT_RDWR, wr = how == SHUT_WR || how == SHUT_RDWR;

    if (!rd && !wr)
        return -EINVAL;
    if (sk->sk_state == TCP_CLOSE)
        return -ENOTCONN;
    if (sk->sk_state == TCP_LISTEN) {
        if (rd)
            tcp_unlisten(sk);
        return 0;
    }
    sk->sk_shutdown |= (uint8_t)((rd ? RCV_SHUTDOWN : 0) | (wr ? SEND_SHUTDOWN : 0));
    if (wr && tcp_close_state(sk))
        tcp_send_fin(sk);
    if (sk->sk_state != TCP_CLOSE)
        sk->sk_state_change(sk);
    return 0;
}

/* At the last reference. */
static void tcp_destroy_sock(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tcp_clear_xmit_timers(sk);
    tcp_write_queue_purge(sk);
    tcp_ofo_purge(sk, SKB_DROP_REASON_SOCKET_CLOSE);
    tcp_syn_data_forget(tp);
    tcp_saved_syn_free(&tp->saved_syn);
    tcp_fastopen_destroy(tp);
    tcp_bind_release(tcp_net(sk), &sk->sk_common, &tp->bind_bucket, tp->bind_explicit);
    if (tp->orphan_counted)
        tcp_net(sk)->orphan_count--;
}

/* --- opening --- */

/* kmalloc() would give 2,048 bytes for each. */
static struct kmem_cache *tcp_sock_cache(struct net *net)
{
    return net->tcp->sock_cache;
}

static int tcp_init_sock(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct netns_tcp *tn = tcp_net(sk);

    sk->sk_state = TCP_CLOSE;
    sk->sk_rcvbuf = (uint32_t)tn->sysctl_rmem[1];
    sk->sk_sndbuf = (uint32_t)tn->sysctl_wmem[1];
    sk->inet_pmtudisc = IP_PMTUDISC_WANT; /* RFC 1191; RFC 9293 SHLD-6 */
    tp->af_ops = &tcp_ipv4_af_ops;
    tp->ca_ops = tn->default_ca;
    tp->rto_ms = TCP_TIMEOUT_INIT;
    tp->mss_cache = tp->mss_clamp = TCP_MSS_DEFAULT;
    tp->snd_cwnd = TCP_INIT_CWND * TCP_MSS_DEFAULT;
    tp->snd_ssthresh = TCP_CWND_MAX;
    skb_queue_head_init(&tp->out_of_order_queue);
    INIT_LIST_HEAD(&tp->tsorted_sent);
    INIT_LIST_HEAD(&tp->syn_queue);
    INIT_LIST_HEAD(&tp->accept_queue);
    INIT_LIST_HEAD(&tp->accept_node);
    tcp_init_xmit_timers(sk);
    return 0;
}

static int tcp_bind(struct sock *sk, be32 addr, uint16_t port)
{
    if (sk->sk_state != TCP_CLOSE || tcp_sk(sk)->bind_bucket)
        return -EINVAL;
    if (addr && inet_addr_type(sock_net(sk), NULL, addr) != RTN_LOCAL)
        return -EADDRNOTAVAIL;
    sk->sk_rcv_saddr = sk->inet_saddr = addr;
    tcp_sk(sk)->bound_addr = addr;
    int err = tcp_bind_port(sk, port);
    if (err)
        sk->sk_rcv_saddr = sk->inet_saddr = 0;
    return err;
}

/* A socket that has been connected starts again as if new, but for its options and the port it is bound to.
 */
static void tcp_renew(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    tcp_purge_unread(sk);
    tcp_ofo_purge(sk, SKB_DROP_REASON_SOCKET_CLOSE);
    tcp_syn_data_forget(tp);
    tcp_saved_syn_free(&tp->saved_syn);
    tp->fastopen_renew = tp->syn_data_acked = false;
    sk->sk_shutdown = 0;
    sk->sk_err = sk->sk_err_soft = 0;
    tp->srtt_us = tp->rttvar_us = 0;
    tp->rto_ms = TCP_TIMEOUT_INIT;
    tp->backoff = tp->retransmits = tp->probes_out = tp->ka_probes_out = 0;
    tp->syn_retransmitted = tp->rcv_urg = tp->snd_urg = tp->nospace = false;
    tp->snd_wscale = tp->rcv_wscale = 0;
    tp->tstamp_ok = tp->sack_ok = tp->wscale_ok = tp->dsack_pending = false;
    tp->ecn_flags = 0;
    sk->inet_ecn = INET_ECN_NOT_ECT;
    tp->num_sacks = 0;
    tp->undo_active = tp->frto = tp->tlp_pending = tp->tlp_needless = tp->rack_reord_seen = false;
    tp->rack_reo_steps = tp->rack_reo_persist = 0;
    tp->rack_sent_at = 0;
    tp->min_rtt_us = tp->dsack_dups = tp->total_retrans = 0;
    tp->bytes_acked = tp->bytes_received = tp->bytes_sent = tp->bytes_retrans = 0;
    tp->segs_in = tp->segs_out = tp->data_segs_in = tp->data_segs_out = 0;
    tp->delivered = tp->delivered_ce = tp->reord_seen = tp->rcv_ooopack = 0;
    memset(tp->chrono_ns, 0, sizeof(tp->chrono_ns));
    tp->snd_wnd = tp->max_window = tp->pred_flags = 0;
    tp->ca_state = TCP_CA_Open;
    tp->dupacks = 0;
    tp->probe_low = tp->probe_size = 0;
    tp->reordering = 0;
    tp->snd_ssthresh = TCP_CWND_MAX;
    tp->last_snd_ms = tp->last_rcv_ms = tp->last_ack_ms = tp->last_oow_ack_ms = tp->opened_ms = 0;
}

/* Forgets the peer, not what bind() said. */
static void tcp_unconnect(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);

    sk->sk_daddr = 0;
    sk->sk_dport = 0;
    sk->sk_rcv_saddr = sk->inet_saddr = tp->bind_explicit ? tp->bound_addr : 0;
    if (!tp->bind_bucket)
        sk->sk_sport = 0;
    sk_dst_set(sk, NULL);
}

static int tcp_disconnect(struct sock *sk)
{
    if (sk->sk_state == TCP_LISTEN)
        tcp_unlisten(sk);
    else
        tcp_abort(sk, ECONNRESET);
    tcp_renew(sk);
    tcp_unconnect(sk);
    return 0;
}

static int tcp_start_connect(struct sock *sk, be32 addr, uint16_t port)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct netns_tcp *tn = tcp_net(sk);

    tcp_renew(sk);
    tcp_unconnect(sk);
    int err = tp->af_ops->connect(sk, addr, port);
    if (err)
        return err;
    tcp_select_initial_window(sk, tn->sysctl_window_scaling, tp->advmss, &tp->rcv_wnd, &tp->rcv_wscale);
    tp->snd_una = tp->snd_up = tp->high_seq = tp->snd_sml = tp->fack = tp->iss;
    tp->rcv_nxt = tp->rcv_wup = tp->copied_seq = 0;
    tp->last_ack_ms = ktime_get_ms();
    err = tcp_send_syn(sk);
    if (err) {
        tcp_done(sk);
        sk->sk_shutdown = 0;
        return err;
    }
    NET_INC_STATS(sock_net(sk), TcpActiveOpens);
    return 0;
}

static bool tcp_connecting(const struct sock *sk)
{
    return sk->sk_state == TCP_SYN_SENT || (sk->sk_state == TCP_SYN_RECV && !tcp_sk(sk)->fastopen_rsk);
}

/* Active OPEN. Blocks until the handshake is done, unless flags has MSG_DONTWAIT: -EINPROGRESS. */
static int tcp_connect(struct sock *sk, be32 addr, uint16_t port, int flags)
{
    if (tcp_connecting(sk)) {
        if (flags & MSG_DONTWAIT)
            return -EALREADY;
    } else if (sk->sk_state != TCP_CLOSE) {
        return -EISCONN;
    } else {
        int err = tcp_start_connect(sk, addr, port);
        if (err)
            return err;
    }
    uint64_t deadline = sock_snd_deadline(sk, flags);
    if (flags & MSG_DONTWAIT || !sk_wait_until(sk, !tcp_connecting(sk), deadline))
        return -EINPROGRESS;
    int err = sock_error(sk);
    return err ? err : sk->sk_state == TCP_CLOSE ? -ECONNABORTED : 0;
}

static int tcp_listen(struct sock *sk, int backlog)
{
    struct tcp_sock *tp = tcp_sk(sk);
    int somaxconn = tcp_net(sk)->sysctl_somaxconn;

    if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
        return -EINVAL;
    tp->max_backlog = (uint32_t)(backlog < 0 || backlog > somaxconn ? somaxconn : backlog);
    if (sk->sk_state == TCP_LISTEN)
        return 0;
    if (!tp->bind_bucket) {
        int err = tcp_bind_port(sk, 0);
        if (err)
            return err;
    }
    sk->sk_shutdown = 0;
    tcp_set_state(sk, TCP_LISTEN);
    if (tcp_bind_conflict(sk, tp->bind_bucket)) { /* two may share the port until one listens */
        tcp_set_state(sk, TCP_CLOSE);
        return -EADDRINUSE;
    }
    tcp_lhash_insert(tcp_net(sk), sk);
    tcp_fastopen_listen(sk);
    return 0;
}

static struct sock *tcp_accept(struct sock *sk, int flags, int *err)
{
    struct tcp_sock *lp = tcp_sk(sk);

    *err = -EINVAL;
    if (sk->sk_state != TCP_LISTEN)
        return NULL;
    uint64_t deadline = sock_rcv_deadline(sk, flags);
    if (list_empty(&lp->accept_queue)) {
        *err = -EAGAIN;
        if (flags & MSG_DONTWAIT ||
            !sk_wait_until(sk, !list_empty(&lp->accept_queue) || sk->sk_state != TCP_LISTEN, deadline))
            return NULL;
        *err = -EINVAL;
        if (sk->sk_state != TCP_LISTEN)
            return NULL;
    }
    struct tcp_sock *tp = list_first_entry(&lp->accept_queue, struct tcp_sock, accept_node);
    list_del_init(&tp->accept_node);
    lp->accept_queue_len--;
    tp->listener = NULL;
    *err = 0;
    return &tp->sk;
}

/* --- poll --- */

static uint32_t tcp_poll_data(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t mask = 0;

    if (tcp_epollin_ready(sk) && !skb_queue_empty(&sk->sk_receive_queue))
        mask |= POLLIN | POLLRDNORM;
    if (tp->rcv_urg && before(tp->copied_seq, tp->rcv_up))
        mask |= POLLPRI;
    if (sk->sk_shutdown & SEND_SHUTDOWN || tcp_stream_is_writeable(sk))
        mask |= POLLOUT | POLLWRNORM;
    else
        tp->nospace = true;
    return mask;
}

static uint32_t tcp_poll(struct sock *sk)
{
    uint32_t mask = 0;

    if (sk->sk_state == TCP_LISTEN)
        return list_empty(&tcp_sk(sk)->accept_queue) ? 0 : POLLIN | POLLRDNORM;
    if (sk->sk_shutdown == SHUTDOWN_MASK || sk->sk_state == TCP_CLOSE)
        mask |= POLLHUP;
    if (sk->sk_shutdown & RCV_SHUTDOWN)
        mask |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (!tcp_connecting(sk))
        mask |= tcp_poll_data(sk);
    if (sk->sk_err || !skb_queue_empty(&sk->sk_error_queue))
        mask |= POLLERR;
    return mask;
}

int tcp_ioctl(struct sock *sk, unsigned long cmd, int *arg)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (sk->sk_state == TCP_LISTEN)
        return -EINVAL;
    switch (cmd) {
    case SIOCINQ: {
        struct sk_buff *last = skb_peek_tail(&sk->sk_receive_queue);
        *arg = last ? (int)(TCP_SKB_CB(last)->seq + last->len - tp->copied_seq) : 0;
        return 0;
    }
    case SIOCOUTQ:
        *arg = tcp_connecting(sk) || sk->sk_state == TCP_CLOSE ? 0 : (int)(tp->write_seq - tp->snd_una);
        return 0;
    case SIOCATMARK:
        *arg = tp->rcv_urg && tp->copied_seq == tp->rcv_up;
        return 0;
    }
    return -ENOTTY;
}

const struct proto tcp_prot = {
    .name = "TCP",
    .obj_size = sizeof(struct tcp_sock),
    .cache = tcp_sock_cache,
    .init = tcp_init_sock,
    .close = tcp_close,
    .destroy = tcp_destroy_sock,
    .bind = tcp_bind,
    .connect = tcp_connect,
    .disconnect = tcp_disconnect,
    .listen = tcp_listen,
    .accept = tcp_accept,
    .shutdown = tcp_shutdown,
    .keepalive = tcp_set_keepalive,
    .rcvlowat = tcp_set_rcvlowat,
    .sendmsg = tcp_sendmsg,
    .recvmsg = tcp_recvmsg,
    .sendpage = tcp_sendpage,
    .poll = tcp_poll,
    .ioctl = tcp_ioctl,
    .setsockopt = tcp_setsockopt,
    .getsockopt = tcp_getsockopt,
};

/* --- one per stack --- */

int tcp_init(struct net *net)
{
    struct netns_tcp *tn = kzalloc(sizeof(*tn));

    if (!tn)
        return -ENOMEM;
    tn->net = net;
    net->tcp = tn;
    get_random_bytes(&tn->isn_secret, sizeof(tn->isn_secret));
    get_random_bytes(&tn->cookie_secret, sizeof(tn->cookie_secret));
    get_random_bytes(&tn->fastopen_keys.key[0], sizeof(tn->fastopen_keys.key[0]));
    tn->fastopen_keys.count = 1;
    tn->sock_cache = kmem_cache_create("TCP", sizeof(struct tcp_sock), 0);
    int err = tn->sock_cache ? tcp_hash_init(tn) : -ENOMEM;
    if (err)
        goto free_tn;
    err = tcp_minisocks_init(tn);
    if (err)
        goto free_hash;
    err = tcp_v4_init(net);
    if (err)
        goto free_minisocks;
    tcp_register_sysctls(tn);
    return 0;

free_minisocks:
    tcp_minisocks_exit(tn);
free_hash:
    tcp_hash_exit(tn);
free_tn:
    if (tn->sock_cache)
        kmem_cache_destroy(tn->sock_cache);
    net->tcp = NULL;
    kfree(tn);
    return err;
}

/* What is still there is ended without a word: orphans, and sockets whose owner has already gone. */
static void tcp_end_all(struct net *net)
{
    struct sock_common *c;

    while ((c = tcp_next_conn(net, NULL))) {
        if (c->state == TCP_TIME_WAIT) {
            tcp_tw_kill(inet_twsk(c));
        } else if (c->state == TCP_NEW_SYN_RECV) {
            tcp_reqsk_drop(inet_reqsk(c));
        } else {
            struct sock *sk = (struct sock *)c;
            sock_hold(sk);
            if (sk->sk_state == TCP_LISTEN)
                tcp_listener_flush(sk);
            tcp_write_queue_purge(sk);
            tcp_done(sk);
            sock_put(sk);
        }
    }
}

void tcp_exit(struct net *net)
{
    struct netns_tcp *tn = net->tcp;

    if (!tn)
        return;
    tcp_end_all(net);
    ASSERT(!tn->mem_bytes || net->sock_count);
    unregister_sysctl(&tn->sysctl);
    tcp_v4_exit(net);
    page_frag_release(&tn->page_frag);
    tcp_minisocks_exit(tn);
    tcp_hash_exit(tn);
    kmem_cache_destroy(tn->sock_cache);
    net->tcp = NULL;
    kfree(tn);
}
