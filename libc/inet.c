/*
 * inet.c - IPv4 addresses as text and back.
 */
#include <arpa/inet.h>

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One decimal number of a dotted address: 0-255, no leading zero. Return: what follows, or NULL. */
static const char *parse_octet(const char *s, uint8_t *out)
{
    unsigned value = 0;
    const char *start = s;

    for (; isdigit((unsigned char)*s); s++) {
        value = value * 10 + (unsigned)(*s - '0');
        if (value > 255)
            return NULL;
    }
    if (s == start || (*start == '0' && s - start > 1))
        return NULL;
    *out = (uint8_t)value;
    return s;
}

int inet_pton(int family, const char *restrict text, void *restrict addr)
{
    uint8_t octets[4];

    if (family != AF_INET) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        if (i && *text++ != '.')
            return 0;
        text = parse_octet(text, &octets[i]);
        if (!text)
            return 0;
    }
    if (*text)
        return 0;
    memcpy(addr, octets, sizeof(octets));
    return 1;
}

const char *inet_ntop(int family, const void *restrict addr, char *restrict text, socklen_t size)
{
    const uint8_t *octets = addr;
    char full[INET_ADDRSTRLEN];
    int len;

    if (family != AF_INET) {
        errno = EAFNOSUPPORT;
        return NULL;
    }
    len = snprintf(full, sizeof(full), "%u.%u.%u.%u", octets[0], octets[1], octets[2], octets[3]);
    if ((socklen_t)len >= size) {
        errno = ENOSPC;
        return NULL;
    }
    return memcpy(text, full, (size_t)len + 1);
}

/* One number of an old-style address, at most `max`. Return: what follows, or NULL. */
static const char *parse_part(const char *s, unsigned long max, unsigned long *out)
{
    char *end;

    if (!isdigit((unsigned char)*s))
        return NULL;
    *out = strtoul(s, &end, 0);
    return *out <= max ? end : NULL;
}

int inet_aton(const char *text, struct in_addr *addr)
{
    unsigned long part, value = 0;

    /* Every part but the last is one byte; the last fills all bytes that are left. */
    for (int bits_left = 32;; bits_left -= 8) {
        text = parse_part(text, UINT32_MAX >> (32 - bits_left), &part);
        if (!text)
            return 0;
        if (*text != '.') {
            value |= part;
            break;
        }
        if (part > 255 || bits_left == 8)
            return 0;
        value |= part << (bits_left - 8);
        text++;
    }
    if (*text && !isspace((unsigned char)*text))
        return 0;
    if (addr)
        addr->s_addr = htonl(value);
    return 1;
}

in_addr_t inet_addr(const char *text)
{
    struct in_addr addr;

    return inet_aton(text, &addr) ? addr.s_addr : INADDR_NONE;
}

char *inet_ntoa(struct in_addr addr)
{
    static char text[INET_ADDRSTRLEN];

    return (char *)inet_ntop(AF_INET, &addr, text, sizeof(text));
}
