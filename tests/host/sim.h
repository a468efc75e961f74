/*
 * sim.h - a seeded network between stacks: virtual Ethernet devices on a link that loses, delays, reorders,
 * duplicates and damages frames.
 *
 * A run depends only on host_random_seed() and the calls made; the same seed gives the same frames at the
 * same nanoseconds.
 */
#ifndef TESTS_HOST_SIM_H
#define TESTS_HOST_SIM_H

#include "net/core/netdevice.h"

struct sim_link;

struct sim_conditions {
    double loss, duplicate, corrupt, reorder; /* probability per frame, 0 .. 1 */
    uint64_t delay_ns, jitter_ns; /* each way; a reordered frame takes up to 4 * jitter_ns (or 1 ms) longer */
    uint64_t rate_bps;            /* bits/s of the wire, 0: no limit */
    unsigned queue_frames; /* what waits for the wire at most, in full frames (with rate_bps), 0: no limit */
};

struct sim_counters {
    uint64_t sent, lost, duplicated, corrupted, reordered, overflowed, delivered;
};

/* A link with no ends yet; delivers at once until told otherwise. */
struct sim_link *sim_link_create(void);
/* Frames under way are forgotten. The devices must have been unregistered (sim_device_destroy). */
void sim_link_destroy(struct sim_link *link);
void sim_link_set(struct sim_link *link, const struct sim_conditions *conditions);
/* The same for what `from` sends alone. */
void sim_link_set_from(struct sim_link *link, const struct net_device *from,
                       const struct sim_conditions *conditions);
const struct sim_counters *sim_link_counters(const struct sim_link *link);

/* Called for each frame before chance is asked; false loses it. For dropping exactly what a test wants lost.
 */
void sim_link_set_filter(struct sim_link *link,
                         bool (*pass)(void *ctx, struct net_device *from, const uint8_t *frame, size_t len),
                         void *ctx);

/* Called for each frame that is about to fly, which it may change (not its length): a middlebox. */
void sim_link_set_rewrite(struct sim_link *link,
                          void (*rewrite)(void *ctx, struct net_device *from, uint8_t *frame, size_t len),
                          void *ctx);

/* A device of `net` (up to 8 per link), registered, up, with MAC 02:00:00:00:00:<n>, no address. NULL without
 * memory. */
struct net_device *sim_device_create(struct sim_link *link, struct net *net);
void sim_device_destroy(struct net_device *dev);

/* A whole host: stack with all protocols, one device on the link, address "10.0.0.1/24", a descriptor table.
 */
struct sim_host {
    struct net *net;
    struct net_device *dev;
    struct files *files;
};

struct sim_host *sim_host_create(const char *name, struct sim_link *link, const char *address);
void sim_host_destroy(struct sim_host *host);

#endif
