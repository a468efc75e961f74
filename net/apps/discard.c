/*
 * discard.c - the discard service, port 9 (RFC 863): everything is taken and nothing comes back.
 */
#include "net/apps/service.h"

#include <sys/socket.h>

static void discard_serve(int fd, void *shared)
{
    char buf[4096];
    while (recv(fd, buf, sizeof(buf), 0) > 0)
        ;
}

static ssize_t discard_answer(char *datagram, size_t len)
{
    return -1;
}

const struct service discard_service = {"discard", 9, discard_serve, discard_answer, 0};
