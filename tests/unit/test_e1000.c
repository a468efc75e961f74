/*
 * test_e1000.c - the e1000 driver: coming up, down and up again, filters, addresses, VLAN tags, figures.
 */
#include "tests/unit/e1000_bed.h"

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

/* --- filters --- */

static const uint8_t group_a[6] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb};
static const uint8_t group_b[6] = {0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa};
static const uint8_t stranger[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

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

TEST_FIXTURE(setup, teardown)
