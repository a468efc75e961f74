/*
 * panic.c - the end, in a readable form: a sentence, how we got here, and then halt or restart.
 */
#include "kernel/panic.h"

#include <stdio.h>

#include "kernel/cmdline.h"
#include "kernel/crash_log.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/stack_protector.h"
#include "kernel/time.h"
#include "kernel/watchdog.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/trap.h"

#define USEC_PER_SEC 1000000u

uintptr_t __stack_chk_guard = 0x595e9fbd94fda700;

/* Called by compiled code when a function's return address may have been overwritten. */
void __stack_chk_fail(void)
{
    panic("stack smashed: a local array was written past its end");
}

/* panic= as in Linux: 0 halts for ever, a positive number restarts after so many seconds, a negative at once.
 */
void panic_finish(void)
{
    long timeout_s = cmdline_get_long("panic", 0);
    if (timeout_s == 0) {
        watchdog_stop(); /* it stays on the screen */
        pr_err("Halted. (With panic=10 on the command line it would restart after 10 seconds.)");
        cpu_write_back_caches();
        cpu_halt_forever();
    }
    if (timeout_s > 0)
        pr_err("Restarting in %ld seconds.", timeout_s);
    for (; timeout_s > 0; timeout_s--) {
        watchdog_feed();
        udelay(USEC_PER_SEC);
    }
    machine_restart();
}

bool panic_begin(void)
{
    static bool begun;
    local_irq_save();
    if (begun)
        return false;
    begun = true;
    crash_log_ends(CRASH_LOG_PANIC);
    log_set_synchronous();
    return true;
}

void panic(const char *fmt, ...)
{
    char reason[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof(reason), fmt, ap);
    va_end(ap);
    if (!panic_begin()) {
        pr_err("Kernel panic inside a kernel panic: %s", reason);
        cpu_halt_forever();
    }
    pr_err("Kernel panic: %s", reason);
    show_backtrace(0, (uintptr_t)__builtin_frame_address(0));
    panic_finish();
}
