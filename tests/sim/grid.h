/*
 * grid.h - cells of a grid: a network and what it may do to a conversation, how much is said, and how long
 * it may take. A failure names the cell and the seed.
 *
 * Of each table "make check" runs the cells once, "make test" (SKIFF_GRID=full) with several seeds; the
 * environment's SKIFF_GRID_SHOW shows what each took. In each cell both stacks are counted through while it
 * runs (tests/host/tcp_check.h).
 */
#ifndef TESTS_SIM_GRID_H
#define TESTS_SIM_GRID_H

#include <stdlib.h>

#include "tests/host/tcp_check.h"
#include "tests/sim/flow.h"

struct cell {
    const char *name;
    struct sim_conditions wire;
    size_t up, down;   /* bytes from the client, to it */
    unsigned timeouts; /* of both ends together at most */
    double seconds;    /* at most, to the last byte */
    int rcvbuf;        /* of both ends, 0: as it comes */
    uint64_t read_pause_ms;
    unsigned mtu[2];                   /* of client and server, 0: 1500 */
    const char *setting[2];            /* a sysctl of both and its value */
    const struct sim_conditions *back; /* from the server to the client; NULL: as `wire` */
    struct sim_conditions then;        /* in both directions, for a while: */
    unsigned at_ms, for_ms;
    bool (*pass)(void *ctx, struct net_device *from, const uint8_t *frame, size_t len);
    void (*rewrite)(void *ctx, struct net_device *from, uint8_t *frame, size_t len);
    /* what pass and rewrite go by */
    double share;    /* of frames they strike */
    uint8_t option;  /* TCPOPT_* */
    uint8_t flags;   /* with these TCPHDR_* alone among SYN and ACK; 0: all */
    unsigned length; /* frames longer than this */
    uint32_t shift;  /* of numbers or clocks */
    int only;        /* 1: frames from the client, 2: from the server */
};

/* A run of a cell. */
struct run {
    const struct cell *cell;
    struct sim_link *link;
    struct sim_host *client, *server;
    struct tcp_check check[2];
    const char *broken; /* a rule of theirs */
    uint64_t start_ns;
    bool bad; /* Gilbert-Elliott's state */
    unsigned hits;
    uint32_t first[2], base[2]; /* per end: ISN or first clock; what it is moved by */
    bool known[2];
    struct flow flow;
};

static void fail_cell(const struct run *r, uint64_t seed, const char *why, double took, unsigned timeouts)
{
    fail_msg("%s, seed %llu: %s (%.2f s, %u time-outs, %zu of %zu up, %zu of %zu down)", r->cell->name,
             (unsigned long long)seed, why, took, timeouts, r->flow.end[1].received, r->cell->up,
             r->flow.end[0].received, r->cell->down);
}

/* --- what goes on beside a run --- */

static void check_stacks(void *arg)
{
    struct run *r = arg;
    const void *sk;

    for (unsigned i = 0; i < 2 && !r->broken; i++)
        r->broken = tcp_check(i ? r->server->net : r->client->net, &r->check[i], &sk);
    if (!r->broken) /* more and more seldom: most happens soon */
        host_event_add(host_now_ns() + 11 * MS + (host_now_ns() - r->start_ns) / 64, check_stacks, arg);
}

static void set_wire(struct run *r)
{
    sim_link_set(r->link, &r->cell->wire);
    if (r->cell->back)
        sim_link_set_from(r->link, r->server->dev, r->cell->back);
}

static void change_wire(void *arg)
{
    struct run *r = arg;

    if (host_now_ns() >= r->start_ns + (r->cell->at_ms + r->cell->for_ms) * MS) {
        set_wire(r);
        return;
    }
    sim_link_set(r->link, &r->cell->then);
    host_event_add(host_now_ns() + r->cell->for_ms * MS, change_wire, r);
    r->hits++;
}

/* --- a run --- */

static void make_host(struct run *r, unsigned i, const char *address)
{
    const struct cell *cell = r->cell;
    struct sim_host *host = sim_host_create(i ? "server" : "client", r->link, address);

    if (cell->mtu[i])
        assert_int_equal(dev_set_mtu(host->dev, cell->mtu[i]), 0);
    if (cell->setting[0])
        assert_int_equal(sysctl_set(host->net, cell->setting[0], cell->setting[1]), 0);
    r->flow.end[i].rcvbuf = cell->rcvbuf;
    r->flow.end[i].read_pause_ms = cell->read_pause_ms;
    *(i ? &r->server : &r->client) = host;
}

