/*
 * skbuff.h - the vessel every packet travels in.
 *
 *     head          data                tail            end
 *      |             |                   |               |
 *      v             v                   v               v
 *      +-------------+-------------------+---------------+-----------------+
 *      |  headroom   |  linear bytes     |   tailroom    | skb_shared_info |--> frags[]: pages by reference
 *      +-------------+-------------------+---------------+-----------------+
 *                     <- skb_headlen() ->
 *
 * head <= data <= tail <= end holds always. len = linear bytes + data_len; data_len = bytes in frags.
 * The three header positions are offsets from head, so they survive a reallocation.
 *
 * An sk_buff has one owner. Cloning makes a second sk_buff over the same bytes; the bytes may then be read by
 * both and written by neither: skb_cow_head()/skb_unshare() first. Every transmit and receive function takes
 * its skb, also when it fails.
 *
 * Headroom: whoever allocates a packet to be sent leaves MAX_HEADER bytes (link + IP with options + TCP with
 * options), so that each layer only pushes. Drivers receive with NET_SKB_PAD + NET_IP_ALIGN in front, which
 * aligns the IP header to 4.
 */
#ifndef NET_CORE_SKBUFF_H
#define NET_CORE_SKBUFF_H

#include "kernel/page.h"
#include "kernel/types.h"
#include "net/core/dropreason.h"
#include "net/core/net.h"

struct dst_entry;
struct sock;

#define NET_SKB_PAD   64
#define NET_IP_ALIGN  2
#define MAX_HEADER    (16 + 60 + 60) /* link (with VLAN, rounded up), IPv4, TCP */
#define MAX_SKB_FRAGS 17
#define SKB_CB_SIZE   64

/* skb->pkt_type: whom the frame was addressed to, by its link header (RFC 1122 2.4). */
enum { PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST, PACKET_OUTGOING, PACKET_LOOPBACK };

/*
 * skb->ip_summed.
 * Received: NONE - nobody checked; UNNECESSARY - the card did and it is right; COMPLETE - skb->csum is the
 * sum of everything from skb->data on. To send:  NONE - complete as it stands; PARTIAL - the pseudo-header's
 * sum is in the field at csum_start + csum_offset, and card or skb_checksum_help() must add the rest from
 * csum_start (offset from head).
 */
enum { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, CHECKSUM_COMPLETE, CHECKSUM_PARTIAL };

/* What connection tracking hangs on a packet; the rest is known to net/netfilter/nf_conntrack.h only. */
struct nf_conntrack {
    uint32_t use;
    void (*destroy)(struct nf_conntrack *ct); /* at use == 0 */
};

struct skb_frag {
    struct page *page; /* one reference held */
    uint32_t
        offset; /* from the page's start; may run on into the following pages of the same block or module */
    uint32_t size;
};

/* At skb->end. Shared by all clones; `dataref` counts them. */
struct skb_shared_info {
    uint32_t dataref;
    uint16_t nr_frags;
    uint16_t gso_size;         /* payload bytes per segment if this is several in one, else 0 */
    uint16_t gso_segs;         /* how many: of these, or bare ACKs (received, gso_size 0); 0 as 1 */
    struct sk_buff *frag_list; /* further buffers of one datagram (reassembly); owned */
    struct skb_frag frags[MAX_SKB_FRAGS];
};

struct sk_buff {
    struct sk_buff *next, *prev;       /* on an sk_buff_head; must stay first */
    struct net *net;                   /* whose buffer this is; set by every allocation */
    struct sock *sk;                   /* whom it is charged to, by destructor */
    struct net_device *dev;            /* received from, or to be sent by */
    struct dst_entry *dst;             /* route, one reference held */
    struct nf_conntrack *nfct;         /* its connection, one reference held; nfctinfo says how it belongs */
    ktime_t tstamp;                    /* received at (0: nobody asked yet) */
    char cb[SKB_CB_SIZE] __aligned(8); /* scratch of the layer that holds the skb now */
    void (*destructor)(struct sk_buff *skb);

