/*
 * vlan_core.h - the tag of IEEE 802.1Q, in the frame and beside it, and who gets the frames of a VLAN.
 *
 *     in the frame:      | dst | src | 0x8100 | TCI | EtherType | ...
 *     beside it:         | dst | src | EtherType | ...     skb->vlan_tci, vlan_present
 *
 * Above the driver a tag stands beside the frame; the second one of a frame with two stays inside.
 */
#ifndef NET_CORE_VLAN_CORE_H
#define NET_CORE_VLAN_CORE_H

#include "kernel/byteorder.h"
#include "net/core/netdevice.h"

#define VLAN_HLEN      4
#define VLAN_VID_MASK  0x0fff
#define VLAN_VID_MAX   0x0ffe /* 0: no VLAN, 0xfff: reserved */
#define VLAN_PRIO_MASK 0xe000
#define ETH_P_8021Q    0x8100 /* as net/ethernet/ethernet.h has it */

/* Takes the tag out of a received frame, data behind the Ethernet header. false: dropped. */
bool __must_check skb_vlan_untag(struct sk_buff *skb);

/* Writes the tag into a frame to be sent, data at the link header: 0 or -ENOMEM (skb unchanged). */
int __must_check vlan_insert_tag(struct sk_buff *skb);

/* skb->dev has the VLAN of the tag: its device receives it (taken). false: it has not. */
bool vlan_do_receive(struct sk_buff *skb);

/* The device of one VLAN of `lower`, or NULL. */
struct net_device *vlan_find_dev(const struct net_device *lower, unsigned vlan_id);
/* Frames of this VLAN go to dev: 0, -EEXIST, -ENOMEM. */
int __must_check vlan_group_add(struct net_device *lower, unsigned vlan_id, struct net_device *dev);
void vlan_group_del(struct net_device *lower, unsigned vlan_id);

/* The tag inside, of a frame that is bridged or has two: the only thing that makes it longer than the MTU
 * says. */
static inline bool vlan_tag_makes_long(const struct sk_buff *skb, const struct net_device *dev)
{
    return skb->protocol == cpu_to_be16(ETH_P_8021Q) &&
           skb->len <= dev->mtu + dev->hard_header_len + VLAN_HLEN;
}

#endif
