/*
 * test_nat.c - address translation by rules of table nat (net/netfilter/nf_nat_*.c, xt_nat.c), and the
 * matches that ask tracking (xt_conntrack.c, xt_connlimit.c): packets through the hooks, rules as text.
 */
#include "tests/unit/ct_net.h"

#include <stdarg.h>
#include <stdio.h>

#include "net/core/dst.h"
#include "net/ipv4/route.h"
#include "net/netfilter/iptables_parse.h"

static char said[20000];
static size_t said_len;

static void hear(const char *text, size_t len, void *ctx)
{
    assert_true(said_len + len < sizeof(said));
    memcpy(said + said_len, text, len);
    said_len += len;
    said[said_len] = '\0';
}

/* One command of iptables: 0 or -E..., `said` has the answer. */
__attribute__((format(printf, 1, 2))) static int ipt(const char *format, ...)
{
    struct xt_text text;
    char line[1000];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    said_len = 0;
    said[0] = '\0';
    xt_text_init(&text, hear, NULL);
    return xt_command(ct.net, line, &text);
}

#define RULE(...) assert_int_equal(ipt(__VA_ARGS__), 0)

static int nat_setup(void **state)
{
    return ct_setup_plain(state);
}

/* As `conntrack -F`. */
static void end_connections(void)
{
    nf_ct_kill_if(ct.net, NULL, NULL);
    host_run();
}

static int nat_teardown(void **state)
{
    static const char *const tables[] = {"raw", "mangle", "nat", "filter"};

    host_fail_allocation(0);
    for (int i = 0; i < 4; i++)
        RULE("-t %s -F", tables[i]);
    end_connections();
    assert_int_equal(ct.n->users, 0);
    assert_int_equal(ct.n->translated, 0);
    assert_int_equal(ct.n->count, 0);
    return ct_teardown_plain(state);
}

/* --- what came out --- */

static bool out_src(const char *addr, uint16_t port)
{
    return get_unaligned_be32(ct.out + 12) == testnet_addr(addr) && get_unaligned_be16(ct.out + 20) == port;
}

static bool out_dst(const char *addr, uint16_t port)
{
    return get_unaligned_be32(ct.out + 16) == testnet_addr(addr) && get_unaligned_be16(ct.out + 22) == port;
}

static uint16_t out_sport(void)
{
    return get_unaligned_be16(ct.out + 20);
}

static bool send_udp(const char *from, uint16_t sport, const char *to, uint16_t dport)
{
    bool passed = ct_send(&(struct ct_pkt){
        .protocol = IPPROTO_UDP, .from = from, .to = to, .sport = sport, .dport = dport, .len = 31});

    assert_true(!passed || ct_csum_ok());
    return passed;
}

static bool send_tcp(const char *from, uint16_t sport, const char *to, uint16_t dport, uint8_t flags)
{
    bool passed = ct_send(&(struct ct_pkt){.from = from,
                                           .to = to,
                                           .sport = sport,
                                           .dport = dport,
                                           .flags = flags,
                                           .seq = 9,
                                           .ack = 0,
                                           .win = 900});

    assert_true(!passed || ct_csum_ok());
    return passed;
}

/* --- SNAT --- */

TEST("SNAT hides the source; answers find back; the port stays while it is free, and differs when it is not")
{
    RULE("-t nat -A POSTROUTING -s 10.1.0.0/16 -j SNAT --to-source 192.0.2.1");
    assert_true(send_udp("10.1.0.1", 4000, B, 53) && out_src("192.0.2.1", 4000) && out_dst(B, 53));
    assert_true(send_udp(B, 53, "192.0.2.1", 4000) && out_src(B, 53) && out_dst("10.1.0.1", 4000));
    assert_int_equal(ct.info, IP_CT_ESTABLISHED_REPLY);
    assert_true(send_udp("10.1.0.2", 4000, B, 53));
    uint16_t other = out_sport();
    assert_true(other != 4000 && other >= 1024);
    assert_true(send_udp("10.1.0.2", 4000, B, 53) && out_src("192.0.2.1", other));
    assert_true(send_udp(B, 53, "192.0.2.1", other) && out_dst("10.1.0.2", 4000));
    assert_true(send_udp("10.3.0.1", 4000, B, 53) && out_src("10.3.0.1", 4000)); /* no rule */
    assert_true(send_tcp("10.1.0.1", 4000, B, 53, CT_SYN) && out_src("192.0.2.1", 4000));
}

