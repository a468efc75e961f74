/*
 * igmp.c - multicast, the host's side: groups that sockets joined, and IGMP, which tells the routers of them
 * (RFC 1112, RFC 2236, RFC 3376).
 *
 * A socket joins by IP_ADD_MEMBERSHIP; the first one opens the card's filter (dev_mc_add) and the way in
 * (ip_check_mc, asked by ip_route_input). Joining and leaving is reported at once and again, as often as the
 * robustness variable says, because a report may get lost; queries are answered after a random delay. As long
 * as a querier of an older version is heard on a link, its language is spoken there (RFC 3376 7.2.1).
 *
 * Groups are joined as a whole (EXCLUDE nothing); source filters are not offered. 224.0.0.1 is always
 * received and never reported. What is kept is bounded by what local sockets join; queries only set timers.
 */
#include "net/ipv4/igmp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"

#define IGMP_QUERY     0x11
#define IGMP_V1_REPORT 0x12
#define IGMP_V2_REPORT 0x16
#define IGMP_V2_LEAVE  0x17
#define IGMP_V3_REPORT 0x22

#define IGMPV3_MODE_IS_INCLUDE   1
#define IGMPV3_MODE_IS_EXCLUDE   2
#define IGMPV3_CHANGE_TO_INCLUDE 3
#define IGMPV3_CHANGE_TO_EXCLUDE 4

#define ALL_HOSTS      cpu_to_be32(0xe0000001)
#define ALL_ROUTERS    cpu_to_be32(0xe0000002)
#define ALL_V3_ROUTERS cpu_to_be32(0xe0000016)

#define IGMP_OLDER_QUERIER_MS  260000 /* RFC 3376 8.12: 2 * 125 s + 10 s */
#define IGMP_V1_RESPONSE_MS    10000  /* RFC 2236 4 */
#define IGMP_V2_UNSOLICITED_MS 10000
#define IGMP_V3_UNSOLICITED_MS 1000
#define IGMP_SOURCES_MAX       16 /* of one query that are remembered; beyond, the answer is for the group */
#define IGMP_TOS               0xc0

struct igmphdr {
    uint8_t type, code;
    sum16 csum;
    be32 group;
} __packed __aligned(4);

/* Behind the header of a version 3 query (RFC 3376 4.1). */
struct igmpv3_query_rest {
    uint8_t qrv; /* S flag and robustness */
    uint8_t qqic;
    be16 nsrcs;
} __packed __aligned(4);

/* RFC 3376 4.2.12. The report's own header is an igmphdr whose `group` counts the records. */
struct igmpv3_record {
    uint8_t type, auxwords;
    be16 nsrcs;
    be32 group;
} __packed __aligned(4);
_Static_assert(sizeof(struct igmphdr) == 8 && sizeof(struct igmpv3_record) == 8, "RFC 3376 4.2");

/* A group on a device. */
struct ip_mc_group {
    struct list_head list; /* igmp_device.groups */
    struct igmp_device *in;
    be32 addr;
    unsigned users;       /* sockets; 0: left, the routers are being told */
    bool reporter;        /* version 1 and 2: the last report came from us */
    uint8_t changes_left; /* reports of joining or leaving that are still due */
    struct timer change_timer;
    struct timer query_timer; /* the answer to a query */
    unsigned nsrcs;           /* that it asked for; 0: the whole group */
    be32 sources[IGMP_SOURCES_MAX];
};

/* A device with groups or queriers. */
struct igmp_device {
    struct list_head list; /* netns_igmp.devices */
    struct net_device *dev;
    struct list_head groups;
    uint64_t v1_until_ms, v2_until_ms; /* queriers of these versions were heard */
    uint8_t robustness;
    struct timer general_timer; /* the answer to a general query, version 3 */
};

struct netns_igmp {
    struct list_head devices;
    struct netdev_notifier notifier;
    int sysctl_max_memberships, sysctl_qrv;
    struct sysctl_table sysctl;
    struct sysctl_entry sysctl_entries[3];
};

/* A membership of a socket. */
struct ip_mc_socklist {
    struct ip_mc_socklist *next;
    be32 group;
    int ifindex;
};

/* --- lookup --- */

static struct igmp_device *igmp_device_find(struct net_device *dev)
{
    struct igmp_device *in;

    list_for_each_entry (in, &dev->net->ipv4->igmp->devices, list)
        if (in->dev == dev)
            return in;
    return NULL;
}

