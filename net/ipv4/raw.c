/*
 * raw.c - raw sockets (SOCK_RAW): what ping, traceroute and routing daemons speak with.
 *
 * In: ip_local_deliver_finish() -> raw_local_deliver(), in front of the protocol's own handler: each socket
 * of the protocol gets a copy from the IPv4 header on. Out: raw_sendmsg() -> route -> ip_build_and_send(),
 * or, with IP_HDRINCL, a datagram whose header the application wrote -> ip_local_out().
 *
 * A socket of IPPROTO_RAW only sends, and brings its own headers.
 */
#include "net/ipv4/raw.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/ipv4/igmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/ip_internal.h"
#include "net/ipv4/ip_sockglue.h"
#include "net/ipv4/raw_internal.h"

/* --- receiving --- */

/* `local` and `remote` as seen from here. */
static bool raw_match(const struct sock *sk, uint8_t protocol, be32 local, be32 remote, int dif)
{
    return sk->sk_protocol == protocol && (!sk->sk_rcv_saddr || sk->sk_rcv_saddr == local) &&
           (!sk->sk_daddr || sk->sk_daddr == remote) &&
           (!sk->sk_bound_dev_if || sk->sk_bound_dev_if == dif) && ip_mc_sk_allow(sk, local, remote, dif);
}

/* ICMP_FILTER: types this socket does not want. */
static bool raw_icmp_filtered(struct sock *sk, const struct sk_buff *skb)
{
    uint8_t type;

    if (sk->sk_protocol != IPPROTO_ICMP || !raw_sk(sk)->filter.data)
        return false;
    if (skb_copy_bits(skb, ip_hdrlen(ip_hdr(skb)), &type, 1))
        return true;
    return type < 32 && raw_sk(sk)->filter.data >> type & 1;
}

void raw_queue_rcv_skb(struct sock *sk, struct sk_buff *skb)
{
    if (sk_filter(sk, skb, 0)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_FILTER);
        return;
    }
    skb_nfct_drop(skb); /* a reader may take his time; the connection need not wait for him */
    ip_rx_forget_dev(skb);
    if ((sk->sk_shutdown & RCV_SHUTDOWN) || sock_queue_rcv_skb(sk, skb))
        kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
}

bool raw_local_deliver(struct net *net, struct sk_buff *skb)
{
    const struct iphdr *iph = ip_hdr(skb);
    bool taken = false;
    struct sock *sk;

    hlist_for_each_entry (sk, &net->ipv4->raw_sockets, sk_common.bind_node) {
        if (!raw_match(sk, iph->protocol, iph->daddr, iph->saddr, skb->dev->ifindex))
            continue;
        taken = true;
        if (raw_icmp_filtered(sk, skb) || iph->ttl < sk->inet_min_ttl)
            continue;
        struct sk_buff *copy = skb_clone(skb);

        if (copy)
            raw_queue_rcv_skb(sk, copy);
    }
    return taken;
}

/* --- ICMP errors --- */

void raw_sock_err(struct sock *sk, const struct ip_icmp_error *e, unsigned payload)
{
    /* Whom should an unconnected socket blame? Only who asked for the details can tell. */
    if (!sk->inet_recverr && sk->sk_state != RAW_ESTABLISHED)
        return;
    ip_queue_icmp_error(sk, e, (__force be16)0, payload);
    if (sk->inet_recverr || icmp_error_is_hard(e->type, e->code)) {
        sk->sk_err = e->err;
        sk->sk_error_report(sk);
    }
}

void raw_err(struct sk_buff *skb, uint8_t type, uint8_t code, uint32_t info, int err)
{
    const struct iphdr *inner = (const struct iphdr *)skb->data;
    struct ip_icmp_error e = {.skb = skb, .type = type, .code = code, .info = info, .err = err};
    struct net *net = skb->net;
    struct sock *sk;

    hlist_for_each_entry (sk, &net->ipv4->raw_sockets, sk_common.bind_node)
        if (raw_match(sk, inner->protocol, inner->saddr, inner->daddr, skb->dev->ifindex))
            raw_sock_err(sk, &e, sk->inet_hdrincl ? 0 : ip_hdrlen(inner));
}

