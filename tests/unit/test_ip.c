/*
 * test_ip.c - IPv4 input and output (net/ipv4/ip_input.c, ip_output.c), by frames in and frames out.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "net/core/neighbour.h"
#include "net/core/sysctl.h"
#include "net/ethernet/arp.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"
#include "net/netfilter/hooks.h"
#include "net/udp/udp.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t;
static uint8_t in[65600], out[65600];

static int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    return 0;
}

static int teardown(void **state)
{
    return testnet_destroy(t);
}

static size_t ping(const struct testnet_ip *ip)
{
    return testnet_build_icmp(t, in, ip, 8, 0, 0x12340001, "abcdefgh", 8);
}

/* Injects `len` bytes of `in`: whether an echo reply came back. */
static bool answered(size_t len)
{
    size_t n;

    testnet_inject(t, in, len);
    n = testnet_pop(t, out, sizeof(out));
    return n && testnet_frame_ok(out, n) && out[TESTNET_IP + (out[TESTNET_IP] & 15u) * 4] == 0;
}

/* Nothing comes back, and exactly this reason and counter say why. */
static void assert_dropped(size_t len, enum skb_drop_reason reason, enum mib_counter counter)
{
    uint64_t drops = t->net->drops[reason], count = t->net->mib[counter];

    testnet_inject(t, in, len);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    assert_int_equal(t->net->drops[reason], drops + 1);
    assert_int_equal(t->net->mib[counter], count + 1);
    assert_int_equal(t->net->skb_count, 0);
}

TEST("a good datagram is delivered and counted")
{
    size_t len = ping(&(struct testnet_ip){0});

    assert_true(answered(len));
    assert_int_equal(t->net->mib[MIB_IpInReceives], 1);
    assert_int_equal(t->net->mib[MIB_IpInDelivers], 1);
    assert_int_equal(t->net->mib[MIB_IpOutRequests], 1);
    assert_int_equal(t->net->mib[MIB_IpExtInOctets], len - 14);
    assert_int_equal(t->net->mib[MIB_IpExtOutOctets], len - 14);
}

TEST("1122-IP-VER: versions other than 4 are discarded silently")
{
    for (unsigned version = 0; version < 16; version++) {
        size_t len = ping(&(struct testnet_ip){0});

        in[TESTNET_IP] = (uint8_t)(version << 4 | 5);
        testnet_fix_ip_csum(in);
        if (version == 4)
            assert_true(answered(len));
        else
            assert_dropped(len, SKB_DROP_REASON_IP_INHDR, MIB_IpInHdrErrors);
    }
}

TEST("1122-IP-CK: a wrong header checksum is discarded silently, whichever bit is wrong")
{
    for (unsigned bit = 0; bit < 160; bit++) {
        size_t len = ping(&(struct testnet_ip){0});
        uint64_t before = t->net->mib[MIB_IpInHdrErrors];

        in[TESTNET_IP + bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(answered(len));
        assert_int_equal(t->net->mib[MIB_IpInHdrErrors], before + 1);
    }
    size_t len = ping(&(struct testnet_ip){0});
    in[TESTNET_IP + 10] ^= 1;
    assert_dropped(len, SKB_DROP_REASON_IP_CSUM, MIB_IpExtInCsumErrors);
}

TEST("a header length below 20 or beyond the frame is discarded")
{
    size_t len = ping(&(struct testnet_ip){0});

    in[TESTNET_IP] = 0x44;
    testnet_fix_ip_csum(in);
    assert_dropped(len, SKB_DROP_REASON_IP_INHDR, MIB_IpInHdrErrors);
    in[TESTNET_IP] = 0x4f;
    assert_dropped(TESTNET_IP + 40, SKB_DROP_REASON_HDR_TRUNC, MIB_IpInHdrErrors);
}

TEST("Ripple20: a total length below the header or above the frame is discarded")
{
    size_t len = ping(&(struct testnet_ip){0});
    uint16_t right = testnet_u16(in + TESTNET_IP + 2);

    in[TESTNET_IP + 2] = 0, in[TESTNET_IP + 3] = 19;
    testnet_fix_ip_csum(in);
    assert_dropped(len, SKB_DROP_REASON_IP_INHDR, MIB_IpInHdrErrors);
    in[TESTNET_IP + 3] = (uint8_t)(right + 1);
    testnet_fix_ip_csum(in);
    assert_dropped(len, SKB_DROP_REASON_HDR_TRUNC, MIB_IpExtInTruncatedPkts);
    in[TESTNET_IP + 2] = 0xff, in[TESTNET_IP + 3] = 0xff;
    testnet_fix_ip_csum(in);
    assert_dropped(len, SKB_DROP_REASON_HDR_TRUNC, MIB_IpInHdrErrors);
}

TEST("runts: a frame cut at any length draws no answer and leaves nothing behind")
{
    size_t len = ping(&(struct testnet_ip){0});

    for (size_t cut = 0; cut < len; cut++) {
        assert_false(answered(cut));
        assert_int_equal(t->net->skb_count, 0);
    }
    assert_true(answered(len));
}

TEST("padding behind the total length is not part of the datagram")
{
    size_t len = testnet_build_icmp(t, in, &(struct testnet_ip){0}, 8, 0, 1, "x", 1);

    memset(in + len, 0xee, 60 - len);
    testnet_inject(t, in, 60);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), len);
    assert_true(testnet_frame_ok(out, len));
}

