/*
 * skbuff.c - the buffers' life and shape: made, shared, reshaped, split, freed, queued.
 *
 * Called by everybody on the packet's way. The driver builds one around each received frame, the transports
 * allocate one per segment and clone it for the way down; the last holder frees it. What runs once per packet
 * (alloc_skb, build_skb, skb_clone, consume_skb) is written for few instructions and checks nothing; what
 * runs rarely (growing a head, moving fragments) asserts the invariants of skbuff.h.
 */
#include "net/core/skbuff.h"

#include <errno.h>
#include <string.h>

#include "kernel/panic.h"
#include "kernel/slab.h"
#include "net/core/dst.h"
#include "net/core/netdevice.h"

/* The allocator's handle, not state of a stack: set once, before the first one is made. */
static struct kmem_cache *skb_cache;

int skb_init(void)
{
    if (!skb_cache)
        skb_cache = kmem_cache_create("skbuff_head", sizeof(struct sk_buff), 0);
    return skb_cache ? 0 : -ENOMEM;
}

/* --- making --- */

/*
 * Field by field, all but cb, which is its user's to fill: next to each other and constant, so the compiler
 * joins them into few wide stores.
 */
static inline void skb_init_fields(struct sk_buff *skb, struct net *net, uint8_t *head, unsigned room)
{
    struct skb_shared_info *info = (struct skb_shared_info *)(head + room);

    skb->next = skb->prev = NULL;
    skb->net = net;
    skb->sk = NULL;
    skb->dev = NULL;
    skb->dst = NULL;
    skb->nfct = NULL;
    skb->tstamp = 0;
    skb->destructor = NULL;
    skb->len = skb->data_len = 0;
    skb->truesize = (unsigned)(room + sizeof(struct skb_shared_info) + sizeof(struct sk_buff));
    skb->csum = (__force wsum)0;
    skb->priority = skb->mark = skb->hash = 0;
    skb->protocol = skb->vlan_proto = (__force be16)0;
    skb->vlan_tci = 0;
    skb->mac_header = skb->network_header = skb->transport_header = skb->mac_len = 0;
    skb->pkt_type = PACKET_HOST;
    skb->ip_summed = CHECKSUM_NONE;
    skb->cloned = skb->vlan_present = skb->nohdr = 0;
    skb->nfctinfo = 0;
    skb->frag_max_size = 0;
    skb->head = skb->data = skb->tail = head;
    skb->end = head + room;
    skb->users = 1;
    skb->skb_iif = 0;

    info->dataref = 1;
    info->nr_frags = info->gso_size = info->gso_segs = 0;
    info->frag_list = NULL;
    net->skb_count++;
}

struct sk_buff *alloc_skb(struct net *net, unsigned size)
{
    unsigned room = ALIGN_UP(size, 16u);
    struct sk_buff *skb = kmem_cache_alloc(skb_cache);

    if (unlikely(!skb))
        return NULL;
    uint8_t *head = kmalloc(room + sizeof(struct skb_shared_info));
    if (unlikely(!head)) {
        kmem_cache_free(skb_cache, skb);
        return NULL;
    }
    skb_init_fields(skb, net, head, room);
    return skb;
}

bool skb_renew(struct sk_buff *skb, unsigned size)
{
    size_t room = (size_t)(skb->end - skb->head);

    if (room < size || skb->users > 1 || skb->cloned || skb_is_nonlinear(skb) || skb->destructor ||
        skb->dst || skb->nfct)
        return false;
    skb->net->skb_count--; /* it is counted anew */
    skb_init_fields(skb, skb->net, skb->head, (unsigned)room);
    return true;
}

struct sk_buff *netdev_alloc_skb(struct net_device *dev, unsigned size)
{
    struct sk_buff *skb = alloc_skb(dev->net, size + NET_SKB_PAD + NET_IP_ALIGN);

    if (unlikely(!skb))
        return NULL;
    skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
    skb->dev = dev;
    return skb;
}

struct sk_buff *build_skb(struct net *net, void *data, unsigned buf_size)
{
    struct sk_buff *skb = kmem_cache_alloc(skb_cache);

