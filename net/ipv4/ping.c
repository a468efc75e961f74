/*
 * ping.c - ping sockets: socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP).
 *
 * An application writes ICMP echo requests and reads the replies to them, from the ICMP header on. The id of
 * its requests is the socket's port: the stack writes it, so that a reply, and an ICMP error about a request,
 * finds the one socket that asked. Nothing else can be sent and nothing else is heard, which is why such a
 * socket needs less trust than a raw one. Out: raw_sendmsg(); in: icmp_rcv() -> ping_rcv(), and icmp_error()
 * -> ping_err() for the queue of errors (IP_RECVERR), by which traceroute sees the routers on the way.
 */
#include "net/ipv4/ping.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>

#include "kernel/byteorder.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/core/sysctl.h"
#include "net/ipv4/icmp_internal.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/ip_sockglue.h"
#include "net/ipv4/raw_internal.h"

#define PING_HASH_SIZE 64u

struct netns_ping {
    struct hlist_head sockets[PING_HASH_SIZE]; /* by id, sk_common.bind_node */
    int group_range[2];
    struct sysctl_table sysctl;
    struct sysctl_entry sysctl_entries[2];
};

static struct hlist_head *ping_chain(struct net *net, be16 id)
{
    return &net->ipv4->ping->sockets[be16_to_cpu(id) % PING_HASH_SIZE];
}

/* --- ids --- */

/* An id is shared only by those who all say SO_REUSEADDR. */
static bool ping_id_free(const struct sock *sk, be16 id)
{
    const struct sock *other;

    hlist_for_each_entry (other, ping_chain(sock_net(sk), id), sk_common.bind_node)
        if (other != sk && other->sk_sport == id && !(sk->sk_reuse && other->sk_reuse))
            return false;
    return true;
}

static void ping_hash(struct sock *sk, be16 id)
{
    sk->sk_sport = id;
    hlist_add_head(&sk->sk_common.bind_node, ping_chain(sock_net(sk), id));
}

/* 0: any that is free, from a random one upwards, so that nobody on the way can guess the next one. */
static int ping_get_port(struct sock *sk, uint16_t id)
{
    uint32_t start = id ? id : get_random_u32_below(USHRT_MAX), tries = id ? 1 : USHRT_MAX;

    for (uint32_t i = 0; i < tries; i++) {
        be16 candidate = cpu_to_be16(id ? id : (uint16_t)((start + i) % USHRT_MAX + 1));

        if (!ping_id_free(sk, candidate))
            continue;
        ping_hash(sk, candidate);
        return 0;
    }
    return id ? -EADDRINUSE : -EAGAIN;
}

/* --- receiving --- */

/* Who sent the request with this id from `local` to `remote`; of a socket that is connected to one host the
 * reply must come from there. */
static struct sock *ping_lookup(struct net *net, be16 id, be32 local, be32 remote, int dif)
{
    struct sock *sk;

    hlist_for_each_entry (sk, ping_chain(net, id), sk_common.bind_node) {
        if (sk->sk_sport != id || (sk->sk_rcv_saddr && sk->sk_rcv_saddr != local) ||
            (sk->sk_bound_dev_if && sk->sk_bound_dev_if != dif))
            continue;
        if (!sk->sk_daddr || sk->sk_daddr == remote ||
            inet_addr_type(net, NULL, sk->sk_daddr) == RTN_BROADCAST || ipv4_is_multicast(sk->sk_daddr))
            return sk;
    }
    return NULL;
}

static be16 ping_id(const struct icmphdr *icmph)
{
    return cpu_to_be16((uint16_t)(be32_to_cpu(icmph->rest) >> 16));
}

void ping_rcv(struct sk_buff *skb)
{
    const struct iphdr *iph = ip_hdr(skb);
    struct sock *sk = ping_lookup(skb->dev->net, ping_id((const struct icmphdr *)skb->data), iph->daddr,
                                  iph->saddr, skb->dev->ifindex);

    if (!sk)
        consume_skb(skb); /* whoever asked reads it from a raw socket */
    else if (iph->ttl < sk->inet_min_ttl)
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_MINTTL);
    else
        raw_queue_rcv_skb(sk, skb);
}

void ping_err(struct sk_buff *skb, uint8_t type, uint8_t code, uint32_t info, int err)
{
    const struct iphdr *inner = (const struct iphdr *)skb->data;
    unsigned hdr_len = ip_hdrlen(inner);
    const struct icmphdr *icmph = (const struct icmphdr *)(skb->data + hdr_len);
    struct ip_icmp_error e = {.skb = skb, .type = type, .code = code, .info = info, .err = err};
    struct sock *sk;

    if (icmph->type != ICMP_ECHO)
        return; /* nobody waits for an answer to a reply of ours */
    sk = ping_lookup(skb->net, ping_id(icmph), inner->saddr, inner->daddr, skb->dev->ifindex);
    if (!sk)
        return;
    /* Only who is connected is believed to have asked for just this: RFC 5927 7, as for UDP. */
    if (sk->sk_state == RAW_ESTABLISHED && type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED)
        ip_rt_update_pmtu(skb->net, inner->daddr, info);
    raw_sock_err(sk, &e, hdr_len);
}

