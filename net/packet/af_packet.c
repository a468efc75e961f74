/*
 * af_packet.c - AF_PACKET sockets: frames for programs, past all protocols.
 *
 * In:  netif_receive_skb() and ndo_start_xmit()'s taps -> packet_rcv() by the socket's packet_type -> the
 * socket's BPF program -> sk_receive_queue -> recvmsg(). ETH_P_ALL sees what is sent too (PACKET_OUTGOING),
 * another EtherType what is received only. Out: sendmsg() -> dev_queue_xmit(): SOCK_RAW with the link header
 * the program has written, SOCK_DGRAM with one made from the address.
 *
 * A reader that is too slow loses packets, which PACKET_STATISTICS counts; the packets themselves go their
 * way.
 */
#include "net/packet/af_packet.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/core/bpf.h"
#include "net/core/sock.h"
#include "net/ethernet/ethernet.h"
#include "net/socket/socket.h"

#include <linux/if_packet.h>
#include <net/if_arp.h>

#define MEMBERSHIPS_MAX 64 /* of one socket */
#define VLAN_HLEN       4

/* PACKET_ADD_MEMBERSHIP: something the device does while the socket lives. */
struct packet_membership {
    struct list_head list;
    struct packet_mreq mreq;
};

struct packet_sock {
    struct sock sk;
    struct packet_type hook;
    bool hooked;
    be16 protocol; /* 0: nothing is received */
    int ifindex;   /* 0: every device; -1: the one it was bound to has gone */
    struct netdev_notifier notifier;
    struct list_head memberships;
    unsigned membership_count;
    struct tpacket_stats stats;
    bool auxdata;
};

/* net->packet points to the family. */
struct netns_packet {
    struct net_proto_family family;
    struct hlist_head sockets; /* sk_common.bind_node */
};

/* Of a queued packet. */
struct packet_cb {
    struct sockaddr_ll from;
    uint32_t full_len;
    uint16_t net_offset;
};

static struct packet_sock *packet_sk(struct sock *sk)
{
    return container_of(sk, struct packet_sock, sk);
}

static struct packet_cb *packet_cb(const struct sk_buff *skb)
{
    _Static_assert(sizeof(struct packet_cb) <= SKB_CB_SIZE, "fits the packet's scratch");
    return (struct packet_cb *)skb->cb;
}

static uint16_t packet_hatype(const struct net_device *dev)
{
    return dev->flags & DEV_IFF_LOOPBACK ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
}

/* --- receiving --- */

/* The frame as this kind of socket sees it: with its link header, or from the network header on. */
static bool packet_position(const struct sock *sk, struct sk_buff *skb, const struct net_device *dev)
{
    bool outgoing = skb->pkt_type == PACKET_OUTGOING;

    if (sk->sk_type == SOCK_RAW) {
        if (!outgoing)
            skb_push(skb, (unsigned)(skb->data - (uint8_t *)skb_mac_header(skb)));
        return true;
    }
    return !outgoing || skb_pull_data(skb, dev->hard_header_len);
}

static void packet_fill_cb(struct sk_buff *skb, const struct net_device *dev)
{
    struct packet_cb *cb = packet_cb(skb);
    const uint8_t *mac = skb_mac_header(skb);

    *cb = (struct packet_cb){
        .from = {.sll_family = AF_PACKET,
                 .sll_protocol = (__force uint16_t)skb->protocol,
                 .sll_ifindex = dev->ifindex,
                 .sll_hatype = packet_hatype(dev),
                 .sll_pkttype = skb->pkt_type},
        .full_len = skb->len,
        .net_offset = (uint16_t)dev->hard_header_len,
    };
    if (dev->hard_header_len == ETH_HLEN && mac + ETH_HLEN <= skb->tail) {
        cb->from.sll_halen = ETH_ALEN;
        memcpy(cb->from.sll_addr, mac + ETH_ALEN, ETH_ALEN);
    }
}

static int packet_drop(struct packet_sock *po, struct sk_buff *skb)
{
    po->stats.tp_drops++;
    skb->dev = NULL; /* no loss of the device's */
    kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
    return 0;
}

