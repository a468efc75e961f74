/*
 * commands.h - the commands of the console, one file each.
 */
#ifndef NET_APPS_COMMANDS_H
#define NET_APPS_COMMANDS_H

#include "net/apps/console.h"

extern const struct command dmesg_command, ethtool_command, exit_command, free_command, help_command,
    lspci_command, nstat_command, ping_command, poweroff_command, ps_command, reboot_command, ss_command,
    uptime_command;

#endif
