/*
 * test_xt_target.c - what becomes of packets: verdicts, jumps, answers, and headers rewritten on the way.
 */
#include "tests/unit/xt_test.h"

#include <errno.h>
#include <netinet/in.h>

#include "kernel/task.h"
#include "net/ipv4/ip.h"
#include "net/netfilter/nf_conntrack.h"
#include "net/socket/socket.h"

static const struct testnet_ip plain = {.saddr = 0};
static uint8_t answer[2000];

static size_t answered(void)
{
    testnet_drop_sent(t);
    testnet_inject(t, frame, frame_len);
    return testnet_pop(t, answer, sizeof(answer));
}

static void rules(const char *text)
{
    if (restore(text))
        fail_msg("%s", said);
}

/* --- verdicts and jumps --- */

TEST("the first rule that decides decides; the policy when none does")
{
    udp_packet(&plain, 1, 2, 10);
    rules("*filter\n-A INPUT -p udp -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n");
    assert_false(dropped());
    rules("*filter\n-A INPUT -p udp\n-A INPUT -j DROP\nCOMMIT\n");
    assert_true(dropped());
    rules("*filter\n:INPUT DROP\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n");
    assert_true(dropped());
}

TEST(
    "a jump comes back behind itself at the chain's end and at RETURN; goto comes back to the caller's caller")
{
    udp_packet(&plain, 1, 2, 10);
    rules("*filter\n:A -\n:B -\n-A INPUT -j A\n-A INPUT -j DROP\n-A A -p tcp -j ACCEPT\nCOMMIT\n");
    assert_true(dropped());
    rules("*filter\n:A -\n-A INPUT -j A\n-A INPUT -j DROP\n-A A -j RETURN\n-A A -j ACCEPT\nCOMMIT\n");
    assert_true(dropped());
    rules(
        "*filter\n:A -\n:B -\n-A INPUT -j A\n-A INPUT -j ACCEPT\n-A A -g B\n-A A -j DROP\n-A B -p tcp -j DROP\nCOMMIT\n");
    assert_false(dropped());
    rules(
        "*filter\n:A -\n:B -\n-A INPUT -j A\n-A INPUT -j ACCEPT\n-A A -j B\n-A A -j DROP\n-A B -p tcp -j DROP\nCOMMIT\n");
    assert_true(dropped());
    rules("*filter\n:INPUT DROP\n:A -\n-A INPUT -g A\n-A INPUT -j ACCEPT\n-A A -p tcp\nCOMMIT\n");
    assert_true(dropped());
    rules("*filter\n:INPUT DROP\n-A INPUT -j RETURN\n-A INPUT -j ACCEPT\nCOMMIT\n");
    assert_true(dropped());
}

TEST("tables are asked in the order raw, mangle, filter; each may end the packet")
{
    udp_packet(&plain, 1, 2, 10);
    rules(
        "*raw\n-A PREROUTING -j MARK --set-mark 1\nCOMMIT\n"
        "*mangle\n-A PREROUTING -m mark --mark 1 -j MARK --or-mark 2\n-A INPUT -m mark --mark 3 -j MARK --xor-mark 5\n"
        "COMMIT\n*filter\n-A INPUT -m mark --mark 6 -j DROP\nCOMMIT\n");
    assert_true(dropped());
    rules("*mangle\n-A INPUT -j DROP\nCOMMIT\n*filter\n-A INPUT -j ACCEPT\nCOMMIT\n");
    assert_true(dropped());
}

TEST("packets of our own pass OUTPUT and POSTROUTING")
{
    icmp_packet(&plain, 8, 0);
    assert_int_not_equal(answered(), 0);
    rules("*filter\n-A OUTPUT -p icmp -j DROP\nCOMMIT\n");
    assert_int_equal(answered(), 0);
    rules("*filter\nCOMMIT\n*mangle\n-A POSTROUTING -o eth0 -p icmp -j DROP\nCOMMIT\n");
    assert_int_equal(answered(), 0);
    rules("*mangle\n-A POSTROUTING -o eth1 -p icmp -j DROP\nCOMMIT\n");
    assert_int_not_equal(answered(), 0);
}

