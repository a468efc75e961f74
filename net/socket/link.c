/*
 * link.c - links, bridges and neighbours for programs (skiff/link.h), for the stack of the running task.
 *
 * Off the packet's way: turns names into devices and what the rooms below know into plain structures.
 */
#include <skiff/link.h>

#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/core/neighbour.h"
#include "net/ethernet/arp.h"
#include "net/ethernet/bridge.h"
#include "net/ethernet/link.h"
#include "net/socket/socket.h"

#include <net/if.h>

static struct net *my_net(void)
{
    struct task *task = current_task();

    return task && task->files ? task->files->net : NULL;
}

/* 0, or -1 and errno. */
static int answer(int err)
{
    if (!err)
        return 0;
    errno = -err;
    return -1;
}

static const char no_device[] = "there is no such device: `ip link` shows which there are";

/* NULL: *why and errno say so. */
static struct net_device *find(const char *name, const char **why)
{
    struct net *net = my_net();
    struct net_device *dev = net && name ? dev_get_by_name(net, name) : NULL;

    if (why)
        *why = dev ? NULL : no_device;
    if (!dev)
        errno = ENODEV;
    return dev;
}

/* --- links --- */

const char *skiff_link_kind_name(enum skiff_link_kind kind)
{
    static const char *const names[] = {"ether", "loopback", "vlan", "bridge", "macvlan"};

    return (size_t)kind < ARRAY_SIZE(names) ? names[kind] : "?";
}

const char *skiff_port_state_name(enum skiff_port_state state)
{
    return br_state_name((enum br_state)state);
}
_Static_assert((int)SKIFF_PORT_LISTENING == BR_STATE_LISTENING &&
                   (int)SKIFF_PORT_LEARNING == BR_STATE_LEARNING &&
                   (int)SKIFF_PORT_FORWARDING == BR_STATE_FORWARDING &&
                   (int)SKIFF_PORT_BLOCKING == BR_STATE_BLOCKING,
               "programs and the bridge number states alike");

static enum skiff_link_kind kind_of(const struct net_device *dev)
{
    if (dev->flags & DEV_IFF_LOOPBACK)
        return SKIFF_LINK_LOOPBACK;
    if (dev->rtnl_link_ops == &vlan_link_ops)
        return SKIFF_LINK_VLAN;
    if (dev->rtnl_link_ops == &bridge_link_ops)
        return SKIFF_LINK_BRIDGE;
    return dev->rtnl_link_ops == &macvlan_link_ops ? SKIFF_LINK_MACVLAN : SKIFF_LINK_ETHER;
}

static void fill_stats(struct skiff_link *link, const struct net_device_stats *s)
{
    link->rx_packets = s->rx_packets;
    link->rx_bytes = s->rx_bytes;
    link->rx_errors = s->rx_errors;
    link->rx_dropped = s->rx_dropped;
    link->rx_missed = s->rx_missed_errors;
    link->rx_multicast = s->rx_multicast;
    link->tx_packets = s->tx_packets;
    link->tx_bytes = s->tx_bytes;
    link->tx_errors = s->tx_errors;
    link->tx_dropped = s->tx_dropped;
}

static void fill_port(struct skiff_link *link, const struct br_port *port)
{
    link->port_state = (enum skiff_port_state)port->state;
    link->port_cost = port->path_cost;
    link->port_priority = port->priority;
    link->port_number = port->port_no;
}

static void fill_link(struct skiff_link *link, struct net_device *dev)
{
    if (dev->netdev_ops->ndo_update_stats)
        dev->netdev_ops->ndo_update_stats(dev);
    *link = (struct skiff_link){
        .ifindex = dev->ifindex,
        .kind = kind_of(dev),
        .flags = dev->flags | (netif_running(dev) && dev->carrier ? IFF_RUNNING : 0),
        .carrier = dev->carrier,
        .mtu = dev->mtu,
        .tx_queue_len = dev->tx_queue_len,
        .vlan_id = dev->rtnl_link_ops == &vlan_link_ops ? vlan_dev_vlan_id(dev) : 0,
    };
    strlcpy(link->name, dev->name, sizeof(link->name));
    if (dev->driver || dev->rtnl_link_ops)
        strlcpy(link->driver, dev->driver ? dev->driver : dev->rtnl_link_ops->kind, sizeof(link->driver));
    strlcpy(link->bus_info, dev->bus_info, sizeof(link->bus_info));
    if (dev->lower)
        strlcpy(link->lower, dev->lower->name, sizeof(link->lower));
    if (dev->master)
        strlcpy(link->master, dev->master->name, sizeof(link->master));
    memcpy(link->addr, dev->dev_addr, ETH_ALEN);
    memcpy(link->broadcast, dev->broadcast, ETH_ALEN);
    fill_stats(link, &dev->stats);
    if (br_port_of(dev))
        fill_port(link, br_port_of(dev));
}

