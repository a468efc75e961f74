/*
 * link_local.c - addresses of 169.254/16: chosen, asked for on the link, kept while nobody else has them.
 */
#include "net/apps/link_local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <skiff/link.h>
#include <skiff/route.h>
#include <skiff/system.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/apps/clock.h"

#define FIRST         0xa9fe0100u /* 169.254.1.0; the 256 below and above the range are reserved (2.1) */
#define COUNT         (254u * 256)
#define PREFIX_LEN    16
#define MAX_CONFLICTS 10      /* RFC 3927 9 */
#define RATE_LIMIT_MS 60000ul /* likewise: RATE_LIMIT_INTERVAL */

/* The next of a row that hosts with other hardware addresses go through in another order. */
static void choose(struct link_local *self)
{
    self->seed = self->seed * 1664525u + 1013904223u; /* Numerical Recipes' constants */
    self->addr = htonl(FIRST + (uint32_t)(((uint64_t)self->seed * COUNT) >> 32));
}

void link_local_init(struct link_local *self, const char *ifname, const uint8_t hw_addr[6])
{
    uint32_t hash = 2166136261u; /* FNV-1a: cards of one maker differ in their last bytes only */
    for (int i = 0; i < 6; i++)
        hash = (hash ^ hw_addr[i]) * 16777619u;
    *self = (struct link_local){.ifname = ifname, .seed = hash};
    choose(self);
}

/* An address of the interface that is in use; *lost: one of ours that is another's now. */
static bool has_address(const struct link_local *self, bool *lost)
{
    struct skiff_addr addr;
    bool found = false;
    for (size_t skip = 0; skiff_addr_list(&addr, 1, skip); skip++) {
        if (strcmp(addr.device, self->ifname))
            continue;
        if (!addr.tentative)
            found = true;
        else if (addr.local == self->addr)
            *lost = true;
    }
    return found;
}

static void conflict(struct link_local *self)
{
    choose(self);
    if (++self->conflicts >= MAX_CONFLICTS)
        self->rest_until_ms = clock_ms() + RATE_LIMIT_MS;
}

void link_local_ensure(struct link_local *self)
{
    bool lost = false;
    struct skiff_link link;
    if (skiff_link_get(self->ifname, &link) || !(link.flags & IFF_RUNNING) || has_address(self, &lost))
        return;
    if (lost)
        conflict(self);
    while (clock_ms() >= self->rest_until_ms) {
        if (!skiff_if_set_address(self->ifname, self->addr, PREFIX_LEN, SKIFF_ADDR_CHOSEN)) {
            char text[INET_ADDRSTRLEN];
            inet_ntop(AF_INET, &self->addr, text, sizeof(text));
            printf("%s: %s/%d, chosen by ourselves, until somebody gives an address\n", self->ifname, text,
                   PREFIX_LEN);
            return;
        }
        if (errno != EADDRINUSE)
            return; /* no link just now, or no memory: the next call tries again */
        conflict(self);
    }
}
