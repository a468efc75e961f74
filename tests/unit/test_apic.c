/*
 * test_apic.c - which way interrupts go: kernel/x86/apic.c and ioapic.c on models of I/O APICs, with ACPI's
 * word for it.
 */
/* links: kernel/x86/apic.c kernel/x86/ioapic.c */
#include <errno.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/x86/acpi.h"
#include "kernel/x86/irq_chip.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/machine.h"
#include "tests/host/host.h"
#include "tests/host/pci_model.h"
#include "tests/unit/test.h"

#define VECTOR(irq) (48 + (irq))
#define LOW_LEVEL   0xa000
#define LEVEL       0x8000
#define MASKED      0x10000

/* --- the board --- */

struct model {
    struct pci_model_device memory;
    uint32_t index, version, redirection[2 * 32];
    bool forgets; /* what is written is not kept */
};

static struct model model[2];
static struct acpi_info acpi;
static const struct irq_chip *chips[NR_IRQS];
static bool used[NR_IRQS];
static bool has_lapic;
static uint32_t id;

static uint32_t model_read(void *ctx, uint32_t offset)
{
    struct model *m = ctx;
    if (offset == 0)
        return m->index;
    if (m->index == 1)
        return m->version;
    return m->index >= 0x10 && m->index < 0x50 ? m->redirection[m->index - 0x10] : 0;
}

static void model_write(void *ctx, uint32_t offset, uint32_t value)
{
    struct model *m = ctx;
    if (offset == 0)
        m->index = value;
    else if (!m->forgets && m->index >= 0x10 && m->index < 0x50)
        m->redirection[m->index - 0x10] = value;
}

const struct acpi_info *acpi_info(void)
{
    return &acpi;
}

void pic_init(void)
{
}

static void pic_nothing(unsigned irq)
{
}

const struct irq_chip pic_chip = {"8259", pic_nothing, pic_nothing, pic_nothing};

bool lapic_init(void)
{
    return has_lapic;
}

bool lapic_is_x2apic(void)
{
    return false;
}

uint32_t lapic_id(void)
{
    return id;
}

void lapic_eoi(void)
{
}

void irq_set_chip(unsigned irq, const struct irq_chip *chip)
{
    assert_false(used[irq]);
    chips[irq] = chip;
}

const struct irq_chip *irq_chip_of(unsigned irq)
{
    return chips[irq];
}

bool irq_in_use(unsigned irq)
{
    return used[irq];
}

void irq_report_init(void)
{
}

static void add_ioapic(unsigned n, unsigned inputs)
{
    struct model *m = &model[n];
    *m = (struct model){.version = (inputs - 1) << 16 | 0x20};
    m->memory.mmio_read = model_read;
    m->memory.mmio_write = model_write;
    m->memory.mmio_size = 4096;
    m->memory.ctx = m;
    pci_model_init(&m->memory, 0xff, n, 0, 0x8086, 0x0001, 0);
    pci_model_set32(&m->memory, 0x10, 0xfec00000 + n * 0x1000);
    pci_model_set16(&m->memory, 0x04, 2);
    pci_model_add(&m->memory);
    acpi.ioapics[n] =
        (struct acpi_ioapic){.id = (uint8_t)n, .gsi_base = n * 24, .address = 0xfec00000 + n * 0x1000};
    acpi.nr_ioapics = n + 1;
}

static void add_override(uint8_t irq, uint32_t gsi, bool level, bool low)
{
    acpi.overrides[acpi.nr_overrides++] =
        (struct acpi_override){.irq = irq, .gsi = gsi, .level = level, .active_low = low};
}

static int setup(void **state)
{
    cmdline_init("");
    memset(chips, 0, sizeof(chips));
    memset(used, 0, sizeof(used));
    has_lapic = true;
    id = 3;
    acpi = (struct acpi_info){.present = true, .has_madt = true, .has_8259 = true};
    add_ioapic(0, 24);
    add_override(0, 2, false, false);
    return 0;
}

static int teardown(void **state)
{
    for (unsigned n = 0; n < ARRAY_SIZE(model); n++)
        pci_model_remove(&model[n].memory);
    return 0;
}

static uint32_t low(unsigned gsi)
{
    return model[gsi / 24].redirection[2 * (gsi % 24)];
}

