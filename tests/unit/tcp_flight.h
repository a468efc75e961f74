/*
 * tcp_flight.h - for tests of recovery: a connection that knows its round trip, and segments of one size
 * under way on it, told apart by their number.
 */
#ifndef TESTS_UNIT_TCP_FLIGHT_H
#define TESTS_UNIT_TCP_FLIGHT_H

#include "tests/unit/tcp_peer_options.h"

#define SEG  1000u
#define RTT  40u /* ms */
#define SEGS 10u

enum { CA_OPEN, CA_DISORDER, CA_CWR, CA_RECOVERY, CA_LOSS }; /* tcpi_ca_state */

static uint8_t data[200000];
static uint32_t first; /* sequence number of segment 0 */

static inline uint32_t at(unsigned i)
{
    return first + i * SEG;
}

/* An open connection with round trips of 40 ms known to it; segment 0 comes next. */
static inline struct sock *flight_open(unsigned with)
{
    handshake_ms = RTT;
    struct sock *sk = options_open(with);

    for (unsigned i = 0; i < 4; i++) {
        tcp_write(sk, "x", 1);
        assert_true(options_pop());
        host_advance_ms(RTT);
        peer.rcv++;
        ts.val += RTT;
        ts.ecr = got.tsval;
        options_ack(peer.rcv);
    }
    tcp_prot.setsockopt(sk, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int){1}, sizeof(int));
    first = peer.rcv;
    return sk;
}

/* ACK up to segment `una`, SACK of segments from..to-1. */
static inline void sack(unsigned una, unsigned from, unsigned to)
{
    options_ack_sacks(at(una), 1, &(struct tcp_sack_block){at(from), at(to)});
}

#endif
