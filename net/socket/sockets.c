/*
 * sockets.c - the list of all sockets of a stack, for programs (skiff/sockets.h).
 *
 * Read out of the transports' own tables, so that half-open connections, TIME-WAITs and orphans are in it,
 * which no descriptor leads to.
 */
#include <skiff/sockets.h>

#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/byteorder.h"
#include "kernel/task.h"
#include "net/core/netdevice.h"
#include "net/ipv4/ping.h"
#include "net/ipv4/raw.h"
#include "net/packet/af_packet.h"
#include "net/socket/socket.h"
#include "net/tcp/tcp.h"
#include "net/udp/udp.h"

/* As ss prints them: TIME-WAIT, where the stack says TIME_WAIT. */
static const char *const tcp_names[TCP_MAX_STATES] = {
    [TCP_ESTABLISHED] = "ESTAB",    [TCP_SYN_SENT] = "SYN-SENT",     [TCP_SYN_RECV] = "SYN-RECV",
    [TCP_FIN_WAIT1] = "FIN-WAIT-1", [TCP_FIN_WAIT2] = "FIN-WAIT-2",  [TCP_TIME_WAIT] = "TIME-WAIT",
    [TCP_CLOSE] = "UNCONN",         [TCP_CLOSE_WAIT] = "CLOSE-WAIT", [TCP_LAST_ACK] = "LAST-ACK",
    [TCP_LISTEN] = "LISTEN",        [TCP_CLOSING] = "CLOSING",       [TCP_NEW_SYN_RECV] = "SYN-RECV",
};

static void fill_common(struct skiff_socket *to, const struct sock_common *c, const char *protocol)
{
    *to = (struct skiff_socket){
        .protocol = protocol,
        .state = c->state < TCP_MAX_STATES && tcp_names[c->state] ? tcp_names[c->state] : "?",
        .local_addr = (__force uint32_t)c->rcv_saddr,
        .peer_addr = (__force uint32_t)c->daddr,
        .local_port = be16_to_cpu(c->sport),
        .peer_port = be16_to_cpu(c->dport),
        .ifindex = c->bound_dev_if,
    };
}

static void fill_buffers(struct skiff_socket *to, const struct sock *sk)
{
    to->receive_max = sk->sk_rcvbuf;
    to->send_max = sk->sk_sndbuf;
}

static void fill_listener(struct skiff_socket *to, const struct sock *sk)
{
    to->listening = 1;
    to->receive_queue = tcp_sk(sk)->accept_queue_len;
    to->send_queue = tcp_sk(sk)->max_backlog;
}

static void fill_connection(struct skiff_socket *to, struct sock *sk)
{
    socklen_t len = sizeof(to->info);
    int unread = 0, unacked = 0;

    if (sk->sk_prot->ioctl(sk, SIOCINQ, &unread) == 0 && sk->sk_prot->ioctl(sk, SIOCOUTQ, &unacked) == 0) {
        to->receive_queue = (uint32_t)unread;
        to->send_queue = (uint32_t)unacked;
    }
    sk->sk_prot->getsockopt(sk, IPPROTO_TCP, TCP_INFO, &to->info, &len);
    len = sizeof(to->congestion) - 1;
    sk->sk_prot->getsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, to->congestion, &len);
}

static void fill_tcp(struct skiff_socket *to, struct sock_common *c)
{
    struct sock *sk = (struct sock *)c;

    fill_common(to, c, "tcp");
    if (c->state == TCP_TIME_WAIT || c->state == TCP_NEW_SYN_RECV)
        return;
    fill_buffers(to, sk);
    if (c->state == TCP_LISTEN)
        fill_listener(to, sk);
    else
        fill_connection(to, sk);
}

/* A socket of datagrams: what waits is known by memory. */
static void fill_datagrams(struct skiff_socket *to, struct sock *sk, const char *protocol)
{
    fill_common(to, &sk->sk_common, protocol);
    fill_buffers(to, sk);
    to->listening = !sk->sk_daddr;
    to->receive_queue = sk->sk_rmem_alloc;
    to->send_queue = sk->sk_wmem_alloc;
}

static void fill_udp(struct skiff_socket *to, struct sock *sk)
{
    fill_datagrams(to, sk, "udp");
}

static void fill_ping(struct skiff_socket *to, struct sock *sk)
{
    fill_datagrams(to, sk, "ping");
}

static void fill_raw(struct skiff_socket *to, struct sock *sk)
{
    fill_datagrams(to, sk, "raw");
    to->local_port = sk->sk_protocol;
    to->peer_port = 0;
}

static void fill_packet(struct skiff_socket *to, struct sock *sk)
{
    struct net_device *dev;

    fill_datagrams(to, sk, sk->sk_type == SOCK_RAW ? "p_raw" : "p_dgr");
    to->state = tcp_names[TCP_CLOSE];
    to->ethertype = be16_to_cpu(packet_sock_protocol(sk, &to->ifindex));
    dev = to->ifindex > 0 ? dev_get_by_index(sock_net(sk), to->ifindex) : NULL;
    if (dev)
        strlcpy(to->device, dev->name, sizeof(to->device));
}

/* Whose sockets are full ones; TCP's are not all. */
static const struct {
    struct sock *(*next)(struct net *net, const struct sock *prev);
    void (*fill)(struct skiff_socket *to, struct sock *sk);
} socket_kinds[] = {
    {udp_next_sock, fill_udp},
    {ping_next_sock, fill_ping},
    {raw_next_sock, fill_raw},
    {packet_next_sock, fill_packet},
};

size_t skiff_socket_list(struct skiff_socket *sockets, size_t max, size_t skip)
{
    struct task *task = current_task();
    struct net *net = task && task->files ? task->files->net : NULL;
    size_t n = 0;

    if (!net)
        return 0;
    for (size_t kind = 0; kind < ARRAY_SIZE(socket_kinds); kind++)
        for (struct sock *sk = socket_kinds[kind].next(net, NULL); sk && n < max;
             sk = socket_kinds[kind].next(net, sk)) {
            if (skip)
                skip--;
            else
                socket_kinds[kind].fill(&sockets[n++], sk);
        }
    for (struct sock_common *c = tcp_next_conn(net, NULL); c && n < max; c = tcp_next_conn(net, c)) {
        if (skip)
            skip--;
        else
            fill_tcp(&sockets[n++], c);
    }
    return n;
}
