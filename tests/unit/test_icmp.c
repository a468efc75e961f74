/*
 * test_icmp.c - ICMP (net/ipv4/icmp.c): echo, errors sent and received, rate limits.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/sock.h"
#include "net/core/sysctl.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"
#include "net/udp/udp.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t;
static uint8_t in[65600], out[65600], data[65536];

static const uint8_t broadcast_mac[6] = {255, 255, 255, 255, 255, 255};

static int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    return 0;
}

static int teardown(void **state)
{
    return testnet_destroy(t);
}

static size_t udp_to_closed_port(const struct testnet_ip *ip, size_t len)
{
    return testnet_build_udp(t, in, ip, 4000, 4001, data, len);
}

/* Injects `in` and returns the length of what came back (in `out`). */
static size_t answer(size_t len)
{
    testnet_inject(t, in, len);
    return testnet_pop(t, out, sizeof(out));
}

static bool is_icmp(size_t len, uint8_t type, uint8_t code)
{
    return len && testnet_frame_ok(out, len) && out[TESTNET_IP + 9] == 1 && out[TESTNET_L4] == type &&
           out[TESTNET_L4 + 1] == code;
}

/* --- echo --- */

TEST("1122-ICMP-ECHO: the reply has the same id, sequence number and data, for any size up to the MTU")
{
    static const size_t sizes[] = {0, 1, 2, 7, 56, 57, 255, 1000, 1471, 1472};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        size_t len = testnet_build_icmp(t, in, &(struct testnet_ip){.tos = 0x10}, 8, 0,
                                        0xbeef0000u + (uint32_t)i, data, sizes[i]);

        assert_int_equal(answer(len), len);
        assert_true(is_icmp(len, 0, 0));
        assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), 0xbeef0000u + i);
        assert_memory_equal(out + TESTNET_L4 + 8, data, sizes[i]);
        assert_int_equal(testnet_u32(out + TESTNET_IP + 16), t->peer);
        assert_int_equal(out[TESTNET_IP + 1], 0x10);
    }
    assert_int_equal(t->net->mib[MIB_IcmpInEchos], 10);
    assert_int_equal(t->net->mib[MIB_IcmpOutEchoReps], 10);
    assert_int_equal(t->net->mib[MIB_IcmpOutMsgs], 10);
}

TEST("1122-ICMP-ECHO: the reply comes from the address that was pinged")
{
    size_t len;

    assert_int_equal(inet_addr_add(t->dev, cpu_to_be32(testnet_addr("10.0.0.7")), 24), 0);
    assert_int_equal(inet_addr_add(t->dev, cpu_to_be32(testnet_addr("172.16.0.1")), 16), 0);
    len =
        testnet_build_icmp(t, in, &(struct testnet_ip){.daddr = testnet_addr("10.0.0.7")}, 8, 0, 1, data, 8);
    assert_true(is_icmp(answer(len), 0, 0));
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), testnet_addr("10.0.0.7"));
    len = testnet_build_icmp(t, in, &(struct testnet_ip){.daddr = testnet_addr("172.16.0.1")}, 8, 0, 1, data,
                             8);
    assert_true(is_icmp(answer(len), 0, 0));
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), testnet_addr("172.16.0.1"));
    testnet_advance_ms(t, 5000);
}

static int tap_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    struct sk_buff **kept = pt->af_packet_priv;

    if (*kept)
        consume_skb(skb);
    else
        *kept = skb;
    return 0;
}

TEST("a tap that keeps the request still holds the request after the reply was made from it")
{
    struct sk_buff *kept = NULL;
    struct packet_type tap = {.type = cpu_to_be16(0x0003), .func = tap_rcv, .af_packet_priv = &kept};
    size_t len = testnet_build_icmp(t, in, &(struct testnet_ip){0}, 8, 0, 1, data, 56);

    dev_add_pack(t->net, &tap);
    assert_true(is_icmp(answer(len), 0, 0));
    dev_remove_pack(&tap);
    assert_non_null(kept);
    assert_memory_equal(kept->data, in + 14, len - 14);
    consume_skb(kept);
}

