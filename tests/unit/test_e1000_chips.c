/*
 * test_e1000_chips.c - the later members of the e1000's family on the register-level model: resets, PHYs,
 * semaphores, NVM, errata, and cards that break or vanish. What is the same for all is in test_e1000.c.
 *
 * The model counts as a violation what would hang or confuse the real thing; none may be left after a test.
 */
#include "drivers/e1000/e1000.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/pci/pcie.h"
#include "kernel/byteorder.h"
#include "kernel/cmdline.h"
#include "net/core/qdisc.h"
#include "tests/host/e1000_model.h"
#include "tests/host/host.h"
#include "tests/unit/test.h"

#define ETH_TYPE_TEST 0x88b5
#define LEN           200
#define S             1000 /* ms */

static const uint8_t our_mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
static const uint8_t peer_mac[6] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x99};

static const struct kind {
    uint16_t device_id;
    enum e1000_model_kind kind;
} kinds[] = {
    {0x105e, E1000_MODEL_82571}, {0x10b9, E1000_MODEL_82571}, {0x109a, E1000_MODEL_82573},
    {0x10d3, E1000_MODEL_82574}, {0x150c, E1000_MODEL_82574}, {0x104b, E1000_MODEL_ICH},
    {0x10bd, E1000_MODEL_ICH},   {0x10de, E1000_MODEL_ICH},   {0x10ea, E1000_MODEL_82577},
    {0x1502, E1000_MODEL_82579}, {0x153a, E1000_MODEL_I217},  {0x15a3, E1000_MODEL_I217},
    {0x15b8, E1000_MODEL_I219},  {0x15bc, E1000_MODEL_I219},  {0x1a1e, E1000_MODEL_I219},
    {0x57b3, E1000_MODEL_I219},
};

static struct net *net;
static struct net_device *dev;
static struct e1000_model *card;
static struct packet_type taker;
static size_t objects_before, pages_before;
static unsigned taken, wire_count;
static size_t wire_len;

static int take_frame(struct sk_buff *skb, struct net_device *from, struct packet_type *pt)
{
    taken++;
    consume_skb(skb);
    return 0;
}

static void wire(void *ctx, const uint8_t *frame, size_t len)
{
    wire_count++;
    wire_len = len;
}

static int setup(void **state)
{
    taken = wire_count = 0;
    cmdline_init("e1000.rx=32");
    skb_init();
    objects_before = host_objects_alive();
    pages_before = host_pages_alive();
    net = net_create("");
    assert_non_null(net);
    taker = (struct packet_type){.type = cpu_to_be16(ETH_TYPE_TEST), .func = take_frame};
    dev_add_pack(net, &taker);
    dev = NULL;
    card = NULL;
    return 0;
}

static bool lock_is_held(void)
{
    return card->regs[E1000_EXTCNF_CTRL / 4] & E1000_EXTCNF_SWFLAG ||
           (card->config.kind < E1000_MODEL_ICH && card->regs[E1000_SWSM / 4] & E1000_SWSM_SWESMBI);
}

static void take_down(void)
{
    e1000_exit();
    pci_exit();
    if (!card)
        return;
    uint64_t violations = card->counts.violations;
    bool held = lock_is_held();
    e1000_model_destroy(card);
    card = NULL;
    assert_int_equal(violations, 0);
    assert_false(held);
}

static int teardown(void **state)
{
    take_down();
    dev_remove_pack(&taker);
    assert_int_equal(net->skb_count, 0);
    net_destroy(net);
    assert_int_equal(host_objects_alive(), objects_before);
    assert_int_equal(host_pages_alive(), pages_before);
    assert_int_equal(pci_model_violations(), 0);
    return 0;
}

static struct e1000_adapter *adapter(void)
{
    return dev->priv;
}

static uint32_t reg(unsigned offset)
{
    return card->regs[offset / 4];
}

static void plug(struct e1000_model_config config)
{
    memcpy(config.mac, our_mac, 6);
    config.wire = wire;
    config.never_deaf = true;
    card = e1000_model_create(&config);
}

static void probe(void)
{
    assert_true(pci_init() >= 1);
    assert_int_equal(e1000_init(net), 1);
    dev = dev_get_by_name(net, "eth0");
}

static void start(struct e1000_model_config config)
{
    plug(config);
    probe();
    assert_int_equal(dev_open(dev), 0);
    host_advance_ms(S);
}

