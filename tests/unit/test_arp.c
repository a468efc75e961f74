/*
 * test_arp.c - ARP on the wire: questions, answers, claims and lies (RFC 826, RFC 5227).
 */
#include <errno.h>

#include "net/core/neighbour.h"
#include "net/core/sysctl.h"
#include "tests/unit/core_net.h"

#define US   core_ip(10, 0, 0, 1)
#define PEER core_ip(10, 0, 0, 2)
#define ZERO core_ip(0, 0, 0, 0)

static int setup(void **state)
{
    core_setup(state);
    inet_addr_add(core.dev, US, 24);
    host_advance_ms(15000);
    core_forget();
    return 0;
}

static void arp(const uint8_t *dst, unsigned op, const uint8_t *sha, be32 sip, be32 tip)
{
    uint8_t frame[60];

    core_receive(frame, core_arp(frame, dst, op, sha, sip, NULL, tip));
}

static enum neigh_state state_of(be32 addr)
{
    struct neighbour *n = neigh_lookup(core.net->arp_tbl, addr, core.dev);
    enum neigh_state state = n ? n->state : NUD_NONE;

    if (n)
        neigh_release(n);
    return state;
}

static uint64_t drops(enum skb_drop_reason reason)
{
    return core.net->drops[reason];
}

/* --- answering --- */

TEST("a request for our address is answered by unicast, and the asker remembered") /* 826-1, 826-4 */
{
    arp(broadcast_mac, 1, peer_mac, PEER, US);
    assert_int_equal(core.count, 1);
    assert_true(core_sent_arp(0, peer_mac, 2, US, PEER));
    assert_memory_equal(core_sent(0) + 32, peer_mac, 6);
    assert_int_equal(state_of(PEER), NUD_STALE);
    assert_int_equal(core.net->mib[MIB_ArpRequestsReceived], 1);
    assert_int_equal(core.net->mib[MIB_ArpRepliesSent], 1);
}

TEST("a request for another address is not answered and teaches nothing") /* 826-4 */
{
    arp(broadcast_mac, 1, peer_mac, PEER, core_ip(10, 0, 0, 3));
    assert_int_equal(core.count, 0);
    assert_int_equal(state_of(PEER), NUD_NONE);
    assert_int_equal(drops(SKB_DROP_REASON_ARP_IGNORED), 1);
}

TEST("any packet of a known sender updates its entry") /* 826-3 */
{
    static const uint8_t new_card[6] = {2, 7, 7, 7, 7, 7};

    arp(broadcast_mac, 1, peer_mac, PEER, US);
    host_advance_ms(1500);
    arp(broadcast_mac, 1, new_card, PEER, PEER); /* it announces itself */
    struct neighbour *n = neigh_lookup(core.net->arp_tbl, PEER, core.dev);
    assert_memory_equal(n->ha, new_card, 6);
    neigh_release(n);
}

TEST("replies nobody asked for make no entries")
{
    for (unsigned i = 0; i < 200; i++)
        arp(core_mac, 2, (const uint8_t[]){2, 8, 8, 8, 8, (uint8_t)i}, core_ip(10, 0, 0, 20 + i), US);
    assert_int_equal(core.net->arp_tbl->entries, 0);
    assert_int_equal(drops(SKB_DROP_REASON_ARP_IGNORED), 200);
}

TEST("a reply to an unsolicited neighbour leaves it unverified")
{
    arp(broadcast_mac, 1, peer_mac, PEER, US);
    arp(core_mac, 2, peer_mac, PEER, US);
    assert_int_equal(state_of(PEER), NUD_STALE);
}

TEST("a probe for our address is answered and teaches nothing") /* 5227-1 */
{
    arp(broadcast_mac, 1, peer_mac, ZERO, US);
    assert_int_equal(core.count, 1);
    assert_true(core_sent_arp(0, peer_mac, 2, US, ZERO));
    assert_int_equal(core.net->arp_tbl->entries, 0);
}

TEST("an asker from another subnet gets its answer but no entry")
{
    arp(broadcast_mac, 1, peer_mac, core_ip(192, 168, 7, 7), US);
    assert_true(core_sent_arp(0, peer_mac, 2, US, core_ip(192, 168, 7, 7)));
    assert_int_equal(core.net->arp_tbl->entries, 0);
}

/* --- damaged and hostile --- */

