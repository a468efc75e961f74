/*
 * test_uptime.c - sixty days: a machine that leases its address, answers to its name, tracks connections and
 * has peers that talk now and then, past the 49.7 days after which milliseconds no longer fit into 32 bits.
 *
 * A server on the same link gives out the address for four hours at a time. One connection talks four times a
 * day, one never but for its keepalives; TCP's timestamps go round once on either. Once a day a datagram
 * comes by.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "kernel/timer.h"
#include "net/apps/dhcp.h"
#include "net/apps/dhcp_message.h"
#include "net/apps/mdns.h"
#include "net/netfilter/nf_conntrack.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define SERVER   "10.0.0.1"
#define LEASED   "10.0.0.50"
#define LEASE_S  14400u
#define PORT     5001
#define DAYS     60
#define WRAP_DAY 50 /* within it milliseconds pass 2^32 */
#define DAY_MS   86400000ull
#define TALKS    4 /* a day */
#define TALK_LEN 3000

static struct sim_link *wire;
static struct sim_host *server, *machine;
static int dhcp_fd, listening, talker, silent, peer_talker, peer_silent, udp, peer_udp;
static unsigned acks;

/* --- the lease --- */

static void add_option(uint8_t *message, size_t *len, uint8_t code, uint8_t option_len, uint32_t value)
{
    message[(*len)++] = code;
    message[(*len)++] = option_len;
    for (unsigned i = option_len; i--;)
        message[(*len)++] = (uint8_t)(value >> 8 * i);
}

/* Whatever is asked is granted (RFC 2131 4.3). */
static void answer_dhcp(uint8_t *message, bool discover)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(68), .sin_addr.s_addr = INADDR_BROADCAST};
    uint32_t addr = inet_addr(LEASED);
    size_t len = 240;
    message[0] = 2;
    memcpy(message + 16, &addr, 4);
    add_option(message, &len, 53, 1, discover ? DHCP_OFFER : DHCP_ACK);
    add_option(message, &len, 54, 4, ntohl(inet_addr(SERVER)));
    add_option(message, &len, 51, 4, LEASE_S);
    add_option(message, &len, 1, 4, 0xffffff00);
    add_option(message, &len, 3, 4, ntohl(inet_addr(SERVER)));
    message[len++] = 255;
    acks += !discover;
    assert_int_equal(sys_sendto(server->files, dhcp_fd, message, len, 0, (void *)&to, sizeof(to)), len);
}

static void dhcp_server(void *arg)
{
    uint8_t message[DHCP_MESSAGE_MAX];
    ssize_t len;
    while ((len = sys_recvfrom(server->files, dhcp_fd, message, sizeof(message), 0, NULL, NULL)) > 240)
        answer_dhcp(message, message[242] == DHCP_DISCOVER);
}

/* --- hosts and connections --- */

static int open_socket(struct sim_host *host, int type, uint16_t port)
{
    int fd = sys_socket(host->files, AF_INET, type, 0), on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_true(fd >= 0);
    sys_setsockopt(host->files, fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
    sys_setsockopt(host->files, fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    assert_int_equal(sys_bind(host->files, fd, (void *)&any, sizeof(any)), 0);
    return fd;
}

static int connect_to_machine(int *accepted)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = open_socket(server, SOCK_STREAM | SOCK_NONBLOCK, 0);
    inet_pton(AF_INET, LEASED, &to.sin_addr);
    assert_int_equal(sys_connect(server->files, fd, (void *)&to, sizeof(to)), -EINPROGRESS);
    host_advance_ms(1000);
    *accepted = sys_accept4(machine->files, listening, NULL, NULL, SOCK_NONBLOCK);
    assert_true(*accepted >= 0);
    return fd;
}

static void start(void)
{
    wire = sim_link_create();
    server = sim_host_create("server", wire, SERVER "/24");
    machine = sim_host_create("machine", wire, "10.0.0.9/24");
    assert_int_equal(if_set_address(machine->net, "eth0", 0, 0, false), 0);
    dhcp_fd = open_socket(server, SOCK_DGRAM, 67);
    assert_non_null(task_create("dhcpd", dhcp_server, NULL, server->files));
    assert_int_equal(nf_ct_get_use(machine->net), 0);
    cmdline_init("dhcp.probe=0");
    assert_non_null(task_create("dhcp", dhcp_main, (void *)"eth0", machine->files));
    host_advance_ms(60000);
    listening = open_socket(machine, SOCK_STREAM | SOCK_NONBLOCK, PORT);
    assert_int_equal(sys_listen(machine->files, listening, 8), 0);
    udp = open_socket(machine, SOCK_DGRAM | SOCK_NONBLOCK, PORT);
    peer_udp = open_socket(server, SOCK_DGRAM | SOCK_NONBLOCK, PORT);
    talker = connect_to_machine(&peer_talker);
    silent = connect_to_machine(&peer_silent);
}

static void close_all(struct files *files)
{
    for (int fd = 0; fd < files->size; fd++)
        if (fget(files, fd))
            sys_close(files, fd);
}

static void say_nothing(uint16_t port, in_addr_t addr)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = addr};
    assert_int_equal(sys_sendto(server->files, dhcp_fd, "", 1, 0, (void *)&to, sizeof(to)), 1);
    host_advance_ms(1000);
}

