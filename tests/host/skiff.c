/*
 * skiff.c - libskiff.so's interface (skiff.h) over the stack's own functions.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/timer.h"
#include "net/core/neighbour.h"
#include "net/core/sysctl.h"
#include "net/ethernet/ethernet.h"
#include "net/ipv4/ipconfig.h"
#include "net/ipv4/route.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/skiff.h"

struct skiff_stack {
    char *name;
    struct net *net;
    struct files *files;
};

struct skiff_device {
    struct net_device *dev;
    void (*transmit)(void *ctx, const void *frame, size_t len);
    void *ctx;
};

/* Set while the stacks run: a call out of a transmit callback must not start them again. */
static bool running;

static void run(void)
{
    if (running)
        return;
    running = true;
    host_run();
    running = false;
}

/* What the stack answered, as POSIX says it; and everything the call set off has happened. */
static ssize_t finish(ssize_t ret)
{
    run();
    if (ret >= 0)
        return ret;
    errno = (int)-ret;
    return -1;
}

void skiff_seed(uint64_t seed)
{
    host_random_seed(seed);
}

uint64_t skiff_clock_now(void)
{
    return host_now_ns();
}

void skiff_clock_advance(uint64_t ns)
{
    if (running)
        return;
    running = true;
    host_advance_ns(ns);
    running = false;
}

uint64_t skiff_clock_next_timer(void)
{
    uint64_t next_ms = timer_next_ms();
    return next_ms > UINT64_MAX / NSEC_PER_MSEC ? UINT64_MAX : next_ms * NSEC_PER_MSEC;
}

/* --- stacks --- */

struct skiff_stack *skiff_stack_create(const char *name)
{
    struct skiff_stack *stack = calloc(1, sizeof(*stack));
    int err = skb_init();
    if (!err)
        err = sock_init();
    if (!stack || err)
        goto fail;
    stack->name = strdup(name);
    stack->net = stack->name ? net_create(stack->name) : NULL;
    if (!stack->net)
        goto fail;
    if (inet_init(stack->net))
        goto destroy_net;
    stack->files = files_create(stack->net, NULL);
    if (!stack->files)
        goto exit_inet;
    sysctl_set(stack->net, "net.ipv4.arp_probe", "0");
    return stack;

exit_inet:
    inet_exit(stack->net);
destroy_net:
    net_destroy(stack->net);
fail:
    if (stack)
        free(stack->name);
    free(stack);
    errno = ENOMEM;
    return NULL;
}

static void device_destroy(struct net_device *dev)
{
    struct skiff_device *device = *(struct skiff_device **)dev->priv;
    unregister_netdev(dev);
    free_netdev(dev);
    free(device);
}

/* A device of ours: those that stand on it go with it, or with the stack. */
static struct net_device *any_card(struct net *net)
{
    struct net_device *dev;
    list_for_each_entry (dev, &net->dev_base, dev_list)
        if (dev != net->loopback_dev && !dev->rtnl_link_ops)
            return dev;
    return NULL;
}

void skiff_stack_destroy(struct skiff_stack *stack)
{
    struct net_device *dev;
    list_for_each_entry (dev, &stack->net->dev_base, dev_list)
        if (dev != stack->net->loopback_dev)
            netif_carrier_off(dev); /* what closing says is heard by nobody */
    files_destroy(stack->files);
    while ((dev = any_card(stack->net)))
        device_destroy(dev);
    inet_exit(stack->net);
    net_destroy(stack->net);
    free(stack->name);
    free(stack);
}

/* --- devices --- */

static enum netdev_tx device_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
    struct skiff_device *device = *(struct skiff_device **)dev->priv;
    uint8_t frame[65536 + ETH_HLEN];
    size_t len = skb->len;
    bool whole = len <= sizeof(frame) && skb_copy_bits(skb, 0, frame, (unsigned)len) == 0;
    consume_skb(skb);
    if (!whole) {
        dev->stats.tx_errors++;
        return NETDEV_TX_OK;
    }
    dev->stats.tx_packets++;
    dev->stats.tx_bytes += len;
    /* The callback may be called from the middle of a socket call: what it hands to other stacks waits. */
    bool was_running = running;
    running = true;
    device->transmit(device->ctx, frame, len);
    running = was_running;
    return NETDEV_TX_OK;
}

static int device_open(struct net_device *dev)
{
    netif_carrier_on(dev);
    return 0;
}

static void device_stop(struct net_device *dev)
{
    netif_carrier_off(dev);
}

static const struct net_device_ops device_ops = {
    .ndo_open = device_open,
    .ndo_stop = device_stop,
    .ndo_start_xmit = device_start_xmit,
};

