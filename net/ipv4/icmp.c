/*
 * icmp.c - the Internet Control Message Protocol (RFC 792, RFC 1122 3.2.2, RFC 1812 4.3).
 *
 * In: registered under protocol 1, called by ip_local_deliver_finish(). Echo and timestamp requests are
 * turned around in their own buffer; echo replies go to whoever asked (ping.c); errors about packets of ours
 * go up to the transport they quote (net_protocol.err_handler); redirects go to redirect.c, which believes
 * them only if it was told to. Out: icmp_send() tells the sender of a received datagram what became of it, if
 * RFC 1122 3.2.2 allows and the token buckets - one per destination, one for all - have something left.
 */
#include "net/ipv4/icmp_internal.h"

#include <errno.h>
#include <netinet/in.h>

#include "kernel/byteorder.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "kernel/time.h"
#include "net/core/checksum.h"
#include "net/ipv4/ip.h"
#include "net/ipv4/ip_options.h"
#include "net/ipv4/ping.h"
#include "net/ipv4/raw.h"
#include "net/ipv4/redirect.h"
#include "net/ipv4/route.h"
#include "net/netfilter/hooks.h"

#define ICMP_MAX_ERROR  576u /* RFC 1812 4.3.2.3: of the whole error datagram */
#define ICMP_MIN_QUOTE  8u   /* bytes behind the quoted header that a transport needs */
#define ICMP_BUCKETS    256u
#define ICMP_HOST_BURST 6    /* errors a host may get at once, then one per icmp_ratelimit ms */
#define ICMP_ERROR_TOS  0xc0 /* RFC 1812 4.3.2.5: internetwork control ... */
#define ICMP_TOS_KEPT   0x1c /* ... and the type of service of the datagram; ECN stays off */
#define ICMP_DAY_MS     86400000u

/* Behind the header of a timestamp and of its reply, in ms since midnight UT (RFC 792). */
struct icmp_times {
    be32 originate, receive, transmit;
} __packed __aligned(4);
_Static_assert(sizeof(struct icmp_times) == 12, "RFC 792");

/* What one destination may still be sent. Slots are shared by hash; the last to use one owns it. */
struct icmp_bucket {
    be32 addr;
    uint32_t credit_ms;
    uint64_t stamp_ms;
};

struct netns_icmp {
    struct icmp_bucket host[ICMP_BUCKETS];
    uint32_t midnight_ms; /* time of day when ktime_get_ms() was 0 */
};

/* --- rate limits --- */

static bool icmp_host_allows(struct net *net, be32 addr)
{
    uint32_t cost_ms = (uint32_t)net->ipv4->sysctl_icmp_ratelimit;
    uint64_t now_ms = ktime_get_ms(), idle_ms;
    struct icmp_bucket *b =
        &net->icmp->host[hsiphash_3u32((__force uint32_t)addr, 0, IPPROTO_ICMP, &net->secret) % ICMP_BUCKETS];

    if (b->addr != addr)
        *b = (struct icmp_bucket){.addr = addr, .credit_ms = ICMP_HOST_BURST * cost_ms, .stamp_ms = now_ms};
    idle_ms = now_ms - b->stamp_ms;
    b->stamp_ms = now_ms;
    b->credit_ms = (uint32_t)min(b->credit_ms + idle_ms, (uint64_t)ICMP_HOST_BURST * cost_ms);
    if (b->credit_ms < cost_ms)
        return false;
    b->credit_ms -= cost_ms;
    return true;
}

/* Tokens are thousandths of a message, so that slow refills add up. A random share goes with each message:
 * whoever counts our errors to others learns nothing exact (CVE-2020-25705). */
static bool icmp_global_allows(struct net *net)
{
    struct netns_ipv4 *ipv4 = net->ipv4;
    uint64_t now_ms = ktime_get_ms(), idle_ms = min(now_ms - ipv4->icmp_stamp_ms, (uint64_t)1000 * 1000);
    uint64_t most = (uint64_t)ipv4->sysctl_icmp_msgs_burst * 1000, cost;

    ipv4->icmp_stamp_ms = now_ms;
    ipv4->icmp_tokens = min(ipv4->icmp_tokens + idle_ms * (uint64_t)ipv4->sysctl_icmp_msgs_per_sec, most);
    if (ipv4->icmp_tokens < 1000)
        return false;
    cost = 1000 + get_random_u32_below(1000);
    ipv4->icmp_tokens -= min(cost, ipv4->icmp_tokens);
    return true;
}

