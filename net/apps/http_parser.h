/*
 * http_parser.h - bytes in, request out: the head and the body framing of HTTP/1.1 (RFC 9110, RFC 9112).
 *
 * Pure and incremental: nothing is allocated, nothing is kept but what stands in the structs here, and a
 * request gives the same result however its bytes were cut on the way. A request refers to its parts by
 * offset into the caller's buffer, so the buffer may move between two calls.
 *
 * What two parsers could read differently is refused rather than repaired (request smuggling).
 */
#ifndef NET_APPS_HTTP_PARSER_H
#define NET_APPS_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_LINE_MAX   8192u  /* bytes of one line without its LF: 414 or 431 beyond (RFC 9112 3) */
#define HTTP_HEAD_MAX   16384u /* bytes of a whole head: 431 beyond */
#define HTTP_FIELDS_MAX 100u   /* field lines: 431 beyond */
#define HTTP_BLANK_MAX  4u     /* empty lines before a request line that are overlooked (RFC 9112 2.2) */

/* A range of the caller's buffer. */
struct http_span {
    uint16_t start, len;
};

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_OPTIONS,
    HTTP_NOT_ALLOWED,    /* a method of RFC 9110 or 5789 that a web site does not take: 405 */
    HTTP_NOT_IMPLEMENTED /* any other: 501 */
};

/* The fields somebody looks at later; all others are checked and passed over. */
enum http_field {
    HTTP_FIELD_HOST,
    HTTP_FIELD_CONNECTION,
    HTTP_FIELD_CONTENT_LENGTH,
    HTTP_FIELD_TRANSFER_ENCODING,
    HTTP_FIELD_EXPECT,
    HTTP_FIELD_ACCEPT_ENCODING,
    HTTP_FIELD_RANGE,
    HTTP_FIELD_IF_RANGE,
    HTTP_FIELD_IF_MATCH,
    HTTP_FIELD_IF_NONE_MATCH,
    HTTP_FIELD_IF_MODIFIED_SINCE,
    HTTP_FIELD_IF_UNMODIFIED_SINCE,
    HTTP_FIELD_COUNT
};

#define HTTP_HAS(field) (1u << (field))

/* The fields that can make the answer to a GET something other than 200. */
#define HTTP_CONDITIONAL_FIELDS                                                                              \
    (HTTP_HAS(HTTP_FIELD_RANGE) | HTTP_HAS(HTTP_FIELD_IF_RANGE) | HTTP_HAS(HTTP_FIELD_IF_MATCH) |            \
     HTTP_HAS(HTTP_FIELD_IF_NONE_MATCH) | HTTP_HAS(HTTP_FIELD_IF_MODIFIED_SINCE) |                           \
     HTTP_HAS(HTTP_FIELD_IF_UNMODIFIED_SINCE))

struct http_request {
    /* Progress, for the parser only. */
    uint32_t line_start; /* of the line that is not complete yet */
    uint32_t scanned;    /* no LF between line_start and here */
    uint8_t stage, blank_lines;
    uint16_t field_count;
    bool close, persist; /* options of Connection */
    bool coding_unknown, coding_chunked;

    /* Known as soon as the request line is complete. */
    enum http_method method;
    uint8_t version_minor; /* of HTTP/1.x */
    bool path_plain;       /* the path needs no decoding and no normalising */
    struct http_span path; /* "/..." still percent-encoded, or "*", or empty for absolute-form without path */
    struct http_span query; /* behind the '?' */

    /* Known when the head is complete. */
    bool keep_alive;      /* the peer lets the connection stand */
    bool expect_continue; /* the peer waits for 100 before it sends the body */
    bool chunked;         /* body framing: chunked, else content_length bytes */
    uint64_t content_length;
    uint32_t fields;   /* HTTP_HAS() of those present */
    uint32_t repeated; /* HTTP_HAS() of those that came more than once; value[] is the first */
    struct http_span value[HTTP_FIELD_COUNT]; /* valid where `fields` says so */
};

void http_request_init(struct http_request *req);

/**
 * http_request_parse - read the head of a request, as far as it has come
 * @req: from http_request_init(), or from the last call for the same request
 * @buf, @len: all that has come of this request so far, from its first byte; more than the head does not
 * matter
 *
 * Return: bytes of the head, or 0 if it is not complete yet, or the negative status to answer with (-400,
 * -414, -417, -431, -501, -505), after which the connection must be closed: where the next request starts is
 * unknown.
 */
int http_request_parse(struct http_request *req, const char *buf, size_t len);

/* Reads a chunked body (RFC 9112 7.1) and throws it away. Zeroed to start. */
struct http_chunked {
    uint64_t left;     /* bytes of the current chunk still to come; the size while it is being read */
    uint64_t total;    /* of all chunks announced so far */
    uint32_t overhead; /* bytes of chunk extensions and trailers */
    uint8_t state, digits;
};

/**
 * http_chunked_parse - the next bytes of a chunked body
 * @used: bytes of buf that belong to it (all, unless 1 is returned)
 *
 * Chunk extensions and trailers are checked and ignored, up to a bound.
 * Return: 1 the body is complete; 0 more to come; -400 damaged.
 */
int http_chunked_parse(struct http_chunked *body, const char *buf, size_t len, size_t *used);

/* Is `token` (lower case) an element of a comma-separated list, whatever its case? */
bool http_list_has(const char *list, size_t len, const char *token);

/* A byte that may stand in a token: field names, methods (RFC 9110 5.6.2). */
bool http_is_token_char(unsigned char c);

#endif
