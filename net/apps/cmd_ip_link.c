/*
 * cmd_ip_link.c - `ip link`.
 */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <skiff/link.h>
#include <stdio.h>
#include <string.h>

#include "net/apps/cmd_ip.h"
#include "net/apps/parse.h"
#include "net/apps/text.h"

static const struct {
    unsigned flag;
    const char *name;
} flag_names[] = {
    {IFF_LOOPBACK, "LOOPBACK"},
    {IFF_BROADCAST, "BROADCAST"},
    {IFF_MULTICAST, "MULTICAST"},
    {IFF_NOARP, "NOARP"},
    {IFF_ALLMULTI, "ALLMULTI"},
    {IFF_PROMISC, "PROMISC"},
    {IFF_UP, "UP"},
};

static void show_flags(struct shell *c, const struct skiff_link *link)
{
    char text[128] = "";
    if ((link->flags & IFF_UP) && !link->carrier)
        strlcat(text, "NO-CARRIER,", sizeof(text));
    for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
        if (link->flags & flag_names[i].flag) {
            strlcat(text, flag_names[i].name, sizeof(text));
            strlcat(text, ",", sizeof(text));
        }
    if ((link->flags & IFF_UP) && link->carrier)
        strlcat(text, "LOWER_UP,", sizeof(text));
    size_t len = strlen(text);
    console_printf(c, "<%.*s>", (int)(len ? len - 1 : 0), text);
}

static const char *state_of(const struct skiff_link *link)
{
    if (!(link->flags & IFF_UP))
        return "DOWN";
    if (link->kind == SKIFF_LINK_LOOPBACK)
        return "UNKNOWN";
    return link->carrier ? "UP" : "DOWN";
}

void ip_show_link(struct shell *c, const struct skiff_link *link)
{
    char addr[MAC_TEXT], broadcast[MAC_TEXT];
    console_printf(c, "%d: %s%s%s: ", link->ifindex, link->name, link->lower[0] ? "@" : "", link->lower);
    show_flags(c, link);
    console_printf(c, " mtu %u", link->mtu);
    if (link->master[0])
        console_printf(c, " master %s", link->master);
    console_printf(c, " state %s qlen %u\n    link/%s %s brd %s\n", state_of(link), link->tx_queue_len,
                   link->kind == SKIFF_LINK_LOOPBACK ? "loopback" : "ether", format_mac(link->addr, addr),
                   format_mac(link->broadcast, broadcast));
    if (link->kind == SKIFF_LINK_VLAN)
        console_printf(c, "    vlan protocol 802.1Q id %u\n", link->vlan_id);
    else if (link->kind == SKIFF_LINK_BRIDGE || link->kind == SKIFF_LINK_MACVLAN)
        console_printf(c, "    %s\n", skiff_link_kind_name(link->kind));
    if (link->master[0])
        console_printf(c, "    bridge_slave state %s priority %u cost %u\n",
                       skiff_port_state_name(link->port_state), link->port_priority, link->port_cost);
}

static void show_statistics(struct shell *c, const struct skiff_link *l)
{
    console_printf(c, "    RX: %13s %10s %8s %8s %8s %8s\n", "bytes", "packets", "errors", "dropped",
                   "missed", "mcast");
    console_printf(c, "    %17" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
                   l->rx_bytes, l->rx_packets, l->rx_errors, l->rx_dropped, l->rx_missed, l->rx_multicast);
    console_printf(c, "    TX: %13s %10s %8s %8s\n", "bytes", "packets", "errors", "dropped");
    console_printf(c, "    %17" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n", l->tx_bytes,
                   l->tx_packets, l->tx_errors, l->tx_dropped);
}

static void show_link(struct shell *c, const struct ip_options *options, const struct skiff_link *link)
{
    char addr[MAC_TEXT];
    if (options->brief) {
        console_printf(c, "%-16s %-8s %s ", link->name, state_of(link), format_mac(link->addr, addr));
        show_flags(c, link);
        console_printf(c, "\n");
        return;
    }
    ip_show_link(c, link);
    if (options->statistics)
        show_statistics(c, link);
}

static int show(struct shell *c, const struct ip_options *options, const char *name)
{
    struct skiff_link link;
    if (name && skiff_link_get(name, &link))
        return console_fail(c, name, "there is no such device; ip link lists them");
    if (name) {
        show_link(c, options, &link);
        return 0;
    }
    for (size_t skip = 0; skiff_link_list(&link, 1, skip) && !c->stopped; skip++)
        show_link(c, options, &link);
    return 0;
}

