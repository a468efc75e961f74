/*
 * pci.h - the PCI bus: who is there, and which driver takes it.
 *
 * kernel/main.c calls pci_init() once, which walks all buses through configuration mechanism #1
 * (ports 0xcf8 and 0xcfc, PCI Local Bus Specification 3.0, 3.2.2.3.2), then pci_register_driver() for
 * each driver. A driver's probe() calls pci_enable_device(), pci_ioremap_bar() and pci_set_master().
 *
 * Section numbers are of the PCI Local Bus Specification 3.0 unless they say "bridge" (PCI-to-PCI Bridge
 * Architecture Specification 1.2) or "PM" (PCI Bus Power Management Interface Specification 1.2).
 */
#ifndef DRIVERS_PCI_PCI_H
#define DRIVERS_PCI_PCI_H

#include "kernel/irq.h"
#include "kernel/list.h"

#define PCI_BAR_COUNT 6

/* The line register's value for "connected to no interrupt controller" (6.2.4). */
#define PCI_IRQ_NONE 0xff

/* How a device interrupts; as flags, what its driver can deal with. */
#define PCI_IRQ_INTX      0x1 /* a pin: a level, shared */
#define PCI_IRQ_MSI       0x2 /* a message: an edge, its own (6.8.1) */
#define PCI_IRQ_MSIX      0x4 /* the same, from a table in the device's memory (6.8.2) */
#define PCI_IRQ_ALL_TYPES 0x7

struct pci_bar {
    uint64_t base; /* 0: firmware has not placed it */
    uint64_t size; /* 0: this register is not implemented, or is the upper half of the one before */
    bool io;       /* I/O ports; otherwise memory */
    bool is_64bit;
    bool prefetchable;
};

struct pci_driver;

struct pci_dev {
    struct list_head list; /* all devices, in the order they were found */
    uint8_t bus, slot, func;
    uint16_t vendor, device, subsystem_vendor, subsystem_device;
    uint8_t class_base, class_sub, prog_if, revision;
    uint8_t header_type;       /* without the multifunction bit */
    uint8_t irq_line, irq_pin; /* as firmware left them; pin 0: uses no interrupt */
    unsigned irq;              /* for request_irq(), if irq_type is not 0 */
    unsigned irq_type;         /* the one PCI_IRQ_... in use; 0: none */
    unsigned irq_types;        /* those left to be tried */
    struct msi_source messages;
    unsigned intx_attempt;
    bool enabled;
    struct pci_bar bar[PCI_BAR_COUNT]; /* valid after pci_enable_device() */
    struct pci_driver *driver;         /* who took it, or NULL */
    void *drvdata;                     /* the driver's */
    volatile uint8_t *ecam; /* its configuration space in memory; NULL: the first 256 bytes, by ports */
};

/* One kind of device a driver takes. A table ends with an entry of vendor 0. */
struct pci_device_id {
    uint16_t vendor, device;
    unsigned long driver_data;
    const char *name; /* "Intel 82540EM"; NULL: pci_device_name() knows it */
};

struct pci_driver {
    const char *name;
    const struct pci_device_id *id_table;
    /**
     * probe - take a device that is in id_table
     * @ctx: as given to pci_register_driver()
     * Return: 0 - it is this driver's now; -E... - left alone (the driver has said why on the log).
     */
    int (*probe)(struct pci_dev *dev, const struct pci_device_id *id, void *ctx);
    /* Let go of it: silent, all memory returned. NULL: this driver never leaves. */
    void (*remove)(struct pci_dev *dev);
};

/* --- what the board tells, before pci_init() --- */

/* ACPI's MCFG: the configuration space of these buses in memory, that of bus 0 at `base` (PCI
 * Firmware 3.3, 4.1.2). It is used for a device only if it says the same as the ports. */
void pci_ecam_add(uint64_t base, unsigned first_bus, unsigned last_bus);
/* This board cannot do messages (ACPI's IAPC_BOOT_ARCH); nor shall it with pci=nomsi on the command line. */
void pci_forbid_msi(const char *why);

/* --- */

/**
 * pci_init - find every device on every bus and log one line for each
 * Return: how many there are; -ENODEV without a PCI bus, -ENOMEM.
 */
