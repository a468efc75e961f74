/*
 * test_ipset_timeout.c - sets whose members end by themselves, that packets fill (-j SET), and that are full.
 */
#include "tests/unit/xt_test.h"

#include <errno.h>

#include "net/netfilter/ip_set.h"

#define SECOND 1000

static const struct testnet_ip plain = {.saddr = 0};

static void rules(const char *text)
{
    if (restore(text))
        fail_msg("%s", said);
}

static void sets(const char *format, ...)
{
    char line[200];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (ipset(line))
        fail_msg("%s: %s", line, said);
}

static bool has(const char *set, const char *addr, uint8_t protocol, uint16_t port)
{
    return ip_set_test(ip_set_find(t->net, set), cpu_to_be32(testnet_addr(addr)), protocol, port);
}

static const struct ip_set_members *members(const char *set)
{
    return ip_set_find(t->net, set)->members;
}

/* A datagram from here arrives. */
static bool dropped_from(uint32_t saddr)
{
    struct testnet_ip ip = {.saddr = saddr};

    udp_packet(&ip, 4000, 53, 10);
    return dropped();
}

TEST("a member ends after the time of its set, or its own; with 0 it stays")
{
    sets("create s hash:ip timeout 60");
    sets("add s 10.0.0.1");
    sets("add s 10.0.0.2 timeout 10");
    sets("add s 10.0.0.3 timeout 0");
    testnet_advance_ms(t, 10 * SECOND - 1);
    assert_true(has("s", "10.0.0.2", 0, 0));
    testnet_advance_ms(t, 1);
    assert_false(has("s", "10.0.0.2", 0, 0));
    assert_true(has("s", "10.0.0.1", 0, 0));
    testnet_advance_ms(t, 50 * SECOND);
    assert_false(has("s", "10.0.0.1", 0, 0));
    assert_true(has("s", "10.0.0.3", 0, 0));
    assert_int_equal(ipset("del s 10.0.0.1"), -ENOENT);
    assert_int_equal(ipset("test s 10.0.0.1"), -ENOENT);
    sets("add s 10.0.0.2"); /* what has ended is no member: not there already */
    assert_true(has("s", "10.0.0.2", 0, 0));
}

TEST("-exist begins a member's time anew; without it, it is there already")
{
    sets("create s hash:ip timeout 60");
    sets("add s 10.0.0.1");
    testnet_advance_ms(t, 50 * SECOND);
    assert_int_equal(ipset("add s 10.0.0.1"), -EEXIST);
    sets("add s 10.0.0.1 -exist");
    testnet_advance_ms(t, 50 * SECOND);
    assert_true(has("s", "10.0.0.1", 0, 0));
    sets("-exist add s 10.0.0.1 timeout 5");
    testnet_advance_ms(t, 5 * SECOND);
    assert_false(has("s", "10.0.0.1", 0, 0));
}

TEST("save and list tell how long members have left, and what has ended is not there")
{
    sets("create s hash:ip timeout 60");
    sets("create plain hash:ip");
    sets("add s 10.0.0.1");
    sets("add s 10.0.0.2 timeout 10");
    sets("add s 10.0.0.3 timeout 0");
    testnet_advance_ms(t, 20 * SECOND + 500);
    sets("save s");
    assert_non_null(strstr(said, "create s hash:ip family inet hashsize 16 maxelem 65536 timeout 60\n"));
    assert_non_null(strstr(said, "\nadd s 10.0.0.1 timeout 40\n"));
    assert_non_null(strstr(said, "\nadd s 10.0.0.3 timeout 0\n"));
    assert_null(strstr(said, "10.0.0.2"));
    char text[500];
    assert_in_range(said_len, 1, sizeof(text) - 1);
    memcpy(text, said, said_len);
    assert_int_equal(ip_set_restore(t->net, text, said_len, xt_listen()), 0);
    testnet_advance_ms(t, 40 * SECOND);
    sets("list s");
    assert_non_null(strstr(said, "Number of entries: 1\n"));
    assert_null(strstr(said, "10.0.0.1"));
    sets("save plain");
    assert_null(strstr(said, "timeout"));
}

TEST("members that have ended are swept a few at a time, by those who add others")
{
    struct ip_set_params params = {.type = IP_SET_IP, .max = 60000, .timed = true};
    struct ip_set_members *m = ip_set_members_create(t->net, &params);
    struct ip_set_key key = {.prefix = 33};

    for (uint32_t i = 1; i <= 10000; i++) {
        key.addr = cpu_to_be32(i);
        assert_int_equal(ip_set_add(m, &key, 10, false), 0);
    }
    testnet_advance_ms(t, 10 * SECOND);
    for (uint32_t i = 20001; i <= 30000; i++) {
        uint32_t before = m->count;
        key.addr = cpu_to_be32(i);
        assert_int_equal(ip_set_add(m, &key, 100, false), 0);
        assert_in_range(before + 1 - m->count, 0, IP_SET_SWEEP);
    }
    assert_int_equal(m->count, 10000);
    for (uint32_t i = 1; i <= 30000; i++) {
        key.addr = cpu_to_be32(i);
        assert_int_equal(ip_set_has(m, &key), i > 20000);
    }
    ip_set_members_destroy(m);
}

