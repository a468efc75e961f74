/*
 * clock.h - the time by which programs set their timers.
 */
#ifndef NET_APPS_CLOCK_H
#define NET_APPS_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since some moment before the start; never goes back. */
static inline uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
