/*
 * test_forward.c - the router (net/ipv4/ip_forward.c, rp_filter.c, devconf.c, and route.c for what is not
 * ours).
 *
 * One stack, two cards: 10.0.0.1/24 (t) and 10.1.0.1/24 (far).
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/napi.h"
#include "net/core/sysctl.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/redirect.h"
#include "net/ipv4/route.h"
#include "net/netfilter/hooks.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t, *far;
static uint8_t in[70000], out[70000], data[65536];
static const uint8_t broadcast_mac[6] = {255, 255, 255, 255, 255, 255};

static be32 addr(const char *dotted)
{
    return cpu_to_be32(testnet_addr(dotted));
}

static void set(const char *name, const char *value)
{
    assert_int_equal(sysctl_set(t->net, name, value), 0);
}

static int del_default(void)
{
    struct fib_config cfg = {.gateway = cpu_to_be32(t->peer)};

    return fib_del(t->net, &cfg);
}

static int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    far = testnet_add_port(t, "10.1.0.1/24", 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    return sysctl_set(t->net, "net.ipv4.ip_forward", "1");
}

static int teardown(void **state)
{
    testnet_remove_port(far);
    return testnet_destroy(t);
}

/* A datagram from the near peer, towards the far one unless `ip` says otherwise. */
static size_t datagram(const struct testnet_ip *ip, size_t len)
{
    struct testnet_ip full = *ip;

    full.daddr = ip->daddr ? ip->daddr : far->peer;
    return testnet_build_udp(t, in, &full, 4000, 4001, data, len);
}

static size_t to_far(size_t len)
{
    testnet_inject(t, in, len);
    return testnet_pop(far, out, sizeof(out));
}

/* The answer that comes back to the sender. */
static size_t back(size_t len)
{
    testnet_inject(t, in, len);
    return testnet_pop(t, out, sizeof(out));
}

static bool is_icmp(size_t len, uint8_t type, uint8_t code)
{
    return len && testnet_frame_ok(out, len) && out[TESTNET_IP + 9] == 1 && out[TESTNET_L4] == type &&
           out[TESTNET_L4 + 1] == code;
}

/* Dropped without a word in any direction, by exactly this name. */
static void assert_silent(size_t len, enum skb_drop_reason reason)
{
    uint64_t drops = t->net->drops[reason];

    testnet_inject(t, in, len);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(testnet_pop(far, out, sizeof(out)), 0);
    assert_int_equal(t->net->drops[reason], drops + 1);
    assert_int_equal(t->net->skb_count, 0);
}

static void add_route(const char *dst, uint8_t len, const char *gateway, enum rt_type type)
{
    struct fib_config cfg = {
        .dst = addr(dst), .prefix_len = len, .gateway = gateway ? addr(gateway) : 0, .type = type};

    assert_int_equal(fib_add(t->net, &cfg), 0);
}

/* --- the way through --- */

TEST(
    "1812-TTL: a datagram for somebody else leaves by the other card with one hop less and nothing else changed")
{
    static const size_t sizes[] = {0, 1, 2, 17, 512, 1471, 1472};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        for (unsigned ttl = 2; ttl < 256; ttl += 23) {
            size_t len = datagram(
                &(struct testnet_ip){
                    .ttl = (uint8_t)ttl, .tos = 0x12, .id = (uint16_t)ttl, .frag_off = IP_DF},
                sizes[i]);

            assert_int_equal(to_far(len), len);
            assert_true(testnet_frame_ok(out, len));
            assert_memory_equal(out, testnet_peer_mac, 6);
            assert_memory_equal(out + 6, far->dev->dev_addr, 6);
            assert_int_equal(out[TESTNET_IP + 8], ttl - 1);
            out[TESTNET_IP + 8]++;
            memcpy(out + TESTNET_IP + 10, in + TESTNET_IP + 10, 2);
            assert_memory_equal(out + TESTNET_IP, in + TESTNET_IP, len - TESTNET_IP);
        }
    assert_int_equal(t->net->mib[MIB_IpForwDatagrams], 7 * 12);
    assert_int_equal(t->net->mib[MIB_IpInDelivers], 0);
    assert_int_equal(t->net->mib[MIB_IpOutRequests], 0);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
}

TEST("without net.ipv4.ip_forward nothing passes, and switching it off counts at once")
{
    size_t len = datagram(&(struct testnet_ip){0}, 20);

    assert_int_equal(to_far(len), len);
    set("net.ipv4.ip_forward", "0");
    assert_silent(len, SKB_DROP_REASON_IP_INADDRERRORS);
    assert_int_equal(t->net->mib[MIB_IpInAddrErrors], 1);
    set("net.ipv4.conf.all.forwarding", "1");
    assert_int_equal(to_far(len), len);
    set("net.ipv4.conf.eth1.forwarding", "0"); /* the way back only */
    assert_int_equal(to_far(len), len);
    set("net.ipv4.conf.eth0.forwarding", "0");
    assert_silent(len, SKB_DROP_REASON_IP_INADDRERRORS);
}

static const uint8_t *tap_bytes;
static struct sk_buff *tap_skb;

static int keep_packet(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    if (skb->pkt_type == PACKET_OUTGOING || tap_skb) {
        consume_skb(skb);
        return 0;
    }
    tap_skb = skb;
    tap_bytes = skb->data;
    return 0;
}

