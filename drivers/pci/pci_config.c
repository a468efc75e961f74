/*
 * pci_config.c - the ways to a device's configuration space.
 *
 * The first 256 bytes are reached through two ports (mechanism #1, 3.2.2.3.2), on every PC. PCI Express has
 * 4096 of them, in memory (ECAM; PCI Express 4.0, 7.2.2), where ACPI says; firmware has been wrong about that
 * place. So each device is asked for its identity both ways, and memory serves for what the ports do not
 * reach only.
 */
#include "drivers/pci/pci_config.h"

#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/x86/io.h"

#define PCI_CONFIG_ADDRESS 0x0cf8
#define PCI_CONFIG_DATA    0x0cfc
#define PCI_CONFIG_ENABLE  0x80000000u

#define ECAM_WINDOWS_MAX 4

/* Extended capabilities (PCI Express 4.0, 7.6.3): id, version, and where the next one is. */
#define EXT_CAP_NEXT_SHIFT 20

static struct {
    struct {
        uint64_t base;
        unsigned first_bus, last_bus;
    } window[ECAM_WINDOWS_MAX];
    unsigned nr_windows;
    bool warned;
} ecam;

/* Where the configuration space of one function is reached. */
static uint32_t pci_address(unsigned bus, unsigned slot, unsigned func, unsigned offset)
{
    return PCI_CONFIG_ENABLE | bus << 16 | slot << 11 | func << 8 | (offset & 0xfcu);
}

/* The address register reads back what it was given only where mechanism #1 exists. */
bool pci_is_present(void)
{
    outl(PCI_CONFIG_ADDRESS, PCI_CONFIG_ENABLE);
    return inl(PCI_CONFIG_ADDRESS) == PCI_CONFIG_ENABLE;
}

uint32_t pci_bus_read32(unsigned bus, unsigned slot, unsigned func, unsigned offset)
{
    unsigned long flags = local_irq_save(); /* a line nobody wants is masked in the device, by an interrupt */

    outl(PCI_CONFIG_ADDRESS, pci_address(bus, slot, func, offset));
    uint32_t value = inl(PCI_CONFIG_DATA);
    local_irq_restore(flags);
    return value;
}

uint32_t pci_read_config32(const struct pci_dev *dev, unsigned offset)
{
    if (offset < PCI_CONFIG_SIZE)
        return pci_bus_read32(dev->bus, dev->slot, dev->func, offset);
    return dev->ecam && offset < PCI_ECAM_SIZE ? read_config_memory(dev->ecam + (offset & ~3u)) : UINT32_MAX;
}

uint16_t pci_read_config16(const struct pci_dev *dev, unsigned offset)
{
    return (uint16_t)(pci_read_config32(dev, offset) >> (offset & 2) * 8);
}

uint8_t pci_read_config8(const struct pci_dev *dev, unsigned offset)
{
    return (uint8_t)(pci_read_config32(dev, offset) >> (offset & 3) * 8);
}

void pci_write_config32(const struct pci_dev *dev, unsigned offset, uint32_t value)
{
    if (offset >= PCI_CONFIG_SIZE) {
        if (dev->ecam && offset < PCI_ECAM_SIZE)
            write_config_memory(value, dev->ecam + (offset & ~3u));
        return;
    }
    unsigned long flags = local_irq_save();
    outl(PCI_CONFIG_ADDRESS, pci_address(dev->bus, dev->slot, dev->func, offset));
    outl(PCI_CONFIG_DATA, value);
    local_irq_restore(flags);
}

/* Of that width: the other half may hold status bits that a write of what was read would clear. */
void pci_write_config16(const struct pci_dev *dev, unsigned offset, uint16_t value)
{
    ASSERT(offset < PCI_CONFIG_SIZE);
    outl(PCI_CONFIG_ADDRESS, pci_address(dev->bus, dev->slot, dev->func, offset));
    outw((uint16_t)(PCI_CONFIG_DATA + (offset & 2)), value);
}

void pci_write_config8(const struct pci_dev *dev, unsigned offset, uint8_t value)
{
    ASSERT(offset < PCI_CONFIG_SIZE);
    outl(PCI_CONFIG_ADDRESS, pci_address(dev->bus, dev->slot, dev->func, offset));
    outb((uint16_t)(PCI_CONFIG_DATA + (offset & 3)), value);
}

/* --- configuration space in memory --- */

void pci_ecam_add(uint64_t base, unsigned first_bus, unsigned last_bus)
{
    if (!base || ecam.nr_windows == ECAM_WINDOWS_MAX || first_bus > last_bus || last_bus > UINT8_MAX)
        return;
    ecam.window[ecam.nr_windows].base = base;
    ecam.window[ecam.nr_windows].first_bus = first_bus;
    ecam.window[ecam.nr_windows++].last_bus = last_bus;
}

