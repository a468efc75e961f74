/*
 * http_parser.c - the head and the body framing of an HTTP/1.1 request.
 *
 * Called by http_conn.c with what recv() gave. A head is read line by line: the end of a line is looked for
 * once, whatever the cuts, and a complete line is checked and understood in one pass. RFC 9112 2 to 7; where
 * it leaves a choice between repairing and refusing, this refuses, except that a bare LF ends a line of the
 * head (2.2), which people type.
 */
#include "net/apps/http_parser.h"

#include <string.h>

enum { STAGE_START_LINE, STAGE_FIELDS };

/* Which bytes may stand where. */
enum {
    CHAR_TOKEN = 1, /* field names and methods: tchar (RFC 9110 5.6.2) */
    CHAR_HOST = 2,  /* a registered name (RFC 3986 3.2.2) */
    CHAR_TARGET = 4 /* visible ASCII, but no fragment */
};

#define SIGN_TOKEN (CHAR_TOKEN | CHAR_TARGET)
#define SIGN_HOST  (CHAR_HOST | CHAR_TARGET)
#define SIGN_BOTH  (CHAR_TOKEN | CHAR_HOST | CHAR_TARGET)

static const uint8_t char_class[256] = {
    ['0' ... '9'] = SIGN_BOTH, ['A' ... 'Z'] = SIGN_BOTH, ['a' ... 'z'] = SIGN_BOTH, ['-'] = SIGN_BOTH,
    ['.'] = SIGN_BOTH,         ['_'] = SIGN_BOTH,         ['~'] = SIGN_BOTH,         ['%'] = SIGN_BOTH,
    ['!'] = SIGN_BOTH,         ['$'] = SIGN_BOTH,         ['&'] = SIGN_BOTH,         ['\''] = SIGN_BOTH,
    ['*'] = SIGN_BOTH,         ['+'] = SIGN_BOTH,         ['^'] = SIGN_TOKEN,        ['`'] = SIGN_TOKEN,
    ['|'] = SIGN_TOKEN,        ['#'] = CHAR_TOKEN,        ['('] = SIGN_HOST,         [')'] = SIGN_HOST,
    [','] = SIGN_HOST,         [';'] = SIGN_HOST,         ['='] = SIGN_HOST,         ['"'] = CHAR_TARGET,
    ['/'] = CHAR_TARGET,       [':'] = CHAR_TARGET,       ['<'] = CHAR_TARGET,       ['>'] = CHAR_TARGET,
    ['?'] = CHAR_TARGET,       ['@'] = CHAR_TARGET,       ['['] = CHAR_TARGET,       ['\\'] = CHAR_TARGET,
    [']'] = CHAR_TARGET,       ['{'] = CHAR_TARGET,       ['}'] = CHAR_TARGET,
};

static bool is_token_char(unsigned char c)
{
    return char_class[c] & CHAR_TOKEN;
}

bool http_is_token_char(unsigned char c)
{
    return is_token_char(c);
}

void http_request_init(struct http_request *req)
{
    memset(req, 0, offsetof(struct http_request, value));
}

/* Equal but for case; `lower` is lower case and made of letters and '-', `text` of token characters. */
static bool same_name(const char *text, const char *lower, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((text[i] | 0x20) != lower[i])
            return false;
    return true;
}

