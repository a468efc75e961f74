/*
 * test_e1000_send.c - the e1000 driver, sending: the ring, checksums, and trains that the card cuts.
 */
#include "tests/unit/e1000_bed.h"

/* --- sending --- */

TEST("thousands of frames of all lengths and shapes leave whole, many times round the ring")
{
    start((struct e1000_model_config){0});
    wire_checks = true;
    for (uint32_t i = 0; i < 3000; i++) {
        size_t len = length_of(i), linear = i % 3 ? len : 14 + i % 40;
        assert_int_equal(dev_queue_xmit(make_skb(i, len, linear, 90 + i % 400)), 0);
        if (i % 5 == 0)
            host_run();
    }
    host_run();
    assert_int_equal(wire_count, 3000);
    assert_int_equal(net->skb_count, 0);
}

TEST("frames handed over together share one doorbell, and none waits behind sixteen")
{
    start((struct e1000_model_config){0});
    uint64_t before = card->counts.tdt_writes;
    for (uint32_t i = 0; i < 10; i++)
        send_frame(i, 100);
    assert_int_equal(wire_count, 0);
    host_run();
    assert_int_equal(wire_count, 10);
    assert_int_equal(card->counts.tdt_writes - before, 1);
    for (uint32_t i = 0; i < 40; i++)
        send_frame(i, 100);
    assert_int_equal(wire_count, 10 + 32);
    host_run();
    assert_int_equal(wire_count, 10 + 40);
    assert_int_equal(card->counts.tdt_writes - before, 1 + 3);
}

TEST("sending raises no interrupt and leaves nothing behind on a card that sends at once")
{
    start((struct e1000_model_config){0});
    uint64_t irqs = card->counts.irqs;
    for (uint32_t i = 0; i < 1000; i++) {
        send_frame(i, 1000);
        host_run();
        assert_int_equal(net->skb_count, 0);
    }
    assert_int_equal(card->counts.irqs, irqs);
    assert_false(timer_pending(&adapter()->tx_timer));
}

TEST("a short frame leaves padded to the least a link carries")
{
    start((struct e1000_model_config){0});
    send_frame(0, 42);
    host_run();
    assert_int_equal(wire_len, 60);
}

TEST("a frame too short for the card to pad is dropped with its reason")
{
    start((struct e1000_model_config){0});
    send_frame(0, 18);
    uint64_t before = net->drops[SKB_DROP_REASON_PKT_TOO_SMALL];
    struct sk_buff *skb = make_skb(0, 60, 60, 60);
    skb_trim(skb, 16);
    assert_int_equal(dev_queue_xmit(skb), 0);
    host_run();
    assert_int_equal(wire_count, 1);
    assert_int_equal(net->drops[SKB_DROP_REASON_PKT_TOO_SMALL], before + 1);
    assert_int_equal(dev->stats.tx_dropped, 1);
}

TEST("a slow card's sent frames are freed soon, without an interrupt and without more traffic")
{
    start((struct e1000_model_config){.tx_ns = 12000});
    for (uint32_t i = 0; i < 5; i++)
        send_frame(i, 1000);
    host_run();
    assert_int_equal(wire_count, 0);
    assert_int_equal(net->skb_count, 5);
    host_advance_ms(30);
    assert_int_equal(wire_count, 5);
    assert_int_equal(net->skb_count, 0);
    assert_false(timer_pending(&adapter()->tx_timer));
}

TEST("when the ring is full frames wait in order and go on when there is room")
{
    cmdline_init("e1000.tx=64");
    start((struct e1000_model_config){.tx_ns = 12000});
    wire_checks = true;
    for (uint32_t i = 0; i < 900; i++)
        assert_int_equal(send_frame(i, length_of(i)), 0);
    assert_true(dev->queue_stopped || dev->bql_stopped);
    assert_true(dev->qdisc->qstats.qlen > 800);
    host_advance_ms(35); /* 11 on the wire, one more per batch for finding out */
    assert_int_equal(wire_count, 900);
    assert_false(dev->queue_stopped);
    assert_int_equal(net->skb_count, 0);
    assert_int_equal(dev->stats.tx_timeouts, 0);
}

