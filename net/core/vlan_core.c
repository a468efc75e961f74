/*
 * vlan_core.c - tags of IEEE 802.1Q on the way in and out.
 *
 * In:  netif_receive_skb() has skb_vlan_untag() take out what the card has left in the frame, then
 *      vlan_do_receive() hands it to the device of its VLAN, which receives it as a card would.
 * Out: dev_queue_xmit() has vlan_insert_tag() write the tag for a card that does not.
 */
#include "net/core/vlan_core.h"

#include <string.h>

#include "kernel/panic.h"
#include "kernel/slab.h"

#define ETH_HLEN_       14 /* as net/ethernet/ethernet.h has it */
#define ETH_P_802_2     4  /* a length, not a type (IEEE 802.3) */
#define ETH_P_802_3_MIN 0x0600

/* Most cards have few VLANs: the 4096 places come in chunks. */
#define VLAN_CHUNK  256
#define VLAN_CHUNKS 16

struct vlan_info {
    struct net_device **chunk[VLAN_CHUNKS];
    unsigned count;
};

bool skb_vlan_untag(struct sk_buff *skb)
{
    if (!pskb_may_pull(skb, VLAN_HLEN) || skb->mac_len < ETH_HLEN_) {
        kfree_skb_reason(skb, SKB_DROP_REASON_DEV_HDR);
        return false;
    }
    if (skb_unclone(skb)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return false;
    }
    uint8_t *tag = skb_pull(skb, VLAN_HLEN) - VLAN_HLEN;
    skb->vlan_proto = cpu_to_be16(ETH_P_8021Q);
    skb->vlan_tci = get_unaligned_be16(tag);
    skb->vlan_present = 1;
    uint16_t type = get_unaligned_be16(tag + 2);
    skb->protocol = cpu_to_be16(type >= ETH_P_802_3_MIN ? type : ETH_P_802_2);
    memmove(skb_mac_header(skb) + VLAN_HLEN, skb_mac_header(skb), 2 * ETH_ALEN); /* the type stands already */
    skb->mac_header += VLAN_HLEN;
    skb->network_header = skb->transport_header = (uint16_t)(skb->data - skb->head);
    if (skb->ip_summed == CHECKSUM_COMPLETE)
        skb->ip_summed = CHECKSUM_NONE; /* the sum was over the tag, too */
    return true;
}

int vlan_insert_tag(struct sk_buff *skb)
{
    const be16 type = cpu_to_be16(ETH_P_8021Q);
    int err = skb_cow_head(skb, VLAN_HLEN);

    if (err)
        return err;
    uint8_t *frame = skb_push(skb, VLAN_HLEN);
    memmove(frame, frame + VLAN_HLEN, 2 * ETH_ALEN);
    memcpy(frame + 2 * ETH_ALEN, &type, sizeof(type));
    put_unaligned_be16(skb->vlan_tci, frame + 2 * ETH_ALEN + 2);
    skb->protocol = type;
    skb->vlan_present = 0;
    return 0;
}

struct net_device *vlan_find_dev(const struct net_device *lower, unsigned vlan_id)
{
    struct net_device *const *chunk = lower->vlan_info ? lower->vlan_info->chunk[vlan_id / VLAN_CHUNK] : NULL;

    return chunk ? chunk[vlan_id % VLAN_CHUNK] : NULL;
}

/* To whom the frame is addressed, now that another device has it: a VLAN may have an address of its own. */
static void vlan_set_pkt_type(struct sk_buff *skb, const struct net_device *dev)
{
    const uint8_t *dst = skb_mac_header(skb);

    if (!(dst[0] & 1))
        skb->pkt_type = memcmp(dst, dev->dev_addr, ETH_ALEN) == 0 ? PACKET_HOST : PACKET_OTHERHOST;
}

bool vlan_do_receive(struct sk_buff *skb)
{
    struct net_device *dev = vlan_find_dev(skb->dev, skb->vlan_tci & VLAN_VID_MASK);

    if (!dev)
        return false;
    skb->dev = dev;
    skb->vlan_present = 0;
    vlan_set_pkt_type(skb, dev);
    if (netif_running(dev)) {
        dev->stats.rx_packets += skb_segs(skb);
        dev->stats.rx_bytes += skb->len + ETH_HLEN_;
        dev->stats.rx_multicast += skb->pkt_type == PACKET_MULTICAST;
    }
    netif_receive_skb(skb);
    return true;
}

int vlan_group_add(struct net_device *lower, unsigned vlan_id, struct net_device *dev)
{
    struct vlan_info *info = lower->vlan_info ? lower->vlan_info : kzalloc(sizeof(*info));

    ASSERT(vlan_id <= VLAN_VID_MAX);
    if (!info)
        return -ENOMEM;
    if (!info->chunk[vlan_id / VLAN_CHUNK])
        info->chunk[vlan_id / VLAN_CHUNK] = kcalloc(VLAN_CHUNK, sizeof(dev));
    if (!info->chunk[vlan_id / VLAN_CHUNK]) {
        if (!lower->vlan_info)
            kfree(info);
        return -ENOMEM;
    }
    lower->vlan_info = info;
    if (info->chunk[vlan_id / VLAN_CHUNK][vlan_id % VLAN_CHUNK])
        return -EEXIST;
    info->chunk[vlan_id / VLAN_CHUNK][vlan_id % VLAN_CHUNK] = dev;
    info->count++;
    return 0;
}

void vlan_group_del(struct net_device *lower, unsigned vlan_id)
{
    struct vlan_info *info = lower->vlan_info;

    info->chunk[vlan_id / VLAN_CHUNK][vlan_id % VLAN_CHUNK] = NULL;
    if (--info->count)
        return;
    for (unsigned i = 0; i < VLAN_CHUNKS; i++)
        kfree(info->chunk[i]);
    lower->vlan_info = NULL;
    kfree(info);
}
