/*
 * ip_sockglue.c - the sockets' side of IPv4: options of level SOL_IP, control messages of single datagrams,
 * and the queue of errors.
 *
 * Called by net/udp and raw.c for each datagram they send or hand out, by their error handlers for each ICMP
 * error, and by net/socket for options. An error on the queue is an sk_buff with the application's own bytes
 * that ICMP quoted; recvmsg(MSG_ERRQUEUE) reads it. It is charged to the receive buffer, so that nobody can
 * fill memory with forged errors.
 */
#include "net/ipv4/ip_sockglue.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/byteorder.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/igmp.h"
#include "net/ipv4/ip.h"

/* skb->cb of a datagram that waits for its reader. The device may be gone by then. */
struct ip_rx_cb {
    int ifindex;
};

/* skb->cb on the error queue. */
struct ip_error_cb {
    struct sock_extended_err ee;
    be32 daddr, offender;
    be16 port;
};

/* --- sending --- */

/* One control message at level SOL_IP. */
static int ip_cmsg_send(struct cmsghdr *cmsg, struct ip_cookie *c)
{
    size_t len = cmsg->cmsg_len - CMSG_LEN(0);
    int value;

    if (cmsg->cmsg_type == IP_PKTINFO && len >= sizeof(struct in_pktinfo)) {
        const struct in_pktinfo *info = (const struct in_pktinfo *)CMSG_DATA(cmsg);

        if (info->ipi_ifindex)
            c->oif = info->ipi_ifindex;
        if (info->ipi_spec_dst.s_addr)
            c->saddr = (__force be32)info->ipi_spec_dst.s_addr;
        c->special = true;
        return 0;
    }
    if (len < sizeof(value))
        return -EINVAL;
    memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
    if (cmsg->cmsg_type == IP_TTL && value >= 1 && value <= 255) {
        c->ttl = (uint8_t)value;
        return 0;
    }
    if (cmsg->cmsg_type == IP_TOS && value >= 0 && value <= 255) {
        c->tos = (uint8_t)value;
        return 0;
    }
    return -EINVAL;
}

int ip_cookie_init(struct ip_cookie *c, struct sock *sk, const struct msg *msg)
{
    struct msghdr hdr = {.msg_control = msg->control, .msg_controllen = msg->control ? msg->control_len : 0};
    struct cmsghdr *cmsg;

    *c = (struct ip_cookie){.saddr = sk->inet_saddr, .oif = sk->sk_bound_dev_if, .tos = sk->inet_tos};
    for (cmsg = CMSG_FIRSTHDR(&hdr); cmsg; cmsg = CMSG_NXTHDR(&hdr, cmsg)) {
        size_t room = hdr.msg_controllen - (size_t)((uint8_t *)cmsg - (uint8_t *)hdr.msg_control);
        int err;

        if (cmsg->cmsg_len < CMSG_LEN(0) || cmsg->cmsg_len > room)
            return -EINVAL;
        if (cmsg->cmsg_level != SOL_IP)
            continue;
        err = ip_cmsg_send(cmsg, c);
        if (err)
            return err;
    }
    return 0;
}

void ip_cookie_flow(struct ip_cookie *c, const struct sock *sk, struct flowi4 *fl)
{
    fl->saddr = c->saddr;
    fl->oif = c->oif;
    fl->tos = c->tos;
    fl->mark = sk->sk_mark;
    if (!ipv4_is_multicast(fl->daddr))
        return;
    if (!fl->oif)
        fl->oif = sk->inet_mc_index; /* IP_MULTICAST_IF */
    if (!fl->saddr)
        fl->saddr = sk->inet_mc_addr;
}

uint8_t ip_cookie_ttl(const struct ip_cookie *c, const struct sock *sk, const struct rtable *rt)
{
    if (c->ttl)
        return c->ttl;
    return rt->type == RTN_MULTICAST ? sk->inet_mc_ttl : sk->inet_ttl;
}

bool ip_sk_df(const struct sock *sk, const struct rtable *rt, unsigned len)
{
    switch (sk->inet_pmtudisc) {
    case IP_PMTUDISC_DO:
    case IP_PMTUDISC_PROBE:
        return true;
    case IP_PMTUDISC_WANT:
        return !rt->mtu_locked && len <= rt->dst.mtu;
    default:
        return false;
    }
}

/* --- receiving --- */

void ip_rx_forget_dev(struct sk_buff *skb)
{
    ((struct ip_rx_cb *)skb->cb)->ifindex = skb->dev->ifindex;
    skb->dev = NULL;
}

