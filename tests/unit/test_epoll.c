/*
 * test_epoll.c - poll and epoll over a transport that does as it is told: level, edge, oneshot, nested,
 * sleeping.
 */
#include "tests/unit/fake_transport.h"

#include <sys/epoll.h>

#define F (fake.files)

static int ep_new(void)
{
    int fd = sys_epoll_create1(F, 0);

    assert_true(fd >= 0);
    return fd;
}

static int ep_ctl(int ep, int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = 0x1234567800000000u + (unsigned)fd};

    return sys_epoll_ctl(F, ep, op, fd, &event);
}

static void ep_add(int ep, int fd, uint32_t events)
{
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_ADD, fd, events), 0);
}

/* What epoll_wait() says at once about the only descriptor that has something to say; 0 if none has. */
static uint32_t ep_now(int ep, int fd)
{
    struct epoll_event events[4];
    int n = sys_epoll_wait(F, ep, events, 4, 0);

    assert_in_range(n, 0, 1);
    if (!n)
        return 0;
    assert_true(events[0].data.u64 == 0x1234567800000000u + (unsigned)fd);
    return events[0].events;
}

static int poll_now(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n = sys_poll(F, &p, 1, 0);

    assert_int_equal(n, p.revents != 0);
    return p.revents;
}

/* A task that waits; what it saw. */
struct waiter {
    int fd, timeout_ms;
    bool done;
    int result;
    uint32_t events;
    uint64_t took_ms;
};

static void wait_epoll(void *arg)
{
    struct waiter *w = arg;
    struct epoll_event event;
    uint64_t start = ktime_get_ms();

    w->result = sys_epoll_wait(F, w->fd, &event, 1, w->timeout_ms);
    w->events = w->result > 0 ? event.events : 0;
    w->took_ms = ktime_get_ms() - start;
    w->done = true;
}

static void wait_poll(void *arg)
{
    struct waiter *w = arg;
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    uint64_t start = ktime_get_ms();

    w->result = sys_poll(F, &p, 1, w->timeout_ms);
    w->events = (uint16_t)p.revents;
    w->took_ms = ktime_get_ms() - start;
    w->done = true;
}

static void waiter_start(void (*fn)(void *arg), struct waiter *w)
{
    assert_non_null(task_create("waiter", fn, w, F));
    host_run();
}

/* --- poll --- */

TEST("poll() reports what was asked for, and errors and hang-ups always")
{
    int fd = fake_connected();

    assert_int_equal(poll_now(fd, POLLIN), 0);
    assert_int_equal(poll_now(fd, POLLIN | POLLOUT), POLLOUT);
    fake_arrive(fd, "x");
    assert_int_equal(poll_now(fd, POLLIN | POLLRDNORM), POLLIN | POLLRDNORM);
    fake_of(fd)->sk.sk_err = ECONNRESET;
    assert_int_equal(poll_now(fd, 0), POLLERR);
    fake_of(fd)->sk.sk_shutdown = SHUTDOWN_MASK;
    assert_int_equal(poll_now(fd, POLLRDHUP), POLLERR | POLLHUP | POLLRDHUP);
}

TEST("poll() skips negative descriptors and names bad ones")
{
    struct pollfd p[] = {{.fd = -1, .events = POLLIN, .revents = 77},
                         {.fd = 9, .events = POLLIN},
                         {.fd = fake_connected(), .events = POLLOUT}};

    assert_int_equal(sys_poll(F, p, 3, -1), 2);
    assert_int_equal(p[0].revents, 0);
    assert_int_equal(p[1].revents, POLLNVAL);
    assert_int_equal(p[2].revents, POLLOUT);
    assert_int_equal(sys_poll(F, NULL, 1, 0), -EFAULT);
    assert_int_equal(sys_poll(F, p, FILES_MAX + 1, 0), -EINVAL);
}

