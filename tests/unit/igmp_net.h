/*
 * igmp_net.h - sockets in multicast groups on one stack with a card at 10.0.0.1, and what it says in IGMP on
 * the wire.
 *
 *     setup / teardown   for TEST_FIXTURE; nothing may be left over
 */
#ifndef TESTS_UNIT_IGMP_NET_H
#define TESTS_UNIT_IGMP_NET_H

#include "tests/unit/files_net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/sysctl.h"
#include "net/ipv4/igmp.h"
#include "net/ipv4/ip.h"
#include "tests/host/host.h"

#define GROUP "239.1.2.3"
#define PORT  5000

static uint8_t in[2048], out[2048];

static inline int udp_socket(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int on = 1, fd = sys_socket(files, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    sys_setsockopt(files, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    assert_int_equal(sys_bind(files, fd, (void *)&a, sizeof(a)), 0);
    return fd;
}

static inline int membership(int fd, int option, const char *group)
{
    struct ip_mreq mreq = {.imr_multiaddr.s_addr = htonl(testnet_addr(group))};

    return sys_setsockopt(files, fd, SOL_IP, option, &mreq, sizeof(mreq));
}

static inline void join(int fd, const char *group)
{
    assert_int_equal(membership(fd, IP_ADD_MEMBERSHIP, group), 0);
}

static inline void leave(int fd, const char *group)
{
    assert_int_equal(membership(fd, IP_DROP_MEMBERSHIP, group), 0);
}

static inline void datagram_to(const char *group, const char *text)
{
    uint32_t g = testnet_addr(group);
    uint8_t mac[6] = {1, 0, 0x5e, g >> 16 & 0x7f, (uint8_t)(g >> 8), (uint8_t)g};

    testnet_inject(t, in,
                   testnet_build_udp(t, in, &(struct testnet_ip){.daddr = g, .dst_mac = mac}, 9, PORT, text,
                                     strlen(text)));
}

/* --- what the stack says in IGMP --- */

static uint8_t *message; /* the last one, from the IGMP header on */
static size_t message_len;

/* The next IGMP message's type, 0: none; its form is checked. */
static inline unsigned said(void)
{
    size_t n = testnet_pop(t, out, sizeof(out));

    if (!n)
        return 0;
    assert_int_equal(out[TESTNET_IP + 9], IPPROTO_IGMP);
    assert_int_equal(out[TESTNET_IP + 8], 1); /* ttl */
    assert_int_equal(out[TESTNET_IP], 0x46);  /* router alert */
    assert_memory_equal(out + TESTNET_IP + 20, "\x94\x04\0\0", 4);
    assert_memory_equal(out, "\x01\0\x5e", 3);
    message = out + TESTNET_IP + 24;
    message_len = testnet_u16(out + TESTNET_IP + 2) - 24u;
    assert_int_equal(testnet_csum(message, message_len, 0), 0);
    return message[0];
}

static inline void assert_silence(void)
{
    assert_int_equal(said(), 0);
}

static inline void query_with(const uint8_t *query, size_t len, const char *to, uint8_t ttl)
{
    uint8_t igmp[128] = {0};

    memcpy(igmp, query, len);
    put_unaligned_be16(testnet_csum(igmp, len, 0), igmp + 2);
    testnet_inject(t, in,
                   testnet_build_ip(t, in,
                                    &(struct testnet_ip){.protocol = IPPROTO_IGMP,
                                                         .ttl = ttl,
                                                         .daddr = testnet_addr(to),
                                                         .dst_mac = (const uint8_t *)"\x01\0\x5e\0\0\x01"},
                                    igmp, len));
}

/* A version 3 query; group NULL: a general one. */
static inline void query_v3(const char *group, uint8_t code, uint8_t qrv)
{
    uint8_t q[12] = {0x11, code, [8] = qrv};

    if (group)
        put_unaligned_be32(testnet_addr(group), q + 4);
    query_with(q, sizeof(q), group ? group : "224.0.0.1", 1);
}

static inline void query_old(const char *group, uint8_t code)
{
    uint8_t q[8] = {0x11, code};

    if (group)
        put_unaligned_be32(testnet_addr(group), q + 4);
    query_with(q, sizeof(q), group ? group : "224.0.0.1", 1);
}

static inline bool card_hears(const char *group)
{
    uint32_t g = testnet_addr(group);
    const uint8_t mac[6] = {1, 0, 0x5e, g >> 16 & 0x7f, (uint8_t)(g >> 8), (uint8_t)g};
    struct netdev_hw_addr *ha;

    list_for_each_entry (ha, &t->dev->mc_list, list)
        if (!memcmp(ha->addr, mac, 6))
            return true;
    return false;
}

#endif