static struct ip_mc_group *igmp_group_find(struct igmp_device *in, be32 addr)
{
    struct ip_mc_group *group;

    list_for_each_entry (group, &in->groups, list)
        if (group->addr == addr)
            return group;
    return NULL;
}

bool ip_check_mc(struct net_device *dev, be32 group)
{
    struct igmp_device *in = igmp_device_find(dev);
    const struct ip_mc_group *found = in ? igmp_group_find(in, group) : NULL;

    return group == ALL_HOSTS || (found && found->users);
}

static unsigned igmp_version(const struct igmp_device *in)
{
    uint64_t now = ktime_get_ms();

    if (now < in->v1_until_ms)
        return 1;
    return now < in->v2_until_ms ? 2 : 3;
}

/* --- sending --- */

/* With router alert and a TTL of 1 (RFC 3376 4, RFC 2236 2). Takes skb, at the IGMP header. */
static void igmp_send_skb(struct igmp_device *in, struct sk_buff *skb, be32 daddr)
{
    static const uint8_t router_alert[4] = {0x94, 4, 0, 0};
    struct net *net = in->dev->net;
    struct flowi4 fl = {.daddr = daddr, .oif = in->dev->ifindex};
    struct igmphdr *h = (struct igmphdr *)skb->data;
    int err;
    struct rtable *rt = ip_route_output(net, &fl, &err);

    if (!rt) {
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
        return;
    }
    h->csum = csum_fold(csum_partial(h, skb->len, (__force wsum)0));
    skb_reset_transport_header(skb);
    struct ip_params params = {.saddr = fl.saddr,
                               .daddr = daddr,
                               .protocol = IPPROTO_IGMP,
                               .ttl = 1,
                               .tos = IGMP_TOS,
                               .df = true,
                               .options = router_alert,
                               .options_len = sizeof(router_alert)};

    ip_build_and_send(net, NULL, skb, &rt->dst, &params);
    dst_release(&rt->dst);
}

/* A message with room for `room` bytes behind the header; NULL without memory. */
static struct sk_buff *igmp_new(struct igmp_device *in, uint8_t type, be32 group, unsigned room)
{
    struct sk_buff *skb = alloc_skb(in->dev->net, MAX_HEADER + (unsigned)sizeof(struct igmphdr) + room);

    if (!skb)
        return NULL;
    skb_reserve(skb, MAX_HEADER);
    *(struct igmphdr *)skb_put(skb, sizeof(struct igmphdr)) = (struct igmphdr){.type = type, .group = group};
    return skb;
}

static void igmp_send_old(struct igmp_device *in, uint8_t type, be32 group, be32 daddr)
{
    struct sk_buff *skb = igmp_new(in, type, group, 0);

    if (skb)
        igmp_send_skb(in, skb, daddr);
}

static void igmpv3_add_record(struct sk_buff *skb, uint8_t type, be32 group, const be32 *sources,
                              unsigned nsrcs)
{
    struct igmphdr *h = (struct igmphdr *)skb->data;

    *(struct igmpv3_record *)skb_put(skb, sizeof(struct igmpv3_record)) =
        (struct igmpv3_record){.type = type, .nsrcs = cpu_to_be16((uint16_t)nsrcs), .group = group};
    if (nsrcs)
        skb_put_data(skb, sources, nsrcs * (unsigned)sizeof(*sources));
    h->group = cpu_to_be32(be32_to_cpu(h->group) + 1);
}

static void igmpv3_send_record(struct ip_mc_group *group, uint8_t type)
{
    unsigned nsrcs = type == IGMPV3_MODE_IS_INCLUDE ? group->nsrcs : 0;
    struct sk_buff *skb = igmp_new(group->in, IGMP_V3_REPORT, 0,
                                   (unsigned)(sizeof(struct igmpv3_record) + sizeof(group->sources)));

    if (!skb)
        return;
    igmpv3_add_record(skb, type, group->addr, group->sources, nsrcs);
    igmp_send_skb(group->in, skb, ALL_V3_ROUTERS);
}

