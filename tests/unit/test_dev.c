/*
 * test_dev.c - devices, taps, NAPI, the backlog and the queue in front of a full ring.
 */
#include <errno.h>
#include <stdlib.h>

#include "kernel/irq.h"
#include "kernel/softirq.h"
#include "kernel/task.h"
#include "net/core/gso.h"
#include "tests/unit/core_net.h"

#define PROTO 0x88b5 /* IEEE 802 local experimental */

/* --- somebody who receives --- */

struct listener {
    struct packet_type pt;
    unsigned count, outgoing;
    size_t len, mac_to_data;
    uint8_t pkt_type, first;
    struct net_device *dev;
    struct sk_buff *kept; /* if `keep`: the last packet */
    bool keep;
};

static int listener_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    struct listener *l = container_of(pt, struct listener, pt);

    l->count++;
    l->outgoing += skb->pkt_type == PACKET_OUTGOING;
    l->len = skb->len;
    l->pkt_type = skb->pkt_type;
    l->mac_to_data = (size_t)(skb->data - (uint8_t *)skb_mac_header(skb));
    l->first = skb->len ? skb->data[0] : 0;
    l->dev = dev;
    if (l->keep)
        l->kept = skb;
    else
        consume_skb(skb);
    return 0;
}

static void listen_to(struct listener *l, uint16_t type, struct net_device *dev)
{
    *l = (struct listener){.pt = {.type = cpu_to_be16(type), .dev = dev, .func = listener_rcv}};
    dev_add_pack(core.net, &l->pt);
}

static size_t make_frame(uint8_t *frame, const uint8_t *dst, uint16_t type, size_t payload)
{
    memcpy(frame, dst, 6);
    memcpy(frame + 6, peer_mac, 6);
    put_unaligned_be16(type, frame + 12);
    memset(frame + 14, 0x5a, payload);
    return 14 + payload;
}

static struct sk_buff *out_frame(size_t len)
{
    struct sk_buff *skb = alloc_skb(core.net, (unsigned)len);

    memset(skb_put(skb, (unsigned)len), 0x33, len);
    skb->dev = core.dev;
    return skb;
}

/* --- in --- */

TEST("a frame goes to the handler of its type, behind the link header, with whom it was for")
{
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1}, other[6] = {2, 9, 9, 9, 9, 9};
    const uint8_t *dst[] = {core_mac, broadcast_mac, group, other};
    const uint8_t want[] = {PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST};
    struct listener l;
    uint8_t frame[100];

    listen_to(&l, PROTO, NULL);
    for (unsigned i = 0; i < 4; i++) {
        core_receive(frame, make_frame(frame, dst[i], PROTO, 50));
        assert_int_equal(l.pkt_type, want[i]);
        assert_int_equal(l.len, 50);
        assert_int_equal(l.mac_to_data, 14);
        assert_int_equal(l.first, 0x5a);
    }
    assert_int_equal(l.count, 4);
    dev_remove_pack(&l.pt);
}

TEST("a type nobody handles, a length field and a runt are dropped by name")
{
    uint8_t frame[100];

    core_receive(frame, make_frame(frame, core_mac, PROTO, 50));
    core_receive(frame, make_frame(frame, core_mac, 50, 50)); /* IEEE 802.3 */
    assert_int_equal(core.net->drops[SKB_DROP_REASON_UNHANDLED_PROTO], 2);
    for (size_t len = 0; len < 14; len++)
        core_receive(frame, len);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_DEV_HDR], 14);
    assert_int_equal(core.dev->stats.rx_dropped, 16);
}

TEST("two handlers of one type each get the frame")
{
    struct listener a, b, elsewhere;
    uint8_t frame[100];

    listen_to(&a, PROTO, NULL);
    listen_to(&b, PROTO, core.dev);
    listen_to(&elsewhere, PROTO, core.net->loopback_dev);
    core_receive(frame, make_frame(frame, core_mac, PROTO, 50));
    assert_int_equal(a.count, 1);
    assert_int_equal(b.count, 1);
    assert_int_equal(elsewhere.count, 0);
    dev_remove_pack(&a.pt);
    dev_remove_pack(&b.pt);
    dev_remove_pack(&elsewhere.pt);
}

