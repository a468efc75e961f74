/*
 * cmd_ip_route.c - `ip route`.
 */
#include <arpa/inet.h>
#include <skiff/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/apps/cmd_ip.h"
#include "net/apps/parse.h"

#define CHUNK 128

static bool is_special(enum skiff_route_type type)
{
    return type == SKIFF_ROUTE_BLACKHOLE || type == SKIFF_ROUTE_UNREACHABLE || type == SKIFF_ROUTE_PROHIBIT;
}

static void show_destination(struct shell *c, const struct skiff_route *r)
{
    char dst[ADDR_TEXT];
    if (r->type != SKIFF_ROUTE_UNICAST)
        console_printf(c, "%s ", skiff_route_type_name(r->type));
    if (!r->prefix_len)
        console_printf(c, "default");
    else if (r->prefix_len == 32)
        console_printf(c, "%s", format_addr(r->dst, dst));
    else
        console_printf(c, "%s/%u", format_addr(r->dst, dst), r->prefix_len);
}

static void show_way(struct shell *c, const struct skiff_route *r)
{
    char addr[ADDR_TEXT];
    if (r->gateway)
        console_printf(c, " via %s", format_addr(r->gateway, addr));
    if (r->device[0] && !is_special(r->type))
        console_printf(c, " dev %s", r->device);
    if (!r->gateway && r->type == SKIFF_ROUTE_UNICAST)
        console_printf(c, " scope link");
    if (r->prefsrc)
        console_printf(c, " src %s", format_addr(r->prefsrc, addr));
    if (r->metric)
        console_printf(c, " metric %u", r->metric);
    console_printf(c, "\n");
}

/* The tables of the original: what a person has made or addresses have brought, and what is this machine's
 * own. */
static bool in_table(const struct skiff_route *r, const char *table)
{
    bool local = r->type == SKIFF_ROUTE_LOCAL || r->type == SKIFF_ROUTE_BROADCAST;
    return !strcmp(table, "all") || local == !strcmp(table, "local");
}

static int show(struct shell *c, int argc, char **argv)
{
    const char *table = ip_value(argc, argv, "table"), *device = ip_value(argc, argv, "dev");
    struct skiff_route *routes = malloc(CHUNK * sizeof(*routes));
    size_t n, skip = 0;
    if (!routes)
        return ip_fail(c, NULL);
    for (; !console_stopped(c) && (n = skiff_route_list(routes, CHUNK, skip)); skip += n)
        for (size_t i = 0; i < n; i++)
            if (in_table(&routes[i], table ? table : "main") &&
                (!device || !strcmp(device, routes[i].device))) {
                show_destination(c, &routes[i]);
                show_way(c, &routes[i]);
            }
    free(routes);
    return 0;
}

/* The address datagrams to `to` would carry: a socket that is connected knows. 0: none. */
static uint32_t source_towards(uint32_t to)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = to};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool known = fd >= 0 && !connect(fd, (struct sockaddr *)&at, sizeof(at)) &&
                 !getsockname(fd, (struct sockaddr *)&at, &len);
    if (fd >= 0)
        close(fd);
    return known ? at.sin_addr.s_addr : 0;
}

static int get(struct shell *c, int argc, char **argv)
{
    struct skiff_route r;
    char addr[ADDR_TEXT];
    uint32_t to;
    if (argc != 1 || inet_pton(AF_INET, argv[0], &to) != 1)
        return console_usage(c, "ip");
    if (skiff_route_get(to, &r))
        return ip_fail(c, NULL);
    if (r.type != SKIFF_ROUTE_UNICAST)
        console_printf(c, "%s ", skiff_route_type_name(r.type));
    console_printf(c, "%s", format_addr(to, addr));
    if (r.gateway)
        console_printf(c, " via %s", format_addr(r.gateway, addr));
    if (r.device[0])
        console_printf(c, " dev %s", r.device);
    uint32_t source = is_special(r.type) ? 0 : source_towards(to);
    if (source)
        console_printf(c, " src %s", format_addr(source, addr));
    console_printf(c, "\n");
    return 0;
}

static bool take_pair(struct skiff_route *r, const char *key, const char *value)
{
    uint64_t number;
    if (!strcmp(key, "via"))
        return inet_pton(AF_INET, value, &r->gateway) == 1;
    if (!strcmp(key, "src"))
        return inet_pton(AF_INET, value, &r->prefsrc) == 1;
    if (!strcmp(key, "dev"))
        return strlcpy(r->device, value, sizeof(r->device)) < sizeof(r->device);
    if (!strcmp(key, "metric") && parse_number(value, 0, UINT32_MAX, &number)) {
        r->metric = (uint32_t)number;
        return true;
    }
    return false;
}

/* [TYPE] PREFIX [KEY VALUE] ... */
static bool take_route(struct skiff_route *r, int argc, char **argv)
{
    int prefix_len, i = 0;
    for (enum skiff_route_type type = SKIFF_ROUTE_UNICAST; argc && type <= SKIFF_ROUTE_PROHIBIT; type++)
        if (!strcmp(argv[0], skiff_route_type_name(type))) {
            r->type = type;
            i = 1;
            break;
        }
    if (i >= argc || !parse_prefix(argv[i++], &r->dst, &prefix_len))
        return false;
    r->prefix_len = (uint8_t)prefix_len;
    for (; i + 1 < argc; i += 2)
        if (!take_pair(r, argv[i], argv[i + 1]))
            return false;
    return i == argc;
}

int ip_route(struct shell *c, const struct ip_options *options, int argc, char **argv)
{
    struct skiff_route route = {.type = SKIFF_ROUTE_UNICAST};
    const char *why = NULL;
    if (ip_shows(argc, argv))
        return show(c, argc, argv);
    if (ip_word_is(argv[0], "get"))
        return get(c, argc - 1, argv + 1);
    bool add = ip_word_is(argv[0], "add");
    if ((!add && !ip_word_is(argv[0], "delete")) || !take_route(&route, argc - 1, argv + 1))
        return console_usage(c, "ip");
    if (add ? skiff_route_insert(&route, &why) : skiff_route_remove(&route, &why))
        return ip_fail(c, why);
    return 0;
}