static bool icmp_rate_allows(struct net *net, uint8_t type, be32 daddr)
{
    bool limited = type == ICMP_REDIRECT || net->ipv4->sysctl_icmp_ratemask >> type & 1;

    if (!limited || inet_addr_type(net, NULL, daddr) == RTN_LOCAL)
        return true;
    if (!icmp_host_allows(net, daddr)) {
        NET_INC_STATS(net, IcmpOutRateLimitHost);
        return false;
    }
    if (!icmp_global_allows(net)) {
        NET_INC_STATS(net, IcmpOutRateLimitGlobal);
        return false;
    }
    return true;
}

/* --- sending --- */

static void icmp_count_out(struct net *net, uint8_t type)
{
    NET_INC_STATS(net, IcmpOutMsgs);
    switch (type) {
    case ICMP_ECHOREPLY:
        NET_INC_STATS(net, IcmpOutEchoReps);
        break;
    case ICMP_TIMESTAMPREPLY:
        NET_INC_STATS(net, IcmpOutTimestampReps);
        break;
    case ICMP_DEST_UNREACH:
        NET_INC_STATS(net, IcmpOutDestUnreachs);
        break;
    case ICMP_TIME_EXCEEDED:
        NET_INC_STATS(net, IcmpOutTimeExcds);
        break;
    case ICMP_PARAMETERPROB:
        NET_INC_STATS(net, IcmpOutParmProbs);
        break;
    case ICMP_REDIRECT:
        NET_INC_STATS(net, IcmpOutRedirects);
        break;
    default:
        break;
    }
}

/* Sends an ICMP message (skb at its header, checksum written; taken) along the route fl asks for. */
static int icmp_output(struct net *net, struct sk_buff *skb, struct flowi4 *fl, const uint8_t *options,
                       unsigned options_len)
{
    uint8_t type = ((const struct icmphdr *)skb->data)->type;
    int err;
    struct rtable *rt = ip_route_output(net, fl, &err);

    if (!rt) {
        NET_INC_STATS(net, IcmpOutErrors);
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
        return err;
    }
    struct ip_params params = {.saddr = fl->saddr,
                               .daddr = fl->daddr,
                               .protocol = IPPROTO_ICMP,
                               .tos = fl->tos,
                               .options = options,
                               .options_len = options_len};

    icmp_count_out(net, type);
    err = ip_build_and_send(net, NULL, skb, &rt->dst, &params);
    dst_release(&rt->dst);
    return err;
}

static bool icmp_is_query(uint8_t type)
{
    return type == ICMP_ECHO || type == ICMP_ECHOREPLY ||
           (type >= ICMP_TIMESTAMP && type <= ICMP_ADDRESSREPLY); /* 13..18 */
}

/* The bytes of a received datagram from its IPv4 header on, wherever skb->data stands: 0 or -EFAULT. */
static int icmp_quote(const struct sk_buff *skb, void *to, unsigned len)
{
    const uint8_t *start = skb_network_header(skb);
    unsigned pulled = min((unsigned)(skb->data - start), len);
    uint8_t *out = to;

    for (unsigned i = 0; i < pulled; i++)
        out[i] = start[i];
    return len > pulled ? skb_copy_bits(skb, 0, out + pulled, len - pulled) : 0;
}

/* RFC 1122 3.2.2: no error about an ICMP error, a broadcast or multicast, a later fragment, or to a source
 * that does not name one host. */
static bool icmp_may_answer(struct net *net, const struct sk_buff *skb)
{
    const struct iphdr *iph = ip_hdr(skb);
    enum rt_type source = inet_addr_type(net, NULL, iph->saddr);
    enum rt_type destination = inet_addr_type(net, NULL, iph->daddr);

    if (skb->pkt_type != PACKET_HOST || (iph->frag_off & cpu_to_be16(IP_OFFSET)))
        return false;
    if (destination == RTN_BROADCAST || destination == RTN_MULTICAST)
        return false;
    if (source == RTN_BROADCAST || source == RTN_MULTICAST || (be32_to_cpu(iph->saddr) >> 28) == 0xf)
        return false;
    if (ipv4_is_loopback(iph->saddr) && skb->dev && !(skb->dev->flags & DEV_IFF_LOOPBACK))
        return false;
    if (iph->protocol == IPPROTO_ICMP) {
        uint8_t head[60 + 1];
        unsigned hdr_len = ip_hdrlen(iph);

        return !icmp_quote(skb, head, hdr_len + 1) && icmp_is_query(head[hdr_len]);
    }
    return true;
}

