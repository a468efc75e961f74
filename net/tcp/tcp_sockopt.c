/*
 * tcp_sockopt.c - options of a TCP socket (level IPPROTO_TCP), with Linux's names and meanings. What TCP_INFO
 * tells is in tcp_info.c, the settings of the stack in tcp_sysctl.c.
 */
#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include "net/tcp/tcp_internal.h"

#define TCP_MAXSEG_MIN 88
#define TCP_MAXSEG_MAX 32767

/* --- setting --- */

static int tcp_set_cork(struct sock *sk, bool on)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (on) {
        tp->nonagle |= TCP_NAGLE_CORK;
        return 0;
    }
    tp->nonagle &= (uint8_t)~TCP_NAGLE_CORK;
    tcp_push(sk, 0);
    return 0;
}

static int tcp_set_nodelay(struct sock *sk, bool on)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!on) {
        tp->nonagle &= (uint8_t)~TCP_NAGLE_OFF;
        return 0;
    }
    uint8_t corked = tp->nonagle & TCP_NAGLE_CORK;
    tp->nonagle =
        TCP_NAGLE_OFF; /* what is queued now goes, cork or not; later writes wait for it again (tcp(7)) */
    tcp_push_pending_frames(sk);
    tp->nonagle |= corked;
    return 0;
}

/* An even number other than 0: the ACKs that are due now, and no more of the quick ones. */
static int tcp_set_quickack(struct sock *sk, int on)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!on) {
        tp->ack_pingpong = true;
        return 0;
    }
    tcp_enter_quickack(tp, TCP_MAX_QUICKACKS);
    if (tp->ack_pending && sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
        tcp_send_ack(sk);
    if (!(on & 1))
        tp->ack_pingpong = true;
    return 0;
}

static int tcp_set_seconds(struct sock *sk, uint32_t *to_ms, int seconds)
{
    if (seconds < 1 || seconds > TCP_KEEP_MAX_S)
        return -EINVAL;
    *to_ms = (uint32_t)seconds * 1000;
    tcp_reset_keepalive_timer(sk);
    return 0;
}

static int tcp_set_small(uint8_t *to, int val)
{
    if (val < 1 || val > 127)
        return -EINVAL;
    *to = (uint8_t)val;
    return 0;
}

static int tcp_set_maxseg(struct tcp_sock *tp, int val)
{
    if (val && (val < TCP_MAXSEG_MIN || val > TCP_MAXSEG_MAX))
        return -EINVAL;
    tp->user_mss = (uint16_t)val;
    return 0;
}

/*
 * TCP_DEFER_ACCEPT counts in SYN-ACKs sent again, after 1, 2, 4 ... 120 s, as Linux does: any time is rounded
 * up to the next of 1, 3, 7, 15 ... s.
 */
static uint32_t tcp_defer_accept_seconds(int val)
{
    uint32_t step = TCP_TIMEOUT_INIT / 1000, period = step;

    if (val <= 0)
        return 0;
    for (unsigned n = 1; period < (uint32_t)val && n < UINT8_MAX; n++) {
        step = min(2 * step, TCP_RTO_MAX / 1000);
        period += step;
    }
    return period;
}

/* Never more than half of what the receive buffer may become, or the reader would wait for ever. */
void tcp_set_rcvlowat(struct sock *sk, uint32_t bytes)
{
    uint32_t buffer = sk->sk_rcvbuf_locked ? sk->sk_rcvbuf : (uint32_t)tcp_net(sk)->sysctl_rmem[2];

    sk->sk_rcvlowat = min(bytes, buffer / 2);
    if (!sk->sk_rcvbuf_locked)
        sk->sk_rcvbuf = max(sk->sk_rcvbuf, 2 * sk->sk_rcvlowat);
}

/* As with SO_RCVBUF there is a least one; the window that was offered already does not shrink. */
static int tcp_set_window_clamp(struct sock *sk, int val)
{
    if (!val && sk->sk_state != TCP_CLOSE)
        return -EINVAL;
    tcp_sk(sk)->window_clamp = val ? (uint32_t)max(val, SOCK_MIN_RCVBUF / 2) : 0;
    return 0;
}

static int tcp_set_int(struct sock *sk, int name, int val)
{
    struct tcp_sock *tp = tcp_sk(sk);

    switch (name) {
    case TCP_NODELAY:
        return tcp_set_nodelay(sk, val);
    case TCP_CORK:
        return tcp_set_cork(sk, val);
    case TCP_QUICKACK:
        return tcp_set_quickack(sk, val);
    case TCP_INQ:
        if (val < 0 || val > 1)
            return -EINVAL;
        tp->recvmsg_inq = val;
        return 0;
    case TCP_MAXSEG:
        return tcp_set_maxseg(tp, val);
    case TCP_KEEPIDLE:
        return tcp_set_seconds(sk, &tp->keepalive_time_ms, val);
    case TCP_KEEPINTVL:
        return tcp_set_seconds(sk, &tp->keepalive_intvl_ms, val);
    case TCP_KEEPCNT:
        return tcp_set_small(&tp->keepalive_probes, val);
    case TCP_SYNCNT:
        return tcp_set_small(&tp->syn_retries, val);
    case TCP_USER_TIMEOUT: /* milliseconds */
        if (val < 0)
            return -EINVAL;
        tp->user_timeout_ms = (uint32_t)val;
        return 0;
    case TCP_RTO_MAX_MS:
        if (val < (int)TCP_TIMEOUT_INIT || val > (int)TCP_RTO_MAX)
            return -EINVAL;
        tp->rto_max_ms = (uint32_t)val;
        return 0;
    case TCP_NOTSENT_LOWAT: /* bytes */
        tp->notsent_lowat = (uint32_t)val;
        sk->sk_write_space(sk);
        return 0;
    case TCP_LINGER2:
        tp->linger2_s = val < 0 ? -1 : min(val, TCP_FIN_TIMEOUT_MAX);
        return 0;
    case TCP_FASTOPEN:
        return tcp_fastopen_set_qlen(sk, val);
    case TCP_DEFER_ACCEPT:
        tp->defer_accept_ms = tcp_defer_accept_seconds(val) * 1000;
        return 0;
    case TCP_WINDOW_CLAMP:
        return tcp_set_window_clamp(sk, val);
    case TCP_SAVE_SYN:
        return tcp_set_save_syn(sk, val);
    case TCP_REPAIR: /* the state of a connection is not to be written from outside: as to an unprivileged */
    case TCP_REPAIR_QUEUE:
        return -EPERM;
    }
    return -ENOPROTOOPT;
}

