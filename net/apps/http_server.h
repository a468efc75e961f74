/*
 * http_server.h - what the parts of the web server share: the server and its connections.
 *
 *     httpd.c         accepts, waits for events, lets time pass, decides who goes when it gets crowded
 *     http_conn.c     one connection: received bytes to requests, and its states
 *     http_output.c   sending, and keeping what could not be sent yet
 *     http_respond.c  a request to its answer
 *
 * One task does it all. An idle connection costs one struct http_conn: received bytes are looked at in the
 * server's one buffer, and a connection gets a buffer of its own only while a request is incomplete.
 */
#ifndef NET_APPS_HTTP_SERVER_H
#define NET_APPS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/apps/http_date.h"
#include "net/apps/http_file.h"
#include "net/apps/http_parser.h"
#include "net/apps/http_path.h"
#include "net/apps/link.h"

#define HTTP_RX_SIZE        16384u         /* one recv() */
#define HTTP_TX_SIZE        16384u         /* answers to pipelined requests that leave together */
#define HTTP_SCRATCH_SIZE   16384u         /* a page that is made up on request */
#define HTTP_BODY_MAX       (1024u * 1024) /* of a request; it is thrown away: 413 beyond */
#define HTTP_INPUT_MIN      1024u          /* first size of a connection's own buffer */
#define HTTP_INPUT_MAX      (HTTP_HEAD_MAX + 2048u)
#define HTTP_WRITE_STEP     2048u         /* bytes that must leave within one write timeout */
#define HTTP_LINGER_MAX     (256u * 1024) /* bytes thrown away while waiting for the peer to close */
#define HTTP_CLIENT_BUCKETS 256u

enum http_conn_state {
    HTTP_CONN_READING,   /* a request is under way, or the first one is awaited */
    HTTP_CONN_IDLE,      /* kept alive, nothing under way */
    HTTP_CONN_WRITING,   /* the socket's buffer is full */
    HTTP_CONN_LINGERING, /* our side is closed; waits for the peer's, so that no RST overtakes the answer */
    HTTP_CONN_STATES,
    HTTP_CONN_DEAD = HTTP_CONN_STATES /* closed; freed when the events at hand are done */
};

/* How far the request under way has come. */
struct http_exchange {
    struct http_request req;
    struct http_chunked chunked;
    uint64_t body_left; /* of a body with Content-Length */
    uint32_t head_len;  /* 0: the head is not complete */
};

/* Bytes of a request that is not complete, or that waits for the answer to the one before. */
struct http_input {
    struct http_exchange exchange;
    uint32_t len, cap;
    char data[];
};

/* What the socket would not take yet: first data, then a part of a file. */
struct http_output {
    char *data; /* malloc()ed; NULL if there is none */
    uint32_t sent, len;
    struct http_file *file; /* held; NULL if there is none */
    off_t offset;
    uint64_t left;
};

/* All connections from one address. */
struct http_client {
    struct http_client *hash_next;
    uint32_t address; /* network byte order */
    unsigned count;
    struct link conns; /* http_conn.of_client, oldest first */
};

struct http_conn {
    struct link of_state; /* http_server.state[state], the longest in it first */
    struct link of_client;
    struct http_server *server;
    struct http_client *client;
    struct http_input *input;   /* NULL: nothing is incomplete */
    struct http_output *output; /* NULL: everything is sent */
    uint64_t since_ms;          /* when it came into its state, or last made progress in it */
    int fd;
    uint32_t moved;    /* bytes since since_ms, in WRITING and LINGERING */
    uint32_t interest; /* what epoll watches for */
    uint8_t state;     /* enum http_conn_state */
    bool closing;      /* no further request is read */
    bool linger;       /* the peer may still be sending */
    bool broken;       /* the socket has failed */
    bool unread;       /* the socket may hold more than was read: see watch() */
};

/* A head under construction. What does not fit is left out, and `cut` says so. */
struct http_head {
    size_t len;
    bool cut;
    char text[4096];
};

/*
 * The last head that was understood. Programs and browsers say the same again and again on a kept-alive
 * connection; comparing is many times cheaper than understanding.
 */
#define HTTP_MEMO_MAX 512u

struct http_memo {
    struct http_request req;
    uint32_t len; /* 0: nothing yet */
    char head[HTTP_MEMO_MAX];
};

struct http_server {
    int epoll_fd, listen_fd;
    bool has_site, listen_paused;
    uint16_t port;
    uint64_t now_ms; /* CLOCK_MONOTONIC at the last return of epoll_wait() */
    uint64_t date_until_ms;
    uint32_t date_version;
    char date[HTTP_DATE_LEN + 1];

    struct link state[HTTP_CONN_STATES];
    struct link dead;
    struct http_client *clients[HTTP_CLIENT_BUCKETS];
    uint32_t client_seed;
    unsigned conn_count, conn_max, client_max;
    size_t input_bytes, input_max; /* of all http_input together */
    uint64_t requests;             /* answered since the start */

    struct http_files *files;
    struct http_memo memo;
    struct http_exchange exchange; /* of a connection without http_input */
    size_t tx_len;
    struct http_head head;
    char path[HTTP_PATH_MAX];
    char rx[HTTP_RX_SIZE], tx[HTTP_TX_SIZE], scratch[HTTP_SCRATCH_SIZE];
};

/* --- http_conn.c --- */

/* A new connection on `fd` (taken), whose first bytes may already be there. */
void http_conn_open(struct http_server *server, int fd, struct http_client *client);
void http_conn_event(struct http_conn *conn, uint32_t events);
/* Its time in its state is over. */
void http_conn_expire(struct http_conn *conn);
void http_conn_close(struct http_conn *conn);
void http_conn_set_state(struct http_conn *conn, enum http_conn_state state);

/* --- http_output.c --- */

/**
 * http_conn_write - send, or keep, these bytes (copied)
 * @more: another piece follows at once; it and this one may share a segment
 *
 * A failed socket sets conn->broken.
 */
void http_conn_write(struct http_conn *conn, const char *data, size_t len, bool more);
/* Sends `len` bytes of a file by reference, after all that was written before. */
void http_conn_write_file(struct http_conn *conn, struct http_file *file, uint64_t offset, uint64_t len);
/* Nothing more follows for now. */
void http_conn_flush(struct http_conn *conn);
/* The socket takes more. Leaves conn->output NULL once all is sent. */
void http_conn_continue_output(struct http_conn *conn);
void http_conn_drop_output(struct http_conn *conn);

/* --- http_respond.c --- */

/* Answers the complete request in server->exchange or conn->input. @more: the next one is already there. */
void http_respond(struct http_conn *conn, const struct http_request *req, const char *buf, bool more);
/* Answers with an error page, as the last answer of this connection: where the next request starts is not
 * known. */
void http_respond_error(struct http_conn *conn, const struct http_request *req, const char *buf, int status);

/* --- httpd.c --- */

void http_client_put(struct http_server *server, struct http_client *client);
/* Closes the connection that has done nothing for longest, but not `except`. False if all are busy. */
bool http_server_evict(struct http_server *server, const struct http_conn *except);

#endif
