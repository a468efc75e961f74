/*
 * xt_connlimit.c - -m connlimit: how many connections a source (or destination) has open at once.
 *
 * The rule keeps an account for each address, or net, that has connections. A connection is charged to one
 * when it first comes by, and comes off it when it ends (nf_ct_charge.h), so asking costs one lookup, and
 * there are never more accounts and charges than connections.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/slab.h"
#include "net/netfilter/nf_ct_charge.h"
#include "net/netfilter/xt_extensions.h"

#define CONNLIMIT_BUCKETS 256u

struct connlimit_table {
    struct net *net;
    struct hlist_head bucket[CONNLIMIT_BUCKETS];
};

struct connlimit_account {
    struct nf_ct_account account; /* must stay first */
    struct hlist_node node;
    be32 addr;
};

struct xt_connlimit {
    struct connlimit_table *table; /* owned, from check() to destroy() */
    uint32_t limit;
    uint8_t mask_len;
    bool asked, upto, by_dst, masked;
};

/* --- reading and writing --- */

static int xt_connlimit_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_connlimit *m = data;
    uint32_t value;

    if (!strcmp(option, "--connlimit-above") || !strcmp(option, "--connlimit-upto")) {
        m->asked = true;
        m->upto = !strcmp(option, "--connlimit-upto") != invert;
        return xt_parse_u32(in, 0, UINT32_MAX, &m->limit) ? -EINVAL : 1;
    }
    if (!strcmp(option, "--connlimit-mask")) {
        if (xt_parse_no_invert(in, option, invert) || xt_parse_u32(in, 0, 32, &value))
            return -EINVAL;
        m->masked = true;
        m->mask_len = (uint8_t)value;
        return 1;
    }
    if (!strcmp(option, "--connlimit-saddr") || !strcmp(option, "--connlimit-daddr")) {
        m->by_dst = !strcmp(option, "--connlimit-daddr");
        return xt_parse_no_invert(in, option, invert) ? -EINVAL : 1;
    }
    return 0;
}

static int xt_connlimit_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    struct xt_connlimit *m = data;
    int err;

    if (!m->asked)
        return xt_parse_error(in, "-m connlimit needs --connlimit-above NUMBER or --connlimit-upto NUMBER");
    if (!m->masked)
        m->mask_len = 32;
    m->table = kzalloc(sizeof(*m->table));
    if (!m->table)
        return -ENOMEM;
    m->table->net = xt_parse_net(in);
    err = nf_ct_get_use(m->table->net);
    if (err)
        kfree(m->table);
    return err;
}

static void xt_connlimit_print(struct xt_text *out, const void *data)
{
    const struct xt_connlimit *m = data;

    xt_print(out, " --connlimit-%s %u --connlimit-mask %u --connlimit-%s", m->upto ? "upto" : "above",
             m->limit, m->mask_len, m->by_dst ? "daddr" : "saddr");
}

/* --- accounts --- */

static void connlimit_free(struct connlimit_account *a)
{
    nf_ct_account_close(&a->account);
    hlist_del_init(&a->node);
    kfree(a);
}

/* The last connection on it has ended. */
static void connlimit_empty(struct nf_ct_account *account)
{
    connlimit_free((struct connlimit_account *)account);
}

static void xt_connlimit_destroy(struct net *net, void *data)
{
    struct xt_connlimit *m = data;
    struct connlimit_account *a;
    struct hlist_node *next;

    for (unsigned i = 0; i < CONNLIMIT_BUCKETS; i++)
        hlist_for_each_entry_safe (a, next, &m->table->bucket[i], node)
            connlimit_free(a);
    kfree(m->table);
    nf_ct_put_use(net);
}

/* The account of an address, made if need be; NULL without memory. */
static struct connlimit_account *connlimit_account(struct connlimit_table *table, be32 addr)
{
    struct hlist_head *head =
        &table->bucket[hsiphash_3u32((__force uint32_t)addr, 0, 0, &table->net->secret) % CONNLIMIT_BUCKETS];
    struct connlimit_account *a;

    hlist_for_each_entry (a, head, node) {
        if (a->addr == addr)
            return a;
    }
    a = kzalloc(sizeof(*a));
    if (!a)
        return NULL;
    nf_ct_account_init(&a->account, table, connlimit_empty);
    a->addr = addr;
    hlist_add_head(&a->node, head);
    return a;
}

/* Whether a connection is over for those who count: it is not charged any more. */
static bool connlimit_closed(const struct nf_conn *ct)
{
    return (ct->status & IPS_DYING) ||
           (nf_ct_tuple(ct, IP_CT_DIR_ORIGINAL)->protocol == 6 &&
            (ct->tcp.state == TCP_CONNTRACK_TIME_WAIT || ct->tcp.state == TCP_CONNTRACK_CLOSE));
}

/* How many connections there are where this one counts, itself included; -ENOMEM. */
static long connlimit_count(const struct xt_connlimit *m, struct nf_conn *ct)
{
    const struct nf_conntrack_tuple *t = nf_ct_tuple(ct, IP_CT_DIR_ORIGINAL);
    be32 mask = cpu_to_be32(m->mask_len ? 0xffffffffu << (32 - m->mask_len) : 0);
    struct nf_ct_account *account = nf_ct_account_of(ct, m->table);
    struct connlimit_account *a;

    if (account)
        return account->count;
    a = connlimit_account(m->table, (m->by_dst ? t->dst : t->src) & mask);
    if (a && nf_ct_charge(ct, &a->account)) {
        if (!a->account.count)
            connlimit_free(a);
        a = NULL;
    }
    return a ? (long)a->account.count : -ENOMEM;
}

static bool xt_connlimit_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_connlimit *m = data;
    enum ip_conntrack_info info;
    struct nf_conn *ct = nf_ct_get(p->skb, &info);
    long count;

    if (!ct || connlimit_closed(ct))
        return false;
    count = connlimit_count(m, ct);
    if (count < 0) {
        p->hotdrop = true; /* a limit that cannot be kept is not passed by */
        return false;
    }
    return m->upto ? count <= (long)m->limit : count > (long)m->limit;
}

const struct xt_match xt_connlimit_match = {
    .name = "connlimit",
    .size = sizeof(struct xt_connlimit),
    .match = xt_connlimit_match_packet,
    .parse = xt_connlimit_parse,
    .check = xt_connlimit_check,
    .print = xt_connlimit_print,
    .destroy = xt_connlimit_destroy,
};
