/*
 * test_fib.c - the forwarding table (net/ipv4/fib.c) against a list that is searched from end to end.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/ipv4/fib.h"
#include "net/ipv4/ip.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t, *far;

static int setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    far = testnet_add_port(t, "10.1.0.1/24", 0);
    fib_clear(t->net);
    return 0;
}

static int teardown(void **state)
{
    fib_clear(t->net);
    assert_int_equal(fib_count(t->net->ipv4->fib), 0);
    testnet_remove_port(far);
    return testnet_destroy(t);
}

/* --- the reference --- */

struct entry {
    uint32_t prefix, metric;
    uint8_t len;
    struct net_device *dev;
    bool there;
};

#define ENTRIES 3000

static struct entry entries[ENTRIES];
static size_t nr_entries;

static uint32_t mask_of(unsigned len)
{
    return len ? ~0u << (32 - len) : 0;
}

static const struct entry *reference_lookup(uint32_t a, int oif)
{
    const struct entry *best = NULL;

    for (size_t i = 0; i < nr_entries; i++) {
        const struct entry *e = &entries[i];

        if (!e->there || (a & mask_of(e->len)) != e->prefix || (oif && e->dev->ifindex != oif))
            continue;
        if (!best || e->len > best->len || (e->len == best->len && e->metric < best->metric))
            best = e;
    }
    return best;
}

static struct entry *reference_find(uint32_t prefix, unsigned len, uint32_t metric)
{
    for (size_t i = 0; i < nr_entries; i++)
        if (entries[i].there && entries[i].prefix == prefix && entries[i].len == len &&
            entries[i].metric == metric)
            return &entries[i];
    return NULL;
}

static struct fib_config config_of(const struct entry *e)
{
    return (struct fib_config){
        .dst = cpu_to_be32(e->prefix), .prefix_len = e->len, .metric = e->metric, .dev = e->dev};
}

/* Addresses and prefixes crowd together, so that they cover one another and share nodes. */
static uint32_t random_address(void)
{
    uint32_t a = (uint32_t)host_random();

    switch (host_random() % 4) {
    case 0:
        return a;
    case 1:
        return 0x0a000000 | (a & 0xfff);
    case 2:
        return 0xc0a80000 | (a & 0x00070707);
    default:
        return (a & 0x81818181) | 0x40000000;
    }
}

static void assert_same(uint32_t a, int oif)
{
    const struct fib_alias *alias = fib_lookup(t->net->ipv4->fib, cpu_to_be32(a), oif);
    const struct entry *e = reference_lookup(a, oif);

    assert_int_equal(!alias, !e);
    if (!e)
        return;
    assert_int_equal(be32_to_cpu(alias->cfg.dst), e->prefix);
    assert_int_equal(alias->cfg.prefix_len, e->len);
    assert_int_equal(alias->cfg.metric, e->metric);
    assert_ptr_equal(alias->cfg.dev, e->dev);
}

static void random_change(void)
{
    struct entry e = {
        .len = (uint8_t)(host_random() % 33), .metric = (uint32_t)(host_random() % 3), .there = true};

    e.dev = host_random() % 2 ? t->dev : far->dev;
    e.prefix = random_address() & mask_of(e.len);
    struct entry *old = reference_find(e.prefix, e.len, e.metric);
    if (nr_entries == ENTRIES || (nr_entries && host_random() % 3 == 0)) {
        old = &entries[host_random() % nr_entries];
        struct fib_config cfg = config_of(old);

        assert_int_equal(fib_del(t->net, &cfg), old->there ? 0 : -ENOENT);
        *old = entries[--nr_entries];
        return;
    }
    struct fib_config cfg = config_of(&e);
    assert_int_equal(fib_add(t->net, &cfg), old ? -EEXIST : 0);
    if (!old)
        entries[nr_entries++] = e;
}

TEST("property: whatever routes come and go, a lookup answers as a search of the whole list does")
{
    for (unsigned seed = 1; seed <= 3; seed++) {
        host_random_seed(seed);
        nr_entries = 0;
        fib_clear(t->net);
        for (unsigned i = 0; i < 1200; i++) {
            random_change();
            for (unsigned k = 0; k < 4; k++)
                assert_same(random_address(), k == 3 ? far->dev->ifindex : 0);
            if (nr_entries) { /* first and last address of a prefix, and their neighbours */
                const struct entry *e = &entries[host_random() % nr_entries];
                uint32_t last = e->prefix | ~mask_of(e->len);

                assert_same(e->prefix, 0);
                assert_same(e->prefix - 1, 0);
                assert_same(last, t->dev->ifindex);
                assert_same(last + 1, 0);
            }
        }
        while (nr_entries) {
            struct fib_config cfg = config_of(&entries[--nr_entries]);
            assert_int_equal(fib_del(t->net, &cfg), 0);
            if (nr_entries % 16 == 0)
                assert_same(random_address(), 0);
        }
        assert_int_equal(fib_count(t->net->ipv4->fib), 0);
    }
}