TEST("a capture that holds the datagram goes on seeing it as it came")
{
    struct packet_type tap = {.type = cpu_to_be16(0x0003), .func = keep_packet};
    size_t len = datagram(&(struct testnet_ip){.ttl = 9}, 100);

    tap_skb = NULL;
    dev_add_pack(t->net, &tap);
    assert_int_equal(to_far(len), len);
    dev_remove_pack(&tap);
    assert_memory_equal(tap_bytes, in + TESTNET_IP, len - TESTNET_IP);
    consume_skb(tap_skb);
}

static unsigned hook_calls[NF_INET_NUMHOOKS];
static struct net_device *hook_in, *hook_out;
static uint32_t hook_priority;
static enum nf_verdict hook_verdict;

static enum nf_verdict count_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    hook_calls[state->hook]++;
    if (state->hook != NF_INET_FORWARD)
        return NF_ACCEPT;
    hook_in = state->in;
    hook_out = state->out;
    hook_priority = skb->priority;
    return hook_verdict;
}

TEST("what is forwarded passes PRE_ROUTING, FORWARD with both devices, and POST_ROUTING")
{
    struct nf_hook_ops ops[NF_INET_NUMHOOKS];

    memset(hook_calls, 0, sizeof(hook_calls));
    hook_verdict = NF_ACCEPT;
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++) {
        ops[i] = (struct nf_hook_ops){.hook = count_hook, .hooknum = i};
        nf_register_net_hook(t->net, &ops[i]);
    }
    size_t len = datagram(&(struct testnet_ip){.tos = 0x10}, 20);
    assert_int_equal(to_far(len), len);
    assert_ptr_equal(hook_in, t->dev);
    assert_ptr_equal(hook_out, far->dev);
    assert_int_equal(hook_priority, 6); /* low delay: interactive */
    hook_verdict = NF_DROP;
    assert_silent(len, SKB_DROP_REASON_NETFILTER_DROP);
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        nf_unregister_net_hook(&ops[i]);
    assert_int_equal(hook_calls[NF_INET_PRE_ROUTING], 2);
    assert_int_equal(hook_calls[NF_INET_FORWARD], 2);
    assert_int_equal(hook_calls[NF_INET_POST_ROUTING], 1);
    assert_int_equal(hook_calls[NF_INET_LOCAL_IN] + hook_calls[NF_INET_LOCAL_OUT], 0);
    assert_int_equal(t->net->mib[MIB_IpForwDatagrams], 1);
}

/* --- what the sender is told --- */

TEST(
    "1812-TTL: with no hop left the sender hears time exceeded, from the address on his side, about what he sent")
{
    for (uint8_t ttl = 1; ttl < 2; ttl++) {
        size_t len = datagram(&(struct testnet_ip){.ttl = ttl, .tos = 0x08}, 300), n = back(len);

        assert_true(is_icmp(n, ICMP_TIME_EXCEEDED, 0));
        assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
        assert_int_equal(testnet_u32(out + TESTNET_IP + 16), t->peer);
        assert_int_equal(out[TESTNET_IP + 1], 0xc8); /* RFC 1812 4.3.2.5 */
        assert_memory_equal(out + TESTNET_L4 + 8, in + TESTNET_IP, 328);
        assert_int_equal(testnet_pop(far, out, sizeof(out)), 0);
    }
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_TTL], 1);
    assert_int_equal(t->net->mib[MIB_IpInHdrErrors], 1);
    assert_int_equal(t->net->mib[MIB_IpForwDatagrams], 0);
}

TEST("1812-TTL: TTL 1 is enough for a datagram to the router itself, on whichever card its address is")
{
    size_t len =
        testnet_build_icmp(t, in, &(struct testnet_ip){.ttl = 1, .daddr = far->local}, 8, 0, 7, data, 9);

    assert_true(is_icmp(back(len), 0, 0));
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), far->local);
}

TEST("1812-PMTU: too large and not to be fragmented: the sender hears the MTU of the next link")
{
    assert_int_equal(dev_set_mtu(far->dev, 1000), 0);
    assert_int_equal(to_far(datagram(&(struct testnet_ip){.frag_off = IP_DF}, 972)), 14 + 1000);
    assert_true(is_icmp(back(datagram(&(struct testnet_ip){.frag_off = IP_DF}, 973)), ICMP_DEST_UNREACH,
                        ICMP_FRAG_NEEDED));
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), 1000);
    assert_memory_equal(out + TESTNET_L4 + 8, in + TESTNET_IP, 500);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_MTU], 1);
}

TEST("1812-FRAG: without DF it goes on in pieces that fit the next link, also when it is a fragment itself")
{
    for (unsigned i = 0; i < 2; i++) {
        size_t covered = 0, n, len = datagram(&(struct testnet_ip){.frag_off = i ? 0x2000 | 50 : 0}, 1400);

        assert_int_equal(dev_set_mtu(far->dev, 600), 0);
        testnet_inject(t, in, len);
        while ((n = testnet_pop(far, out, sizeof(out)))) {
            uint16_t frag = testnet_u16(out + TESTNET_IP + 6);

            assert_true(n <= 14 + 600 && testnet_csum(out + TESTNET_IP, 20, 0) == 0);
            assert_int_equal(out[TESTNET_IP + 8], 63);
            assert_int_equal((frag & 0x1fff) * 8, (i ? 400 : 0) + covered);
            assert_memory_equal(out + TESTNET_L4, in + TESTNET_L4 + covered, n - TESTNET_L4);
            covered += n - TESTNET_L4;
            assert_int_equal(!(frag & 0x2000), !i && covered == 1408);
        }
        assert_int_equal(covered, 1408);
    }
}

