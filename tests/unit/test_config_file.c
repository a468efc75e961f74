/*
 * test_config_file.c - skiff.cfg: which of its lines become words of the command line, and what is said of
 * the others.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/config_file.h"
#include "kernel/log.h"
#include "tests/host/host.h"

static char text[CONFIG_FILE_MAX + 4096];

/* A line of the log that no test writes: what stands there at the end has been written since. */
static int setup(void **state)
{
    printk(LOG_INFO, "no warning");
    cmdline_init("");
    return 0;
}

static void load(const char *file)
{
    config_file_load(file, strlen(file));
}

static void assert_said(const char *part)
{
    if (!strstr(host_last_log(), part))
        fail_msg("\"%s\" is not in: %s", part, host_last_log());
}

/* The first wrong line is `number`, for a reason that has `part` in it. */
static void assert_wrong(const char *file, size_t len, unsigned number, const char *part)
{
    struct config_reader reader = {.text = file, .len = len};
    const char *words, *why = "";
    size_t words_len;
    int got;

    while ((got = config_file_next(&reader, &words, &words_len, &why)) > 0)
        ;
    assert_int_equal(got, -EINVAL);
    assert_int_equal(reader.number, number);
    if (!strstr(why, part))
        fail_msg("\"%s\" is not in: %s", part, why);
}

TEST("words stand one or several on a line, and comments and empty lines have none")
{
    load("# settings\n\nip=dhcp quiet\n   \n  debug # and more\n#loglevel=3\n");
    assert_string_equal(cmdline_get("ip"), "dhcp");
    assert_string_equal(cmdline_get("quiet"), "");
    assert_string_equal(cmdline_get("debug"), "");
    assert_null(cmdline_get("loglevel"));
    assert_null(cmdline_get("and"));
    assert_null(cmdline_get("settings"));
}

TEST("lines end with LF, with CR LF or with CR, and the last with nothing")
{
    load("a=1\r\nb=2\rc=3\n\r\n\nd=4");
    assert_string_equal(cmdline_get("a"), "1");
    assert_string_equal(cmdline_get("b"), "2");
    assert_string_equal(cmdline_get("c"), "3");
    assert_string_equal(cmdline_get("d"), "4");
}

TEST("line ends of each kind count as one line")
{
    assert_wrong("a\r\nb\rc\n\r\n=x\n", 11, 5, "blank");
}

TEST("the mark that some editors put in front of UTF-8 is skipped")
{
    load("\xef\xbb\xbfip=dhcp\n");
    assert_string_equal(cmdline_get("ip"), "dhcp");
}

TEST("quotes keep blanks and a number sign together and are taken off")
{
    load("a=\"one two\" \"b=x # y\" c=p#q\n");
    assert_string_equal(cmdline_get("a"), "one two");
    assert_string_equal(cmdline_get("b"), "x # y");
    assert_string_equal(cmdline_get("c"), "p#q");
}

TEST("comments may have any characters")
{
    load("# gr\xc3\xbc\xc3\x9f\x65 \"\na=1 # \xe2\x80\x9cso\xe2\x80\x9d\n");
    assert_string_equal(cmdline_get("a"), "1");
}

TEST("a wrong line is left out and named, and those around it count")
{
    load("a=1\nb=\"2\nc=3\n");
    assert_string_equal(cmdline_get("a"), "1");
    assert_null(cmdline_get("b"));
    assert_string_equal(cmdline_get("c"), "3");
    load("d=\"2\n");
    assert_said("skiff.cfg line 1 is left out: a quote is not closed");
}

TEST("a blank beside the equal sign, a value that is missing, and a strange character are wrong")
{
    assert_wrong("x\nip = dhcp\n", 12, 2, "blank beside");
    assert_wrong("ip =dhcp\n", 9, 1, "blank beside");
    assert_wrong("ip= dhcp\n", 9, 1, "blank beside");
    assert_wrong("ip=", 3, 1, "no value");
    assert_wrong("a\x01", 2, 1, "control character");
    assert_wrong("key=\xe2\x80\x9cvalue\xe2\x80\x9d", 15, 1, "not ASCII");
    assert_wrong("ab\0c", 4, 1, "NUL");
}

