/*
 * test_neighbour.c - the neighbour cache: what waits, who is asked how often, who has to go.
 */
#include <errno.h>

#include "net/core/dst.h"
#include "net/core/neighbour.h"
#include "tests/unit/core_net.h"

#define US   core_ip(10, 0, 0, 1)
#define PEER core_ip(10, 0, 0, 2)

static struct neigh_table *tbl;

static int setup(void **state)
{
    core_setup(state);
    tbl = core.net->arp_tbl;
    inet_addr_add(core.dev, US, 16);
    host_advance_ms(5000); /* announcements are over */
    core_forget();
    return 0;
}

static struct neighbour *get(be32 addr)
{
    return neigh_lookup_or_create(tbl, addr, core.dev);
}

/* Sends a packet of `len` bytes the way ip_output() does. */
static int send_to(be32 addr, unsigned len)
{
    struct neighbour *n = get(addr);

    assert_non_null(n);
    int err = neigh_output(n, core_ip_packet(US, len));
    neigh_release(n);
    return err;
}

static enum neigh_state state_of(be32 addr)
{
    struct neighbour *n = neigh_lookup(tbl, addr, core.dev);
    enum neigh_state state = n ? n->state : NUD_NONE;

    if (n)
        neigh_release(n);
    return state;
}

static void reply_from(be32 addr, const uint8_t *mac)
{
    uint8_t frame[60];

    core_receive(frame, core_arp(frame, core_mac, 2, mac, addr, core_mac, US));
}

static void assert_ip_frame(size_t i, size_t len)
{
    const uint8_t *f = core_sent(i);

    assert_memory_equal(f, peer_mac, 6);
    assert_memory_equal(f + 6, core_mac, 6);
    assert_int_equal(get_unaligned_be16(f + 12), ETH_P_IP);
    assert_int_equal(f[14], 0x45);
    assert_int_equal(core.sent[i].len, 14 + len);
}

TEST("the first packet to a neighbour asks by broadcast, waits, and goes out in order with those behind it")
{
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(send_to(PEER, 40 + i), 0);
    assert_int_equal(core.count, 1);
    assert_true(core_sent_arp(0, broadcast_mac, 1, US, PEER));
    assert_int_equal(state_of(PEER), NUD_INCOMPLETE);
    core_forget();
    reply_from(PEER, peer_mac);
    assert_int_equal(state_of(PEER), NUD_REACHABLE);
    assert_int_equal(core.count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_ip_frame(i, 40 + i);
    send_to(PEER, 50);
    assert_ip_frame(3, 50);
}

TEST("a neighbour that is silent is asked three times, a second apart, then its packets fail")
{
    send_to(PEER, 40);
    for (unsigned ms = 0; ms < 2900; ms += 100) {
        assert_int_equal(core.count, 1 + ms / 1000);
        host_advance_ms(100);
    }
    assert_int_equal(core.count, 3);
    host_advance_ms(200);
    assert_int_equal(core.count, 3);
    assert_int_equal(state_of(PEER), NUD_FAILED);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_NEIGH_FAILED], 1);
}

TEST("one that failed is not asked again for a second, however much is sent to it")
{
    send_to(PEER, 40);
    host_advance_ms(3050);
    core_forget();
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(send_to(PEER, 40), -EHOSTUNREACH);
    assert_int_equal(core.count, 0);
    host_advance_ms(1000);
    assert_int_equal(send_to(PEER, 40), 0);
    assert_int_equal(core.count, 1);
    reply_from(PEER, peer_mac);
    assert_int_equal(state_of(PEER), NUD_REACHABLE);
}

TEST("never more than one request a second goes to one address (RFC 1122 2.3.2.1)")
{
    for (unsigned i = 0; i < 200; i++) {
        send_to(PEER, 40);
        host_advance_ms(50);
    }
    assert_true(core.count <= 10);
}

TEST("the queue of an unresolved neighbour is bounded, and the oldest goes")
{
    for (unsigned i = 0; i < 20; i++)
        send_to(PEER, 40 + i);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_NEIGH_QUEUEFULL], 4);
    core_forget();
    reply_from(PEER, peer_mac);
    assert_int_equal(core.count, 16);
    assert_ip_frame(0, 44);
    assert_ip_frame(15, 59);
}

