/*
 * pci.c - the PCI bus, before any packet: finds the network card and hands it to its driver.
 *
 * Runs once at boot, in task context. Walks bus 0 and the buses that firmware has numbered behind PCI-to-PCI
 * bridges, in the order of their numbers. BARs are sized only for devices a driver takes (pci_enable_device):
 * switching a device's address decoding off and on makes an emulator rebuild its memory map, and a boot need
 * not pay for that a dozen times.
 */
#include "drivers/pci/pci_config.h"

#include <errno.h>

#include "kernel/log.h"
#include "kernel/report.h"
#include "kernel/slab.h"
#include "kernel/time.h"
#include "kernel/x86/io.h"

/* Base address registers (6.2.5.1). */
#define PCI_BAR_IO           0x1u
#define PCI_BAR_IO_MASK      0x3u
#define PCI_BAR_MEM_TYPE     0x6u
#define PCI_BAR_MEM_64       0x4u
#define PCI_BAR_MEM_PREFETCH 0x8u
#define PCI_BAR_MEM_MASK     0xfu
#define PCI_BAR_ALL_ONES     0xffffffffu

/* Power management (PM 3.2). */
#define PCI_PM_CTRL        4
#define PCI_PM_CTRL_STATE  0x0003 /* 0: D0 */
#define PCI_PM_D3_TO_D0_MS 10     /* PM 5.6.1 */

#define PCI_SLOTS     32
#define PCI_FUNCTIONS 8
#define PCI_BUSES     256

static struct list_head pci_devices = LIST_HEAD_INIT(pci_devices);

/* --- enumeration --- */

/* Reads the identity of a function that is there. NULL without memory. */
static struct pci_dev *pci_add_device(unsigned bus, unsigned slot, unsigned func)
{
    struct pci_dev *dev = kzalloc(sizeof(*dev));
    char text[96];

    if (!dev)
        return NULL;
    dev->bus = (uint8_t)bus;
    dev->slot = (uint8_t)slot;
    dev->func = (uint8_t)func;
    uint32_t id = pci_read_config32(dev, PCI_VENDOR_ID);
    uint32_t class = pci_read_config32(dev, PCI_CLASS_REVISION);
    uint16_t irq = pci_read_config16(dev, PCI_INTERRUPT_LINE);
    dev->vendor = (uint16_t)id;
    dev->device = (uint16_t)(id >> 16);
    dev->class_base = (uint8_t)(class >> 24);
    dev->class_sub = (uint8_t)(class >> 16);
    dev->prog_if = (uint8_t)(class >> 8);
    dev->revision = (uint8_t) class;
    dev->irq_line = (uint8_t)irq;
    dev->irq_pin = (uint8_t)(irq >> 8);
    pci_ecam_open(dev);
    dev->header_type = pci_read_config8(dev, PCI_HEADER_TYPE) & (0xff ^ PCI_HEADER_MULTIFUNCTION);
    if (dev->header_type == PCI_HEADER_TYPE_NORMAL) {
        uint32_t subsystem = pci_read_config32(dev, PCI_SUBSYSTEM_VENDOR);
        dev->subsystem_vendor = (uint16_t)subsystem;
        dev->subsystem_device = (uint16_t)(subsystem >> 16);
    }
    list_add_tail(&dev->list, &pci_devices);
    pr_info("pci %s\n", pci_describe(dev, text, sizeof(text)));
    return dev;
}

/* The buses of one walk. */
struct pci_walk {
    bool known[PCI_BUSES]; /* the root, and those a bridge leads to */
};

/*
 * Bus numbers grow on the way down, and each bus is walked once, so the walk ends whatever firmware has left
 * in the bridges: two that point at each other, or at the same bus.
 */
static void pci_note_behind(const struct pci_dev *bridge, struct pci_walk *walk)
{
    unsigned secondary = pci_read_config8(bridge, PCI_BUS_NUMBERS + 1);

    if (secondary > bridge->bus)
        walk->known[secondary] = true;
    else
        pr_warn("pci %02x:%02x.%x: bridge without a bus number of its own: what is behind it stays unseen\n",
                bridge->bus, bridge->slot, bridge->func);
}

/* Return: 1 for a device that is there, 0, or -ENOMEM. */
static int pci_scan_function(unsigned bus, unsigned slot, unsigned func, struct pci_walk *walk)
{
    struct pci_dev *dev;

    if ((uint16_t)pci_bus_read32(bus, slot, func, PCI_VENDOR_ID) == PCI_VENDOR_NONE)
        return 0;
    dev = pci_add_device(bus, slot, func);
    if (!dev)
        return -ENOMEM;
    if (dev->header_type == PCI_HEADER_TYPE_BRIDGE)
        pci_note_behind(dev, walk);
    return 1;
}

