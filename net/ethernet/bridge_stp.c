/*
 * bridge_stp.c - the spanning tree protocol (IEEE 802.1D-1998 clause 8): of a network with loops, which ports
 * forward.
 *
 * Off the packet's way, but for port->state, which br_handle_frame() obeys. Bridges tell each other who they
 * believe to be the root and how far it is. Each keeps the best message of every segment: the port it comes
 * from with the shortest way is the root port, a port whose own message is the best of its segment is
 * designated, and all others block. A port that may forward waits twice (listening, learning), so that no
 * loop exists while the news spreads. Without the protocol every port with a link forwards.
 *
 * Procedures have the standard's names; its sections stand in brackets.
 */
#include "net/ethernet/bridge.h"

#include <string.h>

#include "kernel/log.h"

#define HOLD_TIME_MS             1000 /* between two messages of a port (table 8-3) */
#define MESSAGE_AGE_INCREMENT_MS 1000 /* what a message ages by in each bridge (8.10.1) */

static const char *const br_state_names[] = {
    [BR_STATE_DISABLED] = "disabled", [BR_STATE_LISTENING] = "listening",
    [BR_STATE_LEARNING] = "learning", [BR_STATE_FORWARDING] = "forwarding",
    [BR_STATE_BLOCKING] = "blocking",
};

const char *br_state_name(enum br_state state)
{
    return (size_t)state < ARRAY_SIZE(br_state_names) ? br_state_names[state] : "?";
}

/* --- comparing --- */

static int br_id_compare(const struct bridge_id *a, const struct bridge_id *b)
{
    return memcmp(a, b, sizeof(*a));
}

bool br_is_root(const struct net_bridge *br)
{
    return br_id_compare(&br->bridge_id, &br->designated_root) == 0;
}

/* The best message of its segment is its own. */
static bool br_is_designated_port(const struct br_port *port)
{
    return br_id_compare(&port->designated_bridge, &port->br->bridge_id) == 0 &&
           port->designated_port == br_port_id(port);
}

static bool br_is_designated_for_some_port(const struct net_bridge *br)
{
    const struct br_port *port;

    list_for_each_entry (port, &br->ports, list) {
        if (port->state != BR_STATE_DISABLED && br_id_compare(&port->designated_bridge, &br->bridge_id) == 0)
            return true;
    }
    return false;
}

/* --- states --- */

static void br_set_state(struct br_port *port, enum br_state state)
{
    if (port->state == state)
        return;
    port->state = state;
    if (port->br->stp || state == BR_STATE_DISABLED)
        pr_info("%s: port %s is %s", port->br->dev->name, port->dev->name, br_state_name(state));
}

static void br_arm(struct timer *timer, unsigned ms)
{
    mod_timer(timer, ktime_get_ms() + ms);
}

/* --- sending [8.6.1, 8.6.6] --- */

/* How old the root's message is that reached us; a root's own is new. */
static unsigned br_message_age_ms(const struct net_bridge *br)
{
    if (!br->root_port)
        return 0;
    uint64_t now = ktime_get_ms(), expires = br->root_port->message_age_timer.expires_ms;
    unsigned left = expires > now ? (unsigned)(expires - now) : 0;

    return br->max_age_ms - min(left, br->max_age_ms) + MESSAGE_AGE_INCREMENT_MS;
}

static void br_transmit_config(struct br_port *port)
{
    const struct net_bridge *br = port->br;

    if (timer_pending(&port->hold_timer)) {
        port->config_pending = true;
        return;
    }
    struct br_config_bpdu bpdu = {
        .root = br->designated_root,
        .bridge = br->bridge_id,
        .root_path_cost = br->root_path_cost,
        .port_id = br_port_id(port),
        .message_age_ms = br_message_age_ms(br),
        .max_age_ms = br->max_age_ms,
        .hello_time_ms = br->hello_time_ms,
        .forward_delay_ms = br->forward_delay_ms,
        .topology_change = br->topology_change,
        .topology_change_ack = port->topology_change_ack,
    };
    if (bpdu.message_age_ms >= bpdu.max_age_ms)
        return; /* nobody would believe it */
    port->topology_change_ack = port->config_pending = false;
    br_arm(&port->hold_timer, HOLD_TIME_MS);
    br_send_config_bpdu(port, &bpdu);
}

