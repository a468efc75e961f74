/*
 * text.h - a text that grows: what a command gathers while it may not sleep, to be shown afterwards.
 */
#ifndef NET_APPS_TEXT_H
#define NET_APPS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data; /* NUL-terminated, NULL while empty */
    size_t len, size;
    bool failed; /* no memory: some of it is missing */
};

void text_add(struct text *text, const char *data, size_t len);
void text_printf(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *text);

/* text_add() for the calls of skiff/netfilter.h and their like. */
void text_add_out(const char *data, size_t len, void *text);

#endif
