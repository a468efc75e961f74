/*
 * fuzz_http.c - libFuzzer on everything of the web server that reads a stranger's bytes.
 *
 * The first byte says where the input is cut in two: a head and a chunked body must give the same result cut
 * and whole. What a request carries is then put through path, conditions and escaping, and their promises are
 * checked. The same bytes are read as a DHCP reply.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/apps/dhcp_message.h"
#include "net/apps/http_conditions.h"
#include "net/apps/http_date.h"
#include "net/apps/http_parser.h"
#include "net/apps/http_path.h"

#define CHECK(truth)                                                                                         \
    do {                                                                                                     \
        if (!(truth))                                                                                        \
            abort();                                                                                         \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *text, size_t len)
{
    char path[HTTP_PATH_MAX], encoded[3 * HTTP_PATH_MAX + 1], again[HTTP_PATH_MAX];
    int n = http_path_normalise(text, len, path);
    if (n < 0)
        return;
    CHECK(path[0] == '/' && strlen(path) == (size_t)n && !strstr(path, "//"));
    CHECK(!strstr(path, "/../") && !strstr(path, "/./"));
    CHECK(n < 3 || strcmp(path + n - 3, "/..") != 0);
    size_t encoded_len = http_path_encode(path, encoded, sizeof(encoded));
    CHECK(encoded_len && http_path_normalise(encoded, encoded_len, again) == n && !strcmp(path, again));
}

static void check_conditions(const struct http_request *req, const char *buf)
{
    const struct http_validators now = {"\"5e0be100-64\"", 1577836800, 100};
    struct http_range range;
    int status = http_conditions(req, buf, &now, &range);
    CHECK(status == 200 || status == 206 || status == 304 || status == 412 || status == 416);
    if (status == 206)
        CHECK(range.count && range.first < now.size && range.count <= now.size - range.first);
}

static void check_head(const char *buf, size_t len, size_t cut)
{
    struct http_request whole, pieces;
    http_request_init(&whole);
    http_request_init(&pieces);
    int result = http_request_parse(&whole, buf, len);
    int in_pieces = http_request_parse(&pieces, buf, cut);
    if (!in_pieces)
        in_pieces = http_request_parse(&pieces, buf, len);
    CHECK(result == in_pieces && result <= (int)len);
    if (result <= 0)
        return;
    CHECK(whole.fields == pieces.fields && whole.content_length == pieces.content_length);
    CHECK(whole.path.start + whole.path.len <= result && whole.query.start + whole.query.len <= result);
    for (int field = 0; field < HTTP_FIELD_COUNT; field++)
        if (whole.fields & HTTP_HAS(field))
            CHECK(whole.value[field].start + whole.value[field].len <= result);
    check_path(buf + whole.path.start, whole.path.len);
    check_conditions(&whole, buf);
}

static void check_chunked(const char *buf, size_t len, size_t cut)
{
    struct http_chunked whole = {0}, pieces = {0};
    size_t used = 0, first = 0, second = 0;
    int result = http_chunked_parse(&whole, buf, len, &used);
    int in_pieces = http_chunked_parse(&pieces, buf, cut, &first);
    if (!in_pieces)
        in_pieces = http_chunked_parse(&pieces, buf + cut, len - cut, &second);
    CHECK(result == in_pieces && (result < 0 || used == first + second));
    CHECK(used <= len);
}

static void check_texts(const char *buf, size_t len)
{
    char shown[256];
    size_t n = http_html_escape(buf, len, shown, sizeof(shown));
    time_t date;
    CHECK(n < sizeof(shown) && !strpbrk(shown, "<>\"'"));
    check_path(buf, len);
    http_date_parse(buf, len, &date);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t hw_addr[6] = {0};
    struct dhcp_reply reply;
    if (!size)
        return 0;
    const char *buf = (const char *)data + 1;
    size_t len = size - 1, cut = len * data[0] / 255;
    check_head(buf, len, cut);
    check_chunked(buf, len, cut);
    check_texts(buf, len);
    if (!dhcp_message_parse(data, size, 0, hw_addr, &reply))
        CHECK(reply.server_id &&
              (reply.type == DHCP_NAK || (reply.lease_s && dhcp_reply_prefix_len(&reply) >= 8)));
    return 0;
}
