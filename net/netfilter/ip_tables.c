/*
 * ip_tables.c - asking the rules about a packet.
 *
 * xt_do_table() is called at the hook points of tables raw, mangle and filter (xt_init.c registers them), and
 * by address translation for table nat. It walks the chain of the hook from its first rule, keeps its place
 * on a stack of its own when a rule jumps, and ends with a verdict of a rule or the chain's policy. What a
 * rule set may look like is settled when it is read (xt_table_check): no loops, a bounded depth. So nothing
 * here can fail.
 *
 * Thousands of rules are asked one after the other, so the question most of them ask is a few instructions on
 * one cache line: addresses as one masked 64-bit word, protocol as one byte, ports as two ranges.
 */
#include "net/netfilter/xt_rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"

const char *const xt_table_names[XT_TABLES] = {"raw", "mangle", "nat", "filter"};

static const char *const xt_hook_names[NF_INET_NUMHOOKS] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT",
                                                            "POSTROUTING"};

/* Which hooks each table stands at. */
static const uint8_t xt_table_hooks[XT_TABLES] = {
    [XT_RAW] = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_OUT,
    [XT_MANGLE] = 0x1f,
    [XT_NAT] =
        1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_IN | 1 << NF_INET_LOCAL_OUT | 1 << NF_INET_POST_ROUTING,
    [XT_FILTER] = 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD | 1 << NF_INET_LOCAL_OUT,
};

/* --- a packet on its way --- */

struct xt_place {
    struct xt_chain *chain;
    unsigned next; /* rule to ask when we are back */
};

struct xt_walk {
    struct xt_packet p;
    uint64_t addrs;
    uint16_t sport, dport;
    uint8_t protocol;
    uint8_t missing; /* XT_RULE_PORTS if the packet has none */
    unsigned depth;
    struct xt_place stack[XT_DEPTH_MAX];
};

const void *xt_transport(const struct xt_packet *p, unsigned len, void *buf)
{
    if (likely(p->thoff + len <= skb_headlen(p->skb)))
        return p->skb->data + p->thoff;
    return skb_copy_bits(p->skb, p->thoff, buf, len) ? NULL : buf;
}

/* What rules compare in line. */
static void xt_walk_read(struct xt_walk *w)
{
    const struct iphdr *iph = (const struct iphdr *)w->p.skb->data;
    uint8_t buf[4];
    const uint8_t *ports = NULL;

    memcpy(&w->addrs, &iph->saddr, sizeof(w->addrs));
    w->protocol = iph->protocol;
    w->p.thoff = ip_hdrlen(iph);
    w->p.fragoff = be16_to_cpu(iph->frag_off) & IP_OFFSET;
    if (likely(iph->protocol == IPPROTO_TCP || iph->protocol == IPPROTO_UDP) && !w->p.fragoff)
        ports = xt_transport(&w->p, sizeof(buf), buf);
    w->missing = ports ? 0 : XT_RULE_PORTS;
    w->sport = ports ? get_unaligned_be16(ports) : 0;
    w->dport = ports ? get_unaligned_be16(ports + 2) : 0;
}

static inline bool xt_interface_fits(const struct xt_interface *i, const struct net_device *dev)
{
    uint64_t name[2] = {0, 0};

    if (dev)
        memcpy(name, dev->name, sizeof(name));
    return (((name[0] ^ i->name[0]) & i->mask[0]) | ((name[1] ^ i->name[1]) & i->mask[1])) ? i->invert
                                                                                           : !i->invert;
}
_Static_assert(sizeof(((struct net_device *)0)->name) == 16, "two words");

/* A rule asks for ports and the packet shows none: a later fragment is none of its business. A first one that
 * ends before the ports do, or a second one that would write over TCP's flags, is nobody's honest packet (RFC
 * 1858 3, RFC 3128). */
static bool xt_ports_missing(struct xt_walk *w)
{
    w->p.hotdrop = !w->p.fragoff || (w->p.fragoff == 1 && w->protocol == IPPROTO_TCP);
    return false;
}

