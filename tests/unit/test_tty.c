/*
 * test_tty.c - terminals: one line for the log and a program, keys that are bounded, Ctrl-C, and descriptors.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include "kernel/log.h"
#include "kernel/task.h"
#include "net/socket/socket.h"
#include "tests/unit/fake_terminal.h"

static struct files *files;
static size_t objects;

static int setup(void **state)
{
    objects = host_objects_alive();
    terminal_plug_in();
    files = files_create(NULL, NULL);
    assert_int_equal(files_open_tty(files, &terminal.tty), 0);
    return 0;
}

static int teardown(void **state)
{
    files_destroy(files);
    tty_unregister(&terminal.tty);
    host_run();
    return host_objects_alive() != objects;
}

static ssize_t read_keys(char *buf, size_t len)
{
    return sys_readv(files, 0, &(struct iovec){buf, len}, 1);
}

static ssize_t write_text(const char *text)
{
    return sys_writev(files, 1, &(struct iovec){(void *)text, strlen(text)}, 1);
}

static short ready(short events)
{
    struct pollfd fd = {.fd = 0, .events = events};
    return sys_poll(files, &fd, 1, 0) > 0 ? fd.revents : 0;
}

/* A program at the terminal: reads once and keeps what it got. */
static struct {
    char keys[64];
    ssize_t len;
    bool done;
} reader;

static void read_once(void *arg)
{
    reader.len = read_keys(reader.keys, sizeof(reader.keys));
    reader.done = true;
}

static void start_reader(void)
{
    reader.done = false;
    memset(reader.keys, 0, sizeof(reader.keys));
    task_create("reader", read_once, NULL, files);
    host_run();
}

TEST("descriptors 0, 1 and 2 are the terminal, and keys are asked for when they are opened")
{
    assert_int_equal(terminal.opens, 1);
    assert_int_equal(write_text("one\n"), 4);
    assert_int_equal(sys_writev(files, 2, &(struct iovec){"two\n", 4}, 1), 4);
    assert_string_equal(terminal.bytes, "one\r\ntwo\r\n");
    assert_int_equal(sys_close(files, 1), 0);
    assert_int_equal(sys_writev(files, 0, &(struct iovec){"x", 1}, 1), 1);
}

TEST("a reader sleeps until a key comes, and gets all there is")
{
    start_reader();
    assert_false(reader.done);
    terminal_type("abc");
    assert_true(reader.done);
    assert_int_equal(reader.len, 3);
    assert_string_equal(reader.keys, "abc");
}

