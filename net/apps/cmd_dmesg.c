/*
 * cmd_dmesg.c - `dmesg`: the log, or with -n what is at least so grave.
 */
#include <skiff/machine.h>
#include <stdlib.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/parse.h"

#define DMESG_LINE 300

static int dmesg(struct shell *c, int argc, char **argv)
{
    char line[DMESG_LINE];
    uint64_t pos = 0, gravest = 7;
    int level;
    if (argc > 1 && (argc != 3 || strcmp(argv[1], "-l") != 0 || !parse_number(argv[2], 3, 7, &gravest)))
        return console_usage(c, "dmesg");
    while (!c->stopped && skiff_log_read(&pos, &level, line, sizeof(line)) >= 0)
        if ((uint64_t)level <= gravest)
            console_printf(c, "%s\n", line);
    return 0;
}

const struct command dmesg_command = {
    "dmesg", "the log", "dmesg [-l LEVEL]    only lines up to this level: 3 errors, 4 warnings ... 7 all",
    dmesg};
