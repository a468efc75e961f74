/*
 * route.h - addresses, routes and settings, for programs: what `ip addr`, `ip route` and `sysctl` show and
 * change.
 *
 * Implemented in net/socket/route.c for the stack of the running task. Addresses are in network byte order,
 * as in struct in_addr. Calls that change something return 0, or -1 with errno; where they take `why` (may be
 * NULL) it becomes a sentence that says what was wrong and what to write instead, or NULL. The lists are
 * filled into the caller's array: `skip` leaves out the first ones, so that a small array does for a long
 * list.
 */
#ifndef SKIFF_ROUTE_H
#define SKIFF_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#define SKIFF_ROUTE_NAME 16 /* bytes of a device's name, with the 0 at its end */

/* --- addresses --- */

struct skiff_addr {
    uint32_t local, broadcast; /* broadcast 0: none */
    uint8_t prefix_len;
    char device[SKIFF_ROUTE_NAME];
    int tentative; /* duplicate-address detection is under way */
};

/* Return: how many were written, by device and age. */
size_t skiff_addr_list(struct skiff_addr *addrs, size_t max, size_t skip);
/* One more address on a device; its routes come with it. errno ENODEV, EEXIST, EINVAL, ENOMEM. */
int skiff_addr_add(const char *device, uint32_t local, int prefix_len, const char **why);
/* errno ENODEV, EADDRNOTAVAIL. */
int skiff_addr_del(const char *device, uint32_t local, const char **why);

/* --- routes --- */

enum skiff_route_type {
    SKIFF_ROUTE_UNICAST,
    SKIFF_ROUTE_LOCAL,     /* an address of this machine */
    SKIFF_ROUTE_BROADCAST, /* a broadcast address of one of its networks */
    SKIFF_ROUTE_MULTICAST,
    SKIFF_ROUTE_UNREACHABLE, /* answered with ICMP host unreachable */
    SKIFF_ROUTE_BLACKHOLE,   /* dropped without a word */
    SKIFF_ROUTE_PROHIBIT,    /* answered with ICMP administratively prohibited */
};

struct skiff_route {
    uint32_t dst;
    uint8_t prefix_len;
    enum skiff_route_type type;
    uint32_t gateway;              /* 0: the destination is on the link */
    uint32_t prefsrc;              /* source of datagrams that have none yet; 0: an address of the device */
    uint32_t metric;               /* the lowest wins */
    char device[SKIFF_ROUTE_NAME]; /* "": none (blackhole and its like) */
};

/* In the order they were made. Return: how many were written. */
size_t skiff_route_list(struct skiff_route *routes, size_t max, size_t skip);
size_t skiff_route_count(void);
/* Which of them a datagram to addr takes: 0, or -1 with errno ENETUNREACH. */
int skiff_route_get(uint32_t addr, struct skiff_route *route);
/**
 * skiff_route_insert - one more route (`ip route add`)
 * @route: with a gateway the device may be ""; only unicast, unreachable, blackhole and prohibit can be made
 * errno EEXIST, EINVAL, ENODEV, ENETUNREACH (the gateway is on no link of ours), ENOMEM.
 */
int skiff_route_insert(const struct skiff_route *route, const char **why);
/* The first with this destination and type; gateway, device and metric count where they are not 0 or "".
 * errno ESRCH, ENODEV. */
int skiff_route_remove(const struct skiff_route *route, const char **why);

const char *skiff_route_type_name(enum skiff_route_type type); /* "blackhole" */

/**
 * skiff_route_parse - "10.0.0.0/8:10.0.0.1:eth0", as the route= words of the command line have it
 * The middle is a gateway, empty (on the link of the device behind it), or blackhole, unreachable, prohibit;
 * a fourth field is the metric; "default" stands for 0.0.0.0/0.
 * Return: 0; -1 with errno EINVAL.
 */
int skiff_route_parse(const char *text, struct skiff_route *route, const char **why);

/* --- settings, by the names of sysctl: "net.ipv4.ip_forward" --- */

/* The value as text: its length (cut to size - 1, NUL-terminated), or -1 with errno ENOENT. */
int skiff_sysctl_read(const char *name, char *value, size_t size);
/* errno ENOENT, EINVAL, ERANGE, EACCES. */
int skiff_sysctl_write(const char *name, const char *value, const char **why);
/* Every name; valid during the call only. */
void skiff_sysctl_walk(void (*fn)(const char *name, void *ctx), void *ctx);

#endif
