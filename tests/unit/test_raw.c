/*
 * test_raw.c - raw sockets (net/ipv4/raw.c), by the calls of an application and frames.
 */
#include "tests/unit/files_net.h"

#include <time.h> /* the host's linux/errqueue.h needs it */

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <poll.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/raw.h"
#include "tests/host/host.h"

static uint8_t in[65600], out[65600];

static int raw_socket(int protocol)
{
    int fd = sys_socket(files, AF_INET, SOCK_RAW | SOCK_NONBLOCK, protocol);

    assert_true(fd >= 0);
    return fd;
}

static struct sockaddr_in address(const char *dotted)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(testnet_addr(dotted))};
}

static ssize_t send_to(int fd, const char *dotted, const void *data, size_t len)
{
    struct sockaddr_in sin = address(dotted);

    return sys_sendto(files, fd, data, len, 0, (void *)&sin, sizeof(sin));
}

static void arrive(uint8_t protocol, const struct testnet_ip *how, const void *data, size_t len)
{
    struct testnet_ip ip = *how;

    ip.protocol = protocol;
    testnet_inject(t, in, testnet_build_ip(t, in, &ip, data, len));
}

TEST("SOCK_RAW wants a protocol from 1 to 255")
{
    assert_int_equal(sys_socket(files, AF_INET, SOCK_RAW, 0), -EPROTONOSUPPORT);
    assert_int_equal(sys_socket(files, AF_INET, SOCK_RAW, 256), -EPROTONOSUPPORT);
    assert_int_equal(sys_socket(files, AF_INET, SOCK_RAW, -1), -EINVAL);
    assert_true(raw_socket(1) >= 0);
    assert_true(raw_socket(255) >= 0);
    assert_true(sys_socket(files, AF_INET, SOCK_DGRAM, 0) >= 0);
    assert_int_equal(sys_socket(files, AF_INET, SOCK_DGRAM, IPPROTO_TCP), -EPROTONOSUPPORT);
}

TEST("a datagram of its protocol is read from the IPv4 header on, by every such socket")
{
    int a = raw_socket(200), b = raw_socket(200), other = raw_socket(201);

    arrive(200, &(struct testnet_ip){.tos = 4}, "hello", 5);
    assert_int_equal(receive(a, 0), 25);
    assert_memory_equal(buf, in + TESTNET_IP, 25);
    assert_int_equal(ntohl(from.sin_addr.s_addr), t->peer);
    assert_int_equal(receive(b, 0), 25);
    assert_int_equal(receive(other, 0), -EAGAIN);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0); /* somebody took it: not unreachable */
    assert_int_equal(t->net->mib[MIB_IpInUnknownProtos], 0);
}

TEST("without a raw socket an unknown protocol is unreachable")
{
    arrive(200, &(struct testnet_ip){0}, "hello", 5);
    assert_true(testnet_pop(t, out, sizeof(out)) > 0);
    assert_int_equal(out[TESTNET_L4], 3);
    assert_int_equal(out[TESTNET_L4 + 1], 2);
}

TEST("the protocol's own handler gets the datagram as well: a ping is seen and answered")
{
    int fd = raw_socket(IPPROTO_ICMP);
    size_t n = testnet_build_icmp(t, in, &(struct testnet_ip){0}, 8, 0, 1, "abc", 3);

    testnet_inject(t, in, n);
    assert_int_equal(receive(fd, 0), n - TESTNET_IP);
    assert_int_equal(buf[20], 8); /* what came, not what the answer was made of */
    n = testnet_pop(t, out, sizeof(out));
    assert_true(n && testnet_frame_ok(out, n));
    assert_int_equal(out[TESTNET_L4], 0);
}

TEST("bound, connected and tied to a device it hears only what fits")
{
    int fd = raw_socket(200);
    struct sockaddr_in a = address("10.0.0.1"), peer = address("10.0.0.9");

    assert_int_equal(sys_bind(files, fd, (void *)&a, sizeof(a)), 0);
    arrive(200, &(struct testnet_ip){.daddr = testnet_addr("10.0.0.255")}, "x", 1);
    assert_int_equal(receive(fd, 0), -EAGAIN);
    assert_int_equal(sys_connect(files, fd, (void *)&peer, sizeof(peer)), 0);
    arrive(200, &(struct testnet_ip){0}, "x", 1);
    assert_int_equal(receive(fd, 0), -EAGAIN);
    arrive(200, &(struct testnet_ip){.saddr = testnet_addr("10.0.0.9")}, "x", 1);
    assert_int_equal(receive(fd, 0), 21);
    assert_int_equal(sys_setsockopt(files, fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), 0);
    arrive(200, &(struct testnet_ip){.saddr = testnet_addr("10.0.0.9")}, "x", 1);
    assert_int_equal(receive(fd, 0), -EAGAIN);
}