/* Programs end when their descriptors are closed under them and the next message comes. */
static void stop(void)
{
    close_all(machine->files);
    nf_ct_put_use(machine->net);
    say_nothing(68, INADDR_BROADCAST);
    say_nothing(67, inet_addr(SERVER));
    close_all(server->files);
    host_advance_ms(2 * LEASE_S * 1000ull);
    assert_null(task_next(NULL));
    sim_host_destroy(machine);
    sim_host_destroy(server);
    sim_link_destroy(wire);
}

/* --- what is done every day --- */

static void transfer(struct sim_host *from, int from_fd, struct sim_host *to, int to_fd, unsigned number)
{
    static uint8_t sent[TALK_LEN], got[TALK_LEN + 1];
    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (uint8_t)(i * 7 + number);
    assert_int_equal(sys_sendto(from->files, from_fd, sent, sizeof(sent), 0, NULL, 0), sizeof(sent));
    host_advance_ms(500);
    assert_int_equal(sys_recvfrom(to->files, to_fd, got, sizeof(got), 0, NULL, NULL), sizeof(sent));
    assert_memory_equal(sent, got, sizeof(sent));
}

static void say_datagram(unsigned day)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    unsigned got = 0;
    inet_pton(AF_INET, LEASED, &to.sin_addr);
    assert_int_equal(sys_sendto(server->files, peer_udp, &day, sizeof(day), 0, (void *)&to, sizeof(to)),
                     sizeof(day));
    host_advance_ms(100);
    assert_int_equal(sys_recvfrom(machine->files, udp, &got, sizeof(got), 0, NULL, NULL), sizeof(day));
    assert_int_equal(got, day);
}

static void live_a_day(unsigned day)
{
    uint64_t morning = ktime_get_ms();
    for (unsigned n = 0; n < TALKS; n++) {
        transfer(server, talker, machine, peer_talker, day * TALKS + n);
        transfer(machine, peer_talker, server, talker, day + n);
        host_advance_ms(DAY_MS / TALKS - 1000);
    }
    say_datagram(day);
    host_advance_ms(morning + DAY_MS - ktime_get_ms());
    assert_non_null(inet_addr_find(machine->net, machine->dev, inet_addr(LEASED)));
}

/* --- a timer further away than the wheel reaches --- */

static uint64_t rang_at_ms;

static void ring(struct timer *self)
{
    rang_at_ms = ktime_get_ms();
}

TEST("sixty days: nothing is lost, and memory is where it was on the second")
{
    struct timer far;
    size_t objects = 0, pages = 0, resent = 0;
    host_random_seed(60);
    start();
    struct files *names = files_create(machine->net, NULL);
    uint64_t started = ktime_get_ms(), far_ms = started + 55 * DAY_MS + 12345;
    timer_setup(&far, ring);
    mod_timer(&far, far_ms);
    for (unsigned day = 1; day <= DAYS; day++) {
        if (day == 1 ||
            day == WRAP_DAY) /* it looks at its cards every second: some days of that are enough */
            assert_non_null(task_create("mdns", mdns_main, NULL, names));
        live_a_day(day);
        close_all(names);
        host_advance_ms(5000);
        if (day == 2) { /* a day with the names and one without: buffers are there */
            objects = host_objects_alive();
            pages = host_pages_alive();
            resent = machine->net->mib[MIB_TcpRetransSegs]; /* probes, while round trips are not known */
        }
    }
    assert_in_range(host_objects_alive(), 0, objects);
    assert_in_range(host_pages_alive(), 0, pages);
    assert_true(started <= UINT32_MAX && ktime_get_ms() - started > UINT32_MAX);
    assert_int_equal(rang_at_ms, far_ms);
    assert_true(acks >= DAYS * DAY_MS / (LEASE_S * 1000ull));
    assert_int_equal(machine->net->mib[MIB_TcpRetransSegs], resent);
    transfer(server, silent, machine, peer_silent, 1); /* it is there still */
    transfer(machine, peer_silent, server, silent, 2);
    assert_int_equal(machine->net->mib[MIB_TcpEstabResets], 0);
    assert_in_range(machine->net->ct->count, 2, 6); /* both connections; datagrams are forgotten */
    assert_int_equal(machine->net->ct->stats.invalid, 0);
    files_destroy(names);
    stop();
}

TEST_FIXTURE(NULL, NULL)
