/*
 * test_sock.c - struct sock: accounting, life, errors, deadlines, the cached route.
 */
#include <errno.h>
#include <poll.h>

#include "net/core/sock.h"
#include "tests/unit/core_net.h"

static int init_result;
static unsigned destroyed, woken;
static uint32_t woken_key;

static int test_proto_init(struct sock *sk)
{
    return init_result;
}

static void test_proto_destroy(struct sock *sk)
{
    destroyed++;
}

static const struct proto test_proto = {
    .name = "TEST",
    .obj_size = sizeof(struct sock) + 64,
    .init = test_proto_init,
    .destroy = test_proto_destroy,
};

static void on_wake(struct wait_queue_entry *self, uint32_t key)
{
    woken++;
    woken_key = key;
}

static struct sock *make(void)
{
    int err;
    struct sock *sk = sk_alloc(core.net, &test_proto, SOCK_DGRAM, 17, &err);

    assert_non_null(sk);
    assert_int_equal(err, 0);
    init_result = 0;
    destroyed = woken = 0;
    return sk;
}

TEST("a socket starts with one reference and defaults, and the last reference ends it")
{
    struct sock *sk = make();

    assert_int_equal(core.net->sock_count, 1);
    assert_int_equal(sk->sk_rcvtimeo_ms, WAIT_FOREVER);
    assert_ptr_equal(sock_net(sk), core.net);
    sock_hold(sk);
    sock_put(sk);
    assert_int_equal(destroyed, 0);
    sock_put(sk);
    assert_int_equal(destroyed, 1);
    assert_int_equal(core.net->sock_count, 0);
}

TEST("a socket that cannot be made leaves nothing")
{
    int err = 0;

    host_fail_allocation(1);
    assert_null(sk_alloc(core.net, &test_proto, SOCK_DGRAM, 17, &err));
    assert_int_equal(err, -ENOMEM);
    init_result = -ENOBUFS;
    assert_null(sk_alloc(core.net, &test_proto, SOCK_DGRAM, 17, &err));
    assert_int_equal(err, -ENOBUFS);
    init_result = 0;
}

TEST("the receive queue is bounded by rcvbuf, wakes its reader, and is emptied with the socket")
{
    struct sock *sk = make();
    struct wait_queue_entry wait = {.func = on_wake};
    struct sk_buff *skb = core_ip_packet(0, 100);

    add_wait_queue(&sk->sk_wq, &wait);
    sk->sk_rcvbuf = skb->truesize + 1;
    assert_int_equal(sock_queue_rcv_skb(sk, skb), 0);
    assert_int_equal(sk->sk_rmem_alloc, skb->truesize);
    assert_int_equal(woken, 1);
    assert_true(woken_key & POLLIN);
    struct sk_buff *more = core_ip_packet(0, 100);
    assert_int_equal(sock_queue_rcv_skb(sk, more), -ENOMEM);
    consume_skb(more);
    consume_skb(skb_dequeue(&sk->sk_receive_queue));
    assert_int_equal(sk->sk_rmem_alloc, 0);
    sk->sk_rcvbuf = 1;
    assert_int_equal(sock_queue_rcv_skb(sk, core_ip_packet(0, 100)), 0); /* one always fits */
    remove_wait_queue(&wait);
    sock_put(sk);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_SOCKET_CLOSE], 1);
}

TEST("a packet under way keeps its socket, and a writer is woken when half of its buffer is free")
{
    struct sock *sk = make();
    struct wait_queue_entry wait = {.func = on_wake};
    struct sk_buff *skb[4];

    add_wait_queue(&sk->sk_wq, &wait);
    for (unsigned i = 0; i < 4; i++) {
        skb[i] = core_ip_packet(0, 100);
        skb_set_owner_w(skb[i], sk);
    }
    sk->sk_sndbuf = sk->sk_wmem_alloc;
    consume_skb(skb[0]);
    assert_int_equal(woken, 0);
    consume_skb(skb[1]);
    assert_int_equal(woken, 1);
    assert_true(woken_key & POLLOUT);
    remove_wait_queue(&wait);
    sock_put(sk);
    assert_int_equal(destroyed, 0);
    skb_orphan(skb[2]);
    assert_null(skb[2]->sk);
    consume_skb(skb[2]);
    consume_skb(skb[3]);
    assert_int_equal(destroyed, 1);
}

TEST("an error is reported once")
{
    struct sock *sk = make();

    sk->sk_err = ECONNRESET;
    assert_int_equal(sock_error(sk), -ECONNRESET);
    assert_int_equal(sock_error(sk), 0);
    sock_put(sk);
}

TEST("a deadline is now for MSG_DONTWAIT, never without a timeout, and does not wrap")
{
    struct sock *sk = make();

    assert_int_equal(sock_rcv_deadline(sk, MSG_DONTWAIT), 0);
    assert_true(sock_rcv_deadline(sk, 0) == WAIT_FOREVER);
    sk->sk_rcvtimeo_ms = 500;
    assert_int_equal(sock_rcv_deadline(sk, 0), ktime_get_ms() + 500);
    sk->sk_sndtimeo_ms = UINT64_MAX - 1;
    assert_true(sock_snd_deadline(sk, 0) == WAIT_FOREVER);
    assert_false(sk_wait_until(sk, false, sock_rcv_deadline(sk, MSG_DONTWAIT)));
    sock_put(sk);
}

static unsigned routes_freed;

static void free_route(struct dst_entry *dst)
{
    routes_freed++;
}

TEST("a cached route is used until its table changes, then let go")
{
    struct sock *sk = make();
    uint32_t table = 5;
    struct dst_entry a = {
        .refcount = 1, .generation = 5, .current_generation = &table, .destroy = free_route};
    struct dst_entry b = a;

    routes_freed = 0;
    sk_dst_set(sk, &a);
    assert_ptr_equal(sk_dst_check(sk), &a);
    table++;
    assert_null(sk_dst_check(sk));
    assert_int_equal(routes_freed, 1);
    table = 5;
    sk_dst_set(sk, &b);
    sock_put(sk);
    assert_int_equal(routes_freed, 2);
}

TEST_FIXTURE(core_setup, core_teardown)
