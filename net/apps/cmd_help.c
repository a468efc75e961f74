/*
 * cmd_help.c - `help`: which commands there are, and how one is used; `exit`.
 */
#include <string.h>

#include "net/apps/commands.h"

static int list_all(struct shell *c)
{
    for (const struct command *const *at = console_commands; *at; at++)
        console_printf(c, "  %-17s %s\n", (*at)->name, (*at)->what);
    console_printf(c, "help NAME tells more. Arrows, Home, End, Ctrl-A, E, K, U, W, Y edit the line, up\n"
                      "and down bring back earlier ones, Tab completes names, Ctrl-C stops what takes\n"
                      "long. On a screen Page up shows what has gone by, F12 types report.\n");
    return 0;
}

static int help(struct shell *c, int argc, char **argv)
{
    const struct command *command = argc > 1 ? console_find_command(argv[1]) : NULL;
    if (argc < 2)
        return list_all(c);
    if (!command)
        return console_fail(c, argv[1], "there is no such command; help lists them");
    console_printf(c, "%s - %s\n%s\n", command->name, command->what, command->usage);
    return 0;
}

const struct command help_command = {"help", "this list", "help [NAME]", help};

static int leave(struct shell *c, int argc, char **argv)
{
    c->leave = true;
    return 0;
}

const struct command exit_command = {"exit", "leave; the next key starts anew", "exit", leave};
