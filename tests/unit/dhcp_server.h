/*
 * dhcp_server.h - a DHCP server that says what each test wants, the client (net/apps/dhcp.c), and a link
 * between them.
 *
 * The format of messages is tested in test_dhcp.c; here it is about what is sent when, and what becomes of
 * the address. The client runs for ever; after each test its socket is closed under it, which ends it, and
 * everything is counted.
 */
#ifndef TESTS_UNIT_DHCP_SERVER_H
#define TESTS_UNIT_DHCP_SERVER_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/apps/dhcp.h"
#include "net/apps/dhcp_message.h"
#include "net/ipv4/route.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/program.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define SERVER     "10.0.0.1"
#define OFFERED    "10.0.0.50"
#define OTHER      "10.0.0.51"
#define BROADCAST  "255.255.255.255"
#define FIXED_LEN  240 /* of a message, in front of its options */
#define SENT_MAX   64
#define LEASE_S    3600u
#define PROBING_MS 5000 /* at the most, until an address is ours */

enum {
    OPTION_MASK = 1,
    OPTION_ROUTER = 3,
    OPTION_HOSTNAME = 12,
    OPTION_MTU = 26,
    OPTION_REQUESTED = 50,
    OPTION_LEASE = 51,
    OPTION_TYPE = 53,
    OPTION_SERVER = 54,
    OPTION_PARAMETERS = 55,
    OPTION_MAX_SIZE = 57,
    OPTION_T1 = 58,
    OPTION_T2 = 59,
    OPTION_CLIENT_ID = 61
};

static struct sim_link *wire;
static struct sim_host *server, *client,
    *holder;                       /* holder: of an address that is offered, if a test has one */
static int server_fd, intruder_fd; /* intruder: on the same host, not port 67 */
/* What the client has put on the wire. */
static struct {
    unsigned count; /* messages to port 67 */
    uint64_t at_ms[SENT_MAX];
    char from[16], to[16]; /* of the last */
    bool to_everybody;     /* its Ethernet address */
    unsigned arp_probes;
    unsigned lose; /* so many of the next messages do not arrive */
} sent;

/* --- the wire --- */

static inline bool note_frame(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + 14;
    if (from != client->dev)
        return true;
    if (frame[12] == 8 && frame[13] == 6 && !memcmp(frame + 28, "\0\0\0\0", 4))
        sent.arp_probes++;
    if (frame[12] != 8 || frame[13] != 0 || ip[9] != IPPROTO_UDP || ip[22] != 0 || ip[23] != DHCP_SERVER_PORT)
        return true;
    if (sent.count < SENT_MAX)
        sent.at_ms[sent.count] = ktime_get_ms();
    sent.count++;
    inet_ntop(AF_INET, ip + 12, sent.from, sizeof(sent.from));
    inet_ntop(AF_INET, ip + 16, sent.to, sizeof(sent.to));
    sent.to_everybody = !memcmp(frame, "\xff\xff\xff\xff\xff\xff", 6);
    if (!sent.lose)
        return true;
    sent.lose--;
    return false;
}

/* --- the server: what it hears --- */

struct heard {
    uint8_t bytes[DHCP_MESSAGE_MAX];
    ssize_t len;
    uint64_t at_ms;
};

static inline bool hears(void *arg)
{
    struct heard *m = arg;
    m->len = sys_recvfrom(server->files, server_fd, m->bytes, sizeof(m->bytes), MSG_DONTWAIT, NULL, NULL);
    m->at_ms = ktime_get_ms();
    return m->len >= 0;
}

/* The value of an option, NULL if it is not there. */
static inline const uint8_t *option(const struct heard *m, uint8_t code, size_t *len)
{
    for (ssize_t i = FIXED_LEN; i + 1 < m->len && m->bytes[i] != 255;
         i += m->bytes[i] ? 2 + m->bytes[i + 1] : 1)
        if (m->bytes[i] == code) {
            *len = m->bytes[i + 1];
            return m->bytes + i + 2;
        }
    return NULL;
}

static inline bool has_option(const struct heard *m, uint8_t code)
{
    size_t len;
    return option(m, code, &len);
}

static inline int type_of(const struct heard *m)
{
    size_t len;
    const uint8_t *type = option(m, OPTION_TYPE, &len);
    return type && len == 1 ? *type : 0;
}

static inline unsigned secs_of(const struct heard *m)
{
    return (unsigned)m->bytes[8] << 8 | m->bytes[9];
}