/* Takes skb: a clone, or the packet itself when nobody else wants it. */
static int packet_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt)
{
    struct sock *sk = pt->af_packet_priv;
    struct packet_sock *po = packet_sk(sk);
    uint32_t full_len;

    if (!packet_position(sk, skb, dev))
        goto not_wanted;
    full_len = skb->len;
    int err = sk_filter(sk, skb, 1);
    if (err == -EPERM)
        goto not_wanted;
    po->stats.tp_packets++;
    if (err)
        return packet_drop(po, skb);
    packet_fill_cb(skb, dev);
    packet_cb(skb)->full_len = full_len;
    if (!skb->tstamp)
        skb->tstamp = ktime_get();
    skb_orphan(skb);
    skb_nfct_drop(skb);
    skb->dev = NULL; /* it may wait for longer than the device lives */
    if (sock_queue_rcv_skb(sk, skb))
        return packet_drop(po, skb);
    return 0;

not_wanted: /* as the filter's owner asked: no loss */
    consume_skb(skb);
    return 0;
}

/* --- which packets --- */

static void packet_unhook(struct packet_sock *po)
{
    if (po->hooked)
        dev_remove_pack(&po->hook);
    po->hooked = false;
}

/* By protocol and device as they stand. */
static void packet_hook(struct packet_sock *po)
{
    struct net *net = sock_net(&po->sk);

    packet_unhook(po);
    if (!po->protocol || po->ifindex < 0)
        return;
    po->hook = (struct packet_type){.type = po->protocol,
                                    .dev = po->ifindex ? dev_get_by_index(net, po->ifindex) : NULL,
                                    .func = packet_rcv,
                                    .af_packet_priv = &po->sk};
    dev_add_pack(net, &po->hook);
    po->hooked = true;
}

static void packet_report(struct packet_sock *po, int err)
{
    po->sk.sk_err = err;
    po->sk.sk_error_report(&po->sk);
}

static void packet_forget_memberships(struct packet_sock *po, const struct net_device *dev);

static void packet_notify(struct netdev_notifier *self, enum netdev_event event, struct net_device *dev,
                          struct in_ifaddr *ifa)
{
    struct packet_sock *po = container_of(self, struct packet_sock, notifier);
    bool mine = po->hooked && po->ifindex == dev->ifindex;

    if (event == NETDEV_DOWN && mine)
        packet_report(po, ENETDOWN);
    if (event != NETDEV_UNREGISTER)
        return;
    packet_forget_memberships(po, dev);
    if (!mine)
        return;
    packet_unhook(po);
    po->ifindex = -1;
    packet_report(po, ENETDOWN);
}

static int packet_bind(struct socket *sock, const struct sockaddr *addr, socklen_t len)
{
    struct packet_sock *po = packet_sk(sock->sk);
    const struct sockaddr_ll *sll = (const struct sockaddr_ll *)addr;

    if (len < sizeof(*sll) || sll->sll_family != AF_PACKET)
        return -EINVAL;
    if (sll->sll_ifindex && !dev_get_by_index(sock_net(sock->sk), sll->sll_ifindex))
        return -ENODEV;
    if (sll->sll_protocol)
        po->protocol = (__force be16)sll->sll_protocol;
    po->ifindex = sll->sll_ifindex;
    packet_hook(po);
    return 0;
}

static int packet_getname(struct socket *sock, struct sockaddr_storage *addr, enum sock_name which)
{
    struct packet_sock *po = packet_sk(sock->sk);
    struct sockaddr_ll *sll = (struct sockaddr_ll *)addr;
    struct net_device *dev = dev_get_by_index(sock_net(sock->sk), po->ifindex);

    if (which != SOCK_NAME_LOCAL)
        return -EOPNOTSUPP;
    *sll = (struct sockaddr_ll){
        .sll_family = AF_PACKET, .sll_protocol = (__force uint16_t)po->protocol, .sll_ifindex = po->ifindex};
    if (dev) {
        sll->sll_hatype = packet_hatype(dev);
        sll->sll_halen = ETH_ALEN;
        memcpy(sll->sll_addr, dev->dev_addr, ETH_ALEN);
    }
    return sizeof(*sll);
}