TEST("1122-ICMP-BECHO, smurf: echo requests to broadcast and multicast addresses are not answered")
{
    static const char *const to[] = {"10.0.0.255", "255.255.255.255", "224.0.0.1"};

    for (int i = 0; i < 3; i++) {
        struct testnet_ip ip = {.daddr = testnet_addr(to[i]), .dst_mac = broadcast_mac};

        assert_int_equal(answer(testnet_build_icmp(t, in, &ip, 8, 0, 1, data, 8)), 0);
    }
    assert_int_equal(t->net->drops[SKB_DROP_REASON_ICMP_BROADCAST], 3);
}

TEST("net.ipv4.icmp_echo_ignore_all makes the host silent")
{
    sysctl_set(t->net, "net.ipv4.icmp_echo_ignore_all", "1");
    assert_int_equal(answer(testnet_build_icmp(t, in, &(struct testnet_ip){0}, 8, 0, 1, data, 8)), 0);
}

TEST("a wrong ICMP checksum and a message below 8 bytes are dropped and counted")
{
    size_t len = testnet_build_icmp(t, in, &(struct testnet_ip){0}, 8, 0, 1, data, 8);

    in[len - 1] ^= 1;
    assert_int_equal(answer(len), 0);
    assert_int_equal(t->net->mib[MIB_IcmpInCsumErrors], 1);
    assert_int_equal(t->net->mib[MIB_IcmpInErrors], 1);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_ICMP_CSUM], 1);
    len = testnet_build_ip(t, in, &(struct testnet_ip){.protocol = 1}, "\x08\x00\xf7\xff\x00\x00\x00", 7);
    assert_int_equal(answer(len), 0);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_ICMP_INVALID], 1);
}

TEST("1122-ICMP-UNK: unknown types are discarded silently, redirects are ignored")
{
    for (unsigned type = 0; type < 256; type++) {
        size_t len =
            testnet_build_icmp(t, in, &(struct testnet_ip){0}, (uint8_t)type, 0, 0x0a000063, data, 40);

        if (type == 8 || type == 13)
            continue;
        assert_int_equal(answer(len), 0);
        assert_int_equal(t->net->skb_count, 0);
    }
    assert_int_equal(t->net->mib[MIB_IcmpInRedirects], 1);
    assert_int_equal(t->net->mib[MIB_IcmpInEchoReps], 1);
    assert_int_equal(t->net->mib[MIB_IcmpOutMsgs], 0);
}

/* --- timestamps --- */

/* A request of `len` bytes behind the ICMP header, sent at 01:02:03. */
static size_t timestamp_request(const struct testnet_ip *ip, size_t len)
{
    uint8_t times[100] = {0};

    put_unaligned_be32(3723000, times);
    memset(times + 4, 0xee, sizeof(times) - 4);
    return testnet_build_icmp(t, in, ip, 13, 0, 0xbeef0007, times, len);
}

TEST(
    "1122-ICMP-TS: a timestamp is answered with its id, its own time, and ours of the day, from where it went to")
{
    size_t len = answer(timestamp_request(&(struct testnet_ip){.tos = 0x10}, 12));
    uint32_t then;

    assert_true(is_icmp(len, 14, 0));
    assert_int_equal(len, TESTNET_L4 + 20);
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), 0xbeef0007);
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 8), 3723000);
    then = testnet_u32(out + TESTNET_L4 + 12);
    assert_true(then < 86400000);
    assert_int_equal(then / 1000, ktime_get_real_seconds() % 86400);
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 16), then);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
    assert_int_equal(out[TESTNET_IP + 1], 0x10);
    assert_int_equal(t->net->mib[MIB_IcmpInTimestamps], 1);
    assert_int_equal(t->net->mib[MIB_IcmpOutTimestampReps], 1);
    testnet_advance_ms(t, 86399999); /* a day later it is a millisecond earlier */
    assert_true(is_icmp(answer(timestamp_request(&(struct testnet_ip){0}, 12)), 14, 0));
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 12), then - 1);
}

