/*
 * time.h - what time it is.
 *
 * ktime is monotonic, in nanoseconds since the machine started (kernel/x86/clock.c; virtual on the
 * hosted build). Wall-clock time starts from the battery clock and may be wrong; nothing but the
 * HTTP Date and Last-Modified fields and the answers to ICMP timestamp requests depends on it.
 */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include "kernel/types.h"

typedef uint64_t ktime_t;

#define NSEC_PER_USEC 1000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC  1000000000ull

ktime_t ktime_get(void);
uint64_t ktime_get_ms(void);          /* the clock of struct timer */
int64_t ktime_get_real_seconds(void); /* since 1970-01-01 00:00 UTC */

/* Busy-waits; for device resets of some microseconds only. */
void udelay(unsigned usec);

#endif
