/*
 * test_tcp_handshake.c - how connections begin (net/tcp): active, passive, simultaneous, and not at all.
 */
#include "tests/unit/tcp_peer.h"

/* --- passive --- */

TEST("a SYN to a listener draws a SYN-ACK, its ACK a connection for accept()") /* RFC 9293 3.10.7.2, 3.5 */
{
    struct sock *l = tcp_listener(1);

    assert_int_equal(tcp_prot.poll(l), 0);
    peer_syn(mss_option, 4);
    assert_null(tcp_accept_now(l));
    peer_ack();
    assert_int_equal(tcp_prot.poll(l) & POLLIN, POLLIN);
    struct sock *sk = tcp_accept_now(l);
    assert_non_null(sk);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    assert_int_equal(mib(MIB_TcpPassiveOpens), 1);
    assert_int_equal(mib(MIB_TcpCurrEstab), 1);
    tcp_prot.close(sk);
    tcp_prot.close(l);
}

TEST("a SYN-ACK carries MSS always and window scale only if the SYN did") /* RFC 9293 3.7.1, RFC 7323 2.2 */
{
    static const uint8_t with_scale[8] = {2, 4, 5, 180, 1, 3, 3, 7};
    struct sock *l = tcp_listener(4);

    peer_syn(mss_option, 4);
    assert_int_equal(peer.last.hdr_len, 24);
    assert_memory_equal(peer.last.options, mss_option, 4);
    peer_reset_state();
    peer.sport++;
    peer_syn(with_scale, 8);
    assert_int_equal(peer.last.hdr_len, 28);
    assert_memory_equal(peer.last.options, mss_option, 4);
    assert_int_equal(peer.last.options[5], 3);
    assert_in_range(peer.last.options[7], 1, 14);
    tcp_prot.close(l);
}

TEST("the window of a SYN-ACK is not scaled, that of later segments is") /* RFC 7323 2.2 */
{
    static const uint8_t with_scale[8] = {2, 4, 5, 180, 1, 3, 3, 2};
    struct sock *l = tcp_listener(4);

    peer_syn(with_scale, 8);
    unsigned shift = peer.last.options[7];
    assert_true(peer.last.wnd > 60000);
    peer.wnd = 1000;
    peer_ack();
    struct sock *sk = tcp_accept_now(l);
    assert_int_equal(tcp_sk(sk)->snd_wnd, 4000);
    tcp_write(sk, "x", 1);
    peer_expect(TCPHDR_ACK, 1);
    assert_in_range((uint32_t)peer.last.wnd << shift, 60000, 66000);
    tcp_prot.close(sk);
    tcp_prot.close(l);
}

TEST("without an MSS option segments are at most 536 bytes") /* RFC 9293 MUST-15 */
{
    struct sock *l = tcp_listener(4);

    peer_syn(NULL, 0);
    peer_ack();
    struct sock *sk = tcp_accept_now(l);
    tcp_write(sk, peer_buf, 1000);
    peer_expect(TCPHDR_ACK, 536);
    peer_expect(TCPHDR_ACK, 464);
    tcp_prot.close(sk);
    tcp_prot.close(l);
}

TEST("an MSS of 1 does not make segments of 1 byte") /* CVE-2019-11479 */
{
    static const uint8_t tiny[4] = {2, 4, 0, 1};
    struct sock *l = tcp_listener(4);

    peer_syn(tiny, 4);
    peer_ack();
    struct sock *sk = tcp_accept_now(l);
    tcp_write(sk, peer_buf, 100);
    peer_expect(TCPHDR_ACK, 48);
    tcp_prot.close(sk);
    tcp_prot.close(l);
}

