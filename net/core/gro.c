/*
 * gro.c - generic receive offload: TCP segments that follow one another become one sk_buff before the stack
 * sees them.
 *
 * The driver's poll calls napi_gro_receive() for each frame and napi_gro_flush() before it returns, so
 * nothing is held back longer than a poll. A segment is merged if the stack would do with the train what it
 * would have done with the segments one by one: same flow, next sequence number, same acknowledgement,
 * window, flags and options, and a checksum that was verified here. Anything else of the same flow first
 * sends up what is held, so the order within a flow stays. Payload is not copied: further segments hang on
 * the first one's frag_list. skb_shared_info.gso_size and gso_segs say what was merged; taps see the train as
 * one packet.
 */
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/checksum.h"
#include "net/core/gso.h"
#include "net/core/napi.h"

#define GRO_ETH_P_IP    0x0800
#define GRO_IPV4        0x45 /* version 4, no options */
#define GRO_IP_HLEN     20u
#define GRO_TCP_HLEN    20u
#define GRO_PROTO_TCP   6
#define GRO_IP_FRAGMENT 0x3fff /* MF and offset */
#define GRO_IP_DF       0x4000

/* No train starts with a packet shorter than this: requests go straight up. */
#define GRO_START_MIN 576u

/* A bare ACK is no longer than this: with a timestamp, laid out as everybody does, or without. */
#define GRO_TCP_TSTAMP_HLEN (GRO_TCP_HLEN + 12u)
#define GRO_ACK_MAX         (GRO_IP_HLEN + GRO_TCP_TSTAMP_HLEN)
#define GRO_TCP_TSTAMP      0x0101080au /* NOP, NOP, timestamp, 10 bytes */
#define GRO_TCP_TSVAL       (GRO_TCP_HLEN + 4u)

/* A received packet, taken apart once. */
struct gro_packet {
    const uint8_t *ip, *tcp;
    unsigned hdr_len, len; /* IPv4 and TCP header; payload */
    uint32_t seq;
    uint8_t flags;
};

/* Whether skb (at its IPv4 header) is a TCP segment that looks whole. */
static bool gro_parse(const struct sk_buff *skb, struct gro_packet *p)
{
    const uint8_t *ip = skb->data;
    unsigned tot_len, doff;

    if (skb->protocol != cpu_to_be16(GRO_ETH_P_IP) || skb_is_nonlinear(skb) || skb->pkt_type != PACKET_HOST ||
        skb->len < GRO_IP_HLEN + GRO_TCP_HLEN)
        return false;
    tot_len = get_unaligned_be16(ip + WIRE_IP_LEN);
    if (ip[0] != GRO_IPV4 || ip[WIRE_IP_PROTOCOL] != GRO_PROTO_TCP ||
        get_unaligned_be16(ip + WIRE_IP_FRAG) & GRO_IP_FRAGMENT || tot_len > skb->len)
        return false;
    p->ip = ip;
    p->tcp = ip + GRO_IP_HLEN;
    doff = (p->tcp[WIRE_TCP_DOFF] >> 4) * 4u;
    p->hdr_len = GRO_IP_HLEN + doff;
    if (doff < GRO_TCP_HLEN || tot_len < p->hdr_len)
        return false;
    p->len = tot_len - p->hdr_len;
    p->seq = get_unaligned_be32(p->tcp + WIRE_TCP_SEQ);
    p->flags = p->tcp[WIRE_TCP_FLAGS];
    return true;
}

/* The sums of both headers' are right: of the transport's once and for all. */
static bool gro_checksum_ok(struct sk_buff *skb, const struct gro_packet *p)
{
    unsigned segment = p->hdr_len - GRO_IP_HLEN + p->len;
    be32 addr[2];

    if (ip_fast_csum(p->ip, GRO_IP_HLEN / 4))
        return false;
    if (skb->ip_summed == CHECKSUM_UNNECESSARY)
        return true;
    memcpy(addr, p->ip + WIRE_IP_SADDR, sizeof(addr));
    if (skb->ip_summed != CHECKSUM_NONE || csum_tcpudp_magic(addr[0], addr[1], segment, GRO_PROTO_TCP,
                                                             csum_partial(p->tcp, segment, (__force wsum)0)))
        return false;
    skb->ip_summed = CHECKSUM_UNNECESSARY;
    return true;
}

/* --- trains --- */

