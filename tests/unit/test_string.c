/*
 * test_string.c - libc/memory.c, string.c, strerror.c and ctype.c against the host's C library.
 *
 * Buffers under test end at a page that cannot be touched, so that a read or write one byte too far ends
 * the test; results are compared with the host's for random input, every alignment and every short length.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include "tests/unit/test.h"

void *inside_memcpy(void *dst, const void *src, size_t len);
void *inside_memmove(void *dst, const void *src, size_t len);
void *inside_memset(void *dst, int byte, size_t len);
int inside_memcmp(const void *a, const void *b, size_t len);
void *inside_memchr(const void *s, int byte, size_t len);
void *inside_memrchr(const void *s, int byte, size_t len);
void *inside_memmem(const void *haystack, size_t haystack_len, const void *needle, size_t needle_len);
void inside_bzero(void *dst, size_t len);
size_t inside_strlen(const char *s);
size_t inside_strnlen(const char *s, size_t max);
int inside_strcmp(const char *a, const char *b);
int inside_strncmp(const char *a, const char *b, size_t max);
int inside_strcasecmp(const char *a, const char *b);
int inside_strncasecmp(const char *a, const char *b, size_t max);
char *inside_strcpy(char *dst, const char *src);
char *inside_strncpy(char *dst, const char *src, size_t len);
char *inside_strcat(char *dst, const char *src);
size_t inside_strlcpy(char *dst, const char *src, size_t size);
size_t inside_strlcat(char *dst, const char *src, size_t size);
char *inside_strchr(const char *s, int c);
char *inside_strchrnul(const char *s, int c);
char *inside_strrchr(const char *s, int c);
char *inside_strstr(const char *haystack, const char *needle);
size_t inside_strspn(const char *s, const char *accept);
size_t inside_strcspn(const char *s, const char *reject);
char *inside_strpbrk(const char *s, const char *accept);
char *inside_strtok_r(char *s, const char *delimiters, char **rest);
char *inside_strsep(char **rest, const char *delimiters);
char *inside_strdup(const char *s);
char *inside_strndup(const char *s, size_t max);
char *inside_strerror(int errnum);
void inside_free(void *p);
int inside_ffs(int value);

#define ROOM    4096
#define LEN_MAX 200

/* ROOM bytes, followed by a page nobody may touch. */
static unsigned char *guarded(void)
{
    unsigned char *p = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(p, MAP_FAILED);
    assert_int_equal(mprotect(p + ROOM, 4096, PROT_NONE), 0);
    return p;
}

static void unguard(unsigned char *p)
{
    munmap(p, ROOM + 4096);
}

