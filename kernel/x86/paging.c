/*
 * paging.c - the page tables: address = physical address, write xor execute, holes where an error
 * would go unnoticed.
 *
 *     image  .text    read, execute           page zero         absent
 *            .rodata  read                    stack guards      absent
 *            .data    read, write             devices           read, write, uncached (ioremap)
 *     other RAM       read, write             all else          absent
 *
 * RAM is mapped in pages of 2 MiB where it can be; a large page is split when a part of it needs
 * rights of its own. (Intel SDM volume 3, 4.5.)
 */
#include "kernel/x86/paging.h"

#include <errno.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"

#define PTE_PRESENT (1ull << 0)
#define PTE_WRITE   (1ull << 1)
#define PTE_PWT     (1ull << 3)
#define PTE_PCD     (1ull << 4)
#define PTE_LARGE   (1ull << 7)
#define PTE_NX      (1ull << 63)
#define PTE_ADDR    0x000ffffffffff000ull

#define LARGE_PAGE   (2ull << 20)
#define LEVEL_TOP    3 /* PML4; level 0 is a table of 4 KiB pages */
#define LEVEL_LARGE  1
#define ENTRIES      512
#define ADDRESS_MAX  (1ull << 47)
#define FLUSH_SINGLY 16

#define CPUID_NX  (1u << 20) /* 80000001h EDX */
#define CPUID_PAT (1u << 16) /* 1 EDX */

/* Memory types by PCD and PWT (Intel SDM volume 3, 11.12): as after reset, but write-combining in place of
 * write-through for PWT alone. */
#define MSR_PAT   0x277
#define PAT_TYPES 0x0007040600070106ull
#define UNCACHED  (PTE_PCD | PTE_PWT)

extern char __image_start[], __image_end[], __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern char boot_stack_guard[];

static uint64_t *root;      /* NULL while the boot tables are in use */
static uint64_t no_execute; /* PTE_NX if the CPU knows it */

/* Device memory asked for before the tables exist: the early console's screen. */
static struct {
    struct mem_range at;
    uint64_t type;
} early_io[4];
static unsigned nr_early_io;
static uint64_t write_combining = UNCACHED; /* PTE_PWT if the CPU can */

static uint64_t *table_alloc(void)
{
    struct page *page = alloc_pages(0);
    return page ? memset(page_address(page), 0, PAGE_SIZE) : NULL;
}

static unsigned table_index(uintptr_t addr, unsigned level)
{
    return (unsigned)(addr >> (PAGE_SHIFT + 9 * level)) % ENTRIES;
}

/* Replaces a large page by a table of 512 small ones with the same rights. */
static uint64_t *large_page_split(uint64_t *entry)
{
    uint64_t *table = table_alloc();
    if (!table)
        return NULL;
    for (uint64_t i = 0; i < ENTRIES; i++)
        table[i] = (*entry & ~PTE_LARGE) + i * PAGE_SIZE;
    *entry = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
    return table;
}

/* The table below `entry`; made if there is none. NULL without memory. */
static uint64_t *table_below(uint64_t *entry)
{
    if (!(*entry & PTE_PRESENT)) {
        uint64_t *table = table_alloc();
        if (table)
            *entry = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
        return table;
    }
    if (*entry & PTE_LARGE)
        return large_page_split(entry);
    return (uint64_t *)(*entry & PTE_ADDR);
}

static uint64_t *entry_at(uint64_t *top, uintptr_t addr, unsigned level)
{
    uint64_t *table = top;
    for (unsigned l = LEVEL_TOP; l > level; l--) {
        table = table_below(&table[table_index(addr, l)]);
        if (!table)
            return NULL;
    }
    return &table[table_index(addr, level)];
}

/* flags 0: absent. start and end are multiples of the page size. */
static int map_range(uint64_t *top, uintptr_t start, uintptr_t end, uint64_t flags)
{
    while (start < end) {
        if (start % LARGE_PAGE == 0 && end - start >= LARGE_PAGE) {
            uint64_t *entry = entry_at(top, start, LEVEL_LARGE);
            if (!entry)
                return -ENOMEM;
            if (!(*entry & PTE_PRESENT) || (*entry & PTE_LARGE)) {
                *entry = flags ? start | flags | PTE_LARGE : 0;
                start += LARGE_PAGE;
                continue;
            }
        }
        uint64_t *entry = entry_at(top, start, 0);
        if (!entry)
            return -ENOMEM;
        *entry = flags ? start | flags : 0;
        start += PAGE_SIZE;
    }
    return 0;
}

