/*
 * link.h - links, bridges and neighbours, for programs: what `ip link`, `bridge` and `ip neigh` show and
 * change.
 *
 * Implemented in net/socket/link.c for the stack of the running task. Calls that change something return 0,
 * or -1 with errno; where they take `why` (may be NULL) it becomes a sentence that says what was wrong and
 * what to write instead, or NULL. The lists are filled into the caller's array: `skip` leaves out the first
 * ones, so that a small array does for a long list; what changes between two calls may be missed or seen
 * twice.
 */
#ifndef SKIFF_LINK_H
#define SKIFF_LINK_H

#include <stddef.h>
#include <stdint.h>

#define SKIFF_LINK_NAME 16 /* bytes of a device's name, with the 0 at its end */

/* --- links --- */

enum skiff_link_kind {
    SKIFF_LINK_ETHER, /* a card */
    SKIFF_LINK_LOOPBACK,
    SKIFF_LINK_VLAN,
    SKIFF_LINK_BRIDGE,
    SKIFF_LINK_MACVLAN,
};

/* State of a bridge port (IEEE 802.1D 8.4); of a device that is none: SKIFF_PORT_DISABLED. */
enum skiff_port_state {
    SKIFF_PORT_DISABLED,
    SKIFF_PORT_LISTENING,
    SKIFF_PORT_LEARNING,
    SKIFF_PORT_FORWARDING,
    SKIFF_PORT_BLOCKING,
};

struct skiff_link {
    char name[SKIFF_LINK_NAME];
    char lower[SKIFF_LINK_NAME];  /* what a VLAN or macvlan sits on, else "" */
    char master[SKIFF_LINK_NAME]; /* the bridge it is a port of, else "" */
    char driver[16];              /* "e1000", "bridge"; "" if it has none */
    char bus_info[16];            /* where a card sits: "0000:00:03.0", else "" */
    int ifindex;
    enum skiff_link_kind kind;
    unsigned flags; /* IFF_* of <net/if.h>; IFF_RUNNING: up and with a link */
    int carrier;
    unsigned mtu, tx_queue_len;
    uint8_t addr[6], broadcast[6];
    unsigned vlan_id; /* of a VLAN */
    enum skiff_port_state port_state;
    unsigned port_cost, port_priority, port_number;
    uint64_t rx_packets, rx_bytes, rx_errors, rx_dropped, rx_missed, rx_multicast;
    uint64_t tx_packets, tx_bytes, tx_errors, tx_dropped;
};

/* Return: how many were written, in the order of ifindex. */
size_t skiff_link_list(struct skiff_link *links, size_t max, size_t skip);
/* One, by name: 0, or -1 with errno ENODEV. */
int skiff_link_get(const char *name, struct skiff_link *link);

const char *skiff_link_kind_name(enum skiff_link_kind kind);    /* "vlan" */
const char *skiff_port_state_name(enum skiff_port_state state); /* "forwarding" */

/**
 * skiff_link_add_vlan - a device for one VLAN of another (IEEE 802.1Q)
 * @name: NULL: "<lower>.<vlan_id>"
 * It is made down; errno EEXIST, ENODEV, EINVAL, ENOMEM.
 */
int skiff_link_add_vlan(const char *name, const char *lower, unsigned vlan_id, const char **why);
/* A bridge without ports. errno EEXIST, EINVAL, ENOMEM. */
int skiff_link_add_bridge(const char *name, const char **why);
/* One more address on a card. addr NULL: one is made up. errno EEXIST, ENODEV, EINVAL, EBUSY, ENOMEM. */
int skiff_link_add_macvlan(const char *name, const char *lower, const uint8_t *addr, const char **why);
/* A VLAN, bridge or macvlan goes, with all that sits on it. errno ENODEV, EOPNOTSUPP (a card). */
int skiff_link_del(const char *name, const char **why);

int skiff_link_set_up(const char *name, int up, const char **why);
int skiff_link_set_mtu(const char *name, unsigned mtu, const char **why);
int skiff_link_set_addr(const char *name, const uint8_t *addr, const char **why);
int skiff_link_set_promisc(const char *name, int on, const char **why);
/* Makes it a port of a bridge; master NULL: of none any more. errno ENODEV, EBUSY, EINVAL, ELOOP, ENOMEM. */
int skiff_link_set_master(const char *name, const char *master, const char **why);

/* --- bridges --- */

struct skiff_bridge {
    int stp; /* the spanning tree protocol is on */
    uint16_t priority;
    uint8_t bridge_id[8], root_id[8];   /* priority and address, as BPDUs carry them */
    unsigned root_path_cost, root_port; /* port number; 0: it is the root itself */
    unsigned ageing_time_s, hello_time_s, max_age_s, forward_delay_s;
    int topology_change;
    size_t fdb_entries, fdb_max;
};

enum skiff_bridge_setting {
    SKIFF_BRIDGE_STP, /* 0, 1 */
    SKIFF_BRIDGE_PRIORITY,
    SKIFF_BRIDGE_AGEING_TIME,   /* seconds, as the others */
    SKIFF_BRIDGE_HELLO_TIME,    /* 1 to 10 */
    SKIFF_BRIDGE_MAX_AGE,       /* 6 to 40 */
    SKIFF_BRIDGE_FORWARD_DELAY, /* 4 to 30 */
    SKIFF_BRIDGE_FDB_MAX,       /* entries */
    SKIFF_PORT_COST,            /* of the port named: 1 to 65535 */
    SKIFF_PORT_PRIORITY,        /* 0 to 255 */
};

int skiff_bridge_get(const char *name, struct skiff_bridge *bridge);
/* name: the bridge, or the port for SKIFF_PORT_*. errno ENODEV, EINVAL, ERANGE. */
int skiff_bridge_set(const char *name, enum skiff_bridge_setting setting, unsigned value, const char **why);

/* One line of the forwarding table (`bridge fdb`). */
struct skiff_fdb {
    uint8_t addr[6];
    char port[SKIFF_LINK_NAME];
    int local;     /* an address of this machine */
    int permanent; /* set by hand */
    unsigned age_ms;
};

size_t skiff_fdb_list(const char *bridge, struct skiff_fdb *entries, size_t max, size_t skip);
int skiff_fdb_add(const char *port, const uint8_t *addr, const char **why);
int skiff_fdb_del(const char *port, const uint8_t *addr, const char **why);

/* --- neighbours --- */

struct skiff_neigh {
    uint32_t addr; /* network byte order */
    char device[SKIFF_LINK_NAME];
    const char *state; /* "REACHABLE", as `ip neigh` prints it */
    int has_lladdr;
    uint8_t lladdr[6];
    int proxy; /* an address this machine answers for; has no state of its own */
    unsigned confirmed_ms_ago, used_ms_ago, probes;
};

size_t skiff_neigh_list(struct skiff_neigh *entries, size_t max, size_t skip);
/* Permanent, in place of what was known. errno ENODEV, EINVAL, ENOMEM. */
int skiff_neigh_add(const char *device, uint32_t addr, const uint8_t *lladdr, const char **why);
int skiff_neigh_del(const char *device, uint32_t addr, const char **why);
/* Forgets all but the permanent ones; device NULL: of all devices. Return: how many. */
size_t skiff_neigh_flush(const char *device);
/* Answers ARP on `device` for one address of somebody else's (`ip neigh add proxy`). */
int skiff_neigh_proxy_add(const char *device, uint32_t addr, const char **why);
int skiff_neigh_proxy_del(const char *device, uint32_t addr, const char **why);

#endif
