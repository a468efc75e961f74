/*
 * test_time.c - the calendar against the host's: gmtime_r, timegm, strftime.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/test.h"

struct tm *inside_gmtime_r(const time_t *t, struct tm *out);
time_t inside_timegm(struct tm *tm);
size_t inside_strftime(char *buf, size_t size, const char *fmt, const struct tm *tm);
int inside_clock_gettime(clockid_t clock, struct timespec *out);
time_t inside_time(time_t *out);
int *inside___errno_location(void);

static void assert_same_tm(const struct tm *a, const struct tm *b)
{
    assert_int_equal(a->tm_sec, b->tm_sec);
    assert_int_equal(a->tm_min, b->tm_min);
    assert_int_equal(a->tm_hour, b->tm_hour);
    assert_int_equal(a->tm_mday, b->tm_mday);
    assert_int_equal(a->tm_mon, b->tm_mon);
    assert_int_equal(a->tm_year, b->tm_year);
    assert_int_equal(a->tm_wday, b->tm_wday);
    assert_int_equal(a->tm_yday, b->tm_yday);
    assert_int_equal(a->tm_isdst, b->tm_isdst);
    assert_int_equal(a->tm_gmtoff, b->tm_gmtoff);
}

static void check_second(time_t t)
{
    struct tm ours = {0}, theirs = {0};

    assert_non_null(inside_gmtime_r(&t, &ours));
    gmtime_r(&t, &theirs);
    assert_same_tm(&ours, &theirs);
    assert_true(inside_timegm(&ours) == t);
}

TEST("every day from 1600 to 2500 has the host's date, at its first and last second")
{
    for (time_t day = -135140; day < 193577; day++) {
        check_second(day * 86400);
        check_second(day * 86400 + 86399);
    }
}

TEST("random seconds far away from now have the host's date")
{
    for (int i = 0; i < 20000; i++)
        check_second((((time_t)random() << 31) ^ random()) >> (7 + random() % 44));
    for (int i = 0; i < 20000; i++)
        check_second(-((((time_t)random() << 31) ^ random()) >> (7 + random() % 44)));
}

TEST("a year that does not fit an int is EOVERFLOW, at both ends of time")
{
    const time_t last = 67768036191676799, first = -67768040609740800;
    time_t beyond[] = {last + 1, first - 1, INT64_MAX, INT64_MIN};
    struct tm tm;

    check_second(last);
    check_second(first);
    for (int i = 0; i < 4; i++) {
        *inside___errno_location() = 0;
        assert_null(inside_gmtime_r(&beyond[i], &tm));
        assert_int_equal(*inside___errno_location(), EOVERFLOW);
    }
}

TEST("timegm brings fields into their ranges as the host does")
{
    for (int i = 0; i < 20000; i++) {
        struct tm ours = {.tm_sec = (int)(random() % 2000000) - 1000000,
                          .tm_min = (int)(random() % 2000) - 1000,
                          .tm_hour = (int)(random() % 200) - 100,
                          .tm_mday = (int)(random() % 2000) - 1000,
                          .tm_mon = (int)(random() % 200) - 100,
                          .tm_year = (int)(random() % 400) - 100};
        struct tm theirs = ours;
        assert_true(inside_timegm(&ours) == timegm(&theirs));
        assert_same_tm(&ours, &theirs);
    }
}

TEST("timegm does not fall for fields at the ends of an int")
{
    struct tm tm = {.tm_year = INT_MAX, .tm_mon = INT_MAX, .tm_mday = INT_MAX, .tm_hour = INT_MAX};

    assert_true(inside_timegm(&tm) == -1);
    tm = (struct tm){.tm_year = INT_MIN, .tm_mon = INT_MIN, .tm_mday = INT_MIN, .tm_hour = INT_MIN};
    assert_true(inside_timegm(&tm) == -1);
}

TEST("HTTP dates read as RFC 9110 5.6.7 wants them")
{
    time_t t = 784111777;
    struct tm tm;
    char text[64];

    inside_gmtime_r(&t, &tm);
    assert_int_equal(inside_strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm), 29);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST("each conversion of strftime gives the host's text, on random dates")
{
    static const char conversions[] = "aAbBdehjmyYCHIMSpTRDFsuwZznt%";

    for (int i = 0; i < 3000; i++) {
        time_t t = (time_t)random() * 4 - 2000000000;
        struct tm tm;
        gmtime_r(&t, &tm);
        for (size_t c = 0; conversions[c]; c++) {
            char fmt[8], ours[64], theirs[64];
            snprintf(fmt, sizeof(fmt), "<%%%c>", conversions[c]);
            assert_int_equal(inside_strftime(ours, sizeof(ours), fmt, &tm),
                             strftime(theirs, sizeof(theirs), fmt, &tm));
            assert_string_equal(ours, theirs);
        }
    }
}

TEST("strftime that does not fit returns 0 and writes nothing beyond")
{
    struct tm tm = {.tm_mday = 1, .tm_year = 100};
    char buf[16];

    for (size_t size = 0; size < 12; size++) {
        memset(buf, '#', sizeof(buf));
        assert_int_equal(inside_strftime(buf, size, "%Y-%m-%d", &tm), size > 10 ? 10 : 0);
        for (size_t i = size; i < sizeof(buf); i++)
            assert_int_equal(buf[i], '#');
    }
}

TEST("strftime survives fields out of range and broken formats")
{
    struct tm tm = {.tm_wday = -1, .tm_mon = 99};
    char buf[64];

    assert_int_equal(inside_strftime(buf, sizeof(buf), "%a %b %! %", &tm), 8);
    assert_string_equal(buf, "? ? %! %");
}

TEST("the clocks go, and an unknown one is EINVAL")
{
    struct timespec real, mono;
    time_t now;

    assert_int_equal(inside_clock_gettime(CLOCK_REALTIME, &real), 0);
    assert_int_equal(inside_clock_gettime(CLOCK_MONOTONIC, &mono), 0);
    assert_true(real.tv_nsec >= 0 && real.tv_nsec < 1000000000);
    assert_true(mono.tv_nsec >= 0 && mono.tv_nsec < 1000000000);
    assert_true(inside_time(&now) == now);
    assert_true(now - real.tv_sec <= 1);
    assert_int_equal(inside_clock_gettime(12345, &real), -1);
    assert_int_equal(*inside___errno_location(), EINVAL);
}

TEST_MAIN()