int tcp_setsockopt(struct sock *sk, int level, int name, const void *val, socklen_t len)
{
    int number;

    if (level == IPPROTO_TCP && name == TCP_CONGESTION)
        return len ? tcp_set_congestion_control(sk, val, strnlen(val, min(len, TCP_CA_NAME_MAX - 1u)))
                   : -EINVAL;
    if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY)
        return tcp_fastopen_set_key(sk, val, len);
    if (len < sizeof(number))
        return -EINVAL;
    memcpy(&number, val, sizeof(number));
    if (level == SOL_SOCKET && name == SO_KEEPALIVE) /* told by the socket layer, which keeps the flag */
        tcp_set_keepalive(sk, number);
    if (level != IPPROTO_TCP)
        return -ENOPROTOOPT;
    return tcp_set_int(sk, name, number);
}

/* --- getting --- */

/* What was set; else, of a connection, what there is. */
static uint32_t tcp_get_window_clamp(const struct sock *sk)
{
    if (tcp_sk(sk)->window_clamp || sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
        return tcp_sk(sk)->window_clamp;
    return tcp_window_bound(sk);
}

/* 0 and *val, or -ENOPROTOOPT. */
static int tcp_get_int(const struct sock *sk, int name, int *val)
{
    const struct tcp_sock *tp = tcp_sk(sk);

    switch (name) {
    case TCP_NODELAY:
        *val = (tp->nonagle & TCP_NAGLE_OFF) != 0;
        return 0;
    case TCP_CORK:
        *val = (tp->nonagle & TCP_NAGLE_CORK) != 0;
        return 0;
    case TCP_QUICKACK:
        *val = !tp->ack_pingpong;
        return 0;
    case TCP_INQ:
        *val = tp->recvmsg_inq;
        return 0;
    case TCP_MAXSEG:
        *val = (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN) && tp->user_mss ? tp->user_mss
                                                                                         : (int)tp->mss_cache;
        return 0;
    case TCP_KEEPIDLE:
        *val = (int)(tcp_keepalive_time(sk) / 1000);
        return 0;
    case TCP_KEEPINTVL:
        *val = (int)(tcp_keepalive_intvl(sk) / 1000);
        return 0;
    case TCP_KEEPCNT:
        *val = (int)tcp_keepalive_probes(sk);
        return 0;
    case TCP_SYNCNT:
        *val = tp->syn_retries ? tp->syn_retries : tcp_net(sk)->sysctl_syn_retries;
        return 0;
    case TCP_USER_TIMEOUT:
        *val = (int)tp->user_timeout_ms;
        return 0;
    case TCP_RTO_MAX_MS:
        *val = (int)tcp_rto_max(tp);
        return 0;
    case TCP_NOTSENT_LOWAT:
        *val = (int)tp->notsent_lowat;
        return 0;
    case TCP_LINGER2:
        *val = tp->linger2_s ? tp->linger2_s : tcp_net(sk)->sysctl_fin_timeout;
        return 0;
    case TCP_FASTOPEN:
        *val = tcp_fastopen_get_qlen(sk);
        return 0;
    case TCP_DEFER_ACCEPT:
        *val = (int)(tp->defer_accept_ms / 1000);
        return 0;
    case TCP_WINDOW_CLAMP:
        *val = (int)tcp_get_window_clamp(sk);
        return 0;
    case TCP_SAVE_SYN:
        *val = tp->save_syn;
        return 0;
    case TCP_REPAIR:
        *val = 0;
        return 0;
    }
    return -ENOPROTOOPT;
}

static int tcp_copy_out(void *val, socklen_t *len, const void *from, size_t size)
{
    *len = (socklen_t)min((size_t)*len, size);
    if (*len)
        memcpy(val, from, *len);
    return 0;
}

int tcp_getsockopt(struct sock *sk, int level, int name, void *val, socklen_t *len)
{
    int number;

    if (level != IPPROTO_TCP)
        return -ENOPROTOOPT;
    if (name == TCP_INFO) {
        struct tcp_info info;
        tcp_get_info(sk, &info);
        return tcp_copy_out(val, len, &info, sizeof(info));
    }
    if (name == TCP_CONGESTION) {
        char ca_name[TCP_CA_NAME_MAX] = "";
        memcpy(ca_name, tcp_sk(sk)->ca_ops->name, strlen(tcp_sk(sk)->ca_ops->name));
        return tcp_copy_out(val, len, ca_name, sizeof(ca_name));
    }
    if (name == TCP_FASTOPEN_KEY) {
        const struct tcp_fastopen_keys *keys = tcp_fastopen_get_keys(sk);
        return tcp_copy_out(val, len, keys->key, keys->count * sizeof(keys->key[0]));
    }
    if (name == TCP_SAVED_SYN)
        return tcp_get_saved_syn(sk, val, len);
    int err = tcp_get_int(sk, name, &number);
    return err ? err : tcp_copy_out(val, len, &number, sizeof(number));
}
