/*
 * test_conntrack.c - connection tracking (net/netfilter/nf_conntrack_*.c), by packets through the hooks.
 */
#include "tests/unit/ct_net.h"

#include "libc/include/skiff/conntrack.h"

#include "net/socket/socket.h"

static const char *sysctl_text(const char *name)
{
    static char buf[32];

    assert_true(sysctl_get(ct.net, name, buf, sizeof(buf)) > 0);
    return buf;
}

static void set(const char *name, const char *value)
{
    assert_int_equal(sysctl_set(ct.net, name, value), 0);
}

/* --- UDP, ICMP, others --- */

TEST("UDP: new until it is answered, established after that, an entry for 30 s, a stream for 120 s")
{
    assert_true(ct_udp(true, 5000, 53) && ct.tracked);
    assert_int_equal(ct.info, IP_CT_NEW);
    assert_true(ct_udp(true, 5000, 53));
    assert_int_equal(ct.info, IP_CT_NEW); /* still nobody has answered */
    assert_true(ct_udp(false, 53, 5000));
    assert_int_equal(ct.info, IP_CT_ESTABLISHED_REPLY);
    assert_true(ct_udp(true, 5000, 53));
    assert_int_equal(ct.info, IP_CT_ESTABLISHED);
    assert_int_equal(ct.n->count, 1);
    assert_false(ct.conn->status & IPS_ASSURED);
    assert_true(nf_ct_expires_in_ms(ct.conn) <= 30000);
    host_advance_ms(3000);
    ct_udp(true, 5000, 53);
    assert_true(ct.conn->status & IPS_ASSURED);
    host_advance_ms(119000);
    assert_int_equal(ct.n->count, 1);
    host_advance_ms(1001);
    assert_int_equal(ct.n->count, 0);
}

TEST("an entry in use lives on, however long: the timer looks again")
{
    for (int i = 0; i < 50; i++) {
        ct_udp(true, 5000, 53);
        host_advance_ms(20000);
    }
    assert_int_equal(ct.n->count, 1);
    assert_int_equal(ct.n->stats.insert, 1);
    host_advance_ms(10001);
    assert_int_equal(ct.n->count, 0);
}

TEST("ICMP: an echo opens, its reply is established; a reply that nobody asked for is invalid")
{
    struct ct_pkt ping = {
        .protocol = IPPROTO_ICMP, .from = A, .to = B, .icmp_type = 8, .sport = 77, .len = 8};
    struct ct_pkt pong = {
        .protocol = IPPROTO_ICMP, .from = B, .to = A, .icmp_type = 0, .sport = 77, .len = 8};

    ct_send(&pong);
    assert_true(ct_invalid());
    ct_send(&ping);
    assert_int_equal(ct.info, IP_CT_NEW);
    assert_true(ct.tracked);
    ct_send(&pong);
    assert_int_equal(ct.info, IP_CT_ESTABLISHED_REPLY);
    pong.sport = 78;
    ct_send(&pong);
    assert_true(ct_invalid());
    host_advance_ms(30001);
    assert_int_equal(ct.n->count, 0);
}

TEST("ICMP: timestamp, information and mask requests are answered by their own kind")
{
    for (uint8_t type = 13; type <= 17; type += 2) {
        ct_send(&(struct ct_pkt){
            .protocol = IPPROTO_ICMP, .from = A, .to = B, .icmp_type = type, .sport = type, .len = 12});
        assert_true(ct.tracked);
        ct_send(&(struct ct_pkt){.protocol = IPPROTO_ICMP,
                                 .from = B,
                                 .to = A,
                                 .icmp_type = (uint8_t)(type + 1),
                                 .sport = type,
                                 .len = 12});
        assert_int_equal(ct.info, IP_CT_ESTABLISHED_REPLY);
    }
}