#define START(id, what, ...)                                                                                 \
    start((struct e1000_model_config){.device_id = (id), .kind = E1000_MODEL_##what, __VA_ARGS__})

static enum e1000_model_rx offer(const uint8_t *to)
{
    uint8_t frame[LEN] = {0};

    memcpy(frame, to, 6);
    memcpy(frame + 6, peer_mac, 6);
    put_unaligned_be16(ETH_TYPE_TEST, frame + 12);
    return e1000_model_receive(card, frame, LEN);
}

static int send(size_t len)
{
    uint8_t frame[1514] = {0};
    struct sk_buff *skb = alloc_skb(net, 1600);

    assert_non_null(skb);
    memcpy(frame, peer_mac, 6);
    put_unaligned_be16(ETH_TYPE_TEST, frame + 12);
    skb_reserve(skb, 64);
    skb_put_data(skb, frame, (unsigned)len);
    skb->dev = dev;
    return dev_queue_xmit(skb);
}

/* A hundred frames each way, every one arrives. */
static void both_ways(void)
{
    unsigned taken_before = taken, sent_before = wire_count;

    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(offer(our_mac), E1000_MODEL_RX_TAKEN);
        assert_int_equal(send(LEN), 0);
        host_run();
    }
    assert_int_equal(taken - taken_before, 100);
    assert_int_equal(wire_count - sent_before, 100);
}

/* --- coming up --- */

TEST("each kind of card comes up with its address, carries frames, is closed and opened again")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        start((struct e1000_model_config){.device_id = kinds[i].device_id, .kind = kinds[i].kind});
        assert_memory_equal(dev->dev_addr, our_mac, 6);
        assert_true(dev->carrier);
        assert_false(adapter()->phy_lost);
        both_ways();
        dev_close(dev);
        assert_int_equal(offer(our_mac), E1000_MODEL_RX_OFF);
        assert_int_equal(dev_open(dev), 0);
        host_advance_ms(3 * S);
        assert_true(dev->carrier);
        both_ways();
        take_down();
    }
}

TEST("while the driver has a card firmware is told so, and told when it lets go")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        bool in_swsm = kinds[i].kind == E1000_MODEL_82573;
        unsigned where = in_swsm ? E1000_SWSM : E1000_CTRL_EXT;
        uint32_t bit = in_swsm ? E1000_SWSM_DRV_LOAD : E1000_CTRL_EXT_DRV_LOAD;
        start((struct e1000_model_config){.device_id = kinds[i].device_id, .kind = kinds[i].kind});
        assert_true(reg(where) & bit);
        e1000_exit();
        assert_false(reg(where) & bit);
        take_down();
    }
}

TEST("an address that the card has not loaded by itself is read from its NVM")
{
    START(0x105e, 82571, .no_address = true);
    assert_memory_equal(dev->dev_addr, our_mac, 6);
    take_down();
    START(0x15b8, I219, .no_address = true);
    assert_memory_equal(dev->dev_addr, our_mac, 6);
    assert_true(card->counts.flash_reads > 0);
    take_down();
    START(0x15b8, I219, .no_address = true, .second_bank = true);
    assert_memory_equal(dev->dev_addr, our_mac, 6);
}

TEST("with a broken NVM and no address a local one is made up, and the card works")
{
    plug((struct e1000_model_config){
        .device_id = 0x10d3, .kind = E1000_MODEL_82574, .no_address = true, .no_eerd = true});
    probe();
    assert_int_equal(dev->dev_addr[0] & 3, 2);
    take_down();
    plug((struct e1000_model_config){
        .device_id = 0x15b8, .kind = E1000_MODEL_I219, .no_address = true, .bad_flash = true});
    probe();
    assert_int_equal(dev->dev_addr[0] & 3, 2);
    assert_int_equal(dev_open(dev), 0);
    host_advance_ms(S);
    assert_int_equal(send(LEN), 0);
    assert_int_equal(offer(dev->dev_addr), E1000_MODEL_RX_TAKEN);
}

TEST("whichever allocation fails at probe, an I219 is used or left alone, silent, and nothing leaks")
{
    bool failed = true;

    for (unsigned n = 1; failed; n++) {
        plug((struct e1000_model_config){.device_id = 0x15b8, .kind = E1000_MODEL_I219});
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

/* --- semaphores --- */

TEST("firmware that has the PHY for a while is waited for")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        start((struct e1000_model_config){
            .device_id = kinds[i].device_id, .kind = kinds[i].kind, .firmware_holds_ms = 70});
        assert_false(adapter()->phy_lost);
        assert_true(card->counts.takes > 0);
        assert_true(dev->carrier);
        both_ways();
        take_down();
    }
}

