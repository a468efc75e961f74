/*
 * nf_conntrack_core.c - the table of connections.
 *
 * Called from the hooks, in softirq or task context, while somebody needs it. A packet's tuple is looked up
 * by a keyed hash in both directions at once. An unknown one makes a connection, which enters the table only
 * when its packet has come through all rules (nf_ct_confirm): what is dropped leaves nothing behind.
 *
 *     nf_ct_new: not in the table, held by its packet --confirm--> in the table, which holds it too
 *                                                                    | timer, kill, early drop
 *                                                                    v
 *     freed <--last packet gone-- IPS_DYING: out of the table
 *
 * The table is bounded (net.netfilter.nf_conntrack_max). When it is full, the oldest connection that is not
 * assured, or that is closing, makes room for a new one: a flood of first packets pushes out itself. A
 * connection in use costs its timer nothing: the timer fires at the earliest time the connection could end,
 * and only then looks how long it really lives.
 */
#include "net/netfilter/nf_conntrack_internal.h"

#include <errno.h>
#include <netinet/in.h>

#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/slab.h"
#include "net/netfilter/nf_ct_charge.h"

#define NF_CT_RAM_SHARE   16u /* one part in so many of the memory may hold connections */
#define NF_CT_MAX_MIN     256u
#define NF_CT_MAX_MAX     262144u
#define NF_CT_BUCKETS_MIN 256u
#define NF_CT_WARN_MS     5000u

/* --- lookup --- */

static unsigned nf_ct_bucket(const struct netns_ct *n, const struct nf_conntrack_tuple *t)
{
    uint32_t ports = (uint32_t)(__force uint16_t)t->src_port << 16 | (__force uint16_t)t->dst_port;
    uint64_t hash = hsiphash_3u32((__force uint32_t)t->src, (__force uint32_t)t->dst,
                                  ports ^ t->protocol * 0x9e3779b9u, &n->key);

    return (unsigned)hash & (n->buckets - 1);
}

struct nf_conn *nf_ct_find(struct net *net, const struct nf_conntrack_tuple *tuple,
                           enum ip_conntrack_dir *dir)
{
    struct netns_ct *n = net->ct;
    struct nf_conntrack_tuple_hash *h;

    if (!n->hash)
        return NULL;
    hlist_for_each_entry (h, &n->hash[nf_ct_bucket(n, tuple)], node) {
        if (!nf_ct_tuple_equal(&h->tuple, tuple))
            continue;
        *dir = (enum ip_conntrack_dir)h->tuple.dir;
        return container_of(h, struct nf_conn, tuplehash[h->tuple.dir]);
    }
    return NULL;
}

/* --- life and death --- */

static void nf_ct_count_translated(struct net *net)
{
    if (--net->ct->translated == 0 && net->ct->untranslated)
        net->ct->untranslated(net);
}

static void nf_ct_detach(struct nf_conn *ct)
{
    hlist_del_init(&ct->by_source);
    nf_ct_release_charges(ct);
    ct->net->ct->count--;
    if (ct->status & IPS_NAT_MASK)
        nf_ct_count_translated(ct->net);
}

/* The last packet that knew it is gone. */
static void nf_ct_destroy(struct nf_conntrack *general)
{
    struct nf_conn *ct = container_of(general, struct nf_conn, general);

    if (!(ct->status & IPS_DYING) && ct->net->ct)
        nf_ct_detach(ct);
    kfree(ct);
}

static void nf_ct_put(struct nf_conn *ct)
{
    if (--ct->general.use == 0)
        ct->general.destroy(&ct->general);
}

void nf_ct_kill(struct nf_conn *ct)
{
    if (ct->status & IPS_DYING)
        return;
    nf_ct_detach(ct);
    ct->status |= IPS_DYING;
    if (!(ct->status & IPS_CONFIRMED))
        return;
    hlist_del_init(&ct->tuplehash[IP_CT_DIR_ORIGINAL].node);
    hlist_del_init(&ct->tuplehash[IP_CT_DIR_REPLY].node);
    list_del_init(&ct->list);
    del_timer(&ct->timer);
    nf_ct_put(ct);
}

uint64_t nf_ct_expires_in_ms(const struct nf_conn *ct)
{
    uint64_t now_ms = ktime_get_ms();

    return ct->expires_ms > now_ms ? ct->expires_ms - now_ms : 0;
}

