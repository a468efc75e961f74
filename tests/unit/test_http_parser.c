/*
 * test_http_parser.c - heads and chunked bodies: bytes in, request out (net/apps/http_parser.c).
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/apps/http_parser.h"

#define H   "Host: skiff\r\n"
#define END "\r\n"

/* Parses a copy of exactly these bytes, so that a sanitizer sees one read too many. */
static int parse_exact(struct http_request *req, const char *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    int result = http_request_parse(req, copy, len);
    free(copy);
    return result;
}

static int parse_whole(struct http_request *req, const char *bytes, size_t len)
{
    http_request_init(req);
    return parse_exact(req, bytes, len);
}

static void assert_same_request(const struct http_request *a, const struct http_request *b)
{
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->version_minor, b->version_minor);
    assert_int_equal(a->keep_alive, b->keep_alive);
    assert_int_equal(a->chunked, b->chunked);
    assert_int_equal(a->expect_continue, b->expect_continue);
    assert_true(a->content_length == b->content_length);
    assert_int_equal(a->fields, b->fields);
    assert_int_equal(a->repeated, b->repeated);
    assert_memory_equal(&a->path, &b->path, sizeof(a->path));
    assert_memory_equal(&a->query, &b->query, sizeof(a->query));
    for (int f = 0; f < HTTP_FIELD_COUNT; f++)
        if (a->fields & HTTP_HAS(f))
            assert_memory_equal(&a->value[f], &b->value[f], sizeof(a->value[f]));
}

/* The same bytes, cut once at every place, and then one by one: always the same result. */
static int parse_every_way(struct http_request *req, const char *bytes, size_t len)
{
    int whole = parse_whole(req, bytes, len);
    for (size_t cut = 0; cut <= len; cut++) {
        struct http_request in_two;
        int result = parse_whole(&in_two, bytes, cut);
        if (!result)
            result = parse_exact(&in_two, bytes, len);
        assert_int_equal(result, whole);
        if (whole > 0)
            assert_same_request(&in_two, req);
    }
    struct http_request bytewise;
    int result = 0;
    http_request_init(&bytewise);
    for (size_t have = 1; have <= len && !result; have++)
        result = parse_exact(&bytewise, bytes, have);
    assert_int_equal(result, whole);
    return whole;
}

struct example {
    const char *bytes;
    int result; /* 0: complete and accepted, to its last byte */
};

static void check_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct http_request req;
        size_t len = strlen(examples[i].bytes);
        int result = parse_every_way(&req, examples[i].bytes, len);
        int wanted = examples[i].result ? examples[i].result : (int)len;
        if (result != wanted)
            print_message("of %s\n", examples[i].bytes);
        assert_int_equal(result, wanted);
    }
}

#define CHECK(examples) check_examples(examples, sizeof(examples) / sizeof(examples[0]))

TEST("request lines are accepted or refused as RFC 9112 section 3 says, however they are cut")
{
    static const struct example examples[] = {
        {"GET / HTTP/1.1\r\n" H END, 0},
        {"\r\n\r\nGET / HTTP/1.1\r\n" H END, 0}, /* 2.2: empty lines before it */
        {"GET / HTTP/1.1\nHost: a\n\n", 0},      /* 2.2: a bare LF ends a line */
        {"GET / HTTP/1.0\r\n\r\n", 0},
        {"GET / HTTP/1.7\r\n" H END, 0}, /* a minor version we do not know */
        {"GET  / HTTP/1.1\r\n" H END, -400},
        {"GET / HTTP/1.1 \r\n" H END, -400},
        {" GET / HTTP/1.1\r\n" H END, -400},
        {"GET\t/ HTTP/1.1\r\n" H END, -400},
        {"GET /\r\n\r\n", -400},
        {"GET\r\n\r\n", -400},
        {"GET / http/1.1\r\n" H END, -400}, /* 2.3: case counts */
        {"GET / HTTP/1.\r\n" H END, -400},
        {"GET / HTTP/11\r\n" H END, -400},
        {"GET / HTTP/2.0\r\n" H END, -505},
        {"GET / HTTP/0.9\r\n" H END, -505},
        {"G\x01T / HTTP/1.1\r\n" H END, -400},
        {"GET /a\x7f HTTP/1.1\r\n" H END, -400},
        {"GET /\xc3\xa4 HTTP/1.1\r\n" H END, -400},
        {"GET /a#b HTTP/1.1\r\n" H END, -400},
        {"GET / HTTP/1.1\rX\r\n" H END, -400},
        {"\x16\x03\x01", -400}, /* a TLS handshake: known at its first byte */
        {"\n\n\n\n\n", -400},   /* HTTP_BLANK_MAX */
    };
    CHECK(examples);
}

