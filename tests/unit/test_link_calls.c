/*
 * test_link_calls.c - links, bridges and neighbours as a program sees them (skiff/link.h). What the devices
 * do is tested in test_vlan.c, test_bridge.c and test_macvlan.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>

#include "kernel/task.h"
#include "libc/include/skiff/link.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define LINK_RUNNING 0x40 /* IFF_RUNNING of <net/if.h>, which has no place beside our headers */

int *inside___errno_location(void);

/*
 * The body of a test runs in a task, from which cmocka's assertions cannot jump: it keeps the first line that
 * is wrong.
 */
static int wrong_line;
#define expect(what)                                                                                         \
    do {                                                                                                     \
        if (!(what) && !wrong_line)                                                                          \
            wrong_line = __LINE__;                                                                           \
    } while (0)

static int setup(void **state)
{
    wrong_line = 0;
    return 0;
}

/* Runs body as a task of a host with two cards, eth0 and eth1. */
static void run(void (*body)(void *arg))
{
    struct sim_link *link = sim_link_create();
    struct sim_host *host = sim_host_create("host", link, "10.0.0.1/24");
    struct net_device *second = sim_device_create(link, host->net);

    assert_non_null(task_create("test", body, NULL, host->files));
    host_advance_ms(5000);
    sim_device_destroy(second);
    sim_host_destroy(host);
    sim_link_destroy(link);
    assert_int_equal(wrong_line, 0);
}

static bool failed(int ret, int err, const char **why)
{
    bool right = ret == -1 && *inside___errno_location() == err && *why && strlen(*why) > 10;

    *why = NULL;
    return right;
}

static void use_links(void *arg)
{
    struct skiff_link links[8], one;
    const char *why = NULL;
    static const uint8_t mac[6] = {2, 7, 7, 7, 7, 7}, group[6] = {1};

    expect(skiff_link_list(links, 8, 0) == 3);
    expect(!strcmp(links[0].name, "lo") && links[0].kind == SKIFF_LINK_LOOPBACK && links[0].mtu == 65535);
    expect(!strcmp(links[1].name, "eth0") && links[1].kind == SKIFF_LINK_ETHER);
    expect(links[1].flags == (DEV_IFF_UP | DEV_IFF_BROADCAST | DEV_IFF_MULTICAST | LINK_RUNNING));
    expect(links[1].tx_packets > 0 && links[1].addr[0] == 2 && links[1].broadcast[5] == 0xff);
    expect(skiff_link_list(links, 1, 2) == 1 && !strcmp(links[0].name, "eth1"));
    expect(skiff_link_list(links, 8, 3) == 0);

    expect(!skiff_link_add_vlan(NULL, "eth0", 10, &why) && !why);
    expect(!skiff_link_get("eth0.10", &one) && one.kind == SKIFF_LINK_VLAN && one.vlan_id == 10);
    expect(!strcmp(one.lower, "eth0") && !(one.flags & DEV_IFF_UP));
    expect(!skiff_link_set_up("eth0.10", 1, &why));
    expect(!skiff_link_get("eth0.10", &one) && one.flags & LINK_RUNNING);
    expect(!skiff_link_set_mtu("eth0.10", 1400, &why) && !skiff_link_set_addr("eth0.10", mac, &why));
    expect(!skiff_link_get("eth0.10", &one) && one.mtu == 1400 && !memcmp(one.addr, mac, 6));
    expect(failed(skiff_link_set_mtu("eth0.10", 9000, &why), EINVAL, &why));
    expect(failed(skiff_link_set_addr("eth0.10", group, &why), EADDRNOTAVAIL, &why));
    expect(failed(skiff_link_add_vlan(NULL, "eth0", 10, &why), EEXIST, &why));
    expect(failed(skiff_link_add_vlan(NULL, "eth7", 10, &why), ENODEV, &why));
    expect(failed(skiff_link_del("eth0", &why), EOPNOTSUPP, &why));
    expect(!skiff_link_del("eth0.10", &why) && skiff_link_get("eth0.10", &one) == -1);
    expect(skiff_link_set_promisc("eth0", 1, NULL) == 0 && skiff_link_set_promisc("eth0", 0, NULL) == 0);
    expect(failed(skiff_link_set_promisc("eth0", 0, &why), EINVAL, &why));
    expect(!skiff_link_add_macvlan("mac0", "eth0", mac, &why));
    expect(!skiff_link_get("mac0", &one) && one.kind == SKIFF_LINK_MACVLAN);
    expect(!strcmp(skiff_link_kind_name(one.kind), "macvlan"));
}