TEST("RFC 4787 REQ-1: a source keeps its mapping towards other peers")
{
    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1:7000-7999 -p udp");
    assert_true(send_udp("10.1.0.1", 4000, "10.2.0.1", 53));
    uint16_t port = out_sport();
    assert_true(port >= 7000 && port <= 7999);
    for (int i = 2; i < 30; i++) {
        char to[32];
        snprintf(to, sizeof(to), "10.2.0.%d", i);
        assert_true(send_udp("10.1.0.1", 4000, to, 53) && out_src("192.0.2.1", port));
    }
}

TEST(
    "ports of a class stay in it: privileged sources get privileged ports (RFC 4787 4.2.2), none gets port 0")
{
    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1");
    for (int i = 1; i <= 100; i++) {
        char from[32];
        snprintf(from, sizeof(from), "10.1.0.%d", i);
        assert_true(send_udp(from, 100, B, 53));
        assert_true(out_sport() > 0 && out_sport() < 512);
        assert_true(send_udp(from, 800, B, 53));
        assert_true(out_sport() >= 600 && out_sport() < 1024);
    }
    send_udp("10.1.0.1", 0, B, 53);
    send_udp("10.1.0.2", 0, B, 53);
    assert_true(out_sport() > 0 && out_sport() < 512);
}

TEST(
    "a range of ports that is used up drops new connections by name, and takes them again when there is room")
{
    RULE("-t nat -A POSTROUTING -p udp -j SNAT --to-source 192.0.2.1:5000-5003");
    unsigned seen = 0;
    for (uint16_t i = 0; i < 4; i++) {
        assert_true(send_udp(A, (uint16_t)(100 + i), B, 53));
        seen |= 1u << (out_sport() - 5000);
    }
    assert_int_equal(seen, 15);
    assert_false(send_udp(A, 104, B, 53));
    assert_int_equal(ct.net->drops[SKB_DROP_REASON_CT_INSERT], 1);
    assert_true(send_udp(A, 104, "10.2.0.2", 53)); /* towards another peer the ports are free */
    host_advance_ms(30001);
    assert_true(send_udp(A, 104, B, 53));
}

TEST("a range of addresses spreads the clients; with --persistent each keeps one")
{
    char from[32], to[32];
    unsigned seen = 0;

    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.0-192.0.2.7");
    for (int i = 1; i < 100; i++) {
        snprintf(from, sizeof(from), "10.1.0.%d", i);
        assert_true(send_udp(from, 4000, B, 53));
        seen |= 1u << (ct.out[15] & 7);
        assert_true(ct.out[15] < 8);
    }
    assert_int_equal(seen, 255);
    RULE("-t nat -F");
    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.0-192.0.2.7 --persistent --random");
    for (int i = 1; i < 30; i++) {
        snprintf(to, sizeof(to), "10.2.0.%d", i);
        assert_true(send_udp("10.1.0.1", (uint16_t)(5000 + i), to, 53));
        if (i == 1)
            seen = ct.out[15];
        assert_int_equal(ct.out[15], seen);
        assert_int_not_equal(out_sport(), 5000 + i);
    }
}

TEST("ICMP: the id is translated as a port is, and a clash gets another")
{
    struct ct_pkt ping = {
        .protocol = IPPROTO_ICMP, .to = B, .icmp_type = 8, .sport = 77, .dport = 1, .len = 9};

    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1");
    ping.from = "10.1.0.1";
    assert_true(ct_send(&ping) && ct_csum_ok());
    assert_int_equal(get_unaligned_be16(ct.out + 24), 77);
    ping.from = "10.1.0.2";
    assert_true(ct_send(&ping) && ct_csum_ok());
    uint16_t id = get_unaligned_be16(ct.out + 24);
    assert_int_not_equal(id, 77);
    assert_true(ct_send(&(struct ct_pkt){
        .protocol = IPPROTO_ICMP, .from = B, .to = "192.0.2.1", .icmp_type = 0, .sport = id, .len = 9}));
    assert_true(ct_csum_ok());
    assert_int_equal(get_unaligned_be32(ct.out + 16), testnet_addr("10.1.0.2"));
    assert_int_equal(get_unaligned_be16(ct.out + 24), 77);
}

