/*
 * arpa/inet.h - IPv4 addresses as text (libc/inet.c).
 */
#ifndef LIBC_ARPA_INET_H
#define LIBC_ARPA_INET_H

#include <netinet/in.h>

/* AF_INET only: four decimal numbers, no leading zeros. 1, 0 for bad text, -1 with EAFNOSUPPORT. */
int inet_pton(int family, const char *restrict text, void *restrict addr);

/* NULL with ENOSPC (size < INET_ADDRSTRLEN will do when it fits) or EAFNOSUPPORT. */
const char *inet_ntop(int family, const void *restrict addr, char *restrict text, socklen_t size);

/* The old forms too: a, a.b, a.b.c, a.b.c.d, each decimal, 0octal or 0xhex. 0 (inet_addr: INADDR_NONE) if
 * bad. */
int inet_aton(const char *text, struct in_addr *addr);
in_addr_t inet_addr(const char *text);

/* Into one shared buffer, good until the next call. */
char *inet_ntoa(struct in_addr addr);

#endif
