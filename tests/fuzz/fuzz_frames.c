/*
 * fuzz_frames.c - whatever arrives on the wire: a stack with a listening TCP socket, an open UDP socket and a
 * connection being made gets frames made from the fuzzer's bytes, while its card and address come and go and
 * memory runs out. Nothing may crash, hang or be left over.
 *
 * Input: one byte that says which allocation fails (0: none), then records of one control byte, one length
 * byte and that many bytes. The control byte chooses how much of a valid packet is put around them, so that
 * the fuzzer need not guess checksums: bits 0-2 are an enum kind; bits 3-5: time that passes (4^n ms); bits
 * 6-7: an enum event afterwards.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/host.h"
#include "tests/host/skiff.h"

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2};
static uint32_t last_ack, last_seq; /* of the stack's latest TCP segment, to answer it plausibly */
static uint8_t last_sent[14 + 28];  /* the start of its latest IPv4 frame, to quote it */

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static void watch(void *ctx, const void *frame, size_t len)
{
    const uint8_t *f = frame;
    if (len >= sizeof(last_sent) && f[12] == 8 && f[13] == 0)
        memcpy(last_sent, f, sizeof(last_sent));
    if (len >= 54 && f[12] == 8 && f[13] == 0 && f[23] == 6) {
        last_seq = get32(f + 38);
        last_ack = get32(f + 42);
    }
}

static uint32_t sum(const uint8_t *p, size_t len, uint32_t acc)
{
    for (size_t i = 0; i < len; i++)
        acc += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    return acc;
}

static unsigned fold(uint32_t acc)
{
    while (acc >> 16)
        acc = (acc & 0xffff) + (acc >> 16);
    return ~acc & 0xffff;
}

enum kind { RAW, IPV4, TCP, UDP, ICMP, ICMP_ERROR, ARP };
enum event { NOTHING, LINK_FLAPS, ADDRESS_MOVES, SOCKETS_REOPEN };

/* 6 bytes choose port, SEQ, ACK, data offset, flags and window; the rest are options and data. */
static size_t build_tcp(uint8_t *l4, const uint8_t *bytes, size_t n)
{
    memset(l4, 0, 20);
    put16(l4, 1000 + (n ? bytes[0] % 4u : 0));
    put16(l4 + 2, 80);
    put32(l4 + 4, last_ack + (n > 1 ? (int8_t)bytes[1] : 0));
    put32(l4 + 8, last_seq + (n > 2 ? (int8_t)bytes[2] : 1));
    l4[12] = (uint8_t)(n > 3 ? bytes[3] : 0x50);
    l4[13] = (uint8_t)(n > 4 ? bytes[4] : 2);
    put16(l4 + 14, n > 5 ? bytes[5] * 256u : 65535);
    if (n > 6)
        memcpy(l4 + 20, bytes + 6, n - 6);
    return 20 + (n > 6 ? n - 6 : 0);
}

static size_t build_udp(uint8_t *l4, const uint8_t *bytes, size_t n)
{
    memset(l4, 0, 8);
    put16(l4, 1000);
    put16(l4 + 2, 7);
    put16(l4 + 4, (unsigned)n + 8);
    memcpy(l4 + 8, bytes, n);
    return n + 8;
}

/* Type, code and the rest from the bytes; an error quotes what the stack has sent last. */
static size_t build_icmp(uint8_t *l4, const uint8_t *bytes, size_t n, bool error)
{
    size_t len = n < 8 ? 8 : n;
    memset(l4, 0, 8);
    memcpy(l4, bytes, n);
    if (error) {
        l4[0] = n % 2 ? 3 : 11;
        memcpy(l4 + 8, last_sent + 14, sizeof(last_sent) - 14);
        len = 8 + sizeof(last_sent) - 14;
    }
    put16(l4 + 2, 0);
    put16(l4 + 2, fold(sum(l4, len, 0)));
    return len;
}

static size_t build_arp(uint8_t *f, const uint8_t *bytes, size_t n)
{
    static const uint8_t request[28] = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 2,
                                        10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};
    put16(f + 12, 0x0806);
    memcpy(f + 14, request, sizeof(request));
    for (size_t i = 0; i + 1 < n; i += 2) /* pairs: which byte, and what it becomes */
        f[14 + bytes[i] % sizeof(request)] = bytes[i + 1];
    return 14 + sizeof(request);
}

