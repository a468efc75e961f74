/*
 * nf_nat_core.c - which addresses and ports a connection gets, and the hooks that give them to its packets.
 *
 * Behaves towards applications as RFC 4787, 5382 and 5508 ask, as far as Linux does: a port stays the same
 * while it is free (and in its class: below 512, below 1024, above), a source that already has a mapping gets
 * the same one towards another peer, another port is taken at random (RFC 6056 3.3.1). Every reply tuple is
 * unique in the table of connections, so what comes back is never ambiguous. A connection that no rule
 * touches gets a null binding: its addresses stay, and its port moves only if it would answer to somebody
 * else's tuple.
 */
#include "net/netfilter/nf_nat.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/random.h"
#include "kernel/slab.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/route.h"
#include "net/netfilter/nf_conntrack_internal.h"
#include "net/netfilter/nf_route.h"
#include "net/netfilter/x_tables.h"

#define NAT_MAPPINGS_MAX 64u  /* of one source to look at, for one to use again */
#define NAT_PORT_TRIES   128u /* from one random start; then half as many from another, and so on */
#define NAT_PORTS_USABLE 65535u

struct netns_nat {
    struct net *net;
    bool on;
    bool wanted;       /* table nat has rules; without, we stay while there are translated connections */
    struct timer last; /* the last of them has gone */
    struct nf_hook_ops hooks[4];
    struct hlist_head *by_source; /* nf_conn.by_source; as many as tracking has buckets */
    struct netdev_notifier notifier;
};

/* --- free tuples --- */

/* Whether answers to this would be taken for another connection's. */
static bool nat_tuple_used(const struct nf_conn *ct, const struct nf_conntrack_tuple *tuple)
{
    struct nf_conntrack_tuple reply;
    enum ip_conntrack_dir dir;
    struct nf_conn *other;

    nf_ct_invert_tuple(&reply, tuple);
    other = nf_ct_find(ct->net, &reply, &dir);
    return other && other != ct;
}

static bool nat_has_ports(uint8_t protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_ICMP;
}

/* The port (ICMP: the id) that this half may change. */
static be16 *nat_port_of(struct nf_conntrack_tuple *tuple, enum nf_nat_manip manip)
{
    return manip == NF_NAT_MANIP_SRC || tuple->protocol == IPPROTO_ICMP ? &tuple->src_port : &tuple->dst_port;
}

static bool nat_addr_in_range(be32 addr, const struct nf_nat_range *range)
{
    uint32_t a = be32_to_cpu(addr);

    return !(range->flags & NF_NAT_RANGE_ADDRS) ||
           (a >= be32_to_cpu(range->min_addr) && a <= be32_to_cpu(range->max_addr));
}

static bool nat_port_in_range(be16 port, const struct nf_nat_range *range)
{
    uint16_t p = be16_to_cpu(port);

    return !(range->flags & NF_NAT_RANGE_PORTS) || (p >= range->min_port && p <= range->max_port);
}

/* --- sources that have a mapping --- */

static unsigned nat_source_bucket(const struct nf_conntrack_tuple *t, struct net *net)
{
    return (unsigned)hsiphash_3u32((__force uint32_t)t->src, (__force uint16_t)t->src_port, t->protocol,
                                   &net->ct->key) &
           (net->ct->buckets - 1);
}

/* RFC 4787 REQ-1: the mapping this source has towards others already, if it fits. */
static bool nat_reuse_mapping(const struct nf_conn *ct, struct nf_conntrack_tuple *tuple,
                              const struct nf_nat_range *range)
{
    struct hlist_head *head = &ct->net->nat->by_source[nat_source_bucket(tuple, ct->net)];
    struct nf_conntrack_tuple candidate = *tuple;
    const struct nf_conn *other;
    unsigned looked = 0;

    hlist_for_each_entry (other, head, by_source) {
        const struct nf_conntrack_tuple *orig = nf_ct_tuple(other, IP_CT_DIR_ORIGINAL);
        const struct nf_conntrack_tuple *reply = nf_ct_tuple(other, IP_CT_DIR_REPLY);

        if (orig->src != tuple->src || orig->src_port != tuple->src_port || orig->protocol != tuple->protocol)
            continue;
        if (looked++ == NAT_MAPPINGS_MAX)
            break;
        candidate.src = reply->dst;
        candidate.src_port = tuple->protocol == IPPROTO_ICMP ? reply->src_port : reply->dst_port;
        if (nat_addr_in_range(candidate.src, range) && nat_port_in_range(candidate.src_port, range) &&
            !nat_tuple_used(ct, &candidate)) {
            *tuple = candidate;
            return true;
        }
    }
    return false;
}

