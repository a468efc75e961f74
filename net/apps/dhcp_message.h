/*
 * dhcp_message.h - DHCP messages, built and read (RFC 2131, RFC 2132).
 *
 * Pure: bytes in, fields out, and the reverse. Addresses are in network byte order, as in struct in_addr.
 */
#ifndef NET_APPS_DHCP_MESSAGE_H
#define NET_APPS_DHCP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_MESSAGE_MAX 1500u /* what we read */
#define DHCP_MESSAGE_MIN 300u  /* what we send at least: BOOTP relays want it */
#define DHCP_INFINITE    0xffffffffu

enum dhcp_type {
    DHCP_DISCOVER = 1,
    DHCP_OFFER = 2,
    DHCP_REQUEST = 3,
    DHCP_DECLINE = 4,
    DHCP_ACK = 5,
    DHCP_NAK = 6,
    DHCP_RELEASE = 7
};

/* What a client says. Options whose field is 0 are left out. */
struct dhcp_request {
    enum dhcp_type type;
    uint32_t xid;
    uint16_t seconds; /* since the client began to ask */
    bool broadcast;   /* the client has no address yet: answer to everybody (RFC 2131 4.1) */
    uint8_t hw_addr[6];
    uint32_t client_addr;    /* ciaddr: an address in use, when renewing */
    uint32_t requested_addr; /* option 50 */
    uint32_t server_id;      /* option 54 */
    const char *hostname;    /* option 12; NULL or "": none */
};

/* What a server says. A field that was not given, or was damaged, is 0. */
struct dhcp_reply {
    enum dhcp_type type;
    uint32_t your_addr;                       /* yiaddr */
    uint32_t server_id;                       /* option 54 */
    uint32_t subnet_mask;                     /* option 1 */
    uint32_t router;                          /* option 3, the first */
    uint32_t dns[2];                          /* option 6 */
    uint32_t lease_s, renewal_s, rebinding_s; /* options 51, 58, 59 */
    uint16_t mtu;                             /* option 26 */
    char hostname[64], domain[64];            /* options 12, 15: letters, digits, '-', '.' only, else empty */
};

/* Writes a message into out[DHCP_MESSAGE_MAX]. Return: its length. */
size_t dhcp_message_build(const struct dhcp_request *request, uint8_t *out);

/**
 * dhcp_message_parse - read a reply, and believe nothing
 * @xid, @hw_addr: of the request it must answer
 *
 * Options are also read from the file and sname fields if option 52 says so. Return: 0, or -1 if it is
 * damaged, not a reply to us, or lacks what its type must have (RFC 2131 table 3).
 */
int dhcp_message_parse(const uint8_t *message, size_t len, uint32_t xid, const uint8_t hw_addr[6],
                       struct dhcp_reply *reply);

/* Number of leading ones of a mask; -1 if it has holes. */
int dhcp_prefix_len(uint32_t mask);

/* The mask a reply gives, or by the class of its address if it gives none or one with holes. */
int dhcp_reply_prefix_len(const struct dhcp_reply *reply);

#endif
