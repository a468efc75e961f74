/*
 * tcp_fastopen.c - TCP Fast Open, the server's side (RFC 7413).
 *
 * A client that brings the cookie we gave its address once has shown that it can receive there. Its SYN opens
 * a full socket at once: the text is readable, accept() returns it, and answers go out behind the SYN-ACK
 * before the handshake is over. The SYN-ACK stands on the child's write queue like a SYN of our own, and is
 * sent again and acknowledged like one. Called by conn_request for a SYN, and by tcp_input.c when the
 * handshake or the child ends.
 *
 * Whoever learns a cookie may make us work for forged SYNs from that address. So the children whose handshake
 * is not over are bounded (TCP_FASTOPEN's argument), and one that was reset keeps its place for a minute
 * (RFC 7413 5.1); beyond that a SYN is an ordinary one.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/tcp/tcp_internal.h"

/* net.ipv4.tcp_fastopen: Linux's bits. */
#define TFO_SERVER_ENABLE          2
#define TFO_SERVER_COOKIE_NOT_REQD 0x200
#define TFO_SERVER_ALL_LISTENERS   0x400

#define TFO_RST_SLOT_SHIFT 12 /* of ktime_get_ms(): 4.1 s */
#define TFO_RST_SLOTS      16 /* 61 to 65 s in all */

/* Of a listener; shared with the children whose handshake is not over. */
struct tcp_fastopen_queue {
    uint32_t refcount;
    uint32_t max_qlen;
    uint32_t qlen; /* these children, and those of rst[] */
    uint64_t rst_slot;
    uint32_t rst[TFO_RST_SLOTS];   /* reset in the last minute, by time: ended in rst_slot, and before it */
    struct tcp_fastopen_keys keys; /* its own (TCP_FASTOPEN_KEY); count 0: the stack's */
};

/* --- a listener's queue --- */

static struct tcp_fastopen_queue *tcp_fastopen_queue_get(struct tcp_sock *tp)
{
    if (!tp->fastopenq)
        tp->fastopenq = kzalloc(sizeof(*tp->fastopenq));
    if (tp->fastopenq && !tp->fastopenq->refcount)
        tp->fastopenq->refcount = 1;
    return tp->fastopenq;
}

static void tcp_fastopen_queue_put(struct tcp_fastopen_queue *queue)
{
    if (queue && !--queue->refcount)
        kfree(queue);
}

/* Gives the places back whose minute is over. */
static void tcp_fastopen_forget_resets(struct tcp_fastopen_queue *queue)
{
    uint64_t slot = ktime_get_ms() >> TFO_RST_SLOT_SHIFT;
    uint64_t passed = min(slot - queue->rst_slot, (uint64_t)TFO_RST_SLOTS);

    for (uint64_t i = 1; i <= passed; i++) {
        uint32_t *count = &queue->rst[(queue->rst_slot + i) % TFO_RST_SLOTS];
        queue->qlen -= *count;
        *count = 0;
    }
    queue->rst_slot = slot;
}

static bool tcp_fastopen_room(struct sock *listener)
{
    struct tcp_fastopen_queue *queue = tcp_sk(listener)->fastopenq;

    if (!(tcp_net(listener)->sysctl_fastopen & TFO_SERVER_ENABLE) || !queue || !queue->max_qlen)
        return false;
    tcp_fastopen_forget_resets(queue);
    if (queue->qlen < queue->max_qlen)
        return true;
    NET_INC_STATS(sock_net(listener), TcpExtTCPFastOpenListenOverflow);
    return false;
}

void tcp_fastopen_end(struct tcp_sock *tp, bool reset)
{
    struct tcp_fastopen_queue *queue = tp->fastopen_rsk;

    if (!queue)
        return;
    tp->fastopen_rsk = NULL;
    tcp_fastopen_forget_resets(queue);
    if (reset)
        queue->rst[queue->rst_slot % TFO_RST_SLOTS]++;
    else
        queue->qlen--;
    tcp_fastopen_queue_put(queue);
}

