/*
 * route.c - addresses, routes and settings of the running task's stack, as programs see them (skiff/route.h).
 */
#include <skiff/route.h>

#include <errno.h>
#include <string.h>

#include "kernel/task.h"
#include "net/core/sysctl.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/routeconfig.h"
#include "net/socket/socket.h"

_Static_assert(SKIFF_ROUTE_UNICAST == (int)RTN_UNICAST && SKIFF_ROUTE_LOCAL == (int)RTN_LOCAL &&
                   SKIFF_ROUTE_BROADCAST == (int)RTN_BROADCAST &&
                   SKIFF_ROUTE_MULTICAST == (int)RTN_MULTICAST &&
                   SKIFF_ROUTE_UNREACHABLE == (int)RTN_UNREACHABLE &&
                   SKIFF_ROUTE_BLACKHOLE == (int)RTN_BLACKHOLE && SKIFF_ROUTE_PROHIBIT == (int)RTN_PROHIBIT,
               "types are passed on as they are");

static struct net *my_net(void)
{
    struct task *task = current_task();

    return task && task->files ? task->files->net : NULL;
}

/* 0, or -1 with errno; says why. */
static int answer(int err, const char **why, const char *sentence)
{
    if (why)
        *why = err ? sentence : NULL;
    if (!err)
        return 0;
    errno = -err;
    return -1;
}

/* --- addresses --- */

size_t skiff_addr_list(struct skiff_addr *addrs, size_t max, size_t skip)
{
    struct net *net = my_net();
    struct net_device *dev;
    const struct in_ifaddr *ifa;
    size_t count = 0;

    if (!net)
        return 0;
    list_for_each_entry (dev, &net->dev_base, dev_list) {
        list_for_each_entry (ifa, &dev->ifa_list, list) {
            if (skip) {
                skip--;
                continue;
            }
            if (count == max)
                return count;
            addrs[count] = (struct skiff_addr){.local = (__force uint32_t)ifa->local,
                                               .broadcast = (__force uint32_t)ifa->broadcast,
                                               .prefix_len = ifa->prefix_len,
                                               .tentative = ifa->tentative};
            strlcpy(addrs[count++].device, dev->name, SKIFF_ROUTE_NAME);
        }
    }
    return count;
}

static struct net_device *find_device(const char *name)
{
    struct net *net = my_net();

    return net ? dev_get_by_name(net, name) : NULL;
}

int skiff_addr_add(const char *device, uint32_t local, int prefix_len, const char **why)
{
    struct net_device *dev = find_device(device);
    int err = dev ? -EINVAL : -ENODEV;

    if (dev && prefix_len >= 1 && prefix_len <= 32)
        err = inet_addr_add(dev, (__force be32)local, (uint8_t)prefix_len);
    return answer(err, why,
                  err == -ENODEV   ? "there is no such device; the cards are eth0, eth1 ..."
                  : err == -EEXIST ? "the device has this address already"
                  : err == -ENOMEM ? "no memory for the address"
                                   : "no host can have this address: write one like 192.168.1.10/24");
}

int skiff_addr_del(const char *device, uint32_t local, const char **why)
{
    struct net_device *dev = find_device(device);
    int err = dev ? inet_addr_del(dev, (__force be32)local) : -ENODEV;

    return answer(err, why,
                  err == -ENODEV ? "there is no such device; the cards are eth0, eth1 ..."
                                 : "the device does not have this address; `ip addr` shows those it has");
}

/* --- routes --- */

static void fill_route(struct skiff_route *route, const struct fib_config *cfg)
{
    *route = (struct skiff_route){
        .dst = (__force uint32_t)cfg->dst,
        .prefix_len = cfg->prefix_len,
        .type = (enum skiff_route_type)cfg->type,
        .gateway = (__force uint32_t)cfg->gateway,
        .prefsrc = (__force uint32_t)cfg->prefsrc,
        .metric = cfg->metric,
    };
    if (cfg->dev)
        strlcpy(route->device, cfg->dev->name, sizeof(route->device));
}

struct route_list {
    struct skiff_route *routes;
    size_t max, skip, count;
};

static bool list_route(const struct fib_config *cfg, void *ctx)
{
    struct route_list *list = ctx;

    if (list->skip) {
        list->skip--;
        return true;
    }
    if (list->count == list->max)
        return false;
    fill_route(&list->routes[list->count++], cfg);
    return true;
}

