/*
 * pit.c - the 8254 programmable interval timer.
 */
#include "kernel/x86/pit.h"

#include "kernel/x86/clocksource.h"
#include "kernel/x86/io.h"

#define PIT_CHANNEL_0 0x40
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND   0x43

/* Command byte: channel in bits 6-7, access in 4-5, mode in 1-3. */
#define PIT_SELECT(channel) ((channel) << 6)
#define PIT_LATCH           0x00
#define PIT_LOW_HIGH        0x30
#define PIT_MODE_ONESHOT    0x00
#define PIT_MODE_RATE       0x04

#define PORT_B         0x61 /* system control: gate of channel 2, loudspeaker */
#define PORT_B_GATE_2  (1u << 0)
#define PORT_B_SPEAKER (1u << 1)

void pit_counter_start(void)
{
    outb(PORT_B, (uint8_t)((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE_2));
    outb(PIT_COMMAND, PIT_SELECT(2) | PIT_LOW_HIGH | PIT_MODE_RATE);
    outb(PIT_CHANNEL_2, 0);
    outb(PIT_CHANNEL_2, 0);
}

uint16_t pit_counter_read(void)
{
    outb(PIT_COMMAND, PIT_SELECT(2) | PIT_LATCH);
    uint8_t low = inb(PIT_CHANNEL_2);
    return (uint16_t)(inb(PIT_CHANNEL_2) << 8 | low);
}

static uint64_t pit_clock_read(void)
{
    return (uint16_t)-pit_counter_read();
}

const struct clocksource *pit_clock_init(void)
{
    static const struct clocksource clock = {
        .name = "pit", .read = pit_clock_read, .hz = PIT_HZ, .mask = UINT16_MAX};
    pit_counter_start();
    return clocksource_counts(&clock) ? &clock : NULL;
}

void pit_oneshot(uint16_t ticks)
{
    outb(PIT_COMMAND, PIT_SELECT(0) | PIT_LOW_HIGH | PIT_MODE_ONESHOT);
    outb(PIT_CHANNEL_0, (uint8_t)ticks);
    outb(PIT_CHANNEL_0, (uint8_t)(ticks >> 8));
}