/* --- reading --- */

/* The next packet, still queued; NULL and *err (0: shut down). */
static struct sk_buff *packet_wait(struct sock *sk, int flags, int *err)
{
    *err = sock_error(sk);
    if (*err)
        return NULL;
    bool came = sk_wait_until(sk, !skb_queue_empty(&sk->sk_receive_queue) || sk->sk_err,
                              sock_rcv_deadline(sk, flags));
    if (!skb_queue_empty(&sk->sk_receive_queue))
        return skb_peek(&sk->sk_receive_queue);
    *err = came ? sock_error(sk) : -EAGAIN;
    return NULL;
}

static struct tpacket_auxdata packet_auxdata(const struct sk_buff *skb)
{
    struct tpacket_auxdata aux = {.tp_status = TP_STATUS_USER,
                                  .tp_len = packet_cb(skb)->full_len,
                                  .tp_snaplen = skb->len,
                                  .tp_net = packet_cb(skb)->net_offset};

    if (skb->ip_summed == CHECKSUM_PARTIAL)
        aux.tp_status |= TP_STATUS_CSUMNOTREADY;
    else if (skb->ip_summed == CHECKSUM_UNNECESSARY)
        aux.tp_status |= TP_STATUS_CSUM_VALID;
    if (skb->vlan_present) {
        aux.tp_status |= TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
        aux.tp_vlan_tci = skb->vlan_tci;
        aux.tp_vlan_tpid = be16_to_cpu(skb->vlan_proto);
    }
    return aux;
}

static void packet_put_auxdata(struct msg *msg, const struct sk_buff *skb)
{
    struct tpacket_auxdata aux = packet_auxdata(skb);
    struct cmsghdr *cmsg = msg->control;
    size_t room = cmsg ? msg->control_len : 0;

    msg->control_len = 0;
    if (room < CMSG_LEN(sizeof(aux))) {
        msg->flags |= MSG_CTRUNC;
        return;
    }
    *cmsg = (struct cmsghdr){
        .cmsg_level = SOL_PACKET, .cmsg_type = PACKET_AUXDATA, .cmsg_len = CMSG_LEN(sizeof(aux))};
    memcpy(CMSG_DATA(cmsg), &aux, sizeof(aux));
    msg->control_len = min(room, (size_t)CMSG_SPACE(sizeof(aux)));
}

static ssize_t packet_recvmsg(struct socket *sock, struct msg *msg, size_t len, int flags)
{
    struct sock *sk = sock->sk;
    int err;
    struct sk_buff *skb = packet_wait(sk, flags, &err);

    if (!skb)
        return err;
    ssize_t n = (ssize_t)skb_copy_datagram_iter(skb, 0, &msg->iter, len);
    msg->flags = 0;
    if ((size_t)n < skb->len) {
        msg->flags |= MSG_TRUNC;
        if (flags & MSG_TRUNC)
            n = (ssize_t)skb->len;
    }
    if (msg->name) {
        memcpy(msg->name, &packet_cb(skb)->from, sizeof(struct sockaddr_ll));
        msg->name_len = sizeof(struct sockaddr_ll);
    }
    if (packet_sk(sk)->auxdata)
        packet_put_auxdata(msg, skb);
    else
        msg->control_len = 0;
    if (!(flags & MSG_PEEK)) {
        skb_unlink(&sk->sk_receive_queue, skb);
        consume_skb(skb);
    }
    return n;
}

/* --- writing --- */

struct packet_dest {
    struct net_device *dev;
    be16 protocol;
    const uint8_t *addr; /* of the link, NULL: none was given */
};

