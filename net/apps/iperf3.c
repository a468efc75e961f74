/*
 * iperf3.c - lets an ordinary `iperf3 -c` measure this machine (inetd=iperf3); the protocol is in iperf3.h.
 *
 * service.c gives each connection a task. The first one to say its cookie while nobody else is being
 * measured becomes the control connection, and its task leads through the test; those that say the same
 * cookie while it waits for them are its streams, and their tasks move the bytes; everybody else is told that
 * the server is busy. TCP only. What is received is not looked at, so all streams share one buffer.
 */
#include "net/apps/iperf3.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "net/apps/json.h"
#include "net/apps/service.h"

#define HELLO_S 5    /* to say the cookie, and to open the streams */
#define REPLY_S 10   /* for each step of the conversation */
#define STALL_S 30   /* a running test in which no byte moves for so long is over */
#define TICK_US 1000 /* between two looks at what other tasks have done */

enum phase { PHASE_TALKING, PHASE_CONNECTING, PHASE_RUNNING, PHASE_OVER };

struct stream {
    int fd;
    bool open, sends;
    uint64_t bytes;
    uint32_t retransmits;
};

struct test {
    int control;
    char cookie[IPERF3_COOKIE_LEN];
    struct iperf3_params params;
    enum phase phase;
    uint64_t start_us, end_us;
    int stream_count;
    struct stream streams[IPERF3_STREAMS_MAX];
    char buffer[IPERF3_BUFFER];
};