/*
 * The address that was spoken to, if it is ours (RFC 1122 3.2.2). A router answers by the address of the
 * device that the error leaves by (RFC 1812 4.3.2.4): 0, to be chosen by the route - or, if asked to, by that
 * of the device the datagram came in by, which shows the way it took.
 */
static be32 icmp_error_source(struct net *net, const struct sk_buff *skb_in)
{
    const struct iphdr *iph = ip_hdr(skb_in);
    struct net_device *in = skb_in->skb_iif ? dev_get_by_index(net, skb_in->skb_iif) : skb_in->dev;

    if (inet_addr_type(net, NULL, iph->daddr) == RTN_LOCAL)
        return iph->daddr;
    if (in && net->ipv4->sysctl_icmp_errors_use_inbound_ifaddr)
        return inet_select_addr(in, iph->saddr);
    return (__force be32)0;
}

void icmp_send(struct sk_buff *skb_in, uint8_t type, uint8_t code, uint32_t info)
{
    struct net *net = skb_in->net;
    const struct iphdr *iph = ip_hdr(skb_in);
    unsigned there = (unsigned)(skb_in->data - (uint8_t *)skb_network_header(skb_in)) + skb_in->len;
    unsigned quote = min(there, ICMP_MAX_ERROR - (unsigned)(sizeof(struct iphdr) + sizeof(struct icmphdr)));
    struct icmphdr *icmph;
    struct sk_buff *skb;

    if (!icmp_may_answer(net, skb_in) || !icmp_rate_allows(net, type, iph->saddr))
        return;
    skb = alloc_skb(net, MAX_HEADER + sizeof(*icmph) + quote);
    if (!skb) {
        NET_INC_STATS(net, IcmpOutErrors);
        return;
    }
    skb_reserve(skb, MAX_HEADER);
    icmph = skb_put(skb, sizeof(*icmph) + quote);
    if (icmp_quote(skb_in, icmph + 1, quote)) {
        NET_INC_STATS(net, IcmpOutErrors);
        consume_skb(skb);
        return;
    }
    *icmph = (struct icmphdr){.type = type, .code = code, .rest = cpu_to_be32(info)};
    icmph->checksum = csum_fold(csum_partial(icmph, skb->len, (__force wsum)0));
    skb_reset_transport_header(skb);
    nf_ct_attach(net, skb, skb_in);

    struct flowi4 fl = {
        .daddr = iph->saddr,
        .saddr = icmp_error_source(net, skb_in),
        .tos = (uint8_t)(ICMP_ERROR_TOS | (iph->tos & ICMP_TOS_KEPT)),
    };
    icmp_output(net, skb, &fl, NULL, 0);
}

/* --- received: requests --- */

/* Whether a request is to be answered: to a broadcast or group address only if it may be. Drops skb if not.
 */
static bool icmp_answers(struct net *net, struct sk_buff *skb)
{
    if (skb_rtable(skb)->type == RTN_LOCAL || !net->ipv4->sysctl_icmp_echo_ignore_broadcasts)
        return true;
    kfree_skb_reason(skb, SKB_DROP_REASON_ICMP_BROADCAST);
    return false;
}

/* Makes the request's buffer the reply's, ready to be written: linear for `len` bytes. 0 or -ENOMEM. */
static int icmp_turn_around(struct sk_buff *skb, unsigned len)
{
    if (!pskb_may_pull(skb, len) || skb_cow_head(skb, sizeof(struct iphdr) + 16)) /* a tap may hold it too */
        return -ENOMEM;
    skb_orphan(skb);
    skb_dst_drop(skb);
    skb->ip_summed = CHECKSUM_NONE;
    skb->priority = skb->mark = 0;
    skb->tstamp = 0;
    skb->frag_max_size = 0; /* the answer finds its own sizes */
    skb_reset_transport_header(skb);
    return 0;
}