/* One change. Return: how many words it took, 0: no such thing, -1: it failed (*why). */
static int set_one(const char *name, int argc, char **argv, const char **why)
{
    const char *value = argc > 1 ? argv[1] : "";
    uint8_t mac[6];
    uint64_t number;
    if (!strcmp(argv[0], "up") || !strcmp(argv[0], "down"))
        return skiff_link_set_up(name, argv[0][0] == 'u', why) ? -1 : 1;
    if (!strcmp(argv[0], "nomaster"))
        return skiff_link_set_master(name, NULL, why) ? -1 : 1;
    if (!strcmp(argv[0], "master") && *value)
        return skiff_link_set_master(name, value, why) ? -1 : 2;
    if (!strcmp(argv[0], "mtu") && parse_number(value, 0, UINT32_MAX, &number))
        return skiff_link_set_mtu(name, (unsigned)number, why) ? -1 : 2;
    if (!strcmp(argv[0], "address") && parse_mac(value, mac))
        return skiff_link_set_addr(name, mac, why) ? -1 : 2;
    if (!strcmp(argv[0], "promisc") && (!strcmp(value, "on") || !strcmp(value, "off")))
        return skiff_link_set_promisc(name, value[1] == 'n', why) ? -1 : 2;
    return 0;
}

static int set(struct shell *c, int argc, char **argv)
{
    const char *why = NULL;
    if (argc && !strcmp(argv[0], "dev")) {
        argc--;
        argv++;
    }
    if (argc < 2)
        return console_usage(c, "ip");
    for (int i = 1; i < argc;) {
        int took = set_one(argv[0], argc - i, argv + i, &why);
        if (took < 0)
            return ip_fail(c, why);
        if (!took)
            return console_usage(c, "ip");
        i += took;
    }
    return 0;
}

static int add_of_type(struct shell *c, const char *name, const char *lower, int argc, char **argv)
{
    const char *id = ip_value(argc, argv, "id"), *mac_word = ip_value(argc, argv, "address"), *why = NULL;
    uint64_t vlan;
    uint8_t mac[6];
    int err;
    if (!strcmp(argv[0], "bridge") && name && !lower)
        err = skiff_link_add_bridge(name, &why);
    else if (!strcmp(argv[0], "vlan") && lower && id && parse_number(id, 0, UINT16_MAX, &vlan))
        err = skiff_link_add_vlan(name, lower, (unsigned)vlan, &why);
    else if (!strcmp(argv[0], "macvlan") && name && lower && (!mac_word || parse_mac(mac_word, mac)))
        err = skiff_link_add_macvlan(name, lower, mac_word ? mac : NULL, &why);
    else
        return console_usage(c, "ip");
    return err ? ip_fail(c, why) : 0;
}

/* add [link LOWER] [[name] NAME] type KIND ... */
static int add(struct shell *c, int argc, char **argv)
{
    const char *name = NULL, *lower = NULL;
    int i = 0;
    for (; i < argc && strcmp(argv[i], "type") != 0; i++) {
        if (!strcmp(argv[i], "link") && i + 1 < argc)
            lower = argv[++i];
        else if (strcmp(argv[i], "name") != 0 && strcmp(argv[i], "dev") != 0)
            name = argv[i];
    }
    if (i + 1 >= argc)
        return console_usage(c, "ip");
    return add_of_type(c, name, lower, argc - i - 1, argv + i + 1);
}

static int del(struct shell *c, int argc, char **argv)
{
    const char *name = ip_value(argc, argv, "dev"), *why = NULL;
    if (!argc)
        return console_usage(c, "ip");
    return skiff_link_del(name ? name : argv[0], &why) ? ip_fail(c, why) : 0;
}

int ip_link(struct shell *c, const struct ip_options *options, int argc, char **argv)
{
    if (ip_shows(argc, argv)) {
        const char *device = ip_value(argc, argv, "dev");
        return show(c, options, device ? device : argc > 1 ? argv[1] : NULL);
    }
    if (!strcmp(argv[0], "set"))
        return set(c, argc - 1, argv + 1);
    if (ip_word_is(argv[0], "add"))
        return add(c, argc - 1, argv + 1);
    if (ip_word_is(argv[0], "delete"))
        return del(c, argc - 1, argv + 1);
    return console_usage(c, "ip");
}
