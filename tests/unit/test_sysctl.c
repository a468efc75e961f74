/*
 * test_sysctl.c - settings by name.
 */
#include <errno.h>

#include "net/core/sysctl.h"
#include "tests/unit/core_net.h"

static int ttl = 64, rmem[3] = {4096, 131072, 6291456}, any;
static struct sysctl_entry entries[] = {
    {"net.ipv4.ip_default_ttl", &ttl, 1, 1, 255},
    {"net.ipv4.tcp_rmem", rmem, 3, 256, 100000000},
    {"net.test.any", &any, 1, -2147483647 - 1, 2147483647},
    {NULL, NULL, 0, 0, 0},
};
static struct sysctl_table table;

static int setup(void **state)
{
    ttl = 64;
    core_setup(state);
    register_sysctl(core.net, &table, entries);
    return 0;
}

static int teardown(void **state)
{
    unregister_sysctl(&table);
    return core_teardown(state);
}

TEST("a setting is read and written by its name")
{
    char buf[64];

    assert_int_equal(sysctl_set(core.net, "net.ipv4.ip_default_ttl", "128"), 0);
    assert_int_equal(ttl, 128);
    assert_int_equal(sysctl_get(core.net, "net.ipv4.ip_default_ttl", buf, sizeof(buf)), 3);
    assert_string_equal(buf, "128");
    assert_int_equal(sysctl_set(core.net, "net.ipv4.ip_default_ttl", "0x4F"), 0); /* flags are written so */
    assert_int_equal(ttl, 0x4f);
    assert_int_equal(sysctl_set(core.net, "net.ipv4.nothing", "1"), -ENOENT);
    assert_int_equal(sysctl_get(core.net, "net.ipv4.nothing", buf, sizeof(buf)), -ENOENT);
}

TEST("three values are set together or not at all")
{
    char buf[64];

    assert_int_equal(sysctl_set(core.net, "net.ipv4.tcp_rmem", "  4096\t87380 4194304 \n"), 0);
    assert_int_equal(sysctl_get(core.net, "net.ipv4.tcp_rmem", buf, sizeof(buf)), 18);
    assert_string_equal(buf, "4096 87380 4194304");
    assert_int_equal(sysctl_set(core.net, "net.ipv4.tcp_rmem", "1000 1000"), -EINVAL);
    assert_int_equal(sysctl_set(core.net, "net.ipv4.tcp_rmem", "1000 1000 1000 1000"), -EINVAL);
    assert_int_equal(sysctl_set(core.net, "net.ipv4.tcp_rmem", "1000 1000 1"), -ERANGE);
    assert_int_equal(rmem[0], 4096);
}

TEST("what is no number, and what is out of range, is refused")
{
    static const char *const wrong[] = {"", " ", "x", "1x", "0x", "0xg", "x10", "-", "1.5", "1 2", "+1"};

    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(sysctl_set(core.net, "net.ipv4.ip_default_ttl", wrong[i]), -EINVAL);
    assert_int_equal(sysctl_set(core.net, "net.ipv4.ip_default_ttl", "0"), -ERANGE);
    assert_int_equal(sysctl_set(core.net, "net.ipv4.ip_default_ttl", "256"), -ERANGE);
    assert_int_equal(sysctl_set(core.net, "net.ipv4.ip_default_ttl", "-1"), -ERANGE);
    assert_int_equal(sysctl_set(core.net, "net.ipv4.ip_default_ttl", "99999999999999999999"), -ERANGE);
    assert_int_equal(sysctl_set(core.net, "net.test.any", "2147483648"), -ERANGE);
    assert_int_equal(sysctl_set(core.net, "net.test.any", "-2147483648"), 0);
    assert_int_equal(any, -2147483647 - 1);
    assert_int_equal(ttl, 64);
}

TEST("a value longer than the buffer is cut, and its length told")
{
    char buf[5];

    assert_int_equal(sysctl_set(core.net, "net.ipv4.tcp_rmem", "4096 87380 4194304"), 0);
    assert_int_equal(sysctl_get(core.net, "net.ipv4.tcp_rmem", buf, sizeof(buf)), 18);
    assert_string_equal(buf, "4096");
}

static bool count(const struct sysctl_entry *entry, void *ctx)
{
    ++*(int *)ctx;
    return strncmp(entry->name, "net.test.", 9) != 0;
}

TEST("a walk sees every setting until it is told to stop")
{
    int seen = 0;

    sysctl_for_each(core.net, count, &seen);
    assert_true(seen >= 3);
    assert_int_equal(sysctl_set(core.net, "net.ipv4.arp_probe", "1"), 0); /* of another table */
}

TEST_FIXTURE(setup, teardown)
