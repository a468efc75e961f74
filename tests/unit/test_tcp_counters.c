/*
 * test_tcp_counters.c - what TCP tells of itself: each MIB counter that only one rare thing moves is moved by
 * that thing here, by one, and by nothing else; and what an application can have saved of a SYN.
 */
#include "tests/unit/tcp_peer_options.h"

#include <stddef.h>

#include "libc/include/linux/tcp.h"
#include "net/core/snmp.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip_sockglue.h"
#include "net/socket/socket.h"

/* --- answers that are held back: who asked for too many --- */

TEST("each answer that is held back is counted under what it would have answered")
{
    struct sock *sk = options_open(WITH_TS);
    uint32_t iss = peer.snd - 1;

    for (int i = 0; i < 3; i++) /* out of the window */
        options_at(TCPHDR_ACK, peer.snd + (1u << 24), peer.rcv, NULL, 0, 0, NULL);
    assert_int_equal(mib(MIB_TcpExtTCPACKSkippedSeq), 2);
    host_advance_ms(1000);
    ts.val--;
    for (int i = 0; i < 3; i++) /* from the past */
        options_at(TCPHDR_ACK, peer.snd, peer.rcv, NULL, 0, 0, NULL);
    ts.val++;
    assert_int_equal(mib(MIB_TcpExtTCPACKSkippedPAWS), 2);
    host_advance_ms(1000);
    for (int i = 0; i < 3; i++)
        options_at(TCPHDR_SYN, peer.snd, 0, NULL, 0, 0, NULL);
    assert_int_equal(mib(MIB_TcpExtTCPACKSkippedChallenge), 2);
    testnet_drop_sent(t);

    peer.sport++;
    peer.snd = iss;
    peer_syn(mss_option, sizeof(mss_option)); /* its answer does not count yet */
    for (int i = 0; i < 3; i++)
        peer_at(TCPHDR_SYN, iss, 0, NULL, 0);
    assert_int_equal(mib(MIB_TcpExtTCPACKSkippedSynRecv), 2);
    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0);
    peer.sport--;
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("what a connection that has ended does not answer is counted by what is left of it")
{
    struct sock *sk = peer_open_passive();

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_ack();
    for (int i = 0; i < 3; i++)
        peer_at(TCPHDR_ACK, peer.snd + 1000000, peer.rcv, NULL, 0);
    assert_int_equal(mib(MIB_TcpExtTCPACKSkippedFinWait2), 2);
    host_advance_ms(1000);
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    for (int i = 0; i < 3; i++)
        peer_at(TCPHDR_ACK, peer.snd + 1000000, peer.rcv, NULL, 0);
    assert_int_equal(mib(MIB_TcpExtTCPACKSkippedTimeWait), 2);
    assert_int_equal(mib(MIB_TcpExtTCPACKSkippedSeq) + mib(MIB_TcpExtTCPACKSkippedChallenge), 0);
    testnet_drop_sent(t);
}

/* --- the rest --- */

TEST("an ACK alone is counted where no prediction was made for it, an old one and data are not")
{
    struct sock *sk = peer_open_passive();
    uint64_t before_it = mib(MIB_TcpExtTCPPureAcks);

    tcp_write(sk, "abc", 3);
    peer_expect(TCPHDR_ACK, 3);
    peer.wnd = 30000; /* which was not predicted */
    peer_ack();
    assert_int_equal(mib(MIB_TcpExtTCPPureAcks) - before_it, 1);
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv - 3, NULL, 0);
    peer.wnd = 20000;
    peer_send("x", 1);
    assert_int_equal(mib(MIB_TcpExtTCPPureAcks) - before_it, 1);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a RST for which there is no memory is counted, and the connection ends all the same")
{
    struct sock *sk = peer_open_passive();

    sk->sk_linger = true;
    host_fail_allocation(1);
    tcp_prot.close(sk);
    host_fail_allocation(0);
    assert_int_equal(mib(MIB_TcpExtTCPAbortFailed), 1);
    assert_int_equal(mib(MIB_TcpOutRsts), 0);
    assert_int_equal(mib(MIB_TcpCurrEstab), 0);
    peer_expect_nothing();
}

