/*
 * test_xt_match.c - what each match of a rule says of packets that arrive.
 */
#include "tests/unit/xt_test.h"

static const struct testnet_ip plain = {.saddr = 0};

static const char *addr(const char *dotted, struct testnet_ip *ip)
{
    *ip = (struct testnet_ip){.saddr = testnet_addr(dotted)};
    return "";
}

TEST("addresses: single, with masks of any shape, negated")
{
    struct testnet_ip ip;

    addr("10.9.7.5", &ip);
    udp_packet(&ip, 1, 2, 10);
    assert_true(fits("-s 10.9.7.5"));
    assert_false(fits("-s 10.9.7.4"));
    assert_true(fits("-s 10.9.0.0/16"));
    assert_true(fits("-s 10/8"));
    assert_false(fits("-s 10.9.0.0/22"));
    assert_true(fits("-s 10.0.7.0/255.0.255.0"));
    assert_false(fits("-s 10.0.6.0/255.0.255.0"));
    assert_true(fits("-s 0/0"));
    assert_true(fits("-d 10.0.0.1"));
    assert_false(fits("-d 10.0.0.2"));
    assert_false(fits("! -s 10.9.7.5"));
    assert_true(fits("! -s 10.9.7.4"));
    assert_true(fits("! -d 10.0.1.0/24"));
    assert_false(fits("! -d 10.0.0.0/24"));
    assert_true(fits("-s 1.2.3.4,10.9.7.5 -d 10.0.0.7,10.0.0.1"));
    assert_false(fits("-s 1.2.3.4,10.9.7.6 -d 10.0.0.7,10.0.0.1"));
}

TEST("interfaces: by name, by its beginning, negated")
{
    udp_packet(&plain, 1, 2, 10);
    assert_true(fits("-i eth0"));
    assert_false(fits("-i eth"));
    assert_false(fits("-i eth01"));
    assert_true(fits("-i eth+"));
    assert_true(fits("-i eth0+"));
    assert_false(fits("-i lo+"));
    assert_true(fits("-i +"));
    assert_false(fits("! -i eth0"));
    assert_true(fits("! -i eth1"));
    assert_false(fits("! -i e+"));
}

TEST("protocols: by name, by number, negated")
{
    struct testnet_ip odd = {.protocol = 112};

    udp_packet(&plain, 1, 2, 10);
    assert_true(fits("-p udp"));
    assert_true(fits("-p 17"));
    assert_false(fits("-p tcp"));
    assert_true(fits("-p all"));
    assert_true(fits("! -p tcp"));
    assert_false(fits("! -p udp"));
    frame_len = testnet_build_ip(t, frame, &odd, "x", 1);
    assert_true(fits("-p 112"));
    assert_false(fits("-p udp"));
}

TEST("fragments: -f is for those without a transport header, which has no ports")
{
    struct testnet_ip later = {.protocol = 17, .frag_off = 100}, first = {.protocol = 17, .frag_off = 0x2000};
    uint8_t bytes[16] = {0, 1, 0, 2, 0, 16};

    frame_len = testnet_build_ip(t, frame, &later, bytes, sizeof(bytes));
    assert_true(fits("-f"));
    assert_false(fits("! -f"));
    assert_false(fits("-p udp --dport 2"));
    assert_false(fits("-p udp ! --dport 3"));
    assert_false(fits("-p udp -m multiport --dports 2"));
    frame_len = testnet_build_ip(t, frame, &first, bytes, sizeof(bytes));
    assert_false(fits("-f"));
    assert_true(fits("! -f"));
    assert_true(fits("-p udp --dport 2"));
}

TEST(
    "a packet that ends before its ports, or a fragment that would write over TCP's flags, is dropped") /* RFC
                                                                                                           1858
                                                                                                           3,
                                                                                                           RFC
                                                                                                           3128
                                                                                                         */
{
    struct testnet_ip cut = {.protocol = 17}, second = {.protocol = 6, .frag_off = 1};
    uint8_t bytes[16] = {0};

    frame_len = testnet_build_ip(t, frame, &cut, bytes, 3);
    assert_true(fits("-p udp --dport 77"));
    assert_false(fits("-p udp"
                      " -s 1.1.1.1"));
    frame_len = testnet_build_ip(t, frame, &second, bytes, sizeof(bytes));
    assert_true(fits("-p tcp --dport 77"));
    assert_true(fits("-p tcp --syn"));
    second.frag_off = 2;
    frame_len = testnet_build_ip(t, frame, &second, bytes, sizeof(bytes));
    assert_false(fits("-p tcp --dport 77"));
    assert_false(fits("-p tcp --syn"));
}

