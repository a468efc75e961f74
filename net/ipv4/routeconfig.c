/*
 * routeconfig.c - the route= words of the command line, and the routes that programs set.
 *
 * Read at boot after the ip= words, so that gateways are neighbours already.
 */
#include "net/ipv4/routeconfig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/ipv4/fib.h"

enum { FIELD_DESTINATION, FIELD_VIA, FIELD_DEVICE, FIELD_METRIC, FIELDS_MAX };

#define VALUE_MAX 128

static const char why_shape[] =
    "write route=<destination>/<length>:<gateway>[:<device>[:<metric>]], like route=10.0.0.0/8:192.168.1.1";

static const char *const type_names[] = {
    [RTN_UNICAST] = "unicast",         [RTN_LOCAL] = "local",         [RTN_BROADCAST] = "broadcast",
    [RTN_MULTICAST] = "multicast",     [RTN_BLACKHOLE] = "blackhole", [RTN_PROHIBIT] = "prohibit",
    [RTN_UNREACHABLE] = "unreachable",
};

const char *ip_route_type_name(enum rt_type type)
{
    return (unsigned)type < ARRAY_SIZE(type_names) ? type_names[type] : "?";
}

static int route_refuse(const char **why, const char *sentence, int err)
{
    *why = sentence;
    return err;
}

/* A whole number without sign, up to `most`: the number, or -1. */
static long route_parse_number(const char *text, long most)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || strlen(text) > 10 || number > most)
        return -1;
    return number;
}

/* "10.0.0.0/8"; without a length one host, or everything for "default". text is cut. */
static int route_parse_destination(char *text, struct fib_config *fib, const char **why)
{
    char *slash = strchr(text, '/');
    struct in_addr in;
    long len = 32;

    if (!strcmp(text, "default"))
        return 0;
    if (slash) {
        *slash = '\0';
        len = route_parse_number(slash + 1, 32);
        if (len < 0)
            return route_refuse(why, "the prefix length is no number from 0 to 32: write 10.0.0.0/8",
                                -EINVAL);
    }
    if (inet_pton(AF_INET, text, &in) != 1)
        return route_refuse(why, "the destination is no IPv4 network: write one like 10.0.0.0/8, or default",
                            -EINVAL);
    fib->dst = (__force be32)in.s_addr;
    fib->prefix_len = (uint8_t)len;
    if (fib->dst & ~inet_make_mask(fib->prefix_len))
        return route_refuse(
            why,
            "the destination has bits behind its prefix: write the network, like 10.0.0.0/8, or a host/32",
            -EINVAL);
    return 0;
}

static int route_parse_via(const char *text, struct fib_config *fib, const char **why)
{
    struct in_addr in;

    for (enum rt_type type = RTN_UNREACHABLE; type <= RTN_PROHIBIT; type++) {
        if (!strcmp(text, type_names[type])) {
            fib->type = type;
            return 0;
        }
    }
    if (!*text)
        return 0;
    if (inet_pton(AF_INET, text, &in) != 1 || !in.s_addr)
        return route_refuse(
            why,
            "the gateway is none: write an IPv4 address, blackhole, unreachable, prohibit, or leave it empty",
            -EINVAL);
    fib->gateway = (__force be32)in.s_addr;
    return 0;
}

int ip_route_parse(const char *value, struct ip_route_config *config, const char **why)
{
    char text[VALUE_MAX], *rest = text;
    const char *field[FIELDS_MAX] = {"", "", "", ""};
    int count = 0, err;

    *config = (struct ip_route_config){.fib = {.type = RTN_UNICAST}};
    *why = NULL;
    if (strlcpy(text, value, sizeof(text)) >= sizeof(text))
        return route_refuse(why, why_shape, -EINVAL);
    for (; rest; count++) {
        if (count == FIELDS_MAX)
            return route_refuse(why, why_shape, -EINVAL);
        field[count] = strsep(&rest, ":");
    }
    if (count < 2)
        return route_refuse(why, why_shape, -EINVAL);
    err = route_parse_destination(text, &config->fib, why);
    if (!err)
        err = route_parse_via(field[FIELD_VIA], &config->fib, why);
    if (err)
        return err;
    if (strlcpy(config->device, field[FIELD_DEVICE], sizeof(config->device)) >= sizeof(config->device))
        return route_refuse(why, "the device name is longer than 15 characters: write eth0, eth1 ...",
                            -EINVAL);
    if (!*field[FIELD_VIA] && !config->device[0])
        return route_refuse(why, "a route needs a gateway or a device: write route=10.0.0.0/8::eth1",
                            -EINVAL);
    if (*field[FIELD_METRIC]) {
        long metric = route_parse_number(field[FIELD_METRIC], 0x7fffffff);

        if (metric < 0)
            return route_refuse(why, "the metric is no number: write 0 or more, the lowest wins", -EINVAL);
        config->fib.metric = (uint32_t)metric;
    }
    return 0;
}

/* --- applying it --- */

static int route_device(struct net *net, const struct ip_route_config *config, struct fib_config *fib,
                        const char **why)
{
    *why = NULL;
    *fib = config->fib;
    if (!config->device[0])
        return 0;
    fib->dev = dev_get_by_name(net, config->device);
    return fib->dev ? 0 : route_refuse(why, "there is no such device; the cards are eth0, eth1 ...", -ENODEV);
}

int ip_route_apply(struct net *net, const struct ip_route_config *config, const char **why)
{
    struct fib_config fib;
    int err = route_device(net, config, &fib, why);

    if (err)
        return err;
    if (fib.dev && !netif_running(fib.dev))
        return route_refuse(why, "the device is down: bring it up first, by an ip= word", -ENETDOWN);
    err = fib_add(net, &fib);
    switch (err) {
    case -EEXIST:
        return route_refuse(why, "there is such a route already: take it away first, or give another metric",
                            err);
    case -ENETUNREACH:
        return route_refuse(why, "the gateway is on no network of ours: give the card an address on it first",
                            err);
    case -EINVAL:
        return route_refuse(why, "a route needs a network without host bits, and a gateway or a device", err);
    case -ENOMEM:
        return route_refuse(why, "no memory for the route", err);
    default:
        return err;
    }
}

int ip_route_withdraw(struct net *net, const struct ip_route_config *config, const char **why)
{
    struct fib_config fib;
    int err = route_device(net, config, &fib, why);

    if (!err && fib_del(net, &fib))
        err = route_refuse(why, "there is no such route; `ip route` shows those there are", -ESRCH);
    return err;
}
