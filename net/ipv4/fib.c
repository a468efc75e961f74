/*
 * fib.c - the forwarding information base: which prefix is reached which way.
 *
 * Asked by net/ipv4/route.c when its caches do not know the answer. Filled by net/ipv4/fib_frontend.c from
 * the addresses of devices, by ip=, DHCP and the console's `ip route`; never by what arrives from the
 * network.
 *
 * The table is a multibit trie. Its root looks at the first 7 bits of an address, each node below at 6 more:
 *
 *     root: 0-6 | 7-12 | 13-18 | 19-24 | 25-30 | 31-32      lengths of the prefixes kept in each level
 *
 * A node keeps the prefixes that end inside it in a bitmap of 63 bits - one for each prefix of 0 to 5 bits, a
 * binary tree in the order of its levels - and the nodes below in one of 64, and behind each bitmap an array
 * without holes. To look up an address is to visit at most five nodes, whatever the table holds; in each, one
 * AND leaves the prefixes that cover the address, longest on top. Levels end at 24 so that most of an
 * Internet table needs three.
 */
#include "net/ipv4/fib.h"

#include <errno.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/ipv4/ip.h"

#define FIB_ROOT_BITS 7u
#define FIB_STRIDE    6u
#define FIB_LEVELS    5u /* below the root */

/* All ways to one prefix. */
struct fib_node {
    struct list_head list; /* fib.nodes */
    struct list_head aliases;
    be32 prefix;
    uint8_t prefix_len;
};

/* Both arrays have room for the next power of two at least. */
struct fib_trie {
    uint64_t prefixes, children;
    struct fib_node **prefix;
    struct fib_trie **child;
};

struct fib {
    struct fib_trie *child[1u << FIB_ROOT_BITS];
    struct fib_node *shorter[1u << FIB_ROOT_BITS]; /* prefixes of 0 to 6 bits, as in a node */
    uint8_t shorter_lengths;                       /* bit n: some of these have n bits */
    struct list_head nodes;                        /* every prefix, in the order they came */
    size_t count;
};

/* --- bitmaps --- */

static unsigned fib_popcount(uint64_t bits)
{
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)(bits * 0x0101010101010101u >> 56);
}

/* Where the entry of `bit` stands in the array behind `bitmap`. */
static unsigned fib_rank(uint64_t bitmap, unsigned bit)
{
    return fib_popcount(bitmap & ((1ull << bit) - 1));
}

/* The bit of a prefix of `len` bits (0 to 5) that begins like the 6 bits of v. */
static unsigned fib_prefix_bit(unsigned v, unsigned len)
{
    return (1u << len) - 1 + (v >> (FIB_STRIDE - len));
}

/* The bits of all prefixes that cover the 6 bits of v; longer ones are higher. */
static uint64_t fib_covering(unsigned v)
{
    return 1ull | 2ull << (v >> 5) | 8ull << (v >> 4) | 0x80ull << (v >> 3) | 0x8000ull << (v >> 2) |
           0x80000000ull << (v >> 1);
}

/* Puts an entry into the place `rank` of an array of `count`, which gets more room if it has to. 0 or
 * -ENOMEM.
 */
static int fib_array_insert(void ***array, unsigned count, unsigned rank, void *entry)
{
    void **old = *array, **new = old;

    if ((count & (count - 1)) == 0) { /* as full as its power of two; also when there is none yet */
        new = kmalloc((count ? 2 * count : 1) * sizeof(*new));
        if (!new)
            return -ENOMEM;
        for (unsigned i = 0; i < rank; i++)
            new[i] = old[i];
    }
    for (unsigned i = count; i > rank; i--)
        new[i] = old[i - 1];
    new[rank] = entry;
    if (new != old)
        kfree(old);
    *array = new;
    return 0;
}

static void fib_array_remove(void ***array, unsigned count, unsigned rank)
{
    for (unsigned i = rank + 1; i < count; i++)
        (*array)[i - 1] = (*array)[i];
    if (count > 1)
        return;
    kfree(*array);
    *array = NULL;
}

