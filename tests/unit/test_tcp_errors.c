/*
 * test_tcp_errors.c - what an application can ask to know or to refuse beside its stream: ICMP errors at once
 * (IP_RECVERR), the segment that made the connection (IP_PKTOPTIONS), and a filter of its own
 * (SO_ATTACH_FILTER). As ip(7), socket(7) and Linux have them.
 */
#include "tests/unit/tcp_peer.h"

#include <time.h> /* the host's linux/errqueue.h needs it */

#include <linux/errqueue.h>
#include <linux/filter.h>

#include "net/ipv4/ip_sockglue.h"
#include "net/socket/socket.h"

/* A router's error about the segment at `seq` from our port to the peer's. */
static void router_says(uint8_t type, uint8_t code, uint32_t rest, uint16_t from, uint16_t to, uint32_t seq)
{
    uint8_t quoted[28] = {0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6};

    put_unaligned_be32(t->local, quoted + 12);
    put_unaligned_be32(t->peer, quoted + 16);
    put_unaligned_be16(from, quoted + 20);
    put_unaligned_be16(to, quoted + 22);
    put_unaligned_be32(seq, quoted + 24);
    testnet_inject(t, peer_frame,
                   testnet_build_icmp(t, peer_frame,
                                      &(struct testnet_ip){.saddr = testnet_addr("10.0.0.254")}, type, code,
                                      rest, quoted, sizeof(quoted)));
}

static void set_ip(struct sock *sk, int name, int value)
{
    int err = ip_sock_setopt(sk, name, &value, sizeof(value));

    assert_int_equal(err == -ENOPROTOOPT ? ip_setsockopt(sk, name, &value, sizeof(value)) : err, 0);
}

/* --- IP_RECVERR --- */

/* The next error on the queue: its type and code, who said it; the length of what is quoted. */
static ssize_t next_error(struct sock *sk, struct sock_extended_err *ee, uint32_t *offender, uint16_t *port)
{
    uint8_t data[64], control[256];
    struct sockaddr_storage name = {0};
    struct sockaddr_in from;
    struct iovec iov = {data, sizeof(data)};
    struct msg msg = {.name = &name,
                      .name_len = sizeof(name),
                      .control = control,
                      .control_len = sizeof(control),
                      .iter = {&iov, 0, sizeof(data)}};
    ssize_t n = tcp_prot.recvmsg(sk, &msg, sizeof(data), MSG_ERRQUEUE | MSG_DONTWAIT);
    const struct cmsghdr *c = (const struct cmsghdr *)control;

    if (n < 0)
        return n;
    assert_int_equal(c->cmsg_type, IP_RECVERR);
    memcpy(ee, CMSG_DATA(c), sizeof(*ee));
    memcpy(&from, CMSG_DATA(c) + sizeof(*ee), sizeof(from));
    *offender = ntohl(from.sin_addr.s_addr);
    *port = ntohs(((struct sockaddr_in *)&name)->sin_port);
    return n;
}

TEST("IP_RECVERR: an attempt to connect ends by the first error of any kind, which lies on the queue")
{
    struct sock *sk = peer_open_active_syn();
    struct sock_extended_err ee;
    uint32_t offender;
    uint16_t port;

    set_ip(sk, IP_RECVERR, 1);
    router_says(11, 0, 0, peer.dport, 7, peer.rcv - 1);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_true(tcp_prot.poll(sk) & POLLERR);
    assert_int_equal(next_error(sk, &ee, &offender, &port), 8); /* from the TCP header on */
    assert_int_equal(ee.ee_type, 11);
    assert_int_equal(ee.ee_errno, EHOSTUNREACH);
    assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_ICMP);
    assert_int_equal(offender, testnet_addr("10.0.0.254"));
    assert_int_equal(port, 7);
    assert_int_equal(next_error(sk, &ee, &offender, &port), -EAGAIN);
    tcp_prot.close(sk);
}

TEST("without IP_RECVERR an attempt to connect outlives what may pass (RFC 1122 4.2.3.9), and keeps no queue")
{
    struct sock *sk = peer_open_active_syn();
    struct sock_extended_err ee;
    uint32_t offender;
    uint16_t port;

    router_says(11, 0, 0, peer.dport, 7, peer.rcv - 1);
    assert_int_equal(sk->sk_state, TCP_SYN_SENT);
    assert_int_equal(sk->sk_err_soft, EHOSTUNREACH);
    router_says(3, 3, 0, peer.dport, 7, peer.rcv - 1);
    assert_int_equal(sk->sk_state, TCP_CLOSE);
    assert_int_equal(sk->sk_err, ECONNREFUSED);
    assert_int_equal(next_error(sk, &ee, &offender, &port), -EAGAIN);
    tcp_prot.close(sk);
}