TEST("every length from 0 to 32 has its place, alone and all at once")
{
    static const uint32_t ends[] = {0, 0xffffffff, 0x0a5a5a5a, 0x80000001};
    size_t objects = host_objects_alive();

    for (size_t i = 0; i < 4; i++) {
        for (unsigned len = 0; len <= 32; len++) {
            struct fib_config cfg = {.dst = cpu_to_be32(ends[i] & mask_of(len)),
                                     .prefix_len = (uint8_t)len,
                                     .type = RTN_BLACKHOLE};

            assert_int_equal(fib_add(t->net, &cfg), 0);
            assert_int_equal(fib_lookup(t->net->ipv4->fib, cpu_to_be32(ends[i]), 0)->cfg.prefix_len, len);
            if (len)
                assert_int_equal(
                    fib_lookup(t->net->ipv4->fib, cpu_to_be32(ends[i] ^ 1u << (32 - len)), 0)->cfg.prefix_len,
                    len - 1);
        }
        fib_clear(t->net);
    }
    assert_int_equal(host_objects_alive(), objects);
}

TEST("a hundred thousand routes: at most five nodes per lookup, three on average, four objects each")
{
    size_t routes = 0, objects = host_objects_alive();
    uint64_t depth = 0;
    unsigned worst = 0;

    host_random_seed(7);
    /* The lengths of an Internet table: most are /24, then /22, /20, /16; each with its own next hop. */
    while (routes < 100000) {
        static const uint8_t lengths[] = {24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 16};
        unsigned len = lengths[host_random() % sizeof(lengths)];
        struct fib_config cfg = {.dst = cpu_to_be32((uint32_t)host_random() & mask_of(len)),
                                 .prefix_len = (uint8_t)len,
                                 .dev = t->dev,
                                 .metric = 5};

        routes += fib_insert(t->net, &cfg, false) == 0;
    }
    assert_int_equal(fib_count(t->net->ipv4->fib), 100000);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned d = fib_lookup_depth(t->net->ipv4->fib, cpu_to_be32((uint32_t)host_random()));

        depth += d;
        worst = d > worst ? d : worst;
    }
    assert_in_range(worst, 1, 5);
    assert_in_range(depth * 100 / 20000, 100, 300);
    /* Per route: prefix, way, and its share of nodes with two arrays each. */
    assert_in_range(host_objects_alive() - objects, 200000, 400000);
    fib_clear(t->net);
    assert_int_equal(host_objects_alive(), objects);
}

TEST("each allocation may fail while a route is added: the table stays as it was")
{
    static const uint8_t lens[] = {0, 5, 7, 12, 13, 24, 25, 31, 32};

    for (size_t i = 0; i < sizeof(lens); i++)
        for (unsigned n = 1;; n++) {
            struct fib_config cfg = {.dst = cpu_to_be32(0x12345678 & mask_of(lens[i])),
                                     .prefix_len = lens[i],
                                     .type = RTN_BLACKHOLE};
            size_t objects = host_objects_alive(), count = fib_count(t->net->ipv4->fib);

            host_fail_allocation(n);
            int err = fib_add(t->net, &cfg);
            bool failed = host_allocation_failed();
            host_fail_allocation(0);
            assert_int_equal(err, failed ? -ENOMEM : 0);
            if (!failed)
                break;
            assert_int_equal(host_objects_alive(), objects);
            assert_int_equal(fib_count(t->net->ipv4->fib), count);
        }
    for (size_t i = 0; i < sizeof(lens); i++) {
        uint32_t a = lens[i] ? 0x12345678 ^ (lens[i] < 32 ? 1u << (31 - lens[i]) : 0) : 0x80000000;

        assert_int_equal(fib_lookup(t->net->ipv4->fib, cpu_to_be32(a), 0)->cfg.prefix_len, lens[i]);
    }
}

TEST(
    "several default routes: the lowest metric is taken, the next one when it goes, with a device the one of that device")
{
    struct fib_config one = {.gateway = 0, .dev = t->dev, .metric = 100},
                      two = {.dev = far->dev, .metric = 10};

    assert_int_equal(fib_add(t->net, &one), 0);
    assert_int_equal(fib_add(t->net, &two), 0);
    assert_ptr_equal(fib_lookup(t->net->ipv4->fib, cpu_to_be32(0x08080808), 0)->cfg.dev, far->dev);
    assert_ptr_equal(fib_lookup(t->net->ipv4->fib, cpu_to_be32(0x08080808), t->dev->ifindex)->cfg.dev,
                     t->dev);
    assert_int_equal(fib_del(t->net, &two), 0);
    assert_ptr_equal(fib_lookup(t->net->ipv4->fib, cpu_to_be32(0x08080808), 0)->cfg.dev, t->dev);
}

TEST_FIXTURE(setup, teardown)
