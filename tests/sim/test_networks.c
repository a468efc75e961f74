/*
 * test_networks.c - networks of several Skiffs: hosts with routers between them, over bad links, and routers
 * that send a datagram round in a circle.
 *
 *     left 10.0.0.2 --- router 0 --- router 1 ... router n-1 --- right 10.0.<n>.2
 *
 * Link i is the network 10.0.<i>.0/24; router i has 10.0.<i>.254 on its left and 10.0.<i + 1>.1 on its right.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/task.h"
#include "net/core/sysctl.h"
#include "net/ipv4/route.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define ROUTERS_MAX 6
#define PORT        5001

static struct sim_link *links[ROUTERS_MAX + 1];
static struct sim_host *routers[ROUTERS_MAX], *left, *right;
static struct net_device *second[ROUTERS_MAX]; /* right-hand devices of the routers */
static unsigned nr_routers;

static be32 host(unsigned network, unsigned number)
{
    return cpu_to_be32(10u << 24 | network << 8 | number);
}

static void add_route(struct sim_host *h, be32 dst, uint8_t len, be32 gateway)
{
    struct fib_config cfg = {.dst = dst, .prefix_len = len, .gateway = gateway};

    assert_int_equal(fib_add(h->net, &cfg), 0);
}

/* No two cards of a router may have the same link address. */
static void number_card(struct net_device *dev, unsigned network)
{
    dev->dev_addr[4] = (uint8_t)(network + 1);
}

static struct sim_host *make_host(const char *name, unsigned network, unsigned number)
{
    char cidr[32];

    snprintf(cidr, sizeof(cidr), "10.0.%u.%u/24", network, number);
    struct sim_host *h = sim_host_create(name, links[network], cidr);

    number_card(h->dev, network);
    return h;
}

/* Every router knows the networks on its left by its left neighbour and the rest by its right one. */
static void make_router(unsigned i)
{
    routers[i] = make_host("router", i, 254);
    second[i] = sim_device_create(links[i + 1], routers[i]->net);
    number_card(second[i], i + 1);
    assert_int_equal(inet_addr_add(second[i], host(i + 1, 1), 24), 0);
    assert_int_equal(sysctl_set(routers[i]->net, "net.ipv4.ip_forward", "1"), 0);
    for (unsigned network = 0; network < i; network++)
        add_route(routers[i], host(network, 0), 24, host(i, 1));
    if (i + 1 < nr_routers)
        add_route(routers[i], (__force be32)0, 0, host(i + 1, 254));
}

static void make_chain(unsigned n, const struct sim_conditions *conditions)
{
    nr_routers = n;
    for (unsigned i = 0; i <= n; i++) {
        links[i] = sim_link_create();
        sim_link_set(links[i], conditions);
    }
    for (unsigned i = 0; i < n; i++)
        make_router(i);
    left = make_host("left", 0, 2);
    right = make_host("right", n, 2);
    add_route(left, (__force be32)0, 0, host(0, 254));
    add_route(right, (__force be32)0, 0, host(n, 1));
    host_advance_ms(5000); /* announcements */
}

static void destroy_chain(void)
{
    host_advance_ms(300000); /* connections end, TIME_WAIT too */
    sim_host_destroy(left);
    sim_host_destroy(right);
    for (unsigned i = 0; i < nr_routers; i++) {
        assert_int_equal(routers[i]->net->sock_count, 0);
        sim_device_destroy(second[i]);
        sim_host_destroy(routers[i]);
    }
    for (unsigned i = 0; i <= nr_routers; i++)
        sim_link_destroy(links[i]);
}

/* --- bytes from the left to the right and back --- */

struct transfer {
    size_t size, checked; /* bytes; how many have come back right */
    int unfinished, error;
};

static uint8_t pattern(size_t offset)
{
    return (uint8_t)((offset / 8 + 1) * 0x9e3779b97f4a7c15u >> (8 * (offset % 8)));
}

static int listen_on(struct files *files)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = sys_socket(files, AF_INET, SOCK_STREAM, 0);

    if (sys_bind(files, fd, (void *)&addr, sizeof(addr)) || sys_listen(files, fd, 4))
        return -1;
    return fd;
}

/* Sends back what it gets. */
static void echo_task(void *arg)
{
    static char buf[16384];
    struct transfer *t = arg;
    int listener = listen_on(right->files);
    int fd = sys_accept4(right->files, listener, NULL, NULL, 0);
    ssize_t n;

    while (fd >= 0 && (n = sys_recvfrom(right->files, fd, buf, sizeof(buf), 0, NULL, NULL)) > 0)
        for (ssize_t sent = 0, ret; sent < n; sent += ret) {
            ret = sys_sendto(right->files, fd, buf + sent, (size_t)(n - sent), 0, NULL, 0);
            if (ret <= 0)
                break;
        }
    if (fd >= 0)
        sys_close(right->files, fd);
    sys_close(right->files, listener);
    t->unfinished--;
}

static void send_task(void *arg)
{
    struct transfer *t = ((void **)arg)[0];
    int fd = (int)(intptr_t)((void **)arg)[1];
    uint8_t buf[5000];

    for (size_t sent = 0; sent < t->size;) {
        size_t n = t->size - sent < sizeof(buf) ? t->size - sent : sizeof(buf);

        for (size_t i = 0; i < n; i++)
            buf[i] = pattern(sent + i);
        ssize_t ret = sys_sendto(left->files, fd, buf, n, 0, NULL, 0);
        if (ret <= 0) {
            t->error = (int)-ret;
            break;
        }
        sent += (size_t)ret;
    }
    sys_shutdown(left->files, fd, SHUT_WR);
    t->unfinished--;
}

