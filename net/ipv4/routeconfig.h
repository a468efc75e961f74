/*
 * routeconfig.h - static routes written as one word: 10.0.0.0/8:10.81.1.254:eth0.
 */
#ifndef NET_IPV4_ROUTECONFIG_H
#define NET_IPV4_ROUTECONFIG_H

#include "net/ipv4/route.h"

struct ip_route_config {
    struct fib_config fib; /* dev is NULL: see device */
    char device[IFNAMSIZ]; /* "": that of the gateway, or none */
};

/**
 * ip_route_parse - read the value of one route= word
 * <destination>[/<length>]:<gateway>[:<device>[:<metric>]]; the destination may be "default"; in place of the
 * gateway nothing (the destination is on the device's link), blackhole, unreachable or prohibit.
 * Return: 0, or -EINVAL and *why, a sentence that shows what to write instead.
 */
int ip_route_parse(const char *value, struct ip_route_config *config, const char **why);

/* Into the table. 0, or -ENODEV or what fib_add() says, and *why. */
int ip_route_apply(struct net *net, const struct ip_route_config *config, const char **why);

/* Out of it: 0, -ENODEV, -ESRCH, and *why. */
int ip_route_withdraw(struct net *net, const struct ip_route_config *config, const char **why);

const char *ip_route_type_name(enum rt_type type); /* "blackhole" */

#endif
