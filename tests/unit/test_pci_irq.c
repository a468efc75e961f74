/*
 * test_pci_irq.c - a device's interrupts and its PCI Express side, on models: what the driver writes into the
 * configuration space and the MSI-X table, and what it leaves alone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers/pci/pci.h"
#include "drivers/pci/pci_config.h"
#include "drivers/pci/pcie.h"
#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/report.h"
#include "tests/host/host.h"
#include "tests/host/pci_model.h"
#include "tests/unit/test.h"

#define COMMAND      0x04
#define INTX_OFF     0x0400
#define STATUS       0x06
#define CAPABILITIES 0x34
#define LINE         0x3c

/* Where the models' capabilities are. */
#define PM   0xc8
#define MSI  0xd0
#define PCIE 0x60
#define MSIX 0xa0

#define TABLE_ENTRIES 5
#define TABLE_OFFSET  0x2000
#define ECAM          0xb0000000u

static struct pci_model_device card, bridge;
static uint32_t table[TABLE_ENTRIES * 4];
static unsigned stray_writes;

static uint32_t mmio_read(void *ctx, uint32_t offset)
{
    return offset - TABLE_OFFSET < sizeof(table) ? table[(offset - TABLE_OFFSET) / 4] : 0;
}

static void mmio_write(void *ctx, uint32_t offset, uint32_t value)
{
    if (offset - TABLE_OFFSET < sizeof(table))
        table[(offset - TABLE_OFFSET) / 4] = value;
    else
        stray_writes++;
}

/* Appends a capability to the list of `dev`. */
static void add_capability(struct pci_model_device *dev, uint8_t at, uint8_t id)
{
    dev->config[at] = id;
    dev->config[at + 1] = dev->config[CAPABILITIES];
    dev->config[CAPABILITIES] = at;
    pci_model_set16(dev, STATUS, 0x0010);
}

static int setup(void **state)
{
    cmdline_init("");
    memset(table, 0xff, sizeof(table));
    stray_writes = 0;
    card = (struct pci_model_device){.mmio_read = mmio_read, .mmio_write = mmio_write, .mmio_size = 0x4000};
    pci_model_init(&card, 0, 3, 0, 0x8086, 0x10d3, 0x020000);
    card.bar_writable[0] = 0xffffc000;
    pci_model_set32(&card, 0x10, 0xfebc0000);
    card.config[LINE] = 11;
    card.config[LINE + 1] = 1;
    add_capability(&card, PM, 0x01);
    pci_model_add(&card);
    return 0;
}

static struct pci_dev *find(uint16_t device)
{
    for (struct pci_dev *dev = pci_next(NULL); dev; dev = pci_next(dev))
        if (dev->device == device)
            return dev;
    return NULL;
}

static int teardown(void **state)
{
    if (find(0x10d3))
        pci_free_irq(find(0x10d3));
    pci_exit();
    pci_model_remove(&card);
    pci_model_remove(&bridge);
    pci_model_set_ecam(0, false);
    host_fail_msi(0);
    host_set_intx_ways(1);
    assert_int_equal(stray_writes, 0);
    assert_int_equal(host_msis_alive(), 0);
    return 0;
}

static void add_msi(uint16_t control)
{
    add_capability(&card, MSI, 0x05);
    pci_model_set16(&card, MSI + 2, control);
}

static void add_msix(void)
{
    add_capability(&card, MSIX, 0x11);
    pci_model_set16(&card, MSIX + 2, TABLE_ENTRIES - 1);
    pci_model_set32(&card, MSIX + 4, TABLE_OFFSET | 0); /* in BAR 0 */
}

static void add_pcie(struct pci_model_device *dev, uint32_t device_cap)
{
    add_capability(dev, PCIE, 0x10);
    pci_model_set32(dev, PCIE + 4, device_cap);
}

static struct pci_dev *enabled(void)
{
    assert_true(pci_init() >= 1);
    struct pci_dev *dev = find(0x10d3);
    assert_non_null(dev);
    assert_int_equal(pci_enable_device(dev), 0);
    return dev;
}

static void pin_is(bool on)
{
    assert_int_equal(pci_model_get16(&card, COMMAND) & INTX_OFF, on ? 0 : INTX_OFF);
}

