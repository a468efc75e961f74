/*
 * commands.h - the commands of the console, one file each.
 */
#ifndef NET_APPS_COMMANDS_H
#define NET_APPS_COMMANDS_H

#include "net/apps/console.h"

extern const struct command crashlog_command;
extern const struct command bridge_command, conntrack_command, dmesg_command, ethtool_command, exit_command,
    free_command, help_command, interrupts_command, ip_command, ipset_command, iptables_command,
    iptables_restore_command, iptables_save_command, lspci_command, nstat_command, ping_command,
    poweroff_command, ps_command, reboot_command, report_command, ss_command, sysctl_command, tc_command,
    traceroute_command, uptime_command;

#endif
