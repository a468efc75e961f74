/*
 * power.c - restart and power-off.
 *
 * Power-off knows the two chipsets that emulators and many old PCs have, by their PCI numbers; it
 * does not read ACPI's tables (their answer is a program). Elsewhere it says that the switch may be used.
 */
#include "kernel/panic.h"

#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"

#define KEYBOARD_STATUS     0x64
#define KEYBOARD_INPUT_FULL (1u << 1)
#define KEYBOARD_RESET      0xfe
#define RESET_CONTROL       0xcf9 /* chipset: full reset */
#define RESET_CONTROL_FULL  0x06
#define RESET_WAIT_US       50000

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PM_CONTROL  4 /* PM1a_CNT, behind the power management base */

/* A chipset's power management function: where its I/O base is kept, and how to say "off" (SLP_TYP, SLP_EN).
 */
struct power_chip {
    uint8_t device, function;
    uint32_t id; /* device << 16 | vendor */
    uint8_t base_reg;
    uint16_t base_mask, off;
};

static const struct power_chip power_chips[] = {
    {1, 3, 0x71138086, 0x40, 0xffc0, 0x2000},  /* PIIX4: QEMU's pc */
    {31, 0, 0x29188086, 0x40, 0xff80, 0x2000}, /* ICH9: QEMU's q35 */
};

static uint32_t pci_read(const struct power_chip *chip, uint8_t reg)
{
    outl(PCI_ADDRESS, 1u << 31 | (uint32_t)chip->device << 11 | (uint32_t)chip->function << 8 | reg);
    return inl(PCI_DATA);
}

static void keyboard_reset(void)
{
    for (unsigned i = 0; i < 1000 && (inb(KEYBOARD_STATUS) & KEYBOARD_INPUT_FULL); i++)
        udelay(10);
    outb(KEYBOARD_STATUS, KEYBOARD_RESET);
    udelay(RESET_WAIT_US);
}

/* With no interrupt table any exception becomes a triple fault, on which a PC resets. */
static void triple_fault(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __packed none = {0, 0};
    __asm__ volatile("lidt %0; ud2" : : "m"(none));
}

void machine_restart(void)
{
    local_irq_save();
    console_flush_all();
    keyboard_reset();
    outb(RESET_CONTROL, RESET_CONTROL_FULL);
    udelay(RESET_WAIT_US);
    triple_fault();
    cpu_halt_forever();
}

void machine_power_off(void)
{
    local_irq_save();
    console_flush_all();
    for (unsigned i = 0; i < ARRAY_SIZE(power_chips); i++) {
        const struct power_chip *chip = &power_chips[i];
        uint16_t base = (uint16_t)(pci_read(chip, chip->base_reg) & chip->base_mask);
        if (pci_read(chip, 0) == chip->id && base)
            outw((uint16_t)(base + PM_CONTROL), chip->off);
    }
    log_set_synchronous();
    pr_notice("This machine cannot switch itself off; it is safe to do so now.");
    cpu_halt_forever();
}
