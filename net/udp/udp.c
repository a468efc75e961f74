/*
 * udp.c - the User Datagram Protocol (RFC 768, RFC 1122 4.1).
 *
 * In: ip_local_deliver_finish() -> udp_rcv() -> lookup -> sk_receive_queue -> udp_recvmsg().
 * Out: udp_sendmsg() -> route (cached by connected sockets) -> one sk_buff -> ip_build_and_send().
 * ICMP errors come in by udp_err() and reach the application on connected sockets (RFC 1122 4.1.3.3).
 *
 * A datagram beyond the path MTU is refused with -EMSGSIZE: it would have to be fragmented.
 */
#include "net/udp/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"
#include "net/udp/udp_table.h"

#define UDP_MAX_PAYLOAD (65535u - sizeof(struct iphdr) - sizeof(struct udphdr))

struct udp_sock {
    struct sock sk;              /* must stay first */
    bool addr_bound, port_bound; /* by bind(), so they outlive a connection */
};

static struct udp_sock *udp_sk(struct sock *sk)
{
    return (struct udp_sock *)sk;
}

/* skb->cb while a datagram waits for its reader. The device may be gone by then. */
struct udp_skb_cb {
    int ifindex;
};

static struct udp_skb_cb *udp_cb(struct sk_buff *skb)
{
    return (struct udp_skb_cb *)skb->cb;
}

/* --- receiving: validate --- */

static bool udp_csum_ok(const struct sk_buff *skb, const struct iphdr *iph)
{
    wsum sum;

    if (skb->ip_summed == CHECKSUM_UNNECESSARY || skb->ip_summed == CHECKSUM_PARTIAL)
        return true;
    sum = skb->ip_summed == CHECKSUM_COMPLETE ? skb->csum : skb_checksum(skb, 0, skb->len, (__force wsum)0);
    return !(__force uint16_t)csum_tcpudp_magic(iph->saddr, iph->daddr, skb->len, IPPROTO_UDP, sum);
}

/* Header complete and linear, length exact, checksum right - or none was sent, which RFC 768 allows. */
static enum skb_drop_reason udp_validate(struct net *net, struct sk_buff *skb)
{
    const struct udphdr *uh;
    unsigned len;

    if (!pskb_may_pull(skb, sizeof(*uh)))
        return SKB_DROP_REASON_PKT_TOO_SMALL;
    uh = (const struct udphdr *)skb->data;
    len = be16_to_cpu(uh->len);
    if (len < sizeof(*uh) || len > skb->len)
        return SKB_DROP_REASON_UDP_LENGTH;
    if (len < skb->len && skb_trim(skb, len))
        return SKB_DROP_REASON_NOMEM;
    uh = (const struct udphdr *)skb->data;
    if (uh->check && !udp_csum_ok(skb, ip_hdr(skb))) {
        NET_INC_STATS(net, UdpInCsumErrors);
        return SKB_DROP_REASON_UDP_CSUM;
    }
    return SKB_NOT_DROPPED_YET;
}

/* --- receiving: decide and act --- */

/* To the reader's queue. Takes skb, at the UDP header. */
static int udp_queue_rcv_skb(struct sock *sk, struct sk_buff *skb)
{
    struct net *net = sock_net(sk);
    struct net_device *dev = skb->dev;

    if (sk_filter(sk, skb, sizeof(struct udphdr))) {
        kfree_skb_reason(skb, SKB_DROP_REASON_BPF_FILTER);
        return -EPERM;
    }
    udp_cb(skb)->ifindex = dev->ifindex;
    skb_pull(skb, sizeof(struct udphdr));
    skb->dev = NULL;
    if ((sk->sk_shutdown & RCV_SHUTDOWN) || sock_queue_rcv_skb(sk, skb)) {
        skb->dev = dev;
        NET_INC_STATS(net, UdpRcvbufErrors);
        NET_INC_STATS(net, UdpInErrors);
        kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
        return -ENOBUFS;
    }
    NET_INC_STATS(net, UdpInDatagrams);
    return 0;
}

/* To everybody who hears it; each but the last gets a clone. No error goes back (RFC 1122 3.2.2). Takes skb.
 */
