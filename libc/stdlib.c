/*
 * stdlib.c - the small rest: magnitudes, random numbers, the end of a task or of the machine.
 */
#include <stdlib.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "libc/libc_hooks.h"

int *__errno_location(void)
{
    return libc_errno_location();
}

int abs(int value)
{
    return value < 0 ? -value : value;
}

long labs(long value)
{
    return value < 0 ? -value : value;
}

long long llabs(long long value)
{
    return value < 0 ? -value : value;
}

int rand(void)
{
    return (int)(libc_random_u32() & RAND_MAX);
}

void exit(int status)
{
    libc_task_exit();
}

void abort(void)
{
    libc_panic("abort() was called");
}

void __assert_fail(const char *condition, const char *file, unsigned line, const char *function)
{
    char why[160];

    snprintf(why, sizeof(why), "%s:%u: %s: assertion failed: %s", file, line, function, condition);
    libc_panic(why);
}
