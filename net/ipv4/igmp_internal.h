/*
 * igmp_internal.h - what the three files of multicast reception share (net/ipv4/igmp*.c only).
 *
 *     socket's filter --+
 *     socket's filter --+--> group on a device: one filter for all --> reports
 *     socket's filter --+    (igmp_sources.c)                          (igmp.c)
 *     (igmp_socket.c)
 */
#ifndef NET_IPV4_IGMP_INTERNAL_H
#define NET_IPV4_IGMP_INTERNAL_H

#include <netinet/in.h>

#include "kernel/byteorder.h"
#include "net/core/sysctl.h"
#include "net/ipv4/igmp.h"

#define IGMP_SOURCES_MAX 16 /* of one query that are remembered; beyond, the answer is for the group */

#define ALL_HOSTS cpu_to_be32(0xe0000001)

/* From whom a group is heard: MCAST_INCLUDE - from these alone; MCAST_EXCLUDE - from all but these. */
struct ip_mc_filter {
    unsigned mode, count;
    be32 *sources; /* no two alike; NULL if count is 0 */
};

/* A membership of a socket. */
struct ip_mc_socklist {
    struct ip_mc_socklist *next; /* sock.inet_mc_list */
    struct list_head member;     /* ip_mc_group.members; empty once the device has gone */
    be32 group;
    int ifindex;
    struct ip_mc_filter filter;
};

/* A source that some member's filter names, or that the routers are still being told about. */
struct igmp_source {
    be32 addr;
    unsigned includes, excludes; /* members whose filter names it */
    bool listed;                 /* in the filter of the group as a whole */
    bool was_listed;             /* before the change that is being made */
    uint8_t changes_left;        /* reports of its coming or going that are still due */
};

/* A group on a device. */
struct ip_mc_group {
    struct list_head list; /* igmp_device.groups */
    struct igmp_device *in;
    be32 addr;
    struct list_head members; /* ip_mc_socklist */
    unsigned users;           /* members; 0: left, the routers are being told */
    unsigned mode;            /* MCAST_*, of the group as a whole; INCLUDE with nothing listed: left */
    unsigned source_count, source_room;
    struct igmp_source *sources;
    bool reporter;        /* version 1 and 2: the last report came from us */
    uint8_t changes_left; /* reports of joining, leaving or the other mode that are still due */
    struct timer change_timer;
    struct timer query_timer; /* the answer to a query */
    unsigned nsrcs;           /* that it asked for; 0: the whole group */
    be32 asked[IGMP_SOURCES_MAX];
};

struct netns_igmp {
    struct list_head devices;
    struct netdev_notifier notifier;
    int sysctl_max_memberships, sysctl_max_msf, sysctl_qrv;
    struct sysctl_table sysctl;
    struct sysctl_entry sysctl_entries[4];
};

/* --- igmp_sources.c --- */

/* Whether a datagram from `saddr` passes. */
bool ip_mc_filter_passes(const struct ip_mc_filter *filter, be32 saddr);
/* The same for the group: whether any member wants it. */
bool igmp_group_wants(const struct ip_mc_group *group, be32 saddr);

/* Room for `more` sources that are new to the group: 0 or -ENOMEM. After that the merge cannot fail. */
int __must_check igmp_sources_reserve(struct ip_mc_group *group, unsigned more);

/* What the members want becomes what the group wants (RFC 3376 3.2): mode and listed; was_listed is what it
 * was. Members' sources are there or have room. */
void igmp_sources_merge(struct ip_mc_group *group);

/* Those that nobody names and nobody is told of any more. */
void igmp_sources_purge(struct ip_mc_group *group);

/* --- igmp.c: for sockets --- */

/* A membership begins (its filter is set) or ends: 0 or -ENOMEM. */
int __must_check ip_mc_add_member(struct net_device *dev, struct ip_mc_socklist *m);
void ip_mc_del_member(struct net_device *dev, struct ip_mc_socklist *m);

/* Another filter for a membership: it takes over filter->sources, and *filter becomes the old one, for the
 * caller to free. -ENOMEM: nothing has changed. */
int __must_check ip_mc_change_member(struct net_device *dev, struct ip_mc_socklist *m,
                                     struct ip_mc_filter *filter);

#endif
