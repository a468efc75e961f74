/*
 * tsc.h - how fast the CPU's time stamp counter counts.
 */
#ifndef KERNEL_X86_TSC_H
#define KERNEL_X86_TSC_H

#include "kernel/x86/clocksource.h"

/* The counters at one moment; `width`: how many TSC counts the reading took. */
struct clock_sample {
    uint64_t tsc, reference, width;
    uint32_t lapic;
};
struct clock_sample clock_sample_take(const struct clocksource *reference, bool with_lapic);

/* What was found out; 0: nothing. */
struct tsc_speed {
    uint64_t tsc_hz, lapic_hz;
    const char *by; /* "cpuid", or the name of the clock source it was measured against */
};

/**
 * tsc_measure - the speed of the time stamp counter, and of the local APIC's timer if there is one
 * @reference: NULL: there is only what CPUID says
 * Takes 10 ms, or 20 with the 8254.
 */
struct tsc_speed tsc_measure(const struct clocksource *reference, bool with_lapic);

/* Whether the CPU has the counter; whether it promises to tick alike in all its states. */
bool tsc_exists(void);
bool tsc_is_invariant(void);

#endif
