/*
 * console_commands.c - the table of commands, by name.
 */
#include <stddef.h>

#include "net/apps/commands.h"

/* One a line, so that a new one is a new line. */
/* clang-format off */
const struct command *const console_commands[] = {
    &bridge_command,
    &conntrack_command,
    &crashlog_command,
    &dmesg_command,
    &ethtool_command,
    &exit_command,
    &free_command,
    &help_command,
    &interrupts_command,
    &ip_command,
    &ipset_command,
    &iptables_command,
    &iptables_restore_command,
    &iptables_save_command,
    &lspci_command,
    &nstat_command,
    &ping_command,
    &poweroff_command,
    &ps_command,
    &reboot_command,
    &report_command,
    &ss_command,
    &sysctl_command,
    &tc_command,
    &traceroute_command,
    &uptime_command,
    NULL,
};
/* clang-format on */
