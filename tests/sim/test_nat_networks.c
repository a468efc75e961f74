/*
 * test_nat_networks.c - Skiffs behind a Skiff that translates and filters, over bad links.
 *
 *     client 0: 10.0.0.2 \
 *     client 1: 10.0.0.3 --- 10.0.0.254 router 192.0.2.1 --- server 192.0.2.2
 *     client 2: 10.0.0.4 /
 *
 * The server has no route to 10.0.0.0/24: nothing works unless every packet is translated, both ways.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/task.h"
#include "net/core/sysctl.h"
#include "net/ipv4/route.h"
#include "net/netfilter/iptables_parse.h"
#include "net/netfilter/nf_conntrack.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define CLIENTS 3
#define PORT    5001

static struct sim_link *inside, *outside;
static struct sim_host *clients[CLIENTS], *router, *server;
static struct net_device *outer;
static int unfinished, failures;
static unsigned wrong_peers;

static void no_answer(const char *text, size_t len, void *ctx)
{
}

static void rule(const char *line)
{
    struct xt_text text;

    xt_text_init(&text, no_answer, NULL);
    assert_int_equal(xt_command(router->net, line, &text), 0);
}

static be32 addr(const char *dotted)
{
    be32 a;

    assert_int_equal(inet_pton(AF_INET, dotted, &a), 1);
    return a;
}

static void build(const struct sim_conditions *conditions)
{
    char name[32], cidr[32];

    inside = sim_link_create();
    outside = sim_link_create();
    sim_link_set(inside, conditions);
    sim_link_set(outside, conditions);
    router = sim_host_create("router", inside, "10.0.0.254/24");
    outer = sim_device_create(outside, router->net);
    outer->dev_addr[4] = 7; /* no two cards with the same link address */
    assert_int_equal(inet_addr_add(outer, addr("192.0.2.1"), 24), 0);
    assert_int_equal(sysctl_set(router->net, "net.ipv4.ip_forward", "1"), 0);
    server = sim_host_create("server", outside, "192.0.2.2/24");
    server->dev->dev_addr[4] = 7;
    for (int i = 0; i < CLIENTS; i++) {
        struct fib_config cfg = {.gateway = addr("10.0.0.254")};

        snprintf(name, sizeof(name), "client%d", i);
        snprintf(cidr, sizeof(cidr), "10.0.0.%d/24", i + 2);
        clients[i] = sim_host_create(name, inside, cidr);
        assert_int_equal(fib_add(clients[i]->net, &cfg), 0);
    }
    host_advance_ms(5000); /* announcements */
    unfinished = failures = 0;
    wrong_peers = 0;
}

static void destroy(void)
{
    host_advance_ns(1200 * NSEC_PER_SEC);
    assert_int_equal(router->net->ct->count, 0);
    for (int i = 0; i < CLIENTS; i++)
        sim_host_destroy(clients[i]);
    sim_host_destroy(server);
    sim_device_destroy(outer);
    sim_host_destroy(router);
    sim_link_destroy(inside);
    sim_link_destroy(outside);
}

/* --- talk --- */

struct talk {
    struct sim_host *at;
    const char *to, *expect; /* to whom; whom the listener must see */
    size_t size;
    int fd;
};

static void echo_task(void *arg)
{
    struct talk *t = arg;
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    char buf[4000];
    ssize_t n;

    if (sys_getpeername(t->at->files, t->fd, (void *)&peer, &len) ||
        peer.sin_addr.s_addr != (__force uint32_t)addr(t->expect))
        wrong_peers++;
    while ((n = sys_recvfrom(t->at->files, t->fd, buf, sizeof(buf), 0, NULL, NULL)) > 0)
        if (sys_sendto(t->at->files, t->fd, buf, (size_t)n, 0, NULL, 0) < 0)
            break;
    sys_close(t->at->files, t->fd);
    free(t);
}

/* Accepts t->size connections. */
static void listen_task(void *arg)
{
    struct talk *t = arg;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int listener = sys_socket(t->at->files, AF_INET, SOCK_STREAM, 0);

    sys_bind(t->at->files, listener, (void *)&any, sizeof(any));
    sys_listen(t->at->files, listener, 8);
    for (size_t i = 0; i < t->size; i++) {
        struct talk *one = malloc(sizeof(*one));

        *one = *t;
        one->fd = sys_accept4(t->at->files, listener, NULL, NULL, 0);
        if (one->fd < 0 || !task_create("echo", echo_task, one, t->at->files))
            abort();
    }
    sys_close(t->at->files, listener);
}

