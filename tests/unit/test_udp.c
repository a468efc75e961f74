/*
 * test_udp.c - UDP (net/udp): datagrams in and out of sockets.
 */
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

static int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    return 0;
}

static int teardown(void **state)
{
    return testnet_destroy(t);
}

static be32 addr(const char *dotted)
{
    return cpu_to_be32(testnet_addr(dotted));
}

static struct sock *new_socket(void)
{
    int err;
    struct sock *sk = sk_alloc(t->net, &udp_prot, SOCK_DGRAM, IPPROTO_UDP, &err);

    assert_non_null(sk);
    return sk;
}

static struct sock *bound(const char *a, uint16_t port)
{
    struct sock *sk = new_socket();

    assert_int_equal(udp_prot.bind(sk, a ? addr(a) : 0, port), 0);
    return sk;
}

static void arrive(const struct testnet_ip *ip, uint16_t sport, uint16_t dport, const char *text)
{
    testnet_inject(t, in, testnet_build_udp(t, in, ip, sport, dport, text, strlen(text)));
}

static struct sockaddr_storage from;
static uint8_t control[256];
static struct msg rmsg;

static ssize_t receive_flags(struct sock *sk, size_t len, int flags)
{
    static struct iovec iov;

    iov = (struct iovec){buf, len};
    rmsg = (struct msg){
        .name = &from, .iter = {&iov, 0, len}, .control = control, .control_len = sizeof(control)};
    return udp_prot.recvmsg(sk, &rmsg, len, flags | MSG_DONTWAIT);
}

static ssize_t receive(struct sock *sk)
{
    return receive_flags(sk, sizeof(buf), 0);
}

static void assert_receives(struct sock *sk, const char *text)
{
    assert_int_equal(receive(sk), strlen(text));
    assert_memory_equal(buf, text, strlen(text));
}

static void assert_silent(struct sock *sk)
{
    assert_int_equal(receive(sk), -EAGAIN);
}

static ssize_t send_msg(struct sock *sk, const char *dst, uint16_t port, const void *data, size_t len,
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

static ssize_t send_to(struct sock *sk, const char *dst, uint16_t port, const char *text)
{
    return send_msg(sk, dst, port, text, strlen(text), NULL, 0);
}

/* --- receiving --- */

TEST("a datagram reaches the socket on its port, with the sender's address")
{
    struct sock *sk = bound(NULL, 7000);
    struct sockaddr_in *sin = (struct sockaddr_in *)&from;

    arrive(&(struct testnet_ip){0}, 4321, 7000, "hello");
    assert_int_equal(udp_prot.poll(sk) & (POLLIN | POLLOUT | POLLERR), POLLIN | POLLOUT);
    assert_receives(sk, "hello");
    assert_int_equal(rmsg.name_len, sizeof(*sin));
    assert_int_equal(sin->sin_family, AF_INET);
    assert_int_equal(ntohs(sin->sin_port), 4321);
    assert_int_equal(ntohl(sin->sin_addr.s_addr), t->peer);
    assert_int_equal(rmsg.flags, 0);
    assert_silent(sk);
    assert_int_equal(udp_prot.poll(sk) & POLLIN, 0);
    assert_int_equal(t->net->mib[MIB_UdpInDatagrams], 1);
    udp_prot.close(sk);
}

TEST("an empty datagram is one too")
{
    struct sock *sk = bound(NULL, 7000);

    arrive(&(struct testnet_ip){0}, 4321, 7000, "");
    assert_int_equal(udp_prot.poll(sk) & POLLIN, POLLIN);
    assert_int_equal(receive(sk), 0);
    assert_int_equal(rmsg.name_len, 16);
    assert_silent(sk);
    udp_prot.close(sk);
}

TEST("1122-UDP-CK: a wrong checksum is dropped silently, even for a closed port")
{
    struct sock *sk = bound(NULL, 7000);

    for (uint16_t port = 7000; port < 7002; port++) {
        size_t len = testnet_build_udp(t, in, &(struct testnet_ip){0}, 1, port, "abc", 3);

        in[len - 1] ^= 0x20;
        testnet_inject(t, in, len);
    }
    assert_silent(sk);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(t->net->mib[MIB_UdpInCsumErrors], 2);
    assert_int_equal(t->net->mib[MIB_UdpInErrors], 2);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_UDP_CSUM], 2);
    udp_prot.close(sk);
}

TEST("1122-UDP-CK0: a datagram without a checksum is accepted, and ours have one")
{
    struct sock *sk = bound(NULL, 7000);
    size_t len = testnet_build_udp(t, in, &(struct testnet_ip){0}, 1, 7000, "abc", 3);

    in[TESTNET_L4 + 6] = in[TESTNET_L4 + 7] = 0;
    testnet_inject(t, in, len);
    assert_receives(sk, "abc");
    assert_int_equal(send_to(sk, "10.0.0.2", 9, "xyz"), 3);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 14 + 20 + 8 + 3);
    assert_true(testnet_frame_ok(out, 45));
    assert_int_not_equal(testnet_u16(out + TESTNET_L4 + 6), 0);
    udp_prot.close(sk);
}

TEST("Ripple20: a UDP length below 8 or beyond the datagram is dropped, a shorter one cuts the data")
{
    struct sock *sk = bound(NULL, 7000);

    for (unsigned udp_len = 0; udp_len < 16; udp_len++) {
        size_t len = testnet_build_udp(t, in, &(struct testnet_ip){0}, 1, 7000, "abc", 3);

        in[TESTNET_L4 + 5] = (uint8_t)udp_len;
        in[TESTNET_L4 + 6] = in[TESTNET_L4 + 7] = 0;
        testnet_inject(t, in, len);
        if (udp_len >= 8 && udp_len <= 11)
            assert_int_equal(receive(sk), udp_len - 8);
        else
            assert_silent(sk);
    }
    assert_int_equal(t->net->drops[SKB_DROP_REASON_UDP_LENGTH], 12);
    udp_prot.close(sk);
}

