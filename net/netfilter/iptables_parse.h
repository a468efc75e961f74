/*
 * iptables_parse.h - reading rules as text: lines, words, and what has gone wrong where.
 *
 *     iptables_words.c    a line into words; numbers, addresses, names for the options of matches and targets
 *     iptables_rule.c     the words of one rule into a struct xt_rule
 *     iptables_command.c  one command: -A, -D, -P, -L ... (also the lines inside a rule file)
 *     iptables_parse.c    whole texts (iptables-save form)
 *     ip_set_command.c    one command of ipset
 */
#ifndef NET_NETFILTER_IPTABLES_PARSE_H
#define NET_NETFILTER_IPTABLES_PARSE_H

#include "net/netfilter/iptables_print.h"
#include "net/netfilter/xt_rules.h"

#define XT_LINE_MAX   2048
#define XT_WORDS_MAX  192
#define XT_LIST_MAX   32 /* addresses in one -s a,b,c */
#define XT_REASON_MAX 240

/* -s or -d: one address or a list of them. */
struct xt_addresses {
    unsigned nr; /* 0: not given */
    bool invert;
    be32 addr[XT_LIST_MAX], mask[XT_LIST_MAX];
};

/* A rule while it is read. */
struct xt_draft {
    const struct xt_chain *of;
    struct xt_addresses src, dst;
    bool not_protocol, has_protocol, has_in, has_out, has_frag, not_frag;
    uint8_t protocol;
    struct xt_interface in, out;
    unsigned nr_matches;
    struct xt_match_entry matches[XT_MATCHES_MAX];
    const struct xt_target *target;
    void *target_data;
    enum xt_rule_kind kind;
    int verdict;
    struct xt_chain *chain;
    uint64_t packets, bytes;
};

struct xt_parse {
    struct net *net;
    unsigned line; /* from 1; 0: a single command */
    char *words[XT_WORDS_MAX];
    uint16_t columns[XT_WORDS_MAX]; /* from 1 */
    bool quoted[XT_WORDS_MAX];      /* never an option or "!" */
    unsigned nr_words, at;          /* at: the word to be read next */
    char buf[XT_LINE_MAX];

    /* The first thing that was wrong. */
    int err; /* 0: nothing */
    unsigned err_line, err_column;
    char reason[XT_REASON_MAX];

    /* Where commands apply. */
    struct xt_table *tables[XT_TABLES]; /* being built; NULL: not named yet */
    enum xt_table_id table;
    struct xt_draft draft;
    struct list_head staged_sets; /* ip_set.c: created here, not in force yet */
    bool staging;                 /* a whole text: sets wait for its end */
};

/* --- iptables_words.c --- */

struct xt_parse *__must_check xt_parse_create(struct net *net); /* NULL without memory */
void xt_parse_destroy(struct xt_parse *in);                     /* with all that is not in force */

/* One typed command: run() finds its line split into words. What is wrong is told through out. 0 or -E... */
int xt_parse_command(struct net *net, const char *line, struct xt_text *out,
                     int (*run)(struct xt_parse *in, struct xt_text *out));
/* Splits [text, text + len), one line, into words: 0 or -EINVAL. */
int __must_check xt_parse_line(struct xt_parse *in, const char *text, size_t len);
/* As xt_parse_addr(), of a text that is part of a word. */
int xt_parse_addr_text(struct xt_parse *in, const char *text, be32 *addr, be32 *mask);
bool xt_parse_done(const struct xt_parse *in);             /* no words left */
const char *xt_parse_peek(const struct xt_parse *in);      /* the next word, NULL if there is none */
bool xt_parse_take(struct xt_parse *in, const char *word); /* takes the next word if it is this one */
int xt_parse_nomem(struct xt_parse *in);                   /* -ENOMEM */
/* "line 3, column 9: ..." and a newline. */
void xt_parse_tell(const struct xt_parse *in, struct xt_text *out);
/* "[12:3456]": 1, or 0 if the word is something else. */
int xt_parse_counters(const char *word, uint64_t *packets, uint64_t *bytes);
int xt_parse_number(const char *word, uint64_t max, uint64_t *value); /* all of the word: 0 or -EINVAL */

/* --- iptables_rule.c --- */

/*
 * Reads the rest of the line as a rule of `chain`. A list of addresses makes several rules: *count says how
 * many, `pick` (0 ...) which one to make now, starting at the same word again. 0 and *rule, whose `more` the
 * caller owns; -EINVAL, -ENOMEM.
 */
int __must_check xt_parse_rule(struct xt_parse *in, const struct xt_chain *chain, unsigned pick,
                               unsigned *count, struct xt_rule *rule);
const char *xt_protocol_name(uint8_t protocol); /* NULL: has none */

/* --- iptables_command.c --- */

/* The words of the line are a command on in->tables[in->table], already built or live. 0, -EINVAL, -ENOMEM,
 * -ENOENT. */
int __must_check xt_command_run(struct xt_parse *in, struct xt_text *out, uint64_t packets, uint64_t bytes);

int xt_parse_table(struct xt_parse *in, const char *name); /* sets in->table */
int xt_new_chain(struct xt_parse *in, struct xt_table *table, const char *name);
int xt_set_policy(struct xt_parse *in, struct xt_chain *chain); /* from the next word */

/* --- for net/socket: each answers through out --- */

int xt_command(struct net *net, const char *line, struct xt_text *out);
int xt_restore(struct net *net, const char *text, size_t len, struct xt_text *out);
int ip_set_command(struct net *net, const char *line, struct xt_text *out);
/* A text of ipset commands, in force only if all of it is right. */
int ip_set_restore(struct net *net, const char *text, size_t len, struct xt_text *out);

#endif
