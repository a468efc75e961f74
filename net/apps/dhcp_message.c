/*
 * dhcp_message.c - the DHCP message format.
 *
 * Used by dhcp.c. Layout: RFC 2131 section 2; options: RFC 2132. Everything in a reply comes from whoever was
 * first to answer, so each option is bounded by what was received and checked before it is believed.
 */
#include "net/apps/dhcp_message.h"

#include <arpa/inet.h>
#include <string.h>

struct dhcp_wire {
    uint8_t op, htype, hlen, hops;
    uint8_t xid[4];
    uint8_t secs[2], flags[2];
    uint8_t ciaddr[4], yiaddr[4], siaddr[4], giaddr[4];
    uint8_t chaddr[16];
    uint8_t sname[64];
    uint8_t file[128];
    uint8_t cookie[4];
};
_Static_assert(sizeof(struct dhcp_wire) == 240, "RFC 2131 figure 1 and the cookie");

static const uint8_t magic_cookie[4] = {99, 130, 83, 99};

#define BOOTREQUEST    1
#define BOOTREPLY      2
#define HTYPE_ETHERNET 1
#define FLAG_BROADCAST 0x80

enum {
    OPTION_PAD = 0,
    OPTION_SUBNET_MASK = 1,
    OPTION_ROUTER = 3,
    OPTION_DNS = 6,
    OPTION_HOSTNAME = 12,
    OPTION_DOMAIN = 15,
    OPTION_MTU = 26,
    OPTION_REQUESTED_ADDR = 50,
    OPTION_LEASE = 51,
    OPTION_OVERLOAD = 52,
    OPTION_TYPE = 53,
    OPTION_SERVER_ID = 54,
    OPTION_PARAMETERS = 55,
    OPTION_MAX_SIZE = 57,
    OPTION_RENEWAL = 58,
    OPTION_REBINDING = 59,
    OPTION_CLIENT_ID = 61,
    OPTION_END = 255
};

/* --- building --- */

static uint8_t *put_option(uint8_t *at, uint8_t code, const void *data, size_t len)
{
    *at++ = code;
    *at++ = len;
    memcpy(at, data, len);
    return at + len;
}

static uint8_t *put_addr(uint8_t *at, uint8_t code, uint32_t addr)
{
    return addr ? put_option(at, code, &addr, 4) : at;
}

static uint8_t *put_options(const struct dhcp_request *request, uint8_t *at)
{
    static const uint8_t wanted[] = {OPTION_SUBNET_MASK, OPTION_ROUTER,   OPTION_DNS,   OPTION_HOSTNAME,
                                     OPTION_DOMAIN,      OPTION_MTU,      OPTION_LEASE, OPTION_SERVER_ID,
                                     OPTION_RENEWAL,     OPTION_REBINDING};
    const uint8_t type = request->type;
    const uint8_t max_size[2] = {DHCP_MESSAGE_MAX >> 8, DHCP_MESSAGE_MAX & 255};
    uint8_t client_id[7] = {HTYPE_ETHERNET};
    memcpy(client_id + 1, request->hw_addr, 6);
    at = put_option(at, OPTION_TYPE, &type, 1);
    at = put_option(at, OPTION_CLIENT_ID, client_id, sizeof(client_id));
    at = put_addr(at, OPTION_REQUESTED_ADDR, request->requested_addr);
    at = put_addr(at, OPTION_SERVER_ID, request->server_id);
    if (type == DHCP_DISCOVER || type == DHCP_REQUEST) {
        size_t name_len = request->hostname ? strnlen(request->hostname, 63) : 0;
        at = put_option(at, OPTION_MAX_SIZE, max_size, 2);
        at = put_option(at, OPTION_PARAMETERS, wanted, sizeof(wanted));
        if (name_len)
            at = put_option(at, OPTION_HOSTNAME, request->hostname, name_len);
    }
    *at++ = OPTION_END;
    return at;
}

size_t dhcp_message_build(const struct dhcp_request *request, uint8_t *out)
{
    struct dhcp_wire wire = {.op = BOOTREQUEST, .htype = HTYPE_ETHERNET, .hlen = 6};
    uint32_t xid = htonl(request->xid);
    memcpy(wire.xid, &xid, 4);
    wire.secs[0] = request->seconds >> 8;
    wire.secs[1] = request->seconds & 255;
    wire.flags[0] = request->broadcast ? FLAG_BROADCAST : 0;
    memcpy(wire.ciaddr, &request->client_addr, 4);
    memcpy(wire.chaddr, request->hw_addr, 6);
    memcpy(wire.cookie, magic_cookie, 4);
    memcpy(out, &wire, sizeof(wire));
    size_t len = put_options(request, out + sizeof(wire)) - out;
    if (len < DHCP_MESSAGE_MIN) {
        memset(out + len, 0, DHCP_MESSAGE_MIN - len);
        len = DHCP_MESSAGE_MIN;
    }
    return len;
}

/* --- reading --- */

static uint32_t read_u32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3];
}

static uint32_t read_addr(const uint8_t *data)
{
    uint32_t addr;
    memcpy(&addr, data, 4);
    return addr;
}

