/*
 * socket.c - the BSD calls: from a descriptor and an application's memory to struct proto_ops.
 *
 * Calls that move data come in here, check what the application gave, and end in sock->ops->sendmsg/recvmsg,
 * which is the transport's after one more step (net/socket/af_inet.c). There is no copy of addresses, vectors
 * or data on the way: application and kernel share their memory. A null pointer is EFAULT; any other wrong
 * one is a page fault of the whole machine.
 */
#include "net/socket/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/slab.h"
#include "net/tcp/tcp_states.h"

#define SOCK_TYPE_MAX 11
#define MAX_RW_COUNT  0x7ffff000u /* bytes one call moves at most, as on Linux */

/* One allocation for both. */
struct socket_alloc {
    struct socket socket;
    struct file file;
};

static struct socket *socket_alloc(int type, int flags)
{
    struct socket_alloc *s = kmalloc(sizeof(*s));

    if (!s)
        return NULL;
    s->socket = (struct socket){.type = type, .file = &s->file};
    file_init(&s->file, &socket_file_ops, &s->socket, flags & SOCK_NONBLOCK ? O_NONBLOCK : 0);
    return &s->socket;
}

/* The socket behind a descriptor (borrowed), or NULL and *err. */
static inline struct socket *sockfd_lookup(struct files *files, int fd, int *err)
{
    struct file *file = fget(files, fd);

    if (unlikely(!file)) {
        *err = -EBADF;
        return NULL;
    }
    if (unlikely(file->ops != &socket_file_ops)) {
        *err = -ENOTSOCK;
        return NULL;
    }
    return file->private;
}

static inline int nonblock_flag(const struct socket *sock)
{
    return sock->file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0;
}

/* --- moving data --- */

static inline ssize_t sock_sendmsg(struct socket *sock, struct msg *msg)
{
    struct file *file = sock->file;
    ssize_t n;

    msg->flags |= nonblock_flag(sock);
    file_hold(file);
    n = sock->ops->sendmsg(sock, msg, msg->iter.count);
    file_put(file);
    return n;
}

static inline ssize_t sock_recvmsg(struct socket *sock, struct msg *msg, int flags)
{
    struct file *file = sock->file;
    ssize_t n;

    file_hold(file);
    n = sock->ops->recvmsg(sock, msg, msg->iter.count, flags | nonblock_flag(sock));
    file_put(file);
    return n;
}

static inline int single_iter(struct iov_iter *iter, struct iovec *iov, const void *buf, size_t len)
{
    if (unlikely(!buf && len))
        return -EFAULT;
    *iov = (struct iovec){.iov_base = (void *)buf, .iov_len = min(len, (size_t)MAX_RW_COUNT)};
    *iter = (struct iov_iter){.iov = iov, .count = iov->iov_len};
    return 0;
}

ssize_t sys_sendto(struct files *files, int fd, const void *buf, size_t len, int flags,
                   const struct sockaddr *addr, socklen_t addr_len)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);
    struct iovec iov;
    struct msg msg = {.flags = flags};

    if (!sock)
        return err;
    err = single_iter(&msg.iter, &iov, buf, len);
    if (err)
        return err;
    if (addr) {
        if (addr_len > sizeof(struct sockaddr_storage))
            return -EINVAL;
        msg.name = (struct sockaddr_storage *)addr; /* only read, and only addr_len bytes of it */
        msg.name_len = addr_len;
    }
    return sock_sendmsg(sock, &msg);
}

/* An address to an application that may have less room: cut, with the true length in *len. */
static int put_address(const struct sockaddr_storage *name, socklen_t name_len, struct sockaddr *addr,
                       socklen_t *len)
{
    if (!addr || !len)
        return -EFAULT;
    if ((int)*len < 0)
        return -EINVAL;
    memcpy(addr, name, min(*len, name_len));
    *len = name_len;
    return 0;
}

ssize_t sys_recvfrom(struct files *files, int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
                     socklen_t *addr_len)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);
    struct iovec iov;
    struct msg msg = {0};
    struct sockaddr_storage name;
    ssize_t n;

    if (!sock)
        return err;
    err = single_iter(&msg.iter, &iov, buf, len);
    if (err)
        return err;
    if (!addr)
        return sock_recvmsg(sock, &msg, flags);
    if (!addr_len)
        return -EFAULT;
    msg.name = &name;
    n = sock_recvmsg(sock, &msg, flags);
    if (n >= 0) {
        err = put_address(&name, msg.name_len, addr, addr_len);
        if (err)
            return err;
    }
    return n;
}