TEST("a tap sees frames in and out, once each, and what it keeps stays as it was")
{
    struct listener tap;
    uint8_t frame[100];

    listen_to(&tap, ETH_P_ALL, NULL);
    tap.keep = true;
    core_receive(frame, make_frame(frame, core_mac, PROTO, 50));
    assert_int_equal(tap.count, 1);
    assert_int_equal(tap.mac_to_data, 14);
    assert_int_equal(tap.outgoing, 0);
    assert_true(tap.kept->tstamp != 0);
    consume_skb(tap.kept);

    assert_int_equal(dev_queue_xmit(out_frame(60)), 0);
    assert_int_equal(tap.outgoing, 1);
    assert_int_equal(tap.mac_to_data, 0);
    assert_int_equal(tap.kept->len, 60);
    consume_skb(tap.kept);
    dev_remove_pack(&tap.pt);
}

TEST("a tap without memory for its clone costs the packet nothing")
{
    struct listener tap, l;
    uint8_t frame[100];

    listen_to(&tap, ETH_P_ALL, NULL);
    listen_to(&l, PROTO, NULL);
    struct sk_buff *skb = core_skb(frame, make_frame(frame, core_mac, PROTO, 50));
    eth_type_trans(skb, core.dev);
    host_fail_allocation(1);
    netif_receive_skb(skb);
    assert_int_equal(tap.count, 0);
    assert_int_equal(l.count, 1);
    dev_remove_pack(&tap.pt);
    dev_remove_pack(&l.pt);
}

static unsigned bridged;

static bool bridge(struct sk_buff *skb)
{
    bridged++;
    if (skb->pkt_type != PACKET_OTHERHOST)
        return false;
    consume_skb(skb);
    return true;
}

TEST("who sits on a device sees frames after the taps and may take them from the protocols")
{
    static const uint8_t other[6] = {2, 9, 9, 9, 9, 9};
    struct listener tap, l;
    uint8_t frame[100];

    bridged = 0;
    core.dev->rx_handler = bridge;
    listen_to(&tap, ETH_P_ALL, NULL);
    listen_to(&l, PROTO, NULL);
    core_receive(frame, make_frame(frame, core_mac, PROTO, 50));
    core_receive(frame, make_frame(frame, other, PROTO, 50));
    assert_int_equal(bridged, 2);
    assert_int_equal(tap.count, 2);
    assert_int_equal(l.count, 1);
    dev_remove_pack(&tap.pt);
    dev_remove_pack(&l.pt);
}

TEST("a device that is down neither receives nor sends")
{
    uint8_t frame[100];

    dev_close(core.dev);
    core_receive(frame, make_frame(frame, core_mac, PROTO, 50));
    assert_int_equal(dev_queue_xmit(out_frame(60)), -ENETDOWN);
    assert_int_equal(dev_open(core.dev), 0);
    netif_carrier_off(core.dev);
    assert_int_equal(dev_queue_xmit(out_frame(60)), -ENETDOWN);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_DEV_READY], 3);
    assert_int_equal(core.dev->stats.tx_dropped, 2);
    assert_int_equal(core.count, 0);
}

/* --- the backlog and loopback --- */

TEST("netif_rx delivers from softirq context, in order, and no more than it may hold")
{
    struct listener l;
    uint8_t frame[100];
    size_t len = make_frame(frame, core_mac, PROTO, 50);

    listen_to(&l, PROTO, NULL);
    for (unsigned i = 0; i < NETDEV_MAX_BACKLOG + 5; i++) {
        struct sk_buff *skb = core_skb(frame, len);
        eth_type_trans(skb, core.dev);
        assert_int_equal(netif_rx(skb), i < NETDEV_MAX_BACKLOG ? 0 : -ENOBUFS);
    }
    assert_int_equal(l.count, 0);
    host_run();
    assert_int_equal(l.count, NETDEV_MAX_BACKLOG);
    assert_int_equal(core.net->softnet.dropped, 5);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_CPU_BACKLOG], 5);
    assert_int_equal(core.net->softnet.processed, NETDEV_MAX_BACKLOG);
    dev_remove_pack(&l.pt);
}