/* Functions 1-7 may be asked only if function 0 says that it is not alone (3.2.2.3.4). */
static int pci_scan_slot(unsigned bus, unsigned slot, struct pci_walk *walk)
{
    uint32_t header = pci_bus_read32(bus, slot, 0, PCI_HEADER_TYPE & ~3u) >> (PCI_HEADER_TYPE & 3) * 8;
    unsigned functions = header & PCI_HEADER_MULTIFUNCTION ? PCI_FUNCTIONS : 1;
    int total = 0;

    if ((uint16_t)pci_bus_read32(bus, slot, 0, PCI_VENDOR_ID) == PCI_VENDOR_NONE)
        return 0;
    for (unsigned func = 0; func < functions; func++) {
        int found = pci_scan_function(bus, slot, func, walk);
        if (found < 0)
            return found;
        total += found;
    }
    return total;
}

static int pci_scan_bus(unsigned bus, struct pci_walk *walk)
{
    int total = 0;

    for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
        int found = pci_scan_slot(bus, slot, walk);
        if (found < 0)
            return found;
        total += found;
    }
    return total;
}

static bool pci_has_network_card(void)
{
    struct pci_dev *dev;

    list_for_each_entry (dev, &pci_devices, list)
        if (dev->class_base == PCI_CLASS_NETWORK && dev->class_sub == PCI_SUBCLASS_ETHERNET)
            return true;
    return false;
}

/*
 * Boards with several roots (a CPU each) have some that no bridge leads to. To ask all 256 buses takes some
 * milliseconds, so it is done where the first root has no network card.
 */
static int pci_scan_all(void)
{
    struct pci_walk walk = {.known[0] = true};
    bool walked[PCI_BUSES] = {false};
    int total = 0;

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned bus = 0; bus < PCI_BUSES; bus++) {
            if (walked[bus] || (round == 0 && !walk.known[bus]))
                continue;
            walked[bus] = true;
            int found = pci_scan_bus(bus, &walk);
            if (found < 0)
                return found;
            total += found;
        }
        if (pci_has_network_card())
            break;
    }
    return total;
}

/* As lspci prints them. */
static void pci_write_report(void (*line)(const char *text, void *ctx), void *ctx)
{
    struct pci_dev *dev;
    char text[160];

    list_for_each_entry (dev, &pci_devices, list)
        line(pci_summary(dev, text, sizeof(text)), ctx);
}

static struct report pci_report = {
    .list = LIST_HEAD_INIT(pci_report.list), .name = "pci", .write = pci_write_report};

int pci_init(void)
{
    int found;

    if (!pci_is_present()) {
        pr_err("pci: this machine has no PCI bus (configuration mechanism #1), so no network card either\n");
        return -ENODEV;
    }
    pci_check_options();
    report_register(&pci_report);
    report_register(&pci_report_verbose);
    found = pci_scan_all();
    if (found < 0)
        pr_err("pci: not enough memory for the list of devices\n");
    return found;
}

void pci_exit(void)
{
    struct pci_dev *dev, *next;

    report_unregister(&pci_report);
    report_unregister(&pci_report_verbose);
    pci_ecam_forget();
    pci_forbid_msi(NULL);
    list_for_each_entry_safe (dev, next, &pci_devices, list) {
        list_del_init(&dev->list);
        kfree(dev);
    }
}

struct pci_dev *pci_next(const struct pci_dev *prev)
{
    const struct list_head *node = prev ? prev->list.next : pci_devices.next;

    return node == &pci_devices ? NULL : list_entry(node, struct pci_dev, list);
}

/* --- drivers --- */

static const struct pci_device_id *pci_match(const struct pci_driver *driver, const struct pci_dev *dev)
{
    for (const struct pci_device_id *id = driver->id_table; id->vendor; id++)
        if (id->vendor == dev->vendor && id->device == dev->device)
            return id;
    return NULL;
}

int pci_register_driver(struct pci_driver *driver, void *ctx)
{
    struct pci_dev *dev;
    int taken = 0;

    list_for_each_entry (dev, &pci_devices, list) {
        const struct pci_device_id *id = dev->driver ? NULL : pci_match(driver, dev);
        if (!id || driver->probe(dev, id, ctx) < 0)
            continue;
        dev->driver = driver;
        taken++;
    }
    return taken;
}

void pci_unregister_driver(struct pci_driver *driver)
{
    struct pci_dev *dev;

    list_for_each_entry (dev, &pci_devices, list) {
        if (dev->driver != driver)
            continue;
        if (driver->remove)
            driver->remove(dev);
        dev->driver = NULL;
        dev->drvdata = NULL;
    }
}

/* --- what a driver does with its device --- */

/* A sleeping device (D3) does not answer on its memory; firmware may have left one so. */
static void pci_power_on(const struct pci_dev *dev)
{
    unsigned pm = pci_find_capability(dev, PCI_CAP_ID_PM);
    uint16_t ctrl;

    if (!pm)
        return;
    ctrl = pci_read_config16(dev, pm + PCI_PM_CTRL);
    if (!(ctrl & PCI_PM_CTRL_STATE))
        return;
    pci_write_config16(dev, pm + PCI_PM_CTRL, ctrl & (uint16_t)~PCI_PM_CTRL_STATE);
    for (int ms = 0; ms < PCI_PM_D3_TO_D0_MS; ms++)
        udelay(1000);
}

