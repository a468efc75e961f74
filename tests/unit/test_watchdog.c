/*
 * test_watchdog.c - a watchdog is fed while the main loop turns, and only then; and clocks are watched.
 */
#include "tests/unit/test.h"

#include <string.h>

#include "kernel/clock_watch.h"
#include "kernel/cmdline.h"
#include "kernel/task.h"
#include "kernel/watchdog.h"
#include "tests/host/host.h"

#define SEC NSEC_PER_SEC

static unsigned started_with, feeds;
static bool refuses;

static bool dog_start(unsigned seconds)
{
    started_with = seconds;
    return !refuses;
}

static void dog_feed(void)
{
    feeds++;
}

static void dog_stop(void)
{
    started_with = 0;
}

static struct watchdog dog = {"dog", 2, 100, true, dog_start, dog_feed, dog_stop};

static int setup(void **state)
{
    started_with = feeds = 0;
    refuses = false;
    dog.by_default = true;
    cmdline_init("");
    return 0;
}

/* Its timer stays armed when it is stopped, finds nobody to feed, and ends. */
static int teardown(void **state)
{
    watchdog_stop();
    host_advance_ms(200000);
    return 0;
}

TEST("a watchdog that is there on purpose runs with 30 seconds, one that every PC has does not by itself")
{
    watchdog_register(&dog);
    assert_int_equal(started_with, 30);
    watchdog_stop();
    dog.by_default = false;
    watchdog_register(&dog);
    assert_int_equal(started_with, 0);
    cmdline_init("watchdog=7");
    watchdog_register(&dog);
    assert_int_equal(started_with, 7);
}

TEST("watchdog=off leaves it off, a number out of its range is brought into it")
{
    cmdline_init("watchdog=off");
    watchdog_register(&dog);
    assert_int_equal(started_with, 0);
    cmdline_init("watchdog=1");
    watchdog_register(&dog);
    assert_int_equal(started_with, 2);
    watchdog_stop();
    cmdline_init("watchdog=100000");
    watchdog_register(&dog);
    assert_int_equal(started_with, 100);
}

TEST("it is fed several times within its time while the loop turns, and not when the loop stands still")
{
    cmdline_init("watchdog=12");
    watchdog_register(&dog);
    feeds = 0;
    host_advance_ms(12000);
    assert_true(feeds >= 5 && feeds <= 7);
    feeds = 0;
    udelay(12000000); /* time goes on, and the loop does not turn */
    assert_int_equal(feeds, 0);
}

TEST("one that cannot reset this machine is left for the next")
{
    static const struct watchdog other = {"other", 1, 10, true, dog_start, dog_feed, dog_stop};
    refuses = true;
    watchdog_register(&dog);
    refuses = false;
    watchdog_register(&other);
    assert_int_equal(started_with, 10);
}

TEST("a clock that keeps step, to a hundredth, is trusted for ever")
{
    struct clock_watch w = {0};
    for (unsigned i = 0; i < 1000; i++)
        assert_false(
            clock_watch_judge(&w, SEC + (i % 2 ? SEC / 100 : 0), SEC + (i % 3 ? SEC / 100 : 0), 100));
}

TEST("a clock that drifts, either way, or stands still is given up after three windows in a row")
{
    static const uint64_t measured[] = {0, SEC / 2, SEC - SEC / 50, SEC + SEC / 50, 7 * SEC};
    for (unsigned i = 0; i < 5; i++) {
        struct clock_watch w = {0};
        assert_false(clock_watch_judge(&w, measured[i], SEC, 100));
        assert_false(clock_watch_judge(&w, measured[i], SEC, 100));
        assert_true(clock_watch_judge(&w, measured[i], SEC, 100));
    }
}

TEST("a window whose readings took long, or that is too short, tells nothing; a good one forgives")
{
    struct clock_watch w = {0};
    for (unsigned i = 0; i < 10; i++) {
        assert_false(clock_watch_judge(&w, SEC / 2, SEC, SEC / 100));
        assert_false(clock_watch_judge(&w, 0, NSEC_PER_MSEC, 0));
    }
    for (unsigned i = 0; i < 10; i++)
        assert_false(clock_watch_judge(&w, i % 3 ? SEC / 2 : SEC, SEC, 100));
}

TEST_FIXTURE(setup, teardown)
