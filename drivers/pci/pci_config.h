/*
 * pci_config.h - what the files of this folder share: the configuration header and the ways to it.
 */
#ifndef DRIVERS_PCI_PCI_CONFIG_H
#define DRIVERS_PCI_PCI_CONFIG_H

#include "drivers/pci/pci.h"
#include "kernel/report.h"

/* Configuration header (6.1). */
#define PCI_VENDOR_ID            0x00
#define PCI_COMMAND              0x04
#define PCI_COMMAND_IO           0x0001
#define PCI_COMMAND_MEMORY       0x0002
#define PCI_COMMAND_MASTER       0x0004
#define PCI_COMMAND_INTX_DISABLE 0x0400
#define PCI_STATUS               0x06
#define PCI_STATUS_CAP_LIST      0x0010
#define PCI_CLASS_REVISION       0x08
#define PCI_CACHE_LINE           0x0c
#define PCI_HEADER_TYPE          0x0e
#define PCI_HEADER_MULTIFUNCTION 0x80
#define PCI_HEADER_TYPE_NORMAL   0x00
#define PCI_HEADER_TYPE_BRIDGE   0x01 /* bridge 3.2 */
#define PCI_BASE_ADDRESS_0       0x10
#define PCI_SUBSYSTEM_VENDOR     0x2c
#define PCI_BUS_NUMBERS          0x18 /* bridge 3.2.5.2: primary, secondary, subordinate */
#define PCI_CAPABILITY_LIST      0x34
#define PCI_INTERRUPT_LINE       0x3c
#define PCI_HEADER_END           0x40 /* capabilities lie behind it */

/* Capabilities (PCI Code and ID Assignment Specification 1.11, 2). */
#define PCI_CAP_ID_PM   0x01
#define PCI_CAP_ID_MSI  0x05
#define PCI_CAP_ID_PCIE 0x10
#define PCI_CAP_ID_MSIX 0x11

/* Of an MSI capability's control register (6.8.1.3). */
#define PCI_MSI_64BIT    0x0080
#define PCI_MSI_MASKABLE 0x0100

/* Class codes (the same, 1). */
#define PCI_CLASS_NETWORK     0x02
#define PCI_SUBCLASS_ETHERNET 0x00

#define PCI_VENDOR_NONE 0xffff /* what an empty slot reads as (6.1) */
#define PCI_CONFIG_SIZE 256    /* reached by ports */
#define PCI_ECAM_SIZE   4096   /* reached in memory */

bool pci_is_present(void);
uint32_t pci_bus_read32(unsigned bus, unsigned slot, unsigned func, unsigned offset);

/* Finds the device's configuration space in memory, if the board has that and it is the same one. */
void pci_ecam_open(struct pci_dev *dev);
void pci_ecam_forget(void);

/* Goes through the capabilities: `at` 0 for the first; the next one's offset, 0 at the end. A damaged list
 * ends too:
 * `*left`, PCI_CAPABILITIES_MAX at the start, counts down. */
#define PCI_CAPABILITIES_MAX     48  /* as many as fit in 192 bytes */
#define PCI_EXT_CAPABILITIES_MAX 480 /* as many as fit in 3840 bytes */
unsigned pci_next_capability(const struct pci_dev *dev, unsigned at, unsigned *left);
unsigned pci_next_ext_capability(const struct pci_dev *dev, unsigned at, unsigned *left);

/* Words of pci=... on the command line: nomsi, nommconf. */
bool pci_option(const char *word);
void pci_check_options(void); /* warns about others */

/* drivers/pci/pci_irq.c: the device sends no messages; firmware's driver may have left them on. */
void pci_messages_off(const struct pci_dev *dev);

/* drivers/pci/pci_report.c: a device in one line, as lspci prints it; and all of them with what they can do,
 * as lspci -v prints them. */
char *pci_summary(const struct pci_dev *dev, char *buf, size_t size);
extern struct report pci_report_verbose;

#endif