TEST("the path MTU that the router knows for itself changes nothing for what it forwards")
{
    size_t len = datagram(&(struct testnet_ip){.frag_off = IP_DF}, 1400);

    ip_rt_update_pmtu(t->net, cpu_to_be32(far->peer), 600);
    assert_int_equal(to_far(len), len);
}

TEST("1812-UNREACH: no route: network unreachable; unreachable: host; prohibit: filtered; blackhole: nothing")
{
    static const struct {
        const char *to;
        uint8_t code;
    } errors[] = {
        {"172.16.0.1", ICMP_NET_UNREACH}, {"10.9.1.1", ICMP_HOST_UNREACH}, {"10.9.2.1", ICMP_PKT_FILTERED}};

    assert_int_equal(del_default(), 0);
    add_route("10.9.1.0", 24, NULL, RTN_UNREACHABLE);
    add_route("10.9.2.0", 24, NULL, RTN_PROHIBIT);
    add_route("10.9.3.0", 24, NULL, RTN_BLACKHOLE);
    for (size_t i = 0; i < 3; i++) {
        assert_true(is_icmp(back(datagram(&(struct testnet_ip){.daddr = testnet_addr(errors[i].to)}, 20)),
                            ICMP_DEST_UNREACH, errors[i].code));
        assert_int_equal(testnet_pop(far, out, sizeof(out)), 0);
    }
    assert_silent(datagram(&(struct testnet_ip){.daddr = testnet_addr("10.9.3.1")}, 20),
                  SKB_DROP_REASON_IP_BLACKHOLE);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_BLACKHOLE], 3);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_INNOROUTES], 1);
    assert_int_equal(t->net->mib[MIB_IpExtInNoRoutes], 1);
}

TEST("1812-UNREACH: a next hop that does not answer ARP becomes host unreachable at the sender")
{
    testnet_inject(t, in, datagram(&(struct testnet_ip){.daddr = testnet_addr("10.1.0.77")}, 20));
    testnet_advance_ms(t, 4000);
    assert_true(is_icmp(testnet_pop(t, out, sizeof(out)), ICMP_DEST_UNREACH, ICMP_HOST_UNREACH));
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 16), t->peer);
}

TEST(
    "errors come from the card they leave by; with icmp_errors_use_inbound_ifaddr from the one the datagram came by")
{
    /* A sender behind the far router, whose datagram takes a detour and comes in by the near card. */
    struct fib_config cfg = {.dst = addr("192.168.9.0"), .prefix_len = 24, .gateway = cpu_to_be32(far->peer)};
    struct testnet_ip ip = {.saddr = testnet_addr("192.168.9.9"), .ttl = 1};

    assert_int_equal(fib_add(t->net, &cfg), 0);
    assert_true(is_icmp(to_far(datagram(&ip, 20)), ICMP_TIME_EXCEEDED, 0));
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), far->local);
    set("net.ipv4.icmp_errors_use_inbound_ifaddr", "1");
    assert_true(is_icmp(to_far(datagram(&ip, 20)), ICMP_TIME_EXCEEDED, 0));
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
}

TEST("1122-ICMP-NOERR: a router is silent too about ICMP errors, later fragments and sources that are nobody")
{
    size_t len =
        testnet_build_icmp(t, in, &(struct testnet_ip){.ttl = 1, .daddr = far->peer}, 3, 1, 0, data, 28);

    assert_silent(len, SKB_DROP_REASON_IP_TTL);
    assert_silent(datagram(&(struct testnet_ip){.ttl = 1, .frag_off = 100}, 20), SKB_DROP_REASON_IP_TTL);
    assert_silent(datagram(&(struct testnet_ip){.ttl = 1, .saddr = testnet_addr("10.0.0.255")}, 20),
                  SKB_DROP_REASON_IP_MARTIAN_SRC);
    /* A query is answered. */
    len = testnet_build_icmp(t, in, &(struct testnet_ip){.ttl = 1, .daddr = far->peer}, 8, 0, 0, data, 28);
    assert_true(is_icmp(back(len), ICMP_TIME_EXCEEDED, 0));
}

/* --- redirects --- */

TEST(
    "1812-REDIR: who should have asked a neighbour of his is told which, about the host, and served all the same")
{
    size_t len, n;

    add_route("172.20.0.0", 16, "10.0.0.2", RTN_UNICAST);
    len = datagram(
        &(struct testnet_ip){.saddr = testnet_addr("10.0.0.9"), .daddr = testnet_addr("172.20.1.1")}, 20);
    testnet_inject(t, in, len);
    t->keep_arp = false;
    n = testnet_pop(t, out, sizeof(out)); /* the datagram; the redirect waits for ARP */
    assert_int_equal(n, len);
    assert_memory_equal(out, testnet_peer_mac, 6);
    assert_int_equal(t->net->mib[MIB_IcmpOutRedirects], 1);

    len = datagram(&(struct testnet_ip){.daddr = testnet_addr("172.20.1.1")}, 20); /* from the peer itself */
    testnet_inject(t, in, len);
    n = testnet_pop(t, out, sizeof(out));
    assert_true(is_icmp(n, ICMP_REDIRECT, ICMP_REDIR_HOST));
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), t->peer);
    assert_memory_equal(out + TESTNET_L4 + 8, in + TESTNET_IP, 48);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), len);
}