TEST("a round of polling ends after 300 frames and is counted as squeezed")
{
    uint8_t frame[100];
    size_t len = make_frame(frame, core_mac, PROTO, 50);

    for (unsigned i = 0; i < 400; i++) {
        struct sk_buff *skb = core_skb(frame, len);
        eth_type_trans(skb, core.dev);
        netif_rx(skb);
    }
    do_softirq();
    assert_int_equal(core.net->softnet.processed, 320); /* five times the weight: the first sum past 300 */
    assert_int_equal(core.net->softnet.time_squeeze, 1);
    host_run();
    assert_int_equal(core.net->softnet.processed, 400);
    assert_int_equal(core.net->softnet.time_squeeze, 1);
}

/* --- buffers that a handler of an interrupt is done with --- */

static enum irqreturn free_in_handler(unsigned irq, void *arg)
{
    assert_true(in_hardirq());
    dev_kfree_skb_any(arg, irq == 5 ? SKB_DROP_REASON_DEV_RESET : SKB_NOT_DROPPED_YET);
    return IRQ_HANDLED;
}

TEST("a buffer that a handler is done with is freed in NET_TX_SOFTIRQ, elsewhere at once")
{
    uint8_t bytes[60] = {0};
    struct sk_buff *dropped = core_skb(bytes, sizeof(bytes)), *sent = core_skb(bytes, sizeof(bytes));
    size_t before = core.net->skb_count;

    assert_int_equal(request_irq(5, free_in_handler, "dropped", dropped), 0);
    assert_int_equal(request_irq(6, free_in_handler, "sent", sent), 0);
    host_raise_irq(5);
    host_raise_irq(6);
    assert_int_equal(core.net->skb_count, before);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_DEV_RESET], 0);
    do_softirq();
    assert_int_equal(core.net->skb_count, before - 2);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_DEV_RESET], 1);
    free_irq(5, dropped);
    free_irq(6, sent);

    dev_kfree_skb_any(core_skb(bytes, sizeof(bytes)), SKB_DROP_REASON_DEV_RESET);
    assert_int_equal(core.net->skb_count, before - 2);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_DEV_RESET], 2);
}

TEST("what still waits on the completion queue goes with its stack")
{
    struct net *net = net_create("other");
    struct sk_buff *skb = alloc_skb(net, 100);

    assert_non_null(skb);
    dev_kfree_skb_irq(skb, SKB_NOT_DROPPED_YET);
    net_destroy(net); /* nothing is left over: see core_teardown */
}

TEST("a train whose sum is not the pseudo-header's is none for the card")
{
    uint8_t bytes[200] = {0};
    struct sk_buff *skb = core_skb(bytes, sizeof(bytes));

    core.dev->features |= NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO;
    skb_shinfo(skb)->gso_size = 50;
    skb_shinfo(skb)->gso_segs = 3;
    assert_false(gso_device_takes(skb, core.dev));
    skb->ip_summed = CHECKSUM_UNNECESSARY;
    assert_false(gso_device_takes(skb, core.dev));
    skb->ip_summed = CHECKSUM_PARTIAL;
    assert_true(gso_device_takes(skb, core.dev));
    consume_skb(skb);
}

TEST("closing a device takes its packets off the backlog")
{
    uint8_t frame[100];
    struct sk_buff *skb = core_skb(frame, make_frame(frame, core_mac, PROTO, 50));

    eth_type_trans(skb, core.dev);
    netif_rx(skb);
    dev_close(core.dev);
    assert_int_equal(core.net->skb_count, 0);
}

TEST("lo takes 127.0.0.1/8 when it comes up, and what goes out comes in with its checksum taken as right")
{
    struct net_device *lo = core.net->loopback_dev;
    struct listener l;

    assert_int_equal(lo->ifindex, 1);
    assert_false(netif_running(lo));
    assert_int_equal(dev_open(lo), 0);
    assert_non_null(inet_addr_find(core.net, lo, core_ip(127, 0, 0, 1)));
    dev_close(lo);
    assert_int_equal(dev_open(lo), 0);

    listen_to(&l, PROTO, NULL);
    l.keep = true;
    struct sk_buff *skb = core_ip_packet(core_ip(127, 0, 0, 1), 9000);
    skb->dev = lo;
    skb->protocol = cpu_to_be16(PROTO);
    skb->ip_summed = CHECKSUM_PARTIAL;
    assert_int_equal(dev_queue_xmit(skb), 0);
    assert_int_equal(l.count, 0);
    host_run();
    assert_int_equal(l.count, 1);
    assert_int_equal(l.len, 9000);
    assert_int_equal(l.kept->ip_summed, CHECKSUM_UNNECESSARY);
    assert_int_equal(l.pkt_type, PACKET_HOST);
    assert_int_equal(lo->stats.rx_packets, 1);
    assert_int_equal(lo->stats.tx_bytes, 9000);
    consume_skb(l.kept);
    dev_remove_pack(&l.pt);
}

