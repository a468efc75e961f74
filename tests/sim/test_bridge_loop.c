/*
 * test_bridge_loop.c - three Skiffs as bridges in a ring, a station behind two of them, and links that lose
 * frames: the spanning tree makes a tree of the ring, and another one when a link is cut.
 *
 *     station a - [bridge 0] --- link 0 --- [bridge 1]
 *                     \                       /
 *                    link 2               link 1
 *                         \               /
 *                          [bridge 2] - station b
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/ethernet/bridge.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define BRIDGES    3
#define PORTS      3
#define FRAME_TYPE 0x88b5
#define SETTLE_MS  60000 /* max age, and twice forward delay, and some */

struct station {
    struct net *net;
    struct net_device *dev;
    struct packet_type listener;
    unsigned heard;
};

static struct ring {
    struct sim_link *links[BRIDGES], *leaves[2];
    struct net *nets[BRIDGES];
    struct net_device *bridges[BRIDGES], *ports[BRIDGES][PORTS];
    struct station stations[2];
    unsigned cut; /* bit per link: everything is lost on it */
} ring;

static struct net *stack(const char *name)
{
    skb_init();
    sock_init();
    struct net *net = net_create(name);
    assert_non_null(net);
    assert_int_equal(inet_init(net), 0);
    return net;
}

/* Every card of the ring has an address of its own. */
static struct net_device *plug(struct net *net, struct sim_link *link)
{
    static uint8_t next;
    struct net_device *dev = sim_device_create(link, net);

    assert_non_null(dev);
    assert_int_equal(dev_set_mac_address(dev, (uint8_t[]){2, 0, 0, 0, 1, ++next}), 0);
    return dev;
}

static int count_frame(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    container_of(pt, struct station, listener)->heard++;
    consume_skb(skb);
    return 0;
}

static void add_station(struct station *s, struct sim_link *link)
{
    s->net = stack("station");
    s->dev = plug(s->net, link);
    s->heard = 0;
    s->listener = (struct packet_type){.type = cpu_to_be16(FRAME_TYPE), .func = count_frame};
    dev_add_pack(s->net, &s->listener);
}

static void add_bridge(unsigned i)
{
    struct sim_link *links[PORTS] = {ring.links[i], ring.links[(i + BRIDGES - 1) % BRIDGES]};

    if (i != 1)
        links[2] = ring.leaves[i / 2];
    ring.nets[i] = stack("bridge");
    assert_int_equal(bridge_link_add(ring.nets[i], "br0", NULL), 0);
    ring.bridges[i] = dev_get_by_name(ring.nets[i], "br0");
    assert_int_equal(br_set(ring.bridges[i], BR_SET_STP, 1, NULL), 0);
    for (unsigned p = 0; p < PORTS && links[p]; p++) {
        ring.ports[i][p] = plug(ring.nets[i], links[p]);
        assert_int_equal(link_set_master(ring.ports[i][p], ring.bridges[i], NULL), 0);
    }
    assert_int_equal(dev_open(ring.bridges[i]), 0);
}

static bool pass(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    return !(ring.cut & 1u << (uintptr_t)ctx);
}

static void set_loss(double loss)
{
    const struct sim_conditions conditions = {
        .loss = loss, .reorder = loss, .delay_ns = 500000, .jitter_ns = 200000};

    for (unsigned i = 0; i < BRIDGES; i++)
        sim_link_set(ring.links[i], &conditions);
}

static void build(uint64_t seed)
{
    memset(&ring, 0, sizeof(ring));
    host_random_seed(seed);
    for (uintptr_t i = 0; i < BRIDGES; i++) {
        ring.links[i] = sim_link_create();
        sim_link_set_filter(ring.links[i], pass, (void *)i);
    }
    for (unsigned i = 0; i < 2; i++) {
        ring.leaves[i] = sim_link_create();
        add_station(&ring.stations[i], ring.leaves[i]);
    }
    for (unsigned i = 0; i < BRIDGES; i++)
        add_bridge(i);
    set_loss(0.1);
}

