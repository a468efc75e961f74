/*
 * crash_test.c - errors made on purpose, so that tests can see how the machine reports them.
 *
 * The command line's crash= names one; it is made by a task, after everything is up.
 *
 *     null   write through a null pointer            ud      execute an undefined instruction
 *     stack  recursion without end                   smash   write past the end of a local array
 *     wx     write to the program's code             nx      execute data
 *     panic  call panic()                            assert  a failing ASSERT()
 *     hang   never let anyone else run: a watchdog ends it
 *
 * and two ends that are no errors: "restart" and "off".
 */
#include "kernel/x86/machine.h"

#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/task.h"

struct crash {
    const char *name;
    void (*make)(void);
};

static void crash_null(void)
{
    volatile int *volatile null = NULL;
    *null = 1;
}

/* It would end after 2^32 calls; what is done with the result keeps it from becoming a loop. */
static __attribute__((noinline)) unsigned recurse(unsigned n)
{
    volatile char local[64];
    local[n % sizeof(local)] = (char)n;
    if (n == UINT32_MAX)
        return 0;
    return recurse(n + 1) + (unsigned)local[n % sizeof(local)];
}

static void crash_stack(void)
{
    recurse(0);
}

static void crash_wx(void)
{
    volatile uint8_t *volatile code = (volatile uint8_t *)(uintptr_t)crash_test;
    *code = 0xcc;
}

static void crash_nx(void)
{
    static uint8_t ret[] = {0xc3};
    void (*volatile data)(void) = (void (*)(void))(uintptr_t)ret;
    data();
}

static void crash_ud(void)
{
    __asm__ volatile("ud2");
}

static void crash_panic(void)
{
    panic("asked for by crash=panic");
}

static void crash_smash(void)
{
    char local[16];
    void *(*volatile fill)(void *, int, size_t) = memset;
    fill(local, 0x41, sizeof(local) + 32);
}

static void crash_assert(void)
{
    unsigned volatile one = 1;
    ASSERT(one == 2);
}

static void crash_hang(void)
{
    for (;;)
        barrier();
}

static const struct crash crashes[] = {
    {"null", crash_null}, {"stack", crash_stack},       {"wx", crash_wx},           {"nx", crash_nx},
    {"ud", crash_ud},     {"panic", crash_panic},       {"smash", crash_smash},     {"assert", crash_assert},
    {"hang", crash_hang}, {"restart", machine_restart}, {"off", machine_power_off},
};

static void crash_task(void *arg)
{
    const struct crash *crash = arg;
    pr_notice("crash_test: %s", crash->name);
    crash->make();
    pr_err("crash_test: %s went unnoticed", crash->name);
}

void crash_test(void)
{
    const char *name = cmdline_get("crash");
    if (!name)
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(crashes); i++)
        if (strcmp(name, crashes[i].name) == 0 &&
            task_create("crash_test", crash_task, (void *)&crashes[i], NULL))
            return;
    pr_warn("crash_test: nothing is called \"%s\"", name);
}
