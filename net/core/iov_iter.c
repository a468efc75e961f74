/*
 * iov_iter.c - the one copy between an application's memory and the stack.
 */
#include "net/core/iov_iter.h"

#include <string.h>

/* The next contiguous piece of at most len bytes, already passed by; len is within count. */
static uint8_t *iov_iter_take(struct iov_iter *iter, size_t len, size_t *piece)
{
    while (iter->iov_offset == iter->iov->iov_len) {
        iter->iov++;
        iter->iov_offset = 0;
    }
    uint8_t *at = (uint8_t *)iter->iov->iov_base + iter->iov_offset;
    *piece = min(len, iter->iov->iov_len - iter->iov_offset);
    iter->iov_offset += *piece;
    iter->count -= *piece;
    return at;
}

size_t copy_from_iter(void *to, size_t len, struct iov_iter *iter)
{
    size_t done = 0, piece;

    len = min(len, iter->count);
    while (done < len) {
        const uint8_t *from = iov_iter_take(iter, len - done, &piece);
        memcpy((uint8_t *)to + done, from, piece);
        done += piece;
    }
    return done;
}

size_t copy_to_iter(const void *from, size_t len, struct iov_iter *iter)
{
    size_t done = 0, piece;

    len = min(len, iter->count);
    while (done < len) {
        uint8_t *to = iov_iter_take(iter, len - done, &piece);
        memcpy(to, (const uint8_t *)from + done, piece);
        done += piece;
    }
    return done;
}
