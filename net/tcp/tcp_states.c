/*
 * tcp_states.c - the states of a connection and the moves between them.
 *
 * Every change of sk_state passes tcp_set_state(), which holds it against RFC 9293's diagram (3.3.2): a move
 * that is not in it is a mistake of ours, never of the peer.
 */
#include "net/tcp/tcp_states.h"

#include "kernel/panic.h"
#include "net/tcp/tcp_internal.h"

#define TO(state) (1u << (state))

/* Where each state may lead. Everything may be closed by a RST, a time-out or the application. */
static const uint16_t legal_moves[TCP_MAX_STATES] = {
    [TCP_CLOSE] =
        TO(TCP_LISTEN) | TO(TCP_SYN_SENT) | TO(TCP_SYN_RECV) /* child of a listener */ | TO(TCP_CLOSE),
    [TCP_LISTEN] = TO(TCP_CLOSE),
    [TCP_SYN_SENT] = TO(TCP_SYN_RECV) | TO(TCP_ESTABLISHED) | TO(TCP_CLOSE),
    [TCP_SYN_RECV] = TO(TCP_ESTABLISHED) | TO(TCP_FIN_WAIT1) | TO(TCP_CLOSE_WAIT) | TO(TCP_CLOSE),
    [TCP_ESTABLISHED] = TO(TCP_FIN_WAIT1) | TO(TCP_CLOSE_WAIT) | TO(TCP_CLOSE),
    [TCP_FIN_WAIT1] = TO(TCP_FIN_WAIT2) | TO(TCP_CLOSING) | TO(TCP_CLOSE),
    [TCP_FIN_WAIT2] = TO(TCP_CLOSE),
    [TCP_CLOSE_WAIT] = TO(TCP_LAST_ACK) | TO(TCP_CLOSE),
    [TCP_LAST_ACK] = TO(TCP_CLOSE),
    [TCP_CLOSING] = TO(TCP_CLOSE),
};

static bool counts_as_established(unsigned state)
{
    return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

void tcp_set_state(struct sock *sk, enum tcp_state to)
{
    struct net *net = sock_net(sk);
    unsigned from = sk->sk_state;

    ASSERT(from < TCP_MAX_STATES && legal_moves[from] & TO(to));
    if (counts_as_established(to) && !counts_as_established(from))
        NET_INC_STATS(net, TcpCurrEstab);
    if (!counts_as_established(to) && counts_as_established(from))
        NET_ADD_STATS(net, TcpCurrEstab, -1);
    if (to == TCP_CLOSE && counts_as_established(from))
        NET_INC_STATS(net, TcpEstabResets);
    if (to == TCP_CLOSE && (from == TCP_SYN_SENT || from == TCP_SYN_RECV))
        NET_INC_STATS(net, TcpAttemptFails);
    sk->sk_state = to;
}
