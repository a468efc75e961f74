/*
 * test_log.c - the kernel log: its ring of lines, and the consoles that show them.
 */
/* links: kernel/log.c */
#include "tests/unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "kernel/task.h"
#include "kernel/time.h"

#define TEXT_MAX  240          /* characters of a line that are kept */
#define RING_SIZE (16u * 1024) /* what the log keeps at most */

/* --- the machine under the log (tests/host/platform.c has a log of its own, so none of it is here) --- */

static uint64_t now_ns;
static int irqs_off;

ktime_t ktime_get(void)
{
    return now_ns;
}

unsigned long local_irq_save(void)
{
    return (unsigned long)irqs_off++;
}

void local_irq_restore(unsigned long flags)
{
    irqs_off--;
    assert_int_equal(irqs_off, flags);
}

/* Nothing here asks for these, but the library that formats the lines would. */
bool in_hardirq(void)
{
    return false;
}

int64_t ktime_get_real_seconds(void)
{
    return 0;
}

uint32_t get_random_u32(void)
{
    return 4;
}

void panic(const char *fmt, ...)
{
    abort();
}

void cpu_idle_until(uint64_t wake_ms)
{
    abort();
}

uint64_t ktime_get_ms(void)
{
    return now_ns / NSEC_PER_MSEC;
}

/* --- consoles --- */

struct screen {
    struct console console;
    char text[64 * 1024];
    size_t len;
    unsigned flushes;
};

static void screen_write(struct console *self, const char *text, size_t len)
{
    struct screen *screen = (struct screen *)self;
    assert_true(screen->len + len < sizeof(screen->text));
    memcpy(screen->text + screen->len, text, len);
    screen->len += len;
    screen->text[screen->len] = '\0';
}

static void screen_flush(struct console *self)
{
    ((struct screen *)self)->flushes++;
}

static struct screen first, second;

static void plug_in(struct screen *screen)
{
    memset(screen, 0, sizeof(*screen));
    screen->console.name = "screen";
    screen->console.write = screen_write;
    screen->console.flush = screen_flush;
    register_console(&screen->console);
}

static void unplug(struct screen *screen)
{
    if (screen->console.name)
        list_del_init(&screen->console.list);
    memset(screen, 0, sizeof(*screen));
}

static void configure(const char *words)
{
    cmdline_init(words);
    log_configure();
}

/* --- reading back --- */

static uint64_t read_pos;

/* The next line of the log without its time stamp; NULL if there is none. */
static const char *next_line(enum log_level *level)
{
    static char line[512];
    enum log_level ignored;
    long len = log_read(&read_pos, level ? level : &ignored, line, sizeof(line));
    if (len < 0)
        return NULL;
    assert_int_equal(strlen(line), len);
    char *text = strstr(line, "] ");
    assert_non_null(text);
    return text + 2;
}

static void assert_next_line(const char *text)
{
    const char *line = next_line(NULL);
    assert_non_null(line);
    assert_string_equal(line, text);
}

static int setup(void **state)
{
    now_ns = 1234567890;
    configure("loglevel=7");
    read_pos = 0;
    while (next_line(NULL)) /* what earlier tests have written */
        ;
    return 0;
}

static int teardown(void **state)
{
    unplug(&first);
    unplug(&second);
    return irqs_off;
}

/* --- lines --- */

TEST("a line has the time since the start in front, and its level beside")
{
    char line[64];
    enum log_level level;
    pr_warn("%s has %d legs", "a cat", 4);
    assert_int_equal(log_read(&read_pos, &level, line, sizeof(line)), 15 + 16);
    assert_string_equal(line, "[    1.234567] a cat has 4 legs");
    assert_int_equal(level, LOG_WARNING);
    assert_int_equal(log_read(&read_pos, &level, line, sizeof(line)), -1);
}

TEST("one call is one line, with or without a newline at its end, and if it is empty")
{
    pr_info("with\n");
    pr_info("without");
    pr_info("%s", "");
    assert_next_line("with");
    assert_next_line("without");
    assert_next_line("");
    assert_null(next_line(NULL));
}

TEST("lines are cut at 240 characters, however long the machine has run")
{
    char text[400];
    static const uint64_t times[] = {0, 1234567890, UINT64_MAX};
    for (unsigned t = 0; t < 3; t++)
        for (size_t len = TEXT_MAX - 2; len < sizeof(text); len++) {
            memset(text, 'x', len);
            text[len] = '\0';
            now_ns = times[t];
            printk(LOG_INFO, "%s", text);
            if (len > TEXT_MAX)
                text[TEXT_MAX] = '\0';
            assert_next_line(text);
        }
}

TEST("who reads into a small buffer gets the beginning of each line")
{
    char line[20];
    enum log_level level;
    pr_info("abcdefghij");
    pr_info("klm");
    assert_int_equal(log_read(&read_pos, &level, line, sizeof(line)), 19);
    assert_string_equal(line, "[    1.234567] abcd");
    assert_int_equal(log_read(&read_pos, &level, line, sizeof(line)), 18);
    assert_string_equal(line, "[    1.234567] klm");
}

/* --- the ring --- */

