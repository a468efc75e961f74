/*
 * datagram.c - received bytes on their last step: from the packet into the reader's memory.
 *
 * Called by the transports' recvmsg(); the only time a received byte is copied.
 */
#include "kernel/panic.h"
#include "net/core/iov_iter.h"
#include "net/core/skbuff.h"

/* Behind the linear bytes, `offset` from their end. */
static size_t skb_copy_frags_iter(const struct sk_buff *skb, unsigned offset, struct iov_iter *to, size_t len)
{
    struct skb_frag_walk walk = skb_frag_walk(skb, offset, (unsigned)len);
    size_t done = 0;

    while (skb_frag_walk_next(&walk))
        done += copy_to_iter(skb_frag_address(walk.frag) + walk.at, walk.size, to);
    offset = walk.offset;
    for (const struct sk_buff *part = skb_shinfo(skb)->frag_list; part && done < len; part = part->next) {
        if (offset >= part->len) {
            offset -= part->len;
            continue;
        }
        done += skb_copy_datagram_iter(part, offset, to, len - done);
        offset = 0;
    }
    return done;
}

size_t skb_copy_datagram_iter(const struct sk_buff *skb, unsigned offset, struct iov_iter *to, size_t len)
{
    unsigned linear = skb_headlen(skb);
    size_t done = 0;

    if (offset >= skb->len)
        return 0;
    len = min(len, (size_t)(skb->len - offset));
    len = min(len, to->count);
    if (offset < linear) {
        done = copy_to_iter(skb->data + offset, min(len, (size_t)(linear - offset)), to);
        offset = linear;
    }
    if (done < len)
        done += skb_copy_frags_iter(skb, offset - linear, to, len - done);
    return done;
}
