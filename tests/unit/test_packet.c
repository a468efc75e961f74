/*
 * test_packet.c - AF_PACKET sockets and socket filters: frames in, frames out, through the real calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/qdisc.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"
#include "tests/unit/test.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>

#define ETH_P_ALL  0x0003
#define ETH_P_IP   0x0800
#define ETH_P_TEST 0x88b5

static struct testnet *t;
static struct files *files;

static int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    files = files_create(t->net, NULL);
    assert_non_null(files);
    return 0;
}

static int teardown(void **state)
{
    host_fail_allocation(0);
    files_destroy(files);
    return testnet_destroy(t);
}

static int packet_socket(int type, uint16_t protocol)
{
    int fd = sys_socket(files, AF_PACKET, type | SOCK_NONBLOCK, htons(protocol));

    assert_true(fd >= 0);
    return fd;
}

static size_t frame_of(uint8_t *frame, uint16_t type, size_t payload)
{
    memcpy(frame, testnet_local_mac, 6);
    memcpy(frame + 6, testnet_peer_mac, 6);
    put_unaligned_be16(type, frame + 12);
    for (size_t i = 0; i < payload; i++)
        frame[14 + i] = (uint8_t)i;
    return 14 + payload;
}

static void arrive(uint16_t type, size_t payload)
{
    uint8_t frame[1600];

    testnet_inject(t, frame, frame_of(frame, type, payload));
}

static ssize_t receive(int fd, void *buf, size_t size, struct sockaddr_ll *from)
{
    socklen_t len = sizeof(*from);

    return sys_recvfrom(files, fd, buf, size, 0, (struct sockaddr *)from, &len);
}

static struct sockaddr_ll address(uint16_t protocol)
{
    struct sockaddr_ll sll = {.sll_family = AF_PACKET,
                              .sll_protocol = htons(protocol),
                              .sll_ifindex = t->dev->ifindex,
                              .sll_halen = 6};

    memcpy(sll.sll_addr, testnet_peer_mac, 6);
    return sll;
}

static int attach(int fd, struct sock_filter *insns, unsigned short len)
{
    struct sock_fprog fprog = {.len = len, .filter = insns};

    return sys_setsockopt(files, fd, SOL_SOCKET, SO_ATTACH_FILTER, &fprog, sizeof(fprog));
}

/* --- receiving --- */

TEST("SOCK_RAW gets the frame with its link header, SOCK_DGRAM without, both with the sender's address")
{
    int raw = packet_socket(SOCK_RAW, ETH_P_TEST), dgram = packet_socket(SOCK_DGRAM, ETH_P_TEST);
    uint8_t buf[200], frame[200];
    struct sockaddr_ll from;
    size_t len = frame_of(frame, ETH_P_TEST, 60);

    testnet_inject(t, frame, len);
    assert_int_equal(receive(raw, buf, sizeof(buf), &from), len);
    assert_memory_equal(buf, frame, len);
    assert_int_equal(from.sll_family, AF_PACKET);
    assert_int_equal(from.sll_protocol, htons(ETH_P_TEST));
    assert_int_equal(from.sll_ifindex, t->dev->ifindex);
    assert_int_equal(from.sll_hatype, 1);
    assert_int_equal(from.sll_pkttype, 0 /* PACKET_HOST */);
    assert_int_equal(from.sll_halen, 6);
    assert_memory_equal(from.sll_addr, testnet_peer_mac, 6);
    assert_int_equal(receive(dgram, buf, sizeof(buf), &from), 60);
    assert_memory_equal(buf, frame + 14, 60);
    assert_int_equal(receive(dgram, buf, sizeof(buf), &from), -EAGAIN);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_UNHANDLED_PROTO], 0);
}