static void nf_ct_timer(struct timer *timer)
{
    struct nf_conn *ct = container_of(timer, struct nf_conn, timer);

    if (ct->expires_ms > ktime_get_ms())
        mod_timer(timer, ct->expires_ms); /* it was in use meanwhile */
    else
        nf_ct_kill(ct);
}

void nf_ct_refresh(struct nf_conn *ct, uint64_t timeout_ms)
{
    ct->expires_ms = ktime_get_ms() + timeout_ms;
    /* Later than the timer is armed for: it finds out by itself. */
    if (unlikely(timer_pending(&ct->timer) && ct->expires_ms < ct->timer.expires_ms))
        mod_timer(&ct->timer, ct->expires_ms);
}

void nf_ct_set_assured(struct nf_conn *ct)
{
    if (ct->status & IPS_ASSURED)
        return;
    ct->status |= IPS_ASSURED;
    if (ct->status & IPS_CONFIRMED)
        list_move_tail(&ct->list, &ct->net->ct->assured);
}

void nf_ct_set_evictable(struct nf_conn *ct)
{
    if (ct->status & IPS_CONFIRMED)
        list_move_tail(&ct->list, &ct->net->ct->evictable);
}

static bool nf_ct_kill_from(struct list_head *list, bool (*match)(struct nf_conn *ct, void *ctx), void *ctx,
                            unsigned *killed)
{
    struct nf_conn *ct, *next;

    list_for_each_entry_safe (ct, next, list, list) {
        if (match && !match(ct, ctx))
            continue;
        nf_ct_kill(ct);
        ++*killed;
    }
    return list_empty(list);
}

unsigned nf_ct_kill_if(struct net *net, bool (*match)(struct nf_conn *ct, void *ctx), void *ctx)
{
    unsigned killed = 0;

    nf_ct_kill_from(&net->ct->evictable, match, ctx, &killed);
    nf_ct_kill_from(&net->ct->assured, match, ctx, &killed);
    return killed;
}

/* The cursor: bucket << 32, and how many of its connections have been shown. */
const struct nf_conn *nf_ct_next(struct net *net, uint64_t *cursor)
{
    struct netns_ct *n = net->ct;
    unsigned bucket = (unsigned)(*cursor >> 32);
    uint32_t shown = (uint32_t)*cursor;

    for (; n->hash && bucket < n->buckets; bucket++, shown = 0) {
        const struct nf_conntrack_tuple_hash *h;
        uint32_t place = 0;

        hlist_for_each_entry (h, &n->hash[bucket], node) {
            if (h->tuple.dir != IP_CT_DIR_ORIGINAL || place++ < shown)
                continue;
            *cursor = (uint64_t)bucket << 32 | place;
            return container_of(h, struct nf_conn, tuplehash[IP_CT_DIR_ORIGINAL]);
        }
    }
    *cursor = (uint64_t)bucket << 32;
    return NULL;
}

/* --- a new connection --- */

static void nf_ct_warn_full(struct net *net)
{
    struct netns_ct *n = net->ct;
    uint64_t now_ms = ktime_get_ms();

    if (n->full_warned_ms && now_ms - n->full_warned_ms < NF_CT_WARN_MS)
        return;
    n->full_warned_ms = max(now_ms, (uint64_t)1);
    pr_warn("nf_conntrack: table full (%d), dropping packets of new connections; raise "
            "net.netfilter.nf_conntrack_max or look who opens so many",
            n->sysctl_max);
}

/* Room for one more, at the cost of the oldest that nobody would miss. */
static bool nf_ct_make_room(struct net *net)
{
    struct netns_ct *n = net->ct;

    if (likely(n->count < (unsigned)n->sysctl_max))
        return true;
    if (list_empty(&n->evictable)) {
        n->stats.drop++;
        nf_ct_warn_full(net);
        return false;
    }
    nf_ct_kill(list_first_entry(&n->evictable, struct nf_conn, list));
    n->stats.early_drop++;
    return true;
}

/* Referenced once, for its packet; NULL and *reason. */
static struct nf_conn *nf_ct_new(struct net *net, const struct nf_conntrack_tuple *tuple,
                                 enum skb_drop_reason *reason)
{
    struct nf_conn *ct;

