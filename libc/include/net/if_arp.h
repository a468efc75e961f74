/*
 * net/if_arp.h - entries of the ARP table, as ioctl() (SIOCGARP...) knows them.
 */
#ifndef LIBC_NET_IF_ARP_H
#define LIBC_NET_IF_ARP_H

#include <sys/socket.h>

#define ARPHRD_ETHER    1
#define ARPHRD_LOOPBACK 772
#define ARPHRD_NONE     65534

#define ATF_COM         0x2
#define ATF_PERM        0x4
#define ATF_PUBL        0x8
#define ATF_USETRAILERS 0x10
#define ATF_NETMASK     0x20
#define ATF_DONTPUB     0x40

struct arpreq {
    struct sockaddr arp_pa;
    struct sockaddr arp_ha;
    int arp_flags;
    struct sockaddr arp_netmask;
    char arp_dev[16];
};

#endif
