/*
 * slab.c - objects of one size, cut from pages.
 *
 * Three places an object can be: in use; on its cache's free list, from where the next allocation
 * takes it (the fast path: one pop, one push, no look at the slab); or on the free list of its
 * slab, the block of pages it was cut from. A cache that holds too many free objects gives half of
 * them back to their slabs, and a slab with none in use gives its pages back.
 *
 *     kmem_cache_alloc <- cache->free <- refill <- slab->free <- alloc_pages
 *     kmem_cache_free  -> cache->free -> drain  -> slab->free -> put_page
 *
 * The descriptor of a slab lies at its start for small objects; for large ones, where that would
 * cost a whole object (two of 2048 bytes fill a page), it comes from a cache of descriptors.
 */
#include "kernel/slab.h"

#include <string.h>

#include "kernel/page.h"
#include "kernel/panic.h"

#define KMALLOC_SHIFT_MIN 5   /* 32 */
#define KMALLOC_SHIFT_MAX 11  /* 2048 */
#define INLINE_MAX        255 /* objects up to this size have their slab's descriptor in its pages */
#define SLAB_ORDER_MAX    3
#define FREE_BYTES_MAX    (256u * 1024) /* on a cache's free list, on a machine with memory to spare */
#define FREE_BYTES_SMALL  (16u * 1024)
#define SMALL_MACHINE     (64u * 1024 * 1024 / PAGE_SIZE)

#define POISON_FREE  0x6b
#define POISON_ALLOC 0x5a

struct slab {
    struct list_head list; /* cache->partial, or on none when it has no free object */
    struct kmem_cache *cache;
    struct page *page;
    void *free; /* each free object begins with a pointer to the next */
    unsigned used;
};

struct kmem_cache {
    void *free; /* the fast path's list */
    unsigned nr_free, free_max;
    uint64_t allocs, frees, failures;
    size_t active_max;
    unsigned size;
    bool inline_slab;
    uint8_t order;
    uint16_t align, per_slab;
    size_t nr_slabs;
    struct list_head partial;
    struct list_head list; /* all caches */
    const char *name;
};

static struct list_head all_caches;
static struct kmem_cache cache_cache, slab_cache;
static struct kmem_cache kmalloc_caches[KMALLOC_SHIFT_MAX - KMALLOC_SHIFT_MIN + 1];
static bool debugging;

static void *object_next(const void *object)
{
    return *(void *const *)object;
}

static void object_set_next(void *object, void *next)
{
    *(void **)object = next;
}

/* Where the objects of a slab begin. */
static size_t slab_offset(const struct kmem_cache *cache)
{
    return cache->inline_slab ? ALIGN_UP(sizeof(struct slab), (size_t)cache->align) : 0;
}

static unsigned objects_in(const struct kmem_cache *cache, unsigned order)
{
    return (unsigned)((((size_t)PAGE_SIZE << order) - slab_offset(cache)) / cache->size);
}

/* The smallest block that holds an object and wastes at most an eighth. */
static unsigned choose_order(const struct kmem_cache *cache)
{
    for (unsigned order = 0; order < SLAB_ORDER_MAX; order++) {
        size_t used = (size_t)objects_in(cache, order) * cache->size;
        if (used && ((size_t)PAGE_SIZE << order) - used <= ((size_t)PAGE_SIZE << order) / 8)
            return order;
    }
    unsigned order = SLAB_ORDER_MAX;
    while (!objects_in(cache, order))
        order++;
    return order;
}

static void cache_setup(struct kmem_cache *cache, const char *name, size_t size, size_t align)
{
    struct page_stats pages;
    page_get_stats(&pages);
    memset(cache, 0, sizeof(*cache));
    cache->name = name;
    cache->align = (uint16_t)max(align, (size_t)16);
    cache->size = (unsigned)ALIGN_UP(size, (size_t)cache->align);
    cache->inline_slab = cache->size <= INLINE_MAX;
    cache->order = (uint8_t)choose_order(cache);
    cache->per_slab = (uint16_t)objects_in(cache, cache->order);
    unsigned bytes = pages.total < SMALL_MACHINE ? FREE_BYTES_SMALL : FREE_BYTES_MAX;
    cache->free_max = clamp(bytes / cache->size, 4u, 128u);
    INIT_LIST_HEAD(&cache->partial);
    list_add_tail(&cache->list, &all_caches);
}

