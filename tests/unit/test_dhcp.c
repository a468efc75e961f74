/*
 * test_dhcp.c - DHCP messages, built and read (net/apps/dhcp_message.c).
 */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "net/apps/dhcp_message.h"

#define XID     0x12345678u
#define OPTIONS 240 /* offset of the first option */

static const uint8_t hw_addr[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

struct message {
    uint8_t bytes[600];
    size_t len;
};

static void put(struct message *m, uint8_t code, uint8_t len, const void *data)
{
    m->bytes[m->len++] = code;
    m->bytes[m->len++] = len;
    memcpy(m->bytes + m->len, data, len);
    m->len += len;
}

/* An answer to us as far as its fixed part goes, without options. */
static struct message reply_begin(const char *your_addr)
{
    static const uint8_t cookie[4] = {99, 130, 83, 99};
    struct message m = {.len = OPTIONS};
    uint32_t xid = htonl(XID), addr = inet_addr(your_addr);
    m.bytes[0] = 2;
    m.bytes[1] = 1;
    m.bytes[2] = 6;
    memcpy(m.bytes + 4, &xid, 4);
    memcpy(m.bytes + 16, &addr, 4);
    memcpy(m.bytes + 28, hw_addr, 6);
    memcpy(m.bytes + 236, cookie, 4);
    return m;
}

static void put_required(struct message *m, uint8_t type)
{
    put(m, 53, 1, &type);
    put(m, 54, 4, "\x0a\x00\x02\x02");
    put(m, 51, 4, "\x00\x01\x51\x80");
}

static struct message offer(const char *your_addr)
{
    struct message m = reply_begin(your_addr);
    put_required(&m, DHCP_OFFER);
    return m;
}

/* Parses a copy of exactly this length, so that a sanitizer sees one read too many. */
static int parse(const struct message *m, size_t len, struct dhcp_reply *reply)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, m->bytes, len);
    int result = dhcp_message_parse(copy, len, XID, hw_addr, reply);
    free(copy);
    return result;
}

TEST("an offer is read with all its options")
{
    struct dhcp_reply reply;
    struct message m = offer("10.0.2.15");
    put(&m, 0, 0, ""); /* two pads */
    put(&m, 1, 4, "\xff\xff\xff\x00");
    put(&m, 3, 8, "\x0a\x00\x02\x02\x0a\x00\x02\x03");
    put(&m, 6, 8, "\x0a\x00\x02\x03\x08\x08\x08\x08");
    put(&m, 12, 5, "skiff");
    put(&m, 15, 8, "lan.test");
    put(&m, 26, 2, "\x05\x78");
    put(&m, 58, 4, "\x00\x00\xa8\xc0");
    put(&m, 59, 4, "\x00\x01\x27\x50");
    put(&m, 200, 3, "???");
    m.bytes[m.len++] = 255;
    put(&m, 3, 4, "\x01\x01\x01\x01"); /* behind the end: not read */
    assert_int_equal(parse(&m, m.len, &reply), 0);
    assert_int_equal(reply.type, DHCP_OFFER);
    assert_int_equal(reply.your_addr, inet_addr("10.0.2.15"));
    assert_int_equal(reply.server_id, inet_addr("10.0.2.2"));
    assert_int_equal(reply.router, inet_addr("10.0.2.2"));
    assert_int_equal(reply.dns[0], inet_addr("10.0.2.3"));
    assert_int_equal(reply.dns[1], inet_addr("8.8.8.8"));
    assert_int_equal(dhcp_reply_prefix_len(&reply), 24);
    assert_int_equal(reply.lease_s, 86400);
    assert_int_equal(reply.renewal_s, 43200);
    assert_int_equal(reply.rebinding_s, 75600);
    assert_int_equal(reply.mtu, 1400);
    assert_string_equal(reply.hostname, "skiff");
    assert_string_equal(reply.domain, "lan.test");
}

TEST("a reply cut anywhere is read within its bounds")
{
    struct dhcp_reply reply;
    struct message m = offer("10.0.2.15");
    for (size_t len = 0; len <= m.len; len++) {
        int result = parse(&m, len, &reply);
        assert_true(result == 0 ? len == m.len : result == -1);
    }
}

