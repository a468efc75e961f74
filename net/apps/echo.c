/*
 * echo.c - the echo service, port 7 (RFC 862): everything comes back.
 */
#include "net/apps/service.h"

#include <sys/socket.h>

static void echo_serve(int fd, void *shared)
{
    char buf[4096];
    for (;;) {
        ssize_t len = recv(fd, buf, sizeof(buf), 0);
        if (len <= 0 || service_send(fd, buf, len))
            return;
    }
}

static ssize_t echo_answer(char *datagram, size_t len)
{
    return len;
}

const struct service echo_service = {"echo", 7, echo_serve, echo_answer, 0};
