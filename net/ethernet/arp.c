/*
 * arp.c - address resolution for IPv4 over Ethernet (RFC 826), and the defence of our own addresses (RFC
 * 5227).
 *
 * In:  netif_receive_skb() -> arp_rcv(): validate, decide, act. Softirq context.
 * Out: the neighbour table asks through arp_solicit(); answers, probes and announcements go by arp_send().
 *
 * What strangers say is believed as little as the protocol allows: a packet updates an entry we have, and
 * makes one only when it asks for an address of ours from that address's subnet. Nothing is learned from
 * probes and from who claims our own address.
 */
#include "net/ethernet/arp.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "net/core/dst.h"
#include "net/core/sysctl.h"
#include "net/ethernet/arp_conf.h"
#include "net/ethernet/ethernet.h"

#define ARPHRD_ETHER  1
#define ARPOP_REQUEST 1
#define ARPOP_REPLY   2

/* A known address may be replaced once it is that old: of two answers the first counts. */
#define ARP_LOCKTIME_MS 1000

/* RFC 5227 1.1, with the shortest spacing of probes it allows. */
#define PROBE_WAIT_MS        1000
#define PROBE_NUM            3
#define PROBE_MIN_MS         1000
#define PROBE_JITTER_MS      200
#define ANNOUNCE_WAIT_MS     2000
#define ANNOUNCE_NUM         2
#define ANNOUNCE_INTERVAL_MS 2000
#define DEFEND_INTERVAL_MS   10000
#define LINK_WAIT_MS         200 /* between looks whether there is a link to probe on */

struct arp_eth_ipv4 {
    be16 hrd, pro;
    uint8_t hln, pln;
    be16 op;
    uint8_t sha[ETH_ALEN];
    be32 sip;
    uint8_t tha[ETH_ALEN];
    be32 tip;
} __packed;
_Static_assert(sizeof(struct arp_eth_ipv4) == 28, "RFC 826 for Ethernet and IPv4");

enum arp_phase { ARP_IDLE, ARP_PROBING, ARP_ANNOUNCING, ARP_CONFLICT };

/* What ARP does about one address of ours; lives as long as the in_ifaddr. */
struct arp_claim {
    struct list_head list; /* netns_arp.claims */
    struct net_device *dev;
    struct in_ifaddr *ifa;
    enum arp_phase phase;
    unsigned sent; /* probes or announcements in this phase */
    struct timer timer;
    bool defended;
    uint64_t defended_ms;
    void (*done)(struct net_device *dev, be32 addr, const uint8_t *conflict, void *ctx);
    void *ctx;
};

struct netns_arp {
    struct net *net;
    struct packet_type packet_type;
    struct netdev_notifier notifier;
    struct list_head claims;
    struct arp_confs confs;
    int sysctl_arp_probe;
    struct sysctl_table sysctl;
    struct sysctl_entry sysctl_entries[10];
};

/* RFC 3927: addresses that hosts choose for themselves. */
static bool arp_is_link_local(be32 addr)
{
    return be32_to_cpu(addr) >> 16 == 0xa9fe;
}

/* --- sending --- */

