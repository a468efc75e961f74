/*
 * sort.c - qsort() as heapsort (n log n whatever the input, in place), and binary search.
 */
#include <stdlib.h>

#include <stdint.h>

#include "libc/word.h"

typedef int (*compare_fn)(const void *, const void *);

struct heap {
    char *base;
    size_t size;
    compare_fn compare;
};

static void swap(char *a, char *b, size_t size)
{
    for (; size >= 8; size -= 8, a += 8, b += 8) {
        uint64_t word = load64(a);
        store64(a, load64(b));
        store64(b, word);
    }
    for (; size; size--, a++, b++) {
        char byte = *a;
        *a = *b;
        *b = byte;
    }
}

static char *element(const struct heap *heap, size_t index)
{
    return heap->base + index * heap->size;
}

/* Lets the element at `root` sink among the first `count` until neither child is larger. */
static void sift_down(const struct heap *heap, size_t root, size_t count)
{
    size_t child;

    while (root < count / 2) {
        child = 2 * root + 1;
        if (child + 1 < count && heap->compare(element(heap, child), element(heap, child + 1)) < 0)
            child++;
        if (heap->compare(element(heap, root), element(heap, child)) >= 0)
            return;
        swap(element(heap, root), element(heap, child), heap->size);
        root = child;
    }
}

void qsort(void *base, size_t count, size_t size, compare_fn compare)
{
    struct heap heap = {base, size, compare};

    for (size_t root = count / 2; root-- > 0;)
        sift_down(&heap, root, count);
    for (size_t last = count; last-- > 1;) {
        swap(element(&heap, 0), element(&heap, last), size);
        sift_down(&heap, 0, last);
    }
}

void *bsearch(const void *key, const void *base, size_t count, size_t size, compare_fn compare)
{
    const char *low = base;

    while (count) {
        const char *middle = low + count / 2 * size;
        int order = compare(key, middle);
        if (!order)
            return (void *)middle;
        if (order > 0) {
            low = middle + size;
            count--;
        }
        count /= 2;
    }
    return NULL;
}
