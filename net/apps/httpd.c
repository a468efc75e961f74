/*
 * httpd.c - the web server: one task, one epoll loop.
 *
 * Accepts connections, hands events to http_conn.c, lets time run out on those who keep it waiting, and
 * decides who goes when it gets crowded: the connection that has done nothing for longest. Limits follow from
 * the machine's memory. RFC 9112 9.5, 9.6; RFC 9110 17.
 */
#include "net/apps/httpd.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <skiff/system.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "net/apps/clock.h"
#include "net/apps/http_server.h"
#include "net/apps/start_page.h"

#define HTTP_PORT     80
#define HTTP_BACKLOG  1024
#define HTTP_EVENTS   64  /* per epoll_wait() */
#define HTTP_ACCEPTS  64  /* per event of the listening socket */
#define HTTP_RETRY_MS 200 /* until accept() is tried again when there was no room */
/* Limits follow from the machine's memory. A connection costs itself, its socket, and what is in their
 * buffers. */
#define HTTP_KB_PER_CONN 8
#define HTTP_KB_PER_FILE 64
#define HTTP_CONN_MAX    12000u /* descriptors remain for files and others */
#define HTTP_CONN_MIN    64u
#define HTTP_FILES_MAX   512u
#define HTTP_FILES_MIN   32u

/* How long a connection may stay in a state, ms. */
static const uint32_t state_timeout_ms[HTTP_CONN_STATES] = {
    [HTTP_CONN_READING] = 10000, /* from its first byte to its last, however it trickles */
    [HTTP_CONN_IDLE] = 60000,
    [HTTP_CONN_WRITING] = 30000, /* without HTTP_WRITE_STEP bytes leaving */
    [HTTP_CONN_LINGERING] = 2000,
};

/* --- clients --- */

static struct http_client **client_bucket(struct http_server *server, uint32_t address)
{
    return &server->clients[((address ^ server->client_seed) * 2654435761u) >> 24];
}

static struct http_client *client_get(struct http_server *server, uint32_t address)
{
    struct http_client **bucket = client_bucket(server, address);
    struct http_client *client = *bucket;
    while (client && client->address != address)
        client = client->hash_next;
    if (!client) {
        client = calloc(1, sizeof(*client));
        if (!client)
            return NULL;
        client->address = address;
        link_init(&client->conns);
        client->hash_next = *bucket;
        *bucket = client;
    }
    client->count++;
    return client;
}

void http_client_put(struct http_server *server, struct http_client *client)
{
    if (--client->count)
        return;
    struct http_client **at = client_bucket(server, client->address);
    while (*at != client)
        at = &(*at)->hash_next;
    *at = client->hash_next;
    free(client);
}

/* --- when it gets crowded --- */

static struct http_conn *oldest_in(struct http_server *server, enum http_conn_state state,
                                   const struct http_conn *except)
{
    for (struct link *l = server->state[state].next; l != &server->state[state]; l = l->next) {
        struct http_conn *conn = link_entry(l, struct http_conn, of_state);
        if (conn != except)
            return conn;
    }
    return NULL;
}

bool http_server_evict(struct http_server *server, const struct http_conn *except)
{
    struct http_conn *victim = oldest_in(server, HTTP_CONN_LINGERING, except);
    if (!victim) {
        struct http_conn *idle = oldest_in(server, HTTP_CONN_IDLE, except);
        struct http_conn *reading = oldest_in(server, HTTP_CONN_READING, except);
        victim = !idle || (reading && reading->since_ms < idle->since_ms) ? reading : idle;
    }
    if (victim)
        http_conn_close(victim);
    return victim;
}

/* The oldest connection of this client that is not being answered makes room for its next. */
static bool evict_of_client(struct http_client *client)
{
    for (struct link *l = client->conns.next; l != &client->conns; l = l->next) {
        struct http_conn *conn = link_entry(l, struct http_conn, of_client);
        if (conn->state != HTTP_CONN_WRITING) {
            http_conn_close(conn);
            return true;
        }
    }
    return false;
}

/* --- accepting --- */

static int watch_listener(struct http_server *server, int op, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = NULL};
    return epoll_ctl(server->epoll_fd, op, server->listen_fd, &event);
}

