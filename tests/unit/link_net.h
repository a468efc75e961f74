/*
 * link_net.h - core_net.h with the room of virtual devices, and a listener that notes what each device
 * receives.
 *
 * The listener is a protocol of its own (EtherType 0x88b5, for experiments): a test sends such frames and
 * asks which device has got which.
 */
#ifndef TESTS_UNIT_LINK_NET_H
#define TESTS_UNIT_LINK_NET_H

#include <stdio.h>

#include "net/core/vlan_core.h"
#include "net/ethernet/bridge.h"
#include "net/ethernet/link.h"
#include "tests/unit/core_net.h"

#define HEARD_TYPE 0x88b5
#define HEARD_MAX  64

struct heard {
    char dev[IFNAMSIZ];
    uint8_t pkt_type;
    bool tagged;
    unsigned len;
    uint8_t frame[64]; /* from the link header on */
};

static struct heard heard[HEARD_MAX];
static size_t heard_count;
static struct packet_type heard_type;

static int hear_frame(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    assert_true(heard_count < HEARD_MAX);
    struct heard *h = &heard[heard_count++];
    strcpy(h->dev, dev->name);
    h->pkt_type = skb->pkt_type;
    h->tagged = skb->vlan_present;
    h->len = skb->len;
    memcpy(h->frame, skb_mac_header(skb), min(skb->len + ETH_HLEN, sizeof(h->frame)));
    consume_skb(skb);
    return 0;
}

static int link_setup(void **state)
{
    core_setup(state);
    assert_int_equal(link_init(core.net), 0);
    heard_count = 0;
    heard_type = (struct packet_type){.type = cpu_to_be16(HEARD_TYPE), .func = hear_frame};
    dev_add_pack(core.net, &heard_type);
    return 0;
}

static int link_teardown(void **state)
{
    host_fail_allocation(0);
    dev_remove_pack(&heard_type);
    link_exit(core.net);
    return core_teardown(state);
}

static inline struct net_device *device(const char *name)
{
    struct net_device *dev = dev_get_by_name(core.net, name);

    assert_non_null(dev);
    return dev;
}

/* A frame of `type` with 46 bytes behind the header; tags: VLAN tags in the frame, outermost first, 0 ends.
 */
static inline size_t build_frame(uint8_t *frame, const uint8_t *dst, const uint8_t *src, const uint16_t *tags,
                                 unsigned type)
{
    uint8_t *p = frame + 12;

    memcpy(frame, dst, 6);
    memcpy(frame + 6, src, 6);
    for (; tags && *tags; tags++, p += 4) {
        put_unaligned_be16(ETH_P_8021Q, p);
        put_unaligned_be16(*tags, p + 2);
    }
    put_unaligned_be16((uint16_t)type, p);
    memset(p + 2, 0x5a, 46);
    return (size_t)(p + 2 - frame) + 46;
}

static inline void receive_on(struct net_device *dev, const uint8_t *frame, size_t len)
{
    struct sk_buff *skb = netdev_alloc_skb(dev, (unsigned)len);

    assert_non_null(skb);
    skb_put_data(skb, frame, (unsigned)len);
    eth_type_trans(skb, dev);
    netif_receive_skb(skb);
    host_run();
}

static inline void receive_frame(struct net_device *dev, const uint8_t *dst, const uint8_t *src,
                                 const uint16_t *tags)
{
    uint8_t frame[128];

    receive_on(dev, frame, build_frame(frame, dst, src, tags, HEARD_TYPE));
}

static inline bool was_heard(size_t i, const char *dev, uint8_t pkt_type)
{
    return i < heard_count && strcmp(heard[i].dev, dev) == 0 && heard[i].pkt_type == pkt_type;
}

/* The host sends by dev: -E... of dev_queue_xmit(). */
static inline int send_frame(struct net_device *dev, const uint8_t *dst, unsigned payload)
{
    struct sk_buff *skb = alloc_skb(core.net, MAX_HEADER + payload);

    assert_non_null(skb);
    skb_reserve(skb, MAX_HEADER);
    memset(skb_put(skb, payload), 0x5a, payload);
    skb->dev = dev;
    skb->protocol = cpu_to_be16(HEARD_TYPE);
    skb_reset_network_header(skb);
    assert_int_equal(dev_hard_header(skb, dev, HEARD_TYPE, dst, NULL), 0);
    int err = dev_queue_xmit(skb);
    host_run();
    return err;
}

#endif