static void start_run(struct run *r, uint64_t seed)
{
    const struct cell *cell = r->cell;

    r->link = sim_link_create();
    host_random_seed(seed);
    host_tell_total_pages(
        32768); /* small tables, which are soon counted through; buffers grow as on any machine */
    host_advance_ns(NSEC_PER_SEC - host_now_ns() % NSEC_PER_SEC);
    make_host(r, 0, "10.0.0.1/24");
    make_host(r, 1, "10.0.0.2/24");
    host_run();
    set_wire(r);
    if (cell->pass)
        sim_link_set_filter(r->link, cell->pass, r);
    if (cell->rewrite)
        sim_link_set_rewrite(r->link, cell->rewrite, r);
    r->flow.end[0].to_send = cell->up;
    r->flow.end[1].to_send = cell->down;
    r->start_ns = host_now_ns();
    if (cell->for_ms)
        host_event_add(r->start_ns + cell->at_ms * MS, change_wire, r);
    check_stacks(r);
    flow_start(&r->flow, r->client, r->server);
}

static void judge(struct run *r, uint64_t seed, bool over)
{
    const struct flow_end *end = r->flow.end;
    uint64_t done = end[0].done_ns > end[1].done_ns ? end[0].done_ns : end[1].done_ns;
    double took = (double)(done - end[0].start_ns) / 1e9;
    unsigned timeouts =
        (unsigned)(r->client->net->mib[MIB_TcpExtTCPTimeouts] + r->server->net->mib[MIB_TcpExtTCPTimeouts]);

    if (getenv("SKIFF_GRID_SHOW"))
        printf("# %s: %.2f s, %u time-outs, %u hits\n", r->cell->name, took, timeouts, r->hits);
    if (r->broken)
        fail_cell(r, seed, r->broken, took, timeouts);
    if (!over || r->flow.error)
        fail_cell(r, seed, over ? r->flow.error : "an hour was not enough", took, timeouts);
    if (end[0].received != r->cell->down || end[1].received != r->cell->up)
        fail_cell(r, seed, "bytes are missing", took, timeouts);
    if (timeouts > r->cell->timeouts)
        fail_cell(r, seed, "too many time-outs", took, timeouts);
    if (took > r->cell->seconds)
        fail_cell(r, seed, "too slow", took, timeouts);
}

static bool run_over(void *arg)
{
    struct run *r = arg;
    return r->broken || flow_over(&r->flow);
}

/* Return: how many frames the cell's own filter struck. */
static unsigned run_seed(const struct cell *cell, uint64_t seed)
{
    struct run r = {.cell = cell, .flow = {.port = 5001}};

    start_run(&r, seed);
    bool over = host_run_until(run_over, &r, 3600 * NSEC_PER_SEC);
    host_event_cancel(&r);
    judge(&r, seed, over);
    hosts_done(r.link, r.client, r.server);
    host_tell_total_pages(-1);
    return r.hits;
}

static void run_cells(const struct cell *cells, unsigned count)
{
    const char *grid = getenv("SKIFF_GRID");
    uint64_t seeds = grid && !strcmp(grid, "full") ? 4 : 1;

    for (unsigned i = 0; i < count; i++) {
        unsigned hits = 0;
        for (uint64_t seed = 1; seed <= seeds; seed++)
            hits += run_seed(&cells[i], seed);
        if ((cells[i].pass || cells[i].rewrite || cells[i].for_ms) && !hits)
            fail_msg("%s: the network did nothing", cells[i].name);
    }
}

#define RUN(cells) run_cells(cells, sizeof(cells) / sizeof((cells)[0]))

static const struct sim_conditions near = {.delay_ns = MS / 2}, far = {.delay_ns = 20 * MS};

/* --- filters and boxes that several tests use --- */

static bool not_its_side(const struct run *r, const struct net_device *from)
{
    return r->cell->only && (from == r->server->dev) != (r->cell->only == 2);
}

static void strip_option(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    uint8_t flags = r->cell->flags, *p;

    if (!is_tcp(frame) || not_its_side(r, from) ||
        (flags && (frame[TCP_AT + 13] & (TCPHDR_SYN | TCPHDR_ACK)) != flags))
        return;
    p = find_option(frame, r->cell->option);
    if (!p)
        return;
    memset(p, TCPOPT_NOP, p[1]);
    fix_tcp_csum(frame);
    r->hits++;
}

#endif
