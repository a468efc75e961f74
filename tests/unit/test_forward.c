/*
 * test_forward.c - the router (net/ipv4/ip_forward.c, devconf.c, and route.c for what is not ours): what
 * passes, what its sender is told, what no router may forward, and how it fares under attack and without
 * memory.
 */
#include "tests/unit/forward_net.h"

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
