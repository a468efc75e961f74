/*
 * neighbour.c - from a next hop's IPv4 address to its link address.
 *
 * ip_output() asks for the neighbour of its next hop and calls neigh_output(), which in the usual case copies
 * a ready-made link header in front of the packet and passes it to dev_queue_xmit(). Otherwise the packet
 * waits here while the protocol (ARP) asks. What a stranger can make grow is bounded: entries (gc_thresh3),
 * packets waiting for one (queue_len) and for all (NEIGH_QUEUED_MAX). Each address is asked for once a second
 * at most (RFC 1122 2.3.2.1), and one that has not answered is not asked again before another second.
 */
#include "net/core/neighbour.h"

#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/panic.h"
#include "kernel/slab.h"

#define NEIGH_QUEUED_MAX 256 /* of full-sized packets: half a megabyte */
#define NEIGH_EVICT_SCAN 64  /* entries looked at to make room for one */

/* --- states --- */

static const char *const neigh_state_names[] = {
    [NUD_NONE] = "NONE",     [NUD_INCOMPLETE] = "INCOMPLETE", [NUD_REACHABLE] = "REACHABLE",
    [NUD_STALE] = "STALE",   [NUD_DELAY] = "DELAY",           [NUD_PROBE] = "PROBE",
    [NUD_FAILED] = "FAILED", [NUD_NOARP] = "NOARP",           [NUD_PERMANENT] = "PERMANENT",
};

const char *neigh_state_name(enum neigh_state state)
{
    return (size_t)state < ARRAY_SIZE(neigh_state_names) ? neigh_state_names[state] : "?";
}

#define BIT(state) (1u << (state))

/* The states each one may turn into. By hand (PERMANENT, FAILED) one may always interfere. */
static const uint16_t neigh_moves[] = {
    [NUD_NONE] = BIT(NUD_INCOMPLETE) | BIT(NUD_REACHABLE) | BIT(NUD_STALE) | BIT(NUD_NOARP),
    [NUD_INCOMPLETE] = BIT(NUD_REACHABLE) | BIT(NUD_STALE),
    [NUD_REACHABLE] = BIT(NUD_REACHABLE) | BIT(NUD_STALE) | BIT(NUD_DELAY),
    [NUD_STALE] = BIT(NUD_REACHABLE) | BIT(NUD_STALE) | BIT(NUD_DELAY),
    [NUD_DELAY] = BIT(NUD_REACHABLE) | BIT(NUD_STALE) | BIT(NUD_PROBE),
    [NUD_PROBE] = BIT(NUD_REACHABLE) | BIT(NUD_STALE),
    [NUD_FAILED] = BIT(NUD_INCOMPLETE) | BIT(NUD_REACHABLE) | BIT(NUD_STALE),
    [NUD_NOARP] = BIT(NUD_NOARP),
    [NUD_PERMANENT] = 0,
};

/* Hosts that started together must not expire together: 0.5 to 1.5 times the base (RFC 4861 6.3.2). */
static uint64_t neigh_reachable_time(const struct neigh_parms *parms)
{
    uint32_t base = (uint32_t)parms->base_reachable_time_ms;

    return base / 2 + get_random_u32_below(base + 1);
}

/* The one place where the state changes: checks the move and arms the state's timer. */
static void neigh_set_state(struct neighbour *n, enum neigh_state state)
{
    const struct neigh_parms *parms = &n->tbl->parms;
    uint64_t now = ktime_get_ms();

    ASSERT(neigh_moves[n->state] & BIT(state) || state == NUD_PERMANENT || state == NUD_FAILED);
    n->state = state;
    n->updated_ms = now;
    switch (state) {
    case NUD_INCOMPLETE:
    case NUD_PROBE:
        n->probes = 0;
        mod_timer(&n->timer, now + (unsigned)parms->retrans_time_ms);
        break;
    case NUD_REACHABLE:
        n->confirmed_ms = now;
        mod_timer(&n->timer, now + neigh_reachable_time(parms));
        break;
    case NUD_DELAY:
        mod_timer(&n->timer, now + (unsigned)parms->delay_probe_time_ms);
        break;
    case NUD_NONE:
    case NUD_FAILED:
        n->hh_valid = false;
        del_timer(&n->timer);
        break;
    case NUD_STALE:
    case NUD_NOARP:
    case NUD_PERMANENT:
        del_timer(&n->timer);
        break;
    }
}

