/*
 * test_crash_log.c - what one run leaves in memory, and what the next makes of it.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/crash_log.h"
#include "kernel/log.h"
#include "kernel/report.h"

#define AREA_SIZE 2048

/* The log keeps its consoles for good, and one run is one program: each run is a child. */
static uint8_t *area;

static int setup(void **state)
{
    area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return area == MAP_FAILED;
}

static int teardown(void **state)
{
    return munmap(area, AREA_SIZE);
}

/* Runs `run` as a machine of its own. Return: what it says on the log at its start, before `run`. */
static const char *machine(void (*run)(void))
{
    static char said[8192];
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char line[256];
        enum log_level level;
        uint64_t pos = 0;
        while (log_read(&pos, &level, line, sizeof(line)) >= 0)
            ; /* what this program has said before */
        crash_log_init(area, AREA_SIZE);
        while (log_read(&pos, &level, line, sizeof(line)) >= 0)
            dprintf(pipe_fds[1], "%s\n", line);
        if (run)
            run();
        _exit(0);
    }
    int status;
    size_t len = 0;
    ssize_t n;
    close(pipe_fds[1]);
    while ((n = read(pipe_fds[0], said + len, sizeof(said) - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(pipe_fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0); /* else the low byte is the signal that killed it */
    return said;
}

static void says_hello(void)
{
    pr_info("hello");
}

static void panics(void)
{
    pr_info("all is well");
    crash_log_ends(CRASH_LOG_PANIC);
    pr_err("Kernel panic: the end");
    pr_err("Backtrace: here");
    crash_log_ends(CRASH_LOG_ORDERLY); /* by its restart */
}

static void leaves_orderly(void)
{
    pr_info("all is well");
    crash_log_ends(CRASH_LOG_ORDERLY);
}

static void says_much(void)
{
    for (unsigned i = 0; i < 500; i++)
        pr_info("line %u", i);
}

static void panics_after_much(void)
{
    says_much();
    crash_log_ends(CRASH_LOG_PANIC);
    pr_err("Kernel panic: at last");
}

static void panics_endlessly(void)
{
    crash_log_ends(CRASH_LOG_PANIC);
    says_much();
}

TEST("memory that nobody has written tells of nothing, and a run that ended in order neither")
{
    assert_string_equal(machine(leaves_orderly), "");
    assert_string_equal(machine(says_hello), "");
}

TEST("a panic is told by the next run, from its first line on, and by the one after no more")
{
    machine(panics);
    const char *said = machine(leaves_orderly);
    assert_non_null(strstr(said, "The machine crashed before, at uptime"));
    assert_non_null(strstr(said, "| Kernel panic: the end"));
    assert_non_null(strstr(said, "| Backtrace: here"));
    assert_null(strstr(said, "all is well"));
    assert_string_equal(machine(NULL), "");
}

TEST("a run that was cut off is told as such, with its last lines")
{
    machine(says_much);
    const char *said = machine(leaves_orderly);
    assert_non_null(strstr(said, "was reset before"));
    assert_non_null(strstr(said, "| line 499\n"));
    assert_non_null(strstr(said, "| line 494\n"));
    assert_null(strstr(said, "| line 493\n"));
}

TEST("a panic after the ring has gone round many times is found in it")
{
    machine(panics_after_much);
    const char *said = machine(NULL);
    assert_non_null(strstr(said, "| Kernel panic: at last"));
    assert_null(strstr(said, "| line"));
}

TEST("a panic that says more than there is room for shows what is left of it")
{
    machine(panics_endlessly);
    const char *said = machine(NULL);
    assert_non_null(strstr(said, "| line "));
    assert_null(strstr(said, "| line 499"));
}

TEST("with any byte of it changed, what is left is not believed")
{
    uint8_t good[AREA_SIZE];
    machine(panics);
    memcpy(good, area, sizeof(good));
    for (size_t i = 0; i < AREA_SIZE; i += i < 64 ? 1 : 97) {
        memcpy(area, good, sizeof(good));
        area[i] ^= 0x10;
        const char *said = machine(NULL);
        if (said[0])
            print_message("byte %zu: %s", i, said);
        assert_string_equal(said, "");
    }
}

static void shows_report(void)
{
    assert_non_null(report_find("crashlog"));
}

static void has_no_report(void)
{
    assert_null(report_find("crashlog"));
}

TEST("the whole log of the last run can be asked for, if that ended badly")
{
    machine(panics);
    machine(shows_report);
    machine(leaves_orderly);
    machine(has_no_report);
}

TEST_FIXTURE(setup, teardown)