/* --- sending --- */

/* Where one datagram goes. */
static int raw_dest_address(struct sock *sk, const struct msg *msg, be32 *daddr)
{
    const struct sockaddr_in *sin = (const struct sockaddr_in *)msg->name;

    if (!sin) {
        *daddr = sk->sk_daddr;
        return sk->sk_state == RAW_ESTABLISHED ? 0 : -EDESTADDRREQ;
    }
    if (msg->name_len < sizeof(*sin))
        return -EINVAL;
    if (sin->sin_family != AF_INET && sin->sin_family != AF_UNSPEC)
        return -EAFNOSUPPORT;
    *daddr = (__force be32)sin->sin_addr.s_addr;
    return 0;
}

/* Room for `len` bytes of the caller's, charged; NULL and *err. */
static struct sk_buff *raw_alloc(struct sock *sk, struct msg *msg, size_t len, int *err)
{
    struct sk_buff *skb;

    *err = -EAGAIN;
    if (!sk_wait_until(sk, sk->sk_wmem_alloc < sk->sk_sndbuf || sk->sk_err,
                       sock_snd_deadline(sk, msg->flags)))
        return NULL;
    *err = sock_error(sk);
    if (*err)
        return NULL;
    *err = -ENOBUFS;
    skb = alloc_skb(sock_net(sk), (unsigned)(MAX_HEADER + len));
    if (!skb)
        return NULL;
    skb_reserve(skb, MAX_HEADER);
    skb_set_owner_w(skb, sk);
    copy_from_iter(skb_put(skb, (unsigned)len), len, &msg->iter);
    return skb;
}

/* IP_HDRINCL: the header is the application's, but for its sum, its length, and what it left at zero: id and
 * source. Takes skb. */
static int raw_send_hdrincl(struct sock *sk, struct sk_buff *skb, struct rtable *rt, be32 saddr)
{
    struct iphdr *iph = (struct iphdr *)skb->data;
    struct net *net = sock_net(sk);

    if (skb->len < sizeof(*iph) || iph->version_ihl >> 4 != 4 || ip_hdrlen(iph) < sizeof(*iph) ||
        ip_hdrlen(iph) > skb->len) {
        consume_skb(skb);
        return -EINVAL;
    }
    if (!iph->saddr)
        iph->saddr = saddr;
    if (!iph->id && !(iph->frag_off & cpu_to_be16(IP_DF)))
        iph->id = cpu_to_be16(ip_select_ident(net, iph->saddr, iph->daddr, iph->protocol));
    skb_reset_network_header(skb);
    skb->transport_header = (uint16_t)(skb->network_header + ip_hdrlen(iph));
    skb->priority = sk->sk_priority;
    skb->mark = sk->sk_mark;
    skb_dst_set(skb, dst_hold(&rt->dst));
    return ip_local_out(skb);
}