    if (!nf_ct_make_room(net)) {
        *reason = SKB_DROP_REASON_CT_FULL;
        return NULL;
    }
    ct = kzalloc(sizeof(*ct));
    if (!ct) {
        net->ct->stats.drop++;
        *reason = SKB_DROP_REASON_NOMEM;
        return NULL;
    }
    ct->general.use = 1;
    ct->general.destroy = nf_ct_destroy;
    ct->net = net;
    ct->id = ++net->ct->last_id;
    ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple = *tuple;
    ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple.dir = IP_CT_DIR_ORIGINAL;
    nf_ct_invert_tuple(&ct->tuplehash[IP_CT_DIR_REPLY].tuple, tuple);
    ct->tuplehash[IP_CT_DIR_REPLY].tuple.dir = IP_CT_DIR_REPLY;
    INIT_LIST_HEAD(&ct->list);
    INIT_LIST_HEAD(&ct->charges);
    timer_setup(&ct->timer, nf_ct_timer);
    net->ct->count++;
    return ct;
}

static void nf_ct_insert(struct netns_ct *n, struct nf_conn *ct)
{
    for (int dir = 0; dir < IP_CT_DIR_MAX; dir++) {
        struct nf_conntrack_tuple_hash *h = &ct->tuplehash[dir];
        hlist_add_head(&h->node, &n->hash[nf_ct_bucket(n, &h->tuple)]);
    }
    list_add_tail(&ct->list, ct->status & IPS_ASSURED ? &n->assured : &n->evictable);
    ct->general.use++;
    ct->status |= IPS_CONFIRMED;
    mod_timer(&ct->timer, ct->expires_ms);
    n->stats.insert++;
}

/*
 * Another connection with one of our tuples has entered the table since ours was made: two datagrams of one
 * flow were under way at the same time, and ours goes over to the one that was first. If they differ (NAT has
 * given each another port), the packet has the wrong addresses by now.
 */
static bool nf_ct_resolve_clash(struct sk_buff *skb, struct nf_conn *ours, struct nf_conn *other)
{
    if (ours->tuplehash[0].tuple.protocol == IPPROTO_TCP ||
        !nf_ct_tuple_equal(nf_ct_tuple(ours, IP_CT_DIR_ORIGINAL), nf_ct_tuple(other, IP_CT_DIR_ORIGINAL)) ||
        !nf_ct_tuple_equal(nf_ct_tuple(ours, IP_CT_DIR_REPLY), nf_ct_tuple(other, IP_CT_DIR_REPLY)))
        return false;
    other->general.use++;
    other->net->ct->stats.clash_resolve++;
    skb_nfct_set(skb, &other->general, IP_CT_NEW);
    return true;
}

static enum nf_verdict nf_ct_confirm(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    enum ip_conntrack_info info;
    struct nf_conn *ct = nf_ct_get(skb, &info), *other;
    struct netns_ct *n = state->net->ct;
    enum ip_conntrack_dir dir;

    if (likely(!ct || info != IP_CT_NEW || (ct->status & IPS_CONFIRMED)))
        return NF_ACCEPT;
    other = nf_ct_find(state->net, nf_ct_tuple(ct, IP_CT_DIR_ORIGINAL), &dir);
    if (!other)
        other = nf_ct_find(state->net, nf_ct_tuple(ct, IP_CT_DIR_REPLY), &dir);
    if (likely(!other && !(ct->status & IPS_DYING))) {
        nf_ct_insert(n, ct);
        return NF_ACCEPT;
    }
    if (other && nf_ct_resolve_clash(skb, ct, other))
        return NF_ACCEPT;
    n->stats.insert_failed++;
    n->stats.drop++;
    kfree_skb_reason(skb, SKB_DROP_REASON_CT_INSERT);
    return NF_STOLEN;
}

/* --- a packet --- */

void nf_ct_log_invalid(const struct nf_ct_packet *p, const char *why)
{
    const struct iphdr *iph = (const struct iphdr *)p->skb->data;
    int wanted = p->net->ct->sysctl_log_invalid;
    uint32_t src = be32_to_cpu(iph->saddr), dst = be32_to_cpu(iph->daddr);

    if (likely(wanted != 255 && wanted != iph->protocol) || wanted == 0)
        return;
    pr_info("nf_conntrack: invalid packet of protocol %u from %u.%u.%u.%u to %u.%u.%u.%u: %s", iph->protocol,
            src >> 24, src >> 16 & 255, src >> 8 & 255, src & 255, dst >> 24, dst >> 16 & 255, dst >> 8 & 255,
            dst & 255, why);
}