    if (unlikely(!skb))
        return NULL;
    skb_init_fields(skb, net, data, (buf_size - (unsigned)sizeof(struct skb_shared_info)) & ~15u);
    return skb;
}

struct sk_buff *skb_get(struct sk_buff *skb)
{
    skb->users++;
    return skb;
}

/* --- ending --- */

static void skb_free_frag_list(struct sk_buff *skb)
{
    while (skb) {
        struct sk_buff *next = skb->next;
        consume_skb(skb);
        skb = next;
    }
}

/* The slow half: there is more than a head. */
static void skb_release_frags(struct skb_shared_info *info)
{
    for (unsigned i = 0; i < info->nr_frags; i++)
        put_page(info->frags[i].page);
    skb_free_frag_list(info->frag_list);
}

/* This skb lets go of its bytes; the last one frees them. */
static inline void skb_release_data(struct sk_buff *skb)
{
    struct skb_shared_info *info = skb_shinfo(skb);

    if (skb->cloned && --info->dataref)
        return;
    if (info->nr_frags || info->frag_list)
        skb_release_frags(info);
    kfree(skb->head);
}

static inline void skb_free(struct sk_buff *skb)
{
    if (skb->destructor)
        skb->destructor(skb);
    dst_release(skb->dst);
    skb_nfct_drop(skb);
    skb_release_data(skb);
    skb->net->skb_count--;
    kmem_cache_free(skb_cache, skb);
}

void consume_skb(struct sk_buff *skb)
{
    if (unlikely(!skb))
        return;
    if (unlikely(skb->users > 1)) {
        skb->users--;
        return;
    }
    skb_free(skb);
}

/*
 * Below the transports a drop is the device's too, in the direction that the reason tells; what a socket
 * throws away was received all right.
 */
static void skb_count_device_drop(struct net_device *dev, enum skb_drop_reason reason)
{
    if (reason >= SKB_DROP_REASON_ICMP_CSUM)
        return;
    if (reason == SKB_DROP_REASON_DEV_XMIT_FULL || reason == SKB_DROP_REASON_TX_TOO_LONG ||
        reason == SKB_DROP_REASON_IP_MTU ||
        (reason >= SKB_DROP_REASON_NEIGH_CREATEFAIL && reason <= SKB_DROP_REASON_NEIGH_DEAD))
        dev->stats.tx_dropped++;
    else
        dev->stats.rx_dropped++;
}

void kfree_skb_reason(struct sk_buff *skb, enum skb_drop_reason reason)
{
    if (!skb)
        return;
    if (skb->users > 1) {
        skb->users--;
        return;
    }
    ASSERT(reason > SKB_NOT_DROPPED_YET && reason < SKB_DROP_REASON_MAX);
    skb->net->drops[reason]++;
    if (skb->dev)
        skb_count_device_drop(skb->dev, reason);
    skb_free(skb);
}

void skb_room_panic(const struct sk_buff *skb, unsigned len, const char *what)
{
    panic("skb_%s of %u bytes: headroom %u, linear %u of %u, tailroom %u", what, len, skb_headroom(skb),
          skb_headlen(skb), skb->len, skb_tailroom(skb));
}

/* --- sharing --- */

/* Word by word: the compiler's own idea, rep movs, costs a few times as much under emulation. */
static inline void skb_copy_struct(struct sk_buff *to, const struct sk_buff *from)
{
    uint64_t *t = (uint64_t *)to;
    const uint64_t *f = (const uint64_t *)from;

    _Static_assert(sizeof(*to) % 16 == 0, "copied in pairs of words");
#pragma GCC unroll 16
    for (unsigned i = 0; i < sizeof(*to) / 8; i += 2) {
        uint64_t a = f[i], b = f[i + 1];
        barrier();
        t[i] = a;
        t[i + 1] = b;
    }
}

struct sk_buff *skb_clone(struct sk_buff *skb)
{
    struct sk_buff *clone = kmem_cache_alloc(skb_cache);