static int udp_deliver_to_all(struct net *net, struct sk_buff *skb, const struct udp_flow *flow)
{
    struct sock *sk, *last = NULL;

    hlist_for_each_entry (sk, udp_port_chain(net->udp, flow->dport), sk_common.bind_node) {
        if (!udp_hears_broadcast(sk, flow))
            continue;
        if (last) {
            struct sk_buff *clone = skb_clone(skb);

            if (clone)
                udp_queue_rcv_skb(last, clone);
            else
                NET_INC_STATS(net, UdpInErrors);
        }
        last = sk;
    }
    if (last)
        return udp_queue_rcv_skb(last, skb);
    NET_INC_STATS(net, UdpNoPorts);
    kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
    return 0;
}

/* Takes skb, at the UDP header. */
static int udp_rcv(struct sk_buff *skb)
{
    struct net *net = skb->dev->net;
    enum skb_drop_reason reason = udp_validate(net, skb);
    struct sock *sk;

    if (unlikely(reason)) {
        NET_INC_STATS(net, UdpInErrors);
        kfree_skb_reason(skb, reason);
        return -EINVAL;
    }
    const struct udphdr *uh = (const struct udphdr *)skb->data;
    struct udp_flow flow = {.saddr = ip_hdr(skb)->saddr,
                            .daddr = ip_hdr(skb)->daddr,
                            .sport = uh->source,
                            .dport = uh->dest,
                            .dif = skb->dev->ifindex};

    if (skb_rtable(skb)->type != RTN_LOCAL)
        return udp_deliver_to_all(net, skb, &flow);
    sk = udp_lookup(net, &flow);
    if (sk)
        return udp_queue_rcv_skb(sk, skb);
    NET_INC_STATS(net, UdpNoPorts);
    icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
    kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
    return -ECONNREFUSED;
}

/* --- ICMP errors --- */

/* Errors that will not go away by waiting (RFC 1122 4.2.3.9 says it for TCP). */
static bool udp_error_is_hard(uint8_t type, uint8_t code)
{
    if (type == ICMP_PARAMETERPROB)
        return true;
    return type == ICMP_DEST_UNREACH && code != ICMP_NET_UNREACH && code != ICMP_HOST_UNREACH;
}

/* skb (borrowed) is at the header of a datagram we have sent. */
static void udp_err(struct sk_buff *skb, uint8_t type, uint8_t code, uint32_t info, int err)
{
    const struct iphdr *iph = (const struct iphdr *)skb->data;
    const struct udphdr *uh = (const struct udphdr *)(skb->data + ip_hdrlen(iph));
    struct udp_flow flow = {.saddr = iph->daddr,
                            .daddr = iph->saddr,
                            .sport = uh->dest,
                            .dport = uh->source,
                            .dif = skb->dev->ifindex};
    struct net *net = skb->net;
    struct sock *sk = udp_lookup(net, &flow);

    if (!sk)
        return; /* nobody here can have sent that */
    /* Whom should an unconnected socket blame? And its quoted ports are no secret: anybody could lower the
     * path MTU to anybody by them (RFC 5927 7). */
    if (sk->sk_state != UDP_ESTABLISHED)
        return;
    if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED)
        ip_rt_update_pmtu(net, iph->daddr, info);
    if (!udp_error_is_hard(type, code)) {
        sk->sk_err_soft = err;
        return;
    }
    sk->sk_err = err;
    sk->sk_error_report(sk);
}

/* --- sending --- */

/* Where one datagram goes: from the socket, the call's address and its control messages. */
struct udp_dest {
    struct flowi4 fl;
    be16 dport;
    uint8_t ttl, tos;
    bool cached; /* the connected socket's own route will do */
};

static int udp_dest_address(struct sock *sk, const struct msg *msg, struct udp_dest *dest)
{
    const struct sockaddr_in *sin = (const struct sockaddr_in *)msg->name;

    if (!sin) {
        if (sk->sk_state != UDP_ESTABLISHED)
            return -EDESTADDRREQ;
        dest->fl.daddr = sk->sk_daddr;
        dest->dport = sk->sk_dport;
        dest->cached = true;
    } else {
        if (msg->name_len < sizeof(*sin))
            return -EINVAL;
        if (sin->sin_family != AF_INET && sin->sin_family != AF_UNSPEC)
            return -EAFNOSUPPORT;
        dest->fl.daddr = (__force be32)sin->sin_addr.s_addr;
        dest->dport = (__force be16)sin->sin_port;
    }
    return dest->dport ? 0 : -EINVAL;
}

