/*
 * multiboot.c - reads what the boot loader left into one struct boot_info.
 *
 * Runs first of all, on the page tables of boot/multiboot.S (first 4 GiB mapped). A loader is
 * trusted to mean well but not to be free of errors: lengths are checked, strings are cut, and a
 * module that lies outside RAM, overlaps the image or comes after the eighth is dropped and counted.
 */
#include "kernel/x86/multiboot.h"

#include <string.h>

#include "kernel/boot_info.h"
#include "kernel/page.h"
#include "kernel/x86/machine.h"

#define MMAP_LENGTH_MAX (256u * 1024)
/* The array of struct page is 1/128 of this; and it must fit below 4 GiB. */
#define RAM_LIMIT    (64ull << 30)
#define MB2_INFO_MAX (1u << 20)

extern char __image_start[], __image_end[];

static struct boot_info info;

/* Every address the loader gives is below 4 GiB and mapped one to one. */
static const void *loader_ptr(uint32_t addr)
{
    return (const void *)(uintptr_t)addr;
}

static bool ranges_overlap(struct mem_range a, struct mem_range b)
{
    return a.start < b.end && b.start < a.end;
}

/* An ascending list of disjoint ranges that do not touch either. */
struct range_list {
    struct mem_range *at;
    unsigned *count, max;
};

static const struct range_list ram = {info.ram, &info.nr_ram, BOOT_RAM_MAX};
static const struct range_list firmware = {info.firmware, &info.nr_firmware, BOOT_FIRMWARE_MAX};

static void ranges_remove(const struct range_list *list, unsigned i)
{
    for (--*list->count; i < *list->count; i++)
        list->at[i] = list->at[i + 1];
}

/* Takes those that `r` overlaps or touches off the list. Return: what they are together. */
static struct mem_range ranges_absorb(const struct range_list *list, struct mem_range r)
{
    for (unsigned i = 0; i < *list->count;) {
        struct mem_range other = list->at[i];
        if (other.start > r.end || r.start > other.end) {
            i++;
            continue;
        }
        r = (struct mem_range){min(r.start, other.start), max(r.end, other.end)};
        ranges_remove(list, i);
    }
    return r;
}

/* Makes room in a full list for one of `size` by forgetting the smallest. Return: false if none is smaller.
 */
static bool ranges_make_room(const struct range_list *list, uintptr_t size)
{
    unsigned smallest = 0;
    if (*list->count < list->max)
        return true;
    for (unsigned i = 1; i < *list->count; i++)
        if (list->at[i].end - list->at[i].start < list->at[smallest].end - list->at[smallest].start)
            smallest = i;
    if (list->at[smallest].end - list->at[smallest].start >= size)
        return false;
    ranges_remove(list, smallest);
    return true;
}

static void ranges_add(const struct range_list *list, struct mem_range r)
{
    if (r.start >= r.end)
        return;
    r = ranges_absorb(list, r);
    if (!ranges_make_room(list, r.end - r.start))
        return;
    unsigned i = (*list->count)++;
    for (; i > 0 && list->at[i - 1].start > r.start; i--)
        list->at[i] = list->at[i - 1];
    list->at[i] = r;
}

/* Whole pages only; never page zero, which stays unmapped to catch null pointers. */
static void ram_add(uint64_t addr, uint64_t len)
{
    if (addr >= RAM_LIMIT)
        return;
    uint64_t end = len > RAM_LIMIT || addr > RAM_LIMIT - len ? RAM_LIMIT : addr + len;
    uint64_t start = max(ALIGN_UP(addr, (uint64_t)PAGE_SIZE), (uint64_t)PAGE_SIZE);
    ranges_add(&ram, (struct mem_range){start, end & ~(uint64_t)(PAGE_SIZE - 1)});
}

