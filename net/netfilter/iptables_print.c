/*
 * iptables_print.c - rules as text: iptables-save, iptables -S, iptables -L, in their shape.
 *
 * What is printed can be read again and gives the same rules.
 */
#include "net/netfilter/iptables_print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/netfilter/iptables_parse.h"

/* --- text --- */

void xt_text_flush(struct xt_text *text)
{
    if (text->len)
        text->out(text->buf, text->len, text->ctx);
    text->len = 0;
}

void xt_print(struct xt_text *out, const char *format, ...)
{
    char piece[XT_REASON_MAX + 64];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    for (size_t i = 0, n = min((size_t)max(len, 0), sizeof(piece) - 1); i < n; i++) {
        if (out->len == sizeof(out->buf))
            xt_text_flush(out);
        out->buf[out->len++] = piece[i];
    }
}

unsigned xt_mask_length(be32 mask)
{
    uint32_t m = be32_to_cpu(mask);

    return m ? 32 - (unsigned)__builtin_ctz(m) : 0;
}

static void xt_print_ip(struct xt_text *out, be32 addr)
{
    uint32_t a = be32_to_cpu(addr);

    xt_print(out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

void xt_print_addr(struct xt_text *out, be32 addr, be32 mask, bool brief)
{
    uint32_t m = be32_to_cpu(mask), holes = ~m & (~m + 1);

    xt_print_ip(out, addr);
    if (holes) {
        xt_print(out, "/");
        xt_print_ip(out, mask);
    } else if (!brief || m != 0xffffffffu) {
        xt_print(out, "/%u", xt_mask_length(mask));
    }
}

void xt_print_quoted(struct xt_text *out, const char *text)
{
    bool plain = *text != '\0' && *text != '-' && *text != '!';

    for (const char *c = text; *c; c++)
        plain =
            plain && ((*c | 32) >= 'a' && (*c | 32) <= 'z' ? true : strchr("0123456789_-.:+/", *c) != NULL);
    if (plain) {
        xt_print(out, "%s", text);
        return;
    }
    xt_print(out, "\"");
    for (const char *c = text; *c; c++)
        xt_print(out, *c == '"' || *c == '\\' || *c == '\'' ? "\\%c" : "%c", *c);
    xt_print(out, "\"");
}

/* "eth0", or "eth+" if what follows is not compared. */
static void xt_print_interface(struct xt_text *out, const struct xt_interface *i)
{
    char name[17];
    uint8_t mask[16];
    size_t len;

    memcpy(name, i->name, 16);
    memcpy(mask, i->mask, 16);
    name[16] = '\0';
    len = strlen(name);
    xt_print(out, "%s%s", name, len < 16 && mask[len] ? "" : "+");
}

static void xt_print_protocol(struct xt_text *out, uint8_t protocol)
{
    const char *name = xt_protocol_name(protocol);

    if (name)
        xt_print(out, "%s", name);
    else
        xt_print(out, "%u", protocol);
}

static const char *xt_verdict_name(int verdict)
{
    return verdict == NF_ACCEPT  ? "ACCEPT"
           : verdict == NF_DROP  ? "DROP"
           : verdict == NF_QUEUE ? "QUEUE"
                                 : "RETURN";
}

/* --- the parts of a rule --- */

struct xt_side {
    be32 addr, mask;
    bool invert;
};

static struct xt_side xt_rule_side(const struct xt_rule *rule, unsigned side)
{
    be32 addr[2], mask[2];
    const struct xt_rule_more *more = rule->more;

    memcpy(addr, &rule->addrs, sizeof(addr));
    memcpy(mask, &rule->addrs_mask, sizeof(mask));
    if (more && side == 0 && more->asks & XT_ASK_NOT_SRC)
        return (struct xt_side){more->not_src, more->not_src_mask, true};
    if (more && side == 1 && more->asks & XT_ASK_NOT_DST)
        return (struct xt_side){more->not_dst, more->not_dst_mask, true};
    return (struct xt_side){addr[side], mask[side], false};
}

static void xt_print_side(struct xt_text *out, const struct xt_rule *rule, unsigned side, const char *option)
{
    struct xt_side s = xt_rule_side(rule, side);

    if (s.invert || s.mask) {
        xt_print(out, "%s %s ", s.invert ? " !" : "", option);
        xt_print_addr(out, s.addr, s.mask, false);
    }
}

static const char *xt_target_name(const struct xt_rule *rule)
{
    switch ((enum xt_rule_kind)rule->kind) {
    case XT_KIND_NONE:
        return "";
    case XT_KIND_VERDICT:
        return xt_verdict_name(rule->verdict);
    case XT_KIND_JUMP:
    case XT_KIND_GOTO:
        return rule->chain->name;
    case XT_KIND_TARGET:
        return rule->more->target->name;
    }
    return "";
}

static void xt_print_target(struct xt_text *out, const struct xt_rule *rule)
{
    if (rule->kind == XT_KIND_NONE)
        return;
    xt_print(out, " %s %s", rule->kind == XT_KIND_GOTO ? "-g" : "-j", xt_target_name(rule));
    if (rule->kind == XT_KIND_TARGET && rule->more->target->print)
        rule->more->target->print(out, rule->more->target_data);
}

static void xt_print_asks(struct xt_text *out, const struct xt_rule *rule)
{
    const struct xt_rule_more *more = rule->more;

    if (more && more->asks & XT_ASK_IN) {
        xt_print(out, "%s -i ", more->in.invert ? " !" : "");
        xt_print_interface(out, &more->in);
    }
    if (more && more->asks & XT_ASK_OUT) {
        xt_print(out, "%s -o ", more->out.invert ? " !" : "");
        xt_print_interface(out, &more->out);
    }
    if (rule->protocol_mask || (more && more->asks & XT_ASK_NOT_PROT)) {
        xt_print(out, "%s -p ", rule->protocol_mask ? "" : " !");
        xt_print_protocol(out, rule->protocol_mask ? rule->protocol : more->not_protocol);
    }
    if (more && more->asks & (XT_ASK_FRAG | XT_ASK_NOT_FRAG))
        xt_print(out, "%s -f", more->asks & XT_ASK_FRAG ? "" : " !");
}

void xt_print_rule(struct xt_text *out, const struct xt_chain *chain, const struct xt_rule *rule)
{
    xt_print(out, "-A %s", chain->name);
    xt_print_side(out, rule, 0, "-s");
    xt_print_side(out, rule, 1, "-d");
    xt_print_asks(out, rule);
    for (unsigned i = 0; rule->more && i < rule->more->nr_matches; i++) {
        const struct xt_match_entry *m = &rule->more->matches[i];

        xt_print(out, " -m %s", m->match->name);
        if (m->match->print)
            m->match->print(out, m->data);
    }
    xt_print_target(out, rule);
}

/* --- iptables-save --- */

static void xt_save_chain(struct xt_text *out, const struct xt_chain *chain)
{
    if (chain->builtin)
        xt_print(out, ":%s %s [%" PRIu64 ":%" PRIu64 "]\n", chain->name, xt_verdict_name(chain->policy),
                 chain->packets, chain->bytes);
    else
        xt_print(out, ":%s - [0:0]\n", chain->name);
}

static void xt_save_rules(struct xt_text *out, const struct xt_chain *chain, bool counters)
{
    for (unsigned i = 0; i < chain->nr_rules; i++) {
        const struct xt_rule *rule = &chain->rules[i];

        if (counters)
            xt_print(out, "[%" PRIu64 ":%" PRIu64 "] ", rule->packets, rule->bytes);
        xt_print_rule(out, chain, rule);
        xt_print(out, "\n");
    }
}

static void xt_for_each_chain(struct xt_table *table, const struct xt_chain *only,
                              void (*fn)(struct xt_chain *chain, void *ctx), void *ctx)
{
    struct xt_chain *chain;

    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        if (table->builtin[i].builtin && (!only || only == &table->builtin[i]))
            fn(&table->builtin[i], ctx);
    list_for_each_entry (chain, &table->user, list)
        if (!only || only == chain)
            fn(chain, ctx);
}

struct xt_print_args {
    struct xt_text *out;
    bool counters;
    const struct xt_list_style *style;
    unsigned nr;
};

static void xt_save_head_cb(struct xt_chain *chain, void *ctx)
{
    xt_save_chain(((struct xt_print_args *)ctx)->out, chain);
}

static void xt_save_rules_cb(struct xt_chain *chain, void *ctx)
{
    struct xt_print_args *args = ctx;

    xt_save_rules(args->out, chain, args->counters);
}

void xt_print_save(struct net *net, bool counters, struct xt_text *out)
{
    struct xt_print_args args = {.out = out, .counters = counters};

    xt_print(out, "# Generated by iptables-save (Skiff)\n");
    for (unsigned i = 0; i < XT_TABLES; i++) {
        struct xt_table *table = net->xt->tables[i];

        xt_print(out, "*%s\n", xt_table_names[i]);
        xt_for_each_chain(table, NULL, xt_save_head_cb, &args);
        xt_for_each_chain(table, NULL, xt_save_rules_cb, &args);
        xt_print(out, "COMMIT\n");
    }
    xt_print(out, "# Completed\n");
}

/* --- iptables -S --- */

static void xt_spec_head(struct xt_chain *chain, void *ctx)
{
    struct xt_print_args *args = ctx;

    if (!chain->builtin) {
        xt_print(args->out, "-N %s\n", chain->name);
        return;
    }
    xt_print(args->out, "-P %s %s", chain->name, xt_verdict_name(chain->policy));
    if (args->style->verbose)
        xt_print(args->out, " -c %" PRIu64 " %" PRIu64, chain->packets, chain->bytes);
    xt_print(args->out, "\n");
}

static void xt_spec_rules(struct xt_chain *chain, void *ctx)
{
    struct xt_print_args *args = ctx;

    for (unsigned i = 0; i < chain->nr_rules; i++) {
        const struct xt_rule *rule = &chain->rules[i];

        if (args->style->only && args->style->only != i + 1)
            continue;
        xt_print_rule(args->out, chain, rule);
        if (args->style->verbose)
            xt_print(args->out, " -c %" PRIu64 " %" PRIu64, rule->packets, rule->bytes);
        xt_print(args->out, "\n");
    }
}

void xt_print_specs(struct xt_text *out, struct xt_table *table, const struct xt_chain *chain,
                    const struct xt_list_style *style)
{
    struct xt_print_args args = {.out = out, .style = style};

    if (!style->only)
        xt_for_each_chain(table, chain, xt_spec_head, &args);
    xt_for_each_chain(table, chain, xt_spec_rules, &args);
}

/* --- iptables -L --- */

/* Five columns wide: 99999, then 1024K ... */
static void xt_print_count(struct xt_text *out, uint64_t count, bool exact, unsigned width)
{
    static const char units[] = "KMGT";
    char text[24];
    unsigned unit = 0;

    if (exact || count <= 99999) {
        snprintf(text, sizeof(text), "%" PRIu64, count);
    } else {
        for (count = (count + 500) / 1000; count > 9999 && unit < 3; unit++)
            count = (count + 500) / 1000;
        snprintf(text, sizeof(text), "%" PRIu64 "%c", count, units[unit]);
    }
    xt_print(out, "%*s ", (int)width, text);
}

static void xt_list_policy(struct xt_text *out, const struct xt_chain *chain,
                           const struct xt_list_style *style)
{
    xt_print(out, "Chain %s ", chain->name);
    if (!chain->builtin) {
        xt_print(out, "(%u references)\n", chain->references);
        return;
    }
    xt_print(out, "(policy %s", xt_verdict_name(chain->policy));
    if (style->verbose) {
        xt_print(out, " ");
        xt_print_count(out, chain->packets, style->exact, 1);
        xt_print(out, "packets, ");
        xt_print_count(out, chain->bytes, style->exact, 1);
        xt_print(out, "bytes");
    }
    xt_print(out, ")\n");
}

static void xt_list_titles(struct xt_text *out, const struct xt_list_style *style)
{
    if (style->line_numbers)
        xt_print(out, "%-4s ", "num");
    if (style->verbose)
        xt_print(out, style->exact ? "%8s %8s " : "%5s %5s ", "pkts", "bytes");
    xt_print(out, "%-9s  prot opt", "target");
    if (style->verbose)
        xt_print(out, " %-6s %-6s ", "in", "out");
    xt_print(out, " %-19s  %-19s \n", "source", "destination");
}

/* A piece of a column: what is printed to it is counted, so that the column can be filled up. */
struct xt_column {
    struct xt_text text;
    char buf[48];
    size_t len;
};

static void xt_column_out(const char *text, size_t len, void *ctx)
{
    struct xt_column *c = ctx;

    for (size_t i = 0; i < len && c->len < sizeof(c->buf) - 1; i++)
        c->buf[c->len++] = text[i];
    c->buf[c->len] = '\0';
}

static void xt_column_start(struct xt_column *c)
{
    c->len = 0;
    c->buf[0] = '\0';
    xt_text_init(&c->text, xt_column_out, c);
}

static void xt_column_end(struct xt_column *c, struct xt_text *out, int width, const char *behind)
{
    xt_text_flush(&c->text);
    xt_print(out, "%-*s%s", width, c->buf, behind);
}

static void xt_list_interface(struct xt_text *out, const struct xt_rule *rule, uint8_t which)
{
    const struct xt_rule_more *more = rule->more;
    const struct xt_interface *i = more ? (which == XT_ASK_IN ? &more->in : &more->out) : NULL;
    struct xt_column c;

    xt_column_start(&c);
    if (more && more->asks & which) {
        xt_print(&c.text, "%s", i->invert ? "!" : "");
        xt_print_interface(&c.text, i);
    } else {
        xt_print(&c.text, "*");
    }
    xt_column_end(&c, out, 6, " ");
}

static void xt_list_side(struct xt_text *out, const struct xt_rule *rule, unsigned side)
{
    struct xt_side s = xt_rule_side(rule, side);
    struct xt_column c;

    xt_print(out, "%c", s.invert ? '!' : ' ');
    xt_column_start(&c);
    xt_print_addr(&c.text, s.addr, s.mask, true);
    xt_column_end(&c, out, 19, " ");
}

static void xt_list_head(struct xt_text *out, const struct xt_rule *rule)
{
    const struct xt_rule_more *more = rule->more;
    struct xt_column c;

    xt_print(out, "%-9s %c", xt_target_name(rule), more && more->asks & XT_ASK_NOT_PROT ? '!' : ' ');
    xt_column_start(&c);
    if (more && more->asks & XT_ASK_NOT_PROT) {
        xt_print_protocol(&c.text, more->not_protocol);
    } else if (rule->protocol_mask) {
        xt_print_protocol(&c.text, rule->protocol);
    } else {
        xt_print(&c.text, "all");
    }
    xt_column_end(&c, out, 4, " ");
    xt_print(out, "%s ",
             more && more->asks & XT_ASK_FRAG       ? "-f"
             : more && more->asks & XT_ASK_NOT_FRAG ? "!f"
                                                    : "--");
}

static void xt_list_rest(struct xt_text *out, const struct xt_rule *rule)
{
    const struct xt_rule_more *more = rule->more;

    if (rule->kind == XT_KIND_GOTO)
        xt_print(out, " [goto] ");
    for (unsigned i = 0; more && i < more->nr_matches; i++) {
        const struct xt_match *match = more->matches[i].match;

        if (match->list)
            match->list(out, more->matches[i].data);
        else if (match->print)
            match->print(out, more->matches[i].data);
    }
    if (rule->kind == XT_KIND_TARGET && more->target->list)
        more->target->list(out, more->target_data);
    else if (rule->kind == XT_KIND_TARGET && more->target->print)
        more->target->print(out, more->target_data);
}

static void xt_list_rule(struct xt_text *out, const struct xt_rule *rule, unsigned number,
                         const struct xt_list_style *style)
{
    if (style->line_numbers)
        xt_print(out, "%-4u ", number);
    if (style->verbose) {
        xt_print_count(out, rule->packets, style->exact, style->exact ? 8 : 5);
        xt_print_count(out, rule->bytes, style->exact, style->exact ? 8 : 5);
    }
    xt_list_head(out, rule);
    if (style->verbose) {
        xt_print(out, " ");
        xt_list_interface(out, rule, XT_ASK_IN);
        xt_list_interface(out, rule, XT_ASK_OUT);
    }
    xt_list_side(out, rule, 0);
    xt_list_side(out, rule, 1);
    xt_list_rest(out, rule);
    xt_print(out, "\n");
}

static void xt_list_chain(struct xt_chain *chain, void *ctx)
{
    struct xt_print_args *args = ctx;

    if (!args->style->only) {
        if (args->nr++)
            xt_print(args->out, "\n");
        xt_list_policy(args->out, chain, args->style);
        xt_list_titles(args->out, args->style);
    }
    for (unsigned i = 0; i < chain->nr_rules; i++)
        if (!args->style->only || args->style->only == i + 1)
            xt_list_rule(args->out, &chain->rules[i], i + 1, args->style);
}

void xt_print_list(struct xt_text *out, struct xt_table *table, const struct xt_chain *chain,
                   const struct xt_list_style *style)
{
    struct xt_print_args args = {.out = out, .style = style};

    xt_for_each_chain(table, chain, xt_list_chain, &args);
}
