/*
 * udp_internal.h - what the files of net/udp share (net/udp only).
 */
#ifndef NET_UDP_UDP_INTERNAL_H
#define NET_UDP_UDP_INTERNAL_H

#include "net/ipv4/ip_sockglue.h"
#include "net/udp/udp.h"

struct udp_sock {
    struct sock sk;              /* must stay first */
    bool addr_bound, port_bound; /* by bind(), so they outlive a connection */
    bool corked;                 /* UDP_CORK */
    struct sk_buff *pending;     /* begun and not sent yet, with the way it will go; both or none */
    struct udp_dest *pending_dest;
};

static inline struct udp_sock *udp_sk(struct sock *sk)
{
    return (struct udp_sock *)sk;
}

/* Where one datagram goes: from the socket, the call's address and its control messages. */
struct udp_dest {
    struct ip_cookie c;
    struct flowi4 fl;
    be16 dport;
    bool cached; /* the connected socket's own route will do */
};

/* The way to dest, referenced; NULL and *err. Fills in the source. */
struct rtable *udp_route(struct sock *sk, struct udp_dest *dest, int *err);

/* What was begun by UDP_CORK or MSG_MORE: sends it, or forgets it. */
int udp_push_pending(struct udp_sock *up);
void udp_flush_pending(struct udp_sock *up);

ssize_t udp_sendmsg(struct sock *sk, struct msg *msg, size_t len);

#endif