    uint32_t len, data_len;
    uint32_t truesize; /* memory it stands for, with all overhead */
    union {
        wsum csum;
        struct {
            uint16_t csum_start, csum_offset;
        };
    };
    uint32_t priority, mark, hash;
    be16 protocol; /* EtherType */
    be16 vlan_proto;
    uint16_t vlan_tci;
    uint16_t mac_header, network_header, transport_header; /* offsets from head */
    uint16_t mac_len;
    uint16_t frag_max_size; /* largest of the fragments this datagram came in; 0: came in one piece */
    /*
     * nohdr, set by a transport on the clone it sends down: the one left on its queue starts behind the
     * transport header and never looks at the bytes in front, so the headers may be written although the
     * bytes are shared.
     */
    uint8_t pkt_type : 3, ip_summed : 2, cloned : 1, vlan_present : 1, nohdr : 1;
    uint8_t nfctinfo : 3; /* enum ip_conntrack_info */
    uint8_t *head, *data, *tail, *end;
    uint32_t users; /* references to this struct */
    int skb_iif;    /* ifindex it came in by, once it is on its way through (ip_forward); else 0 */
};

/* --- life --- */

/**
 * alloc_skb - a buffer with room for `size` linear bytes, no headroom yet (skb_reserve)
 * Return: owned by the caller, or NULL without memory.
 */
struct sk_buff *__must_check alloc_skb(struct net *net, unsigned size);

/* Makes skb as good as new, as from alloc_skb() with this size: true if it has the room, and nobody else has
 * it or any of what hangs on it; else nothing happens. */
bool __must_check skb_renew(struct sk_buff *skb, unsigned size);

/* For a driver: as alloc_skb, with NET_SKB_PAD + NET_IP_ALIGN reserved and skb->dev set. */
struct sk_buff *__must_check netdev_alloc_skb(struct net_device *dev, unsigned size);

/**
 * build_skb - an sk_buff around a buffer the card has filled; no copy
 * @data:      from kmalloc(buf_size) (taken on success; the caller keeps it when NULL comes back)
 * @buf_size:  SKB_BUF_SIZE(room) bytes or more; the shared info takes its end
 * Return: data == tail == head; the driver reserves its headroom and puts the frame's length.
 */
struct sk_buff *__must_check build_skb(struct net *net, void *data, unsigned buf_size);
#define SKB_BUF_SIZE(room) (ALIGN_UP((room), 16u) + (unsigned)sizeof(struct skb_shared_info))

struct sk_buff *skb_get(struct sk_buff *skb); /* one more reference to the same sk_buff */

/* Done with, normally. NULL is fine. */
void consume_skb(struct sk_buff *skb);
/* Dropped: counts net->drops[reason] and the device's drop counter. NULL is fine. */
void kfree_skb_reason(struct sk_buff *skb, enum skb_drop_reason reason);

/* Same bytes, new sk_buff (sk, destructor not taken over; dst is, by reference). NULL without memory. */
struct sk_buff *__must_check skb_clone(struct sk_buff *skb);
/* Own linear bytes (with `headroom` in front), shared frags: a private header over common data. */
struct sk_buff *__must_check pskb_copy(const struct sk_buff *skb, unsigned headroom);
/* Everything copied into one linear buffer. */
struct sk_buff *__must_check skb_copy(const struct sk_buff *skb, unsigned headroom);

/* Makes the linear part writable and gives at least `headroom`: 0 or -ENOMEM (skb unchanged). */
int __must_check skb_cow_head(struct sk_buff *skb, unsigned headroom);
/* Own bytes: nobody else sees them any more (frags stay shared, they are read-only): 0 or -ENOMEM. */
int __must_check skb_unclone(struct sk_buff *skb);
/* Brings all frags into the linear part: 0 or -ENOMEM. */
int __must_check skb_linearize(struct sk_buff *skb);
/* At least `len` bytes linear. false: not that many bytes, or no memory. */
bool __must_check pskb_may_pull_slow(struct sk_buff *skb, unsigned len);

/* --- shape --- */

static inline struct skb_shared_info *skb_shinfo(const struct sk_buff *skb)
{
    return (struct skb_shared_info *)skb->end;
}

/* Segments this buffer stands for. */
static inline unsigned skb_segs(const struct sk_buff *skb)
{
    unsigned segs = skb_shinfo(skb)->gso_segs;
    return segs ? segs : 1;
}

static inline unsigned skb_headlen(const struct sk_buff *skb)
{
    return skb->len - skb->data_len;
}

static inline unsigned skb_headroom(const struct sk_buff *skb)
{
    return (unsigned)(skb->data - skb->head);
}

static inline unsigned skb_tailroom(const struct sk_buff *skb)
{
    return skb->data_len ? 0 : (unsigned)(skb->end - skb->tail);
}

static inline bool skb_is_nonlinear(const struct sk_buff *skb)
{
    return skb->data_len != 0;
}

static inline bool skb_cloned(const struct sk_buff *skb)
{
    return skb->cloned && skb_shinfo(skb)->dataref > 1;
}

