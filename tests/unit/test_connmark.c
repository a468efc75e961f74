/*
 * test_connmark.c - marks of connections: -m connmark, -j CONNMARK.
 */
#include "tests/unit/xt_test.h"

#include <errno.h>

#include "net/netfilter/nf_conntrack.h"

static const struct testnet_ip plain = {.saddr = 0};

static void rules(const char *text)
{
    if (restore(text))
        fail_msg("%s", said);
}

/* One more datagram of one connection: whether it was dropped. */
static bool next_dropped(void)
{
    udp_packet(&plain, 1000, 2000, 10);
    return dropped();
}

static const struct nf_conn *only_connection(void)
{
    uint64_t cursor = 0;
    const struct nf_conn *ct = nf_ct_next(t->net, &cursor);

    assert_non_null(ct);
    return ct;
}

TEST("--set-mark and its kin change the mark of the connection, under a mask")
{
    static const struct {
        const char *option;
        uint32_t wanted;
    } cases[] = {{"--set-mark 0x5", 0x5},   {"--set-mark 0x5/0xf", 0xff5}, {"--set-xmark 0x5/0xf", 0xff5},
                 {"--and-mark 0xf0", 0xf0}, {"--or-mark 0x1000", 0x1ff0},  {"--xor-mark 0x10", 0xfe0}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        rules("*mangle\n-A PREROUTING -j CONNMARK --set-mark 0xff0\nCOMMIT\n");
        assert_int_equal(ipt("-t mangle -A PREROUTING -j CONNMARK %s", cases[i].option), 0);
        assert_false(next_dropped());
        assert_int_equal(only_connection()->mark, cases[i].wanted);
    }
}

TEST("a mark saved with the first packet is restored on those that follow")
{
    rules("*mangle\n-A PREROUTING -j CONNMARK --restore-mark\n-A PREROUTING -m mark ! --mark 0 -j ACCEPT\n"
          "-A PREROUTING -j MARK --set-mark 0x30\n-A PREROUTING -j CONNMARK --save-mark\nCOMMIT\n"
          "*filter\n-A INPUT -m mark --mark 0x30 -m conntrack --ctstate NEW\nCOMMIT\n");
    assert_false(next_dropped());
    assert_int_equal(only_connection()->mark, 0x30);
    assert_int_equal(ipt("-t mangle -D PREROUTING 4"), 0);
    assert_int_equal(ipt("-t mangle -D PREROUTING 3"), 0);
    assert_int_equal(ipt("-A INPUT -m mark --mark 0x30 -j DROP"), 0);
    assert_true(next_dropped());
}

TEST("save and restore move the bits that their masks name")
{
    rules("*mangle\n-A PREROUTING -j CONNMARK --set-mark 0xffff0000\n"
          "-A PREROUTING -j MARK --set-mark 0x1234\n"
          "-A PREROUTING -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf\nCOMMIT\n");
    assert_false(next_dropped());
    assert_int_equal(only_connection()->mark, 0xffff0034);
    rules(
        "*mangle\n-A PREROUTING -j CONNMARK --set-mark 0xabcd\n-A PREROUTING -j MARK --set-mark 0x12340000\n"
        "-A PREROUTING -j CONNMARK --restore-mark --mask 0xff00\n"
        "-A PREROUTING -m mark --mark 0x1234ab00 -j DROP\nCOMMIT\n");
    assert_true(next_dropped());
}

TEST("-m connmark asks for the connection's mark; what is not tracked has none")
{
    rules("*mangle\n-A PREROUTING -j CONNMARK --set-mark 0x21\nCOMMIT\n"
          "*filter\n-A INPUT -m connmark --mark 0x1/0xf -j DROP\nCOMMIT\n");
    assert_true(next_dropped());
    rules("*filter\n-A INPUT -m connmark ! --mark 0x1/0xf -j DROP\nCOMMIT\n");
    assert_false(next_dropped());
    rules("*filter\n-A INPUT -m connmark ! --mark 0x22 -j DROP\nCOMMIT\n");
    assert_true(next_dropped());
    assert_int_equal(ipt("-t raw -A PREROUTING -j NOTRACK"), 0);
    assert_false(next_dropped());
    rules("*filter\n-A INPUT -m connmark --mark 0 -j DROP\nCOMMIT\n");
    assert_false(next_dropped());
}

TEST("a rule with connmark has connections tracked, and only while it stands")
{
    assert_int_equal(ipt("-A INPUT -m connmark --mark 1"), 0);
    next_dropped();
    assert_int_equal(t->net->ct->count, 1);
    assert_int_equal(ipt("-F"), 0);
    assert_int_equal(t->net->ct->users, 0);
    assert_int_equal(ipt("-A INPUT -j CONNMARK --save-mark"), 0);
    assert_int_equal(t->net->ct->users, 1);
}

TEST("connmark and CONNMARK are written as they are read; wrong words get line and column")
{
    static const char *const right[] = {
        "-A INPUT -m connmark ! --mark 0x1/0xff -j CONNMARK --set-xmark 0x5/0xf",
        "-A INPUT -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xffffffff",
        "-A INPUT -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff",
    };
    static const struct {
        const char *rule, *says;
    } wrong[] = {
        {"-j CONNMARK",
         "line 2, column 13: -j CONNMARK needs --set-mark NUMBER, --save-mark or --restore-mark"},
        {"-j CONNMARK --set-mark x", "line 2, column 33: \"x\" is no mark"},
        {"-j CONNMARK --save-mark --restore-mark", "line 2, column 34: CONNMARK does one thing"},
        {"-j CONNMARK --set-mark 1 --mask 3", "a mask goes with --save-mark or --restore-mark"},
        {"-j CONNMARK ! --save-mark", "cannot be negated"},
        {"-m connmark", "line 2, column 13: -m connmark needs --mark NUMBER"},
    };
    char text[200];

    for (size_t i = 0; i < ARRAY_SIZE(right); i++)
        assert_int_equal(ipt("%s", right[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(right); i++)
        assert_non_null(strstr(save(false), right[i]));
    assert_int_equal(ipt("-L"), 0);
    assert_non_null(strstr(said, "connmark match !0x1/0xff CONNMARK xset 0x5/0xf"));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        snprintf(text, sizeof(text), "*filter\n-A INPUT %s\nCOMMIT\n", wrong[i].rule);
        assert_int_equal(restore(text), -EINVAL);
        if (!strstr(said, wrong[i].says))
            fail_msg("%s: %s", wrong[i].rule, said);
    }
}

TEST_FIXTURE(xt_setup, xt_teardown)