/* --- NAPI --- */

static struct card {
    struct napi_struct napi;
    int waiting; /* frames in its ring */
    unsigned unmasked;
} card;

static int card_poll(struct napi_struct *napi, int budget)
{
    int work = min(card.waiting, budget);

    card.waiting -= work;
    if (work < budget && napi_complete_done(napi, work))
        card.unmasked++;
    return work;
}

static void card_setup(void)
{
    card = (struct card){.waiting = 0};
    netif_napi_add(core.dev, &card.napi, card_poll, NAPI_POLL_WEIGHT);
}

TEST("an interrupt leads to one poll, and an empty ring back to interrupts")
{
    card_setup();
    sysctl_set(core.net, "net.core.napi_defer_us", "0");
    card.waiting = 3;
    napi_schedule_irq(&card.napi);
    napi_schedule_irq(&card.napi);
    assert_int_equal(card.napi.stats.polls, 0);
    host_run();
    assert_int_equal(card.waiting, 0);
    assert_int_equal(card.unmasked, 1);
    assert_int_equal(card.napi.stats.irqs, 2);
    assert_int_equal(card.napi.stats.polls, 1);
    assert_int_equal(card.napi.stats.packets, 3);
    assert_int_equal(card.napi.stats.frames_per_poll[2], 1);
    assert_false(card.napi.scheduled);
    netif_napi_del(&card.napi);
}

TEST("a full poll stays in polling, with the interrupt masked")
{
    card_setup();
    sysctl_set(core.net, "net.core.napi_defer_us", "0");
    card.waiting = 64 + 10;
    napi_schedule_irq(&card.napi);
    host_run();
    assert_int_equal(card.napi.stats.full_polls, 1);
    assert_int_equal(card.napi.stats.polls, 2);
    assert_int_equal(card.napi.stats.frames_per_poll[7], 1);
    assert_int_equal(card.unmasked, 1);
    netif_napi_del(&card.napi);
}

TEST("after work a card is polled on for napi_defer_us before its interrupt is unmasked")
{
    card_setup();
    card.waiting = 1;
    napi_schedule_irq(&card.napi);
    for (unsigned us = 0; us < NAPI_DEFER_USECS; us += 10) {
        do_softirq();
        assert_int_equal(card.unmasked, 0);
        assert_true(softirq_pending());
        udelay(10); /* the clock of a real machine moves meanwhile */
    }
    do_softirq();
    assert_int_equal(card.unmasked, 1);
    assert_true(card.napi.stats.deferred >= 20);
    assert_int_equal(card.napi.stats.irqs, 1);
    netif_napi_del(&card.napi);
}

TEST("a frame during that time starts it anew, and a false alarm starts none")
{
    card_setup();
    card.waiting = 1;
    napi_schedule_irq(&card.napi);
    do_softirq();
    udelay(150);
    card.waiting = 1;
    do_softirq();
    udelay(150);
    do_softirq();
    assert_int_equal(card.unmasked, 0);
    udelay(100);
    do_softirq();
    assert_int_equal(card.unmasked, 1);
    udelay(1000);
    napi_schedule_irq(&card.napi);
    do_softirq();
    assert_int_equal(card.unmasked, 2);
    netif_napi_del(&card.napi);
}

TEST("a virtual clock, which waits for us, is not waited for")
{
    card_setup();
    card.waiting = 1;
    napi_schedule_irq(&card.napi);
    host_run();
    assert_int_equal(card.unmasked, 1);
    netif_napi_del(&card.napi);
}

