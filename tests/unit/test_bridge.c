/*
 * test_bridge.c - a bridge of four cards: where frames go, what is learned and forgotten, and the spanning
 * tree's messages in and out. What several bridges make of each other stands in tests/sim/test_bridge_loop.c.
 */
#include "tests/unit/link_net.h"

#define PORTS 4

static struct net_device *card[PORTS], *br0;
static struct {
    struct net_device *dev;
    uint8_t frame[1600];
    size_t len;
    bool nohdr;
} out[CORE_FRAMES];
static size_t out_count;

static const uint8_t station_a[6] = {0x02, 0xaa, 0, 0, 0, 1}, station_b[6] = {0x02, 0xbb, 0, 0, 0, 2};
static const uint8_t reserved[6] = {0x01, 0x80, 0xc2, 0, 0, 0x0e}, group[6] = {0x01, 0, 0x5e, 1, 1, 1};

static enum netdev_tx port_xmit(struct sk_buff *skb, struct net_device *dev)
{
    assert_true(out_count < CORE_FRAMES && skb->len <= sizeof(out[0].frame));
    out[out_count].dev = dev;
    out[out_count].len = skb->len;
    out[out_count].nohdr = skb->nohdr;
    assert_int_equal(skb_copy_bits(skb, 0, out[out_count++].frame, skb->len), 0);
    consume_skb(skb);
    return NETDEV_TX_OK;
}

static const struct net_device_ops port_ops = {.ndo_start_xmit = port_xmit};

static int bridge_setup(void **state)
{
    link_setup(state);
    assert_int_equal(bridge_link_add(core.net, "br0", NULL), 0);
    br0 = device("br0");
    for (unsigned i = 0; i < PORTS; i++) {
        card[i] = alloc_etherdev(0);
        assert_non_null(card[i]);
        card[i]->netdev_ops = &port_ops;
        memcpy(card[i]->dev_addr, (uint8_t[]){2, 0, 0, 0, 1, (uint8_t)(i + 1)}, 6);
        assert_int_equal(register_netdev(core.net, card[i]), 0);
        assert_int_equal(dev_open(card[i]), 0);
        assert_int_equal(link_set_master(card[i], br0, NULL), 0);
    }
    assert_int_equal(dev_open(br0), 0);
    host_run();
    out_count = 0;
    return 0;
}

static int bridge_teardown(void **state)
{
    for (unsigned i = 0; i < PORTS; i++) {
        unregister_netdev(card[i]);
        free_netdev(card[i]);
    }
    return link_teardown(state);
}

/* Whether this frame went out by port i, and no other did since the last forgetting. */
static bool only_by(unsigned i)
{
    return out_count == 1 && out[0].dev == card[i];
}

static bool by_all_but(unsigned i)
{
    if (out_count != PORTS - 1)
        return false;
    for (unsigned n = 0; n < out_count; n++)
        if (out[n].dev == card[i])
            return false;
    return true;
}

static void forget(void)
{
    out_count = heard_count = 0;
}

static uint64_t drops(enum skb_drop_reason reason)
{
    return core.net->drops[reason];
}

/* --- where frames go --- */

TEST("a frame to an unknown address leaves by every other port, as it came, and does not reach the host")
{
    uint8_t frame[128];
    size_t len = build_frame(frame, station_b, station_a, NULL, HEARD_TYPE);

    receive_on(card[0], frame, len);
    assert_true(by_all_but(0));
    assert_int_equal(out[0].len, len);
    assert_memory_equal(out[0].frame, frame, len);
    assert_int_equal(heard_count, 0);
}

TEST("a frame to an address that was heard leaves by that port alone")
{
    receive_frame(card[1], station_a, station_b, NULL);
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_true(only_by(1));
}

TEST("a frame to an address behind the port it came from goes nowhere")
{
    receive_frame(card[1], station_a, station_b, NULL);
    forget();
    receive_frame(card[1], station_b, station_a, NULL);
    assert_int_equal(out_count, 0);
    assert_int_equal(drops(SKB_DROP_REASON_BRIDGE_NO_DEST), 1);
}

