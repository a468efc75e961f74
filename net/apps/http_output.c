/*
 * http_output.c - the sending side of an HTTP connection.
 *
 * Answers come from http_respond.c. A single answer goes straight to send(); answers to pipelined requests
 * are gathered in the server's buffer and leave together; what the socket does not take is kept with the
 * connection until EPOLLOUT. While something is kept, http_conn.c starts no further request, so at most one
 * file and its head wait here.
 */
#include "net/apps/http_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

static struct http_output *get_output(struct http_conn *conn)
{
    if (!conn->output)
        conn->output = calloc(1, sizeof(*conn->output));
    if (!conn->output)
        conn->broken = true;
    return conn->output;
}

/* Keeps data for later, behind what is kept already. */
static void keep_data(struct http_conn *conn, const char *data, size_t len)
{
    struct http_output *out = get_output(conn);
    if (!out || !len)
        return;
    char *grown = realloc(out->data, out->len + len);
    if (!grown) {
        conn->broken = true;
        return;
    }
    memcpy(grown + out->len, data, len);
    out->data = grown;
    out->len += len;
}

/*
 * Return: bytes taken by the socket, 0 if it is full; sets conn->broken if it has failed.
 *
 * The last bytes of a connection wait for the FIN that finish() sends next and share its segment. That saves
 * one, and a client that closes when it has read the answer cannot overtake us: TIME_WAIT stays on our side.
 */
static size_t try_send(struct http_conn *conn, const char *data, size_t len, int flags)
{
    ssize_t n = send(conn->fd, data, len, flags | MSG_NOSIGNAL | (conn->closing ? MSG_MORE : 0));
    if (n >= 0)
        return n;
    if (errno != EAGAIN && errno != EINTR)
        conn->broken = true;
    return 0;
}

static void send_now(struct http_conn *conn, const char *data, size_t len, int flags)
{
    size_t n = try_send(conn, data, len, flags);
    if (n < len && !conn->broken)
        keep_data(conn, data + n, len - n);
}

static void flush_gathered(struct http_conn *conn, int flags)
{
    struct http_server *server = conn->server;
    size_t len = server->tx_len;
    server->tx_len = 0;
    if (len && !conn->broken)
        send_now(conn, server->tx, len, flags);
}

void http_conn_write(struct http_conn *conn, const char *data, size_t len, bool more)
{
    struct http_server *server = conn->server;
    if (!more && !server->tx_len && !conn->output) {
        send_now(conn, data, len, 0);
        return;
    }
    if (len > HTTP_TX_SIZE - server->tx_len)
        flush_gathered(conn, MSG_MORE);
    if (conn->broken)
        return;
    if (conn->output) {
        keep_data(conn, data, len);
    } else if (len > HTTP_TX_SIZE) {
        send_now(conn, data, len, more ? MSG_MORE : 0);
    } else {
        memcpy(server->tx + server->tx_len, data, len);
        server->tx_len += len;
    }
}

void http_conn_flush(struct http_conn *conn)
{
    if (conn->server->tx_len)
        flush_gathered(conn, 0);
}

/* Return: bytes moved; advances *offset and *left. */
static size_t try_sendfile(struct http_conn *conn, struct http_file *file, off_t *offset, uint64_t *left)
{
    size_t moved = 0;
    while (*left) {
        ssize_t n = sendfile(conn->fd, file->fd, offset, *left);
        if (n <= 0) {
            if (n == 0 || (errno != EAGAIN && errno != EINTR))
                conn->broken = true; /* also when the file is shorter than it was */
            break;
        }
        moved += n;
        *left -= n;
    }
    return moved;
}

void http_conn_write_file(struct http_conn *conn, struct http_file *file, uint64_t offset, uint64_t len)
{
    off_t at = offset;
    flush_gathered(conn, MSG_MORE);
    if (conn->closing) /* as in try_send(); sendfile() has no flags */
        setsockopt(conn->fd, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int));
    if (!conn->output && !conn->broken)
        try_sendfile(conn, file, &at, &len);
    if (conn->broken || !len)
        return;
    struct http_output *out = get_output(conn);
    if (!out)
        return;
    http_file_hold(file);
    out->file = file;
    out->offset = at;
    out->left = len;
}

void http_conn_drop_output(struct http_conn *conn)
{
    struct http_output *out = conn->output;
    if (!out)
        return;
    conn->output = NULL;
    http_file_put(out->file);
    free(out->data);
    free(out);
}

void http_conn_continue_output(struct http_conn *conn)
{
    struct http_output *out = conn->output;
    size_t moved = 0;
    if (out->sent < out->len) {
        moved = try_send(conn, out->data + out->sent, out->len - out->sent, out->file ? MSG_MORE : 0);
        out->sent += moved;
    }
    if (out->sent == out->len && out->file && !conn->broken)
        moved += try_sendfile(conn, out->file, &out->offset, &out->left);
    conn->moved = moved < HTTP_WRITE_STEP ? conn->moved + moved : HTTP_WRITE_STEP;
    if (conn->moved >= HTTP_WRITE_STEP) /* real progress: the clock starts anew */
        http_conn_set_state(conn, HTTP_CONN_WRITING);
    if (out->sent == out->len && !out->left)
        http_conn_drop_output(conn);
}