static inline bool wants_broadcast(const struct heard *m)
{
    return m->bytes[10] & 0x80;
}

static inline uint32_t xid_of(const struct heard *m)
{
    uint32_t xid;
    memcpy(&xid, m->bytes + 4, 4);
    return xid;
}

static inline void assert_client_address(const struct heard *m, const char *addr)
{
    uint32_t expected = inet_addr(addr);
    assert_memory_equal(m->bytes + 12, &expected, 4);
}

static inline void assert_address_option(const struct heard *m, uint8_t code, const char *addr)
{
    uint32_t expected = inet_addr(addr);
    size_t len = 0;
    const uint8_t *value = option(m, code, &len);
    assert_int_equal(len, 4);
    assert_memory_equal(value, &expected, 4);
}

/* The next message, which must be of this type, and comes within this time. */
static inline struct heard expect_message(enum dhcp_type type, uint64_t within_ms)
{
    struct heard m;
    size_t len = 0;
    if (!host_run_until(hears, &m, within_ms * NSEC_PER_MSEC))
        fail_msg("no message within %llu ms", (unsigned long long)within_ms);
    assert_int_equal(type_of(&m), type);
    assert_true(m.len >= (ssize_t)DHCP_MESSAGE_MIN);
    assert_memory_equal(m.bytes, "\1\1\6\0", 4); /* BOOTREQUEST, Ethernet, 6 bytes, no relay yet */
    assert_memory_equal(m.bytes + 28, client->dev->dev_addr, 6);
    assert_memory_equal(m.bytes + 236, "\x63\x82\x53\x63", 4);
    const uint8_t *id = option(&m, OPTION_CLIENT_ID, &len);
    assert_int_equal(len, 7); /* 4.2: the same in every message */
    assert_memory_equal(id + 1, client->dev->dev_addr, 6);
    return m;
}

static inline void expect_silence(uint64_t ms)
{
    struct heard m;
    host_advance_ms(ms);
    assert_false(hears(&m));
}

/* --- the server: what it says --- */

struct terms {
    const char *addr, *mask, *router, *server;
    uint32_t lease_s, t1_s, t2_s; /* t1_s, t2_s 0: not said */
    uint16_t mtu;                 /* 0: not said */
};

static const struct terms usual = {OFFERED, "255.255.255.0", SERVER, SERVER, LEASE_S, 0, 0, 0};

struct answer {
    uint8_t bytes[600];
    size_t len;
};

static inline void put(struct answer *a, uint8_t code, uint8_t len, const void *data)
{
    a->bytes[a->len++] = code;
    a->bytes[a->len++] = len;
    memcpy(a->bytes + a->len, data, len);
    a->len += len;
}

static inline void put_u32(struct answer *a, uint8_t code, uint32_t value)
{
    value = htonl(value);
    put(a, code, 4, &value);
}

/* What a type must have stands last, so that an answer cut anywhere lacks some of it. */
static inline struct answer make_answer(const struct heard *to, uint8_t type, const struct terms *terms)
{
    struct answer a = {.len = FIXED_LEN};
    uint32_t addr = inet_addr(terms->addr);
    memcpy(a.bytes, "\2\1\6", 3);
    memcpy(a.bytes + 4, to->bytes + 4, 4);   /* xid */
    memcpy(a.bytes + 10, to->bytes + 10, 2); /* flags */
    if (type != DHCP_NAK)
        memcpy(a.bytes + 16, &addr, 4);
    memcpy(a.bytes + 28, to->bytes + 28, 16);
    memcpy(a.bytes + 236, "\x63\x82\x53\x63", 4);
    if (type != DHCP_NAK) {
        put_u32(&a, OPTION_MASK, ntohl(inet_addr(terms->mask)));
        put_u32(&a, OPTION_ROUTER, ntohl(inet_addr(terms->router)));
        if (terms->t1_s)
            put_u32(&a, OPTION_T1, terms->t1_s);
        if (terms->t2_s)
            put_u32(&a, OPTION_T2, terms->t2_s);
        if (terms->mtu)
            put(&a, OPTION_MTU, 2, (uint8_t[]){(uint8_t)(terms->mtu >> 8), (uint8_t)terms->mtu});
        put_u32(&a, OPTION_LEASE, terms->lease_s);
    }
    put_u32(&a, OPTION_SERVER, ntohl(inet_addr(terms->server)));
    put(&a, OPTION_TYPE, 1, &type);
    return a;
}

