/*
 * multiboot.h - the shapes a boot loader leaves in memory.
 *
 * Multiboot Specification 0.6.96 section 3.3 (MB1), Multiboot2 Specification 2.0 section 3.6 (MB2).
 */
#ifndef KERNEL_X86_MULTIBOOT_H
#define KERNEL_X86_MULTIBOOT_H

#include "kernel/types.h"

#define MB1_BOOT_MAGIC 0x2badb002u
#define MB2_BOOT_MAGIC 0x36d76289u

#define MB1_HAS_MEMORY      (1u << 0)
#define MB1_HAS_CMDLINE     (1u << 2)
#define MB1_HAS_MODULES     (1u << 3)
#define MB1_HAS_MMAP        (1u << 6)
#define MB1_HAS_LOADER_NAME (1u << 9)
#define MB1_HAS_FRAMEBUFFER (1u << 12)

enum mb_memory_type {
    MB_MEMORY_AVAILABLE = 1,
    MB_MEMORY_RESERVED,
    MB_MEMORY_ACPI,
    MB_MEMORY_NVS,
    MB_MEMORY_BAD
};

struct mb_framebuffer {
    uint64_t addr;
    uint32_t pitch, width, height;
    uint8_t bits_per_pixel;
    uint8_t type; /* 0 indexed, 1 RGB, 2 text */
} __packed;

struct mb1_info {
    uint32_t flags;
    uint32_t mem_lower, mem_upper; /* KiB from 0, KiB from 1 MiB */
    uint32_t boot_device;
    uint32_t cmdline;
    uint32_t mods_count, mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr;
    uint32_t config_table;
    uint32_t boot_loader_name;
    uint32_t apm_table;
    uint32_t vbe_control_info, vbe_mode_info;
    uint16_t vbe_mode, vbe_interface_seg, vbe_interface_off, vbe_interface_len;
    struct mb_framebuffer framebuffer;
    uint8_t color[6]; /* RGB: red shift, red bits, green..., blue... */
} __packed;
_Static_assert(sizeof(struct mb1_info) == 116, "MB1 3.3");

struct mb1_module {
    uint32_t start, end, string, reserved;
};

struct mb1_mmap_entry {
    uint32_t size; /* of the rest */
    uint64_t addr, len;
    uint32_t type;
} __packed;

enum mb2_tag_type {
    MB2_TAG_END = 0,
    MB2_TAG_CMDLINE = 1,
    MB2_TAG_MODULE = 3,
    MB2_TAG_BASIC_MEMORY = 4,
    MB2_TAG_MMAP = 6,
    MB2_TAG_FRAMEBUFFER = 8,
    MB2_TAG_EFI64 = 12,
    MB2_TAG_ACPI_OLD = 14,
    MB2_TAG_ACPI_NEW = 15,
    MB2_TAG_EFI_MMAP = 17,
};

struct mb2_tag {
    uint32_t type, size; /* size includes this header; the next tag is 8-aligned */
};

struct mb2_module {
    struct mb2_tag tag;
    uint32_t start, end;
    char string[];
};

struct mb2_basic_memory {
    struct mb2_tag tag;
    uint32_t mem_lower, mem_upper; /* KiB */
};

struct mb2_mmap {
    struct mb2_tag tag;
    uint32_t entry_size, entry_version;
};

struct mb2_mmap_entry {
    uint64_t addr, len;
    uint32_t type, reserved;
};

struct mb2_efi_mmap {
    struct mb2_tag tag;
    uint32_t entry_size, entry_version;
};

/* EFI_MEMORY_DESCRIPTOR (UEFI 2.10, 7.2.3). */
struct efi_memory {
    uint32_t type, pad;
    uint64_t addr, virtual_addr, pages, attributes;
};

enum efi_memory_type {
    EFI_RESERVED,
    EFI_LOADER_CODE,
    EFI_LOADER_DATA,
    EFI_BOOT_SERVICES_CODE,
    EFI_BOOT_SERVICES_DATA,
    EFI_RUNTIME_CODE,
    EFI_RUNTIME_DATA,
    EFI_CONVENTIONAL,
    EFI_UNUSABLE,
    EFI_ACPI_RECLAIM,
    EFI_ACPI_NVS,
};

struct mb2_framebuffer {
    struct mb2_tag tag;
    struct mb_framebuffer fb;
    uint16_t reserved;
    uint8_t color[6];
} __packed;

#endif