TEST("a broadcast and a frame to a group go to all other ports and to the host")
{
    receive_frame(card[2], broadcast_mac, station_a, NULL);
    assert_true(by_all_but(2));
    assert_true(was_heard(0, "br0", PACKET_BROADCAST));
    forget();
    receive_frame(card[2], group, station_a, NULL);
    assert_true(by_all_but(2));
    assert_true(was_heard(0, "br0", PACKET_MULTICAST));
}

TEST("a frame to the bridge's address, or to a port's, is for the host and goes no further")
{
    receive_frame(card[0], br0->dev_addr, station_a, NULL);
    receive_frame(card[0], card[3]->dev_addr, station_a, NULL);
    assert_true(was_heard(0, "br0", PACKET_HOST) && was_heard(1, "br0", PACKET_HOST));
    assert_int_equal(out_count, 0);
    assert_int_equal(br0->stats.rx_packets, 2);
}

TEST("the host's frames go where the address was heard, and everywhere before")
{
    assert_int_equal(send_frame(br0, station_a, 46), 0);
    assert_int_equal(out_count, PORTS);
    receive_frame(card[3], station_b, station_a, NULL);
    forget();
    assert_int_equal(send_frame(br0, station_a, 46), 0);
    assert_true(only_by(3));
    assert_memory_equal(out[0].frame + 6, br0->dev_addr, 6);
}

TEST("a flooded frame's headers are everybody's: no port may write to them without copying")
{
    struct sk_buff *skb = alloc_skb(core.net, 128);

    assert_non_null(skb);
    skb_reserve(skb, 64);
    build_frame(skb_put(skb, 60), station_a, br0->dev_addr, NULL, HEARD_TYPE);
    skb->dev = br0;
    skb->nohdr = 1; /* as TCP sends its clones */
    assert_int_equal(dev_queue_xmit(skb), 0);
    host_run();
    assert_int_equal(out_count, PORTS);
    for (unsigned i = 0; i < PORTS; i++)
        assert_false(out[i].nohdr);
}

TEST("a promiscuous bridge sees what it forwards, too")
{
    dev_set_promiscuity(br0, 1);
    receive_frame(card[0], station_b, station_a, NULL);
    assert_true(was_heard(0, "br0", PACKET_OTHERHOST));
    assert_true(by_all_but(0));
    dev_set_promiscuity(br0, -1);
}

TEST("a tag passes through: frames of a VLAN are bridged with it")
{
    uint8_t frame[128];
    size_t len = build_frame(frame, station_b, station_a, ((const uint16_t[]){10, 0}), HEARD_TYPE);

    receive_on(card[0], frame, len);
    assert_true(by_all_but(0));
    assert_int_equal(out[2].len, len);
    assert_memory_equal(out[2].frame, frame, len);
}

TEST("the bridge's own VLAN receives the frames of it that are for the host")
{
    assert_int_equal(link_configure(core.net, "vlan", "br0.10", &(const char *){NULL}), 0);
    receive_frame(card[0], br0->dev_addr, station_a, ((const uint16_t[]){10, 0}));
    assert_true(was_heard(0, "br0.10", PACKET_HOST));
}

TEST("frames for bridges only are never forwarded (IEEE 802.1D 7.12.6)")
{
    receive_frame(card[0], reserved, station_a, NULL);
    assert_true(was_heard(0, card[0]->name, PACKET_MULTICAST)); /* whoever speaks that on the port itself */
    receive_frame(card[0], br_group_address, station_a, NULL);
    assert_int_equal(out_count, 0);
    assert_int_equal(drops(SKB_DROP_REASON_BRIDGE_RESERVED), 1);
}

TEST("a frame from a group address is dropped")
{
    receive_frame(card[0], station_b, group, NULL);
    assert_int_equal(out_count, 0);
    assert_int_equal(drops(SKB_DROP_REASON_DEV_HDR), 1);
}

TEST("a frame from an address of ours has come round a loop: it is dropped and said once")
{
    receive_frame(card[0], broadcast_mac, br0->dev_addr, NULL);
    receive_frame(card[1], station_b, card[2]->dev_addr, NULL);
    assert_int_equal(out_count, 0);
    assert_int_equal(heard_count, 0);
    assert_int_equal(drops(SKB_DROP_REASON_BRIDGE_LOOP), 2);
}