/* --- choosing --- */

/* Spreads clients over the addresses of the range: always the same one for the same pair, or (PERSISTENT) for
 * the same client, which RFC 4787 REQ-2 asks for. */
static be32 nat_choose_addr(const struct nf_conn *ct, const struct nf_conntrack_tuple *tuple,
                            const struct nf_nat_range *range)
{
    uint32_t min_addr = be32_to_cpu(range->min_addr);
    uint64_t count = (uint64_t)be32_to_cpu(range->max_addr) - min_addr + 1;
    uint32_t peer = range->flags & NF_NAT_RANGE_PERSISTENT ? 0 : (__force uint32_t)tuple->dst;
    uint32_t hash;

    if (count == 1)
        return range->min_addr;
    hash = (uint32_t)hsiphash_3u32((__force uint32_t)tuple->src, peer, 0, &ct->net->ct->key);
    return cpu_to_be32(min_addr + (uint32_t)((uint64_t)hash * count >> 32));
}

/* Without ports in the rule: those of the same class (RFC 4787 4.2.2). Never port 0; an id may be 0. */
static void nat_port_class(uint8_t protocol, uint16_t port, unsigned *from, unsigned *count)
{
    if (protocol == IPPROTO_ICMP) {
        *from = 0;
        *count = NAT_PORTS_USABLE + 1;
    } else if (port < 512) {
        *from = 1;
        *count = 511;
    } else if (port < 1024) {
        *from = 600;
        *count = 1024 - 600;
    } else {
        *from = 1024;
        *count = NAT_PORTS_USABLE + 1 - 1024;
    }
}

/*
 * A free port from the range, from a random place on. A range that is nearly used up is not searched to the
 * end: a packet must not cost more than some hundred lookups. Without luck the last one stays, which is in
 * use, and the connection will not enter the table.
 */
static void nat_choose_port(const struct nf_conn *ct, struct nf_conntrack_tuple *tuple,
                            const struct nf_nat_range *range, enum nf_nat_manip manip)
{
    be16 *port = nat_port_of(tuple, manip);
    unsigned from = range->min_port, count = range->max_port - range->min_port + 1u;

    if (!(range->flags & NF_NAT_RANGE_PORTS)) {
        if (manip == NF_NAT_MANIP_DST)
            return; /* it is the service that is asked for */
        nat_port_class(tuple->protocol, be16_to_cpu(*port), &from, &count);
    }
    for (unsigned tries = min(count, NAT_PORT_TRIES); tries; tries /= 2) {
        unsigned start = get_random_u32_below(count);

        for (unsigned i = 0; i < tries; i++) {
            *port = cpu_to_be16(from + (start + i) % count);
            if (!nat_tuple_used(ct, tuple))
                return;
        }
        if (count <= NAT_PORT_TRIES)
            return; /* all were asked */
    }
}