static inline void say_from(int fd, const struct answer *a, const char *to)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT)};
    inet_pton(AF_INET, to, &addr.sin_addr);
    assert_int_equal(sys_sendto(server->files, fd, a->bytes, a->len, 0, (void *)&addr, sizeof(addr)), a->len);
    host_run();
}

/* 4.1: to the address the client uses, or to everybody. */
static inline void answer(const struct heard *to, uint8_t type, const struct terms *terms)
{
    struct answer a = make_answer(to, type, terms);
    char ciaddr[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, to->bytes + 12, ciaddr, sizeof(ciaddr));
    say_from(server_fd, &a, wants_broadcast(to) || type == DHCP_NAK ? BROADCAST : ciaddr);
}

/* --- the client --- */

static inline void assert_address(const char *addr, int prefix_len)
{
    struct in_ifaddr *ifa = inet_addr_find(client->net, client->dev, inet_addr(addr));
    assert_non_null(ifa);
    assert_int_equal(ifa->prefix_len, prefix_len);
    assert_false(ifa->tentative);
}

static inline void assert_default_route(const char *gateway)
{
    struct fib_config route;
    assert_true(fib_lookup_config(client->net, inet_addr("198.51.100.1"), &route));
    assert_int_equal(route.prefix_len, 0);
    assert_int_equal(route.gateway, inet_addr(gateway));
}

static inline void assert_no_address(void)
{
    struct fib_config route;
    assert_true(list_empty(&client->dev->ifa_list));
    assert_false(fib_lookup_config(client->net, inet_addr("198.51.100.1"), &route));
}

/* Begins to ask, with these words on the command line. */
static inline void start_client(const char *words)
{
    cmdline_init(words);
    assert_non_null(task_create("dhcp", dhcp_main, (void *)"eth0", client->files));
    host_run();
}

/* As far as the server's consent. Returns the REQUEST that was acknowledged. */
static inline struct heard agree(const struct terms *terms)
{
    struct heard m = expect_message(DHCP_DISCOVER, 80000);
    answer(&m, DHCP_OFFER, terms);
    m = expect_message(DHCP_REQUEST, 0);
    answer(&m, DHCP_ACK, terms);
    return m;
}

static inline struct heard get_lease(const struct terms *terms)
{
    start_client("dhcp.probe=0");
    struct heard m = agree(terms);
    assert_address(terms->addr, 24);
    return m;
}

/* The client ends when its socket is gone: at the next message, if it is not asleep. */
static inline void stop_client(void)
{
    const struct answer anything = {.len = 1};
    netif_carrier_on(client->dev);
    host_advance_ms(1000);
    program_close_files(client->files);
    say_from(server_fd, &anything, BROADCAST);
    host_advance_ms(100000);
    assert_null(program_find("dhcp"));
    assert_int_equal(client->files->open_count, 0);
}

/* --- before and after each test --- */

static inline int open_server_socket(uint16_t port)
{
    int fd = sys_socket(server->files, AF_INET, SOCK_DGRAM, 0), on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_true(fd >= 0);
    assert_int_equal(sys_setsockopt(server->files, fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
    assert_int_equal(sys_setsockopt(server->files, fd, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5), 0);
    assert_int_equal(sys_bind(server->files, fd, (void *)&any, sizeof(any)), 0);
    return fd;
}

static inline void start_hosts(void)
{
    host_random_seed(1);
    wire = sim_link_create();
    server = sim_host_create("server", wire, SERVER "/24");
    client = sim_host_create("client", wire, "10.0.0.9/24");
    holder = NULL;
    assert_int_equal(if_set_address(client->net, "eth0", 0, 0, false), 0);
    server_fd = open_server_socket(DHCP_SERVER_PORT);
    intruder_fd = open_server_socket(6767);
    host_run();
    memset(&sent, 0, sizeof(sent));
    sim_link_set_filter(wire, note_frame, NULL);
}

static inline void stop_hosts(void)
{
    sim_host_destroy(client);
    sim_host_destroy(server);
    if (holder)
        sim_host_destroy(holder);
    sim_link_destroy(wire);
}

static inline int setup(void **state)
{
    program_hosts_start(start_hosts, stop_hosts);
    return 0;
}

static inline int teardown(void **state)
{
    host_fail_allocation(0);
    stop_client();
    assert_int_equal(client->net->sock_count, 0);
    program_hosts_stop(stop_hosts);
    return 0;
}

#endif
