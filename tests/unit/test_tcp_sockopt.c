/*
 * test_tcp_sockopt.c - options of a TCP socket as an application sees them: what they are, what they become,
 * what is refused; and struct tcp_info, which tells the truth or nothing. Values and errors are those of
 * tcp(7) and of Linux where tcp(7) is silent.
 */
#include "tests/unit/tcp_peer.h"

#include "libc/include/linux/tcp.h"

static int set(struct sock *sk, int name, int value)
{
    return tcp_prot.setsockopt(sk, IPPROTO_TCP, name, &value, sizeof(value));
}

static int get(struct sock *sk, int name)
{
    int value = -12345;
    socklen_t len = sizeof(value);

    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, name, &value, &len), 0);
    assert_int_equal(len, sizeof(value));
    return value;
}

static struct tcp_info info_of(struct sock *sk)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);

    memset(&info, 0xee, sizeof(info));
    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_int_equal(len, sizeof(info));
    return info;
}

/* What a new socket says, the least and the greatest that is taken, and what is not. */
static const struct option {
    const char *what;
    int name, fresh, least, most;
    int refused[3]; /* 0: no more of them */
} numbers[] = {
    {"TCP_KEEPIDLE", TCP_KEEPIDLE, 7200, 1, 32767, {-1, 32768, INT32_MIN}},
    {"TCP_KEEPINTVL", TCP_KEEPINTVL, 75, 1, 32767, {-1, 32768, INT32_MIN}},
    {"TCP_KEEPCNT", TCP_KEEPCNT, 9, 1, 127, {-1, 128, INT32_MAX}},
    {"TCP_SYNCNT", TCP_SYNCNT, 7, 1, 127, {-1, 128, INT32_MAX}},
    {"TCP_USER_TIMEOUT", TCP_USER_TIMEOUT, 0, 0, INT32_MAX, {-1, INT32_MIN}},
    {"TCP_MAXSEG", TCP_MAXSEG, 536, 88, 32767, {87, 32768, -1}},
    {"TCP_NODELAY", TCP_NODELAY, 0, 0, 1, {0}},
    {"TCP_CORK", TCP_CORK, 0, 0, 1, {0}},
    {"TCP_NOTSENT_LOWAT", TCP_NOTSENT_LOWAT, 0, 0, INT32_MAX, {0}},
    {"TCP_DEFER_ACCEPT", TCP_DEFER_ACCEPT, 0, 0, 127 + 8 * 120, {0}},
    {"TCP_LINGER2", TCP_LINGER2, 60, 1, 120, {0}},
    {"TCP_WINDOW_CLAMP", TCP_WINDOW_CLAMP, 0, SOCK_MIN_RCVBUF / 2, INT32_MAX, {0}},
    {"TCP_SAVE_SYN", TCP_SAVE_SYN, 0, 0, 2, {-1, 3}},
};

TEST("each number has its default, its bounds, and comes back as it was set")
{
    struct sock *sk = tcp_socket();

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct option *o = &numbers[i];
        if (get(sk, o->name) != o->fresh)
            fail_msg("%s of a new socket is %d", o->what, get(sk, o->name));
        assert_int_equal(set(sk, o->name, o->most), 0);
        if (get(sk, o->name) != o->most)
            fail_msg("%s: %d instead of %d", o->what, get(sk, o->name), o->most);
        assert_int_equal(set(sk, o->name, o->least), 0);
        if (get(sk, o->name) != o->least)
            fail_msg("%s: %d instead of %d", o->what, get(sk, o->name), o->least);
        for (unsigned j = 0; j < 3 && o->refused[j]; j++)
            if (set(sk, o->name, o->refused[j]) != -EINVAL)
                fail_msg("%s takes %d", o->what, o->refused[j]);
        assert_int_equal(get(sk, o->name), o->least); /* what is refused changes nothing */
    }
    tcp_prot.close(sk);
}

TEST("zero is no keep-alive time, no probe count and no SYN count")
{
    static const int names[] = {TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT};
    struct sock *sk = tcp_socket();

    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(set(sk, names[i], 0), -EINVAL);
    tcp_prot.close(sk);
}