void msg_put_cmsg(struct msg *msg, size_t *used, int level, int type, const void *data, size_t len)
{
    size_t room = msg->control ? msg->control_len - *used : 0;
    struct cmsghdr *cmsg;

    if (room < CMSG_LEN(len)) {
        msg->flags |= MSG_CTRUNC;
        return;
    }
    cmsg = (struct cmsghdr *)((uint8_t *)msg->control + *used);
    cmsg->cmsg_level = level;
    cmsg->cmsg_type = type;
    cmsg->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(cmsg), data, len);
    *used += min((size_t)CMSG_SPACE(len), room);
}

/* IP_PKTINFO: by which device it came, to which address, and from which one an answer should go. */
static void ip_put_pktinfo(struct sock *sk, struct msg *msg, struct sk_buff *skb, size_t *used)
{
    struct net *net = sock_net(sk);
    be32 daddr = ip_hdr(skb)->daddr, answer = daddr;
    int ifindex = ((const struct ip_rx_cb *)skb->cb)->ifindex;

    if (inet_addr_type(net, NULL, daddr) != RTN_LOCAL) {
        struct net_device *dev = dev_get_by_index(net, ifindex);

        answer = dev ? inet_select_addr(dev, ip_hdr(skb)->saddr) : (__force be32)0;
    }
    struct in_pktinfo info = {.ipi_ifindex = ifindex,
                              .ipi_spec_dst.s_addr = (__force uint32_t)answer,
                              .ipi_addr.s_addr = (__force uint32_t)daddr};

    msg_put_cmsg(msg, used, SOL_IP, IP_PKTINFO, &info, sizeof(info));
}

void ip_cmsg_recv(struct sock *sk, struct msg *msg, struct sk_buff *skb, size_t *used)
{
    if (sk->inet_pktinfo)
        ip_put_pktinfo(sk, msg, skb, used);
    if (sk->inet_recvttl) {
        int ttl = ip_hdr(skb)->ttl;

        msg_put_cmsg(msg, used, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
    }
    if (sk->inet_recvtos) {
        uint8_t tos = ip_hdr(skb)->tos; /* one byte, as on Linux */

        msg_put_cmsg(msg, used, SOL_IP, IP_TOS, &tos, sizeof(tos));
    }
}

/* --- errors --- */

bool icmp_error_is_hard(uint8_t type, uint8_t code)
{
    if (type == ICMP_PARAMETERPROB)
        return true;
    return type == ICMP_DEST_UNREACH && code != ICMP_NET_UNREACH && code != ICMP_HOST_UNREACH;
}

/* Takes skb. */
static void ip_queue_error(struct sock *sk, struct sk_buff *skb)
{
    if (sk->sk_rmem_alloc + skb->truesize > sk->sk_rcvbuf) {
        kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
        return;
    }
    skb_set_owner_r(skb, sk);
    skb_queue_tail(&sk->sk_error_queue, skb);
    sk->sk_error_report(sk);
}

static struct ip_error_cb *ip_error_cb(struct sk_buff *skb)
{
    _Static_assert(sizeof(struct ip_error_cb) <= SKB_CB_SIZE, "fits");
    return (struct ip_error_cb *)skb->cb;
}

void ip_queue_icmp_error(struct sock *sk, const struct ip_icmp_error *e, be16 port, unsigned payload)
{
    const struct iphdr *inner = (const struct iphdr *)e->skb->data;
    unsigned len = e->skb->len > payload ? e->skb->len - payload : 0;
    struct sk_buff *skb;

    if (!sk->inet_recverr)
        return;
    skb = alloc_skb(sock_net(sk), len);
    if (!skb)
        return;
    if (len && skb_copy_bits(e->skb, payload, skb_put(skb, len), len)) {
        consume_skb(skb);
        return;
    }
    *ip_error_cb(skb) = (struct ip_error_cb){
        .ee = {.ee_errno = (uint32_t)e->err,
               .ee_origin = SO_EE_ORIGIN_ICMP,
               .ee_type = e->type,
               .ee_code = e->code,
               .ee_info = e->info},
        .daddr = inner->daddr,
        .offender = ip_hdr(e->skb)->saddr,
        .port = port,
    };
    ip_queue_error(sk, skb);
}

void ip_queue_local_error(struct sock *sk, int err, be32 daddr, be16 port, uint32_t info)
{
    struct sk_buff *skb;

    if (!sk->inet_recverr)
        return;
    skb = alloc_skb(sock_net(sk), 0);
    if (!skb)
        return;
    *ip_error_cb(skb) = (struct ip_error_cb){
        .ee = {.ee_errno = (uint32_t)err, .ee_origin = SO_EE_ORIGIN_LOCAL, .ee_info = info},
        .daddr = daddr,
        .port = port,
    };
    ip_queue_error(sk, skb);
}

/* The address that was written to, as the name; error and offender as a control message. */
static void ip_describe_error(struct msg *msg, const struct ip_error_cb *cb)
{
    struct sockaddr_in *sin = (struct sockaddr_in *)msg->name;
    size_t used = 0;
    struct {
        struct sock_extended_err ee;
        struct sockaddr_in offender;
    } report = {.ee = cb->ee};

    if (sin) {
        *sin = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = (__force uint16_t)cb->port,
                                    .sin_addr.s_addr = (__force uint32_t)cb->daddr};
        msg->name_len = sizeof(*sin);
    }
    if (cb->offender) {
        report.offender.sin_family = AF_INET;
        report.offender.sin_addr.s_addr = (__force uint32_t)cb->offender;
    }
    msg_put_cmsg(msg, &used, SOL_IP, IP_RECVERR, &report, sizeof(report));
    msg->control_len = used;
}

