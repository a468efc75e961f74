/*
 * http_respond.c - a complete HTTP request to its answer.
 *
 * Called by http_conn.c. The common case - GET on a kept-alive connection, nothing conditional - is a
 * look-up, a send() of the head prepared by http_file.c and a sendfile() of the body behind it. Every other
 * answer is put together here from the same pieces. Nothing of the request goes into a head but the encoded
 * path of a redirection, and nothing goes into a page unescaped.
 */
#include "net/apps/http_server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/apps/http_conditions.h"
#include "net/apps/start_page.h"

#define HTTP_ALLOW "Allow: GET, HEAD, OPTIONS\r\n"
#define HTTP_NO_XSS                                                                                          \
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\nX-Content-Type-Options: nosniff\r\n"

static void add(struct http_head *head, const char *text, size_t len)
{
    if (len > sizeof(head->text) - head->len) {
        head->cut = true;
        return;
    }
    memcpy(head->text + head->len, text, len);
    head->len += len;
}

static void add_text(struct http_head *head, const char *text)
{
    add(head, text, strlen(text));
}

static void add_number(struct http_head *head, const char *name, uint64_t value)
{
    char line[64];
    add(head, line, snprintf(line, sizeof(line), "%s%llu\r\n", name, (unsigned long long)value));
}

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } known[] = {
        {200, "200 OK"},
        {204, "204 No Content"},
        {206, "206 Partial Content"},
        {301, "301 Moved Permanently"},
        {304, "304 Not Modified"},
        {400, "400 Bad Request"},
        {404, "404 Not Found"},
        {405, "405 Method Not Allowed"},
        {408, "408 Request Timeout"},
        {412, "412 Precondition Failed"},
        {413, "413 Content Too Large"},
        {414, "414 URI Too Long"},
        {416, "416 Range Not Satisfiable"},
        {417, "417 Expectation Failed"},
        {431, "431 Request Header Fields Too Large"},
        {501, "501 Not Implemented"},
        {503, "503 Service Unavailable"},
        {505, "505 HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].status == status)
            return known[i].phrase;
    return "500 Internal Server Error";
}

/* What a person reads below the title of an error page. */
static const char *explanation(int status)
{
    switch (status) {
    case 400:
        return "The request is not correct HTTP, or its path leads out of the site.";
    case 404:
        return "There is nothing under this name here.";
    case 405:
        return "This site can be read, not changed: GET and HEAD are answered.";
    case 408:
        return "The request did not arrive completely in time.";
    case 412:
        return "The file is not, or no longer, the one the request expects.";
    case 413:
        return "The request carries more data than this server reads.";
    case 414:
        return "The address is longer than this server reads.";
    case 416:
        return "The file has no bytes in the requested range.";
    case 417:
        return "This server knows no other expectation than 100-continue.";
    case 431:
        return "The header fields are longer or more than this server reads.";
    case 501:
        return "This server does not know the method or the transfer coding.";
    case 503:
        return "No room for this at the moment. Please try again shortly.";
    case 505:
        return "This server speaks HTTP/1.1 and HTTP/1.0.";
    default:
        return "";
    }
}

/* Status line, Server, Date, and what the peer must know about the connection. */
static struct http_head *begin_head(const struct http_conn *conn, const struct http_request *req, int status)
{
    struct http_head *head = &conn->server->head;
    head->len = 0;
    head->cut = false;
    add_text(head, "HTTP/1.1 ");
    add_text(head, reason_phrase(status));
    add_text(head, HTTP_HEAD_AFTER_STATUS);
    add(head, conn->server->date, HTTP_DATE_LEN);
    add_text(head, "\r\n");
    if (conn->closing)
        add_text(head, "Connection: close\r\n");
    else if (req->version_minor == 0)
        add_text(head, "Connection: keep-alive\r\n");
    return head;
}

static void send_head(struct http_conn *conn, struct http_head *head, bool more)
{
    add_text(head, "\r\n");
    if (head->cut) {
        conn->broken = true; /* the parts are bounded so that this does not happen */
        return;
    }
    http_conn_write(conn, head->text, head->len, more);
}

/* A head without a body of its own (204, 304, and all answers to HEAD), or with the body that follows. */
static void send_page(struct http_conn *conn, const struct http_request *req, struct http_head *head,
                      const char *body, size_t len, bool more)
{
    bool has_body = req->method != HTTP_HEAD && len;
    add_number(head, "Content-Length: ", len);
    send_head(conn, head, more || has_body);
    if (has_body)
        http_conn_write(conn, body, len, more);
}

/* --- errors and redirections --- */

static size_t error_page(struct http_server *server, const struct http_request *req, const char *buf,
                         int status)
{
    static const char page[] =
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><title>%s</title>\n<style>:root{color-scheme:light dark;font:1rem/1.5 "
        "system-ui,sans-serif}body{max-width:36rem;margin:4rem auto;padding:0 1rem}code{overflow-wrap:anywhere}"
        "</style>\n<h1>%s</h1>\n<p>%s</p>\n%s%s%s</html>\n";
    char shown[256] = "";
    if (status == 404)
        http_html_escape(buf + req->path.start, req->path.len, shown, sizeof(shown));
    const char *phrase = reason_phrase(status);
    int len = snprintf(server->scratch, HTTP_SCRATCH_SIZE, page, phrase, phrase, explanation(status),
                       *shown ? "<p><code>" : "", shown, *shown ? "</code></p>\n" : "");
    return len;
}

static void respond_error(struct http_conn *conn, const struct http_request *req, const char *buf, int status,
                          const char *fields, bool more)
{
    struct http_head *head = begin_head(conn, req, status);
    add_text(head, "Content-Type: text/html; charset=utf-8\r\n" HTTP_NO_XSS);
    add_text(head, fields);
    size_t len = error_page(conn->server, req, buf, status);
    send_page(conn, req, head, conn->server->scratch, len, more);
}

void http_respond_error(struct http_conn *conn, const struct http_request *req, const char *buf, int status)
{
    conn->closing = conn->linger = true;
    respond_error(conn, req, buf, status, status == 405 ? HTTP_ALLOW : "", false);
}

/* A directory without its slash: path and query again, with it. */
static void respond_directory(struct http_conn *conn, const struct http_request *req, const char *buf,
                              const char *path, bool more)
{
    struct http_head *head = begin_head(conn, req, 301);
    char *location = conn->server->scratch;
    http_path_encode(path, location, HTTP_SCRATCH_SIZE);
    add_text(head, "Location: ");
    add_text(head, location);
    add_text(head, "/");
    if (req->query.len && req->query.len < 512) {
        add_text(head, "?");
        add(head, buf + req->query.start, req->query.len); /* visible ASCII, as parsed */
    }
    add_text(head, "\r\n");
    send_page(conn, req, head, "", 0, more);
}

static void respond_options(struct http_conn *conn, const struct http_request *req, bool more)
{
    struct http_head *head = begin_head(conn, req, 204);
    add_text(head, HTTP_ALLOW);
    send_head(conn, head, more);
}

/* --- files --- */

static void add_validators(struct http_head *head, const struct http_file *file)
{
    add(head, file->block + file->validators_start, file->validators_len);
}

/* A 200 with a head of its own: it says what becomes of the connection. */
static void respond_whole(struct http_conn *conn, const struct http_request *req, struct http_file *file,
                          bool more)
{
    bool has_body = req->method != HTTP_HEAD && file->size;
    struct http_head *head = begin_head(conn, req, 200);
    add(head, file->block + file->type_start, file->head_len - file->type_start - 2);
    send_head(conn, head, more || has_body);
    if (has_body && file->has_body)
        http_conn_write(conn, file->block + file->head_len, file->size, more);
    else if (has_body)
        http_conn_write_file(conn, file, 0, file->size);
}

static void respond_range(struct http_conn *conn, const struct http_request *req, struct http_file *file,
                          const struct http_range *range, bool more)
{
    char line[96];
    struct http_head *head = begin_head(conn, req, 206);
    add(head, file->block + file->type_start, file->type_len);
    add_validators(head, file);
    unsigned long long first = range->first, last = range->first + range->count - 1, size = file->size;
    add(head, line,
        snprintf(line, sizeof(line), "Content-Range: bytes %llu-%llu/%llu\r\n", first, last, size));
    add_number(head, "Content-Length: ", range->count);
    send_head(conn, head, true);
    if (file->has_body)
        http_conn_write(conn, file->block + file->head_len + range->first, range->count, more);
    else
        http_conn_write_file(conn, file, range->first, range->count);
}

static void respond_not_modified(struct http_conn *conn, const struct http_request *req,
                                 const struct http_file *file, bool vary, bool more)
{
    struct http_head *head = begin_head(conn, req, 304);
    add_validators(head, file);
    if (vary)
        add_text(head, "Vary: Accept-Encoding\r\n");
    send_head(conn, head, more);
}

/* Does Accept-Encoding name gzip, with a weight that is not zero? (RFC 9110 12.5.3) */
static bool accepts_gzip(const struct http_request *req, const char *buf)
{
    if (!(req->fields & HTTP_HAS(HTTP_FIELD_ACCEPT_ENCODING)))
        return false;
    const char *at = buf + req->value[HTTP_FIELD_ACCEPT_ENCODING].start;
    const char *end = at + req->value[HTTP_FIELD_ACCEPT_ENCODING].len;
    for (; (at = memmem(at, end - at, "gzip", 4)); at += 4) {
        const char *tail = at + 4;
        bool starts = at == buf + req->value[HTTP_FIELD_ACCEPT_ENCODING].start || !http_is_token_char(at[-1]);
        bool ends = tail == end || !http_is_token_char(*tail);
        if (!starts || !ends)
            continue;
        const char *comma = memchr(tail, ',', end - tail);
        const char *weight = memmem(tail, (comma ? comma : end) - tail, "q=0", 3);
        for (weight = weight ? weight + 3 : NULL;
             weight && weight < end && (*weight == '.' || *weight == '0');)
            weight++;
        return !weight || (weight < end && *weight >= '1' && *weight <= '9');
    }
    return false;
}

static void respond_conditional(struct http_conn *conn, const struct http_request *req, const char *buf,
                                struct http_file *file, bool vary, bool more)
{
    const struct http_validators now = {file->etag, file->mtime, file->size};
    struct http_range range;
    char line[64];
    switch (http_conditions(req, buf, &now, &range)) {
    case 206:
        respond_range(conn, req, file, &range, more);
        break;
    case 304:
        respond_not_modified(conn, req, file, vary, more);
        break;
    case 412:
        respond_error(conn, req, buf, 412, "", more);
        break;
    case 416:
        snprintf(line, sizeof(line), "Content-Range: bytes */%llu\r\n", (unsigned long long)file->size);
        respond_error(conn, req, buf, 416, line, more);
        break;
    default:
        respond_whole(conn, req, file, more);
    }
}

static void respond_file(struct http_conn *conn, const struct http_request *req, const char *buf,
                         struct http_file *file, bool more)
{
    bool vary = file->gzip;
    if (vary && accepts_gzip(req, buf))
        file = file->gzip;
    if (req->fields & HTTP_CONDITIONAL_FIELDS) {
        respond_conditional(conn, req, buf, file, vary, more);
        return;
    }
    if (conn->closing || req->version_minor == 0) {
        respond_whole(conn, req, file, more);
        return;
    }
    http_file_set_date(file, conn->server->date, conn->server->date_version);
    if (req->method == HTTP_HEAD) {
        http_conn_write(conn, file->block, file->head_len, more);
        return;
    }
    bool body_follows = !file->has_body && file->size;
    http_conn_write(conn, file->block, file->block_len, more || body_follows);
    if (body_follows)
        http_conn_write_file(conn, file, 0, file->size);
}

/* --- requests --- */

/* The pages with live figures, only where there is no site. False: it is none of them. */
static bool respond_live(struct http_conn *conn, const struct http_request *req, const char *path, bool more)
{
    struct http_server *server = conn->server;
    bool json = !strcmp(path, "/status.json");
    if (!json && strcmp(path, "/") && strcmp(path, "/index.html"))
        return false;
    struct start_page_figures figures = {conn->fd, server->port, server->requests, server->conn_count};
    size_t len = json ? start_page_json(&figures, server->scratch, HTTP_SCRATCH_SIZE)
                      : start_page_html(&figures, server->scratch, HTTP_SCRATCH_SIZE);
    struct http_head *head = begin_head(conn, req, 200);
    add_text(head, json ? "Content-Type: application/json\r\n"
                        : "Content-Type: text/html; charset=utf-8\r\n" START_PAGE_POLICY);
    add_text(head, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    send_page(conn, req, head, server->scratch, len, more);
    return true;
}

static void respond_get(struct http_conn *conn, const struct http_request *req, const char *buf, bool more)
{
    struct http_server *server = conn->server;
    int len = req->path.len;
    if (req->path_plain && len < (int)HTTP_PATH_MAX) {
        memcpy(server->path, buf + req->path.start, len);
        server->path[len] = 0;
    } else {
        len = http_path_normalise(buf + req->path.start, req->path.len, server->path);
    }
    if (len < 0) {
        if (len == -400)
            http_respond_error(conn, req, buf, 400);
        else
            respond_error(conn, req, buf, -len, "", more);
        return;
    }
    if (!server->has_site && respond_live(conn, req, server->path, more))
        return;
    struct http_file *file;
    int status = http_files_find(server->files, server->path, len, &file);
    if (status == 200)
        respond_file(conn, req, buf, file, more);
    else if (status == 301)
        respond_directory(conn, req, buf, server->path, more);
    else
        respond_error(conn, req, buf, status, status == 503 ? "Retry-After: 1\r\n" : "", more);
}

void http_respond(struct http_conn *conn, const struct http_request *req, const char *buf, bool more)
{
    conn->server->requests++;
    if (!req->keep_alive)
        conn->closing = true;
    more = more && !conn->closing;
    switch (req->method) {
    case HTTP_GET:
    case HTTP_HEAD:
        respond_get(conn, req, buf, more);
        break;
    case HTTP_OPTIONS:
        respond_options(conn, req, more);
        break;
    case HTTP_NOT_ALLOWED:
        respond_error(conn, req, buf, 405, HTTP_ALLOW, more);
        break;
    case HTTP_NOT_IMPLEMENTED:
        respond_error(conn, req, buf, 501, "", more);
        break;
    }
}
