/*
 * test_qdisc.c - queueing disciplines as such, the fifos and policing: packets in, packets out.
 */
#include "tests/unit/qdisc_wire.h"

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
