/*
 * irq_chip.h - an interrupt controller, as irq.c sees it. The 8259 pair is one; an I/O APIC can be another.
 */
#ifndef KERNEL_X86_IRQ_CHIP_H
#define KERNEL_X86_IRQ_CHIP_H

#include "kernel/types.h"

#define NR_IRQS 16

struct irq_chip {
    const char *name;
    void (*mask)(unsigned irq);
    void (*unmask)(unsigned irq);
    bool (*is_spurious)(unsigned irq); /* asked before the handlers; if true, the chip has been answered */
    void (*eoi)(unsigned irq);         /* after the handlers: a level-triggered line is low again by then */
};

/* The chip that lines go through from now on (borrowed). */
void irq_set_chip(const struct irq_chip *chip);

/* From trap_dispatch(), interrupts off. */
void irq_dispatch(unsigned irq);

#endif
