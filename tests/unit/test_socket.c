/*
 * test_socket.c - the BSD calls over a transport that does as it is told: every call's success and its
 * errors.
 */
#include "tests/unit/fake_transport.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "kernel/slab.h"
#include "net/ipv4/route.h"

#define F (fake.files)

static void *const wild = (void *)16; /* never looked at */

/* A task of the test: runs fn() once, keeps what it returned. */
struct job {
    long (*fn)(struct job *job);
    int fd;
    long result;
    bool done;
};

static void job_run(void *arg)
{
    struct job *job = arg;

    job->result = job->fn(job);
    job->done = true;
}

static void job_start(struct job *job)
{
    assert_non_null(task_create("job", job_run, job, fake.files));
    host_run();
}

/* --- socket() --- */

TEST("socket() gives the lowest free descriptor")
{
    assert_int_equal(fake_socket(), 0);
    assert_int_equal(fake_socket(), 1);
    assert_int_equal(fake_socket(), 2);
    assert_int_equal(sys_close(F, 1), 0);
    assert_int_equal(fake_socket(), 1);
    assert_int_equal(fake_socket(), 3);
}

TEST("socket() says precisely what it does not have")
{
    assert_int_equal(sys_socket(F, AF_INET6, SOCK_STREAM, 0), -EAFNOSUPPORT);
    assert_int_equal(sys_socket(F, AF_UNIX, SOCK_STREAM, 0), -EAFNOSUPPORT);
    assert_int_equal(sys_socket(F, AF_INET, SOCK_SEQPACKET, 0), -ESOCKTNOSUPPORT);
    assert_int_equal(sys_socket(F, AF_INET, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
    assert_int_equal(sys_socket(F, AF_INET, SOCK_DGRAM, IPPROTO_TCP), -EPROTONOSUPPORT);
    assert_int_equal(sys_socket(F, AF_INET, SOCK_STREAM, -1), -EINVAL);
    assert_int_equal(sys_socket(F, AF_INET, SOCK_STREAM, IPPROTO_MAX), -EINVAL);
    assert_int_equal(sys_socket(F, AF_INET, 12, 0), -EINVAL);
    assert_int_equal(sys_socket(F, AF_INET, SOCK_STREAM | 0x100, 0), -EINVAL);
    assert_int_equal(F->open_count, 0);
}

TEST("SOCK_NONBLOCK makes a socket that does not wait")
{
    int fd = sys_socket(F, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, FAKE_STREAM);

    assert_int_equal(sys_fcntl(F, fd, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    assert_int_equal(sys_fcntl(F, fd, F_SETFL, 0), 0);
    assert_int_equal(sys_fcntl(F, fd, F_GETFL, 0), O_RDWR);
}

static int other_create(struct net *net, struct socket *sock, int protocol)
{
    int err;

    sock->ops = &inet_stream_ops;
    sock->sk = sk_alloc(net, &fake_stream_prot, sock->type, protocol, &err);
    return sock->sk ? 0 : err;
}

TEST("an address family can be registered beside AF_INET, and goes again")
{
    struct net_proto_family family = {.family = AF_VSOCK, .create = other_create};

    assert_int_equal(sys_socket(F, AF_VSOCK, SOCK_RAW, 0), -EAFNOSUPPORT);
    sock_register(fake.net, &family);
    assert_int_equal(sys_socket(F, AF_VSOCK, SOCK_RAW, 3), 0);
    sock_unregister(&family);
    assert_int_equal(sys_socket(F, AF_VSOCK, SOCK_RAW, 0), -EAFNOSUPPORT);
}

TEST("every call on a descriptor that is none says EBADF")
{
    struct sockaddr_in sin = fake_addr(INADDR_LOOPBACK, 1);
    struct sockaddr *sa = (struct sockaddr *)&sin;
    struct iovec iov = {.iov_base = &sin, .iov_len = 1};
    struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};
    const int bad[] = {-1, 0, 5, FILES_MAX, INT32_MAX};
    socklen_t len = sizeof(sin);

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(sys_bind(F, bad[i], sa, len), -EBADF);
        assert_int_equal(sys_listen(F, bad[i], 1), -EBADF);
        assert_int_equal(sys_accept4(F, bad[i], NULL, NULL, 0), -EBADF);
        assert_int_equal(sys_connect(F, bad[i], sa, len), -EBADF);
        assert_int_equal(sys_shutdown(F, bad[i], SHUT_RD), -EBADF);
        assert_int_equal(sys_getsockname(F, bad[i], sa, &len), -EBADF);
        assert_int_equal(sys_getpeername(F, bad[i], sa, &len), -EBADF);
        assert_int_equal(sys_setsockopt(F, bad[i], SOL_SOCKET, SO_REUSEADDR, &len, 4), -EBADF);
        assert_int_equal(sys_getsockopt(F, bad[i], SOL_SOCKET, SO_REUSEADDR, &len, &len), -EBADF);
        assert_int_equal(sys_sendto(F, bad[i], "x", 1, 0, NULL, 0), -EBADF);
        assert_int_equal(sys_recvfrom(F, bad[i], &sin, 1, 0, NULL, NULL), -EBADF);
        assert_int_equal(sys_sendmsg(F, bad[i], &hdr, 0), -EBADF);
        assert_int_equal(sys_recvmsg(F, bad[i], &hdr, 0), -EBADF);
        assert_int_equal(sys_readv(F, bad[i], &iov, 1), -EBADF);
        assert_int_equal(sys_writev(F, bad[i], &iov, 1), -EBADF);
        assert_int_equal(sys_fcntl(F, bad[i], F_GETFL, 0), -EBADF);
        assert_int_equal(sys_ioctl(F, bad[i], FIONBIO, &len), -EBADF);
        assert_int_equal(sys_dup(F, bad[i]), -EBADF);
        assert_int_equal(sys_close(F, bad[i]), -EBADF);
    }
}

TEST("socket calls on a descriptor that is no socket say ENOTSOCK")
{
    int ep = sys_epoll_create1(F, 0);
    struct sockaddr_in sin = fake_addr(INADDR_LOOPBACK, 1);
    socklen_t len = sizeof(sin);

    assert_int_equal(sys_bind(F, ep, (struct sockaddr *)&sin, len), -ENOTSOCK);
    assert_int_equal(sys_connect(F, ep, (struct sockaddr *)&sin, len), -ENOTSOCK);
    assert_int_equal(sys_listen(F, ep, 1), -ENOTSOCK);
    assert_int_equal(sys_accept4(F, ep, NULL, NULL, 0), -ENOTSOCK);
    assert_int_equal(sys_sendto(F, ep, "x", 1, 0, NULL, 0), -ENOTSOCK);
    assert_int_equal(sys_recvfrom(F, ep, &sin, 1, 0, NULL, NULL), -ENOTSOCK);
    assert_int_equal(sys_getsockopt(F, ep, SOL_SOCKET, SO_TYPE, &len, &len), -ENOTSOCK);
}

/* --- bind, names --- */

TEST("bind() checks length, family and address, and works once")
{
    int fd = fake_socket();
    struct sockaddr_in sin = fake_addr(INADDR_ANY, 80), name;
    struct sockaddr *sa = (struct sockaddr *)&sin;
    socklen_t len = sizeof(name);

    assert_int_equal(sys_bind(F, fd, NULL, sizeof(sin)), -EFAULT);
    assert_int_equal(sys_bind(F, fd, sa, sizeof(sin) - 1), -EINVAL);
    assert_int_equal(sys_bind(F, fd, sa, 1), -EINVAL);
    assert_int_equal(sys_bind(F, fd, sa, 1000), -EINVAL);
    sin.sin_family = AF_INET6;
    assert_int_equal(sys_bind(F, fd, sa, sizeof(sin)), -EAFNOSUPPORT);
    sin = fake_addr(0xc0000201, 80);
    assert_int_equal(sys_bind(F, fd, sa, sizeof(sin)), -EADDRNOTAVAIL);
    sin = fake_addr(INADDR_ANY, 99);
    assert_int_equal(sys_bind(F, fd, sa, sizeof(sin)), -EADDRINUSE);
    sin = fake_addr(INADDR_LOOPBACK, 80);
    assert_int_equal(sys_bind(F, fd, sa, sizeof(sin)), 0);
    assert_int_equal(sys_bind(F, fd, sa, sizeof(sin)), -EINVAL);
    assert_int_equal(sys_getsockname(F, fd, (struct sockaddr *)&name, &len), 0);
    assert_int_equal(len, sizeof(name));
    assert_memory_equal(&name, &sin, sizeof(name));
}

TEST("bind() to AF_UNSPEC with no address means any address")
{
    int fd = fake_socket();
    struct sockaddr_in sin = {.sin_family = AF_UNSPEC, .sin_port = htons(80)};

    assert_int_equal(sys_bind(F, fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
}

TEST("a name is cut to the room there is, and its true length told")
{
    int fd = fake_connected();
    struct sockaddr_in sin;
    socklen_t len = 4;

    memset(&sin, 0x55, sizeof(sin));
    assert_int_equal(sys_getpeername(F, fd, (struct sockaddr *)&sin, &len), 0);
    assert_int_equal(len, sizeof(sin));
    assert_int_equal(sin.sin_family, AF_INET);
    assert_int_equal(sin.sin_port, htons(1));
    assert_int_equal(sin.sin_addr.s_addr, 0x55555555);
    len = (socklen_t)-1;
    assert_int_equal(sys_getpeername(F, fd, (struct sockaddr *)&sin, &len), -EINVAL);
    assert_int_equal(sys_getpeername(F, fd, NULL, &len), -EFAULT);
    assert_int_equal(sys_getpeername(F, fd, (struct sockaddr *)&sin, NULL), -EFAULT);
}

TEST("a socket that is not connected has no peer")
{
    int fd = fake_socket();
    struct sockaddr_in sin;
    socklen_t len = sizeof(sin);

    assert_int_equal(sys_getpeername(F, fd, (struct sockaddr *)&sin, &len), -ENOTCONN);
    fake_nonblocking(fd);
    assert_int_equal(fake_connect_to(fd, 2), -EINPROGRESS);
    assert_int_equal(sys_getpeername(F, fd, (struct sockaddr *)&sin, &len), -ENOTCONN);
}

/* --- connect --- */

TEST("connect() checks its address")
{
    int fd = fake_socket();
    struct sockaddr_in sin = fake_addr(INADDR_LOOPBACK, 1);

    assert_int_equal(sys_connect(F, fd, (struct sockaddr *)&sin, sizeof(sin) - 1), -EINVAL);
    assert_int_equal(sys_connect(F, fd, NULL, sizeof(sin)), -EFAULT);
    sin.sin_family = AF_INET6;
    assert_int_equal(sys_connect(F, fd, (struct sockaddr *)&sin, sizeof(sin)), -EAFNOSUPPORT);
}

TEST("connect() that does not wait: in progress, already, success once, then EISCONN")
{
    int fd = fake_nonblocking(fake_socket());

    assert_int_equal(fake_connect_to(fd, 2), -EINPROGRESS);
    assert_int_equal(fake_connect_to(fd, 2), -EALREADY);
    fake_finish_connect(fd, 0);
    assert_int_equal(fake_connect_to(fd, 2), 0);
    assert_int_equal(fake_connect_to(fd, 2), -EISCONN);
}

TEST("connect() that does not wait tells of the refusal, and the socket can try again")
{
    int fd = fake_nonblocking(fake_socket());

    assert_int_equal(fake_connect_to(fd, 2), -EINPROGRESS);
    fake_finish_connect(fd, ECONNREFUSED);
    assert_int_equal(fake_connect_to(fd, 2), -ECONNREFUSED);
    assert_int_equal(fake_connect_to(fd, 2), -EINPROGRESS);
    fake_finish_connect(fd, ECONNREFUSED);
    int err;
    socklen_t len = sizeof(err);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
    assert_int_equal(err, ECONNREFUSED);
    assert_int_equal(fake_connect_to(fd, 2), -ECONNABORTED);
}

static long connect_slowly(struct job *job)
{
    return fake_connect_to(job->fd, 2);
}

TEST("connect() sleeps until the handshake is over")
{
    struct job job = {.fn = connect_slowly, .fd = fake_socket()};

    job_start(&job);
    assert_false(job.done);
    fake_finish_connect(job.fd, 0);
    host_run();
    assert_true(job.done);
    assert_int_equal(job.result, 0);
}

TEST("connect() sleeps no longer than SO_SNDTIMEO")
{
    struct job job = {.fn = connect_slowly, .fd = fake_socket()};
    struct timeval tv = {.tv_usec = 500000};

    assert_int_equal(sys_setsockopt(F, job.fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
    job_start(&job);
    host_advance_ms(499);
    assert_false(job.done);
    host_advance_ms(2);
    assert_true(job.done);
    assert_int_equal(job.result, -EINPROGRESS);
}

TEST("connect() to AF_UNSPEC takes the connection back")
{
    int fd = fake_connected();
    struct sockaddr sa = {.sa_family = AF_UNSPEC};

    assert_int_equal(sys_connect(F, fd, &sa, sizeof(sa)), 0);
    assert_int_equal(fake_connect_to(fd, 1), 0);
}

TEST("a listening socket does not connect, a connected one does not listen")
{
    int fd = fake_listener();

    assert_int_equal(fake_connect_to(fd, 1), -EISCONN);
    assert_int_equal(sys_listen(F, fake_connected(), 1), -EINVAL);
}

TEST("a datagram socket connects again and again, and neither listens nor accepts")
{
    int fd = sys_socket(F, AF_INET, SOCK_DGRAM, FAKE_DGRAM);

    assert_int_equal(fake_connect_to(fd, 1), 0);
    assert_int_equal(fake_connect_to(fd, 1), 0);
    assert_int_equal(sys_listen(F, fd, 1), -EOPNOTSUPP);
    assert_int_equal(sys_accept4(F, fd, NULL, NULL, 0), -EOPNOTSUPP);
}

/* --- listen, accept --- */

TEST("the backlog is bounded by SOMAXCONN, a negative one too")
{
    int fd = fake_listener();

    assert_int_equal(fake_of(fd)->last_backlog, 5);
    assert_int_equal(sys_listen(F, fd, 1 << 20), 0);
    assert_int_equal(fake_of(fd)->last_backlog, 4096);
    assert_int_equal(sys_listen(F, fd, -1), 0);
    assert_int_equal(fake_of(fd)->last_backlog, 4096);
    assert_int_equal(sys_listen(F, fd, 0), 0);
    assert_int_equal(fake_of(fd)->last_backlog, 0);
}

TEST("accept() gives a new descriptor, the peer's address and the flags asked for")
{
    int fd = fake_listener();
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);

    fake_incoming(fd);
    int conn = sys_accept4(F, fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK);
    assert_int_equal(conn, 1);
    assert_int_equal(len, sizeof(peer));
    assert_int_equal(peer.sin_port, htons(5555));
    assert_int_equal(peer.sin_addr.s_addr, htonl(0x0a000002));
    assert_int_equal(sys_fcntl(F, conn, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    assert_ptr_equal(fake_of(conn)->sk.sk_socket, fget(F, conn)->private);
    assert_int_equal(fake_connect_to(conn, 1), -EISCONN);
}

TEST("accept() refuses what is not listening, unknown flags and a missing length")
{
    int fd = fake_listener();
    struct sockaddr_in peer;

    assert_int_equal(sys_accept4(F, fake_socket(), NULL, NULL, 0), -EINVAL);
    assert_int_equal(sys_accept4(F, fd, NULL, NULL, 1), -EINVAL);
    assert_int_equal(sys_accept4(F, fd, (struct sockaddr *)&peer, NULL, 0), -EFAULT);
    assert_int_equal(F->open_count, 2);
}

TEST("accept() that does not wait says EAGAIN without an allocation")
{
    int fd = fake_nonblocking(fake_listener());

    host_fail_allocation(1);
    assert_int_equal(sys_accept4(F, fd, NULL, NULL, 0), -EAGAIN);
    assert_false(host_allocation_failed());
}

static long accept_one(struct job *job)
{
    return sys_accept4(F, job->fd, NULL, NULL, 0);
}

TEST("accept() sleeps until a connection comes, and every sleeper gets its own")
{
    int fd = fake_listener();
    struct job a = {.fn = accept_one, .fd = fd}, b = {.fn = accept_one, .fd = fd};

    job_start(&a);
    job_start(&b);
    assert_false(a.done || b.done);
    fake_incoming(fd);
    host_run();
    assert_true(a.done != b.done);
    fake_incoming(fd);
    host_run();
    assert_true(a.done && b.done);
    assert_true(a.result > 0 && b.result > 0 && a.result != b.result);
}

TEST("without memory or descriptors the connection stays in the queue")
{
    int fd = fake_listener();

    fake_incoming(fd);
    host_fail_allocation(1);
    assert_int_equal(sys_accept4(F, fd, NULL, NULL, 0), -ENOMEM);
    assert_true(host_allocation_failed());
    while (sys_dup(F, fd) >= 0)
        ;
    assert_int_equal(sys_accept4(F, fd, NULL, NULL, 0), -EMFILE);
    assert_int_equal(fake_of(fd)->pending_count, 1);
    assert_int_equal(sys_close(F, 100), 0);
    assert_int_equal(sys_accept4(F, fd, NULL, NULL, 0), 100);
}

TEST("a listener that is shut down wakes who sleeps in accept()")
{
    struct job job = {.fn = accept_one, .fd = fake_listener()};

    job_start(&job);
    assert_int_equal(sys_shutdown(F, job.fd, SHUT_RD), 0);
    host_run();
    assert_true(job.done);
    assert_int_equal(job.result, -EINVAL);
}

/* --- data --- */

TEST("data goes through send(), write() and writev(), and back through recv(), read() and readv()")
{
    int fd = fake_connected();
    char buf[8] = "", more[8] = "";
    struct iovec out[] = {{.iov_base = "de", .iov_len = 2}, {.iov_len = 0}, {.iov_base = "fg", .iov_len = 2}};
    struct iovec in[] = {{.iov_base = buf, .iov_len = 2}, {.iov_base = more, .iov_len = 4}};

    assert_int_equal(sys_sendto(F, fd, "abc", 3, MSG_NOSIGNAL, NULL, 0), 3);
    assert_int_equal(sys_writev(F, fd, out, 3), 4);
    assert_int_equal(fake_of(fd)->out_len, 7);
    assert_memory_equal(fake_of(fd)->out, "abcdefg", 7);
    fake_arrive(fd, "123456789");
    assert_int_equal(sys_recvfrom(F, fd, buf, 3, 0, NULL, NULL), 3);
    assert_memory_equal(buf, "123", 3);
    assert_int_equal(sys_readv(F, fd, in, 2), 6);
    assert_memory_equal(buf, "45", 2);
    assert_memory_equal(more, "6789", 4);
}

TEST("O_NONBLOCK reaches the transport as MSG_DONTWAIT")
{
    int fd = fake_connected();
    char c;

    fake_arrive(fd, "ab");
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, MSG_PEEK, NULL, NULL), 1);
    assert_int_equal(fake_of(fd)->last_flags, MSG_PEEK);
    fake_nonblocking(fd);
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, 0, NULL, NULL), 1);
    assert_int_equal(fake_of(fd)->last_flags, MSG_DONTWAIT);
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, 0, NULL, NULL), -EAGAIN);
    assert_int_equal(sys_sendto(F, fd, "x", 1, MSG_MORE, NULL, 0), 1);
    assert_int_equal(fake_of(fd)->last_flags, MSG_DONTWAIT | MSG_MORE);
}

TEST("null pointers and impossible lengths are refused")
{
    int fd = fake_connected();
    struct iovec big[2] = {{.iov_base = wild, .iov_len = SIZE_MAX / 2}, {.iov_base = wild, .iov_len = 2}};
    struct iovec null = {.iov_base = NULL, .iov_len = 1};
    struct msghdr hdr = {.msg_iov = big, .msg_iovlen = UIO_MAXIOV + 1};
    struct sockaddr_in sin;
    char c;

    assert_int_equal(sys_sendto(F, fd, NULL, 1, 0, NULL, 0), -EFAULT);
    assert_int_equal(sys_recvfrom(F, fd, NULL, 1, 0, NULL, NULL), -EFAULT);
    assert_int_equal(sys_recvfrom(F, fd, &c, 1, 0, (struct sockaddr *)&sin, NULL), -EFAULT);
    assert_int_equal(sys_sendto(F, fd, "x", 1, 0, (struct sockaddr *)&sin, 1000), -EINVAL);
    assert_int_equal(sys_sendmsg(F, fd, NULL, 0), -EFAULT);
    assert_int_equal(sys_recvmsg(F, fd, NULL, 0), -EFAULT);
    assert_int_equal(sys_sendmsg(F, fd, &hdr, 0), -EMSGSIZE);
    hdr.msg_iovlen = 2;
    assert_int_equal(sys_sendmsg(F, fd, &hdr, 0), -EINVAL);
    hdr = (struct msghdr){.msg_control = NULL, .msg_controllen = 8};
    assert_int_equal(sys_sendmsg(F, fd, &hdr, 0), -EFAULT);
    assert_int_equal(sys_writev(F, fd, &null, 1), -EFAULT);
    assert_int_equal(sys_writev(F, fd, NULL, 1), -EFAULT);
    assert_int_equal(sys_writev(F, fd, &null, -1), -EINVAL);
    assert_int_equal(sys_readv(F, fd, &null, UIO_MAXIOV + 1), -EINVAL);
    assert_int_equal(fake_of(fd)->out_len, 0);
}

TEST("recvmsg() fills in who sent it and what became of the control data")
{
    int fd = fake_connected();
    char a[2], b[8], control[32];
    struct iovec iov[] = {{.iov_base = a, .iov_len = 2}, {.iov_base = b, .iov_len = 8}};
    struct sockaddr_in from;
    struct msghdr hdr = {.msg_name = &from,
                         .msg_namelen = sizeof(from),
                         .msg_iov = iov,
                         .msg_iovlen = 2,
                         .msg_control = control,
                         .msg_controllen = sizeof(control),
                         .msg_flags = -1};

    fake_arrive(fd, "hello");
    assert_int_equal(sys_recvmsg(F, fd, &hdr, 0), 5);
    assert_memory_equal(a, "he", 2);
    assert_memory_equal(b, "llo", 3);
    assert_int_equal(hdr.msg_namelen, sizeof(from));
    assert_int_equal(from.sin_port, htons(7));
    assert_int_equal(hdr.msg_flags, 0);
}

TEST("recvfrom() tells the sender")
{
    int fd = fake_connected();
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    char c[4];

    fake_arrive(fd, "abcd");
    assert_int_equal(sys_recvfrom(F, fd, c, 4, 0, (struct sockaddr *)&from, &len), 4);
    assert_int_equal(len, sizeof(from));
    assert_int_equal(from.sin_port, htons(7));
}

TEST("reading nothing from a socket does not wait")
{
    assert_int_equal(sys_readv(F, fake_connected(), NULL, 0), 0);
}

TEST("a broken pipe is EPIPE, and nothing else happens")
{
    int fd = fake_connected();

    assert_int_equal(sys_shutdown(F, fd, SHUT_WR), 0);
    assert_int_equal(sys_sendto(F, fd, "x", 1, 0, NULL, 0), -EPIPE);
}

static long recv_one(struct job *job)
{
    char c;

    return sys_recvfrom(F, job->fd, &c, 1, 0, NULL, NULL);
}

TEST("recv() sleeps until data comes")
{
    struct job job = {.fn = recv_one, .fd = fake_connected()};

    job_start(&job);
    host_advance_ms(1000000);
    assert_false(job.done);
    fake_arrive(job.fd, "x");
    host_run();
    assert_true(job.done);
    assert_int_equal(job.result, 1);
}

TEST("recv() sleeps no longer than SO_RCVTIMEO")
{
    struct job job = {.fn = recv_one, .fd = fake_connected()};
    struct timeval tv = {.tv_sec = 1, .tv_usec = 1};

    assert_int_equal(sys_setsockopt(F, job.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    job_start(&job);
    host_advance_ms(1000);
    assert_false(job.done);
    host_advance_ms(1);
    assert_true(job.done);
    assert_int_equal(job.result, -EAGAIN);
}

TEST("a descriptor closed under a sleeper: the socket lives until the sleeper has gone")
{
    struct job job = {.fn = recv_one, .fd = fake_connected()};
    struct fake_sock *f = fake_of(job.fd);

    job_start(&job);
    assert_int_equal(sys_close(F, job.fd), 0);
    assert_int_equal(fake.closed, 0);
    assert_int_equal(fake_socket(), job.fd);
    fake_arrive_at(f, "x");
    host_run();
    assert_true(job.done);
    assert_int_equal(job.result, 1);
    assert_int_equal(fake.closed, 1);
}

TEST("a second descriptor keeps the socket open")
{
    int fd = fake_connected(), copy = sys_dup(F, fd), high = sys_fcntl(F, fd, F_DUPFD, 1000);

    assert_int_equal(copy, 1);
    assert_int_equal(high, 1000);
    assert_int_equal(sys_close(F, fd), 0);
    assert_int_equal(sys_close(F, copy), 0);
    assert_int_equal(sys_sendto(F, high, "x", 1, 0, NULL, 0), 1);
    assert_int_equal(fake.closed, 0);
    assert_int_equal(sys_close(F, high), 0);
    assert_int_equal(fake.closed, 1);
}

TEST("shutdown() checks its argument and the state")
{
    int fd = fake_socket(), dgram = sys_socket(F, AF_INET, SOCK_DGRAM, FAKE_DGRAM);

    assert_int_equal(sys_shutdown(F, fd, 3), -EINVAL);
    assert_int_equal(sys_shutdown(F, fd, -1), -EINVAL);
    assert_int_equal(sys_shutdown(F, fd, SHUT_RD), -ENOTCONN);
    assert_int_equal(sys_shutdown(F, dgram, SHUT_RD), -ENOTCONN);
    assert_int_equal(fake_of(dgram)->sk.sk_shutdown, RCV_SHUTDOWN);
    fd = fake_connected();
    assert_int_equal(sys_shutdown(F, fd, SHUT_RDWR), 0);
    assert_int_equal(fake_of(fd)->sk.sk_shutdown, SHUTDOWN_MASK);
    fd = fake_listener();
    assert_int_equal(sys_shutdown(F, fd, SHUT_WR), 0);
    assert_int_equal(fake_of(fd)->sk.sk_state, TCP_LISTEN);
}

TEST("shutdown() of a datagram socket wakes its sleeper although it was never connected")
{
    struct job job = {.fn = recv_one, .fd = sys_socket(F, AF_INET, SOCK_DGRAM, FAKE_DGRAM)};

    job_start(&job);
    assert_int_equal(sys_shutdown(F, job.fd, SHUT_RD), -ENOTCONN);
    host_run();
    assert_true(job.done);
    assert_int_equal(job.result, 0);
}

/* --- options --- */

static int get_opt(int fd, int level, int name)
{
    int value = -12345;
    socklen_t len = sizeof(value);

    assert_int_equal(sys_getsockopt(F, fd, level, name, &value, &len), 0);
    assert_int_equal(len, sizeof(value));
    return value;
}

static int set_opt(int fd, int level, int name, int value)
{
    return sys_setsockopt(F, fd, level, name, &value, sizeof(value));
}

TEST("switches are kept as 0 and 1")
{
    const int names[] = {SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_BROADCAST};
    int fd = fake_socket();

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_int_equal(get_opt(fd, SOL_SOCKET, names[i]), 0);
        assert_int_equal(set_opt(fd, SOL_SOCKET, names[i], 17), 0);
        assert_int_equal(get_opt(fd, SOL_SOCKET, names[i]), 1);
        assert_int_equal(set_opt(fd, SOL_SOCKET, names[i], 0), 0);
        assert_int_equal(get_opt(fd, SOL_SOCKET, names[i]), 0);
    }
}

TEST("buffer sizes are doubled, within Linux's limits")
{
    int fd = fake_socket();

    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVBUF, 10000), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVBUF), 20000);
    assert_true(fake_of(fd)->sk.sk_rcvbuf_locked);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVBUF, 1), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVBUF), SOCK_MIN_RCVBUF);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVBUF, -1), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVBUF), 2 * 212992);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1000000), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVBUF), 2000000);
    assert_false(fake_of(fd)->sk.sk_sndbuf_locked);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_SNDBUF, 1), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_SNDBUF), SOCK_MIN_SNDBUF);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_SNDBUF, 1 << 30), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_SNDBUF), 2 * 212992);
}