TEST("1812-REDIR: no redirect to senders of other networks, with send_redirects=0, or above the rate limit")
{
    size_t len = datagram(
        &(struct testnet_ip){.saddr = testnet_addr("172.31.0.1"), .daddr = testnet_addr("8.8.8.8")}, 20);

    testnet_inject(t, in, len);
    assert_int_equal(t->net->mib[MIB_IcmpOutRedirects], 0);
    len = datagram(&(struct testnet_ip){.daddr = testnet_addr("8.8.8.8")}, 20);
    for (unsigned i = 0; i < 100; i++)
        testnet_inject(t, in, len);
    assert_in_range(t->net->mib[MIB_IcmpOutRedirects], 1, 6);
    testnet_advance_ms(t, 100000);
    uint64_t before = t->net->mib[MIB_IcmpOutRedirects];
    set("net.ipv4.conf.all.send_redirects", "0");
    testnet_inject(t, in, len);
    assert_int_equal(t->net->mib[MIB_IcmpOutRedirects], before + 1); /* the card's own says yes */
    set("net.ipv4.conf.eth0.send_redirects", "0");
    testnet_inject(t, in, len);
    assert_int_equal(t->net->mib[MIB_IcmpOutRedirects], before + 1);
    assert_int_equal(t->net->mib[MIB_IpForwDatagrams], 103);
}

/* A redirect for 8.8.8.8 to `gateway`, from `from`. */
static void redirect(const char *from, const char *gateway, const char *quoted_source)
{
    uint8_t quote[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17};
    struct testnet_ip ip = {.saddr = testnet_addr(from)};

    put_unaligned_be32(testnet_addr(quoted_source), quote + 12);
    put_unaligned_be32(testnet_addr("8.8.8.8"), quote + 16);
    put_unaligned_be16(testnet_csum(quote, 20, 0), quote + 10);
    testnet_inject(t, in, testnet_build_icmp(t, in, &ip, ICMP_REDIRECT, 1, testnet_addr(gateway), quote, 28));
}

static uint32_t hop(const char *dst)
{
    struct flowi4 fl = {.daddr = addr(dst)};
    int err;
    struct rtable *rt = ip_route_output(t->net, &fl, &err);
    uint32_t nexthop = rt ? be32_to_cpu(rt->nexthop) : 0;

    if (rt)
        dst_release(&rt->dst);
    return nexthop;
}

TEST(
    "1122-ICMP-REDIR: a host that accepts redirects believes its gateway for one destination, for five minutes")
{
    set("net.ipv4.ip_forward", "0");
    redirect("10.0.0.2", "10.0.0.7", "10.0.0.1");
    assert_int_equal(hop("8.8.8.8"), t->peer); /* nobody asked for it */
    set("net.ipv4.conf.eth0.accept_redirects", "1");
    redirect("10.0.0.2", "10.0.0.7", "10.0.0.1");
    assert_int_equal(hop("8.8.8.8"), testnet_addr("10.0.0.7"));
    assert_int_equal(hop("8.8.8.9"), t->peer);
    testnet_advance_ms(t, 5 * 60 * 1000 + 1000);
    assert_int_equal(hop("8.8.8.8"), t->peer);
}

TEST(
    "1122-ICMP-REDIR: not from another than the current gateway, not off the link, not to ourselves, not on a router")
{
    set("net.ipv4.conf.eth0.accept_redirects", "1");
    redirect("10.0.0.2", "10.0.0.7", "10.0.0.1"); /* a router */
    assert_int_equal(hop("8.8.8.8"), t->peer);
    set("net.ipv4.ip_forward", "0");
    redirect("10.0.0.3", "10.0.0.7", "10.0.0.1");
    redirect("10.0.0.2", "10.1.0.7", "10.0.0.1");
    redirect("10.0.0.2", "172.16.0.1", "10.0.0.1");
    redirect("10.0.0.2", "10.0.0.1", "10.0.0.1");
    redirect("10.0.0.2", "10.0.0.255", "10.0.0.1");
    redirect("10.0.0.2", "10.0.0.7", "10.0.0.9"); /* about a datagram that is not ours */
    assert_int_equal(hop("8.8.8.8"), t->peer);
    set("net.ipv4.conf.all.shared_media", "0");
    set("net.ipv4.conf.eth0.shared_media", "0");
    redirect("10.0.0.2", "10.0.0.7", "10.0.0.1"); /* secure_redirects: no gateway that we know */
    assert_int_equal(hop("8.8.8.8"), t->peer);
    add_route("172.20.0.0", 16, "10.0.0.7", RTN_UNICAST);
    redirect("10.0.0.2", "10.0.0.7", "10.0.0.1");
    assert_int_equal(hop("8.8.8.8"), testnet_addr("10.0.0.7"));
}

TEST("only so many redirects are remembered, the oldest make room")
{
    char dotted[16];
    unsigned known = 0;

    set("net.ipv4.ip_forward", "0");
    set("net.ipv4.conf.eth0.accept_redirects", "1");
    for (unsigned i = 0; i < 100; i++)
        assert_true(
            ip_rt_redirect(t->net, t->dev, addr("10.0.0.2"), addr("10.0.0.7"), cpu_to_be32(0x08080800 + i)));
    for (unsigned i = 0; i < 100; i++) {
        snprintf(dotted, sizeof(dotted), "8.8.8.%u", i);
        bool believed = hop(dotted) == testnet_addr("10.0.0.7");
        known += believed;
        assert_int_equal(believed, i >= 100 - REDIRECT_MAX);
    }
    assert_int_equal(known, REDIRECT_MAX);
}

