/*
 * test_posix_calls.c - the calls of <sys/socket.h> and <unistd.h> as a task uses them, and skiff/system.h:
 * results, errno, and whose descriptors they work on. What the calls do is tested in test_socket.c and its
 * neighbours.
 */
#include "tests/unit/fake_transport.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "kernel/cmdline.h"
#include "libc/include/skiff/system.h"

/* The names our libc's calls have beside glibc's. */
int *inside___errno_location(void);
int inside_socket(int family, int type, int protocol);
int inside_bind(int fd, const struct sockaddr *addr, socklen_t len);
int inside_listen(int fd, int backlog);
int inside_accept(int fd, struct sockaddr *addr, socklen_t *len);
int inside_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int inside_connect(int fd, const struct sockaddr *addr, socklen_t len);
int inside_shutdown(int fd, int how);
int inside_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int inside_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int inside_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int inside_getsockopt(int fd, int level, int option, void *value, socklen_t *len);
ssize_t inside_send(int fd, const void *buf, size_t len, int flags);
ssize_t inside_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t n);
ssize_t inside_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t inside_recv(int fd, void *buf, size_t len, int flags);
ssize_t inside_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *n);
ssize_t inside_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t inside_read(int fd, void *buf, size_t len);
ssize_t inside_write(int fd, const void *buf, size_t len);
ssize_t inside_readv(int fd, const struct iovec *iov, int count);
ssize_t inside_writev(int fd, const struct iovec *iov, int count);
ssize_t inside_pread(int fd, void *buf, size_t len, off_t offset);
off_t inside_lseek(int fd, off_t offset, int whence);
int inside_close(int fd);
int inside_dup(int fd);
int inside_fcntl(int fd, int command, ...);
int inside_ioctl(int fd, unsigned long request, ...);
int inside_open(const char *path, int flags, ...);
int inside_stat(const char *path, struct stat *out);
int inside_fstat(int fd, struct stat *out);
ssize_t inside_sendfile(int out_fd, int in_fd, off_t *offset, size_t count);
int inside_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int inside_epoll_create(int size);
int inside_epoll_create1(int flags);
int inside_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event);
int inside_epoll_wait(int epfd, struct epoll_event *events, int max_events, int timeout_ms);

/*
 * The body of a test runs in a task, from which cmocka's assertions cannot jump: it keeps the first thing
 * that is wrong, and the test looks at that afterwards.
 */
static char wrong[200];

#define expect(value, wanted)                                                                                \
    do {                                                                                                     \
        long value_ = (long)(value), wanted_ = (long)(wanted);                                               \
        if (value_ != wanted_ && !wrong[0])                                                                  \
            snprintf(wrong, sizeof(wrong), "line %d: %s is %ld, not %ld", __LINE__, #value, value_,          \
                     wanted_);                                                                               \
    } while (0)

#define expect_errno(call, number)                                                                           \
    do {                                                                                                     \
        *inside___errno_location() = 0;                                                                      \
        expect(call, -1);                                                                                    \
        expect(*inside___errno_location(), number);                                                          \
    } while (0)

static bool task_ended;

static void run_body(void *arg)
{
    ((void (*)(void))arg)();
    task_ended = true;
}

static void in_task(void (*body)(void))
{
    wrong[0] = '\0';
    task_ended = false;
    assert_non_null(task_create("body", run_body, (void *)body, fake.files));
    host_run();
    assert_string_equal(wrong, "");
    assert_true(task_ended);
}

static int new_socket(void)
{
    return inside_socket(AF_INET, SOCK_STREAM, FAKE_STREAM);
}

