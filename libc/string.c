/*
 * string.c - NUL-terminated strings: paths, command lines, configuration, HTTP fields.
 */
#include <string.h>

#include <ctype.h>
#include <stdlib.h>

#include "libc/word.h"

/* Reads whole aligned words: see WORD_READS_BEYOND. */
WORD_READS_BEYOND size_t strlen(const char *s)
{
    uintptr_t start = (uintptr_t)s;
    const word_t *p = (const word_t *)(start & ~(uintptr_t)7);
    uint64_t found = word_zeros(*p | ~(~0ull << (start & 7) * 8));

    while (!found)
        found = word_zeros(*++p);
    return (uintptr_t)p - start + (unsigned)__builtin_ctzll(found) / 8;
}

size_t strnlen(const char *s, size_t max)
{
    const char *end = memchr(s, 0, max);

    return end ? (size_t)(end - s) : max;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
    for (; max && *a && *a == *b; a++, b++, max--)
        ;
    return max ? (unsigned char)*a - (unsigned char)*b : 0;
}

int strcasecmp(const char *a, const char *b)
{
    return strncasecmp(a, b, SIZE_MAX);
}

int strncasecmp(const char *a, const char *b, size_t max)
{
    for (; max; a++, b++, max--) {
        int x = tolower((unsigned char)*a), y = tolower((unsigned char)*b);
        if (x != y || !x)
            return x - y;
    }
    return 0;
}

char *strcpy(char *restrict dst, const char *restrict src)
{
    return memcpy(dst, src, strlen(src) + 1);
}

char *strncpy(char *restrict dst, const char *restrict src, size_t len)
{
    size_t src_len = strnlen(src, len);

    memcpy(dst, src, src_len);
    memset(dst + src_len, 0, len - src_len);
    return dst;
}

char *strcat(char *restrict dst, const char *restrict src)
{
    strcpy(dst + strlen(dst), src);
    return dst;
}

size_t strlcpy(char *restrict dst, const char *restrict src, size_t size)
{
    size_t len = strlen(src);
    size_t copied = len < size ? len : size - 1;

    if (!size)
        return len;
    memcpy(dst, src, copied);
    dst[copied] = 0;
    return len;
}

size_t strlcat(char *restrict dst, const char *restrict src, size_t size)
{
    size_t len = strnlen(dst, size);

    return len + strlcpy(dst + len, src, size - len);
}

char *strchrnul(const char *s, int c)
{
    for (; *s && *s != (char)c; s++)
        ;
    return (char *)s;
}

char *strchr(const char *s, int c)
{
    char *at = strchrnul(s, c);

    return *at == (char)c ? at : NULL;
}

char *strrchr(const char *s, int c)
{
    return memrchr(s, c, strlen(s) + 1);
}

char *strstr(const char *haystack, const char *needle)
{
    return memmem(haystack, strlen(haystack), needle, strlen(needle));
}

/* A set of bytes, one bit each. */
struct byte_set {
    uint64_t bits[4];
};

static struct byte_set byte_set_of(const char *members)
{
    struct byte_set set = {{0}};

    for (; *members; members++)
        set.bits[(unsigned char)*members / 64] |= 1ull << (unsigned char)*members % 64;
    return set;
}

static inline int byte_set_has(const struct byte_set *set, char c)
{
    return set->bits[(unsigned char)c / 64] >> (unsigned char)c % 64 & 1;
}

size_t strspn(const char *s, const char *accept)
{
    struct byte_set set = byte_set_of(accept);
    size_t len = 0;

    while (byte_set_has(&set, s[len]))
        len++;
    return len;
}

size_t strcspn(const char *s, const char *reject)
{
    struct byte_set set = byte_set_of(reject);
    size_t len = 0;

    while (s[len] && !byte_set_has(&set, s[len]))
        len++;
    return len;
}

char *strpbrk(const char *s, const char *accept)
{
    s += strcspn(s, accept);
    return *s ? (char *)s : NULL;
}

char *strtok_r(char *restrict s, const char *restrict delimiters, char **restrict rest)
{
    if (!s)
        s = *rest;
    s += strspn(s, delimiters);
    *rest = s + strcspn(s, delimiters);
    if (*rest == s)
        return NULL;
    if (**rest)
        *(*rest)++ = 0;
    return s;
}

char *strsep(char **rest, const char *delimiters)
{
    char *word = *rest;

    if (!word)
        return NULL;
    *rest = strpbrk(word, delimiters);
    if (*rest)
        *(*rest)++ = 0;
    return word;
}

char *strndup(const char *s, size_t max)
{
    size_t len = strnlen(s, max);
    char *copy = malloc(len + 1);

    if (!copy)
        return NULL;
    memcpy(copy, s, len);
    copy[len] = 0;
    return copy;
}

char *strdup(const char *s)
{
    return strndup(s, SIZE_MAX);
}

int ffs(int value)
{
    return value ? __builtin_ctz((unsigned)value) + 1 : 0;
}