TEST("a datagram that is too short for a UDP header is dropped")
{
    for (size_t len = 0; len < 8; len++)
        testnet_inject(t, in,
                       testnet_build_ip(t, in, &(struct testnet_ip){.protocol = 17}, "\0\1\0\2\0\x8\0", len));
    assert_int_equal(t->net->drops[SKB_DROP_REASON_PKT_TOO_SMALL], 8);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
}

TEST("a full receive buffer drops and counts; what was read makes room")
{
    struct sock *sk = bound(NULL, 7000);
    unsigned got = 0;

    sk->sk_rcvbuf = 10000;
    for (int i = 0; i < 100; i++)
        arrive(&(struct testnet_ip){0}, 1, 7000, "x");
    assert_true(t->net->mib[MIB_UdpRcvbufErrors] > 50);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_SOCKET_RCVBUFF], t->net->mib[MIB_UdpRcvbufErrors]);
    while (receive(sk) == 1)
        got++;
    assert_int_equal(got + t->net->mib[MIB_UdpRcvbufErrors], 100);
    arrive(&(struct testnet_ip){0}, 1, 7000, "y");
    assert_receives(sk, "y");
    udp_prot.close(sk);
}

TEST("MSG_PEEK leaves the datagram, a short buffer cuts it, MSG_TRUNC tells its real length")
{
    struct sock *sk = bound(NULL, 7000);
    int pending = -1;

    arrive(&(struct testnet_ip){0}, 1, 7000, "0123456789");
    assert_int_equal(udp_prot.ioctl(sk, FIONREAD, &pending), 0);
    assert_int_equal(pending, 10);
    assert_int_equal(receive_flags(sk, 100, MSG_PEEK), 10);
    assert_int_equal(receive_flags(sk, 4, MSG_PEEK | MSG_TRUNC), 10);
    assert_int_equal(rmsg.flags, MSG_TRUNC);
    assert_int_equal(receive_flags(sk, 4, 0), 4);
    assert_int_equal(rmsg.flags, MSG_TRUNC);
    assert_memory_equal(buf, "0123", 4);
    assert_silent(sk);
    assert_int_equal(udp_prot.ioctl(sk, FIONREAD, &pending), 0);
    assert_int_equal(pending, 0);
    udp_prot.close(sk);
}

TEST("unread datagrams go with the socket")
{
    struct sock *sk = bound(NULL, 7000);

    for (int i = 0; i < 5; i++)
        arrive(&(struct testnet_ip){0}, 1, 7000, "left");
    udp_prot.close(sk);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_SOCKET_CLOSE], 5);
    arrive(&(struct testnet_ip){0}, 1, 7000, "late");
    assert_int_equal(t->net->mib[MIB_UdpNoPorts], 1);
}

TEST("IP_PKTINFO tells device, destination and the address to answer from")
{
    struct sock *sk = bound(NULL, 7000);
    struct cmsghdr *cmsg = (struct cmsghdr *)control;
    struct in_pktinfo info;

    sk->inet_pktinfo = true;
    arrive(&(struct testnet_ip){0}, 1, 7000, "uni");
    arrive(&(struct testnet_ip){.daddr = 0xffffffff, .dst_mac = broadcast_mac}, 1, 7000, "all");
    assert_receives(sk, "uni");
    assert_int_equal(rmsg.control_len, CMSG_SPACE(sizeof(info)));
    assert_int_equal(cmsg->cmsg_len, CMSG_LEN(sizeof(info)));
    assert_int_equal(cmsg->cmsg_type, IP_PKTINFO);
    memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
    assert_int_equal(info.ipi_ifindex, t->dev->ifindex);
    assert_int_equal(ntohl(info.ipi_addr.s_addr), t->local);
    assert_int_equal(ntohl(info.ipi_spec_dst.s_addr), t->local);
    assert_receives(sk, "all");
    memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
    assert_int_equal(ntohl(info.ipi_addr.s_addr), 0xffffffff);
    assert_int_equal(ntohl(info.ipi_spec_dst.s_addr), t->local);
    udp_prot.close(sk);
}

TEST("a control buffer that is too small gives MSG_CTRUNC, not an overrun")
{
    struct sock *sk = bound(NULL, 7000);
    struct iovec iov = {buf, 10};

    sk->inet_pktinfo = true;
    for (size_t room = 0; room < CMSG_LEN(sizeof(struct in_pktinfo)); room++) {
        struct msg msg = {.iter = {&iov, 0, 10}, .control = control, .control_len = room};

        memset(control, 0xaa, sizeof(control));
        arrive(&(struct testnet_ip){0}, 1, 7000, "x");
        assert_int_equal(udp_prot.recvmsg(sk, &msg, 10, MSG_DONTWAIT), 1);
        assert_int_equal(msg.flags, MSG_CTRUNC);
        assert_int_equal(msg.control_len, 0);
        assert_int_equal(control[room], 0xaa);
    }
    udp_prot.close(sk);
}

/* --- which socket --- */