static uint32_t high(unsigned gsi)
{
    return model[gsi / 24].redirection[2 * (gsi % 24) + 1];
}

/* --- lines --- */

TEST("every ISA interrupt and every other input of the I/O APIC becomes a line, and all are masked")
{
    interrupts_init();
    for (unsigned irq = 0; irq < NR_IRQS; irq++)
        assert_ptr_equal(chips[irq], irq == 2 || irq > 23 ? NULL : &ioapic_chip);
    for (unsigned gsi = 0; gsi < 24; gsi++)
        assert_int_equal(low(gsi) & MASKED, MASKED);
}

TEST("firmware's own management interrupts stay as they are")
{
    model[0].redirection[2 * 20] = 0x0200;
    interrupts_init();
    assert_int_equal(low(20), 0x0200);
}

TEST("an ISA interrupt is an edge at the input of its number, a PCI one a low level; both go to this CPU")
{
    interrupts_init();
    chips[4]->unmask(4);
    assert_int_equal(low(4), VECTOR(4));
    assert_int_equal(high(4), 3u << 24);
    chips[17]->unmask(17);
    assert_int_equal(low(17), LOW_LEVEL | VECTOR(17));
    chips[17]->mask(17);
    assert_int_equal(low(17), MASKED | LOW_LEVEL | VECTOR(17));
}

TEST("overrides move an interrupt and say how it is signalled; the input moved to is no line of its own")
{
    add_override(9, 20, true, true);
    add_override(10, 10, true, false);
    interrupts_init();
    chips[0]->unmask(0);
    assert_int_equal(low(2), VECTOR(0));
    chips[9]->unmask(9);
    assert_int_equal(low(20), LOW_LEVEL | VECTOR(9));
    chips[10]->unmask(10);
    assert_int_equal(low(10), LEVEL | VECTOR(10));
    assert_null(chips[20]);
    assert_int_equal(low(9) & MASKED, MASKED);
}

/* ACPI 6.5, 4.8.1.1 */
TEST("ACPI's own interrupt is a low level without an override")
{
    acpi.has_fadt = true;
    acpi.sci_irq = 9;
    interrupts_init();
    chips[9]->unmask(9);
    assert_int_equal(low(9), LOW_LEVEL | VECTOR(9));
}

TEST("a second I/O APIC goes on where the first one ends")
{
    add_ioapic(1, 32);
    interrupts_init();
    assert_ptr_equal(chips[55], &ioapic_chip);
    assert_null(chips[56]);
    chips[24]->unmask(24);
    assert_int_equal(low(24), LOW_LEVEL | VECTOR(24));
}

/* --- boards that are different --- */

static void all_by_8259(void)
{
    for (unsigned irq = 0; irq < NR_IRQS; irq++)
        assert_ptr_equal(chips[irq], irq == 2 || irq > 15 ? NULL : &pic_chip);
}

TEST(
    "the 8259 is used with noapic, without an I/O APIC, without a local one, and if the I/O APIC does not answer")
{
    for (unsigned i = 0; i < 6; i++) {
        memset(chips, 0, sizeof(chips));
        cmdline_init(i == 0 ? "noapic" : "");
        acpi.nr_ioapics = i != 1;
        has_lapic = i != 2;
        model[0].forgets = i == 3;
        model[0].version = i == 4 ? UINT32_MAX : 23u << 16;
        id = i == 5 ? 300 : 3; /* beyond what a redirection entry can name */
        interrupts_init();
        all_by_8259();
    }
}

TEST("an I/O APIC that claims the inputs of another, or only the later ones, is not used")
{
    add_ioapic(1, 24);
    acpi.ioapics[1].gsi_base = 10;
    interrupts_init();
    assert_null(chips[24]);
    assert_ptr_equal(chips[23], &ioapic_chip);
    memset(chips, 0, sizeof(chips));
    acpi.ioapics[0].gsi_base = 24;
    acpi.nr_ioapics = 1;
    interrupts_init();
    all_by_8259();
}

/* --- where a PCI pin comes out --- */

TEST("a pin is tried at the 8259, then at inputs 16 to 23")
{
    interrupts_init();
    assert_int_equal(irq_route_intx(11, 0), 11);
    assert_ptr_equal(chips[11], &pic_chip);
    for (unsigned n = 0; n < 8; n++)
        assert_int_equal(irq_route_intx(11, 1 + n), 16 + n);
    assert_int_equal(irq_route_intx(11, 9), -ENOENT);
}

