/*
 * service.c - the frame around the small services: accept and start a task, or receive and answer.
 *
 * Used by inetd.c. Datagrams from ports below 1024 are not answered, nor those sent to a broadcast or
 * multicast address: two such services, or one and itself, would otherwise answer each other for ever
 * (CVE-1999-0103), and a broadcast would be multiplied.
 */
#include "net/apps/service.h"

#include <errno.h>
#include <netinet/in.h>
#include <skiff/system.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

/* One half of a running service. */
struct listener {
    const struct service *service;
    int fd;
    void *shared;  /* service->shared_size bytes for its connections; only the TCP half has it */
    unsigned open; /* TCP connections */
};

struct connection {
    struct listener *listener;
    int fd;
};

int service_send(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        data += n;
        len -= n;
    }
    return 0;
}

/* --- TCP --- */

static void connection_main(void *arg)
{
    struct connection *connection = arg;
    struct timeval limit = {.tv_sec = SERVICE_TIMEOUT_S};
    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(connection->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    connection->listener->service->serve(connection->fd, connection->listener->shared);
    close(connection->fd);
    connection->listener->open--;
    free(connection);
}

static void start_connection(struct listener *listener, int fd)
{
    struct connection *connection = listener->open < SERVICE_CONN_MAX ? malloc(sizeof(*connection)) : NULL;
    if (!connection) {
        close(fd);
        return;
    }
    connection->listener = listener;
    connection->fd = fd;
    listener->open++;
    if (skiff_task_create(listener->service->name, connection_main, connection)) {
        listener->open--;
        close(fd);
        free(connection);
    }
}

static void tcp_main(void *arg)
{
    struct listener *listener = arg;
    for (;;) {
        int fd = accept(listener->fd, NULL, NULL);
        if (fd >= 0)
            start_connection(listener, fd);
        else if (errno != ECONNABORTED && errno != EINTR)
            sleep(1); /* no memory or no descriptor: some will be free again */
    }
}

/* --- UDP --- */

/* Was it sent to one of our own addresses, and by a program that is no service itself? */
static bool may_answer(struct msghdr *msg, const struct sockaddr_in *from)
{
    if (ntohs(from->sin_port) < 1024)
        return false;
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        struct in_pktinfo info;
        if (cmsg->cmsg_level != IPPROTO_IP || cmsg->cmsg_type != IP_PKTINFO)
            continue;
        memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
        return info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr;
    }
    return false;
}

static void answer_datagram(struct listener *listener)
{
    char datagram[SERVICE_DATAGRAM];
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control;
    struct sockaddr_in from = {0};
    struct iovec iov = {datagram, sizeof(datagram)};
    struct msghdr msg = {.msg_name = &from,
                         .msg_namelen = sizeof(from),
                         .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    ssize_t len = recvmsg(listener->fd, &msg, 0);
    if (len < 0) {
        if (errno == ENOMEM || errno == ENOBUFS)
            sleep(1);
        return;
    }
    if ((msg.msg_flags & MSG_TRUNC) || !may_answer(&msg, &from))
        return;
    len = listener->service->answer(datagram, len);
    if (len < 0)
        return;
    iov.iov_len = len;
    sendmsg(listener->fd, &msg, MSG_DONTWAIT); /* with the same IP_PKTINFO: from the address that was asked */
}

static void udp_main(void *arg)
{
    for (;;)
        answer_datagram(arg);
}

/* --- starting --- */

static int start_half(const struct service *service, int type, void (*function)(void *))
{
    int on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(service->port)};
    struct listener *listener = calloc(1, sizeof(*listener));
    int fd = socket(AF_INET, type, 0);
    if (!listener || fd < 0)
        goto fail;
    listener->shared = type == SOCK_STREAM ? calloc(1, service->shared_size) : NULL;
    if (type == SOCK_STREAM && service->shared_size && !listener->shared)
        goto fail;
    listener->service = service;
    listener->fd = fd;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (type == SOCK_DGRAM && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)))
        goto fail;
    if (bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
        (type == SOCK_STREAM && listen(fd, SERVICE_CONN_MAX)))
        goto fail;
    if (!skiff_task_create(service->name, function, listener))
        return 0;
fail:;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (listener)
        free(listener->shared);
    free(listener);
    errno = error;
    return -1;
}

int service_start(const struct service *service)
{
    if (start_half(service, SOCK_STREAM, tcp_main))
        return -1;
    return service->answer ? start_half(service, SOCK_DGRAM, udp_main) : 0;
}
