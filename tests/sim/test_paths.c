/*
 * test_paths.c - paths that are not the same both ways, or not the same all the time: boxes that spoil one
 * side's options, lines that go down, delays that jump, MTUs of every size, ends that close at once.
 */
#include "tests/sim/grid.h"

static const struct sim_conditions lossy = {.loss = 0.03, .delay_ns = 5 * MS};

/* --- boxes --- */

TEST("boxes that take options away on one side only")
{
    static const struct {
        const char *name;
        uint8_t option;
        uint8_t flags;
        int only;
    } boxes[] = {
        {"SACK-permitted of the client", TCPOPT_SACK_PERM, TCPHDR_SYN, 1},
        {"SACK-permitted of the server", TCPOPT_SACK_PERM, 0, 2},
        {"window scale of the client", TCPOPT_WINDOW, TCPHDR_SYN, 1},
        {"timestamp of the SYN", TCPOPT_TIMESTAMP, TCPHDR_SYN, 1},
        {"SACK blocks to the client", TCPOPT_SACK, 0, 2},
        {"SACK blocks to the server", TCPOPT_SACK, 0, 1},
        {"timestamps from the client after the SYN", TCPOPT_TIMESTAMP, TCPHDR_ACK, 1},
        {"timestamps from the server after the SYN", TCPOPT_TIMESTAMP, TCPHDR_ACK, 2},
    };

    for (unsigned i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
        struct cell cell = {boxes[i].name,
                            lossy,
                            60000,
                            60000,
                            20,
                            60,
                            .rewrite = strip_option,
                            .option = boxes[i].option,
                            .flags = boxes[i].flags,
                            .only = boxes[i].only};
        run_cells(&cell, 1);
    }
}

static void rewrite_mss(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    uint8_t *mss;

    if (!is_tcp(frame) || not_its_side(r, from) || !(frame[TCP_AT + 13] & TCPHDR_SYN))
        return;
    mss = find_option(frame, TCPOPT_MSS);
    mss[2] = (uint8_t)(r->cell->shift >> 8);
    mss[3] = (uint8_t)r->cell->shift;
    fix_tcp_csum(frame);
    r->hits++;
}

TEST("boxes that rewrite the MSS, of both sides or one") /* RFC 9293 3.7.1 */
{
    static const struct cell cells[] = {
        {"536", lossy, 100000, 100000, 3, 3, .rewrite = rewrite_mss, .shift = 536},
        {"1200 to the server", lossy, 100000, 100000, 3, 3, .rewrite = rewrite_mss, .shift = 1200, .only = 1},
        {"100 to the client", lossy, 30000, 30000, 3, 5, .rewrite = rewrite_mss, .shift = 100, .only = 2},
        {"none left", lossy, 20000, 20000, 3, 20, .rewrite = rewrite_mss, .shift = 0},
        {"beyond the MTU", lossy, 100000, 100000, 3, 3, .rewrite = rewrite_mss, .shift = 9000},
    };
    RUN(cells);
}

/* What a router does to the TOS byte: `flags` are the bits it clears, `option` those it sets. */
static void rewrite_tos(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    struct run *r = ctx;

    if (!is_tcp(frame) || not_its_side(r, from) || host_random_unit() >= r->cell->share)
        return;
    frame[IP_AT + 1] = (uint8_t)((frame[IP_AT + 1] & ~r->cell->flags) | r->cell->option);
    testnet_fix_ip_csum(frame);
    r->hits++;
}

/* Clears `flags` of TCP's. */
static void clear_flags(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    struct run *r = ctx;

    if (!is_tcp(frame) || not_its_side(r, from) || !(frame[TCP_AT + 13] & r->cell->flags))
        return;
    frame[TCP_AT + 13] &= (uint8_t)~r->cell->flags;
    fix_tcp_csum(frame);
    r->hits++;
}

static bool lose_ecn_syns(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;

    if (!is_tcp(frame) || !(frame[TCP_AT + 13] & TCPHDR_SYN) ||
        !(frame[TCP_AT + 13] & (TCPHDR_ECE | TCPHDR_CWR)))
        return true;
    r->hits++;
    return false;
}

#define ECN .setting = {"net.ipv4.tcp_ecn", "1"}

TEST("boxes that clear, set or swallow what belongs to ECN") /* RFC 3168 6.1.1.1, 18 */
{
    static const struct cell cells[] = {
        {"ECT cleared", lossy, 100000, 100000, 3, 3, ECN, .rewrite = rewrite_tos, .flags = 3, .share = 1},
        {"ECE and CWR cleared", lossy, 100000, 100000, 3, 3, ECN, .rewrite = clear_flags,
         .flags = TCPHDR_ECE | TCPHDR_CWR},
        {"ECE to the client cleared", lossy, 100000, 100000, 3, 3, ECN, .rewrite = clear_flags,
         .flags = TCPHDR_ECE, .only = 2},
        {"CWR cleared: ECE never ends", lossy, 30000, 0, 5, 30, ECN, .rewrite = clear_flags,
         .flags = TCPHDR_CWR, .only = 1},
        {"a tenth is marked", lossy, 100000, 100000, 3, 5, ECN, .rewrite = rewrite_tos, .option = 3,
         .share = 0.1},
        {"all is marked", near, 50000, 50000, 3, 30, ECN, .rewrite = rewrite_tos, .option = 3, .share = 1},
        {"SYNs with ECN are swallowed", lossy, 100000, 100000, 4, 9, ECN, .pass = lose_ecn_syns},
    };
    RUN(cells);
}

