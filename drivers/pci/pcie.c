/*
 * pcie.c - the PCI Express capability of a device (7.8), used by drivers at probe.
 */
#include "drivers/pci/pcie.h"

#include "drivers/pci/pci_config.h"

#define PCIE_LINK_CONTROL 0x10 /* from the capability's start */

static void pcie_clear_link_control(const struct pci_dev *dev, unsigned bits)
{
    unsigned cap = pci_find_capability(dev, PCI_CAP_ID_PCIE);
    uint16_t control;

    if (!cap || cap + PCIE_LINK_CONTROL + 2 > PCI_CONFIG_SIZE) /* a device inside the chipset has no link */
        return;
    control = pci_read_config16(dev, cap + PCIE_LINK_CONTROL);
    if (control & bits)
        pci_write_config16(dev, cap + PCIE_LINK_CONTROL, (uint16_t)(control & ~bits));
}

void pcie_disable_aspm(struct pci_dev *dev, unsigned states)
{
    const struct pci_dev *above = states ? pci_bridge_above(dev) : NULL;

    if (!states)
        return;
    pcie_clear_link_control(dev, states);
    if (above)
        pcie_clear_link_control(above, states);
}
