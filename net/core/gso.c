/*
 * gso.c - the software twin of the card's segmentation (NETIF_F_TSO).
 *
 * TCP sends up to 64 KiB as one sk_buff, so that every step on the way down is taken once. dev_queue_xmit()
 * calls skb_gso_segment() as the last step when the device cannot cut the train itself. What comes out is
 * what TCP would have sent segment by segment (RFC 9293 3.1): consecutive sequence numbers, FIN and PSH on
 * the last segment only, CWR on the first only (RFC 3168 6.1.2), the same options on all.
 */
#include "net/core/gso.h"

#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/panic.h"
#include "net/core/checksum.h"

#define TCP_FLAGS_LAST_ONLY  (TCP_WIRE_FIN | TCP_WIRE_PSH)
#define TCP_FLAGS_FIRST_ONLY TCP_WIRE_CWR

/* Where the headers lie, counted from the frame's first byte. */
struct gso_layout {
    unsigned ip, tcp, hdr_len, mss;
    unsigned len; /* of the whole train */
};

static struct gso_layout gso_layout(const struct sk_buff *skb)
{
    unsigned headroom = skb_headroom(skb);
    struct gso_layout at = {.ip = skb->network_header - headroom,
                            .tcp = skb->csum_start - headroom,
                            .mss = skb_shinfo(skb)->gso_size,
                            .len = skb->len};

    ASSERT(at.mss && skb->ip_summed == CHECKSUM_PARTIAL && at.ip < at.tcp && at.tcp < skb_headlen(skb));
    at.hdr_len = at.tcp + (skb->data[at.tcp + WIRE_TCP_DOFF] >> 4) * 4u;
    ASSERT(at.hdr_len <= skb_headlen(skb));
    return at;
}

bool gso_device_takes(const struct sk_buff *skb, const struct net_device *dev)
{
    const struct skb_shared_info *info = skb_shinfo(skb);

    /* The card makes each segment's sum from the pseudo-header's: a train without that is cut by us. */
    if (!(dev->features & NETIF_F_TSO) || skb->ip_summed != CHECKSUM_PARTIAL || info->frag_list ||
        info->gso_segs > GSO_MAX_SEGS || skb->len - dev->hard_header_len > GSO_MAX_SIZE)
        return false;
    if (!(dev->features & NETIF_F_TSO_SHORT_TAIL))
        return true;
    return (skb->len - gso_layout(skb).hdr_len) % info->gso_size;
}

unsigned gso_wire_len(const struct sk_buff *skb)
{
    return skb->len + (skb_shinfo(skb)->gso_segs - 1u) * gso_layout(skb).hdr_len;
}

/* Hangs [offset, offset + len) of skb's fragments on the segment. */
static void gso_share_frags(struct sk_buff *segment, const struct sk_buff *skb, unsigned offset, unsigned len)
{
    struct skb_frag_walk walk = skb_frag_walk(skb, offset, len);

    while (skb_frag_walk_next(&walk)) {
        get_page(walk.frag->page);
        skb_add_rx_frag(segment, walk.frag->page, walk.frag->offset + walk.at, walk.size, walk.size);
    }
    ASSERT(!walk.len);
}

/* What a segment has from its train; its first byte is that of the link header. */
static void gso_dress(struct sk_buff *segment, const struct sk_buff *skb, const struct gso_layout *at)
{
    unsigned headroom = skb_headroom(segment);

    segment->dev = skb->dev;
    segment->protocol = skb->protocol;
    segment->priority = skb->priority;
    segment->mark = skb->mark;
    segment->hash = skb->hash;
    segment->tstamp = skb->tstamp;
    segment->vlan_proto = skb->vlan_proto;
    segment->vlan_tci = skb->vlan_tci;
    segment->vlan_present = skb->vlan_present;
    segment->network_header = (uint16_t)(headroom + at->ip);
    segment->transport_header = segment->csum_start = (uint16_t)(headroom + at->tcp);
    segment->csum_offset = WIRE_TCP_CHECK;
    segment->ip_summed = CHECKSUM_PARTIAL;
}

/* A segment with the train's headers and payload [offset, offset + len) of the frame; NULL without memory. */
static struct sk_buff *gso_build(const struct sk_buff *skb, const struct gso_layout *at, unsigned offset,
                                 unsigned len)
{
    unsigned linear = skb_headlen(skb), copied = 0;
    bool chain = skb_shinfo(skb)->frag_list;

    if (chain || offset < linear)
        copied = chain ? len : min(linear - offset, len);
    struct sk_buff *segment = alloc_skb(skb->net, NET_SKB_PAD + at->hdr_len + copied);
    if (!segment)
        return NULL;
    skb_reserve(segment, NET_SKB_PAD);
    skb_put_data(segment, skb->data, at->hdr_len);
    int err = skb_copy_bits(skb, offset, skb_put(segment, copied), copied);
    ASSERT(!err);
    if (copied < len)
        gso_share_frags(segment, skb, offset + copied - linear, len - copied);
    gso_dress(segment, skb, at);
    return segment;
}

/* Lengths, numbers, flags and sums of segment `number`. The TCP field holds the pseudo-header's sum: the
 * train's length in it becomes the segment's. */