static struct slab *slab_create(struct kmem_cache *cache)
{
    struct page *page = alloc_pages(cache->order);
    if (!page)
        return NULL;
    struct slab *slab = cache->inline_slab ? page_address(page) : kmem_cache_alloc(&slab_cache);
    if (!slab) {
        put_page(page);
        return NULL;
    }
    for (size_t i = 0; i < (size_t)1 << cache->order; i++) {
        page[i].private = slab;
        page[i].flags |= PG_SLAB;
    }
    *slab = (struct slab){.cache = cache, .page = page};
    uint8_t *first = (uint8_t *)page_address(page) + slab_offset(cache);
    for (unsigned i = cache->per_slab; i-- > 0;) {
        void *object = first + (size_t)i * cache->size;
        if (debugging)
            memset(object, POISON_FREE, cache->size);
        object_set_next(object, slab->free);
        slab->free = object;
    }
    list_add(&slab->list, &cache->partial);
    cache->nr_slabs++;
    return slab;
}

static void slab_destroy(struct slab *slab)
{
    struct kmem_cache *cache = slab->cache;
    struct page *page = slab->page;
    list_del_init(&slab->list);
    cache->nr_slabs--;
    for (size_t i = 0; i < (size_t)1 << cache->order; i++)
        page[i].flags &= (uint8_t)~PG_SLAB;
    if (!cache->inline_slab)
        kmem_cache_free(&slab_cache, slab);
    put_page(page);
}

/* Moves the free objects of one slab to the cache's empty list. Return: false without memory. */
static bool cache_refill(struct kmem_cache *cache)
{
    struct slab *slab;
    if (!list_empty(&cache->partial)) {
        slab = list_first_entry(&cache->partial, struct slab, list);
    } else {
        slab = slab_create(cache);
        if (!slab) {
            slab_shrink();
            slab = slab_create(cache);
        }
        if (!slab)
            return false;
    }
    cache->free = slab->free;
    cache->nr_free = cache->per_slab - slab->used;
    slab->free = NULL;
    slab->used = cache->per_slab;
    list_del_init(&slab->list);
    return true;
}

/* Gives free objects back to their slabs until `keep` are left. */
static void cache_drain(struct kmem_cache *cache, unsigned keep)
{
    while (cache->nr_free > keep) {
        void *object = cache->free;
        struct slab *slab = virt_to_page(object)->private;
        cache->free = object_next(object);
        cache->nr_free--;
        object_set_next(object, slab->free);
        slab->free = object;
        if (slab->used == cache->per_slab)
            list_add_tail(&slab->list, &cache->partial);
        if (--slab->used == 0)
            slab_destroy(slab);
    }
}

void slab_shrink(void)
{
    struct kmem_cache *cache;
    list_for_each_entry (cache, &all_caches, list)
        cache_drain(cache, 0);
    cache_drain(&slab_cache, 0); /* the others have given descriptors back to it */
}

static void poison_check_free(const struct kmem_cache *cache, const void *object)
{
    const uint8_t *byte = object;
    for (size_t i = sizeof(void *); i < cache->size; i++)
        if (byte[i] != POISON_FREE)
            panic("slab %s: object %p was written at offset %zu after it had been freed", cache->name, object,
                  i);
}

static void poison_free(const struct kmem_cache *cache, void *object)
{
    const uint8_t *byte = object;
    size_t i = sizeof(void *);
    while (i < cache->size && byte[i] == POISON_FREE)
        i++;
    if (i == cache->size)
        panic("slab %s: object %p freed twice", cache->name, object);
    struct page *page = virt_to_page(object);
    if (!page || !(page->flags & PG_SLAB) || ((struct slab *)page->private)->cache != cache)
        panic("slab %s: %p is not one of its objects", cache->name, object);
    memset(object, POISON_FREE, cache->size);
}

void *kmem_cache_alloc(struct kmem_cache *cache)
{
    if (unlikely(!cache->free) && !cache_refill(cache)) {
        cache->failures++;
        return NULL;
    }
    void *object = cache->free;
    cache->free = object_next(object);
    cache->nr_free--;
    cache->allocs++;
    if (unlikely(debugging)) {
        poison_check_free(cache, object);
        memset(object, POISON_ALLOC, cache->size);
    }
    return object;
}