/* Moves both ends' numbers elsewhere and forgets SACK blocks on the way, as firewalls have done. */
static void move_numbers_not_sacks(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    unsigned way = from == r->server->dev;
    uint8_t *seq = frame + TCP_AT + 4, *ack = frame + TCP_AT + 8;

    if (!is_tcp(frame))
        return;
    if (frame[TCP_AT + 13] & TCPHDR_SYN)
        r->base[way] = r->cell->shift;
    put_u32(seq, testnet_u32(seq) + r->base[way]);
    if (frame[TCP_AT + 13] & TCPHDR_ACK)
        put_u32(ack, testnet_u32(ack) - r->base[!way]);
    fix_tcp_csum(frame);
    r->hits++;
}

TEST("a box that moves sequence numbers and leaves SACK blocks as they were")
{
    static const struct cell cells[] = {
        {"far away", lossy, 60000, 60000, 40, 60, .rewrite = move_numbers_not_sacks, .shift = 0x40000000},
        {"a little further", lossy, 60000, 60000, 40, 60, .rewrite = move_numbers_not_sacks, .shift = 5000},
        {"a little back", lossy, 60000, 60000, 40, 60, .rewrite = move_numbers_not_sacks, .shift = -5000u},
    };
    RUN(cells);
}

/* --- MTUs --- */

static bool lose_long_later(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;

    if (len <= r->cell->length || host_now_ns() < r->start_ns + 200 * MS)
        return true;
    r->hits++;
    return false;
}

TEST("MTUs from 68 to 65535, of both ends or one, and a path that narrows on the way") /* RFC 791, RFC 4821 */
{
    static const struct cell cells[] = {
        {"68", far, 3000, 3000, 2, 20, .mtu = {68, 68}},
        {"296, loss", lossy, 20000, 20000, 3, 5, .mtu = {296, 296}},
        {"576, loss", lossy, 60000, 60000, 3, 5, .mtu = {576, 576}},
        {"576 at the client", lossy, 60000, 60000, 3, 5, .mtu = {576, 0}},
        {"1501", lossy, 60000, 60000, 3, 3, .mtu = {1501, 1501}},
        {"9000, loss", lossy, 1 << 19, 1 << 19, 4, 3, .mtu = {9000, 9000}},
        {"9000 at the server", lossy, 100000, 100000, 3, 3, .mtu = {0, 9000}},
        {"65535", far, 1 << 20, 1 << 20, 2, 3, .mtu = {65535, 65535}},
        {"a hole of 1000 opens", far, 1 << 21, 1 << 21, 12, 20, .pass = lose_long_later, .length = 1014},
        {"a hole of 4000 opens under 9000", far, 1 << 22, 0, 8, 15, .mtu = {9000, 9000},
         .pass = lose_long_later, .length = 4014},
    };
    RUN(cells);
}

/* --- not the same both ways --- */

TEST("paths with another line back than forth")
{
    static const struct sim_conditions slow = {.delay_ns = 5 * MS, .rate_bps = 64000, .queue_frames = 10},
                                       bad = {.loss = 0.2, .delay_ns = 5 * MS},
                                       mixed = {.reorder = 0.5, .delay_ns = 20 * MS, .jitter_ns = 5 * MS},
                                       twice = {.duplicate = 0.5, .delay_ns = 5 * MS}, none = {0},
                                       good = {.delay_ns = 5 * MS};
    static const struct sim_conditions fast = {.delay_ns = 5 * MS, .rate_bps = 100000000};
    static const struct cell cells[] = {
        {"ACKs by 64 kbit/s", fast, 1 << 19, 0, 0, 8, .back = &slow},
        {"a fifth of the ACKs is lost", good, 1 << 19, 0, 2, 1, .back = &bad},
        {"a fifth of the data is lost", bad, 1 << 17, 0, 6, 6, .back = &good},
        {"ACKs are overtaken", good, 1 << 19, 0, 0, 1, .back = &mixed},
        {"ACKs come twice", good, 1 << 19, 1 << 17, 0, 1, .back = &twice},
        {"40 ms there, none back", far, 1 << 19, 1 << 19, 0, 2, .back = &none},
    };
    RUN(cells);
}

/* --- not the same all the time --- */