static void fill_random(unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (unsigned char)random();
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

TEST("memcpy copies every length at every alignment and nothing beside it")
{
    unsigned char *src = guarded(), *dst = guarded(), expected[ROOM];

    fill_random(src, ROOM);
    for (size_t len = 0; len <= LEN_MAX; len++)
        for (size_t from = 0; from < 8; from++)
            for (size_t to = 0; to < 8; to++) {
                unsigned char *s = src + ROOM - len - from, *d = dst + ROOM - len - to;
                fill_random(d - 16, 16 + len + to);
                memcpy(expected, dst, ROOM);
                memcpy(expected + (d - dst), s, len);
                assert_ptr_equal(inside_memcpy(d, s, len), d);
                assert_memory_equal(dst + ROOM - LEN_MAX - 64, expected + ROOM - LEN_MAX - 64, LEN_MAX + 64);
            }
    unguard(src);
    unguard(dst);
}

TEST("memmove is right for buffers that overlap by any distance, up and down")
{
    unsigned char *buf = guarded(), expected[ROOM];

    for (size_t len = 0; len <= LEN_MAX; len++)
        for (int distance = -80; distance <= 80; distance++) {
            unsigned char *s = buf + ROOM - len - 80, *d = s + distance;
            fill_random(buf + ROOM - 400, 400);
            memcpy(expected, buf, ROOM);
            memmove(expected + (d - buf), s, len);
            assert_ptr_equal(inside_memmove(d, s, len), d);
            assert_memory_equal(buf, expected, ROOM);
        }
    unguard(buf);
}

TEST("memset fills every length at every alignment and nothing beside it")
{
    unsigned char *dst = guarded(), expected[ROOM];

    for (size_t len = 0; len <= LEN_MAX; len++)
        for (size_t to = 0; to < 8; to++) {
            unsigned char *d = dst + ROOM - len - to;
            fill_random(dst + ROOM - 400, 400);
            memcpy(expected, dst, ROOM);
            memset(expected + (d - dst), (int)len + 0x1200, len);
            assert_ptr_equal(inside_memset(d, (int)len + 0x1200, len), d);
            assert_memory_equal(dst, expected, ROOM);
        }
    inside_bzero(dst, ROOM);
    for (size_t i = 0; i < ROOM; i++)
        assert_int_equal(dst[i], 0);
    unguard(dst);
}

TEST("long copies and fills are right too")
{
    unsigned char *src = guarded(), *dst = guarded(), expected[ROOM];

    for (int round = 0; round < 300; round++) {
        size_t from = (size_t)random() % 64, to = (size_t)random() % 64, len = (size_t)random() % (ROOM - 64);
        fill_random(src, ROOM);
        memset(dst, 0xee, ROOM);
        memset(expected, 0xee, ROOM);
        inside_memcpy(dst + to, src + from, len);
        memcpy(expected + to, src + from, len);
        assert_memory_equal(dst, expected, ROOM);
        inside_memmove(dst + from, dst + to, len);
        memmove(expected + from, expected + to, len);
        assert_memory_equal(dst, expected, ROOM);
        inside_memset(dst + to, round, len / 2);
        memset(expected + to, round, len / 2);
        assert_memory_equal(dst, expected, ROOM);
    }
    unguard(src);
    unguard(dst);
}

TEST("memcmp orders by the first byte that differs, as unsigned, at every place")
{
    unsigned char *a = guarded(), *b = guarded();

    for (size_t len = 0; len <= LEN_MAX; len++) {
        unsigned char *x = a + ROOM - len, *y = b + ROOM - len - len % 8;
        fill_random(x, len);
        memcpy(y, x, len);
        assert_int_equal(inside_memcmp(x, y, len), 0);
        for (size_t at = 0; at < len; at++) {
            unsigned char kept = y[at];
            y[at] ^= (unsigned char)(1 + random() % 255);
            if (at + 1 < len)
                y[len - 1] ^= 0xff; /* a later difference must not matter */
            assert_int_equal(sign(inside_memcmp(x, y, len)), sign(memcmp(x, y, len)));
            y[at] = kept;
            y[len - 1] = x[len - 1];
        }
    }
    unguard(a);
    unguard(b);
}

TEST("memchr and memrchr find the first and the last, and stay inside the range")
{
    unsigned char *buf = guarded();

    for (size_t len = 0; len <= LEN_MAX; len++)
        for (size_t shift = 0; shift < 8; shift++) {
            unsigned char *s = buf + ROOM - len - shift;
            memset(buf + ROOM - 400, 'x', 400); /* hits outside the range */
            for (size_t i = 0; i < len; i++)
                s[i] = (unsigned char)(random() % 3 ? 0x80 : 0x01 + random() % 2);
            assert_ptr_equal(inside_memchr(s, 'x', len), NULL);
            assert_ptr_equal(inside_memrchr(s, 'x', len), NULL);
            assert_ptr_equal(inside_memchr(s, 2 + 0x100, len), memchr(s, 2, len));
            assert_ptr_equal(inside_memrchr(s, 2, len), memrchr(s, 2, len));
            if (!len)
                continue;
            size_t at = (size_t)random() % len;
            s[at] = 0;
            assert_ptr_equal(inside_memchr(s, 0, len), s + at);
            assert_ptr_equal(inside_memrchr(s, 0, len), s + at);
            assert_ptr_equal(inside_memchr(s, 0, SIZE_MAX), s + at);
        }
    unguard(buf);
}

TEST("strlen and strnlen read no page behind the end, at every alignment")
{
    unsigned char *buf = guarded();

    for (size_t len = 0; len < LEN_MAX; len++) {
        char *s = (char *)buf + ROOM - len - 1;
        memset(buf, 0, ROOM);
        for (size_t i = 0; i < len; i++)
            s[i] = (char)(1 + random() % 255);
        assert_int_equal(inside_strlen(s), len);
        for (size_t max = 0; max < len + 8; max++)
            assert_int_equal(inside_strnlen(s, max), strnlen(s, max));
        s[len] = 'x'; /* no end at all: strnlen must stop at max */
        assert_int_equal(inside_strnlen(s, len + 1), len + 1);
    }
    unguard(buf);
}

/* A random string of a small alphabet, so that parts of it repeat. */
static void random_string(char *out, size_t len_max)
{
    static const char alphabet[] = "aAbB,.\x80\xff";
    size_t len = (size_t)random() % (len_max + 1);

    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
    out[len] = 0;
}

TEST("comparisons order random strings as the host does, with and without case")
{
    char a[16], b[16];

    for (int round = 0; round < 20000; round++) {
        size_t max = (size_t)random() % 16;
        random_string(a, 6);
        random_string(b, 6);
        assert_int_equal(sign(inside_strcmp(a, b)), sign(strcmp(a, b)));
        assert_int_equal(sign(inside_strncmp(a, b, max)), sign(strncmp(a, b, max)));
        assert_int_equal(sign(inside_strcasecmp(a, b)), sign(strcasecmp(a, b)));
        assert_int_equal(sign(inside_strncasecmp(a, b, max)), sign(strncasecmp(a, b, max)));
    }
    assert_int_equal(inside_strncmp("a", "b", 0), 0);
}

TEST("searches find in random strings what the host finds")
{
    char s[40], set[8];

    for (int round = 0; round < 20000; round++) {
        random_string(s, 39);
        random_string(set, 4);
        int c = round % 3 ? s[0] : 0;
        assert_ptr_equal(inside_strchr(s, c), strchr(s, c));
        assert_ptr_equal(inside_strchr(s, 'B'), strchr(s, 'B'));
        assert_ptr_equal(inside_strchrnul(s, 'B'), strchrnul(s, 'B'));
        assert_ptr_equal(inside_strrchr(s, c), strrchr(s, c));
        assert_ptr_equal(inside_strrchr(s, 'B'), strrchr(s, 'B'));
        assert_ptr_equal(inside_strstr(s, set), strstr(s, set));
        assert_int_equal(inside_strspn(s, set), strspn(s, set));
        assert_int_equal(inside_strcspn(s, set), strcspn(s, set));
        assert_ptr_equal(inside_strpbrk(s, set), strpbrk(s, set));
        assert_ptr_equal(inside_memmem(s, strlen(s), set, strlen(set)),
                         memmem(s, strlen(s), set, strlen(set)));
    }
}

TEST("copies fill and terminate as the host's do")
{
    char s[40], ours[100], theirs[100];

    for (int round = 0; round < 5000; round++) {
        size_t len = (size_t)random() % 60;
        random_string(s, 39);
        memset(ours, '#', sizeof(ours));
        memset(theirs, '#', sizeof(theirs));
        assert_ptr_equal(inside_strcpy(ours, s), ours);
        strcpy(theirs, s);
        inside_strcat(ours, s);
        strcat(theirs, s);
        assert_memory_equal(ours, theirs, sizeof(ours));
        inside_strncpy(ours + 20, s, len);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstringop-truncation"
        strncpy(theirs + 20, s, len);
#pragma GCC diagnostic pop
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
}

TEST("strlcpy and strlcat always terminate and tell the length they wanted")
{
    char buf[8] = "#######";

    assert_int_equal(inside_strlcpy(buf, "abc", sizeof(buf)), 3);
    assert_string_equal(buf, "abc");
    assert_int_equal(inside_strlcat(buf, "defg", sizeof(buf)), 7);
    assert_string_equal(buf, "abcdefg");
    assert_int_equal(inside_strlcat(buf, "h", sizeof(buf)), 8);
    assert_string_equal(buf, "abcdefg");
    assert_int_equal(inside_strlcpy(buf, "0123456789", sizeof(buf)), 10);
    assert_string_equal(buf, "0123456");
    assert_int_equal(inside_strlcpy(buf, "xy", 0), 2);
    assert_string_equal(buf, "0123456");
    assert_int_equal(inside_strlcat(buf, "xy", 3), 5); /* no end within 3 bytes: nothing is written */
    assert_string_equal(buf, "0123456");
}

TEST("strtok_r and strsep cut random strings as the host does")
{
    for (int round = 0; round < 5000; round++) {
        char ours[40], theirs[40], *our_rest = NULL, *their_rest = NULL, *a, *b;
        random_string(ours, 39);
        strcpy(theirs, ours);
        a = inside_strtok_r(ours, ",.", &our_rest);
        b = strtok_r(theirs, ",.", &their_rest);
        while (a && b) {
            assert_string_equal(a, b);
            assert_int_equal(a - ours, b - theirs);
            a = inside_strtok_r(NULL, ",.", &our_rest);
            b = strtok_r(NULL, ",.", &their_rest);
        }
        assert_ptr_equal(a, b);
        random_string(ours, 39);
        strcpy(theirs, ours);
        our_rest = ours;
        their_rest = theirs;
        while ((b = strsep(&their_rest, ",."))) {
            a = inside_strsep(&our_rest, ",.");
            assert_string_equal(a, b);
        }
        assert_ptr_equal(inside_strsep(&our_rest, ",."), NULL);
    }
}

TEST("strdup and strndup give copies that can be freed")
{
    char *copy = inside_strdup("vessel");

    assert_string_equal(copy, "vessel");
    inside_free(copy);
    copy = inside_strndup("vessel", 3);
    assert_string_equal(copy, "ves");
    inside_free(copy);
    copy = inside_strndup("vessel", 30);
    assert_string_equal(copy, "vessel");
    inside_free(copy);
}

TEST("strerror says what the host says, for every number")
{
    for (int errnum = -2; errnum < 200; errnum++)
        assert_string_equal(inside_strerror(errnum), strerror(errnum));
}

#define CTYPE_FUNCTIONS(X)                                                                                   \
    X(isalnum)                                                                                               \
    X(isalpha)                                                                                               \
    X(isblank)                                                                                               \
    X(iscntrl)                                                                                               \
    X(isdigit)                                                                                               \
    X(isgraph)                                                                                               \
    X(islower)                                                                                               \
    X(isprint)                                                                                               \
    X(ispunct)                                                                                               \
    X(isspace)                                                                                               \
    X(isupper)                                                                                               \
    X(isxdigit)

#define DECLARE(name) int inside_##name(int c);
CTYPE_FUNCTIONS(DECLARE)
int inside_isascii(int c);
int inside_tolower(int c);
int inside_toupper(int c);

TEST("ctype puts every byte, and EOF, into the classes of the C locale")
{
#define CHECK(name) assert_int_equal(!inside_##name(c), !(name)(c));
    for (int c = -1; c < 256; c++) {
        CTYPE_FUNCTIONS(CHECK)
        assert_int_equal(inside_tolower(c), (tolower)(c));
        assert_int_equal(inside_toupper(c), (toupper)(c));
        assert_int_equal(inside_isascii(c), c >= 0 && c < 128);
    }
}

TEST("ffs finds the lowest bit, counted from one")
{
    assert_int_equal(inside_ffs(0), 0);
    for (int bit = 0; bit < 32; bit++)
        assert_int_equal(inside_ffs((int)(~0u << bit)), bit + 1);
}

TEST_MAIN()
