/*
 * test_latency.c - what a ping feels while somebody uploads: two hosts, 10 Mbit/s between them, and a queue
 * in front of it.
 *
 * The client fills the line with one TCP transfer and asks the server's echo every 50 ms by UDP.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/task.h"
#include "net/sched/sched.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define MS      NSEC_PER_MSEC
#define SINK    5001
#define ECHO    7
#define PING_MS 50
#define SECONDS 10
#define PINGS   (SECONDS * 1000 / PING_MS)

static struct run {
    struct sim_host *client, *server;
    bool stop;
    unsigned tasks, pongs;
    uint64_t rtt_ns[PINGS];
    size_t received;
} r;

static struct sockaddr_in server_addr(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};

    inet_pton(AF_INET, "10.0.0.2", &addr.sin_addr);
    return addr;
}

static void sink_task(void *arg)
{
    struct files *files = r.server->files;
    struct sockaddr_in addr = server_addr(SINK);
    uint8_t buf[16384];
    ssize_t n;
    int listener = sys_socket(files, AF_INET, SOCK_STREAM, 0);

    sys_bind(files, listener, (void *)&addr, sizeof(addr));
    sys_listen(files, listener, 4);
    int fd = sys_accept4(files, listener, NULL, NULL, 0);
    while ((n = sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL)) > 0)
        r.received += r.stop ? 0 : (size_t)n;
    sys_close(files, fd);
    sys_close(files, listener);
    r.tasks--;
}

static void upload_task(void *arg)
{
    static uint8_t buf[16384];
    struct files *files = r.client->files;
    struct sockaddr_in addr = server_addr(SINK);
    int fd = sys_socket(files, AF_INET, SOCK_STREAM, 0);

    assert_int_equal(sys_connect(files, fd, (void *)&addr, sizeof(addr)), 0);
    while (!r.stop && sys_sendto(files, fd, buf, sizeof(buf), 0, NULL, 0) > 0)
        ;
    sys_close(files, fd);
    r.tasks--;
}

static void echo_task(void *arg)
{
    struct files *files = r.server->files;
    struct sockaddr_in addr = server_addr(ECHO), from;
    struct timeval patience = {.tv_sec = 5};
    uint8_t buf[64];
    ssize_t n;
    int fd = sys_socket(files, AF_INET, SOCK_DGRAM, 0);

    sys_setsockopt(files, fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sys_bind(files, fd, (void *)&addr, sizeof(addr));
    for (;;) {
        socklen_t len = sizeof(from);
        n = sys_recvfrom(files, fd, buf, sizeof(buf), 0, (void *)&from, &len);
        if (n < 0)
            break;
        sys_sendto(files, fd, buf, (size_t)n, 0, (void *)&from, len);
    }
    sys_close(files, fd);
    r.tasks--;
}

static void ping_task(void *arg)
{
    struct files *files = r.client->files;
    struct sockaddr_in addr = server_addr(ECHO);
    struct timeval patience = {.tv_sec = 3};
    int fd = sys_socket(files, AF_INET, SOCK_DGRAM, 0);

    sys_setsockopt(files, fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    while (!r.stop && r.pongs < PINGS) {
        uint64_t sent = host_now_ns(), back;
        sys_sendto(files, fd, &sent, sizeof(sent), 0, (void *)&addr, sizeof(addr));
        if (sys_recvfrom(files, fd, &back, sizeof(back), 0, NULL, NULL) != sizeof(back))
            continue;
        r.rtt_ns[r.pongs++] = host_now_ns() - back;
        task_sleep_ms(PING_MS);
    }
    sys_close(files, fd);
    r.tasks--;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Median round trip in ms; *mbit what the upload reached. */
static double latency_with(const char *discipline, double *mbit)
{
    struct sim_conditions wire = {.delay_ns = 10 * MS};
    struct qdisc_why why;

    memset(&r, 0, sizeof(r));
    host_random_seed(1);
    struct sim_link *link = sim_link_create();
    r.client = sim_host_create("client", link, "10.0.0.1/24");
    r.server = sim_host_create("server", link, "10.0.0.2/24");
    host_run();
    sim_link_set(link, &wire);
    if (qdisc_replace(r.client->net, discipline, &why))
        fail_msg("%s", why.text);
    r.tasks = 4;
    assert_non_null(task_create("sink", sink_task, NULL, r.server->files));
    assert_non_null(task_create("echo", echo_task, NULL, r.server->files));
    host_run();
    assert_non_null(task_create("upload", upload_task, NULL, r.client->files));
    assert_non_null(task_create("ping", ping_task, NULL, r.client->files));
    host_advance_ms(SECONDS * 1000);
    r.stop = true;
    *mbit = (double)r.received * 8 / SECONDS / 1e6;
    host_advance_ms(200 * 1000);
    assert_int_equal(r.tasks, 0);
    assert_int_equal(r.client->net->skb_count, 0);
    assert_int_equal(r.server->net->skb_count, 0);
    sim_host_destroy(r.client);
    sim_host_destroy(r.server);
    sim_link_destroy(link);
    qsort(r.rtt_ns, r.pongs, sizeof(r.rtt_ns[0]), compare_u64);
    return r.pongs ? (double)r.rtt_ns[r.pongs / 2] / 1e6 : 1e9;
}

TEST("under an upload a ping takes hardly longer with fq_codel, and waits behind it in a fifo")
{
    double fifo_mbit, codel_mbit;
    double fifo = latency_with("eth0:tbf,rate=10mbit,burst=5000,child=pfifo", &fifo_mbit);
    double codel = latency_with("eth0:tbf,rate=10mbit,burst=5000,child=fq_codel", &codel_mbit);

    print_message("pfifo: ping %.1f ms at %.2f Mbit/s; fq_codel: ping %.1f ms at %.2f Mbit/s\n", fifo,
                  fifo_mbit, codel, codel_mbit);
    assert_true(codel < 30); /* 20 on the wire, and a packet or two in front */
    assert_true(fifo > 3 * codel);
    assert_true(codel_mbit > 8.5 && codel_mbit > 0.93 * fifo_mbit);
}

TEST_MAIN()
