/*
 * test_tcp_attacks.c - what strangers and hostile peers do to many connections at once: what it costs, and
 * that it ends. (Attacks on one connection: the test of the rule that stands against them, and tests/script.)
 */
#include "tests/unit/tcp_peer_options.h"

#define MANY 600

static struct sock *many[MANY];

static void open_many(struct sock *l, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        peer_reset_state();
        peer.sport = (uint16_t)(20000 + i);
        many[i] = peer_connect(l);
    }
}

static void close_many(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        many[i]->sk_linger = true;
        tcp_prot.close(many[i]);
        testnet_drop_sent(t);
    }
}

/* A SYN in the middle of each connection: the number of challenge ACKs it draws. */
static unsigned challenged(unsigned count)
{
    unsigned answers = 0;
    struct segment s;

    for (unsigned i = 0; i < count; i++) {
        peer.sport = (uint16_t)(20000 + i);
        peer_at(TCPHDR_SYN, 12345, 0, NULL, 0);
        while (peer_pop(&s))
            answers += s.flags == TCPHDR_ACK;
    }
    return answers;
}

TEST(
    "challenge ACKs are bounded over all connections, by a number that cannot be guessed") /* CVE-2016-5696 */
{
    struct sock *l = tcp_listener(16);
    unsigned seen[8], different = 0;

    open_many(l, MANY);
    set_sysctl("net.ipv4.tcp_challenge_ack_limit", "300");
    for (unsigned i = 0; i < 8; i++) {
        host_advance_ms(1000);
        seen[i] = challenged(MANY);
        assert_in_range(seen[i], 150, 450); /* half of the limit to one and a half */
        different += seen[i] != seen[0];
    }
    assert_true(different > 0);
    set_sysctl("net.ipv4.tcp_challenge_ack_limit", "0");
    host_advance_ms(1000);
    assert_int_equal(challenged(MANY), 0);
    close_many(MANY);
    tcp_prot.close(l);
}

TEST("a peer that answers every ACK with an unacceptable one gets two of ours a second") /* ACK storm */
{
    struct sock *sk = peer_open_passive();
    unsigned answers = 0;
    struct segment s;

    for (unsigned i = 0; i < 1000; i++) {
        peer_at(TCPHDR_ACK, peer.snd - 20000, peer.rcv, NULL, 0);
        while (peer_pop(&s))
            answers++;
        host_advance_ms(1);
    }
    assert_in_range(answers, 1, 3);
    sk->sk_linger = true;
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST(
    "peers that shut their window for ever: orphans are given up, and there are never too many") /* sockstress
                                                                                                  */
{
    struct sock *l = tcp_listener(16);
    struct tcp_counts counts;
    static uint8_t data[3000];

    set_sysctl("net.ipv4.tcp_max_orphans", "100");
    open_many(l, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        peer.sport = (uint16_t)(20000 + i);
        peer_raw(&(struct raw){.seq = peer.snd, .ack = tcp_sk(many[i])->snd_nxt, .flags = TCPHDR_ACK});
        assert_int_equal(tcp_write(many[i], data, sizeof(data)), sizeof(data));
        tcp_prot.close(many[i]);
    }
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.orphans, 100);
    assert_int_equal(mib(MIB_TcpExtTCPAbortOnMemory), MANY - 100);
    testnet_drop_sent(t);
    for (unsigned s = 0; s < 180; s++) { /* every probe is answered: the window is still shut */
        struct segment probe;
        host_advance_ms(1000);
        for (unsigned n = 0; n < 200 && peer_pop(&probe); n++) {
            peer.sport = probe.dport;
            if (!(probe.flags & TCPHDR_RST))
                peer_raw(&(struct raw){.seq = probe.ack, .ack = probe.seq + 1, .flags = TCPHDR_ACK});
        }
    }
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.orphans, 0);
    assert_int_equal(counts.memory, 0);
    tcp_prot.close(l);
}

TEST(
    "peers that acknowledge nothing of what they asked for cost no more than their buffers, and end") /* R2 */
{
    struct sock *l = tcp_listener(16);
    struct tcp_counts counts;
    static uint8_t data[65536];

    open_many(l, 100);
    for (unsigned i = 0; i < 100; i++)
        while (tcp_write(many[i], data, sizeof(data)) > 0)
            testnet_drop_sent(t);
    tcp_get_counts(t->net, &counts);
    assert_in_range(counts.memory, 100 * 32768, 100 * (65536 + 4096));
    for (unsigned s = 0; s < 1100; s += 10) { /* 924.6 s */
        host_advance_ms(10000);
        testnet_drop_sent(t);
    }
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(many[i]->sk_err, ETIMEDOUT);
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.memory, 0);
    close_many(100);
    tcp_prot.close(l);
}

TEST("blocks out of range, reversed, of what was never sent: forged SACK changes nothing") /* attack: SACK
                                                                                              forging */
{
    struct sock *sk = options_open(WITH_SACK);
    struct tcp_sock *tp = tcp_sk(sk);
    static uint8_t data[5000];

    assert_int_equal(tcp_write(sk, data, sizeof(data)), sizeof(data));
    testnet_drop_sent(t);
    uint32_t una = peer.rcv, end = una + sizeof(data);
    const struct tcp_sack_block forged[] = {
        {una + 2000, una + 1000},
        {una + 1000, una + 1000},
        {end, end + 1000},
        {una + 1000, end + 1},
        {una + 1000, una + 0x80001000u},
        {una - 5000, una + 3000},
        {una + 0x40000000u, una + 0x40001000u},
    };
    for (unsigned i = 0; i < sizeof(forged) / sizeof(forged[0]); i++)
        options_ack_sacks(una, 1, &forged[i]);
    peer_expect_nothing();
    assert_int_equal(tp->sacked_out, 0);
    assert_int_equal(tp->lost_out, 0);
    assert_int_equal(mib(MIB_TcpExtTCPSACKDiscard), sizeof(forged) / sizeof(forged[0]));
    options_ack(end);
    assert_int_equal(tp->snd_una, end);
    sk->sk_linger = true;
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("thousands of closes leave no more TIME_WAITs than the bound, and ports are to be had") /* netkill */
{
    struct sock *l = tcp_listener(16);
    struct tcp_counts counts;
    struct segment s;

    set_sysctl("net.ipv4.tcp_max_tw_buckets", "500");
    for (unsigned i = 0; i < 3000; i++) {
        peer_reset_state();
        peer.sport = (uint16_t)(1024 + i);
        struct sock *sk = peer_connect(l);
        tcp_prot.close(sk);
        assert_true(peer_pop(&s));
        peer.rcv++;
        peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
        testnet_drop_sent(t);
    }
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.time_wait, 500);
    assert_int_equal(counts.memory, 0);
    assert_int_equal(mib(MIB_TcpExtTCPTimeWaitOverflow), 2500);
    tcp_prot.close(l);
}

TEST_FIXTURE(peer_setup, peer_teardown)
