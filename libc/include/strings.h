/*
 * strings.h - comparison without case (ASCII), and the older names.
 */
#ifndef LIBC_STRINGS_H
#define LIBC_STRINGS_H

#include <stddef.h>

int strcasecmp(const char *a, const char *b);
int strncasecmp(const char *a, const char *b, size_t max);
void bzero(void *dst, size_t len);
int ffs(int value);

#endif
