/*
 * checksum.c - the arithmetic of the Internet checksum (RFC 1071, RFC 1624).
 *
 * Every received TCP and UDP byte passes here once when the card does not check (QEMU's does not), and every
 * sent one when summing is cheaper than the card's offload (it is, on QEMU). The sum is one's complement over
 * 16-bit words; 2^16 = 1 (mod 2^16 - 1), so it may be taken over 32-bit words in a 64-bit accumulator and
 * folded at the end. That needs no carries: under emulation a chain of add-with-carry costs five times as
 * much.
 */
#include "net/core/checksum.h"

#include <string.h>

/* A word at any address. */
struct word64 {
    uint64_t v;
} __packed;

struct word32 {
    uint32_t v;
} __packed;

struct word16 {
    uint16_t v;
} __packed;

#define LOW32 0xffffffffull

static inline uint64_t load64(const uint8_t *p)
{
    return ((const struct word64 *)p)->v;
}

/* 64-bit sum of 32-bit words to 32 bits. */
static inline uint32_t fold64(uint64_t sum)
{
    sum = (sum & LOW32) + (sum >> 32);
    sum = (sum & LOW32) + (sum >> 32);
    return (uint32_t)sum;
}

/* len < 8 bytes, the last. */
static inline uint64_t csum_tail(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;

    if (len & 4) {
        sum += ((const struct word32 *)p)->v;
        p += 4;
    }
    if (len & 2) {
        sum += ((const struct word16 *)p)->v;
        p += 2;
    }
    if (len & 1)
        sum += *p; /* as if a zero followed: the low byte comes first */
    return sum;
}

/*
 * Adds up whole words, letting carries out of the top go, and their high halves apart: what the low halves
 * sum to follows from both (2^31 words would be needed to overflow that). One load, one shift and two
 * additions a word.
 */
struct csum_state {
    uint64_t words, high;
};

static inline void csum_word(struct csum_state *s, uint64_t word)
{
    s->words += word;
    s->high += word >> 32;
    /* One word after the other: a compiler that interleaves eight needs as many registers, and an emulator
     * stores each of them back (a fifth slower). */
    __asm__("" : "+r"(s->words), "+r"(s->high));
}

static inline uint64_t csum_end(const struct csum_state *s)
{
    uint64_t low = s->words - (s->high << 32);

    return fold64(low) + (uint64_t)fold64(s->high);
}

wsum csum_partial(const void *data, size_t len, wsum sum)
{
    const uint8_t *p = data;
    struct csum_state s = {0, 0};

    for (; len >= 64; len -= 64, p += 64) {
        csum_word(&s, load64(p));
        csum_word(&s, load64(p + 8));
        csum_word(&s, load64(p + 16));
        csum_word(&s, load64(p + 24));
        csum_word(&s, load64(p + 32));
        csum_word(&s, load64(p + 40));
        csum_word(&s, load64(p + 48));
        csum_word(&s, load64(p + 56));
    }
    if (len & 32) {
        csum_word(&s, load64(p));
        csum_word(&s, load64(p + 8));
        csum_word(&s, load64(p + 16));
        csum_word(&s, load64(p + 24));
        p += 32;
    }
    if (len & 16) {
        csum_word(&s, load64(p));
        csum_word(&s, load64(p + 8));
        p += 16;
    }
    if (len & 8) {
        csum_word(&s, load64(p));
        p += 8;
    }
    return (__force wsum)fold64(csum_end(&s) + csum_tail(p, len & 7) + (__force uint32_t)sum);
}

static inline void csum_copy32(struct csum_state *s, const uint8_t *p, uint8_t *q)
{
    uint64_t a = load64(p), b = load64(p + 8), c = load64(p + 16), d = load64(p + 24);

    ((struct word64 *)q)[0].v = a;
    ((struct word64 *)q)[1].v = b;
    ((struct word64 *)q)[2].v = c;
    ((struct word64 *)q)[3].v = d;
    csum_word(s, a);
    csum_word(s, b);
    csum_word(s, c);
    csum_word(s, d);
}

wsum csum_partial_copy(const void *from, void *to, size_t len, wsum sum)
{
    const uint8_t *p = from;
    uint8_t *q = to;
    struct csum_state s = {0, 0};

    for (; len >= 128; len -= 128, p += 128, q += 128) {
        csum_copy32(&s, p, q);
        csum_copy32(&s, p + 32, q + 32);
        csum_copy32(&s, p + 64, q + 64);
        csum_copy32(&s, p + 96, q + 96);
    }
    for (; len >= 32; len -= 32, p += 32, q += 32)
        csum_copy32(&s, p, q);
    memcpy(q, p, len);
    return csum_partial(p, len, (__force wsum)fold64(csum_end(&s) + (__force uint32_t)sum));
}

wsum csum_tcpudp_nofold(be32 saddr, be32 daddr, uint32_t len, uint8_t protocol, wsum sum)
{
    /* Words in network order on a little-endian machine: the length and protocol are swapped to match. */
    uint64_t s = (uint64_t)(__force uint32_t)sum + (__force uint32_t)saddr + (__force uint32_t)daddr +
                 __builtin_bswap32(len + protocol);

    return (__force wsum)fold64(s);
}

sum16 ip_fast_csum(const void *iph, unsigned ihl)
{
    const struct word32 *w = iph;
    uint64_t sum = (uint64_t)w[0].v + w[1].v + w[2].v + w[3].v + w[4].v;

    for (unsigned i = 5; i < ihl; i++)
        sum += w[i].v;
    return csum_fold((__force wsum)fold64(sum));
}

/* RFC 1624 [Eqn. 3]: HC' = ~(~HC + ~m + m'). */
static sum16 csum_replace(sum16 sum, uint32_t from, uint32_t to)
{
    uint64_t s = (uint64_t)(uint16_t) ~(__force uint16_t)sum + (uint32_t)~from + to;

    return csum_fold((__force wsum)fold64(s));
}

void csum_replace2(sum16 *sum, be16 from, be16 to)
{
    *sum = csum_replace(*sum, 0xffff0000u | (__force uint16_t)from, (__force uint16_t)to);
}

void csum_replace4(sum16 *sum, be32 from, be32 to)
{
    *sum = csum_replace(*sum, (__force uint32_t)from, (__force uint32_t)to);
}
