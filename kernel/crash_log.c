/*
 * crash_log.c - the last words of a machine: see crash_log.h.
 *
 * The area is a header and a ring of text. It is a console of the log, so it holds what was shown. Each line
 * brings the sums up to date, so the area is sound at any moment the machine may stop; memory that was
 * without power fails them.
 */
#include "kernel/crash_log.h"

#include <string.h>

#include "kernel/log.h"
#include "kernel/report.h"
#include "kernel/slab.h"
#include "kernel/time.h"

#define MAGIC         0x53664c67u
#define LINES_PANIC   16 /* of the log shown at the next start */
#define LINES_CUT     6
#define KEPT_LINE_MAX 200

struct crash_area {
    uint32_t magic, size; /* of the area */
    uint32_t end;         /* enum crash_log_end */
    uint32_t text_sum;    /* of all bytes of the ring */
    uint64_t head;        /* bytes ever written; text[head % room] is next */
    uint64_t panic_at;    /* head when a panic began */
    uint64_t last_ms;     /* time of the last line */
    uint32_t sum;         /* of the header before it */
    char text[];
};

static struct {
    struct crash_area *area;
    struct console console;
    char *kept; /* the last run's text, NUL-terminated; NULL: it ended well, or nothing is known of it */
} crash;

static uint32_t room_of(const struct crash_area *area)
{
    return area->size - (uint32_t)sizeof(*area);
}

static uint32_t bytes_sum(const void *from, size_t len)
{
    const uint8_t *bytes = from;
    uint32_t sum = 0;
    while (len--)
        sum += *bytes++;
    return sum;
}

static uint32_t header_sum(const struct crash_area *area)
{
    return bytes_sum(area, offsetof(struct crash_area, sum)) ^ MAGIC;
}

static bool area_sound(const struct crash_area *area, size_t size)
{
    return area->magic == MAGIC && area->size == size && area->end <= CRASH_LOG_ORDERLY &&
           area->sum == header_sum(area) && area->text_sum == bytes_sum(area->text, room_of(area));
}

static void area_write(struct console *self, const char *text, size_t len)
{
    struct crash_area *area = crash.area;
    for (size_t i = 0; i < len; i++) {
        char *at = &area->text[area->head++ % room_of(area)];
        area->text_sum += (uint32_t)(uint8_t)text[i] - (uint8_t)*at;
        *at = text[i];
    }
    area->last_ms = ktime_get_ms();
    area->sum = header_sum(area);
}

void crash_log_ends(enum crash_log_end end)
{
    if (!crash.area || crash.area->end == CRASH_LOG_PANIC)
        return;
    crash.area->end = end;
    crash.area->panic_at = crash.area->head;
    crash.area->sum = header_sum(crash.area);
}

/* --- what the last run left --- */

/* The ring from its oldest whole line on. NULL without memory. */
static char *area_copy(const struct crash_area *area)
{
    uint32_t room = room_of(area), len = (uint32_t)min(area->head, (uint64_t)room);
    char *copy = kmalloc(len + 1);
    if (!copy)
        return NULL;
    for (uint32_t i = 0; i < len; i++) {
        char c = area->text[(area->head - len + i) % room];
        copy[i] = (c >= ' ' && c <= '~') || c == '\n' ? c : '?';
    }
    copy[len] = '\0';
    char *newline = area->head > room ? strchr(copy, '\n') : NULL;
    if (newline)
        memmove(copy, newline + 1, strlen(newline + 1) + 1);
    return copy;
}

/* Calls line() for each of at most `count` lines from `text` on. */
static void each_line(const char *text, unsigned count, void (*line)(const char *text, void *ctx), void *ctx)
{
    char one[KEPT_LINE_MAX];
    for (; *text && count > 0; count--) {
        const char *newline = strchr(text, '\n');
        size_t len = newline ? (size_t)(newline - text) : strlen(text);
        size_t shown = min(len, sizeof(one) - 1);
        memcpy(one, text, shown);
        one[shown] = '\0';
        line(one, ctx);
        text += newline ? len + 1 : len;
    }
}

/* Where the last `count` lines start. */
static const char *last_lines(const char *text, unsigned count)
{
    const char *at = text + strlen(text);
    if (at > text)
        at--; /* the newline of the last */
    for (; at > text; at--)
        if (at[-1] == '\n' && --count == 0)
            break;
    return at;
}

/* What was written since the panic began. */
static const char *panic_lines(const struct crash_area *area, const char *text)
{
    size_t len = strlen(text);
    uint64_t since = area->head - area->panic_at;
    return text + (since < len ? len - since : 0);
}

static void log_line(const char *text, void *ctx)
{
    pr_warn("| %s", text);
}

static void show(const struct crash_area *area, const char *text)
{
    unsigned long long seconds = area->last_ms / 1000;
    if (area->end == CRASH_LOG_PANIC) {
        pr_err("The machine crashed before, at uptime %llu s:", seconds);
        each_line(panic_lines(area, text), LINES_PANIC, log_line, NULL);
    } else {
        pr_warn(
            "The machine was reset before, without having been asked to, after %llu s or later. Its last lines:",
            seconds);
        each_line(last_lines(text, LINES_CUT), LINES_CUT, log_line, NULL);
    }
}

static void write_report(void (*line)(const char *text, void *ctx), void *ctx)
{
    each_line(crash.kept, UINT32_MAX, line, ctx);
}

static void look_back(const struct crash_area *area)
{
    static struct report report = {
        .list = LIST_HEAD_INIT(report.list), .name = "crashlog", .write = write_report};
    if (area->end == CRASH_LOG_ORDERLY || !area->head || !(crash.kept = area_copy(area)))
        return;
    show(area, crash.kept);
    report_register(&report);
}

void crash_log_init(void *memory, size_t size)
{
    struct crash_area *area = memory;
    if (!area)
        return;
    if (area_sound(area, size))
        look_back(area);
    memset(area, 0, size);
    area->magic = MAGIC;
    area->size = (uint32_t)size;
    area->sum = header_sum(area);
    crash.area = area;
    crash.console = (struct console){.name = "crashlog", .write = area_write};
    register_console(&crash.console);
}