TEST("1122-IP-TTL0: a received TTL of 1 or 0 is no reason to drop")
{
    size_t len = ping(&(struct testnet_ip){.ttl = 1});

    assert_true(answered(len));
    in[TESTNET_IP + 8] = 0;
    testnet_fix_ip_csum(in);
    assert_true(answered(len));
}

TEST("1122-IP-TTL: datagrams leave with 64, or what net.ipv4.ip_default_ttl says, never 0")
{
    assert_true(answered(ping(&(struct testnet_ip){0})));
    assert_int_equal(out[TESTNET_IP + 8], 64);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.ip_default_ttl", "17"), 0);
    assert_true(answered(ping(&(struct testnet_ip){0})));
    assert_int_equal(out[TESTNET_IP + 8], 17);
    assert_int_not_equal(sysctl_set(t->net, "net.ipv4.ip_default_ttl", "0"), 0);
}

TEST("1122-IP-OPT: well-formed options, known or not, are passed over")
{
    static const uint8_t options[][12] = {
        {1, 1, 1, 0},                             /* NOP, END */
        {7, 7, 4, 0, 0, 0, 0, 0},                 /* record route */
        {68, 8, 5, 0, 0, 0, 0, 0},                /* timestamp */
        {148, 4, 0, 0},                           /* router alert */
        {200, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, /* unknown */
        {0, 68, 0, 131, 255, 255, 255, 255},      /* anything may follow END */
    };
    static const uint8_t lens[] = {4, 8, 8, 4, 12, 8};

    for (size_t i = 0; i < sizeof(lens); i++)
        assert_true(answered(ping(&(struct testnet_ip){.options = options[i], .options_len = lens[i]})));
}

TEST(
    "AMNESIA:33: options of length 0 or 1, or past the header, are dropped without a loop; the sender hears where")
{
    static const struct {
        uint8_t options[4], pointer;
    } bad[] = {
        {{68, 0, 0, 0}, 21},  {{7, 1, 0, 0}, 21},  {{7, 40, 4, 0}, 21},
        {{200, 5, 0, 0}, 21}, {{1, 1, 1, 7}, 24},  {{200, 1, 0, 0}, 21},
        {{7, 3, 0, 0}, 22},   {{68, 4, 4, 0}, 22}, {{1, 7, 2, 0}, 23},
    };

    sysctl_set(t->net, "net.ipv4.icmp_ratelimit", "0");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        size_t len = ping(&(struct testnet_ip){.options = bad[i].options, .options_len = 4}), n;

        testnet_inject(t, in, len);
        n = testnet_pop(t, out, sizeof(out));
        assert_true(n && testnet_frame_ok(out, n) && out[TESTNET_L4] == ICMP_PARAMETERPROB);
        assert_int_equal(out[TESTNET_L4 + 4], bad[i].pointer);
        assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_OPTIONS], i + 1);
        assert_int_equal(t->net->mib[MIB_IpInHdrErrors], i + 1);
    }
    /* To somebody else, this host is silent. */
    assert_dropped(ping(&(struct testnet_ip){
                       .options = bad[0].options, .options_len = 4, .daddr = testnet_addr("8.8.8.8")}),
                   SKB_DROP_REASON_IP_OPTIONS, MIB_IpInHdrErrors);
}