void arp_send(struct net_device *dev, uint16_t op, be32 dest_ip, be32 src_ip, const uint8_t *dest_hw,
              const uint8_t *src_hw, const uint8_t *target_hw)
{
    struct sk_buff *skb = alloc_skb(dev->net, MAX_HEADER + sizeof(struct arp_eth_ipv4));

    if (!skb)
        return; /* whoever needs the answer asks again */
    skb_reserve(skb, MAX_HEADER);
    struct arp_eth_ipv4 *arp = skb_put(skb, sizeof(*arp));
    *arp = (struct arp_eth_ipv4){
        .hrd = cpu_to_be16(ARPHRD_ETHER),
        .pro = cpu_to_be16(ETH_P_IP),
        .hln = ETH_ALEN,
        .pln = 4,
        .op = cpu_to_be16(op),
        .sip = src_ip,
        .tip = dest_ip,
    };
    memcpy(arp->sha, src_hw ? src_hw : dev->dev_addr, ETH_ALEN);
    if (target_hw)
        memcpy(arp->tha, target_hw, ETH_ALEN);
    if (arp_is_link_local(src_ip))
        dest_hw = NULL; /* RFC 3927 2.5: to everybody, replies too, so that a conflict is seen */
    skb->dev = dev;
    skb->protocol = cpu_to_be16(ETH_P_ARP);
    skb_reset_network_header(skb);
    if (dev_hard_header(skb, dev, ETH_P_ARP, dest_hw, src_hw) != 0) {
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return;
    }
    if (op == ARPOP_REQUEST)
        NET_INC_STATS(dev->net, ArpRequestsSent);
    else
        NET_INC_STATS(dev->net, ArpRepliesSent);
    dev_queue_xmit(skb);
}

/* RFC 5227 3: an announcement is a request for the address itself. */
static void arp_announce(struct net_device *dev, be32 addr)
{
    arp_send(dev, ARPOP_REQUEST, addr, addr, NULL, NULL, NULL);
}

/* RFC 5227 2.1.1: a probe comes from nobody, so nobody's cache is spoilt. */
static void arp_probe(struct net_device *dev, be32 addr)
{
    arp_send(dev, ARPOP_REQUEST, addr, (__force be32)0, NULL, NULL, NULL);
}

struct arp_confs *arp_confs_of(struct net *net)
{
    return &net->arp->confs;
}

/* --- the neighbour table's questions --- */

/* Which address of ours asks: arp_announce and the waiting packet decide. */
static be32 arp_source(const struct neighbour *n, const struct sk_buff *skb)
{
    be32 saddr = (__force be32)0;

    if (skb && skb_headlen(skb) >= 20)
        memcpy(&saddr, skb->data + 12, sizeof(saddr)); /* RFC 791 3.1: source address */
    return arp_choose_source(&n->tbl->net->arp->confs, n->dev, saddr, n->primary_key);
}

static void arp_solicit(struct neighbour *n, struct sk_buff *skb)
{
    be32 source = arp_source(n, skb);

    if (!source)
        return; /* without an address of our own a question would look like a probe */
    arp_send(n->dev, ARPOP_REQUEST, n->primary_key, source, n->state == NUD_PROBE ? n->ha : NULL, NULL, NULL);
}

static void arp_error_report(struct neighbour *n, struct sk_buff *skb)
{
    if (skb->dst && skb->dst->link_failure)
        skb->dst->link_failure(skb);
    else
        kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_FAILED);
}

static bool arp_is_broadcast(const struct net_device *dev, be32 addr)
{
    const struct in_ifaddr *ifa;

    if (be32_to_cpu(addr) == 0xffffffff)
        return true;
    list_for_each_entry (ifa, &dev->ifa_list, list) {
        if (ifa->broadcast && ifa->broadcast == addr)
            return true;
    }
    return false;
}

static int arp_constructor(struct neighbour *n)
{
    uint32_t key = be32_to_cpu(n->primary_key);

    if (n->dev->flags & (DEV_IFF_NOARP | DEV_IFF_LOOPBACK)) {
        n->state = NUD_NOARP;
        memcpy(n->ha, n->dev->dev_addr, ETH_ALEN);
    } else if (arp_is_broadcast(n->dev, n->primary_key)) {
        n->state = NUD_NOARP;
        memcpy(n->ha, n->dev->broadcast, ETH_ALEN);
    } else if (key >> 28 == 0xe) { /* RFC 1112 6.4: 01-00-5e and the low 23 bits */
        n->state = NUD_NOARP;
        n->ha[0] = 0x01;
        n->ha[1] = 0x00;
        n->ha[2] = 0x5e;
        n->ha[3] = (key >> 16) & 0x7f;
        n->ha[4] = (uint8_t)(key >> 8);
        n->ha[5] = (uint8_t)key;
    } else if (key >> 24 == 0 || key >> 24 == 127 || key >> 28 == 0xf) {
        return -EINVAL; /* nobody on a wire is called that */
    }
    return 0;
}

