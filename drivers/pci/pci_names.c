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

/*
 * Network cards that are common in machines and emulators. Intel's gigabit cards of the 8254x and e1000e
 * families are all here, since their driver takes its names from this table; a word in brackets behind others
 * is what Linux calls the driver of a family that is not driven here.
 */
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
    {PCI_VENDOR_INTEL, 0x1075, "Intel 82547GI"},
    {PCI_VENDOR_INTEL, 0x1076, "Intel 82541GI"},
    {PCI_VENDOR_INTEL, 0x1078, "Intel 82541ER"},
    {PCI_VENDOR_INTEL, 0x1079, "Intel 82546GB"},
    {PCI_VENDOR_INTEL, 0x107c, "Intel 82541PI"},
    {PCI_VENDOR_INTEL, 0x105e, "Intel 82571EB"},
    {PCI_VENDOR_INTEL, 0x105f, "Intel 82571EB (fiber)"},
    {PCI_VENDOR_INTEL, 0x1060, "Intel 82571EB (SerDes)"},
    {PCI_VENDOR_INTEL, 0x10a4, "Intel 82571EB (quad)"},
    {PCI_VENDOR_INTEL, 0x10bc, "Intel 82571EB (quad, low profile)"},
    {PCI_VENDOR_INTEL, 0x10d5, "Intel 82571PT (quad)"},
    {PCI_VENDOR_INTEL, 0x107d, "Intel 82572EI"},
    {PCI_VENDOR_INTEL, 0x107e, "Intel 82572EI (fiber)"},
    {PCI_VENDOR_INTEL, 0x107f, "Intel 82572EI (SerDes)"},
    {PCI_VENDOR_INTEL, 0x10b9, "Intel 82572EI"},
    {PCI_VENDOR_INTEL, 0x108b, "Intel 82573E"},
    {PCI_VENDOR_INTEL, 0x108c, "Intel 82573E (AMT)"},
    {PCI_VENDOR_INTEL, 0x109a, "Intel 82573L"},
    {PCI_VENDOR_INTEL, 0x10d3, "Intel 82574L"},
    {PCI_VENDOR_INTEL, 0x10f6, "Intel 82574LA"},
    {PCI_VENDOR_INTEL, 0x150c, "Intel 82583V"},
    {PCI_VENDOR_INTEL, 0x1049, "Intel 82566MM"},
    {PCI_VENDOR_INTEL, 0x104a, "Intel 82566DM"},
    {PCI_VENDOR_INTEL, 0x104b, "Intel 82566DC"},
    {PCI_VENDOR_INTEL, 0x104c, "Intel 82562V"},
    {PCI_VENDOR_INTEL, 0x104d, "Intel 82566MC"},
    {PCI_VENDOR_INTEL, 0x10c4, "Intel 82562GT"},
    {PCI_VENDOR_INTEL, 0x10c5, "Intel 82562G"},
    {PCI_VENDOR_INTEL, 0x1501, "Intel 82567V-3"},
    {PCI_VENDOR_INTEL, 0x10bd, "Intel 82566DM-2"},
    {PCI_VENDOR_INTEL, 0x10bf, "Intel 82567LF"},
    {PCI_VENDOR_INTEL, 0x10c0, "Intel 82562V-2"},
    {PCI_VENDOR_INTEL, 0x10c2, "Intel 82562G-2"},
    {PCI_VENDOR_INTEL, 0x10c3, "Intel 82562GT-2"},
    {PCI_VENDOR_INTEL, 0x10cb, "Intel 82567V"},
    {PCI_VENDOR_INTEL, 0x10e5, "Intel 82567LM-4"},
    {PCI_VENDOR_INTEL, 0x10f5, "Intel 82567LM"},
    {PCI_VENDOR_INTEL, 0x294c, "Intel 82566DC-2"},
    {PCI_VENDOR_INTEL, 0x10cc, "Intel 82567LM-2"},
    {PCI_VENDOR_INTEL, 0x10cd, "Intel 82567LF-2"},
    {PCI_VENDOR_INTEL, 0x10ce, "Intel 82567V-2"},
    {PCI_VENDOR_INTEL, 0x10de, "Intel 82567LM-3"},
    {PCI_VENDOR_INTEL, 0x10df, "Intel 82567LF-3"},
    {PCI_VENDOR_INTEL, 0x1525, "Intel 82567V-4"},
    {PCI_VENDOR_INTEL, 0x10ea, "Intel 82577LM"},
    {PCI_VENDOR_INTEL, 0x10eb, "Intel 82577LC"},
    {PCI_VENDOR_INTEL, 0x10ef, "Intel 82578DM"},
    {PCI_VENDOR_INTEL, 0x10f0, "Intel 82578DC"},
    {PCI_VENDOR_INTEL, 0x1502, "Intel 82579LM"},
    {PCI_VENDOR_INTEL, 0x1503, "Intel 82579V"},
    {PCI_VENDOR_INTEL, 0x153a, "Intel I217-LM"},
    {PCI_VENDOR_INTEL, 0x153b, "Intel I217-V"},
    {PCI_VENDOR_INTEL, 0x1559, "Intel I218-V"},
    {PCI_VENDOR_INTEL, 0x155a, "Intel I218-LM"},
    {PCI_VENDOR_INTEL, 0x15a0, "Intel I218-LM (2)"},
    {PCI_VENDOR_INTEL, 0x15a1, "Intel I218-V (2)"},
    {PCI_VENDOR_INTEL, 0x15a2, "Intel I218-LM (3)"},
    {PCI_VENDOR_INTEL, 0x15a3, "Intel I218-V (3)"},
    {PCI_VENDOR_INTEL, 0x156f, "Intel I219-LM"},
    {PCI_VENDOR_INTEL, 0x1570, "Intel I219-V"},
    {PCI_VENDOR_INTEL, 0x15b7, "Intel I219-LM (2)"},
    {PCI_VENDOR_INTEL, 0x15b8, "Intel I219-V (2)"},
    {PCI_VENDOR_INTEL, 0x15b9, "Intel I219-LM (3)"},
    {PCI_VENDOR_INTEL, 0x15d7, "Intel I219-LM (4)"},
    {PCI_VENDOR_INTEL, 0x15d8, "Intel I219-V (4)"},
    {PCI_VENDOR_INTEL, 0x15e3, "Intel I219-LM (5)"},
    {PCI_VENDOR_INTEL, 0x15d6, "Intel I219-V (5)"},
    {PCI_VENDOR_INTEL, 0x15bd, "Intel I219-LM (6)"},
    {PCI_VENDOR_INTEL, 0x15be, "Intel I219-V (6)"},
    {PCI_VENDOR_INTEL, 0x15bb, "Intel I219-LM (7)"},
    {PCI_VENDOR_INTEL, 0x15bc, "Intel I219-V (7)"},
    {PCI_VENDOR_INTEL, 0x15df, "Intel I219-LM (8)"},
    {PCI_VENDOR_INTEL, 0x15e0, "Intel I219-V (8)"},
    {PCI_VENDOR_INTEL, 0x15e1, "Intel I219-LM (9)"},
    {PCI_VENDOR_INTEL, 0x15e2, "Intel I219-V (9)"},
    {PCI_VENDOR_INTEL, 0x0d4e, "Intel I219-LM (10)"},
    {PCI_VENDOR_INTEL, 0x0d4f, "Intel I219-V (10)"},
    {PCI_VENDOR_INTEL, 0x0d4c, "Intel I219-LM (11)"},
    {PCI_VENDOR_INTEL, 0x0d4d, "Intel I219-V (11)"},
    {PCI_VENDOR_INTEL, 0x0d53, "Intel I219-LM (12)"},
    {PCI_VENDOR_INTEL, 0x0d55, "Intel I219-V (12)"},
    {PCI_VENDOR_INTEL, 0x15fb, "Intel I219-LM (13)"},
    {PCI_VENDOR_INTEL, 0x15fc, "Intel I219-V (13)"},
    {PCI_VENDOR_INTEL, 0x15f9, "Intel I219-LM (14)"},
    {PCI_VENDOR_INTEL, 0x15fa, "Intel I219-V (14)"},
    {PCI_VENDOR_INTEL, 0x15f4, "Intel I219-LM (15)"},
    {PCI_VENDOR_INTEL, 0x15f5, "Intel I219-V (15)"},
    {PCI_VENDOR_INTEL, 0x1a1e, "Intel I219-LM (16)"},
    {PCI_VENDOR_INTEL, 0x1a1f, "Intel I219-V (16)"},
    {PCI_VENDOR_INTEL, 0x1a1c, "Intel I219-LM (17)"},
    {PCI_VENDOR_INTEL, 0x1a1d, "Intel I219-V (17)"},
    {PCI_VENDOR_INTEL, 0x550a, "Intel I219-LM (18)"},
    {PCI_VENDOR_INTEL, 0x550b, "Intel I219-V (18)"},
    {PCI_VENDOR_INTEL, 0x550c, "Intel I219-LM (19)"},
    {PCI_VENDOR_INTEL, 0x550d, "Intel I219-V (19)"},
    {PCI_VENDOR_INTEL, 0x550e, "Intel I219-LM (20)"},
    {PCI_VENDOR_INTEL, 0x550f, "Intel I219-V (20)"},
    {PCI_VENDOR_INTEL, 0x5510, "Intel I219-LM (21)"},
    {PCI_VENDOR_INTEL, 0x5511, "Intel I219-V (21)"},
    {PCI_VENDOR_INTEL, 0x0dc7, "Intel I219-LM (22)"},
    {PCI_VENDOR_INTEL, 0x0dc8, "Intel I219-V (22)"},
    {PCI_VENDOR_INTEL, 0x0dc5, "Intel I219-LM (23)"},
    {PCI_VENDOR_INTEL, 0x0dc6, "Intel I219-V (23)"},
    {PCI_VENDOR_INTEL, 0x57a0, "Intel I219-LM (24)"},
    {PCI_VENDOR_INTEL, 0x57a1, "Intel I219-V (24)"},
    {PCI_VENDOR_INTEL, 0x57b3, "Intel I219-LM (25)"},
    {PCI_VENDOR_INTEL, 0x57b4, "Intel I219-V (25)"},
    {PCI_VENDOR_INTEL, 0x57b5, "Intel I219-LM (26)"},
    {PCI_VENDOR_INTEL, 0x57b6, "Intel I219-V (26)"},
    {PCI_VENDOR_INTEL, 0x57b7, "Intel I219-LM (27)"},
    {PCI_VENDOR_INTEL, 0x57b8, "Intel I219-V (27)"},
    {PCI_VENDOR_INTEL, 0x57b9, "Intel I219-LM (29)"},
    {PCI_VENDOR_INTEL, 0x57ba, "Intel I219-V (29)"},
    {PCI_VENDOR_INTEL, 0x1096, "Intel 80003ES2LAN"},
    {PCI_VENDOR_INTEL, 0x10c9, "Intel 82576 (igb)"},
    {PCI_VENDOR_INTEL, 0x10fb, "Intel 82599 (ixgbe)"},
    {PCI_VENDOR_INTEL, 0x1209, "Intel 8255x (e100)"},
    {PCI_VENDOR_INTEL, 0x1229, "Intel 82557 (e100)"},
    {PCI_VENDOR_INTEL, 0x1521, "Intel I350 (igb)"},
    {PCI_VENDOR_INTEL, 0x1533, "Intel I210 (igb)"},
    {PCI_VENDOR_INTEL, 0x1539, "Intel I211 (igb)"},
    {PCI_VENDOR_INTEL, 0x15f2, "Intel I225-LM (igc)"},
    {PCI_VENDOR_INTEL, 0x15f3, "Intel I225-V (igc)"},
    {PCI_VENDOR_INTEL, 0x125b, "Intel I226-LM (igc)"},
    {PCI_VENDOR_INTEL, 0x125c, "Intel I226-V (igc)"},
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
        pr_warn(
            "pci %s: no driver for this one; Skiff drives Intel's gigabit cards from the 82540 to the I219 "
            "(in QEMU: -device e1000 or e1000e)\n",
            pci_describe(dev, text, sizeof(text)));
        count++;
    }
    if (!count)
        pr_warn(
            "pci: no other network card is on the bus either; one on the board may be off in the firmware's setup\n");
    return count;
}