TEST("the closest fit gets a datagram: connected, then bound address, then device, then any")
{
    struct sock *any = new_socket(), *dev = new_socket(), *address = new_socket(), *peer = new_socket();
    struct sock *all[] = {any, dev, address, peer};

    for (int i = 0; i < 4; i++)
        all[i]->sk_reuse = true;
    dev->sk_bound_dev_if = t->dev->ifindex;
    assert_int_equal(udp_prot.bind(any, 0, 7000), 0);
    assert_int_equal(udp_prot.bind(dev, 0, 7000), 0);
    assert_int_equal(udp_prot.bind(address, addr("10.0.0.1"), 7000), 0);
    assert_int_equal(udp_prot.bind(peer, 0, 7000), 0);
    assert_int_equal(udp_prot.connect(peer, cpu_to_be32(t->peer), 55, 0), 0);
    for (int i = 3; i >= 0; i--) {
        for (int j = 0; j < 3; j++)
            arrive(&(struct testnet_ip){0}, 55, 7000, "closest");
        for (int j = 0; j < i; j++)
            assert_silent(all[j]);
        for (int j = 0; j < 3; j++)
            assert_receives(all[i], "closest");
        udp_prot.close(all[i]);
    }
    arrive(&(struct testnet_ip){0}, 55, 7000, "nobody");
    assert_int_equal(t->net->mib[MIB_UdpNoPorts], 1);
}

TEST("a connected socket hears its peer only")
{
    struct sock *sk = bound(NULL, 7000);

    assert_int_equal(udp_prot.connect(sk, cpu_to_be32(t->peer), 55, 0), 0);
    arrive(&(struct testnet_ip){0}, 56, 7000, "wrong port");
    arrive(&(struct testnet_ip){.saddr = testnet_addr("10.0.0.3")}, 55, 7000, "wrong host");
    assert_silent(sk);
    arrive(&(struct testnet_ip){0}, 55, 7000, "right");
    assert_receives(sk, "right");
    assert_int_equal(udp_prot.disconnect(sk), 0);
    arrive(&(struct testnet_ip){.saddr = testnet_addr("10.0.0.3")}, 99, 7000, "anybody");
    assert_receives(sk, "anybody");
    udp_prot.close(sk);
}

TEST("a socket bound to another device or address does not hear it")
{
    struct sock *lo = new_socket(), *other;

    lo->sk_bound_dev_if = t->net->loopback_dev->ifindex;
    assert_int_equal(udp_prot.bind(lo, 0, 7000), 0);
    other = bound("127.0.0.1", 7001);
    arrive(&(struct testnet_ip){0}, 55, 7000, "x");
    arrive(&(struct testnet_ip){0}, 55, 7001, "x");
    assert_silent(lo);
    assert_silent(other);
    udp_prot.close(lo);
    udp_prot.close(other);
}

TEST("two sockets share a port only if both say SO_REUSEADDR or both SO_REUSEPORT")
{
    for (int first = 0; first < 3; first++)
        for (int second = 0; second < 3; second++) {
            struct sock *a = new_socket(), *b = new_socket();

            a->sk_reuse = first == 1, a->sk_reuseport = first == 2;
            b->sk_reuse = second == 1, b->sk_reuseport = second == 2;
            assert_int_equal(udp_prot.bind(a, 0, 7000), 0);
            assert_int_equal(udp_prot.bind(b, addr("10.0.0.1"), 7000),
                             first && first == second ? 0 : -EADDRINUSE);
            udp_prot.close(a);
            udp_prot.close(b);
        }
}

TEST("the same port on different addresses or devices is free; a foreign address cannot be bound")
{
    struct sock *a = bound("10.0.0.1", 7000), *b = bound("127.0.0.1", 7000), *c = new_socket();

    assert_int_equal(udp_prot.bind(c, addr("10.0.0.9"), 7000), -EADDRNOTAVAIL);
    assert_int_equal(udp_prot.bind(c, 0, 7000), -EADDRINUSE);
    assert_int_equal(udp_prot.bind(c, 0, 7001), 0);
    assert_int_equal(udp_prot.bind(c, 0, 7002), -EINVAL);
    udp_prot.close(a);
    udp_prot.close(b);
    udp_prot.close(c);
}

TEST("a SO_REUSEPORT group shares the peers, and each peer keeps its socket")
{
    struct sock *group[4];
    unsigned used = 0;

    for (int i = 0; i < 4; i++) {
        group[i] = new_socket();
        group[i]->sk_reuseport = true;
        assert_int_equal(udp_prot.bind(group[i], 0, 7000), 0);
    }
    for (uint16_t port = 1000; port < 1100; port++) {
        arrive(&(struct testnet_ip){0}, port, 7000, "one");
        arrive(&(struct testnet_ip){0}, port, 7000, "two");
        for (int i = 0; i < 4; i++)
            if (receive(group[i]) == 3) {
                assert_receives(group[i], "two");
                used |= 1u << i;
            }
    }
    assert_int_equal(used, 15);
    for (int i = 0; i < 4; i++)
        udp_prot.close(group[i]);
}

TEST("a broadcast reaches every socket that listens, and nobody complains if none does")
{
    struct testnet_ip all = {.daddr = testnet_addr("10.0.0.255"), .dst_mac = broadcast_mac};
    struct sock *a = new_socket(), *b = new_socket(), *c = new_socket(), *uni;

    a->sk_reuse = b->sk_reuse = c->sk_reuse = true;
    assert_int_equal(udp_prot.bind(a, 0, 7000), 0);
    assert_int_equal(udp_prot.bind(b, 0, 7000), 0);
    assert_int_equal(udp_prot.bind(c, addr("10.0.0.255"), 7000), 0);
    uni = bound("10.0.0.1", 7001);
    arrive(&all, 55, 7000, "hear");
    arrive(&all, 55, 7001, "hear");
    assert_receives(a, "hear");
    assert_receives(b, "hear");
    assert_receives(c, "hear");
    assert_silent(uni);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    udp_prot.close(a);
    udp_prot.close(b);
    udp_prot.close(c);
    udp_prot.close(uni);
}

