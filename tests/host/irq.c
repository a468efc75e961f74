/*
 * irq.c - interrupt lines on Linux: a device model raises them by host_raise_irq(), or by a message.
 */
#include "kernel/irq.h"

#include <stdio.h>

#include "tests/host/host.h"

#define HOST_LINES 24
#define HOST_MSIS  8
#define HOST_IRQS  (HOST_LINES + HOST_MSIS)

static struct {
    irq_handler_t handler;
    void *arg;
} irq_actions[HOST_IRQS][8];

static struct msi_source *msi_sources[HOST_MSIS];
static int msi_fail;
static unsigned intx_ways = 1;

void host_mask_msi(unsigned irq, bool masked)
{
    struct msi_source *source = irq < HOST_LINES ? NULL : msi_sources[irq - HOST_LINES];
    if (source)
        source->set_masked(source, masked);
}

int request_irq(unsigned irq, irq_handler_t handler, const char *name, void *arg)
{
    if (irq >= HOST_IRQS)
        return -22; /* EINVAL */
    for (size_t i = 0; i < 8; i++)
        if (!irq_actions[irq][i].handler) {
            irq_actions[irq][i].handler = handler;
            irq_actions[irq][i].arg = arg;
            host_mask_msi(irq, false);
            return 0;
        }
    return -12; /* ENOMEM */
}

void free_irq(unsigned irq, void *arg)
{
    for (size_t i = 0; i < 8; i++)
        if (irq_actions[irq][i].arg == arg)
            irq_actions[irq][i].handler = NULL;
    if (!host_irq_is_taken(irq))
        host_mask_msi(irq, true);
}

int irq_alloc_msi(struct msi_msg *msg, struct msi_source *source)
{
    if (msi_fail)
        return msi_fail;
    for (unsigned i = 0; i < HOST_MSIS; i++) {
        if (msi_sources[i])
            continue;
        msi_sources[i] = source;
        *msg = (struct msi_msg){HOST_MSI_ADDRESS, 0x4000 + i};
        return (int)(HOST_LINES + i);
    }
    return -28; /* ENOSPC */
}

void irq_free_msi(unsigned irq)
{
    if (irq >= HOST_LINES && irq < HOST_IRQS)
        msi_sources[irq - HOST_LINES] = NULL;
}

unsigned host_msis_alive(void)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < HOST_MSIS; i++)
        alive += !!msi_sources[i];
    return alive;
}

void host_fail_msi(int err)
{
    msi_fail = err;
}

void host_send_msi(uint64_t address, uint32_t data)
{
    if (address == HOST_MSI_ADDRESS && data - 0x4000 < HOST_MSIS)
        host_raise_irq(HOST_LINES + (data - 0x4000));
}

/* The wire of an interrupt line; and others, from 16 on, if the board has more ways. */
int irq_route_intx(unsigned isa_line, unsigned attempt)
{
    if (isa_line >= 16)
        attempt++; /* it is connected to nothing */
    if (attempt >= intx_ways)
        return -2; /* ENOENT */
    return (int)(attempt ? 15 + attempt : isa_line);
}

void host_set_intx_ways(unsigned ways)
{
    intx_ways = ways;
}

bool host_irq_is_taken(unsigned irq)
{
    for (size_t i = 0; i < 8; i++)
        if (irq_actions[irq][i].handler)
            return true;
    return false;
}

void host_raise_irq(unsigned irq)
{
    host_irq_enter();
    for (size_t i = 0; i < 8; i++)
        if (irq_actions[irq][i].handler)
            irq_actions[irq][i].handler(irq, irq_actions[irq][i].arg);
    host_irq_leave();
}

/* --- for people --- */

bool irq_get_stat(unsigned irq, struct irq_stat *stat)
{
    if (irq >= HOST_IRQS || !host_irq_is_taken(irq))
        return false;
    *stat = (struct irq_stat){.chip = irq < HOST_LINES ? "line" : "message"};
    return true;
}
