/*
 * test_tcp_fuzz.c - nonsense from the peer in every state, and memory that runs out at every step. Seeded: a
 * run is the same each time.
 */
#include "tests/unit/tcp_peer.h"

enum {
    LISTENING,
    SYN_SENT,
    HALF_OPEN,
    OPEN,
    CLOSE_WAIT,
    FIN_WAIT1,
    FIN_WAIT2,
    CLOSING,
    LAST_ACK,
    TIME_WAIT,
    STATES
};

static struct sock *l, *sk;

/* A connection in `state` (sk), as far as there is one. */
static void enter_state(int state, uint16_t port)
{
    peer_reset_state();
    peer.sport = port;
    sk = NULL;
    if (state == SYN_SENT)
        sk = peer_open_active_syn();
    if (state == HALF_OPEN)
        peer_syn(mss_option, 4);
    if (state <= HALF_OPEN)
        return;
    sk = peer_connect(l);
    if (state == CLOSE_WAIT || state == LAST_ACK)
        peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    if (state >= FIN_WAIT1) {
        tcp_prot.shutdown(sk, SHUT_WR);
        peer.rcv++;
    }
    if (state == FIN_WAIT2 || state == TIME_WAIT)
        peer_ack();
    if (state == CLOSING) {
        peer_at(TCPHDR_ACK | TCPHDR_FIN, peer.snd, peer.rcv - 1, NULL, 0);
        peer.snd++;
    }
    if (state == TIME_WAIT)
        peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    testnet_drop_sent(t);
}

static void leave_state(void)
{
    if (sk) {
        sk->sk_linger = true; /* close with RST: nothing is left behind */
        sk->sk_lingertime_ms = 0;
        tcp_prot.close(sk);
    }
    for (struct sock *other; (other = tcp_accept_now(l));) {
        other->sk_linger = true;
        other->sk_lingertime_ms = 0;
        tcp_prot.close(other);
    }
    testnet_drop_sent(t);
}

/* Everything the stack has said must have been well formed: peer_pop() looks. */
static void drain(void)
{
    struct segment s;

    while (peer_pop(&s))
        ;
}

TEST("all 256 flag bytes in every state, inside and outside the window, do no harm")
{
    l = tcp_listener(64);
    for (int state = 0; state < STATES; state++) {
        for (unsigned flags = 0; flags < 256; flags++) {
            static const int32_t offsets[] = {0, -1, 1, 1000, 70000};
            for (int i = 0; i < 5; i++) {
                enter_state(state, (uint16_t)(1024 + flags * 5 + (unsigned)i));
                peer_raw(&(struct raw){.seq = peer.snd + (uint32_t)offsets[i],
                                       .ack = peer.rcv,
                                       .flags = (uint8_t)flags,
                                       .wnd = 1000,
                                       .urg = (uint16_t)(flags * 300),
                                       .data = "x",
                                       .len = flags & 1});
                drain();
                leave_state();
            }
        }
        host_advance_ms(70000);
        drain();
    }
    tcp_prot.close(l);
}