static void flush_range(uintptr_t start, uintptr_t end)
{
    if ((end - start) / PAGE_SIZE > FLUSH_SINGLY) {
        write_cr3(read_cr3());
        return;
    }
    for (; start < end; start += PAGE_SIZE)
        invlpg(start);
}

static int map_image(uint64_t *top)
{
    uint64_t data = PTE_PRESENT | PTE_WRITE | no_execute;
    int err = map_range(top, (uintptr_t)__image_start, (uintptr_t)__image_end, data);
    if (!err)
        err = map_range(top, (uintptr_t)__text_start, ALIGN_UP((uintptr_t)__text_end, (uintptr_t)PAGE_SIZE),
                        PTE_PRESENT);
    if (!err)
        err = map_range(top, (uintptr_t)__rodata_start,
                        ALIGN_UP((uintptr_t)__rodata_end, (uintptr_t)PAGE_SIZE), PTE_PRESENT | no_execute);
    if (!err)
        err = map_range(top, (uintptr_t)boot_stack_guard, (uintptr_t)boot_stack_guard + PAGE_SIZE, 0);
    return err;
}

static int map_all(uint64_t *top, const struct boot_info *boot)
{
    uint64_t data = PTE_PRESENT | PTE_WRITE | no_execute;
    int err = 0;
    for (unsigned i = 0; i < boot->nr_ram && !err; i++)
        err = map_range(top, boot->ram[i].start, boot->ram[i].end, data);
    for (unsigned i = 0; i < nr_early_io && !err; i++)
        err = map_range(top, early_io[i].at.start, early_io[i].at.end,
                        data | (early_io[i].type == UNCACHED ? UNCACHED : write_combining));
    return err ? err : map_image(top);
}

void paging_init(const struct boot_info *boot)
{
    if (cpuid(0x80000001, 0).edx & CPUID_NX) {
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
        no_execute = PTE_NX;
    } else {
        pr_warn("This CPU cannot forbid execution of data (no NX bit).");
    }
    if (cpuid(1, 0).edx & CPUID_PAT) {
        wrmsr(MSR_PAT, PAT_TYPES);
        write_combining = PTE_PWT;
    }
    uint64_t *top = table_alloc();
    if (!top || map_all(top, boot) < 0)
        panic("Too little memory for the page tables.");
    write_cr3((uintptr_t)top);
    root = top;
}

int paging_guard(void *page)
{
    int err = map_range(root, (uintptr_t)page, (uintptr_t)page + PAGE_SIZE, 0);
    flush_range((uintptr_t)page, (uintptr_t)page + PAGE_SIZE);
    return err;
}

void paging_unguard(void *page)
{
    /* The table is there since the page was guarded, so this cannot fail. */
    int err =
        map_range(root, (uintptr_t)page, (uintptr_t)page + PAGE_SIZE, PTE_PRESENT | PTE_WRITE | no_execute);
    ASSERT(!err);
    invlpg((uintptr_t)page);
}

bool paging_is_mapped(uintptr_t addr)
{
    if (!root)
        return addr < 1ull << 32;
    if (addr >= ADDRESS_MAX)
        return false;
    uint64_t *table = root;
    for (unsigned level = LEVEL_TOP;; level--) {
        uint64_t entry = table[table_index(addr, level)];
        if (!(entry & PTE_PRESENT))
            return false;
        if (level == 0 || (entry & PTE_LARGE))
            return true;
        table = (uint64_t *)(entry & PTE_ADDR);
    }
}

static volatile void *map_device(uint64_t phys, size_t len, uint64_t type)
{
    if (!len || phys >= ADDRESS_MAX || len > ADDRESS_MAX - phys)
        return NULL;
    uintptr_t start = phys & ~(uint64_t)(PAGE_SIZE - 1);
    uintptr_t end = ALIGN_UP(phys + len, (uint64_t)PAGE_SIZE);
    if (!root) {
        if (nr_early_io == ARRAY_SIZE(early_io) || end > 1ull << 32)
            return NULL;
        early_io[nr_early_io].at = (struct mem_range){start, end};
        early_io[nr_early_io++].type = type;
        return (volatile void *)phys;
    }
    if (virt_to_page((void *)start)) /* RAM is no device: its cached mapping must stay the only one */
        return NULL;
    if (map_range(root, start, end, PTE_PRESENT | PTE_WRITE | type | no_execute) < 0)
        return NULL;
    flush_range(start, end);
    return (volatile void *)phys;
}

volatile void *ioremap(uint64_t phys, size_t len)
{
    return map_device(phys, len, UNCACHED);
}

volatile void *ioremap_wc(uint64_t phys, size_t len)
{
    return map_device(phys, len, root ? write_combining : PTE_PWT);
}