void tcp_fastopen_destroy(struct tcp_sock *tp)
{
    tcp_fastopen_end(tp, false);
    tcp_fastopen_queue_put(tp->fastopenq);
    tp->fastopenq = NULL;
}

/* --- cookies (RFC 7413 4.1.2): a keyed hash of the two addresses, the one Linux takes --- */

static void tcp_fastopen_hash(const struct siphash_key *key, be32 raddr, be32 laddr, uint8_t *cookie)
{
    be32 addrs[2] = {raddr, laddr};
    uint64_t hash = siphash(addrs, sizeof(addrs), key);

    memcpy(cookie, &hash, TCPOLEN_FASTOPEN_COOKIE);
}

static const struct tcp_fastopen_keys *tcp_fastopen_keys(const struct netns_tcp *tn,
                                                         const struct tcp_fastopen_queue *queue)
{
    return queue && queue->keys.count ? &queue->keys : &tn->fastopen_keys;
}

void tcp_fastopen_req_cookie(const struct request_sock *req, uint8_t *cookie)
{
    const struct sock *listener = req->rsk_listener;
    const struct tcp_fastopen_keys *keys = tcp_fastopen_keys(tcp_net(listener), tcp_sk(listener)->fastopenq);

    tcp_fastopen_hash(&keys->key[0], req->rsk_common.daddr, req->rsk_common.rcv_saddr, cookie);
}

void tcp_fastopen_child_cookie(const struct sock *child, uint8_t *cookie)
{
    const struct tcp_fastopen_keys *keys = tcp_fastopen_keys(tcp_net(child), tcp_sk(child)->fastopen_rsk);

    tcp_fastopen_hash(&keys->key[0], child->sk_daddr, child->sk_rcv_saddr, cookie);
}

/* Which of the keys made the SYN's cookie; -1: none. */
static int tcp_fastopen_key_of(const struct request_sock *req, const struct tcp_options_received *opt)
{
    const struct sock *listener = req->rsk_listener;
    const struct tcp_fastopen_keys *keys = tcp_fastopen_keys(tcp_net(listener), tcp_sk(listener)->fastopenq);
    uint8_t cookie[TCPOLEN_FASTOPEN_COOKIE];

    if (opt->fastopen_len != sizeof(cookie))
        return -1;
    for (unsigned i = 0; i < keys->count; i++) {
        tcp_fastopen_hash(&keys->key[i], req->rsk_common.daddr, req->rsk_common.rcv_saddr, cookie);
        if (memcmp(cookie, opt->fastopen, sizeof(cookie)) == 0)
            return (int)i;
    }
    return -1;
}

/* --- a SYN --- */

/* The child as the SYN leaves it: its text received, the SYN-ACK sent. 0 or -ENOBUFS. Takes skb. */
static int tcp_fastopen_start(struct sock *child, struct sk_buff *skb, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(child);

    /* The peer's window is for text; our SYN, which is still unacknowledged, is not. Nor is it for Nagle. */
    tp->snd_wnd = tp->max_window = seg->wnd + 1;
    tp->snd_sml = tp->iss;
    tcp_init_congestion_control(child);
    tp->snd_cwnd++; /* ten segments of text beside it */
    tcp_rcv_space_init(tp);
    tp->segs_in = 1;
    tp->data_segs_in = seg->len != 0;
    tcp_data_queue(child, skb);
    tp->syn_data_acked = tp->rcv_nxt != tp->irs + 1;
    return tcp_send_syn(child);
}

