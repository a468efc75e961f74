/*
 * af_inet.c - the Internet's sockets: from struct proto_ops to the transport's struct proto.
 *
 * Checks what all transports have in common - addresses, and which call is allowed in which state - so that
 * TCP and UDP only see calls that make sense. Data calls pass straight through. inet_init() at the end brings
 * up a whole stack, from netfilter to TCP.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/slab.h"
#include "net/ethernet/arp.h"
#include "net/ethernet/link.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/ip_sockglue.h"
#include "net/ipv4/ping.h"
#include "net/ipv4/raw.h"
#include "net/ipv4/route.h"
#include "net/netfilter/hooks.h"
#include "net/netfilter/nf_conntrack.h"
#include "net/netfilter/nf_nat.h"
#include "net/netfilter/nf_queue.h"
#include "net/netfilter/x_tables.h"
#include "net/packet/af_packet.h"
#include "net/sched/sched.h"
#include "net/socket/socket.h"
#include "net/tcp/tcp.h"
#include "net/udp/udp.h"

/* --- making and ending --- */

void inet_register_protosw(struct net *net, struct inet_protosw *p)
{
    list_add(&p->list, &net->sockets->inetsw);
}

/* The transport for a type and protocol (0: any; one registered for 0 takes every other), or NULL and *err as
 * socket(2) has it. */
static const struct inet_protosw *inet_find_protosw(struct net *net, int type, int protocol, int *err)
{
    const struct inet_protosw *p;

    *err = -ESOCKTNOSUPPORT;
    list_for_each_entry (p, &net->sockets->inetsw, list) {
        if (p->type != type)
            continue;
        if (protocol == p->protocol ? protocol != IPPROTO_IP
                                    : protocol == IPPROTO_IP || p->protocol == IPPROTO_IP)
            return p;
        *err = -EPROTONOSUPPORT;
    }
    return NULL;
}

static int inet_create(struct net *net, struct socket *sock, int protocol)
{
    const struct inet_protosw *p;
    int err;

    if (protocol < 0 || protocol > IPPROTO_RAW)
        return protocol < 0 || protocol >= IPPROTO_MAX ? -EINVAL : -EPROTONOSUPPORT;
    p = inet_find_protosw(net, sock->type, protocol, &err);
    if (!p)
        return err;
    sock->ops = p->ops;
    sock->sk = sk_alloc(net, p->prot, sock->type, p->protocol ? p->protocol : protocol, &err);
    return sock->sk ? 0 : err;
}

/* The connection may live on as an orphan; the descriptor's reference goes to the transport. */
static int inet_release(struct socket *sock)
{
    struct sock *sk = sock->sk;

    sock->sk = NULL;
    sk->sk_socket = NULL;
    sk->sk_prot->close(sk);
    return 0;
}

/* --- addresses --- */

static int inet_check_address(const struct sockaddr *addr, socklen_t len)
{
    if (len < sizeof(struct sockaddr_in))
        return -EINVAL;
    return addr->sa_family == AF_INET ? 0 : -EAFNOSUPPORT;
}

static be32 sin_addr(const struct sockaddr *addr)
{
    return (__force be32)((const struct sockaddr_in *)addr)->sin_addr.s_addr;
}

static uint16_t sin_port(const struct sockaddr *addr)
{
    return ntohs(((const struct sockaddr_in *)addr)->sin_port);
}

/* One of ours; a group or broadcast address for those who only want to hear it. */
static bool inet_may_bind(struct sock *sk, be32 addr)
{
    if (!addr || sk->inet_freebind)
        return true;
    switch (inet_addr_type(sock_net(sk), NULL, addr)) {
    case RTN_LOCAL:
    case RTN_BROADCAST:
    case RTN_MULTICAST:
        return true;
    case RTN_UNICAST:
    case RTN_UNREACHABLE:
    case RTN_BLACKHOLE:
    case RTN_PROHIBIT:
        return false;
    }
    return false;
}