TEST("a protocol without ports is told by its addresses, for ten minutes")
{
    ct_send(&(struct ct_pkt){.protocol = 47, .from = A, .to = B, .len = 30});
    assert_true(ct.tracked && ct.info == IP_CT_NEW);
    ct_send(&(struct ct_pkt){.protocol = 47, .from = B, .to = A, .len = 30});
    assert_int_equal(ct.info, IP_CT_ESTABLISHED_REPLY);
    host_advance_ms(599000);
    assert_int_equal(ct.n->count, 1);
    host_advance_ms(1001);
    assert_int_equal(ct.n->count, 0);
}

TEST("damaged packets are invalid: checksums, lengths, headers cut short")
{
    uint64_t invalid = ct.n->stats.invalid;
    uint8_t ip[2000];

    ct_send(&(struct ct_pkt){
        .protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 1, .len = 9, .bad_csum = true});
    assert_true(ct_invalid());
    ct_send(&(struct ct_pkt){.from = A, .to = B, .flags = CT_SYN, .bad_csum = true});
    assert_true(ct_invalid());
    ct_send(&(struct ct_pkt){.protocol = IPPROTO_ICMP, .from = A, .to = B, .icmp_type = 8, .bad_csum = true});
    assert_true(ct_invalid());
    assert_int_equal(ct.n->stats.invalid, invalid + 3);
    for (int protocol = 0; protocol < 3; protocol++)
        for (unsigned len = 20; len < (protocol == 0 ? 40 : 28); len++) {
            ct_build(ip, &(struct ct_pkt){.protocol = (uint8_t[]){6, 17, 1}[protocol],
                                          .from = A,
                                          .to = B,
                                          .icmp_type = 8,
                                          .flags = CT_SYN});
            ct_forward(ct_skb(ip, len));
            assert_true(ct_invalid());
        }
    for (unsigned i = 0; i < 3;
         i++) { /* UDP's own length: longer than the datagram, shorter than its header */
        unsigned len = ct_build(
            ip, &(struct ct_pkt){
                    .protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 1, .len = 9, .no_csum = true});
        put_unaligned_be16((uint16_t[]){18, 7, 0}[i], ip + 24);
        ct_forward(ct_skb(ip, len));
        assert_true(ct_invalid());
    }
    assert_int_equal(ct.n->count, 0);
    ct_send(
        &(struct ct_pkt){.protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 1, .len = 9, .no_csum = true});
    assert_true(ct.tracked); /* RFC 768: none computed */
}

TEST("a datagram in fragments is put together before it is tracked")
{
    static uint8_t ip[3000];
    uint8_t piece[2000];
    unsigned len = ct_build(
        ip,
        &(struct ct_pkt){.protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 5, .dport = 6, .len = 2000});

    for (unsigned at = 0; at < 2; at++) {
        unsigned bytes = at ? len - 20 - 1000 : 1000;
        memcpy(piece, ip, 20);
        memcpy(piece + 20, ip + 20 + 1000 * at, bytes);
        put_unaligned_be16((uint16_t)(20 + bytes), piece + 2);
        put_unaligned_be16(at ? 125 : 0x2000, piece + 6);
        put_unaligned_be16(0, piece + 10);
        sum16 check = ip_fast_csum(piece, 5);
        memcpy(piece + 10, &check, 2);
        assert_int_equal(ct_forward(ct_skb(piece, 20 + bytes)), at);
    }
    assert_true(ct.tracked);
    assert_int_equal(ct.out_len, len);
    assert_memory_equal(ct.out + 20, ip + 20, len - 20);
}

TEST("nf_conntrack_checksum=0 leaves checksums to the receiver")
{
    set("net.netfilter.nf_conntrack_checksum", "0");
    ct_send(&(struct ct_pkt){
        .protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 1, .len = 9, .bad_csum = true});
    assert_true(ct.tracked);
}

/* --- the table --- */

static enum nf_verdict drop_all(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    return NF_DROP;
}

