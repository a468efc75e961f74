/*
 * pci_model.h - a PCI bus of models, as configuration mechanism #1 and memory accesses show it.
 *
 * A model fills in a struct pci_model_device and plugs it in; the drivers then find it through ports 0xcf8
 * and 0xcfc and reach its memory through ioremap(), readl() and writel() of
 * tests/host/shadow/kernel/x86/io.h.
 */
#ifndef TESTS_HOST_PCI_MODEL_H
#define TESTS_HOST_PCI_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_MODEL_BARS 6

struct pci_model_device {
    uint8_t bus, slot, func;
    uint8_t config[256];
    uint32_t extended[960]; /* configuration space from 256 on, in memory only */
    /* Writable bits of each BAR (0: not implemented); its low type bits stand in config. */
    uint32_t bar_writable[PCI_MODEL_BARS];

    /* Memory of BAR 0, if it has any: 32-bit accesses at byte offsets. */
    uint32_t (*mmio_read)(void *ctx, uint32_t offset);
    void (*mmio_write)(void *ctx, uint32_t offset, uint32_t value);
    void *ctx;
    size_t mmio_size;

    bool flr_works; /* it comes back from a function-level reset with its BARs and command cleared */

    uint8_t *ecam; /* the same for configuration space in memory */
    uint8_t *mmio; /* where ioremap() put it: addresses only, no memory */
    struct pci_model_device *next;
};

/* Sets the identity; the rest of config stays as it is. class_code: base, sub-class and interface in 24 bits.
 */
void pci_model_init(struct pci_model_device *dev, unsigned bus, unsigned slot, unsigned func, uint16_t vendor,
                    uint16_t device, uint32_t class_code);
void pci_model_set16(struct pci_model_device *dev, unsigned offset, uint16_t value);
void pci_model_set32(struct pci_model_device *dev, unsigned offset, uint32_t value);
uint16_t pci_model_get16(const struct pci_model_device *dev, unsigned offset);
uint32_t pci_model_get32(const struct pci_model_device *dev, unsigned offset);

void pci_model_add(struct pci_model_device *dev); /* borrowed until removed */
void pci_model_remove(struct pci_model_device *dev);

/* Whether the driver may do DMA (bus master) and be reached (memory decoding), by the command register. */
bool pci_model_is_master(const struct pci_model_device *dev);
bool pci_model_decodes_memory(const struct pci_model_device *dev);

/* Configuration space in memory, that of bus 0 at `base`; 0: there is none. wrong: something else is there.
 */
void pci_model_set_ecam(uint64_t base, bool wrong);

/* What a driver must not do: accesses to memory nobody decodes, BARs sized while they decode. */
unsigned pci_model_violations(void);
/* The machine has no PCI at all. */
void pci_model_set_absent(bool absent);

#endif
