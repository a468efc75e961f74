/*
 * http_conn.c - one connection of the web server: received bytes to requests, in order.
 *
 * Called by httpd.c's loop for each event of the socket. Reads once, cuts the bytes into requests
 * (http_parser.c), has each answered (http_respond.c), and settles into the state that follows: idle, waiting
 * for the rest of a request, waiting to send, or waiting for the peer to close.
 */
#include "net/apps/http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void http_conn_set_state(struct http_conn *conn, enum http_conn_state state)
{
    conn->state = state;
    conn->moved = 0;
    conn->since_ms = conn->server->now_ms;
    link_move_last(&conn->server->state[state], &conn->of_state);
}

static void drop_input(struct http_conn *conn)
{
    if (!conn->input)
        return;
    conn->server->input_bytes -= conn->input->cap;
    free(conn->input);
    conn->input = NULL;
}

void http_conn_close(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    if (conn->state == HTTP_CONN_DEAD)
        return;
    drop_input(conn);
    http_conn_drop_output(conn);
    close(conn->fd); /* also takes it out of the epoll set */
    conn->fd = -1;
    link_remove(&conn->of_client);
    http_client_put(server, conn->client);
    conn->state = HTTP_CONN_DEAD;
    link_move_last(&server->dead, &conn->of_state);
    server->conn_count--;
}

/* The rest of the answer is worth nothing any more: throw away what the socket still holds, too. */
static void abort_conn(struct http_conn *conn)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    http_conn_close(conn);
}

/*
 * Text is told once (EPOLLET), which spares the set from asking again after each request whether there is
 * more. Where there may be more (conn->unread), EPOLL_CTL_MOD lets it look.
 */
static void watch(struct http_conn *conn, uint32_t interest)
{
    struct epoll_event event = {.events = interest, .data.ptr = conn};
    if (conn->interest == interest && !conn->unread)
        return;
    if (interest == EPOLLIN)
        event.events |= EPOLLRDHUP | EPOLLPRI | EPOLLET;
    int op = conn->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(conn->server->epoll_fd, op, conn->fd, &event))
        conn->broken = true;
    conn->interest = interest;
    conn->unread = false;
}

static void init_exchange(struct http_exchange *x)
{
    http_request_init(&x->req);
    memset(&x->chunked, 0, sizeof(x->chunked));
    x->body_left = 0;
    x->head_len = 0;
}

/* --- the connection's own buffer --- */

static struct http_input *resize_input(struct http_conn *conn, uint32_t cap)
{
    struct http_server *server = conn->server;
    struct http_input *old = conn->input;
    uint32_t old_cap = old ? old->cap : 0;
    while (server->input_bytes + cap - old_cap > server->input_max)
        if (!http_server_evict(server, conn))
            return NULL;
    struct http_input *input = realloc(old, sizeof(*input) + cap);
    if (!input)
        return NULL;
    if (!old)
        input->len = 0;
    server->input_bytes += cap - old_cap;
    input->cap = cap;
    conn->input = input;
    return input;
}

/* Room for at least a few hundred bytes more. A head under way is shorter than HTTP_HEAD_MAX, so there always
 * is. */
static bool grow_input(struct http_conn *conn)
{
    uint32_t cap = conn->input->cap;
    if (cap - conn->input->len >= HTTP_INPUT_MIN / 2)
        return true;
    cap = cap * 2 < HTTP_INPUT_MAX ? cap * 2 : HTTP_INPUT_MAX;
    return resize_input(conn, cap) != NULL;
}

/* Keeps what is left for later: `len` bytes at `buf`, which lie in the own buffer or in the server's. */
static void save_input(struct http_conn *conn, const struct http_exchange *x, const char *buf, size_t len)
{
    if (!len) {
        drop_input(conn);
        return;
    }
    if (!conn->input) {
        if (!resize_input(conn, len < HTTP_INPUT_MIN ? HTTP_INPUT_MIN : len)) {
            conn->broken = true;
            return;
        }
        conn->input->exchange = *x;
        memcpy(conn->input->data, buf, len);
    } else {
        memmove(conn->input->data, buf, len);
    }
    conn->input->len = len;
}

/* --- requests --- */

