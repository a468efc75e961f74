/*
 * slab.h - objects of one size from pages (kmem_cache), and buffers of any size (kmalloc).
 *
 * Never called from an interrupt handler: those only mask and raise a softirq, so nothing here
 * needs a lock. Memory is not cleared, except by kzalloc() and kmem_cache_zalloc().
 */
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include "kernel/list.h"
#include "kernel/types.h"

struct kmem_cache;

/**
 * kmem_cache_create - a cache of objects of `size` bytes
 * @name:  shown in statistics (borrowed, a literal)
 * @align: power of two, or 0 for 16
 * Return: the cache, or NULL without memory. It lives until kmem_cache_destroy().
 */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align);
void kmem_cache_destroy(struct kmem_cache *cache); /* every object must have been freed */

void *__must_check kmem_cache_alloc(struct kmem_cache *cache);
void *__must_check kmem_cache_zalloc(struct kmem_cache *cache);
void kmem_cache_free(struct kmem_cache *cache, void *object);

/* Aligned to 16; up to 4 MiB (whole pages above 2 KiB - a 2048-byte object shares a page with another). */
void *__must_check kmalloc(size_t size);
void *__must_check kzalloc(size_t size);
void *__must_check kcalloc(size_t count, size_t size); /* NULL if the product wraps */
void kfree(const void *p);                             /* NULL is fine */

/* The number of bytes the caller may really use behind a kmalloc() pointer. */
size_t ksize(const void *p);

struct kmem_cache_stats {
    const char *name;
    size_t object_size;
    size_t active, active_max; /* objects in use now, and at most */
    size_t pages;
    uint64_t allocs, frees, failures;
};

/* Walks all caches; start with prev == NULL, ends with NULL. */
struct kmem_cache *kmem_cache_next(struct kmem_cache *prev);
void kmem_cache_get_stats(const struct kmem_cache *cache, struct kmem_cache_stats *stats);

/*
 * For kernel_main(), after page_init() and before the first kmalloc(). With `debug` (command line:
 * slub_debug) freed objects are filled with a pattern, which is checked when they are used again.
 */
void slab_init(bool debug);

/* Gives back to the page allocator what caches hold for speed. Called when pages run out. */
void slab_shrink(void);

#endif