TEST("packets waiting for many addresses that never answer stay within one bound")
{
    for (unsigned i = 0; i < 5000; i++) {
        send_to(core_ip(10, 0, 1 + i / 200, 1 + i % 200), 40);
        core_forget();
    }
    assert_true(tbl->queued <= 256);
    assert_true(tbl->entries <= (size_t)tbl->parms.gc_thresh3);
    assert_true(core.net->skb_count <= 256);
    neigh_ifdown(tbl, core.dev);
    assert_int_equal(core.net->skb_count, 0);
}

TEST("with the bound of all taken by silent neighbours, a new one's first packet still waits, and goes out")
{
    for (unsigned i = 0; i < 40; i++) {
        for (unsigned k = 0; k < 16; k++)
            send_to(core_ip(10, 0, 1, 1 + i), 40);
        core_forget();
    }
    assert_int_equal(tbl->queued, 256);
    uint64_t dropped = core.net->drops[SKB_DROP_REASON_NEIGH_QUEUEFULL];
    send_to(PEER, 77);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_NEIGH_QUEUEFULL], dropped + 1);
    core_forget();
    reply_from(PEER, peer_mac);
    assert_int_equal(core.count, 1);
    assert_ip_frame(0, 77);
    neigh_ifdown(tbl, core.dev);
    assert_int_equal(tbl->queued, 0);
}

TEST("of queues as long as each other, the one that has waited longest gives up a packet")
{
    for (unsigned i = 0; i < 256; i++) {
        send_to(core_ip(10, 0, 1, 0) + (i << 24), 40);
        core_forget();
    }
    send_to(PEER, 77);
    core_forget();
    reply_from(core_ip(10, 0, 1, 0), peer_mac);
    assert_int_equal(core.count, 0);
    reply_from(core_ip(10, 0, 1, 1), peer_mac);
    assert_int_equal(core.count, 1);
}

TEST("when the device has a new address, packets to known neighbours carry it")
{
    static const uint8_t new_mac[6] = {0x02, 9, 9, 9, 9, 9};

    send_to(PEER, 40);
    reply_from(PEER, peer_mac);
    send_to(PEER, 40);
    assert_int_equal(dev_set_mac_address(core.dev, new_mac), 0);
    host_run();
    core_forget();
    send_to(PEER, 40);
    assert_memory_equal(core_sent(0) + 6, new_mac, 6);
    send_to(PEER, 40);
    assert_memory_equal(core_sent(1) + 6, new_mac, 6);
}

TEST("flushing forgets what was learned and keeps what was set by hand")
{
    struct neighbour *n = get(core_ip(10, 0, 0, 9));

    neigh_update(n, peer_mac, NUD_PERMANENT, true);
    neigh_release(n);
    send_to(PEER, 40);
    reply_from(PEER, peer_mac);
    assert_int_equal(neigh_flush(tbl, core.dev), 1);
    assert_int_equal(state_of(PEER), NUD_NONE);
    assert_int_equal(state_of(core_ip(10, 0, 0, 9)), NUD_PERMANENT);
}

TEST("a scan of the subnet evicts its own entries, never a neighbour in use")
{
    tbl->parms.gc_thresh3 = 32;
    send_to(PEER, 40);
    reply_from(PEER, peer_mac);
    for (unsigned i = 0; i < 1000; i++) {
        send_to(core_ip(10, 0, 1 + i / 200, 1 + i % 200), 40);
        if (i % 50 == 0)
            send_to(PEER, 40);
        core_forget();
    }
    assert_int_equal(state_of(PEER), NUD_REACHABLE);
    assert_int_equal(tbl->entries, 32);
    assert_true(core.net->mib[MIB_NeighEvicted] > 900);
}

TEST("who only asked us is evicted before whom we talk to, and a full table of neighbours in use stays")
{
    tbl->parms.gc_thresh3 = 16;
    for (unsigned i = 0; i < 16; i++) {
        send_to(core_ip(10, 0, 1, 1 + i), 40);
        reply_from(core_ip(10, 0, 1, 1 + i), peer_mac);
    }
    for (unsigned i = 0; i < 300; i++) {
        uint8_t frame[60], mac[6] = {2, 1, 1, 1, (uint8_t)(i >> 8), (uint8_t)i};
        core_receive(frame, core_arp(frame, broadcast_mac, 1, mac, core_ip(10, 0, 2 + i / 200, 1 + i % 200),
                                     NULL, US));
        core_forget(); /* it is answered, but not remembered */
    }
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(state_of(core_ip(10, 0, 1, 1 + i)), NUD_REACHABLE);
    assert_int_equal(core.net->mib[MIB_NeighTableFull], 300);
    assert_null(get(core_ip(10, 0, 9, 9)));
    host_advance_ms(200000); /* nobody used them meanwhile */
    core_forget();
    assert_int_equal(send_to(core_ip(10, 0, 9, 9), 40), 0);
}