TEST("without O_NONBLOCK or a task to put to sleep, nothing hangs")
{
    char c;
    assert_int_equal(read_keys(&c, 1), -EIO);
    assert_int_equal(sys_fcntl(files, 0, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(read_keys(&c, 1), -EAGAIN);
    assert_int_equal(read_keys(&c, 0), 0);
}

TEST("keys that nobody has opened the terminal for are thrown away")
{
    terminal.tty.opened = false;
    terminal_type("nobody reads this");
    terminal.tty.opened = true;
    assert_int_equal(ready(POLLIN), 0);
}

TEST("what is typed faster than it is read is bounded, and what is lost is counted")
{
    char keys[2 * TTY_INPUT_SIZE];
    for (unsigned i = 0; i < TTY_INPUT_SIZE + 100; i++)
        tty_receive(&terminal.tty, (char)('a' + i % 26));
    assert_int_equal(terminal.tty.overruns, 100);
    size_t len = 0;
    while (ready(POLLIN))
        len += (size_t)read_keys(keys + len, sizeof(keys) - len);
    assert_int_equal(len, TTY_INPUT_SIZE);
    for (unsigned i = 0; i < len; i++)
        assert_int_equal(keys[i], 'a' + i % 26);
    host_run();
}

TEST("Ctrl-C overtakes what was typed before, ends a read, and is told once")
{
    char c;
    terminal_type("rubbish");
    assert_int_equal(ready(POLLPRI), 0);
    terminal_type("\x03");
    assert_int_equal(ready(POLLPRI | POLLIN), POLLPRI | POLLIN);
    assert_int_equal(write_text("silenced"), -EINTR);
    terminal_type("z");
    assert_int_equal(read_keys(&c, 1), -EINTR);
    assert_int_equal(ready(POLLPRI), 0);
    assert_int_equal(read_keys(&c, 1), 1);
    assert_int_equal(c, 'z');
    assert_int_equal(terminal.len, 0);
    start_reader();
    terminal_type("\x03");
    assert_true(reader.done);
    assert_int_equal(reader.len, -EINTR);
}

TEST("a line of the log wipes off a prompt behind which somebody waits, and asks for it again")
{
    write_text("skiff# uptim");
    start_reader();
    printk(LOG_INFO, "eth0: link is up");
    printk(LOG_INFO, "and another line");
    assert_string_equal(terminal_screen(), "eth0: link is up\nand another line\n");
    assert_true(strchr(terminal.bytes, '\x1b') == NULL);
    host_run();
    assert_true(reader.done);
    assert_int_equal(reader.len, 1);
    assert_int_equal(reader.keys[0], TTY_REPRINT);
    terminal_type("e"); /* keys are not lost by it */
    start_reader();
    assert_int_equal(reader.keys[0], 'e');
}

TEST("half a line of a program that is at work stays and is ended")
{
    write_text("64 bytes from");
    printk(LOG_INFO, "the log");
    write_text(" 10.0.0.1\n");
    assert_string_equal(terminal_screen(), "64 bytes from\nthe log\n 10.0.0.1\n");
}

TEST("a line of the log on an empty line disturbs nobody")
{
    start_reader();
    printk(LOG_INFO, "quiet");
    host_run();
    assert_false(reader.done);
    assert_string_equal(terminal.bytes, "quiet\r\n");
    terminal_type("x");
}

static ssize_t written;

static void write_much(void *arg)
{
    char text[3 * TERMINAL_BUFFER + 1];
    memset(text, 'm', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    written = write_text(text);
}

TEST("a writer waits for a slow line and leaves room to the log")
{
    written = 0;
    terminal.stuck = true;
    task_create("writer", write_much, NULL, files);
    host_run();
    assert_int_equal(written, 0);
    assert_in_range(terminal.len, 1, TERMINAL_BUFFER - 1);
    size_t before = terminal.len;
    printk(LOG_INFO, "still heard");
    assert_true(terminal.len > before);
    for (int i = 0; i < 10; i++)
        terminal_drain();
    assert_int_equal(written, 3 * TERMINAL_BUFFER);
}

TEST("Ctrl-C sets a writer free that waits for a line that is stuck")
{
    written = 0;
    terminal.stuck = true;
    task_create("writer", write_much, NULL, files);
    host_run();
    terminal_type("\x03");
    assert_in_range(written, 1, 3 * TERMINAL_BUFFER - 1);
    char c;
    assert_int_equal(read_keys(&c, 1), -EINTR);
}

TEST("lines of the log for which there is no room are counted, and said when there is")
{
    terminal.stuck = true;
    for (int i = 0; i < 300; i++)
        printk(LOG_INFO, "line %d of a log that is much too long for this buffer", i);
    assert_true(terminal.len <= TERMINAL_BUFFER);
    assert_true(terminal.tty.lost_lines > 100);
    terminal_drain();
    assert_non_null(strstr(terminal.bytes, "lines lost on this slow console]\r\n"));
    assert_int_equal(terminal.tty.lost_lines, 0);
}

TEST("without memory a terminal is not half opened")
{
    struct files *table = files_create(NULL, NULL);
    for (unsigned n = 1; n <= 2; n++) {
        host_fail_allocation(n);
        assert_int_equal(files_open_tty(table, &terminal.tty), -ENOMEM);
        assert_true(host_allocation_failed());
    }
    host_fail_allocation(0);
    assert_int_equal(table->open_count, 0);
    files_destroy(table);
}

TEST_FIXTURE(setup, teardown)
