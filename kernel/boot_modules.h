/*
 * boot_modules.h - which of the files the boot loader brought along is which.
 *
 * GRUB gives each a name; QEMU's -initrd the path of the file. Read after multiboot_parse(), at any time.
 */
#ifndef KERNEL_BOOT_MODULES_H
#define KERNEL_BOOT_MODULES_H

#include "kernel/boot_info.h"

#define BOOT_MODULE_SITE  "site.tar"
#define BOOT_MODULE_RULES "iptables.rules"

/* The module that is called `name`: a word of its string, without the folders before it. NULL: there is none.
 */
const struct boot_module *boot_module_find(const struct boot_info *boot, const char *name);

/*
 * The archive: the module called site.tar; else the first that is a tar; else the first that is nothing else,
 * so that the log can say what is wrong with it. NULL: there is none.
 */
const struct boot_module *boot_module_site(const struct boot_info *boot);

static inline const void *boot_module_data(const struct boot_module *m)
{
    return (const void *)m->at.start;
}

static inline size_t boot_module_size(const struct boot_module *m)
{
    return m->at.end - m->at.start;
}

#endif