TEST(
    "checksums: UDP's zero stays, unfinished ones stay unfinished, damaged ones stay damaged, options do not matter")
{
    uint8_t ip[200];

    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1:6000-6100 -p udp");
    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1:6000-6100 -p tcp");
    assert_true(ct_send(&(struct ct_pkt){
        .protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 4, .dport = 5, .len = 5, .no_csum = true}));
    assert_int_equal(get_unaligned_be16(ct.out + 26), 0);
    sysctl_set(ct.net, "net.netfilter.nf_conntrack_checksum", "0");
    assert_true(ct_send(&(struct ct_pkt){
        .protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 4, .dport = 5, .len = 5, .bad_csum = true}));
    assert_false(ct_csum_ok());
    for (int i = 0; i < 300; i++) { /* whatever the sum is: also 0 and all ones */
        uint8_t payload[2] = {(uint8_t)(i * 37), (uint8_t)(i * 11)};
        assert_true(ct_send(&(struct ct_pkt){.protocol = IPPROTO_UDP,
                                             .from = A,
                                             .to = B,
                                             .sport = 4,
                                             .dport = 5,
                                             .payload = payload,
                                             .len = 2}));
        assert_true(ct_csum_ok());
    }

    unsigned len = ct_build(
        ip, &(struct ct_pkt){.from = A, .to = B, .sport = 1, .dport = 2, .flags = CT_SYN, .len = 50});
    sum16 pseudo = (__force sum16) ~(__force uint16_t)csum_tcpudp_magic(ct_addr(A), ct_addr(B), len - 20,
                                                                        IPPROTO_TCP, (__force wsum)0);
    memcpy(ip + 36, &pseudo, 2);
    struct sk_buff *skb = ct_skb(ip, len);
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = skb->transport_header;
    skb->csum_offset = 16;
    assert_true(ct_forward(skb));
    pseudo = (__force sum16) ~(__force uint16_t)csum_tcpudp_magic(ct_addr("192.0.2.1"), ct_addr(B), len - 20,
                                                                  IPPROTO_TCP, (__force wsum)0);
    assert_memory_equal(ct.out + 36, &pseudo, 2);
}

TEST("bytes that somebody else holds too (a tap) stay as they were")
{
    uint8_t ip[200];
    unsigned len =
        ct_build(ip, &(struct ct_pkt){.protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 4, .dport = 5});
    struct sk_buff *skb = ct_skb(ip, len), *tap = skb_clone(skb);

    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1");
    assert_true(ct_forward(skb));
    assert_int_equal(get_unaligned_be32(ct.out + 12), testnet_addr("192.0.2.1"));
    assert_memory_equal(tap->data, ip, len);
    consume_skb(tap);
}

/* --- DNAT and both --- */

TEST("DNAT leads to a server inside, with its port; answers come from the address that was asked")
{
    RULE("-t nat -A PREROUTING -d 192.0.2.1 -p tcp --dport 80 -j DNAT --to-destination 10.1.0.9:8080");
    assert_true(send_tcp(B, 3000, "192.0.2.1", 80, CT_SYN) && out_dst("10.1.0.9", 8080) && out_src(B, 3000));
    assert_true(ct.conn->status & IPS_DST_NAT);
    assert_true(ct_send(&(struct ct_pkt){.from = "10.1.0.9",
                                         .to = B,
                                         .sport = 8080,
                                         .dport = 3000,
                                         .flags = CT_SYN | CT_ACK,
                                         .seq = 5,
                                         .ack = 10,
                                         .win = 100}));
    assert_true(out_src("192.0.2.1", 80) && ct_csum_ok());
    assert_true(send_tcp(B, 3001, "192.0.2.1", 81, CT_SYN) && out_dst("192.0.2.1", 81));
}

TEST("hairpin: a client inside reaches the server inside by the outside address")
{
    RULE("-t nat -A PREROUTING -d 192.0.2.1 -p udp --dport 53 -j DNAT --to-destination 10.1.0.9");
    RULE("-t nat -A POSTROUTING -s 10.1.0.0/16 -d 10.1.0.0/16 -j SNAT --to-source 10.1.0.254");
    assert_true(send_udp("10.1.0.2", 4000, "192.0.2.1", 53));
    assert_true(out_src("10.1.0.254", 4000) && out_dst("10.1.0.9", 53));
    assert_true(send_udp("10.1.0.9", 53, "10.1.0.254", 4000));
    assert_true(out_src("192.0.2.1", 53) && out_dst("10.1.0.2", 4000));
}

