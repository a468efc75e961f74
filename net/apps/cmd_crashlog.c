/*
 * cmd_crashlog.c - `crashlog`: the log of the run before this one, if that did not end well.
 */
#include <skiff/machine.h>

#include "net/apps/commands.h"
#include "net/apps/text.h"

static void add_line(const char *line, void *ctx)
{
    text_printf(ctx, "%s\n", line);
}

static int crashlog(struct shell *c, int argc, char **argv)
{
    struct text text = {0};
    if (skiff_report("crashlog", add_line, &text))
        return console_fail(c, "crashlog", "the last run ended well, or left no trace");
    console_show(c, &text);
    return 0;
}

const struct command crashlog_command = {"crashlog", "the log of a run that crashed", "crashlog", crashlog};