TEST("wrong hardware type, protocol, lengths and operations are ignored by name") /* 826-2 */
{
    static const struct {
        unsigned at;
        uint8_t value;
    } damage[] = {{15, 2}, {14, 1}, {16, 0x86}, {17, 1}, {18, 5}, {19, 16}, {21, 0}, {21, 3}, {20, 1}};
    uint8_t frame[60];

    for (unsigned i = 0; i < ARRAY_SIZE(damage); i++) {
        core_arp(frame, broadcast_mac, 1, peer_mac, PEER, NULL, US);
        frame[damage[i].at] = damage[i].value;
        core_receive(frame, 60);
        assert_int_equal(drops(SKB_DROP_REASON_ARP_INVALID), i + 1);
    }
    assert_int_equal(core.count, 0);
    assert_int_equal(core.net->arp_tbl->entries, 0);
}

TEST("a packet cut short at any byte is dropped")
{
    uint8_t frame[60];

    core_arp(frame, broadcast_mac, 1, peer_mac, PEER, NULL, US);
    for (size_t len = 14; len < 42; len++)
        core_receive(frame, len);
    assert_int_equal(drops(SKB_DROP_REASON_PKT_TOO_SMALL), 28);
    core_receive(frame, 42);
    assert_int_equal(core.count, 1);
}

TEST("martian senders and targets, and senders without a proper link address, are refused")
{
    const be32 martians[] = {core_ip(127, 0, 0, 1), core_ip(224, 0, 0, 1),       core_ip(240, 0, 0, 1),
                             core_ip(0, 0, 0, 7),   core_ip(255, 255, 255, 255), core_ip(10, 0, 0, 255)};

    for (unsigned i = 0; i < ARRAY_SIZE(martians); i++)
        arp(broadcast_mac, 1, peer_mac, martians[i], US);
    arp(broadcast_mac, 1, peer_mac, PEER, core_ip(224, 0, 0, 1));
    arp(broadcast_mac, 1, broadcast_mac, PEER, US);
    arp(broadcast_mac, 1, (const uint8_t[6]){0}, PEER, US);
    arp(core_mac, 2, peer_mac, ZERO, US);
    assert_int_equal(drops(SKB_DROP_REASON_ARP_INVALID), 10);
    assert_int_equal(core.count, 0);
    assert_int_equal(core.net->arp_tbl->entries, 0);
}

TEST("a frame to somebody else's link address is not ours to read")
{
    arp((const uint8_t[]){2, 9, 9, 9, 9, 9}, 1, peer_mac, PEER, US);
    assert_int_equal(drops(SKB_DROP_REASON_OTHERHOST), 1);
    assert_int_equal(core.count, 0);
}

TEST("eight thousand senders neither grow the table past its bound nor displace a neighbour in use")
{
    struct neighbour *n = neigh_lookup_or_create(core.net->arp_tbl, PEER, core.dev);

    core.net->arp_tbl->parms.gc_thresh3 = 64;
    inet_addr_add(core.dev, core_ip(10, 7, 0, 1), 16);
    neigh_output(n, core_ip_packet(US, 40));
    arp(core_mac, 2, peer_mac, PEER, US);
    neigh_release(n);
    for (unsigned i = 0; i < 8000; i++) {
        arp(broadcast_mac, 1, (const uint8_t[]){2, 8, 8, 8, (uint8_t)(i >> 8), (uint8_t)i},
            core_ip(10, 7, 1 + i / 200, 1 + i % 200), core_ip(10, 7, 0, 1));
        core_forget();
    }
    assert_int_equal(core.net->arp_tbl->entries, 64);
    assert_int_equal(state_of(PEER), NUD_REACHABLE);
}

/* --- our address --- */

TEST("a new address is announced twice, two seconds apart") /* 5227-2 */
{
    inet_addr_add(core.dev, core_ip(10, 0, 0, 9), 24);
    assert_int_equal(core.count, 1);
    assert_true(core_sent_arp(0, broadcast_mac, 1, core_ip(10, 0, 0, 9), core_ip(10, 0, 0, 9)));
    host_advance_ms(1900);
    assert_int_equal(core.count, 1);
    host_advance_ms(200);
    assert_int_equal(core.count, 2);
    assert_true(core_sent_arp(1, broadcast_mac, 1, core_ip(10, 0, 0, 9), core_ip(10, 0, 0, 9)));
    host_advance_ms(60000);
    assert_int_equal(core.count, 2);
}

TEST("a link that comes back is announced on")
{
    netif_carrier_off(core.dev);
    inet_addr_add(core.dev, core_ip(10, 0, 0, 9), 24);
    assert_int_equal(core.count, 0);
    netif_carrier_on(core.dev);
    assert_int_equal(core.count, 2); /* both addresses */
}