TEST("a window that ought to be shut and must not shrink is counted")
{
    static const uint8_t byte[1];
    struct sock *sk = peer_open_passive();

    sk->sk_rcvbuf = SOCK_MIN_RCVBUF; /* behind the back of what was offered */
    sk->sk_rcvbuf_locked = true;
    peer_send(byte, 1);
    peer_send(byte, 1);
    host_advance_ms(100);
    for (int i = 0; i < 20 && !mib(MIB_TcpExtTCPWantZeroWindowAdv); i++) {
        peer_send(peer_buf, 1000);
        host_advance_ms(100);
    }
    assert_in_range(mib(MIB_TcpExtTCPWantZeroWindowAdv), 1, 20);
    assert_true(tcp_sk(sk)->rcv_wnd > 0);
    assert_int_equal(mib(MIB_TcpExtTCPToZeroWindowAdv), 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("an ICMP error about nothing that is under way is counted and changes nothing") /* RFC 5927 4.1 */
{
    struct sock *sk = peer_open_passive();
    uint8_t quoted[28] = {0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6};

    put_unaligned_be32(t->local, quoted + 12);
    put_unaligned_be32(t->peer, quoted + 16);
    put_unaligned_be16(80, quoted + 20);
    put_unaligned_be16(peer.sport, quoted + 22);
    put_unaligned_be32(peer.rcv, quoted + 24);
    testnet_inject(t, peer_frame,
                   testnet_build_icmp(t, peer_frame,
                                      &(struct testnet_ip){.saddr = testnet_addr("10.0.0.254")},
                                      ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0, quoted, sizeof(quoted)));
    assert_int_equal(mib(MIB_TcpExtOutOfWindowIcmps), 1);
    assert_int_equal(sk->sk_err_soft, 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("each SYN that is answered by a cookie is counted as one too many for the queue")
{
    struct sock *listener = tcp_listener(4);

    set_sysctl("net.ipv4.tcp_max_syn_backlog", "1");
    for (int i = 0; i < 3; i++) {
        peer.sport++;
        peer_raw(&(struct raw){.seq = peer.snd, .flags = TCPHDR_SYN, .wnd = 1000});
    }
    assert_int_equal(mib(MIB_TcpExtTCPReqQFullDoCookies), 2);
    assert_int_equal(mib(MIB_TcpExtSyncookiesSent), 2);
    tcp_prot.close(listener);
    testnet_drop_sent(t);
}

/* --- TCP_SAVE_SYN --- */

static struct sock *listener_saving(int mode)
{
    struct sock *listener = tcp_listener(4);

    assert_int_equal(tcp_prot.setsockopt(listener, IPPROTO_TCP, TCP_SAVE_SYN, &mode, sizeof(mode)), 0);
    return listener;
}

static int saved_syn(struct sock *sk, uint8_t *bytes, socklen_t *len)
{
    return tcp_prot.getsockopt(sk, IPPROTO_TCP, TCP_SAVED_SYN, bytes, len);
}

TEST("TCP_SAVED_SYN gives the SYN's headers, options and all, once")
{
    uint8_t bytes[200];
    socklen_t len = 10;

    listener80 = listener_saving(1);
    peer_raw_ip(&(struct testnet_ip){.tos = 0x28}, &(struct raw){.seq = peer.snd++,
                                                                 .flags = TCPHDR_SYN,
                                                                 .wnd = 4321,
                                                                 .options = mss_option,
                                                                 .options_len = sizeof(mss_option),
                                                                 .data = "text",
                                                                 .len = 4});
    struct segment s;
    assert_true(peer_pop(&s));
    peer.rcv = s.seq + 1;
    peer_ack();
    struct sock *sk = tcp_accept_now(listener80);
    assert_non_null(sk);
    assert_int_equal(saved_syn(sk, bytes, &len), -EINVAL);
    assert_int_equal(len, 44); /* so much room it needs; it is still there */
    len = sizeof(bytes);
    assert_int_equal(saved_syn(sk, bytes, &len), 0);
    assert_int_equal(len, 44); /* what it brought to read is no header */
    assert_int_equal(bytes[0], 0x45);
    assert_int_equal(bytes[1], 0x28);
    assert_int_equal(testnet_u32(bytes + 12), t->peer);
    assert_int_equal(testnet_u32(bytes + 24), PEER_ISS);
    assert_int_equal(testnet_u16(bytes + 34), 4321);
    assert_memory_equal(bytes + 40, mss_option, 4);
    len = sizeof(bytes);
    assert_int_equal(saved_syn(sk, bytes, &len), 0);
    assert_int_equal(len, 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("TCP_SAVE_SYN of 2 saves the Ethernet header too; without it, and of a cookie, nothing is saved")
{
    uint8_t bytes[200];
    socklen_t len = sizeof(bytes);

    listener80 = listener_saving(2);
    struct sock *sk = peer_connect(listener80);
    assert_int_equal(saved_syn(sk, bytes, &len), 0);
    assert_int_equal(len, 58);
    assert_int_equal(testnet_u16(bytes + 12), 0x0800);
    assert_int_equal(bytes[14], 0x45);
    tcp_prot.close(sk);
    testnet_drop_sent(t);

    set_sysctl("net.ipv4.tcp_syncookies", "2");
    peer_reset_state();
    peer.sport = 41000;
    sk = peer_connect(listener80);
    len = sizeof(bytes);
    assert_int_equal(saved_syn(sk, bytes, &len), 0);
    assert_int_equal(len, 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
    set_sysctl("net.ipv4.tcp_syncookies", "1");

    int off = 0, wrong = 3;
    assert_int_equal(tcp_prot.setsockopt(listener80, IPPROTO_TCP, TCP_SAVE_SYN, &wrong, sizeof(wrong)),
                     -EINVAL);
    assert_int_equal(tcp_prot.setsockopt(listener80, IPPROTO_TCP, TCP_SAVE_SYN, &off, sizeof(off)), 0);
    peer_reset_state();
    peer.sport = 42000;
    sk = peer_connect(listener80);
    len = sizeof(bytes);
    assert_int_equal(saved_syn(sk, bytes, &len), 0);
    assert_int_equal(len, 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a saved SYN goes with its half-open connection, and with a socket that nobody asked for it")
{
    listener80 = listener_saving(1);
    peer_syn(mss_option, sizeof(mss_option));
    peer_at(TCPHDR_RST, peer.snd, 0, NULL, 0); /* whoever forgets it leaks: the harness counts */
    peer.sport++;
    peer.snd = PEER_ISS;
    struct sock *sk = peer_connect(listener80);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST_FIXTURE(peer_setup, peer_teardown)