/* The bits of a BAR that stay writable tell its size (6.2.5.1). */
static uint32_t pci_probe_bar(const struct pci_dev *dev, unsigned offset, uint32_t value)
{
    uint32_t writable;

    pci_write_config32(dev, offset, PCI_BAR_ALL_ONES);
    writable = pci_read_config32(dev, offset);
    pci_write_config32(dev, offset, value);
    return writable;
}

/* The lowest writable address bit is the size; no bit, no BAR. */
static uint64_t pci_bar_size(uint64_t writable)
{
    return writable & (~writable + 1);
}

static void pci_read_io_bar(struct pci_bar *bar, uint32_t value, uint32_t writable)
{
    bar->io = true;
    bar->base = value & ~PCI_BAR_IO_MASK;
    bar->size = pci_bar_size(writable & ~PCI_BAR_IO_MASK & UINT16_MAX); /* x86 has 64 Ki ports */
}

/* Return: registers this BAR takes, 1 or 2. */
static unsigned pci_read_bar(const struct pci_dev *dev, unsigned n, struct pci_bar *bar)
{
    unsigned offset = PCI_BASE_ADDRESS_0 + 4 * n;
    uint32_t value = pci_read_config32(dev, offset);
    uint32_t writable = pci_probe_bar(dev, offset, value);

    *bar = (struct pci_bar){0};
    if (value & PCI_BAR_IO) {
        pci_read_io_bar(bar, value, writable);
        return 1;
    }
    bar->prefetchable = value & PCI_BAR_MEM_PREFETCH;
    bar->base = value & ~PCI_BAR_MEM_MASK;
    if ((value & PCI_BAR_MEM_TYPE) != PCI_BAR_MEM_64 || n + 1 == PCI_BAR_COUNT) {
        bar->size = pci_bar_size(writable & ~PCI_BAR_MEM_MASK);
        return 1;
    }
    uint32_t high = pci_read_config32(dev, offset + 4);
    bar->is_64bit = true;
    bar->base |= (uint64_t)high << 32;
    bar->size =
        pci_bar_size((writable & ~PCI_BAR_MEM_MASK) | (uint64_t)pci_probe_bar(dev, offset + 4, high) << 32);
    return 2;
}

/* With decoding off: while it is being sized, a BAR points to where something else may live. */
static void pci_read_bars(struct pci_dev *dev)
{
    uint16_t command = pci_read_config16(dev, PCI_COMMAND);

    pci_write_config16(dev, PCI_COMMAND, command & (uint16_t) ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
    for (unsigned n = 0; n < PCI_BAR_COUNT;) {
        unsigned registers = pci_read_bar(dev, n, &dev->bar[n]);
        if (registers == 2)
            dev->bar[n + 1] = (struct pci_bar){0};
        n += registers;
    }
    pci_write_config16(dev, PCI_COMMAND, command);
}

struct pci_dev *pci_bridge_above(const struct pci_dev *dev)
{
    struct pci_dev *bridge;

    list_for_each_entry (bridge, &pci_devices, list)
        if (bridge->header_type == PCI_HEADER_TYPE_BRIDGE && bridge->bus < dev->bus &&
            pci_read_config8(bridge, PCI_BUS_NUMBERS + 1) == dev->bus)
            return bridge;
    return NULL;
}

/* UEFI firmware opens the way to those devices only that it has used itself. */
static void pci_enable_bridges(const struct pci_dev *dev)
{
    const uint16_t open = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

    while ((dev = pci_bridge_above(dev))) {
        uint16_t command = pci_read_config16(dev, PCI_COMMAND);
        if ((command & open) != open)
            pci_write_config16(dev, PCI_COMMAND, command | open);
    }
}

int pci_enable_device(struct pci_dev *dev)
{
    uint16_t command, decode = 0;

    if (dev->header_type != PCI_HEADER_TYPE_NORMAL)
        return -ENODEV;
    pci_enable_bridges(dev);
    pci_power_on(dev);
    if (!dev->enabled)
        pci_read_bars(dev);
    for (unsigned n = 0; n < PCI_BAR_COUNT; n++)
        if (dev->bar[n].size && dev->bar[n].base)
            decode |= dev->bar[n].io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    if (!decode)
        return -ENODEV;
    command = pci_read_config16(dev, PCI_COMMAND);
    pci_write_config16(dev, PCI_COMMAND, (command | decode) & (uint16_t)~PCI_COMMAND_INTX_DISABLE);
    pci_messages_off(dev);
    dev->enabled = true;
    return 0;
}

void pci_set_master(struct pci_dev *dev)
{
    pci_write_config16(dev, PCI_COMMAND, pci_read_config16(dev, PCI_COMMAND) | PCI_COMMAND_MASTER);
}

void pci_clear_master(struct pci_dev *dev)
{
    pci_write_config16(dev, PCI_COMMAND, pci_read_config16(dev, PCI_COMMAND) & (uint16_t)~PCI_COMMAND_MASTER);
}

volatile void *pci_ioremap_bar(const struct pci_dev *dev, unsigned n)
{
    const struct pci_bar *bar = &dev->bar[n];

    if (n >= PCI_BAR_COUNT || bar->io || !bar->size || !bar->base)
        return NULL;
    return ioremap(bar->base, (size_t)bar->size);
}