TEST("ports: single, ranges open at either end, negated, by name")
{
    udp_packet(&plain, 1024, 53, 10);
    assert_true(fits("-p udp --dport 53"));
    assert_true(fits("-p udp --dport domain"));
    assert_false(fits("-p udp --dport 54"));
    assert_false(fits("-p udp --sport 53"));
    assert_true(fits("-p udp --sport 1024:"));
    assert_false(fits("-p udp --sport :1023"));
    assert_true(fits("-p udp --sport 1000:2000 --dport :53"));
    assert_false(fits("-p udp ! --dport 50:60"));
    assert_true(fits("-p udp ! --dport 54:60"));
    assert_true(fits("-p udp --sport 1024 ! --dport 54:60"));
    assert_true(fits("-p udp -m udp --dport 0:65535"));
    tcp_packet(&plain, 65535, 80, TCPHDR_SYN, NULL, 0);
    assert_true(fits("-p tcp --sport 65535 --dport http"));
    assert_true(fits("-p tcp --sport 60000:"));
    assert_false(fits("-p tcp --sport 65534"));
}

TEST("TCP flags: which are looked at, and which of those are set")
{
    tcp_packet(&plain, 1, 2, TCPHDR_SYN, NULL, 0);
    assert_true(fits("-p tcp --syn"));
    assert_false(fits("-p tcp ! --syn"));
    assert_true(fits("-p tcp --tcp-flags ALL SYN"));
    assert_true(fits("-p tcp --tcp-flags SYN,RST SYN"));
    assert_false(fits("-p tcp --tcp-flags SYN,ACK SYN,ACK"));
    assert_true(fits("-p tcp ! --tcp-flags SYN,ACK SYN,ACK"));
    tcp_packet(&plain, 1, 2, TCPHDR_SYN | TCPHDR_ACK, NULL, 0);
    assert_false(fits("-p tcp --syn"));
    assert_true(fits("-p tcp --tcp-flags SYN,ACK SYN,ACK"));
    tcp_packet(&plain, 1, 2, 0, NULL, 0);
    assert_true(fits("-p tcp --tcp-flags ALL NONE"));
    assert_false(fits("-p tcp --tcp-flags ALL ALL"));
}

TEST("TCP options are found behind others, and nonsense ends the search")
{
    static const uint8_t options[] = {1, 1, 4, 2, 2, 4, 5, 180}, broken[] = {3, 0, 2, 4},
                         over[] = {1, 1, 1, 8};

    tcp_packet(&plain, 1, 2, TCPHDR_SYN, options, sizeof(options));
    assert_true(fits("-p tcp --tcp-option 2"));
    assert_true(fits("-p tcp --tcp-option 4"));
    assert_false(fits("-p tcp --tcp-option 8"));
    assert_true(fits("-p tcp ! --tcp-option 8"));
    tcp_packet(&plain, 1, 2, TCPHDR_SYN, broken, sizeof(broken));
    assert_false(fits("-p tcp --tcp-option 2"));
    tcp_packet(&plain, 1, 2, TCPHDR_SYN, over, sizeof(over));
    assert_false(fits("-p tcp --tcp-option 3"));
    frame[TESTNET_L4 + 12] = 0x40; /* shorter than a header: nobody's honest packet */
    assert_true(fits("-p tcp --tcp-option 3"));
}

TEST("ICMP types by name, number and code")
{
    icmp_packet(&plain, 8, 0);
    assert_true(fits("-p icmp --icmp-type echo-request"));
    assert_true(fits("-p icmp --icmp-type 8"));
    assert_true(fits("-p icmp --icmp-type 8/0"));
    assert_true(fits("-p icmp --icmp-type any"));
    assert_false(fits("-p icmp --icmp-type 8/1"));
    assert_false(fits("-p icmp --icmp-type echo-reply"));
    assert_false(fits("-p icmp ! --icmp-type 8"));
    icmp_packet(&plain, 3, 3);
    assert_true(fits("-p icmp --icmp-type port-unreachable"));
    assert_true(fits("-p icmp --icmp-type destination-unreachable"));
    assert_false(fits("-p icmp --icmp-type host-unreachable"));
    assert_true(fits("-p icmp ! --icmp-type host-unreachable"));
}

