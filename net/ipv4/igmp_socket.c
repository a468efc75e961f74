/*
 * igmp_socket.c - which groups a socket is in, and from which sources it wants to hear them: options of level
 * SOL_IP, and the question whether a received datagram is for it.
 *
 * net/udp and raw.c ask ip_mc_sk_allow() for each socket that a datagram to a group could be for. Joining and
 * leaving goes on to igmp.c, which opens the card for the group and tells the routers. A group is joined as a
 * whole (IP_ADD_MEMBERSHIP; IP_BLOCK_SOURCE then excludes single sources) or from named sources alone
 * (IP_ADD_SOURCE_MEMBERSHIP); IP_MSFILTER sets and reads the whole filter (RFC 3376 3.1, RFC 3678 4.1).
 * MCAST_JOIN_GROUP and its kin say the same in the words of RFC 3678 5.1.
 */
#include "net/ipv4/igmp_internal.h"

#include <errno.h>
#include <string.h>

#include "kernel/slab.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"

static bool ip_mc_non_member_hears(const struct sock *sk, be32 daddr, be32 saddr, int dif)
{
    struct net_device *dev = sk->inet_mc_all ? dev_get_by_index(sock_net(sk), dif) : NULL;

    /* A routing daemon's IGMP socket hears the link's routers, whoever they are. */
    return dev && (sk->sk_protocol == IPPROTO_IGMP || ip_mc_source_wanted(dev, daddr, saddr));
}

bool ip_mc_sk_allow(const struct sock *sk, be32 daddr, be32 saddr, int dif)
{
    const struct ip_mc_socklist *m;

    if (!ipv4_is_multicast(daddr))
        return true;
    for (m = sk->inet_mc_list; m; m = m->next)
        if (m->group == daddr && m->ifindex == dif)
            return ip_mc_filter_passes(&m->filter, saddr);
    return ip_mc_non_member_hears(sk, daddr, saddr, dif);
}

/* The device an application means: by index, by address, or the one that the route to the group takes. */
static struct net_device *ip_mc_find_dev(struct net *net, const struct ip_mreqn *mreq)
{
    struct flowi4 fl = {.daddr = (__force be32)mreq->imr_multiaddr.s_addr};
    be32 local = (__force be32)mreq->imr_address.s_addr;
    struct net_device *dev;
    struct rtable *rt;
    int err;

    if (mreq->imr_ifindex)
        return dev_get_by_index(net, mreq->imr_ifindex);
    if (local) {
        list_for_each_entry (dev, &net->dev_base, dev_list)
            if (inet_addr_find(net, dev, local))
                return dev;
        return NULL;
    }
    rt = fl.daddr ? ip_route_output(net, &fl, &err) : NULL;
    if (!rt)
        return NULL;
    dev = rt->dst.dev;
    dst_release(&rt->dst);
    return dev;
}

/* struct in_addr, ip_mreq or ip_mreqn, told apart by length. */
static int ip_mc_get_mreq(struct ip_mreqn *mreq, const void *val, socklen_t len)
{
    memset(mreq, 0, sizeof(*mreq));
    if (len < sizeof(struct ip_mreq))
        return -EINVAL;
    memcpy(mreq, val, len >= sizeof(*mreq) ? sizeof(*mreq) : sizeof(struct ip_mreq));
    return 0;
}

/* --- filters --- */

static void ip_mc_filter_free(struct ip_mc_filter *filter)
{
    kfree(filter->sources);
    *filter = (struct ip_mc_filter){.mode = MCAST_INCLUDE};
}

/* A copy without `without`, and with `with`, unless those are 0: 0 or -ENOMEM. */
static int ip_mc_filter_copy(struct ip_mc_filter *to, const struct ip_mc_filter *from, be32 without,
                             be32 with)
{
    *to = (struct ip_mc_filter){.mode = from->mode};
    to->sources = kmalloc((from->count + 1) * sizeof(*to->sources));
    if (!to->sources)
        return -ENOMEM;
    for (unsigned i = 0; i < from->count; i++)
        if (from->sources[i] != without)
            to->sources[to->count++] = from->sources[i];
    if (with)
        to->sources[to->count++] = with;
    return 0;
}

static bool ip_mc_filter_has(const struct ip_mc_filter *filter, be32 source)
{
    return ip_mc_filter_passes(filter, source) == (filter->mode == MCAST_INCLUDE);
}

/* --- joining and leaving --- */