TEST("a busy card and the backlog take turns")
{
    struct listener l;
    uint8_t frame[100];
    struct sk_buff *skb;

    card_setup();
    listen_to(&l, PROTO, NULL);
    card.waiting = 10000;
    napi_schedule_irq(&card.napi);
    skb = core_skb(frame, make_frame(frame, core_mac, PROTO, 50));
    eth_type_trans(skb, core.dev);
    netif_rx(skb);
    do_softirq();
    assert_int_equal(l.count, 1);
    assert_true(card.waiting >= 10000 - 320);
    card.waiting = 0;
    host_run();
    netif_napi_del(&card.napi);
    dev_remove_pack(&l.pt);
}

TEST("a NAPI may be added before its device is registered")
{
    struct net_device *dev = alloc_etherdev(0);

    card = (struct card){.waiting = 2};
    dev->netdev_ops = &core_ops;
    netif_napi_add(dev, &card.napi, card_poll, NAPI_POLL_WEIGHT);
    assert_int_equal(register_netdev(core.net, dev), 0);
    napi_schedule(&card.napi);
    host_run();
    assert_int_equal(card.waiting, 0);
    assert_ptr_equal(dev->napi, &card.napi);
    unregister_netdev(dev);
    netif_napi_del(&card.napi);
    free_netdev(dev);
}

/* --- out --- */

TEST("while the ring is full packets wait in order, up to tx_queue_len, and go out on wake-up")
{
    core.dev->tx_queue_len = 4;
    core.busy = true;
    for (unsigned i = 0; i < 6; i++) {
        struct sk_buff *skb = out_frame(60);
        skb->data[0] = (uint8_t)i;
        assert_int_equal(dev_queue_xmit(skb), i < 4 ? 0 : -ENOBUFS);
    }
    assert_true(core.dev->queue_stopped);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_DEV_XMIT_FULL], 2);
    assert_int_equal(core.dev->stats.tx_dropped, 2);
    core.busy = false;
    netif_wake_queue(core.dev);
    assert_int_equal(core.count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(core_sent(i)[0], i);
}

TEST("a tap sees a packet once although the driver refused it at first")
{
    struct listener tap;

    listen_to(&tap, ETH_P_ALL, NULL);
    core.busy = true;
    dev_queue_xmit(out_frame(60));
    dev_queue_xmit(out_frame(60));
    core.busy = false;
    netif_wake_queue(core.dev);
    assert_int_equal(core.count, 2);
    assert_int_equal(tap.outgoing, 2);
    dev_remove_pack(&tap.pt);
}

static enum netdev_tx waking_xmit(struct sk_buff *skb, struct net_device *dev)
{
    netif_wake_queue(dev); /* a driver that reclaims its ring before it uses it */
    return core_xmit(skb, dev);
}

TEST("a driver may wake its queue from within ndo_start_xmit")
{
    static const struct net_device_ops ops = {.ndo_start_xmit = waking_xmit};

    core.dev->netdev_ops = &ops;
    netif_stop_queue(core.dev);
    for (unsigned i = 0; i < 3; i++) {
        struct sk_buff *skb = out_frame(60);
        skb->data[0] = (uint8_t)i;
        dev_queue_xmit(skb);
    }
    assert_int_equal(core.count, 0);
    netif_wake_queue(core.dev);
    host_run();
    assert_int_equal(core.count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(core_sent(i)[0], i);
    core.dev->netdev_ops = &core_ops;
}

TEST("closing the device drops what waits")
{
    core.busy = true;
    dev_queue_xmit(out_frame(60));
    dev_close(core.dev);
    assert_int_equal(core.net->skb_count, 0);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_DEV_READY], 1);
    assert_int_equal(core.dev->stats.tx_dropped, 1);
    assert_int_equal(core.dev->stats.rx_dropped, 0);
    assert_false(core.dev->queue_stopped);
}

TEST("a queue stopped for watchdog_ms is reported to the driver, a working one never")
{
    core.dev->watchdog_ms = 2000;
    netif_stop_queue(core.dev);
    host_advance_ms(1500);
    netif_wake_queue(core.dev);
    netif_stop_queue(core.dev);
    host_advance_ms(1900);
    assert_int_equal(core.timeouts, 0);
    host_advance_ms(200);
    assert_int_equal(core.timeouts, 1);
    assert_int_equal(core.dev->stats.tx_timeouts, 1);
    host_advance_ms(2000);
    assert_int_equal(core.timeouts, 2);
    netif_wake_queue(core.dev);
    host_advance_ms(10000);
    assert_int_equal(core.timeouts, 2);
}

