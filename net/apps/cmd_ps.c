/*
 * cmd_ps.c - `ps`: the tasks and the processor time each has had.
 */
#include <inttypes.h>
#include <skiff/machine.h>

#include "net/apps/commands.h"

#define PS_CHUNK 16

static int ps(struct shell *c, int argc, char **argv)
{
    struct skiff_task tasks[PS_CHUNK];
    size_t n, skip = 0;
    console_printf(c, "STAT         TIME COMMAND\n");
    while ((n = skiff_task_list(tasks, PS_CHUNK, skip)) && !c->stopped) {
        for (size_t i = 0; i < n; i++) {
            uint64_t ms = tasks[i].cpu_ns / 1000000;
            console_printf(c, "%c    %5" PRIu64 ":%02u.%03u %s\n", tasks[i].state, ms / 60000,
                           (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000), tasks[i].name);
        }
        skip += n;
    }
    return 0;
}

const struct command ps_command = {"ps", "tasks and the processor time they have had", "ps", ps};
