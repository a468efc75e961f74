/*
 * test_library.c - libskiff's interface (tests/host/skiff.h): what it promises to outside tools.
 */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "tests/host/host.h"
#include "tests/host/skiff.h"

static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
static struct skiff_stack *stack[2];
static struct skiff_device *dev[2];
static unsigned sent[2];
static size_t objects, pages;

static void transmit(void *ctx, const void *frame, size_t len)
{
    unsigned from = (unsigned)((const uint8_t *)ctx - mac[0]) / 6;

    sent[from]++;
    if (dev[!from])
        skiff_device_receive(dev[!from], frame, len);
}

static int setup(void **state)
{
    objects = host_objects_alive();
    pages = host_pages_alive();
    for (unsigned i = 0; i < 2; i++) {
        char address[] = "10.0.0.1/24";
        address[7] += (char)i;
        stack[i] = skiff_stack_create(i ? "b" : "a");
        assert_non_null(stack[i]);
        dev[i] = skiff_device_add(stack[i], mac[i], 1500, transmit, (void *)mac[i]);
        assert_non_null(dev[i]);
        assert_int_equal(skiff_address_add(dev[i], address), 0);
    }
    memset(sent, 0, sizeof(sent));
    return 0;
}

static int teardown(void **state)
{
    for (unsigned i = 0; i < 2; i++) {
        dev[i] = NULL;
        skiff_stack_destroy(stack[i]);
    }
    assert_int_equal(host_objects_alive(), objects);
    assert_int_equal(host_pages_alive(), pages);
    skiff_clock_advance(3600ull * 1000000000); /* a timer of something freed would fire here */
    assert_true(skiff_clock_next_timer() == UINT64_MAX);
    return 0;
}

static struct sockaddr_in address(const char *dotted, uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};

    inet_pton(AF_INET, dotted, &addr.sin_addr);
    return addr;
}

static int listener(void)
{
    struct sockaddr_in addr = address("0.0.0.0", 80);
    int fd = skiff_socket(stack[1], AF_INET, SOCK_STREAM, 0);

    assert_int_equal(skiff_bind(stack[1], fd, (void *)&addr, sizeof(addr)), 0);
    assert_int_equal(skiff_listen(stack[1], fd, 8), 0);
    return fd;
}

static int client(const char *to)
{
    struct sockaddr_in addr = address(to, 80);
    int fd = skiff_socket(stack[0], AF_INET, SOCK_STREAM, 0);

    assert_int_equal(skiff_connect(stack[0], fd, (void *)&addr, sizeof(addr)), -1);
    assert_int_equal(errno, EINPROGRESS);
    return fd;
}

/* teardown() counts objects, pages and timers. */
TEST("a stack destroyed in the middle of everything leaves nothing, and says nothing to its peers")
{
    static char data[100000];
    int server = listener(), talking = client("10.0.0.2"), closing = client("10.0.0.2");

    client("10.0.0.2"); /* never accepted */
    client("10.0.0.9"); /* waits for ARP */
    int accepted = skiff_accept(stack[1], server, NULL, NULL);
    assert_true(accepted >= 0);
    assert_true(skiff_send(stack[0], talking, data, sizeof(data), 0) > 0); /* unread, then unsent */
    assert_int_equal(skiff_close(stack[0], closing), 0);
    struct sockaddr_in silent = address("10.0.0.7", 7);
    int udp = skiff_socket(stack[0], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(skiff_sendto(stack[0], udp, data, 100, 0, (void *)&silent, sizeof(silent)), 100);
    int set = skiff_epoll_create1(stack[0], 0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
    assert_int_equal(skiff_epoll_ctl(stack[0], set, EPOLL_CTL_ADD, talking, &event), 0);

    unsigned before = sent[0];
    dev[0] = NULL;
    skiff_stack_destroy(stack[0]);
    assert_int_equal(sent[0], before);
    stack[0] = skiff_stack_create("a again");
    skiff_clock_advance(200000000);
}

TEST("a frame too long is EMSGSIZE, one too short is dropped by name")
{
    uint8_t frame[1600] = {0};

    for (size_t len = 0; len < 14; len++)
        assert_int_equal(skiff_device_receive(dev[0], frame, len), 0);
    assert_int_equal(skiff_counter(stack[0], "drop.DEV_HDR"), 14);
    assert_int_equal(skiff_device_receive(dev[0], frame, 1518), 0);
    assert_int_equal(skiff_device_receive(dev[0], frame, 1519), -1);
    assert_int_equal(errno, EMSGSIZE);
}

TEST("a short conversation counts what nstat would show")
{
    int server = listener(), fd = client("10.0.0.2");
    int peer = skiff_accept(stack[1], server, NULL, NULL);
    static const struct {
        const char *name;
        uint64_t client, server;
    } expected[] = {
        /* ARP: an announcement each (the second is heard), and one question */
        {"TcpActiveOpens", 1, 0},  {"TcpPassiveOpens", 0, 1},     {"TcpCurrEstab", 1, 1},
        {"TcpInSegs", 2, 3},       {"TcpOutSegs", 3, 2},          {"TcpRetransSegs", 0, 0},
        {"IpInReceives", 2, 3},    {"IpInDelivers", 2, 3},        {"IpOutRequests", 3, 2},
        {"ArpRequestsSent", 2, 1}, {"ArpRequestsReceived", 1, 1}, {"IpInHdrErrors", 0, 0},
    };

    assert_int_equal(skiff_send(stack[0], fd, "ahoy", 4, 0), 4);
    char text[8];
    assert_int_equal(skiff_recv(stack[1], peer, text, sizeof(text), 0), 4);
    skiff_clock_advance(500000000); /* the acknowledgement may be delayed so long (RFC 1122 4.2.3.2) */
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        if (skiff_counter(stack[0], expected[i].name) != expected[i].client ||
            skiff_counter(stack[1], expected[i].name) != expected[i].server)
            fail_msg("%s: %llu, %llu", expected[i].name,
                     (unsigned long long)skiff_counter(stack[0], expected[i].name),
                     (unsigned long long)skiff_counter(stack[1], expected[i].name));
    }
}

TEST("the library survives every allocation that fails while a stack is made")
{
    for (unsigned n = 1;; n++) {
        host_fail_allocation(n);
        struct skiff_stack *s = skiff_stack_create("poor");
        struct skiff_device *d = s ? skiff_device_add(s, mac[0], 1500, transmit, (void *)mac[0]) : NULL;
        if (d)
            skiff_address_add(d, "10.1.0.1/24");
        bool failed = host_allocation_failed();
        host_fail_allocation(0);
        if (s)
            skiff_stack_destroy(s);
        if (!failed)
            break;
    }
}

TEST_FIXTURE(setup, teardown)
