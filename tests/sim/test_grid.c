/*
 * test_grid.c - conversations over everything a network may do to them: both ends send and receive at once,
 * every byte is checked, and each cell has a bound on time-outs and time (tests/sim/grid.h).
 */
#include "tests/sim/grid.h"

/* --- the wire --- */

TEST("loss, reordering and duplication, alone and together, on short and long paths")
{
    static const struct cell cells[] = {
        {"1 % loss, 0.2 ms", {.loss = 0.01, .delay_ns = MS / 10}, 1 << 19, 1 << 19, 2, 0.5},
        {"3 % loss, 0.2 ms", {.loss = 0.03, .delay_ns = MS / 10}, 1 << 19, 1 << 19, 2, 0.5},
        {"10 % loss, 0.2 ms", {.loss = 0.10, .delay_ns = MS / 10}, 1 << 18, 1 << 18, 3, 1},
        {"1 % loss, 40 ms", {.loss = 0.01, .delay_ns = 20 * MS}, 1 << 19, 1 << 19, 2, 3},
        {"3 % loss, 200 ms", {.loss = 0.03, .delay_ns = 100 * MS}, 1 << 18, 1 << 18, 2, 12},
        {"10 % loss, 40 ms", {.loss = 0.10, .delay_ns = 20 * MS}, 1 << 17, 1 << 17, 3, 3},
        {"30 % loss", {.loss = 0.30, .delay_ns = 5 * MS}, 20000, 20000, 30, 120},
        {"some reordering",
         {.reorder = 0.05, .delay_ns = 10 * MS, .jitter_ns = MS},
         1 << 19,
         1 << 19,
         0,
         0.5},
        {"much reordering",
         {.reorder = 0.5, .delay_ns = 10 * MS, .jitter_ns = 10 * MS},
         1 << 18,
         1 << 18,
         0,
         2},
        {"every second twice", {.duplicate = 0.5, .delay_ns = 10 * MS}, 1 << 19, 1 << 19, 0, 0.5},
        {"all of it",
         {.loss = 0.02,
          .reorder = 0.1,
          .duplicate = 0.1,
          .corrupt = 0.01,
          .delay_ns = 10 * MS,
          .jitter_ns = 5 * MS},
         1 << 18,
         1 << 18,
         3,
         2},
    };
    RUN(cells);
}

/* Gilbert-Elliott: while the state is bad half of the frames are lost; it lasts ten frames in the mean. */
static bool lose_in_bursts(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;

    r->bad = host_random_unit() < (r->bad ? 0.9 : r->cell->share);
    if (!r->bad || host_random_unit() < 0.5)
        return true;
    r->hits++;
    return false;
}

static bool lose_acks(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;

    if (!is_tcp(frame) || tcp_payload(frame) || frame[TCP_AT + 13] != TCPHDR_ACK ||
        host_random_unit() >= r->cell->share)
        return true;
    r->hits++;
    return false;
}

/* Every second segment of a window's worth now and then: as many holes as there can be. */
static bool lose_every_second(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    unsigned way = from == r->server->dev;

    if (!is_tcp(frame) || !tcp_payload(frame))
        return true;
    uint32_t end = testnet_u32(frame + TCP_AT + 4) + tcp_payload(frame);
    if (r->known[way] && !after(end, r->first[way])) /* sent again */
        return true;
    r->known[way] = true;
    r->first[way] = end;
    if (r->base[way]++ % 100 < 60 || r->base[way] % 2)
        return true;
    r->hits++;
    return false;
}