TEST("a doorbell asked for many times rings once, in the next softirq")
{
    for (unsigned i = 0; i < 5; i++)
        netif_tx_kick_later(core.dev);
    assert_int_equal(core.kicks, 0);
    host_run();
    assert_int_equal(core.kicks, 1);
    netif_tx_kick_later(core.dev);
    host_run();
    assert_int_equal(core.kicks, 2);
}

static struct sk_buff *fragmented(void)
{
    struct sk_buff *skb = out_frame(54);
    struct page *page = alloc_pages(0);

    memset(page_address(page), 0x44, 1000);
    skb_add_rx_frag(skb, page, 0, 1000, PAGE_SIZE);
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = (uint16_t)(skb_headroom(skb) + 34);
    skb->csum_offset = 16;
    return skb;
}

TEST("fragments and unfinished checksums reach only a card that can take them")
{
    dev_queue_xmit(fragmented());
    core.dev->features = NETIF_F_SG | NETIF_F_HW_CSUM;
    dev_queue_xmit(fragmented());
    assert_int_equal(core.sent[0].nr_frags, 0);
    assert_int_equal(core.sent[0].ip_summed, CHECKSUM_NONE);
    assert_int_equal(core.sent[1].nr_frags, 1);
    assert_int_equal(core.sent[1].ip_summed, CHECKSUM_PARTIAL);
    assert_int_equal(core.sent[0].len, 1054);
    assert_memory_equal(core_sent(0) + 54, core_sent(1) + 54, 1000);
}

TEST("without memory to make a packet fit it is dropped, not sent wrong")
{
    struct sk_buff *skb = fragmented();

    host_fail_allocation(1);
    assert_int_equal(dev_queue_xmit(skb), -ENOMEM);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_NOMEM], 1);
    assert_int_equal(core.count, 0);
}

TEST("a frame longer than the MTU is dropped")
{
    assert_int_equal(dev_queue_xmit(out_frame(1514)), 0);
    assert_int_equal(dev_queue_xmit(out_frame(1515)), -EMSGSIZE);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_TX_TOO_LONG], 1);
    assert_int_equal(dev_set_mtu(core.dev, 67), -EINVAL);
    assert_int_equal(dev_set_mtu(core.dev, 576), 0);
    assert_int_equal(dev_queue_xmit(out_frame(591)), -EMSGSIZE);
}

/* --- names, lists, addresses --- */

TEST("devices are numbered and named in the order they come, and a name is given once")
{
    struct net_device *second = core_device(core.net), *twin = alloc_etherdev(8);

    assert_string_equal(core.dev->name, "eth0");
    assert_string_equal(second->name, "eth1");
    assert_int_equal(second->ifindex, 3);
    assert_ptr_equal(dev_get_by_name(core.net, "eth1"), second);
    assert_ptr_equal(dev_get_by_index(core.net, 3), second);
    assert_null(dev_get_by_name(core.net, "eth2"));
    strcpy(twin->name, "lo");
    assert_int_equal(register_netdev(core.net, twin), -EEXIST);
    free_netdev(twin);
    unregister_netdev(second);
    free_netdev(second);
}

TEST("promiscuity and multicast groups are counted, and the card hears only of changes")
{
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    unsigned before = core.rx_modes;

    assert_int_equal(dev_set_promiscuity(core.dev, 1), 0);
    assert_int_equal(dev_set_promiscuity(core.dev, 1), 0);
    assert_int_equal(dev_set_promiscuity(core.dev, -1), 0);
    assert_true(core.dev->flags & DEV_IFF_PROMISC);
    assert_int_equal(dev_set_promiscuity(core.dev, -1), 0);
    assert_false(core.dev->flags & DEV_IFF_PROMISC);
    assert_int_equal(dev_set_promiscuity(core.dev, -1), -EINVAL);
    assert_int_equal(core.rx_modes, before + 2);
    assert_int_equal(dev_mc_add(core.dev, group), 0);
    assert_int_equal(dev_mc_add(core.dev, group), 0);
    assert_int_equal(dev_mc_del(core.dev, group), 0);
    assert_false(list_empty(&core.dev->mc_list));
    assert_int_equal(dev_mc_del(core.dev, group), 0);
    assert_int_equal(dev_mc_del(core.dev, group), -ENOENT);
    assert_int_equal(core.rx_modes, before + 4);
}

