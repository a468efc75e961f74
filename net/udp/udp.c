/*
 * udp.c - the User Datagram Protocol (RFC 768, RFC 1122 4.1).
 *
 * In: ip_local_deliver_finish() -> udp_rcv() -> lookup -> sk_receive_queue -> udp_recvmsg().
 * Out: udp_sendmsg() -> route (cached by connected sockets) -> one sk_buff -> ip_build_and_send().
 * ICMP errors come in by udp_err() and reach the application on connected sockets (RFC 1122 4.1.3.3), or in
 * detail on those that asked for them (IP_RECVERR).
 *
 * A datagram that fits into one packet is written into one linear buffer; a longer one, and one that several
 * writes make, into pages, which its fragments share.
 */
#include "net/udp/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/igmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/ip_sockglue.h"
#include "net/ipv4/route.h"
#include "net/udp/udp_table.h"

#define UDP_MAX_PAYLOAD (65535u - sizeof(struct iphdr) - sizeof(struct udphdr))

struct udp_sock {
    struct sock sk;              /* must stay first */
    bool addr_bound, port_bound; /* by bind(), so they outlive a connection */
    bool corked;                 /* UDP_CORK */
    struct sk_buff *pending;     /* begun and not sent yet, with the way it will go; both or none */
    struct udp_dest *pending_dest;
};

static struct udp_sock *udp_sk(struct sock *sk)
{
    return (struct udp_sock *)sk;
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

