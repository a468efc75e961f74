/*
 * test_qdisc.c - queueing disciplines, byte queue limits, policing: packets in, packets out, on the virtual
 * clock.
 *
 * The card is a wire that the test stops and starts; a packet is known by its UDP source port (its flow) and
 * the number in its IPv4 id.
 */
#include "libc/include/skiff/qdisc.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/sysctl.h"
#include "net/sched/codel.h"
#include "net/sched/sched.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"
#include "tests/unit/test.h"

#define MS NSEC_PER_MSEC

struct sent {
    uint16_t flow, number;
    uint8_t tos;
    uint32_t len;
    uint64_t at;
    bool csum_ok;
};

static struct fixture {
    struct net *net;
    struct net_device *dev;
    struct sent sent[20000];
    size_t count;
    uint64_t bytes;
    bool busy, use_bql;
    size_t objects, pages;
} f;

static enum netdev_tx wire_xmit(struct sk_buff *skb, struct net_device *dev)
{
    if (f.busy)
        return NETDEV_TX_BUSY;
    assert_true(f.count < ARRAY_SIZE(f.sent));
    struct sent *s = &f.sent[f.count++];
    *s = (struct sent){.len = skb->len, .at = host_now_ns()};
    if (skb->len >= 42) {
        s->flow = get_unaligned_be16(skb->data + 34);
        s->number = get_unaligned_be16(skb->data + 18);
        s->tos = skb->data[15];
        s->csum_ok = testnet_csum(skb->data + 14, 20, 0) == 0;
    }
    f.bytes += skb->len;
    dev->stats.tx_packets++;
    dev->stats.tx_bytes += skb->len;
    if (f.use_bql)
        netdev_sent_queue(dev, skb->len);
    consume_skb(skb);
    return NETDEV_TX_OK;
}

static const struct net_device_ops wire_ops = {.ndo_start_xmit = wire_xmit};

static int setup(void **state)
{
    memset(&f, 0, sizeof(f));
    assert_int_equal(skb_init(), 0);
    host_random_seed(1);
    f.objects = host_objects_alive();
    f.pages = host_pages_alive();
    f.net = net_create("test");
    assert_int_equal(sched_init(f.net), 0);
    f.dev = alloc_etherdev(0);
    f.dev->netdev_ops = &wire_ops;
    assert_int_equal(register_netdev(f.net, f.dev), 0);
    assert_int_equal(dev_open(f.dev), 0);
    return 0;
}

static int teardown(void **state)
{
    host_fail_allocation(0);
    host_run();
    unregister_netdev(f.dev);
    free_netdev(f.dev);
    assert_int_equal(f.net->skb_count, 0);
    sched_exit(f.net);
    net_destroy(f.net);
    assert_int_equal(host_objects_alive(), f.objects);
    assert_int_equal(host_pages_alive(), f.pages);
    return 0;
}

static void use(const char *spec)
{
    struct qdisc_why why = {.text = ""};
    char text[128];

    snprintf(text, sizeof(text), "eth0:%s", spec);
    if (qdisc_replace(f.net, text, &why))
        fail_msg("%s: %s", spec, why.text);
}

/* A frame of `len` bytes: Ethernet, IPv4, UDP. */
static struct sk_buff *packet(uint16_t flow, uint16_t number, uint8_t tos, unsigned len)
{
    struct sk_buff *skb = alloc_skb(f.net, len + 64);

    assert_non_null(skb);
    skb_reserve(skb, 64);
    uint8_t *p = skb_put(skb, len);
    memset(p, 0, len);
    put_unaligned_be16(0x0800, p + 12);
    p[14] = 0x45;
    p[15] = tos;
    put_unaligned_be16((uint16_t)(len - 14), p + 16);
    put_unaligned_be16(number, p + 18);
    p[22] = 64;
    p[23] = 17;
    p[26] = 10;
    p[30] = 10;
    put_unaligned_be16(flow, p + 34);
    testnet_fix_ip_csum(p);
    skb->protocol = cpu_to_be16(0x0800);
    skb->dev = f.dev;
    return skb;
}

static int send_packet(uint16_t flow, uint16_t number, unsigned len)
{
    return dev_queue_xmit(packet(flow, number, 0, len));
}

static struct Qdisc *q(void)
{
    return f.dev->qdisc;
}

/* The next packet out of the discipline, whatever the card: its flow, -1: none. */
static int pull(void)
{
    struct sk_buff *skb = q()->ops->dequeue(q());

    if (!skb)
        return -1;
    int flow = get_unaligned_be16(skb->data + 34);
    consume_skb(skb);
    return flow;
}

