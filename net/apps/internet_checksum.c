/*
 * internet_checksum.c - one's complement sums, two bytes at a time: for messages of programs, not for the
 * stack's data path (net/core/checksum.h).
 */
#include "net/apps/internet_checksum.h"

#include <arpa/inet.h>

uint32_t internet_checksum_add(uint32_t sum, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i + 1 < len; i += 2) {
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    if (len & 1)
        sum += (uint32_t)bytes[len - 1] << 8;
    return (sum & 0xffff) + (sum >> 16);
}

uint16_t internet_checksum(uint32_t sum)
{
    return htons((uint16_t) ~((sum & 0xffff) + (sum >> 16)));
}
