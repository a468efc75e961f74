/*
 * cmd_bridge.c - `bridge`: ports, forwarding tables and the spanning tree of bridges.
 */
#include <net/if.h>
#include <skiff/link.h>
#include <stdio.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/parse.h"

#define CHUNK 16

static const struct {
    const char *name;
    enum skiff_bridge_setting setting;
} settings[] = {
    {"stp_state", SKIFF_BRIDGE_STP},           {"priority", SKIFF_BRIDGE_PRIORITY},
    {"ageing_time", SKIFF_BRIDGE_AGEING_TIME}, {"hello_time", SKIFF_BRIDGE_HELLO_TIME},
    {"max_age", SKIFF_BRIDGE_MAX_AGE},         {"forward_delay", SKIFF_BRIDGE_FORWARD_DELAY},
    {"fdb_max", SKIFF_BRIDGE_FDB_MAX},         {"cost", SKIFF_PORT_COST},
    {"port_priority", SKIFF_PORT_PRIORITY},
};

/* The next device that is a bridge, from number *skip on. */
static bool next_bridge(size_t *skip, struct skiff_link *link)
{
    while (skiff_link_list(link, 1, (*skip)++))
        if (link->kind == SKIFF_LINK_BRIDGE)
            return true;
    return false;
}

static int show_ports(struct shell *c)
{
    struct skiff_link link;
    for (size_t skip = 0; skiff_link_list(&link, 1, skip) && !c->stopped; skip++)
        if (link.master[0])
            console_printf(c, "%d: %s: mtu %u master %s state %s priority %u cost %u\n", link.ifindex,
                           link.name, link.mtu, link.master, skiff_port_state_name(link.port_state),
                           link.port_priority, link.port_cost);
    return 0;
}

static void format_bridge_id(const uint8_t id[8], char text[32])
{
    char mac[MAC_TEXT];
    snprintf(text, 32, "%02x%02x.%s", id[0], id[1], format_mac(id + 2, mac));
}

static void show_bridge(struct shell *c, const char *name)
{
    struct skiff_bridge b;
    char own[32], root[32];
    if (skiff_bridge_get(name, &b))
        return;
    format_bridge_id(b.bridge_id, own);
    format_bridge_id(b.root_id, root);
    console_printf(c, "%s: stp_state %d priority %u bridge_id %s root_id %s\n", name, b.stp, b.priority, own,
                   root);
    console_printf(c, "    root_port %u root_path_cost %u topology_change %d\n", b.root_port,
                   b.root_path_cost, b.topology_change);
    console_printf(c, "    ageing_time %u hello_time %u max_age %u forward_delay %u s, fdb %zu of %zu\n",
                   b.ageing_time_s, b.hello_time_s, b.max_age_s, b.forward_delay_s, b.fdb_entries, b.fdb_max);
}

static int show_bridges(struct shell *c)
{
    struct skiff_link link;
    size_t skip = 0;
    while (!c->stopped && next_bridge(&skip, &link))
        show_bridge(c, link.name);
    return 0;
}

static void show_fdb_of(struct shell *c, const char *bridge)
{
    struct skiff_fdb entries[CHUNK];
    char mac[MAC_TEXT];
    size_t n, skip = 0;
    for (; !console_stopped(c) && (n = skiff_fdb_list(bridge, entries, CHUNK, skip)); skip += n)
        for (size_t i = 0; i < n; i++)
            console_printf(c, "%s dev %s master %s%s\n", format_mac(entries[i].addr, mac), entries[i].port,
                           bridge, entries[i].local || entries[i].permanent ? " permanent" : "");
}

static int show_fdb(struct shell *c)
{
    struct skiff_link link;
    size_t skip = 0;
    while (!c->stopped && next_bridge(&skip, &link))
        show_fdb_of(c, link.name);
    return 0;
}

/* MAC dev PORT */
static int change_fdb(struct shell *c, bool add, int argc, char **argv)
{
    const char *why = NULL;
    uint8_t mac[6];
    if (argc != 3 || !parse_mac(argv[0], mac) || strcmp(argv[1], "dev") != 0)
        return console_usage(c, "bridge");
    if (add ? skiff_fdb_add(argv[2], mac, &why) : skiff_fdb_del(argv[2], mac, &why))
        return console_fail(c, "bridge", why);
    return 0;
}

static int set(struct shell *c, int argc, char **argv)
{
    const char *why = NULL;
    uint64_t value;
    for (size_t i = 0; argc == 3 && i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strcmp(argv[1], settings[i].name) != 0 || !parse_number(argv[2], 0, UINT32_MAX, &value))
            continue;
        if (skiff_bridge_set(argv[0], settings[i].setting, (unsigned)value, &why))
            return console_fail(c, "bridge", why);
        return 0;
    }
    return console_usage(c, "bridge");
}

static int bridge(struct shell *c, int argc, char **argv)
{
    const char *object = argc > 1 ? argv[1] : "", *verb = argc > 2 ? argv[2] : "show";
    bool shows = !strcmp(verb, "show");
    if (!strcmp(object, "link") && shows)
        return show_ports(c);
    if (!strcmp(object, "show"))
        return show_bridges(c);
    if (!strcmp(object, "fdb") && shows)
        return show_fdb(c);
    if (!strcmp(object, "fdb") && (!strcmp(verb, "add") || !strcmp(verb, "del")))
        return change_fdb(c, verb[0] == 'a', argc - 3, argv + 3);
    if (!strcmp(object, "set"))
        return set(c, argc - 2, argv + 2);
    return console_usage(c, "bridge");
}

const struct command bridge_command = {
    "bridge", "bridges, their ports and what they have learnt",
    "bridge show                     bridges and their spanning tree\n"
    "bridge link                     ports\n"
    "bridge fdb [show]               which address is behind which port\n"
    "bridge fdb add|del MAC dev PORT\n"
    "bridge set BRIDGE stp_state|priority|ageing_time|hello_time|max_age|forward_delay|fdb_max N\n"
    "bridge set PORT cost|port_priority N\n"
    "Bridges are made by: ip link add NAME type bridge; ip link set PORT master NAME",
    bridge};