TEST("a thousand sockets on one port each find their peer")
{
    static struct sock *sk[1000];

    for (int i = 0; i < 1000; i++) {
        sk[i] = new_socket();
        sk[i]->sk_reuse = true;
        assert_int_equal(udp_prot.bind(sk[i], 0, 7000), 0);
        assert_int_equal(udp_prot.connect(sk[i], cpu_to_be32(t->peer), (uint16_t)(1000 + i), 0), 0);
    }
    for (int i = 0; i < 1000; i += 13) {
        arrive(&(struct testnet_ip){0}, (uint16_t)(1000 + i), 7000, "you");
        assert_receives(sk[i], "you");
    }
    for (int i = 0; i < 1000; i++)
        udp_prot.close(sk[i]);
}

/* --- sending --- */

TEST("a sent datagram carries the right ports, addresses, lengths and checksum, for all sizes")
{
    static const size_t sizes[] = {0, 1, 2, 3, 17, 100, 1471, 1472};
    struct sock *sk = bound(NULL, 7000);

    for (size_t i = 0; i < sizeof(buf); i++)
        buf[i] = (uint8_t)(i * 13 + 1);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        assert_int_equal(send_msg(sk, "10.0.0.2", 53, buf, sizes[i], NULL, 0), sizes[i]);
        assert_int_equal(testnet_pop(t, out, sizeof(out)), 42 + sizes[i]);
        assert_true(testnet_frame_ok(out, 42 + sizes[i]));
        assert_int_equal(testnet_u16(out + TESTNET_L4), 7000);
        assert_int_equal(testnet_u16(out + TESTNET_L4 + 2), 53);
        assert_memory_equal(out + TESTNET_L4 + 8, buf, sizes[i]);
    }
    assert_int_equal(t->net->mib[MIB_UdpOutDatagrams], 8);
    assert_int_equal(sk->sk_wmem_alloc, 0);
    udp_prot.close(sk);
}

TEST("a card that sums by itself gets the pseudo-header's sum only, and the frame is the same")
{
    struct testnet *plain = t;
    uint8_t other[200];
    size_t len;

    t = testnet_create_features("10.0.0.1/24", NETIF_F_HW_CSUM | NETIF_F_SG);
    struct sock *hw = bound(NULL, 7000);
    assert_int_equal(send_to(hw, "10.0.0.2", 53, "the same bytes"), 14);
    len = testnet_pop(t, other, sizeof(other));
    assert_true(testnet_frame_ok(other, len));
    udp_prot.close(hw);
    assert_int_equal(testnet_destroy(t), 0);
    t = plain;
    struct sock *sw = bound(NULL, 7000);
    assert_int_equal(send_to(sw, "10.0.0.2", 53, "the same bytes"), 14);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), len);
    assert_memory_equal(out, other, len);
    udp_prot.close(sw);
}

TEST("a checksum that comes out as zero is sent as all ones")
{
    struct sock *sk = bound(NULL, 7000);

    for (unsigned i = 0; i < 65536; i++) {
        uint8_t data[2] = {(uint8_t)(i >> 8), (uint8_t)i};

        assert_int_equal(send_msg(sk, "10.0.0.2", 53, data, 2, NULL, 0), 2);
        assert_int_equal(testnet_pop(t, out, sizeof(out)), 44);
        assert_int_not_equal(testnet_u16(out + TESTNET_L4 + 6), 0);
        if (testnet_u16(out + TESTNET_L4 + 6) == 0xffff)
            break;
        assert_int_not_equal(i, 65535);
    }
    assert_true(testnet_frame_ok(out, 44));
    udp_prot.close(sk);
}

TEST("wrong destinations and sizes have their errors")
{
    struct sock *sk = new_socket();

    assert_int_equal(send_to(sk, NULL, 0, "x"), -EDESTADDRREQ);
    assert_int_equal(send_to(sk, "10.0.0.2", 0, "x"), -EINVAL);
    assert_int_equal(send_msg(sk, "10.0.0.2", 1, buf, 65508, NULL, 0), -EMSGSIZE);
    assert_int_equal(send_msg(sk, "127.0.0.1", 1, buf, 65507, NULL, 0), 65507);
    assert_int_equal(send_to(sk, "10.0.0.255", 1, "x"), -EACCES);
    assert_int_equal(send_to(sk, "255.255.255.255", 1, "x"), -EACCES);
    assert_int_equal(udp_prot.connect(sk, addr("10.0.0.255"), 1, 0), -EACCES);
    assert_int_equal(send_to(sk, "240.0.0.1", 1, "x"), -EINVAL);
    testnet_run(t);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    udp_prot.close(sk);
}

TEST("a fuzzed control buffer is refused or understood, never overrun")
{
    struct sock *sk = new_socket();

    host_random_seed(3542);
    for (int i = 0; i < 20000; i++) {
        size_t len = host_random() % 80;
        uint8_t *ctl = malloc(len + 1);
        struct cmsghdr head = {
            .cmsg_len = host_random() % 50, .cmsg_level = 0, .cmsg_type = (int)(host_random() % 12)};

        for (size_t b = 0; b < len; b++)
            ctl[b] = (uint8_t)(host_random() % 3);
        memcpy(ctl, &head, len < sizeof(head) ? len : sizeof(head));
        send_msg(sk, "10.0.0.2", 53, "x", 1, ctl, len);
        free(ctl);
        testnet_drop_sent(t);
    }
    udp_prot.close(sk);
}