/* Whether ha is known. */
static bool neigh_has_address(const struct neighbour *n)
{
    switch (n->state) {
    case NUD_REACHABLE:
    case NUD_STALE:
    case NUD_DELAY:
    case NUD_PROBE:
    case NUD_NOARP:
    case NUD_PERMANENT:
        return true;
    case NUD_NONE:
    case NUD_INCOMPLETE:
    case NUD_FAILED:
        return false;
    }
    return false;
}

/* --- waiting packets --- */

static struct sk_buff *neigh_dequeue(struct neighbour *n)
{
    struct sk_buff *skb = skb_dequeue(&n->arp_queue);

    if (skb)
        n->tbl->queued--;
    if (skb_queue_empty(&n->arp_queue))
        list_del_init(&n->waiting);
    return skb;
}

/* The entry most packets wait for; of several, the one that has made them wait longest. */
static struct neighbour *neigh_longest_queue(struct neigh_table *tbl)
{
    struct neighbour *n, *longest = NULL;

    list_for_each_entry (n, &tbl->waiting, waiting) {
        if (!longest || n->arp_queue.qlen > longest->arp_queue.qlen)
            longest = n;
    }
    return longest;
}

/*
 * Behind those that wait. Over its bound the oldest one of this entry goes; over the bound of all, the oldest
 * one of the entry that has most: many packets for silent hosts do not keep the first one for a new neighbour
 * from waiting, too.
 */
static void neigh_enqueue(struct neighbour *n, struct sk_buff *skb)
{
    struct neigh_table *tbl = n->tbl;

    if (n->arp_queue.qlen >= (unsigned)tbl->parms.queue_len)
        kfree_skb_reason(neigh_dequeue(n), SKB_DROP_REASON_NEIGH_QUEUEFULL);
    else if (tbl->queued >= NEIGH_QUEUED_MAX)
        kfree_skb_reason(neigh_dequeue(neigh_longest_queue(tbl)), SKB_DROP_REASON_NEIGH_QUEUEFULL);
    if (list_empty(&n->waiting))
        list_add_tail(&n->waiting, &tbl->waiting);
    skb_queue_tail(&n->arp_queue, skb);
    tbl->queued++;
}

/* Off the entry first: sending them may come back here. */
static void neigh_take_queue(struct neighbour *n, struct sk_buff_head *to)
{
    struct sk_buff *skb;

    skb_queue_head_init(to);
    while ((skb = neigh_dequeue(n)))
        skb_queue_tail(to, skb);
}

static void neigh_send_waiting(struct neighbour *n)
{
    struct sk_buff_head waiting;
    struct sk_buff *skb;

    neigh_take_queue(n, &waiting);
    while ((skb = skb_dequeue(&waiting)))
        neigh_output(n, skb);
}

/* No answer: the senders of waiting packets hear of it. */
static void neigh_fail(struct neighbour *n)
{
    struct sk_buff_head waiting;
    struct sk_buff *skb;

    neigh_set_state(n, NUD_FAILED);
    list_del_init(&n->lru);
    list_add(&n->lru, &n->tbl->lru); /* the first to be evicted */
    neigh_take_queue(n, &waiting);
    while ((skb = skb_dequeue(&waiting)))
        n->tbl->ops->error_report(n, skb);
}

/* --- the table --- */

static inline struct hlist_head *neigh_bucket(struct neigh_table *tbl, be32 key, const struct net_device *dev)
{
    /* Multiplied by a secret, and the top bits taken: a stranger cannot choose a bucket. Bounded by
     * gc_thresh3. */
    uint64_t h = ((__force uint32_t)key ^ (uint32_t)dev->ifindex << 24 ^ (uint32_t)tbl->net->secret.key[0]) *
                 (tbl->net->secret.key[1] | 1);

    return &tbl->hash[h >> 56];
}
_Static_assert(NEIGH_HASH_SIZE == 1 << 8, "neigh_bucket() takes eight bits");

struct neigh_table *neigh_table_create(struct net *net, const char *name, const struct neigh_ops *ops)
{
    struct neigh_table *tbl = kzalloc(sizeof(*tbl));

    if (!tbl)
        return NULL;
    tbl->net = net;
    tbl->name = name;
    tbl->ops = ops;
    INIT_LIST_HEAD(&tbl->lru);
    INIT_LIST_HEAD(&tbl->waiting);
    tbl->parms = (struct neigh_parms){
        .base_reachable_time_ms = 30000,
        .retrans_time_ms = 1000,
        .gc_stale_time_ms = 60000,
        .delay_probe_time_ms = 5000,
        .mcast_solicit = 3,
        .ucast_solicit = 3,
        .queue_len = 16,
        .gc_thresh3 = 1024,
    };
    return tbl;
}