TEST("clients that DNAT leads to one server with one source port do not mix")
{
    RULE("-t nat -A PREROUTING -p udp --dport 53 -j DNAT --to-destination 10.1.0.9");
    assert_true(send_udp(B, 4000, "192.0.2.1", 53) && out_dst("10.1.0.9", 53) && out_src(B, 4000));
    assert_true(send_udp(B, 4000, "192.0.2.2", 53) && out_dst("10.1.0.9", 53)); /* another connection */
    uint16_t port = out_sport();
    assert_int_not_equal(port, 4000);
    assert_true(send_udp("10.1.0.9", 53, B, port) && out_src("192.0.2.2", 53) && out_dst(B, 4000));
    assert_true(send_udp("10.1.0.9", 53, B, 4000) && out_src("192.0.2.1", 53) && out_dst(B, 4000));
}

TEST("an ICMP error from behind the translator is translated, outside and inside (RFC 5508 REQ-3, 4)")
{
    uint8_t ip[200];

    RULE("-t nat -A POSTROUTING -s 10.1.0.0/16 -j SNAT --to-source 192.0.2.1:6000 -p udp");
    for (unsigned quote = 28; quote <= 59; quote += 31) {
        assert_true(send_udp(A, 4000, B, 33434) && out_src("192.0.2.1", 6000));
        memcpy(ip, ct.out, ct.out_len);
        assert_true(ct_send(&(struct ct_pkt){.protocol = IPPROTO_ICMP,
                                             .from = "10.9.9.9",
                                             .to = "192.0.2.1",
                                             .icmp_type = 11,
                                             .payload = ip,
                                             .len = quote}));
        assert_int_equal(ct.info, IP_CT_RELATED_REPLY);
        assert_true(ct_csum_ok());
        assert_int_equal(get_unaligned_be32(ct.out + 12), testnet_addr("10.9.9.9"));
        assert_int_equal(get_unaligned_be32(ct.out + 16), testnet_addr(A));
        const uint8_t *inner = ct.out + 28;
        assert_int_equal(get_unaligned_be32(inner + 12), testnet_addr(A));
        assert_int_equal(get_unaligned_be16(inner + 20), 4000);
        assert_int_equal((__force uint16_t)ip_fast_csum(inner, 5), 0);
        if (quote == 59) { /* all of it: its checksum is right again */
            memmove(ct.out, ct.out + 28, 59);
            ct.out_len = 59;
            assert_true(ct_csum_ok());
        }
    }
}

TEST("an error from a server behind DNAT does not give its address away; a redirect does not pass")
{
    uint8_t ip[200];

    RULE("-t nat -A PREROUTING -d 192.0.2.1 -j DNAT --to-destination 10.1.0.9");
    assert_true(send_udp(B, 4000, "192.0.2.1", 53));
    memcpy(ip, ct.out, ct.out_len);
    struct ct_pkt error = {.protocol = IPPROTO_ICMP,
                           .from = "10.1.0.9",
                           .to = B,
                           .icmp_type = 3,
                           .icmp_code = 3,
                           .payload = ip,
                           .len = 59};
    assert_true(ct_send(&error) && ct_csum_ok());
    assert_int_equal(get_unaligned_be32(ct.out + 12), testnet_addr("192.0.2.1"));
    assert_int_equal(get_unaligned_be32(ct.out + 28 + 16), testnet_addr("192.0.2.1"));
    error.icmp_type = 5;
    assert_false(ct_send(&error));
    assert_int_equal(ct.net->drops[SKB_DROP_REASON_NAT_FAILED], 1);
}