size_t skiff_link_list(struct skiff_link *links, size_t max, size_t skip)
{
    struct net *net = my_net();
    struct net_device *dev;
    size_t count = 0;

    if (!net)
        return 0;
    list_for_each_entry (dev, &net->dev_base, dev_list) {
        if (skip) {
            skip--;
            continue;
        }
        if (count == max)
            break;
        fill_link(&links[count++], dev);
    }
    return count;
}

int skiff_link_get(const char *name, struct skiff_link *link)
{
    struct net_device *dev = find(name, NULL);

    if (!dev)
        return -1;
    fill_link(link, dev);
    return 0;
}

int skiff_link_add_vlan(const char *name, const char *lower, unsigned vlan_id, const char **why)
{
    struct net_device *dev = find(lower, why);

    return dev ? answer(vlan_link_add(dev->net, name, dev, vlan_id, why)) : -1;
}

int skiff_link_add_bridge(const char *name, const char **why)
{
    struct net *net = my_net();

    if (why)
        *why = NULL;
    return answer(net ? bridge_link_add(net, name, why) : -ENODEV);
}

int skiff_link_add_macvlan(const char *name, const char *lower, const uint8_t *addr, const char **why)
{
    struct net_device *dev = find(lower, why);

    return dev ? answer(macvlan_link_add(dev->net, name, dev, addr, why)) : -1;
}

int skiff_link_del(const char *name, const char **why)
{
    struct net_device *dev = find(name, why);

    return dev ? answer(link_del(dev, why)) : -1;
}

int skiff_link_set_up(const char *name, int up, const char **why)
{
    struct net_device *dev = find(name, why);

    if (!dev)
        return -1;
    if (!up) {
        dev_close(dev);
        return 0;
    }
    int err = dev_open(dev);
    return answer(err ? link_fail(err, why, "the device does not come up") : 0);
}

int skiff_link_set_mtu(const char *name, unsigned mtu, const char **why)
{
    struct net_device *dev = find(name, why);

    return dev ? answer(link_set_mtu(dev, mtu, why)) : -1;
}

int skiff_link_set_addr(const char *name, const uint8_t *addr, const char **why)
{
    struct net_device *dev = find(name, why);

    return dev ? answer(link_set_mac_address(dev, addr, why)) : -1;
}

/* Promiscuous by hand is one wish beside those of bridges and captures. */
int skiff_link_set_promisc(const char *name, int on, const char **why)
{
    struct net_device *dev = find(name, why);

    if (!dev)
        return -1;
    if (!dev_set_promiscuity(dev, on ? 1 : -1))
        return 0;
    return answer(link_fail(-EINVAL, why, "the device is not promiscuous"));
}

int skiff_link_set_master(const char *name, const char *master, const char **why)
{
    struct net_device *dev = find(name, why);
    struct net_device *bridge = dev && master ? find(master, why) : NULL;

    if (!dev || (master && !bridge))
        return -1;
    return answer(link_set_master(dev, bridge, why));
}

/* --- bridges --- */

