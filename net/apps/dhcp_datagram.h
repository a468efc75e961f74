/*
 * dhcp_datagram.h - a DHCP message as a host sends it that has no address yet.
 */
#ifndef NET_APPS_DHCP_DATAGRAM_H
#define NET_APPS_DHCP_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

#define DHCP_DATAGRAM_HEADERS 28u /* IP without options, UDP */

/**
 * dhcp_datagram_send - to everybody on one link, from 0.0.0.0 (RFC 2131 4.1)
 * @fd: an AF_PACKET socket of type SOCK_DGRAM
 * @datagram: DHCP_DATAGRAM_HEADERS bytes of room, then the message
 * @len: of the message
 *
 * The stack's own UDP would put the interface's address there as soon as it has one, be it only a link-local
 * one. Return: 0, or -1 with errno.
 */
int dhcp_datagram_send(int fd, int ifindex, uint8_t *datagram, size_t len);

#endif