static const struct neigh_ops arp_neigh_ops = {
    .solicit = arp_solicit,
    .error_report = arp_error_report,
    .constructor = arp_constructor,
};

/* --- our own addresses: probing, announcing, defending --- */

static struct arp_claim *arp_claim_find(struct netns_arp *state, const struct in_ifaddr *ifa)
{
    struct arp_claim *claim;

    list_for_each_entry (claim, &state->claims, list) {
        if (claim->ifa == ifa)
            return claim;
    }
    return NULL;
}

static void arp_claim_done(struct arp_claim *claim, const uint8_t *conflict)
{
    void (*done)(struct net_device *, be32, const uint8_t *, void *) = claim->done;

    claim->done = NULL;
    if (done)
        done(claim->dev, claim->ifa->local, conflict,
             claim->ctx); /* may remove the address, and claim with it */
}

static void arp_claim_announce(struct arp_claim *claim)
{
    claim->phase = ARP_ANNOUNCING;
    claim->sent = 1;
    mod_timer(&claim->timer, ktime_get_ms() + ANNOUNCE_INTERVAL_MS);
    arp_announce(claim->dev, claim->ifa->local);
}

static void arp_claim_probe_step(struct arp_claim *claim)
{
    if (claim->sent == PROBE_NUM) { /* nobody answered: it is ours */
        claim->ifa->tentative = false;
        arp_claim_announce(claim);
        arp_claim_done(claim, NULL);
        return;
    }
    claim->sent++;
    uint64_t wait =
        claim->sent < PROBE_NUM ? PROBE_MIN_MS + get_random_u32_below(PROBE_JITTER_MS) : ANNOUNCE_WAIT_MS;
    mod_timer(&claim->timer, ktime_get_ms() + wait);
    arp_probe(claim->dev, claim->ifa->local);
}

static void arp_claim_timer(struct timer *timer)
{
    struct arp_claim *claim = container_of(timer, struct arp_claim, timer);

    if (!netif_running(claim->dev) || !claim->dev->carrier) {
        mod_timer(timer, ktime_get_ms() + LINK_WAIT_MS);
        return;
    }
    switch (claim->phase) {
    case ARP_PROBING:
        arp_claim_probe_step(claim);
        break;
    case ARP_ANNOUNCING:
        arp_announce(claim->dev, claim->ifa->local);
        if (++claim->sent < ANNOUNCE_NUM)
            mod_timer(timer, ktime_get_ms() + ANNOUNCE_INTERVAL_MS);
        else
            claim->phase = ARP_IDLE;
        break;
    case ARP_IDLE:
    case ARP_CONFLICT:
        break;
    }
}

/* Probes first if the setting asks for it, else the address is used and announced. */
static void arp_claim_start(struct netns_arp *state, struct arp_claim *claim)
{
    if (state->sysctl_arp_probe) {
        if (claim->phase == ARP_PROBING)
            return; /* is under way */
        claim->ifa->tentative = true;
        claim->phase = ARP_PROBING;
        claim->sent = 0;
        mod_timer(&claim->timer, ktime_get_ms() + get_random_u32_below(PROBE_WAIT_MS));
        return;
    }
    claim->ifa->tentative = false;
    if (netif_running(claim->dev) && claim->dev->carrier)
        arp_claim_announce(claim); /* else as soon as there is a link: arp_device_ready() */
    arp_claim_done(claim, NULL);
}

