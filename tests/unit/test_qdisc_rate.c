/*
 * test_qdisc_rate.c - what bounds a card's queue: tbf's rate, and byte queue limits.
 */
#include "tests/unit/qdisc_wire.h"

/* --- tbf --- */

static void tbf_second(const char *spec, unsigned len, double want_bytes)
{
    use(spec);
    send_packet(1, 0, len);
    for (unsigned i = 0; i < 300; i++) /* the bucket is drained */
        send_packet(1, 0, len);
    host_advance_ms(50);
    f.count = 0;
    f.bytes = 0;
    uint64_t start = host_now_ns();
    while (host_now_ns() - start < NSEC_PER_SEC) {
        while (q()->qstats.backlog < 400000)
            send_packet(1, 0, len);
        host_advance_ms(1);
    }
    assert_true(fabs((double)f.bytes - want_bytes) <= want_bytes * 0.002 + 1514);
}

TEST("tbf sends its rate over a second, neither more nor less, whatever the packets")
{
    tbf_second("tbf,rate=10mbit,burst=32k,limit=1m", 1514, 1250000);
    tbf_second("tbf,rate=10mbit,burst=3k,limit=1m", 100, 1250000);
    tbf_second("tbf,rate=1mbit,burst=2k,limit=1m", 1000, 125000);
    tbf_second("tbf,rate=64kbit,limit=1m", 1000, 8000);
}

TEST("tbf lets a burst through at once, then goes by the clock")
{
    use("tbf,rate=8mbit,burst=10000,limit=100k");
    for (unsigned i = 0; i < 30; i++)
        send_packet(1, (uint16_t)i, 1000);
    assert_int_equal(f.count, 10);
    host_advance_ms(10);
    assert_in_range(f.count, 19, 20);
    host_advance_ms(11);
    assert_int_equal(f.count, 30);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(f.sent[i].number, i);
    assert_true(q()->qstats.overlimits > 0);
    host_advance_ms(1000); /* the bucket is full again, and no fuller */
    for (unsigned i = 0; i < 30; i++)
        send_packet(1, (uint16_t)i, 1000);
    assert_int_equal(f.count, 40);
}

TEST("what tbf cannot hold is dropped by its child and counted")
{
    use("tbf,rate=1mbit,burst=2000,limit=5000");
    for (unsigned i = 0; i < 20; i++)
        send_packet(1, (uint16_t)i, 1000);
    assert_int_equal(f.count, 2);
    assert_int_equal(q()->qstats.qlen, 5);
    assert_int_equal(q()->qstats.drops, 13);
    assert_int_equal(f.net->drops[SKB_DROP_REASON_QDISC_DROP], 13);
}

TEST("with fq_codel as child a ping does not wait behind a bulk transfer")
{
    use("tbf,rate=8mbit,burst=3000,child=fq_codel");
    for (unsigned i = 0; i < 200; i++)
        send_packet(1, 0, 1000);
    host_advance_ms(20);
    size_t before = f.count;
    send_packet(2, 0, 100);
    host_advance_ms(5);
    bool through = false;
    for (size_t i = before; i < f.count; i++)
        through |= f.sent[i].flow == 2;
    assert_true(through);
}

/* --- byte queue limits --- */

TEST("the limit grows when the card ran dry while packets were held back")
{
    struct dql d;

    dql_reset(&d, 3000);
    assert_false(dql_queued(&d, 1500));
    assert_true(dql_queued(&d, 1500));
    assert_true(dql_completed(&d, 3000, 0));
    assert_int_equal(d.limit, 6000);
    assert_int_equal(d.in_flight, 0);
}

TEST("a load that never reaches the limit does not move it")
{
    struct dql d;

    dql_reset(&d, 10000);
    for (unsigned i = 0; i < 5000; i++) {
        assert_false(dql_queued(&d, 1500));
        dql_completed(&d, 1500, i);
    }
    assert_int_equal(d.limit, 10000);
}

/* A card of 1 byte/ns that tells of sent bytes every `tell_ms`, always fed up to its limit. */
static uint32_t settle(struct dql *d, unsigned tell_ms, uint64_t *idle)
{
    uint64_t now = 0;
    const uint32_t per_tell = tell_ms * 125000; /* 1 Gbit/s */

    *idle = 0;
    for (unsigned round = 0; round < 60000 / tell_ms; round++) {
        while (!d->reached)
            dql_queued(d, 1500);
        uint32_t done = min(d->in_flight, per_tell);
        if (round > 30000 / tell_ms)
            *idle += per_tell - done;
        now += tell_ms;
        dql_completed(d, done, now);
    }
    return d->limit;
}

TEST("the limit settles where the card is never idle and hoards less than twice what it needs")
{
    uint64_t idle;
    struct dql d;

    dql_reset(&d, 3028);
    uint32_t limit = settle(&d, 1, &idle);
    assert_in_range(limit, 120000, 260000);
    assert_true(idle < 125000ull * 30000 / 100); /* less than 1 % */
    dql_reset(&d, DQL_MAX_LIMIT);
    limit = settle(&d, 1, &idle);
    assert_in_range(limit, 120000, 260000);
}

TEST("a card at its limit gets nothing until it has sent something; then the discipline decides who")
{
    f.use_bql = true;
    dql_reset(&f.dev->dql, 3028);
    for (unsigned i = 0; i < 10; i++)
        send_packet(1, (uint16_t)i, 1514);
    assert_int_equal(f.count, 2);
    assert_true(f.dev->bql_stopped);
    send_packet(2, 0, 60);
    netdev_completed_queue(f.dev, 1514);
    assert_int_equal(f.count, 3);
    assert_int_equal(f.sent[2].flow, 1);
    netdev_completed_queue(f.dev, 1514);
    assert_int_equal(f.sent[3].flow, 2);
    netdev_reset_queue(f.dev);
    assert_false(f.dev->bql_stopped);
}

TEST_FIXTURE(setup, teardown)
