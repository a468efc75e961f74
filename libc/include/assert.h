/*
 * assert.h - for our own mistakes; what a peer can cause is handled, not asserted.
 */
#ifndef LIBC_ASSERT_H
#define LIBC_ASSERT_H

void __assert_fail(const char *condition, const char *file, unsigned line, const char *function)
    __attribute__((noreturn));

#define static_assert _Static_assert

#endif

#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) ((condition) ? (void)0 : __assert_fail(#condition, __FILE__, __LINE__, __func__))
#endif
