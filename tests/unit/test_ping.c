/*
 * test_ping.c - ping sockets (net/ipv4/ping.c), by the calls of an application and frames.
 */
#include "tests/unit/files_net.h"

#include <time.h> /* the host's linux/errqueue.h needs it */

#include <errno.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/sysctl.h"
#include "net/ipv4/ping.h"
#include "tests/host/host.h"

#define ID 0x1234

static uint8_t in[2048], out[2048];

/* Type 8, a sum and an id that are not right, sequence number 7, and some data. */
static const uint8_t request[] = {8, 0, 0xff, 0xff, 0xaa, 0xaa, 0, 7, 'd', 'a', 't', 'a', '!'};

static int open_ping(void)
{
    return sys_socket(files, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_ICMP);
}

static struct sockaddr_in address(const char *dotted, uint16_t id)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(id), .sin_addr.s_addr = htonl(testnet_addr(dotted))};
}

static int bind_to(int fd, const char *dotted, uint16_t id)
{
    struct sockaddr_in sin = address(dotted, id);

    return sys_bind(files, fd, (void *)&sin, sizeof(sin));
}

static int ping_socket(uint16_t id)
{
    int fd = open_ping();

    assert_true(fd >= 0);
    assert_int_equal(bind_to(fd, "0.0.0.0", id), 0);
    return fd;
}

static ssize_t ask(int fd, const char *dotted, const void *message, size_t len)
{
    struct sockaddr_in sin = address(dotted, 0);

    return sys_sendto(files, fd, message, len, 0, (void *)&sin, sizeof(sin));
}

static void reply_from(const char *dotted, uint16_t id)
{
    testnet_inject(t, in,
                   testnet_build_icmp(t, in, &(struct testnet_ip){.saddr = testnet_addr(dotted)}, 0, 0,
                                      (uint32_t)id << 16 | 7, "data!", 5));
}

TEST("an echo request leaves with the socket's id and a right sum, and the reply comes back to it")
{
    int fd = ping_socket(ID);

    assert_int_equal(ask(fd, "10.0.0.2", request, sizeof(request)), sizeof(request));
    assert_int_equal(testnet_pop(t, out, sizeof(out)), TESTNET_L4 + sizeof(request));
    assert_true(testnet_frame_ok(out, TESTNET_L4 + sizeof(request)));
    assert_int_equal(out[TESTNET_IP + 9], IPPROTO_ICMP);
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), ID << 16 | 7);
    assert_memory_equal(out + TESTNET_L4 + 8, "data!", 5);
    assert_int_equal(t->net->mib[MIB_IcmpOutEchos], 1);
    assert_int_equal(t->net->mib[MIB_IcmpOutMsgs], 1);

    reply_from("10.0.0.2", ID);
    assert_int_equal(receive(fd, 0), 13);
    assert_int_equal(buf[0], 0); /* from the ICMP header on */
    assert_int_equal(testnet_u16(buf + 4), ID);
    assert_memory_equal(buf + 8, "data!", 5);
    assert_int_equal(ntohl(from.sin_addr.s_addr), t->peer);
    assert_int_equal(from.sin_port, 0);
    reply_from("10.0.0.2", ID + 64); /* another's */
    assert_int_equal(receive(fd, 0), -EAGAIN);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
}

TEST("nothing but an echo request can be sent")
{
    static const uint8_t types[] = {0, 3, 5, 9, 13, 255};
    uint8_t message[sizeof(request)];
    int fd = open_ping();

    for (size_t i = 0; i < sizeof(types); i++) {
        memcpy(message, request, sizeof(message));
        message[0] = types[i];
        assert_int_equal(ask(fd, "10.0.0.2", message, sizeof(message)), -EINVAL);
    }
    memcpy(message, request, sizeof(message));
    message[1] = 1;
    assert_int_equal(ask(fd, "10.0.0.2", message, sizeof(message)), -EINVAL);
    assert_int_equal(ask(fd, "10.0.0.2", request, 7), -EINVAL);
    assert_int_equal(set_option(fd, SOL_IP, IP_HDRINCL, 1), -ENOPROTOOPT);
    assert_int_equal(sys_sendto(files, fd, request, sizeof(request), 0, NULL, 0), -EDESTADDRREQ);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
}

TEST("an id is the socket's own, or shared by those who all say SO_REUSEADDR; without bind() one is chosen")
{
    struct sockaddr_in name;
    socklen_t len = sizeof(name);
    int fd = ping_socket(ID), other = open_ping();

    assert_int_equal(bind_to(other, "0.0.0.0", ID), -EADDRINUSE);
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(other, SOL_SOCKET, SO_REUSEADDR, 1);
    assert_int_equal(bind_to(other, "0.0.0.0", ID), 0);
    assert_int_equal(bind_to(other, "0.0.0.0", ID + 1), -EINVAL);
    assert_int_equal(bind_to(open_ping(), "10.0.0.9", ID + 1), -EADDRNOTAVAIL);
    assert_int_equal(bind_to(open_ping(), "10.0.0.255", ID + 1), -EADDRNOTAVAIL);

    other = open_ping();
    assert_int_equal(ask(other, "10.0.0.2", request, sizeof(request)), sizeof(request));
    assert_int_equal(sys_getsockname(files, other, (void *)&name, &len), 0);
    assert_int_not_equal(name.sin_port, 0);
    testnet_pop(t, out, sizeof(out));
    assert_int_equal(testnet_u16(out + TESTNET_L4 + 4), ntohs(name.sin_port));
}