/* --- nodes --- */

static struct fib_trie *fib_child(const struct fib_trie *trie, unsigned v)
{
    return trie->children >> v & 1 ? trie->child[fib_rank(trie->children, v)] : NULL;
}

/* The node that keeps prefixes of this length (7 and more), NULL if there is none. `path` gets it and all
 * above it from the first on, *depth how many. */
static struct fib_trie *fib_find_trie(const struct fib *fib, uint32_t addr, unsigned prefix_len,
                                      struct fib_trie *path[FIB_LEVELS], unsigned *depth)
{
    struct fib_trie *trie = fib->child[addr >> (32 - FIB_ROOT_BITS)];
    unsigned start = FIB_ROOT_BITS;

    for (*depth = 0; trie; start += FIB_STRIDE) {
        path[(*depth)++] = trie;
        if (prefix_len < start + FIB_STRIDE)
            return trie;
        trie = fib_child(trie, addr << start >> (32 - FIB_STRIDE));
    }
    return NULL;
}

/* Where `prefix_len` bits end inside their node. */
static unsigned fib_bit_in_node(uint32_t addr, unsigned prefix_len)
{
    unsigned len = (prefix_len - FIB_ROOT_BITS) % FIB_STRIDE;

    return fib_prefix_bit(addr << (prefix_len - len) >> (32 - FIB_STRIDE), len);
}

static unsigned fib_shorter_index(uint32_t addr, unsigned prefix_len)
{
    return (1u << prefix_len) - 1 + (prefix_len ? addr >> (32 - prefix_len) : 0);
}

static struct fib_node *fib_find_node(const struct fib *fib, be32 prefix, unsigned prefix_len)
{
    uint32_t addr = be32_to_cpu(prefix);
    struct fib_trie *path[FIB_LEVELS], *trie;
    unsigned depth;

    if (prefix_len < FIB_ROOT_BITS)
        return fib->shorter[fib_shorter_index(addr, prefix_len)];
    trie = fib_find_trie(fib, addr, prefix_len, path, &depth);
    if (!trie)
        return NULL;
    unsigned bit = fib_bit_in_node(addr, prefix_len);
    return trie->prefixes >> bit & 1 ? trie->prefix[fib_rank(trie->prefixes, bit)] : NULL;
}

/* Nodes that hold nothing go, from the last of the path upwards. */
static void fib_prune(struct fib *fib, uint32_t addr, struct fib_trie *path[FIB_LEVELS], unsigned depth)
{
    while (depth--) {
        struct fib_trie *trie = path[depth], *above;

        if (trie->prefixes || trie->children)
            return;
        if (!depth) {
            fib->child[addr >> (32 - FIB_ROOT_BITS)] = NULL;
        } else {
            unsigned v = addr << (FIB_ROOT_BITS + (depth - 1) * FIB_STRIDE) >> (32 - FIB_STRIDE);

            above = path[depth - 1];
            fib_array_remove((void ***)&above->child, fib_popcount(above->children),
                             fib_rank(above->children, v));
            above->children &= ~(1ull << v);
        }
        kfree(trie);
    }
}

/* As fib_find_trie(), making what is missing; NULL without memory, nothing is left behind then. */
static struct fib_trie *fib_make_trie(struct fib *fib, uint32_t addr, unsigned prefix_len,
                                      struct fib_trie *path[FIB_LEVELS], unsigned *depth)
{
    struct fib_trie *trie = fib_find_trie(fib, addr, prefix_len, path, depth);
    unsigned needed = (prefix_len - FIB_ROOT_BITS) / FIB_STRIDE + 1;

    while (*depth < needed) {
        trie = kzalloc(sizeof(*trie));
        if (!trie)
            goto prune;
        if (!*depth) {
            fib->child[addr >> (32 - FIB_ROOT_BITS)] = trie;
        } else {
            struct fib_trie *above = path[*depth - 1];
            unsigned v = addr << (FIB_ROOT_BITS + (*depth - 1) * FIB_STRIDE) >> (32 - FIB_STRIDE);

            if (fib_array_insert((void ***)&above->child, fib_popcount(above->children),
                                 fib_rank(above->children, v), trie))
                goto free_trie;
            above->children |= 1ull << v;
        }
        path[(*depth)++] = trie;
    }
    return trie;

free_trie:
    kfree(trie);
prune:
    fib_prune(fib, addr, path, *depth);
    return NULL;
}