static inline void skb_reserve(struct sk_buff *skb, unsigned len)
{
    skb->data += len;
    skb->tail += len;
}

/* Our own mistake: there is no such room. */
void __noreturn skb_room_panic(const struct sk_buff *skb, unsigned len, const char *what);

/* Add at the end / at the front; the room must be there (asserted). Return: the first new byte. */
static inline void *skb_put(struct sk_buff *skb, unsigned len)
{
    uint8_t *room = skb->tail;
    if (unlikely(len > skb_tailroom(skb)))
        skb_room_panic(skb, len, "put");
    skb->tail += len;
    skb->len += len;
    return room;
}

static inline void *skb_push(struct sk_buff *skb, unsigned len)
{
    if (unlikely(len > skb_headroom(skb)))
        skb_room_panic(skb, len, "push");
    skb->data -= len;
    skb->len += len;
    return skb->data;
}

void *skb_put_data(struct sk_buff *skb, const void *data, unsigned len);

/* Take off the front; len must not exceed skb_headlen (asserted). Return: the new first byte. */
static inline void *skb_pull(struct sk_buff *skb, unsigned len)
{
    if (unlikely(len > skb_headlen(skb)))
        skb_room_panic(skb, len, "pull");
    skb->len -= len;
    return skb->data += len;
}

/* At least len bytes are there and linear. */
static inline bool __must_check pskb_may_pull(struct sk_buff *skb, unsigned len)
{
    return likely(len <= skb_headlen(skb)) || pskb_may_pull_slow(skb, len);
}

/* Takes a header and checks that it is there, in one act: the header, or NULL (skb unchanged). */
static inline void *__must_check skb_pull_data(struct sk_buff *skb, unsigned len)
{
    if (!pskb_may_pull(skb, len))
        return NULL;
    void *header = skb->data;
    skb_pull(skb, len);
    return header;
}

/* Cuts to len bytes (nothing if it has less). Frags are released as needed. Return: 0; -ENOMEM (skb
 * unchanged) can come back only for a clone with frags, which needs its own list of them first. */
int skb_trim(struct sk_buff *skb, unsigned len);

/* Takes len bytes (at most all) off the front, wherever they lie, without copying the rest: 0 or -ENOMEM (skb
 * unchanged; only for a clone with frags, or a chain). */
int __must_check skb_trim_front(struct sk_buff *skb, unsigned len);

/* Hangs [offset, offset + size) of a page on the skb; takes over one reference of the page. */
void skb_add_rx_frag(struct sk_buff *skb, struct page *page, unsigned offset, unsigned size,
                     unsigned truesize);

static inline uint8_t *skb_frag_address(const struct skb_frag *frag)
{
    return (uint8_t *)page_address(frag->page) + frag->offset;
}

/*
 * A walk over [offset, offset + len) of a packet's fragments, counted from the end of its linear bytes:
 *
 *     struct skb_frag_walk walk = skb_frag_walk(skb, offset, len);
 *     while (skb_frag_walk_next(&walk))
 *         ... walk.size bytes from skb_frag_address(walk.frag) + walk.at
 *
 * Afterwards walk.len bytes are left that lie beyond the fragments (in frag_list), from walk.offset there.
 */
struct skb_frag_walk {
    const struct skb_frag *frag; /* this piece: `size` bytes of it from `at` */
    unsigned at, size;
    const struct skb_frag *next, *end;
    unsigned offset, len; /* to go; offset counts from `next` */
};

static inline struct skb_frag_walk skb_frag_walk(const struct sk_buff *skb, unsigned offset, unsigned len)
{
    const struct skb_shared_info *info = skb_shinfo(skb);

    return (struct skb_frag_walk){
        .next = info->frags, .end = info->frags + info->nr_frags, .offset = offset, .len = len};
}

static inline bool skb_frag_walk_next(struct skb_frag_walk *walk)
{
    for (; walk->len && walk->next < walk->end; walk->next++) {
        if (walk->offset >= walk->next->size) {
            walk->offset -= walk->next->size;
            continue;
        }
        walk->frag = walk->next++;
        walk->at = walk->offset;
        walk->size = min(walk->frag->size - walk->at, walk->len);
        walk->offset = 0;
        walk->len -= walk->size;
        return true;
    }
    return false;
}

/* Copies between a buffer and [offset, offset + len) wherever that lies: 0 or -EFAULT when out of range. */
int __must_check skb_copy_bits(const struct sk_buff *skb, unsigned offset, void *to, unsigned len);