static void br_config_bpdu_generation(struct net_bridge *br)
{
    struct br_port *port;

    list_for_each_entry (port, &br->ports, list) {
        if (port->state != BR_STATE_DISABLED && br_is_designated_port(port))
            br_transmit_config(port);
    }
}

static void br_transmit_tcn(struct net_bridge *br)
{
    if (br->root_port)
        br_send_tcn_bpdu(br->root_port);
}

/* --- a change of the tree [8.6.14] --- */

static void br_topology_change_detection(struct net_bridge *br)
{
    if (!br->stp)
        return;
    NET_INC_STATS(br->dev->net, BridgeTopologyChanges);
    if (br_is_root(br)) {
        br->topology_change = true;
        br_arm(&br->topology_change_timer, br->bridge_max_age_ms + br->bridge_forward_delay_ms);
    } else if (!br->topology_change_detected) {
        br_transmit_tcn(br);
        br_arm(&br->tcn_timer, br->bridge_hello_time_ms);
    }
    br->topology_change_detected = true;
}

/* --- roles [8.6.7 - 8.6.10] --- */

static void br_become_designated_port(struct br_port *port)
{
    const struct net_bridge *br = port->br;

    port->designated_root = br->designated_root;
    port->designated_cost = br->root_path_cost;
    port->designated_bridge = br->bridge_id;
    port->designated_port = br_port_id(port);
}

/* Whether the way to the root by `port` is better than by `best`. */
static bool br_root_port_better(const struct br_port *port, const struct br_port *best)
{
    int order = br_id_compare(&port->designated_root, &best->designated_root);
    if (order)
        return order < 0;
    uint64_t cost = (uint64_t)port->designated_cost + port->path_cost;
    uint64_t best_cost = (uint64_t)best->designated_cost + best->path_cost;
    if (cost != best_cost)
        return cost < best_cost;
    order = br_id_compare(&port->designated_bridge, &best->designated_bridge);
    if (order)
        return order < 0;
    if (port->designated_port != best->designated_port)
        return port->designated_port < best->designated_port;
    return br_port_id(port) < br_port_id(best);
}

static void br_root_selection(struct net_bridge *br)
{
    struct br_port *port, *best = NULL;

    list_for_each_entry (port, &br->ports, list) {
        if (port->state == BR_STATE_DISABLED || br_is_designated_port(port) ||
            br_id_compare(&port->designated_root, &br->bridge_id) >= 0)
            continue;
        if (!best || br_root_port_better(port, best))
            best = port;
    }
    br->root_port = best;
    br->designated_root = best ? best->designated_root : br->bridge_id;
    br->root_path_cost = best ? best->designated_cost + best->path_cost : 0;
}

/* Whether our own message would be the best of the segment behind the port. */
static bool br_should_be_designated(const struct br_port *port)
{
    const struct net_bridge *br = port->br;

    if (br_is_designated_port(port) || br_id_compare(&port->designated_root, &br->designated_root) != 0)
        return true;
    if (br->root_path_cost != port->designated_cost)
        return br->root_path_cost < port->designated_cost;
    int order = br_id_compare(&br->bridge_id, &port->designated_bridge);
    return order < 0 || (order == 0 && br_port_id(port) <= port->designated_port);
}

static void br_configuration_update(struct net_bridge *br)
{
    struct br_port *port;

    br_root_selection(br);
    list_for_each_entry (port, &br->ports, list) {
        if (port->state != BR_STATE_DISABLED && port != br->root_port && br_should_be_designated(port))
            br_become_designated_port(port);
    }
}

