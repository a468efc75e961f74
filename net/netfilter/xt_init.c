/*
 * xt_init.c - the rules of one stack: their start and end, their hooks, and how a new set takes the place of
 * the old.
 *
 * A table stands at a hook point only while it has something to say there: a rule, or a policy other than
 * ACCEPT. Without rules a packet meets an empty list.
 */
#include <errno.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/ramfs.h"
#include "kernel/slab.h"
#include "net/netfilter/ip_set.h"
#include "net/netfilter/iptables_parse.h"
#include "net/netfilter/nf_route.h"

/* --- hooks --- */

static enum nf_verdict xt_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    return (enum nf_verdict)xt_do_table(skb, state, (enum xt_table_id)(uintptr_t)priv);
}

/*
 * What a rule of table mangle has made of a packet of ours may take it another way: it is routed again. `out`
 * stays what it was for the hooks behind, as in Linux.
 */
static enum nf_verdict xt_hook_mangle_out(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    const struct nf_route_key before = nf_route_key(skb);
    unsigned verdict = (unsigned)xt_do_table(skb, state, XT_MANGLE);

    if (verdict != NF_DROP && verdict != NF_STOLEN && unlikely(nf_route_key_changed(skb, &before)) &&
        ip_route_me_harder(skb)) {
        NET_INC_STATS(state->net, IpOutNoRoutes);
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
        return NF_STOLEN;
    }
    return (enum nf_verdict)verdict;
}

static const int xt_priorities[XT_TABLES] = {
    [XT_RAW] = NF_IP_PRI_RAW, [XT_MANGLE] = NF_IP_PRI_MANGLE, [XT_FILTER] = NF_IP_PRI_FILTER};

static bool xt_chain_speaks(const struct xt_chain *chain)
{
    return chain->builtin && (chain->nr_rules || chain->policy != NF_ACCEPT);
}

static bool xt_table_speaks(const struct xt_table *table)
{
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        if (xt_chain_speaks(&table->builtin[i]))
            return true;
    return false;
}

static void xt_update_hook(struct net *net, unsigned table, unsigned hook)
{
    struct xt_hook *h = &net->xt->hooks[table][hook];
    bool wanted = xt_chain_speaks(&net->xt->tables[table]->builtin[hook]);

    if (wanted == h->registered)
        return;
    h->registered = wanted;
    if (!wanted) {
        nf_unregister_net_hook(&h->ops);
        return;
    }
    bool mangle_out = table == XT_MANGLE && hook == NF_INET_LOCAL_OUT;
    h->ops = (struct nf_hook_ops){.hook = mangle_out ? xt_hook_mangle_out : xt_hook,
                                  .priv = (void *)(uintptr_t)table,
                                  .hooknum = (enum nf_inet_hooks)hook,
                                  .priority = xt_priorities[table]};
    nf_register_net_hook(net, &h->ops);
}

/* Address translation asks table nat by itself. */
static void xt_update_hooks(struct net *net)
{
    for (unsigned t = 0; t < XT_TABLES; t++)
        for (unsigned hook = 0; t != XT_NAT && hook < NF_INET_NUMHOOKS; hook++)
            xt_update_hook(net, t, hook);
}

/* --- table nat and its user --- */

static int xt_nat_begin(struct net *net, const struct xt_table *nat)
{
    struct netns_xt *xt = net->xt;
    int err = 0;

    if (xt->nat_used || !xt_table_speaks(nat))
        return 0;
    if (xt->nat_user)
        err = xt->nat_user(net, true);
    xt->nat_used = !err;
    return err;
}

static void xt_nat_end(struct net *net)
{
    struct netns_xt *xt = net->xt;

    if (!xt->nat_used || xt_table_speaks(xt->tables[XT_NAT]))
        return;
    xt->nat_used = false;
    if (xt->nat_user)
        xt->nat_user(net, false);
}

void xt_set_nat_user(struct net *net, int (*use)(struct net *net, bool on))
{
    struct netns_xt *xt = net->xt;

    if (xt->nat_used && xt->nat_user)
        xt->nat_user(net, false);
    xt->nat_user = use;
    if (xt->nat_used && use)
        use(net, true);
}

/* --- changes --- */

int xt_changed(struct net *net)
{
    int err = xt_nat_begin(net, net->xt->tables[XT_NAT]);

    if (err)
        return err;
    xt_nat_end(net);
    xt_update_hooks(net);
    return 0;
}

