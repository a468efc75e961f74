/*
 * test_vlan.c - VLAN devices (IEEE 802.1Q): frames with tags in, frames with tags out, and what a VLAN has
 * from the device below.
 */
#include "tests/host/testnet.h"
#include "tests/unit/link_net.h"

#define TAG(id) ((const uint16_t[]){(id), 0})

static struct net_device *add_vlan(struct net_device *lower, unsigned id)
{
    char name[IFNAMSIZ + 8];
    const char *why = NULL;

    assert_int_equal(vlan_link_add(core.net, NULL, lower, id, &why), 0);
    snprintf(name, sizeof(name), "%s.%u", lower->name, id);
    assert_int_equal(dev_open(device(name)), 0);
    return device(name);
}

/* --- in --- */

TEST("a frame with a tag is received by the device of its VLAN, without the tag")
{
    add_vlan(core.dev, 10);
    receive_frame(core.dev, core_mac, peer_mac, TAG(10));
    assert_true(was_heard(0, "eth0.10", PACKET_HOST));
    assert_int_equal(heard[0].len, 46);
    assert_false(heard[0].tagged);
    assert_memory_equal(heard[0].frame, core_mac, 6);
    assert_memory_equal(heard[0].frame + 6, peer_mac, 6);
    assert_int_equal(get_unaligned_be16(heard[0].frame + 12), HEARD_TYPE);
    assert_int_equal(device("eth0.10")->stats.rx_packets, 1);
}

TEST("a tag that the card has taken out means the same")
{
    uint8_t frame[128];
    size_t len = build_frame(frame, core_mac, peer_mac, NULL, HEARD_TYPE);
    struct sk_buff *skb;

    add_vlan(core.dev, 4094);
    skb = core_skb(frame, len);
    eth_type_trans(skb, core.dev);
    skb->vlan_tci = 0xe000 | 4094; /* the priority does not matter */
    skb->vlan_present = 1;
    netif_receive_skb(skb);
    assert_true(was_heard(0, "eth0.4094", PACKET_HOST));
}

TEST("a frame of a VLAN that no device has is dropped with VLAN_UNKNOWN")
{
    add_vlan(core.dev, 10);
    receive_frame(core.dev, core_mac, peer_mac, TAG(11));
    assert_int_equal(heard_count, 0);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_VLAN_UNKNOWN], 1);
}

TEST("a frame whose tag says VLAN 0 has a priority and no VLAN: the device itself receives it")
{
    receive_frame(core.dev, core_mac, peer_mac, TAG(0xa000));
    assert_true(was_heard(0, "eth0", PACKET_HOST));
    assert_false(heard[0].tagged);
}

TEST("a frame without a tag is not of any VLAN")
{
    add_vlan(core.dev, 10);
    receive_frame(core.dev, core_mac, peer_mac, NULL);
    assert_true(was_heard(0, "eth0", PACKET_HOST));
}

TEST("a frame that ends inside its tag is dropped with DEV_HDR")
{
    uint8_t frame[128];

    add_vlan(core.dev, 10);
    build_frame(frame, core_mac, peer_mac, TAG(10), HEARD_TYPE);
    for (size_t len = 14; len < 18; len++)
        receive_on(core.dev, frame, len);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_DEV_HDR], 4);
    assert_int_equal(heard_count, 0);
}

TEST("a VLAN that is down receives nothing")
{
    struct net_device *vlan = add_vlan(core.dev, 10);

    dev_close(vlan);
    receive_frame(core.dev, core_mac, peer_mac, TAG(10));
    assert_int_equal(heard_count, 0);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_DEV_READY], 1);
}

TEST("a tag inside a tag: the VLAN of a VLAN receives the frame")
{
    add_vlan(add_vlan(core.dev, 10), 20);
    receive_frame(core.dev, core_mac, peer_mac, ((const uint16_t[]){10, 20, 0}));
    assert_true(was_heard(0, "eth0.10.20", PACKET_HOST));
    assert_int_equal(heard[0].len, 46);
}

/* --- merged by GRO --- */

static int no_poll(struct napi_struct *napi, int budget)
{
    return 0;
}

/* 600 bytes of a TCP stream from `seq` on, whose tag the card has taken out, as part of a poll. */
static void gro_segment(struct napi_struct *napi, uint16_t tci, uint32_t seq)
{
    uint8_t frame[54 + 600] = {0};
    static const uint8_t ip[20] = {0x45, 0, 0x02, 0x80, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1};
    struct sk_buff *skb;

    memcpy(frame, core_mac, 6);
    memcpy(frame + 6, peer_mac, 6);
    put_unaligned_be16(ETH_P_IP, frame + 12);
    memcpy(frame + 14, ip, sizeof(ip));
    testnet_fix_ip_csum(frame);
    put_unaligned_be32(seq, frame + 38);
    frame[46] = 5 << 4;
    frame[47] = 0x10;
    skb = core_skb(frame, sizeof(frame));
    skb->ip_summed = CHECKSUM_UNNECESSARY;
    skb->vlan_tci = tci;
    skb->vlan_present = 1;
    eth_type_trans(skb, core.dev);
    napi_gro_receive(napi, skb);
}