TEST("a SYN-ACK is sent again after 1, 3, 7, 15 and 31 s, then the request is forgotten") /* RFC 6298 */
{
    struct sock *l = tcp_listener(4);
    struct segment s;
    struct tcp_counts counts;

    peer_syn(mss_option, 4);
    for (unsigned wait = 1; wait <= 16; wait *= 2) {
        host_advance_ms(wait * 1000 - 1);
        peer_expect_nothing();
        host_advance_ms(1);
        assert_true(peer_pop(&s));
        assert_int_equal(s.flags, TCPHDR_SYN | TCPHDR_ACK);
        assert_int_equal(s.seq + 1, peer.rcv);
    }
    host_advance_ms(40000);
    peer_expect_nothing();
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.half_open, 0);
    tcp_prot.close(l);
}

TEST("a repeated SYN draws the SYN-ACK again, a storm of them only one per half second")
{
    struct sock *l = tcp_listener(4);
    struct segment s;

    peer_syn(mss_option, 4);
    for (int i = 0; i < 50; i++)
        peer_raw(&(struct raw){.seq = peer.snd - 1, .flags = TCPHDR_SYN, .wnd = 1000});
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_SYN | TCPHDR_ACK);
    peer_expect_nothing();
    tcp_prot.close(l);
}

TEST("data on the ACK of the handshake is delivered")
{
    struct sock *l = tcp_listener(4);

    peer_syn(mss_option, 4);
    peer_send("hello", 5);
    struct sock *sk = tcp_accept_now(l);
    assert_int_equal(tcp_read(sk, 100), 5);
    assert_memory_equal(peer_buf, "hello", 5);
    tcp_prot.close(sk);
    tcp_prot.close(l);
}

TEST("data and FIN on the ACK of the handshake end in CLOSE-WAIT with the data to read")
{
    struct sock *l = tcp_listener(4);

    peer_syn(mss_option, 4);
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, "bye", 3);
    struct sock *sk = tcp_accept_now(l);
    assert_int_equal(sk->sk_state, TCP_CLOSE_WAIT);
    assert_int_equal(tcp_read(sk, 100), 3);
    assert_int_equal(tcp_read(sk, 100), 0);
    tcp_prot.close(sk);
    tcp_prot.close(l);
}

TEST("a wrong ACK of a SYN-ACK is answered with RST and leaves the request") /* RFC 9293 3.10.7.4 fifth */
{
    struct sock *l = tcp_listener(4);
    struct segment s;

    peer_syn(mss_option, 4);
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv + 1, NULL, 0);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST);
    assert_int_equal(s.seq, peer.rcv + 1);
    peer_ack();
    struct sock *sk = tcp_accept_now(l);
    assert_non_null(sk);
    tcp_prot.close(sk);
    tcp_prot.close(l);
}

TEST("a RST at rcv.nxt ends a half-open connection, one elsewhere in the window does not") /* RFC 5961 3.2 */
{
    struct sock *l = tcp_listener(4);
    struct tcp_counts counts;

    peer_syn(mss_option, 4);
    peer_at(TCPHDR_RST, peer.snd + 5, 0, NULL, 0);
    peer_expect_ack();
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.half_open, 1);
    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.half_open, 0);
    peer_expect_nothing();
    tcp_prot.close(l);
}

TEST("a listener ignores RST, answers ACK with RST and drops what has no flags") /* RFC 9293 3.10.7.2 */
{
    struct sock *l = tcp_listener(4);
    struct segment s;

    peer_at(TCPHDR_RST, 5, 0, NULL, 0);
    peer_expect_nothing();
    peer_at(0, 5, 0, "x", 1);
    peer_at(TCPHDR_FIN, 5, 0, NULL, 0);
    peer_expect_nothing();
    peer_at(TCPHDR_ACK, 5, 1234, NULL, 0);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST);
    assert_int_equal(s.seq, 1234);
    tcp_prot.close(l);
}

/* --- active --- */

TEST("connect() sends SYN with MSS and other options, and is done when the SYN-ACK comes")
{
    struct sock *sk = peer_open_active_syn();

    assert_int_equal(peer.last.hdr_len, 40);
    assert_memory_equal(peer.last.options, mss_option, 4);
    assert_int_equal(tcp_prot.poll(sk) & (POLLOUT | POLLHUP), 0);
    peer_flags(TCPHDR_SYN | TCPHDR_ACK, NULL, 0);
    peer_expect_ack();
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    assert_int_equal(tcp_prot.poll(sk) & POLLOUT, POLLOUT);
    assert_int_equal(mib(MIB_TcpActiveOpens), 1);
    tcp_prot.close(sk);
}

