/*
 * machine_check.h - what the hardware itself reports: machine checks and non-maskable interrupts.
 */
#ifndef KERNEL_X86_MACHINE_CHECK_H
#define KERNEL_X86_MACHINE_CHECK_H

/* Lets machine checks become exceptions (without, they stop the CPU), and tells those of before the start. */
void machine_check_init(void);

/* The sentence of a panic for each, and what the CPU says of it. */
void machine_check_describe(void);
void nmi_describe(void);

#endif
