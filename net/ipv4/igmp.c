/*
 * igmp.c - multicast, the host's side: groups that sockets joined (igmp_socket.c), and IGMP, which tells the
 * routers of them (RFC 1112, RFC 2236, RFC 3376).
 *
 * The first socket that joins opens the card's filter (dev_mc_add) and the way in
 * (ip_check_mc, asked by ip_route_input). Joining and leaving is reported at once and again, as often as the
 * robustness variable says, because a report may get lost; queries are answered after a random delay. As long
 * as a querier of an older version is heard on a link, its language is spoken there (RFC 3376 7.2.1).
 *
 * From which sources a group is wanted is one filter per device, made of all sockets' (igmp_sources.c). It is
 * told in version 3; the older ones know only the group as a whole. 224.0.0.1 is always received and never
 * reported. What is kept is bounded by what local sockets join and name; queries only set timers.
 */
#include "net/ipv4/igmp_internal.h"

#include <errno.h>
#include <string.h>

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
#define IGMPV3_ALLOW_NEW_SOURCES 5
#define IGMPV3_BLOCK_OLD_SOURCES 6

#define ALL_ROUTERS    cpu_to_be32(0xe0000002)
#define ALL_V3_ROUTERS cpu_to_be32(0xe0000016)

#define IGMP_OLDER_QUERIER_MS  260000 /* RFC 3376 8.12: 2 * 125 s + 10 s */
#define IGMP_V1_RESPONSE_MS    10000  /* RFC 2236 4 */
#define IGMP_V2_UNSOLICITED_MS 10000
#define IGMP_V3_UNSOLICITED_MS 1000
#define IGMP_REPORT_MAX        1500u /* bytes of a datagram with reports, on links that would take more */
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

