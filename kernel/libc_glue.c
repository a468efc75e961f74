/*
 * libc_glue.c - what the C library asks of the kernel (libc/libc_hooks.h).
 */
#include "libc/libc_hooks.h"

#include <string.h>

#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "kernel/task.h"
#include "kernel/time.h"

/* Softirqs and interrupt handlers have no task; what they leave here nobody reads. */
static int errno_outside_tasks;

int *libc_errno_location(void)
{
    struct task *task = current_task();

    return task ? &task->err_no : &errno_outside_tasks;
}

#define CONSOLE_LINE_MAX 240 /* as long as a line of the log can be */

/* The console's current line, until its newline comes. */
static struct {
    char text[CONSOLE_LINE_MAX];
    size_t len;
} console_line;

static void console_line_print(void)
{
    printk(LOG_INFO, "%.*s", (int)console_line.len, console_line.text);
    console_line.len = 0;
}

void libc_console_write(const char *text, size_t len)
{
    for (; len; text++, len--) {
        if (*text == '\n' || console_line.len == sizeof(console_line.text))
            console_line_print();
        if (*text != '\n')
            console_line.text[console_line.len++] = *text;
    }
}

void *libc_alloc(size_t size)
{
    return kmalloc(size);
}

void libc_free(void *p)
{
    kfree(p);
}

size_t libc_alloc_size(const void *p)
{
    return ksize(p);
}

void libc_clock_monotonic(struct timespec *out)
{
    ktime_t now = ktime_get();

    out->tv_sec = (time_t)(now / NSEC_PER_SEC);
    out->tv_nsec = (long)(now % NSEC_PER_SEC);
}

/*
 * The battery clock counts whole seconds; the fraction comes from ktime. The two are tied together once,
 * and again only if the wall clock has been set since.
 */
void libc_clock_realtime(struct timespec *out)
{
    static int64_t boot_seconds;
    int64_t real = ktime_get_real_seconds();
    int64_t drift;

    libc_clock_monotonic(out);
    drift = real - boot_seconds - out->tv_sec;
    if (drift < -1 || drift > 1)
        boot_seconds = real - out->tv_sec;
    out->tv_sec += boot_seconds;
}

void libc_sleep_ms(uint64_t ms)
{
    task_sleep_ms(ms);
}

uint32_t libc_random_u32(void)
{
    return get_random_u32();
}

void libc_panic(const char *why)
{
    panic("%s", why);
}

void libc_task_exit(void)
{
    task_exit();
}
