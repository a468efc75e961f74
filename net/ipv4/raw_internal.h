/*
 * raw_internal.h - what raw.c and ping.c share (net/ipv4 only): a ping socket is a raw socket of ICMP whose
 * header the stack checks, and which gets nothing but its own.
 */
#ifndef NET_IPV4_RAW_INTERNAL_H
#define NET_IPV4_RAW_INTERNAL_H

#include <linux/icmp.h>

#include "net/ipv4/raw.h"

/* sk_state, in TCP's numbers as `ss` shows them. */
enum raw_state { RAW_ESTABLISHED = 1, RAW_CLOSE = 7 };

struct raw_sock {
    struct sock sk; /* must stay first */
    struct icmp_filter filter;
    bool addr_bound; /* by bind(), so it outlives a connection */
    /* A last look at what the application wrote, at the header behind IPv4's, before it is sent: 0 or -E...
     * NULL: anything goes. */
    int (*prepare)(struct sock *sk, struct sk_buff *skb);
};

static inline struct raw_sock *raw_sk(struct sock *sk)
{
    return (struct raw_sock *)sk;
}

/* Calls of struct proto that both have. */
int raw_bind(struct sock *sk, be32 addr, uint16_t port);
int raw_connect(struct sock *sk, be32 addr, uint16_t port, int flags);
int raw_disconnect(struct sock *sk);
int raw_shutdown(struct sock *sk, int how);
ssize_t raw_sendmsg(struct sock *sk, struct msg *msg, size_t len);
ssize_t raw_recvmsg(struct sock *sk, struct msg *msg, size_t len, int flags);
uint32_t raw_poll(struct sock *sk);
void raw_close(struct sock *sk);

/* An ICMP error about something sk has sent; `payload`: where in the quoted datagram the application's own
 * bytes begin. */
struct ip_icmp_error;
void raw_sock_err(struct sock *sk, const struct ip_icmp_error *e, unsigned payload);

/* To the reader's queue, if the socket's filter lets it. Takes skb. */
void raw_queue_rcv_skb(struct sock *sk, struct sk_buff *skb);

#endif