/* *tuple, the original direction as it stands, becomes what the range allows and nobody else has. */
static void nat_unique_tuple(const struct nf_conn *ct, struct nf_conntrack_tuple *tuple,
                             const struct nf_nat_range *range, enum nf_nat_manip manip)
{
    bool random = range->flags & NF_NAT_RANGE_RANDOM;
    bool src = manip == NF_NAT_MANIP_SRC;
    be16 port;

    if (src && !random) {
        if (nat_addr_in_range(tuple->src, range) && nat_port_in_range(tuple->src_port, range) &&
            !nat_tuple_used(ct, tuple))
            return;
        if (nat_reuse_mapping(ct, tuple, range))
            return;
    }
    if (range->flags & NF_NAT_RANGE_ADDRS) {
        be32 addr = nat_choose_addr(ct, tuple, range);
        if (src)
            tuple->src = addr;
        else
            tuple->dst = addr;
    }
    if (!nat_has_ports(tuple->protocol))
        return;
    port = *nat_port_of(tuple, manip);
    if (!random && nat_port_in_range(port, range) && !nat_tuple_used(ct, tuple))
        return;
    nat_choose_port(ct, tuple, range, manip);
}

void nf_nat_setup(struct nf_conn *ct, const struct nf_nat_range *range, enum nf_nat_manip manip)
{
    uint32_t done = manip == NF_NAT_MANIP_SRC ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE;
    struct nf_conntrack_tuple before, after, *reply = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;

    if (ct->status & (done | IPS_CONFIRMED))
        return;
    nf_ct_invert_tuple(&before, reply);
    after = before;
    nat_unique_tuple(ct, &after, range, manip);
    if (!nf_ct_tuple_equal(&before, &after)) {
        nf_ct_invert_tuple(reply, &after);
        reply->dir = IP_CT_DIR_REPLY;
        if (!(ct->status & (IPS_NAT_MASK | IPS_DYING)))
            ct->net->ct->translated++;
        ct->status |= manip == NF_NAT_MANIP_SRC ? IPS_SRC_NAT : IPS_DST_NAT;
    }
    if (manip == NF_NAT_MANIP_SRC && ct->net->nat->on) {
        const struct nf_conntrack_tuple *orig = nf_ct_tuple(ct, IP_CT_DIR_ORIGINAL);
        hlist_add_head(&ct->by_source, &ct->net->nat->by_source[nat_source_bucket(orig, ct->net)]);
    }
    ct->status |= done;
}

static void nat_null_binding(struct nf_conn *ct, enum nf_nat_manip manip)
{
    const struct nf_conntrack_tuple *reply = nf_ct_tuple(ct, IP_CT_DIR_REPLY);
    be32 addr = manip == NF_NAT_MANIP_SRC ? reply->dst : reply->src;
    struct nf_nat_range range = {.flags = NF_NAT_RANGE_ADDRS, .min_addr = addr, .max_addr = addr};

    nf_nat_setup(ct, &range, manip);
}

/* --- a packet --- */

/* Whether packets of this direction change at a hook of this kind. */
static bool nat_changes(const struct nf_conn *ct, enum ip_conntrack_dir dir, enum nf_nat_manip manip)
{
    uint32_t bit = manip == NF_NAT_MANIP_SRC ? IPS_SRC_NAT : IPS_DST_NAT;

    if (dir == IP_CT_DIR_REPLY) /* what was the source is their destination */
        bit ^= IPS_NAT_MASK;
    return ct->status & bit;
}

static int nat_packet(struct sk_buff *skb, const struct nf_conn *ct, enum ip_conntrack_dir dir,
                      enum nf_nat_manip manip)
{
    struct nf_conntrack_tuple target;

    if (!nat_changes(ct, dir, manip))
        return 0;
    nf_ct_invert_tuple(&target, nf_ct_tuple(ct, !dir)); /* what the other direction answers to */
    return nf_nat_manip_packet(skb, &target, manip);
}

/*
 * RFC 5508 4: an error goes back to whoever sent the quoted datagram and must find it as it was sent. The
 * quote goes the other way, so what is the error's destination is the quote's source. An error may be made on
 * our own way, between the two halves; so the quote is put right at the hook that puts the outside right.
 */
static int nat_icmp_error(struct sk_buff *skb, const struct nf_conn *ct, enum ip_conntrack_dir dir,
                          enum nf_nat_manip manip)
{
    const struct iphdr *iph = (const struct iphdr *)skb->data;
    struct nf_conntrack_tuple target;
    uint8_t type;
    int err = skb_copy_bits(skb, ip_hdrlen(iph), &type, 1);