TEST("firmware that never lets go is said once; the card works by the MAC's own view of the link")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        uint64_t began = host_now_ns();
        start((struct e1000_model_config){.device_id = kinds[i].device_id,
                                          .kind = kinds[i].kind,
                                          .firmware_holds_ms = E1000_MODEL_FOR_EVER});
        assert_true(host_now_ns() - began < 5 * S * 1000000ull);
        assert_int_equal(card->counts.takes, 0);
        assert_true(adapter()->phy_lost);
        assert_false(reg(E1000_SWSM) & E1000_SWSM_SMBI); /* the other port of the card may try */
        assert_true(dev->carrier);
        both_ways();
        e1000_model_set_link(card, false);
        host_run();
        assert_false(dev->carrier);
        e1000_model_set_link(card, true);
        host_run();
        both_ways();
        take_down();
    }
}

TEST("an SMBI that a boot agent has left taken does not keep the PHY from us")
{
    START(0x105e, 82571, .smbi_taken = true);
    assert_false(adapter()->phy_lost);
    assert_true(card->counts.takes > 0);
    assert_false(reg(E1000_SWSM) & E1000_SWSM_SMBI);
}

/* --- the PHY --- */

TEST("a PHY that never answers is said; frames go both ways by the MAC's own view of the link")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        start((struct e1000_model_config){
            .device_id = kinds[i].device_id, .kind = kinds[i].kind, .phy_dead = true});
        assert_true(adapter()->phy_lost);
        both_ways();
        take_down();
    }
}

TEST("where firmware forbids it the PHY is not reset, and the link that is there stays")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].kind < E1000_MODEL_ICH)
            continue;
        start((struct e1000_model_config){
            .device_id = kinds[i].device_id, .kind = kinds[i].kind, .managed = true, .reset_blocked = true});
        assert_int_equal(card->counts.phy_resets, 0);
        assert_true(dev->carrier);
        both_ways();
        take_down();
    }
}

TEST("a PHY left in ultra low power is brought back: by its pin and SMBus, or by firmware where there is one")
{
    static const uint16_t ids[] = {0x15a3, 0x15b8, 0x57b3};

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        for (unsigned managed = 0; managed < 2; managed++) {
            start((struct e1000_model_config){.device_id = ids[i],
                                              .kind = i ? E1000_MODEL_I219 : E1000_MODEL_I217,
                                              .ultra_low_power = true,
                                              .managed = managed});
            assert_false(adapter()->phy_lost);
            assert_int_equal(card->counts.power_cycles, managed ? 0 : 1);
            assert_int_equal(*e1000_model_phy(card, 779, 16) & PHY_ULP_ALL, 0);
            assert_int_equal(*e1000_model_phy(card, 769, 23), 0);
            assert_false(reg(E1000_CTRL_EXT) & E1000_CTRL_EXT_FORCE_SMBUS);
            assert_true(dev->carrier);
            both_ways();
            take_down();
        }
    }
}

TEST("a PHY that sleeping has left at low speed is let go to full speed, and saves no energy on the wire")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (kinds[i].kind < E1000_MODEL_82577)
            continue;
        start((struct e1000_model_config){.device_id = kinds[i].device_id, .kind = kinds[i].kind});
        assert_int_equal(*e1000_model_phy(card, 768, 25), 0);
        if (kinds[i].kind >= E1000_MODEL_82579) {
            bool i217 = kinds[i].kind >= E1000_MODEL_I217;
            assert_int_equal(*e1000_model_phy(card, 772, 20) & PHY_LPI_CTRL_ENABLE, 0);
            assert_int_equal(card->chip.emi[i217 ? EMI_I217_EEE_ADVERTISEMENT : EMI_82579_EEE_ADVERTISEMENT],
                             0);
        }
        take_down();
    }
}

/* --- errata about the link --- */

