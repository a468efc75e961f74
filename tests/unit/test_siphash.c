/*
 * test_siphash.c - the keyed hash, against the vectors of its authors.
 */
#include "tests/unit/test.h"

#include "kernel/random.h"

/* SipHash-2-4 of the first n bytes of 00 01 02 ... under the key 00 01 ... 0f (vectors.h of the reference).
 */
static const struct {
    size_t len;
    uint64_t hash;
} vectors_2_4[] = {
    {0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},  {3, 0x85676696d7fb7e2d},
    {4, 0xcf2794e0277187b7},  {5, 0x18765564cd99a68d},  {6, 0xcbc9466e58fee3ce},  {7, 0xab0200f58b01d137},
    {8, 0x93f5f5799a932462},  {9, 0x9e0082df0ba9e4b0},  {10, 0x7a5dbbc594ddb9f3}, {11, 0xf4b32f46226bada7},
    {12, 0x751e8fbc860ee5fb}, {13, 0x14ea5627c0843d90}, {14, 0xf723ca908e7af2ee}, {15, 0xa129ca6149be45e5},
};

static const struct siphash_key reference_key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

TEST("siphash gives the reference's 2-4 vectors for every length up to two words")
{
    uint8_t data[16];
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof(vectors_2_4) / sizeof(vectors_2_4[0]); i++)
        assert_int_equal(siphash(data, vectors_2_4[i].len, &reference_key), vectors_2_4[i].hash);
}

TEST("siphash reads from any address and not past the end")
{
    uint8_t buf[24];
    for (unsigned at = 0; at < 8; at++) {
        for (unsigned i = 0; i < sizeof(buf); i++)
            buf[i] = (uint8_t)(0xee ^ at);
        for (unsigned i = 0; i < 13; i++)
            buf[at + i] = (uint8_t)i;
        assert_int_equal(siphash(buf + at, 13, &reference_key), 0x14ea5627c0843d90);
    }
}

TEST("siphash_3u32 gives SipHash-2-4 of the twelve bytes")
{
    uint32_t words[3] = {0x03020100, 0x07060504, 0x0b0a0908};

    assert_int_equal(siphash_3u32(words[0], words[1], words[2], &reference_key),
                     siphash(words, sizeof(words), &reference_key));
}

TEST("hsiphash_3u32 gives SipHash-1-3 of the twelve bytes")
{
    /* The reference with cROUNDS 1, dROUNDS 3 over 00 01 ... 0b. */
    assert_int_equal(hsiphash_3u32(0x03020100, 0x07060504, 0x0b0a0908, &reference_key), 0x78a384b157b4d9a2);
}

TEST("hsiphash_3u32 depends on each word, on their order and on the key")
{
    struct siphash_key other = {{1, 2}};
    uint64_t h = hsiphash_3u32(1, 2, 3, &reference_key);
    assert_int_not_equal(h, hsiphash_3u32(0, 2, 3, &reference_key));
    assert_int_not_equal(h, hsiphash_3u32(1, 0, 3, &reference_key));
    assert_int_not_equal(h, hsiphash_3u32(1, 2, 0, &reference_key));
    assert_int_not_equal(h, hsiphash_3u32(2, 1, 3, &reference_key));
    assert_int_not_equal(h, hsiphash_3u32(1, 2, 3, &other));
}

TEST_MAIN()