static int inet_bind(struct socket *sock, const struct sockaddr *addr, socklen_t len)
{
    struct sock *sk = sock->sk;
    int err;

    if (len < sizeof(struct sockaddr_in))
        return -EINVAL;
    /* AF_UNSPEC with no address once meant AF_INET, and old programs still say so. */
    err = addr->sa_family == AF_UNSPEC && !sin_addr(addr) ? 0 : inet_check_address(addr, len);
    if (err)
        return err;
    if (!inet_may_bind(sk, sin_addr(addr)))
        return -EADDRNOTAVAIL;
    if (sk->sk_state != TCP_CLOSE || sk->sk_sport)
        return -EINVAL;
    if (sk->inet_bind_no_port && !sin_port(addr) && sock->type == SOCK_STREAM) {
        sk->sk_rcv_saddr = sk->inet_saddr = sin_addr(addr); /* connect() chooses the port, knowing the peer */
        return 0;
    }
    return sk->sk_prot->bind(sk, sin_addr(addr), sin_port(addr));
}

static int inet_getname(struct socket *sock, struct sockaddr_storage *addr, enum sock_name which)
{
    struct sock *sk = sock->sk;
    struct sockaddr_in *sin = (struct sockaddr_in *)addr;

    *sin = (struct sockaddr_in){.sin_family = AF_INET};
    if (which == SOCK_NAME_LOCAL) {
        sin->sin_port = (__force uint16_t)sk->sk_sport;
        sin->sin_addr.s_addr = (__force uint32_t)(sk->sk_rcv_saddr ? sk->sk_rcv_saddr : sk->inet_saddr);
        return sizeof(*sin);
    }
    if (!sk->sk_dport ||
        (which == SOCK_NAME_PEER && (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_SYN_SENT)))
        return -ENOTCONN;
    sin->sin_port = (__force uint16_t)sk->sk_dport;
    sin->sin_addr.s_addr = (__force uint32_t)sk->sk_daddr;
    return sizeof(*sin);
}

/* --- connecting --- */

static int inet_disconnect(struct socket *sock)
{
    sock->state = SS_UNCONNECTED;
    return sock->sk->sk_prot->disconnect ? sock->sk->sk_prot->disconnect(sock->sk) : -EOPNOTSUPP;
}

static bool is_connecting(const struct sock *sk)
{
    return sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV;
}

/* The three-way handshake is over, one way or the other: what connect() says about it. */
static int inet_connect_outcome(struct socket *sock)
{
    struct sock *sk = sock->sk;
    int err;

    if (sk->sk_state != TCP_CLOSE) {
        sock->state = SS_CONNECTED;
        return 0;
    }
    err = sock_error(sk);
    sock->state = SS_UNCONNECTED;
    if (sk->sk_prot->disconnect)
        sk->sk_prot->disconnect(sk);
    return err ? err : -ECONNABORTED;
}

/* connect() as in Linux: EINPROGRESS at first, EALREADY while it lasts, 0 once to tell of success, then
 * EISCONN. */
static int inet_stream_connect(struct socket *sock, const struct sockaddr *addr, socklen_t len, int flags)
{
    struct sock *sk = sock->sk;
    int pending = -EALREADY, err;

    if (addr->sa_family == AF_UNSPEC)
        return inet_disconnect(sock);
    if (sock->state == SS_CONNECTED)
        return -EISCONN;
    if (sock->state == SS_UNCONNECTED) {
        if (sk->sk_state != TCP_CLOSE) /* it listens */
            return -EISCONN;
        err = inet_check_address(addr, len);
        if (!err)
            err = sk->sk_prot->connect(sk, sin_addr(addr), sin_port(addr), MSG_DONTWAIT);
        if (err && err != -EINPROGRESS)
            return err;
        sock->state = SS_CONNECTING;
        pending = -EINPROGRESS;
    }
    if (is_connecting(sk)) {
        uint64_t deadline_ms = sock_snd_deadline(sk, flags);
        if ((flags & MSG_DONTWAIT) || !sk_wait_until(sk, !is_connecting(sk), deadline_ms))
            return pending;
    }
    return inet_connect_outcome(sock);
}

static int inet_dgram_connect(struct socket *sock, const struct sockaddr *addr, socklen_t len, int flags)
{
    int err;

    if (addr->sa_family == AF_UNSPEC)
        return inet_disconnect(sock);
    err = inet_check_address(addr, len);
    return err ? err : sock->sk->sk_prot->connect(sock->sk, sin_addr(addr), sin_port(addr), flags);
}