TEST("TCP_MAXSEG of nothing is the default again, and a connection tells the size in use")
{
    struct sock *sk = tcp_socket();

    assert_int_equal(set(sk, TCP_MAXSEG, 1000), 0);
    assert_int_equal(set(sk, TCP_MAXSEG, 0), 0);
    assert_int_equal(get(sk, TCP_MAXSEG), 536);
    tcp_prot.close(sk);
    sk = peer_open_passive();
    assert_int_equal(get(sk, TCP_MAXSEG), 1460);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("TCP_LINGER2 beyond two minutes is two minutes, below zero is none, zero is the default")
{
    struct sock *sk = tcp_socket();

    assert_int_equal(set(sk, TCP_LINGER2, 1000), 0);
    assert_int_equal(get(sk, TCP_LINGER2), 120);
    assert_int_equal(set(sk, TCP_LINGER2, -7), 0);
    assert_int_equal(get(sk, TCP_LINGER2), -1);
    assert_int_equal(set(sk, TCP_LINGER2, 0), 0);
    assert_int_equal(get(sk, TCP_LINGER2), 60);
    set_sysctl("net.ipv4.tcp_fin_timeout", "30");
    assert_int_equal(get(sk, TCP_LINGER2), 30);
    tcp_prot.close(sk);
}

TEST("TCP_DEFER_ACCEPT is rounded up to 1, 3, 7, 15 ... seconds, when SYN-ACKs go again")
{
    static const int asked[] = {1, 2, 3, 4, 7, 8, 63, 64, 127, 128, -1};
    static const int given[] = {1, 3, 3, 7, 7, 15, 63, 127, 127, 247, 0};
    struct sock *sk = tcp_socket();

    for (unsigned i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        assert_int_equal(set(sk, TCP_DEFER_ACCEPT, asked[i]), 0);
        assert_int_equal(get(sk, TCP_DEFER_ACCEPT), given[i]);
    }
    tcp_prot.close(sk);
}

TEST("switches take any number and give back 0 or 1")
{
    struct sock *sk = tcp_socket();

    assert_int_equal(set(sk, TCP_NODELAY, -5), 0);
    assert_int_equal(get(sk, TCP_NODELAY), 1);
    assert_int_equal(set(sk, TCP_CORK, 256), 0);
    assert_int_equal(get(sk, TCP_CORK), 1);
    assert_int_equal(set(sk, TCP_NODELAY, 0), 0);
    assert_int_equal(get(sk, TCP_NODELAY), 0);
    assert_int_equal(get(sk, TCP_CORK), 1);
    assert_int_equal(set(sk, TCP_QUICKACK, 0), 0);
    assert_int_equal(get(sk, TCP_QUICKACK), 0);
    assert_int_equal(set(sk, TCP_QUICKACK, 1), 0);
    assert_int_equal(get(sk, TCP_QUICKACK), 1);
    assert_int_equal(set(sk, TCP_QUICKACK, 2), 0); /* what is due now, then as before */
    assert_int_equal(get(sk, TCP_QUICKACK), 0);
    tcp_prot.close(sk);
}

TEST("TCP_CONGESTION is a name of up to 16 bytes; one nobody has is ENOENT, none at all EINVAL")
{
    struct sock *sk = tcp_socket();
    char name[32];
    socklen_t len = sizeof(name);

    memset(name, 'x', sizeof(name));
    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
    assert_int_equal(len, 16);
    assert_string_equal(name, "cubic");
    assert_int_equal(name[15], 0);
    assert_int_equal(name[16], 'x');
    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
    len = 3;
    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(name, "ren", 3);
    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, "cubic\0more", 11), 0);
    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3), -ENOENT);
    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, TCP_CONGESTION, "", 0), -EINVAL);
    tcp_prot.close(sk);
}

TEST("options nobody knows are ENOPROTOOPT, short ones EINVAL, short answers are cut")
{
    struct sock *sk = tcp_socket();
    int value = 0x01020304;
    socklen_t len = 2;

    assert_int_equal(set(sk, 99, 1), -ENOPROTOOPT);
    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, 99, &value, &len), -ENOPROTOOPT);
    assert_int_equal(tcp_prot.setsockopt(sk, IPPROTO_TCP, TCP_KEEPIDLE, &value, 3), -EINVAL);
    len = 2;
    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, TCP_KEEPIDLE, &value, &len), 0);
    assert_int_equal(len, 2);
    assert_int_equal(value, 0x01020000 | 7200); /* the lower two bytes */
    len = 0;
    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, TCP_KEEPIDLE, NULL, &len), 0);
    assert_int_equal(set(sk, TCP_INFO, 1), -ENOPROTOOPT);
    static const int absent[] = {TCP_MD5SIG,   TCP_TIMESTAMP,        TCP_FASTOPEN_CONNECT, TCP_ULP,
                                 TCP_TX_DELAY, TCP_ZEROCOPY_RECEIVE, TCP_REPAIR_OPTIONS};
    for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        assert_int_equal(set(sk, absent[i], 1), -ENOPROTOOPT);
    /* Nobody may write a connection's state, which is another matter than a system without the option. */
    assert_int_equal(set(sk, TCP_REPAIR, 1), -EPERM);
    assert_int_equal(set(sk, TCP_REPAIR_QUEUE, 1), -EPERM);
    assert_int_equal(get(sk, TCP_REPAIR), 0);
    tcp_prot.close(sk);
}

