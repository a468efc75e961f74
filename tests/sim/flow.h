/*
 * flow.h - connections between two simulated hosts, for tests: each end sends and receives at once, in tasks
 * of its own, and every byte is checked.
 */
#ifndef TESTS_SIM_FLOW_H
#define TESTS_SIM_FLOW_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/task.h"
#include "net/core/snmp.h"
#include "net/core/sysctl.h"
#include "net/socket/socket.h"
#include "net/tcp/tcp.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/host/testnet.h"
#include "tests/unit/test.h"

#define MS NSEC_PER_MSEC

/* Bytes from the start of an Ethernet frame. */
#define IP_AT  14u
#define TCP_AT 34u

struct flow_end {
    struct flow *flow;
    struct sim_host *host;
    int fd, tasks;              /* of the connection; those that use it */
    size_t to_send, received;   /* of the peer's bytes */
    const char *congestion;     /* NULL: the sysctl's */
    int rcvbuf;                 /* 0: as it comes */
    uint64_t start_ns, done_ns; /* connected; the peer's FIN was read */
    uint64_t read_pause_ms;     /* between two reads */
};

struct flow {
    uint16_t port;
    struct flow_end end[2]; /* client, server */
    const char *error;
    int unfinished; /* tasks */
};

/* The byte at `offset` of what end `way` sends. */
static inline uint8_t flow_byte(size_t offset, int way)
{
    uint64_t x = (offset / 8 + 1 + (uint64_t)way * 0x1234567) * 0x9e3779b97f4a7c15u;
    return (uint8_t)(x >> (8 * (offset % 8)));
}

static inline void flow_task_ends(struct flow_end *e)
{
    if (!--e->tasks && e->fd >= 0)
        sys_close(e->host->files, e->fd);
    e->flow->unfinished--;
}

static inline void flow_send(struct flow_end *e)
{
    static uint8_t buf[16384];
    int way = e == &e->flow->end[1];
    size_t sent = 0;

    while (sent < e->to_send) {
        uint8_t *block = buf; /* filled and handed over without a pause in between */
        size_t n = e->to_send - sent < sizeof(buf) ? e->to_send - sent : sizeof(buf);
        for (size_t i = 0; i < n; i++)
            block[i] = flow_byte(sent + i, way);
        ssize_t ret = sys_sendto(e->host->files, e->fd, block, n, 0x40 /* MSG_DONTWAIT */, NULL, 0);
        if (ret == -EAGAIN) {
            struct pollfd p = {.fd = e->fd, .events = POLLOUT};
            sys_poll(e->host->files, &p, 1, -1);
            continue;
        }
        if (ret <= 0) {
            e->flow->error = "send failed";
            return;
        }
        sent += (size_t)ret;
    }
    sys_shutdown(e->host->files, e->fd, SHUT_WR);
}

static inline void flow_receiver(void *arg)
{
    struct flow_end *e = arg;
    int peer = e != &e->flow->end[1];
    uint8_t buf[8192];
    ssize_t n;

    while ((n = sys_recvfrom(e->host->files, e->fd, buf, sizeof(buf), 0, NULL, NULL)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            if (buf[i] != flow_byte(e->received + (size_t)i, peer))
                e->flow->error = "wrong bytes";
        e->received += (size_t)n;
        if (e->read_pause_ms)
            task_sleep_ms(e->read_pause_ms);
    }
    if (n < 0)
        e->flow->error = "receive failed";
    e->done_ns = host_now_ns();
    flow_task_ends(e);
}

static inline void flow_converse(struct flow_end *e)
{
    e->start_ns = host_now_ns();
    e->tasks++;
    e->flow->unfinished++;
    assert_non_null(task_create("receiver", flow_receiver, e, e->host->files));
    flow_send(e);
}

static inline int flow_socket(struct flow_end *e)
{
    int fd = sys_socket(e->host->files, AF_INET, SOCK_STREAM, 0);

    if (e->rcvbuf)
        sys_setsockopt(e->host->files, fd, SOL_SOCKET, SO_RCVBUF, &e->rcvbuf, sizeof(int));
    if (e->congestion)
        sys_setsockopt(e->host->files, fd, IPPROTO_TCP, 13 /* TCP_CONGESTION */, e->congestion,
                       (socklen_t)strlen(e->congestion));
    return fd;
}

static inline void flow_server(void *arg)
{
    struct flow_end *e = arg;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(e->flow->port)};
    int listener = flow_socket(e);

    sys_bind(e->host->files, listener, (void *)&addr, sizeof(addr));
    sys_listen(e->host->files, listener, 4);
    e->fd = sys_accept4(e->host->files, listener, NULL, NULL, 0);
    sys_close(e->host->files, listener);
    if (e->fd >= 0)
        flow_converse(e);
    else
        e->flow->error = "accept failed";
    flow_task_ends(e);
}