TEST("a refused connection ends with ECONNREFUSED") /* RFC 9293 3.10.7.3 second */
{
    struct sock *sk = peer_open_active_syn();

    peer_at(TCPHDR_RST | TCPHDR_ACK, 0, peer.rcv, NULL, 0);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(sk->sk_err, ECONNREFUSED);
    assert_int_equal(tcp_prot.poll(sk) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
    tcp_prot.close(sk);
}

TEST("in SYN-SENT a RST without a good ACK is ignored") /* RFC 9293 3.10.7.3 */
{
    struct sock *sk = peer_open_active_syn();

    peer_at(TCPHDR_RST | TCPHDR_ACK, 0, peer.rcv + 1, NULL, 0);
    peer_at(TCPHDR_RST, 0, 0, NULL, 0);
    peer_expect_nothing();
    assert_int_equal(sk->sk_state, TCP_SYN_SENT);
    tcp_prot.close(sk);
}

TEST("in SYN-SENT a wrong ACK draws a RST at that number") /* RFC 9293 3.10.7.3 first */
{
    struct sock *sk = peer_open_active_syn();
    struct segment s;

    peer_at(TCPHDR_SYN | TCPHDR_ACK, 5, peer.rcv + 1, NULL, 0);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST);
    assert_int_equal(s.seq, peer.rcv + 1);
    peer_at(TCPHDR_SYN | TCPHDR_ACK, 5, peer.rcv - 1, NULL, 0);
    assert_true(peer_pop(&s));
    assert_int_equal(s.seq, peer.rcv - 1);
    assert_int_equal(sk->sk_state, TCP_SYN_SENT);
    tcp_prot.close(sk);
}

TEST("a SYN is sent again after 1, 3, 7 ... s and the attempt fails after three minutes") /* RFC 9293 MUST-23
                                                                                           */
{
    struct sock *sk = peer_open_active_syn();
    struct segment s;
    unsigned elapsed = 0;

    for (unsigned wait = 1; wait <= 64; wait *= 2) {
        host_advance_ms(wait * 1000 - 1);
        peer_expect_nothing();
        host_advance_ms(1);
        assert_true(peer_pop(&s));
        assert_int_equal(s.flags, TCPHDR_SYN);
        assert_int_equal(s.seq + 1, peer.rcv);
        elapsed += wait;
    }
    assert_int_equal(sk->sk_state, TCP_SYN_SENT);
    host_advance_ms(130000);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(sk->sk_err, ETIMEDOUT);
    tcp_prot.close(sk);
}

TEST("after a SYN had to be repeated twice the first RTO is 3 s and the first window one segment")
/* RFC 6298 5.7, RFC 6928 2 */
{
    struct sock *sk = peer_open_active_syn();
    struct segment s;

    host_advance_ms(1000);
    assert_true(peer_pop(&s));
    host_advance_ms(2000);
    assert_true(peer_pop(&s));
    peer_raw(&(struct raw){.seq = peer.snd,
                           .ack = peer.rcv,
                           .flags = TCPHDR_SYN | TCPHDR_ACK,
                           .wnd = 65535,
                           .options = mss_option,
                           .options_len = 4});
    peer.snd++;
    peer_expect_ack();
    tcp_write(sk, peer_buf, 5000);
    peer_expect(TCPHDR_ACK, MSS);
    peer_expect_nothing();
    host_advance_ms(2990);
    peer_expect_nothing();
    peer.rcv -= MSS;
    host_advance_ms(20);
    peer_expect(TCPHDR_ACK, MSS);
    tcp_prot.close(sk);
}

