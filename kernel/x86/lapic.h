/*
 * lapic.h - the local APIC: through it comes every interrupt of an I/O APIC, every message of a PCI device,
 * and its own timer's; what the 8259 has passes by it.
 */
#ifndef KERNEL_X86_LAPIC_H
#define KERNEL_X86_LAPIC_H

#include "kernel/types.h"

/* Switches it on; a second call only tells. Return: false if this CPU has none that answers. */
bool lapic_init(void);
bool lapic_is_x2apic(void);
uint32_t lapic_id(void);

/* The interrupt in service is over. */
void lapic_eoi(void);

/* Whether the 8259's output reaches the CPU ("virtual wire", by LINT0). Without a local APIC it always does.
 */
void lapic_set_virtual_wire(bool open);

/* A vector that belongs to no line: spurious, an error, or one that nobody uses. */
void lapic_other_interrupt(unsigned vector);

struct lapic_stats {
    uint64_t timer, spurious, errors;
    uint32_t last_error; /* error status register (SDM volume 3, 10.5.3) */
};
const struct lapic_stats *lapic_get_stats(void);

/* Lets the timer count down without an interrupt, to measure its speed; its count; and stops it for use. */
void lapic_timer_start_measuring(void);
uint32_t lapic_timer_read(void);

void lapic_timer_enable(void);

/* One interrupt after `ticks`; the handler does nothing but end the halt. */
void lapic_timer_oneshot(uint32_t ticks);
void lapic_timer_interrupt(void);

#endif