TEST("a frame too long for a port is not sent by it")
{
    uint8_t frame[1600] = {0};

    build_frame(frame, station_b, station_a, NULL, HEARD_TYPE);
    dev_set_mtu(card[2], 1000);
    assert_int_equal(br0->mtu, 1000);
    receive_on(card[0], frame, 1514);
    assert_int_equal(out_count, PORTS - 2);
    assert_int_equal(drops(SKB_DROP_REASON_TX_TOO_LONG), 1);
}

TEST("receiving survives the failure of every allocation")
{
    uint8_t frame[128];
    size_t len = build_frame(frame, broadcast_mac, station_a, NULL, HEARD_TYPE);

    for (unsigned n = 1; n < 12; n++) {
        struct sk_buff *skb = netdev_alloc_skb(card[0], (unsigned)len);
        skb_put_data(skb, frame, (unsigned)len);
        eth_type_trans(skb, card[0]);
        host_fail_allocation(n);
        netif_receive_skb(skb);
        host_fail_allocation(0);
        forget();
    }
}

/* --- learning --- */

TEST("a station that moves to another port is found there")
{
    receive_frame(card[1], station_a, station_b, NULL);
    receive_frame(card[2], station_a, station_b, NULL);
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_true(only_by(2));
}

TEST("a station not heard of for the ageing time is forgotten (IEEE 802.1D 7.9.2)")
{
    receive_frame(card[1], station_a, station_b, NULL);
    host_advance_ms(299000);
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_true(only_by(1));
    host_advance_ms(2000);
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_true(by_all_but(0));
    host_advance_ms(400000);
    assert_int_equal(((struct net_bridge *)br0->priv)->fdb_count, 0);
}

TEST("a flood of made-up addresses keeps the table within bounds and costs its own port's entries only")
{
    struct net_bridge *br = br0->priv;
    uint8_t made_up[6] = {0x02, 0xff, 0, 0, 0, 0};

    receive_frame(card[1], station_a, station_b, NULL);
    for (unsigned i = 0; i < 3 * BR_FDB_MAX; i++) {
        put_unaligned_be16((uint16_t)i, made_up + 4);
        receive_frame(card[0], station_b, made_up, NULL);
        forget();
    }
    assert_int_equal(br->fdb_count, BR_FDB_MAX);
    assert_int_equal(core.net->mib[MIB_BridgeFdbEvicted], 2 * BR_FDB_MAX + 1);
    receive_frame(card[2], station_b, station_a, NULL);
    assert_true(only_by(1));
}

TEST("an entry made by hand stays where it is")
{
    host_advance_ms(1);
    assert_int_equal(br_fdb_add_permanent(br_port_of(card[3]), station_b), 0);
    receive_frame(card[1], station_a, station_b, NULL);
    host_advance_ms(400000);
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_true(only_by(3));
    assert_int_equal(br_fdb_add_permanent(br_port_of(card[3]), card[0]->dev_addr), -EEXIST);
    assert_int_equal(br_fdb_del(br_port_of(card[3]), station_b), 0);
    assert_int_equal(br_fdb_del(br_port_of(card[3]), station_b), -ENOENT);
}

TEST("a smaller table lets go what is too much")
{
    struct net_bridge *br = br0->priv;
    uint8_t made_up[6] = {0x02, 0xff, 0, 0, 0, 0};

    for (unsigned i = 0; i < 100; i++) {
        made_up[5] = (uint8_t)i;
        receive_frame(card[i % 2], station_b, made_up, NULL);
        forget();
    }
    assert_int_equal(br_set(br0, BR_SET_FDB_MAX, 20, NULL), 0);
    assert_int_equal(br->fdb_count, 20);
    const char *why = NULL;
    assert_int_equal(br_set(br0, BR_SET_FDB_MAX, 1, &why), -ERANGE);
    assert_non_null(why);
}

/* --- ports --- */

TEST("a port without a link does not forward, and what was behind it is forgotten")
{
    receive_frame(card[1], station_a, station_b, NULL);
    netif_carrier_off(card[1]);
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_int_equal(out_count, PORTS - 2);
    receive_frame(card[1], station_a, station_b, NULL);
    assert_int_equal(drops(SKB_DROP_REASON_BRIDGE_BLOCKED), 1);
    netif_carrier_on(card[1]);
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_true(by_all_but(0));
}