    if (unlikely(!clone))
        return NULL;
    skb_copy_struct(clone, skb);
    clone->next = clone->prev = NULL;
    clone->sk = NULL;
    clone->destructor = NULL;
    clone->users = 1;
    clone->cloned = skb->cloned = 1;
    skb_shinfo(skb)->dataref++;
    if (clone->dst)
        dst_hold(clone->dst);
    if (unlikely(clone->nfct))
        clone->nfct->use++;
    clone->net->skb_count++;
    return clone;
}

/* Header positions follow bytes that now lie `shift` further from head; one in front of the new head is lost.
 */
static uint16_t skb_shifted(uint16_t header, int shift)
{
    int moved = (int)header + shift;
    return (uint16_t)(moved > 0 ? moved : 0);
}

static void skb_shift_headers(struct sk_buff *skb, int shift)
{
    skb->mac_header = skb_shifted(skb->mac_header, shift);
    skb->network_header = skb_shifted(skb->network_header, shift);
    skb->transport_header = skb_shifted(skb->transport_header, shift);
    if (skb->ip_summed == CHECKSUM_PARTIAL)
        skb->csum_start = skb_shifted(skb->csum_start, shift);
}

/* What a copy takes over from the original besides bytes. */
static void skb_copy_metadata(struct sk_buff *to, const struct sk_buff *from)
{
    to->dev = from->dev;
    to->dst = from->dst ? dst_hold(from->dst) : NULL;
    to->nfct = from->nfct;
    to->nfctinfo = from->nfctinfo;
    if (to->nfct)
        to->nfct->use++;
    to->tstamp = from->tstamp;
    memcpy(to->cb, from->cb, sizeof(to->cb));
    to->csum = from->csum;
    to->priority = from->priority;
    to->mark = from->mark;
    to->hash = from->hash;
    to->protocol = from->protocol;
    to->vlan_proto = from->vlan_proto;
    to->vlan_tci = from->vlan_tci;
    to->vlan_present = from->vlan_present;
    to->mac_header = from->mac_header;
    to->network_header = from->network_header;
    to->transport_header = from->transport_header;
    to->mac_len = from->mac_len;
    to->frag_max_size = from->frag_max_size;
    to->skb_iif = from->skb_iif;
    to->pkt_type = from->pkt_type;
    to->ip_summed = from->ip_summed;
    skb_shinfo(to)->gso_size = skb_shinfo(from)->gso_size;
    skb_shinfo(to)->gso_segs = skb_shinfo(from)->gso_segs;
    skb_shift_headers(to, (int)skb_headroom(to) - (int)skb_headroom(from));
}

/* The frags of `from`, with a reference of their own each. */
static void skb_share_frags(struct skb_shared_info *to, const struct skb_shared_info *from)
{
    to->nr_frags = from->nr_frags;
    for (unsigned i = 0; i < from->nr_frags; i++) {
        to->frags[i] = from->frags[i];
        get_page(to->frags[i].page);
    }
    to->frag_list = from->frag_list;
    for (struct sk_buff *skb = to->frag_list; skb; skb = skb->next)
        skb_get(skb);
}

/* A new head with `headroom` in front of `linear` bytes; the bytes already in front of data come along as far
 * as they fit, so that header positions in front of data keep their meaning. */
static struct sk_buff *skb_copy_head(const struct sk_buff *skb, unsigned headroom, unsigned linear)
{
    struct sk_buff *copy = alloc_skb(skb->net, headroom + linear);

    if (!copy)
        return NULL;
    unsigned front = min(headroom, skb_headroom(skb));
    skb_reserve(copy, headroom);
    memcpy(copy->data - front, skb->data - front, front + skb_headlen(skb));
    copy->tail += linear;
    copy->len = linear;
    skb_copy_metadata(copy, skb);
    return copy;
}

struct sk_buff *pskb_copy(const struct sk_buff *skb, unsigned headroom)
{
    struct sk_buff *copy = skb_copy_head(skb, headroom, skb_headlen(skb));

    if (!copy)
        return NULL;
    skb_share_frags(skb_shinfo(copy), skb_shinfo(skb));
    copy->data_len = skb->data_len;
    copy->len = skb->len;
    copy->truesize += skb->data_len;
    return copy;
}