TEST("the smallest rings carry frames of many pieces too")
{
    cmdline_init("e1000.rx=8 e1000.tx=8");
    start((struct e1000_model_config){.tx_ns = 12000});
    wire_checks = true;
    assert_int_equal(adapter()->tx.count, 8);
    for (uint32_t i = 0; i < 300; i++) {
        size_t len = length_of(i);
        assert_int_equal(dev_queue_xmit(make_skb(i, len, 14, len / 12 + 10)), 0);
        arrive(i);
        host_advance_ms(1);
    }
    host_advance_ms(1000);
    assert_int_equal(wire_count, 300);
    assert_int_equal(taken, 300);
}

TEST("ring sizes that cannot be are refused with a sentence, and a card's memory follows the default")
{
    cmdline_init("e1000.rx=100 e1000.tx=9000");
    start((struct e1000_model_config){0});
    assert_int_equal(adapter()->rx.count, 256);
    assert_int_equal(adapter()->tx.count, 256);
    assert_true(card->regs[E1000_RDLEN / 4] % 128 == 0);
}

/* --- checksum offload --- */

static uint16_t sum_of(const uint8_t *bytes, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += (uint32_t)bytes[i] << (i & 1 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

TEST("the card's TCP and UDP checksums are those of software, however the frame is cut in pieces")
{
    start((struct e1000_model_config){0});
    for (uint32_t i = 0; i < 400; i++) {
        unsigned start_at = i % 4 == 3 ? 54 : 34, field = i & 1 ? 16 : 6;
        size_t len = 120 + i * 13 % 1390;
        uint8_t expect[LEN_MAX];
        struct sk_buff *skb = make_partial(i, len, start_at, field, (uint16_t)(i * 77));
        assert_int_equal(skb_copy_bits(skb, 0, expect, skb->len), 0);
        uint16_t sum = (uint16_t)~sum_of(expect + start_at, len - start_at);
        put_unaligned_be16(sum ? sum : 0xffff, expect + start_at + field);
        assert_int_equal(dev_queue_xmit(skb), 0);
        host_run();
        assert_int_equal(wire_len, len);
        assert_memory_equal(wire_frame, expect, len);
    }
}

TEST("segments of one kind need one context descriptor, and frames between them change nothing")
{
    start((struct e1000_model_config){0});
    for (uint32_t i = 0; i < 300; i++) {
        dev_queue_xmit(make_partial(i, 500, 34, 16, 1));
        if (i % 3 == 0)
            send_frame(i, 100);
        host_run();
    }
    assert_int_equal(card->counts.contexts, 1);
    dev_queue_xmit(make_partial(0, 500, 34, 6, 1));
    dev_queue_xmit(make_partial(0, 500, 34, 16, 1));
    host_run();
    assert_int_equal(card->counts.contexts, 3);
}

TEST("a checksum further in than the card can point is finished in software")
{
    start((struct e1000_model_config){0});
    uint8_t expect[LEN_MAX];
    struct sk_buff *skb = make_partial(1, 900, 300, 16, 99);
    assert_int_equal(skb_copy_bits(skb, 0, expect, skb->len), 0);
    put_unaligned_be16((uint16_t)~sum_of(expect + 300, 600), expect + 316);
    assert_int_equal(dev_queue_xmit(skb), 0);
    host_run();
    assert_memory_equal(wire_frame, expect, 900);
    assert_int_equal(card->counts.contexts, 0);
}

/* --- trains --- */

/* The same train through the card and through net/core/gso.c: the same frames must leave. */
static void train_both_ways(size_t payload, unsigned mss, unsigned options, size_t piece)
{
    unsigned offloads = NETIF_F_TSO | NETIF_F_HW_CSUM | NETIF_F_SG;

    memset(train_wire, 0, sizeof(train_wire));
    for (train_side = 0; train_side < 2; train_side++) {
        dev->features = train_side ? dev->features & ~offloads : dev->features | offloads;
        assert_int_equal(dev_queue_xmit(make_train(payload, mss, options, piece)), 0);
        host_run();
    }
    dev->features |= offloads;
    assert_int_equal(train_wire[0].count, DIV_ROUND_UP(payload, mss));
    assert_int_equal(train_wire[1].count, train_wire[0].count);
    for (unsigned i = 0; i < train_wire[0].count; i++) {
        const uint8_t *frame = train_wire[0].bytes[i];
        assert_int_equal(train_wire[0].len[i], train_wire[1].len[i]);
        assert_memory_equal(frame, train_wire[1].bytes[i], train_wire[0].len[i]);
        assert_int_equal(sum_of(frame + 14, 20), 0xffff);
        assert_int_equal(get_unaligned_be32(frame + 38), 0xfffff000u + i * mss);
        assert_int_equal(frame[47] & 0x09, i + 1 == train_wire[0].count ? 0x09 : 0);
        assert_int_equal(frame[47] & 0x80, i ? 0 : 0x80);
        size_t len = payload - i * mss < mss ? payload - i * mss : mss;
        for (size_t k = 0; k < len; k++)
            assert_int_equal(frame[TRAIN_HEAD + options + k], frame_byte(7, i * mss + k));
    }
}

TEST("a train that the card cuts and one cut in software leave as the same frames")
{
    start((struct e1000_model_config){0});
    card->config.wire = train_frame;
    train_both_ways(1461, 1460, 0, 65536);
    train_both_ways(44 * 1460 - 64, 1460, 0, 65536);
    train_both_ways(30001, 1448, 12, 4096);
    train_both_ways(9000, 536, 40, 777);
    train_both_ways(3000, 48, 0, 1000);
    assert_int_equal(card->counts.trains, 5);
}

TEST("a train of full segments only is cut in software: the card would end it with an empty one")
{
    start((struct e1000_model_config){0});
    card->config.wire = train_frame;
    train_both_ways(10 * 1460, 1460, 0, 65536);
    assert_int_equal(card->counts.trains, 0);
}

TEST("an 82544 and a small ring get no trains")
{
    start((struct e1000_model_config){.device_id = 0x100c});
    assert_false(dev->features & NETIF_F_TSO);
    take_down();
    cmdline_init("e1000.tx=32");
    start((struct e1000_model_config){0});
    assert_false(dev->features & NETIF_F_TSO);
    card->config.wire = train_frame;
    train_both_ways(40 * 1460 - 1, 1460, 0, 65536);
}

TEST("frames and checksums around trains are what they were, and a slow card loses none of them")
{
    start((struct e1000_model_config){.tx_ns = 1000});
    card->config.wire = train_frame;
    for (unsigned i = 0; i < 12; i++) {
        train_wire[0].count = train_side = 0;
        for (unsigned n = 0; n < 30; n++)
            dev_queue_xmit(n % 3 ? make_train(2000, 1460, 0, 500) : make_partial(n, 500, 34, 16, 1));
        host_advance_ms(5);
        assert_int_equal(train_wire[0].count, 10 + 2 * 20);
    }
}

TEST("when memory is short a train is dropped whole, with a name")
{
    for (unsigned n = 1; n < 6; n++) {
        if (!card)
            start((struct e1000_model_config){0});
        card->config.wire = train_frame;
        train_wire[0].count = train_side = 0;
        struct sk_buff *skb = make_train(3 * 1460, 1460, 0, 65536);
        host_fail_allocation(n);
        assert_int_equal(dev_queue_xmit(skb), -ENOMEM);
        host_fail_allocation(0);
        host_run();
        assert_int_equal(train_wire[0].count, 0);
        assert_int_equal(net->drops[SKB_DROP_REASON_NOMEM], n);
    }
}

TEST_FIXTURE(setup, teardown)