TEST("a failed entry is the first to go")
{
    tbl->parms.gc_thresh3 = 16;
    for (unsigned i = 0; i < 15; i++) {
        send_to(core_ip(10, 0, 1, 1 + i), 40);
        reply_from(core_ip(10, 0, 1, 1 + i), peer_mac);
    }
    send_to(core_ip(10, 0, 3, 3), 40);
    host_advance_ms(3100);
    assert_int_equal(state_of(core_ip(10, 0, 3, 3)), NUD_FAILED);
    send_to(core_ip(10, 0, 3, 4), 40);
    assert_int_equal(state_of(core_ip(10, 0, 3, 3)), NUD_NONE);
    assert_int_equal(state_of(core_ip(10, 0, 3, 4)), NUD_INCOMPLETE);
}

TEST("an unused neighbour grows stale without a question; use makes it delay, then it is asked by unicast")
{
    send_to(PEER, 40);
    reply_from(PEER, peer_mac);
    host_advance_ms(60000);
    core_forget();
    assert_int_equal(state_of(PEER), NUD_STALE);
    assert_int_equal(core.count, 0);
    send_to(PEER, 40);
    assert_ip_frame(0, 40); /* sent at once to where it was */
    assert_int_equal(state_of(PEER), NUD_DELAY);
    host_advance_ms(4900);
    assert_int_equal(core.count, 1);
    host_advance_ms(200);
    assert_int_equal(state_of(PEER), NUD_PROBE);
    assert_true(core_sent_arp(1, peer_mac, 1, US, PEER));
    reply_from(PEER, peer_mac);
    assert_int_equal(state_of(PEER), NUD_REACHABLE);
}

TEST("a neighbour that does not answer unicast probes has failed")
{
    send_to(PEER, 40);
    reply_from(PEER, peer_mac);
    struct neighbour *n = get(PEER);
    neigh_update(n, (const uint8_t[]){2, 0, 0, 0, 0, 9}, NUD_STALE, true);
    send_to(PEER, 40);
    core_forget();
    host_advance_ms(5100);
    assert_int_equal(n->state, NUD_PROBE);
    host_advance_ms(3000);
    assert_int_equal(n->state, NUD_FAILED);
    assert_int_equal(core.count, 3);
    assert_false(n->hh_valid);
    neigh_release(n);
}

TEST("an answer on a connection is as good as an ARP reply")
{
    send_to(PEER, 40);
    reply_from(PEER, peer_mac);
    struct neighbour *n = get(PEER);
    for (unsigned s = 0; s < 300; s++) {
        neigh_confirm(n);
        send_to(PEER, 40);
        core_forget();
        host_advance_ms(1000);
        assert_int_equal(core.count, 0);
    }
    assert_int_equal(n->state, NUD_REACHABLE);
    neigh_release(n);
}

TEST("a second claim to a known address does not replace it, but makes us ask")
{
    static const uint8_t liar[6] = {2, 6, 6, 6, 6, 6};

    send_to(PEER, 40);
    reply_from(PEER, peer_mac);
    reply_from(PEER, liar);
    assert_int_equal(state_of(PEER), NUD_STALE);
    core_forget();
    send_to(PEER, 40);
    assert_ip_frame(0, 40);
}

TEST("a permanent entry needs no question and listens to nobody")
{
    struct neighbour *n = get(PEER);

    neigh_update(n, peer_mac, NUD_PERMANENT, true);
    reply_from(PEER, (const uint8_t[]){2, 6, 6, 6, 6, 6});
    host_advance_ms(100000);
    send_to(PEER, 40);
    assert_int_equal(core.count, 1);
    assert_ip_frame(0, 40);
    assert_int_equal(n->state, NUD_PERMANENT);
    neigh_release(n);
}

