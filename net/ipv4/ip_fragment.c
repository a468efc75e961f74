/*
 * ip_fragment.c - IPv4 fragmentation (RFC 791 2.3 and 3.2), and the ids that keep fragments apart (RFC 6864).
 *
 * Called by ip_finish_output() for what is longer than the path MTU, ours or forwarded, after POST_ROUTING
 * has seen it whole; each piece goes on to the neighbour by itself. A datagram that was put together from
 * fragments of the right size is taken apart into the same buffers: headers are written in front of each, and
 * nothing is copied. Everything else is cut: pages are shared by reference, linear bytes copied.
 */
#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/ipv4/ip_internal.h"

#define IPOPT_END    0
#define IPOPT_NOP    1
#define IPOPT_COPIED 0x80 /* RFC 791 3.1: goes into all fragments */

/* --- ids --- */

#define IP_IDENT_SLOTS 1024u

/* A counter for many destinations; where it stands says nothing to those who do not know the key. */
struct ip_idents {
    uint16_t next[IP_IDENT_SLOTS];
};

int ip_idents_init(struct net *net)
{
    net->ipv4->idents = kmalloc(sizeof(*net->ipv4->idents));
    if (!net->ipv4->idents)
        return -ENOMEM;
    get_random_bytes(net->ipv4->idents, sizeof(*net->ipv4->idents));
    return 0;
}

void ip_idents_exit(struct net *net)
{
    kfree(net->ipv4->idents);
    net->ipv4->idents = NULL;
}

/* A permutation of the 16-bit numbers, one of many by key: four rounds of a Feistel network. */
static uint16_t ip_ident_permute(uint16_t number, uint64_t key)
{
    uint8_t left = (uint8_t)(number >> 8), right = (uint8_t)number;

    for (unsigned round = 0; round < 4; round++) {
        uint32_t mixed = (right ^ (uint32_t)(key >> 16 * round & 0xff)) * 0x9e3779b1u;
        uint8_t next = (uint8_t)(left ^ (mixed >> 24) ^ (key >> (16 * round + 8)));

        left = right;
        right = next;
    }
    return (uint16_t)(left << 8 | right);
}

uint16_t ip_select_ident(struct net *net, be32 saddr, be32 daddr, uint8_t protocol)
{
    uint64_t key = hsiphash_3u32((__force uint32_t)saddr, (__force uint32_t)daddr, protocol, &net->secret);
    uint16_t *next = &net->ipv4->idents->next[(key ^ key >> 32) % IP_IDENT_SLOTS];

    return ip_ident_permute((*next)++, key);
}

/* --- the headers of the pieces --- */

struct frag_header {
    uint8_t bytes[60];
    unsigned len;
};

/* The header of all pieces but the first: of the options only those that say so. */
static void frag_make_header(struct frag_header *h, const struct iphdr *iph)
{
    const uint8_t *option = (const uint8_t *)(iph + 1), *end = (const uint8_t *)iph + ip_hdrlen(iph);

    memset(h->bytes, 0, sizeof(h->bytes)); /* END behind the last one */
    memcpy(h->bytes, iph, sizeof(*iph));
    h->len = sizeof(*iph);
    while (option < end && *option != IPOPT_END) {
        unsigned len = *option == IPOPT_NOP || end - option < 2 ? 1 : option[1];

        if (!len || len > end - option)
            break;
        if (*option & IPOPT_COPIED) {
            memcpy(h->bytes + h->len, option, len);
            h->len += len;
        }
        option += len;
    }
    h->len = ALIGN_UP(h->len, 4u);
    h->bytes[0] = (uint8_t)(0x40 | h->len / 4);
}

/* What all the pieces of one datagram have in common. */
struct frag_state {
    struct net *net;
    struct sk_buff *skb;
    int (*output)(struct sk_buff *skb);
    struct frag_header first, rest;
    unsigned mtu;
    unsigned offset;  /* of the next piece, in the datagram that its receiver will put together */
    uint16_t df;      /* came in pieces with DF and goes in such (IP_DF or 0) */
    bool more_behind; /* skb is a fragment itself, and not the last */
};

