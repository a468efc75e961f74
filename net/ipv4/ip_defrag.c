/*
 * ip_defrag.c - IPv4 reassembly (RFC 791 3.2, RFC 815, RFC 1122 3.3.2).
 *
 * Called by ip_local_deliver() for fragments addressed to this host, and by whoever has to see whole
 * datagrams earlier (connection tracking in PRE_ROUTING). A datagram's fragments wait in a struct ipq, in a
 * tree ordered by offset; when no byte is missing they become one sk_buff again: the first fragment with the
 * others as its frag_list, nothing copied.
 *
 * What a stranger can do to it:
 *  - overlap (teardrop, evasion): the whole datagram goes and stays refused (RFC 5722's rule); only a
 * fragment that repeats one exactly is passed over;
 *  - end beyond 65535 (ping of death), have two ends, hide a TCP header (RFC 1858, RFC 3128): refused;
 *  - thousands of pieces in the worst order (FragmentSmack): each costs one walk down a balanced tree;
 *  - datagrams that never become whole: bounded in memory (ipfrag_high_thresh), in number, and in number per
 *    source (ipfrag_max_dist); the oldest make room. Each lives ipfrag_time seconds at most.
 */
#include <errno.h>
#include <netinet/in.h>

#include "kernel/byteorder.h"
#include "kernel/rbtree.h"
#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/ip_internal.h"
#include "net/ipv4/route.h"

#define FRAG_HASH_SIZE   512u
#define FRAG_SOURCE_HASH 128u
#define FRAG_QUEUES_MAX  2048u /* datagrams under way, refused ones included */
#define FRAG_HIGH_THRESH (4 * 1024 * 1024)

#define TCP_MIN_HEADER 20u /* RFC 1858: what the first fragment must show of it */

#define INET_ECN_MASK    3
#define INET_ECN_NOT_ECT 0
#define INET_ECN_CE      3

/* Somebody who has datagrams under way. */
struct frag_source {
    struct hlist_node node;
    struct list_head queues; /* ipq.source_list, oldest first */
    be32 saddr;
    unsigned count;
    uint32_t rid; /* fragments seen from there */
};

/* A datagram that is not whole yet, or that was refused: then it has no fragments and lets none in. */
struct ipq {
    struct hlist_node node;
    struct list_head age; /* netns_frags.age */
    struct list_head source_list;
    struct frag_source *source;
    be32 saddr, daddr;
    be16 id;
    uint8_t protocol, user;
    uint8_t ecn; /* a bit for each ECN codepoint that was seen */
    enum skb_drop_reason refused;
    unsigned len;                   /* of the whole payload; 0: the last fragment has not come */
    unsigned end;                   /* furthest byte so far */
    unsigned meat;                  /* bytes that are there */
    uint16_t max_size, max_df_size; /* largest fragment; largest with DF */
    uint32_t rid;                   /* source->rid at our last fragment */
    uint32_t truesize;
    int ifindex; /* the latest fragment came in there; 0: it is ours */
    uint64_t expires_ms;
    struct rb_root fragments;
    struct rb_node *last; /* the one with the highest offset */
};

struct netns_frags {
    struct net *net;
    struct hlist_head queues[FRAG_HASH_SIZE];
    struct hlist_head sources[FRAG_SOURCE_HASH];
    struct list_head age; /* all queues, oldest first: the order in which they expire and make room */
    unsigned count;
    uint32_t mem; /* truesize of all fragments and queues */
    struct timer timer;
    int sysctl_high_thresh, sysctl_low_thresh, sysctl_time, sysctl_max_dist;
    struct sysctl_table sysctl;
    struct sysctl_entry sysctl_entries[5];
};

/* skb->cb while a fragment waits. */
struct frag_cb {
    struct rb_node node;
    unsigned offset, end; /* bytes of the datagram's payload */
};

static struct frag_cb *frag_cb(struct sk_buff *skb)
{
    _Static_assert(sizeof(struct frag_cb) <= SKB_CB_SIZE, "fits");
    return (struct frag_cb *)skb->cb;
}

static struct frag_cb *frag_of(struct rb_node *node)
{
    return rb_entry(node, struct frag_cb, node);
}

static struct sk_buff *frag_skb(struct rb_node *node)
{
    return container_of((char(*)[SKB_CB_SIZE])frag_of(node), struct sk_buff, cb);
}

/* --- sources --- */

