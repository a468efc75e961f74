/*
 * test_route.c - routing (net/ipv4/fib.c, route.c, fib_frontend.c).
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/sock.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"
#include "net/udp/udp.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t;
static uint8_t in[2000];

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

static int add(const char *dst, uint8_t len, const char *gateway, uint32_t metric, enum rt_type type)
{
    struct fib_config cfg = {.dst = addr(dst),
                             .prefix_len = len,
                             .gateway = gateway ? addr(gateway) : 0,
                             .metric = metric,
                             .dev = type == RTN_UNICAST ? t->dev : NULL,
                             .type = type};

    return fib_add(t->net, &cfg);
}

static int del(const char *dst, uint8_t len, const char *gateway)
{
    struct fib_config cfg = {.dst = addr(dst), .prefix_len = len, .gateway = gateway ? addr(gateway) : 0};

    return fib_del(t->net, &cfg);
}

static int last_err;
static uint32_t last_saddr, last_mtu;
static bool last_locked;

/* The next hop towards dst, host order; 0 and last_err if there is none. */
static uint32_t hop_from(const char *dst, const char *saddr, int oif)
{
    struct flowi4 fl = {.daddr = addr(dst), .saddr = saddr ? addr(saddr) : 0, .oif = oif};
    struct rtable *rt = ip_route_output(t->net, &fl, &last_err);
    uint32_t nexthop;

    if (!rt)
        return 0;
    nexthop = be32_to_cpu(rt->nexthop);
    last_saddr = be32_to_cpu(fl.saddr);
    last_mtu = rt->dst.mtu;
    last_locked = rt->mtu_locked;
    dst_release(&rt->dst);
    return nexthop;
}

static uint32_t hop(const char *dst)
{
    return hop_from(dst, NULL, 0);
}

#define assert_hop(dst, expected) assert_int_equal(hop(dst), testnet_addr(expected))

static bool count_route(const struct fib_config *cfg, void *ctx)
{
    (*(unsigned *)ctx)++;
    return true;
}

static unsigned route_count(void)
{
    unsigned n = 0;

    fib_for_each(t->net, count_route, &n);
    return n;
}

TEST("the longest prefix wins, in whatever order the routes came")
{
    assert_int_equal(add("172.16.0.0", 12, "10.0.0.3", 0, RTN_UNICAST), 0);
    assert_int_equal(add("172.16.5.9", 32, "10.0.0.6", 0, RTN_UNICAST), 0);
    assert_int_equal(add("172.16.5.0", 24, "10.0.0.5", 0, RTN_UNICAST), 0);
    assert_int_equal(add("172.16.0.0", 16, "10.0.0.4", 0, RTN_UNICAST), 0);
    assert_hop("172.31.0.1", "10.0.0.3");
    assert_hop("172.16.9.9", "10.0.0.4");
    assert_hop("172.16.5.8", "10.0.0.5");
    assert_hop("172.16.5.9", "10.0.0.6");
    assert_hop("172.32.0.1", "10.0.0.2"); /* default */
    assert_hop("10.0.0.200", "10.0.0.200");
    assert_int_equal(del("172.16.5.0", 24, NULL), 0);
    assert_hop("172.16.5.8", "10.0.0.4");
    assert_int_equal(del("172.16.5.0", 24, NULL), -ENOENT);
}

TEST("the table answers as a plain search would, for thousands of random routes")
{
    static struct {
        uint32_t prefix;
        unsigned len;
        uint32_t gateway;
    } table[2000];
    size_t n = 0;

    host_random_seed(33);
    while (n < 2000) {
        unsigned len = 9 + (unsigned)(host_random() % 24);
        uint32_t prefix = (11u << 24 | (uint32_t)(host_random() & 0x3ffff)) & ~0u << (32 - len);
        struct fib_config cfg = {.dst = cpu_to_be32(prefix),
                                 .prefix_len = (uint8_t)len,
                                 .gateway = cpu_to_be32(t->local + 1 + (uint32_t)(host_random() % 250)),
                                 .dev = t->dev};

        if (fib_add(t->net, &cfg) == 0) {
            table[n].prefix = prefix;
            table[n].len = len;
            table[n++].gateway = be32_to_cpu(cfg.gateway);
        } else if (n > 1500) {
            break;
        }
    }
    for (int i = 0; i < 20000; i++) {
        uint32_t a = 11u << 24 | (uint32_t)(host_random() & 0x3ffff), expected = t->peer;
        struct fib_config cfg;
        unsigned best = 0;

        for (size_t r = 0; r < n; r++)
            if (table[r].len > best && !((a ^ table[r].prefix) >> (32 - table[r].len))) {
                best = table[r].len;
                expected = table[r].gateway;
            }
        assert_true(fib_lookup_config(t->net, cpu_to_be32(a), &cfg));
        assert_int_equal(be32_to_cpu(cfg.gateway), expected);
    }
}