/* The link comes back at another speed. */
static void renegotiate(uint32_t speed)
{
    e1000_model_set_link(card, false);
    host_run();
    card->regs[E1000_STATUS / 4] = (reg(E1000_STATUS) & ~(uint32_t)E1000_STATUS_SPEED) | speed;
    *e1000_model_phy(card, 0, 26) = PHY_HV_STATUS_LINK | PHY_HV_STATUS_AUTONEG |
                                    (speed & E1000_STATUS_SPEED_1000  ? PHY_HV_STATUS_1000
                                     : speed & E1000_STATUS_SPEED_100 ? PHY_HV_STATUS_100
                                                                      : 0);
    e1000_model_set_link(card, true);
    host_run();
    assert_true(dev->carrier);
}

TEST("trains are cut by the card at 1000 Mb/s only")
{
    START(0x10d3, 82574);
    assert_true(dev->features & NETIF_F_TSO);
    renegotiate(E1000_STATUS_SPEED_100);
    assert_false(dev->features & NETIF_F_TSO);
    renegotiate(E1000_STATUS_SPEED_1000);
    assert_true(dev->features & NETIF_F_TSO);
    take_down();
    START(0x15b8, I219); /* its buffer overrun: never */
    renegotiate(E1000_STATUS_SPEED_1000);
    assert_false(dev->features & NETIF_F_TSO);
}

TEST("the 82574 of an emulator that sends trains in IP fragments gets none; one of a maker does")
{
    static const struct {
        uint16_t vendor, device;
        bool tso;
    } subsystems[] = {{0x8086, 0x0000, false}, {0x8086, 0xa01f, true}, {0x15d9, 0x0000, true}};

    for (size_t i = 0; i < ARRAY_SIZE(subsystems); i++) {
        plug((struct e1000_model_config){.device_id = 0x10d3, .kind = E1000_MODEL_82574});
        pci_model_set16(&card->pci, 0x2c, subsystems[i].vendor);
        pci_model_set16(&card->pci, 0x2e, subsystems[i].device);
        probe();
        assert_int_equal(dev_open(dev), 0);
        host_run();
        assert_int_equal(!!(dev->features & NETIF_F_TSO), subsystems[i].tso);
        take_down();
    }
}

TEST("a real 8254x gets no trains, whose descriptors it would give back too early; QEMU's does")
{
    static const uint16_t ids[] = {0x100e, 0x100f, 0x1010};

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        START(ids[i], 8254X, .maker = 0x8086);
        assert_false(dev->features & NETIF_F_TSO);
        both_ways();
        take_down();
        START(ids[i], 8254X);
        assert_true(dev->features & NETIF_F_TSO);
        take_down();
    }
}

TEST("the 82571's speed mode follows the link")
{
    START(0x105e, 82571);
    assert_true(reg(E1000_TARC0) & E1000_TARC_SPEED_MODE);
    renegotiate(E1000_STATUS_SPEED_100);
    assert_false(reg(E1000_TARC0) & E1000_TARC_SPEED_MODE);
    renegotiate(E1000_STATUS_SPEED_1000);
    assert_true(reg(E1000_TARC0) & E1000_TARC_SPEED_MODE);
}

TEST("K1 is off where it loses packets: 82577 at 1000, 82579 from 100 on, and the I218's clock is held")
{
    START(0x10ea, 82577);
    card->chip.kmrn[E1000_KMRN_K1_CONFIG] = E1000_KMRN_K1_ENABLE;
    renegotiate(E1000_STATUS_SPEED_1000);
    assert_int_equal(card->chip.kmrn[E1000_KMRN_K1_CONFIG] & E1000_KMRN_K1_ENABLE, 0);
    renegotiate(E1000_STATUS_SPEED_100);
    assert_true(card->chip.kmrn[E1000_KMRN_K1_CONFIG] & E1000_KMRN_K1_ENABLE);
    take_down();

    START(0x1502, 82579);
    *e1000_model_phy(card, 770, 17) = PHY_PM_CTRL_K1;
    renegotiate(E1000_STATUS_SPEED_100);
    assert_int_equal(*e1000_model_phy(card, 770, 17) & PHY_PM_CTRL_K1, 0);
    renegotiate(0);
    assert_int_equal(reg(E1000_FEXTNVM4) & E1000_FEXTNVM4_BEACON, E1000_FEXTNVM4_BEACON_16US);
    take_down();

    START(0x155a, I217);
    renegotiate(E1000_STATUS_SPEED_1000);
    assert_true(reg(E1000_FEXTNVM6) & E1000_FEXTNVM6_PLL_CLK);
    assert_int_equal(reg(E1000_FEXTNVM4) & E1000_FEXTNVM4_BEACON, E1000_FEXTNVM4_BEACON_8US);
    renegotiate(E1000_STATUS_SPEED_100);
    assert_false(reg(E1000_FEXTNVM6) & E1000_FEXTNVM6_PLL_CLK);
}