static int iter_from_msghdr(struct iov_iter *iter, const struct msghdr *hdr)
{
    int err;

    if (hdr->msg_iovlen > UIO_MAXIOV)
        return -EMSGSIZE;
    err = iov_iter_init(iter, hdr->msg_iov, hdr->msg_iovlen);
    if (err)
        return err;
    iter->count = min(iter->count, (size_t)MAX_RW_COUNT);
    return hdr->msg_controllen && !hdr->msg_control ? -EFAULT : 0;
}

ssize_t sys_sendmsg(struct files *files, int fd, const struct msghdr *hdr, int flags)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);
    struct msg msg = {.flags = flags};

    if (!sock)
        return err;
    if (!hdr)
        return -EFAULT;
    err = iter_from_msghdr(&msg.iter, hdr);
    if (err)
        return err;
    if (hdr->msg_name && hdr->msg_namelen) {
        if ((int)hdr->msg_namelen < 0)
            return -EINVAL;
        msg.name = hdr->msg_name;
        msg.name_len = min(hdr->msg_namelen, (socklen_t)sizeof(struct sockaddr_storage));
    }
    msg.control = hdr->msg_control;
    msg.control_len = hdr->msg_controllen;
    return sock_sendmsg(sock, &msg);
}

ssize_t sys_recvmsg(struct files *files, int fd, struct msghdr *hdr, int flags)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);
    struct msg msg = {0};
    struct sockaddr_storage name;
    ssize_t n;

    if (!sock)
        return err;
    if (!hdr)
        return -EFAULT;
    if ((int)hdr->msg_namelen < 0)
        return -EINVAL;
    err = iter_from_msghdr(&msg.iter, hdr);
    if (err)
        return err;
    msg.name = hdr->msg_name ? &name : NULL;
    msg.control = hdr->msg_control;
    msg.control_len = hdr->msg_controllen;
    n = sock_recvmsg(sock, &msg, flags);
    if (n < 0)
        return n;
    if (hdr->msg_name) {
        memcpy(hdr->msg_name, &name, min(hdr->msg_namelen, msg.name_len));
        hdr->msg_namelen = msg.name_len;
    }
    hdr->msg_controllen = msg.control_len;
    hdr->msg_flags = msg.flags;
    return n;
}

static ssize_t vectored(struct files *files, int fd, const struct iovec *iov, int count, bool write)
{
    struct file *file = fget(files, fd);
    ssize_t (*op)(struct file * file, struct iov_iter * iter);
    struct iov_iter iter;
    ssize_t n;
    int err;

    if (!file)
        return -EBADF;
    if (count < 0 || count > UIO_MAXIOV)
        return -EINVAL;
    op = write ? file->ops->write : file->ops->read;
    if (!op) /* a file opened for reading, an epoll set */
        return file->ops == &ramfs_file_ops ? -EBADF : -EINVAL;
    err = iov_iter_init(&iter, iov, (size_t)count);
    if (err)
        return err;
    iter.count = min(iter.count, (size_t)MAX_RW_COUNT);
    file_hold(file);
    n = op(file, &iter);
    file_put(file);
    return n;
}

ssize_t sys_readv(struct files *files, int fd, const struct iovec *iov, int count)
{
    return vectored(files, fd, iov, count, false);
}

ssize_t sys_writev(struct files *files, int fd, const struct iovec *iov, int count)
{
    return vectored(files, fd, iov, count, true);
}

/* --- a socket as a file --- */

static ssize_t socket_read(struct file *file, struct iov_iter *to)
{
    struct msg msg = {.iter = *to};

    return to->count ? sock_recvmsg(file->private, &msg, 0) : 0;
}

static ssize_t socket_write(struct file *file, struct iov_iter *from)
{
    struct msg msg = {.iter = *from};

    return sock_sendmsg(file->private, &msg);
}

static uint32_t socket_poll(struct file *file)
{
    struct sock *sk = ((struct socket *)file->private)->sk;

    return sk->sk_prot->poll(sk);
}

static struct wait_queue_head *socket_wait_queue(struct file *file)
{
    return &((struct socket *)file->private)->sk->sk_wq;
}