TEST("SO_MAX_PACING_RATE is 32 or 64 bits wide, and all ones is no bound")
{
    int fd = fake_socket();
    uint64_t rate = 5000000000u;
    socklen_t len = sizeof(rate);

    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE), -1);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE), -1);
    rate = 0;
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len), 0);
    assert_int_equal(len, sizeof(rate));
    assert_int_equal(rate, 5000000000u);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, 100000), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE), 100000);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, -1), 0);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len), 0);
    assert_true(rate == UINT64_MAX);
}

TEST("a socket tells what it is")
{
    int fd = fake_socket(), listener = fake_listener();

    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_PROTOCOL), FAKE_STREAM);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    assert_int_equal(get_opt(listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_TYPE, 1), -ENOPROTOOPT);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_ERROR, 1), -ENOPROTOOPT);
    assert_int_equal(set_opt(fd, SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
}

TEST("SO_ERROR is told once, a soft error only when there is no other")
{
    int fd = fake_socket();

    fake_of(fd)->sk.sk_err = ECONNRESET;
    fake_of(fd)->sk.sk_err_soft = EHOSTUNREACH;
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_ERROR), ECONNRESET);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_ERROR), EHOSTUNREACH);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_ERROR), 0);
}

TEST("SO_LINGER keeps seconds")
{
    int fd = fake_socket();
    struct linger linger = {.l_onoff = 5, .l_linger = 7};
    socklen_t len = sizeof(linger);

    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger) - 1), -EINVAL);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    assert_int_equal(fake_of(fd)->sk.sk_lingertime_ms, 7000);
    memset(&linger, 0, sizeof(linger));
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_LINGER, &linger, &len), 0);
    assert_int_equal(linger.l_onoff, 1);
    assert_int_equal(linger.l_linger, 7);
}

