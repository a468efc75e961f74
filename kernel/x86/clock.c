/*
 * clock.c - what time it is.
 *
 * By the CPU's time stamp counter, the fastest to read, as long as it ticks steadily: a slower clock watches
 * it and takes its place, with a warning, if it drifts or stands still. clocksource= on the command line
 * names the one to use and ends the watching.
 */
#include "kernel/x86/clock.h"

#include <string.h>

#include "kernel/clock_watch.h"
#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/timer.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/machine.h"
#include "kernel/x86/tsc.h"

#define TSC_HZ_MIN 10000000ull
#define TSC_HZ_MAX 20000000000ull
#define WATCH_WINDOW_MS                                                                                      \
    1000 /* less than the half of what the narrowest watcher, the PM timer, counts: 4.7 s */
#define WATCH_PAUSE_MS   30000
#define WATCH_CLOSE_MS   30000 /* for so long after the start there is no pause */
#define EARLY_SLEEPS_MAX 3

/* Nanoseconds per count, as a fraction of 2^32. */
#define SCALE(hz) ((NSEC_PER_SEC << 32) / (hz))

static struct {
    bool tsc;
    uint64_t base;  /* TSC at time zero */
    uint64_t scale; /* SCALE(frequency) of what is used */

    const struct clocksource *source; /* used if not tsc; NULL: there is no time yet */
    uint64_t ticks, last;             /* counted so far; its last reading */
    ktime_t offset;                   /* time when it took over */
    uint64_t sleep_max_ns;

    int64_t boot_seconds; /* wall clock at time zero */
} clock;

static struct {
    const struct clocksource *reference; /* NULL: nobody watches */
    struct clock_watch watch;
    struct clock_sample start; /* of the window */
    bool in_window;
    unsigned early_sleeps;
    struct timer timer;
} watcher;

static ktime_t scale_ns(uint64_t count, uint64_t scale)
{
    return (ktime_t)(((unsigned __int128)count * scale) >> 32);
}

static ktime_t source_time(void)
{
    unsigned long flags = local_irq_save();
    uint64_t now = clock.source->read();
    clock.ticks += clocksource_delta(clock.source, clock.last, now);
    clock.last = now;
    uint64_t ticks = clock.ticks;
    local_irq_restore(flags);
    return clock.offset + scale_ns(ticks, clock.scale);
}

ktime_t ktime_get(void)
{
    if (likely(clock.tsc))
        return scale_ns(rdtsc() - clock.base, clock.scale);
    return clock.source ? source_time() : 0;
}

uint64_t ktime_get_ms(void)
{
    return ktime_get() / NSEC_PER_MSEC;
}

int64_t ktime_get_real_seconds(void)
{
    return clock.boot_seconds + (int64_t)(ktime_get() / NSEC_PER_SEC);
}

void udelay(unsigned usec)
{
    ktime_t end = ktime_get() + usec * NSEC_PER_USEC;
    while ((clock.tsc || clock.source) && ktime_get() < end)
        cpu_pause();
}

uint64_t clock_sleep_max_ns(void)
{
    return clock.tsc ? UINT64_MAX : clock.sleep_max_ns;
}

static void use_source(const struct clocksource *source, ktime_t now)
{
    unsigned long flags = local_irq_save();
    clock.source = source;
    clock.last = source->read();
    clock.ticks = 0;
    clock.offset = now;
    clock.scale = SCALE(source->hz);
    clock.sleep_max_ns = scale_ns(source->mask / 2, clock.scale);
    clock.tsc = false;
    local_irq_restore(flags);
    pr_info("clock: %s, %llu kHz", source->name, (unsigned long long)source->hz / 1000);
}

static void use_tsc(uint64_t tsc, const struct tsc_speed *speed)
{
    clock.base = tsc;
    clock.scale = SCALE(speed->tsc_hz);
    clock.tsc = true;
    pr_info("clock: time stamp counter, %llu kHz by %s%s", (unsigned long long)speed->tsc_hz / 1000,
            speed->by, tsc_is_invariant() ? "" : ", not promised to be invariant");
}

/* --- the watch --- */

static void watch_end(void)
{
    watcher.reference = NULL;
    del_timer(&watcher.timer);
}

/* Two readings of both clocks, as time between. Return: the verdict on the time stamp counter. */
static bool window_is_bad(const struct clock_sample *end, uint64_t *tsc_ns, uint64_t *reference_ns)
{
    const struct clock_sample *start = &watcher.start;
    *tsc_ns = scale_ns(end->tsc - start->tsc, clock.scale);
    *reference_ns = scale_ns(clocksource_delta(watcher.reference, start->reference, end->reference),
                             SCALE(watcher.reference->hz));
    return clock_watch_judge(&watcher.watch, *tsc_ns, *reference_ns,
                             scale_ns(start->width + end->width, clock.scale));
}

