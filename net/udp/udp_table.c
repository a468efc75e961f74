/*
 * udp_table.c - from ports to sockets.
 *
 * Asked by udp_rcv() for each datagram and by bind() and connect() for each socket. Filled by local sockets
 * only, so its size is bounded by their number.
 */
#include "net/udp/udp_table.h"

#include <errno.h>

#include "net/ipv4/igmp.h"
#include "net/ipv4/ip.h"

static bool udp_is_connected(const struct sock *sk)
{
    return sk->sk_state == UDP_ESTABLISHED;
}

static uint32_t udp_flow_hash(struct net *net, be32 remote, be16 remote_port, be32 local, be16 local_port)
{
    return (uint32_t)hsiphash_3u32((__force uint32_t)remote, (__force uint32_t)local,
                                   (uint32_t)be16_to_cpu(remote_port) << 16 | be16_to_cpu(local_port),
                                   &net->secret);
}

static bool udp_device_matches(const struct sock *sk, int dif)
{
    return !sk->sk_bound_dev_if || sk->sk_bound_dev_if == dif;
}

/* --- lookup --- */

static struct sock *udp_lookup_connected(struct net *net, const struct udp_flow *flow)
{
    uint32_t hash = udp_flow_hash(net, flow->saddr, flow->sport, flow->daddr, flow->dport);
    struct sock *sk;

    hlist_for_each_entry (sk, &net->udp->connected[hash % UDP_HASH_SIZE], sk_common.hash_node)
        if (sk->sk_dport == flow->sport && sk->sk_daddr == flow->saddr && sk->sk_rcv_saddr == flow->daddr &&
            sk->sk_sport == flow->dport && udp_device_matches(sk, flow->dif))
            return sk;
    return NULL;
}

/* How well an unconnected socket fits, 0: not at all. An address counts more than a device. */
static int udp_score(const struct sock *sk, const struct udp_flow *flow)
{
    if (sk->sk_sport != flow->dport || udp_is_connected(sk) || !udp_device_matches(sk, flow->dif) ||
        (sk->sk_rcv_saddr && sk->sk_rcv_saddr != flow->daddr))
        return 0;
    return 1 + (sk->sk_bound_dev_if ? 1 : 0) + (sk->sk_rcv_saddr ? 2 : 0);
}

/* Number `pick` of the sockets of a chain that fit equally well. */
static struct sock *udp_pick(struct hlist_head *chain, const struct udp_flow *flow, int score, unsigned pick)
{
    struct sock *sk;

    hlist_for_each_entry (sk, chain, sk_common.bind_node)
        if (udp_score(sk, flow) == score && pick-- == 0)
            return sk;
    return NULL;
}

struct sock *udp_lookup(struct net *net, const struct udp_flow *flow)
{
    struct hlist_head *chain = udp_port_chain(net->udp, flow->dport);
    struct sock *sk, *best = udp_lookup_connected(net, flow);
    int best_score = 0;
    unsigned ties = 0;

    if (best)
        return best;
    hlist_for_each_entry (sk, chain, sk_common.bind_node) {
        int score = udp_score(sk, flow);

        if (score > best_score) {
            best = sk;
            best_score = score;
            ties = 1;
        } else if (score && score == best_score) {
            ties++;
        }
    }
    /* SO_REUSEPORT: a peer always meets the same one of the group. */
    if (ties > 1 && best->sk_reuseport)
        return udp_pick(chain, flow, best_score,
                        udp_flow_hash(net, flow->saddr, flow->sport, flow->daddr, flow->dport) % ties);
    return best;
}

bool udp_hears_broadcast(const struct sock *sk, const struct udp_flow *flow)
{
    if (sk->sk_sport != flow->dport || !udp_device_matches(sk, flow->dif) ||
        (sk->sk_rcv_saddr && sk->sk_rcv_saddr != flow->daddr) ||
        !ip_mc_sk_allow(sk, flow->daddr, flow->saddr, flow->dif))
        return false;
    return !udp_is_connected(sk) || (sk->sk_daddr == flow->saddr && sk->sk_dport == flow->sport);
}