TEST("timeouts: microseconds round up, nothing is for ever, nonsense is EDOM")
{
    int fd = fake_socket();
    struct timeval tv = {.tv_sec = 2, .tv_usec = 1500};
    socklen_t len = sizeof(tv);

    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len), 0);
    assert_int_equal(tv.tv_sec, 2);
    assert_int_equal(tv.tv_usec, 2000);
    tv.tv_usec = 1000000;
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), -EDOM);
    tv = (struct timeval){.tv_sec = -1};
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    assert_int_equal(fake_of(fd)->sk.sk_rcvtimeo_ms, 0);
    tv = (struct timeval){.tv_sec = 0};
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
    assert_true(fake_of(fd)->sk.sk_rcvtimeo_ms == WAIT_FOREVER);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_SNDTIMEO, &tv, 8), -EINVAL);
}

TEST("SO_RCVLOWAT of nothing is one, and a lower one wakes the reader")
{
    int fd = fake_socket();

    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVLOWAT, 0), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVLOWAT), 1);
    assert_int_equal(set_opt(fd, SOL_SOCKET, SO_RCVLOWAT, 512), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_RCVLOWAT), 512);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_SNDLOWAT), 1);
}

TEST("SO_BINDTODEVICE takes a name, gives it back, and forgets it for an empty one")
{
    int fd = fake_socket();
    char name[IFNAMSIZ];
    socklen_t len = sizeof(name);

    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, "nix9", 5), -ENODEV);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), 0);
    assert_int_equal(get_opt(fd, SOL_SOCKET, SO_BINDTOIFINDEX), fake.net->loopback_dev->ifindex);
    len = sizeof(name);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
    assert_string_equal(name, "lo");
    assert_int_equal(len, 3);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0), 0);
    assert_int_equal(fake_of(fd)->sk.sk_bound_dev_if, 0);
}

