/*
 * cmd_power.c - `reboot` and `poweroff`: at once, there is nothing to write back to anywhere.
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

const struct command reboot_command = {"reboot", "start the machine anew, at once", "reboot", restart};
const struct command poweroff_command = {
    "poweroff", "switch the machine off, at once",
    "poweroff    switches off what it knows how to; elsewhere it says that the switch may be used",
    power_off};