static void destroy(void)
{
    for (unsigned i = 0; i < BRIDGES; i++) {
        for (unsigned p = 0; p < PORTS && ring.ports[i][p]; p++)
            sim_device_destroy(ring.ports[i][p]);
        inet_exit(ring.nets[i]);
        net_destroy(ring.nets[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        dev_remove_pack(&ring.stations[i].listener);
        sim_device_destroy(ring.stations[i].dev);
        inet_exit(ring.stations[i].net);
        net_destroy(ring.stations[i].net);
        sim_link_destroy(ring.leaves[i]);
    }
    for (unsigned i = 0; i < BRIDGES; i++)
        sim_link_destroy(ring.links[i]);
}

/* --- asking --- */

static enum br_state state_of(unsigned bridge, unsigned port)
{
    return br_port_of(ring.ports[bridge][port])->state;
}

/* Ports on the ring's links in this state. */
static unsigned ring_ports(enum br_state state)
{
    unsigned count = 0;

    for (unsigned i = 0; i < BRIDGES; i++)
        count += (state_of(i, 0) == state) + (state_of(i, 1) == state);
    return count;
}

static unsigned roots(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < BRIDGES; i++)
        count += br_is_root(ring.bridges[i]->priv);
    return count;
}

/* A link of the ring that the tree uses. */
static unsigned used_link(void)
{
    for (unsigned i = 0; i < BRIDGES; i++)
        if (state_of(i, 0) == BR_STATE_FORWARDING && state_of((i + 1) % BRIDGES, 1) == BR_STATE_FORWARDING)
            return i;
    fail();
    return 0;
}

static void broadcast(struct station *s)
{
    struct sk_buff *skb = alloc_skb(s->net, MAX_HEADER + 46);

    assert_non_null(skb);
    skb_reserve(skb, MAX_HEADER);
    memset(skb_put(skb, 46), 0, 46);
    skb->dev = s->dev;
    skb->protocol = cpu_to_be16(FRAME_TYPE);
    assert_int_equal(dev_hard_header(skb, s->dev, FRAME_TYPE, NULL, NULL), 0);
    dev_queue_xmit(skb);
}

/* With links that lose nothing: each broadcast of one station reaches the other once, and nobody twice. */
static void assert_one_way(void)
{
    set_loss(0);
    host_advance_ms(100);
    ring.stations[0].heard = ring.stations[1].heard = 0;
    for (unsigned i = 0; i < 20; i++) {
        broadcast(&ring.stations[i % 2]);
        host_advance_ms(10);
    }
    assert_int_equal(ring.stations[0].heard, 10);
    assert_int_equal(ring.stations[1].heard, 10);
    set_loss(0.1);
}

static uint64_t frames_on_ring(void)
{
    uint64_t sent = 0;

    for (unsigned i = 0; i < BRIDGES; i++)
        sent += sim_link_counters(ring.links[i])->sent;
    return sent;
}

/* A broadcast a second, until all is settled: no frame may go round. */
static void settle(void)
{
    uint64_t before = frames_on_ring();

    for (unsigned ms = 0; ms < SETTLE_MS; ms += 1000) {
        broadcast(&ring.stations[0]);
        host_advance_ms(1000);
    }
    assert_true(frames_on_ring() - before < 1000); /* three messages each two seconds, and the broadcasts */
}

static unsigned seeds(void)
{
    const char *text = getenv("SKIFF_SEEDS");

    return text ? (unsigned)atoi(text) : 5;
}

TEST("a ring of three bridges ends as a tree with one port blocked, and each broadcast arrives once")
{
    for (unsigned seed = 1; seed <= seeds(); seed++) {
        build(seed);
        settle();
        assert_int_equal(roots(), 1);
        assert_int_equal(ring_ports(BR_STATE_BLOCKING), 1);
        assert_int_equal(ring_ports(BR_STATE_FORWARDING), 5);
        assert_one_way();
        destroy();
    }
}

TEST("a link that silently loses all is gone round within a minute, and left out again when it is back")
{
    for (unsigned seed = 1; seed <= seeds(); seed++) {
        build(seed);
        settle();
        unsigned cut = used_link();
        ring.cut = 1u << cut;
        settle();
        assert_int_equal(roots(), 1);
        assert_one_way();
        ring.cut = 0;
        settle();
        assert_int_equal(roots(), 1);
        assert_int_equal(ring_ports(BR_STATE_BLOCKING), 1);
        assert_one_way();
        destroy();
    }
}

TEST("a link that is pulled is gone round after the maximum age and twice the forward delay at most")
{
    for (unsigned seed = 1; seed <= seeds(); seed++) {
        build(seed);
        settle();
        unsigned cut = used_link();
        netif_carrier_off(ring.ports[cut][0]);
        netif_carrier_off(ring.ports[(cut + 1) % BRIDGES][1]);
        set_loss(0);
        host_advance_ms(51000); /* the bridge beside the blocked port may have to wait for a message to age */
        assert_int_equal(ring_ports(BR_STATE_FORWARDING), 4);
        assert_one_way();
        destroy();
    }
}

TEST("a bridge that leaves and comes back leaves a tree each time")
{
    for (unsigned seed = 1; seed <= seeds(); seed++) {
        build(seed);
        settle();
        dev_close(ring.bridges[1]); /* the one without a station */
        settle();
        assert_int_equal(ring_ports(BR_STATE_DISABLED), 2);
        assert_one_way();
        assert_int_equal(dev_open(ring.bridges[1]), 0);
        settle();
        assert_int_equal(roots(), 1);
        assert_int_equal(ring_ports(BR_STATE_BLOCKING), 1);
        assert_one_way();
        destroy();
    }
}

TEST_MAIN()
