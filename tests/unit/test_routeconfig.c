/*
 * test_routeconfig.c - routes as words (net/ipv4/routeconfig.c), and addresses, routes and settings as
 * programs see them (net/socket/route.c).
 */
#include "tests/unit/files_net.h"

#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/task.h"
#include "libc/include/skiff/route.h"
#include "net/ipv4/routeconfig.h"
#include "tests/host/host.h"

int *inside___errno_location(void);

static struct ip_route_config config;
static const char *why;

static uint32_t net_addr(const char *dotted)
{
    return (uint32_t)cpu_to_be32(testnet_addr(dotted));
}

static void assert_route(const char *value, const char *dst, unsigned len, const char *gateway,
                         const char *device, uint32_t metric, enum rt_type type)
{
    assert_int_equal(ip_route_parse(value, &config, &why), 0);
    assert_null(why);
    assert_int_equal(config.fib.dst, cpu_to_be32(testnet_addr(dst)));
    assert_int_equal(config.fib.prefix_len, len);
    assert_int_equal(config.fib.gateway, cpu_to_be32(testnet_addr(gateway)));
    assert_string_equal(config.device, device);
    assert_int_equal(config.fib.metric, metric);
    assert_int_equal(config.fib.type, type);
}

static void assert_refused(const char *value, const char *hint)
{
    assert_int_equal(ip_route_parse(value, &config, &why), -EINVAL);
    assert_non_null(why);
    if (!strstr(why, hint))
        fail_msg("'%s' gives '%s'", value, why);
}

TEST("a route is a destination, a gateway or what to do instead, a device and a metric")
{
    assert_route("10.0.0.0/8:192.168.1.1", "10.0.0.0", 8, "192.168.1.1", "", 0, RTN_UNICAST);
    assert_route("10.0.0.0/8:192.168.1.1:eth1:20", "10.0.0.0", 8, "192.168.1.1", "eth1", 20, RTN_UNICAST);
    assert_route("10.9.9.9:192.168.1.1", "10.9.9.9", 32, "192.168.1.1", "", 0, RTN_UNICAST);
    assert_route("default:192.168.1.1", "0.0.0.0", 0, "192.168.1.1", "", 0, RTN_UNICAST);
    assert_route("0.0.0.0/0:192.168.1.1", "0.0.0.0", 0, "192.168.1.1", "", 0, RTN_UNICAST);
    assert_route("10.1.0.0/16::eth1", "10.1.0.0", 16, "0.0.0.0", "eth1", 0, RTN_UNICAST);
    assert_route("10.1.0.0/16:blackhole", "10.1.0.0", 16, "0.0.0.0", "", 0, RTN_BLACKHOLE);
    assert_route("10.1.0.0/16:prohibit::7", "10.1.0.0", 16, "0.0.0.0", "", 7, RTN_PROHIBIT);
    assert_route("default:unreachable::4294967", "0.0.0.0", 0, "0.0.0.0", "", 4294967, RTN_UNREACHABLE);
}

TEST("what is wrong with a route is said in a sentence that shows what to write")
{
    assert_refused("", "write route=<destination>");
    assert_refused("10.0.0.0/8", "write route=<destination>");
    assert_refused("10.0.0.0/8:10.0.0.2:eth0:1:2", "write route=<destination>");
    assert_refused("10.0.0.0/33:10.0.0.2", "from 0 to 32");
    assert_refused("10.0.0.0/:10.0.0.2", "from 0 to 32");
    assert_refused("10.0.0.0/-1:10.0.0.2", "from 0 to 32");
    assert_refused("10.0.0.0/8x:10.0.0.2", "from 0 to 32");
    assert_refused("10.0.0/8:10.0.0.2", "like 10.0.0.0/8, or default");
    assert_refused("host:10.0.0.2", "like 10.0.0.0/8, or default");
    assert_refused("10.0.0.1/8:10.0.0.2", "bits behind its prefix");
    assert_refused("10.0.0.0/8:gateway", "blackhole, unreachable, prohibit");
    assert_refused("10.0.0.0/8:0.0.0.0", "blackhole, unreachable, prohibit");
    assert_refused("10.0.0.0/8:", "needs a gateway or a device");
    assert_refused("10.0.0.0/8:10.0.0.2:averyveryverylongname", "longer than 15");
    assert_refused("10.0.0.0/8:10.0.0.2::x", "lowest wins");
    assert_refused("10.0.0.0/8:10.0.0.2::99999999999", "lowest wins");
}

TEST("a value of any length and content is read without harm")
{
    static const char alphabet[] = "0123456789./:defaultbckhoe ";
    char value[300];

    host_random_seed(5);
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = host_random() % (i % 100 ? 40 : sizeof(value) - 1);

        for (size_t k = 0; k < len; k++)
            value[k] = alphabet[host_random() % (sizeof(alphabet) - 1)];
        value[len] = '\0';
        assert_int_equal(!ip_route_parse(value, &config, &why), !why);
    }
}

static int apply(const char *value)
{
    assert_int_equal(ip_route_parse(value, &config, &why), 0);
    int err = ip_route_apply(t->net, &config, &why);
    assert_int_equal(!err, !why);
    return err;
}

TEST("applying a route: its gateway must be a neighbour, its device up, and nobody there before it")
{
    assert_int_equal(apply("172.16.0.0/12:10.0.0.2"), 0);
    assert_int_equal(apply("172.16.0.0/12:10.0.0.3"), -EEXIST);
    assert_int_equal(apply("172.16.0.0/12:10.0.0.3::5"), 0);
    assert_int_equal(apply("172.20.0.0/16:11.0.0.3"), -ENETUNREACH);
    assert_int_equal(apply("172.20.0.0/16:10.0.0.3:eth7"), -ENODEV);
    assert_int_equal(apply("172.20.0.0/16:blackhole"), 0);
    assert_int_equal(apply("172.21.0.0/16::eth0"), 0);
    dev_close(t->dev);
    assert_int_equal(apply("172.22.0.0/16::eth0"), -ENETDOWN);
}

