/*
 * ioapic.c - the I/O APICs (Intel 82093AA, and the ICH and PCH data sheets for later ones).
 *
 * Each has some inputs; ACPI numbers all of them in one row, the global system interrupts (GSI). ISA
 * interrupt n comes in at GSI n, as an edge, unless ACPI overrides it (6.5, 5.2.15.5); the other inputs take
 * PCI interrupts: levels, active low (5.2.12.3).
 */
#include "kernel/x86/irq_chip.h"

#include "kernel/log.h"
#include "kernel/x86/acpi.h"
#include "kernel/x86/io.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/trap.h"

/* Two registers in memory, an index and a window (3.1); behind them the others (3.2). */
#define IOREGSEL      0x00
#define IOWIN         0x10
#define IOAPIC_WINDOW 0x20

#define IOAPICVER           0x01
#define IOAPICVER_MAX_SHIFT 16
#define IOAPICVER_MAX_MASK  0xffu
#define IOREDTBL(n)         (0x10 + 2 * (n)) /* low half; the high one follows */

#define REDIR_DELIVERY     (7u << 8)
#define REDIR_DELIVERY_SMI (2u << 8)
#define REDIR_STATUS       (1u << 12 | 1u << 14) /* what the chip itself says */
#define REDIR_ACTIVE_LOW   (1u << 13)
#define REDIR_LEVEL        (1u << 15)
#define REDIR_MASKED       (1u << 16)
#define REDIR_DEST_SHIFT   24 /* of the high half */
#define REDIR_DEST_MAX     0xfeu

#define INPUTS_MAX 240 /* as many as the version register can tell of */

static struct {
    struct {
        volatile uint8_t *regs;
        unsigned gsi_base, inputs;
    } chip[ACPI_IOAPICS_MAX];
    unsigned nr_chips;
    uint32_t apic_id;
} ioapics;

static uint32_t ioapic_read(volatile uint8_t *regs, unsigned reg)
{
    writel(reg, regs + IOREGSEL);
    return readl(regs + IOWIN);
}

static void ioapic_write(volatile uint8_t *regs, unsigned reg, uint32_t value)
{
    writel(reg, regs + IOREGSEL);
    writel(value, regs + IOWIN);
}

static const struct acpi_override *override_of(unsigned irq)
{
    const struct acpi_info *acpi = acpi_info();
    for (unsigned i = 0; irq < NR_ISA_IRQS && i < acpi->nr_overrides; i++)
        if (acpi->overrides[i].irq == irq)
            return &acpi->overrides[i];
    return NULL;
}

static unsigned gsi_of(unsigned irq)
{
    const struct acpi_override *override = override_of(irq);
    return override ? override->gsi : irq;
}

/* Polarity and trigger of a line's input. ACPI's own interrupt (SCI) is a level, active low, if nothing else
 * is said of it (4.8.1.1). */
static uint32_t signal_of(unsigned irq)
{
    const struct acpi_info *acpi = acpi_info();
    const struct acpi_override *override = override_of(irq);
    if (override)
        return (override->level ? REDIR_LEVEL : 0) | (override->active_low ? REDIR_ACTIVE_LOW : 0);
    if (irq >= NR_ISA_IRQS || (acpi->has_fadt && irq == acpi->sci_irq))
        return REDIR_LEVEL | REDIR_ACTIVE_LOW;
    return 0;
}

/* The chip that has input `gsi`, and which of its inputs that is; NULL: no chip has it. */
static volatile uint8_t *chip_of(unsigned gsi, unsigned *input)
{
    for (unsigned i = 0; i < ioapics.nr_chips; i++) {
        *input = gsi - ioapics.chip[i].gsi_base;
        if (*input < ioapics.chip[i].inputs)
            return ioapics.chip[i].regs;
    }
    return NULL;
}

static void set_input(unsigned irq, uint32_t mask)
{
    unsigned input;
    volatile uint8_t *regs = chip_of(gsi_of(irq), &input);
    if (!regs)
        return;
    if (!mask)
        ioapic_write(regs, IOREDTBL(input) + 1, ioapics.apic_id << REDIR_DEST_SHIFT);
    ioapic_write(regs, IOREDTBL(input), mask | signal_of(irq) | (APIC_IRQ_VECTOR + irq));
}

static void ioapic_mask(unsigned irq)
{
    set_input(irq, REDIR_MASKED);
}

static void ioapic_unmask(unsigned irq)
{
    set_input(irq, 0);
}

static void ioapic_eoi(unsigned irq)
{
    lapic_eoi(); /* which tells the I/O APIC if it was a level (SDM volume 3, 10.8.5) */
}

