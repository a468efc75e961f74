/*
 * test_tcp_segments.c - what a connection makes of RST, SYN, ACK and sequence numbers (RFC 9293 3.10.7.4, RFC
 * 5961).
 */
#include "tests/unit/tcp_peer.h"

TEST("a RST at exactly rcv.nxt resets the connection") /* RFC 5961 3.2 */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(tcp_read(sk, 10), -ECONNRESET);
    assert_int_equal(tcp_read(sk, 10), 0);
    assert_int_equal(tcp_write(sk, "x", 1), -EPIPE);
    peer_expect_nothing();
    tcp_prot.close(sk);
}

TEST("a RST in the window but not at rcv.nxt draws a challenge ACK") /* RFC 5961 3.2 */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_RST, peer.snd + 1000, 0, NULL, 0);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    peer_expect_ack();
    assert_int_equal(mib(MIB_TcpExtTCPChallengeACK), 1);
    tcp_prot.close(sk);
}

TEST("a RST outside the window is dropped in silence") /* RFC 5961 3.2 */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_RST, peer.snd - 1, 0, NULL, 0);
    peer_at(TCPHDR_RST, peer.snd + 0x100000, 0, NULL, 0);
    peer_expect_nothing();
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    tcp_prot.close(sk);
}

TEST("a RST that carries data resets too") /* RFC 9293 SHLD-2 */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_RST | TCPHDR_ACK, peer.snd, peer.rcv, "because", 7);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    tcp_prot.close(sk);
}

TEST("a SYN in an open connection draws a challenge ACK wherever it is") /* RFC 5961 4.2 */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_SYN, peer.snd, 0, NULL, 0);
    peer_expect_ack();
    host_advance_ms(501);
    peer_at(TCPHDR_SYN, peer.snd - 70000, 0, NULL, 0);
    peer_expect_ack();
    host_advance_ms(501);
    peer_at(TCPHDR_SYN | TCPHDR_ACK, peer.snd + 5, peer.rcv, NULL, 0);
    peer_expect_ack();
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    assert_int_equal(mib(MIB_TcpExtTCPSYNChallenge), 3);
    tcp_prot.close(sk);
}

TEST("400 blind SYNs and RSTs draw one challenge ACK") /* RFC 5961 7, CVE-2016-5696 */
{
    struct sock *sk = peer_open_passive();

    for (uint32_t i = 0; i < 200; i++) {
        peer_at(TCPHDR_SYN, peer.snd + i * 100, 0, NULL, 0);
        peer_at(TCPHDR_RST, peer.snd + 1 + i * 100, 0, NULL, 0);
    }
    peer_expect_ack();
    peer_expect_nothing();
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    tcp_prot.close(sk);
}

TEST("an ACK of data never sent draws an ACK, and its data is dropped") /* RFC 9293 3.10.7.4 fifth */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_ACK, peer.snd, peer.rcv + 1, "evil", 4);
    peer_expect_ack();
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    assert_int_equal(drops(SKB_DROP_REASON_TCP_INVALID_ACK), 1);
    tcp_prot.close(sk);
}

TEST(
    "an ACK older than the largest window draws a challenge, a merely old one is harmless") /* RFC 5961 5.2 */
{
    struct sock *sk = peer_open_passive();

    tcp_sk(sk)->bytes_acked = 1 << 20; /* no ACK is older than the connection */
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv - 65536, "evil", 4);
    peer_expect_ack();
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv - 65535, "good", 4);
    assert_int_equal(tcp_read(sk, 10), 4);
    tcp_prot.close(sk);
}

TEST("a segment without ACK is dropped") /* RFC 9293 3.10.7.4 fifth */
{
    struct sock *sk = peer_open_passive();

    peer_at(0, peer.snd, 0, "null", 4);
    peer_at(TCPHDR_FIN | TCPHDR_PSH | TCPHDR_URG, peer.snd, 0, "xmas", 4);
    peer_expect_nothing();
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    assert_int_equal(drops(SKB_DROP_REASON_TCP_NO_ACK), 2);
    tcp_prot.close(sk);
}

TEST("a segment outside the window is answered with an ACK and dropped") /* RFC 9293 3.10.7.4 first */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_ACK, peer.snd - 10, peer.rcv, "old", 3);
    peer_expect_ack();
    peer_at(TCPHDR_ACK, peer.snd + 70000, peer.rcv, "future", 6);
    peer_expect_ack();
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    tcp_prot.close(sk);
}

