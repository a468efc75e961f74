/*
 * test_posix_sockets.c - tasks that talk over the loopback device by real UDP and TCP, and the address that
 * DHCP sets: descriptors, calls, transports, IP and device together.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "kernel/byteorder.h"
#include "kernel/page.h"
#include "kernel/ramfs.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/core/netdevice.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>

static struct testnet *t;
static struct files *F;
static size_t objects, pages;

static int start(void **state)
{
    t = testnet_create("10.0.0.1/24"); /* the first one makes the object caches */
    testnet_destroy(t);
    objects = host_objects_alive();
    pages = host_pages_alive();
    t = testnet_create("10.0.0.1/24");
    F = files_create(t->net, NULL);
    return F ? 0 : -1;
}

static int end(void **state)
{
    files_destroy(F);
    host_advance_ms(200000); /* connections end, TIME_WAIT too */
    testnet_destroy(t);
    assert_int_equal(host_objects_alive(), objects);
    assert_int_equal(host_pages_alive(), pages);
    return 0;
}

/* A task of a test; what it has to say when it is done. */
struct job {
    void (*run)(struct job *job);
    int fd;
    uint16_t port;
    long result;
    bool done;
};

static void job_main(void *arg)
{
    struct job *job = arg;

    job->run(job);
    job->done = true;
}

static void job_start(struct job *job)
{
    assert_non_null(task_create("job", job_main, job, F));
    host_run();
}

static int bound_socket(int type, uint16_t port)
{
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = sys_socket(F, AF_INET, type, 0);

    assert_true(fd >= 0);
    assert_int_equal(sys_bind(F, fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    return fd;
}

static int connect_local(int fd, uint16_t port)
{
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return sys_connect(F, fd, (struct sockaddr *)&sin, sizeof(sin));
}

/* --- UDP --- */

static void udp_echo(struct job *job)
{
    char buf[2000];

    while (job->result < 3) {
        struct sockaddr_in from;
        socklen_t len = sizeof(from);
        ssize_t n = sys_recvfrom(F, job->fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
        if (n < 0 || sys_sendto(F, job->fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len) != n)
            return;
        job->result++;
    }
}

static void udp_ask(struct job *job)
{
    static const size_t sizes[] = {1, 0, 1400};
    char out[1400], in[2000];

    memset(out, 'q', sizeof(out));
    job->result = connect_local(job->fd, 7);
    for (size_t i = 0; i < 3 && !job->result; i++) {
        if (sys_sendto(F, job->fd, out, sizes[i], 0, NULL, 0) != (ssize_t)sizes[i])
            job->result = -1;
        if (sys_recvfrom(F, job->fd, in, sizeof(in), 0, NULL, NULL) != (ssize_t)sizes[i])
            job->result = -2;
        if (memcmp(in, out, sizes[i]))
            job->result = -3;
    }
}

TEST("UDP: a task asks, another answers, datagram by datagram")
{
    struct job server = {.run = udp_echo, .fd = bound_socket(SOCK_DGRAM, 7)};
    struct job client = {.run = udp_ask, .fd = sys_socket(F, AF_INET, SOCK_DGRAM, 0)};

    job_start(&server);
    job_start(&client);
    assert_true(server.done && client.done);
    assert_int_equal(client.result, 0);
    assert_int_equal(server.result, 3);
}

TEST("UDP: epoll sees a datagram, level and edge")
{
    int fd = bound_socket(SOCK_DGRAM, 7), out = sys_socket(F, AF_INET, SOCK_DGRAM, 0);
    int level = sys_epoll_create1(F, 0), edge = sys_epoll_create1(F, 0);
    struct epoll_event event = {.events = EPOLLIN};
    char c;

    assert_int_equal(sys_epoll_ctl(F, level, EPOLL_CTL_ADD, fd, &event), 0);
    event.events |= EPOLLET;
    assert_int_equal(sys_epoll_ctl(F, edge, EPOLL_CTL_ADD, fd, &event), 0);
    assert_int_equal(sys_epoll_wait(F, level, &event, 1, 0), 0);
    assert_int_equal(connect_local(out, 7), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sys_sendto(F, out, "x", 1, 0, NULL, 0), 1);
        host_run();
        assert_int_equal(sys_epoll_wait(F, level, &event, 1, 0), 1);
        assert_int_equal(sys_epoll_wait(F, level, &event, 1, 0), 1);
        assert_int_equal(sys_epoll_wait(F, edge, &event, 1, 0), 1);
        assert_int_equal(sys_epoll_wait(F, edge, &event, 1, 0), 0);
    }
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, 0, NULL, NULL), 1);
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, 0, NULL, NULL), 1);
    assert_int_equal(sys_epoll_wait(F, level, &event, 1, 0), 0);
}

