/*
 * cmd_power.c - `reboot` and `poweroff`: there is nothing to write back to anywhere, but peers are told.
 */
#include <skiff/machine.h>

#include "net/apps/commands.h"

static int restart(struct shell *c, int argc, char **argv)
{
    skiff_restart();
}

static int power_off(struct shell *c, int argc, char **argv)
{
    skiff_power_off();
}

const struct command reboot_command = {"reboot", "start the machine anew",
                                       "reboot      as poweroff, but the machine starts anew", restart};
const struct command poweroff_command = {
    "poweroff", "switch the machine off",
    "poweroff    ends all connections in order, for two seconds at most (typed again: at once), then\n"
    "            switches off what it knows how to; elsewhere it says that the switch may be used",
    power_off};
