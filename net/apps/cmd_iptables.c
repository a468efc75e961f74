/*
 * cmd_iptables.c - `iptables`, `iptables-save`, `iptables-restore` and `ipset`: the firewall's own words,
 * handed on as they were typed.
 */
#include <errno.h>
#include <skiff/netfilter.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/text.h"

#define RESTORE_MAX (1u << 20) /* bytes of a rule set that is typed or pasted */

static int run(struct shell *c, const char *name, int (*call)(const char *line, skiff_out_fn out, void *ctx))
{
    struct text text = {0};
    int err = call(c->rest, text_add_out, &text) ? errno : 0;
    bool answered = text.len;
    if (answered && text.data[text.len - 1] != '\n')
        text_add(&text, "\n", 1);
    console_show(c, &text);
    if (err && !answered)
        console_fail(c, name, strerror(err));
    return err != 0;
}

static int iptables(struct shell *c, int argc, char **argv)
{
    return argc > 1 ? run(c, "iptables", skiff_iptables) : console_usage(c, "iptables");
}

static int ipset(struct shell *c, int argc, char **argv)
{
    return argc > 1 ? run(c, "ipset", skiff_ipset) : console_usage(c, "ipset");
}

static int iptables_save(struct shell *c, int argc, char **argv)
{
    struct text text = {0};
    bool counters = argc == 2 && !strcmp(argv[1], "-c");
    if (argc > 1 && !counters)
        return console_usage(c, "iptables-save");
    int err = skiff_iptables_save(counters, text_add_out, &text);
    console_show(c, &text);
    return err ? console_fail(c, "iptables-save", NULL) : 0;
}

/* Lines until one that is empty behind a COMMIT, or Ctrl-D. Return: false if they were given up. */
static bool read_rules(struct shell *c, struct text *text)
{
    bool complete = false;
    while (!text->failed && text->len < RESTORE_MAX) {
        switch (console_read_line(c, "> ")) {
        case CONSOLE_LINE:
            if (complete && !c->edit.line[0])
                return true;
            complete = !strcmp(c->edit.line, "COMMIT");
            text_add(text, c->edit.line, c->edit.len);
            text_add(text, "\n", 1);
            break;
        case CONSOLE_END:
            return true;
        case CONSOLE_TOO_LONG:
            console_printf(c, "iptables-restore: a line has at most %d characters; nothing has changed\n",
                           LINE_EDIT_MAX);
            return false;
        case CONSOLE_STOPPED:
        case CONSOLE_GONE:
            return false;
        }
    }
    console_fail(c, "iptables-restore", "too many rules to type; nothing has changed");
    return false;
}

static int iptables_restore(struct shell *c, int argc, char **argv)
{
    struct text rules = {0}, answer = {0};
    int result = 1;
    if (argc > 1)
        return console_usage(c, "iptables-restore");
    console_printf(
        c, "Rules as iptables-save prints them; an empty line behind COMMIT, or Ctrl-D, ends them.\n");
    line_edit_remember(&c->edit, false);
    if (read_rules(c, &rules) && rules.len) {
        result = skiff_iptables_restore(rules.data, rules.len, text_add_out, &answer) ? 1 : 0;
        if (answer.len && answer.data[answer.len - 1] != '\n')
            text_add(&answer, "\n", 1);
        console_show(c, &answer);
    }
    line_edit_remember(&c->edit, true);
    text_free(&rules);
    return result;
}

const struct command iptables_command = {
    "iptables", "rules of the firewall",
    "iptables [-t TABLE] -L|-S|-F|-Z|-N|-X|-P|-A|-I|-D|-R|-C ...    as the original: iptables -L -n -v",
    iptables};
const struct command iptables_save_command = {"iptables-save", "all rules as text", "iptables-save [-c]",
                                              iptables_save};
const struct command iptables_restore_command = {
    "iptables-restore", "replace tables, all at once",
    "iptables-restore    then the rules, as iptables-save prints them; it takes all of them or none",
    iptables_restore};
const struct command ipset_command = {
    "ipset", "sets of addresses for rules",
    "ipset create NAME hash:ip|hash:net | add|del|test NAME ENTRY | list [NAME] | flush|destroy NAME", ipset};
