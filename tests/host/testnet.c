/*
 * testnet.c - see testnet.h. The card's transmit side is a list, its receive side a call.
 */
#include "tests/host/testnet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/neighbour.h"
#include "net/core/sock.h"
#include "net/core/sysctl.h"
#include "net/ethernet/ethernet.h"
#include "net/ipv4/ipconfig.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"

const uint8_t testnet_local_mac[6] = {2, 0, 0, 0, 0, 1};
const uint8_t testnet_peer_mac[6] = {2, 0, 0, 0, 0, 2};

struct testnet_frame {
    struct testnet_frame *next;
    size_t len;
    uint8_t data[];
};

static void testnet_die(const char *what)
{
    fprintf(stderr, "testnet: %s\n", what);
    abort();
}

/* --- the card --- */

static enum netdev_tx testnet_xmit(struct sk_buff *skb, struct net_device *dev)
{
    struct testnet *t = *(struct testnet **)dev->priv;
    struct testnet_frame *frame;

    if (t->stop_tx)
        return NETDEV_TX_BUSY;
    if (skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(skb))
        testnet_die("checksum of a sent frame cannot be finished");
    frame = malloc(sizeof(*frame) + skb->len);
    if (!frame || skb_copy_bits(skb, 0, frame->data, skb->len))
        testnet_die("sent frame cannot be copied");
    frame->len = skb->len;
    frame->next = NULL;
    consume_skb(skb);
    *t->sent_last = frame;
    t->sent_last = &frame->next;
    t->sent_count++;
    dev->stats.tx_packets++;
    dev->stats.tx_bytes += frame->len;
    return NETDEV_TX_OK;
}

static const struct net_device_ops testnet_ops = {.ndo_start_xmit = testnet_xmit};

static void testnet_add_card(struct testnet *t, unsigned features)
{
    t->dev = alloc_etherdev(sizeof(struct testnet *));
    if (!t->dev)
        testnet_die("no card");
    *(struct testnet **)t->dev->priv = t;
    t->dev->netdev_ops = &testnet_ops;
    t->dev->features = features;
    memcpy(t->dev->dev_addr, testnet_local_mac, ETH_ALEN);
    if (register_netdev(t->net, t->dev) || dev_open(t->dev))
        testnet_die("the card does not start");
    netif_carrier_on(t->dev);
}

/* --- life --- */

static void testnet_add_peer(struct testnet *t)
{
    struct neighbour *n = neigh_lookup_or_create(t->net->arp_tbl, cpu_to_be32(t->peer), t->dev);

    if (!n)
        testnet_die("no neighbour entry");
    neigh_update(n, testnet_peer_mac, NUD_PERMANENT, true);
    neigh_release(n);
}

static void testnet_configure(struct testnet *t, const char *cidr, bool default_route)
{
    struct ip_config config;
    const char *why;
    char value[64];

    snprintf(value, sizeof(value), "%s::::::off", cidr);
    if (ip_config_parse(value, &config, &why))
        testnet_die(why);
    t->local = be32_to_cpu(config.client);
    if (config.prefix_len <= 29) {
        t->peer = (t->local & ~0u << (32 - config.prefix_len)) + 2;
        if (default_route)
            config.gateway = cpu_to_be32(t->peer);
    }
    strcpy(config.device, t->dev->name);
    if (ip_config_apply(t->net, &config))
        testnet_die("the address cannot be set");
    if (t->peer)
        testnet_add_peer(t);
}

struct testnet *testnet_create_features(const char *cidr, unsigned features)
{
    struct testnet *t = calloc(1, sizeof(*t));

    if (!t || skb_init() || sock_init())
        testnet_die("no memory");
    t->sent_last = &t->sent_first;
    t->net = net_create("test");
    if (!t->net || inet_init(t->net))
        testnet_die("the stack does not start");
    sysctl_set(t->net, "net.ipv4.arp_probe", "0");
    testnet_add_card(t, features);
    if (cidr)
        testnet_configure(t, cidr, true);
    testnet_advance_ms(t, 5000); /* announcements */
    testnet_drop_sent(t);
    return t;
}

struct testnet *testnet_create(const char *cidr)
{
    return testnet_create_features(cidr, 0);
}

struct testnet *testnet_add_port(struct testnet *t, const char *cidr, unsigned features)
{
    struct testnet *port = calloc(1, sizeof(*port));