TEST("a target in absolute-form is taken, with a valid authority only")
{
    static const struct example examples[] = {
        {"GET http://a.b/c HTTP/1.1\r\n" H END, 0},
        {"GET HTTPS://a.b:8443?q HTTP/1.1\r\n" H END, 0},
        {"GET http://[::1]:80/ HTTP/1.1\r\n" H END, 0},
        {"GET http:///c HTTP/1.1\r\n" H END, -400},
        {"GET http://user@a.b/ HTTP/1.1\r\n" H END, -400},
        {"GET http://a.b:port/ HTTP/1.1\r\n" H END, -400},
        {"GET http://[::1/ HTTP/1.1\r\n" H END, -400},
        {"GET ftp://a.b/ HTTP/1.1\r\n" H END, -400},
        {"GET http:/a HTTP/1.1\r\n" H END, -400},
        {"GET a/b HTTP/1.1\r\n" H END, -400},
        {"GET * HTTP/1.1\r\n" H END, -400},
        {"OPTIONS * HTTP/1.1\r\n" H END, 0},
        {"CONNECT a.b:443 HTTP/1.1\r\n" H END, 0}, /* to be answered with 405 */
    };
    CHECK(examples);
}

TEST("HTTP/1.1 needs exactly one valid Host")
{
    static const struct example examples[] = {
        {"GET / HTTP/1.1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", -400},
        {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\nHOST:10.0.2.15:8080 \t\r\n\r\n", 0},
    };
    CHECK(examples);
}

TEST("field lines that two parsers could read differently are refused")
{
    static const struct example examples[] = {
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", -400},        /* 5.1 */
        {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", -400},        /* 2.2 */
        {"GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", -400}, /* 5.2: obs-fold */
        {"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", -400},    /* 2.2: bare CR */
        {"GET / HTTP/1.1\r\n" H "X: 12345678\x01\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "X: \x7f"
         "12345678\r\n\r\n",
         -400},
        {"GET / HTTP/1.1\r\n" H "X\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H ": a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "X@: a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "X:\r\nY: \xff \t z\r\n\r\n", 0},
    };
    CHECK(examples);
}

TEST("body framing that could smuggle a request is refused")
{
    static const struct example examples[] = {
        {"GET / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" H "Content-Length: 12\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Content-Length: 1 2\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Content-Length: 1,1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: ,Chunked,\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", -501},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", -501},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", -400},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" H "Expect: something\r\n\r\n", -417},
    };
    CHECK(examples);
}

static bool kept_alive(const char *bytes)
{
    struct http_request req;
    assert_true(parse_whole(&req, bytes, strlen(bytes)) > 0);
    return req.keep_alive;
}

TEST("a connection persists as version and Connection say")
{
    assert_true(kept_alive("GET / HTTP/1.1\r\n" H END));
    assert_false(kept_alive("GET / HTTP/1.1\r\n" H "Connection: close\r\n" END));
    assert_false(kept_alive("GET / HTTP/1.1\r\n" H "Connection: upgrade , CLOSE\r\n" END));
    assert_true(kept_alive("GET / HTTP/1.1\r\n" H "Connection: closed, enclose\r\n" END));
    assert_false(kept_alive("GET / HTTP/1.0\r\n" END));
    assert_true(kept_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END));
    assert_false(kept_alive("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n" END));
}

static enum http_method method_of(const char *name)
{
    char bytes[128];
    struct http_request req;
    int len = snprintf(bytes, sizeof(bytes), "%s / HTTP/1.1\r\n" H END, name);
    assert_int_equal(parse_whole(&req, bytes, len), len);
    return req.method;
}

TEST("methods are told apart, with their case")
{
    assert_int_equal(method_of("GET"), HTTP_GET);
    assert_int_equal(method_of("HEAD"), HTTP_HEAD);
    assert_int_equal(method_of("OPTIONS"), HTTP_OPTIONS);
    assert_int_equal(method_of("POST"), HTTP_NOT_ALLOWED);
    assert_int_equal(method_of("CONNECT"), HTTP_NOT_ALLOWED);
    assert_int_equal(method_of("get"), HTTP_NOT_IMPLEMENTED);
    assert_int_equal(method_of("GETS"), HTTP_NOT_IMPLEMENTED);
    assert_int_equal(method_of("POS"), HTTP_NOT_IMPLEMENTED);
}

static void assert_span(const char *bytes, struct http_span span, const char *wanted)
{
    assert_int_equal(span.len, strlen(wanted));
    assert_memory_equal(bytes + span.start, wanted, span.len);
}

TEST("path, query and the fields that matter are found where they are")
{
    static const char bytes[] = "GET /a/b.c?x=/../ HTTP/1.1\r\nUser-Agent: t\r\nrange: \t bytes=1-2 \r\n" H
                                "If-None-Match: \"1\"\r\nRange: bytes=3-4\r\n\r\nGET ";
    struct http_request req;
    assert_int_equal(parse_every_way(&req, bytes, sizeof(bytes) - 1), sizeof(bytes) - 5);
    assert_span(bytes, req.path, "/a/b.c");
    assert_span(bytes, req.query, "x=/../");
    assert_span(bytes, req.value[HTTP_FIELD_RANGE], "bytes=1-2");
    assert_span(bytes, req.value[HTTP_FIELD_IF_NONE_MATCH], "\"1\"");
    assert_int_equal(req.fields, HTTP_HAS(HTTP_FIELD_HOST) | HTTP_HAS(HTTP_FIELD_RANGE) |
                                     HTTP_HAS(HTTP_FIELD_IF_NONE_MATCH));
    assert_int_equal(req.repeated, HTTP_HAS(HTTP_FIELD_RANGE));
    assert_true(req.path_plain);
}

static bool is_plain(const char *target)
{
    char bytes[128];
    struct http_request req;
    int len = snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\n" H END, target);
    assert_int_equal(parse_whole(&req, bytes, len), len);
    return req.path_plain;
}

TEST("only a path that needs no normalising is called plain")
{
    assert_true(is_plain("/"));
    assert_true(is_plain("/a/b.html?%41//../"));
    assert_false(is_plain("/a%41"));
    assert_false(is_plain("/a//b"));
    assert_false(is_plain("/a/../b"));
    assert_false(is_plain("/./b"));
    assert_false(is_plain("//"));
    assert_false(is_plain("/.hidden")); /* needless here, and harmless */
    assert_false(is_plain("http://a"));
}

/* `len` bytes of 'a' between two texts. */
static int parse_long(const char *before, size_t len, const char *after)
{
    size_t size = strlen(before) + len + strlen(after);
    char *bytes = malloc(size + 1);
    struct http_request req;
    sprintf(bytes, "%s%*s%s", before, (int)len, "", after);
    memset(bytes + strlen(before), 'a', len);
    int result = parse_whole(&req, bytes, size);
    struct http_request pieces;
    int in_pieces = 0;
    http_request_init(&pieces);
    for (size_t have = 1; have <= size && !in_pieces; have += 97)
        in_pieces = http_request_parse(&pieces, bytes, have);
    if (!in_pieces)
        in_pieces = http_request_parse(&pieces, bytes, size);
    assert_int_equal(in_pieces, result);
    free(bytes);
    return result == (int)size ? 0 : result;
}

TEST("lengths are bounded: 8000 bytes of target pass, more than a line is 414, fields are 431")
{
    assert_int_equal(parse_long("GET /", 8000, " HTTP/1.1\r\n" H END), 0);
    assert_int_equal(parse_long("GET /", 9000, " HTTP/1.1\r\n" H END), -414);
    assert_int_equal(parse_long("GET /", 1000000, ""), -414);
    assert_int_equal(parse_long("", 1000000, ""), -414);
    assert_int_equal(parse_long("GET / HTTP/1.1\r\n" H "X: ", 8000, "\r\n\r\n"), 0);
    assert_int_equal(parse_long("GET / HTTP/1.1\r\n" H "X: ", 9000, "\r\n\r\n"), -431);
    assert_int_equal(parse_long("GET / HTTP/1.1\r\n" H "X: ", 70000, "\r\n\r\n"), -431);
}

static size_t append(char *bytes, size_t len, const char *text)
{
    memcpy(bytes + len, text, strlen(text));
    return len + strlen(text);
}

TEST("a head of more than 100 fields is 431")
{
    char bytes[2048];
    struct http_request req;
    size_t len = append(bytes, 0, "GET / HTTP/1.1\r\n" H);
    for (int i = 0; i < 99; i++)
        len = append(bytes, len, "X: y\r\n");
    size_t end = append(bytes, len, "\r\n");
    assert_int_equal(parse_whole(&req, bytes, end), end);
    end = append(bytes, len, "X: y\r\n\r\n");
    assert_int_equal(parse_whole(&req, bytes, end), -431);
}

TEST("a head of more than 16 KiB is 431")
{
    static char bytes[HTTP_HEAD_MAX + 4096];
    struct http_request req;
    int result = 0;
    size_t len = append(bytes, 0, "GET / HTTP/1.1\r\n" H);
    while (len < HTTP_HEAD_MAX + 1000) {
        len = append(bytes, len, "X: ");
        memset(bytes + len, 'y', 1000);
        len = append(bytes, len + 1000, "\r\n");
    }
    assert_int_equal(parse_whole(&req, bytes, len), -431);
    http_request_init(&req);
    for (size_t have = 1; have <= len && !result; have++)
        result = http_request_parse(&req, bytes, have);
    assert_int_equal(result, -431);
}

/* --- chunked bodies --- */

struct chunk_result {
    int status;
    size_t used;
    uint64_t total;
};

/* All at once, and cut at every place. */
static struct chunk_result parse_chunks(const char *bytes)
{
    size_t len = strlen(bytes);
    struct chunk_result whole = {0};
    for (size_t cut = 0; cut <= len; cut++) {
        struct http_chunked body = {0};
        size_t used = 0, more = 0;
        int status = http_chunked_parse(&body, bytes, cut, &used);
        if (!status) {
            assert_int_equal(used, cut);
            status = http_chunked_parse(&body, bytes + cut, len - cut, &more);
        }
        if (!cut)
            whole = (struct chunk_result){status, more, body.total};
        assert_int_equal(status, whole.status);
        assert_true(status < 0 || body.total == whole.total);
        if (status == 1)
            assert_int_equal(used + more, whole.used);
    }
    return whole;
}

TEST("chunked bodies end where they end, with extensions and trailers ignored")
{
    static const struct {
        const char *bytes;
        size_t rest;
        uint64_t total;
    } good[] = {
        {"0\r\n\r\n", 0, 0},
        {"3\r\nabc\r\n0\r\n\r\nGET /", 5, 3},
        {"0000000000a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", 0, 20},
        {"1;a=b;c=\"d;e\"\r\nx\r\n0;last\r\n\r\n", 0, 1},
        {"1 ;a\r\nx\r\n0\r\n\r\n", 0, 1},
        {"1\r\n\r\r\n0\r\nTrailer: value\r\nX:\r\n\r\n!", 1, 1},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct chunk_result result = parse_chunks(good[i].bytes);
        assert_int_equal(result.status, 1);
        assert_int_equal(result.used, strlen(good[i].bytes) - good[i].rest);
        assert_true(result.total == good[i].total);
    }
}

TEST("damaged chunks are refused")
{
    static const char *const bad[] = {
        "\r\n",
        "x\r\n",
        ";a\r\n",
        " 1\r\nx",
        "-1\r\n",
        "+1\r\n",
        "0x1\r\n",
        "1 \r\nx",
        "1\nx\r\n",
        "1\r\nxy\r\n",
        "1\r\nx\n0\r\n",
        "1\r\nx\rz",
        "1\r\nx0\r\n",
        "1;a\nb\r\n",
        "1;\x01\r\n",
        "10000000000000000\r\n",
        "ffffffffffffffff\r\n",
        "0\r\n:v\r\n\r\n",
        "0\r\nT v\r\n\r\n",
        "0\r\n T: v\r\n\r\n",
        "0\r\nT: v\n\r\n",
        "0\r\n\rX",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct chunk_result result = parse_chunks(bad[i]);
        if (result.status != -400)
            print_message("of %s\n", bad[i]);
        assert_int_equal(result.status, -400);
    }
}

TEST("endless chunk extensions and trailers are refused")
{
    char *bytes = malloc(20000);
    size_t used;
    memset(bytes, 'a', 20000);
    struct http_chunked body = {0};
    assert_int_equal(http_chunked_parse(&body, "1;", 2, &used), 0);
    assert_int_equal(http_chunked_parse(&body, bytes, 20000, &used), -400);
    body = (struct http_chunked){0};
    assert_int_equal(http_chunked_parse(&body, "0\r\nT:", 5, &used), 0);
    assert_int_equal(http_chunked_parse(&body, bytes, 20000, &used), -400);
    free(bytes);
}

TEST("the announced total cannot overflow")
{
    struct http_chunked body = {0};
    size_t used;
    body.total = UINT64_MAX / 4;
    assert_int_equal(http_chunked_parse(&body, "fffffffffffffff\r\n", 17, &used), -400);
}

TEST_MAIN()