TEST("IP_RECVERR: a connection that stands is told at once and once, and goes on (RFC 5927 5.2)")
{
    struct sock *sk = peer_open_passive();

    set_ip(sk, IP_RECVERR, 1);
    assert_int_equal(tcp_write(sk, "hello", 5), 5);
    router_says(3, 1, 0, 80, peer.sport, peer.rcv);
    assert_true(tcp_prot.poll(sk) & POLLERR);
    assert_int_equal(tcp_read(sk, 10), -EHOSTUNREACH);
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    peer_expect(TCPHDR_ACK, 5);
    peer_send("there", 5);
    assert_int_equal(tcp_read(sk, 10), 5);
    testnet_advance_ms(t, 300); /* a delayed ACK */
    peer_expect_ack();
    router_says(3, 1, 0, 80, peer.sport,
                peer.rcv + 1000); /* about nothing that is under way (RFC 5927 4.1) */
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    set_ip(sk, IP_RECVERR, 0);
    assert_int_equal(tcp_write(sk, "again", 5), 5);
    router_says(3, 1, 0, 80, peer.sport, peer.rcv);
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    assert_int_equal(sk->sk_err_soft, EHOSTUNREACH);
    tcp_prot.close(sk);
}

/* --- IP_PKTOPTIONS --- */

TEST("IP_PKTOPTIONS tells how the segment came that made the connection, as far as the listener asked")
{
    struct sock *listener = tcp_listener(4), *sk;
    uint8_t control[256];
    socklen_t len = sizeof(control);

    set_ip(listener, IP_PKTINFO, 1);
    set_ip(listener, IP_RECVTTL, 1);
    set_ip(listener, IP_RECVTOS, 1);
    peer_syn(mss_option, sizeof(mss_option));
    peer_raw_ip(&(struct testnet_ip){.ttl = 33, .tos = 0x28},
                &(struct raw){.seq = peer.snd, .ack = peer.rcv, .flags = TCPHDR_ACK, .wnd = peer.wnd});
    sk = tcp_accept_now(listener);
    assert_non_null(sk);
    assert_int_equal(ip_sock_getopt(sk, IP_PKTOPTIONS, control, &len), 0);

    struct msghdr msg = {.msg_control = control, .msg_controllen = len};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    const struct in_pktinfo *info = (const void *)CMSG_DATA(c);
    assert_non_null(c);
    assert_int_equal(c->cmsg_type, IP_PKTINFO);
    assert_int_equal(info->ipi_ifindex, t->dev->ifindex);
    assert_int_equal(ntohl(info->ipi_addr.s_addr), t->local);
    c = CMSG_NXTHDR(&msg, c);
    assert_int_equal(c->cmsg_type, IP_TTL);
    assert_int_equal(*(int *)CMSG_DATA(c), 33);
    c = CMSG_NXTHDR(&msg, c);
    assert_int_equal(c->cmsg_type, IP_TOS);
    assert_int_equal(*(int *)CMSG_DATA(c), 0x28);
    assert_null(CMSG_NXTHDR(&msg, c));
    len = 4; /* no room: nothing is written */
    assert_int_equal(ip_sock_getopt(sk, IP_PKTOPTIONS, control, &len), 0);
    assert_int_equal(len, 0);
    tcp_prot.close(sk);
    len = sizeof(control);
    assert_int_equal(ip_sock_getopt(listener, IP_PKTOPTIONS, control, &len), 0);
    assert_int_equal(len, 0);
    tcp_prot.close(listener);
}

/* --- SO_ATTACH_FILTER --- */

/* Looks at a byte of the TCP header or what is behind it, if it is there: if it is `value`, `found` bytes are
 * kept, else all. */
static void attach(struct sock *sk, uint32_t offset, uint8_t value, uint32_t found)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, offset, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offset), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, found),           BPF_STMT(BPF_RET | BPF_K, 0xffff)};
    struct sock_fprog fprog = {.len = 6, .filter = code};

    assert_int_equal(sk_attach_filter(sk, &fprog), 0);
}

