/*
 * test_tcp_memory.c - memory: of a socket's queues, of all sockets together (tcp_mem), and what gives way
 * when it is short.
 */
#include "tests/unit/tcp_peer.h"

#define CONNECTIONS 200

static uint8_t pattern[65536];

static void fill_pattern(void)
{
    for (unsigned i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i * 7 + i / 251);
}

static size_t tcp_memory(void)
{
    struct tcp_counts counts;

    tcp_get_counts(t->net, &counts);
    return counts.memory;
}

static bool memory_pressure(void)
{
    struct tcp_counts counts;

    tcp_get_counts(t->net, &counts);
    return counts.memory_pressure;
}

static uint32_t window_edge(const struct sock *sk)
{
    return tcp_sk(sk)->rcv_wup + tcp_sk(sk)->rcv_wnd;
}

/* Connection `n` of many: its own port of the peer's. */
static struct sock *connect_from(struct sock *listener, unsigned n)
{
    peer_reset_state();
    peer.sport = (uint16_t)(20000 + n);
    return peer_connect(listener);
}

/* Everything that can be sent at once into the window of connection `n`, from `seq` on. */
static void peer_fill(struct sock *sk, unsigned len)
{
    peer.sport = be16_to_cpu(sk->sk_dport);
    peer.rcv = tcp_sk(sk)->snd_nxt;
    peer.snd = tcp_sk(sk)->rcv_nxt;
    for (unsigned sent = 0; sent < len; sent += 1400)
        peer_at(TCPHDR_ACK, peer.snd + sent, peer.rcv, pattern, 1400);
    testnet_drop_sent(t);
}

/* Every buffer that holds received text is charged, and nothing else. */
static void check_charge(const struct sock *sk)
{
    const struct sk_buff *skb;
    uint32_t sum = 0;

    skb_queue_walk (&sk->sk_receive_queue, skb)
        sum += skb->truesize;
    skb_queue_walk (&tcp_sk(sk)->out_of_order_queue, skb)
        sum += skb->truesize;
    assert_int_equal(sk->sk_rmem_alloc, sum);
}

static void close_in_silence(struct sock *sk)
{
    sk->sk_linger = true; /* with 0 s: RST */
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- the account --- */

TEST("what is queued is counted whatever becomes of it: read, acknowledged, cut, sent again, thrown away")
{
    struct sock *sk = peer_open_passive();

    fill_pattern();
    assert_int_equal(tcp_memory(), 0);
    peer_send(pattern, 1000);
    peer_at(TCPHDR_ACK, peer.snd + 5000, peer.rcv, pattern, 1000);
    assert_int_equal(tcp_memory(), sk->sk_rmem_alloc);
    assert_int_equal(tcp_read(sk, 1000), 1000);
    assert_int_equal(tcp_write(sk, pattern, 20000), 20000);
    assert_int_equal(tcp_memory(), sk->sk_rmem_alloc + sk->sk_wmem_queued);
    testnet_drop_sent(t);
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv + 2000, NULL, 0); /* cuts the second segment */
    host_advance_ms(1500);                                   /* sends it again */
    testnet_drop_sent(t);
    assert_int_equal(tcp_memory(), sk->sk_rmem_alloc + sk->sk_wmem_queued);
    close_in_silence(sk);
    assert_int_equal(tcp_memory(), 0);
}

TEST("pages that hang on the write queue are their file's and do not count")
{
    struct sock *sk = peer_open_passive();
    struct page *page = alloc_pages(3);

    assert_non_null(page);
    assert_int_equal(tcp_prot.sendpage(sk, page, 0, 30000, MSG_DONTWAIT), 30000);
    assert_in_range(sk->sk_wmem_queued, 30000, 60000);
    assert_in_range(tcp_memory(), 1, 10000);
    testnet_drop_sent(t);
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv + 2001, NULL, 0); /* cuts a page */
    host_advance_ms(1500);
    testnet_drop_sent(t);
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv + 10000, NULL, 0);
    testnet_drop_sent(t);
    close_in_silence(sk);
    assert_int_equal(tcp_memory(), 0);
    put_page(page);
}