TEST("where an override calls the ISA interrupt a level, its input is tried first")
{
    add_override(11, 11, true, false);
    interrupts_init();
    assert_int_equal(irq_route_intx(11, 0), 11);
    assert_ptr_equal(chips[11], &ioapic_chip);
    assert_int_equal(irq_route_intx(11, 1), 11);
    assert_ptr_equal(chips[11], &pic_chip);
    assert_int_equal(irq_route_intx(11, 2), 16);
}

TEST("a line that another device has already keeps its way")
{
    add_override(11, 11, true, false);
    interrupts_init();
    assert_int_equal(irq_route_intx(11, 0), 11);
    used[11] = true;
    assert_int_equal(irq_route_intx(11, 0), 11);
    assert_int_equal(irq_route_intx(11, 1), 16);
    assert_ptr_equal(chips[11], &ioapic_chip);
}

TEST("a pin without a line is looked for at inputs 16 to 23 only; without an I/O APIC there is nothing")
{
    static const unsigned none[] = {0, 2, 16, 0xff};
    interrupts_init();
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        assert_int_equal(irq_route_intx(none[i], 0), 16);
    cmdline_init("noapic");
    interrupts_init();
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        assert_int_equal(irq_route_intx(none[i], 0), -ENOENT);
    assert_int_equal(irq_route_intx(11, 0), 11);
    assert_int_equal(irq_route_intx(11, 1), -ENOENT);
}

TEST("the command line can leave only one way for the pins; another word is warned about")
{
    add_override(11, 11, true, false);
    cmdline_init("intx=8259");
    interrupts_init();
    assert_int_equal(irq_route_intx(11, 0), 11);
    assert_ptr_equal(chips[11], &pic_chip);
    assert_int_equal(irq_route_intx(11, 1), -ENOENT);
    cmdline_init("intx=ioapic");
    interrupts_init();
    assert_int_equal(irq_route_intx(11, 0), 16);
    assert_int_equal(irq_route_intx(11, 8), -ENOENT);
    cmdline_init("intx=apic");
    interrupts_init();
    assert_int_equal(irq_route_intx(11, 0), 11);
    assert_ptr_equal(chips[11], &ioapic_chip);
}

TEST("a board without an 8259 is not asked for it")
{
    acpi.has_8259 = false;
    interrupts_init();
    assert_int_equal(irq_route_intx(11, 0), 16);
}

/* --- messages: Intel SDM volume 3, 10.11 --- */

static bool held_back;

static void set_masked(struct msi_source *self, bool masked)
{
    held_back = masked;
}

static struct msi_source source = {.set_masked = set_masked}, another = {.set_masked = NULL};

TEST("a line of messages is masked where they come from: in its device, and in no other")
{
    struct msi_msg msg;
    interrupts_init();
    int irq = irq_alloc_msi(&msg, &source);
    assert_true(irq >= 0 && irq_alloc_msi(&msg, &another) >= 0);
    chips[irq]->mask((unsigned)irq);
    assert_true(held_back);
    chips[irq]->unmask((unsigned)irq);
    assert_false(held_back);
}

TEST("a message names this CPU and the line's vector, and lines come to an end and back")
{
    struct msi_msg msg;
    interrupts_init();
    for (unsigned irq = IRQ_MSI_FIRST; irq < NR_IRQS; irq++) {
        assert_int_equal(irq_alloc_msi(&msg, &source), irq);
        assert_int_equal(msg.address, 0xfee03000);
        assert_int_equal(msg.data, VECTOR(irq));
    }
    assert_int_equal(irq_alloc_msi(&msg, &source), -ENOSPC);
    irq_free_msi(IRQ_MSI_FIRST + 5);
    assert_int_equal(irq_alloc_msi(&msg, &source), IRQ_MSI_FIRST + 5);
}

TEST("without a local APIC, or with one that a message cannot name, there are no messages")
{
    struct msi_msg msg;
    has_lapic = false;
    interrupts_init();
    assert_int_equal(irq_alloc_msi(&msg, &source), -ENODEV);
    has_lapic = true;
    id = 300;
    interrupts_init();
    assert_int_equal(irq_alloc_msi(&msg, &source), -ENODEV);
}

TEST_FIXTURE(setup, teardown)