TEST("poll() sleeps until data comes, and leaves the wait queue as it was")
{
    struct waiter w = {.fd = fake_connected(), .timeout_ms = -1};

    waiter_start(wait_poll, &w);
    host_advance_ms(100000);
    assert_false(w.done);
    fake_arrive(w.fd, "x");
    host_run();
    assert_true(w.done);
    assert_int_equal(w.result, 1);
    assert_int_equal(w.events, POLLIN);
    assert_false(waitqueue_active(&fake_of(w.fd)->sk.sk_wq));
}

TEST("poll() gives up at its timeout, to the millisecond")
{
    struct waiter w = {.fd = fake_connected(), .timeout_ms = 250};

    waiter_start(wait_poll, &w);
    host_advance_ms(1000);
    assert_true(w.done);
    assert_int_equal(w.result, 0);
    assert_int_equal(w.took_ms, 250);
}

TEST("poll() sleeps on through wake-ups that are not for it")
{
    struct waiter w = {.fd = fake_connected(), .timeout_ms = 500};
    struct sock *sk = &fake_of(w.fd)->sk;

    waiter_start(wait_poll, &w);
    unsigned polls = fake_sk(sk)->polls;
    sk->sk_write_space(sk);
    host_run();
    assert_int_equal(fake_sk(sk)->polls, polls);
    sk->sk_state_change(sk);
    host_advance_ms(100);
    assert_false(w.done);
    assert_int_equal(fake_sk(sk)->polls, polls + 1);
    host_advance_ms(400);
    assert_true(w.done);
    assert_int_equal(w.result, 0);
}

static void wait_poll_many(void *arg)
{
    struct waiter *w = arg;
    struct pollfd p[40];

    for (int i = 0; i < 40; i++)
        p[i] = (struct pollfd){.fd = i, .events = POLLIN};
    w->result = sys_poll(F, p, 40, w->timeout_ms);
    w->events = (uint16_t)p[33].revents;
    w->done = true;
}

TEST("poll() on many descriptors wakes for any of them, and says so when it has no memory")
{
    struct waiter w = {.timeout_ms = -1}, poor = {.timeout_ms = -1};

    for (int i = 0; i < 40; i++)
        fake_connected();
    assert_non_null(task_create("poor", wait_poll_many, &poor, F));
    host_fail_allocation(1);
    host_run();
    assert_true(poor.done);
    assert_int_equal(poor.result, -ENOMEM);
    waiter_start(wait_poll_many, &w);
    assert_false(w.done);
    fake_arrive(33, "x");
    host_run();
    assert_true(w.done);
    assert_int_equal(w.result, 1);
    assert_int_equal(w.events, POLLIN);
}

TEST("a descriptor closed under a sleeping poll() becomes POLLNVAL when the sleeper looks again")
{
    struct waiter w = {.fd = fake_connected(), .timeout_ms = -1};
    struct fake_sock *f = fake_of(w.fd);

    waiter_start(wait_poll, &w);
    assert_int_equal(sys_close(F, w.fd), 0);
    assert_int_equal(fake.closed, 0);
    fake_arrive_at(f, "x");
    host_run();
    assert_true(w.done);
    assert_int_equal(w.events, POLLNVAL);
    assert_int_equal(fake.closed, 1);
}

static void poll_busily(void *arg)
{
    struct waiter *w = arg;

    while (!w->done && w->result++ < 1000)
        w->done = poll_now(w->fd, POLLIN) != 0;
}

static void send_to_waiter(void *arg)
{
    fake_arrive(((struct waiter *)arg)->fd, "x");
}

TEST("a task that polls without waiting does not keep others from running")
{
    struct waiter w = {.fd = fake_connected()};

    assert_non_null(task_create("busy", poll_busily, &w, F));
    assert_non_null(task_create("other", send_to_waiter, &w, F));
    host_run();
    assert_true(w.done);
    assert_int_equal(w.result, 1);
}

/* --- epoll: the table --- */

