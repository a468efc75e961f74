/*
 * stack_protector.h - what compiled code compares before a function with a local array returns.
 */
#ifndef KERNEL_STACK_PROTECTOR_H
#define KERNEL_STACK_PROTECTOR_H

#include "kernel/types.h"

/* Set once, by kernel_main() before it calls anything. Its lowest byte is 0, to stop string functions. */
extern uintptr_t __stack_chk_guard;
void __noreturn __stack_chk_fail(void);

#endif
