/*
 * memory.c - kernel/page.h and kernel/slab.h over the host's memory.
 *
 * Every object is a malloc() of its own, so AddressSanitizer sees each overrun and use after free. Pages come
 * from one reserved arena, because virt_to_page() must lead from any address in a page to its struct page;
 * free ones are poisoned by hand.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/page.h"
#include "kernel/slab.h"
#include "tests/host/host.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)   ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

#define ARENA_PAGES 65536u /* 256 MiB of addresses, touched only when used */

static uint8_t *arena;
static struct page *pages;
static uint32_t arena_used; /* pages handed out for the first time so far */
static struct list_head free_lists[MAX_ORDER + 1];
static size_t pages_alive, objects_alive;

static unsigned fail_countdown;
static long free_pages_told = -1;
static long total_pages_told = -1;
static bool failed;

void host_fail_allocation(unsigned n)
{
    fail_countdown = n;
    failed = false;
}

bool host_allocation_failed(void)
{
    return failed;
}

bool host_should_fail(void)
{
    if (!fail_countdown || --fail_countdown)
        return false;
    failed = true;
    return true;
}

size_t host_objects_alive(void)
{
    return objects_alive;
}

size_t host_pages_alive(void)
{
    return pages_alive;
}

/* --- pages --- */

static void arena_init(void)
{
    size_t len = (size_t)ARENA_PAGES * PAGE_SIZE;
    arena = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pages = mmap(NULL, ARENA_PAGES * sizeof(*pages), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED || pages == MAP_FAILED)
        abort();
    for (unsigned i = 0; i <= MAX_ORDER; i++)
        INIT_LIST_HEAD(&free_lists[i]);
}

static struct page *take_new_block(unsigned order)
{
    uint32_t first = ALIGN_UP(arena_used, 1u << order);
    if (first + (1u << order) > ARENA_PAGES)
        return NULL;
    arena_used = first + (1u << order);
    return &pages[first];
}

struct page *alloc_pages(unsigned order)
{
    struct page *page;
    if (!arena)
        arena_init();
    if (order > MAX_ORDER || host_should_fail())
        return NULL;
    if (list_empty(&free_lists[order])) {
        page = take_new_block(order);
        if (!page)
            return NULL;
    } else {
        page = list_first_entry(&free_lists[order], struct page, list);
        list_del_init(&page->list);
    }
    for (uint32_t i = 0; i < 1u << order; i++)
        page[i] = (struct page){.order = (uint8_t)order};
    page->refcount = 1;
    INIT_LIST_HEAD(&page->list);
    pages_alive += (size_t)1 << order;
    ASAN_UNPOISON_MEMORY_REGION(page_address(page), (size_t)PAGE_SIZE << order);
    return page;
}

static struct page *block_of(struct page *page)
{
    size_t index = (size_t)(page - pages);
    return &pages[index & ~(((size_t)1 << page->order) - 1)];
}

void get_page(struct page *page)
{
    block_of(page)->refcount++;
}

void put_page(struct page *page)
{
    page = block_of(page);
    if (!page->refcount)
        abort();
    if (--page->refcount)
        return;
    pages_alive -= (size_t)1 << page->order;
    ASAN_POISON_MEMORY_REGION(page_address(page), (size_t)PAGE_SIZE << page->order);
    list_add(&page->list, &free_lists[page->order]);
}

void *page_address(const struct page *page)
{
    return arena + (size_t)(page - pages) * PAGE_SIZE;
}

struct page *virt_to_page(const void *addr)
{
    const uint8_t *p = addr;
    if (!arena || p < arena || p >= arena + (size_t)ARENA_PAGES * PAGE_SIZE)
        return NULL;
    return &pages[(size_t)(p - arena) / PAGE_SIZE];
}

void page_get_stats(struct page_stats *stats)
{
    *stats = (struct page_stats){
        .total = ARENA_PAGES, .free = ARENA_PAGES - pages_alive, .free_min = ARENA_PAGES - arena_used};
    if (free_pages_told >= 0)
        stats->free = (size_t)free_pages_told;
    if (total_pages_told >= 0)
        stats->total = (size_t)total_pages_told;
}

void host_tell_free_pages(long pages_free)
{
    free_pages_told = pages_free;
}

void host_tell_total_pages(long total)
{
    total_pages_told = total;
}

/* Nothing is held back here. */
void slab_shrink(void)
{
}

/* --- objects --- */

struct kmem_cache {
    struct kmem_cache *next;
    struct kmem_cache_stats stats;
};

static struct kmem_cache *caches;

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
    struct kmem_cache *cache;
    if (align > 16 || host_should_fail())
        return NULL;
    cache = calloc(1, sizeof(*cache));
    if (!cache)
        abort();
    cache->stats.name = name;
    cache->stats.object_size = size;
    cache->next = caches;
    caches = cache;
    return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
    struct kmem_cache **link = &caches;
    if (!cache)
        return;
    if (cache->stats.active)
        abort();
    while (*link != cache)
        link = &(*link)->next;
    *link = cache->next;
    free(cache);
}

/* Fresh memory is filled with a pattern, so that what relies on zeros shows. */
static void *object_alloc(size_t size)
{
    void *p = host_should_fail() ? NULL : malloc(size);
    if (!p)
        return NULL;
    objects_alive++;
    return memset(p, 0xa5, size);
}

void *kmem_cache_alloc(struct kmem_cache *cache)
{
    void *object = object_alloc(cache->stats.object_size);
    if (!object) {
        cache->stats.failures++;
        return NULL;
    }
    cache->stats.allocs++;
    if (++cache->stats.active > cache->stats.active_max)
        cache->stats.active_max = cache->stats.active;
    return object;
}

void *kmem_cache_zalloc(struct kmem_cache *cache)
{
    void *object = kmem_cache_alloc(cache);
    return object ? memset(object, 0, cache->stats.object_size) : NULL;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
    if (!object)
        return;
    cache->stats.frees++;
    cache->stats.active--;
    kfree(object);
}

struct kmem_cache *kmem_cache_next(struct kmem_cache *prev)
{
    return prev ? prev->next : caches;
}

void kmem_cache_get_stats(const struct kmem_cache *cache, struct kmem_cache_stats *stats)
{
    *stats = cache->stats;
}

void *kmalloc(size_t size)
{
    return object_alloc(size);
}

void *kzalloc(size_t size)
{
    void *p = object_alloc(size);
    return p ? memset(p, 0, size) : NULL;
}

void *kcalloc(size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : kzalloc(total);
}

void kfree(const void *p)
{
    if (!p)
        return;
    objects_alive--;
    free((void *)p);
}

size_t ksize(const void *p)
{
    return malloc_usable_size((void *)p);
}
