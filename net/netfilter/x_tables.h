/*
 * x_tables.h - rule sets as iptables has them: tables of chains of rules; what a match and a target are.
 *
 *     struct xt_ruleset      all tables, replaced as one (iptables-restore)
 *       struct xt_table      raw, mangle, nat, filter: registered at its hook points while it has rules
 *         struct xt_chain    PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING with a policy; the user's own
 *           struct xt_rule   addresses, interfaces, protocol; then its matches, then its target
 *
 * ip_tables.c evaluates, iptables_rule.c reads a rule, iptables_parse.c whole texts, iptables_command.c one
 * command; iptables_print.c writes them. Matches and targets stand in xt_<name>.c, each describing itself in
 * a struct xt_match or xt_target that the lists in x_tables.c name. What rules and chains are made of is
 * known to xt_rules.h only.
 */
#ifndef NET_NETFILTER_X_TABLES_H
#define NET_NETFILTER_X_TABLES_H

#include "kernel/list.h"
#include "net/ipv4/ip.h"
#include "net/netfilter/hooks.h"

enum xt_table_id { XT_RAW, XT_MANGLE, XT_NAT, XT_FILTER, XT_TABLES };

/* Verdicts of a target beside those of enum nf_verdict: */
#define XT_CONTINUE (-1) /* go on with the next rule (LOG, MARK ...) */
#define XT_RETURN   (-2) /* back to the calling chain, or the policy */

/* A packet on its way through the rules. The IPv4 header is linear and right (ip_rcv_core). */
struct xt_packet {
    struct sk_buff *skb; /* at the IPv4 header */
    const struct nf_hook_state *state;
    enum xt_table_id table;
    unsigned thoff;   /* where the transport header starts */
    uint16_t fragoff; /* of a later fragment: it has no transport header (8-byte units) */
    bool hotdrop;     /* a match has found the packet to be nonsense: it is dropped */
};

/**
 * xt_do_table - ask one table about a packet at state->hook
 * @skb: starts at the IPv4 header (borrowed, unless the verdict is NF_STOLEN)
 *
 * Called from the hooks of raw, mangle and filter; for table nat by address translation, once for each new
 * connection.
 * Return: NF_ACCEPT, NF_DROP, NF_STOLEN, or NF_QUEUE with the number of the queue (hooks.h).
 */
int xt_do_table(struct sk_buff *skb, const struct nf_hook_state *state, enum xt_table_id table);

/**
 * xt_set_nat_user - who evaluates table nat
 * @use: called with true before the table gets its first rule (-ENOMEM refuses that rule set), with false
 * when it has lost the last, which ends no connection. At once with true if there are rules already (its
 * result is ignored then). NULL: nobody.
 */
void xt_set_nat_user(struct net *net, int (*use)(struct net *net, bool on));

struct ramfs;
struct ramfs_inode;

/*
 * Rules of the site archive, before the first card goes up: etc/ipset.rules, then etc/iptables.rules - or a
 * file `beside` the archive, in its place. Without them everything is accepted. When one is there but wrong,
 * the log says where, and the closed default stays: INPUT and FORWARD drop everything but what comes in by
 * lo. Both may be NULL.
 */
void xt_load_rules(struct net *net, const struct ramfs *fs, const struct ramfs_inode *beside);

int __must_check xt_init(struct net *net);
void xt_exit(struct net *net);

/* Copies the transport header's first `len` bytes into *buf unless they are linear: where they are, or NULL.
 */
const void *xt_transport(const struct xt_packet *p, unsigned len, void *buf);

struct xt_rule;
struct xt_parse; /* a reader at a word of a rule: iptables_parse.h */
struct xt_text;  /* a growing text: iptables_print.h */