/* --- what roles mean for the state [8.6.11 - 8.6.13] --- */

static void br_make_forwarding(struct br_port *port)
{
    if (port->state != BR_STATE_BLOCKING)
        return;
    if (!port->br->stp) {
        br_set_state(port, BR_STATE_FORWARDING);
        return;
    }
    br_set_state(port, BR_STATE_LISTENING);
    br_arm(&port->forward_delay_timer, port->br->forward_delay_ms);
}

static void br_make_blocking(struct br_port *port)
{
    if (port->state == BR_STATE_DISABLED || port->state == BR_STATE_BLOCKING)
        return;
    if (port->state == BR_STATE_FORWARDING || port->state == BR_STATE_LEARNING)
        br_topology_change_detection(port->br);
    br_set_state(port, BR_STATE_BLOCKING);
    br_fdb_flush_port(port, false); /* nothing is reached by it now */
    del_timer(&port->forward_delay_timer);
}

static void br_port_state_selection(struct net_bridge *br)
{
    struct br_port *port;

    list_for_each_entry (port, &br->ports, list) {
        if (port->state == BR_STATE_DISABLED)
            continue;
        if (port == br->root_port) {
            port->config_pending = port->topology_change_ack = false;
            br_make_forwarding(port);
        } else if (br_is_designated_port(port)) {
            del_timer(&port->message_age_timer);
            br_make_forwarding(port);
        } else {
            port->config_pending = port->topology_change_ack = false;
            br_make_blocking(port);
        }
    }
    br_update_carrier(br);
}

/* This bridge is the root now and was not before. */
static void br_become_root(struct net_bridge *br)
{
    br->max_age_ms = br->bridge_max_age_ms;
    br->hello_time_ms = br->bridge_hello_time_ms;
    br->forward_delay_ms = br->bridge_forward_delay_ms;
    br_topology_change_detection(br);
    del_timer(&br->tcn_timer);
    if (br->stp && netif_running(br->dev)) {
        br_config_bpdu_generation(br);
        br_arm(&br->hello_timer, br->hello_time_ms);
    }
}

/* Roles and states anew after something has changed here. */
static void br_reconfigure(struct net_bridge *br)
{
    bool was_root = br_is_root(br);

    br_configuration_update(br);
    br_port_state_selection(br);
    if (br_is_root(br) && !was_root)
        br_become_root(br);
}

/* --- messages [8.7.1, 8.7.2] --- */

/* Whether a message is better than, or news of, what is known of the segment [8.6.2]. */
static bool br_supersedes_port_info(const struct br_port *port, const struct br_config_bpdu *bpdu)
{
    int order = br_id_compare(&bpdu->root, &port->designated_root);

    if (order)
        return order < 0;
    if (bpdu->root_path_cost != port->designated_cost)
        return bpdu->root_path_cost < port->designated_cost;
    order = br_id_compare(&bpdu->bridge, &port->designated_bridge);
    if (order)
        return order < 0;
    return br_id_compare(&bpdu->bridge, &port->br->bridge_id) != 0 || bpdu->port_id <= port->designated_port;
}

static void br_record_config_information(struct br_port *port, const struct br_config_bpdu *bpdu)
{
    port->designated_root = bpdu->root;
    port->designated_cost = bpdu->root_path_cost;
    port->designated_bridge = bpdu->bridge;
    port->designated_port = bpdu->port_id;
    br_arm(&port->message_age_timer, bpdu->max_age_ms - bpdu->message_age_ms);
}

static void br_record_config_timeout_values(struct net_bridge *br, const struct br_config_bpdu *bpdu)
{
    br->max_age_ms = bpdu->max_age_ms;
    br->hello_time_ms = bpdu->hello_time_ms;
    br->forward_delay_ms = bpdu->forward_delay_ms;
    br->topology_change = bpdu->topology_change;
}