TEST("empty segments outside the window are answered once per half second: no ACK war") /* RFC 5961 7 */
{
    struct sock *sk = peer_open_passive();

    for (int i = 0; i < 20; i++)
        peer_at(TCPHDR_ACK, peer.snd - 100, peer.rcv, NULL, 0);
    peer_expect_ack();
    peer_expect_nothing();
    host_advance_ms(500);
    peer_at(TCPHDR_ACK, peer.snd - 100, peer.rcv, NULL, 0);
    peer_expect_ack();
    tcp_prot.close(sk);
}

TEST("a keep-alive probe of the peer is answered") /* RFC 9293 3.8.4 */
{
    struct sock *sk = peer_open_passive();

    peer_at(TCPHDR_ACK, peer.snd - 1, peer.rcv, NULL, 0);
    peer_expect_ack();
    peer_at(TCPHDR_ACK, peer.snd - 1, peer.rcv, "", 1);
    peer_expect_ack();
    tcp_prot.close(sk);
}

TEST("a segment that overlaps what is known delivers only its new part") /* RFC 9293 3.10.7.4 */
{
    struct sock *sk = peer_open_passive();

    peer_send("abcdef", 6);
    peer_at(TCPHDR_ACK, peer.snd - 3, peer.rcv, "XYZghi", 6);
    peer.snd += 3;
    assert_int_equal(tcp_read(sk, 100), 9);
    assert_memory_equal(peer_buf, "abcdefghi", 9);
    tcp_prot.close(sk);
}

TEST("a window update counts only from a segment that is not older") /* RFC 9293 3.10.7.4, SND.WL1/WL2 */
{
    struct sock *sk = peer_open_passive();
    uint32_t old = peer.snd;

    peer.wnd = 5000;
    peer_send("abc", 3);
    peer_send("def", 3);
    assert_int_equal(tcp_sk(sk)->snd_wnd, 5000);
    peer_raw(&(struct raw){.seq = old, .ack = peer.rcv, .flags = TCPHDR_ACK, .wnd = 9000});
    assert_int_equal(tcp_sk(sk)->snd_wnd, 5000);
    tcp_prot.close(sk);
}

TEST("with the receive window shut ACK and RST still count") /* RFC 9293 MUST-66 */
{
    struct sock *sk = peer_open_passive();
    struct segment s;

    while (tcp_sk(sk)->rcv_wnd) {
        peer_send(peer_buf, 1400);
        while (peer_pop(&s))
            ;
        if (tcp_sk(sk)->rcv_nxt != peer.snd) {
            peer.snd = tcp_sk(sk)->rcv_nxt;
            break;
        }
    }
    tcp_write(sk, "x", 1);
    assert_true(peer_pop(&s));
    peer.rcv++;
    if (!s.wnd) {
        peer_at(TCPHDR_ACK, peer.snd, peer.rcv, "more", 4);
        assert_int_equal(tcp_sk(sk)->snd_una, peer.rcv);
        assert_int_equal(drops(SKB_DROP_REASON_TCP_ZEROWINDOW), 1);
        assert_true(peer_pop(&s));
        assert_int_equal(s.wnd, 0);
    }
    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    tcp_prot.close(sk);
}

TEST("an unknown option in any segment is skipped, at any alignment") /* RFC 9293 MUST-5, MUST-6, MUST-64 */
{
    static const uint8_t options[8] = {1, 253, 5, 1, 2, 3, 1, 0};
    struct sock *sk = peer_open_passive();

    peer_raw(&(struct raw){.seq = peer.snd,
                           .ack = peer.rcv,
                           .flags = TCPHDR_ACK,
                           .wnd = 1000,
                           .options = options,
                           .options_len = 8,
                           .data = "abc",
                           .len = 3});
    assert_int_equal(tcp_read(sk, 10), 3);
    tcp_prot.close(sk);
}

TEST("urgent data stays in line, its end is announced and found with SIOCATMARK") /* RFC 6093, RFC 9293 3.8.5
                                                                                   */
{
    struct sock *sk = peer_open_passive();
    int mark;

    peer_raw(&(struct raw){.seq = peer.snd,
                           .ack = peer.rcv,
                           .flags = TCPHDR_ACK | TCPHDR_URG,
                           .wnd = 1000,
                           .urg = 2,
                           .data = "abcd",
                           .len = 4});
    assert_int_equal(tcp_prot.poll(sk) & POLLPRI, POLLPRI);
    assert_int_equal(tcp_read(sk, 2), 2);
    assert_int_equal(tcp_prot.ioctl(sk, SIOCATMARK, &mark), 0);
    assert_int_equal(mark, 1);
    assert_int_equal(tcp_prot.poll(sk) & POLLPRI, 0);
    assert_int_equal(tcp_read(sk, 10), 2);
    tcp_prot.close(sk);
}