TEST("bursts, lost ACKs and combs of holes")
{
    static const struct cell cells[] = {
        {"few bursts", far, 1 << 19, 1 << 19, 2, 3, .pass = lose_in_bursts, .share = 0.004},
        {"many bursts", near, 1 << 18, 1 << 18, 9, 4, .pass = lose_in_bursts, .share = 0.02},
        {"a third of the ACKs is lost", far, 1 << 20, 0, 0, 1, .pass = lose_acks, .share = 0.33},
        {"most ACKs are lost", far, 1 << 19, 0, 6, 8, .pass = lose_acks, .share = 0.8},
        {"combs", far, 1 << 20, 0, 0, 5, .pass = lose_every_second},
        {"combs both ways", near, 1 << 19, 1 << 19, 2, 1, .pass = lose_every_second},
    };
    RUN(cells);
}

/* --- sizes and shapes --- */

TEST("tiny and huge windows, short and long fat paths, slow readers, one way and both")
{
    static const struct cell cells[] = {
        {"nothing at all", near, 0, 0, 0, 0.1},
        {"one byte up", near, 1, 0, 0, 0.1},
        {"half closed at once, all down", far, 0, 1 << 20, 0, 0.6},
        {"half closed at once, all up", far, 1 << 20, 0, 0, 0.6},
        {"no delay at all", {0}, 1 << 20, 1 << 20, 0, 0.2},
        {"windows of 2 KiB", near, 1 << 17, 1 << 17, 0, 0.5, .rcvbuf = 1},
        {"windows of 2 KiB, loss", {.loss = 0.03, .delay_ns = MS / 2}, 1 << 16, 1 << 16, 3, 2, .rcvbuf = 1},
        {"a reader that dozes", near, 1 << 18, 1 << 18, 0, 2, .rcvbuf = 8192, .read_pause_ms = 20},
        {"100 Mbit/s and 200 ms", {.delay_ns = 100 * MS, .rate_bps = 100000000}, 12 << 20, 0, 0, 4},
        {"the same with a short queue",
         {.delay_ns = 100 * MS, .rate_bps = 100000000, .queue_frames = 200},
         6 << 20,
         0,
         1,
         5},
        {"1 Mbit/s, a queue of four",
         {.delay_ns = 10 * MS, .rate_bps = 1000000, .queue_frames = 4},
         1 << 19,
         0,
         2,
         6},
    };
    RUN(cells);
}

/* --- middleboxes --- */

TEST("boxes that take options away, from the SYN, its answer, the rest or all")
{
    static const uint8_t options[] = {TCPOPT_MSS, TCPOPT_WINDOW, TCPOPT_SACK_PERM, TCPOPT_TIMESTAMP,
                                      TCPOPT_SACK};
    static const uint8_t places[] = {0, TCPHDR_SYN, TCPHDR_SYN | TCPHDR_ACK, TCPHDR_ACK};
    char name[60];

    for (unsigned i = 0; i < sizeof(options); i++)
        for (unsigned j = 0; j < 4; j++) {
            bool in_syn = options[i] != TCPOPT_SACK,
                 elsewhere = options[i] >= TCPOPT_SACK && places[j] != TCPHDR_SYN;
            if ((places[j] & TCPHDR_SYN && !in_syn) || (places[j] == TCPHDR_ACK && !elsewhere))
                continue;
            snprintf(name, sizeof(name), "option %u, from flags %02x", options[i], places[j]);
            struct cell cell = {name,
                                {.loss = 0.03, .delay_ns = 5 * MS},
                                100000,
                                100000,
                                20,
                                60,
                                .rewrite = strip_option,
                                .option = options[i],
                                .flags = places[j]};
            run_cells(&cell, 1);
        }
}

static bool lose_long(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct run *r = ctx;

    if (len <= r->cell->length)
        return true;
    r->hits++;
    return false;
}

TEST("a path that swallows long segments is found out") /* RFC 4821 7.7 */
{
    static const struct cell cells[] = {
        {"1280 bytes pass", near, 200000, 200000, 10, 4, .pass = lose_long, .length = 1280 + 14},
        {"600 bytes pass", far, 100000, 0, 7, 12, .pass = lose_long, .length = 600 + 14},
    };
    RUN(cells);
}