int arp_dad_start(struct net_device *dev, struct in_ifaddr *ifa,
                  void (*done)(struct net_device *dev, be32 addr, const uint8_t *conflict, void *ctx),
                  void *ctx)
{
    struct netns_arp *state = dev->net->arp;
    struct arp_claim *claim = arp_claim_find(state, ifa);

    if (!claim)
        return -EINVAL; /* a device without ARP */
    claim->done = done;
    claim->ctx = ctx;
    arp_claim_start(state, claim);
    return 0;
}

/* Somebody else has an address we are probing for. */
static void arp_probe_conflict(struct arp_claim *claim, const uint8_t *hw)
{
    uint32_t addr = be32_to_cpu(claim->ifa->local);

    claim->phase = ARP_CONFLICT;
    del_timer(&claim->timer);
    pr_warn("%s: %u.%u.%u.%u is in use by %02x:%02x:%02x:%02x:%02x:%02x, not taken", claim->dev->name,
            addr >> 24, (addr >> 16) & 255, (addr >> 8) & 255, addr & 255, hw[0], hw[1], hw[2], hw[3], hw[4],
            hw[5]);
    arp_claim_done(claim, hw);
}

/*
 * Somebody claims an address we use. RFC 5227 2.4 (c): a server that others know by this address keeps it,
 * and says so once in ten seconds at most, so two stubborn hosts do not fill the wire; so does one that was
 * told its address of 169.254/16. An address that we chose ourselves is defended once and then given up
 * (RFC 3927 2.5 b): net/apps/link_local.c takes another.
 */
static void arp_defend(struct arp_claim *claim, const uint8_t *hw)
{
    uint32_t addr = be32_to_cpu(claim->ifa->local);
    uint64_t now = ktime_get_ms();

    if (claim->defended && now - claim->defended_ms < DEFEND_INTERVAL_MS) {
        if (claim->ifa->chosen) {
            claim->ifa->tentative = true;
            arp_probe_conflict(claim, hw);
        }
        return;
    }
    claim->defended = true;
    claim->defended_ms = now;
    pr_warn("%s: our address %u.%u.%u.%u is claimed by %02x:%02x:%02x:%02x:%02x:%02x, defended",
            claim->dev->name, addr >> 24, (addr >> 16) & 255, (addr >> 8) & 255, addr & 255, hw[0], hw[1],
            hw[2], hw[3], hw[4], hw[5]);
    arp_announce(claim->dev, claim->ifa->local);
}

/* --- receiving: validate --- */

/* Multicast, loopback, reserved, this-network; the probe's 0.0.0.0 is judged apart. */
static bool arp_is_martian(be32 addr)
{
    uint32_t a = be32_to_cpu(addr);

    return a >> 24 == 0 || a >> 24 == 127 || a >> 28 >= 0xe;
}

/* A packet that is what it says it is, linear; or NULL, and skb is dropped. Takes skb only then. */
static const struct arp_eth_ipv4 *arp_validate(struct sk_buff *skb, struct net_device *dev)
{
    enum skb_drop_reason reason;

    if (skb->pkt_type == PACKET_OTHERHOST) {
        reason = SKB_DROP_REASON_OTHERHOST;
        goto drop;
    }
    if (dev->flags & (DEV_IFF_NOARP | DEV_IFF_LOOPBACK)) {
        reason = SKB_DROP_REASON_ARP_IGNORED;
        goto drop;
    }
    reason = SKB_DROP_REASON_PKT_TOO_SMALL;
    if (!pskb_may_pull(skb, sizeof(struct arp_eth_ipv4)))
        goto drop;
    reason = SKB_DROP_REASON_ARP_INVALID;
    const struct arp_eth_ipv4 *arp = (const void *)skb->data;
    unsigned op = be16_to_cpu(arp->op);
    if (be16_to_cpu(arp->hrd) != ARPHRD_ETHER || be16_to_cpu(arp->pro) != ETH_P_IP || arp->hln != ETH_ALEN ||
        arp->pln != 4 || (op != ARPOP_REQUEST && op != ARPOP_REPLY))
        goto drop;
    /* A target of 0.0.0.0 is the answer to a probe. */
    if (!is_valid_ether_addr(arp->sha) || (arp->tip && arp_is_martian(arp->tip)))
        goto drop;
    if (arp->sip ? arp_is_martian(arp->sip) || arp_is_broadcast(dev, arp->sip) : op == ARPOP_REPLY)
        goto drop;
    return arp;

drop:
    kfree_skb_reason(skb, reason);
    return NULL;
}

