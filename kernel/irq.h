/*
 * irq.h - device interrupts.
 *
 * A handler runs with interrupts off, on top of whatever was running. It may read and mask its
 * device and raise a softirq; it may not allocate, sleep, print or touch protocol state.
 */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "kernel/types.h"

enum irqreturn { IRQ_NONE, IRQ_HANDLED };
typedef enum irqreturn (*irq_handler_t)(unsigned irq, void *arg);

/**
 * request_irq - call `handler` on interrupt line `irq`; lines may be shared
 * @irq:  0-15: an ISA interrupt, whichever controller it comes through; 16 and on: an input of an I/O APIC by
 *        its global number (GSI), or what irq_alloc_msi() gave. A PCI device's is pdev->irq.
 * @name: for statistics (borrowed)
 * @arg:  handed to the handler; names the registration in free_irq()
 * Return: 0, -EINVAL for a line that does not exist, -ENOMEM.
 */
int __must_check request_irq(unsigned irq, irq_handler_t handler, const char *name, void *arg);
void free_irq(unsigned irq, void *arg);

/* --- lines for devices of the PCI bus (drivers/pci/pci_irq.c) --- */

/* What a device writes to memory as its interrupt. */
struct msi_msg {
    uint64_t address;
    uint32_t data;
};

/* Who can hold the messages of a line back: the device that writes them. The local APIC cannot. */
struct msi_source {
    void (*set_masked)(struct msi_source *self, bool masked); /* interrupts are off; may be called anywhere */
};

/* A line of its own for such a device (source borrowed). Return: its number; -ENODEV without a local APIC,
 * -ENOSPC. */
int irq_alloc_msi(struct msi_msg *msg, struct msi_source *source);
void irq_free_msi(unsigned irq); /* nobody has requested it any more */

/**
 * irq_route_intx - a line by which a device's interrupt pin may come in
 * @isa_line: what firmware has written into its interrupt line register
 * @attempt:  0 for the likeliest; more as long as the interrupts turn out not to arrive
 * Return: a number for request_irq(), or -ENOENT: there is no other way.
 */
int irq_route_intx(unsigned isa_line, unsigned attempt);

/* --- for people --- */

struct irq_stat {
    uint64_t count;
    const char *chip;
    char names[64]; /* of all who share it */
};

/* Return: false for a line that nobody has and that never interrupted. */
bool irq_get_stat(unsigned irq, struct irq_stat *stat);

/* Inside a handler: what may not be done there has to wait. */
bool in_hardirq(void);

/* Interrupts off on this core, and back to what they were. */
unsigned long local_irq_save(void);
void local_irq_restore(unsigned long flags);

#endif
