/*
 * test_shutdown.c - the machine's orderly end: in which order it goes, how long it waits, and what peers see
 * (kernel/shutdown.c, net/socket/shutdown.c, net/tcp/tcp_farewell.c).
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "kernel/shutdown.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define PORT     80
#define LIMIT_MS 3200 /* of all stages, and what is waited at last */

enum { END_PROGRAM, END_ADDRESS }; /* enum skiff_end of skiff/machine.h */

static struct sim_link *wire;
static struct sim_host *machine, *peer;
static struct {
    size_t objects, pages;
} before;

/* What the machine has put on the wire. */
static struct {
    unsigned fins, rsts;
    bool deaf; /* what the peer says is lost */
} sent;

static struct {
    const char *how;
    uint64_t at_ms;
    unsigned times;
} gone;

static void goes(const char *how)
{
    gone.how = how;
    gone.at_ms = ktime_get_ms();
    gone.times++;
}

static bool note_frame(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + 14, *tcp = ip + 20;
    if (from == peer->dev)
        return !sent.deaf;
    if (frame[12] == 8 && frame[13] == 0 && ip[9] == IPPROTO_TCP) {
        sent.fins += tcp[13] & 1;
        sent.rsts += !!(tcp[13] & 4);
    }
    return true;
}

static void start_hosts(void)
{
    host_random_seed(5);
    wire = sim_link_create();
    machine = sim_host_create("machine", wire, "10.0.0.2/24");
    peer = sim_host_create("peer", wire, "10.0.0.7/24");
    shutdown_unregister(&peer->net->sockets->farewell); /* another machine, which stays */
    host_run();
    memset(&sent, 0, sizeof(sent));
    memset(&gone, 0, sizeof(gone));
    sim_link_set_filter(wire, note_frame, NULL);
    host_catch_end(goes);
}

static void stop_hosts(void)
{
    sim_link_set_filter(wire, NULL, NULL);
    sim_host_destroy(machine);
    sim_host_destroy(peer);
    sim_link_destroy(wire);
    host_catch_end(NULL);
}

static int setup(void **state)
{
    start_hosts();
    stop_hosts();
    before.objects = host_objects_alive();
    before.pages = host_pages_alive();
    start_hosts();
    return 0;
}

static void close_all(struct sim_host *host)
{
    for (int fd = 0; fd < host->files->size; fd++)
        if (fget(host->files, fd))
            sys_close(host->files, fd);
}

static int teardown(void **state)
{
    host_fail_allocation(0);
    close_all(machine);
    close_all(peer);
    host_advance_ms(1000 * 1000);
    stop_hosts();
    assert_int_equal(host_objects_alive(), before.objects);
    assert_int_equal(host_pages_alive(), before.pages);
    return 0;
}

