/*
 * test_multiboot.c - what boot loaders leave in memory, also odd and damaged, becomes one boot_info.
 */
/* links: kernel/x86/multiboot.c */
#include "tests/unit/test.h"

#include <string.h>
#include <sys/mman.h>

#include "kernel/boot_info.h"
#include "kernel/x86/machine.h"
#include "kernel/x86/multiboot.h"

#define MIB         (1u << 20)
#define LOADER_SIZE (64u * 1024)

/* The image, from which modules must stay away, is in this program's own data. */
__asm__(".data\n"
        ".globl __image_start, __image_end\n"
        "__image_start: .skip 4096\n"
        "__image_end:\n"
        ".text");

static uint8_t *loader; /* memory that a 32-bit address reaches */
static uint32_t loader_used;

static int setup(void **state)
{
    if (!loader)
        loader =
            mmap(NULL, LOADER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    memset(loader, 0, LOADER_SIZE);
    loader_used = 0;
    return loader == MAP_FAILED;
}

static uint32_t leave(const void *what, size_t len)
{
    uint8_t *at = loader + loader_used;
    memcpy(at, what, len);
    loader_used += (uint32_t)(len + 7) & ~7u;
    assert_true(loader_used <= LOADER_SIZE);
    return (uint32_t)(uintptr_t)at;
}

static struct mb1_mmap_entry entry(uint64_t addr, uint64_t len, uint32_t type)
{
    return (struct mb1_mmap_entry){.size = 20, .addr = addr, .len = len, .type = type};
}

static const struct boot_info *parse_map(const struct mb1_mmap_entry *map, size_t bytes)
{
    struct mb1_info mb = {
        .flags = MB1_HAS_MMAP, .mmap_length = (uint32_t)bytes, .mmap_addr = leave(map, bytes)};
    return multiboot_parse(MB1_BOOT_MAGIC, leave(&mb, sizeof(mb)));
}

static void assert_ram(const struct boot_info *boot, unsigned i, uintptr_t start, uintptr_t end)
{
    assert_true(i < boot->nr_ram);
    assert_int_equal(boot->ram[i].start, start);
    assert_int_equal(boot->ram[i].end, end);
}

TEST("without a multiboot loader's magic number there is no boot information")
{
    assert_null(multiboot_parse(0x12345678, 0));
}

TEST("the memory map is sorted, joined and cut to whole pages, and page zero is left out")
{
    struct mb1_mmap_entry map[] = {entry(2 * MIB, 2 * MIB, 1), entry(0, 0x9fc00, 1),
                                   entry(1 * MIB, MIB + 100, 1)};
    const struct boot_info *boot = parse_map(map, sizeof(map));
    assert_int_equal(boot->nr_ram, 2);
    assert_ram(boot, 0, 0x1000, 0x9f000);
    assert_ram(boot, 1, 1 * MIB, 4 * MIB);
}

TEST("what one entry of the memory map reserves, no other gives away")
{
    struct mb1_mmap_entry map[] = {entry(1 * MIB, 7 * MIB, 1), entry(3 * MIB + 1, 10, 2),
                                   entry(UINT64_MAX - 5, 100, 1), entry(7 * MIB, UINT64_MAX, 2)};
    const struct boot_info *boot = parse_map(map, sizeof(map));
    assert_int_equal(boot->nr_ram, 2);
    assert_ram(boot, 0, 1 * MIB, 3 * MIB);
    assert_ram(boot, 1, 3 * MIB + 4096, 7 * MIB);
}

TEST("what belongs to firmware is told as such, joined; entries of no length and bad memory are not")
{
    struct mb1_mmap_entry map[] = {entry(1 * MIB, 7 * MIB, 1),          entry(9 * MIB, MIB, MB_MEMORY_NVS),
                                   entry(8 * MIB, MIB, MB_MEMORY_ACPI), entry(5 * MIB, 0, 2),
                                   entry(20 * MIB, MIB, MB_MEMORY_BAD), entry(UINT64_MAX - 9, UINT64_MAX, 2)};
    const struct boot_info *boot = parse_map(map, sizeof(map));
    assert_int_equal(boot->nr_ram, 1);
    assert_ram(boot, 0, 1 * MIB, 8 * MIB);
    assert_int_equal(boot->nr_firmware, 2);
    assert_int_equal(boot->firmware[0].start, 8 * MIB);
    assert_int_equal(boot->firmware[0].end, 10 * MIB);
}

TEST("bad memory, ACPI's tables and what firmware keeps are not given away by an entry that covers them")
{
    for (uint32_t type = 0; type < 20; type++) {
        struct mb1_mmap_entry map[] = {entry(2 * MIB, MIB, type), entry(1 * MIB, 3 * MIB, 1)};
        setup(NULL);
        const struct boot_info *boot = parse_map(map, sizeof(map));
        assert_int_equal(boot->nr_ram, type == 1 ? 1 : 2);
    }
}

TEST("of a memory map with more pieces than there is room for, the smallest are left out")
{
    struct mb1_mmap_entry map[200];
    for (unsigned i = 0; i < 200; i++) /* every other is a page, then 2 pages, up to the last */
        map[i] = entry(i * 4ull * MIB + MIB, (i + 1) * 4096ull, 1);
    const struct boot_info *boot = parse_map(map, sizeof(map));
    assert_int_equal(boot->nr_ram, BOOT_RAM_MAX);
    assert_ram(boot, 0, (200 - BOOT_RAM_MAX) * 4ull * MIB + MIB,
               (200 - BOOT_RAM_MAX) * 4ull * MIB + MIB + 169 * 4096);
    assert_ram(boot, BOOT_RAM_MAX - 1, 199 * 4ull * MIB + MIB, 199 * 4ull * MIB + MIB + 200 * 4096);
}

TEST("a memory map cut into pages that touch is one range, in whatever order they come")
{
    struct mb1_mmap_entry map[200];
    for (unsigned i = 0; i < 200; i++)
        map[i] = entry(MIB + (i * 77 % 200) * 4096ull, 4096, 1);
    const struct boot_info *boot = parse_map(map, sizeof(map));
    assert_true(boot->nr_ram >= 1 && boot->ram[0].start >= MIB);
    for (unsigned i = 0; i < 200; i++)
        map[i] = entry(MIB + i * 4096ull, 4096, 1);
    setup(NULL);
    boot = parse_map(map, sizeof(map));
    assert_int_equal(boot->nr_ram, 1);
    assert_ram(boot, 0, MIB, MIB + 200 * 4096);
}

TEST("a memory map that says it lies beyond 4 GiB, or is endless, does not lead there")
{
    struct mb1_info mb = {.flags = MB1_HAS_MMAP | MB1_HAS_MEMORY,
                          .mem_upper = 1024,
                          .mmap_length = UINT32_MAX,
                          .mmap_addr = UINT32_MAX - 10};
    const struct boot_info *boot = multiboot_parse(MB1_BOOT_MAGIC, leave(&mb, sizeof(mb)));
    assert_int_equal(boot->nr_ram, 1);
    assert_ram(boot, 0, 1 * MIB, 2 * MIB);
}

TEST("a memory map that ends within an entry, or has an entry of no size, is read up to there")
{
    struct mb1_mmap_entry map[] = {entry(1 * MIB, MIB, 1), entry(4 * MIB, MIB, 1)};
    const struct boot_info *boot = parse_map(map, sizeof(map) - 1);
    assert_int_equal(boot->nr_ram, 1);
    map[1].size = 0;
    boot = parse_map(map, sizeof(map));
    assert_int_equal(boot->nr_ram, 1);
    assert_ram(boot, 0, 1 * MIB, 2 * MIB);
}

TEST("without a memory map the two sizes of memory are used")
{
    struct mb1_info mb = {.flags = MB1_HAS_MEMORY, .mem_lower = 639, .mem_upper = 3072};
    const struct boot_info *boot = multiboot_parse(MB1_BOOT_MAGIC, leave(&mb, sizeof(mb)));
    assert_ram(boot, 0, 0x1000, 0x9f000);
    assert_ram(boot, 1, 1 * MIB, 4 * MIB);
}

TEST("modules that overlap, are empty or lie outside memory are dropped and counted")
{
    struct mb1_module modules[] = {{2 * MIB, 2 * MIB + 5000, 0, 0},
                                   {2 * MIB + 4096, 3 * MIB, 0, 0},
                                   {3 * MIB, 3 * MIB, 0, 0},
                                   {3 * MIB + 1, 3 * MIB + 9, 0, 0},
                                   {7 * MIB, 9 * MIB, 0, 0}};
    char long_name[200];
    memset(long_name, 'n', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    modules[0].string = leave(long_name, sizeof(long_name));
    struct mb1_info mb = {.flags = MB1_HAS_MEMORY | MB1_HAS_MODULES,
                          .mem_upper = 7 * 1024,
                          .mods_count = 5,
                          .mods_addr = leave(modules, sizeof(modules))};
    const struct boot_info *boot = multiboot_parse(MB1_BOOT_MAGIC, leave(&mb, sizeof(mb)));
    assert_int_equal(boot->nr_modules, 1);
    assert_int_equal(boot->modules[0].at.end, 2 * MIB + 5000);
    assert_int_equal(strlen(boot->modules[0].string), sizeof(boot->modules[0].string) - 1);
    assert_int_equal(boot->modules_damaged, 3);
    assert_int_equal(boot->modules_outside, 1);
}

TEST("of QEMU's command line the kernel's file name is taken away, of others' nothing")
{
    struct mb1_info mb = {.flags = MB1_HAS_CMDLINE | MB1_HAS_LOADER_NAME,
                          .cmdline = leave("skiff.elf ip=dhcp", 18),
                          .boot_loader_name = leave("qemu", 5)};
    assert_string_equal(multiboot_parse(MB1_BOOT_MAGIC, leave(&mb, sizeof(mb)))->cmdline, "ip=dhcp");
    mb.boot_loader_name = leave("GRUB", 5);
    assert_string_equal(multiboot_parse(MB1_BOOT_MAGIC, leave(&mb, sizeof(mb)))->cmdline,
                        "skiff.elf ip=dhcp");
}

/* Multiboot 2: total size, zero, then tags. */
static uint32_t *mb2_start(void)
{
    loader_used = 8;
    return (uint32_t *)loader;
}

static const struct boot_info *mb2_parse_left(uint32_t *start)
{
    struct mb2_tag end = {MB2_TAG_END, 8};
    leave(&end, sizeof(end));
    start[0] = loader_used;
    return multiboot_parse(MB2_BOOT_MAGIC, (uint32_t)(uintptr_t)start);
}

TEST("multiboot 2 tells memory, command line, module and screen in tags of any order")
{
    struct {
        struct mb2_module module;
        char name[9];
    } module = {{{MB2_TAG_MODULE, sizeof(struct mb2_module) + 9}, 2 * MIB, 3 * MIB}, "site.tar"};
    struct {
        struct mb2_mmap map;
        struct mb2_mmap_entry entry[2];
    } map = {{{MB2_TAG_MMAP, sizeof(map)}, sizeof(struct mb2_mmap_entry), 0},
             {{1 * MIB, 7 * MIB, 1, 0}, {6 * MIB, 9 * MIB, 2, 0}}};
    struct {
        struct mb2_tag tag;
        char text[6];
    } cmdline = {{MB2_TAG_CMDLINE, 14}, "quiet"};
    struct mb2_framebuffer screen = {{MB2_TAG_FRAMEBUFFER, sizeof(screen)},
                                     {.addr = 0xe0000000, .width = 800, .height = 600, .type = 1}};
    uint32_t *start = mb2_start();
    leave(&module, module.module.tag.size);
    leave(&screen, sizeof(screen));
    leave(&cmdline, cmdline.tag.size);
    leave(&map, sizeof(map));
    const struct boot_info *boot = mb2_parse_left(start);
    assert_string_equal(boot->cmdline, "quiet");
    assert_int_equal(boot->nr_ram, 1);
    assert_ram(boot, 0, 1 * MIB, 6 * MIB);
    assert_int_equal(boot->nr_modules, 1);
    assert_string_equal(boot->modules[0].string, "site.tar");
    assert_int_equal(boot->framebuffer.type, BOOT_FB_RGB);
}

static struct efi_memory efi(uint32_t type, uint64_t addr, uint64_t pages)
{
    return (struct efi_memory){.type = type, .addr = addr, .pages = pages};
}

TEST("without the loader's memory map that of UEFI is read: boot services' memory is free, runtime's is not")
{
    struct {
        struct mb2_efi_mmap map;
        struct efi_memory entry[7];
    } map = {{{MB2_TAG_EFI_MMAP, sizeof(map)}, sizeof(struct efi_memory), 1},
             {efi(EFI_CONVENTIONAL, 1 * MIB, 256), efi(EFI_BOOT_SERVICES_DATA, 2 * MIB, 256),
              efi(EFI_LOADER_DATA, 3 * MIB, 256), efi(EFI_RUNTIME_DATA, 4 * MIB, 256),
              efi(EFI_ACPI_RECLAIM, 5 * MIB, 256), efi(EFI_CONVENTIONAL, 5 * MIB, 512),
              efi(EFI_ACPI_NVS, 8 * MIB, UINT64_MAX)}};
    uint32_t *start = mb2_start();
    leave(&map, sizeof(map));
    const struct boot_info *boot = mb2_parse_left(start);
    assert_int_equal(boot->nr_ram, 2);
    assert_ram(boot, 0, 1 * MIB, 4 * MIB);
    assert_ram(boot, 1, 6 * MIB, 7 * MIB);
    assert_int_equal(boot->nr_firmware, 2);
}

TEST("an UEFI memory map whose entries are shorter than they can be is not read, but the two sizes are")
{
    struct {
        struct mb2_efi_mmap map;
        struct efi_memory entry;
    } map = {{{MB2_TAG_EFI_MMAP, sizeof(map)}, sizeof(struct efi_memory) - 1, 1},
             efi(EFI_CONVENTIONAL, 16 * MIB, 256)};
    struct mb2_basic_memory memory = {{MB2_TAG_BASIC_MEMORY, sizeof(memory)}, 0, 3072};
    uint32_t *start = mb2_start();
    leave(&map, sizeof(map));
    leave(&memory, sizeof(memory));
    const struct boot_info *boot = mb2_parse_left(start);
    assert_int_equal(boot->nr_ram, 1);
    assert_ram(boot, 0, 1 * MIB, 4 * MIB);
}

TEST("a multiboot 2 loader that hands over UEFI's system table was started by UEFI")
{
    struct {
        uint32_t total, reserved;
        struct mb2_tag efi;
        uint64_t table;
        struct mb2_tag end;
    } info = {.total = sizeof(info), .efi = {.type = MB2_TAG_EFI64, .size = 16}, .end = {.size = 8}};
    assert_string_equal(multiboot_parse(MB2_BOOT_MAGIC, leave(&info, sizeof(info)))->loader,
                        "multiboot 2 on UEFI");
    info.efi.type = 77;
    assert_string_equal(multiboot_parse(MB2_BOOT_MAGIC, leave(&info, sizeof(info)))->loader, "multiboot 2");
}

TEST("a multiboot 2 tag that is shorter than itself or longer than the whole ends the list")
{
    struct mb2_tag bad = {MB2_TAG_CMDLINE, 0};
    struct mb2_basic_memory memory = {{MB2_TAG_BASIC_MEMORY, sizeof(memory)}, 0, 3072};
    for (unsigned i = 0; i < 2; i++, bad.size = 1u << 30) {
        uint32_t *start = mb2_start();
        leave(&memory, sizeof(memory));
        leave(&bad, sizeof(bad));
        leave(&memory, sizeof(memory));
        const struct boot_info *boot = mb2_parse_left(start);
        assert_ram(boot, 0, 1 * MIB, 4 * MIB);
        assert_string_equal(boot->cmdline, "");
    }
}

TEST("a multiboot 2 memory map whose entries are of an odd size is not believed, the two sizes of memory are")
{
    struct {
        struct mb2_mmap map;
        struct mb2_mmap_entry entry[2];
    } map = {{{MB2_TAG_MMAP, sizeof(map)}, sizeof(struct mb2_mmap_entry) + 1, 0},
             {{1 * MIB, 7 * MIB, 1, 0}, {6 * MIB, 9 * MIB, 2, 0}}};
    struct mb2_basic_memory memory = {{MB2_TAG_BASIC_MEMORY, sizeof(memory)}, 0, 3072};
    uint32_t *start = mb2_start();
    leave(&map, sizeof(map));
    leave(&memory, sizeof(memory));
    const struct boot_info *boot = mb2_parse_left(start);
    assert_int_equal(boot->nr_ram, 1);
    assert_ram(boot, 0, 1 * MIB, 4 * MIB);
}

TEST("a multiboot 2 command line without an end is not believed")
{
    struct {
        struct mb2_tag tag;
        char text[8];
    } cmdline = {{MB2_TAG_CMDLINE, 16}, "endless!"};
    uint32_t *start = mb2_start();
    leave(&cmdline, sizeof(cmdline));
    assert_string_equal(mb2_parse_left(start)->cmdline, "");
}

TEST_FIXTURE(setup, NULL)