/* --- receiving: decide --- */

enum arp_decision { ARP_IS_CONFLICT, ARP_ASKS_US, ARP_MERGES, ARP_IS_NOTHING };

/* The claim this packet speaks against: its sender has our address, or probes for one we are probing for. */
static struct arp_claim *arp_conflicting_claim(struct net_device *dev, const struct arp_eth_ipv4 *arp)
{
    be32 addr = arp->sip ? arp->sip : arp->tip;
    struct in_ifaddr *ifa = inet_addr_find(dev->net, dev, addr);
    struct arp_claim *claim = ifa ? arp_claim_find(dev->net->arp, ifa) : NULL;

    if (!claim || (!arp->sip && claim->phase != ARP_PROBING))
        return NULL; /* a probe for an address in use is a question like others, and gets its answer */
    return claim;
}

/* Our own packets, come back by a switch or by a second card on the same wire. */
static bool arp_is_own(struct net *net, const uint8_t *hw)
{
    const struct net_device *dev;

    list_for_each_entry (dev, &net->dev_base, dev_list) {
        if (memcmp(dev->dev_addr, hw, ETH_ALEN) == 0)
            return true;
    }
    return false;
}

static enum arp_decision arp_decide(struct net_device *dev, const struct arp_eth_ipv4 *arp,
                                    struct arp_claim **conflict)
{
    if (arp_is_own(dev->net, arp->sha))
        return ARP_IS_NOTHING;
    *conflict = arp_conflicting_claim(dev, arp);
    if (*conflict)
        return ARP_IS_CONFLICT;
    const struct arp_confs *confs = &dev->net->arp->confs;
    if (be16_to_cpu(arp->op) == ARPOP_REQUEST &&
        (arp_is_for_us(confs, dev, arp->sip, arp->tip) || arp_is_for_proxy(confs, dev, arp->sip, arp->tip)))
        return ARP_ASKS_US;
    return arp->sip ? ARP_MERGES : ARP_IS_NOTHING;
}

/* --- receiving: act --- */

/* RFC 826's merge flag: an entry we have hears the news. Return: whether we have one. */
static bool arp_merge(struct net_device *dev, const struct arp_eth_ipv4 *arp)
{
    struct neighbour *n = neigh_lookup(dev->net->arp_tbl, arp->sip, dev);

    if (!n)
        return false;
    bool asked = n->state == NUD_INCOMPLETE || n->state == NUD_PROBE;
    bool answer = be16_to_cpu(arp->op) == ARPOP_REPLY && asked;
    bool override = ktime_get_ms() - n->updated_ms >= ARP_LOCKTIME_MS || n->state == NUD_PROBE;
    neigh_update(n, arp->sha, answer ? NUD_REACHABLE : NUD_STALE, override);
    neigh_release(n);
    return true;
}

/* Who asks us will hear from us: its address is worth remembering, if it is one of this subnet. */
static void arp_learn(struct net_device *dev, const struct arp_eth_ipv4 *arp)
{
    if (!arp_is_on_link(dev, arp->sip))
        return;
    struct neighbour *n = neigh_lookup_or_create(dev->net->arp_tbl, arp->sip, dev);
    if (!n)
        return;
    neigh_update(n, arp->sha, NUD_STALE, false);
    neigh_release(n);
}