/* All groups of a device, in as many reports as the link needs. */
static void igmpv3_send_all(struct igmp_device *in)
{
    unsigned room = (in->dev->mtu - 24 - (unsigned)sizeof(struct igmphdr)) & ~7u;
    struct sk_buff *skb = NULL;
    struct ip_mc_group *group;

    list_for_each_entry (group, &in->groups, list) {
        if (!group->users || group->addr == ALL_HOSTS)
            continue;
        if (skb && skb->len + sizeof(struct igmpv3_record) > room) {
            igmp_send_skb(in, skb, ALL_V3_ROUTERS);
            skb = NULL;
        }
        if (!skb)
            skb = igmp_new(in, IGMP_V3_REPORT, 0, room);
        if (!skb)
            return;
        igmpv3_add_record(skb, IGMPV3_MODE_IS_EXCLUDE, group->addr, NULL, 0);
    }
    if (skb)
        igmp_send_skb(in, skb, ALL_V3_ROUTERS);
}

/* --- reports --- */

static void igmp_report_old(struct ip_mc_group *group, unsigned version)
{
    igmp_send_old(group->in, version == 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT, group->addr, group->addr);
    group->reporter = true;
}

/* That the group was joined, or left. */
static void igmp_report_change(struct ip_mc_group *group)
{
    unsigned version = igmp_version(group->in);

    if (version == 3) {
        igmpv3_send_record(group, group->users ? IGMPV3_CHANGE_TO_EXCLUDE : IGMPV3_CHANGE_TO_INCLUDE);
    } else if (group->users) {
        igmp_report_old(group, version);
    } else {
        group->changes_left = 1; /* RFC 2236 3: one leave will do; version 1 has none */
        if (version == 2 && group->reporter)
            igmp_send_old(group->in, IGMP_V2_LEAVE, group->addr, ALL_ROUTERS);
    }
}

static void igmp_group_free(struct ip_mc_group *group)
{
    del_timer(&group->change_timer);
    del_timer(&group->query_timer);
    list_del_init(&group->list);
    kfree(group);
}

/* One of the reports that are due; the next one follows at a random time. May free the group. */
static void igmp_next_change(struct ip_mc_group *group)
{
    unsigned most = igmp_version(group->in) == 3 ? IGMP_V3_UNSOLICITED_MS : IGMP_V2_UNSOLICITED_MS;

    igmp_report_change(group);
    if (--group->changes_left)
        mod_timer(&group->change_timer, ktime_get_ms() + 1 + get_random_u32_below(most));
    else if (!group->users)
        igmp_group_free(group);
}

static void igmp_change_due(struct timer *timer)
{
    igmp_next_change(container_of(timer, struct ip_mc_group, change_timer));
}

static void igmp_start_change(struct ip_mc_group *group)
{
    del_timer(&group->change_timer);
    group->changes_left = group->in->robustness;
    igmp_next_change(group);
}

/* The answer to a query about one group. With sources: we receive all of them (RFC 3376 5.2). */
static void igmp_answer_due(struct timer *timer)
{
    struct ip_mc_group *group = container_of(timer, struct ip_mc_group, query_timer);
    unsigned version = igmp_version(group->in);

    if (!group->users)
        return;
    if (version < 3)
        igmp_report_old(group, version);
    else
        igmpv3_send_record(group, group->nsrcs ? IGMPV3_MODE_IS_INCLUDE : IGMPV3_MODE_IS_EXCLUDE);
    group->nsrcs = 0;
}

static void igmp_general_due(struct timer *timer)
{
    igmpv3_send_all(container_of(timer, struct igmp_device, general_timer));
}

/* --- devices and groups --- */

static struct igmp_device *igmp_device_get(struct net_device *dev)
{
    struct netns_igmp *igmp = dev->net->ipv4->igmp;
    struct igmp_device *in = igmp_device_find(dev);

    if (in)
        return in;
    in = kzalloc(sizeof(*in));
    if (!in)
        return NULL;
    in->dev = dev;
    in->robustness = (uint8_t)igmp->sysctl_qrv;
    INIT_LIST_HEAD(&in->groups);
    timer_setup(&in->general_timer, igmp_general_due);
    list_add_tail(&in->list, &igmp->devices);
    return in;
}

static void igmp_device_free(struct igmp_device *in)
{
    while (!list_empty(&in->groups))
        igmp_group_free(list_first_entry(&in->groups, struct ip_mc_group, list));
    del_timer(&in->general_timer);
    list_del_init(&in->list);
    kfree(in);
}

/* RFC 1112 6.4: 01-00-5E and the low 23 bits of the group. */
static void ip_eth_mc_map(be32 group, uint8_t mac[ETH_ALEN])
{
    uint32_t g = be32_to_cpu(group);

    mac[0] = 0x01;
    mac[1] = 0x00;
    mac[2] = 0x5e;
    mac[3] = (uint8_t)(g >> 16 & 0x7f);
    mac[4] = (uint8_t)(g >> 8);
    mac[5] = (uint8_t)g;
}

