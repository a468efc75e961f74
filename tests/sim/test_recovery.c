/*
 * test_recovery.c - how a transfer between two stacks gets over losses: not only that every byte arrives, but
 * how much was sent again, and in what time.
 *
 * The client sends, the server reads to the end; both are tasks on blocking sockets.
 */
#include <arpa/inet.h>
#include <string.h>

#include "kernel/task.h"
#include "net/core/snmp.h"
#include "net/core/sysctl.h"
#include "net/socket/socket.h"
#include "net/tcp/tcp.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/host/testnet.h"
#include "tests/unit/test.h"

#define PORT 5001
#define MS   NSEC_PER_MSEC

/* Bytes from the start of an Ethernet frame. */
#define IP_AT  14u
#define TCP_AT 34u

struct run {
    struct sim_conditions conditions;
    size_t size;
    bool unpaced; /* net.ipv4.tcp_pacing=0 on the client */
    bool (*pass)(void *ctx, struct net_device *from, const uint8_t *frame, size_t len);
    void (*rewrite)(void *ctx, struct net_device *from, uint8_t *frame, size_t len);
    /* for the filters */
    struct sim_host *client, *server;
    unsigned seen; /* data frames of the client so far */
    unsigned dropped;
    uint32_t first_seq, high_seq; /* start and end of the data seen so far, if seen */
    /* results */
    size_t received;
    bool wrong;
    unsigned unfinished;
    uint64_t start_ns, done_ns, lost_ns; /* when the last byte was read; when lose_last() struck */
    uint32_t srtt_us;                    /* of the client when all had arrived */
    uint64_t retrans, timeouts, probes, segments, duplicates, mtu_probes;
    uint32_t last_mss;
};

static uint8_t byte_at(size_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8) * 7 + (offset >> 16));
}