struct sk_buff *skb_copy(const struct sk_buff *skb, unsigned headroom)
{
    struct sk_buff *copy = skb_copy_head(skb, headroom, skb->len);

    if (!copy)
        return NULL;
    unsigned head = skb_headlen(skb);
    int err = skb_copy_bits(skb, head, copy->data + head, skb->len - head);
    ASSERT(!err);
    return copy;
}

/*
 * Gives the skb a head of its own, `front` bytes larger before and `back` bytes larger behind. The fragments
 * are taken along, or shared while another skb still uses the old head. 0, or -ENOMEM and nothing changed.
 */
static int pskb_expand_head(struct sk_buff *skb, unsigned front, unsigned back)
{
    unsigned used = (unsigned)(skb->tail - skb->head);
    unsigned room = ALIGN_UP((unsigned)(skb->end - skb->head) + front + back, 16u);
    struct skb_shared_info *old = skb_shinfo(skb);
    uint8_t *head = kmalloc(room + sizeof(struct skb_shared_info));

    ASSERT(skb->head <= skb->data && skb->data <= skb->tail && skb->tail <= skb->end);
    if (!head)
        return -ENOMEM;
    memcpy(head + front, skb->head, used);
    struct skb_shared_info *info = (struct skb_shared_info *)(head + room);
    *info = *old;
    info->dataref = 1;
    if (skb_cloned(skb)) {
        skb_share_frags(info, old);
        old->dataref--;
    } else {
        kfree(skb->head);
    }
    skb->data = head + front + (skb->data - skb->head);
    skb->tail = head + front + used;
    skb->head = head;
    skb->end = head + room;
    skb->cloned = skb->nohdr = 0;
    skb_shift_headers(skb, (int)front);
    return 0;
}

int skb_unclone(struct sk_buff *skb)
{
    return skb_cloned(skb) ? pskb_expand_head(skb, 0, 0) : 0;
}

int skb_cow_head(struct sk_buff *skb, unsigned headroom)
{
    unsigned have = skb_headroom(skb);
    bool writable = !skb_cloned(skb) || skb->nohdr;

    if (likely(have >= headroom && writable))
        return 0;
    return pskb_expand_head(skb, have >= headroom ? 0 : ALIGN_UP(headroom - have, 16u), 0);
}

/* --- fragments to linear bytes, cutting, splitting --- */

static void skb_frag_unref(struct skb_shared_info *info, unsigned i)
{
    put_page(info->frags[i].page);
}

/* Takes `len` bytes off the front of the frags; they are not shared and hold that many. */
static void skb_eat_frags(struct sk_buff *skb, unsigned len)
{
    struct skb_shared_info *info = skb_shinfo(skb);
    unsigned gone = 0;

    skb->data_len -= len;
    while (gone < info->nr_frags && len >= info->frags[gone].size) {
        len -= info->frags[gone].size;
        skb_frag_unref(info, gone++);
    }
    if (gone) {
        info->nr_frags = (uint16_t)(info->nr_frags - gone);
        memmove(info->frags, info->frags + gone, info->nr_frags * sizeof(info->frags[0]));
    }
    if (len) {
        ASSERT(info->nr_frags);
        info->frags[0].offset += len;
        info->frags[0].size -= len;
    }
}

bool pskb_may_pull_slow(struct sk_buff *skb, unsigned len)
{
    unsigned linear = skb_headlen(skb);

    if (len <= linear)
        return true;
    if (len > skb->len)
        return false;
    /* A chain of buffers is brought into one piece whole: nobody walks it in part. */
    bool chain = skb_shinfo(skb)->frag_list;
    unsigned more = (chain ? skb->len : len) - linear;
    unsigned room = (unsigned)(skb->end - skb->tail);

    if ((skb_cloned(skb) || room < more) && pskb_expand_head(skb, 0, room < more ? more - room : 0) != 0)
        return false;
    int err = skb_copy_bits(skb, linear, skb->tail, more);
    ASSERT(!err);
    skb->tail += more;
    if (chain) {
        struct skb_shared_info *info = skb_shinfo(skb);
        skb_release_frags(info);
        info->nr_frags = 0;
        info->frag_list = NULL;
        skb->data_len = 0;
    } else {
        skb_eat_frags(skb, more);
    }
    return true;
}