TEST("random segments around the window leave nothing behind")
{
    l = tcp_listener(8);
    srand(42);
    for (int round = 0; round < 1500; round++) {
        enter_state(rand() % STATES, (uint16_t)(1024 + round));
        for (int i = 0; i < 20; i++) {
            static uint8_t data[1400], options[40];
            unsigned len = rand() % 3 ? (unsigned)rand() % 50 : (unsigned)rand() % 1400;
            unsigned options_len = rand() % 4 ? 0 : (unsigned)rand() % 11 * 4;
            for (unsigned k = 0; k < options_len; k++)
                options[k] = rand() % 3 ? (uint8_t)(rand() % 10) : (uint8_t)rand();
            uint32_t seq = peer.snd + (uint32_t)(rand() % 4 ? rand() % 3000 - 500 : rand());
            uint32_t ack = peer.rcv + (uint32_t)(rand() % 4 ? rand() % 5 - 2 : rand());
            if (rand() % 3 == 0)
                seq = peer.snd, ack = peer.rcv;
            peer_raw(&(struct raw){.seq = seq,
                                   .ack = ack,
                                   .flags = (uint8_t)(rand() % 8 ? rand() & 0x39 : rand()),
                                   .wnd = (uint16_t)rand(),
                                   .urg = (uint16_t)rand(),
                                   .options = options,
                                   .options_len = options_len,
                                   .data = data,
                                   .len = len});
            if (sk && rand() % 4 == 0)
                tcp_write(sk, data, (size_t)rand() % 1400);
            if (sk && rand() % 4 == 0)
                tcp_read(sk, 1000);
            if (rand() % 5 == 0)
                host_advance_ms((uint64_t)rand() % 300);
        }
        drain();
        leave_state();
    }
    host_advance_ms(200000);
    drain();
    tcp_prot.close(l);
    host_advance_ms(200000);
    drain();
}

TEST("options of any shape in a SYN leave a usable connection or none") /* RFC 9293 MUST-7 */
{
    l = tcp_listener(8);
    srand(1);
    for (int i = 0; i < 3000; i++) {
        uint8_t options[40];
        unsigned len = (unsigned)rand() % 11 * 4;
        struct segment s;

        for (unsigned k = 0; k < len; k++)
            options[k] = rand() % 2 ? (uint8_t)(rand() % 10) : (uint8_t)rand();
        peer_reset_state();
        peer.sport = (uint16_t)(1024 + i);
        peer_raw(&(struct raw){
            .seq = 7, .flags = TCPHDR_SYN, .wnd = 1000, .options = options, .options_len = len});
        assert_true(peer_pop(&s));
        peer.snd = 8;
        peer.rcv = s.seq + 1;
        peer_ack();
        sk = tcp_accept_now(l);
        assert_non_null(sk);
        assert_in_range(tcp_sk(sk)->mss_cache, 48, 1460);
        assert_in_range(tcp_sk(sk)->snd_wscale, 0, 14);
        assert_int_equal(tcp_write(sk, "x", 1), 1);
        drain();
        leave_state();
    }
    tcp_prot.close(l);
}

TEST("a window scale of 255 counts as 14") /* RFC 7323 2.3 */
{
    static const uint8_t options[4] = {3, 3, 255, 0};

    l = tcp_listener(8);
    peer_syn(options, 4);
    peer_ack();
    sk = tcp_accept_now(l);
    assert_int_equal(tcp_sk(sk)->snd_wscale, 14);
    leave_state();
    tcp_prot.close(l);
}

TEST("a data offset beyond the segment or below 5 is dropped")
{
    l = tcp_listener(8);
    for (unsigned doff = 0; doff < 16; doff++) {
        uint8_t tcp[24] = {4, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, (uint8_t)(doff << 4), TCPHDR_SYN, 4, 0};
        struct testnet_ip ip = {.protocol = IPPROTO_TCP};
        struct segment s;

        tcp[0] = (uint8_t)(8 + doff);
        testnet_fix_csum(tcp, 24, 16, t->peer, t->local, IPPROTO_TCP);
        testnet_inject(t, peer_frame, testnet_build_ip(t, peer_frame, &ip, tcp, 24));
        assert_int_equal(peer_pop(&s), doff == 5 || doff == 6);
    }
    for (unsigned len = 0; len < 20; len++) {
        uint8_t tcp[20] = {0};
        struct testnet_ip ip = {.protocol = IPPROTO_TCP};
        testnet_inject(t, peer_frame, testnet_build_ip(t, peer_frame, &ip, tcp, len));
        peer_expect_nothing();
    }
    tcp_prot.close(l);
}

/* --- memory --- */