TEST("1122-ICMP-ECHO: the reply carries record route and timestamp, with our own address and time in them")
{
    static const uint8_t options[20] = {7, 7, 4, 0, 0, 0, 0, 1, 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0};

    assert_true(answered(ping(&(struct testnet_ip){.options = options, .options_len = 20})));
    assert_int_equal(out[TESTNET_IP] & 15, 10);
    assert_int_equal(out[TESTNET_L4 + 2], 8);
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 3), t->local);
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 7 + 4), t->local);
}

TEST("1122-IP-LSRR: source-routed datagrams are refused, whatever their pointers say (URGENT/11)")
{
    for (unsigned pointer = 0; pointer < 256; pointer += 5)
        for (unsigned type = 131; type <= 137; type += 6) {
            uint8_t options[8] = {(uint8_t)type, 7, (uint8_t)pointer, 10, 0, 0, 9, 0};

            assert_dropped(ping(&(struct testnet_ip){.options = options, .options_len = 8}),
                           SKB_DROP_REASON_IP_SRCROUTE, MIB_IpInHdrErrors);
        }
}

TEST("1122-IP-ADDR: what is addressed to another host is dropped")
{
    static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 9};

    assert_dropped(ping(&(struct testnet_ip){.daddr = testnet_addr("10.0.0.77")}),
                   SKB_DROP_REASON_IP_INADDRERRORS, MIB_IpInAddrErrors);
    assert_dropped(ping(&(struct testnet_ip){.daddr = testnet_addr("8.8.8.8")}),
                   SKB_DROP_REASON_IP_INADDRERRORS, MIB_IpInAddrErrors);
    testnet_inject(t, in, ping(&(struct testnet_ip){.dst_mac = other_mac}));
    assert_int_equal(t->net->drops[SKB_DROP_REASON_OTHERHOST], 1);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
}

TEST("1122-IP-SRC: martian sources are dropped silently")
{
    static const char *const martians[] = {"127.0.0.1",       "127.255.1.2", "0.0.0.0",   "0.1.2.3",
                                           "224.0.0.1",       "239.1.2.3",   "240.0.0.1", "255.0.0.1",
                                           "255.255.255.255", "10.0.0.255",  "10.0.0.0"};

    for (size_t i = 0; i < sizeof(martians) / sizeof(*martians); i++) {
        size_t len = ping(&(struct testnet_ip){0});
        uint32_t saddr = testnet_addr(martians[i]);

        for (int b = 0; b < 4; b++)
            in[TESTNET_IP + 12 + b] = (uint8_t)(saddr >> (24 - 8 * b));
        testnet_fix_ip_csum(in);
        assert_dropped(len, SKB_DROP_REASON_IP_MARTIAN_SRC, MIB_IpInDiscards);
    }
}

TEST("somebody without an address may call everybody, but only as 0.0.0.0")
{
    struct testnet_ip all = {.daddr = 0xffffffff};
    size_t len = ping(&all);

    memset(in + TESTNET_IP + 12, 0, 4);
    testnet_fix_ip_csum(in);
    testnet_inject(t, in, len);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_MARTIAN_SRC], 0);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_ICMP_BROADCAST], 1);
    in[TESTNET_IP + 15] = 7;
    testnet_fix_ip_csum(in);
    assert_dropped(len, SKB_DROP_REASON_IP_MARTIAN_SRC, MIB_IpInDiscards);
}

TEST("LAND: a datagram from our own address is dropped")
{
    assert_dropped(ping(&(struct testnet_ip){.saddr = t->local}), SKB_DROP_REASON_IP_MARTIAN_SRC,
                   MIB_IpInDiscards);
}

TEST("1122-IP-127: destinations in 127/8, 0/8 and class E are not taken from a wire")
{
    static const char *const martians[] = {"127.0.0.1", "0.0.0.0", "240.1.2.3"};

    for (size_t i = 0; i < 3; i++) {
        size_t len = ping(&(struct testnet_ip){0});
        uint32_t daddr = testnet_addr(martians[i]);

        for (int b = 0; b < 4; b++)
            in[TESTNET_IP + 16 + b] = (uint8_t)(daddr >> (24 - 8 * b));
        testnet_fix_ip_csum(in);
        assert_dropped(len, SKB_DROP_REASON_IP_MARTIAN_DST, MIB_IpInAddrErrors);
    }
}

