/*
 * iptables_print.h - rules as text, in the shape of iptables-save, iptables -S and iptables -L.
 */
#ifndef NET_NETFILTER_IPTABLES_PRINT_H
#define NET_NETFILTER_IPTABLES_PRINT_H

#include "net/netfilter/xt_rules.h"

/* Goes out piece by piece, so a rule set of any size needs no memory. */
struct xt_text {
    void (*out)(const char *text, size_t len, void *ctx);
    void *ctx;
    size_t len;
    char buf[256];
};

static inline void xt_text_init(struct xt_text *text, void (*out)(const char *text, size_t len, void *ctx),
                                void *ctx)
{
    text->out = out;
    text->ctx = ctx;
    text->len = 0;
}
void xt_text_flush(struct xt_text *text);

/* "-A INPUT -s 10.0.0.0/8 -j DROP", without a newline. */
void xt_print_rule(struct xt_text *out, const struct xt_chain *chain, const struct xt_rule *rule);

/* As iptables-save: every table. */
void xt_print_save(struct net *net, bool counters, struct xt_text *out);

/* How -S and -L were asked for. */
struct xt_list_style {
    bool verbose, exact, line_numbers;
    unsigned only; /* the rule with this number, from 1; 0: all */
};
void xt_print_specs(struct xt_text *out, struct xt_table *table, const struct xt_chain *chain,
                    const struct xt_list_style *style); /* -S; chain NULL: all */
void xt_print_list(struct xt_text *out, struct xt_table *table, const struct xt_chain *chain,
                   const struct xt_list_style *style); /* -L */

#endif
