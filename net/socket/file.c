/*
 * file.c - descriptors: from the small number an application holds to the object behind it.
 *
 * Every call on a descriptor starts with fget(). A call that may sleep holds its own reference meanwhile, so
 * another task may close the descriptor under it: the object goes when the last reference does, as in Linux.
 */
#include "net/socket/file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "kernel/slab.h"

#define FILES_INITIAL 16 /* descriptors; the table doubles from here */

_Static_assert(FILES_MAX % (64 * 64) == 0, "both levels of the bitmap are whole words");

struct files *files_create(struct net *net, const struct ramfs *root)
{
    struct files *files = kzalloc(sizeof(*files));

    if (!files)
        return NULL;
    files->net = net;
    files->root = root;
    return files;
}

void files_destroy(struct files *files)
{
    if (!files)
        return;
    for (int fd = 0; fd < files->size; fd++) {
        struct file *file = fd_remove(files, fd);
        if (file)
            file_put(file);
    }
    kfree(files->fd);
    kfree(files);
}

static void mark_used(struct files *files, unsigned fd)
{
    uint64_t *word = &files->used[fd / 64];

    *word |= 1ull << fd % 64;
    if (*word == UINT64_MAX)
        files->full[fd / 64 / 64] |= 1ull << fd / 64 % 64;
    files->open_count++;
}

static void mark_free(struct files *files, unsigned fd)
{
    files->used[fd / 64] &= ~(1ull << fd % 64);
    files->full[fd / 64 / 64] &= ~(1ull << fd / 64 % 64);
    files->open_count--;
}

/* The lowest zero bit at or above `from` of a bitmap of `words` words; its size in bits if there is none. */
static unsigned find_zero_bit(const uint64_t *map, unsigned words, unsigned from)
{
    uint64_t below = (1ull << from % 64) - 1; /* counts as ones */

    for (unsigned i = from / 64; i < words; i++, below = 0)
        if ((map[i] | below) != UINT64_MAX)
            return i * 64 + (unsigned)__builtin_ctzll(~(map[i] | below));
    return words * 64;
}

static unsigned lowest_free(const struct files *files, unsigned from)
{
    uint64_t taken = files->used[from / 64] | ((1ull << from % 64) - 1);

    if (taken == UINT64_MAX) { /* nothing left in its own word: the first later word that is not full */
        unsigned word = from / 64 + 1 < FILES_WORDS
                            ? find_zero_bit(files->full, ARRAY_SIZE(files->full), from / 64 + 1)
                            : FILES_WORDS;
        if (word == FILES_WORDS)
            return FILES_MAX;
        from = word * 64;
        taken = files->used[word];
    }
    return from / 64 * 64 + (unsigned)__builtin_ctzll(~taken);
}

static int grow(struct files *files, int need)
{
    int size = files->size ? files->size : FILES_INITIAL;
    struct file **fd;

    while (size < need)
        size *= 2;
    fd = kcalloc((size_t)size, sizeof(*fd));
    if (!fd)
        return -ENOMEM;
    if (files->fd)
        memcpy(fd, files->fd, (size_t)files->size * sizeof(*fd));
    kfree(files->fd);
    files->fd = fd;
    files->size = size;
    return 0;
}

int fd_reserve(struct files *files, int from)
{
    unsigned fd = from < FILES_MAX ? lowest_free(files, (unsigned)from) : FILES_MAX;

    if (fd >= FILES_MAX)
        return -EMFILE;
    if (fd >= (unsigned)files->size && grow(files, (int)fd + 1) < 0)
        return -ENOMEM;
    mark_used(files, fd);
    return (int)fd;
}

void fd_fill(struct files *files, int fd, struct file *file)
{
    files->fd[fd] = file;
}

void fd_cancel(struct files *files, int fd)
{
    mark_free(files, (unsigned)fd);
}

int fd_install(struct files *files, struct file *file)
{
    int fd = fd_reserve(files, 0);

    if (fd >= 0)
        fd_fill(files, fd, file);
    return fd;
}

struct file *fd_remove(struct files *files, int fd)
{
    struct file *file = fget(files, fd);

    if (!file)
        return NULL;
    files->fd[fd] = NULL;
    mark_free(files, (unsigned)fd);
    return file;
}

void file_init(struct file *file, const struct file_operations *ops, void *private, int flags)
{
    *file = (struct file){.ops = ops, .private = private, .flags = flags, .embedded = true, .refcount = 1};
    INIT_LIST_HEAD(&file->epitems);
}

struct file *file_create(const struct file_operations *ops, void *private, int flags)
{
    struct file *file = kmalloc(sizeof(*file));

    if (!file)
        return NULL;
    file_init(file, ops, private, flags);
    file->embedded = false;
    return file;
}

void file_release(struct file *file)
{
    bool embedded = file->embedded;

    if (!list_empty(&file->epitems))
        eventpoll_forget_file(file);
    if (file->ops->release)
        file->ops->release(file);
    if (!embedded)
        kfree(file);
}

int iov_iter_init(struct iov_iter *iter, const struct iovec *iov, size_t count)
{
    size_t total = 0;

    if (count && !iov)
        return -EFAULT;
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len > (size_t)LONG_MAX - total)
            return -EINVAL;
        if (iov[i].iov_len && !iov[i].iov_base)
            return -EFAULT;
        total += iov[i].iov_len;
    }
    *iter = (struct iov_iter){.iov = iov, .count = total};
    return 0;
}
