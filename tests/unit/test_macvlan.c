/*
 * test_macvlan.c - several addresses on one card: who receives what, and how they reach each other and the
 * wire.
 */
#include "tests/unit/link_net.h"

static const uint8_t mac_a[6] = {0x02, 0xa, 0, 0, 0, 1}, mac_b[6] = {0x02, 0xb, 0, 0, 0, 1};
static const uint8_t group[6] = {0x01, 0, 0x5e, 1, 1, 1}, stranger[6] = {0x02, 9, 9, 9, 9, 9};

static struct net_device *add(const char *name, const uint8_t *addr)
{
    assert_int_equal(macvlan_link_add(core.net, name, core.dev, addr, NULL), 0);
    assert_int_equal(dev_open(device(name)), 0);
    core_forget();
    return device(name);
}

TEST("a frame is received by the device that has the address")
{
    add("mac0", mac_a);
    add("mac1", mac_b);
    receive_frame(core.dev, mac_a, peer_mac, NULL);
    receive_frame(core.dev, mac_b, peer_mac, NULL);
    receive_frame(core.dev, core_mac, peer_mac, NULL);
    receive_frame(core.dev, stranger, peer_mac, NULL);
    assert_true(was_heard(0, "mac0", PACKET_HOST));
    assert_true(was_heard(1, "mac1", PACKET_HOST));
    assert_true(was_heard(2, "eth0", PACKET_HOST));
    assert_true(was_heard(3, "eth0", PACKET_OTHERHOST));
    assert_int_equal(device("mac0")->stats.rx_packets, 1);
}

TEST("a broadcast and a frame to a group are received by all")
{
    add("mac0", mac_a);
    add("mac1", mac_b);
    receive_frame(core.dev, broadcast_mac, peer_mac, NULL);
    assert_int_equal(heard_count, 3);
    receive_frame(core.dev, group, peer_mac, NULL);
    assert_int_equal(heard_count, 6);
    dev_close(device("mac1"));
    receive_frame(core.dev, group, peer_mac, NULL);
    assert_int_equal(heard_count, 8);
}

TEST("siblings reach each other without the wire, everybody else by it")
{
    struct net_device *a = add("mac0", mac_a);

    add("mac1", mac_b);
    assert_int_equal(send_frame(a, mac_b, 46), 0);
    assert_int_equal(core.count, 0);
    assert_true(was_heard(0, "mac1", PACKET_HOST));
    assert_int_equal(heard[0].len, 46);
    assert_int_equal(send_frame(a, peer_mac, 46), 0);
    assert_int_equal(core.count, 1);
    assert_memory_equal(core_sent(0) + 6, mac_a, 6);
    assert_int_equal(send_frame(a, broadcast_mac, 46), 0);
    assert_int_equal(core.count, 2);
    assert_int_equal(heard_count, 2);
    assert_true(was_heard(1, "mac1", PACKET_BROADCAST));
    dev_close(device("mac1"));
    assert_int_equal(send_frame(a, mac_b, 46), 0);
    assert_int_equal(heard_count, 2);
}

TEST("the card receives by the address while the device is up, and when that changes by the new one")
{
    struct net_device *a = add("mac0", mac_a);

    assert_memory_equal(list_first_entry(&core.dev->uc_list, struct netdev_hw_addr, list)->addr, mac_a, 6);
    assert_int_equal(dev_set_mac_address(a, mac_b), 0);
    assert_memory_equal(list_first_entry(&core.dev->uc_list, struct netdev_hw_addr, list)->addr, mac_b, 6);
    receive_frame(core.dev, mac_b, peer_mac, NULL);
    assert_true(was_heard(0, "mac0", PACKET_HOST));
    dev_close(a);
    assert_true(list_empty(&core.dev->uc_list));
}

TEST("link, MTU and end are the card's")
{
    struct net_device *card = core_device(core.net);

    assert_int_equal(macvlan_link_add(core.net, "mac7", card, NULL, NULL), 0);
    struct net_device *mac7 = device("mac7");
    assert_true(is_valid_ether_addr(mac7->dev_addr));
    netif_carrier_off(card);
    assert_false(mac7->carrier);
    netif_carrier_on(card);
    assert_true(mac7->carrier);
    assert_int_equal(dev_set_mtu(mac7, 1501), -EINVAL);
    dev_set_mtu(card, 900);
    assert_int_equal(mac7->mtu, 900);
    unregister_netdev(card);
    assert_null(dev_get_by_name(core.net, "mac7"));
    free_netdev(card);
}

TEST("a macvlan that cannot be is refused with a sentence")
{
    const char *why = NULL;

    add("mac0", mac_a);
    assert_int_equal(macvlan_link_add(core.net, "x", core.dev, mac_a, &why), -EINVAL);
    assert_int_equal(macvlan_link_add(core.net, "x", core.dev, core_mac, &why), -EINVAL);
    assert_int_equal(macvlan_link_add(core.net, "x", core.dev, group, &why), -EINVAL);
    assert_int_equal(macvlan_link_add(core.net, "mac0", core.dev, mac_b, &why), -EEXIST);
    assert_int_equal(macvlan_link_add(core.net, "x", device("mac0"), mac_b, &why), -EINVAL);
    assert_int_equal(macvlan_link_add(core.net, "x", core.net->loopback_dev, mac_b, &why), -EINVAL);
    assert_int_equal(bridge_link_add(core.net, "br0", &why), 0);
    assert_int_equal(link_set_master(core.dev, device("br0"), &why), -EBUSY);
    assert_int_equal(link_set_master(device("mac0"), device("br0"), &why), -EINVAL);
    assert_int_equal(link_configure(core.net, "macvlan", "mac5:eth0:02:0c:00:00:00:01", &why), 0);
    assert_int_equal(device("mac5")->dev_addr[1], 0x0c);
    static const char *const wrong[] = {"", "mac6", "mac6:eth9", "mac6:eth0:02:0c",
                                        "mac6:eth0:02:0c:00:00:00:0x"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_not_equal(link_configure(core.net, "macvlan", wrong[i], &why), 0);
        assert_non_null(why);
    }
}

TEST("the failure of every allocation is survived")
{
    unsigned n = 1;
    bool failed;

    do {
        host_fail_allocation(n++);
        if (!macvlan_link_add(core.net, "mac0", core.dev, mac_a, NULL) && !dev_open(device("mac0")))
            link_del(device("mac0"), NULL);
        failed = host_allocation_failed();
        host_fail_allocation(0);
        if (dev_get_by_name(core.net, "mac0"))
            link_del(device("mac0"), NULL);
        assert_null(core.dev->rx_handler);
    } while (failed);
}

TEST_FIXTURE(link_setup, link_teardown)
