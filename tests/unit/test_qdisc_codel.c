/*
 * test_qdisc_codel.c - fq_codel (RFC 8290) and CoDel (RFC 8289), against the algorithm as the RFC has it.
 */
#include "tests/unit/qdisc_wire.h"

#define MS NSEC_PER_MSEC

/* --- fq_codel --- */

TEST("flows that wait share the wire by bytes, whatever the size of their packets (RFC 8290 3)")
{
    unsigned long bytes[3] = {0};
    static const unsigned size[3] = {1514, 300, 90};

    use("fq_codel,quantum=300,limit=20000,flows=1024");
    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 4000; i++)
        for (unsigned flow = 0; flow < 3; flow++)
            send_packet((uint16_t)(flow + 1), 0, size[flow]);
    for (unsigned long total = 0; total < 600000;) {
        int flow = pull() - 1;
        bytes[flow] += size[flow];
        total += size[flow];
    }
    for (unsigned flow = 0; flow < 3; flow++)
        assert_in_range(bytes[flow], 195000, 205000);
}

TEST("a flow that has just begun passes a bulk transfer by (RFC 8290 4.2)")
{
    use("fq_codel,quantum=15140");
    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 100; i++)
        send_packet(1, 0, 1514);
    for (unsigned i = 0; i < 11; i++) /* it is new no longer, and has some of its turn left */
        assert_int_equal(pull(), 1);
    send_packet(2, 0, 60);
    assert_int_equal(pull(), 2);
    assert_int_equal(pull(), 1);
    /* Its queue is empty but it stays in line: with a second packet it is not new again. */
    send_packet(2, 0, 60);
    char stats[256];
    q()->ops->dump_stats(q(), stats, sizeof(stats));
    assert_non_null(strstr(stats, "new_flow_count 2 "));
    assert_non_null(strstr(stats, "new_flows_len 0 old_flows_len 2 "));
    assert_int_equal(pull(), 1);
}

TEST("fragments of a datagram stay together, ports tell flows apart, ARP has a queue of its own")
{
    use("fq_codel,flows=65536");
    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 6; i++) {
        struct sk_buff *skb = packet((uint16_t)(100 + i), 0, 0, 100);
        if (i < 4)
            put_unaligned_be16(i ? 0x2000 + i : 0x2000, skb->data + 20);
        dev_queue_xmit(skb);
    }
    struct sk_buff *arp = packet(1, 0, 0, 60);
    put_unaligned_be16(0x0806, arp->data + 12);
    arp->protocol = cpu_to_be16(0x0806);
    dev_queue_xmit(arp);
    char stats[256];
    q()->ops->dump_stats(q(), stats, sizeof(stats));
    assert_non_null(strstr(stats, "new_flow_count 4 "));
}

TEST("past its limit the longest queue pays, half of it or a batch, not who came last (RFC 8290 4.1)")
{
    unsigned left[2] = {0};

    use("fq_codel,limit=200");
    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 190; i++)
        send_packet(1, 0, 1000);
    for (unsigned i = 0; i < 11; i++)
        send_packet(2, 0, 100);
    assert_int_equal(q()->qstats.drops, 64);
    assert_int_equal(f.net->drops[SKB_DROP_REASON_QDISC_DROP], 64);
    assert_int_equal(f.dev->stats.tx_dropped, 64);
    for (int flow; (flow = pull()) >= 0;)
        left[flow - 1]++;
    assert_int_equal(left[0], 190 - 64);
    assert_int_equal(left[1], 11);
}

TEST("what waits has a limit in memory too")
{
    use("fq_codel,memory_limit=64k");
    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 1000; i++)
        send_packet((uint16_t)i, 0, 60);
    char stats[256];
    q()->ops->dump_stats(q(), stats, sizeof(stats));
    assert_null(strstr(stats, "drop_overmemory 0 "));
    assert_true(atoi(strstr(stats, "memory_used ") + 12) <= 65536);
}

/* --- CoDel --- */

static struct {
    struct sk_buff_head queue;
    uint32_t backlog;
    unsigned drops;
    uint64_t drop_at[4096];
} cq;

static struct sk_buff *cq_take(struct codel_queue *c)
{
    struct sk_buff *skb = skb_dequeue(&cq.queue);

    if (skb)
        cq.backlog -= qdisc_pkt_len(skb);
    return skb;
}

static void cq_drop(struct codel_queue *c, struct sk_buff *skb)
{
    cq.drop_at[cq.drops++] = host_now_ns();
    consume_skb(skb);
}

static uint32_t cq_backlog(struct codel_queue *c)
{
    return cq.backlog;
}

/* RFC 8289's algorithm told as slowly as possible: in seconds and floating point, over a list of arrival
 * times. */
struct reference {
    double arrived[8192];
    unsigned first, last;
    double first_above, drop_next;
    unsigned count, last_count, drops;
    bool dropping;
    double drop_at[4096];
};

#define EPSILON 1e-7 /* times meet exactly now and then, and floating point does not */

static bool ref_take(struct reference *r, double now, double *arrived)
{
    if (r->first == r->last) {
        r->first_above = 0;
        *arrived = -1;
        return false;
    }
    *arrived = r->arrived[r->first++ % 8192];
    if (now - *arrived < 0.005 - EPSILON || (r->last - r->first) * 1000 <= 1514) {
        r->first_above = 0;
        return false;
    }
    if (r->first_above == 0) {
        r->first_above = now + 0.1;
        return false;
    }
    return now >= r->first_above - EPSILON;
}