TEST(
    "1122-ICMP-REDIR: a gateway that was recommended and does not answer is forgotten; so is all with the device")
{
    struct flowi4 fl = {.daddr = addr("8.8.8.8")};
    int err;

    set("net.ipv4.ip_forward", "0");
    set("net.ipv4.conf.eth0.accept_redirects", "1");
    redirect("10.0.0.2", "10.0.0.7", "10.0.0.1");
    struct rtable *rt = ip_route_output(t->net, &fl, &err);
    struct sk_buff *skb = alloc_skb(t->net, 200);
    skb_reserve(skb, 100);
    skb_put(skb, 8);
    ip_build_and_send(t->net, NULL, skb, &rt->dst,
                      &(struct ip_params){.saddr = fl.saddr, .daddr = fl.daddr, .protocol = 17});
    dst_release(&rt->dst);
    testnet_advance_ms(t, 5000);
    assert_int_equal(hop("8.8.8.8"), t->peer);
}

/* --- what no router may forward --- */

TEST(
    "1812-MARTIAN: 0/8, 127/8, class E and multicast neither as source nor as destination; link-local stays on its link")
{
    static const char *const sources[] = {"0.0.0.0",   "0.1.2.3",         "127.0.0.1",
                                          "240.0.0.1", "255.255.255.255", "224.0.0.9"};
    static const char *const destinations[] = {"0.1.2.3", "127.0.0.1", "240.0.0.1"};
    uint64_t errors = t->net->mib[MIB_IpInDiscards];

    for (size_t i = 0; i < 6; i++) {
        size_t len = datagram(&(struct testnet_ip){.saddr = 1}, 20);

        put_unaligned_be32(testnet_addr(sources[i]), in + TESTNET_IP + 12);
        testnet_fix_ip_csum(in);
        assert_silent(len, SKB_DROP_REASON_IP_MARTIAN_SRC);
    }
    assert_int_equal(t->net->mib[MIB_IpInDiscards], errors + 6);
    for (size_t i = 0; i < 3; i++)
        assert_silent(datagram(&(struct testnet_ip){.daddr = testnet_addr(destinations[i])}, 20),
                      SKB_DROP_REASON_IP_MARTIAN_DST);
    assert_silent(datagram(&(struct testnet_ip){.daddr = testnet_addr("239.1.2.3")}, 20),
                  SKB_DROP_REASON_IP_INADDRERRORS);
    assert_silent(datagram(&(struct testnet_ip){.daddr = testnet_addr("169.254.1.1")}, 20),
                  SKB_DROP_REASON_IP_INADDRERRORS);
    assert_silent(datagram(&(struct testnet_ip){.saddr = testnet_addr("169.254.1.1")}, 20),
                  SKB_DROP_REASON_IP_INADDRERRORS);
}

TEST("1812-BCAST: broadcasts of any kind end at the router, also when their frame alone is one")
{
    size_t len = testnet_build_icmp(t, in, &(struct testnet_ip){.daddr = testnet_addr("10.1.0.255")}, 8, 0, 0,
                                    data, 8);

    assert_silent(len, SKB_DROP_REASON_ICMP_BROADCAST); /* taken for ours, not sent to the other network */
    len = testnet_build_icmp(t, in, &(struct testnet_ip){.daddr = 0xffffffff}, 8, 0, 0, data, 8);
    assert_silent(len, SKB_DROP_REASON_ICMP_BROADCAST);
    assert_silent(datagram(&(struct testnet_ip){.dst_mac = broadcast_mac}, 20),
                  SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST);
    assert_int_equal(t->net->mib[MIB_IpForwDatagrams], 0);
}

TEST("LAND: a source of ours is a martian on the router too, unless accept_local says otherwise")
{
    size_t len = datagram(&(struct testnet_ip){.saddr = far->local}, 20);

    assert_silent(len, SKB_DROP_REASON_IP_MARTIAN_SRC);
    set("net.ipv4.conf.eth0.accept_local", "1");
    assert_int_equal(to_far(len), len);
}

/* --- reverse path --- */

TEST(
    "RFC 3704: rp_filter=1 takes a source only from where it lives, 2 from anywhere if it lives at all, all adds to each")
{
    struct testnet_ip near = {.saddr = testnet_addr("10.0.0.2")}, stray = {.saddr = testnet_addr("10.1.0.9")},
                      nobody = {.saddr = testnet_addr("172.16.0.1")};

    assert_int_equal(del_default(), 0);
    assert_true(to_far(datagram(&near, 20)));
    assert_true(to_far(datagram(&stray, 20)));
    assert_true(to_far(datagram(&nobody, 20)));
    set("net.ipv4.conf.all.rp_filter", "1");
    assert_true(to_far(datagram(&near, 20)));
    assert_silent(datagram(&stray, 20), SKB_DROP_REASON_IP_RPFILTER);
    assert_silent(datagram(&nobody, 20), SKB_DROP_REASON_IP_RPFILTER);
    assert_int_equal(t->net->mib[MIB_TcpExtIPReversePathFilter], 2);
    set("net.ipv4.conf.eth0.rp_filter", "2"); /* the higher number counts */
    assert_true(to_far(datagram(&stray, 20)));
    assert_silent(datagram(&nobody, 20), SKB_DROP_REASON_IP_RPFILTER);
    set("net.ipv4.conf.all.rp_filter", "0");
    set("net.ipv4.conf.eth0.rp_filter", "0");
    assert_true(to_far(datagram(&nobody, 20)));
    assert_int_equal(sysctl_set(t->net, "net.ipv4.conf.eth0.rp_filter", "3"), -ERANGE);
}

