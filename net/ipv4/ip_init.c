/*
 * ip_init.c - IPv4 of one stack: its settings (net.ipv4.*), its start and its end.
 *
 * Called by inet_init() after ARP and before the transports.
 */
#include "net/ipv4/ip.h"

#include <errno.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/ethernet/arp.h"
#include "net/ethernet/ethernet.h"
#include "net/ipv4/fib.h"
#include "net/ipv4/icmp.h"
#include "net/ipv4/igmp.h"
#include "net/ipv4/ip_internal.h"

/* --- settings --- */

static void ip_register_sysctls(struct net *net)
{
    struct netns_ipv4 *n = net->ipv4;
    const struct sysctl_entry entries[] = {
        {"net.ipv4.ip_default_ttl", &n->sysctl_ip_default_ttl, 1, 1, 255},
        {"net.ipv4.ip_local_port_range", n->sysctl_ip_local_port_range, 2, 1, 65535},
        {"net.ipv4.route.mtu_expires", &n->sysctl_route_mtu_expires, 1, 1, 1 << 20},
        {"net.ipv4.icmp_ratelimit", &n->sysctl_icmp_ratelimit, 1, 0, 1000000},
        {"net.ipv4.icmp_ratemask", &n->sysctl_icmp_ratemask, 1, 0, 0x7fffffff},
        {"net.ipv4.icmp_echo_ignore_all", &n->sysctl_icmp_echo_ignore_all, 1, 0, 1},
        {"net.ipv4.icmp_echo_ignore_broadcasts", &n->sysctl_icmp_echo_ignore_broadcasts, 1, 0, 1},
        {"net.ipv4.icmp_msgs_per_sec", &n->sysctl_icmp_msgs_per_sec, 1, 0, 1000000},
        {"net.ipv4.icmp_msgs_burst", &n->sysctl_icmp_msgs_burst, 1, 0, 1000000},
        {NULL, NULL, 0, 0, 0},
    };
    _Static_assert(ARRAY_SIZE(entries) <= IPV4_SYSCTL_MAX, "room for all settings");

    n->sysctl_ip_default_ttl = 64;
    n->sysctl_ip_local_port_range[0] = 32768;
    n->sysctl_ip_local_port_range[1] = 60999;
    n->sysctl_route_mtu_expires = 600; /* RFC 1191 6.3 */
    n->sysctl_icmp_ratelimit = 1000;
    n->sysctl_icmp_ratemask =
        1 << ICMP_DEST_UNREACH | 1 << ICMP_SOURCE_QUENCH | 1 << ICMP_TIME_EXCEEDED | 1 << ICMP_PARAMETERPROB;
    n->sysctl_icmp_echo_ignore_broadcasts = 1;
    n->sysctl_icmp_msgs_per_sec = 1000;
    n->sysctl_icmp_msgs_burst = 50;
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        n->sysctl_entries[i] = entries[i];
    register_sysctl(net, &n->sysctl, n->sysctl_entries);
}

/* --- start and end --- */

int ip_init(struct net *net)
{
    struct netns_ipv4 *ipv4 = kzalloc(sizeof(*ipv4));
    int err = -ENOMEM;

    if (!ipv4)
        return err;
    net->ipv4 = ipv4;
    err = ip_rt_init(net);
    if (err)
        goto free_ipv4;
    ip_register_sysctls(net);
    err = ip_idents_init(net);
    if (!err)
        err = ip_defrag_init(net);
    if (!err)
        err = igmp_init(net);
    if (!err)
        err = icmp_init(net);
    if (err)
        goto exit_routes;

    fib_follow_devices(net);
    arp_set_route_ops(net, &ip_arp_route_ops);
    ipv4->ip_packet_type.type = cpu_to_be16(ETH_P_IP);
    ipv4->ip_packet_type.func = ip_rcv;
    dev_add_pack(net, &ipv4->ip_packet_type);
    if (!netif_running(net->loopback_dev)) {
        err = dev_open(net->loopback_dev);
        if (err)
            goto exit_all;
    }
    return 0;

exit_all:
    ip_exit(net);
    return err;
exit_routes:
    igmp_exit(net);
    ip_defrag_exit(net);
    ip_idents_exit(net);
    unregister_sysctl(&ipv4->sysctl);
    ip_rt_exit(net);
free_ipv4:
    net->ipv4 = NULL;
    kfree(ipv4);
    return err;
}

void ip_exit(struct net *net)
{
    struct netns_ipv4 *ipv4 = net->ipv4;

    if (!ipv4)
        return;
    dev_remove_pack(&ipv4->ip_packet_type);
    arp_set_route_ops(net, NULL);
    fib_unfollow_devices(net);
    icmp_exit(net);
    igmp_exit(net);
    ip_defrag_exit(net);
    ip_idents_exit(net);
    unregister_sysctl(&ipv4->sysctl);
    ip_rt_exit(net);
    net->ipv4 = NULL;
    kfree(ipv4);
}
