/*
 * pci_model.c - ports and memory of the hosted machine, as far as PCI goes.
 */
#include "tests/host/pci_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/x86/io.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000u

#define COMMAND        0x04
#define COMMAND_IO     0x1
#define COMMAND_MEMORY 0x2
#define COMMAND_MASTER 0x4
#define BAR_0          0x10
#define BAR_IO         0x1u
#define CAP_PCIE       0x10
#define ECAM_SIZE      4096

static struct pci_model_device *devices;
static uint32_t config_address;
static unsigned violations;
static bool absent, ecam_wrong;
static uint64_t ecam_base;

static void violation(const char *what, uint64_t value)
{
    fprintf(stderr, "pci_model: %s (%#llx)\n", what, (unsigned long long)value);
    violations++;
}

unsigned pci_model_violations(void)
{
    return violations;
}

void pci_model_set_absent(bool is_absent)
{
    absent = is_absent;
}

void pci_model_set_ecam(uint64_t base, bool wrong)
{
    ecam_base = base;
    ecam_wrong = wrong;
}

/* --- configuration space --- */

uint16_t pci_model_get16(const struct pci_model_device *dev, unsigned offset)
{
    return (uint16_t)(dev->config[offset] | dev->config[offset + 1] << 8);
}

void pci_model_set16(struct pci_model_device *dev, unsigned offset, uint16_t value)
{
    dev->config[offset] = (uint8_t)value;
    dev->config[offset + 1] = (uint8_t)(value >> 8);
}

uint32_t pci_model_get32(const struct pci_model_device *dev, unsigned offset)
{
    return pci_model_get16(dev, offset) | (uint32_t)pci_model_get16(dev, offset + 2) << 16;
}

void pci_model_set32(struct pci_model_device *dev, unsigned offset, uint32_t value)
{
    pci_model_set16(dev, offset, (uint16_t)value);
    pci_model_set16(dev, offset + 2, (uint16_t)(value >> 16));
}

void pci_model_init(struct pci_model_device *dev, unsigned bus, unsigned slot, unsigned func, uint16_t vendor,
                    uint16_t device, uint32_t class_code)
{
    dev->bus = (uint8_t)bus;
    dev->slot = (uint8_t)slot;
    dev->func = (uint8_t)func;
    pci_model_set16(dev, 0x00, vendor);
    pci_model_set16(dev, 0x02, device);
    pci_model_set32(dev, 0x08, class_code << 8);
}

void pci_model_add(struct pci_model_device *dev)
{
    dev->next = devices;
    devices = dev;
}

void pci_model_remove(struct pci_model_device *dev)
{
    for (struct pci_model_device **p = &devices; *p; p = &(*p)->next)
        if (*p == dev) {
            *p = dev->next;
            break;
        }
    if (dev->mmio)
        munmap(dev->mmio, dev->mmio_size);
    if (dev->ecam)
        munmap(dev->ecam, ECAM_SIZE);
    dev->mmio = dev->ecam = NULL;
}

bool pci_model_is_master(const struct pci_model_device *dev)
{
    return pci_model_get16(dev, COMMAND) & COMMAND_MASTER;
}

bool pci_model_decodes_memory(const struct pci_model_device *dev)
{
    return pci_model_get16(dev, COMMAND) & COMMAND_MEMORY;
}

/* The function that the address register points at; NULL: an empty slot. */
static struct pci_model_device *selected(void)
{
    if (!(config_address & CONFIG_ENABLE))
        return NULL;
    for (struct pci_model_device *dev = devices; dev; dev = dev->next)
        if (dev->bus == (config_address >> 16 & 0xff) && dev->slot == (config_address >> 11 & 0x1f) &&
            dev->func == (config_address >> 8 & 7))
            return dev;
    return NULL;
}

static void write_bar(struct pci_model_device *dev, unsigned n, uint32_t value)
{
    uint32_t old = pci_model_get32(dev, BAR_0 + 4 * n);
    uint16_t decode = old & BAR_IO ? COMMAND_IO : COMMAND_MEMORY;

    if (dev->bar_writable[n] && pci_model_get16(dev, COMMAND) & decode)
        violation("BAR written while it decodes", n);
    pci_model_set32(dev, BAR_0 + 4 * n, (value & dev->bar_writable[n]) | (old & ~dev->bar_writable[n]));
}

/* Whether this write is one of PCI Express's device control with "initiate function-level reset" in it. */
static bool resets_function(const struct pci_model_device *dev, unsigned offset, uint32_t value)
{
    return dev->flr_works && offset >= 0x48 && dev->config[offset - 8] == CAP_PCIE && (value & 0x8000);
}

static void reset_function(struct pci_model_device *dev)
{
    pci_model_set16(dev, COMMAND, 0);
    for (unsigned n = 0; n < PCI_MODEL_BARS; n++)
        pci_model_set32(dev, BAR_0 + 4 * n, pci_model_get32(dev, BAR_0 + 4 * n) & ~dev->bar_writable[n]);
}

