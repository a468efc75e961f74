/*
 * test_dhcp_client.c - the DHCP client (net/apps/dhcp.c) against a server that says what each test wants, on
 * a link between them, on virtual time. Sections are those of RFC 2131.
 *
 * The format of messages is tested in test_dhcp.c; here it is about what is sent when, and what becomes of
 * the address. The client runs for ever; after each test its socket is closed under it, which ends it, and
 * everything is counted.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cmdline.h"
#include "kernel/shutdown.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/apps/dhcp.h"
#include "net/apps/dhcp_message.h"
#include "net/ipv4/route.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
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
static struct {
    size_t objects, pages;
} before;

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

static bool note_frame(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
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

static bool hears(void *arg)
{
    struct heard *m = arg;
    m->len = sys_recvfrom(server->files, server_fd, m->bytes, sizeof(m->bytes), MSG_DONTWAIT, NULL, NULL);
    m->at_ms = ktime_get_ms();
    return m->len >= 0;
}

/* The value of an option, NULL if it is not there. */
static const uint8_t *option(const struct heard *m, uint8_t code, size_t *len)
{
    for (ssize_t i = FIXED_LEN; i + 1 < m->len && m->bytes[i] != 255;
         i += m->bytes[i] ? 2 + m->bytes[i + 1] : 1)
        if (m->bytes[i] == code) {
            *len = m->bytes[i + 1];
            return m->bytes + i + 2;
        }
    return NULL;
}

static bool has_option(const struct heard *m, uint8_t code)
{
    size_t len;
    return option(m, code, &len);
}

static int type_of(const struct heard *m)
{
    size_t len;
    const uint8_t *type = option(m, OPTION_TYPE, &len);
    return type && len == 1 ? *type : 0;
}

static unsigned secs_of(const struct heard *m)
{
    return (unsigned)m->bytes[8] << 8 | m->bytes[9];
}

static bool wants_broadcast(const struct heard *m)
{
    return m->bytes[10] & 0x80;
}

static uint32_t xid_of(const struct heard *m)
{
    uint32_t xid;
    memcpy(&xid, m->bytes + 4, 4);
    return xid;
}

static void assert_client_address(const struct heard *m, const char *addr)
{
    uint32_t expected = inet_addr(addr);
    assert_memory_equal(m->bytes + 12, &expected, 4);
}

static void assert_address_option(const struct heard *m, uint8_t code, const char *addr)
{
    uint32_t expected = inet_addr(addr);
    size_t len = 0;
    const uint8_t *value = option(m, code, &len);
    assert_int_equal(len, 4);
    assert_memory_equal(value, &expected, 4);
}

/* The next message, which must be of this type, and comes within this time. */
static struct heard expect_message(enum dhcp_type type, uint64_t within_ms)
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

static void expect_silence(uint64_t ms)
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

static void put(struct answer *a, uint8_t code, uint8_t len, const void *data)
{
    a->bytes[a->len++] = code;
    a->bytes[a->len++] = len;
    memcpy(a->bytes + a->len, data, len);
    a->len += len;
}

static void put_u32(struct answer *a, uint8_t code, uint32_t value)
{
    value = htonl(value);
    put(a, code, 4, &value);
}

/* What a type must have stands last, so that an answer cut anywhere lacks some of it. */
static struct answer make_answer(const struct heard *to, uint8_t type, const struct terms *terms)
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

static void say_from(int fd, const struct answer *a, const char *to)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT)};
    inet_pton(AF_INET, to, &addr.sin_addr);
    assert_int_equal(sys_sendto(server->files, fd, a->bytes, a->len, 0, (void *)&addr, sizeof(addr)), a->len);
    host_run();
}

/* 4.1: to the address the client uses, or to everybody. */
static void answer(const struct heard *to, uint8_t type, const struct terms *terms)
{
    struct answer a = make_answer(to, type, terms);
    char ciaddr[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, to->bytes + 12, ciaddr, sizeof(ciaddr));
    say_from(server_fd, &a, wants_broadcast(to) || type == DHCP_NAK ? BROADCAST : ciaddr);
}

/* --- the client --- */

static void assert_address(const char *addr, int prefix_len)
{
    struct in_ifaddr *ifa = inet_addr_find(client->net, client->dev, inet_addr(addr));
    assert_non_null(ifa);
    assert_int_equal(ifa->prefix_len, prefix_len);
    assert_false(ifa->tentative);
}

