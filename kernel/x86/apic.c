/*
 * apic.c - which way interrupts go on this board: decided once, at boot.
 *
 *     devices that send messages (MSI)  ------------------------------> local APIC -> CPU
 *     ISA: keyboard, serial, timer      --> I/O APIC ----------------->     ^
 *     PCI interrupt pins                --> I/O APIC or 8259 --LINT0-->-----+
 *
 * The I/O APICs are used if ACPI tells of them and they answer; the command line's noapic keeps to the 8259,
 * which is also what is left on a board without them. A driver that sees no interrupt at all polls.
 */
#include "kernel/x86/machine.h"

#include <errno.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/x86/acpi.h"
#include "kernel/x86/irq_chip.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/trap.h"

/* Messages (SDM volume 3, 10.11): an address in the local APICs' megabyte that names one of them, and a
 * vector: fixed delivery, an edge. */
#define MSI_ADDRESS    0xfee00000u
#define MSI_DEST_SHIFT 12
#define MSI_DEST_MAX   0xfeu
#define INTX_GSI_FIRST 16
#define INTX_GSI_LAST  23
#define CASCADE_LINE   2

enum intx_ways { INTX_ALL, INTX_8259, INTX_IOAPIC };

static struct {
    unsigned ioapic_inputs; /* 0: not used */
    bool has_lapic, has_8259;
    enum intx_ways intx;
} ways;

/* A message is held back in the device (drivers/pci/pci_irq.c); here is nothing to mask. */
static struct msi_source *msi_sources[NR_IRQS - IRQ_MSI_FIRST];

static void msi_mask(unsigned irq)
{
    struct msi_source *source = msi_sources[irq - IRQ_MSI_FIRST];
    source->set_masked(source, true);
}

static void msi_unmask(unsigned irq)
{
    struct msi_source *source = msi_sources[irq - IRQ_MSI_FIRST];
    source->set_masked(source, false);
}

static void msi_eoi(unsigned irq)
{
    lapic_eoi();
}

static const struct irq_chip msi_chip = {
    .name = "PCI-MSI",
    .mask = msi_mask,
    .unmask = msi_unmask,
    .eoi = msi_eoi,
};

int irq_alloc_msi(struct msi_msg *msg, struct msi_source *source)
{
    if (!ways.has_lapic || lapic_id() > MSI_DEST_MAX)
        return -ENODEV;
    for (unsigned irq = IRQ_MSI_FIRST; irq < NR_IRQS; irq++) {
        if (irq_chip_of(irq))
            continue;
        msi_sources[irq - IRQ_MSI_FIRST] = source;
        irq_set_chip(irq, &msi_chip);
        msg->address = MSI_ADDRESS | lapic_id() << MSI_DEST_SHIFT;
        msg->data = APIC_IRQ_VECTOR + irq;
        return (int)irq;
    }
    return -ENOSPC;
}

void irq_free_msi(unsigned irq)
{
    if (irq_chip_of(irq) == &msi_chip)
        irq_set_chip(irq, NULL);
}

/*
 * Where a PCI interrupt pin comes out. The board's wiring stands in ACPI's _PRT methods, in a byte code that
 * we do not run, so it is found by trying: a driver lets its device interrupt and asks for the next way if
 * nothing comes. In this order:
 *
 *  - The I/O APIC's input of the same ISA number, if ACPI calls that one a level: some boards (QEMU's) join
 * PCI pins to ISA inputs, and say so by an override.
 *  - The 8259. Firmware has routed each pin to it and left the number in the interrupt line register, for
 * systems that know nothing of ACPI; chipsets keep that wiring beside the I/O APIC, and LINT0 lets it
 * through. This is what works on most PCs.
 *  - Inputs 16 to 23 of the I/O APIC, where Intel's chipsets have the pins, one after the other: for firmware
 * that has never set up the 8259.
 *
 * A line that someone has already keeps its way: devices that share a wire share that too. intx=8259 and
 * intx=ioapic on the command line leave only the second or the third, for a board on which the first one that
 * seems to work does not go on doing so.
 */
int irq_route_intx(unsigned isa_line, unsigned attempt)
{
    const struct irq_chip *chips[] = {
        ways.ioapic_inputs && !ways.intx && ioapic_isa_is_level(isa_line) ? &ioapic_chip : NULL,
        ways.has_8259 && ways.intx != INTX_IOAPIC ? &pic_chip : NULL,
    };
    bool is_line = isa_line && isa_line < NR_ISA_IRQS && isa_line != CASCADE_LINE;
    bool gsis = ways.ioapic_inputs && ways.intx != INTX_8259;
    for (unsigned i = 0; is_line && i < ARRAY_SIZE(chips); i++) {
        if (!chips[i] || (irq_in_use(isa_line) && irq_chip_of(isa_line) != chips[i]) || attempt--)
            continue;
        if (!irq_in_use(isa_line))
            irq_set_chip(isa_line, chips[i]);
        return (int)isa_line;
    }
    for (unsigned gsi = INTX_GSI_FIRST; gsis && gsi <= INTX_GSI_LAST; gsi++)
        if (ioapic_gsi_is_free(gsi) && !attempt--)
            return (int)gsi;
    return -ENOENT;
}

static enum intx_ways intx_from_cmdline(void)
{
    const char *value = cmdline_get("intx");
    if (value && strcmp(value, "8259") == 0)
        return INTX_8259;
    if (value && strcmp(value, "ioapic") == 0)
        return INTX_IOAPIC;
    if (value)
        pr_warn("command line: intx=%s: write intx=8259 or intx=ioapic, or leave it out", value);
    return INTX_ALL;
}

/* ACPI may say that there is no 8259; without ACPI there is one. */
static bool has_8259(const struct acpi_info *acpi)
{
    return !acpi->has_madt || acpi->has_8259;
}

static void log_ways(const char *why)
{
    if (!ways.has_lapic)
        pr_info("interrupts: 8259 (this CPU has no local APIC that answers, so no messages either)");
    else if (!ways.ioapic_inputs)
        pr_info("interrupts: local APIC%s for messages, 8259 for all else (%s)",
                lapic_is_x2apic() ? " (x2APIC)" : "", why);
    else
        pr_info("interrupts: local APIC%s for messages, I/O APIC with %u inputs for lines%s",
                lapic_is_x2apic() ? " (x2APIC)" : "", ways.ioapic_inputs,
                ways.has_8259 ? ", 8259 where a PCI pin needs it" : "");
}

void interrupts_init(void)
{
    const struct acpi_info *acpi = acpi_info();
    const char *why = "noapic";
    ways.ioapic_inputs = 0;
    pic_init();
    ways.has_8259 = has_8259(acpi);
    ways.intx = intx_from_cmdline();
    ways.has_lapic = lapic_init();
    for (unsigned irq = 0; irq < NR_ISA_IRQS; irq++)
        if (irq != CASCADE_LINE)
            irq_set_chip(irq, &pic_chip);
    if (!cmdline_get("noapic") && ways.has_lapic) {
        ways.ioapic_inputs = ioapic_init(lapic_id());
        why = acpi->nr_ioapics ? "no I/O APIC that can be used" : "ACPI tells of no I/O APIC";
    }
    log_ways(why);
    irq_report_init();
}