    if (!port)
        testnet_die("no memory");
    port->sent_last = &port->sent_first;
    port->net = t->net;
    testnet_add_card(port, features);
    testnet_configure(port, cidr, false);
    testnet_advance_ms(port, 5000); /* announcements */
    testnet_drop_sent(port);
    return port;
}

void testnet_remove_port(struct testnet *port)
{
    port->stop_tx = false;
    testnet_run(port);
    testnet_drop_sent(port);
    unregister_netdev(port->dev);
    free_netdev(port->dev);
    free(port);
}

static int testnet_left_over(const struct testnet *t, const char *what, size_t count)
{
    if (count)
        fprintf(stderr, "testnet: %zu %s left over\n", count, what);
    return count ? -1 : 0;
}

int testnet_destroy(struct testnet *t)
{
    t->stop_tx = false;
    testnet_run(t);
    testnet_drop_sent(t);
    unregister_netdev(t->dev);
    free_netdev(t->dev);
    if (testnet_left_over(t, "sockets", t->net->sock_count))
        return -1;
    inet_exit(t->net);
    if (testnet_left_over(t, "buffers", t->net->skb_count))
        return -1;
    net_destroy(t->net);
    free(t);
    return 0;
}

/* --- frames and time --- */

void testnet_run(struct testnet *t)
{
    host_run();
}

void testnet_advance_ms(struct testnet *t, uint64_t ms)
{
    host_advance_ms(ms);
}

void testnet_inject(struct testnet *t, const void *frame, size_t len)
{
    struct sk_buff *skb = netdev_alloc_skb(t->dev, (unsigned)len);

    if (!skb) /* an allocation that was told to fail: the card loses the frame */
        return;
    skb_put_data(skb, frame, (unsigned)len);
    if (len < ETH_HLEN) {
        kfree_skb_reason(skb, SKB_DROP_REASON_DEV_HDR);
        return;
    }
    skb->protocol = eth_type_trans(skb, t->dev);
    netif_receive_skb(skb);
    testnet_run(t);
}

static struct testnet_frame *testnet_take(struct testnet *t)
{
    struct testnet_frame *frame = t->sent_first;

    if (!frame)
        return NULL;
    t->sent_first = frame->next;
    if (!t->sent_first)
        t->sent_last = &t->sent_first;
    t->sent_count--;
    return frame;
}

static bool testnet_is_arp(const struct testnet_frame *frame)
{
    return frame->len >= ETH_HLEN && testnet_u16(frame->data + 12) == ETH_P_ARP;
}

size_t testnet_pop(struct testnet *t, void *buf, size_t size)
{
    struct testnet_frame *frame = testnet_take(t);
    size_t len;

    while (frame && !t->keep_arp && testnet_is_arp(frame)) {
        free(frame);
        frame = testnet_take(t);
    }
    if (!frame)
        return 0;
    len = frame->len;
    memcpy(buf, frame->data, len < size ? len : size);
    free(frame);
    return len;
}

void testnet_drop_sent(struct testnet *t)
{
    struct testnet_frame *frame;

    while ((frame = testnet_take(t)))
        free(frame);
}

/* --- building and checking --- */

uint32_t testnet_addr(const char *dotted)
{
    struct in_addr in;

    if (inet_pton(AF_INET, dotted, &in) != 1)
        testnet_die("no address");
    return ntohl(in.s_addr);
}

/* Written apart from net/core/checksum.c, so that one checks the other. */
static uint32_t testnet_sum(const uint8_t *data, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
    return sum;
}