TEST("epoll_ctl() and epoll_wait() check what they are given")
{
    int ep = ep_new(), fd = fake_connected();
    struct epoll_event event = {.events = EPOLLIN};

    assert_int_equal(sys_epoll_create1(F, 1), -EINVAL);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_ADD, 99, EPOLLIN), -EBADF);
    assert_int_equal(ep_ctl(99, EPOLL_CTL_ADD, fd, EPOLLIN), -EBADF);
    assert_int_equal(ep_ctl(fd, EPOLL_CTL_ADD, ep, EPOLLIN), -EINVAL);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN), -EINVAL);
    assert_int_equal(ep_ctl(ep, 7, fd, EPOLLIN), -EINVAL);
    assert_int_equal(sys_epoll_ctl(F, ep, EPOLL_CTL_ADD, fd, NULL), -EFAULT);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN), -ENOENT);
    assert_int_equal(sys_epoll_ctl(F, ep, EPOLL_CTL_DEL, fd, NULL), -ENOENT);
    ep_add(ep, fd, EPOLLIN);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN), -EEXIST);
    assert_int_equal(sys_epoll_ctl(F, ep, EPOLL_CTL_DEL, fd, NULL), 0);
    assert_int_equal(sys_epoll_wait(F, ep, &event, 0, 0), -EINVAL);
    assert_int_equal(sys_epoll_wait(F, ep, &event, -1, 0), -EINVAL);
    assert_int_equal(sys_epoll_wait(F, ep, NULL, 1, 0), -EFAULT);
    assert_int_equal(sys_epoll_wait(F, 99, &event, 1, 0), -EBADF);
    assert_int_equal(sys_epoll_wait(F, fd, &event, 1, 0), -EINVAL);
}

TEST("the same file under two descriptors is watched twice")
{
    int ep = ep_new(), fd = fake_connected(), copy = sys_dup(F, fd);
    struct epoll_event events[4];

    ep_add(ep, fd, EPOLLIN);
    ep_add(ep, copy, EPOLLIN);
    fake_arrive(fd, "x");
    assert_int_equal(sys_epoll_wait(F, ep, events, 4, 0), 2);
    assert_int_equal(sys_epoll_ctl(F, ep, EPOLL_CTL_DEL, copy, NULL), 0);
    assert_true(ep_now(ep, fd) == EPOLLIN);
}

TEST("a descriptor that is closed leaves the set by itself")
{
    int ep = ep_new(), fd = fake_connected();

    ep_add(ep, fd, EPOLLIN | EPOLLOUT);
    assert_int_equal(sys_close(F, fd), 0);
    assert_int_equal(ep_now(ep, fd), 0);
    assert_int_equal(fake_connected(), fd);
    assert_int_equal(ep_now(ep, fd), 0);
    ep_add(ep, fd, EPOLLOUT);
    assert_int_equal(ep_now(ep, fd), EPOLLOUT);
}

TEST("a set that is closed lets go of what it watched")
{
    int ep = ep_new(), fd = fake_connected();

    ep_add(ep, fd, EPOLLIN);
    assert_true(waitqueue_active(&fake_of(fd)->sk.sk_wq));
    assert_int_equal(sys_close(F, ep), 0);
    assert_false(waitqueue_active(&fake_of(fd)->sk.sk_wq));
    fake_arrive(fd, "x");
}

TEST("epoll without memory says ENOMEM and is as before")
{
    int ep = ep_new(), fd = fake_connected();

    host_fail_allocation(1);
    assert_int_equal(sys_epoll_create1(F, 0), -ENOMEM);
    host_fail_allocation(1);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_ADD, fd, EPOLLOUT), -ENOMEM);
    assert_int_equal(ep_now(ep, fd), 0);
    ep_add(ep, fd, EPOLLOUT);
    assert_int_equal(ep_now(ep, fd), EPOLLOUT);
}

/* --- epoll: triggers --- */

