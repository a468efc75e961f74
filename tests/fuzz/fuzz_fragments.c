/*
 * fuzz_fragments.c - fragments in any order, size and overlap, of a few datagrams at once, while allocations
 * fail and time passes. Nothing may crash, hang or be left over, and what the reader gets must be whole: each
 * byte says where in its datagram it belongs.
 *
 * Input: one byte that says which allocation fails (0: none), then records of five bytes: which datagram and
 * flags (bits 0-2 id, 3 MF, 4 DF, 5 protocol, 6-7 enum what), ECN and time that passes, offset (8 bytes each,
 * two bytes), length (in units of 8 up to 1480, or odd).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/host.h"
#include "tests/host/skiff.h"

enum what { UDP_TEXT, ECHO, ODD_LENGTH, WITH_OPTIONS };

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2};

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static unsigned ip_sum(const uint8_t *p, size_t len)
{
    uint32_t acc = 0;
    for (size_t i = 0; i < len; i += 2)
        acc += (uint32_t)(p[i] << 8 | p[i + 1]);
    while (acc >> 16)
        acc = (acc & 0xffff) + (acc >> 16);
    return ~acc & 0xffff;
}

/* The byte at `at` of any of the datagrams: a UDP header without checksum, then text. */
static uint8_t byte_at(unsigned at, unsigned udp_len)
{
    const uint8_t header[8] = {0x10, 0, 0, 7, (uint8_t)(udp_len >> 8), (uint8_t)udp_len, 0, 0};
    return at < sizeof(header) ? header[at] : (uint8_t)(at * 7 + (at >> 8));
}

static size_t build(uint8_t *f, const uint8_t r[5])
{
    static const uint8_t options[12] = {1, 7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0};
    unsigned id = r[0] & 7, what = r[0] >> 6, offset = (unsigned)(r[2] << 8 | r[3]) & 0x1fff;
    unsigned hdr_len = what == WITH_OPTIONS ? 32 : 20, len = r[4] % 186 * 8;
    unsigned udp_len = 64u << id; /* so that small numbers make whole datagrams */
    uint8_t *ip = f + 14;
    if (what == ODD_LENGTH)
        len = r[4];
    memcpy(f, our_mac, 6);
    memcpy(f + 6, peer_mac, 6);
    put16(f + 12, 0x0800);
    memset(ip, 0, hdr_len);
    ip[0] = (uint8_t)(0x40 | hdr_len / 4);
    ip[1] = r[1] & 3;
    put16(ip + 2, hdr_len + len);
    put16(ip + 4, id);
    put16(ip + 6, offset | (r[0] & 8 ? 0x2000u : 0) | (r[0] & 16 ? 0x4000u : 0));
    ip[8] = 64;
    ip[9] = what == ECHO ? 1 : r[0] & 32 ? 6 : 17;
    memcpy(ip + 12, "\x0a\0\0\x02\x0a\0\0\x01", 8);
    if (hdr_len > 20)
        memcpy(ip + 20, options, sizeof(options));
    put16(ip + 10, ip_sum(ip, hdr_len));
    for (unsigned i = 0; i < len; i++)
        ip[hdr_len + i] = byte_at(offset * 8 + i, udp_len);
    return 14 + hdr_len + len;
}

static void read_all(struct skiff_stack *stack, int fd)
{
    static uint8_t buf[65536];
    ssize_t n;
    while ((n = skiff_recv(stack, fd, buf, sizeof(buf), 0)) >= 0)
        for (unsigned i = 0; i < n; i++)
            if (buf[i] != byte_at(i + 8, 0))
                abort();
}

static void ignore(void *ctx, const void *frame, size_t len)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(7)};
    uint8_t frame[2048];
    if (!size)
        return 0;
    size_t objects = host_objects_alive(), pages = host_pages_alive();
    skiff_seed(1);
    struct skiff_stack *stack = skiff_stack_create("fuzzed");
    struct skiff_device *dev = skiff_device_add(stack, our_mac, 1500, ignore, NULL);
    if (!dev || skiff_address_add(dev, "10.0.0.1/24") || skiff_neighbour_add(dev, "10.0.0.2", peer_mac))
        abort();
    int fd = skiff_socket(stack, AF_INET, SOCK_DGRAM, 0);
    skiff_bind(stack, fd, (void *)&addr, sizeof(addr));
    host_fail_allocation(data[0]);
    for (data++, size--; size >= 5; data += 5, size -= 5) {
        skiff_device_receive(dev, frame, build(frame, data));
        if (data[1] >> 6 == 3)
            skiff_clock_advance((uint64_t)(data[1] & 0x3c) * 1000000000u);
        read_all(stack, fd);
    }
    host_fail_allocation(0);
    skiff_stack_destroy(stack);
    if (host_pages_alive() != pages || host_objects_alive() != objects)
        abort();
    return 0;
}