static struct ip_mc_group *igmp_group_get(struct igmp_device *in, be32 addr)
{
    struct ip_mc_group *group = igmp_group_find(in, addr);

    if (group)
        return group;
    group = kzalloc(sizeof(*group));
    if (!group)
        return NULL;
    group->in = in;
    group->addr = addr;
    timer_setup(&group->change_timer, igmp_change_due);
    timer_setup(&group->query_timer, igmp_answer_due);
    list_add_tail(&group->list, &in->groups);
    return group;
}

/* One more socket listens to the group: 0 or -ENOMEM. */
static int ip_mc_inc_group(struct net_device *dev, be32 addr)
{
    struct igmp_device *in = igmp_device_get(dev);
    struct ip_mc_group *group = in ? igmp_group_get(in, addr) : NULL;
    uint8_t mac[ETH_ALEN];

    if (!group)
        return -ENOMEM;
    if (group->users++)
        return 0;
    ip_eth_mc_map(addr, mac);
    if (dev_mc_add(dev, mac)) {
        group->users = 0;
        if (!group->changes_left)
            igmp_group_free(group);
        return -ENOMEM;
    }
    if (addr != ALL_HOSTS)
        igmp_start_change(group);
    return 0;
}

static void ip_mc_dec_group(struct net_device *dev, be32 addr)
{
    struct igmp_device *in = igmp_device_find(dev);
    struct ip_mc_group *group = in ? igmp_group_find(in, addr) : NULL;
    uint8_t mac[ETH_ALEN];

    if (!group || !group->users || --group->users)
        return;
    ip_eth_mc_map(addr, mac);
    dev_mc_del(dev, mac);
    rt_cache_flush(dev->net); /* it holds that these are for us */
    del_timer(&group->query_timer);
    if (addr == ALL_HOSTS || !netif_running(dev))
        igmp_group_free(group);
    else
        igmp_start_change(group);
}

/* Every device hears 224.0.0.1 while it is up. What was joined is told to the link it comes up on. */
static void igmp_device_event(struct netdev_notifier *self, enum netdev_event event, struct net_device *dev,
                              struct in_ifaddr *ifa)
{
    static const uint8_t all_hosts_mac[ETH_ALEN] = {1, 0, 0x5e, 0, 0, 1};
    struct igmp_device *in = igmp_device_find(dev);
    struct ip_mc_group *group, *next;

    if (!(dev->flags & DEV_IFF_MULTICAST))
        return;
    if (event == NETDEV_UP)
        dev_mc_add(dev, all_hosts_mac); /* without memory this card is deaf to queries, and goes on */
    if (event == NETDEV_DOWN)
        dev_mc_del(dev, all_hosts_mac);
    if (!in)
        return;
    if (event == NETDEV_UNREGISTER) {
        igmp_device_free(in);
        return;
    }
    if (event == NETDEV_UP)
        list_for_each_entry_safe (group, next, &in->groups, list)
            if (group->users && group->addr != ALL_HOSTS)
                igmp_start_change(group);
}

/* --- received --- */

/* RFC 3376 4.1.1: beyond 127 a floating-point number, in tenths of a second. */
static unsigned igmp_response_ms(uint8_t code)
{
    if (code < 128)
        return code * 100u;
    return (((code & 15u) | 16u) << ((code >> 4 & 7u) + 3)) * 100u;
}

/* Arms the timer for a random time within max_ms, unless it goes off earlier anyway. */
static void igmp_delay(struct timer *timer, unsigned max_ms)
{
    uint64_t at = ktime_get_ms() + 1 + get_random_u32_below(max_ms ? max_ms : 1);

    if (!timer_pending(timer) || at < timer->expires_ms)
        mod_timer(timer, at);
}

/* The querier speaks an older version: so do we, for a while, and what was to be said in ours is not. */
static void igmp_older_querier(struct igmp_device *in, unsigned version)
{
    unsigned before = igmp_version(in);
    struct ip_mc_group *group, *next;

    *(version == 1 ? &in->v1_until_ms : &in->v2_until_ms) = ktime_get_ms() + IGMP_OLDER_QUERIER_MS;
    if (igmp_version(in) == before)
        return;
    del_timer(&in->general_timer);
    list_for_each_entry_safe (group, next, &in->groups, list) {
        del_timer(&group->change_timer);
        del_timer(&group->query_timer);
        group->changes_left = 0;
        if (!group->users)
            igmp_group_free(group);
    }
}