/* A whole conversation in which allocation number `n` fails; the peer repeats what is not answered. */
static bool conversation(unsigned n)
{
    static uint8_t data[4000];
    struct segment s;

    peer_reset_state();
    peer.sport = (uint16_t)(3000 + n);
    host_fail_allocation(n);
    sk = NULL;
    for (int i = 0; i < 8 && !sk; i++) {
        peer_raw(&(struct raw){
            .seq = peer.snd, .flags = TCPHDR_SYN, .wnd = 65535, .options = mss_option, .options_len = 4});
        if (peer_pop(&s) && s.flags == (TCPHDR_SYN | TCPHDR_ACK)) {
            peer.rcv = s.seq + 1;
            peer_at(TCPHDR_ACK, peer.snd + 1, peer.rcv, "GET", 3);
            sk = tcp_accept_now(l);
        }
        host_advance_ms(1100);
    }
    assert_non_null(sk);
    peer.snd++;
    for (int i = 0; i < 8 && tcp_sk(sk)->rcv_nxt == peer.snd; i++)
        peer_at(TCPHDR_ACK, peer.snd, peer.rcv, "GET", 3);
    peer.snd += 3;
    assert_int_equal(tcp_read(sk, 10), 3);
    peer_at(TCPHDR_ACK, peer.snd + 3, peer.rcv, "def", 3); /* out of order */
    for (int i = 0; i < 4 && tcp_sk(sk)->rcv_nxt != peer.snd + 6; i++)
        peer_at(TCPHDR_ACK, peer.snd, peer.rcv, "abcdef", 6);
    peer.snd += 6;
    size_t want = sizeof(data), sent = 0;
    for (int i = 0; i < 100 && (sent < want || sk->sk_state != TCP_FIN_WAIT2); i++) {
        ssize_t w = sent < want ? tcp_write(sk, data, want - sent) : 0;
        if (w > 0)
            sent += (size_t)w;
        if (sent == want && sk->sk_state == TCP_ESTABLISHED)
            tcp_prot.shutdown(sk, SHUT_WR);
        while (peer_pop(&s))
            if (s.seq == peer.rcv)
                peer.rcv += s.len + !!(s.flags & TCPHDR_FIN);
        peer_at(TCPHDR_ACK, peer.snd, peer.rcv, NULL, 0);
        host_advance_ms(300);
    }
    assert_int_equal(sent, want);
    assert_int_equal(sk->sk_state, TCP_FIN_WAIT2);
    leave_state();
    bool failed = host_allocation_failed();
    host_fail_allocation(0);
    return failed;
}

TEST("a server's whole conversation survives the failure of any one allocation")
{
    unsigned n = 1;

    l = tcp_listener(8);
    while (conversation(n) && n < 300)
        n++;
    assert_in_range(n, 15, 299);
    tcp_prot.close(l);
}

TEST("connect() and close() survive the failure of any one allocation")
{
    for (unsigned n = 1; n < 20; n++) {
        struct sock *s = tcp_socket();
        host_fail_allocation(n);
        int err = tcp_prot.connect(s, cpu_to_be32(t->peer), 7, MSG_DONTWAIT);
        assert_true(err == -EINPROGRESS || err == -ENOMEM || err == -ENOBUFS);
        if (err == -EINPROGRESS)
            host_advance_ms(1100); /* the SYN, or the SYN again */
        else
            assert_int_equal(s->sk_state, TCP_CLOSE);
        tcp_prot.close(s);
        host_fail_allocation(0);
        testnet_drop_sent(t);
    }
}

TEST("socket, bind and listen fail cleanly without memory")
{
    for (unsigned n = 1; n < 4; n++) {
        int err;
        host_fail_allocation(n);
        struct sock *s = sk_alloc(t->net, &tcp_prot, SOCK_STREAM, IPPROTO_TCP, &err);
        if (s) {
            err = tcp_prot.bind(s, 0, 80);
            assert_true(!err || err == -ENOMEM);
            if (!err)
                assert_int_equal(tcp_prot.listen(s, 1), 0);
            tcp_prot.close(s);
        }
        host_fail_allocation(0);
    }
}

TEST_FIXTURE(peer_setup, peer_teardown)