/* One control message at level SOL_IP. */
static int udp_dest_cmsg(struct cmsghdr *cmsg, struct udp_dest *dest)
{
    size_t len = cmsg->cmsg_len - CMSG_LEN(0);
    int value;

    if (cmsg->cmsg_type == IP_PKTINFO && len >= sizeof(struct in_pktinfo)) {
        const struct in_pktinfo *info = (const struct in_pktinfo *)CMSG_DATA(cmsg);

        if (info->ipi_ifindex)
            dest->fl.oif = info->ipi_ifindex;
        if (info->ipi_spec_dst.s_addr)
            dest->fl.saddr = (__force be32)info->ipi_spec_dst.s_addr;
        dest->cached = false;
        return 0;
    }
    if (len < sizeof(value))
        return -EINVAL;
    memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
    if (cmsg->cmsg_type == IP_TTL && value >= 1 && value <= 255) {
        dest->ttl = (uint8_t)value;
        return 0;
    }
    if (cmsg->cmsg_type == IP_TOS && value >= 0 && value <= 255) {
        dest->tos = (uint8_t)value;
        return 0;
    }
    return -EINVAL;
}

static int udp_dest_control(const struct msg *msg, struct udp_dest *dest)
{
    struct msghdr hdr = {.msg_control = msg->control, .msg_controllen = msg->control ? msg->control_len : 0};
    struct cmsghdr *cmsg;

    for (cmsg = CMSG_FIRSTHDR(&hdr); cmsg; cmsg = CMSG_NXTHDR(&hdr, cmsg)) {
        size_t room = hdr.msg_controllen - (size_t)((uint8_t *)cmsg - (uint8_t *)hdr.msg_control);
        int err;

        if (cmsg->cmsg_len < CMSG_LEN(0) || cmsg->cmsg_len > room)
            return -EINVAL;
        if (cmsg->cmsg_level != SOL_IP)
            continue;
        err = udp_dest_cmsg(cmsg, dest);
        if (err)
            return err;
    }
    return 0;
}

/* Referenced; NULL and *err. Fills in the source. */
static struct rtable *udp_route(struct sock *sk, struct udp_dest *dest, int *err)
{
    struct rtable *rt = dest->cached ? (struct rtable *)sk_dst_check(sk) : NULL;

    if (rt) {
        dst_hold(&rt->dst);
        return rt;
    }
    rt = ip_route_output(sock_net(sk), &dest->fl, err);
    if (!rt)
        return NULL;
    if (rt->type == RTN_BROADCAST && !sk->sk_broadcast) { /* asked for by SO_BROADCAST only */
        *err = -EACCES;
        dst_release(&rt->dst);
        return NULL;
    }
    if (dest->cached)
        sk_dst_set(sk, dst_hold(&rt->dst));
    return rt;
}

/* Copies from the caller's memory and adds up what it copies. */
static wsum udp_copy_and_sum(uint8_t *to, size_t len, struct iov_iter *iter)
{
    wsum sum = (__force wsum)0;
    size_t done = 0;

    while (done < len) {
        size_t piece = min(iter->iov->iov_len - iter->iov_offset, len - done);
        const uint8_t *from = (const uint8_t *)iter->iov->iov_base + iter->iov_offset;

        if (piece)
            sum = csum_block_add(sum, csum_partial_copy(from, to + done, piece, (__force wsum)0), done);
        done += piece;
        iter->count -= piece;
        iter->iov_offset += piece;
        if (iter->iov_offset == iter->iov->iov_len) {
            iter->iov++;
            iter->iov_offset = 0;
        }
    }
    return sum;
}