/* Where the pointer to the membership is; at the end of the list (*at is NULL) if there is none. */
static struct ip_mc_socklist **ip_mc_find(struct sock *sk, be32 group, int ifindex)
{
    struct ip_mc_socklist **at = &sk->inet_mc_list;

    while (*at && !((*at)->group == group && (*at)->ifindex == ifindex))
        at = &(*at)->next;
    return at;
}

/* Takes over filter->sources, also when it fails. */
static int ip_mc_join_dev(struct sock *sk, be32 group, struct net_device *dev, struct ip_mc_filter *filter)
{
    struct ip_mc_socklist *m;
    int count = 0, err;

    for (m = sk->inet_mc_list; m; m = m->next)
        count++;
    m = count < sock_net(sk)->ipv4->igmp->sysctl_max_memberships ? kzalloc(sizeof(*m)) : NULL;
    if (!m) {
        ip_mc_filter_free(filter);
        return -ENOBUFS;
    }
    *m = (struct ip_mc_socklist){
        .next = sk->inet_mc_list, .group = group, .ifindex = dev->ifindex, .filter = *filter};
    INIT_LIST_HEAD(&m->member);
    err = ip_mc_add_member(dev, m);
    if (err) {
        ip_mc_filter_free(filter);
        kfree(m);
        return err;
    }
    sk->inet_mc_list = m;
    return 0;
}

static int ip_mc_join(struct sock *sk, const struct ip_mreqn *mreq)
{
    struct ip_mc_filter everybody = {.mode = MCAST_EXCLUDE};
    be32 group = (__force be32)mreq->imr_multiaddr.s_addr;
    struct net_device *dev;

    if (!ipv4_is_multicast(group))
        return -EINVAL;
    dev = ip_mc_find_dev(sock_net(sk), mreq);
    if (!dev)
        return -ENODEV;
    if (*ip_mc_find(sk, group, dev->ifindex))
        return -EADDRINUSE;
    return ip_mc_join_dev(sk, group, dev, &everybody);
}

/* Takes the membership at *at off the socket's list. */
static void ip_mc_unlink(struct sock *sk, struct ip_mc_socklist **at)
{
    struct ip_mc_socklist *m = *at;
    struct net_device *dev = dev_get_by_index(sock_net(sk), m->ifindex);

    *at = m->next;
    if (dev)
        ip_mc_del_member(dev, m);
    ip_mc_filter_free(&m->filter);
    kfree(m);
}

static int ip_mc_leave(struct sock *sk, const struct ip_mreqn *mreq)
{
    bool any = !mreq->imr_ifindex && !mreq->imr_address.s_addr;
    struct net_device *dev = any ? NULL : ip_mc_find_dev(sock_net(sk), mreq);
    struct ip_mc_socklist **at;

    for (at = &sk->inet_mc_list; *at; at = &(*at)->next) {
        if ((*at)->group != (__force be32)mreq->imr_multiaddr.s_addr)
            continue;
        if (!any && (*at)->ifindex != (dev ? dev->ifindex : mreq->imr_ifindex))
            continue;
        ip_mc_unlink(sk, at);
        return 0;
    }
    return -EADDRNOTAVAIL;
}

void ip_mc_drop_socket(struct sock *sk)
{
    while (sk->inet_mc_list)
        ip_mc_unlink(sk, &sk->inet_mc_list);
}

/* --- sources --- */

/* Gives a membership another filter, whose sources are taken over. One that includes nobody is none. */
static int ip_mc_set_filter(struct sock *sk, struct net_device *dev, struct ip_mc_socklist **at,
                            struct ip_mc_filter *filter)
{
    int err = 0;

    if (filter->mode == MCAST_INCLUDE && !filter->count)
        ip_mc_unlink(sk, at);
    else
        err = ip_mc_change_member(dev, *at, filter);
    ip_mc_filter_free(filter);
    return err ? -ENOBUFS : 0;
}

/* Whether a source may be added to the membership's filter, or taken from it: mode and `add` of the option.
 */
static int ip_mc_check_source(struct sock *sk, const struct ip_mc_socklist *m, be32 source, unsigned mode,
                              bool add)
{
    if (m->filter.count && m->filter.mode != mode)
        return -EINVAL; /* a filter includes or excludes, not both */
    if (ip_mc_filter_has(&m->filter, source) == add)
        return -EADDRNOTAVAIL;
    if (add && m->filter.count >= (unsigned)sock_net(sk)->ipv4->igmp->sysctl_max_msf)
        return -ENOBUFS;
    return 0;
}

