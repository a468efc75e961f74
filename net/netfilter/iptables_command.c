/*
 * iptables_command.c - one iptables command, typed or as a line of a rule file.
 *
 * Typed, it changes the tables that are in force: a rule is read completely before anything changes, and what
 * turns out to be impossible afterwards (a loop of jumps) is taken back. In a file it changes tables that are
 * still being built; those are checked at COMMIT.
 */
#include <errno.h>
#include <string.h>

#include "kernel/slab.h"
#include "net/netfilter/iptables_parse.h"

#define XT_RULE_TEXT_MAX 4096 /* of one rule, printed */

struct xt_cmd {
    struct xt_parse *in;
    struct xt_text *out;
    struct xt_table *table;
    struct xt_list_style style;
    uint64_t packets, bytes; /* of a rule in a file */
};

/* --- words of commands --- */

static struct xt_chain *xt_cmd_find_chain(struct xt_cmd *cmd, const char *name)
{
    struct xt_chain *chain = xt_chain_find(cmd->table, name);

    if (!chain)
        xt_parse_error(cmd->in, "there is no chain \"%s\" in table %s; make it with -N %s", name,
                       xt_table_names[cmd->in->table], name);
    return chain;
}

static struct xt_chain *xt_cmd_chain(struct xt_cmd *cmd)
{
    const char *name = xt_parse_word(cmd->in);

    return name ? xt_cmd_find_chain(cmd, name) : NULL;
}

static bool xt_is_number(const char *word)
{
    return word && word[0] >= '0' && word[0] <= '9';
}

/* A rule's number, from 1: its index. */
static int xt_cmd_index(struct xt_cmd *cmd, const struct xt_chain *chain, unsigned most, unsigned *index)
{
    const char *word = xt_parse_word(cmd->in);
    uint64_t number;

    if (!word)
        return -EINVAL;
    if (xt_parse_number(word, UINT32_MAX, &number) || !number || number > most)
        return xt_parse_error(cmd->in, "chain %s has no place number %s; it has %u rules", chain->name, word,
                              chain->nr_rules);
    *index = (unsigned)number - 1;
    return 0;
}

/* -n -v -x -w --line-numbers, also several in one word, with or without the letter of a command among them.
 */
static int xt_cmd_flags(struct xt_cmd *cmd, const char *word, char *command)
{
    if (!strcmp(word, "--line-numbers"))
        cmd->style.line_numbers = true;
    else if (!strcmp(word, "--verbose"))
        cmd->style.verbose = true;
    else if (!strcmp(word, "--exact"))
        cmd->style.exact = true;
    else if (strcmp(word, "--numeric") && strcmp(word, "--wait") &&
             (word[0] != '-' || word[1] == '-' || !word[1]))
        return xt_parse_error(cmd->in, "\"%s\" is one word too many here", word);
    else if (word[1] != '-')
        for (const char *c = word + 1; *c; c++) {
            if (*c == 'v')
                cmd->style.verbose = true;
            else if (*c == 'x')
                cmd->style.exact = true;
            else if (command && !*command && strchr("AIDRCLSFZNXEP", *c))
                *command = *c;
            else if (*c != 'n' && *c != 'w' && *c != '4')
                return xt_parse_error(cmd->in,
                                      "\"%s\" is no command of iptables; write -A, -I, -D, -R, -L, -S, -F, "
                                      "-Z, -N, -X, -E, -P or -C",
                                      word);
        }
    return 0;
}

/* Nothing but flags is left. */
static int xt_cmd_end(struct xt_cmd *cmd)
{
    int err = 0;

    while (!err && !xt_parse_done(cmd->in))
        err = xt_cmd_flags(cmd, xt_parse_word(cmd->in), NULL);
    return err;
}

/* A chain may be named, then only flags follow. */
static int xt_cmd_maybe_chain(struct xt_cmd *cmd, struct xt_chain **chain)
{
    const char *word = xt_parse_peek(cmd->in);

    *chain = NULL;
    if (word && word[0] != '-') {
        *chain = xt_cmd_chain(cmd);
        if (!*chain)
            return -EINVAL;
        if (xt_is_number(xt_parse_peek(cmd->in))) {
            unsigned index;
            int err = xt_cmd_index(cmd, *chain, (*chain)->nr_rules, &index);

            if (err)
                return err;
            cmd->style.only = index + 1;
        }
    }
    return xt_cmd_end(cmd);
}

/* --- rules --- */

