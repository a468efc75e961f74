/*
 * page.c - physical memory: a buddy allocator over the array of struct page.
 *
 * A free block of 2^n pages hangs on free_list[n]. Taking one splits the next larger block that
 * there is; freeing one joins it with its neighbour ("buddy") of the same size as long as that is
 * free too. Only the first page of a block carries flags (PG_FREE or PG_HEAD); the others have
 * none, and page_head() finds their first by clearing address bits from the bottom.
 */
#include "kernel/page.h"

#include "kernel/panic.h"

#define BLOCK_SIZE_MAX ((uintptr_t)PAGE_SIZE << MAX_ORDER)

static struct {
    struct page *pages; /* index 0 describes first_pfn, a multiple of the largest block */
    size_t first_pfn, nr_pages;
    struct list_head free_list[MAX_ORDER + 1];
    uint32_t free_orders; /* bit n: free_list[n] is not empty */
    struct page_stats stats;
} mem;

void *page_address(const struct page *page)
{
    return (void *)((mem.first_pfn + (size_t)(page - mem.pages)) << PAGE_SHIFT);
}

struct page *virt_to_page(const void *addr)
{
    size_t i = ((uintptr_t)addr >> PAGE_SHIFT) - mem.first_pfn;
    if (unlikely(i >= mem.nr_pages || (mem.pages[i].flags & PG_HOLE)))
        return NULL;
    return &mem.pages[i];
}

static void free_list_add(struct page *page, unsigned order)
{
    page->order = (uint8_t)order;
    page->flags = PG_FREE;
    list_add(&page->list, &mem.free_list[order]);
    mem.free_orders |= 1u << order;
}

static void free_list_del(struct page *page, unsigned order)
{
    list_del_init(&page->list);
    page->flags = 0;
    if (list_empty(&mem.free_list[order]))
        mem.free_orders &= ~(1u << order);
}

struct page *alloc_pages(unsigned order)
{
    uint32_t fitting = order <= MAX_ORDER ? mem.free_orders >> order : 0;
    if (unlikely(!fitting))
        return NULL;
    unsigned have = order + (unsigned)__builtin_ctz(fitting);
    struct page *page = list_first_entry(&mem.free_list[have], struct page, list);
    free_list_del(page, have);
    while (have > order) {
        have--;
        free_list_add(page + ((size_t)1 << have), have);
    }
    page->order = (uint8_t)order;
    page->flags = PG_HEAD;
    page->refcount = 1;
    page->private = NULL;
    mem.stats.free -= (size_t)1 << order;
    mem.stats.free_min = min(mem.stats.free_min, mem.stats.free);
    return page;
}

static void free_block(struct page *page, unsigned order)
{
    size_t i = (size_t)(page - mem.pages);
    mem.stats.free += (size_t)1 << order;
    while (order < MAX_ORDER) {
        size_t buddy = i ^ ((size_t)1 << order);
        if (buddy >= mem.nr_pages)
            break;
        struct page *b = &mem.pages[buddy];
        if (!(b->flags & PG_FREE) || b->order != order)
            break;
        free_list_del(b, order);
        i &= ~((size_t)1 << order);
        order++;
    }
    free_list_add(&mem.pages[i], order);
}

/* The first page of the block that `page` belongs to. */
static struct page *page_head(struct page *page)
{
    size_t i = (size_t)(page - mem.pages);
    if (likely(page->flags & (PG_HEAD | PG_RESERVED)))
        return page;
    for (unsigned order = 1; order <= MAX_ORDER; order++) {
        struct page *head = &mem.pages[i & ~(((size_t)1 << order) - 1)];
        if ((head->flags & PG_HEAD) && head->order >= order)
            return head;
    }
    panic("page %p belongs to no allocated block", page_address(page));
}

void get_page(struct page *page)
{
    page_head(page)->refcount++;
}

void put_page(struct page *page)
{
    struct page *head = page_head(page);
    if (head->flags & PG_RESERVED) {
        ASSERT(head->refcount > 1);
        head->refcount--;
        return;
    }
    ASSERT(head->refcount > 0);
    if (--head->refcount > 0)
        return;
    head->flags = 0;
    free_block(head, head->order);
}

void split_page(struct page *page, unsigned order)
{
    for (size_t i = 0; i < (size_t)1 << order; i++) {
        page[i].flags = PG_HEAD;
        page[i].order = 0;
        page[i].refcount = 1;
        page[i].private = NULL;
    }
}

void page_get_stats(struct page_stats *stats)
{
    *stats = mem.stats;
}

static uintptr_t array_start(uintptr_t start)
{
    return start & ~(BLOCK_SIZE_MAX - 1);
}

size_t page_array_size(uintptr_t start, uintptr_t end)
{
    return ((end - array_start(start)) >> PAGE_SHIFT) * sizeof(struct page);
}

void page_init(void *array, uintptr_t start, uintptr_t end)
{
    mem.pages = array;
    mem.first_pfn = array_start(start) >> PAGE_SHIFT;
    mem.nr_pages = page_array_size(start, end) / sizeof(struct page);
    mem.free_orders = 0;
    mem.stats = (struct page_stats){0};
    for (unsigned order = 0; order <= MAX_ORDER; order++)
        INIT_LIST_HEAD(&mem.free_list[order]);
    for (size_t i = 0; i < mem.nr_pages; i++)
        mem.pages[i] = (struct page){.flags = PG_HOLE};
}

/* The largest block that starts at page `i`, is aligned to its size and ends before `end`. */
static unsigned largest_order(size_t i, size_t end)
{
    unsigned order = 0;
    while (order < MAX_ORDER && !(i & ((size_t)1 << order)) && i + ((size_t)2 << order) <= end)
        order++;
    return order;
}

void page_release(uintptr_t start, uintptr_t end)
{
    size_t i = (start >> PAGE_SHIFT) - mem.first_pfn;
    size_t past = (end >> PAGE_SHIFT) - mem.first_pfn;
    for (size_t p = i; p < past; p++) {
        if (!(mem.pages[p].flags & PG_RESERVED))
            mem.stats.total++;
        mem.pages[p].flags = 0;
    }
    while (i < past) {
        unsigned order = largest_order(i, past);
        free_block(&mem.pages[i], order);
        i += (size_t)1 << order;
    }
    mem.stats.free_min = mem.stats.free;
}

void page_reserve(uintptr_t start, uintptr_t end)
{
    size_t past = (end + PAGE_SIZE - 1) >> PAGE_SHIFT;
    for (size_t pfn = start >> PAGE_SHIFT; pfn < past; pfn++) {
        struct page *page = &mem.pages[pfn - mem.first_pfn];
        *page = (struct page){.flags = PG_RESERVED, .refcount = 1};
        mem.stats.total++;
    }
}