static void assert_default_route(const char *gateway)
{
    struct fib_config route;
    assert_true(fib_lookup_config(client->net, inet_addr("198.51.100.1"), &route));
    assert_int_equal(route.prefix_len, 0);
    assert_int_equal(route.gateway, inet_addr(gateway));
}

static void assert_no_address(void)
{
    struct fib_config route;
    assert_true(list_empty(&client->dev->ifa_list));
    assert_false(fib_lookup_config(client->net, inet_addr("198.51.100.1"), &route));
}

static struct task *client_task(void)
{
    struct task *task = NULL;
    while ((task = task_next(task)))
        if (!strcmp(task->name, "dhcp"))
            return task;
    return NULL;
}

/* Begins to ask, with these words on the command line. */
static void start_client(const char *words)
{
    cmdline_init(words);
    assert_non_null(task_create("dhcp", dhcp_main, (void *)"eth0", client->files));
    host_run();
}

/* As far as the server's consent. Returns the REQUEST that was acknowledged. */
static struct heard agree(const struct terms *terms)
{
    struct heard m = expect_message(DHCP_DISCOVER, 80000);
    answer(&m, DHCP_OFFER, terms);
    m = expect_message(DHCP_REQUEST, 0);
    answer(&m, DHCP_ACK, terms);
    return m;
}

static struct heard get_lease(const struct terms *terms)
{
    start_client("dhcp.probe=0");
    struct heard m = agree(terms);
    assert_address(terms->addr, 24);
    return m;
}

/* The client ends when its socket is gone: at the next message, if it is not asleep. */
static void stop_client(void)
{
    const struct answer anything = {.len = 1};
    netif_carrier_on(client->dev);
    host_advance_ms(1000);
    for (int fd = 0; fd < client->files->size; fd++)
        if (fget(client->files, fd))
            sys_close(client->files, fd);
    say_from(server_fd, &anything, BROADCAST);
    host_advance_ms(100000);
    assert_null(client_task());
    assert_int_equal(client->files->open_count, 0);
}

/* --- before and after each test --- */