TEST("an id that was chosen is taken until its socket is closed")
{
    static int fds[3];
    struct sockaddr_in name;
    socklen_t len = sizeof(name);

    for (int i = 0; i < 3; i++)
        fds[i] = ping_socket(0);
    assert_int_equal(sys_getsockname(files, fds[0], (void *)&name, &len), 0);
    assert_int_equal(bind_to(open_ping(), "0.0.0.0", ntohs(name.sin_port)), -EADDRINUSE);
    assert_true(bind_to(open_ping(), "0.0.0.0", 65535) == 0 || ntohs(name.sin_port) == 65535);
    assert_int_equal(sys_close(files, fds[0]), 0);
    assert_int_equal(bind_to(open_ping(), "0.0.0.0", ntohs(name.sin_port)), 0);
}

TEST("a connected socket hears its peer alone, one bound to an address or a device what comes there")
{
    struct sockaddr_in peer = address("10.0.0.2", 0);
    int fd = ping_socket(ID), bound = open_ping(), elsewhere = ping_socket(ID + 2);

    assert_int_equal(sys_connect(files, fd, (void *)&peer, sizeof(peer)), 0);
    assert_int_equal(sys_sendto(files, fd, request, sizeof(request), 0, NULL, 0), sizeof(request));
    reply_from("10.0.0.3", ID);
    assert_int_equal(receive(fd, 0), -EAGAIN);
    reply_from("10.0.0.2", ID);
    assert_int_equal(receive(fd, 0), 13);

    assert_int_equal(bind_to(bound, "127.0.0.1", ID + 1), 0);
    reply_from("10.0.0.2", ID + 1);
    assert_int_equal(receive(bound, 0), -EAGAIN);
    set_option(elsewhere, SOL_SOCKET, SO_BINDTOIFINDEX, t->net->loopback_dev->ifindex);
    reply_from("10.0.0.2", ID + 2);
    assert_int_equal(receive(elsewhere, 0), -EAGAIN);
}

TEST("our own address answers as any other")
{
    int fd = ping_socket(ID);

    assert_int_equal(ask(fd, "127.0.0.1", request, sizeof(request)), sizeof(request));
    testnet_run(t);
    assert_int_equal(receive(fd, 0), 13);
    assert_int_equal(buf[0], 0);
}

/* A router's error about the request that was sent last. */
static void error_about_request(uint8_t type, uint8_t code, uint32_t rest)
{
    size_t n = testnet_pop(t, out, sizeof(out));

    assert_true(n > 0);
    testnet_inject(t, in,
                   testnet_build_icmp(t, in, &(struct testnet_ip){.saddr = testnet_addr("10.0.0.254")}, type,
                                      code, rest, out + TESTNET_IP, n - TESTNET_IP));
}

TEST("IP_RECVERR: a router that lets the request's TTL run out is seen on the queue of errors")
{
    struct pollfd pfd = {.events = POLLIN};
    int fd = pfd.fd = ping_socket(ID);

    assert_int_equal(set_option(fd, SOL_IP, IP_RECVERR, 1), 0);
    assert_int_equal(set_option(fd, SOL_IP, IP_TTL, 1), 0);
    ask(fd, "192.0.2.1", request, sizeof(request));
    error_about_request(11, 0, 0);
    assert_int_equal(sys_poll(files, &pfd, 1, 0), 1);
    assert_true(pfd.revents & POLLERR);
    assert_int_equal(receive(fd, MSG_ERRQUEUE), sizeof(request));
    assert_int_equal(buf[0], 8); /* what was sent, from the ICMP header on */
    assert_int_equal(testnet_u16(buf + 6), 7);
    assert_int_equal(ntohl(from.sin_addr.s_addr), testnet_addr("192.0.2.1"));
    const struct sock_extended_err *ee = (void *)CMSG_DATA(CMSG_FIRSTHDR(&last));
    assert_int_equal(ee->ee_type, 11);
    assert_int_equal(ee->ee_errno, EHOSTUNREACH);
    const struct sockaddr_in *offender = (const void *)SO_EE_OFFENDER(ee);
    assert_int_equal(ntohl(offender->sin_addr.s_addr), testnet_addr("10.0.0.254"));
    assert_int_equal(receive(fd, 0), -EAGAIN); /* told once */
}