TEST("options have lengths: too short is EINVAL, too long is cut")
{
    int fd = fake_socket(), value = 1;
    int64_t wide = -1;
    socklen_t len = sizeof(wide);

    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_REUSEADDR, &value, 3), -EINVAL);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4), -EFAULT);
    assert_int_equal(sys_setsockopt(F, fd, SOL_SOCKET, SO_REUSEADDR, &value, (socklen_t)-1), -EINVAL);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, &wide, &len), 0);
    assert_int_equal(len, 4);
    assert_true(wide == (int64_t)0xffffffff00000001);
    len = 1;
    value = 0x7f7f7f7f;
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, &value, &len), 0);
    assert_int_equal(value, 0x7f7f7f01);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, &value, NULL), -EFAULT);
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, NULL, &len), -EFAULT);
    len = (socklen_t)-4;
    assert_int_equal(sys_getsockopt(F, fd, SOL_SOCKET, SO_TYPE, &value, &len), -EINVAL);
}

TEST("options of IP: time to live, type of service, path MTU discovery")
{
    int fd = fake_socket(), dgram = sys_socket(F, AF_INET, SOCK_DGRAM, FAKE_DGRAM);
    uint8_t byte = 9;

    assert_int_equal(get_opt(fd, SOL_IP, IP_TTL), 64);
    assert_int_equal(set_opt(fd, SOL_IP, IP_TTL, 0), -EINVAL);
    assert_int_equal(set_opt(fd, SOL_IP, IP_TTL, 256), -EINVAL);
    assert_int_equal(sys_setsockopt(F, fd, SOL_IP, IP_TTL, &byte, 1), 0);
    assert_int_equal(get_opt(fd, SOL_IP, IP_TTL), 9);
    assert_int_equal(set_opt(fd, SOL_IP, IP_TTL, -1), 0);
    assert_int_equal(get_opt(fd, SOL_IP, IP_TTL), 64);
    assert_int_equal(set_opt(fd, SOL_IP, IP_TOS, 0xb9), 0);
    assert_int_equal(get_opt(fd, SOL_IP, IP_TOS), 0xb8);
    assert_int_equal(set_opt(dgram, SOL_IP, IP_TOS, 0xb9), 0);
    assert_int_equal(get_opt(dgram, SOL_IP, IP_TOS), 0xb9);
    assert_int_equal(set_opt(fd, SOL_IP, IP_MULTICAST_TTL, 3), -EINVAL);
    assert_int_equal(set_opt(dgram, SOL_IP, IP_MULTICAST_TTL, 3), 0);
    assert_int_equal(get_opt(dgram, SOL_IP, IP_MULTICAST_TTL), 3);
    assert_int_equal(set_opt(dgram, SOL_IP, IP_PKTINFO, 1), 0);
    assert_int_equal(get_opt(dgram, SOL_IP, IP_PKTINFO), 1);
    assert_int_equal(set_opt(fd, SOL_IP, IP_MTU_DISCOVER, 6), -EINVAL);
    assert_int_equal(set_opt(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO), 0);
    assert_int_equal(get_opt(fd, SOL_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DO);
    assert_int_equal(set_opt(fd, SOL_IP, 999, 1), -ENOPROTOOPT);
    assert_int_equal(sys_setsockopt(F, fd, SOL_IP, IP_TTL, NULL, 0), -EINVAL);
}

TEST("IP_MTU without a route is ENOTCONN")
{
    int value;
    socklen_t len = sizeof(value);

    assert_int_equal(sys_getsockopt(F, fake_socket(), SOL_IP, IP_MTU, &value, &len), -ENOTCONN);
}

TEST("a level nobody knows is ENOPROTOOPT")
{
    assert_int_equal(set_opt(fake_socket(), IPPROTO_TCP, 1, 1), -ENOPROTOOPT);
    assert_int_equal(set_opt(fake_socket(), 4711, 1, 1), -ENOPROTOOPT);
}

/* --- ioctl --- */

TEST("FIONBIO and FIONREAD")
{
    int fd = fake_connected(), on = 1, n = -1;

    assert_int_equal(sys_ioctl(F, fd, FIONBIO, &on), 0);
    assert_int_equal(sys_fcntl(F, fd, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    fake_arrive(fd, "abc");
    assert_int_equal(sys_ioctl(F, fd, FIONREAD, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(sys_ioctl(F, fd, FIONREAD, NULL), -EFAULT);
    assert_int_equal(sys_ioctl(F, fd, FIONBIO, NULL), -EFAULT);
    assert_int_equal(sys_ioctl(F, fd, 0x1234, &n), -ENOTTY);
}

TEST("the loopback device by name, by index, with flags, MTU and hardware type")
{
    int fd = fake_socket();
    struct ifreq ifr = {.ifr_name = "lo"};

    assert_int_equal(sys_ioctl(F, fd, SIOCGIFINDEX, &ifr), 0);
    int index = ifr.ifr_ifindex;
    memset(ifr.ifr_name, 0, sizeof(ifr.ifr_name));
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFNAME, &ifr), 0);
    assert_string_equal(ifr.ifr_name, "lo");
    assert_int_equal(ifr.ifr_ifindex, index);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFFLAGS, &ifr), 0);
    assert_true(ifr.ifr_flags & IFF_LOOPBACK);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFMTU, &ifr), 0);
    assert_int_equal(ifr.ifr_mtu, fake.net->loopback_dev->mtu);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFHWADDR, &ifr), 0);
    assert_int_equal(ifr.ifr_hwaddr.sa_family, ARPHRD_LOOPBACK);
    memset(ifr.ifr_name, 'x', sizeof(ifr.ifr_name));
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFINDEX, &ifr), -ENODEV);
    ifr.ifr_ifindex = 77;
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFNAME, &ifr), -ENODEV);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFINDEX, NULL), -EFAULT);
}

