/*
 * udp.c - the User Datagram Protocol (RFC 768, RFC 1122 4.1).
 *
 * In: ip_local_deliver_finish() -> udp_rcv() -> lookup -> sk_receive_queue -> udp_recvmsg().
 * Out: udp_sendmsg(), in udp_output.c.
 * ICMP errors come in by udp_err() and reach the application on connected sockets (RFC 1122 4.1.3.3), or in
 * detail on those that asked for them (IP_RECVERR).
 */
#include "net/udp/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/igmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/ip_sockglue.h"
#include "net/ipv4/route.h"
#include "net/udp/udp_internal.h"
#include "net/udp/udp_table.h"

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

    if (unlikely(ip_hdr(skb)->ttl < sk->inet_min_ttl)) {
        NET_INC_STATS(net, UdpInErrors);
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_MINTTL);
        return -EINVAL;
    }
    if (sk_filter(sk, skb, sizeof(struct udphdr))) {
        kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_FILTER);
        return -EPERM;
    }
    skb_nfct_drop(skb); /* a reader may take his time; the connection need not wait for him */
    skb_pull(skb, sizeof(struct udphdr));
    ip_rx_forget_dev(skb);
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

/* skb (borrowed) is at the header of a datagram we have sent. */
static void udp_err(struct sk_buff *skb, uint8_t type, uint8_t code, uint32_t info, int err)
{
    const struct iphdr *iph = (const struct iphdr *)skb->data;
    const struct udphdr *uh = (const struct udphdr *)(skb->data + ip_hdrlen(iph));
    struct ip_icmp_error e = {.skb = skb, .type = type, .code = code, .info = info, .err = err};
    struct udp_flow flow = {.saddr = iph->daddr,
                            .daddr = iph->saddr,
                            .sport = uh->dest,
                            .dport = uh->source,
                            .dif = skb->dev->ifindex};
    struct net *net = skb->net;
    struct sock *sk = udp_lookup(net, &flow);

    if (!sk)
        return; /* nobody here can have sent that */
    /* Whom should an unconnected socket blame? Only who asked for the details can tell. And its quoted ports
     * are no secret: anybody could lower the path MTU to anybody by them (RFC 5927 7). */
    if (sk->sk_state == UDP_ESTABLISHED && type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED)
        ip_rt_update_pmtu(net, iph->daddr, info);
    if (sk->inet_recverr) {
        ip_queue_icmp_error(sk, &e, uh->dest, ip_hdrlen(iph) + (unsigned)sizeof(*uh));
    } else if (sk->sk_state != UDP_ESTABLISHED) {
        return;
    } else if (!icmp_error_is_hard(type, code)) {
        sk->sk_err_soft = err;
        return;
    }
    sk->sk_err = err;
    sk->sk_error_report(sk);
}

/* --- reading --- */

static be16 udp_source_port(const struct sk_buff *skb)
{
    return ((const struct udphdr *)skb_transport_header(skb))->source;
}

static ssize_t udp_recvmsg(struct sock *sk, struct msg *msg, size_t len, int flags)
{
    return ip_recv_datagram(sk, msg, len, flags, udp_source_port);
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
    if (sk->sk_err || !skb_queue_empty(&sk->sk_error_queue))
        mask |= POLLERR;
    return mask;
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
    udp_flush_pending(udp_sk(sk));
    ip_mc_drop_socket(sk);
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

    if (type == RTN_UNICAST && !sk->inet_freebind)
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
               .tos = sk->inet_tos,
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

static int udp_setsockopt(struct sock *sk, int level, int name, const void *val, socklen_t len)
{
    int value;

    if (level != SOL_UDP || name != UDP_CORK)
        return -ENOPROTOOPT;
    if (len < sizeof(value))
        return -EINVAL;
    memcpy(&value, val, sizeof(value));
    udp_sk(sk)->corked = value != 0;
    return !value && udp_sk(sk)->pending ? udp_push_pending(udp_sk(sk)) : 0;
}

static int udp_getsockopt(struct sock *sk, int level, int name, void *val, socklen_t *len)
{
    int value = udp_sk(sk)->corked;

    if (level != SOL_UDP || name != UDP_CORK)
        return -ENOPROTOOPT;
    *len = min(*len, (socklen_t)sizeof(value));
    memcpy(val, &value, *len);
    return 0;
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
    .ioctl = ip_datagram_ioctl,
    .setsockopt = udp_setsockopt,
    .getsockopt = udp_getsockopt,
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