TEST("ICMP_FILTER keeps types away")
{
    int fd = raw_socket(IPPROTO_ICMP), udp = raw_socket(IPPROTO_UDP);
    struct icmp_filter only_replies = {.data = ~(1u << ICMP_ECHOREPLY)}, read;
    socklen_t len = sizeof(read);

    assert_int_equal(sys_setsockopt(files, fd, SOL_RAW, ICMP_FILTER, &only_replies, sizeof(only_replies)), 0);
    assert_int_equal(sys_getsockopt(files, fd, SOL_RAW, ICMP_FILTER, &read, &len), 0);
    assert_int_equal(read.data, only_replies.data);
    assert_int_equal(sys_setsockopt(files, udp, SOL_RAW, ICMP_FILTER, &only_replies, sizeof(only_replies)),
                     -EOPNOTSUPP);
    testnet_inject(t, in, testnet_build_icmp(t, in, &(struct testnet_ip){0}, 8, 0, 1, "abc", 3));
    assert_int_equal(receive(fd, 0), -EAGAIN);
    testnet_inject(t, in, testnet_build_icmp(t, in, &(struct testnet_ip){0}, 0, 0, 1, "abc", 3));
    assert_int_equal(receive(fd, 0), 31);
}

TEST("what is sent gets a right header: protocol, addresses, ttl, tos")
{
    int fd = raw_socket(99);

    assert_int_equal(set_option(fd, SOL_IP, IP_TTL, 5), 0);
    assert_int_equal(set_option(fd, SOL_IP, IP_TOS, 0x20), 0);
    assert_int_equal(send_to(fd, "10.0.0.2", "payload", 7), 7);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), TESTNET_L4 + 7);
    assert_int_equal(out[TESTNET_IP + 8], 5);
    assert_int_equal(out[TESTNET_IP + 1], 0x20);
    assert_int_equal(out[TESTNET_IP + 9], 99);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 16), t->peer);
    assert_int_equal(testnet_csum(out + TESTNET_IP, 20, 0), 0);
    assert_memory_equal(out + TESTNET_L4, "payload", 7);
}

TEST("long ones go in fragments; with IP_PMTUDISC_DO they are refused")
{
    int fd = raw_socket(99);
    unsigned frames = 0;

    assert_int_equal(send_to(fd, "10.0.0.2", buf, 60000), 60000);
    while (testnet_pop(t, out, sizeof(out)))
        frames++;
    assert_int_equal(frames, (60000 + 1479) / 1480);
    assert_int_equal(send_to(fd, "10.0.0.2", buf, 65515), 65515);
    assert_int_equal(send_to(fd, "10.0.0.2", buf, 65516), -EMSGSIZE);
    testnet_drop_sent(t);
    assert_int_equal(set_option(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO), 0);
    assert_int_equal(send_to(fd, "10.0.0.2", buf, 1481), -EMSGSIZE);
    assert_int_equal(send_to(fd, "10.0.0.2", buf, 1480), 1480);
}

