/*
 * test_udp.c - UDP (net/udp), receiving: what a datagram must be, and which socket gets it.
 */
#include "tests/unit/udp_net.h"

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

TEST_FIXTURE(setup, teardown)