TEST("fib_add refuses host bits, a missing device, gateways that are no neighbours, and the same route twice")
{
    struct fib_config no_device = {.dst = addr("5.0.0.0"), .prefix_len = 8};

    assert_int_equal(add("172.16.0.1", 12, "10.0.0.3", 0, RTN_UNICAST), -EINVAL);
    assert_int_equal(add("172.16.0.0", 33, "10.0.0.3", 0, RTN_UNICAST), -EINVAL);
    assert_int_equal(fib_add(t->net, &no_device), -EINVAL);
    assert_int_equal(add("5.0.0.0", 8, "11.0.0.1", 0, RTN_UNICAST), -ENETUNREACH);
    assert_int_equal(add("5.0.0.0", 8, "10.0.0.1", 0, RTN_UNICAST), -ENETUNREACH);   /* ourselves */
    assert_int_equal(add("5.0.0.0", 8, "10.0.0.255", 0, RTN_UNICAST), -ENETUNREACH); /* everybody */
    assert_int_equal(add("5.0.0.0", 8, "10.0.0.3", 0, RTN_UNICAST), 0);
    assert_int_equal(add("5.0.0.0", 8, "10.0.0.3", 0, RTN_UNICAST), -EEXIST);
    assert_int_equal(add("5.0.0.0", 8, "10.0.0.4", 0, RTN_UNICAST), -EEXIST);
    assert_int_equal(add("0.0.0.0", 0, "10.0.0.9", 0, RTN_UNICAST), -EEXIST);
}

TEST("of two routes for a prefix the lower metric wins, the other steps in when it goes")
{
    assert_int_equal(add("5.0.0.0", 8, "10.0.0.4", 20, RTN_UNICAST), 0);
    assert_int_equal(add("5.0.0.0", 8, "10.0.0.3", 10, RTN_UNICAST), 0);
    assert_hop("5.1.1.1", "10.0.0.3");
    assert_int_equal(del("5.0.0.0", 8, "10.0.0.3"), 0);
    assert_hop("5.1.1.1", "10.0.0.4");
}

TEST("unreachable, prohibited and black-holed destinations have their errors")
{
    assert_int_equal(add("5.0.0.0", 8, NULL, 0, RTN_UNREACHABLE), 0);
    assert_int_equal(add("6.0.0.0", 8, NULL, 0, RTN_PROHIBIT), 0);
    assert_int_equal(add("7.0.0.0", 8, NULL, 0, RTN_BLACKHOLE), 0);
    assert_int_equal(hop("5.1.1.1"), 0);
    assert_int_equal(last_err, -EHOSTUNREACH);
    assert_int_equal(hop("6.1.1.1"), 0);
    assert_int_equal(last_err, -EACCES);
    assert_int_equal(hop("7.1.1.1"), 0);
    assert_int_equal(last_err, -EINVAL);
}