static enum nf_verdict nf_ct_invalid(struct nf_ct_packet *p)
{
    p->net->ct->stats.invalid++;
    skb_nfct_drop(p->skb);
    return NF_ACCEPT; /* whether it may go on is for the rules to say: --ctstate INVALID */
}

static enum ip_conntrack_info nf_ct_relation(const struct nf_conn *ct, enum ip_conntrack_dir dir)
{
    if (dir == IP_CT_DIR_REPLY)
        return IP_CT_ESTABLISHED_REPLY;
    return ct->status & IPS_SEEN_REPLY ? IP_CT_ESTABLISHED : IP_CT_NEW;
}

/* The connection this packet belongs to, or a new one, hangs on the packet. false: *reason, or none. */
static bool nf_ct_resolve(struct nf_ct_packet *p, enum skb_drop_reason *reason)
{
    struct nf_conntrack_tuple tuple;
    enum ip_conntrack_dir dir = IP_CT_DIR_ORIGINAL;
    struct nf_conn *ct;

    if (!nf_ct_get_tuple(p->skb, 0, (const struct iphdr *)p->skb->data, &tuple)) {
        nf_ct_log_invalid(p, "no tuple");
        return false;
    }
    ct = nf_ct_find(p->net, &tuple, &dir);
    if (likely(ct)) {
        p->net->ct->stats.found++;
        ct->general.use++;
        skb_nfct_set(p->skb, &ct->general, nf_ct_relation(ct, dir));
        return true;
    }
    ct = nf_ct_new(p->net, &tuple, reason);
    if (!ct)
        return false;
    skb_nfct_set(p->skb, &ct->general, IP_CT_NEW);
    if (nf_ct_opens(p, ct))
        return true;
    skb_nfct_drop(p->skb);
    return false;
}

static enum nf_verdict nf_ct_track(struct nf_ct_packet *p)
{
    enum skb_drop_reason reason = SKB_NOT_DROPPED_YET;

    for (int attempt = 0; attempt < 2; attempt++) {
        enum ip_conntrack_info info;
        struct nf_conn *ct;

        if (unlikely(!nf_ct_resolve(p, &reason))) {
            if (!reason)
                return nf_ct_invalid(p);
            kfree_skb_reason(p->skb, reason);
            return NF_STOLEN;
        }
        ct = nf_ct_get(p->skb, &info);
        switch (nf_ct_judge(p, ct, info)) {
        case NF_CT_VALID:
            if (info == IP_CT_ESTABLISHED_REPLY)
                ct->status |= IPS_SEEN_REPLY;
            return NF_ACCEPT;
        case NF_CT_INVALID:
            return nf_ct_invalid(p);
        case NF_CT_REOPEN:
            nf_ct_kill(ct);
            skb_nfct_drop(p->skb);
        }
    }
    return nf_ct_invalid(p);
}

/* Tracking, rules and NAT need the ports, so they see whole datagrams only; one that came in fragments may
 * leave in such again. 0: whole; else it is taken. */
static int nf_ct_gather(struct nf_ct_packet *p)
{
    if (likely(!ip_is_fragment((const struct iphdr *)p->skb->data)))
        return 0;
    return ip_defrag(p->net, p->skb,
                     p->hook == NF_INET_PRE_ROUTING ? IP_DEFRAG_CONNTRACK_IN : IP_DEFRAG_CONNTRACK_OUT);
}

static enum nf_verdict nf_conntrack_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    struct nf_ct_packet p = {.net = state->net, .skb = skb, .hook = state->hook};

    /* Seen before, on its way out to the loopback device; or a rule of table raw said no. */
    if (skb->nfct || skb->nfctinfo == IP_CT_UNTRACKED) {
        p.net->ct->stats.untracked += skb->nfctinfo == IP_CT_UNTRACKED;
        return NF_ACCEPT;
    }
    if (nf_ct_gather(&p))
        return NF_STOLEN;
    const struct iphdr *iph = (const struct iphdr *)skb->data;
    p.thoff = ip_hdrlen(iph);
    p.protocol = iph->protocol;
    if (!nf_ct_packet_ok(&p))
        return nf_ct_invalid(&p);
    if (p.protocol == IPPROTO_ICMP && nf_ct_icmp_error(&p))
        return NF_ACCEPT;
    return nf_ct_track(&p);
}

