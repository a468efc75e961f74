/*
 * checksum.h - the Internet checksum (RFC 1071): 16-bit one's-complement sums in network byte order.
 *
 * csum_partial() may be applied to any number of pieces, each starting at an even offset of the whole
 * (csum_block_add() for odd ones); csum_fold() ends it.
 */
#ifndef NET_CORE_CHECKSUM_H
#define NET_CORE_CHECKSUM_H

#include "kernel/types.h"

wsum csum_partial(const void *data, size_t len, wsum sum);
/* Copies and sums in one pass. */
wsum csum_partial_copy(const void *from, void *to, size_t len, wsum sum);

static inline wsum csum_add(wsum a, wsum b)
{
    uint32_t sum = (__force uint32_t)a + (__force uint32_t)b;
    return (__force wsum)(sum + (sum < (__force uint32_t)b));
}

static inline wsum csum_sub(wsum a, wsum b)
{
    return csum_add(a, (__force wsum) ~(__force uint32_t)b);
}

/* Adds the sum of a piece that starts at `offset` of the whole. */
static inline wsum csum_block_add(wsum sum, wsum piece, size_t offset)
{
    uint32_t p = (__force uint32_t)piece;
    return csum_add(sum, (__force wsum)(offset & 1 ? p >> 8 | p << 24 : p));
}

static inline sum16 csum_fold(wsum sum)
{
    uint32_t s = (__force uint32_t)sum;
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    return (__force sum16)(uint16_t)~s;
}

/* Sum of the pseudo-header (RFC 9293 3.1, RFC 768), added to `sum`; not folded. len and protocol in host
 * order. */
wsum csum_tcpudp_nofold(be32 saddr, be32 daddr, uint32_t len, uint8_t protocol, wsum sum);

static inline sum16 csum_tcpudp_magic(be32 saddr, be32 daddr, uint32_t len, uint8_t protocol, wsum sum)
{
    return csum_fold(csum_tcpudp_nofold(saddr, daddr, len, protocol, sum));
}

/* Checksum of an IPv4 header of ihl 32-bit words: 0 if the one inside is right. */
sum16 ip_fast_csum(const void *iph, unsigned ihl);

/* RFC 1624: *sum follows a 16- or 32-bit field that changes. */
void csum_replace2(sum16 *sum, be16 from, be16 to);
void csum_replace4(sum16 *sum, be32 from, be32 to);

#endif
