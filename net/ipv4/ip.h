/*
 * ip.h - IPv4: what the transports call, and what they register.
 *
 * In:  ip_rcv -> PRE_ROUTING -> ip_rcv_finish -> dst->input = ip_local_deliver -> LOCAL_IN ->
 * net_protocol.handler Out: ip_queue_xmit / ip_build_and_send -> LOCAL_OUT -> dst->output = ip_output ->
 * POST_ROUTING -> neigh_output
 */
#ifndef NET_IPV4_IP_H
#define NET_IPV4_IP_H

#include "kernel/byteorder.h"
#include "net/core/netdevice.h"
#include "net/core/sock.h"
#include "net/core/sysctl.h"

#define IP_DF      0x4000
#define IP_MF      0x2000
#define IP_OFFSET  0x1fff
#define IP_MAX_MTU 65535u

struct iphdr {
    uint8_t version_ihl;
    uint8_t tos;
    be16 tot_len;
    be16 id;
    be16 frag_off;
    uint8_t ttl;
    uint8_t protocol;
    sum16 check;
    be32 saddr;
    be32 daddr;
} __packed __aligned(4);
_Static_assert(sizeof(struct iphdr) == 20, "RFC 791 3.1");

static inline unsigned ip_hdrlen(const struct iphdr *iph)
{
    return (iph->version_ihl & 15u) * 4;
}

static inline struct iphdr *ip_hdr(const struct sk_buff *skb)
{
    return skb_network_header(skb);
}

static inline bool ipv4_is_multicast(be32 a)
{
    return (be32_to_cpu(a) >> 28) == 0xe;
}

static inline bool ipv4_is_loopback(be32 a)
{
    return (be32_to_cpu(a) >> 24) == 127;
}

static inline bool ipv4_is_lbcast(be32 a)
{
    return be32_to_cpu(a) == 0xffffffffu;
}

static inline bool ipv4_is_zeronet(be32 a)
{
    return (be32_to_cpu(a) >> 24) == 0;
}

/* skb->priority of a datagram by its TOS (RFC 1349 4): which band of the queueing discipline it takes. */
static inline uint32_t rt_tos2priority(uint8_t tos)
{
    static const uint8_t by_delay_and_throughput[4] = {0 /* best effort */, 2 /* bulk */, 6 /* interactive */,
                                                       4 /* interactive bulk */};

    return by_delay_and_throughput[tos >> 3 & 3];
}

/* A transport, registered under its protocol number. */
struct net_protocol {
    /* skb (taken): data at the transport header, network_header at IP's, dst set. */
    int (*handler)(struct sk_buff *skb);
    /*
     * An ICMP error about a packet of ours (borrowed): data at the quoted IPv4 header, whose header and next
     * 8 bytes are there and linear. `info`: the next-hop MTU for fragmentation-needed, else 0. err is
     * positive.
     */
    void (*err_handler)(struct sk_buff *skb, uint8_t icmp_type, uint8_t icmp_code, uint32_t info, int err);
};

int __must_check inet_add_protocol(struct net *net, const struct net_protocol *prot, uint8_t protocol);
void inet_del_protocol(struct net *net, uint8_t protocol);

/**
 * ip_queue_xmit - send a transport segment of a connected socket
 * @sk:  route is cached in sk_dst_cache; addresses sk_daddr, inet_saddr; ttl, tos from sk
 * @skb: at the transport header, MAX_HEADER - (its length) bytes of headroom (taken)
 * DF is set while sk->inet_pmtudisc asks for it.
 * Return: 0, or -EHOSTUNREACH, -ENETUNREACH, -ENOBUFS, -EMSGSIZE, -EPERM (netfilter) ...
 */
int ip_queue_xmit(struct sock *sk, struct sk_buff *skb);

/* What a packet without a connected socket needs to be built (replies, TIME_WAIT, datagrams). */
struct ip_params {
    be32 saddr, daddr;
    uint8_t protocol, ttl /* 0: default */, tos;
    bool df;
    bool host_only;      /* ttl is 0: to listeners on this host and no further (RFC 1112 6.1) */
    const void *options; /* IPv4 options to carry, or NULL */
    unsigned options_len;
};

/* Writes the IPv4 header of `skb` (at the transport header) and sends it along `dst` (borrowed). Takes skb.
 */
int ip_build_and_send(struct net *net, struct sock *sk, struct sk_buff *skb, struct dst_entry *dst,
                      const struct ip_params *params);

/* The path of a finished datagram (skb at the IPv4 header, dst set, checksum written by this). Takes skb. */
int ip_local_out(struct sk_buff *skb);

