/*
 * file.h - descriptors: small numbers an application holds, and what is behind them.
 */
#ifndef NET_SOCKET_FILE_H
#define NET_SOCKET_FILE_H

#include <sys/types.h>

#include "kernel/wait.h"
#include "net/core/iov_iter.h"

struct file;
struct net;
struct ramfs;

#define FILES_MAX 16384 /* descriptors one table may hold (RLIMIT_NOFILE) */

struct file_operations {
    ssize_t (*read)(struct file *file, struct iov_iter *to);
    ssize_t (*write)(struct file *file, struct iov_iter *from);
    uint32_t (*poll)(struct file *file); /* POLLIN and the like, now */
    struct wait_queue_head *(*wait_queue)(
        struct file *file); /* woken when poll() may have changed; NULL: never */
    int (*ioctl)(struct file *file, unsigned long cmd, void *arg);
    void (*release)(struct file *file); /* last reference gone */
};

struct file {
    const struct file_operations *ops;
    void *private; /* struct socket, struct eventpoll, ramfs_inode */
    int flags;     /* O_NONBLOCK */
    bool embedded; /* part of a larger object, which ops->release() frees */
    uint32_t refcount;
    off_t pos;
    struct list_head epitems; /* epoll sets that watch it */
};

/*
 * The descriptor table of a service; tasks share their creator's.
 *
 * Two levels of bits find the lowest free number in a few instructions however many are open: `used` has a
 * bit for each descriptor, `full` a bit for each word of `used` that has no zero left. A descriptor may be
 * used and have no file yet: accept() reserves its number before it takes a connection.
 */
#define FILES_WORDS (FILES_MAX / 64)

struct files {
    struct net *net;          /* the stack its sockets live in */
    const struct ramfs *root; /* what open() sees; NULL: nothing */
    struct file **fd;         /* grows by doubling */
    int size;
    int open_count;
    uint64_t used[FILES_WORDS];
    uint64_t full[FILES_WORDS / 64];
};

struct files *files_create(struct net *net, const struct ramfs *root); /* NULL without memory */
void files_destroy(struct files *files);                               /* closes what is open */

/* Lowest free descriptor for `file` (its reference is taken over on success): fd, -EMFILE or -ENOMEM. */
int __must_check fd_install(struct files *files, struct file *file);

/* The same in two steps: a number not below `from` (-EMFILE, -ENOMEM), then its file - or give the number
 * back. */
int __must_check fd_reserve(struct files *files, int from);
void fd_fill(struct files *files, int fd, struct file *file); /* takes over one reference */
void fd_cancel(struct files *files, int fd);

/* The number is free again: the file it had, with the table's reference, or NULL for a bad descriptor. */
struct file *fd_remove(struct files *files, int fd);

/* The file behind a descriptor, borrowed while nothing sleeps (file_hold for longer); NULL: bad descriptor.
 */
static inline struct file *fget(const struct files *files, int fd)
{
    return likely((unsigned)fd < (unsigned)files->size) ? files->fd[fd] : NULL;
}

/* One reference, the caller's; NULL without memory. */
struct file *__must_check file_create(const struct file_operations *ops, void *private, int flags);
/* For a file that lies inside the object it stands for (ops->release() frees both). */
void file_init(struct file *file, const struct file_operations *ops, void *private, int flags);

static inline void file_hold(struct file *file)
{
    file->refcount++;
}

void file_release(struct file *file); /* for file_put */

static inline void file_put(struct file *file)
{
    if (--file->refcount == 0)
        file_release(file);
}

struct tty;

/* A terminal as the lowest three free descriptors: 0, 1 and 2 of a new table. 0, -ENOMEM or -EMFILE. */
int __must_check files_open_tty(struct files *files, struct tty *tty);

/* --- what the kinds of files show to the calls that know them (net/socket only) --- */

struct ramfs_inode;

extern const struct file_operations ramfs_file_ops, socket_file_ops, eventpoll_file_ops;

static inline const struct ramfs_inode *ramfs_file_inode(const struct file *file)
{
    return file->private;
}

void eventpoll_forget_file(struct file *file); /* last reference gone: no epoll set watches it any more */

/* An iovec array from an application, checked: 0 and *iter, -EINVAL or -EFAULT. */
int iov_iter_init(struct iov_iter *iter, const struct iovec *iov, size_t count);

#endif