static uint32_t ifr_address(const struct ifreq *ifr)
{
    return ntohl(((const struct sockaddr_in *)&ifr->ifr_addr)->sin_addr.s_addr);
}

static int ifr_ioctl(int fd, unsigned long cmd, uint32_t *addr)
{
    struct sockaddr_in sin = fake_addr(*addr, 0);
    struct ifreq ifr = {.ifr_name = "lo"};

    memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
    int err = sys_ioctl(F, fd, cmd, &ifr);
    *addr = ifr_address(&ifr);
    return err;
}

TEST("an address is set with its class's mask, then with another, then taken away")
{
    int fd = fake_socket();
    uint32_t addr = 0x0a010203, mask = 0xffffff00, holes = 0xff00ff00, none = 0;

    assert_int_equal(ifr_ioctl(fd, SIOCSIFADDR, &addr), 0);
    addr = 0;
    assert_int_equal(ifr_ioctl(fd, SIOCGIFADDR, &addr), 0);
    assert_int_equal(addr, 0x0a010203);
    assert_int_equal(ifr_ioctl(fd, SIOCGIFNETMASK, &addr), 0);
    assert_int_equal(addr, 0xff000000);
    assert_int_equal(ifr_ioctl(fd, SIOCSIFNETMASK, &holes), -EINVAL);
    assert_int_equal(ifr_ioctl(fd, SIOCSIFNETMASK, &mask), 0);
    assert_int_equal(ifr_ioctl(fd, SIOCGIFBRDADDR, &addr), 0);
    assert_int_equal(addr, 0x0a0102ff);
    addr = 0xe0000001;
    assert_int_equal(ifr_ioctl(fd, SIOCSIFADDR, &addr), -EINVAL);
    assert_int_equal(ifr_ioctl(fd, SIOCGIFADDR, &addr), 0);
    assert_int_equal(addr, 0x0a010203);
    assert_int_equal(ifr_ioctl(fd, SIOCSIFADDR, &none), 0);
    assert_int_equal(ifr_ioctl(fd, SIOCGIFADDR, &addr), -EADDRNOTAVAIL);
    assert_int_equal(ifr_ioctl(fd, SIOCSIFNETMASK, &mask), -EADDRNOTAVAIL);
}

