/*
 * dev_addr_lists.c - which frames a device is to receive: groups, addresses beside its own, all groups,
 * everything.
 *
 * Off the packet's way. Each wish is counted, so that several may have the same one; the driver hears through
 * ndo_set_rx_mode() when the first comes or the last goes.
 */
#include <string.h>

#include "kernel/slab.h"
#include "net/core/netdevice.h"

/* --- everything, all groups --- */

static int dev_count_flag(struct net_device *dev, unsigned *count, unsigned flag, int delta)
{
    if (delta < 0 && *count < (unsigned)-delta)
        return -EINVAL;
    bool was = *count;
    *count += (unsigned)delta;
    if (was == !!*count)
        return 0;
    dev->flags ^= flag;
    dev_set_rx_mode(dev);
    return 0;
}

int dev_set_promiscuity(struct net_device *dev, int delta)
{
    return dev_count_flag(dev, &dev->promiscuity, DEV_IFF_PROMISC, delta);
}

int dev_set_allmulti(struct net_device *dev, int delta)
{
    return dev_count_flag(dev, &dev->allmulti, DEV_IFF_ALLMULTI, delta);
}

/* --- lists of addresses --- */

static struct netdev_hw_addr *hw_addr_find(const struct list_head *addrs, const uint8_t *addr)
{
    struct netdev_hw_addr *ha;

    list_for_each_entry (ha, addrs, list) {
        if (memcmp(ha->addr, addr, ETH_ALEN) == 0)
            return ha;
    }
    return NULL;
}

/* Return: 1 if it is new, 0 if it was there, -ENOMEM. */
static int hw_addr_add(struct list_head *addrs, const uint8_t *addr)
{
    struct netdev_hw_addr *ha = hw_addr_find(addrs, addr);

    if (ha) {
        ha->refcount++;
        return 0;
    }
    ha = kzalloc(sizeof(*ha));
    if (!ha)
        return -ENOMEM;
    memcpy(ha->addr, addr, ETH_ALEN);
    ha->refcount = 1;
    list_add_tail(&ha->list, addrs);
    return 1;
}

static void hw_addr_free(struct netdev_hw_addr *ha)
{
    list_del_init(&ha->list);
    kfree(ha);
}

/* Return: 1 if it is gone, 0 if others want it, -ENOENT. */
static int hw_addr_del(struct list_head *addrs, const uint8_t *addr)
{
    struct netdev_hw_addr *ha = hw_addr_find(addrs, addr);

    if (!ha)
        return -ENOENT;
    if (--ha->refcount)
        return 0;
    hw_addr_free(ha);
    return 1;
}

/* The driver hears of what has changed: 0 or the error. */
static int dev_addr_changed(struct net_device *dev, int changed)
{
    if (changed > 0)
        dev_set_rx_mode(dev);
    return min(changed, 0);
}

int dev_mc_add(struct net_device *dev, const uint8_t *addr)
{
    return dev_addr_changed(dev, hw_addr_add(&dev->mc_list, addr));
}

int dev_mc_del(struct net_device *dev, const uint8_t *addr)
{
    return dev_addr_changed(dev, hw_addr_del(&dev->mc_list, addr));
}

int dev_uc_add(struct net_device *dev, const uint8_t *addr)
{
    return dev_addr_changed(dev, hw_addr_add(&dev->uc_list, addr));
}

int dev_uc_del(struct net_device *dev, const uint8_t *addr)
{
    return dev_addr_changed(dev, hw_addr_del(&dev->uc_list, addr));
}

static void hw_addr_flush(struct list_head *addrs)
{
    while (!list_empty(addrs))
        hw_addr_free(list_first_entry(addrs, struct netdev_hw_addr, list));
}

void dev_addr_flush(struct net_device *dev)
{
    hw_addr_flush(&dev->mc_list);
    hw_addr_flush(&dev->uc_list);
}

/* --- a device that sits on another --- */

void dev_rx_sync_init(struct dev_rx_sync *sync)
{
    *sync = (struct dev_rx_sync){.promisc = false};
    INIT_LIST_HEAD(&sync->groups);
}

/* Groups of `from` that `to` lacks are asked of the device below; without memory the group is missed until
 * the next change. */
static void dev_sync_groups(struct dev_rx_sync *sync, const struct list_head *wanted,
                            struct net_device *lower)
{
    struct netdev_hw_addr *ha, *next;

    list_for_each_entry (ha, wanted, list) {
        if (!hw_addr_find(&sync->groups, ha->addr) && hw_addr_add(&sync->groups, ha->addr) > 0 &&
            dev_mc_add(lower, ha->addr) < 0)
            hw_addr_del(&sync->groups, ha->addr);
    }
    list_for_each_entry_safe (ha, next, &sync->groups, list) {
        if (hw_addr_find(wanted, ha->addr))
            continue;
        dev_mc_del(lower, ha->addr);
        hw_addr_free(ha);
    }
}

static void dev_sync_flags(struct dev_rx_sync *sync, unsigned flags, struct net_device *lower)
{
    bool promisc = flags & DEV_IFF_PROMISC, allmulti = flags & DEV_IFF_ALLMULTI;

    if (promisc != sync->promisc)
        dev_set_promiscuity(lower, promisc ? 1 : -1);
    if (allmulti != sync->allmulti)
        dev_set_allmulti(lower, allmulti ? 1 : -1);
    sync->promisc = promisc;
    sync->allmulti = allmulti;
}

void dev_rx_sync(struct dev_rx_sync *sync, struct net_device *dev, struct net_device *lower)
{
    dev_sync_groups(sync, &dev->mc_list, lower);
    dev_sync_flags(sync, dev->flags, lower);
}

void dev_rx_unsync(struct dev_rx_sync *sync, struct net_device *lower)
{
    struct list_head none = LIST_HEAD_INIT(none);

    dev_sync_groups(sync, &none, lower);
    dev_sync_flags(sync, 0, lower);
}