TEST("a timestamp request that is longer gets no more than its 20 bytes back; a shorter one, nothing")
{
    assert_int_equal(answer(timestamp_request(&(struct testnet_ip){0}, 80)), TESTNET_L4 + 20);
    assert_true(is_icmp(TESTNET_L4 + 20, 14, 0));
    for (size_t len = 0; len < 12; len++)
        assert_int_equal(answer(timestamp_request(&(struct testnet_ip){0}, len)), 0);
    assert_int_equal(t->net->mib[MIB_IcmpInErrors], 12);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_ICMP_INVALID], 12);
}

TEST("timestamps to a broadcast address are answered as echo is; the rate limit holds where its mask says 14")
{
    struct testnet_ip all = {.daddr = testnet_addr("10.0.0.255"), .dst_mac = broadcast_mac};
    unsigned answers = 0;

    assert_int_equal(answer(timestamp_request(&all, 12)), 0);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_ICMP_BROADCAST], 1);
    sysctl_set(t->net, "net.ipv4.icmp_echo_ignore_broadcasts", "0");
    assert_true(is_icmp(answer(timestamp_request(&all, 12)), 14, 0));
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
    sysctl_set(t->net, "net.ipv4.icmp_ratemask", "16384");
    for (int i = 0; i < 100; i++)
        answers += answer(timestamp_request(&(struct testnet_ip){0}, 12)) > 0;
    assert_int_equal(answers, 6);
    assert_int_equal(t->net->mib[MIB_IcmpOutRateLimitHost], 94);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_ICMP_RATELIMIT], 94);
}

/* --- errors we send --- */

TEST("1122-ICMP-PORT, 1122-UDP-PORT: a closed UDP port answers with port unreachable")
{
    size_t len = udp_to_closed_port(&(struct testnet_ip){.tos = 0x08, .id = 77}, 20);

    assert_true(is_icmp(answer(len), 3, 3));
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), 0);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 16), t->peer);
    assert_int_equal(t->net->mib[MIB_IcmpOutDestUnreachs], 1);
    assert_int_equal(t->net->mib[MIB_UdpNoPorts], 1);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_NO_SOCKET], 1);
}

TEST("1122-ICMP-PROTO: an unknown protocol answers with protocol unreachable")
{
    size_t len = testnet_build_ip(t, in, &(struct testnet_ip){.protocol = 250}, data, 30);

    assert_true(is_icmp(answer(len), 3, 2));
    assert_memory_equal(out + TESTNET_L4 + 8, in + TESTNET_IP, 50);
    assert_int_equal(t->net->mib[MIB_IpInUnknownProtos], 1);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_NOPROTO], 1);
}

TEST("1122-ICMP-QUOTE: the error quotes the datagram as it came, options too, 576 bytes in all at most")
{
    uint8_t options[40] = {148, 4};
    size_t len = udp_to_closed_port(&(struct testnet_ip){.options = options, .options_len = 40}, 3);

    assert_int_equal(answer(len), 14 + 20 + 8 + (len - 14));
    assert_memory_equal(out + TESTNET_L4 + 8, in + TESTNET_IP, len - 14);
    len = udp_to_closed_port(&(struct testnet_ip){0}, 1400);
    assert_int_equal(answer(len), 14 + 576);
    assert_true(is_icmp(14 + 576, 3, 3));
    assert_memory_equal(out + TESTNET_L4 + 8, in + TESTNET_IP, 548);
}

