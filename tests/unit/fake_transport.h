/*
 * fake_transport.h - a transport that does what a test tells it, under the real descriptors, calls, poll and
 * epoll.
 *
 * fake_start() makes a stack whose SOCK_STREAM protocol 253 and SOCK_DGRAM protocol 254 (numbers for
 * experiments, RFC 3692) are the fake; fake_end() closes all and fails the test if anything is left over.
 * Bytes sent lie in `out`, bytes to be read come from fake_arrive(). Connecting to port 1 succeeds at once,
 * to port 2 it stays under way until fake_finish_connect(), to any other it is refused.
 */
#ifndef TESTS_UNIT_FAKE_TRANSPORT_H
#define TESTS_UNIT_FAKE_TRANSPORT_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/core/netdevice.h"
#include "net/socket/socket.h"
#include "net/tcp/tcp_states.h"
#include "tests/host/host.h"
#include "tests/unit/test.h"

#define FAKE_STREAM 253
#define FAKE_DGRAM  254

struct fake_sock {
    struct sock sk;
    char in[256], out[256];
    size_t in_len, out_len, out_room;
    struct fake_sock *pending[8]; /* a listener's */
    size_t pending_count;
    struct page *page; /* what sendpage() was given last */
    size_t page_offset, page_len;
    int last_flags, last_backlog;
    unsigned polls; /* how often poll() was asked */
};

static struct {
    struct net *net;
    struct files *files;
    struct inet_protosw stream, dgram;
    size_t objects, pages;
    unsigned closed; /* sockets ended so far */
} fake;

static inline struct fake_sock *fake_sk(struct sock *sk)
{
    return (struct fake_sock *)sk;
}

/* The transport's side of a descriptor. */
static inline struct fake_sock *fake_of(int fd)
{
    struct file *file = fget(fake.files, fd);

    assert_non_null(file);
    assert_ptr_equal(file->ops, &socket_file_ops);
    return fake_sk(((struct socket *)file->private)->sk);
}

static int fake_init(struct sock *sk)
{
    sk->sk_state = TCP_CLOSE;
    fake_sk(sk)->out_room = sizeof(fake_sk(sk)->out);
    return 0;
}

static void fake_close(struct sock *sk)
{
    struct fake_sock *f = fake_sk(sk);

    while (f->pending_count)
        sock_put(&f->pending[--f->pending_count]->sk);
    fake.closed++;
    sock_put(sk);
}

static int fake_bind(struct sock *sk, be32 addr, uint16_t port)
{
    if (port == 99)
        return -EADDRINUSE;
    sk->sk_rcv_saddr = addr;
    sk->sk_sport = cpu_to_be16(port ? port : 40000);
    return 0;
}

static int fake_connect(struct sock *sk, be32 addr, uint16_t port, int flags)
{
    if (port != 1 && port != 2)
        return -ECONNREFUSED;
    sk->sk_daddr = addr;
    sk->sk_dport = cpu_to_be16(port);
    sk->sk_state = port == 1 ? TCP_ESTABLISHED : TCP_SYN_SENT;
    return port == 1 ? 0 : -EINPROGRESS;
}

static int fake_disconnect(struct sock *sk)
{
    sk->sk_state = TCP_CLOSE;
    sk->sk_dport = cpu_to_be16(0);
    return 0;
}

static int fake_listen(struct sock *sk, int backlog)
{
    sk->sk_state = TCP_LISTEN;
    fake_sk(sk)->last_backlog = backlog;
    return 0;
}

static struct sock *fake_accept(struct sock *sk, int flags, int *err)
{
    struct fake_sock *f = fake_sk(sk);

    *err = -EINVAL;
    if (sk->sk_state != TCP_LISTEN)
        return NULL;
    *err = -EAGAIN;
    if (!sk_wait_until(sk, f->pending_count || sk->sk_state != TCP_LISTEN, sock_rcv_deadline(sk, flags)))
        return NULL;
    *err = -EINVAL;
    return f->pending_count ? &f->pending[--f->pending_count]->sk : NULL;
}

