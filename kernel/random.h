/*
 * random.h - numbers nobody outside can guess (RDSEED, RDRAND, interrupt jitter as a fallback; a
 * seeded generator on the hosted build), and the keyed hash the stack uses for tables and ISNs.
 */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include "kernel/types.h"

void get_random_bytes(void *buf, size_t len);
uint32_t get_random_u32(void);
uint32_t get_random_u32_below(uint32_t ceil); /* uniform in 0 .. ceil-1; ceil > 0 */

struct siphash_key {
    uint64_t key[2];
};

/* SipHash-2-4 of `len` bytes. */
uint64_t siphash(const void *data, size_t len, const struct siphash_key *key);
/* The same of three words, one after the other. */
uint64_t siphash_3u32(uint32_t a, uint32_t b, uint32_t c, const struct siphash_key *key);

/* SipHash-1-3 of three words: for hash tables keyed by addresses and ports. */
uint64_t hsiphash_3u32(uint32_t a, uint32_t b, uint32_t c, const struct siphash_key *key);

#endif
