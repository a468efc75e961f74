/*
 * http_date.c - dates of HTTP, written and read.
 *
 * Written once a second for Date and once a file for Last-Modified; read from If-Modified-Since and its kin.
 */
#include "net/apps/http_date.h"

#include <stdint.h>
#include <string.h>

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void put_digits(char *out, int value, int digits)
{
    while (digits--) {
        out[digits] = '0' + value % 10;
        value /= 10;
    }
}

void http_date_format(time_t t, char *out)
{
    struct tm tm;
    if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
        t = 0;
        gmtime_r(&t, &tm);
    }
    memcpy(out, "Day, 00 Mon 0000 00:00:00 GMT", HTTP_DATE_LEN + 1);
    memcpy(out, day_names + 3 * tm.tm_wday, 3);
    put_digits(out + 5, tm.tm_mday, 2);
    memcpy(out + 8, month_names + 3 * tm.tm_mon, 3);
    put_digits(out + 12, tm.tm_year + 1900, 4);
    put_digits(out + 17, tm.tm_hour, 2);
    put_digits(out + 20, tm.tm_min, 2);
    put_digits(out + 23, tm.tm_sec, 2);
}

/*
 * Follows a picture: D Y h m s are digits of day, year and time; '#' is the name of a month; '_' is
 * a digit of the day or a space; everything else stands for itself.
 */
static bool read_picture(const char *picture, const char *text, size_t len, struct tm *tm)
{
    static const char digits[] = "DYhms";
    int *const field[] = {&tm->tm_mday, &tm->tm_year, &tm->tm_hour, &tm->tm_min, &tm->tm_sec};
    const char *end = text + len;
    for (; *picture; picture++) {
        const char *kind = strchr(digits, *picture);
        if (text == end)
            return false;
        if (*picture == '#') {
            if (end - text < 3)
                return false;
            for (tm->tm_mon = 0; tm->tm_mon < 12 && memcmp(text, month_names + 3 * tm->tm_mon, 3);)
                tm->tm_mon++;
            text += 3;
        } else if (kind) {
            if (*text < '0' || *text > '9')
                return false;
            int *value = field[kind - digits];
            *value = *value * 10 + (*text++ - '0');
        } else if (*picture == '_' && *text != ' ') {
            if (*text < '0' || *text > '9')
                return false;
            tm->tm_mday = *text++ - '0';
        } else if (*text++ != (*picture == '_' ? ' ' : *picture)) {
            return false;
        }
    }
    return text == end;
}

/* A two-digit year more than 50 years ahead is of the last century (RFC 9110 5.6.7). */
static int full_year(int two_digits)
{
    time_t now = time(NULL);
    struct tm tm;
    int year = gmtime_r(&now, &tm) ? tm.tm_year + 1900 : 2000;
    int full = year - year % 100 + two_digits;
    return full > year + 50 ? full - 100 : full;
}

bool http_date_parse(const char *text, size_t len, time_t *out)
{
    const char *comma = memchr(text, ',', len);
    struct tm tm = {0};
    bool ok;
    if (comma) {
        size_t skip = comma - text + 1;
        ok = read_picture(" DD # YYYY hh:mm:ss GMT", text + skip, len - skip, &tm);
        if (!ok) { /* RFC 850: Sunday, 06-Nov-94 08:49:37 GMT */
            memset(&tm, 0, sizeof(tm));
            ok = read_picture(" DD-#-YY hh:mm:ss GMT", text + skip, len - skip, &tm);
            tm.tm_year = full_year(tm.tm_year % 100);
        }
    } else { /* asctime: Sun Nov  6 08:49:37 1994 */
        ok = len > 4 && read_picture(" # _D hh:mm:ss YYYY", text + 3, len - 3, &tm);
    }
    if (!ok || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 60)
        return false;
    tm.tm_year -= 1900;
    *out = timegm(&tm);
    return true;
}
