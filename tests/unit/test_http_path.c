/*
 * test_http_path.c - the parts between a parsed request and a file: paths, dates, conditions, ranges, types.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "net/apps/http_conditions.h"
#include "net/apps/http_date.h"
#include "net/apps/http_path.h"
#include "net/apps/http_type.h"

static void assert_path(const char *target, const char *wanted)
{
    char path[HTTP_PATH_MAX];
    int len = http_path_normalise(target, strlen(target), path);
    assert_int_equal(len, strlen(wanted));
    assert_string_equal(path, wanted);
}

static int path_error(const char *target)
{
    char path[HTTP_PATH_MAX];
    return http_path_normalise(target, strlen(target), path);
}

TEST("paths are decoded once and brought to their simplest form")
{
    assert_path("", "/");
    assert_path("/", "/");
    assert_path("//", "/");
    assert_path("/.", "/");
    assert_path("/a", "/a");
    assert_path("/a/", "/a/");
    assert_path("//a///b", "/a/b");
    assert_path("/a/./b/.", "/a/b/");
    assert_path("/a/../b", "/b");
    assert_path("/a/b/..", "/a/");
    assert_path("/a/b/../..", "/");
    assert_path("/a/%2e%2E/b", "/b");
    assert_path("/a%2fb", "/a/b");
    assert_path("/a%20b%25", "/a b%");
    assert_path("/%252e%252e/a", "/%2e%2e/a"); /* once */
    assert_path("/...", "/...");
    assert_path("/..a/.b", "/..a/.b");
    assert_path("/a\\..\\b", "/a\\..\\b"); /* an ordinary character here */
}

TEST("no path leaves the root")
{
    assert_int_equal(path_error("/.."), -400);
    assert_int_equal(path_error("/../etc/passwd"), -400);
    assert_int_equal(path_error("/a/../../b"), -400);
    assert_int_equal(path_error("/%2e%2e/b"), -400);
    assert_int_equal(path_error("/a/..%2f..%2fb"), -400);
    assert_int_equal(path_error("//../b"), -400);
    assert_int_equal(path_error("../b"), -400);
}

TEST("damaged escapes, NUL and endless paths are refused")
{
    char path[HTTP_PATH_MAX], endless[3000];
    assert_int_equal(path_error("/%"), -400);
    assert_int_equal(path_error("/%4"), -400);
    assert_int_equal(path_error("/%4g"), -400);
    assert_int_equal(path_error("/%-1"), -400);
    assert_int_equal(path_error("/%00"), -400);
    memset(endless, 'a', sizeof(endless));
    endless[0] = '/';
    assert_int_equal(http_path_normalise(endless, sizeof(endless), path), -404);
    assert_int_equal(http_path_normalise(endless, HTTP_PATH_MAX - 1, path), HTTP_PATH_MAX - 1);
}

TEST("what goes into Location or a page is escaped")
{
    char out[64];
    http_path_encode("/a b/\r\n<\xc3>~", out, sizeof(out));
    assert_string_equal(out, "/a%20b/%0D%0A%3C%C3%3E~");
    assert_int_equal(http_path_encode("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", out, 16), 0);
    http_html_escape("<a href=\"'\">&\n\xff", 15, out, sizeof(out));
    assert_string_equal(out, "&lt;a href=&quot;&#39;&quot;&gt;&amp;??");
    assert_true(http_html_escape("<<<<<<<<<<<<<<<<<<<<<<<<", 24, out, 16) < 16);
}

