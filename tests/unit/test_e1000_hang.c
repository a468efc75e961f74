/*
 * test_e1000_hang.c - the e1000 driver when the transmitter hangs, and when the link goes and comes.
 */
#include "tests/unit/e1000_bed.h"

/* --- hang and reset --- */

TEST("a transmitter that hangs is reset after two seconds, and frames flow both ways again")
{
    start((struct e1000_model_config){0});
    for (uint32_t i = 0; i < 100; i++)
        dev_queue_xmit(make_partial(i, 200, 34, 16, 1));
    host_run();
    card->faults.tx_hang = true;
    for (uint32_t i = 0; i < 5; i++)
        send_frame(i, 200);
    host_advance_ms(1900);
    assert_int_equal(card->counts.resets, 1);
    card->faults.tx_hang = false;
    host_advance_ms(300);
    assert_int_equal(card->counts.resets, 2);
    assert_int_equal(dev->stats.tx_timeouts, 1);
    assert_int_equal(net->drops[SKB_DROP_REASON_DEV_RESET], 5);
    host_advance_ms(1001);
    dev_queue_xmit(make_partial(0, 200, 34, 16, 1)); /* the card has forgotten its checksum context */
    host_run();
    assert_int_equal(card->counts.contexts, 2);
    wire_count = 0;
    wire_next = 0;
    wire_checks = true;
    for (uint32_t i = 0; i < 600; i++) {
        send_frame(i, length_of(i));
        arrive(i);
        host_run();
    }
    assert_int_equal(wire_count, 600);
    assert_int_equal(taken, 600);
}

TEST("a hang under load drops what was in the ring and sends what waited behind it")
{
    start((struct e1000_model_config){0});
    card->faults.tx_hang = true;
    for (uint32_t i = 0; i < 700; i++)
        send_frame(i, 200);
    assert_true(dev->queue_stopped || dev->bql_stopped);
    size_t waiting = dev->qdisc->qstats.qlen;
    host_advance_ms(1500);
    card->faults.tx_hang = false;
    host_advance_ms(1500);
    assert_false(dev->queue_stopped);
    assert_int_equal(wire_count, waiting);
    assert_int_equal(net->drops[SKB_DROP_REASON_DEV_RESET], 700 - waiting);
    assert_int_equal(net->skb_count, 0);
}

TEST("a hang that a reset does not cure is tried again and harms nothing else")
{
    start((struct e1000_model_config){.never_deaf = true});
    card->faults.tx_hang = true;
    for (uint32_t i = 0; i < 3000; i++) {
        send_frame(i, 100);
        if (i % 10 == 0)
            host_advance_ms(100);
        arrive(i);
        host_run();
    }
    assert_int_equal(taken, 3000);
    assert_true(card->counts.resets > 5);
    assert_int_equal(wire_count, 0);
}

TEST("a card that sends but never says so is reset too")
{
    start((struct e1000_model_config){0});
    card->faults.tx_no_done = true;
    send_frame(0, 100);
    host_advance_ms(2100);
    assert_int_equal(card->counts.resets, 2);
    assert_int_equal(net->skb_count, 0);
}

TEST("frames received before a reset are handed up, not lost")
{
    start((struct e1000_model_config){0});
    card->faults.irq_dead = true;
    for (uint32_t i = 0; i < 100; i++)
        arrive(i);
    dev->netdev_ops->ndo_tx_timeout(dev);
    host_run();
    assert_int_equal(taken, 100);
}

/* --- link --- */

TEST("the link's going and coming is told by interrupt, counted, and sending stops meanwhile")
{
    start((struct e1000_model_config){0});
    uint64_t changes = dev->stats.link_changes;
    e1000_model_set_link(card, false);
    host_run();
    assert_false(dev->carrier);
    assert_int_equal(send_frame(0, 100), -ENETDOWN);
    assert_int_equal(net->drops[SKB_DROP_REASON_DEV_READY], 1);
    host_advance_ms(10000);
    e1000_model_set_link(card, true);
    host_run();
    assert_true(dev->carrier);
    assert_int_equal(dev->stats.link_changes, changes + 2);
    assert_int_equal(send_frame(0, 100), 0);
    arrive(0);
    host_run();
    assert_int_equal(wire_count, 1);
    assert_int_equal(taken, 1);
    assert_int_equal(card->counts.resets, 1);
}

TEST("frames in the ring when the link goes leave when it comes back, without a reset")
{
    start((struct e1000_model_config){.tx_ns = 1000000});
    for (uint32_t i = 0; i < 8; i++)
        send_frame(i, 100);
    host_advance_ms(3);
    e1000_model_set_link(card, false);
    unsigned sent = wire_count;
    host_advance_ms(30000);
    assert_int_equal(wire_count, sent);
    assert_int_equal(card->counts.resets, 1);
    e1000_model_set_link(card, true);
    host_run();
    send_frame(8, 100);
    host_advance_ms(50);
    assert_int_equal(wire_count, 9);
    assert_int_equal(net->skb_count, 0);
}

TEST("a machine without a cable comes up and goes on when one is plugged in")
{
    start((struct e1000_model_config){.link_down = true});
    assert_false(dev->carrier);
    e1000_model_set_link(card, true);
    host_run();
    assert_true(dev->carrier);
    arrive(0);
    host_run();
    assert_int_equal(taken, 1);
}

TEST("a link change that no interrupt tells is seen within two seconds")
{
    start((struct e1000_model_config){0});
    card->faults.lose_irqs = 1;
    e1000_model_set_link(card, false);
    host_advance_ms(2001);
    assert_false(dev->carrier);
}

TEST_FIXTURE(setup, teardown)