/*
 * The request goes back as the reply that write() makes of it, from the address that was asked (RFC 1122
 * 3.2.2.6, 3.2.2.8). The first `len` bytes are linear by then. Takes skb, at the ICMP header.
 */
static int icmp_reply(struct net *net, struct sk_buff *skb, unsigned len,
                      void (*write)(struct net *net, struct sk_buff *skb))
{
    bool to_all = skb_rtable(skb)->type != RTN_LOCAL;
    uint8_t options[IP_OPTIONS_MAX];
    unsigned options_len = 0;
    struct flowi4 fl = {
        .daddr = ip_hdr(skb)->saddr,
        .saddr = to_all ? (__force be32)0 : ip_hdr(skb)->daddr,
        .tos = ip_hdr(skb)->tos,
    };

    if (unlikely(ip_hdrlen(ip_hdr(skb)) > sizeof(struct iphdr)))
        options_len = ip_options_echo(skb, to_all ? inet_select_addr(skb->dev, fl.daddr) : fl.saddr, options);
    if (icmp_turn_around(skb, len)) {
        NET_INC_STATS(net, IcmpOutErrors);
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return -ENOMEM;
    }
    write(net, skb);
    return icmp_output(net, skb, &fl, options, options_len);
}

/* Same id, sequence number and data. */
static void icmp_write_echo(struct net *net, struct sk_buff *skb)
{
    struct icmphdr *icmph = (struct icmphdr *)skb->data;

    icmph->type = ICMP_ECHOREPLY;
    csum_replace2(&icmph->checksum, cpu_to_be16(ICMP_ECHO << 8 | icmph->code), cpu_to_be16(icmph->code));
}

static int icmp_echo(struct net *net, struct sk_buff *skb)
{
    if (net->ipv4->sysctl_icmp_echo_ignore_all) {
        kfree_skb_reason(skb, SKB_DROP_REASON_ICMP_UNKNOWN);
        return 0;
    }
    return icmp_answers(net, skb) ? icmp_reply(net, skb, sizeof(struct icmphdr), icmp_write_echo) : 0;
}

/* Same id, sequence number and the time it was sent; ours is that of the battery clock, in ms. */
static void icmp_write_times(struct net *net, struct sk_buff *skb)
{
    struct icmphdr *icmph = (struct icmphdr *)skb->data;
    struct icmp_times *times = (struct icmp_times *)(icmph + 1);
    uint32_t now_ms = (uint32_t)((net->icmp->midnight_ms + ktime_get_ms()) % ICMP_DAY_MS);

    icmph->type = ICMP_TIMESTAMPREPLY;
    icmph->checksum = (__force sum16)0;
    times->receive = times->transmit = cpu_to_be32(now_ms);
    icmph->checksum = csum_fold(csum_partial(icmph, skb->len, (__force wsum)0));
}

/* RFC 1122 3.2.2.8: a host may answer; what is behind the three times is not sent back. Takes skb. */
static int icmp_timestamp(struct net *net, struct sk_buff *skb)
{
    unsigned len = sizeof(struct icmphdr) + sizeof(struct icmp_times);

    if (skb->len < len || ((const struct icmphdr *)skb->data)->code) {
        NET_INC_STATS(net, IcmpInErrors);
        kfree_skb_reason(skb, SKB_DROP_REASON_ICMP_INVALID);
        return -EINVAL;
    }
    if (!icmp_answers(net, skb))
        return 0;
    if (!icmp_rate_allows(net, ICMP_TIMESTAMPREPLY, ip_hdr(skb)->saddr)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_ICMP_RATELIMIT);
        return 0;
    }
    if (skb_trim(skb, len)) {
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return -ENOMEM;
    }
    return icmp_reply(net, skb, len, icmp_write_times);
}

/* --- received: errors --- */

/* RFC 1191 5: routers that predate it do not say their MTU; the next lower plateau is tried then. */
static uint32_t icmp_guess_mtu(unsigned tot_len)
{
    static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};

    for (size_t i = 0; i < ARRAY_SIZE(plateaus); i++)
        if (plateaus[i] < tot_len)
            return plateaus[i];
    return 68;
}