TEST("control messages choose source, ttl and tos of one datagram")
{
    struct sock *sk = new_socket();
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
    } ctl = {0};
    struct msghdr mh = {.msg_control = &ctl, .msg_controllen = sizeof(ctl)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(testnet_addr("10.0.0.9"))};
    int ttl = 3, tos = 0x20;

    assert_int_equal(inet_addr_add(t->dev, addr("10.0.0.9"), 24), 0);
    testnet_advance_ms(t, 5000);
    testnet_drop_sent(t);
    *c = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(info)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    memcpy(CMSG_DATA(c), &info, sizeof(info));
    c = CMSG_NXTHDR(&mh, c);
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL};
    memcpy(CMSG_DATA(c), &ttl, sizeof(ttl));
    c = CMSG_NXTHDR(&mh, c);
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TOS};
    memcpy(CMSG_DATA(c), &tos, sizeof(tos));
    assert_int_equal(send_msg(sk, "10.0.0.2", 9, "x", 1, &ctl, sizeof(ctl)), 1);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 43);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), testnet_addr("10.0.0.9"));
    assert_int_equal(out[TESTNET_IP + 8], 3);
    assert_int_equal(out[TESTNET_IP + 1], 0x20);
    assert_true(testnet_frame_ok(out, 43));
    udp_prot.close(sk);
}

TEST("6056-1: ephemeral ports are in the range, differ, and run out with EAGAIN")
{
    struct sock *sk[8], *one_more = new_socket();
    unsigned steps_of_one = 0;

    for (int i = 0; i < 8; i++) {
        sk[i] = new_socket();
        assert_int_equal(send_to(sk[i], "10.0.0.2", 9, "x"), 1);
        assert_in_range(be16_to_cpu(sk[i]->sk_sport), 32768, 60999);
        if (i)
            steps_of_one += be16_to_cpu(sk[i]->sk_sport) == be16_to_cpu(sk[i - 1]->sk_sport) + 1;
    }
    assert_true(steps_of_one < 3);
    for (int i = 0; i < 8; i++)
        udp_prot.close(sk[i]);
    sysctl_set(t->net, "net.ipv4.ip_local_port_range", "5000 5007");
    for (int i = 0; i < 8; i++)
        sk[i] = bound(NULL, 0);
    assert_int_equal(send_to(one_more, "10.0.0.2", 9, "x"), -EAGAIN);
    assert_int_equal(udp_prot.bind(one_more, 0, 0), -EADDRINUSE);
    for (int i = 0; i < 8; i++)
        udp_prot.close(sk[i]);
    udp_prot.close(one_more);
}

TEST("a full send buffer says EAGAIN and POLLOUT returns when the card has sent")
{
    struct sock *sk = bound(NULL, 7000);
    ssize_t n;
    int i = 0;

    sk->sk_sndbuf = 5000;
    t->stop_tx = true;
    while ((n = send_to(sk, "10.0.0.2", 9, "waits")) == 5)
        assert_true(++i < 100);
    assert_int_equal(n, -EAGAIN);
    assert_int_equal(udp_prot.poll(sk) & POLLOUT, 0);
    t->stop_tx = false;
    netif_wake_queue(t->dev);
    testnet_run(t);
    assert_int_equal(udp_prot.poll(sk) & POLLOUT, POLLOUT);
    assert_int_equal(send_to(sk, "10.0.0.2", 9, "again"), 5);
    udp_prot.close(sk);
}

/* --- connections, errors --- */

TEST("connect chooses a source, disconnect forgets it, a bound port stays")
{
    struct sock *sk = bound(NULL, 7000), *loose = new_socket();

    assert_int_equal(udp_prot.connect(sk, addr("127.0.0.1"), 5, 0), 0);
    assert_int_equal(be32_to_cpu(sk->sk_rcv_saddr), 0x7f000001);
    assert_int_equal(udp_prot.connect(sk, cpu_to_be32(t->peer), 5, 0), 0);
    assert_int_equal(be32_to_cpu(sk->sk_rcv_saddr), t->local);
    assert_int_equal(send_to(sk, NULL, 0, "to the peer"), 11);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 53);
    assert_int_equal(udp_prot.disconnect(sk), 0);
    assert_int_equal(sk->sk_rcv_saddr, 0);
    assert_int_equal(be16_to_cpu(sk->sk_sport), 7000);
    assert_int_equal(send_to(sk, NULL, 0, "x"), -EDESTADDRREQ);
    assert_int_equal(udp_prot.connect(loose, cpu_to_be32(t->peer), 5, 0), 0);
    assert_int_not_equal(loose->sk_sport, 0);
    assert_int_equal(udp_prot.disconnect(loose), 0);
    assert_int_equal(loose->sk_sport, 0);
    udp_prot.close(sk);
    udp_prot.close(loose);
}

TEST("1122-UDP-ERR: port unreachable becomes ECONNREFUSED, once, on whatever call comes next")
{
    struct sock *sk = bound(NULL, 7000);

    assert_int_equal(udp_prot.connect(sk, cpu_to_be32(t->peer), 5, 0), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(send_to(sk, NULL, 0, "x"), 1);
        size_t len = testnet_pop(t, out, sizeof(out));
        testnet_inject(t, in,
                       testnet_build_icmp(t, in, &(struct testnet_ip){0}, 3, 3, 0, out + 14, len - 14));
        assert_int_equal(udp_prot.poll(sk) & POLLERR, POLLERR);
        if (i)
            assert_int_equal(send_to(sk, NULL, 0, "x"), -ECONNREFUSED);
        else
            assert_int_equal(receive(sk), -ECONNREFUSED);
        assert_int_equal(udp_prot.poll(sk) & POLLERR, 0);
        assert_silent(sk);
    }
    udp_prot.close(sk);
}

