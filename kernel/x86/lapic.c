/*
 * lapic.c - the local APIC (Intel SDM volume 3, chapter 10).
 *
 * Its registers are a page of memory (xAPIC), or model-specific registers (x2APIC, 10.12) where firmware has
 * left it so or the page does not answer: a CPU that forbids the page must come up in x2APIC mode.
 * Firmware's own entries for thermal and performance interrupts stay as they are: they may be its SMIs.
 */
#include "kernel/x86/lapic.h"

#include "kernel/x86/clock.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"
#include "kernel/x86/trap.h"

#define APIC_BASE_ENABLED (1u << 11)
#define APIC_BASE_X2APIC  (1u << 10)
#define APIC_BASE_ADDRESS 0x000ffffffffff000ull
#define CPUID_APIC        (1u << 9)  /* 1 EDX */
#define CPUID_X2APIC      (1u << 21) /* 1 ECX */
#define MSR_X2APIC        0x800 /* of the register at offset 0; the next for every 16 bytes (10.12.1.2) */

#define LAPIC_ID            0x020
#define LAPIC_VERSION       0x030
#define LAPIC_TPR           0x080
#define LAPIC_EOI           0x0b0
#define LAPIC_SVR           0x0f0
#define LAPIC_ISR           0x100 /* 8 registers, 16 bytes apart */
#define LAPIC_ESR           0x280
#define LAPIC_LVT_TIMER     0x320
#define LAPIC_LVT_LINT0     0x350
#define LAPIC_LVT_LINT1     0x360
#define LAPIC_LVT_ERROR     0x370
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE  0x3e0

#define SVR_ENABLE     (1u << 8)
#define LVT_MASKED     (1u << 16)
#define LVT_NMI        (4u << 8)
#define LVT_EXTINT     (7u << 8)
#define DIVIDE_BY_16   3u
#define XAPIC_ID_SHIFT 24
#define NR_VECTORS     256

static struct {
    volatile uint8_t *regs; /* NULL in x2APIC mode */
    bool present, x2apic, virtual_wire;
    struct lapic_stats stats;
} lapic;

static uint32_t lapic_read(unsigned reg)
{
    return lapic.x2apic ? (uint32_t)rdmsr(MSR_X2APIC + reg / 16) : readl(lapic.regs + reg);
}

static void lapic_write(unsigned reg, uint32_t value)
{
    if (unlikely(lapic.x2apic))
        wrmsr(MSR_X2APIC + reg / 16, value);
    else
        writel(value, lapic.regs + reg);
}

/* Finds the way to the registers. */
static bool lapic_reach(void)
{
    struct cpuid_result features = cpuid(1, 0);
    if (!(features.edx & CPUID_APIC))
        return false;
    uint64_t base = rdmsr(MSR_APIC_BASE);
    if (!(base & APIC_BASE_ENABLED))
        return false;
    lapic.x2apic = base & APIC_BASE_X2APIC;
    if (lapic.x2apic)
        return true;
    lapic.regs = ioremap(base & APIC_BASE_ADDRESS, 4096);
    if (lapic.regs && readl(lapic.regs + LAPIC_VERSION) != UINT32_MAX)
        return true;
    lapic.x2apic = features.ecx & CPUID_X2APIC;
    if (lapic.x2apic)
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
    return lapic.x2apic;
}

/* What firmware has left in service would hold back everything of its priority and below, for ever. */
static void lapic_end_old_interrupts(void)
{
    for (unsigned n = 0; n < NR_VECTORS; n++) {
        uint32_t in_service = 0;
        for (unsigned i = 0; i < 8; i++)
            in_service |= lapic_read(LAPIC_ISR + 16 * i);
        if (!in_service)
            return;
        lapic_eoi();
    }
}

static void write_lint0(void)
{
    lapic_write(LAPIC_LVT_LINT0, lapic.virtual_wire ? LVT_EXTINT : LVT_EXTINT | LVT_MASKED);
}

bool lapic_init(void)
{
    if (lapic.present)
        return true;
    if (!lapic_reach())
        return false;
    lapic_write(LAPIC_TPR, 0);
    /* First of all: while it is off, the entries below cannot be unmasked. */
    lapic_write(LAPIC_SVR, SVR_ENABLE | LAPIC_SPURIOUS_VECTOR);
    write_lint0();
    lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
    lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | LAPIC_TIMER_VECTOR);
    lapic_write(LAPIC_ESR, 0); /* forgets old errors */
    lapic_write(LAPIC_LVT_ERROR, LAPIC_ERROR_VECTOR);
    lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
    lapic_end_old_interrupts();
    lapic.present = true;
    return true;
}

bool lapic_is_x2apic(void)
{
    return lapic.x2apic;
}

uint32_t lapic_id(void)
{
    uint32_t id = lapic_read(LAPIC_ID);
    return lapic.x2apic ? id : id >> XAPIC_ID_SHIFT;
}

void lapic_eoi(void)
{
    lapic_write(LAPIC_EOI, 0);
}

void lapic_set_virtual_wire(bool open)
{
    if (open == lapic.virtual_wire)
        return;
    lapic.virtual_wire = open;
    if (lapic.present)
        write_lint0();
}

/* The register shows errors since it was last written (10.5.3). */
static void lapic_error_interrupt(void)
{
    lapic_write(LAPIC_ESR, 0);
    lapic.stats.last_error = lapic_read(LAPIC_ESR);
    lapic.stats.errors++;
    lapic_eoi();
}

/* A spurious interrupt is not in service, so it gets no answer (10.9). */
void lapic_other_interrupt(unsigned vector)
{
    if (vector == LAPIC_SPURIOUS_VECTOR || !lapic.present)
        lapic.stats.spurious++;
    else if (vector == LAPIC_ERROR_VECTOR)
        lapic_error_interrupt();
    else
        lapic_eoi();
}

const struct lapic_stats *lapic_get_stats(void)
{
    return &lapic.stats;
}

void lapic_timer_start_measuring(void)
{
    lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | LAPIC_TIMER_VECTOR);
    lapic_write(LAPIC_TIMER_INITIAL, UINT32_MAX);
}

uint32_t lapic_timer_read(void)
{
    return lapic_read(LAPIC_TIMER_CURRENT);
}

void lapic_timer_enable(void)
{
    lapic_write(LAPIC_LVT_TIMER, LAPIC_TIMER_VECTOR);
    lapic_write(LAPIC_TIMER_INITIAL, 0);
}

void lapic_timer_oneshot(uint32_t ticks)
{
    lapic_write(LAPIC_TIMER_INITIAL, ticks);
}

void lapic_timer_interrupt(void)
{
    lapic.stats.timer++;
    idle_timer_interrupt();
    lapic_eoi();
}
