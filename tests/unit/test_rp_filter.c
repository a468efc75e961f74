/*
 * test_rp_filter.c - the reverse path (net/ipv4/rp_filter.c): datagrams whose source would not be answered
 * that way.
 */
#include "tests/unit/forward_net.h"

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

TEST_FIXTURE(setup, teardown)
