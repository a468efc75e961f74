/*
 * pit.h - the 8254 timer: channel 2 counts, as the yardstick for faster clocks; channel 0 interrupts once.
 */
#ifndef KERNEL_X86_PIT_H
#define KERNEL_X86_PIT_H

#include "kernel/types.h"

#define PIT_HZ  1193182u
#define PIT_IRQ 0

/* Channel 2 counts down from 65535 to 0 and over again, PIT_HZ times a second. */
void pit_counter_start(void);
uint16_t pit_counter_read(void);

/* One interrupt on line PIT_IRQ after `ticks` (1-65535) of PIT_HZ. */
void pit_oneshot(uint16_t ticks);

#endif