/* Takes the entry out of the table and drops the table's reference. */
static void neigh_unlink(struct neighbour *n)
{
    struct sk_buff_head waiting;

    n->dead = true;
    n->hh_valid = false;
    hlist_del_init(&n->hash);
    list_del_init(&n->lru);
    n->tbl->entries--;
    del_timer(&n->timer);
    neigh_take_queue(n, &waiting);
    skb_queue_purge(&waiting, SKB_DROP_REASON_NEIGH_DEAD);
    neigh_release(n);
}

void neigh_table_destroy(struct neigh_table *tbl)
{
    if (!tbl)
        return;
    while (!list_empty(&tbl->lru))
        neigh_unlink(list_first_entry(&tbl->lru, struct neighbour, lru));
    ASSERT(!tbl->entries && !tbl->queued);
    kfree(tbl);
}

void neigh_release(struct neighbour *n)
{
    if (--n->refcount)
        return;
    ASSERT(n->dead);
    kfree(n);
}

static inline struct neighbour *neigh_find(struct neigh_table *tbl, be32 key, const struct net_device *dev)
{
    struct neighbour *n;

    hlist_for_each_entry (n, neigh_bucket(tbl, key, dev), hash) {
        if (n->primary_key == key && n->dev == dev)
            return n;
    }
    return NULL;
}

struct neighbour *neigh_lookup(struct neigh_table *tbl, be32 key, struct net_device *dev)
{
    struct neighbour *n = neigh_find(tbl, key, dev);

    if (n)
        n->refcount++;
    return n;
}

/* The fast path leaves only a mark; this turns it into a time. */
static void neigh_note_use(struct neighbour *n, uint64_t now)
{
    if (n->used)
        n->used_ms = now;
    n->used = false;
}

enum neigh_worth { NEIGH_WORTHLESS, NEIGH_ONLY_ASKED, NEIGH_IN_USE };

static enum neigh_worth neigh_worth(struct neighbour *n, uint64_t now)
{
    bool fresh = n->used || (n->used_ms && now - n->used_ms < (unsigned)n->tbl->parms.gc_stale_time_ms);

    if (n->refcount > 1 || n->state == NUD_PERMANENT)
        return NEIGH_IN_USE;
    if (n->state == NUD_FAILED)
        return NEIGH_WORTHLESS;
    if (n->state == NUD_INCOMPLETE)
        return NEIGH_ONLY_ASKED;
    return fresh ? NEIGH_IN_USE : NEIGH_WORTHLESS;
}

/*
 * Makes room for one entry. Those in use are moved to the young end as they are met, so the next search
 * starts behind them. An address that was only asked for so far goes when nothing is worth less: a scan of
 * the subnet evicts its own entries, never a neighbour we talk to. false: everything is in use.
 */
static bool neigh_evict(struct neigh_table *tbl)
{
    struct neighbour *n, *next, *victim = NULL;
    uint64_t now = ktime_get_ms();
    unsigned looked = 0;

    list_for_each_entry_safe (n, next, &tbl->lru, lru) {
        enum neigh_worth worth = neigh_worth(n, now);
        if (worth == NEIGH_WORTHLESS) {
            victim = n;
            break;
        }
        if (worth == NEIGH_IN_USE) {
            neigh_note_use(n, now);
            list_move_tail(&n->lru, &tbl->lru);
        } else if (!victim) {
            victim = n;
        }
        if (++looked >= NEIGH_EVICT_SCAN)
            break;
    }
    if (!victim)
        return false;
    NET_INC_STATS(tbl->net, NeighEvicted);
    neigh_unlink(victim);
    return true;
}

static void neigh_timer(struct timer *timer);

static struct neighbour *neigh_create(struct neigh_table *tbl, be32 key, struct net_device *dev)
{
    if (tbl->entries >= (size_t)tbl->parms.gc_thresh3 && !neigh_evict(tbl)) {
        NET_INC_STATS(tbl->net, NeighTableFull);
        return NULL;
    }
    struct neighbour *n = kzalloc(sizeof(*n));
    if (!n)
        return NULL;
    n->tbl = tbl;
    n->dev = dev;
    n->primary_key = key;
    n->refcount = 2; /* the table's and the caller's */
    timer_setup(&n->timer, neigh_timer);
    skb_queue_head_init(&n->arp_queue);
    INIT_LIST_HEAD(&n->waiting);
    if (tbl->ops->constructor && tbl->ops->constructor(n) != 0) {
        kfree(n);
        return NULL;
    }
    hlist_add_head(&n->hash, neigh_bucket(tbl, key, dev));
    list_add_tail(&n->lru, &tbl->lru);
    tbl->entries++;
    return n;
}