TEST("the lengths of prefixes that have ended are asked for no more")
{
    sets("create n hash:net timeout 10");
    sets("add n 10.1.0.0/16");
    sets("add n 10.2.3.0/24 timeout 20");
    assert_true(has("n", "10.1.2.3", 0, 0));
    testnet_advance_ms(t, 10 * SECOND);
    assert_false(has("n", "10.1.2.3", 0, 0));
    assert_true(has("n", "10.2.3.4", 0, 0));
    sets("list n");
    assert_int_equal(members("n")->prefixes, 1ull << 24);
}

TEST("a full set takes a new member once another has ended")
{
    sets("create s hash:ip maxelem 3 timeout 10");
    for (unsigned i = 1; i <= 3; i++)
        sets("add s 10.0.0.%u timeout %u", i, i * 10);
    assert_int_equal(ipset("add s 10.0.0.9"), -EINVAL);
    assert_non_null(strstr(said, "set s is full with 3 members"));
    testnet_advance_ms(t, 10 * SECOND);
    sets("add s 10.0.0.9");
    assert_true(has("s", "10.0.0.9", 0, 0));
    assert_int_equal(ipset("add s 10.0.0.10"), -EINVAL);
}

TEST("with forceadd one of a full set makes room")
{
    unsigned left = 0;

    sets("create s hash:ip maxelem 100 forceadd");
    for (unsigned i = 0; i < 200; i++) {
        sets("add s 10.0.1.%u", i);
        char addr[20];
        snprintf(addr, sizeof(addr), "10.0.1.%u", i);
        assert_true(has("s", addr, 0, 0));
        left = members("s")->count;
    }
    assert_int_equal(left, 100);
    sets("save s");
    assert_non_null(strstr(said, "maxelem 100 forceadd\n"));
}

TEST("SET puts the sender of a packet into a set for a while, and the packet goes on")
{
    sets("create seen hash:ip timeout 30");
    rules(
        "*filter\n-A INPUT -m set --match-set seen src -j DROP\n-A INPUT -j SET --add-set seen src\nCOMMIT\n");
    assert_false(dropped_from(testnet_addr("10.0.0.7")));
    assert_true(dropped_from(testnet_addr("10.0.0.7")));
    assert_false(dropped_from(testnet_addr("10.0.0.8")));
    testnet_advance_ms(t, 30 * SECOND);
    assert_false(dropped_from(testnet_addr("10.0.0.7")));
}

TEST(
    "SET --exist begins the time anew with each packet, without it the first counts; --timeout is the rule's")
{
    sets("create a hash:ip timeout 30");
    sets("create b hash:ip timeout 30");
    sets("create c hash:ip timeout 30");
    rules("*filter\n-A INPUT -j SET --add-set a src --exist\n-A INPUT -j SET --add-set b src\n"
          "-A INPUT -j SET --add-set c src --exist --timeout 50\nCOMMIT\n");
    dropped_from(testnet_addr("10.0.0.7"));
    testnet_advance_ms(t, 20 * SECOND);
    dropped_from(testnet_addr("10.0.0.7"));
    testnet_advance_ms(t, 20 * SECOND);
    assert_true(has("a", "10.0.0.7", 0, 0));
    assert_false(has("b", "10.0.0.7", 0, 0));
    testnet_advance_ms(t, 29 * SECOND);
    assert_true(has("c", "10.0.0.7", 0, 0));
    testnet_advance_ms(t, SECOND);
    assert_false(has("c", "10.0.0.7", 0, 0));
}

TEST("SET moves from one set to another; each side of the packet with its port")
{
    sets("create from hash:ip");
    sets("create to hash:ip,port");
    sets("create nets hash:net,port");
    sets("add from 10.0.0.7");
    rules("*filter\n-A INPUT -j SET --add-set to src,dst --del-set from src\n"
          "-A INPUT -j SET --add-set nets dst,src\nCOMMIT\n");
    dropped_from(testnet_addr("10.0.0.7"));
    assert_false(has("from", "10.0.0.7", 0, 0));
    assert_true(has("to", "10.0.0.7", 17, 53));
    assert_true(has("nets", "10.0.0.1", 17, 4000));
    icmp_packet(&plain, 8, 0); /* has no ports: is no member */
    assert_false(dropped());
    assert_int_equal(members("to")->count, 1);
}

