/*
 * clock_watch.h - whether a fast clock keeps step with a slow one that can be trusted.
 */
#ifndef KERNEL_CLOCK_WATCH_H
#define KERNEL_CLOCK_WATCH_H

#include "kernel/time.h"

/* So many windows in a row must be bad: one may be the work of firmware or of a host that stopped the
 * machine. */
#define CLOCK_WATCH_BAD_MAX 3

struct clock_watch {
    unsigned bad; /* in a row */
};

/**
 * clock_watch_judge - one window of time, as both clocks measured it
 * @clock_ns, @reference_ns: how long it was
 * @doubt_ns: how far apart in time the clocks may have been read
 * Return: true if the clock is not to be trusted any more.
 *
 * A window that was too short to tell, or whose readings took too long, changes nothing.
 */
bool clock_watch_judge(struct clock_watch *w, uint64_t clock_ns, uint64_t reference_ns, uint64_t doubt_ns);

#endif
