/*
 * lapic.h - the local APIC, used for its one-shot timer. Device interrupts still pass through it from the
 * 8259.
 */
#ifndef KERNEL_X86_LAPIC_H
#define KERNEL_X86_LAPIC_H

#include "kernel/types.h"

/* Return: false if this CPU has none, or in a form we do not drive (x2APIC). */
bool lapic_init(void);

/* Lets the timer count down without an interrupt, to measure its speed; its count; and stops it for use. */
void lapic_timer_start_measuring(void);
uint32_t lapic_timer_read(void);

void lapic_timer_enable(void);

/* One interrupt after `ticks`; the handler does nothing but end the halt. */
void lapic_timer_oneshot(uint32_t ticks);
void lapic_timer_interrupt(void);

#endif