TEST("rp_filter judges what is for the router itself too, and lets DHCP's 0.0.0.0 call out")
{
    set("net.ipv4.conf.all.rp_filter", "1");
    assert_silent(
        testnet_build_icmp(t, in, &(struct testnet_ip){.saddr = testnet_addr("10.1.0.9")}, 8, 0, 0, data, 8),
        SKB_DROP_REASON_IP_RPFILTER);
    size_t len = testnet_build_udp(t, in, &(struct testnet_ip){.daddr = 0xffffffff}, 68, 67, data, 20);
    put_unaligned_be32(0, in + TESTNET_IP + 12);
    testnet_fix_ip_csum(in);
    testnet_inject(t, in, len);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_RPFILTER], 1);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_MARTIAN_SRC], 0);
}

TEST("log_martians names device, source and destination, and a flood gets few lines")
{
    size_t len = datagram(&(struct testnet_ip){.saddr = testnet_addr("127.0.0.9")}, 20);

    testnet_inject(t, in, len);
    assert_null(strstr(host_last_log(), "martian"));
    set("net.ipv4.conf.all.log_martians", "1");
    for (unsigned i = 0; i < 100; i++)
        testnet_inject(t, in, len);
    assert_string_equal(host_last_log(), "eth0: martian source: 127.0.0.9 to 10.1.0.2");
    assert_true(t->net->ipv4->martian_log_ms <= ktime_get_ms() + 50000);
}

/* --- options --- */

TEST(
    "record route and timestamps get the router's address on the way out; router alert and unknown ones pass")
{
    static const uint8_t options[32] = {7, 11, 4, 0, 0, 0, 0, 0, 0,   0, 0, 1, 68,  12, 5, 1,
                                        0, 0,  0, 0, 0, 0, 0, 0, 148, 4, 0, 0, 200, 4,  1, 2};
    size_t len = datagram(&(struct testnet_ip){.options = options, .options_len = 32}, 20);
    const uint8_t *o = out + TESTNET_L4;

    assert_int_equal(to_far(len), len);
    assert_true(testnet_frame_ok(out, len));
    assert_int_equal(o[2], 8);
    assert_int_equal(testnet_u32(o + 3), far->local);
    assert_int_equal(testnet_u32(o + 7), 0);
    assert_int_equal(o[14], 13);
    assert_int_equal(testnet_u32(o + 16), far->local);
    assert_true(testnet_u32(o + 20) < 86400000);
    assert_memory_equal(o + 24, options + 24, 8);
}

TEST("full options stay as they are, and hosts without room for their time are counted up to fifteen")
{
    uint8_t options[12] = {7, 7, 8, 1, 2, 3, 4, 1, 68, 4, 5, 0x00};
    size_t len = datagram(&(struct testnet_ip){.options = options, .options_len = 12}, 20);

    assert_int_equal(to_far(len), len);
    assert_memory_equal(out + TESTNET_L4, options, 11);
    assert_int_equal(out[TESTNET_L4 + 11], 0x10);
    options[11] = 0xf1;
    assert_int_equal(to_far(datagram(&(struct testnet_ip){.options = options, .options_len = 12}, 20)), len);
    assert_int_equal(out[TESTNET_L4 + 11], 0xf1);
}

TEST("wild pointers and timestamp flags write nothing outside their option")
{
    for (unsigned pointer = 4; pointer < 256; pointer++)
        for (unsigned flag = 0; flag < 16; flag++) {
            uint8_t options[20] = {7,
                                   7,
                                   (uint8_t)pointer,
                                   0,
                                   0,
                                   0,
                                   0,
                                   68,
                                   8,
                                   (uint8_t)(pointer + 1),
                                   (uint8_t)flag,
                                   0,
                                   0,
                                   0,
                                   0,
                                   1,
                                   200,
                                   4,
                                   0xaa,
                                   0xbb};
            size_t len = datagram(&(struct testnet_ip){.options = options, .options_len = 20}, 20);

            if (pointer == 255)
                continue;
            assert_int_equal(to_far(len), len);
            assert_true(testnet_frame_ok(out, len));
            assert_memory_equal(out + TESTNET_L4 + 15, options + 15, 5);
            assert_memory_equal(out + TESTNET_L4 + 20, in + TESTNET_L4 + 20, 28);
        }
}

TEST("source-routed datagrams are not forwarded")
{
    static const uint8_t lsrr[8] = {131, 7, 4, 10, 1, 0, 2, 0};

    assert_silent(datagram(&(struct testnet_ip){.options = lsrr, .options_len = 8}, 20),
                  SKB_DROP_REASON_IP_SRCROUTE);
}

