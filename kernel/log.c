/*
 * log.c - the kernel log: a ring of lines, copied to every console as they come.
 *
 * May be called from anywhere, also from interrupt handlers in an emergency; so the ring is edited
 * with interrupts off.
 */
#include "kernel/log.h"

#include <stdio.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/time.h"

#define RING_SIZE (16u * 1024) /* a power of two */
#define TEXT_MAX  240          /* characters of a line, without its time stamp */
#define LINE_SIZE 272          /* the longest time stamp, TEXT_MAX, newline, NUL */

struct record {
    uint16_t len;
    uint8_t level;
};

/* What console= may name; without a known one all are wanted, so that the log is seen somewhere. "off" and
 * "none" are known and nobody's. */
static const char *const console_names[] = {"ttyS0", "tty0", "off", "none"};

static char ring[RING_SIZE];

static struct {
    uint64_t head, tail; /* bytes ever written, and of these forgotten; ring[position % RING_SIZE] */
    struct list_head consoles;
    enum log_level console_level;
    bool synchronous;
} klog = {.consoles = LIST_HEAD_INIT(klog.consoles), .console_level = LOG_INFO};

static void ring_copy_in(uint64_t pos, const void *from, size_t len)
{
    size_t at = pos % RING_SIZE, first = min(len, RING_SIZE - at);
    memcpy(ring + at, from, first);
    memcpy(ring, (const char *)from + first, len - first);
}

static void ring_copy_out(uint64_t pos, void *to, size_t len)
{
    size_t at = pos % RING_SIZE, first = min(len, RING_SIZE - at);
    memcpy(to, ring + at, first);
    memcpy((char *)to + first, ring, len - first);
}

static void ring_append(enum log_level level, const char *text, size_t len)
{
    struct record r = {.len = (uint16_t)len, .level = (uint8_t)level};
    while (klog.head + sizeof(r) + len - klog.tail > RING_SIZE) {
        struct record oldest;
        ring_copy_out(klog.tail, &oldest, sizeof(oldest));
        klog.tail += sizeof(oldest) + oldest.len;
    }
    ring_copy_in(klog.head, &r, sizeof(r));
    ring_copy_in(klog.head + sizeof(r), text, len);
    klog.head += sizeof(r) + len;
}

long log_read(uint64_t *pos, enum log_level *level, char *buf, size_t size)
{
    struct record r;
    unsigned long flags = local_irq_save();
    if (*pos < klog.tail)
        *pos = klog.tail;
    if (*pos >= klog.head) {
        local_irq_restore(flags);
        return -1;
    }
    ring_copy_out(*pos, &r, sizeof(r));
    size_t len = min((size_t)r.len, size - 1);
    ring_copy_out(*pos + sizeof(r), buf, len);
    *pos += sizeof(r) + r.len;
    local_irq_restore(flags);
    if (len && buf[len - 1] == '\n')
        len--;
    buf[len] = '\0';
    *level = (enum log_level)r.level;
    return (long)len;
}

static void show_on_consoles(const char *text, size_t len)
{
    struct console *console;
    list_for_each_entry (console, &klog.consoles, list)
        console->write(console, text, len);
    if (klog.synchronous)
        console_flush_all();
}

void printk(enum log_level level, const char *fmt, ...)
{
    char line[LINE_SIZE];
    va_list ap;
    uint64_t now_us = ktime_get() / NSEC_PER_USEC;
    int n = snprintf(line, sizeof(line), "[%5llu.%06llu] ", (unsigned long long)(now_us / 1000000),
                     (unsigned long long)(now_us % 1000000));
    size_t len = (size_t)n;
    va_start(ap, fmt);
    n = vsnprintf(line + len, TEXT_MAX + 1, fmt, ap);
    va_end(ap);
    if (n > 0)
        len += min((size_t)n, (size_t)TEXT_MAX);
    if (line[len - 1] != '\n')
        line[len++] = '\n';

    unsigned long flags = local_irq_save();
    ring_append(level, line, len);
    if (level <= klog.console_level)
        show_on_consoles(line, len);
    local_irq_restore(flags);
}

void register_console(struct console *console)
{
    char line[LINE_SIZE];
    enum log_level level;
    uint64_t pos = 0;
    long len;
    while ((len = log_read(&pos, &level, line, sizeof(line) - 1)) >= 0) {
        if (level > klog.console_level)
            continue;
        line[len] = '\n';
        console->write(console, line, (size_t)len + 1);
    }
    unsigned long flags = local_irq_save();
    list_add_tail(&console->list, &klog.consoles);
    local_irq_restore(flags);
}

void console_flush_all(void)
{
    struct console *console;
    list_for_each_entry (console, &klog.consoles, list)
        if (console->flush)
            console->flush(console);
}

void log_set_synchronous(void)
{
    klog.synchronous = true;
    console_flush_all();
}

/* What follows `name` in a console=`value`; NULL if it names another one. */
static const char *options_behind(const char *value, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(value, name, len) != 0 || (value[len] != ',' && value[len] != '\0'))
        return NULL;
    return value[len] ? value + len + 1 : "";
}

static bool console_is_known(const char *value)
{
    for (unsigned i = 0; i < ARRAY_SIZE(console_names); i++)
        if (options_behind(value, console_names[i]))
            return true;
    return false;
}

const char *console_options(const char *name)
{
    const char *wanted = NULL, *value;
    bool any = false;
    for (unsigned n = 0; (value = cmdline_get_nth("console", n)); n++) {
        const char *options = options_behind(value, name);
        any |= console_is_known(value);
        if (options)
            wanted = options;
    }
    return any ? wanted : "";
}

static void warn_unknown_consoles(void)
{
    const char *value;
    for (unsigned n = 0; (value = cmdline_get_nth("console", n)); n++)
        if (!console_is_known(value))
            pr_warn("command line: there is no console=%s; there are ttyS0 (serial), tty0 (screen) and off",
                    value);
}

void log_configure(void)
{
    if (cmdline_get("quiet"))
        klog.console_level = LOG_ERR;
    if (cmdline_get("debug"))
        klog.console_level = LOG_DEBUG;
    if (cmdline_get("loglevel"))
        klog.console_level = (enum log_level)(cmdline_get_long("loglevel", LOG_INFO + 1) - 1);
    warn_unknown_consoles();
}
