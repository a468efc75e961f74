/*
 * socket.h - the BSD layer inside the kernel: struct socket over struct sock, and the calls with explicit
 * descriptor table. net/socket/posix.c wraps them into the calls of <sys/socket.h> for the running task;
 * the hosted library calls them directly.
 *
 * Every sys_ call returns its value or -E... and does not touch errno.
 */
#ifndef NET_SOCKET_SOCKET_H
#define NET_SOCKET_SOCKET_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kernel/shutdown.h"
#include "net/core/sock.h"
#include "net/core/sysctl.h"
#include "net/socket/file.h"

/* ACCEPTED: the peer's, even if it has hung up since. */
enum sock_name { SOCK_NAME_LOCAL, SOCK_NAME_PEER, SOCK_NAME_ACCEPTED };

/* What a socket type of an address family does; inet_stream_ops, inet_dgram_ops (net/socket/af_inet.c). */
struct proto_ops {
    int family;
    int (*release)(struct socket *sock);
    int (*bind)(struct socket *sock, const struct sockaddr *addr, socklen_t len);
    int (*connect)(struct socket *sock, const struct sockaddr *addr, socklen_t len, int flags);
    int (*accept)(struct socket *sock, struct socket *newsock, int flags);
    int (*getname)(struct socket *sock, struct sockaddr_storage *addr,
                   enum sock_name which); /* length or -E */
    int (*listen)(struct socket *sock, int backlog);
    int (*shutdown)(struct socket *sock, int how);
    ssize_t (*sendmsg)(struct socket *sock, struct msg *msg, size_t len);
    ssize_t (*recvmsg)(struct socket *sock, struct msg *msg, size_t len, int flags);
    int (*setsockopt)(struct socket *sock, int level, int name, const void *val, socklen_t len);
    int (*getsockopt)(struct socket *sock, int level, int name, void *val, socklen_t *len);
    int (*ioctl)(struct socket *sock, unsigned long cmd, void *arg);
};

/* How far connect() has come, as the application sees it. */
enum socket_state { SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED };

struct socket {
    const struct proto_ops *ops;
    struct sock *sk;
    struct file *file;
    int type;
    enum socket_state state;
};

/*
 * Which sockets there are: an address family registers how it makes one, AF_INET's transports register
 * themselves with it. Entries are borrowed while registered; the newest that fits is taken.
 */
struct net_proto_family {
    struct list_head list;
    int family;
    /* Fills in sock->ops and sock->sk (one reference): 0 or -E... */
    int (*create)(struct net *net, struct socket *sock, int protocol);
};

struct inet_protosw {
    struct list_head list;
    int type, protocol; /* SOCK_*, IPPROTO_* */
    const struct proto *prot;
    const struct proto_ops *ops;
};

#define SOCK_BUF_MAX 212992 /* Linux's */

/* net->sockets, made by inet_init() */
struct socket_layer {
    struct list_head families; /* net_proto_family */
    struct list_head inetsw;   /* inet_protosw */
    struct net_proto_family inet_family;
    struct inet_protosw tcp, ping, udp, raw;
    int rmem_max, wmem_max; /* net.core's: what SO_RCVBUF and SO_SNDBUF may ask for */
    struct sysctl_entry sysctl_entries[3];
    struct sysctl_table sysctl;
    struct net *net;
    struct shutdown_client farewell; /* net/socket/shutdown.c */
};

extern const struct proto_ops inet_stream_ops, inet_dgram_ops;

void sock_register(struct net *net, struct net_proto_family *family);
void sock_unregister(struct net_proto_family *family);
void inet_register_protosw(struct net *net, struct inet_protosw *p);

/* A socket without a descriptor: sock->file has one reference, the caller's (file_put closes it). 0 or -E...
 */
int sock_create(struct net *net, int family, int type, int protocol, int flags, struct socket **sock);

/* Options of SOL_SOCKET and SOL_IP, for the proto_ops of a family (net/socket/sockopt.c). */
int sock_setsockopt(struct socket *sock, int name, const void *val, socklen_t len);
int sock_getsockopt(struct socket *sock, int name, void *val, socklen_t *len);
int ip_setsockopt(struct sock *sk, int name, const void *val, socklen_t len);
int ip_getsockopt(struct sock *sk, int name, void *val, socklen_t *len);

/* SIOCGIF*, SIOCSIF*, SIOCADDRT, SIOCDELRT. -ENOTTY: not one of those (net/socket/ioctl.c). */
int dev_ioctl(struct net *net, unsigned long cmd, void *arg);