TEST("TCP and UDP quotes, in every length that names the connection, come out whole")
{
    uint8_t ip[200];

    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1:6000 -p tcp");
    assert_true(send_tcp(A, 4000, B, 80, CT_SYN));
    memcpy(ip, ct.out, ct.out_len);
    for (unsigned quote = 28; quote <= 40; quote++) {
        assert_true(ct_send(&(struct ct_pkt){.protocol = IPPROTO_ICMP,
                                             .from = B,
                                             .to = "192.0.2.1",
                                             .icmp_type = 3,
                                             .payload = ip,
                                             .len = quote}));
        assert_true(ct_csum_ok());
        assert_int_equal(get_unaligned_be16(ct.out + 28 + 20), 4000);
    }
}

/* --- this machine's own --- */

TEST("MASQUERADE takes the device's address, and its connections end with it")
{
    RULE("-t nat -A POSTROUTING -j MASQUERADE");
    assert_true(send_udp(A, 4000, B, 53) && out_src("10.0.0.1", 4000));
    assert_int_equal(ct.n->count, 1);
    assert_int_equal(inet_addr_add(ct.t->dev, ct_addr("10.0.7.1"), 24), 0);
    assert_int_equal(inet_addr_del(ct.t->dev, ct_addr("10.0.7.1")), 0);
    assert_int_equal(ct.n->count, 1); /* another address */
    dev_close(ct.t->dev);
    assert_int_equal(ct.n->count, 0);
    dev_open(ct.t->dev);
    host_advance_ms(5000);
    testnet_drop_sent(ct.t);
}

TEST(
    "a masqueraded connection that would leave by another device ends; the next packet gets that one's address")
{
    struct testnet *second = testnet_add_port(ct.t, "10.9.0.1/24", 0);

    RULE("-t nat -A POSTROUTING -j MASQUERADE");
    assert_true(send_udp(A, 4000, B, 53) && out_src("10.0.0.1", 4000));
    assert_true(send_udp(A, 4000, B, 53) && out_src("10.0.0.1", 4000));
    ct.leaves_by = second->dev; /* the route has changed: who is asked there would answer 10.0.0.1 in vain */
    assert_false(send_udp(A, 4000, B, 53));
    assert_int_equal(ct.net->drops[SKB_DROP_REASON_NAT_FAILED], 1);
    assert_int_equal(ct.n->count, 0);
    assert_true(send_udp(A, 4000, B, 53) && out_src("10.9.0.1", 4000));
    ct.leaves_by = ct.t->dev; /* an answer may come by any way, and leaves by A's */
    assert_true(send_udp(B, 53, "10.9.0.1", 4000) && out_dst(A, 4000));
    assert_int_equal(ct.n->count, 1);
    ct.leaves_by = NULL;
    end_connections();
    testnet_remove_port(second);
}

TEST("REDIRECT brings a connection to this machine, to a port of the rule's")
{
    uint8_t frame[200];
    size_t len;

    RULE("-t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 7777");
    len = testnet_build_udp(ct.t, frame, &(struct testnet_ip){.daddr = testnet_addr("8.8.8.8")}, 999, 53, "x",
                            1);
    testnet_inject(ct.t, frame, len);
    assert_int_equal(ct.net->mib[MIB_UdpNoPorts], 1);
    len = testnet_pop(ct.t, frame, sizeof(frame)); /* the error about it comes from whom was asked */
    assert_true(len && testnet_frame_ok(frame, len));
    assert_int_equal(testnet_u32(frame + TESTNET_IP + 12), testnet_addr("8.8.8.8"));
    assert_int_equal(testnet_u32(frame + TESTNET_L4 + 8 + 16), testnet_addr("8.8.8.8"));
    assert_int_equal(testnet_u16(frame + TESTNET_L4 + 8 + 22), 53);
}

TEST("DNAT of our own packets finds another route")
{
    struct flowi4 fl = {.daddr = ct_addr("10.0.0.2")};
    uint8_t ip[200], frame[200];
    int err;

    RULE("-t nat -A OUTPUT -d 127.0.0.9 -p udp -j DNAT --to-destination 10.0.0.2:53");
    RULE("-t nat -A OUTPUT -d 10.0.0.2 -p udp --dport 99 -j DNAT --to-destination 10.0.0.3:53");
    struct rtable *rt = ip_route_output(ct.net, &fl, &err);
    assert_non_null(rt);
    unsigned len = ct_build(ip, &(struct ct_pkt){.protocol = IPPROTO_UDP,
                                                 .from = "10.0.0.1",
                                                 .to = "10.0.0.2",
                                                 .sport = 5,
                                                 .dport = 99,
                                                 .len = 3});
    struct sk_buff *skb = ct_skb(ip, len);
    skb->dev = NULL;
    skb_dst_set(skb, &rt->dst);
    ip_local_out(skb);
    host_run();
    ct.t->keep_arp = true; /* it asks for 10.0.0.3 now */
    assert_true(testnet_pop(ct.t, frame, sizeof(frame)));
    assert_int_equal(testnet_u32(frame + 38), testnet_addr("10.0.0.3"));
    host_advance_ms(10000);
    testnet_drop_sent(ct.t);
}