static int socket_ioctl(struct file *file, unsigned long cmd, void *arg)
{
    struct socket *sock = file->private;

    return sock->ops->ioctl(sock, cmd, arg);
}

static void socket_release(struct file *file)
{
    struct socket *sock = file->private;

    if (sock->sk)
        sock->ops->release(sock);
    kfree(container_of(sock, struct socket_alloc, socket));
}

const struct file_operations socket_file_ops = {
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .wait_queue = socket_wait_queue,
    .ioctl = socket_ioctl,
    .release = socket_release,
};

/* --- making sockets --- */

void sock_register(struct net *net, struct net_proto_family *family)
{
    list_add(&family->list, &net->sockets->families);
}

void sock_unregister(struct net_proto_family *family)
{
    list_del_init(&family->list);
}

static int family_create(struct net *net, struct socket *sock, int family, int protocol)
{
    struct net_proto_family *f;

    list_for_each_entry (f, &net->sockets->families, list) {
        if (f->family == family)
            return f->create(net, sock, protocol);
    }
    return -EAFNOSUPPORT;
}

int sock_create(struct net *net, int family, int type, int protocol, int flags, struct socket **out)
{
    struct socket *sock;
    int err;

    if (type < 0 || type >= SOCK_TYPE_MAX)
        return -EINVAL;
    sock = socket_alloc(type, flags);
    if (!sock)
        return -ENOMEM;
    err = family_create(net, sock, family, protocol);
    if (err) {
        file_put(sock->file);
        return err;
    }
    sock->sk->sk_socket = sock;
    *out = sock;
    return 0;
}

int sys_socket(struct files *files, int family, int type, int protocol)
{
    int flags = type & ~0xf, fd, err;
    struct socket *sock;

    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return -EINVAL;
    err = sock_create(files->net, family, type & 0xf, protocol, flags, &sock);
    if (err)
        return err;
    fd = fd_install(files, sock->file);
    if (fd < 0)
        file_put(sock->file);
    return fd;
}

/* --- addresses and connections --- */

static int check_address(const struct sockaddr *addr, socklen_t len)
{
    if (len > sizeof(struct sockaddr_storage))
        return -EINVAL;
    if (!addr)
        return -EFAULT;
    return len < sizeof(sa_family_t) ? -EINVAL : 0;
}

int sys_bind(struct files *files, int fd, const struct sockaddr *addr, socklen_t len)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);

    if (!sock)
        return err;
    err = check_address(addr, len);
    return err ? err : sock->ops->bind(sock, addr, len);
}

int sys_connect(struct files *files, int fd, const struct sockaddr *addr, socklen_t len)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);
    struct file *file;

    if (!sock)
        return err;
    err = check_address(addr, len);
    if (err)
        return err;
    file = sock->file;
    file_hold(file);
    err = sock->ops->connect(sock, addr, len, nonblock_flag(sock));
    file_put(file);
    return err;
}

int sys_listen(struct files *files, int fd, int backlog)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);

    if (!sock)
        return err;
    if ((unsigned)backlog > SOMAXCONN) /* negative counts as very large, as on Linux */
        backlog = SOMAXCONN;
    return sock->ops->listen(sock, backlog);
}

int sys_shutdown(struct files *files, int fd, int how)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);

    if (!sock)
        return err;
    if (how < SHUT_RD || how > SHUT_RDWR)
        return -EINVAL;
    return sock->ops->shutdown(sock, how);
}

/* Takes the connection into `newsock` and tells who it is. */
static int accept_into(struct socket *sock, struct socket *newsock, struct sockaddr *addr, socklen_t *len)
{
    struct sockaddr_storage name;
    int n, err = sock->ops->accept(sock, newsock, nonblock_flag(sock));

    if (err || !addr)
        return err;
    n = newsock->ops->getname(newsock, &name, SOCK_NAME_ACCEPTED);
    return n < 0 ? -ECONNABORTED : put_address(&name, (socklen_t)n, addr, len);
}

/* Descriptor and memory first: without them the connection stays in the queue for a better moment. */
static int accept_on(struct files *files, struct socket *sock, struct sockaddr *addr, socklen_t *len,
                     int flags)
{
    struct socket *newsock;
    int fd = fd_reserve(files, 0), err;

    if (fd < 0)
        return fd;
    newsock = socket_alloc(sock->type, flags);
    if (!newsock) {
        fd_cancel(files, fd);
        return -ENOMEM;
    }
    newsock->ops = sock->ops;
    err = accept_into(sock, newsock, addr, len);
    if (err) {
        fd_cancel(files, fd);
        file_put(newsock->file);
        return err;
    }
    fd_fill(files, fd, newsock->file);
    return fd;
}