/* Whether a datagram of this size would have to be fragmented by a way of `mtu`, and must not be: its sender
 * is told then (RFC 1191), never asked. One that came in fragments may go on in such, of the same size. */
static inline bool ip_must_not_fragment(const struct sk_buff *skb, unsigned mtu)
{
    return (ip_hdr(skb)->frag_off & cpu_to_be16(IP_DF)) && !skb_shinfo(skb)->gso_size &&
           (skb->frag_max_size ? skb->frag_max_size > mtu : skb->len > mtu);
}

/**
 * ip_fragment - send a datagram in pieces
 * @skb:    at the IPv4 header, dst set; may be a fragment itself (taken)
 * @output: takes each piece, at its IPv4 header, with a reference to skb's dst
 *
 * Pieces are at most dst->mtu bytes long, and no longer than what a reassembled datagram came in. What
 * already lies in buffers that fit is sent in them; else pages are shared by reference and only linear bytes
 * copied. Return: 0, -EMSGSIZE (no room beside the header), -ENOMEM, or what output() said first.
 */
int ip_fragment(struct net *net, struct sk_buff *skb, int (*output)(struct sk_buff *skb));

/* Who has datagrams put together: each has its own, apart from the others'. */
enum ip_defrag_users { IP_DEFRAG_LOCAL_DELIVER, IP_DEFRAG_CONNTRACK_IN, IP_DEFRAG_CONNTRACK_OUT };

static inline bool ip_is_fragment(const struct iphdr *iph)
{
    return iph->frag_off & cpu_to_be16(IP_MF | IP_OFFSET);
}

/**
 * ip_defrag - one more fragment of a datagram
 * @skb: checked by ip_rcv_core(), at its IPv4 header (taken unless 0 comes back)
 *
 * Return: 0 - whole: skb is the datagram now, with this fragment's dst and dev, frag_max_size set, its text
 * in a frag_list. -EINPROGRESS: others are missing. Else dropped: -EINVAL, -ENOMEM.
 */
int ip_defrag(struct net *net, struct sk_buff *skb, enum ip_defrag_users user);

int ip_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt);
int ip_local_deliver(struct sk_buff *skb); /* a dst->input */
int ip_forward(struct sk_buff *skb);       /* a dst->input: net/ipv4/ip_forward.c */
int ip_error(struct sk_buff *skb);         /* a dst->input: tells the sender dst->error */
int ip_output(struct sk_buff *skb);        /* a dst->output */
int ip_mc_output(struct sk_buff *skb);     /* a dst->output: for groups, with a copy for our own listeners */

#define IPV4_SYSCTL_MAX 16

struct netns_ipv4 {
    struct packet_type ip_packet_type;
    struct fib *fib;           /* net/ipv4/fib.h */
    struct rt_cache *rt_cache; /* net/ipv4/route.c */
    uint32_t rt_generation;    /* a struct rtable from another one is void: dst_check() */
    struct netns_frags *frags; /* net/ipv4/ip_defrag.c */
    struct ip_idents *idents;  /* net/ipv4/ip_fragment.c */
    struct netns_igmp *igmp;   /* net/ipv4/igmp.c */
    /* net/ipv4/raw.c: all of them, by sk_common.bind_node */
    struct hlist_head raw_sockets;
    struct netns_ping *ping; /* net/ipv4/ping.c */
    int sysctl_ip_default_ttl, sysctl_ip_forward;
    int sysctl_ip_local_port_range[2];
    int sysctl_route_mtu_expires; /* s */
    int sysctl_icmp_ratelimit, sysctl_icmp_ratemask, sysctl_icmp_echo_ignore_all,
        sysctl_icmp_echo_ignore_broadcasts;
    int sysctl_icmp_msgs_per_sec, sysctl_icmp_msgs_burst;
    uint64_t icmp_tokens, icmp_stamp_ms; /* token bucket of ICMP errors */
    struct sysctl_table sysctl;
    struct sysctl_entry sysctl_entries[IPV4_SYSCTL_MAX];
    struct netdev_notifier notifier; /* addresses become routes: net/ipv4/fib_frontend.c */

    /* What a router has besides. */
    struct netns_devconf *devconf;   /* net/ipv4/devconf.c */
    struct netns_redirect *redirect; /* net/ipv4/redirect.c */
    uint64_t martian_log_ms;         /* net/ipv4/rp_filter.c */
    int sysctl_icmp_errors_use_inbound_ifaddr;
};

extern const struct arp_route_ops ip_arp_route_ops; /* arp_route.c */
int __must_check ip_init(struct net *net);          /* ip, route, icmp */
void ip_exit(struct net *net);

#endif
