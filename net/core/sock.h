/*
 * sock.h - struct sock: what every socket has below the BSD layer; struct proto: what its transport does.
 *
 * The BSD half (descriptor, blocking mode, calls) is struct socket in net/socket; sk->sk_socket points up to
 * it and is NULL for a connection nobody has accepted yet and for one its owner has closed (an orphan). A
 * transport embeds struct sock as the first member of its own (struct tcp_sock, struct udp_sock).
 */
#ifndef NET_CORE_SOCK_H
#define NET_CORE_SOCK_H

#include "kernel/timer.h"
#include "kernel/wait.h"
#include "net/core/dst.h"
#include "net/core/iov_iter.h"
#include "net/core/net.h"
#include "net/core/skbuff.h"

struct bpf_prog;
struct sock;
struct sock_fprog;
struct socket;

/*
 * The part that all entries of a connection table share - full sockets, half-open ones (struct request_sock)
 * and TIME_WAIT ones (struct inet_timewait_sock) - so that one lookup finds all three. state tells which it
 * is.
 */
struct sock_common {
    struct hlist_node hash_node; /* table of connections */
    struct hlist_node bind_node; /* table of local ports */
    struct net *net;
    be32 daddr, rcv_saddr; /* remote; local (0: any) */
    be16 dport, sport;     /* remote; local */
    uint8_t state;         /* TCP_* of net/tcp/tcp_states.h; UDP uses ESTABLISHED for connected, else CLOSE */
    uint8_t protocol;      /* IPPROTO_* */
    uint16_t family;       /* AF_INET */
    int bound_dev_if;      /* SO_BINDTODEVICE, 0: any */
    uint32_t refcount;
    uint32_t hash; /* of the addresses and ports, where the table of connections goes by them (TCP's) */
};

struct proto {
    const char *name; /* "TCP": shown by ss */
    size_t obj_size;  /* of the transport's own struct, which starts with struct sock */
    struct kmem_cache *(*cache)(struct net *net); /* whose objects they are; NULL: kmalloc()'s */

    int (*init)(struct sock *sk);
    /* Called once when the descriptor goes: takes the caller's reference, may linger on as an orphan. */
    void (*close)(struct sock *sk);
    void (*destroy)(struct sock *sk); /* at the last reference: queues are purged afterwards by sk_free */

    int (*bind)(struct sock *sk, be32 addr, uint16_t port);               /* port 0: choose; -EADDRINUSE */
    int (*connect)(struct sock *sk, be32 addr, uint16_t port, int flags); /* MSG_DONTWAIT: -EINPROGRESS */
    int (*disconnect)(struct sock *sk); /* connect() to AF_UNSPEC; may be NULL */
    int (*listen)(struct sock *sk, int backlog);
    /* The next connection, referenced, sk_socket still NULL; or NULL and *err. */
    struct sock *(*accept)(struct sock *sk, int flags, int *err);
    int (*shutdown)(struct sock *sk, int how);         /* SHUT_* */
    void (*keepalive)(struct sock *sk, bool on);       /* SO_KEEPALIVE has changed; may be NULL */
    void (*rcvlowat)(struct sock *sk, uint32_t bytes); /* sets sk_rcvlowat, within reason; may be NULL */

    /* Bytes moved or -E...; block unless msg->flags / flags has MSG_DONTWAIT. */
    ssize_t (*sendmsg)(struct sock *sk, struct msg *msg, size_t len);
    ssize_t (*recvmsg)(struct sock *sk, struct msg *msg, size_t len, int flags);
    /* Appends [offset, offset+len) of a page by reference (it takes its own references); NULL: not supported.
     */
    ssize_t (*sendpage)(struct sock *sk, struct page *page, size_t offset, size_t len, int flags);