size_t skiff_route_list(struct skiff_route *routes, size_t max, size_t skip)
{
    struct route_list list = {.routes = routes, .max = max, .skip = skip};
    struct net *net = my_net();

    if (net)
        fib_for_each(net, list_route, &list);
    return list.count;
}

static bool count_route(const struct fib_config *cfg, void *ctx)
{
    ++*(size_t *)ctx;
    return true;
}

size_t skiff_route_count(void)
{
    struct net *net = my_net();
    size_t count = 0;

    if (net)
        fib_for_each(net, count_route, &count);
    return count;
}

int skiff_route_get(uint32_t addr, struct skiff_route *route)
{
    struct net *net = my_net();
    struct fib_config cfg;

    if (!net || !fib_lookup_config(net, (__force be32)addr, &cfg))
        return answer(-ENETUNREACH, NULL, NULL);
    fill_route(route, &cfg);
    return 0;
}

static struct ip_route_config config_of(const struct skiff_route *route)
{
    struct ip_route_config config = {.fib = {.dst = (__force be32)route->dst,
                                             .prefix_len = route->prefix_len,
                                             .gateway = (__force be32)route->gateway,
                                             .prefsrc = (__force be32)route->prefsrc,
                                             .metric = route->metric,
                                             .type = (enum rt_type)route->type}};

    strlcpy(config.device, route->device, sizeof(config.device));
    return config;
}

int skiff_route_insert(const struct skiff_route *route, const char **why)
{
    struct ip_route_config config = config_of(route);
    struct net *net = my_net();
    const char *sentence = "this program has no network";
    int err = -ENODEV;

    if (route->type == SKIFF_ROUTE_LOCAL || route->type == SKIFF_ROUTE_BROADCAST ||
        route->type == SKIFF_ROUTE_MULTICAST || (unsigned)route->type > SKIFF_ROUTE_PROHIBIT)
        return answer(-EINVAL, why, "only unicast, unreachable, blackhole and prohibit routes can be made");
    if (net)
        err = ip_route_apply(net, &config, &sentence);
    return answer(err, why, sentence);
}

int skiff_route_remove(const struct skiff_route *route, const char **why)
{
    struct ip_route_config config = config_of(route);
    struct net *net = my_net();
    const char *sentence = "this program has no network";
    int err = net ? ip_route_withdraw(net, &config, &sentence) : -ENODEV;

    return answer(err, why, sentence);
}

const char *skiff_route_type_name(enum skiff_route_type type)
{
    return ip_route_type_name((enum rt_type)type);
}

int skiff_route_parse(const char *text, struct skiff_route *route, const char **why)
{
    struct ip_route_config config;
    const char *sentence;
    int err = ip_route_parse(text, &config, &sentence);

    if (err)
        return answer(err, why, sentence);
    fill_route(route, &config.fib);
    strlcpy(route->device, config.device, sizeof(route->device));
    return answer(0, why, NULL);
}

/* --- settings --- */

int skiff_sysctl_read(const char *name, char *value, size_t size)
{
    struct net *net = my_net();
    int len = net ? sysctl_get(net, name, value, size) : -ENOENT;

    return len < 0 ? answer(len, NULL, NULL) : len;
}

int skiff_sysctl_write(const char *name, const char *value, const char **why)
{
    struct net *net = my_net();
    int err = net ? sysctl_set(net, name, value) : -ENOENT;

    return answer(err, why,
                  err == -ENOENT   ? "there is no setting of this name"
                  : err == -ERANGE ? "the value is outside what this setting takes"
                  : err == -EACCES
                      ? "this setting can only be read"
                      : "the value does not have the form of this setting: see what it shows now");
}

struct setting_walk {
    void (*fn)(const char *name, void *ctx);
    void *ctx;
};

static bool tell_setting(const struct sysctl_entry *entry, void *ctx)
{
    const struct setting_walk *walk = ctx;

    walk->fn(entry->name, walk->ctx);
    return true;
}

void skiff_sysctl_walk(void (*fn)(const char *name, void *ctx), void *ctx)
{
    struct setting_walk walk = {.fn = fn, .ctx = ctx};
    struct net *net = my_net();

    if (net)
        sysctl_for_each(net, tell_setting, &walk);
}