/* The errno an application sees; 0: a code that does not exist. */
static int icmp_errno(uint8_t type, uint8_t code)
{
    static const uint8_t unreachable[16] = {
        ENETUNREACH,  EHOSTUNREACH, ENOPROTOOPT,  ECONNREFUSED, EMSGSIZE,     EOPNOTSUPP,
        ENETUNREACH,  EHOSTDOWN,    ENONET,       ENETUNREACH,  EHOSTUNREACH, ENETUNREACH,
        EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH,
    };

    switch (type) {
    case ICMP_DEST_UNREACH:
        return code < ARRAY_SIZE(unreachable) ? unreachable[code] : 0;
    case ICMP_TIME_EXCEEDED:
        return code <= 1 ? EHOSTUNREACH : 0;
    case ICMP_PARAMETERPROB:
        return EPROTO;
    default:
        return 0;
    }
}

/* The quoted datagram, if it can be one we have sent: whole header and the next 8 bytes linear, from an
 * address of ours, first fragment. skb->data is there then. NULL: no. */
static const struct iphdr *icmp_quoted_header(struct net *net, struct sk_buff *skb)
{
    const struct iphdr *inner;
    unsigned hdr_len;

    if (!pskb_may_pull(skb, sizeof(struct icmphdr) + sizeof(*inner)))
        return NULL;
    inner = (const struct iphdr *)(skb->data + sizeof(struct icmphdr));
    hdr_len = ip_hdrlen(inner);
    if (inner->version_ihl >> 4 != 4 || hdr_len < sizeof(*inner) ||
        !pskb_may_pull(skb, (unsigned)sizeof(struct icmphdr) + hdr_len + ICMP_MIN_QUOTE))
        return NULL;
    inner = (const struct iphdr *)(skb->data + sizeof(struct icmphdr));
    if ((inner->frag_off & cpu_to_be16(IP_OFFSET)) || inet_addr_type(net, NULL, inner->saddr) != RTN_LOCAL)
        return NULL;
    return inner;
}

/* Up to the transport that sent it (RFC 1122 3.2.2.1). Takes skb, at the ICMP header. */
static int icmp_error(struct net *net, struct sk_buff *skb, const struct icmphdr *icmph)
{
    uint8_t type = icmph->type, code = icmph->code;
    int err = icmp_errno(type, code);
    uint32_t mtu = be32_to_cpu(icmph->rest) & 0xffff;
    const struct iphdr *inner = icmp_quoted_header(net, skb);
    const struct net_protocol *prot;

    if (!err || !inner || skb_rtable(skb)->type != RTN_LOCAL) {
        NET_INC_STATS(net, IcmpInErrors);
        kfree_skb_reason(skb, SKB_DROP_REASON_ICMP_INVALID);
        return -EINVAL;
    }
    if (type != ICMP_DEST_UNREACH || code != ICMP_FRAG_NEEDED)
        mtu = 0;
    else if (mtu == 0)
        mtu = icmp_guess_mtu(be16_to_cpu(inner->tot_len));

    skb_pull(skb, sizeof(struct icmphdr));
    prot = net->inet_protos[inner->protocol];
    if (unlikely(net->ipv4->raw_sockets.first))
        raw_err(skb, type, code, mtu, err);
    if (prot && prot->err_handler)
        prot->err_handler(skb, type, code, mtu, err);
    consume_skb(skb);
    return 0;
}

/* --- received: redirects --- */

/* RFC 1122 3.2.2.2: about a host or a network, the host it names is all that is believed. Takes skb, at the
 * ICMP header. */
static int icmp_redirect(struct net *net, struct sk_buff *skb)
{
    const struct iphdr *inner = icmp_quoted_header(net, skb);
    const struct icmphdr *icmph = (const struct icmphdr *)skb->data;
    enum skb_drop_reason reason = SKB_DROP_REASON_ICMP_UNKNOWN;

    if (!inner || icmph->code > 3 || skb_rtable(skb)->type != RTN_LOCAL)
        reason = SKB_DROP_REASON_ICMP_INVALID;
    else if (ip_rt_redirect(net, skb->dev, ip_hdr(skb)->saddr, icmph->rest, inner->daddr))
        reason = SKB_NOT_DROPPED_YET;
    if (reason == SKB_DROP_REASON_ICMP_INVALID)
        NET_INC_STATS(net, IcmpInErrors);
    if (reason)
        kfree_skb_reason(skb, reason);
    else
        consume_skb(skb);
    return 0;
}