TEST("a socket of ours that talks to a closed port of ours is refused too")
{
    struct sock *sk = new_socket();

    assert_int_equal(udp_prot.connect(sk, addr("127.0.0.1"), 5, 0), 0);
    assert_int_equal(send_to(sk, NULL, 0, "x"), 1);
    testnet_run(t);
    assert_int_equal(receive(sk), -ECONNREFUSED);
    udp_prot.close(sk);
}

TEST("shutdown: no more sending, readers see the end")
{
    struct sock *sk = bound(NULL, 7000);

    assert_int_equal(udp_prot.shutdown(sk, SHUT_WR), -ENOTCONN);
    assert_int_equal(send_to(sk, "10.0.0.2", 9, "x"), -EPIPE);
    assert_int_equal(udp_prot.connect(sk, cpu_to_be32(t->peer), 5, 0), 0);
    assert_int_equal(udp_prot.shutdown(sk, SHUT_RD), 0);
    assert_int_equal(receive(sk), 0);
    assert_int_equal(udp_prot.poll(sk) & (POLLHUP | POLLRDHUP), POLLHUP | POLLRDHUP);
    udp_prot.close(sk);
}

TEST("two sockets of this host talk to each other over loopback")
{
    struct sock *a = bound("127.0.0.1", 7000), *b = bound(NULL, 7001);

    assert_int_equal(send_to(a, "127.0.0.1", 7001, "over lo"), 7);
    assert_int_equal(send_to(b, "10.0.0.1", 7001, "to self"), 7);
    testnet_run(t);
    assert_receives(b, "over lo");
    assert_receives(b, "to self");
    assert_int_equal(t->sent_count, 0);
    udp_prot.close(a);
    udp_prot.close(b);
}

TEST("DHCP: a socket on a card without an address calls from 0.0.0.0 and hears 255.255.255.255")
{
    struct testnet *with_address = t;
    struct testnet_ip offer = {
        .saddr = testnet_addr("10.0.0.254"), .daddr = 0xffffffff, .dst_mac = broadcast_mac};

    t = testnet_create(NULL);
    struct sock *sk = new_socket();
    sk->sk_bound_dev_if = t->dev->ifindex;
    sk->sk_broadcast = true;
    assert_int_equal(udp_prot.bind(sk, 0, 68), 0);
    assert_int_equal(send_to(sk, "255.255.255.255", 67, "discover"), 8);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 50);
    assert_memory_equal(out, broadcast_mac, 6);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), 0);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 16), 0xffffffff);
    assert_true(testnet_frame_ok(out, 50));
    arrive(&offer, 67, 68, "offer");
    assert_receives(sk, "offer");
    offer.saddr = 0;
    udp_prot.close(sk);
    assert_int_equal(testnet_destroy(t), 0);
    t = with_address;
}

TEST("each allocation may fail while a datagram is sent or received")
{
    struct sock *sk = bound(NULL, 7000);
    struct testnet_ip all = {.daddr = 0xffffffff, .dst_mac = broadcast_mac};

    for (unsigned n = 1; n < 30; n++) {
        host_fail_allocation(n);
        rt_cache_flush(t->net);
        send_to(sk, "10.0.0.77", 9, "x");
        arrive(&all, 1, 7000, "x");
        arrive(&(struct testnet_ip){0}, 1, 7001, "x");
        host_fail_allocation(0);
        testnet_drop_sent(t);
        while (receive(sk) >= 0)
            ;
    }
    testnet_advance_ms(t, 10000);
    udp_prot.close(sk);
}

/* --- large datagrams --- */

static uint8_t text[65600];

/* Takes in the fragments of one datagram, in order: its bytes from the UDP header on, in `out`. */
static size_t collect_datagram(void)
{
    static uint8_t frame[2048];
    size_t n, at = 0;

    while ((n = testnet_pop(t, frame, sizeof(frame)))) {
        unsigned frag_off = testnet_u16(frame + TESTNET_IP + 6),
                 len = testnet_u16(frame + TESTNET_IP + 2) - 20u;

        assert_int_equal((frag_off & 0x1fff) * 8, at);
        assert_int_equal(testnet_csum(frame + TESTNET_IP, 20, 0), 0);
        memcpy(out + at, frame + TESTNET_L4, len);
        at += len;
        if (!(frag_off & 0x2000))
            break;
    }
    return at;
}

static void assert_udp_datagram(const void *data, size_t len)
{
    size_t n = collect_datagram();
    uint32_t pseudo =
        (t->local >> 16) + (t->local & 0xffff) + (t->peer >> 16) + (t->peer & 0xffff) + 17 + (uint32_t)n;

    assert_int_equal(n, len + 8);
    assert_int_equal(testnet_u16(out + 4), n);
    assert_int_equal(testnet_csum(out, n, pseudo), 0);
    assert_memory_equal(out + 8, data, len);
}