/* Hangs a new prefix in: 0 or -ENOMEM. */
static int fib_link_node(struct fib *fib, struct fib_node *node)
{
    uint32_t addr = be32_to_cpu(node->prefix);
    struct fib_trie *path[FIB_LEVELS], *trie;
    unsigned depth;

    if (node->prefix_len < FIB_ROOT_BITS) {
        fib->shorter[fib_shorter_index(addr, node->prefix_len)] = node;
        fib->shorter_lengths |= (uint8_t)(1u << node->prefix_len);
        return 0;
    }
    trie = fib_make_trie(fib, addr, node->prefix_len, path, &depth);
    if (!trie)
        return -ENOMEM;
    unsigned bit = fib_bit_in_node(addr, node->prefix_len);
    if (fib_array_insert((void ***)&trie->prefix, fib_popcount(trie->prefixes), fib_rank(trie->prefixes, bit),
                         node)) {
        fib_prune(fib, addr, path, depth);
        return -ENOMEM;
    }
    trie->prefixes |= 1ull << bit;
    return 0;
}

static void fib_unlink_shorter(struct fib *fib, const struct fib_node *node)
{
    unsigned first = (1u << node->prefix_len) - 1;

    fib->shorter[fib_shorter_index(be32_to_cpu(node->prefix), node->prefix_len)] = NULL;
    for (unsigned i = first; i < 2 * first + 1; i++)
        if (fib->shorter[i])
            return;
    fib->shorter_lengths &= (uint8_t) ~(1u << node->prefix_len);
}

static void fib_unlink_node(struct fib *fib, const struct fib_node *node)
{
    uint32_t addr = be32_to_cpu(node->prefix);
    struct fib_trie *path[FIB_LEVELS], *trie;
    unsigned depth, bit;

    if (node->prefix_len < FIB_ROOT_BITS) {
        fib_unlink_shorter(fib, node);
        return;
    }
    trie = fib_find_trie(fib, addr, node->prefix_len, path, &depth);
    bit = fib_bit_in_node(addr, node->prefix_len);
    fib_array_remove((void ***)&trie->prefix, fib_popcount(trie->prefixes), fib_rank(trie->prefixes, bit));
    trie->prefixes &= ~(1ull << bit);
    fib_prune(fib, addr, path, depth);
}

struct fib *fib_create(void)
{
    struct fib *fib = kzalloc(sizeof(*fib));

    if (fib)
        INIT_LIST_HEAD(&fib->nodes);
    return fib;
}

static struct fib_node *fib_make_node(struct fib *fib, be32 prefix, uint8_t prefix_len)
{
    struct fib_node *node = fib_find_node(fib, prefix, prefix_len);

    if (node)
        return node;
    node = kzalloc(sizeof(*node));
    if (!node)
        return NULL;
    INIT_LIST_HEAD(&node->aliases);
    node->prefix = prefix;
    node->prefix_len = prefix_len;
    if (fib_link_node(fib, node)) {
        kfree(node);
        return NULL;
    }
    list_add_tail(&node->list, &fib->nodes);
    fib->count++;
    return node;
}

static void fib_free_node_if_empty(struct fib *fib, struct fib_node *node)
{
    if (!list_empty(&node->aliases))
        return;
    fib_unlink_node(fib, node);
    list_del_init(&node->list);
    fib->count--;
    kfree(node);
}

/* --- ways --- */

static void fib_free_alias(struct fib *fib, struct fib_alias *alias)
{
    struct fib_node *node = alias->node;

    list_del_init(&alias->list);
    if (alias->rt)
        dst_release(&alias->rt->dst);
    kfree(alias);
    fib_free_node_if_empty(fib, node);
}

