/*
 * test_fairness.c - how flows share a bottleneck with a drop-tail queue, and how slow start comes to its end:
 * half a minute of virtual time, in bulk from client to server.
 */
#include "tests/sim/flow.h"

#define SECONDS 30u
#define SETTLE  10u /* from here on counts */
#define FLOWS   2

struct share {
    const char *congestion[FLOWS];
    struct sim_conditions wire;
};

static void run_share(const struct share *share)
{
    struct sim_link *link = sim_link_create();
    struct flow flows[FLOWS] = {{.port = 5001}, {.port = 5002}};
    size_t at_start[FLOWS], got[FLOWS];

    host_random_seed(1);
    struct sim_host *client = sim_host_create("client", link, "10.0.0.1/24");
    struct sim_host *server = sim_host_create("server", link, "10.0.0.2/24");
    host_run();
    sim_link_set(link, &share->wire);
    for (unsigned i = 0; i < FLOWS; i++) {
        flows[i].end[0].to_send = share->wire.rate_bps / 8 * SECONDS * 62 / 100; /* enough for its share */
        flows[i].end[0].congestion = share->congestion[i];
        flow_start(&flows[i], client, server);
        host_advance_ns(730 * MS); /* the second comes into a full queue */
    }
    host_advance_ns(SETTLE * NSEC_PER_SEC);
    for (unsigned i = 0; i < FLOWS; i++)
        at_start[i] = flows[i].end[1].received;
    host_advance_ns((SECONDS - SETTLE) * NSEC_PER_SEC);
    for (unsigned i = 0; i < FLOWS; i++)
        got[i] = flows[i].end[1].received - at_start[i];
    double both = (double)(got[0] + got[1]), share_0 = (double)got[0] / both;
    double used = both * 8 / (double)(SECONDS - SETTLE) / (double)share->wire.rate_bps;
    if (share_0 < 0.4 || share_0 > 0.6 || used < 0.9)
        fail_msg("%s against %s: %.0f to %.0f %%, %.0f %% of the path used", share->congestion[0],
                 share->congestion[1], share_0 * 100, (1 - share_0) * 100, used * 100);
    host_run_until(flow_over, &flows[0], 120 * NSEC_PER_SEC);
    host_run_until(flow_over, &flows[1], 120 * NSEC_PER_SEC);
    for (unsigned i = 0; i < FLOWS; i++)
        assert_null(flows[i].error);
    hosts_done(link, client, server);
}

TEST("two CUBIC flows share a bottleneck, and use it") /* RFC 9438 5.1 */
{
    run_share(
        &(struct share){{"cubic", "cubic"}, {.delay_ns = 20 * MS, .rate_bps = 6000000, .queue_frames = 30}});
}

TEST("two Reno flows share a bottleneck, and use it")
{
    run_share(
        &(struct share){{"reno", "reno"}, {.delay_ns = 10 * MS, .rate_bps = 6000000, .queue_frames = 30}});
}

TEST("CUBIC leaves Reno its share where Reno does well by itself") /* RFC 9438 4.3 */
{
    run_share(
        &(struct share){{"cubic", "reno"}, {.delay_ns = 5 * MS, .rate_bps = 6000000, .queue_frames = 20}});
}

/* --- slow start --- */

static bool left_slow_start(void *arg)
{
    const struct tcp_sock *tp = flow_client_sock(arg);
    return tp && tp->snd_ssthresh < 0x3fffffff;
}

TEST("slow start ends before a deep queue overflows") /* RFC 9406: once too much is seen, five rounds of a
                                                         quarter more */
{
    struct sim_link *link = sim_link_create();
    struct flow flow = {.port = 5001, .end[0].to_send = 16 << 20};
    const uint64_t rate = 50000000, rtt_ns = 40 * MS, path = rate / 8 * rtt_ns / NSEC_PER_SEC;

    struct sim_host *client = sim_host_create("client", link, "10.0.0.1/24");
    struct sim_host *server = sim_host_create("server", link, "10.0.0.2/24");
    host_run();
    sim_link_set(link,
                 &(struct sim_conditions){.delay_ns = rtt_ns / 2, .rate_bps = rate, .queue_frames = 3000});
    flow_start(&flow, client, server);
    assert_true(host_run_until(left_slow_start, &flow, 3 * NSEC_PER_SEC));
    assert_int_equal(sim_link_counters(link)->overflowed, 0);
    assert_in_range(flow_client_sock(&flow)->snd_cwnd, path / 2, path * 12);
    assert_true(host_run_until(flow_over, &flow, 60 * NSEC_PER_SEC));
    assert_null(flow.error);
    hosts_done(link, client, server);
}

TEST_MAIN()