/* Since the last time it was asked. */
static bool was_logged(const char *what)
{
    static uint64_t pos;
    enum log_level level;
    bool found = false;
    char line[256];

    while (log_read(&pos, &level, line, sizeof(line)) >= 0)
        found |= strstr(line, what) != NULL;
    return found;
}

/* --- messages --- */

TEST("MSI-X is preferred: entry 0 of its table is written and open, all others stay masked")
{
    add_msi(0x0080);
    add_msix();
    struct pci_dev *dev = enabled();
    assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_ALL_TYPES), 0);
    assert_int_equal(dev->irq_type, PCI_IRQ_MSIX);
    assert_int_equal(table[0], HOST_MSI_ADDRESS);
    assert_int_equal(table[1], 0);
    assert_int_equal(table[2], 0x4000);
    assert_int_equal(table[3], 0);
    for (unsigned i = 1; i < TABLE_ENTRIES; i++)
        assert_int_equal(table[4 * i + 3], 1);
    assert_int_equal(pci_model_get16(&card, MSIX + 2), 0x8000 | (TABLE_ENTRIES - 1));
    assert_int_equal(pci_model_get16(&card, MSI + 2), 0x0080);
    pin_is(false);
    pci_free_irq(dev);
    assert_int_equal(pci_model_get16(&card, MSIX + 2), TABLE_ENTRIES - 1);
}

TEST("a driver that cannot deal with MSI-X gets MSI with a 64-bit address and one message")
{
    add_msix();
    add_msi(0x01aa); /* 64 bits, maskable, 32 messages possible and in use by firmware */
    pci_model_set32(&card, MSI + 16, 0xffffffff);
    struct pci_dev *dev = enabled();
    assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_MSI | PCI_IRQ_INTX), 0);
    assert_int_equal(dev->irq_type, PCI_IRQ_MSI);
    assert_int_equal(pci_model_get32(&card, MSI + 4), HOST_MSI_ADDRESS);
    assert_int_equal(pci_model_get32(&card, MSI + 8), 0);
    assert_int_equal(pci_model_get16(&card, MSI + 12), 0x4000);
    assert_int_equal(pci_model_get32(&card, MSI + 16), 0);
    assert_int_equal(pci_model_get16(&card, MSI + 2), 0x018b);
    pin_is(false);
    assert_string_equal(pci_irq_type_name(dev), "MSI");
}

TEST("MSI with a 32-bit address has its data and mask four bytes earlier")
{
    add_msi(0x0100);
    struct pci_dev *dev = enabled();
    assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_ALL_TYPES), 0);
    assert_int_equal(pci_model_get32(&card, MSI + 4), HOST_MSI_ADDRESS);
    assert_int_equal(pci_model_get16(&card, MSI + 8), 0x4000);
    host_mask_msi(dev->irq, true);
    assert_int_equal(pci_model_get32(&card, MSI + 12), 1);
    host_mask_msi(dev->irq, false);
    assert_int_equal(pci_model_get32(&card, MSI + 12), 0);
}

TEST("MSI-X is held back for the function as a whole, MSI without a mask by being switched off")
{
    add_msix();
    struct pci_dev *dev = enabled();
    assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_ALL_TYPES), 0);
    host_mask_msi(dev->irq, true);
    assert_int_equal(pci_model_get16(&card, MSIX + 2) & 0xc000, 0xc000);
    host_mask_msi(dev->irq, false);
    assert_int_equal(pci_model_get16(&card, MSIX + 2) & 0xc000, 0x8000);
    pci_free_irq(dev);
    pci_exit();
    card.config[CAPABILITIES] = 0;
    add_msi(0x0080);
    dev = enabled();
    assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_MSI), 0);
    host_mask_msi(dev->irq, true);
    assert_int_equal(pci_model_get16(&card, MSI + 2) & 1, 0);
    pin_is(false); /* which does not bring it back as a level */
    host_mask_msi(dev->irq, false);
    assert_int_equal(pci_model_get16(&card, MSI + 2) & 1, 1);
}

static enum irqreturn not_mine(unsigned irq, void *arg)
{
    return IRQ_NONE;
}

