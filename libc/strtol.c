/*
 * strtol.c - numbers from text. Each converter reads sign, prefix and digits into a magnitude, then
 * fits that into its own type.
 */
#include <stdlib.h>

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct number {
    bool negative;
    bool overflow; /* does not fit 64 bits */
    uint64_t magnitude;
};

static unsigned digit_value(char c)
{
    if (isdigit((unsigned char)c))
        return (unsigned)(c - '0');
    if (isalpha((unsigned char)c))
        return (unsigned)(tolower((unsigned char)c) - 'a') + 10;
    return UINT_MAX;
}

/* Whether s starts with "0x" and a digit behind it: a bare "0x" is the number 0 and an x. */
static bool has_hex_prefix(const char *s)
{
    return s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit_value(s[2]) < 16;
}

/* Reads digits while they last. Return: the first character behind them. */
static const char *parse_digits(const char *s, unsigned base, struct number *n)
{
    for (unsigned digit; (digit = digit_value(*s)) < base; s++) {
        if (n->magnitude > (UINT64_MAX - digit) / base)
            n->overflow = true;
        else
            n->magnitude = n->magnitude * base + digit;
    }
    return s;
}

static struct number parse(const char *s, char **end, int base)
{
    struct number n = {0};
    const char *start = s, *digits;

    if (end)
        *end = (char *)start;
    if (base < 0 || base == 1 || base > 36) {
        errno = EINVAL;
        return n;
    }
    while (isspace((unsigned char)*s))
        s++;
    n.negative = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    if ((base == 0 || base == 16) && has_hex_prefix(s)) {
        s += 2;
        base = 16;
    }
    if (base == 0)
        base = *s == '0' ? 8 : 10;
    digits = s;
    s = parse_digits(s, (unsigned)base, &n);
    if (end && s != digits)
        *end = (char *)s;
    return n;
}

long strtol(const char *restrict s, char **restrict end, int base)
{
    struct number n = parse(s, end, base);
    uint64_t limit = (uint64_t)LONG_MAX + n.negative;

    if (n.overflow || n.magnitude > limit) {
        errno = ERANGE;
        return n.negative ? LONG_MIN : LONG_MAX;
    }
    return (long)(n.negative ? 0 - n.magnitude : n.magnitude);
}

long long strtoll(const char *restrict s, char **restrict end, int base)
{
    return strtol(s, end, base); /* as long as a long */
}

unsigned long strtoul(const char *restrict s, char **restrict end, int base)
{
    struct number n = parse(s, end, base);

    if (n.overflow) {
        errno = ERANGE;
        return ULONG_MAX;
    }
    return n.negative ? 0 - n.magnitude : n.magnitude;
}

unsigned long long strtoull(const char *restrict s, char **restrict end, int base)
{
    return strtoul(s, end, base);
}

int atoi(const char *s)
{
    return (int)strtol(s, NULL, 10);
}

long atol(const char *s)
{
    return strtol(s, NULL, 10);
}

long long atoll(const char *s)
{
    return strtoll(s, NULL, 10);
}