static void take_connection(struct http_server *server, int fd, uint32_t address)
{
    struct http_client *client = client_get(server, address);
    if (!client) {
        close(fd);
        return;
    }
    bool room = client->count <= server->client_max || evict_of_client(client);
    room = room && (server->conn_count < server->conn_max || http_server_evict(server, NULL));
    if (!room) {
        close(fd);
        http_client_put(server, client);
        return;
    }
    http_conn_open(server, fd, client);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

static void accept_connections(struct http_server *server)
{
    for (int i = 0; i < HTTP_ACCEPTS; i++) {
        struct sockaddr_in peer = {0};
        socklen_t len = sizeof(peer);
        int fd = accept4(server->listen_fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK);
        if (fd >= 0) {
            take_connection(server, fd, peer.sin_addr.s_addr);
            continue;
        }
        if (is_shortage(errno) && !http_server_evict(server, NULL)) {
            server->listen_paused = true; /* or epoll_wait() would return at once, for ever */
            watch_listener(server, EPOLL_CTL_MOD, 0);
        }
        if (errno == EAGAIN || server->listen_paused)
            return;
    }
}

/* --- time --- */

/* Once per round: the clock, and once a second the text of Date. */
static void update_time(struct http_server *server)
{
    server->now_ms = clock_ms();
    if (server->now_ms < server->date_until_ms)
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    http_date_format(now.tv_sec, server->date);
    server->date_version++;
    server->date_until_ms = server->now_ms + 1000 - now.tv_nsec / 1000000;
}

static void expire(struct http_server *server)
{
    for (int state = 0; state < HTTP_CONN_STATES; state++) {
        struct link *l;
        while ((l = link_first(&server->state[state]))) {
            struct http_conn *conn = link_entry(l, struct http_conn, of_state);
            if (server->now_ms - conn->since_ms < state_timeout_ms[state])
                break;
            http_conn_expire(conn);
        }
    }
}

/* Until the next connection runs out of time, ms; -1 if none will. */
static int wait_ms(const struct http_server *server)
{
    int64_t wait = server->listen_paused ? HTTP_RETRY_MS : -1;
    for (int state = 0; state < HTTP_CONN_STATES; state++) {
        struct link *l = link_first(&server->state[state]);
        if (!l)
            continue;
        const struct http_conn *conn = link_entry(l, struct http_conn, of_state);
        int64_t left = (int64_t)(conn->since_ms + state_timeout_ms[state] - server->now_ms);
        left = left < 0 ? 0 : left;
        wait = wait < 0 || left < wait ? left : wait;
    }
    return wait;
}

/* --- the loop --- */

static void bury_dead(struct http_server *server)
{
    struct link *l;
    while ((l = link_first(&server->dead))) {
        link_remove(l);
        free(link_entry(l, struct http_conn, of_state));
    }
}

static void handle_events(struct http_server *server, const struct epoll_event *events, int count)
{
    bool accepting = server->listen_paused;
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            http_conn_event(events[i].data.ptr, events[i].events);
        else
            accepting = true;
    }
    if (server->listen_paused) {
        server->listen_paused = false;
        watch_listener(server, EPOLL_CTL_MOD, EPOLLIN);
    }
    if (accepting)
        accept_connections(server);
}

/* Until the epoll set is closed, which only whoever shares our descriptors can do. */
static void serve(struct http_server *server)
{
    struct epoll_event events[HTTP_EVENTS];
    for (;;) {
        int count = epoll_wait(server->epoll_fd, events, HTTP_EVENTS, wait_ms(server));
        if (count < 0 && errno != EINTR)
            return;
        update_time(server);
        handle_events(server, events, count);
        expire(server);
        bury_dead(server);
    }
}

/* --- starting --- */

static int open_listener(uint16_t port)
{
    int on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* Inherited by what is accepted: an answer's last, short segment does not wait for an acknowledgement. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, HTTP_BACKLOG)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool site_exists(void)
{
    struct stat st;
    return (!stat("/www", &st) && S_ISDIR(st.st_mode)) || !stat("/www/index.html", &st);
}

static void set_limits(struct http_server *server, uint64_t memory_kb)
{
    uint64_t conns = memory_kb / HTTP_KB_PER_CONN;
    conns = conns < HTTP_CONN_MIN ? HTTP_CONN_MIN : conns;
    server->conn_max = conns < HTTP_CONN_MAX ? conns : HTTP_CONN_MAX;
    server->client_max = server->conn_max - server->conn_max / 4; /* no single address takes all */
    server->input_max = memory_kb * 1024 / 16;
    if (server->input_max < 8 * HTTP_INPUT_MAX)
        server->input_max = 8 * HTTP_INPUT_MAX;
}

static unsigned file_limit(uint64_t memory_kb)
{
    uint64_t files = memory_kb / HTTP_KB_PER_FILE;
    if (files < HTTP_FILES_MIN)
        return HTTP_FILES_MIN;
    return files < HTTP_FILES_MAX ? files : HTTP_FILES_MAX;
}

static void destroy_server(struct http_server *server)
{
    struct link *l;
    for (int state = 0; state < HTTP_CONN_STATES; state++)
        while ((l = link_first(&server->state[state])))
            http_conn_close(link_entry(l, struct http_conn, of_state));
    bury_dead(server);
    if (server->files)
        http_files_destroy(server->files);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    if (server->epoll_fd >= 0)
        close(server->epoll_fd);
    free(server);
}

static struct http_server *create_server(uint16_t port)
{
    uint64_t memory_kb = skiff_stat("mem.total_kb");
    struct http_server *server = calloc(1, sizeof(*server));
    if (!server)
        return NULL;
    for (int state = 0; state < HTTP_CONN_STATES; state++)
        link_init(&server->state[state]);
    link_init(&server->dead);
    server->listen_fd = server->epoll_fd = -1;
    server->port = port;
    server->client_seed = rand();
    server->has_site = site_exists();
    set_limits(server, memory_kb);
    server->files = http_files_create(server->has_site ? "/www" : "", file_limit(memory_kb));
    if (!server->files || (!server->has_site && start_page_add_files(server->files))) {
        destroy_server(server);
        return NULL;
    }
    return server;
}

void httpd_main(void *arg)
{
    uint16_t port = arg ? (uint16_t)(intptr_t)arg : HTTP_PORT;
    struct http_server *server = create_server(port);
    if (!server) {
        printf("httpd: not enough memory to start\n");
        return;
    }
    server->listen_fd = open_listener(port);
    if (server->listen_fd >= 0)
        server->epoll_fd = epoll_create1(0);
    if (server->epoll_fd < 0 || watch_listener(server, EPOLL_CTL_ADD, EPOLLIN)) {
        printf("httpd: cannot listen on port %u: %s\n", (unsigned)port, strerror(errno));
        destroy_server(server);
        return;
    }
    update_time(server);
    printf("httpd: serving %s on port %u\n",
           server->has_site ? "/www" : "the start page (there is no site.tar with a folder www)",
           (unsigned)port);
    serve(server);
    destroy_server(server);
}