/* A name that can be printed and used anywhere, or nothing. Servers may add a NUL (RFC 2132 2). */
static void read_name(char *out, size_t size, const uint8_t *data, size_t len)
{
    while (len && !data[len - 1])
        len--;
    if (len >= size)
        return;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '.'))
            return;
    }
    memcpy(out, data, len);
    out[len] = 0;
}

/* One option; one of the wrong length is as if it were not there. */
static void read_option(struct dhcp_reply *reply, uint8_t *overload, uint8_t code, const uint8_t *data,
                        size_t len)
{
    switch (code) {
    case OPTION_TYPE:
        if (len == 1)
            reply->type = data[0];
        break;
    case OPTION_OVERLOAD:
        if (len == 1)
            *overload = data[0];
        break;
    case OPTION_HOSTNAME:
        read_name(reply->hostname, sizeof(reply->hostname), data, len);
        break;
    case OPTION_DOMAIN:
        read_name(reply->domain, sizeof(reply->domain), data, len);
        break;
    case OPTION_MTU:
        if (len == 2)
            reply->mtu = data[0] << 8 | data[1];
        break;
    case OPTION_ROUTER:
        if (len >= 4 && len % 4 == 0)
            reply->router = read_addr(data);
        break;
    case OPTION_DNS:
        if (len >= 4 && len % 4 == 0) {
            reply->dns[0] = read_addr(data);
            reply->dns[1] = len >= 8 ? read_addr(data + 4) : 0;
        }
        break;
    }
    if (len != 4)
        return;
    switch (code) {
    case OPTION_SUBNET_MASK:
        reply->subnet_mask = read_addr(data);
        break;
    case OPTION_SERVER_ID:
        reply->server_id = read_addr(data);
        break;
    case OPTION_LEASE:
        reply->lease_s = read_u32(data);
        break;
    case OPTION_RENEWAL:
        reply->renewal_s = read_u32(data);
        break;
    case OPTION_REBINDING:
        reply->rebinding_s = read_u32(data);
        break;
    }
}

/* A field of options up to OPTION_END or its end. -1 if one runs past it. */
static int read_options(struct dhcp_reply *reply, uint8_t *overload, const uint8_t *field, size_t len)
{
    size_t i = 0;
    while (i < len && field[i] != OPTION_END) {
        if (field[i] == OPTION_PAD) {
            i++;
            continue;
        }
        if (len - i < 2 || field[i + 1] > len - i - 2)
            return -1;
        read_option(reply, overload, field[i], field + i + 2, field[i + 1]);
        i += 2 + field[i + 1];
    }
    return 0;
}

/* Can this be the address of a host? Not 0/8, 127/8, multicast or above (RFC 1122 3.2.1.3). */
static bool is_host_addr(uint32_t addr)
{
    uint32_t first = ntohl(addr) >> 24;
    return first != 0 && first != 127 && first < 224;
}

static int check_reply(struct dhcp_reply *reply)
{
    if (reply->type == DHCP_NAK)
        return is_host_addr(reply->server_id) ? 0 : -1;
    if (reply->type != DHCP_OFFER && reply->type != DHCP_ACK)
        return -1;
    if (!is_host_addr(reply->your_addr) || !is_host_addr(reply->server_id) || !reply->lease_s)
        return -1;
    uint32_t host_bits = 0xffffffffu >> dhcp_reply_prefix_len(reply);
    uint32_t host = ntohl(reply->your_addr) & host_bits;
    if (host_bits > 1 && (host == 0 || host == host_bits))
        return -1; /* the subnet itself, or its broadcast */
    if (!is_host_addr(reply->router) || reply->router == reply->your_addr)
        reply->router = 0;
    return 0;
}

int dhcp_message_parse(const uint8_t *message, size_t len, uint32_t xid, const uint8_t hw_addr[6],
                       struct dhcp_reply *reply)
{
    struct dhcp_wire wire;
    uint8_t overload = 0, ignored = 0;
    memset(reply, 0, sizeof(*reply));
    if (len < sizeof(wire))
        return -1;
    memcpy(&wire, message, sizeof(wire));
    if (wire.op != BOOTREPLY || wire.htype != HTYPE_ETHERNET || wire.hlen != 6 || read_u32(wire.xid) != xid ||
        memcmp(wire.chaddr, hw_addr, 6) || memcmp(wire.cookie, magic_cookie, 4))
        return -1;
    reply->your_addr = read_addr(wire.yiaddr);
    if (read_options(reply, &overload, message + sizeof(wire), len - sizeof(wire)))
        return -1;
    if ((overload & 1) && read_options(reply, &ignored, wire.file, sizeof(wire.file)))
        return -1;
    if ((overload & 2) && read_options(reply, &ignored, wire.sname, sizeof(wire.sname)))
        return -1;
    return check_reply(reply);
}

int dhcp_prefix_len(uint32_t mask)
{
    uint32_t holes = ~ntohl(mask);
    if (holes & (holes + 1))
        return -1;
    int len = 32;
    for (; holes; holes >>= 1)
        len--;
    return len;
}

int dhcp_reply_prefix_len(const struct dhcp_reply *reply)
{
    int len = dhcp_prefix_len(reply->subnet_mask);
    if (len >= 8 && len <= 31)
        return len;
    uint32_t addr = ntohl(reply->your_addr);
    return addr < 0x80000000u ? 8 : addr < 0xc0000000u ? 16 : 24;
}
