/*
 * boot_report.h - who started the machine, and with which words.
 */
#ifndef KERNEL_BOOT_REPORT_H
#define KERNEL_BOOT_REPORT_H

#include "kernel/boot_info.h"

/* Registers report "boot" (kernel/report.h): loader, screen and modules; then the command line. */
void boot_report_init(const struct boot_info *boot);

#endif