/* The live tables have changed: 0, or it has to be undone. */
static int xt_cmd_live(struct xt_cmd *cmd)
{
    char why[XT_REASON_MAX];
    unsigned line;

    if (cmd->in->staging)
        return 0;
    if (!xt_table_check(cmd->table, why, sizeof(why), &line))
        return xt_parse_error(cmd->in, "%s", why);
    return xt_changed(cmd->in->net) ? xt_parse_nomem(cmd->in) : 0;
}

static void xt_cmd_take_back(struct xt_cmd *cmd, struct xt_chain *chain, unsigned index, unsigned count)
{
    while (count--)
        xt_chain_remove(cmd->in->net, chain, index + count);
}

/* Reads the rest of the line as rules and puts them at `index`. */
static int xt_cmd_insert_at(struct xt_cmd *cmd, struct xt_chain *chain, unsigned index)
{
    struct xt_parse *in = cmd->in;
    unsigned start = in->at, count = 1, done;
    struct xt_rule rule;
    int err = 0;

    for (done = 0; done < count; done++) {
        in->at = start;
        err = xt_parse_rule(in, chain, done, &count, &rule);
        if (err)
            break;
        if (!rule.packets && !rule.bytes) {
            rule.packets = cmd->packets;
            rule.bytes = cmd->bytes;
        }
        if (chain->nr_rules == XT_CHAIN_RULES_MAX)
            err = xt_parse_error(in, "chain %s is full with %u rules; write addresses as a set (ipset)",
                                 chain->name, chain->nr_rules);
        else if (xt_chain_insert(chain, index + done, &rule))
            err = xt_parse_nomem(in);
        if (err) {
            xt_rule_release(in->net, &rule);
            break;
        }
    }
    if (!err)
        err = xt_cmd_live(cmd);
    if (err)
        xt_cmd_take_back(cmd, chain, index, done);
    return err;
}

static int xt_cmd_append(struct xt_cmd *cmd)
{
    struct xt_chain *chain = xt_cmd_chain(cmd);

    return chain ? xt_cmd_insert_at(cmd, chain, chain->nr_rules) : -EINVAL;
}

static int xt_cmd_insert(struct xt_cmd *cmd)
{
    struct xt_chain *chain = xt_cmd_chain(cmd);
    unsigned index = 0;

    if (!chain ||
        (xt_is_number(xt_parse_peek(cmd->in)) && xt_cmd_index(cmd, chain, chain->nr_rules + 1, &index)))
        return -EINVAL;
    return xt_cmd_insert_at(cmd, chain, index);
}

/* The new one goes in behind the old one, which then goes. */
static int xt_cmd_replace(struct xt_cmd *cmd)
{
    struct xt_chain *chain = xt_cmd_chain(cmd);
    unsigned index, before;
    int err;

    if (!chain || xt_cmd_index(cmd, chain, chain->nr_rules, &index))
        return -EINVAL;
    before = chain->nr_rules;
    err = xt_cmd_insert_at(cmd, chain, index + 1);
    if (err)
        return err;
    if (chain->nr_rules != before + 1) {
        xt_cmd_take_back(cmd, chain, index + 1, chain->nr_rules - before);
        return xt_parse_error(cmd->in, "one rule is replaced by one rule; write one address");
    }
    xt_chain_remove(cmd->in->net, chain, index);
    return cmd->in->staging ? 0 : xt_changed(cmd->in->net);
}

/* --- finding a rule by what it says --- */

struct xt_rule_text {
    size_t len;
    char buf[XT_RULE_TEXT_MAX];
};

static void xt_rule_text_out(const char *text, size_t len, void *ctx)
{
    struct xt_rule_text *t = ctx;

    len = min(len, sizeof(t->buf) - t->len);
    memcpy(t->buf + t->len, text, len);
    t->len += len;
}

static void xt_rule_to_text(struct xt_rule_text *t, const struct xt_chain *chain, const struct xt_rule *rule)
{
    struct xt_text text;

    t->len = 0;
    xt_text_init(&text, xt_rule_text_out, t);
    xt_print_rule(&text, chain, rule);
    xt_text_flush(&text);
}

/* Two rules are the same if they print the same; most differ before that. */
static bool xt_same_rule(const struct xt_chain *chain, const struct xt_rule *a, const struct xt_rule *b,
                         struct xt_rule_text *texts)
{
    if (memcmp(a, b, offsetof(struct xt_rule, line)))
        return false;
    xt_rule_to_text(&texts[1], chain, b);
    return texts[0].len == texts[1].len && !memcmp(texts[0].buf, texts[1].buf, texts[0].len);
}