static int fake_shutdown(struct sock *sk, int how)
{
    sk->sk_shutdown |= how + 1;
    return 0;
}

static ssize_t fake_sendmsg(struct sock *sk, struct msg *msg, size_t len)
{
    struct fake_sock *f = fake_sk(sk);

    f->last_flags = msg->flags;
    if (sk->sk_shutdown & SEND_SHUTDOWN)
        return -EPIPE;
    if (!sk_wait_until(sk, f->out_len < f->out_room, sock_snd_deadline(sk, msg->flags)))
        return -EAGAIN;
    len = copy_from_iter(f->out + f->out_len, min(len, f->out_room - f->out_len), &msg->iter);
    f->out_len += len;
    return (ssize_t)len;
}

static ssize_t fake_recvmsg(struct sock *sk, struct msg *msg, size_t len, int flags)
{
    struct fake_sock *f = fake_sk(sk);

    f->last_flags = flags;
    if (!sk_wait_until(sk, f->in_len || sk->sk_err || (sk->sk_shutdown & RCV_SHUTDOWN),
                       sock_rcv_deadline(sk, flags)))
        return -EAGAIN;
    if (!f->in_len)
        return sock_error(sk);
    if (msg->name) {
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(7)};
        memcpy(msg->name, &from, sizeof(from));
        msg->name_len = sizeof(from);
    }
    len = copy_to_iter(f->in, min(len, f->in_len), &msg->iter);
    memmove(f->in, f->in + len, f->in_len - len);
    f->in_len -= len;
    return (ssize_t)len;
}

static ssize_t fake_sendpage(struct sock *sk, struct page *page, size_t offset, size_t len, int flags)
{
    struct fake_sock *f = fake_sk(sk);

    f->page = page;
    f->page_offset = offset;
    f->page_len = min(len, f->out_room);
    f->last_flags = flags;
    return f->page_len ? (ssize_t)f->page_len : -EAGAIN;
}

static uint32_t fake_poll(struct sock *sk)
{
    struct fake_sock *f = fake_sk(sk);
    uint32_t mask = 0;

    f->polls++;
    if (sk->sk_state == TCP_LISTEN)
        return f->pending_count ? POLLIN | POLLRDNORM : 0;
    if (f->in_len || (sk->sk_shutdown & RCV_SHUTDOWN))
        mask |= POLLIN | POLLRDNORM;
    if (sk->sk_shutdown & RCV_SHUTDOWN)
        mask |= POLLRDHUP;
    if (sk->sk_shutdown == SHUTDOWN_MASK)
        mask |= POLLHUP;
    if (f->out_len < f->out_room && sk->sk_state == TCP_ESTABLISHED)
        mask |= POLLOUT | POLLWRNORM;
    if (sk->sk_err)
        mask |= POLLERR;
    return mask;
}

static int fake_ioctl(struct sock *sk, unsigned long cmd, int *arg)
{
    *arg = (int)fake_sk(sk)->in_len;
    return 0;
}

static const struct proto fake_stream_prot = {
    .name = "FAKE",
    .obj_size = sizeof(struct fake_sock),
    .init = fake_init,
    .close = fake_close,
    .bind = fake_bind,
    .connect = fake_connect,
    .disconnect = fake_disconnect,
    .listen = fake_listen,
    .accept = fake_accept,
    .shutdown = fake_shutdown,
    .sendmsg = fake_sendmsg,
    .recvmsg = fake_recvmsg,
    .sendpage = fake_sendpage,
    .poll = fake_poll,
    .ioctl = fake_ioctl,
};

static struct proto fake_dgram_prot; /* without sendpage */