static int packet_find_dest(struct sock *sk, const struct msg *msg, struct packet_dest *dest)
{
    const struct packet_sock *po = packet_sk(sk);
    const struct sockaddr_ll *sll = (const struct sockaddr_ll *)msg->name;
    int ifindex = po->ifindex;

    *dest = (struct packet_dest){.protocol = po->protocol};
    if (sll) {
        if (msg->name_len < offsetof(struct sockaddr_ll, sll_addr) || sll->sll_family != AF_PACKET ||
            sll->sll_halen > sizeof(sll->sll_addr) ||
            msg->name_len < offsetof(struct sockaddr_ll, sll_addr) + sll->sll_halen)
            return -EINVAL;
        ifindex = sll->sll_ifindex;
        dest->protocol = (__force be16)sll->sll_protocol;
        dest->addr = sll->sll_halen >= ETH_ALEN ? sll->sll_addr : NULL;
    }
    dest->dev = ifindex > 0 ? dev_get_by_index(sock_net(sk), ifindex) : NULL;
    if (!dest->dev)
        return -ENXIO;
    if (!netif_running(dest->dev))
        return -ENETDOWN;
    return sk->sk_type == SOCK_DGRAM && dest->dev->header_ops && !dest->addr ? -EINVAL : 0;
}

/* What the program has written behind the headroom, with a link header in front. */
static int packet_fill(struct sk_buff *skb, struct sock *sk, const struct packet_dest *dest, struct msg *msg,
                       size_t len)
{
    int err = 0;

    skb_reserve(skb, MAX_HEADER);
    if (copy_from_iter(skb_put(skb, (unsigned)len), len, &msg->iter) != len)
        return -EFAULT;
    skb->dev = dest->dev;
    skb->protocol = dest->protocol;
    skb->priority = sk->sk_priority;
    skb->mark = sk->sk_mark;
    skb_reset_network_header(skb);
    if (sk->sk_type == SOCK_DGRAM) {
        err = dev_hard_header(skb, dest->dev, be16_to_cpu(dest->protocol), dest->addr, NULL);
    } else {
        skb->network_header += dest->dev->hard_header_len;
        if (dest->dev->hard_header_len == ETH_HLEN)
            skb->protocol = ((const struct ethhdr *)skb->data)->h_proto;
    }
    skb_reset_mac_header(skb);
    return err;
}

static ssize_t packet_sendmsg(struct socket *sock, struct msg *msg, size_t len)
{
    struct sock *sk = sock->sk;
    struct packet_dest dest;
    int err = packet_find_dest(sk, msg, &dest);

    if (err)
        return err;
    unsigned header = sk->sk_type == SOCK_RAW ? dest.dev->hard_header_len : 0;
    if (len < header)
        return -EINVAL;
    if (len - header > dest.dev->mtu)
        return -EMSGSIZE;
    if (!sk_wait_until(sk, sk->sk_wmem_alloc < sk->sk_sndbuf || sk->sk_err,
                       sock_snd_deadline(sk, msg->flags)))
        return -EAGAIN;
    /* The device may have gone while we slept. */
    err = sk->sk_err ? sock_error(sk) : packet_find_dest(sk, msg, &dest);
    if (err)
        return err;
    struct sk_buff *skb = alloc_skb(sock_net(sk), MAX_HEADER + (unsigned)len);
    if (!skb)
        return -ENOBUFS;
    err = packet_fill(skb, sk, &dest, msg, len);
    if (err) {
        consume_skb(skb);
        return err;
    }
    skb_set_owner_w(skb, sk);
    err = dev_queue_xmit(skb);
    return err ? err : (ssize_t)len;
}

/* --- memberships --- */

/* PACKET_MR_ALLMULTI is served by hearing everything: cards here have no switch of its own for it. */
static int membership_apply(struct net_device *dev, const struct packet_mreq *mreq, bool join)
{
    switch (mreq->mr_type) {
    case PACKET_MR_MULTICAST:
        if (mreq->mr_alen != ETH_ALEN)
            return -EINVAL;
        return join ? dev_mc_add(dev, mreq->mr_address) : dev_mc_del(dev, mreq->mr_address);
    case PACKET_MR_PROMISC:
    case PACKET_MR_ALLMULTI:
        return dev_set_promiscuity(dev, join ? 1 : -1);
    }
    return -EINVAL;
}

