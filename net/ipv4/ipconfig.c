/*
 * ipconfig.c - the ip= words of the command line: which address a card starts with.
 *
 * Read at boot, once per word, before the first packet. The syntax is that of Linux
 * (Documentation/admin-guide/nfs/nfsroot.rst); what a small machine has no use for - the server of a root
 * file system, name and time servers - is checked and passed over.
 */
#include "net/ipv4/ipconfig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/ethernet/arp.h"
#include "net/ipv4/fib.h"

enum {
    FIELD_CLIENT,
    FIELD_SERVER,
    FIELD_GATEWAY,
    FIELD_MASK,
    FIELD_HOST,
    FIELD_DEVICE,
    FIELD_METHOD,
    FIELD_DNS0,
    FIELD_DNS1,
    FIELD_NTP,
    FIELDS_MAX
};

#define VALUE_MAX          256
#define DEFAULT_ROUTES_MAX 8

struct ip_words {
    char text[VALUE_MAX]; /* the value, cut at its colons */
    const char *field[FIELDS_MAX];
    int count;
};

static int ip_words_split(struct ip_words *words, const char *value, const char **why)
{
    char *rest = words->text;

    if (strlcpy(words->text, value, sizeof(words->text)) >= sizeof(words->text)) {
        *why = "ip= is too long: write ip=<client>::<gateway>:<mask>:<host>:<device>:off";
        return -EINVAL;
    }
    for (int i = 0; i < FIELDS_MAX; i++)
        words->field[i] = "";
    for (words->count = 0; rest; words->count++) {
        if (words->count == FIELDS_MAX) {
            *why = "ip= has too many fields: write ip=<client>::<gateway>:<mask>:<host>:<device>:off";
            return -EINVAL;
        }
        words->field[words->count] = strsep(&rest, ":");
    }
    return 0;
}

/* "" gives 0. */
static int ip_parse_address(const char *text, be32 *addr)
{
    struct in_addr in = {0};

    if (*text && inet_pton(AF_INET, text, &in) != 1)
        return -EINVAL;
    *addr = (__force be32)in.s_addr;
    return 0;
}

/* RFC 791 3.2: what the length of the network part was before there were masks. */
static uint8_t ip_class_prefix(be32 addr)
{
    uint32_t a = be32_to_cpu(addr);

    return a >> 31 == 0 ? 8 : a >> 30 == 2 ? 16 : 24;
}

/* "24" or "255.255.255.0": the length, or -1. */
static int ip_parse_mask(const char *text)
{
    be32 mask;

    if (text[strspn(text, "0123456789")] == '\0') {
        long len = strtol(text, NULL, 10);

        return strlen(text) <= 2 && len >= 1 && len <= 32 ? (int)len : -1;
    }
    if (ip_parse_address(text, &mask))
        return -1;
    for (int len = 1; len <= 32; len++)
        if (mask == inet_make_mask((unsigned)len))
            return len;
    return -1;
}

/* The client's address, which may carry "/24", and the mask. */
static int ip_parse_client(struct ip_words *words, struct ip_config *config, const char **why)
{
    char *slash = strchr(words->text, '/'); /* the text ends at the first colon now */
    const char *mask = words->field[FIELD_MASK];
    int prefix_len;

    if (slash) {
        *slash = '\0';
        if (*mask) {
            *why = "ip= has the mask twice: write either <client>/24 or the fourth field, 255.255.255.0";
            return -EINVAL;
        }
        mask = slash + 1;
        if (!*mask)
            mask = "?";
    }
    if (ip_parse_address(words->field[FIELD_CLIENT], &config->client)) {
        *why = "ip=: the first field is no IPv4 address: write dhcp, off, or an address like 192.168.1.10";
        return -EINVAL;
    }
    prefix_len = *mask ? ip_parse_mask(mask) : ip_class_prefix(config->client);
    if (prefix_len < 0) {
        *why = "ip=: the mask is none: write 255.255.255.0 as the fourth field, or <client>/24";
        return -EINVAL;
    }
    config->prefix_len = (uint8_t)prefix_len;
    return 0;
}

static int ip_parse_gateway(struct ip_words *words, struct ip_config *config, const char **why)
{
    be32 mask = inet_make_mask(config->prefix_len);

    if (ip_parse_address(words->field[FIELD_GATEWAY], &config->gateway)) {
        *why =
            "ip=: the third field, the gateway, is no IPv4 address: write one like 192.168.1.1 or leave it empty";
        return -EINVAL;
    }
    if (!config->client || !config->gateway)
        return 0;
    if ((config->gateway & mask) != (config->client & mask) || config->gateway == config->client) {
        *why = "ip=: the gateway is not another host on the client's network: check gateway and mask";
        return -EINVAL;
    }
    return 0;
}

