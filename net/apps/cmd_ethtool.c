/*
 * cmd_ethtool.c - `ethtool`: what a card has counted, its driver, and whether its link is up.
 */
#include <inttypes.h>
#include <skiff/link.h>
#include <skiff/system.h>
#include <stdio.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/text.h"

struct ethtool_walk {
    struct text text;
    const char *device;
};

/* "eth0.rx_packets", of this device alone. */
static void show(const char *name, uint64_t value, void *ctx)
{
    struct ethtool_walk *walk = ctx;
    size_t len = strlen(walk->device);
    if (!strncmp(name, walk->device, len) && name[len] == '.')
        text_printf(&walk->text, "     %s: %" PRIu64 "\n", name + len + 1, value);
}

static int show_statistics(struct shell *c, const char *device)
{
    struct ethtool_walk walk = {.device = device};
    skiff_stats_walk(show, &walk);
    if (!walk.text.len)
        return console_fail(c, device, "there is no such device; ip link lists them");
    console_printf(c, "NIC statistics:\n");
    console_show(c, &walk.text);
    return 0;
}

static uint64_t figure(const char *device, const char *name)
{
    char full[64];
    snprintf(full, sizeof(full), "%s.%s", device, name);
    return skiff_stat(full);
}

static int show_link(struct shell *c, const char *device)
{
    struct ethtool_walk walk = {.device = device};
    skiff_stats_walk(show, &walk);
    bool found = walk.text.len;
    text_free(&walk.text);
    if (!found)
        return console_fail(c, device, "there is no such device; ip link lists them");
    uint64_t speed = figure(device, "speed");
    console_printf(c, "Settings for %s:\n", device);
    if (speed)
        console_printf(c, "\tSpeed: %" PRIu64 "Mb/s\n\tDuplex: %s\n", speed,
                       figure(device, "full_duplex") ? "Full" : "Half");
    else
        console_printf(c, "\tSpeed: Unknown!\n\tDuplex: Unknown!\n");
    console_printf(c, "\tLink detected: %s\n", figure(device, "carrier") ? "yes" : "no");
    return 0;
}

static int show_driver(struct shell *c, const char *device)
{
    struct skiff_link link;
    if (skiff_link_get(device, &link))
        return console_fail(c, device, "there is no such device; ip link lists them");
    if (!link.driver[0])
        return console_fail(c, device, "has no driver");
    console_printf(c, "driver: %s\nbus-info: %s\nsupports-statistics: yes\n", link.driver, link.bus_info);
    return 0;
}

static int ethtool(struct shell *c, int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "-S"))
        return show_statistics(c, argv[2]);
    if (argc == 3 && !strcmp(argv[1], "-i"))
        return show_driver(c, argv[2]);
    if (argc == 2 && argv[1][0] != '-')
        return show_link(c, argv[1]);
    return console_usage(c, "ethtool");
}

const struct command ethtool_command = {
    "ethtool", "figures of a card",
    "ethtool DEVICE       the link\nethtool -i DEVICE    its driver, and where it sits\nethtool -S DEVICE    all that it has counted",
    ethtool};