TEST("ETH_P_ALL sees what comes and what goes, and the stack still answers")
{
    int raw = packet_socket(SOCK_RAW, ETH_P_ALL), dgram = packet_socket(SOCK_DGRAM, ETH_P_ALL);
    uint8_t frame[200], buf[200];
    struct sockaddr_ll from;
    struct testnet_ip ip = {.protocol = IPPROTO_ICMP};

    testnet_inject(t, frame, testnet_build_icmp(t, frame, &ip, 8, 0, 0x00010001, "abcdefgh", 8));
    assert_int_equal(receive(raw, buf, sizeof(buf), &from), 50);
    assert_int_equal(from.sll_pkttype, 0);
    assert_int_equal(receive(raw, buf, sizeof(buf), &from), 50);
    assert_int_equal(from.sll_pkttype, PACKET_OUTGOING);
    assert_int_equal(from.sll_protocol, htons(ETH_P_IP));
    assert_int_equal(testnet_pop(t, frame, sizeof(frame)), 50);
    assert_memory_equal(buf, frame, 50);
    assert_int_equal(receive(dgram, buf, sizeof(buf), &from), 36);
    assert_int_equal(receive(dgram, buf, sizeof(buf), &from), 36);
    assert_int_equal(buf[0], 0x45);
}

TEST("bind() narrows to a device and a protocol; what it hears then is only that")
{
    int fd = packet_socket(SOCK_RAW, 0);
    struct sockaddr_ll sll = address(ETH_P_TEST), name;
    socklen_t len = sizeof(name);
    uint8_t buf[100];

    arrive(ETH_P_TEST, 50);
    assert_int_equal(receive(fd, buf, sizeof(buf), &name), -EAGAIN);
    sll.sll_ifindex = 99;
    assert_int_equal(sys_bind(files, fd, (struct sockaddr *)&sll, sizeof(sll)), -ENODEV);
    assert_int_equal(sys_bind(files, fd, (struct sockaddr *)&sll, 10), -EINVAL);
    sll.sll_ifindex = t->net->loopback_dev->ifindex;
    assert_int_equal(sys_bind(files, fd, (struct sockaddr *)&sll, sizeof(sll)), 0);
    arrive(ETH_P_TEST, 50);
    assert_int_equal(receive(fd, buf, sizeof(buf), &name), -EAGAIN);
    sll.sll_ifindex = t->dev->ifindex;
    assert_int_equal(sys_bind(files, fd, (struct sockaddr *)&sll, sizeof(sll)), 0);
    arrive(ETH_P_TEST, 50);
    arrive(ETH_P_TEST + 1, 50);
    assert_int_equal(receive(fd, buf, sizeof(buf), &name), 64);
    assert_int_equal(receive(fd, buf, sizeof(buf), &name), -EAGAIN);
    assert_int_equal(sys_getsockname(files, fd, (struct sockaddr *)&name, &len), 0);
    assert_int_equal(name.sll_ifindex, t->dev->ifindex);
    assert_memory_equal(name.sll_addr, testnet_local_mac, 6);
}