TEST("datagrams of up to 65507 bytes go out, in fragments where they must")
{
    static const size_t lens[] = {1472, 1473, 1480, 4095, 4096, 4097, 8192, 60000, 65507};
    struct sock *sk = new_socket();

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 13 + (i >> 8));
    for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
        assert_int_equal(send_msg(sk, "10.0.0.2", 9, text, lens[i], NULL, 0), lens[i]);
        assert_udp_datagram(text, lens[i]);
    }
    assert_int_equal(t->net->mib[MIB_UdpOutDatagrams], 9);
    assert_int_equal(t->net->mib[MIB_IpFragOKs], 8);
    assert_int_equal(sk->sk_wmem_alloc, 0);
    udp_prot.close(sk);
}

TEST("IP_PMTUDISC_DO never cuts: EMSGSIZE; the default cuts without DF what is longer than the path MTU")
{
    struct sock *sk = new_socket();

    assert_int_equal(send_msg(sk, "10.0.0.2", 9, text, 1473, NULL, 0), 1473);
    testnet_pop(t, out, sizeof(out));
    assert_int_equal(testnet_u16(out + TESTNET_IP + 6), 0x2000);
    testnet_drop_sent(t);
    sk->inet_pmtudisc = IP_PMTUDISC_DO;
    assert_int_equal(send_msg(sk, "10.0.0.2", 9, text, 1473, NULL, 0), -EMSGSIZE);
    assert_int_equal(send_msg(sk, "10.0.0.2", 9, text, 1472, NULL, 0), 1472);
    testnet_pop(t, out, sizeof(out));
    assert_int_equal(testnet_u16(out + TESTNET_IP + 6), 0x4000);
    udp_prot.close(sk);
}

TEST("a large datagram may fail at each allocation, and nothing is left of it")
{
    struct sock *sk = bound(NULL, 7000);

    for (unsigned n = 1;; n++) {
        host_fail_allocation(n);
        ssize_t sent = send_msg(sk, "10.0.0.2", 9, text, 20000, NULL, 0);
        bool failed = host_allocation_failed();
        host_fail_allocation(0);
        testnet_drop_sent(t);
        assert_int_equal(t->net->skb_count, 0);
        assert_int_equal(sk->sk_wmem_alloc, 0);
        if (!failed) {
            assert_int_equal(sent, 20000);
            break;
        }
        assert_true(n < 200);
    }
    udp_prot.close(sk);
}

/* --- several writes, one datagram --- */

static ssize_t send_more(struct sock *sk, const char *dst, const void *data, size_t len, int flags)
{
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(testnet_addr(dst))};
    struct iovec iov = {(void *)data, len};
    struct msg msg = {.name = (struct sockaddr_storage *)&sin,
                      .name_len = sizeof(sin),
                      .iter = {&iov, 0, len},
                      .flags = MSG_DONTWAIT | flags};

    return udp_prot.sendmsg(sk, &msg, len);
}

static int set_cork(struct sock *sk, int on)
{
    return udp_prot.setsockopt(sk, IPPROTO_UDP, 1 /* UDP_CORK */, &on, sizeof(on));
}

TEST("MSG_MORE gathers writes until one comes without it; the first says where to")
{
    struct sock *sk = new_socket();

    assert_int_equal(send_more(sk, "10.0.0.2", "one ", 4, MSG_MORE), 4);
    assert_int_equal(send_more(sk, "10.0.0.99", "two ", 4, MSG_MORE), 4);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(send_more(sk, "10.0.0.99", "three", 5, 0), 5);
    assert_udp_datagram("one two three", 13);
    assert_int_equal(send_more(sk, "10.0.0.2", "alone", 5, 0), 5);
    assert_udp_datagram("alone", 5);
    udp_prot.close(sk);
}

TEST("UDP_CORK holds back until it is taken away; 65507 bytes are the most, then all is forgotten")
{
    struct sock *sk = new_socket();
    int on = 0;
    socklen_t len = sizeof(on);

    assert_int_equal(set_cork(sk, 1), 0);
    assert_int_equal(udp_prot.getsockopt(sk, IPPROTO_UDP, 1, &on, &len), 0);
    assert_int_equal(on, 1);
    for (size_t at = 0; at < 65507; at += 5000)
        assert_int_equal(send_more(sk, "10.0.0.2", text + at, at + 5000 < 65507 ? 5000 : 65507 - at, 0),
                         at + 5000 < 65507 ? 5000 : 65507 - at);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(set_cork(sk, 0), 0);
    assert_udp_datagram(text, 65507);

    assert_int_equal(set_cork(sk, 1), 0);
    assert_int_equal(send_more(sk, "10.0.0.2", text, 65507, 0), 65507);
    assert_int_equal(send_more(sk, "10.0.0.2", "x", 1, 0), -EMSGSIZE);
    assert_int_equal(set_cork(sk, 0), 0);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    udp_prot.close(sk);
}

TEST("what is corked when the socket closes goes with it")
{
    struct sock *sk = new_socket();

    assert_int_equal(send_more(sk, "10.0.0.2", "never sent", 10, MSG_MORE), 10);
    udp_prot.close(sk);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(t->net->skb_count, 0);
}

/* --- what was asked for about a datagram --- */

TEST("IP_RECVTTL and IP_RECVTOS tell of the header; IP_MINTTL refuses what came from further away")
{
    struct sock *sk = bound(NULL, 7000);
    struct msghdr hdr;

    sk->inet_recvttl = sk->inet_recvtos = true;
    sk->inet_min_ttl = 10;
    arrive(&(struct testnet_ip){.ttl = 77, .tos = 0x28}, 4321, 7000, "x");
    arrive(&(struct testnet_ip){.ttl = 9}, 4321, 7000, "too far");
    assert_receives(sk, "x");
    hdr = (struct msghdr){.msg_control = control, .msg_controllen = rmsg.control_len};
    struct cmsghdr *c = CMSG_FIRSTHDR(&hdr);
    assert_int_equal(c->cmsg_type, IP_TTL);
    assert_int_equal(*(int *)CMSG_DATA(c), 77);
    c = CMSG_NXTHDR(&hdr, c);
    assert_int_equal(c->cmsg_type, IP_TOS);
    assert_int_equal(*CMSG_DATA(c), 0x28);
    assert_silent(sk);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_MINTTL], 1);
    udp_prot.close(sk);
}