TEST("who claims our address is answered once in ten seconds, and not believed") /* 5227-3 */
{
    for (unsigned s = 0; s < 60; s++) {
        for (unsigned i = 0; i < 20; i++) {
            arp(broadcast_mac, 1, peer_mac, US, US);
            arp(broadcast_mac, 2, peer_mac, US, PEER);
        }
        host_advance_ms(1000);
    }
    assert_int_equal(core.count, 6);
    assert_true(core_sent_arp(0, broadcast_mac, 1, US, US));
    assert_int_equal(core.net->arp_tbl->entries, 0);
    assert_int_equal(core.net->mib[MIB_ArpConflicts], 60 * 40);
    assert_int_equal(drops(SKB_DROP_REASON_ARP_CONFLICT), 60 * 40);
    assert_false(inet_addr_find(core.net, core.dev, US)->tentative);
}

TEST("our own announcement, come back to us, is no conflict")
{
    arp(broadcast_mac, 1, core_mac, US, US);
    assert_int_equal(core.count, 0);
    assert_int_equal(core.net->mib[MIB_ArpConflicts], 0);
}

/* --- duplicate-address detection --- */

static struct {
    unsigned calls;
    bool conflict;
    be32 addr;
} outcome;

static void done(struct net_device *dev, be32 addr, const uint8_t *conflict, void *ctx)
{
    outcome.calls++;
    outcome.conflict = conflict;
    outcome.addr = addr;
    assert_ptr_equal(ctx, &outcome);
}

#define NEW core_ip(10, 0, 0, 77)

/* Adds NEW with probing asked for. */
static struct in_ifaddr *probe_new(void)
{
    memset(&outcome, 0, sizeof(outcome));
    assert_int_equal(sysctl_set(core.net, "net.ipv4.arp_probe", "1"), 0);
    assert_int_equal(inet_addr_add(core.dev, NEW, 24), 0);
    struct in_ifaddr *ifa = inet_addr_find(core.net, core.dev, NEW);
    assert_true(ifa->tentative);
    assert_int_equal(arp_dad_start(core.dev, ifa, done, &outcome), 0);
    return ifa;
}

TEST("with arp_probe an address is probed for three times, not used meanwhile, then announced") /* 5227-2 */
{
    struct in_ifaddr *ifa = probe_new();

    host_advance_ms(1000);
    assert_true(core.count >= 1);
    assert_true(core_sent_arp(0, broadcast_mac, 1, ZERO, NEW));
    arp(broadcast_mac, 1, peer_mac, PEER, NEW); /* somebody looks for it: no answer yet */
    host_advance_ms(2500);
    assert_int_equal(core.count, 3);
    assert_true(core_sent_arp(2, broadcast_mac, 1, ZERO, NEW));
    assert_true(ifa->tentative);
    assert_int_equal(outcome.calls, 0);
    host_advance_ms(2000);
    assert_false(ifa->tentative);
    assert_int_equal(outcome.calls, 1);
    assert_false(outcome.conflict);
    assert_true(core_sent_arp(3, broadcast_mac, 1, NEW, NEW));
    host_advance_ms(10000);
    assert_int_equal(core.count, 5);
    core_forget();
    arp(broadcast_mac, 1, peer_mac, PEER, NEW);
    assert_true(core_sent_arp(0, peer_mac, 2, NEW, PEER));
}

static void assert_conflict(void)
{
    assert_int_equal(outcome.calls, 1);
    assert_true(outcome.conflict);
    assert_int_equal(outcome.addr, NEW);
    core_forget();
    host_advance_ms(20000);
    assert_int_equal(core.count, 0); /* never announced, never defended */
    assert_true(inet_addr_find(core.net, core.dev, NEW)->tentative);
    assert_int_equal(outcome.calls, 1);
}

TEST("an answer to a probe ends it: the address is somebody else's")
{
    probe_new();
    host_advance_ms(1500);
    arp(core_mac, 2, peer_mac, NEW, ZERO);
    assert_conflict();
}

TEST("a packet from the address during the last wait is a conflict too")
{
    probe_new();
    host_advance_ms(3500);
    arp(broadcast_mac, 1, peer_mac, NEW, PEER);
    assert_conflict();
}

TEST("somebody else probing for the same address is a conflict")
{
    probe_new();
    host_advance_ms(500);
    arp(broadcast_mac, 1, peer_mac, ZERO, NEW);
    assert_conflict();
}

