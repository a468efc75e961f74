/*
 * cmd_uptime.c - `uptime`.
 */
#include <stdio.h>
#include <time.h>

#include "net/apps/commands.h"

static void format_duration(long seconds, char *text, size_t size)
{
    long days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
    size_t used = 0;
    if (days)
        used = (size_t)snprintf(text, size, "%ld day%s, ", days, days == 1 ? "" : "s");
    if (hours)
        snprintf(text + used, size - used, "%2ld:%02ld", hours, minutes);
    else if (minutes || days)
        snprintf(text + used, size - used, "%ld min", minutes);
    else
        snprintf(text + used, size - used, "%ld s", seconds);
}

static int uptime(struct shell *c, int argc, char **argv)
{
    struct timespec up;
    char now[16], duration[48];
    struct tm tm;
    time_t t = time(NULL);
    clock_gettime(CLOCK_BOOTTIME, &up);
    gmtime_r(&t, &tm);
    strftime(now, sizeof(now), "%T", &tm);
    format_duration((long)up.tv_sec, duration, sizeof(duration));
    console_printf(c, " %s up %s\n", now, duration);
    return 0;
}

const struct command uptime_command = {"uptime", "how long the machine has been running (clock: UTC)",
                                       "uptime", uptime};