TEST("what a listener was told its connections inherit")
{
    listener80 = tcp_listener(16);
    peer_align_isn();
    assert_int_equal(set(listener80, TCP_KEEPIDLE, 10), 0);
    assert_int_equal(set(listener80, TCP_KEEPINTVL, 11), 0);
    assert_int_equal(set(listener80, TCP_KEEPCNT, 12), 0);
    assert_int_equal(set(listener80, TCP_USER_TIMEOUT, 1300), 0);
    assert_int_equal(set(listener80, TCP_LINGER2, 14), 0);
    assert_int_equal(set(listener80, TCP_NODELAY, 1), 0);
    assert_int_equal(set(listener80, TCP_NOTSENT_LOWAT, 15000), 0);
    assert_int_equal(set(listener80, TCP_SYNCNT, 3), 0);
    assert_int_equal(set(listener80, TCP_MAXSEG, 1000), 0);
    assert_int_equal(set(listener80, TCP_WINDOW_CLAMP, 9000), 0);
    assert_int_equal(set(listener80, TCP_SYNCNT, 3), 0);
    listener80->inet_tos = 0x10;
    listener80->inet_ttl = 77;
    listener80->inet_min_ttl = 64;
    listener80->sk_max_pacing_rate = 123456789;
    listener80->sk_rcvlowat = 2;
    listener80->sk_linger = true;
    listener80->sk_lingertime_ms = 2000;
    listener80->sk_keepalive = true;
    listener80->sk_rcvtimeo_ms = 3000;
    struct sock *sk = peer_connect(listener80);
    assert_int_equal(get(sk, TCP_WINDOW_CLAMP), 9000);
    assert_int_equal(sk->inet_tos, 0x10);
    assert_int_equal(sk->inet_ttl, 77);
    assert_int_equal(sk->inet_min_ttl, 64);
    assert_true(sk->sk_max_pacing_rate == 123456789 && info_of(sk).tcpi_max_pacing_rate == 123456789);
    assert_int_equal(sk->sk_rcvlowat, 2);
    assert_true(sk->sk_linger && sk->sk_lingertime_ms == 2000 && sk->sk_keepalive);
    assert_int_equal(sk->sk_rcvtimeo_ms, 3000);
    sk->sk_linger = false; /* this test does not wait in close() */
    assert_int_equal(get(sk, TCP_KEEPIDLE), 10);
    assert_int_equal(get(sk, TCP_KEEPINTVL), 11);
    assert_int_equal(get(sk, TCP_KEEPCNT), 12);
    assert_int_equal(get(sk, TCP_USER_TIMEOUT), 1300);
    assert_int_equal(get(sk, TCP_LINGER2), 14);
    assert_int_equal(get(sk, TCP_NODELAY), 1);
    assert_int_equal(get(sk, TCP_NOTSENT_LOWAT), 15000);
    assert_int_equal(get(sk, TCP_SYNCNT), 3);
    assert_int_equal(get(sk, TCP_MAXSEG), 1000);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- queues --- */

static int ioctl_of(struct sock *sk, unsigned long cmd)
{
    int value = -12345;

    assert_int_equal(tcp_prot.ioctl(sk, cmd, &value), 0);
    return value;
}

TEST("SIOCINQ is what can be read, SIOCOUTQ what is not acknowledged; a listener has neither")
{
    struct sock *sk = peer_open_passive();
    int value;

    assert_int_equal(ioctl_of(sk, FIONREAD), 0);
    peer_send("hello", 5);
    assert_int_equal(ioctl_of(sk, FIONREAD), 5);
    assert_int_equal(tcp_read(sk, 2), 2);
    assert_int_equal(ioctl_of(sk, FIONREAD), 3);
    testnet_drop_sent(t);
    assert_int_equal(tcp_write(sk, "answer", 6), 6);
    assert_int_equal(ioctl_of(sk, TIOCOUTQ), 6);
    peer_expect(TCPHDR_ACK, 6);
    peer_ack();
    assert_int_equal(ioctl_of(sk, TIOCOUTQ), 0);
    peer_flags(TCPHDR_FIN | TCPHDR_ACK, NULL, 0);
    assert_int_equal(ioctl_of(sk, FIONREAD), 3); /* a FIN is nothing to read */
    assert_int_equal(tcp_prot.ioctl(listener80, FIONREAD, &value), -EINVAL);
    assert_int_equal(tcp_prot.ioctl(listener80, TIOCOUTQ, &value), -EINVAL);
    assert_int_equal(tcp_prot.ioctl(sk, 0x1234, &value), -ENOTTY);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("SO_RCVLOWAT: poll() waits for so much, but not for more than the window lets in")
{
    static const uint8_t bytes[1460];
    struct sock *sk = peer_open_passive();

    tcp_prot.rcvlowat(sk, 3000);
    peer_send(bytes, 1460);
    peer_send(bytes, 1460);
    assert_int_equal(tcp_prot.poll(sk) & POLLIN, 0);
    peer_send(bytes, 80);
    assert_int_equal(tcp_prot.poll(sk) & POLLIN, POLLIN);
    assert_int_equal(tcp_read(sk, 3000), 3000);
    tcp_prot.rcvlowat(sk, INT32_MAX);
    assert_int_equal(sk->sk_rcvlowat, tcp_sk(sk)->sk.sk_rcvbuf / 2); /* and the buffer has grown for it */
    sk->sk_rcvbuf_locked = true;
    sk->sk_rcvbuf = 20000;
    sk->sk_rcvlowat = 1 << 20;
    for (unsigned i = 0; i < 40; i++)
        peer_send(bytes, 1460);
    assert_int_equal(tcp_prot.poll(sk) & POLLIN, POLLIN);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- TCP_INFO --- */

TEST("a short TCP_INFO is cut where the application's struct ends, a long one is told its length")
{
    struct sock *sk = peer_open_passive();
    uint8_t room[400];
    socklen_t len = 104;

    memset(room, 0xee, sizeof(room));
    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, TCP_INFO, room, &len), 0);
    assert_int_equal(len, 104);
    assert_int_equal(room[0], TCP_ESTABLISHED);
    assert_int_equal(room[104], 0xee);
    len = sizeof(room);
    assert_int_equal(tcp_prot.getsockopt(sk, IPPROTO_TCP, TCP_INFO, room, &len), 0);
    assert_int_equal(len, sizeof(struct tcp_info));
    assert_int_equal(room[sizeof(struct tcp_info)], 0xee);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("TCP_INFO counts segments, bytes and times of both directions")
{
    static const uint8_t bytes[3 * 1460];
    struct sock *sk = peer_open_passive();

    struct tcp_info fresh = info_of(sk);
    assert_int_equal(fresh.tcpi_state, TCP_ESTABLISHED);
    assert_int_equal(fresh.tcpi_snd_mss, 1460);
    assert_int_equal(fresh.tcpi_advmss, 1460);
    assert_int_equal(fresh.tcpi_pmtu, 1500);
    assert_int_equal(fresh.tcpi_snd_cwnd, 10);
    assert_int_equal(fresh.tcpi_snd_ssthresh, 0x7fffffff);
    assert_int_equal(fresh.tcpi_delivered, 1);             /* the SYN-ACK */
    assert_true(fresh.tcpi_max_pacing_rate == UINT64_MAX); /* nobody has set one */
    assert_int_equal(fresh.tcpi_last_data_sent, 0);
    host_advance_ms(50);
    assert_int_equal(info_of(sk).tcpi_last_data_sent, 50); /* never: since the connection stood */
    assert_int_equal(info_of(sk).tcpi_last_data_recv, 50);

    assert_int_equal(tcp_write(sk, bytes, sizeof(bytes)), sizeof(bytes));
    struct tcp_info busy = info_of(sk);
    assert_int_equal(busy.tcpi_unacked, 3);
    assert_int_equal(busy.tcpi_data_segs_out, 3);
    assert_true(busy.tcpi_bytes_sent == sizeof(bytes));
    assert_int_equal(busy.tcpi_last_data_sent, 0);
    host_advance_ms(20);
    for (unsigned i = 0; i < 3; i++)
        peer_expect(TCPHDR_ACK, 1460);
    peer_ack();
    host_advance_ms(30);
    peer_send("abc", 3);
    struct tcp_info after = info_of(sk);
    assert_int_equal(after.tcpi_unacked, 0);
    assert_int_equal(after.tcpi_delivered, 4);
    assert_int_equal(after.tcpi_delivered_ce, 0);
    assert_true(after.tcpi_bytes_acked == sizeof(bytes) + 1);
    assert_true(after.tcpi_bytes_received == 3);
    assert_int_equal(after.tcpi_data_segs_in, 1);
    assert_in_range(after.tcpi_rtt, 1, 20500);
    assert_true(after.tcpi_busy_time == 20000);
    assert_true(after.tcpi_rwnd_limited == 0 && after.tcpi_sndbuf_limited == 0);
    assert_int_equal(after.tcpi_last_data_recv, 0);
    assert_int_equal(after.tcpi_snd_wnd, 65535);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("TCP_INFO tells what is asked of a receiver, and what was agreed on with a scale of nothing")
{
    static const uint8_t scale0[8] = {2, 4, 1460 >> 8, 1460 & 255, 1, 3, 3, 0}, bytes[1460];

    listener80 = tcp_listener(4);
    listener80->sk_rcvbuf = 40000;
    listener80->sk_rcvbuf_locked = true;
    peer_syn(scale0, sizeof(scale0));
    host_advance_ms(30);
    peer_ack();
    struct sock *sk = tcp_accept_now(listener80);
    struct tcp_info info = info_of(sk);
    assert_int_equal(info.tcpi_options, TCPI_OPT_WSCALE); /* agreed, though both shift by nothing */
    assert_int_equal(info.tcpi_snd_wscale | info.tcpi_rcv_wscale, 0);
    assert_int_equal(info.tcpi_rcv_ssthresh, 20000);
    assert_int_equal(info.tcpi_rcv_space, 10 * 1460);
    assert_int_equal(info.tcpi_rcv_rtt, 0); /* nothing has come yet */
    assert_int_equal(info.tcpi_rtt, 30000);
    assert_int_equal(info.tcpi_min_rtt, 30000);
    assert_int_equal(info.tcpi_rcv_mss, 536);
    for (int i = 0; i < 3; i++)
        peer_send(bytes, sizeof(bytes));
    peer_at(TCPHDR_ACK, peer.snd + 1460, peer.rcv, bytes, sizeof(bytes));
    info = info_of(sk);
    assert_int_equal(info.tcpi_rcv_mss, 1460);
    assert_int_equal(info.tcpi_rcv_rtt, 30000);
    assert_int_equal(info.tcpi_rcv_ooopack, 1);
    assert_int_equal(info.tcpi_segs_in, 5);
    assert_int_equal(info.tcpi_data_segs_in, 4); /* whatever became of them */
    assert_true(info.tcpi_bytes_received == 3 * 1460);
    assert_int_equal(info.tcpi_last_ack_sent, 0); /* as on Linux: nobody counts it */
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("TCP_INFO tells what the peer's window and our own buffer cost")
{
    static const uint8_t bytes[60000];
    struct sock *sk = peer_open_passive();

    peer.wnd = 2920;
    peer_send("a", 1);
    testnet_drop_sent(t);
    assert_int_equal(tcp_write(sk, bytes, 4380), 4380);
    host_advance_ms(10);
    peer_expect(TCPHDR_ACK, 1460);
    peer_expect(TCPHDR_ACK, 1460);
    struct tcp_info limited = info_of(sk);
    assert_true(limited.tcpi_rwnd_limited == 10000);
    assert_true(limited.tcpi_busy_time == 10000);
    assert_int_equal(limited.tcpi_notsent_bytes, 1460);
    peer_ack();
    peer_expect(TCPHDR_ACK, 1460);
    host_advance_ms(5);
    peer_ack();
    assert_true(info_of(sk).tcpi_rwnd_limited == 10000);
    assert_true(info_of(sk).tcpi_busy_time == 15000);

    peer.wnd = 65535;
    peer_send("a", 1);
    testnet_drop_sent(t);
    sk->sk_sndbuf = 4608;
    sk->sk_sndbuf_locked = true;
    assert_in_range(tcp_write(sk, bytes, sizeof(bytes)), 1, sizeof(bytes) - 1); /* the rest has to wait */
    host_advance_ms(7);
    assert_true(info_of(sk).tcpi_sndbuf_limited >= 6000);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("TCP_INFO of a listener is its accept queue")
{
    listener80 = tcp_listener(5);
    peer_align_isn();
    peer_syn(mss_option, sizeof(mss_option));
    peer_ack();
    struct tcp_info info = info_of(listener80);
    assert_int_equal(info.tcpi_state, TCP_LISTEN);
    assert_int_equal(info.tcpi_unacked, 1);
    assert_int_equal(info.tcpi_sacked, 5);
    assert_int_equal(info.tcpi_rto, 0);
    tcp_prot.close(tcp_accept_now(listener80));
    testnet_drop_sent(t);
}

TEST_FIXTURE(peer_setup, peer_teardown)