TEST("copies before and behind a file's pages count, to the byte, through cuts, repeats and trims")
{
    struct sock *sk = peer_open_passive();
    struct page *page = alloc_pages(1);

    fill_pattern();
    assert_non_null(page);
    memset(page_address(page), 0, 8192);
    tcp_sk(sk)->snd_cwnd = MSS; /* the rest gathers */
    assert_int_equal(tcp_write(sk, pattern, 10000), 10000);
    assert_int_equal(tcp_prot.sendpage(sk, page, 0, 7000, MSG_DONTWAIT), 7000);
    assert_int_equal(tcp_memory(), sk->sk_wmem_queued - 7000);
    assert_int_equal(tcp_write(sk, pattern, 5000), 5000);
    assert_int_equal(tcp_memory(), sk->sk_wmem_queued - 7000);
    uint32_t start = peer.rcv;
    for (uint32_t acked = 0; acked < 22000; acked += 1100) { /* in the middle of segments, each window anew */
        testnet_drop_sent(t);
        uint32_t sent = tcp_sk(sk)->snd_nxt - start, una = min(acked, sent);
        peer_at(TCPHDR_ACK, peer.snd, start + una, NULL, 0);
        uint32_t from_file = una < 10000 ? 7000 : una < 17000 ? 17000 - una : 0;
        assert_int_equal(tcp_memory(), sk->sk_wmem_queued - from_file);
        if (acked % 3300 == 0)
            host_advance_ms(400);
    }
    assert_true(after(tcp_sk(sk)->snd_una, start + 17000));
    testnet_drop_sent(t);
    close_in_silence(sk);
    assert_int_equal(tcp_memory(), 0);
    put_page(page);
}

/* --- under pressure --- */

TEST("above the middle mark windows and buffers stop growing, below the low one they go on")
{
    struct sock *sk = peer_open_passive();

    fill_pattern();
    set_sysctl("net.ipv4.tcp_mem", "2 4 1000");
    peer_fill(sk, 21000);
    assert_int_equal(mib(MIB_TcpExtTCPMemoryPressures), 1);
    host_advance_ms(700);
    assert_int_equal(tcp_read(sk, 8400), 8400); /* between the marks: pressure lasts */
    assert_true(memory_pressure());
    peer.snd = tcp_sk(sk)->rcv_nxt;
    uint32_t edge = window_edge(sk);
    peer_fill(sk, 1400);
    host_advance_ms(100);
    testnet_drop_sent(t);
    assert_true(window_edge(sk) - edge <= 4 * MSS);
    assert_int_equal(tcp_read(sk, 20000), 14000);
    peer_fill(sk, 2800);
    assert_false(memory_pressure());
    assert_int_equal(mib(MIB_TcpExtTCPMemoryPressuresChrono), 800);
    close_in_silence(sk);
}

TEST("under pressure the window shrinks to four segments as it is used up, never back over what was told")
{
    struct sock *sk = peer_open_passive();
    struct sock *other = connect_from(listener80, 1);
    uint32_t edge = window_edge(sk);

    fill_pattern();
    peer_fill(other, 14000);
    set_sysctl("net.ipv4.tcp_mem", "0 0 1000");
    for (int i = 0; i < 100; i++) {
        peer_fill(sk, 2800);
        assert_int_equal(tcp_read(sk, 5000), 2800);
        uint32_t now = window_edge(sk);
        assert_false(before(now, edge)); /* RFC 9293 3.8.6: no shrinking */
        edge = now;
    }
    assert_in_range(window_edge(sk) - tcp_sk(sk)->rcv_nxt, MSS, 4 * MSS);
    close_in_silence(other);
    close_in_silence(sk);
}

/* --- above the high mark --- */

TEST(
    "above the high mark a segment beyond the least buffer is dropped by name, and the peer's next try is taken")
{
    struct sock *a = peer_open_passive();
    struct sock *b = connect_from(listener80, 1);

    fill_pattern();
    set_sysctl("net.ipv4.tcp_mem", "4 4 8");
    peer_fill(a, 28000);
    assert_true(drops(SKB_DROP_REASON_PROTO_MEM) > 0);
    assert_true(mib(MIB_TcpExtTCPRcvQDrop) > 0);
    assert_in_range(tcp_memory(), 8 * PAGE_SIZE, 10 * PAGE_SIZE);
    peer_fill(b, 1400); /* the least buffer is everybody's */
    assert_int_equal(tcp_read(b, 2000), 1400);
    ssize_t first = tcp_read(a, 28000);
    assert_true(first > 0 && first % 1400 == 0);
    peer_fill(a, 1400);
    assert_int_equal(tcp_read(a, 2000), 1400);
    close_in_silence(a);
    close_in_silence(b);
}

TEST("above the high mark text beyond a hole is not queued and not told in SACK blocks")
{
    struct sock *sk = peer_open_passive();

    fill_pattern();
    tcp_sk(sk)->sack_ok = true;
    set_sysctl("net.ipv4.tcp_mem", "0 0 0");
    peer_at(TCPHDR_ACK, peer.snd + 1400, peer.rcv, pattern, 1400);
    peer_at(TCPHDR_ACK, peer.snd + 2800, peer.rcv, pattern, 1400);
    assert_int_equal(tcp_memory(), sk->sk_rmem_alloc);
    assert_in_range(sk->sk_rmem_alloc, 0, 4096);
    assert_true(tcp_sk(sk)->num_sacks <= 1);
    peer_send(pattern, 1400);
    assert_int_equal(tcp_read_flags(sk, 1400, 0), 1400);
    testnet_drop_sent(t);
    close_in_silence(sk);
}