TEST("the I219 has its FIFO's pointers and the gap between frames set for each speed")
{
    START(0x15bc, I219);
    *e1000_model_phy(card, 776, 20) = 0;
    renegotiate(E1000_STATUS_SPEED_1000);
    assert_int_equal(*e1000_model_phy(card, 776, 20), PHY_TX_FIFO_GAP_LEAST << PHY_TX_FIFO_GAP_SHIFT);
    assert_int_equal(reg(E1000_TIPG) & E1000_TIPG_IPGT_MASK, E1000_TIPG_IPGT);
    renegotiate(E1000_STATUS_SPEED_100);
    assert_int_equal(*e1000_model_phy(card, 776, 20), PHY_TX_FIFO_SLOW);
    assert_int_equal(reg(E1000_TIPG) & E1000_TIPG_IPGT_MASK, E1000_TIPG_IPGT_I219_SLOW);
}

TEST("a link that flaps a thousand times ends as the wire is, and loses only what was sent meanwhile")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        start((struct e1000_model_config){.device_id = kinds[i].device_id, .kind = kinds[i].kind});
        for (unsigned n = 0; n < 1000; n++) {
            e1000_model_set_link(card, n & 1);
            if (n % 3 == 0)
                host_run();
            send(LEN);
        }
        host_run();
        assert_true(dev->carrier);
        assert_int_equal(net->skb_count, 0);
        both_ways();
        e1000_model_set_link(card, false);
        host_run();
        assert_false(dev->carrier);
        take_down();
    }
}

TEST("a link that comes back at another speed between two looks is noticed")
{
    START(0x105e, 82571);
    e1000_model_set_link(card, false);
    card->regs[E1000_STATUS / 4] =
        (reg(E1000_STATUS) & ~(uint32_t)E1000_STATUS_SPEED) | E1000_STATUS_SPEED_100;
    e1000_model_set_link(card, true);
    host_run();
    assert_non_null(strstr(host_last_log(), "100 Mb/s"));
    assert_false(reg(E1000_TARC0) & E1000_TARC_SPEED_MODE);
}

/* --- errata about the bus --- */

/* Link control of a PCI Express capability at 0xa0. */
#define LINK_CONTROL 0xb0

static void plug_with_aspm(uint16_t device_id, enum e1000_model_kind kind)
{
    plug((struct e1000_model_config){.device_id = device_id, .kind = kind});
    pci_model_set16(&card->pci, 0x06, 0x0010);
    card->pci.config[0x34] = 0xa0;
    card->pci.config[0xa0] = 0x10;
    pci_model_set16(&card->pci, LINK_CONTROL, 0x0043);
}

TEST("the link's power saving states that a card cannot stand are switched off, others are left")
{
    plug_with_aspm(0x10d3, E1000_MODEL_82574);
    probe();
    assert_int_equal(pci_model_get16(&card->pci, LINK_CONTROL), 0x0040);
    take_down();
    plug_with_aspm(0x105e, E1000_MODEL_82571);
    probe();
    assert_int_equal(pci_model_get16(&card->pci, LINK_CONTROL), 0x0041);
    take_down();
    plug_with_aspm(0x15b8, E1000_MODEL_I219);
    probe();
    assert_int_equal(pci_model_get16(&card->pci, LINK_CONTROL), 0x0043);
}

TEST("the bridge above a card is kept out of those states too")
{
    struct pci_model_device bridge = {.config = {[0x0e] = 0x01, [0x19] = 1, [0x34] = 0x40, [0x40] = 0x10}};

    pci_model_init(&bridge, 0, 1, 0, 0x8086, 0x1234, 0x060400);
    pci_model_set16(&bridge, 0x06, 0x0010);
    pci_model_set16(&bridge, 0x50, 0x0003);
    pci_model_add(&bridge);
    plug_with_aspm(0x10d3, E1000_MODEL_82574);
    card->pci.bus = 1;
    probe();
    assert_int_equal(pci_model_get16(&card->pci, LINK_CONTROL), 0x0040);
    assert_int_equal(pci_model_get16(&bridge, 0x50), 0);
    take_down();
    pci_model_remove(&bridge);
}

