/*
 * crash_log.h - the last words of a machine, kept where a restart does not reach them.
 *
 * What is logged is also written into some pages of memory that neither firmware nor boot loader uses and
 * that keep their content over a warm restart. The next start finds them there and says what happened.
 */
#ifndef KERNEL_CRASH_LOG_H
#define KERNEL_CRASH_LOG_H

#include "kernel/types.h"

/* How it ended: not at all (a reset, a watchdog), by a panic, as was asked for. */
enum crash_log_end { CRASH_LOG_CUT, CRASH_LOG_PANIC, CRASH_LOG_ORDERLY };

/**
 * crash_log_init - look at what the last run left, say so if it did not end well, and begin to keep this one
 * @area: at least 1 KiB (borrowed for good); NULL: there is no such place on this machine
 */
void crash_log_init(void *area, size_t size);

/* What the next start will find. A panic stays one, whatever comes after it. */
void crash_log_ends(enum crash_log_end end);

#endif
