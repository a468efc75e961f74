/*
 * tcp_check.h - what must hold for every connection of a stack whenever no protocol code runs: for fuzzers
 * and simulations, which ask after each event.
 */
#ifndef TESTS_HOST_TCP_CHECK_H
#define TESTS_HOST_TCP_CHECK_H

#include "net/core/net.h"

#define TCP_CHECK_SOCKS 64

/* What may only grow, as it was at the last look. */
struct tcp_check_mark {
    const void *sk;
    uint32_t iss, irs, snd_una, rcv_nxt, copied_seq, right_edge;
};

/* Zeroed at first; belongs to one stack. */
struct tcp_check {
    struct tcp_check_mark marks[TCP_CHECK_SOCKS];
};

/* NULL: all is well. Else the rule that is broken; *sk is the socket then. */
const char *tcp_check(struct net *net, struct tcp_check *check, const void **sk);

#endif
