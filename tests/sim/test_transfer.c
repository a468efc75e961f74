/*
 * test_transfer.c - megabytes between two stacks over a bad link, every byte checked.
 *
 * Both ends are tasks on blocking sockets. Every cell of the grid runs with several seeds; a failing one is
 * replayed by its seed. SKIFF_SEEDS=n runs n seeds per cell.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/task.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define PORT 5001

struct transfer {
    struct sim_host *client, *server;
    size_t size;        /* each way */
    size_t received[2]; /* by client, by server */
    const char *error;  /* of whoever failed first */
    int unfinished;     /* tasks still at work */
};

/* The byte at `offset` of the stream in direction `way`: no run of it looks like another. */
static uint8_t pattern(size_t offset, int way)
{
    uint64_t x = (offset / 8 + 1 + (uint64_t)way * 0x1234567) * 0x9e3779b97f4a7c15u;
    return (uint8_t)(x >> (8 * (offset % 8)));
}

static void note_failure(struct transfer *t, const char *what, ssize_t ret)
{
    static char text[120];
    if (t->error)
        return;
    snprintf(text, sizeof(text), "%s: %s", what, ret < 0 ? strerror((int)-ret) : "wrong bytes");
    t->error = text;
}

static bool send_all(struct transfer *t, struct files *files, int fd, int way)
{
    uint8_t buf[10000];
    size_t sent = 0;
    while (sent < t->size) {
        size_t n = sizeof(buf) - (size_t)(host_random() % 9000);
        if (n > t->size - sent)
            n = t->size - sent;
        for (size_t i = 0; i < n; i++)
            buf[i] = pattern(sent + i, way);
        ssize_t ret = sys_sendto(files, fd, buf, n, 0, NULL, 0);
        if (ret <= 0) {
            note_failure(t, way ? "server send" : "client send", ret);
            return false;
        }
        sent += (size_t)ret;
    }
    return true;
}

/* Until the peer's FIN. */
static bool receive_all(struct transfer *t, struct files *files, int fd, int way)
{
    uint8_t buf[8192];
    size_t *received = &t->received[way];
    for (;;) {
        ssize_t ret = sys_recvfrom(files, fd, buf, 1 + host_random() % sizeof(buf), 0, NULL, NULL);
        if (ret == 0)
            return true;
        if (ret < 0) {
            note_failure(t, way ? "server recv" : "client recv", ret);
            return false;
        }
        for (ssize_t i = 0; i < ret; i++)
            if (buf[i] != pattern(*received + (size_t)i, !way)) {
                note_failure(t, way ? "server recv" : "client recv", 0);
                return false;
            }
        *received += (size_t)ret;
    }
}

static void server_task(void *arg)
{
    struct transfer *t = arg;
    struct files *files = t->server->files;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int listener = sys_socket(files, AF_INET, SOCK_STREAM, 0);
    int ret = sys_bind(files, listener, (void *)&addr, sizeof(addr));
    if (!ret)
        ret = sys_listen(files, listener, 4);
    int fd = ret ? ret : sys_accept4(files, listener, NULL, NULL, 0);
    if (fd < 0)
        note_failure(t, "accept", fd);
    else if (receive_all(t, files, fd, 1) && send_all(t, files, fd, 1))
        sys_shutdown(files, fd, SHUT_WR);
    if (fd >= 0)
        sys_close(files, fd);
    sys_close(files, listener);
    t->unfinished--;
}

static void client_task(void *arg)
{
    struct transfer *t = arg;
    struct files *files = t->client->files;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    inet_pton(AF_INET, "10.0.0.2", &addr.sin_addr);
    int fd = sys_socket(files, AF_INET, SOCK_STREAM, 0);
    int ret = sys_connect(files, fd, (void *)&addr, sizeof(addr));
    if (ret)
        note_failure(t, "connect", ret);
    else if (send_all(t, files, fd, 0)) {
        sys_shutdown(files, fd, SHUT_WR);
        receive_all(t, files, fd, 0);
    }
    sys_close(files, fd);
    t->unfinished--;
}

static bool both_done(void *arg)
{
    return ((struct transfer *)arg)->unfinished == 0;
}