    uint32_t (*poll)(struct sock *sk);                          /* POLLIN and the like, now */
    int (*ioctl)(struct sock *sk, unsigned long cmd, int *arg); /* SIOCINQ, SIOCOUTQ */
    /* Levels other than SOL_SOCKET and SOL_IP. -ENOPROTOOPT if unknown. */
    int (*setsockopt)(struct sock *sk, int level, int name, const void *val, socklen_t len);
    int (*getsockopt)(struct sock *sk, int level, int name, void *val, socklen_t *len);
};

/* The lower two bits of the TOS byte (RFC 3168 5). */
#define INET_ECN_NOT_ECT 0
#define INET_ECN_ECT_1   1
#define INET_ECN_ECT_0   2
#define INET_ECN_CE      3
#define INET_ECN_MASK    3

struct sock {
    struct sock_common sk_common;
#define sk_daddr        sk_common.daddr
#define sk_rcv_saddr    sk_common.rcv_saddr
#define sk_dport        sk_common.dport
#define sk_sport        sk_common.sport
#define sk_state        sk_common.state
#define sk_net          sk_common.net
#define sk_protocol     sk_common.protocol
#define sk_family       sk_common.family
#define sk_bound_dev_if sk_common.bound_dev_if
    const struct proto *sk_prot;
    struct socket *sk_socket;
    uint16_t sk_type; /* SOCK_STREAM, ... */

    struct sk_buff_head sk_receive_queue, sk_write_queue, sk_error_queue;
    uint32_t sk_rmem_alloc, sk_rcvbuf; /* bytes charged (truesize) / allowed */
    uint32_t sk_wmem_queued, sk_wmem_alloc, sk_sndbuf;
    uint64_t sk_max_pacing_rate; /* bytes/s, UINT64_MAX: no bound */

    struct wait_queue_head sk_wq; /* everybody who waits for anything on this socket */
    void (*sk_data_ready)(struct sock *sk);
    void (*sk_write_space)(struct sock *sk);
    void (*sk_state_change)(struct sock *sk);
    void (*sk_error_report)(struct sock *sk);

    struct bpf_prog *sk_filter; /* SO_ATTACH_FILTER; one reference */
    bool sk_filter_locked;      /* SO_LOCK_FILTER: it stays as it is */

    struct dst_entry *sk_dst_cache;
    be32 inet_saddr; /* source address to send from (0: by route) */
    int sk_err,
        sk_err_soft;     /* positive errno: hard - reported once; soft - reported if the connection fails */
    uint8_t sk_shutdown; /* RCV_SHUTDOWN | SEND_SHUTDOWN */
    bool sk_dead;        /* orphan */
    bool sk_reuse, sk_reuseport, sk_keepalive, sk_broadcast, sk_linger;
    bool sk_rcvbuf_locked, sk_sndbuf_locked; /* set by SO_RCVBUF / SO_SNDBUF: no auto-tuning */
    uint32_t sk_lingertime_ms;
    uint64_t sk_rcvtimeo_ms, sk_sndtimeo_ms; /* WAIT_FOREVER: none */
    uint32_t sk_rcvlowat;
    uint32_t sk_priority, sk_mark;
    uint8_t inet_ttl; /* 0: net.ipv4.ip_default_ttl */
    uint8_t inet_tos;
    uint8_t inet_ecn; /* the transport's own: INET_ECN_*, below inet_tos */
    uint8_t inet_mc_ttl;
    bool inet_pktinfo; /* IP_PKTINFO */
    uint8_t inet_pmtudisc;
    uint8_t inet_min_ttl; /* IP_MINTTL: what comes with less is not for this socket (RFC 5082) */
    uint8_t inet_rcv_ttl, inet_rcv_tos;     /* streams: of the segment that made the connection ... */
    int inet_rcv_index;                     /* ... and its device; 0: made from here (IP_PKTOPTIONS) */
    struct ip_mc_socklist *inet_mc_list;    /* groups it has joined: net/ipv4/igmp.c */
    int inet_mc_index;                      /* device that datagrams to groups leave by, 0: by route */
    be32 inet_mc_addr;                      /* and the address they carry then */
    bool inet_mc_loop : 1, inet_mc_all : 1; /* IP_MULTICAST_LOOP, IP_MULTICAST_ALL */
    bool inet_recverr : 1, inet_recvttl : 1, inet_recvtos : 1, inet_freebind : 1, inet_hdrincl : 1,
        inet_bind_no_port : 1; /* IP_RECVERR and so on: net/ipv4/ip_sockglue.c */
};