static int parse_with_byte(size_t offset, uint8_t value)
{
    struct dhcp_reply reply;
    struct message m = offer("10.0.2.15");
    m.bytes[offset] = value;
    return parse(&m, m.len, &reply);
}

TEST("a message that is not a reply to us is not believed")
{
    assert_int_equal(parse_with_byte(0, 2), 0);
    assert_int_equal(parse_with_byte(0, 1), -1);             /* a request */
    assert_int_equal(parse_with_byte(1, 6), -1);             /* another kind of link */
    assert_int_equal(parse_with_byte(2, 16), -1);            /* hlen */
    assert_int_equal(parse_with_byte(4, 0), -1);             /* xid */
    assert_int_equal(parse_with_byte(28, 1), -1);            /* chaddr */
    assert_int_equal(parse_with_byte(236, 0), -1);           /* cookie */
    assert_int_equal(parse_with_byte(OPTIONS + 1, 255), -1); /* an option that runs past the end */
    assert_int_equal(parse_with_byte(OPTIONS + 2, DHCP_DISCOVER), -1);
    assert_int_equal(parse_with_byte(OPTIONS + 2, 0), -1);
}

TEST("what a type must have, it must have")
{
    struct dhcp_reply reply;
    uint8_t ack = DHCP_ACK, nak = DHCP_NAK;
    struct message m = reply_begin("10.0.2.15");
    put(&m, 53, 1, &ack);
    assert_int_equal(parse(&m, m.len, &reply), -1);
    put(&m, 54, 4, "\x0a\x00\x02\x02");
    assert_int_equal(parse(&m, m.len, &reply), -1);
    put(&m, 51, 4, "\x00\x00\x00\x00");
    assert_int_equal(parse(&m, m.len, &reply), -1);
    put(&m, 51, 4, "\x00\x00\x00\x01");
    assert_int_equal(parse(&m, m.len, &reply), 0);

    m = reply_begin("0.0.0.0");
    put(&m, 53, 1, &nak);
    assert_int_equal(parse(&m, m.len, &reply), -1);
    put(&m, 54, 4, "\x0a\x00\x02\x02");
    assert_int_equal(parse(&m, m.len, &reply), 0);
}

static int offer_of(const char *addr)
{
    struct dhcp_reply reply;
    struct message m = offer(addr);
    put(&m, 1, 4, "\xff\xff\xff\x00");
    return parse(&m, m.len, &reply);
}

TEST("an address no host can have is not taken")
{
    assert_int_equal(offer_of("10.0.2.1"), 0);
    assert_int_equal(offer_of("0.0.0.0"), -1);
    assert_int_equal(offer_of("0.1.2.3"), -1);
    assert_int_equal(offer_of("127.0.0.1"), -1);
    assert_int_equal(offer_of("224.0.0.1"), -1);
    assert_int_equal(offer_of("255.255.255.255"), -1);
    assert_int_equal(offer_of("10.0.2.0"), -1);
    assert_int_equal(offer_of("10.0.2.255"), -1);
}

TEST("options of the wrong length or with strange characters are left out")
{
    struct dhcp_reply reply;
    struct message m = offer("10.0.2.15");
    put(&m, 1, 3, "\xff\xff\xff");
    put(&m, 3, 5, "\x0a\x00\x02\x02\x00");
    put(&m, 6, 0, "");
    put(&m, 12, 6, "a\nb<c>");
    put(&m, 15, 4, "lan");
    put(&m, 26, 1, "\x05");
    assert_int_equal(parse(&m, m.len, &reply), 0);
    assert_int_equal(reply.subnet_mask, 0);
    assert_int_equal(reply.router, 0);
    assert_int_equal(reply.dns[0], 0);
    assert_string_equal(reply.hostname, "");
    assert_string_equal(reply.domain, "lan");
    assert_int_equal(reply.mtu, 0);
    assert_int_equal(dhcp_reply_prefix_len(&reply), 8); /* by class */
}