/*
 * IP_ADD_SOURCE_MEMBERSHIP (mode INCLUDE, add), IP_DROP_SOURCE_MEMBERSHIP (INCLUDE, not add), IP_BLOCK_SOURCE
 * (EXCLUDE, add), IP_UNBLOCK_SOURCE. The first joins, if need be; the second leaves with the last source.
 */
static int ip_mc_source(struct sock *sk, const struct ip_mreqn *mreq, be32 source, unsigned mode, bool add)
{
    be32 group = (__force be32)mreq->imr_multiaddr.s_addr;
    struct ip_mc_filter filter, none = {.mode = mode};
    struct ip_mc_socklist **at;
    struct net_device *dev;
    int err;

    if (!ipv4_is_multicast(group) || !source)
        return -EINVAL;
    dev = ip_mc_find_dev(sock_net(sk), mreq);
    if (!dev)
        return -ENODEV;
    at = ip_mc_find(sk, group, dev->ifindex);
    if (!*at && !(add && mode == MCAST_INCLUDE))
        return -EINVAL;
    err = *at ? ip_mc_check_source(sk, *at, source, mode, add) : 0;
    if (!err)
        err = ip_mc_filter_copy(&filter, *at ? &(*at)->filter : &none, add ? 0 : source, add ? source : 0);
    if (err)
        return err;
    filter.mode = mode; /* a filter without sources takes either */
    return *at ? ip_mc_set_filter(sk, dev, at, &filter) : ip_mc_join_dev(sk, group, dev, &filter);
}

static int ip_mc_setopt_source(struct sock *sk, int name, const void *val, socklen_t len)
{
    unsigned mode = name == IP_BLOCK_SOURCE || name == IP_UNBLOCK_SOURCE ? MCAST_EXCLUDE : MCAST_INCLUDE;
    struct ip_mreq_source mreqs;

    if (len < sizeof(mreqs))
        return -EINVAL;
    memcpy(&mreqs, val, sizeof(mreqs));
    const struct ip_mreqn mreq = {.imr_multiaddr = mreqs.imr_multiaddr, .imr_address = mreqs.imr_interface};
    return ip_mc_source(sk, &mreq, (__force be32)mreqs.imr_sourceaddr.s_addr, mode,
                        name == IP_BLOCK_SOURCE || name == IP_ADD_SOURCE_MEMBERSHIP);
}

/* --- the same for any address family (RFC 3678 5): here the family is checked, and the index names the
 * device --- */

static bool ip_mc_is_inet(const struct sockaddr_storage *from, struct in_addr *to)
{
    struct sockaddr_in sin;

    memcpy(&sin, from, sizeof(sin));
    *to = sin.sin_addr;
    return sin.sin_family == AF_INET;
}

static int ip_mc_setopt_group_req(struct sock *sk, int name, const void *val, socklen_t len)
{
    struct group_req req;
    struct ip_mreqn mreq = {.imr_ifindex = 0};

    if (len < sizeof(req))
        return -EINVAL;
    memcpy(&req, val, sizeof(req));
    if (!ip_mc_is_inet(&req.gr_group, &mreq.imr_multiaddr))
        return -EINVAL;
    mreq.imr_ifindex = (int)req.gr_interface;
    return name == MCAST_JOIN_GROUP ? ip_mc_join(sk, &mreq) : ip_mc_leave(sk, &mreq);
}

static int ip_mc_setopt_group_source(struct sock *sk, int name, const void *val, socklen_t len)
{
    unsigned mode =
        name == MCAST_BLOCK_SOURCE || name == MCAST_UNBLOCK_SOURCE ? MCAST_EXCLUDE : MCAST_INCLUDE;
    struct group_source_req req;
    struct ip_mreqn mreq = {.imr_ifindex = 0};
    struct in_addr source;

    if (len < sizeof(req))
        return -EINVAL;
    memcpy(&req, val, sizeof(req));
    if (!ip_mc_is_inet(&req.gsr_group, &mreq.imr_multiaddr) || !ip_mc_is_inet(&req.gsr_source, &source))
        return -EADDRNOTAVAIL;
    mreq.imr_ifindex = (int)req.gsr_interface;
    return ip_mc_source(sk, &mreq, (__force be32)source.s_addr, mode,
                        name == MCAST_BLOCK_SOURCE || name == MCAST_JOIN_SOURCE_GROUP);
}

