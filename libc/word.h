/*
 * word.h - eight bytes at a time: for memory.c and string.c.
 */
#ifndef LIBC_WORD_H
#define LIBC_WORD_H

#include <stdint.h>

/* An aligned word of anybody's memory; and words at any address. */
typedef uint64_t __attribute__((may_alias)) word_t;
typedef uint64_t __attribute__((may_alias, aligned(1))) any64_t;
typedef uint32_t __attribute__((may_alias, aligned(1))) any32_t;
typedef uint16_t __attribute__((may_alias, aligned(1))) any16_t;

/*
 * Marks a function that reads the whole aligned word its last byte lies in. That is harmless (a word
 * never spans two pages), but AddressSanitizer would take it for an overrun.
 */
#define WORD_READS_BEYOND __attribute__((no_sanitize("address")))

#define WORD_ONES  0x0101010101010101ull
#define WORD_HIGHS 0x8080808080808080ull

/* Nonzero if a byte of w is zero; the lowest bit set is then in the first such byte. */
static inline uint64_t word_zeros(uint64_t w)
{
    return (w - WORD_ONES) & ~w & WORD_HIGHS;
}

static inline uint64_t load64(const void *p)
{
    return *(const any64_t *)p;
}

static inline uint32_t load32(const void *p)
{
    return *(const any32_t *)p;
}

static inline uint16_t load16(const void *p)
{
    return *(const any16_t *)p;
}

static inline void store64(void *p, uint64_t v)
{
    *(any64_t *)p = v;
}

static inline void store32(void *p, uint32_t v)
{
    *(any32_t *)p = v;
}

static inline void store16(void *p, uint16_t v)
{
    *(any16_t *)p = v;
}

#endif