static int open_server_socket(uint16_t port)
{
    int fd = sys_socket(server->files, AF_INET, SOCK_DGRAM, 0), on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_true(fd >= 0);
    assert_int_equal(sys_setsockopt(server->files, fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
    assert_int_equal(sys_setsockopt(server->files, fd, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5), 0);
    assert_int_equal(sys_bind(server->files, fd, (void *)&any, sizeof(any)), 0);
    return fd;
}

static void start_hosts(void)
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

static void stop_hosts(void)
{
    sim_host_destroy(client);
    sim_host_destroy(server);
    if (holder)
        sim_host_destroy(holder);
    sim_link_destroy(wire);
}

static int setup(void **state)
{
    start_hosts(); /* the first ones make the object caches */
    stop_hosts();
    before.objects = host_objects_alive();
    before.pages = host_pages_alive();
    start_hosts();
    return 0;
}

static int teardown(void **state)
{
    host_fail_allocation(0);
    stop_client();
    assert_int_equal(client->net->sock_count, 0);
    stop_hosts();
    assert_int_equal(host_objects_alive(), before.objects);
    assert_int_equal(host_pages_alive(), before.pages);
    return 0;
}

/* --- getting an address (3.1) --- */

TEST("3.1: discover, offer, request, ack: then there are an address and a default route")
{
    start_client("dhcp.probe=0");
    struct heard discover = expect_message(DHCP_DISCOVER, 0);
    assert_string_equal(sent.from, "0.0.0.0");
    assert_string_equal(sent.to, BROADCAST);
    assert_true(sent.to_everybody);
    assert_true(wants_broadcast(&discover));
    assert_client_address(&discover, "0.0.0.0");
    assert_false(has_option(&discover, OPTION_SERVER));
    assert_true(has_option(&discover, OPTION_PARAMETERS));
    assert_no_address();
    answer(&discover, DHCP_OFFER, &usual);
    struct heard request = expect_message(DHCP_REQUEST, 0);
    assert_string_equal(sent.from, "0.0.0.0");
    assert_string_equal(sent.to, BROADCAST);
    assert_int_equal(xid_of(&request), xid_of(&discover));
    assert_client_address(&request, "0.0.0.0"); /* 4.3.2: in SELECTING */
    assert_address_option(&request, OPTION_REQUESTED, OFFERED);
    assert_address_option(&request, OPTION_SERVER, SERVER);
    assert_no_address();
    answer(&request, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
    assert_default_route(SERVER);
    expect_silence(1000 * LEASE_S / 2 - 1000);
}

TEST("3.1 step 3: a REQUEST has the secs of its DISCOVER, however late the offer was")
{
    start_client("");
    struct heard discover = expect_message(DHCP_DISCOVER, 0);
    for (int i = 0; i < 6; i++)
        discover = expect_message(DHCP_DISCOVER, 20000);
    assert_true(secs_of(&discover) >= 1);
    host_advance_ms(1500);
    answer(&discover, DHCP_OFFER, &usual);
    struct heard request = expect_message(DHCP_REQUEST, 0);
    assert_int_equal(secs_of(&request), secs_of(&discover));
    request = expect_message(DHCP_REQUEST, 2000);
    assert_int_equal(secs_of(&request), secs_of(&discover));
}

TEST("3.1: of two offers the first is taken, and another server's ACK or NAK does not count")
{
    struct terms second = usual;
    second.addr = OTHER;
    second.server = "10.0.0.2";
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    answer(&m, DHCP_OFFER, &usual);
    answer(&m, DHCP_OFFER, &second);
    m = expect_message(DHCP_REQUEST, 0);
    assert_address_option(&m, OPTION_SERVER, SERVER);
    answer(&m, DHCP_ACK, &second);
    answer(&m, DHCP_NAK, &second);
    second.addr = OFFERED;
    answer(&m, DHCP_ACK, &second);
    second.addr = OTHER;
    second.server = SERVER; /* the right one, but this was not what it had offered */
    answer(&m, DHCP_ACK, &second);
    assert_no_address();
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
}

TEST("the MTU the server gives is set, unless Ethernet or RFC 1122 3.3.3 forbid it")
{
    struct terms terms = usual;
    terms.mtu = 1400;
    get_lease(&terms);
    assert_int_equal(client->dev->mtu, 1400);
    stop_client();
    terms.mtu = 9000;
    terms.addr = OTHER;
    get_lease(&terms);
    assert_int_equal(client->dev->mtu, 1400);
}

TEST("hostname= is what the server is told; \"skiff\" without it, nothing if it is empty")
{
    static const char *const words[][2] = {{"", "skiff"}, {"hostname=boat", "boat"}, {"hostname=", NULL}};
    for (int i = 0; i < 3; i++) {
        size_t len = 0;
        start_client(words[i][0]);
        struct heard m = expect_message(DHCP_DISCOVER, 0);
        const uint8_t *name = option(&m, OPTION_HOSTNAME, &len);
        assert_int_equal(len, words[i][1] ? strlen(words[i][1]) : 0);
        if (words[i][1])
            assert_memory_equal(name, words[i][1], len);
        stop_client();
        while (hears(&m))
            ;
    }
}

/* --- messages that are lost, or not meant for us --- */

TEST("4.1: a DISCOVER without an answer is repeated, quickly at first, then at twice the time up to 64 s")
{
    static const unsigned wait_ms[] = {300,  300,  300,   300,   1000,  2000,
                                       4000, 8000, 16000, 32000, 64000, 64000};
    enum { COUNT = sizeof(wait_ms) / sizeof(wait_ms[0]) };
    start_client("");
    struct heard first = expect_message(DHCP_DISCOVER, 0), m;
    for (int i = 0; i < COUNT; i++) {
        m = expect_message(DHCP_DISCOVER, 80000);
        unsigned waited = (unsigned)(sent.at_ms[i + 1] - sent.at_ms[i]);
        assert_in_range(waited, wait_ms[i] * 7 / 8, wait_ms[i] * 9 / 8 + 1);
        assert_int_equal(xid_of(&m), xid_of(&first));
    }
    assert_int_equal(secs_of(&m), (m.at_ms - first.at_ms) / 1000);
}

TEST("RFC 3927 1.9: an address of our own making goes as soon as a server gives one")
{
    start_client("dhcp.probe=0");
    for (int i = 0; i < 10; i++)
        expect_message(DHCP_DISCOVER, 20000);
    assert_false(list_empty(&client->dev->ifa_list));
    agree(&usual);
    assert_address(OFFERED, 24);
    assert_true(list_first_entry(&client->dev->ifa_list, struct in_ifaddr, list)->list.next ==
                &client->dev->ifa_list);
    assert_default_route(SERVER);
}

TEST("4.1: a lost DISCOVER and a lost REQUEST cost some time only")
{
    sent.lose = 2;
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 1000);
    sent.lose = 1;
    answer(&m, DHCP_OFFER, &usual);
    m = expect_message(DHCP_REQUEST, 1200);
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
    assert_int_equal(sent.count, 5);
}

TEST("3.1 step 5: a REQUEST nobody answers is sent four times, then all starts anew")
{
    start_client("");
    struct heard m = expect_message(DHCP_DISCOVER, 0), again;
    answer(&m, DHCP_OFFER, &usual);
    for (int i = 0; i < 4; i++)
        expect_message(DHCP_REQUEST, 10000);
    again = expect_message(DHCP_DISCOVER, 10000);
    assert_int_not_equal(xid_of(&again), xid_of(&m));
    assert_no_address();
}

/* Offers it, and then looks that it was not taken. */
static void assert_ignored(const struct answer *a)
{
    struct heard m;
    say_from(server_fd, a, BROADCAST);
    while (hears(&m))
        assert_int_equal(type_of(&m), DHCP_DISCOVER);
}

TEST("4.4.1: an offer to somebody else, damaged or without what it must have is as if it had not come")
{
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    const struct answer good = make_answer(&m, DHCP_OFFER, &usual);
    static const size_t decisive[] = {0,  1,  2,   4,  7,
                                      28, 33, 236, 239}; /* op, htype, hlen, xid, chaddr, cookie */
    for (size_t i = 0; i < sizeof(decisive) / sizeof(decisive[0]); i++) {
        struct answer bad = good;
        bad.bytes[decisive[i]] ^= 0x40;
        assert_ignored(&bad);
    }
    for (size_t len = 0; len < good.len; len++) {
        struct answer cut = good;
        cut.len = len;
        assert_ignored(&cut);
    }
    struct terms bad_terms = usual;
    bad_terms.lease_s = 0;
    struct answer no_lease = make_answer(&m, DHCP_OFFER, &bad_terms);
    assert_ignored(&no_lease);
    static const char *const no_hosts[] = {"0.0.0.0",  BROADCAST,   "10.0.0.255",
                                           "10.0.0.0", "127.0.0.1", "224.0.0.1"};
    for (size_t i = 0; i < sizeof(no_hosts) / sizeof(no_hosts[0]); i++) {
        bad_terms = usual;
        bad_terms.addr = no_hosts[i];
        struct answer no_host = make_answer(&m, DHCP_OFFER, &bad_terms);
        assert_ignored(&no_host);
    }
    struct answer early_ack = make_answer(&m, DHCP_ACK, &usual),
                  early_nak = make_answer(&m, DHCP_NAK, &usual);
    assert_ignored(&early_ack);
    assert_ignored(&early_nak);
    say_from(intruder_fd, &good, BROADCAST); /* not from a server's port */
    assert_int_equal(sent.count, 1);
    say_from(server_fd, &good, BROADCAST);
    expect_message(DHCP_REQUEST, 0);
}

TEST("4.4.1: an ACK with another xid or hardware address gives no lease")
{
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    answer(&m, DHCP_OFFER, &usual);
    m = expect_message(DHCP_REQUEST, 0);
    for (size_t at = 4; at < 34; at = at == 7 ? 28 : at + 1) {
        struct answer bad = make_answer(&m, DHCP_ACK, &usual);
        bad.bytes[at] ^= 1;
        say_from(server_fd, &bad, BROADCAST);
        assert_no_address();
    }
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
}

TEST("3.1 step 4: a NAK starts all anew, after a moment, with another xid")
{
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    answer(&m, DHCP_OFFER, &usual);
    struct heard request = expect_message(DHCP_REQUEST, 0);
    answer(&request, DHCP_NAK, &usual);
    expect_silence(900);
    m = expect_message(DHCP_DISCOVER, 200);
    assert_int_not_equal(xid_of(&m), xid_of(&request));
    assert_no_address();
    answer(&m, DHCP_OFFER, &usual);
    m = expect_message(DHCP_REQUEST, 0);
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
}

/* --- is the address free? (2.2, 3.1 step 5) --- */

TEST("3.1 step 5: the client asks the link before it uses its address")
{
    start_client("");
    agree(&usual);
    assert_false(inet_addr_find(client->net, client->dev, inet_addr(OFFERED)) &&
                 !inet_addr_find(client->net, client->dev, inet_addr(OFFERED))->tentative);
    host_advance_ms(PROBING_MS);
    assert_int_equal(sent.arp_probes, 3);
    assert_address(OFFERED, 24);
    assert_default_route(SERVER);
    assert_int_equal(sent.count, 2);
}

TEST("dhcp.probe=0: the address is used at once and the link is not asked")
{
    get_lease(&usual);
    host_advance_ms(PROBING_MS);
    assert_int_equal(sent.arp_probes, 0);
}

TEST("3.1 step 5: an address another host has is declined; ten seconds later all starts anew")
{
    struct terms free_one = usual;
    free_one.addr = OTHER;
    holder = sim_host_create("holder", wire, OFFERED "/24");
    start_client("");
    agree(&usual);
    struct heard decline = expect_message(DHCP_DECLINE, PROBING_MS);
    assert_no_address();
    assert_string_equal(sent.from, "0.0.0.0");
    assert_string_equal(sent.to, BROADCAST); /* 4.4.4 */
    assert_address_option(&decline, OPTION_REQUESTED, OFFERED);
    assert_address_option(&decline, OPTION_SERVER, SERVER);
    assert_client_address(&decline, "0.0.0.0"); /* and what table 5 says of a DECLINE: */
    assert_int_equal(secs_of(&decline), 0);
    assert_false(wants_broadcast(&decline));
    assert_false(has_option(&decline, OPTION_PARAMETERS));
    assert_false(has_option(&decline, OPTION_MAX_SIZE));
    expect_silence(9900);
    agree(&free_one);
    assert_true(ktime_get_ms() - decline.at_ms >= 10000);
    host_advance_ms(PROBING_MS);
    assert_address(OTHER, 24);
    assert_default_route(SERVER);
}

/* --- the life of a lease (4.4.5) --- */

static void assert_renewal(const struct heard *m, const char *to)
{
    assert_string_equal(sent.from, OFFERED);
    assert_string_equal(sent.to, to);
    assert_client_address(m, OFFERED);
    assert_false(has_option(m, OPTION_REQUESTED)); /* 4.3.2: neither of these */
    assert_false(has_option(m, OPTION_SERVER));
    assert_false(wants_broadcast(m));
}

/* So long after it, to the millisecond and a little. */
static void assert_at(const struct heard *m, const struct heard *since, uint64_t seconds)
{
    assert_in_range(m->at_ms - since->at_ms, seconds * 1000, seconds * 1000 + 2);
}

TEST("4.4.5: at T1, half of the lease, the client asks its server to renew it, again and again")
{
    struct heard asked = get_lease(&usual), m;
    for (int i = 0; i < 3; i++) {
        m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
        assert_at(&m, &asked, LEASE_S / 2);
        assert_renewal(&m, SERVER);
        assert_false(sent.to_everybody);
        assert_int_not_equal(xid_of(&m), xid_of(&asked));
        assert_int_equal(secs_of(&m), 0);
        answer(&m, DHCP_ACK, &usual);
        assert_address(OFFERED, 24);
        assert_default_route(SERVER);
        asked = m;
    }
    assert_int_equal(sent.arp_probes, 0);
}

TEST("4.4.5: a lease counts from when its REQUEST was sent, not from when the answer came")
{
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    answer(&m, DHCP_OFFER, &usual);
    struct heard asked = expect_message(DHCP_REQUEST, 0);
    host_advance_ms(800);
    answer(&asked, DHCP_ACK, &usual);
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, LEASE_S / 2);
}

TEST("4.4.5: the server's own T1 and T2 count; if they are out of order the usual ones do")
{
    struct terms terms = usual;
    terms.t1_s = 100;
    terms.t2_s = 200;
    struct heard asked = get_lease(&terms), m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, 100);
    terms.t1_s = 500; /* behind T2: half of T2 in its place */
    terms.t2_s = 400;
    answer(&m, DHCP_ACK, &terms);
    asked = m;
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, 200);
    terms.t1_s = LEASE_S + 1; /* both behind the end */
    terms.t2_s = LEASE_S + 2;
    answer(&m, DHCP_ACK, &terms);
    asked = m;
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, LEASE_S / 2);
}

