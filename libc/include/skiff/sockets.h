/*
 * sockets.h - every socket of the stack, for programs: what `ss` shows.
 *
 * Implemented in net/socket/sockets.c for the stack of the running task.
 */
#ifndef SKIFF_SOCKETS_H
#define SKIFF_SOCKETS_H

#include <linux/tcp.h>
#include <stddef.h>
#include <stdint.h>

struct skiff_socket {
    const char *protocol; /* "tcp", "udp", "raw", "ping", "p_raw", "p_dgr": the last two are AF_PACKET's */
    const char *state;    /* as ss prints it: "ESTAB", "LISTEN", "UNCONN" */
    int listening;        /* waits for strangers: LISTEN, or without a peer */
    uint32_t local_addr, peer_addr; /* network byte order, 0: any */
    uint16_t local_port, peer_port; /* host byte order, 0: any; of "raw" the protocol, of "ping" the id */
    uint16_t ethertype;             /* AF_PACKET: what is heard; 3: everything, 0: nothing */
    uint32_t receive_queue;         /* bytes not yet read; of a listener: connections not yet accepted */
    uint32_t send_queue;            /* bytes not yet acknowledged; of a listener: its backlog */
    uint32_t receive_max, send_max; /* what the buffers may hold */
    int ifindex;                    /* bound to this device, 0: to none */
    char device[16];                /* AF_PACKET: its name, "" if any */
    char congestion[16];            /* TCP: "cubic", "" if it has none (half open, TIME-WAIT) */
    struct tcp_info info;           /* valid if congestion[0] */
};

/* Return: how many were written; `skip` leaves out the first ones. What opens or closes between two calls may
 * be missed or seen twice. */
size_t skiff_socket_list(struct skiff_socket *sockets, size_t max, size_t skip);

#endif