ssize_t ip_recv_error(struct sock *sk, struct msg *msg, size_t len)
{
    struct sk_buff *skb = skb_dequeue(&sk->sk_error_queue), *next;
    size_t copied;

    msg->flags = 0;
    if (!skb) {
        msg->name_len = 0;
        msg->control_len = 0;
        return -EAGAIN;
    }
    copied = skb_copy_datagram_iter(skb, 0, &msg->iter, len);
    if (copied < skb->len)
        msg->flags |= MSG_TRUNC;
    msg->flags |= MSG_ERRQUEUE;
    ip_describe_error(msg, ip_error_cb(skb));
    /* What was read here needs no second telling by the next call. */
    next = skb_peek(&sk->sk_error_queue);
    sk->sk_err = next ? (int)ip_error_cb(next)->ee.ee_errno : 0;
    consume_skb(skb);
    return (ssize_t)copied;
}

/* --- options --- */

/* SOL_IP takes an int, or one byte where the value fits into one. */
static int ip_opt_value(const void *val, socklen_t len, int *value)
{
    if (!len)
        return -EINVAL;
    if (len < sizeof(*value))
        *value = *(const uint8_t *)val;
    else
        memcpy(value, val, sizeof(*value));
    return 0;
}

static int ip_set_recverr(struct sock *sk, int value)
{
    sk->inet_recverr = value != 0;
    if (!value)
        skb_queue_purge(&sk->sk_error_queue, SKB_NOT_DROPPED_YET);
    return 0;
}

static int ip_set_minttl(struct sock *sk, int value)
{
    if (value < 0 || value > 255)
        return -EINVAL;
    sk->inet_min_ttl = (uint8_t)value;
    return 0;
}

int ip_sock_setopt(struct sock *sk, int name, const void *val, socklen_t len)
{
    int value, err = ip_opt_value(val, len, &value);

    if (name == IP_OPTIONS) /* none are sent for applications; to ask for none is all right */
        return len ? -EOPNOTSUPP : 0;
    if (err)
        return err;
    switch (name) {
    case IP_RECVERR:
        return ip_set_recverr(sk, value);
    case IP_RECVTTL:
        sk->inet_recvttl = value != 0;
        return 0;
    case IP_RECVTOS:
        sk->inet_recvtos = value != 0;
        return 0;
    case IP_FREEBIND:
        sk->inet_freebind = value != 0;
        return 0;
    case IP_BIND_ADDRESS_NO_PORT:
        sk->inet_bind_no_port = value != 0;
        return 0;
    case IP_MINTTL:
        return ip_set_minttl(sk, value);
    case IP_HDRINCL:
        if (sk->sk_type != SOCK_RAW)
            return -ENOPROTOOPT;
        sk->inet_hdrincl = value != 0;
        return 0;
    }
    return ip_mc_setopt(sk, name, val, len);
}

static int ip_opt_number(const struct sock *sk, int name, int *value)
{
    switch (name) {
    case IP_RECVERR:
        *value = sk->inet_recverr;
        return 0;
    case IP_RECVTTL:
        *value = sk->inet_recvttl;
        return 0;
    case IP_RECVTOS:
        *value = sk->inet_recvtos;
        return 0;
    case IP_FREEBIND:
        *value = sk->inet_freebind;
        return 0;
    case IP_BIND_ADDRESS_NO_PORT:
        *value = sk->inet_bind_no_port;
        return 0;
    case IP_MINTTL:
        *value = sk->inet_min_ttl;
        return 0;
    case IP_HDRINCL:
        *value = sk->inet_hdrincl;
        return sk->sk_type == SOCK_RAW ? 0 : -ENOPROTOOPT;
    }
    return -ENOPROTOOPT;
}

/* IP_PKTOPTIONS: of a connection that somebody else made, what the socket asks to know of datagrams, about
 * the segment that made it. As control messages, without a call to receive them. */
