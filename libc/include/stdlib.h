/*
 * stdlib.h - numbers from text, sorting, and memory from the kernel's kmalloc.
 */
#ifndef LIBC_STDLIB_H
#define LIBC_STDLIB_H

#include <stddef.h>

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define RAND_MAX     0x7fffffff

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *p, size_t size);
void *reallocarray(void *p, size_t count, size_t size);
void free(void *p);

long strtol(const char *restrict s, char **restrict end, int base);
long long strtoll(const char *restrict s, char **restrict end, int base);
unsigned long strtoul(const char *restrict s, char **restrict end, int base);
unsigned long long strtoull(const char *restrict s, char **restrict end, int base);
int atoi(const char *s);
long atol(const char *s);
long long atoll(const char *s);

int abs(int value);
long labs(long value);
long long llabs(long long value);

/* Heapsort: n log n at worst, in place, not stable. */
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *a, const void *b));
void *bsearch(const void *key, const void *base, size_t count, size_t size,
              int (*compare)(const void *key, const void *element));

/* Numbers nobody can guess: there is no seed to set. */
int rand(void);

/* Ends the machine with a panic: this is a single program. */
void abort(void) __attribute__((noreturn));

/* Ends the calling task. */
void exit(int status) __attribute__((noreturn));

#endif
