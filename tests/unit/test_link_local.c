/*
 * test_link_local.c - an address of the machine's own making while no DHCP server answers (RFC 3927), against
 * hosts that want the same address, on a link between them, on virtual time.
 */
#include <arpa/inet.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/cmdline.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/apps/dhcp.h"
#include "net/ethernet/arp.h"
#include "net/ipv4/route.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/program.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define TAKING_MS 20000 /* from the start until there is an address, at the most */

static struct sim_link *wire;
static struct sim_host *client, *other;
/* What the client has put on the wire. */
static struct {
    unsigned discovers, probes, conflicts_wanted, announced;
    be32 probed; /* by the last probe */
    uint64_t probed_at_ms[64];
    bool from_nobody;      /* all DHCP messages were from 0.0.0.0 to everybody */
    bool arp_to_everybody; /* all ARP packets with an address were broadcast */
} sent;

static be32 read_be32(const uint8_t *p)
{
    be32 value;
    memcpy(&value, p, 4);
    return value;
}

/* The other host has what the client asks for: so many times. */
static void take_before_it(be32 addr)
{
    if (!sent.conflicts_wanted || inet_addr_find(other->net, other->dev, addr))
        return;
    sent.conflicts_wanted--;
    assert_int_equal(inet_addr_add(other->dev, addr, 16), 0);
}

static bool note_frame(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    const uint8_t *payload = frame + 14;
    static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (from != client->dev)
        return true;
    if (frame[13] == 6 && !read_be32(payload + 14)) {
        be32 target = read_be32(payload + 24);
        if (target != sent.probed)
            sent.probed_at_ms[sent.probes++ % 64] = ktime_get_ms();
        sent.probed = target;
        take_before_it(target);
    } else if (frame[13] == 6) {
        sent.arp_to_everybody = sent.arp_to_everybody && !memcmp(frame, all, 6);
        sent.announced += read_be32(payload + 14) == read_be32(payload + 24);
    } else if (frame[13] == 0 && payload[9] == IPPROTO_UDP && payload[23] == 67) {
        sent.discovers++;
        sent.from_nobody = sent.from_nobody && !read_be32(payload + 12) && !memcmp(frame, all, 6) &&
                           !memcmp(payload + 16, all, 4);
    }
    return true;
}

static void start_hosts(void)
{
    host_random_seed(1);
    wire = sim_link_create();
    client = sim_host_create("client", wire, "10.0.0.9/24");
    other = sim_host_create("other", wire, "169.254.0.7/16");
    assert_int_equal(if_set_address(client->net, "eth0", 0, 0, false), 0);
    host_run();
    memset(&sent, 0, sizeof(sent));
    sent.from_nobody = sent.arp_to_everybody = true;
    sim_link_set_filter(wire, note_frame, NULL);
}

static void stop_hosts(void)
{
    sim_host_destroy(client);
    sim_host_destroy(other);
    sim_link_destroy(wire);
}

static int setup(void **state)
{
    program_hosts_start(start_hosts, stop_hosts);
    return 0;
}

static int teardown(void **state)
{
    host_fail_allocation(0);
    program_close_files(client->files);
    host_advance_ms(300000);
    assert_null(program_find("dhcp"));
    program_hosts_stop(stop_hosts);
    return 0;
}

static void start_client(const char *words)
{
    cmdline_init(words);
    assert_non_null(task_create("dhcp", dhcp_main, (void *)"eth0", client->files));
    host_run();
}

/* The client's address in use; 0: none. */
static be32 address(void)
{
    struct in_ifaddr *ifa;
    list_for_each_entry (ifa, &client->dev->ifa_list, list)
        if (!ifa->tentative)
            return ifa->local;
    return (__force be32)0;
}

static void assert_link_local(be32 addr)
{
    assert_in_range(be32_to_cpu(addr), 0xa9fe0100u, 0xa9fefeffu);
}

/* A frame as a host sends that believes addr to be its own. */
static void claim(be32 addr)
{
    arp_send(other->dev, 1, addr, addr, NULL, NULL, NULL);
    host_run();
}

TEST("without a DHCP server there is an address of 169.254/16 after some seconds, and the server is asked on")
{
    start_client("");
    host_advance_ms(7000);
    assert_int_equal(address(), 0);
    host_advance_ms(TAKING_MS - 7000);
    assert_link_local(address());
    assert_int_equal(inet_addr_find(client->net, client->dev, address())->prefix_len, 16);
    unsigned discovers = sent.discovers;
    host_advance_ms(200000);
    assert_true(sent.discovers >= discovers + 2);
    assert_true(sent.from_nobody);
    assert_int_equal(sent.probes, 1);
}

