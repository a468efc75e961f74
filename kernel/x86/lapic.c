/*
 * lapic.c - the local APIC (Intel SDM volume 3, chapter 10).
 *
 * Its timer sleeps longer and is set faster than the 8254's: one memory write, up to minutes. LINT0 is
 * left in "virtual wire" mode, so that the 8259's interrupts come through.
 */
#include "kernel/x86/lapic.h"

#include "kernel/x86/clock.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"
#include "kernel/x86/trap.h"

#define APIC_BASE_ENABLED (1u << 11)
#define APIC_BASE_X2APIC  (1u << 10)
#define CPUID_APIC        (1u << 9) /* 1 EDX */

#define LAPIC_TPR           0x080
#define LAPIC_EOI           0x0b0
#define LAPIC_SVR           0x0f0
#define LAPIC_LVT_TIMER     0x320
#define LAPIC_LVT_LINT0     0x350
#define LAPIC_LVT_LINT1     0x360
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE  0x3e0

#define SVR_ENABLE   (1u << 8)
#define LVT_MASKED   (1u << 16)
#define LVT_NMI      (4u << 8)
#define LVT_EXTINT   (7u << 8)
#define DIVIDE_BY_16 3u

static volatile uint8_t *lapic;

bool lapic_init(void)
{
    if (!(cpuid(1, 0).edx & CPUID_APIC))
        return false;
    uint64_t base = rdmsr(MSR_APIC_BASE);
    if (!(base & APIC_BASE_ENABLED) || (base & APIC_BASE_X2APIC))
        return false;
    lapic = ioremap(base & 0x000ffffffffff000ull, 4096);
    if (!lapic)
        return false;
    writel(LVT_EXTINT, lapic + LAPIC_LVT_LINT0);
    writel(LVT_NMI, lapic + LAPIC_LVT_LINT1);
    writel(LVT_MASKED, lapic + LAPIC_LVT_TIMER);
    writel(0, lapic + LAPIC_TPR);
    writel(SVR_ENABLE | LAPIC_SPURIOUS_VECTOR, lapic + LAPIC_SVR);
    writel(LVT_EXTINT, lapic + LAPIC_LVT_LINT0); /* these are masked while SVR_ENABLE is off */
    writel(LVT_NMI, lapic + LAPIC_LVT_LINT1);
    writel(DIVIDE_BY_16, lapic + LAPIC_TIMER_DIVIDE);
    return true;
}

void lapic_timer_start_measuring(void)
{
    writel(LVT_MASKED, lapic + LAPIC_LVT_TIMER);
    writel(UINT32_MAX, lapic + LAPIC_TIMER_INITIAL);
}

uint32_t lapic_timer_read(void)
{
    return readl(lapic + LAPIC_TIMER_CURRENT);
}

void lapic_timer_enable(void)
{
    writel(LAPIC_TIMER_VECTOR, lapic + LAPIC_LVT_TIMER);
    writel(0, lapic + LAPIC_TIMER_INITIAL);
}

void lapic_timer_oneshot(uint32_t ticks)
{
    writel(ticks, lapic + LAPIC_TIMER_INITIAL);
}

void lapic_timer_interrupt(void)
{
    idle_timer_interrupt();
    writel(0, lapic + LAPIC_EOI);
}