static void membership_end(struct packet_sock *po, struct packet_membership *m)
{
    struct net_device *dev = dev_get_by_index(sock_net(&po->sk), m->mreq.mr_ifindex);

    if (dev)
        membership_apply(dev, &m->mreq, false);
    list_del_init(&m->list);
    po->membership_count--;
    kfree(m);
}

/* dev NULL: all. */
static void packet_forget_memberships(struct packet_sock *po, const struct net_device *dev)
{
    struct packet_membership *m, *next;

    list_for_each_entry_safe (m, next, &po->memberships, list) {
        if (!dev || m->mreq.mr_ifindex == dev->ifindex)
            membership_end(po, m);
    }
}

static int packet_join(struct packet_sock *po, const struct packet_mreq *mreq)
{
    struct net_device *dev = dev_get_by_index(sock_net(&po->sk), mreq->mr_ifindex);

    if (!dev)
        return -ENODEV;
    if (po->membership_count >= MEMBERSHIPS_MAX)
        return -ENOBUFS;
    struct packet_membership *m = kzalloc(sizeof(*m));
    if (!m)
        return -ENOMEM;
    int err = membership_apply(dev, mreq, true);
    if (err) {
        kfree(m);
        return err;
    }
    m->mreq = *mreq;
    list_add_tail(&m->list, &po->memberships);
    po->membership_count++;
    return 0;
}

static int packet_leave(struct packet_sock *po, const struct packet_mreq *mreq)
{
    struct packet_membership *m;

    list_for_each_entry (m, &po->memberships, list) {
        if (m->mreq.mr_ifindex == mreq->mr_ifindex && m->mreq.mr_type == mreq->mr_type &&
            (mreq->mr_type != PACKET_MR_MULTICAST ||
             !memcmp(m->mreq.mr_address, mreq->mr_address, ETH_ALEN))) {
            membership_end(po, m);
            return 0;
        }
    }
    return -EADDRNOTAVAIL;
}

/* --- options --- */

static int packet_setsockopt(struct socket *sock, int level, int name, const void *val, socklen_t len)
{
    struct packet_sock *po = packet_sk(sock->sk);
    struct packet_mreq mreq;
    int value;

    if (level != SOL_PACKET)
        return -ENOPROTOOPT;
    switch (name) {
    case PACKET_ADD_MEMBERSHIP:
    case PACKET_DROP_MEMBERSHIP:
        if (len < sizeof(mreq))
            return -EINVAL;
        memcpy(&mreq, val, sizeof(mreq));
        return name == PACKET_ADD_MEMBERSHIP ? packet_join(po, &mreq) : packet_leave(po, &mreq);
    case PACKET_AUXDATA:
        if (len < sizeof(value))
            return -EINVAL;
        memcpy(&value, val, sizeof(value));
        po->auxdata = value != 0;
        return 0;
    }
    return -ENOPROTOOPT;
}

static int packet_getsockopt(struct socket *sock, int level, int name, void *val, socklen_t *len)
{
    struct packet_sock *po = packet_sk(sock->sk);
    struct tpacket_stats stats = po->stats;
    int value = po->auxdata;
    const void *from = name == PACKET_STATISTICS ? (const void *)&stats : &value;
    size_t size = name == PACKET_STATISTICS ? sizeof(stats) : sizeof(value);

    if (level != SOL_PACKET || (name != PACKET_STATISTICS && name != PACKET_AUXDATA))
        return -ENOPROTOOPT;
    if (name == PACKET_STATISTICS)
        po->stats = (struct tpacket_stats){0};
    *len = min(*len, (socklen_t)size);
    memcpy(val, from, *len);
    return 0;
}

static int packet_ioctl(struct socket *sock, unsigned long cmd, void *arg)
{
    struct sock *sk = sock->sk;

    if (cmd != SIOCINQ && cmd != SIOCOUTQ)
        return dev_ioctl(sock_net(sk), cmd, arg);
    if (!arg)
        return -EFAULT;
    const struct sk_buff *first = skb_peek(&sk->sk_receive_queue);
    *(int *)arg = cmd == SIOCOUTQ ? (int)sk->sk_wmem_alloc : first ? (int)first->len : 0;
    return 0;
}