static void arp_answer(struct net_device *dev, const struct arp_eth_ipv4 *arp)
{
    if (arp->sip && !arp_merge(dev, arp))
        arp_learn(dev, arp);
    arp_send(dev, ARPOP_REPLY, arp->sip, arp->tip, arp->sha, NULL, arp->sha);
}

static void arp_act_on_conflict(struct net *net, struct arp_claim *claim, const struct arp_eth_ipv4 *arp)
{
    NET_INC_STATS(net, ArpConflicts);
    switch (claim->phase) {
    case ARP_PROBING:
        arp_probe_conflict(claim, arp->sha);
        break;
    case ARP_IDLE:
    case ARP_ANNOUNCING:
        arp_defend(claim, arp->sha);
        break;
    case ARP_CONFLICT:
        break; /* theirs */
    }
}

static int arp_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    const struct arp_eth_ipv4 *arp = arp_validate(skb, dev);
    struct arp_claim *conflict = NULL;
    enum skb_drop_reason reason = SKB_NOT_DROPPED_YET;

    if (!arp)
        return 0;
    if (be16_to_cpu(arp->op) == ARPOP_REQUEST)
        NET_INC_STATS(skb->net, ArpRequestsReceived);
    else
        NET_INC_STATS(skb->net, ArpRepliesReceived);
    switch (arp_decide(dev, arp, &conflict)) {
    case ARP_IS_CONFLICT:
        arp_act_on_conflict(skb->net, conflict, arp);
        reason = SKB_DROP_REASON_ARP_CONFLICT;
        break;
    case ARP_ASKS_US:
        arp_answer(dev, arp);
        break;
    case ARP_MERGES:
        if (!arp_merge(dev, arp))
            reason = SKB_DROP_REASON_ARP_IGNORED;
        break;
    case ARP_IS_NOTHING:
        reason = SKB_DROP_REASON_ARP_IGNORED;
        break;
    }
    if (reason)
        kfree_skb_reason(skb, reason);
    else
        consume_skb(skb);
    return 0;
}

/* --- devices and addresses come and go --- */

static void arp_addr_added(struct netns_arp *state, struct net_device *dev, struct in_ifaddr *ifa)
{
    if (dev->flags & (DEV_IFF_NOARP | DEV_IFF_LOOPBACK))
        return;
    if (ifa->broadcast)
        neigh_forget(state->net->arp_tbl, ifa->broadcast, dev); /* means everybody from now on */
    struct arp_claim *claim = kzalloc(sizeof(*claim));
    if (!claim) {
        pr_warn("%s: no memory to announce an address", dev->name);
        return;
    }
    claim->dev = dev;
    claim->ifa = ifa;
    timer_setup(&claim->timer, arp_claim_timer);
    list_add_tail(&claim->list, &state->claims);
    arp_claim_start(state, claim);
}

static void arp_claim_free(struct arp_claim *claim)
{
    del_timer(&claim->timer);
    list_del_init(&claim->list);
    kfree(claim);
}

static void arp_addr_deleted(struct netns_arp *state, struct net_device *dev, struct in_ifaddr *ifa)
{
    struct arp_claim *claim = arp_claim_find(state, ifa);

    if (claim)
        arp_claim_free(claim);
    if (ifa->broadcast)
        neigh_forget(state->net->arp_tbl, ifa->broadcast, dev);
}

/* A link to speak on: others may have a switch port or an old card of ours in mind. */
static void arp_device_ready(struct netns_arp *state, struct net_device *dev)
{
    struct arp_claim *claim;

    if (!netif_running(dev) || !dev->carrier)
        return;
    list_for_each_entry (claim, &state->claims, list) {
        if (claim->dev == dev && claim->phase == ARP_IDLE)
            arp_claim_announce(claim);
    }
}

static void arp_netdev_event(struct netdev_notifier *self, enum netdev_event event, struct net_device *dev,
                             struct in_ifaddr *ifa)
{
    struct netns_arp *state = container_of(self, struct netns_arp, notifier);

