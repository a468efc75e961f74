/*
 * http_conditions.c - conditional and range requests.
 *
 * Called by http_respond.c once the file is known, only for requests that carry one of these fields.
 */
#include "net/apps/http_conditions.h"

#include <string.h>

#include "net/apps/http_date.h"

bool http_etag_matches(const char *list, size_t len, const char *etag, bool weak)
{
    const char *end = list + len;
    size_t etag_len = strlen(etag);
    if (len == 1 && *list == '*')
        return true;
    while (list < end) {
        if (*list == ' ' || *list == '\t' || *list == ',') {
            list++;
            continue;
        }
        bool is_weak = end - list >= 2 && list[0] == 'W' && list[1] == '/';
        if (is_weak)
            list += 2;
        const char *close = list < end && *list == '"' ? memchr(list + 1, '"', end - list - 1) : NULL;
        if (!close)
            return false; /* not a list of entity tags */
        size_t item_len = close + 1 - list;
        if ((weak || !is_weak) && item_len == etag_len && !memcmp(list, etag, etag_len))
            return true;
        list = close + 1;
    }
    return false;
}

/* Digits at *text, as a number that stops growing long before it overflows. False if there are none. */
static bool read_number(const char **text, const char *end, uint64_t *number)
{
    const char *start = *text;
    for (*number = 0; *text < end && **text >= '0' && **text <= '9'; (*text)++)
        if (*number < UINT64_MAX / 16)
            *number = *number * 10 + (**text - '0');
    return *text > start;
}

static bool has_prefix(const char *text, size_t len, const char *lower)
{
    for (; *lower; lower++, text++, len--)
        if (!len || (*text >= 'A' && *text <= 'Z' ? *text | 0x20 : *text) != *lower)
            return false;
    return true;
}

int http_range_parse(const char *text, size_t len, uint64_t size, struct http_range *range)
{
    const char *end = text + len;
    if (!has_prefix(text, len, "bytes="))
        return 200;
    text += 6;
    while (text < end && *text == ' ')
        text++;
    uint64_t first, last = UINT64_MAX;
    bool has_first = read_number(&text, end, &first);
    if (text == end || *text++ != '-')
        return 200;
    bool has_last = read_number(&text, end, &last);
    if (text != end || (!has_first && !has_last) || (has_first && has_last && last < first))
        return 200;
    if (!has_first) { /* the last `last` bytes */
        first = last < size ? size - last : 0;
        if (!last)
            return 416;
        last = UINT64_MAX;
    } else if (!has_last) {
        last = UINT64_MAX;
    }
    if (first >= size)
        return 416;
    range->first = first;
    range->count = last - first < size - first ? last - first + 1 : size - first;
    return 206;
}

static bool date_of(const struct http_request *req, const char *buf, enum http_field field, time_t *date)
{
    if (!(req->fields & HTTP_HAS(field)))
        return false;
    return http_date_parse(buf + req->value[field].start, req->value[field].len, date);
}

static bool etags_match(const struct http_request *req, const char *buf, enum http_field field,
                        const char *etag, bool weak)
{
    return http_etag_matches(buf + req->value[field].start, req->value[field].len, etag, weak);
}

/* If-Range: is what the peer has a part of still what we have? An entity tag, or a date that must be equal.
 */
static bool if_range_holds(const struct http_request *req, const char *buf, const struct http_validators *now)
{
    time_t date;
    if (!(req->fields & HTTP_HAS(HTTP_FIELD_IF_RANGE)))
        return true;
    const struct http_span *value = &req->value[HTTP_FIELD_IF_RANGE];
    if (value->len && buf[value->start] == '"')
        return http_etag_matches(buf + value->start, value->len, now->etag, false);
    return date_of(req, buf, HTTP_FIELD_IF_RANGE, &date) && date == now->mtime;
}

int http_conditions(const struct http_request *req, const char *buf, const struct http_validators *now,
                    struct http_range *range)
{
    time_t date;
    if (req->fields & HTTP_HAS(HTTP_FIELD_IF_MATCH)) {
        if (!etags_match(req, buf, HTTP_FIELD_IF_MATCH, now->etag, false))
            return 412;
    } else if (date_of(req, buf, HTTP_FIELD_IF_UNMODIFIED_SINCE, &date) && now->mtime > date) {
        return 412;
    }
    if (req->fields & HTTP_HAS(HTTP_FIELD_IF_NONE_MATCH)) {
        if (etags_match(req, buf, HTTP_FIELD_IF_NONE_MATCH, now->etag, true))
            return 304;
    } else if (date_of(req, buf, HTTP_FIELD_IF_MODIFIED_SINCE, &date) && now->mtime <= date) {
        return 304;
    }
    bool one_range =
        (req->fields & HTTP_HAS(HTTP_FIELD_RANGE)) && !(req->repeated & HTTP_HAS(HTTP_FIELD_RANGE));
    if (!one_range || req->method != HTTP_GET || !if_range_holds(req, buf, now))
        return 200;
    const struct http_span *value = &req->value[HTTP_FIELD_RANGE];
    return http_range_parse(buf + value->start, value->len, now->size, range);
}