TEST("a filter drops segments before the connection sees them: no ACK, and the data may come again")
{
    struct sock *sk = peer_open_passive();

    attach(sk, 20, 'x', 0);
    peer_send("xyz", 3);
    peer_expect_nothing();
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    assert_int_equal(drops(SKB_DROP_REASON_SOCKET_FILTER), 1);
    peer.snd -= 3;
    peer_send("abc", 3);
    assert_int_equal(tcp_read(sk, 10), 3);
    assert_int_equal(sk_attach_filter(sk, NULL), 0);
    peer_send("xyz", 3);
    assert_int_equal(tcp_read(sk, 10), 3);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("what a filter cuts off was not received, nor a FIN behind it; a header it does not cut")
{
    struct sock *sk = peer_open_passive();
    uint32_t start = peer.snd;

    attach(sk, 20, 'x', 22);
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, "xyz", 3);
    assert_int_equal(tcp_read(sk, 10), 2);
    assert_memory_equal(peer_buf, "xy", 2);
    assert_int_equal(sk->sk_state, TCP_ESTABLISHED);
    peer.snd = start + 2;
    attach(sk, 20, 'x', 1); /* less than the header: all of that stays */
    peer_flags(TCPHDR_ACK, "x", 1);
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    peer.snd--;
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, "z", 1);
    assert_int_equal(tcp_read(sk, 10), 1);
    assert_int_equal(sk->sk_state, TCP_CLOSE_WAIT);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a listener's filter holds for SYNs, for the end of the handshake, and for the connections it makes")
{
    struct sock *listener = tcp_listener(4);

    attach(listener, 13, TCPHDR_SYN, 0); /* flags */
    peer_raw(&(struct raw){.seq = 1, .flags = TCPHDR_SYN, .wnd = 1000});
    peer_expect_nothing();
    attach(listener, 13, TCPHDR_ACK, 0);
    peer_syn(mss_option, sizeof(mss_option));
    peer_ack();
    assert_null(tcp_accept_now(listener));
    assert_int_equal(drops(SKB_DROP_REASON_SOCKET_FILTER), 2);
    attach(listener, 20, 'x', 0);
    listener->sk_filter_locked = true;
    peer_ack();
    struct sock *sk = tcp_accept_now(listener);
    assert_non_null(sk);
    peer_send("xyz", 3);
    assert_int_equal(tcp_read(sk, 10), -EAGAIN);
    assert_int_equal(sk_attach_filter(sk, NULL), -EPERM);
    tcp_prot.close(listener); /* the program lives as long as its last socket */
    peer.snd -= 3;
    peer_send("abc", 3);
    assert_int_equal(tcp_read(sk, 10), 3);
    tcp_prot.close(sk);
    testnet_drop_sent(t);
}

TEST("a listener's filter holds for a SYN too that would begin anew where a connection has just ended")
{
    struct sock *sk = peer_open_passive();
    struct tcp_counts counts;

    tcp_prot.close(sk);
    peer_expect(TCPHDR_ACK | TCPHDR_FIN, 0);
    peer_flags(TCPHDR_ACK | TCPHDR_FIN, NULL, 0);
    peer_expect_ack();
    attach(listener80, 13, TCPHDR_SYN, 0);
    peer.snd += 100000;
    peer_raw(&(struct raw){.seq = peer.snd, .flags = TCPHDR_SYN, .wnd = 1000});
    peer_expect_nothing();
    tcp_get_counts(t->net, &counts);
    assert_int_equal(counts.time_wait, 1);
    assert_int_equal(drops(SKB_DROP_REASON_SOCKET_FILTER), 1);
    assert_int_equal(sk_attach_filter(listener80, NULL), 0);
    peer_syn(mss_option, sizeof(mss_option));
}

TEST("SO_ATTACH_FILTER, SO_DETACH_FILTER and SO_LOCK_FILTER are options of a TCP socket too")
{
    struct files *files = files_create(t->net, NULL);
    int fd = sys_socket(files, AF_INET, SOCK_STREAM, 0), on = 1;
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0xffff)};
    struct sock_fprog fprog = {.len = 1, .filter = code};

    assert_int_equal(sys_setsockopt(files, fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)), -ENOENT);
    assert_int_equal(sys_setsockopt(files, fd, SOL_SOCKET, SO_ATTACH_FILTER, &fprog, sizeof(fprog)), 0);
    assert_int_equal(sys_setsockopt(files, fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)), 0);
    assert_int_equal(sys_setsockopt(files, fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)), -EPERM);
    files_destroy(files);
}

TEST_FIXTURE(peer_setup, peer_teardown)
