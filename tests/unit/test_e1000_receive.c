/*
 * test_e1000_receive.c - the e1000 driver, receiving: the ring, polling, bad frames, and the early hook.
 */
#include "tests/unit/e1000_bed.h"

/* --- receiving --- */

TEST("thousands of frames of all lengths come up whole, many times round the ring")
{
    start((struct e1000_model_config){.never_deaf = true});
    for (uint32_t i = 0; i < 5000; i++) {
        arrive(i);
        if (i % 37 == 0)
            host_run();
    }
    host_run();
    assert_int_equal(taken, 5000);
}

TEST("frames that come between probe and open wait in the ring")
{
    plug((struct e1000_model_config){.never_deaf = true});
    for (uint32_t i = 0; i < 100; i++)
        arrive(i);
    host_run();
    assert_int_equal(taken, 0);
    dev_open(dev);
    host_run();
    assert_int_equal(taken, 100);
}

TEST("a poll hands up at most its weight and interrupts stay masked until the ring is empty")
{
    start((struct e1000_model_config){0});
    struct napi_stats before = dev->napi->stats;
    for (uint32_t i = 0; i < 200; i++)
        arrive(i);
    assert_int_equal(taken, 0);
    assert_int_equal(card->regs[E1000_IMS / 4], 0);
    assert_int_equal(dev->napi->stats.irqs - before.irqs, 1);
    host_run();
    assert_int_equal(taken, 200);
    assert_int_equal(dev->napi->stats.full_polls - before.full_polls, 3);
    assert_int_equal(dev->napi->stats.irqs - before.irqs, 1);
    assert_int_not_equal(card->regs[E1000_IMS / 4], 0);
}

TEST("polling touches no register per frame and announces descriptors in batches")
{
    start((struct e1000_model_config){0});
    struct e1000_model_counts before = card->counts;
    for (uint32_t i = 0; i < 192; i++)
        arrive(i);
    host_run();
    assert_int_equal(taken, 192);
    assert_true(card->counts.rdt_writes - before.rdt_writes <= 3);
    assert_true(card->counts.mmio_reads - before.mmio_reads <= 3);
    assert_true(card->counts.mmio_writes - before.mmio_writes <= 8);
}

TEST("a full ring holds frames back without losing one")
{
    uint32_t sent = 0;

    cmdline_init("e1000.rx=8");
    start((struct e1000_model_config){0});
    for (int round = 0; round < 300; round++) {
        while (offer(sent, length_of(sent)) == E1000_MODEL_RX_TAKEN)
            sent++;
        assert_true(sent > taken);
        host_run();
        assert_int_equal(taken, sent);
    }
}

/* Lets a test act at the moment the driver touches a register. */
static uint32_t spy_offset;
static void (*spy_action)(void);

static void (*spied_write)(void *ctx, uint32_t offset, uint32_t value);
static uint32_t (*spied_read)(void *ctx, uint32_t offset);

/* The test acts just before the register is touched. */
static void spy_act(uint32_t offset)
{
    void (*action)(void) = offset == spy_offset ? spy_action : NULL;

    if (!action)
        return;
    spy_action = NULL;
    action();
}

static void spy_write(void *ctx, uint32_t offset, uint32_t value)
{
    spy_act(offset);
    spied_write(ctx, offset, value);
}

static uint32_t spy_read(void *ctx, uint32_t offset)
{
    spy_act(offset);
    return spied_read(ctx, offset);
}

static void spy(uint32_t offset, void (*action)(void))
{
    spied_write = card->pci.mmio_write;
    spied_read = card->pci.mmio_read;
    card->pci.mmio_write = spy_write;
    card->pci.mmio_read = spy_read;
    spy_offset = offset;
    spy_action = action;
}

static void arrive_next(void)
{
    arrive(taken_next);
}

TEST("a frame that comes just before the driver unmasks is not left lying")
{
    start((struct e1000_model_config){0});
    arrive(0);
    spy(E1000_IMS, arrive_next);
    host_run();
    assert_null(spy_action);
    assert_int_equal(taken, 2);
}

