/*
 * idle.c - nothing to do: halt the CPU until an interrupt, or until the next timer is due.
 *
 * There is no periodic tick. A one-shot timer is set for the moment to wake, and left alone as long
 * as it will fire early enough: one needless wake-up costs less than setting it at every halt.
 */
#include "kernel/x86/clock.h"

#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/softirq.h"
#include "kernel/task.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/pit.h"
#include "kernel/x86/trap.h"

#define SLEEP_MAX_NS (60 * NSEC_PER_SEC)
#define NS_SHIFT     20 /* ticks = ns * ticks_per_ns >> NS_SHIFT */

static struct {
    uint64_t ticks_per_ns; /* scaled by 2^NS_SHIFT */
    uint64_t sleep_max_ns;
    ktime_t armed_for;             /* the one-shot timer fires then; 0: it has fired */
    ktime_t armed_at, armed_until; /* as it was last set */
    bool lapic;
    bool fired; /* since cpu_idle_until() last looked */
} idle;

/* Ending the halt is all the interrupt is for. */
void idle_timer_interrupt(void)
{
    idle.armed_for = 0;
    idle.fired = true;
}

static enum irqreturn pit_interrupt(unsigned irq, void *arg)
{
    idle_timer_interrupt();
    return IRQ_HANDLED;
}

void idle_init(uint64_t lapic_hz)
{
    uint64_t hz = lapic_hz ? lapic_hz : PIT_HZ;
    uint64_t ticks_max = lapic_hz ? UINT32_MAX : UINT16_MAX;
    idle.lapic = lapic_hz;
    idle.ticks_per_ns = (hz << NS_SHIFT) / NSEC_PER_SEC;
    idle.sleep_max_ns = min((ticks_max << NS_SHIFT) / (idle.ticks_per_ns + 1), SLEEP_MAX_NS);
    if (idle.lapic)
        lapic_timer_enable();
    else if (request_irq(PIT_IRQ, pit_interrupt, "timer", NULL) < 0)
        pr_err("No memory for the timer interrupt.");
}

/* Sets the one-shot timer; for a moment too far away it wakes early, and is set again. */
static void arm(ktime_t now, ktime_t wake)
{
    uint64_t delta = min(min(wake - now, idle.sleep_max_ns), clock_sleep_max_ns());
    uint64_t ticks = (delta * idle.ticks_per_ns >> NS_SHIFT) + 1; /* rather late by one than early */
    idle.armed_at = now;
    idle.armed_for = idle.armed_until = now + delta;
    idle.fired = false;
    if (idle.lapic)
        lapic_timer_oneshot((uint32_t)ticks);
    else
        pit_oneshot((uint16_t)ticks);
}

void cpu_idle_until(uint64_t wake_ms)
{
    ktime_t now = ktime_get();
    ktime_t wake = wake_ms < UINT64_MAX / NSEC_PER_MSEC ? wake_ms * NSEC_PER_MSEC : UINT64_MAX;

    if (READ_ONCE(idle.fired)) {
        idle.fired = false;
        clock_slept(idle.armed_until - idle.armed_at, now - idle.armed_at);
    }
    cpu_irq_disable(); /* what is raised from here on is pending and ends the halt */
    if (softirq_pending() || wake <= now) {
        cpu_irq_enable();
        return;
    }
    bool armed = idle.armed_for && idle.armed_for <= wake;
    if (!armed && (wake != UINT64_MAX || clock_sleep_max_ns() != UINT64_MAX))
        arm(now, wake);
    cpu_irq_enable_and_halt();
}
