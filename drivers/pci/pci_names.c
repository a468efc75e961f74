/*
 * pci_names.c - what a person calls the devices on the bus, so that a log line or a warning about a card
 * nobody drives needs no search engine.
 */
#include "drivers/pci/pci_config.h"

#include <stdio.h>

#include "kernel/log.h"

#define PCI_VENDOR_INTEL    0x8086
#define PCI_VENDOR_REALTEK  0x10ec
#define PCI_VENDOR_QUMRANET 0x1af4
#define PCI_VENDOR_AMD      0x1022
#define PCI_VENDOR_VMWARE   0x15ad

static const struct {
    uint8_t base, sub;
    const char *name;
} pci_classes[] = {
    {0x01, 0x01, "IDE controller"},
    {0x01, 0x06, "SATA controller"},
    {0x01, 0x08, "NVMe drive"},
    {0x02, 0x00, "network card"},
    {0x02, 0x80, "network controller"},
    {0x03, 0x00, "display"},
    {0x04, 0x03, "audio device"},
    {0x06, 0x00, "host bridge"},
    {0x06, 0x01, "ISA bridge"},
    {0x06, 0x04, "PCI bridge"},
    {0x06, 0x80, "bridge"},
    {0x0c, 0x03, "USB controller"},
    {0x0c, 0x05, "SMBus controller"},
};

/* Where only the class is known. */
static const char *const pci_base_classes[] = {
    [0x00] = "device",       [0x01] = "storage controller", [0x02] = "network controller",
    [0x03] = "display",      [0x04] = "multimedia",         [0x05] = "memory",
    [0x06] = "bridge",       [0x07] = "serial port",        [0x08] = "system device",
    [0x09] = "input device", [0x0a] = "docking station",    [0x0b] = "processor",
    [0x0c] = "serial bus",   [0x0d] = "wireless card",
};

/* Network cards that are common in machines and emulators, of families that differ from the 8254x we drive
 * too. */