/* The frame's length. */
static size_t build(uint8_t *f, enum kind kind, const uint8_t *bytes, size_t n)
{
    static const uint8_t protocol[] = {[TCP] = 6, [UDP] = 17, [ICMP] = 1, [ICMP_ERROR] = 1};
    uint8_t *ip = f + 14, *l4 = f + 34;
    size_t l4_len = n;
    if (kind == RAW || kind > ARP) {
        memcpy(f, bytes, n);
        return n;
    }
    memcpy(f, our_mac, 6);
    memcpy(f + 6, peer_mac, 6);
    if (kind == ARP)
        return build_arp(f, bytes, n);
    put16(f + 12, 0x0800);
    memset(ip, 0, 20);
    if (kind == IPV4)
        memcpy(l4, bytes, n);
    else if (kind == TCP)
        l4_len = build_tcp(l4, bytes, n);
    else if (kind == UDP)
        l4_len = build_udp(l4, bytes, n);
    else
        l4_len = build_icmp(l4, bytes, n, kind == ICMP_ERROR);
    ip[0] = 0x45;
    put16(ip + 2, (unsigned)l4_len + 20);
    ip[8] = 64;
    ip[9] = kind == IPV4 ? (n ? bytes[0] : 1) : protocol[kind];
    put32(ip + 12, 0x0a000002);
    put32(ip + 16, 0x0a000001);
    put16(ip + 10, fold(sum(ip, 20, 0)));
    if (kind == TCP)
        put16(l4 + 16, fold(sum(l4, l4_len, sum(ip + 12, 8, 6 + (uint32_t)l4_len))));
    return 34 + l4_len;
}

/* What one run works with. */
struct world {
    struct skiff_stack *stack;
    struct skiff_device *dev;
    int listener, udp, client;
};

static void open_sockets(struct world *w)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(80)};
    w->listener = skiff_socket(w->stack, AF_INET, SOCK_STREAM, 0);
    w->udp = skiff_socket(w->stack, AF_INET, SOCK_DGRAM, 0);
    w->client = skiff_socket(w->stack, AF_INET, SOCK_STREAM, 0);
    skiff_bind(w->stack, w->listener, (void *)&addr, sizeof(addr));
    skiff_listen(w->stack, w->listener, 4);
    addr.sin_port = htons(7);
    skiff_bind(w->stack, w->udp, (void *)&addr, sizeof(addr));
    inet_pton(AF_INET, "10.0.0.2", &addr.sin_addr);
    skiff_connect(w->stack, w->client, (void *)&addr, sizeof(addr));
}

static void close_sockets(struct world *w)
{
    skiff_close(w->stack, w->client);
    skiff_close(w->stack, w->udp);
    skiff_close(w->stack, w->listener);
}

static void use_sockets(struct world *w)
{
    char buf[512];
    int fd = skiff_accept(w->stack, w->listener, NULL, NULL);
    if (fd >= 0) {
        ssize_t n = skiff_recv(w->stack, fd, buf, sizeof(buf), 0);
        if (n > 0)
            skiff_send(w->stack, fd, buf, (size_t)n, 0);
        if (n >= 0)
            skiff_close(w->stack, fd);
    }
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t n = skiff_recvfrom(w->stack, w->udp, buf, sizeof(buf), 0, (void *)&from, &from_len);
    if (n >= 0)
        skiff_sendto(w->stack, w->udp, buf, (size_t)n, 0, (void *)&from, from_len);
}

static void happen(struct world *w, enum event event)
{
    switch (event) {
    case NOTHING:
        break;
    case LINK_FLAPS:
        skiff_device_set_carrier(w->dev, 0);
        skiff_clock_advance(1000000);
        skiff_device_set_carrier(w->dev, 1);
        break;
    case ADDRESS_MOVES:
        skiff_address_remove(w->dev, "10.0.0.1/24");
        use_sockets(w);
        skiff_address_add(w->dev, "10.0.0.1/24");
        break;
    case SOCKETS_REOPEN:
        close_sockets(w);
        open_sockets(w);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t frame[1024];
    if (!size)
        return 0;
    size_t objects = host_objects_alive(), pages = host_pages_alive();
    skiff_seed(1);
    last_ack = last_seq = 0;
    memset(last_sent, 0, sizeof(last_sent));
    struct world w = {.stack = skiff_stack_create("fuzzed")};
    w.dev = skiff_device_add(w.stack, our_mac, 1500, watch, NULL);
    if (!w.dev || skiff_address_add(w.dev, "10.0.0.1/24") || skiff_neighbour_add(w.dev, "10.0.0.2", peer_mac))
        abort();
    host_fail_allocation(data[0]);
    data++, size--;
    open_sockets(&w);
    while (size >= 2) {
        unsigned control = data[0];
        size_t n = data[1] < size - 2 ? data[1] : size - 2;
        skiff_device_receive(w.dev, frame, build(frame, control & 7, data + 2, n));
        skiff_clock_advance((1ull << 2 * (control >> 3 & 7)) * 1000000);
        use_sockets(&w);
        happen(&w, control >> 6);
        data += 2 + n;
        size -= 2 + n;
    }
    host_fail_allocation(0);
    skiff_stack_destroy(w.stack);
    if (host_pages_alive() != pages || host_objects_alive() != objects)
        abort();
    return 0;
}