static struct sockaddr_in address_of(const char *dotted)
{
    unsigned a, b, c, d;
    assert_int_equal(sscanf(dotted, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(PORT),
                                .sin_addr.s_addr = htonl(a << 24 | b << 16 | c << 8 | d)};
}

static int listening(struct sim_host *host)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = sys_socket(host->files, AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(sys_bind(host->files, fd, (void *)&any, sizeof(any)), 0);
    assert_int_equal(sys_listen(host->files, fd, 8), 0);
    return fd;
}

/* A connection of the peer to the machine: its descriptor there. */
static int connected(void)
{
    struct sockaddr_in to = address_of("10.0.0.2");
    int fd = sys_socket(peer->files, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(sys_connect(peer->files, fd, (void *)&to, sizeof(to)), -EINPROGRESS);
    host_advance_ms(50);
    return fd;
}

/* What the peer reads: bytes, 0 at the end of data, -E... */
static ssize_t peer_reads(int fd)
{
    char buf[64];
    return sys_recvfrom(peer->files, fd, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL);
}

TEST("nobody has anything to end: the machine goes within a moment")
{
    uint64_t start = ktime_get_ms();
    shutdown_start(SHUTDOWN_RESTART);
    host_advance_ms(LIMIT_MS);
    assert_string_equal(gone.how, "restarted");
    assert_true(gone.at_ms - start < 500);
}

TEST("an idle connection gets a FIN, is acknowledged, and the machine waits no longer (RFC 9293 3.6)")
{
    int l = listening(machine), fd = connected();
    int c = sys_accept4(machine->files, l, NULL, NULL, 0);
    assert_true(c >= 0);
    assert_int_equal(peer_reads(fd), -EAGAIN);
    uint64_t start = ktime_get_ms();
    shutdown_start(SHUTDOWN_POWER_OFF);
    host_advance_ms(LIMIT_MS);
    assert_int_equal(peer_reads(fd), 0);
    assert_int_equal(sent.fins, 1);
    assert_int_equal(sent.rsts, 0);
    assert_string_equal(gone.how, "switched off");
    assert_true(gone.at_ms - start < 500);
    char byte;
    assert_int_equal(sys_recvfrom(machine->files, c, &byte, 1, MSG_DONTWAIT, NULL, NULL), 0);
}

TEST("what a program has written goes before the FIN")
{
    int l = listening(machine), fd = connected();
    int c = sys_accept4(machine->files, l, NULL, NULL, 0);
    assert_int_equal(sys_sendto(machine->files, c, "last words", 10, 0, NULL, 0), 10);
    shutdown_start(SHUTDOWN_POWER_OFF);
    host_advance_ms(LIMIT_MS);
    assert_int_equal(peer_reads(fd), 10);
    assert_int_equal(peer_reads(fd), 0);
}

TEST("a connection nobody had accepted yet, and a new one, get a RST")
{
    listening(machine);
    int waiting = connected();
    shutdown_start(SHUTDOWN_RESTART);
    host_advance_ms(10);
    assert_int_equal(peer_reads(waiting), -ECONNRESET);
    int late = connected();
    assert_int_equal(peer_reads(late), -ECONNREFUSED);
}

TEST("a peer that acknowledges nothing is waited for two seconds, then gets a RST")
{
    int l = listening(machine);
    connected();
    assert_true(sys_accept4(machine->files, l, NULL, NULL, 0) >= 0);
    sent.deaf = true;
    uint64_t start = ktime_get_ms();
    shutdown_start(SHUTDOWN_RESTART);
    host_advance_ms(1900);
    assert_int_equal(gone.times, 0);
    assert_true(sent.fins > 1); /* again, as one that was lost */
    assert_int_equal(sent.rsts, 0);
    host_advance_ms(LIMIT_MS);
    assert_int_equal(gone.times, 1);
    assert_int_equal(sent.rsts, 1);
    assert_true(gone.at_ms - start >= 2000 && gone.at_ms - start < LIMIT_MS);
}

TEST("a connection whose FIN is acknowledged and whose peer goes on sending gets a RST (RFC 9293 SHLD-3)")
{
    int l = listening(machine), fd = connected();
    assert_true(sys_accept4(machine->files, l, NULL, NULL, 0) >= 0);
    assert_true(sys_end_open(machine->files, END_ADDRESS) >= 0); /* the machine stays a while longer */
    shutdown_start(SHUTDOWN_POWER_OFF);
    host_advance_ms(100);
    assert_int_equal(sys_sendto(peer->files, fd, "more", 4, MSG_NOSIGNAL, NULL, 0), 4);
    host_advance_ms(LIMIT_MS);
    assert_int_equal(sent.rsts, 1);
}

TEST("programs are told first, connections end next, whoever gives the address comes last")
{
    int l = listening(machine), fd = connected();
    assert_true(sys_accept4(machine->files, l, NULL, NULL, 0) >= 0);
    int program = sys_end_open(machine->files, END_PROGRAM),
        address = sys_end_open(machine->files, END_ADDRESS);
    struct pollfd fds[] = {{.fd = program, .events = POLLIN}, {.fd = address, .events = POLLIN}};
    assert_int_equal(sys_poll(machine->files, fds, 2, 0), 0);
    shutdown_start(SHUTDOWN_POWER_OFF);
    host_advance_ms(100);
    assert_int_equal(sys_poll(machine->files, fds, 2, 0), 1);
    assert_int_equal(fds[0].revents, POLLIN);
    assert_int_equal(peer_reads(fd), -EAGAIN);
    sys_close(machine->files, program);
    host_advance_ms(100);
    assert_int_equal(peer_reads(fd), 0);
    assert_int_equal(sys_poll(machine->files, &fds[1], 1, 0), 1);
    assert_int_equal(gone.times, 0);
    sys_close(machine->files, address);
    host_advance_ms(200);
    assert_int_equal(gone.times, 1);
}

TEST("a program that never closes its descriptor is not waited for")
{
    assert_true(sys_end_open(machine->files, END_PROGRAM) >= 0);
    assert_true(sys_end_open(machine->files, END_ADDRESS) >= 0);
    assert_int_equal(sys_end_open(machine->files, 7), -EINVAL);
    shutdown_start(SHUTDOWN_POWER_OFF);
    host_advance_ms(LIMIT_MS);
    assert_string_equal(gone.how, "switched off");
}

static void ask_twice(void *arg)
{
    shutdown_start(SHUTDOWN_POWER_OFF);
    task_sleep_ms(50);
    shutdown_start(SHUTDOWN_RESTART);
}

TEST("asked for again, the machine goes at once, the way that was asked for last")
{
    assert_true(sys_end_open(machine->files, END_PROGRAM) >= 0);
    assert_non_null(task_create("impatient", ask_twice, NULL, machine->files));
    host_advance_ms(60);
    assert_string_equal(gone.how, "restarted");
    host_advance_ms(LIMIT_MS);
}

static void ask_without_memory(void *arg)
{
    host_fail_allocation(*(unsigned *)arg);
    shutdown_start(SHUTDOWN_POWER_OFF);
}

TEST("without memory the machine goes at once; another allocation that fails costs a farewell only")
{
    for (unsigned n = 1; n < 12; n++) {
        int l = listening(machine);
        connected();
        sys_accept4(machine->files, l, NULL, NULL, 0);
        assert_non_null(task_create("starved", ask_without_memory, &n, machine->files));
        host_run();
        if (n == 1)
            assert_int_equal(gone.times, 1);
        host_advance_ms(LIMIT_MS);
        assert_string_equal(gone.how, "switched off");
        assert_int_equal(gone.times, 1);
        teardown(NULL);
        setup(NULL);
    }
}

TEST_FIXTURE(setup, teardown)
