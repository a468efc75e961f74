/*
 * rtc.c - the battery clock (MC146818 and its descendants), read once at boot. It is taken to run on UTC.
 */
#include "kernel/x86/machine.h"

#include "kernel/x86/io.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

#define RTC_SECONDS  0x00
#define RTC_MINUTES  0x02
#define RTC_HOURS    0x04
#define RTC_DAY      0x07
#define RTC_MONTH    0x08
#define RTC_YEAR     0x09
#define RTC_STATUS_A 0x0a
#define RTC_STATUS_B 0x0b

#define STATUS_A_UPDATING (1u << 7)
#define STATUS_B_24_HOURS (1u << 1)
#define STATUS_B_BINARY   (1u << 2)
#define HOURS_PM          (1u << 7)

#define UPDATE_READS_MAX 100000 /* an update takes 2 ms */

struct rtc_time {
    unsigned second, minute, hour, day, month, year;
};

static uint8_t cmos_read(uint8_t reg)
{
    outb(CMOS_INDEX, reg);
    return inb(CMOS_DATA);
}

static struct rtc_time read_registers(void)
{
    for (unsigned i = 0; i < UPDATE_READS_MAX && (cmos_read(RTC_STATUS_A) & STATUS_A_UPDATING); i++)
        ;
    return (struct rtc_time){cmos_read(RTC_SECONDS), cmos_read(RTC_MINUTES), cmos_read(RTC_HOURS),
                             cmos_read(RTC_DAY),     cmos_read(RTC_MONTH),   cmos_read(RTC_YEAR)};
}

static unsigned from_bcd(unsigned v)
{
    return (v >> 4) * 10 + (v & 15);
}

static struct rtc_time decode(struct rtc_time t, uint8_t status_b)
{
    bool pm = !(status_b & STATUS_B_24_HOURS) && (t.hour & HOURS_PM);
    t.hour &= ~HOURS_PM;
    if (!(status_b & STATUS_B_BINARY))
        t = (struct rtc_time){from_bcd(t.second), from_bcd(t.minute), from_bcd(t.hour),
                              from_bcd(t.day),    from_bcd(t.month),  from_bcd(t.year)};
    if (!(status_b & STATUS_B_24_HOURS))
        t.hour = t.hour % 12 + (pm ? 12 : 0);
    t.year += 2000;
    return t;
}

/* Counts from 1 March, so that the leap day is the last of its year. */
static int64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month > 2 ? year : year - 1;
    unsigned m = month > 2 ? month - 3 : month + 9;
    return (int64_t)(y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1) - 719468;
}

int64_t rtc_read_seconds(void)
{
    struct rtc_time a = read_registers(), b;
    for (unsigned i = 0; i < 3; i++) { /* twice the same: no update came in between */
        b = read_registers();
        if (a.second == b.second && a.minute == b.minute && a.hour == b.hour)
            break;
        a = b;
    }
    struct rtc_time t = decode(b, cmos_read(RTC_STATUS_B));
    if (t.month < 1 || t.month > 12 || t.day < 1 || t.day > 31 || t.hour > 23 || t.minute > 59 ||
        t.second > 60)
        return 0;
    return days_since_1970(t.year, t.month, t.day) * 86400 + t.hour * 3600 + t.minute * 60 + t.second;
}
