/*
 * libc_hooks.h - what the C library asks of the machine it runs on.
 *
 * The library includes nothing but itself; these few functions are given to it by
 * kernel/libc_glue.c. They keep their names when the hosted build renames the library's own symbols.
 */
#ifndef LIBC_LIBC_HOOKS_H
#define LIBC_LIBC_HOOKS_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* errno of whoever is running. */
int *libc_errno_location(void);

/* Text for the console, in pieces of any size. */
void libc_console_write(const char *text, size_t len);

/* Memory aligned to 16 bytes, at least `size` (> 0) of them; NULL when there is none. */
void *libc_alloc(size_t size);
void libc_free(void *p);
size_t libc_alloc_size(const void *p); /* usable bytes behind a pointer from libc_alloc() */

/* Time since boot, and since 1970-01-01 00:00 UTC. */
void libc_clock_monotonic(struct timespec *out);
void libc_clock_realtime(struct timespec *out);

/* Lets others run for at least this long. */
void libc_sleep_ms(uint64_t ms);

uint32_t libc_random_u32(void);

/* The end of the machine, with a reason; the end of the calling task. */
void libc_panic(const char *why) __attribute__((noreturn));
void libc_task_exit(void) __attribute__((noreturn));

#endif