void pci_ecam_forget(void)
{
    memset(&ecam, 0, sizeof(ecam));
}

static uint64_t ecam_address(const struct pci_dev *dev)
{
    for (unsigned i = 0; i < ecam.nr_windows; i++)
        if (dev->bus >= ecam.window[i].first_bus && dev->bus <= ecam.window[i].last_bus)
            return ecam.window[i].base +
                   ((uint64_t)dev->bus << 20 | (uint64_t)dev->slot << 15 | (uint64_t)dev->func << 12);
    return 0;
}

void pci_ecam_open(struct pci_dev *dev)
{
    uint64_t address = ecam_address(dev);

    if (!address || pci_option("nommconf"))
        return;
    dev->ecam = ioremap(address, PCI_ECAM_SIZE);
    if (!dev->ecam ||
        (read_config_memory(dev->ecam) == pci_read_config32(dev, PCI_VENDOR_ID) &&
         read_config_memory(dev->ecam + PCI_CLASS_REVISION) == pci_read_config32(dev, PCI_CLASS_REVISION)))
        return;
    dev->ecam = NULL;
    if (!ecam.warned)
        pr_warn(
            "pci %02x:%02x.%x: ACPI places its configuration space at 0x%llx, where something else is: using "
            "the ports\n",
            dev->bus, dev->slot, dev->func, (unsigned long long)address);
    ecam.warned = true;
}

/* --- capabilities --- */

unsigned pci_next_capability(const struct pci_dev *dev, unsigned at, unsigned *left)
{
    if (!at && !(pci_read_config16(dev, PCI_STATUS) & PCI_STATUS_CAP_LIST))
        return 0;
    at = pci_read_config8(dev, at ? at + 1 : PCI_CAPABILITY_LIST) & ~3u;
    if (at < PCI_HEADER_END || !*left || pci_read_config8(dev, at) == UINT8_MAX)
        return 0; /* the end, or what cannot be a capability */
    --*left;
    return at;
}

/* What is used of an MSI capability (6.8.1): how long it is depends on what it can. */
static unsigned msi_size(uint16_t control)
{
    if (control & PCI_MSI_MASKABLE)
        return control & PCI_MSI_64BIT ? 20 : 16;
    return control & PCI_MSI_64BIT ? 14 : 10;
}

/* Whether all that is used of it lies in front of the end. Damaged, it may start just there. */
static bool capability_fits(const struct pci_dev *dev, unsigned at, uint8_t id)
{
    unsigned size = 2;

    if (id == PCI_CAP_ID_PM)
        size = 6;
    else if (id == PCI_CAP_ID_MSI)
        size = msi_size(pci_read_config16(dev, at + 2));
    else if (id == PCI_CAP_ID_MSIX || id == PCI_CAP_ID_PCIE)
        size = 12;
    return at + size <= PCI_CONFIG_SIZE;
}

unsigned pci_find_capability(const struct pci_dev *dev, uint8_t id)
{
    unsigned at = 0, left = PCI_CAPABILITIES_MAX;

    while ((at = pci_next_capability(dev, at, &left)))
        if (pci_read_config8(dev, at) == id && capability_fits(dev, at, id))
            return at;
    return 0;
}

unsigned pci_next_ext_capability(const struct pci_dev *dev, unsigned at, unsigned *left)
{
    uint32_t header;

    if (!dev->ecam)
        return 0;
    at = at ? pci_read_config32(dev, at) >> EXT_CAP_NEXT_SHIFT & ~3u : PCI_CONFIG_SIZE;
    if (at < PCI_CONFIG_SIZE || !*left)
        return 0;
    --*left;
    header = pci_read_config32(dev, at);
    return header && header != UINT32_MAX ? at : 0;
}

/* --- command line --- */

/* Whether the word at `at`, up to a comma or the end, is this one. */
static bool word_is(const char *at, const char *word)
{
    size_t len = strlen(word);

    return strncmp(at, word, len) == 0 && (at[len] == ',' || !at[len]);
}

static const char *next_word(const char *at)
{
    at = strchr(at, ',');
    return at ? at + 1 : NULL;
}

bool pci_option(const char *word)
{
    for (const char *at = cmdline_get("pci"); at; at = next_word(at))
        if (word_is(at, word))
            return true;
    return false;
}

void pci_check_options(void)
{
    for (const char *at = cmdline_get("pci"); at; at = next_word(at))
        if (!word_is(at, "nomsi") && !word_is(at, "nommconf"))
            pr_warn("command line: pci=%s: the words are nomsi and nommconf\n", at);
}
