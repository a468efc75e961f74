/*
 * pcie.c - what drivers of PCI Express devices need of their link and their function.
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
#define PCIE_LINK_CONTROL       0x10
#define PCIE_LINK_CONTROL_ASPM  0x0003

#define PENDING_MAX_MS 100
#define FLR_MS         100 /* 6.6.2: it has this long, and may not be touched meanwhile */

static void wait_ms(unsigned ms)
{
    while (ms--)
        udelay(1000);
}

/* The bridge that the device hangs on, NULL on a root bus. */
static struct pci_dev *upstream_of(const struct pci_dev *dev)
{
    for (struct pci_dev *bridge = pci_next(NULL); bridge; bridge = pci_next(bridge))
        if (bridge->header_type == PCI_HEADER_TYPE_BRIDGE && bridge->bus != dev->bus &&
            pci_read_config8(bridge, PCI_BUS_NUMBERS + 1) == dev->bus)
            return bridge;
    return NULL;
}

static void link_stays_awake(const struct pci_dev *dev)
{
    unsigned pcie = pci_find_capability(dev, PCI_CAP_ID_PCIE);
    uint16_t control;

    if (!pcie)
        return;
    control = pci_read_config16(dev, pcie + PCIE_LINK_CONTROL);
    if (control & PCIE_LINK_CONTROL_ASPM)
        pci_write_config16(dev, pcie + PCIE_LINK_CONTROL, control & (uint16_t)~PCIE_LINK_CONTROL_ASPM);
}

/* The lower end first (5.4.1.3). */
void pci_disable_aspm(struct pci_dev *dev)
{
    struct pci_dev *bridge = upstream_of(dev);

    link_stays_awake(dev);
    if (bridge)
        link_stays_awake(bridge);
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