TEST("one SYN lost does not cost the first window") /* RFC 6928 2 */
{
    struct sock *sk = peer_open_active_syn();
    struct segment s;

    host_advance_ms(1000);
    assert_true(peer_pop(&s));
    peer_raw(&(struct raw){.seq = peer.snd,
                           .ack = peer.rcv,
                           .flags = TCPHDR_SYN | TCPHDR_ACK,
                           .wnd = 65535,
                           .options = mss_option,
                           .options_len = 4});
    peer.snd++;
    peer_expect_ack();
    tcp_write(sk, peer_buf, 5000);
    for (unsigned i = 0; i < 3; i++)
        peer_expect(TCPHDR_ACK, MSS);
    tcp_prot.close(sk);
}

TEST("two SYNs that cross open one connection") /* RFC 9293 3.5 figure 8, MUST-10 */
{
    struct sock *sk = peer_open_active_syn();

    peer.rcv--; /* the SYN again, with ACK */
    peer_at(TCPHDR_SYN, peer.snd, 0, NULL, 0);
    peer.snd++;
    assert_int_equal(sk->sk_state, TCP_SYN_RECV);
    peer_expect(TCPHDR_SYN | TCPHDR_ACK, 0);
    peer_at(TCPHDR_SYN | TCPHDR_ACK, peer.snd - 1, peer.rcv, NULL, 0);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    peer_expect_nothing();
    peer_send("hi", 2);
    assert_int_equal(tcp_read(sk, 10), 2);
    tcp_prot.close(sk);
}

TEST("in a simultaneous open a plain ACK completes the handshake too")
{
    struct sock *sk = peer_open_active_syn();

    peer.rcv--;
    peer_at(TCPHDR_SYN, peer.snd, 0, NULL, 0);
    peer.snd++;
    peer_expect(TCPHDR_SYN | TCPHDR_ACK, 0);
    peer_ack();
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    tcp_prot.close(sk);
}

TEST("a RST after a simultaneous open refuses the connection") /* RFC 9293 MUST-11 */
{
    struct sock *sk = peer_open_active_syn();

    peer_at(TCPHDR_SYN, peer.snd, 0, NULL, 0);
    peer.snd++;
    testnet_drop_sent(t);
    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(sk->sk_err, ECONNREFUSED);
    tcp_prot.close(sk);
}

TEST("close() in SYN-SENT ends silently") /* RFC 9293 3.10.4 */
{
    struct sock *sk = peer_open_active_syn();

    tcp_prot.close(sk);
    peer_expect_nothing();
    assert_int_equal(t->net->sock_count, 0);
}

TEST("connect() refuses broadcast, multicast and port 0") /* RFC 9293 MUST-46 */
{
    struct sock *sk = tcp_socket();

    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(0xffffffff), 7, MSG_DONTWAIT), -ENETUNREACH);
    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(0xe0000001), 7, MSG_DONTWAIT), -ENETUNREACH);
    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(0x0a0000ff), 7, MSG_DONTWAIT), -ENETUNREACH);
    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(t->peer), 0, MSG_DONTWAIT), -EADDRNOTAVAIL);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    tcp_prot.close(sk);
}

TEST("a second connect() says EALREADY while the first is under way and EISCONN afterwards")
{
    struct sock *sk = peer_open_active_syn();

    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(t->peer), 7, MSG_DONTWAIT), -EALREADY);
    peer_flags(TCPHDR_SYN | TCPHDR_ACK, NULL, 0);
    testnet_drop_sent(t);
    assert_int_equal(tcp_prot.connect(sk, cpu_to_be32(t->peer), 7, MSG_DONTWAIT), -EISCONN);
    tcp_prot.close(sk);
}

/* --- to nobody --- */

