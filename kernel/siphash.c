/*
 * siphash.c - SipHash, a keyed hash that a stranger cannot steer (Aumasson and Bernstein, 2012).
 *
 * SipHash-2-4 where the result is a secret (ISN, cookies, random generator); SipHash-1-3 where it only
 * chooses a place in a table.
 */
#include "kernel/random.h"

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl64(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotl64(s->v1, 13) ^ s->v0;
    s->v3 = rotl64(s->v3, 16) ^ s->v2;
    s->v0 = rotl64(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotl64(s->v1, 17) ^ s->v2;
    s->v3 = rotl64(s->v3, 21) ^ s->v0;
    s->v2 = rotl64(s->v2, 32);
}

static inline struct sip_state sip_start(const struct siphash_key *key)
{
    return (struct sip_state){key->key[0] ^ 0x736f6d6570736575ull, key->key[1] ^ 0x646f72616e646f6dull,
                              key->key[0] ^ 0x6c7967656e657261ull, key->key[1] ^ 0x7465646279746573ull};
}

static inline void sip_word(struct sip_state *s, uint64_t word, unsigned rounds)
{
    s->v3 ^= word;
    for (unsigned i = 0; i < rounds; i++)
        sip_round(s);
    s->v0 ^= word;
}

static inline uint64_t sip_finish(struct sip_state *s, unsigned rounds)
{
    s->v2 ^= 0xff;
    for (unsigned i = 0; i < rounds; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t siphash(const void *data, size_t len, const struct siphash_key *key)
{
    struct sip_state s = sip_start(key);
    const uint8_t *p = data;
    uint64_t last = (uint64_t)len << 56;
    for (size_t left = len; left >= 8; left -= 8, p += 8) {
        uint64_t word;
        __builtin_memcpy(&word, p, 8); /* little-endian, as the machine is */
        sip_word(&s, word, 2);
    }
    for (size_t i = 0; i < len % 8; i++)
        last |= (uint64_t)p[i] << (8 * i);
    sip_word(&s, last, 2);
    return sip_finish(&s, 4);
}

uint64_t siphash_3u32(uint32_t a, uint32_t b, uint32_t c, const struct siphash_key *key)
{
    struct sip_state s = sip_start(key);
    sip_word(&s, (uint64_t)b << 32 | a, 2);
    sip_word(&s, 12ull << 56 | c, 2);
    return sip_finish(&s, 4);
}

uint64_t hsiphash_3u32(uint32_t a, uint32_t b, uint32_t c, const struct siphash_key *key)
{
    struct sip_state s = sip_start(key);
    sip_word(&s, (uint64_t)b << 32 | a, 1);
    sip_word(&s, 12ull << 56 | c, 1);
    return sip_finish(&s, 3);
}
