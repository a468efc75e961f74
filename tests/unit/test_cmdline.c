/*
 * test_cmdline.c - the kernel command line.
 */
#include "tests/unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/log.h"
#include "tests/host/host.h"

/* A line of the log that no test writes: what stands there at the end has been written since. */
static int setup(void **state)
{
    printk(LOG_INFO, "no warning");
    return 0;
}

static bool warned_about(const char *text)
{
    return strstr(host_last_log(), text);
}

TEST("a word with a value and a bare word are found, others are not")
{
    cmdline_init("ip=dhcp quiet");
    assert_string_equal(cmdline_get("ip"), "dhcp");
    assert_string_equal(cmdline_get("quiet"), "");
    assert_null(cmdline_get("i"));
    assert_null(cmdline_get("ip=dhcp"));
    assert_null(cmdline_get("quie"));
    assert_null(cmdline_get("quietly"));
}

TEST("an empty line and a line of blanks have no words")
{
    cmdline_init("");
    assert_null(cmdline_get(""));
    cmdline_init(" \t  \n ");
    assert_null(cmdline_get(""));
    cmdline_warn_unknown();
    assert_true(warned_about("no warning"));
}

TEST("a value may contain further equal signs")
{
    cmdline_init("root=UUID=1234");
    assert_string_equal(cmdline_get("root"), "UUID=1234");
}

TEST("quotes keep blanks together, around the value or the whole word, and are taken off")
{
    cmdline_init("a=\"one two\" \"b=three  four\" c=x\" y\"z last");
    assert_string_equal(cmdline_get("a"), "one two");
    assert_string_equal(cmdline_get("b"), "three  four");
    assert_string_equal(cmdline_get("c"), "x yz");
    assert_string_equal(cmdline_get("last"), "");
}

TEST("a quote that is never closed reaches to the end")
{
    cmdline_init("a=\"one two");
    assert_string_equal(cmdline_get("a"), "one two");
}

TEST("dash and underscore are the same in keys, not in values")
{
    cmdline_init("my-key=a-b other_key=a_b");
    assert_string_equal(cmdline_get("my_key"), "a-b");
    assert_string_equal(cmdline_get("other-key"), "a_b");
}

TEST("the last of several values wins, and each can be had by number")
{
    cmdline_init("console=ttyS0 quiet console=tty0");
    assert_string_equal(cmdline_get("console"), "tty0");
    assert_string_equal(cmdline_get_nth("console", 0), "ttyS0");
    assert_string_equal(cmdline_get_nth("console", 1), "tty0");
    assert_null(cmdline_get_nth("console", 2));
}

TEST("numbers are read as decimal, negative and hexadecimal")
{
    cmdline_init("a=42 b=-1 c=0x10");
    assert_int_equal(cmdline_get_long("a", 7), 42);
    assert_int_equal(cmdline_get_long("b", 7), -1);
    assert_int_equal(cmdline_get_long("c", 7), 16);
    assert_int_equal(cmdline_get_long("d", 7), 7);
    assert_true(warned_about("no warning"));
}

TEST("what is no number gives the fallback and a warning that shows the word")
{
    cmdline_init("a=12monkeys b= c");
    assert_int_equal(cmdline_get_long("a", 7), 7);
    assert_true(warned_about("a=12monkeys"));
    assert_int_equal(cmdline_get_long("b", 8), 8);
    assert_int_equal(cmdline_get_long("c", 9), 9);
}

static void collect(const char *name, const char *value, void *ctx)
{
    strcat(ctx, name);
    strcat(ctx, "->");
    strcat(ctx, value);
    strcat(ctx, ";");
}

TEST("words with a prefix are handed over in order, without it")
{
    char got[256] = "";
    cmdline_init("sysctl.net.ipv4.ip_forward=1 sysctl. ip=x sysctl.a=b sysctl");
    cmdline_for_each_prefix("sysctl.", collect, got);
    assert_string_equal(got, "net.ipv4.ip_forward->1;a->b;");
}

TEST("words that nobody asked for are warned about, and no others")
{
    char got[256] = "";
    cmdline_init("known=1 x.y=3");
    cmdline_get("known");
    cmdline_for_each_prefix("x.", collect, got);
    cmdline_warn_unknown();
    assert_true(warned_about("no warning"));

    cmdline_init("unknown=2 known=1");
    cmdline_get("known");
    cmdline_warn_unknown();
    assert_true(warned_about("\"unknown=2\""));
    cmdline_init("known=1 bare");
    cmdline_get("known");
    cmdline_warn_unknown();
    assert_true(warned_about("\"bare\""));
}

TEST("a line longer than 4 KiB is cut with a warning")
{
    char line[6000];
    memset(line, 'x', sizeof(line));
    memcpy(line, "a=", 2);
    line[sizeof(line) - 1] = '\0';
    cmdline_init(line);
    assert_int_equal(strlen(cmdline_get("a")), 4095 - 2);
    assert_true(warned_about("longer"));
}

TEST("too many words are warned about and the first 128 are kept")
{
    char line[1024] = "";
    for (int i = 0; i < 130; i++)
        sprintf(line + strlen(line), "w%d ", i);
    cmdline_init(line);
    assert_non_null(cmdline_get("w127"));
    assert_null(cmdline_get("w128"));
    assert_true(warned_about("w129"));
}

TEST_FIXTURE(setup, NULL)