TEST("counters count packets and bytes of the datagram")
{
    rules("*filter\n:A -\n-A INPUT -j A\n-A A -p udp\n-A A -p tcp\nCOMMIT\n");
    udp_packet(&plain, 1, 2, 72);
    dropped();
    dropped();
    assert_int_equal(ipt("-S -v"), 0);
    assert_non_null(strstr(said, "-A INPUT -j A -c 2 200\n-A A -p udp -c 2 200\n-A A -p tcp -c 0 0\n"));
    assert_non_null(strstr(said, "-P INPUT ACCEPT -c 2 200\n"));
}

/* --- REJECT --- */

TEST("REJECT answers with each kind of ICMP error") /* RFC 1122 3.2.2, RFC 1812 4.3 */
{
    static const struct {
        const char *name;
        uint8_t code;
    } kinds[] = {
        {"icmp-net-unreachable", 0},   {"icmp-host-unreachable", 1}, {"icmp-proto-unreachable", 2},
        {"icmp-port-unreachable", 3},  {"icmp-net-prohibited", 9},   {"icmp-host-prohibited", 10},
        {"icmp-admin-prohibited", 13}, {"admin-prohib", 13},
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        assert_int_equal(ipt("-F"), 0);
        assert_int_equal(ipt("-A INPUT -p udp --dport 7 -j REJECT --reject-with %s", kinds[i].name), 0);
        udp_packet(&plain, 9, 7, 20);
        size_t len = answered();
        assert_true(testnet_frame_ok(answer, len));
        assert_int_equal(answer[TESTNET_L4], 3);
        assert_int_equal(answer[TESTNET_L4 + 1], kinds[i].code);
        assert_memory_equal(answer + TESTNET_L4 + 8, frame + TESTNET_IP, 48);
        assert_true(dropped());
        testnet_advance_ms(t, 10000);
    }
}

TEST("REJECT answers a SYN by a RST that acknowledges it, an ACK by one with its number") /* RFC 9293 3.5.2 */
{
    size_t len;

    assert_int_equal(ipt("-A INPUT -p tcp -j REJECT --reject-with tcp-reset"), 0);
    tcp_packet(&plain, 4000, 80, TCPHDR_SYN, NULL, 0);
    len = answered();
    assert_true(testnet_frame_ok(answer, len));
    assert_int_equal(testnet_u32(answer + TESTNET_IP + 12), t->local);
    assert_int_equal(testnet_u32(answer + TESTNET_IP + 16), t->peer);
    assert_int_equal(testnet_u16(answer + TESTNET_L4), 80);
    assert_int_equal(testnet_u16(answer + TESTNET_L4 + 2), 4000);
    assert_int_equal(testnet_u32(answer + TESTNET_L4 + 4), 0);
    assert_int_equal(testnet_u32(answer + TESTNET_L4 + 8), 1001);
    assert_int_equal(answer[TESTNET_L4 + 13], TCPHDR_RST | TCPHDR_ACK);
    tcp_packet(&plain, 4000, 80, TCPHDR_ACK, NULL, 0);
    len = answered();
    assert_true(testnet_frame_ok(answer, len));
    assert_int_equal(testnet_u32(answer + TESTNET_L4 + 4), 5000);
    assert_int_equal(answer[TESTNET_L4 + 13], TCPHDR_RST);
    tcp_packet(&plain, 4000, 80, TCPHDR_RST, NULL, 0);
    assert_int_equal(answered(), 0);
    assert_true(dropped());
}