static bool xt_more_fits(struct xt_walk *w, const struct xt_rule_more *more)
{
    const struct iphdr *iph = (const struct iphdr *)w->p.skb->data;

    if (more->asks & XT_ASK_IN && !xt_interface_fits(&more->in, w->p.state->in))
        return false;
    if (more->asks & XT_ASK_OUT && !xt_interface_fits(&more->out, w->p.state->out))
        return false;
    if (more->asks & XT_ASK_NOT_SRC && ((iph->saddr ^ more->not_src) & more->not_src_mask) == 0)
        return false;
    if (more->asks & XT_ASK_NOT_DST && ((iph->daddr ^ more->not_dst) & more->not_dst_mask) == 0)
        return false;
    if (more->asks & XT_ASK_NOT_PROT && iph->protocol == more->not_protocol)
        return false;
    if (more->asks & XT_ASK_FRAG && !w->p.fragoff)
        return false;
    if (more->asks & XT_ASK_NOT_FRAG && w->p.fragoff)
        return false;
    for (unsigned i = 0; i < more->nr_matches; i++) {
        const struct xt_match_entry *m = &more->matches[i];

        if (!m->in_line && !m->match->match(m->data, &w->p))
            return false;
    }
    return true;
}

/* Nonsense is called so by a rule whose other questions it answers. */
static bool xt_rule_fits_slow(struct xt_walk *w, const struct xt_rule *rule)
{
    if (rule->flags & XT_RULE_SLOW && !xt_more_fits(w, rule->more))
        return false;
    return !(rule->flags & w->missing) || xt_ports_missing(w);
}

/* The next rule from `rule` on that the packet fits; NULL at the end of the chain, or when it is nonsense.
 * `has_ports` is a constant where this is called: two loops come of it. */
static inline struct xt_rule *xt_scan(struct xt_walk *w, struct xt_rule *rule, const struct xt_rule *end,
                                      bool has_ports)
{
    const uint64_t addrs = w->addrs;
    const uint16_t sport = w->sport, dport = w->dport;
    const uint8_t protocol = w->protocol;
    const uint8_t slow = has_ports ? XT_RULE_SLOW : XT_RULE_SLOW | XT_RULE_PORTS;

    for (; rule != end; rule++) {
        if ((addrs ^ rule->addrs) & rule->addrs_mask)
            continue;
        if ((protocol ^ rule->protocol) & rule->protocol_mask)
            continue;
        if (has_ports && ((uint16_t)(dport - rule->dport) > rule->dport_span ||
                          (uint16_t)(sport - rule->sport) > rule->sport_span))
            continue;
        if (!(rule->flags & slow) || xt_rule_fits_slow(w, rule))
            return rule;
        if (unlikely(w->p.hotdrop))
            return NULL;
    }
    return NULL;
}

static struct xt_rule *xt_next_rule(struct xt_walk *w, struct xt_rule *rule, const struct xt_rule *end)
{
    return likely(!w->missing) ? xt_scan(w, rule, end, true) : xt_scan(w, rule, end, false);
}

/* What a rule says: a verdict, XT_CONTINUE or XT_RETURN. */
static int xt_rule_says(struct xt_walk *w, const struct xt_rule *rule)
{
    if (rule->kind == XT_KIND_VERDICT)
        return rule->verdict;
    return rule->kind == XT_KIND_TARGET ? rule->more->target->target(rule->more->target_data, &w->p)
                                        : XT_CONTINUE;
}

/* The end of a chain, or RETURN: back to where the jump was, false if there was none. */
static bool xt_walk_back(struct xt_walk *w, struct xt_place *at)
{
    if (!w->depth)
        return false;
    *at = w->stack[--w->depth];
    return true;
}

int xt_do_table(struct sk_buff *skb, const struct nf_hook_state *state, enum xt_table_id id)
{
    struct xt_chain *first = &state->net->xt->tables[id]->builtin[state->hook];
    struct xt_place at = {.chain = first};
    struct xt_walk w;

    w.p = (struct xt_packet){.skb = skb, .state = state, .table = id};
    w.depth = 0;
    xt_walk_read(&w);
    for (;;) {
        struct xt_rule *rules = at.chain->rules, *rule = NULL;
        int verdict = XT_RETURN;

        if (at.next < at.chain->nr_rules)
            rule = xt_next_rule(&w, rules + at.next, rules + at.chain->nr_rules);
        if (unlikely(w.p.hotdrop))
            return NF_DROP;
        if (rule) {
            rule->packets++;
            rule->bytes += skb->len;
            at.next = (unsigned)(rule - rules) + 1;
            if (rule->kind == XT_KIND_JUMP || rule->kind == XT_KIND_GOTO) {
                if (rule->kind == XT_KIND_JUMP)
                    w.stack[w.depth++] = at;
                at = (struct xt_place){.chain = rule->chain};
                continue;
            }
            verdict = xt_rule_says(&w, rule);
            if (verdict == XT_CONTINUE)
                continue;
        }
        if (verdict != XT_RETURN)
            return verdict;
        if (!xt_walk_back(&w, &at))
            break;
    }
    first->packets++;
    first->bytes += skb->len;
    return first->policy;
}

