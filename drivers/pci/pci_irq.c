/*
 * pci_irq.c - how a device's interrupt comes to the CPU: as a message (MSI-X, MSI), else by its pin.
 *
 * A message goes straight to the local APIC, shares with nobody, and cannot overtake the data the device has
 * written before it. Where a pin comes out is kernel/x86/apic.c's to find.
 */
#include "drivers/pci/pci_config.h"

#include <errno.h>

#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/x86/io.h"

/* MSI (6.8.1). */
#define MSI_CONTROL      2
#define MSI_ENABLE       0x0001
#define MSI_MULTIPLE     0x0070 /* messages in use, as a power of two */
#define MSI_ADDRESS      4
#define MSI_ADDRESS_HIGH 8
#define MSI_DATA_32      8
#define MSI_DATA_64      12
#define MSI_MASK_32      12
#define MSI_MASK_64      16

/* MSI-X (6.8.2). */
#define MSIX_CONTROL       2
#define MSIX_ENABLE        0x8000
#define MSIX_FUNCTION_MASK 0x4000
#define MSIX_LAST_ENTRY    0x07ff
#define MSIX_TABLE         4 /* which BAR, and where in it */
#define MSIX_TABLE_BAR     0x7u
#define MSIX_ENTRY_SIZE    16
#define MSIX_ENTRY_ADDRESS 0
#define MSIX_ENTRY_HIGH    4
#define MSIX_ENTRY_DATA    8
#define MSIX_ENTRY_CONTROL 12
#define MSIX_ENTRY_MASKED  0x1

static const char *msi_forbidden; /* by whom */

void pci_forbid_msi(const char *why)
{
    msi_forbidden = why;
}

static void write_control(const struct pci_dev *dev, unsigned at, uint16_t clear, uint16_t set)
{
    unsigned long flags = local_irq_save(); /* a handler may mask its device */

    pci_write_config16(dev, at, (uint16_t)((pci_read_config16(dev, at) & ~clear) | set));
    local_irq_restore(flags);
}

static void set_pin(const struct pci_dev *dev, bool on)
{
    write_control(dev, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, on ? 0 : PCI_COMMAND_INTX_DISABLE);
}

void pci_messages_off(const struct pci_dev *dev)
{
    unsigned msi = pci_find_capability(dev, PCI_CAP_ID_MSI), msix = pci_find_capability(dev, PCI_CAP_ID_MSIX);

    if (msi)
        write_control(dev, msi + MSI_CONTROL, MSI_ENABLE, 0);
    if (msix)
        write_control(dev, msix + MSIX_CONTROL, MSIX_ENABLE, 0);
}

static void silence(const struct pci_dev *dev)
{
    pci_messages_off(dev);
    set_pin(dev, false);
}

/* --- messages --- */

static unsigned mask_register(const struct pci_dev *dev, unsigned msi)
{
    uint16_t control = pci_read_config16(dev, msi + MSI_CONTROL);

    if (!(control & PCI_MSI_MASKABLE))
        return 0;
    return msi + (control & PCI_MSI_64BIT ? MSI_MASK_64 : MSI_MASK_32);
}

static void write_msi(const struct pci_dev *dev, unsigned msi, const struct msi_msg *msg)
{
    bool is_64bit = pci_read_config16(dev, msi + MSI_CONTROL) & PCI_MSI_64BIT;
    unsigned mask = mask_register(dev, msi);

    pci_write_config32(dev, msi + MSI_ADDRESS, (uint32_t)msg->address);
    if (is_64bit)
        pci_write_config32(dev, msi + MSI_ADDRESS_HIGH, (uint32_t)(msg->address >> 32));
    pci_write_config16(dev, msi + (is_64bit ? MSI_DATA_64 : MSI_DATA_32), (uint16_t)msg->data);
    if (mask)
        pci_write_config32(dev, mask, 0);
    write_control(dev, msi + MSI_CONTROL, MSI_MULTIPLE, MSI_ENABLE);
}

/*
 * The line's controller asks for it (kernel/irq.h): nobody has the line, or nobody wants what comes by it.
 * What a device has to say meanwhile comes when it is let through again - from one that cannot hold MSI back,
 * nothing.
 */
static void set_masked(struct msi_source *self, bool masked)
{
    struct pci_dev *dev = container_of(self, struct pci_dev, messages);
    unsigned msi = pci_find_capability(dev, PCI_CAP_ID_MSI), msix = pci_find_capability(dev, PCI_CAP_ID_MSIX);
    unsigned mask = dev->irq_type == PCI_IRQ_MSI && msi ? mask_register(dev, msi) : 0;

    if (mask)
        pci_write_config32(dev, mask, masked);
    else if (dev->irq_type == PCI_IRQ_MSI && msi)
        write_control(dev, msi + MSI_CONTROL, MSI_ENABLE, masked ? 0 : MSI_ENABLE);
    else if (dev->irq_type == PCI_IRQ_MSIX && msix)
        write_control(dev, msix + MSIX_CONTROL, MSIX_FUNCTION_MASK, masked ? MSIX_FUNCTION_MASK : 0);
}

