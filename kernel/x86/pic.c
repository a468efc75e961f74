/*
 * pic.c - the pair of 8259 interrupt controllers every PC has or imitates.
 *
 * Lines 0-7 enter the master, 8-15 the slave, which hangs on the master's line 2. Whether a line is
 * edge- or level-triggered is set in the ELCR by the firmware, which knows the board's wiring.
 */
#include "kernel/x86/machine.h"

#include "kernel/x86/io.h"
#include "kernel/x86/irq_chip.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/trap.h"

#define PIC_MASTER 0x20
#define PIC_SLAVE  0xa0
#define PIC_DATA   1 /* second port of each */

#define ICW1_INIT     0x11 /* edge, cascade, ICW4 follows */
#define ICW4_8086     0x01
#define OCW2_EOI      0x60 /* specific: line in bits 0-2 */
#define OCW3_READ_ISR 0x0b
#define CASCADE_LINE  2

#define ALL_MASKED (0xffff & ~(1u << CASCADE_LINE))

static uint16_t masked = ALL_MASKED;

/* The way into the CPU is open only while a line is: a controller nobody uses cannot interrupt. */
static void write_mask(unsigned irq)
{
    lapic_set_virtual_wire(masked != ALL_MASKED);
    if (irq < 8)
        outb(PIC_MASTER + PIC_DATA, (uint8_t)masked);
    else
        outb(PIC_SLAVE + PIC_DATA, (uint8_t)(masked >> 8));
}

static void pic_mask(unsigned irq)
{
    masked |= (uint16_t)(1u << irq);
    write_mask(irq);
}

static void pic_unmask(unsigned irq)
{
    masked &= (uint16_t) ~(1u << irq);
    write_mask(irq);
}

static void pic_eoi(unsigned irq)
{
    if (irq >= 8) {
        outb(PIC_SLAVE, (uint8_t)(OCW2_EOI | (irq - 8)));
        irq = CASCADE_LINE;
    }
    outb(PIC_MASTER, (uint8_t)(OCW2_EOI | irq));
}

/*
 * A line that falls before it is acknowledged is reported as the lowest priority of its chip, 7 or 15,
 * with no bit in service. The slave must then get no EOI, but the master must: it has seen a real
 * interrupt of the slave, and without the EOI it never reports lines 8-15 again.
 */
static bool pic_is_spurious(unsigned irq)
{
    if (irq != 7 && irq != 15)
        return false;
    uint16_t port = irq == 7 ? PIC_MASTER : PIC_SLAVE;
    outb(port, OCW3_READ_ISR);
    if (inb(port) & 1u << 7)
        return false;
    if (irq == 15)
        pic_eoi(CASCADE_LINE);
    return true;
}

const struct irq_chip pic_chip = {
    .name = "8259",
    .mask = pic_mask,
    .unmask = pic_unmask,
    .eoi = pic_eoi,
};

void pic_dispatch(unsigned irq)
{
    if (pic_is_spurious(irq))
        return;
    if (likely(irq_chip_of(irq) == &pic_chip)) {
        irq_dispatch(irq);
        return;
    }
    pic_mask(irq); /* it was on its way while the line moved to the I/O APIC */
    pic_eoi(irq);
}

void pic_init(void)
{
    outb(PIC_MASTER, ICW1_INIT);
    outb(PIC_SLAVE, ICW1_INIT);
    outb(PIC_MASTER + PIC_DATA, PIC_VECTOR);
    outb(PIC_SLAVE + PIC_DATA, PIC_VECTOR + 8);
    outb(PIC_MASTER + PIC_DATA, 1u << CASCADE_LINE);
    outb(PIC_SLAVE + PIC_DATA, CASCADE_LINE);
    outb(PIC_MASTER + PIC_DATA, ICW4_8086);
    outb(PIC_SLAVE + PIC_DATA, ICW4_8086);
    write_mask(0);
    write_mask(8);
}