TEST("4.4.5: unanswered at T1, it asks everybody at T2; at the end the address goes and all starts anew")
{
    struct heard asked = get_lease(&usual), m = expect_message(DHCP_REQUEST, 1000 * LEASE_S), last;
    assert_at(&m, &asked, LEASE_S / 2);
    unsigned renewals = 0, rebinds = 0;
    do { /* at half of what is left until T2, but a minute apart at least */
        last = m;
        m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
        renewals++;
        if (!sent.to_everybody)
            assert_true(m.at_ms - last.at_ms >= 60000);
    } while (!sent.to_everybody);
    assert_int_equal(renewals, 6);
    assert_at(&m, &asked, LEASE_S / 8 * 7);
    for (;;) {
        assert_renewal(&m, BROADCAST);
        assert_address(OFFERED, 24); /* to the last second */
        last = m;
        if (!host_run_until(hears, &m, 1000 * LEASE_S * NSEC_PER_MSEC) || type_of(&m) != DHCP_REQUEST)
            break;
        rebinds++;
        assert_true(m.at_ms - last.at_ms >= 60000);
    }
    assert_int_equal(rebinds, 3);
    assert_int_equal(type_of(&m), DHCP_DISCOVER);
    assert_at(&m, &asked, LEASE_S);
    assert_string_equal(sent.from, "0.0.0.0");
    assert_client_address(&m, "0.0.0.0");
    assert_no_address();
    answer(&m, DHCP_OFFER, &usual);
    m = expect_message(DHCP_REQUEST, 0);
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
}