struct skiff_device *skiff_device_add(struct skiff_stack *stack, const uint8_t mac[6], unsigned mtu,
                                      void (*transmit)(void *ctx, const void *frame, size_t len), void *ctx)
{
    struct skiff_device *device = calloc(1, sizeof(*device));
    struct net_device *dev = alloc_etherdev(sizeof(device));
    int err = -ENOMEM;
    if (!device || !dev)
        goto fail;
    *device = (struct skiff_device){.dev = dev, .transmit = transmit, .ctx = ctx};
    *(struct skiff_device **)dev->priv = device;
    dev->netdev_ops = &device_ops;
    memcpy(dev->dev_addr, mac, ETH_ALEN);
    err = register_netdev(stack->net, dev);
    if (err)
        goto fail;
    err = dev_set_mtu(dev, mtu);
    if (!err)
        err = dev_open(dev);
    if (err) {
        unregister_netdev(dev);
        goto fail;
    }
    run();
    return device;

fail:
    if (dev)
        free_netdev(dev);
    free(device);
    errno = -err;
    return NULL;
}

/* `mss`: 0, or the payload of each of the segments the frame stands for. */
static int device_receive(struct skiff_device *device, const void *frame, size_t len, unsigned mss)
{
    struct net_device *dev = device->dev;
    struct sk_buff *skb = netdev_alloc_skb(dev, (unsigned)len);
    if (!skb)
        return (int)finish(-ENOMEM);
    skb_put_data(skb, frame, (unsigned)len);
    skb_shinfo(skb)->gso_size = (uint16_t)mss;
    skb_shinfo(skb)->gso_segs = (uint16_t)(mss ? len / mss + 1 : 0);
    skb->protocol = eth_type_trans(skb, dev);
    dev->stats.rx_packets++;
    dev->stats.rx_bytes += len;
    netif_rx(skb);
    return (int)finish(0);
}

int skiff_device_receive(struct skiff_device *device, const void *frame, size_t len)
{
    if (len > (size_t)device->dev->mtu + ETH_HLEN + 4)
        return (int)finish(-EMSGSIZE);
    return device_receive(device, frame, len, 0);
}

int skiff_device_receive_train(struct skiff_device *device, const void *frame, size_t len, unsigned mss)
{
    if (len > 65535 + ETH_HLEN || !mss || mss > device->dev->mtu)
        return (int)finish(-EMSGSIZE);
    return device_receive(device, frame, len, mss);
}

void skiff_device_set_carrier(struct skiff_device *device, int up)
{
    if (up)
        netif_carrier_on(device->dev);
    else
        netif_carrier_off(device->dev);
    run();
}

/* "10.0.0.1/24" -> address and length; false if it is no such thing. */
static bool parse_cidr(const char *text, be32 *addr, uint8_t *prefix_len)
{
    char dotted[INET_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    if (len >= sizeof(dotted))
        return false;
    memcpy(dotted, text, len);
    dotted[len] = '\0';
    long prefix = slash ? strtol(slash + 1, NULL, 10) : 32;
    *prefix_len = (uint8_t)prefix;
    return inet_pton(AF_INET, dotted, addr) == 1 && prefix >= 0 && prefix <= 32;
}

int skiff_address_add(struct skiff_device *device, const char *address)
{
    be32 addr;
    uint8_t prefix_len;
    return (int)finish(parse_cidr(address, &addr, &prefix_len) ? inet_addr_add(device->dev, addr, prefix_len)
                                                               : -EINVAL);
}

int skiff_address_remove(struct skiff_device *device, const char *address)
{
    be32 addr;
    uint8_t prefix_len;
    return (int)finish(parse_cidr(address, &addr, &prefix_len) ? inet_addr_del(device->dev, addr) : -EINVAL);
}

int skiff_route_add(struct skiff_device *device, const char *destination, const char *gateway)
{
    struct fib_config cfg = {.dev = device->dev, .type = RTN_UNICAST};
    uint8_t gateway_len;
    if (!parse_cidr(destination, &cfg.dst, &cfg.prefix_len) ||
        (gateway && !parse_cidr(gateway, &cfg.gateway, &gateway_len)))
        return (int)finish(-EINVAL);
    return (int)finish(fib_add(device->dev->net, &cfg));
}

int skiff_neighbour_add(struct skiff_device *device, const char *address, const uint8_t mac[6])
{
    be32 addr;
    uint8_t prefix_len;
    struct neighbour *n;
    if (!parse_cidr(address, &addr, &prefix_len))
        return (int)finish(-EINVAL);
    n = neigh_lookup_or_create(device->dev->net->arp_tbl, addr, device->dev);
    if (!n)
        return (int)finish(-ENOBUFS);
    neigh_update(n, mac, NUD_PERMANENT, true);
    neigh_release(n);
    return (int)finish(0);
}

/* --- settings and counters --- */

int skiff_sysctl_set(struct skiff_stack *stack, const char *name, const char *value)
{
    return (int)finish(sysctl_set(stack->net, name, value));
}

int skiff_sysctl_get(struct skiff_stack *stack, const char *name, char *value, size_t size)
{
    return (int)finish(sysctl_get(stack->net, name, value, size));
}

uint64_t skiff_counter(struct skiff_stack *stack, const char *name)
{
    if (strncmp(name, "drop.", 5) == 0) {
        for (int i = 1; i < SKB_DROP_REASON_MAX; i++)
            if (strcmp(skb_drop_reason_name((enum skb_drop_reason)i), name + 5) == 0)
                return stack->net->drops[i];
        return 0;
    }
    for (int i = 0; i < MIB_MAX; i++)
        if (strcmp(mib_name((enum mib_counter)i), name) == 0)
            return stack->net->mib[i];
    return 0;
}

/* --- sockets --- */

int skiff_socket(struct skiff_stack *stack, int family, int type, int protocol)
{
    return (int)finish(sys_socket(stack->files, family, type | SOCK_NONBLOCK, protocol));
}

int skiff_bind(struct skiff_stack *stack, int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)finish(sys_bind(stack->files, fd, addr, len));
}