static void gso_fix_headers(struct sk_buff *segment, const struct gso_layout *at, unsigned number, bool last)
{
    uint8_t *ip = segment->data + at->ip, *tcp = segment->data + at->tcp;

    put_unaligned_be16((uint16_t)(segment->len - at->ip), ip + WIRE_IP_LEN);
    put_unaligned_be16((uint16_t)(get_unaligned_be16(ip + WIRE_IP_ID) + number), ip + WIRE_IP_ID);
    put_unaligned_be16(0, ip + WIRE_IP_CHECK);
    sum16 check = ip_fast_csum(ip, (at->tcp - at->ip) / 4);
    memcpy(ip + WIRE_IP_CHECK, &check, sizeof(check));

    put_unaligned_be32(get_unaligned_be32(tcp + WIRE_TCP_SEQ) + number * at->mss, tcp + WIRE_TCP_SEQ);
    if (!last)
        tcp[WIRE_TCP_FLAGS] = (uint8_t)(tcp[WIRE_TCP_FLAGS] & ~TCP_FLAGS_LAST_ONLY);
    if (number)
        tcp[WIRE_TCP_FLAGS] = (uint8_t)(tcp[WIRE_TCP_FLAGS] & ~TCP_FLAGS_FIRST_ONLY);
    uint32_t sum = get_unaligned_be16(tcp + WIRE_TCP_CHECK) + (0xffffu - (at->len - at->tcp));
    sum = (sum & 0xffff) + (sum >> 16) + (segment->len - at->tcp);
    put_unaligned_be16((uint16_t)(sum + (sum >> 16)), tcp + WIRE_TCP_CHECK);
}

struct sk_buff *skb_gso_segment(const struct sk_buff *skb)
{
    struct gso_layout at = gso_layout(skb);
    struct sk_buff *first = NULL, **tail = &first;
    unsigned number = 0;

    for (unsigned offset = at.hdr_len; offset < skb->len; offset += at.mss) {
        unsigned len = min(at.mss, skb->len - offset);
        struct sk_buff *segment = gso_build(skb, &at, offset, len);
        if (!segment)
            goto free_segments;
        gso_fix_headers(segment, &at, number++, offset + len == skb->len);
        *tail = segment;
        tail = &segment->next;
    }
    return first;

free_segments:
    while (first) {
        struct sk_buff *next = first->next;
        consume_skb(first);
        first = next;
    }
    return NULL;
}

int skb_gso_from_wire(struct sk_buff *skb)
{
    const uint8_t *ip;
    unsigned hdr_len, segment;
    be32 addr[2];

    if (likely(!skb_shinfo(skb)->gso_size || skb->ip_summed == CHECKSUM_PARTIAL))
        return 0;
    int err = skb_cow_head(skb, 0);
    if (err)
        return err;
    ip = skb_network_header(skb);
    hdr_len = (ip[0] & 15u) * 4;
    segment = skb->len - (unsigned)(ip - skb->data) - hdr_len;
    memcpy(addr, ip + WIRE_IP_SADDR, sizeof(addr));
    uint16_t pseudo = (uint16_t) ~(__force uint16_t)csum_tcpudp_magic(addr[0], addr[1], segment,
                                                                      ip[WIRE_IP_PROTOCOL], (__force wsum)0);
    skb->csum_start = (uint16_t)(skb->network_header + hdr_len);
    skb->csum_offset = WIRE_TCP_CHECK;
    memcpy(skb->head + skb->csum_start + WIRE_TCP_CHECK, &pseudo, sizeof(pseudo));
    skb->ip_summed = CHECKSUM_PARTIAL;
    return 0;
}

/* Whether each part of the chain is one segment, and nobody else looks at its bytes. */
static bool gso_is_chain(const struct sk_buff *skb, const struct gso_layout *at)
{
    const struct sk_buff *part = skb_shinfo(skb)->frag_list;

    if (!part || skb_cloned(skb) || skb->users > 1 || skb_shinfo(skb)->nr_frags ||
        skb_headlen(skb) != at->hdr_len + at->mss)
        return false;
    for (; part; part = part->next)
        if (part->users > 1 || skb_cloned(part) || skb_is_nonlinear(part) ||
            skb_headroom(part) < at->hdr_len || part->len > at->mss || (part->next && part->len != at->mss))
            return false;
    return true;
}

struct sk_buff *skb_gso_unchain(struct sk_buff *skb)
{
    struct skb_shared_info *info = skb_shinfo(skb);
    struct gso_layout at = gso_layout(skb);
    unsigned number = 1;

    if (!gso_is_chain(skb, &at))
        return NULL;
    for (struct sk_buff *part = info->frag_list; part; part = part->next) {
        memcpy(skb_push(part, at.hdr_len), skb->data, at.hdr_len);
        gso_dress(part, skb, &at);
        gso_fix_headers(part, &at, number++, !part->next);
        skb->truesize -= part->truesize;
    }
    skb->next = info->frag_list;
    skb->len = skb_headlen(skb);
    skb->data_len = 0;
    info->frag_list = NULL;
    info->gso_size = info->gso_segs = 0;
    gso_fix_headers(skb, &at, 0, false);
    return skb;
}

struct sk_buff *skb_gso_cut(struct sk_buff *skb)
{
    if (skb_gso_from_wire(skb))
        return NULL;
    struct sk_buff *segment = skb_gso_unchain(skb);
    if (segment)
        return segment;
    segment = skb_gso_segment(skb);
    if (segment)
        consume_skb(skb);
    return segment;
}