/* Says of all behind the first segment of a hole that it has come; later the truth shows. */
static void renege(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    uint8_t *sack = is_tcp(frame) ? find_option(frame, TCPOPT_SACK) : NULL;
    uint32_t ack = testnet_u32(frame + TCP_AT + 8);

    if (!sack || host_random_unit() >= r->cell->share || !after(testnet_u32(sack + 2), ack + 1448))
        return;
    put_u32(sack + 2, ack + 1448);
    fix_tcp_csum(frame);
    r->hits++;
}

TEST("a peer that takes back what it has SACKed gets it again") /* RFC 2018 8 */
{
    static const struct cell cells[] = {
        {"now and then",
         {.loss = 0.05, .delay_ns = 5 * MS},
         1 << 18,
         0,
         4,
         2,
         .rewrite = renege,
         .share = 0.3},
        {"always", {.loss = 0.05, .delay_ns = 5 * MS}, 1 << 17, 0, 6, 3, .rewrite = renege, .share = 1},
    };
    RUN(cells);
}

/* --- wrapping --- */

/* The client's or the server's numbers lie elsewhere for the other side: its first becomes `shift`. */
static void move_numbers(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    unsigned way = from == r->server->dev;
    uint8_t *seq = frame + TCP_AT + 4, *ack = frame + TCP_AT + 8, *sack;

    if (!is_tcp(frame))
        return;
    if (frame[TCP_AT + 13] & TCPHDR_SYN)
        r->base[way] = r->cell->shift - testnet_u32(seq);
    put_u32(seq, testnet_u32(seq) + r->base[way]);
    if (frame[TCP_AT + 13] & TCPHDR_ACK)
        put_u32(ack, testnet_u32(ack) - r->base[!way]);
    sack = find_option(frame, TCPOPT_SACK);
    for (unsigned i = 2; sack && i < sack[1]; i += 4)
        put_u32(sack + i, testnet_u32(sack + i) - r->base[!way]);
    fix_tcp_csum(frame);
    r->hits++;
}

/* The same with the clocks in timestamps. */
static void move_clocks(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    struct run *r = ctx;
    unsigned way = from == r->server->dev;
    uint8_t *ts = is_tcp(frame) ? find_option(frame, TCPOPT_TIMESTAMP) : NULL;

    if (!ts)
        return;
    if (!r->known[way])
        r->base[way] = r->cell->shift - testnet_u32(ts + 2);
    r->known[way] = true;
    put_u32(ts + 2, testnet_u32(ts + 2) + r->base[way]);
    if (r->known[!way])
        put_u32(ts + 6, testnet_u32(ts + 6) - r->base[!way]);
    fix_tcp_csum(frame);
    r->hits++;
}

TEST("sequence numbers and clocks wrap in the middle") /* RFC 9293 3.4, RFC 7323 5.2 */
{
    static const struct sim_conditions lossy = {.loss = 0.02, .reorder = 0.05, .delay_ns = 10 * MS};
    static const struct cell cells[] = {
        {"numbers wrap at once", lossy, 200000, 200000, 3, 2, .rewrite = move_numbers, .shift = 0xffffffff},
        {"numbers wrap later", lossy, 200000, 200000, 3, 2, .rewrite = move_numbers, .shift = -90000u},
        {"numbers pass the middle", lossy, 200000, 200000, 3, 2, .rewrite = move_numbers,
         .shift = 0x7fff0000},
        {"clocks wrap at once", lossy, 200000, 200000, 3, 2, .rewrite = move_clocks, .shift = 0xffffffff},
        {"clocks wrap later", lossy, 200000, 200000, 3, 2, .rewrite = move_clocks, .shift = -300u},
        {"clocks pass the middle", lossy, 200000, 200000, 3, 2, .rewrite = move_clocks, .shift = 0x7fffff80},
    };
    RUN(cells);
}

TEST_MAIN()