static void frag_start(struct frag_state *f, struct net *net, struct sk_buff *skb,
                       int (*output)(struct sk_buff *skb))
{
    const struct iphdr *iph = ip_hdr(skb);
    unsigned frag_off = be16_to_cpu(iph->frag_off);

    *f = (struct frag_state){.net = net, .skb = skb, .output = output, .mtu = skb->dst->mtu};
    if (skb->frag_max_size)
        f->mtu = min(f->mtu, (unsigned)skb->frag_max_size);
    f->first.len = ip_hdrlen(iph);
    memcpy(f->first.bytes, iph, f->first.len);
    frag_make_header(&f->rest, iph);
    f->offset = (frag_off & IP_OFFSET) * 8;
    f->more_behind = frag_off & IP_MF;
    f->df = (uint16_t)(frag_off & IP_DF);
}

/* Writes the header in front of a piece's text; `last`: of skb. */
static void frag_write_header(struct frag_state *f, struct sk_buff *piece, const struct frag_header *h,
                              bool last)
{
    unsigned text_len = piece->len, mf = last && !f->more_behind ? 0 : IP_MF;
    struct iphdr *iph = skb_push(piece, h->len);

    memcpy(iph, h->bytes, h->len);
    skb_reset_network_header(piece);
    piece->transport_header = (uint16_t)(piece->network_header + h->len);
    iph->tot_len = cpu_to_be16((uint16_t)piece->len);
    iph->frag_off = cpu_to_be16((uint16_t)(f->df | mf | f->offset / 8));
    iph->check = (__force sum16)0;
    iph->check = ip_fast_csum(iph, h->len / 4);
    f->offset += text_len;
}

/* A piece is sent the way the whole would have gone. */
static void frag_set_way(struct sk_buff *piece, const struct sk_buff *skb)
{
    skb_dst_set(piece, dst_hold(skb->dst));
    piece->dev = skb->dev;
    piece->protocol = skb->protocol;
    piece->priority = skb->priority;
    piece->mark = skb->mark;
    piece->skb_iif = skb->skb_iif; /* an error about it names the card that received the whole */
    piece->pkt_type = skb->pkt_type;
    piece->ip_summed = CHECKSUM_NONE;
    piece->frag_max_size = 0;
}

static int frag_send(struct frag_state *f, struct sk_buff *piece)
{
    NET_INC_STATS(f->net, IpFragCreates);
    return f->output(piece);
}

/* --- the fast way: it lies in pieces already --- */

static unsigned frag_list_len(const struct sk_buff *skb)
{
    unsigned len = 0;

    for (const struct sk_buff *part = skb_shinfo(skb)->frag_list; part; part = part->next)
        len += part->len;
    return len;
}

static bool frag_part_is_ready(const struct frag_state *f, const struct sk_buff *part)
{
    unsigned link_room = ALIGN_UP(f->skb->dst->dev->hard_header_len, 16u);

    return part->users == 1 && !part->cloned && !skb_shinfo(part)->frag_list &&
           part->len <= f->mtu - f->rest.len && (part->len % 8 == 0 || !part->next) &&
           skb_headroom(part) >= f->rest.len + link_room;
}

/* Whether each buffer of the chain can be a piece as it is, and nobody else looks at it. A charged one is
 * cut, so that each piece is charged. */
static bool frag_is_ready(const struct frag_state *f)
{
    const struct sk_buff *skb = f->skb, *part = skb_shinfo(skb)->frag_list;
    unsigned first_len = skb->len - frag_list_len(skb);

    if (!part || skb_cloned(skb) || skb->sk || first_len > f->mtu || first_len <= f->first.len ||
        (first_len - f->first.len) % 8)
        return false;
    for (; part; part = part->next)
        if (!frag_part_is_ready(f, part))
            return false;
    return true;
}

/* What is left when a piece could not be sent: that one was counted, the others are of no use without it. */
static void frag_free_list(struct sk_buff *part)
{
    while (part) {
        struct sk_buff *next = part->next;

        part->next = NULL;
        consume_skb(part);
        part = next;
    }
}