TEST("multiport: up to fifteen ports and ranges, source, destination or either")
{
    udp_packet(&plain, 1024, 53, 10);
    assert_true(fits("-p udp -m multiport --dports 1,2,53"));
    assert_true(fits("-p udp -m multiport --dports 50:60,1"));
    assert_false(fits("-p udp -m multiport --dports 1,2"));
    assert_true(fits("-p udp -m multiport --sports 1024"));
    assert_false(fits("-p udp -m multiport --sports 53"));
    assert_true(fits("-p udp -m multiport --ports 53"));
    assert_true(fits("-p udp -m multiport --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,1024"));
    assert_false(fits("-p udp -m multiport ! --ports 53"));
    assert_true(fits("-p udp -m multiport ! --dports 1,2"));
    assert_int_not_equal(ipt("-A INPUT -p udp -m multiport --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"),
                         0);
    assert_int_not_equal(ipt("-A INPUT -p udp -m multiport --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15:16"),
                         0);
    assert_int_not_equal(ipt("-A INPUT -p udp -m multiport --ports 1,,2"), 0);
}

/* How many of n packets a rule in force lets through; it drops those that fit. */
static unsigned fitting(unsigned n)
{
    unsigned count = 0;

    while (n--)
        count += dropped();
    return count;
}

TEST("limit: a burst, then the rate")
{
    udp_packet(&plain, 1, 2, 10);
    assert_int_equal(ipt("-t raw -A PREROUTING -m limit --limit 10/second --limit-burst 3 -j DROP"), 0);
    assert_int_equal(fitting(10), 3);
    testnet_advance_ms(t, 99);
    assert_int_equal(fitting(10), 0);
    testnet_advance_ms(t, 1);
    assert_int_equal(fitting(10), 1);
    testnet_advance_ms(t, 1000000);
    assert_int_equal(fitting(10), 3);
}

TEST("limit keeps its credit while other rules come and go")
{
    udp_packet(&plain, 1, 2, 10);
    assert_int_equal(ipt("-t raw -A PREROUTING -m limit --limit 1/day --limit-burst 2 -j DROP"), 0);
    assert_int_equal(fitting(5), 2);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(ipt("-t raw -I PREROUTING -s 1.2.3.4 -j ACCEPT"), 0);
    assert_int_equal(fitting(5), 0);
}

TEST("hashlimit: each source has its own bucket")
{
    struct testnet_ip a, b;

    addr("10.0.0.10", &a);
    addr("10.0.0.11", &b);
    assert_int_equal(
        ipt("-t raw -A PREROUTING -m hashlimit --hashlimit-upto 2/s --hashlimit-burst 4 --hashlimit-mode "
            "srcip --hashlimit-name each -j DROP"),
        0);
    udp_packet(&a, 1, 2, 10);
    assert_int_equal(fitting(10), 4);
    udp_packet(&b, 1, 2, 10);
    assert_int_equal(fitting(10), 4);
    testnet_advance_ms(t, 500);
    assert_int_equal(fitting(10), 1);
    assert_int_equal(ipt("-t raw -F"), 0);
    assert_int_equal(
        ipt("-t raw -A PREROUTING -m hashlimit --hashlimit-above 2/s --hashlimit-burst 4 --hashlimit-mode "
            "srcip,dstport --hashlimit-srcmask 24 --hashlimit-name each -j DROP"),
        0);
    udp_packet(&a, 1, 2, 10);
    assert_int_equal(fitting(3), 0);
    udp_packet(&b, 1, 2, 10);
    assert_int_equal(fitting(10), 9); /* the same network */
    udp_packet(&b, 1, 3, 10);
    assert_int_equal(fitting(4), 0);
}