/* Memory maps of real firmware do overlap: what one entry reserves, no other gives away. */
static void ram_exclude(uint64_t addr, uint64_t past)
{
    struct mem_range hole = {addr & ~(uint64_t)(PAGE_SIZE - 1),
                             past > RAM_LIMIT ? RAM_LIMIT : ALIGN_UP(past, (uint64_t)PAGE_SIZE)};
    for (unsigned i = 0; i < info.nr_ram;) {
        struct mem_range r = info.ram[i];
        if (!ranges_overlap(r, hole)) {
            i++;
            continue;
        }
        ranges_remove(&ram, i);
        if (r.start < hole.start)
            ranges_add(&ram, (struct mem_range){r.start, hole.start});
        if (r.end > hole.end)
            ranges_add(&ram, (struct mem_range){hole.end, r.end});
        i = 0; /* the pieces no longer overlap, so this ends */
    }
}

/*
 * One entry of a memory map, which is read twice: what is available first, then what is not. An entry of no
 * length says nothing, one that wraps ends at the top.
 */
static bool map_entry(uint64_t addr, uint64_t len, enum mb_memory_type type, bool available)
{
    if ((type == MB_MEMORY_AVAILABLE) != available || !len)
        return false;
    uint64_t past = len > UINT64_MAX - addr ? UINT64_MAX : addr + len;
    if (available) {
        ram_add(addr, len);
        return true;
    }
    ram_exclude(addr, past);
    if (type != MB_MEMORY_BAD)
        ranges_add(&firmware, (struct mem_range){addr, past});
    return true;
}

static void ram_add_basic(uint32_t lower_kib, uint32_t upper_kib)
{
    ram_add(0, (uint64_t)lower_kib * 1024);
    ram_add(1 << 20, (uint64_t)upper_kib * 1024);
}

static void copy_string(char *to, size_t size, const char *from, size_t from_max)
{
    size_t n = 0;
    while (n < from_max && n < size - 1 && from[n])
        n++;
    memcpy(to, from, n);
    to[n] = '\0';
}

static bool within_ram(struct mem_range at)
{
    for (unsigned i = 0; i < info.nr_ram; i++)
        if (at.start >= info.ram[i].start && at.end <= info.ram[i].end)
            return true;
    return false;
}

static bool module_sound(struct mem_range at)
{
    struct mem_range image = {(uintptr_t)__image_start, (uintptr_t)__image_end};
    if (at.start >= at.end || at.start % PAGE_SIZE || ranges_overlap(at, image))
        return false;
    for (unsigned i = 0; i < info.nr_modules; i++)
        if (ranges_overlap(at, info.modules[i].at))
            return false;
    return info.nr_modules < BOOT_MODULES_MAX;
}

/* After the memory map is known. */
static void module_add(uint32_t start, uint32_t end, const char *string, size_t string_max)
{
    struct mem_range at = {start, end};
    if (!module_sound(at)) {
        info.modules_damaged++;
        return;
    }
    if (!within_ram(at)) {
        info.modules_outside++;
        return;
    }
    struct boot_module *m = &info.modules[info.nr_modules++];
    m->at = at;
    copy_string(m->string, sizeof(m->string), string, string_max);
}

static void framebuffer_set(const struct mb_framebuffer *fb, const uint8_t color[6])
{
    struct boot_framebuffer *to = &info.framebuffer;
    to->type = fb->type <= 2 ? (enum boot_framebuffer_type)fb->type : BOOT_FB_UNKNOWN;
    to->addr = fb->addr;
    to->pitch = fb->pitch;
    to->width = fb->width;
    to->height = fb->height;
    to->bits_per_pixel = fb->bits_per_pixel;
    if (to->type != BOOT_FB_RGB)
        return;
    to->red_shift = color[0];
    to->red_bits = color[1];
    to->green_shift = color[2];
    to->green_bits = color[3];
    to->blue_shift = color[4];
    to->blue_bits = color[5];
}

static bool mb1_each_mmap(const struct mb1_info *mb, bool available)
{
    uint32_t length = min(mb->mmap_length, MMAP_LENGTH_MAX), at = 0;
    bool any = false;
    if (length > UINT32_MAX - mb->mmap_addr)
        return false;
    while (at < length && length - at >= sizeof(struct mb1_mmap_entry)) {
        struct mb1_mmap_entry e;
        memcpy(&e, (const uint8_t *)loader_ptr(mb->mmap_addr) + at, sizeof(e));
        if (e.size < sizeof(e) - sizeof(e.size) || e.size > length)
            break;
        at += e.size + sizeof(e.size);
        any |= map_entry(e.addr, e.len, e.type, available);
    }
    return any;
}

