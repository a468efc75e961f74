/*
 * internet_checksum.h - the checksum of programs that write headers themselves (RFC 1071).
 */
#ifndef NET_APPS_INTERNET_CHECKSUM_H
#define NET_APPS_INTERNET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The sum so far with these bytes added; len is even for all but the last piece. Starts at 0. */
uint32_t internet_checksum_add(uint32_t sum, const void *data, size_t len);

/* What stands in the header, in network byte order. */
uint16_t internet_checksum(uint32_t sum);

#endif