TEST("1122-ICMP-NOERR: no error about an ICMP error, a broadcast, a multicast or a broadcast frame")
{
    static const uint8_t errors[] = {3, 4, 5, 11, 12, 99};
    struct sk_buff *skb;

    for (size_t i = 0; i < sizeof(errors); i++) {
        skb = alloc_skb(t->net, 100);
        size_t len = testnet_build_icmp(t, in, &(struct testnet_ip){0}, errors[i], 0, 0, data, 28);

        skb_put_data(skb, in + 14, (unsigned)len - 14);
        skb_reset_network_header(skb);
        icmp_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
        consume_skb(skb);
        assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    }
    struct testnet_ip ip = {.daddr = testnet_addr("10.0.0.255"), .dst_mac = broadcast_mac};
    assert_int_equal(answer(udp_to_closed_port(&ip, 8)), 0);
    ip.daddr = testnet_addr("255.255.255.255");
    assert_int_equal(answer(udp_to_closed_port(&ip, 8)), 0);
    ip.daddr = testnet_addr("224.0.0.1");
    assert_int_equal(answer(udp_to_closed_port(&ip, 8)), 0);
    ip.daddr = 0;
    assert_int_equal(answer(udp_to_closed_port(&ip, 8)), 0);
    ip = (struct testnet_ip){.frag_off = 100};
    assert_int_equal(answer(udp_to_closed_port(&ip, 8)), 0);
}

TEST("an error about an echo request is allowed, unless its frame was for everybody")
{
    struct sk_buff *skb = alloc_skb(t->net, 100);
    size_t len = testnet_build_icmp(t, in, &(struct testnet_ip){0}, 8, 0, 0, data, 28);

    skb_put_data(skb, in + 14, (unsigned)len - 14);
    skb_reset_network_header(skb);
    skb->pkt_type = PACKET_BROADCAST;
    icmp_send(skb, ICMP_TIME_EXCEEDED, 0, 0);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    skb->pkt_type = PACKET_HOST;
    icmp_send(skb, ICMP_TIME_EXCEEDED, 0, 0);
    consume_skb(skb);
    assert_true(is_icmp(testnet_pop(t, out, sizeof(out)), 11, 0));
    assert_int_equal(t->net->mib[MIB_IcmpOutTimeExcds], 1);
}

TEST("UDP flood: errors to one host come six at once, then one a second")
{
    unsigned errors = 0;

    for (int i = 0; i < 1000; i++)
        errors += answer(udp_to_closed_port(&(struct testnet_ip){0}, 8)) != 0;
    assert_int_equal(errors, 6);
    assert_int_equal(t->net->mib[MIB_IcmpOutRateLimitHost], 994);
    for (int i = 0; i < 100; i++) {
        testnet_advance_ms(t, 100);
        errors += answer(udp_to_closed_port(&(struct testnet_ip){0}, 8)) != 0;
    }
    assert_in_range(errors, 15, 17);
}

TEST("UDP flood: errors to all hosts together are bounded too, and pings are answered meanwhile")
{
    for (uint32_t i = 0; i < 2000; i++) {
        struct testnet_ip ip = {.saddr = testnet_addr("20.0.0.1") + i * 7919};

        testnet_inject(t, in, udp_to_closed_port(&ip, 8));
    }
    assert_in_range(t->net->mib[MIB_IcmpOutDestUnreachs], 20, 50);
    assert_int_equal(t->net->mib[MIB_IcmpOutDestUnreachs] + t->net->mib[MIB_IcmpOutRateLimitGlobal], 2000);
    testnet_drop_sent(t);
    assert_true(is_icmp(answer(testnet_build_icmp(t, in, &(struct testnet_ip){0}, 8, 0, 1, data, 8)), 0, 0));
}

TEST("net.ipv4.icmp_ratelimit=0 and icmp_ratemask=0 lift the limits they stand for")
{
    unsigned errors = 0;

    sysctl_set(t->net, "net.ipv4.icmp_ratelimit", "0");
    for (int i = 0; i < 20; i++)
        errors += answer(udp_to_closed_port(&(struct testnet_ip){0}, 8)) != 0;
    assert_int_equal(errors, 20);
    sysctl_set(t->net, "net.ipv4.icmp_ratelimit", "1000");
    sysctl_set(t->net, "net.ipv4.icmp_ratemask", "0");
    for (int i = 0; i < 100; i++)
        errors += answer(udp_to_closed_port(&(struct testnet_ip){0}, 8)) != 0;
    assert_int_equal(errors, 120);
}

/* --- errors we receive --- */

static struct sock *connected(uint16_t lport)
{
    int err;
    struct sock *sk = sk_alloc(t->net, &udp_prot, SOCK_DGRAM, IPPROTO_UDP, &err);

