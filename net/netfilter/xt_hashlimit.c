/*
 * xt_hashlimit.c - -m hashlimit: a rate for each source, destination or port.
 *
 * Rules of one name and one configuration share a table. A stranger fills it by spoofing addresses, so it has
 * a bound: when it is full the entry that has been silent longest makes room. Its key is secret.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "net/netfilter/xt_extensions.h"
#include "net/netfilter/xt_rate.h"
#include "net/netfilter/xt_rules.h"

#define HASHLIMIT_NAME      16
#define HASHLIMIT_SIZE      1024
#define HASHLIMIT_SIZE_MAX  65536
#define HASHLIMIT_MAX_MAX   262144
#define HASHLIMIT_EXPIRE_MS 10000

enum { HASHLIMIT_SRCIP = 1, HASHLIMIT_DSTIP = 2, HASHLIMIT_SRCPORT = 4, HASHLIMIT_DSTPORT = 8 };

/* Compared as bytes: no holes. */
struct hashlimit_config {
    char name[HASHLIMIT_NAME];
    struct xt_rate rate;
    uint32_t mode, burst, size, max, expire_ms;
    be32 src_mask, dst_mask;
};

struct hashlimit_key {
    be32 src, dst;
    uint16_t sport, dport;
};

struct hashlimit_entry {
    struct hlist_node node;
    struct list_head used; /* hashlimit_table.used */
    struct hashlimit_key key;
    struct xt_bucket bucket;
};

struct hashlimit_table {
    struct list_head list; /* netns_xt.hashlimits */
    struct hashlimit_config config;
    unsigned references; /* rules */
    unsigned count;
    uint64_t cost_ns;
    struct siphash_key secret;
    struct list_head used; /* entries: silent longest first */
    struct hlist_head buckets[];
};

struct xt_hashlimit {
    struct hashlimit_config config;
    bool above, has_rate;
    struct hashlimit_table *table; /* one reference */
};

/* --- tables --- */

static struct hashlimit_table *hashlimit_table_find(struct net *net, const struct hashlimit_config *config)
{
    struct hashlimit_table *t;

    list_for_each_entry (t, &net->xt->hashlimits, list)
        if (!memcmp(&t->config, config, sizeof(*config)))
            return t;
    return NULL;
}

static struct hashlimit_table *hashlimit_table_create(struct net *net, const struct hashlimit_config *config)
{
    struct hashlimit_table *t = kzalloc(sizeof(*t) + config->size * sizeof(t->buckets[0]));

    if (!t)
        return NULL;
    t->config = *config;
    t->cost_ns = xt_rate_cost_ns(&config->rate);
    t->secret = net->secret;
    INIT_LIST_HEAD(&t->used);
    list_add_tail(&t->list, &net->xt->hashlimits);
    return t;
}

static void hashlimit_entry_free(struct hashlimit_table *t, struct hashlimit_entry *e)
{
    hlist_del_init(&e->node);
    list_del_init(&e->used);
    t->count--;
    kfree(e);
}

static void hashlimit_table_put(struct hashlimit_table *t)
{
    struct hashlimit_entry *e, *next;

    if (--t->references)
        return;
    list_for_each_entry_safe (e, next, &t->used, used)
        hashlimit_entry_free(t, e);
    list_del_init(&t->list);
    kfree(t);
}

/* --- packets --- */

static bool hashlimit_read(const struct hashlimit_config *c, struct xt_packet *p, struct hashlimit_key *key)
{
    const struct iphdr *iph = (const struct iphdr *)p->skb->data;
    uint8_t buf[4];
    const uint8_t *ports;

    *key = (struct hashlimit_key){.sport = 0};
    if (c->mode & HASHLIMIT_SRCIP)
        key->src = iph->saddr & c->src_mask;
    if (c->mode & HASHLIMIT_DSTIP)
        key->dst = iph->daddr & c->dst_mask;
    if (!(c->mode & (HASHLIMIT_SRCPORT | HASHLIMIT_DSTPORT)) || p->fragoff ||
        (iph->protocol != IPPROTO_TCP && iph->protocol != IPPROTO_UDP))
        return true;
    ports = xt_transport(p, sizeof(buf), buf);
    if (!ports)
        return false;
    if (c->mode & HASHLIMIT_SRCPORT)
        key->sport = get_unaligned_be16(ports);
    if (c->mode & HASHLIMIT_DSTPORT)
        key->dport = get_unaligned_be16(ports + 2);
    return true;
}

static bool hashlimit_expired(const struct hashlimit_table *t, const struct hashlimit_entry *e)
{
    return ktime_get() - e->bucket.stamp >= t->config.expire_ms * NSEC_PER_MSEC;
}

