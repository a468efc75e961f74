/*
 * cmd_interrupts.c - `interrupts`: how often each line has interrupted, and who has it, as /proc/interrupts.
 */
#include <skiff/machine.h>

#include "net/apps/commands.h"
#include "net/apps/text.h"

static void add_line(const char *line, void *ctx)
{
    text_printf(ctx, "%s\n", line);
}

static int interrupts(struct shell *c, int argc, char **argv)
{
    struct text text = {0};
    if (skiff_report("interrupts", add_line, &text))
        return console_fail(c, "interrupts", "this machine does not count them");
    console_show(c, &text);
    return 0;
}

const struct command interrupts_command = {"interrupts", "how often each line has interrupted", "interrupts",
                                           interrupts};