/* The head is complete: may the body come? 0, or the status to refuse it with. */
static int begin_body(struct http_conn *conn, struct http_exchange *x, bool body_has_begun)
{
    const struct http_request *req = &x->req;
    x->body_left = req->chunked ? 0 : req->content_length;
    if (x->body_left > HTTP_BODY_MAX)
        return 413;
    if (!req->expect_continue || body_has_begun)
        return 0;
    if (req->method == HTTP_NOT_ALLOWED)
        return 405; /* a final status at once spares the peer its body (RFC 9110 10.1.1) */
    if (req->method == HTTP_NOT_IMPLEMENTED)
        return 501;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    http_conn_write(conn, go_on, sizeof(go_on) - 1, false);
    return 0;
}

/* Takes body bytes and forgets them. 1: the body is complete; 0: more to come; 400 or 413. *used: how many.
 */
static int skip_body(struct http_exchange *x, const char *buf, size_t len, size_t *used)
{
    if (x->req.chunked) {
        int result = http_chunked_parse(&x->chunked, buf, len, used);
        if (result < 0)
            return -result;
        return x->chunked.total > HTTP_BODY_MAX ? 413 : result;
    }
    *used = len < x->body_left ? len : x->body_left;
    x->body_left -= *used;
    return x->body_left ? 0 : 1;
}

/* http_request_parse(), unless this is word for word the head that was parsed last. */
static int parse_head(struct http_memo *memo, struct http_exchange *x, const char *buf, size_t len)
{
    if (memo->len && len >= memo->len && !x->req.scanned && !memcmp(buf, memo->head, memo->len)) {
        x->req = memo->req;
        return memo->len;
    }
    int head_len = http_request_parse(&x->req, buf, len);
    if (head_len > 0 && head_len <= (int)HTTP_MEMO_MAX) {
        memo->len = head_len;
        memo->req = x->req;
        memcpy(memo->head, buf, head_len);
    }
    return head_len;
}

/*
 * Brings the request at buf as far as its bytes go. *used: bytes that are done with.
 * Return: 1 it is complete; 0 more to come (the head, if complete, stays at buf); else the status of an
 * error.
 */
static int advance_request(struct http_conn *conn, struct http_exchange *x, const char *buf, size_t len,
                           size_t *used)
{
    *used = 0;
    if (!x->head_len) {
        int head_len = parse_head(&conn->server->memo, x, buf, len);
        if (head_len <= 0)
            return -head_len;
        x->head_len = head_len;
        int status = begin_body(conn, x, (size_t)head_len < len);
        if (status)
            return status;
    }
    if (!x->req.chunked && !x->body_left)
        return 1;
    return skip_body(x, buf + x->head_len, len - x->head_len, used);
}

/* The connection has answered for the last time. */
static void finish(struct http_conn *conn)
{
    drop_input(conn);
    if (!conn->linger) {
        http_conn_close(conn);
        return;
    }
    shutdown(conn->fd, SHUT_WR);
    http_conn_set_state(conn, HTTP_CONN_LINGERING);
    watch(conn, EPOLLIN);
    if (conn->broken)
        http_conn_close(conn);
}

/* After a round of requests: the state that follows. */
static void settle(struct http_conn *conn)
{
    http_conn_flush(conn);
    if (conn->broken) {
        http_conn_close(conn);
        return;
    }
    if (conn->output) {
        if (conn->state != HTTP_CONN_WRITING)
            http_conn_set_state(conn, HTTP_CONN_WRITING);
        watch(conn, EPOLLOUT);
    } else if (conn->closing) {
        finish(conn);
        return;
    } else {
        if (!conn->input)
            http_conn_set_state(conn, HTTP_CONN_IDLE);
        else if (conn->state != HTTP_CONN_READING)
            http_conn_set_state(conn, HTTP_CONN_READING);
        watch(conn, EPOLLIN);
    }
    if (conn->broken)
        http_conn_close(conn);
}