TEST("1122-IP-BCAST: limited and directed broadcasts and 224.0.0.1 are received, other groups are not")
{
    static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};

    sysctl_set(t->net, "net.ipv4.icmp_echo_ignore_broadcasts", "0");
    assert_true(
        answered(ping(&(struct testnet_ip){.daddr = testnet_addr("255.255.255.255"), .dst_mac = all})));
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
    assert_true(answered(ping(&(struct testnet_ip){.daddr = testnet_addr("10.0.0.255"), .dst_mac = all})));
    assert_true(answered(ping(&(struct testnet_ip){.daddr = testnet_addr("10.0.0.0"), .dst_mac = all})));
    assert_int_equal(t->net->mib[MIB_IpExtInBcastPkts], 3);
    assert_true(answered(ping(&(struct testnet_ip){.daddr = testnet_addr("224.0.0.1"), .dst_mac = all})));
    assert_int_equal(t->net->mib[MIB_IpExtInMcastPkts], 1);
    assert_false(answered(ping(&(struct testnet_ip){.daddr = testnet_addr("224.0.0.9"), .dst_mac = all})));
}

TEST("RFC 1122 3.3.6: a unicast datagram in a broadcast frame is dropped")
{
    static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};

    assert_true(answered(ping(&(struct testnet_ip){0})));
    assert_dropped(ping(&(struct testnet_ip){.dst_mac = all}), SKB_DROP_REASON_UNICAST_IN_L2_MULTICAST,
                   MIB_IpInDiscards);
}

/* --- hooks --- */

struct watcher {
    struct nf_hook_ops ops;
    char *log;
    enum nf_verdict verdict;
};

static enum nf_verdict watch(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    struct watcher *w = priv;

    assert_int_equal(skb->data[0], 0x45);
    strncat(w->log, (const char *[]){"P", "I", "F", "O", "T"}[state->hook], 1);
    if (w->verdict == NF_STOLEN)
        consume_skb(skb);
    return w->verdict;
}

static void hook(struct watcher w[5], char *log)
{
    for (int i = 0; i < 5; i++) {
        w[i] = (struct watcher){
            .ops = {.hook = watch, .priv = &w[i], .hooknum = i}, .log = log, .verdict = NF_ACCEPT};
        nf_register_net_hook(t->net, &w[i].ops);
    }
}

static void unhook(struct watcher w[5])
{
    for (int i = 0; i < 5; i++)
        nf_unregister_net_hook(&w[i].ops);
}

TEST("a packet to us passes PRE_ROUTING and LOCAL_IN, its answer LOCAL_OUT and POST_ROUTING")
{
    char log[16] = "";
    struct watcher w[5];

    hook(w, log);
    assert_true(answered(ping(&(struct testnet_ip){0})));
    unhook(w);
    assert_string_equal(log, "PIOT");
}

TEST("a hook may drop or steal a packet at each of its places")
{
    static const enum nf_inet_hooks places[] = {NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT,
                                                NF_INET_POST_ROUTING};

    for (int i = 0; i < 4; i++)
        for (int steal = 0; steal < 2; steal++) {
            char log[16] = "";
            struct watcher w[5];

            hook(w, log);
            w[places[i]].verdict = steal ? NF_STOLEN : NF_DROP;
            assert_false(answered(ping(&(struct testnet_ip){0})));
            unhook(w);
            assert_int_equal(strlen(log), i + 1);
            assert_int_equal(t->net->skb_count, 0);
        }
    assert_int_equal(t->net->drops[SKB_DROP_REASON_NETFILTER_DROP], 4);
}

/* --- sending --- */

static struct sock *connected_socket(const char *peer)
{
    int err;
    struct sock *sk = sk_alloc(t->net, &udp_prot, SOCK_DGRAM, IPPROTO_UDP, &err);

    assert_non_null(sk);
    assert_int_equal(udp_prot.connect(sk, cpu_to_be32(testnet_addr(peer)), 9, 0), 0);
    return sk;
}