static bool echo_once(const struct talk *t, int fd)
{
    uint8_t buf[3000], back[3000];

    for (size_t sent = 0; sent < t->size; sent += sizeof(buf)) {
        for (size_t i = 0; i < sizeof(buf); i++)
            buf[i] = (uint8_t)((sent + i) * 0x9e3779b1u >> 24);
        if (sys_sendto(t->at->files, fd, buf, sizeof(buf), 0, NULL, 0) != sizeof(buf))
            return false;
        for (size_t got = 0; got < sizeof(back);) {
            ssize_t n = sys_recvfrom(t->at->files, fd, back + got, sizeof(back) - got, 0, NULL, NULL);
            if (n <= 0)
                return false;
            got += (size_t)n;
        }
        if (memcmp(buf, back, sizeof(buf)) != 0)
            return false;
    }
    return true;
}

static void client_task(void *arg)
{
    struct talk *t = arg;
    struct files *files = t->at->files;
    struct sockaddr_in mine = {.sin_family = AF_INET, .sin_port = htons(4000)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = sys_socket(files, AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = (__force uint32_t)addr(t->to);
    sys_bind(files, fd, (void *)&mine, sizeof(mine)); /* all from the same port */
    if (sys_connect(files, fd, (void *)&to, sizeof(to)) || !echo_once(t, fd))
        failures++;
    sys_close(files, fd);
    unfinished--;
}

static bool all_done(void *arg)
{
    return unfinished == 0;
}

static void talk_all(struct talk *listener, struct talk *talks, int n)
{
    unfinished = n;
    assert_non_null(task_create("listen", listen_task, listener, listener->at->files));
    host_run();
    for (int i = 0; i < n; i++)
        assert_non_null(task_create("client", client_task, &talks[i], talks[i].at->files));
    assert_true(host_run_until(all_done, NULL, 3600 * NSEC_PER_SEC));
    assert_int_equal(failures, 0);
    assert_int_equal(wrong_peers, 0);
    assert_int_equal(router->net->ct->stats.invalid, 0);
    assert_int_equal(router->net->ct->stats.insert_failed, 0);
}

#define MS NSEC_PER_MSEC

TEST(
    "three clients with one source port reach a server through MASQUERADE and a closed firewall, over bad links")
{
    static const struct sim_conditions all[] = {
        {.delay_ns = 2 * MS},
        {.loss = 0.03, .delay_ns = 5 * MS, .jitter_ns = 1 * MS, .reorder = 0.05, .duplicate = 0.03},
    };

    for (size_t i = 0; i < 2; i++) {
        host_random_seed(i + 1);
        build(&all[i]);
        rule("-t nat -A POSTROUTING -o eth1 -j MASQUERADE");
        rule("-P FORWARD DROP");
        rule("-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT");
        rule("-A FORWARD -i eth0 -m conntrack --ctstate NEW -j ACCEPT");
        struct talk listener = {.at = server, .expect = "192.0.2.1", .size = CLIENTS}, talks[CLIENTS];
        for (int c = 0; c < CLIENTS; c++)
            talks[c] = (struct talk){.at = clients[c], .to = "192.0.2.2", .size = 90000};
        talk_all(&listener, talks, CLIENTS);
        destroy();
    }
}

TEST("a server inside is reached from outside by DNAT, and from inside by the same address (hairpin)")
{
    host_random_seed(3);
    build(&(struct sim_conditions){.loss = 0.02, .delay_ns = 3 * MS});
    rule("-t nat -A PREROUTING -d 192.0.2.1 -p tcp --dport 5001 -j DNAT --to-destination 10.0.0.2");
    rule("-t nat -A POSTROUTING -s 10.0.0.0/24 -d 10.0.0.0/24 -j MASQUERADE");
    rule("-t nat -A POSTROUTING -o eth1 -j MASQUERADE");
    struct talk from_outside = {.at = clients[0], .expect = "192.0.2.2", .size = 1};
    struct talk caller = {.at = server, .to = "192.0.2.1", .size = 60000};
    talk_all(&from_outside, &caller, 1);
    host_advance_ns(200 * NSEC_PER_SEC); /* the port is free again */
    struct talk from_inside = {.at = clients[0], .expect = "10.0.0.254", .size = 2};
    struct talk callers[2] = {{.at = clients[1], .to = "192.0.2.1", .size = 60000},
                              {.at = clients[2], .to = "192.0.2.1", .size = 60000}};
    talk_all(&from_inside, callers, 2);
    destroy();
}

TEST_MAIN()
