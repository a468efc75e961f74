/*
 * acpi_pm.c - ACPI's power management timer as a clock: 3.579545 MHz, 24 or 32 bits (ACPI 6.5, 4.8.2.1).
 */
#include "kernel/x86/clocksource.h"

#include "kernel/x86/acpi.h"
#include "kernel/x86/io.h"

#define PM_TIMER_HZ     3579545
#define PM_TIMER_BITS   0xffffffu
#define STRAY_TICKS_MAX 1000
#define READS_MAX       10

static uint16_t port;

/*
 * Some chipsets (82371AB, erratum 20) let a reader see the counter while it carries. Two readings that follow
 * each other closely were both right.
 */
static uint64_t pm_timer_read(void)
{
    uint32_t before, now = inl(port);
    for (unsigned i = 0; i < READS_MAX; i++) {
        before = now;
        now = inl(port);
        if (((now - before) & PM_TIMER_BITS) < STRAY_TICKS_MAX)
            break;
    }
    return now;
}

static struct clocksource clock = {.name = "acpi_pm", .read = pm_timer_read, .hz = PM_TIMER_HZ};

const struct clocksource *acpi_pm_clock_init(void)
{
    port = acpi_info()->pm_timer;
    clock.mask = acpi_info()->pm_timer_32bit ? UINT32_MAX : PM_TIMER_BITS;
    return port && clocksource_counts(&clock) ? &clock : NULL;
}
