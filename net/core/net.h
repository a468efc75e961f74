/*
 * net.h - struct net: one whole network stack.
 *
 * Everything a stack knows hangs off one of these; the machine has one, a simulation as many as it wants. The
 * core's own state stands here in full; a layer above keeps its state behind a pointer whose type only that
 * layer knows.
 */
#ifndef NET_CORE_NET_H
#define NET_CORE_NET_H

#include "kernel/list.h"
#include "kernel/random.h"
#include "kernel/softirq.h"
#include "net/core/dropreason.h"
#include "net/core/snmp.h"
#include "net/core/napi.h"

struct net_device;
struct packet_type;
struct neigh_table;
struct sysctl_table;

#define PTYPE_HASH_SIZE 16
#define MAX_INET_PROTOS 256

struct net {
    const char *name; /* for log lines: "" on the machine, a host's name in a simulation */

    struct list_head dev_base; /* net_device.dev_list, in the order of ifindex */
    int ifindex_last;
    struct net_device *loopback_dev;

    struct list_head ptype_all;                              /* packet taps (ETH_P_ALL) */
    struct list_head ptype_base[PTYPE_HASH_SIZE];            /* handlers by EtherType */
    const struct net_protocol *inet_protos[MAX_INET_PROTOS]; /* transports by IP protocol number */
    struct softnet_data softnet;

    struct netns_sched *sched;    /* net/sched */
    struct neigh_table *arp_tbl;  /* net/ethernet/arp.c */
    struct netns_arp *arp;        /* net/ethernet/arp.c */
    struct netns_link *link;      /* net/ethernet/link.c */
    struct nf_hooks *nf;          /* net/netfilter: hooks.h */
    struct netns_xt *xt;          /* net/netfilter: rules */
    struct netns_ct *ct;          /* net/netfilter: connection tracking */
    struct netns_nat *nat;        /* net/netfilter: address translation */
    struct netns_nf_queue *nfq;   /* net/netfilter: packets that wait for a program's verdict */
    struct netns_ipv4 *ipv4;      /* net/ipv4 */
    struct netns_icmp *icmp;      /* net/ipv4 */
    struct udp_table *udp;        /* net/udp */
    struct netns_tcp *tcp;        /* net/tcp */
    struct socket_layer *sockets; /* net/socket */

    struct net_proto_family *packet; /* net/packet */

    struct list_head sysctl_tables; /* net/core/sysctl.h */
    struct list_head netdev_chain;  /* net/core/netdevice.h: who wants to hear of devices and addresses */

    uint64_t mib[MIB_MAX];
    uint64_t drops[SKB_DROP_REASON_MAX];
    struct siphash_key secret; /* keys every hash and sequence number a peer must not guess */

    /* What is alive, for leak checks and statistics. */
    size_t skb_count, sock_count;
};

/**
 * net_create - an empty stack: softnet, loopback device (down), no protocols yet (inet_init adds those)
 * Return: the stack, or NULL without memory.
 */
struct net *net_create(const char *name);

/* All devices must be unregistered and all sockets closed. */
void net_destroy(struct net *net);

#endif
