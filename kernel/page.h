/*
 * page.h - physical memory in pages of 4 KiB, and the reference counts that let one page be
 * shared by a file, several sk_buffs and the card at once.
 *
 * All RAM is mapped one to one, so an address is a pointer. Blocks are 2^order pages, aligned to
 * their size. A page that belongs to the image or to a boot module has a struct page too
 * (reserved: its count never reaches zero), so file content can hang on an sk_buff by reference.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include "kernel/list.h"
#include "kernel/types.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096u
#define MAX_ORDER  10 /* blocks up to 4 MiB */

/* One per page of RAM. `private` belongs to whoever allocated the block (slab.c keeps its cache there). */
struct page {
    struct list_head list; /* free list of its order; the owner's while allocated */
    void *private;
    uint32_t refcount; /* of the block, kept in its first page */
    uint8_t order;     /* of the block, kept in its first page */
    uint8_t flags;
};
_Static_assert(sizeof(struct page) == 32, "one per page of RAM: keep it small");

#define PG_FREE     0x01 /* first page of a free block */
#define PG_RESERVED 0x02 /* image, boot module, firmware: never handed out */
#define PG_SLAB     0x04 /* holds slab objects; `private` is the slab */
#define PG_HEAD     0x08 /* first page of an allocated block */
#define PG_HOLE     0x10 /* no RAM here: virt_to_page() is NULL */

/**
 * alloc_pages - 2^order physically contiguous pages, content undefined
 * Return: the first page, refcount 1, owned by the caller (put_page); NULL when there is no such block.
 */
struct page *__must_check alloc_pages(unsigned order);

/* The block's count goes up (get) or down (put; at zero the block is freed). Any page of the block will do.
 */
void get_page(struct page *page);
void put_page(struct page *page);

/* Between a page and the memory it describes. virt_to_page() is NULL for memory that has no struct page. */
void *page_address(const struct page *page);
struct page *virt_to_page(const void *addr);

/* Pages: all there are, free now, fewest ever free. */
struct page_stats {
    size_t total, free, free_min;
};
void page_get_stats(struct page_stats *stats);

/* A block of 2^order pages, refcount 1, becomes as many blocks of one page, refcount 1 each. */
void split_page(struct page *page, unsigned order);

/*
 * For kernel/x86/memory.c and tests. page_init() takes an array of page_array_size() bytes (borrowed for
 * ever) for the memory from `start` to `end`, all of it holes at first. page_release() hands whole pages
 * to the allocator; page_reserve() gives them a struct page that is never handed out.
 */
size_t page_array_size(uintptr_t start, uintptr_t end);
void page_init(void *array, uintptr_t start, uintptr_t end);
void page_release(uintptr_t start, uintptr_t end);
void page_reserve(uintptr_t start, uintptr_t end);

#endif
