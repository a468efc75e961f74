/*
 * test_forward_options.c - IP options of what is forwarded (RFC 791, RFC 1812 5.2.4): filled in, kept or
 * refused.
 */
#include "tests/unit/forward_net.h"

/* --- options --- */

TEST(
    "record route and timestamps get the router's address on the way out; router alert and unknown ones pass")
{
    static const uint8_t options[32] = {7, 11, 4, 0, 0, 0, 0, 0, 0,   0, 0, 1, 68,  12, 5, 1,
                                        0, 0,  0, 0, 0, 0, 0, 0, 148, 4, 0, 0, 200, 4,  1, 2};
    size_t len = datagram(&(struct testnet_ip){.options = options, .options_len = 32}, 20);
    const uint8_t *o = out + TESTNET_L4;

    assert_int_equal(to_far(len), len);
    assert_true(testnet_frame_ok(out, len));
    assert_int_equal(o[2], 8);
    assert_int_equal(testnet_u32(o + 3), far->local);
    assert_int_equal(testnet_u32(o + 7), 0);
    assert_int_equal(o[14], 13);
    assert_int_equal(testnet_u32(o + 16), far->local);
    assert_true(testnet_u32(o + 20) < 86400000);
    assert_memory_equal(o + 24, options + 24, 8);
}

TEST("full options stay as they are, and hosts without room for their time are counted up to fifteen")
{
    uint8_t options[12] = {7, 7, 8, 1, 2, 3, 4, 1, 68, 4, 5, 0x00};
    size_t len = datagram(&(struct testnet_ip){.options = options, .options_len = 12}, 20);

    assert_int_equal(to_far(len), len);
    assert_memory_equal(out + TESTNET_L4, options, 11);
    assert_int_equal(out[TESTNET_L4 + 11], 0x10);
    options[11] = 0xf1;
    assert_int_equal(to_far(datagram(&(struct testnet_ip){.options = options, .options_len = 12}, 20)), len);
    assert_int_equal(out[TESTNET_L4 + 11], 0xf1);
}

TEST("wild pointers and timestamp flags write nothing outside their option")
{
    for (unsigned pointer = 4; pointer < 256; pointer++)
        for (unsigned flag = 0; flag < 16; flag++) {
            uint8_t options[20] = {7,
                                   7,
                                   (uint8_t)pointer,
                                   0,
                                   0,
                                   0,
                                   0,
                                   68,
                                   8,
                                   (uint8_t)(pointer + 1),
                                   (uint8_t)flag,
                                   0,
                                   0,
                                   0,
                                   0,
                                   1,
                                   200,
                                   4,
                                   0xaa,
                                   0xbb};
            size_t len = datagram(&(struct testnet_ip){.options = options, .options_len = 20}, 20);

            if (pointer == 255)
                continue;
            assert_int_equal(to_far(len), len);
            assert_true(testnet_frame_ok(out, len));
            assert_memory_equal(out + TESTNET_L4 + 15, options + 15, 5);
            assert_memory_equal(out + TESTNET_L4 + 20, in + TESTNET_L4 + 20, 28);
        }
}

TEST("source-routed datagrams are not forwarded")
{
    static const uint8_t lsrr[8] = {131, 7, 4, 10, 1, 0, 2, 0};

    assert_silent(datagram(&(struct testnet_ip){.options = lsrr, .options_len = 8}, 20),
                  SKB_DROP_REASON_IP_SRCROUTE);
}

TEST("1812-PARAM: options that make no sense draw a parameter problem that points at the byte")
{
    static const struct {
        uint8_t options[4], pointer;
    } bad[] = {
        {{68, 0, 0, 0}, 21},  {{7, 1, 0, 0}, 21},  {{7, 40, 4, 0}, 21},
        {{200, 5, 0, 0}, 21}, {{1, 1, 1, 7}, 24},  {{200, 1, 0, 0}, 21},
        {{7, 3, 0, 0}, 22},   {{68, 4, 4, 0}, 22}, {{1, 7, 2, 0}, 23},
    };

    set("net.ipv4.icmp_ratelimit", "0");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct testnet_ip ip = {.options = bad[i].options, .options_len = 4, .daddr = i & 1 ? t->local : 0};

        assert_true(is_icmp(back(datagram(&ip, 20)), ICMP_PARAMETERPROB, 0));
        assert_int_equal(out[TESTNET_L4 + 4], bad[i].pointer);
        assert_int_equal(t->net->drops[SKB_DROP_REASON_IP_OPTIONS], i + 1);
        assert_int_equal(t->net->mib[MIB_IpInHdrErrors], i + 1);
    }
}

TEST_FIXTURE(setup, teardown)