/* May this SYN open at once? `renew`: and its cookie is one of the old key. */
static bool tcp_fastopen_valid(struct request_sock *req, const struct tcp_options_received *opt, bool *renew)
{
    struct net *net = req->rsk_common.net;

    *renew = false;
    if (net->tcp->sysctl_fastopen & TFO_SERVER_COOKIE_NOT_REQD)
        return true;
    if (opt->fastopen_len < 0)
        return false;
    int key = opt->fastopen_len ? tcp_fastopen_key_of(req, opt) : -1;
    req->fastopen_cookie = key < 0; /* the SYN-ACK brings one that is good (4.2.2) */
    req->fastopen_exp = opt->fastopen_exp;
    *renew = key > 0 && !opt->fastopen_exp;
    if (key < 0 && opt->fastopen_len)
        NET_INC_STATS(net, TcpExtTCPFastOpenPassiveFail);
    return key >= 0;
}

bool tcp_fastopen_try(struct sock *listener, struct request_sock *req, struct sk_buff *skb,
                      const struct tcp_seg *seg, const struct tcp_options_received *opt)
{
    struct net *net = sock_net(listener);
    bool renew;

    if (opt->fastopen_len < 0 && !seg->len)
        return false;
    if (opt->fastopen_len == 0)
        NET_INC_STATS(net, TcpExtTCPFastOpenCookieReqd);
    if (!tcp_fastopen_room(listener) || !tcp_fastopen_valid(req, opt, &renew))
        return false;
    struct sock *child = tcp_create_openreq_child(listener, req);
    if (!child) {
        NET_INC_STATS(net, TcpExtTCPFastOpenPassiveFail);
        return false;
    }
    struct tcp_sock *tp = tcp_sk(child);
    tp->fastopen_rsk = tcp_sk(listener)->fastopenq;
    tp->fastopen_rsk->refcount++;
    tp->fastopen_rsk->qlen++;
    tp->fastopen_renew = renew;
    if (tcp_fastopen_start(child, skb, seg)) { /* no memory: as if the SYN had been lost */
        tcp_done(child);
        sock_put(child);
        return true;
    }
    NET_INC_STATS(net, TcpExtTCPFastOpenPassive);
    if (renew)
        NET_INC_STATS(net, TcpExtTCPFastOpenPassiveAltKey);
    tcp_accept_queue_add(listener, child);
    if (!listener->sk_dead)
        listener->sk_data_ready(listener);
    return true;
}

bool tcp_fastopen_syn_again(struct sock *sk, const struct tcp_seg *seg)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (seg->seq != tp->irs || (seg->flags & (TCPHDR_SYN | TCPHDR_ACK | TCPHDR_RST)) != TCPHDR_SYN)
        return false;
    if (!tcp_oow_rate_limited(sock_net(sk), &tp->last_oow_ack_ms, MIB_TcpExtTCPACKSkippedSynRecv) &&
        tcp_retransmit_skb(sk, skb_peek(&sk->sk_write_queue)))
        NET_INC_STATS(sock_net(sk), TcpExtTCPRetransFail);
    return true;
}

/*
 * The SYN-ACK had to be sent again: the peer, in SYN-SENT until then, has dropped what came behind the first
 * one. No need to wait for the timer.
 */
void tcp_fastopen_resend(struct sock *sk)
{
    struct tcp_sock *tp = tcp_sk(sk);
    struct sk_buff *head = skb_peek(&sk->sk_write_queue);

    tcp_enter_loss(sk);
    if (tcp_retransmit_skb(sk, head)) {
        NET_INC_STATS(sock_net(sk), TcpExtTCPRetransFail);
        return;
    }
    tp->retrans_high = TCP_SKB_CB(head)->end_seq;
    tp->retrans_hint = NULL;
    tcp_rearm_rto(sk);
}

/* --- settings --- */

int tcp_fastopen_set_qlen(struct sock *sk, int qlen)
{
    if (qlen < 0 || (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN))
        return -EINVAL;
    struct tcp_fastopen_queue *queue = tcp_fastopen_queue_get(tcp_sk(sk));
    if (!queue)
        return -ENOMEM;
    queue->max_qlen = (uint32_t)min(qlen, tcp_net(sk)->sysctl_somaxconn);
    return 0;
}