/* --- received: all --- */

static void icmp_count_in(struct net *net, uint8_t type)
{
    switch (type) {
    case ICMP_ECHOREPLY:
        NET_INC_STATS(net, IcmpInEchoReps);
        break;
    case ICMP_DEST_UNREACH:
        NET_INC_STATS(net, IcmpInDestUnreachs);
        break;
    case ICMP_REDIRECT:
        NET_INC_STATS(net, IcmpInRedirects);
        break;
    case ICMP_ECHO:
        NET_INC_STATS(net, IcmpInEchos);
        break;
    case ICMP_TIMESTAMP:
        NET_INC_STATS(net, IcmpInTimestamps);
        break;
    case ICMP_TIMESTAMPREPLY:
        NET_INC_STATS(net, IcmpInTimestampReps);
        break;
    case ICMP_TIME_EXCEEDED:
        NET_INC_STATS(net, IcmpInTimeExcds);
        break;
    case ICMP_PARAMETERPROB:
        NET_INC_STATS(net, IcmpInParmProbs);
        break;
    default:
        break;
    }
}

/* Checks length and checksum, over the whole message (cards do not check ICMP's). */
static enum skb_drop_reason icmp_validate(struct net *net, struct sk_buff *skb)
{
    if (!pskb_may_pull(skb, sizeof(struct icmphdr)))
        return SKB_DROP_REASON_ICMP_INVALID;
    if ((__force uint16_t)csum_fold(skb_checksum(skb, 0, skb->len, (__force wsum)0))) {
        NET_INC_STATS(net, IcmpInCsumErrors);
        return SKB_DROP_REASON_ICMP_CSUM;
    }
    return SKB_NOT_DROPPED_YET;
}

/* Takes skb, at the ICMP header. */
static int icmp_rcv(struct sk_buff *skb)
{
    struct net *net = skb->dev->net;
    enum skb_drop_reason reason;
    const struct icmphdr *icmph;

    NET_INC_STATS(net, IcmpInMsgs);
    reason = icmp_validate(net, skb);
    if (reason) {
        NET_INC_STATS(net, IcmpInErrors);
        kfree_skb_reason(skb, reason);
        return -EINVAL;
    }
    icmph = (const struct icmphdr *)skb->data;
    icmp_count_in(net, icmph->type);
    switch (icmph->type) {
    case ICMP_ECHO:
        return icmp_echo(net, skb);
    case ICMP_TIMESTAMP:
        return icmp_timestamp(net, skb);
    case ICMP_DEST_UNREACH:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETERPROB:
        return icmp_error(net, skb, icmph);
    case ICMP_REDIRECT:
        return icmp_redirect(net, skb);
    case ICMP_ECHOREPLY:
        ping_rcv(skb);
        return 0;
    default: /* RFC 1122 3.2.2: unknown types silently, source quench (RFC 6633) on purpose */
        kfree_skb_reason(skb, SKB_DROP_REASON_ICMP_UNKNOWN);
        return 0;
    }
}

static const struct net_protocol icmp_protocol = {.handler = icmp_rcv, .err_handler = ping_err};

int icmp_init(struct net *net)
{
    int err;

    net->icmp = kzalloc(sizeof(*net->icmp));
    if (!net->icmp)
        return -ENOMEM;
    net->icmp->midnight_ms =
        (uint32_t)(((uint64_t)ktime_get_real_seconds() * 1000 - ktime_get_ms()) % ICMP_DAY_MS);
    net->ipv4->icmp_stamp_ms = ktime_get_ms();
    net->ipv4->icmp_tokens = (uint64_t)net->ipv4->sysctl_icmp_msgs_burst * 1000;
    err = ping_init(net);
    if (!err)
        err = inet_add_protocol(net, &icmp_protocol, IPPROTO_ICMP);
    if (err)
        icmp_exit(net);
    return err;
}

void icmp_exit(struct net *net)
{
    if (!net->icmp)
        return;
    inet_del_protocol(net, IPPROTO_ICMP);
    ping_exit(net);
    kfree(net->icmp);
    net->icmp = NULL;
}