TEST("what the rules drop leaves nothing behind")
{
    struct nf_hook_ops ops = {.hook = drop_all, .hooknum = NF_INET_FORWARD};

    nf_register_net_hook(ct.net, &ops);
    assert_false(ct_udp(true, 5000, 53));
    assert_int_equal(ct.n->count, 0);
    assert_int_equal(ct.n->stats.insert, 0);
    nf_unregister_net_hook(&ops);
}

TEST("without anybody who needs it, nothing is tracked and every table is free")
{
    ct_udp(true, 5000, 53);
    assert_int_equal(ct.n->count, 1);
    assert_int_equal(nf_ct_get_use(ct.net), 0);
    nf_ct_put_use(ct.net);
    assert_int_equal(ct.n->count, 1);
    nf_ct_put_use(ct.net);
    assert_int_equal(ct.n->count, 0);
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        assert_true(list_empty(&ct.net->nf->chains[i]));
    ct_udp(true, 5000, 53);
    assert_false(ct.tracked);
    set("net.netfilter.nf_conntrack_always", "1");
    ct_udp(true, 5000, 53);
    assert_true(ct.tracked);
    assert_string_equal(sysctl_text("net.netfilter.nf_conntrack_count"), "1");
    set("net.netfilter.nf_conntrack_always", "0");
    assert_int_equal(ct.n->count, 0);
    assert_int_equal(nf_ct_get_use(ct.net), 0);
}

TEST("a flood of first packets pushes out itself, and no connection that is assured")
{
    set("net.netfilter.nf_conntrack_max", "200");
    ct_handshake();
    for (unsigned i = 0; i < 5000; i++)
        assert_true(ct_udp(true, (uint16_t)(2000 + i), 53));
    assert_int_equal(ct.n->count, 200);
    assert_int_equal(ct.n->stats.early_drop, 5000 + 1 - 200);
    ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 1, 5000, 100);
    assert_int_equal(ct.info, IP_CT_ESTABLISHED_REPLY);
}

TEST("a table full of assured connections takes no new one, by name and with a word in the log")
{
    set("net.netfilter.nf_conntrack_max", "3");
    set("net.netfilter.nf_conntrack_tcp_loose", "1");
    for (uint16_t port = 1; port <= 3; port++) {
        ct_udp(true, port, 53);
        ct_udp(false, 53, port);
    }
    host_advance_ms(2500);
    for (uint16_t port = 1; port <= 3; port++)
        ct_udp(true, port, 53);
    assert_false(ct_udp(true, 4, 53));
    assert_int_equal(ct.net->drops[SKB_DROP_REASON_CT_FULL], 1);
    assert_int_equal(ct.n->stats.drop, 1);
    assert_non_null(strstr(host_last_log(), "table full"));
    assert_true(ct_udp(true, 3, 53));
}

TEST("a connection that has closed makes room before one that is open")
{
    ct_handshake();
    ct_valid_tcp(false, CT_RST, ISS_B + 1, 0, 0, 0);
    set("net.netfilter.nf_conntrack_max", "1");
    assert_true(ct_udp(true, 4, 53));
    assert_int_equal(ct.n->stats.early_drop, 1);
}

static struct sk_buff *held;

static enum nf_verdict hold(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    if (held)
        return NF_ACCEPT;
    held = skb;
    return NF_STOLEN;
}

TEST("two first datagrams of a flow under way at once become one connection")
{
    struct nf_hook_ops ops = {.hook = hold, .hooknum = NF_INET_FORWARD};

    held = NULL;
    nf_register_net_hook(ct.net, &ops);
    ct_udp(true, 5000, 53);
    assert_non_null(held);
    assert_int_equal(ct.n->count, 1);
    ct_udp(true, 5000, 53);
    assert_int_equal(ct.n->count, 2);
    ct_post(held);
    assert_int_equal(ct.n->count, 1);
    assert_int_equal(ct.n->stats.clash_resolve, 1);
    nf_unregister_net_hook(&ops);
}