TEST("segments of one flow in one VLAN are merged, those of two VLANs are not")
{
    struct packet_type ip = {.type = cpu_to_be16(ETH_P_IP), .func = hear_frame};
    struct napi_struct napi;

    netif_napi_add(core.dev, &napi, no_poll, NAPI_POLL_WEIGHT);
    dev_add_pack(core.net, &ip);
    add_vlan(core.dev, 10);
    add_vlan(core.dev, 20);
    for (uint32_t i = 0; i < 3; i++) {
        gro_segment(&napi, 10, i * 600);
        gro_segment(&napi, 20, i * 600);
    }
    napi_gro_flush(&napi);
    assert_int_equal(heard_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(heard[i].len, 40 + 3 * 600);
    assert_string_not_equal(heard[0].dev, heard[1].dev);
    assert_int_equal(device("eth0.10")->stats.rx_packets, 3);
    dev_remove_pack(&ip);
    netif_napi_del(&napi);
}

/* --- out --- */

TEST("a frame sent by a VLAN carries its tag on the wire when the card does not write it")
{
    struct net_device *vlan = add_vlan(core.dev, 10);

    core_forget();
    assert_int_equal(send_frame(vlan, peer_mac, 1500), 0); /* a full frame is four bytes longer */
    assert_int_equal(core.count, 1);
    assert_int_equal(core.sent[0].len, 1518);
    assert_memory_equal(core_sent(0), peer_mac, 6);
    assert_memory_equal(core_sent(0) + 6, core_mac, 6);
    assert_int_equal(get_unaligned_be16(core_sent(0) + 12), ETH_P_8021Q);
    assert_int_equal(get_unaligned_be16(core_sent(0) + 14), 10);
    assert_int_equal(get_unaligned_be16(core_sent(0) + 16), HEARD_TYPE);
    assert_int_equal(vlan->stats.tx_packets, 1);
}

TEST("the VLAN of a VLAN sends both tags, its own inside")
{
    struct net_device *vlan = add_vlan(add_vlan(core.dev, 10), 20);

    core_forget();
    assert_int_equal(send_frame(vlan, peer_mac, 46), 0);
    assert_int_equal(get_unaligned_be16(core_sent(0) + 14), 10);
    assert_int_equal(get_unaligned_be16(core_sent(0) + 16), ETH_P_8021Q);
    assert_int_equal(get_unaligned_be16(core_sent(0) + 18), 20);
    assert_int_equal(get_unaligned_be16(core_sent(0) + 20), HEARD_TYPE);
}

TEST("a frame too long for the VLAN is refused, not made longer still")
{
    struct net_device *vlan = add_vlan(core.dev, 10);

    core_forget();
    assert_int_equal(send_frame(vlan, peer_mac, 1501), -EMSGSIZE);
    assert_int_equal(core.count, 0);
}

TEST("sending through a VLAN survives the failure of every allocation")
{
    struct net_device *vlan = add_vlan(core.dev, 10);

    for (unsigned n = 1; n < 8; n++) {
        struct sk_buff *skb = alloc_skb(core.net, 64);
        assert_non_null(skb);
        skb_reserve(skb, 2); /* no room for the tag */
        memset(skb_put(skb, 60), 0, 60);
        skb->dev = vlan;
        host_fail_allocation(n);
        dev_queue_xmit(skb);
        host_fail_allocation(0);
    }
}

/* --- what it has from the device below --- */

TEST("a VLAN has the address of its card, and follows it until it is given its own")
{
    static const uint8_t other[6] = {0x02, 0, 0, 0, 0, 0x77}, own[6] = {0x02, 0, 0, 0, 0, 0x88};
    struct net_device *vlan = add_vlan(core.dev, 10);

    assert_memory_equal(vlan->dev_addr, core_mac, 6);
    assert_int_equal(dev_set_mac_address(core.dev, other), 0);
    assert_memory_equal(vlan->dev_addr, other, 6);
    assert_true(list_empty(&core.dev->uc_list));
    assert_int_equal(dev_set_mac_address(vlan, own), 0);
    assert_false(list_empty(&core.dev->uc_list)); /* the card must receive by it */
    assert_int_equal(dev_set_mac_address(core.dev, core_mac), 0);
    assert_memory_equal(vlan->dev_addr, own, 6);
    receive_frame(core.dev, own, peer_mac, TAG(10));
    assert_true(was_heard(0, "eth0.10", PACKET_HOST));
    dev_close(vlan);
    assert_true(list_empty(&core.dev->uc_list));
}

TEST("a VLAN has a link while its card has one and is up")
{
    struct net_device *vlan = add_vlan(core.dev, 10);

    assert_true(vlan->carrier);
    netif_carrier_off(core.dev);
    assert_false(vlan->carrier);
    netif_carrier_on(core.dev);
    assert_true(vlan->carrier);
    dev_close(core.dev);
    assert_false(vlan->carrier);
    assert_int_equal(send_frame(vlan, peer_mac, 46), -ENETDOWN);
    dev_close(vlan);
    assert_int_equal(dev_open(vlan), 0); /* opens its card, too */
    assert_true(netif_running(core.dev) && vlan->carrier);
}

TEST("a VLAN's MTU is its card's at most, and shrinks with it")
{
    struct net_device *vlan = add_vlan(core.dev, 10);

    assert_int_equal(vlan->mtu, 1500);
    assert_int_equal(dev_set_mtu(vlan, 1501), -EINVAL);
    assert_int_equal(dev_set_mtu(vlan, 1400), 0);
    assert_int_equal(dev_set_mtu(core.dev, 1300), 0);
    assert_int_equal(vlan->mtu, 1300);
}

TEST("groups, all groups and everything are asked of the card while the VLAN is up")
{
    static const uint8_t group[6] = {0x01, 0, 0x5e, 1, 2, 3};
    struct net_device *vlan = add_vlan(core.dev, 10);

    assert_int_equal(dev_mc_add(vlan, group), 0);
    assert_false(list_empty(&core.dev->mc_list));
    assert_int_equal(dev_mc_del(vlan, group), 0);
    assert_true(list_empty(&core.dev->mc_list));
    assert_int_equal(dev_set_promiscuity(vlan, 1), 0);
    assert_int_equal(dev_set_allmulti(vlan, 1), 0);
    assert_true(core.dev->flags & DEV_IFF_PROMISC && core.dev->flags & DEV_IFF_ALLMULTI);
    dev_mc_add(vlan, group);
    dev_close(vlan);
    assert_false(core.dev->flags & (DEV_IFF_PROMISC | DEV_IFF_ALLMULTI));
    assert_true(list_empty(&core.dev->mc_list));
}

TEST("when a card goes its VLANs go, and theirs")
{
    struct net_device *card = core_device(core.net);

    add_vlan(add_vlan(card, 10), 20);
    add_vlan(card, 11);
    unregister_netdev(card);
    assert_null(dev_get_by_name(core.net, "eth1.10"));
    assert_null(dev_get_by_name(core.net, "eth1.10.20"));
    assert_null(dev_get_by_name(core.net, "eth1.11"));
    free_netdev(card);
}

/* --- making them --- */

TEST("a VLAN that cannot be is refused with a sentence")
{
    const char *why = NULL;

    add_vlan(core.dev, 10);
    assert_int_equal(vlan_link_add(core.net, "again", core.dev, 10, &why), -EEXIST);
    assert_non_null(why);
    assert_int_equal(vlan_link_add(core.net, NULL, core.dev, 0, &why), -EINVAL);
    assert_int_equal(vlan_link_add(core.net, NULL, core.dev, 4095, &why), -EINVAL);
    assert_int_equal(vlan_link_add(core.net, NULL, core.net->loopback_dev, 5, &why), -EINVAL);
    assert_int_equal(vlan_link_add(core.net, "eth0", core.dev, 5, &why), -EEXIST);
    assert_int_equal(vlan_link_add(core.net, "a name too long for it", core.dev, 5, &why), -EINVAL);
    assert_int_equal(link_del(core.dev, &why), -EOPNOTSUPP);
}

TEST("words of the command line make devices that are up, or say what is wrong")
{
    const char *why = NULL;

    assert_int_equal(link_configure(core.net, "vlan", "eth0.7", &why), 0);
    assert_true(netif_running(device("eth0.7")));
    assert_int_equal(link_configure(core.net, "vlan", "eth0.7.8", &why), 0);
    assert_int_equal(vlan_dev_vlan_id(device("eth0.7.8")), 8);
    static const char *const wrong[] = {"", ".", "eth0", "eth0.", "eth0.x", "eth0.99999", "eth0.0", "eth9.7"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_not_equal(link_configure(core.net, "vlan", wrong[i], &why), 0);
        assert_non_null(why);
    }
}

TEST("making a VLAN survives the failure of every allocation")
{
    unsigned n = 1;

    do {
        host_fail_allocation(n++);
        if (vlan_link_add(core.net, NULL, core.dev, 300, NULL) == 0)
            link_del(device("eth0.300"), NULL);
    } while (host_allocation_failed());
    assert_null(core.dev->vlan_info);
}

TEST_FIXTURE(link_setup, link_teardown)