/* --- coming and going --- */

static uint32_t packet_poll(struct sock *sk)
{
    uint32_t mask = 0;

    if (!skb_queue_empty(&sk->sk_receive_queue))
        mask |= POLLIN | POLLRDNORM;
    if (sk->sk_wmem_alloc <= sk->sk_sndbuf / 2)
        mask |= POLLOUT | POLLWRNORM;
    if (sk->sk_err)
        mask |= POLLERR;
    return mask;
}

static const struct proto packet_prot = {
    .name = "PACKET",
    .obj_size = sizeof(struct packet_sock),
    .poll = packet_poll,
};

/* The reader goes; what it has sent may still wait in a card, by its reference. */
static int packet_release(struct socket *sock)
{
    struct sock *sk = sock->sk;
    struct packet_sock *po = packet_sk(sk);

    packet_unhook(po);
    hlist_del_init(&sk->sk_common.bind_node);
    packet_forget_memberships(po, NULL);
    unregister_netdev_notifier(&po->notifier);
    skb_queue_purge(&sk->sk_receive_queue, SKB_NOT_DROPPED_YET);
    sock->sk = NULL;
    sk->sk_socket = NULL;
    sk->sk_dead = true;
    sock_put(sk);
    return 0;
}

static int packet_no_connect(struct socket *sock, const struct sockaddr *addr, socklen_t len, int flags)
{
    return -EOPNOTSUPP;
}

static int packet_no_listen(struct socket *sock, int backlog)
{
    return -EOPNOTSUPP;
}

static int packet_no_shutdown(struct socket *sock, int how)
{
    return -EOPNOTSUPP;
}

static const struct proto_ops packet_ops = {
    .family = AF_PACKET,
    .release = packet_release,
    .bind = packet_bind,
    .connect = packet_no_connect,
    .getname = packet_getname,
    .listen = packet_no_listen,
    .shutdown = packet_no_shutdown,
    .sendmsg = packet_sendmsg,
    .recvmsg = packet_recvmsg,
    .setsockopt = packet_setsockopt,
    .getsockopt = packet_getsockopt,
    .ioctl = packet_ioctl,
};

/* protocol: an EtherType in network byte order, as packet(7) has it; it is heard at once, from every device.
 */
static int packet_create(struct net *net, struct socket *sock, int protocol)
{
    int err;

    if (sock->type != SOCK_RAW && sock->type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    struct sock *sk = sk_alloc(net, &packet_prot, sock->type, 0, &err);
    if (!sk)
        return err;
    struct packet_sock *po = packet_sk(sk);
    sk->sk_family = AF_PACKET;
    sock->sk = sk;
    sock->ops = &packet_ops;
    hlist_add_head(&sk->sk_common.bind_node,
                   &container_of(net->packet, struct netns_packet, family)->sockets);
    INIT_LIST_HEAD(&po->memberships);
    po->notifier.call = packet_notify;
    register_netdev_notifier(net, &po->notifier);
    po->protocol = (__force be16)(uint16_t)protocol;
    packet_hook(po);
    return 0;
}

struct sock *packet_next_sock(struct net *net, const struct sock *prev)
{
    struct hlist_node *next = prev ? prev->sk_common.bind_node.next
                                   : container_of(net->packet, struct netns_packet, family)->sockets.first;

    return next ? container_of(next, struct sock, sk_common.bind_node) : NULL;
}

be16 packet_sock_protocol(struct sock *sk, int *ifindex)
{
    *ifindex = packet_sk(sk)->ifindex;
    return packet_sk(sk)->protocol;
}

int packet_init(struct net *net)
{
    struct netns_packet *packet = kzalloc(sizeof(*packet));

    if (!packet)
        return -ENOMEM;
    net->packet = &packet->family;
    net->packet->family = AF_PACKET;
    net->packet->create = packet_create;
    sock_register(net, net->packet);
    return 0;
}

void packet_exit(struct net *net)
{
    sock_unregister(net->packet);
    kfree(container_of(net->packet, struct netns_packet, family));
    net->packet = NULL;
}