TEST("above the high mark a writer has the least buffer, and waits for its own ACKs")
{
    struct sock *sk = peer_open_passive();

    fill_pattern();
    set_sysctl("net.ipv4.tcp_mem", "0 0 0");
    ssize_t n = tcp_write(sk, pattern, 60000);
    assert_in_range(n, 1, 8000);
    assert_int_equal(tcp_write(sk, pattern, 1), -EAGAIN);
    assert_false(tcp_prot.poll(sk) & POLLOUT);
    testnet_drop_sent(t);
    peer_at(TCPHDR_ACK, peer.snd, peer.rcv + (uint32_t)n, NULL, 0);
    assert_true(tcp_prot.poll(sk) & POLLOUT);
    assert_true(tcp_write(sk, pattern, 60000) > 0);
    testnet_drop_sent(t);
    close_in_silence(sk);
}

TEST("hundreds of connections full on both sides stay within the high mark and their least buffers")
{
    static struct sock *sk[CONNECTIONS];
    struct sock *l = tcp_listener(16);

    fill_pattern();
    set_sysctl("net.ipv4.tcp_mem", "48 64 128");
    for (unsigned i = 0; i < CONNECTIONS; i++)
        sk[i] = connect_from(l, i);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        peer_fill(sk[i], 60000);
        tcp_write(sk[i], pattern, 60000);
        testnet_drop_sent(t);
    }
    /* One segment more than the least receive buffer and the least send buffer, each 4,096. */
    assert_in_range(tcp_memory(), 128 * PAGE_SIZE, 128 * PAGE_SIZE + CONNECTIONS * (2 * 4096 + 2 * 3072));
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        assert_true(tcp_read(sk[i], 60000) >= 1400); /* each has made progress */
        testnet_drop_sent(t);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++)
        close_in_silence(sk[i]);
    assert_int_equal(tcp_memory(), 0);
    tcp_prot.close(l);
}

TEST("the machine's last pages are not TCP's: no new connection, no more text")
{
    struct sock *sk = peer_open_passive();

    fill_pattern();
    set_sysctl("net.ipv4.tcp_mem", "0 0 1000");
    peer_fill(sk, 7000);
    host_tell_free_pages(3);
    peer_fill(sk, 14000);
    assert_int_equal(tcp_read(sk, 20000), 7000);
    peer_reset_state();
    peer.sport = 777;
    peer_syn(mss_option, sizeof(mss_option));
    peer_ack();
    assert_null(tcp_accept_now(listener80));
    host_tell_free_pages(-1);
    peer_send("GET", 3); /* the peer goes on where it was */
    struct sock *late = tcp_accept_now(listener80);
    assert_non_null(late);
    assert_int_equal(tcp_read(late, 10), 3);
    testnet_drop_sent(t);
    close_in_silence(late);
    close_in_silence(sk);
}

TEST("above the high mark an orphan with data is reset at its next timer") /* CVE-2008-4609 */
{
    struct sock *sk = peer_open_passive();
    struct segment s;

    fill_pattern();
    assert_int_equal(tcp_write(sk, pattern, 30000), 30000);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
    set_sysctl("net.ipv4.tcp_mem", "0 0 0");
    host_advance_ms(3000);
    assert_int_equal(mib(MIB_TcpExtTCPAbortOnMemory), 1);
    bool reset = false;
    while (peer_pop(&s))
        reset |= s.flags & TCPHDR_RST;
    assert_true(reset);
    assert_int_equal(tcp_memory(), 0);
}

/* --- collapsing and pruning --- */

TEST("text that lies thinly in large buffers moves together before anything is dropped")
{
    struct sock *sk = peer_open_passive();
    uint32_t base = peer.snd;

    fill_pattern();
    sk->sk_rcvbuf = 50000;
    for (unsigned i = 0; i < 64; i++) /* too long to be copied behind one another as they come */
        peer_at(TCPHDR_ACK, base + i * 600, peer.rcv, pattern + i * 600, 600);
    testnet_drop_sent(t);
    assert_true(mib(MIB_TcpExtTCPRcvCollapsed) > 40);
    check_charge(sk);
    assert_int_equal(mib(MIB_TcpExtTCPRcvQDrop), 0);
    assert_int_equal(tcp_read(sk, 65536), 64 * 600);
    assert_memory_equal(peer_buf, pattern, 64 * 600);
    testnet_drop_sent(t);
    close_in_silence(sk);
}