/* One conversation; the test fails with the cell's name and seed. */
static void run_transfer(const struct sim_conditions *conditions, size_t size, uint64_t seed)
{
    host_random_seed(seed);
    struct sim_link *link = sim_link_create();
    struct transfer t = {.size = size, .unfinished = 2};
    t.client = sim_host_create("client", link, "10.0.0.1/24");
    t.server = sim_host_create("server", link, "10.0.0.2/24");
    host_run();
    sim_link_set(link, conditions);
    assert_non_null(task_create("server", server_task, &t, t.server->files));
    host_run();
    assert_non_null(task_create("client", client_task, &t, t.client->files));
    bool done = host_run_until(both_done, &t, 3600 * NSEC_PER_SEC);
    if (!done || t.error || t.received[0] != size || t.received[1] != size)
        fail_msg("loss %.2f reorder %.2f delay %llu ms seed %llu: %s; client got %zu, server got %zu of %zu",
                 conditions->loss, conditions->reorder,
                 (unsigned long long)(conditions->delay_ns / NSEC_PER_MSEC), (unsigned long long)seed,
                 t.error ? t.error
                 : done  ? "short"
                         : "an hour was not enough",
                 t.received[0], t.received[1], size);
    host_advance_ns(200 * NSEC_PER_SEC); /* TIME_WAIT and all timers run out */
    assert_int_equal(t.client->net->sock_count, 0);
    assert_int_equal(t.server->net->sock_count, 0);
    assert_int_equal(t.client->net->skb_count, 0);
    assert_int_equal(t.server->net->skb_count, 0);
    sim_host_destroy(t.client);
    sim_host_destroy(t.server);
    sim_link_destroy(link);
}

static void run_cell(const struct sim_conditions *conditions, size_t size)
{
    const char *seeds = getenv("SKIFF_SEEDS");
    for (uint64_t seed = 1; seed <= (seeds ? strtoul(seeds, NULL, 10) : 3); seed++)
        run_transfer(conditions, size, seed);
}

#define MS NSEC_PER_MSEC

TEST("ten megabytes cross a perfect link")
{
    run_transfer(&(struct sim_conditions){0}, 5 << 20, 1);
}

TEST("two megabytes cross a link of 100 Mbit/s with 20 ms and a short queue")
{
    run_cell(&(struct sim_conditions){.delay_ns = 20 * MS, .rate_bps = 100000000, .queue_frames = 50},
             1 << 20);
}

TEST("transfers survive 1 % loss at every delay")
{
    for (uint64_t delay = 0; delay <= 100; delay += 50)
        run_cell(&(struct sim_conditions){.loss = 0.01, .delay_ns = delay * MS}, 1 << 20);
}

TEST("transfers survive 5 % loss at every delay")
{
    for (uint64_t delay = 0; delay <= 100; delay += 50)
        run_cell(&(struct sim_conditions){.loss = 0.05, .delay_ns = delay * MS}, 300000);
}

TEST("transfers survive 10 % loss")
{
    run_cell(&(struct sim_conditions){.loss = 0.10, .delay_ns = 10 * MS}, 200000);
}

TEST("transfers survive 20 % loss")
{
    run_cell(&(struct sim_conditions){.loss = 0.20, .delay_ns = 10 * MS}, 100000);
}

TEST("transfers survive heavy reordering")
{
    run_cell(&(struct sim_conditions){.reorder = 0.3, .delay_ns = 10 * MS, .jitter_ns = 5 * MS}, 1 << 20);
}

TEST("transfers survive duplication of every third frame")
{
    run_cell(&(struct sim_conditions){.duplicate = 0.33, .delay_ns = 5 * MS}, 1 << 20);
}

TEST("damaged frames never reach the application")
{
    run_cell(&(struct sim_conditions){.corrupt = 0.02, .delay_ns = 5 * MS}, 500000);
}

TEST("transfers survive everything at once")
{
    run_cell(&(struct sim_conditions){.loss = 0.05,
                                      .reorder = 0.1,
                                      .duplicate = 0.05,
                                      .corrupt = 0.01,
                                      .delay_ns = 20 * MS,
                                      .jitter_ns = 10 * MS},
             300000);
}

TEST("the same seed gives the same run to the nanosecond")
{
    uint64_t took[2];
    for (int i = 0; i < 2; i++) {
        uint64_t start = host_now_ns() % NSEC_PER_SEC;
        host_advance_ns(NSEC_PER_SEC - start); /* timers count whole milliseconds: start at the same phase */
        start = host_now_ns();
        run_transfer(&(struct sim_conditions){.loss = 0.03, .jitter_ns = 3 * MS, .delay_ns = 7 * MS}, 200000,
                     42);
        took[i] = host_now_ns() - start;
    }
    assert_true(took[0] == took[1]);
}

TEST_MAIN()
