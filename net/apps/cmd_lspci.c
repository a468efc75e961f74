/*
 * cmd_lspci.c - `lspci`: the devices on the PCI bus, with their numbers and drivers.
 */
#include <skiff/machine.h>

#include "net/apps/commands.h"
#include "net/apps/text.h"

static void add_line(const char *line, void *ctx)
{
    text_printf(ctx, "%s\n", line);
}

static int lspci(struct shell *c, int argc, char **argv)
{
    struct text text = {0};
    if (skiff_report("pci", add_line, &text))
        return console_fail(c, "lspci", "this machine has no PCI bus");
    console_show(c, &text);
    return 0;
}

const struct command lspci_command = {"lspci", "devices on the PCI bus", "lspci", lspci};
