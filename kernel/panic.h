/*
 * panic.h - the end, in a readable form.
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "kernel/types.h"

/* Says why, shows registers and a backtrace, then halts or reboots as `panic=` on the command line says. */
void __noreturn panic(const char *fmt, ...) __printf(1, 2);

/* For our own mistakes only; what a peer can cause is a drop with a reason. */
#define ASSERT(condition)                                                                                    \
    do {                                                                                                     \
        if (unlikely(!(condition)))                                                                          \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition);                            \
    } while (0)

void __noreturn machine_restart(void);
void __noreturn machine_power_off(void);

#endif
