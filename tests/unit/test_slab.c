/*
 * test_slab.c - the page allocator and the slab caches, over an arena of ordinary memory.
 */
/* links: kernel/page.c kernel/slab.c */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/slab.h"

#define ARENA_PAGES  4096 /* 16 MiB */
#define HOLE_AT      2000 /* pages 2000-2009 do not exist */
#define HOLE_END     2010
#define RESERVED_AT  3000 /* pages 3000-3002 are taken */
#define RESERVED_END 3003
#define FREE_PAGES   (ARENA_PAGES - (HOLE_END - HOLE_AT) - (RESERVED_END - RESERVED_AT))

static uint8_t *arena;
static void *array;
static jmp_buf panicked;
static char panic_text[256];

void panic(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(panic_text, sizeof(panic_text), fmt, ap);
    va_end(ap);
    longjmp(panicked, 1);
}

#define assert_panics(statement)                                                                             \
    do {                                                                                                     \
        if (setjmp(panicked) == 0) {                                                                         \
            statement;                                                                                       \
            fail_msg("no panic: %s", #statement);                                                            \
        }                                                                                                    \
    } while (0)

static uintptr_t at_page(unsigned n)
{
    return (uintptr_t)arena + (size_t)n * PAGE_SIZE;
}

static int setup_with(bool debug)
{
    uintptr_t start, end;
    arena = aligned_alloc(PAGE_SIZE, (size_t)ARENA_PAGES * PAGE_SIZE);
    start = at_page(0);
    end = at_page(ARENA_PAGES);
    array = malloc(page_array_size(start, end));
    memset(array, 0xa5, page_array_size(start, end));
    page_init(array, start, end);
    page_reserve(at_page(RESERVED_AT) + 1, at_page(RESERVED_END) - 1); /* rounded outwards */
    page_release(start, at_page(HOLE_AT));
    page_release(at_page(HOLE_END), at_page(RESERVED_AT));
    page_release(at_page(RESERVED_END), end);
    slab_init(debug);
    if (setjmp(panicked)) {
        print_error("unexpected panic: %s\n", panic_text);
        abort();
    }
    return 0;
}

static int setup(void **state)
{
    return setup_with(false);
}

static int teardown(void **state)
{
    free(array);
    free(arena);
    return 0;
}

static size_t free_pages(void)
{
    struct page_stats s;
    page_get_stats(&s);
    return s.free;
}

TEST("statistics count all pages, free pages and the fewest free so far")
{
    struct page_stats s;
    page_get_stats(&s);
    assert_int_equal(s.total, ARENA_PAGES - (HOLE_END - HOLE_AT));
    assert_int_equal(s.free, FREE_PAGES);
    assert_int_equal(s.free_min, FREE_PAGES);
    struct page *p = alloc_pages(4);
    put_page(p);
    page_get_stats(&s);
    assert_int_equal(s.free, FREE_PAGES);
    assert_int_equal(s.free_min, FREE_PAGES - 16);
}

TEST("blocks of every order are aligned to their size and do not overlap")
{
    for (unsigned order = 0; order <= MAX_ORDER - 1; order++) {
        struct page *a = alloc_pages(order), *b = alloc_pages(order);
        size_t size = (size_t)PAGE_SIZE << order;
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal((uintptr_t)page_address(a) % size, 0);
        assert_int_equal((uintptr_t)page_address(b) % size, 0);
        memset(page_address(a), 1, size);
        memset(page_address(b), 2, size);
        assert_int_equal(((uint8_t *)page_address(a))[size - 1], 1);
        put_page(a);
        put_page(b);
    }
    assert_int_equal(free_pages(), FREE_PAGES);
}

TEST("every page can be had, none twice, none from a hole or reserved, and all join again")
{
    struct page *p;
    struct list_head taken;
    size_t count = 0;
    INIT_LIST_HEAD(&taken);
    memset(arena, 0, (size_t)ARENA_PAGES * PAGE_SIZE);
    while ((p = alloc_pages(0))) {
        uint8_t *mem = page_address(p);
        size_t n = (size_t)(mem - arena) / PAGE_SIZE;
        assert_true(n < ARENA_PAGES && (n < HOLE_AT || n >= HOLE_END) &&
                    (n < RESERVED_AT || n >= RESERVED_END));
        assert_int_equal(mem[100], 0);
        mem[100] = 1;
        list_add(&p->list, &taken);
        count++;
    }
    assert_int_equal(count, FREE_PAGES);
    assert_int_equal(free_pages(), 0);
    while (!list_empty(&taken)) {
        p = list_first_entry(&taken, struct page, list);
        list_del_init(&p->list);
        put_page(p);
    }
    assert_int_equal(free_pages(), FREE_PAGES);
    p = alloc_pages(MAX_ORDER); /* a 4 MiB block exists again */
    assert_non_null(p);
    put_page(p);
}

TEST("orders beyond the largest are refused")
{
    assert_null(alloc_pages(MAX_ORDER + 1));
    assert_null(alloc_pages(100));
}

TEST("a block lives as long as any of its pages is referenced")
{
    struct page *block = alloc_pages(3);
    get_page(block + 5);
    put_page(block);
    assert_int_equal(free_pages(), FREE_PAGES - 8);
    put_page(block + 7);
    assert_int_equal(free_pages(), FREE_PAGES);
}

TEST("a split block is freed page by page")
{
    struct page *block = alloc_pages(2);
    split_page(block, 2);
    put_page(block + 2);
    assert_int_equal(free_pages(), FREE_PAGES - 3);
    put_page(block);
    put_page(block + 1);
    put_page(block + 3);
    assert_int_equal(free_pages(), FREE_PAGES);
}

TEST("giving back a page that nobody holds is a panic, also beside one that is held")
{
    struct page *block = alloc_pages(1);
    split_page(block, 1);
    put_page(block + 1);
    assert_panics(put_page(block + 1));
    put_page(block);
}

TEST("virt_to_page and page_address are inverse; memory without a struct page has none")
{
    struct page *p = virt_to_page((void *)(at_page(17) + 123));
    assert_ptr_equal(page_address(p), (void *)at_page(17));
    assert_null(virt_to_page((void *)at_page(HOLE_AT)));
    assert_null(virt_to_page((void *)(at_page(HOLE_END) - 1)));
    assert_non_null(virt_to_page((void *)at_page(HOLE_END)));
    assert_null(virt_to_page((void *)at_page(ARENA_PAGES)));
    assert_null(virt_to_page(NULL));
}

TEST("a reserved page can be referenced like any other and is never freed")
{
    struct page *p = virt_to_page((void *)at_page(RESERVED_AT + 1));
    assert_true(p->flags & PG_RESERVED);
    get_page(p);
    put_page(p);
    assert_int_equal(free_pages(), FREE_PAGES);
    assert_panics(put_page(p));
}

TEST("kmalloc gives usable, aligned memory of at least the size asked for")
{
    static const size_t sizes[] = {0,   1,    16,   31,   32,   33,   64,   65,   255,    256,
                                   257, 1024, 1025, 2047, 2048, 2049, 4096, 4097, 100000, 1 << 20};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *a = kmalloc(sizes[i]), *b = kmalloc(sizes[i]);
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal((uintptr_t)a % 16, 0);
        assert_true(ksize(a) >= sizes[i]);
        memset(a, 1, ksize(a));
        memset(b, 2, ksize(b));
        assert_int_equal(a[ksize(a) - 1], 1);
        kfree(a);
        kfree(b);
    }
    kfree(NULL);
    slab_shrink();
    assert_int_equal(free_pages(), FREE_PAGES);
}