TEST("IP_HDRINCL: the application's header goes out; id, source, length and sum are filled in")
{
    int fd = raw_socket(IPPROTO_RAW), value = 0;
    socklen_t len = sizeof(value);
    struct iphdr iph = {.version_ihl = 0x45, .ttl = 33, .protocol = 44, .tot_len = cpu_to_be16(7)};

    assert_int_equal(sys_getsockopt(files, fd, SOL_IP, IP_HDRINCL, &value, &len), 0);
    assert_int_equal(value, 1);
    iph.daddr = cpu_to_be32(t->peer);
    assert_int_equal(send_to(fd, "10.0.0.2", &iph, sizeof(iph)), sizeof(iph));
    assert_int_equal(testnet_pop(t, out, sizeof(out)), TESTNET_L4);
    assert_int_equal(testnet_csum(out + TESTNET_IP, 20, 0), 0);
    assert_int_equal(testnet_u16(out + TESTNET_IP + 2), 20);
    assert_int_equal(out[TESTNET_IP + 8], 33);
    assert_int_equal(out[TESTNET_IP + 9], 44);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);

    iph.saddr = cpu_to_be32(testnet_addr("192.168.7.7")); /* whatever it says */
    iph.id = cpu_to_be16(0x1111);
    assert_int_equal(send_to(fd, "10.0.0.2", &iph, sizeof(iph)), sizeof(iph));
    testnet_pop(t, out, sizeof(out));
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), testnet_addr("192.168.7.7"));
    assert_int_equal(testnet_u16(out + TESTNET_IP + 4), 0x1111);
}

TEST("IP_HDRINCL: no header, one that lies about its length, or too much is refused")
{
    int fd = raw_socket(IPPROTO_RAW);
    struct iphdr iph = {.version_ihl = 0x45};

    assert_int_equal(send_to(fd, "10.0.0.2", &iph, 19), -EINVAL);
    iph.version_ihl = 0x4f;
    assert_int_equal(send_to(fd, "10.0.0.2", &iph, sizeof(iph)), -EINVAL);
    iph.version_ihl = 0x44;
    assert_int_equal(send_to(fd, "10.0.0.2", &iph, sizeof(iph)), -EINVAL);
    iph.version_ihl = 0x65;
    assert_int_equal(send_to(fd, "10.0.0.2", &iph, sizeof(iph)), -EINVAL);
    buf[0] = 0x45;
    assert_int_equal(send_to(fd, "10.0.0.2", buf, 1501), -EMSGSIZE);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
}

TEST("broadcasts want SO_BROADCAST; a socket without a peer wants an address")
{
    int fd = raw_socket(99);

    assert_int_equal(send_to(fd, "10.0.0.255", "x", 1), -EACCES);
    assert_int_equal(set_option(fd, SOL_SOCKET, SO_BROADCAST, 1), 0);
    assert_int_equal(send_to(fd, "10.0.0.255", "x", 1), 1);
    assert_int_equal(sys_sendto(files, fd, "x", 1, 0, NULL, 0), -EDESTADDRREQ);
}

TEST("an ICMP error about what it sent reaches a connected socket, or the queue of errors of any")
{
    int fd = raw_socket(99);
    struct sockaddr_in peer = address("10.0.0.2");
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    assert_int_equal(sys_connect(files, fd, (void *)&peer, sizeof(peer)), 0);
    assert_int_equal(sys_sendto(files, fd, "payload!", 8, 0, NULL, 0), 8);
    size_t n = testnet_pop(t, out, sizeof(out));
    n = testnet_build_icmp(t, in, &(struct testnet_ip){0}, 3, 2, 0, out + TESTNET_IP, n - TESTNET_IP);
    testnet_inject(t, in, n);
    assert_int_equal(receive(fd, 0), -ENOPROTOOPT);

    assert_int_equal(set_option(fd, SOL_IP, IP_RECVERR, 1), 0);
    testnet_inject(t, in, n);
    assert_int_equal(sys_poll(files, &pfd, 1, 0), 1);
    assert_true(pfd.revents & POLLERR);
    assert_int_equal(receive(fd, MSG_ERRQUEUE), 8);
    assert_memory_equal(buf, "payload!", 8);
    struct sock_extended_err *ee = (void *)CMSG_DATA(CMSG_FIRSTHDR(&last));
    assert_int_equal(ee->ee_code, 2);
    assert_int_equal(ntohl(from.sin_addr.s_addr), t->peer);
}

TEST("IP_PKTINFO, IP_RECVTTL and MSG_PEEK work as on other sockets; a full buffer drops")
{
    int fd = raw_socket(99);

    assert_int_equal(set_option(fd, SOL_IP, IP_PKTINFO, 1), 0);
    arrive(99, &(struct testnet_ip){0}, "x", 1);
    assert_int_equal(receive(fd, MSG_PEEK), 21);
    assert_int_equal(receive(fd, 0), 21);
    struct cmsghdr *c = CMSG_FIRSTHDR(&last);
    assert_int_equal(c->cmsg_type, IP_PKTINFO);
    assert_int_equal(((struct in_pktinfo *)CMSG_DATA(c))->ipi_ifindex, t->dev->ifindex);
    for (int i = 0; i < 1000; i++)
        arrive(99, &(struct testnet_ip){0}, buf, 1000);
    assert_true(t->net->drops[SKB_DROP_REASON_SOCKET_RCVBUFF] > 500);
}

