/*
 * time.c - the calendar (proleptic Gregorian, UTC, no leap seconds), and the clocks.
 *
 * The HTTP server's Date, Last-Modified and If-Modified-Since are its users.
 */
#include <time.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <unistd.h>

#include "libc/libc_hooks.h"

#define SECONDS_PER_DAY 86400
#define DAYS_PER_ERA    146097 /* 400 years */

/*
 * Years here begin on March 1, so that the leap day is the last day of a year and the lengths of the
 * months before it do not depend on it. Day 0 is 0000-03-01; 1970-01-01 is day 719468.
 */
#define DAYS_TO_1970 719468

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days from 1970-01-01 to the first of a month; month 0-11 counts from January. */
static int64_t days_to_month(int64_t year, int month)
{
    int64_t march_year = month < 2 ? year - 1 : year;
    int64_t march_month = month < 2 ? month + 10 : month - 2;
    int64_t era = floor_div(march_year, 400);
    int64_t year_of_era = march_year - era * 400;

    return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           (153 * march_month + 2) / 5 - DAYS_TO_1970;
}

/* The year that day number `days` (since 1970-01-01) lies in. */
static int64_t year_of_day(int64_t days)
{
    int64_t year = 1970 + floor_div(days * 400, DAYS_PER_ERA); /* at most one too low or too high */

    while (days_to_month(year, 0) > days)
        year--;
    while (days_to_month(year + 1, 0) <= days)
        year++;
    return year;
}

static bool fill_date(int64_t days, struct tm *out)
{
    int64_t year = year_of_day(days);
    int month = 11;

    if (year - 1900 < INT_MIN || year - 1900 > INT_MAX)
        return false;
    while (days_to_month(year, month) > days)
        month--;
    out->tm_year = (int)(year - 1900);
    out->tm_mon = month;
    out->tm_mday = (int)(days - days_to_month(year, month)) + 1;
    out->tm_yday = (int)(days - days_to_month(year, 0));
    out->tm_wday = (int)(days + 4 - floor_div(days + 4, 7) * 7); /* 1970-01-01 was a Thursday */
    return true;
}

struct tm *gmtime_r(const time_t *restrict t, struct tm *restrict out)
{
    int64_t days = floor_div(*t, SECONDS_PER_DAY);
    int second = (int)(*t - days * SECONDS_PER_DAY);

    /* Years of more than 32 bits; days * 400 must not wrap on the way. */
    if (days > INT64_MAX / 800 || days < INT64_MIN / 800 || !fill_date(days, out)) {
        errno = EOVERFLOW;
        return NULL;
    }
    out->tm_hour = second / 3600;
    out->tm_min = second / 60 % 60;
    out->tm_sec = second % 60;
    out->tm_isdst = 0;
    out->tm_gmtoff = 0;
    out->tm_zone = "GMT";
    return out;
}

struct tm *localtime_r(const time_t *restrict t, struct tm *restrict out)
{
    return gmtime_r(t, out);
}

time_t timegm(struct tm *tm)
{
    int64_t year = 1900 + (int64_t)tm->tm_year + floor_div(tm->tm_mon, 12);
    int month = (int)(tm->tm_mon - floor_div(tm->tm_mon, 12) * 12);
    int64_t days = days_to_month(year, month) + tm->tm_mday - 1;
    time_t t = days * SECONDS_PER_DAY + tm->tm_hour * 3600ll + tm->tm_min * 60ll + tm->tm_sec;

    return gmtime_r(&t, tm) ? t : -1;
}

time_t time(time_t *out)
{
    struct timespec now;

    libc_clock_realtime(&now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        libc_clock_realtime(out);
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        libc_clock_monotonic(out);
        return 0;
    }
    errno = EINVAL;
    return -1;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;

    libc_clock_realtime(&now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

/* Nothing interrupts a sleep here, so nothing ever remains. */
int nanosleep(const struct timespec *duration, struct timespec *remaining)
{
    if (duration->tv_sec < 0 || duration->tv_nsec < 0 || duration->tv_nsec >= 1000000000) {
        errno = EINVAL;
        return -1;
    }
    libc_sleep_ms((uint64_t)duration->tv_sec * 1000 + ((uint64_t)duration->tv_nsec + 999999) / 1000000);
    return 0;
}

unsigned sleep(unsigned seconds)
{
    libc_sleep_ms((uint64_t)seconds * 1000);
    return 0;
}

int usleep(useconds_t usec)
{
    libc_sleep_ms(((uint64_t)usec + 999) / 1000);
    return 0;
}
