/*
 * fib.c - the forwarding information base: which prefix is reached which way.
 *
 * Asked by net/ipv4/route.c when its caches do not know the answer. Filled by net/ipv4/fib_frontend.c from
 * the addresses of devices, by ip=, DHCP and the console's `ip route`; never by what arrives from the
 * network.
 */
#include "net/ipv4/fib.h"

#include <errno.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/ipv4/ip.h"

#define FIB_HASH_BITS 8

struct fib_node {
    struct hlist_node hash;
    struct list_head aliases;
    be32 prefix;
    uint8_t prefix_len;
};

struct fib {
    struct hlist_head hash[1u << FIB_HASH_BITS];
    uint64_t lengths;   /* bit n: there are prefixes of length n */
    uint32_t count[33]; /* prefixes of each length */
};

static unsigned fib_hash(be32 prefix, unsigned prefix_len)
{
    return (((__force uint32_t)prefix + prefix_len) * 0x9e3779b1u) >> (32 - FIB_HASH_BITS);
}

struct fib *fib_create(void)
{
    return kzalloc(sizeof(struct fib));
}

static struct fib_node *fib_find_node(const struct fib *fib, be32 prefix, unsigned prefix_len)
{
    struct fib_node *node;

    hlist_for_each_entry (node, &fib->hash[fib_hash(prefix, prefix_len)], hash)
        if (node->prefix == prefix && node->prefix_len == prefix_len)
            return node;
    return NULL;
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
    hlist_add_head(&node->hash, &fib->hash[fib_hash(prefix, prefix_len)]);
    fib->lengths |= 1ull << prefix_len;
    fib->count[prefix_len]++;
    return node;
}

static void fib_free_node_if_empty(struct fib *fib, struct fib_node *node)
{
    if (!list_empty(&node->aliases))
        return;
    hlist_del_init(&node->hash);
    if (--fib->count[node->prefix_len] == 0)
        fib->lengths &= ~(1ull << node->prefix_len);
    kfree(node);
}

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

struct fib_alias *fib_lookup(const struct fib *fib, be32 addr, int oif)
{
    for (uint64_t lengths = fib->lengths; lengths;) {
        unsigned prefix_len = 63 - (unsigned)__builtin_clzll(lengths);
        const struct fib_node *node = fib_find_node(fib, addr & inet_make_mask(prefix_len), prefix_len);
        struct fib_alias *alias;

        lengths &= ~(1ull << prefix_len);
        if (!node)
            continue;
        list_for_each_entry (alias, &node->aliases, list)
            if (fib_usable(alias, oif))
                return alias;
    }
    return NULL;
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
    unsigned removed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(fib->hash); i++) {
        struct fib_node *node;
        struct hlist_node *next;

        hlist_for_each_entry_safe (node, next, &fib->hash[i], hash) {
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
    const struct fib *fib = net->ipv4->fib;

    for (size_t i = 0; i < ARRAY_SIZE(fib->hash); i++) {
        const struct fib_node *node;
        const struct fib_alias *alias;

        hlist_for_each_entry (node, &fib->hash[i], hash)
            list_for_each_entry (alias, &node->aliases, list)
                if (!fn(&alias->cfg, ctx))
                    return;
    }
}

void fib_clear(struct net *net)
{
    fib_remove_if(net, fib_match_all, NULL);
}

void fib_destroy(struct fib *fib)
{
    kfree(fib);
}