static bool fib_is_own(enum rt_type type)
{
    return type == RTN_LOCAL || type == RTN_BROADCAST;
}

static bool fib_usable(const struct fib_alias *alias, int oif)
{
    return !oif || alias->cfg.type == RTN_LOCAL || !alias->cfg.dev || alias->cfg.dev->ifindex == oif;
}

static struct fib_alias *fib_first_usable(const struct fib_node *node, int oif)
{
    struct fib_alias *alias;

    list_for_each_entry (alias, &node->aliases, list)
        if (fib_usable(alias, oif))
            return alias;
    return NULL;
}

/* Among the prefixes of 0 to 6 bits, longest first. */
static struct fib_alias *fib_lookup_shorter(const struct fib *fib, uint32_t addr, int oif)
{
    for (unsigned lengths = fib->shorter_lengths; lengths;) {
        unsigned len = 31 - (unsigned)__builtin_clz(lengths);
        const struct fib_node *node = fib->shorter[fib_shorter_index(addr, len)];
        struct fib_alias *alias = node ? fib_first_usable(node, oif) : NULL;

        if (alias)
            return alias;
        lengths &= ~(1u << len);
    }
    return NULL;
}

struct fib_alias *fib_lookup(const struct fib *fib, be32 daddr, int oif)
{
    uint32_t addr = be32_to_cpu(daddr), rest = addr << FIB_ROOT_BITS;
    const struct fib_trie *path[FIB_LEVELS], *trie = fib->child[addr >> (32 - FIB_ROOT_BITS)];
    uint64_t covering[FIB_LEVELS];
    unsigned depth = 0;

    for (; trie; rest <<= FIB_STRIDE) {
        unsigned v = rest >> (32 - FIB_STRIDE);

        path[depth] = trie;
        covering[depth++] = trie->prefixes & fib_covering(v);
        trie = fib_child(trie, v);
    }
    while (depth--) {
        while (covering[depth]) {
            unsigned bit = 63 - (unsigned)__builtin_clzll(covering[depth]);
            const struct fib_node *node = path[depth]->prefix[fib_rank(path[depth]->prefixes, bit)];
            struct fib_alias *alias = fib_first_usable(node, oif);

            if (likely(alias))
                return alias;
            covering[depth] &= ~(1ull << bit);
        }
    }
    return fib_lookup_shorter(fib, addr, oif);
}

unsigned fib_lookup_depth(const struct fib *fib, be32 daddr)
{
    struct fib_trie *path[FIB_LEVELS];
    unsigned depth;

    fib_find_trie(fib, be32_to_cpu(daddr), 32, path, &depth);
    return depth;
}

size_t fib_count(const struct fib *fib)
{
    return fib->count;
}

bool fib_lookup_config(struct net *net, be32 addr, struct fib_config *cfg)
{
    const struct fib_alias *alias = fib_lookup(net->ipv4->fib, addr, 0);

    if (alias)
        *cfg = alias->cfg;
    return alias;
}

/* Whether `a` is to be asked before `b`. */
static bool fib_before(const struct fib_config *a, const struct fib_config *b)
{
    if (fib_is_own(a->type) != fib_is_own(b->type))
        return fib_is_own(a->type);
    return a->metric < b->metric;
}

static bool fib_same_way(const struct fib_config *a, const struct fib_config *b)
{
    return a->type == b->type && a->metric == b->metric && a->gateway == b->gateway && a->dev == b->dev;
}

static bool fib_conflicts(const struct fib_node *node, const struct fib_config *cfg, bool append)
{
    const struct fib_alias *alias;

    list_for_each_entry (alias, &node->aliases, list) {
        if (fib_same_way(&alias->cfg, cfg))
            return true;
        if (!append && fib_is_own(alias->cfg.type) == fib_is_own(cfg->type) &&
            alias->cfg.metric == cfg->metric)
            return true;
    }
    return false;
}

