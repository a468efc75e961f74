/*
 * console_commands.c - the table of commands, by name.
 */
#include <stddef.h>

#include "net/apps/commands.h"

/* clang-format off: one a line, so that a new one is a new line */
const struct command *const console_commands[] = {
    &dmesg_command,  &ethtool_command, &exit_command,     &free_command, &help_command,   &lspci_command,
    &nstat_command,  &ping_command,    &poweroff_command, &ps_command,   &reboot_command, &ss_command,
    &sysctl_command, &tc_command,      &uptime_command,   NULL,
};
/* clang-format on */