int sys_accept4(struct files *files, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    int err;
    struct socket *sock;
    struct file *file;

    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return -EINVAL;
    sock = sockfd_lookup(files, fd, &err);
    if (!sock)
        return err;
    if (!sock->ops->accept)
        return -EOPNOTSUPP;
    if (addr && !len)
        return -EFAULT;
    /* Servers accept until there is no more: that last call should cost nothing. */
    if (nonblock_flag(sock) && sock->sk->sk_state == TCP_LISTEN && !(socket_poll(sock->file) & POLLIN))
        return -EAGAIN;
    file = sock->file;
    file_hold(file);
    err = accept_on(files, sock, addr, len, flags);
    file_put(file);
    return err;
}

static int get_name(struct files *files, int fd, struct sockaddr *addr, socklen_t *len, enum sock_name which)
{
    int err, n;
    struct socket *sock = sockfd_lookup(files, fd, &err);
    struct sockaddr_storage name;

    if (!sock)
        return err;
    n = sock->ops->getname(sock, &name, which);
    return n < 0 ? n : put_address(&name, (socklen_t)n, addr, len);
}

int sys_getsockname(struct files *files, int fd, struct sockaddr *addr, socklen_t *len)
{
    return get_name(files, fd, addr, len, SOCK_NAME_LOCAL);
}

int sys_getpeername(struct files *files, int fd, struct sockaddr *addr, socklen_t *len)
{
    return get_name(files, fd, addr, len, SOCK_NAME_PEER);
}

/* --- options and the rest --- */

int sys_setsockopt(struct files *files, int fd, int level, int name, const void *val, socklen_t len)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);

    if (!sock)
        return err;
    if ((int)len < 0)
        return -EINVAL;
    if (!val && len)
        return -EFAULT;
    if (level == SOL_SOCKET)
        return sock_setsockopt(sock, name, val, len);
    return sock->ops->setsockopt(sock, level, name, val, len);
}

int sys_getsockopt(struct files *files, int fd, int level, int name, void *val, socklen_t *len)
{
    int err;
    struct socket *sock = sockfd_lookup(files, fd, &err);

    if (!sock)
        return err;
    if (!len || (!val && *len))
        return -EFAULT;
    if ((int)*len < 0)
        return -EINVAL;
    if (level == SOL_SOCKET)
        return sock_getsockopt(sock, name, val, len);
    return sock->ops->getsockopt(sock, level, name, val, len);
}

int sys_close(struct files *files, int fd)
{
    struct file *file = fd_remove(files, fd);

    if (!file)
        return -EBADF;
    file_put(file);
    return 0;
}

static int dup_from(struct files *files, struct file *file, int from)
{
    int fd = fd_reserve(files, from);

    if (fd < 0)
        return fd;
    file_hold(file);
    fd_fill(files, fd, file);
    return fd;
}

int sys_dup(struct files *files, int fd)
{
    struct file *file = fget(files, fd);

    return file ? dup_from(files, file, 0) : -EBADF;
}

int sys_fcntl(struct files *files, int fd, int cmd, long arg)
{
    struct file *file = fget(files, fd);

    if (!file)
        return -EBADF;
    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return arg < 0 || arg >= FILES_MAX ? -EINVAL : dup_from(files, file, (int)arg);
    case F_GETFD: /* nothing is ever executed here, so the flag has no meaning */
    case F_SETFD:
        return 0;
    case F_GETFL:
        return file->flags | (file->ops == &ramfs_file_ops ? O_RDONLY : O_RDWR);
    case F_SETFL:
        file->flags = (int)(arg & O_NONBLOCK);
        return 0;
    }
    return -EINVAL;
}

int sys_ioctl(struct files *files, int fd, unsigned long cmd, void *arg)
{
    struct file *file = fget(files, fd);

    if (!file)
        return -EBADF;
    if (cmd == FIONBIO) {
        if (!arg)
            return -EFAULT;
        file->flags = *(int *)arg ? O_NONBLOCK : 0;
        return 0;
    }
    return file->ops->ioctl ? file->ops->ioctl(file, cmd, arg) : -ENOTTY;
}
