/*
 * power.c - restart and power-off.
 *
 * By ACPI's registers where the tables tell them. A restart then tries what PCs have had longer: keyboard
 * controller, chipset, and a fault no CPU survives. Where nothing switches off, it says that the switch may
 * be used.
 */
#include "kernel/panic.h"

#include "kernel/crash_log.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "kernel/watchdog.h"
#include "kernel/x86/acpi_power.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"

#define KEYBOARD_STATUS     0x64
#define KEYBOARD_INPUT_FULL (1u << 1)
#define KEYBOARD_RESET      0xfe
#define RESET_CONTROL       0xcf9 /* chipset: full reset */
#define RESET_CONTROL_FULL  0x06
#define RESET_WAIT_US       50000

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

/* A watchdog is left running: should none of these work, it will. */
void machine_restart(void)
{
    local_irq_save();
    console_flush_all();
    crash_log_ends(CRASH_LOG_ORDERLY);
    cpu_write_back_caches();
    acpi_reset();
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
    crash_log_ends(CRASH_LOG_ORDERLY);
    cpu_write_back_caches();
    watchdog_stop();
    acpi_power_off();
    log_set_synchronous();
    pr_notice("This machine cannot switch itself off; it is safe to do so now.");
    cpu_halt_forever();
}
