/*
 * fuzz_frames.c - whatever arrives on the wire: a stack with a listening TCP socket, an open UDP socket and a
 * connection being made gets frames made from the fuzzer's bytes. Nothing may crash, hang or be left over.
 *
 * Input: records of one control byte, one length byte and that many bytes. The control byte chooses how much
 * of a valid header is put in front, so that the fuzzer need not guess checksums: bits 0-1: 0 raw frame, 1
 * IPv4 + bytes, 2 TCP + bytes, 3 UDP + bytes;  bits 2-4: time that passes (2^n ms)
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/host.h"
#include "tests/host/skiff.h"

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2};
static uint32_t last_ack, last_seq; /* of the stack's latest TCP segment, to answer it plausibly */

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

/* The frame's length; `body` lies at f + 14 (raw), 34 (IPv4) or behind the transport header already. */
static size_t build(uint8_t *f, unsigned kind, const uint8_t *bytes, size_t n)
{
    uint8_t *ip = f + 14, *l4 = f + 34;
    size_t l4_len = n;
    if (kind == 0) {
        memcpy(f, bytes, n);
        return n < 14 ? 14 : n;
    }
    memcpy(f, our_mac, 6);
    memcpy(f + 6, peer_mac, 6);
    put16(f + 12, 0x0800);
    memset(ip, 0, 40);
    memcpy(l4, bytes, n);
    if (kind ==
        2) { /* 6 bytes choose flags, window and offsets of SEQ and ACK; the rest are options and data */
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
        l4_len = 20 + (n > 6 ? n - 6 : 0);
    } else if (kind == 3) {
        memset(l4, 0, 8);
        put16(l4, 1000);
        put16(l4 + 2, 7);
        put16(l4 + 4, (unsigned)n + 8);
        memcpy(l4 + 8, bytes, n);
        l4_len = n + 8;
    }
    ip[0] = 0x45;
    put16(ip + 2, (unsigned)l4_len + 20);
    ip[8] = 64;
    ip[9] = kind == 2 ? 6 : kind == 3 ? 17 : n ? bytes[0] : 1;
    put32(ip + 12, 0x0a000002);
    put32(ip + 16, 0x0a000001);
    put16(ip + 10, fold(sum(ip, 20, 0)));
    if (kind == 2)
        put16(l4 + 16, fold(sum(l4, l4_len, sum(ip + 12, 8, 6 + (uint32_t)l4_len))));
    return 34 + l4_len;
}

static void use_sockets(struct skiff_stack *stack, int listener, int udp)
{
    char buf[512];
    int fd = skiff_accept(stack, listener, NULL, NULL);
    if (fd >= 0) {
        ssize_t n = skiff_recv(stack, fd, buf, sizeof(buf), 0);
        if (n > 0)
            skiff_send(stack, fd, buf, (size_t)n, 0);
        if (n >= 0)
            skiff_close(stack, fd);
    }
    skiff_recv(stack, udp, buf, sizeof(buf), 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(80)};
    uint8_t frame[1024];
    skiff_seed(1);
    last_ack = last_seq = 0;
    struct skiff_stack *stack = skiff_stack_create("fuzzed");
    struct skiff_device *dev = skiff_device_add(stack, our_mac, 1500, watch, NULL);
    if (!dev || skiff_address_add(dev, "10.0.0.1/24") || skiff_neighbour_add(dev, "10.0.0.2", peer_mac))
        abort();
    int listener = skiff_socket(stack, AF_INET, SOCK_STREAM, 0),
        udp = skiff_socket(stack, AF_INET, SOCK_DGRAM, 0);
    int client = skiff_socket(stack, AF_INET, SOCK_STREAM, 0);
    skiff_bind(stack, listener, (void *)&addr, sizeof(addr));
    skiff_listen(stack, listener, 4);
    addr.sin_port = htons(7);
    skiff_bind(stack, udp, (void *)&addr, sizeof(addr));
    inet_pton(AF_INET, "10.0.0.2", &addr.sin_addr);
    skiff_connect(stack, client, (void *)&addr, sizeof(addr));
    while (size >= 2) {
        unsigned control = data[0];
        size_t n = data[1] < size - 2 ? data[1] : size - 2;
        size_t len = build(frame, control & 3, data + 2, n);
        skiff_device_receive(dev, frame, len);
        skiff_clock_advance((1ull << (control >> 2 & 7)) * 1000000);
        use_sockets(stack, listener, udp);
        data += 2 + n;
        size -= 2 + n;
    }
    skiff_stack_destroy(stack);
    if (host_pages_alive())
        abort();
    return 0;
}
