/*
 * clock.h - between telling time (clock.c) and sleeping until a time (idle.c).
 */
#ifndef KERNEL_X86_CLOCK_H
#define KERNEL_X86_CLOCK_H

#include "kernel/time.h"

/* How long the clock may go unread: a narrow counter must be seen before it wraps (25 ms for the 8254).
 * UINT64_MAX: as long as one likes. */
uint64_t clock_sleep_max_ns(void);

/* A sleep that was to last `wanted_ns` was ended by its timer after `slept_ns` by the clock. */
void clock_slept(uint64_t wanted_ns, uint64_t slept_ns);

/* What ends a halt. lapic_hz 0: there is no local APIC timer, use the 8254. */
void idle_init(uint64_t lapic_hz);
void idle_timer_interrupt(void);

#endif
