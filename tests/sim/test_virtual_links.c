/*
 * test_virtual_links.c - TCP between two Skiffs through VLANs, a bridge and macvlans, on links that lose
 * frames; and what is left of it when the device goes in the middle.
 */
#include <arpa/inet.h>
#include <sys/time.h>
#include <stdio.h>
#include <string.h>

#include "kernel/task.h"
#include "net/core/vlan_core.h"
#include "net/ethernet/bridge.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define SIZE 300000u

static struct sim_link *link_a, *link_b;
static struct sim_host *client, *server;
static const char *server_address;
static size_t received;
static int wrong, client_end, unfinished;
static uint16_t port; /* another one for each transfer: the last one's may be in TIME-WAIT */

static uint8_t pattern(size_t offset)
{
    return (uint8_t)(offset * 7 + (offset >> 8) * 31 + (offset >> 16));
}

static void server_task(void *arg)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    int listener = sys_socket(server->files, AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 600};
    uint8_t buf[5000];
    ssize_t n;

    sys_bind(server->files, listener, (void *)&addr, sizeof(addr));
    sys_listen(server->files, listener, 4);
    int fd = sys_accept4(server->files, listener, NULL, NULL, 0);
    sys_setsockopt(server->files, fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    while (fd >= 0 && (n = sys_recvfrom(server->files, fd, buf, sizeof(buf), 0, NULL, NULL)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            wrong += buf[i] != pattern(received + (size_t)i);
        received += (size_t)n;
    }
    if (fd >= 0)
        sys_close(server->files, fd);
    sys_close(server->files, listener);
    unfinished--;
}

static void client_task(void *arg)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = sys_socket(client->files, AF_INET, SOCK_STREAM, 0);
    uint8_t buf[4000];

    inet_pton(AF_INET, server_address, &addr.sin_addr);
    client_end = sys_connect(client->files, fd, (void *)&addr, sizeof(addr));
    for (size_t sent = 0; !client_end && sent < SIZE;) {
        for (size_t i = 0; i < sizeof(buf); i++)
            buf[i] = pattern(sent + i);
        ssize_t n = sys_sendto(client->files, fd, buf, min(sizeof(buf), SIZE - sent), 0, NULL, 0);
        if (n < 0)
            client_end = (int)n;
        else
            sent += (size_t)n;
    }
    sys_close(client->files, fd);
    unfinished--;
}

static bool done(void *arg)
{
    return !unfinished;
}

static bool on_the_way(void *arg)
{
    return received > SIZE / 10;
}

/* Two hosts, each on a link of its own; a and b are the same one unless something joins them. */
static void build(bool one_link)
{
    host_random_seed(7);
    link_a = sim_link_create();
    link_b = one_link ? link_a : sim_link_create();
    client = sim_host_create("client", link_a, "10.0.0.1/24");
    server = sim_host_create("server", link_b, "10.0.0.2/24");
    if (!one_link)
        dev_set_mac_address(server->dev, (const uint8_t[]){2, 0, 0, 0, 9, 9});
    received = 0;
    wrong = client_end = 0;
}

static void lossy(void)
{
    const struct sim_conditions conditions = {.loss = 0.02, .delay_ns = NSEC_PER_MSEC, .jitter_ns = 100000};

    sim_link_set(link_a, &conditions);
    sim_link_set(link_b, &conditions);
}

static void start_transfer(const char *address)
{
    server_address = address;
    port = port ? (uint16_t)(port + 1) : 5001;
    unfinished = 2;
    assert_non_null(task_create("server", server_task, NULL, server->files));
    host_run();
    assert_non_null(task_create("client", client_task, NULL, client->files));
}

static void transfer(const char *address)
{
    lossy();
    start_transfer(address);
    assert_true(host_run_until(done, NULL, 600 * NSEC_PER_SEC));
    assert_int_equal(client_end, 0);
    assert_int_equal(received, SIZE);
    assert_int_equal(wrong, 0);
}

static void destroy(void)
{
    host_advance_ms(200000);
    assert_int_equal(client->net->skb_count, 0);
    assert_int_equal(server->net->skb_count, 0);
    sim_host_destroy(client);
    sim_host_destroy(server);
    if (link_b != link_a)
        sim_link_destroy(link_b);
    sim_link_destroy(link_a);
}

/* "eth0.10" and the like of a host, up, with an address. */
static struct net_device *add(struct sim_host *host, const char *key, const char *word, const char *name,
                              uint32_t addr)
{
    const char *why = NULL;

    assert_int_equal(link_configure(host->net, key, word, &why), 0);
    struct net_device *dev = dev_get_by_name(host->net, name);
    assert_int_equal(inet_addr_add(dev, cpu_to_be32(addr), 24), 0);
    return dev;
}

TEST("a transfer through a VLAN is whole, and so is one through a VLAN inside it")
{
    build(true);
    add(client, "vlan", "eth0.10", "eth0.10", 0x0a0a0001);
    add(server, "vlan", "eth0.10", "eth0.10", 0x0a0a0002);
    add(client, "vlan", "eth0.10.20", "eth0.10.20", 0x0a140001);
    add(server, "vlan", "eth0.10.20", "eth0.10.20", 0x0a140002);
    transfer("10.10.0.2");
    received = 0;
    transfer("10.20.0.2");
    destroy();
}

TEST("a transfer through a third Skiff's bridge is whole, and does not reach its host")
{
    struct net *net;

    build(false);
    net = net_create("bridge");
    assert_int_equal(inet_init(net), 0);
    struct net_device *ports[2] = {sim_device_create(link_a, net), sim_device_create(link_b, net)};
    dev_set_mac_address(ports[0], (const uint8_t[]){2, 0, 0, 0, 8, 1});
    dev_set_mac_address(ports[1], (const uint8_t[]){2, 0, 0, 0, 8, 2});
    assert_int_equal(link_configure(net, "bridge", "br0:eth0,eth1", &(const char *){NULL}), 0);
    transfer("10.0.0.2");
    assert_true(dev_get_by_name(net, "br0")->stats.rx_packets <
                100); /* what is not for it does not reach it */
    sim_device_destroy(ports[0]);
    sim_device_destroy(ports[1]);
    inet_exit(net);
    net_destroy(net);
    destroy();
}

TEST("a transfer through macvlans is whole")
{
    build(true);
    add(client, "macvlan", "mac0:eth0", "mac0", 0x0a1e0001);
    add(server, "macvlan", "mac0:eth0", "mac0", 0x0a1e0002);
    transfer("10.30.0.2");
    destroy();
}

TEST(
    "a device that goes in the middle of a transfer leaves the connection to its timers, and nothing dangling")
{
    for (int who = 0; who < 2; who++) {
        build(true);
        struct net_device *vlans[2] = {add(client, "vlan", "eth0.10", "eth0.10", 0x0a0a0001),
                                       add(server, "vlan", "eth0.10", "eth0.10", 0x0a0a0002)};
        lossy();
        start_transfer("10.10.0.2");
        assert_true(host_run_until(on_the_way, NULL, 600 * NSEC_PER_SEC));
        assert_int_equal(link_del(vlans[who], NULL), 0);
        assert_true(host_run_until(done, NULL, 3600 * NSEC_PER_SEC));
        assert_true(received < SIZE);
        destroy();
    }
}

TEST_MAIN()
