/*
 * printf.h - between the formatter (printf.c) and those who take its text.
 */
#ifndef LIBC_PRINTF_H
#define LIBC_PRINTF_H

#include <stdarg.h>
#include <stddef.h>

/* Where formatted text goes, piece by piece. Embedded by its owner. */
struct printf_sink {
    void (*write)(struct printf_sink *self, const char *text, size_t len);
    size_t total; /* bytes handed to write() so far */
};

/* Return: the number of bytes, or -1 with EOVERFLOW when an int cannot hold it. */
int printf_format(struct printf_sink *sink, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
