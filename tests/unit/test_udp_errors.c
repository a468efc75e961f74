/*
 * test_udp_errors.c - UDP (net/udp): connected sockets, and how each kind of socket hears of errors.
 */
#include "tests/unit/udp_net.h"

/* --- connections, errors --- */

TEST("connect chooses a source, disconnect forgets it, a bound port stays")
{
    struct sock *sk = bound(NULL, 7000), *loose = new_socket();

    assert_int_equal(udp_prot.connect(sk, addr("127.0.0.1"), 5, 0), 0);
    assert_int_equal(be32_to_cpu(sk->sk_rcv_saddr), 0x7f000001);
    assert_int_equal(udp_prot.connect(sk, cpu_to_be32(t->peer), 5, 0), 0);
    assert_int_equal(be32_to_cpu(sk->sk_rcv_saddr), t->local);
    assert_int_equal(send_to(sk, NULL, 0, "to the peer"), 11);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 53);
    assert_int_equal(udp_prot.disconnect(sk), 0);
    assert_int_equal(sk->sk_rcv_saddr, 0);
    assert_int_equal(be16_to_cpu(sk->sk_sport), 7000);
    assert_int_equal(send_to(sk, NULL, 0, "x"), -EDESTADDRREQ);
    assert_int_equal(udp_prot.connect(loose, cpu_to_be32(t->peer), 5, 0), 0);
    assert_int_not_equal(loose->sk_sport, 0);
    assert_int_equal(udp_prot.disconnect(loose), 0);
    assert_int_equal(loose->sk_sport, 0);
    udp_prot.close(sk);
    udp_prot.close(loose);
}

TEST("1122-UDP-ERR: port unreachable becomes ECONNREFUSED, once, on whatever call comes next")
{
    struct sock *sk = bound(NULL, 7000);

    assert_int_equal(udp_prot.connect(sk, cpu_to_be32(t->peer), 5, 0), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(send_to(sk, NULL, 0, "x"), 1);
        size_t len = testnet_pop(t, out, sizeof(out));
        testnet_inject(t, in,
                       testnet_build_icmp(t, in, &(struct testnet_ip){0}, 3, 3, 0, out + 14, len - 14));
        assert_int_equal(udp_prot.poll(sk) & POLLERR, POLLERR);
        if (i)
            assert_int_equal(send_to(sk, NULL, 0, "x"), -ECONNREFUSED);
        else
            assert_int_equal(receive(sk), -ECONNREFUSED);
        assert_int_equal(udp_prot.poll(sk) & POLLERR, 0);
        assert_silent(sk);
    }
    udp_prot.close(sk);
}

TEST("a socket of ours that talks to a closed port of ours is refused too")
{
    struct sock *sk = new_socket();

    assert_int_equal(udp_prot.connect(sk, addr("127.0.0.1"), 5, 0), 0);
    assert_int_equal(send_to(sk, NULL, 0, "x"), 1);
    testnet_run(t);
    assert_int_equal(receive(sk), -ECONNREFUSED);
    udp_prot.close(sk);
}

TEST("shutdown: no more sending, readers see the end")
{
    struct sock *sk = bound(NULL, 7000);

    assert_int_equal(udp_prot.shutdown(sk, SHUT_WR), -ENOTCONN);
    assert_int_equal(send_to(sk, "10.0.0.2", 9, "x"), -EPIPE);
    assert_int_equal(udp_prot.connect(sk, cpu_to_be32(t->peer), 5, 0), 0);
    assert_int_equal(udp_prot.shutdown(sk, SHUT_RD), 0);
    assert_int_equal(receive(sk), 0);
    assert_int_equal(udp_prot.poll(sk) & (POLLHUP | POLLRDHUP), POLLHUP | POLLRDHUP);
    udp_prot.close(sk);
}

TEST("two sockets of this host talk to each other over loopback")
{
    struct sock *a = bound("127.0.0.1", 7000), *b = bound(NULL, 7001);

    assert_int_equal(send_to(a, "127.0.0.1", 7001, "over lo"), 7);
    assert_int_equal(send_to(b, "10.0.0.1", 7001, "to self"), 7);
    testnet_run(t);
    assert_receives(b, "over lo");
    assert_receives(b, "to self");
    assert_int_equal(t->sent_count, 0);
    udp_prot.close(a);
    udp_prot.close(b);
}

TEST("DHCP: a socket on a card without an address calls from 0.0.0.0 and hears 255.255.255.255")
{
    struct testnet *with_address = t;
    struct testnet_ip offer = {
        .saddr = testnet_addr("10.0.0.254"), .daddr = 0xffffffff, .dst_mac = broadcast_mac};

    t = testnet_create(NULL);
    struct sock *sk = new_socket();
    sk->sk_bound_dev_if = t->dev->ifindex;
    sk->sk_broadcast = true;
    assert_int_equal(udp_prot.bind(sk, 0, 68), 0);
    assert_int_equal(send_to(sk, "255.255.255.255", 67, "discover"), 8);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 50);
    assert_memory_equal(out, broadcast_mac, 6);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), 0);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 16), 0xffffffff);
    assert_true(testnet_frame_ok(out, 50));
    arrive(&offer, 67, 68, "offer");
    assert_receives(sk, "offer");
    offer.saddr = 0;
    udp_prot.close(sk);
    assert_int_equal(testnet_destroy(t), 0);
    t = with_address;
}