/* --- tables and chains --- */

static void xt_chain_init(struct xt_chain *chain, const char *name, bool builtin)
{
    strlcpy(chain->name, name, sizeof(chain->name));
    chain->builtin = builtin;
    chain->policy = NF_ACCEPT;
    INIT_LIST_HEAD(&chain->list);
}

struct xt_table *xt_table_create(enum xt_table_id id)
{
    struct xt_table *table = kzalloc(sizeof(*table));

    if (!table)
        return NULL;
    INIT_LIST_HEAD(&table->user);
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        if (xt_table_hooks[id] >> i & 1)
            xt_chain_init(&table->builtin[i], xt_hook_names[i], true);
    return table;
}

void xt_table_destroy(struct net *net, struct xt_table *table)
{
    struct xt_chain *chain, *next;

    if (!table)
        return;
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        xt_chain_flush(net, &table->builtin[i]);
    list_for_each_entry (chain, &table->user, list)
        xt_chain_flush(net, chain);
    list_for_each_entry_safe (chain, next, &table->user, list)
        xt_chain_destroy(table, chain);
    kfree(table);
}

struct xt_chain *xt_chain_find(struct xt_table *table, const char *name)
{
    struct xt_chain *chain;

    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        if (table->builtin[i].builtin && !strcmp(table->builtin[i].name, name))
            return &table->builtin[i];
    list_for_each_entry (chain, &table->user, list)
        if (!strcmp(chain->name, name))
            return chain;
    return NULL;
}

struct xt_chain *xt_chain_create(struct xt_table *table, const char *name)
{
    struct xt_chain *chain = kzalloc(sizeof(*chain));

    if (!chain)
        return NULL;
    xt_chain_init(chain, name, false);
    list_add_tail(&chain->list, &table->user);
    table->nr_user++;
    return chain;
}

void xt_chain_destroy(struct xt_table *table, struct xt_chain *chain)
{
    list_del_init(&chain->list);
    table->nr_user--;
    kfree(chain->rules);
    kfree(chain);
}

/* --- rules --- */

static bool xt_rule_jumps(const struct xt_rule *rule)
{
    return rule->kind == XT_KIND_JUMP || rule->kind == XT_KIND_GOTO;
}

void xt_rule_release(struct net *net, struct xt_rule *rule)
{
    struct xt_rule_more *more = rule->more;

    if (!more)
        return;
    for (unsigned i = 0; i < more->nr_matches; i++) {
        struct xt_match_entry *m = &more->matches[i];

        if (m->checked && m->match->destroy)
            m->match->destroy(net, m->data);
        kfree(m->data);
    }
    if (more->target_checked && more->target->destroy)
        more->target->destroy(net, more->target_data);
    kfree(more->target_data);
    kfree(more);
    rule->more = NULL;
}

static int xt_chain_grow(struct xt_chain *chain)
{
    unsigned room = chain->room ? chain->room * 2 : 4;
    struct xt_rule *rules = kmalloc(min(room, (unsigned)XT_CHAIN_RULES_MAX) * sizeof(*rules));

    if (!rules)
        return -ENOMEM;
    if (chain->nr_rules)
        memcpy(rules, chain->rules, chain->nr_rules * sizeof(*rules));
    kfree(chain->rules);
    chain->rules = rules;
    chain->room = min(room, (unsigned)XT_CHAIN_RULES_MAX);
    return 0;
}

int xt_chain_insert(struct xt_chain *chain, unsigned index, const struct xt_rule *rule)
{
    if (chain->nr_rules == chain->room && xt_chain_grow(chain))
        return -ENOMEM;
    memmove(&chain->rules[index + 1], &chain->rules[index],
            (chain->nr_rules - index) * sizeof(chain->rules[0]));
    chain->rules[index] = *rule;
    chain->nr_rules++;
    if (xt_rule_jumps(rule))
        rule->chain->references++;
    return 0;
}