uint16_t testnet_csum(const void *data, size_t len, uint32_t initial)
{
    uint32_t sum = testnet_sum(data, len, initial);

    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static uint32_t testnet_pseudo_sum(uint32_t saddr, uint32_t daddr, uint8_t protocol, size_t len)
{
    return (saddr >> 16) + (saddr & 0xffff) + (daddr >> 16) + (daddr & 0xffff) + protocol + (uint32_t)len;
}

void testnet_fix_csum(void *segment, size_t len, size_t offset, uint32_t saddr, uint32_t daddr,
                      uint8_t protocol)
{
    uint8_t *field = (uint8_t *)segment + offset;
    uint16_t csum;

    put_unaligned_be16(0, field);
    csum = testnet_csum(segment, len, testnet_pseudo_sum(saddr, daddr, protocol, len));
    put_unaligned_be16(csum ? csum : 0xffff, field);
}

void testnet_fix_ip_csum(uint8_t *frame)
{
    uint8_t *ip = frame + TESTNET_IP;

    put_unaligned_be16(0, ip + 10);
    put_unaligned_be16(testnet_csum(ip, (ip[0] & 15u) * 4, 0), ip + 10);
}

size_t testnet_build_ip(struct testnet *t, uint8_t *buf, const struct testnet_ip *ip, const void *payload,
                        size_t len)
{
    size_t options_len = (ip->options_len + 3) & ~(size_t)3, hdr_len = 20 + options_len;
    uint8_t *h = buf + TESTNET_IP;

    memcpy(buf, ip->dst_mac ? ip->dst_mac : testnet_local_mac, 6);
    memcpy(buf + 6, testnet_peer_mac, 6);
    put_unaligned_be16(ETH_P_IP, buf + 12);
    memmove(h + hdr_len, payload, len);
    memset(h, 0, hdr_len);
    h[0] = (uint8_t)(0x40 | hdr_len / 4);
    h[1] = ip->tos;
    put_unaligned_be16((uint16_t)(hdr_len + len), h + 2);
    put_unaligned_be16(ip->id, h + 4);
    put_unaligned_be16(ip->frag_off, h + 6);
    h[8] = ip->ttl ? ip->ttl : 64;
    h[9] = ip->protocol;
    put_unaligned_be32(ip->saddr ? ip->saddr : t->peer, h + 12);
    put_unaligned_be32(ip->daddr ? ip->daddr : t->local, h + 16);
    if (ip->options_len)
        memcpy(h + 20, ip->options, ip->options_len);
    testnet_fix_ip_csum(buf);
    return TESTNET_IP + hdr_len + len;
}

size_t testnet_build_udp(struct testnet *t, uint8_t *buf, const struct testnet_ip *ip, uint16_t sport,
                         uint16_t dport, const void *payload, size_t len)
{
    struct testnet_ip udp = *ip;
    uint8_t datagram[65536];

    udp.protocol = 17;
    put_unaligned_be16(sport, datagram);
    put_unaligned_be16(dport, datagram + 2);
    put_unaligned_be16((uint16_t)(8 + len), datagram + 4);
    if (len)
        memcpy(datagram + 8, payload, len);
    testnet_fix_csum(datagram, 8 + len, 6, ip->saddr ? ip->saddr : t->peer, ip->daddr ? ip->daddr : t->local,
                     17);
    return testnet_build_ip(t, buf, &udp, datagram, 8 + len);
}

size_t testnet_build_icmp(struct testnet *t, uint8_t *buf, const struct testnet_ip *ip, uint8_t type,
                          uint8_t code, uint32_t rest, const void *payload, size_t len)
{
    struct testnet_ip icmp = *ip;
    uint8_t message[65536] = {type, code};

    icmp.protocol = 1;
    put_unaligned_be32(rest, message + 4);
    if (len)
        memcpy(message + 8, payload, len);
    put_unaligned_be16(testnet_csum(message, 8 + len, 0), message + 2);
    return testnet_build_ip(t, buf, &icmp, message, 8 + len);
}

bool testnet_frame_ok(const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + TESTNET_IP;
    size_t hdr_len, tot_len;
    uint32_t pseudo = 0;

    if (len < TESTNET_L4 || testnet_u16(frame + 12) != ETH_P_IP)
        return false;
    hdr_len = (ip[0] & 15u) * 4;
    tot_len = testnet_u16(ip + 2);
    if (ip[0] >> 4 != 4 || hdr_len < 20 || tot_len < hdr_len || tot_len > len - TESTNET_IP ||
        testnet_csum(ip, hdr_len, 0))
        return false;
    if (ip[9] == 17 && testnet_u16(ip + hdr_len + 4) != tot_len - hdr_len)
        return false;
    if (ip[9] != 1)
        pseudo = testnet_pseudo_sum(testnet_u32(ip + 12), testnet_u32(ip + 16), ip[9], tot_len - hdr_len);
    return !testnet_csum(ip + hdr_len, tot_len - hdr_len, pseudo);
}