static inline void flow_client(void *arg)
{
    struct flow_end *e = arg;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(e->flow->port)};

    inet_pton(AF_INET, "10.0.0.2", &addr.sin_addr);
    e->fd = flow_socket(e);
    if (!sys_connect(e->host->files, e->fd, (void *)&addr, sizeof(addr)))
        flow_converse(e);
    else
        e->flow->error = "connect failed";
    flow_task_ends(e);
}

static inline void flow_start(struct flow *f, struct sim_host *client, struct sim_host *server)
{
    f->end[0].host = client;
    f->end[1].host = server;
    f->unfinished = 2;
    for (int i = 0; i < 2; i++) {
        f->end[i].flow = f;
        f->end[i].fd = -1;
        f->end[i].tasks = 1;
    }
    assert_non_null(task_create("server", flow_server, &f->end[1], server->files));
    host_run();
    assert_non_null(task_create("client", flow_client, &f->end[0], client->files));
}

static inline bool flow_over(void *arg)
{
    return ((struct flow *)arg)->unfinished == 0;
}

/* The client's connection of a flow, while it stands. */
static inline struct tcp_sock *flow_client_sock(const struct flow *f)
{
    struct net *net = f->end[0].host->net;

    for (struct sock_common *c = tcp_next_conn(net, NULL); c; c = tcp_next_conn(net, c))
        if ((c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT) && c->dport == htons(f->port))
            return tcp_sk((struct sock *)c);
    return NULL;
}

static inline void hosts_done(struct sim_link *link, struct sim_host *client, struct sim_host *server)
{
    host_advance_ns(
        2000 * NSEC_PER_SEC); /* TIME_WAIT and all timers run out, also those of ends that lost the peer */
    assert_int_equal(client->net->sock_count, 0);
    assert_int_equal(server->net->sock_count, 0);
    assert_int_equal(client->net->skb_count, 0);
    assert_int_equal(server->net->skb_count, 0);
    sim_host_destroy(client);
    sim_host_destroy(server);
    sim_link_destroy(link);
}

/* --- frames --- */

static inline bool is_tcp(const uint8_t *frame)
{
    return testnet_u16(frame + 12) == 0x0800 && frame[IP_AT + 9] == IPPROTO_TCP;
}

static inline unsigned tcp_payload(const uint8_t *frame)
{
    return testnet_u16(frame + IP_AT + 2) - 20u - (frame[TCP_AT + 12] >> 4 << 2);
}

static inline void fix_tcp_csum(uint8_t *frame)
{
    testnet_fix_csum(frame + TCP_AT, testnet_u16(frame + IP_AT + 2) - 20u, 16,
                     testnet_u32(frame + IP_AT + 12), testnet_u32(frame + IP_AT + 16), IPPROTO_TCP);
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

/* The option `kind` of a TCP header, or NULL. */
static inline uint8_t *find_option(uint8_t *frame, uint8_t kind)
{
    uint8_t *p = frame + TCP_AT + 20, *end = frame + TCP_AT + (frame[TCP_AT + 12] >> 4 << 2);

    for (; p < end && *p; p += *p == TCPOPT_NOP ? 1 : p[1])
        if (*p == kind)
            return p;
    return NULL;
}

#endif
