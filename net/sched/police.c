/*
 * police.c - no more than a rate is let in: the cheapest place to be rid of a flood that an sk_buff has
 * already been made for.
 *
 * Called by netif_receive_skb() behind the taps, in front of bridge and protocols. What is over the rate is
 * dropped (TC_INGRESS), nothing waits. The bucket is the device's: all that comes in counts, ARP too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/slab.h"
#include "net/sched/sched.h"

#define RATE_MIN  125ull
#define RATE_MAX  (10ull * 125000000)
#define BURST_MAX (256ull << 20)

struct police {
    struct token_bucket bucket;
    struct police_stats stats;
};

static bool police_pass(const struct sk_buff *skb)
{
    struct police *police = skb->dev->ingress_data;
    uint32_t len = skb->len + skb->mac_len;

    if (!token_bucket_take(&police->bucket, len, ktime_get())) {
        police->stats.dropped++;
        return false;
    }
    police->stats.packets++;
    police->stats.bytes += len;
    return true;
}

static void police_remove(struct net_device *dev)
{
    dev->ingress_police = NULL;
    kfree(dev->ingress_data);
    dev->ingress_data = NULL;
}

static int police_parse(const struct net_device *dev, const char *options, uint64_t *rate, uint64_t *burst,
                        struct qdisc_why *why)
{
    const struct qdisc_option table[] = {
        {"rate", OPTION_RATE, rate, RATE_MIN, RATE_MAX},
        {"burst", OPTION_SIZE, burst, 1, BURST_MAX},
        {NULL, OPTION_NUMBER, NULL, 0, 0},
    };
    int err = qdisc_parse_options("police", options, table, why);
    uint64_t least = GSO_MAX_SIZE + dev->hard_header_len; /* received trains come as one */

    if (err)
        return err;
    if (!*rate) {
        snprintf(why->text, sizeof(why->text), "police: it needs a rate: %s:rate=50mbit,burst=128k",
                 dev->name);
        return -EINVAL;
    }
    if (!*burst)
        *burst = max(least, *rate / 100);
    if (*burst >= least)
        return 0;
    snprintf(why->text, sizeof(why->text),
             "police: burst=%llu would never let a train of segments in; write burst=%llu or more",
             (unsigned long long)*burst, (unsigned long long)least);
    return -EINVAL;
}

int police_set(struct net_device *dev, const char *options, struct qdisc_why *why)
{
    uint64_t rate = 0, burst = 0;
    struct police *police;
    int err;

    if (!strcmp(options, "off")) {
        police_remove(dev);
        return 0;
    }
    err = police_parse(dev, options, &rate, &burst, why);
    if (err)
        return err;
    police = kzalloc(sizeof(*police));
    if (!police) {
        snprintf(why->text, sizeof(why->text), "police: no memory");
        return -ENOMEM;
    }
    token_bucket_init(&police->bucket, rate, burst, ktime_get());
    police_remove(dev);
    dev->ingress_data = police;
    dev->ingress_police = police_pass;
    return 0;
}

bool police_get(const struct net_device *dev, struct police_stats *stats, char *options, size_t size)
{
    const struct police *police = dev->ingress_data;
    char rate[QDISC_TEXT_MAX];

    if (!police)
        return false;
    *stats = police->stats;
    snprintf(options, size, "police rate %s burst %llub", qdisc_rate_text(police->bucket.rate, rate),
             (unsigned long long)police->bucket.burst);
    return true;
}