TEST("REJECT keeps silent about what has a wrong checksum, and about errors and broadcasts")
{
    assert_int_equal(ipt("-A INPUT -p tcp -j REJECT --reject-with tcp-reset"), 0);
    assert_int_equal(ipt("-A INPUT -j REJECT"), 0);
    tcp_packet(&plain, 4000, 80, TCPHDR_SYN, NULL, 0);
    frame[TESTNET_L4 + 14] ^= 1;
    assert_int_equal(answered(), 0);
    udp_packet(&plain, 1, 2, 10);
    frame[TESTNET_L4 + 9] ^= 1;
    assert_int_equal(answered(), 0);
    icmp_packet(&plain, 3, 1);
    assert_int_equal(answered(), 0);
    udp_packet(&plain, 1, 2, 10);
    memset(frame, 0xff, 6);
    assert_int_equal(answered(), 0);
    icmp_packet(&plain, 8, 0);
    assert_int_not_equal(answered(), 0);
}

static void connect_out(void *result)
{
    struct files *files = current_task()->files;
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(testnet_addr("10.0.0.2"))};
    int fd = sys_socket(files, AF_INET, SOCK_STREAM, 0);

    *(int *)result = sys_connect(files, fd, (struct sockaddr *)&sin, sizeof(sin));
    sys_close(files, fd);
}

TEST("a connection of our own that OUTPUT rejects is refused at once")
{
    static const char *const kinds[] = {"tcp-reset", "icmp-port-unreachable"};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct files *files = files_create(t->net, NULL);
        int result = 1;

        assert_int_equal(ipt("-F"), 0);
        assert_int_equal(ipt("-A OUTPUT -o eth0 -p tcp --syn -j REJECT --reject-with %s", kinds[i]), 0);
        assert_non_null(task_create("client", connect_out, &result, files));
        host_run();
        assert_int_equal(result, -ECONNREFUSED);
        files_destroy(files);
        testnet_advance_ms(t, 200000);
    }
}

TEST("REJECT survives each allocation that fails")
{
    assert_int_equal(ipt("-A INPUT -p tcp -j REJECT --reject-with tcp-reset"), 0);
    tcp_packet(&plain, 4000, 80, TCPHDR_SYN, NULL, 0);
    for (unsigned n = 1; n < 20; n++) {
        host_fail_allocation(n);
        answered();
        host_fail_allocation(0);
    }
    assert_int_not_equal(answered(), 0);
}

/* --- LOG --- */

TEST("LOG writes a line in the shape Linux gives it, and the packet goes on")
{
    struct testnet_ip ip = {.ttl = 61, .tos = 0x10, .id = 4711, .frag_off = 0x4000};

    assert_int_equal(ipt("-A INPUT -j LOG --log-prefix \"new: \" --log-level 6 --log-tcp-sequence"), 0);
    tcp_packet(&ip, 4000, 80, TCPHDR_SYN | TCPHDR_ECE, NULL, 0);
    assert_false(dropped());
    assert_non_null(
        strstr(host_last_log(),
               "new: IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=10.0.0.2 DST=10.0.0.1 "
               "LEN=40 TOS=0x10 PREC=0x00 TTL=61 ID=4711 DF PROTO=TCP SPT=4000 DPT=80 SEQ=1000 ACK=0 "
               "WINDOW=512 RES=0x00 ECE SYN URGP=0"));
    udp_packet(&plain, 1, 2, 10);
    dropped();
    assert_non_null(strstr(host_last_log(), "PROTO=UDP SPT=1 DPT=2 LEN=18"));
    icmp_packet(&plain, 8, 0);
    dropped();
    assert_non_null(strstr(host_last_log(), "PROTO=ICMP TYPE=8 CODE=0 ID=0 SEQ=0"));
}

TEST("LOG of what we send names the way out, and marks")
{
    assert_int_equal(ipt("-A OUTPUT -j MARK --set-mark 7"), 0);
    assert_int_equal(ipt("-A OUTPUT -j LOG"), 0);
    icmp_packet(&plain, 8, 0);
    answered();
    assert_non_null(strstr(host_last_log(), "IN= OUT=eth0 SRC=10.0.0.1 DST=10.0.0.2 "));
    assert_non_null(strstr(host_last_log(), "MARK=0x7"));
}