TEST("UDP: a port nobody listens on is told as ECONNREFUSED, once")
{
    int fd = sys_socket(F, AF_INET, SOCK_DGRAM, 0);
    char c;

    assert_int_equal(connect_local(fd, 9), 0);
    assert_int_equal(sys_sendto(F, fd, "x", 1, 0, NULL, 0), 1);
    host_run();
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, MSG_DONTWAIT, NULL, NULL), -ECONNREFUSED);
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, MSG_DONTWAIT, NULL, NULL), -EAGAIN);
}

/* --- TCP --- */

#define TRANSFER 300000

static void tcp_serve(struct job *job)
{
    char buf[5000];
    ssize_t n = 0;
    int fd = sys_accept4(F, job->fd, NULL, NULL, 0);

    while (fd >= 0 && (n = sys_recvfrom(F, fd, buf, sizeof(buf), 0, NULL, NULL)) > 0)
        for (ssize_t i = 0; i < n; i++, job->result++)
            if (buf[i] != (char)(job->result % 251))
                return;
    if (n == 0)
        sys_sendto(F, fd, "bye", 3, 0, NULL, 0);
    sys_close(F, fd);
}

static void tcp_send_much(struct job *job)
{
    static char data[TRANSFER];
    ssize_t n = 0;
    char reply[4] = "";

    for (size_t i = 0; i < TRANSFER; i++)
        data[i] = (char)(i % 251);
    job->result = connect_local(job->fd, job->port);
    for (size_t done = 0; !job->result && done < TRANSFER; done += (size_t)n) {
        n = sys_sendto(F, job->fd, data + done, TRANSFER - done, 0, NULL, 0);
        if (n <= 0)
            job->result = n ? n : -1;
    }
    if (!job->result)
        job->result = sys_shutdown(F, job->fd, SHUT_WR);
    if (!job->result &&
        (sys_recvfrom(F, job->fd, reply, 4, MSG_WAITALL, NULL, NULL) != 3 || strcmp(reply, "bye")))
        job->result = -2;
}

TEST("TCP: a task sends, another reads, every byte, then half-close and a last word")
{
    struct job server = {.run = tcp_serve, .fd = bound_socket(SOCK_STREAM, 80)};
    struct job client = {.run = tcp_send_much, .fd = sys_socket(F, AF_INET, SOCK_STREAM, 0), .port = 80};

    assert_int_equal(sys_listen(F, server.fd, 5), 0);
    job_start(&server);
    job_start(&client);
    host_advance_ms(5000);
    assert_true(server.done && client.done);
    assert_int_equal(client.result, 0);
    assert_int_equal(server.result, TRANSFER);
}

TEST("TCP: connect() to a port nobody listens on is refused")
{
    struct job client = {.run = tcp_send_much, .fd = sys_socket(F, AF_INET, SOCK_STREAM, 0), .port = 81};

    job_start(&client);
    host_advance_ms(10);
    assert_true(client.done);
    assert_int_equal(client.result, -ECONNREFUSED);
}

static uint32_t ep_events(int ep)
{
    struct epoll_event event;

    host_run();
    return sys_epoll_wait(F, ep, &event, 1, 0) == 1 ? event.events : 0;
}

