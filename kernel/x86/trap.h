/*
 * trap.h - exceptions: what the CPU pushed, and how it is shown.
 */
#ifndef KERNEL_X86_TRAP_H
#define KERNEL_X86_TRAP_H

#include "kernel/types.h"

/* As entry.S leaves it on the stack, lowest address first. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector; /* low byte */
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};

enum trap_vector {
    TRAP_NMI = 2,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_PAGE_FAULT = 14,
    TRAP_MACHINE_CHECK = 18,
    NR_TRAPS = 32,
    PIC_VECTOR = 32,      /* lines 0-15 of the 8259s; its master wants a multiple of 8 */
    APIC_IRQ_VECTOR = 48, /* NR_IRQS of them */
    LAPIC_TIMER_VECTOR = 0xef,
    LAPIC_ERROR_VECTOR = 0xfe,
    LAPIC_SPURIOUS_VECTOR = 0xff,
};

/* Called by entry.S with interrupts off. */
void trap_dispatch(struct trap_frame *frame);

/* Names of functions, from the one at `rip` (0: none) out to its callers along the chain of frame pointers.
 */
void show_backtrace(uintptr_t rip, uintptr_t rbp);

/* The function that contains `addr`, as "name+0x12" ("0x1234" outside the image). */
void symbol_format(uintptr_t addr, char *buf, size_t size);

/* Both halves of panic(), for exceptions: false if a panic is under way already; and the end. */
bool panic_begin(void);
void __noreturn panic_finish(void);

#endif