static struct hlist_head *frag_source_chain(struct netns_frags *frags, be32 saddr)
{
    uint64_t hash = hsiphash_3u32((__force uint32_t)saddr, 0, 0, &frags->net->secret);

    return &frags->sources[hash % FRAG_SOURCE_HASH];
}

/* Found or made; NULL without memory. One without queues is the caller's to free. */
static struct frag_source *frag_source_get(struct netns_frags *frags, be32 saddr)
{
    struct hlist_head *chain = frag_source_chain(frags, saddr);
    struct frag_source *source;

    hlist_for_each_entry (source, chain, node)
        if (source->saddr == saddr)
            return source;
    source = kzalloc(sizeof(*source));
    if (!source)
        return NULL;
    source->saddr = saddr;
    INIT_LIST_HEAD(&source->queues);
    hlist_add_head(&source->node, chain);
    return source;
}

static void frag_source_put(struct frag_source *source)
{
    if (source->count)
        return;
    hlist_del_init(&source->node);
    kfree(source);
}

/* --- queues --- */

/* Throws away what has come so far. */
static void ipq_purge(struct netns_frags *frags, struct ipq *q, enum skb_drop_reason reason)
{
    struct rb_node *node = rb_first(&q->fragments);
    struct sk_buff *skb, *list = NULL;

    for (; node; node = rb_next(node)) {
        skb = frag_skb(node);
        skb->next = list;
        list = skb;
    }
    while ((skb = list)) {
        list = skb->next;
        skb->next = NULL;
        kfree_skb_reason(skb, reason);
    }
    q->fragments.node = q->last = NULL;
    frags->mem -= q->truesize;
    q->truesize = 0;
    q->len = q->end = q->meat = 0;
    q->ecn = 0;
    q->max_size = q->max_df_size = 0;
}

static void ipq_free(struct netns_frags *frags, struct ipq *q, enum skb_drop_reason reason)
{
    ipq_purge(frags, q, reason);
    hlist_del_init(&q->node);
    list_del_init(&q->age);
    list_del_init(&q->source_list);
    q->source->count--;
    frag_source_put(q->source);
    frags->count--;
    frags->mem -= (uint32_t)sizeof(*q);
    kfree(q);
}

static void ipq_evict(struct netns_frags *frags, struct ipq *q)
{
    if (!q->refused)
        NET_INC_STATS(frags->net, IpReasmFails);
    ipq_free(frags, q, SKB_DROP_REASON_FRAG_TOO_FAR);
}

/* The oldest go first; from the high mark down to the low one, so that a flood does not evict at each step.
 */
static void frag_make_room(struct netns_frags *frags)
{
    if (frags->count >= FRAG_QUEUES_MAX)
        ipq_evict(frags, list_first_entry(&frags->age, struct ipq, age));
    if (likely(frags->mem <= (uint32_t)frags->sysctl_high_thresh))
        return;
    while (frags->count && frags->mem > (uint32_t)min(frags->sysctl_low_thresh, frags->sysctl_high_thresh))
        ipq_evict(frags, list_first_entry(&frags->age, struct ipq, age));
}

static void frag_rearm(struct netns_frags *frags)
{
    if (frags->count)
        mod_timer(&frags->timer, list_first_entry(&frags->age, struct ipq, age)->expires_ms);
    else
        del_timer(&frags->timer);
}

static struct hlist_head *ipq_chain(struct netns_frags *frags, const struct iphdr *iph, uint8_t user)
{
    uint32_t rest = (uint32_t)be16_to_cpu(iph->id) << 16 | (uint32_t)iph->protocol << 8 | user;
    uint64_t hash =
        hsiphash_3u32((__force uint32_t)iph->saddr, (__force uint32_t)iph->daddr, rest, &frags->net->secret);

    return &frags->queues[hash % FRAG_HASH_SIZE];
}

static struct ipq *ipq_lookup(struct hlist_head *chain, const struct iphdr *iph, uint8_t user)
{
    struct ipq *q;

    hlist_for_each_entry (q, chain, node)
        if (q->id == iph->id && q->saddr == iph->saddr && q->daddr == iph->daddr &&
            q->protocol == iph->protocol && q->user == user)
            return q;
    return NULL;
}