int skb_linearize(struct sk_buff *skb)
{
    return skb_is_nonlinear(skb) && !pskb_may_pull_slow(skb, skb->len) ? -ENOMEM : 0;
}

/* Keeps the first `keep` bytes of the frags. */
static void skb_cut_frags(struct sk_buff *skb, unsigned keep)
{
    struct skb_shared_info *info = skb_shinfo(skb);
    unsigned i = 0;

    skb->data_len = keep;
    for (; keep && i < info->nr_frags; i++) {
        info->frags[i].size = min(info->frags[i].size, keep);
        keep -= info->frags[i].size;
    }
    ASSERT(!keep);
    for (unsigned n = i; n < info->nr_frags; n++)
        skb_frag_unref(info, n);
    info->nr_frags = (uint16_t)i;
}

int skb_trim(struct sk_buff *skb, unsigned len)
{
    if (len >= skb->len)
        return 0;
    if (skb_is_nonlinear(skb)) {
        bool chain = skb_shinfo(skb)->frag_list;
        if (chain ? skb_linearize(skb) : skb_unclone(skb))
            return -ENOMEM;
    }
    if (skb->ip_summed == CHECKSUM_COMPLETE)
        skb->ip_summed = CHECKSUM_NONE; /* the sum covers bytes that are gone */
    unsigned linear = skb_headlen(skb);
    if (skb_is_nonlinear(skb))
        skb_cut_frags(skb, len > linear ? len - linear : 0);
    if (len < linear)
        skb->tail = skb->data + len;
    skb->len = len;
    return 0;
}

int skb_trim_front(struct sk_buff *skb, unsigned len)
{
    ASSERT(len <= skb->len);
    if (len > skb_headlen(skb)) {
        bool chain = skb_shinfo(skb)->frag_list;
        if (chain ? skb_linearize(skb) : skb_unclone(skb))
            return -ENOMEM;
    }
    if (skb->ip_summed == CHECKSUM_COMPLETE)
        skb->ip_summed = CHECKSUM_NONE; /* the sum covers bytes that are gone */
    unsigned linear = min(len, skb_headlen(skb));
    skb_pull(skb, linear);
    if (len > linear) {
        skb_eat_frags(skb, len - linear);
        skb->len -= len - linear;
    }
    return 0;
}

/* Frags from byte `keep` of the frags on go to `rest`; the one it falls into is shared. */
static void skb_split_frags(struct sk_buff *skb, struct sk_buff *rest, unsigned keep)
{
    struct skb_shared_info *from = skb_shinfo(skb), *to = skb_shinfo(rest);
    unsigned kept = 0;

    for (unsigned i = 0; i < from->nr_frags; i++) {
        struct skb_frag *frag = &from->frags[i];
        if (keep >= frag->size) {
            keep -= frag->size;
            kept++;
            continue;
        }
        struct skb_frag *moved = &to->frags[to->nr_frags++];
        *moved = *frag;
        if (keep) {
            moved->offset += keep;
            moved->size -= keep;
            get_page(moved->page);
            frag->size = keep;
            keep = 0;
            kept++;
        }
    }
    from->nr_frags = (uint16_t)kept;
}

void skb_split(struct sk_buff *skb, struct sk_buff *rest, unsigned len)
{
    unsigned linear = skb_headlen(skb);

    ASSERT(!skb_cloned(skb) && !skb_shinfo(skb)->frag_list && !rest->len && !skb_shinfo(rest)->nr_frags);
    if (len >= skb->len)
        return;
    unsigned keep_frags = len > linear ? len - linear : 0;
    unsigned moved_frags = skb->data_len - keep_frags;
    if (len < linear) {
        skb_put_data(rest, skb->data + len, linear - len);
        skb->tail = skb->data + len;
    }
    skb_split_frags(skb, rest, keep_frags);
    rest->data_len = moved_frags;
    rest->len += moved_frags;
    skb->data_len = keep_frags;
    skb->len = len;
    if (skb->ip_summed == CHECKSUM_COMPLETE)
        skb->ip_summed = CHECKSUM_NONE;
}