static int fake_start(void **state)
{
    static bool caches;

    if (!caches && (skb_init() < 0 || sock_init() < 0))
        return -1;
    caches = true;
    fake.objects = host_objects_alive();
    fake.pages = host_pages_alive();
    fake.closed = 0;
    fake.net = net_create("fake");
    if (!fake.net || inet_init(fake.net) < 0)
        return -1;
    fake.files = files_create(fake.net, NULL);
    fake.stream = (struct inet_protosw){
        .type = SOCK_STREAM, .protocol = FAKE_STREAM, .prot = &fake_stream_prot, .ops = &inet_stream_ops};
    fake_dgram_prot = fake_stream_prot;
    fake_dgram_prot.sendpage = NULL;
    fake.dgram = (struct inet_protosw){
        .type = SOCK_DGRAM, .protocol = FAKE_DGRAM, .prot = &fake_dgram_prot, .ops = &inet_dgram_ops};
    inet_register_protosw(fake.net, &fake.stream);
    inet_register_protosw(fake.net, &fake.dgram);
    return 0;
}

static int fake_end(void **state)
{
    host_fail_allocation(0);
    files_destroy(fake.files);
    host_run();
    inet_exit(fake.net);
    assert_int_equal(fake.net->sock_count, 0);
    assert_int_equal(fake.net->skb_count, 0);
    net_destroy(fake.net);
    assert_int_equal(host_objects_alive(), fake.objects);
    assert_int_equal(host_pages_alive(), fake.pages);
    return 0;
}

static inline int fake_socket(void)
{
    int fd = sys_socket(fake.files, AF_INET, SOCK_STREAM, FAKE_STREAM);

    assert_true(fd >= 0);
    return fd;
}

static inline struct sockaddr_in fake_addr(uint32_t addr, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr)};
}

static inline int fake_connect_to(int fd, uint16_t port)
{
    struct sockaddr_in sin = fake_addr(INADDR_LOOPBACK, port);

    return sys_connect(fake.files, fd, (struct sockaddr *)&sin, sizeof(sin));
}

/* A socket that is connected. */
static inline int fake_connected(void)
{
    int fd = fake_socket();

    assert_int_equal(fake_connect_to(fd, 1), 0);
    return fd;
}

static inline int fake_nonblocking(int fd)
{
    assert_int_equal(sys_fcntl(fake.files, fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline int fake_listener(void)
{
    int fd = fake_socket();

    assert_int_equal(sys_listen(fake.files, fd, 5), 0);
    return fd;
}

static inline void fake_arrive_at(struct fake_sock *f, const char *text)
{
    size_t len = strlen(text);

    memcpy(f->in + f->in_len, text, len);
    f->in_len += len;
    f->sk.sk_data_ready(&f->sk);
}

static inline void fake_arrive(int fd, const char *text)
{
    fake_arrive_at(fake_of(fd), text);
}

static inline void fake_peer_closes(int fd)
{
    struct sock *sk = &fake_of(fd)->sk;

    sk->sk_shutdown |= RCV_SHUTDOWN;
    sk->sk_state_change(sk);
}

static inline void fake_finish_connect(int fd, int err)
{
    struct sock *sk = &fake_of(fd)->sk;

    sk->sk_state = err ? TCP_CLOSE : TCP_ESTABLISHED;
    sk->sk_err = err;
    sk->sk_state_change(sk);
}

/* A connection comes in on a listener. */
static inline void fake_incoming(int fd)
{
    struct fake_sock *f = fake_of(fd);
    int err;
    struct sock *sk = sk_alloc(fake.net, &fake_stream_prot, SOCK_STREAM, FAKE_STREAM, &err);

    assert_non_null(sk);
    sk->sk_state = TCP_ESTABLISHED;
    sk->sk_daddr = cpu_to_be32(0x0a000002);
    sk->sk_dport = cpu_to_be16(5555);
    f->pending[f->pending_count++] = fake_sk(sk);
    f->sk.sk_data_ready(&f->sk);
}

#endif
