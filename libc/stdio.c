/*
 * stdio.c - the printf family and the other ways to put text on the console.
 *
 * Text for the console is gathered into pieces on the stack, so that a line is one write in most
 * cases; nothing stays behind when a call returns.
 */
#include <stdio.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libc/libc_hooks.h"
#include "libc/printf.h"

struct libc_file {
    char unused;
};

static struct libc_file console_file;

FILE *const stdout = &console_file;
FILE *const stderr = &console_file;

/* Gathers text and passes it on in pieces. */
struct piece_sink {
    struct printf_sink sink; /* first: the sink's address is the piece_sink's */
    int fd;                  /* or CONSOLE */
    int error;               /* what write() failed with, or 0 */
    size_t used;
    char piece[128];
};

#define CONSOLE (-1)

static void piece_flush(struct piece_sink *out)
{
    size_t done = 0;

    if (out->fd == CONSOLE) {
        libc_console_write(out->piece, out->used);
        done = out->used;
    }
    while (done < out->used && !out->error) {
        ssize_t n = write(out->fd, out->piece + done, out->used - done);
        if (n > 0)
            done += (size_t)n;
        else
            out->error = n < 0 ? errno : EIO;
    }
    out->used = 0;
}

static void piece_write(struct printf_sink *self, const char *text, size_t len)
{
    struct piece_sink *out = (struct piece_sink *)self;

    while (len) {
        size_t n = sizeof(out->piece) - out->used;
        if (n > len)
            n = len;
        memcpy(out->piece + out->used, text, n);
        out->used += n;
        text += n;
        len -= n;
        if (out->used == sizeof(out->piece))
            piece_flush(out);
    }
}

/* fd -1 is no descriptor but the console; vdprintf() keeps it from its callers. */
static int print_pieces(int fd, const char *fmt, va_list args)
{
    struct piece_sink out;
    int len;

    out.sink = (struct printf_sink){.write = piece_write};
    out.fd = fd;
    out.error = 0;
    out.used = 0;
    len = printf_format(&out.sink, fmt, args);
    if (out.used)
        piece_flush(&out);
    if (!out.error)
        return len;
    errno = out.error;
    return -1;
}

int vprintf(const char *restrict fmt, va_list args)
{
    return print_pieces(CONSOLE, fmt, args);
}

int vfprintf(FILE *restrict file, const char *restrict fmt, va_list args)
{
    return print_pieces(CONSOLE, fmt, args);
}

int vdprintf(int fd, const char *restrict fmt, va_list args)
{
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    return print_pieces(fd, fmt, args);
}

int vsprintf(char *restrict buf, const char *restrict fmt, va_list args)
{
    size_t all_there_is = UINTPTR_MAX - (uintptr_t)buf;

    return vsnprintf(buf, all_there_is, fmt, args);
}

int vasprintf(char **restrict out, const char *restrict fmt, va_list args)
{
    int len = vsnprintf(NULL, 0, fmt, args);

    *out = len < 0 ? NULL : malloc((size_t)len + 1);
    if (!*out)
        return -1;
    return vsnprintf(*out, (size_t)len + 1, fmt, args);
}

int printf(const char *restrict fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vprintf(fmt, args);
    va_end(args);
    return len;
}

int fprintf(FILE *restrict file, const char *restrict fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vfprintf(file, fmt, args);
    va_end(args);
    return len;
}

int dprintf(int fd, const char *restrict fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vdprintf(fd, fmt, args);
    va_end(args);
    return len;
}

int sprintf(char *restrict buf, const char *restrict fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsprintf(buf, fmt, args);
    va_end(args);
    return len;
}

int snprintf(char *restrict buf, size_t size, const char *restrict fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(buf, size, fmt, args);
    va_end(args);
    return len;
}

int asprintf(char **restrict out, const char *restrict fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vasprintf(out, fmt, args);
    va_end(args);
    return len;
}

size_t fwrite(const void *restrict data, size_t size, size_t count, FILE *restrict file)
{
    libc_console_write(data, size * count);
    return count;
}

int fputs(const char *restrict s, FILE *restrict file)
{
    libc_console_write(s, strlen(s));
    return 0;
}

int fputc(int c, FILE *file)
{
    char byte = (char)c;

    libc_console_write(&byte, 1);
    return (unsigned char)byte;
}

int putc(int c, FILE *file)
{
    return fputc(c, file);
}

int putchar(int c)
{
    return fputc(c, stdout);
}

int puts(const char *s)
{
    libc_console_write(s, strlen(s));
    libc_console_write("\n", 1);
    return 0;
}

int fflush(FILE *file)
{
    return 0;
}

void perror(const char *what)
{
    const char *reason = strerror(errno);

    if (what && *what)
        printf("%s: %s\n", what, reason);
    else
        printf("%s\n", reason);
}