    assert_non_null(sk);
    assert_int_equal(udp_prot.bind(sk, 0, lport), 0);
    assert_int_equal(udp_prot.connect(sk, cpu_to_be32(t->peer), 53, 0), 0);
    return sk;
}

/* An ICMP error about a UDP datagram of ours. */
static size_t error_about(const struct testnet_ip *inner_ip, uint8_t type, uint8_t code, uint32_t rest,
                          uint16_t sport, uint16_t dport)
{
    uint8_t frame[200];
    struct testnet_ip inner = *inner_ip;

    if (!inner.saddr)
        inner.saddr = t->local;
    if (!inner.daddr)
        inner.daddr = t->peer;
    size_t len = testnet_build_udp(t, frame, &inner, sport, dport, data, 4);

    return testnet_build_icmp(t, in, &(struct testnet_ip){0}, type, code, rest, frame + 14, len - 14 - 4);
}

TEST("1122-ICMP-UP, 1122-UDP-ERR: each kind of error reaches the connected socket as its errno")
{
    static const struct {
        uint8_t type, code;
        int hard, soft;
    } kinds[] = {{3, 3, ECONNREFUSED, 0}, {3, 2, ENOPROTOOPT, 0},  {3, 13, EHOSTUNREACH, 0},
                 {3, 0, 0, ENETUNREACH},  {3, 1, 0, EHOSTUNREACH}, {11, 0, 0, EHOSTUNREACH},
                 {12, 0, EPROTO, 0},      {3, 4, EMSGSIZE, 0}};
    struct sock *sk = connected(5000);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        size_t len = error_about(&(struct testnet_ip){0}, kinds[i].type, kinds[i].code, 1300, 5000, 53);

        sk->sk_err = sk->sk_err_soft = 0;
        assert_int_equal(answer(len), 0);
        assert_int_equal(sk->sk_err, kinds[i].hard);
        assert_int_equal(sk->sk_err_soft, kinds[i].soft);
    }
    udp_prot.close(sk);
}

TEST("an error whose quoted addresses or ports are not those of a socket changes nothing")
{
    struct sock *sk = connected(5000);

    answer(error_about(&(struct testnet_ip){0}, 3, 3, 0, 5000, 54));
    answer(error_about(&(struct testnet_ip){0}, 3, 3, 0, 5001, 53));
    answer(error_about(&(struct testnet_ip){.daddr = testnet_addr("10.0.0.3")}, 3, 3, 0, 5000, 53));
    answer(error_about(&(struct testnet_ip){.saddr = testnet_addr("10.0.0.3")}, 3, 3, 0, 5000, 53));
    answer(error_about(&(struct testnet_ip){.frag_off = 5}, 3, 3, 0, 5000, 53));
    answer(error_about(&(struct testnet_ip){0}, 3, 16, 0, 5000, 53));
    answer(error_about(&(struct testnet_ip){0}, 11, 2, 0, 5000, 53));
    assert_int_equal(sk->sk_err, 0);
    assert_int_equal(sk->sk_err_soft, 0);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_ICMP_INVALID], 4);
    answer(error_about(&(struct testnet_ip){0}, 3, 3, 0, 5000, 53));
    assert_int_equal(sk->sk_err, ECONNREFUSED);
    udp_prot.close(sk);
}

TEST("an error to a broadcast address is not believed")
{
    struct sock *sk = connected(5000);
    size_t len = error_about(&(struct testnet_ip){0}, 3, 3, 0, 5000, 53);

    memset(in, 255, 6);
    memset(in + TESTNET_IP + 16, 255, 4);
    testnet_fix_ip_csum(in);
    answer(len);
    assert_int_equal(sk->sk_err, 0);
    udp_prot.close(sk);
}