static struct ipq *ipq_create(struct netns_frags *frags, struct hlist_head *chain, const struct iphdr *iph,
                              uint8_t user)
{
    struct frag_source *source = frag_source_get(frags, iph->saddr);
    unsigned most = (unsigned)frags->sysctl_max_dist;
    struct ipq *q;

    if (!source)
        return NULL;
    q = kzalloc(sizeof(*q));
    if (!q) {
        frag_source_put(source);
        return NULL;
    }
    q->saddr = iph->saddr;
    q->daddr = iph->daddr;
    q->id = iph->id;
    q->protocol = iph->protocol;
    q->user = user;
    q->source = source;
    q->rid = source->rid;
    q->expires_ms = ktime_get_ms() + (uint64_t)frags->sysctl_time * 1000;
    source->count++;
    frags->count++;
    frags->mem += (uint32_t)sizeof(*q);
    hlist_add_head(&q->node, chain);
    list_add_tail(&q->age, &frags->age);
    list_add_tail(&q->source_list, &source->queues);
    if (most && source->count > most)
        ipq_evict(frags, list_first_entry(&source->queues, struct ipq, source_list));
    if (!timer_pending(&frags->timer))
        frag_rearm(frags);
    return q;
}

/* From now on nothing of this datagram is let in. */
static void ipq_refuse(struct netns_frags *frags, struct ipq *q, enum skb_drop_reason reason)
{
    if (q->refused)
        return;
    NET_INC_STATS(frags->net, IpReasmFails);
    if (reason == SKB_DROP_REASON_FRAG_OVERLAP)
        NET_INC_STATS(frags->net, IpExtReasmOverlaps);
    ipq_purge(frags, q, reason);
    q->refused = reason;
}

/* --- time --- */

