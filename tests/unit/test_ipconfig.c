/*
 * test_ipconfig.c - the ip= words (net/ipv4/ipconfig.c).
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/ipv4/ipconfig.h"
#include "net/ipv4/route.h"
#include "net/core/sysctl.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct ip_config config;
static const char *why;

static enum ip_config_method method_of(const char *value)
{
    assert_int_equal(ip_config_parse(value, &config, &why), 0);
    assert_null(why);
    return config.method;
}

static void assert_static(const char *value, const char *client, unsigned prefix_len, const char *gateway)
{
    assert_int_equal(method_of(value), IP_CONFIG_STATIC);
    assert_int_equal(be32_to_cpu(config.client), testnet_addr(client));
    assert_int_equal(config.prefix_len, prefix_len);
    assert_int_equal(be32_to_cpu(config.gateway), testnet_addr(gateway));
}

/* Refused, with a sentence that holds `hint`. */
static void assert_refused(const char *value, const char *hint)
{
    assert_int_equal(ip_config_parse(value, &config, &why), -EINVAL);
    assert_non_null(why);
    if (!strstr(why, hint))
        fail_msg("'%s' gives '%s'", value, why);
}

TEST("one word names the method")
{
    assert_int_equal(method_of("dhcp"), IP_CONFIG_DHCP);
    assert_int_equal(method_of("on"), IP_CONFIG_DHCP);
    assert_int_equal(method_of("any"), IP_CONFIG_DHCP);
    assert_int_equal(method_of("both"), IP_CONFIG_DHCP);
    assert_int_equal(method_of(""), IP_CONFIG_DHCP);
    assert_int_equal(method_of("off"), IP_CONFIG_NONE);
    assert_int_equal(method_of("none"), IP_CONFIG_NONE);
}

TEST("the full form gives address, mask, gateway, host and device")
{
    assert_static("10.79.0.2::10.79.0.1:255.255.255.0::eth0:off", "10.79.0.2", 24, "10.79.0.1");
    assert_string_equal(config.device, "eth0");
    assert_string_equal(config.hostname, "");
    assert_static("192.168.7.9:192.168.7.1:192.168.7.254:255.255.0.0:boat:eth1:none:1.1.1.1:8.8.8.8:9.9.9.9",
                  "192.168.7.9", 16, "192.168.7.254");
    assert_string_equal(config.hostname, "boat");
    assert_string_equal(config.device, "eth1");
}

TEST("trailing fields may be missing, and an address by itself is static")
{
    assert_static("10.0.0.5", "10.0.0.5", 8, "0.0.0.0");
    assert_static("10.0.0.5::10.0.0.1", "10.0.0.5", 8, "10.0.0.1");
    assert_static("10.0.0.5:::255.255.255.0", "10.0.0.5", 24, "0.0.0.0");
}

TEST("a missing mask follows the address class")
{
    assert_static("10.1.2.3", "10.1.2.3", 8, "0.0.0.0");
    assert_static("127.255.0.1", "127.255.0.1", 8, "0.0.0.0");
    assert_static("172.16.1.1", "172.16.1.1", 16, "0.0.0.0");
    assert_static("192.0.2.1", "192.0.2.1", 24, "0.0.0.0");
}

TEST("the client may carry its prefix length, and the mask may be one")
{
    assert_static("10.0.0.5/26::10.0.0.1", "10.0.0.5", 26, "10.0.0.1");
    assert_static("10.0.0.5/32", "10.0.0.5", 32, "0.0.0.0");
    assert_static("10.0.0.5:::20", "10.0.0.5", 20, "0.0.0.0");
}

TEST("without a client the device is asked for by the last word")
{
    assert_int_equal(method_of(":::::eth1:dhcp"), IP_CONFIG_DHCP);
    assert_string_equal(config.device, "eth1");
    assert_int_equal(method_of("::::boat::"), IP_CONFIG_DHCP);
    assert_string_equal(config.hostname, "boat");
    assert_int_equal(method_of("::::::off"), IP_CONFIG_NONE);
}

