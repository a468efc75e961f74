/*
 * test_e1000_interrupts.c - the e1000 driver and interrupts: by pin, by message, lost, and none at all.
 */
#include "tests/unit/e1000_bed.h"

/* --- interrupts --- */

TEST("a lost interrupt delays frames by two seconds at most and is said")
{
    start((struct e1000_model_config){0});
    card->faults.lose_irqs = 1;
    arrive(0);
    host_advance_ms(100);
    assert_int_equal(taken, 0);
    host_advance_ms(2000);
    assert_int_equal(taken, 1);
    arrive(1);
    host_run();
    assert_int_equal(taken, 2);
    assert_false(adapter()->polling);
}

TEST("after three lost interrupts the card is polled")
{
    start((struct e1000_model_config){0});
    for (uint32_t i = 0; i < 3; i++) {
        card->faults.lose_irqs = 1;
        arrive(i);
        host_advance_ms(2001);
    }
    assert_int_equal(taken, 3);
    assert_true(adapter()->polling);
    card->faults.irq_dead = true;
    arrive(3);
    host_advance_ms(3);
    assert_int_equal(taken, 4);
}

TEST("a card whose interrupts never arrive is found out at open and polled every millisecond")
{
    assert_int_equal(plug((struct e1000_model_config){0}), 1);
    card->faults.irq_dead = true;
    assert_int_equal(dev_open(dev), 0);
    assert_true(adapter()->polling);
    host_advance_ms(1001);
    for (uint32_t i = 0; i < 500; i++) {
        arrive(i);
        host_advance_ms(2);
        assert_int_equal(taken, i + 1);
    }
    e1000_model_set_link(card, false);
    host_advance_ms(2001);
    assert_false(dev->carrier);
}

TEST("a card without an interrupt line is polled")
{
    start((struct e1000_model_config){.no_irq = true});
    assert_true(adapter()->polling);
    arrive(0);
    host_advance_ms(3);
    assert_int_equal(taken, 1);
}

/* --- interrupts by message: edges, that nothing repeats --- */

/* A card that can send messages, under a driver that may use them. */
static void plug_msi(struct e1000_model_config config)
{
    config.msi = true;
    assert_int_equal(plug(config), 1);
    adapter()->irq_types = PCI_IRQ_ALL_TYPES;
}

static void frames_are_taken(uint32_t count)
{
    host_advance_ms(1001);
    for (uint32_t i = 0; i < count; i++) {
        arrive(i);
        host_advance_ms(1);
    }
    assert_int_equal(taken, count);
}

TEST("a card that can send messages interrupts by them, and its pin is off")
{
    plug_msi((struct e1000_model_config){0});
    assert_int_equal(dev_open(dev), 0);
    assert_int_equal(adapter()->pci->irq_type, PCI_IRQ_MSI);
    assert_int_equal(pci_model_get16(&card->pci, 0x04) & 0x0400, 0x0400);
    frames_are_taken(300);
    assert_false(adapter()->polling);
    assert_int_equal(card->counts.messages, card->counts.irqs);
    assert_true(card->counts.messages > 200);
    dev_close(dev);
    assert_int_equal(host_msis_alive(), 0);
    assert_int_equal(pci_model_get16(&card->pci, E1000_MODEL_MSI + 2) & 1, 0);
}

/* A frame that comes in while the last one is being taken: its cause is there already when the mask opens, so
 * the message must come from the opening. */
static void arrive_once(void)
{
    on_taken = NULL;
    arrive(1);
}

TEST(
    "a frame that comes between the last look at the ring and unmasking is not forgotten by a card of messages")
{
    plug_msi((struct e1000_model_config){0});
    assert_int_equal(dev_open(dev), 0);
    host_advance_ms(1001);
    on_taken = arrive_once;
    arrive(0);
    host_advance_ms(1);
    assert_int_equal(taken, 2);
    arrive(2);
    host_advance_ms(1);
    assert_int_equal(taken, 3);
    assert_false(adapter()->polling);
}

TEST("messages that do not arrive make the driver go back to the pin, then to polling")
{
    plug_msi((struct e1000_model_config){0});
    card->faults.msi_dead = true;
    assert_int_equal(dev_open(dev), 0);
    assert_int_equal(adapter()->pci->irq_type, PCI_IRQ_INTX);
    assert_int_equal(adapter()->pci->irq, 11);
    assert_int_equal(host_msis_alive(), 0);
    frames_are_taken(20);
    assert_false(adapter()->polling);
    assert_int_equal(card->counts.messages, 0);
    dev_close(dev);

    card->faults.irq_dead = true;
    assert_int_equal(dev_open(dev), 0);
    assert_true(adapter()->polling);
    assert_int_equal(adapter()->pci->irq_type, 0);
}

TEST("a board that has no line left for messages is no reason to poll")
{
    plug_msi((struct e1000_model_config){0});
    host_fail_msi(-ENOSPC);
    assert_int_equal(dev_open(dev), 0);
    host_fail_msi(0);
    assert_int_equal(adapter()->pci->irq_type, PCI_IRQ_INTX);
    frames_are_taken(3);
    assert_false(adapter()->polling);
}

TEST("a pin that does not come out where firmware says is found by trying the others")
{
    assert_int_equal(plug((struct e1000_model_config){0}), 1);
    card->wire_of_pin = 18;
    host_set_intx_ways(5); /* 11, 16 to 19 */
    assert_int_equal(dev_open(dev), 0);
    host_set_intx_ways(1);
    assert_int_equal(adapter()->pci->irq, 18);
    assert_false(adapter()->polling);
    frames_are_taken(20);
}

TEST("an idle card costs one register access every two seconds")
{
    start((struct e1000_model_config){0});
    struct e1000_model_counts before = card->counts;
    uint64_t polls = dev->napi->stats.polls;
    host_advance_ms(50000);
    assert_true(card->counts.mmio_reads - before.mmio_reads <= 26);
    assert_int_equal(card->counts.mmio_writes, before.mmio_writes);
    assert_int_equal(dev->napi->stats.polls, polls);
}

TEST_FIXTURE(setup, teardown)
