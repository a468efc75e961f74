/*
 * test_stdlib.c - numbers from text, sorting, searching and memory, against the host's C library.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/host.h"
#include "tests/unit/test.h"

long inside_strtol(const char *s, char **end, int base);
long long inside_strtoll(const char *s, char **end, int base);
unsigned long inside_strtoul(const char *s, char **end, int base);
unsigned long long inside_strtoull(const char *s, char **end, int base);
int inside_atoi(const char *s);
long inside_labs(long v);
void inside_qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
void *inside_bsearch(const void *key, const void *base, size_t count, size_t size,
                     int (*compare)(const void *, const void *));
void *inside_malloc(size_t size);
void *inside_calloc(size_t count, size_t size);
void *inside_realloc(void *p, size_t size);
void *inside_reallocarray(void *p, size_t count, size_t size);
void inside_free(void *p);
int inside_rand(void);
int *inside___errno_location(void);

#define SAME_NUMBER(function, s, base)                                                                       \
    do {                                                                                                     \
        char *our_end_ = NULL, *their_end_ = NULL;                                                           \
        errno = 0;                                                                                           \
        *inside___errno_location() = 0;                                                                      \
        assert_true(inside_##function(s, &our_end_, base) == function(s, &their_end_, base));                \
        assert_ptr_equal(our_end_, their_end_);                                                              \
        assert_int_equal(*inside___errno_location(), errno);                                                 \
    } while (0)

static void same_numbers(const char *s, int base)
{
    SAME_NUMBER(strtol, s, base);
    SAME_NUMBER(strtoll, s, base);
    SAME_NUMBER(strtoul, s, base);
    SAME_NUMBER(strtoull, s, base);
}

TEST("numbers at the edges of their types convert, one further is ERANGE")
{
    static const char *const texts[] = {
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "-18446744073709551615",
        "-18446744073709551616",
        "0xffffffffffffffff",
        "0x10000000000000000",
        "01777777777777777777777",
        "02000000000000000000000",
        "99999999999999999999999999999999999999",
        "-1",
        "-0",
        "+5",
        "0",
        "",
        " ",
        "-",
        "+",
        "--1",
        "+-1",
        "0x",
        "0X1g",
        "0xg",
        "08",
        "0b1",
        " \t\n\v\f\r 42 ",
        "4 2",
        "z",
        "Zz",
        "12abc",
        "\x80"
        "1",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        for (int base = 0; base <= 36; base++)
            if (base != 1)
                same_numbers(texts[i], base);
}

TEST("random text converts as on the host, in every base")
{
    static const char alphabet[] = "0123456789abcxXyZ+- 000999";
    char s[32];

    for (int round = 0; round < 30000; round++) {
        size_t len = (size_t)random() % 24;
        int base = (int)(random() % 37);
        for (size_t i = 0; i < len; i++)
            s[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
        s[len] = 0;
        if (base != 1)
            same_numbers(s, base);
    }
}

TEST("a base that does not exist is EINVAL")
{
    int bases[] = {1, -1, 37};

    for (int i = 0; i < 3; i++) {
        *inside___errno_location() = 0;
        assert_int_equal(inside_strtol("11", NULL, bases[i]), 0);
        assert_int_equal(*inside___errno_location(), EINVAL);
    }
}

TEST("atoi stops at the first character that is no digit")
{
    assert_int_equal(inside_atoi(" -17px"), -17);
    assert_int_equal(inside_atoi("x"), 0);
    assert_true(inside_labs(-5) == 5);
}

static size_t comparisons;

static int compare_ints(const void *a, const void *b)
{
    int x, y;

    comparisons++;
    memcpy(&x, a, sizeof(x)); /* elements of odd size are not aligned */
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* Sorts `count` elements of `size` bytes that begin with an int, the rest telling it from its equals. */
static void check_sort(size_t count, size_t size, int (*value)(size_t i, size_t count))
{
    char *ours = calloc(count + 1, size), *theirs = calloc(count + 1, size);

    for (size_t i = 0; i < count; i++) {
        int v = value(i, count);
        memcpy(ours + i * size, &v, sizeof(v));
        memset(ours + i * size + sizeof(v), v & 0x7f, size - sizeof(v));
    }
    memcpy(theirs, ours, (count + 1) * size);
    inside_qsort(ours, count, size, compare_ints);
    qsort(theirs, count, size, compare_ints);
    assert_memory_equal(ours, theirs, (count + 1) * size);
    free(ours);
    free(theirs);
}

