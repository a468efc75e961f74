/*
 * pcie.h - what PCI Express adds to a device, as far as drivers ask for it.
 *
 * Section numbers are of the PCI Express Base Specification 3.0.
 */
#ifndef DRIVERS_PCI_PCIE_H
#define DRIVERS_PCI_PCIE_H

#include "drivers/pci/pci.h"

/* States in which a link saves power by itself (7.8.7). */
#define PCIE_ASPM_L0S 0x0001
#define PCIE_ASPM_L1  0x0002

/**
 * pcie_disable_aspm - keep the link to a device out of these states
 * @states: PCIE_ASPM_L0S, PCIE_ASPM_L1 or both; 0: nothing to do
 * At the device first, then at the bridge above it, as 5.4.1.3 wants it. No effect on what is not PCI
 * Express.
 */
void pcie_disable_aspm(struct pci_dev *dev, unsigned states);

#endif
