/*
 * hpet.c - the High Precision Event Timer's main counter (IA-PC HPET Specification 1.0a, 2.3).
 *
 * Its comparators are not used: the local APIC's timer wakes the CPU. Only the low half of the counter is
 * read, which all of them have.
 */
#include "kernel/x86/clocksource.h"

#include "kernel/x86/acpi.h"
#include "kernel/x86/io.h"

#define HPET_SIZE     1024
#define HPET_ID       0x000
#define HPET_PERIOD   0x004 /* upper half of the capabilities: femtoseconds per count */
#define HPET_CONFIG   0x010
#define HPET_COUNTER  0x0f0
#define CONFIG_ENABLE (1u << 0)
#define CONFIG_LEGACY (1u << 1) /* takes the place of the 8254's and the battery clock's interrupts */
#define ID_REVISION   0xffu

#define FSEC_PER_SEC 1000000000000000ull
#define PERIOD_MAX   100000000u /* 2.3.4 */
#define PERIOD_MIN   100000u    /* 10 GHz: no such counter has been built */

static volatile uint8_t *hpet;

static uint64_t hpet_read(void)
{
    return readl(hpet + HPET_COUNTER);
}

static struct clocksource clock = {.name = "hpet", .read = hpet_read, .mask = UINT32_MAX};

const struct clocksource *hpet_clock_init(void)
{
    uint64_t address = acpi_info()->hpet_address;
    if (!address || address % sizeof(uint64_t))
        return NULL;
    hpet = ioremap(address, HPET_SIZE);
    if (!hpet || !(readl(hpet + HPET_ID) & ID_REVISION))
        return NULL;
    uint32_t period = readl(hpet + HPET_PERIOD);
    if (period < PERIOD_MIN || period > PERIOD_MAX)
        return NULL;
    clock.hz = FSEC_PER_SEC / period;
    writel((readl(hpet + HPET_CONFIG) & ~CONFIG_LEGACY) | CONFIG_ENABLE, hpet + HPET_CONFIG);
    return clocksource_counts(&clock) ? &clock : NULL;
}
