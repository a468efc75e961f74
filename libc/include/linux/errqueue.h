/*
 * linux/errqueue.h - what recvmsg(MSG_ERRQUEUE) tells of an error, in a control message of type IP_RECVERR.
 */
#ifndef LIBC_LINUX_ERRQUEUE_H
#define LIBC_LINUX_ERRQUEUE_H

#include <stdint.h>

struct sock_extended_err {
    uint32_t ee_errno;
    uint8_t ee_origin;
    uint8_t ee_type; /* of the ICMP message */
    uint8_t ee_code;
    uint8_t ee_pad;
    uint32_t ee_info; /* next-hop MTU with EMSGSIZE */
    uint32_t ee_data;
};

#define SO_EE_ORIGIN_NONE  0
#define SO_EE_ORIGIN_LOCAL 1
#define SO_EE_ORIGIN_ICMP  2
#define SO_EE_ORIGIN_ICMP6 3

/* Who reported it: the address behind the struct. */
#define SO_EE_OFFENDER(ee) ((struct sockaddr *)((ee) + 1))

#endif