struct neighbour *neigh_lookup_or_create(struct neigh_table *tbl, be32 key, struct net_device *dev)
{
    struct neighbour *n = neigh_lookup(tbl, key, dev);

    return likely(n) ? n : neigh_create(tbl, key, dev);
}

void neigh_forget(struct neigh_table *tbl, be32 key, struct net_device *dev)
{
    struct neighbour *n = neigh_find(tbl, key, dev);

    if (n)
        neigh_unlink(n);
}

void neigh_ifdown(struct neigh_table *tbl, struct net_device *dev)
{
    struct neighbour *n, *next;

    list_for_each_entry_safe (n, next, &tbl->lru, lru) {
        if (n->dev == dev)
            neigh_unlink(n);
    }
}

/* --- by hand, and for those who look --- */

void neigh_changeaddr(struct neigh_table *tbl, const struct net_device *dev)
{
    struct neighbour *n;

    list_for_each_entry (n, &tbl->lru, lru) {
        if (n->dev == dev)
            n->hh_valid = false;
    }
}

size_t neigh_flush(struct neigh_table *tbl, const struct net_device *dev)
{
    struct neighbour *n, *next;
    size_t gone = 0;

    list_for_each_entry_safe (n, next, &tbl->lru, lru) {
        if ((dev && n->dev != dev) || n->state == NUD_PERMANENT || n->state == NUD_NOARP)
            continue;
        neigh_unlink(n);
        gone++;
    }
    return gone;
}

void neigh_for_each(struct neigh_table *tbl, bool (*fn)(const struct neighbour *n, void *ctx), void *ctx)
{
    const struct neighbour *n;

    list_for_each_entry (n, &tbl->lru, lru) {
        if (!fn(n, ctx))
            return;
    }
}

/* --- asking --- */

static void neigh_solicit(struct neighbour *n)
{
    n->probes++;
    n->tbl->ops->solicit(n, skb_peek(&n->arp_queue));
}

/* No answer to the last question: another one, or the end. */
static void neigh_probe_again(struct neighbour *n, int most)
{
    if (n->probes >= (unsigned)most) {
        neigh_fail(n);
        return;
    }
    mod_timer(&n->timer, ktime_get_ms() + (unsigned)n->tbl->parms.retrans_time_ms);
    neigh_solicit(n);
}

/*
 * The confirmation of a reachable neighbour has grown old. Used some time since the last look: it is watched
 * for the length of DELAY, and only asked if it is used in that time.
 */
static void neigh_reachable_expired(struct neighbour *n, uint64_t now, bool used)
{
    const struct neigh_parms *parms = &n->tbl->parms;

    if (now - n->confirmed_ms < (unsigned)parms->base_reachable_time_ms / 2) {
        mod_timer(&n->timer, n->confirmed_ms + neigh_reachable_time(parms)); /* neigh_confirm() */
        return;
    }
    neigh_set_state(n, used ? NUD_DELAY : NUD_STALE);
}

static void neigh_timer(struct timer *timer)
{
    struct neighbour *n = container_of(timer, struct neighbour, timer);
    uint64_t now = ktime_get_ms();
    bool used = n->used;

    n->refcount++; /* the senders told of a failure may make the table forget it */
    neigh_note_use(n, now);
    switch (n->state) {
    case NUD_INCOMPLETE:
        neigh_probe_again(n, n->tbl->parms.mcast_solicit);
        break;
    case NUD_PROBE:
        neigh_probe_again(n, n->tbl->parms.ucast_solicit);
        break;
    case NUD_REACHABLE:
        neigh_reachable_expired(n, now, used);
        break;
    case NUD_DELAY:
        neigh_set_state(n, used ? NUD_PROBE : NUD_STALE);
        if (used)
            neigh_solicit(n);
        break;
    case NUD_NONE:
    case NUD_STALE:
    case NUD_FAILED:
    case NUD_NOARP:
    case NUD_PERMANENT:
        break;
    }
    neigh_release(n);
}

/* --- sending --- */

