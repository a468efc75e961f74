/*
 * byteorder.h - between numbers on the wire (be16, be32, be64) and numbers in registers.
 */
#ifndef KERNEL_BYTEORDER_H
#define KERNEL_BYTEORDER_H

#include "kernel/types.h"

/* A macro, so that a constant stays one: case labels and static initialisers use it. */
#define cpu_to_be16(v) ((__force be16)__builtin_bswap16((uint16_t)(v)))
#define cpu_to_be32(v) ((__force be32)__builtin_bswap32((uint32_t)(v)))
#define cpu_to_be64(v) ((__force be64)__builtin_bswap64((uint64_t)(v)))

static inline uint16_t be16_to_cpu(be16 v)
{
    return __builtin_bswap16((__force uint16_t)v);
}

static inline uint32_t be32_to_cpu(be32 v)
{
    return __builtin_bswap32((__force uint32_t)v);
}

static inline uint64_t be64_to_cpu(be64 v)
{
    return __builtin_bswap64((__force uint64_t)v);
}

/* Numbers at any address, in network order. */
static inline uint16_t get_unaligned_be16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t get_unaligned_be32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline void put_unaligned_be16(uint16_t v, void *p)
{
    uint8_t *b = p;
    b[0] = (uint8_t)(v >> 8);
    b[1] = (uint8_t)v;
}

static inline void put_unaligned_be32(uint32_t v, void *p)
{
    put_unaligned_be16((uint16_t)(v >> 16), p);
    put_unaligned_be16((uint16_t)v, (uint8_t *)p + 2);
}

#endif
