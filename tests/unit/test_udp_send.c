/*
 * test_udp_send.c - UDP (net/udp), sending: ports, sources, sums, sizes, and several writes for one datagram.
 */
#include "tests/unit/udp_net.h"

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

TEST_FIXTURE(setup, teardown)
