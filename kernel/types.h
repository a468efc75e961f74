/*
 * types.h - the words every room speaks: byte-order types, attributes, min/max, container_of.
 *
 * be16 and be32 are numbers as they lie on the wire. sparse treats them as types of their own
 * (make lint), so mixing them with host-order integers without cpu_to_be16() and friends
 * (kernel/byteorder.h) does not pass.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __CHECKER__
#define __bitwise __attribute__((bitwise))
#define __force   __attribute__((force))
#else
#define __bitwise
#define __force
#endif

typedef uint16_t __bitwise be16;
typedef uint32_t __bitwise be32;
typedef uint64_t __bitwise be64;
/* A folded Internet checksum (RFC 1071) as it stands in a header, and a running 32-bit sum. */
typedef uint16_t __bitwise sum16;
typedef uint32_t __bitwise wsum;

#define __must_check   __attribute__((warn_unused_result))
#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __noreturn     __attribute__((noreturn))
#define __maybe_unused __attribute__((unused))
#define likely(x)      __builtin_expect(!!(x), 1)
#define unlikely(x)    __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a)      (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)     (((x) + ((a)-1)) & ~((__typeof__(x))(a)-1))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))

/* Each argument is evaluated once; the counter keeps nested uses from shadowing one another. */
#define min(a, b)                 compare_once(a, b, <, __COUNTER__)
#define max(a, b)                 compare_once(a, b, >, __COUNTER__)
#define compare_once(a, b, op, n) compare_once_(a, b, op, n)
#define compare_once_(a, b, op, n)                                                                           \
    ({                                                                                                       \
        __typeof__(a) cmp_a_##n = (a);                                                                       \
        __typeof__(b) cmp_b_##n = (b);                                                                       \
        cmp_a_##n op cmp_b_##n ? cmp_a_##n : cmp_b_##n;                                                      \
    })
#define clamp(x, lo, hi) min(max(x, lo), hi)

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* The compiler must neither cache nor reorder memory accesses across this line. */
#define barrier()        __asm__ volatile("" ::: "memory")
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#endif
