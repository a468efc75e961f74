/*
 * test_hooks.c - the five hook points.
 */
#include <errno.h>

#include "tests/unit/core_net.h"

static char order[64];
static unsigned passed;
static struct sk_buff *stolen;

struct test_hook {
    struct nf_hook_ops ops;
    char letter;
    enum nf_verdict verdict;
    unsigned repeats;
};

static enum nf_verdict hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    struct test_hook *h = priv;

    strncat(order, &h->letter, 1);
    assert_ptr_equal(state->net, core.net);
    assert_int_equal(state->hook, h->ops.hooknum);
    if (h->repeats) {
        h->repeats--;
        return NF_REPEAT;
    }
    if (h->verdict == NF_STOLEN)
        stolen = skb;
    return h->verdict;
}

static void add(struct test_hook *h, char letter, int priority, enum nf_verdict verdict)
{
    *h = (struct test_hook){.letter = letter, .verdict = verdict};
    h->ops = (struct nf_hook_ops){.hook = hook, .priv = h, .hooknum = NF_INET_LOCAL_IN, .priority = priority};
    nf_register_net_hook(core.net, &h->ops);
}

static int okfn(struct sk_buff *skb)
{
    passed++;
    consume_skb(skb);
    return 42;
}

static int offer(enum nf_inet_hooks point)
{
    struct sk_buff *skb = core_ip_packet(core_ip(10, 0, 0, 2), 40);

    passed = 0;
    order[0] = '\0';
    return nf_hook(point, core.net, skb, core.dev, NULL, okfn);
}

TEST("an empty hook point lets everything pass")
{
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        assert_int_equal(offer(i), 42);
}

TEST("hooks run by priority, those of the same priority in the order they came, each at its own point")
{
    struct test_hook a, b, c, d;

    add(&c, 'c', NF_IP_PRI_NAT_SRC, NF_ACCEPT);
    add(&a, 'a', NF_IP_PRI_RAW, NF_ACCEPT);
    add(&b, 'b', NF_IP_PRI_FILTER, NF_ACCEPT);
    add(&d, 'B', NF_IP_PRI_FILTER, NF_ACCEPT);
    assert_int_equal(offer(NF_INET_LOCAL_IN), 42);
    assert_string_equal(order, "abBc");
    assert_int_equal(offer(NF_INET_FORWARD), 42);
    assert_string_equal(order, "");
    nf_unregister_net_hook(&b.ops);
    offer(NF_INET_LOCAL_IN);
    assert_string_equal(order, "aBc");
    nf_unregister_net_hook(&a.ops);
    nf_unregister_net_hook(&c.ops);
    nf_unregister_net_hook(&d.ops);
}

TEST("a dropped packet goes no further, and is counted by name")
{
    struct test_hook a, b;

    add(&a, 'a', 0, NF_DROP);
    add(&b, 'b', 1, NF_ACCEPT);
    assert_int_equal(offer(NF_INET_LOCAL_IN), -EPERM);
    assert_string_equal(order, "a");
    assert_int_equal(passed, 0);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_NETFILTER_DROP], 1);
    nf_unregister_net_hook(&a.ops);
    nf_unregister_net_hook(&b.ops);
}

TEST("a queued packet is dropped while nobody keeps queues, unless the hook lets it pass then")
{
    struct test_hook a;

    add(&a, 'a', 0, NF_QUEUE);
    assert_int_equal(offer(NF_INET_LOCAL_IN), -EPERM);
    assert_int_equal(core.net->drops[SKB_DROP_REASON_NF_QUEUE_NONE], 1);
    a.verdict = (enum nf_verdict)(NF_QUEUE_NR(65535) | NF_QUEUE_BYPASS);
    assert_int_equal(offer(NF_INET_LOCAL_IN), 42);
    nf_unregister_net_hook(&a.ops);
}

static struct sk_buff *kept;
static struct nf_hook_state kept_state;
static struct nf_hook_place kept_place;

static int keep(struct sk_buff *skb, const struct nf_hook_state *state, const struct nf_hook_place *place,
                unsigned verdict)
{
    assert_int_equal(NF_QUEUE_OF(verdict), 7);
    kept = skb;
    kept_state = *state;
    kept_place = *place;
    return 0;
}

static const char *comes_back(enum nf_verdict verdict)
{
    order[0] = '\0';
    assert_int_equal(nf_reinject(kept, &kept_state, &kept_place, verdict), 42);
    return order;
}

TEST("a queued packet goes on behind its hook, or there again; where that is gone, at its priority")
{
    struct test_hook a, b, c, d;

    nf_register_queue_handler(core.net, keep);
    add(&a, 'a', NF_IP_PRI_RAW, NF_ACCEPT);
    add(&b, 'b', NF_IP_PRI_FILTER, (enum nf_verdict)NF_QUEUE_NR(7));
    add(&c, 'c', NF_IP_PRI_FILTER, NF_ACCEPT);
    add(&d, 'd', NF_IP_PRI_NAT_SRC, NF_ACCEPT);
    assert_int_equal(offer(NF_INET_LOCAL_IN), 0);
    assert_string_equal(order, "ab");
    assert_string_equal(comes_back(NF_ACCEPT), "cd");
    offer(NF_INET_LOCAL_IN);
    b.verdict = NF_ACCEPT;
    assert_string_equal(comes_back(NF_REPEAT), "bcd");
    b.verdict = (enum nf_verdict)NF_QUEUE_NR(7);
    offer(NF_INET_LOCAL_IN);
    nf_unregister_net_hook(&b.ops);
    assert_string_equal(comes_back(NF_ACCEPT), "cd");
    nf_unregister_net_hook(&a.ops);
    nf_unregister_net_hook(&c.ops);
    nf_unregister_net_hook(&d.ops);
}

TEST("another hook at the address of the one that is gone is another hook: the packet has not been there")
{
    struct test_hook a, b;

    nf_register_queue_handler(core.net, keep);
    add(&a, 'a', NF_IP_PRI_RAW, (enum nf_verdict)NF_QUEUE_NR(7));
    add(&b, 'b', NF_IP_PRI_FILTER, NF_ACCEPT);
    offer(NF_INET_LOCAL_IN);
    nf_unregister_net_hook(&a.ops);
    nf_unregister_net_hook(&b.ops);
    add(&b, 'b', NF_IP_PRI_FILTER, NF_ACCEPT);
    add(&a, 'c', NF_IP_PRI_NAT_SRC, NF_ACCEPT);
    assert_string_equal(comes_back(NF_ACCEPT), "bc");
    nf_unregister_net_hook(&a.ops);
    nf_unregister_net_hook(&b.ops);
}

TEST("a stolen packet belongs to the hook")
{
    struct test_hook a;

    add(&a, 'a', 0, NF_STOLEN);
    assert_int_equal(offer(NF_INET_LOCAL_IN), 0);
    assert_int_equal(passed, 0);
    assert_int_equal(stolen->len, 40);
    consume_skb(stolen);
    nf_unregister_net_hook(&a.ops);
}

TEST("a hook may ask to be repeated, but not without end")
{
    struct test_hook a;

    add(&a, 'a', 0, NF_ACCEPT);
    a.repeats = 3;
    assert_int_equal(offer(NF_INET_LOCAL_IN), 42);
    assert_string_equal(order, "aaaa");
    a.repeats = 1000;
    assert_int_equal(offer(NF_INET_LOCAL_IN), -EPERM);
    nf_unregister_net_hook(&a.ops);
}

TEST_FIXTURE(core_setup, core_teardown)
