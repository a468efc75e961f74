/*
 * acpi_power.c - ACPI's registers for reset, power-off and the power button (ACPI 6.5, 4.8.2 and 4.8.3).
 *
 * Firmware hands power management over when it is told to (ACPI mode). From then on the power button is a bit
 * in PM1's event registers and an interrupt, the SCI, which comes on a line PCI devices may share. Where the
 * interrupt cannot be had, a timer looks at the bit.
 */
#include "kernel/x86/acpi_power.h"

#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/shutdown.h"
#include "kernel/softirq.h"
#include "kernel/timer.h"
#include "kernel/x86/acpi.h"
#include "kernel/x86/io.h"

#define PM1_POWER_BUTTON (1u << 8) /* status and enable */
#define PM1_ALL_EVENTS   0x8731    /* timer, bus master, global lock, buttons, battery clock, wake */
#define PM1_SCI_EN       (1u << 0) /* control: ACPI mode */
#define PM1_SLP_TYP(t)   ((t) << 10)
#define PM1_SLP_MASK     0x3c00 /* type and SLP_EN */
#define PM1_SLP_EN       (1u << 13)
#define SLEEP_TYP(t)     ((t) << 2) /* hardware-reduced (4.8.3.7) */
#define SLEEP_EN         (1u << 5)

#define SPACE_MEMORY 0
#define SPACE_IO     1
#define SPACE_PCI    2
#define PCI_ADDRESS  0xcf8
#define PCI_DATA     0xcfc

#define ENABLE_WAIT_MS 3000
#define POLL_MS        250
#define END_WAIT_US    500000

static struct {
    struct softirq pressed;
    struct timer poll;
    volatile uint32_t *reset_memory;
} power;

/* --- one register of 8 bits anywhere (5.2.3.2) --- */

static void register_write(const struct acpi_register *reg, uint8_t value)
{
    uint64_t at = reg->address;
    if (reg->space == SPACE_IO && at <= UINT16_MAX)
        outb((uint16_t)at, value);
    if (reg->space == SPACE_PCI) { /* bus 0: device, function and offset in 16 bits each */
        outl(PCI_ADDRESS,
             1u << 31 | (uint32_t)(at >> 32 & 31) << 11 | (uint32_t)(at >> 16 & 7) << 8 | (at & 0xfc));
        outb((uint16_t)(PCI_DATA + (at & 3)), value);
    }
    if (reg->space == SPACE_MEMORY && power.reset_memory)
        *(volatile uint8_t *)power.reset_memory = value;
}

/* --- reset and off --- */

void acpi_reset(void)
{
    const struct acpi_info *info = acpi_info();
    if (!info->reset.address)
        return;
    register_write(&info->reset, info->reset_value);
    udelay(END_WAIT_US / 10);
}

static void write_sleep(uint16_t port, uint8_t type, uint16_t enable)
{
    if (port)
        outw(port, (uint16_t)((inw(port) & ~PM1_SLP_MASK) | PM1_SLP_TYP(type) | enable));
}

void acpi_power_off(void)
{
    const struct acpi_info *info = acpi_info();
    if (!info->has_s5)
        return;
    if (info->hw_reduced && info->sleep_control.space == SPACE_IO && info->sleep_control.address)
        register_write(&info->sleep_control, (uint8_t)(SLEEP_TYP(info->s5_type_a) | SLEEP_EN));
    for (uint16_t enable = 0; enable <= PM1_SLP_EN; enable += PM1_SLP_EN) { /* first the type, then go */
        write_sleep(info->pm1a_control, info->s5_type_a, enable);
        write_sleep(info->pm1b_control, info->s5_type_b, enable);
    }
    udelay(END_WAIT_US);
}

/* --- the button --- */

static void button_action(struct softirq *self)
{
    pr_notice("The power button was pressed: switching off.");
    shutdown_start(SHUTDOWN_POWER_OFF);
}

/* Return: whether the button was pressed since the last look. */
static bool button_take(uint16_t status)
{
    if (!status || !(inw(status) & PM1_POWER_BUTTON))
        return false;
    outw(status, PM1_POWER_BUTTON);
    return true;
}

static bool button_look(void)
{
    bool a = button_take(acpi_info()->pm1a_event), b = button_take(acpi_info()->pm1b_event);
    if (a || b)
        raise_softirq(&power.pressed);
    return a || b;
}

static enum irqreturn sci_interrupt(unsigned irq, void *arg)
{
    return button_look() ? IRQ_HANDLED : IRQ_NONE;
}

static void button_poll(struct timer *self)
{
    button_look();
    mod_timer(self, ktime_get_ms() + POLL_MS);
}

/* Of all events only the button may interrupt: the others, and firmware's own, would find nobody who answers.
 */
static void events_prepare(uint16_t status)
{
    if (!status)
        return;
    outw(status, PM1_ALL_EVENTS);
    outw((uint16_t)(status + acpi_info()->pm1_event_length / 2), PM1_POWER_BUTTON);
}

static void general_events_off(uint16_t block, uint8_t length)
{
    for (unsigned i = length / 2; block && i < length; i++)
        outb((uint16_t)(block + i), 0);
}

/* Return: false if firmware does not let go. */
static bool acpi_mode_enable(const struct acpi_info *info)
{
    if (inw(info->pm1a_control) & PM1_SCI_EN)
        return true;
    if (info->smi_command && info->acpi_enable)
        outb(info->smi_command, info->acpi_enable);
    for (unsigned ms = 0; ms < ENABLE_WAIT_MS && !(inw(info->pm1a_control) & PM1_SCI_EN); ms++)
        udelay(1000);
    return inw(info->pm1a_control) & PM1_SCI_EN;
}

void acpi_power_init(void)
{
    const struct acpi_info *info = acpi_info();
    if (info->reset.address && info->reset.space == SPACE_MEMORY)
        power.reset_memory = (volatile uint32_t *)ioremap(info->reset.address, sizeof(uint32_t));
    if (!info->pm1a_control || !info->pm1a_event)
        return;
    if (!acpi_mode_enable(info)) {
        pr_warn("ACPI: firmware keeps power management; the power button does what firmware likes");
        return;
    }
    general_events_off(info->gpe0, info->gpe0_length);
    general_events_off(info->gpe1, info->gpe1_length);
    events_prepare(info->pm1a_event);
    events_prepare(info->pm1b_event);
    open_softirq(&power.pressed, TIMER_SOFTIRQ, button_action);
    if (request_irq(info->sci_irq, sci_interrupt, "acpi", NULL) == 0)
        return;
    pr_info("ACPI: no interrupt for the power button; looking at it every %d ms", POLL_MS);
    timer_setup(&power.poll, button_poll);
    mod_timer(&power.poll, ktime_get_ms() + POLL_MS);
}
