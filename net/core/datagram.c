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
    const struct skb_shared_info *info = skb_shinfo(skb);
    size_t done = 0;

    for (unsigned i = 0; i < info->nr_frags && done < len; i++) {
        const struct skb_frag *frag = &info->frags[i];
        if (offset >= frag->size) {
            offset -= frag->size;
            continue;
        }
        done +=
            copy_to_iter(skb_frag_address(frag) + offset, min((size_t)(frag->size - offset), len - done), to);
        offset = 0;
    }
    for (const struct sk_buff *part = info->frag_list; part && done < len; part = part->next) {
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
