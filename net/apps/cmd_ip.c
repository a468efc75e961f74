/*
 * cmd_ip.c - `ip`: addresses, links, routes, neighbours.
 */
#include "net/apps/cmd_ip.h"

#include <errno.h>
#include <string.h>

#include "net/apps/commands.h"

static const struct {
    const char *name;
    int (*run)(struct shell *c, const struct ip_options *options, int argc, char **argv);
} objects[] = {
    {"address", ip_address}, {"link", ip_link},      {"route", ip_route},
    {"neighbour", ip_neigh}, {"neighbor", ip_neigh},
};

bool ip_word_is(const char *word, const char *full)
{
    return *word && !strncmp(word, full, strlen(word));
}

bool ip_shows(int argc, char **argv)
{
    return argc == 0 || ip_word_is(argv[0], "show") || ip_word_is(argv[0], "list");
}

int ip_fail(struct shell *c, const char *why)
{
    return console_fail(c, "ip", why);
}

const char *ip_value(int argc, char **argv, const char *key)
{
    for (int i = 0; i + 1 < argc; i++)
        if (!strcmp(argv[i], key))
            return argv[i + 1];
    return NULL;
}

static int ip(struct shell *c, int argc, char **argv)
{
    struct ip_options options = {0};
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strcmp(argv[i], "-s"))
            options.statistics = true;
        else if (!strcmp(argv[i], "-br"))
            options.brief = true;
        else if (strcmp(argv[i], "-4") != 0)
            return console_usage(c, "ip");
    }
    for (size_t n = 0; i < argc && n < sizeof(objects) / sizeof(objects[0]); n++)
        if (ip_word_is(argv[i], objects[n].name))
            return objects[n].run(c, &options, argc - i - 1, argv + i + 1);
    return console_usage(c, "ip");
}

const struct command ip_command = {
    "ip", "addresses, links, routes, neighbours",
    "ip [-br] addr [show [DEVICE]]\n"
    "ip addr add|del ADDRESS/LENGTH dev DEVICE\n"
    "ip [-s] [-br] link [show [DEVICE]]\n"
    "ip link set DEVICE [up|down] [mtu N] [address MAC] [promisc on|off] [master BRIDGE|nomaster]\n"
    "ip link add [link DEVICE] [name] NAME type vlan id N | type bridge | type macvlan\n"
    "ip link del NAME\n"
    "ip route [show [table local]]\n"
    "ip route add|del [blackhole|unreachable|prohibit] PREFIX [via ADDRESS] [dev DEVICE] [src ADDRESS] [metric N]\n"
    "ip route get ADDRESS\n"
    "ip neigh [show [dev DEVICE]]\n"
    "ip neigh add ADDRESS lladdr MAC dev DEVICE | del ADDRESS dev DEVICE | flush [dev DEVICE]\n"
    "ip neigh add|del proxy ADDRESS dev DEVICE",
    ip};