/* RFC 792: the sender is told if the first fragment came, and by the host it was for only. */
static void ipq_report_timeout(struct net *net, struct ipq *q)
{
    struct rb_node *first = rb_first(&q->fragments);
    struct sk_buff *skb = first ? frag_skb(first) : NULL;
    enum skb_drop_reason reason;

    if (!skb || frag_of(first)->offset)
        return;
    skb->dev = dev_get_by_index(net, q->ifindex);
    if (!skb->dev)
        return;
    if (!ip_route_input(skb, q->daddr, q->saddr, skb->dev, &reason) && skb_rtable(skb)->type == RTN_LOCAL)
        icmp_send(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
    skb->dev = NULL;
}

static void frag_expire(struct timer *timer)
{
    struct netns_frags *frags = container_of(timer, struct netns_frags, timer);
    struct ipq *q, *next;

    list_for_each_entry_safe (q, next, &frags->age, age) {
        if (q->expires_ms > ktime_get_ms())
            break;
        if (!q->refused) {
            NET_INC_STATS(frags->net, IpReasmTimeout);
            NET_INC_STATS(frags->net, IpReasmFails);
            ipq_report_timeout(frags->net, q);
        }
        ipq_free(frags, q, SKB_DROP_REASON_FRAG_REASM_TIMEOUT);
    }
    frag_rearm(frags);
}

/* --- one fragment: validate --- */

struct frag {
    unsigned offset, end; /* bytes of the payload */
    bool last;
};

/* What is wrong with it by itself. */
static enum skb_drop_reason frag_validate(const struct sk_buff *skb, struct frag *f)
{
    const struct iphdr *iph = ip_hdr(skb);
    unsigned frag_off = be16_to_cpu(iph->frag_off), len = skb->len - ip_hdrlen(iph);

    f->offset = (frag_off & IP_OFFSET) * 8;
    f->end = f->offset + len;
    f->last = !(frag_off & IP_MF);
    if (!len || (!f->last && len % 8))
        return SKB_DROP_REASON_FRAG_INVALID;
    if (f->end > IP_MAX_MTU - sizeof(*iph))
        return SKB_DROP_REASON_FRAG_TOO_FAR;
    /* RFC 1858 4.2.1, RFC 3128: ports and flags of TCP must be in the first fragment, whole. */
    if (iph->protocol == IPPROTO_TCP && (f->offset == 8 || (!f->offset && len < TCP_MIN_HEADER)))
        return SKB_DROP_REASON_FRAG_INVALID;
    return SKB_NOT_DROPPED_YET;
}

/* --- one fragment: its place --- */

/* The fragment with the highest offset that is not above `offset`; NULL: all are. */
static struct rb_node *ipq_find_before(const struct ipq *q, unsigned offset)
{
    struct rb_node *node = q->fragments.node, *before = NULL;

    if (q->last && offset >= frag_of(q->last)->offset)
        return q->last; /* the usual order */
    while (node) {
        if (frag_of(node)->offset <= offset) {
            before = node;
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return before;
}

/* Whether f fits between what has come; *before is its place. FRAG_DUPLICATE: it was there already. */
static enum skb_drop_reason ipq_fit(const struct ipq *q, const struct frag *f, struct rb_node **before)
{
    struct rb_node *prev = ipq_find_before(q, f->offset);
    struct rb_node *next = prev ? rb_next(prev) : rb_first(&q->fragments);

    *before = prev;
    if (prev && frag_of(prev)->offset == f->offset && frag_of(prev)->end == f->end &&
        f->last == (q->len == f->end))
        return SKB_DROP_REASON_FRAG_DUPLICATE;
    if ((prev && frag_of(prev)->end > f->offset) || (next && frag_of(next)->offset < f->end))
        return SKB_DROP_REASON_FRAG_OVERLAP;
    /* Two ends, or text behind the end. */
    if (f->last ? (q->len && q->len != f->end) || q->end > f->end : q->len && f->end > q->len)
        return SKB_DROP_REASON_FRAG_OVERLAP;
    return SKB_NOT_DROPPED_YET;
}

/* Between one fragment and the next of the same datagram a sender does not send many others: ids come round
 * again, and an old half must not be joined to a new one (ipfrag_max_dist). */
static void ipq_check_distance(struct netns_frags *frags, struct ipq *q)
{
    uint32_t rid = ++q->source->rid;

    if (frags->sysctl_max_dist && q->meat && rid - q->rid > (uint32_t)frags->sysctl_max_dist) {
        NET_INC_STATS(frags->net, IpReasmFails);
        ipq_purge(frags, q, SKB_DROP_REASON_FRAG_TOO_FAR);
    }
    q->rid = rid;
}

static void ipq_insert(struct netns_frags *frags, struct ipq *q, struct sk_buff *skb, const struct frag *f,
                       struct rb_node *before)
{
    const struct iphdr *iph = ip_hdr(skb);
    struct frag_cb *cb = frag_cb(skb);

    q->ecn |= (uint8_t)(1u << (iph->tos & INET_ECN_MASK));
    q->max_size = max(q->max_size, (uint16_t)skb->len);
    if (iph->frag_off & cpu_to_be16(IP_DF))
        q->max_df_size = max(q->max_df_size, (uint16_t)skb->len);
    q->ifindex = skb->dev ? skb->dev->ifindex : 0; /* an application's own, on their way out, have none */
    q->meat += f->end - f->offset;
    q->end = max(q->end, f->end);
    if (f->last)
        q->len = f->end;
    cb->offset = f->offset;
    cb->end = f->end;
    rb_insert_after(&q->fragments, before, &cb->node);
    if (before == q->last)
        q->last = &cb->node;
    q->truesize += skb->truesize;
    frags->mem += skb->truesize;
}

/* --- all fragments: one datagram --- */

/* Fragments behind the first keep their payload only. The sum of a card covers the header too, which counts
 * for nothing: its own checksum makes it zero. */
static struct sk_buff *ipq_take_chain(struct ipq *q)
{
    struct sk_buff *first = NULL, **tail = &first;

    for (struct rb_node *node = rb_first(&q->fragments); node; node = rb_next(node)) {
        struct sk_buff *skb = frag_skb(node);

        if (frag_of(node)->offset)
            skb_pull(skb, ip_hdrlen(ip_hdr(skb)));
        *tail = skb;
        tail = &skb->next;
    }
    q->fragments.node = q->last = NULL;
    return first;
}

/*
 * The caller holds `skb`, so that one must become the datagram, whichever fragment it is: it changes its
 * content with `first`. Return: the chain, which starts with skb then.
 */
static struct sk_buff *frag_swap_to_front(struct sk_buff *first, struct sk_buff *skb)
{
    struct sk_buff *before = first, *behind_skb = skb->next, *behind_first = first->next;
    struct sk_buff content;

    if (first == skb)
        return skb;
    while (before->next != skb)
        before = before->next;
    content = *first;
    *first = *skb;
    *skb = content;
    first->next = behind_skb;
    if (before == first) {
        skb->next = first;
    } else {
        skb->next = behind_first;
        before->next = first;
    }
    return skb;
}

/* Hangs the rest of the chain on its first buffer. */
static void frag_join(struct sk_buff *head)
{
    struct sk_buff *rest = head->next;

    head->next = NULL;
    skb_shinfo(head)->frag_list = rest;
    for (struct sk_buff *skb = rest; skb; skb = skb->next) {
        head->len += skb->len;
        head->data_len += skb->len;
        head->truesize += skb->truesize;
        skb_nfct_drop(skb);
        if (head->ip_summed == CHECKSUM_COMPLETE && skb->ip_summed == CHECKSUM_COMPLETE)
            head->csum = csum_add(head->csum, skb->csum); /* offsets are even */
        else
            head->ip_summed = CHECKSUM_NONE;
    }
    if (head->ip_summed != CHECKSUM_COMPLETE)
        head->ip_summed = CHECKSUM_NONE; /* no card has seen the transport's checksum over the whole */
}

/*
 * RFC 3168 5.3: congestion met by any fragment was met by the datagram - unless others say that it is none
 * that can be marked: then somebody lies. A mixture without CE promises nothing.
 */
static bool ipq_ecn(const struct ipq *q, uint8_t *ecn)
{
    bool ce = q->ecn & 1u << INET_ECN_CE, not_ect = q->ecn & 1u << INET_ECN_NOT_ECT;

    if (ce && not_ect)
        return false;
    if (ce)
        *ecn = INET_ECN_CE;
    else if (not_ect)
        *ecn = INET_ECN_NOT_ECT;
    return true;
}

/*
 * The header of the whole, from that of the first fragment. It may not be fragmented further on its way than
 * it was: if the largest fragments forbade it, so does the whole, and so will its pieces.
 */
static void ipq_finish_header(const struct ipq *q, struct sk_buff *skb, uint8_t ecn)
{
    struct iphdr *iph = ip_hdr(skb);

    skb->frag_max_size = q->max_size;
    skb->transport_header = (uint16_t)(skb->network_header + ip_hdrlen(iph));
    iph->tos = (uint8_t)((iph->tos & ~INET_ECN_MASK) | ecn);
    iph->tot_len = cpu_to_be16((uint16_t)skb->len);
    iph->frag_off = cpu_to_be16(q->max_df_size == q->max_size ? IP_DF : 0);
    iph->check = (__force sum16)0;
    iph->check = ip_fast_csum(iph, ip_hdrlen(iph) / 4);
}

/* What keeps all the pieces from becoming one; the first one may be written to afterwards. */
static enum skb_drop_reason ipq_prepare(struct ipq *q, uint8_t *ecn)
{
    struct sk_buff *head = frag_skb(rb_first(&q->fragments));

    *ecn = ip_hdr(head)->tos & INET_ECN_MASK;
    if (!ipq_ecn(q, ecn))
        return SKB_DROP_REASON_FRAG_INVALID;
    if (q->len > IP_MAX_MTU - ip_hdrlen(ip_hdr(head)))
        return SKB_DROP_REASON_FRAG_TOO_FAR;
    /* A tap may hold the same bytes, and with them the place where the chain will hang. */
    if (skb_unclone(head) || (skb_shinfo(head)->frag_list && skb_linearize(head)))
        return SKB_DROP_REASON_NOMEM;
    return SKB_NOT_DROPPED_YET;
}

/* No byte is missing. `skb` came last, is one of the fragments and becomes the datagram: 0, or -E... and all
 * is dropped. */
static int ipq_reassemble(struct netns_frags *frags, struct ipq *q, struct sk_buff *skb)
{
    struct dst_entry *dst = skb->dst;
    struct net_device *dev = skb->dev;
    uint8_t ecn;
    enum skb_drop_reason reason = ipq_prepare(q, &ecn);

    if (reason) {
        NET_INC_STATS(frags->net, IpReasmFails);
        ipq_free(frags, q, reason);
        return -EINVAL;
    }
    skb->dst = NULL;
    skb->dev = NULL;
    frag_join(frag_swap_to_front(ipq_take_chain(q), skb));
    skb->dst = dst;
    skb->dev = dev;
    ipq_finish_header(q, skb, ecn);
    ipq_free(frags, q, SKB_NOT_DROPPED_YET);
    NET_INC_STATS(frags->net, IpReasmOKs);
    return 0;
}

/* --- the way in --- */

static int frag_drop(struct sk_buff *skb, enum skb_drop_reason reason)
{
    kfree_skb_reason(skb, reason);
    return reason == SKB_DROP_REASON_NOMEM ? -ENOMEM : -EINVAL;
}

/* Takes skb. */
static int ipq_add(struct netns_frags *frags, struct ipq *q, struct sk_buff *skb, const struct frag *f)
{
    enum skb_drop_reason reason;
    struct rb_node *before;

    if (unlikely(q->refused))
        return frag_drop(skb, q->refused);
    ipq_check_distance(frags, q);
    reason = ipq_fit(q, f, &before);
    if (unlikely(reason)) {
        if (reason == SKB_DROP_REASON_FRAG_OVERLAP)
            ipq_refuse(frags, q, reason);
        return frag_drop(skb, reason);
    }
    ipq_insert(frags, q, skb, f, before);
    if (q->meat == q->len)
        return ipq_reassemble(frags, q, skb);
    skb_dst_drop(skb); /* neither route nor device are to be held for half a minute */
    skb->dev = NULL;
    return -EINPROGRESS;
}

int ip_defrag(struct net *net, struct sk_buff *skb, enum ip_defrag_users user)
{
    struct netns_frags *frags = net->ipv4->frags;
    const struct iphdr *iph = ip_hdr(skb);
    struct hlist_head *chain = ipq_chain(frags, iph, (uint8_t)user);
    struct frag f;
    enum skb_drop_reason reason = frag_validate(skb, &f);
    struct ipq *q;

    NET_INC_STATS(net, IpReasmReqds);
    skb_orphan(skb);
    frag_make_room(frags);
    q = ipq_lookup(chain, iph, (uint8_t)user);
    if (unlikely(reason)) {
        /* One that ends too far makes nonsense of all the others. */
        if (q && reason == SKB_DROP_REASON_FRAG_TOO_FAR)
            ipq_refuse(frags, q, reason);
        else
            NET_INC_STATS(net, IpReasmFails);
        return frag_drop(skb, reason);
    }
    if (!q)
        q = ipq_create(frags, chain, iph, (uint8_t)user);
    if (unlikely(!q)) {
        NET_INC_STATS(net, IpReasmFails);
        return frag_drop(skb, SKB_DROP_REASON_NOMEM);
    }
    return ipq_add(frags, q, skb, &f);
}

/* --- start and end --- */

/* Half-done datagrams may take an eighth of a small machine's memory. */
static int frag_default_thresh(void)
{
    struct page_stats pages;

    page_get_stats(&pages);
    return (int)min(pages.total * PAGE_SIZE / 8, (size_t)FRAG_HIGH_THRESH);
}

int ip_defrag_init(struct net *net)
{
    struct netns_frags *frags = kzalloc(sizeof(*frags));

    if (!frags)
        return -ENOMEM;
    frags->net = net;
    INIT_LIST_HEAD(&frags->age);
    timer_setup(&frags->timer, frag_expire);
    frags->sysctl_high_thresh = frag_default_thresh();
    frags->sysctl_low_thresh = frags->sysctl_high_thresh / 4 * 3;
    frags->sysctl_time = 30;
    frags->sysctl_max_dist = 64;

    const struct sysctl_entry entries[] = {
        {"net.ipv4.ipfrag_high_thresh", &frags->sysctl_high_thresh, 1, 0, 0x7fffffff},
        {"net.ipv4.ipfrag_low_thresh", &frags->sysctl_low_thresh, 1, 0, 0x7fffffff},
        {"net.ipv4.ipfrag_time", &frags->sysctl_time, 1, 1, 3600},
        {"net.ipv4.ipfrag_max_dist", &frags->sysctl_max_dist, 1, 0, 1000000},
        {NULL, NULL, 0, 0, 0},
    };
    _Static_assert(ARRAY_SIZE(entries) == ARRAY_SIZE(frags->sysctl_entries), "room for all settings");
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        frags->sysctl_entries[i] = entries[i];
    register_sysctl(net, &frags->sysctl, frags->sysctl_entries);
    net->ipv4->frags = frags;
    return 0;
}

void ip_defrag_exit(struct net *net)
{
    struct netns_frags *frags = net->ipv4->frags;

    if (!frags)
        return;
    while (frags->count)
        ipq_free(frags, list_first_entry(&frags->age, struct ipq, age), SKB_DROP_REASON_FRAG_REASM_TIMEOUT);
    del_timer(&frags->timer);
    unregister_sysctl(&frags->sysctl);
    net->ipv4->frags = NULL;
    kfree(frags);
}
