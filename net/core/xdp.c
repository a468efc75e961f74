/*
 * xdp.c - the early hook of a card; see xdp.h.
 *
 * Called by the driver's receive loop for each good frame, while the bytes still lie in the ring's buffer: a
 * frame that is dropped here has cost the program's run and nothing else.
 */
#include "net/core/xdp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/log.h"
#include "kernel/slab.h"

#define XDP_RETURN_DROP   0
#define XDP_RETURN_BOUNCE 2

enum xdp_action netdev_run_xdp(struct net_device *dev, const void *frame, unsigned len)
{
    struct netdev_xdp *xdp = dev->xdp;
    const struct bpf_data in = {.data = frame, .linear = len, .len = len, .dev = dev};

    switch (bpf_run(xdp->prog, &in)) {
    case XDP_RETURN_DROP:
        xdp->dropped++;
        dev->net->drops[SKB_DROP_REASON_BPF_FILTER]++;
        return XDP_DROP;
    case XDP_RETURN_BOUNCE:
        return XDP_TX;
    }
    xdp->passed++;
    return XDP_PASS;
}

static void xdp_swap_addresses(uint8_t *frame)
{
    uint8_t mac[ETH_ALEN];

    memcpy(mac, frame, ETH_ALEN);
    memcpy(frame, frame + ETH_ALEN, ETH_ALEN);
    memcpy(frame + ETH_ALEN, mac, ETH_ALEN);
}

/* Past taps and discipline: what comes in a flood must not fill a queue that others wait in. */
void netdev_bounce(struct net_device *dev, struct sk_buff *skb)
{
    struct netdev_xdp *xdp = dev->xdp;
    enum netdev_tx ret = NETDEV_TX_BUSY;

    if (skb && !dev->queue_stopped && !dev->bql_stopped && !dev->xmit_active) {
        xdp_swap_addresses(skb->data);
        dev->xmit_active = true;
        ret = dev->netdev_ops->ndo_start_xmit(skb, dev);
        dev->xmit_active = false;
    }
    if (ret == NETDEV_TX_OK) {
        xdp->bounced++;
        return;
    }
    xdp->bounce_failed++;
    if (skb)
        skb->dev = NULL; /* it is on its way out */
    kfree_skb_reason(skb, SKB_DROP_REASON_DEV_XMIT_FULL);
}

/* --- who sets it --- */

void xdp_remove(struct net_device *dev)
{
    struct netdev_xdp *xdp = dev->xdp;

    dev->xdp = NULL;
    if (xdp)
        bpf_prog_put(xdp->prog);
    kfree(xdp);
}

static int xdp_set(struct net_device *dev, const char *program, char why[XDP_WHY_MAX])
{
    struct bpf_why wrong = {.text = "no memory for it"};
    struct netdev_xdp *xdp = kzalloc(sizeof(*xdp));
    int err = xdp ? bpf_prog_parse(program, &xdp->prog, &wrong) : -ENOMEM;

    if (err) {
        snprintf(why, XDP_WHY_MAX, "the program's instruction %u: %s", wrong.at + 1, wrong.text);
        kfree(xdp);
        return err;
    }
    xdp_remove(dev);
    dev->xdp = xdp;
    return 0;
}

int xdp_replace(struct net *net, const char *spec, char why[XDP_WHY_MAX])
{
    size_t len = strcspn(spec, ":");
    char name[IFNAMSIZ] = "";

    if (!spec[len] || !len || len >= sizeof(name)) {
        snprintf(why, XDP_WHY_MAX,
                 "it starts with a device and a colon, then the lines of tcpdump -ddd joined by commas: "
                 "eth0:1,6_0_0_1");
        return -EINVAL;
    }
    memcpy(name, spec, len);
    struct net_device *dev = dev_get_by_name(net, name);
    if (!dev) {
        snprintf(why, XDP_WHY_MAX, "there is no device %s", name);
        return -ENODEV;
    }
    if (!strcmp(spec + len + 1, "off")) {
        xdp_remove(dev);
        return 0;
    }
    if (!(dev->features & NETIF_F_XDP)) {
        snprintf(why, XDP_WHY_MAX, "%s has no driver with an early hook; cards have one", name);
        return -EOPNOTSUPP;
    }
    return xdp_set(dev, spec + len + 1, why);
}

void xdp_configure(struct net *net)
{
    char why[XDP_WHY_MAX];
    const char *spec;

    for (unsigned n = 0; (spec = cmdline_get_nth("xdp", n)); n++) {
        if (xdp_replace(net, spec, why))
            pr_err("command line: xdp=%s: %s", spec, why);
    }
}