int skiff_bridge_get(const char *name, struct skiff_bridge *bridge)
{
    const struct net_device *dev = find(name, NULL);
    const struct net_bridge *br = dev ? br_of_device(dev) : NULL;

    if (!br)
        return answer(-ENODEV);
    *bridge = (struct skiff_bridge){
        .stp = br->stp,
        .priority = (uint16_t)(br->bridge_id.prio[0] << 8 | br->bridge_id.prio[1]),
        .root_path_cost = br->root_path_cost,
        .root_port = br->root_port ? br->root_port->port_no : 0,
        .ageing_time_s = br->ageing_time_ms / 1000,
        .hello_time_s = br->hello_time_ms / 1000,
        .max_age_s = br->max_age_ms / 1000,
        .forward_delay_s = br->forward_delay_ms / 1000,
        .topology_change = br->topology_change,
        .fdb_entries = br->fdb_count,
        .fdb_max = br->fdb_max,
    };
    memcpy(bridge->bridge_id, &br->bridge_id, sizeof(bridge->bridge_id));
    memcpy(bridge->root_id, &br->designated_root, sizeof(bridge->root_id));
    return 0;
}
_Static_assert((int)SKIFF_BRIDGE_STP == BR_SET_STP && (int)SKIFF_BRIDGE_PRIORITY == BR_SET_PRIORITY &&
                   (int)SKIFF_BRIDGE_AGEING_TIME == BR_SET_AGEING_TIME &&
                   (int)SKIFF_BRIDGE_FORWARD_DELAY == BR_SET_FORWARD_DELAY &&
                   (int)SKIFF_BRIDGE_FDB_MAX == BR_SET_FDB_MAX && (int)SKIFF_PORT_COST == BR_SET_PORT_COST &&
                   (int)SKIFF_PORT_PRIORITY == BR_SET_PORT_PRIORITY,
               "programs and the bridge number settings alike");

int skiff_bridge_set(const char *name, enum skiff_bridge_setting setting, unsigned value, const char **why)
{
    struct net_device *dev = find(name, why);

    return dev ? answer(br_set(dev, (enum br_setting)setting, value, why)) : -1;
}

/* What a list is being copied to. */
struct fdb_copy {
    struct skiff_fdb *entries;
    size_t max, skip, count;
};

static void copy_fdb(struct fdb_copy *copy, const struct net_device *dev, const struct br_fdb *fdb)
{
    if (copy->skip) {
        copy->skip--;
        return;
    }
    if (copy->count == copy->max)
        return;
    struct skiff_fdb *entry = &copy->entries[copy->count++];
    *entry = (struct skiff_fdb){
        .local = fdb->local, .permanent = fdb->permanent, .age_ms = fdb->local ? 0 : br_fdb_age_ms(fdb)};
    memcpy(entry->addr, fdb->addr, ETH_ALEN);
    strlcpy(entry->port, fdb->port ? fdb->port->dev->name : dev->name, sizeof(entry->port));
}

size_t skiff_fdb_list(const char *bridge, struct skiff_fdb *entries, size_t max, size_t skip)
{
    struct net_device *dev = find(bridge, NULL);
    const struct net_bridge *br = dev ? br_of_device(dev) : NULL;
    struct fdb_copy copy = {.entries = entries, .max = max, .skip = skip};
    const struct br_port *port;
    const struct br_fdb *fdb;

    if (!br)
        return 0;
    list_for_each_entry (fdb, &br->local, list)
        copy_fdb(&copy, dev, fdb);
    list_for_each_entry (port, &br->ports, list) {
        list_for_each_entry (fdb, &port->fdb, list)
            copy_fdb(&copy, dev, fdb);
    }
    return copy.count;
}

/* NULL: *why and errno say so. */
static struct br_port *find_port(const char *name, const char **why)
{
    struct net_device *dev = find(name, why);
    struct br_port *port = dev ? br_port_of(dev) : NULL;

    if (dev && !port)
        answer(link_fail(-ENODEV, why, "that device is no port of a bridge"));
    return port;
}

int skiff_fdb_add(const char *name, const uint8_t *addr, const char **why)
{
    struct br_port *port = find_port(name, why);

    if (!port)
        return -1;
    if (!is_valid_ether_addr(addr))
        return answer(link_fail(-EINVAL, why, "that is no address of one station"));
    int err = br_fdb_add_permanent(port, addr);
    return answer(err ? link_fail(err, why, "that address is this machine's own, or the table is full") : 0);
}

int skiff_fdb_del(const char *name, const uint8_t *addr, const char **why)
{
    struct br_port *port = find_port(name, why);

    if (!port)
        return -1;
    int err = br_fdb_del(port, addr);
    return answer(err ? link_fail(err, why, "the port has no such entry") : 0);
}

/* --- neighbours --- */

struct neigh_copy {
    struct skiff_neigh *entries;
    size_t max, skip, count;
};

