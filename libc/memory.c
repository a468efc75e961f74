/*
 * memory.c - copying, filling, comparing and searching bytes.
 *
 * Every copy the data path makes ends here: the one from sk_buff to reader, headers, linearizing.
 * Written for an interpreted CPU as much as for a real one: QEMU without KVM executes `rep movsb` byte
 * by byte, eight times slower than a loop of eight-byte moves, so nothing here uses string
 * instructions; and there is no SSE in this machine. Unaligned words are fine on x86.
 *
 * Tails are done with one move that overlaps the bytes already done, not byte by byte. The loops
 * move several words per turn, which also keeps the compiler from recognising them as memcpy()
 * and calling memcpy() for it.
 */
#include <string.h>

#include "libc/word.h"

struct pair {
    uint64_t first, second;
};

static inline struct pair load_pair(const void *p)
{
    return (struct pair){load64(p), load64((const char *)p + 8)};
}

static inline void store_pair(void *p, struct pair v)
{
    store64(p, v.first);
    store64((char *)p + 8, v.second);
}

/* Up to 16 bytes: everything is loaded before anything is stored, so overlap does not matter. */
static inline void copy_small(char *dst, const char *src, size_t len)
{
    if (len >= 8) {
        uint64_t head = load64(src), tail = load64(src + len - 8);
        store64(dst, head);
        store64(dst + len - 8, tail);
    } else if (len >= 4) {
        uint32_t head = load32(src), tail = load32(src + len - 4);
        store32(dst, head);
        store32(dst + len - 4, tail);
    } else if (len >= 2) {
        uint16_t head = load16(src), tail = load16(src + len - 2);
        store16(dst, head);
        store16(dst + len - 2, tail);
    } else if (len) {
        *dst = *src;
    }
}

/* 32 bytes, all loaded before the first is stored. */
static inline void copy32(char *dst, const char *src)
{
    uint64_t a = load64(src), b = load64(src + 8), c = load64(src + 16), d = load64(src + 24);

    store64(dst, a);
    store64(dst + 8, b);
    store64(dst + 16, c);
    store64(dst + 24, d);
}

/*
 * More than 16 bytes, from the front; right for dst below src as well. The last 16 bytes are fetched
 * first, because the stores before them may overwrite them when the buffers overlap.
 */
static inline void copy_up(char *dst, const char *src, size_t len)
{
    struct pair tail = load_pair(src + len - 16);
    char *tail_dst = dst + len - 16;

    for (; len > 64; len -= 64, src += 64, dst += 64) {
        copy32(dst, src);
        copy32(dst + 32, src + 32);
    }
    for (; len > 16; len -= 16, src += 16, dst += 16)
        store_pair(dst, load_pair(src));
    store_pair(tail_dst, tail);
}

/* The mirror image, for dst above src. */
static inline void copy_down(char *dst, const char *src, size_t len)
{
    struct pair head = load_pair(src);

    for (; len > 32; len -= 32)
        copy32(dst + len - 32, src + len - 32);
    for (; len > 16; len -= 16)
        store_pair(dst + len - 16, load_pair(src + len - 16));
    store_pair(dst, head);
}

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
    if (len <= 16)
        copy_small(dst, src, len);
    else
        copy_up(dst, src, len);
    return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
    if (len <= 16)
        copy_small(dst, src, len);
    else if ((uintptr_t)dst - (uintptr_t)src >= len)
        copy_up(dst, src, len);
    else
        copy_down(dst, src, len);
    return dst;
}

static inline void set_small(char *dst, uint64_t pattern, size_t len)
{
    if (len >= 8) {
        store64(dst, pattern);
        store64(dst + len - 8, pattern);
    } else if (len >= 4) {
        store32(dst, (uint32_t)pattern);
        store32(dst + len - 4, (uint32_t)pattern);
    } else if (len) {
        dst[0] = (char)pattern;
        dst[len / 2] = (char)pattern;
        dst[len - 1] = (char)pattern;
    }
}

