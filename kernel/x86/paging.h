/*
 * paging.h - who may do what where: the page tables.
 */
#ifndef KERNEL_X86_PAGING_H
#define KERNEL_X86_PAGING_H

#include "kernel/boot_info.h"
#include "kernel/types.h"

/* Replaces the boot tables: the image with its rights, RAM read-write, nothing else. Panics without memory.
 */
void paging_init(const struct boot_info *boot);

/* Takes a page of RAM away, so that touching it faults; and gives it back. guard: 0 or -ENOMEM. */
int __must_check paging_guard(void *page);
void paging_unguard(void *page);

/* Whether reading at `addr` would not fault. */
bool paging_is_mapped(uintptr_t addr);

#endif