int fib_insert(struct net *net, const struct fib_config *cfg, bool append)
{
    struct fib *fib = net->ipv4->fib;
    struct fib_node *node = fib_make_node(fib, cfg->dst, cfg->prefix_len);
    struct fib_alias *alias, *other;
    struct list_head *behind;

    if (!node)
        return -ENOMEM;
    if (fib_conflicts(node, cfg, append))
        return -EEXIST;
    alias = kzalloc(sizeof(*alias));
    if (!alias) {
        fib_free_node_if_empty(fib, node);
        return -ENOMEM;
    }
    alias->node = node;
    alias->cfg = *cfg;

    behind = &node->aliases;
    list_for_each_entry (other, &node->aliases, list) {
        if (fib_before(cfg, &other->cfg))
            break;
        behind = &other->list;
    }
    list_insert_between(&alias->list, behind, behind->next);
    rt_cache_flush(net);
    return 0;
}

/* The gateway must be a neighbour; says by which device. */
static int fib_check_gateway(struct net *net, struct fib_config *cfg)
{
    const struct fib_alias *via = fib_lookup(net->ipv4->fib, cfg->gateway, cfg->dev ? cfg->dev->ifindex : 0);

    if (!via || via->cfg.type != RTN_UNICAST || via->cfg.gateway)
        return -ENETUNREACH;
    if (!cfg->dev)
        cfg->dev = via->cfg.dev;
    return cfg->dev == via->cfg.dev ? 0 : -ENETUNREACH;
}

int fib_add(struct net *net, const struct fib_config *cfg)
{
    struct fib_config full = *cfg;

    if (full.prefix_len > 32 || (full.dst & ~inet_make_mask(full.prefix_len)))
        return -EINVAL;
    if (full.gateway) {
        int err = fib_check_gateway(net, &full);
        if (err)
            return err;
    }
    if (!full.dev && full.type <= RTN_MULTICAST)
        return -EINVAL;
    return fib_insert(net, &full, false);
}

int fib_del(struct net *net, const struct fib_config *cfg)
{
    struct fib *fib = net->ipv4->fib;
    struct fib_node *node = cfg->prefix_len <= 32 ? fib_find_node(fib, cfg->dst, cfg->prefix_len) : NULL;
    struct fib_alias *alias;

    if (!node)
        return -ENOENT;
    list_for_each_entry (alias, &node->aliases, list) {
        if (alias->cfg.type != cfg->type || (cfg->gateway && cfg->gateway != alias->cfg.gateway) ||
            (cfg->dev && cfg->dev != alias->cfg.dev) || (cfg->metric && cfg->metric != alias->cfg.metric))
            continue;
        fib_free_alias(fib, alias);
        rt_cache_flush(net);
        return 0;
    }
    return -ENOENT;
}

unsigned fib_remove_if(struct net *net, bool (*match)(const struct fib_config *cfg, void *ctx), void *ctx)
{
    struct fib *fib = net->ipv4->fib;
    struct fib_node *node, *next;
    unsigned removed = 0;

    list_for_each_entry_safe (node, next, &fib->nodes, list) {
        struct list_head *pos = node->aliases.next;
        struct list_head *end = &node->aliases;

        /* The node goes with its last alias, so nothing of it is looked at after that one. */
        while (pos != end) {
            struct fib_alias *alias = list_entry(pos, struct fib_alias, list);

            pos = pos->next;
            if (!match(&alias->cfg, ctx))
                continue;
            fib_free_alias(fib, alias);
            removed++;
        }
    }
    if (removed)
        rt_cache_flush(net);
    return removed;
}

static bool fib_match_all(const struct fib_config *cfg, void *ctx)
{
    return true;
}

void fib_for_each(struct net *net, bool (*fn)(const struct fib_config *cfg, void *ctx), void *ctx)
{
    const struct fib_node *node;
    const struct fib_alias *alias;

    list_for_each_entry (node, &net->ipv4->fib->nodes, list)
        list_for_each_entry (alias, &node->aliases, list)
            if (!fn(&alias->cfg, ctx))
                return;
}

void fib_clear(struct net *net)
{
    fib_remove_if(net, fib_match_all, NULL);
}

void fib_destroy(struct fib *fib)
{
    kfree(fib);
}