#define RCV_SHUTDOWN  1
#define SEND_SHUTDOWN 2
#define SHUTDOWN_MASK 3

/* Memory for one small packet must fit however small SO_RCVBUF asks. */
#define SOCK_MIN_RCVBUF 2304
#define SOCK_MIN_SNDBUF 4608

/**
 * sk_alloc - a socket of `prot`, zeroed, with the defaults set and prot->init() called
 * Return: one reference, owned by the caller (sock_put); NULL without memory, *err says why.
 */
struct sock *__must_check sk_alloc(struct net *net, const struct proto *prot, int type, int protocol,
                                   int *err);

static inline void sock_hold(struct sock *sk)
{
    sk->sk_common.refcount++;
}

void sock_put_last(struct sock *sk);

/* The last one frees. */
static inline void sock_put(struct sock *sk)
{
    if (likely(sk->sk_common.refcount > 1))
        sk->sk_common.refcount--;
    else
        sock_put_last(sk);
}

static inline struct net *sock_net(const struct sock *sk)
{
    return sk->sk_common.net;
}

/* The default sk_data_ready (POLLIN), sk_write_space (POLLOUT), sk_state_change (all), sk_error_report
 * (POLLERR). */
void sock_init_callbacks(struct sock *sk);

/* Queues a datagram to the reader and wakes it: 0, or -ENOMEM when rcvbuf is full (skb stays the caller's).
 */
int sock_queue_rcv_skb(struct sock *sk, struct sk_buff *skb);

/* SO_ATTACH_FILTER: checked and copied. 0, -EINVAL, -ENOMEM, -EPERM (locked). fprog NULL takes it away
 * (-ENOENT: there was none). */
int sk_attach_filter(struct sock *sk, const struct sock_fprog *fprog);
int sk_run_filter(struct sock *sk, struct sk_buff *skb, unsigned keep);

/**
 * sk_filter - ask the socket's filter, where there is one, about a packet it is about to get
 * @keep: bytes at skb->data that stay although the program keeps fewer: the transport's header
 * Return: 0 - queue it (cut to what the program keeps); -EPERM: drop it (SKB_DROP_REASON_SOCKET_FILTER);
 * -ENOMEM.
 */
static inline int sk_filter(struct sock *sk, struct sk_buff *skb, unsigned keep)
{
    return likely(!sk->sk_filter) ? 0 : sk_run_filter(sk, skb, keep);
}

/* The pending error as -E..., cleared; 0 if none. */
int sock_error(struct sock *sk);

/* Waits until `condition` (re-read after each wake-up) or the deadline. Value: bool. */
#define sk_wait_until(sk, condition, deadline_ms) wait_event_until(&(sk)->sk_wq, condition, deadline_ms)

/* When a call that may block for sk_rcvtimeo (sndtimeo) must give up: 0 with MSG_DONTWAIT (that is: now). */
uint64_t sock_rcv_deadline(const struct sock *sk, int flags);
uint64_t sock_snd_deadline(const struct sock *sk, int flags);

/* The cached route if it still holds, borrowed; NULL (and forgotten) if not. */
struct dst_entry *sk_dst_check(struct sock *sk);
void sk_dst_set(struct sock *sk, struct dst_entry *dst); /* takes over one reference; NULL forgets */

int sock_init(void); /* once, before the first net_create() */

#endif
