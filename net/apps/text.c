/*
 * text.c - a text that grows.
 */
#include "net/apps/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST 512u

/* Room for `more` bytes and a NUL. */
static bool text_grow(struct text *text, size_t more)
{
    size_t size = text->size ? text->size : TEXT_FIRST;
    while (size - text->len <= more)
        size *= 2;
    if (size == text->size)
        return true;
    char *data = realloc(text->data, size);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->size = size;
    return true;
}

void text_add(struct text *text, const char *data, size_t len)
{
    if (!text_grow(text, len))
        return;
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void text_printf(struct text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || !text_grow(text, (size_t)len))
        return;
    va_start(args, fmt);
    vsnprintf(text->data + text->len, (size_t)len + 1, fmt, args);
    va_end(args);
    text->len += (size_t)len;
}

void text_free(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

void text_add_out(const char *data, size_t len, void *text)
{
    text_add(text, data, len);
}