TEST("a reader too slow loses packets, which PACKET_STATISTICS counts once")
{
    int fd = packet_socket(SOCK_RAW, ETH_P_TEST), small = 2000;
    struct tpacket_stats stats;
    socklen_t len = sizeof(stats);
    uint64_t rx_dropped = t->dev->stats.rx_dropped;

    assert_int_equal(sys_setsockopt(files, fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    for (unsigned i = 0; i < 50; i++)
        arrive(ETH_P_TEST, 500);
    assert_int_equal(sys_getsockopt(files, fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len), 0);
    assert_int_equal(stats.tp_packets, 50);
    assert_in_range(stats.tp_drops, 40, 49);
    assert_int_equal(t->dev->stats.rx_dropped, rx_dropped);
    assert_int_equal(sys_getsockopt(files, fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len), 0);
    assert_int_equal(stats.tp_packets, 0);
}

TEST("a short buffer cuts the packet, MSG_TRUNC tells its length, MSG_PEEK leaves it")
{
    int fd = packet_socket(SOCK_RAW, ETH_P_TEST);
    uint8_t buf[20];

    arrive(ETH_P_TEST, 100);
    assert_int_equal(sys_recvfrom(files, fd, buf, 20, MSG_PEEK, NULL, NULL), 20);
    assert_int_equal(sys_recvfrom(files, fd, buf, 20, MSG_PEEK | MSG_TRUNC, NULL, NULL), 114);
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    assert_int_equal(sys_poll(files, &pfd, 1, 0), 1);
    assert_int_equal(sys_recvfrom(files, fd, buf, 20, 0, NULL, NULL), 20);
    assert_int_equal(sys_poll(files, &pfd, 1, 0), 0);
}

TEST("PACKET_AUXDATA says how long the packet was before the filter cut it")
{
    struct sock_filter cut[] = {BPF_STMT(BPF_RET | BPF_K, 30)};
    int fd = packet_socket(SOCK_RAW, ETH_P_TEST), on = 1;
    uint8_t buf[200], control[100];
    struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct tpacket_auxdata aux;

    assert_int_equal(sys_setsockopt(files, fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), 0);
    assert_int_equal(attach(fd, cut, 1), 0);
    arrive(ETH_P_TEST, 100);
    assert_int_equal(sys_recvmsg(files, fd, &msg, 0), 30);
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
    assert_int_equal(cmsg->cmsg_level, SOL_PACKET);
    assert_int_equal(cmsg->cmsg_type, PACKET_AUXDATA);
    memcpy(&aux, CMSG_DATA(cmsg), sizeof(aux));
    assert_int_equal(aux.tp_len, 114);
    assert_int_equal(aux.tp_snaplen, 30);
    assert_int_equal(aux.tp_net, 14);
}

/* --- filters --- */

TEST("a filter keeps what it wants, as long as it wants, and what it refuses is no loss")
{
    struct sock_filter odd[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 5),
                                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 1), BPF_STMT(BPF_RET | BPF_K, 20),
                                BPF_STMT(BPF_RET | BPF_K, 0)};
    int fd = packet_socket(SOCK_RAW, ETH_P_TEST), on = 1, off = 0;
    struct tpacket_stats stats;
    socklen_t len = sizeof(stats);
    uint8_t buf[100], frame[100];

    assert_int_equal(attach(fd, odd, 3), -EINVAL); /* jumps out */
    odd[3].k = 7;
    assert_int_equal(attach(fd, odd, 4), 0);
    odd[3].k = 0;
    assert_int_equal(attach(fd, odd, 4), 0);
    size_t n = frame_of(frame, ETH_P_TEST, 60);
    testnet_inject(t, frame, n);
    frame[19] = 6;
    testnet_inject(t, frame, n);
    assert_int_equal(sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL), 20);
    assert_int_equal(sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL), -EAGAIN);
    sys_getsockopt(files, fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
    assert_int_equal(stats.tp_packets, 1);
    assert_int_equal(stats.tp_drops, 0);
    odd[0].code = 0xffff;
    assert_int_equal(attach(fd, odd, 4), -EINVAL); /* and the one before stays */
    testnet_inject(t, frame, n);
    assert_int_equal(sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL), -EAGAIN);
    assert_int_equal(sys_setsockopt(files, fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)), 0);
    assert_int_equal(sys_setsockopt(files, fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)), -EPERM);
    assert_int_equal(sys_setsockopt(files, fd, SOL_SOCKET, SO_LOCK_FILTER, &off, sizeof(off)), -EPERM);
    int other = packet_socket(SOCK_RAW, 0);
    assert_int_equal(sys_setsockopt(files, other, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)), -ENOENT);
}