TEST("4.4.5: in RENEWING only its own server may answer, in REBINDING any")
{
    struct terms second = usual;
    second.server = "10.0.0.2";
    assert_int_equal(inet_addr_add(server->dev, inet_addr(second.server), 24), 0);
    get_lease(&usual);
    struct heard m = expect_message(DHCP_REQUEST, 1000 * LEASE_S), asked;
    answer(&m, DHCP_ACK, &second);
    answer(&m, DHCP_NAK, &second);
    assert_address(OFFERED, 24);
    do
        asked = expect_message(DHCP_REQUEST, 1000 * LEASE_S); /* goes on: it was not renewed */
    while (!sent.to_everybody);
    answer(&asked, DHCP_ACK, &second);
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, LEASE_S / 2);
    assert_renewal(&m, "10.0.0.2");
}

TEST("4.4.5: a NAK to a renewal takes the address and its route away")
{
    get_lease(&usual);
    struct heard m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_address(OFFERED, 24);
    answer(&m, DHCP_NAK, &usual);
    assert_no_address();
    expect_message(DHCP_DISCOVER, 1100);
}

TEST("a renewal may bring another router, and another address")
{
    struct terms terms = usual;
    get_lease(&terms);
    terms.router = "10.0.0.254";
    struct heard m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    answer(&m, DHCP_ACK, &terms);
    assert_address(OFFERED, 24);
    assert_default_route("10.0.0.254");
    terms.addr = OTHER;
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    answer(&m, DHCP_ACK, &terms);
    assert_address(OTHER, 24);
    assert_default_route("10.0.0.254");
    assert_null(inet_addr_find(client->net, client->dev, inet_addr(OFFERED)));
}