static void ref_dequeue(struct reference *r, double now)
{
    double arrived;
    bool ok = ref_take(r, now, &arrived);

    if (r->dropping) {
        if (!ok)
            r->dropping = false;
        while (r->dropping && now >= r->drop_next - EPSILON) {
            r->drop_at[r->drops++] = now;
            r->count++;
            ok = ref_take(r, now, &arrived);
            if (ok)
                r->drop_next += 0.1 / sqrt(r->count);
            else
                r->dropping = false;
        }
        return;
    }
    if (!ok)
        return;
    r->drop_at[r->drops++] = now;
    ref_take(r, now, &arrived);
    r->dropping = true;
    unsigned delta = r->count - r->last_count;
    r->count = delta > 1 && now - r->drop_next < 1.6 ? delta : 1;
    r->last_count = r->count;
    r->drop_next = now + 0.1 / sqrt(r->count);
}

static void run_against_reference(double load, struct reference *r)
{
    struct codel_queue ops = {.take = cq_take, .drop = cq_drop, .backlog = cq_backlog};
    struct codel_params params = {.target_ns = 5 * MS, .interval_ns = 100 * MS, .mtu = 1514};
    struct codel_vars vars = {0};
    struct codel_stats stats = {0};
    uint64_t start = host_now_ns();
    double credit = 0;

    memset(&cq, 0, sizeof(cq));
    memset(r, 0, sizeof(*r));
    skb_queue_head_init(&cq.queue);
    for (unsigned step = 1; step < 8000; step++) { /* one packet leaves per ms */
        host_advance_ns(MS);
        double now = (double)(host_now_ns() - start) / 1e9;
        double burst = (step / 1000) % 2 ? load : 0.5; /* a second too much, a second too little */
        for (credit += burst * 2 * host_random_unit(); credit >= 1; credit -= 1) {
            struct sk_buff *skb = packet(1, 0, 0, 1000);
            qdisc_skb_cb(skb)->pkt_len = 1000;
            codel_set_enqueue_time(skb, host_now_ns());
            skb_queue_tail(&cq.queue, skb);
            cq.backlog += 1000;
            r->arrived[r->last++ % 8192] = now;
        }
        consume_skb(codel_dequeue(&ops, &params, &vars, &stats, host_now_ns()));
        ref_dequeue(r, now);
    }
    skb_queue_purge(&cq.queue, SKB_NOT_DROPPED_YET);
    for (unsigned i = 0; i < cq.drops; i++)
        cq.drop_at[i] -= start;
}

TEST("CoDel drops what RFC 8289's algorithm drops, when it does, over loads that come and go")
{
    static struct reference r;

    for (unsigned round = 0; round < 12; round++) {
        run_against_reference(1.0 + round * 0.1, &r);
        if (round > 1)
            assert_true(r.drops > 5);
        assert_int_equal(cq.drops, r.drops);
        for (unsigned i = 0; i < r.drops; i++)
            assert_true(fabs((double)cq.drop_at[i] / 1e9 - r.drop_at[i]) < 0.0015);
    }
}

TEST("CoDel's drops come closer by the square root of their number (RFC 8289 5.3)")
{
    for (uint32_t count = 1; count < 100000; count += 1 + count / 7) {
        double want = 1e8 / sqrt(count), got = (double)(codel_control_law(5, 100 * MS, count) - 5);
        assert_true(fabs(got - want) <= want * 1e-4 + 1);
    }
}

TEST("a queue of one frame, or a short wait, is never too long")
{
    use("fq_codel");
    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 500; i++) {
        send_packet(1, 0, 1514);
        host_advance_ms(10);
        assert_int_equal(pull(), 1);
    }
    assert_int_equal(q()->qstats.drops, 0);
}

/* A queue in which everything waits for 50 ms, for a second. */
static void standing_queue(uint8_t tos)
{
    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 1050; i++) {
        dev_queue_xmit(packet(1, (uint16_t)i, tos, 1000));
        host_advance_ms(1);
        if (i < 50)
            continue;
        struct sk_buff *skb = q()->ops->dequeue(q());
        if (skb)
            wire_xmit(skb, f.dev);
    }
}

TEST("packets that can are marked, with a right checksum, the others dropped (RFC 8289 4.2.6, RFC 3168 5)")
{
    char stats[256];

    standing_queue(0x02); /* ECT(0) */
    unsigned marked = 0;
    for (size_t i = 0; i < f.count; i++) {
        assert_true(f.sent[i].csum_ok);
        marked += f.sent[i].tos == 0x03;
    }
    assert_true(marked > 5);
    assert_int_equal(q()->qstats.drops, 0);
    q()->ops->dump_stats(q(), stats, sizeof(stats));
    assert_int_equal(atoi(strstr(stats, "ecn_mark ") + 9), marked);
    use("fq_codel");
    standing_queue(0x00);
    assert_true(q()->qstats.drops > 5);
    use("fq_codel,noecn");
    standing_queue(0x02);
    assert_true(q()->qstats.drops > 5);
}

TEST("marking a packet leaves its clone, which TCP keeps, as it was")
{
    struct sk_buff *kept[1050];

    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 1050; i++) {
        struct sk_buff *skb = packet(1, (uint16_t)i, 0x01, 1000);
        kept[i] = skb_clone(skb);
        dev_queue_xmit(skb);
        host_advance_ms(1);
        if (i >= 50 && (skb = q()->ops->dequeue(q())))
            wire_xmit(skb, f.dev);
    }
    unsigned marked = 0;
    for (size_t i = 0; i < f.count; i++)
        marked += f.sent[i].tos == 0x03;
    assert_true(marked > 5);
    for (unsigned i = 0; i < 1050; i++) {
        assert_int_equal(kept[i]->data[15], 0x01);
        consume_skb(kept[i]);
    }
}

TEST_FIXTURE(setup, teardown)