/* What `-m name` brings. `data` are size bytes, zeroed, owned by the rule. */
struct xt_match {
    const char *name;
    uint8_t proto; /* IPPROTO_*: also comes with `-p`; only for packets of that protocol. 0: any */
    uint16_t size;
    bool (*match)(const void *data, struct xt_packet *p);
    /*
     * The reader stands behind `option` (as "--dport"); `invert`: "!" stood in front. 1: taken; 0: not one of
     * this match; -EINVAL: xt_parse_error() was called; -ENOMEM. May be NULL. Takes nothing that needs giving
     * back: that is for check().
     */
    int (*parse)(struct xt_parse *in, const char *option, bool invert, void *data);
    int (*check)(struct xt_parse *in, const struct xt_rule *rule, void *data); /* all is read; may be NULL */
    void (*print)(struct xt_text *out, const void *data); /* the options, as they are read; leading blank */
    void (*list)(struct xt_text *out, const void *data);  /* the same as -L shows it; NULL: as print() */
    void (*destroy)(struct net *net, void *data);         /* undoes a check() that went well; may be NULL */
    /*
     * Ports it asks for, as source from, to, destination from, to: the evaluator compares them itself, in
     * line. true: there is nothing else to ask, match() need not be called. May be NULL.
     */
    bool (*ports)(const void *data, uint16_t ports[4]);
};

/* What `-j NAME` brings. */
struct xt_target {
    const char *name;
    uint16_t size;
    uint8_t tables; /* bits 1 << enum xt_table_id: where it may stand; 0: everywhere */
    uint8_t hooks;  /* bits 1 << enum nf_inet_hooks, likewise */
    uint8_t proto;  /* needs `-p` of this; 0: any */
    /* NF_DROP, NF_ACCEPT, NF_STOLEN, XT_CONTINUE, XT_RETURN ... One that lets the packet go on to further
     * rules of this table leaves its addresses, protocol and ports as they are. */
    int (*target)(const void *data, struct xt_packet *p);
    int (*parse)(struct xt_parse *in, const char *option, bool invert, void *data);
    int (*check)(struct xt_parse *in, const struct xt_rule *rule, void *data);
    void (*print)(struct xt_text *out, const void *data);
    void (*list)(struct xt_text *out, const void *data);
    void (*destroy)(struct net *net, void *data);
};

/* By name, from the lists in x_tables.c; NULL if there is none. */
const struct xt_match *xt_find_match(const char *name);
const struct xt_target *xt_find_target(const char *name);

/* The protocol a rule asks for by -p; 0: any, or it is negated. */
uint8_t xt_rule_protocol(const struct xt_rule *rule);

/* --- for parsers of options; each has told the reader what is wrong when it returns < 0 --- */

/* The next word, NULL (and the error told) if there is none. Valid until its line has been read. */
const char *xt_parse_word(struct xt_parse *in);
int xt_parse_u32(struct xt_parse *in, uint32_t min, uint32_t max, uint32_t *value); /* decimal or 0x... */
int xt_parse_range(struct xt_parse *in, uint32_t max, uint32_t *from, uint32_t *to, char separator);
int xt_parse_addr(struct xt_parse *in, be32 *addr, be32 *mask); /* 10.0.0.0/8, 10.1/255.255.0.0, 10.0.0.1 */
/* The next word is one of `names` (which ends with NULL): its index. `what` it is, for the sentence. */
int xt_parse_name(struct xt_parse *in, const char *what, const char *const *names);
/* "!" cannot stand in front of this option. */
int xt_parse_no_invert(struct xt_parse *in, const char *option, bool invert);
struct net *xt_parse_net(struct xt_parse *in);
/* Remembers line and column of the word read last, and a sentence: what is wrong and what to write instead.
 */
int xt_parse_error(struct xt_parse *in, const char *format, ...) __printf(2, 3); /* -EINVAL */

void xt_print(struct xt_text *out, const char *format, ...) __printf(2, 3);
/* "10.0.0.0/8"; the length of the mask is left out at 32 if `brief`, a mask with holes is written in full. */
void xt_print_addr(struct xt_text *out, be32 addr, be32 mask, bool brief);
/* 24 for 255.255.255.0. */
unsigned xt_mask_length(be32 mask);
/* In quotes if it needs them. */
void xt_print_quoted(struct xt_text *out, const char *text);

#endif
