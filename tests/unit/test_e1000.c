/*
 * test_e1000.c - the driver in drivers/e1000 on a register-level model of the card, under net/core.
 *
 * Frames of EtherType 88b5 (IEEE's number for experiments) carry a number and bytes that follow from it, so
 * each one can be checked whole wherever it comes out. After each test no buffer, page or timer may be left
 * over and the model must not have seen anything the manual forbids.
 */
#include "drivers/e1000/e1000.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/cmdline.h"
#include "kernel/slab.h"
#include "net/core/qdisc.h"
#include "net/core/xdp.h"
#include "tests/host/e1000_model.h"
#include "tests/host/host.h"
#include "tests/unit/test.h"

#define ETH_TYPE_TEST 0x88b5
#define LEN_MAX       1514

static const uint8_t our_mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
static const uint8_t peer_mac[6] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x99};

static struct net *net;
static struct net_device *dev;
static struct e1000_model *card;
static struct packet_type taker;
static size_t objects_before, pages_before;
static unsigned pci_violations_before;

/* What came up the stack, and what left by the wire. */
static unsigned taken, taken_bad, wire_count;
static uint32_t taken_next; /* the number the next test frame must carry */
static uint8_t taken_summed;
static uint8_t wire_frame[65536];
static size_t wire_len;
static uint32_t wire_next;
static bool wire_checks;
static void (*on_taken)(void);

/* --- frames --- */