/* Which VLAN it is in: -1, or all of its tag. */
static inline int gro_tag(const struct sk_buff *skb)
{
    return unlikely(skb->vlan_present) ? skb->vlan_tci : -1;
}

/* Same VLAN, same addresses, same ports: what is held of this flow, or NULL. */
static struct gro_train *gro_find(struct napi_struct *napi, const struct sk_buff *skb,
                                  const struct gro_packet *p)
{
    for (unsigned i = 0; i < napi->gro_count; i++) {
        const uint8_t *ip = napi->gro[i].skb->data;
        if (gro_tag(napi->gro[i].skb) == gro_tag(skb) &&
            !memcmp(ip + WIRE_IP_SADDR, p->ip + WIRE_IP_SADDR, 8) && !memcmp(ip + GRO_IP_HLEN, p->tcp, 4))
            return &napi->gro[i];
    }
    return NULL;
}

/* Whether p goes on where the train ends, and says nothing else that is new. */
static bool gro_follows(const struct gro_train *train, const struct gro_packet *p)
{
    const uint8_t *ip = train->skb->data, *tcp = ip + GRO_IP_HLEN;

    if (p->seq != train->next_seq || !p->len || p->len > train->mss ||
        (p->flags & ~TCP_WIRE_PSH) != TCP_WIRE_ACK || train->skb->len + p->len > GSO_MAX_SIZE)
        return false;
    /* Without DF the ids must count up: a router cuts the train again and numbers its segments so (RFC 6864).
     */
    if (!(ip[WIRE_IP_FRAG] & GRO_IP_DF >> 8) &&
        get_unaligned_be16(p->ip + WIRE_IP_ID) !=
            (uint16_t)(get_unaligned_be16(ip + WIRE_IP_ID) + train->segs))
        return false;
    return ip[WIRE_IP_TOS] == p->ip[WIRE_IP_TOS] && ip[WIRE_IP_TTL] == p->ip[WIRE_IP_TTL] &&
           !memcmp(ip + WIRE_IP_FRAG, p->ip + WIRE_IP_FRAG, 2) &&
           !memcmp(tcp + WIRE_TCP_ACK, p->tcp + WIRE_TCP_ACK, 4) &&
           tcp[WIRE_TCP_DOFF] == p->tcp[WIRE_TCP_DOFF] &&
           !memcmp(tcp + WIRE_TCP_WINDOW, p->tcp + WIRE_TCP_WINDOW, 2) &&
           !memcmp(tcp + GRO_TCP_HLEN, p->tcp + GRO_TCP_HLEN, p->hdr_len - GRO_IP_HLEN - GRO_TCP_HLEN);
}

/* No text, no flag but ACK, no option but a timestamp. */
static bool gro_is_bare_ack(const struct gro_packet *p)
{
    if (p->len || p->flags != TCP_WIRE_ACK)
        return false;
    return p->hdr_len == GRO_IP_HLEN + GRO_TCP_HLEN ||
           (p->hdr_len == GRO_ACK_MAX && get_unaligned_be32(p->tcp + GRO_TCP_HLEN) == GRO_TCP_TSTAMP);
}

/* Whether p, a bare ACK, makes the one that is held needless. One that is damaged takes it along, as a gap on
 * the wire would. */
static bool gro_supersedes(const struct gro_train *held, const struct gro_packet *p)
{
    const uint8_t *ip = held->skb->data, *tcp = ip + GRO_IP_HLEN;
    uint32_t advance = get_unaligned_be32(p->tcp + WIRE_TCP_ACK) - get_unaligned_be32(tcp + WIRE_TCP_ACK);

    if (held->mss || p->seq != held->next_seq || ip[WIRE_IP_TOS] != p->ip[WIRE_IP_TOS] ||
        tcp[WIRE_TCP_DOFF] != p->tcp[WIRE_TCP_DOFF] || (int32_t)advance <= 0)
        return false;
    return p->hdr_len != GRO_ACK_MAX || (int32_t)(get_unaligned_be32(p->tcp + GRO_TCP_TSVAL) -
                                                  get_unaligned_be32(tcp + GRO_TCP_TSVAL)) >= 0;
}

/* Whether the last of several ACKs is enough. Not for others, and whether a VLAN or a bridge on this device
 * forwards is not known here. */
static bool gro_may_thin(const struct sk_buff *skb)
{
    return !skb->dev->forwards && !skb->vlan_present && !skb->dev->rx_handler;
}

