/*
 * test_files.c - descriptors and the files of the RAM file system: open, read, seek, stat, sendfile.
 */
#include "tests/unit/fake_transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kernel/page.h"
#include "kernel/ramfs.h"

#define F         (fake.files)
#define TAR_ORDER 2

static struct {
    struct page *pages;
    uint8_t *tar; /* in pages, as a boot module is */
    size_t len;
    struct ramfs *fs;
} site;

static void tar_add(const char *name, char type, const char *content, size_t len)
{
    char *header = (char *)site.tar + site.len;
    unsigned sum = 0;

    memset(header, 0, 512);
    strcpy(header, name);
    sprintf(header + 100, "0000644");
    sprintf(header + 124, "%011zo", len);
    sprintf(header + 136, "%011o", 1700000000);
    header[156] = type;
    memcpy(header + 257, "ustar\00000", 8);
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (uint8_t)header[i];
    sprintf(header + 148, "%06o", sum);
    if (len)
        memcpy(header + 512, content, len);
    site.len += 512 + ALIGN_UP(len, 512u);
}

static int files_start(void **state)
{
    static char big[5000];
    const char *why;

    if (fake_start(state))
        return -1;
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7 + i / 256);
    site.pages = alloc_pages(TAR_ORDER);
    site.tar = page_address(site.pages);
    memset(site.tar, 0, (size_t)PAGE_SIZE << TAR_ORDER);
    site.len = 0;
    tar_add("www/", '5', NULL, 0);
    tar_add("www/index.html", '0', "<html>hello", 11);
    tar_add("www/big", '0', big, sizeof(big));
    tar_add("empty", '0', NULL, 0);
    site.fs = ramfs_mount_tar(site.tar, site.len + 1024, &why);
    F->root = site.fs;
    return site.fs ? 0 : -1;
}

static int files_end(void **state)
{
    files_destroy(F);
    fake.files = NULL;
    ramfs_unmount(site.fs);
    put_page(site.pages);
    return fake_end(state);
}

static int open_file(const char *path)
{
    int fd = sys_open(F, path, O_RDONLY);

    assert_true(fd >= 0);
    return fd;
}

static ssize_t read_file(int fd, void *buf, size_t len)
{
    struct iovec iov = {.iov_base = buf, .iov_len = len};

    return sys_readv(F, fd, &iov, 1);
}

/* --- the descriptor table --- */

TEST("descriptors are the lowest free numbers up to the limit, then EMFILE, and all can be had again")
{
    int fd = fake_socket();

    for (int i = 1; i < FILES_MAX; i++)
        assert_int_equal(sys_dup(F, fd), i);
    assert_int_equal(sys_dup(F, fd), -EMFILE);
    assert_int_equal(sys_socket(F, AF_INET, SOCK_STREAM, FAKE_STREAM), -EMFILE);
    assert_int_equal(sys_epoll_create1(F, 0), -EMFILE);
    assert_int_equal(sys_open(F, "/empty", O_RDONLY), -EMFILE);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 5), -EMFILE);
    assert_int_equal(F->open_count, FILES_MAX);
    const int holes[] = {63, 64, 4095, 4096, 8191, 16383, 1};
    for (size_t i = 0; i < ARRAY_SIZE(holes); i++) {
        assert_int_equal(sys_close(F, holes[i]), 0);
        assert_int_equal(sys_dup(F, fd), holes[i]);
    }
    assert_int_equal(sys_close(F, 4096), 0);
    assert_int_equal(sys_close(F, 9000), 0);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 4097), 9000);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 4097), -EMFILE);
    assert_int_equal(sys_dup(F, fd), 4096);
}

TEST("F_DUPFD starts where it is told")
{
    int fd = fake_socket();

    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 0), 1);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 64), 64);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 64), 65);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD_CLOEXEC, 16383), 16383);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 16383), -EMFILE);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 16384), -EINVAL);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, -1), -EINVAL);
    assert_int_equal(sys_fcntl(F, fd, F_SETFD, 1), 0);
    assert_int_equal(sys_fcntl(F, fd, 777, 0), -EINVAL);
}

TEST("a table that cannot grow says ENOMEM and keeps what it has")
{
    int fd = fake_socket();

    host_fail_allocation(1);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 5000), -ENOMEM);
    assert_int_equal(F->open_count, 1);
    assert_int_equal(sys_dup(F, fd), 1);
    assert_int_equal(sys_fcntl(F, fd, F_DUPFD, 5000), 5000);
}

TEST("a number that is reserved has no file until it is filled")
{
    int fd = fd_reserve(F, 0);

    assert_int_equal(fd, 0);
    assert_null(fget(F, fd));
    assert_int_equal(sys_close(F, fd), -EBADF);
    assert_int_equal(fake_socket(), 1);
    fd_cancel(F, fd);
    assert_int_equal(fake_socket(), 0);
}

/* --- files --- */

