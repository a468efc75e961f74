/*
 * watchdog.c - feeds the watchdog as long as the main loop turns: see watchdog.h.
 */
#include "kernel/watchdog.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/log.h"
#include "kernel/softirq.h"
#include "kernel/timer.h"

#define SECONDS_DEFAULT 30
#define FEEDS           6 /* within the time it waits: a few may be late */

static struct {
    const struct watchdog *device; /* that runs */
    struct timer timer;
    struct softirq softirq;
    unsigned seconds;
} watch;

void watchdog_feed(void)
{
    if (watch.device)
        watch.device->feed();
}

void watchdog_stop(void)
{
    if (watch.device)
        watch.device->stop();
    watch.device = NULL;
}

static void feed_softirq(struct softirq *self)
{
    watchdog_feed();
}

static void feed_timer(struct timer *self)
{
    if (!watch.device)
        return;
    raise_softirq(&watch.softirq);
    mod_timer(self, ktime_get_ms() + watch.seconds * 1000ull / FEEDS);
}

/* What the command line wants: 0 to leave it off. */
static unsigned seconds_wanted(const struct watchdog *device)
{
    const char *word = cmdline_get("watchdog");
    if (!word)
        return device->by_default ? clamp(SECONDS_DEFAULT, device->seconds_min, device->seconds_max) : 0;
    if (strcmp(word, "off") == 0)
        return 0;
    long seconds = cmdline_get_long("watchdog", SECONDS_DEFAULT);
    if (seconds < (long)device->seconds_min || seconds > (long)device->seconds_max) {
        long fits = clamp(seconds, (long)device->seconds_min, (long)device->seconds_max);
        pr_warn("command line: watchdog=%ld: the %s takes %u to %u seconds; it gets %ld", seconds,
                device->name, device->seconds_min, device->seconds_max, fits);
        seconds = fits;
    }
    return (unsigned)seconds;
}

void watchdog_check_wanted(void)
{
    const char *word = cmdline_get("watchdog");
    if (word && strcmp(word, "off") != 0 && !watch.device)
        pr_warn("command line: watchdog=%s: this machine has none that can be used", word);
}

void watchdog_register(const struct watchdog *device)
{
    unsigned seconds = watch.device ? 0 : seconds_wanted(device);
    if (!seconds) {
        pr_info("watchdog: %s found, not used (watchdog=%d on the command line would)", device->name,
                SECONDS_DEFAULT);
        return;
    }
    if (!device->start(seconds))
        return;
    watch.device = device;
    watch.seconds = seconds;
    if (!watch.timer.function) { /* else it may be pending still, from a device that was stopped */
        open_softirq(&watch.softirq, TIMER_SOFTIRQ, feed_softirq);
        timer_setup(&watch.timer, feed_timer);
    }
    feed_timer(&watch.timer);
    pr_info("watchdog: %s resets the machine if it hangs for %u seconds", device->name, seconds);
}
