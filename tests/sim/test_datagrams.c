/*
 * test_datagrams.c - large datagrams between two stacks over a bad link: what arrives arrived whole, and what
 * can arrive does.
 */
#include <arpa/inet.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define PORT  5001
#define COUNT 60

static struct sim_link *wire;
static struct sim_host *a, *b;
static uint8_t text[65536], got[65536];

static int setup(void **state)
{
    host_random_seed(791);
    wire = sim_link_create();
    a = sim_host_create("a", wire, "10.0.0.1/24");
    b = sim_host_create("b", wire, "10.0.0.2/24");
    return !wire || !a || !b;
}

static int teardown(void **state)
{
    sim_host_destroy(a);
    sim_host_destroy(b);
    sim_link_destroy(wire);
    return 0;
}

static int open_socket(struct sim_host *h)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = sys_socket(h->files, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 4 << 20;

    assert_int_equal(sys_bind(h->files, fd, (void *)&addr, sizeof(addr)), 0);
    sys_setsockopt(h->files, fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    sys_setsockopt(h->files, fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    return fd;
}

/* Datagram `number`: how long it is, and its bytes. */
static size_t make(unsigned number)
{
    size_t len = 8 + number * 7919u % 65000;

    for (size_t i = 0; i < len; i++)
        text[i] = (uint8_t)((i / 8 + 1 + number * 0x1234567ull) * 0x9e3779b97f4a7c15u >> 8 * (i % 8));
    put_unaligned_be32(number, text);
    return len;
}

/* COUNT datagrams from a to b; how many came. Each must be one that was sent, byte by byte. */
static unsigned exchange(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = inet_addr("10.0.0.2")};
    int from_fd = open_socket(a), to_fd = open_socket(b);
    unsigned came = 0;
    ssize_t n;

    for (unsigned number = 0; number < COUNT; number++) {
        size_t len = make(number);

        n = sys_sendto(a->files, from_fd, text, len, 0, (void *)&to, sizeof(to));
        assert_int_equal(n, len);
        host_advance_ms(20);
    }
    host_advance_ms(40000); /* what is not whole by then never will be */
    while ((n = sys_recvfrom(b->files, to_fd, got, sizeof(got), 0, NULL, NULL)) >= 0) {
        assert_int_equal(n, make(get_unaligned_be32(got)));
        assert_memory_equal(got, text, n);
        came++;
    }
    return came;
}

TEST("RFC 815: reordered and duplicated fragments make every datagram whole, once")
{
    sim_link_set(wire, &(struct sim_conditions){
                           .reorder = 0.3, .duplicate = 0.1, .delay_ns = 1000000, .jitter_ns = 3000000});
    unsigned came = exchange();
    assert_true(came >= COUNT); /* a whole datagram may be doubled by the link, if it fits into one packet */
    assert_true(came <= COUNT + 2);
    /* A twin that comes when all is done waits in vain; nothing was refused. */
    assert_int_equal(b->net->mib[MIB_IpExtReasmOverlaps], 0);
}

TEST("lost and damaged fragments cost their datagrams, and nothing is left of those")
{
    sim_link_set(
        wire, &(struct sim_conditions){
                  .loss = 0.02, .corrupt = 0.01, .reorder = 0.2, .delay_ns = 1000000, .jitter_ns = 2000000});
    unsigned came = exchange();
    assert_true(came > COUNT / 8 && came < COUNT);
    assert_true(b->net->mib[MIB_IpReasmTimeout] > 0);
    assert_int_equal(b->net->mib[MIB_UdpInErrors], b->net->mib[MIB_UdpInCsumErrors]);
}

TEST_FIXTURE(setup, teardown)