    switch (event) {
    case NETDEV_ADDR_ADD:
        arp_addr_added(state, dev, ifa);
        break;
    case NETDEV_ADDR_DEL:
        arp_addr_deleted(state, dev, ifa);
        break;
    case NETDEV_CHANGE:
        neigh_changeaddr(state->net->arp_tbl, dev);
        arp_device_ready(state, dev);
        break;
    case NETDEV_UP:
        arp_device_ready(state, dev);
        break;
    case NETDEV_UNREGISTER:
        arp_conf_device_gone(&state->confs, dev);
        neigh_ifdown(state->net->arp_tbl, dev);
        break;
    case NETDEV_DOWN:
        neigh_ifdown(state->net->arp_tbl, dev);
        break;
    case NETDEV_REGISTER:
        arp_conf_device_added(&state->confs, dev);
        break;
    }
}

/* --- start and end --- */

static void arp_register_sysctl(struct netns_arp *state)
{
    struct neigh_parms *p = &state->net->arp_tbl->parms;
    const struct sysctl_entry entries[] = {
        {"net.ipv4.arp_probe", &state->sysctl_arp_probe, 1, 0, 1},
        {"net.ipv4.neigh.default.base_reachable_time_ms", &p->base_reachable_time_ms, 1, 1000, 86400000},
        {"net.ipv4.neigh.default.retrans_time_ms", &p->retrans_time_ms, 1, 1000, 60000},
        {"net.ipv4.neigh.default.gc_stale_time_ms", &p->gc_stale_time_ms, 1, 1000, 86400000},
        {"net.ipv4.neigh.default.delay_first_probe_time_ms", &p->delay_probe_time_ms, 1, 100, 60000},
        {"net.ipv4.neigh.default.mcast_solicit", &p->mcast_solicit, 1, 1, 20},
        {"net.ipv4.neigh.default.ucast_solicit", &p->ucast_solicit, 1, 1, 20},
        {"net.ipv4.neigh.default.unres_qlen", &p->queue_len, 1, 1, 256},
        {"net.ipv4.neigh.default.gc_thresh3", &p->gc_thresh3, 1, 16, 65536},
    };

    _Static_assert(ARRAY_SIZE(entries) < ARRAY_SIZE(state->sysctl_entries), "room for the end mark");
    memcpy(state->sysctl_entries, entries, sizeof(entries));
    register_sysctl(state->net, &state->sysctl, state->sysctl_entries);
}

int arp_init(struct net *net)
{
    struct netns_arp *state = kzalloc(sizeof(*state));

    if (!state)
        return -ENOMEM;
    net->arp_tbl = neigh_table_create(net, "arp", &arp_neigh_ops);
    if (!net->arp_tbl)
        goto free_state;
    net->arp_tbl->protocol = ETH_P_IP;
    net->arp = state;
    state->net = net;
    INIT_LIST_HEAD(&state->claims);
    arp_register_sysctl(state);
    arp_conf_init(&state->confs, net);
    state->packet_type = (struct packet_type){.type = cpu_to_be16(ETH_P_ARP), .func = arp_rcv};
    dev_add_pack(net, &state->packet_type);
    state->notifier.call = arp_netdev_event;
    register_netdev_notifier(net, &state->notifier);
    return 0;

free_state:
    kfree(state);
    return -ENOMEM;
}

void arp_exit(struct net *net)
{
    struct netns_arp *state = net->arp;

    unregister_netdev_notifier(&state->notifier);
    dev_remove_pack(&state->packet_type);
    unregister_sysctl(&state->sysctl);
    arp_conf_exit(&state->confs);
    while (!list_empty(&state->claims))
        arp_claim_free(list_first_entry(&state->claims, struct arp_claim, list));
    neigh_table_destroy(net->arp_tbl);
    net->arp_tbl = NULL;
    net->arp = NULL;
    kfree(state);
}