TEST("LOG of a flood is held back, and says how much was left out")
{
    uint64_t shown = 0;

    assert_int_equal(ipt("-A INPUT -j LOG --log-prefix flood"), 0);
    for (unsigned i = 0; i < 500; i++) {
        udp_packet(&plain, (uint16_t)(i + 1), 2, 10);
        dropped();
        char wanted[20];
        snprintf(wanted, sizeof(wanted), "SPT=%u ", i + 1);
        shown += strstr(host_last_log(), wanted) != NULL;
    }
    assert_int_equal(shown, 50);
    assert_int_equal(t->net->xt->log.suppressed, 450);
    testnet_advance_ms(t, 1000);
    dropped();
    assert_int_equal(t->net->xt->log.suppressed, 0);
}

/* --- marks --- */

TEST("MARK sets, and, or, xor; also under a mask")
{
    static const struct {
        const char *option;
        uint32_t wanted;
    } cases[] = {
        {"--set-mark 0x5", 0x5},       {"--set-mark 0x5/0xf", 0xff5},  {"--set-xmark 0x5/0xf", 0xff5},
        {"--and-mark 0xf0", 0xf0},     {"--or-mark 0x1000", 0x1ff0},   {"--xor-mark 0x10", 0xfe0},
        {"--set-xmark 0x10/0", 0xfe0}, {"--set-mark 0x10/0x1", 0xff0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        rules("*raw\n-A PREROUTING -j MARK --set-mark 0xff0\nCOMMIT\n*mangle\nCOMMIT\n");
        assert_int_equal(ipt("-t mangle -A PREROUTING -j MARK %s", cases[i].option), 0);
        assert_int_equal(ipt("-t mangle -A PREROUTING -m mark --mark %u -j DROP", cases[i].wanted), 0);
        udp_packet(&plain, 1, 2, 10);
        assert_true(dropped());
    }
}

/* --- headers --- */

TEST("TTL, TOS and DSCP rewrite the header and mend its checksum") /* RFC 1624 */
{
    icmp_packet(&plain, 8, 0);
    assert_int_equal(ipt("-t mangle -A POSTROUTING -j TTL --ttl-set 5"), 0);
    assert_int_equal(ipt("-t mangle -A POSTROUTING -j TTL --ttl-inc 3"), 0);
    assert_int_equal(ipt("-t mangle -A POSTROUTING -j TTL --ttl-dec 1"), 0);
    assert_int_equal(ipt("-t mangle -A POSTROUTING -j DSCP --set-dscp-class EF"), 0);
    assert_int_equal(ipt("-t mangle -A POSTROUTING -j TOS --set-tos 0x01/0x03"), 0);
    size_t len = answered();
    assert_true(testnet_frame_ok(answer, len));
    assert_int_equal(answer[TESTNET_IP + 8], 7);
    assert_int_equal(answer[TESTNET_IP + 1], 0xb9);
    assert_int_equal(ipt("-t mangle -A POSTROUTING -j TTL --ttl-dec 200"), 0);
    answered();
    assert_int_equal(answer[TESTNET_IP + 8], 0);
}

/* What a rule of table mangle made of the packet, seen in INPUT. */
static struct sk_buff *last;

static enum nf_verdict keep(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    consume_skb(last);
    last = skb;
    return NF_STOLEN;
}

static struct sk_buff *seen_at(enum nf_inet_hooks hook)
{
    struct nf_hook_ops ops = {.hook = keep, .hooknum = hook, .priority = NF_IP_PRI_CONNTRACK_CONFIRM};

    last = NULL;
    nf_register_net_hook(t->net, &ops);
    testnet_inject(t, frame, frame_len);
    nf_unregister_net_hook(&ops);
    assert_non_null(last);
    return last;
}

static void mss_becomes(const uint8_t *options, size_t len, size_t at, uint16_t wanted)
{
    uint8_t bytes[200];

    tcp_packet(&plain, 4000, 80, TCPHDR_SYN, options, len);
    struct sk_buff *skb = seen_at(NF_INET_LOCAL_IN);
    memcpy(bytes, frame, TESTNET_IP);
    assert_int_equal(skb_copy_bits(skb, 0, bytes + TESTNET_IP, skb->len), 0);
    assert_true(testnet_frame_ok(bytes, TESTNET_IP + skb->len));
    assert_int_equal(testnet_u16(bytes + TESTNET_L4 + 20 + at), wanted);
    consume_skb(skb);
}

TEST(
    "TCPMSS lowers the segment size of a SYN at even and odd places, never raises it, and mends the checksum")
{
    static const uint8_t even[] = {2, 4, 5, 180, 1, 1, 4, 2}, odd[] = {1, 2, 4, 5, 180, 1, 1, 1},
                         none[] = {1, 1, 4, 2}, small[] = {2, 4, 2, 0}, broken[] = {9, 0, 2, 4};

    assert_int_equal(ipt("-t mangle -A INPUT -p tcp --syn -j TCPMSS --set-mss 1000"), 0);
    mss_becomes(even, sizeof(even), 2, 1000);
    mss_becomes(odd, sizeof(odd), 3, 1000);
    mss_becomes(small, sizeof(small), 2, 512);
    mss_becomes(none, sizeof(none), 2, 0x0402);
    mss_becomes(broken, sizeof(broken), 2, 0x0204);
    assert_int_equal(ipt("-t mangle -R INPUT 1 -p tcp -j TCPMSS --clamp-mss-to-pmtu"), 0);
    assert_int_equal(dev_set_mtu(t->dev, 1400), 0);
    mss_becomes(even, sizeof(even), 2, 1360);
    tcp_packet(&plain, 4000, 80, TCPHDR_ACK, even, sizeof(even));
    consume_skb(seen_at(NF_INET_LOCAL_IN));
}

TEST("a SYN with a header that is too short is dropped by TCPMSS")
{
    assert_int_equal(ipt("-t mangle -A INPUT -p tcp -j TCPMSS --set-mss 1000"), 0);
    tcp_packet(&plain, 4000, 80, TCPHDR_SYN, NULL, 0);
    frame[TESTNET_L4 + 12] = 0x40;
    assert_true(dropped());
    frame[TESTNET_L4 + 12] = 0xf0;
    assert_true(dropped());
}

TEST("NOTRACK and CT --notrack leave a packet untracked")
{
    udp_packet(&plain, 1, 2, 10);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ipt("-t raw -A PREROUTING -j %s", i ? "CT --notrack" : "NOTRACK"), 0);
        struct sk_buff *skb = seen_at(NF_INET_LOCAL_IN);
        assert_null(skb->nfct);
        assert_int_equal(skb->nfctinfo, IP_CT_UNTRACKED);
        consume_skb(skb);
        assert_int_equal(ipt("-t raw -F"), 0);
    }
}

TEST("table nat is asked by its user only, at its four hooks")
{
    const struct nf_hook_state at_hook = {.hook = NF_INET_POST_ROUTING, .net = t->net, .out = t->dev};

    assert_int_equal(ipt("-t nat -A POSTROUTING -p udp -j MARK --set-mark 9"), 0);
    udp_packet(&plain, 1, 2, 10);
    struct sk_buff *skb = seen_at(NF_INET_LOCAL_IN);
    assert_int_equal(skb->mark, 0);
    assert_int_equal(xt_do_table(skb, &at_hook, XT_NAT), NF_ACCEPT);
    assert_int_equal(skb->mark, 9);
    consume_skb(skb);
    assert_int_not_equal(ipt("-t nat -A FORWARD -j ACCEPT"), 0);
}

TEST_FIXTURE(xt_setup, xt_teardown)