TEST("a flood of senders fills a set up to its end, and makes nothing worse than that")
{
    sets("create seen hash:ip maxelem 1000 timeout 5");
    rules("*raw\n-A PREROUTING -j SET --add-set seen src\nCOMMIT\n");
    for (uint32_t i = 1; i < 2000; i++)
        dropped_from((10u << 24 | 1 << 16) + i);
    assert_int_equal(members("seen")->count, 1000);
    testnet_advance_ms(t, 5 * SECOND);
    dropped_from(10u << 24 | 9 << 16 | 1);
    assert_true(has("seen", "10.9.0.1", 0, 0));
    assert_int_equal(ipset("destroy seen"), -EBUSY);
    assert_int_equal(ipt("-t raw -F"), 0);
    sets("destroy seen");
}

TEST("SET and sets survive each allocation that fails")
{
    sets("create seen hash:ip timeout 5");
    for (unsigned n = 1; n < 20; n++) {
        host_fail_allocation(n);
        ipt("-t raw -A PREROUTING -j SET --add-set seen src");
        ipset("create other hash:ip timeout 9");
        host_fail_allocation(0);
        ipt("-t raw -F");
        ipset("destroy other");
    }
    rules("*raw\n-A PREROUTING -j SET --add-set seen src\nCOMMIT\n");
    for (uint32_t i = 1; i < 200; i++) {
        host_fail_allocation(i % 4 + 1);
        dropped_from(10u << 24 | 1 << 16 | i);
        host_fail_allocation(0);
    }
    assert_int_equal(ip_set_find(t->net, "seen")->references, 1);
}

TEST("hash:net,port asks for prefix, protocol and port together")
{
    sets("create p hash:net,port");
    sets("add p 10.1.0.0/16,80");
    sets("add p 10.2.0.0/24,udp:53");
    assert_int_equal(ipset("add p 10.1.0.0/16"), -EINVAL);
    assert_int_equal(ipset("add p 10.1.0.1-10.1.0.9,80"), -EINVAL);
    assert_true(has("p", "10.1.2.3", 6, 80));
    assert_false(has("p", "10.1.2.3", 17, 80));
    assert_false(has("p", "10.1.2.3", 6, 81));
    assert_true(has("p", "10.2.0.9", 17, 53));
    sets("save p");
    assert_non_null(strstr(said, "add p 10.2.0.0/24,udp:53\n"));
    assert_int_equal(ipt("-A INPUT -m set --match-set p src -j DROP"), -EINVAL);
    assert_int_equal(ipt("-A INPUT -m set --match-set p src,src -j DROP"), 0);
}

TEST("sets and SET are written as they are read; wrong words get line and column")
{
    static const char *const right[] = {
        "-A INPUT -j SET --add-set s src --exist --timeout 90 --del-set p dst,src",
        "-A INPUT -j SET --del-set s dst",
    };
    static const struct {
        const char *line, *says;
    } wrong[] = {
        {"add q 10.0.0.1 timeout 5", "line 3, column 16: set q has no timeouts; create it with one"},
        {"add s 10.0.0.1 timeout 2147484", "line 3, column 24: \"2147484\" does not fit"},
        {"del s 10.0.0.1 timeout 5", "line 3, column 16: \"timeout\" is not understood here"},
        {"create x hash:ip timeout", "line 3, column 18: the line ends here"},
        {"*filter\n-A INPUT -j SET", "line 4, column 13: -j SET needs --add-set NAME src, or --del-set"},
        {"*filter\n-A INPUT -j SET --del-set s src --exist", "line 4, column 33: --timeout and --exist say"},
        {"*filter\n-A INPUT -j SET --add-set s src,dst", "set s holds addresses alone"},
        {"*filter\n-A INPUT -j SET --add-set none src", "line 4, column 27: there is no set \"none\""},
        {"*filter\n-A INPUT -j SET --add-set s src --add-set s src",
         "line 4, column 33: --add-set stands twice"},
        {"*filter\n-A INPUT -j SET ! --exist --add-set s src", "cannot be negated"},
    };
    char text[300];

    sets("create s hash:ip timeout 60");
    sets("create p hash:ip,port");
    sets("create q hash:ip");
    for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
        assert_int_equal(ipt("%s", right[i]), 0);
        assert_non_null(strstr(save(false), right[i]));
    }
    assert_int_equal(ipt("-L"), 0);
    assert_non_null(strstr(said, " add-set s src exist timeout 90 del-set p dst,src"));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        snprintf(text, sizeof(text), "\n\n%s\n%s", wrong[i].line, *wrong[i].line == '*' ? "COMMIT\n" : "");
        assert_int_equal(restore(text), -EINVAL);
        if (!strstr(said, wrong[i].says))
            fail_msg("%s: %s", wrong[i].line, said);
    }
    assert_int_equal(ip_set_find(t->net, "s")->references, 2);
}

TEST_FIXTURE(xt_setup, xt_teardown)