/* A connection over the loopback: *client and what accept() gave. */
static int tcp_pair(int *client)
{
    int listener = bound_socket(SOCK_STREAM, 80), fd;

    assert_int_equal(sys_listen(F, listener, 5), 0);
    *client = sys_socket(F, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect_local(*client, 80), -EINPROGRESS);
    host_run();
    fd = sys_accept4(F, listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(sys_close(F, listener), 0);
    return fd;
}

TEST("TCP: epoll tells connected, readable, half-closed, reset")
{
    int client, server = tcp_pair(&client), ep = sys_epoll_create1(F, 0), err;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    socklen_t len = sizeof(err);

    assert_int_equal(sys_epoll_ctl(F, ep, EPOLL_CTL_ADD, client, &event), 0);
    assert_int_equal(ep_events(ep), EPOLLOUT);
    assert_int_equal(ep_events(ep), 0);
    assert_int_equal(connect_local(client, 80), 0);
    assert_int_equal(connect_local(client, 80), -EISCONN);
    assert_int_equal(sys_sendto(F, server, "x", 1, 0, NULL, 0), 1);
    assert_int_equal(ep_events(ep), EPOLLIN | EPOLLOUT);
    assert_int_equal(sys_shutdown(F, server, SHUT_WR), 0);
    assert_int_equal(ep_events(ep), EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    assert_int_equal(sys_sendto(F, client, "unread", 6, 0, NULL, 0), 6);
    host_run();
    assert_int_equal(sys_close(F, server), 0);
    assert_true(ep_events(ep) & EPOLLHUP);
    assert_int_equal(sys_getsockopt(F, client, SOL_SOCKET, SO_ERROR, &err, &len), 0);
    assert_true(err == ECONNRESET || err == EPIPE);
}

static void close_job(struct job *job)
{
    job->result = sys_close(F, job->fd);
}

TEST("TCP: a listener with a connection nobody accepted is closed without leaving anything")
{
    int listener = bound_socket(SOCK_STREAM, 80),
        client = sys_socket(F, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct job job = {.run = close_job, .fd = listener};

    assert_int_equal(sys_listen(F, listener, 5), 0);
    assert_int_equal(connect_local(client, 80), -EINPROGRESS);
    host_run();
    job_start(&job);
    assert_int_equal(job.result, 0);
}

TEST("TCP: without a descriptor accept() leaves the connection where it is")
{
    int listener = bound_socket(SOCK_STREAM, 80),
        client = sys_socket(F, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    assert_int_equal(sys_listen(F, listener, 5), 0);
    assert_int_equal(connect_local(client, 80), -EINPROGRESS);
    host_run();
    while (sys_dup(F, client) >= 0)
        ;
    assert_int_equal(sys_accept4(F, listener, NULL, NULL, SOCK_NONBLOCK), -EMFILE);
    assert_int_equal(sys_close(F, 500), 0);
    assert_int_equal(sys_accept4(F, listener, NULL, NULL, SOCK_NONBLOCK), 500);
}

/* --- sendfile over TCP --- */

#define FILE_LEN 20000

static size_t make_archive(uint8_t *tar)
{
    unsigned sum = 0;

    memset(tar, 0, 512);
    memcpy(tar, "file", 5);
    snprintf((char *)tar + 124, 12, "%011o", FILE_LEN);
    snprintf((char *)tar + 136, 12, "%011o", 0);
    tar[156] = '0';
    memcpy(tar + 257, "ustar\00000", 8);
    memset(tar + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += tar[i];
    snprintf((char *)tar + 148, 8, "%06o", sum);
    for (size_t i = 0; i < FILE_LEN; i++)
        tar[512 + i] = (uint8_t)(i % 239);
    memset(tar + 512 + FILE_LEN, 0, 2048);
    return 512 + FILE_LEN + 2048;
}

TEST("TCP: sendfile() brings a file across, byte for byte, and its pages are free afterwards")
{
    int client, server = tcp_pair(&client), in;
    struct page *module = alloc_pages(3);
    const char *why;
    off_t offset = 0;
    size_t got = 0;
    bool same = true;

    F->root = ramfs_mount_tar(page_address(module), make_archive(page_address(module)), &why);
    assert_non_null(F->root);
    in = sys_open(F, "/file", O_RDONLY);
    for (int round = 0; round < 100 && got < FILE_LEN; round++) {
        uint8_t buf[3000];
        ssize_t n = sys_sendfile(F, server, in, &offset, FILE_LEN);
        assert_true(n >= 0 || n == -EAGAIN);
        host_advance_ms(50);
        while ((n = sys_recvfrom(F, client, buf, sizeof(buf), 0, NULL, NULL)) > 0)
            for (ssize_t i = 0; i < n; i++, got++)
                same &= buf[i] == got % 239;
    }
    assert_int_equal(got, FILE_LEN);
    assert_true(same);
    assert_int_equal(offset, FILE_LEN);
    host_advance_ms(1000); /* the last acknowledgement */
    assert_int_equal(module->refcount, 1);
    assert_int_equal(sys_close(F, in), 0);
    ramfs_unmount((struct ramfs *)F->root);
    F->root = NULL;
    put_page(module);
}

/* --- an address after duplicate detection --- */

#define PROBED 0x0a000063u /* 10.0.0.99 */

static void set_probed_address(struct job *job)
{
    job->result = if_set_address(t->net, "eth0", cpu_to_be32(PROBED), 24, true);
}

static unsigned count_probes(void)
{
    uint8_t frame[2000];
    unsigned probes = 0;

    for (size_t n; (n = testnet_pop(t, frame, sizeof(frame)));)
        if (testnet_u16(frame + 12) == 0x0806 && testnet_u32(frame + 28) == 0 &&
            testnet_u32(frame + 38) == PROBED)
            probes++;
    return probes;
}

TEST("an address nobody has is ours after three probes, and the caller slept meanwhile")
{
    struct job job = {.run = set_probed_address};

    t->keep_arp = true;
    job_start(&job);
    assert_false(job.done);
    host_advance_ms(9000);
    assert_true(job.done);
    assert_int_equal(job.result, 0);
    assert_int_equal(count_probes(), 3);
    assert_false(inet_addr_find(t->net, t->dev, cpu_to_be32(PROBED))->tentative);
    assert_null(inet_addr_find(t->net, t->dev, cpu_to_be32(t->local)));
}

static void inject_claim(void)
{
    static const uint8_t claim[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,  9, 8, 6,
                                    0,    1,    8,    0,    6,    4,    0, 2, 2, 0, 0,  0, 0, 9,
                                    10,   0,    0,    99,   2,    0,    0, 0, 0, 1, 10, 0, 0, 99};

    testnet_inject(t, claim, sizeof(claim));
}

TEST("an address somebody has is EADDRINUSE, and the device has none")
{
    struct job job = {.run = set_probed_address};

    job_start(&job);
    host_advance_ms(1500);
    assert_false(job.done);
    inject_claim();
    host_advance_ms(10);
    assert_true(job.done);
    assert_int_equal(job.result, -EADDRINUSE);
    assert_true(list_empty(&t->dev->ifa_list));
}

TEST("duplicate detection survives every allocation that fails")
{
    for (unsigned n = 1;; n++) {
        struct job job = {.run = set_probed_address};
        assert_non_null(task_create("job", job_main, &job, F));
        host_fail_allocation(n);
        host_advance_ms(20000);
        assert_true(job.done);
        if (!host_allocation_failed())
            break;
        if (job.result)
            assert_true(list_empty(&t->dev->ifa_list) ||
                        !inet_addr_find(t->net, t->dev, cpu_to_be32(PROBED)));
        host_fail_allocation(0);
        if_set_address(t->net, "eth0", cpu_to_be32(t->local), 24, false);
    }
    host_fail_allocation(0);
}

TEST_FIXTURE(start, end)
