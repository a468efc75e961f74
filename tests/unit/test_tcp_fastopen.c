/*
 * test_tcp_fastopen.c - Fast Open (RFC 7413): whose memory it is, and settings.
 */
#include "tests/unit/tcp_peer.h"

#define TCP_FASTOPEN     23
#define TCP_FASTOPEN_KEY 33

static const uint8_t fast_cookie[16] = {2, 4, 5, 180, 34, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};

static struct sock *fast_listener(int qlen)
{
    set_sysctl("net.ipv4.tcp_fastopen", "2");
    struct sock *l = tcp_listener(64);

    assert_int_equal(tcp_prot.setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN, &qlen, sizeof(qlen)), 0);
    return l;
}

/* A SYN with `len` bytes of text from `port`, with a good cookie; what it draws is in peer.last, if anything.
 */
static bool fast_syn(struct sock *l, uint16_t port, const void *data, unsigned len)
{
    static const uint8_t ask[8] = {2, 4, 5, 180, 34, 2, 1, 1};
    uint8_t options[sizeof(fast_cookie)];
    struct segment s;

    peer_reset_state();
    peer.sport = 1;
    peer_raw(&(struct raw){
        .seq = 7, .flags = TCPHDR_SYN, .wnd = 1000, .options = ask, .options_len = sizeof(ask)});
    memcpy(options, fast_cookie, sizeof(options));
    if (peer_pop(&s) && s.hdr_len == 36)
        memcpy(options + 6, s.options + 6, 8);
    peer_raw(&(struct raw){.seq = 8, .flags = TCPHDR_RST});
    peer.sport = port;
    peer_raw(&(struct raw){.seq = peer.snd,
                           .flags = TCPHDR_SYN,
                           .wnd = 60000,
                           .options = options,
                           .options_len = sizeof(options),
                           .data = data,
                           .len = len});
    if (!peer_pop(&s))
        return false;
    peer.snd = s.ack;
    peer.rcv = s.seq + 1;
    return s.flags == (TCPHDR_SYN | TCPHDR_ACK) && s.ack == PEER_ISS + 1 + len;
}

TEST("a SYN with a good cookie is a connection with text to read at once")
{
    struct sock *l = fast_listener(4);

    assert_true(fast_syn(l, 4000, "hello", 5));
    struct sock *sk = tcp_accept_now(l);
    assert_non_null(sk);
    assert_int_equal(tcp_read(sk, 100), 5);
    assert_memory_equal(peer_buf, "hello", 5);
    assert_int_equal(tcp_write(sk, "world", 5), 5);
    peer_expect(TCPHDR_ACK, 5);
    peer_ack();
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    tcp_prot.close(sk);
    tcp_prot.close(l);
}

TEST("closing the listener ends connections whose handshake is not over, accepted ones live on")
{
    struct sock *l = fast_listener(4);
    struct segment s;

    assert_true(fast_syn(l, 4000, "hello", 5));
    struct sock *sk = tcp_accept_now(l);
    assert_true(fast_syn(l, 4001, "hello", 5));
    tcp_prot.close(l);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST | TCPHDR_ACK);
    assert_int_equal(s.dport, 4001);
    assert_int_equal(tcp_read(sk, 100), 5);
    host_advance_ms(100000); /* the SYN-ACK is given up */
    testnet_drop_sent(t);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    tcp_prot.close(sk);
    assert_int_equal(t->net->sock_count, 0);
}

TEST("a flood with a stolen cookie is bounded, and resets keep their place for a minute") /* RFC 7413 5.1 */
{
    struct sock *l = fast_listener(4);
    unsigned opened = 0;

    for (uint16_t i = 0; i < 40; i++) {
        bool fast = fast_syn(l, (uint16_t)(4000 + i), "x", 1);
        opened += fast;
        peer_at(TCPHDR_RST, fast ? peer.snd : PEER_ISS + 1, 0, NULL, 0);
        struct sock *sk = tcp_accept_now(l);
        assert_int_equal(sk != NULL, fast);
        if (sk)
            tcp_prot.close(sk);
    }
    assert_int_equal(opened, 4);
    host_advance_ms(60000);
    assert_false(fast_syn(l, 5000, "x", 1));
    peer_at(TCPHDR_RST, PEER_ISS + 1, 0, NULL, 0);
    host_advance_ms(6000);
    testnet_drop_sent(t);
    assert_true(fast_syn(l, 5001, "x", 1));
    tcp_prot.close(l);
    testnet_drop_sent(t);
}

