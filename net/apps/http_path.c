/*
 * http_path.c - request target to file name: percent-decoding exactly once, then normalising.
 *
 * Called by http_respond.c before any file is opened. What comes out cannot name anything outside the root:
 * it starts with '/', and no segment is "." or "..".
 */
#include "net/apps/http_path.h"

#include <stdbool.h>
#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoding. Return: length, -400 or -404. */
static int decode(const char *path, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)path[i];
        if (c == '%') {
            int high = len - i > 2 ? hex_value(path[i + 1]) : -1;
            int low = len - i > 2 ? hex_value(path[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -400;
            c = high << 4 | low;
            i += 2;
        }
        if (!c)
            return -400;
        if (n == HTTP_PATH_MAX - 1)
            return -404;
        out[n++] = c;
    }
    out[n] = 0;
    return n;
}

int http_path_normalise(const char *path, size_t len, char *out)
{
    int end = decode(path, len, out);
    if (end < 0)
        return end;
    if (end && out[0] != '/')
        return -400;
    int to = 0, from = 0; /* to <= from: segments move down in place; out[0..to) never ends in '/' */
    while (from < end) {
        int start = from + 1; /* behind the slash */
        int stop = start;
        while (stop < end && out[stop] != '/')
            stop++;
        int seg = stop - start;
        bool last = stop >= end;
        if (seg == 2 && out[start] == '.' && out[start + 1] == '.') {
            if (!to)
                return -400;
            while (out[--to] != '/')
                ;
        } else if (seg && !(seg == 1 && out[start] == '.')) {
            out[to++] = '/';
            memmove(out + to, out + start, seg);
            to += seg;
            if (last) {
                out[to] = 0;
                return to;
            }
        }
        from = stop;
    }
    out[to++] = '/'; /* ended in '/', "." or "..": a directory */
    out[to] = 0;
    return to;
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~' || c == '/';
}

size_t http_path_encode(const char *path, char *out, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;
    for (; *path; path++) {
        unsigned char c = *path;
        if (size - n < 4)
            return 0;
        if (is_unreserved(c)) {
            out[n++] = c;
        } else {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    out[n] = 0;
    return n;
}

static const char *html_entity(char c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

size_t http_html_escape(const char *text, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len && size - n > 8; i++) {
        const char *entity = html_entity(text[i]);
        if (entity) {
            size_t entity_len = strlen(entity);
            memcpy(out + n, entity, entity_len);
            n += entity_len;
        } else {
            out[n++] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
        }
    }
    out[n] = 0;
    return n;
}