/* Each source once, however often it was written. 0 or -ENOMEM. */
static int ip_mc_filter_read(struct ip_mc_filter *filter, unsigned mode, const void *list, unsigned count)
{
    *filter = (struct ip_mc_filter){.mode = mode};
    if (!count)
        return 0;
    filter->sources = kmalloc(count * sizeof(*filter->sources));
    if (!filter->sources)
        return -ENOMEM;
    for (unsigned i = 0; i < count; i++) {
        be32 source;

        memcpy(&source, (const uint8_t *)list + i * sizeof(source), sizeof(source));
        if (!ip_mc_filter_has(filter, source))
            filter->sources[filter->count++] = source;
    }
    return 0;
}

/* The membership that an ip_msfilter speaks of: 0, -EINVAL, -ENODEV. */
static int ip_mc_find_msf(struct sock *sk, const struct ip_msfilter *msf, struct net_device **dev,
                          struct ip_mc_socklist ***at)
{
    const struct ip_mreqn mreq = {.imr_multiaddr = msf->imsf_multiaddr, .imr_address = msf->imsf_interface};
    be32 group = (__force be32)msf->imsf_multiaddr.s_addr;

    if (!ipv4_is_multicast(group))
        return -EINVAL;
    *dev = ip_mc_find_dev(sock_net(sk), &mreq);
    if (!*dev)
        return -ENODEV;
    *at = ip_mc_find(sk, group, (*dev)->ifindex);
    return 0;
}

/* IP_MSFILTER: the whole filter of a membership at once. */
static int ip_mc_msfilter(struct sock *sk, const void *val, socklen_t len)
{
    struct ip_msfilter msf = {.imsf_numsrc = 0};
    struct ip_mc_socklist **at;
    struct ip_mc_filter filter;
    struct net_device *dev;
    int err;

    if (len < IP_MSFILTER_SIZE(0))
        return -EINVAL;
    memcpy(&msf, val, IP_MSFILTER_SIZE(0));
    if (msf.imsf_numsrc > (unsigned)sock_net(sk)->ipv4->igmp->sysctl_max_msf)
        return -ENOBUFS;
    if (len < IP_MSFILTER_SIZE(msf.imsf_numsrc) ||
        (msf.imsf_fmode != MCAST_INCLUDE && msf.imsf_fmode != MCAST_EXCLUDE))
        return -EINVAL;
    err = ip_mc_find_msf(sk, &msf, &dev, &at);
    if (!err && !*at)
        err = msf.imsf_fmode == MCAST_INCLUDE && !msf.imsf_numsrc ? -EADDRNOTAVAIL : -EINVAL;
    if (!err && ip_mc_filter_read(&filter, msf.imsf_fmode, (const uint8_t *)val + IP_MSFILTER_SIZE(0),
                                  msf.imsf_numsrc))
        err = -ENOBUFS;
    return err ? err : ip_mc_set_filter(sk, dev, at, &filter);
}

/* The caller's struct says which membership, and how many sources it has room for; it learns how many there
 * are. */
static int ip_mc_msfget(struct sock *sk, void *val, socklen_t *len)
{
    struct ip_msfilter msf = {.imsf_numsrc = 0};
    struct ip_mc_socklist **at;
    struct net_device *dev;
    unsigned room;
    int err;

    if (*len < IP_MSFILTER_SIZE(0))
        return -EINVAL;
    memcpy(&msf, val, IP_MSFILTER_SIZE(0));
    err = ip_mc_find_msf(sk, &msf, &dev, &at);
    if (!err && !*at)
        err = -EADDRNOTAVAIL;
    if (err)
        return err;
    const struct ip_mc_filter *filter = &(*at)->filter;

    room = (unsigned)((*len - IP_MSFILTER_SIZE(0)) / sizeof(be32));
    room = min(min(room, msf.imsf_numsrc), filter->count);
    msf.imsf_fmode = filter->mode;
    msf.imsf_numsrc = filter->count;
    memcpy(val, &msf, IP_MSFILTER_SIZE(0));
    if (room)
        memcpy((uint8_t *)val + IP_MSFILTER_SIZE(0), filter->sources, room * sizeof(be32));
    *len = (socklen_t)IP_MSFILTER_SIZE(room);
    return 0;
}

/* --- other options --- */