void *memset(void *dst, int byte, size_t len)
{
    struct pair pattern = {WORD_ONES * (uint8_t)byte, WORD_ONES * (uint8_t)byte};
    char *to = dst;

    if (len <= 16) {
        set_small(to, pattern.first, len);
        return dst;
    }
    store_pair(to + len - 16, pattern);
    for (; len > 64; len -= 64, to += 64) {
        store_pair(to, pattern);
        store_pair(to + 16, pattern);
        store_pair(to + 32, pattern);
        store_pair(to + 48, pattern);
    }
    for (; len > 16; len -= 16, to += 16)
        store_pair(to, pattern);
    return dst;
}

void bzero(void *dst, size_t len)
{
    memset(dst, 0, len);
}

/* The order of two words that came from memory: their first differing byte decides. */
static inline int compare_words(uint64_t a, uint64_t b)
{
    a = __builtin_bswap64(a);
    b = __builtin_bswap64(b);
    return a < b ? -1 : a > b;
}

static inline int compare_small(const unsigned char *a, const unsigned char *b, size_t len)
{
    if (len >= 4) {
        uint64_t x = load32(a) | (uint64_t)load32(a + len - 4) << 32;
        uint64_t y = load32(b) | (uint64_t)load32(b + len - 4) << 32;
        return compare_words(x, y);
    }
    for (; len; len--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

int memcmp(const void *va, const void *vb, size_t len)
{
    const unsigned char *a = va, *b = vb;

    if (len < 8)
        return compare_small(a, b, len);
    for (; len > 32; len -= 32, a += 32, b += 32)
        if ((load64(a) ^ load64(b)) | (load64(a + 8) ^ load64(b + 8)) | (load64(a + 16) ^ load64(b + 16)) |
            (load64(a + 24) ^ load64(b + 24)))
            break;
    for (; len > 8; len -= 8, a += 8, b += 8)
        if (load64(a) != load64(b))
            return compare_words(load64(a), load64(b));
    return compare_words(load64(a + len - 8), load64(b + len - 8));
}

/* Reads whole aligned words, so up to seven bytes beside the range, but never touches another page. */
WORD_READS_BEYOND void *memchr(const void *s, int byte, size_t len)
{
    uintptr_t start = (uintptr_t)s;
    uintptr_t end = len > UINTPTR_MAX - start ? UINTPTR_MAX : start + len;
    uint64_t pattern = WORD_ONES * (uint8_t)byte;
    const word_t *p = (const word_t *)(start & ~(uintptr_t)7);
    uint64_t found;

    if (!len)
        return NULL;
    /* Bytes before the start must not count, nor lend: a hit there would make word_zeros() unsure of the
     * rest. */
    found = word_zeros((*p ^ pattern) | ~(~0ull << (start & 7) * 8));
    while (!found) {
        if (end - (uintptr_t)p <= 8)
            return NULL;
        p++;
        found = word_zeros(*p ^ pattern);
    }
    start = (uintptr_t)p + (unsigned)__builtin_ctzll(found) / 8;
    return start < end ? (void *)start : NULL;
}

void *memrchr(const void *s, int byte, size_t len)
{
    const unsigned char *p = s;

    while (len--)
        if (p[len] == (unsigned char)byte)
            return (void *)(p + len);
    return NULL;
}

/* Candidates are found by their first byte; takes haystack times needle at worst, so keep needles short. */
void *memmem(const void *haystack, size_t haystack_len, const void *needle, size_t needle_len)
{
    const char *at = haystack;
    size_t places;

    if (!needle_len)
        return (void *)haystack;
    if (needle_len > haystack_len)
        return NULL;
    places = haystack_len - needle_len + 1;
    while (places) {
        const char *next = memchr(at, *(const unsigned char *)needle, places);
        if (!next)
            return NULL;
        if (!memcmp(next, needle, needle_len))
            return (void *)next;
        places -= (size_t)(next - at) + 1;
        at = next + 1;
    }
    return NULL;
}
