/*
 * string.h - memory and strings (libc/memory.c, libc/string.c). The mem* functions move eight
 * bytes at a time and are what the data path's copies cost.
 */
#ifndef LIBC_STRING_H
#define LIBC_STRING_H

#include <stddef.h>
#include <strings.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
void *memchr(const void *s, int byte, size_t len);
void *memrchr(const void *s, int byte, size_t len);
void *memmem(const void *haystack, size_t haystack_len, const void *needle, size_t needle_len);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strcpy(char *restrict dst, const char *restrict src);
char *strncpy(char *restrict dst, const char *restrict src, size_t len);
char *strcat(char *restrict dst, const char *restrict src);

/* At most size - 1 bytes and always a NUL (if size > 0). Return: the length the result wanted to have. */
size_t strlcpy(char *restrict dst, const char *restrict src, size_t size);
size_t strlcat(char *restrict dst, const char *restrict src, size_t size);

char *strchr(const char *s, int c);
char *strchrnul(const char *s, int c); /* the end of s where strchr() gives NULL */
char *strrchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);
size_t strspn(const char *s, const char *accept);
size_t strcspn(const char *s, const char *reject);
char *strpbrk(const char *s, const char *accept);
char *strtok_r(char *restrict s, const char *restrict delimiters, char **restrict rest);
char *strsep(char **rest, const char *delimiters);

/* Copies for free(); NULL without memory. */
char *strdup(const char *s);
char *strndup(const char *s, size_t max);

/* A constant sentence for every known number; "Unknown error N" in one shared buffer for the rest. */
char *strerror(int errnum);

#endif