TEST("the bridge has a link while one of its ports has")
{
    for (unsigned i = 0; i < PORTS; i++) {
        assert_true(br0->carrier);
        netif_carrier_off(card[i]);
    }
    assert_false(br0->carrier);
    netif_carrier_on(card[2]);
    assert_true(br0->carrier);
}

TEST("a device taken out of the bridge is by itself again")
{
    assert_int_equal(link_set_master(card[0], NULL, NULL), 0);
    assert_false(card[0]->flags & DEV_IFF_PROMISC);
    receive_frame(card[0], card[0]->dev_addr, station_a, NULL);
    assert_true(was_heard(0, card[0]->name, PACKET_HOST));
    forget();
    receive_frame(card[1], card[0]->dev_addr, station_a, NULL);
    assert_int_equal(heard_count, 0); /* its address is not the bridge's any more */
}

TEST("the bridge has the lowest address of its ports, and keeps one it was given")
{
    static const uint8_t given[6] = {0x02, 1, 2, 3, 4, 5};

    assert_memory_equal(br0->dev_addr, card[0]->dev_addr, 6);
    link_set_master(card[0], NULL, NULL);
    assert_memory_equal(br0->dev_addr, card[1]->dev_addr, 6);
    assert_int_equal(dev_set_mac_address(br0, given), 0);
    link_set_master(card[0], br0, NULL);
    assert_memory_equal(br0->dev_addr, given, 6);
    receive_frame(card[0], given, station_a, NULL);
    assert_true(was_heard(0, "br0", PACKET_HOST));
}

TEST("what would be a loop, or has a place already, becomes no port")
{
    const char *why = NULL;

    assert_int_equal(bridge_link_add(core.net, "br1", &why), 0);
    assert_int_equal(link_set_master(device("br1"), br0, &why), -ELOOP);
    assert_int_equal(vlan_link_add(core.net, NULL, br0, 5, &why), 0);
    assert_int_equal(link_set_master(device("br0.5"), br0, &why), -ELOOP);
    assert_int_equal(link_set_master(core.net->loopback_dev, br0, &why), -EINVAL);
    assert_int_equal(macvlan_link_add(core.net, "mac0", card[0], NULL, &why), -EBUSY);
    assert_int_equal(link_set_master(card[0], core.dev, &why), -EOPNOTSUPP);
    assert_int_equal(link_set_master(card[0], device("br1"), &why), 0); /* moves */
    assert_ptr_equal(card[0]->master, device("br1"));
}

TEST("two bridges whose VLANs are each other's ports would be a loop")
{
    const char *why = NULL;

    assert_int_equal(bridge_link_add(core.net, "br1", &why), 0);
    assert_int_equal(vlan_link_add(core.net, NULL, br0, 5, &why), 0);
    assert_int_equal(vlan_link_add(core.net, NULL, device("br1"), 6, &why), 0);
    assert_int_equal(link_set_master(device("br0.5"), device("br1"), &why), 0);
    assert_int_equal(link_set_master(device("br1.6"), br0, &why), -ELOOP);
}

TEST("making a bridge and its ports survives the failure of every allocation")
{
    unsigned n = 1;
    bool failed;

    link_set_master(card[0], NULL, NULL);
    do {
        host_fail_allocation(n++);
        int err = bridge_link_add(core.net, "br9", NULL);
        if (!err)
            err = link_set_master(card[0], device("br9"), NULL);
        failed = host_allocation_failed();
        host_fail_allocation(0);
        if (dev_get_by_name(core.net, "br9"))
            link_del(device("br9"), NULL);
        assert_null(card[0]->master);
        assert_null(card[0]->rx_handler);
    } while (failed);
}

TEST("bridge= makes a bridge with its ports up, or says what is wrong")
{
    const char *why = NULL;

    link_set_master(card[0], NULL, NULL);
    link_set_master(card[1], NULL, NULL);
    assert_int_equal(link_configure(core.net, "bridge", "lan:eth1,eth2:stp=4", &why), 0);
    assert_ptr_equal(card[1]->master, device("lan"));
    const struct net_bridge *lan = device("lan")->priv;
    assert_true(lan->stp && lan->forward_delay_ms == 4000);
    static const char *const wrong[] = {
        "", "br5", "br5:eth1:nonsense", "br5:eth1:stp=", "br5:eth1:stp=x", "br5:eth9", "br0:eth1", ":eth1"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_not_equal(link_configure(core.net, "bridge", wrong[i], &why), 0);
        assert_non_null(why);
    }
}

