/*
 * host.h - the machine underneath, when Skiff's sources run as a Linux program: a virtual clock, an event
 * queue, memory that can be told to run out.
 *
 * The rest of this folder implements the kernel's own headers (kernel/page.h, slab.h, time.h ...) over these.
 * Nothing here is thread-safe; one process is one machine with one core and any number of stacks.
 */
#ifndef TESTS_HOST_HOST_H
#define TESTS_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- time --- */

uint64_t host_now_ns(void);

/* Calls fn(arg) when the virtual clock reaches at_ns (at once if that is past), in the order of times. */
void host_event_add(uint64_t at_ns, void (*fn)(void *arg), void *arg);

/* Forgets every event whose arg is `arg`. */
void host_event_cancel(void *arg);

/* Runs tasks, softirqs, timers and events until nothing is ready; the clock stands still. */
void host_run(void);

/* The same while the clock moves on to now + ns, stopping at each timer and event on the way. */
void host_advance_ns(uint64_t ns);

static inline void host_advance_ms(uint64_t ms)
{
    host_advance_ns(ms * 1000000u);
}

/* Runs until done(arg) holds or limit_ns of virtual time have passed. Return: whether it holds. */
bool host_run_until(bool (*done)(void *arg), void *arg, uint64_t limit_ns);

/* --- memory --- */

/* The n-th allocation from now (1: the next) fails, once; 0: none. Pages, slabs and kmalloc count alike. */
void host_fail_allocation(unsigned n);
/* Did that failure happen yet? */
bool host_allocation_failed(void);
/* What page_get_stats() says is free; below 0: the truth. */
void host_tell_free_pages(long pages_free);
/* The same for the machine's size, by which tables are made: a stack on a small machine is soon walked. */
void host_tell_total_pages(long total);
bool host_should_fail(void); /* for the allocators of this folder */

/* Objects and pages alive: for leak checks. */
size_t host_objects_alive(void);
size_t host_pages_alive(void);

/* --- interrupts --- */

/* A device model pulls line `irq`: every handler on it runs, as from the CPU. */
void host_raise_irq(unsigned irq);
void host_irq_enter(void); /* what in_hardirq() says, for irq.c */
void host_irq_leave(void);
bool host_irq_is_taken(unsigned irq); /* a handler is on it; else it is masked */

/* A device model writes a message. irq_alloc_msi() tells this address and data from 0x4000 on. */
#define HOST_MSI_ADDRESS 0xfee00000u
void host_send_msi(uint64_t address, uint32_t data);
/* What the machine does to a line that nobody has, or whose interrupts nobody wants. */
void host_mask_msi(unsigned irq, bool masked);
void host_fail_msi(int err);    /* what irq_alloc_msi() returns from now on; 0: lines */
unsigned host_msis_alive(void); /* lines not given back */
/* How many ways there are for an interrupt pin: its line (1, as at the start), then 16, 17 ... */
void host_set_intx_ways(unsigned ways);

/* --- the machine's end --- */

/* fn("restarted" or "switched off") is called in place of it, in a task, which ends then; NULL: it is a
 * panic. */
void host_catch_end(void (*fn)(const char *how));

/* --- randomness, log --- */

void host_random_seed(uint64_t seed);
uint64_t host_random(void);    /* the simulator's own generator, apart from the stacks' */
double host_random_unit(void); /* 0 <= x < 1 */

/* Log lines go to stderr if the environment has SKIFF_LOG; the last one is kept for tests. */
const char *host_last_log(void);

#endif
