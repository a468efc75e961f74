/*
 * test_interplay.c - where routing, connection tracking, sockets and devices meet: packets of one part that
 * wait in the hands of another.
 *
 * One stack, two cards: 10.0.0.1/24 (t) and 10.1.0.1/24 (far).
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/napi.h"
#include "net/core/sysctl.h"
#include "net/ethernet/ethernet.h"
#include "net/ethernet/link.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip.h"
#include "net/netfilter/iptables_parse.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t, *far;
static struct files *files;
static uint8_t in[70000], out[70000], data[3000];

static void set(const char *name, const char *value)
{
    assert_int_equal(sysctl_set(t->net, name, value), 0);
}

static int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    far = testnet_add_port(t, "10.1.0.1/24", 0);
    files = files_create(t->net, NULL);
    return sysctl_set(t->net, "net.ipv4.ip_forward", "1");
}

static int teardown(void **state)
{
    sysctl_set(t->net, "net.netfilter.nf_conntrack_always", "0");
    struct net_device *vlan = dev_get_by_name(t->net, "eth0.10");
    const char *why;

    if (vlan)
        link_del(vlan, &why);
    files_destroy(files);
    testnet_remove_port(far);
    return testnet_destroy(t);
}

static int raw_socket(int protocol)
{
    int fd = sys_socket(files, AF_INET, SOCK_RAW | SOCK_NONBLOCK, protocol);

    assert_true(fd >= 0);
    return fd;
}

/* 64 bytes at `offset` of a datagram that an application has cut itself. */
static void send_fragment(int fd, unsigned offset, bool more)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(t->peer)};
    struct iphdr iph = {.version_ihl = 0x45, .ttl = 9, .protocol = 99, .id = cpu_to_be16(7)};
    uint8_t piece[sizeof(iph) + 64];

    iph.daddr = cpu_to_be32(t->peer);
    iph.frag_off = cpu_to_be16((uint16_t)(offset / 8 | (more ? IP_MF : 0)));
    memcpy(piece, &iph, sizeof(iph));
    memset(piece + sizeof(iph), (int)offset, 64);
    assert_true(sys_sendto(files, fd, piece, sizeof(piece), 0, (void *)&sin, sizeof(sin)) != -EINVAL);
    host_run();
}

TEST("fragments that an application makes itself are put together for tracking, and leave in such again")
{
    int fd = raw_socket(IPPROTO_RAW);

    set("net.netfilter.nf_conntrack_always", "1");
    send_fragment(fd, 64, false);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    send_fragment(fd, 0, true);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(testnet_pop(t, out, sizeof(out)), TESTNET_L4 + 64);
        assert_int_equal(testnet_u16(out + TESTNET_IP + 6), i ? 8 : IP_MF);
        assert_int_equal(out[TESTNET_L4], i * 64);
    }
    send_fragment(fd, 0, true); /* waits for its time, and nobody is told */
    testnet_advance_ms(t, 31000);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
}

TEST("a piece that finds no neighbour is reported by the address the datagram came in by, if so asked")
{
    struct testnet_ip ip = {.saddr = far->peer,
                            .daddr = far->peer + 5}; /* the error leaves by the far card */

    set("net.ipv4.icmp_errors_use_inbound_ifaddr", "1");
    set("net.ipv4.conf.all.rp_filter", "0");
    set("net.ipv4.conf.eth0.rp_filter", "0");
    assert_int_equal(dev_set_mtu(far->dev, 600), 0);
    testnet_inject(t, in, testnet_build_udp(t, in, &ip, 1, 2, data, 1200));
    testnet_advance_ms(t, 4000);
    assert_true(testnet_pop(far, out, sizeof(out)) > 0);
    assert_int_equal(out[TESTNET_L4], ICMP_DEST_UNREACH);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
}

static void hear(const char *text, size_t len, void *ctx)
{
}

static void rule(const char *line)
{
    struct xt_text text;

    xt_text_init(&text, hear, NULL);
    assert_int_equal(xt_command(t->net, line, &text), 0);
}