/* Fields that are passed over must make sense all the same: they may stand in the wrong place. */
static int ip_check_unused(const struct ip_words *words, const char **why)
{
    static const uint8_t unused[] = {FIELD_SERVER, FIELD_DNS0, FIELD_DNS1, FIELD_NTP};

    for (size_t i = 0; i < ARRAY_SIZE(unused); i++) {
        be32 addr;

        if (ip_parse_address(words->field[unused[i]], &addr)) {
            *why =
                "ip=: a server is no IPv4 address: write ip=<client>::<gateway>:<mask>:<host>:<device>:off";
            return -EINVAL;
        }
    }
    return 0;
}

static int ip_parse_names(const struct ip_words *words, struct ip_config *config, const char **why)
{
    if (strlcpy(config->hostname, words->field[FIELD_HOST], sizeof(config->hostname)) >=
        sizeof(config->hostname)) {
        *why = "ip=: the host name is longer than 63 characters: write a shorter one";
        return -EINVAL;
    }
    if (strlcpy(config->device, words->field[FIELD_DEVICE], sizeof(config->device)) >=
        sizeof(config->device)) {
        *why = "ip=: the device name is longer than 15 characters: write eth0, eth1 ...";
        return -EINVAL;
    }
    return 0;
}

/* The <autoconf> word; 1: it is none of those. */
static int ip_parse_method(const char *word, enum ip_config_method *method)
{
    static const char *const dynamic[] = {"", "dhcp", "on", "any", "both"};

    for (size_t i = 0; i < ARRAY_SIZE(dynamic); i++) {
        if (strcmp(word, dynamic[i]) == 0) {
            *method = IP_CONFIG_DHCP;
            return 0;
        }
    }
    if (strcmp(word, "off") == 0 || strcmp(word, "none") == 0) {
        *method = IP_CONFIG_NONE;
        return 0;
    }
    return strcmp(word, "bootp") == 0 || strcmp(word, "rarp") == 0 ? -EINVAL : 1;
}

static const char why_method[] =
    "ip=: only dhcp, on, any, both, off and none can be asked for: write ip=dhcp";

int ip_config_parse(const char *value, struct ip_config *config, const char **why)
{
    struct ip_words words;
    int err;

    *config = (struct ip_config){.method = IP_CONFIG_DHCP};
    *why = NULL;
    err = ip_words_split(&words, value, why);
    if (err)
        return err;
    if (words.count == 1) { /* one word: a method, or an address by itself */
        err = ip_parse_method(words.field[0], &config->method);
        if (err < 0)
            *why = why_method;
        if (err <= 0)
            return err;
    }
    if (ip_parse_method(words.field[FIELD_METHOD], &config->method)) {
        *why = why_method;
        return -EINVAL;
    }
    err = ip_parse_client(&words, config, why);
    if (!err)
        err = ip_parse_gateway(&words, config, why);
    if (!err)
        err = ip_check_unused(&words, why);
    if (!err)
        err = ip_parse_names(&words, config, why);
    if (!err && config->client)
        config->method = IP_CONFIG_STATIC;
    return err;
}

/* --- applying it --- */

static struct net_device *ip_config_device(struct net *net, const struct ip_config *config)
{
    struct net_device *dev;

    if (config->device[0])
        return dev_get_by_name(net, config->device);
    list_for_each_entry (dev, &net->dev_base, dev_list)
        if (!(dev->flags & DEV_IFF_LOOPBACK))
            return dev->master ? dev->master : dev; /* a port has no address: its bridge has */
    return NULL;
}

static int ip_config_probe(struct net_device *dev, be32 addr)
{
    struct in_ifaddr *ifa = inet_addr_find(dev->net, dev, addr);

    ifa->tentative = true;
    return arp_dad_start(dev, ifa, NULL, NULL);
}

int ip_config_apply(struct net *net, const struct ip_config *config)
{
    struct net_device *dev = ip_config_device(net, config);
    int err;

    if (config->method == IP_CONFIG_NONE)
        return 0;
    if (!dev)
        return -ENODEV;
    err = dev_open(dev);
    if (err || config->method == IP_CONFIG_DHCP)
        return err;
    err = inet_addr_add(dev, config->client, config->prefix_len);
    if (!err && config->gateway) {
        struct fib_config route = {.gateway = config->gateway, .dev = dev, .type = RTN_UNICAST};

        /* The first word's gateway is taken; those of later ones stand by. */
        while ((err = fib_add(net, &route)) == -EEXIST && route.metric < DEFAULT_ROUTES_MAX)
            route.metric++;
    }
    if (!err && config->probe_first)
        err = ip_config_probe(dev, config->client);
    return err;
}