static int inet_listen(struct socket *sock, int backlog)
{
    struct sock *sk = sock->sk;

    if (sock->state != SS_UNCONNECTED || (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN))
        return -EINVAL;
    return sk->sk_prot->listen(sk, backlog);
}

static int inet_no_listen(struct socket *sock, int backlog)
{
    return -EOPNOTSUPP;
}

static int inet_accept(struct socket *sock, struct socket *newsock, int flags)
{
    int err = -EINVAL;
    struct sock *sk = sock->sk->sk_prot->accept(sock->sk, flags, &err);

    if (!sk)
        return err;
    sk->sk_socket = newsock;
    newsock->sk = sk;
    newsock->state = SS_CONNECTED;
    return 0;
}

static int inet_shutdown(struct socket *sock, int how)
{
    struct sock *sk = sock->sk;
    int err;

    if (sk->sk_state == TCP_LISTEN) {
        err = how == SHUT_WR ? 0 : inet_disconnect(sock);
    } else if (sk->sk_state == TCP_SYN_SENT) {
        err = inet_disconnect(sock);
    } else if (sk->sk_state == TCP_CLOSE) {
        /* Not connected, but whoever sleeps in recv() on a datagram socket is woken all the same. */
        if (sock->type != SOCK_STREAM)
            sk->sk_prot->shutdown(sk, how);
        err = -ENOTCONN;
    } else {
        err = sk->sk_prot->shutdown(sk, how);
    }
    sk->sk_state_change(sk);
    return err;
}

/* --- data, options --- */

static ssize_t inet_sendmsg(struct socket *sock, struct msg *msg, size_t len)
{
    return sock->sk->sk_prot->sendmsg(sock->sk, msg, len);
}

static ssize_t inet_recvmsg(struct socket *sock, struct msg *msg, size_t len, int flags)
{
    return sock->sk->sk_prot->recvmsg(sock->sk, msg, len, flags);
}

static int inet_setsockopt(struct socket *sock, int level, int name, const void *val, socklen_t len)
{
    struct sock *sk = sock->sk;

    if (level == SOL_IP) {
        int err = ip_setsockopt(sk, name, val, len);

        return err == -ENOPROTOOPT ? ip_sock_setopt(sk, name, val, len) : err;
    }
    return sk->sk_prot->setsockopt ? sk->sk_prot->setsockopt(sk, level, name, val, len) : -ENOPROTOOPT;
}

static int inet_getsockopt(struct socket *sock, int level, int name, void *val, socklen_t *len)
{
    struct sock *sk = sock->sk;

    if (level == SOL_IP) {
        int err = ip_getsockopt(sk, name, val, len);

        return err == -ENOPROTOOPT ? ip_sock_getopt(sk, name, val, len) : err;
    }
    return sk->sk_prot->getsockopt ? sk->sk_prot->getsockopt(sk, level, name, val, len) : -ENOPROTOOPT;
}

static int inet_ioctl(struct socket *sock, unsigned long cmd, void *arg)
{
    struct sock *sk = sock->sk;

    if (cmd == SIOCINQ || cmd == SIOCOUTQ || cmd == SIOCATMARK) {
        if (!arg)
            return -EFAULT;
        return sk->sk_prot->ioctl ? sk->sk_prot->ioctl(sk, cmd, arg) : -ENOTTY;
    }
    return dev_ioctl(sock_net(sk), cmd, arg);
}

const struct proto_ops inet_stream_ops = {
    .family = AF_INET,
    .release = inet_release,
    .bind = inet_bind,
    .connect = inet_stream_connect,
    .accept = inet_accept,
    .getname = inet_getname,
    .listen = inet_listen,
    .shutdown = inet_shutdown,
    .sendmsg = inet_sendmsg,
    .recvmsg = inet_recvmsg,
    .setsockopt = inet_setsockopt,
    .getsockopt = inet_getsockopt,
    .ioctl = inet_ioctl,
};