TEST("SIOCGIFCONF lists who has an address, and first says how long the list is")
{
    int fd = fake_socket();
    uint32_t addr = 0x0a010203;
    struct ifreq list[2];
    struct ifconf ifc = {.ifc_len = 0};

    assert_int_equal(ifr_ioctl(fd, SIOCSIFADDR, &addr), 0);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFCONF, &ifc), 0);
    assert_int_equal(ifc.ifc_len, sizeof(struct ifreq));
    ifc.ifc_req = list;
    ifc.ifc_len = sizeof(list);
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFCONF, &ifc), 0);
    assert_int_equal(ifc.ifc_len, sizeof(struct ifreq));
    assert_string_equal(list[0].ifr_name, "lo");
    assert_int_equal(ifr_address(&list[0]), 0x0a010203);
    ifc.ifc_len = sizeof(struct ifreq) - 1;
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFCONF, &ifc), 0);
    assert_int_equal(ifc.ifc_len, 0);
}

TEST("a device goes down and up again by its flags")
{
    int fd = fake_socket();
    struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = 0};

    assert_int_equal(sys_ioctl(F, fd, SIOCSIFFLAGS, &ifr), 0);
    assert_false(netif_running(fake.net->loopback_dev));
    ifr.ifr_flags = IFF_UP;
    assert_int_equal(sys_ioctl(F, fd, SIOCSIFFLAGS, &ifr), 0);
    assert_true(netif_running(fake.net->loopback_dev));
    assert_int_equal(sys_ioctl(F, fd, SIOCGIFFLAGS, &ifr), 0);
    assert_true(ifr.ifr_flags & IFF_UP);
}

