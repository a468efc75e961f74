/*
 * service.h - what the small services of inetd have in common: a TCP and (most) a UDP port, blocking sockets,
 * and bounds.
 */
#ifndef NET_APPS_SERVICE_H
#define NET_APPS_SERVICE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SERVICE_CONN_MAX  32    /* TCP connections of one service at a time; more are closed at once */
#define SERVICE_TIMEOUT_S 60    /* a connection that moves nothing for so long is over */
#define SERVICE_DATAGRAM  2048u /* the longest datagram that is looked at */

struct service {
    const char *name;
    uint16_t port;
    /* Serves one connection to its end, in a task of its own; the caller closes `fd`. `shared` is the
     * service's own memory, of shared_size bytes, zero at first, the same for all its connections. */
    void (*serve)(int fd, void *shared);
    /* Answers one datagram of `len` bytes in place, in SERVICE_DATAGRAM bytes. Return: length, or -1 for no
     * answer. NULL: a service on TCP only. */
    ssize_t (*answer)(char *datagram, size_t len);
    size_t shared_size;
};

extern const struct service echo_service, discard_service, chargen_service, iperf3_service;

/* Starts its halves as tasks. 0, or -1 with errno. */
int service_start(const struct service *service);

/* Sends all of it. 0, or -1 if the connection is over. */
int service_send(int fd, const char *data, size_t len);

#endif
