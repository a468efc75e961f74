/*
 * test_checksum.c - the Internet checksum against a plain 16-bit sum.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/checksum.h"
#include "tests/unit/test.h"

/* RFC 1071, word by word. */
static uint16_t plain_sum(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint16_t folded(wsum sum)
{
    return __builtin_bswap16((uint16_t)~csum_fold(sum));
}

static void fill(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)rand();
}

TEST("csum_partial gives the plain sum for every length and alignment")
{
    uint8_t buf[600];

    fill(buf, sizeof(buf));
    for (size_t offset = 0; offset < 9; offset++)
        for (size_t len = 0; len < 500; len++)
            assert_int_equal(folded(csum_partial(buf + offset, len, 0)), plain_sum(buf + offset, len, 0));
}

TEST("csum_partial does not lose carries over 64 KiB of ones")
{
    static uint8_t buf[65536];

    memset(buf, 0xff, sizeof(buf));
    assert_int_equal(folded(csum_partial(buf, sizeof(buf), 0xffffffff)), 0xffff);
    buf[65535] = 0xfe;
    assert_int_equal(folded(csum_partial(buf, sizeof(buf), 0)), plain_sum(buf, sizeof(buf), 0));
}

TEST("a sum may be continued, and a piece at an odd offset added")
{
    uint8_t buf[301];

    fill(buf, sizeof(buf));
    for (size_t cut = 0; cut < sizeof(buf); cut++) {
        wsum sum = csum_partial(buf, cut, 0);
        sum = csum_block_add(sum, csum_partial(buf + cut, sizeof(buf) - cut, 0), cut);
        assert_int_equal(folded(sum), plain_sum(buf, sizeof(buf), 0));
        if (cut % 2 == 0)
            assert_int_equal(folded(csum_partial(buf + cut, sizeof(buf) - cut, csum_partial(buf, cut, 0))),
                             plain_sum(buf, sizeof(buf), 0));
    }
}

TEST("csum_sub takes a piece out again")
{
    uint8_t buf[64];

    fill(buf, sizeof(buf));
    wsum whole = csum_partial(buf, 64, 0), front = csum_partial(buf, 20, 0);
    assert_int_equal(folded(csum_sub(whole, front)) % 0xffff, plain_sum(buf + 20, 44, 0) % 0xffff);
}

TEST("csum_partial_copy copies and sums")
{
    uint8_t from[300], to[302];

    fill(from, sizeof(from));
    for (size_t len = 0; len <= sizeof(from); len++) {
        memset(to, 0xa5, sizeof(to));
        assert_int_equal(folded(csum_partial_copy(from, to + 1, len, 0)), plain_sum(from, len, 0));
        assert_memory_equal(from, to + 1, len);
        assert_int_equal(to[0], 0xa5);
        assert_int_equal(to[len + 1], 0xa5);
    }
}

TEST("a right IPv4 header sums to zero and a damaged one does not")
{
    /* 10.0.0.1 > 10.0.0.2, UDP */
    uint8_t header[24] = {0x46, 0, 0, 60, 0x1c, 0x46, 0x40, 0, 0x40, 17, 0, 0,
                          10,   0, 0, 1,  10,   0,    0,    2, 1,    1,  1, 0};
    uint16_t check = (uint16_t)~plain_sum(header, 24, 0);

    header[10] = (uint8_t)(check >> 8);
    header[11] = (uint8_t)check;
    assert_int_equal(ip_fast_csum(header, 6), 0);
    header[8]--;
    assert_int_not_equal(ip_fast_csum(header, 6), 0);
}

TEST("the pseudo-header has addresses, protocol and length")
{
    uint8_t pseudo[12] = {192, 168, 1, 2, 10, 255, 254, 253, 0, 6, 0xff, 0xf1};
    be32 saddr, daddr;

    memcpy(&saddr, pseudo, 4);
    memcpy(&daddr, pseudo + 4, 4);
    assert_int_equal(folded(csum_tcpudp_nofold(saddr, daddr, 0xfff1, 6, 0)), plain_sum(pseudo, 12, 0));
}

TEST("a checksum follows a field that changes (RFC 1624)")
{
    uint8_t header[20];

    for (unsigned round = 0; round < 2000; round++) {
        fill(header, sizeof(header));
        memset(header + 10, 0, 2);
        sum16 check = csum_fold(csum_partial(header, 20, 0));
        be16 old2, new2 = (be16)rand();
        be32 old4, new4 = (be32)rand();
        memcpy(&old2, header + 8, 2);
        memcpy(&old4, header + 16, 4);
        csum_replace2(&check, old2, new2);
        csum_replace4(&check, old4, new4);
        memcpy(header + 8, &new2, 2);
        memcpy(header + 16, &new4, 4);
        memcpy(header + 10, &check, 2);
        assert_int_equal(csum_fold(csum_partial(header, 20, 0)), 0);
    }
}

TEST_MAIN()
