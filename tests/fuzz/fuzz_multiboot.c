/*
 * fuzz_multiboot.c - any bytes as what a boot loader left: as multiboot 2's list of tags, and as multiboot
 * 1's structure, whose addresses are bent so that they lead into these bytes.
 */
/* links: kernel/x86/multiboot.c */
#include "kernel/x86/machine.h"
#include "kernel/x86/multiboot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/page.h"

#define ROOM    (64u * 1024)
#define INFO_AT (ROOM - 256)

__asm__(".data\n"
        ".globl __image_start, __image_end\n"
        "__image_start: .skip 4096\n"
        "__image_end:\n"
        ".text");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_ranges(const struct mem_range *r, unsigned count, unsigned max, uintptr_t unit)
{
    if (count > max)
        abort();
    for (unsigned i = 0; i < count; i++)
        if (r[i].start >= r[i].end || r[i].start % unit || r[i].end % unit ||
            (i && r[i].start <= r[i - 1].end))
            abort();
}

static void check(const struct boot_info *boot)
{
    check_ranges(boot->ram, boot->nr_ram, BOOT_RAM_MAX, PAGE_SIZE);
    check_ranges(boot->firmware, boot->nr_firmware, BOOT_FIRMWARE_MAX, 1);
    if (boot->nr_modules > BOOT_MODULES_MAX || boot->acpi_rsdp_len > sizeof(boot->acpi_rsdp))
        abort();
    for (unsigned i = 0; i < boot->nr_modules; i++)
        if (strlen(boot->modules[i].string) >= sizeof(boot->modules[i].string))
            abort();
}

/* An address within the room, aligned as loaders do; what lies behind it ends with a zero. */
static uint32_t bend(uint32_t base, uint32_t addr)
{
    return base + (addr % (ROOM / 2) & ~7u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t *room;
    struct mb1_info mb = {0};
    if (!room)
        room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (room == MAP_FAILED || len > ROOM / 2)
        return 0;
    uint32_t base = (uint32_t)(uintptr_t)room, total = (uint32_t)len;
    memset(room, 0, ROOM);
    memcpy(room, data, len);
    memcpy(&mb, data, len < sizeof(mb) ? len : sizeof(mb));
    memcpy(room, &total, len < sizeof(total) ? len : sizeof(total));
    check(multiboot_parse(MB2_BOOT_MAGIC, base));

    mb.cmdline = bend(base, mb.cmdline);
    mb.boot_loader_name = bend(base, mb.boot_loader_name);
    mb.mods_addr = bend(base, mb.mods_addr);
    mb.mmap_addr = bend(base, mb.mmap_addr);
    mb.mmap_length %= ROOM / 2;
    struct mb1_module *modules = (struct mb1_module *)(uintptr_t)mb.mods_addr;
    for (unsigned i = 0; i < 32; i++)
        modules[i].string = bend(base, modules[i].string);
    memcpy(room + INFO_AT, &mb, sizeof(mb));
    check(multiboot_parse(MB1_BOOT_MAGIC, base + INFO_AT));
    return 0;
}