/* --- ports --- */

/* Both say SO_REUSEADDR or both SO_REUSEPORT, or they can never get the same datagram. */
static bool udp_conflict(const struct sock *sk, const struct sock *other)
{
    if ((sk->sk_reuse && other->sk_reuse) || (sk->sk_reuseport && other->sk_reuseport))
        return false;
    if (sk->sk_bound_dev_if && other->sk_bound_dev_if && sk->sk_bound_dev_if != other->sk_bound_dev_if)
        return false;
    return !sk->sk_rcv_saddr || !other->sk_rcv_saddr || sk->sk_rcv_saddr == other->sk_rcv_saddr;
}

static bool udp_port_free(struct sock *sk, be16 port)
{
    const struct sock *other;

    hlist_for_each_entry (other, udp_port_chain(sock_net(sk)->udp, port), sk_common.bind_node)
        if (other != sk && other->sk_sport == port && udp_conflict(sk, other))
            return false;
    return true;
}

/* A port nobody has, not even to share: from a random one upwards (RFC 6056 3.3.1). */
static bool udp_port_unused(struct sock *sk, be16 port)
{
    const struct sock *other;

    hlist_for_each_entry (other, udp_port_chain(sock_net(sk)->udp, port), sk_common.bind_node)
        if (other->sk_sport == port)
            return false;
    return true;
}

static int udp_choose_port(struct sock *sk, be16 *port)
{
    const int *range = sock_net(sk)->ipv4->sysctl_ip_local_port_range;
    int low = min(range[0], range[1]), count = max(range[0], range[1]) - low + 1;
    int start = (int)get_random_u32_below((uint32_t)count);

    for (int i = 0; i < count; i++) {
        *port = cpu_to_be16((uint16_t)(low + (start + i) % count));
        if (udp_port_unused(sk, *port))
            return 0;
    }
    return -EAGAIN;
}

int udp_get_port(struct sock *sk, uint16_t port)
{
    be16 chosen = cpu_to_be16(port);
    int err = 0;

    if (!port)
        err = udp_choose_port(sk, &chosen);
    else if (!udp_port_free(sk, chosen))
        err = -EADDRINUSE;
    if (err)
        return err;
    sk->sk_sport = chosen;
    hlist_add_head(&sk->sk_common.bind_node, udp_port_chain(sock_net(sk)->udp, chosen));
    return 0;
}

void udp_unhash(struct sock *sk)
{
    hlist_del_init(&sk->sk_common.bind_node);
    hlist_del_init(&sk->sk_common.hash_node);
    sk->sk_sport = cpu_to_be16(0);
}

void udp_rehash_connected(struct sock *sk)
{
    struct net *net = sock_net(sk);
    uint32_t hash = udp_flow_hash(net, sk->sk_daddr, sk->sk_dport, sk->sk_rcv_saddr, sk->sk_sport);

    hlist_del_init(&sk->sk_common.hash_node);
    if (udp_is_connected(sk))
        hlist_add_head(&sk->sk_common.hash_node, &net->udp->connected[hash % UDP_HASH_SIZE]);
}

/* --- walking --- */

struct sock *udp_next_sock(struct net *net, const struct sock *prev)
{
    unsigned chain = prev ? (unsigned)(udp_port_chain(net->udp, prev->sk_sport) - net->udp->ports) + 1 : 0;

    if (prev && prev->sk_common.bind_node.next)
        return container_of(prev->sk_common.bind_node.next, struct sock, sk_common.bind_node);
    for (; chain < UDP_HASH_SIZE; chain++)
        if (net->udp->ports[chain].first)
            return container_of(net->udp->ports[chain].first, struct sock, sk_common.bind_node);
    return NULL;
}
