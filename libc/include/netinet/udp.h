/*
 * netinet/udp.h - options of UDP sockets.
 */
#ifndef LIBC_NETINET_UDP_H
#define LIBC_NETINET_UDP_H

#define SOL_UDP 17

#define UDP_CORK 1 /* nothing is sent until it is taken away: all that is written becomes one datagram */

#endif