int tcp_fastopen_get_qlen(const struct sock *sk)
{
    return tcp_sk(sk)->fastopenq ? (int)tcp_sk(sk)->fastopenq->max_qlen : 0;
}

void tcp_fastopen_listen(struct sock *sk)
{
    int all = TFO_SERVER_ENABLE | TFO_SERVER_ALL_LISTENERS;

    /* Without memory it is an ordinary listener. */
    if ((tcp_net(sk)->sysctl_fastopen & all) == all && !tcp_fastopen_get_qlen(sk))
        tcp_fastopen_set_qlen(sk, (int)tcp_sk(sk)->max_backlog);
}

/* One key, or two: that of new cookies, and one that is still good. */
int tcp_fastopen_set_key(struct sock *sk, const void *val, size_t len)
{
    if (len != sizeof(struct siphash_key) && len != 2 * sizeof(struct siphash_key))
        return -EINVAL;
    struct tcp_fastopen_queue *queue = tcp_fastopen_queue_get(tcp_sk(sk));
    if (!queue)
        return -ENOMEM;
    memcpy(queue->keys.key, val, len);
    queue->keys.count = (unsigned)(len / sizeof(struct siphash_key));
    return 0;
}

const struct tcp_fastopen_keys *tcp_fastopen_get_keys(const struct sock *sk)
{
    return tcp_fastopen_keys(tcp_net(sk), tcp_sk(sk)->fastopenq);
}

/* Eight hexadecimal digits at *p, which moves behind them: false if there are others. */
static bool tcp_fastopen_parse_word(const char **p, uint32_t *word)
{
    *word = 0;
    for (int i = 0; i < 8; i++, ++*p) {
        if (!isxdigit((unsigned char)**p))
            return false;
        int digit = isdigit((unsigned char)**p) ? **p - '0' : tolower((unsigned char)**p) - 'a' + 10;
        *word = *word << 4 | (uint32_t)digit;
    }
    return true;
}

static bool tcp_fastopen_parse_key(const char **p, struct siphash_key *key)
{
    uint32_t word[4];

    for (int i = 0; i < 4; i++)
        if ((i && *(*p)++ != '-') || !tcp_fastopen_parse_word(p, &word[i]))
            return false;
    key->key[0] = (uint64_t)word[1] << 32 | word[0];
    key->key[1] = (uint64_t)word[3] << 32 | word[2];
    return true;
}

/* "xxxxxxxx-xxxxxxxx-xxxxxxxx-xxxxxxxx", and perhaps a comma and the old one. */
static int tcp_fastopen_sysctl_set(struct net *net, const char *value)
{
    struct tcp_fastopen_keys keys = {.count = 1};

    if (!tcp_fastopen_parse_key(&value, &keys.key[0]))
        return -EINVAL;
    if (*value == ',') {
        value++;
        keys.count = 2;
        if (!tcp_fastopen_parse_key(&value, &keys.key[1]))
            return -EINVAL;
    }
    if (*value)
        return -EINVAL;
    net->tcp->fastopen_keys = keys;
    return 0;
}

static int tcp_fastopen_sysctl_get(struct net *net, char *buf, size_t size)
{
    const struct tcp_fastopen_keys *keys = &net->tcp->fastopen_keys;
    size_t len = 0;

    for (unsigned i = 0; i < keys->count; i++) {
        const uint64_t *key = keys->key[i].key;
        size_t at = min(len, size);
        len += (size_t)snprintf(buf + at, size - at, "%s%08x-%08x-%08x-%08x", i ? "," : "", (uint32_t)key[0],
                                (uint32_t)(key[0] >> 32), (uint32_t)key[1], (uint32_t)(key[1] >> 32));
    }
    return (int)len;
}

const struct sysctl_text tcp_sysctl_fastopen_key = {tcp_fastopen_sysctl_set, tcp_fastopen_sysctl_get};