int pci_init(void);
void pci_exit(void); /* forgets all devices; drivers first */

/**
 * pci_register_driver - offer every device that nobody has taken and that stands in driver->id_table
 * @driver: borrowed for good
 * @ctx:    handed to probe(): for a network driver the struct net whose device it becomes
 * Return: how many devices it took (0 is no error).
 */
int pci_register_driver(struct pci_driver *driver, void *ctx);
void pci_unregister_driver(struct pci_driver *driver);

/* Walks all devices; start with NULL, ends with NULL. */
struct pci_dev *pci_next(const struct pci_dev *prev);

/* The bridge whose secondary bus the device is on; NULL on a root bus. */
struct pci_dev *pci_bridge_above(const struct pci_dev *dev);

/* --- for drivers --- */

/**
 * pci_enable_device - wake it up (power state D0), read its BARs, let it answer on its ports and memory
 * Return: 0, or -ENODEV if firmware has given none of its BARs an address.
 */
int __must_check pci_enable_device(struct pci_dev *dev);

/* Allows (forbids) DMA. A device must be silent before DMA is forbidden. */
void pci_set_master(struct pci_dev *dev);
void pci_clear_master(struct pci_dev *dev);

/* Maps memory BAR number `n`; NULL if it is none, has no address or there is no page-table memory. */
volatile void *pci_ioremap_bar(const struct pci_dev *dev, unsigned n);

/**
 * pci_alloc_irq - the best interrupt there is for this device: MSI-X, else MSI, else its pin
 * @types: PCI_IRQ_... that the driver can deal with
 *
 * Sets dev->irq and dev->irq_type. With MSI-X all is to come by entry 0 of the table; the others are masked.
 * Whether it arrives is another matter: the driver tries it out, and goes on with pci_next_irq() if not.
 * Return: 0, or -ENOENT: there is none, poll the device.
 */
int __must_check pci_alloc_irq(struct pci_dev *dev, unsigned types);
int __must_check
pci_next_irq(struct pci_dev *dev);      /* gives this one back (free_irq() first) and takes the next */
void pci_free_irq(struct pci_dev *dev); /* no harm if there is none */
const char *pci_irq_type_name(const struct pci_dev *dev); /* "MSI-X", "MSI", "INTx", "none" */

/* The offset of a capability (6.7), 0 if the device does not have it. */
unsigned pci_find_capability(const struct pci_dev *dev, uint8_t id);

/* --- of PCI Express devices; no harm for others (drivers/pci/pci_reset.c; its link: drivers/pci/pcie.h) ---
 */

/* Forbids DMA and waits for what is under way. Return: false if it does not come to an end. */
bool pci_stop_master(struct pci_dev *dev);
/**
 * pci_reset_function - as if just switched on, if the device can do that (PCI Express 4.0, 6.6.2)
 * Its addresses and command register are put back; interrupts must be allocated after this.
 * Return: 0, or -EOPNOTSUPP, or -EIO if it does not come back.
 */
int pci_reset_function(struct pci_dev *dev);

/* Offsets from 256 on read as all ones where extended configuration space cannot be reached. */
uint8_t pci_read_config8(const struct pci_dev *dev, unsigned offset);
uint16_t pci_read_config16(const struct pci_dev *dev, unsigned offset);
uint32_t pci_read_config32(const struct pci_dev *dev, unsigned offset);
void pci_write_config8(const struct pci_dev *dev, unsigned offset, uint8_t value);
void pci_write_config16(const struct pci_dev *dev, unsigned offset, uint16_t value);
void pci_write_config32(const struct pci_dev *dev, unsigned offset, uint32_t value);

/* --- for people --- */

/* "network card" and the like, by class code. */
const char *pci_class_name(const struct pci_dev *dev);
/* "Intel 82574L": network cards people have, driven here or not; NULL for anything else. */
const char *pci_device_name(const struct pci_dev *dev);
/* "00:03.0 8086:100e network card, Intel 82540EM". Return: buf, always terminated. */
char *pci_describe(const struct pci_dev *dev, char *buf, size_t size);
/* One warning for each network card that no driver took. Return: how many these are. */
int pci_warn_undriven(void);

#endif