/* The next free entry; NULL: this one is skipped, or there is no room. */
static struct skiff_neigh *next_neigh(struct neigh_copy *copy)
{
    if (copy->skip) {
        copy->skip--;
        return NULL;
    }
    return copy->count < copy->max ? &copy->entries[copy->count++] : NULL;
}

static bool copy_neigh(const struct neighbour *n, void *ctx)
{
    struct skiff_neigh *entry = next_neigh(ctx);
    uint64_t now = ktime_get_ms();

    if (!entry)
        return true;
    *entry = (struct skiff_neigh){
        .addr = (__force uint32_t)n->primary_key,
        .state = neigh_state_name(n->state),
        .has_lladdr = n->state != NUD_NONE && n->state != NUD_INCOMPLETE && n->state != NUD_FAILED,
        .confirmed_ms_ago = (unsigned)(now - n->confirmed_ms),
        .used_ms_ago = (unsigned)(n->used ? 0 : now - n->used_ms),
        .probes = n->probes,
    };
    memcpy(entry->lladdr, n->ha, ETH_ALEN);
    strlcpy(entry->device, n->dev->name, sizeof(entry->device));
    return true;
}

static bool copy_proxy(struct net_device *dev, be32 addr, void *ctx)
{
    struct skiff_neigh *entry = next_neigh(ctx);

    if (!entry)
        return true;
    *entry = (struct skiff_neigh){.addr = (__force uint32_t)addr, .state = "PROXY", .proxy = 1};
    strlcpy(entry->device, dev->name, sizeof(entry->device));
    return true;
}

size_t skiff_neigh_list(struct skiff_neigh *entries, size_t max, size_t skip)
{
    struct net *net = my_net();
    struct neigh_copy copy = {.entries = entries, .max = max, .skip = skip};

    if (!net)
        return 0;
    neigh_for_each(net->arp_tbl, copy_neigh, &copy);
    arp_proxy_for_each(net, copy_proxy, &copy);
    return copy.count;
}

int skiff_neigh_add(const char *device, uint32_t addr, const uint8_t *lladdr, const char **why)
{
    struct net_device *dev = find(device, why);
    struct neighbour *n;

    if (!dev)
        return -1;
    if (!is_valid_ether_addr(lladdr))
        return answer(link_fail(-EINVAL, why, "that is no link address of one station"));
    n = neigh_lookup_or_create(dev->net->arp_tbl, (__force be32)addr, dev);
    if (!n)
        return answer(
            link_fail(-ENOMEM, why, "no host has that address, or the table is full of those in use"));
    int err = n->state == NUD_NOARP ? -EINVAL : 0;
    if (!err)
        neigh_update(n, lladdr, NUD_PERMANENT, true);
    neigh_release(n);
    return answer(err ? link_fail(err, why, "that address needs no neighbour entry") : 0);
}

int skiff_neigh_del(const char *device, uint32_t addr, const char **why)
{
    struct net_device *dev = find(device, why);
    struct neighbour *n;

    if (!dev)
        return -1;
    n = neigh_lookup(dev->net->arp_tbl, (__force be32)addr, dev);
    if (!n)
        return answer(link_fail(-ENOENT, why, "there is no such entry: `ip neigh` shows which there are"));
    neigh_release(n);
    neigh_forget(dev->net->arp_tbl, (__force be32)addr, dev);
    return 0;
}

size_t skiff_neigh_flush(const char *device)
{
    struct net *net = my_net();
    const struct net_device *dev = device ? find(device, NULL) : NULL;

    return net && (dev || !device) ? neigh_flush(net->arp_tbl, dev) : 0;
}

int skiff_neigh_proxy_add(const char *device, uint32_t addr, const char **why)
{
    struct net_device *dev = find(device, why);

    if (!dev)
        return -1;
    int err = arp_proxy_add(dev, (__force be32)addr);
    return answer(err ? link_fail(err, why, "it answers for that address already") : 0);
}

int skiff_neigh_proxy_del(const char *device, uint32_t addr, const char **why)
{
    struct net_device *dev = find(device, why);

    if (!dev)
        return -1;
    int err = arp_proxy_del(dev, (__force be32)addr);
    return answer(err ? link_fail(err, why, "it does not answer for that address") : 0);
}