TEST("what is wrong is said in a sentence that shows what to write")
{
    assert_refused("10.0.0", "first field");
    assert_refused("10.0.0.256", "first field");
    assert_refused("dhcp4", "first field");
    assert_refused("10.0.0.5:::255.0.255.0", "mask");
    assert_refused("10.0.0.5:::33", "mask");
    assert_refused("10.0.0.5/33", "mask");
    assert_refused("10.0.0.5/", "mask");
    assert_refused("10.0.0.5/0", "mask");
    assert_refused("10.0.0.5/24:::255.255.255.0", "twice");
    assert_refused("10.0.0.5::gw:255.255.255.0", "gateway");
    assert_refused("10.0.0.5::10.0.1.1:255.255.255.0", "gateway");
    assert_refused("10.0.0.5::10.0.0.5:255.255.255.0", "gateway");
    assert_refused("10.0.0.5:server::255.255.255.0", "server");
    assert_refused("10.0.0.5::::::off:dns", "server");
    assert_refused("bootp", "dhcp");
    assert_refused("::::::rarp", "dhcp");
    assert_refused("10.0.0.5::::::sometimes", "dhcp");
    assert_refused("10.0.0.5:::::a-name-that-is-too-long:off", "device");
    assert_refused("10.0.0.5::::a23456789012345678901234567890123456789012345678901234567890abcd::off",
                   "host name");
    assert_refused("1:2:3:4:5:6:7:8:9:10:11", "too many");
}

TEST("a value of any length and content is read without harm")
{
    static const char alphabet[] = ":::.../0123456789adhcponf-";
    char value[600];

    host_random_seed(7);
    for (int i = 0; i < 20000; i++) {
        size_t len = host_random() % (i % 10 ? 40 : sizeof(value));

        for (size_t c = 0; c < len; c++)
            value[c] = alphabet[host_random() % (sizeof(alphabet) - 1)];
        value[len] = '\0';
        if (ip_config_parse(value, &config, &why))
            assert_non_null(why);
        else
            assert_true(config.method != IP_CONFIG_STATIC || (config.client && config.prefix_len));
    }
}

TEST("applying a static configuration makes the address, its routes and the default route")
{
    struct testnet *t = testnet_create(NULL);
    struct flowi4 fl = {.daddr = cpu_to_be32(testnet_addr("198.51.100.1"))};
    struct fib_config route;
    struct rtable *rt;
    int err;

    assert_int_equal(method_of("10.0.0.1/24::10.0.0.254:::eth0:off"), IP_CONFIG_STATIC);
    assert_int_equal(ip_config_apply(t->net, &config), 0);
    assert_true(fib_lookup_config(t->net, cpu_to_be32(testnet_addr("10.0.0.9")), &route));
    assert_int_equal(route.prefix_len, 24);
    rt = ip_route_output(t->net, &fl, &err);
    assert_non_null(rt);
    assert_int_equal(be32_to_cpu(rt->nexthop), testnet_addr("10.0.0.254"));
    assert_int_equal(be32_to_cpu(fl.saddr), testnet_addr("10.0.0.1"));
    dst_release(&rt->dst);
    assert_int_equal(ip_config_apply(t->net, &config), -EEXIST);
    testnet_advance_ms(t, 5000);
    assert_int_equal(testnet_destroy(t), 0);
}

TEST(
    "ip= may stand once for each card: the first gateway is taken, the second one steps in when its device goes")
{
    struct testnet *t = testnet_create(NULL), *far = testnet_add_port(t, "10.9.0.1/24", 0);
    struct fib_config route;

    assert_static("10.0.0.1::10.0.0.254:255.255.255.0::eth0:off", "10.0.0.1", 24, "10.0.0.254");
    assert_int_equal(ip_config_apply(t->net, &config), 0);
    assert_static("10.1.0.1::10.1.0.254:255.255.255.0::eth1:off", "10.1.0.1", 24, "10.1.0.254");
    assert_int_equal(ip_config_apply(t->net, &config), 0);
    assert_true(fib_lookup_config(t->net, cpu_to_be32(0x08080808), &route));
    assert_ptr_equal(route.dev, t->dev);
    dev_close(t->dev);
    assert_true(fib_lookup_config(t->net, cpu_to_be32(0x08080808), &route));
    assert_ptr_equal(route.dev, far->dev);
    assert_int_equal(be32_to_cpu(route.gateway), testnet_addr("10.1.0.254"));
    testnet_remove_port(far);
    assert_int_equal(testnet_destroy(t), 0);
}

TEST("a card that is not there is ENODEV, no configuration touches nothing")
{
    struct testnet *t = testnet_create(NULL);

    method_of("10.0.0.1/24::::eth7:off");
    assert_int_equal(ip_config_apply(t->net, &config), -ENODEV);
    method_of("off");
    assert_int_equal(ip_config_apply(t->net, &config), 0);
    method_of("dhcp");
    assert_int_equal(ip_config_apply(t->net, &config), 0);
    assert_int_equal(inet_select_addr(t->dev, 0), 0);
    assert_int_equal(testnet_destroy(t), 0);
}

TEST_MAIN()