const struct irq_chip ioapic_chip = {
    .name = "IO-APIC",
    .mask = ioapic_mask,
    .unmask = ioapic_unmask,
    .eoi = ioapic_eoi,
};

/* What is no I/O APIC does not keep what is written to it. Both values are masked. */
static bool keeps_values(volatile uint8_t *regs)
{
    uint32_t low = REDIR_MASKED | REDIR_LEVEL | (APIC_IRQ_VECTOR + 1);
    ioapic_write(regs, IOREDTBL(0), low);
    ioapic_write(regs, IOREDTBL(0) + 1, 1u << REDIR_DEST_SHIFT);
    bool kept = (ioapic_read(regs, IOREDTBL(0)) & ~REDIR_STATUS) == low &&
                ioapic_read(regs, IOREDTBL(0) + 1) == 1u << REDIR_DEST_SHIFT;
    ioapic_write(regs, IOREDTBL(0), REDIR_MASKED);
    ioapic_write(regs, IOREDTBL(0) + 1, 0);
    return kept && (ioapic_read(regs, IOREDTBL(0)) & ~REDIR_STATUS) == REDIR_MASKED;
}

/* All but firmware's own management interrupts (SMI), which it serves itself. */
static void mask_all(volatile uint8_t *regs, unsigned inputs)
{
    for (unsigned n = 0; n < inputs; n++)
        if ((ioapic_read(regs, IOREDTBL(n)) & REDIR_DELIVERY) != REDIR_DELIVERY_SMI)
            ioapic_write(regs, IOREDTBL(n), REDIR_MASKED);
}

static bool overlaps_another(unsigned gsi_base, unsigned inputs)
{
    for (unsigned i = 0; i < ioapics.nr_chips; i++)
        if (gsi_base - ioapics.chip[i].gsi_base < ioapics.chip[i].inputs ||
            ioapics.chip[i].gsi_base - gsi_base < inputs)
            return true;
    return false;
}

/* Return: how many inputs the chip adds. */
static unsigned ioapic_add(const struct acpi_ioapic *found)
{
    volatile uint8_t *regs = found->address ? ioremap(found->address, IOAPIC_WINDOW) : NULL;
    if (!regs || found->gsi_base >= IRQ_MSI_FIRST)
        return 0;
    uint32_t version = ioapic_read(regs, IOAPICVER);
    unsigned inputs = (version >> IOAPICVER_MAX_SHIFT & IOAPICVER_MAX_MASK) + 1;
    if (version == UINT32_MAX || !version || inputs > INPUTS_MAX ||
        overlaps_another(found->gsi_base, inputs) || !keeps_values(regs)) {
        pr_warn("I/O APIC at 0x%llx, interrupts from %u on: does not answer as one; not used",
                (unsigned long long)found->address, found->gsi_base);
        return 0;
    }
    mask_all(regs, inputs);
    inputs = min(inputs, IRQ_MSI_FIRST - found->gsi_base);
    ioapics.chip[ioapics.nr_chips].regs = regs;
    ioapics.chip[ioapics.nr_chips].gsi_base = found->gsi_base;
    ioapics.chip[ioapics.nr_chips++].inputs = inputs;
    return inputs;
}

/* Every ISA interrupt and every other input becomes a line. 2 only joins the two 8259s. */
static void ioapic_take_lines(void)
{
    unsigned input;
    for (unsigned irq = 0; irq < IRQ_MSI_FIRST; irq++)
        if (irq < NR_ISA_IRQS ? irq != 2 && chip_of(gsi_of(irq), &input) : ioapic_gsi_is_free(irq))
            irq_set_chip(irq, &ioapic_chip);
}

unsigned ioapic_init(uint32_t apic_id)
{
    const struct acpi_info *acpi = acpi_info();
    unsigned total = 0, input;
    if (apic_id > REDIR_DEST_MAX)
        return 0;
    ioapics.nr_chips = 0;
    ioapics.apic_id = apic_id;
    for (unsigned i = 0; i < acpi->nr_ioapics; i++)
        total += ioapic_add(&acpi->ioapics[i]);
    if (!chip_of(0, &input)) /* without the one that takes the ISA interrupts, the 8259 is the better way */
        return 0;
    ioapic_take_lines();
    return total;
}

bool ioapic_gsi_is_free(unsigned gsi)
{
    const struct acpi_info *acpi = acpi_info();
    unsigned input;
    for (unsigned i = 0; i < acpi->nr_overrides; i++)
        if (acpi->overrides[i].gsi == gsi)
            return false;
    return gsi >= NR_ISA_IRQS && chip_of(gsi, &input);
}

bool ioapic_isa_is_level(unsigned irq)
{
    const struct acpi_override *override = override_of(irq);
    return override && override->level;
}
