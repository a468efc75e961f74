/*
 * classify.c - where the IPv4 header lies in a frame that is about to be sent.
 *
 * A forwarded or bridged frame did not come through ip_output(), so the frame itself is looked at.
 */
#include "kernel/byteorder.h"
#include "net/sched/sched.h"

#define ETH_HDR_LEN 14
#define TYPE_IPV4   0x0800
#define TYPE_8021Q  0x8100
#define TYPE_8021AD 0x88a8
#define VLAN_LEN    4
#define VLAN_TAGS   2
#define IPV4_MIN    20

unsigned sched_find_ipv4(struct sk_buff *skb)
{
    unsigned at = skb->dev->hard_header_len;
    uint16_t type = be16_to_cpu(skb->protocol);

    if (at == ETH_HDR_LEN) {
        if (!pskb_may_pull(skb, at))
            return 0;
        type = get_unaligned_be16(skb->data + at - 2);
        for (unsigned tags = 0; tags < VLAN_TAGS && (type == TYPE_8021Q || type == TYPE_8021AD); tags++) {
            at += VLAN_LEN;
            if (!pskb_may_pull(skb, at))
                return 0;
            type = get_unaligned_be16(skb->data + at - 2);
        }
    }
    if (type != TYPE_IPV4 || !pskb_may_pull(skb, at + IPV4_MIN) || skb->data[at] >> 4 != 4)
        return 0;
    return at;
}