TEST("an error cut anywhere in its quote is dropped without a look beyond its end")
{
    struct sock *sk = connected(5000);
    uint8_t quote[28];

    error_about(&(struct testnet_ip){0}, 3, 3, 0, 5000, 53);
    memcpy(quote, in + TESTNET_L4 + 8, sizeof(quote));
    for (size_t len = 0; len < sizeof(quote); len++) {
        answer(testnet_build_icmp(t, in, &(struct testnet_ip){0}, 3, 3, 0, quote, len));
        assert_int_equal(sk->sk_err, 0);
    }
    quote[0] = 0x4f; /* options that are not there */
    answer(testnet_build_icmp(t, in, &(struct testnet_ip){0}, 3, 3, 0, quote, sizeof(quote)));
    assert_int_equal(sk->sk_err, 0);
    udp_prot.close(sk);
}

static uint32_t path_mtu(void)
{
    struct flowi4 fl = {.daddr = cpu_to_be32(t->peer)};
    int err;
    struct rtable *rt = ip_route_output(t->net, &fl, &err);
    uint32_t mtu = rt->dst.mtu;

    dst_release(&rt->dst);
    return mtu;
}

TEST("1191-1: fragmentation-needed about a datagram of ours lowers the path MTU")
{
    struct sock *sk = connected(5000);

    answer(error_about(&(struct testnet_ip){0}, 3, 4, 1300, 5001, 53)); /* nobody's */
    assert_int_equal(path_mtu(), 1500);
    answer(error_about(&(struct testnet_ip){0}, 3, 4, 1300, 5000, 53));
    assert_int_equal(path_mtu(), 1300);
    answer(error_about(&(struct testnet_ip){0}, 3, 4, 1400, 5000, 53)); /* 1191-3 */
    assert_int_equal(path_mtu(), 1300);
    udp_prot.close(sk);
}

TEST("PMTU lowering: the ports of an unconnected socket are no secret, so nobody is believed by them")
{
    int err;
    struct sock *sk = sk_alloc(t->net, &udp_prot, SOCK_DGRAM, IPPROTO_UDP, &err);

    assert_non_null(sk);
    assert_int_equal(udp_prot.bind(sk, 0, 7), 0);
    answer(error_about(&(struct testnet_ip){0}, 3, 4, 600, 7, 53));
    assert_int_equal(path_mtu(), 1500);
    assert_int_equal(sk->sk_err, 0);
    udp_prot.close(sk);
}

TEST("1191-6: without an MTU in the message the next plateau below the datagram is taken")
{
    struct sock *sk = connected(5000);
    uint8_t quote[28];

    error_about(&(struct testnet_ip){0}, 3, 4, 0, 5000, 53);
    memcpy(quote, in + TESTNET_L4 + 8, sizeof(quote));
    quote[2] = 1500 >> 8, quote[3] = 1500 & 255;
    answer(testnet_build_icmp(t, in, &(struct testnet_ip){0}, 3, 4, 0, quote, sizeof(quote)));
    assert_int_equal(path_mtu(), 1492);
    udp_prot.close(sk);
}

TEST("fuzz: damaged ICMP messages of every type break and leak nothing")
{
    struct sock *sk = connected(5000);

    host_random_seed(792);
    for (int i = 0; i < 20000; i++) {
        size_t len = error_about(&(struct testnet_ip){0}, (uint8_t)(host_random() % 20),
                                 (uint8_t)(host_random() % 20), (uint32_t)host_random(), 5000, 53);
        uint8_t message[200];
        size_t n = len - TESTNET_L4;

        memcpy(message, in + TESTNET_L4, n);
        for (uint64_t flips = host_random() % 5; flips; flips--)
            message[host_random() % n] = (uint8_t)host_random();
        if (host_random() % 4 == 0)
            n = host_random() % (n + 1);
        if (n >= 4 && host_random() % 8) {
            message[2] = message[3] = 0;
            uint16_t csum = testnet_csum(message, n, 0);
            message[2] = (uint8_t)(csum >> 8), message[3] = (uint8_t)csum;
        }
        testnet_inject(t, in, testnet_build_ip(t, in, &(struct testnet_ip){.protocol = 1}, message, n));
        testnet_drop_sent(t);
    }
    udp_prot.close(sk);
}

TEST_FIXTURE(setup, teardown)