TEST("a device whose line nobody has any more is held back, and let through for the next who takes it")
{
    add_msi(0x0180);
    struct pci_dev *dev = enabled();
    assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_ALL_TYPES), 0);
    assert_int_equal(request_irq(dev->irq, not_mine, "test", dev), 0);
    assert_int_equal(pci_model_get32(&card, MSI + 16), 0);
    free_irq(dev->irq, dev);
    assert_int_equal(pci_model_get32(&card, MSI + 16), 1);
    assert_int_equal(request_irq(dev->irq, not_mine, "test", dev), 0);
    assert_int_equal(pci_model_get32(&card, MSI + 16), 0);
    free_irq(dev->irq, dev);
}

TEST("from MSI-X over MSI to each way of the pin, and then there is none")
{
    add_msi(0x0080);
    add_msix();
    host_set_intx_ways(3);
    struct pci_dev *dev = enabled();
    static const unsigned types[] = {PCI_IRQ_MSIX, PCI_IRQ_MSI, PCI_IRQ_INTX, PCI_IRQ_INTX, PCI_IRQ_INTX};
    static const unsigned lines[] = {24, 24, 11, 16, 17};
    int err = pci_alloc_irq(dev, PCI_IRQ_ALL_TYPES);
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        assert_int_equal(err, 0);
        assert_int_equal(dev->irq_type, types[i]);
        assert_int_equal(dev->irq, lines[i]);
        pin_is(types[i] == PCI_IRQ_INTX);
        assert_int_equal(pci_model_get16(&card, MSIX + 2) & 0x8000, types[i] == PCI_IRQ_MSIX ? 0x8000 : 0);
        assert_int_equal(pci_model_get16(&card, MSI + 2) & 1, types[i] == PCI_IRQ_MSI);
        err = pci_next_irq(dev);
    }
    assert_int_equal(err, -ENOENT);
    assert_int_equal(dev->irq_type, 0);
    pin_is(false);
    assert_int_equal(pci_next_irq(dev), -ENOENT);
    assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_ALL_TYPES), 0); /* from the start again */
    assert_int_equal(dev->irq_type, PCI_IRQ_MSIX);
}

TEST("pci=nomsi, ACPI's word and a lack of lines each leave the pin")
{
    add_msi(0x0080);
    add_msix();
    for (unsigned i = 0; i < 3; i++) {
        cmdline_init(i == 0 ? "pci=nommconf,nomsi" : "");
        host_fail_msi(i == 1 ? -ENOSPC : 0);
        if (i == 2)
            pci_forbid_msi("ACPI");
        struct pci_dev *dev = enabled();
        assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_ALL_TYPES), 0);
        assert_int_equal(dev->irq_type, PCI_IRQ_INTX);
        assert_int_equal(dev->irq, 11);
        pin_is(true);
        pci_exit();
    }
}

TEST("a word behind pci= that nobody knows is told")
{
    was_logged("");
    cmdline_init("pci=nomsi,biosirq");
    enabled();
    assert_true(was_logged("pci=biosirq: the words are nomsi and nommconf"));
}

TEST("an MSI-X table that does not lie in the device's memory is not touched")
{
    static const uint32_t places[] = {0x3fc0 | 0, TABLE_OFFSET | 2, TABLE_OFFSET | 7, 0xfffffff0u};
    add_msix();
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        pci_model_set32(&card, MSIX + 4, places[i]);
        struct pci_dev *dev = enabled();
        assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_ALL_TYPES), 0);
        assert_int_equal(dev->irq_type, PCI_IRQ_INTX);
        pci_exit();
    }
    assert_int_equal(table[0], 0xffffffff);
}

TEST("messages that firmware's driver has left on are off once the device is enabled")
{
    add_msi(0x0081);
    add_msix();
    pci_model_set16(&card, MSIX + 2, 0x8000 | (TABLE_ENTRIES - 1));
    enabled();
    assert_int_equal(pci_model_get16(&card, MSI + 2), 0x0080);
    assert_int_equal(pci_model_get16(&card, MSIX + 2), TABLE_ENTRIES - 1);
    pin_is(true);
}

TEST("a device without a pin and without messages has no interrupt")
{
    card.config[LINE + 1] = 0;
    struct pci_dev *dev = enabled();
    assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_ALL_TYPES), -ENOENT);
    assert_string_equal(pci_irq_type_name(dev), "none");
    pci_free_irq(dev);
}

/* --- PCI Express --- */