TEST("two objects of 2048 bytes share a page")
{
    uint8_t *a = kmalloc(2048), *b = kmalloc(2048);
    assert_int_equal(ksize(a), 2048);
    assert_ptr_equal(virt_to_page(a), virt_to_page(b));
    kfree(a);
    kfree(b);
}

TEST("kmalloc refuses what is larger than 4 MiB, kcalloc what wraps")
{
    assert_null(kmalloc(((size_t)4 << 20) + 1));
    assert_null(kmalloc(SIZE_MAX));
    assert_null(kcalloc(SIZE_MAX / 2, 3));
    uint8_t *p = kcalloc(3, 5);
    for (unsigned i = 0; i < 15; i++)
        assert_int_equal(p[i], 0);
    kfree(p);
}

TEST("a cache gives its pages back when its objects are gone")
{
    static void *objects[5000];
    struct kmem_cache *cache = kmem_cache_create("test", 200, 64);
    for (unsigned i = 0; i < 5000; i++) {
        objects[i] = kmem_cache_alloc(cache);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 64, 0);
        memset(objects[i], (int)i, 200);
    }
    for (unsigned i = 0; i < 5000; i++) {
        assert_int_equal(((uint8_t *)objects[i])[199], (uint8_t)i);
        kmem_cache_free(cache, objects[i]);
    }
    struct kmem_cache_stats s;
    kmem_cache_get_stats(cache, &s);
    assert_string_equal(s.name, "test");
    assert_int_equal(s.active, 0);
    assert_int_equal(s.active_max, 5000);
    assert_int_equal(s.allocs, 5000);
    assert_int_equal(s.frees, 5000);
    assert_true(s.pages < 50); /* what it keeps for speed is bounded */
    kmem_cache_destroy(cache);
    slab_shrink();
    assert_int_equal(free_pages(), FREE_PAGES);
}