TEST("a UDP socket's filter sees the UDP header on, drops by name, and keeps at least the header")
{
    struct sock_filter port[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1000, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, 10), BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(53)};
    int fd = sys_socket(files, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct testnet_ip ip = {0};
    uint8_t frame[200], buf[100];

    assert_int_equal(sys_bind(files, fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    assert_int_equal(attach(fd, port, 4), 0);
    testnet_inject(t, frame, testnet_build_udp(t, frame, &ip, 1000, 53, "abcdef", 6));
    testnet_inject(t, frame, testnet_build_udp(t, frame, &ip, 1001, 53, "abcdef", 6));
    assert_int_equal(sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL), 2);
    assert_int_equal(sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL), -EAGAIN);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_SOCKET_FILTER], 1);
}

/* --- sending --- */

TEST(
    "SOCK_RAW sends the frame as it is, SOCK_DGRAM with a header from the address; the sender does not hear it")
{
    int raw = packet_socket(SOCK_RAW, ETH_P_ALL), dgram = packet_socket(SOCK_DGRAM, 0),
        other = packet_socket(SOCK_RAW, ETH_P_ALL);
    struct sockaddr_ll to = address(ETH_P_TEST);
    uint8_t frame[200], buf[200];
    size_t len = frame_of(frame, ETH_P_TEST, 50);

    assert_int_equal(sys_sendto(files, raw, frame, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
    assert_int_equal(testnet_pop(t, buf, sizeof(buf)), len);
    assert_memory_equal(buf, frame, len);
    assert_int_equal(sys_recvfrom(files, raw, buf, sizeof(buf), 0, NULL, NULL), -EAGAIN);
    assert_int_equal(sys_recvfrom(files, other, buf, sizeof(buf), 0, NULL, NULL), len);
    assert_int_equal(sys_sendto(files, dgram, frame + 14, 50, 0, (struct sockaddr *)&to, sizeof(to)), 50);
    assert_int_equal(testnet_pop(t, buf, sizeof(buf)), len);
    assert_memory_equal(buf, testnet_peer_mac, 6);
    assert_memory_equal(buf + 6, testnet_local_mac, 6);
    assert_memory_equal(buf + 12, frame + 12, 52);
}

TEST("what cannot be sent says why")
{
    int raw = packet_socket(SOCK_RAW, 0), dgram = packet_socket(SOCK_DGRAM, 0);
    struct sockaddr_ll to = address(ETH_P_TEST);
    static uint8_t frame[2000];

    assert_int_equal(sys_sendto(files, raw, frame, 60, 0, NULL, 0), -ENXIO);
    assert_int_equal(sys_sendto(files, raw, frame, 13, 0, (struct sockaddr *)&to, sizeof(to)), -EINVAL);
    assert_int_equal(sys_sendto(files, raw, frame, 1515, 0, (struct sockaddr *)&to, sizeof(to)), -EMSGSIZE);
    assert_int_equal(sys_sendto(files, raw, frame, 60, 0, (struct sockaddr *)&to, 5), -EINVAL);
    to.sll_halen = 200;
    assert_int_equal(sys_sendto(files, raw, frame, 60, 0, (struct sockaddr *)&to, sizeof(to)), -EINVAL);
    to.sll_halen = 0;
    assert_int_equal(sys_sendto(files, dgram, frame, 60, 0, (struct sockaddr *)&to, sizeof(to)), -EINVAL);
    to.sll_ifindex = 77;
    assert_int_equal(sys_sendto(files, raw, frame, 60, 0, (struct sockaddr *)&to, sizeof(to)), -ENXIO);
    to = address(ETH_P_TEST);
    dev_close(t->dev);
    assert_int_equal(sys_sendto(files, raw, frame, 60, 0, (struct sockaddr *)&to, sizeof(to)), -ENETDOWN);
    dev_open(t->dev);
    for (unsigned n = 1; n <= 2; n++) {
        host_fail_allocation(n);
        ssize_t sent = sys_sendto(files, raw, frame, 60, 0, (struct sockaddr *)&to, sizeof(to));
        assert_true(sent == 60 || sent == -ENOBUFS || sent == -ENOMEM);
    }
}

/* --- memberships, life --- */

static int membership(int fd, int name, int type, const uint8_t *addr)
{
    struct packet_mreq mreq = {.mr_ifindex = t->dev->ifindex, .mr_type = (unsigned short)type, .mr_alen = 6};

    if (addr)
        memcpy(mreq.mr_address, addr, 6);
    return sys_setsockopt(files, fd, SOL_PACKET, name, &mreq, sizeof(mreq));
}

TEST("the device is promiscuous as long as a socket wants it, and hears a group as long")
{
    static const uint8_t group[6] = {1, 0, 0x5e, 1, 2, 3};
    int a = packet_socket(SOCK_RAW, 0), b = packet_socket(SOCK_RAW, 0);

    assert_int_equal(membership(a, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, NULL), 0);
    assert_int_equal(membership(b, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, NULL), 0);
    assert_true(t->dev->flags & DEV_IFF_PROMISC);
    assert_int_equal(membership(a, PACKET_DROP_MEMBERSHIP, PACKET_MR_PROMISC, NULL), 0);
    assert_int_equal(membership(a, PACKET_DROP_MEMBERSHIP, PACKET_MR_PROMISC, NULL), -EADDRNOTAVAIL);
    assert_true(t->dev->flags & DEV_IFF_PROMISC);
    assert_int_equal(sys_close(files, b), 0);
    assert_false(t->dev->flags & DEV_IFF_PROMISC);
    assert_int_equal(membership(a, PACKET_ADD_MEMBERSHIP, PACKET_MR_MULTICAST, group), 0);
    assert_int_equal(dev_mc_del(t->dev, group), 0); /* it was there */
    assert_int_equal(dev_mc_add(t->dev, group), 0);
    assert_int_equal(membership(a, PACKET_ADD_MEMBERSHIP, 9, group), -EINVAL);
    int err = 0;
    for (unsigned i = 0; i < 100 && !err; i++)
        err = membership(a, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, NULL);
    assert_int_equal(err, -ENOBUFS);
    assert_int_equal(sys_close(files, a), 0);
    assert_int_equal(t->dev->promiscuity, 0);
    assert_int_equal(dev_mc_del(t->dev, group), -ENOENT);
}

TEST("when its device goes the socket is told, and hears nothing more")
{
    static const struct net_device_ops ops = {0};
    struct net_device *dev = alloc_etherdev(0);
    int fd = packet_socket(SOCK_RAW, 0);
    uint8_t buf[10];

    dev->netdev_ops = &ops;
    assert_int_equal(register_netdev(t->net, dev), 0);
    dev_open(dev);
    struct sockaddr_ll sll = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = dev->ifindex};
    assert_int_equal(sys_bind(files, fd, (struct sockaddr *)&sll, sizeof(sll)), 0);
    struct packet_mreq mreq = {.mr_ifindex = dev->ifindex, .mr_type = PACKET_MR_PROMISC};
    assert_int_equal(sys_setsockopt(files, fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), 0);
    unregister_netdev(dev);
    free_netdev(dev);
    assert_int_equal(sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL), -ENETDOWN);
    assert_int_equal(sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL), -EAGAIN);
    arrive(ETH_P_TEST, 50);
    assert_int_equal(sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL), -EAGAIN);
}

TEST("making a socket, attaching a filter and receiving survive each failing allocation")
{
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, 0xffff)};
    int fd = packet_socket(SOCK_RAW, ETH_P_ALL);

    for (unsigned n = 1; n < 6; n++) {
        host_fail_allocation(n);
        int other = sys_socket(files, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
        assert_true(other >= 0 || other == -ENOMEM);
        if (other >= 0)
            sys_close(files, other);
        host_fail_allocation(n);
        int err = attach(fd, all, 1);
        assert_true(err == 0 || err == -ENOMEM);
        host_fail_allocation(n);
        arrive(ETH_P_TEST, 50);
    }
    assert_int_equal(sys_socket(files, AF_PACKET, SOCK_STREAM, 0), -ESOCKTNOSUPPORT);
}

TEST_FIXTURE(setup, teardown)