TEST("addresses bring local, network and broadcast routes and take them along")
{
    unsigned before = route_count();

    assert_int_equal(inet_addr_type(t->net, NULL, addr("10.0.0.1")), RTN_LOCAL);
    assert_int_equal(inet_addr_type(t->net, NULL, addr("10.0.0.0")), RTN_BROADCAST);
    assert_int_equal(inet_addr_type(t->net, NULL, addr("10.0.0.255")), RTN_BROADCAST);
    assert_int_equal(inet_addr_type(t->net, NULL, addr("255.255.255.255")), RTN_BROADCAST);
    assert_int_equal(inet_addr_type(t->net, NULL, addr("10.0.0.2")), RTN_UNICAST);
    assert_int_equal(inet_addr_type(t->net, NULL, addr("224.0.0.1")), RTN_MULTICAST);
    assert_int_equal(inet_addr_type(t->net, NULL, addr("127.9.9.9")), RTN_LOCAL);
    assert_int_equal(inet_addr_type(t->net, t->dev, addr("127.9.9.9")), RTN_UNICAST);
    assert_int_equal(inet_addr_add(t->dev, addr("192.168.1.1"), 16), 0);
    assert_int_equal(route_count(), before + 4);
    assert_int_equal(inet_addr_type(t->net, NULL, addr("192.168.255.255")), RTN_BROADCAST);
    assert_hop("192.168.7.7", "192.168.7.7");
    assert_int_equal(last_saddr, testnet_addr("192.168.1.1"));
    assert_int_equal(inet_addr_del(t->dev, addr("192.168.1.1")), 0);
    assert_int_equal(route_count(), before);
    assert_hop("192.168.7.7", "10.0.0.2");
    testnet_advance_ms(t, 5000);
}

TEST(
    "a network stays reachable while one of two addresses on it goes; the last one takes the default route too")
{
    assert_int_equal(inet_addr_add(t->dev, addr("10.0.0.9"), 24), 0);
    assert_int_equal(inet_addr_del(t->dev, addr("10.0.0.1")), 0);
    assert_hop("10.0.0.77", "10.0.0.77");
    assert_int_equal(last_saddr, testnet_addr("10.0.0.9"));
    assert_hop("8.8.8.8", "10.0.0.2");
    assert_int_equal(last_saddr, testnet_addr("10.0.0.9"));
    assert_int_equal(inet_addr_type(t->net, NULL, addr("10.0.0.1")), RTN_UNICAST);
    assert_int_equal(inet_addr_del(t->dev, addr("10.0.0.9")), 0);
    assert_false(fib_lookup_config(t->net, addr("8.8.8.8"), &(struct fib_config){0}));
    assert_int_equal(hop("8.8.8.8"), 0);
    assert_int_equal(last_err, -ENETUNREACH);
    testnet_advance_ms(t, 5000);
}

TEST("RFC 3021: a /31 has two hosts and no broadcast address, a /32 no network")
{
    assert_int_equal(inet_addr_add(t->dev, addr("192.0.2.0"), 31), 0);
    assert_hop("192.0.2.1", "192.0.2.1");
    assert_int_equal(inet_addr_type(t->net, NULL, addr("192.0.2.1")), RTN_UNICAST);
    assert_int_equal(inet_addr_add(t->dev, addr("198.51.100.1"), 32), 0);
    assert_int_equal(inet_addr_type(t->net, NULL, addr("198.51.100.1")), RTN_LOCAL);
    assert_hop("198.51.100.2", "10.0.0.2");
    testnet_advance_ms(t, 5000);
}

TEST("a device that goes down takes its routes along; up again, those of its addresses return")
{
    dev_close(t->dev);
    assert_int_equal(hop("10.0.0.2"), 0);
    assert_int_equal(inet_addr_type(t->net, NULL, addr("10.0.0.1")), RTN_UNICAST);
    assert_int_equal(dev_open(t->dev), 0);
    assert_hop("10.0.0.2", "10.0.0.2");
    assert_int_equal(hop("8.8.8.8"), 0);
    testnet_advance_ms(t, 5000);
}

TEST("the source must be an address of ours")
{
    assert_int_equal(hop_from("10.0.0.2", "10.0.0.1", 0), t->peer);
    assert_int_equal(hop_from("10.0.0.2", "10.0.0.3", 0), 0);
    assert_int_equal(last_err, -EINVAL);
    assert_int_equal(hop_from("10.0.0.2", "10.0.0.255", 0), 0);
    assert_int_equal(last_err, -EINVAL);
}

TEST("1122-IP-127: neither source nor destination in 127/8 leaves the host")
{
    assert_int_equal(hop_from("10.0.0.2", "127.0.0.1", 0), 0);
    assert_int_equal(last_err, -ENETUNREACH);
    dev_close(t->net->loopback_dev);
    assert_int_equal(hop("127.0.0.1"), 0);
    assert_int_equal(last_err, -ENETUNREACH);
}