void *kmem_cache_zalloc(struct kmem_cache *cache)
{
    void *object = kmem_cache_alloc(cache);
    if (object)
        memset(object, 0, cache->size);
    return object;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
    if (unlikely(debugging))
        poison_free(cache, object);
    size_t active = (size_t)(cache->allocs - cache->frees); /* peaks just before a free */
    if (active > cache->active_max)
        cache->active_max = active;
    cache->frees++;
    object_set_next(object, cache->free);
    cache->free = object;
    if (unlikely(++cache->nr_free > cache->free_max))
        cache_drain(cache, cache->free_max / 2);
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
    ASSERT(size > 0 && size <= (PAGE_SIZE << SLAB_ORDER_MAX) && align <= PAGE_SIZE && !(align & (align - 1)));
    struct kmem_cache *cache = kmem_cache_alloc(&cache_cache);
    if (cache)
        cache_setup(cache, name, size, align);
    return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
    cache_drain(cache, 0);
    if (cache->nr_slabs)
        panic("slab %s: destroyed with %zu objects in use", cache->name,
              (size_t)(cache->allocs - cache->frees));
    list_del_init(&cache->list);
    kmem_cache_free(&cache_cache, cache);
}

static void *kmalloc_pages(size_t size)
{
    unsigned order = 0;
    while (order <= MAX_ORDER && ((size_t)PAGE_SIZE << order) < size)
        order++;
    struct page *page = alloc_pages(order);
    if (!page && order <= MAX_ORDER) {
        slab_shrink();
        page = alloc_pages(order);
    }
    return page ? page_address(page) : NULL;
}

void *kmalloc(size_t size)
{
    if (unlikely(size > 1u << KMALLOC_SHIFT_MAX))
        return kmalloc_pages(size);
    unsigned class = 0;
    if (size > 1u << KMALLOC_SHIFT_MIN)
        class = 64 - KMALLOC_SHIFT_MIN - (unsigned)__builtin_clzll(size - 1);
    return kmem_cache_alloc(&kmalloc_caches[class]);
}

void *kzalloc(size_t size)
{
    void *p = kmalloc(size);
    if (p)
        memset(p, 0, size);
    return p;
}

void *kcalloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return kzalloc(total);
}

void kfree(const void *p)
{
    if (!p)
        return;
    struct page *page = virt_to_page(p);
    ASSERT(page);
    if (likely(page->flags & PG_SLAB)) {
        kmem_cache_free(((struct slab *)page->private)->cache, (void *)p);
        return;
    }
    ASSERT((page->flags & PG_HEAD) && page_address(page) == p);
    put_page(page);
}

size_t ksize(const void *p)
{
    struct page *page = virt_to_page(p);
    ASSERT(page);
    if (page->flags & PG_SLAB)
        return ((struct slab *)page->private)->cache->size;
    return (size_t)PAGE_SIZE << page->order;
}

struct kmem_cache *kmem_cache_next(struct kmem_cache *prev)
{
    struct list_head *next = prev ? prev->list.next : all_caches.next;
    return next == &all_caches ? NULL : list_entry(next, struct kmem_cache, list);
}

void kmem_cache_get_stats(const struct kmem_cache *cache, struct kmem_cache_stats *stats)
{
    size_t active = (size_t)(cache->allocs - cache->frees);
    *stats = (struct kmem_cache_stats){
        .name = cache->name,
        .object_size = cache->size,
        .active = active,
        .active_max = max(active, cache->active_max),
        .pages = cache->nr_slabs << cache->order,
        .allocs = cache->allocs,
        .frees = cache->frees,
        .failures = cache->failures,
    };
}

void slab_init(bool debug)
{
    static const char *const names[] = {"kmalloc-32",  "kmalloc-64",   "kmalloc-128", "kmalloc-256",
                                        "kmalloc-512", "kmalloc-1024", "kmalloc-2048"};
    debugging = debug;
    INIT_LIST_HEAD(&all_caches);
    cache_setup(&cache_cache, "kmem_cache", sizeof(struct kmem_cache), 0);
    cache_setup(&slab_cache, "slab", sizeof(struct slab), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_caches); i++)
        cache_setup(&kmalloc_caches[i], names[i], (size_t)1 << (KMALLOC_SHIFT_MIN + i), 0);
}