/* Writes the link header the long way, and keeps the first one for the next packets. Takes skb. */
static int neigh_send_first(struct neighbour *n, struct sk_buff *skb)
{
    struct net_device *dev = n->dev;
    int err = skb_cow_head(skb, dev->hard_header_len);

    if (!err)
        err = dev_hard_header(skb, dev, n->tbl->protocol, n->ha, NULL);
    if (err) {
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return err;
    }
    if (dev->header_ops && dev->hard_header_len == 14) {
        memcpy(n->hh + sizeof(n->hh) - 14, skb->data, 14);
        n->hh_valid = true;
    }
    return dev_queue_xmit(skb);
}

/* It did not answer a moment ago. Takes skb. */
static int neigh_unreachable(struct neighbour *n, struct sk_buff *skb)
{
    n->refcount++;
    n->tbl->ops->error_report(n, skb);
    neigh_release(n);
    return -EHOSTUNREACH;
}

static int neigh_output_slow(struct neighbour *n, struct sk_buff *skb)
{
    switch (n->state) {
    case NUD_FAILED:
        if (ktime_get_ms() - n->updated_ms < (unsigned)n->tbl->parms.retrans_time_ms)
            return neigh_unreachable(n, skb);
        list_move_tail(&n->lru, &n->tbl->lru);
        /* fall through */
    case NUD_NONE:
        neigh_enqueue(n, skb);
        neigh_set_state(n, NUD_INCOMPLETE);
        neigh_solicit(n);
        return 0;
    case NUD_INCOMPLETE:
        neigh_enqueue(n, skb);
        return 0;
    case NUD_STALE:
        neigh_set_state(n, NUD_DELAY);
        break;
    case NUD_REACHABLE:
    case NUD_DELAY:
    case NUD_PROBE:
    case NUD_NOARP:
    case NUD_PERMANENT:
        break;
    }
    return neigh_send_first(n, skb);
}

int neigh_output(struct neighbour *n, struct sk_buff *skb)
{
    if (unlikely(n->dead)) { /* its device may be gone */
        skb->dev = NULL;
        kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_DEAD);
        return -EHOSTUNREACH;
    }
    skb->dev = n->dev;
    skb->protocol = cpu_to_be16(n->tbl->protocol);
    n->used = true;
    /* hh_valid: ha is known; and nothing is to be started by this use (STALE), and there is room for two
     * whole words. */
    if (unlikely(!n->hh_valid || n->state == NUD_STALE || skb_headroom(skb) < sizeof(n->hh) ||
                 (skb_cloned(skb) && !skb->nohdr)))
        return neigh_output_slow(n, skb);
    memcpy(skb->data - sizeof(n->hh), n->hh, sizeof(n->hh));
    skb->data -= 14;
    skb->len += 14;
    return dev_queue_xmit(skb);
}

/* --- news --- */

/* What the network says never changes what was set by hand or needs no question. */
static bool neigh_is_fixed(const struct neighbour *n, enum neigh_state new_state)
{
    return (n->state == NUD_PERMANENT || n->state == NUD_NOARP) && new_state != NUD_PERMANENT &&
           new_state != NUD_FAILED;
}

void neigh_update(struct neighbour *n, const uint8_t *ha, enum neigh_state new_state, bool override)
{
    bool had = neigh_has_address(n);
    bool same = had && ha && memcmp(n->ha, ha, ETH_ALEN) == 0;

    if (n->dead || neigh_is_fixed(n, new_state))
        return;
    if (new_state == NUD_FAILED) {
        neigh_fail(n);
        return;
    }
    if (!had && !ha)
        return; /* a state without an address says nothing */
    if (had && ha && !same && !override) {
        /* Two claim it: keep the one we know and ask it soon. */
        if (n->state == NUD_REACHABLE)
            neigh_set_state(n, NUD_STALE);
        return;
    }
    if (ha && !same) {
        memcpy(n->ha, ha, ETH_ALEN);
        n->hh_valid = false;
    } else if (new_state == NUD_STALE) {
        return; /* nothing new */
    }
    if (n->state != new_state || !same || new_state == NUD_REACHABLE)
        neigh_set_state(n, new_state);
    if (!had)
        neigh_send_waiting(n);
}

void neigh_confirm(struct neighbour *n)
{
    if (n->dead)
        return; /* the caller's route is all that still holds it */
    n->confirmed_ms = ktime_get_ms();
    if (n->state == NUD_STALE || n->state == NUD_DELAY || n->state == NUD_PROBE)
        neigh_set_state(n, NUD_REACHABLE);
}