static void spy_next_icr(void)
{
    spy_action = arrive_next; /* the handler's read is the first, the unmasking one the second */
}

TEST("a frame whose cause the driver clears on unmasking is not left lying")
{
    start((struct e1000_model_config){0});
    spy(E1000_ICR, spy_next_icr);
    arrive(0);
    host_run();
    assert_null(spy_action);
    assert_int_equal(taken, 2);
}

TEST("a frame that comes while the last one is handed up is not left lying")
{
    start((struct e1000_model_config){0});
    arrive(0);
    spy(E1000_RDT, arrive_next);
    for (uint32_t i = 1; i < 20; i++)
        arrive(i);
    host_run();
    assert_int_equal(taken, 21);
}

TEST("whichever allocation fails while receiving, the frame is dropped and counted and the ring goes on")
{
    uint32_t number = 0;

    start((struct e1000_model_config){0});
    for (unsigned n = 1; n <= 8; n++) {
        uint64_t dropped = dev->stats.rx_no_buffer;
        unsigned taken_before = taken;
        for (unsigned i = 0; i < 4; i++, number++)
            assert_int_equal(offer(number, i & 1 ? 64 : 1000), E1000_MODEL_RX_TAKEN);
        host_fail_allocation(n);
        taken_bad = 0;
        host_run();
        assert_true(host_allocation_failed());
        assert_int_equal(dev->stats.rx_no_buffer, dropped + 1);
        assert_int_equal(taken, taken_before + 3);
        host_fail_allocation(0);
        taken_next = number;
        taken_bad = 0;
        for (unsigned i = 0; i < 300; i++, number++) {
            arrive(number);
            host_run();
        }
    }
    assert_int_equal(taken_bad, 0);
}

TEST("frames with errors are dropped and counted, and the next good one comes up")
{
    start((struct e1000_model_config){0});
    card->faults.rx_errors = E1000_RXD_ERR_CE;
    offer(0, 100);
    offer(0, 1000);
    card->faults.rx_errors = E1000_RXD_ERR_RXE;
    offer(0, 1000);
    card->faults.rx_errors = 0;
    arrive(0);
    host_run();
    assert_int_equal(taken, 1);
    assert_int_equal(dev->stats.rx_errors, 3);
    assert_int_equal(dev->stats.rx_crc_errors, 2);
}

TEST("a frame over several buffers is dropped as one, wherever the poll breaks it")
{
    static uint8_t giant[5000];

    start((struct e1000_model_config){0});
    for (uint32_t i = 0; i < 62; i++)
        arrive(i);
    make_frame(giant, 0, sizeof(giant), our_mac);
    assert_int_equal(e1000_model_receive_raw(card, giant, sizeof(giant)), E1000_MODEL_RX_TAKEN);
    for (uint32_t i = 62; i < 70; i++)
        arrive(i);
    host_run();
    assert_int_equal(taken, 70);
    assert_int_equal(dev->stats.rx_errors, 1);
    assert_int_equal(dev->stats.rx_length_errors, 1);
}

TEST("frames shorter than a link header or longer than a link's are dropped and counted")
{
    uint8_t frame[2000];

    start((struct e1000_model_config){0});
    make_frame(frame, 0, 1600, our_mac);
    assert_int_equal(e1000_model_receive_raw(card, frame, 13), E1000_MODEL_RX_TAKEN);
    assert_int_equal(e1000_model_receive_raw(card, frame, 1519), E1000_MODEL_RX_TAKEN);
    assert_int_equal(e1000_model_receive(card, frame, 1600), E1000_MODEL_RX_OVERSIZE);
    arrive(0);
    host_run();
    assert_int_equal(taken, 1);
    dev->netdev_ops->ndo_update_stats(dev);
    assert_int_equal(dev->stats.rx_length_errors, 3);
}