static void server_task(void *arg)
{
    struct run *r = arg;
    struct files *files = r->server->files;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    uint8_t buf[8192];
    ssize_t n;
    int listener = sys_socket(files, AF_INET, SOCK_STREAM, 0);

    sys_bind(files, listener, (void *)&addr, sizeof(addr));
    sys_listen(files, listener, 4);
    int fd = sys_accept4(files, listener, NULL, NULL, 0);
    while ((n = sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            r->wrong |= buf[i] != byte_at(r->received + (size_t)i);
        r->received += (size_t)n;
        if (r->received == r->size)
            r->done_ns = host_now_ns();
    }
    sys_close(files, fd);
    sys_close(files, listener);
    r->unfinished--;
}

static void client_task(void *arg)
{
    struct run *r = arg;
    struct files *files = r->client->files;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    uint8_t buf[8192];
    int fd = sys_socket(files, AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, "10.0.0.2", &addr.sin_addr);
    if (!sys_connect(files, fd, (void *)&addr, sizeof(addr))) {
        for (size_t sent = 0; sent < r->size;) {
            size_t n = r->size - sent < sizeof(buf) ? r->size - sent : sizeof(buf);
            for (size_t i = 0; i < n; i++)
                buf[i] = byte_at(sent + i);
            ssize_t ret = sys_sendto(files, fd, buf, n, sent + n < r->size ? MSG_MORE : 0, NULL, 0);
            if (ret <= 0)
                break;
            sent += (size_t)ret;
        }
        sys_recvfrom(files, fd, buf, 1, 0, NULL, NULL); /* until the server has closed */
    }
    sys_close(files, fd);
    r->unfinished--;
}

static bool all_received(void *arg)
{
    struct run *r = arg;
    return r->received == r->size;
}

/* Runs it to the last byte; the results are in `r`. */
static void run(struct run *r, uint64_t seed)
{
    host_random_seed(seed);
    host_advance_ns(NSEC_PER_SEC - host_now_ns() % NSEC_PER_SEC);
    struct sim_link *link = sim_link_create();
    r->client = sim_host_create("client", link, "10.0.0.1/24");
    r->server = sim_host_create("server", link, "10.0.0.2/24");
    host_run();
    sim_link_set(link, &r->conditions);
    if (r->unpaced)
        assert_int_equal(sysctl_set(r->client->net, "net.ipv4.tcp_pacing", "0"), 0);
    if (r->pass)
        sim_link_set_filter(link, r->pass, r);
    if (r->rewrite)
        sim_link_set_rewrite(link, r->rewrite, r);
    r->unfinished = 2;
    assert_non_null(task_create("server", server_task, r, r->server->files));
    host_run();
    assert_non_null(task_create("client", client_task, r, r->client->files));
    r->start_ns = host_now_ns();
    bool done = host_run_until(all_received, r, 600 * NSEC_PER_SEC);
    const uint64_t *mib = r->client->net->mib, *other = r->server->net->mib;
    r->retrans = mib[MIB_TcpRetransSegs];
    r->timeouts = mib[MIB_TcpExtTCPTimeouts];
    r->probes = mib[MIB_TcpExtTCPLossProbes];
    r->mtu_probes = mib[MIB_TcpExtTCPMTUPSuccess] + mib[MIB_TcpExtTCPMTUPFail];
    r->segments = mib[MIB_TcpOutSegs];
    r->duplicates = other[MIB_TcpExtTCPDSACKOldSent] + other[MIB_TcpExtTCPDSACKOfoSent];
    if (!done || r->wrong)
        fail_msg("seed %llu: %s, %zu of %zu bytes", (unsigned long long)seed, r->wrong ? "wrong" : "stuck",
                 r->received, r->size);
    /* The end: the server waits for the client's FIN, the client for the server's. */
    for (struct sock_common *c = tcp_next_conn(r->client->net, NULL); c; c = tcp_next_conn(r->client->net, c))
        if (c->state == TCP_ESTABLISHED) {
            r->srtt_us = tcp_sk((struct sock *)c)->srtt_us;
            r->last_mss = tcp_sk((struct sock *)c)->mss_cache;
            tcp_prot.shutdown((struct sock *)c, SHUT_WR);
        }
    host_advance_ns(300 * NSEC_PER_SEC);
    assert_int_equal(r->unfinished, 0);
    assert_int_equal(r->client->net->sock_count, 0);
    assert_int_equal(r->server->net->sock_count, 0);
    assert_int_equal(r->client->net->skb_count, 0);
    assert_int_equal(r->server->net->skb_count, 0);
    sim_host_destroy(r->client);
    sim_host_destroy(r->server);
    sim_link_destroy(link);
}

/* --- looking at frames --- */

static bool is_tcp(const uint8_t *frame)
{
    return testnet_u16(frame + 12) == 0x0800 && frame[IP_AT + 9] == IPPROTO_TCP;
}

static unsigned payload_len(const uint8_t *frame)
{
    return testnet_u16(frame + IP_AT + 2) - 20u - (frame[TCP_AT + 12] >> 4 << 2);
}

/* The client's next data that was not seen before? Counts it. */
static bool new_data(struct run *r, struct net_device *from, const uint8_t *frame)
{
    if (from != r->client->dev || !is_tcp(frame) || !payload_len(frame))
        return false;
    uint32_t end = testnet_u32(frame + TCP_AT + 4) + payload_len(frame);
    if (r->seen && !after(end, r->high_seq))
        return false;
    if (!r->seen)
        r->first_seq = testnet_u32(frame + TCP_AT + 4);
    r->high_seq = end;
    r->seen++;
    return true;
}

/* --- losses --- */

static bool lose_burst(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    return !new_data(r, from, frame) || r->seen < 60 || r->seen >= 80;
}

TEST("a burst of twenty losses is repaired without a time-out") /* RFC 6675, 8985-1 */
{
    struct run r = {.conditions = {.delay_ns = 20 * MS}, .size = 400000, .pass = lose_burst};

    run(&r, 1);
    assert_int_equal(r.timeouts, 0);
    assert_in_range(r.retrans, 20, 22);
    assert_true(r.duplicates <= 2);
}

static bool lose_every_tenth(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    return !new_data(r, from, frame) || r->seen % 10;
}

TEST("scattered losses are sent again once each") /* 6675-2 */
{
    struct run r = {.conditions = {.delay_ns = 20 * MS}, .size = 400000, .pass = lose_every_tenth};

    run(&r, 1);
    assert_true(r.retrans <= r.seen / 10 + 4);
    assert_true(r.timeouts <= 1);
}

static bool lose_last(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    if (!new_data(r, from, frame) || r->high_seq - r->first_seq != r->size)
        return true;
    r->lost_ns = r->dropped ? r->lost_ns : host_now_ns();
    return r->dropped++;
}

TEST("a lost tail is repaired within two round trips and 40 ms") /* RFC 8985 7, 8985-4 */
{
    for (uint64_t delay = 1; delay <= 50; delay += 7) {
        struct run r = {.conditions = {.delay_ns = delay * MS}, .size = 8 * 1448, .pass = lose_last};
        run(&r, 1);
        assert_int_equal(r.dropped, 1);
        assert_int_equal(r.timeouts, 0);
        assert_int_equal(r.probes, 1);
        uint64_t repair_ns = r.done_ns - r.lost_ns - delay * MS;
        assert_true(repair_ns < 2 * (uint64_t)r.srtt_us * NSEC_PER_USEC + 40 * MS);
    }
}

static bool lose_acks(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    if (from != r->server->dev || !is_tcp(frame) || frame[TCP_AT + 13] != TCPHDR_ACK || payload_len(frame))
        return true;
    return host_random_unit() >= 0.4;
}

TEST("when four of ten ACKs are lost next to nothing is sent again")
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct run r = {.conditions = {.delay_ns = 20 * MS}, .size = 1 << 20, .pass = lose_acks};
        run(&r, seed);
        assert_int_equal(r.timeouts, 0);
        assert_true(r.retrans <= 5);
    }
}