static uint8_t frame_byte(uint32_t number, size_t i)
{
    return (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static size_t make_frame(uint8_t *frame, uint32_t number, size_t len, const uint8_t *to)
{
    memcpy(frame, to, 6);
    memcpy(frame + 6, peer_mac, 6);
    put_unaligned_be16(ETH_TYPE_TEST, frame + 12);
    put_unaligned_be32(number, frame + 14);
    for (size_t i = 18; i < len; i++)
        frame[i] = frame_byte(number, i);
    return len;
}

/* The bytes behind the link header of frame `number`. */
static bool payload_is(const uint8_t *payload, size_t len, uint32_t number)
{
    if (get_unaligned_be32(payload) != number)
        return false;
    for (size_t i = 4; i < len; i++)
        if (payload[i] != frame_byte(number, i + 14))
            return false;
    return true;
}

static size_t length_of(uint32_t number)
{
    return 60 + number * 97 % (LEN_MAX - 60 + 1);
}

static int take_frame(struct sk_buff *skb, struct net_device *from, struct packet_type *pt)
{
    uint8_t payload[LEN_MAX];

    assert_true(skb->len <= sizeof(payload));
    assert_int_equal(skb_copy_bits(skb, 0, payload, skb->len), 0);
    if (!payload_is(payload, skb->len, taken_next))
        taken_bad++;
    taken_next++;
    taken++;
    taken_summed = skb->ip_summed;
    consume_skb(skb);
    if (on_taken)
        on_taken();
    return 0;
}

static void wire(void *ctx, const uint8_t *frame, size_t len)
{
    memcpy(wire_frame, frame, len);
    wire_len = len;
    wire_count++;
    if (wire_checks)
        assert_true(payload_is(frame + 14, length_of(wire_next) - 14, wire_next));
    wire_next++;
}

/* --- the bed --- */

static int setup(void **state)
{
    taken = taken_bad = wire_count = 0;
    taken_next = wire_next = 0;
    wire_checks = false;
    on_taken = NULL;
    cmdline_init("");
    skb_init();
    host_fail_allocation(0);
    objects_before = host_objects_alive();
    pages_before = host_pages_alive();
    pci_violations_before = pci_model_violations();
    net = net_create("");
    assert_non_null(net);
    taker = (struct packet_type){.type = cpu_to_be16(ETH_TYPE_TEST), .func = take_frame};
    dev_add_pack(net, &taker);
    dev = NULL;
    card = NULL;
    return 0;
}

static void take_down(void)
{
    e1000_exit();
    pci_exit();
    if (card) {
        assert_int_equal(card->counts.violations, 0);
        e1000_model_destroy(card);
    }
    card = NULL;
}

static int teardown(void **state)
{
    host_fail_allocation(0);
    take_down();
    dev_remove_pack(&taker);
    assert_int_equal(taken_bad, 0);
    assert_int_equal(net->skb_count, 0);
    net_destroy(net);
    assert_int_equal(host_objects_alive(), objects_before);
    assert_int_equal(host_pages_alive(), pages_before);
    assert_int_equal(pci_model_violations(), pci_violations_before);
    assert_int_equal(timer_next_ms() == UINT64_MAX || timer_next_ms() <= ktime_get_ms() + 2000, 1);
    return 0;
}

static struct e1000_adapter *adapter(void)
{
    return dev->priv;
}

static int plug(struct e1000_model_config config)
{
    if (!config.mac[0])
        memcpy(config.mac, our_mac, 6);
    config.wire = wire;
    card = e1000_model_create(&config);
    assert_true(pci_init() >= 1);
    int cards = e1000_init(net);
    dev = dev_get_by_name(net, "eth0");
    return cards;
}

/* A card that is up and hears. */
static void start(struct e1000_model_config config)
{
    assert_int_equal(plug(config), 1);
    assert_int_equal(dev_open(dev), 0);
    host_advance_ms(1001);
}

static enum e1000_model_rx offer(uint32_t number, size_t len)
{
    uint8_t frame[LEN_MAX];

    return e1000_model_receive(card, frame, make_frame(frame, number, len, our_mac));
}

static void arrive(uint32_t number)
{
    assert_int_equal(offer(number, length_of(number)), E1000_MODEL_RX_TAKEN);
}

/* A frame to be sent: `linear` bytes in the head, the rest in frags of at most `piece` bytes. */
static struct sk_buff *make_skb(uint32_t number, size_t len, size_t linear, size_t piece)
{
    uint8_t frame[LEN_MAX];
    struct sk_buff *skb = alloc_skb(net, (unsigned)linear + 64);

    assert_non_null(skb);
    make_frame(frame, number, len, peer_mac);
    skb_reserve(skb, 64);
    skb_put_data(skb, frame, (unsigned)linear);
    for (size_t done = linear; done < len;) {
        size_t n = len - done < piece ? len - done : piece;
        struct page *page = alloc_pages(0);
        assert_non_null(page);
        memcpy((uint8_t *)page_address(page) + 100, frame + done, n);
        skb_add_rx_frag(skb, page, 100, (unsigned)n, PAGE_SIZE);
        done += n;
    }
    skb->dev = dev;
    return skb;
}

static int send_frame(uint32_t number, size_t len)
{
    return dev_queue_xmit(make_skb(number, len, len, LEN_MAX));
}

/* --- coming up --- */

TEST("the card comes up with the EEPROM's address, one write of RCTL and no new negotiation")
{
    start((struct e1000_model_config){0});
    assert_memory_equal(dev->dev_addr, our_mac, 6);
    assert_true(dev->carrier);
    assert_false(adapter()->polling);
    assert_int_equal(card->counts.rctl_writes,
                     2); /* one turns it off, one on: the model starts counting at that */
    assert_int_equal(card->counts.phy_restarts, 0);
    assert_int_equal(card->counts.resets, 1);
    assert_true(dev->napi->stats.irqs >= 1); /* the self-test */
    arrive(0);
    host_run();
    assert_int_equal(taken, 1);
}

TEST("an 82544 whose EERD does not answer is read over the EEPROM's wires")
{
    start((struct e1000_model_config){.device_id = 0x100c, .no_eerd = true});
    assert_memory_equal(dev->dev_addr, our_mac, 6);
}

TEST("an 82545 without EERD is read over the wires after asking for the EEPROM")
{
    start((struct e1000_model_config){.device_id = 0x100f, .no_eerd = true});
    assert_memory_equal(dev->dev_addr, our_mac, 6);
}

TEST("with a damaged EEPROM the address that the card loaded is used")
{
    assert_int_equal(plug((struct e1000_model_config){.bad_eeprom = true}), 1);
    assert_memory_equal(dev->dev_addr, our_mac, 6);
}

TEST("with a damaged EEPROM and no address a local one is made up")
{
    assert_int_equal(plug((struct e1000_model_config){.bad_eeprom = true, .no_address = true}), 1);
    assert_int_equal(dev->dev_addr[0] & 3, 2);
}

TEST("a card that firmware has given no registers is left alone with a sentence")
{
    card = e1000_model_create(&(struct e1000_model_config){.mac = {2}});
    card->pci.bar_writable[0] = 0;
    pci_model_set32(&card->pci, 0x10, 0);
    pci_init();
    assert_int_equal(e1000_init(net), 0);
    assert_non_null(strstr(host_last_log(), "cannot be used"));
}

TEST("whichever allocation fails at probe, the card is used or left alone, and nothing leaks")
{
    bool failed = true;

    cmdline_init("e1000.rx=32");
    for (unsigned n = 1; failed; n++) {
        card = e1000_model_create(&(struct e1000_model_config){.mac = {2}});
        pci_init();
        host_fail_allocation(n);
        int cards = e1000_init(net);
        failed = host_allocation_failed();
        host_fail_allocation(0);
        assert_true(cards == 1 || failed);
        take_down();
        assert_int_equal(host_pages_alive(), pages_before);
        assert_true(n < 200);
    }
}

TEST("a PHY that firmware left powered down is told to negotiate, and the link comes by interrupt")
{
    card = e1000_model_create(&(struct e1000_model_config){.mac = {2}});
    card->phy[PHY_CONTROL] = PHY_CONTROL_POWER_DOWN;
    pci_init();
    assert_int_equal(e1000_init(net), 1);
    dev = dev_get_by_name(net, "eth0");
    assert_int_equal(dev_open(dev), 0);
    assert_int_equal(card->counts.phy_restarts, 1);
    assert_false(dev->carrier);
    host_advance_ms(600);
    assert_true(dev->carrier);
}

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

/* A frame whose transport checksum (at `field` behind `start`) the card must finish. */
static struct sk_buff *make_partial(uint32_t number, size_t len, unsigned start_at, unsigned field,
                                    uint16_t pseudo)
{
    struct sk_buff *skb = make_skb(number, len, start_at + field + 2 + number % 9, 200 + number % 300);

    put_unaligned_be16(pseudo, skb->data + start_at + field);
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = (uint16_t)(skb_headroom(skb) + start_at);
    skb->csum_offset = (uint16_t)field;
    return skb;
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

#define TRAIN_HEAD 54u /* Ethernet, IPv4, TCP */

static struct {
    uint8_t bytes[GSO_MAX_SEGS + 2][LEN_MAX];
    size_t len[GSO_MAX_SEGS + 2];
    unsigned count;
} train_wire[2];
static unsigned train_side;

static void train_frame(void *ctx, const uint8_t *frame, size_t len)
{
    unsigned i = train_wire[train_side].count++;

    assert_true(i < GSO_MAX_SEGS + 2 && len <= LEN_MAX);
    memcpy(train_wire[train_side].bytes[i], frame, len);
    train_wire[train_side].len[i] = len;
}

/* A train of TCP over IPv4 with `options` bytes of TCP options: `payload` bytes in pieces of at most `piece`.
 */
static struct sk_buff *make_train(size_t payload, unsigned mss, unsigned options, size_t piece)
{
    unsigned head = TRAIN_HEAD + options;
    struct sk_buff *skb = alloc_skb(net, 64 + head + 100);
    uint8_t *p;

    assert_non_null(skb);
    skb_reserve(skb, 64);
    p = skb_put(skb, head);
    memset(p, 1, head); /* options: NOP */
    memcpy(p, peer_mac, 6);
    memcpy(p + 6, our_mac, 6);
    put_unaligned_be16(0x0800, p + 12);
    static const uint8_t ip[20] = {0x45, 0, 0, 0, 0xff, 0xfe, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
    memcpy(p + 14, ip, sizeof(ip));
    put_unaligned_be16((uint16_t)(head - 14 + payload), p + 16);
    put_unaligned_be32(0xfffff000u, p + 38); /* wraps on the way */
    p[46] = (uint8_t)((20 + options) << 2);
    p[47] = 0x80 | 0x18 | 0x01; /* CWR, ACK, PSH, FIN */
    uint32_t pseudo = 0x0a00 + 1 + 0x0a00 + 2 + 6 + (uint32_t)(20 + options + payload);
    put_unaligned_be16((uint16_t)((pseudo & 0xffff) + (pseudo >> 16)), p + 50);
    for (size_t done = 0; done < payload;) {
        size_t n = payload - done < piece ? payload - done : piece;
        struct page *page = alloc_pages(4);
        assert_non_null(page);
        for (size_t i = 0; i < n; i++)
            ((uint8_t *)page_address(page))[i] = frame_byte(7, done + i);
        skb_add_rx_frag(skb, page, 0, (unsigned)n, (unsigned)n);
        done += n;
    }
    skb->dev = dev;
    skb->protocol = cpu_to_be16(0x0800);
    skb->network_header = 64 + 14;
    skb->transport_header = skb->csum_start = 64 + 34;
    skb->csum_offset = 16;
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb_shinfo(skb)->gso_size = (uint16_t)mss;
    skb_shinfo(skb)->gso_segs = (uint16_t)DIV_ROUND_UP(payload, mss);
    return skb;
}

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

/* --- filters --- */

static const uint8_t group_a[6] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb};
static const uint8_t group_b[6] = {0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa};
static const uint8_t stranger[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

static enum e1000_model_rx offer_to(const uint8_t *to)
{
    uint8_t frame[LEN_MAX];

    enum e1000_model_rx result = e1000_model_receive(card, frame, make_frame(frame, taken_next, 100, to));
    host_run();
    return result;
}

TEST("only our address, broadcasts and joined groups come in, and joining costs no write of RCTL")
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    start((struct e1000_model_config){0});
    uint64_t rctl_writes = card->counts.rctl_writes;
    assert_int_equal(offer_to(our_mac), E1000_MODEL_RX_TAKEN);
    assert_int_equal(offer_to(broadcast), E1000_MODEL_RX_TAKEN);
    assert_int_equal(offer_to(stranger), E1000_MODEL_RX_FILTERED);
    assert_int_equal(offer_to(group_a), E1000_MODEL_RX_FILTERED);
    assert_int_equal(dev_mc_add(dev, group_a), 0);
    assert_int_equal(offer_to(group_a), E1000_MODEL_RX_TAKEN);
    assert_int_equal(offer_to(group_b), E1000_MODEL_RX_FILTERED);
    assert_int_equal(dev_mc_del(dev, group_a), 0);
    assert_int_equal(offer_to(group_a), E1000_MODEL_RX_FILTERED);
    dev->flags |= DEV_IFF_ALLMULTI;
    dev->netdev_ops->ndo_set_rx_mode(dev);
    assert_int_equal(offer_to(group_b), E1000_MODEL_RX_TAKEN);
    assert_int_equal(card->counts.rctl_writes, rctl_writes);
}

TEST("promiscuous mode lets everything in, for one write of RCTL each way")
{
    start((struct e1000_model_config){.never_deaf = true});
    uint64_t rctl_writes = card->counts.rctl_writes;
    dev_set_promiscuity(dev, 1);
    dev_set_promiscuity(dev, 1);
    assert_int_equal(offer_to(stranger), E1000_MODEL_RX_TAKEN);
    assert_int_equal(offer_to(group_b), E1000_MODEL_RX_TAKEN);
    dev_mc_add(dev, group_a);
    assert_int_equal(card->counts.rctl_writes, rctl_writes + 1);
    dev_set_promiscuity(dev, -2);
    assert_int_equal(offer_to(stranger), E1000_MODEL_RX_FILTERED);
    assert_int_equal(card->counts.rctl_writes, rctl_writes + 2);
}

/* --- VLAN tags and further addresses --- */

static struct {
    unsigned count;
    uint16_t tci;
} tagged;

static int take_tagged(struct sk_buff *skb, struct net_device *from, struct packet_type *pt)
{
    tagged.count += skb->vlan_present;
    tagged.tci = skb->vlan_tci;
    consume_skb(skb);
    return 0;
}

TEST("the card takes the tag out of a frame and says which it was")
{
    struct packet_type tap = {.type = cpu_to_be16(0x0003), .func = take_tagged};
    uint8_t frame[LEN_MAX], with_tag[LEN_MAX + 4];

    start((struct e1000_model_config){0});
    dev_add_pack(net, &tap);
    for (size_t len = 60; len <= LEN_MAX; len += LEN_MAX - 60) {
        tagged.count = 0;
        make_frame(frame, 0, len, our_mac);
        memcpy(with_tag, frame, 12);
        put_unaligned_be16(0x8100, with_tag + 12);
        put_unaligned_be16(0x6123, with_tag + 14);
        memcpy(with_tag + 16, frame + 12, len - 12);
        assert_int_equal(e1000_model_receive(card, with_tag, len + 4), E1000_MODEL_RX_TAKEN);
        host_run();
        assert_int_equal(tagged.count, 1);
        assert_int_equal(tagged.tci, 0x6123);
    }
    assert_int_equal(card->counts.tags_stripped, 2);
    assert_int_equal(net->drops[SKB_DROP_REASON_VLAN_UNKNOWN], 2);
    dev_remove_pack(&tap);
}

TEST("the card writes the tag into a frame, of one piece or of many")
{
    start((struct e1000_model_config){0});
    for (size_t linear = 64; linear <= LEN_MAX; linear += LEN_MAX - 64) {
        struct sk_buff *skb = make_skb(5, LEN_MAX, linear, 400);
        skb->vlan_tci = 0x2fff;
        skb->vlan_present = 1;
        assert_int_equal(dev_queue_xmit(skb), 0);
        host_run();
        assert_int_equal(wire_len, LEN_MAX + 4);
        assert_int_equal(get_unaligned_be16(wire_frame + 12), 0x8100);
        assert_int_equal(get_unaligned_be16(wire_frame + 14), 0x2fff);
        assert_int_equal(get_unaligned_be16(wire_frame + 16), ETH_TYPE_TEST);
        assert_true(payload_is(wire_frame + 18, LEN_MAX - 14, 5));
    }
    assert_int_equal(card->counts.tags_inserted, 2);
    assert_int_equal(send_frame(6, 100), 0); /* and none into the next */
    host_run();
    assert_int_equal(wire_len, 100);
}

TEST("each segment of a train in a VLAN carries the tag, as when it is cut in software")
{
    start((struct e1000_model_config){0});
    card->config.wire = train_frame;
    memset(train_wire, 0, sizeof(train_wire));
    for (train_side = 0; train_side < 2; train_side++) {
        struct sk_buff *skb = make_train(9999, 1400, 12, 5000);
        if (train_side)
            dev->features &=
                ~(unsigned)(NETIF_F_TSO | NETIF_F_HW_CSUM | NETIF_F_SG | NETIF_F_HW_VLAN_CTAG_TX);
        skb->vlan_tci = 100;
        skb->vlan_present = 1;
        assert_int_equal(dev_queue_xmit(skb), 0);
        host_run();
    }
    assert_int_equal(train_wire[0].count, 8);
    assert_int_equal(train_wire[1].count, 8);
    assert_int_equal(card->counts.tags_inserted, 8);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(get_unaligned_be16(train_wire[0].bytes[i] + 14), 100);
        assert_int_equal(train_wire[0].len[i], train_wire[1].len[i]);
        assert_memory_equal(train_wire[0].bytes[i], train_wire[1].bytes[i], train_wire[0].len[i]);
    }
}

TEST("the card receives by further addresses, as many as it has places for; then by all")
{
    uint8_t more[6] = {0x02, 0x66, 0, 0, 0, 0};

    start((struct e1000_model_config){.never_deaf = true});
    uint64_t rctl_writes = card->counts.rctl_writes;
    for (unsigned i = 1; i <= 15; i++) {
        more[5] = (uint8_t)i;
        assert_int_equal(dev_uc_add(dev, more), 0);
        assert_int_equal(offer_to(more), E1000_MODEL_RX_TAKEN);
    }
    assert_int_equal(offer_to(stranger), E1000_MODEL_RX_FILTERED);
    assert_int_equal(card->counts.rctl_writes, rctl_writes);
    assert_int_equal(dev_uc_add(dev, stranger), 0);
    assert_int_equal(offer_to(stranger), E1000_MODEL_RX_TAKEN);
    assert_int_equal(dev_uc_del(dev, stranger), 0);
    assert_int_equal(dev_uc_del(dev, stranger), -ENOENT);
    assert_int_equal(offer_to(stranger), E1000_MODEL_RX_FILTERED);
    for (unsigned i = 1; i <= 15; i++) {
        more[5] = (uint8_t)i;
        assert_int_equal(dev_uc_del(dev, more), 0);
        assert_int_equal(offer_to(more), E1000_MODEL_RX_FILTERED);
    }
    assert_int_equal(offer_to(our_mac), E1000_MODEL_RX_TAKEN);
}

TEST("an address given by hand is received by at once, the old one no longer")
{
    start((struct e1000_model_config){0});
    assert_int_equal(dev_set_mac_address(dev, stranger), 0);
    assert_int_equal(offer_to(stranger), E1000_MODEL_RX_TAKEN);
    assert_int_equal(offer_to(our_mac), E1000_MODEL_RX_FILTERED);
    assert_int_equal(dev_set_mac_address(dev, group_a), -EADDRNOTAVAIL);
}

/* --- statistics --- */

static void count_traffic(struct e1000_model_config config)
{
    start(config);
    for (unsigned round = 1; round <= 3; round++) {
        for (uint32_t i = 0; i < 10; i++) {
            offer(taken_next, 100);
            host_run();
            send_frame(i, 200);
        }
        host_run();
        dev->netdev_ops->ndo_update_stats(dev);
        assert_int_equal(dev->stats.rx_packets, 10 * round);
        assert_int_equal(dev->stats.rx_bytes, 1000 * round);
        assert_int_equal(dev->stats.tx_packets, 10 * round);
        assert_int_equal(dev->stats.tx_bytes, 2000 * round);
        dev->netdev_ops->ndo_update_stats(dev);
        assert_int_equal(dev->stats.rx_packets, 10 * round);
    }
}

TEST("packets and bytes are those of the card, on a card that clears its counters")
{
    count_traffic((struct e1000_model_config){.counters_clear = true});
}

TEST("packets and bytes are those of the card, on one that copies and keeps them as QEMU does")
{
    count_traffic((struct e1000_model_config){0});
    card->regs[E1000_MPC / 4] = 3;
    dev->netdev_ops->ndo_update_stats(dev);
    dev->netdev_ops->ndo_update_stats(dev);
    assert_int_equal(dev->stats.rx_missed_errors, 3);
    card->regs[E1000_MPC / 4] = 5;
    dev->netdev_ops->ndo_update_stats(dev);
    assert_int_equal(dev->stats.rx_missed_errors, 5);
}

/* --- down, up again, several --- */

TEST("a closed card is silent and gives everything back; opened again it works as before")
{
    start((struct e1000_model_config){.tx_ns = 12000});
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 20; i++)
            send_frame(i, 100);
        arrive(taken_next);
        dev_close(dev);
        assert_int_equal(net->skb_count, 0);
        assert_false(dev->carrier);
        assert_int_equal(offer(0, 100), E1000_MODEL_RX_OFF);
        uint64_t sent = card->counts.frames_sent;
        host_advance_ms(10000);
        assert_int_equal(card->counts.frames_sent, sent);
        assert_int_equal(dev_open(dev), 0);
        host_advance_ms(1001);
        arrive(taken_next);
        host_run();
        assert_int_equal(taken, round + 1);
    }
}

TEST("two cards on one line work side by side")
{
    struct e1000_model *other;

    other = e1000_model_create(&(struct e1000_model_config){.mac = {2, 0, 0, 0, 0, 7}, .slot = 4});
    assert_int_equal(plug((struct e1000_model_config){.never_deaf = true}), 2);
    struct net_device *both[2] = {dev_get_by_name(net, "eth0"), dev_get_by_name(net, "eth1")};
    assert_int_equal(dev_open(both[0]), 0);
    assert_int_equal(dev_open(both[1]), 0);
    host_advance_ms(1001);
    for (uint32_t i = 0; i < 600; i++) {
        uint8_t frame[LEN_MAX];
        struct e1000_model *at = i & 1 ? other : card;
        make_frame(frame, i, 200, at->config.mac);
        assert_int_equal(e1000_model_receive(at, frame, 200), E1000_MODEL_RX_TAKEN);
        host_run();
    }
    assert_int_equal(taken, 600);
    e1000_exit();
    assert_int_equal(other->counts.violations, 0);
    e1000_model_destroy(other);
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
