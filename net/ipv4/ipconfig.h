/*
 * ipconfig.h - the kernel's ip= words: which address a card starts with.
 */
#ifndef NET_IPV4_IPCONFIG_H
#define NET_IPV4_IPCONFIG_H

#include "net/core/netdevice.h"

enum ip_config_method { IP_CONFIG_DHCP, IP_CONFIG_STATIC, IP_CONFIG_NONE };

struct ip_config {
    enum ip_config_method method;
    be32 client, gateway;
    uint8_t prefix_len;
    char hostname[64];
    char device[IFNAMSIZ]; /* "": the first card */
    bool probe_first;
};

/**
 * ip_config_parse - read the value of one ip= word
 * "dhcp" | "on" | "any" | "off" | "none" | <client>:<server>:<gw>:<mask>:<host>:<dev>:<autoconf>
 * (client may carry "/24"; a missing mask follows the address class as in Linux)
 * Return: 0, or -EINVAL and *why, a sentence that shows what to write instead.
 */
int ip_config_parse(const char *value, struct ip_config *config, const char **why);

/* Static: address, routes, device up. DHCP: device up only. 0, -ENODEV, or what inet_addr_add() and fib_add()
 * say. */
int ip_config_apply(struct net *net, const struct ip_config *config);

#endif
