/*
 * sockopt.c - options of SOL_SOCKET and SOL_IP: kept in struct sock, where the layers below look at them.
 *
 * Values, limits and errors are those of socket(7) and ip(7). An option without effect here is not accepted
 * in silence: it is ENOPROTOOPT.
 */
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>

#include "net/core/netdevice.h"
#include "net/ipv4/ip.h"
#include "net/socket/socket.h"
#include "net/tcp/tcp_states.h"

/* --- from and to the application's memory --- */

static int get_int(const void *val, socklen_t len, int *out)
{
    if (len < sizeof(*out))
        return -EINVAL;
    memcpy(out, val, sizeof(*out));
    return 0;
}

/* As much as there is room for; *len says how much that was. */
static int put_value(void *val, socklen_t *len, const void *from, size_t size)
{
    *len = min(*len, (socklen_t)size);
    if (*len)
        memcpy(val, from, *len);
    return 0;
}

static int put_int(void *val, socklen_t *len, int value)
{
    return put_value(val, len, &value, sizeof(value));
}

/* --- SOL_SOCKET --- */

/* Doubled, as Linux does: half of it is for what is around the data. `limit` is on what is asked for. */
static uint32_t buffer_size(int asked, uint32_t limit, uint32_t least)
{
    return max(2 * min((uint32_t)asked, limit), least);
}

static int set_buffer(struct sock *sk, int name, int value)
{
    bool force = name == SO_RCVBUFFORCE || name == SO_SNDBUFFORCE;
    bool receive = name == SO_RCVBUF || name == SO_RCVBUFFORCE;
    const struct socket_layer *layer = sock_net(sk)->sockets;
    uint32_t limit = INT_MAX / 2;

    if (!force)
        limit = min(limit, (uint32_t)(receive ? layer->rmem_max : layer->wmem_max));

    if (force && value < 0)
        value = 0;
    if (receive) {
        sk->sk_rcvbuf = buffer_size(value, limit, SOCK_MIN_RCVBUF);
        sk->sk_rcvbuf_locked = true;
    } else {
        sk->sk_sndbuf = buffer_size(value, limit, SOCK_MIN_SNDBUF);
        sk->sk_sndbuf_locked = true;
        sk->sk_write_space(sk); /* there may be room now */
    }
    return 0;
}

/* {0, 0} is for ever; less than nothing is not at all. */
static int set_timeout(uint64_t *timeout_ms, const void *val, socklen_t len)
{
    struct timeval tv;

    if (len < sizeof(tv))
        return -EINVAL;
    memcpy(&tv, val, sizeof(tv));
    if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
        return -EDOM;
    if (tv.tv_sec < 0)
        *timeout_ms = 0;
    else if ((!tv.tv_sec && !tv.tv_usec) || tv.tv_sec >= LONG_MAX / 1000 - 1)
        *timeout_ms = WAIT_FOREVER;
    else
        *timeout_ms = (uint64_t)tv.tv_sec * 1000 + DIV_ROUND_UP((uint64_t)tv.tv_usec, 1000);
    return 0;
}

static int put_timeout(void *val, socklen_t *len, uint64_t timeout_ms)
{
    struct timeval tv = {0};

    if (timeout_ms != WAIT_FOREVER) {
        tv.tv_sec = (time_t)(timeout_ms / 1000);
        tv.tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000);
    }
    return put_value(val, len, &tv, sizeof(tv));
}

/* Bytes per second, as a long or, as older programs have it, an int; all ones is no bound. */
static int set_max_pacing_rate(struct sock *sk, const void *val, socklen_t len)
{
    uint64_t rate = 0;
    uint32_t narrow;

    if (len >= sizeof(rate)) {
        memcpy(&rate, val, sizeof(rate));
    } else {
        memcpy(&narrow, val, sizeof(narrow));
        rate = narrow == UINT32_MAX ? UINT64_MAX : narrow;
    }
    sk->sk_max_pacing_rate = rate ? rate : UINT64_MAX;
    return 0;
}