/* One datagram along a route (borrowed). */
static int raw_send_skb(struct sock *sk, struct msg *msg, size_t len, struct rtable *rt,
                        const struct flowi4 *fl, const struct ip_cookie *c)
{
    unsigned whole = (unsigned)len + (sk->inet_hdrincl ? 0 : (unsigned)sizeof(struct iphdr));
    struct ip_params params = {.saddr = fl->saddr,
                               .daddr = fl->daddr,
                               .protocol = sk->sk_protocol,
                               .ttl = ip_cookie_ttl(c, sk, rt),
                               .tos = c->tos,
                               .df = ip_sk_df(sk, rt, whole),
                               .host_only = rt->type == RTN_MULTICAST};
    struct sk_buff *skb;
    int err;

    /* Nobody may cut what the application put together, and DF means just that. */
    if (whole > rt->dst.mtu && (sk->inet_hdrincl || params.df)) {
        ip_queue_local_error(sk, EMSGSIZE, fl->daddr, (__force be16)0, rt->dst.mtu);
        return -EMSGSIZE;
    }
    skb = raw_alloc(sk, msg, len, &err);
    if (!skb)
        return err;
    if (msg->flags & MSG_CONFIRM)
        ip_rt_confirm_neigh(&rt->dst);
    if (sk->inet_hdrincl)
        return raw_send_hdrincl(sk, skb, rt, fl->saddr);
    skb_reset_transport_header(skb);
    err = raw_sk(sk)->prepare ? raw_sk(sk)->prepare(sk, skb) : 0;
    if (err) {
        consume_skb(skb);
        return err;
    }
    return ip_build_and_send(sock_net(sk), sk, skb, &rt->dst, &params);
}