static int xt_find_rule(struct xt_cmd *cmd, const struct xt_chain *chain, const struct xt_rule *rule,
                        unsigned *index)
{
    struct xt_rule_text *texts = kmalloc(2 * sizeof(*texts));
    int err;

    if (!texts)
        return xt_parse_nomem(cmd->in);
    xt_rule_to_text(&texts[0], chain, rule);
    for (*index = 0; *index < chain->nr_rules; ++*index)
        if (xt_same_rule(chain, rule, &chain->rules[*index], texts))
            break;
    err = *index < chain->nr_rules ? 0 : -ENOENT;
    kfree(texts);
    if (err) {
        xt_parse_error(cmd->in, "chain %s has no such rule; -S shows those it has", chain->name);
        cmd->in->err = err;
    }
    return err;
}

/* Each rule the rest of the line stands for: found, and taken out if `remove`. */
static int xt_cmd_look_up(struct xt_cmd *cmd, struct xt_chain *chain, bool remove)
{
    unsigned start = cmd->in->at, count = 1, index = 0;
    struct xt_rule rule;
    int err = 0;

    for (unsigned pick = 0; !err && pick < count; pick++) {
        cmd->in->at = start;
        err = xt_parse_rule(cmd->in, chain, pick, &count, &rule);
        if (err)
            break;
        err = xt_find_rule(cmd, chain, &rule, &index);
        xt_rule_release(cmd->in->net, &rule);
        if (!err && remove)
            xt_chain_remove(cmd->in->net, chain, index);
    }
    if (remove && !cmd->in->staging && xt_changed(cmd->in->net)) /* fewer rules need no memory */
        return -ENOMEM;
    return err;
}

static int xt_cmd_delete(struct xt_cmd *cmd)
{
    struct xt_chain *chain = xt_cmd_chain(cmd);
    unsigned index;

    if (!chain)
        return -EINVAL;
    if (!xt_is_number(xt_parse_peek(cmd->in)))
        return xt_cmd_look_up(cmd, chain, true);
    if (xt_cmd_index(cmd, chain, chain->nr_rules, &index) || xt_cmd_end(cmd))
        return -EINVAL;
    xt_chain_remove(cmd->in->net, chain, index);
    return cmd->in->staging ? 0 : xt_changed(cmd->in->net);
}

static int xt_cmd_check(struct xt_cmd *cmd)
{
    struct xt_chain *chain = xt_cmd_chain(cmd);

    return chain ? xt_cmd_look_up(cmd, chain, false) : -EINVAL;
}

/* --- chains --- */

static int xt_cmd_flush(struct xt_cmd *cmd)
{
    struct xt_chain *only, *chain;

    if (xt_cmd_maybe_chain(cmd, &only))
        return -EINVAL;
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        if (!only || only == &cmd->table->builtin[i])
            xt_chain_flush(cmd->in->net, &cmd->table->builtin[i]);
    list_for_each_entry (chain, &cmd->table->user, list)
        if (!only || only == chain)
            xt_chain_flush(cmd->in->net, chain);
    return cmd->in->staging ? 0 : xt_changed(cmd->in->net);
}

static void xt_zero(struct xt_chain *chain, unsigned only)
{
    for (unsigned i = 0; i < chain->nr_rules; i++)
        if (!only || only == i + 1)
            chain->rules[i].packets = chain->rules[i].bytes = 0;
    if (!only)
        chain->packets = chain->bytes = 0;
}

static int xt_cmd_zero(struct xt_cmd *cmd)
{
    struct xt_chain *only, *chain;

    if (xt_cmd_maybe_chain(cmd, &only))
        return -EINVAL;
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        if (!only || only == &cmd->table->builtin[i])
            xt_zero(&cmd->table->builtin[i], cmd->style.only);
    list_for_each_entry (chain, &cmd->table->user, list)
        if (!only || only == chain)
            xt_zero(chain, cmd->style.only);
    return 0;
}

/* A name for a chain of the user's: no rule may take it for anything else, and it must come back as one word.
 */
