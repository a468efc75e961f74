/*
 * memory.c - from the boot loader's memory map to the page allocator and the page tables.
 *
 * RAM minus what is taken (the image, boot modules, the array of struct page itself) is free. Until
 * paging_init() only the first 4 GiB are mapped, so what lies above is released after it.
 */
#include "kernel/x86/machine.h"

#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/x86/paging.h"

#define BOOT_MAPPED (4ull << 30)
#define TAKEN_MAX   (BOOT_MODULES_MAX + 3)
/*
 * Where the log of a crash outlives a restart. Found by filling memory, resetting, and looking what was left:
 * SeaBIOS, OVMF, GRUB under both and QEMU's -kernel all leave these pages alone, as they lie between what a
 * loader uses for its own code and the BIOS's own data below 640 KiB.
 */
#define CRASH_AREA      0x90000
#define CRASH_AREA_SIZE (2 * PAGE_SIZE)

#define NEEDED_FREE (1u << 20) /* below this nothing useful can run */

extern char __image_start[], __image_end[], boot_tables[], boot_tables_end[];

static struct mem_range taken[TAKEN_MAX]; /* whole pages, ascending, disjoint */
static unsigned nr_taken;
static void *crash_area;

static void take(struct mem_range r)
{
    unsigned i = nr_taken++;
    r.start &= ~(uintptr_t)(PAGE_SIZE - 1);
    r.end = ALIGN_UP(r.end, (uintptr_t)PAGE_SIZE);
    for (; i > 0 && taken[i - 1].start > r.start; i--)
        taken[i] = taken[i - 1];
    taken[i] = r;
}

/* The first stretch of `in`, at or after `from`, that is not taken. Return: false if there is none. */
static bool next_free(struct mem_range in, uintptr_t from, struct mem_range *free)
{
    uintptr_t at = max(in.start, from), end = in.end;
    for (unsigned i = 0; i < nr_taken; i++) {
        if (taken[i].end <= at)
            continue;
        if (taken[i].start > at) {
            end = min(end, taken[i].start);
            break;
        }
        at = taken[i].end;
    }
    *free = (struct mem_range){at, end};
    return at < end;
}

static void release_between(const struct boot_info *boot, uintptr_t lo, uintptr_t hi)
{
    for (unsigned i = 0; i < boot->nr_ram; i++) {
        struct mem_range ram = {max(boot->ram[i].start, lo), min(boot->ram[i].end, hi)}, free;
        for (uintptr_t at = lo; next_free(ram, at, &free); at = free.end)
            page_release(free.start, free.end);
    }
}

static void *find_room(const struct boot_info *boot, size_t size)
{
    for (unsigned i = 0; i < boot->nr_ram; i++) {
        struct mem_range ram = {boot->ram[i].start, min(boot->ram[i].end, BOOT_MAPPED)}, free;
        for (uintptr_t at = 0; next_free(ram, at, &free); at = free.end)
            if (free.end - free.start >= size)
                return (void *)free.start;
    }
    return NULL;
}

/* Only whole in RAM, and where the loader has put nothing. */
static void crash_area_take(const struct boot_info *boot)
{
    for (unsigned i = 0; i < boot->nr_ram; i++) {
        struct mem_range free, ram = boot->ram[i];
        if (ram.start <= CRASH_AREA && ram.end >= CRASH_AREA + CRASH_AREA_SIZE &&
            next_free(ram, CRASH_AREA, &free) && free.start == CRASH_AREA &&
            free.end >= CRASH_AREA + CRASH_AREA_SIZE)
            crash_area = (void *)CRASH_AREA;
    }
    if (crash_area)
        take((struct mem_range){CRASH_AREA, CRASH_AREA + CRASH_AREA_SIZE});
}

void *memory_crash_area(size_t *size)
{
    *size = CRASH_AREA_SIZE;
    return crash_area;
}

/*
 * Room for the array of struct page. Its size depends on where memory ends: a map with a scrap of memory at a
 * fantastic address would take it all, so the highest ranges are left out until it fits. The image has a
 * struct page also where the map forgot it.
 */
static void *find_array_room(const struct boot_info *boot, uintptr_t *end, size_t *size)
{
    void *array = NULL;
    for (unsigned n = boot->nr_ram; n > 0 && !array; n--) {
        *end = max(boot->ram[n - 1].end, taken[nr_taken - 1].end);
        *size = page_array_size(0, *end);
        array = find_room(boot, *size);
    }
    return array;
}

static size_t ram_total(const struct boot_info *boot)
{
    size_t total = 0;
    for (unsigned i = 0; i < boot->nr_ram; i++)
        total += boot->ram[i].end - boot->ram[i].start;
    return total;
}

static void __noreturn too_little(const struct boot_info *boot)
{
    size_t used = 0;
    for (unsigned i = 0; i < nr_taken; i++)
        used += taken[i].end - taken[i].start;
    panic(
        "Too little memory: of %zu KiB, the kernel and its boot modules take %zu KiB. Give the machine more "
        "(at least 4 MiB) or serve a smaller site.",
        ram_total(boot) / 1024, used / 1024);
}

void memory_init(const struct boot_info *boot)
{
    take((struct mem_range){(uintptr_t)__image_start, (uintptr_t)__image_end});
    for (unsigned i = 0; i < boot->nr_modules; i++)
        take(boot->modules[i].at);
    crash_area_take(boot);

    uintptr_t end = 0;
    size_t size = 0;
    void *array = find_array_room(boot, &end, &size);
    if (!array)
        too_little(boot);
    take((struct mem_range){(uintptr_t)array, (uintptr_t)array + size});

    page_init(array, 0, end);
    for (unsigned i = 0; i < nr_taken; i++)
        page_reserve(taken[i].start, taken[i].end);
    release_between(boot, 0, min(end, BOOT_MAPPED));
    paging_init(boot);
    release_between(boot, BOOT_MAPPED, end);
    page_release((uintptr_t)boot_tables, (uintptr_t)boot_tables_end);

    struct page_stats stats;
    page_get_stats(&stats);
    if (stats.free < NEEDED_FREE / PAGE_SIZE)
        too_little(boot);
    pr_info("Memory: %zu KiB, of these %zu KiB free (kernel %zu KiB, page array %zu KiB)", stats.total * 4,
            stats.free * 4, (size_t)(__image_end - __image_start) / 1024, size / 1024);
}