static void put_sin(struct sockaddr *sa, uint32_t addr)
{
    struct sockaddr_in sin = fake_addr(addr, 0);

    memcpy(sa, &sin, sizeof(sin));
}

TEST("routes are added and removed, wrong ones refused")
{
    int fd = fake_socket();
    struct rtentry rt = {.rt_flags = RTF_UP, .rt_dev = "lo"};

    put_sin(&rt.rt_dst, 0x0b000000);
    put_sin(&rt.rt_genmask, 0xff000000);
    put_sin(&rt.rt_gateway, 0);
    assert_int_equal(sys_ioctl(F, fd, SIOCDELRT, &rt), -ESRCH);
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), 0);
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -EEXIST);
    assert_int_equal(sys_ioctl(F, fd, SIOCDELRT, &rt), 0);
    rt.rt_dev = "nix9";
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -ENODEV);
    rt.rt_dev = NULL;
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -ENODEV);
    put_sin(&rt.rt_genmask, 0xff00ff00);
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -EINVAL);
    rt.rt_flags |= RTF_HOST | RTF_REJECT;
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), 0);
    assert_int_equal(sys_ioctl(F, fd, SIOCDELRT, &rt), 0);
    rt.rt_flags = RTF_UP | RTF_GATEWAY | RTF_HOST;
    put_sin(&rt.rt_gateway, 0xc0000201);
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -ENETUNREACH);
    rt.rt_dst.sa_family = AF_INET6;
    assert_int_equal(sys_ioctl(F, fd, SIOCADDRT, &rt), -EAFNOSUPPORT);
}

/* --- memory --- */

TEST("socket() survives every allocation that fails, and leaves nothing behind")
{
    size_t objects = host_objects_alive();
    int n, fd = -1;

    for (n = 1; fd < 0; n++) {
        host_fail_allocation((unsigned)n);
        fd = sys_socket(F, AF_INET, SOCK_STREAM, FAKE_STREAM);
        if (fd < 0) {
            assert_int_equal(fd, -ENOMEM);
            assert_int_equal(host_objects_alive(), objects);
        }
    }
    assert_int_equal(n, 5); /* struct socket, struct sock, the table; then it works */
}

TEST("inet_init() survives every allocation that fails, and undoes what it did")
{
    struct net *net = net_create("second");
    size_t objects = host_objects_alive();
    int err = -1;

    assert_non_null(net);
    for (unsigned n = 1; err; n++) {
        host_fail_allocation(n);
        err = inet_init(net);
        if (err) {
            dev_close(net->loopback_dev);
            assert_int_equal(err, -ENOMEM);
            assert_int_equal(host_objects_alive(), objects);
        }
    }
    inet_exit(net);
    net_destroy(net);
}

TEST_FIXTURE(fake_start, fake_end)