int skiff_listen(struct skiff_stack *stack, int fd, int backlog)
{
    return (int)finish(sys_listen(stack->files, fd, backlog));
}

int skiff_accept(struct skiff_stack *stack, int fd, struct sockaddr *addr, socklen_t *len)
{
    return (int)finish(sys_accept4(stack->files, fd, addr, len, SOCK_NONBLOCK));
}

int skiff_connect(struct skiff_stack *stack, int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)finish(sys_connect(stack->files, fd, addr, len));
}

ssize_t skiff_send(struct skiff_stack *stack, int fd, const void *buf, size_t len, int flags)
{
    return finish(sys_sendto(stack->files, fd, buf, len, flags, NULL, 0));
}

ssize_t skiff_recv(struct skiff_stack *stack, int fd, void *buf, size_t len, int flags)
{
    return finish(sys_recvfrom(stack->files, fd, buf, len, flags, NULL, NULL));
}

ssize_t skiff_sendto(struct skiff_stack *stack, int fd, const void *buf, size_t len, int flags,
                     const struct sockaddr *addr, socklen_t addr_len)
{
    return finish(sys_sendto(stack->files, fd, buf, len, flags, addr, addr_len));
}

ssize_t skiff_recvfrom(struct skiff_stack *stack, int fd, void *buf, size_t len, int flags,
                       struct sockaddr *addr, socklen_t *addr_len)
{
    return finish(sys_recvfrom(stack->files, fd, buf, len, flags, addr, addr_len));
}

ssize_t skiff_sendmsg(struct skiff_stack *stack, int fd, const struct msghdr *msg, int flags)
{
    return finish(sys_sendmsg(stack->files, fd, msg, flags));
}

ssize_t skiff_recvmsg(struct skiff_stack *stack, int fd, struct msghdr *msg, int flags)
{
    return finish(sys_recvmsg(stack->files, fd, msg, flags));
}

int skiff_shutdown(struct skiff_stack *stack, int fd, int how)
{
    return (int)finish(sys_shutdown(stack->files, fd, how));
}

int skiff_close(struct skiff_stack *stack, int fd)
{
    return (int)finish(sys_close(stack->files, fd));
}

int skiff_getsockname(struct skiff_stack *stack, int fd, struct sockaddr *addr, socklen_t *len)
{
    return (int)finish(sys_getsockname(stack->files, fd, addr, len));
}

int skiff_getpeername(struct skiff_stack *stack, int fd, struct sockaddr *addr, socklen_t *len)
{
    return (int)finish(sys_getpeername(stack->files, fd, addr, len));
}

int skiff_setsockopt(struct skiff_stack *stack, int fd, int level, int name, const void *val, socklen_t len)
{
    return (int)finish(sys_setsockopt(stack->files, fd, level, name, val, len));
}

int skiff_getsockopt(struct skiff_stack *stack, int fd, int level, int name, void *val, socklen_t *len)
{
    return (int)finish(sys_getsockopt(stack->files, fd, level, name, val, len));
}

int skiff_ioctl(struct skiff_stack *stack, int fd, unsigned long request, void *arg)
{
    return (int)finish(sys_ioctl(stack->files, fd, request, arg));
}

int skiff_poll(struct skiff_stack *stack, struct pollfd *fds, nfds_t count)
{
    return (int)finish(sys_poll(stack->files, fds, count, 0));
}

int skiff_epoll_create1(struct skiff_stack *stack, int flags)
{
    return (int)finish(sys_epoll_create1(stack->files, flags));
}

int skiff_epoll_ctl(struct skiff_stack *stack, int epfd, int op, int fd, struct epoll_event *event)
{
    return (int)finish(sys_epoll_ctl(stack->files, epfd, op, fd, event));
}

int skiff_epoll_wait(struct skiff_stack *stack, int epfd, struct epoll_event *events, int maxevents)
{
    return (int)finish(sys_epoll_wait(stack->files, epfd, events, maxevents, 0));
}