TEST("whichever allocation fails, a SYN with a cookie leaves nothing behind")
{
    struct sock *l = fast_listener(100);

    assert_true(fast_syn(l, 3999, "x", 1));
    tcp_prot.close(tcp_accept_now(l));
    testnet_drop_sent(t);
    for (unsigned n = 1; n < 40; n++) {
        size_t socks = t->net->sock_count;
        host_fail_allocation(n);
        fast_syn(l, (uint16_t)(4000 + n), "hello", 5);
        host_fail_allocation(0);
        struct sock *sk = tcp_accept_now(l);
        if (sk)
            tcp_prot.close(sk);
        testnet_drop_sent(t);
        assert_int_equal(t->net->sock_count, socks);
    }
    tcp_prot.close(l);
    testnet_drop_sent(t);
}

/* A segment near the window, of any kind. */
static void random_segment(void)
{
    static uint8_t data[1400];
    bool good = rand() % 3 == 0;

    peer_raw(&(struct raw){.seq = peer.snd + (good ? 0 : (uint32_t)(rand() % 3000 - 1500)),
                           .ack = peer.rcv + (good ? 0 : (uint32_t)(rand() % 3000 - 100)),
                           .flags = (uint8_t)(rand() % 8 ? rand() & 0x39 : rand()),
                           .wnd = (uint16_t)rand(),
                           .data = data,
                           .len = (unsigned)rand() % 1400});
}

TEST("nonsense in the handshake of a connection that is already used leaves nothing behind")
{
    struct sock *l = fast_listener(60);
    struct segment s;

    srand(3);
    for (int round = 0; round < 1500; round++) {
        bool fast = fast_syn(l, (uint16_t)(1024 + round), "hello", (unsigned)rand() % 6);
        struct sock *sk = tcp_accept_now(l);
        assert_true(fast == (sk != NULL));
        for (int i = rand() % 12; i > 0; i--) {
            if (rand() % 2)
                random_segment();
            if (sk && rand() % 4 == 0)
                tcp_write(sk, peer_buf, (size_t)rand() % 4000);
            if (sk && rand() % 4 == 0)
                tcp_read(sk, 1000);
            if (sk && rand() % 16 == 0)
                tcp_prot.shutdown(sk, rand() % 3);
            host_advance_ms(rand() % 5 ? 0 : (uint64_t)rand() % 3000);
        }
        while (peer_pop(&s))
            ;
        if (sk) {
            sk->sk_linger = rand() % 4;
            tcp_prot.close(sk);
        }
        while ((sk = tcp_accept_now(l)))
            tcp_prot.close(sk);
        testnet_drop_sent(t);
    }
    host_advance_ms(1500000); /* eight retransmissions of an orphan, from an RTO of seconds */
    testnet_drop_sent(t);
    assert_int_equal(t->net->sock_count, 1);
    assert_true(mib(MIB_TcpExtTCPFastOpenPassive) > 300);
    tcp_prot.close(l);
}

TEST("keys are set and read by sysctl, and per listener")
{
    static const uint8_t keys[32] = {1, 2, 3, [16] = 4, 5, 6};
    static const char two[] = "00000001-00000002-00000003-00000004,a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4";
    struct sock *l = fast_listener(4);
    char text[100];
    uint8_t got[40];
    socklen_t len = sizeof(got);

    set_sysctl("net.ipv4.tcp_fastopen_key", two);
    assert_int_equal(sysctl_get(t->net, "net.ipv4.tcp_fastopen_key", text, sizeof(text)), 71);
    assert_string_equal(text, two);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.tcp_fastopen_key", "00000001-00000002-00000003"), -EINVAL);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.tcp_fastopen_key", "0000000g-00000002-00000003-00000004"),
                     -EINVAL);
    assert_int_equal(tcp_prot.getsockopt(l, IPPROTO_TCP, TCP_FASTOPEN_KEY, got, &len), 0);
    assert_int_equal(len, 32);
    assert_int_equal(got[0], 1);
    assert_int_equal(tcp_prot.setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys, 17), -EINVAL);
    assert_int_equal(tcp_prot.setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys, 16), 0);
    len = sizeof(got);
    assert_int_equal(tcp_prot.getsockopt(l, IPPROTO_TCP, TCP_FASTOPEN_KEY, got, &len), 0);
    assert_int_equal(len, 16);
    assert_memory_equal(got, keys, 16);
    assert_true(fast_syn(l, 4000, "x", 1));
    tcp_prot.close(l);
    testnet_drop_sent(t);
}

TEST_FIXTURE(peer_setup, peer_teardown)
