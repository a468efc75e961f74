/*
 * trap.c - what happens behind every vector: device interrupts go to irq.c, exceptions are the end.
 *
 * Nothing in Skiff faults on purpose, so an exception is always an error of ours (or broken
 * hardware): it is described, registers and backtrace are shown, and panic= decides what follows.
 */
#include "kernel/x86/trap.h"

#include <stdio.h>

#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/task.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/irq_chip.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/machine_check.h"

#define PF_PRESENT (1u << 0)
#define PF_WRITE   (1u << 1)
#define PF_EXECUTE (1u << 4)

extern char boot_stack_guard[];

static const char *const trap_names[NR_TRAPS] = {
    [0] = "division error",
    [1] = "debug trap",
    [2] = "non-maskable interrupt",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound range exceeded",
    [6] = "invalid opcode",
    [7] = "floating-point instruction",
    [8] = "double fault",
    [10] = "invalid TSS",
    [11] = "segment not present",
    [12] = "stack segment fault",
    [13] = "general protection fault",
    [14] = "page fault",
    [16] = "floating-point error",
    [17] = "alignment error",
    [18] = "machine check",
    [19] = "SIMD error",
};

static bool within_page(uintptr_t addr, const void *page)
{
    return addr - (uintptr_t)page < PAGE_SIZE;
}

/* Whose guard page contains `addr`: a task's name, or NULL if nobody's. */
static const char *guard_page_owner(uintptr_t addr)
{
    if (within_page(addr, boot_stack_guard))
        return "main loop";
    struct task *task = NULL;
    while ((task = task_next(task)))
        if (within_page(addr, (char *)task->stack - PAGE_SIZE))
            return task->name;
    return NULL;
}

/* One sentence: what was tried at `addr` that the page tables forbid. */
static void describe_page_fault(const struct trap_frame *frame, uintptr_t addr)
{
    const char *owner = guard_page_owner(addr);
    const char *what = frame->error & PF_EXECUTE ? "execute"
                       : frame->error & PF_WRITE ? "write to"
                                                 : "read from";
    if (owner)
        pr_err("Kernel panic: stack overflow of task %s", owner);
    else if (addr < PAGE_SIZE)
        pr_err("Kernel panic: page fault: tried to %s address 0x%lx (null pointer)", what,
               (unsigned long)addr);
    else
        pr_err("Kernel panic: page fault: tried to %s address 0x%lx, which is %s", what, (unsigned long)addr,
               !(frame->error & PF_PRESENT)  ? "not mapped"
               : (frame->error & PF_EXECUTE) ? "data (no-execute)"
                                             : "read-only");
}

static void describe(const struct trap_frame *frame, unsigned vector)
{
    const char *owner = vector == TRAP_DOUBLE_FAULT ? guard_page_owner(read_cr2()) : NULL;
    if (vector == TRAP_PAGE_FAULT)
        describe_page_fault(frame, read_cr2());
    else if (vector == TRAP_NMI)
        nmi_describe();
    else if (vector == TRAP_MACHINE_CHECK)
        machine_check_describe();
    else if (owner)
        pr_err("Kernel panic: stack overflow of task %s", owner);
    else
        pr_err("Kernel panic: %s (vector %u, error code 0x%lx)",
               trap_names[vector] ? trap_names[vector] : "exception", vector, (unsigned long)frame->error);
}

static void show_registers(const struct trap_frame *f)
{
    const struct task *task = current_task();
    char where[96];
    symbol_format(f->rip, where, sizeof(where));
    pr_err("In %s, task %s", where, task ? task->name : "(main loop)");
#define R(field) ((unsigned long)f->field)
    pr_err("RIP %016lx  RSP %016lx  RBP %016lx  RFLAGS %08lx", R(rip), R(rsp), R(rbp), R(rflags));
    pr_err("RAX %016lx  RBX %016lx  RCX %016lx  RDX %016lx", R(rax), R(rbx), R(rcx), R(rdx));
    pr_err("RSI %016lx  RDI %016lx  R8  %016lx  R9  %016lx", R(rsi), R(rdi), R(r8), R(r9));
    pr_err("R10 %016lx  R11 %016lx  R12 %016lx  R13 %016lx", R(r10), R(r11), R(r12), R(r13));
    pr_err("R14 %016lx  R15 %016lx  CR2 %016lx  CR3 %016lx", R(r14), R(r15), (unsigned long)read_cr2(),
           (unsigned long)read_cr3());
#undef R
}

static void __noreturn exception(const struct trap_frame *frame, unsigned vector)
{
    if (!panic_begin()) {
        pr_err("Kernel panic inside a kernel panic: vector %u at 0x%lx", vector, (unsigned long)frame->rip);
        cpu_halt_forever();
    }
    describe(frame, vector);
    show_registers(frame);
    show_backtrace(frame->rip, frame->rbp);
    panic_finish();
}

void trap_dispatch(struct trap_frame *frame)
{
    unsigned vector = (uint8_t)frame->vector;
    if (likely(vector - APIC_IRQ_VECTOR < NR_IRQS))
        irq_dispatch(vector - APIC_IRQ_VECTOR);
    else if (vector == LAPIC_TIMER_VECTOR)
        lapic_timer_interrupt();
    else if (vector - PIC_VECTOR < NR_ISA_IRQS)
        pic_dispatch(vector - PIC_VECTOR);
    else if (vector < NR_TRAPS)
        exception(frame, vector);
    else
        lapic_other_interrupt(vector);
}