/* --- the spanning tree's messages --- */

/* A configuration message: its length. */
static size_t build_bpdu(uint8_t *frame, const uint8_t *root, uint32_t cost, const uint8_t *bridge,
                         uint16_t port_id, unsigned message_age_s)
{
    static const uint8_t head[] = {0x42, 0x42, 0x03, 0, 0, 0, 0, 0};

    memset(frame, 0, 60);
    memcpy(frame, br_group_address, 6);
    memcpy(frame + 6, station_a, 6);
    put_unaligned_be16(38, frame + 12);
    memcpy(frame + 14, head, sizeof(head));
    memcpy(frame + 22, root, 8);
    put_unaligned_be32(cost, frame + 30);
    memcpy(frame + 34, bridge, 8);
    put_unaligned_be16(port_id, frame + 42);
    put_unaligned_be16((uint16_t)(message_age_s * 256), frame + 44);
    put_unaligned_be16(20 * 256, frame + 46);
    put_unaligned_be16(2 * 256, frame + 48);
    put_unaligned_be16(15 * 256, frame + 50);
    return 60;
}

static const uint8_t better_root[8] = {0x10, 0, 2, 0, 0, 0, 0, 9},
                     worse_root[8] = {0xf0, 0, 2, 0, 0, 0, 0, 9};

static enum br_state state_of(unsigned i)
{
    return br_port_of(card[i])->state;
}

TEST("with the spanning tree a port listens, learns, and then forwards; data waits for that")
{
    assert_int_equal(br_set(br0, BR_SET_STP, 1, NULL), 0);
    assert_int_equal(state_of(0), BR_STATE_LISTENING);
    assert_false(br0->carrier);
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_int_equal(out_count, 0);
    host_advance_ms(20000);
    assert_int_equal(state_of(0), BR_STATE_LEARNING);
    receive_frame(card[1], station_a, station_b, NULL); /* is learned, not forwarded */
    assert_int_equal(drops(SKB_DROP_REASON_BRIDGE_BLOCKED), 2);
    host_advance_ms(10000);
    assert_int_equal(state_of(0), BR_STATE_FORWARDING);
    assert_true(br0->carrier);
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_true(only_by(1));
}

TEST("the root says so on every port every two seconds")
{
    br_set(br0, BR_SET_STP, 1, NULL);
    host_advance_ms(60000);
    forget();
    host_advance_ms(10000);
    assert_int_equal(out_count, 5 * PORTS);
    const uint8_t *frame = out[0].frame;
    assert_int_equal(out[0].len, 60);
    assert_memory_equal(frame, br_group_address, 6);
    assert_memory_equal(frame + 6, out[0].dev->dev_addr, 6);
    assert_int_equal(get_unaligned_be16(frame + 12), 38);
    assert_memory_equal(frame + 14, ((uint8_t[]){0x42, 0x42, 3, 0, 0, 0, 0}), 7);
    assert_memory_equal(frame + 22, ((uint8_t[]){0x80, 0, 2, 0, 0, 0, 1, 1}), 8);
    assert_memory_equal(frame + 34, frame + 22, 8);
    assert_int_equal(get_unaligned_be32(frame + 30), 0);
    assert_int_equal(get_unaligned_be16(frame + 46), 20 * 256);
    assert_int_equal(get_unaligned_be16(frame + 48), 2 * 256);
    assert_int_equal(get_unaligned_be16(frame + 50), 15 * 256);
}

