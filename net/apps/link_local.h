/*
 * link_local.h - an address of one's own making, for as long as nobody gives one (RFC 3927).
 */
#ifndef NET_APPS_LINK_LOCAL_H
#define NET_APPS_LINK_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

struct link_local {
    const char *ifname; /* borrowed */
    uint32_t seed;      /* of the addresses to try: the same after each start (RFC 3927 2.1) */
    uint32_t addr;      /* the one to try next, or in use; 0: none yet */
    unsigned conflicts; /* addresses that others had */
    uint64_t rest_until_ms;
};

void link_local_init(struct link_local *self, const char *ifname, const uint8_t hw_addr[6]);

/**
 * link_local_ensure - see to it that the interface has an address
 *
 * Takes none where there is one already. Asks the link first, so that it sleeps for some seconds (2.2.1); an
 * address that somebody else claims later is given up at the next call. A link on which ten addresses were
 * taken is asked for one a minute (2.2.1).
 */
void link_local_ensure(struct link_local *self);

#endif