TEST("urgent pointers of 0 and beyond everything do no harm") /* URGENT/11 */
{
    struct sock *sk = peer_open_passive();
    uint16_t wild[] = {0, 1, 65535};

    for (size_t i = 0; i < 3; i++) {
        peer_raw(&(struct raw){.seq = peer.snd,
                               .ack = peer.rcv,
                               .flags = TCPHDR_ACK | TCPHDR_URG,
                               .wnd = 1000,
                               .urg = wild[i],
                               .data = "abcd",
                               .len = 4});
        peer.snd += 4;
    }
    peer_at(TCPHDR_ACK | TCPHDR_URG, peer.snd, peer.rcv, NULL, 0);
    assert_int_equal(tcp_read(sk, 100), 12);
    tcp_prot.close(sk);
}

TEST("MSG_OOB marks the byte behind the data as the end of urgency") /* RFC 9293 MUST-62, RFC 6093 */
{
    struct sock *sk = peer_open_passive();
    struct segment s;

    assert_int_equal(tcp_write_flags(sk, "abc", 3, MSG_OOB), 3);
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags & TCPHDR_URG, TCPHDR_URG);
    assert_int_equal(s.urg, 3);
    peer.rcv += 3;
    peer_ack();
    tcp_write(sk, "d", 1);
    peer_expect(TCPHDR_ACK, 1);
    tcp_prot.close(sk);
}

/* --- ICMP (RFC 5927) --- */

static void icmp_error(uint8_t type, uint8_t code, uint32_t rest, uint32_t seq)
{
    uint8_t quoted[28] = {0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, IPPROTO_TCP};

    put_unaligned_be32(t->local, quoted + 12);
    put_unaligned_be32(t->peer, quoted + 16);
    put_unaligned_be16(peer.dport, quoted + 20);
    put_unaligned_be16(peer.sport, quoted + 22);
    put_unaligned_be32(seq, quoted + 24);
    put_unaligned_be16(testnet_csum(quoted, 20, 0), quoted + 10);
    testnet_inject(t, peer_frame,
                   testnet_build_icmp(t, peer_frame, &(struct testnet_ip){0}, type, code, rest, quoted, 28));
}

TEST(
    "an ICMP port unreachable ends an attempt to connect, a host unreachable does not") /* RFC 9293 MUST-56 */
{
    struct sock *sk = peer_open_active_syn();

    icmp_error(3, 1, 0, peer.rcv - 1);
    assert_int_equal(sk->sk_state, TCP_SYN_SENT);
    icmp_error(3, 3, 0, peer.rcv + 5);
    assert_int_equal(sk->sk_state, TCP_SYN_SENT);
    icmp_error(3, 3, 0, peer.rcv - 1);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(sk->sk_err, ECONNREFUSED);
    tcp_prot.close(sk);
}

TEST("no ICMP error brings down an open connection") /* RFC 5927 5.2 */
{
    struct sock *sk = peer_open_passive();

    tcp_write(sk, "abc", 3);
    testnet_drop_sent(t);
    for (uint8_t code = 0; code < 4; code++)
        icmp_error(3, code, 0, peer.rcv);
    icmp_error(4, 0, 0, peer.rcv);
    icmp_error(11, 0, 0, peer.rcv);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    assert_int_equal(sk->sk_err, 0);
    tcp_prot.close(sk);
}

TEST("fragmentation-needed lowers the segment size at once, but not below the floor") /* RFC 1191, RFC
                                                                                         5927 7.2 */
{
    struct sock *sk = peer_open_passive();

    tcp_write(sk, peer_buf, 2920);
    testnet_drop_sent(t);
    icmp_error(3, 4, 1000, peer.rcv - 1); /* quotes nothing that is under way */
    peer_expect_nothing();
    uint32_t start = peer.rcv;
    icmp_error(3, 4, 1000, start);
    for (int i = 0; i < 3; i++)
        peer_expect(TCPHDR_ACK, 960);
    peer_expect(TCPHDR_ACK, 40);
    icmp_error(3, 4, 68, start);
    peer.rcv = start;
    peer_expect(TCPHDR_ACK, 512);
    peer_expect(TCPHDR_ACK, 448);
    testnet_drop_sent(t);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST_FIXTURE(peer_setup, peer_teardown)