TEST("a reset or an error by which a rule rejects a translated packet comes from whom was asked")
{
    uint8_t frame[200];
    size_t len;

    RULE("-t nat -A PREROUTING -d 192.0.2.1 -j DNAT --to-destination 10.1.0.9");
    RULE("-A FORWARD -p tcp -j REJECT --reject-with tcp-reset");
    RULE("-A FORWARD -p udp -j REJECT");
    assert_false(send_tcp(B, 4000, "192.0.2.1", 80, CT_SYN));
    host_run();
    len = testnet_pop(ct.t, frame, sizeof(frame));
    assert_true(len && testnet_frame_ok(frame, len) && (frame[TESTNET_L4 + 13] & CT_RST));
    assert_int_equal(testnet_u32(frame + TESTNET_IP + 12), testnet_addr("192.0.2.1"));
    assert_false(send_udp(B, 4000, "192.0.2.1", 53));
    host_run();
    len = testnet_pop(ct.t, frame, sizeof(frame));
    assert_true(len && testnet_frame_ok(frame, len) && frame[TESTNET_L4] == 3);
    assert_int_equal(testnet_u32(frame + TESTNET_L4 + 8 + 16), testnet_addr("192.0.2.1"));
    assert_int_equal(ct.n->count, 0);
}

/* --- rules come and go --- */

TEST("translation is in the hooks only while table nat has rules, and needs nothing then")
{
    assert_int_equal(ct.n->users, 0);
    RULE("-t nat -A POSTROUTING -s 10.1.0.9 -j SNAT --to-source 192.0.2.1");
    assert_int_equal(ct.n->users, 1);
    assert_true(send_udp(A, 4000, B, 53) && out_src(A, 4000)); /* tracked, and not translated */
    RULE("-t nat -F");
    assert_int_equal(ct.n->users, 0);
    RULE("-A FORWARD -m conntrack --ctstate NEW -j ACCEPT");
    assert_true(send_udp(A, 4000, B, 53));
    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1");
    assert_true(send_udp(A, 4000, B, 53) && out_src(A, 4000)); /* it was there before */
    assert_true(send_udp(A, 4001, B, 53) && out_src("192.0.2.1", 4001));
}

TEST("what was translated stays so when table nat loses its last rule; what is new passes as it is")
{
    RULE("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT");
    RULE("-t nat -A POSTROUTING -s 10.1.0.0/16 -d 10.2.0.0/16 -p udp -j SNAT --to-source 192.0.2.1");
    assert_true(send_udp("10.1.0.1", 4000, B, 53) && out_src("192.0.2.1", 4000));
    assert_true(send_udp(B, 53, "192.0.2.1", 4000) && out_dst("10.1.0.1", 4000));
    assert_true(send_udp("10.1.0.1", 4000, "10.3.0.1", 53) && out_src("10.1.0.1", 4000));
    RULE("-t nat -F");
    host_run();
    assert_int_equal(ct.n->count, 2);
    assert_true(send_udp("10.1.0.1", 4000, B, 53) && out_src("192.0.2.1", 4000));
    assert_true(send_udp(B, 53, "192.0.2.1", 4000) && out_dst("10.1.0.1", 4000));
    assert_int_equal(ct.info, IP_CT_ESTABLISHED_REPLY);
    assert_true(send_udp("10.1.0.2", 4000, B, 53) && out_src("10.1.0.2", 4000));
    RULE("-t nat -A POSTROUTING -s 10.1.0.0/16 -p udp -j SNAT --to-source 192.0.2.7"); /* and another rule */
    assert_true(send_udp("10.1.0.1", 4000, B, 53) && out_src("192.0.2.1", 4000));
    assert_true(send_udp("10.1.0.3", 4000, B, 53) && out_src("192.0.2.7", 4000));
}

