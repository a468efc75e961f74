/*
 * testnet.h - one stack with one virtual Ethernet card, for tests that speak in raw frames.
 *
 *     struct testnet *t = testnet_create("10.0.0.1/24");
 *     testnet_inject(t, frame, len);            the frame arrives and everything it causes happens
 *     size_t n = testnet_pop(t, buf, sizeof buf);   the oldest frame the stack has sent, 0: none
 *     testnet_destroy(t);                       closes the stack; not 0 if anything is left over
 *
 * The peer 10.0.0.2 (the network's address + 2) has a permanent neighbour entry, so no ARP disturbs the
 * picture; frames the stack sends by itself at start (gratuitous ARP) have been thrown away. Time is virtual
 * and stands still unless testnet_advance_ms() is called. Addresses in strings, numbers in host order.
 */
#ifndef TESTS_HOST_TESTNET_H
#define TESTS_HOST_TESTNET_H

#include "net/core/netdevice.h"

struct testnet_frame;

struct testnet {
    struct net *net;
    struct net_device *dev; /* eth0 */
    uint32_t local, peer;   /* host order; 0 without an address */
    struct testnet_frame *sent_first, **sent_last;
    size_t sent_count; /* frames waiting for testnet_pop() */
    bool stop_tx;      /* ndo_start_xmit answers NETDEV_TX_BUSY */
    bool keep_arp;     /* let testnet_pop() see ARP frames too (default: they are skipped) */
};

extern const uint8_t testnet_local_mac[6], testnet_peer_mac[6];

/* "10.0.0.1/24", or NULL: the card is up and has no address. Default route by the peer if `cidr` is given. */
struct testnet *testnet_create(const char *cidr);
/* The same with NETIF_F_* for the card (testnet_create: none). */
struct testnet *testnet_create_features(const char *cidr, unsigned features);
/* One more card (eth1 ...) of the same stack, with a peer of its own: for routers. It has the same link
 * address as the first. Must be taken away before testnet_destroy(). */
struct testnet *testnet_add_port(struct testnet *t, const char *cidr, unsigned features);
void testnet_remove_port(struct testnet *port);
/* 0, or -1 and a line on stderr if sockets or buffers are left over: a test's teardown returns it. */
int testnet_destroy(struct testnet *t);

/* A frame arrives (copied); softirqs and due timers run. */
void testnet_inject(struct testnet *t, const void *frame, size_t len);
/* The oldest sent frame is copied out and forgotten: its length, 0 if there is none. CHECKSUM_PARTIAL has
 * been finished as the card would have. */
size_t testnet_pop(struct testnet *t, void *buf, size_t size);
void testnet_drop_sent(struct testnet *t);

void testnet_run(struct testnet *t);                     /* softirqs and due timers until all is quiet */
void testnet_advance_ms(struct testnet *t, uint64_t ms); /* time passes, timers fire on the way */

/* --- building frames --- */

struct testnet_ip {
    uint32_t saddr, daddr;      /* 0: the peer's / ours */
    uint8_t protocol, ttl, tos; /* ttl 0: 64 */
    uint16_t id, frag_off;      /* frag_off: flags and offset as in the header */
    const void *options;        /* padded to 4 by the builder with zeros */
    size_t options_len;
    const uint8_t *dst_mac; /* NULL: ours */
};

uint32_t testnet_addr(const char *dotted); /* host order */

/* Ethernet and IPv4 header, checksum right, then `payload`: the frame's length. buf has room for all of it.
 */
size_t testnet_build_ip(struct testnet *t, uint8_t *buf, const struct testnet_ip *ip, const void *payload,
                        size_t len);
/* The same with a UDP header (checksum right) / ICMP header (checksum right) in front. */
size_t testnet_build_udp(struct testnet *t, uint8_t *buf, const struct testnet_ip *ip, uint16_t sport,
                         uint16_t dport, const void *payload, size_t len);
size_t testnet_build_icmp(struct testnet *t, uint8_t *buf, const struct testnet_ip *ip, uint8_t type,
                          uint8_t code, uint32_t rest, const void *payload, size_t len);
/* Puts the checksum right of a transport header at `segment` (of `len` bytes with data) whose checksum field
 * is `offset` bytes in; pseudo-header of saddr/daddr/protocol included. */
void testnet_fix_csum(void *segment, size_t len, size_t offset, uint32_t saddr, uint32_t daddr,
                      uint8_t protocol);
/* Puts the IPv4 header checksum of a frame right after a test has changed the header. */
void testnet_fix_ip_csum(uint8_t *frame);

/* The folded Internet checksum of `len` bytes: 0 over data that carries a right one. */
uint16_t testnet_csum(const void *data, size_t len, uint32_t initial);
/* Whether IPv4 header and transport checksum (TCP, UDP, ICMP) of a frame are right and its lengths agree. */
bool testnet_frame_ok(const uint8_t *frame, size_t len);

/* --- reading frames: frame + TESTNET_IP is the IPv4 header --- */
#define TESTNET_IP 14 /* offset of the IPv4 header */
#define TESTNET_L4 34 /* offset of what follows a header without options */

static inline uint16_t testnet_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t testnet_u32(const uint8_t *p)
{
    return (uint32_t)testnet_u16(p) << 16 | testnet_u16(p + 2);
}

#endif
