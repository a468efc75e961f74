/*
 * bridge_fdb.c - the bridge's forwarding table: which address lives behind which port (IEEE 802.1D 7.8, 7.9).
 *
 * Asked twice per frame: br_fdb_learn() for its source, br_fdb_find() for its destination. Strangers fill it,
 * so it is hashed with a secret and bounded; when it is full, the port that has most entries gives up the one
 * it has not heard of for longest. So a flood of made-up addresses on one port costs that port's entries
 * only, and what lives elsewhere stays known.
 */
#include "net/ethernet/bridge.h"

#include <string.h>

#include "kernel/slab.h"

#define FDB_SWEEP_MS 10000 /* between looks for entries that are too old */
#define FDB_TOUCH_MS 1000  /* an entry used within that keeps its place in line */

static struct hlist_head *br_fdb_bucket(struct net_bridge *br, const uint8_t *addr)
{
    uint32_t high, low = (uint32_t)addr[4] << 8 | addr[5];

    memcpy(&high, addr, sizeof(high));
    return &br->hash[hsiphash_3u32(high, low, 0, &br->dev->net->secret) % BR_FDB_BUCKETS];
}

/* After a change of the tree, addresses may have moved: they are believed for a short time only (8.3.5). */
static unsigned br_ageing_ms(const struct net_bridge *br)
{
    return br->topology_change ? br->forward_delay_ms : br->ageing_time_ms;
}

unsigned br_fdb_age_ms(const struct br_fdb *fdb)
{
    return (unsigned)(ktime_get_ms() - fdb->updated_ms);
}

static bool br_fdb_is_old(const struct net_bridge *br, const struct br_fdb *fdb)
{
    return !fdb->local && !fdb->permanent && br_fdb_age_ms(fdb) >= br_ageing_ms(br);
}

static struct br_fdb *br_fdb_lookup(struct net_bridge *br, const uint8_t *addr)
{
    struct br_fdb *fdb;

    hlist_for_each_entry (fdb, br_fdb_bucket(br, addr), hash) {
        if (memcmp(fdb->addr, addr, ETH_ALEN) == 0)
            return fdb;
    }
    return NULL;
}

struct br_fdb *br_fdb_find(struct net_bridge *br, const uint8_t *addr)
{
    struct br_fdb *fdb = br_fdb_lookup(br, addr);

    return fdb && !br_fdb_is_old(br, fdb) ? fdb : NULL;
}

/* --- entries come and go --- */

static void br_fdb_free(struct net_bridge *br, struct br_fdb *fdb)
{
    hlist_del_init(&fdb->hash);
    list_del_init(&fdb->list);
    if (!fdb->local) {
        br->fdb_count--;
        fdb->port->fdb_count--;
    }
    kfree(fdb);
}

/* The port whose neighbours take most of the table gives one up. false: all are set by hand. */
static bool br_fdb_evict(struct net_bridge *br)
{
    struct br_port *port, *most = NULL;
    struct br_fdb *fdb;

    list_for_each_entry (port, &br->ports, list) {
        if (!most || port->fdb_count > most->fdb_count)
            most = port;
    }
    if (!most)
        return false;
    list_for_each_entry (fdb, &most->fdb, list) {
        if (fdb->permanent)
            continue;
        NET_INC_STATS(br->dev->net, BridgeFdbEvicted);
        br_fdb_free(br, fdb);
        return true;
    }
    return false;
}

static struct br_fdb *br_fdb_create(struct br_port *port, const uint8_t *addr)
{
    struct net_bridge *br = port->br;

    if (br->fdb_count >= br->fdb_max && !br_fdb_evict(br))
        return NULL;
    struct br_fdb *fdb = kzalloc(sizeof(*fdb));
    if (!fdb)
        return NULL;
    memcpy(fdb->addr, addr, ETH_ALEN);
    fdb->port = port;
    fdb->updated_ms = ktime_get_ms();
    hlist_add_head(&fdb->hash, br_fdb_bucket(br, addr));
    list_add_tail(&fdb->list, &port->fdb);
    port->fdb_count++;
    br->fdb_count++;
    return fdb;
}

static void br_fdb_move(struct br_fdb *fdb, struct br_port *port)
{
    fdb->port->fdb_count--;
    fdb->port = port;
    port->fdb_count++;
    list_move_tail(&fdb->list, &port->fdb);
}

