/*
 * cmd_free.c - `free`: memory, in KiB or with -m in MiB.
 */
#include <inttypes.h>
#include <skiff/system.h>
#include <string.h>

#include "net/apps/commands.h"

static int free_memory(struct shell *c, int argc, char **argv)
{
    unsigned shift = argc == 2 && !strcmp(argv[1], "-m") ? 10 : 0;
    if (argc > 1 && !shift && strcmp(argv[1], "-k") != 0)
        return console_usage(c, "free");
    uint64_t total = skiff_stat("mem.total_kb"), unused = skiff_stat("mem.free_kb");
    uint64_t least = skiff_stat("mem.free_min_kb");
    console_printf(c, "%16s %11s %11s %11s\n", "total", "used", "free", "least free");
    console_printf(c, "Mem: %11" PRIu64 " %11" PRIu64 " %11" PRIu64 " %11" PRIu64 "\n", total >> shift,
                   (total - unused) >> shift, unused >> shift, least >> shift);
    return 0;
}

const struct command free_command = {"free", "memory: all, in use, free, and the least there ever was",
                                     "free [-k | -m]", free_memory};