TEST("3.3: a lease of 0xffffffff seconds has no end and is never renewed")
{
    struct terms terms = usual;
    terms.lease_s = DHCP_INFINITE;
    terms.t1_s = 10;
    get_lease(&terms);
    expect_silence(400ull * 24 * 3600 * 1000);
    assert_address(OFFERED, 24);
    assert_default_route(SERVER);
}

/* --- the link --- */

static const char *went;

static void goes(const char *how)
{
    went = how;
}

static void end_machine(enum shutdown_kind kind)
{
    went = NULL;
    host_catch_end(goes);
    shutdown_start(kind);
    host_advance_ms(5000);
    assert_non_null(went);
    host_catch_end(NULL);
}

TEST("4.4.6: a machine that is switched off gives its address back, to its server alone")
{
    struct heard request = get_lease(&usual);
    end_machine(SHUTDOWN_POWER_OFF);
    struct heard m = expect_message(DHCP_RELEASE, 0);
    assert_client_address(&m, OFFERED);
    assert_address_option(&m, OPTION_SERVER, SERVER);
    assert_false(has_option(&m, OPTION_REQUESTED));
    assert_false(has_option(&m, OPTION_PARAMETERS));
    assert_false(has_option(&m, OPTION_HOSTNAME));
    assert_int_not_equal(xid_of(&m), xid_of(&request));
    assert_int_equal(secs_of(&m), 0);
    assert_false(wants_broadcast(&m));
    assert_string_equal(sent.from, OFFERED);
    assert_string_equal(sent.to, SERVER);
    assert_string_equal(went, "switched off");
}