TEST("a checksum the card found right is marked, a wrong or unseen one is left to the stack")
{
    start((struct e1000_model_config){0});
    arrive(0);
    host_run();
    assert_int_equal(taken_summed, CHECKSUM_NONE);
    card->faults.rx_good_csum = true;
    card->faults.rx_status = E1000_RXD_STAT_TCPCS | E1000_RXD_STAT_IPCS;
    arrive(1);
    host_run();
    assert_int_equal(taken_summed, CHECKSUM_UNNECESSARY);
    card->faults.rx_errors = E1000_RXD_ERR_TCPE;
    arrive(2);
    host_run();
    assert_int_equal(taken_summed, CHECKSUM_NONE);
    assert_int_equal(taken, 3);
}

/* --- the early hook --- */

/* By the last byte of a frame's number: 0 drop, 1 and 3 pass, 2 bounce. */
#define BY_NUMBER "eth0:3,48_0_0_17,84_0_0_3,22_0_0_0"

static void arrive_alone(uint32_t number)
{
    taken_next = number;
    arrive(number);
    host_run();
}

TEST("the early hook drops, bounces or passes a frame by its bytes")
{
    char why[XDP_WHY_MAX];

    start((struct e1000_model_config){0});
    assert_int_equal(xdp_replace(net, BY_NUMBER, why), 0);
    for (uint32_t i = 0; i < 600; i++)
        arrive_alone(i);
    assert_int_equal(taken, 300);
    assert_int_equal(wire_count, 150);
    assert_int_equal(dev->xdp->passed, 300);
    assert_int_equal(dev->xdp->dropped, 150);
    assert_int_equal(dev->xdp->bounced, 150);
    assert_int_equal(net->drops[SKB_DROP_REASON_BPF_FILTER], 150);
    /* The last one bounced: addresses swapped, all else as it was. */
    assert_int_equal(wire_len, length_of(598));
    assert_memory_equal(wire_frame, peer_mac, 6);
    assert_memory_equal(wire_frame + 6, our_mac, 6);
    assert_true(payload_is(wire_frame + 14, wire_len - 14, 598));
    assert_int_equal(xdp_replace(net, "eth0:off", why), 0);
    arrive_alone(600);
    assert_int_equal(taken, 301);
}

TEST("a frame dropped early allocates nothing; one to be bounced without memory is dropped and counted")
{
    char why[XDP_WHY_MAX];

    start((struct e1000_model_config){0});
    assert_int_equal(xdp_replace(net, BY_NUMBER, why), 0);
    host_fail_allocation(1);
    for (uint32_t i = 0; i < 64; i += 4)
        arrive_alone(i);
    assert_false(host_allocation_failed());
    assert_int_equal(dev->xdp->dropped, 16);
    arrive_alone(2);
    assert_true(host_allocation_failed());
    assert_int_equal(dev->xdp->bounce_failed, 1);
    assert_int_equal(wire_count, 0);
    netif_stop_queue(dev);
    arrive_alone(2);
    assert_int_equal(dev->xdp->bounce_failed, 2);
    assert_int_equal(net->skb_count, 0);
    netif_wake_queue(dev);
}

TEST("a wrong program gets a sentence, and the one before stays")
{
    static const struct {
        const char *spec, *sentence;
    } wrong[] = {{"eth0", "starts with a device"},
                 {"eth7:1,6_0_0_1", "no device eth7"},
                 {"lo:1,6_0_0_1", "no driver with an early hook"},
                 {"eth0:", "number of instructions"},
                 {"eth0:2,6_0_0_1", "instruction 2: fewer instructions than announced"},
                 {"eth0:1,5_0_0_1", "instruction 1: jump out of the program"}};
    char why[XDP_WHY_MAX];

    start((struct e1000_model_config){0});
    assert_int_equal(xdp_replace(net, BY_NUMBER, why), 0);
    const struct netdev_xdp *before = dev->xdp;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_true(xdp_replace(net, wrong[i].spec, why) < 0);
        if (!strstr(why, wrong[i].sentence))
            fail_msg("%s: %s", wrong[i].spec, why);
    }
    for (unsigned n = 1; n <= 2; n++) {
        host_fail_allocation(n);
        assert_int_equal(xdp_replace(net, BY_NUMBER, why), -ENOMEM);
    }
    assert_ptr_equal(dev->xdp, before);
}

TEST_FIXTURE(setup, teardown)