static int queue_xmit(struct sock *sk, unsigned len)
{
    struct sk_buff *skb = alloc_skb(t->net, MAX_HEADER + len);

    assert_non_null(skb);
    skb_reserve(skb, MAX_HEADER);
    struct udphdr *uh = memset(skb_put(skb, len), 0x55, len);
    if (len >= sizeof(*uh))
        *uh = (struct udphdr){.source = sk->sk_sport, .dest = sk->sk_dport};
    return ip_queue_xmit(sk, skb);
}

TEST("ip_queue_xmit writes a right header: addresses, protocol, ttl, tos, DF and no id")
{
    struct sock *sk = connected_socket("10.0.0.2");

    sk->inet_tos = 0x10;
    sk->inet_ttl = 99;
    assert_int_equal(queue_xmit(sk, 100), 0);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 14 + 20 + 100);
    assert_memory_equal(out, testnet_peer_mac, 6);
    assert_memory_equal(out + 6, testnet_local_mac, 6);
    assert_int_equal(testnet_u16(out + 12), 0x0800);
    assert_int_equal(testnet_u16(out + 14), 0x4510);
    assert_int_equal(testnet_u16(out + 16), 120);
    assert_int_equal(testnet_u32(out + 18), 0x4000);
    assert_int_equal(out[22], 99);
    assert_int_equal(out[23], 17);
    assert_int_equal(testnet_csum(out + 14, 20, 0), 0);
    assert_int_equal(testnet_u32(out + 26), t->local);
    assert_int_equal(testnet_u32(out + 30), t->peer);
    udp_prot.close(sk);
}

TEST("1122-IP-ID: datagrams that may be fragmented carry ids that differ")
{
    struct sock *sk = connected_socket("10.0.0.2");
    unsigned same = 0, last = 0;

    sk->inet_pmtudisc = IP_PMTUDISC_DONT;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(queue_xmit(sk, 10), 0);
        testnet_pop(t, out, sizeof(out));
        assert_int_equal(testnet_u16(out + 20), 0);
        assert_int_equal(testnet_csum(out + 14, 20, 0), 0);
        same += testnet_u16(out + 18) == last;
        last = testnet_u16(out + 18);
    }
    assert_true(same < 3);
    udp_prot.close(sk);
}

TEST("a datagram beyond the MTU is refused with EMSGSIZE, one of its size is sent")
{
    struct sock *sk = connected_socket("10.0.0.2");

    assert_int_equal(queue_xmit(sk, 1480), 0);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 1514);
    assert_int_equal(queue_xmit(sk, 1481), -EMSGSIZE);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_MTU], 1);
    assert_int_equal(t->net->mib[MIB_IpOutDiscards], 1);
    udp_prot.close(sk);
}

TEST("ip_local_out finishes length and checksum of a datagram built by hand")
{
    struct flowi4 fl = {.daddr = cpu_to_be32(t->peer)};
    int err;
    struct rtable *rt = ip_route_output(t->net, &fl, &err);
    struct sk_buff *skb = alloc_skb(t->net, MAX_HEADER + 28);
    struct iphdr *iph;

    skb_reserve(skb, MAX_HEADER);
    iph = skb_put(skb, 28);
    memset(iph, 0, 28);
    *iph =
        (struct iphdr){.version_ihl = 0x45, .ttl = 3, .protocol = 200, .saddr = fl.saddr, .daddr = fl.daddr};
    skb_dst_set(skb, &rt->dst);
    assert_int_equal(ip_local_out(skb), 0);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 42);
    assert_int_equal(testnet_u16(out + 16), 28);
    assert_int_equal(testnet_csum(out + 14, 20, 0), 0);
}

TEST("ip_build_and_send pads options with END and sums them")
{
    struct flowi4 fl = {.daddr = cpu_to_be32(t->peer)};
    int err;
    struct rtable *rt = ip_route_output(t->net, &fl, &err);
    struct ip_params params = {.saddr = fl.saddr,
                               .daddr = fl.daddr,
                               .protocol = 200,
                               .options = "\x94\x04\x00\x00\x01",
                               .options_len = 5};
    struct sk_buff *skb = alloc_skb(t->net, MAX_HEADER);

    skb_reserve(skb, MAX_HEADER);
    assert_int_equal(ip_build_and_send(t->net, NULL, skb, &rt->dst, &params), 0);
    dst_release(&rt->dst);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 14 + 28);
    assert_int_equal(out[14], 0x47);
    assert_memory_equal(out + 34, "\x94\x04\x00\x00\x01\x00\x00\x00", 8);
    assert_int_equal(testnet_csum(out + 14, 28, 0), 0);
}

