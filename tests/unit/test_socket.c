/*
 * test_socket.c - socket(), names, connect(), listen() and accept() over a transport that does as it is told:
 * every call's success and its errors.
 */
#include "tests/unit/socket_job.h"

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
