/*
 * udp_output.c - UDP, sending side.
 *
 * udp_sendmsg() -> route (cached by connected sockets) -> one sk_buff -> ip_build_and_send(), which cuts it
 * into fragments if need be. A datagram that fits into one packet is written into one linear buffer; a longer
 * one, and one that several writes make (UDP_CORK, MSG_MORE), into pages, which its fragments share.
 */
#include "net/udp/udp_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/core/netdevice.h"
#include "net/ipv4/ip.h"
#include "net/udp/udp_table.h"

#define UDP_MAX_PAYLOAD (65535u - sizeof(struct iphdr) - sizeof(struct udphdr))

/* --- where to --- */

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

struct rtable *udp_route(struct sock *sk, struct udp_dest *dest, int *err)
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

/* --- in pages --- */

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

/* --- several writes, one datagram (UDP_CORK, MSG_MORE) --- */

void udp_flush_pending(struct udp_sock *up)
{
    consume_skb(up->pending);
    up->pending = NULL;
    kfree(up->pending_dest);
    up->pending_dest = NULL;
}

int udp_push_pending(struct udp_sock *up)
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

/* --- all --- */

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

ssize_t udp_sendmsg(struct sock *sk, struct msg *msg, size_t len)
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
