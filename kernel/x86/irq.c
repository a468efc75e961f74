/*
 * irq.c - from an interrupt line to the handlers of the devices that share it.
 *
 * PCI lines are level-triggered and shared: every handler of the line is asked, and only then the
 * controller is told that the interrupt is over. If the line is still high (a second device), it
 * interrupts again at once.
 */
#include "kernel/irq.h"

#include <errno.h>

#include "kernel/log.h"
#include "kernel/slab.h"
#include "kernel/x86/irq_chip.h"
#include "kernel/x86/machine.h"

#define UNHANDLED_MAX 10000 /* in a row: a device that nobody drives holds the line */

struct irqaction {
    struct irqaction *next;
    irq_handler_t handler;
    void *arg;
    const char *name;
};

struct irq_line {
    struct irqaction *actions;
    unsigned unhandled;
};

static struct irq_line lines[NR_IRQS];
static const struct irq_chip *chip;
static bool handling; /* handlers run with interrupts off: one at a time */

void irq_set_chip(const struct irq_chip *new_chip)
{
    chip = new_chip;
}

bool in_hardirq(void)
{
    return handling;
}

unsigned long local_irq_save(void)
{
    unsigned long flags;
    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    return flags;
}

void local_irq_restore(unsigned long flags)
{
    if (flags & 1u << 9)
        __asm__ volatile("sti" ::: "memory");
}

int request_irq(unsigned irq, irq_handler_t handler, const char *name, void *arg)
{
    if (irq >= NR_IRQS || irq == 2) /* 2 joins the two controllers */
        return -EINVAL;
    struct irqaction *action = kmalloc(sizeof(*action));
    if (!action)
        return -ENOMEM;
    *action = (struct irqaction){.handler = handler, .arg = arg, .name = name};

    unsigned long flags = local_irq_save();
    action->next = lines[irq].actions;
    lines[irq].actions = action;
    lines[irq].unhandled = 0;
    chip->unmask(irq);
    local_irq_restore(flags);
    return 0;
}

void free_irq(unsigned irq, void *arg)
{
    if (irq >= NR_IRQS)
        return;
    unsigned long flags = local_irq_save();
    struct irqaction **link = &lines[irq].actions;
    while (*link && (*link)->arg != arg)
        link = &(*link)->next;
    struct irqaction *action = *link;
    if (action)
        *link = action->next;
    if (!lines[irq].actions)
        chip->mask(irq);
    local_irq_restore(flags);
    kfree(action);
}

static void line_unhandled(unsigned irq)
{
    if (++lines[irq].unhandled < UNHANDLED_MAX)
        return;
    chip->mask(irq);
    pr_err("irq %u: %d interrupts in a row that no driver wanted; line switched off", irq, UNHANDLED_MAX);
}

void irq_dispatch(unsigned irq)
{
    struct irq_line *line = &lines[irq];
    if (chip->is_spurious(irq))
        return;
    bool handled = false;
    handling = true;
    for (struct irqaction *action = line->actions; action; action = action->next)
        if (action->handler(irq, action->arg) == IRQ_HANDLED)
            handled = true;
    handling = false;
    if (likely(handled))
        line->unhandled = 0;
    else
        line_unhandled(irq);
    chip->eoi(irq);
    random_add_interrupt(irq);
}