/* The sources a version 3 query asks for; too many count as none: then the group as a whole is answered. */
static void igmp_note_sources(struct ip_mc_group *group, const struct sk_buff *skb, bool pending)
{
    const struct igmpv3_query_rest *rest =
        (const struct igmpv3_query_rest *)(skb->data + sizeof(struct igmphdr));
    unsigned nsrcs = be16_to_cpu(rest->nsrcs);

    if (pending && !group->nsrcs)
        return; /* a whole answer is under way */
    if (!pending)
        group->nsrcs = 0;
    if (!nsrcs || group->nsrcs + nsrcs > IGMP_SOURCES_MAX ||
        skb_copy_bits(skb, sizeof(struct igmphdr) + sizeof(*rest), group->sources + group->nsrcs,
                      nsrcs * (unsigned)sizeof(be32)))
        group->nsrcs = 0;
    else
        group->nsrcs += nsrcs;
}

static void igmp_query_v3(struct igmp_device *in, struct sk_buff *skb, const struct igmphdr *h,
                          unsigned max_ms)
{
    const struct igmpv3_query_rest *rest = (const struct igmpv3_query_rest *)(h + 1);
    struct ip_mc_group *group;

    if (rest->qrv & 7)
        in->robustness = rest->qrv & 7;
    if (!h->group) {
        igmp_delay(&in->general_timer, max_ms);
        return;
    }
    group = igmp_group_find(in, h->group);
    if (!group || !group->users || group->addr == ALL_HOSTS)
        return;
    igmp_note_sources(group, skb, timer_pending(&group->query_timer));
    igmp_delay(&group->query_timer, max_ms);
}

/* Versions 1 and 2, or a version 3 query where those are spoken: each group answers for itself. */
static void igmp_query_old(struct igmp_device *in, be32 asked, unsigned max_ms)
{
    struct ip_mc_group *group;

    list_for_each_entry (group, &in->groups, list)
        if (group->users && group->addr != ALL_HOSTS && (!asked || asked == group->addr))
            igmp_delay(&group->query_timer, max_ms);
}

/* skb is at the IGMP header (borrowed). */
static void igmp_heard_query(struct igmp_device *in, struct sk_buff *skb)
{
    unsigned whole = (unsigned)(sizeof(struct igmphdr) + sizeof(struct igmpv3_query_rest)), max_ms;
    const struct igmphdr *h = (const struct igmphdr *)skb->data;
    unsigned version = skb->len > sizeof(*h) ? 3 : h->code ? 2 : 1;

    if (version == 3 && !pskb_may_pull(skb, whole))
        return; /* RFC 3376 7.1: neither length */
    h = (const struct igmphdr *)skb->data;
    max_ms = version == 1 ? IGMP_V1_RESPONSE_MS : version == 2 ? h->code * 100u : igmp_response_ms(h->code);
    if (version < 3)
        igmp_older_querier(in, version);
    if (igmp_version(in) == 3)
        igmp_query_v3(in, skb, h, max_ms);
    else
        igmp_query_old(in, h->group, max_ms);
}

/* Another member has answered: the router needs to know of one only (RFC 2236 3). */
static void igmp_heard_report(struct igmp_device *in, be32 addr)
{
    struct ip_mc_group *group = igmp_group_find(in, addr);

    if (!group || igmp_version(in) == 3)
        return;
    del_timer(&group->query_timer);
    group->reporter = false;
}

/* Takes skb, at the IGMP header. Nobody beyond the link has a say: TTL 1. */
static int igmp_rcv(struct sk_buff *skb)
{
    struct igmp_device *in = igmp_device_find(skb->dev);
    const struct igmphdr *h;

    if (!pskb_may_pull(skb, sizeof(*h)) || ip_hdr(skb)->ttl != 1 ||
        (__force uint16_t)csum_fold(skb_checksum(skb, 0, skb->len, (__force wsum)0))) {
        kfree_skb_reason(skb, SKB_DROP_REASON_IGMP_INVALID);
        return -EINVAL;
    }
    h = (const struct igmphdr *)skb->data;
    if (in && h->type == IGMP_QUERY)
        igmp_heard_query(in, skb);
    else if (in && (h->type == IGMP_V1_REPORT || h->type == IGMP_V2_REPORT))
        igmp_heard_report(in, h->group);
    consume_skb(skb);
    return 0;
}