static int new_connected(void)
{
    struct sockaddr_in sin = fake_addr(INADDR_LOOPBACK, 1);
    int fd = new_socket();

    expect(inside_connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    return fd;
}

static void failing_calls(void)
{
    struct sockaddr_in sin = fake_addr(INADDR_LOOPBACK, 1);
    struct sockaddr *sa = (struct sockaddr *)&sin;
    struct iovec iov = {.iov_base = &sin, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct epoll_event event = {.events = 0};
    struct pollfd pfd = {.fd = 0};
    struct stat st;
    socklen_t len = sizeof(sin);
    char c = 0;

    expect_errno(inside_socket(AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
    expect_errno(inside_bind(7, sa, len), EBADF);
    expect_errno(inside_listen(7, 1), EBADF);
    expect_errno(inside_accept(7, NULL, NULL), EBADF);
    expect_errno(inside_accept4(7, NULL, NULL, 1), EINVAL);
    expect_errno(inside_connect(7, sa, len), EBADF);
    expect_errno(inside_shutdown(7, SHUT_RD), EBADF);
    expect_errno(inside_getsockname(7, sa, &len), EBADF);
    expect_errno(inside_getpeername(7, sa, &len), EBADF);
    expect_errno(inside_setsockopt(7, SOL_SOCKET, SO_REUSEADDR, &len, 4), EBADF);
    expect_errno(inside_getsockopt(7, SOL_SOCKET, SO_REUSEADDR, &c, &len), EBADF);
    expect_errno(inside_send(7, &c, 1, 0), EBADF);
    expect_errno(inside_sendto(7, &c, 1, 0, NULL, 0), EBADF);
    expect_errno(inside_sendmsg(7, &msg, 0), EBADF);
    expect_errno(inside_recv(7, &c, 1, 0), EBADF);
    expect_errno(inside_recvfrom(7, &c, 1, 0, NULL, NULL), EBADF);
    expect_errno(inside_recvmsg(7, &msg, 0), EBADF);
    expect_errno(inside_read(7, &c, 1), EBADF);
    expect_errno(inside_write(7, &c, 1), EBADF);
    expect_errno(inside_readv(7, &iov, 1), EBADF);
    expect_errno(inside_writev(7, &iov, 1), EBADF);
    expect_errno(inside_pread(7, &c, 1, 0), EBADF);
    expect_errno(inside_lseek(7, 0, 0), EBADF);
    expect_errno(inside_close(7), EBADF);
    expect_errno(inside_dup(7), EBADF);
    expect_errno(inside_fcntl(7, F_GETFL), EBADF);
    expect_errno(inside_ioctl(7, FIONBIO, &c), EBADF);
    expect_errno(inside_open("/nix", O_RDONLY), ENOENT);
    expect_errno(inside_stat("/nix", &st), ENOENT);
    expect_errno(inside_fstat(7, &st), EBADF);
    expect_errno(inside_sendfile(7, 7, NULL, 1), EBADF);
    expect_errno(inside_poll(&pfd, FILES_MAX + 1, 0), EINVAL);
    expect_errno(inside_epoll_create(0), EINVAL);
    expect_errno(inside_epoll_create1(1), EINVAL);
    expect_errno(inside_epoll_ctl(7, EPOLL_CTL_ADD, 8, &event), EBADF);
    expect_errno(inside_epoll_wait(7, &event, 1, 0), EBADF);
}

TEST("a call that fails returns -1 and puts the reason into errno")
{
    in_task(failing_calls);
}

static void succeeding_calls(void)
{
    int fd = new_connected(), ep = inside_epoll_create(1), n = 0;
    struct epoll_event event = {.events = EPOLLOUT};
    struct pollfd pfd = {.fd = fd, .events = POLLOUT};
    struct iovec iov = {.iov_base = "efg", .iov_len = 3};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    *inside___errno_location() = 77;
    expect(inside_send(fd, "ab", 2, 0), 2);
    expect(inside_write(fd, "cd", 2), 2);
    expect(inside_sendmsg(fd, &msg, 0), 3);
    expect(inside_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &fd, sizeof(fd)), 0);
    expect(inside_fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    expect(inside_fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
    expect(inside_fcntl(fd, F_DUPFD, 100), 100);
    expect(inside_ioctl(fd, FIONREAD, &n), 0);
    expect(inside_poll(&pfd, 1, -1), 1);
    expect(inside_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event), 0);
    expect(inside_epoll_wait(ep, &event, 1, -1), 1);
    expect(*inside___errno_location(), 77);
    expect_errno(inside_recv(fd, &n, 1, 0), EAGAIN);
    expect(inside_close(ep), 0);
    expect(inside_close(100), 0);
}

TEST("a call that succeeds leaves errno alone")
{
    in_task(succeeding_calls);
    assert_memory_equal(fake_of(0)->out, "abcdefg", 7);
}

static int first_fd, second_errno;

static void sleeping_reader(void *arg)
{
    char c;

    *inside___errno_location() = 11;
    inside_recv(first_fd, &c, 1, 0);
    second_errno = *inside___errno_location();
}

static void write_errno(void)
{
    *inside___errno_location() = 22;
}

TEST("every task has its own errno, and shares its creator's descriptors")
{
    first_fd = fake_connected();
    assert_non_null(task_create("reader", sleeping_reader, NULL, fake.files));
    host_run();
    in_task(write_errno);
    fake_arrive(first_fd, "x");
    host_run();
    assert_int_equal(second_errno, 11);
}

static void use_child(void *arg)
{
    *(int *)arg = new_socket();
}

static int child_fd;

static void start_child(void)
{
    child_fd = -1;
    expect(skiff_task_create("child", use_child, &child_fd), 0);
}

TEST("a task made by skiff_task_create() works on its creator's descriptors")
{
    in_task(start_child);
    assert_int_equal(child_fd, 0);
    assert_non_null(fget(fake.files, 0));
}

static void start_child_without_memory(void)
{
    host_fail_allocation(1);
    expect_errno(skiff_task_create("child", use_child, &child_fd), ENOMEM);
}

TEST("skiff_task_create() without memory is ENOMEM")
{
    in_task(start_child_without_memory);
}

/* --- figures and addresses --- */

static void read_figures(void)
{
    expect(skiff_stat("TcpCurrEstab"), 5);
    expect(skiff_stat("drop.TCP_CSUM"), 3);
    expect(skiff_stat("lo.rx_packets"), 9);
    expect(skiff_stat("lo.up"), 1);
    expect(skiff_stat("uptime_ms"), ktime_get_ms());
    expect(skiff_stat("mem.sockets"), 1);
    expect(skiff_stat("mem.total_kb") >= skiff_stat("mem.free_kb"), 1);
    expect(skiff_stat("tasks"), 1);
    expect(skiff_stat("tcp.time_wait"), 0);
    expect(skiff_stat("no.such.figure"), 0);
}

TEST("every figure has a name")
{
    fake_socket();
    fake.net->mib[MIB_TcpCurrEstab] = 5;
    fake.net->drops[SKB_DROP_REASON_TCP_CSUM] = 3;
    fake.net->loopback_dev->stats.rx_packets = 9;
    in_task(read_figures);
}

static char names[400][48];
static size_t name_count;

static void collect_name(const char *name, uint64_t value, void *ctx)
{
    assert_true(name_count < ARRAY_SIZE(names) && strlen(name) < sizeof(names[0]));
    strcpy(names[name_count++], name);
}

TEST("no two figures have the same name")
{
    name_count = 0;
    stats_walk(fake.net, collect_name, NULL);
    assert_true(name_count > MIB_MAX + SKB_DROP_REASON_MAX);
    for (size_t i = 0; i < name_count; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
}

static void read_configuration(void)
{
    expect(strcmp(skiff_config("inetd"), "echo,discard"), 0);
    expect(strcmp(skiff_config("quiet"), ""), 0);
    expect(skiff_config("nix") == NULL, 1);
}

TEST("the words of the command line are there for applications")
{
    cmdline_init("quiet inetd=echo,discard");
    in_task(read_configuration);
}

static void set_addresses(void)
{
    expect(skiff_if_set_address("lo", htonl(0x0a000001), 24, 1), 0);
    expect(skiff_if_set_address("lo", htonl(0x0a000001), 24, 0), 0);
    expect_errno(skiff_if_set_address("lo", htonl(0x0a000001), 33, 0), EINVAL);
    expect_errno(skiff_if_set_address("lo", htonl(0xe0000001), 8, 0), EINVAL);
    expect_errno(skiff_if_set_address("nix9", htonl(0x0a000001), 24, 0), ENODEV);
}

TEST("an address is set as a whole, and a bad one changes nothing")
{
    struct net_device *lo = fake.net->loopback_dev;

    in_task(set_addresses);
    assert_non_null(inet_addr_find(fake.net, lo, cpu_to_be32(0x0a000001)));
    assert_null(inet_addr_find(fake.net, lo, cpu_to_be32(INADDR_LOOPBACK)));
    assert_int_equal(if_set_address(fake.net, "lo", cpu_to_be32(0), 0, false), 0);
    assert_null(inet_addr_find(fake.net, lo, cpu_to_be32(0x0a000001)));
}

TEST_FIXTURE(fake_start, fake_end)
