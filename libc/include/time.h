/*
 * time.h - calendar time in UTC, and the clocks. The local time zone is UTC.
 */
#ifndef LIBC_TIME_H
#define LIBC_TIME_H

#include <stddef.h>
#include <sys/types.h>

struct timespec {
    time_t tv_sec;
    long tv_nsec;
};

struct tm {
    int tm_sec;  /* 0-60 */
    int tm_min;  /* 0-59 */
    int tm_hour; /* 0-23 */
    int tm_mday; /* 1-31 */
    int tm_mon;  /* 0-11 */
    int tm_year; /* since 1900 */
    int tm_wday; /* 0-6, Sunday is 0 */
    int tm_yday; /* 0-365 */
    int tm_isdst;
    long tm_gmtoff;
    const char *tm_zone;
};

#define CLOCK_REALTIME         0
#define CLOCK_MONOTONIC        1
#define CLOCK_MONOTONIC_RAW    4
#define CLOCK_REALTIME_COARSE  5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME         7

time_t time(time_t *out);
int clock_gettime(clockid_t clock, struct timespec *out);
int nanosleep(const struct timespec *duration, struct timespec *remaining);

/* NULL with EOVERFLOW when the year does not fit. */
struct tm *gmtime_r(const time_t *restrict t, struct tm *restrict out);
struct tm *localtime_r(const time_t *restrict t, struct tm *restrict out);

/* Fields out of range are brought into it, in *tm as well; -1 with EOVERFLOW when the year does not fit. */
time_t timegm(struct tm *tm);

/**
 * strftime - the date as text; English names
 * Conversions: a A b B h d e j m y Y C H I M S p T R D F s u w Z z n t % ; any other is copied as it stands.
 * Return: bytes without the NUL, or 0 if it does not fit.
 */
size_t strftime(char *restrict buf, size_t size, const char *restrict fmt, const struct tm *restrict tm)
    __attribute__((format(strftime, 3, 0)));

#endif