/* What the tasks of this service share. */
struct server {
    struct test *test; /* NULL: nobody is being measured */
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- the control connection's words --- */

static void set_patience(int fd, int seconds)
{
    struct timeval limit = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* All of `len` bytes: 0, or -1 if the peer is silent or gone. */
static int receive(int fd, void *data, size_t len)
{
    for (char *at = data; len;) {
        ssize_t n = recv(fd, at, len, 0);
        if (n <= 0)
            return -1;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int say(int fd, enum iperf3_state state)
{
    signed char byte = (signed char)state;
    return service_send(fd, (char *)&byte, 1);
}

static int say_error(int fd, int error)
{
    uint32_t numbers[2] = {htonl((uint32_t)error), 0};
    return say(fd, IPERF3_SERVER_ERROR) || service_send(fd, (char *)numbers, sizeof(numbers)) ? -1 : 0;
}

/* Return: its length, or -1. */
static ssize_t receive_json(int fd, char *text, size_t size)
{
    uint32_t len;
    if (receive(fd, &len, sizeof(len)))
        return -1;
    len = ntohl(len);
    if (len > size || receive(fd, text, len))
        return -1;
    return (ssize_t)len;
}

static int send_json(int fd, const char *text, size_t text_len)
{
    uint32_t len = htonl((uint32_t)text_len);
    return service_send(fd, (char *)&len, sizeof(len)) || service_send(fd, text, text_len) ? -1 : 0;
}

int iperf3_read_params(const char *json, size_t len, struct iperf3_params *params)
{
    *params = (struct iperf3_params){0};
    if (!json_is_object(json, len))
        return -1;
    if (!json_get_true(json, len, "tcp"))
        return IPERF3_ERROR_UNIMPLEMENTED;
    int64_t streams = json_get_number(json, len, "parallel", 1);
    int64_t block_len = json_get_number(json, len, "len", 0);
    int64_t bits_per_s = json_get_number(json, len, "bandwidth", 0);
    params->both = json_get_true(json, len, "bidirectional");
    params->reverse = json_get_true(json, len, "reverse");
    params->nodelay = json_get_true(json, len, "nodelay");
    json_get_string(json, len, "congestion", params->congestion, sizeof(params->congestion));
    if (streams < 1 || streams > IPERF3_STREAMS_MAX / (params->both ? 2 : 1))
        return IPERF3_ERROR_STREAMS;
    params->streams = (int)streams;
    params->block_len = block_len > 0 && block_len < IPERF3_BUFFER ? (size_t)block_len : IPERF3_BUFFER;
    params->bits_per_s = bits_per_s > 0 ? (uint64_t)bits_per_s : 0;
    return 0;
}

/* --- a stream, in its own task --- */

/* Waits as long as this stream is ahead of the rate the client has asked for. */
static void keep_rate(const struct test *test, const struct stream *stream)
{
    uint64_t rate = test->params.bits_per_s;
    while (rate && test->phase == PHASE_RUNNING &&
           stream->bytes * 8 / rate * 1000000 + stream->bytes * 8 % rate * 1000000 / rate >
               now_us() - test->start_us)
        usleep(TICK_US);
}

static void send_stream(struct test *test, struct stream *stream)
{
    while (test->phase == PHASE_CONNECTING)
        usleep(TICK_US);
    while (test->phase == PHASE_RUNNING) {
        ssize_t n = send(stream->fd, test->buffer, test->params.block_len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        stream->bytes += (uint64_t)n;
        keep_rate(test, stream);
    }
}

static void receive_stream(struct test *test, struct stream *stream)
{
    while (test->phase != PHASE_OVER) {
        ssize_t n = recv(stream->fd, test->buffer, sizeof(test->buffer), 0);
        if (n <= 0)
            return;
        stream->bytes += (uint64_t)n;
    }
}

static void count_retransmits(struct stream *stream)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (!getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &len))
        stream->retransmits = info.tcpi_total_retrans;
}

static void serve_stream(struct test *test, int fd)
{
    int index = test->stream_count++, on = 1;
    struct stream *stream = &test->streams[index];
    const struct iperf3_params *params = &test->params;
    /* With --bidir the client opens first those it sends on. */
    *stream = (struct stream){.fd = fd, .open = true};
    stream->sends = params->both ? index >= params->streams : params->reverse;
    set_patience(fd, STALL_S);
    if (params->nodelay)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (*params->congestion) /* one we don't have: the default one serves, as with iperf3's own server */
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, params->congestion, strlen(params->congestion));
    if (stream->sends)
        send_stream(test, stream);
    else
        receive_stream(test, stream);
    count_retransmits(stream);
    stream->open = false;
}

/* --- a test, in the control connection's task --- */

static int agree_on_params(struct test *test)
{
    ssize_t len;
    int error;
    if (say(test->control, IPERF3_PARAM_EXCHANGE))
        return -1;
    len = receive_json(test->control, test->buffer, IPERF3_PARAMS_MAX);
    if (len < 0)
        return -1;
    error = iperf3_read_params(test->buffer, (size_t)len, &test->params);
    memset(test->buffer, 0, (size_t)len); /* it is sent from now on */
    if (!error)
        return 0;
    if (error > 0)
        say_error(test->control, error);
    return -1;
}

static bool control_is_gone(const struct test *test)
{
    char byte;
    ssize_t n = recv(test->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static int wait_for_streams(struct test *test)
{
    uint64_t deadline_us = now_us() + HELLO_S * 1000000;
    int wanted = test->params.streams * (test->params.both ? 2 : 1);
    test->phase = PHASE_CONNECTING;
    if (say(test->control, IPERF3_CREATE_STREAMS))
        return -1;
    while (test->stream_count < wanted) {
        if (now_us() > deadline_us || control_is_gone(test))
            return -1;
        usleep(TICK_US);
    }
    return 0;
}

static uint64_t bytes_moved(const struct test *test)
{
    uint64_t sum = 0;
    for (int i = 0; i < test->stream_count; i++)
        sum += test->streams[i].bytes;
    return sum;
}

/* Return: 0 when the client says that the test is at its end; -1 if it says anything else, or nothing while
 * nothing moves. */
static int wait_for_end(struct test *test)
{
    uint64_t moved = 0;
    signed char state;
    set_patience(test->control, STALL_S);
    for (;;) {
        ssize_t n = recv(test->control, &state, 1, 0);
        if (n == 1)
            return state == IPERF3_TEST_END ? 0 : -1;
        if (n == 0 || errno != EAGAIN || bytes_moved(test) == moved)
            return -1;
        moved = bytes_moved(test);
    }
}

/* Every stream's task leaves its call, and the last of them the test. */
static void end_streams(struct test *test)
{
    test->phase = PHASE_OVER;
    test->end_us = now_us();
    for (int i = 0; i < test->stream_count; i++) {
        if (test->streams[i].open)
            shutdown(test->streams[i].fd, SHUT_RDWR);
        while (test->streams[i].open)
            usleep(TICK_US);
    }
}

static void write_stream(const struct test *test, int index, struct json_writer *w)
{
    const struct stream *stream = &test->streams[index];
    json_open(w, NULL, '{');
    json_put_number(w, "id", index ? index + 2 : 1); /* iperf3 counts 1, 3, 4, 5 ... */
    json_put_number(w, "bytes", (int64_t)stream->bytes);
    json_put_number(w, "retransmits", stream->sends ? stream->retransmits : -1);
    json_put_number(w, "jitter", 0);
    json_put_number(w, "errors", 0);
    json_put_number(w, "packets", 0);
    json_put_number(w, "start_time", 0);
    json_put_micro(w, "end_time", (int64_t)(test->end_us - test->start_us));
    json_close(w, '}');
}

/* The machine has no account of its CPU's time, so it says that it used none. */
static size_t write_results(struct test *test)
{
    struct json_writer w;
    bool sends = test->params.reverse || test->params.both;
    json_start(&w, test->buffer, sizeof(test->buffer));
    json_open(&w, NULL, '{');
    json_put_number(&w, "cpu_util_total", 0);
    json_put_number(&w, "cpu_util_user", 0);
    json_put_number(&w, "cpu_util_system", 0);
    json_put_number(&w, "sender_has_retransmits", sends ? 1 : -1);
    json_open(&w, "streams", '[');
    for (int i = 0; i < test->stream_count; i++)
        write_stream(test, i, &w);
    json_close(&w, ']');
    json_close(&w, '}');
    return w.len;
}

static int exchange_results(struct test *test)
{
    signed char state;
    set_patience(test->control, REPLY_S);
    if (say(test->control, IPERF3_EXCHANGE_RESULTS) ||
        receive_json(test->control, test->buffer, sizeof(test->buffer)) < 0)
        return -1;
    if (send_json(test->control, test->buffer, write_results(test)) ||
        say(test->control, IPERF3_DISPLAY_RESULTS))
        return -1;
    return receive(test->control, &state, 1); /* IPERF_DONE: the client closes first, and keeps TIME_WAIT */
}

static int run_streams(struct test *test)
{
    test->start_us = now_us();
    test->phase = PHASE_RUNNING;
    if (say(test->control, IPERF3_TEST_START) || say(test->control, IPERF3_TEST_RUNNING))
        return -1;
    return wait_for_end(test);
}

static void serve_test(struct server *server, int fd, const char *cookie)
{
    struct test *test = calloc(1, sizeof(*test));
    if (!test)
        return;
    server->test = test;
    test->control = fd;
    memcpy(test->cookie, cookie, sizeof(test->cookie));
    set_patience(fd, REPLY_S);
    bool whole = !agree_on_params(test) && !wait_for_streams(test) && !run_streams(test);
    end_streams(test);
    if (whole)
        exchange_results(test);
    server->test = NULL;
    free(test);
}

/* Does the test wait for a stream, and is this one it has asked for? */
static bool is_stream_of(const struct test *test, const char *cookie)
{
    int wanted = test->params.streams * (test->params.both ? 2 : 1);
    return test->phase == PHASE_CONNECTING && test->stream_count < wanted &&
           !memcmp(test->cookie, cookie, sizeof(test->cookie));
}

static void iperf3_serve(int fd, void *shared)
{
    struct server *server = shared;
    char cookie[IPERF3_COOKIE_LEN];
    set_patience(fd, HELLO_S);
    if (receive(fd, cookie, sizeof(cookie)))
        return;
    if (!server->test)
        serve_test(server, fd, cookie);
    else if (is_stream_of(server->test, cookie))
        serve_stream(server->test, fd);
    else
        say(fd, IPERF3_ACCESS_DENIED);
}

const struct service iperf3_service = {
    .name = "iperf3", .port = 5201, .serve = iperf3_serve, .shared_size = sizeof(struct server)};
