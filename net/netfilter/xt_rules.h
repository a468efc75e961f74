/*
 * xt_rules.h - what rule sets are made of: for ip_tables.c, which evaluates them, and iptables_*.c, which
 * read and write them. Matches and targets need x_tables.h only.
 *
 * The rules of a chain lie side by side, one cache line each. In that line is all that most rules ask for, as
 * two masked comparisons and two ranges; what is rarer hangs behind `more`.
 */
#ifndef NET_NETFILTER_XT_RULES_H
#define NET_NETFILTER_XT_RULES_H

#include "net/netfilter/x_tables.h"

#define XT_CHAIN_NAME      29    /* with the NUL, as in Linux */
#define XT_CHAIN_RULES_MAX 60000 /* of one chain: 4 MiB, the largest piece kmalloc() gives */
#define XT_CHAINS_MAX      4096  /* of the user's own in one table */
#define XT_DEPTH_MAX       32 /* jumps on the way to a rule; a deeper rule set is refused when it is read */
#define XT_MATCHES_MAX     16 /* -m in one rule */

enum xt_rule_kind { XT_KIND_NONE /* counts */, XT_KIND_VERDICT, XT_KIND_JUMP, XT_KIND_GOTO, XT_KIND_TARGET };

/* xt_rule.flags */
#define XT_RULE_SLOW  0x01 /* there is something to ask in `more` */
#define XT_RULE_PORTS 0x02 /* needs the packet's ports */

struct xt_rule {
    uint64_t addrs, addrs_mask; /* source and destination as they stand in the header, side by side */
    uint16_t sport, sport_span; /* from, and how many more */
    uint16_t dport, dport_span;
    uint8_t protocol, protocol_mask;
    uint8_t kind, flags;
    uint32_t line; /* of the text it was read from, for messages */
    uint64_t packets, bytes;
    union {
        int verdict;
        struct xt_chain *chain;
    };
    struct xt_rule_more *more; /* owned; NULL if the line above says it all */
};
_Static_assert(sizeof(struct xt_rule) == 64, "one cache line");

/* -i and -o: compared as two words under a mask, which leaves out what follows "+". */
struct xt_interface {
    uint64_t name[2], mask[2];
    bool invert;
};

/* xt_rule_more.asks */
#define XT_ASK_IN       0x01
#define XT_ASK_OUT      0x02
#define XT_ASK_NOT_SRC  0x04
#define XT_ASK_NOT_DST  0x08
#define XT_ASK_NOT_PROT 0x10
#define XT_ASK_FRAG     0x20 /* -f */
#define XT_ASK_NOT_FRAG 0x40 /* ! -f */

struct xt_match_entry {
    const struct xt_match *match;
    void *data;   /* owned */
    bool in_line; /* the first line of the rule asks the same */
    bool checked; /* destroy() is due */
};

struct xt_rule_more {
    struct xt_interface in, out;
    be32 not_src, not_src_mask, not_dst, not_dst_mask;
    uint8_t not_protocol, asks;
    bool target_checked;
    uint16_t nr_matches;
    const struct xt_target *target; /* of XT_KIND_TARGET */
    void *target_data;              /* owned */
    struct xt_match_entry matches[];
};

struct xt_chain {
    struct list_head list; /* xt_table.user */
    char name[XT_CHAIN_NAME];
    bool builtin;
    uint8_t hooks; /* from which it is reached */
    uint8_t depth; /* longest way down from here; 0: not known */
    bool on_path;
    int policy;              /* NF_ACCEPT or NF_DROP */
    uint64_t packets, bytes; /* that met the policy */
    unsigned nr_rules, room;
    unsigned references; /* rules that jump here */
    struct xt_rule *rules;
};

struct xt_table {
    struct xt_chain builtin[NF_INET_NUMHOOKS]; /* without a name: this table does not have it */
    struct list_head user;
    unsigned nr_user;
};

struct xt_hook {
    struct nf_hook_ops ops;
    bool registered;
};

/* Lines of LOG: a bucket of tokens, so that a flood does not become one on the console. */
struct xt_log_limit {
    ktime_t stamp;
    uint64_t credit_ns;
    uint32_t suppressed;
};

struct netns_xt {
    struct xt_table *tables[XT_TABLES];
    struct xt_hook hooks[XT_TABLES][NF_INET_NUMHOOKS];
    int (*nat_user)(struct net *net, bool on);
    bool nat_used;
    struct list_head hashlimits; /* xt_hashlimit.c */
    struct list_head sets;       /* ip_set.c */
    struct xt_log_limit log;
};

extern const char *const xt_table_names[XT_TABLES];

/* --- ip_tables.c --- */

struct xt_table *__must_check xt_table_create(enum xt_table_id id); /* empty; NULL without memory */
void xt_table_destroy(struct net *net, struct xt_table *table);     /* NULL is fine */

struct xt_chain *xt_chain_find(struct xt_table *table, const char *name);
struct xt_chain *__must_check xt_chain_create(struct xt_table *table, const char *name); /* the user's own */
void xt_chain_destroy(struct xt_table *table, struct xt_chain *chain); /* empty, without references */

/* Takes over what *rule owns, on success: 0 or -ENOMEM. */
int __must_check xt_chain_insert(struct xt_chain *chain, unsigned index, const struct xt_rule *rule);
void xt_chain_remove(struct net *net, struct xt_chain *chain, unsigned index);
void xt_chain_flush(struct net *net, struct xt_chain *chain);
void xt_rule_release(struct net *net, struct xt_rule *rule); /* what it owns */

/*
 * Whether the table can be evaluated: no chain comes back to itself, none lies too deep, each target stands
 * where it works. false: why, and the line of the rule (0: unknown).
 */
bool __must_check xt_table_check(struct xt_table *table, char *why, size_t size, unsigned *line);

/* --- xt_init.c --- */

/* Puts `tables` in place of those of the same number (NULL: stays), all at once, and registers hooks. The old
 * ones are destroyed. 0, or -ENOMEM: nothing has changed, `tables` stay the caller's. */
int __must_check xt_replace(struct net *net, struct xt_table *tables[XT_TABLES]);
/* The same after a change in place: 0, or -ENOMEM: it has to be undone. */
int __must_check xt_changed(struct net *net);

#endif