/* The device that datagrams to groups leave by, and the address they carry; neither: by route. */
static int ip_mc_set_if(struct sock *sk, const void *val, socklen_t len)
{
    struct ip_mreqn mreq = {.imr_ifindex = 0};
    struct net_device *dev;

    if (len >= sizeof(struct ip_mreq))
        ip_mc_get_mreq(&mreq, val, len);
    else if (len >= sizeof(struct in_addr))
        memcpy(&mreq.imr_address, val, sizeof(struct in_addr));
    else
        return -EINVAL;
    mreq.imr_multiaddr.s_addr = 0;
    if (!mreq.imr_ifindex && !mreq.imr_address.s_addr) {
        sk->inet_mc_index = 0;
        sk->inet_mc_addr = (__force be32)0;
        return 0;
    }
    dev = ip_mc_find_dev(sock_net(sk), &mreq);
    if (!dev)
        return -EADDRNOTAVAIL;
    if (sk->sk_bound_dev_if && sk->sk_bound_dev_if != dev->ifindex)
        return -EINVAL;
    sk->inet_mc_index = dev->ifindex;
    sk->inet_mc_addr = (__force be32)mreq.imr_address.s_addr;
    return 0;
}

/* Those about groups that a socket hears. */
static int ip_mc_setopt_member(struct sock *sk, int name, const void *val, socklen_t len)
{
    struct ip_mreqn mreq;
    int err;

    if (sk->sk_type == SOCK_STREAM)
        return -EPROTO;
    if (name == IP_MSFILTER)
        return ip_mc_msfilter(sk, val, len);
    if (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP)
        return ip_mc_setopt_group_req(sk, name, val, len);
    if (name >= MCAST_JOIN_GROUP && name <= MCAST_LEAVE_SOURCE_GROUP)
        return ip_mc_setopt_group_source(sk, name, val, len);
    if (name != IP_ADD_MEMBERSHIP && name != IP_DROP_MEMBERSHIP)
        return ip_mc_setopt_source(sk, name, val, len);
    err = ip_mc_get_mreq(&mreq, val, len);
    if (err)
        return err;
    return name == IP_ADD_MEMBERSHIP ? ip_mc_join(sk, &mreq) : ip_mc_leave(sk, &mreq);
}

int ip_mc_setopt(struct sock *sk, int name, const void *val, socklen_t len)
{
    switch (name) {
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
    case IP_ADD_SOURCE_MEMBERSHIP:
    case IP_DROP_SOURCE_MEMBERSHIP:
    case IP_BLOCK_SOURCE:
    case IP_UNBLOCK_SOURCE:
    case IP_MSFILTER:
    case MCAST_JOIN_GROUP:
    case MCAST_LEAVE_GROUP:
    case MCAST_JOIN_SOURCE_GROUP:
    case MCAST_LEAVE_SOURCE_GROUP:
    case MCAST_BLOCK_SOURCE:
    case MCAST_UNBLOCK_SOURCE:
        return ip_mc_setopt_member(sk, name, val, len);
    case IP_MULTICAST_IF:
        return sk->sk_type == SOCK_STREAM ? -EINVAL : ip_mc_set_if(sk, val, len);
    case IP_MULTICAST_LOOP:
        if (!len)
            return -EINVAL;
        sk->inet_mc_loop = *(const uint8_t *)val != 0; /* an int or a byte: its first tells */
        return 0;
    case IP_MULTICAST_ALL:
        if (!len || *(const uint8_t *)val > 1)
            return -EINVAL;
        sk->inet_mc_all = *(const uint8_t *)val;
        return 0;
    }
    return -ENOPROTOOPT;
}

int ip_mc_getopt(struct sock *sk, int name, void *val, socklen_t *len)
{
    uint32_t value;

    switch (name) {
    case IP_MULTICAST_IF:
        value = (__force uint32_t)sk->inet_mc_addr;
        break;
    case IP_MULTICAST_LOOP:
        value = sk->inet_mc_loop;
        break;
    case IP_MULTICAST_ALL:
        value = sk->inet_mc_all;
        break;
    case IP_MSFILTER:
        return sk->sk_type == SOCK_STREAM ? -EPROTO : ip_mc_msfget(sk, val, len);
    default:
        return -ENOPROTOOPT;
    }
    *len = min(*len, (socklen_t)sizeof(value));
    memcpy(val, &value, *len);
    return 0;
}
