/*
 * clock.h - between measuring time (tsc.c) and sleeping until a time (idle.c).
 */
#ifndef KERNEL_X86_CLOCK_H
#define KERNEL_X86_CLOCK_H

#include "kernel/time.h"

/* Whether time is counted by the 8254, which must then be read more often than it wraps (55 ms). */
bool clock_is_pit(void);

/* What ends a halt. lapic_hz 0: there is no local APIC timer, use the 8254. */
void idle_init(uint64_t lapic_hz);
void idle_timer_interrupt(void);

#endif