/*
 * Splits: skb keeps the first `len` bytes, the rest goes to `rest` (allocated with enough headroom and empty;
 * frags move or are shared by reference, linear bytes are copied). skb must not be cloned. truesize stays as
 * it is on both: whoever charged it moves the charge.
 */
void skb_split(struct sk_buff *skb, struct sk_buff *rest, unsigned len);

/* --- headers --- */

static inline void skb_reset_mac_header(struct sk_buff *skb)
{
    skb->mac_header = (uint16_t)(skb->data - skb->head);
}

static inline void skb_reset_network_header(struct sk_buff *skb)
{
    skb->network_header = (uint16_t)(skb->data - skb->head);
}

static inline void skb_reset_transport_header(struct sk_buff *skb)
{
    skb->transport_header = (uint16_t)(skb->data - skb->head);
}

static inline void *skb_mac_header(const struct sk_buff *skb)
{
    return skb->head + skb->mac_header;
}

static inline void *skb_network_header(const struct sk_buff *skb)
{
    return skb->head + skb->network_header;
}

static inline void *skb_transport_header(const struct sk_buff *skb)
{
    return skb->head + skb->transport_header;
}

/* --- route --- */

void skb_dst_drop(struct sk_buff *skb);
/* Takes over one reference. */
void skb_dst_set(struct sk_buff *skb, struct dst_entry *dst);

/* --- connection --- */

static inline void skb_nfct_drop(struct sk_buff *skb)
{
    struct nf_conntrack *ct = skb->nfct;

    skb->nfct = NULL;
    skb->nfctinfo = 0;
    if (unlikely(ct) && --ct->use == 0)
        ct->destroy(ct);
}

/* Takes over one reference (ct may be NULL: untracked on purpose). */
static inline void skb_nfct_set(struct sk_buff *skb, struct nf_conntrack *ct, unsigned info)
{
    skb_nfct_drop(skb);
    skb->nfct = ct;
    skb->nfctinfo = info & 7;
}

/* --- queues --- */

static inline void skb_queue_head_init(struct sk_buff_head *q)
{
    q->next = q->prev = (struct sk_buff *)q;
    q->qlen = 0;
}

static inline bool skb_queue_empty(const struct sk_buff_head *q)
{
    return q->next == (const struct sk_buff *)q;
}

static inline struct sk_buff *skb_peek(const struct sk_buff_head *q)
{
    return skb_queue_empty(q) ? NULL : q->next;
}

static inline struct sk_buff *skb_peek_tail(const struct sk_buff_head *q)
{
    return skb_queue_empty(q) ? NULL : q->prev;
}

static inline struct sk_buff *skb_queue_next(const struct sk_buff_head *q, const struct sk_buff *skb)
{
    return skb->next == (const struct sk_buff *)q ? NULL : skb->next;
}

void skb_queue_tail(struct sk_buff_head *q, struct sk_buff *skb);
void skb_queue_front(struct sk_buff_head *q, struct sk_buff *skb);
void skb_queue_after(struct sk_buff_head *q, struct sk_buff *prev, struct sk_buff *skb);
void skb_unlink(struct sk_buff_head *q, struct sk_buff *skb);
struct sk_buff *skb_dequeue(struct sk_buff_head *q);
/* Drops (reason) or, with SKB_NOT_DROPPED_YET, consumes everything. */
void skb_queue_purge(struct sk_buff_head *q, enum skb_drop_reason reason);

#define skb_queue_walk(q, skb) for (skb = (q)->next; skb != (struct sk_buff *)(q); skb = skb->next)
#define skb_queue_walk_safe(q, skb, tmp)                                                                     \
    for (skb = (q)->next, tmp = skb->next; skb != (struct sk_buff *)(q); skb = tmp, tmp = skb->next)

/* --- checksums (RFC 1071); see net/core/checksum.h for the arithmetic --- */

/* Sum of [offset, offset + len), added to `sum`. */
wsum skb_checksum(const struct sk_buff *skb, unsigned offset, unsigned len, wsum sum);
/* Finishes a CHECKSUM_PARTIAL in software: 0 or -ENOMEM / -EINVAL. */
int __must_check skb_checksum_help(struct sk_buff *skb);

/* --- accounting --- */

/* Charges the skb to a socket's receive (r) or send (w) memory until it is freed. */
void skb_set_owner_r(struct sk_buff *skb, struct sock *sk);
void skb_set_owner_w(struct sk_buff *skb, struct sock *sk);
void skb_orphan(struct sk_buff *skb);

int skb_init(void); /* object caches; before the first net_create() */

#endif
