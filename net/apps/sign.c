/*
 * sign.c - the address of the first card in large letters, or why there is none.
 */
#include "net/apps/sign.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <skiff/link.h>
#include <skiff/machine.h>
#include <skiff/route.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_S    1
#define CARDS_MAX 4  /* with a line each, in turn */
#define TURN_S    10 /* for each address, where there are several */

struct sign {
    char large[INET_ADDRSTRLEN], small[78];
};

/* The address of this number among those in use, loopback left out. Return: false if there are not so many.
 */
static bool find_address(unsigned number, struct skiff_addr *found)
{
    struct skiff_addr addrs[8];
    size_t count, skip = 0;
    do {
        count = skiff_addr_list(addrs, 8, skip);
        for (size_t i = 0; i < count; i++)
            if (!addrs[i].tentative && strcmp(addrs[i].device, "lo") && !number--) {
                *found = addrs[i];
                return true;
            }
        skip += count;
    } while (count == 8);
    return false;
}

static void say_address(struct sign *sign, const struct skiff_addr *addr)
{
    struct skiff_link link;
    bool up = !skiff_link_get(addr->device, &link) && (link.flags & IFF_RUNNING);
    inet_ntop(AF_INET, &addr->local, sign->large, sizeof(sign->large));
    snprintf(sign->small, sizeof(sign->small), "http://%s/   %s%s", sign->large, addr->device,
             up ? "" : ": no link; is the cable plugged in?");
}

static void say_why_not(struct sign *sign)
{
    struct skiff_link links[8];
    size_t count = skiff_link_list(links, 8, 0);
    const struct skiff_link *card = NULL;
    for (size_t i = 0; i < count && !card; i++)
        if (links[i].kind == SKIFF_LINK_ETHER)
            card = &links[i];
    if (!card)
        snprintf(sign->small, sizeof(sign->small),
                 "No network card that Skiff drives: see the log, or lspci");
    else if (!(card->flags & IFF_RUNNING))
        snprintf(sign->small, sizeof(sign->small), "%s: no link; is the cable plugged in?", card->name);
    else
        snprintf(sign->small, sizeof(sign->small), "%s: asking for an address", card->name);
}

void sign_main(void *arg)
{
    struct sign shown = {.large = ""};
    for (unsigned seconds = 0;; seconds += LOOK_S) {
        struct sign now = {.large = ""};
        struct skiff_addr addr;
        if (find_address(seconds / TURN_S % CARDS_MAX, &addr) || find_address(0, &addr))
            say_address(&now, &addr);
        else
            say_why_not(&now);
        if (memcmp(&now, &shown, sizeof(now)))
            skiff_sign(now.large, now.small);
        shown = now;
        sleep(LOOK_S);
    }
}
