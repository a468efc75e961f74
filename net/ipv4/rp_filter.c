/*
 * rp_filter.c - reverse-path filter (RFC 3704, BCP 84) and the log of martians.
 *
 * Asked by route.c for the first datagram of a pair of addresses; later ones come out of its cache.
 */
#include "net/ipv4/rp_filter.h"

#include "kernel/log.h"
#include "kernel/time.h"
#include "net/ipv4/devconf.h"
#include "net/ipv4/fib.h"
#include "net/ipv4/ip.h"

#define MARTIAN_LOG_MS    5000 /* one line in so many milliseconds ... */
#define MARTIAN_LOG_BURST 10   /* ... and at most so many at once (net.core.message_cost of Linux) */

enum { RP_FILTER_OFF, RP_FILTER_STRICT, RP_FILTER_LOOSE };

bool ip_rp_filter_accepts(struct net *net, be32 saddr, const struct net_device *dev)
{
    int mode = devconf_max(dev, DEVCONF_RP_FILTER);
    const struct fib_alias *back;

    if (likely(mode == RP_FILTER_OFF) || !saddr || (dev->flags & DEV_IFF_LOOPBACK))
        return true;
    back = fib_lookup(net->ipv4->fib, saddr, 0);
    if (!back || (back->cfg.type != RTN_UNICAST && back->cfg.type != RTN_LOCAL))
        return false;
    return mode == RP_FILTER_LOOSE || back->cfg.dev == dev;
}

static const char *martian_kind(enum skb_drop_reason reason)
{
    return reason == SKB_DROP_REASON_IP_MARTIAN_DST   ? "martian destination"
           : reason == SKB_DROP_REASON_IP_MARTIAN_SRC ? "martian source"
                                                      : "source from the wrong side (rp_filter)";
}

void ip_log_martian(be32 daddr, be32 saddr, const struct net_device *dev, enum skb_drop_reason reason)
{
    struct netns_ipv4 *ipv4 = dev->net->ipv4;
    uint64_t now_ms = ktime_get_ms();
    uint32_t d = be32_to_cpu(daddr), s = be32_to_cpu(saddr);

    if (likely(!devconf_any(dev, DEVCONF_LOG_MARTIANS)))
        return;
    /* Each line costs so many milliseconds of a clock that runs ahead by a burst at most. */
    if (ipv4->martian_log_ms > now_ms + (MARTIAN_LOG_BURST - 1) * MARTIAN_LOG_MS)
        return;
    ipv4->martian_log_ms = max(ipv4->martian_log_ms, now_ms) + MARTIAN_LOG_MS;
    pr_warn("%s: %s: %u.%u.%u.%u to %u.%u.%u.%u", dev->name, martian_kind(reason), s >> 24, s >> 16 & 255,
            s >> 8 & 255, s & 255, d >> 24, d >> 16 & 255, d >> 8 & 255, d & 255);
}