static int put_max_pacing_rate(const struct sock *sk, void *val, socklen_t *len)
{
    uint64_t rate = sk->sk_max_pacing_rate;
    uint32_t narrow = (uint32_t)min(rate, (uint64_t)UINT32_MAX);

    return *len >= sizeof(rate) ? put_value(val, len, &rate, sizeof(rate))
                                : put_value(val, len, &narrow, sizeof(narrow));
}

static int set_linger(struct sock *sk, const void *val, socklen_t len)
{
    struct linger linger;

    if (len < sizeof(linger))
        return -EINVAL;
    memcpy(&linger, val, sizeof(linger));
    sk->sk_linger = linger.l_onoff != 0;
    if (sk->sk_linger)
        sk->sk_lingertime_ms = (uint32_t)min((uint64_t)(unsigned)linger.l_linger * 1000, (uint64_t)INT_MAX);
    return 0;
}

static int put_linger(const struct sock *sk, void *val, socklen_t *len)
{
    struct linger linger = {.l_onoff = sk->sk_linger, .l_linger = (int)(sk->sk_lingertime_ms / 1000)};

    return put_value(val, len, &linger, sizeof(linger));
}

static void bind_to_ifindex(struct sock *sk, int ifindex)
{
    sk->sk_bound_dev_if = ifindex;
    sk_dst_set(sk, NULL); /* the cached route may lead to another device */
}

/* A device's name, with or without a NUL; empty for any device. */
static int set_bound_device(struct sock *sk, const void *val, socklen_t len)
{
    char name[IFNAMSIZ] = "";
    struct net_device *dev;

    if (len)
        memcpy(name, val, min(len, (socklen_t)sizeof(name) - 1));
    if (!name[0]) {
        bind_to_ifindex(sk, 0);
        return 0;
    }
    dev = dev_get_by_name(sock_net(sk), name);
    if (!dev)
        return -ENODEV;
    bind_to_ifindex(sk, dev->ifindex);
    return 0;
}

static int put_bound_device(const struct sock *sk, void *val, socklen_t *len)
{
    struct net_device *dev;

    if (!sk->sk_bound_dev_if) {
        *len = 0;
        return 0;
    }
    if (*len < IFNAMSIZ)
        return -EINVAL;
    dev = dev_get_by_index(sock_net(sk), sk->sk_bound_dev_if);
    return dev ? put_value(val, len, dev->name, strlen(dev->name) + 1) : -ENODEV;
}

static int set_ifindex(struct sock *sk, int ifindex)
{
    if (ifindex < 0)
        return -EINVAL;
    if (ifindex && !dev_get_by_index(sock_net(sk), ifindex))
        return -ENODEV;
    bind_to_ifindex(sk, ifindex);
    return 0;
}

static int set_keepalive(struct sock *sk, bool on)
{
    sk->sk_keepalive = on;
    if (sk->sk_prot->keepalive)
        sk->sk_prot->keepalive(sk, on);
    return 0;
}

static int set_rcvlowat(struct sock *sk, int value)
{
    if (value < 0)
        value = INT_MAX;
    if (sk->sk_prot->rcvlowat)
        sk->sk_prot->rcvlowat(sk, value ? (uint32_t)value : 1);
    else
        sk->sk_rcvlowat = value ? (uint32_t)value : 1;
    if (!skb_queue_empty(&sk->sk_receive_queue))
        sk->sk_data_ready(sk); /* what lies there may be enough now */
    return 0;
}

static int set_int_option(struct sock *sk, int name, int value)
{
    switch (name) {
    case SO_REUSEADDR:
        sk->sk_reuse = value != 0;
        return 0;
    case SO_REUSEPORT:
        sk->sk_reuseport = value != 0;
        return 0;
    case SO_BROADCAST:
        sk->sk_broadcast = value != 0;
        return 0;
    case SO_KEEPALIVE:
        return set_keepalive(sk, value != 0);
    case SO_RCVLOWAT:
        return set_rcvlowat(sk, value);
    case SO_PRIORITY:
        sk->sk_priority = (uint32_t)value;
        return 0;
    case SO_MARK:
        sk->sk_mark = (uint32_t)value;
        sk_dst_set(sk, NULL); /* routes may depend on it */
        return 0;
    case SO_BINDTOIFINDEX:
        return set_ifindex(sk, value);
    case SO_RCVBUF:
    case SO_SNDBUF:
    case SO_RCVBUFFORCE:
    case SO_SNDBUFFORCE:
        return set_buffer(sk, name, value);
    }
    return -ENOPROTOOPT;
}

