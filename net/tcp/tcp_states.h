/*
 * tcp_states.h - the states of RFC 9293 3.3.2, with Linux's numbers (struct tcp_info shows them).
 * <netinet/tcp.h> gives the same names to applications; the stack itself takes <linux/tcp.h>, which has none.
 */
#ifndef NET_TCP_TCP_STATES_H
#define NET_TCP_TCP_STATES_H

enum tcp_state {
    TCP_ESTABLISHED = 1,
    TCP_SYN_SENT,
    TCP_SYN_RECV,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_TIME_WAIT,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_LAST_ACK,
    TCP_LISTEN,
    TCP_CLOSING,
    TCP_NEW_SYN_RECV, /* a struct request_sock: half open, not a full socket yet */
    TCP_MAX_STATES
};

#endif
