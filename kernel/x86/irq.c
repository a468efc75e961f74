/*
 * irq.c - from an interrupt line to the handlers of the devices that share it.
 *
 * PCI lines are level-triggered and shared: every handler of the line is asked, and only then the
 * controller is told that the interrupt is over. If the line is still high (a second device), it
 * interrupts again at once. A message is an edge and has its line to itself: if another comes meanwhile, the
 * local APIC keeps it until this one is over.
 */
#include "kernel/irq.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/report.h"
#include "kernel/slab.h"
#include "kernel/x86/irq_chip.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/machine.h"

#define UNHANDLED_MAX 10000 /* in a row: a device that nobody drives holds the line */

struct irqaction {
    struct irqaction *next;
    irq_handler_t handler;
    void *arg;
    const char *name;
};

struct irq_line {
    const struct irq_chip *chip; /* NULL: there is no such line */
    struct irqaction *actions;
    uint64_t count;
    unsigned unhandled;
};

static struct irq_line lines[NR_IRQS];
static bool handling; /* handlers run with interrupts off: one at a time */

void irq_set_chip(unsigned irq, const struct irq_chip *chip)
{
    lines[irq].chip = chip;
    if (!chip)
        lines[irq].count = 0;
}

const struct irq_chip *irq_chip_of(unsigned irq)
{
    return lines[irq].chip;
}

bool irq_in_use(unsigned irq)
{
    return lines[irq].actions;
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
    if (irq >= NR_IRQS || !lines[irq].chip)
        return -EINVAL;
    struct irqaction *action = kmalloc(sizeof(*action));
    if (!action)
        return -ENOMEM;
    *action = (struct irqaction){.handler = handler, .arg = arg, .name = name};

    unsigned long flags = local_irq_save();
    action->next = lines[irq].actions;
    lines[irq].actions = action;
    lines[irq].unhandled = 0;
    lines[irq].chip->unmask(irq);
    local_irq_restore(flags);
    return 0;
}

void free_irq(unsigned irq, void *arg)
{
    if (irq >= NR_IRQS || !lines[irq].chip)
        return;
    unsigned long flags = local_irq_save();
    struct irqaction **link = &lines[irq].actions;
    while (*link && (*link)->arg != arg)
        link = &(*link)->next;
    struct irqaction *action = *link;
    if (action)
        *link = action->next;
    if (!lines[irq].actions)
        lines[irq].chip->mask(irq);
    local_irq_restore(flags);
    kfree(action);
}

static void line_unhandled(unsigned irq)
{
    if (++lines[irq].unhandled != UNHANDLED_MAX)
        return;
    lines[irq].chip->mask(irq);
    pr_err("irq %u: %d interrupts in a row that no driver wanted; line switched off", irq, UNHANDLED_MAX);
}

void irq_dispatch(unsigned irq)
{
    struct irq_line *line = &lines[irq];
    if (unlikely(!line->chip)) { /* it was on its way while the line was given back */
        lapic_eoi();
        return;
    }
    bool handled = false;
    handling = true;
    for (struct irqaction *action = line->actions; action; action = action->next)
        if (action->handler(irq, action->arg) == IRQ_HANDLED)
            handled = true;
    handling = false;
    line->count++;
    if (likely(handled))
        line->unhandled = 0;
    else
        line_unhandled(irq);
    line->chip->eoi(irq);
    random_add_interrupt(irq);
}

/* --- for people --- */

bool irq_get_stat(unsigned irq, struct irq_stat *stat)
{
    if (irq >= NR_IRQS || !lines[irq].chip || (!lines[irq].actions && !lines[irq].count))
        return false;
    *stat = (struct irq_stat){.count = lines[irq].count, .chip = lines[irq].chip->name};
    for (const struct irqaction *action = lines[irq].actions; action; action = action->next) {
        size_t used = strlen(stat->names);
        snprintf(stat->names + used, sizeof(stat->names) - used, "%s%s", used ? ", " : "", action->name);
    }
    return true;
}

/* As /proc/interrupts. */
static void write_report(void (*line)(const char *text, void *ctx), void *ctx)
{
    const struct lapic_stats *lapic = lapic_get_stats();
    struct irq_stat stat;
    char text[128];
    for (unsigned irq = 0; irq < NR_IRQS; irq++) {
        if (!irq_get_stat(irq, &stat))
            continue;
        snprintf(text, sizeof(text), "%3u: %10llu  %-8s %s", irq, (unsigned long long)stat.count, stat.chip,
                 stat.names);
        line(text, ctx);
    }
    snprintf(text, sizeof(text), "LOC: %10llu  local timer", (unsigned long long)lapic->timer);
    line(text, ctx);
    snprintf(text, sizeof(text), "SPU: %10llu  spurious", (unsigned long long)lapic->spurious);
    line(text, ctx);
    snprintf(text, sizeof(text), "ERR: %10llu  local APIC errors (last status 0x%x)",
             (unsigned long long)lapic->errors, lapic->last_error);
    line(text, ctx);
}

void irq_report_init(void)
{
    static struct report report = {
        .list = LIST_HEAD_INIT(report.list), .name = "interrupts", .write = write_report};
    report_register(&report);
}