TEST("1812-PARAM: options that make no sense draw a parameter problem that points at the byte")
{
    static const struct {
        uint8_t options[4], pointer;
    } bad[] = {
        {{68, 0, 0, 0}, 21},  {{7, 1, 0, 0}, 21},  {{7, 40, 4, 0}, 21},
        {{200, 5, 0, 0}, 21}, {{1, 1, 1, 7}, 24},  {{200, 1, 0, 0}, 21},
        {{7, 3, 0, 0}, 22},   {{68, 4, 4, 0}, 22}, {{1, 7, 2, 0}, 23},
    };

    set("net.ipv4.icmp_ratelimit", "0");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct testnet_ip ip = {.options = bad[i].options, .options_len = 4, .daddr = i & 1 ? t->local : 0};

        assert_true(is_icmp(back(datagram(&ip, 20)), ICMP_PARAMETERPROB, 0));
        assert_int_equal(out[TESTNET_L4 + 4], bad[i].pointer);
        assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_OPTIONS], i + 1);
        assert_int_equal(t->net->mib[MIB_IpInHdrErrors], i + 1);
    }
}

/* --- trains --- */

static struct napi_struct napi;

static int no_poll(struct napi_struct *n, int budget)
{
    return 0;
}

#define MSS 1448u

static unsigned id_step = 1;

/* Segment `number` of a stream from the near peer comes in, as part of a poll. */
static void train_add(unsigned number, unsigned len, uint16_t frag_off)
{
    uint8_t segment[32 + MSS] = {0x10, 0, 0x20, 0};
    struct testnet_ip ip = {.protocol = IPPROTO_TCP,
                            .frag_off = frag_off,
                            .daddr = far->peer,
                            .id = (uint16_t)(500 + number * id_step)};

    put_unaligned_be32(1000 + number * MSS, segment + 4);
    segment[12] = 8 << 4;
    segment[13] = 0x10;
    memcpy(segment + 20, "\1\1\10\12abcdefgh", 12);
    for (unsigned i = 0; i < len; i++)
        segment[32 + i] = (uint8_t)(number * 3 + i);
    testnet_fix_csum(segment, 32 + len, 16, t->peer, far->peer, IPPROTO_TCP);
    size_t n = testnet_build_ip(t, in, &ip, segment, 32 + len);
    struct sk_buff *skb = netdev_alloc_skb(t->dev, (unsigned)n);
    if (!skb)
        return;
    skb_put_data(skb, in, (unsigned)n);
    eth_type_trans(skb, t->dev);
    napi_gro_receive(&napi, skb);
}

static void train(unsigned segments, unsigned last_len, uint16_t frag_off)
{
    netif_napi_add(t->dev, &napi, no_poll, NAPI_POLL_WEIGHT);
    for (unsigned i = 0; i < segments; i++)
        train_add(i, i + 1 == segments ? last_len : MSS, frag_off);
    napi_gro_flush(&napi);
    host_run();
    netif_napi_del(&napi);
}

static void assert_segments(unsigned segments, unsigned last_len)
{
    for (unsigned i = 0; i < segments; i++) {
        unsigned len = i + 1 == segments ? last_len : MSS;
        size_t n = testnet_pop(far, out, sizeof(out));

        assert_int_equal(n, 14 + 20 + 32 + len);
        assert_true(testnet_frame_ok(out, n));
        assert_int_equal(out[TESTNET_IP + 8], 63);
        assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), 1000 + i * MSS);
        for (unsigned k = 0; k < len; k++)
            assert_int_equal(out[TESTNET_L4 + 32 + k], (uint8_t)(i * 3 + k));
    }
    assert_int_equal(testnet_pop(far, out, sizeof(out)), 0);
}

TEST("segments that came in a row go through as one and leave as they came, every byte and sum right")
{
    memset(hook_calls, 0, sizeof(hook_calls));
    hook_verdict = NF_ACCEPT;
    struct nf_hook_ops ops = {.hook = count_hook, .hooknum = NF_INET_FORWARD};
    nf_register_net_hook(t->net, &ops);
    train(10, 700, IP_DF);
    nf_unregister_net_hook(&ops);
    assert_int_equal(hook_calls[NF_INET_FORWARD], 1);
    assert_segments(10, 700);
    assert_int_equal(t->net->mib[MIB_IpForwDatagrams], 10);
}

TEST("the segments of a train leave in the buffers they came in: nothing is allocated on its way")
{
    to_far(datagram(&(struct testnet_ip){0}, 20)); /* the route is known */
    netif_napi_add(t->dev, &napi, no_poll, NAPI_POLL_WEIGHT);
    for (unsigned i = 0; i < 8; i++)
        train_add(i, MSS, IP_DF);
    host_fail_allocation(1);
    napi_gro_flush(&napi);
    host_run();
    assert_false(host_allocation_failed());
    host_fail_allocation(0);
    netif_napi_del(&napi);
    assert_segments(8, MSS);
    assert_int_equal(t->net->skb_count, 0);
}

static bool bridge_to_far(struct sk_buff *skb)
{
    struct sk_buff *clone = skb_clone(skb);

    skb_push(clone, 14);
    clone->dev = far->dev;
    clone->ip_summed = CHECKSUM_NONE;
    dev_queue_xmit(clone);
    assert_int_equal(skb_copy_bits(skb, 0, out, 60), 0); /* who holds the other one sees what came */
    assert_int_equal(testnet_u16(out + 20 + 16), 0x1234);
    consume_skb(skb);
    return true;
}