TEST("hashlimit's table is bounded: the entry silent longest makes room, and old ones expire")
{
    struct testnet_ip ip;
    size_t alive;

    assert_int_equal(
        ipt("-t raw -A PREROUTING -m hashlimit --hashlimit-upto 1/day --hashlimit-burst 1 --hashlimit-mode "
            "srcip --hashlimit-name small --hashlimit-htable-max 3 -j DROP"),
        0);
    for (unsigned i = 1; i <= 3; i++) {
        ip = (struct testnet_ip){.saddr = testnet_addr("10.0.1.0") + i};
        udp_packet(&ip, 1, 2, 10);
        assert_int_equal(fitting(2), 1);
    }
    ip.saddr = testnet_addr("10.0.1.1");
    udp_packet(&ip, 1, 2, 10);
    assert_false(dropped()); /* heard of again: now the second is the one silent longest */
    ip.saddr = testnet_addr("10.0.1.4");
    udp_packet(&ip, 1, 2, 10);
    assert_true(dropped());
    ip.saddr = testnet_addr("10.0.1.1");
    udp_packet(&ip, 1, 2, 10);
    assert_false(dropped());
    alive = host_objects_alive();
    for (unsigned i = 5; i <= 1000; i++) {
        ip.saddr = testnet_addr("10.0.1.0") + i;
        udp_packet(&ip, 1, 2, 10);
        assert_true(dropped());
    }
    assert_in_range(host_objects_alive(), 0, alive + 1);
    ip.saddr = testnet_addr("10.0.1.0") + 1000;
    udp_packet(&ip, 1, 2, 10);
    assert_false(dropped());
    testnet_advance_ms(t, 10001);
    assert_true(dropped());
}

TEST("two rules of one name and configuration share their buckets")
{
    const char *rule =
        "-m hashlimit --hashlimit-upto 1/day --hashlimit-burst 4 --hashlimit-mode srcip --hashlimit-name x";

    udp_packet(&plain, 1, 2, 10);
    assert_int_equal(ipt("-t raw -A PREROUTING %s", rule), 0);
    assert_int_equal(ipt("-t raw -A PREROUTING %s -j DROP", rule), 0);
    assert_int_equal(fitting(10), 2);
}

TEST("marks are compared under a mask")
{
    udp_packet(&plain, 1, 2, 10);
    assert_int_equal(ipt("-t raw -A PREROUTING -j MARK --set-mark 0x12"), 0);
    assert_int_equal(ipt("-t mangle -A PREROUTING -m mark --mark 0x13 -j DROP"), 0);
    assert_false(dropped());
    assert_int_equal(ipt("-t mangle -A PREROUTING -m mark ! --mark 0x12 -j DROP"), 0);
    assert_false(dropped());
    assert_int_equal(ipt("-t mangle -A PREROUTING -m mark --mark 0x10/0xf0 -j DROP"), 0);
    assert_true(dropped());
}

TEST("mac, pkttype: what the link layer says")
{
    udp_packet(&plain, 1, 2, 10);
    assert_true(fits("-m mac --mac-source 02:00:00:00:00:02"));
    assert_false(fits("-m mac --mac-source 02:00:00:00:00:03"));
    assert_true(fits("-m mac ! --mac-source 02:00:00:00:00:03"));
    assert_int_not_equal(ipt("-A INPUT -m mac --mac-source 2:0:0:0:0:2"), 0);
    assert_int_not_equal(ipt("-A INPUT -m mac --mac-source 02:00:00:00:00:0g"), 0);
    assert_true(fits("-m pkttype --pkt-type unicast"));
    assert_false(fits("-m pkttype --pkt-type broadcast"));
    memset(frame, 0xff, 6);
    assert_true(fits("-m pkttype --pkt-type broadcast"));
    assert_true(fits("-m pkttype ! --pkt-type multicast"));
}

TEST("ttl, length, tos and dscp")
{
    struct testnet_ip ip = {.ttl = 7, .tos = 0xb8};

    udp_packet(&ip, 1, 2, 72); /* 100 in all */
    assert_true(fits("-m ttl --ttl-eq 7"));
    assert_true(fits("-m ttl --ttl-lt 8"));
    assert_false(fits("-m ttl --ttl-lt 7"));
    assert_true(fits("-m ttl --ttl-gt 6"));
    assert_false(fits("-m ttl --ttl-gt 7"));
    assert_false(fits("-m ttl ! --ttl-eq 7"));
    assert_true(fits("-m length --length 100"));
    assert_true(fits("-m length --length 90:100"));
    assert_true(fits("-m length --length :100"));
    assert_false(fits("-m length --length 101:"));
    assert_true(fits("-m length ! --length 0:99"));
    assert_true(fits("-m tos --tos 0xb8"));
    assert_true(fits("-m tos --tos 0x18/0x18"));
    assert_false(fits("-m tos --tos 0x08/0x18"));
    assert_true(fits("-m dscp --dscp 46"));
    assert_true(fits("-m dscp --dscp-class EF"));
    assert_false(fits("-m dscp --dscp-class AF11"));
    assert_true(fits("-m dscp ! --dscp 0"));
}