static const struct {
    uint16_t vendor, device;
    const char *name;
} pci_network_cards[] = {
    {PCI_VENDOR_INTEL, 0x1000, "Intel 82542"},
    {PCI_VENDOR_INTEL, 0x1001, "Intel 82543GC (fiber)"},
    {PCI_VENDOR_INTEL, 0x1004, "Intel 82543GC"},
    {PCI_VENDOR_INTEL, 0x1008, "Intel 82544EI"},
    {PCI_VENDOR_INTEL, 0x1009, "Intel 82544EI (fiber)"},
    {PCI_VENDOR_INTEL, 0x100c, "Intel 82544GC"},
    {PCI_VENDOR_INTEL, 0x100d, "Intel 82544GC (LOM)"},
    {PCI_VENDOR_INTEL, 0x100e, "Intel 82540EM"},
    {PCI_VENDOR_INTEL, 0x100f, "Intel 82545EM"},
    {PCI_VENDOR_INTEL, 0x1010, "Intel 82546EB"},
    {PCI_VENDOR_INTEL, 0x1011, "Intel 82545EM (fiber)"},
    {PCI_VENDOR_INTEL, 0x1012, "Intel 82546EB (fiber)"},
    {PCI_VENDOR_INTEL, 0x1013, "Intel 82541EI"},
    {PCI_VENDOR_INTEL, 0x1015, "Intel 82540EM (LOM)"},
    {PCI_VENDOR_INTEL, 0x1016, "Intel 82540EP (LOM)"},
    {PCI_VENDOR_INTEL, 0x1017, "Intel 82540EP"},
    {PCI_VENDOR_INTEL, 0x1018, "Intel 82541EI (mobile)"},
    {PCI_VENDOR_INTEL, 0x1019, "Intel 82547EI"},
    {PCI_VENDOR_INTEL, 0x101d, "Intel 82546EB (quad)"},
    {PCI_VENDOR_INTEL, 0x101e, "Intel 82540EP (low power)"},
    {PCI_VENDOR_INTEL, 0x1026, "Intel 82545GM"},
    {PCI_VENDOR_INTEL, 0x1049, "Intel 82566MM (e1000e)"},
    {PCI_VENDOR_INTEL, 0x105e, "Intel 82571EB (e1000e)"},
    {PCI_VENDOR_INTEL, 0x1075, "Intel 82547GI"},
    {PCI_VENDOR_INTEL, 0x1076, "Intel 82541GI"},
    {PCI_VENDOR_INTEL, 0x1078, "Intel 82541ER"},
    {PCI_VENDOR_INTEL, 0x1079, "Intel 82546GB"},
    {PCI_VENDOR_INTEL, 0x107c, "Intel 82541PI"},
    {PCI_VENDOR_INTEL, 0x10c9, "Intel 82576 (igb)"},
    {PCI_VENDOR_INTEL, 0x10d3, "Intel 82574L (e1000e)"},
    {PCI_VENDOR_INTEL, 0x10ea, "Intel 82577LM (e1000e)"},
    {PCI_VENDOR_INTEL, 0x10fb, "Intel 82599 (ixgbe)"},
    {PCI_VENDOR_INTEL, 0x1502, "Intel 82579LM (e1000e)"},
    {PCI_VENDOR_INTEL, 0x1209, "Intel 8255x (e100)"},
    {PCI_VENDOR_INTEL, 0x1229, "Intel 82557 (e100)"},
    {PCI_VENDOR_INTEL, 0x1521, "Intel I350 (igb)"},
    {PCI_VENDOR_INTEL, 0x1533, "Intel I210 (igb)"},
    {PCI_VENDOR_INTEL, 0x153a, "Intel I217-LM (e1000e)"},
    {PCI_VENDOR_INTEL, 0x15a1, "Intel I218-V (e1000e)"},
    {PCI_VENDOR_INTEL, 0x15b8, "Intel I219-V (e1000e)"},
    {PCI_VENDOR_INTEL, 0x15f3, "Intel I225-V (igc)"},
    {PCI_VENDOR_QUMRANET, 0x1000, "virtio-net"},
    {PCI_VENDOR_QUMRANET, 0x1041, "virtio-net (modern)"},
    {PCI_VENDOR_REALTEK, 0x8139, "Realtek RTL8139"},
    {PCI_VENDOR_REALTEK, 0x8168, "Realtek RTL8111/8168"},
    {PCI_VENDOR_REALTEK, 0x8125, "Realtek RTL8125"},
    {PCI_VENDOR_REALTEK, 0x8029, "Realtek RTL8029 (ne2000)"},
    {PCI_VENDOR_AMD, 0x2000, "AMD PCnet"},
    {PCI_VENDOR_VMWARE, 0x07b0, "VMware vmxnet3"},
};

const char *pci_class_name(const struct pci_dev *dev)
{
    for (size_t i = 0; i < ARRAY_SIZE(pci_classes); i++)
        if (pci_classes[i].base == dev->class_base && pci_classes[i].sub == dev->class_sub)
            return pci_classes[i].name;
    return dev->class_base < ARRAY_SIZE(pci_base_classes) ? pci_base_classes[dev->class_base] : "device";
}

const char *pci_device_name(const struct pci_dev *dev)
{
    for (size_t i = 0; i < ARRAY_SIZE(pci_network_cards); i++)
        if (pci_network_cards[i].vendor == dev->vendor && pci_network_cards[i].device == dev->device)
            return pci_network_cards[i].name;
    return NULL;
}

char *pci_describe(const struct pci_dev *dev, char *buf, size_t size)
{
    const char *name = pci_device_name(dev);

    snprintf(buf, size, "%02x:%02x.%x %04x:%04x %s%s%s", dev->bus, dev->slot, dev->func, dev->vendor,
             dev->device, pci_class_name(dev), name ? ", " : "", name ? name : "");
    return buf;
}

int pci_warn_undriven(void)
{
    char text[96];
    int count = 0;

    for (struct pci_dev *dev = pci_next(NULL); dev; dev = pci_next(dev)) {
        if (dev->class_base != PCI_CLASS_NETWORK || dev->driver)
            continue;
        pr_warn("pci %s: no driver for this one; Skiff drives Intel's 82540, 82544, 82545 and 82546 "
                "(in QEMU: -device e1000)\n",
                pci_describe(dev, text, sizeof(text)));
        count++;
    }
    return count;
}
