/*
 * sys/time.h - time in microseconds.
 */
#ifndef LIBC_SYS_TIME_H
#define LIBC_SYS_TIME_H

#include <sys/types.h>

struct timeval {
    time_t tv_sec;
    suseconds_t tv_usec;
};

/* The time zone is not looked at: pass NULL. */
int gettimeofday(struct timeval *restrict out, void *restrict zone);

#endif