TEST("a translated datagram that finds no neighbour, whole or in pieces, is reported to its sender")
{
    rule("-t nat -A POSTROUTING -o eth1 -j MASQUERADE");
    assert_int_equal(dev_set_mtu(far->dev, 600), 0);
    for (unsigned len = 100; len < 2000; len += 1100) {
        struct testnet_ip ip = {.daddr = far->peer + len / 100};

        testnet_inject(t, in, testnet_build_udp(t, in, &ip, 1, 2, data, len));
        testnet_advance_ms(t, 4000);
        size_t n = testnet_pop(t, out, sizeof(out));
        assert_true(n && testnet_frame_ok(out, n));
        assert_int_equal(out[TESTNET_L4], ICMP_DEST_UNREACH);
        assert_int_equal(testnet_u32(out + TESTNET_IP + 16), t->peer);
        assert_int_equal(testnet_u32(out + TESTNET_L4 + 8 + 12), t->peer);
        assert_int_equal(testnet_u32(out + TESTNET_L4 + 8 + 16), ip.daddr);
        assert_int_equal(testnet_u16(out + TESTNET_L4 + 8 + 20), 1);
        assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    }
    rule("-t nat -F");
}

/* --- a device goes while its packets wait --- */

static struct net_device *add_vlan(void)
{
    const char *why = NULL;

    assert_int_equal(vlan_link_add(t->net, NULL, t->dev, 10, &why), 0);
    struct net_device *dev = dev_get_by_name(t->net, "eth0.10");
    assert_int_equal(dev_open(dev), 0);
    assert_int_equal(inet_addr_add(dev, cpu_to_be32(testnet_addr("10.10.0.1")), 24), 0);
    return dev;
}

/* The frame in `in` arrives with a tag of VLAN 10. */
static void inject_tagged(size_t len)
{
    memmove(in + 16, in + 12, len - 12);
    put_unaligned_be16(ETH_P_8021Q, in + 12);
    put_unaligned_be16(10, in + 14);
    testnet_inject(t, in, len + 4);
}