TEST("a file is found by its path, however it is written")
{
    const char *paths[] = {"/www/index.html",        "www/index.html",        "//www//./index.html",
                           "/www/../www/index.html", "/../../www/index.html", "/www/x/../index.html"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        char buf[32];
        int fd = open_file(paths[i]);
        assert_int_equal(read_file(fd, buf, sizeof(buf)), 11);
        assert_memory_equal(buf, "<html>hello", 11);
        assert_int_equal(sys_close(F, fd), 0);
    }
}

TEST("open() says what is wrong with a path or its flags")
{
    char long_path[3000];

    memset(long_path, 'x', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_equal(sys_open(F, "/nix", O_RDONLY), -ENOENT);
    assert_int_equal(sys_open(F, "", O_RDONLY), -ENOENT);
    assert_int_equal(sys_open(F, NULL, O_RDONLY), -EFAULT);
    assert_int_equal(sys_open(F, long_path, O_RDONLY), -ENAMETOOLONG);
    assert_int_equal(sys_open(F, "/www/index.html/x", O_RDONLY), -ENOTDIR);
    assert_int_equal(sys_open(F, "/www/index.html/", O_RDONLY), -ENOTDIR);
    assert_int_equal(sys_open(F, "/www/index.html", O_RDONLY | O_DIRECTORY), -ENOTDIR);
    assert_int_equal(sys_open(F, "/www/index.html", O_WRONLY), -EROFS);
    assert_int_equal(sys_open(F, "/www/index.html", O_RDWR), -EROFS);
    assert_int_equal(sys_open(F, "/www/index.html", O_RDONLY | O_TRUNC), -EROFS);
    assert_int_equal(sys_open(F, "/www/new", O_WRONLY | O_CREAT), -EROFS);
    assert_int_equal(sys_open(F, "/empty", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
    assert_int_equal(sys_open(F, "/www", O_WRONLY), -EISDIR);
    assert_int_equal(F->open_count, 0);
    F->root = NULL;
    assert_int_equal(sys_open(F, "/www/index.html", O_RDONLY), -ENOENT);
}

TEST("a directory can be opened and looked at, but not read")
{
    int fd = open_file("/www/"), root = open_file("/");
    struct stat st;
    char c;

    assert_int_equal(sys_fstat(F, fd, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(sys_fstat(F, root, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(read_file(fd, &c, 1), -EISDIR);
}

TEST("reading moves on, stops at the end, and can be set back")
{
    int fd = open_file("/www/index.html");
    char buf[16];

    assert_int_equal(read_file(fd, buf, 6), 6);
    assert_int_equal(read_file(fd, buf, 16), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(read_file(fd, buf, 16), 0);
    assert_int_equal(sys_lseek(F, fd, -4, SEEK_END), 7);
    assert_int_equal(sys_lseek(F, fd, -1, SEEK_CUR), 6);
    assert_int_equal(read_file(fd, buf, 16), 5);
    assert_int_equal(sys_lseek(F, fd, 1000, SEEK_SET), 1000);
    assert_int_equal(read_file(fd, buf, 16), 0);
    assert_int_equal(sys_lseek(F, fd, -1, SEEK_SET), -EINVAL);
    assert_int_equal(sys_lseek(F, fd, 0, 9), -EINVAL);
    assert_int_equal(sys_lseek(F, fd, INT64_MAX, SEEK_CUR), -EOVERFLOW);
    assert_int_equal(sys_lseek(F, fake_socket(), 0, SEEK_SET), -ESPIPE);
    assert_int_equal(sys_lseek(F, 77, 0, SEEK_SET), -EBADF);
}

TEST("pread() reads anywhere and moves nothing")
{
    int fd = open_file("/www/index.html");
    char buf[16];

    assert_int_equal(sys_pread(F, fd, buf, 5, 1), 5);
    assert_memory_equal(buf, "html>", 5);
    assert_int_equal(sys_lseek(F, fd, 0, SEEK_CUR), 0);
    assert_int_equal(sys_pread(F, fd, buf, 5, 11), 0);
    assert_int_equal(sys_pread(F, fd, buf, 5, -1), -EINVAL);
    assert_int_equal(sys_pread(F, fd, NULL, 5, 0), -EFAULT);
    assert_int_equal(sys_pread(F, fake_socket(), buf, 5, 0), -ESPIPE);
    assert_int_equal(sys_pread(F, 77, buf, 5, 0), -EBADF);
}

TEST("a file cannot be written, and is no device")
{
    int fd = open_file("/empty"), n;
    struct iovec iov = {.iov_base = "x", .iov_len = 1};

    assert_int_equal(sys_writev(F, fd, &iov, 1), -EBADF);
    assert_int_equal(sys_ioctl(F, fd, 1, &n), -ENOTTY);
    assert_int_equal(sys_fcntl(F, fd, F_GETFL, 0), O_RDONLY);
}

TEST("a file says its size, time and kind, a socket that it is one")
{
    struct stat st;

    assert_int_equal(sys_fstat(F, open_file("/www/big"), &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_size, 5000);
    assert_int_equal(st.st_blocks, 10);
    assert_int_equal(st.st_mtime, 1700000000);
    assert_int_equal(sys_stat(F, "/www/index.html", &st), 0);
    assert_int_equal(st.st_size, 11);
    assert_int_equal(sys_stat(F, "/nix", &st), -ENOENT);
    assert_int_equal(sys_fstat(F, fake_socket(), &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(sys_fstat(F, 77, &st), -EBADF);
    assert_int_equal(sys_fstat(F, 0, NULL), -EFAULT);
}

TEST("a file is always ready for poll(), and no matter for epoll")
{
    struct pollfd p = {.fd = open_file("/empty"), .events = POLLIN | POLLOUT};
    struct epoll_event event = {.events = EPOLLIN};

    assert_int_equal(sys_poll(F, &p, 1, -1), 1);
    assert_int_equal(p.revents, POLLIN | POLLOUT);
    assert_int_equal(sys_epoll_ctl(F, sys_epoll_create1(F, 0), EPOLL_CTL_ADD, p.fd, &event), -EPERM);
}

TEST("open() survives every allocation that fails")
{
    host_fail_allocation(1);
    assert_int_equal(sys_open(F, "/empty", O_RDONLY), -ENOMEM);
    host_fail_allocation(2);
    assert_int_equal(sys_open(F, "/empty", O_RDONLY), -ENOMEM);
    assert_int_equal(open_file("/empty"), 0);
}

/* --- sendfile --- */

static const uint8_t *big_data(void)
{
    return ramfs_lookup(site.fs, "www/big")->data;
}

TEST("sendfile() hands the file's own page to the transport, and not a byte is copied")
{
    int in = open_file("/www/big"), out = fake_connected();
    struct fake_sock *f = fake_of(out);
    off_t offset = 100;

    f->out_room = 3000;
    assert_int_equal(sys_sendfile(F, out, in, &offset, 5000), 3000);
    assert_ptr_equal(f->page, virt_to_page(big_data() + 100));
    assert_ptr_equal((uint8_t *)page_address(f->page) + f->page_offset, big_data() + 100);
    assert_int_equal(offset, 3100);
    assert_int_equal(sys_sendfile(F, out, in, &offset, 5000), 1900);
    assert_int_equal(f->page_len, 1900);
    assert_int_equal(sys_sendfile(F, out, in, &offset, 5000), 0);
    assert_int_equal(sys_lseek(F, in, 0, SEEK_CUR), 0);
    assert_int_equal(f->out_len, 0);
}

TEST("sendfile() without an offset moves the file's own position")
{
    int in = open_file("/www/big"), out = fake_connected();

    fake_of(out)->out_room = 10000;
    assert_int_equal(sys_sendfile(F, out, in, NULL, 1000), 1000);
    assert_int_equal(sys_lseek(F, in, 0, SEEK_CUR), 1000);
    assert_int_equal(sys_sendfile(F, out, in, NULL, 10000), 4000);
    assert_int_equal(sys_sendfile(F, out, in, NULL, 1), 0);
}

TEST("sendfile() passes O_NONBLOCK on, and an error moves nothing")
{
    int in = open_file("/www/big"), out = fake_nonblocking(fake_connected());
    off_t offset = 7;

    fake_of(out)->out_room = 0;
    assert_int_equal(sys_sendfile(F, out, in, &offset, 10), -EAGAIN);
    assert_int_equal(fake_of(out)->last_flags, MSG_DONTWAIT);
    assert_int_equal(offset, 7);
}

TEST("a transport that takes no pages gets a copy")
{
    int in = open_file("/www/index.html"), out = sys_socket(F, AF_INET, SOCK_DGRAM, FAKE_DGRAM);

    assert_int_equal(fake_connect_to(out, 1), 0);
    assert_int_equal(sys_sendfile(F, out, in, NULL, 100), 11);
    assert_memory_equal(fake_of(out)->out, "<html>hello", 11);
}

TEST("sendfile() checks both ends")
{
    int in = open_file("/www/big"), out = fake_connected(), dir = open_file("/www");
    off_t negative = -1;

    assert_int_equal(sys_sendfile(F, 77, in, NULL, 1), -EBADF);
    assert_int_equal(sys_sendfile(F, out, 77, NULL, 1), -EBADF);
    assert_int_equal(sys_sendfile(F, out, out, NULL, 1), -EINVAL);
    assert_int_equal(sys_sendfile(F, in, in, NULL, 1), -EINVAL);
    assert_int_equal(sys_sendfile(F, out, dir, NULL, 1), -EINVAL);
    assert_int_equal(sys_sendfile(F, out, in, &negative, 1), -EINVAL);
    assert_int_equal(sys_sendfile(F, out, in, NULL, 0), 0);
}

TEST_FIXTURE(files_start, files_end)
