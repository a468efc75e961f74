/*
 * net/route.h - one route, as ioctl() (SIOCADDRT, SIOCDELRT) knows it.
 */
#ifndef LIBC_NET_ROUTE_H
#define LIBC_NET_ROUTE_H

#include <netinet/in.h>
#include <sys/socket.h>

#define RTF_UP        0x1
#define RTF_GATEWAY   0x2
#define RTF_HOST      0x4
#define RTF_REINSTATE 0x8
#define RTF_DYNAMIC   0x10
#define RTF_MODIFIED  0x20
#define RTF_MTU       0x40
#define RTF_MSS       0x40
#define RTF_WINDOW    0x80
#define RTF_IRTT      0x100
#define RTF_REJECT    0x200

struct rtentry {
    unsigned long rt_pad1;
    struct sockaddr rt_dst;
    struct sockaddr rt_gateway;
    struct sockaddr rt_genmask;
    unsigned short rt_flags;
    short rt_pad2;
    unsigned long rt_pad3;
    unsigned char rt_tos;
    unsigned char rt_class;
    short rt_pad4[3];
    short rt_metric; /* plus one: 0 means "not given" */
    char *rt_dev;    /* name of the device, or NULL */
    unsigned long rt_mtu;
    unsigned long rt_window;
    unsigned short rt_irtt;
};
#define rt_mss rt_mtu

#endif