/* An answer we make ourselves to a packet (ICMP errors, resets) belongs to its connection, also when that is
 * not in the table and never will be, because a rule rejected its first packet. */
static void nf_ct_attach_answer(struct sk_buff *answer, const struct sk_buff *about)
{
    enum ip_conntrack_info info;
    struct nf_conn *ct = nf_ct_get(about, &info);

    if (!ct || answer->nfct)
        return;
    ct->general.use++;
    skb_nfct_set(answer, &ct->general,
                 nf_ct_info_dir(info) == IP_CT_DIR_ORIGINAL ? IP_CT_RELATED_REPLY : IP_CT_RELATED);
}

/* --- while somebody needs it --- */

static void nf_ct_register_hooks(struct netns_ct *n)
{
    const struct nf_hook_ops ops[] = {
        {.hook = nf_conntrack_in, .hooknum = NF_INET_PRE_ROUTING, .priority = NF_IP_PRI_CONNTRACK},
        {.hook = nf_conntrack_in, .hooknum = NF_INET_LOCAL_OUT, .priority = NF_IP_PRI_CONNTRACK},
        {.hook = nf_ct_confirm, .hooknum = NF_INET_LOCAL_IN, .priority = NF_IP_PRI_CONNTRACK_CONFIRM},
        {.hook = nf_ct_confirm, .hooknum = NF_INET_POST_ROUTING, .priority = NF_IP_PRI_CONNTRACK_CONFIRM},
    };

    _Static_assert(ARRAY_SIZE(ops) == ARRAY_SIZE(n->hooks), "one each");
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        n->hooks[i] = ops[i];
        nf_register_net_hook(n->net, &n->hooks[i]);
    }
    n->net->nf->attach_answer = nf_ct_attach_answer;
}

static unsigned nf_ct_round_up(unsigned v)
{
    return v <= 1 ? 1 : 1u << (32 - __builtin_clz(v - 1));
}

int nf_ct_get_use(struct net *net)
{
    struct netns_ct *n = net->ct;

    if (n->users++)
        return 0;
    n->buckets = nf_ct_round_up(clamp((unsigned)n->sysctl_max, NF_CT_BUCKETS_MIN, NF_CT_MAX_MAX));
    n->hash = kcalloc(n->buckets, sizeof(*n->hash));
    if (!n->hash) {
        n->users = 0;
        return -ENOMEM;
    }
    nf_ct_register_hooks(n);
    return 0;
}

void nf_ct_put_use(struct net *net)
{
    struct netns_ct *n = net->ct;

    ASSERT(n->users);
    if (--n->users)
        return;
    net->nf->attach_answer = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(n->hooks); i++)
        nf_unregister_net_hook(&n->hooks[i]);
    nf_ct_kill_if(net, NULL, NULL);
    kfree(n->hash);
    n->hash = NULL;
}

/* --- start and end --- */

/* A share of the memory there is. */
static unsigned nf_ct_default_max(void)
{
    struct page_stats pages;
    size_t fit;

    page_get_stats(&pages);
    fit = pages.total * PAGE_SIZE / NF_CT_RAM_SHARE / sizeof(struct nf_conn);
    return (unsigned)clamp(fit, (size_t)NF_CT_MAX_MIN, (size_t)NF_CT_MAX_MAX);
}

int nf_conntrack_init(struct net *net)
{
    struct netns_ct *n = kzalloc(sizeof(*n));

    if (!n)
        return -ENOMEM;
    net->ct = n;
    n->net = net;
    INIT_LIST_HEAD(&n->evictable);
    INIT_LIST_HEAD(&n->assured);
    get_random_bytes(&n->key, sizeof(n->key));
    n->sysctl_max = (int)nf_ct_default_max();
    nf_ct_register_sysctls(net);
    return 0;
}

/* Every rule is gone, and every packet. */
void nf_conntrack_exit(struct net *net)
{
    struct netns_ct *n = net->ct;

    if (!n)
        return;
    if (n->sysctl_always)
        nf_ct_put_use(net);
    unregister_sysctl(&n->sysctl);
    net->ct = NULL;
    kfree(n);
}