static bool mark_and_bridge(struct sk_buff *skb)
{
    put_unaligned_be16(0x1234, skb->data + 20 + 16); /* that of a train means nothing */
    return bridge_to_far(skb);
}

TEST(
    "a train that a bridge sends on without a look inside leaves in right segments too, and clones stay untouched")
{
    t->dev->rx_handler = mark_and_bridge;
    train(5, 300, IP_DF);
    t->dev->rx_handler = NULL;
    for (unsigned i = 0; i < 5; i++) {
        size_t n = testnet_pop(far, out, sizeof(out));

        assert_int_equal(n, 14 + 52 + (i < 4 ? MSS : 300));
        assert_true(testnet_frame_ok(out, n));
        assert_int_equal(out[TESTNET_IP + 8], 64);
    }
}

TEST("a train whose segments do not fit the next link draws one fragmentation-needed")
{
    assert_int_equal(dev_set_mtu(far->dev, 1200), 0);
    train(6, MSS, IP_DF);
    assert_int_equal(testnet_pop(far, out, sizeof(out)), 0);
    size_t n = testnet_pop(t, out, sizeof(out));
    assert_true(is_icmp(n, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED));
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), 1200);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
}

TEST("segments without DF keep their ids, whatever these are")
{
    for (id_step = 1; id_step < 4; id_step += 2) {
        train(5, MSS, 0);
        for (unsigned i = 0; i < 5; i++) {
            assert_true(testnet_pop(far, out, sizeof(out)));
            assert_int_equal(testnet_u16(out + TESTNET_IP + 4), 500 + i * id_step);
        }
    }
}

TEST("a capture that holds a train sees it whole while its segments leave")
{
    struct packet_type tap = {.type = cpu_to_be16(0x0003), .func = keep_packet};

    tap_skb = NULL;
    dev_add_pack(t->net, &tap);
    train(4, MSS, IP_DF);
    dev_remove_pack(&tap);
    assert_segments(4, MSS);
    assert_int_equal(tap_skb->len, 52 + 4 * MSS);
    assert_int_equal(skb_copy_bits(tap_skb, 0, out, tap_skb->len), 0);
    assert_int_equal(out[8], 64);
    assert_int_equal(testnet_csum(out, 20, 0), 0);
    for (unsigned k = 0; k < 4 * MSS; k++)
        assert_int_equal(out[52 + k], (uint8_t)(k / MSS * 3 + k % MSS));
    consume_skb(tap_skb);
}

/* --- under attack and without memory --- */

TEST("a scan through the router costs bounded memory, and those who are served go on being served")
{
    size_t len;

    testnet_inject(t, in, datagram(&(struct testnet_ip){0}, 20));
    testnet_drop_sent(far);
    size_t objects = host_objects_alive();
    for (unsigned i = 0; i < 20000; i++) {
        len = datagram(&(struct testnet_ip){.saddr = testnet_addr("11.0.0.0") + i * 7,
                                            .daddr = far->local + 1 + i % 250},
                       0);
        testnet_inject(t, in, len);
        if (i % 100 == 0)
            testnet_drop_sent(far);
    }
    assert_in_range(host_objects_alive(), 0, objects + 5000);
    testnet_drop_sent(far);
    len = datagram(&(struct testnet_ip){0}, 20);
    assert_int_equal(to_far(len), len);
    testnet_advance_ms(t, 120000);
}

TEST("each allocation may fail on the way of a datagram through the router and nothing leaks")
{
    for (unsigned kind = 0; kind < 5; kind++)
        for (unsigned n = 1;; n++) {
            rt_cache_flush(t->net);
            size_t len = datagram(&(struct testnet_ip){.ttl = kind == 1 ? 1 : 64,
                                                       .daddr = kind == 2   ? testnet_addr("8.8.8.8")
                                                                : kind == 3 ? testnet_addr("10.1.0.50")
                                                                            : 0},
                                  100);
            host_fail_allocation(n);
            if (kind == 4)
                train(4, MSS, IP_DF);
            else
                testnet_inject(t, in, len);
            bool failed = host_allocation_failed();
            host_fail_allocation(0);
            testnet_drop_sent(t);
            testnet_drop_sent(far);
            testnet_advance_ms(t, 20000);
            testnet_drop_sent(t);
            testnet_drop_sent(far);
            assert_int_equal(t->net->skb_count, 0);
            if (!failed)
                break;
            assert_in_range(n, 1, 100);
        }
}

TEST("each setting of a device follows default when the device comes and goes with it")
{
    char value[16];

    assert_int_equal(sysctl_get(t->net, "net.ipv4.conf.eth1.forwarding", value, sizeof(value)), 1);
    assert_string_equal(value, "1");
    set("net.ipv4.conf.default.rp_filter", "2");
    struct testnet *third = testnet_add_port(t, "10.2.0.1/24", 0);
    sysctl_get(t->net, "net.ipv4.conf.eth2.rp_filter", value, sizeof(value));
    assert_string_equal(value, "2");
    sysctl_get(t->net, "net.ipv4.conf.eth2.forwarding", value, sizeof(value));
    assert_string_equal(value, "1");
    testnet_remove_port(third);
    assert_int_equal(sysctl_get(t->net, "net.ipv4.conf.eth2.rp_filter", value, sizeof(value)), -ENOENT);
}

TEST_FIXTURE(setup, teardown)