static int set_filter(struct sock *sk, int name, const void *val, socklen_t len)
{
    struct sock_fprog fprog;
    int lock, err;

    if (name == SO_DETACH_FILTER)
        return sk_attach_filter(sk, NULL);
    if (name == SO_LOCK_FILTER) {
        err = get_int(val, len, &lock);
        if (!err && sk->sk_filter_locked && !lock)
            err = -EPERM;
        if (!err)
            sk->sk_filter_locked = lock != 0;
        return err;
    }
    if (len != sizeof(fprog))
        return -EINVAL;
    memcpy(&fprog, val, sizeof(fprog));
    return fprog.filter ? sk_attach_filter(sk, &fprog) : -EFAULT;
}

int sock_setsockopt(struct socket *sock, int name, const void *val, socklen_t len)
{
    struct sock *sk = sock->sk;
    int value, err;

    if (name == SO_BINDTODEVICE)
        return set_bound_device(sk, val, len);
    if (name == SO_ATTACH_FILTER || name == SO_DETACH_FILTER || name == SO_LOCK_FILTER)
        return set_filter(sk, name, val, len);
    err = get_int(val, len, &value);
    if (err)
        return err;
    if (name == SO_LINGER)
        return set_linger(sk, val, len);
    if (name == SO_RCVTIMEO)
        return set_timeout(&sk->sk_rcvtimeo_ms, val, len);
    if (name == SO_SNDTIMEO)
        return set_timeout(&sk->sk_sndtimeo_ms, val, len);
    if (name == SO_MAX_PACING_RATE)
        return set_max_pacing_rate(sk, val, len);
    return set_int_option(sk, name, value);
}

/* The pending error, as a positive number, is told once; a soft one only if there is no other. */
static int take_error(struct sock *sk)
{
    int err = -sock_error(sk);

    if (!err) {
        err = sk->sk_err_soft;
        sk->sk_err_soft = 0;
    }
    return err;
}

/* false: no such option. */
static bool get_int_option(struct socket *sock, int name, int *value)
{
    struct sock *sk = sock->sk;

    switch (name) {
    case SO_REUSEADDR:
        *value = sk->sk_reuse;
        return true;
    case SO_REUSEPORT:
        *value = sk->sk_reuseport;
        return true;
    case SO_KEEPALIVE:
        *value = sk->sk_keepalive;
        return true;
    case SO_BROADCAST:
        *value = sk->sk_broadcast;
        return true;
    case SO_RCVBUF:
        *value = (int)sk->sk_rcvbuf;
        return true;
    case SO_SNDBUF:
        *value = (int)sk->sk_sndbuf;
        return true;
    case SO_RCVLOWAT:
        *value = (int)sk->sk_rcvlowat;
        return true;
    case SO_SNDLOWAT:
        *value = 1;
        return true;
    case SO_ERROR:
        *value = take_error(sk);
        return true;
    case SO_TYPE:
        *value = sock->type;
        return true;
    case SO_DOMAIN:
        *value = sock->ops->family;
        return true;
    case SO_PROTOCOL:
        *value = sk->sk_protocol;
        return true;
    case SO_ACCEPTCONN:
        *value = sk->sk_state == TCP_LISTEN;
        return true;
    case SO_PRIORITY:
        *value = (int)sk->sk_priority;
        return true;
    case SO_MARK:
        *value = (int)sk->sk_mark;
        return true;
    case SO_BINDTOIFINDEX:
        *value = sk->sk_bound_dev_if;
        return true;
    case SO_LOCK_FILTER:
        *value = sk->sk_filter_locked;
        return true;
    }
    return false;
}

