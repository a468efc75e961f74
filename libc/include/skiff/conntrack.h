/*
 * conntrack.h - the connections the machine tracks, for programs: what `conntrack -L`, -D, -F and -S need.
 *
 * Implemented in net/socket/conntrack.c for the stack of the running task. Settings and figures
 * (nf_conntrack_max, nf_conntrack_count, timeouts) are sysctls under net.netfilter.
 */
#ifndef SKIFF_CONNTRACK_H
#define SKIFF_CONNTRACK_H

#include <stddef.h>
#include <stdint.h>

/* One direction: addresses as in struct in_addr, ports in host order. ICMP: src_port is the id, dst_port is
 * (type << 8 | code). */
struct skiff_conn_tuple {
    uint32_t src, dst;
    uint16_t src_port, dst_port;
};

#define SKIFF_CONN_SEEN_REPLY 0x01 /* without it: [UNREPLIED] */
#define SKIFF_CONN_ASSURED    0x02 /* [ASSURED] */
#define SKIFF_CONN_SRC_NAT    0x08
#define SKIFF_CONN_DST_NAT    0x10

struct skiff_conn {
    struct skiff_conn_tuple original, reply;
    uint32_t id, mark, flags; /* SKIFF_CONN_* */
    uint32_t timeout_s;
    uint8_t protocol;
    char state[15]; /* "ESTABLISHED"; "" for all but TCP */
};

/**
 * skiff_conntrack_list - the next connections of the table
 * @cursor: 0 at first, then what the last call left there
 *
 * What comes and goes between two calls may be missing; nothing is shown twice.
 * Return: how many of `max` were filled in, 0: there are no more.
 */
int skiff_conntrack_list(struct skiff_conn *conns, int max, uint64_t *cursor);

/* Zeroes match everything. */
struct skiff_conn_filter {
    uint32_t id;
    uint8_t protocol;
    struct skiff_conn_tuple original;
};

/* Ends the connections that match; NULL: all. How many. */
int skiff_conntrack_delete(const struct skiff_conn_filter *filter);

/* Since the machine started. */
struct skiff_conntrack_stats {
    uint64_t found, invalid, insert, insert_failed, drop, early_drop, icmp_error, clash_resolve, untracked;
    uint32_t count, max; /* now */
};

void skiff_conntrack_stats(struct skiff_conntrack_stats *stats);

#endif
