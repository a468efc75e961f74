/*
 * tcp_farewell.c - all connections of a stack ended in order, before the machine goes.
 *
 * A peer that hears nothing more believes in its connection for hours; one that got a FIN, or a RST, knows
 * (RFC 9293 3.6). Called by net/socket/shutdown.c.
 */
#include <errno.h>
#include <sys/socket.h>

#include "net/tcp/tcp_internal.h"

static bool is_connection(const struct sock_common *c)
{
    return c->state != TCP_LISTEN && c->state != TCP_TIME_WAIT && c->state != TCP_NEW_SYN_RECV;
}

static struct sock *first_listener(struct net *net)
{
    struct sock_common *c = tcp_next_conn(net, NULL);

    while (c && c->state != TCP_LISTEN)
        c = tcp_next_conn(net, c);
    return (struct sock *)c;
}

/* First, so that nobody new comes in; whoever was not accepted yet gets a RST. */
static void close_listeners(struct net *net)
{
    struct sock *sk;

    while ((sk = first_listener(net))) {
        sock_hold(sk);
        sk->sk_prot->shutdown(sk, SHUT_RD);
        sock_put(sk);
    }
}

static void for_each_connection(struct net *net, void (*fn)(struct sock *sk))
{
    struct sock_common *next;

    for (struct sock_common *c = tcp_next_conn(net, NULL); c; c = next) {
        struct sock *sk = is_connection(c) ? (struct sock *)c : NULL;
        next = tcp_next_conn(net, c); /* ending one connection touches no other */
        if (!sk)
            continue;
        sock_hold(sk);
        fn(sk);
        sock_put(sk);
    }
}

/* What is queued goes first, then the FIN; the program reads the end of its data. */
static void end_in_order(struct sock *sk)
{
    sk->sk_prot->shutdown(sk, SHUT_RDWR);
}

/* Has the peer acknowledged our FIN? In FIN_WAIT2 only its own is missing, and it may take its time. */
static bool knows_of_end(const struct sock_common *c)
{
    return !is_connection(c) || c->state == TCP_FIN_WAIT2 || c->state == TCP_CLOSE;
}

static void end_at_once(struct sock *sk)
{
    if (!knows_of_end(&sk->sk_common))
        tcp_abort(sk, ECONNRESET);
}

void tcp_end_in_order(struct net *net)
{
    close_listeners(net);
    for_each_connection(net, end_in_order);
}

bool tcp_ended_in_order(struct net *net)
{
    struct sock_common *c = tcp_next_conn(net, NULL);

    while (c && knows_of_end(c))
        c = tcp_next_conn(net, c);
    return !c;
}

void tcp_end_at_once(struct net *net)
{
    for_each_connection(net, end_at_once);
}