/* Answers all complete requests in buf, in order, until one must wait. */
static void process(struct http_conn *conn, const char *buf, size_t len)
{
    struct http_exchange *x = conn->input ? &conn->input->exchange : &conn->server->exchange;
    while (len && !conn->output && !conn->closing && !conn->broken) {
        size_t used;
        int result = advance_request(conn, x, buf, len, &used);
        if (result == 0) {
            if (x->head_len)
                len = x->head_len; /* all behind the head was body, and is forgotten */
            break;
        }
        if (result != 1) {
            http_respond_error(conn, &x->req, buf, result);
            conn->closing = conn->linger = true;
            break;
        }
        size_t done = x->head_len + used;
        http_respond(conn, &x->req, buf, len > done);
        buf += done;
        len -= done;
        conn->linger |= conn->closing && len;
        init_exchange(x);
        if (conn->state == HTTP_CONN_READING && len)
            http_conn_set_state(conn, HTTP_CONN_READING); /* the next request has its own time */
    }
    if (conn->closing)
        len = 0;
    save_input(conn, x, buf, len);
    settle(conn);
}

/* Return: bytes read; 0 if the connection is over or there is nothing now. */
static size_t receive(struct http_conn *conn, char *buf, size_t room)
{
    ssize_t n = recv(conn->fd, buf, room, 0);
    if (n > 0) {
        conn->unread |= (size_t)n == room;
        return n;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        http_conn_close(conn);
    return 0;
}

static void readable(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct http_input *input = conn->input;
    if (!input) {
        size_t n = receive(conn, server->rx, HTTP_RX_SIZE);
        if (!n)
            return;
        init_exchange(&server->exchange);
        process(conn, server->rx, n);
        return;
    }
    if (!grow_input(conn)) {
        http_conn_close(conn);
        return;
    }
    input = conn->input;
    size_t n = receive(conn, input->data + input->len, input->cap - input->len);
    if (!n)
        return;
    input->len += n;
    process(conn, input->data, input->len);
}

static void writable(struct http_conn *conn)
{
    http_conn_continue_output(conn);
    if (conn->input && !conn->output && !conn->closing && !conn->broken)
        process(conn, conn->input->data, conn->input->len);
    else
        settle(conn);
}

/* Throws away what comes until the peer closes too. */
static void lingering(struct http_conn *conn)
{
    size_t n = receive(conn, conn->server->rx, HTTP_RX_SIZE);
    conn->moved += n;
    if (conn->moved > HTTP_LINGER_MAX)
        abort_conn(conn);
    else if (n)
        watch(conn, EPOLLIN);
    if (conn->broken)
        http_conn_close(conn);
}

void http_conn_event(struct http_conn *conn, uint32_t events)
{
    /* Behind the text there is an end, or the mark of urgent data, where recv() stops short. */
    conn->unread |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0;
    switch ((enum http_conn_state)conn->state) {
    case HTTP_CONN_READING:
    case HTTP_CONN_IDLE:
        readable(conn); /* recv() also tells errors */
        break;
    case HTTP_CONN_WRITING:
        if (events & (EPOLLERR | EPOLLHUP))
            http_conn_close(conn);
        else
            writable(conn);
        break;
    case HTTP_CONN_LINGERING:
        lingering(conn);
        break;
    case HTTP_CONN_DEAD:
        break; /* closed by an earlier event of this round */
    }
}

void http_conn_expire(struct http_conn *conn)
{
    if (conn->state == HTTP_CONN_WRITING) {
        abort_conn(conn);
        return;
    }
    if (conn->state != HTTP_CONN_READING || !conn->input) {
        http_conn_close(conn);
        return;
    }
    http_respond_error(conn, &conn->input->exchange.req, conn->input->data, 408);
    conn->closing = conn->linger = true;
    settle(conn);
}

void http_conn_open(struct http_server *server, int fd, struct http_client *client)
{
    struct http_conn *conn = calloc(1, sizeof(*conn));
    if (!conn) {
        close(fd);
        http_client_put(server, client);
        return;
    }
    conn->server = server;
    conn->client = client;
    conn->fd = fd;
    link_init(&conn->of_state);
    link_init(&conn->of_client);
    link_append(&client->conns, &conn->of_client);
    server->conn_count++;
    http_conn_set_state(conn, HTTP_CONN_READING);
    readable(conn); /* the request often comes along with the last segment of the handshake */
    if (conn->state == HTTP_CONN_READING)
        watch(conn, EPOLLIN);
    if (conn->broken)
        http_conn_close(conn);
}
