/*
 * test_socket_data.c - sending, receiving, shutdown() and close() on a socket over a transport that does as
 * it is told.
 */
#include "tests/unit/socket_job.h"

static void *const wild = (void *)16; /* never looked at */

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

TEST_FIXTURE(fake_start, fake_end)
