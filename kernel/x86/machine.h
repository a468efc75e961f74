/*
 * machine.h - what kernel_main() calls to bring up the processor and the board, in this order.
 */
#ifndef KERNEL_X86_MACHINE_H
#define KERNEL_X86_MACHINE_H

#include "kernel/boot_info.h"
#include "kernel/types.h"

/* kernel/x86/descriptors.c: segments, the emergency stack, and a handler behind each of the 256 vectors. */
void descriptors_init(void);

/**
 * multiboot_parse - read what the loader left (kernel/x86/multiboot.c)
 * @magic: EAX at entry
 * @addr:  EBX at entry
 * Return: the one boot_info, or NULL if no multiboot loader started us.
 */
const struct boot_info *multiboot_parse(uint32_t magic, uint32_t addr);

/* kernel/x86/memory.c: page allocator and page tables. Stops with a sentence if there is too little. */
void memory_init(const struct boot_info *boot);

/* Memory that keeps its content over a warm restart, for crash_log_init(); NULL: there is none. */
void *memory_crash_area(size_t *size);

/* kernel/x86/pic.c: the two 8259s, every line masked. */
void pic_init(void);

/* kernel/x86/apic.c: decides which controllers interrupts come through, by what ACPI says of them; every line
 * is masked, and interrupts stay off until cpu_irq_enable(). */
void interrupts_init(void);

/* kernel/x86/clock.c: finds and measures the clocks (10 ms) and reads the battery clock. */
void time_init(void);

/* kernel/x86/rtc.c: seconds since 1970 by the battery clock, 0 if it makes no sense. */
int64_t rtc_read_seconds(void);

/* kernel/x86/random.c: before anything asks for a random number; and one for the stack protector, usable
 * as the very first thing. random_add_interrupt() stirs in the moment of an interrupt. */
void random_init(void);
uint64_t random_early_u64(void);
void random_add_interrupt(unsigned vector);

/* kernel/x86/cpu_report.c: registers report "cpu" (kernel/report.h): the processor's name and numbers. */
void cpu_report_init(void);

/* kernel/x86/crash_test.c: the command line's crash=; returns if there is none. */
void crash_test(void);

#endif
