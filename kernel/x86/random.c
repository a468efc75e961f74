/*
 * random.c - numbers nobody outside can guess.
 *
 * ChaCha20 (RFC 8439) under a 256-bit key. Each refill makes 192 bytes: the first 32 become the next key
 * and are never given out, each byte given out is wiped; so whoever reads this state later learns
 * nothing of numbers given before ("fast key erasure").
 *
 * The key comes from RDSEED or RDRAND where CPUID offers them (the promise is then theirs), and always
 * also from the least bits of the time stamp counter around slow port reads, the battery clock, and
 * later from the moments of interrupts. Without the two instructions the start is only as
 * unpredictable as this jitter: a good deal on real machines and under an emulator on a live host;
 * nothing under `-icount`, where every run is the same by design. The state is refreshed from the
 * interrupt pool every second of use.
 */
#include "kernel/random.h"

#include <string.h>

#include "kernel/time.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"
#include "kernel/x86/machine.h"

#define CPUID_RDRAND (1u << 30) /* 1 ECX */
#define CPUID_RDSEED (1u << 18) /* 7 EBX */

#define CHACHA_BLOCK   64
#define BUFFER_BLOCKS  3
#define KEY_WORDS      8
#define HARDWARE_TRIES 10
#define JITTER_SAMPLES 512
#define PORT_SLOW      0x61 /* reading it has no effect and takes a while */

static struct {
    uint32_t key[KEY_WORDS];
    uint8_t buffer[BUFFER_BLOCKS * CHACHA_BLOCK];
    size_t left; /* unused bytes, at the end of the buffer */
    ktime_t stirred_at;
    bool has_rdrand, has_rdseed;
} rng;

/* Filled by interrupt handlers, mixed in by rng_stir(). */
static struct {
    uint64_t bits[4];
    unsigned next;
} pool;

static inline uint32_t rotl32(uint32_t x, unsigned bits)
{
    return x << bits | x >> (32 - bits);
}

static inline void quarter_round(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = rotl32(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotl32(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotl32(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotl32(s[b] ^ s[c], 7);
}

static void chacha20_block(const uint32_t key[KEY_WORDS], uint32_t counter, uint8_t out[CHACHA_BLOCK])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, s[16];
    memcpy(start + 4, key, KEY_WORDS * sizeof(uint32_t));
    start[12] = counter;
    memcpy(s, start, sizeof(s));
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned c = 0; c < 4; c++)
            quarter_round(s, c, 4 + c, 8 + c, 12 + c);
        for (unsigned c = 0; c < 4; c++)
            quarter_round(s, c, 4 + (c + 1) % 4, 8 + (c + 2) % 4, 12 + (c + 3) % 4);
    }
    for (unsigned i = 0; i < 16; i++)
        s[i] += start[i];
    memcpy(out, s, sizeof(s));
}

static bool hardware_u64(uint64_t *v)
{
    bool ok = false;
    for (unsigned i = 0; i < HARDWARE_TRIES && rng.has_rdseed && !ok; i++)
        __asm__ volatile("rdseed %0; setc %1" : "=r"(*v), "=qm"(ok) : : "cc");
    for (unsigned i = 0; i < HARDWARE_TRIES && rng.has_rdrand && !ok; i++)
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*v), "=qm"(ok) : : "cc");
    return ok;
}

/* How long a slow read takes varies in its last bits; each reading is hashed into the next. */
static uint64_t jitter_u64(unsigned samples)
{
    struct siphash_key key = {{rdtsc(), 0}};
    for (unsigned i = 0; i < samples; i++) {
        inb(PORT_SLOW);
        uint64_t now = rdtsc();
        key.key[i % 2] = siphash(&now, sizeof(now), &key);
    }
    return key.key[0] ^ key.key[1];
}

static void rng_refill(void)
{
    for (uint32_t i = 0; i < BUFFER_BLOCKS; i++)
        chacha20_block(rng.key, i, rng.buffer + (size_t)i * CHACHA_BLOCK);
    memcpy(rng.key, rng.buffer, sizeof(rng.key));
    memset(rng.buffer, 0, sizeof(rng.key));
    rng.left = sizeof(rng.buffer) - sizeof(rng.key);
}

static void rng_stir(void)
{
    uint64_t words[KEY_WORDS / 2];
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        uint64_t hardware = 0;
        hardware_u64(&hardware);
        words[i] = hardware ^ pool.bits[i] ^ rotl32((uint32_t)rdtsc(), 7 * i);
    }
    for (unsigned i = 0; i < KEY_WORDS; i++)
        rng.key[i] ^= (uint32_t)(words[i / 2] >> 32 * (i % 2));
    rng_refill();
    rng.stirred_at = ktime_get();
}

void random_add_interrupt(unsigned vector)
{
    uint64_t *bits = &pool.bits[pool.next++ % ARRAY_SIZE(pool.bits)];
    *bits = (*bits << 7 | *bits >> 57) ^ rdtsc() ^ (uint64_t)vector << 56;
}

uint64_t random_early_u64(void)
{
    uint64_t v = 0;
    rng.has_rdrand = cpuid(1, 0).ecx & CPUID_RDRAND;
    rng.has_rdseed = cpuid(7, 0).ebx & CPUID_RDSEED;
    hardware_u64(&v);
    return v ^ jitter_u64(32);
}

void random_init(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(pool.bits); i++)
        pool.bits[i] ^= jitter_u64(JITTER_SAMPLES / ARRAY_SIZE(pool.bits));
    rng.key[0] ^= (uint32_t)ktime_get_real_seconds();
    rng_stir();
}

void get_random_bytes(void *buf, size_t len)
{
    uint8_t *to = buf;
    if (ktime_get() - rng.stirred_at > NSEC_PER_SEC)
        rng_stir();
    while (len > 0) {
        if (rng.left == 0)
            rng_refill();
        size_t n = min(len, rng.left);
        uint8_t *from = rng.buffer + sizeof(rng.buffer) - rng.left;
        memcpy(to, from, n);
        memset(from, 0, n);
        rng.left -= n;
        to += n;
        len -= n;
    }
}

uint32_t get_random_u32(void)
{
    uint32_t v;
    get_random_bytes(&v, sizeof(v));
    return v;
}

/* Multiplies instead of dividing; the few values that would make small results likelier are thrown away. */
uint32_t get_random_u32_below(uint32_t ceil)
{
    uint64_t product = (uint64_t)get_random_u32() * ceil;
    if ((uint32_t)product < ceil) {
        uint32_t unfair = -ceil % ceil;
        while ((uint32_t)product < unfair)
            product = (uint64_t)get_random_u32() * ceil;
    }
    return (uint32_t)(product >> 32);
}