void skb_add_rx_frag(struct sk_buff *skb, struct page *page, unsigned offset, unsigned size,
                     unsigned truesize)
{
    struct skb_shared_info *info = skb_shinfo(skb);

    ASSERT(info->nr_frags < MAX_SKB_FRAGS);
    info->frags[info->nr_frags++] = (struct skb_frag){.page = page, .offset = offset, .size = size};
    skb->len += size;
    skb->data_len += size;
    skb->truesize += truesize;
}

void *skb_put_data(struct sk_buff *skb, const void *data, unsigned len)
{
    void *room = skb_put(skb, len);

    memcpy(room, data, len);
    return room;
}

/* Behind the linear bytes: frags, then the chain. `offset` counts from their end and is in range. */
static void skb_copy_frag_bits(const struct sk_buff *skb, unsigned offset, uint8_t *to, unsigned len)
{
    struct skb_frag_walk walk = skb_frag_walk(skb, offset, len);

    for (; skb_frag_walk_next(&walk); to += walk.size)
        memcpy(to, skb_frag_address(walk.frag) + walk.at, walk.size);
    offset = walk.offset;
    len = walk.len;
    for (const struct sk_buff *part = skb_shinfo(skb)->frag_list; part && len; part = part->next) {
        if (offset >= part->len) {
            offset -= part->len;
            continue;
        }
        unsigned n = min(part->len - offset, len);
        int err = skb_copy_bits(part, offset, to, n);
        ASSERT(!err);
        to += n;
        len -= n;
        offset = 0;
    }
    ASSERT(!len);
}

int skb_copy_bits(const struct sk_buff *skb, unsigned offset, void *to, unsigned len)
{
    unsigned linear = skb_headlen(skb);
    unsigned n = 0;

    if (len > skb->len || offset > skb->len - len)
        return -EFAULT;
    if (offset < linear) {
        n = min(linear - offset, len);
        memcpy(to, skb->data + offset, n);
    }
    if (n < len)
        skb_copy_frag_bits(skb, offset + n - linear, (uint8_t *)to + n, len - n);
    return 0;
}

/* --- route --- */

void skb_dst_drop(struct sk_buff *skb)
{
    dst_release(skb->dst);
    skb->dst = NULL;
}

void skb_dst_set(struct sk_buff *skb, struct dst_entry *dst)
{
    dst_release(skb->dst);
    skb->dst = dst;
}

/* --- queues --- */

static inline void skb_link(struct sk_buff_head *q, struct sk_buff *skb, struct sk_buff *prev,
                            struct sk_buff *next)
{
    skb->prev = prev;
    skb->next = next;
    prev->next = skb;
    next->prev = skb;
    q->qlen++;
}

void skb_queue_tail(struct sk_buff_head *q, struct sk_buff *skb)
{
    skb_link(q, skb, q->prev, (struct sk_buff *)q);
}

void skb_queue_front(struct sk_buff_head *q, struct sk_buff *skb)
{
    skb_link(q, skb, (struct sk_buff *)q, q->next);
}

void skb_queue_after(struct sk_buff_head *q, struct sk_buff *prev, struct sk_buff *skb)
{
    skb_link(q, skb, prev, prev->next);
}

void skb_unlink(struct sk_buff_head *q, struct sk_buff *skb)
{
    skb->prev->next = skb->next;
    skb->next->prev = skb->prev;
    skb->next = skb->prev = NULL;
    q->qlen--;
}

struct sk_buff *skb_dequeue(struct sk_buff_head *q)
{
    struct sk_buff *skb = skb_peek(q);

    if (skb)
        skb_unlink(q, skb);
    return skb;
}

void skb_queue_purge(struct sk_buff_head *q, enum skb_drop_reason reason)
{
    struct sk_buff *skb;

    while ((skb = skb_dequeue(q))) {
        if (reason == SKB_NOT_DROPPED_YET)
            consume_skb(skb);
        else
            kfree_skb_reason(skb, reason);
    }
}