TEST("dhcp.link_local=0: there is none")
{
    start_client("dhcp.link_local=0");
    host_advance_ms(200000);
    assert_int_equal(address(), 0);
    assert_int_equal(sent.probes, 0);
    assert_true(sent.discovers > 8);
}

TEST("an interface that somebody gives an address meanwhile gets none, however many others there are")
{
    struct net_device *lo = dev_get_by_name(client->net, "lo");
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(inet_addr_add(lo, htonl(0x7f000102 + i), 32), 0);
    start_client("");
    assert_int_equal(if_set_address(client->net, "eth0", htonl(0x0a000009), 24, false), 0);
    host_advance_ms(200000);
    assert_int_equal(address(), htonl(0x0a000009));
    assert_int_equal(sent.probes, 0);
}

TEST("2.1: after another start the same address is taken")
{
    start_client("");
    host_advance_ms(TAKING_MS);
    be32 first = address();
    assert_link_local(first);
    teardown(NULL);
    setup(NULL);
    start_client("");
    host_advance_ms(TAKING_MS);
    assert_int_equal(address(), first);
}

TEST("2.2.1: an address that another host has is not taken, but the next")
{
    sent.conflicts_wanted = 3;
    start_client("");
    host_advance_ms(TAKING_MS + 10000);
    assert_link_local(address());
    assert_null(inet_addr_find(other->net, other->dev, address()));
    assert_int_equal(sent.probes, 4);
}

TEST("2.2.1: after ten conflicts one address a minute is tried")
{
    sent.conflicts_wanted = 14;
    start_client("");
    for (int i = 0; i < 100 && !address(); i++)
        host_advance_ms(10000);
    assert_link_local(address());
    assert_int_equal(sent.probes, 15);
    for (int i = 10; i < 15; i++)
        assert_true(sent.probed_at_ms[i] - sent.probed_at_ms[i - 1] >= 55000);
}

TEST("2.5: claimed by another, it is defended once; claimed again within ten seconds it is given up")
{
    start_client("");
    host_advance_ms(TAKING_MS);
    be32 first = address();
    claim(first);
    assert_int_equal(address(), first);
    host_advance_ms(11000);
    claim(first);
    assert_int_equal(address(), first);
    host_advance_ms(5000);
    claim(first);
    assert_int_equal(address(), 0);
    host_advance_ms(150000);
    assert_link_local(address());
    assert_int_not_equal(address(), first);
}

TEST("RFC 5227 2.4 (c): an address of the range that somebody set is defended, however often it is claimed")
{
    be32 set = htonl(0xa9fe0505);
    assert_int_equal(if_set_address(client->net, "eth0", set, 16, false), 0);
    host_advance_ms(5000);
    sent.announced = 0;
    for (unsigned i = 0; i < 5; i++) {
        claim(set);
        assert_int_equal(address(), set);
        host_advance_ms(1000);
    }
    assert_int_equal(sent.announced, 1); /* once in ten seconds at most */
    start_client("");
}

TEST("2.5: ARP packets with such an address go to everybody, replies too")
{
    start_client("");
    host_advance_ms(TAKING_MS);
    arp_send(other->dev, 1, address(), htonl(0xa9fe0007), NULL, NULL, NULL);
    host_run();
    assert_true(sent.arp_to_everybody);
}

TEST("2.6.2: a host with another address and a gateway asks the link itself for them")
{
    struct flowi4 fl = {.daddr = cpu_to_be32(0xa9fe0007)};
    struct fib_config gateway = {.gateway = htonl(0x0a000001), .dev = client->dev};
    int err;
    assert_int_equal(if_set_address(client->net, "eth0", htonl(0x0a000009), 24, false), 0);
    assert_int_equal(fib_add(client->net, &gateway), 0);
    struct rtable *rt = ip_route_output(client->net, &fl, &err);
    assert_non_null(rt);
    assert_int_equal(rt->nexthop, fl.daddr);
    dst_release(&rt->dst);
    start_client("");
}

TEST("any one allocation that fails costs a retry; nothing is left over")
{
    bool failed = true;
    unsigned n = 1;
    for (; failed; n += 1 + n / 16) {
        host_fail_allocation(n);
        cmdline_init("");
        if (task_create("dhcp", dhcp_main, (void *)"eth0", client->files))
            host_advance_ms(400000);
        failed = host_allocation_failed();
        host_fail_allocation(0);
        if (program_find("dhcp"))
            assert_link_local(address());
        teardown(NULL);
        setup(NULL);
    }
    assert_true(n > 30);
}

TEST_FIXTURE(setup, teardown)