TEST("addrtype: what an address is to this machine")
{
    struct testnet_ip multicast = {.daddr = testnet_addr("224.0.0.1")};

    udp_packet(&plain, 1, 2, 10);
    assert_true(fits("-m addrtype --dst-type LOCAL"));
    assert_true(fits("-m addrtype --src-type UNICAST --dst-type LOCAL"));
    assert_false(fits("-m addrtype --dst-type BROADCAST,MULTICAST"));
    assert_true(fits("-m addrtype ! --dst-type BROADCAST,MULTICAST"));
    assert_false(fits("-m addrtype --src-type LOCAL"));
    assert_true(fits("-m addrtype --dst-type LOCAL --limit-iface-in"));
    udp_packet(&multicast, 1, 2, 10);
    assert_true(fits("-m addrtype --dst-type MULTICAST"));
}

TEST("sets: addresses, prefixes of several lengths, addresses with ports")
{
    struct testnet_ip ip;

    addr("10.7.0.9", &ip);
    assert_int_equal(ipset("create a hash:ip"), 0);
    assert_int_equal(ipset("create n hash:net"), 0);
    assert_int_equal(ipset("create p hash:ip,port"), 0);
    udp_packet(&ip, 500, 53, 10);
    assert_false(fits("-m set --match-set a src"));
    assert_int_equal(ipset("add a 10.7.0.9"), 0);
    assert_true(fits("-m set --match-set a src"));
    assert_false(fits("-m set --match-set a dst"));
    assert_false(fits("-m set ! --match-set a src"));
    assert_int_equal(ipset("add n 10.6.0.0/16"), 0);
    assert_int_equal(ipset("add n 10.7.0.128/25"), 0);
    assert_false(fits("-m set --match-set n src"));
    assert_int_equal(ipset("add n 10.7.0.8/29"), 0);
    assert_true(fits("-m set --match-set n src"));
    assert_int_equal(ipset("del n 10.7.0.8/29"), 0);
    assert_false(fits("-m set --match-set n src"));
    assert_int_equal(ipset("add n 0.0.0.0/0"), 0);
    assert_true(fits("-m set --match-set n src"));
    assert_int_equal(ipset("add p 10.7.0.9,53"), 0);
    assert_false(fits("-m set --match-set p src,dst")); /* that was tcp */
    assert_int_equal(ipset("add p 10.7.0.9,udp:53"), 0);
    assert_true(fits("-m set --match-set p src,dst"));
    assert_false(fits("-m set --match-set p src,src"));
    assert_true(fits("-m set --match-set p src,dst -m set --match-set a src"));
    assert_int_not_equal(ipt("-A INPUT -m set --match-set p src"), 0);
    assert_int_not_equal(ipt("-A INPUT -m set --match-set a src,dst"), 0);
    assert_int_not_equal(ipt("-A INPUT -m set --match-set a up"), 0);
}

TEST("a comment asks nothing")
{
    udp_packet(&plain, 1, 2, 10);
    assert_true(fits("-m comment --comment \"all of it\""));
    assert_false(fits("-s 1.2.3.4 -m comment --comment x"));
}

TEST("all parts of a rule must fit together")
{
    tcp_packet(&plain, 1000, 22, TCPHDR_SYN, NULL, 0);
    assert_true(fits(
        "-s 10.0.0.0/24 -i eth0 -p tcp --dport 22 --syn -m ttl --ttl-eq 64 -m multiport --sports 999,1000"));
    assert_false(
        fits("-s 10.0.0.0/24 -i eth0 -p tcp --dport 22 --syn -m ttl --ttl-eq 63 -m multiport --sports 1000"));
    assert_false(fits("-s 10.0.0.0/24 -i eth1 -p tcp --dport 22 --syn"));
}

TEST_FIXTURE(xt_setup, xt_teardown)
