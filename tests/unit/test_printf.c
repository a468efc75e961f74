/*
 * test_printf.c - libc/printf.c and stdio.c: thousands of random conversions against the host's snprintf.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/host.h"
#include "tests/unit/test.h"

/* Formats here are made at random; the compiler cannot check them. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

int inside_snprintf(char *buf, size_t size, const char *fmt, ...);
int inside_vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int inside_sprintf(char *buf, const char *fmt, ...);
int inside_asprintf(char **out, const char *fmt, ...);
int inside_printf(const char *fmt, ...);
int inside_puts(const char *s);
int inside_putchar(int c);
void inside_perror(const char *what);
void inside_free(void *p);
int *inside___errno_location(void);

#define SAME(...)                                                                                            \
    do {                                                                                                     \
        char ours_[512], theirs_[512];                                                                       \
        int our_len_ = inside_snprintf(ours_, sizeof(ours_), __VA_ARGS__);                                   \
        int their_len_ = snprintf(theirs_, sizeof(theirs_), __VA_ARGS__);                                    \
        assert_string_equal(ours_, theirs_);                                                                 \
        assert_int_equal(our_len_, their_len_);                                                              \
    } while (0)

static int chance(int percent)
{
    return random() % 100 < percent;
}

/* "%", flags, width, precision; the conversion is up to the caller. Stars are not used here. */
static char *random_spec(char *out, const char *flags, const char *length)
{
    *out++ = '%';
    for (; *flags; flags++)
        if (chance(25))
            *out++ = *flags;
    if (chance(50))
        out += sprintf(out, "%ld", random() % 30 + 1);
    if (chance(40))
        out += sprintf(out, ".%ld", random() % 30);
    else if (chance(10))
        *out++ = '.';
    while (*length)
        *out++ = *length++;
    return out;
}

/* All magnitudes alike, and the corners. */
static uint64_t random_number(void)
{
    static const uint64_t corners[] = {0,           1,
                                       INT64_MAX,   (uint64_t)INT64_MIN,
                                       UINT64_MAX,  127,
                                       128,         255,
                                       INT_MAX,     (uint64_t)INT_MIN,
                                       UINT_MAX,    8,
                                       0x123456789, SHRT_MAX,
                                       USHRT_MAX,   10,
                                       16,          7};
    uint64_t v = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();

    if (chance(30))
        return corners[(size_t)random() % (sizeof(corners) / sizeof(corners[0]))];
    return v >> random() % 64;
}

TEST("integers come out as the host prints them, for random flags, widths, precisions and lengths")
{
    static const char *const lengths[] = {"hh", "h", "", "l", "ll", "z", "j", "t"};

    for (int round = 0; round < 40000; round++) {
        size_t length = (size_t)random() % 8;
        char fmt[64] = "<", conversion = "diuxXo"[random() % 6];
        bool is_signed = conversion == 'd' || conversion == 'i';
        char *end = random_spec(fmt + 1,
                                is_signed           ? "-+ 0"
                                : conversion == 'u' ? "-0"
                                                    : "-#0",
                                lengths[length]);
        sprintf(end, "%c>", conversion);
        long number = (long)random_number();
        if (length < 3)
            SAME(fmt, (int)number);
        else
            SAME(fmt, number);
    }
}

TEST("strings and characters come out as the host prints them")
{
    for (int round = 0; round < 10000; round++) {
        char fmt[64] = "<", text[40];
        size_t len = (size_t)random() % 39;
        for (size_t i = 0; i < len; i++)
            text[i] = (char)(1 + random() % 255);
        text[len] = 0;
        strcpy(random_spec(fmt + 1, "-", ""), "s>");
        SAME(fmt, text);
        sprintf(fmt, "<%%%s%lds%%c|%%-5c>", chance(50) ? "-" : "", random() % 50 + 1);
        SAME(fmt, text, 'x', 'y');
    }
}

TEST("a star takes width and precision from the arguments, a negative width means left")
{
    for (int round = 0; round < 5000; round++) {
        int width = (int)(random() % 60) - 30, precision = (int)(random() % 40) - 10;
        long number = (long)random_number();
        SAME("<%*.*d>", width, precision, (int)number);
        SAME("<%0*ld>", width, number);
        SAME("<%.*s>", precision, "some text to cut");
        SAME("<%-*x|%*s>", width, (unsigned)number, width, "text");
    }
}

