/*
 * iptables_parse.c - a whole rule set as text, in the form iptables-save writes.
 *
 *     *filter                        a table begins, empty
 *     :INPUT DROP [0:0]              policy of a built-in chain, counters
 *     :WEB - [0:0]                   a chain of the user's
 *     [12:345] -A INPUT -j WEB       a rule; counters may stand in front
 *     COMMIT
 *
 * Tables are built beside those in force. When the last line has been read and all was right, they take their
 * place together; otherwise nothing has happened. Sets may be made in the same text, outside of tables.
 */
#include <errno.h>
#include <string.h>

#include "kernel/slab.h"
#include "net/netfilter/ip_set.h"
#include "net/netfilter/iptables_parse.h"

struct xt_reader {
    struct xt_parse *in;
    struct xt_text *out;
    bool in_table;
};

static int xt_line_end(struct xt_parse *in)
{
    const char *word = xt_parse_peek(in);

    if (!word)
        return 0;
    in->at++;
    return xt_parse_error(in, "\"%s\" is one word too many; end the line before it", word);
}

static int xt_line_table(struct xt_reader *r)
{
    struct xt_parse *in = r->in;
    const char *word = xt_parse_word(in);

    if (r->in_table)
        return xt_parse_error(in, "table %s is still open; write COMMIT first", xt_table_names[in->table]);
    if (xt_parse_table(in, word + 1))
        return in->err;
    if (in->tables[in->table])
        return xt_parse_error(in, "table %s stands twice; put its rules together", word + 1);
    in->tables[in->table] = xt_table_create(in->table);
    if (!in->tables[in->table])
        return xt_parse_nomem(in);
    r->in_table = true;
    return xt_line_end(in);
}

/* "[0:0]", which may be missing. */
static int xt_line_counters(struct xt_parse *in, uint64_t *packets, uint64_t *bytes)
{
    const char *word = xt_parse_peek(in);

    *packets = *bytes = 0;
    if (!word || word[0] != '[')
        return 0;
    in->at++;
    if (!xt_parse_counters(word, packets, bytes))
        return xt_parse_error(in, "\"%s\" are no counters; write [PACKETS:BYTES]", word);
    return 0;
}

static int xt_line_chain(struct xt_reader *r)
{
    struct xt_parse *in = r->in;
    const char *name = xt_parse_word(in) + 1;
    struct xt_table *table = in->tables[in->table];
    struct xt_chain *chain = xt_chain_find(table, name);
    uint64_t packets, bytes;

    if (!chain || !chain->builtin) {
        if (xt_new_chain(in, table, name))
            return in->err;
        if (!xt_parse_take(in, "-") && !xt_parse_done(in)) {
            in->at++;
            return xt_parse_error(in, "only built-in chains have a policy; write \":%s -\"", name);
        }
    } else if (!xt_parse_take(in, "-") && xt_set_policy(in, chain)) {
        return in->err;
    }
    if (xt_line_counters(in, &packets, &bytes))
        return in->err;
    if (chain) {
        chain->packets = packets;
        chain->bytes = bytes;
    }
    return xt_line_end(in);
}

static int xt_line_commit(struct xt_reader *r)
{
    struct xt_parse *in = r->in;
    char why[XT_REASON_MAX];
    unsigned line = 0;

    in->at++;
    if (!xt_table_check(in->tables[in->table], why, sizeof(why), &line)) {
        if (line) {
            in->line = line;
            in->columns[0] = 1;
        }
        return xt_parse_error(in, "%s", why);
    }
    r->in_table = false;
    return xt_line_end(in);
}

static int xt_line_rule(struct xt_reader *r)
{
    struct xt_parse *in = r->in;
    uint64_t packets, bytes;
    int err = xt_line_counters(in, &packets, &bytes);

    for (unsigned i = in->at; i < in->nr_words; i++) {
        if (!in->quoted[i] && (!strcmp(in->words[i], "-t") || !strcmp(in->words[i], "--table"))) {
            in->at = i + 1;
            return xt_parse_error(in,
                                  "-t has no place in a rule file; the table is named by the line \"*%s\"",
                                  xt_table_names[in->table]);
        }
    }
    return err ? err : xt_command_run(in, r->out, packets, bytes);
}

