/*
 * strftime.c - dates as text, for HTTP (RFC 9110 5.6.7) and directory listings.
 */
#include <time.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct output {
    char *buf;
    size_t size, len;
    bool full;
};

static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};

static void put(struct output *out, const char *text, size_t len)
{
    if (out->full || len >= out->size - out->len) {
        out->full = true;
        return;
    }
    memcpy(out->buf + out->len, text, len);
    out->len += len;
}

static void put_number(struct output *out, const char *fmt, long value) __attribute__((format(printf, 2, 0)));

static void put_number(struct output *out, const char *fmt, long value)
{
    char text[24];

    put(out, text, (size_t)snprintf(text, sizeof(text), fmt, value));
}

/* Name number `index` of a table, cut to `max` bytes; "?" for a field out of range. */
static void put_name(struct output *out, const char *const *names, int count, int index, size_t max)
{
    const char *name = index >= 0 && index < count ? names[index] : "?";

    put(out, name, strnlen(name, max));
}

static void put_all(struct output *out, const char *fmt, const struct tm *tm);

static int hour_of_12(const struct tm *tm)
{
    return (tm->tm_hour + 11) % 12 + 1;
}

static bool put_date(struct output *out, char conversion, const struct tm *tm)
{
    switch (conversion) {
    case 'a':
        put_name(out, day_names, 7, tm->tm_wday, 3);
        return true;
    case 'A':
        put_name(out, day_names, 7, tm->tm_wday, SIZE_MAX);
        return true;
    case 'b':
    case 'h':
        put_name(out, month_names, 12, tm->tm_mon, 3);
        return true;
    case 'B':
        put_name(out, month_names, 12, tm->tm_mon, SIZE_MAX);
        return true;
    case 'C':
        put_number(out, "%02ld", (tm->tm_year + 1900l) / 100);
        return true;
    case 'd':
        put_number(out, "%02ld", tm->tm_mday);
        return true;
    case 'e':
        put_number(out, "%2ld", tm->tm_mday);
        return true;
    case 'j':
        put_number(out, "%03ld", tm->tm_yday + 1l);
        return true;
    case 'm':
        put_number(out, "%02ld", tm->tm_mon + 1l);
        return true;
    case 'u':
        put_number(out, "%ld", tm->tm_wday ? tm->tm_wday : 7);
        return true;
    case 'w':
        put_number(out, "%ld", tm->tm_wday);
        return true;
    case 'y':
        put_number(out, "%02ld", ((tm->tm_year % 100) + 100) % 100);
        return true;
    case 'Y':
        put_number(out, "%ld", tm->tm_year + 1900l);
        return true;
    case 'D':
        put_all(out, "%m/%d/%y", tm);
        return true;
    case 'F':
        put_all(out, "%Y-%m-%d", tm);
        return true;
    default:
        return false;
    }
}

static bool put_time(struct output *out, char conversion, const struct tm *tm)
{
    switch (conversion) {
    case 'H':
        put_number(out, "%02ld", tm->tm_hour);
        return true;
    case 'I':
        put_number(out, "%02ld", hour_of_12(tm));
        return true;
    case 'M':
        put_number(out, "%02ld", tm->tm_min);
        return true;
    case 'S':
        put_number(out, "%02ld", tm->tm_sec);
        return true;
    case 'p':
        put(out, tm->tm_hour >= 12 ? "PM" : "AM", 2);
        return true;
    case 's': {
        struct tm copy = *tm;
        put_number(out, "%ld", timegm(&copy));
        return true;
    }
    case 'R':
        put_all(out, "%H:%M", tm);
        return true;
    case 'T':
        put_all(out, "%H:%M:%S", tm);
        return true;
    case 'Z':
        put(out, "GMT", 3);
        return true;
    case 'z':
        put(out, "+0000", 5);
        return true;
    default:
        return false;
    }
}

static bool put_plain(struct output *out, char conversion)
{
    const char *text = conversion == '%' ? "%" : conversion == 'n' ? "\n" : conversion == 't' ? "\t" : NULL;

    if (text)
        put(out, text, 1);
    return text;
}

static void put_all(struct output *out, const char *fmt, const struct tm *tm)
{
    while (*fmt && !out->full) {
        size_t plain = strcspn(fmt, "%");
        put(out, fmt, plain);
        fmt += plain;
        if (!*fmt)
            return;
        if (fmt[1] && (put_date(out, fmt[1], tm) || put_time(out, fmt[1], tm) || put_plain(out, fmt[1])))
            fmt++;
        else
            put(out, "%", 1);
        fmt++;
    }
}

size_t strftime(char *restrict buf, size_t size, const char *restrict fmt, const struct tm *restrict tm)
{
    struct output out = {.buf = buf, .size = size};

    put_all(&out, fmt, tm);
    if (out.full || !size)
        return 0;
    buf[out.len] = 0;
    return out.len;
}