TEST("a segment to a closed port draws the RST of its kind, a RST draws nothing") /* RFC 9293 3.10.7.1 */
{
    struct segment s;

    peer.dport = 81;
    peer_at(TCPHDR_SYN, 500, 0, NULL, 0);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST | TCPHDR_ACK);
    assert_int_equal(s.seq, 0);
    assert_int_equal(s.ack, 501);
    peer_at(TCPHDR_ACK, 500, 77, "abc", 3);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_RST);
    assert_int_equal(s.seq, 77);
    peer_at(TCPHDR_FIN, 500, 0, "abc", 3);
    assert_true(peer_pop(&s));
    assert_int_equal(s.ack, 504);
    peer_at(TCPHDR_RST, 500, 0, NULL, 0);
    peer_at(TCPHDR_RST | TCPHDR_ACK, 500, 7, NULL, 0);
    peer_expect_nothing();
    assert_int_equal(mib(MIB_TcpOutRsts), 3);
}

TEST("a segment from our own address and port (LAND) is dropped") /* CVE-1999-0016 */
{
    struct sock *l = tcp_listener(4);

    peer.sport = 80;
    peer_raw_ip(&(struct testnet_ip){.saddr = t->local, .daddr = t->local},
                &(struct raw){.seq = 1, .flags = TCPHDR_SYN, .wnd = 100});
    peer_expect_nothing();
    tcp_prot.close(l);
}

TEST("segments to broadcast or from multicast are dropped in silence") /* RFC 9293 MUST-57, MUST-63 */
{
    struct sock *l = tcp_listener(4);

    peer_raw_ip(&(struct testnet_ip){.daddr = 0x0a0000ff}, &(struct raw){.seq = 1, .flags = TCPHDR_SYN});
    peer_raw_ip(&(struct testnet_ip){.saddr = 0xe0000001}, &(struct raw){.seq = 1, .flags = TCPHDR_SYN});
    peer_raw_ip(&(struct testnet_ip){.saddr = 0xffffffff}, &(struct raw){.seq = 1, .flags = TCPHDR_SYN});
    peer_expect_nothing();
    tcp_prot.close(l);
}

TEST("a wrong checksum is dropped and counted") /* RFC 9293 MUST-3 */
{
    struct sock *l = tcp_listener(4);
    uint8_t tcp[20] = {0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 1, 2, 0, 0};
    struct testnet_ip ip = {.protocol = IPPROTO_TCP};

    testnet_inject(t, peer_frame, testnet_build_ip(t, peer_frame, &ip, tcp, 20));
    peer_expect_nothing();
    assert_int_equal(mib(MIB_TcpInCsumErrors), 1);
    assert_int_equal(drops(SKB_DROP_REASON_TCP_CSUM), 1);
    tcp_prot.close(l);
}

/* --- initial sequence numbers, ports (RFC 6528, RFC 6056) --- */

TEST("initial numbers of one 4-tuple rise with the clock, those of neighbours have nothing in common")
{
    struct sock *l = tcp_listener(100);
    uint32_t isn[8];
    int close_ones = 0;

    for (int i = 0; i < 8; i++) {
        peer_reset_state();
        peer.sport = (uint16_t)(1000 + i);
        peer_syn(mss_option, 4);
        isn[i] = peer.rcv;
    }
    for (int i = 1; i < 8; i++)
        close_ones += isn[i] - isn[i - 1] + 1000000 < 2000000;
    assert_in_range(close_ones, 0, 1);

    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
    host_advance_ms(100);
    testnet_drop_sent(t);
    peer.snd = PEER_ISS;
    peer_syn(mss_option, 4);
    assert_int_equal(peer.rcv - isn[7], 100u * 1000000 / 64);
    tcp_prot.close(l);
}

TEST("ephemeral ports are in the range and do not follow each other")
{
    struct sock *sk[16];
    uint16_t port[16];
    int neighbours = 0;

    for (int i = 0; i < 16; i++) {
        sk[i] = peer_open_active_syn();
        port[i] = peer.dport;
        assert_in_range(port[i], 32768, 60999);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(port[i], port[j]);
        neighbours += i && (uint16_t)(port[i] - port[i - 1]) <= 1;
    }
    assert_in_range(neighbours, 0, 2);
    for (int i = 0; i < 16; i++)
        tcp_prot.close(sk[i]);
}

TEST_FIXTURE(peer_setup, peer_teardown)