TEST("with its last translated connection translation leaves the hooks, if table nat has no rules then")
{
    RULE("-t nat -A POSTROUTING -s 10.1.0.1 -j SNAT --to-source 192.0.2.1");
    assert_true(send_udp(A, 4000, B, 53) && send_udp(A, 4001, B, 53));
    assert_int_equal(ct.n->translated, 2);
    RULE("-t nat -F");
    assert_int_equal(ct.n->users, 1);
    host_advance_ms(29000);
    assert_true(send_udp(A, 4001, B, 53) && out_src("192.0.2.1", 4001));
    host_advance_ms(2000); /* one has expired */
    assert_int_equal(ct.n->translated, 1);
    assert_int_equal(ct.n->users, 1);
    host_advance_ms(30000);
    assert_int_equal(ct.n->users, 0);
    assert_true(send_udp(A, 4001, B, 53) && out_src(A, 4001));

    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1");
    assert_true(send_udp(A, 4000, B, 53));
    end_connections();
    assert_int_equal(ct.n->users, 1); /* there are rules */
    assert_true(send_udp(A, 4000, B, 53));
    RULE("-t nat -F");
    nf_ct_kill_if(ct.net, NULL, NULL);
    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.2"); /* before the end could come */
    host_run();
    assert_int_equal(ct.n->users, 1);
    assert_true(send_udp(A, 4000, B, 53) && out_src("192.0.2.2", 4000));
}

TEST("a stack may end while connections are translated and their rules gone")
{
    struct testnet *other = testnet_create("10.0.0.1/24");
    struct testnet *mine = ct.t;

    ct.t = other;
    ct.net = other->net;
    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1");
    assert_true(send_udp(A, 4000, B, 53) && out_src("192.0.2.1", 4000));
    RULE("-t nat -F");
    assert_int_equal(ct.net->ct->users, 1);
    assert_int_equal(testnet_destroy(other), 0);
    ct.t = mine;
    ct.net = mine->net;
}

TEST("options come out as they went in, and wrong ones get a sentence")
{
    static const char *const good[] = {
        "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.5-10.0.0.9:80-90 --random --persistent",
        "-A POSTROUTING -j SNAT --to-source 192.0.2.1",
        "-A POSTROUTING -p udp -j MASQUERADE --to-ports 1024-2000 --random",
        "-A PREROUTING -p tcp -j REDIRECT --to-ports 8080",
        "-A POSTROUTING -j MASQUERADE",
    };
    static const char *const bad[] = {
        "-A PREROUTING -j DNAT --to-destination 10.0.0.5:80",
        "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.9-10.0.0.5",
        "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.5:0",
        "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.5:90-80",
        "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.5:70000",
        "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0:80",
        "-A PREROUTING -p tcp -j DNAT",
        "-A PREROUTING -j SNAT --to-source 10.0.0.1",
        "-A POSTROUTING -j SNAT",
        "-A POSTROUTING -j MASQUERADE --to-ports 80",
        "-A PREROUTING -p tcp -j REDIRECT --to-ports x",
        "-A PREROUTING -p tcp -j REDIRECT --to-ports 80 --to-ports 81",
        "-A POSTROUTING -j SNAT --to-source 10.0.0.1 --to-source 10.0.0.2",
        "-A POSTROUTING -m conntrack --ctstate NEWISH -j MASQUERADE",
        "-A POSTROUTING -m conntrack -j MASQUERADE",
        "-A POSTROUTING -m connlimit -j MASQUERADE",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        RULE("-t nat %s", good[i]);
        RULE("-t nat -S");
        assert_non_null(strstr(said, good[i]));
        RULE("-t nat -F");
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_not_equal(ipt("-t nat %s", bad[i]), 0);
        assert_true(said_len > 20);
        assert_int_equal(ct.n->users, 0);
    }
}

