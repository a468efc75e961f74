/*
 * tsc.c - what time it is.
 *
 * The CPU's time stamp counter, measured against the 8254 for 10 ms at boot: both are read at the
 * same moment twice, so it does not matter how long the way between took. If it does not count, or
 * clocksource=pit is on the command line, time is counted by the 8254 itself (slower to read).
 */
#include "kernel/x86/clock.h"

#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/machine.h"
#include "kernel/x86/pit.h"

#define CPUID_TSC     (1u << 4) /* 1 EDX */
#define MEASURE_TICKS (PIT_HZ / 100)
#define MEASURE_READS 1000000 /* far more than 10 ms take: the 8254 does not count */
#define SAMPLE_TRIES  5
#define TSC_HZ_MIN    10000000ull
#define TSC_HZ_MAX    20000000000ull

/* Nanoseconds per count, as a fraction of 2^32. */
#define SCALE(hz) ((NSEC_PER_SEC << 32) / (hz))

enum clock_source { CLOCK_NONE, CLOCK_TSC, CLOCK_PIT };

static struct {
    enum clock_source source;
    uint64_t base;  /* TSC at time zero */
    uint64_t scale; /* SCALE(frequency) */
    uint64_t pit_ticks;
    uint16_t pit_last;
    int64_t boot_seconds; /* wall clock at time zero */
} clock;

/* The three counters at one moment. */
struct sample {
    uint64_t tsc;
    uint16_t pit;
    uint32_t lapic;
};

static ktime_t scale_ns(uint64_t count, uint64_t scale)
{
    return (ktime_t)(((unsigned __int128)count * scale) >> 32);
}

static ktime_t pit_clock_read(void)
{
    unsigned long flags = local_irq_save();
    uint16_t now = pit_counter_read();
    clock.pit_ticks += (uint16_t)(clock.pit_last - now);
    clock.pit_last = now;
    uint64_t ticks = clock.pit_ticks;
    local_irq_restore(flags);
    return scale_ns(ticks, clock.scale);
}

ktime_t ktime_get(void)
{
    if (likely(clock.source == CLOCK_TSC))
        return scale_ns(rdtsc() - clock.base, clock.scale);
    return clock.source == CLOCK_PIT ? pit_clock_read() : 0;
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
    while (clock.source != CLOCK_NONE && ktime_get() < end)
        cpu_pause();
}

bool clock_is_pit(void)
{
    return clock.source == CLOCK_PIT;
}

/* The best of a few: the shorter the reading took, the closer together the three values are. */
static struct sample take_sample(bool with_lapic)
{
    struct sample best = {0};
    uint64_t best_width = UINT64_MAX;
    for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
        uint64_t before = rdtsc();
        uint16_t pit = pit_counter_read();
        uint32_t lapic = with_lapic ? lapic_timer_read() : 0;
        uint64_t width = rdtsc() - before;
        if (width >= best_width)
            continue;
        best_width = width;
        best = (struct sample){.tsc = before + width / 2, .pit = pit, .lapic = lapic};
    }
    return best;
}

/* Return: 8254 ticks between the two samples; 0 if it does not count. */
static uint32_t measure(bool with_lapic, struct sample *first, struct sample *second)
{
    pit_counter_start();
    if (with_lapic)
        lapic_timer_start_measuring();
    *first = take_sample(with_lapic);
    for (unsigned reads = 0; (uint16_t)(first->pit - pit_counter_read()) < MEASURE_TICKS; reads++)
        if (reads == MEASURE_READS)
            return 0;
    *second = take_sample(with_lapic);
    return (uint16_t)(first->pit - second->pit);
}

static bool tsc_usable(uint64_t hz)
{
    const char *wanted = cmdline_get("clocksource");
    return (cpuid(1, 0).edx & CPUID_TSC) && hz >= TSC_HZ_MIN && hz <= TSC_HZ_MAX &&
           !(wanted && strcmp(wanted, "pit") == 0);
}

static void use_pit(void)
{
    clock.pit_last = pit_counter_read();
    clock.scale = SCALE((uint64_t)PIT_HZ);
    clock.source = CLOCK_PIT;
    pr_info("clock: 8254 timer, %u Hz", PIT_HZ);
}

static void use_tsc(uint64_t tsc, uint64_t hz)
{
    clock.base = tsc;
    clock.scale = SCALE(hz);
    clock.source = CLOCK_TSC;
    pr_info("clock: time stamp counter, %llu kHz", (unsigned long long)hz / 1000);
}

void time_init(void)
{
    struct sample first, second;
    uint64_t start = rdtsc(), tsc_hz = 0, lapic_hz = 0;
    bool with_lapic = lapic_init();
    uint32_t ticks = measure(with_lapic, &first, &second);
    if (ticks) {
        tsc_hz = (second.tsc - first.tsc) * PIT_HZ / ticks;
        lapic_hz = (uint64_t)(first.lapic - second.lapic) * PIT_HZ / ticks;
    }
    if (!ticks) {
        pr_err("clock: no 8254 timer to measure by; assuming a time stamp counter of 1 GHz");
        use_tsc(start, NSEC_PER_SEC);
    } else if (tsc_usable(tsc_hz)) {
        use_tsc(start, tsc_hz);
    } else {
        use_pit();
    }
    idle_init(lapic_hz);
    clock.boot_seconds = rtc_read_seconds() - (int64_t)(ktime_get() / NSEC_PER_SEC);
}