TEST("without a link probing waits for one")
{
    netif_carrier_off(core.dev);
    probe_new();
    host_advance_ms(20000);
    assert_int_equal(core.count, 0);
    assert_int_equal(outcome.calls, 0);
    netif_carrier_on(core.dev);
    core_forget();
    host_advance_ms(10000);
    assert_int_equal(outcome.calls, 1);
    assert_false(outcome.conflict);
}

TEST("an address may be removed while it is probed for, and from within the outcome")
{
    probe_new();
    host_advance_ms(500);
    assert_int_equal(inet_addr_del(core.dev, NEW), 0);
    host_advance_ms(10000);
    assert_int_equal(outcome.calls, 0);
}

static void remove_it(struct net_device *dev, be32 addr, const uint8_t *conflict, void *ctx)
{
    inet_addr_del(dev, addr);
}

TEST("who hears of a conflict may give the address up at once")
{
    struct in_ifaddr *ifa = probe_new();

    arp_dad_start(core.dev, ifa, remove_it, NULL);
    host_advance_ms(500);
    arp(core_mac, 2, peer_mac, NEW, ZERO);
    assert_null(inet_addr_find(core.net, core.dev, NEW));
}

TEST("without arp_probe the outcome is told at once")
{
    memset(&outcome, 0, sizeof(outcome));
    inet_addr_add(core.dev, NEW, 24);
    struct in_ifaddr *ifa = inet_addr_find(core.net, core.dev, NEW);
    ifa->tentative = true;
    assert_int_equal(arp_dad_start(core.dev, ifa, done, &outcome), 0);
    assert_false(ifa->tentative);
    assert_int_equal(outcome.calls, 1);
}

/* --- two cards, and other people's addresses --- */

#define OTHER_US core_ip(10, 1, 0, 1)
#define FAR      core_ip(10, 1, 0, 77)

static struct net_device *other;
static bool forwarding;

static struct net_device *route_out(struct net *net, be32 daddr)
{
    return be32_to_cpu(daddr) >> 8 == 0x0a0100   ? other
           : be32_to_cpu(daddr) >> 8 == 0x0a0000 ? core.dev
                                                 : NULL;
}

static bool route_forwards(struct net *net, const struct net_device *in)
{
    return forwarding;
}

static const struct arp_route_ops route_ops = {.out_dev = route_out, .forwards = route_forwards};

static void second_card(void)
{
    static const uint8_t other_mac[6] = {0x02, 0, 0, 0, 0, 0x55};

    other = core_device(core.net);
    dev_set_mac_address(other, other_mac);
    assert_int_equal(inet_addr_add(other, OTHER_US, 24), 0);
    arp_set_route_ops(core.net, &route_ops);
    forwarding = true;
    host_advance_ms(15000);
    core_forget();
}

static void second_card_goes(void)
{
    arp_set_route_ops(core.net, NULL);
    unregister_netdev(other);
    free_netdev(other);
}

static void set(const char *name, const char *value)
{
    assert_int_equal(sysctl_set(core.net, name, value), 0);
}

/* Whether a request for `tip` that arrives on eth0 is answered. */
static bool answers(be32 sip, be32 tip)
{
    core_forget();
    arp(broadcast_mac, 1, peer_mac, sip, tip);
    bool answered = core.count == 1 && core_sent_arp(0, peer_mac, 2, tip, sip);
    assert_true(answered || !core.count);
    core_forget();
    return answered;
}

TEST("a card answers for its own addresses, and for the other card's only with arp_ignore=0")
{
    second_card();
    assert_true(answers(PEER, US));
    assert_false(answers(PEER, OTHER_US));
    set("net.ipv4.conf.eth0.arp_ignore", "0");
    assert_true(answers(PEER, OTHER_US));
    set("net.ipv4.conf.eth0.arp_ignore", "2");
    assert_true(answers(PEER, US));
    assert_false(answers(FAR, US));           /* the asker is of another subnet */
    set("net.ipv4.conf.all.arp_ignore", "8"); /* the larger of the two holds */
    assert_false(answers(PEER, US));
    second_card_goes();
}

TEST("with arp_filter a card answers those whom we would send to by it")
{
    second_card();
    set("net.ipv4.conf.eth0.arp_filter", "1");
    assert_true(answers(PEER, US));
    assert_false(answers(FAR, US));
    second_card_goes();
}