/* --- sending --- */

/* Nothing but an echo request leaves here; its id and its sum are ours to write. */
static int ping_prepare(struct sock *sk, struct sk_buff *skb)
{
    struct icmphdr *icmph = (struct icmphdr *)skb->data;
    uint32_t sequence;

    if (skb->len < sizeof(*icmph) || icmph->type != ICMP_ECHO || icmph->code)
        return -EINVAL;
    sequence = be32_to_cpu(icmph->rest) & 0xffff;
    icmph->rest = cpu_to_be32((uint32_t)be16_to_cpu(sk->sk_sport) << 16 | sequence);
    icmph->checksum = (__force sum16)0;
    icmph->checksum = csum_fold(csum_partial(icmph, skb->len, (__force wsum)0));
    NET_INC_STATS(sock_net(sk), IcmpOutMsgs);
    NET_INC_STATS(sock_net(sk), IcmpOutEchos);
    return 0;
}

static ssize_t ping_sendmsg(struct sock *sk, struct msg *msg, size_t len)
{
    int err = sk->sk_sport ? 0 : ping_get_port(sk, 0);

    if (err)
        return err;
    return len < sizeof(struct icmphdr) ? -EINVAL : raw_sendmsg(sk, msg, len);
}

/* --- life of a socket --- */

/* Programs here all run as group 0: who may have such a socket is asked of that one. */
static int ping_init_sock(struct sock *sk)
{
    const int *range = sock_net(sk)->ipv4->ping->group_range;

    if (range[0] > 0 || range[1] < range[0])
        return -EACCES;
    sk->sk_state = RAW_CLOSE;
    sk->inet_pmtudisc = IP_PMTUDISC_WANT;
    raw_sk(sk)->prepare = ping_prepare;
    return 0;
}

static int ping_bind(struct sock *sk, be32 addr, uint16_t port)
{
    int err;

    if (addr && !sk->inet_freebind && inet_addr_type(sock_net(sk), NULL, addr) != RTN_LOCAL)
        return -EADDRNOTAVAIL;
    err = ping_get_port(sk, port);
    if (err)
        return err == -EAGAIN ? -EADDRINUSE : err;
    return raw_bind(sk, addr, port);
}

static int ping_connect(struct sock *sk, be32 addr, uint16_t port, int flags)
{
    int err = sk->sk_sport ? 0 : ping_get_port(sk, 0);

    return err ? err : raw_connect(sk, addr, port, flags);
}

const struct proto ping_prot = {
    .name = "PING",
    .obj_size = sizeof(struct raw_sock),
    .init = ping_init_sock,
    .close = raw_close,
    .bind = ping_bind,
    .connect = ping_connect,
    .disconnect = raw_disconnect,
    .shutdown = raw_shutdown,
    .sendmsg = ping_sendmsg,
    .recvmsg = raw_recvmsg,
    .poll = raw_poll,
    .ioctl = ip_datagram_ioctl,
};

/* --- walking --- */

struct sock *ping_next_sock(struct net *net, const struct sock *prev)
{
    unsigned chain = prev ? (unsigned)(ping_chain(net, prev->sk_sport) - net->ipv4->ping->sockets) + 1 : 0;

    if (prev && prev->sk_common.bind_node.next)
        return container_of(prev->sk_common.bind_node.next, struct sock, sk_common.bind_node);
    for (; chain < PING_HASH_SIZE; chain++)
        if (net->ipv4->ping->sockets[chain].first)
            return container_of(net->ipv4->ping->sockets[chain].first, struct sock, sk_common.bind_node);
    return NULL;
}

/* --- start and end --- */

int ping_init(struct net *net)
{
    struct netns_ping *ping = kzalloc(sizeof(*ping));

    if (!ping)
        return -ENOMEM;
    ping->group_range[1] = INT_MAX; /* open to all, as distributions set it */
    ping->sysctl_entries[0] =
        (struct sysctl_entry){"net.ipv4.ping_group_range", ping->group_range, 2, 0, INT_MAX};
    register_sysctl(net, &ping->sysctl, ping->sysctl_entries);
    net->ipv4->ping = ping;
    return 0;
}

void ping_exit(struct net *net)
{
    if (!net->ipv4->ping)
        return;
    unregister_sysctl(&net->ipv4->ping->sysctl);
    kfree(net->ipv4->ping);
    net->ipv4->ping = NULL;
}