static int xt_read_line(struct xt_reader *r)
{
    struct xt_parse *in = r->in;
    const char *word = xt_parse_peek(in);

    if (!word || word[0] == '#')
        return 0;
    if (word[0] == '*')
        return xt_line_table(r);
    if (!r->in_table) {
        in->at++;
        if (ip_set_is_command(word))
            return in->at--, ip_set_run(in, r->out);
        return xt_parse_error(
            in, "\"%.40s\" stands outside of a table; begin one with *filter, *nat, *mangle or *raw", word);
    }
    if (word[0] == ':')
        return xt_line_chain(r);
    if (!strcmp(word, "COMMIT"))
        return xt_line_commit(r);
    if (word[0] == '[' || word[0] == '-')
        return xt_line_rule(r);
    in->at++;
    return xt_parse_error(in, "\"%.40s\" begins no line of a rule file; write :CHAIN, -A CHAIN or COMMIT",
                          word);
}

/* Calls fn for each line until one is wrong. */
static int xt_read_text(struct xt_reader *r, const char *text, size_t len, int (*fn)(struct xt_reader *r))
{
    while (len) {
        const char *end = memchr(text, '\n', len);
        size_t line_len = end ? (size_t)(end - text) : len;
        const char *start = text;
        int err = 0;

        r->in->line++;
        while (start < text + line_len && (*start == ' ' || *start == '\t'))
            start++;
        if (start == text + line_len || *start != '#') /* anything may stand in a comment */
            err = xt_parse_line(r->in, text, line_len);
        else
            r->in->nr_words = r->in->at = 0;
        if (!err)
            err = fn(r);
        if (err)
            return err;
        text += line_len + (end != NULL);
        len -= line_len + (end != NULL);
    }
    return 0;
}

static int xt_read_rules(struct xt_reader *r, const char *text, size_t len)
{
    struct xt_parse *in = r->in;
    int err = xt_read_text(r, text, len, xt_read_line);

    if (err)
        return err;
    if (r->in_table) {
        in->nr_words = 0;
        return xt_parse_error(in, "the text ends inside table %s; write COMMIT behind its last rule",
                              xt_table_names[in->table]);
    }
    if (xt_replace(in->net, in->tables))
        return xt_parse_nomem(in);
    memset(in->tables, 0, sizeof(in->tables));
    ip_set_commit(in);
    return 0;
}

static int xt_read_set(struct xt_reader *r)
{
    return xt_parse_done(r->in) ? 0 : ip_set_run(r->in, r->out);
}

static int xt_read_sets(struct xt_reader *r, const char *text, size_t len)
{
    int err = xt_read_text(r, text, len, xt_read_set);

    if (!err)
        ip_set_commit(r->in);
    return err;
}

static int xt_read_all(struct net *net, const char *text, size_t len, struct xt_text *out,
                       int (*fn)(struct xt_reader *r, const char *text, size_t len))
{
    struct xt_reader r = {.in = xt_parse_create(net), .out = out};
    int err = -ENOMEM;

    if (r.in) {
        r.in->staging = true;
        err = fn(&r, text, len);
    }
    if (err && r.in)
        xt_parse_tell(r.in, out);
    else if (err)
        xt_print(out, "Not enough memory.\n");
    xt_text_flush(out);
    if (r.in)
        xt_parse_destroy(r.in);
    return err;
}

int xt_restore(struct net *net, const char *text, size_t len, struct xt_text *out)
{
    return xt_read_all(net, text, len, out, xt_read_rules);
}

int ip_set_restore(struct net *net, const char *text, size_t len, struct xt_text *out)
{
    return xt_read_all(net, text, len, out, xt_read_sets);
}