TEST("with proxy_arp a router answers for hosts behind its other card") /* RFC 1027 */
{
    second_card();
    assert_false(answers(PEER, FAR));
    set("net.ipv4.conf.eth0.proxy_arp", "1");
    assert_true(answers(PEER, FAR));
    assert_int_equal(state_of(PEER), NUD_STALE);
    assert_false(answers(PEER, core_ip(10, 0, 0, 3)));    /* behind this card itself */
    assert_false(answers(PEER, core_ip(192, 168, 9, 9))); /* not reached at all */
    assert_false(answers(ZERO, FAR));                     /* a probe: who asks may have it */
    assert_false(answers(FAR, FAR));                      /* an announcement */
    forwarding = false;
    assert_false(answers(PEER, FAR));
    second_card_goes();
}

TEST("a proxy entry answers for one address, as long as we forward")
{
    second_card();
    assert_int_equal(arp_proxy_add(core.dev, FAR), 0);
    assert_int_equal(arp_proxy_add(core.dev, FAR), -EEXIST);
    assert_true(answers(PEER, FAR));
    assert_false(answers(PEER, core_ip(10, 1, 0, 78)));
    forwarding = false;
    assert_false(answers(PEER, FAR));
    assert_int_equal(arp_proxy_del(core.dev, FAR), 0);
    assert_int_equal(arp_proxy_del(core.dev, FAR), -ENOENT);
    assert_int_equal(arp_proxy_add(other, FAR), 0);
    second_card_goes(); /* and takes its entry along */
}

/* The source of the question that a packet from `saddr` to the peer sets off. */
static be32 asks_by(be32 saddr)
{
    struct neighbour *n = neigh_lookup_or_create(core.net->arp_tbl, PEER, core.dev);
    be32 source;

    core_forget();
    neigh_output(n, core_ip_packet(saddr, 40));
    neigh_release(n);
    assert_int_equal(core.count, 1);
    memcpy(&source, core_sent(0) + 28, sizeof(source));
    neigh_forget(core.net->arp_tbl, PEER, core.dev);
    return source;
}

TEST(
    "who asks for a neighbour is an address of its network, whatever the packet's; arp_announce changes that")
{
    be32 second = core_ip(10, 0, 0, 200);

    second_card();
    inet_addr_add(core.dev, second, 24);
    assert_int_equal(asks_by(second), second);
    assert_int_equal(asks_by(OTHER_US), US);
    be32 beside = core_ip(10, 0, 0, 99); /* the other card is on the same network */
    inet_addr_add(other, beside, 24);
    assert_int_equal(asks_by(beside), US);
    assert_int_equal(asks_by(core_ip(8, 8, 8, 8)), US); /* of somebody else, who sends through us */
    set("net.ipv4.conf.default.arp_announce", "0");
    set("net.ipv4.conf.eth0.arp_announce", "0");
    assert_int_equal(asks_by(OTHER_US), OTHER_US);
    set("net.ipv4.conf.all.arp_announce", "2");
    assert_int_equal(asks_by(second), US);
    second_card_goes();
}

TEST("a device that comes later starts with the settings of net.ipv4.conf.default")
{
    char value[8];

    set("net.ipv4.conf.default.proxy_arp", "1");
    second_card();
    assert_int_equal(sysctl_get(core.net, "net.ipv4.conf.eth1.proxy_arp", value, sizeof(value)), 1);
    assert_string_equal(value, "1");
    assert_int_equal(sysctl_get(core.net, "net.ipv4.conf.eth0.proxy_arp", value, sizeof(value)), 1);
    assert_string_equal(value, "0");
    second_card_goes();
    assert_int_equal(sysctl_get(core.net, "net.ipv4.conf.eth1.proxy_arp", value, sizeof(value)), -ENOENT);
}

TEST("without memory ARP does not start, or does not answer, and nothing breaks")
{
    struct net *net = net_create("second");

    for (unsigned n = 1; n <= 2; n++) {
        host_fail_allocation(n);
        assert_int_equal(arp_init(net), -ENOMEM);
    }
    net_destroy(net);
    for (unsigned n = 1; n <= 5; n++) {
        uint8_t frame[60];
        struct sk_buff *skb;
        core_arp(frame, broadcast_mac, 1, peer_mac, PEER, NULL, US);
        skb = core_skb(frame, 60);
        eth_type_trans(skb, core.dev);
        host_fail_allocation(n);
        netif_receive_skb(skb);
        host_fail_allocation(0);
        neigh_ifdown(core.net->arp_tbl, core.dev);
    }
}

TEST_FIXTURE(setup, core_teardown)
