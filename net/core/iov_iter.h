/*
 * iov_iter.h - a walk over an application's scattered memory (struct iovec of <sys/uio.h>), and struct msg,
 * what the transports see of a msghdr.
 */
#ifndef NET_CORE_IOV_ITER_H
#define NET_CORE_IOV_ITER_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "kernel/types.h"

struct iov_iter {
    const struct iovec *iov;
    size_t iov_offset; /* into the first one */
    size_t count;      /* bytes left in all */
};

struct msg {
    struct sockaddr_storage *name; /* to (send, NULL: connected) or from (receive, NULL: not asked) */
    socklen_t name_len;            /* valid bytes of name; set by receive */
    struct iov_iter iter;
    void *control;
    size_t control_len; /* valid / space in; set to what was used by receive */
    int flags;          /* MSG_*; set by receive (MSG_TRUNC, MSG_CTRUNC) */
};

/* Each moves up to len bytes, advances the iterator and returns how many it moved (min(len, count)). */
size_t copy_from_iter(void *to, size_t len, struct iov_iter *iter);
size_t copy_to_iter(const void *from, size_t len, struct iov_iter *iter);

struct sk_buff;
/* Copies [offset, offset + len) of a packet to the reader: the number of bytes copied. */
size_t skb_copy_datagram_iter(const struct sk_buff *skb, unsigned offset, struct iov_iter *to, size_t len);

#endif
