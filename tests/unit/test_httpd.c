/*
 * test_httpd.c - the web server on its sockets: a machine that runs httpd_main() and one that asks, on a link
 * between them, on virtual time.
 *
 * What a request means is tested in test_http_parser.c and test_http_path.c; here it is about connections:
 * their states, their time, their number, and what they leave behind. After each test the server is stopped
 * and everything counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/page.h"
#include "kernel/ramfs.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/apps/httpd.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/program.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define PORT       80
#define BIG_SIZE   1000000u /* more than fits into the buffers of both ends */
#define SITE_ORDER 9        /* the archive's block: 2 MiB */
#define HOST       "Host: skiff\r\n"
#define GET_INDEX  "GET / HTTP/1.1\r\n" HOST "\r\n"
#define GET_BIG    "GET /big.bin HTTP/1.1\r\n" HOST "\r\n"
#define INDEX      "<p>hello\n"

static struct sim_link *wire;
static struct sim_host *client, *server;
static struct page *archive;
static struct ramfs *site;
/* --- a site --- */

/* Sizes of files around the one at which a body does not lie with its head any more. */
static const unsigned edges[] = {0, 1, 1000, 1100, 1140, 1150, 1160, 1170, 1180, 1200, 1300, 1400, 1401};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

static uint8_t big_byte(size_t offset)
{
    return (uint8_t)(offset * 2654435761u >> 13);
}

/* One file of a ustar archive, its content zeroed; returns where the content goes. */
static uint8_t *add_file(uint8_t **tar, const char *path, size_t size)
{
    char *header = (char *)*tar;
    unsigned sum = 0;
    memset(header, 0, 512);
    snprintf(header, 100, "%s", path);
    snprintf(header + 100, 8, "%07o", 0644);
    snprintf(header + 124, 12, "%011zo", size);
    snprintf(header + 136, 12, "%011o", 1577836800); /* 2020-01-01 */
    header[156] = '0';
    memcpy(header + 257, "ustar\00000", 8);
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (uint8_t)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    uint8_t *content = *tar + 512;
    size_t padded = (size + 511) / 512 * 512;
    memset(content, 0, padded);
    *tar = content + padded;
    return content;
}

static void make_site(void)
{
    const char *why;
    archive = alloc_pages(SITE_ORDER);
    assert_non_null(archive);
    uint8_t *start = page_address(archive), *tar = start;
    memcpy(add_file(&tar, "www/index.html", strlen(INDEX)), INDEX, strlen(INDEX));
    uint8_t *big = add_file(&tar, "www/big.bin", BIG_SIZE);
    for (size_t i = 0; i < BIG_SIZE; i++)
        big[i] = big_byte(i);
    for (size_t i = 0; i < EDGES; i++) {
        char path[32];
        snprintf(path, sizeof(path), "www/%u.txt", edges[i]);
        uint8_t *content = add_file(&tar, path, edges[i]);
        for (size_t n = 0; n < edges[i]; n++)
            content[n] = big_byte(n);
    }
    memset(tar, 0, 1024);
    site = ramfs_mount_tar(start, (size_t)(tar + 1024 - start), &why);
    assert_non_null(site);
}

/* --- the two machines --- */

static void start_hosts(void)
{
    host_random_seed(1);
    wire = sim_link_create();
    client = sim_host_create("client", wire, "10.0.0.1/24");
    server = sim_host_create("server", wire, "10.0.0.2/24");
    host_run();
}

static void stop_hosts(void)
{
    sim_host_destroy(client);
    sim_host_destroy(server);
    sim_link_destroy(wire);
}

static void start_server(bool with_site)
{
    server->files->root = with_site ? site : NULL;
    assert_non_null(task_create("httpd", httpd_main, NULL, server->files));
    host_run();
}

/* --- a client --- */

/* Its end of a connection, with all that has come in. */
struct peer {
    int fd;
    char *data;
    size_t len;
    bool eof;
    int error; /* -E..., 0 */
};

#define HEARD_MAX (8u << 20)