static int ip_get_pktoptions(struct sock *sk, void *val, socklen_t *len)
{
    const struct in_pktinfo info = {.ipi_ifindex = sk->inet_rcv_index,
                                    .ipi_spec_dst.s_addr = (__force uint32_t)sk->sk_rcv_saddr,
                                    .ipi_addr.s_addr = (__force uint32_t)sk->sk_rcv_saddr};
    struct msg msg = {.control = val, .control_len = *len};
    int ttl = sk->inet_rcv_ttl, tos = sk->inet_rcv_tos;
    size_t used = 0;

    if (sk->sk_type != SOCK_STREAM)
        return -ENOPROTOOPT;
    if (sk->inet_rcv_index && sk->inet_pktinfo)
        msg_put_cmsg(&msg, &used, SOL_IP, IP_PKTINFO, &info, sizeof(info));
    if (sk->inet_rcv_index && sk->inet_recvttl)
        msg_put_cmsg(&msg, &used, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
    if (sk->inet_rcv_index && sk->inet_recvtos)
        msg_put_cmsg(&msg, &used, SOL_IP, IP_TOS, &tos, sizeof(tos));
    *len = (socklen_t)used;
    return 0;
}

int ip_sock_getopt(struct sock *sk, int name, void *val, socklen_t *len)
{
    int value, err;

    if (name == IP_OPTIONS) { /* there are none */
        *len = 0;
        return 0;
    }
    if (name == IP_PKTOPTIONS)
        return ip_get_pktoptions(sk, val, len);
    err = ip_opt_number(sk, name, &value);
    if (err == -ENOPROTOOPT)
        return ip_mc_getopt(sk, name, val, len);
    if (*len > 0 && *len < sizeof(value))
        *len = 1; /* all of these fit into a byte; on this machine it is the first */
    *len = min(*len, (socklen_t)sizeof(value));
    memcpy(val, &value, *len);
    return 0;
}

/* --- reading --- */

/* The next datagram, still queued; NULL and *err (0: the reading side is shut down). */
static struct sk_buff *ip_wait_for_datagram(struct sock *sk, int flags, int *err)
{
    uint64_t deadline_ms = sock_rcv_deadline(sk, flags);
    bool came;

    *err = sock_error(sk);
    if (*err)
        return NULL;
    came = sk_wait_until(
        sk, !skb_queue_empty(&sk->sk_receive_queue) || sk->sk_err || (sk->sk_shutdown & RCV_SHUTDOWN),
        deadline_ms);
    if (!skb_queue_empty(&sk->sk_receive_queue))
        return skb_peek(&sk->sk_receive_queue);
    *err = came ? sock_error(sk) : -EAGAIN;
    return NULL;
}

static void ip_put_name(struct msg *msg, const struct sk_buff *skb, be16 port)
{
    struct sockaddr_in *sin = (struct sockaddr_in *)msg->name;

    if (!sin)
        return;
    *sin = (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = (__force uint16_t)port,
                                .sin_addr.s_addr = (__force uint32_t)ip_hdr(skb)->saddr};
    msg->name_len = sizeof(*sin);
}

ssize_t ip_recv_datagram(struct sock *sk, struct msg *msg, size_t len, int flags,
                         be16 (*source_port)(const struct sk_buff *skb))
{
    size_t copied, control_used = 0, full_len;
    struct sk_buff *skb;
    int err;

    if (flags & MSG_ERRQUEUE)
        return ip_recv_error(sk, msg, len);
    msg->flags = 0;
    skb = ip_wait_for_datagram(sk, flags, &err);
    if (!skb) {
        msg->name_len = 0;
        msg->control_len = 0;
        return err;
    }
    full_len = skb->len;
    copied = skb_copy_datagram_iter(skb, 0, &msg->iter, min(len, full_len));
    if (copied < full_len)
        msg->flags |= MSG_TRUNC;
    ip_put_name(msg, skb, source_port ? source_port(skb) : (__force be16)0);
    ip_cmsg_recv(sk, msg, skb, &control_used);
    msg->control_len = control_used;
    if (!(flags & MSG_PEEK)) {
        skb_unlink(&sk->sk_receive_queue, skb);
        consume_skb(skb);
    }
    return (ssize_t)(flags & MSG_TRUNC ? full_len : copied);
}

int ip_datagram_ioctl(struct sock *sk, unsigned long cmd, int *arg)
{
    const struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);

    switch (cmd) {
    case SIOCINQ:
        *arg = skb ? (int)skb->len : 0;
        return 0;
    case SIOCOUTQ:
        *arg = (int)sk->sk_wmem_alloc;
        return 0;
    default:
        return -ENOTTY;
    }
}