    if (err)
        return err;
    /* A redirect speaks of routes on a link that its reader, behind a translator, is not on. */
    if (type == 5 && (ct->status & IPS_NAT_MASK))
        return -EINVAL;
    if (!nat_changes(ct, dir, manip))
        return 0;
    err = nf_nat_manip_quoted(skb, nf_ct_tuple(ct, !dir),
                              manip == NF_NAT_MANIP_SRC ? NF_NAT_MANIP_DST : NF_NAT_MANIP_SRC);
    if (err)
        return err;
    nf_ct_invert_tuple(&target, nf_ct_tuple(ct, !dir));
    return nf_nat_manip_packet(skb, &target, manip);
}

/* MASQUERADE's address is that of a device: over another one the connection makes no sense. */
static bool nat_left_its_device(const struct nf_conn *ct, enum ip_conntrack_dir dir,
                                const struct nf_hook_state *state)
{
    return ct->masq_ifindex && dir == IP_CT_DIR_ORIGINAL && state->hook == NF_INET_POST_ROUTING &&
           state->out->ifindex != ct->masq_ifindex;
}

static enum nf_verdict nat_drop(struct sk_buff *skb)
{
    kfree_skb_reason(skb, SKB_DROP_REASON_NAT_FAILED);
    return NF_STOLEN;
}

/* What table nat says of this half, for a first packet. */
static enum nf_verdict nat_ask_rules(struct sk_buff *skb, struct nf_conn *ct, enum nf_nat_manip manip,
                                     const struct nf_hook_state *state)
{
    uint32_t done = manip == NF_NAT_MANIP_SRC ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE;
    int verdict;

    if (ct->status & (done | IPS_CONFIRMED))
        return NF_ACCEPT;
    verdict = xt_do_table(skb, state, XT_NAT);
    if (verdict == NF_ACCEPT && !(ct->status & done))
        nat_null_binding(ct, manip);
    return (enum nf_verdict)verdict;
}

static enum nf_verdict nf_nat_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
    enum nf_nat_manip manip = nf_nat_hook_manip(state->hook);
    be32 daddr = ((const struct iphdr *)skb->data)->daddr;
    enum ip_conntrack_info info;
    struct nf_conn *ct = nf_ct_get(skb, &info);
    enum ip_conntrack_dir dir = nf_ct_info_dir(info);
    bool related = info == IP_CT_RELATED || info == IP_CT_RELATED_REPLY;
    int err;

    if (!ct)
        return NF_ACCEPT;
    if (info == IP_CT_NEW) {
        enum nf_verdict verdict = nat_ask_rules(skb, ct, manip, state);
        if (verdict != NF_ACCEPT)
            return verdict;
    }
    if (nat_left_its_device(ct, dir, state)) {
        nf_ct_kill(ct);
        return nat_drop(skb);
    }
    if (related && ((const struct iphdr *)skb->data)->protocol == IPPROTO_ICMP)
        err = nat_icmp_error(skb, ct, dir, manip);
    else
        err = nat_packet(skb, ct, dir, manip);
    if (!err && state->hook == NF_INET_LOCAL_OUT && ((const struct iphdr *)skb->data)->daddr != daddr)
        err = ip_route_me_harder(skb);
    return err ? nat_drop(skb) : NF_ACCEPT;
}

/* --- masqueraded connections end with the address they borrow --- */

struct nat_gone {
    int ifindex;
    be32 addr; /* 0: all of the device's */
};

static bool nat_borrows(struct nf_conn *ct, void *ctx)
{
    const struct nat_gone *gone = ctx;

    return ct->masq_ifindex == gone->ifindex &&
           (!gone->addr || nf_ct_tuple(ct, IP_CT_DIR_REPLY)->dst == gone->addr);
}

static void nat_device_event(struct netdev_notifier *self, enum netdev_event event, struct net_device *dev,
                             struct in_ifaddr *ifa)
{
    struct nat_gone gone = {.ifindex = dev->ifindex};

