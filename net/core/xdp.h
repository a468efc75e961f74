/*
 * xdp.h - the early hook: a BPF program over bare frames, run by the driver before there is an sk_buff.
 *
 * What the driver calls stands in netdevice.h (netdev_run_xdp); here is who sets it.
 */
#ifndef NET_CORE_XDP_H
#define NET_CORE_XDP_H

#include "net/core/bpf.h"
#include "net/core/netdevice.h"

struct netdev_xdp {
    struct bpf_prog *prog;
    uint64_t passed, dropped, bounced, bounce_failed;
};

#define XDP_WHY_MAX 192

/* "eth0:PROGRAM" or "eth0:off", see skiff/xdp.h. 0, or -E... and a sentence; then nothing has changed. */
int xdp_replace(struct net *net, const char *spec, char why[XDP_WHY_MAX]);
/* The words xdp= of the command line, when the cards are there; what is wrong is logged. */
void xdp_configure(struct net *net);
/* For dev.c: the device goes. */
void xdp_remove(struct net_device *dev);

#endif
