/*
 * cmd_lspci.c - `lspci`: the devices on the PCI bus, with their numbers and drivers; with -v
 * their memory, interrupts and capabilities too.
 */
#include <skiff/machine.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/text.h"

static void add_line(const char *line, void *ctx)
{
    text_printf(ctx, "%s\n", line);
}

static int lspci(struct shell *c, int argc, char **argv)
{
    struct text text = {0};
    bool verbose = argc == 2 && strcmp(argv[1], "-v") == 0;
    if (argc > 1 && !verbose)
        return console_fail(c, "lspci", "what it knows is -v");
    if (skiff_report(verbose ? "pci-verbose" : "pci", add_line, &text))
        return console_fail(c, "lspci", "this machine has no PCI bus");
    console_show(c, &text);
    return 0;
}

const struct command lspci_command = {"lspci", "devices on the PCI bus", "lspci [-v]", lspci};