static unsigned find_ext(const struct pci_dev *dev, uint16_t id)
{
    unsigned at = 0, left = PCI_EXT_CAPABILITIES_MAX;
    while ((at = pci_next_ext_capability(dev, at, &left)) && pci_read_config16(dev, at) != id)
        ;
    return at;
}

TEST("extended configuration space is read in memory where both ways agree")
{
    card.extended[0] = 0x14810001; /* error reporting, the next at 0x148 */
    card.extended[(0x148 - 0x100) / 4] = 0x00010018;
    pci_model_set_ecam(ECAM, false);
    pci_ecam_add(ECAM, 0, 255);
    struct pci_dev *dev = enabled();
    assert_int_equal(find_ext(dev, 0x0001), 0x100);
    assert_int_equal(find_ext(dev, 0x0018), 0x148);
    assert_int_equal(find_ext(dev, 0x0003), 0);
    pci_write_config32(dev, 0x14c, 0x1234);
    assert_int_equal(card.extended[(0x14c - 0x100) / 4], 0x1234);
    assert_int_equal(pci_read_config16(dev, 0x14c), 0x1234);
    assert_int_equal(pci_read_config32(dev, 0x1000), 0xffffffff);
}

TEST(
    "configuration space in memory is not used where ACPI says nothing, pci=nommconf stands or something else is")
{
    for (unsigned i = 0; i < 4; i++) {
        cmdline_init(i == 1 ? "pci=nommconf" : "");
        pci_model_set_ecam(ECAM, i == 2);
        if (i)
            pci_ecam_add(ECAM, i == 3 ? 1 : 0, 255); /* and not of bus 0 */
        struct pci_dev *dev = enabled();
        assert_int_equal(find_ext(dev, 0x0001), 0);
        assert_int_equal(pci_read_config32(dev, 0x100), 0xffffffff);
        pci_write_config32(dev, 0x100, 1);
        assert_int_equal(was_logged("something else"), i == 2);
        pci_exit();
        assert_int_equal(card.extended[0], 0);
    }
}

TEST("a list of extended capabilities that runs in a circle or nowhere ends")
{
    pci_model_set_ecam(ECAM, false);
    pci_ecam_add(ECAM, 0, 255);
    card.extended[0] = 0x10010001; /* to itself */
    struct pci_dev *dev = enabled();
    assert_int_equal(find_ext(dev, 0x0018), 0);
    card.extended[0] = 0x00410001; /* into the first 256 bytes */
    assert_int_equal(find_ext(dev, 0x0018), 0);
    card.extended[0] = 0xffc10001; /* to the last word, which is empty */
    assert_int_equal(find_ext(dev, 0x0018), 0);
    card.extended[0] = 0xffffffff;
    assert_int_equal(find_ext(dev, 0xffff), 0);
}

static void plug_bridge(void)
{
    bridge = (struct pci_model_device){0};
    pci_model_init(&bridge, 0, 28, 0, 0x8086, 0x8c10, 0x060400);
    bridge.config[0x0e] = 1;
    bridge.config[0x19] = bridge.config[0x1a] = 2;
    add_pcie(&bridge, 0);
    pci_model_set16(&bridge, PCIE + 0x10, 0x0043);
    pci_model_add(&bridge);
    card.bus = 2;
}

TEST("switching ASPM off does so at both ends of the link and leaves the rest of link control")
{
    add_pcie(&card, 0);
    pci_model_set16(&card, PCIE + 0x10, 0x0143);
    plug_bridge();
    pcie_disable_aspm(enabled(), PCIE_ASPM_L0S | PCIE_ASPM_L1);
    assert_int_equal(pci_model_get16(&card, PCIE + 0x10), 0x0140);
    assert_int_equal(pci_model_get16(&bridge, PCIE + 0x10), 0x0040);
}

