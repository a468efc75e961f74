/*
 * posix.c - the calls of <sys/socket.h>, <unistd.h> and their like, for the running task.
 *
 * Each takes the task's descriptor table and turns the -E... of its sys_ twin into errno. Nothing else
 * happens here: the hosted library, which has no tasks of its own, calls the twins.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel/panic.h"
#include "kernel/task.h"
#include "net/socket/socket.h"

static inline struct files *my_files(void)
{
    struct task *task = current_task();

    ASSERT(task && task->files);
    return task->files;
}

static inline long result(long value)
{
    if (likely(value >= 0))
        return value;
    errno = (int)-value;
    return -1;
}

/* --- sockets --- */

int socket(int family, int type, int protocol)
{
    return (int)result(sys_socket(my_files(), family, type, protocol));
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)result(sys_bind(my_files(), fd, addr, len));
}

int listen(int fd, int backlog)
{
    return (int)result(sys_listen(my_files(), fd, backlog));
}

int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict len, int flags)
{
    return (int)result(sys_accept4(my_files(), fd, addr, len, flags));
}

int accept(int fd, struct sockaddr *restrict addr, socklen_t *restrict len)
{
    return accept4(fd, addr, len, 0);
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    return (int)result(sys_connect(my_files(), fd, addr, len));
}

int shutdown(int fd, int how)
{
    return (int)result(sys_shutdown(my_files(), fd, how));
}

int getsockname(int fd, struct sockaddr *restrict addr, socklen_t *restrict len)
{
    return (int)result(sys_getsockname(my_files(), fd, addr, len));
}

int getpeername(int fd, struct sockaddr *restrict addr, socklen_t *restrict len)
{
    return (int)result(sys_getpeername(my_files(), fd, addr, len));
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    return (int)result(sys_setsockopt(my_files(), fd, level, option, value, len));
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict len)
{
    return (int)result(sys_getsockopt(my_files(), fd, level, option, value, len));
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
               socklen_t addr_len)
{
    return result(sys_sendto(my_files(), fd, buf, len, flags, addr, addr_len));
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    return result(sys_sendto(my_files(), fd, buf, len, flags, NULL, 0));
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    return result(sys_sendmsg(my_files(), fd, msg, flags));
}

ssize_t recvfrom(int fd, void *restrict buf, size_t len, int flags, struct sockaddr *restrict addr,
                 socklen_t *restrict addr_len)
{
    return result(sys_recvfrom(my_files(), fd, buf, len, flags, addr, addr_len));
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    return result(sys_recvfrom(my_files(), fd, buf, len, flags, NULL, NULL));
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    return result(sys_recvmsg(my_files(), fd, msg, flags));
}

/* --- any descriptor --- */

ssize_t readv(int fd, const struct iovec *iov, int count)
{
    return result(sys_readv(my_files(), fd, iov, count));
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    return result(sys_writev(my_files(), fd, iov, count));
}

ssize_t read(int fd, void *buf, size_t len)
{
    return readv(fd, &(struct iovec){.iov_base = buf, .iov_len = len}, 1);
}

ssize_t write(int fd, const void *buf, size_t len)
{
    return writev(fd, &(struct iovec){.iov_base = (void *)buf, .iov_len = len}, 1);
}

ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
    return result(sys_pread(my_files(), fd, buf, len, offset));
}

off_t lseek(int fd, off_t offset, int whence)
{
    return result(sys_lseek(my_files(), fd, offset, whence));
}

int close(int fd)
{
    return (int)result(sys_close(my_files(), fd));
}

int dup(int fd)
{
    return (int)result(sys_dup(my_files(), fd));
}

int fcntl(int fd, int command, ...)
{
    long arg = 0;

    if (command == F_SETFL || command == F_DUPFD || command == F_DUPFD_CLOEXEC) {
        va_list args;
        va_start(args, command);
        arg = va_arg(args, int);
        va_end(args);
    }
    return (int)result(sys_fcntl(my_files(), fd, command, arg));
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    return (int)result(sys_ioctl(my_files(), fd, request, arg));
}

/* --- files --- */

/* The third argument, permissions for a new file, means nothing where none can be made. */
int open(const char *path, int flags, ...)
{
    return (int)result(sys_open(my_files(), path, flags));
}

int stat(const char *restrict path, struct stat *restrict out)
{
    return (int)result(sys_stat(my_files(), path, out));
}

int fstat(int fd, struct stat *out)
{
    return (int)result(sys_fstat(my_files(), fd, out));
}

ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
    return result(sys_sendfile(my_files(), out_fd, in_fd, offset, count));
}

/* --- waiting --- */

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return (int)result(sys_poll(my_files(), fds, count, timeout_ms));
}

int epoll_create1(int flags)
{
    return (int)result(sys_epoll_create1(my_files(), flags));
}

int epoll_create(int size)
{
    return (int)result(size > 0 ? sys_epoll_create1(my_files(), 0) : -EINVAL);
}

int epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event)
{
    return (int)result(sys_epoll_ctl(my_files(), epfd, operation, fd, event));
}

int epoll_wait(int epfd, struct epoll_event *events, int max_events, int timeout_ms)
{
    return (int)result(sys_epoll_wait(my_files(), epfd, events, max_events, timeout_ms));
}