static struct hashlimit_entry *hashlimit_entry_get(struct hashlimit_table *t, const struct hashlimit_key *key)
{
    uint64_t hash = hsiphash_3u32((__force uint32_t)key->src, (__force uint32_t)key->dst,
                                  (uint32_t)key->sport << 16 | key->dport, &t->secret);
    struct hlist_head *chain = &t->buckets[hash % t->config.size];
    struct hashlimit_entry *e;

    hlist_for_each_entry (e, chain, node) {
        if (memcmp(&e->key, key, sizeof(*key)))
            continue;
        if (hashlimit_expired(t, e)) /* as if it were gone already */
            e->bucket.credit_ns = t->cost_ns * t->config.burst;
        return e;
    }
    if (t->count >= t->config.max)
        hashlimit_entry_free(t, list_first_entry(&t->used, struct hashlimit_entry, used));
    e = kzalloc(sizeof(*e));
    if (!e)
        return NULL;
    e->key = *key;
    e->bucket = (struct xt_bucket){.stamp = ktime_get(), .credit_ns = t->cost_ns * t->config.burst};
    hlist_add_head(&e->node, chain);
    list_add_tail(&e->used, &t->used);
    t->count++;
    return e;
}

/* A few of those nobody has heard of for long go with every packet, so memory comes back. */
static void hashlimit_expire(struct hashlimit_table *t)
{
    for (unsigned i = 0; i < 2 && !list_empty(&t->used); i++) {
        struct hashlimit_entry *oldest = list_first_entry(&t->used, struct hashlimit_entry, used);

        if (!hashlimit_expired(t, oldest))
            return;
        hashlimit_entry_free(t, oldest);
    }
}

static bool xt_hashlimit_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_hashlimit *h = data;
    struct hashlimit_table *t = h->table;
    struct hashlimit_key key;
    struct hashlimit_entry *e;

    hashlimit_expire(t);
    e = hashlimit_read(&t->config, p, &key) ? hashlimit_entry_get(t, &key) : NULL;
    if (!e) { /* neither within nor above: nobody can tell */
        p->hotdrop = true;
        return false;
    }
    list_move_tail(&e->used, &t->used);
    return xt_bucket_take(&e->bucket, t->cost_ns, t->cost_ns * t->config.burst) != h->above;
}

/* --- text --- */

static const char *const hashlimit_modes[] = {"srcip", "dstip", "srcport", "dstport"};

static int hashlimit_parse_mode(struct xt_parse *in, uint32_t *mode)
{
    const char *word = xt_parse_word(in);

    for (*mode = 0; word && *word;) {
        size_t len = strcspn(word, ","), i = 0;

        while (i < 4 && (strlen(hashlimit_modes[i]) != len || strncmp(word, hashlimit_modes[i], len)))
            i++;
        if (i == 4)
            break;
        *mode |= 1u << i;
        word += len + (word[len] == ',');
        if (!*word)
            return 1;
    }
    return word ? xt_parse_error(
                      in,
                      "\"%.40s\" is no mode; write srcip, dstip, srcport, dstport or several: srcip,dstport",
                      word)
                : -EINVAL;
}

static int hashlimit_parse_name(struct xt_parse *in, struct hashlimit_config *c)
{
    const char *word = xt_parse_word(in);

    if (!word)
        return -EINVAL;
    if (!*word || strlen(word) >= sizeof(c->name))
        return xt_parse_error(in, "\"%.40s\" is no name; write 1 to 15 characters", word);
    memset(c->name, 0, sizeof(c->name));
    memcpy(c->name, word, strlen(word));
    return 1;
}

static int hashlimit_parse_mask(struct xt_parse *in, be32 *mask)
{
    uint32_t len;

    if (xt_parse_u32(in, 0, 32, &len))
        return -EINVAL;
    *mask = cpu_to_be32(len ? 0xffffffffu << (32 - len) : 0);
    return 1;
}

static int hashlimit_parse_rate(struct xt_parse *in, struct xt_hashlimit *h, bool above)
{
    if (h->has_rate)
        return xt_parse_error(in, "one rate: write --hashlimit-upto or --hashlimit-above, once");
    h->has_rate = true;
    h->above = above;
    return xt_rate_parse(in, &h->config.rate);
}

static int hashlimit_number(struct xt_parse *in, uint32_t max, uint32_t *value)
{
    return xt_parse_u32(in, 1, max, value) ? -EINVAL : 1;
}