TEST("a program lists links, makes them, changes them and removes them")
{
    run(use_links);
}

static void use_bridge(void *arg)
{
    static const uint8_t station[6] = {2, 8, 8, 8, 8, 8};
    struct skiff_bridge bridge;
    struct skiff_fdb fdb[8];
    struct skiff_link one;
    const char *why = NULL;

    expect(!skiff_link_add_bridge("br0", &why));
    expect(!skiff_link_set_master("eth1", "br0", &why) && !skiff_link_set_up("br0", 1, &why));
    expect(!skiff_link_get("eth1", &one) && !strcmp(one.master, "br0"));
    expect(one.port_state == SKIFF_PORT_FORWARDING && one.port_number == 1 && one.port_cost == 4);
    expect(!strcmp(skiff_port_state_name(one.port_state), "forwarding"));
    expect(!skiff_bridge_get("br0", &bridge) && !bridge.stp && bridge.ageing_time_s == 300);
    expect(!memcmp(bridge.bridge_id, bridge.root_id, 8) && bridge.priority == 0x8000 &&
           bridge.fdb_max == 1024);
    expect(!skiff_bridge_set("br0", SKIFF_BRIDGE_STP, 1, &why));
    expect(!skiff_bridge_set("eth1", SKIFF_PORT_COST, 19, &why));
    expect(failed(skiff_bridge_set("br0", SKIFF_BRIDGE_MAX_AGE, 99, &why), ERANGE, &why));
    expect(!skiff_bridge_get("br0", &bridge) && bridge.stp);
    expect(skiff_bridge_get("eth0", &bridge) == -1);
    expect(!skiff_fdb_add("eth1", station, &why));
    expect(skiff_fdb_list("br0", fdb, 8, 0) == 2 && fdb[0].local && fdb[1].permanent);
    expect(!memcmp(fdb[1].addr, station, 6) && !strcmp(fdb[1].port, "eth1"));
    expect(skiff_fdb_list("br0", fdb, 8, 1) == 1 && fdb[0].permanent);
    expect(!skiff_fdb_del("eth1", station, &why) &&
           failed(skiff_fdb_del("eth1", station, &why), ENOENT, &why));
    expect(failed(skiff_fdb_add("eth0", station, &why), ENODEV, &why));
    expect(failed(skiff_link_set_master("eth0", "eth1", &why), EOPNOTSUPP, &why));
    expect(!skiff_link_set_master("eth1", NULL, &why) && !skiff_link_get("eth1", &one) && !one.master[0]);
}

TEST("a program makes a bridge, sets it, and reads its forwarding table")
{
    run(use_bridge);
}

static void use_neighbours(void *arg)
{
    static const uint8_t station[6] = {2, 8, 8, 8, 8, 8}, group[6] = {1};
    uint32_t peer = htonl(0x0a000002), far = htonl(0x0a010002);
    struct skiff_neigh neigh[8];
    const char *why = NULL;

    expect(skiff_neigh_list(neigh, 8, 0) == 0);
    expect(!skiff_neigh_add("eth0", peer, station, &why));
    expect(skiff_neigh_list(neigh, 8, 0) == 1 && neigh[0].addr == peer && !strcmp(neigh[0].device, "eth0"));
    expect(neigh[0].has_lladdr && !memcmp(neigh[0].lladdr, station, 6) &&
           !strcmp(neigh[0].state, "PERMANENT"));
    expect(skiff_neigh_flush(NULL) == 0 && skiff_neigh_flush("eth9") == 0);
    expect(failed(skiff_neigh_add("eth0", peer, group, &why), EINVAL, &why));
    expect(failed(skiff_neigh_add("eth0", htonl(0xe0000001), station, &why), EINVAL, &why));
    expect(!skiff_neigh_del("eth0", htonl(0xe0000001), &why));
    expect(!skiff_neigh_proxy_add("eth0", far, &why));
    expect(skiff_neigh_list(neigh, 8, 0) == 2 && neigh[1].proxy && neigh[1].addr == far);
    expect(failed(skiff_neigh_proxy_add("eth0", far, &why), EEXIST, &why));
    expect(!skiff_neigh_proxy_del("eth0", far, &why));
    expect(!skiff_neigh_del("eth0", peer, &why) && failed(skiff_neigh_del("eth0", peer, &why), ENOENT, &why));
}

TEST("a program reads and changes the neighbour table")
{
    run(use_neighbours);
}

TEST_FIXTURE(setup, NULL)
