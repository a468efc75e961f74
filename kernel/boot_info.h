/*
 * boot_info.h - what the boot loader told us, copied out of its memory and checked.
 *
 * Filled by kernel/x86/multiboot.c before anything else happens; nothing in it points into memory
 * of the loader except `cmdline`, which cmdline_init() copies.
 */
#ifndef KERNEL_BOOT_INFO_H
#define KERNEL_BOOT_INFO_H

#include "kernel/types.h"

#define BOOT_RAM_MAX      32
#define BOOT_FIRMWARE_MAX 64
#define BOOT_MODULES_MAX  8

/* Bytes from `start` up to, not including, `end`. */
struct mem_range {
    uintptr_t start, end;
};

struct boot_module {
    struct mem_range at; /* starts on a page */
    char string[128];    /* as given to the loader (cut): usually a file name and words */
};

enum boot_framebuffer_type { BOOT_FB_INDEXED, BOOT_FB_RGB, BOOT_FB_TEXT, BOOT_FB_UNKNOWN };

struct boot_framebuffer {
    enum boot_framebuffer_type type;
    uint64_t addr;
    uint32_t pitch, width, height; /* bytes; pixels, or characters for BOOT_FB_TEXT */
    uint8_t bits_per_pixel;
    uint8_t red_shift, red_bits, green_shift, green_bits, blue_shift, blue_bits; /* BOOT_FB_RGB */
};

struct boot_info {
    const char *loader;                 /* "multiboot 1", "multiboot 2" */
    const char *cmdline;                /* borrowed from the loader: valid until memory_init() */
    struct mem_range ram[BOOT_RAM_MAX]; /* usable RAM in whole pages, ascending, disjoint */
    unsigned nr_ram;
    /* What else the memory map names: tables, firmware, devices. Never touched, but for reading ACPI's
     * tables. */
    struct mem_range
        firmware[BOOT_FIRMWARE_MAX]; /* ascending, disjoint; the largest, if there are too many */
    unsigned nr_firmware;
    struct boot_module modules[BOOT_MODULES_MAX];
    unsigned nr_modules;
    unsigned modules_outside;            /* ignored: not whole in RAM, which is too small for them */
    unsigned modules_damaged;            /* ignored: empty, overlapping, or too many */
    struct boot_framebuffer framebuffer; /* BOOT_FB_TEXT when the loader says nothing */
    uint8_t acpi_rsdp[36];               /* copy of ACPI's root pointer */
    unsigned acpi_rsdp_len;              /* 0: not given (look in the BIOS area) */
};

#endif
