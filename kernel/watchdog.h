/*
 * watchdog.h - a device that resets the machine if nobody tells it, for some seconds, that all is well.
 *
 * A driver registers it; watchdog=SECONDS or watchdog=off on the command line says whether it runs. It is fed
 * by the main loop: a timer asks for a softirq, and the softirq feeds. A task or softirq that never ends
 * stops both.
 */
#ifndef KERNEL_WATCHDOG_H
#define KERNEL_WATCHDOG_H

#include "kernel/types.h"

struct watchdog {
    const char *name;
    unsigned seconds_min, seconds_max;
    bool by_default; /* runs also if the command line says nothing: somebody has put it there on purpose */
    /* Return: false if it cannot be made to reset this machine (the driver has said why). */
    bool (*start)(unsigned seconds);
    void (*feed)(void);
    void (*stop)(void);
};

/* Borrowed for good. The first that can be started is used. */
void watchdog_register(const struct watchdog *watchdog);

/* After all drivers: says so if one was wanted and there is none. */
void watchdog_check_wanted(void);

/* Feeds it now; stops it for good. Harmless without one. For a machine that halts or waits on purpose. */
void watchdog_feed(void);
void watchdog_stop(void);

#endif
