/*
 * fuzz_multiboot.c - any bytes as what a boot loader leaves behind. Its pointers are trusted (they are made
 * to lead into the bytes), its counts, sizes and types are not; a page behind the bytes that cannot be read
 * shows a step too far.
 */
/* links: kernel/x86/multiboot.c */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/boot_info.h"
#include "kernel/page.h"
#include "kernel/x86/machine.h"
#include "kernel/x86/multiboot.h"

#define ROOM (16u * 1024)

__asm__(".data\n"
        ".globl __image_start, __image_end\n"
        "__image_start: .skip 4096\n"
        "__image_end:\n"
        ".text");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t *room; /* below 4 GiB; the page behind it is forbidden */

static void check(const struct boot_info *boot)
{
    uintptr_t past = 0;

    if (boot->nr_ram > BOOT_RAM_MAX || boot->nr_modules > BOOT_MODULES_MAX)
        abort();
    for (unsigned i = 0; i < boot->nr_ram; i++) {
        const struct mem_range *r = &boot->ram[i];
        if (r->start >= r->end || r->start < PAGE_SIZE || (r->start | r->end) % PAGE_SIZE ||
            (i && r->start <= past))
            abort();
        past = r->end;
    }
    for (unsigned i = 0; i < boot->nr_modules; i++) {
        const struct boot_module *m = &boot->modules[i];
        bool inside = false;
        for (unsigned j = 0; j < boot->nr_ram; j++)
            inside |= m->at.start >= boot->ram[j].start && m->at.end <= boot->ram[j].end;
        for (unsigned j = 0; j < i; j++)
            if (m->at.start < boot->modules[j].at.end && boot->modules[j].at.start < m->at.end)
                abort();
        if (!inside || m->at.start >= m->at.end || strnlen(m->string, sizeof(m->string)) == sizeof(m->string))
            abort();
    }
    if (strlen(boot->cmdline) > ROOM || boot->acpi_rsdp_len > sizeof(boot->acpi_rsdp))
        abort();
}

/* The bytes end with the room, and their size is what they may say of themselves at most. */
static void multiboot_2(const uint8_t *data, size_t len)
{
    uint8_t *at = room + ROOM - ALIGN_UP(len, (size_t)8);
    uint32_t total;

    memcpy(at, data, len);
    memcpy(&total, at, sizeof(total));
    total = min(total, (uint32_t)len);
    memcpy(at, &total, sizeof(total));
    check(multiboot_parse(MB2_BOOT_MAGIC, (uint32_t)(uintptr_t)at));
}

/* A pointer into what follows the header; strings end with the room at last. */
static uint32_t into(uint32_t value, uint32_t past)
{
    return (uint32_t)(uintptr_t)room + 256 + value % (ROOM - 256 - past);
}

static void multiboot_1(const uint8_t *data, size_t len)
{
    struct mb1_info *mb = (struct mb1_info *)room;

    memcpy(room, data, min(len, sizeof(*mb)));
    if (len > sizeof(*mb))
        memcpy(room + 256, data + sizeof(*mb), min(len - sizeof(*mb), (size_t)ROOM - 256 - 1));
    mb->cmdline = into(mb->cmdline, 1);
    mb->boot_loader_name = into(mb->boot_loader_name, 8);
    mb->mods_addr = into(mb->mods_addr, 2 * BOOT_MODULES_MAX * sizeof(struct mb1_module)) & ~3u;
    mb->mmap_length %= ROOM / 2;
    mb->mmap_addr = into(mb->mmap_addr, ROOM / 2);
    struct mb1_module *modules = (struct mb1_module *)(uintptr_t)mb->mods_addr;
    for (unsigned i = 0; i < 2 * BOOT_MODULES_MAX; i++) {
        struct mb1_module m;
        memcpy(&m, &modules[i], sizeof(m));
        m.string = into(m.string, 1);
        memcpy(&modules[i], &m, sizeof(m));
    }
    room[ROOM - 1] = 0;
    check(multiboot_parse(MB1_BOOT_MAGIC, (uint32_t)(uintptr_t)room));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (!room) {
        room = mmap(NULL, ROOM + PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
                    -1, 0);
        if (room == MAP_FAILED || mprotect(room + ROOM, PAGE_SIZE, PROT_NONE))
            abort();
    }
    if (len < 9 || len > ROOM)
        return 0;
    memset(room, 0, ROOM);
    if (data[0] & 1)
        multiboot_2(data + 1, len - 1);
    else
        multiboot_1(data + 1, len - 1);
    return 0;
}