TEST("an address is refused that no host can have")
{
    struct net_device *dev = core.dev;

    assert_int_equal(inet_addr_add(dev, core_ip(10, 0, 0, 0), 24), -EINVAL);
    assert_int_equal(inet_addr_add(dev, core_ip(10, 0, 0, 255), 24), -EINVAL);
    assert_int_equal(inet_addr_add(dev, core_ip(0, 0, 0, 1), 24), -EINVAL);
    assert_int_equal(inet_addr_add(dev, core_ip(224, 0, 0, 1), 24), -EINVAL);
    assert_int_equal(inet_addr_add(dev, core_ip(255, 255, 255, 255), 32), -EINVAL);
    assert_int_equal(inet_addr_add(dev, core_ip(10, 0, 0, 1), 0), -EINVAL);
    assert_int_equal(inet_addr_add(dev, core_ip(10, 0, 0, 1), 33), -EINVAL);
    assert_int_equal(inet_addr_add(dev, core_ip(10, 0, 0, 0), 31), 0); /* RFC 3021 */
    assert_int_equal(inet_addr_add(dev, core_ip(10, 0, 0, 0), 31), -EEXIST);
    host_fail_allocation(1);
    assert_int_equal(inet_addr_add(dev, core_ip(10, 0, 0, 9), 32), -ENOMEM);
}

TEST("the address to send from is one on the destination's subnet, else the first, never a tentative one")
{
    struct net_device *dev = core.dev;

    assert_int_equal(inet_select_addr(dev, core_ip(8, 8, 8, 8)), 0);
    inet_addr_add(dev, core_ip(10, 0, 0, 1), 24);
    inet_addr_add(dev, core_ip(10, 1, 0, 1), 16);
    assert_int_equal(inet_addr_find(core.net, dev, core_ip(10, 1, 0, 1))->broadcast,
                     core_ip(10, 1, 255, 255));
    assert_int_equal(inet_select_addr(dev, core_ip(8, 8, 8, 8)), core_ip(10, 0, 0, 1));
    assert_int_equal(inet_select_addr(dev, core_ip(10, 1, 7, 7)), core_ip(10, 1, 0, 1));
    inet_addr_find(core.net, NULL, core_ip(10, 0, 0, 1))->tentative = true;
    assert_int_equal(inet_select_addr(dev, core_ip(10, 0, 0, 9)), core_ip(10, 1, 0, 1));
    assert_int_equal(inet_addr_del(dev, core_ip(10, 1, 0, 1)), 0);
    assert_int_equal(inet_addr_del(dev, core_ip(10, 1, 0, 1)), -EADDRNOTAVAIL);
    assert_int_equal(inet_select_addr(dev, core_ip(10, 1, 7, 7)), 0);
}

static char heard[256];

static void hear(struct netdev_notifier *self, enum netdev_event event, struct net_device *dev,
                 struct in_ifaddr *ifa)
{
    static const char letters[] = "RXUDCad";

    if (dev != core.net->loopback_dev)
        strncat(heard, &letters[event], 1);
}

TEST("who registers for news hears what is there already, then what happens")
{
    struct netdev_notifier n = {.call = hear};

    heard[0] = '\0';
    inet_addr_add(core.dev, core_ip(10, 0, 0, 1), 24);
    register_netdev_notifier(core.net, &n);
    assert_string_equal(heard, "RUa");
    heard[0] = '\0';
    netif_carrier_off(core.dev);
    netif_carrier_off(core.dev);
    netif_carrier_on(core.dev);
    dev_close(core.dev);
    dev_open(core.dev);
    struct net_device *second = core_device(core.net);
    inet_addr_add(second, core_ip(10, 0, 1, 1), 24);
    unregister_netdev(second);
    free_netdev(second);
    assert_string_equal(heard, "CCDURUaDdX");
    assert_int_equal(core.dev->stats.link_changes, 2);
    unregister_netdev_notifier(&n);
}

TEST("a stack without memory is not made, and leaves nothing")
{
    for (unsigned n = 1; n <= 2; n++) {
        host_fail_allocation(n);
        assert_null(net_create("none"));
    }
}

TEST_FIXTURE(core_setup, core_teardown)