/* A device with groups or queriers. */
struct igmp_device {
    struct list_head list; /* netns_igmp.devices */
    struct net_device *dev;
    struct list_head groups;
    uint64_t v1_until_ms, v2_until_ms; /* queriers of these versions were heard */
    uint8_t robustness;
    struct timer general_timer; /* the answer to a general query, version 3 */
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

bool ip_mc_source_wanted(struct net_device *dev, be32 group, be32 saddr)
{
    struct igmp_device *in = igmp_device_find(dev);
    const struct ip_mc_group *found = in ? igmp_group_find(in, group) : NULL;

    return group == ALL_HOSTS || (found && igmp_group_wants(found, saddr));
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

/* Reports under construction: records go into one message until the link has no room for more. */
struct igmpv3_report {
    struct igmp_device *in;
    struct sk_buff *skb; /* NULL: nothing to send yet */
    struct igmpv3_record *record;
    unsigned room; /* for the IGMP message */
};

static struct igmpv3_report igmpv3_report_begin(struct igmp_device *in)
{
    return (struct igmpv3_report){.in = in, .room = (min(in->dev->mtu, IGMP_REPORT_MAX) - 24) & ~3u};
}

static void igmpv3_report_send(struct igmpv3_report *r)
{
    if (r->skb)
        igmp_send_skb(r->in, r->skb, ALL_V3_ROUTERS);
    r->skb = NULL;
}

/* A record without sources, in this message or, if `more` bytes will not fit any more, in the next. */
static bool igmpv3_record_begin(struct igmpv3_report *r, uint8_t type, be32 group, unsigned more)
{
    struct igmphdr *h;

    if (r->skb && r->skb->len + sizeof(struct igmpv3_record) + more > r->room)
        igmpv3_report_send(r);
    if (!r->skb)
        r->skb = igmp_new(r->in, IGMP_V3_REPORT, 0, r->room);
    if (!r->skb)
        return false;
    r->record = skb_put(r->skb, sizeof(*r->record));
    *r->record = (struct igmpv3_record){.type = type, .group = group};
    h = (struct igmphdr *)r->skb->data;
    h->group = cpu_to_be32(be32_to_cpu(h->group) + 1);
    return true;
}

/* One more source of the record that was begun. Too many for a message go on in the next, but for lists of
 * what is excluded: there two records would contradict each other, and the rest is left out (RFC
 * 3376 4.2.16). */
static bool igmpv3_record_source(struct igmpv3_report *r, be32 source)
{
    uint8_t type = r->record->type;

    if (r->skb->len + sizeof(source) > r->room) {
        if (type == IGMPV3_MODE_IS_EXCLUDE || type == IGMPV3_CHANGE_TO_EXCLUDE)
            return true;
        if (!igmpv3_record_begin(r, type, r->record->group, sizeof(source)))
            return false;
    }
    skb_put_data(r->skb, &source, sizeof(source));
    r->record->nsrcs = cpu_to_be16((uint16_t)(be16_to_cpu(r->record->nsrcs) + 1));
    return true;
}

/* The group's filter as it is. */
static void igmpv3_add_state(struct igmpv3_report *r, const struct ip_mc_group *group, uint8_t type)
{
    bool fine = igmpv3_record_begin(r, type, group->addr, 0);

    for (unsigned i = 0; fine && i < group->source_count; i++)
        if (group->sources[i].listed)
            fine = igmpv3_record_source(r, group->sources[i].addr);
}

static uint8_t igmpv3_state_type(const struct ip_mc_group *group)
{
    return group->mode == MCAST_EXCLUDE ? IGMPV3_MODE_IS_EXCLUDE : IGMPV3_MODE_IS_INCLUDE;
}

/* Of the sources a query asked for, those that are wanted (RFC 3376 5.2); none: there is nothing to say. */
static void igmpv3_add_asked(struct igmpv3_report *r, const struct ip_mc_group *group)
{
    bool begun = false;

    for (unsigned i = 0; i < group->nsrcs; i++) {
        if (!igmp_group_wants(group, group->asked[i]))
            continue;
        if (!begun)
            begun = igmpv3_record_begin(r, IGMPV3_MODE_IS_INCLUDE, group->addr, 0);
        if (!begun || !igmpv3_record_source(r, group->asked[i]))
            return;
    }
}

/* The sources that have come (ALLOW) or gone (BLOCK) lately. */
static void igmpv3_add_changes(struct igmpv3_report *r, const struct ip_mc_group *group, uint8_t type)
{
    bool begun = false;

    for (unsigned i = 0; i < group->source_count; i++) {
        const struct igmp_source *s = &group->sources[i];
        bool wanted = s->listed == (group->mode == MCAST_INCLUDE);

        if (!s->changes_left || wanted != (type == IGMPV3_ALLOW_NEW_SOURCES))
            continue;
        if (!begun)
            begun = igmpv3_record_begin(r, type, group->addr, sizeof(s->addr));
        if (!begun || !igmpv3_record_source(r, s->addr))
            return;
    }
}

/* All groups of a device, in as many reports as the link needs. */
static void igmpv3_send_all(struct igmp_device *in)
{
    struct igmpv3_report report = igmpv3_report_begin(in);
    struct ip_mc_group *group;

    list_for_each_entry (group, &in->groups, list)
        if (group->users && group->addr != ALL_HOSTS)
            igmpv3_add_state(&report, group, igmpv3_state_type(group));
    igmpv3_report_send(&report);
}

/* --- reports --- */

static void igmp_report_old(struct ip_mc_group *group, unsigned version)
{
    igmp_send_old(group->in, version == 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT, group->addr, group->addr);
    group->reporter = true;
}

/* RFC 3376 5.1: a change of mode is told with the whole list, in which single sources are told as well. */
static void igmpv3_report_change(struct ip_mc_group *group)
{
    struct igmpv3_report report = igmpv3_report_begin(group->in);

    if (group->changes_left) {
        igmpv3_add_state(&report, group,
                         group->mode == MCAST_EXCLUDE ? IGMPV3_CHANGE_TO_EXCLUDE : IGMPV3_CHANGE_TO_INCLUDE);
    } else {
        igmpv3_add_changes(&report, group, IGMPV3_ALLOW_NEW_SOURCES);
        igmpv3_add_changes(&report, group, IGMPV3_BLOCK_OLD_SOURCES);
    }
    igmpv3_report_send(&report);
}

/* That the group was joined, or left, or is wanted from others than before. */
static void igmp_report_change(struct ip_mc_group *group)
{
    unsigned version = igmp_version(group->in);

    if (version == 3) {
        igmpv3_report_change(group);
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
    while (!list_empty(&group->members)) /* the device goes; the sockets find out when they leave */
        list_del_init(group->members.next);
    del_timer(&group->change_timer);
    del_timer(&group->query_timer);
    list_del_init(&group->list);
    kfree(group->sources);
    kfree(group);
}

/* One report less is due: whether any is still. */
static bool igmp_count_down(struct ip_mc_group *group)
{
    bool more;

    if (group->changes_left)
        group->changes_left--;
    more = group->changes_left;
    for (unsigned i = 0; i < group->source_count; i++) {
        struct igmp_source *s = &group->sources[i];

        s->changes_left -= s->changes_left > 0;
        more = more || s->changes_left;
    }
    igmp_sources_purge(group);
    return more;
}

/* One of the reports that are due; the next one follows at a random time. May free the group. */
static void igmp_next_change(struct ip_mc_group *group)
{
    unsigned most = igmp_version(group->in) == 3 ? IGMP_V3_UNSOLICITED_MS : IGMP_V2_UNSOLICITED_MS;

    igmp_report_change(group);
    if (igmp_count_down(group))
        mod_timer(&group->change_timer, ktime_get_ms() + 1 + get_random_u32_below(most));
    else if (!group->users)
        igmp_group_free(group);
}

static void igmp_change_due(struct timer *timer)
{
    igmp_next_change(container_of(timer, struct ip_mc_group, change_timer));
}

/*
 * Tells the routers how the group differs from what it was, if it does (RFC 3376 5.1): by the other mode, or
 * by the sources that came or went. Older versions know of joining and leaving only. May free the group.
 */
static void igmp_start_change(struct ip_mc_group *group, unsigned old_mode, bool joined_or_left)
{
    bool whole = igmp_version(group->in) == 3 ? group->mode != old_mode : joined_or_left;
    uint8_t times = group->in->robustness;
    bool due = whole;

    if (whole)
        group->changes_left = times;
    for (unsigned i = 0; i < group->source_count && igmp_version(group->in) == 3; i++) {
        struct igmp_source *s = &group->sources[i];

        if (whole)
            s->changes_left = 0; /* each of the reports brings the whole list */
        else if (s->listed != s->was_listed)
            s->changes_left = times;
        due = due || s->changes_left;
    }
    if (due) {
        del_timer(&group->change_timer);
        igmp_next_change(group);
    } else if (!group->users) {
        igmp_group_free(group);
    } else {
        igmp_sources_purge(group);
    }
}

/* As if it had been joined just now. */
static void igmp_announce(struct ip_mc_group *group)
{
    for (unsigned i = 0; i < group->source_count; i++)
        group->sources[i].was_listed = false;
    igmp_start_change(group, MCAST_INCLUDE, true);
}

/* The answer to a query about one group, or some of its sources. */
static void igmp_answer_due(struct timer *timer)
{
    struct ip_mc_group *group = container_of(timer, struct ip_mc_group, query_timer);
    struct igmpv3_report report = igmpv3_report_begin(group->in);
    unsigned version = igmp_version(group->in);

    if (!group->users)
        return;
    if (version < 3)
        igmp_report_old(group, version);
    else if (group->nsrcs)
        igmpv3_add_asked(&report, group);
    else
        igmpv3_add_state(&report, group, igmpv3_state_type(group));
    igmpv3_report_send(&report);
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
    group->mode = MCAST_INCLUDE;
    INIT_LIST_HEAD(&group->members);
    timer_setup(&group->change_timer, igmp_change_due);
    timer_setup(&group->query_timer, igmp_answer_due);
    list_add_tail(&group->list, &in->groups);
    return group;
}

/* A group that nobody is in and the routers are told nothing of. */
static void igmp_group_drop_idle(struct ip_mc_group *group)
{
    if (!group->users && !timer_pending(&group->change_timer))
        igmp_group_free(group);
}

/* Somebody's filter has come, gone or changed. May free the group. */
static void igmp_members_changed(struct ip_mc_group *group, bool joined_or_left)
{
    unsigned old_mode = group->mode;

    igmp_sources_merge(group);
    if (group->addr != ALL_HOSTS && netif_running(group->in->dev))
        igmp_start_change(group, old_mode, joined_or_left);
    else if (!group->users)
        igmp_group_free(group);
    else
        igmp_sources_purge(group);
}

int ip_mc_add_member(struct net_device *dev, struct ip_mc_socklist *m)
{
    struct igmp_device *in = igmp_device_get(dev);
    struct ip_mc_group *group = in ? igmp_group_get(in, m->group) : NULL;
    uint8_t mac[ETH_ALEN];

    if (!group)
        return -ENOMEM;
    ip_eth_mc_map(m->group, mac);
    if (igmp_sources_reserve(group, m->filter.count) || (!group->users && dev_mc_add(dev, mac))) {
        igmp_group_drop_idle(group);
        return -ENOMEM;
    }
    list_add_tail(&m->member, &group->members);
    igmp_members_changed(group, !group->users++);
    return 0;
}

static struct ip_mc_group *igmp_group_of(struct net_device *dev, const struct ip_mc_socklist *m)
{
    struct igmp_device *in = list_empty(&m->member) ? NULL : igmp_device_find(dev);

    return in ? igmp_group_find(in, m->group) : NULL;
}

int ip_mc_change_member(struct net_device *dev, struct ip_mc_socklist *m, struct ip_mc_filter *filter)
{
    struct ip_mc_group *group = igmp_group_of(dev, m);
    struct ip_mc_filter old = m->filter;

    if (group && igmp_sources_reserve(group, filter->count))
        return -ENOMEM;
    m->filter = *filter;
    *filter = old;
    if (group)
        igmp_members_changed(group, false);
    return 0;
}

void ip_mc_del_member(struct net_device *dev, struct ip_mc_socklist *m)
{
    struct ip_mc_group *group = igmp_group_of(dev, m);
    uint8_t mac[ETH_ALEN];

    if (!group)
        return;
    list_del_init(&m->member);
    if (!--group->users) {
        ip_eth_mc_map(m->group, mac);
        dev_mc_del(dev, mac);
        rt_cache_flush(dev->net); /* it holds that these are for us */
        del_timer(&group->query_timer);
    }
    igmp_members_changed(group, !group->users);
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
                igmp_announce(group);
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
        for (unsigned i = 0; i < group->source_count; i++)
            group->sources[i].changes_left = 0;
        igmp_sources_purge(group);
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
        skb_copy_bits(skb, sizeof(struct igmphdr) + sizeof(*rest), group->asked + group->nsrcs,
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
    igmp->sysctl_max_msf = IGMP_MAX_MSF;
    igmp->sysctl_qrv = 2;
    igmp->sysctl_entries[0] =
        (struct sysctl_entry){"net.ipv4.igmp_max_memberships", &igmp->sysctl_max_memberships, 1, 0, 10000};
    igmp->sysctl_entries[1] = (struct sysctl_entry){"net.ipv4.igmp_qrv", &igmp->sysctl_qrv, 1, 1, 7};
    igmp->sysctl_entries[2] =
        (struct sysctl_entry){"net.ipv4.igmp_max_msf", &igmp->sysctl_max_msf, 1, 0, IGMP_MAX_MSF_MAX};
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