void xt_chain_remove(struct net *net, struct xt_chain *chain, unsigned index)
{
    struct xt_rule *rule = &chain->rules[index];

    if (xt_rule_jumps(rule))
        rule->chain->references--;
    xt_rule_release(net, rule);
    chain->nr_rules--;
    memmove(rule, rule + 1, (chain->nr_rules - index) * sizeof(*rule));
}

void xt_chain_flush(struct net *net, struct xt_chain *chain)
{
    while (chain->nr_rules)
        xt_chain_remove(net, chain, chain->nr_rules - 1);
    kfree(chain->rules);
    chain->rules = NULL;
    chain->room = 0;
}

/* --- whether a table can be evaluated --- */

struct xt_checker {
    char *why;
    size_t size;
    unsigned *line;
};

static bool xt_refuse(const struct xt_checker *c, unsigned line, const char *format, const char *a,
                      const char *b)
{
    snprintf(c->why, c->size, format, a, b);
    *c->line = line;
    return false;
}

/* Longest way down from this chain; each is asked once, so the work grows with the rules only. */
static bool xt_check_depth(const struct xt_checker *c, struct xt_chain *chain, unsigned depth)
{
    unsigned longest = 0;

    chain->on_path = true;
    for (unsigned i = 0; i < chain->nr_rules; i++) {
        const struct xt_rule *rule = &chain->rules[i];

        if (!xt_rule_jumps(rule))
            continue;
        if (rule->chain->on_path)
            return xt_refuse(c, rule->line, "chain %s leads back to chain %s; take out one of the jumps",
                             chain->name, rule->chain->name);
        if (depth >= XT_DEPTH_MAX)
            return xt_refuse(c, rule->line,
                             "the jump from %s to %s is too deep; at most 32 may follow one another",
                             chain->name, rule->chain->name);
        if (!rule->chain->depth && !xt_check_depth(c, rule->chain, depth + 1))
            return false;
        longest = max(longest, (unsigned)rule->chain->depth);
    }
    chain->on_path = false;
    chain->depth = (uint8_t)(longest + 1);
    if (longest > XT_DEPTH_MAX)
        return xt_refuse(c, 0, "the jumps from chain %s go too deep; at most 32 may follow one another%s",
                         chain->name, "");
    return true;
}

static void xt_mark_hook(struct xt_chain *chain, uint8_t hook)
{
    if (chain->hooks & hook)
        return;
    chain->hooks |= hook;
    for (unsigned i = 0; i < chain->nr_rules; i++)
        if (xt_rule_jumps(&chain->rules[i]))
            xt_mark_hook(chain->rules[i].chain, hook);
}

static bool xt_check_targets(const struct xt_checker *c, const struct xt_chain *chain)
{
    for (unsigned i = 0; i < chain->nr_rules; i++) {
        const struct xt_rule *rule = &chain->rules[i];
        uint8_t wrong;

        if (rule->kind != XT_KIND_TARGET || !rule->more->target->hooks)
            continue;
        wrong = chain->hooks & (uint8_t)~rule->more->target->hooks;
        if (wrong)
            return xt_refuse(
                c, rule->line, "%s does not work in chain %s; write it where packets pass that it can act on",
                rule->more->target->name, chain->builtin ? chain->name : xt_hook_names[__builtin_ctz(wrong)]);
    }
    return true;
}

static bool xt_check_chain(const struct xt_checker *c, struct xt_chain *chain)
{
    return chain->depth || xt_check_depth(c, chain, 0);
}

bool xt_table_check(struct xt_table *table, char *why, size_t size, unsigned *line)
{
    const struct xt_checker c = {.why = why, .size = size, .line = line};
    struct xt_chain *chain;

    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++) {
        chain = &table->builtin[i];
        chain->depth = chain->hooks = 0;
        chain->on_path = false;
    }
    list_for_each_entry (chain, &table->user, list) {
        chain->depth = chain->hooks = 0;
        chain->on_path = false;
    }
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        if (!xt_check_chain(&c, &table->builtin[i]))
            return false;
    list_for_each_entry (chain, &table->user, list)
        if (!xt_check_chain(&c, chain))
            return false;
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        xt_mark_hook(&table->builtin[i], (uint8_t)(1 << i));
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        if (!xt_check_targets(&c, &table->builtin[i]))
            return false;
    list_for_each_entry (chain, &table->user, list)
        if (!xt_check_targets(&c, chain))
            return false;
    return true;
}