static void br_lose_root(struct net_bridge *br)
{
    del_timer(&br->hello_timer);
    if (!br->topology_change_detected)
        return;
    del_timer(&br->topology_change_timer);
    br_transmit_tcn(br);
    br_arm(&br->tcn_timer, br->bridge_hello_time_ms);
}

static void br_better_config(struct br_port *port, const struct br_config_bpdu *bpdu)
{
    struct net_bridge *br = port->br;
    bool was_root = br_is_root(br);

    br_record_config_information(port, bpdu);
    br_configuration_update(br);
    br_port_state_selection(br);
    if (was_root && !br_is_root(br))
        br_lose_root(br);
    if (port != br->root_port)
        return;
    br_record_config_timeout_values(br, bpdu);
    br_config_bpdu_generation(br);
    if (bpdu->topology_change_ack) {
        br->topology_change_detected = false;
        del_timer(&br->tcn_timer);
    }
}

void br_received_config(struct br_port *port, const struct br_config_bpdu *bpdu)
{
    bool own = br_id_compare(&bpdu->bridge, &port->br->bridge_id) == 0 && bpdu->port_id == br_port_id(port);

    if (!port->br->stp || port->state == BR_STATE_DISABLED || own)
        return; /* own: the wire behind the port sends back what we say */
    if (br_supersedes_port_info(port, bpdu))
        br_better_config(port, bpdu);
    else if (br_is_designated_port(port))
        br_transmit_config(port);
}

void br_received_tcn(struct br_port *port)
{
    if (!port->br->stp || port->state == BR_STATE_DISABLED || !br_is_designated_port(port))
        return;
    br_topology_change_detection(port->br);
    port->topology_change_ack = true;
    br_transmit_config(port);
}

/* --- timers [8.7.3 - 8.7.8] --- */

static void br_hello_expired(struct timer *timer)
{
    struct net_bridge *br = container_of(timer, struct net_bridge, hello_timer);

    if (!br_is_root(br))
        return;
    br_config_bpdu_generation(br);
    br_arm(timer, br->hello_time_ms);
}

/* The designated bridge of the segment is not heard any more. */
static void br_message_age_expired(struct timer *timer)
{
    struct br_port *port = container_of(timer, struct br_port, message_age_timer);

    br_become_designated_port(port);
    br_reconfigure(port->br);
}

static void br_forward_delay_expired(struct timer *timer)
{
    struct br_port *port = container_of(timer, struct br_port, forward_delay_timer);

    if (port->state == BR_STATE_LISTENING) {
        br_set_state(port, BR_STATE_LEARNING);
        br_arm(timer, port->br->forward_delay_ms);
    } else if (port->state == BR_STATE_LEARNING) {
        br_set_state(port, BR_STATE_FORWARDING);
        if (br_is_designated_for_some_port(port->br))
            br_topology_change_detection(port->br);
        br_update_carrier(port->br);
    }
}

static void br_hold_expired(struct timer *timer)
{
    struct br_port *port = container_of(timer, struct br_port, hold_timer);

    if (port->config_pending)
        br_transmit_config(port);
}

static void br_tcn_expired(struct timer *timer)
{
    struct net_bridge *br = container_of(timer, struct net_bridge, tcn_timer);

    br_transmit_tcn(br);
    br_arm(timer, br->bridge_hello_time_ms);
}

static void br_topology_change_expired(struct timer *timer)
{
    struct net_bridge *br = container_of(timer, struct net_bridge, topology_change_timer);

    br->topology_change_detected = br->topology_change = false;
}

/* --- management [8.8] --- */

void br_stp_init(struct net_bridge *br)
{
    br->bridge_max_age_ms = br->max_age_ms = BR_MAX_AGE_S * 1000;
    br->bridge_hello_time_ms = br->hello_time_ms = BR_HELLO_TIME_S * 1000;
    br->bridge_forward_delay_ms = br->forward_delay_ms = BR_FORWARD_DELAY_S * 1000;
    timer_setup(&br->hello_timer, br_hello_expired);
    timer_setup(&br->tcn_timer, br_tcn_expired);
    timer_setup(&br->topology_change_timer, br_topology_change_expired);
}