int sock_getsockopt(struct socket *sock, int name, void *val, socklen_t *len)
{
    struct sock *sk = sock->sk;
    int value;

    switch (name) {
    case SO_LINGER:
        return put_linger(sk, val, len);
    case SO_RCVTIMEO:
        return put_timeout(val, len, sk->sk_rcvtimeo_ms);
    case SO_SNDTIMEO:
        return put_timeout(val, len, sk->sk_sndtimeo_ms);
    case SO_MAX_PACING_RATE:
        return put_max_pacing_rate(sk, val, len);
    case SO_BINDTODEVICE:
        return put_bound_device(sk, val, len);
    }
    return get_int_option(sock, name, &value) ? put_int(val, len, value) : -ENOPROTOOPT;
}

/* --- SOL_IP --- */

/* SOL_IP takes an int, or one byte where the value fits into one. */
static int get_int_or_byte(const void *val, socklen_t len, int *out)
{
    if (len >= sizeof(*out))
        return get_int(val, len, out);
    if (!len)
        return -EINVAL;
    *out = *(const uint8_t *)val;
    return 0;
}

static int set_tos(struct sock *sk, int tos)
{
    if (sk->sk_type == SOCK_STREAM)
        tos &= ~INET_ECN_MASK; /* these are TCP's (RFC 3168): inet_ecn */
    if (sk->inet_tos != (uint8_t)tos)
        sk_dst_set(sk, NULL); /* the route may depend on it */
    sk->inet_tos = (uint8_t)tos;
    return 0;
}

static int set_ttl(struct sock *sk, int ttl)
{
    if (ttl != -1 && (ttl < 1 || ttl > 255))
        return -EINVAL;
    sk->inet_ttl = ttl == -1 ? 0 : (uint8_t)ttl;
    return 0;
}

static int set_multicast_ttl(struct sock *sk, int ttl)
{
    if (sk->sk_type == SOCK_STREAM || ttl < -1 || ttl > 255)
        return -EINVAL;
    sk->inet_mc_ttl = ttl == -1 ? 1 : (uint8_t)ttl;
    return 0;
}

static int set_mtu_discover(struct sock *sk, int mode)
{
    if (mode < IP_PMTUDISC_DONT || mode > IP_PMTUDISC_OMIT)
        return -EINVAL;
    sk->inet_pmtudisc = (uint8_t)mode;
    return 0;
}

int ip_setsockopt(struct sock *sk, int name, const void *val, socklen_t len)
{
    int value = 0, err = get_int_or_byte(val, len, &value);

    switch (name) {
    case IP_TOS:
        return err ? err : set_tos(sk, value);
    case IP_TTL:
        return err ? err : set_ttl(sk, value);
    case IP_MULTICAST_TTL:
        return err ? err : set_multicast_ttl(sk, value);
    case IP_MTU_DISCOVER:
        return err ? err : set_mtu_discover(sk, value);
    case IP_PKTINFO:
        if (err)
            return err;
        sk->inet_pktinfo = value != 0;
        return 0;
    }
    return -ENOPROTOOPT;
}

/* The path MTU towards the peer; without a peer there is no path (ip(7)). */
static int path_mtu(struct sock *sk)
{
    struct dst_entry *dst = sk_dst_check(sk);

    return dst ? (int)dst->mtu : -ENOTCONN;
}

int ip_getsockopt(struct sock *sk, int name, void *val, socklen_t *len)
{
    int value;

    switch (name) {
    case IP_TOS:
        value = sk->inet_tos;
        break;
    case IP_TTL:
        value = sk->inet_ttl ? sk->inet_ttl : sock_net(sk)->ipv4->sysctl_ip_default_ttl;
        break;
    case IP_MULTICAST_TTL:
        value = sk->inet_mc_ttl;
        break;
    case IP_PKTINFO:
        value = sk->inet_pktinfo;
        break;
    case IP_MTU_DISCOVER:
        value = sk->inet_pmtudisc;
        break;
    case IP_MTU:
        value = path_mtu(sk);
        if (value < 0)
            return value;
        break;
    default:
        return -ENOPROTOOPT;
    }
    if (*len > 0 && *len < sizeof(value) && value >= 0 && value <= 255) {
        uint8_t byte = (uint8_t)value;
        return put_value(val, len, &byte, sizeof(byte));
    }
    return put_int(val, len, value);
}