static int xt_check_chain_name(struct xt_parse *in, struct xt_table *table, const char *name)
{
    size_t len = strlen(name);
    bool right = len > 0 && len < XT_CHAIN_NAME && name[0] != '-' && name[0] != '!';
    static const char *const taken[] = {"ACCEPT", "DROP", "RETURN", "QUEUE"};

    for (const char *c = name; *c; c++)
        right = right && *c > ' ' && !strchr("\"'\\,#", *c) && (uint8_t)*c < 127;
    if (!right)
        return xt_parse_error(in, "\"%.40s\" is no name for a chain; write up to 28 letters and digits",
                              name);
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
        if (!strcmp(name, taken[i]))
            return xt_parse_error(in, "%s is a target already; give the chain another name", name);
    if (xt_find_target(name))
        return xt_parse_error(in, "%s is a target already; give the chain another name", name);
    if (xt_chain_find(table, name))
        return xt_parse_error(in, "chain %s is there already", name);
    return 0;
}

int xt_new_chain(struct xt_parse *in, struct xt_table *table, const char *name)
{
    int err = xt_check_chain_name(in, table, name);

    if (err)
        return err;
    if (table->nr_user == XT_CHAINS_MAX)
        return xt_parse_error(in, "more than %d chains in one table; put some together", XT_CHAINS_MAX);
    return xt_chain_create(table, name) ? 0 : xt_parse_nomem(in);
}

static int xt_cmd_new(struct xt_cmd *cmd)
{
    const char *name = xt_parse_word(cmd->in);
    int err = name ? xt_new_chain(cmd->in, cmd->table, name) : -EINVAL;

    return err ? err : xt_cmd_end(cmd);
}

static int xt_cmd_drop_chain(struct xt_cmd *cmd, struct xt_chain *chain)
{
    if (chain->builtin)
        return xt_parse_error(cmd->in, "%s is built in and stays; -F %s empties it", chain->name,
                              chain->name);
    if (chain->references)
        return xt_parse_error(cmd->in, "%u rules still jump to %s; delete them first", chain->references,
                              chain->name);
    if (chain->nr_rules)
        return xt_parse_error(cmd->in, "chain %s still has rules; -F %s first", chain->name, chain->name);
    xt_chain_destroy(cmd->table, chain);
    return 0;
}

static int xt_cmd_delete_chain(struct xt_cmd *cmd)
{
    struct xt_chain *only, *chain, *next;
    int err = xt_cmd_maybe_chain(cmd, &only);

    if (err || only)
        return err ? err : xt_cmd_drop_chain(cmd, only);
    list_for_each_entry_safe (chain, next, &cmd->table->user, list) {
        err = xt_cmd_drop_chain(cmd, chain);
        if (err)
            return err;
    }
    return 0;
}

static int xt_cmd_rename(struct xt_cmd *cmd)
{
    struct xt_chain *chain = xt_cmd_chain(cmd);
    const char *name = chain ? xt_parse_word(cmd->in) : NULL;

    if (!name)
        return -EINVAL;
    if (chain->builtin)
        return xt_parse_error(cmd->in, "%s is built in and keeps its name", chain->name);
    if (xt_check_chain_name(cmd->in, cmd->table, name) || xt_cmd_end(cmd))
        return -EINVAL;
    strlcpy(chain->name, name, sizeof(chain->name));
    return 0;
}

int xt_set_policy(struct xt_parse *in, struct xt_chain *chain)
{
    static const char *const names[] = {"ACCEPT", "DROP", NULL};
    int policy = xt_parse_name(in, "policy", names);

    if (policy < 0)
        return policy;
    if (!chain->builtin)
        return xt_parse_error(in, "only built-in chains have a policy; end %s with a rule", chain->name);
    if (policy == 1 && in->table == XT_NAT)
        return xt_parse_error(in,
                              "table nat sees the first packet of a connection only; drop in table filter");
    chain->policy = policy == 0 ? NF_ACCEPT : NF_DROP;
    return 0;
}

static int xt_cmd_policy(struct xt_cmd *cmd)
{
    struct xt_chain *chain = xt_cmd_chain(cmd);

    if (!chain || xt_set_policy(cmd->in, chain) || xt_cmd_end(cmd))
        return -EINVAL;
    return cmd->in->staging ? 0 : xt_changed(cmd->in->net);
}

/* --- showing --- */

static int xt_cmd_list(struct xt_cmd *cmd)
{
    struct xt_chain *chain;

    if (xt_cmd_maybe_chain(cmd, &chain))
        return -EINVAL;
    xt_print_list(cmd->out, cmd->table, chain, &cmd->style);
    return 0;
}