/* The table, or NULL if it does not lie where the device has memory. */
static volatile uint8_t *msix_table(const struct pci_dev *dev, unsigned msix)
{
    uint32_t place = pci_read_config32(dev, msix + MSIX_TABLE);
    unsigned n = place & MSIX_TABLE_BAR,
             entries = (pci_read_config16(dev, msix + MSIX_CONTROL) & MSIX_LAST_ENTRY) + 1;
    uint32_t offset = place & ~MSIX_TABLE_BAR;

    if (n >= PCI_BAR_COUNT || dev->bar[n].size < offset ||
        dev->bar[n].size - offset < (uint64_t)entries * MSIX_ENTRY_SIZE)
        return NULL;
    volatile uint8_t *bar = pci_ioremap_bar(dev, n);
    return bar ? bar + offset : NULL;
}

static void write_msix(const struct pci_dev *dev, unsigned msix, volatile uint8_t *table,
                       const struct msi_msg *msg)
{
    unsigned last = pci_read_config16(dev, msix + MSIX_CONTROL) & MSIX_LAST_ENTRY;

    write_control(dev, msix + MSIX_CONTROL, 0, MSIX_ENABLE | MSIX_FUNCTION_MASK);
    for (unsigned i = 1; i <= last; i++)
        writel(MSIX_ENTRY_MASKED, table + i * MSIX_ENTRY_SIZE + MSIX_ENTRY_CONTROL);
    writel((uint32_t)msg->address, table + MSIX_ENTRY_ADDRESS);
    writel((uint32_t)(msg->address >> 32), table + MSIX_ENTRY_HIGH);
    writel(msg->data, table + MSIX_ENTRY_DATA);
    writel(0, table + MSIX_ENTRY_CONTROL);
    write_control(dev, msix + MSIX_CONTROL, MSIX_FUNCTION_MASK, 0);
}

static bool messages_allowed(void)
{
    return !msi_forbidden && !pci_option("nomsi");
}

/* 0, or -E... if the device, the board or the command line will not have it. */
static int take_message(struct pci_dev *dev, unsigned type)
{
    unsigned at = pci_find_capability(dev, type == PCI_IRQ_MSIX ? PCI_CAP_ID_MSIX : PCI_CAP_ID_MSI);
    volatile uint8_t *table = at && type == PCI_IRQ_MSIX ? msix_table(dev, at) : NULL;
    struct msi_msg msg;

    if (!at || !messages_allowed() || (type == PCI_IRQ_MSIX && !table))
        return -ENODEV;
    dev->messages.set_masked = set_masked;
    int irq = irq_alloc_msi(&msg, &dev->messages);
    if (irq < 0)
        return irq;
    silence(dev);
    if (type == PCI_IRQ_MSIX)
        write_msix(dev, at, table, &msg);
    else
        write_msi(dev, at, &msg);
    dev->irq = (unsigned)irq;
    return 0;
}

/* --- the pin --- */

static int take_pin(struct pci_dev *dev)
{
    int irq = dev->irq_pin ? irq_route_intx(dev->irq_line, dev->intx_attempt) : -ENOENT;

    if (irq < 0)
        return irq;
    silence(dev);
    set_pin(dev, true);
    dev->irq = (unsigned)irq;
    return 0;
}

/* --- choosing --- */

static int take_best(struct pci_dev *dev)
{
    for (unsigned type = PCI_IRQ_MSIX; type; type >>= 1) {
        if (!(dev->irq_types & type))
            continue;
        dev->irq_type = type;
        if ((type == PCI_IRQ_INTX ? take_pin(dev) : take_message(dev, type)) == 0)
            return 0;
        dev->irq_types &= ~type;
    }
    dev->irq_type = 0;
    return -ENOENT;
}

int pci_alloc_irq(struct pci_dev *dev, unsigned types)
{
    pci_free_irq(dev);
    dev->irq_types = types;
    dev->intx_attempt = 0;
    return take_best(dev);
}

/* The device is silent; its line belongs to nobody. */
static void give_back(struct pci_dev *dev)
{
    silence(dev);
    if (dev->irq_type != PCI_IRQ_INTX)
        irq_free_msi(dev->irq);
    dev->irq_type = 0;
}

int pci_next_irq(struct pci_dev *dev)
{
    if (dev->irq_type == PCI_IRQ_INTX)
        dev->intx_attempt++; /* there may be another way for a pin */
    else
        dev->irq_types &= ~dev->irq_type;
    if (dev->irq_type)
        give_back(dev);
    return take_best(dev);
}

void pci_free_irq(struct pci_dev *dev)
{
    if (dev->irq_type)
        give_back(dev);
}

const char *pci_irq_type_name(const struct pci_dev *dev)
{
    switch (dev->irq_type) {
    case PCI_IRQ_MSIX:
        return "MSI-X";
    case PCI_IRQ_MSI:
        return "MSI";
    case PCI_IRQ_INTX:
        return "INTx";
    default:
        return "none";
    }
}