TEST("options go on in file and sname if the server says so")
{
    struct dhcp_reply reply;
    struct message m = offer("10.0.2.15");
    memcpy(m.bytes + 108, "\x01\x04\xff\xff\x00\x00\xff", 7);
    memcpy(m.bytes + 44, "\x03\x04\x0a\x00\x00\x01\xff", 7);
    put(&m, 52, 1, "\x03");
    assert_int_equal(parse(&m, m.len, &reply), 0);
    assert_int_equal(dhcp_reply_prefix_len(&reply), 16);
    assert_int_equal(reply.router, inet_addr("10.0.0.1"));
    m.bytes[108 + 1] = 200; /* past the end of the field */
    assert_int_equal(parse(&m, m.len, &reply), -1);
}

TEST("masks become prefix lengths, and those with holes none")
{
    assert_int_equal(dhcp_prefix_len(inet_addr("255.255.255.0")), 24);
    assert_int_equal(dhcp_prefix_len(inet_addr("255.255.255.255")), 32);
    assert_int_equal(dhcp_prefix_len(inet_addr("0.0.0.0")), 0);
    assert_int_equal(dhcp_prefix_len(inet_addr("255.255.240.0")), 20);
    assert_int_equal(dhcp_prefix_len(inet_addr("255.0.255.0")), -1);
    assert_int_equal(dhcp_prefix_len(inet_addr("0.255.255.255")), -1);
}

/* The option's data in a message we built, NULL if it has none. */
static const uint8_t *find(const uint8_t *bytes, size_t len, uint8_t code, size_t wanted_len)
{
    for (size_t i = OPTIONS; i < len && bytes[i] != 255; i += bytes[i] ? 2 + bytes[i + 1] : 1)
        if (bytes[i] == code) {
            assert_int_equal(bytes[i + 1], wanted_len);
            return bytes + i + 2;
        }
    return NULL;
}

TEST("a DISCOVER says who asks and what it wants, and asks for a broadcast answer")
{
    uint8_t bytes[DHCP_MESSAGE_MAX];
    struct dhcp_request request = {
        .type = DHCP_DISCOVER, .xid = XID, .seconds = 0x102, .broadcast = true, .hostname = "skiff"};
    memcpy(request.hw_addr, hw_addr, 6);
    size_t len = dhcp_message_build(&request, bytes);
    assert_int_equal(len, DHCP_MESSAGE_MIN);
    assert_memory_equal(bytes, "\x01\x01\x06\x00\x12\x34\x56\x78\x01\x02\x80\x00\0\0\0\0", 16);
    assert_memory_equal(bytes + 28, hw_addr, 6);
    assert_int_equal(*find(bytes, len, 53, 1), DHCP_DISCOVER);
    assert_memory_equal(find(bytes, len, 61, 7) + 1, hw_addr, 6);
    assert_memory_equal(find(bytes, len, 12, 5), "skiff", 5);
    assert_non_null(find(bytes, len, 55, 10));
    assert_null(find(bytes, len, 50, 4));
    assert_null(find(bytes, len, 54, 4));
}

TEST("a REQUEST names address and server when choosing, and ciaddr alone when renewing (RFC 2131 4.3.2)")
{
    uint8_t bytes[DHCP_MESSAGE_MAX];
    uint32_t addr = inet_addr("10.0.2.15"), server = inet_addr("10.0.2.2");
    struct dhcp_request choosing = {
        .type = DHCP_REQUEST, .xid = XID, .broadcast = true, .requested_addr = addr, .server_id = server};
    size_t len = dhcp_message_build(&choosing, bytes);
    assert_memory_equal(find(bytes, len, 50, 4), &addr, 4);
    assert_memory_equal(find(bytes, len, 54, 4), &server, 4);
    assert_memory_equal(bytes + 12, "\0\0\0\0", 4);

    struct dhcp_request renewing = {.type = DHCP_REQUEST, .xid = XID, .client_addr = addr};
    len = dhcp_message_build(&renewing, bytes);
    assert_null(find(bytes, len, 50, 4));
    assert_null(find(bytes, len, 54, 4));
    assert_memory_equal(bytes + 12, &addr, 4);
    assert_int_equal(bytes[10], 0);
}

TEST_MAIN()