TEST("dates are written in the preferred form and read in all three")
{
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    char out[HTTP_DATE_LEN + 1];
    http_date_format(784111777, out);
    assert_string_equal(out, forms[0]);
    for (size_t i = 0; i < 3; i++) {
        time_t t = 0;
        assert_true(http_date_parse(forms[i], strlen(forms[i]), &t));
        assert_int_equal(t, 784111777);
        assert_false(http_date_parse(forms[i], strlen(forms[i]) - 1, &t));
    }
    time_t day;
    assert_true(http_date_parse("Thu, 29 Feb 2024 00:00:00 GMT", 29, &day));
    http_date_format(day, out);
    assert_string_equal(out, "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST("what is no date is not read as one")
{
    static const char *const bad[] = {"",
                                      ",",
                                      "0",
                                      "Sun, 06 Nov 1994 08:49:37 UTC",
                                      "Sun, 32 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nix 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 24:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:60:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT;",
                                      "Sun, 6 Nov 1994 08:49:37 GMT",
                                      "Sun Nov 6 08:49:37 1994"};
    time_t t;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(http_date_parse(bad[i], strlen(bad[i]), &t));
}

static int range_of(const char *text, uint64_t size, uint64_t first, uint64_t count)
{
    struct http_range range = {0};
    int status = http_range_parse(text, strlen(text), size, &range);
    if (status == 206) {
        assert_int_equal(range.first, first);
        assert_int_equal(range.count, count);
    }
    return status;
}

TEST("one range of bytes is understood, within the file")
{
    assert_int_equal(range_of("bytes=0-0", 100, 0, 1), 206);
    assert_int_equal(range_of("Bytes=10-19", 100, 10, 10), 206);
    assert_int_equal(range_of("bytes=90-", 100, 90, 10), 206);
    assert_int_equal(range_of("bytes=90-1000", 100, 90, 10), 206);
    assert_int_equal(range_of("bytes=-7", 100, 93, 7), 206);
    assert_int_equal(range_of("bytes=-700", 100, 0, 100), 206);
    assert_int_equal(range_of("bytes=0-18446744073709551615", 100, 0, 100), 206);
    assert_int_equal(range_of("bytes=0-99999999999999999999999999", 100, 0, 100), 206);
}

TEST("a range outside the file cannot be satisfied, whatever its numbers overflow to")
{
    assert_int_equal(range_of("bytes=100-", 100, 0, 0), 416);
    assert_int_equal(range_of("bytes=-0", 100, 0, 0), 416);
    assert_int_equal(range_of("bytes=0-", 0, 0, 0), 416);
    assert_int_equal(range_of("bytes=18446744073709551616-", 100, 0, 0), 416); /* 2^64 is not 0 */
    assert_int_equal(range_of("bytes=18446744073709551615-18446744073709551615", 100, 0, 0), 416);
}

TEST("a damaged range, and a list of ranges, is ignored")
{
    static const char *const ignored[] = {"",           "bytes",         "bytes=",    "bytes=-",
                                          "bytes=5-4",  "bytes=0-1,3-4", "bytes=a-b", "bytes=1--2",
                                          "lines=1-2",  "bytes=0x1-2",   "bytes 1-2", "bytes=1-2 x",
                                          "bytes=,1-2", "bytes=1",       "bytes=-1-2"};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        assert_int_equal(range_of(ignored[i], 100, 0, 0), 200);
}

TEST("entity tags match strongly or weakly as RFC 9110 8.8.3.2 says")
{
    static const char etag[] = "\"a-1\"";
#define MATCHES(list, weak) http_etag_matches(list, sizeof(list) - 1, etag, weak)
    assert_true(MATCHES("*", false));
    assert_true(MATCHES("\"a-1\"", false));
    assert_true(MATCHES("\"x\", \"a-1\"", false));
    assert_true(MATCHES("\"a,b\" ,W/\"a-1\"", true));
    assert_false(MATCHES("W/\"a-1\"", false));
    assert_false(MATCHES("\"a-12\"", true));
    assert_false(MATCHES("a-1", true));
    assert_false(MATCHES("\"a-1", true));
    assert_false(MATCHES("W/", true));
    assert_false(MATCHES("", true));
}

/* A file of 100 bytes, tag "t", last changed on 6 November 1994. */
static int status_of(const char *fields)
{
    char bytes[512];
    const struct http_validators now = {"\"t\"", 784111777, 100};
    struct http_request req;
    struct http_range range;
    int len = snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    http_request_init(&req);
    assert_int_equal(http_request_parse(&req, bytes, len), len);
    return http_conditions(&req, bytes, &now, &range);
}

#define SAME   "Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT\r\n"

TEST("conditions are evaluated in the order of RFC 9110 13.2.2")
{
    assert_int_equal(status_of(""), 200);
    assert_int_equal(status_of("If-Match: \"t\"\r\n"), 200);
    assert_int_equal(status_of("If-Match: \"x\"\r\n"), 412);
    assert_int_equal(status_of("If-Match: \"t\"\r\nIf-Unmodified-Since: " BEFORE), 200);
    assert_int_equal(status_of("If-Unmodified-Since: " SAME), 200);
    assert_int_equal(status_of("If-Unmodified-Since: " BEFORE), 412);
    assert_int_equal(status_of("If-None-Match: W/\"t\"\r\n"), 304);
    assert_int_equal(status_of("If-None-Match: \"x\"\r\nIf-Modified-Since: " SAME), 200);
    assert_int_equal(status_of("If-Modified-Since: " SAME), 304);
    assert_int_equal(status_of("If-Modified-Since: " BEFORE), 200);
    assert_int_equal(status_of("If-Modified-Since: yesterday\r\n"), 200);
    assert_int_equal(status_of("If-Match: \"x\"\r\nIf-None-Match: \"t\"\r\n"), 412);
    assert_int_equal(status_of("If-None-Match: \"t\"\r\nRange: bytes=0-1\r\n"), 304);
}

TEST("a range counts only while If-Range holds")
{
    assert_int_equal(status_of("Range: bytes=0-1\r\n"), 206);
    assert_int_equal(status_of("Range: bytes=200-\r\n"), 416);
    assert_int_equal(status_of("Range: bytes=0-1\r\nRange: bytes=2-3\r\n"), 200);
    assert_int_equal(status_of("Range: bytes=0-1\r\nIf-Range: \"t\"\r\n"), 206);
    assert_int_equal(status_of("Range: bytes=0-1\r\nIf-Range: W/\"t\"\r\n"), 200);
    assert_int_equal(status_of("Range: bytes=200-\r\nIf-Range: \"x\"\r\n"), 200);
    assert_int_equal(status_of("Range: bytes=0-1\r\nIf-Range: " SAME), 206);
    assert_int_equal(status_of("Range: bytes=0-1\r\nIf-Range: " BEFORE), 200);
}

TEST("types go by the last extension, whatever its case")
{
    assert_string_equal(http_type_of("/a/index.html")->name, "text/html; charset=utf-8");
    assert_string_equal(http_type_of("/a.tar.GZ")->name, "application/gzip");
    assert_string_equal(http_type_of("/a.html/b")->name, "application/octet-stream");
    assert_string_equal(http_type_of("/a.unknown")->name, "application/octet-stream");
    assert_string_equal(http_type_of("/")->name, "application/octet-stream");
}

TEST_MAIN()