TEST("pointers, percent signs and several conversions in a row are right")
{
    SAME("%p %p", (void *)0x1234, NULL);
    SAME("<%20p|%-20p>", (void *)0xffff800000000000, (void *)1);
    SAME("<%10p|%-10p>", NULL, NULL);
    SAME("100%% of %s, %d/%d\n", "it", 3, 4);
    SAME("%s", "");
    SAME("plain");
    SAME("%c%c%c", 'a', 'b', 0xff);
    SAME("%hhd %hhu %hd %hu", 0x1ff, 0x1ff, 0x1ffff, 0x1ffff);
    SAME("%ld %lu %lld %llu %zu %jd %td", LONG_MIN, ULONG_MAX, LLONG_MIN, ULLONG_MAX, SIZE_MAX, INTMAX_MIN,
         PTRDIFF_MIN);
    SAME("%d %d %d %d %d %d %d %d", 1, 2, 3, 4, 5, 6, 7, 8);
}

TEST("a null string is shown, not followed")
{
    const char *volatile null = NULL; /* volatile: the compiler would warn of the host's snprintf */

    SAME("<%s|%10s|%.10s|%.3s>", null, null, null, null);
}

TEST("%s with a precision reads no byte beyond it")
{
    char *three = malloc(3); /* AddressSanitizer watches its end */
    char out[16];

    memcpy(three, "abc", 3);
    assert_int_equal(inside_snprintf(out, sizeof(out), "%.3s", three), 3);
    assert_string_equal(out, "abc");
    free(three);
}

TEST("text that does not fit is cut, terminated, and its full length told")
{
    char buf[16];

    for (size_t size = 0; size <= 14; size++) {
        memset(buf, '#', sizeof(buf));
        assert_int_equal(inside_snprintf(buf, size, "%s-%05d", "abcde", 42), 11);
        if (size)
            assert_int_equal(strnlen(buf, sizeof(buf)), size > 11 ? 11 : size - 1);
        for (size_t i = size > 12 ? 12 : size; i < sizeof(buf); i++)
            assert_int_equal(buf[i], '#');
    }
    assert_int_equal(inside_snprintf(NULL, 0, "%100d", 1), 100);
}

TEST("what is no conversion is shown as it stands, and %n writes nothing")
{
    char buf[64];
    int written = 7;

    inside_snprintf(buf, sizeof(buf), "50% more, %y, %");
    assert_string_equal(buf, "50% more, %y, %");
    inside_snprintf(buf, sizeof(buf), "ab%n", &written);
    assert_string_equal(buf, "ab%n");
    assert_int_equal(written, 7);
}

TEST("a length beyond an int is an error, not a negative length")
{
    char buf[8];

    *inside___errno_location() = 0;
    assert_int_equal(inside_snprintf(buf, sizeof(buf), "%2147483647d%d", 1, 2), -1);
    assert_int_equal(*inside___errno_location(), EOVERFLOW);
}

TEST("sprintf and asprintf make room for all of it")
{
    char buf[64], *text = NULL;

    assert_int_equal(inside_sprintf(buf, "%s %d", "port", 80), 7);
    assert_string_equal(buf, "port 80");
    assert_int_equal(inside_asprintf(&text, "%0300d", 5), 300);
    assert_int_equal(strlen(text), 300);
    inside_free(text);
}

TEST("printf, puts, putchar and perror put whole lines on the console")
{
    inside_printf("eth%d: %s\n", 0, "link is up");
    assert_non_null(strstr(host_last_log(), "eth0: link is up"));
    inside_printf("in ");
    inside_printf("two");
    inside_putchar('!');
    inside_putchar('\n');
    assert_non_null(strstr(host_last_log(), "in two!"));
    inside_puts("one line");
    assert_non_null(strstr(host_last_log(), "one line"));
    *inside___errno_location() = ECONNREFUSED;
    inside_perror("connect");
    assert_non_null(strstr(host_last_log(), "connect: Connection refused"));
}

TEST_MAIN()
