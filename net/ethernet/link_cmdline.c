/*
 * link_cmdline.c - the words of the command line that make devices: vlan=, bridge=, macvlan=.
 *
 * Read at boot, once per word, before addresses are given out. A word that cannot be carried out makes
 * nothing, or a bridge without the port that failed; the machine goes on.
 */
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/log.h"
#include "net/ethernet/bridge.h"
#include "net/ethernet/link.h"

#define VALUE_MAX 256

static const char why_vlan[] = "vlan= needs a device and a number: write vlan=eth0.10 for VLAN 10 of eth0";
static const char why_bridge[] =
    "bridge= needs a name and ports: write bridge=br0:eth0,eth1 or bridge=br0:eth0,eth1:stp";
static const char why_macvlan[] =
    "macvlan= needs a name and a card: write macvlan=mac0:eth0 or macvlan=mac0:eth0:02:00:00:00:00:01";
static const char why_no_device[] = "there is no such device: cards are eth0, eth1 ... in PCI order";

/* --- words --- */

/* "10": the number, of four digits at most, or -1. */
static int parse_number(const char *text)
{
    int id = 0;

    if (!*text || strlen(text) > 4)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        id = id * 10 + (*text - '0');
    }
    return id;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "02:00:00:00:00:01": 0 or -EINVAL. */
static int parse_mac(const char *text, uint8_t *addr)
{
    if (strlen(text) != 3 * ETH_ALEN - 1)
        return -EINVAL;
    for (unsigned i = 0; i < ETH_ALEN; i++, text += 3) {
        int high = hex_digit(text[0]), low = hex_digit(text[1]);
        if (high < 0 || low < 0 || (text[2] != ':' && i < ETH_ALEN - 1))
            return -EINVAL;
        addr[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

/* --- one of each --- */

/* "eth0.10"; of "eth0.10.20" the last number counts. */
static int configure_vlan(struct net *net, char *value, const char **why)
{
    char name[IFNAMSIZ];
    char *dot = strrchr(value, '.');
    int id = dot ? parse_number(dot + 1) : -1;

    if (id < 0)
        return link_fail(-EINVAL, why, why_vlan);
    if (strlcpy(name, value, sizeof(name)) >= sizeof(name))
        return link_fail(-EINVAL, why,
                         "the device's name must have 1 to 15 characters: write one like eth0.10");
    *dot = '\0';
    struct net_device *lower = dev_get_by_name(net, value);
    if (!lower)
        return link_fail(-ENODEV, why, why_no_device);
    int err = vlan_link_add(net, name, lower, (unsigned)id, why);
    return err ? err : dev_open(dev_get_by_name(net, name));
}

static int configure_port(struct net *net, struct net_device *bridge, const char *name, const char **why)
{
    struct net_device *port = dev_get_by_name(net, name);

    if (!port)
        return link_fail(-ENODEV, why, why_no_device);
    int err = link_set_master(port, bridge, why);
    return err ? err : dev_open(port);
}

static int configure_ports(struct net *net, struct net_device *bridge, char *names, const char **why)
{
    char *name;
    int err = 0;

    while ((name = strsep(&names, ","))) {
        const char *why_port = NULL;
        int port_err = configure_port(net, bridge, name, &why_port);
        if (port_err && !err)
            err = link_fail(port_err, why, why_port);
    }
    return err;
}

static bool ports_are_there(struct net *net, const char *names)
{
    char copy[VALUE_MAX], *rest = copy, *name;

    strlcpy(copy, names, sizeof(copy));
    while ((name = strsep(&rest, ","))) {
        if (!dev_get_by_name(net, name))
            return false;
    }
    return true;
}

/* "stp" or "stp=15", the forward delay in seconds: 0, or -EINVAL. A bridge without the word has none. */
static int parse_stp(const char *word, unsigned *forward_delay)
{
    *forward_delay = BR_FORWARD_DELAY_S;
    if (!word || strcmp(word, "stp") == 0)
        return 0;
    int seconds = strncmp(word, "stp=", 4) == 0 ? parse_number(word + 4) : -1;
    *forward_delay = (unsigned)seconds;
    return seconds < 0 ? -EINVAL : 0;
}

/* "br0:eth0,eth1:stp" */
static int configure_bridge(struct net *net, char *value, const char **why)
{
    char *rest = value;
    const char *name = strsep(&rest, ":");
    char *ports = rest ? strsep(&rest, ":") : NULL;
    unsigned forward_delay;

    if (!ports || parse_stp(rest, &forward_delay))
        return link_fail(-EINVAL, why, why_bridge);
    if (!ports_are_there(net, ports))
        return link_fail(-ENODEV, why, why_no_device);
    int err = bridge_link_add(net, name, why);
    if (err)
        return err;
    struct net_device *bridge = dev_get_by_name(net, name);
    int set_err =
        br_set(bridge, BR_SET_FORWARD_DELAY, forward_delay, why); /* what is wrong keeps the usual one */
    br_set(bridge, BR_SET_STP, rest != NULL, NULL);
    err = configure_ports(net, bridge, ports, why);
    int open_err = dev_open(bridge);
    return err ? err : open_err ? open_err : set_err;
}

/* "mac0:eth0:02:00:00:00:00:01" */
static int configure_macvlan(struct net *net, char *value, const char **why)
{
    char *rest = value;
    const char *name = strsep(&rest, ":");
    const char *lower_name = rest ? strsep(&rest, ":") : NULL;
    uint8_t addr[ETH_ALEN];

    if (!lower_name || (rest && parse_mac(rest, addr)))
        return link_fail(-EINVAL, why, why_macvlan);
    struct net_device *lower = dev_get_by_name(net, lower_name);
    if (!lower)
        return link_fail(-ENODEV, why, why_no_device);
    int err = macvlan_link_add(net, name, lower, rest ? addr : NULL, why);
    return err ? err : dev_open(dev_get_by_name(net, name));
}

int link_configure(struct net *net, const char *key, const char *value, const char **why)
{
    char copy[VALUE_MAX];

    *why = NULL;
    if (strlcpy(copy, value, sizeof(copy)) >= sizeof(copy))
        return link_fail(-EINVAL, why, "the word is too long");
    if (strcmp(key, "vlan") == 0)
        return configure_vlan(net, copy, why);
    if (strcmp(key, "bridge") == 0)
        return configure_bridge(net, copy, why);
    if (strcmp(key, "macvlan") == 0)
        return configure_macvlan(net, copy, why);
    return link_fail(-EINVAL, why, "there is no such kind of device: write vlan=, bridge= or macvlan=");
}

/* --- all of them --- */

#define WORDS_MAX 64 /* of one kind, that may have a second chance */

/* Words of one kind. *waiting: those whose device was not there, and in the last round those to be tried. */
static void configure_words(struct net *net, const char *key, uint64_t *waiting, bool last)
{
    const char *value, *why;

    for (unsigned n = 0; (value = cmdline_get_nth(key, n)); n++) {
        uint64_t bit = n < WORDS_MAX ? 1ull << n : 0;
        if (last && !(*waiting & bit))
            continue;
        int err = link_configure(net, key, value, &why);
        if (err == -ENODEV && bit && !last)
            *waiting |= bit;
        else if (err)
            pr_err("command line: %s=%s: %s", key, value, why ? why : strerror(-err));
    }
}

void link_configure_all(struct net *net)
{
    static const char *const keys[] = {"vlan", "bridge", "macvlan"};
    uint64_t waiting[ARRAY_SIZE(keys)] = {0};

    for (int last = 0; last <= 1; last++) {
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
            configure_words(net, keys[i], &waiting[i], last);
    }
}