TEST("a better root is believed, its port is the root port, a second way to it blocks")
{
    struct net_bridge *br = br0->priv;
    uint8_t frame[64];

    br_set(br0, BR_SET_STP, 1, NULL);
    receive_on(card[1], frame, build_bpdu(frame, better_root, 0, better_root, 0x8001, 0));
    receive_on(card[2], frame, build_bpdu(frame, better_root, 0, better_root, 0x8002, 0));
    assert_false(br_is_root(br));
    assert_ptr_equal(br->root_port, br_port_of(card[1]));
    assert_int_equal(br->root_path_cost, BR_PORT_COST);
    assert_int_equal(state_of(1), BR_STATE_LISTENING);
    assert_int_equal(state_of(2), BR_STATE_BLOCKING);
    for (unsigned s = 0; s < 20; s++) { /* what is not repeated is forgotten after 20 s */
        host_advance_ms(2000);
        receive_on(card[1], frame, build_bpdu(frame, better_root, 0, better_root, 0x8001, 0));
        receive_on(card[2], frame, build_bpdu(frame, better_root, 0, better_root, 0x8002, 0));
    }
    assert_int_equal(state_of(1), BR_STATE_FORWARDING);
    assert_int_equal(state_of(2), BR_STATE_BLOCKING);
    forget();
    receive_frame(card[3], station_b, station_a, NULL); /* to nobody known: by all that forward */
    send_frame(br0, broadcast_mac, 46);
    assert_true(out_count >= 4);
    for (unsigned i = 0; i < out_count; i++)
        assert_ptr_not_equal(out[i].dev, card[2]);
    host_advance_ms(21000);
    assert_true(br_is_root(br));
    assert_int_equal(state_of(2), BR_STATE_LISTENING);
}

TEST("a worse root is answered with the better one (IEEE 802.1D 8.6.5)")
{
    uint8_t frame[64];

    br_set(br0, BR_SET_STP, 1, NULL);
    host_advance_ms(61000);
    forget();
    receive_on(card[1], frame, build_bpdu(frame, worse_root, 0, worse_root, 0x8001, 0));
    assert_true(br_is_root(br0->priv));
    assert_true(only_by(1));
    forget();
    receive_on(card[1], frame, build_bpdu(frame, worse_root, 0, worse_root, 0x8001, 0));
    assert_int_equal(out_count, 0); /* one a second */
}

TEST("our own message coming back by its port changes nothing")
{
    uint8_t echo[64];

    br_set(br0, BR_SET_STP, 1, NULL);
    host_advance_ms(61000);
    forget();
    host_advance_ms(2000);
    memcpy(echo, out[0].frame, 60);
    struct net_device *port = out[0].dev;
    forget();
    receive_on(port, echo, 60);
    assert_int_equal(br_port_of(port)->state, BR_STATE_FORWARDING);
    assert_int_equal(out_count, 0);
}

TEST("of two ports on one wire the one with the lower number forwards, the other blocks")
{
    uint8_t low[64], high[64];

    br_set(br0, BR_SET_STP, 1, NULL);
    host_advance_ms(61000);
    forget();
    host_advance_ms(2000);
    for (unsigned i = 0; i < out_count; i++)
        if (out[i].dev == card[0] || out[i].dev == card[1])
            memcpy(out[i].dev == card[0] ? low : high, out[i].frame, 60);
    receive_on(card[1], low, 60);
    receive_on(card[0], high, 60);
    assert_int_equal(state_of(0), BR_STATE_FORWARDING);
    assert_int_equal(state_of(1), BR_STATE_BLOCKING);
    assert_true(br_is_root(br0->priv));
}

TEST("damaged and stale messages are dropped with BPDU_INVALID")
{
    uint8_t frame[64];
    size_t len = build_bpdu(frame, better_root, 0, better_root, 0x8001, 20);

    br_set(br0, BR_SET_STP, 1, NULL);
    receive_on(card[1], frame, len); /* as old as it may become */
    build_bpdu(frame, better_root, 0, better_root, 0x8001, 0);
    for (size_t cut = 14; cut < 52; cut++)
        receive_on(card[1], frame, cut);
    for (unsigned at = 14; at < 19; at++) { /* LLC and protocol; the version may be any */
        frame[at] ^= 1;
        receive_on(card[1], frame, len);
        frame[at] ^= 1;
    }
    put_unaligned_be16(20, frame + 12); /* says it is shorter than it must be */
    receive_on(card[1], frame, len);
    put_unaligned_be16(38, frame + 12);
    frame[20] = 2; /* rapid spanning tree */
    receive_on(card[1], frame, len);
    assert_true(br_is_root(br0->priv));
    assert_int_equal(drops(SKB_DROP_REASON_BPDU_INVALID), 1 + 38 + 5 + 2);
}