/* --- the clockwork --- */

TEST("a card gets net.core.default_qdisc when it comes up, a device that passes on gets none")
{
    assert_string_equal(q()->ops->id, "fq_codel");
    dev_open(f.net->loopback_dev);
    assert_ptr_equal(f.net->loopback_dev->qdisc, f.net->loopback_dev->qdisc_born);
    assert_int_equal(sysctl_set(f.net, "net.core.default_qdisc", "pfifo_fast"), 0);
    assert_int_equal(sysctl_set(f.net, "net.core.default_qdisc", "tbf"), -EINVAL);
    assert_int_equal(sysctl_set(f.net, "net.core.default_qdisc", "red"), -EINVAL);
    struct net_device *second = alloc_etherdev(0);
    second->netdev_ops = &wire_ops;
    assert_int_equal(register_netdev(f.net, second), 0);
    dev_open(second);
    assert_string_equal(second->qdisc->ops->id, "pfifo_fast");
    dev_close(second);
    dev_open(second);
    unregister_netdev(second);
    assert_ptr_equal(second->qdisc, second->qdisc_born);
    free_netdev(second);
}

TEST("a card without memory for its discipline keeps the fifo it was born with, and works")
{
    for (unsigned n = 1; n <= 2; n++) {
        dev_set_qdisc(f.dev, NULL);
        dev_close(f.dev);
        host_fail_allocation(n);
        dev_open(f.dev);
        assert_true(host_allocation_failed());
        assert_ptr_equal(f.dev->qdisc, f.dev->qdisc_born);
        assert_int_equal(send_packet(1, 1, 60), 0);
        assert_int_equal(f.count, n);
    }
}

TEST("while nothing waits a packet goes straight to the card; what is sent is counted all the same")
{
    uint64_t packets, bytes;

    use("fq_codel");
    for (unsigned i = 0; i < 10; i++)
        send_packet(1, (uint16_t)i, 100);
    qdisc_sent(q(), &packets, &bytes);
    assert_int_equal(packets, 10);
    assert_int_equal(bytes, 1000);
    assert_false(f.dev->xmit_held);
}

TEST("what the card refuses is sent first when it can, once, and in order")
{
    f.busy = true;
    for (unsigned i = 0; i < 5; i++)
        send_packet(7, (uint16_t)i, 100);
    assert_non_null(f.dev->requeued);
    assert_int_equal(q()->qstats.qlen, 4);
    f.busy = false;
    netif_wake_queue(f.dev);
    assert_int_equal(f.count, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(f.sent[i].number, i);
    assert_int_equal(q()->qstats.requeues, 1);
}

TEST("a long queue goes out in several softirqs, so that others get their turn")
{
    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 200; i++)
        send_packet(7, (uint16_t)i, 100);
    netif_wake_queue(f.dev);
    assert_int_equal(f.count, 64);
    host_run();
    assert_int_equal(f.count, 200);
}

TEST("replacing a discipline or closing the device drops what waits, by name, and leaks nothing")
{
    static const char *const kinds[] = {"fq_codel", "pfifo_fast",     "pfifo",
                                        "bfifo",    "tbf,rate=1mbit", "tbf,rate=1mbit,child=fq_codel"};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        uint64_t before = f.net->drops[SKB_DROP_REASON_QDISC_DROP];
        use(kinds[i]);
        netif_stop_queue(f.dev);
        for (unsigned n = 0; n < 3; n++)
            send_packet((uint16_t)n, 0, 500);
        assert_int_equal(f.net->skb_count, 3);
        use("pfifo");
        assert_int_equal(f.net->skb_count, 0);
        assert_int_equal(f.net->drops[SKB_DROP_REASON_QDISC_DROP] - before, 3);
        use(kinds[i]);
        for (unsigned n = 0; n < 3; n++)
            send_packet((uint16_t)n, 0, 500);
        before = f.net->drops[SKB_DROP_REASON_DEV_READY];
        dev_close(f.dev);
        assert_int_equal(f.net->drops[SKB_DROP_REASON_DEV_READY] - before, 3);
        assert_int_equal(f.net->skb_count, 0);
        dev_open(f.dev);
        host_advance_ms(100); /* no timer of the closed one is left */
    }
}