static int frag_send_ready(struct frag_state *f)
{
    struct sk_buff *skb = f->skb, *part = skb_shinfo(skb)->frag_list;
    int err;

    for (struct sk_buff *p = part; p; p = p->next) {
        skb->len -= p->len;
        skb->data_len -= p->len;
        skb->truesize -= p->truesize;
        frag_set_way(p, skb);
    }
    skb_shinfo(skb)->frag_list = NULL;
    skb_pull(skb, f->first.len);
    frag_write_header(f, skb, &f->first, false);
    skb->ip_summed = CHECKSUM_NONE;
    skb->frag_max_size = 0;
    err = frag_send(f, skb);
    while (part && !err) {
        struct sk_buff *next = part->next;

        part->next = NULL;
        frag_write_header(f, part, &f->rest, !next);
        err = frag_send(f, part);
        part = next;
    }
    frag_free_list(part);
    return err;
}

/* --- the general way: cut --- */

/* Hangs [offset, offset + len) of skb's fragments, counted from the first, on the piece. */
static void frag_share_pages(struct sk_buff *piece, const struct sk_buff *skb, unsigned offset, unsigned len)
{
    const struct skb_shared_info *info = skb_shinfo(skb);

    for (unsigned i = 0; i < info->nr_frags && len; i++) {
        const struct skb_frag *frag = &info->frags[i];

        if (offset >= frag->size) {
            offset -= frag->size;
            continue;
        }
        unsigned n = min(frag->size - offset, len);

        get_page(frag->page);
        skb_add_rx_frag(piece, frag->page, frag->offset + offset, n, n);
        len -= n;
        offset = 0;
    }
}

/* A piece with bytes [offset, offset + len) of skb, room for headers in front; NULL without memory. */
static struct sk_buff *frag_cut(const struct frag_state *f, unsigned offset, unsigned len)
{
    struct sk_buff *skb = f->skb, *piece;
    unsigned linear = skb_headlen(skb), in_head = skb->len;
    unsigned room = ALIGN_UP(skb->dst->dev->hard_header_len, 16u) + (unsigned)sizeof(f->rest.bytes),
             copied = len;

    if (skb_shinfo(skb)->frag_list)
        in_head -= frag_list_len(skb);
    if (offset + len <= in_head)
        copied = offset < linear ? min(linear - offset, len) : 0;
    piece = alloc_skb(f->net, room + copied);
    if (!piece)
        return NULL;
    skb_reserve(piece, room);
    if (skb_copy_bits(skb, offset, skb_put(piece, copied), copied)) {
        consume_skb(piece);
        return NULL;
    }
    if (copied < len)
        frag_share_pages(piece, skb, offset + copied - linear, len - copied);
    frag_set_way(piece, skb);
    if (skb->sk)
        skb_set_owner_w(piece, skb->sk);
    return piece;
}

static int frag_send_cut(struct frag_state *f)
{
    struct sk_buff *skb = f->skb;
    const struct frag_header *h = &f->first;
    unsigned at = f->first.len, start = f->offset;
    int err = 0;

    while (at < skb->len && !err) {
        unsigned room = f->mtu - h->len, len = skb->len - at;
        struct sk_buff *piece;

        if (len > room)
            len = room & ~7u;
        piece = frag_cut(f, at, len);
        if (!piece) {
            err = -ENOMEM;
            break;
        }
        at += len;
        /* A router's piece of a later fragment has its options already. */
        frag_write_header(f, piece, start ? &f->rest : h, at == skb->len);
        err = frag_send(f, piece);
        h = &f->rest;
    }
    consume_skb(skb);
    return err;
}

int ip_fragment(struct net *net, struct sk_buff *skb, int (*output)(struct sk_buff *skb))
{
    struct frag_state f;
    int err = 0;

    if (skb->ip_summed == CHECKSUM_PARTIAL)
        err = skb_checksum_help(skb); /* no card can sum what it sees in pieces */
    if (err || !pskb_may_pull(skb, ip_hdrlen(ip_hdr(skb)))) {
        NET_INC_STATS(net, IpFragFails);
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return err ? err : -ENOMEM;
    }
    frag_start(&f, net, skb, output);
    if (f.mtu < f.first.len + 8) {
        NET_INC_STATS(net, IpFragFails);
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_MTU);
        return -EMSGSIZE;
    }
    err = frag_is_ready(&f) ? frag_send_ready(&f) : frag_send_cut(&f);
    if (err)
        NET_INC_STATS(net, IpFragFails);
    else
        NET_INC_STATS(net, IpFragOKs);
    return err;
}
