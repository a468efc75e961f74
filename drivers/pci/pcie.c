/*
 * pcie.c - the PCI Express capability of a device (7.8), used by drivers at probe.
 */
#include "drivers/pci/pcie.h"

#define PCI_CAP_ID_EXPRESS 0x10
#define PCIE_LINK_CONTROL  0x10 /* from the capability's start */
#define PCI_HEADER_BRIDGE  0x01
#define PCI_SECONDARY_BUS  0x19 /* of a bridge's configuration space */

static void pcie_clear_link_control(const struct pci_dev *dev, unsigned bits)
{
    unsigned cap = pci_find_capability(dev, PCI_CAP_ID_EXPRESS);
    uint16_t control;

    if (!cap)
        return;
    control = pci_read_config16(dev, cap + PCIE_LINK_CONTROL);
    if (control & bits)
        pci_write_config16(dev, cap + PCIE_LINK_CONTROL, (uint16_t)(control & ~bits));
}

/* NULL: the device is on the root bus. */
static const struct pci_dev *pcie_bridge_above(const struct pci_dev *dev)
{
    for (const struct pci_dev *other = pci_next(NULL); other; other = pci_next(other))
        if (other->header_type == PCI_HEADER_BRIDGE && dev->bus &&
            pci_read_config8(other, PCI_SECONDARY_BUS) == dev->bus)
            return other;
    return NULL;
}

void pcie_disable_aspm(struct pci_dev *dev, unsigned states)
{
    const struct pci_dev *above = states ? pcie_bridge_above(dev) : NULL;

    if (!states)
        return;
    pcie_clear_link_control(dev, states);
    if (above)
        pcie_clear_link_control(above, states);
}
