/*
 * udp_table.h - which socket owns which port (net/udp only).
 *
 * Every bound socket hangs in `ports` by its local port; a connected one also in `connected` by all four
 * numbers, so a server with thousands of peers on one port still finds the right socket in one step.
 */
#ifndef NET_UDP_UDP_TABLE_H
#define NET_UDP_UDP_TABLE_H

#include "kernel/byteorder.h"
#include "net/udp/udp.h"

#define UDP_HASH_SIZE 256u

/* sk_state, in TCP's numbers as `ss` shows them: has a peer, or not. */
enum udp_state { UDP_ESTABLISHED = 1, UDP_CLOSE = 7 };

struct udp_table {
    struct hlist_head ports[UDP_HASH_SIZE];
    struct hlist_head connected[UDP_HASH_SIZE];
};

/* A received datagram's four numbers and its device, as seen from here. */
struct udp_flow {
    be32 saddr, daddr; /* remote, local */
    be16 sport, dport;
    int dif;
};

static inline struct hlist_head *udp_port_chain(struct udp_table *table, be16 port)
{
    return &table->ports[be16_to_cpu(port) % UDP_HASH_SIZE];
}

/* The socket a datagram to one host belongs to, borrowed; NULL: nobody listens. */
struct sock *udp_lookup(struct net *net, const struct udp_flow *flow);

/* Whether this socket hears a datagram that is for everybody. */
bool udp_hears_broadcast(const struct sock *sk, const struct udp_flow *flow);

/* Takes a port for sk at the address sk_rcv_saddr; 0: any free one, at random (RFC 6056). -EADDRINUSE,
 * -EAGAIN. */
int udp_get_port(struct sock *sk, uint16_t port);
void udp_unhash(struct sock *sk);

/* After sk_daddr, sk_dport or sk_rcv_saddr have changed. */
void udp_rehash_connected(struct sock *sk);

#endif