/* Header, data and checksum of a datagram of `len` bytes (RFC 768: a sum of zero is sent as all ones). */
static void udp_fill(struct sk_buff *skb, struct sock *sk, const struct udp_dest *dest, struct msg *msg,
                     size_t len, bool hw_csum)
{
    uint32_t udp_len = (uint32_t)(sizeof(struct udphdr) + len);
    struct udphdr *uh = skb_put(skb, udp_len);
    be32 saddr = dest->fl.saddr, daddr = dest->fl.daddr;

    skb_reset_transport_header(skb);
    *uh = (struct udphdr){.source = sk->sk_sport, .dest = dest->dport, .len = cpu_to_be16((uint16_t)udp_len)};
    if (hw_csum) {
        copy_from_iter(uh + 1, len, &msg->iter);
        uh->check = (__force sum16)(uint16_t) ~(__force uint16_t)csum_tcpudp_magic(
            saddr, daddr, udp_len, IPPROTO_UDP, (__force wsum)0);
        skb->ip_summed = CHECKSUM_PARTIAL;
        skb->csum_start = skb->transport_header;
        skb->csum_offset = offsetof(struct udphdr, check);
        return;
    }
    wsum sum = udp_copy_and_sum((uint8_t *)(uh + 1), len, &msg->iter);

    sum = csum_partial(uh, sizeof(*uh), sum);
    uh->check = csum_tcpudp_magic(saddr, daddr, udp_len, IPPROTO_UDP, sum);
    if (!(__force uint16_t)uh->check)
        uh->check = (__force sum16)0xffff;
    skb->ip_summed = CHECKSUM_NONE;
}

static bool udp_want_df(const struct sock *sk, const struct rtable *rt)
{
    return sk->inet_pmtudisc == IP_PMTUDISC_DO || sk->inet_pmtudisc == IP_PMTUDISC_PROBE ||
           (sk->inet_pmtudisc == IP_PMTUDISC_WANT && !rt->mtu_locked);
}

/* One datagram along a route (borrowed). */
static int udp_send_skb(struct sock *sk, struct rtable *rt, const struct udp_dest *dest, struct msg *msg,
                        size_t len)
{
    struct net *net = sock_net(sk);
    struct ip_params params = {
        .saddr = dest->fl.saddr,
        .daddr = dest->fl.daddr,
        .protocol = IPPROTO_UDP,
        .ttl = dest->ttl                   ? dest->ttl
               : rt->type == RTN_MULTICAST ? sk->inet_mc_ttl
                                           : sk->inet_ttl,
        .tos = dest->tos,
        .df = udp_want_df(sk, rt),
    };
    struct sk_buff *skb;

    if (len > rt->dst.mtu - sizeof(struct iphdr) - sizeof(struct udphdr))
        return -EMSGSIZE;
    if (!sk_wait_until(sk, sk->sk_wmem_alloc < sk->sk_sndbuf || sk->sk_err,
                       sock_snd_deadline(sk, msg->flags)))
        return -EAGAIN;
    if (sk->sk_err)
        return sock_error(sk);
    skb = alloc_skb(net, (unsigned)(MAX_HEADER + sizeof(struct udphdr) + len));
    if (!skb)
        return -ENOBUFS;
    skb_reserve(skb, MAX_HEADER);
    skb_set_owner_w(skb, sk);
    udp_fill(skb, sk, dest, msg, len, rt->dst.dev->features & NETIF_F_HW_CSUM);
    if (msg->flags & MSG_CONFIRM)
        ip_rt_confirm_neigh(&rt->dst);
    return ip_build_and_send(net, sk, skb, &rt->dst, &params);
}

