/*
 * http_conditions.h - what Range, If-Match and their kin make of a GET (RFC 9110 13 and 14).
 */
#ifndef NET_APPS_HTTP_CONDITIONS_H
#define NET_APPS_HTTP_CONDITIONS_H

#include <time.h>

#include "net/apps/http_parser.h"

/* What the server knows of the representation it would send. */
struct http_validators {
    const char *etag; /* strong, with its quotes */
    time_t mtime;
    uint64_t size;
};

struct http_range {
    uint64_t first, count;
};

/**
 * http_conditions - evaluate them in the order of RFC 9110 13.2.2
 * @buf: the buffer `req` refers to
 * @range: which bytes to send, when the answer is 206
 *
 * A damaged date, a damaged Range, and more than one range are ignored, as the RFC allows: the answer is then
 * the whole file, once, so that no list of ranges multiplies it (CVE-2011-3192).
 * Return: 200, 206, 304, 412 or 416.
 */
int http_conditions(const struct http_request *req, const char *buf, const struct http_validators *now,
                    struct http_range *range);

/**
 * http_range_parse - one "bytes=" range
 * Return: 206 and *range, 416 (cannot be satisfied), or 200 (to be ignored).
 */
int http_range_parse(const char *text, size_t len, uint64_t size, struct http_range *range);

/* Does the list of entity tags ("*" is any) have this one? Strong comparison, or weak (RFC 9110 8.8.3.2). */
bool http_etag_matches(const char *list, size_t len, const char *etag, bool weak);

#endif
