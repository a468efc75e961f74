/*
 * nf_nat_proto.c - writing translated addresses and ports into packets (RFC 3022 4).
 *
 * Only what changes is written, and checksums are changed by the difference (RFC 1624), so that a packet
 * which arrived damaged stays so. A checksum that card or dev_queue_xmit() has yet to finish
 * (CHECKSUM_PARTIAL, also of trains) holds the sum of the pseudo-header: only the addresses touch it.
 */
#include "net/netfilter/nf_nat.h"

#include <errno.h>
#include <netinet/in.h>

#include "net/core/checksum.h"
#include "net/ipv4/ip.h"
#include "net/netfilter/nf_conntrack_internal.h"
#include "net/tcp/tcp.h"
#include "net/udp/udp.h"

#define ICMP_HLEN       8u
#define ICMP_ID_AT      4u
#define ICMP_CSUM_AT    2u
#define TCP_CSUM_AT     16u
#define UDP_CSUM_AT     6u
#define DST_PORT_AT     2u
#define NAT_QUOTED_MORE 20u /* of a quoted transport header, if they are there */

/* An address and a port on their way from old to new. */
struct nat_change {
    be32 old_addr, new_addr;
    be16 old_port, new_port;
};

static inline be16 load16(const uint8_t *p)
{
    return ((const struct udphdr *)p)->source;
}

static inline void store16(uint8_t *p, be16 v)
{
    ((struct udphdr *)p)->source = v;
}

/* A checksum that covers the pseudo-header (TCP, UDP). */
static void nat_fix_csum(sum16 *sum, const struct nat_change *c, bool partial)
{
    if (partial) { /* not complemented yet, and without the ports */
        *sum = (__force sum16) ~(__force uint16_t)*sum;
        csum_replace4(sum, c->old_addr, c->new_addr);
        *sum = (__force sum16) ~(__force uint16_t)*sum;
        return;
    }
    csum_replace4(sum, c->old_addr, c->new_addr);
    csum_replace2(sum, c->old_port, c->new_port);
}

static void nat_write_tcp(uint8_t *th, unsigned len, struct nat_change *c, enum nf_nat_manip manip,
                          bool partial)
{
    uint8_t *port = th + (manip == NF_NAT_MANIP_SRC ? 0 : DST_PORT_AT);

    c->old_port = load16(port);
    store16(port, c->new_port);
    if (len >= TCP_CSUM_AT + sizeof(sum16)) /* a quoted one may end before */
        nat_fix_csum((sum16 *)(th + TCP_CSUM_AT), c, partial);
}

static void nat_write_udp(uint8_t *uh, struct nat_change *c, enum nf_nat_manip manip, bool partial)
{
    uint8_t *port = uh + (manip == NF_NAT_MANIP_SRC ? 0 : DST_PORT_AT);
    sum16 *check = (sum16 *)(uh + UDP_CSUM_AT);

    c->old_port = load16(port);
    store16(port, c->new_port);
    if (!*check && !partial) /* RFC 768: the sender has not computed one */
        return;
    nat_fix_csum(check, c, partial);
    if (!*check && !partial)
        *check = (__force sum16)0xffff;
}

/* A query's id; there is no pseudo-header. */
static void nat_write_icmp(uint8_t *icmph, const struct nf_conntrack_tuple *target)
{
    be16 old = load16(icmph + ICMP_ID_AT);

    if (!nf_ct_is_icmp_query(icmph[0]) && icmph[0] != 0 && !(icmph[0] >= 13 && icmph[0] <= 18))
        return; /* an error carries its news there */
    store16(icmph + ICMP_ID_AT, target->src_port);
    csum_replace2((sum16 *)(icmph + ICMP_CSUM_AT), old, target->src_port);
}

/* `l4`: `len` linear bytes behind the header. */
static void nat_write(struct iphdr *iph, uint8_t *l4, unsigned len, const struct nf_conntrack_tuple *target,
                      enum nf_nat_manip manip, bool partial)
{
    bool src = manip == NF_NAT_MANIP_SRC;
    struct nat_change c = {.old_addr = src ? iph->saddr : iph->daddr,
                           .new_addr = src ? target->src : target->dst,
                           .new_port = src ? target->src_port : target->dst_port};

    if (src)
        iph->saddr = c.new_addr;
    else
        iph->daddr = c.new_addr;
    csum_replace4(&iph->check, c.old_addr, c.new_addr);
    if (iph->protocol == IPPROTO_TCP)
        nat_write_tcp(l4, len, &c, manip, partial);
    else if (iph->protocol == IPPROTO_UDP)
        nat_write_udp(l4, &c, manip, partial);
    else if (iph->protocol == IPPROTO_ICMP)
        nat_write_icmp(l4, target);
}

/* So many bytes of the transport header are needed. */
static unsigned nat_l4_min(uint8_t protocol)
{
    if (protocol == IPPROTO_TCP)
        return sizeof(struct tcphdr);
    return protocol == IPPROTO_UDP || protocol == IPPROTO_ICMP ? ICMP_HLEN : 0;
}

/* The first `len` bytes become linear and our own. */
static int nat_make_writable(struct sk_buff *skb, unsigned len)
{
    if (len > skb->len)
        return -EINVAL;
    if (!pskb_may_pull(skb, len) || skb_cow_head(skb, 0))
        return -ENOMEM;
    return 0;
}

int nf_nat_manip_packet(struct sk_buff *skb, const struct nf_conntrack_tuple *target, enum nf_nat_manip manip)
{
    unsigned hdr_len = ip_hdrlen((const struct iphdr *)skb->data);
    unsigned l4_len = nat_l4_min(((const struct iphdr *)skb->data)->protocol);
    int err = nat_make_writable(skb, hdr_len + l4_len);

    if (err)
        return err;
    nat_write((struct iphdr *)skb->data, skb->data + hdr_len, l4_len, target, manip,
              skb->ip_summed == CHECKSUM_PARTIAL);
    if (skb->ip_summed == CHECKSUM_COMPLETE) /* a sum over bytes that are no longer these */
        skb->ip_summed = CHECKSUM_NONE;
    return 0;
}

int nf_nat_manip_quoted(struct sk_buff *skb, const struct nf_conntrack_tuple *target, enum nf_nat_manip manip)
{
    unsigned icmp_at = ip_hdrlen((const struct iphdr *)skb->data), inner_at = icmp_at + ICMP_HLEN;
    unsigned l4_at, l4_len;
    int err = nat_make_writable(skb, inner_at + (unsigned)sizeof(struct iphdr));

    if (err)
        return err;
    l4_at = inner_at + ip_hdrlen((const struct iphdr *)(skb->data + inner_at));
    if (skb->len < l4_at + ICMP_HLEN && nat_l4_min(((struct iphdr *)(skb->data + inner_at))->protocol))
        return -EINVAL;
    l4_len = skb->len > l4_at ? min(skb->len - l4_at, NAT_QUOTED_MORE) : 0;
    err = nat_make_writable(skb, l4_at + l4_len);
    if (err)
        return err;
    nat_write((struct iphdr *)(skb->data + inner_at), skb->data + l4_at, l4_len, target, manip, false);

    /* Tracking has found the error's own checksum right; summing anew hides nothing. */
    uint8_t *icmph = skb->data + icmp_at;
    store16(icmph + ICMP_CSUM_AT, (__force be16)0);
    sum16 sum = csum_fold(skb_checksum(skb, icmp_at, skb->len - icmp_at, (__force wsum)0));
    store16(icmph + ICMP_CSUM_AT, (__force be16)(__force uint16_t)sum);
    return 0;
}