/* --- sockets --- */

bool ip_mc_sk_allow(const struct sock *sk, be32 daddr, int dif)
{
    const struct ip_mc_socklist *m;

    if (!ipv4_is_multicast(daddr))
        return true;
    for (m = sk->inet_mc_list; m; m = m->next)
        if (m->group == daddr && m->ifindex == dif)
            return true;
    return sk->inet_mc_all;
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

static int ip_mc_join(struct sock *sk, const struct ip_mreqn *mreq)
{
    struct net *net = sock_net(sk);
    be32 group = (__force be32)mreq->imr_multiaddr.s_addr;
    struct net_device *dev;
    struct ip_mc_socklist *m;
    int count = 0, err;

    if (!ipv4_is_multicast(group))
        return -EINVAL;
    dev = ip_mc_find_dev(net, mreq);
    if (!dev)
        return -ENODEV;
    for (m = sk->inet_mc_list; m; m = m->next, count++)
        if (m->group == group && m->ifindex == dev->ifindex)
            return -EADDRINUSE;
    if (count >= net->ipv4->igmp->sysctl_max_memberships)
        return -ENOBUFS;
    m = kzalloc(sizeof(*m));
    if (!m)
        return -ENOBUFS;
    err = ip_mc_inc_group(dev, group);
    if (err) {
        kfree(m);
        return err;
    }
    *m = (struct ip_mc_socklist){.next = sk->inet_mc_list, .group = group, .ifindex = dev->ifindex};
    sk->inet_mc_list = m;
    return 0;
}

/* Takes the membership at *at off the socket's list. */
static void ip_mc_unlink(struct sock *sk, struct ip_mc_socklist **at)
{
    struct ip_mc_socklist *m = *at;
    struct net_device *dev = dev_get_by_index(sock_net(sk), m->ifindex);

    *at = m->next;
    if (dev)
        ip_mc_dec_group(dev, m->group);
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

int ip_mc_setopt(struct sock *sk, int name, const void *val, socklen_t len)
{
    struct ip_mreqn mreq;
    int err;

    switch (name) {
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
        if (sk->sk_type == SOCK_STREAM)
            return -EPROTO;
        err = ip_mc_get_mreq(&mreq, val, len);
        if (err)
            return err;
        return name == IP_ADD_MEMBERSHIP ? ip_mc_join(sk, &mreq) : ip_mc_leave(sk, &mreq);
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
    default:
        return -ENOPROTOOPT;
    }
    *len = min(*len, (socklen_t)sizeof(value));
    memcpy(val, &value, *len);
    return 0;
}

/* --- start and end --- */

static const struct net_protocol igmp_protocol = {.handler = igmp_rcv};

int igmp_init(struct net *net)
{
    struct netns_igmp *igmp = kzalloc(sizeof(*igmp));
    int err;

    if (!igmp)
        return -ENOMEM;
    INIT_LIST_HEAD(&igmp->devices);
    igmp->sysctl_max_memberships = IGMP_MAX_MEMBERSHIPS;
    igmp->sysctl_qrv = 2;
    igmp->sysctl_entries[0] =
        (struct sysctl_entry){"net.ipv4.igmp_max_memberships", &igmp->sysctl_max_memberships, 1, 0, 10000};
    igmp->sysctl_entries[1] = (struct sysctl_entry){"net.ipv4.igmp_qrv", &igmp->sysctl_qrv, 1, 1, 7};
    err = inet_add_protocol(net, &igmp_protocol, IPPROTO_IGMP);
    if (err) {
        kfree(igmp);
        return err;
    }
    net->ipv4->igmp = igmp;
    register_sysctl(net, &igmp->sysctl, igmp->sysctl_entries);
    igmp->notifier.call = igmp_device_event;
    register_netdev_notifier(net, &igmp->notifier);
    return 0;
}

void igmp_exit(struct net *net)
{
    struct netns_igmp *igmp = net->ipv4->igmp;

    if (!igmp)
        return;
    unregister_netdev_notifier(&igmp->notifier);
    while (!list_empty(&igmp->devices))
        igmp_device_free(list_first_entry(&igmp->devices, struct igmp_device, list));
    unregister_sysctl(&igmp->sysctl);
    inet_del_protocol(net, IPPROTO_IGMP);
    net->ipv4->igmp = NULL;
    kfree(igmp);
}