/* The train goes up: takes it off the list, with headers that speak for all of it. */
static void gro_complete(struct napi_struct *napi, struct gro_train *train)
{
    struct sk_buff *skb = train->skb;
    struct skb_shared_info *info = skb_shinfo(skb);

    info->gso_segs = train->segs;
    if (train->mss && train->segs > 1) {
        uint8_t *ip = skb->data;
        put_unaligned_be16((uint16_t)skb->len, ip + WIRE_IP_LEN);
        memset(ip + WIRE_IP_CHECK, 0, 2);
        sum16 check = ip_fast_csum(ip, GRO_IP_HLEN / 4);
        memcpy(ip + WIRE_IP_CHECK, &check, sizeof(check));
        info->gso_size = train->mss;
    }
    *train = napi->gro[--napi->gro_count];
    netif_receive_skb(skb);
}

/* The first segment of a train, or a bare ACK: skb is held. */
static void gro_start(struct napi_struct *napi, struct sk_buff *skb, const struct gro_packet *p)
{
    if (napi->gro_count == GRO_TRAINS)
        gro_complete(napi, &napi->gro[0]);
    napi->gro[napi->gro_count++] =
        (struct gro_train){.skb = skb, .next_seq = p->seq + p->len, .mss = (uint16_t)p->len, .segs = 1};
}

/* One more: takes skb. */
static void gro_append(struct gro_train *train, struct sk_buff *skb, const struct gro_packet *p)
{
    struct sk_buff *head = train->skb;

    head->data[GRO_IP_HLEN + WIRE_TCP_FLAGS] |= p->flags;
    skb_pull(skb, p->hdr_len);
    if (train->last)
        train->last->next = skb;
    else
        skb_shinfo(head)->frag_list = skb;
    train->last = skb;
    train->next_seq += p->len;
    train->segs++;
    head->len += p->len;
    head->data_len += p->len;
    head->truesize += skb->truesize;
}

/* Bytes behind the datagram (short frames are padded) are not text. */
static bool gro_trim(struct sk_buff *skb, const struct gro_packet *p)
{
    return skb->len == p->hdr_len + p->len || !skb_trim(skb, p->hdr_len + p->len);
}

void napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
    struct gro_packet p;

    if ((!napi->gro_count && skb->len < GRO_START_MIN && skb->len > GRO_ACK_MAX) || !gro_parse(skb, &p)) {
        netif_receive_skb(skb);
        return;
    }
    struct gro_train *train = gro_find(napi, skb, &p);
    bool bare_ack = gro_may_thin(skb) && gro_is_bare_ack(&p);
    if (train) {
        if (bare_ack && gro_supersedes(train, &p)) {
            consume_skb(napi->spare);
            napi->spare = train->skb;
            train->skb = skb;
            train->segs++;
            return;
        }
        if (gro_follows(train, &p) && gro_checksum_ok(skb, &p) && gro_trim(skb, &p)) {
            /* A short segment or PSH is the end of something: no use in waiting for more. */
            bool ends = p.flags & TCP_WIRE_PSH || p.len < train->mss || train->segs + 1u == GSO_MAX_SEGS;
            gro_append(train, skb, &p);
            if (ends)
                gro_complete(napi, train);
            return;
        }
        gro_complete(napi, train);
    }
    if (bare_ack ||
        (p.len >= GRO_START_MIN && p.flags == TCP_WIRE_ACK && gro_checksum_ok(skb, &p) && gro_trim(skb, &p)))
        gro_start(napi, skb, &p);
    else
        netif_receive_skb(skb);
}

void napi_gro_flush(struct napi_struct *napi)
{
    while (napi->gro_count)
        gro_complete(napi, &napi->gro[0]);
    consume_skb(napi->spare);
    napi->spare = NULL;
}

/*
 * A download's poll finds dozens of ACKs in a row, and all but the last are merged away: one sk_buff serves
 * for them in turn, where each had been allocated and freed.
 */
struct sk_buff *napi_alloc_skb(struct napi_struct *napi, unsigned size)
{
    struct sk_buff *skb = napi->spare;

    if (likely(!skb) || !skb_renew(skb, size + NET_SKB_PAD + NET_IP_ALIGN))
        return netdev_alloc_skb(napi->dev, size);
    napi->spare = NULL;
    skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
    skb->dev = napi->dev;
    return skb;
}
