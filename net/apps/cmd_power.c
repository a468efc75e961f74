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

const struct command reboot_command = {"reboot", "start the machine anew", "reboot", restart};
const struct command poweroff_command = {
    "poweroff", "switch the machine off",
    "poweroff    switches off what it knows how to; elsewhere it says that the switch may be used",
    power_off};