TEST("level: an event is told again as long as it holds")
{
    int ep = ep_new(), fd = fake_connected();
    char c;

    ep_add(ep, fd, EPOLLIN);
    assert_int_equal(ep_now(ep, fd), 0);
    fake_arrive(fd, "xy");
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, 0, NULL, NULL), 1);
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, 0, NULL, NULL), 1);
    assert_int_equal(ep_now(ep, fd), 0);
    fake_arrive(fd, "z");
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
}

TEST("edge: an event is told once for each arrival, read or not")
{
    int ep = ep_new(), fd = fake_connected();

    ep_add(ep, fd, EPOLLIN | EPOLLET);
    fake_arrive(fd, "x");
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    assert_int_equal(ep_now(ep, fd), 0);
    fake_arrive(fd, "y");
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    fake_arrive(fd, "1");
    fake_arrive(fd, "2");
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    assert_int_equal(ep_now(ep, fd), 0);
}

TEST("edge: what holds already when the descriptor is added or modified is an event")
{
    int ep = ep_new(), fd = fake_connected();

    fake_arrive(fd, "x");
    ep_add(ep, fd, EPOLLIN | EPOLLET);
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    assert_int_equal(ep_now(ep, fd), 0);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | EPOLLET), 0);
    assert_int_equal(ep_now(ep, fd), EPOLLIN | EPOLLOUT);
    assert_int_equal(ep_now(ep, fd), 0);
}

TEST("edge: an arrival shows all that holds, also what is not new")
{
    int ep = ep_new(), fd = fake_connected();

    ep_add(ep, fd, EPOLLIN | EPOLLOUT | EPOLLET);
    assert_int_equal(ep_now(ep, fd), EPOLLOUT);
    fake_arrive(fd, "x");
    assert_int_equal(ep_now(ep, fd), EPOLLIN | EPOLLOUT);
}

TEST("oneshot: silent after one event until it is armed again")
{
    int ep = ep_new(), fd = fake_connected();

    ep_add(ep, fd, EPOLLIN | EPOLLONESHOT);
    fake_arrive(fd, "x");
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    fake_arrive(fd, "y");
    fake_of(fd)->sk.sk_err = ECONNRESET;
    fake_of(fd)->sk.sk_error_report(&fake_of(fd)->sk);
    assert_int_equal(ep_now(ep, fd), 0);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT), 0);
    assert_int_equal(ep_now(ep, fd), EPOLLIN | EPOLLERR);
    assert_int_equal(ep_now(ep, fd), 0);
}

TEST("EPOLLERR and EPOLLHUP come unasked, EPOLLRDHUP only when asked for")
{
    int ep = ep_new(), fd = fake_connected();

    ep_add(ep, fd, 0);
    fake_peer_closes(fd);
    assert_int_equal(ep_now(ep, fd), 0);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLRDHUP), 0);
    assert_int_equal(ep_now(ep, fd), EPOLLIN | EPOLLRDHUP);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_MOD, fd, 0), 0);
    assert_int_equal(sys_shutdown(F, fd, SHUT_WR), 0);
    assert_int_equal(ep_now(ep, fd), EPOLLHUP);
    fake_of(fd)->sk.sk_err = EPIPE;
    assert_int_equal(ep_now(ep, fd), EPOLLHUP | EPOLLERR);
}

TEST("a modified item reports what it now wants")
{
    int ep = ep_new(), fd = fake_connected();

    ep_add(ep, fd, EPOLLOUT);
    assert_int_equal(ep_now(ep, fd), EPOLLOUT);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN), 0);
    assert_int_equal(ep_now(ep, fd), 0);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLOUT), 0);
    assert_int_equal(ep_now(ep, fd), EPOLLOUT);
}