/* --- as a program sees it --- */

static void (*body_now)(void);
static bool body_done;

static void run_body(void *arg)
{
    body_now();
    body_done = true;
}

static void in_task(void (*body)(void))
{
    body_now = body;
    body_done = false;
    assert_non_null(task_create("body", run_body, NULL, files));
    host_run();
    assert_true(body_done);
}

static void expect_errno(int ret, int err, const char *hint)
{
    assert_int_equal(ret, -1);
    assert_int_equal(*inside___errno_location(), err);
    assert_non_null(strstr(why, hint));
}

static void routes_of_a_program(void)
{
    struct skiff_route route, list[16];
    size_t before = skiff_route_count();

    assert_int_equal(skiff_route_parse("172.16.0.0/12:10.0.0.9:eth0:3", &route, &why), 0);
    assert_int_equal(skiff_route_insert(&route, &why), 0);
    assert_int_equal(skiff_route_count(), before + 1);
    assert_int_equal(skiff_route_list(list, 16, 0), before + 1);
    assert_int_equal(skiff_route_list(list, 1, before), 1);
    assert_memory_equal(&list[0], &route, sizeof(route));
    assert_int_equal(skiff_route_get(net_addr("172.17.1.1"), &list[0]), 0);
    assert_memory_equal(&list[0], &route, sizeof(route));
    expect_errno(skiff_route_insert(&route, &why), EEXIST, "already");
    assert_int_equal(skiff_route_remove(&route, &why), 0);
    expect_errno(skiff_route_remove(&route, &why), ESRCH, "no such route");
    assert_int_equal(skiff_route_parse("default:blackhole::9", &route, NULL), 0);
    assert_int_equal(skiff_route_insert(&route, NULL), 0);
    assert_string_equal(skiff_route_type_name(route.type), "blackhole");
    route.type = SKIFF_ROUTE_LOCAL;
    expect_errno(skiff_route_insert(&route, &why), EINVAL, "can be made");
    expect_errno(skiff_route_parse("nonsense", &route, &why), EINVAL, "write route=");
}

TEST("a program lists, asks for, adds and removes routes")
{
    in_task(routes_of_a_program);
}

static void addresses_of_a_program(void)
{
    struct skiff_addr addrs[8];
    struct skiff_route route;

    assert_int_equal(skiff_addr_list(addrs, 8, 0), 2); /* lo and eth0 */
    assert_int_equal(skiff_addr_add("eth0", net_addr("192.168.5.1"), 24, &why), 0);
    assert_int_equal(skiff_addr_list(addrs, 8, 2), 1);
    assert_int_equal(addrs[0].local, net_addr("192.168.5.1"));
    assert_int_equal(addrs[0].broadcast, net_addr("192.168.5.255"));
    assert_int_equal(addrs[0].prefix_len, 24);
    assert_string_equal(addrs[0].device, "eth0");
    assert_int_equal(skiff_route_get(net_addr("192.168.5.9"), &route), 0);
    assert_int_equal(route.prefix_len, 24);
    expect_errno(skiff_addr_add("eth0", net_addr("192.168.5.1"), 24, &why), EEXIST, "already");
    expect_errno(skiff_addr_add("eth0", net_addr("192.168.5.255"), 24, &why), EINVAL, "no host");
    expect_errno(skiff_addr_add("eth0", net_addr("192.168.5.2"), 300, &why), EINVAL, "no host");
    expect_errno(skiff_addr_add("eth9", net_addr("192.168.5.2"), 24, &why), ENODEV, "no such device");
    assert_int_equal(skiff_addr_del("eth0", net_addr("192.168.5.1"), &why), 0);
    expect_errno(skiff_addr_del("eth0", net_addr("192.168.5.1"), &why), EADDRNOTAVAIL, "does not have");
}

TEST("a program lists, adds and removes addresses, and their routes follow")
{
    in_task(addresses_of_a_program);
}

static void count_setting(const char *name, void *ctx)
{
    *(unsigned *)ctx += !strcmp(name, "net.ipv4.ip_forward") || !strcmp(name, "net.ipv4.conf.eth0.rp_filter");
}

static void settings_of_a_program(void)
{
    char value[16];
    unsigned found = 0;

    assert_int_equal(skiff_sysctl_read("net.ipv4.ip_forward", value, sizeof(value)), 1);
    assert_string_equal(value, "0");
    assert_int_equal(skiff_sysctl_write("net.ipv4.ip_forward", "1", &why), 0);
    skiff_sysctl_read("net.ipv4.ip_forward", value, sizeof(value));
    assert_string_equal(value, "1");
    expect_errno(skiff_sysctl_write("net.ipv4.ip_forward", "2", &why), ERANGE, "outside");
    expect_errno(skiff_sysctl_write("net.ipv4.ip_forward", "on", &why), EINVAL, "form");
    expect_errno(skiff_sysctl_write("net.ipv4.ip_backward", "1", &why), ENOENT, "no setting");
    assert_int_equal(skiff_sysctl_read("net.ipv4.ip_backward", value, sizeof(value)), -1);
    skiff_sysctl_walk(count_setting, &found);
    assert_int_equal(found, 2);
}

TEST("a program reads, changes and lists settings")
{
    in_task(settings_of_a_program);
}

TEST_FIXTURE(setup, teardown)
