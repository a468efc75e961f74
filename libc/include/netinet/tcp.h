/*
 * netinet/tcp.h - TCP for applications: options, struct tcp_info, and the states its tcpi_state tells.
 */
#ifndef LIBC_NETINET_TCP_H
#define LIBC_NETINET_TCP_H

#include <linux/tcp.h>

#define SOL_TCP 6

/* tcpi_state */
enum {
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
};

#endif