TEST("broadcast and multicast need no question")
{
    send_to(core_ip(255, 255, 255, 255), 40);
    send_to(core_ip(10, 0, 255, 255), 40);
    send_to(core_ip(224, 129, 2, 3), 40);
    assert_int_equal(core.count, 3);
    assert_memory_equal(core_sent(0), broadcast_mac, 6);
    assert_memory_equal(core_sent(1), broadcast_mac, 6);
    assert_memory_equal(core_sent(2), "\x01\x00\x5e\x01\x02\x03", 6);
    assert_null(get(core_ip(0, 0, 0, 0)));
    assert_null(get(core_ip(127, 0, 0, 1)));
    assert_null(get(core_ip(240, 0, 0, 1)));
}

TEST("a packet without room for the link header, or one that others read, gets a head of its own")
{
    send_to(PEER, 40);
    reply_from(PEER, peer_mac);
    core_forget();
    struct neighbour *n = get(PEER);
    struct sk_buff *tight = alloc_skb(core.net, 40);
    memset(skb_put(tight, 40), 0x45, 40);
    assert_int_equal(neigh_output(n, tight), 0);
    struct sk_buff *skb = core_ip_packet(US, 40), *clone = skb_clone(skb);
    memset(skb->data - 16, 0x77, 16);
    assert_int_equal(neigh_output(n, clone), 0);
    assert_int_equal(skb->data[-1], 0x77);
    consume_skb(skb);
    assert_ip_frame(0, 40);
    assert_ip_frame(1, 40);
    neigh_release(n);
}

TEST("the device going down forgets its neighbours and what waits for them")
{
    send_to(PEER, 40);
    struct neighbour *n = get(PEER);
    dev_close(core.dev);
    assert_true(n->dead);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_NEIGH_DEAD], 1);
    assert_int_equal(neigh_output(n, core_ip_packet(US, 40)), -EHOSTUNREACH);
    neigh_release(n);
    assert_null(neigh_lookup(tbl, PEER, core.dev));
}

static unsigned failures;

static void link_failure(struct sk_buff *skb)
{
    failures++;
    kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_FAILED);
}

static void keep(struct dst_entry *dst)
{
}

TEST("a connection may confirm a neighbour that is forgotten meanwhile, and nothing comes to life")
{
    reply_from(PEER, peer_mac);
    send_to(PEER, 40);
    reply_from(PEER, peer_mac);
    struct neighbour *n = get(PEER);
    assert_int_equal(n->state, NUD_REACHABLE);
    host_advance_ms(60000);
    assert_int_equal(n->state, NUD_STALE);
    dev_close(core.dev);
    dev_open(core.dev);
    assert_true(n->dead);
    neigh_confirm(n); /* as TCP does by a route it still holds */
    assert_false(timer_pending(&n->timer));
    neigh_release(n);
    host_advance_ms(120000); /* a timer of a freed entry would fire here */
}

TEST("the sender of a packet that waited in vain is told by its route")
{
    struct dst_entry dst = {.link_failure = link_failure, .destroy = keep, .refcount = 1};
    struct sk_buff *skb = core_ip_packet(US, 40);
    struct neighbour *n = get(PEER);

    failures = 0;
    skb_dst_set(skb, dst_hold(&dst));
    neigh_output(n, skb);
    host_advance_ms(3100);
    assert_int_equal(failures, 1);
    assert_int_equal(dst.refcount, 1);
    neigh_release(n);
}

TEST("without memory there is no entry and no harm")
{
    host_fail_allocation(1);
    assert_null(get(PEER));
    struct neighbour *n = get(PEER);
    struct sk_buff *skb = core_ip_packet(US, 40);
    host_fail_allocation(1); /* the request */
    assert_int_equal(neigh_output(n, skb), 0);
    assert_int_equal(core.count, 0);
    host_advance_ms(1000);
    assert_int_equal(core.count, 1);
    neigh_release(n);
}

TEST("every state has a name")
{
    assert_string_equal(neigh_state_name(NUD_REACHABLE), "REACHABLE");
    assert_string_equal(neigh_state_name(NUD_PERMANENT), "PERMANENT");
    assert_string_equal(neigh_state_name(99), "?");
}

TEST_FIXTURE(setup, core_teardown)
