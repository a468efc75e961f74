/*
 * irq_chip.h - an interrupt controller, as irq.c sees it: the 8259 pair, the I/O APICs, or the local APIC
 * alone for devices that interrupt by message.
 *
 *     line      0-15             16-95                96-127
 *     is        ISA interrupt    I/O APIC input       message (MSI, MSI-X)
 *     vector    PIC_VECTOR + line through the 8259; APIC_IRQ_VECTOR + line through the local APIC
 */
#ifndef KERNEL_X86_IRQ_CHIP_H
#define KERNEL_X86_IRQ_CHIP_H

#include "kernel/types.h"

#define NR_IRQS       128
#define NR_ISA_IRQS   16
#define IRQ_MSI_FIRST 96

struct irq_chip {
    const char *name;
    void (*mask)(unsigned irq);
    void (*unmask)(unsigned irq);
    void (*eoi)(unsigned irq); /* after the handlers: a level-triggered line is low again by then */
};

/* Through which controller a line comes (borrowed; NULL: through none, it does not exist). Only while nobody
 * has requested it. */
void irq_set_chip(unsigned irq, const struct irq_chip *chip);
const struct irq_chip *irq_chip_of(unsigned irq);
bool irq_in_use(unsigned irq);

/* From trap_dispatch(), interrupts off. */
void irq_dispatch(unsigned irq);

/* Tells the counts to whoever asks for the report "interrupts". */
void irq_report_init(void);

/* --- kernel/x86/pic.c --- */
extern const struct irq_chip pic_chip;
void pic_dispatch(unsigned irq); /* one of its own vectors has come; it may be spurious */

/* --- kernel/x86/ioapic.c --- */
extern const struct irq_chip ioapic_chip;

/**
 * ioapic_init - find and try out the I/O APICs that ACPI tells of; every input is masked
 * @apic_id: the local APIC that interrupts go to
 * Return: inputs in all, 0 if there is none that can be used.
 */
unsigned ioapic_init(uint32_t apic_id);
/* Whether that input exists, and is not where an ISA interrupt has been moved to. */
bool ioapic_gsi_is_free(unsigned gsi);
/* Whether an ISA interrupt arrives as a level: then it is a PCI interrupt, or ACPI's. */
bool ioapic_isa_is_level(unsigned irq);

#endif