TEST("without IP_RECVERR only a connected socket is told, and only what is final (RFC 1122 4.2.3.9)")
{
    struct sockaddr_in peer = address("192.0.2.1", 0);
    int fd = ping_socket(ID);

    ask(fd, "192.0.2.1", request, sizeof(request));
    error_about_request(3, 2, 0);
    assert_int_equal(receive(fd, 0), -EAGAIN);
    assert_int_equal(sys_connect(files, fd, (void *)&peer, sizeof(peer)), 0);
    ask(fd, "192.0.2.1", request, sizeof(request));
    error_about_request(11, 0, 0);
    assert_int_equal(receive(fd, 0), -EAGAIN);
    ask(fd, "192.0.2.1", request, sizeof(request));
    error_about_request(3, 2, 0);
    assert_int_equal(receive(fd, 0), -ENOPROTOOPT);
}

TEST("a path MTU is believed by a connected socket; a request beyond it is told to the sender")
{
    struct sockaddr_in peer = address("192.0.2.1", 0);
    uint8_t large[1400] = {8};
    int fd = ping_socket(ID);

    assert_int_equal(sys_connect(files, fd, (void *)&peer, sizeof(peer)), 0);
    assert_int_equal(set_option(fd, SOL_IP, IP_RECVERR, 1), 0);
    assert_int_equal(set_option(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO), 0);
    ask(fd, "192.0.2.1", large, sizeof(large));
    error_about_request(3, 4, 1000);
    assert_true(receive(fd, MSG_ERRQUEUE) > 0);
    assert_int_equal(((struct sock_extended_err *)CMSG_DATA(CMSG_FIRSTHDR(&last)))->ee_info, 1000);
    assert_int_equal(ask(fd, "192.0.2.1", large, sizeof(large)), -EMSGSIZE);
}

TEST("IP_RECVTTL, IP_PKTINFO and IP_MINTTL are as on other sockets; a full buffer drops")
{
    int fd = ping_socket(ID);

    set_option(fd, SOL_IP, IP_RECVTTL, 1);
    reply_from("10.0.0.2", ID);
    assert_int_equal(receive(fd, 0), 13);
    assert_int_equal(CMSG_FIRSTHDR(&last)->cmsg_type, IP_TTL);
    assert_int_equal(*(int *)CMSG_DATA(CMSG_FIRSTHDR(&last)), 64);
    set_option(fd, SOL_IP, IP_MINTTL, 255);
    reply_from("10.0.0.2", ID);
    assert_int_equal(receive(fd, 0), -EAGAIN);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_MINTTL], 1);
    set_option(fd, SOL_IP, IP_MINTTL, 0);
    set_option(fd, SOL_SOCKET, SO_RCVBUF, 0);
    for (int i = 0; i < 100; i++)
        reply_from("10.0.0.2", ID);
    assert_true(t->net->drops[SKB_DROP_REASON_SOCKET_RCVBUFF] > 50);
}

TEST("net.ipv4.ping_group_range says who may: by default everybody, \"1 0\" nobody")
{
    char value[32];

    sysctl_get(t->net, "net.ipv4.ping_group_range", value, sizeof(value));
    assert_int_equal(strncmp(value, "0", 1), 0);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.ping_group_range", "1 0"), 0);
    assert_int_equal(open_ping(), -EACCES);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.ping_group_range", "0 0"), 0);
    assert_true(open_ping() >= 0);
}

TEST("SOCK_DGRAM by itself still means UDP")
{
    int fd = sys_socket(files, AF_INET, SOCK_DGRAM, 0), protocol;
    socklen_t len = sizeof(protocol);

    assert_int_equal(sys_getsockopt(files, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len), 0);
    assert_int_equal(protocol, IPPROTO_UDP);
    fd = open_ping();
    assert_int_equal(sys_getsockopt(files, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len), 0);
    assert_int_equal(protocol, IPPROTO_ICMP);
}

TEST("fuzz: damaged replies and errors break and leak nothing")
{
    int fd = ping_socket(ID);

    host_random_seed(792);
    set_option(fd, SOL_IP, IP_RECVERR, 1);
    for (int i = 0; i < 5000; i++) {
        uint8_t body[64];
        uint8_t type = (uint8_t[]){0, 3, 11, 12}[host_random() % 4];

        for (size_t b = 0; b < sizeof(body); b++)
            body[b] = (uint8_t)host_random();
        body[0] = host_random() % 4 ? 0x45 : body[0];
        body[9] = 1;
        put_unaligned_be32(t->local, body + 12);
        body[20] = host_random() % 4 ? 8 : body[20];
        put_unaligned_be16(ID, body + 24);
        testnet_inject(t, in,
                       testnet_build_icmp(t, in, &(struct testnet_ip){0}, type, (uint8_t)(host_random() % 5),
                                          host_random() % 2 ? ID << 16 : (uint32_t)host_random(), body,
                                          host_random() % (sizeof(body) + 1)));
        receive(fd, host_random() % 2 ? MSG_ERRQUEUE : 0);
    }
}

TEST_FIXTURE(setup, teardown)