TEST("without a route nothing is sent: ENETUNREACH, counted")
{
    struct sock *sk = connected_socket("10.0.0.2");
    struct fib_config route = {.type = RTN_UNICAST, .gateway = cpu_to_be32(t->peer)};

    assert_int_equal(fib_del(t->net, &route), 0);
    sk->sk_daddr = cpu_to_be32(testnet_addr("8.8.8.8"));
    assert_int_equal(queue_xmit(sk, 10), -ENETUNREACH);
    assert_int_equal(t->net->mib[MIB_IpOutNoRoutes], 1);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_OUTNOROUTES], 1);
    udp_prot.close(sk);
}

TEST("a next hop that does not answer ARP becomes a host unreachable at the sending socket")
{
    struct sock *sk = connected_socket("10.0.0.99");

    assert_int_equal(queue_xmit(sk, 30), 0);
    testnet_advance_ms(t, 10000);
    assert_int_equal(sk->sk_err_soft, EHOSTUNREACH);
    assert_int_equal(t->net->mib[MIB_IcmpOutDestUnreachs], 1);
    assert_int_equal(t->net->skb_count, 0);
    udp_prot.close(sk);
}

TEST("the host reaches itself by its own address and by 127.0.0.1")
{
    static const char *const own[] = {"10.0.0.1", "127.0.0.1", "127.1.2.3"};

    for (int i = 0; i < 3; i++) {
        struct sock *sk = connected_socket(own[i]);

        assert_int_equal(be32_to_cpu(sk->inet_saddr), testnet_addr(own[i]));
        assert_int_equal(queue_xmit(sk, 30), 0);
        testnet_run(t);
        assert_int_equal(t->sent_count, 0);
        udp_prot.close(sk);
    }
    assert_int_equal(t->net->mib[MIB_IpInDelivers], 3);
}

/* --- hard times --- */

TEST("each allocation may fail on the way of a packet and nothing leaks")
{
    unsigned n = 0;

    do {
        host_fail_allocation(++n);
        testnet_inject(t, in, ping(&(struct testnet_ip){.saddr = testnet_addr("10.0.0.2") + 0x01000000 * n}));
        testnet_drop_sent(t);
        assert_true(n < 100);
    } while (host_allocation_failed());
    host_fail_allocation(0);
    assert_true(n > 1);
    assert_true(answered(ping(&(struct testnet_ip){0})));
}

TEST("each allocation may fail while IPv4 starts: it says so and leaves nothing behind")
{
    unsigned n = 0;
    int err;

    do {
        size_t before = host_objects_alive();
        struct net *net = net_create("second");

        assert_int_equal(nf_init(net), 0);
        assert_int_equal(arp_init(net), 0);
        host_fail_allocation(++n);
        err = ip_init(net);
        assert_true(err == 0 || err == -ENOMEM);
        if (!err) {
            err = udp_init(net);
            if (!err)
                udp_exit(net);
            ip_exit(net);
        }
        host_fail_allocation(0);
        arp_exit(net);
        nf_exit(net);
        net_destroy(net);
        assert_int_equal(host_objects_alive(), before);
    } while (err);
    assert_true(n > 5);
}

TEST("fuzz: thousands of damaged datagrams break and leak nothing")
{
    host_random_seed(1122);
    for (int i = 0; i < 20000; i++) {
        uint8_t options[40];
        size_t len;

        for (size_t o = 0; o < sizeof(options); o++)
            options[o] = (uint8_t)host_random();
        len = ping(&(struct testnet_ip){.options = options, .options_len = host_random() % 41});
        for (uint64_t flips = host_random() % 4; flips; flips--)
            in[TESTNET_IP + host_random() % (len - TESTNET_IP)] = (uint8_t)host_random();
        if (host_random() % 2)
            testnet_fix_ip_csum(in);
        testnet_inject(t, in, host_random() % 4 ? len : host_random() % len);
        testnet_drop_sent(t);
    }
    assert_true(answered(ping(&(struct testnet_ip){0})));
}

TEST_FIXTURE(setup, teardown)
