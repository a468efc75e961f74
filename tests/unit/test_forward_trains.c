/*
 * test_forward_trains.c - segments that GRO has put together go through the router as one, and leave as they
 * came.
 */
#include "tests/unit/forward_net.h"

/* --- trains --- */

static void assert_segments(unsigned segments, unsigned last_len)
{
    for (unsigned i = 0; i < segments; i++) {
        unsigned len = i + 1 == segments ? last_len : MSS;
        size_t n = testnet_pop(far, out, sizeof(out));

        assert_int_equal(n, 14 + 20 + 32 + len);
        assert_true(testnet_frame_ok(out, n));
        assert_int_equal(out[TESTNET_IP + 8], 63);
        assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), 1000 + i * MSS);
        for (unsigned k = 0; k < len; k++)
            assert_int_equal(out[TESTNET_L4 + 32 + k], (uint8_t)(i * 3 + k));
    }
    assert_int_equal(testnet_pop(far, out, sizeof(out)), 0);
}

TEST("segments that came in a row go through as one and leave as they came, every byte and sum right")
{
    memset(hook_calls, 0, sizeof(hook_calls));
    hook_verdict = NF_ACCEPT;
    struct nf_hook_ops ops = {.hook = count_hook, .hooknum = NF_INET_FORWARD};
    nf_register_net_hook(t->net, &ops);
    train(10, 700, IP_DF);
    nf_unregister_net_hook(&ops);
    assert_int_equal(hook_calls[NF_INET_FORWARD], 1);
    assert_segments(10, 700);
    assert_int_equal(t->net->mib[MIB_IpForwDatagrams], 10);
}

TEST("the segments of a train leave in the buffers they came in: nothing is allocated on its way")
{
    to_far(datagram(&(struct testnet_ip){0}, 20)); /* the route is known */
    netif_napi_add(t->dev, &napi, no_poll, NAPI_POLL_WEIGHT);
    for (unsigned i = 0; i < 8; i++)
        train_add(i, MSS, IP_DF);
    host_fail_allocation(1);
    napi_gro_flush(&napi);
    host_run();
    assert_false(host_allocation_failed());
    host_fail_allocation(0);
    netif_napi_del(&napi);
    assert_segments(8, MSS);
    assert_int_equal(t->net->skb_count, 0);
}

static bool bridge_to_far(struct sk_buff *skb)
{
    struct sk_buff *clone = skb_clone(skb);

    skb_push(clone, 14);
    clone->dev = far->dev;
    clone->ip_summed = CHECKSUM_NONE;
    dev_queue_xmit(clone);
    assert_int_equal(skb_copy_bits(skb, 0, out, 60), 0); /* who holds the other one sees what came */
    assert_int_equal(testnet_u16(out + 20 + 16), 0x1234);
    consume_skb(skb);
    return true;
}

static bool mark_and_bridge(struct sk_buff *skb)
{
    put_unaligned_be16(0x1234, skb->data + 20 + 16); /* that of a train means nothing */
    return bridge_to_far(skb);
}

TEST(
    "a train that a bridge sends on without a look inside leaves in right segments too, and clones stay untouched")
{
    t->dev->rx_handler = mark_and_bridge;
    train(5, 300, IP_DF);
    t->dev->rx_handler = NULL;
    for (unsigned i = 0; i < 5; i++) {
        size_t n = testnet_pop(far, out, sizeof(out));

        assert_int_equal(n, 14 + 52 + (i < 4 ? MSS : 300));
        assert_true(testnet_frame_ok(out, n));
        assert_int_equal(out[TESTNET_IP + 8], 64);
    }
}

TEST("a train whose segments do not fit the next link draws one fragmentation-needed")
{
    assert_int_equal(dev_set_mtu(far->dev, 1200), 0);
    train(6, MSS, IP_DF);
    assert_int_equal(testnet_pop(far, out, sizeof(out)), 0);
    size_t n = testnet_pop(t, out, sizeof(out));
    assert_true(is_icmp(n, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED));
    assert_int_equal(testnet_u32(out + TESTNET_L4 + 4), 1200);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
}

TEST("segments without DF keep their ids, whatever these are")
{
    for (id_step = 1; id_step < 4; id_step += 2) {
        train(5, MSS, 0);
        for (unsigned i = 0; i < 5; i++) {
            assert_true(testnet_pop(far, out, sizeof(out)));
            assert_int_equal(testnet_u16(out + TESTNET_IP + 4), 500 + i * id_step);
        }
    }
}

TEST("a capture that holds a train sees it whole while its segments leave")
{
    struct packet_type tap = {.type = cpu_to_be16(0x0003), .func = keep_packet};

    tap_skb = NULL;
    dev_add_pack(t->net, &tap);
    train(4, MSS, IP_DF);
    dev_remove_pack(&tap);
    assert_segments(4, MSS);
    assert_int_equal(tap_skb->len, 52 + 4 * MSS);
    assert_int_equal(skb_copy_bits(tap_skb, 0, out, tap_skb->len), 0);
    assert_int_equal(out[8], 64);
    assert_int_equal(testnet_csum(out, 20, 0), 0);
    for (unsigned k = 0; k < 4 * MSS; k++)
        assert_int_equal(out[52 + k], (uint8_t)(k / MSS * 3 + k % MSS));
    consume_skb(tap_skb);
}

TEST_FIXTURE(setup, teardown)