/* QEMU puts the name of the kernel file in front of what -append says. */
static const char *mb1_cmdline(const struct mb1_info *mb)
{
    if (!(mb->flags & MB1_HAS_CMDLINE) || !mb->cmdline)
        return "";
    const char *line = loader_ptr(mb->cmdline);
    if (!(mb->flags & MB1_HAS_LOADER_NAME) || strncmp(loader_ptr(mb->boot_loader_name), "qemu", 4) != 0)
        return line;
    while (*line && *line != ' ')
        line++;
    return *line ? line + 1 : line;
}

static void mb1_parse(const struct mb1_info *mb)
{
    info.loader = "multiboot 1";
    info.cmdline = mb1_cmdline(mb);
    if ((mb->flags & MB1_HAS_MMAP) && mb1_each_mmap(mb, true))
        mb1_each_mmap(mb, false);
    else if (mb->flags & MB1_HAS_MEMORY)
        ram_add_basic(mb->mem_lower, mb->mem_upper);

    if (mb->flags & MB1_HAS_MODULES) {
        const struct mb1_module *m = loader_ptr(mb->mods_addr);
        for (uint32_t i = 0; i < mb->mods_count && i < 2 * BOOT_MODULES_MAX; i++)
            module_add(m[i].start, m[i].end, m[i].string ? loader_ptr(m[i].string) : "", SIZE_MAX);
    }
    if (mb->flags & MB1_HAS_FRAMEBUFFER)
        framebuffer_set(&mb->framebuffer, mb->color);
}

/*
 * The next tag that lies whole within the information, NULL after the last. `tag` NULL starts.
 */
static const struct mb2_tag *mb2_next(const uint32_t *start, const struct mb2_tag *tag)
{
    uint32_t total = min(start[0], MB2_INFO_MAX);
    size_t at = 8;
    if (tag)
        at = (size_t)((const uint8_t *)tag - (const uint8_t *)start) + ALIGN_UP((size_t)tag->size, (size_t)8);
    if (at > total || total - at < sizeof(*tag))
        return NULL;
    tag = (const struct mb2_tag *)((const uint8_t *)start + at);
    if (tag->type == MB2_TAG_END || tag->size < sizeof(*tag) || tag->size > total - at)
        return NULL;
    return tag;
}

static const void *mb2_find(const uint32_t *start, uint32_t type, size_t min_size)
{
    const struct mb2_tag *tag = NULL;
    while ((tag = mb2_next(start, tag)))
        if (tag->type == type && tag->size >= min_size)
            return tag;
    return NULL;
}

static bool mb2_each_mmap(const struct mb2_mmap *map, bool available)
{
    bool any = false;
    if (!map || map->entry_size < sizeof(struct mb2_mmap_entry) || map->entry_size % 8) /* MB2 3.6.8 */
        return false;
    for (uint32_t at = sizeof(*map); at <= map->tag.size && map->tag.size - at >= map->entry_size;
         at += map->entry_size) {
        struct mb2_mmap_entry e;
        memcpy(&e, (const uint8_t *)map + at, sizeof(e));
        any |= map_entry(e.addr, e.len, e.type, available);
    }
    return any;
}

/* After ExitBootServices() what belonged to boot services and to the loader is free (UEFI 2.10, 7.2,
 * table 7.6). */
static enum mb_memory_type efi_type(uint32_t type)
{
    switch (type) {
    case EFI_LOADER_CODE:
    case EFI_LOADER_DATA:
    case EFI_BOOT_SERVICES_CODE:
    case EFI_BOOT_SERVICES_DATA:
    case EFI_CONVENTIONAL:
        return MB_MEMORY_AVAILABLE;
    case EFI_UNUSABLE:
        return MB_MEMORY_BAD;
    case EFI_ACPI_RECLAIM:
        return MB_MEMORY_ACPI;
    case EFI_ACPI_NVS:
        return MB_MEMORY_NVS;
    default:
        return MB_MEMORY_RESERVED;
    }
}