static int value_random(size_t i, size_t count)
{
    return (int)random() - (int)random();
}

static int value_few(size_t i, size_t count)
{
    return (int)(random() % 3);
}

static int value_ascending(size_t i, size_t count)
{
    return (int)i;
}

static int value_descending(size_t i, size_t count)
{
    return (int)(count - i);
}

static int value_organ_pipe(size_t i, size_t count)
{
    return (int)(i < count / 2 ? i : count - i);
}

TEST("qsort sorts whatever the order before and the size of an element")
{
    static const size_t sizes[] = {4, 7, 8, 12, 16, 40, 61};

    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
        for (size_t count = 0; count < 40; count++) {
            check_sort(count, sizes[s], value_random);
            check_sort(count, sizes[s], value_few);
            check_sort(count, sizes[s], value_ascending);
            check_sort(count, sizes[s], value_descending);
            check_sort(count, sizes[s], value_organ_pipe);
        }
}

TEST("qsort takes no more than 2 n log2 n comparisons for any of the orders that hurt quicksort")
{
    int (*const values[])(size_t, size_t) = {value_random, value_few, value_ascending, value_descending,
                                             value_organ_pipe};
    const size_t count = 1 << 14;
    int *ints = malloc(count * sizeof(*ints));

    for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        for (size_t i = 0; i < count; i++)
            ints[i] = values[v](i, count);
        comparisons = 0;
        inside_qsort(ints, count, sizeof(*ints), compare_ints);
        assert_true(comparisons < 2 * 14 * count);
        for (size_t i = 1; i < count; i++)
            assert_true(ints[i - 1] <= ints[i]);
    }
    free(ints);
}

TEST("bsearch finds what is there and nothing else")
{
    int ints[50];

    for (int i = 0; i < 50; i++)
        ints[i] = 2 * i;
    for (size_t count = 0; count <= 50; count++)
        for (int key = -1; key < 101; key++) {
            int *found = inside_bsearch(&key, ints, count, sizeof(int), compare_ints);
            if (key >= 0 && key % 2 == 0 && (size_t)key / 2 < count)
                assert_ptr_equal(found, &ints[key / 2]);
            else
                assert_null(found);
        }
}

TEST("memory is aligned, cleared by calloc, and keeps its content through realloc")
{
    size_t before = host_objects_alive();
    unsigned char *p = inside_malloc(24), *zeros = inside_calloc(7, 11);

    assert_int_equal((uintptr_t)p % 16, 0);
    for (int i = 0; i < 77; i++)
        assert_int_equal(zeros[i], 0);
    for (int i = 0; i < 24; i++)
        p[i] = (unsigned char)i;
    for (size_t size = 24; size < 20000; size = size * 3 / 2)
        p = inside_realloc(p, size);
    p = inside_realloc(p, 24);
    for (int i = 0; i < 24; i++)
        assert_int_equal(p[i], i);
    inside_free(p);
    inside_free(zeros);
    inside_free(NULL);
    inside_free(inside_realloc(NULL, 5));
    inside_free(inside_malloc(0));
    assert_int_equal(host_objects_alive(), before);
}

TEST("sizes whose product wraps are refused with ENOMEM")
{
    *inside___errno_location() = 0;
    assert_null(inside_calloc(SIZE_MAX / 2, 3));
    assert_int_equal(*inside___errno_location(), ENOMEM);
    *inside___errno_location() = 0;
    assert_null(inside_reallocarray(NULL, SIZE_MAX / 2, 3));
    assert_int_equal(*inside___errno_location(), ENOMEM);
}

TEST("without memory malloc gives NULL and ENOMEM, and realloc leaves the old block alone")
{
    char *p;

    *inside___errno_location() = 0;
    host_fail_allocation(1);
    assert_null(inside_malloc(10));
    assert_int_equal(*inside___errno_location(), ENOMEM);
    p = inside_malloc(10);
    strcpy(p, "still");
    host_fail_allocation(1);
    assert_null(inside_realloc(p, 10000));
    assert_string_equal(p, "still");
    inside_free(p);
}

TEST("rand stays between 0 and RAND_MAX")
{
    for (int i = 0; i < 1000; i++)
        assert_true(inside_rand() >= 0);
}

TEST_MAIN()