TEST("a card that still waits for the bus is reset all the same, after a bounded time, with a sentence")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        plug((struct e1000_model_config){.device_id = kinds[i].device_id, .kind = kinds[i].kind});
        card->faults.master_stuck = true;
        uint64_t began = host_now_ns();
        probe();
        assert_true(host_now_ns() - began < S * 1000000ull);
        assert_int_equal(card->counts.resets, 1);
        assert_int_equal(dev_open(dev), 0);
        host_advance_ms(S);
        both_ways();
        take_down();
    }
}

/* --- hangs --- */

TEST("a transmitter that hangs under load is reset, and only packets are lost")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        start((struct e1000_model_config){
            .device_id = kinds[i].device_id, .kind = kinds[i].kind, .tx_ns = 12000});
        card->faults.tx_hang = true;
        if (kinds[i].kind == E1000_MODEL_I219)
            pci_model_set16(&card->pci, E1000_PCI_RING_STATUS, E1000_PCI_RING_FLUSH);
        for (unsigned n = 0; n < 600; n++) {
            send(LEN);
            offer(our_mac);
            host_run();
        }
        unsigned received = taken;
        assert_int_equal(received, 600);
        host_advance_ms(1500);
        assert_int_equal(card->counts.resets, 1);
        card->faults.tx_hang = false;
        host_advance_ms(5 * S);
        assert_int_equal(card->counts.resets, 2);
        assert_int_equal(card->counts.flushes, kinds[i].kind == E1000_MODEL_I219);
        assert_int_equal(net->skb_count, 0);
        assert_true(dev->carrier);
        card->config.tx_ns = 0;
        both_ways();
        taken = 0;
        take_down();
    }
}

TEST("what a reset has undone of the settings for the link's speed is set again")
{
    START(0x105e, 82571);
    renegotiate(E1000_STATUS_SPEED_100);
    card->faults.tx_hang = true;
    send(LEN);
    host_advance_ms(2500);
    assert_int_equal(card->counts.resets, 2);
    card->faults.tx_hang = false;
    card->regs[E1000_STATUS / 4] =
        (reg(E1000_STATUS) & ~(uint32_t)E1000_STATUS_SPEED) | E1000_STATUS_SPEED_100;
    host_advance_ms(3 * S);
    assert_true(dev->carrier);
    assert_false(reg(E1000_TARC0) & E1000_TARC_SPEED_MODE);
}

TEST("an I219 whose receive ring is stuck too has both rings flushed before the reset")
{
    START(0x15b8, I219, .tx_ns = 12000);
    card->faults.tx_hang = true;
    card->faults.rx_stuck = true;
    pci_model_set16(&card->pci, E1000_PCI_RING_STATUS, E1000_PCI_RING_FLUSH);
    send(LEN);
    host_advance_ms(1500);
    card->faults.tx_hang = false;
    host_advance_ms(5 * S);
    assert_int_equal(card->counts.resets, 2);
    assert_int_equal(card->counts.flushes, 1);
    assert_false(card->faults.rx_stuck);
    card->config.tx_ns = 0;
    both_ways();
}

/* --- cards that vanish --- */

static void vanishes(void)
{
    card->faults.gone = true;
    host_advance_ms(3 * S);
    assert_true(adapter()->gone);
    assert_non_null(strstr(host_last_log(), "does not answer any more"));
    assert_false(dev->carrier);
    assert_int_equal(net->skb_count, 0);
    uint64_t reads = card->counts.mmio_reads;
    host_advance_ms(100 * S);
    assert_true(card->counts.mmio_reads - reads < 10);
    assert_int_equal(send(LEN), -ENETDOWN);
    dev_close(dev);
    assert_int_equal(dev_open(dev), -ENODEV);
}

TEST("a card that vanishes is said once, stops its interface, and nothing spins")
{
    START(0x10d3, 82574);
    vanishes();
    take_down();
    START(0x100e, 8254X);
    vanishes();
    take_down();
    START(0x15b8, I219, .tx_ns = 12000); /* with frames under way */
    for (unsigned i = 0; i < 20; i++)
        send(LEN);
    vanishes();
}