/* --- the queue of errors --- */

/* The peer (or a router) says that our latest datagram came to grief. */
static void complain(uint8_t type, uint8_t code, uint32_t rest, const char *offender)
{
    size_t n = testnet_pop(t, out, sizeof(out));

    assert_true(n > 0);
    testnet_inject(t, in,
                   testnet_build_icmp(t, in,
                                      &(struct testnet_ip){.saddr = offender ? testnet_addr(offender) : 0},
                                      type, code, rest, out + TESTNET_IP, n - TESTNET_IP));
}

static const struct sock_extended_err *read_error(struct sock *sk, const char *quoted)
{
    struct msghdr hdr;

    assert_int_equal(receive_flags(sk, sizeof(buf), MSG_ERRQUEUE), strlen(quoted));
    assert_memory_equal(buf, quoted, strlen(quoted));
    assert_true(rmsg.flags & MSG_ERRQUEUE);
    hdr = (struct msghdr){.msg_control = control, .msg_controllen = rmsg.control_len};
    struct cmsghdr *c = CMSG_FIRSTHDR(&hdr);
    assert_non_null(c);
    assert_int_equal(c->cmsg_level, SOL_IP);
    assert_int_equal(c->cmsg_type, IP_RECVERR);
    return (const struct sock_extended_err *)CMSG_DATA(c);
}

TEST("IP_RECVERR: an ICMP error waits with type, code, offender, destination and the quoted bytes")
{
    struct sock *sk = new_socket();
    const struct sock_extended_err *ee;
    struct sockaddr_in *sin = (struct sockaddr_in *)&from;

    sk->inet_recverr = true;
    assert_int_equal(send_to(sk, "10.0.0.2", 9, "lost"), 4);
    complain(11, 0, 0, "10.0.0.254");
    assert_true(udp_prot.poll(sk) & POLLERR);
    ee = read_error(sk, "lost");
    assert_int_equal(ee->ee_errno, EHOSTUNREACH);
    assert_int_equal(ee->ee_origin, SO_EE_ORIGIN_ICMP);
    assert_int_equal(ee->ee_type, 11);
    assert_int_equal(ee->ee_code, 0);
    assert_int_equal(ntohl(((struct sockaddr_in *)SO_EE_OFFENDER(ee))->sin_addr.s_addr),
                     testnet_addr("10.0.0.254"));
    assert_int_equal(ntohl(sin->sin_addr.s_addr), t->peer);
    assert_int_equal(ntohs(sin->sin_port), 9);
    assert_false(udp_prot.poll(sk) & POLLERR);
    assert_int_equal(receive_flags(sk, sizeof(buf), MSG_ERRQUEUE), -EAGAIN);
    assert_silent(sk); /* read there, not told again */
    udp_prot.close(sk);
}

TEST("IP_RECVERR: the next call says the error too, if the queue was not read")
{
    struct sock *sk = new_socket();

    sk->inet_recverr = true;
    send_to(sk, "10.0.0.2", 9, "one");
    complain(3, 3, 0, NULL);
    send_to(sk, "10.0.0.2", 9, "nothing is sent: the call fails instead");
    assert_int_equal(receive(sk), -EAGAIN);
    assert_int_equal(read_error(sk, "one")->ee_errno, ECONNREFUSED);
    udp_prot.close(sk);
}

TEST("IP_RECVERR: a datagram that is too long for DF puts an error of our own on the queue, with the MTU")
{
    struct sock *sk = new_socket();
    const struct sock_extended_err *ee;

    sk->inet_recverr = true;
    sk->inet_pmtudisc = IP_PMTUDISC_DO;
    assert_int_equal(send_msg(sk, "10.0.0.2", 9, text, 3000, NULL, 0), -EMSGSIZE);
    ee = read_error(sk, "");
    assert_int_equal(ee->ee_origin, SO_EE_ORIGIN_LOCAL);
    assert_int_equal(ee->ee_errno, EMSGSIZE);
    assert_int_equal(ee->ee_info, 1500);
    udp_prot.close(sk);
}

TEST("without IP_RECVERR nothing is kept; with it forged errors fill the receive buffer at most")
{
    struct sock *sk = new_socket();
    size_t n;

    send_to(sk, "10.0.0.2", 9, "x");
    n = testnet_pop(t, out, sizeof(out));
    n = testnet_build_icmp(t, in, &(struct testnet_ip){0}, 3, 1, 0, out + TESTNET_IP, n - TESTNET_IP);
    testnet_inject(t, in, n);
    assert_int_equal(receive_flags(sk, sizeof(buf), MSG_ERRQUEUE), -EAGAIN);
    sk->inet_recverr = true;
    sk->sk_rcvbuf = 20000;
    for (int i = 0; i < 1000; i++)
        testnet_inject(t, in, n);
    assert_true(sk->sk_rmem_alloc <= 20000);
    assert_true(t->net->skb_count < 100);
    udp_prot.close(sk);
    assert_int_equal(t->net->skb_count, 0);
}

TEST_FIXTURE(setup, teardown)
