/*
 * udp_net.h - one stack with a card at 10.0.0.1, UDP sockets on it, and datagrams on the wire.
 *
 *     setup / teardown   for TEST_FIXTURE; nothing may be left over
 *     arrive(...)        a datagram from the wire; what the stack sends stands in the testnet
 */
#ifndef TESTS_UNIT_UDP_NET_H
#define TESTS_UNIT_UDP_NET_H

#include "tests/unit/test.h"

#include <time.h> /* the host's linux/errqueue.h needs it */

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/byteorder.h"
#include "net/core/sysctl.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"
#include "net/udp/udp.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t;
static uint8_t in[65600], out[65600], buf[65600];

static const uint8_t broadcast_mac[6] = {255, 255, 255, 255, 255, 255};

static inline int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    return 0;
}

static inline int teardown(void **state)
{
    return testnet_destroy(t);
}

static inline be32 addr(const char *dotted)
{
    return cpu_to_be32(testnet_addr(dotted));
}

static inline struct sock *new_socket(void)
{
    int err;
    struct sock *sk = sk_alloc(t->net, &udp_prot, SOCK_DGRAM, IPPROTO_UDP, &err);

    assert_non_null(sk);
    return sk;
}

static inline struct sock *bound(const char *a, uint16_t port)
{
    struct sock *sk = new_socket();

    assert_int_equal(udp_prot.bind(sk, a ? addr(a) : 0, port), 0);
    return sk;
}

static inline void arrive(const struct testnet_ip *ip, uint16_t sport, uint16_t dport, const char *text)
{
    testnet_inject(t, in, testnet_build_udp(t, in, ip, sport, dport, text, strlen(text)));
}

static struct sockaddr_storage from;
static uint8_t control[256];
static struct msg rmsg;

static inline ssize_t receive_flags(struct sock *sk, size_t len, int flags)
{
    static struct iovec iov;

    iov = (struct iovec){buf, len};
    rmsg = (struct msg){
        .name = &from, .iter = {&iov, 0, len}, .control = control, .control_len = sizeof(control)};
    return udp_prot.recvmsg(sk, &rmsg, len, flags | MSG_DONTWAIT);
}

static inline ssize_t receive(struct sock *sk)
{
    return receive_flags(sk, sizeof(buf), 0);
}

static inline void assert_receives(struct sock *sk, const char *text)
{
    assert_int_equal(receive(sk), strlen(text));
    assert_memory_equal(buf, text, strlen(text));
}

static inline void assert_silent(struct sock *sk)
{
    assert_int_equal(receive(sk), -EAGAIN);
}

static inline ssize_t send_msg(struct sock *sk, const char *dst, uint16_t port, const void *data, size_t len,
                               void *ctl, size_t ctl_len)
{
    struct sockaddr_in sin = {.sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = dst ? htonl(testnet_addr(dst)) : 0};
    struct iovec iov[3] = {{(void *)data, len / 3}, {NULL, 0}, {(uint8_t *)data + len / 3, len - len / 3}};
    struct msg msg = {.name = dst ? (struct sockaddr_storage *)&sin : NULL,
                      .name_len = sizeof(sin),
                      .iter = {iov, 0, len},
                      .control = ctl,
                      .control_len = ctl_len,
                      .flags = MSG_DONTWAIT};

    return udp_prot.sendmsg(sk, &msg, len);
}

static inline ssize_t send_to(struct sock *sk, const char *dst, uint16_t port, const char *text)
{
    return send_msg(sk, dst, port, text, strlen(text), NULL, 0);
}

#endif