TEST("a capability that the end of configuration space cuts off is none, wherever it starts")
{
    static const uint8_t ids[] = {0x01, 0x05, 0x10, 0x11};

    for (unsigned i = 0; i < sizeof(ids) * 16; i++) {
        uint8_t at = (uint8_t)(0xc0 + i % 16 * 4), id = ids[i / 16];
        struct pci_dev *dev;

        card.config[CAPABILITIES] = 0;
        add_capability(&card, at, id);
        if (id == 0x05)
            pci_model_set16(&card, at + 2u, 0x0180);
        if (id == 0x11 && at + 8 <= 0x100)
            pci_model_set32(&card, at + 4u, TABLE_OFFSET);
        dev = enabled();
        pcie_disable_aspm(dev, PCIE_ASPM_L0S | PCIE_ASPM_L1);
        pci_stop_master(dev);
        assert_int_equal(pci_alloc_irq(dev, PCI_IRQ_MSI | PCI_IRQ_MSIX | PCI_IRQ_INTX), 0);
        assert_int_equal(dev->irq_type, id == 0x05 && at + 20 <= 0x100   ? PCI_IRQ_MSI
                                        : id == 0x11 && at + 12 <= 0x100 ? PCI_IRQ_MSIX
                                                                         : PCI_IRQ_INTX);
        host_mask_msi(dev->irq, true);
        pci_free_irq(dev);
        pci_exit();
        memset(card.config + 0x40, 0, sizeof(card.config) - 0x40);
    }
}

TEST("enabling a device opens the way through the bridges above it, and through no other")
{
    static struct pci_model_device other;

    plug_bridge();
    other = (struct pci_model_device){0};
    pci_model_init(&other, 0, 29, 0, 0x8086, 0x8c12, 0x060400);
    other.config[0x0e] = 1;
    other.config[0x19] = other.config[0x1a] = 3;
    pci_model_add(&other);
    enabled();
    assert_int_equal(pci_model_get16(&bridge, COMMAND), 0x0007);
    assert_int_equal(pci_model_get16(&other, COMMAND), 0);
    pci_model_remove(&other);
}

TEST("DMA is over when the device says that nothing is under way, and waiting for that ends")
{
    add_pcie(&card, 0);
    struct pci_dev *dev = enabled();
    pci_set_master(dev);
    assert_true(pci_stop_master(dev));
    assert_false(pci_model_is_master(&card));
    pci_model_set16(&card, PCIE + 0x0a, 0x0020);
    assert_false(pci_stop_master(dev));
}

TEST("a function-level reset gives the device back its addresses and its command register")
{
    add_pcie(&card, 1u << 28);
    card.flr_works = true;
    struct pci_dev *dev = enabled();
    pci_set_master(dev);
    uint64_t before = host_now_ns();
    assert_int_equal(pci_reset_function(dev), 0);
    assert_true(host_now_ns() - before >= 100000000);
    assert_int_equal(pci_model_get32(&card, 0x10), 0xfebc0000);
    assert_int_equal(pci_model_get16(&card, COMMAND), 0x0006);
}

TEST("a device without function-level reset is not reset")
{
    struct pci_dev *dev = enabled();
    assert_int_equal(pci_reset_function(dev), -EOPNOTSUPP);
    pci_exit();
    add_pcie(&card, 0);
    assert_int_equal(pci_reset_function(enabled()), -EOPNOTSUPP);
}

/* --- the walk, and lspci -v --- */

TEST("a card on a bus that no bridge leads to is found if there is no other")
{
    card.bus = 0x40;
    assert_int_equal(pci_init(), 1);
    assert_int_equal(find(0x10d3)->bus, 0x40);
}

static char shown[2048];

static void show(const char *text, void *ctx)
{
    strcat(strcat(shown, text), "\n");
}

TEST("lspci -v tells memory, interrupt and capabilities")
{
    shown[0] = 0;
    add_msi(0x0080);
    card.extended[0] = 0x00010001;
    pci_model_set_ecam(ECAM, false);
    pci_ecam_add(ECAM, 0, 255);
    assert_int_equal(pci_alloc_irq(enabled(), PCI_IRQ_ALL_TYPES), 0);
    report_find("pci-verbose")->write(show, NULL);
    assert_non_null(strstr(shown, "[8086:10d3]"));
    assert_non_null(strstr(shown, "Interrupt: pin A, line 11, irq 24 by MSI\n"));
    assert_non_null(strstr(shown, "Memory at febc0000 [size 16384]\n"));
    assert_non_null(strstr(shown, "Capabilities: [d0] MSI (05)\n"));
    assert_non_null(strstr(shown, "Capabilities: [c8] Power Management (01)\n"));
    assert_non_null(strstr(shown, "Capabilities: [100] extended (0001)\n"));
}

TEST_FIXTURE(setup, teardown)