TEST("class E and 0/8 have no route; 0.0.0.0 itself means this host")
{
    assert_int_equal(hop("240.0.0.1"), 0);
    assert_int_equal(hop("0.1.2.3"), 0);
    assert_int_equal(last_err, -EINVAL);
    assert_hop("0.0.0.0", "127.0.0.1");
    assert_int_equal(last_saddr, testnet_addr("127.0.0.1"));
}

TEST("with a device given, destinations without a route are taken to be on its wire")
{
    assert_int_equal(del("0.0.0.0", 0, NULL), 0);
    assert_int_equal(hop("8.8.8.8"), 0);
    assert_int_equal(last_err, -ENETUNREACH);
    assert_int_equal(hop_from("8.8.8.8", NULL, t->dev->ifindex), testnet_addr("8.8.8.8"));
    assert_int_equal(hop_from("8.8.8.8", NULL, 99), 0);
    assert_int_equal(last_err, -ENETUNREACH);
}

TEST("a card without an address can call 255.255.255.255 from 0.0.0.0, and nobody else")
{
    assert_int_equal(inet_addr_del(t->dev, addr("10.0.0.1")), 0);
    assert_int_equal(hop_from("255.255.255.255", NULL, t->dev->ifindex), 0xffffffff);
    assert_int_equal(last_saddr, 0);
    assert_int_equal(hop_from("10.0.0.2", NULL, t->dev->ifindex), 0);
    assert_int_equal(last_err, -ENETUNREACH);
}

TEST("a cached route is looked up anew once anything has changed")
{
    int err;
    struct sock *sk = sk_alloc(t->net, &udp_prot, SOCK_DGRAM, IPPROTO_UDP, &err);

    assert_int_equal(udp_prot.connect(sk, addr("8.8.8.8"), 53, 0), 0);
    assert_non_null(sk_dst_check(sk));
    assert_int_equal(add("8.8.8.0", 24, "10.0.0.7", 0, RTN_UNICAST), 0);
    assert_null(sk_dst_check(sk));
    assert_hop("8.8.8.8", "10.0.0.7");
    assert_int_equal(dev_set_mtu(t->dev, 1400), 0);
    hop("8.8.8.8");
    assert_int_equal(last_mtu, 1400);
    udp_prot.close(sk);
}

TEST("destinations behind one gateway share a route; each neighbour has its own, however many there are")
{
    struct flowi4 a = {.daddr = addr("8.8.8.8")}, b = {.daddr = addr("9.9.9.9")};
    int err;
    struct rtable *ra = ip_route_output(t->net, &a, &err), *rb = ip_route_output(t->net, &b, &err);
    size_t before, after;

    assert_ptr_equal(ra, rb);
    dst_release(&ra->dst);
    dst_release(&rb->dst);
    assert_int_equal(inet_addr_add(t->dev, addr("172.16.0.1"), 12), 0);
    testnet_advance_ms(t, 5000);
    before = host_objects_alive();
    for (uint32_t i = 2; i < 20000; i++) {
        struct flowi4 fl = {.daddr = cpu_to_be32(testnet_addr("172.16.0.0") + i)};
        struct rtable *rt = ip_route_output(t->net, &fl, &err);

        assert_int_equal(rt->nexthop, fl.daddr);
        dst_release(&rt->dst);
    }
    after = host_objects_alive();
    assert_in_range(after - before, 1, 256); /* the cache is bounded */
}

TEST("no memory is allocated for the route of a received datagram, whoever sends it")
{
    static const struct testnet_ip ip = {.daddr = 0};
    size_t before;

    testnet_inject(t, in, testnet_build_udp(t, in, &ip, 1, 2, "", 0));
    before = host_objects_alive();
    for (uint32_t i = 0; i < 5000; i++) {
        struct testnet_ip from = {.saddr = testnet_addr("20.0.0.0") + i, .protocol = 17};

        testnet_inject(t, in, testnet_build_ip(t, in, &from, "", 0));
    }
    assert_int_equal(host_objects_alive(), before);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_PKT_TOO_SMALL], 5000);
}

/* --- path MTU --- */

static uint32_t mtu_of(const char *dst)
{
    assert_int_not_equal(hop(dst), 0);
    return last_mtu;
}