TEST("a deleted item that was ready is not reported")
{
    int ep = ep_new(), fd = fake_connected();

    ep_add(ep, fd, EPOLLIN);
    fake_arrive(fd, "x");
    assert_int_equal(sys_epoll_ctl(F, ep, EPOLL_CTL_DEL, fd, NULL), 0);
    assert_int_equal(ep_now(ep, fd), 0);
}

TEST("level: with more ready than asked for, each comes in turn")
{
    int ep = ep_new();
    unsigned seen[6] = {0};

    for (int i = 1; i <= 5; i++) {
        assert_int_equal(fake_connected(), i);
        ep_add(ep, i, EPOLLOUT);
    }
    for (int round = 0; round < 5; round++) {
        struct epoll_event events[2];
        assert_int_equal(sys_epoll_wait(F, ep, events, 2, 0), 2);
        seen[events[0].data.u64 & 0xff]++;
        seen[events[1].data.u64 & 0xff]++;
    }
    for (int i = 1; i <= 5; i++)
        assert_int_equal(seen[i], 2);
}

TEST("edge: room to write is no arrival for who waits to read")
{
    int ep = ep_new(), fd = fake_connected();
    struct sock *sk = &fake_of(fd)->sk;

    ep_add(ep, fd, EPOLLIN | EPOLLET);
    fake_arrive(fd, "unread");
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    sk->sk_write_space(sk);
    assert_int_equal(ep_now(ep, fd), 0);
}

/* --- epoll: sleeping --- */

TEST("epoll_wait() sleeps until something happens")
{
    int ep = ep_new(), fd = fake_connected();
    struct waiter w = {.fd = ep, .timeout_ms = -1};

    ep_add(ep, fd, EPOLLIN);
    waiter_start(wait_epoll, &w);
    host_advance_ms(100000);
    assert_false(w.done);
    fake_arrive(fd, "x");
    host_run();
    assert_true(w.done);
    assert_int_equal(w.result, 1);
    assert_int_equal(w.events, EPOLLIN);
}

TEST("epoll_wait() gives up at its timeout, to the millisecond")
{
    struct waiter w = {.fd = ep_new(), .timeout_ms = 42};

    waiter_start(wait_epoll, &w);
    host_advance_ms(1000);
    assert_true(w.done);
    assert_int_equal(w.result, 0);
    assert_int_equal(w.took_ms, 42);
}

TEST("a descriptor added while another task sleeps in epoll_wait() wakes it")
{
    int ep = ep_new();
    struct waiter w = {.fd = ep, .timeout_ms = -1};

    waiter_start(wait_epoll, &w);
    ep_add(ep, fake_connected(), EPOLLOUT);
    host_run();
    assert_true(w.done);
    assert_int_equal(w.events, EPOLLOUT);
}

TEST("one edge wakes two sleepers, one of them gets it, the other sleeps on")
{
    int ep = ep_new(), fd = fake_connected();
    struct waiter a = {.fd = ep, .timeout_ms = 100}, b = {.fd = ep, .timeout_ms = 100};

    ep_add(ep, fd, EPOLLIN | EPOLLET);
    waiter_start(wait_epoll, &a);
    waiter_start(wait_epoll, &b);
    fake_arrive(fd, "x");
    host_run();
    assert_true(a.done != b.done);
    host_advance_ms(200);
    assert_true(a.done && b.done);
    assert_int_equal(a.result + b.result, 1);
}

TEST("a set closed under a sleeper lives until it has gone")
{
    int ep = ep_new(), fd = fake_connected();
    struct waiter w = {.fd = ep, .timeout_ms = 100};

    ep_add(ep, fd, EPOLLIN);
    waiter_start(wait_epoll, &w);
    assert_int_equal(sys_close(F, ep), 0);
    host_advance_ms(50);
    fake_arrive(fd, "x");
    host_run();
    assert_true(w.done);
    assert_int_equal(w.result, 1);
    assert_false(waitqueue_active(&fake_of(fd)->sk.sk_wq));
}

