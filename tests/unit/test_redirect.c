/*
 * test_redirect.c - ICMP redirects (net/ipv4/redirect.c): when the router sends them, and which ones a host
 * believes.
 */
#include "tests/unit/forward_net.h"

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

TEST_FIXTURE(setup, teardown)
