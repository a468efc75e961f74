/*
 * tty_file.c - descriptors on a terminal (kernel/tty.h), so that a program at a console needs read() and
 * write() alone.
 *
 * read() gives what has been typed, key by key; nothing is edited or echoed here. Ctrl-C ends a read() or
 * write() with EINTR, and poll() shows it as POLLPRI until a read() has told it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "kernel/tty.h"
#include "net/socket/file.h"

#define TTY_CHUNK    128u /* bytes moved at once */
#define TTY_FD_COUNT 3    /* standard input, output, errors */

static struct tty *tty_of(const struct file *file)
{
    return file->private;
}

/* Return: bytes, 0: nothing typed yet, -EINTR. */
static ssize_t read_once(struct tty *tty, struct iov_iter *to)
{
    char chunk[TTY_CHUNK];
    ssize_t n = tty_read(tty, chunk, min(to->count, sizeof(chunk)));

    return n > 0 ? (ssize_t)copy_to_iter(chunk, (size_t)n, to) : n;
}

static ssize_t tty_file_read(struct file *file, struct iov_iter *to)
{
    struct tty *tty = tty_of(file);
    ssize_t n;

    if (!to->count)
        return 0;
    while (!(n = read_once(tty, to)) && !tty->gone) {
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        if (!wait_on(&tty->wait, WAIT_FOREVER))
            return -EIO; /* a caller that cannot sleep */
    }
    return n;
}

static ssize_t tty_file_write(struct file *file, struct iov_iter *from)
{
    struct tty *tty = tty_of(file);
    ssize_t done = 0;

    while (from->count) {
        char chunk[TTY_CHUNK];
        size_t len = copy_from_iter(chunk, sizeof(chunk), from), sent = 0;
        while (sent < len) {
            ssize_t n = tty_write(tty, chunk + sent, len - sent);
            if (n < 0)
                return done ? done : n;
            sent += (size_t)n;
            done += n;
            if (sent == len || n)
                continue;
            if (file->flags & O_NONBLOCK)
                return done ? done : -EAGAIN;
            if (!wait_on(&tty->write_wait, WAIT_FOREVER))
                return done ? done : -EIO;
        }
    }
    return done;
}

static uint32_t tty_file_poll(struct file *file)
{
    return tty_poll(tty_of(file));
}

static struct wait_queue_head *tty_file_wait_queue(struct file *file)
{
    return &tty_of(file)->wait;
}

static const struct file_operations tty_file_ops = {
    .read = tty_file_read,
    .write = tty_file_write,
    .poll = tty_file_poll,
    .wait_queue = tty_file_wait_queue,
};

int files_open_tty(struct files *files, struct tty *tty)
{
    struct file *file = file_create(&tty_file_ops, tty, O_RDWR);

    if (!file)
        return -ENOMEM;
    tty_open(tty);
    for (int i = 0; i < TTY_FD_COUNT; i++) {
        int fd = fd_install(files, file);
        if (fd < 0) {
            file_put(file);
            return fd;
        }
        file_hold(file);
    }
    file_put(file);
    return 0;
}
