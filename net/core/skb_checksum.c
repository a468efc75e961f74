/*
 * skb_checksum.c - Internet checksums over a whole packet, wherever its bytes lie.
 *
 * skb_checksum() is what the transports verify received packets with when the card did not;
 * skb_checksum_help() is the software twin of NETIF_F_HW_CSUM, called by dev_queue_xmit() for cards without
 * it.
 */
#include "net/core/checksum.h"

#include <errno.h>

#include "kernel/panic.h"
#include "net/core/skbuff.h"

/* Behind the linear bytes; `done` bytes were summed before, which decides how a piece's bytes pair up. */
static wsum skb_checksum_frags(const struct sk_buff *skb, unsigned offset, unsigned len, wsum sum,
                               unsigned done)
{
    struct skb_frag_walk walk = skb_frag_walk(skb, offset, len);

    while (skb_frag_walk_next(&walk)) {
        const uint8_t *piece = skb_frag_address(walk.frag) + walk.at;
        sum = csum_block_add(sum, csum_partial(piece, walk.size, (__force wsum)0), done);
        done += walk.size;
    }
    offset = walk.offset;
    len = walk.len;
    for (const struct sk_buff *part = skb_shinfo(skb)->frag_list; part && len; part = part->next) {
        if (offset >= part->len) {
            offset -= part->len;
            continue;
        }
        unsigned n = min(part->len - offset, len);
        sum = csum_block_add(sum, skb_checksum(part, offset, n, (__force wsum)0), done);
        done += n;
        len -= n;
        offset = 0;
    }
    ASSERT(!len);
    return sum;
}

wsum skb_checksum(const struct sk_buff *skb, unsigned offset, unsigned len, wsum sum)
{
    unsigned linear = skb_headlen(skb);
    unsigned n = 0;

    if (offset < linear) {
        n = min(linear - offset, len);
        sum = csum_partial(skb->data + offset, n, sum);
        if (likely(n == len))
            return sum;
    }
    return skb_checksum_frags(skb, offset + n - linear, len - n, sum, n);
}

int skb_checksum_help(struct sk_buff *skb)
{
    unsigned headroom = skb_headroom(skb);
    unsigned start = skb->csum_start - headroom;

    if (skb->ip_summed != CHECKSUM_PARTIAL)
        return 0;
    if (skb->csum_start < headroom || start > skb->len || skb->len - start < skb->csum_offset + sizeof(sum16))
        return -EINVAL;
    unsigned field = start + skb->csum_offset;
    if (!pskb_may_pull(skb, field + (unsigned)sizeof(sum16)) || (!skb->nohdr && skb_unclone(skb)))
        return -ENOMEM;
    sum16 sum = csum_fold(skb_checksum(skb, start, skb->len - start, (__force wsum)0));
    /* RFC 768: a computed zero is sent as all ones, zero means "none". TCP does not mind: both are zero. */
    if (!sum)
        sum = (__force sum16)0xffff;
    uint8_t *at = skb->data + field;
    at[0] = (uint8_t)(__force uint16_t)sum;
    at[1] = (uint8_t)((__force uint16_t)sum >> 8);
    skb->ip_summed = CHECKSUM_NONE;
    return 0;
}
