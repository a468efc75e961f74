/*
 * printf.c - formatting, the one engine behind printk() and everything in stdio.h.
 *
 * A conversion is first parsed into a struct spec, then its argument is fetched and turned into a
 * struct field (prefix, zeros, body), then the field is padded to its width and written.
 * No floating point. %n is not known, on purpose: text cannot write memory here.
 */
#include "libc/printf.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum length { LENGTH_INT, LENGTH_CHAR, LENGTH_SHORT, LENGTH_LONG };

struct spec {
    bool left, plus, space, alternate, zero;
    bool has_precision;
    unsigned width, precision;
    enum length length;
    char conversion;
};

/* What a conversion came to: | padding | prefix | zeros | body | padding |. */
struct field {
    const char *prefix; /* "-", "+", " ", "0x", "" */
    size_t zeros;
    const char *body;
    size_t len;
};

#define DIGITS_MAX 22 /* 64 bits in octal */

static void emit(struct printf_sink *sink, const char *text, size_t len)
{
    if (!len)
        return;
    sink->write(sink, text, len);
    sink->total += len;
}

static void emit_repeated(struct printf_sink *sink, char c, size_t count)
{
    char run[32];

    memset(run, c, sizeof(run));
    for (; count > sizeof(run); count -= sizeof(run))
        emit(sink, run, sizeof(run));
    emit(sink, run, count);
}

static void emit_field(struct printf_sink *sink, const struct spec *spec, const struct field *field)
{
    size_t prefix_len = strlen(field->prefix);
    size_t len = prefix_len + field->zeros + field->len;
    size_t padding = spec->width > len ? spec->width - len : 0;

    if (!spec->left)
        emit_repeated(sink, ' ', padding);
    emit(sink, field->prefix, prefix_len);
    emit_repeated(sink, '0', field->zeros);
    emit(sink, field->body, field->len);
    if (spec->left)
        emit_repeated(sink, ' ', padding);
}

/* A decimal number in the format; one that no field could have (above INT_MAX) becomes INT_MAX. */
static unsigned parse_number(const char **fmt)
{
    unsigned value = 0;

    for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++) {
        unsigned digit = (unsigned)(**fmt - '0');
        value = value > (INT_MAX - digit) / 10 ? INT_MAX : value * 10 + digit;
    }
    return value;
}

static void parse_flags(const char **fmt, struct spec *spec)
{
    for (;; (*fmt)++) {
        switch (**fmt) {
        case '-':
            spec->left = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '#':
            spec->alternate = true;
            break;
        case '0':
            spec->zero = true;
            break;
        default:
            return;
        }
    }
}

static void parse_width(const char **fmt, struct spec *spec, va_list *args)
{
    int value;

    if (**fmt != '*') {
        spec->width = parse_number(fmt);
        return;
    }
    (*fmt)++;
    value = va_arg(*args, int);
    spec->left |= value < 0;
    spec->width = value < 0 ? 0u - (unsigned)value : (unsigned)value;
}

static void parse_precision(const char **fmt, struct spec *spec, va_list *args)
{
    int value;

    if (**fmt != '.')
        return;
    (*fmt)++;
    spec->has_precision = true;
    if (**fmt != '*') {
        spec->precision = parse_number(fmt);
        return;
    }
    (*fmt)++;
    value = va_arg(*args, int);
    spec->has_precision = value >= 0;
    spec->precision = value < 0 ? 0 : (unsigned)value;
}

static void parse_length(const char **fmt, struct spec *spec)
{
    switch (**fmt) {
    case 'h':
        spec->length = (*fmt)[1] == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
        *fmt += (*fmt)[1] == 'h' ? 2 : 1;
        break;
    case 'l':
        spec->length = LENGTH_LONG; /* long long is as long */
        *fmt += (*fmt)[1] == 'l' ? 2 : 1;
        break;
    case 'z':
    case 'j':
    case 't':
        spec->length = LENGTH_LONG;
        (*fmt)++;
        break;
    default:
        spec->length = LENGTH_INT;
    }
}

static int64_t fetch_signed(enum length length, va_list *args)
{
    switch (length) {
    case LENGTH_CHAR:
        return (signed char)va_arg(*args, int);
    case LENGTH_SHORT:
        return (short)va_arg(*args, int);
    case LENGTH_INT:
        return va_arg(*args, int);
    case LENGTH_LONG:
        return va_arg(*args, long);
    }
    return 0;
}

static uint64_t fetch_unsigned(enum length length, va_list *args)
{
    switch (length) {
    case LENGTH_CHAR:
        return (unsigned char)va_arg(*args, unsigned);
    case LENGTH_SHORT:
        return (unsigned short)va_arg(*args, unsigned);
    case LENGTH_INT:
        return va_arg(*args, unsigned);
    case LENGTH_LONG:
        return va_arg(*args, unsigned long);
    }
    return 0;
}

/* Writes the digits of value so that they end before `end`; none at all for 0. Return: the first one. */
static char *put_digits(char *end, uint64_t value, unsigned base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

    for (; value; value /= base)
        *--end = digits[value % base];
    return end;
}

static unsigned base_of(char conversion)
{
    switch (conversion) {
    case 'o':
        return 8;
    case 'x':
    case 'X':
    case 'p':
        return 16;
    default:
        return 10;
    }
}

