/*
 * bridge.h - a bridge (IEEE 802.1D): what its files share, and what programs may set.
 *
 * bridge.c       device and ports; the way of a frame
 * bridge_fdb.c   which address lives behind which port
 * bridge_stp.c   the spanning tree: which ports forward
 * bridge_bpdu.c  its messages on the wire
 *
 *     port's driver -> netif_receive_skb() -> rx_handler: br_handle_frame()
 *         -> learn source -> destination is ours, or a group: br_pass_up() -> netif_receive_skb() of the
 * bridge
 *                         -> known: br_forward() to its port   -> unknown, or a group: br_flood()
 *     host -> dev_queue_xmit() of the bridge -> br_dev_xmit() -> br_forward() or br_flood()
 *
 * Below IP: netfilter sees what is routed, not what is bridged.
 */
#ifndef NET_ETHERNET_BRIDGE_H
#define NET_ETHERNET_BRIDGE_H

#include "kernel/byteorder.h"
#include "net/ethernet/ethernet.h"
#include "net/ethernet/link.h"

#define BR_PORTS_MAX    64
#define BR_FDB_MAX      1024 /* entries by default; br_set() */
#define BR_FDB_MAX_MIN  16
#define BR_FDB_MAX_MOST 16384
#define BR_FDB_BUCKETS  1024

/* IEEE 802.1D table 8-3, and the bounds of it. */
#define BR_AGEING_TIME_S   300
#define BR_HELLO_TIME_S    2
#define BR_MAX_AGE_S       20
#define BR_FORWARD_DELAY_S 15
#define BR_PRIORITY        0x8000
#define BR_PORT_PRIORITY   0x80
#define BR_PORT_COST       4 /* of a gigabit link (IEEE 802.1D-1998 table 8-5) */

enum br_state {
    BR_STATE_DISABLED,
    BR_STATE_LISTENING,
    BR_STATE_LEARNING,
    BR_STATE_FORWARDING,
    BR_STATE_BLOCKING,
};

/* Compared as it lies on the wire: the smaller is the better. */
struct bridge_id {
    uint8_t prio[2], addr[ETH_ALEN];
} __packed;

/* A configuration message, host order, times in ms (8.5.1). */
struct br_config_bpdu {
    struct bridge_id root, bridge;
    uint32_t root_path_cost;
    uint16_t port_id;
    unsigned message_age_ms, max_age_ms, hello_time_ms, forward_delay_ms;
    bool topology_change, topology_change_ack;
};

struct net_bridge;

struct br_port {
    struct list_head list; /* net_bridge.ports */
    struct net_bridge *br;
    struct net_device *dev;
    uint8_t port_no, priority;
    enum br_state state;
    uint32_t path_cost;

    struct list_head fdb; /* br_fdb.list: what lives behind it, longest unheard of first */
    unsigned fdb_count;

    /* What is known of the segment behind the port: the best message heard or sent there (8.5.5). */
    struct bridge_id designated_root, designated_bridge;
    uint32_t designated_cost;
    uint16_t designated_port;
    bool topology_change_ack, config_pending;
    struct timer message_age_timer, forward_delay_timer, hold_timer;
};

struct br_fdb {
    struct hlist_node hash;
    struct list_head list; /* br_port.fdb or net_bridge.local */
    uint8_t addr[ETH_ALEN];
    bool local;           /* an address of ours: of the bridge, or of the port */
    bool permanent;       /* set by hand */
    struct br_port *port; /* NULL: the bridge's own address */
    uint64_t updated_ms;
};

struct net_bridge {
    struct net_device *dev;
    struct list_head ports; /* br_port.list */
    unsigned port_count;
    bool own_addr; /* set by hand: does not follow the ports */
    bool own_mtu;

    struct hlist_head hash[BR_FDB_BUCKETS];
    struct list_head local;
    size_t fdb_count, fdb_max; /* learned and permanent ones */
    struct timer ageing_timer;
    uint64_t loop_warned_ms;