TEST("each allocation may fail while a datagram is sent or received")
{
    struct sock *sk = bound(NULL, 7000);
    struct testnet_ip all = {.daddr = 0xffffffff, .dst_mac = broadcast_mac};

    for (unsigned n = 1; n < 30; n++) {
        host_fail_allocation(n);
        rt_cache_flush(t->net);
        send_to(sk, "10.0.0.77", 9, "x");
        arrive(&all, 1, 7000, "x");
        arrive(&(struct testnet_ip){0}, 1, 7001, "x");
        host_fail_allocation(0);
        testnet_drop_sent(t);
        while (receive(sk) >= 0)
            ;
    }
    testnet_advance_ms(t, 10000);
    udp_prot.close(sk);
}

/* --- the queue of errors --- */

/* The peer (or a router) says that our latest datagram came to grief. */
static void complain(uint8_t type, uint8_t code, uint32_t rest, const char *offender)
{
    size_t n = testnet_pop(t, out, sizeof(out));

    assert_true(n > 0);
    testnet_inject(t, in,
                   testnet_build_icmp(t, in,
                                      &(struct testnet_ip){.saddr = offender ? testnet_addr(offender) : 0},
                                      type, code, rest, out + TESTNET_IP, n - TESTNET_IP));
}

static const struct sock_extended_err *read_error(struct sock *sk, const char *quoted)
{
    struct msghdr hdr;

    assert_int_equal(receive_flags(sk, sizeof(buf), MSG_ERRQUEUE), strlen(quoted));
    assert_memory_equal(buf, quoted, strlen(quoted));
    assert_true(rmsg.flags & MSG_ERRQUEUE);
    hdr = (struct msghdr){.msg_control = control, .msg_controllen = rmsg.control_len};
    struct cmsghdr *c = CMSG_FIRSTHDR(&hdr);
    assert_non_null(c);
    assert_int_equal(c->cmsg_level, SOL_IP);
    assert_int_equal(c->cmsg_type, IP_RECVERR);
    return (const struct sock_extended_err *)CMSG_DATA(c);
}

TEST("IP_RECVERR: an ICMP error waits with type, code, offender, destination and the quoted bytes")
{
    struct sock *sk = new_socket();
    const struct sock_extended_err *ee;
    struct sockaddr_in *sin = (struct sockaddr_in *)&from;

    sk->inet_recverr = true;
    assert_int_equal(send_to(sk, "10.0.0.2", 9, "lost"), 4);
    complain(11, 0, 0, "10.0.0.254");
    assert_true(udp_prot.poll(sk) & POLLERR);
    ee = read_error(sk, "lost");
    assert_int_equal(ee->ee_errno, EHOSTUNREACH);
    assert_int_equal(ee->ee_origin, SO_EE_ORIGIN_ICMP);
    assert_int_equal(ee->ee_type, 11);
    assert_int_equal(ee->ee_code, 0);
    assert_int_equal(ntohl(((struct sockaddr_in *)SO_EE_OFFENDER(ee))->sin_addr.s_addr),
                     testnet_addr("10.0.0.254"));
    assert_int_equal(ntohl(sin->sin_addr.s_addr), t->peer);
    assert_int_equal(ntohs(sin->sin_port), 9);
    assert_false(udp_prot.poll(sk) & POLLERR);
    assert_int_equal(receive_flags(sk, sizeof(buf), MSG_ERRQUEUE), -EAGAIN);
    assert_silent(sk); /* read there, not told again */
    udp_prot.close(sk);
}

TEST("IP_RECVERR: the next call says the error too, if the queue was not read")
{
    struct sock *sk = new_socket();

    sk->inet_recverr = true;
    send_to(sk, "10.0.0.2", 9, "one");
    complain(3, 3, 0, NULL);
    send_to(sk, "10.0.0.2", 9, "nothing is sent: the call fails instead");
    assert_int_equal(receive(sk), -EAGAIN);
    assert_int_equal(read_error(sk, "one")->ee_errno, ECONNREFUSED);
    udp_prot.close(sk);
}

TEST("IP_RECVERR: a datagram that is too long for DF puts an error of our own on the queue, with the MTU")
{
    struct sock *sk = new_socket();
    const struct sock_extended_err *ee;

    sk->inet_recverr = true;
    sk->inet_pmtudisc = IP_PMTUDISC_DO;
    assert_int_equal(send_msg(sk, "10.0.0.2", 9, buf, 3000, NULL, 0), -EMSGSIZE);
    ee = read_error(sk, "");
    assert_int_equal(ee->ee_origin, SO_EE_ORIGIN_LOCAL);
    assert_int_equal(ee->ee_errno, EMSGSIZE);
    assert_int_equal(ee->ee_info, 1500);
    udp_prot.close(sk);
}

TEST("without IP_RECVERR nothing is kept; with it forged errors fill the receive buffer at most")
{
    struct sock *sk = new_socket();
    size_t n;

    send_to(sk, "10.0.0.2", 9, "x");
    n = testnet_pop(t, out, sizeof(out));
    n = testnet_build_icmp(t, in, &(struct testnet_ip){0}, 3, 1, 0, out + TESTNET_IP, n - TESTNET_IP);
    testnet_inject(t, in, n);
    assert_int_equal(receive_flags(sk, sizeof(buf), MSG_ERRQUEUE), -EAGAIN);
    sk->inet_recverr = true;
    sk->sk_rcvbuf = 20000;
    for (int i = 0; i < 1000; i++)
        testnet_inject(t, in, n);
    assert_true(sk->sk_rmem_alloc <= 20000);
    assert_true(t->net->skb_count < 100);
    udp_prot.close(sk);
    assert_int_equal(t->net->skb_count, 0);
}

TEST_FIXTURE(setup, teardown)
