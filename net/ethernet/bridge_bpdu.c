/*
 * bridge_bpdu.c - the messages of the spanning tree on the wire (IEEE 802.1D clause 9): read, checked,
 * written.
 *
 *     | 01:80:c2:00:00:00 | port | length | LLC 42 42 03 | protocol 0 | version 0 | type | ...
 *
 * Called by br_handle_frame() for frames to the bridges' group address, and by bridge_stp.c to send. What a
 * message says of times is brought within the bounds of the standard rather than dropped: dropping it would
 * make us believe the port has no other bridge, and close a loop.
 */
#include "net/ethernet/bridge.h"

#include <string.h>

#define BPDU_PROTOCOL    0
#define BPDU_TYPE_CONFIG 0x00
#define BPDU_TYPE_TCN    0x80
#define BPDU_FLAG_TC     0x01
#define BPDU_FLAG_TCA    0x80
#define BPDU_PRIORITY    7 /* network control */

const uint8_t br_group_address[ETH_ALEN] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00};

struct bpdu_header {
    uint8_t llc[3]; /* DSAP, SSAP, UI */
    be16 protocol;
    uint8_t version, type;
} __packed;
_Static_assert(sizeof(struct bpdu_header) == 7, "IEEE 802.1D 9.3: LLC and four bytes");

/* Times in 1/256 s. */
struct bpdu_config {
    uint8_t flags;
    struct bridge_id root;
    be32 root_path_cost;
    struct bridge_id bridge;
    be16 port_id, message_age, max_age, hello_time, forward_delay;
} __packed;
_Static_assert(sizeof(struct bpdu_config) == 31, "IEEE 802.1D 9.3.1: 35 bytes with the header's four");

static const uint8_t bpdu_llc[3] = {0x42, 0x42, 0x03};

/* --- receiving --- */

static unsigned bpdu_ms(be16 ticks)
{
    return be16_to_cpu(ticks) * 1000u / 256;
}

static struct br_config_bpdu bpdu_parse(const struct bpdu_config *wire)
{
    return (struct br_config_bpdu){
        .root = wire->root,
        .bridge = wire->bridge,
        .root_path_cost = be32_to_cpu(wire->root_path_cost),
        .port_id = be16_to_cpu(wire->port_id),
        .message_age_ms = bpdu_ms(wire->message_age),
        .max_age_ms = clamp(bpdu_ms(wire->max_age), 6000u, 40000u),
        .hello_time_ms = clamp(bpdu_ms(wire->hello_time), 1000u, 10000u),
        .forward_delay_ms = clamp(bpdu_ms(wire->forward_delay), 2000u, 30000u), /* Linux goes below 4 */
        .topology_change = wire->flags & BPDU_FLAG_TC,
        .topology_change_ack = wire->flags & BPDU_FLAG_TCA,
    };
}

/* What stands between the Ethernet header and the type; NULL: not one of ours. Takes nothing. */
static const struct bpdu_header *bpdu_header(struct sk_buff *skb)
{
    const struct ethhdr *eth = skb_mac_header(skb);
    unsigned length = be16_to_cpu(eth->h_proto);

    if (skb->protocol != cpu_to_be16(ETH_P_802_2) || length > skb->len ||
        length < sizeof(struct bpdu_header) || !pskb_may_pull(skb, sizeof(struct bpdu_header)) ||
        skb_trim(skb, length))
        return NULL;
    const struct bpdu_header *header = (const void *)skb->data;
    if (memcmp(header->llc, bpdu_llc, sizeof(bpdu_llc)) != 0 ||
        be16_to_cpu(header->protocol) != BPDU_PROTOCOL)
        return NULL;
    return header;
}

/* Return: whether it was a message worth anything. */
static bool bpdu_act(struct br_port *port, struct sk_buff *skb)
{
    const struct bpdu_header *header = bpdu_header(skb);

    if (!header)
        return false;
    uint8_t type = header->type;
    if (type == BPDU_TYPE_TCN) {
        br_received_tcn(port);
        return true;
    }
    /* Rapid spanning tree's are of another type; its bridges fall back to this one when they hear us. */
    if (type != BPDU_TYPE_CONFIG || !pskb_may_pull(skb, sizeof(*header) + sizeof(struct bpdu_config)))
        return false;
    struct br_config_bpdu bpdu = bpdu_parse((const void *)(skb->data + sizeof(*header)));
    if (bpdu.message_age_ms >= bpdu.max_age_ms) /* 9.3.4 */
        return false;
    br_received_config(port, &bpdu);
    return true;
}

void br_bpdu_rcv(struct br_port *port, struct sk_buff *skb)
{
    NET_INC_STATS(skb->net, BridgeBpdusReceived);
    if (bpdu_act(port, skb))
        consume_skb(skb);
    else
        kfree_skb_reason(skb, SKB_DROP_REASON_BPDU_INVALID);
}

/* --- sending --- */

static be16 bpdu_ticks(unsigned ms)
{
    return cpu_to_be16((ms * 256 + 999) / 1000);
}

/* Without memory this one is missed; the next follows within seconds, and the tree allows for loss. */
static void bpdu_send(struct br_port *port, uint8_t type, const struct bpdu_config *config)
{
    unsigned len = sizeof(struct bpdu_header) + (config ? sizeof(*config) : 0);
    struct sk_buff *skb = alloc_skb(port->dev->net, MAX_HEADER + ETH_ZLEN);

    if (!skb)
        return;
    skb_reserve(skb, MAX_HEADER);
    struct bpdu_header *header = skb_put(skb, ETH_ZLEN - ETH_HLEN);
    memset(header, 0, ETH_ZLEN - ETH_HLEN);
    memcpy(header->llc, bpdu_llc, sizeof(bpdu_llc));
    header->type = type;
    if (config)
        memcpy(header + 1, config, sizeof(*config));
    skb->dev = port->dev;
    skb->protocol = cpu_to_be16(ETH_P_802_2);
    skb->priority = BPDU_PRIORITY;
    skb_reset_network_header(skb);
    if (dev_hard_header(skb, port->dev, (uint16_t)len, br_group_address, NULL)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return;
    }
    NET_INC_STATS(skb->net, BridgeBpdusSent);
    dev_queue_xmit(skb);
}

void br_send_config_bpdu(struct br_port *port, const struct br_config_bpdu *bpdu)
{
    const struct bpdu_config wire = {
        .flags = (uint8_t)((bpdu->topology_change ? BPDU_FLAG_TC : 0) |
                           (bpdu->topology_change_ack ? BPDU_FLAG_TCA : 0)),
        .root = bpdu->root,
        .root_path_cost = cpu_to_be32(bpdu->root_path_cost),
        .bridge = bpdu->bridge,
        .port_id = cpu_to_be16(bpdu->port_id),
        .message_age = bpdu_ticks(bpdu->message_age_ms),
        .max_age = bpdu_ticks(bpdu->max_age_ms),
        .hello_time = bpdu_ticks(bpdu->hello_time_ms),
        .forward_delay = bpdu_ticks(bpdu->forward_delay_ms),
    };

    bpdu_send(port, BPDU_TYPE_CONFIG, &wire);
}

void br_send_tcn_bpdu(struct br_port *port)
{
    bpdu_send(port, BPDU_TYPE_TCN, NULL);
}