TEST("times that no root may have are brought within bounds (table 8-3)")
{
    struct net_bridge *br = br0->priv;
    uint8_t frame[64];

    br_set(br0, BR_SET_STP, 1, NULL);
    build_bpdu(frame, better_root, 0, better_root, 0x8001, 0);
    memset(frame + 48, 0, 4);
    put_unaligned_be16(0xffff, frame + 46);
    receive_on(card[1], frame, 60);
    assert_int_equal(br->hello_time_ms, 1000);
    assert_int_equal(br->forward_delay_ms, 2000);
    assert_int_equal(br->max_age_ms, 40000);
}

TEST("a notice of change is acknowledged, told to all, and ages the table fast (8.6.14)")
{
    static const uint8_t tcn[] = {0x42, 0x42, 0x03, 0, 0, 0, 0x80};
    struct net_bridge *br = br0->priv;
    uint8_t frame[60] = {0};

    br_set(br0, BR_SET_STP, 1, NULL);
    host_advance_ms(50000);
    forget();
    host_advance_ms(50000);
    assert_false(br->topology_change);
    receive_frame(card[1], station_a, station_b, NULL);
    memcpy(frame, br_group_address, 6);
    memcpy(frame + 6, station_a, 6);
    put_unaligned_be16(7, frame + 12);
    memcpy(frame + 14, tcn, sizeof(tcn));
    host_advance_ms(1100); /* the hold time */
    forget();
    receive_on(card[2], frame, sizeof(frame));
    assert_true(only_by(2));
    assert_int_equal(out[0].frame[21], 0x81); /* acknowledged, and a change */
    host_advance_ms(16000);                   /* forward delay instead of ageing time */
    forget();
    receive_frame(card[0], station_b, station_a, NULL);
    assert_true(by_all_but(0));
    host_advance_ms(20000);
    assert_false(br->topology_change);
}

TEST("a bridge that is not the root sends a notice of change to it until it is acknowledged")
{
    uint8_t frame[64];
    unsigned notices = 0;

    br_set(br0, BR_SET_STP, 1, NULL);
    for (unsigned s = 0; s < 40; s += 2) {
        receive_on(card[1], frame, build_bpdu(frame, better_root, 0, better_root, 0x8001, 0));
        host_advance_ms(2000);
    }
    forget();
    build_bpdu(frame, better_root, 0, better_root, 0x8001, 0);
    frame[21] = 0x80; /* what we said so far is acknowledged */
    receive_on(card[1], frame, 60);
    forget();
    netif_carrier_off(card[3]);
    host_advance_ms(5000);
    for (unsigned i = 0; i < out_count; i++)
        notices += out[i].dev == card[1] && out[i].frame[20] == 0x80;
    assert_int_equal(notices, 3);
    receive_on(card[1], frame, 60);
    forget();
    host_advance_ms(5000);
    for (unsigned i = 0; i < out_count; i++)
        assert_int_not_equal(out[i].frame[20], 0x80);
}

TEST("a lower priority makes a bridge the root, a higher cost another port the root port")
{
    struct net_bridge *br = br0->priv;
    uint8_t frame[64];
    const char *why = NULL;

    br_set(br0, BR_SET_STP, 1, NULL);
    receive_on(card[1], frame, build_bpdu(frame, better_root, 0, better_root, 0x8001, 0));
    receive_on(card[2], frame, build_bpdu(frame, better_root, 0, better_root, 0x8002, 0));
    assert_int_equal(br_set(card[1], BR_SET_PORT_COST, 100, &why), 0);
    assert_ptr_equal(br->root_port, br_port_of(card[2]));
    assert_int_equal(br_set(br0, BR_SET_PRIORITY, 0x1000 - 1, &why), 0);
    assert_true(br_is_root(br));
    assert_int_equal(br_set(br0, BR_SET_HELLO_TIME, 11, &why), -ERANGE);
    assert_int_equal(br_set(br0, BR_SET_MAX_AGE, 5, &why), -ERANGE);
    assert_int_equal(br_set(core.dev, BR_SET_STP, 1, &why), -ENODEV);
    assert_int_equal(br_set(core.dev, BR_SET_PORT_COST, 1, &why), -ENODEV);
}

TEST_FIXTURE(bridge_setup, bridge_teardown)