static void watch_window_end(void)
{
    uint64_t tsc_ns, reference_ns;
    struct clock_sample end = clock_sample_take(watcher.reference, false);
    if (!window_is_bad(&end, &tsc_ns, &reference_ns))
        return;
    pr_warn(
        "clock: the time stamp counter is not steady: it counted %llu ms in %llu ms by %s, which is used from now on",
        (unsigned long long)tsc_ns / NSEC_PER_MSEC, (unsigned long long)reference_ns / NSEC_PER_MSEC,
        watcher.reference->name);
    use_source(watcher.reference, ktime_get());
    watch_end();
}

static void watch_timer(struct timer *self)
{
    uint64_t now = ktime_get_ms();
    if (watcher.in_window)
        watch_window_end();
    if (!watcher.reference)
        return;
    watcher.in_window = !watcher.in_window || now < WATCH_CLOSE_MS || watcher.watch.bad;
    if (watcher.in_window)
        watcher.start = clock_sample_take(watcher.reference, false);
    mod_timer(&watcher.timer, now + (watcher.in_window ? WATCH_WINDOW_MS : WATCH_PAUSE_MS));
}

static void watch_start(const struct clocksource *reference)
{
    watcher.reference = reference;
    timer_setup(&watcher.timer, watch_timer);
    mod_timer(&watcher.timer, ktime_get_ms() + WATCH_WINDOW_MS);
}

/*
 * Timers run by the clock they would have to watch: one that stands still while the CPU sleeps is noticed by
 * the interrupt that ends the sleep long before its time.
 */
void clock_slept(uint64_t wanted_ns, uint64_t slept_ns)
{
    bool early = wanted_ns >= 10 * NSEC_PER_MSEC && slept_ns < wanted_ns / 4;
    watcher.early_sleeps = early ? watcher.early_sleeps + 1 : 0;
    if (watcher.early_sleeps < EARLY_SLEEPS_MAX || !watcher.reference || !clock.tsc)
        return;
    pr_warn("clock: the time stamp counter stands still while the CPU sleeps; %s is used from now on",
            watcher.reference->name);
    use_source(watcher.reference, ktime_get());
    watch_end();
}

/* --- the choice --- */

static bool speed_possible(const struct tsc_speed *speed)
{
    return tsc_exists() && speed->tsc_hz >= TSC_HZ_MIN && speed->tsc_hz <= TSC_HZ_MAX;
}

/* What the command line wants, if there is such a clock here; NULL, and *tsc false, if it wants nothing. */
static const struct clocksource *wanted_source(const struct clocksource *const sources[], unsigned count,
                                               bool *tsc)
{
    const char *wanted = cmdline_get("clocksource");
    *tsc = wanted && strcmp(wanted, "tsc") == 0;
    if (!wanted || *tsc)
        return NULL;
    for (unsigned i = 0; i < count; i++)
        if (sources[i] && strcmp(wanted, sources[i]->name) == 0)
            return sources[i];
    pr_warn("command line: clocksource=%s is not on this machine; there are tsc%s%s%s", wanted,
            sources[0] ? " hpet" : "", sources[1] ? " acpi_pm" : "", sources[2] ? " pit" : "");
    return NULL;
}

static void choose(const struct clocksource *const sources[3], const struct clocksource *reference,
                   uint64_t start, struct tsc_speed *speed)
{
    bool tsc_wanted;
    const struct clocksource *wanted = wanted_source(sources, 3, &tsc_wanted);
    if (wanted) {
        use_source(wanted, 0);
    } else if (speed_possible(speed)) {
        use_tsc(start, speed);
        if (!tsc_wanted && (sources[0] || sources[1]))
            watch_start(sources[0] ? sources[0] : sources[1]);
    } else if (reference) {
        use_source(reference, 0);
    } else {
        pr_err("clock: nothing to measure by; assuming a time stamp counter of 1 GHz");
        *speed = (struct tsc_speed){.tsc_hz = NSEC_PER_SEC, .by = "guess"};
        use_tsc(start, speed);
    }
}

void time_init(void)
{
    uint64_t start = rdtsc();
    bool with_lapic = lapic_init();
    const struct clocksource *sources[3] = {hpet_clock_init(), acpi_pm_clock_init(), pit_clock_init()};
    const struct clocksource *reference = sources[0] ? sources[0] : sources[1] ? sources[1] : sources[2];
    struct tsc_speed speed = tsc_measure(reference, with_lapic);
    choose(sources, reference, start, &speed);
    idle_init(speed.lapic_hz);
    clock.boot_seconds = rtc_read_seconds() - (int64_t)(ktime_get() / NSEC_PER_SEC);
}
