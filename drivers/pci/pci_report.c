/*
 * pci_report.c - what `lspci` and `lspci -v` print.
 */
#include "drivers/pci/pci_config.h"

#include <stdio.h>

static const struct {
    uint8_t id;
    const char *name;
} capability_names[] = {
    {PCI_CAP_ID_PM, "Power Management"},
    {0x03, "Vital Product Data"},
    {PCI_CAP_ID_MSI, "MSI"},
    {0x07, "PCI-X"},
    {0x09, "Vendor Specific"},
    {0x0a, "USB debug port"},
    {0x0d, "Subsystem"},
    {PCI_CAP_ID_PCIE, "Express"},
    {PCI_CAP_ID_MSIX, "MSI-X"},
    {0x12, "SATA"},
    {0x13, "Advanced Features"},
};

char *pci_summary(const struct pci_dev *dev, char *buf, size_t size)
{
    const char *name = pci_device_name(dev);

    snprintf(buf, size, "%02x:%02x.%x %s: %s [%04x:%04x] (rev %02x)%s%s", dev->bus, dev->slot, dev->func,
             pci_class_name(dev), name ? name : "Device", dev->vendor, dev->device, dev->revision,
             dev->driver ? " driver: " : "", dev->driver ? dev->driver->name : "");
    return buf;
}

static const char *capability_name(uint8_t id)
{
    for (size_t i = 0; i < ARRAY_SIZE(capability_names); i++)
        if (capability_names[i].id == id)
            return capability_names[i].name;
    return "capability";
}

static void show_bars(const struct pci_dev *dev, void (*line)(const char *text, void *ctx), void *ctx)
{
    char text[96];

    for (unsigned n = 0; n < PCI_BAR_COUNT; n++) {
        const struct pci_bar *bar = &dev->bar[n];
        if (!bar->size)
            continue;
        snprintf(text, sizeof(text), "        %s at %llx%s%s [size %llu]", bar->io ? "I/O ports" : "Memory",
                 (unsigned long long)bar->base, bar->is_64bit ? " (64-bit)" : "",
                 bar->prefetchable ? " (prefetchable)" : "", (unsigned long long)bar->size);
        line(text, ctx);
    }
}

static void show_capabilities(const struct pci_dev *dev, void (*line)(const char *text, void *ctx), void *ctx)
{
    unsigned at = 0, left = PCI_CAPABILITIES_MAX;
    char text[96];

    while ((at = pci_next_capability(dev, at, &left))) {
        uint8_t id = pci_read_config8(dev, at);
        snprintf(text, sizeof(text), "        Capabilities: [%02x] %s (%02x)", at, capability_name(id), id);
        line(text, ctx);
    }
    left = PCI_EXT_CAPABILITIES_MAX;
    while ((at = pci_next_ext_capability(dev, at, &left))) {
        snprintf(text, sizeof(text), "        Capabilities: [%03x] extended (%04x)", at,
                 pci_read_config16(dev, at));
        line(text, ctx);
    }
}

/* Pin and line as firmware left them, and what the driver has got. */
static void show_interrupt(const struct pci_dev *dev, void (*line)(const char *text, void *ctx), void *ctx)
{
    char text[96], pin[24] = "no pin", used[32] = "";

    if (dev->irq_pin && dev->irq_line == PCI_IRQ_NONE)
        snprintf(pin, sizeof(pin), "pin %c, no line", 'A' + (dev->irq_pin - 1) % 4);
    else if (dev->irq_pin)
        snprintf(pin, sizeof(pin), "pin %c, line %u", 'A' + (dev->irq_pin - 1) % 4, dev->irq_line);
    if (dev->irq_type)
        snprintf(used, sizeof(used), ", irq %u by %s", dev->irq, pci_irq_type_name(dev));
    snprintf(text, sizeof(text), "        Interrupt: %s%s", pin, used);
    line(text, ctx);
}

static void write_verbose(void (*line)(const char *text, void *ctx), void *ctx)
{
    char text[160];

    for (struct pci_dev *dev = pci_next(NULL); dev; dev = pci_next(dev)) {
        line(pci_summary(dev, text, sizeof(text)), ctx);
        show_interrupt(dev, line, ctx);
        show_bars(dev, line, ctx);
        show_capabilities(dev, line, ctx);
    }
}

struct report pci_report_verbose = {
    .list = LIST_HEAD_INIT(pci_report_verbose.list), .name = "pci-verbose", .write = write_verbose};
