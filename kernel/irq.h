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
 * @irq:  0-15 as PCI's interrupt line register gives it
 * @name: for statistics (borrowed)
 * @arg:  handed to the handler; names the registration in free_irq()
 * Return: 0, -EINVAL for a line that does not exist, -ENOMEM.
 */
int __must_check request_irq(unsigned irq, irq_handler_t handler, const char *name, void *arg);
void free_irq(unsigned irq, void *arg);

/* Inside a handler: what may not be done there has to wait. */
bool in_hardirq(void);

/* Interrupts off on this core, and back to what they were. */
unsigned long local_irq_save(void);
void local_irq_restore(unsigned long flags);

#endif