static struct peer dial(void)
{
    struct peer p = {.fd = sys_socket(client->files, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    inet_pton(AF_INET, "10.0.0.2", &to.sin_addr);
    if (p.fd < 0)
        p.error = p.fd;
    else if (sys_connect(client->files, p.fd, (void *)&to, sizeof(to)) != -EINPROGRESS)
        p.error = -ENOBUFS;
    host_run();
    return p;
}

static void say(struct peer *p, const char *text)
{
    ssize_t n = sys_sendto(client->files, p->fd, text, strlen(text), MSG_NOSIGNAL, NULL, 0);
    if (n != (ssize_t)strlen(text) && !p->error)
        p->error = n < 0 ? (int)n : -EMSGSIZE;
    host_run();
}

/* Takes what is there, at most `max` bytes. */
static void hear(struct peer *p, size_t max)
{
    if (!p->data)
        p->data = malloc(HEARD_MAX);
    while (max && !p->eof && !p->error) {
        size_t room = HEARD_MAX - p->len < max ? HEARD_MAX - p->len : max;
        ssize_t n = sys_recvfrom(client->files, p->fd, p->data + p->len, room, 0, NULL, NULL);
        if (n == -EAGAIN)
            return;
        if (n < 0)
            p->error = (int)n;
        if (n == 0)
            p->eof = true;
        if (n > 0) {
            p->len += (size_t)n;
            max -= (size_t)n;
        }
    }
}

/* Takes all that comes within this time. */
static void hear_for(struct peer *p, unsigned ms)
{
    for (unsigned passed = 0; passed < ms && !p->eof && !p->error; passed += 10) {
        hear(p, HEARD_MAX);
        host_advance_ms(10);
    }
    hear(p, HEARD_MAX);
}

static void hang_up(struct peer *p)
{
    if (p->fd >= 0)
        sys_close(client->files, p->fd);
    free(p->data);
    *p = (struct peer){.fd = -1};
    host_run();
}

/* The connection is gone at once, with a RST. */
static void abort_peer(struct peer *p)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    sys_setsockopt(client->files, p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    hang_up(p);
}

/* Takes one answer off the front: its status, 0 if none is complete. *body points into p->data until the next
 * one is heard. */
static int next_answer(struct peer *p, const char **body, size_t *body_len)
{
    static char *taken;
    char *end = p->data ? memmem(p->data, p->len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return 0;
    *end = 0;
    const char *length = strstr(p->data, "Content-Length: ");
    size_t head_len = (size_t)(end + 4 - p->data);
    *body_len = length ? strtoul(length + 16, NULL, 10) : 0;
    *end = '\r';
    if (p->len - head_len < *body_len)
        return 0;
    free(taken);
    taken = malloc(head_len + *body_len);
    memcpy(taken, p->data, head_len + *body_len);
    p->len -= head_len + *body_len;
    memmove(p->data, p->data + head_len + *body_len, p->len);
    *body = taken + head_len;
    return atoi(taken + 9);
}

static bool is_big(const char *body, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)body[i] != big_byte(i))
            return false;
    return len == BIG_SIZE;
}

static void expect_index(struct peer *p)
{
    const char *body;
    size_t len;
    assert_int_equal(next_answer(p, &body, &len), 200);
    assert_int_equal(len, strlen(INDEX));
    assert_memory_equal(body, INDEX, len);
}

static void expect_big(struct peer *p)
{
    const char *body;
    size_t len;
    assert_int_equal(next_answer(p, &body, &len), 200);
    assert_true(is_big(body, len));
}

static void expect_status(struct peer *p, int status)
{
    const char *body;
    size_t len;
    assert_int_equal(next_answer(p, &body, &len), status);
}

/* Somebody new asks, and is answered. */
static void expect_service(void)
{
    struct peer p = dial();
    say(&p, GET_INDEX);
    hear_for(&p, 10);
    expect_index(&p);
    hang_up(&p);
}

/* --- before and after each test --- */

static int epoll_fd(void)
{
    for (int fd = 0; fd < server->files->size; fd++) {
        struct file *file = fget(server->files, fd);
        if (file && file->ops == &eventpoll_file_ops)
            return fd;
    }
    return -1;
}

/* The server ends when its epoll set is gone, and closes all it has. */
static void stop_server(void)
{
    if (epoll_fd() >= 0) {
        sys_close(server->files, epoll_fd());
        struct peer wake = dial();
        hang_up(&wake);
    }
    assert_int_equal(server->files->open_count, 0);
}

static void expect_nothing_left(void)
{
    host_advance_ns(300 * NSEC_PER_SEC); /* connections end, TIME_WAIT too */
    assert_int_equal(client->net->sock_count, 0);
    assert_int_equal(server->net->sock_count, 0);
    assert_int_equal(client->net->skb_count, 0);
    assert_int_equal(server->net->skb_count, 0);
}

static int setup(void **state)
{
    if (!site)
        make_site();
    program_hosts_start(start_hosts, stop_hosts);
    return 0;
}

static int teardown(void **state)
{
    host_fail_allocation(0);
    stop_server();
    expect_nothing_left();
    program_hosts_stop(stop_hosts);
    return 0;
}

/* --- requests on a connection --- */

TEST("a connection stays for one request after another")
{
    start_server(true);
    struct peer p = dial();
    for (int i = 0; i < 50; i++) {
        say(&p, GET_INDEX);
        hear(&p, HEARD_MAX);
        expect_index(&p);
    }
    say(&p, GET_BIG);
    hear_for(&p, 2000);
    expect_big(&p);
    assert_false(p.eof);
    hang_up(&p);
}

/* Asks for a file of `size` bytes: `method` and more fields; what comes must be `count` of them from `first`
 * on. */
static void expect_part(struct peer *p, const char *method, unsigned size, const char *fields, int status,
                        size_t first, size_t count)
{
    char request[256];
    const char *body;
    size_t len;
    snprintf(request, sizeof(request), "%s /%u.txt HTTP/1.1\r\n" HOST "%s\r\n", method, size, fields);
    say(p, request);
    hear_for(p, 10);
    assert_int_equal(next_answer(p, &body, &len), status);
    assert_int_equal(len, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal((uint8_t)body[i], big_byte(first + i));
    assert_int_equal(p->len, 0);
}

TEST(
    "a file is answered alike, short enough to lie with its head or not: whole, in part, to HEAD, at the end")
{
    start_server(true);
    for (size_t i = 0; i < EDGES; i++) {
        unsigned size = edges[i];
        struct peer p = dial();
        expect_part(&p, "GET", size, "", 200, 0, size);
        if (size > 3)
            expect_part(&p, "GET", size, "Range: bytes=1-3\r\n", 206, 1, 3);
        expect_part(&p, "GET", size, "If-Range: \"other\"\r\nRange: bytes=0-0\r\n", 200, 0, size);
        say(&p, "HEAD /1000.txt HTTP/1.1\r\n" HOST "\r\n");
        hear_for(&p, 10);
        assert_non_null(p.data);
        assert_int_equal(p.len, (size_t)((char *)memmem(p.data, p.len, "\r\n\r\n", 4) + 4 - p.data));
        p.len = 0;
        expect_part(&p, "GET", size, "Connection: close\r\n", 200, 0, size);
        assert_true(p.eof);
        hang_up(&p);
    }
}

TEST("pipelined requests are answered in order, also those that must wait until the buffers empty")
{
    start_server(true);
    struct peer p = dial();
    for (int i = 0; i < 6; i++)
        say(&p, GET_INDEX GET_BIG "GET /nope HTTP/1.1\r\n" HOST "\r\n");
    say(&p, "GET / HTTP/1.0\r\n\r\n");
    hear_for(&p, 10000);
    for (int i = 0; i < 6; i++) {
        expect_index(&p);
        expect_big(&p);
        expect_status(&p, 404);
    }
    expect_index(&p);
    assert_true(p.eof);
    assert_int_equal(p.len, 0);
    hang_up(&p);
}

TEST("a request may come byte by byte, its body too")
{
    static const char text[] = "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                               "5;x=y\r\nhello\r\n0\r\nTrailer: v\r\n\r\n" GET_INDEX;
    start_server(true);
    struct peer p = dial();
    for (const char *c = text; *c; c++)
        say(&p, (char[]){*c, 0});
    hear_for(&p, 5000); /* Nagle's algorithm gathers some of them */
    expect_status(&p, 405);
    expect_index(&p);
    hang_up(&p);
}

TEST("a client that has said all it will say still gets its answer to the end")
{
    start_server(true);
    struct peer p = dial();
    say(&p, GET_BIG);
    sys_shutdown(client->files, p.fd, SHUT_WR);
    hear_for(&p, 2000);
    expect_big(&p);
    assert_true(p.eof);
    hang_up(&p);
}

TEST("the last request and the end of it may come at once: both are heard")
{
    start_server(true);
    struct peer p = dial();
    say(&p, GET_INDEX);
    hear_for(&p, 10);
    expect_index(&p);
    sys_sendto(client->files, p.fd, GET_INDEX, strlen(GET_INDEX), MSG_NOSIGNAL | MSG_MORE, NULL, 0);
    sys_shutdown(client->files, p.fd, SHUT_WR); /* the FIN rides on the text */
    hear_for(&p, 100);
    expect_index(&p);
    assert_true(p.eof);
    hang_up(&p);
}

#define SERVER_BUFFER 16384u /* what one recv() of the server's takes */

/* A request with a body, SERVER_BUFFER bytes in all, and `count` small ones behind it. */
static char *requests(unsigned count)
{
    const char *head = "GET / HTTP/1.1\r\n" HOST "Content-Length: %u\r\n\r\n";
    unsigned head_len = (unsigned)snprintf(NULL, 0, head, SERVER_BUFFER - 100);
    char *text = calloc(1, SERVER_BUFFER + count * strlen(GET_INDEX) + 1);
    snprintf(text, SERVER_BUFFER, head, SERVER_BUFFER - head_len);
    memset(text + head_len, 'x', SERVER_BUFFER - head_len);
    for (unsigned i = 0; i < count; i++)
        strcat(text, GET_INDEX);
    return text;
}

TEST("text that fills the server's buffer to the byte is read to its end, whatever is behind it")
{
    start_server(true);
    for (unsigned count = 0; count < 3; count++) {
        struct peer p = dial();
        char *text = requests(count);
        say(&p, GET_BIG); /* keeps the server from reading until all the rest is there */
        say(&p, text);
        hear_for(&p, 2000);
        expect_big(&p);
        for (unsigned i = 0; i <= count; i++)
            expect_index(&p);
        say(&p, GET_INDEX);
        hear_for(&p, 10);
        expect_index(&p);
        free(text);
        hang_up(&p);
    }
}

TEST("urgent data is text like any other: what stands behind its mark is read, too") /* RFC 6093 */
{
    start_server(true);
    struct peer p = dial();
    say(&p, GET_BIG); /* keeps the server from reading until all the rest is there */
    sys_sendto(client->files, p.fd, GET_INDEX, strlen(GET_INDEX), MSG_NOSIGNAL | MSG_OOB, NULL, 0);
    say(&p, GET_INDEX);
    hear_for(&p, 2000);
    expect_big(&p);
    expect_index(&p);
    expect_index(&p);
    hang_up(&p);
}

TEST("a refused client that goes on sending still reads why: the close waits for it")
{
    start_server(true);
    struct peer p = dial();
    say(&p, "NONSENSE\r\n\r\n");
    for (int i = 0; i < 10; i++)
        say(&p, "and more of it, which would draw a RST\r\n");
    hear(&p, HEARD_MAX);
    assert_int_equal(p.error, 0);
    expect_status(&p, 400);
    assert_true(p.eof);
    hang_up(&p);
}

/* --- time --- */

TEST("a silent newcomer is let go after 10 seconds without a word")
{
    start_server(true);
    struct peer p = dial();
    hear_for(&p, 9900);
    assert_false(p.eof);
    hear_for(&p, 200);
    assert_true(p.eof);
    assert_int_equal(p.len, 0);
    hang_up(&p);
}

TEST("a head that trickles is answered 408 after 10 seconds, however steadily it comes")
{
    start_server(true);
    struct peer p = dial();
    say(&p, GET_INDEX); /* it has been a good client so far */
    hear_for(&p, 30000);
    expect_index(&p);
    say(&p, "GET / HTTP/1.1\r\nX: ");
    for (int s = 0; s < 99; s++) {
        hear_for(&p, 100);
        assert_int_equal(p.len, 0);
        say(&p, "x");
    }
    hear_for(&p, 200);
    expect_status(&p, 408);
    assert_true(p.eof);
    hang_up(&p);
}

TEST("a body that does not come is answered 408 as well")
{
    start_server(true);
    struct peer p = dial();
    say(&p, "POST / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nfour");
    hear_for(&p, 9900);
    assert_int_equal(p.len, 0);
    hear_for(&p, 200);
    expect_status(&p, 408);
    hang_up(&p);
}

TEST("a kept connection ends after 60 idle seconds")
{
    start_server(true);
    struct peer p = dial();
    say(&p, GET_INDEX);
    hear_for(&p, 59900);
    expect_index(&p);
    assert_false(p.eof);
    hear_for(&p, 200);
    assert_true(p.eof);
    assert_int_equal(p.len, 0);
    hang_up(&p);
}

TEST("a client that stops reading is reset after 30 seconds, and what it was to get is freed")
{
    start_server(true);
    struct peer p = dial();
    say(&p, GET_BIG);
    host_advance_ms(29000);
    assert_int_equal(server->net->sock_count, 2); /* the listener, and this one */
    host_advance_ms(2000);
    assert_int_equal(server->net->sock_count, 1);
    assert_int_equal(server->net->skb_count, 0);
    hear_for(&p, 100);
    assert_int_equal(p.error, -ECONNRESET);
    hang_up(&p);
}

/* Sockstress, CVE-2008-4609: a big file asked for a thousand times, and every window shut for ever. */
TEST("a thousand clients that never read cost little memory, keep nobody out, and are gone after 30 seconds")
{
    enum { COUNT = 1000 };
    static struct peer p[COUNT];

    start_server(true);
    expect_service();
    for (int i = 0; i < COUNT; i++) {
        p[i] = dial();
        sys_setsockopt(client->files, p[i].fd, SOL_SOCKET, SO_RCVBUF, &(int){2304}, sizeof(int));
        say(&p[i], GET_BIG);
    }
    size_t pages = host_pages_alive();
    host_advance_ms(5000);
    assert_true(server->net->sock_count > COUNT / 2);
    assert_true(server->net->skb_count <= 12 * COUNT); /* the pages that hang on them are the file's */
    assert_int_equal(host_pages_alive(), pages);
    expect_service();
    host_advance_ms(27000);
    assert_int_equal(server->net->sock_count, 1);
    assert_int_equal(server->net->skb_count, 0);
    for (int i = 0; i < COUNT; i++)
        hang_up(&p[i]);
}

TEST("a client that reads slowly but steadily gets everything")
{
    start_server(true);
    struct peer p = dial();
    say(&p, GET_BIG);
    while (p.len < BIG_SIZE && !p.error && !p.eof) {
        hear(&p, 60000);
        host_advance_ms(15000);
    }
    hear_for(&p, 1000);
    expect_big(&p);
    hang_up(&p);
}

TEST("a peer that never closes its side is forgotten 2 seconds after the last answer")
{
    start_server(true);
    struct peer p = dial();
    say(&p, "NONSENSE\r\n\r\n");
    host_advance_ms(1900);
    assert_int_equal(server->files->open_count, 3); /* listener, epoll set, connection */
    host_advance_ms(200);
    assert_int_equal(server->files->open_count, 2);
    hang_up(&p);
}

TEST("the date in the answers goes with the clock")
{
    start_server(true);
    struct peer p = dial();
    char date[2][64];
    for (int i = 0; i < 2; i++) {
        say(&p, GET_INDEX);
        hear(&p, HEARD_MAX);
        assert_int_equal(sscanf(strstr(p.data, "Date: "), "Date: %63[^\r]", date[i]), 1);
        expect_index(&p);
        host_advance_ms(1000);
    }
    assert_string_not_equal(date[0], date[1]);
    hang_up(&p);
}

/* --- crowds --- */

/* Takes descriptors away until only `left` can be opened. Their numbers are let go by release_fds(). */
static void occupy_fds(int left)
{
    while (server->files->open_count < FILES_MAX - left)
        assert_true(sys_dup(server->files, 0) >= 0);
}

static void release_fds(void)
{
    for (int fd = FILES_MAX - 1; fd > 0 && server->files->open_count > 1; fd--)
        if (fget(server->files, fd) == fget(server->files, 0))
            sys_close(server->files, fd);
}

TEST("when descriptors run out, the connection that has been idle longest makes room")
{
    struct peer p[3];
    start_server(true);
    expect_service(); /* the page's own descriptor is open from now on */
    occupy_fds(2);
    for (int i = 0; i < 3; i++) {
        p[i] = dial();
        say(&p[i], GET_INDEX);
        hear_for(&p[i], 300);
        expect_index(&p[i]);
    }
    hear(&p[0], HEARD_MAX);
    assert_true(p[0].eof);
    say(&p[1], GET_INDEX);
    hear(&p[1], HEARD_MAX);
    expect_index(&p[1]);
    for (int i = 0; i < 3; i++)
        hang_up(&p[i]);
    release_fds();
}

TEST("when all connections are busy, the next one waits its turn and costs no CPU meanwhile")
{
    start_server(true);
    expect_service();
    struct peer busy = dial(), next;
    say(&busy, GET_BIG);
    occupy_fds(0);
    next = dial();
    say(&next, GET_INDEX);
    hear_for(&next, 5000);
    assert_int_equal(next.len, 0);
    abort_peer(&busy);
    hear_for(&next, 1000);
    expect_index(&next);
    hang_up(&next);
    release_fds();
}

TEST("300 connections at once all get their file")
{
    enum { COUNT = 300 };
    static struct peer p[COUNT];
    start_server(true);
    for (int i = 0; i < COUNT; i++) {
        p[i] = dial();
        say(&p[i], GET_INDEX);
    }
    for (int i = 0; i < COUNT; i++) {
        hear(&p[i], HEARD_MAX);
        expect_index(&p[i]);
        hang_up(&p[i]);
    }
}

/* --- what goes wrong --- */

TEST("clients that hang up in the middle of a download leave nothing behind")
{
    start_server(true);
    expect_service();
    for (int i = 0; i < 20; i++) {
        struct peer p = dial();
        say(&p, GET_INDEX GET_BIG GET_BIG "GET /half");
        hear(&p, 1000 * (size_t)i);
        if (i % 2)
            abort_peer(&p);
        else
            hang_up(&p);
    }
    host_advance_ms(1000);
    assert_int_equal(server->net->sock_count, 1);
    assert_int_equal(server->net->skb_count, 0);
    assert_int_equal(server->files->open_count, 4); /* listener, epoll set, two cached files */
}

TEST("any one allocation that fails costs at most one connection, never the server")
{
    start_server(true);
    expect_service();
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        host_fail_allocation(n);
        struct peer p = dial();
        say(&p, GET_INDEX "GET /big.bin HTTP/1.1\r\n" HOST "Range: bytes=0-9999\r\n\r\nGET / HTT");
        hear_for(&p, 100);
        say(&p, "P/1.1\r\n" HOST "\r\n");
        hear_for(&p, 100);
        failed = host_allocation_failed();
        host_fail_allocation(0);
        if (!failed) {
            expect_index(&p);
            expect_status(&p, 206);
            expect_index(&p);
        }
        if (p.fd >= 0)
            abort_peer(&p);
        free(p.data);
        expect_service();
        assert_int_equal(server->net->sock_count, 1);
    }
}

TEST("a server that has no memory to start says so and leaves nothing behind")
{
    unsigned failures = 0;
    for (unsigned n = 1;; n++) {
        host_fail_allocation(n);
        server->files->root = NULL;
        struct task *task = task_create("httpd", httpd_main, NULL, server->files);
        host_run();
        if (!host_allocation_failed())
            break;
        host_fail_allocation(0);
        failures++;
        if (task && epoll_fd() >= 0)
            stop_server(); /* it could do without */
        assert_int_equal(server->files->open_count, 0);
        assert_int_equal(server->net->sock_count, 0);
    }
    assert_true(failures > 5);
    host_fail_allocation(0);
}

/* --- no site --- */

TEST("without a site there is a page about the machine, and its figures for programs")
{
    const char *body;
    size_t len;
    start_server(false);
    struct peer p = dial();
    say(&p, "GET / HTTP/1.1\r\n" HOST "\r\nGET /status.json HTTP/1.1\r\n" HOST "\r\n");
    say(&p, "GET /start.css HTTP/1.1\r\n" HOST "\r\nGET /start.js HTTP/1.1\r\n" HOST "\r\n");
    say(&p, "GET /other HTTP/1.1\r\n" HOST "\r\n");
    hear_for(&p, 100);
    assert_int_equal(next_answer(&p, &body, &len), 200);
    assert_non_null(memmem(body, len, "10.0.0.1", 8)); /* where the visitor comes from */
    assert_non_null(memmem(body, len, "make run SITE=", 14));
    assert_memory_equal(body + len - 8, "</html>\n", 8);
    assert_int_equal(next_answer(&p, &body, &len), 200);
    assert_memory_equal(body, "{\"uptime_ms\":", 13);
    assert_memory_equal(body + len - 2, "}\n", 2);
    expect_status(&p, 200);
    expect_status(&p, 200);
    expect_status(&p, 404);
    hang_up(&p);
}

TEST_FIXTURE(setup, teardown)