TEST("a card that vanishes with an interrupt pending does not catch the machine in its handler")
{
    START(0x10d3, 82574);
    card->faults.gone = true;
    for (unsigned i = 0; i < 10; i++) {
        host_raise_irq(card->config.irq);
        host_run();
    }
    assert_true(adapter()->gone);
    uint64_t packets = dev->stats.rx_packets;
    dev->netdev_ops->ndo_update_stats(dev);
    assert_int_equal(dev->stats.rx_packets, packets);
}

TEST("a card that vanishes while it is polled for want of interrupts is noticed too")
{
    START(0x10d3, 82574, .no_irq = true);
    assert_true(adapter()->polling);
    vanishes();
}

/* --- filters --- */

static void check_further_addresses(unsigned places)
{
    uint8_t more[6] = {0x02, 0x66, 0, 0, 0, 0}, stranger[6] = {0x02, 0x77, 0, 0, 0, 1};

    for (unsigned i = 1; i < places; i++) {
        more[5] = (uint8_t)i;
        assert_int_equal(dev_uc_add(dev, more), 0);
        assert_int_equal(offer(more), E1000_MODEL_RX_TAKEN);
        host_run();
    }
    assert_int_equal(offer(stranger), E1000_MODEL_RX_FILTERED);
    more[5] = 0x99;
    assert_int_equal(dev_uc_add(dev, more), 0);
    assert_int_equal(offer(more), E1000_MODEL_RX_TAKEN);
    assert_int_equal(offer(stranger), E1000_MODEL_RX_TAKEN);
    assert_int_equal(dev_uc_del(dev, more), 0);
    assert_int_equal(offer(more), E1000_MODEL_RX_FILTERED);
    for (unsigned i = 1; i < places; i++) {
        more[5] = (uint8_t)i;
        assert_int_equal(dev_uc_del(dev, more), 0);
        assert_int_equal(offer(more), E1000_MODEL_RX_FILTERED);
    }
    assert_int_equal(offer(our_mac), E1000_MODEL_RX_TAKEN);
    host_run();
}

TEST("each kind receives by as many further addresses as it has places for; then by all")
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        start((struct e1000_model_config){.device_id = kinds[i].device_id, .kind = kinds[i].kind});
        check_further_addresses(adapter()->chip->addresses);
        take_down();
    }
}

TEST("places of the filter that firmware has locked are not counted on")
{
    START(0x15b8, I219, .free_addresses = 3);
    check_further_addresses(3);
}

TEST("a joined group comes in and others stay out, whatever the size of the card's table")
{
    static const uint8_t group_a[6] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb};
    static const uint8_t group_b[6] = {0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        start((struct e1000_model_config){.device_id = kinds[i].device_id, .kind = kinds[i].kind});
        assert_int_equal(dev_mc_add(dev, group_a), 0);
        assert_int_equal(offer(group_a), E1000_MODEL_RX_TAKEN);
        assert_int_equal(offer(group_b), E1000_MODEL_RX_FILTERED);
        assert_int_equal(dev_mc_del(dev, group_a), 0);
        assert_int_equal(offer(group_a), E1000_MODEL_RX_FILTERED);
        take_down();
    }
}

/* --- for people --- */

TEST("every card the driver takes has a name, and stands in its table once")
{
    for (const struct pci_device_id *id = e1000_ids; id->vendor; id++) {
        struct pci_dev pci = {.vendor = id->vendor, .device = id->device};
        if (!pci_device_name(&pci))
            fail_msg("%04x:%04x has no name", id->vendor, id->device);
        for (const struct pci_device_id *other = e1000_ids; other < id; other++)
            assert_false(other->device == id->device);
    }
}

TEST("the README lists each kind with where it was seen, from the driver's own table")
{
    static const char *const seen[] = {
        [E1000_SEEN_MODEL] = "register model only", [E1000_SEEN_QEMU] = "QEMU", [E1000_SEEN_METAL] = "metal"};
    static char readme[1 << 17];
    FILE *file = fopen("README.md", "r");

    assert_non_null(file);
    assert_true(fread(readme, 1, sizeof(readme) - 1, file) > 0);
    fclose(file);
    for (const struct e1000_chip *chip = e1000_chip_next(NULL); chip; chip = e1000_chip_next(chip)) {
        char row[128];
        snprintf(row, sizeof(row), "| %s | %s |\n", chip->name, seen[chip->seen]);
        if (!strstr(readme, row))
            fail_msg("README.md lacks the row: %s", row);
    }
}

TEST_FIXTURE(setup, teardown)