TEST("a VLAN is removed while its packets wait for a neighbour, for fragments, for readers, and are tracked")
{
    int raw = raw_socket(99), packet = sys_socket(files, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(3)),
        udp = sys_socket(files, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct testnet_ip ip = {
        .saddr = testnet_addr("10.10.0.2"), .daddr = testnet_addr("10.10.0.1"), .protocol = 99};
    const char *why = NULL;

    set("net.netfilter.nf_conntrack_always", "1");
    assert_true(packet >= 0 && udp >= 0);
    struct net_device *dev = add_vlan();
    assert_int_equal(sys_bind(files, udp, (void *)&sin, sizeof(sin)), 0);
    inject_tagged(testnet_build_ip(t, in, &ip, data, 100));
    inject_tagged(testnet_build_udp(t, in, &ip, 5, 9, data, 100));
    ip.frag_off = IP_MF;
    inject_tagged(testnet_build_ip(t, in, &ip, data, 64));
    sin.sin_addr.s_addr = htonl(testnet_addr("10.10.0.200"));
    assert_int_equal(sys_sendto(files, udp, "x", 1, 0, (void *)&sin, sizeof(sin)), 1);
    ip.daddr = testnet_addr("10.10.0.201"), ip.frag_off = 0;
    testnet_inject(t, in, testnet_build_udp(t, in, &(struct testnet_ip){.daddr = ip.daddr}, 5, 9, data, 100));
    assert_true(t->net->skb_count > 0);
    assert_int_equal(link_del(dev, &why), 0);
    host_run();
    testnet_advance_ms(t, 31000);
    assert_true(sys_recvfrom(files, raw, out, sizeof(out), 0, NULL, NULL) > 0);
    assert_int_equal(sys_recvfrom(files, udp, out, sizeof(out), 0, NULL, NULL), 100);
    while (sys_recvfrom(files, packet, out, sizeof(out), 0, NULL, NULL) > 0)
        ;
    set("net.netfilter.nf_conntrack_always", "0");
}

/* --- ACKs for others --- */

static struct napi_struct napi;

static int no_poll(struct napi_struct *n, int budget)
{
    return 0;
}

/* A bare ACK from a station of VLAN 10 to the far peer, as part of a poll; the card has taken out the tag. */
static void tagged_ack(uint32_t number)
{
    uint8_t segment[20] = {0x10, 0, 0x20, 0};
    struct testnet_ip ip = {.protocol = IPPROTO_TCP, .saddr = testnet_addr("10.10.0.2"), .daddr = far->peer};

    put_unaligned_be32(number, segment + 8);
    segment[12] = 5 << 4;
    segment[13] = 0x10;
    testnet_fix_csum(segment, 20, 16, ip.saddr, ip.daddr, IPPROTO_TCP);
    size_t n = testnet_build_ip(t, in, &ip, segment, 20);
    struct sk_buff *skb = netdev_alloc_skb(t->dev, (unsigned)n);
    assert_non_null(skb);
    skb_put_data(skb, in, (unsigned)n);
    eth_type_trans(skb, t->dev);
    skb->vlan_present = 1;
    skb->vlan_tci = 10;
    napi_gro_receive(&napi, skb);
}

/* Segment `number` of a stream from the near peer to the far one, as part of a poll. */
static void train_add(unsigned number, uint16_t frag_off)
{
    static uint8_t segment[20 + 1000] = {0x10, 0, 0x20, 0};
    struct testnet_ip ip = {
        .protocol = IPPROTO_TCP, .daddr = far->peer, .frag_off = frag_off, .id = (uint16_t)number};

    put_unaligned_be32(number * 1000, segment + 4);
    put_unaligned_be16(0, segment + 16);
    segment[12] = 5 << 4;
    segment[13] = 0x10;
    memset(segment + 20, (int)number + 1, 1000);
    testnet_fix_csum(segment, sizeof(segment), 16, t->peer, far->peer, IPPROTO_TCP);
    size_t n = testnet_build_ip(t, in, &ip, segment, sizeof(segment));
    struct sk_buff *skb = netdev_alloc_skb(t->dev, (unsigned)n);
    assert_non_null(skb);
    skb_put_data(skb, in, (unsigned)n);
    eth_type_trans(skb, t->dev);
    napi_gro_receive(&napi, skb);
}

static void train(uint16_t frag_off)
{
    netif_napi_add(t->dev, &napi, no_poll, NAPI_POLL_WEIGHT);
    for (unsigned i = 0; i < 5; i++)
        train_add(i, frag_off);
    napi_gro_flush(&napi);
    host_run();
    netif_napi_del(&napi);
}

TEST("a train that is translated on its way leaves in right segments, and in right pieces of them")
{
    rule("-t nat -A POSTROUTING -o eth1 -j MASQUERADE");
    train(IP_DF);
    for (unsigned i = 0; i < 5; i++) {
        size_t n = testnet_pop(far, out, sizeof(out));
        assert_int_equal(n, TESTNET_L4 + 20 + 1000);
        assert_true(testnet_frame_ok(out, n));
        assert_int_equal(testnet_u32(out + TESTNET_IP + 12), far->local);
        assert_int_equal(out[n - 1], i + 1);
    }
    assert_int_equal(dev_set_mtu(far->dev, 600), 0);
    train(0);
    for (unsigned i = 0; i < 5; i++) {
        size_t n = testnet_pop(far, out, sizeof(out)), rest = testnet_pop(far, in, sizeof(in));
        assert_int_equal(n - TESTNET_L4 + rest - TESTNET_L4, 20 + 1000);
        memcpy(out + n, in + TESTNET_L4, rest - TESTNET_L4);
        n += rest - TESTNET_L4;
        put_unaligned_be16((uint16_t)(n - TESTNET_IP), out + TESTNET_IP + 2);
        put_unaligned_be16(0, out + TESTNET_IP + 6);
        testnet_fix_ip_csum(out);
        assert_true(testnet_frame_ok(out, n));
        assert_int_equal(testnet_u32(out + TESTNET_IP + 12), far->local);
    }
    assert_int_equal(testnet_pop(far, out, sizeof(out)), 0);
    rule("-t nat -F");
}

TEST("each ACK goes on if the VLAN routes, though the card below does not")
{
    add_vlan();
    set("net.ipv4.ip_forward", "0");
    set("net.ipv4.conf.eth0.10.forwarding", "1");
    netif_napi_add(t->dev, &napi, no_poll, NAPI_POLL_WEIGHT);
    for (unsigned i = 0; i < 4; i++)
        tagged_ack(1000 + i * 3000);
    napi_gro_flush(&napi);
    host_run();
    netif_napi_del(&napi);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(testnet_pop(far, out, sizeof(out)), TESTNET_L4 + 20);
        assert_int_equal(testnet_u32(out + TESTNET_L4 + 8), 1000 + i * 3000);
    }
}

TEST_FIXTURE(setup, teardown)
