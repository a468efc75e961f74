/*
 * skiff.h - libskiff.so: Skiff's network stack as a Linux library.
 *
 * For conformance tools, simulators and fuzzers: open any number of stacks, feed them frames, take frames
 * from them, move their clock, call their sockets. The sources are the machine's own, unchanged.
 *
 * One clock, which stands still except in skiff_clock_advance(), drives all stacks. Everything else - answers
 * to frames, retransmissions, timeouts - happens inside skiff_device_receive(), the socket calls and
 * skiff_clock_advance(), in the caller's thread; the library is not thread-safe. A run is replayed exactly by
 * the same seed and the same calls.
 *
 * Calls return 0 (or what POSIX says), or -1 with errno set. tests/example/hello_skiff.c shows it at work.
 */
#ifndef SKIFF_H
#define SKIFF_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SKIFF_API __attribute__((visibility("default")))

struct skiff_stack;
struct skiff_device;

/* Seeds all random numbers of all stacks (sequence numbers, ports, hash keys). Before the first stack. */
SKIFF_API void skiff_seed(uint64_t seed);

/* --- clock: nanoseconds, starting somewhere --- */

SKIFF_API uint64_t skiff_clock_now(void);
/* Moves on, running every timer on the way; 0 only runs what is ready now. */
SKIFF_API void skiff_clock_advance(uint64_t ns);
/* No timer of any stack is due before this; UINT64_MAX: none is armed. One taken back may count until then.
 */
SKIFF_API uint64_t skiff_clock_next_timer(void);

/* --- stacks and devices --- */

/* `name` is shown in log lines (set SKIFF_LOG=1 to see them on stderr) and copied. */
SKIFF_API struct skiff_stack *skiff_stack_create(const char *name);
/* Closes its sockets without a word to the peers, removes its devices. */
SKIFF_API void skiff_stack_destroy(struct skiff_stack *stack);

/**
 * skiff_device_add - an Ethernet device, up, named eth0, eth1 ...
 * @mac: 6 bytes      @mtu: 68 .. 9000
 * @transmit: gets each frame the stack sends, without FCS; the bytes are valid during the call. It may call
 *            skiff_device_receive() of other devices.
 */
SKIFF_API struct skiff_device *skiff_device_add(struct skiff_stack *stack, const uint8_t mac[6], unsigned mtu,
                                                void (*transmit)(void *ctx, const void *frame, size_t len),
                                                void *ctx);
/* A frame from the wire, without FCS (copied). It is processed before the call returns, unless it comes out
 * of a transmit callback: then as soon as the stack that is sending has finished. EMSGSIZE beyond the MTU and
 * a VLAN tag; a frame that is too short goes in and is dropped there, by name. */
SKIFF_API int skiff_device_receive(struct skiff_device *device, const void *frame, size_t len);
/* A TCP segment of up to 64 KiB, as a card that merges hands up a train of them; `mss`: payload of each of
 * these. */
SKIFF_API int skiff_device_receive_train(struct skiff_device *device, const void *frame, size_t len,
                                         unsigned mss);
SKIFF_API void skiff_device_set_carrier(struct skiff_device *device, int up);
/* "10.0.0.1/24"; used at once, without duplicate-address detection unless net.ipv4.arp_probe is 1. */
SKIFF_API int skiff_address_add(struct skiff_device *device, const char *address);
SKIFF_API int skiff_address_remove(struct skiff_device *device, const char *address);
/* "0.0.0.0/0" via "10.0.0.254"; gateway NULL: on link. */
SKIFF_API int skiff_route_add(struct skiff_device *device, const char *destination, const char *gateway);
SKIFF_API int skiff_neighbour_add(struct skiff_device *device, const char *address, const uint8_t mac[6]);

SKIFF_API int skiff_sysctl_set(struct skiff_stack *stack, const char *name, const char *value);
SKIFF_API int skiff_sysctl_get(struct skiff_stack *stack, const char *name, char *value, size_t size);
/* A counter by nstat's name ("TcpRetransSegs"), a drop as "drop.TCP_CSUM"; 0 if unknown. */
SKIFF_API uint64_t skiff_counter(struct skiff_stack *stack, const char *name);

/* --- sockets: POSIX, always non-blocking (EAGAIN, EINPROGRESS) --- */

SKIFF_API int skiff_socket(struct skiff_stack *stack, int family, int type, int protocol);
SKIFF_API int skiff_bind(struct skiff_stack *stack, int fd, const struct sockaddr *addr, socklen_t len);
SKIFF_API int skiff_listen(struct skiff_stack *stack, int fd, int backlog);
SKIFF_API int skiff_accept(struct skiff_stack *stack, int fd, struct sockaddr *addr, socklen_t *len);
SKIFF_API int skiff_connect(struct skiff_stack *stack, int fd, const struct sockaddr *addr, socklen_t len);
SKIFF_API ssize_t skiff_send(struct skiff_stack *stack, int fd, const void *buf, size_t len, int flags);
SKIFF_API ssize_t skiff_recv(struct skiff_stack *stack, int fd, void *buf, size_t len, int flags);
SKIFF_API ssize_t skiff_sendto(struct skiff_stack *stack, int fd, const void *buf, size_t len, int flags,
                               const struct sockaddr *addr, socklen_t addr_len);
SKIFF_API ssize_t skiff_recvfrom(struct skiff_stack *stack, int fd, void *buf, size_t len, int flags,
                                 struct sockaddr *addr, socklen_t *addr_len);
SKIFF_API ssize_t skiff_sendmsg(struct skiff_stack *stack, int fd, const struct msghdr *msg, int flags);
SKIFF_API ssize_t skiff_recvmsg(struct skiff_stack *stack, int fd, struct msghdr *msg, int flags);
SKIFF_API int skiff_shutdown(struct skiff_stack *stack, int fd, int how);
SKIFF_API int skiff_close(struct skiff_stack *stack, int fd);
SKIFF_API int skiff_getsockname(struct skiff_stack *stack, int fd, struct sockaddr *addr, socklen_t *len);
SKIFF_API int skiff_getpeername(struct skiff_stack *stack, int fd, struct sockaddr *addr, socklen_t *len);
SKIFF_API int skiff_setsockopt(struct skiff_stack *stack, int fd, int level, int name, const void *val,
                               socklen_t len);
SKIFF_API int skiff_getsockopt(struct skiff_stack *stack, int fd, int level, int name, void *val,
                               socklen_t *len);
SKIFF_API int skiff_ioctl(struct skiff_stack *stack, int fd, unsigned long request, void *arg);
/* What is ready now; never waits. */
SKIFF_API int skiff_poll(struct skiff_stack *stack, struct pollfd *fds, nfds_t count);
SKIFF_API int skiff_epoll_create1(struct skiff_stack *stack, int flags);
SKIFF_API int skiff_epoll_ctl(struct skiff_stack *stack, int epfd, int op, int fd, struct epoll_event *event);
SKIFF_API int skiff_epoll_wait(struct skiff_stack *stack, int epfd, struct epoll_event *events,
                               int maxevents);

#ifdef __cplusplus
}
#endif

#endif