TEST("options that are not there are refused, those that are can be read back")
{
    static const int names[] = {IP_RECVERR, IP_RECVTTL, IP_RECVTOS, IP_FREEBIND, IP_BIND_ADDRESS_NO_PORT,
                                IP_MINTTL};
    int fd = raw_socket(99), udp = sys_socket(files, AF_INET, SOCK_DGRAM, 0), value;
    int tcp = sys_socket(files, AF_INET, SOCK_STREAM, 0);

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        socklen_t len = sizeof(value);
        assert_int_equal(set_option(udp, SOL_IP, names[i], 1), 0);
        assert_int_equal(sys_getsockopt(files, udp, SOL_IP, names[i], &value, &len), 0);
        assert_int_equal(value, 1);
    }
    assert_int_equal(set_option(tcp, SOL_IP, IP_MINTTL, 1), 0);
    assert_int_equal(set_option(tcp, SOL_IP, IP_FREEBIND, 1), 0);
    assert_int_equal(set_option(udp, SOL_IP, IP_HDRINCL, 1), -ENOPROTOOPT);
    assert_int_equal(set_option(udp, SOL_IP, IP_TRANSPARENT, 1), -ENOPROTOOPT);
    assert_int_equal(set_option(udp, SOL_IP, IP_OPTIONS, 1), -EOPNOTSUPP);
    assert_int_equal(set_option(udp, SOL_IP, IP_MINTTL, 256), -EINVAL);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_OPTIONS, NULL, 0), 0);
}

TEST("IP_FREEBIND lets a socket have an address that will come")
{
    int fd = sys_socket(files, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = address("10.0.0.50");

    a.sin_port = htons(777);
    assert_int_equal(sys_bind(files, fd, (void *)&a, sizeof(a)), -EADDRNOTAVAIL);
    assert_int_equal(set_option(fd, SOL_IP, IP_FREEBIND, 1), 0);
    assert_int_equal(sys_bind(files, fd, (void *)&a, sizeof(a)), 0);
    assert_int_equal(inet_addr_add(t->dev, cpu_to_be32(testnet_addr("10.0.0.50")), 24), 0);
    testnet_inject(
        t, in,
        testnet_build_udp(t, in, &(struct testnet_ip){.daddr = testnet_addr("10.0.0.50")}, 5, 777, "x", 1));
    assert_int_equal(receive(fd, 0), 1);
}

TEST("IP_BIND_ADDRESS_NO_PORT: a stream takes its port when it connects")
{
    int fd = sys_socket(files, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = address("10.0.0.1"), peer = address("10.0.0.2"), name;
    socklen_t len = sizeof(name);

    assert_int_equal(set_option(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1), 0);
    assert_int_equal(sys_bind(files, fd, (void *)&a, sizeof(a)), 0);
    assert_int_equal(sys_getsockname(files, fd, (void *)&name, &len), 0);
    assert_int_equal(name.sin_port, 0);
    assert_int_equal(name.sin_addr.s_addr, a.sin_addr.s_addr);
    peer.sin_port = htons(80);
    assert_int_equal(sys_connect(files, fd, (void *)&peer, sizeof(peer)), -EINPROGRESS);
    assert_int_equal(sys_getsockname(files, fd, (void *)&name, &len), 0);
    assert_int_not_equal(name.sin_port, 0);
    testnet_drop_sent(t);
}

TEST("each allocation may fail while raw sockets send and receive")
{
    int fd = raw_socket(99);

    for (unsigned n = 1; n < 12; n++) {
        host_fail_allocation(n);
        send_to(fd, "10.0.0.2", buf, 4000);
        arrive(99, &(struct testnet_ip){0}, "x", 1);
        host_fail_allocation(0);
        while (receive(fd, 0) >= 0)
            ;
        testnet_drop_sent(t);
        assert_int_equal(t->net->skb_count, 0);
    }
}

TEST_FIXTURE(setup, teardown)