static char lower_case(char c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts white space off both ends. */
static void trim(const char **text, size_t *len)
{
    while (*len && is_blank((*text)[*len - 1]))
        (*len)--;
    while (*len && is_blank(**text)) {
        (*text)++;
        (*len)--;
    }
}

/* The next element of a comma-separated list, trimmed; false at its end. */
static bool list_next(const char **list, size_t *len, const char **item, size_t *item_len)
{
    if (!*list)
        return false;
    const char *comma = memchr(*list, ',', *len);
    *item = *list;
    *item_len = comma ? (size_t)(comma - *list) : *len;
    *len -= comma ? *item_len + 1 : *len;
    *list = comma ? comma + 1 : NULL;
    trim(item, item_len);
    return true;
}

static bool same_token(const char *text, size_t len, const char *lower)
{
    for (; len; len--, text++, lower++)
        if (lower_case(*text) != *lower)
            return false;
    return !*lower;
}

bool http_list_has(const char *list, size_t len, const char *token)
{
    const char *item;
    size_t item_len;
    while (list_next(&list, &len, &item, &item_len))
        if (same_token(item, item_len, token))
            return true;
    return false;
}

/* Eight bytes at a time: is there one below 0x20, or a DEL? */
static bool has_control(uint64_t bytes)
{
    const uint64_t ones = 0x0101010101010101ull, tops = ones << 7;
    uint64_t del = bytes ^ (0x7full * ones);
    return (((bytes - 0x20 * ones) & ~bytes) | ((del - ones) & ~del)) & tops;
}

/* Is this a field-value: no controls but TAB (RFC 9110 5.5)? */
static bool value_is_clean(const char *value, size_t len)
{
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t bytes;
        memcpy(&bytes, value + i, 8);
        if (has_control(bytes))
            break;
    }
    for (; i < len; i++) {
        unsigned char c = value[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* --- request line --- */

static enum http_method method_from(const char *name, size_t len)
{
    static const char not_allowed[][8] = {"POST", "PUT", "DELETE", "CONNECT", "TRACE", "PATCH"};
    if (len == 3 && !memcmp(name, "GET", 3))
        return HTTP_GET;
    if (len == 4 && !memcmp(name, "HEAD", 4))
        return HTTP_HEAD;
    if (len == 7 && !memcmp(name, "OPTIONS", 7))
        return HTTP_OPTIONS;
    for (size_t i = 0; i < sizeof(not_allowed) / sizeof(not_allowed[0]); i++)
        if (strlen(not_allowed[i]) == len && !memcmp(name, not_allowed[i], len))
            return HTTP_NOT_ALLOWED;
    return HTTP_NOT_IMPLEMENTED;
}

/* "HTTP/d.d", in capitals (RFC 9112 2.3). 0, -400 or -505. */
static int parse_version(struct http_request *req, const char *text, size_t len)
{
    if (len != 8 || memcmp(text, "HTTP/", 5) || text[6] != '.')
        return -400;
    if (text[5] < '0' || text[5] > '9' || text[7] < '0' || text[7] > '9')
        return -400;
    if (text[5] != '1')
        return -505;
    req->version_minor = text[7] - '0';
    return 0;
}

static bool is_host_char(unsigned char c)
{
    return char_class[c] & CHAR_HOST;
}

/* uri-host [ ":" port ], the host not empty (RFC 9110 4.2.1, 7.2). */
static bool authority_is_valid(const char *text, size_t len)
{
    size_t i = 0;
    if (len && text[0] == '[') {
        const char *end = memchr(text, ']', len);
        if (!end || end - text < 3)
            return false;
        for (i = 1; text[i] != ']'; i++)
            if (!is_host_char(text[i]) && text[i] != ':')
                return false;
        i++;
    } else {
        while (i < len && is_host_char(text[i]))
            i++;
        if (!i)
            return false;
    }
    if (i < len && text[i++] != ':')
        return false;
    if (len - i > 5)
        return false;
    for (; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

/* Splits path and query, and sees whether the path is already in its simplest form. */
static void split_path(struct http_request *req, const char *buf, size_t start, size_t end)
{
    bool plain = true;
    size_t i = start;
    for (; i < end && buf[i] != '?'; i++) {
        if (buf[i] == '%')
            plain = false;
        else if ((buf[i] == '/' || buf[i] == '.') && i > start && buf[i - 1] == '/')
            plain = false;
    }
    req->path = (struct http_span){start, i - start};
    req->path_plain = plain && i > start;
    req->query = i < end ? (struct http_span){i + 1, end - i - 1} : (struct http_span){end, 0};
}

/* http://authority/path (RFC 9112 3.2.2): the authority is checked; it stands above Host. */
static int parse_absolute_form(struct http_request *req, const char *buf, size_t start, size_t end)
{
    size_t scheme = end - start > 7 && same_name(buf + start, "http", 4) ? 4 : 0;
    if (scheme && (buf[start + 4] | 0x20) == 's')
        scheme = 5;
    if (!scheme || end - start < scheme + 4 || memcmp(buf + start + scheme, "://", 3))
        return -400;
    size_t authority = start + scheme + 3, i = authority;
    while (i < end && buf[i] != '/' && buf[i] != '?')
        i++;
    if (!authority_is_valid(buf + authority, i - authority))
        return -400;
    split_path(req, buf, i, end);
    return 0;
}

static int parse_target(struct http_request *req, const char *buf, size_t start, size_t end)
{
    for (size_t i = start; i < end; i++)
        if (!(char_class[(unsigned char)buf[i]] & CHAR_TARGET))
            return -400;
    if (start == end)
        return -400;
    if (buf[start] == '/') {
        split_path(req, buf, start, end);
        return 0;
    }
    if (end - start == 1 && buf[start] == '*') {
        req->path = (struct http_span){start, 1};
        return req->method == HTTP_OPTIONS ? 0 : -400;
    }
    if (req->method == HTTP_NOT_ALLOWED && authority_is_valid(buf + start, end - start))
        return 0; /* authority-form of CONNECT, on its way to 405 */
    return parse_absolute_form(req, buf, start, end);
}

/* method SP request-target SP HTTP-version, single spaces (RFC 9112 3). */
static int parse_start_line(struct http_request *req, const char *buf, size_t start, size_t end)
{
    size_t i = start;
    while (i < end && is_token_char(buf[i]))
        i++;
    if (i == start || i == end || buf[i] != ' ')
        return -400;
    req->method = method_from(buf + start, i - start);
    size_t target = i + 1;
    const char *space = memchr(buf + target, ' ', end - target);
    if (!space)
        return -400;
    size_t target_end = space - buf;
    int status = parse_version(req, space + 1, end - target_end - 1);
    return status ? status : parse_target(req, buf, target, target_end);
}

/* --- fields --- */

static int field_from(const char *name, size_t len)
{
    static const struct {
        uint8_t len;
        const char name[20];
    } known[HTTP_FIELD_COUNT] = {
        [HTTP_FIELD_HOST] = {4, "host"},
        [HTTP_FIELD_CONNECTION] = {10, "connection"},
        [HTTP_FIELD_CONTENT_LENGTH] = {14, "content-length"},
        [HTTP_FIELD_TRANSFER_ENCODING] = {17, "transfer-encoding"},
        [HTTP_FIELD_EXPECT] = {6, "expect"},
        [HTTP_FIELD_ACCEPT_ENCODING] = {15, "accept-encoding"},
        [HTTP_FIELD_RANGE] = {5, "range"},
        [HTTP_FIELD_IF_RANGE] = {8, "if-range"},
        [HTTP_FIELD_IF_MATCH] = {8, "if-match"},
        [HTTP_FIELD_IF_NONE_MATCH] = {13, "if-none-match"},
        [HTTP_FIELD_IF_MODIFIED_SINCE] = {17, "if-modified-since"},
        [HTTP_FIELD_IF_UNMODIFIED_SINCE] = {19, "if-unmodified-since"},
    };
    for (int field = 0; field < HTTP_FIELD_COUNT; field++)
        if (known[field].len == len && same_name(name, known[field].name, len))
            return field;
    return HTTP_FIELD_COUNT;
}

/* Digits only, one value: a list, a sign or an overflow is how requests are smuggled (RFC 9112 6.3). */
static int parse_content_length(struct http_request *req, const char *value, size_t len)
{
    if (!len || len > 18)
        return -400;
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return -400;
        number = number * 10 + (value[i] - '0');
    }
    req->content_length = number;
    return 0;
}

/* The codings in order, over all lines: chunked must come last and once (RFC 9112 6.1, 6.3). */
static int parse_transfer_encoding(struct http_request *req, const char *value, size_t len)
{
    const char *item;
    size_t item_len;
    while (list_next(&value, &len, &item, &item_len)) {
        if (!item_len)
            continue;
        if (req->coding_chunked)
            return -400;
        if (same_token(item, item_len, "chunked"))
            req->coding_chunked = true;
        else
            req->coding_unknown = true;
    }
    return 0;
}

static int note_field(struct http_request *req, int field, const char *value, size_t len)
{
    switch (field) {
    case HTTP_FIELD_HOST:
        if (req->fields & HTTP_HAS(HTTP_FIELD_HOST))
            return -400;
        return authority_is_valid(value, len) ? 0 : -400;
    case HTTP_FIELD_CONNECTION:
        req->close |= http_list_has(value, len, "close");
        req->persist |= http_list_has(value, len, "keep-alive");
        return 0;
    case HTTP_FIELD_CONTENT_LENGTH:
        if (req->fields & HTTP_HAS(HTTP_FIELD_CONTENT_LENGTH))
            return -400;
        return parse_content_length(req, value, len);
    case HTTP_FIELD_TRANSFER_ENCODING:
        return parse_transfer_encoding(req, value, len);
    case HTTP_FIELD_EXPECT:
        if (req->version_minor == 0)
            return 0; /* RFC 9110 10.1.1 */
        if (!same_token(value, len, "100-continue"))
            return -417;
        req->expect_continue = true;
        return 0;
    default:
        return 0;
    }
}

static int parse_field_line(struct http_request *req, const char *buf, size_t start, size_t end)
{
    if (++req->field_count > HTTP_FIELDS_MAX)
        return -431;
    size_t colon = start;
    while (colon < end && is_token_char(buf[colon]))
        colon++;
    /* Here end also: a folded line, white space before the colon or before the first field (RFC 9112 2.2, 5).
     */
    if (colon == start || colon == end || buf[colon] != ':')
        return -400;
    const char *value = buf + colon + 1;
    size_t len = end - colon - 1;
    if (!value_is_clean(value, len))
        return -400;
    int field = field_from(buf + start, colon - start);
    if (field == HTTP_FIELD_COUNT)
        return 0;
    trim(&value, &len);
    int status = note_field(req, field, value, len);
    if (req->fields & HTTP_HAS(field)) {
        req->repeated |= HTTP_HAS(field);
    } else {
        req->fields |= HTTP_HAS(field);
        req->value[field] = (struct http_span){value - buf, len};
    }
    return status;
}

/* The head is complete: what it says about framing and connection, taken together (RFC 9112 6.3, 9.3). */
static int finish_head(struct http_request *req)
{
    if (req->version_minor >= 1 && !(req->fields & HTTP_HAS(HTTP_FIELD_HOST)))
        return -400;
    if (req->fields & HTTP_HAS(HTTP_FIELD_TRANSFER_ENCODING)) {
        if (req->version_minor == 0 || (req->fields & HTTP_HAS(HTTP_FIELD_CONTENT_LENGTH)) ||
            !req->coding_chunked)
            return -400;
        if (req->coding_unknown)
            return -501;
        req->chunked = true;
    }
    if (!req->chunked && !req->content_length)
        req->expect_continue = false;
    req->keep_alive = !req->close && (req->version_minor >= 1 || req->persist);
    return 0;
}

/* One complete line, without its LF. 0, 1 at the end of the head, or a negative status. */
static int parse_line(struct http_request *req, const char *buf, size_t start, size_t end)
{
    if (end > start && buf[end - 1] == '\r')
        end--;
    if (req->stage == STAGE_START_LINE) {
        if (start == end)
            return ++req->blank_lines > HTTP_BLANK_MAX ? -400 : 0;
        req->stage = STAGE_FIELDS;
        return parse_start_line(req, buf, start, end);
    }
    if (start == end) {
        int status = finish_head(req);
        return status ? status : 1;
    }
    return parse_field_line(req, buf, start, end);
}

/* What can be said against the line at line_start before it is complete. 0 or a negative status. */
static int check_line_begin(const struct http_request *req, const char *buf, size_t line_len)
{
    char first = buf[req->line_start];
    if (req->stage == STAGE_START_LINE && !is_token_char(first) && first != '\r' && first != '\n')
        return -400; /* not HTTP at all, a TLS handshake for example */
    if (line_len > HTTP_LINE_MAX)
        return req->stage == STAGE_START_LINE ? -414 : -431;
    return 0;
}

int http_request_parse(struct http_request *req, const char *buf, size_t len)
{
    if (len > HTTP_HEAD_MAX)
        len = HTTP_HEAD_MAX;
    while (req->scanned < len) {
        const char *lf = memchr(buf + req->scanned, '\n', len - req->scanned);
        size_t end = lf ? (size_t)(lf - buf) : len;
        int result = check_line_begin(req, buf, end - req->line_start);
        if (result)
            return result;
        req->scanned = end;
        if (!lf)
            break;
        result = parse_line(req, buf, req->line_start, end);
        req->line_start = req->scanned = end + 1;
        if (result)
            return result < 0 ? result : (int)(end + 1);
    }
    return len == HTTP_HEAD_MAX ? -431 : 0;
}

/* --- chunked bodies --- */

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_BLANK, /* between size and ';' */
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START,
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF
};

#define CHUNK_DIGITS_MAX   15u   /* 60 bits: the size and the total cannot overflow 64 (RFC 9112 7.1) */
#define CHUNK_OVERHEAD_MAX 8192u /* of extensions and trailers in one body */
#define CHUNK_TOTAL_MAX    (1ull << 62)

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(char c)
{
    return (unsigned char)c >= 0x20 ? c != 0x7f : c == '\t';
}

/* One byte of a chunk-size line. The next state, or -400. */
static int chunk_size_byte(struct http_chunked *body, char c)
{
    int digit = body->state == CHUNK_SIZE ? hex_digit(c) : -1;
    if (digit >= 0) {
        body->left = body->left << 4 | (unsigned)digit;
        return ++body->digits > CHUNK_DIGITS_MAX ? -400 : CHUNK_SIZE;
    }
    if (!body->digits)
        return -400;
    if (body->state == CHUNK_EXTENSION && is_text(c))
        return CHUNK_EXTENSION;
    if (c == ';')
        return CHUNK_EXTENSION;
    if (is_blank(c))
        return CHUNK_BLANK;
    return c == '\r' && body->state != CHUNK_BLANK ? CHUNK_SIZE_LF : -400;
}

static int chunk_size_done(struct http_chunked *body)
{
    body->digits = 0;
    if (body->left > CHUNK_TOTAL_MAX - body->total)
        return -400;
    body->total += body->left;
    return body->left ? CHUNK_DATA : CHUNK_TRAILER_START;
}

static int chunk_trailer_byte(const struct http_chunked *body, char c)
{
    if (body->state == CHUNK_TRAILER_START && c == '\r')
        return CHUNK_END_LF;
    if (body->state == CHUNK_TRAILER_VALUE)
        return c == '\r' ? CHUNK_TRAILER_LF : is_text(c) ? CHUNK_TRAILER_VALUE : -400;
    if (c == ':')
        return body->state == CHUNK_TRAILER_NAME ? CHUNK_TRAILER_VALUE : -400;
    return is_token_char(c) ? CHUNK_TRAILER_NAME : -400;
}

/* One byte that is not chunk data. The next state, or -400. */
static int chunk_byte(struct http_chunked *body, char c)
{
    switch ((enum chunk_state)body->state) {
    case CHUNK_SIZE:
    case CHUNK_BLANK:
    case CHUNK_EXTENSION:
        return chunk_size_byte(body, c);
    case CHUNK_SIZE_LF:
        return c == '\n' ? chunk_size_done(body) : -400;
    case CHUNK_DATA_CR:
        return c == '\r' ? CHUNK_DATA_LF : -400;
    case CHUNK_DATA_LF:
        return c == '\n' ? CHUNK_SIZE : -400;
    case CHUNK_TRAILER_START:
    case CHUNK_TRAILER_NAME:
    case CHUNK_TRAILER_VALUE:
        return chunk_trailer_byte(body, c);
    case CHUNK_TRAILER_LF:
        return c == '\n' ? CHUNK_TRAILER_START : -400;
    case CHUNK_END_LF:
    case CHUNK_DATA:
        break;
    }
    return -400;
}

static bool chunk_is_overhead(uint8_t state)
{
    return state == CHUNK_EXTENSION || state == CHUNK_BLANK || state == CHUNK_TRAILER_NAME ||
           state == CHUNK_TRAILER_VALUE;
}

int http_chunked_parse(struct http_chunked *body, const char *buf, size_t len, size_t *used)
{
    size_t i = 0;
    while (i < len) {
        if (body->state == CHUNK_DATA) {
            size_t take = len - i < body->left ? len - i : body->left;
            body->left -= take;
            i += take;
            if (!body->left)
                body->state = CHUNK_DATA_CR;
            continue;
        }
        char c = buf[i++];
        if (body->state == CHUNK_END_LF && c == '\n') {
            *used = i;
            return 1;
        }
        int next = chunk_byte(body, c);
        if (next < 0 || (chunk_is_overhead(next) && ++body->overhead > CHUNK_OVERHEAD_MAX))
            return -400;
        body->state = next;
    }
    *used = len;
    return 0;
}