const struct proto_ops inet_dgram_ops = {
    .family = AF_INET,
    .release = inet_release,
    .bind = inet_bind,
    .connect = inet_dgram_connect,
    .accept = NULL, /* EOPNOTSUPP */
    .getname = inet_getname,
    .listen = inet_no_listen,
    .shutdown = inet_shutdown,
    .sendmsg = inet_sendmsg,
    .recvmsg = inet_recvmsg,
    .setsockopt = inet_setsockopt,
    .getsockopt = inet_getsockopt,
    .ioctl = inet_ioctl,
};

/* --- a whole stack --- */

static int socket_layer_init(struct net *net)
{
    struct socket_layer *layer = kzalloc(sizeof(*layer));

    if (!layer)
        return -ENOMEM;
    INIT_LIST_HEAD(&layer->families);
    INIT_LIST_HEAD(&layer->inetsw);
    net->sockets = layer;

    layer->inet_family = (struct net_proto_family){.family = AF_INET, .create = inet_create};
    sock_register(net, &layer->inet_family);
    layer->tcp = (struct inet_protosw){
        .type = SOCK_STREAM, .protocol = IPPROTO_TCP, .prot = &tcp_prot, .ops = &inet_stream_ops};
    inet_register_protosw(net, &layer->tcp);
    layer->ping = (struct inet_protosw){
        .type = SOCK_DGRAM, .protocol = IPPROTO_ICMP, .prot = &ping_prot, .ops = &inet_dgram_ops};
    inet_register_protosw(net, &layer->ping); /* before UDP, which is what SOCK_DGRAM means by itself */
    layer->udp = (struct inet_protosw){
        .type = SOCK_DGRAM, .protocol = IPPROTO_UDP, .prot = &udp_prot, .ops = &inet_dgram_ops};
    inet_register_protosw(net, &layer->udp);
    layer->raw = (struct inet_protosw){
        .type = SOCK_RAW, .protocol = IPPROTO_IP, .prot = &raw_prot, .ops = &inet_dgram_ops};
    inet_register_protosw(net, &layer->raw);
    layer->rmem_max = layer->wmem_max = SOCK_BUF_MAX;
    layer->sysctl_entries[0] =
        (struct sysctl_entry){"net.core.rmem_max", &layer->rmem_max, 1, SOCK_MIN_RCVBUF, INT_MAX};
    layer->sysctl_entries[1] =
        (struct sysctl_entry){"net.core.wmem_max", &layer->wmem_max, 1, SOCK_MIN_SNDBUF, INT_MAX};
    register_sysctl(net, &layer->sysctl, layer->sysctl_entries);
    inet_farewell_register(net);
    return 0;
}

static void socket_layer_exit(struct net *net)
{
    shutdown_unregister(&net->sockets->farewell);
    unregister_sysctl(&net->sockets->sysctl);
    kfree(net->sockets);
    net->sockets = NULL;
}

/* From the bottom up, and down again from the top: packets may wait in the disciplines until the end. */
static const struct inet_stage {
    int (*init)(struct net *net);
    void (*exit)(struct net *net);
} inet_stages[] = {
    {sched_init, sched_exit},
    {nf_init, nf_exit},
    {arp_init, arp_exit},
    {ip_init, ip_exit}, /* with icmp */
    {nf_conntrack_init, nf_conntrack_exit},
    {xt_init, xt_exit},
    {nf_nat_init, nf_nat_exit}, /* asks table nat */
    {nf_queue_init, nf_queue_exit},
    {udp_init, udp_exit},
    {tcp_init, tcp_exit},
    {socket_layer_init, socket_layer_exit},
    {packet_init, packet_exit},
    {link_init, link_exit}, /* the last: devices that go take addresses and routes along */
};

static void inet_undo(struct net *net, size_t stages)
{
    while (stages--)
        inet_stages[stages].exit(net);
}

int inet_init(struct net *net)
{
    for (size_t i = 0; i < ARRAY_SIZE(inet_stages); i++) {
        int err = inet_stages[i].init(net);
        if (err) {
            inet_undo(net, i);
            return err;
        }
    }
    return 0;
}

void inet_exit(struct net *net)
{
    inet_undo(net, ARRAY_SIZE(inet_stages));
}