TEST("of two SYNs of one connection under way at once, the second is dropped")
{
    struct nf_hook_ops ops = {.hook = hold, .hooknum = NF_INET_FORWARD};

    held = NULL;
    nf_register_net_hook(ct.net, &ops);
    ct_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    ct_tcp(true, CT_SYN, ISS_A + 9, 0, 5000, 0);
    ct_post(held);
    assert_int_equal(ct.n->stats.insert_failed, 1);
    assert_int_equal(ct.net->drops[SKB_DROP_REASON_CT_INSERT], 1);
    nf_unregister_net_hook(&ops);
}

TEST("a connection that ends while its packets wait stays with them")
{
    struct nf_hook_ops ops = {.hook = hold, .hooknum = NF_INET_FORWARD};

    held = NULL;
    ct_handshake();
    nf_register_net_hook(ct.net, &ops);
    ct_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 10);
    assert_int_equal(nf_ct_kill_if(ct.net, NULL, NULL), 1);
    assert_int_equal(ct.n->count, 0);
    assert_true(held->nfct == &ct.conn->general);
    ct_post(held);
    nf_unregister_net_hook(&ops);
}

TEST("with the Nth allocation failing, a packet is lost at most")
{
    for (unsigned n = 1; n < 8; n++) {
        host_fail_allocation(n);
        ct_udp(true, (uint16_t)(100 + n), 53);
        host_fail_allocation(0);
        assert_true(ct_udp(true, (uint16_t)(100 + n), 53) && ct.tracked);
    }
    nf_ct_put_use(ct.net);
    host_fail_allocation(1);
    assert_int_equal(nf_ct_get_use(ct.net), -ENOMEM);
    host_fail_allocation(0);
    assert_int_equal(nf_ct_get_use(ct.net), 0);
}

TEST("nf_conntrack_log_invalid says why, for one protocol or for all")
{
    set("net.netfilter.nf_conntrack_log_invalid", "6");
    ct_tcp(true, CT_SYN | CT_FIN, 1, 0, 0, 0);
    assert_non_null(strstr(host_last_log(), "from 10.1.0.1 to 10.2.0.1: TCP flags"));
}

TEST("a program sees every connection once, can delete by address and port, and reads the statistics")
{
    struct skiff_conn conns[7];
    struct skiff_conn_filter filter = {.protocol = IPPROTO_UDP};
    struct skiff_conntrack_stats stats;
    uint64_t cursor = 0;
    bool seen[100] = {false};
    int n, total = 0;

    ct_handshake();
    for (uint16_t port = 0; port < 100; port++)
        ct_udp(true, (uint16_t)(2000 + port), 53);
    while ((n = conntrack_list(ct.net, conns, 7, &cursor)) > 0)
        for (int i = 0; i < n; i++, total++) {
            if (conns[i].protocol == IPPROTO_TCP) {
                assert_string_equal(conns[i].state, "ESTABLISHED");
                assert_true(conns[i].flags & SKIFF_CONN_ASSURED);
                assert_int_equal(conns[i].timeout_s, 432000);
                continue;
            }
            assert_int_equal(conns[i].original.src, (__force uint32_t)ct_addr(A));
            assert_int_equal(conns[i].reply.dst_port, conns[i].original.src_port);
            assert_false(seen[conns[i].original.src_port - 2000]);
            seen[conns[i].original.src_port - 2000] = true;
        }
    assert_int_equal(total, 101);
    filter.original.src_port = 2050;
    assert_int_equal(conntrack_delete(ct.net, &filter), 1);
    filter.original.src_port = 0;
    assert_int_equal(conntrack_delete(ct.net, &filter), 99);
    conntrack_stats(ct.net, &stats);
    assert_int_equal(stats.insert, 101);
    assert_int_equal(stats.count, 1);
    assert_int_equal(conntrack_delete(ct.net, NULL), 1);
}

/* --- ICMP errors --- */

/* The error `type` from `by` to `to` about the datagram p. */
static bool error(const char *by, const char *to, uint8_t type, const struct ct_pkt *about, unsigned quote)
{
    uint8_t ip[2000];
    unsigned len = ct_build(ip, about);

    return ct_send(&(struct ct_pkt){.protocol = IPPROTO_ICMP,
                                    .from = by,
                                    .to = to,
                                    .icmp_type = type,
                                    .icmp_code = 3,
                                    .payload = ip,
                                    .len = len < quote ? len : quote});
}