/* --- a path that swallows what is long, and says nothing --- */

static bool lose_long(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;

    if (from != r->client->dev || !is_tcp(frame) || len <= 14 + 1300)
        return true;
    r->dropped++;
    return false;
}

TEST("in a black hole the search ends within a few bytes of what passes, without another time-out")
/* RFC 4821 7 */
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct run r = {.conditions = {.delay_ns = 5 * MS, .loss = seed == 3 ? 0.002 : 0},
                        .size = 4 << 20,
                        .pass = lose_long};
        run(&r, seed);
        assert_true(r.mtu_probes >= 5);
        /* The initial window, thrice its first segment and its probe; the rest of the search costs a segment
         * each. */
        assert_true(r.dropped <= 24);
        assert_true(r.last_mss > 1300 - 52 - 8 && r.last_mss <= 1300 - 52);
        if (seed < 3)
            assert_in_range(r.timeouts, 3, 6);
    }
}

/* --- reordering --- */

TEST("reordering of every tenth frame by up to a quarter of a round trip costs next to nothing") /* 8985-2 */
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct run r = {.conditions = {.reorder = 0.1, .delay_ns = 20 * MS, .jitter_ns = 2 * MS},
                        .size = 1 << 20};
        run(&r, seed);
        assert_int_equal(r.timeouts, 0);
        assert_true(r.retrans <= r.segments / 50);
    }
}

TEST("heavy reordering teaches the sender to wait") /* RFC 8985 6.2 step 4 */
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct run r = {.conditions = {.reorder = 0.3, .delay_ns = 10 * MS, .jitter_ns = 5 * MS},
                        .size = 1 << 20};
        run(&r, seed);
        assert_int_equal(r.timeouts, 0);
        assert_true(r.retrans <= r.segments / 10);
    }
}

/* --- pacing --- */

TEST("into a short queue on a long path a paced sender loses less and is done in two thirds of the time")
{
    for (unsigned queue = 10; queue <= 20; queue += 10) {
        struct run r[2];
        for (unsigned unpaced = 0; unpaced < 2; unpaced++) {
            r[unpaced] = (struct run){
                .conditions = {.delay_ns = 25 * MS, .rate_bps = 20000000, .queue_frames = queue},
                .size = 3 << 20,
                .unpaced = unpaced,
            };
            run(&r[unpaced], 1);
            assert_int_equal(r[unpaced].timeouts, 0); /* also bursts are repaired by fast recovery */
        }
        assert_true(r[0].retrans < r[1].retrans);
        assert_true(r[0].done_ns - r[0].start_ns < (r[1].done_ns - r[1].start_ns) * 2 / 3);
    }
}

/* --- middleboxes --- */

/* Overwrites option `kind` with NOPs. */
static void strip_option(uint8_t *frame, uint8_t kind)
{
    uint8_t *tcp = frame + TCP_AT, *p = tcp + 20, *end = tcp + (tcp[12] >> 4 << 2);

    while (p < end && *p) {
        unsigned len = *p == TCPOPT_NOP ? 1 : p[1];
        if (*p == kind)
            memset(p, TCPOPT_NOP, len);
        p += len;
    }
    testnet_fix_csum(tcp, testnet_u16(frame + IP_AT + 2) - 20u, 16, testnet_u32(frame + IP_AT + 12),
                     testnet_u32(frame + IP_AT + 16), IPPROTO_TCP);
}

static void strip_sack_permitted(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    if (is_tcp(frame) && frame[TCP_AT + 13] & TCPHDR_SYN)
        strip_option(frame, TCPOPT_SACK_PERM);
}

static void strip_sacks(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    if (is_tcp(frame))
        strip_option(frame, TCPOPT_SACK);
}

static void strip_timestamps(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    if (is_tcp(frame))
        strip_option(frame, TCPOPT_TIMESTAMP);
}

static void strip_timestamps_after_syn(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    if (is_tcp(frame) && !(frame[TCP_AT + 13] & TCPHDR_SYN))
        strip_option(frame, TCPOPT_TIMESTAMP);
}

TEST("transfers survive boxes that take options away")
{
    void (*const boxes[])(void *, struct net_device *, uint8_t *, size_t) = {
        strip_sack_permitted, strip_sacks, strip_timestamps, strip_timestamps_after_syn};

    for (unsigned i = 0; i < 4; i++)
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct run r = {
                .conditions = {.loss = 0.02, .delay_ns = 10 * MS}, .size = 300000, .rewrite = boxes[i]};
            run(&r, seed);
        }
}

TEST_MAIN()
