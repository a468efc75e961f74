/*
 * i6300esb.c - the watchdog of the Intel 6300ESB I/O controller hub (datasheet 300641, chapter 17), which
 * QEMU imitates.
 *
 * Two timers run one after the other: the first would interrupt, the second resets. Each gets half of the
 * time. A write to its registers is heeded only after two other values have been written to the reload
 * register.
 */
#include "drivers/watchdog/watchdog.h"

#include "drivers/pci/pci.h"
#include "kernel/log.h"
#include "kernel/watchdog.h"
#include "kernel/x86/io.h"

#define ESB_CONFIG           0x60 /* configuration space, 16 bits */
#define ESB_CONFIG_NO_INTR   0x0003
#define ESB_LOCK             0x68 /* configuration space, 8 bits */
#define ESB_LOCK_ENABLE      (1u << 1)
#define ESB_TIMER1           0x00
#define ESB_TIMER2           0x04
#define ESB_RELOAD           0x0c
#define ESB_RELOAD_NOW       (1u << 8)
#define ESB_RELOAD_TIMED_OUT (1u << 9) /* the last reset was ours; written as one it is cleared */
#define ESB_UNLOCK_1         0x80
#define ESB_UNLOCK_2         0x86
#define ESB_HZ               1007 /* the PCI clock of 33 MHz by 2^15 */
#define ESB_TIMER_MAX        0xfffffu

static struct {
    struct pci_dev *pci;
    volatile uint8_t *regs;
} esb;

static void unlock(void)
{
    writew(ESB_UNLOCK_1, esb.regs + ESB_RELOAD);
    writew(ESB_UNLOCK_2, esb.regs + ESB_RELOAD);
}

static void esb_feed(void)
{
    unlock();
    writew(ESB_RELOAD_NOW, esb.regs + ESB_RELOAD);
}

static bool esb_start(unsigned seconds)
{
    pci_write_config16(esb.pci, ESB_CONFIG, ESB_CONFIG_NO_INTR);
    unlock();
    writel(seconds * ESB_HZ / 2, esb.regs + ESB_TIMER1);
    unlock();
    writel(seconds * ESB_HZ / 2, esb.regs + ESB_TIMER2);
    esb_feed();
    pci_write_config8(esb.pci, ESB_LOCK, ESB_LOCK_ENABLE);
    esb_feed();
    return true;
}

static void esb_stop(void)
{
    pci_write_config8(esb.pci, ESB_LOCK, 0);
}

static const struct watchdog watchdog = {.name = "i6300esb",
                                         .seconds_min = 2,
                                         .seconds_max = 2 * ESB_TIMER_MAX / ESB_HZ,
                                         .by_default = true,
                                         .start = esb_start,
                                         .feed = esb_feed,
                                         .stop = esb_stop};

static int esb_probe(struct pci_dev *dev, const struct pci_device_id *id, void *ctx)
{
    int err = pci_enable_device(dev);
    if (err)
        return err;
    esb.regs = pci_ioremap_bar(dev, 0);
    if (!esb.regs)
        return -1;
    esb.pci = dev;
    watchdog_register(&watchdog);
    return 0;
}

static const struct pci_device_id esb_ids[] = {{0x8086, 0x25ab, 0, "Intel 6300ESB watchdog"}, {0}};
static struct pci_driver esb_driver = {.name = "i6300esb", .id_table = esb_ids, .probe = esb_probe};

void i6300esb_init(void)
{
    pci_register_driver(&esb_driver, NULL);
}
