/*
 * cmd_nstat.c - `nstat`: the counters of the stack and the reasons of its drops, since the last look or with
 * -a since the start.
 */
#include <inttypes.h>
#include <skiff/system.h>
#include <stdlib.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/text.h"

#define NSTAT_MAX 640

/* What the counters were at the last look, in the order of the walk. */
struct nstat_history {
    uint64_t values[NSTAT_MAX];
};

struct nstat_walk {
    struct text text;
    struct nstat_history *history; /* NULL: none */
    char *const *patterns;
    int count;
    bool absolute, zeros, keep;
    size_t at;
};

/* '*' stands for anything, '?' for one character. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    for (; *name; name++) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name--;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
        } else if (star) {
            pattern = star + 1;
            name = resume++;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

static bool wanted(const struct nstat_walk *walk, const char *name)
{
    for (int i = 0; i < walk->count; i++)
        if (matches(walk->patterns[i], name))
            return true;
    return walk->count == 0;
}

/* Counters have nstat's names, without a dot; drops are "drop.REASON"; anything else is somebody else's. */
static void show(const char *name, uint64_t value, void *ctx)
{
    struct nstat_walk *walk = ctx;
    uint64_t before = 0;
    if (strchr(name, '.') ? strncmp(name, "drop.", 5) != 0 : *name < 'A' || *name > 'Z')
        return;
    if (walk->history && walk->at < NSTAT_MAX) {
        before = walk->absolute ? 0 : walk->history->values[walk->at];
        if (!walk->keep)
            walk->history->values[walk->at] = value;
        walk->at++;
    }
    if ((value != before || walk->zeros) && wanted(walk, name))
        text_printf(&walk->text, "%-32s%-16" PRIu64 "0.0\n", name, value - before);
}

static bool take_options(struct nstat_walk *walk, int argc, char **argv)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++)
        for (const char *letter = argv[i] + 1; *letter; letter++) {
            walk->absolute |= *letter == 'a';
            walk->zeros |= *letter == 'z';
            walk->keep |= *letter == 's';
            if (!strchr("azsn", *letter))
                return false;
        }
    walk->patterns = argv + i;
    walk->count = argc - i;
    return true;
}

static int nstat(struct shell *c, int argc, char **argv)
{
    struct nstat_walk walk = {0};
    if (!take_options(&walk, argc, argv))
        return console_usage(c, "nstat");
    if (!c->nstat)
        c->nstat = calloc(1, sizeof(*c->nstat));
    walk.history = c->nstat;
    skiff_stats_walk(show, &walk);
    console_printf(c, "#kernel\n");
    console_show(c, &walk.text);
    return 0;
}

const struct command nstat_command = {
    "nstat", "counters of the stack and reasons of drops",
    "nstat [-a] [-z] [-s] [PATTERN ...]\n"
    "    without -a: what has been counted since the last nstat; -s does not move that moment\n"
    "    -z: zeros too; a pattern may have * and ?: nstat -a 'Tcp*' 'drop.*'",
    nstat};