TEST("an ICMP error about a datagram of a connection is related to it")
{
    struct ct_pkt query = {
        .protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 5000, .dport = 53, .len = 40};

    ct_send(&query);
    struct nf_conn *conn = ct.conn;
    assert_true(error(B, A, 3, &query, 28) && ct.tracked);
    assert_ptr_equal(ct.conn, conn);
    assert_int_equal(ct.info, IP_CT_RELATED_REPLY);
    assert_true(error("10.9.9.9", A, 11, &query, 500) && ct.tracked); /* from a router on the way */
    assert_int_equal(ct.n->count, 1);
    assert_false(conn->status & IPS_SEEN_REPLY);
}

TEST(
    "RFC 5927: an ICMP error about nothing we know, or to somebody else, or about numbers not sent is invalid")
{
    struct ct_pkt query = {
        .protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 5000, .dport = 53, .len = 40};
    struct ct_pkt segment = {
        .from = A, .to = B, .sport = 1000, .dport = 80, .flags = CT_ACK, .seq = ISS_A + 1, .ack = ISS_B + 1};

    error(B, A, 3, &query, 500);
    assert_true(ct_invalid());
    ct_send(&query);
    error(B, "10.1.0.77", 3, &query, 500);
    assert_true(ct_invalid());
    error(B, A, 3, &query, 27);
    assert_true(ct_invalid() || ct.tracked); /* the ports are there */
    error(B, A, 3, &query, 22);
    assert_true(ct_invalid());
    ct_handshake();
    error(B, A, 3, &segment, 28);
    assert_true(ct.tracked);
    segment.seq += 5000;
    error(B, A, 3, &segment, 28);
    assert_true(ct_invalid());
    assert_true(ct.n->stats.icmp_error >= 4);
}

TEST("an error we make about a packet that a rule rejects belongs to its connection")
{
    uint8_t ip[100];
    unsigned len =
        ct_build(ip, &(struct ct_pkt){.protocol = IPPROTO_UDP, .from = A, .to = B, .sport = 1, .dport = 2});
    struct sk_buff *about = ct_skb(ip, len), *answer = ct_skb(ip, len);
    struct nf_hook_ops ops = {.hook = hold, .hooknum = NF_INET_FORWARD};
    enum ip_conntrack_info info;

    held = NULL;
    nf_register_net_hook(ct.net, &ops);
    ct_forward(about);
    nf_ct_attach(ct.net, answer, about);
    assert_ptr_equal(nf_ct_get(answer, &info), nf_ct_get(about, &info));
    nf_ct_get(answer, &info);
    assert_int_equal(info, IP_CT_RELATED_REPLY);
    consume_skb(about);
    consume_skb(answer);
    nf_unregister_net_hook(&ops);
}

TEST("our own sockets are tracked too: a datagram to a closed port and our error about it")
{
    uint8_t frame[200];
    size_t len = testnet_build_udp(ct.t, frame, &(struct testnet_ip){0}, 999, 7777, "x", 1);

    testnet_inject(ct.t, frame, len);
    assert_int_equal(ct.n->count, 1);
    assert_int_equal(ct.n->stats.invalid, 0);
    len = testnet_pop(ct.t, frame, sizeof(frame));
    assert_true(len && frame[TESTNET_L4] == 3);
    len = testnet_build_icmp(ct.t, frame, &(struct testnet_ip){0}, 8, 0, 7, "abc", 3);
    testnet_inject(ct.t, frame, len);
    assert_int_equal(ct.n->count, 2);
    assert_int_equal(ct.n->stats.invalid, 0);
    assert_true(testnet_pop(ct.t, frame, sizeof(frame)) && frame[TESTNET_L4] == 0);
}

TEST_FIXTURE(ct_setup, ct_teardown)
