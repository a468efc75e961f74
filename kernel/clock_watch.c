/*
 * clock_watch.c - a fast clock beside a slow one: do they agree?
 *
 * Two sound clocks of a PC differ by some millionths, one measured for 10 ms at boot by a ten-thousandth. A
 * time stamp counter that changes its rate with the CPU's, or stops while the CPU sleeps, is off by far more.
 */
#include "kernel/clock_watch.h"

#define WINDOW_MIN_NS (50 * NSEC_PER_MSEC)
#define DRIFT_SHIFT   6 /* 1/64: 1.6 percent */
#define DOUBT_SHIFT   8 /* readings that took more than 1/256 of the window tell nothing */

bool clock_watch_judge(struct clock_watch *w, uint64_t clock_ns, uint64_t reference_ns, uint64_t doubt_ns)
{
    if (reference_ns < WINDOW_MIN_NS || doubt_ns > reference_ns >> DOUBT_SHIFT)
        return false;
    uint64_t apart = clock_ns > reference_ns ? clock_ns - reference_ns : reference_ns - clock_ns;
    w->bad = apart > (reference_ns >> DRIFT_SHIFT) + doubt_ns ? w->bad + 1 : 0;
    return w->bad >= CLOCK_WATCH_BAD_MAX;
}
