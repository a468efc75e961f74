/*
 * dhcp_datagram.c - IP and UDP around a DHCP message, written by hand and handed to the card.
 */
#include "net/apps/dhcp_datagram.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>

#include "net/apps/dhcp_message.h"
#include "net/apps/internet_checksum.h"

#define PROTOCOL_IP 0x0800
#define TTL         64

/* RFC 791 3.1 and RFC 768, one after the other. */
struct headers {
    uint8_t version_ihl, tos;
    uint16_t total_len, id, frag_off;
    uint8_t ttl, protocol;
    uint16_t check;
    uint32_t from, to;
    uint16_t from_port, to_port, udp_len, udp_check;
};
_Static_assert(sizeof(struct headers) == DHCP_DATAGRAM_HEADERS, "RFC 791, RFC 768");

#define IP_HEADER  20u
#define UDP_HEADER 8u

static void write_headers(uint8_t *datagram, size_t len)
{
    struct headers h = {.version_ihl = 0x45,
                        .total_len = htons((uint16_t)(DHCP_DATAGRAM_HEADERS + len)),
                        .frag_off = htons(0x4000), /* whole, so that the id means nothing (RFC 6864 4.1) */
                        .ttl = TTL,
                        .protocol = IPPROTO_UDP,
                        .to = INADDR_BROADCAST,
                        .from_port = htons(DHCP_CLIENT_PORT),
                        .to_port = htons(DHCP_SERVER_PORT),
                        .udp_len = htons((uint16_t)(UDP_HEADER + len))};
    h.check = internet_checksum(internet_checksum_add(0, &h, IP_HEADER));
    /* The pseudo header: addresses, protocol, length (RFC 768). */
    uint32_t sum = internet_checksum_add(IPPROTO_UDP + UDP_HEADER + (uint32_t)len, &h.from, 8);
    memcpy(datagram, &h, sizeof(h));
    h.udp_check = internet_checksum(internet_checksum_add(sum, datagram + IP_HEADER, UDP_HEADER + len));
    if (!h.udp_check)
        h.udp_check = 0xffff; /* 0 would mean that there is none */
    memcpy(datagram, &h, sizeof(h));
}

int dhcp_datagram_send(int fd, int ifindex, uint8_t *datagram, size_t len)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(PROTOCOL_IP),
                             .sll_ifindex = ifindex,
                             .sll_halen = 6,
                             .sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    write_headers(datagram, len);
    len += DHCP_DATAGRAM_HEADERS;
    return sendto(fd, datagram, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len ? 0 : -1;
}