static ssize_t udp_sendmsg(struct sock *sk, struct msg *msg, size_t len)
{
    struct udp_dest dest = {
        .fl = {.saddr = sk->inet_saddr, .oif = sk->sk_bound_dev_if, .mark = sk->sk_mark},
        .tos = sk->inet_tos,
    };
    struct rtable *rt;
    int err;

    if (msg->flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (len > UDP_MAX_PAYLOAD)
        return -EMSGSIZE;
    if (sk->sk_shutdown & SEND_SHUTDOWN)
        return -EPIPE;
    err = udp_dest_address(sk, msg, &dest);
    if (!err)
        err = udp_dest_control(msg, &dest);
    if (!err)
        err = sock_error(sk);
    if (!err && !sk->sk_sport)
        err = udp_get_port(sk, 0);
    if (err)
        return err;
    rt = udp_route(sk, &dest, &err);
    if (!rt)
        return err;
    err = udp_send_skb(sk, rt, &dest, msg, len);
    dst_release(&rt->dst);
    if (err)
        return err;
    NET_INC_STATS(sock_net(sk), UdpOutDatagrams);
    return (ssize_t)len;
}

/* --- reading --- */

/* Adds a control message behind the `used` bytes of msg->control; sets MSG_CTRUNC if it does not fit. */
static void udp_put_cmsg(struct msg *msg, size_t *used, int level, int type, const void *data, size_t len)
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
static void udp_put_pktinfo(struct sock *sk, struct msg *msg, struct sk_buff *skb, size_t *used)
{
    struct net *net = sock_net(sk);
    be32 daddr = ip_hdr(skb)->daddr, answer = daddr;

    if (inet_addr_type(net, NULL, daddr) != RTN_LOCAL) {
        struct net_device *dev = dev_get_by_index(net, udp_cb(skb)->ifindex);

        answer = dev ? inet_select_addr(dev, ip_hdr(skb)->saddr) : (__force be32)0;
    }
    struct in_pktinfo info = {.ipi_ifindex = udp_cb(skb)->ifindex,
                              .ipi_spec_dst.s_addr = (__force uint32_t)answer,
                              .ipi_addr.s_addr = (__force uint32_t)daddr};

    udp_put_cmsg(msg, used, SOL_IP, IP_PKTINFO, &info, sizeof(info));
}

static void udp_put_name(struct msg *msg, const struct sk_buff *skb)
{
    const struct udphdr *uh = skb_transport_header(skb);
    struct sockaddr_in *sin = (struct sockaddr_in *)msg->name;

    if (!sin)
        return;
    *sin = (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = (__force uint16_t)uh->source,
                                .sin_addr.s_addr = (__force uint32_t)ip_hdr(skb)->saddr};
    msg->name_len = sizeof(*sin);
}

/* The next datagram, still queued; NULL and *err (0: the reading side is shut down). */
static struct sk_buff *udp_wait_for_packet(struct sock *sk, int flags, int *err)
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

static ssize_t udp_recvmsg(struct sock *sk, struct msg *msg, size_t len, int flags)
{
    size_t copied, control_used = 0, full_len;
    struct sk_buff *skb;
    int err;

    msg->flags = 0;
    if (flags & MSG_ERRQUEUE) /* no extended errors are kept */
        return -EAGAIN;
    skb = udp_wait_for_packet(sk, flags, &err);
    if (!skb) {
        msg->name_len = 0;
        msg->control_len = 0;
        return err;
    }
    full_len = skb->len;
    copied = skb_copy_datagram_iter(skb, 0, &msg->iter, min(len, full_len));
    if (copied < full_len)
        msg->flags |= MSG_TRUNC;
    udp_put_name(msg, skb);
    if (sk->inet_pktinfo)
        udp_put_pktinfo(sk, msg, skb, &control_used);
    msg->control_len = control_used;
    if (!(flags & MSG_PEEK)) {
        skb_unlink(&sk->sk_receive_queue, skb);
        consume_skb(skb);
    }
    return (ssize_t)(flags & MSG_TRUNC ? full_len : copied);
}

static uint32_t udp_poll(struct sock *sk)
{
    uint32_t mask = 0;

    if (!skb_queue_empty(&sk->sk_receive_queue) || (sk->sk_shutdown & RCV_SHUTDOWN))
        mask |= POLLIN | POLLRDNORM;
    if (sk->sk_shutdown & RCV_SHUTDOWN)
        mask |= POLLRDHUP;
    if (sk->sk_shutdown == SHUTDOWN_MASK)
        mask |= POLLHUP;
    if (sk->sk_wmem_alloc <= sk->sk_sndbuf / 2)
        mask |= POLLOUT | POLLWRNORM;
    if (sk->sk_err)
        mask |= POLLERR;
    return mask;
}

static int udp_ioctl(struct sock *sk, unsigned long cmd, int *arg)
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

/* --- life of a socket --- */

static int udp_init_sock(struct sock *sk)
{
    sk->sk_state = UDP_CLOSE;
    sk->inet_pmtudisc = IP_PMTUDISC_WANT;
    return 0;
}

static void udp_close(struct sock *sk)
{
    sk->sk_dead = true;
    sk->sk_shutdown = SHUTDOWN_MASK;
    udp_unhash(sk);
    sk_dst_set(sk, NULL);
    skb_queue_purge(&sk->sk_receive_queue, SKB_DROP_REASON_SOCKET_CLOSE);
    sock_put(sk);
}

/* Group and broadcast addresses are for listening; answers from there carry an address by route. */
static int udp_bind(struct sock *sk, be32 addr, uint16_t port)
{
    struct net *net = sock_net(sk);
    enum rt_type type = addr ? inet_addr_type(net, NULL, addr) : RTN_LOCAL;
    int err;

    if (type == RTN_UNICAST)
        return -EADDRNOTAVAIL;
    if (sk->sk_sport)
        return -EINVAL;
    sk->sk_rcv_saddr = addr;
    err = udp_get_port(sk, port);
    if (err) {
        sk->sk_rcv_saddr = (__force be32)0;
        return err == -EAGAIN ? -EADDRINUSE : err;
    }
    sk->inet_saddr = type == RTN_LOCAL ? addr : (__force be32)0;
    udp_sk(sk)->addr_bound = addr != 0;
    udp_sk(sk)->port_bound = port != 0;
    return 0;
}

/* Forgets the peer, and what connect() chose by itself. */
static int udp_disconnect(struct sock *sk)
{
    sk->sk_state = UDP_CLOSE;
    sk->sk_daddr = (__force be32)0;
    sk->sk_dport = cpu_to_be16(0);
    sk->sk_err_soft = 0;
    sk_dst_set(sk, NULL);
    if (!udp_sk(sk)->addr_bound)
        sk->sk_rcv_saddr = sk->inet_saddr = (__force be32)0;
    if (!udp_sk(sk)->port_bound)
        udp_unhash(sk);
    else
        udp_rehash_connected(sk);
    return 0;
}

static int udp_connect(struct sock *sk, be32 addr, uint16_t port, int flags)
{
    bool keep_saddr = udp_sk(sk)->addr_bound;
    struct udp_dest dest = {
        .fl = {.daddr = addr,
               .saddr = keep_saddr ? sk->inet_saddr : (__force be32)0,
               .oif = sk->sk_bound_dev_if,
               .mark = sk->sk_mark},
    };
    struct rtable *rt;
    int err;

    rt = udp_route(sk, &dest, &err);
    if (!rt)
        return err;
    err = sk->sk_sport ? 0 : udp_get_port(sk, 0);
    if (err) {
        dst_release(&rt->dst);
        return err;
    }
    sk->sk_daddr = dest.fl.daddr;
    sk->sk_dport = cpu_to_be16(port);
    sk->inet_saddr = dest.fl.saddr;
    if (!keep_saddr)
        sk->sk_rcv_saddr = dest.fl.saddr;
    sk->sk_state = UDP_ESTABLISHED;
    sk->sk_err_soft = 0;
    udp_rehash_connected(sk);
    sk_dst_set(sk, &rt->dst);
    return 0;
}

static int udp_shutdown(struct sock *sk, int how)
{
    sk->sk_shutdown |= (uint8_t)(how + 1) & SHUTDOWN_MASK;
    sk->sk_state_change(sk);
    return sk->sk_state == UDP_ESTABLISHED ? 0 : -ENOTCONN;
}

const struct proto udp_prot = {
    .name = "UDP",
    .obj_size = sizeof(struct udp_sock),
    .init = udp_init_sock,
    .close = udp_close,
    .bind = udp_bind,
    .connect = udp_connect,
    .disconnect = udp_disconnect,
    .shutdown = udp_shutdown,
    .sendmsg = udp_sendmsg,
    .recvmsg = udp_recvmsg,
    .poll = udp_poll,
    .ioctl = udp_ioctl,
};

/* --- start and end --- */

static const struct net_protocol udp_protocol = {.handler = udp_rcv, .err_handler = udp_err};

int udp_init(struct net *net)
{
    int err;

    net->udp = kzalloc(sizeof(*net->udp));
    if (!net->udp)
        return -ENOMEM;
    err = inet_add_protocol(net, &udp_protocol, IPPROTO_UDP);
    if (err)
        udp_exit(net);
    return err;
}

void udp_exit(struct net *net)
{
    if (!net->udp)
        return;
    inet_del_protocol(net, IPPROTO_UDP);
    kfree(net->udp);
    net->udp = NULL;
}