static void write_config(struct pci_model_device *dev, unsigned offset, uint32_t value, unsigned bytes)
{
    bool is_bridge = dev->config[0x0e] & 0x7f;

    if (offset >= BAR_0 && offset < BAR_0 + 4 * PCI_MODEL_BARS && !is_bridge) {
        if (bytes == 4)
            write_bar(dev, (offset - BAR_0) / 4, value);
        else
            violation("BAR written in pieces", offset);
    } else if (offset == COMMAND && bytes == 2) {
        pci_model_set16(dev, COMMAND, (uint16_t)value);
    } else if (resets_function(dev, offset, value)) {
        reset_function(dev);
    } else if (offset >= 0x40 || offset == 0x3c) {
        for (unsigned i = 0; i < bytes; i++)
            dev->config[offset + i] = (uint8_t)(value >> 8 * i);
    } else {
        violation("write to a read-only part of the configuration space", offset);
    }
}

/* --- ports --- */

void host_port_write(uint16_t port, uint32_t value, unsigned bytes)
{
    if (absent)
        return;
    if (port == CONFIG_ADDRESS && bytes == 4) {
        config_address = value;
    } else if (port >= CONFIG_DATA && port + bytes <= CONFIG_DATA + 4) {
        struct pci_model_device *dev = selected();
        if (dev)
            write_config(dev, (config_address & 0xfc) + (port - CONFIG_DATA), value, bytes);
    } else {
        violation("write to a port nobody has", port);
    }
}

uint32_t host_port_read(uint16_t port, unsigned bytes)
{
    uint32_t value = UINT32_MAX;

    if (absent)
        return value;
    if (port == CONFIG_ADDRESS && bytes == 4)
        return config_address;
    if (port < CONFIG_DATA || port + bytes > CONFIG_DATA + 4) {
        violation("read of a port nobody has", port);
        return value;
    }
    struct pci_model_device *dev = selected();
    if (dev)
        value = pci_model_get32(dev, config_address & 0xfc) >> 8 * (port - CONFIG_DATA);
    return bytes == 4 ? value : value & ((1u << 8 * bytes) - 1);
}

/* --- memory --- */

static uint8_t *reserve(size_t len)
{
    void *at = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
        abort();
    return at;
}

static volatile void *ioremap_ecam(uint64_t offset)
{
    for (struct pci_model_device *dev = devices; dev; dev = dev->next) {
        if (offset != ((uint64_t)dev->bus << 20 | (uint64_t)dev->slot << 15 | (uint64_t)dev->func << 12))
            continue;
        if (!dev->ecam)
            dev->ecam = reserve(ECAM_SIZE);
        return dev->ecam;
    }
    return NULL;
}

volatile void *ioremap(uint64_t phys, size_t len)
{
    if (ecam_base && phys >= ecam_base && phys - ecam_base < 1u << 28 && len == ECAM_SIZE)
        return ioremap_ecam(phys - ecam_base);
    for (struct pci_model_device *dev = devices; dev; dev = dev->next) {
        if (!dev->mmio_read || !pci_model_decodes_memory(dev) ||
            phys != (pci_model_get32(dev, BAR_0) & ~0xfu))
            continue;
        if (!dev->mmio)
            dev->mmio = reserve(dev->mmio_size);
        return len <= dev->mmio_size ? dev->mmio : NULL;
    }
    return NULL;
}

static struct pci_model_device *decoder(const volatile void *addr)
{
    const volatile uint8_t *p = addr;

    for (struct pci_model_device *dev = devices; dev; dev = dev->next)
        if (dev->mmio && p >= dev->mmio && p < dev->mmio + dev->mmio_size)
            return pci_model_decodes_memory(dev) ? dev : NULL;
    return NULL;
}

/* The device whose configuration space in memory holds `addr`, and where in it. */
static struct pci_model_device *ecam_decoder(const volatile void *addr, unsigned *offset)
{
    const volatile uint8_t *p = addr;

    for (struct pci_model_device *dev = devices; dev; dev = dev->next)
        if (dev->ecam && p >= dev->ecam && p < dev->ecam + ECAM_SIZE) {
            *offset = (unsigned)(p - dev->ecam);
            return dev;
        }
    return NULL;
}

static uint32_t ecam_read(struct pci_model_device *dev, unsigned offset)
{
    if (ecam_wrong)
        return 0x12345678;
    return offset < 256 ? pci_model_get32(dev, offset) : dev->extended[(offset - 256) / 4];
}

uint32_t host_mmio_read(const volatile void *addr)
{
    unsigned offset;
    struct pci_model_device *dev = ecam_decoder(addr, &offset);

    if (dev)
        return ecam_read(dev, offset);
    dev = decoder(addr);

    if (dev)
        return dev->mmio_read(dev->ctx, (uint32_t)((const volatile uint8_t *)addr - dev->mmio));
    violation("read of memory that no device decodes", (uintptr_t)addr);
    return UINT32_MAX;
}

void host_mmio_write(volatile void *addr, uint32_t value)
{
    unsigned offset;
    struct pci_model_device *ecam = ecam_decoder(addr, &offset), *dev = decoder(addr);

    if (ecam && offset >= 256)
        ecam->extended[(offset - 256) / 4] = value;
    else if (dev)
        dev->mmio_write(dev->ctx, (uint32_t)((volatile uint8_t *)addr - dev->mmio), value);
    else
        violation("write to memory that no device decodes", (uintptr_t)addr);
}