void br_stp_port_init(struct br_port *port)
{
    timer_setup(&port->message_age_timer, br_message_age_expired);
    timer_setup(&port->forward_delay_timer, br_forward_delay_expired);
    timer_setup(&port->hold_timer, br_hold_expired);
}

void br_stp_exit(struct net_bridge *br)
{
    del_timer(&br->hello_timer);
    del_timer(&br->tcn_timer);
    del_timer(&br->topology_change_timer);
}

static void br_port_timers_off(struct br_port *port)
{
    port->topology_change_ack = port->config_pending = false;
    del_timer(&port->message_age_timer);
    del_timer(&port->forward_delay_timer);
    del_timer(&port->hold_timer);
}

void br_stp_enable_port(struct br_port *port)
{
    if (port->state != BR_STATE_DISABLED)
        return;
    br_become_designated_port(port);
    br_set_state(port, BR_STATE_BLOCKING);
    br_port_timers_off(port);
    br_port_state_selection(port->br);
    if (port->br->stp && br_is_root(port->br))
        br_transmit_config(port); /* a loop is found out sooner */
}

void br_stp_disable_port(struct br_port *port)
{
    struct net_bridge *br = port->br;

    if (port->state == BR_STATE_DISABLED)
        return;
    if (port->state == BR_STATE_FORWARDING || port->state == BR_STATE_LEARNING)
        br_topology_change_detection(br);
    br_become_designated_port(port);
    br_set_state(port, BR_STATE_DISABLED);
    br_port_timers_off(port);
    br_fdb_flush_port(port, false);
    br_reconfigure(br);
}

/* The bridge is up: the root speaks. */
void br_stp_start(struct net_bridge *br)
{
    if (br->stp && br_is_root(br))
        br_become_root(br);
}

/* From nothing: each port that has a link starts over. */
void br_stp_set(struct net_bridge *br, bool on)
{
    struct br_port *port;

    br->stp = on;
    br->topology_change = br->topology_change_detected = false;
    br_stp_exit(br);
    br->root_port = NULL;
    br->designated_root = br->bridge_id;
    br->root_path_cost = 0;
    list_for_each_entry (port, &br->ports, list) {
        br_port_timers_off(port);
        br_become_designated_port(port);
        if (port->state != BR_STATE_DISABLED)
            br_set_state(port, BR_STATE_BLOCKING);
    }
    br_port_state_selection(br);
    if (on)
        br_become_root(br);
}

/* Priority or address: where it was designated it stays so, under the new name [8.8.4]. */
void br_stp_set_bridge_id(struct net_bridge *br, uint16_t priority, const uint8_t *addr)
{
    struct bridge_id id = {.prio = {(uint8_t)(priority >> 8), (uint8_t)priority}};
    struct br_port *port;
    bool was_root = br_is_root(br);

    memcpy(id.addr, addr, ETH_ALEN);
    list_for_each_entry (port, &br->ports, list) {
        if (br_is_designated_port(port))
            port->designated_bridge = id;
    }
    if (was_root)
        br->designated_root = id; /* until the ports are looked at below */
    br->bridge_id = id;
    br_configuration_update(br);
    br_port_state_selection(br);
    if (br_is_root(br) && !was_root)
        br_become_root(br);
}

/* [8.8.5, 8.8.6] */
void br_stp_set_port(struct br_port *port, uint32_t path_cost, uint8_t priority)
{
    bool designated = br_is_designated_port(port);

    port->path_cost = path_cost;
    port->priority = priority;
    if (designated)
        port->designated_port = br_port_id(port);
    br_reconfigure(port->br);
}
