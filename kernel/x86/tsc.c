/*
 * tsc.c - how fast the time stamp counter counts.
 *
 * The CPU says it (Intel SDM volume 2, CPUID leaf 15h: crystal and ratio), or it is measured for 10 ms
 * against a clock of known speed: both are read at the same moment twice, so it does not matter how long the
 * way between took. What the CPU says is believed only if the measurement does not contradict it: a
 * hypervisor may hand through the leaf of another CPU.
 */
#include "kernel/x86/tsc.h"

#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/lapic.h"

#define CPUID_TSC          (1u << 4) /* 1 EDX */
#define CPUID_INVARIANT    (1u << 8) /* 80000007h EDX */
#define CPUID_TSC_RATIO    0x15
#define CPUID_MHZ          0x16
#define CPUID_POWER        0x80000007
#define MEASURE_PER_SECOND 100
#define MEASURE_READS      1000000 /* far more than 10 ms take: the reference has stopped */
#define SAMPLE_TRIES       5
#define ROUNDS_MAX         4
#define NARROW_BITS        16 /* a counter that wraps within a measurement that a host interrupted */

bool tsc_exists(void)
{
    return cpuid(1, 0).edx & CPUID_TSC;
}

bool tsc_is_invariant(void)
{
    return cpuid(CPUID_POWER, 0).edx & CPUID_INVARIANT;
}

/* The best of a few: the shorter the reading took, the closer together the values are. */
struct clock_sample clock_sample_take(const struct clocksource *reference, bool with_lapic)
{
    struct clock_sample best = {.width = UINT64_MAX};
    for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
        uint64_t before = rdtsc();
        uint64_t count = reference->read();
        uint32_t lapic = with_lapic ? lapic_timer_read() : 0;
        uint64_t width = rdtsc() - before;
        if (width < best.width)
            best = (struct clock_sample){
                .tsc = before + width / 2, .reference = count, .width = width, .lapic = lapic};
    }
    return best;
}

/* Return: false if the reference stopped. */
static bool measure_once(const struct clocksource *reference, bool with_lapic, struct tsc_speed *speed)
{
    if (with_lapic)
        lapic_timer_start_measuring();
    struct clock_sample a = clock_sample_take(reference, with_lapic);
    for (unsigned reads = 0;
         clocksource_delta(reference, a.reference, reference->read()) < reference->hz / MEASURE_PER_SECOND;
         reads++)
        if (reads == MEASURE_READS)
            return false;
    struct clock_sample b = clock_sample_take(reference, with_lapic);
    uint64_t ticks = clocksource_delta(reference, a.reference, b.reference);
    if (!ticks || b.tsc - a.tsc > UINT64_MAX / reference->hz)
        return false;
    speed->tsc_hz = (b.tsc - a.tsc) * reference->hz / ticks;
    speed->lapic_hz = (uint64_t)(a.lapic - b.lapic) * reference->hz / ticks;
    speed->by = reference->name;
    return true;
}

static bool agree(uint64_t a, uint64_t b)
{
    uint64_t apart = a > b ? a - b : b - a;
    return apart <= max(a, b) / 100;
}

/* A narrow counter may have wrapped unseen, so two measurements in a row must agree. */
static struct tsc_speed measure(const struct clocksource *reference, bool with_lapic)
{
    struct tsc_speed speed = {0}, again;
    if (!measure_once(reference, with_lapic, &speed))
        return (struct tsc_speed){0};
    for (unsigned i = 0; i < ROUNDS_MAX && reference->mask >> NARROW_BITS == 0; i++) {
        again = speed;
        if (!measure_once(reference, with_lapic, &speed))
            return (struct tsc_speed){0};
        if (agree(again.tsc_hz, speed.tsc_hz))
            break;
    }
    return speed;
}

/* By CPUID, exactly where the crystal's speed is told, else by the nominal MHz; the latter only if `rough`
 * will do. */
static uint64_t tsc_hz_by_cpuid(bool rough)
{
    struct cpuid_result ratio = cpuid(CPUID_TSC_RATIO, 0);
    if (ratio.eax && ratio.ebx && ratio.ecx)
        return (uint64_t)ratio.ecx * ratio.ebx / ratio.eax;
    return rough ? (cpuid(CPUID_MHZ, 0).eax & 0xffff) * 1000000ull : 0;
}

static uint64_t tsc_read(void)
{
    return rdtsc();
}

/* Without any other clock: the local APIC's timer is measured against the time stamp counter itself. */
static struct tsc_speed speed_by_cpuid_alone(bool with_lapic)
{
    const struct clocksource tsc = {
        .name = "cpuid", .read = tsc_read, .hz = tsc_hz_by_cpuid(true), .mask = UINT64_MAX};
    return tsc.hz ? measure(&tsc, with_lapic) : (struct tsc_speed){0};
}

struct tsc_speed tsc_measure(const struct clocksource *reference, bool with_lapic)
{
    struct tsc_speed speed = reference ? measure(reference, with_lapic) : (struct tsc_speed){0};
    if (!speed.tsc_hz && !speed.lapic_hz)
        return speed_by_cpuid_alone(with_lapic);
    uint64_t told = tsc_hz_by_cpuid(false);
    if (told && agree(told, speed.tsc_hz)) {
        speed.tsc_hz = told;
        speed.by = "cpuid";
    } else if (told) {
        pr_warn(
            "clock: CPUID tells %llu kHz, but by %s the time stamp counter has %llu kHz; the latter is used",
            (unsigned long long)told / 1000, reference->name, (unsigned long long)speed.tsc_hz / 1000);
    }
    return speed;
}
