/*
 * test_nf_route.c - packets of ours that table mangle has changed are routed again.
 *
 * A hook in front of table mangle makes another route, as a rule for marks would: only who asks again takes
 * it.
 */
#include "tests/unit/xt_test.h"

#include "net/ipv4/route.h"

static struct testnet *port;
static struct fib_config route;
static uint8_t answer[2000];

static enum nf_verdict make_route(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    assert_int_equal(fib_add(t->net, &route), 0);
    return NF_ACCEPT;
}

/* An echo request of 10.9.9.9 is answered: by eth0 (the default route), eth1, or not at all. */
static const char *answered_by(void)
{
    struct nf_hook_ops ops = {.hook = make_route, .hooknum = NF_INET_LOCAL_OUT, .priority = NF_IP_PRI_RAW};
    struct testnet_ip far = {.saddr = testnet_addr("10.9.9.9")};
    const char *by = "";

    nf_register_net_hook(t->net, &ops);
    testnet_drop_sent(t);
    testnet_drop_sent(port);
    icmp_packet(&far, 8, 0);
    testnet_inject(t, frame, frame_len);
    testnet_run(port);
    nf_unregister_net_hook(&ops);
    assert_int_equal(fib_del(t->net, &route), 0);
    if (testnet_pop(t, answer, sizeof(answer)))
        by = "eth0";
    if (testnet_pop(port, answer, sizeof(answer)))
        by = *by ? "both" : "eth1";
    return by;
}

static int setup(void **state)
{
    xt_setup(state);
    port = testnet_add_port(t, "10.1.0.1/24", 0);
    route = (struct fib_config){.dst = cpu_to_be32(testnet_addr("10.9.9.9")),
                                .prefix_len = 32,
                                .gateway = cpu_to_be32(port->peer),
                                .type = RTN_UNICAST};
    return 0;
}

static int teardown(void **state)
{
    testnet_remove_port(port);
    return xt_teardown(state);
}

TEST("a packet that OUTPUT of table mangle has marked, or given another service, is routed again")
{
    assert_string_equal(answered_by(), "eth0");
    assert_int_equal(ipt("-t mangle -A OUTPUT -j MARK --set-mark 1"), 0);
    assert_string_equal(answered_by(), "eth1");
    assert_int_equal(ipt("-t mangle -F"), 0);
    assert_int_equal(ipt("-t mangle -A OUTPUT -j TOS --set-tos 0x10"), 0);
    assert_string_equal(answered_by(), "eth1");
    assert_int_equal(answer[TESTNET_IP + 1], 0x10);
}

TEST("one that it left as it was keeps its route")
{
    assert_int_equal(ipt("-t mangle -A OUTPUT -j ACCEPT"), 0);
    assert_string_equal(answered_by(), "eth0");
    assert_int_equal(ipt("-t mangle -F"), 0);
    assert_int_equal(ipt("-t mangle -A OUTPUT -j MARK --set-mark 0"), 0);
    assert_string_equal(answered_by(), "eth0");
    assert_int_equal(ipt("-t mangle -F"), 0);
    assert_int_equal(ipt("-A OUTPUT -j MARK --set-mark 1"), 0); /* table filter routes nothing */
    assert_string_equal(answered_by(), "eth0");
}

TEST("without a route for what it has become it is dropped by name")
{
    route.type = RTN_UNREACHABLE;
    route.gateway = 0;
    assert_int_equal(ipt("-t mangle -A OUTPUT -j MARK --set-mark 1"), 0);
    assert_string_equal(answered_by(), "");
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_OUTNOROUTES], 1);
}

TEST("one that is dropped there is not routed first")
{
    route.type = RTN_UNREACHABLE;
    route.gateway = 0;
    assert_int_equal(ipt("-t mangle -A OUTPUT -j MARK --set-mark 1"), 0);
    assert_int_equal(ipt("-t mangle -A OUTPUT -j DROP"), 0);
    assert_string_equal(answered_by(), "");
    assert_int_equal(t->net->drops[SKB_DROP_REASON_NETFILTER_DROP], 1);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_OUTNOROUTES], 0);
}

TEST_FIXTURE(setup, teardown)
