/*
 * itco.c - the TCO timer in the LPC bridge of Intel's chipsets, ICH9 to the 9 series (I/O Controller Hub 9
 * datasheet 316972, 13.9): the watchdog nearly every Intel PC of 2007 to 2015 has. QEMU's q35 imitates it.
 *
 * It counts down in steps of 0.6 s, twice: the first time out would be firmware's to handle, the second
 * resets. A strap of the board can forbid the reset for good; then it is said and not used. Not on by
 * default: a machine whose firmware plays with the timer must not restart because of us.
 */
#include "drivers/watchdog/watchdog.h"

#include "drivers/pci/pci.h"
#include "kernel/log.h"
#include "kernel/watchdog.h"
#include "kernel/x86/io.h"

/* LPC bridge, configuration space (13.1). */
#define LPC_PMBASE      0x40
#define LPC_PMBASE_MASK 0xff80
#define LPC_ACPI_CNTL   0x44
#define LPC_ACPI_EN     (1u << 7)
#define LPC_RCBA        0xf0
#define LPC_RCBA_MASK   0xffffc000u
#define LPC_RCBA_EN     (1u << 0)
#define RCBA_GCS        0x3410 /* general control and status */
#define GCS_NO_REBOOT   (1u << 5)

/* Ports from PMBASE. */
#define PM_SMI_EN        0x30
#define SMI_TCO_EN       (1u << 13)
#define TCO_RLD          0x60
#define TCO1_STS         0x64
#define TCO1_STS_TIMEOUT (1u << 3)
#define TCO2_STS         0x66
#define TCO2_STS_SECOND  (1u << 1)
#define TCO1_CNT         0x68
#define TCO1_CNT_HALT    (1u << 11)
#define TCO_TMR          0x72
#define TCO_TMR_MASK     0x03ff
#define TICKS_PER_SECOND 10 / 6
#define TICKS_MIN        4

static uint16_t base;
static volatile uint8_t *gcs;

static void itco_feed(void)
{
    outw((uint16_t)(base + TCO_RLD), 1);
}

static void itco_stop(void)
{
    outw((uint16_t)(base + TCO1_CNT), inw((uint16_t)(base + TCO1_CNT)) | TCO1_CNT_HALT);
}

static bool itco_start(unsigned seconds)
{
    writel(readl(gcs) & ~GCS_NO_REBOOT, gcs);
    if (readl(gcs) & GCS_NO_REBOOT) {
        pr_warn("watchdog: this board forbids its TCO timer to reset it; not used");
        return false;
    }
    itco_stop();
    outl((uint16_t)(base + PM_SMI_EN), inl((uint16_t)(base + PM_SMI_EN)) & ~SMI_TCO_EN);
    uint16_t ticks = (uint16_t)max(seconds * TICKS_PER_SECOND / 2, (unsigned)TICKS_MIN);
    outw((uint16_t)(base + TCO_TMR),
         (uint16_t)((inw((uint16_t)(base + TCO_TMR)) & (uint16_t)~TCO_TMR_MASK) | ticks));
    outw((uint16_t)(base + TCO1_STS), TCO1_STS_TIMEOUT);
    outw((uint16_t)(base + TCO2_STS), TCO2_STS_SECOND);
    itco_feed();
    outw((uint16_t)(base + TCO1_CNT), inw((uint16_t)(base + TCO1_CNT)) & (uint16_t)~TCO1_CNT_HALT);
    return true;
}

static const struct watchdog watchdog = {.name = "iTCO",
                                         .seconds_min = 5,
                                         .seconds_max = 2 * TCO_TMR_MASK * 6 / 10,
                                         .start = itco_start,
                                         .feed = itco_feed,
                                         .stop = itco_stop};

/* LPC bridges by device number, first and last of each family. */
static const struct {
    uint16_t first, last;
} bridges[] = {
    {0x2912, 0x2919}, /* ICH9 */
    {0x3a14, 0x3a1a}, /* ICH10 */
    {0x3b00, 0x3b1f}, /* 5 series */
    {0x1c40, 0x1c5f}, /* 6 series */
    {0x1e40, 0x1e5f}, /* 7 series */
    {0x8c40, 0x8c5f}, /* 8 series */
    {0x9c40, 0x9c47}, /* 8 series, mobile */
    {0x8cc0, 0x8cdf}, /* 9 series */
    {0x9cc1, 0x9cc9}, /* 9 series, mobile */
};

static bool is_bridge(const struct pci_dev *dev)
{
    if (dev->vendor != 0x8086 || dev->bus || dev->slot != 31 || dev->func)
        return false;
    for (unsigned i = 0; i < sizeof(bridges) / sizeof(bridges[0]); i++)
        if (dev->device >= bridges[i].first && dev->device <= bridges[i].last)
            return true;
    return false;
}

static void itco_probe(struct pci_dev *dev)
{
    uint32_t rcba = pci_read_config32(dev, LPC_RCBA);
    base = pci_read_config16(dev, LPC_PMBASE) & LPC_PMBASE_MASK;
    if (!base || !(pci_read_config8(dev, LPC_ACPI_CNTL) & LPC_ACPI_EN) || !(rcba & LPC_RCBA_EN))
        return;
    gcs = ioremap((rcba & LPC_RCBA_MASK) + RCBA_GCS, sizeof(uint32_t));
    if (gcs)
        watchdog_register(&watchdog);
}

void itco_init(void)
{
    for (struct pci_dev *dev = pci_next(NULL); dev; dev = pci_next(dev))
        if (is_bridge(dev))
            itco_probe(dev);
}