TEST("a full log forgets its oldest lines and keeps all the later ones whole")
{
    enum { COUNT = 3000 };
    char expected[300];
    size_t kept = 0;
    for (int i = 0; i < COUNT; i++)
        pr_info("line %d %.*s", i, i % 200,
                "a long tail, so that lines have all lengths and each byte of the "
                "ring is once the place where one of them wraps around its end, "
                "whatever it was that stood there before: text or header");
    read_pos = 0;
    const char *line = next_line(NULL);
    int n;
    assert_int_equal(sscanf(line, "line %d", &n), 1);
    assert_true(n > 0);
    for (; line; line = next_line(NULL), n++) {
        snprintf(expected, sizeof(expected), "line %d ", n);
        assert_memory_equal(line, expected, strlen(expected));
        kept += 15 + strlen(line) + 1;
    }
    assert_int_equal(n, COUNT);
    assert_in_range(kept, RING_SIZE * 9 / 10, RING_SIZE);
}

TEST("a reader who is overtaken goes on with the oldest line there is")
{
    pr_info("read");
    pr_info("never read");
    assert_next_line("read");
    for (int i = 0; i < 2000; i++)
        pr_info("%d", i);
    int n = atoi(next_line(NULL));
    assert_in_range(n, 1, 1999);
    for (n++; n < 2000; n++)
        assert_int_equal(atoi(next_line(NULL)), n);
    assert_null(next_line(NULL));
}

/* --- consoles --- */

TEST("a console shows each line as it comes, several show the same")
{
    plug_in(&first);
    plug_in(&second);
    first.len = second.len = 0;
    pr_info("one");
    pr_err("two\n");
    assert_string_equal(first.text, "[    1.234567] one\n[    1.234567] two\n");
    assert_string_equal(second.text, first.text);
    assert_int_equal(first.flushes, 0);
}

TEST("a console that registers late is shown the log so far, then what comes")
{
    plug_in(&first);
    for (int i = 0; i < 100; i++)
        pr_info("line %d", i);
    plug_in(&second);
    assert_non_null(strstr(second.text, "line 0\n"));
    assert_int_equal(memcmp(strstr(second.text, "[    1.234567] line 0\n"),
                            strstr(first.text, "[    1.234567] line 0\n"),
                            strlen(strstr(first.text, "[    1.234567] line 0\n"))),
                     0);
    pr_info("the last");
    assert_string_equal(first.text + first.len - 10, " the last\n");
    assert_string_equal(second.text + second.len - 10, " the last\n");
}

TEST("loglevel=N shows the levels below N; the log keeps the others too, and a late console leaves them out")
{
    enum log_level level;
    plug_in(&first);
    configure("loglevel=5");
    first.len = 0;
    pr_err("an error");
    pr_warn("a warning");
    pr_notice("a notice");
    pr_debug("a detail");
    assert_string_equal(first.text, "[    1.234567] an error\n[    1.234567] a warning\n");
    plug_in(&second);
    assert_non_null(strstr(second.text, "a warning\n"));
    assert_null(strstr(second.text, "a notice"));
    assert_next_line("an error");
    assert_next_line("a warning");
    assert_string_equal(next_line(&level), "a notice");
    assert_int_equal(level, LOG_NOTICE);
    assert_string_equal(next_line(&level), "a detail");
    assert_int_equal(level, LOG_DEBUG);
}

/* Up to which level a console is shown lines. */
static int shown_with(const char *words)
{
    int shown = 0;
    plug_in(&first);
    configure(words);
    for (int level = LOG_ERR; level <= LOG_DEBUG; level++) {
        first.len = 0;
        printk((enum log_level)level, "x");
        shown = first.len ? level : shown;
    }
    unplug(&first);
    return shown;
}

TEST("quiet shows errors only, debug shows everything, and loglevel= says it exactly")
{
    assert_int_equal(shown_with("loglevel=7"), LOG_INFO);
    assert_int_equal(shown_with("quiet"), LOG_ERR);
    assert_int_equal(shown_with("debug"), LOG_DEBUG);
    assert_int_equal(shown_with("quiet loglevel=6"), LOG_NOTICE);
    assert_int_equal(shown_with("loglevel=many"), LOG_INFO);
}

TEST("console= chooses consoles; the last options count, and an unknown one leaves all there are")
{
    cmdline_init("");
    assert_string_equal(console_options("ttyS0"), "");
    assert_string_equal(console_options("tty0"), "");
    cmdline_init("console=tty0 console=ttyS0,9600 console=ttyS0,115200n8");
    assert_string_equal(console_options("ttyS0"), "115200n8");
    assert_string_equal(console_options("tty0"), "");
    cmdline_init("console=tty0");
    assert_null(console_options("ttyS0"));
    configure("console=ttyS1 loglevel=7");
    assert_string_equal(console_options("ttyS0"), "");
    assert_memory_equal(next_line(NULL), "command line: there is no console=ttyS1", 39);
    cmdline_init("console=ttyS00");
    assert_string_equal(console_options("tty0"), "");
}

TEST("flushing flushes every console that can; in a panic each line waits until it is out")
{
    plug_in(&first);
    plug_in(&second);
    second.console.flush = NULL;
    console_flush_all();
    assert_int_equal(first.flushes, 1);
    log_set_synchronous(); /* for good: the last test */
    assert_int_equal(first.flushes, 2);
    pr_err("the end");
    assert_int_equal(first.flushes, 3);
    assert_string_equal(second.text + second.len - 9, " the end\n");
}

TEST_FIXTURE(setup, teardown)