static void wait_busily(void *arg)
{
    struct waiter *w = arg;
    struct epoll_event event;

    while (!w->done && w->result++ < 1000)
        sys_epoll_wait(F, w->fd, &event, 1, -1);
}

static void end_busy_task(void *arg)
{
    ((struct waiter *)arg)->done = true;
}

TEST("a task whose descriptors are always ready still lets others run")
{
    int ep = ep_new();
    struct waiter w = {.fd = ep};

    ep_add(ep, fake_connected(), EPOLLOUT);
    assert_non_null(task_create("busy", wait_busily, &w, F));
    assert_non_null(task_create("other", end_busy_task, &w, F));
    host_run();
    assert_true(w.result < 100);
}

/* --- epoll: sets in sets, exclusive --- */

TEST("a set can be watched by another set")
{
    int outer = ep_new(), inner = ep_new(), fd = fake_connected();
    char c;

    ep_add(outer, inner, EPOLLIN);
    ep_add(inner, fd, EPOLLIN);
    assert_int_equal(ep_now(outer, inner), 0);
    fake_arrive(fd, "x");
    assert_int_equal(poll_now(inner, POLLIN), POLLIN);
    assert_int_equal(ep_now(outer, inner), EPOLLIN);
    assert_int_equal(ep_now(inner, fd), EPOLLIN);
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, 0, NULL, NULL), 1);
    assert_int_equal(ep_now(outer, inner), 0);
    assert_int_equal(ep_now(inner, fd), 0);
}

TEST("a sleeper on the outer set hears of the inner one's descriptors")
{
    int outer = ep_new(), inner = ep_new(), fd = fake_connected();
    struct waiter w = {.fd = outer, .timeout_ms = -1};

    ep_add(inner, fd, EPOLLIN);
    ep_add(outer, inner, EPOLLIN | EPOLLET);
    waiter_start(wait_epoll, &w);
    fake_arrive(fd, "x");
    host_run();
    assert_true(w.done);
    assert_int_equal(w.events, EPOLLIN);
}

TEST("sets nest one level deep, and never in a circle")
{
    int a = ep_new(), b = ep_new(), c = ep_new();

    ep_add(a, b, EPOLLIN);
    assert_int_equal(ep_ctl(b, EPOLL_CTL_ADD, a, EPOLLIN), -ELOOP);
    assert_int_equal(ep_ctl(b, EPOLL_CTL_ADD, c, EPOLLIN), -ELOOP);
    assert_int_equal(ep_ctl(c, EPOLL_CTL_ADD, a, EPOLLIN), -ELOOP);
    assert_int_equal(sys_epoll_ctl(F, a, EPOLL_CTL_DEL, b, NULL), 0);
    ep_add(b, a, EPOLLIN);
    assert_int_equal(sys_close(F, a), 0);
    ep_add(c, b, EPOLLIN);
}

TEST("EPOLLEXCLUSIVE is for adding descriptors that are no sets, with few other bits")
{
    int ep = ep_new(), fd = fake_connected();

    assert_int_equal(ep_ctl(ep, EPOLL_CTL_ADD, ep_new(), EPOLLIN | EPOLLEXCLUSIVE), -EINVAL);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT | EPOLLEXCLUSIVE), -EINVAL);
    ep_add(ep, fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE), -EINVAL);
    assert_int_equal(ep_ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN), -EINVAL);
    fake_arrive(fd, "x");
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
}

TEST("a listener is readable while a connection waits")
{
    int ep = ep_new(), fd = fake_listener();

    ep_add(ep, fd, EPOLLIN);
    assert_int_equal(ep_now(ep, fd), 0);
    fake_incoming(fd);
    assert_int_equal(ep_now(ep, fd), EPOLLIN);
    assert_true(sys_accept4(F, fd, NULL, NULL, 0) > 0);
    assert_int_equal(ep_now(ep, fd), 0);
}

TEST_FIXTURE(fake_start, fake_end)