ssize_t raw_sendmsg(struct sock *sk, struct msg *msg, size_t len)
{
    struct ip_cookie c;
    struct flowi4 fl = {.daddr = (__force be32)0};
    struct rtable *rt;
    int err;

    if (msg->flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (len > IP_MAX_MTU - (sk->inet_hdrincl ? 0 : sizeof(struct iphdr)))
        return -EMSGSIZE;
    if (sk->sk_shutdown & SEND_SHUTDOWN)
        return -EPIPE;
    err = raw_dest_address(sk, msg, &fl.daddr);
    if (!err)
        err = ip_cookie_init(&c, sk, msg);
    if (err)
        return err;
    ip_cookie_flow(&c, sk, &fl);
    rt = ip_route_output(sock_net(sk), &fl, &err);
    if (!rt)
        return err;
    if (rt->type == RTN_BROADCAST && !sk->sk_broadcast)
        err = -EACCES; /* asked for by SO_BROADCAST only */
    else
        err = raw_send_skb(sk, msg, len, rt, &fl, &c);
    dst_release(&rt->dst);
    return err ? err : (ssize_t)len;
}

/* --- reading --- */

ssize_t raw_recvmsg(struct sock *sk, struct msg *msg, size_t len, int flags)
{
    return ip_recv_datagram(sk, msg, len, flags, NULL);
}

uint32_t raw_poll(struct sock *sk)
{
    uint32_t mask = 0;

    if (!skb_queue_empty(&sk->sk_receive_queue) || (sk->sk_shutdown & RCV_SHUTDOWN))
        mask |= POLLIN | POLLRDNORM;
    if (sk->sk_wmem_alloc <= sk->sk_sndbuf / 2)
        mask |= POLLOUT | POLLWRNORM;
    if (sk->sk_err || !skb_queue_empty(&sk->sk_error_queue))
        mask |= POLLERR;
    return mask;
}

/* --- life of a socket --- */

static int raw_init_sock(struct sock *sk)
{
    sk->sk_state = RAW_CLOSE;
    sk->inet_pmtudisc = IP_PMTUDISC_WANT;
    sk->inet_hdrincl = sk->sk_protocol == IPPROTO_RAW;
    hlist_add_head(&sk->sk_common.bind_node, &sock_net(sk)->ipv4->raw_sockets);
    return 0;
}

void raw_close(struct sock *sk)
{
    sk->sk_dead = true;
    sk->sk_shutdown = SHUTDOWN_MASK;
    hlist_del_init(&sk->sk_common.bind_node);
    ip_mc_drop_socket(sk);
    sk_dst_set(sk, NULL);
    skb_queue_purge(&sk->sk_receive_queue, SKB_DROP_REASON_SOCKET_CLOSE);
    sock_put(sk);
}

int raw_bind(struct sock *sk, be32 addr, uint16_t port)
{
    enum rt_type type = addr ? inet_addr_type(sock_net(sk), NULL, addr) : RTN_LOCAL;

    if (type == RTN_UNICAST && !sk->inet_freebind)
        return -EADDRNOTAVAIL;
    sk->sk_rcv_saddr = addr;
    sk->inet_saddr = type == RTN_LOCAL ? addr : (__force be32)0;
    raw_sk(sk)->addr_bound = addr != 0;
    return 0;
}

int raw_disconnect(struct sock *sk)
{
    sk->sk_state = RAW_CLOSE;
    sk->sk_daddr = (__force be32)0;
    sk->sk_dport = (__force be16)0;
    if (!raw_sk(sk)->addr_bound)
        sk->sk_rcv_saddr = sk->inet_saddr = (__force be32)0;
    return 0;
}

int raw_connect(struct sock *sk, be32 addr, uint16_t port, int flags)
{
    bool keep_saddr = raw_sk(sk)->addr_bound;
    struct flowi4 fl = {.daddr = addr,
                        .saddr = keep_saddr ? sk->inet_saddr : (__force be32)0,
                        .oif = sk->sk_bound_dev_if,
                        .tos = sk->inet_tos,
                        .mark = sk->sk_mark};
    int err;
    struct rtable *rt = ip_route_output(sock_net(sk), &fl, &err);

    if (!rt)
        return err;
    err = rt->type == RTN_BROADCAST && !sk->sk_broadcast ? -EACCES : 0;
    if (err) {
        dst_release(&rt->dst);
        return err;
    }
    sk->sk_daddr = fl.daddr;
    sk->sk_dport = cpu_to_be16(port);
    sk->inet_saddr = fl.saddr;
    if (!keep_saddr)
        sk->sk_rcv_saddr = fl.saddr;
    sk->sk_state = RAW_ESTABLISHED;
    sk_dst_set(sk, &rt->dst); /* for IP_MTU */
    return 0;
}

int raw_shutdown(struct sock *sk, int how)
{
    sk->sk_shutdown |= (uint8_t)(how + 1) & SHUTDOWN_MASK;
    sk->sk_state_change(sk);
    return sk->sk_state == RAW_ESTABLISHED ? 0 : -ENOTCONN;
}

static int raw_setsockopt(struct sock *sk, int level, int name, const void *val, socklen_t len)
{
    struct icmp_filter *filter = &raw_sk(sk)->filter;

    if (level != SOL_RAW || name != ICMP_FILTER)
        return -ENOPROTOOPT;
    if (sk->sk_protocol != IPPROTO_ICMP)
        return -EOPNOTSUPP;
    memcpy(filter, val, min((size_t)len, sizeof(*filter)));
    return 0;
}

static int raw_getsockopt(struct sock *sk, int level, int name, void *val, socklen_t *len)
{
    const struct icmp_filter *filter = &raw_sk(sk)->filter;

    if (level != SOL_RAW || name != ICMP_FILTER)
        return -ENOPROTOOPT;
    if (sk->sk_protocol != IPPROTO_ICMP)
        return -EOPNOTSUPP;
    *len = min(*len, (socklen_t)sizeof(*filter));
    memcpy(val, filter, *len);
    return 0;
}

struct sock *raw_next_sock(struct net *net, const struct sock *prev)
{
    struct hlist_node *next = prev ? prev->sk_common.bind_node.next : net->ipv4->raw_sockets.first;

    return next ? container_of(next, struct sock, sk_common.bind_node) : NULL;
}

const struct proto raw_prot = {
    .name = "RAW",
    .obj_size = sizeof(struct raw_sock),
    .init = raw_init_sock,
    .close = raw_close,
    .bind = raw_bind,
    .connect = raw_connect,
    .disconnect = raw_disconnect,
    .shutdown = raw_shutdown,
    .sendmsg = raw_sendmsg,
    .recvmsg = raw_recvmsg,
    .poll = raw_poll,
    .ioctl = ip_datagram_ioctl,
    .setsockopt = raw_setsockopt,
    .getsockopt = raw_getsockopt,
};