bool br_fdb_learn(struct br_port *port, const uint8_t *addr)
{
    struct br_fdb *fdb = br_fdb_lookup(port->br, addr);

    if (unlikely(!fdb)) {
        br_fdb_create(port, addr); /* without room it stays unknown: its frames are flooded */
        return true;
    }
    if (unlikely(fdb->local))
        return false;
    if (unlikely(fdb->port != port)) {
        if (fdb->permanent)
            return true;
        NET_INC_STATS(port->br->dev->net, BridgeFdbMoved);
        br_fdb_move(fdb, port);
        fdb->updated_ms = ktime_get_ms();
    } else if (br_fdb_age_ms(fdb) >= FDB_TOUCH_MS) {
        fdb->updated_ms = ktime_get_ms();
        list_move_tail(&fdb->list, &port->fdb);
    }
    return true;
}

/* --- ours --- */

static int br_fdb_add_local(struct net_bridge *br, struct br_port *port, const uint8_t *addr)
{
    struct br_fdb *fdb = br_fdb_lookup(br, addr);

    if (fdb && fdb->local)
        return 0; /* several ports may have one address: VLANs of one card do */
    if (fdb)
        br_fdb_free(br, fdb);
    fdb = kzalloc(sizeof(*fdb));
    if (!fdb)
        return -ENOMEM;
    memcpy(fdb->addr, addr, ETH_ALEN);
    fdb->local = true;
    fdb->port = port;
    fdb->updated_ms = ktime_get_ms();
    hlist_add_head(&fdb->hash, br_fdb_bucket(br, addr));
    list_add_tail(&fdb->list, &br->local);
    return 0;
}

static void br_fdb_flush_local(struct net_bridge *br)
{
    while (!list_empty(&br->local))
        br_fdb_free(br, list_first_entry(&br->local, struct br_fdb, list));
}

int br_fdb_set_local(struct net_bridge *br)
{
    struct br_port *port;

    br_fdb_flush_local(br);
    int err = br_fdb_add_local(br, NULL, br->dev->dev_addr);
    list_for_each_entry (port, &br->ports, list)
        err = err ? err : br_fdb_add_local(br, port, port->dev->dev_addr);
    return err;
}

/* --- by hand --- */

int br_fdb_add_permanent(struct br_port *port, const uint8_t *addr)
{
    struct br_fdb *fdb = br_fdb_lookup(port->br, addr);

    if (fdb && fdb->local)
        return -EEXIST;
    if (fdb)
        br_fdb_move(fdb, port);
    else if (port->br->fdb_count >= port->br->fdb_max && !br_fdb_evict(port->br))
        return -ENOSPC;
    else
        fdb = br_fdb_create(port, addr);
    if (!fdb)
        return -ENOMEM;
    fdb->permanent = true;
    return 0;
}

int br_fdb_del(struct br_port *port, const uint8_t *addr)
{
    struct br_fdb *fdb = br_fdb_lookup(port->br, addr);

    if (!fdb || fdb->local || fdb->port != port)
        return -ENOENT;
    br_fdb_free(port->br, fdb);
    return 0;
}

void br_fdb_flush_port(struct br_port *port, bool all)
{
    struct br_fdb *fdb, *next;

    list_for_each_entry_safe (fdb, next, &port->fdb, list) {
        if (all || !fdb->permanent)
            br_fdb_free(port->br, fdb);
    }
}

void br_fdb_shrink(struct net_bridge *br)
{
    while (br->fdb_count > br->fdb_max && br_fdb_evict(br))
        ;
}

/* --- ageing --- */

static void br_fdb_sweep(struct timer *timer)
{
    struct net_bridge *br = container_of(timer, struct net_bridge, ageing_timer);
    struct br_port *port;
    struct br_fdb *fdb, *next;

    list_for_each_entry (port, &br->ports, list) {
        list_for_each_entry_safe (fdb, next, &port->fdb, list) {
            if (fdb->permanent)
                continue;
            if (!br_fdb_is_old(br, fdb))
                break; /* those behind were heard of later */
            br_fdb_free(br, fdb);
        }
    }
    mod_timer(timer, ktime_get_ms() + FDB_SWEEP_MS);
}

void br_fdb_init(struct net_bridge *br)
{
    br->fdb_max = BR_FDB_MAX;
    br->ageing_time_ms = BR_AGEING_TIME_S * 1000;
    INIT_LIST_HEAD(&br->local);
    timer_setup(&br->ageing_timer, br_fdb_sweep);
    mod_timer(&br->ageing_timer, ktime_get_ms() + FDB_SWEEP_MS);
}

void br_fdb_exit(struct net_bridge *br)
{
    del_timer(&br->ageing_timer);
    br_fdb_flush_local(br);
}