TEST("1191-1, 1191-3: a path MTU is lowered for its destination only, and never raised by a message")
{
    assert_int_equal(mtu_of("8.8.8.8"), 1500);
    ip_rt_update_pmtu(t->net, addr("8.8.8.8"), 1280);
    assert_int_equal(mtu_of("8.8.8.8"), 1280);
    assert_false(last_locked);
    assert_int_equal(mtu_of("8.8.8.9"), 1500);
    ip_rt_update_pmtu(t->net, addr("8.8.8.8"), 1400);
    assert_int_equal(mtu_of("8.8.8.8"), 1280);
    ip_rt_update_pmtu(t->net, addr("8.8.8.9"), 9000);
    assert_int_equal(mtu_of("8.8.8.9"), 1500);
    ip_rt_update_pmtu(t->net, addr("10.0.0.2"), 1000);
    assert_int_equal(mtu_of("10.0.0.2"), 1000);
}

TEST("1191-2: below 552 the estimate stays at 552 and DF is left off; below 68 a message is a lie")
{
    ip_rt_update_pmtu(t->net, addr("8.8.8.8"), 67);
    assert_int_equal(mtu_of("8.8.8.8"), 1500);
    ip_rt_update_pmtu(t->net, addr("8.8.8.8"), 0);
    assert_int_equal(mtu_of("8.8.8.8"), 1500);
    ip_rt_update_pmtu(t->net, addr("8.8.8.8"), 68);
    assert_int_equal(mtu_of("8.8.8.8"), 552);
    assert_true(last_locked);
}

TEST("1191-4: after ten minutes the larger size is tried again")
{
    ip_rt_update_pmtu(t->net, addr("8.8.8.8"), 1280);
    testnet_advance_ms(t, 5 * 60 * 1000);
    ip_rt_update_pmtu(t->net, addr("9.9.9.9"), 1281);
    testnet_advance_ms(t, 5 * 60 * 1000 - 1000);
    assert_int_equal(mtu_of("8.8.8.8"), 1280);
    testnet_advance_ms(t, 2000);
    assert_int_equal(mtu_of("8.8.8.8"), 1500);
    assert_int_equal(mtu_of("9.9.9.9"), 1281);
    testnet_advance_ms(t, 5 * 60 * 1000);
    assert_int_equal(mtu_of("9.9.9.9"), 1500);
}

TEST("path MTU lowering: the table of exceptions is bounded, the oldest makes room")
{
    size_t before = host_objects_alive();

    for (uint32_t i = 0; i < 5000; i++)
        ip_rt_update_pmtu(t->net, cpu_to_be32(testnet_addr("20.0.0.1") + i), 1000);
    assert_in_range(host_objects_alive() - before, 1, RT_PMTU_MAX);
    assert_int_equal(mtu_of("20.0.0.1"), 1500);
    ip_rt_update_pmtu(t->net, addr("20.0.0.1"), 1111);
    assert_int_equal(mtu_of("20.0.0.1"), 1111);
}

TEST("local and broadcast destinations have no path MTU")
{
    ip_rt_update_pmtu(t->net, addr("10.0.0.1"), 600);
    ip_rt_update_pmtu(t->net, addr("127.0.0.1"), 600);
    ip_rt_update_pmtu(t->net, addr("224.0.0.1"), 600);
    ip_rt_update_pmtu(t->net, addr("255.255.255.255"), 600);
    assert_int_equal(mtu_of("10.0.0.1"), 65535);
    assert_int_equal(mtu_of("255.255.255.255"), 1500);
}

TEST("each allocation may fail while routes are added and asked for")
{
    for (unsigned n = 1; n < 40; n++) {
        host_fail_allocation(n);
        add("5.0.0.0", 8, "10.0.0.3", 0, RTN_UNICAST);
        hop("5.1.1.1");
        hop("10.0.0.50");
        ip_rt_update_pmtu(t->net, addr("5.1.1.1"), 1000);
        hop("5.1.1.1");
        host_fail_allocation(0);
        del("5.0.0.0", 8, NULL);
        rt_cache_flush(t->net);
    }
    assert_hop("8.8.8.8", "10.0.0.2");
}

TEST_FIXTURE(setup, teardown)
