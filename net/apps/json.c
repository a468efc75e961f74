/*
 * json.c - reading and writing short JSON objects (RFC 8259); used by iperf3.c.
 *
 * The reader is one recursive walk that only tells where a value ends. Each skip_...() takes a position
 * and gives the one behind what it found, or NULL if it is not well-formed; NULL in is NULL out.
 */
#include "net/apps/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct scan {
    const char *end;
    unsigned depth;
    /* The member that is looked for, of the outermost object; NULL: none. */
    const char *key;
    const char *value, *value_end; /* where it is; the last one wins if a name stands twice (RFC 8259 4) */
};

static const char *skip_value(struct scan *scan, const char *p);

static const char *skip_space(const struct scan *scan, const char *p)
{
    while (p && p < scan->end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* This one character, and white space around it. */
static const char *skip_char(const struct scan *scan, const char *p, char c)
{
    p = skip_space(scan, p);
    return p && p < scan->end && *p == c ? skip_space(scan, p + 1) : NULL;
}

static bool at(const struct scan *scan, const char *p, char c)
{
    return p && p < scan->end && *p == c;
}

static const char *skip_string(const struct scan *scan, const char *p)
{
    if (!at(scan, p, '"'))
        return NULL;
    for (p++; p < scan->end && *p != '"'; p++) {
        if ((unsigned char)*p < ' ')
            return NULL;
        if (*p == '\\' && ++p >= scan->end)
            return NULL;
    }
    return p < scan->end ? p + 1 : NULL;
}

static const char *skip_digits(const struct scan *scan, const char *p)
{
    const char *start = p;
    while (p && p < scan->end && *p >= '0' && *p <= '9')
        p++;
    return p == start ? NULL : p;
}

static const char *skip_number(const struct scan *scan, const char *p)
{
    p = skip_digits(scan, p + (*p == '-'));
    if (at(scan, p, '.'))
        p = skip_digits(scan, p + 1);
    if (at(scan, p, 'e') || at(scan, p, 'E')) {
        p++;
        p = skip_digits(scan, p + (at(scan, p, '+') || at(scan, p, '-')));
    }
    return p;
}

static const char *skip_word(const struct scan *scan, const char *p)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i]);
        if (len <= (size_t)(scan->end - p) && !memcmp(p, words[i], len))
            return p + len;
    }
    return NULL;
}

static const char *skip_member(struct scan *scan, const char *p)
{
    const char *name = p, *name_end = skip_string(scan, p), *value = skip_char(scan, name_end, ':');
    p = skip_value(scan, value);
    if (p && scan->depth == 1 && scan->key && (size_t)(name_end - name) == strlen(scan->key) + 2 &&
        !memcmp(name + 1, scan->key, strlen(scan->key))) {
        scan->value = value;
        scan->value_end = p;
    }
    return p;
}

/* An object or an array: members with commas in between. */
static const char *skip_group(struct scan *scan, const char *p, char close,
                              const char *(*skip_one)(struct scan *scan, const char *p))
{
    if (scan->depth == JSON_DEPTH_MAX)
        return NULL;
    scan->depth++;
    p = skip_space(scan, p + 1);
    if (!at(scan, p, close)) {
        p = skip_space(scan, skip_one(scan, p));
        while (at(scan, p, ','))
            p = skip_space(scan, skip_one(scan, skip_space(scan, p + 1)));
    }
    scan->depth--;
    return at(scan, p, close) ? p + 1 : NULL;
}

static const char *skip_value(struct scan *scan, const char *p)
{
    if (!p || p >= scan->end)
        return NULL;
    if (*p == '{')
        return skip_group(scan, p, '}', skip_member);
    if (*p == '[')
        return skip_group(scan, p, ']', skip_value);
    if (*p == '"')
        return skip_string(scan, p);
    if (*p == '-' || (*p >= '0' && *p <= '9'))
        return skip_number(scan, p);
    return skip_word(scan, p);
}

/* Walks over the whole document. Return: whether it is an object; scan tells where the member `key` is. */
static bool walk(struct scan *scan, const char *doc, size_t len, const char *key)
{
    *scan = (struct scan){.end = doc + len, .key = key};
    const char *p = skip_space(scan, doc);
    if (!at(scan, p, '{'))
        return false;
    return skip_space(scan, skip_value(scan, p)) == scan->end;
}

bool json_is_object(const char *doc, size_t len)
{
    struct scan scan;
    return walk(&scan, doc, len, NULL);
}

int64_t json_get_number(const char *doc, size_t len, const char *key, int64_t otherwise)
{
    struct scan scan;
    if (!walk(&scan, doc, len, key) || !scan.value)
        return otherwise;
    const char *p = scan.value;
    bool negative = *p == '-';
    uint64_t number = 0;
    p += negative;
    if (*p < '0' || *p > '9')
        return otherwise;
    for (; p < scan.value_end && *p >= '0' && *p <= '9'; p++)
        number = number > (INT64_MAX - 9) / 10 ? INT64_MAX : number * 10 + (uint64_t)(*p - '0');
    return negative ? -(int64_t)number : (int64_t)number;
}

bool json_get_true(const char *doc, size_t len, const char *key)
{
    struct scan scan;
    return walk(&scan, doc, len, key) && scan.value && *scan.value == 't';
}

bool json_get_string(const char *doc, size_t len, const char *key, char *out, size_t size)
{
    struct scan scan;
    *out = '\0';
    if (!walk(&scan, doc, len, key) || !scan.value || *scan.value != '"')
        return false;
    size_t value_len = (size_t)(scan.value_end - scan.value) - 2;
    if (value_len >= size)
        return false;
    memcpy(out, scan.value + 1, value_len);
    out[value_len] = '\0';
    return true;
}

/* --- writing --- */

void json_start(struct json_writer *w, char *text, size_t size)
{
    *w = (struct json_writer){.text = text, .size = size};
    *text = '\0';
}

static void __attribute__((format(printf, 2, 3))) put(struct json_writer *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(w->text + w->len, w->size - w->len, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < w->size - w->len) {
        w->len += (size_t)len;
    } else {
        w->text[w->len] = '\0';
        w->full = true;
    }
}

static void put_key(struct json_writer *w, const char *key)
{
    if (w->comma)
        put(w, ",");
    if (key)
        put(w, "\"%s\":", key);
    w->comma = true;
}

void json_open(struct json_writer *w, const char *key, char bracket)
{
    put_key(w, key);
    put(w, "%c", bracket);
    w->comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
    put(w, "%c", bracket);
    w->comma = true;
}

void json_put_number(struct json_writer *w, const char *key, int64_t value)
{
    put_key(w, key);
    put(w, "%lld", (long long)value);
}

void json_put_micro(struct json_writer *w, const char *key, int64_t millionths)
{
    put_key(w, key);
    put(w, "%s%lld.%06lld", millionths < 0 ? "-" : "",
        (long long)(millionths < 0 ? -millionths : millionths) / 1000000,
        (long long)(millionths < 0 ? -millionths : millionths) % 1000000);
}

void json_put_word(struct json_writer *w, const char *key, const char *value)
{
    put_key(w, key);
    put(w, "\"%s\"", value);
}