TEST("a collapsed queue that was read in part goes on at the right byte, FIN and all")
{
    struct sock *sk = peer_open_passive();
    uint32_t base = peer.snd;

    fill_pattern();
    set_sysctl("net.ipv4.tcp_mem", "0 0 1000");
    peer_at(TCPHDR_ACK, base, peer.rcv, pattern, 600);
    assert_int_equal(tcp_read(sk, 250), 250);
    for (unsigned i = 1; i < 10; i++)
        peer_at(TCPHDR_ACK | (i == 9 ? TCPHDR_FIN : 0), base + i * 600, peer.rcv, pattern + i * 600, 600);
    testnet_drop_sent(t);
    assert_true(mib(MIB_TcpExtTCPRcvCollapsed) > 0);
    check_charge(sk);
    assert_int_equal(tcp_read(sk, 65536), 6000 - 250);
    assert_memory_equal(peer_buf, pattern + 250, 6000 - 250);
    assert_int_equal(tcp_read(sk, 10), 0);
    close_in_silence(sk);
}

TEST("text beyond a hole that came back to front is collapsed and delivered whole")
{
    struct sock *sk = peer_open_passive();
    uint32_t base = peer.snd;

    fill_pattern();
    for (unsigned i = 199; i; i--)
        peer_at(TCPHDR_ACK, base + i * 100, peer.rcv, pattern + i * 100, 100);
    assert_true(mib(MIB_TcpExtTCPRcvCollapsed) > 100);
    check_charge(sk);
    assert_int_equal(mib(MIB_TcpExtOfoPruned), 0);
    peer_at(TCPHDR_ACK, base, peer.rcv, pattern, 100);
    testnet_drop_sent(t);
    assert_int_equal(tcp_read(sk, 65536), 20000);
    assert_memory_equal(peer_buf, pattern, 20000);
    close_in_silence(sk);
}

TEST("what is thrown away again is no longer told in SACK blocks, what was acknowledged stays") /* RFC 2018 8
                                                                                                 */
{
    struct sock *sk = peer_open_passive();
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t base = peer.snd;

    fill_pattern();
    tp->sack_ok = true;
    peer_at(TCPHDR_ACK, base, peer.rcv, pattern, 1400);
    for (unsigned i = 3; i < 20; i++)
        peer_at(TCPHDR_ACK, base + i * 1400, peer.rcv, pattern + i * 1400, 1400);
    uint32_t end = base + 20 * 1400;
    assert_int_equal(tp->selective_acks[0].end_seq, end);
    sk->sk_rcvbuf = sk->sk_rmem_alloc; /* full */
    peer_at(TCPHDR_ACK, base + 2 * 1400, peer.rcv, pattern + 2 * 1400, 1400);
    assert_true(mib(MIB_TcpExtOfoPruned) > 0);
    assert_int_equal(tp->num_sacks, 1);
    assert_true(before(tp->selective_acks[0].end_seq, end));
    struct sk_buff *last = skb_peek_tail(&tp->out_of_order_queue);
    assert_int_equal(tp->selective_acks[0].end_seq, TCP_SKB_CB(last)->end_seq);
    uint32_t have = TCP_SKB_CB(last)->end_seq - base;
    peer_at(TCPHDR_ACK, base + 1400, peer.rcv, pattern + 1400, 1400);
    testnet_drop_sent(t);
    assert_int_equal(tcp_read(sk, 65536), have);
    assert_memory_equal(peer_buf, pattern, have);
    close_in_silence(sk);
}

/* Work is what the queue is walked for: with a million segments this test would not end if each walked it. */
TEST("segments that find the buffer full do not have it walked again and again") /* CVE-2018-5390 */
{
    struct sock *sk = peer_open_passive();

    sk->sk_rcvbuf = 4u << 20;
    tcp_sk(sk)->rcv_wnd = 60000;
    for (unsigned i = 0; i < 60000; i += 2) /* each beyond a hole of its own */
        peer_at(TCPHDR_ACK, peer.snd + 1 + i, peer.rcv, "x", 1);
    uint64_t before_it = mib(MIB_TcpExtTCPRcvCollapsed);
    for (unsigned i = 0; i < 20000; i++) /* the furthest: nothing further gives way */
        peer_at(TCPHDR_ACK, peer.snd + 59999, peer.rcv, "y", 1);
    testnet_drop_sent(t);
    assert_in_range(mib(MIB_TcpExtTCPRcvCollapsed) - before_it, 0, 10000);
    assert_true(sk->sk_rmem_alloc <= sk->sk_rcvbuf);
    close_in_silence(sk);
}

TEST_FIXTURE(peer_setup, peer_teardown)
