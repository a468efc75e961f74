/*
 * pci_reset.c - stopping a PCI Express device's DMA, and resetting it by its function.
 *
 * Section numbers are of the PCI Express Base Specification 4.0.
 */
#include "drivers/pci/pci_config.h"

#include <errno.h>

#include "kernel/time.h"

/* Capability (7.5.3). */
#define PCIE_DEVICE_CAP         0x04
#define PCIE_DEVICE_CAP_FLR     (1u << 28)
#define PCIE_DEVICE_CONTROL     0x08
#define PCIE_DEVICE_CONTROL_FLR 0x8000
#define PCIE_DEVICE_STATUS      0x0a
#define PCIE_STATUS_PENDING     0x0020

#define PENDING_MAX_MS 100
#define FLR_MS         100 /* 6.6.2: it has this long, and may not be touched meanwhile */

static void wait_ms(unsigned ms)
{
    while (ms--)
        udelay(1000);
}

static bool transactions_end(const struct pci_dev *dev)
{
    unsigned pcie = pci_find_capability(dev, PCI_CAP_ID_PCIE);

    for (unsigned ms = 0; pcie && ms < PENDING_MAX_MS; ms++) {
        if (!(pci_read_config16(dev, pcie + PCIE_DEVICE_STATUS) & PCIE_STATUS_PENDING))
            return true;
        wait_ms(1);
    }
    return !pcie;
}

bool pci_stop_master(struct pci_dev *dev)
{
    pci_clear_master(dev);
    return transactions_end(dev);
}

int pci_reset_function(struct pci_dev *dev)
{
    unsigned pcie = pci_find_capability(dev, PCI_CAP_ID_PCIE);
    uint16_t command = pci_read_config16(dev, PCI_COMMAND), control;
    uint32_t bars[PCI_BAR_COUNT], id = pci_read_config32(dev, PCI_VENDOR_ID);

    if (!pcie || !(pci_read_config32(dev, pcie + PCIE_DEVICE_CAP) & PCIE_DEVICE_CAP_FLR))
        return -EOPNOTSUPP;
    for (unsigned n = 0; n < PCI_BAR_COUNT; n++)
        bars[n] = pci_read_config32(dev, PCI_BASE_ADDRESS_0 + 4 * n);
    control = pci_read_config16(dev, pcie + PCIE_DEVICE_CONTROL);
    pci_stop_master(dev); /* an answer that comes after the reset would be taken for one of a new question */
    pci_write_config16(dev, pcie + PCIE_DEVICE_CONTROL, control | PCIE_DEVICE_CONTROL_FLR);
    wait_ms(FLR_MS);
    if (pci_read_config32(dev, PCI_VENDOR_ID) != id)
        return -EIO;
    pci_write_config16(dev, PCI_COMMAND, 0);
    for (unsigned n = 0; n < PCI_BAR_COUNT; n++)
        pci_write_config32(dev, PCI_BASE_ADDRESS_0 + 4 * n, bars[n]);
    pci_write_config16(dev, pcie + PCIE_DEVICE_CONTROL, control);
    pci_write_config16(dev, PCI_COMMAND, command);
    return 0;
}