TEST("delays that jump, and lines that are down for a second, for a minute and for ten") /* RFC 5682, RFC 6298
                                                                                            5 */
{
    static const struct sim_conditions wire = {.delay_ns = 10 * MS, .rate_bps = 20000000};
    static const struct cell cells[] = {
        {"half a second longer, once", wire, 1 << 20, 1 << 18, 8, 4, .then = {.delay_ns = 500 * MS},
         .at_ms = 200, .for_ms = 60},
        {"two seconds longer, for a second", wire, 1 << 20, 0, 12, 12, .then = {.delay_ns = 2000 * MS},
         .at_ms = 200, .for_ms = 1000},
        {"a second without", wire, 1 << 20, 1 << 18, 12, 5, .then = {.loss = 1}, .at_ms = 200,
         .for_ms = 1000},
        {"a minute without", wire, 1 << 20, 1 << 18, 25, 200, .then = {.loss = 1}, .at_ms = 200,
         .for_ms = 60000},
        {"ten minutes without", wire, 1 << 20, 1 << 18, 40, 900, .then = {.loss = 1}, .at_ms = 200,
         .for_ms = 600000},
        {"nothing when it begins", wire, 1 << 16, 1 << 16, 9, 9, .then = {.loss = 1}, .at_ms = 0,
         .for_ms = 3000},
    };
    RUN(cells);
}

/* --- ends --- */

TEST("both close at once, over a line that loses a third, half or most of it") /* RFC 9293 figure 13 */
{
    static const struct cell cells[] = {
        {"a third", {.loss = 0.3, .delay_ns = 5 * MS}, 0, 0, 12, 60},
        {"half", {.loss = 0.5, .delay_ns = 5 * MS}, 0, 0, 25, 600},
        {"half, with a byte each", {.loss = 0.5, .delay_ns = 5 * MS}, 1, 1, 30, 600},
        {"late and twice",
         {.reorder = 0.5, .duplicate = 0.5, .delay_ns = 5 * MS, .jitter_ns = 20 * MS},
         0,
         0,
         2,
         2},
    };

    for (unsigned again = 0; again < 3; again++)
        for (uint64_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
            run_seed(&cells[i], 100 + 10 * again + i);
}

/* --- many --- */

#define FLOWS 40

static bool all_over(void *arg)
{
    const struct flow *flows = arg;
    for (unsigned i = 0; i < FLOWS; i++)
        if (flows[i].unfinished)
            return false;
    return true;
}

TEST("forty connections at once share a bad line, and each byte of each is right")
{
    static struct flow flows[FLOWS];
    struct sim_link *link = sim_link_create();

    memset(flows, 0, sizeof(flows));
    host_random_seed(40);
    struct sim_host *client = sim_host_create("client", link, "10.0.0.1/24"),
                    *server = sim_host_create("server", link, "10.0.0.2/24");
    host_run();
    sim_link_set(link, &(struct sim_conditions){.loss = 0.02,
                                                .reorder = 0.05,
                                                .duplicate = 0.02,
                                                .delay_ns = 10 * MS,
                                                .rate_bps = 50000000,
                                                .queue_frames = 60});
    for (unsigned i = 0; i < FLOWS; i++) {
        flows[i].port = (uint16_t)(6000 + i);
        flows[i].end[0].to_send = 1000 * i;
        flows[i].end[1].to_send = 40000 - 1000 * i;
        flow_start(&flows[i], client, server);
    }
    assert_true(host_run_until(all_over, flows, 120 * NSEC_PER_SEC));
    for (unsigned i = 0; i < FLOWS; i++)
        if (flows[i].error || flows[i].end[1].received != 1000 * i ||
            flows[i].end[0].received != 40000 - 1000 * i)
            fail_msg("flow %u, seed 40: %s", i, flows[i].error ? flows[i].error : "bytes are missing");
    hosts_done(link, client, server);
}

TEST("a cell is replayed from its seed to the nanosecond")
{
    static const struct cell cell = {"replay",
                                     {.loss = 0.05, .reorder = 0.1, .delay_ns = 7 * MS, .jitter_ns = 3 * MS},
                                     60000,
                                     60000,
                                     9,
                                     60,
                                     .rewrite = strip_option,
                                     .option = TCPOPT_SACK,
                                     .only = 1};
    uint64_t took[2];

    for (int i = 0; i < 2; i++) {
        struct run r = {.cell = &cell, .flow = {.port = 5001}};
        start_run(&r, 77);
        assert_true(host_run_until(run_over, &r, 60 * NSEC_PER_SEC));
        judge(&r, 77, true);
        took[i] = r.flow.end[0].done_ns + r.flow.end[1].done_ns - 2 * r.start_ns;
        host_event_cancel(&r);
        hosts_done(r.link, r.client, r.server);
    }
    host_tell_total_pages(-1);
    assert_true(took[0] == took[1]);
}

TEST_MAIN()
