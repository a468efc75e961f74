/*
 * test_tcp_trains.c - TCP sends several segments as one sk_buff; on the wire, in the counters and for the
 * peer's acknowledgements they are what they would be one by one.
 *
 * The card of these tests takes no trains, so net/core/gso.c cuts them and the peer sees every segment.
 */
#include "tests/unit/tcp_peer.h"

#include "net/core/netdevice.h"

#define FILE_SIZE 131072u

static struct page *file;

static uint8_t file_byte(uint32_t i)
{
    return (uint8_t)(i * 5 + (i >> 8) * 3);
}

static int trains_setup(void **state)
{
    if (peer_setup(state))
        return -1;
    file = alloc_pages(5);
    assert_non_null(file);
    for (uint32_t i = 0; i < FILE_SIZE; i++)
        ((uint8_t *)page_address(file))[i] = file_byte(i);
    return 0;
}

static int trains_teardown(void **state)
{
    int err = peer_teardown(state);

    put_page(file);
    return err;
}

static ssize_t send_file(struct sock *sk, uint32_t offset, uint32_t len, int flags)
{
    return tcp_prot.sendpage(sk, file, offset, len, flags | MSG_DONTWAIT);
}

/* The next segment carries [from, from + len) of the file. */
static void expect_file(uint32_t from, unsigned len)
{
    peer_expect(TCPHDR_ACK, len);
    for (unsigned i = 0; i < len; i++)
        assert_int_equal(peer.last.data[i], file_byte(from + i));
}

/* The peer has everything up to `len` bytes of the file; the file began at `start`. */
static void ack_file(uint32_t start, uint32_t len)
{
    peer_at(TCPHDR_ACK, peer.snd, start + len, NULL, 0);
}