TEST("with the Nth allocation failing, a packet is lost or a rule refused, and nothing leaks")
{
    for (unsigned n = 1; n < 12; n++) {
        host_fail_allocation(n);
        int err = ipt("-t nat -A POSTROUTING -m conntrack --ctstate NEW -j SNAT --to-source 192.0.2.1");
        host_fail_allocation(0);
        assert_true(err == 0 || err == -ENOMEM);
        RULE("-t nat -F");
    }
    RULE("-t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1");
    RULE("-A FORWARD -m connlimit --connlimit-above 1000 -j DROP");
    for (unsigned n = 1; n < 10; n++) {
        host_fail_allocation(n);
        send_udp(A, (uint16_t)(100 + n), B, 53);
        host_fail_allocation(0);
        assert_true(send_udp(A, (uint16_t)(100 + n), B, 53) && out_src("192.0.2.1", (uint16_t)(100 + n)));
    }
}

/* --- matches --- */

TEST("--ctstate lets answers in and strangers not: the rule everybody writes")
{
    RULE("-P FORWARD DROP");
    RULE("-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT");
    RULE("-A FORWARD -s 10.1.0.0/16 -m state --state NEW -j ACCEPT");
    assert_false(send_udp(B, 53, A, 4000));
    assert_true(send_udp(A, 4000, B, 53));
    assert_true(send_udp(B, 53, A, 4000));
    assert_false(send_udp(B, 53, A, 4001));
    assert_false(send_tcp(A, 1, B, 2, CT_SYN | CT_FIN)); /* INVALID */
    RULE("-P FORWARD ACCEPT");
}

TEST("every question of -m conntrack, and its negation")
{
    static const struct {
        const char *option;
        bool holds;
    } cases[] = {
        {"--ctstate NEW", true},
        {"--ctstate INVALID,ESTABLISHED", false},
        {"--ctstate SNAT", false},
        {"--ctproto udp", true},
        {"--ctproto 6", false},
        {"--ctorigsrc 10.1.0.0/16", true},
        {"--ctorigdst 10.1.0.0/16", false},
        {"--ctreplsrc 10.2.0.1", true},
        {"--ctrepldst 10.1.0.1", true},
        {"--ctorigsrcport 4000", true},
        {"--ctorigdstport 54:60", false},
        {"--ctreplsrcport 50:53", true},
        {"--ctrepldstport 4000", true},
        {"--ctstatus NONE", true},
        {"--ctstatus ASSURED", false},
        {"--ctexpire 0", true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (int invert = 0; invert < 2; invert++) {
            RULE("-A FORWARD -m conntrack %s %s -j DROP", invert ? "!" : "", cases[i].option);
            assert_int_equal(send_udp(A, 4000, B, 53), cases[i].holds == invert);
            RULE("-F FORWARD");
        }
    RULE("-A FORWARD -m conntrack --ctdir REPLY -j DROP");
    assert_true(send_udp(A, 4000, B, 53));
    assert_false(send_udp(B, 53, A, 4000));
}

TEST("NOTRACK packets are UNTRACKED, neither NEW nor INVALID, and leave no entry")
{
    RULE("-t raw -A PREROUTING -p udp --dport 53 -j NOTRACK");
    RULE("-A FORWARD -m conntrack --ctstate NEW,INVALID,ESTABLISHED -j DROP");
    assert_true(send_udp(A, 4000, B, 53));
    assert_int_equal(ct.n->count, 0);
    assert_false(send_udp(A, 4000, B, 54));
    RULE("-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP");
    assert_false(send_udp(A, 4000, B, 53));
}

TEST("connlimit counts what a source, or net, has open, and forgets what has ended")
{
    RULE("-A FORWARD -p udp -m connlimit --connlimit-above 3 -j DROP");
    for (uint16_t i = 0; i < 6; i++)
        assert_int_equal(send_udp(A, (uint16_t)(100 + i), B, 53), i < 3);
    assert_true(send_udp(A, 100, B, 53));
    assert_true(send_udp("10.1.0.2", 100, B, 53));
    host_advance_ms(30001);
    assert_true(send_udp(A, 106, B, 53));
    RULE("-F FORWARD");
    RULE("-A FORWARD -p udp -m connlimit --connlimit-upto 2 --connlimit-mask 16 -j ACCEPT");
    RULE("-A FORWARD -p udp -j DROP");
    assert_true(send_udp("10.7.0.1", 100, B, 53));
    assert_true(send_udp("10.7.0.2", 100, B, 53));
    assert_false(send_udp("10.7.0.3", 100, B, 53));
}

TEST_FIXTURE(nat_setup, nat_teardown)
