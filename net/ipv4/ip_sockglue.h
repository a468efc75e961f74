/*
 * ip_sockglue.h - what the sockets above IPv4 have in common: options of level SOL_IP, control messages, the
 * queue of errors (IP_RECVERR), and reading datagrams.
 */
#ifndef NET_IPV4_IP_SOCKGLUE_H
#define NET_IPV4_IP_SOCKGLUE_H

#include "net/core/sock.h"
#include "net/ipv4/route.h"

/* How one datagram is to be sent: the socket's ways, and what its control messages say instead. */
struct ip_cookie {
    be32 saddr;  /* 0: by route */
    int oif;     /* 0: any */
    uint8_t ttl; /* 0: the socket's */
    uint8_t tos;
    bool special; /* a control message asks for another way than the socket's own */
};

/* From the socket; then from msg's control messages: 0 or -EINVAL. */
int ip_cookie_init(struct ip_cookie *c, struct sock *sk, const struct msg *msg);

/* What to ask ip_route_output() for; fl->daddr is there. */
void ip_cookie_flow(struct ip_cookie *c, const struct sock *sk, struct flowi4 *fl);

/* The TTL of a datagram along rt: the call's, the socket's, or that for groups. 0: the default. */
uint8_t ip_cookie_ttl(const struct ip_cookie *c, const struct sock *sk, const struct rtable *rt);

/* Whether a datagram of `len` bytes in all carries DF (IP_MTU_DISCOVER). One that is wanted to be no longer
 * than the path MTU, but is, goes in fragments. */
bool ip_sk_df(const struct sock *sk, const struct rtable *rt, unsigned len);

/* Before a received datagram is queued: remembers the device, by number, and lets go of it. */
void ip_rx_forget_dev(struct sk_buff *skb);

/* Adds a control message behind the `used` bytes of msg->control; sets MSG_CTRUNC if it does not fit. */
void msg_put_cmsg(struct msg *msg, size_t *used, int level, int type, const void *data, size_t len);
/* Those that the socket asked for (IP_PKTINFO, IP_RECVTTL, IP_RECVTOS) about a datagram from its queue. */
void ip_cmsg_recv(struct sock *sk, struct msg *msg, struct sk_buff *skb, size_t *used);

/* An ICMP error, as net_protocol.err_handler gets it: what came, and about what. */
struct ip_icmp_error {
    struct sk_buff *skb; /* at the quoted IPv4 header, network_header at the outer one (borrowed) */
    uint8_t type, code;
    uint32_t info;
    int err;
};

/* With IP_RECVERR: puts the error on the queue. The quoted datagram went to `port`; of its bytes those from
 * `payload` on are the application's. */
void ip_queue_icmp_error(struct sock *sk, const struct ip_icmp_error *e, be16 port, unsigned payload);
/* The same for one of our own making: the datagram to daddr was too long (err EMSGSIZE, info: the MTU). */
void ip_queue_local_error(struct sock *sk, int err, be32 daddr, be16 port, uint32_t info);

/* Whether an ICMP error ends what the application does, or may pass (RFC 1122 4.2.3.9). */
bool icmp_error_is_hard(uint8_t type, uint8_t code);

/* recvmsg(MSG_ERRQUEUE). */
ssize_t ip_recv_error(struct sock *sk, struct msg *msg, size_t len);

/* recvmsg() of sockets that receive datagrams: the next one on the queue, or with MSG_ERRQUEUE the next
 * error. source_port: where it came from; NULL for what has no ports. */
ssize_t ip_recv_datagram(struct sock *sk, struct msg *msg, size_t len, int flags,
                         be16 (*source_port)(const struct sk_buff *skb));
/* SIOCINQ: bytes of the next datagram; SIOCOUTQ: bytes on their way out. */
int ip_datagram_ioctl(struct sock *sk, unsigned long cmd, int *arg);

/* Options of SOL_IP beyond those of net/socket/sockopt.c. -ENOPROTOOPT: no such option here. */
int ip_sock_setopt(struct sock *sk, int name, const void *val, socklen_t len);
int ip_sock_getopt(struct sock *sk, int name, void *val, socklen_t *len);

#endif