TEST("a wrong word of qdisc= or police= gets a sentence and changes nothing")
{
    static const struct {
        const char *spec, *sentence;
    } wrong[] = {
        {"eth0", "starts with a device"},
        {"eth9:fq_codel", "no device eth9"},
        {"eth0:red", "no queueing discipline \"red\"; there are fq_codel"},
        {"eth0:fq_codel,limt=5", "knows no \"limt=5\"; it knows limit flows"},
        {"eth0:fq_codel,limit=many", "limit=many is not a number like 1000"},
        {"eth0:fq_codel,limit=0", "out of range: 1 to"},
        {"eth0:fq_codel,target=5", "target=5 is not a time like 5ms"},
        {"eth0:fq_codel,ecn=1", "knows no \"ecn=1\""},
        {"eth0:tbf", "needs a rate: tbf,rate=10mbit"},
        {"eth0:tbf,rate=fast", "is not a rate like 10mbit"},
        {"eth0:tbf,rate=1gbit,burst=1514", "burst=1514 is too small for this rate"},
        {"eth0:tbf,rate=10mbit,child=tbf", "one rate is enough"},
        {"eth0:tbf,rate=10mbit,child=red", "no queueing discipline \"red\""},
        {"eth0:pfifo_fast,limit=3", "takes no options"},
        {"lo:fq_codel", "nothing would ever wait"},
    };
    struct qdisc_why why;
    struct Qdisc *before = q();

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        int err = qdisc_replace(f.net, wrong[i].spec, &why);
        assert_true(err == -EINVAL || err == -ENODEV);
        if (!strstr(why.text, wrong[i].sentence))
            fail_msg("%s: %s", wrong[i].spec, why.text);
        assert_ptr_equal(q(), before);
    }
    assert_int_equal(police_replace(f.net, "eth0:burst=5k", &why), -EINVAL);
    assert_non_null(strstr(why.text, "needs a rate"));
    assert_int_equal(police_replace(f.net, "eth0:rate=1mbit,burst=5k", &why), -EINVAL);
    assert_non_null(strstr(why.text, "write burst=65549 or more"));
}

TEST("replacing a discipline survives each failing allocation")
{
    struct qdisc_why why;

    for (unsigned n = 1; n < 10; n++) {
        host_fail_allocation(n);
        int err = qdisc_replace(f.net, "eth0:tbf,rate=10mbit,child=fq_codel", &why);
        if (!host_allocation_failed()) {
            assert_int_equal(err, 0);
            host_fail_allocation(0);
            return;
        }
        assert_int_equal(err, -ENOMEM);
        assert_string_equal(q()->ops->id, "fq_codel");
    }
    fail();
}

TEST("options are shown as they were understood")
{
    char text[256];

    use("fq_codel,limit=500,flows=64,quantum=300,target=500us,interval=20ms,memory_limit=1m,noecn");
    q()->ops->dump(q(), text, sizeof(text));
    assert_string_equal(text,
                        "limit 500p flows 64 quantum 300 target 500us interval 20ms memory_limit 1024Kb");
    use("tbf,rate=1500kbit,burst=20k,limit=64k");
    q()->ops->dump(q(), text, sizeof(text));
    assert_string_equal(text, "rate 1500Kbit burst 20480b child bfifo limit 65536b");
    assert_int_equal(q()->ops->change(q(), "rate=2mbit", &(struct qdisc_why){.text = ""}), 0);
    q()->ops->dump(q(), text, sizeof(text));
    assert_string_equal(text, "rate 2Mbit burst 20480b child bfifo limit 65536b");
}

static struct skiff_qdisc seen[8];
static unsigned seen_count;

static void see(const struct skiff_qdisc *qdisc, void *ctx)
{
    seen[seen_count++] = *qdisc;
}

TEST("a program sees each device's discipline with its figures, and policing beside it")
{
    struct qdisc_why why;

    use("pfifo,limit=9");
    send_packet(1, 0, 100);
    f.busy = true;
    for (unsigned i = 0; i < 12; i++)
        send_packet(1, 0, 100);
    assert_int_equal(police_replace(f.net, "eth0:rate=1gbit", &why), 0);
    seen_count = 0;
    qdisc_walk(f.net, see, NULL);
    assert_int_equal(seen_count, 3);
    assert_string_equal(seen[0].device, "lo");
    assert_string_equal(seen[0].kind, "noqueue");
    assert_string_equal(seen[1].device, "eth0");
    assert_string_equal(seen[1].kind, "pfifo");
    assert_string_equal(seen[1].options, "limit 9p");
    assert_int_equal(seen[1].sent_packets, 1);
    assert_int_equal(seen[1].sent_bytes, 100);
    assert_int_equal(seen[1].dropped, 2);
    assert_int_equal(seen[1].requeues, 1);
    assert_int_equal(seen[1].backlog_packets, 10);
    assert_int_equal(seen[1].backlog_bytes, 1000);
    assert_string_equal(seen[2].kind, "ingress");
    assert_string_equal(seen[2].options, "police rate 1Gbit burst 1250000b");
}