TEST("4.4.6: a machine that starts anew keeps its lease, and one without a lease has none to give back")
{
    get_lease(&usual);
    unsigned count = sent.count;
    end_machine(SHUTDOWN_RESTART);
    assert_int_equal(sent.count, count);
    assert_string_equal(went, "restarted");
    start_client("dhcp.probe=0");
    expect_message(DHCP_DISCOVER, 80000);
    end_machine(SHUTDOWN_POWER_OFF);
    struct heard m;
    while (hears(&m))
        assert_int_equal(type_of(&m), DHCP_DISCOVER);
}

TEST("without a link nothing is sent; half a second after it comes the client asks")
{
    netif_carrier_off(client->dev);
    start_client("dhcp.probe=0");
    expect_silence(60000);
    assert_int_equal(sent.count, 0);
    netif_carrier_on(client->dev);
    struct heard m = expect_message(DHCP_DISCOVER, 500);
    assert_int_equal(secs_of(&m), 0);
    agree(&usual);
    assert_address(OFFERED, 24);
}

TEST("a link that goes away while the client asks, or while it renews, costs some time only")
{
    start_client("dhcp.probe=0");
    expect_message(DHCP_DISCOVER, 0);
    netif_carrier_off(client->dev);
    expect_silence(20000);
    netif_carrier_on(client->dev);
    struct heard asked = agree(&usual);
    assert_address(OFFERED, 24);
    netif_carrier_off(client->dev);
    expect_silence(1000 * (LEASE_S / 2 + 10));
    assert_address(OFFERED, 24);
    assert_default_route(SERVER);
    netif_carrier_on(client->dev);
    struct heard m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_true(m.at_ms - asked.at_ms < 1000 * LEASE_S / 8 * 7);
    assert_renewal(&m, SERVER);
    answer(&m, DHCP_ACK, &usual);
    asked = m;
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, LEASE_S / 2);
}

/* --- memory --- */

TEST("any one allocation that fails costs a retry, or keeps the client from starting; nothing is left over")
{
    bool failed = true;
    unsigned n = 1;
    for (; failed; n++) {
        struct heard m;
        cmdline_init("dhcp.probe=0");
        host_fail_allocation(n);
        if (task_create("dhcp", dhcp_main, (void *)"eth0", client->files))
            host_run();
        while (client_task() && list_empty(&client->dev->ifa_list)) {
            if (!host_run_until(hears, &m, 100 * NSEC_PER_SEC))
                fail_msg("the client asks no more after allocation %u has failed", n);
            struct answer a = make_answer(&m, type_of(&m) == DHCP_DISCOVER ? DHCP_OFFER : DHCP_ACK, &usual);
            struct sockaddr_in all = {
                .sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT), {INADDR_NONE}};
            sys_sendto(server->files, server_fd, a.bytes, a.len, 0, (void *)&all, sizeof(all)); /* may fail */
            host_run();
        }
        failed = host_allocation_failed();
        host_fail_allocation(0);
        if (!failed)
            assert_default_route(SERVER);
        stop_client();
        while (hears(&m))
            ;
        assert_int_equal(if_set_address(client->net, "eth0", 0, 0, false), 0);
    }
    assert_true(n > 20);
}

TEST_FIXTURE(setup, teardown)