static bool efi_each_mmap(const struct mb2_efi_mmap *map, bool available)
{
    bool any = false;
    if (!map || map->entry_size < sizeof(struct efi_memory))
        return false;
    for (uint32_t at = sizeof(*map); at <= map->tag.size && map->tag.size - at >= map->entry_size;
         at += map->entry_size) {
        struct efi_memory e;
        memcpy(&e, (const uint8_t *)map + at, sizeof(e));
        uint64_t len = e.pages > UINT64_MAX / PAGE_SIZE ? UINT64_MAX : e.pages * PAGE_SIZE;
        any |= map_entry(e.addr, len, efi_type(e.type), available);
    }
    return any;
}

/* The loader's map, or firmware's own, or two sizes: the first that names memory. */
static void mb2_parse_memory(const uint32_t *start)
{
    const struct mb2_mmap *map = mb2_find(start, MB2_TAG_MMAP, sizeof(*map));
    const struct mb2_efi_mmap *efi = mb2_find(start, MB2_TAG_EFI_MMAP, sizeof(*efi));
    const struct mb2_basic_memory *basic = mb2_find(start, MB2_TAG_BASIC_MEMORY, sizeof(*basic));
    if (mb2_each_mmap(map, true))
        mb2_each_mmap(map, false);
    else if (efi_each_mmap(efi, true))
        efi_each_mmap(efi, false);
    else if (basic)
        ram_add_basic(basic->mem_lower, basic->mem_upper);
}

static void mb2_parse_rsdp(const uint32_t *start)
{
    const struct mb2_tag *tag = mb2_find(start, MB2_TAG_ACPI_NEW, sizeof(*tag) + sizeof(info.acpi_rsdp));
    if (!tag)
        tag = mb2_find(start, MB2_TAG_ACPI_OLD, sizeof(*tag) + 20);
    if (!tag)
        return;
    info.acpi_rsdp_len = min((size_t)tag->size - sizeof(*tag), sizeof(info.acpi_rsdp));
    memcpy(info.acpi_rsdp, tag + 1, info.acpi_rsdp_len);
}

static void mb2_parse(const uint32_t *start)
{
    info.loader =
        mb2_find(start, MB2_TAG_EFI64, sizeof(struct mb2_tag)) ? "multiboot 2 on UEFI" : "multiboot 2";
    mb2_parse_memory(start);
    mb2_parse_rsdp(start);

    const struct mb2_tag *cmdline = mb2_find(start, MB2_TAG_CMDLINE, sizeof(*cmdline) + 1);
    if (cmdline && memchr(cmdline + 1, 0, cmdline->size - sizeof(*cmdline)))
        info.cmdline = (const char *)(cmdline + 1);
    const struct mb2_framebuffer *fb =
        mb2_find(start, MB2_TAG_FRAMEBUFFER, offsetof(struct mb2_framebuffer, color));
    if (fb)
        framebuffer_set(&fb->fb, fb->tag.size >= sizeof(*fb) ? fb->color : (const uint8_t[6]){0});

    const struct mb2_tag *tag = NULL;
    while ((tag = mb2_next(start, tag))) {
        const struct mb2_module *m = (const void *)tag;
        if (tag->type == MB2_TAG_MODULE && tag->size >= sizeof(*m))
            module_add(m->start, m->end, m->string, tag->size - sizeof(*m));
    }
}

const struct boot_info *multiboot_parse(uint32_t magic, uint32_t addr)
{
    info = (struct boot_info){.loader = "an unknown loader", .cmdline = "", .framebuffer.type = BOOT_FB_TEXT};
    if (magic == MB1_BOOT_MAGIC)
        mb1_parse(loader_ptr(addr));
    else if (magic == MB2_BOOT_MAGIC)
        mb2_parse(loader_ptr(addr));
    else
        return NULL;
    return &info;
}
