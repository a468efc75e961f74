/*
 * files_net.h - one stack with a card at 10.0.0.1, the descriptors of a program on it, and what it receives.
 *
 *     setup / teardown   for TEST_FIXTURE; nothing may be left over
 */
#ifndef TESTS_UNIT_FILES_NET_H
#define TESTS_UNIT_FILES_NET_H

#include "tests/unit/test.h"

#include <netinet/in.h>

#include "net/socket/socket.h"
#include "tests/host/testnet.h"

static struct testnet *t;
static struct files *files;

/* What receive() has got: the data, from whom, and what belongs to it. */
static uint8_t buf[65600], control[256];
static struct sockaddr_in from;
static struct msghdr last;

static inline int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    files = files_create(t->net, NULL);
    return 0;
}

static inline int teardown(void **state)
{
    files_destroy(files);
    return testnet_destroy(t);
}

static inline int set_option(int fd, int level, int name, int value)
{
    return sys_setsockopt(files, fd, level, name, &value, sizeof(value));
}

static inline ssize_t receive(int fd, int flags)
{
    struct iovec iov = {buf, sizeof(buf)};

    last = (struct msghdr){.msg_name = &from,
                           .msg_namelen = sizeof(from),
                           .msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof(control)};
    return sys_recvmsg(files, fd, &last, flags);
}

#endif
