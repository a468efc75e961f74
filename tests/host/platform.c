/*
 * platform.c - the small rest of the kernel's headers on Linux: log, panic, random numbers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "kernel/task.h"
#include "tests/host/host.h"

/* --- log --- */

#define LOG_LINES 16

static char last_line[256];
static char log_lines[LOG_LINES][sizeof(last_line)];
static enum log_level log_levels[LOG_LINES];
static uint64_t log_count; /* lines ever written */
static struct list_head consoles = LIST_HEAD_INIT(consoles);

static void show_on_consoles(void)
{
    struct console *console;
    char line[sizeof(last_line) + 1];
    int len = snprintf(line, sizeof(line), "%s\n", last_line);
    list_for_each_entry (console, &consoles, list)
        console->write(console, line, (size_t)len);
}

void printk(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(last_line, sizeof(last_line), fmt, ap);
    va_end(ap);
    memcpy(log_lines[log_count % LOG_LINES], last_line, sizeof(last_line));
    log_levels[log_count++ % LOG_LINES] = level;
    show_on_consoles();
    if (getenv("SKIFF_LOG"))
        fprintf(stderr, "[%5llu.%06llu] <%d> %s\n", (unsigned long long)(host_now_ns() / 1000000000),
                (unsigned long long)(host_now_ns() / 1000 % 1000000), level, last_line);
}

/* Without what was said before it came: a test begins with an empty screen. */
void register_console(struct console *console)
{
    list_add_tail(&console->list, &consoles);
}

long log_read(uint64_t *pos, enum log_level *level, char *buf, size_t size)
{
    if (*pos + LOG_LINES < log_count)
        *pos = log_count - LOG_LINES;
    if (*pos >= log_count)
        return -1;
    *level = log_levels[*pos % LOG_LINES];
    snprintf(buf, size, "%s", log_lines[*pos % LOG_LINES]);
    ++*pos;
    return (long)strlen(buf);
}

const char *host_last_log(void)
{
    return last_line;
}

void panic(const char *fmt, ...)
{
    va_list ap;
    fputs("panic: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

static void (*machine_goes)(const char *how);

void host_catch_end(void (*fn)(const char *how))
{
    machine_goes = fn;
}

static void __noreturn machine_end(const char *how)
{
    if (!machine_goes)
        panic("%s", how);
    machine_goes(how);
    task_exit();
}

void machine_restart(void)
{
    machine_end("restarted");
}

void machine_power_off(void)
{
    machine_end("switched off");
}

/* --- random numbers: xorshift64*, seeded; one for the stacks, one for the simulator --- */

static uint64_t kernel_state = 0x9e3779b97f4a7c15u, host_state = 0xd1342543de82ef95u;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

void host_random_seed(uint64_t seed)
{
    kernel_state = seed * 0x9e3779b97f4a7c15u | 1;
    host_state = (seed + 77) * 0xd1342543de82ef95u | 1;
    for (int i = 0; i < 8; i++) {
        next_random(&kernel_state);
        next_random(&host_state);
    }
}

uint64_t host_random(void)
{
    return next_random(&host_state);
}

double host_random_unit(void)
{
    return (double)(host_random() >> 11) / 9007199254740992.0;
}

void get_random_bytes(void *buf, size_t len)
{
    uint8_t *p = buf;
    while (len--)
        *p++ = (uint8_t)(next_random(&kernel_state) >> 32);
}

uint32_t get_random_u32(void)
{
    return (uint32_t)(next_random(&kernel_state) >> 32);
}

uint32_t get_random_u32_below(uint32_t ceil)
{
    return (uint32_t)((uint64_t)get_random_u32() * ceil >> 32);
}

/* --- interrupts: nothing preempts; lines and messages are in irq.c --- */

static unsigned irq_depth; /* two models may interrupt one another */

bool in_hardirq(void)
{
    return irq_depth;
}

void host_irq_enter(void)
{
    irq_depth++;
}

void host_irq_leave(void)
{
    irq_depth--;
}

unsigned long local_irq_save(void)
{
    return 0;
}

void local_irq_restore(unsigned long flags)
{
    (void)flags;
}