int xt_replace(struct net *net, struct xt_table *tables[XT_TABLES])
{
    struct xt_table *old[XT_TABLES];

    if (tables[XT_NAT]) {
        int err = xt_nat_begin(net, tables[XT_NAT]);

        if (err)
            return err;
    }
    for (unsigned i = 0; i < XT_TABLES; i++) {
        old[i] = tables[i] ? net->xt->tables[i] : NULL;
        if (tables[i])
            net->xt->tables[i] = tables[i];
    }
    xt_nat_end(net);
    xt_update_hooks(net);
    for (unsigned i = 0; i < XT_TABLES; i++)
        xt_table_destroy(net, old[i]);
    return 0;
}

/* --- the site's rules --- */

/* Gathers a sentence for the log. */
struct xt_log_text {
    size_t len;
    char buf[XT_REASON_MAX + 40];
};

static void xt_log_out(const char *text, size_t len, void *ctx)
{
    struct xt_log_text *log = ctx;

    len = min(len, sizeof(log->buf) - 1 - log->len);
    memcpy(log->buf + log->len, text, len);
    log->len += len;
    log->buf[log->len] = '\0';
}

static int xt_load_file(struct net *net, const struct ramfs_inode *file,
                        int (*restore)(struct net *net, const char *text, size_t len, struct xt_text *out))
{
    struct xt_log_text log = {.len = 0};
    struct xt_text out;
    int err;

    xt_text_init(&out, xt_log_out, &log);
    err = restore(net, (const char *)file->data, file->size, &out);
    if (err)
        pr_err("%s: %s", file->path, log.buf);
    return err;
}

/*
 * Policies need no memory, so this cannot fail. Programs of this machine may speak to one another, if there
 * is memory for the rule that says so.
 */
static void xt_close(struct net *net)
{
    struct xt_table *filter = net->xt->tables[XT_FILTER];
    struct xt_log_text log = {.len = 0};
    struct xt_text out;

    filter->builtin[NF_INET_LOCAL_IN].policy = NF_DROP;
    filter->builtin[NF_INET_FORWARD].policy = NF_DROP;
    xt_update_hooks(net);
    xt_text_init(&out, xt_log_out, &log);
    if (xt_command(net, "-A INPUT -i lo -j ACCEPT", &out))
        pr_warn("firewall: %s", log.buf);
}

/* The file is right, and has nothing to say about table filter. */
static void xt_open(struct net *net)
{
    struct xt_table *filter = net->xt->tables[XT_FILTER];

    filter->builtin[NF_INET_LOCAL_IN].policy = NF_ACCEPT;
    filter->builtin[NF_INET_FORWARD].policy = NF_ACCEPT;
    xt_chain_flush(net, &filter->builtin[NF_INET_LOCAL_IN]);
    xt_update_hooks(net);
}

void xt_load_rules(struct net *net, const struct ramfs *fs, const struct ramfs_inode *beside)
{
    const struct ramfs_inode *sets = fs ? ramfs_lookup(fs, "etc/ipset.rules") : NULL;
    const struct ramfs_inode *packed = fs ? ramfs_lookup(fs, "etc/iptables.rules") : NULL;
    const struct ramfs_inode *rules = beside ? beside : packed;
    const struct xt_table *closed = net->xt->tables[XT_FILTER];
    int err = 0;

    if (beside && packed)
        pr_notice("%s is taken in place of %s in the archive", beside->path, packed->path);
    if (rules)
        xt_close(net);
    if (sets)
        err = xt_load_file(net, sets, ip_set_restore);
    if (!err && rules)
        err = xt_load_file(net, rules, xt_restore);
    if (err && rules)
        pr_err("The firewall is closed: nothing comes in or passes through until its rules are right.");
    else if (rules && net->xt->tables[XT_FILTER] == closed)
        xt_open(net);
}

/* --- start and end --- */

int xt_init(struct net *net)
{
    struct netns_xt *xt = kzalloc(sizeof(*xt));

    if (!xt)
        return -ENOMEM;
    INIT_LIST_HEAD(&xt->hashlimits);
    INIT_LIST_HEAD(&xt->sets);
    net->xt = xt;
    for (unsigned i = 0; i < XT_TABLES; i++) {
        xt->tables[i] = xt_table_create((enum xt_table_id)i);
        if (!xt->tables[i]) {
            xt_exit(net);
            return -ENOMEM;
        }
    }
    return 0;
}

void xt_exit(struct net *net)
{
    struct netns_xt *xt = net->xt;

    if (!xt)
        return;
    for (unsigned t = 0; t < XT_TABLES; t++)
        for (unsigned hook = 0; hook < NF_INET_NUMHOOKS; hook++)
            if (xt->hooks[t][hook].registered)
                nf_unregister_net_hook(&xt->hooks[t][hook].ops);
    if (xt->nat_used && xt->nat_user)
        xt->nat_user(net, false);
    for (unsigned i = 0; i < XT_TABLES; i++)
        xt_table_destroy(net, xt->tables[i]);
    ip_set_exit(net);
    kfree(xt);
    net->xt = NULL;
}