TEST("an empty value in quotes is right")
{
    load("name=\"\"\n");
    assert_string_equal(cmdline_get("name"), "");
}

TEST("a file saved as UTF-16 is refused with the way out")
{
    assert_wrong("\xff\xfeq\0u\0", 6, 1, "save it as UTF-8");
    assert_wrong("\xfe\xff\0q\0u", 6, 1, "save it as UTF-8");
    assert_wrong("q\0u\0", 4, 1, "save it as UTF-8");
    config_file_load("q\0u\0", 4);
    assert_null(cmdline_get("q"));
}

TEST("an empty file and one of a single character are no harm")
{
    load("");
    load("\n");
    load("#");
    load("q");
    assert_string_equal(cmdline_get("q"), "");
}

TEST("a line longer than 1024 characters is left out")
{
    memset(text, 'x', 1025);
    memcpy(text + 1025, "\na=1", 5);
    assert_wrong(text, 1029, 1, "longer than 1024");
    load(text);
    assert_string_equal(cmdline_get("a"), "1");
}

TEST("of many wrong lines ten are told, and the number of the others")
{
    for (int i = 0; i < 12; i++)
        strcpy(text + 2 * i, "=\n");
    load(text);
    assert_said("2 more lines are wrong");
}

TEST("a file larger than 64 KiB is read up to there")
{
    memset(text, '\n', sizeof(text));
    memcpy(text + CONFIG_FILE_MAX - 4, "a=1\nb=2\n", 8);
    config_file_load(text, CONFIG_FILE_MAX + 4);
    assert_string_equal(cmdline_get("a"), "1");
    assert_null(cmdline_get("b"));
    assert_said("larger than 64 KiB");
}

TEST("lines past 4 KiB of words are left out with a warning")
{
    size_t len = 0;

    for (int i = 0; i < 6; i++) {
        len += (size_t)sprintf(text + len, "w%d=", i);
        memset(text + len, 'x', 900);
        len += 900;
        text[len++] = '\n';
    }
    config_file_load(text, len);
    assert_int_equal(strlen(cmdline_get("w3")), 900);
    assert_null(cmdline_get("w4"));
    assert_said("line 6 is left out: all lines together");
}

TEST("words of the command line win over those of the file, with a note")
{
    cmdline_init("ip=10.0.0.1:::255.0.0.0::eth0:off e1000.polling=1");
    load("ip=dhcp\nip=10.0.0.2\nquiet\ne1000-polling=0");
    assert_string_equal(cmdline_get_nth("ip", 0), "10.0.0.1:::255.0.0.0::eth0:off");
    assert_null(cmdline_get_nth("ip", 1));
    assert_int_equal(cmdline_get_long("e1000.polling", 0), 1);
    assert_non_null(cmdline_get("quiet"));
    load("ip=dhcp");
    assert_said("skiff.cfg line 1: \"ip\" is left out: the command line has its own");
}

TEST("a key that stands several times in the file has all its values")
{
    load("ip=a\nip=b ip=c\n");
    assert_string_equal(cmdline_get_nth("ip", 0), "a");
    assert_string_equal(cmdline_get_nth("ip", 2), "c");
    assert_string_equal(cmdline_get("ip"), "c");
}

TEST("a word that nobody knows is named with its line")
{
    load("\n\nunknown=2");
    cmdline_warn_unknown();
    assert_said("skiff.cfg line 3: nobody knows \"unknown=2\"");
}

TEST("a new command line forgets the file")
{
    load("a=1");
    cmdline_init("");
    assert_null(cmdline_get("a"));
}

TEST_FIXTURE(setup, NULL)
