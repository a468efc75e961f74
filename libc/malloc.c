/*
 * malloc.c - memory for applications, from the kernel's kmalloc() by way of libc_hooks.h.
 */
#include <stdlib.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "libc/libc_hooks.h"

void *malloc(size_t size)
{
    void *p = libc_alloc(size ? size : 1);

    if (!p)
        errno = ENOMEM;
    return p;
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    p = libc_alloc(bytes ? bytes
                         : 1); /* not malloc(): the compiler knows malloc() and memset() as calloc() */
    if (!p) {
        errno = ENOMEM;
        return NULL;
    }
    return memset(p, 0, bytes);
}

void *realloc(void *p, size_t size)
{
    size_t old_size;
    void *moved;

    if (!p)
        return malloc(size);
    old_size = libc_alloc_size(p);
    if (size && size <= old_size && size >= old_size / 2)
        return p;
    moved = malloc(size);
    if (!moved)
        return NULL;
    memcpy(moved, p, size < old_size ? size : old_size);
    libc_free(p);
    return moved;
}

void *reallocarray(void *p, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, bytes);
}

void free(void *p)
{
    libc_free(p);
}