/* How many zeros go before `len` digits with a prefix of `prefix_len`. */
static size_t leading_zeros(const struct spec *spec, size_t prefix_len, size_t len)
{
    size_t wanted = 1; /* the number 0 has one digit */

    if (spec->has_precision)
        wanted = spec->precision;
    else if (spec->zero && !spec->left && spec->width > prefix_len + wanted)
        wanted = spec->width - prefix_len;
    if (spec->alternate && spec->conversion == 'o' && wanted <= len)
        wanted = len + 1;
    return wanted > len ? wanted - len : 0;
}

static void format_integer(struct printf_sink *sink, const struct spec *spec, uint64_t value,
                           const char *prefix)
{
    char digits[DIGITS_MAX];
    char *end = digits + sizeof(digits);
    struct field field = {.prefix = prefix};

    field.body = put_digits(end, value, base_of(spec->conversion), spec->conversion == 'X');
    field.len = (size_t)(end - field.body);
    field.zeros = leading_zeros(spec, strlen(prefix), field.len);
    emit_field(sink, spec, &field);
}

static void format_signed(struct printf_sink *sink, const struct spec *spec, int64_t value)
{
    const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    format_integer(sink, spec, magnitude, sign);
}

static void format_unsigned(struct printf_sink *sink, const struct spec *spec, uint64_t value)
{
    const char *prefix = "";

    if (value && spec->alternate && spec->conversion == 'x')
        prefix = "0x";
    if (value && spec->alternate && spec->conversion == 'X')
        prefix = "0X";
    format_integer(sink, spec, value, prefix);
}

/* At most `precision` bytes of s are looked at, so s need not end when a precision is given. */
static void format_string(struct printf_sink *sink, const struct spec *spec, const char *s)
{
    struct field field = {.prefix = "", .body = s};

    if (!s)
        field.body = spec->has_precision && spec->precision < 6 ? "" : "(null)";
    field.len = spec->has_precision ? strnlen(field.body, spec->precision) : strlen(field.body);
    emit_field(sink, spec, &field);
}

static void format_pointer(struct printf_sink *sink, struct spec *spec, const void *p)
{
    if (!p) {
        spec->has_precision = false;
        format_string(sink, spec, "(nil)");
        return;
    }
    format_integer(sink, spec, (uintptr_t)p, "0x");
}

/* Return: false if the conversion is not known; no argument has been taken then. */
static bool format_argument(struct printf_sink *sink, struct spec *spec, va_list *args)
{
    char c;

    switch (spec->conversion) {
    case 'd':
    case 'i':
        format_signed(sink, spec, fetch_signed(spec->length, args));
        return true;
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        format_unsigned(sink, spec, fetch_unsigned(spec->length, args));
        return true;
    case 'c':
        c = (char)va_arg(*args, int);
        emit_field(sink, spec, &(struct field){.prefix = "", .body = &c, .len = 1});
        return true;
    case 's':
        format_string(sink, spec, va_arg(*args, const char *));
        return true;
    case 'p':
        format_pointer(sink, spec, va_arg(*args, void *));
        return true;
    case '%':
        emit(sink, "%", 1);
        return true;
    default:
        return false;
    }
}

/* One conversion, `fmt` standing behind its '%'. Return: what follows it. */
static const char *format_conversion(struct printf_sink *sink, const char *fmt, va_list *args)
{
    const char *start = fmt;
    struct spec spec = {0};

    parse_flags(&fmt, &spec);
    parse_width(&fmt, &spec, args);
    parse_precision(&fmt, &spec, args);
    parse_length(&fmt, &spec);
    spec.conversion = *fmt;
    if (spec.conversion && format_argument(sink, &spec, args))
        return fmt + 1;
    emit(sink, "%", 1); /* not a conversion: shown as it stands */
    return start;
}

int printf_format(struct printf_sink *sink, const char *fmt, va_list args)
{
    va_list copy;

    va_copy(copy, args);
    while (*fmt) {
        const char *percent = strchrnul(fmt, '%');
        emit(sink, fmt, (size_t)(percent - fmt));
        fmt = *percent ? format_conversion(sink, percent + 1, &copy) : percent;
    }
    va_end(copy);
    if (sink->total > INT_MAX) {
        errno = EOVERFLOW;
        return -1;
    }
    return (int)sink->total;
}

/* Text into memory: what does not fit is counted only. */
struct buffer_sink {
    struct printf_sink sink; /* first: the sink's address is the buffer_sink's */
    char *buf;
    size_t room; /* bytes left, the NUL not counted */
};

static void buffer_write(struct printf_sink *self, const char *text, size_t len)
{
    struct buffer_sink *buffer = (struct buffer_sink *)self;

    if (len > buffer->room)
        len = buffer->room;
    memcpy(buffer->buf, text, len);
    buffer->buf += len;
    buffer->room -= len;
}

int vsnprintf(char *restrict buf, size_t size, const char *restrict fmt, va_list args)
{
    char nowhere;
    struct buffer_sink buffer = {.sink = {.write = buffer_write}, .buf = buf, .room = size - 1};
    int len;

    if (!size) {
        buffer.buf = &nowhere;
        buffer.room = 0;
    }
    len = printf_format(&buffer.sink, fmt, args);
    *buffer.buf = 0;
    return len;
}