/* --- fifos --- */

TEST("pfifo_fast sends the urgent band first, and bulk cannot fill its place")
{
    static const struct {
        uint32_t priority;
        uint8_t tos;
        unsigned band;
    } cases[] = {{0, 0, 1},    {0, 0x10, 0}, {0, 0x08, 2}, {0, 0xb8, 0}, {0, 0xc0, 0}, {0, 0x03, 1},
                 {6, 0x08, 0}, {2, 0x10, 2}, {7, 0, 0},    {1, 0, 2},    {0, 0x18, 1}};

    use("pfifo_fast");
    f.dev->tx_queue_len = 50;
    netif_stop_queue(f.dev);
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(dev_queue_xmit(packet(99, 0, 0x08, 100)), i < 50 ? 0 : -ENOBUFS);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (cases[i].band == 2)
            continue; /* is full */
        struct sk_buff *skb = packet((uint16_t)cases[i].band, 0, cases[i].tos, 100);
        skb->priority = cases[i].priority;
        assert_int_equal(dev_queue_xmit(skb), 0);
    }
    int before = 0, flow;
    for (unsigned n = 0; (flow = pull()) >= 0; n++) {
        assert_true(flow >= before);
        before = flow;
    }
    assert_int_equal(before, 99);
}

TEST("each band of pfifo_fast is what TOS and priority say it is")
{
    use("pfifo_fast");
    netif_stop_queue(f.dev);
    dev_queue_xmit(packet(3, 0, 0x08, 100));
    struct sk_buff *vlan = packet(2, 0, 0, 100);
    dev_queue_xmit(vlan);
    dev_queue_xmit(packet(1, 0, 0x10, 100));
    for (int want = 1; want <= 3; want++)
        assert_int_equal(pull(), want);
}

TEST("pfifo holds packets, bfifo bytes, and no more")
{
    netif_stop_queue(f.dev);
    use("pfifo,limit=3");
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(send_packet(1, 0, 100), i < 3 ? 0 : -ENOBUFS);
    use("bfifo,limit=1000");
    assert_int_equal(send_packet(1, 0, 600), 0);
    assert_int_equal(send_packet(1, 0, 401), -ENOBUFS);
    assert_int_equal(send_packet(1, 0, 400), 0);
    assert_int_equal(q()->qstats.backlog, 1000);
    assert_int_equal(q()->qstats.drops, 1);
}

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

/* --- policing --- */

static int count_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    ++*(unsigned *)pt->af_packet_priv;
    consume_skb(skb);
    return 0;
}

TEST("what comes in over the rate is dropped as TC_INGRESS, and a tap has seen it")
{
    unsigned taken = 0;
    struct packet_type pt = {.type = cpu_to_be16(0x0800), .func = count_rcv, .af_packet_priv = &taken};
    struct qdisc_why why;
    struct police_stats stats;
    char text[64];

    dev_add_pack(f.net, &pt);
    assert_int_equal(police_replace(f.net, "eth0:rate=8mbit,burst=100000", &why), 0);
    for (unsigned ms = 0; ms < 1000; ms++) {
        for (unsigned i = 0; i < 3; i++) { /* three times what is allowed */
            struct sk_buff *skb = packet(1, 0, 0, 1000);
            eth_type_trans(skb, f.dev);
            netif_receive_skb(skb);
        }
        host_advance_ms(1);
    }
    assert_in_range(taken, 1098, 1100);
    assert_int_equal(f.net->drops[SKB_DROP_REASON_TC_INGRESS], 3000 - taken);
    assert_true(police_get(f.dev, &stats, text, sizeof(text)));
    assert_string_equal(text, "police rate 8Mbit burst 100000b");
    assert_int_equal(stats.packets, taken);
    assert_int_equal(stats.dropped, 3000 - taken);
    assert_int_equal(police_replace(f.net, "eth0:off", &why), 0);
    assert_null(f.dev->ingress_police);
    dev_remove_pack(&pt);
}

TEST_FIXTURE(setup, teardown)
