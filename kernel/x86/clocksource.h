/*
 * clocksource.h - counters that time can be told by, slower to read than the CPU's own.
 */
#ifndef KERNEL_X86_CLOCKSOURCE_H
#define KERNEL_X86_CLOCKSOURCE_H

#include "kernel/types.h"

struct clocksource {
    const char *name;       /* as clocksource= on the command line has it */
    uint64_t (*read)(void); /* counts up, modulo mask + 1 */
    uint64_t hz, mask;
};

/* Each finds its counter and sees whether it counts. NULL: this machine has none. */
const struct clocksource *hpet_clock_init(void);    /* kernel/x86/hpet.c */
const struct clocksource *acpi_pm_clock_init(void); /* kernel/x86/acpi_pm.c */
const struct clocksource *pit_clock_init(void);     /* kernel/x86/pit.c */

/* Counts from `from` to `to`. */
static inline uint64_t clocksource_delta(const struct clocksource *cs, uint64_t from, uint64_t to)
{
    return (to - from) & cs->mask;
}

/* Whether it moves at all while it is read some times. */
static inline bool clocksource_counts(const struct clocksource *cs)
{
    uint64_t first = cs->read();
    for (unsigned i = 0; i < 10000; i++)
        if (cs->read() != first)
            return true;
    return false;
}

#endif
