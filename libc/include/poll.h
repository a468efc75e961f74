/*
 * poll.h - wait until one of several descriptors is ready.
 */
#ifndef LIBC_POLL_H
#define LIBC_POLL_H

struct pollfd {
    int fd; /* negative: ignored */
    short events;
    short revents;
};

typedef unsigned long nfds_t;

#define POLLIN     0x1
#define POLLPRI    0x2
#define POLLOUT    0x4
#define POLLERR    0x8
#define POLLHUP    0x10
#define POLLNVAL   0x20
#define POLLRDNORM 0x40
#define POLLRDBAND 0x80
#define POLLWRNORM 0x100
#define POLLWRBAND 0x200
#define POLLRDHUP  0x2000

/* timeout_ms < 0 waits for ever. Return: the number of descriptors with revents != 0. */
int poll(struct pollfd *fds, nfds_t count, int timeout_ms);

#endif