    if (unlikely(ip_hdr(skb)->ttl < sk->inet_min_ttl)) {
        NET_INC_STATS(net, UdpInErrors);
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_MINTTL);
        return -EINVAL;
    }
    if (sk_filter(sk, skb, sizeof(struct udphdr))) {
        kfree_skb_reason(skb, SKB_DROP_REASON_BPF_FILTER);
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

/* --- sending --- */

/* Where one datagram goes: from the socket, the call's address and its control messages. */
struct udp_dest {
    struct ip_cookie c;
    struct flowi4 fl;
    be16 dport;
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

/* Address, control messages, and what the socket says. */
static int udp_dest_init(struct sock *sk, const struct msg *msg, struct udp_dest *dest)
{
    int err = udp_dest_address(sk, msg, dest);

    if (!err)
        err = ip_cookie_init(&dest->c, sk, msg);
    ip_cookie_flow(&dest->c, sk, &dest->fl);
    dest->cached = dest->cached && !dest->c.special;
    return err;
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

/* A datagram on its way: skb at the UDP header, complete. Takes skb. */
static int udp_send_skb(struct sock *sk, struct sk_buff *skb, struct rtable *rt, const struct udp_dest *dest)
{
    struct ip_params params = {
        .saddr = dest->fl.saddr,
        .daddr = dest->fl.daddr,
        .protocol = IPPROTO_UDP,
        .ttl = ip_cookie_ttl(&dest->c, sk, rt),
        .tos = dest->c.tos,
        .df = ip_sk_df(sk, rt, skb->len + (unsigned)sizeof(struct iphdr)),
        .host_only = rt->type == RTN_MULTICAST,
    };
    int err = ip_build_and_send(sock_net(sk), sk, skb, &rt->dst, &params);

    if (!err)
        NET_INC_STATS(sock_net(sk), UdpOutDatagrams);
    return err;
}

/* Whether `len` bytes of text may go this way in one datagram, or in fragments. */
static int udp_check_len(struct sock *sk, const struct rtable *rt, const struct udp_dest *dest, size_t len)
{
    unsigned whole = (unsigned)(len + sizeof(struct iphdr) + sizeof(struct udphdr));

    if (whole <= rt->dst.mtu || !ip_sk_df(sk, rt, whole))
        return 0;
    ip_queue_local_error(sk, EMSGSIZE, dest->fl.daddr, dest->dport, rt->dst.mtu);
    return -EMSGSIZE;
}

static int udp_wait_for_room(struct sock *sk, int flags)
{
    if (!sk_wait_until(sk, sk->sk_wmem_alloc < sk->sk_sndbuf || sk->sk_err, sock_snd_deadline(sk, flags)))
        return -EAGAIN;
    return sock_error(sk);
}

/* The usual datagram, which fits into one packet: written in one go. */
static int udp_send_small(struct sock *sk, struct rtable *rt, const struct udp_dest *dest, struct msg *msg,
                          size_t len)
{
    struct sk_buff *skb = alloc_skb(sock_net(sk), (unsigned)(MAX_HEADER + sizeof(struct udphdr) + len));

    if (!skb)
        return -ENOBUFS;
    skb_reserve(skb, MAX_HEADER);
    skb_set_owner_w(skb, sk);
    udp_fill(skb, sk, dest, msg, len, rt->dst.dev->features & NETIF_F_HW_CSUM);
    return udp_send_skb(sk, skb, rt, dest);
}

/* --- sending: in pages --- */

/* An empty datagram whose text will hang on it in pages, so that fragments can share them. */
static struct sk_buff *udp_begin(struct sock *sk)
{
    struct sk_buff *skb = alloc_skb(sock_net(sk), MAX_HEADER + sizeof(struct udphdr));

    if (!skb)
        return NULL;
    skb_reserve(skb, MAX_HEADER);
    skb_put(skb, sizeof(struct udphdr));
    return skb;
}

/* Adds len bytes of the caller's behind what is there: 0 or -ENOBUFS (some may have been added). */
static int udp_append(struct sk_buff *skb, struct iov_iter *from, size_t len)
{
    struct skb_shared_info *info = skb_shinfo(skb);

    while (len) {
        struct skb_frag *last = info->nr_frags ? &info->frags[info->nr_frags - 1] : NULL;
        unsigned room = last ? PAGE_SIZE - last->size : 0, n;

        if (!room) {
            struct page *page = info->nr_frags < MAX_SKB_FRAGS ? alloc_pages(0) : NULL;

            if (!page)
                return -ENOBUFS;
            skb_add_rx_frag(skb, page, 0, 0, PAGE_SIZE);
            continue;
        }
        n = (unsigned)min((size_t)room, len);
        copy_from_iter(skb_frag_address(last) + last->size, n, from);
        last->size += n;
        skb->len += n;
        skb->data_len += n;
        len -= n;
    }
    return 0;
}

/* Header and sum of a datagram in pages, then out. Takes skb. */
static int udp_finish(struct sock *sk, struct sk_buff *skb, struct rtable *rt, const struct udp_dest *dest)
{
    struct udphdr *uh = (struct udphdr *)skb->data;

    skb_reset_transport_header(skb);
    *uh =
        (struct udphdr){.source = sk->sk_sport, .dest = dest->dport, .len = cpu_to_be16((uint16_t)skb->len)};
    uh->check = csum_tcpudp_magic(dest->fl.saddr, dest->fl.daddr, skb->len, IPPROTO_UDP,
                                  skb_checksum(skb, 0, skb->len, (__force wsum)0));
    if (!(__force uint16_t)uh->check)
        uh->check = (__force sum16)0xffff;
    skb_set_owner_w(skb, sk);
    return udp_send_skb(sk, skb, rt, dest);
}

static int udp_send_large(struct sock *sk, struct rtable *rt, const struct udp_dest *dest, struct msg *msg,
                          size_t len)
{
    struct sk_buff *skb = udp_begin(sk);
    int err = skb ? udp_append(skb, &msg->iter, len) : -ENOBUFS;

    if (err) {
        consume_skb(skb);
        return err;
    }
    return udp_finish(sk, skb, rt, dest);
}

/* --- sending: several writes, one datagram (UDP_CORK, MSG_MORE) --- */

/* Forgets what was not sent. */
static void udp_flush_pending(struct udp_sock *up)
{
    consume_skb(up->pending);
    up->pending = NULL;
    kfree(up->pending_dest);
    up->pending_dest = NULL;
}

static int udp_push_pending(struct udp_sock *up)
{
    struct sk_buff *skb = up->pending;
    struct udp_dest *dest = up->pending_dest;
    size_t len = skb->len - sizeof(struct udphdr);
    struct rtable *rt;
    int err = 0;

    rt = udp_route(&up->sk, dest, &err);
    if (rt)
        err = udp_check_len(&up->sk, rt, dest, len);
    if (rt && !err) {
        up->pending = NULL;
        err = udp_finish(&up->sk, skb, rt, dest);
    }
    if (rt)
        dst_release(&rt->dst);
    udp_flush_pending(up);
    return err;
}

/* The first write says where the datagram goes. */
static int udp_start_pending(struct udp_sock *up, const struct udp_dest *dest)
{
    up->pending_dest = kmalloc(sizeof(*dest));
    up->pending = up->pending_dest ? udp_begin(&up->sk) : NULL;
    if (!up->pending) {
        udp_flush_pending(up);
        return -ENOBUFS;
    }
    *up->pending_dest = *dest;
    return 0;
}

static int udp_send_pending(struct sock *sk, const struct udp_dest *dest, struct msg *msg, size_t len)
{
    struct udp_sock *up = udp_sk(sk);
    int err = up->pending ? 0 : udp_start_pending(up, dest);

    if (err)
        return err;
    if (len > UDP_MAX_PAYLOAD + sizeof(struct udphdr) - up->pending->len)
        err = -EMSGSIZE;
    else
        err = udp_append(up->pending, &msg->iter, len);
    if (err) {
        udp_flush_pending(up);
        return err;
    }
    return up->corked || (msg->flags & MSG_MORE) ? 0 : udp_push_pending(up);
}

/* --- sending: all --- */

static int udp_send_now(struct sock *sk, struct udp_dest *dest, struct msg *msg, size_t len)
{
    int err = 0;
    struct rtable *rt = udp_route(sk, dest, &err);

    if (!rt)
        return err;
    err = udp_check_len(sk, rt, dest, len);
    if (!err)
        err = udp_wait_for_room(sk, msg->flags);
    if (!err && (msg->flags & MSG_CONFIRM))
        ip_rt_confirm_neigh(&rt->dst);
    if (!err && len + sizeof(struct iphdr) + sizeof(struct udphdr) <= rt->dst.mtu)
        err = udp_send_small(sk, rt, dest, msg, len);
    else if (!err)
        err = udp_send_large(sk, rt, dest, msg, len);
    dst_release(&rt->dst);
    return err;
}

static ssize_t udp_sendmsg(struct sock *sk, struct msg *msg, size_t len)
{
    struct udp_dest dest = {.cached = false};
    bool pending = udp_sk(sk)->pending;
    int err = 0;

    if (msg->flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (len > UDP_MAX_PAYLOAD)
        return -EMSGSIZE;
    if (sk->sk_shutdown & SEND_SHUTDOWN)
        return -EPIPE;
    if (!pending)
        err = udp_dest_init(sk, msg, &dest);
    if (!err)
        err = sock_error(sk);
    if (!err && !sk->sk_sport)
        err = udp_get_port(sk, 0);
    if (err)
        return err;
    if (unlikely(pending || udp_sk(sk)->corked || (msg->flags & MSG_MORE)))
        err = udp_send_pending(sk, &dest, msg, len);
    else
        err = udp_send_now(sk, &dest, msg, len);
    return err ? err : (ssize_t)len;
}

/* --- reading --- */

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

    if (flags & MSG_ERRQUEUE)
        return ip_recv_error(sk, msg, len);
    msg->flags = 0;
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
    ip_cmsg_recv(sk, msg, skb, &control_used);
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
    if (sk->sk_err || !skb_queue_empty(&sk->sk_error_queue))
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
    .ioctl = udp_ioctl,
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