/* A device's IPv4 address replaced as a whole, after duplicate detection if asked; see skiff/system.h. */
int if_set_address(struct net *net, const char *ifname, be32 addr, int prefix_len, bool probe);

struct skiff_qdisc;
struct skiff_xdp;
/* Every device's early hook, discipline and policing; see skiff/xdp.h, skiff/qdisc.h. */
void xdp_walk(struct net *net, void (*fn)(const struct skiff_xdp *xdp, void *ctx), void *ctx);
void qdisc_walk(struct net *net, void (*fn)(const struct skiff_qdisc *qdisc, void *ctx), void *ctx);

/* Every figure of a stack and the machine by name; see skiff/system.h. */
void stats_walk(struct net *net, void (*fn)(const char *name, uint64_t value, void *ctx), void *ctx);

/* At the machine's end the connections of this stack are closed. */
void inet_farewell_register(struct net *net);
/* A descriptor as of skiff_end_open() (skiff/machine.h). */
int sys_end_open(struct files *files, int when);

/* Everything from netfilter to sockets for one stack: 0 or -ENOMEM. The order is the texts': arp, ip, icmp,
 * udp, tcp. */
int __must_check inet_init(struct net *net);
void inet_exit(struct net *net);

int sys_socket(struct files *files, int family, int type, int protocol);
/* Becomes the program behind a queue of netfilter: a descriptor; see skiff/nfqueue.h. */
int sys_nfqueue(struct files *files, uint16_t number, unsigned maxlen, int flags);
int sys_bind(struct files *files, int fd, const struct sockaddr *addr, socklen_t len);
int sys_listen(struct files *files, int fd, int backlog);
int sys_accept4(struct files *files, int fd, struct sockaddr *addr, socklen_t *len, int flags);
int sys_connect(struct files *files, int fd, const struct sockaddr *addr, socklen_t len);
int sys_shutdown(struct files *files, int fd, int how);
int sys_getsockname(struct files *files, int fd, struct sockaddr *addr, socklen_t *len);
int sys_getpeername(struct files *files, int fd, struct sockaddr *addr, socklen_t *len);
int sys_setsockopt(struct files *files, int fd, int level, int name, const void *val, socklen_t len);
int sys_getsockopt(struct files *files, int fd, int level, int name, void *val, socklen_t *len);
ssize_t sys_sendmsg(struct files *files, int fd, const struct msghdr *msg, int flags);
ssize_t sys_recvmsg(struct files *files, int fd, struct msghdr *msg, int flags);
ssize_t sys_sendto(struct files *files, int fd, const void *buf, size_t len, int flags,
                   const struct sockaddr *addr, socklen_t addr_len);
ssize_t sys_recvfrom(struct files *files, int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
                     socklen_t *addr_len);
ssize_t sys_readv(struct files *files, int fd, const struct iovec *iov, int count);
ssize_t sys_writev(struct files *files, int fd, const struct iovec *iov, int count);
ssize_t sys_sendfile(struct files *files, int out_fd, int in_fd, off_t *offset, size_t count);
ssize_t sys_pread(struct files *files, int fd, void *buf, size_t len, off_t offset);
int sys_open(struct files *files, const char *path, int flags);
int sys_stat(struct files *files, const char *path, struct stat *st);
int sys_fstat(struct files *files, int fd, struct stat *st);
off_t sys_lseek(struct files *files, int fd, off_t offset, int whence);
int sys_close(struct files *files, int fd);
int sys_dup(struct files *files, int fd);
int sys_fcntl(struct files *files, int fd, int cmd, long arg);
int sys_ioctl(struct files *files, int fd, unsigned long cmd, void *arg);
int sys_poll(struct files *files, struct pollfd *fds, nfds_t count, int timeout_ms);
int sys_epoll_create1(struct files *files, int flags);
int sys_epoll_ctl(struct files *files, int epfd, int op, int fd, struct epoll_event *event);
int sys_epoll_wait(struct files *files, int epfd, struct epoll_event *events, int maxevents, int timeout_ms);

/* The same as the calls of skiff/conntrack.h, for a stack: net/socket/conntrack.c. */
struct skiff_conn;
struct skiff_conn_filter;
struct skiff_conntrack_stats;
int conntrack_list(struct net *net, struct skiff_conn *conns, int max, uint64_t *cursor);
int conntrack_delete(struct net *net, const struct skiff_conn_filter *filter);
void conntrack_stats(struct net *net, struct skiff_conntrack_stats *stats);

#endif