TEST("a train leaves as whole segments in order, each counted, PSH on the last only")
{
    struct sock *sk = peer_open_passive();
    struct tcp_sock *tp = tcp_sk(sk);
    uint64_t out = mib(MIB_TcpOutSegs);

    assert_int_equal(send_file(sk, 0, 4 * MSS + 500, 0), 4 * MSS + 500);
    for (unsigned i = 0; i < 4; i++) {
        expect_file(i * MSS, MSS);
        assert_false(peer.last.flags & TCPHDR_PSH);
    }
    expect_file(4 * MSS, 500);
    assert_true(peer.last.flags & TCPHDR_PSH);
    peer_expect_nothing();
    assert_int_equal(sk->sk_write_queue.qlen, 1);
    assert_int_equal(tp->packets_out, 5);
    assert_int_equal(tp->data_segs_out, 5);
    assert_int_equal(mib(MIB_TcpOutSegs), out + 5);
    assert_int_equal(mib(MIB_TcpExtTCPOrigDataSent), 5);
    peer_ack();
    assert_int_equal(tp->packets_out, 0);
    assert_int_equal(sk->sk_wmem_queued, 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("the initial window bounds a train as it bounds segments") /* RFC 6928 */
{
    struct sock *sk = peer_open_passive();

    send_file(sk, 0, 30 * MSS, 0);
    for (unsigned i = 0; i < 10; i++)
        expect_file(i * MSS, MSS);
    peer_expect_nothing();
    assert_int_equal(tcp_sk(sk)->packets_out, 10);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("the peer's window cuts a train at a segment's end") /* RFC 9293 3.8.6.2.1 */
{
    struct sock *sk = peer_open_passive();

    peer.wnd = 5 * MSS + 700;
    peer_ack();
    send_file(sk, 0, 30 * MSS, 0);
    for (unsigned i = 0; i < 5; i++)
        expect_file(i * MSS, MSS);
    peer_expect_nothing();
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("an ACK inside a train frees its front, and what is sent again is one segment from there on")
{
    struct sock *sk = peer_open_passive();
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t start = peer.rcv;

    send_file(sk, 0, 8 * MSS, 0);
    testnet_drop_sent(t);
    peer.rcv = start;
    uint32_t queued = sk->sk_wmem_queued;
    ack_file(start, 3 * MSS + 701);
    assert_int_equal(tp->packets_out, 5);
    assert_int_equal(sk->sk_wmem_queued, queued - 3 * MSS - 701);
    host_advance_ms(tp->rto_ms + 10);
    peer.rcv = start + 3 * MSS + 701;
    expect_file(3 * MSS + 701, MSS);
    peer_expect_nothing();
    assert_int_equal(mib(MIB_TcpRetransSegs), 1);
    assert_int_equal(tp->packets_out, 5);
    peer.rcv = start + 8 * MSS;
    peer_ack();
    assert_int_equal(tp->packets_out, 0);
    assert_int_equal(sk->sk_wmem_queued, 0);
    peer_expect_nothing();
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("copied bytes acknowledged by an odd part are sent again right") /* their sum has to be taken anew */
{
    struct sock *sk = peer_open_passive();
    uint32_t start = peer.rcv;

    tcp_write(sk, page_address(file), 1400);
    testnet_drop_sent(t);
    peer.rcv = start;
    ack_file(start, 333);
    host_advance_ms(tcp_sk(sk)->rto_ms + 10);
    peer.rcv = start + 333;
    expect_file(333, 1400 - 333);
    peer_ack();
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("three duplicate ACKs bring back the first segment of a train, not all of it") /* RFC 5681 3.2 */
{
    struct sock *sk = peer_open_passive();
    uint32_t start = peer.rcv;

    send_file(sk, 0, 10 * MSS, 0);
    testnet_drop_sent(t);
    peer.rcv = start;
    for (unsigned i = 0; i < 3; i++)
        peer_ack();
    expect_file(0, MSS);
    peer_expect_nothing();
    assert_int_equal(tcp_sk(sk)->packets_out, 10);
    peer.rcv = start + 10 * MSS;
    peer_ack();
    assert_int_equal(tcp_sk(sk)->packets_out, 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("TCP_CORK and Nagle hold back what does not fill a segment, and only that") /* RFC 9293 3.7.4 */
{
    struct sock *sk = peer_open_passive();

    send_file(sk, 0, 3 * MSS + 99, MSG_MORE);
    for (unsigned i = 0; i < 3; i++)
        expect_file(i * MSS, MSS);
    peer_expect_nothing();
    send_file(sk, 3 * MSS + 99, 1, 0);
    expect_file(3 * MSS, 100);
    send_file(sk, 3 * MSS + 100, MSS + 7, 0); /* one small segment is unacknowledged */
    expect_file(3 * MSS + 100, MSS);
    peer_expect_nothing();
    peer_ack();
    expect_file(4 * MSS + 100, 7);
    peer_ack();
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* A card may set CWR on every segment of a train, and each would end an echo. */
TEST("whatever the card makes of trains, the segment with CWR goes alone") /* RFC 3168 6.1.2 */
{
    struct segment s;

    listener80 = tcp_listener(16);
    peer_raw(&(struct raw){.seq = peer.snd,
                           .flags = TCPHDR_SYN | TCPHDR_ECE | TCPHDR_CWR,
                           .wnd = peer.wnd,
                           .options = mss_option,
                           .options_len = sizeof(mss_option)});
    peer.snd++;
    assert_true(peer_pop(&s));
    assert_int_equal(s.flags, TCPHDR_SYN | TCPHDR_ACK | TCPHDR_ECE);
    peer.rcv = s.seq + 1;
    peer_ack();
    struct sock *sk = tcp_accept_now(listener80);
    uint32_t start = peer.rcv;
    assert_int_equal(send_file(sk, 0, 40 * MSS, 0), 40 * MSS);
    for (unsigned i = 0; i < 10; i++)
        expect_file(i * MSS, MSS);
    t->dev->features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO;
    peer_at(TCPHDR_ACK | TCPHDR_ECE, peer.snd, start + 10 * MSS, NULL, 0);
    t->dev->features = 0;
    uint8_t frame[16384];
    assert_int_equal(testnet_pop(t, frame, sizeof(frame)), TESTNET_L4 + 20 + MSS);
    assert_int_equal(frame[TESTNET_L4 + 13] & (TCPHDR_CWR | TCPHDR_ECE), TCPHDR_CWR);
    assert_int_equal(frame[TESTNET_IP + 1], 2); /* ECT(0) */
    assert_true(testnet_pop(t, frame, sizeof(frame)) > TESTNET_L4 + 20 + MSS);
    assert_int_equal(frame[TESTNET_L4 + 13] & (TCPHDR_CWR | TCPHDR_ECE), 0);
    assert_int_equal(frame[TESTNET_IP + 1], 2);
    assert_int_equal(testnet_pop(t, frame, sizeof(frame)), 0);
    peer_raw(&(struct raw){.seq = peer.snd, .flags = TCPHDR_RST});
    tcp_prot.close(sk);
}

TEST("a large window that opens by a little is used in steps, and by half at the latest")
{
    struct sock *sk = peer_open_passive();
    struct tcp_sock *tp = tcp_sk(sk);
    uint32_t start = peer.rcv;

    tp->snd_cwnd = 44 * MSS; /* the peer's 65,535 bytes hold no more either */
    sk->sk_sndbuf = 1 << 20;
    send_file(sk, 0, 88 * MSS, 0);
    testnet_drop_sent(t);
    assert_int_equal(tp->packets_out, 44);
    peer.rcv = start + 44 * MSS;
    ack_file(start, 2 * MSS);
    ack_file(start, 17 * MSS);
    peer_expect_nothing();
    ack_file(start, 23 * MSS);
    for (unsigned i = 44; i < 67; i++)
        expect_file(i * MSS, MSS);
    peer_expect_nothing();
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- trains of copied bytes --- */

static ssize_t write_file(struct sock *sk, uint32_t offset, uint32_t len)
{
    return tcp_write(sk, (uint8_t *)page_address(file) + offset, len);
}

TEST("a long write is a train too: one buffer, its bytes in pages, given back when they are acknowledged")
{
    struct sock *sk = peer_open_passive();
    uint32_t queued = 8 * MSS + 300;

    assert_int_equal(write_file(sk, 0, queued), queued);
    assert_int_equal(sk->sk_write_queue.qlen, 1);
    assert_int_equal(skb_headlen(skb_peek(&sk->sk_write_queue)), 0);
    assert_in_range(sk->sk_wmem_queued, queued, queued + 2048);
    for (unsigned i = 0; i < 8; i++)
        expect_file(i * MSS, MSS);
    expect_file(8 * MSS, 300);
    assert_true(peer.last.flags & TCPHDR_PSH);
    peer_ack();
    assert_int_equal(sk->sk_wmem_queued, 0);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("short writes join a train that waits for the window, and no short segment stands in its middle")
{
    struct sock *sk = peer_open_passive();

    peer.wnd = 2 * MSS;
    peer_ack();
    assert_int_equal(write_file(sk, 0, 3 * MSS + 100), 3 * MSS + 100);
    for (uint32_t at = 3 * MSS + 100; at < 6 * MSS; at += 220)
        assert_int_equal(write_file(sk, at, 220), 220);
    assert_int_equal(sk->sk_write_queue.qlen, 2);
    expect_file(0, MSS);
    expect_file(MSS, MSS);
    peer.wnd = 60000;
    peer_ack();
    for (unsigned i = 2; i < 6; i++)
        expect_file(i * MSS, MSS);
    peer_expect(TCPHDR_ACK, (3 * MSS + 100 + 20 * 220) - 6 * MSS);
    assert_true(peer.last.flags & TCPHDR_PSH);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("in each segment of a train the urgent pointer counts from its own number") /* RFC 9293 MUST-62 */
{
    struct sock *sk = peer_open_passive();
    struct iovec iov = {page_address(file), 4000};
    struct msg msg = {.iter = {.iov = &iov, .count = 4000}, .flags = MSG_OOB | MSG_DONTWAIT};

    assert_int_equal(tcp_prot.sendmsg(sk, &msg, 4000), 4000);
    for (unsigned off = 0; off < 4000; off += MSS) {
        peer_expect(TCPHDR_ACK | TCPHDR_URG, 4000 - off < MSS ? 4000 - off : MSS);
        assert_int_equal(peer.last.urg, 4000 - off);
    }
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

/* --- without memory --- */

/* Whatever the sender does without memory, the peer gets `sent` bytes and every count comes out even. */
static void deliver_all(struct sock *sk, uint32_t start, ssize_t sent)
{
    static uint8_t seen[20 * MSS];
    struct segment s;
    uint32_t got = 0;

    memset(seen, 0, sizeof(seen));
    for (unsigned round = 0; round < 200 && sent > 0 && got < (uint32_t)sent; round++) {
        while (peer_pop(&s))
            for (unsigned i = 0; i < s.len; i++)
                seen[s.seq - start + i] = (uint8_t)(1 + !!(s.data[i] - file_byte(s.seq - start + i)));
        while (got < (uint32_t)sent && seen[got] == 1)
            got++;
        peer.rcv = start + got;
        ack_file(start, got);
        if (round == 2)
            host_fail_allocation(0);
        host_advance_ms(250);
    }
    host_fail_allocation(0);
    if (sent > 0) {
        assert_int_equal(got, sent);
        assert_int_equal(tcp_sk(sk)->packets_out, 0);
        assert_int_equal(sk->sk_wmem_queued, 0);
    }
}

TEST("whichever allocation fails, what is sent arrives byte by byte and every count comes out even")
{
    for (unsigned n = 1; n < 80; n++) {
        struct sock *sk = n == 1 ? peer_open_passive() : (peer.sport++, peer_connect(listener80));
        uint32_t start = peer.rcv;
        host_fail_allocation(n / 2);
        ssize_t sent = n % 2 ? send_file(sk, 0, 20 * MSS - 77, 0) : write_file(sk, 0, 20 * MSS - 77);
        deliver_all(sk, start, sent);
        tcp_prot.close(sk);
        testnet_drop_sent(t);
        peer_raw(&(struct raw){.seq = peer.snd, .flags = TCPHDR_RST});
        peer_reset_state();
        peer.sport = (uint16_t)(40000 + n);
        testnet_drop_sent(t);
    }
}

TEST_FIXTURE(trains_setup, trains_teardown)