static int xt_hashlimit_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_hashlimit *h = data;
    struct hashlimit_config *c = &h->config;
    uint32_t ignored;

    if (strncmp(option, "--hashlimit", 11))
        return 0;
    option += 11;
    if (!strcmp(option, "-upto") || !*option)
        return hashlimit_parse_rate(in, h, invert);
    if (!strcmp(option, "-above"))
        return hashlimit_parse_rate(in, h, !invert);
    if (xt_parse_no_invert(in, option, invert))
        return -EINVAL;
    if (!strcmp(option, "-burst"))
        return hashlimit_number(in, XT_RATE_BURST_MAX, &c->burst);
    if (!strcmp(option, "-mode"))
        return hashlimit_parse_mode(in, &c->mode);
    if (!strcmp(option, "-name"))
        return hashlimit_parse_name(in, c);
    if (!strcmp(option, "-htable-size"))
        return hashlimit_number(in, HASHLIMIT_SIZE_MAX, &c->size);
    if (!strcmp(option, "-htable-max"))
        return hashlimit_number(in, HASHLIMIT_MAX_MAX, &c->max);
    if (!strcmp(option, "-htable-expire"))
        return hashlimit_number(in, 86400000, &c->expire_ms);
    if (!strcmp(option, "-htable-gcinterval")) /* entries go as packets come: there is no interval to set */
        return hashlimit_number(in, 86400000, &ignored);
    if (!strcmp(option, "-srcmask"))
        return hashlimit_parse_mask(in, &c->src_mask);
    if (!strcmp(option, "-dstmask"))
        return hashlimit_parse_mask(in, &c->dst_mask);
    return 0;
}

static int xt_hashlimit_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    struct xt_hashlimit *h = data;
    struct hashlimit_config *c = &h->config;

    if (!h->has_rate || !c->name[0])
        return xt_parse_error(
            in, "-m hashlimit needs --hashlimit-upto or --hashlimit-above, and --hashlimit-name");
    if (!c->burst)
        c->burst = XT_RATE_BURST;
    if (!c->size)
        c->size = HASHLIMIT_SIZE;
    if (!c->max)
        c->max = min(8 * c->size, (uint32_t)HASHLIMIT_MAX_MAX);
    if (!c->expire_ms)
        c->expire_ms = HASHLIMIT_EXPIRE_MS;
    /* A mask nobody gave is that of one address; /0 cannot be told from it and would mean to leave srcip out.
     */
    if (!c->src_mask)
        c->src_mask = cpu_to_be32(0xffffffffu);
    if (!c->dst_mask)
        c->dst_mask = cpu_to_be32(0xffffffffu);
    h->table = hashlimit_table_find(xt_parse_net(in), c);
    if (!h->table)
        h->table = hashlimit_table_create(xt_parse_net(in), c);
    if (!h->table)
        return -ENOMEM;
    h->table->references++;
    return 0;
}

static void xt_hashlimit_release(struct net *net, void *data)
{
    hashlimit_table_put(((struct xt_hashlimit *)data)->table);
}

static void xt_hashlimit_print(struct xt_text *out, const void *data)
{
    const struct xt_hashlimit *h = data;
    const struct hashlimit_config *c = &h->config;
    uint32_t src = be32_to_cpu(c->src_mask), dst = be32_to_cpu(c->dst_mask);

    xt_print(out, " --hashlimit-%s ", h->above ? "above" : "upto");
    xt_rate_print(out, &c->rate);
    xt_print(out, " --hashlimit-burst %u", c->burst);
    for (unsigned i = 0, n = 0; i < 4; i++)
        if (c->mode >> i & 1)
            xt_print(out, "%s%s", n++ ? "," : " --hashlimit-mode ", hashlimit_modes[i]);
    xt_print(out, " --hashlimit-name ");
    xt_print_quoted(out, c->name);
    if (c->size != HASHLIMIT_SIZE)
        xt_print(out, " --hashlimit-htable-size %u", c->size);
    if (c->max != 8 * c->size)
        xt_print(out, " --hashlimit-htable-max %u", c->max);
    if (c->expire_ms != HASHLIMIT_EXPIRE_MS)
        xt_print(out, " --hashlimit-htable-expire %u", c->expire_ms);
    if (src != 0xffffffffu)
        xt_print(out, " --hashlimit-srcmask %u", xt_mask_length(c->src_mask));
    if (dst != 0xffffffffu)
        xt_print(out, " --hashlimit-dstmask %u", xt_mask_length(c->dst_mask));
}

const struct xt_match xt_hashlimit_match = {
    .name = "hashlimit",
    .size = sizeof(struct xt_hashlimit),
    .match = xt_hashlimit_match_packet,
    .parse = xt_hashlimit_parse,
    .check = xt_hashlimit_check,
    .print = xt_hashlimit_print,
    .destroy = xt_hashlimit_release,
};