    bool stp;
    struct bridge_id bridge_id, designated_root;
    uint32_t root_path_cost;
    struct br_port *root_port; /* NULL: this is the root */
    bool topology_change, topology_change_detected;
    unsigned ageing_time_ms;
    unsigned max_age_ms, hello_time_ms, forward_delay_ms; /* the root's */
    unsigned bridge_max_age_ms, bridge_hello_time_ms, bridge_forward_delay_ms;
    struct timer hello_timer, tcn_timer, topology_change_timer;
};

/* --- bridge.c: for programs --- */

enum br_setting {
    BR_SET_STP,
    BR_SET_PRIORITY,
    BR_SET_AGEING_TIME, /* seconds */
    BR_SET_HELLO_TIME,
    BR_SET_MAX_AGE,
    BR_SET_FORWARD_DELAY,
    BR_SET_FDB_MAX,
    BR_SET_PORT_COST, /* dev: the port */
    BR_SET_PORT_PRIORITY,
};

/* The bridge a device is, or NULL; the port it is, or NULL. */
struct net_bridge *br_of_device(const struct net_device *dev);
struct br_port *br_port_of(const struct net_device *dev);
/* 0, -ENODEV (neither bridge nor port, as the setting wants it), -ERANGE. */
int br_set(struct net_device *dev, enum br_setting setting, unsigned value, const char **why);
const char *br_state_name(enum br_state state);

/* Brings a port's state in line with its device: up with a link, or disabled. */
void br_port_check_link(struct br_port *port);
/* The bridge has a link while one of its ports forwards. */
void br_update_carrier(struct net_bridge *br);

/* --- bridge_fdb.c --- */

void br_fdb_init(struct net_bridge *br);
void br_fdb_exit(struct net_bridge *br);

/* The entry of this address, if it is still to be believed. */
struct br_fdb *br_fdb_find(struct net_bridge *br, const uint8_t *addr);
/* The sender of a frame from `port`. false: it is an address of ours. */
bool br_fdb_learn(struct br_port *port, const uint8_t *addr);
/* Our own addresses anew, after one has changed: 0 or -ENOMEM (then some are missing). */
int br_fdb_set_local(struct net_bridge *br);
/* By hand: 0, -EEXIST (ours), -ENOSPC, -ENOMEM; -ENOENT. */
int br_fdb_add_permanent(struct br_port *port, const uint8_t *addr);
int br_fdb_del(struct br_port *port, const uint8_t *addr);
/* Forgets what was learned behind a port; all: what was set by hand, too. */
void br_fdb_flush_port(struct br_port *port, bool all);
/* Makes the table as small as fdb_max says. */
void br_fdb_shrink(struct net_bridge *br);
unsigned br_fdb_age_ms(const struct br_fdb *fdb);

/* --- bridge_stp.c --- */

void br_stp_init(struct net_bridge *br);
void br_stp_port_init(struct br_port *port);
void br_stp_start(struct net_bridge *br);
void br_stp_exit(struct net_bridge *br);
void br_stp_set(struct net_bridge *br, bool on);
void br_stp_enable_port(struct br_port *port);
void br_stp_disable_port(struct br_port *port);
void br_stp_set_bridge_id(struct net_bridge *br, uint16_t priority, const uint8_t *addr);
void br_stp_set_port(struct br_port *port, uint32_t path_cost, uint8_t priority);
void br_received_config(struct br_port *port, const struct br_config_bpdu *bpdu);
void br_received_tcn(struct br_port *port);
bool br_is_root(const struct net_bridge *br);

static inline uint16_t br_port_id(const struct br_port *port)
{
    return (uint16_t)(port->priority << 8 | port->port_no);
}

/* --- bridge_bpdu.c --- */

/* A frame to 01:80:c2:00:00:00 (taken), data behind the Ethernet header. */
void br_bpdu_rcv(struct br_port *port, struct sk_buff *skb);
void br_send_config_bpdu(struct br_port *port, const struct br_config_bpdu *bpdu);
void br_send_tcn_bpdu(struct br_port *port);

extern const uint8_t br_group_address[ETH_ALEN];

#endif
