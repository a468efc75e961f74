/*
 * stdio.h - formatted text, into memory or onto the console (libc/printf.c, libc/stdio.c).
 *
 * Conversions: d i u o x X c s p %; flags - + space # 0, width, precision, hh h l ll z j t.
 * There is no floating point in this machine, so no e f g a. stdout and stderr are both the console,
 * unbuffered; there are no files to open here (see fcntl.h).
 */
#ifndef LIBC_STDIO_H
#define LIBC_STDIO_H

#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

#define EOF      (-1)
#define BUFSIZ   8192
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

typedef struct libc_file FILE;
extern FILE *const stdout;
extern FILE *const stderr;
#define stdout stdout
#define stderr stderr

int printf(const char *restrict fmt, ...) __attribute__((format(printf, 1, 2)));
int fprintf(FILE *restrict file, const char *restrict fmt, ...) __attribute__((format(printf, 2, 3)));
int dprintf(int fd, const char *restrict fmt, ...) __attribute__((format(printf, 2, 3)));
int sprintf(char *restrict buf, const char *restrict fmt, ...) __attribute__((format(printf, 2, 3)));
int snprintf(char *restrict buf, size_t size, const char *restrict fmt, ...)
    __attribute__((format(printf, 3, 4)));
int asprintf(char **restrict out, const char *restrict fmt, ...) __attribute__((format(printf, 2, 3)));

int vprintf(const char *restrict fmt, va_list args) __attribute__((format(printf, 1, 0)));
int vfprintf(FILE *restrict file, const char *restrict fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
int vdprintf(int fd, const char *restrict fmt, va_list args) __attribute__((format(printf, 2, 0)));
int vsprintf(char *restrict buf, const char *restrict fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
int vsnprintf(char *restrict buf, size_t size, const char *restrict fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
int vasprintf(char **restrict out, const char *restrict fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

int puts(const char *s);
int putchar(int c);
int putc(int c, FILE *file);
int fputc(int c, FILE *file);
int fputs(const char *restrict s, FILE *restrict file);
size_t fwrite(const void *restrict data, size_t size, size_t count, FILE *restrict file);
int fflush(FILE *file);

/* "what: reason of errno" as one line on the console. */
void perror(const char *what);

#endif