static int xt_cmd_specs(struct xt_cmd *cmd)
{
    struct xt_chain *chain;

    if (xt_cmd_maybe_chain(cmd, &chain))
        return -EINVAL;
    xt_print_specs(cmd->out, cmd->table, chain, &cmd->style);
    return 0;
}

/* --- which --- */

static const struct xt_command {
    char letter;
    const char *name;
    int (*run)(struct xt_cmd *cmd);
    bool shows; /* has no place in a file */
} xt_commands[] = {
    {'A', "--append", xt_cmd_append, false},
    {'I', "--insert", xt_cmd_insert, false},
    {'D', "--delete", xt_cmd_delete, false},
    {'R', "--replace", xt_cmd_replace, false},
    {'C', "--check", xt_cmd_check, true},
    {'L', "--list", xt_cmd_list, true},
    {'S', "--list-rules", xt_cmd_specs, true},
    {'F', "--flush", xt_cmd_flush, false},
    {'Z', "--zero", xt_cmd_zero, false},
    {'N', "--new-chain", xt_cmd_new, false},
    {'X', "--delete-chain", xt_cmd_delete_chain, false},
    {'E', "--rename-chain", xt_cmd_rename, false},
    {'P', "--policy", xt_cmd_policy, false},
};

static const struct xt_command *xt_cmd_find(struct xt_cmd *cmd)
{
    char letter = 0;

    while (!xt_parse_done(cmd->in)) {
        const char *word = xt_parse_word(cmd->in);

        for (size_t i = 0; i < ARRAY_SIZE(xt_commands); i++)
            if (!strcmp(word, xt_commands[i].name))
                return &xt_commands[i];
        if (xt_cmd_flags(cmd, word, &letter))
            return NULL;
        for (size_t i = 0; letter && i < ARRAY_SIZE(xt_commands); i++)
            if (xt_commands[i].letter == letter)
                return &xt_commands[i];
    }
    xt_parse_error(cmd->in, "no command; write -A, -I, -D, -R, -L, -S, -F, -Z, -N, -X, -E, -P or -C");
    return NULL;
}

int xt_command_run(struct xt_parse *in, struct xt_text *out, uint64_t packets, uint64_t bytes)
{
    struct xt_cmd cmd = {
        .in = in, .out = out, .table = in->tables[in->table], .packets = packets, .bytes = bytes};
    const struct xt_command *command = xt_cmd_find(&cmd);

    if (!command)
        return -EINVAL;
    if (command->shows && in->staging)
        return xt_parse_error(in, "-%c shows something and has no place in a rule file", command->letter);
    return command->run(&cmd);
}

/* --- typed --- */

int xt_parse_table(struct xt_parse *in, const char *name)
{
    for (unsigned i = 0; i < XT_TABLES; i++) {
        if (!strcmp(name, xt_table_names[i])) {
            in->table = (enum xt_table_id)i;
            return 0;
        }
    }
    return xt_parse_error(in, "there is no table \"%s\"; write raw, mangle, nat or filter", name);
}

/* -t may stand anywhere: the two words are taken out of the line. */
static int xt_take_table(struct xt_parse *in)
{
    for (unsigned i = 0; i < in->nr_words; i++) {
        int err;

        if (in->quoted[i] || (strcmp(in->words[i], "-t") && strcmp(in->words[i], "--table")))
            continue;
        in->at = i + 1;
        if (!xt_parse_word(in))
            return -EINVAL;
        err = xt_parse_table(in, in->words[i + 1]);
        if (err)
            return err;
        in->nr_words -= 2;
        memmove(&in->words[i], &in->words[i + 2], (in->nr_words - i) * sizeof(in->words[0]));
        memmove(&in->columns[i], &in->columns[i + 2], (in->nr_words - i) * sizeof(in->columns[0]));
        memmove(&in->quoted[i], &in->quoted[i + 2], (in->nr_words - i) * sizeof(in->quoted[0]));
        break;
    }
    in->at = 0;
    return 0;
}

static int xt_command_run_typed(struct xt_parse *in, struct xt_text *out)
{
    int err = xt_take_table(in);

    if (err)
        return err;
    xt_parse_take(in, "iptables");
    in->tables[in->table] = in->net->xt->tables[in->table];
    err = xt_command_run(in, out, 0, 0);
    in->tables[in->table] = NULL; /* it was only borrowed */
    return err;
}

int xt_command(struct net *net, const char *line, struct xt_text *out)
{
    return xt_parse_command(net, line, out, xt_command_run_typed);
}