static void receive_task(void *arg)
{
    struct transfer *t = ((void **)arg)[0];
    int fd = (int)(intptr_t)((void **)arg)[1];
    uint8_t buf[9000];
    ssize_t n;

    while ((n = sys_recvfrom(left->files, fd, buf, sizeof(buf), 0, NULL, NULL)) > 0)
        for (ssize_t i = 0; i < n; i++, t->checked++)
            if (buf[i] != pattern(t->checked))
                t->error = EILSEQ;
    t->unfinished--;
}

static void connect_task(void *arg)
{
    struct transfer *t = ((void **)arg)[0];
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(PORT),
                               .sin_addr.s_addr = (__force uint32_t)host(nr_routers, 2)};
    int fd = sys_socket(left->files, AF_INET, SOCK_STREAM, 0);
    int ret = sys_connect(left->files, fd, (void *)&addr, sizeof(addr));

    ((void **)arg)[1] = (void *)(intptr_t)fd;
    if (ret) {
        t->error = -ret;
        t->unfinished -= 2;
    } else {
        task_create("send", send_task, arg, left->files);
        receive_task(arg);
    }
}

static bool finished(void *arg)
{
    return ((struct transfer *)arg)->unfinished == 0;
}

static void transfer(size_t size)
{
    struct transfer t = {.size = size, .unfinished = 3};
    void *arg[2] = {&t, NULL};

    task_create("echo", echo_task, &t, right->files);
    task_create("connect", connect_task, arg, left->files);
    assert_true(host_run_until(finished, &t, 600 * 1000000000ull));
    assert_int_equal(t.error, 0);
    assert_int_equal(t.checked, size);
}

TEST("a router between two hosts carries a connection both ways over links that lose, reorder and duplicate")
{
    static const struct sim_conditions conditions[] = {
        {.delay_ns = 1000000},
        {.loss = 0.01, .duplicate = 0.01, .reorder = 0.02, .delay_ns = 2000000, .jitter_ns = 500000},
        {.loss = 0.03, .corrupt = 0.01, .delay_ns = 5000000, .rate_bps = 20000000, .queue_frames = 50},
    };

    for (unsigned i = 0; i < 3; i++) {
        host_random_seed(100 + i);
        make_chain(1, &conditions[i]);
        transfer(i ? 150000 : 600000);
        assert_true(routers[0]->net->mib[MIB_IpForwDatagrams] > 100);
        assert_int_equal(routers[0]->net->mib[MIB_TcpInSegs], 0);
        destroy_chain();
    }
}

TEST("six routers in a row: everything arrives, and each has taken its hop")
{
    make_chain(6, &(struct sim_conditions){.delay_ns = 300000});
    transfer(200000);
    for (unsigned i = 0; i < 6; i++)
        assert_true(routers[i]->net->mib[MIB_IpForwDatagrams] > 100);
    destroy_chain();
}

TEST("a link in the middle that takes less is found by the path MTU, and nothing is lost to it for long")
{
    make_chain(3, &(struct sim_conditions){.delay_ns = 300000});
    dev_set_mtu(second[1], 1000);
    dev_set_mtu(routers[2]->dev, 1000);
    transfer(300000);
    assert_in_range(routers[1]->net->drops[SKB_DROP_REASON_IP_MTU], 1, 60);
    destroy_chain();
}

/* The ICMP type and code that a datagram from the left to `to` draws, as type << 8 | code; 0: nothing. */
static unsigned last_error;

static bool watch_error(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    if (from != left->dev && len > 35 && frame[23] == IPPROTO_ICMP)
        last_error = (unsigned)frame[34] << 8 | frame[35];
    return true;
}

static unsigned error_of(be32 to, int ttl)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = (__force uint32_t)to};
    int fd = sys_socket(left->files, AF_INET, SOCK_DGRAM, 0);
    char c = 0;

    last_error = 0;
    sim_link_set_filter(links[0], watch_error, NULL);
    sys_setsockopt(left->files, fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
    sys_sendto(left->files, fd, &c, 1, 0, (void *)&addr, sizeof(addr));
    host_advance_ms(8000);
    sys_close(left->files, fd);
    return last_error;
}

#define ERROR(type, code) ((type) << 8 | (code))

TEST(
    "each hop is found by its time exceeded, the host by its closed port, and what has no way by the last router")
{
    make_chain(4, &(struct sim_conditions){.delay_ns = 300000});
    for (int ttl = 1; ttl <= 4; ttl++) {
        assert_int_equal(error_of(host(4, 2), ttl), ERROR(11, 0));
        assert_int_equal(routers[ttl - 1]->net->mib[MIB_IcmpOutTimeExcds], 1);
    }
    assert_int_equal(error_of(host(4, 2), 5), ERROR(3, 3));
    assert_int_equal(error_of(cpu_to_be32(0xc0000201), 64), ERROR(3, 0));
    assert_int_equal(error_of(host(4, 77), 64), ERROR(3, 1));
    destroy_chain();
}

TEST("routers that send a datagram round in a circle let it die by its TTL, and say so once")
{
    make_chain(2, &(struct sim_conditions){.delay_ns = 300000});
    error_of(host(2, 2), 64); /* neighbours know each other */
    /* The left router believes in the right one, and the right one in the left one. */
    add_route(routers[1], (__force be32)0, 0, host(1, 1));
    uint64_t before = sim_link_counters(links[1])->sent;
    assert_int_equal(error_of(cpu_to_be32(0xc0000201), 64), ERROR(11, 0));
    assert_in_range(sim_link_counters(links[1])->sent - before, 62, 75);
    assert_int_equal(routers[0]->net->mib[MIB_IcmpOutTimeExcds] + routers[1]->net->mib[MIB_IcmpOutTimeExcds],
                     1);
    destroy_chain();
}

TEST_MAIN()