TEST("objects larger than half a page are cut from larger blocks")
{
    struct kmem_cache *cache = kmem_cache_create("large", 3000, 0);
    void *objects[20];
    for (unsigned i = 0; i < 20; i++) {
        objects[i] = kmem_cache_alloc(cache);
        memset(objects[i], (int)i, 3000);
    }
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(*(uint8_t *)objects[i], i);
        kmem_cache_free(cache, objects[i]);
    }
    kmem_cache_destroy(cache);
}

TEST("a cache destroyed with objects in use is a panic")
{
    struct kmem_cache *cache = kmem_cache_create("leaky", 100, 0);
    assert_non_null(kmem_cache_alloc(cache));
    assert_panics(kmem_cache_destroy(cache));
}

TEST("all caches can be walked, and failures are counted")
{
    struct kmem_cache *cache = kmem_cache_create("hungry", 2048, 0), *c = NULL;
    bool seen = false;
    while (kmem_cache_alloc(cache))
        ;
    struct kmem_cache_stats s;
    while ((c = kmem_cache_next(c))) {
        kmem_cache_get_stats(c, &s);
        if (c != cache)
            continue;
        seen = true;
        assert_int_equal(s.failures, 1);
        assert_true(s.active > 2 * (FREE_PAGES - 100));
    }
    assert_true(seen);
}

TEST("pages held by one cache's free list serve another when memory runs out")
{
    struct kmem_cache *a = kmem_cache_create("a", 2048, 0);
    static void *objects[20000];
    unsigned n = 0;
    while ((objects[n] = kmem_cache_alloc(a)))
        n++;
    kmem_cache_free(a, objects[--n]);
    kmem_cache_free(a, objects[--n]);
    assert_int_equal(free_pages(), 0);
    void *page = kmalloc(4096);
    assert_non_null(page);
}

TEST("random traffic of all sizes keeps every byte and loses no page")
{
    static struct {
        uint8_t *p;
        size_t size;
        uint8_t fill;
    } slots[400];
    srand(2);
    for (unsigned round = 0; round < 100000; round++) {
        unsigned i = (unsigned)rand() % 400;
        if (slots[i].p) {
            for (size_t k = 0; k < slots[i].size; k += 97)
                assert_int_equal(slots[i].p[k], slots[i].fill);
            kfree(slots[i].p);
            slots[i].p = NULL;
        } else {
            slots[i].size = (size_t)rand() >> (17 + rand() % 14);
            slots[i].fill = (uint8_t)rand();
            slots[i].p = kmalloc(slots[i].size);
            if (slots[i].p)
                memset(slots[i].p, slots[i].fill, slots[i].size);
        }
    }
    for (unsigned i = 0; i < 400; i++) {
        kfree(slots[i].p);
        slots[i].p = NULL;
    }
    slab_shrink();
    assert_int_equal(free_pages(), FREE_PAGES);
}

TEST("with debugging, a write after free, a second free and a foreign pointer are found")
{
    teardown(NULL);
    setup_with(true);
    uint8_t *a = kmalloc(100), *b = kmalloc(100);
    assert_int_equal(a[50], 0x5a); /* nobody may count on zeros */
    kfree(b);
    b[60] = 1;
    assert_panics(b = kmalloc(100));
    assert_non_null(strstr(panic_text, "after it had been freed"));
    b[60] = 0x6b;

    kfree(a);
    assert_panics(kfree(a));
    assert_non_null(strstr(panic_text, "freed twice"));

    struct kmem_cache *other = kmem_cache_create("other", 128, 0);
    uint8_t *c = kmem_cache_alloc(other);
    assert_panics(kmem_cache_free(kmem_cache_next(NULL), c));
    assert_non_null(strstr(panic_text, "not one of its objects"));
}

TEST_FIXTURE(setup, teardown)