    if (event == NETDEV_ADDR_DEL)
        gone.addr = ifa->local;
    else if (event != NETDEV_DOWN && event != NETDEV_UNREGISTER)
        return;
    nf_ct_kill_if(dev->net, nat_borrows, &gone);
}

/*
 * --- while table nat has rules ---
 *
 * And behind its last rule, as in Linux, for the connections that earlier rules have translated: if that
 * ended with the rule, their packets would leave by addresses that no rule has let through, and break off.
 */

static void nat_register(struct netns_nat *n)
{
    static const enum nf_inet_hooks dst[] = {NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT};
    static const enum nf_inet_hooks src[] = {NF_INET_LOCAL_IN, NF_INET_POST_ROUTING};

    for (size_t i = 0; i < 2; i++) {
        n->hooks[i] =
            (struct nf_hook_ops){.hook = nf_nat_hook, .hooknum = dst[i], .priority = NF_IP_PRI_NAT_DST};
        n->hooks[2 + i] =
            (struct nf_hook_ops){.hook = nf_nat_hook, .hooknum = src[i], .priority = NF_IP_PRI_NAT_SRC};
    }
    for (size_t i = 0; i < ARRAY_SIZE(n->hooks); i++)
        nf_register_net_hook(n->net, &n->hooks[i]);
    n->notifier = (struct netdev_notifier){.call = nat_device_event};
    register_netdev_notifier(n->net, &n->notifier);
}

static int nat_begin(struct netns_nat *n)
{
    int err = nf_ct_get_use(n->net);

    if (err)
        return err;
    n->by_source = kcalloc(n->net->ct->buckets, sizeof(*n->by_source));
    if (!n->by_source) {
        nf_ct_put_use(n->net);
        return -ENOMEM;
    }
    nat_register(n);
    n->on = true;
    return 0;
}

static void nat_end(struct netns_nat *n)
{
    unregister_netdev_notifier(&n->notifier);
    for (size_t i = 0; i < ARRAY_SIZE(n->hooks); i++)
        nf_unregister_net_hook(&n->hooks[i]);
    for (unsigned i = 0; i < n->net->ct->buckets; i++)
        while (n->by_source[i].first)
            hlist_del_init(n->by_source[i].first);
    n->on = false;
    kfree(n->by_source);
    n->by_source = NULL;
    nf_ct_put_use(n->net);
}

static void nat_last_gone(struct timer *timer)
{
    struct netns_nat *n = container_of(timer, struct netns_nat, last);

    if (n->on && !n->wanted && !n->net->ct->translated)
        nat_end(n);
}

/* netns_ct.untranslated: somebody is in the middle of the table, so the end comes in the next round. */
static void nat_untranslated(struct net *net)
{
    struct netns_nat *n = net->nat;

    if (n->on && !n->wanted)
        mod_timer(&n->last, ktime_get_ms());
}

/* For x_tables: table nat gets its first rule, has lost its last. */
static int nat_use(struct net *net, bool on)
{
    struct netns_nat *n = net->nat;

    n->wanted = on;
    if (on)
        return n->on ? 0 : nat_begin(n);
    if (n->on && !net->ct->translated)
        nat_end(n);
    return 0;
}

int nf_nat_init(struct net *net)
{
    struct netns_nat *n = kzalloc(sizeof(*n));

    if (!n)
        return -ENOMEM;
    n->net = net;
    timer_setup(&n->last, nat_last_gone);
    net->nat = n;
    net->ct->untranslated = nat_untranslated;
    xt_set_nat_user(net, nat_use);
    return 0;
}

static bool nat_is_translated(struct nf_conn *ct, void *ctx)
{
    return ct->status & IPS_NAT_MASK;
}

void nf_nat_exit(struct net *net)
{
    struct netns_nat *n = net->nat;

    if (!n)
        return;
    xt_set_nat_user(net, NULL);
    net->ct->untranslated = NULL;
    del_timer(&n->last);
    if (n->on) {
        nf_ct_kill_if(net, nat_is_translated, NULL);
        nat_end(n);
    }
    kfree(n);
    net->nat = NULL;
}
